//! What EC2 says against deleting something, and what it could not be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use foldhash::HashSet;
use schemars::JsonSchema;
use serde::Serialize;

use crate::evidence::{Answer, Check, Evidence, Reference, ReferenceKind};
use crate::id::{ImageId, Region, SnapshotId};
use crate::inventory::{Image, ImageState, Inventory, RegionView, Snapshot};
use crate::plan::Plan;
use crate::plan::purge::{Decision, KeepReason, Subject, Verdict};

/// EC2's word for a lock that is over (ec2-semantics 4.3).
const LOCK_IS_OVER: &str = "expired";

const NOBODY_ASKED: &str = "nobody asked";
const NOT_TOLD: &str = "EC2 did not tell of it";

/// What would go if EC2 had nothing to say against it: what the checks are about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidates {
    /// The images.
    pub images: BTreeMap<Region, BTreeSet<ImageId>>,
    /// The snapshots of these images, those that would stay included, and the orphans.
    pub snapshots: BTreeMap<Region, BTreeSet<SnapshotId>>,
    /// The images that are not there any more and that some of these snapshots, orphans as a rule, were made for.
    pub orphans_of: BTreeMap<Region, BTreeSet<ImageId>>,
}

/// A check that was wanted for something that goes, or that stays for want of it, and that could not be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnmadeCheck {
    /// Where.
    pub region: Region,
    /// Which.
    pub check: Check,
    /// Why it could not be made.
    pub why: String,
    /// Whether what it might have spoken for was kept.
    pub keeps: bool,
}

impl fmt::Display for UnmadeCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, check, why, keeps: _ } = self;
        write!(f, "{check} of {region} could not be read: {why}")
    }
}

/// The checks that a purge missed: for each region and check one, however many things it was wanted for.
///
/// `required` is what the policy says of checks.
pub fn unmade_checks(plan: &Plan, inventory: &Inventory, required: bool) -> Vec<UnmadeCheck> {
    let mut wanted: BTreeMap<&Region, Wanted<'_>> = BTreeMap::new();
    for Verdict { region, subject, decision } in &plan.verdicts {
        wanted.entry(region).or_default().add(subject, decision);
    }
    let unmade = wanted.into_iter().filter_map(|(region, wanted)| Some((region, wanted.unmade(inventory.regions.get(region)?))));
    let each = unmade.flat_map(|(region, checks)| {
        let unmade = |(check, Why { text, may_go }): (Check, Why<'_>)| UnmadeCheck {
            region: region.clone(),
            check,
            why: text.to_owned(),
            keeps: required || !may_go,
        };
        checks.into_iter().map(unmade).collect::<Vec<_>>()
    });
    each.collect()
}

/// What the checks of one region were wanted for.
#[derive(Default)]
struct Wanted<'a> {
    images: HashSet<&'a ImageId>,
    orphans: HashSet<&'a SnapshotId>,
    /// The snapshots that go with an image.
    with_image: HashSet<&'a SnapshotId>,
}

impl<'a> Wanted<'a> {
    fn add(&mut self, subject: &'a Subject, decision: &'a Decision) {
        match decision {
            Decision::Keep { reason: KeepReason::NotChecked { .. } } => {}
            Decision::Keep { .. } => return,
            Decision::Purge { snapshots, left, .. } => {
                let unchecked = left.iter().filter(|left| matches!(left.reason, KeepReason::NotChecked { .. }));
                self.with_image.extend(snapshots.iter().chain(unchecked.map(|left| &left.snapshot)));
            }
        }
        match subject {
            Subject::Backup(label) => self.images.insert(&label.image),
            Subject::Orphan { snapshot, .. } => self.orphans.insert(snapshot),
        };
    }

    fn unmade(&self, view: &'a RegionView) -> Vec<(Check, Why<'a>)> {
        let Evidence { references, launch_configurations, locks, binned } = &view.evidence;
        // Of several reasons, the one that keeps is told.
        let not_asked_about = || self.images.iter().filter_map(|image| why_no_references(references, image)).min_by_key(|why| why.may_go);
        let mut unmade = Vec::new();
        unmade.extend(not_asked_about().map(|why| (Check::References, why)));
        unmade.extend(why(launch_configurations).filter(|_| !self.images.is_empty()).map(|why| (Check::LaunchConfigurations, why)));
        unmade.extend(why(locks).filter(|_| self.holds_snapshots(view)).map(|why| (Check::Locks, why)));
        unmade.extend(why(binned).filter(|_| self.outlived_images(view)).map(|why| (Check::RecycleBin, why)));
        unmade
    }

    fn holds_snapshots(&self, view: &RegionView) -> bool {
        let has_some = |image: &Image| self.images.contains(&image.id) && image.snapshots().next().is_some();
        !self.orphans.is_empty() || view.images.iter().any(has_some)
    }

