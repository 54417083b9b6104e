//! Question 3: which images and snapshots have had their day?

mod checks;
mod debris;
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
use crate::tags::{ExpireTag, Mark};

pub use checks::{Candidates, UnmadeCheck, unmade_checks};
pub use debris::Debris;
use listing::{Listed, Listing};
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
        let images = Listing::of(view, question.account).images;
        let Some(series) = RegionSeries::of(&question, region, &images) else { continue };
        let alike = images.iter().filter(|listed| listed.otherwise.is_empty() && listed.image.state == ImageState::Available);
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

/// The snapshots of one backup, and whether it gives them leave to go.
type Releases<'a> = Vec<(&'a SnapshotId, Result<(), KeepReason>)>;

/// The backups that go, and in which place.
type Going<'a> = HashMap<&'a ImageId, usize>;

struct RegionPurge<'a> {
    question: &'a Question<'a>,
    region: &'a Region,
    /// What EC2 says against deletions; absent, it is taken to say nothing against any.
    evidence: Option<&'a Evidence>,
    images: Vec<Listed<'a>>,
    snapshots: HashMap<&'a SnapshotId, &'a Snapshot>,
    /// The snapshots that are listed twice, and not alike.
    unlike: HashSet<&'a SnapshotId>,
    /// The living images, ours and others', each snapshot is part of.
    users: HashMap<&'a SnapshotId, Vec<&'a ImageId>>,
    living: HashSet<&'a ImageId>,
    newest: HashSet<&'a ImageId>,
    /// What the rules of the policy's series want, where a policy is what lets things go.
    series: Option<RegionSeries<'a>>,
}

impl<'a> RegionPurge<'a> {
    fn new(question: &'a Question<'a>, region: &'a Region, view: &'a RegionView, evidence: Option<&'a Evidence>) -> Self {
        let Listing { images, snapshots, unlike } = Listing::of(view, question.account);
        let mut users: HashMap<&SnapshotId, Vec<&ImageId>> = HashMap::with_capacity(snapshots.len());
        for image in images.iter().flat_map(Listed::versions) {
            for snapshot in image.snapshots() {
                users.entry(snapshot).or_default().push(&image.id);
            }
        }
        let living = images.iter().map(|listed| &listed.image.id).collect();
        let newest = newest(&images, question);
        let series = RegionSeries::of(question, region, &images);
        Self { question, region, evidence, images, snapshots, unlike, users, living, newest, series }
    }

