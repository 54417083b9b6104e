//! Question 3: which images and snapshots have had their day?

mod checks;
mod debris;
mod gathered;
mod listing;
#[cfg(test)]
mod properties;
mod series;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt, HashSet};
use jiff::Timestamp;

use crate::backup::{Backup, Claim};
use crate::evidence::Evidence;
use crate::expiry::Expiry;
use crate::id::{AccountId, ImageId, InstanceId, Region, SnapshotId};
use crate::inventory::{Image, ImageState, Inventory, Protection, RegionView, Scope, Snapshot, SnapshotState};
use crate::plan::newest::{NewestCopies, newest_copies};
use crate::plan::{Action, BackupLabel, Plan, RemoveImage, Step};
use crate::policy::{Agreed, PurgePolicy};
use crate::processors::{MANY, on_all_processors};
use crate::tags::{ExpireTag, Mark};

pub use checks::{Candidates, UnmadeCheck, unmade_checks};
pub use debris::Debris;
use gathered::{Gathered, Own};
use listing::{ListedImage, ListedImages, ListedSnapshots, Listing};
use series::RegionSeries;
pub use verdict::{Decision, KeepReason, LeftSnapshot, PurgeReason, Subject, Verdict};

/// Decides on every backup and every orphan in the regions that the policy names.
///
/// A region that was not wholly seen yields neither a step nor a verdict. The plan does not depend on the order in which
/// EC2 listed things.
///
/// What EC2 has to say against it must be in the inventory by now; it is to be asked about the [`candidates`]. It only ever
/// keeps more.
pub fn decide(inventory: &Inventory, policy: &PurgePolicy, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let Some(question) = Question::of(inventory, policy, now) else { return plan };
    let backups = debris::backups(inventory, question.account);
    for (region, view) in question.open_regions() {
        let purge = RegionPurge::new(&question, region, view, Some(&view.evidence));
        plan.debris.extend(debris::debris(region, &purge.images, question.account, &backups));
        purge.decide(&mut plan);
    }
    plan
}

/// What would go if EC2 had nothing to say against it.
pub fn candidates(inventory: &Inventory, policy: &PurgePolicy, now: Timestamp) -> Candidates {
    let mut candidates = Candidates::default();
    let Some(question) = Question::of(inventory, policy, now) else { return candidates };
    for (region, view) in question.open_regions() {
        RegionPurge::new(&question, region, view, None).add_candidates(&mut candidates);
    }
    candidates
}

/// The backups that are available, have no expiry, are listed in one way, and that the rules of a policy's series want: what the policy is
/// to look after. In the order of their regions and of their making.
///
/// Of a region only the backups need have been seen.
pub(super) fn wanted<'a>(inventory: &'a Inventory, policy: &'a PurgePolicy, now: Timestamp) -> Vec<(&'a Region, Backup<'a>)> {
    let mut wanted = Vec::new();
    let Some(question) = Question::of(inventory, policy, now) else { return wanted };
    for (region, view) in inventory.regions.iter().filter(|(_, view)| !matches!(view.scope, Scope::Unseen(_))) {
        let images = listing::images(view, question.account);
        let Some(series) = RegionSeries::of(&question, region, &images) else { continue };
        let alike = images.values().filter(|listed| listed.otherwise.is_empty() && listed.image.state == ImageState::Available);
        let backups = alike.filter_map(|listed| Backup::recognise(listed.image, question.account));
        let kept = backups.filter(|backup| !backup.image().tags.has_expire()).filter(|backup| {
            let let_go = series.let_go(*backup, &question);
            matches!(let_go, Err(KeepReason::Wanted { .. } | KeepReason::NewestOfSeries { .. }))
        });
        let mut kept: Vec<Backup<'_>> = kept.collect();
        kept.sort_by_key(|backup| (backup.image().created, &backup.image().id));
        wanted.extend(kept.into_iter().map(|backup| (region, backup)));
    }
    wanted
}

/// What is asked of every region.
struct Question<'a> {
    inventory: &'a Inventory,
    account: &'a AccountId,
    policy: &'a PurgePolicy,
    now: Timestamp,
    copies: Copies<'a>,
    newest_copies: NewestCopies<'a>,
}

