//! The second road to every dangerous thing: a finished plan is asked again, from the inventory and the policy alone.
//!
//! Nothing here calls what made the plan: marks, release, shared snapshots and the cap are worked out anew, from the
//! raw tags and mappings. A plan the guard lets pass is a [`CheckedPlan`], and nothing else can be applied.

mod fault;
mod mend;
mod once;
mod retag;
mod series;
mod sight;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use jiff::Timestamp;

use crate::evidence::{Answer, Evidence, Reference, ReferenceKind};
use crate::expiry::Expiry;
use crate::id::{ImageId, InstanceId, Region, SeriesName, SnapshotId};
use crate::inventory::{Image, ImageState, Inventory, Protection, Scope, Snapshot, SnapshotState};
use crate::plan::purge::{Decision, Subject};
use crate::plan::retag::RetagRequest;
use crate::plan::{Action, CopyImage, CreateImage, Plan, RemoveImage, Step, Verdict};
use crate::policy::{ImageRequest, MaxDeletes, PurgePolicy, SeriesRules};
use crate::processors::{MANY, on_all_processors};
use crate::tags::Tags;

pub use fault::{Fault, Objection};
use series::Series;
use sight::{RegionSight, Said, Sight, SnapshotSight, are_alike};

/// What a plan is checked against.
#[derive(Debug, Clone, Copy)]
pub enum Permit<'a> {
    /// The plan may image this instance, and finish copies.
    Image(&'a ImageRequest),
    /// The plan may finish copies.
    Resume,
    /// The plan may change these tags of this backup.
    Retag(&'a RetagRequest),
    /// The plan may delete what this policy releases.
    Purge(&'a PurgePolicy),
    /// The plan may deprecate and protect what these rules keep, as they say.
    Mend(&'a SeriesRules),
}

/// A plan that may be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedPlan(Plan);

impl CheckedPlan {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }

    /// Its steps, in their order.
    pub fn steps(&self) -> impl Iterator<Item = CheckedStep> {
        self.0.steps.iter().cloned().map(CheckedStep)
    }
}

/// A step of a plan that the guard let pass. Nobody else can make one:
///
/// ```compile_fail,E0423
/// # use planner::plan::{Action, Step};
/// # let (region, snapshot) = ("us-east-1".parse().unwrap(), "snap-12345678".parse().unwrap());
/// planner::guard::CheckedStep(Step { region, action: Action::DeleteSnapshot(snapshot) });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedStep(Step);

impl CheckedStep {
    /// The region whose endpoint is asked.
    pub fn region(&self) -> &Region {
        &self.0.region
    }

    /// What is asked of it.
    pub fn action(&self) -> &Action {
        &self.0.action
    }
}

/// Why a plan may not be applied. Nothing of it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The user's cap on deletions.
    #[error(
        "this run would delete {deletions} of {seen} backups and orphan snapshots, more than --max-deletes {cap} allows; nothing was deleted"
    )]
    TooMany {
        /// Images and orphan snapshots to be deleted.
        deletions: usize,
        /// Backups and orphan snapshots seen.
        seen: usize,
        /// The cap.
        cap: MaxDeletes,
    },
    /// The plan holds something it must not: a defect of this program.
    #[error("the plan was refused by the safety check, and nothing was done; please report this: {}", list(.0))]
    Objections(Vec<Objection>),
}

/// Checks a plan and lets it pass whole, or not at all.
///
/// # Errors
/// [`Refusal`] with every objection found, or with the cap that is exceeded.
pub fn guard(plan: Plan, inventory: &Inventory, permit: Permit<'_>, now: Timestamp) -> Result<CheckedPlan, Refusal> {
    check(&plan, inventory, permit, now)?;
    Ok(CheckedPlan(plan))
}

