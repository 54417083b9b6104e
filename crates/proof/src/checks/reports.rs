//! Every verdict in a report is what happened: deleted means gone, kept means there, done means done. A dry run changes nothing,
//! and nothing is deleted in a region that was not wholly read.

use std::collections::{BTreeMap, BTreeSet};

use ec2_sim::id::SnapshotId;
use ec2_sim::world::{Image, ImageState, Origin};
use ec2_sim::{Call, Outcome};
use engine::apply::{Deletion, Recoverable};
use engine::report::{ImageReport, PurgeReport};
use engine::{Ending, RunError};
use jiff::Timestamp;
use planner::plan::purge::{Decision, Subject};
use planner::plan::{CopyStanding, Standing};
use planner::policy::{ImageRequest, MaxDeletes};

use super::{Witness, images, is_mutating, snapshots};
use crate::known::is_marked;
use crate::process::{Ended, How};

pub(super) fn check(witness: &Witness<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for ended in witness.ended {
        let calls: Vec<&Call> = witness.calls.iter().filter(|call| call.access_key == ended.key && is_mutating(call)).collect();
        if ended.command.dry_run && !calls.is_empty() {
            found.push(format!("{} made {} calls that change something", ended.command, calls.len()));
        }
        match &ended.how {
            How::Cut => {}
            How::Purge(Ok(report)) => found.extend(Purge { witness, ended, calls: &calls, report }.check()),
            How::Purge(Err(error)) if !calls.is_empty() => found.push(format!("{} says that nothing was deleted: {error}", ended.command)),
            How::Purge(Err(_)) => {}
            How::Image(Ok(report)) => found.extend(image(witness, ended, report)),
            How::Image(Err(error)) => found.extend(no_image(witness, ended, error)),
        }
    }
    found
}

struct Purge<'a> {
    witness: &'a Witness<'a>,
    ended: &'a Ended,
    calls: &'a [&'a Call],
    report: &'a PurgeReport,
}