impl<'a> Question<'a> {
    /// Without an account nothing is anybody's.
    fn of(inventory: &'a Inventory, policy: &'a PurgePolicy, now: Timestamp) -> Option<Self> {
        let account = inventory.account.as_ref()?;
        let newest_copies = policy.series.as_ref().map(|_| newest_copies(inventory, account, now)).unwrap_or_default();
        Some(Self { inventory, account, policy, now, copies: copies_in_flight(inventory), newest_copies })
    }

    fn open_regions(&self) -> impl Iterator<Item = (&'a Region, &'a RegionView)> {
        let seen = self.policy.regions.iter().filter_map(|region| Some((region, self.inventory.regions.get(region)?)));
        seen.filter(|(_, view)| view.scope == Scope::Whole)
    }
}

/// The copies in flight, by what they are made of.
type Copies<'a> = HashMap<&'a ImageId, (&'a ImageId, &'a Region)>;

/// The backups that go, and in which place.
type Going<'a> = HashMap<&'a ImageId, usize>;

/// What is decided of a backup.
type Decided<'a, 's> = (Gathered<'a, 's>, Result<PurgeReason, KeepReason>);

struct RegionPurge<'a> {
    question: &'a Question<'a>,
    region: &'a Region,
    /// What EC2 says against deletions; absent, it is taken to say nothing against any.
    evidence: Option<&'a Evidence>,
    images: ListedImages<'a>,
    snapshots: ListedSnapshots<'a>,
    newest: HashSet<&'a ImageId>,
    /// What the rules of the policy's series want, where a policy is what lets things go.
    series: Option<RegionSeries<'a>>,
}

impl<'a> RegionPurge<'a> {
    fn new(question: &'a Question<'a>, region: &'a Region, view: &'a RegionView, evidence: Option<&'a Evidence>) -> Self {
        let Listing { images, snapshots } = Listing::of(view, question.account);
        let newest = newest(&images, question);
        let series = RegionSeries::of(question, region, &images);
        Self { question, region, evidence, images, snapshots, newest, series }
    }

    fn decide(&self, plan: &mut Plan) {
        let ours = self.images.values().filter_map(|listed| Some((Backup::recognise(listed.image, self.question.account)?, listed)));
        let ours: Vec<(Backup<'_>, &ListedImage<'_>)> = ours.collect();
        let mut decisions: Vec<Decided<'a, '_>> = on_all_processors(&ours, MANY, |(backup, listed)| self.released(*backup, listed));
        decisions.sort_by_cached_key(|(backup, _)| (backup.image().created, backup.image().id.clone()));
        self.keep_what_takes_two_calls(&mut decisions);
        self.keep_what_is_unchecked(&mut decisions);
        self.keep_what_takes_two_calls(&mut decisions);
        let going: Going<'a> = places(&decisions);
        let placed: Vec<(usize, &Decided<'_, '_>)> = decisions.iter().enumerate().collect();
        let judged = on_all_processors(&placed, MANY, |(place, (backup, decision))| {
            let (decision, step) = match decision {
                Err(reason) => (Decision::Keep { reason: reason.clone() }, None),
                Ok(reason) => {
                    let (remove, left) = self.remove(backup, *place, &going);
                    let decision = Decision::Purge { reason: reason.clone(), snapshots: remove.snapshots.clone(), left };
                    (decision, Some(Step { region: self.region.clone(), action: Action::RemoveImage(remove) }))
                }
            };
            (step, Verdict { region: self.region.clone(), subject: Subject::Backup(label(backup.backup)), decision })
        });
        for (step, verdict) in judged {
            plan.steps.extend(step);
            plan.verdicts.push(verdict);
        }
        self.orphans(&going, plan);
    }

    /// Keeps images that some snapshots outlive for now while others, that nothing else covers, would have to be deleted by calls of
    /// their own: between the calls the run may end, and no later one would find them. Who stays may keep others, so it is asked
    /// until nothing changes.
    fn keep_what_takes_two_calls(&self, decisions: &mut [Decided<'a, '_>]) {
        // Hardly any image covers anything: backups are tagged with their snapshots.
        let covers = |backup: &Gathered<'_, '_>| backup.snapshots.iter().any(|own| !own.is_found_by_itself);
        while decisions.iter().any(|(backup, decision)| decision.is_ok() && covers(backup)) {
            let going: Going<'a> = places(decisions);
            let takes_two = |place: usize, backup: &Gathered<'a, '_>| {
                let (remove, _) = self.remove(backup, place, &going);
                remove.covered.into_iter().next().filter(|_| !remove.all_snapshots)
            };
            let released = decisions.iter().enumerate().filter(|(_, (backup, decision))| decision.is_ok() && covers(backup));
            let kept: Vec<(usize, SnapshotId)> =
                released.filter_map(|(place, (backup, _))| Some((place, takes_two(place, backup)?))).collect();
            if kept.is_empty() {
                return;
            }
            for (place, snapshot) in kept {
                if let Some((_, decision)) = decisions.get_mut(place) {
                    *decision = Err(KeepReason::WouldStrand { snapshot });
                }
            }
        }
    }