fn check(plan: &Plan, inventory: &Inventory, permit: Permit<'_>, now: Timestamp) -> Result<(), Refusal> {
    let guard = Guard::new(inventory, plan, permit, now);
    // In the order of the memory that has to be looked at, which takes a fraction of the time. No step is judged by another's judgement.
    let mut steps: Vec<(usize, &Step)> = plan.steps.iter().enumerate().collect();
    steps.sort_by_cached_key(|(_, step)| guard.sight.place(step));
    let checked = on_all_processors(&steps, MANY, |(place, step)| (*place, guard.objections(*place, step, permit)));
    // Nothing passes that was not looked at.
    assert_eq!(checked.len(), plan.steps.len(), "a step was not checked");
    let of_each = checked.into_iter().flat_map(|(place, objections)| objections.into_iter().map(move |objection| (place, objection)));
    let mut objections: Vec<(usize, Objection)> = once::twice(plan).into_iter().chain(of_each).collect();
    objections.sort_by_key(|(place, _)| *place);
    let mut objections: Vec<Objection> = objections.into_iter().map(|(_, objection)| objection).collect();
    if let Permit::Purge(policy) = permit {
        objections.extend(guard.keep_last(policy));
    }
    if !objections.is_empty() {
        return Err(Refusal::Objections(objections));
    }
    if let Permit::Purge(PurgePolicy { max_deletes: Some(cap), regions, .. }) = permit {
        let deletions = plan.deletions().count();
        let seen = regions.iter().map(|region| guard.sight.count(region)).sum();
        if cap.is_exceeded(deletions, seen) {
            return Err(Refusal::TooMany { deletions, seen, cap: *cap });
        }
    }
    Ok(())
}

/// What all steps are asked by.
struct Guard<'a> {
    sight: Sight<'a>,
    now: Timestamp,
    /// The images the plan removes, and at which step.
    removed: HashMap<(&'a Region, &'a ImageId), usize>,
    /// The deletions that the verdicts show: of an image or orphan, with these snapshots.
    shown: HashSet<(&'a Region, &'a str, &'a [SnapshotId])>,
    /// Where a policy's series decide what stays.
    series: Option<Series<'a>>,
}

/// The questions to one step.
struct Check<'g, 'a> {
    guard: &'g Guard<'a>,
    /// The step's place in the plan.
    place: usize,
    objections: Vec<Objection>,
}

impl<'a> Deref for Check<'_, 'a> {
    type Target = Guard<'a>;

    fn deref(&self) -> &Guard<'a> {
        self.guard
    }
}

impl<'a> Guard<'a> {
    fn new(inventory: &'a Inventory, plan: &'a Plan, permit: Permit<'a>, now: Timestamp) -> Self {
        let mut removed = HashMap::with_capacity(plan.steps.len());
        removed.extend(plan.steps.iter().enumerate().filter_map(|(place, step)| match &step.action {
            Action::RemoveImage(remove) => Some(((&step.region, &remove.image), place)),
            Action::CreateImage(_) | Action::CopyImage(_) | Action::DeleteSnapshot(_) | Action::Retag(_) | Action::Mend(_) => None,
        }));
        let mut shown_to_go = HashSet::with_capacity(plan.steps.len());
        shown_to_go.extend(plan.verdicts.iter().filter_map(shown));
        let sight = Sight::of(inventory);
        let rules = match permit {
            Permit::Purge(policy) => policy.series.as_ref(),
            Permit::Mend(rules) => Some(rules),
            Permit::Image(_) | Permit::Resume | Permit::Retag(_) => None,
        };
        Self { series: rules.map(|rules| Series::of(rules, &sight, now)), sight, now, removed, shown: shown_to_go }
    }

    fn objections(&self, place: usize, step: &Step, permit: Permit<'_>) -> Vec<Objection> {
        let mut check = Check { guard: self, place, objections: Vec::new() };
        check.step(step, permit);
        check.objections
    }
}