impl Purge<'_> {
    fn check(&self) -> Vec<String> {
        let mut found = self.regions();
        found.extend(self.verdicts());
        found.extend(self.silences());
        found.extend(self.ending());
        found.extend(self.cap());
        found.extend(self.recoveries());
        found.extend(self.shared());
        found
    }

    /// Whether it is there: an image or a snapshot, by its id.
    fn is_there(&self, region: &str, id: &str) -> bool {
        let held = self.witness.after.region(region);
        let snapshot = held.snapshots.get(id).is_some_and(|snapshot| !snapshot.delete_at_end);
        snapshot || held.images.contains_key(id)
    }

    /// Whether a call that names it, of this process or of others, may have deleted it.
    fn may_be_deleted_by(&self, id: &str, by: impl Fn(&Call) -> bool) -> bool {
        let images = images(self.witness.before);
        let goes_with = |call: &Call| {
            let of = |(_, image): (&_, &&Image)| image.uses_id(id) && call.params.values().any(|value| *value == image.id.as_str());
            call.params.contains_key("DeleteAssociatedSnapshots") && images.iter().any(of)
        };
        let names = |call: &Call| call.params.values().any(|value| value == id) || goes_with(call);
        self.witness.calls.iter().any(|call| is_mutating(call) && by(call) && names(call))
    }

    fn regions(&self) -> Vec<String> {
        let unread: BTreeSet<&str> =
            self.report.regions.iter().filter(|region| !region.read).map(|region| region.region.as_str()).collect();
        let known: BTreeSet<&str> = self.report.regions.iter().map(|region| region.region.as_str()).collect();
        let mut found = Vec::new();
        for call in self.calls {
            if unread.contains(call.region.as_str()) || !known.contains(call.region.as_str()) {
                found.push(format!("{} in {}, which was not wholly read", call.action, call.region));
            }
        }
        found
    }

    fn verdicts(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for verdict in &self.report.verdicts {
            let (region, id) = (verdict.verdict.region.as_str(), subject(&verdict.verdict.subject));
            let mut claim = |what: String| found.push(format!("{id} in {region} {what}"));
            if !seen.insert((region, id)) {
                claim("has two verdicts".to_owned());
            }
            match (&verdict.verdict.decision, &verdict.result) {
                (Decision::Keep { reason }, result) => {
                    let was_there = self.witness.before.region(region).images.contains_key(id)
                        || self.witness.before.region(region).snapshots.contains_key(id);
                    if was_there && !self.is_there(region, id) && !self.may_be_deleted_by(id, |call| call.access_key != self.ended.key) {
                        claim(format!("is kept ({reason}), and is gone"));
                    }
                    if result.is_some() {
                        claim("is kept, and there is a result".to_owned());
                    }
                }
                (Decision::Purge { .. }, None) => {
                    if self.ended.command.dry_run || self.report.refusal.is_some() {
                        continue;
                    }
                    claim("is to go, and nobody says whether it did".to_owned());
                }
                (Decision::Purge { .. }, Some(removal)) => {
                    let snapshots = removal.snapshots.iter().map(|snapshot| (snapshot.snapshot.as_str(), &snapshot.deletion));
                    for (id, deletion) in std::iter::once((id, &removal.image)).chain(snapshots) {
                        found.extend(self.deletion(region, id, deletion));
                    }
                }
            }
        }
        found
    }

    fn deletion(&self, region: &str, id: &str, deletion: &Deletion) -> Option<String> {
        let is_there = self.is_there(region, id);
        let was_there = snapshots(self.witness.before).keys().any(|(_, known)| known.as_str() == id)
            || images(self.witness.before).keys().any(|(_, known)| known.as_str() == id);
        // A listing may show what is gone already.
        if !was_there && !is_there {
            return None;
        }
        // What was done although nobody was told cannot be reported.
        let nobody_knows = |call: &Call| {
            call.access_key != self.ended.key
                || matches!(call.outcome, Outcome::Unanswered { done: true })
                || is_late(call) && call.outcome == Outcome::Ok
        };
        match deletion {
            Deletion::Deleted | Deletion::AlreadyGone if is_there => Some(format!("{id} in {region} is gone, it says, and is there")),
            Deletion::Deleted if !self.may_be_deleted_by(id, |call| call.access_key == self.ended.key) => {
                Some(format!("{id} in {region} was deleted, it says, and no call did it"))
            }
            Deletion::Failed(failure) if !is_there && !self.may_be_deleted_by(id, nobody_knows) => {
                Some(format!("{id} in {region} was not deleted, it says ({failure}), and is gone"))
            }
            Deletion::NotTried if !is_there && !self.may_be_deleted_by(id, nobody_knows) => {
                Some(format!("{id} in {region} was not tried, it says, and is gone"))
            }
            _ => None,
        }
    }

    /// What was there, or went, and is not spoken of.
    fn silences(&self) -> Vec<String> {
        let mut spoken: BTreeMap<&str, &str> = BTreeMap::new();
        let mut gone: BTreeSet<&str> = BTreeSet::new();
        for verdict in &self.report.verdicts {
            let id = subject(&verdict.verdict.subject);
            spoken.insert(id, verdict.verdict.region.as_str());
            if let Some(removal) = &verdict.result {
                gone.extend((!matches!(removal.image, Deletion::NotTried)).then_some(id));
                let tried = removal.snapshots.iter().filter(|snapshot| snapshot.deletion != Deletion::NotTried);
                gone.extend(tried.map(|snapshot| snapshot.snapshot.as_str()));
            }
        }
        let mut found = Vec::new();
        let read = self.report.regions.iter().filter(|region| region.read);
        let read: BTreeSet<&str> = read.map(|region| region.region.as_str()).collect();
        let after = images(self.witness.after);
        // A listing in pages of positions skips what moves up while it is read.
        let manners = &self.witness.before.manners;
        let moves = !manners.stale_reads.is_zero() || self.witness.ended.len() > 1;
        let may_skip = manners.pages_by_position && manners.largest_page.is_some() && moves;
        for ((region, id), image) in images(self.witness.before).into_iter().filter(|_| !may_skip) {
            let is_visible = image.visible_from <= self.ended.began && after.contains_key(&(region.clone(), id.clone()));
            if is_visible && is_marked(&image.tags) && read.contains(region.as_str()) && !spoken.contains_key(id.as_str()) {
                found.push(format!("{id} in {region} is ours, and nothing is said of it"));
            }
        }
        let is_known = |call: &&&Call| call.outcome == Outcome::Ok && !is_late(call);
        for call in self.calls.iter().filter(is_known) {
            let id = call.params.get("ImageId").or(call.params.get("SnapshotId"));
            if let Some(id) = id.filter(|id| !gone.contains(id.as_str())) {
                found.push(format!("{} of {id} in {} is not spoken of", call.action, call.region));
            }
        }
        let images: BTreeSet<&str> = self.report.deleted_images.iter().map(|image| image.image_id.as_str()).collect();
        let is_gone = |verdict: &&engine::report::VerdictReport| verdict.result.as_ref().is_some_and(|removal| removal.image.is_gone());
        for verdict in self.report.verdicts.iter().filter(is_gone) {
            if let Subject::Backup(backup) = &verdict.verdict.subject
                && !images.contains(backup.image.as_str())
            {
                found.push(format!("{} is gone, and is not described", backup.image));
            }
        }
        found
    }

    fn ending(&self) -> Vec<String> {
        let report = self.report;
        let results = || report.verdicts.iter().filter_map(|verdict| verdict.result.as_ref());
        let all_gone = results().all(|removal| removal.image.is_gone() && removal.snapshots.iter().all(|one| one.deletion.is_settled()));
        let all_read = report.regions.iter().all(|region| region.read);
        let any_gone = results().any(|removal| removal.image.is_gone());
        let is_true = match report.ending {
            Ending::Done => all_gone && all_read && report.refusal.is_none(),
            Ending::NothingAchieved => !any_gone,
            Ending::SomeFailed => !all_gone || !all_read || !report.failures.is_empty() || !report.unmade_checks.is_empty(),
            Ending::StoppedForSafety => self.calls.is_empty() && report.refusal.is_some(),
            Ending::Interrupted => self.ended.is_interrupted,
            // The next purge deletes what EC2 put off; none of it is in flight.
            Ending::StillInFlight => false,
        };
        if is_true { Vec::new() } else { vec![format!("it says {:?}, and that is not so", report.ending)] }
    }

    fn cap(&self) -> Option<String> {
        let cap = self.ended.purge_policy()?.max_deletes?;
        let (images_after, snapshots_after) = (images(self.witness.after), snapshots(self.witness.after));
        let images_before = images(self.witness.before);
        let lost_images = images_before.keys().filter(|place| !images_after.contains_key(*place)).count();
        let is_orphan = |id: &str| !images_before.values().any(|image| image.uses_id(id));
        let gone = |place: &super::Place<_>| !snapshots_after.contains_key(place);
        let lost_orphans = snapshots(self.witness.before).keys().filter(|place| gone(place) && is_orphan(place.1.as_str())).count();
        let lost = lost_images + lost_orphans;
        let is_too_much = match cap {
            MaxDeletes::Count(most) => lost as u64 > most,
            MaxDeletes::Percent(most) => lost as u64 * 100 > self.to_be_seen() as u64 * most,
        };
        (self.witness.ended.len() == 1 && is_too_much).then(|| format!("{lost} went, and {cap} at most should have"))
    }

    /// So many backups and orphans there were to be seen, at most, where the purge looked.
    fn to_be_seen(&self) -> usize {
        let read = self.report.regions.iter().filter(|region| region.read);
        read.map(|region| {
            let held = self.witness.before.region(region.region.as_str());
            let lingering = held.deregistered.values().filter(|gone| gone.described_until >= self.ended.began).map(|gone| &gone.image);
            let backups = held.images.values().chain(lingering).filter(|image| is_marked(&image.tags)).count();
            let is_used = |id: &SnapshotId| held.images.values().any(|image| image.state == ImageState::Available && image.uses(id));
            let orphans = held.snapshots.values().filter(|snapshot| is_marked(&snapshot.tags) && !is_used(&snapshot.id));
            backups + orphans.count()
        })
        .sum()
    }

    /// What is said to lie in the Recycle Bin lies there, until then; what is said not to does not; and nothing is said of
    /// it only where the bin was not to be looked into.
    fn recoveries(&self) -> Vec<String> {
        let mut found = Vec::new();
        for verdict in &self.report.verdicts {
            let (region, id) = (verdict.verdict.region.as_str(), subject(&verdict.verdict.subject));
            let Some(removal) = &verdict.result else { continue };
            let gone = || removal.snapshots.iter().filter(|snapshot| snapshot.deletion.is_gone());
            // An image is of use with its snapshots only.
            let ids = std::iter::once(id).chain(gone().map(|snapshot| snapshot.snapshot.as_str()));
            found.extend(self.recovery(region, id, removal.recoverable, &ids.collect::<Vec<_>>()));
            for snapshot in gone() {
                let id = snapshot.snapshot.as_str();
                found.extend(self.recovery(region, id, snapshot.recoverable, &[id]));
            }
        }
        found
    }

    /// `together`: the things that must all be there.
    fn recovery(&self, region: &str, id: &str, said: Option<Recoverable>, together: &[&str]) -> Option<String> {
        let bin = &self.witness.after.region(region).recycle_bin;
        let leaves = |id: &str| bin.images.get(id).map(|one| one.leaves).or(bin.snapshots.get(id).map(|one| one.leaves));
        let until = together.iter().map(|id| leaves(id)).collect::<Option<Vec<Timestamp>>>().and_then(|all| all.into_iter().min());
        let of_bin = |call: &&&Call| call.region == region && call.action.ends_with("InRecycleBin");
        let looked: Vec<&Call> = self.all_calls().into_iter().filter(|call| of_bin(&call)).collect();
        let is_looked_into = !looked.is_empty() && looked.iter().all(|call| call.outcome == Outcome::Ok && !is_late(call));
        match (said?, until) {
            // Where EC2's looks are late, what has just entered is not seen yet.
            (Recoverable::NotInBin, Some(until)) if !self.witness.before.manners.is_late() => {
                Some(format!("{id} in {region} was not in the Recycle Bin, it says, and can be had back until {until}"))
            }
            (Recoverable::Until(said), until) if until.map(Timestamp::as_second) != Some(said.as_second()) => {
                Some(format!("{id} in {region} can be had back until {said}, it says, and that is not so: {until:?}"))
            }
            (Recoverable::Unknown, _) if is_looked_into && !self.ended.is_interrupted => {
                Some(format!("nobody knows whether {id} in {region} can be had back, it says, and the Recycle Bin was looked into"))
            }
            _ => None,
        }
    }

    /// Every call of this process.
    fn all_calls(&self) -> Vec<&Call> {
        self.witness.calls.iter().filter(|call| call.access_key == self.ended.key).collect()
    }

    /// What is said to stay because another image is made of it is there, and another image is made of it.
    fn shared(&self) -> Vec<String> {
        let mut found = Vec::new();
        let alone = self.witness.ended.len() == 1;
        let (before, after) = (images(self.witness.before), images(self.witness.after));
        for verdict in &self.report.verdicts {
            let (region, image) = (verdict.verdict.region.as_str(), subject(&verdict.verdict.subject));
            let snapshots = verdict.result.iter().flat_map(|removal| &removal.snapshots);
            for id in snapshots.filter(|snapshot| snapshot.deletion == Deletion::Shared).map(|snapshot| snapshot.snapshot.as_str()) {
                let uses = |((there, _), other): (&super::Place<_>, &&Image)| there == region && other.id != *image && other.uses_id(id);
                let is_used = after.iter().any(uses) || !alone && before.iter().any(uses);
                if !is_used || alone && !self.is_there(region, id) {
                    found.push(format!("{id} in {region} stays with another image, it says, and there is none, or it is gone"));
                }
            }
        }
        found
    }
}