    fn decide(&self, plan: &mut Plan) {
        let ours = self.images.iter().filter_map(|listed| Some((Backup::recognise(listed.image, self.question.account)?, listed)));
        let mut decisions: Vec<(Backup<'a>, Result<PurgeReason, KeepReason>)> =
            ours.map(|(backup, listed)| (backup, self.released(backup, listed))).collect();
        decisions.sort_by_key(|(backup, _)| (backup.image().created, &backup.image().id));
        self.keep_what_takes_two_calls(&mut decisions);
        self.keep_what_is_unchecked(&mut decisions);
        self.keep_what_takes_two_calls(&mut decisions);
        let going: Going<'a> = places(&decisions);
        for (place, (backup, decision)) in decisions.into_iter().enumerate() {
            let decision = match decision {
                Err(reason) => Decision::Keep { reason },
                Ok(reason) => {
                    let (remove, left) = self.remove(backup, place, &self.releases(backup, &going), &going);
                    let snapshots = remove.snapshots.clone();
                    plan.steps.push(Step { region: self.region.clone(), action: Action::RemoveImage(remove) });
                    Decision::Purge { reason, snapshots, left }
                }
            };
            plan.verdicts.push(Verdict { region: self.region.clone(), subject: Subject::Backup(label(backup)), decision });
        }
        self.orphans(&going, plan);
    }

    /// Keeps images that some snapshots outlive for now while others, that nothing else covers, would have to be deleted by calls of
    /// their own: between the calls the run may end, and no later one would find them. Who stays may keep others, so it is asked
    /// until nothing changes.
    fn keep_what_takes_two_calls(&self, decisions: &mut [(Backup<'a>, Result<PurgeReason, KeepReason>)]) {
        loop {
            let going: Going<'a> = places(decisions);
            let takes_two = |place: usize, backup: Backup<'a>| {
                let (remove, _) = self.remove(backup, place, &self.releases(backup, &going), &going);
                remove.covered.into_iter().next().filter(|_| !remove.all_snapshots)
            };
            // Hardly any image covers anything: backups are tagged with their snapshots.
            let covers = |backup: Backup<'a>| !backup.image().snapshots().all(|id| self.is_found_by_itself(id));
            let released = decisions.iter().enumerate().filter(|(_, (backup, decision))| decision.is_ok() && covers(*backup));
            let kept: Vec<(usize, SnapshotId)> =
                released.filter_map(|(place, (backup, _))| Some((place, takes_two(place, *backup)?))).collect();
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
    fn keep_what_is_unchecked(&self, decisions: &mut [(Backup<'a>, Result<PurgeReason, KeepReason>)]) {
        let Some(evidence) = self.evidence else { return };
        for (backup, decision) in decisions.iter_mut().filter(|(_, decision)| decision.is_ok()) {
            if let Err(reason) = checks::image_checked(evidence, backup.image(), self.question.policy.require_checks) {
                *decision = Err(reason);
            }
        }
    }

    /// Whether a backup may go, whatever way it is listed.
    fn released(&self, backup: Backup<'a>, listed: &Listed<'a>) -> Result<PurgeReason, KeepReason> {
        let reason = self.let_go(backup)?;
        if !listed.otherwise.is_empty() {
            let others = listed.otherwise.iter().filter_map(|image| Backup::recognise(image, self.question.account));
            others.map(|backup| self.let_go(backup)).collect::<Result<Vec<_>, _>>()?;
            return Err(KeepReason::ListedUnlike { id: backup.image().id.to_string() });
        }
        if let Some(unlike) = backup.image().snapshots().filter(|snapshot| self.unlike.contains(snapshot)).min() {
            return Err(KeepReason::ListedUnlike { id: unlike.to_string() });
        }
        Ok(reason)
    }

    /// Whether a backup's time has come and nothing that is known holds it.
    fn let_go(&self, backup: Backup<'a>) -> Result<PurgeReason, KeepReason> {
        let Question { policy, .. } = self.question;
        let image = backup.image();
        if let Some(pin) = self.pin(backup) {
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
        if let Some((snapshot, with)) = self.shares_what_it_covers(backup) {
            return Err(KeepReason::CoversShared { snapshot, with });
        }
        match self.would_strand(backup) {
            Some(snapshot) => Err(KeepReason::WouldStrand { snapshot }),
            None => Ok(reason),
        }
    }

    /// Whether somebody has agreed that it goes, where that is asked for.
    fn agreed(&self, names_it: impl Fn(&Agreed) -> bool) -> Result<(), KeepReason> {
        if self.question.policy.agreed.as_ref().is_none_or(names_it) { Ok(()) } else { Err(KeepReason::NotAgreed) }
    }

    /// What pins a backup: a tag of its own, or of a snapshot of it. They are written together, and count one by one.
    fn pin(&self, backup: Backup<'a>) -> Option<&'a str> {
        let of_snapshots = backup.image().snapshots().filter_map(|id| self.snapshots.get(id)?.tags.pin());
        backup.image().tags.pin().or_else(|| of_snapshots.min())
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
    fn would_strand(&self, backup: Backup<'a>) -> Option<SnapshotId> {
        let outlives = |id: &SnapshotId| {
            let expire = self.snapshots.get(id).map(|snapshot| snapshot.tags.expire());
            expire.is_some_and(|expire| !matches!(expire, ExpireTag::Absent) && self.expired(&expire).is_err())
        };
        let claims = backup.snapshots(&self.snapshots);
        claims.into_iter().find(|(id, claim)| *claim == Claim::MadeForImage && outlives(id)).map(|(id, _)| id.clone())
    }

    /// A snapshot that only this image's mark or expiry covers, and another image that is made of it, too. That one goes first,
    /// in a run before: whatever happens between, the snapshot is found again.
    fn shares_what_it_covers(&self, backup: Backup<'a>) -> Option<(SnapshotId, ImageId)> {
        let mut covered = backup.snapshots(&self.snapshots).into_iter().filter(|(id, claim)| {
            let made_for_it = self.snapshots.get(id).is_some_and(|snapshot| snapshot.made_for.as_ref() == Some(&backup.image().id));
            matches!(claim, Claim::Marked | Claim::MadeForImage) && made_for_it && !self.is_found_by_itself(id)
        });
        covered.find_map(|(id, _)| {
            let with = self.users.get(id)?.iter().filter(|user| **user != &backup.image().id).min()?;
            Some((id.clone(), (*with).clone()))
        })
    }

    /// Whether a later run would find a snapshot for itself, once its image is gone.
    fn is_found_by_itself(&self, id: &SnapshotId) -> bool {
        let tells = |snapshot: &Snapshot| snapshot.tags.has_expire() || self.series.is_some() && snapshot.tags.series().is_some();
        self.snapshots.get(id).is_some_and(|snapshot| snapshot.tags.mark() == Mark::Ours && tells(snapshot))
    }

    /// Each snapshot of a backup that goes, and whether the backup gives it leave to go, too.
    fn releases(&self, backup: Backup<'a>, going: &Going<'a>) -> Releases<'a> {
        let claims = backup.snapshots(&self.snapshots).into_iter();
        claims.map(|(id, claim)| (id, self.snapshot_released(backup, id, claim, going))).collect()
    }

    /// How an image goes, and which of its snapshots stay. A snapshot that several images share goes with the last of
    /// them: until then EC2 would not let it go.
    fn remove(
        &self,
        backup: Backup<'a>,
        place: usize,
        releases: &[(&SnapshotId, Result<(), KeepReason>)],
        going: &Going<'a>,
    ) -> (RemoveImage, Vec<LeftSnapshot>) {
        let goes_later = |user: &ImageId| going.get(user).is_some_and(|at| *at > place);
        let mut snapshots = Vec::new();
        let mut left = Vec::new();
        // What a mapping does not name, nobody has looked at.
        let mut all_snapshots = backup.image().mappings.iter().all(|mapping| mapping.snapshot.is_some());
        for (id, release) in releases {
            match release {
                Err(reason) => left.push(LeftSnapshot { snapshot: (*id).clone(), reason: reason.clone() }),
                Ok(()) if self.users.get(id).into_iter().flatten().any(|user| goes_later(user)) => all_snapshots = false,
                Ok(()) => snapshots.push((*id).clone()),
            }
        }
        all_snapshots &= left.is_empty();
        let covered = snapshots.iter().filter(|id| !self.is_found_by_itself(id)).cloned().collect();
        (RemoveImage { image: backup.image().id.clone(), snapshots, covered, all_snapshots }, left)
    }

    fn snapshot_released(&self, backup: Backup<'a>, id: &SnapshotId, claim: Claim<'_>, going: &Going<'a>) -> Result<(), KeepReason> {
        match claim {
            Claim::Marked | Claim::MadeForImage => {}
            Claim::Anothers(creator) => return Err(KeepReason::Anothers { creator: creator.to_owned() }),
            Claim::Unmarked => return Err(KeepReason::NotOurs),
            Claim::Unseen => return Err(KeepReason::NotSeen),
        }
        let snapshot = self.snapshots.get(id).ok_or(KeepReason::NotSeen)?;
        match snapshot.tags.expire() {
            // Backups whose snapshots never got their tag (the scripts could be interrupted there) go as one.
            ExpireTag::Absent if snapshot.made_for.as_ref() == Some(&backup.image().id) => {}
            expire => {
                self.expired(&expire)?;
            }
        }
        let users = self.users.get(id).into_iter().flatten().copied().chain(&snapshot.made_for);
        let staying = users.filter(|user| self.living.contains(user) && !going.contains_key(user)).min();
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
        snapshot.made_for.as_ref().filter(|image| !self.living.contains(image))
    }

    /// The image a snapshot was made for, if that is there: while it is pending, or if it failed, it may not name its
    /// snapshots (ec2-semantics 1.6).
    fn made_for_living(&self, snapshot: &'a Snapshot) -> Option<&'a ImageId> {
        snapshot.made_for.as_ref().filter(|image| self.living.contains(image))
    }

    fn orphans(&self, going: &Going<'a>, plan: &mut Plan) {
        let mut orphans: Vec<&Snapshot> = self
            .snapshots
            .values()
            .copied()
            .filter(|snapshot| snapshot.owner.as_ref() == Some(self.question.account) && snapshot.tags.mark() == Mark::Ours)
            .filter(|snapshot| !self.users.contains_key(&snapshot.id))
            .collect();
        orphans.sort_by_key(|snapshot| (snapshot.started, &snapshot.id));
        for snapshot in orphans {
            let expire = snapshot.tags.expire();
            let decision = match self.orphan_released(snapshot, &expire, going) {
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

    fn orphan_released(&self, snapshot: &'a Snapshot, expire: &ExpireTag, going: &Going<'a>) -> Result<PurgeReason, KeepReason> {
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
        if self.unlike.contains(&snapshot.id) {
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
        let named = self.images.iter().filter(|listed| images.contains(&listed.image.id)).flat_map(|listed| listed.image.snapshots());
        snapshots.extend(named.cloned());
        let outlived = going.into_iter().filter_map(|id| self.outlived(self.snapshots.get(id).copied()?));
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
fn places<'a>(decisions: &[(Backup<'a>, Result<PurgeReason, KeepReason>)]) -> Going<'a> {
    let released = decisions.iter().enumerate().filter(|(_, (_, decision))| decision.is_ok());
    released.map(|(place, (backup, _))| (&backup.image().id, place)).collect()
}

/// The newest available backups of each instance, as many as are to stay. What is listed in two ways is not counted: it
/// stays by itself, and takes nobody's place.
fn newest<'a>(images: &[Listed<'a>], question: &Question<'_>) -> HashSet<&'a ImageId> {
    if question.policy.keep_last == 0 {
        return HashSet::default();
    }
    let mut by_instance: BTreeMap<InstanceId, BTreeSet<(Timestamp, &'a ImageId)>> = BTreeMap::new();
    let alike = images.iter().filter(|listed| listed.otherwise.is_empty());
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