    fn outlived_images(&self, view: &RegionView) -> bool {
        let gone: HashSet<&ImageId> =
            view.images.iter().filter(|image| image.state == ImageState::Deregistered).map(|image| &image.id).collect();
        let there: HashSet<&ImageId> = view.images.iter().map(|image| &image.id).filter(|image| !gone.contains(image)).collect();
        let wanted = |snapshot: &&Snapshot| self.orphans.contains(&snapshot.id) || self.with_image.contains(&snapshot.id);
        let mut snapshots = view.snapshots.iter().filter(wanted);
        snapshots.any(|snapshot| snapshot.made_for.as_ref().is_some_and(|image| !there.contains(image)))
    }
}

/// What is known against removing an image.
pub(super) fn against_image(evidence: &Evidence, image: &Image, keep_launched: bool) -> Result<(), KeepReason> {
    // Always the same one, whichever device EC2 lists first.
    if let Some(snapshot) = image.snapshots().filter(|snapshot| against_deleting(evidence, snapshot).is_err()).min() {
        against_deleting(evidence, snapshot)?;
    }
    let counts = |reference: &&Reference| keep_launched || reference.kind != ReferenceKind::Instance;
    let told = [&evidence.references, &evidence.launch_configurations].into_iter().filter_map(Answer::told);
    let references: BTreeSet<&Reference> = told.filter_map(|told| told.get(&image.id)).flatten().filter(counts).collect();
    if let Some(by) = references.first() {
        return Err(KeepReason::Referenced { by: (*by).clone(), count: references.len() });
    }
    not_binned(evidence, Some(&image.id))
}

/// What is known against deleting a snapshot by itself.
pub(super) fn against_deleting(evidence: &Evidence, snapshot: &SnapshotId) -> Result<(), KeepReason> {
    match evidence.locks.told().and_then(|locks| locks.get(snapshot)) {
        Some(lock) if lock != LOCK_IS_OVER => Err(KeepReason::Locked { snapshot: snapshot.clone(), lock: lock.clone() }),
        Some(_) | None => Ok(()),
    }
}

/// Whether an image, or the image that a snapshot was made for, is out of the Recycle Bin as far as is known.
pub(super) fn not_binned(evidence: &Evidence, image: Option<&ImageId>) -> Result<(), KeepReason> {
    match image.filter(|image| evidence.binned.told().is_some_and(|binned| binned.contains(image))) {
        Some(image) => Err(KeepReason::InRecycleBin { image: image.clone() }),
        None => Ok(()),
    }
}

/// Whether enough has been found out of what could speak for an image. `required`: all of it is enough, and nothing less.
pub(super) fn image_checked(evidence: &Evidence, image: &Image, required: bool) -> Result<(), KeepReason> {
    if image.snapshots().next().is_some() {
        locks_checked(evidence, required)?;
    }
    made(Check::References, why_no_references(&evidence.references, &image.id), required)?;
    made(Check::LaunchConfigurations, why(&evidence.launch_configurations), required)
}

pub(super) fn locks_checked(evidence: &Evidence, required: bool) -> Result<(), KeepReason> {
    made(Check::Locks, why(&evidence.locks), required)
}

pub(super) fn bin_checked(evidence: &Evidence, required: bool) -> Result<(), KeepReason> {
    made(Check::RecycleBin, why(&evidence.binned), required)
}

fn made(check: Check, why: Option<Why<'_>>, required: bool) -> Result<(), KeepReason> {
    match why {
        Some(Why { text, may_go }) if required || !may_go => Err(KeepReason::NotChecked { check, why: text.to_owned() }),
        Some(_) | None => Ok(()),
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy)]
struct Why<'a> {
    text: &'a str,
    /// Whether that need not keep anything: an answer will not come another time either.
    may_go: bool,
}

/// Why it is not known what refers to an image.
fn why_no_references<'a>(references: &'a Answer<BTreeMap<ImageId, Vec<Reference>>>, image: &ImageId) -> Option<Why<'a>> {
    match references {
        // EC2 tells of others, and so it could of this one.
        Answer::Told(told) => (!told.contains_key(image)).then_some(Why { text: NOT_TOLD, may_go: false }),
        Answer::NotAsked | Answer::Unknown(_) | Answer::Failed(_) => why(references),
    }
}

fn why<T>(answer: &Answer<T>) -> Option<Why<'_>> {
    match answer {
        Answer::Told(_) => None,
        Answer::NotAsked => Some(Why { text: NOBODY_ASKED, may_go: true }),
        Answer::Unknown(why) => Some(Why { text: why, may_go: true }),
        Answer::Failed(why) => Some(Why { text: why, may_go: false }),
    }
}