/// Whether nobody may have waited for the answer.
fn is_late(call: &Call) -> bool {
    !call.late_by.is_zero()
}

/// What a verdict is about, by its id.
fn subject(subject: &Subject) -> &str {
    match subject {
        Subject::Backup(backup) => backup.image.as_str(),
        Subject::Orphan { snapshot, .. } => snapshot.as_str(),
    }
}

fn image(witness: &Witness<'_>, ended: &Ended, report: &ImageReport) -> Vec<String> {
    let mut found = Vec::new();
    let held = |region: &str, id: &str| witness.after.region(region).images.get(id);
    let is_purged = || !witness.others.deregistered.is_empty() || witness.ended.iter().any(|other| other.purge_policy().is_some());
    if let Some(result) = &report.image {
        let image = held(result.region.as_str(), result.image.as_str());
        match (image, result.state) {
            (None, planner::inventory::ImageState::Deregistered) => {}
            (None, _) if is_purged() => {}
            (None, _) => found.push(format!("{} is {}, it says, and is not there", result.image, result.state)),
            (Some(image), state) => {
                let is_so = match state {
                    planner::inventory::ImageState::Available => image.state == ImageState::Available,
                    planner::inventory::ImageState::Failed => image.state == ImageState::Failed,
                    planner::inventory::ImageState::Disabled => image.state == ImageState::Disabled,
                    planner::inventory::ImageState::Pending => true,
                    _ => false,
                };
                if !is_so {
                    found.push(format!("{} is {state}, it says, and is {}", image.id, image.state));
                }
                let asks = ended.request.as_ref().is_none_or(|request| answers(image, request));
                if !asks {
                    found.push(format!("{} is the backup, it says, and is not what was asked for", image.id));
                }
            }
        }
    }
    for CopyStanding { source, destination, standing, .. } in &report.copies {
        let (Some(destination), Some((id, is_true))) = (destination, claimed(standing)) else { continue };
        let copy = held(destination.as_str(), id);
        let of_it = copy.is_some_and(|copy| matches!(&copy.origin, Origin::Copy { image_id, .. } if image_id.as_str() == source.as_str()));
        if !(of_it && copy.is_some_and(|copy| is_true(copy.state)) || copy.is_none() && is_purged()) {
            found.push(format!("the copy of {source} in {destination} stands so, it says: {standing}, and does not"));
        }
    }
    if report.ending == Ending::Done && !report.dry_run {
        found.extend(ended.request.as_ref().filter(|_| !is_purged()).and_then(|request| undone(witness, ended, request)));
    }
    if report.ending == Ending::NothingAchieved && report.image.is_none() {
        found.extend(made_silently(witness, ended).map(|id| format!("{id} was made, and nothing was achieved, it says")));
    }
    if report.ending == Ending::Interrupted && !ended.is_interrupted {
        found.push("it was interrupted, it says, and was not".to_owned());
    }
    found
}