impl<'a> Check<'_, 'a> {
    fn step(&mut self, step: &Step, permit: Permit<'_>) {
        let region = &step.region;
        match (&step.action, permit) {
            (Action::CreateImage(create), Permit::Image(request)) => self.create(region, create, request),
            (Action::CopyImage(copy), Permit::Image(_) | Permit::Resume) => self.copy(region, copy),
            (Action::RemoveImage(remove), Permit::Purge(policy)) => self.remove(region, remove, policy),
            (Action::DeleteSnapshot(snapshot), Permit::Purge(policy)) => self.delete(region, snapshot, policy),
            (Action::Retag(retag), Permit::Retag(request)) => self.retag(region, retag, request),
            (Action::Mend(mend), Permit::Mend(_)) => self.mend(region, mend),
            (Action::CreateImage(create), _) => self.object(region, &create.name, Fault::NotPermitted),
            (Action::CopyImage(copy), _) => self.object(region, &copy.source, Fault::NotPermitted),
            (Action::RemoveImage(remove), _) => self.object(region, &remove.image, Fault::NotPermitted),
            (Action::DeleteSnapshot(snapshot), _) => self.object(region, snapshot, Fault::NotPermitted),
            (Action::Retag(retag), _) => self.object(region, &retag.image, Fault::NotPermitted),
            (Action::Mend(mend), _) => self.object(region, &mend.image, Fault::NotPermitted),
        }
    }

    fn object(&mut self, region: &Region, subject: &impl ToString, fault: Fault) {
        self.objections.push(Objection { region: region.clone(), subject: subject.to_string(), fault });
    }

    fn require(&mut self, holds: bool, region: &Region, subject: &impl ToString, fault: Fault) {
        if !holds {
            self.object(region, subject, fault);
        }
    }

    fn create(&mut self, region: &Region, create: &CreateImage, request: &ImageRequest) {
        let name = &create.name;
        self.require(*region == request.region && create.instance == request.instance, region, name, Fault::NotPermitted);
        self.require(!create.reboot || request.reboot, region, name, Fault::Reboot);
        let left_out = request.series.as_ref().map(|series| &series.excluded_devices);
        let may_be_left_out = |device: &String| left_out.is_some_and(|devices| devices.contains(device));
        self.require(create.excluded_devices.iter().all(may_be_left_out), region, name, Fault::LeavesOut);
        let marked = [&create.image_tags, &create.snapshot_tags].iter().all(|tags| {
            tags.get("Creator") == Some("image-instance")
                && tags.get("Instance") == Some(request.instance.as_str())
                && tags.get("Expire").map(str::to_owned) == request.expire.map(|at| at.to_string())
                && tags.get("ami-backup:series") == request.series.as_ref().map(|series| series.name.as_str())
        });
        self.require(marked, region, name, Fault::BornUnmarked);
    }

    fn copy(&mut self, region: &Region, copy: &CopyImage) {
        let id = &copy.source;
        self.require(*region != copy.source_region, region, id, Fault::CopyToItself);
        let Some(sources) = self.sight.regions.get(&copy.source_region).and_then(|region| region.images.get(id)).cloned() else {
            return self.object(region, id, Fault::NotSeen);
        };
        for source in sources {
            self.copy_of(region, copy, source);
        }
    }

    fn copy_of(&mut self, region: &Region, copy: &CopyImage, source: &Image) {
        let id = &copy.source;
        self.require(source.state == ImageState::Available, region, id, Fault::SourceUnavailable);
        self.require(self.sight.owns(source.owner.as_ref()), region, id, Fault::NotOwned);
        let marked = source.tags.get("Creator") == Some("image-instance");
        let alike = ["Creator", "Instance", "Expire", "ami-backup:series"].iter().all(|key| source.tags.get(key) == copy.tags.get(key));
        self.require(marked && alike, region, id, Fault::BornUnmarked);
        let asked = source.tags.get(&format!("ami-backup:copy-to:{region}")).is_some_and(|intent| {
            let more = intent.split_once(' ').map_or("", |(_, more)| more);
            let (within, encryption) = match more.strip_prefix("completion=") {
                Some(more) => more.split_once(' ').map_or((Some(more), ""), |(within, encryption)| (Some(within), encryption)),
                None => (None, more),
            };
            (encryption.is_empty() || encryption == copy.encryption.to_string())
                && within == copy.completion.map(|completion| completion.to_string()).as_deref()
        });
        self.require(asked, region, id, Fault::NotAskedFor);
    }

    fn remove(&mut self, region: &Region, remove: &RemoveImage, policy: &PurgePolicy) {
        let id = &remove.image;
        self.require(self.shown.contains(&(region, id.as_str(), &remove.snapshots)), region, id, Fault::NotShown);
        if !self.is_whole(region, id, policy) {
            return;
        }
        let Some(images) = self.sight.regions.get(region).and_then(|region| region.images.get(id)).cloned() else {
            return self.object(region, id, Fault::NotSeen);
        };
        self.require(are_alike(&images), region, id, Fault::ListedUnlike);
        for image in images {
            self.remove_image(region, remove, image, policy);
        }
        for snapshot in &remove.snapshots {
            self.snapshot(region, snapshot, true, policy);
        }
    }

    fn remove_image(&mut self, region: &Region, remove: &RemoveImage, image: &'a Image, policy: &PurgePolicy) {
        let id = &remove.image;
        self.require(self.sight.owns(image.owner.as_ref()), region, id, Fault::NotOwned);
        self.require(image.tags.get("Creator") == Some("image-instance"), region, id, Fault::NotMarked);
        let release = match (image.tags.get("Expire"), &self.series) {
            (None, Some(series)) => series.against_image(region, image),
            (expire, _) => self.against_expiry(expire, image.tags.get("ami-backup:series")),
        };
        if let Some(fault) = release {
            self.object(region, id, fault);
        }
        let is_agreed = policy.agreed.as_ref().is_none_or(|agreed| agreed.images.contains(&(region.clone(), id.clone())));
        self.require(is_agreed, region, id, Fault::NotAgreed);
        let said: Said<'_, Snapshot> = self.sight.regions.get(region).into_iter().flat_map(|sight| sight.snapshots_of(image)).collect();
        let is_pinned = [&image.tags].into_iter().chain(said.iter().map(|snapshot| &snapshot.tags)).any(is_pinned);
        self.require(!is_pinned, region, id, Fault::Pinned);
        self.require(image.protection == Protection::Off, region, id, Fault::Protected);
        self.require(image.state != ImageState::Deregistered, region, id, Fault::Deregistered);
        self.require(image.state != ImageState::Pending, region, id, Fault::Pending);
        self.require(!self.sight.is_being_copied(image), region, id, Fault::CopyInFlight);
        let own = || image.mappings.iter().map(|mapping| mapping.snapshot.as_ref());
        let is_own = |snapshot: &SnapshotId| own().any(|own| own == Some(snapshot));
        for snapshot in &remove.snapshots {
            self.require(is_own(snapshot), region, snapshot, Fault::NotItsSnapshot);
        }
        let are_all = own().all(|own| own.is_some_and(|own| remove.snapshots.contains(own))) && remove.snapshots.iter().all(is_own);
        self.require(!remove.all_snapshots || are_all, region, id, Fault::SnapshotsUnnamed);
        let covered = self.covered(image, &said);
        self.require(covered.is_empty() || remove.all_snapshots, region, id, Fault::Stranded);
        self.require(covered.iter().all(|snapshot| remove.covered.contains(snapshot)), region, id, Fault::CoveredUnnamed);
        let Some(sight) = self.sight.regions.get(region) else { return };
        let Evidence { references, launch_configurations, locks, binned } = sight.evidence;
        let locked = own().flatten().any(|snapshot| is_locked(locks, snapshot));
        let has_none = own().flatten().next().is_none();
        let counts = |reference: &Reference| policy.keep_launched || !matches!(reference.kind, ReferenceKind::Instance);
        let [to_it, by_configurations] = [references, launch_configurations].map(|answer| match answer {
            Answer::Told(told) => told.get(id),
            Answer::NotAsked | Answer::Unknown(_) | Answer::Failed(_) => None,
        });
        let referenced = [to_it, by_configurations].into_iter().flatten().flatten().any(counts);
        let checked = to_it.is_some() && is_told(launch_configurations) && (has_none || is_told(locks));
        let untold = is_told(references) && to_it.is_none();
        let broken_off = untold || has_failed(references) || has_failed(launch_configurations) || (!has_none && has_failed(locks));
        self.require(!locked, region, id, Fault::Locked);
        self.require(!referenced, region, id, Fault::Referenced);
        self.require(!lies_in(binned, id), region, id, Fault::InRecycleBin);
        self.require(checked || !policy.require_checks && !broken_off, region, id, Fault::NotChecked);
    }

    /// The snapshots, of those that an image names, that nothing but this image says are ours and to go: once it is gone they could not
    /// be found.
    fn covered(&self, image: &Image, said: &[&'a Snapshot]) -> Vec<&'a SnapshotId> {
        let is_backup = image.tags.get("Creator") == Some("image-instance") && image.state != ImageState::Deregistered;
        let tells = |snapshot: &Snapshot| match snapshot.tags.get("Creator") {
            None => false,
            Some("image-instance") => snapshot.tags.get("Expire").is_some() || self.series.is_some() && is_of_series(&snapshot.tags),
            Some(_) => true,
        };
        let named = said.iter().filter(|_| is_backup);
        let made_for_it = named.filter(|snapshot| snapshot.made_for.as_ref() == Some(&image.id) && snapshot.owner == image.owner);
        made_for_it.filter(|snapshot| !tells(snapshot)).map(|snapshot| &snapshot.id).collect()
    }

    fn delete(&mut self, region: &Region, id: &SnapshotId, policy: &PurgePolicy) {
        self.require(self.shown.contains(&(region, id.as_str(), &[])), region, id, Fault::NotShown);
        let is_agreed = policy.agreed.as_ref().is_none_or(|agreed| agreed.orphans.contains(&(region.clone(), id.clone())));
        self.require(is_agreed, region, id, Fault::NotAgreed);
        if self.is_whole(region, id, policy) {
            self.snapshot(region, id, false, policy);
        }
    }

    /// What must hold of every snapshot that is deleted, with an image or as an orphan.
    fn snapshot(&mut self, region: &Region, id: &SnapshotId, with_image: bool, policy: &PurgePolicy) {
        let Some(sight) = self.sight.regions.get(region) else { return };
        let Some(SnapshotSight { said, users }) = sight.snapshot(id).cloned() else { return self.object(region, id, Fault::NotSeen) };
        self.require(said.windows(2).all(|pair| pair[0] == pair[1]), region, id, Fault::ListedUnlike);
        for snapshot in said {
            self.snapshot_as_listed(region, snapshot, &users, with_image, policy);
        }
    }

    fn snapshot_as_listed(
        &mut self,
        region: &Region,
        snapshot: &'a Snapshot,
        users: &[&'a ImageId],
        with_image: bool,
        policy: &PurgePolicy,
    ) {
        let id = &snapshot.id;
        let Some(sight) = self.sight.regions.get(region) else { return };
        let Evidence { references: _, launch_configurations: _, locks, binned } = sight.evidence;
        let is_gone = |image: &ImageId| self.removed.get(&(region, image)).is_some_and(|at| *at <= self.place);
        let used = users.iter().any(|image| !with_image || !is_gone(image));
        let made_for = snapshot.made_for.as_ref();
        // A pending image, or one that failed, may not name the snapshots that were made for it.
        let awaiting = made_for.filter(|image| sight.has(image));
        let awaited = awaiting.is_some_and(|image| !self.removed.contains_key(&(region, image)));
        // The mark of an image covers, and its release releases, what EC2 made for it and stands in its mappings.
        let covered = || with_image && made_for.is_some_and(|image| users.contains(&image) && is_gone(image));
        let marked = snapshot.tags.get("Creator").map_or_else(covered, |creator| creator == "image-instance");
        let release = match (snapshot.tags.get("Expire"), &self.series) {
            (None, Some(series)) if !with_image => series.against_orphan(region, snapshot),
            (None, _) => (!covered()).then_some(Fault::NotReleased),
            (Some(expire), _) if with_image => (!self.is_past(Some(expire))).then_some(Fault::NotReleased),
            (Some(expire), _) => self.against_expiry(Some(expire), snapshot.tags.get("ami-backup:series")),
        };
        let restorable = made_for.is_some_and(|image| lies_in(binned, image));
        let outlives = made_for.is_some() && awaiting.is_none();
        let checked = (with_image || is_told(locks)) && (!outlives || is_told(binned));
        let broken_off = !with_image && has_failed(locks) || outlives && has_failed(binned);
        self.require(!used && !awaited, region, id, Fault::UnderLivingImage);
        self.require(self.sight.owns(snapshot.owner.as_ref()), region, id, Fault::NotOwned);
        self.require(marked, region, id, Fault::NotMarked);
        if let Some(fault) = release {
            self.object(region, id, fault);
        }
        self.require(!is_pinned(&snapshot.tags), region, id, Fault::Pinned);
        self.require(with_image || snapshot.state != SnapshotState::Pending, region, id, Fault::Pending);
        self.require(!is_locked(locks, id), region, id, Fault::Locked);
        self.require(!restorable, region, id, Fault::InRecycleBin);
        self.require(checked || !policy.require_checks && !broken_off, region, id, Fault::NotChecked);
    }

    fn is_whole(&mut self, region: &Region, subject: &impl ToString, policy: &PurgePolicy) -> bool {
        self.require(policy.regions.contains(region), region, subject, Fault::RegionNotNamed);
        let whole = self.sight.regions.get(region).is_some_and(|region| *region.scope == Scope::Whole);
        self.require(whole, region, subject, Fault::RegionNotWhollySeen);
        whole
    }

    /// What is wrong with the going of something by its own expiry: a policy lets only what is of a series go by it.
    fn against_expiry(&self, expire: Option<&str>, series: Option<&str>) -> Option<Fault> {
        if self.series.is_some() && !series.is_some_and(is_series) {
            return Some(Fault::NotOfPolicy);
        }
        (!self.is_past(expire)).then_some(Fault::NotReleased)
    }

    fn is_past(&self, expire: Option<&str>) -> bool {
        expire.and_then(|text| Expiry::from_tag(text).ok()).is_some_and(|expiry| expiry.instant() < self.now)
    }
}

impl<'a> Guard<'a> {
    /// Of every instance that loses an available backup in a region, as many available ones remain as are to stay, and
    /// none that remains is older than one that goes.
    fn keep_last(&self, policy: &PurgePolicy) -> Vec<Objection> {
        let wanted = usize::try_from(policy.keep_last).unwrap_or(usize::MAX);
        let mut kept: Vec<Objection> = Vec::new();
        if wanted == 0 {
            return kept;
        }
        for (region, sight) in &self.sight.regions {
            let object = |image: &Image| Objection { region: (*region).clone(), subject: image.id.to_string(), fault: Fault::KeptAsNewest };
            let goes = |image: &Image| self.removed.contains_key(&(*region, &image.id));
            let mut series: BTreeMap<&str, Vec<&Image>> = BTreeMap::new();
            for image in self.ours_and_available(sight) {
                match instance(image).filter(|_| image.created.is_some()) {
                    Some(instance) => series.entry(instance).or_default().push(image),
                    None if goes(image) => kept.push(object(image)),
                    None => {}
                }
            }
            for mut backups in series.into_values() {
                backups.sort_by_key(|image| std::cmp::Reverse((image.created, &image.id)));
                kept.extend(backups.into_iter().take(wanted).filter(|image| goes(image)).map(object));
            }
        }
        kept
    }

    fn ours_and_available(&self, sight: &RegionSight<'a>) -> impl Iterator<Item = &'a Image> {
        let listed_alike = sight.images.values().filter(|images| are_alike(images)).filter_map(|images| images.first().copied());
        let available = listed_alike.filter(|image| image.state == ImageState::Available);
        available.filter(|image| image.tags.get("Creator") == Some("image-instance") && self.sight.owns(image.owner.as_ref()))
    }
}

/// The instance an image is surely a backup of. A tag that is no instance id says nothing, and one that contradicts EC2
/// leaves it open.
fn instance(image: &Image) -> Option<&str> {
    let tagged = image.tags.get("Instance").filter(|text| text.parse::<InstanceId>().is_ok());
    let source = image.source_instance.as_ref().map(InstanceId::as_str);
    match (tagged, source) {
        (Some(tagged), Some(source)) if tagged != source => None,
        (tagged, source) => tagged.or(source),
    }
}

fn is_pinned(tags: &Tags) -> bool {
    tags.get("ami-backup:pin").is_some()
}

fn is_of_series(tags: &Tags) -> bool {
    tags.get("ami-backup:series").is_some_and(is_series)
}

fn is_series(name: &str) -> bool {
    name.parse::<SeriesName>().is_ok()
}

fn is_told<T>(answer: &Answer<T>) -> bool {
    matches!(answer, Answer::Told(_))
}

/// Whether EC2 could have told, and did not.
fn has_failed<T>(answer: &Answer<T>) -> bool {
    matches!(answer, Answer::Failed(_))
}

/// Whether EC2 told of a lock that is not over.
fn is_locked(locks: &Answer<BTreeMap<SnapshotId, String>>, snapshot: &SnapshotId) -> bool {
    matches!(locks, Answer::Told(locks) if locks.get(snapshot).is_some_and(|state| state != "expired"))
}

fn lies_in(bin: &Answer<BTreeSet<ImageId>>, image: &ImageId) -> bool {
    matches!(bin, Answer::Told(images) if images.contains(image))
}

fn shown(verdict: &Verdict) -> Option<(&Region, &str, &[SnapshotId])> {
    let Decision::Purge { snapshots, .. } = &verdict.decision else { return None };
    let subject = match &verdict.subject {
        Subject::Backup(backup) => backup.image.as_str(),
        Subject::Orphan { snapshot, .. } => snapshot.as_str(),
    };
    Some((&verdict.region, subject, snapshots.as_slice()))
}

fn list(objections: &[Objection]) -> String {
    objections.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