    /// Keeps images of which EC2 did not tell what it should have. Only what nothing else keeps is told to want a check.
    fn keep_what_is_unchecked(&self, decisions: &mut [Decided<'a, '_>]) {
        let Some(evidence) = self.evidence else { return };
        for (backup, decision) in decisions.iter_mut().filter(|(_, decision)| decision.is_ok()) {
            if let Err(reason) = checks::image_checked(evidence, backup.image(), self.question.policy.require_checks) {
                *decision = Err(reason);
            }
        }
    }

    /// A backup with its snapshots, and whether it may go, whatever way it is listed.
    fn released(&self, backup: Backup<'a>, listed: &ListedImage<'a>) -> Decided<'a, '_> {
        let gathered = self.gathered(backup);
        let decision = self.let_go(&gathered).and_then(|reason| {
            if !listed.otherwise.is_empty() {
                let others = listed.otherwise.iter().filter_map(|image| Backup::recognise(image, self.question.account));
                others.map(|backup| self.let_go(&self.gathered(backup))).collect::<Result<Vec<_>, _>>()?;
                return Err(KeepReason::ListedUnlike { id: backup.image().id.to_string() });
            }
            match gathered.snapshots.iter().filter(|own| own.listed.is_some_and(|listed| listed.is_unlike)).map(|own| own.id).min() {
                Some(unlike) => Err(KeepReason::ListedUnlike { id: unlike.to_string() }),
                None => Ok(reason),
            }
        });
        (gathered, decision)
    }

    fn gathered(&self, backup: Backup<'a>) -> Gathered<'a, '_> {
        Gathered::of(backup, &self.snapshots, self.series.is_some())
    }

    /// Whether a backup's time has come and nothing that is known holds it.
    fn let_go(&self, gathered: &Gathered<'a, '_>) -> Result<PurgeReason, KeepReason> {
        let Question { policy, .. } = self.question;
        let backup = gathered.backup;
        let image = backup.image();
        if let Some(pin) = gathered.pin() {
            return Err(KeepReason::Pinned { why: pin.to_owned() });
        }
        let reason = self.time_has_come(backup)?;
        self.agreed(|agreed| agreed.images.contains(&(self.region.clone(), image.id.clone())))?;
        if image.state == ImageState::Pending {
            return Err(KeepReason::Pending);
        }
        if let Protection::On(protection) = &image.protection {
            return Err(KeepReason::Protected { protection: protection.clone() });
        }
        let keep_last = policy.keep_last;
        if self.newest.contains(&image.id) {
            return Err(KeepReason::AmongNewest { keep_last });
        }
        if keep_last > 0 && image.state == ImageState::Available && (backup.series().is_none() || image.created.is_none()) {
            return Err(KeepReason::CannotBeCounted);
        }
        if let Some(evidence) = self.evidence {
            checks::against_image(evidence, image, policy.keep_launched)?;
        }
        self.not_being_copied(image)?;
        if let Some((snapshot, with)) = gathered.shares_what_it_covers() {
            return Err(KeepReason::CoversShared { snapshot: snapshot.clone(), with: with.clone() });
        }
        match self.would_strand(gathered) {
            Some(snapshot) => Err(KeepReason::WouldStrand { snapshot: snapshot.clone() }),
            None => Ok(reason),
        }
    }

    /// Whether somebody has agreed that it goes, where that is asked for.
    fn agreed(&self, names_it: impl Fn(&Agreed) -> bool) -> Result<(), KeepReason> {
        if self.question.policy.agreed.as_ref().is_none_or(names_it) { Ok(()) } else { Err(KeepReason::NotAgreed) }
    }