/// Whether what is claimed of a copy is true of it in that state.
type IsTrueIn = fn(ImageState) -> bool;

/// The copy that a standing names, and in which states of it that is true.
fn claimed(standing: &Standing) -> Option<(&str, IsTrueIn)> {
    match standing {
        Standing::Done { copy } => Some((copy.as_str(), |state| matches!(state, ImageState::Available | ImageState::Disabled))),
        Standing::InFlight { copy } => Some((copy.as_str(), |_| true)),
        Standing::Failed { copy, .. } => Some((copy.as_str(), |state| state == ImageState::Failed)),
        _ => None,
    }
}

/// Whether an image is what a request asked for.
fn answers(image: &Image, request: &ImageRequest) -> bool {
    let says = |key: &str, value: &str| image.tags.get(key).is_some_and(|tag| tag == value);
    let expire = request.expire.map(|expire| expire.instant().to_string());
    says("Instance", request.instance.as_str())
        && says("Date", &request.slot.to_string())
        && image.tags.get("Expire") == expire.as_ref()
        && is_marked(&image.tags)
        && request.copies.iter().all(|copy| image.tags.contains_key(&format!("ami-backup:copy-to:{}", copy.destination)))
}

/// What is not done, where a run says that everything is.
fn undone(witness: &Witness<'_>, ended: &Ended, request: &ImageRequest) -> Option<String> {
    let held = images(witness.after);
    let mine = held.iter().find(|((region, _), image)| {
        *region == request.region.as_str()
            && matches!(image.origin, Origin::Instance(_))
            && answers(image, request)
            && (image.state != ImageState::Failed || !ended.command.wait)
    });
    let Some(((_, id), image)) = mine else { return Some("it is done, it says, and there is no image".to_owned()) };
    if !ended.command.wait {
        return None;
    }
    if image.state != ImageState::Available {
        return Some(format!("it is done, it says, and {id} is {}", image.state));
    }
    let missing = request.copies.iter().find(|copy| {
        !held.iter().any(|((region, _), image)| {
            let of_it = matches!(&image.origin, Origin::Copy { image_id, .. } if image_id == id);
            *region == copy.destination.as_str() && of_it && matches!(image.state, ImageState::Available | ImageState::Disabled)
        })
    });
    missing.map(|copy| format!("it is done, it says, and there is no copy in {}", copy.destination))
}