    /// An expiry decides alone; without one, the rules of the series do, where there are any.
    fn time_has_come(&self, backup: Backup<'a>) -> Result<PurgeReason, KeepReason> {
        let tags = &backup.image().tags;
        match &self.series {
            Some(series) if !tags.has_expire() => series.let_go(backup, self.question),
            Some(_) if tags.series().is_none() => Err(KeepReason::NotOfPolicy),
            Some(_) | None => Ok(PurgeReason::Expired { at: self.expired(&tags.expire())? }),
        }
    }

    fn expired(&self, expire: &ExpireTag) -> Result<Expiry, KeepReason> {
        match expire {
            ExpireTag::Absent => Err(KeepReason::NoExpiry),
            ExpireTag::Unreadable { text, why } => Err(KeepReason::UnreadableExpiry { text: text.clone(), why: why.to_string() }),
            ExpireTag::At(expiry) if expiry.is_past(self.question.now) => Ok(*expiry),
            ExpireTag::At(expiry) => Err(KeepReason::NotExpired { until: *expiry }),
        }
    }

    fn not_being_copied(&self, image: &'a Image) -> Result<(), KeepReason> {
        if let Some((copy, destination)) = self.question.copies.get(&image.id) {
            return Err(KeepReason::CopyInFlight { copy: (*copy).clone(), destination: (*destination).clone() });
        }
        for destination in image.tags.destinations() {
            let why = match self.question.inventory.regions.get(&destination).map(|view| &view.scope) {
                Some(Scope::Whole | Scope::Partial) => continue,
                Some(Scope::Unseen(why)) => why.clone(),
                None => "it was not looked at".to_owned(),
            };
            return Err(KeepReason::DestinationUnseen { destination, why });
        }
        Ok(())
    }

    /// A snapshot that only this image's mark covers and that must outlive the image.
    fn would_strand(&self, backup: &Gathered<'a, '_>) -> Option<&'a SnapshotId> {
        let outlives = |own: &Own<'_, '_>| {
            let expire = own.snapshot().map(|snapshot| snapshot.tags.expire());
            expire.is_some_and(|expire| !matches!(expire, ExpireTag::Absent) && self.expired(&expire).is_err())
        };
        backup.snapshots.iter().find(|own| own.claim == Claim::MadeForImage && outlives(own)).map(|own| own.id)
    }

    /// How an image goes, and which of its snapshots stay. A snapshot that several images share goes with the last of
    /// them: until then EC2 would not let it go.
    fn remove(&self, backup: &Gathered<'a, '_>, place: usize, going: &Going<'a>) -> (RemoveImage, Vec<LeftSnapshot>) {
        let image = backup.image();
        let goes_later = |user: &&ImageId| **user != image.id && going.get(user).is_some_and(|at| *at > place);
        let (mut snapshots, mut covered, mut left) = (Vec::with_capacity(backup.snapshots.len()), Vec::new(), Vec::new());
        // What a mapping does not name, nobody has looked at.
        let mut all_snapshots = image.mappings.iter().all(|mapping| mapping.snapshot.is_some());
        for own in &backup.snapshots {
            match self.snapshot_released(&image.id, own, going) {
                Err(reason) => left.push(LeftSnapshot { snapshot: own.id.clone(), reason }),
                Ok(()) if own.users().iter().any(goes_later) => all_snapshots = false,
                Ok(()) => {
                    snapshots.push(own.id.clone());
                    covered.extend((!own.is_found_by_itself).then(|| own.id.clone()));
                }
            }
        }
        all_snapshots &= left.is_empty();
        (RemoveImage { image: image.id.clone(), snapshots, covered, all_snapshots }, left)
    }

    /// Whether an image that goes gives a snapshot of its own leave to go, too.
    fn snapshot_released(&self, image: &ImageId, own: &Own<'a, '_>, going: &Going<'a>) -> Result<(), KeepReason> {
        match own.claim {
            Claim::Marked | Claim::MadeForImage => {}
            Claim::Anothers(creator) => return Err(KeepReason::Anothers { creator: creator.to_owned() }),
            Claim::Unmarked => return Err(KeepReason::NotOurs),
            Claim::Unseen => return Err(KeepReason::NotSeen),
        }
        let snapshot = own.snapshot().ok_or(KeepReason::NotSeen)?;
        match snapshot.tags.expire() {
            // Backups whose snapshots never got their tag (the scripts could be interrupted there) go as one.
            ExpireTag::Absent if snapshot.made_for.as_ref() == Some(image) => {}
            expire => {
                self.expired(&expire)?;
            }
        }
        let others = own.users().iter().copied().chain(&snapshot.made_for).filter(|user| *user != image);
        let staying = others.filter(|user| self.images.contains_key(user) && !going.contains_key(user)).min();
        staying.map_or(Ok(()), |by| Err(KeepReason::StillUsed { by: by.clone() }))?;
        self.not_wanted_by_the_bin(snapshot)
    }

    /// A snapshot that was made for an image in the Recycle Bin is what that would be restored from (ec2-semantics 3.5).
    fn not_wanted_by_the_bin(&self, snapshot: &'a Snapshot) -> Result<(), KeepReason> {
        self.evidence.map_or(Ok(()), |evidence| checks::not_binned(evidence, snapshot.made_for.as_ref()))?;
        let checked = self.evidence.map_or(Ok(()), |evidence| checks::bin_checked(evidence, self.question.policy.require_checks));
        checked.or_else(|reason| if self.outlived(snapshot).is_some() { Err(reason) } else { Ok(()) })
    }

    /// The image a snapshot was made for, if that is not there any more.
    fn outlived(&self, snapshot: &'a Snapshot) -> Option<&'a ImageId> {
        snapshot.made_for.as_ref().filter(|image| !self.images.contains_key(image))
    }

    /// The image a snapshot was made for, if that is there: while it is pending, or if it failed, it may not name its
    /// snapshots (ec2-semantics 1.6).
    fn made_for_living(&self, snapshot: &'a Snapshot) -> Option<&'a ImageId> {
        snapshot.made_for.as_ref().filter(|image| self.images.contains_key(image))
    }

    fn orphans(&self, going: &Going<'a>, plan: &mut Plan) {
        let used_by_none = self.snapshots.values().filter(|listed| listed.users.is_empty());
        let seen = used_by_none.filter_map(|listed| Some((listed.snapshot?, listed.is_unlike)));
        let is_ours = |snapshot: &Snapshot| snapshot.owner.as_ref() == Some(self.question.account) && snapshot.tags.mark() == Mark::Ours;
        let mut orphans: Vec<(&Snapshot, bool)> = seen.filter(|(snapshot, _)| is_ours(snapshot)).collect();
        orphans.sort_by_cached_key(|(snapshot, _)| (snapshot.started, snapshot.id.clone()));
        for (snapshot, is_unlike) in orphans {
            let expire = snapshot.tags.expire();
            let decision = match self.orphan_released(snapshot, is_unlike, &expire, going) {
                Err(reason) => Decision::Keep { reason },
                Ok(reason) => {
                    let action = Action::DeleteSnapshot(snapshot.id.clone());
                    plan.steps.push(Step { region: self.region.clone(), action });
                    Decision::Purge { reason, snapshots: Vec::new(), left: Vec::new() }
                }
            };
            let subject = Subject::Orphan {
                snapshot: snapshot.id.clone(),
                instance: snapshot.tags.instance(),
                started: snapshot.started,
                expire: readable(&expire),
            };
            plan.verdicts.push(Verdict { region: self.region.clone(), subject, decision });
        }
    }

    fn orphan_released(
        &self,
        snapshot: &'a Snapshot,
        is_unlike: bool,
        expire: &ExpireTag,
        going: &Going<'a>,
    ) -> Result<PurgeReason, KeepReason> {
        if let Some(pin) = snapshot.tags.pin() {
            return Err(KeepReason::Pinned { why: pin.to_owned() });
        }
        let reason = match &self.series {
            Some(series) if !snapshot.tags.has_expire() => series.let_orphan_go(&snapshot.tags, self.question)?,
            Some(_) if snapshot.tags.series().is_none() => return Err(KeepReason::NotOfPolicy),
            Some(_) | None => PurgeReason::Expired { at: self.expired(expire)? },
        };
        self.agreed(|agreed| agreed.orphans.contains(&(self.region.clone(), snapshot.id.clone())))?;
        if let Some(image) = self.made_for_living(snapshot).filter(|image| !going.contains_key(image)) {
            return Err(KeepReason::StillUsed { by: image.clone() });
        }
        match snapshot.state {
            SnapshotState::Pending => return Err(KeepReason::Pending),
            SnapshotState::Completed | SnapshotState::Error | SnapshotState::Other => {}
        }
        if let Some(evidence) = self.evidence {
            checks::against_deleting(evidence, &snapshot.id)?;
        }
        if is_unlike {
            return Err(KeepReason::ListedUnlike { id: snapshot.id.to_string() });
        }
        self.not_wanted_by_the_bin(snapshot)?;
        self.evidence.map_or(Ok(()), |evidence| checks::locks_checked(evidence, self.question.policy.require_checks))?;
        Ok(reason)
    }

    fn add_candidates(&self, candidates: &mut Candidates) {
        let mut plan = Plan::default();
        self.decide(&mut plan);
        let mut going: Vec<&SnapshotId> = Vec::new();
        let (mut images, mut snapshots) = (BTreeSet::new(), BTreeSet::new());
        for Step { action, .. } in &plan.steps {
            match action {
                Action::RemoveImage(remove) => {
                    going.extend(&remove.snapshots);
                    images.insert(remove.image.clone());
                }
                Action::DeleteSnapshot(orphan) => {
                    going.push(orphan);
                    snapshots.insert(orphan.clone());
                }
                Action::CreateImage(_) | Action::CopyImage(_) | Action::Retag(_) | Action::Mend(_) => {}
            }
        }
        let named = self.images.values().filter(|listed| images.contains(&listed.image.id)).flat_map(|listed| listed.image.snapshots());
        snapshots.extend(named.cloned());
        let outlived = going.into_iter().filter_map(|id| self.outlived(self.snapshots.get(id)?.snapshot?));
        let orphans_of: BTreeSet<ImageId> = outlived.cloned().collect();
        if !images.is_empty() {
            candidates.images.insert(self.region.clone(), images);
        }
        if !snapshots.is_empty() {
            candidates.snapshots.insert(self.region.clone(), snapshots);
        }
        if !orphans_of.is_empty() {
            candidates.orphans_of.insert(self.region.clone(), orphans_of);
        }
    }
}

/// The backups that are to go, by their places.
fn places<'a>(decisions: &[Decided<'a, '_>]) -> Going<'a> {
    let released = decisions.iter().enumerate().filter(|(_, (_, decision))| decision.is_ok());
    released.map(|(place, (backup, _))| (&backup.image().id, place)).collect()
}

/// The newest available backups of each instance, as many as are to stay. What is listed in two ways is not counted: it
/// stays by itself, and takes nobody's place.
fn newest<'a>(images: &ListedImages<'a>, question: &Question<'_>) -> HashSet<&'a ImageId> {
    if question.policy.keep_last == 0 {
        return HashSet::default();
    }
    let mut by_instance: BTreeMap<InstanceId, BTreeSet<(Timestamp, &'a ImageId)>> = BTreeMap::new();
    let alike = images.values().filter(|listed| listed.otherwise.is_empty());
    for backup in alike.filter_map(|listed| Backup::recognise(listed.image, question.account)) {
        let image = backup.image();
        if let (ImageState::Available, Some(instance), Some(created)) = (image.state, backup.series(), image.created) {
            by_instance.entry(instance).or_default().insert((created, &image.id));
        }
    }
    let keep_last = usize::try_from(question.policy.keep_last).unwrap_or(usize::MAX);
    by_instance.values().flat_map(|series| series.iter().rev().take(keep_last)).map(|(_, id)| *id).collect()
}

fn copies_in_flight(inventory: &Inventory) -> Copies<'_> {
    let mut copies = Copies::new();
    for (region, view) in &inventory.regions {
        for image in view.images.iter().filter(|image| image.state == ImageState::Pending) {
            if let Some(source) = image.copied_from() {
                let copy = (&image.id, region);
                copies.entry(&source.id).and_modify(|first| *first = copy.min(*first)).or_insert(copy);
            }
        }
    }
    copies
}

pub(super) fn label(backup: Backup<'_>) -> BackupLabel {
    let image = backup.image();
    BackupLabel {
        image: image.id.clone(),
        name: image.name.clone(),
        instance: backup.instance(),
        instance_name: image.tags.instance_name().map(str::to_owned),
        created: image.created,
        expire: readable(&image.tags.expire()),
        state: image.state,
    }
}

fn readable(expire: &ExpireTag) -> Option<Expiry> {
    match expire {
        ExpireTag::At(expiry) => Some(*expiry),
        ExpireTag::Absent | ExpireTag::Unreadable { .. } => None,
    }
}