/// An error says that there is no image, but for one that says that there may be.
fn no_image(witness: &Witness<'_>, ended: &Ended, error: &RunError) -> Option<String> {
    let may_be = matches!(error, RunError::Unanswered { .. });
    made_silently(witness, ended).filter(|_| !may_be).map(|id| format!("{id} was made, and it says: {error}"))
}

/// The image that this process alone asked for, and that is there.
fn made_silently(witness: &Witness<'_>, ended: &Ended) -> Option<ec2_sim::id::ImageId> {
    let request = ended.request.as_ref()?;
    let is_alone = witness.asked.iter().filter(|asked| asked.instance == request.instance && asked.slot == request.slot).count() == 1;
    let before = images(witness.before);
    let after = images(witness.after);
    let made = after.iter().find(|(place, image)| {
        let is_usable = image.state != ImageState::Failed;
        is_usable && !before.contains_key(*place) && matches!(image.origin, Origin::Instance(_)) && answers(image, request)
    });
    made.filter(|_| is_alone).map(|((_, id), _)| id.clone())
}

trait UsesId {
    fn uses_id(&self, id: &str) -> bool;
}

impl UsesId for Image {
    fn uses_id(&self, id: &str) -> bool {
        self.snapshots().any(|snapshot| snapshot.as_str() == id)
    }
}
