//! The second road to every dangerous thing: a finished plan is asked again, from the inventory and the policy alone.
//!
//! Nothing here calls what made the plan: marks, release, shared snapshots and the cap are worked out anew, from the
//! raw tags and mappings. A plan the guard lets pass is a [`CheckedPlan`], and nothing else can be applied.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use crate::expiry::Expiry;
use crate::id::{ImageId, Region, SnapshotId};
use crate::inventory::{Image, ImageState, Inventory, Protection, RegionView, Scope, Snapshot};
use crate::plan::{Action, CopyImage, CreateImage, Plan, RemoveImage};
use crate::policy::{ImageRequest, MaxDeletes, PurgePolicy};

/// What a plan is checked against.
#[derive(Debug, Clone, Copy)]
pub enum Permit<'a> {
    /// The plan may image this instance, and finish copies.
    Image(&'a ImageRequest),
    /// The plan may finish copies.
    Resume,
    /// The plan may delete what this policy releases.
    Purge(&'a PurgePolicy),
}

/// A plan that may be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedPlan(Plan);

impl CheckedPlan {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.0
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

/// One thing wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// Where.
    pub region: Region,
    /// To which image or snapshot.
    pub subject: String,
    /// What.
    pub fault: Fault,
}

/// What can be wrong with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The permit allows no such step at all.
    NotPermitted,
    /// The region is not among those the policy names.
    RegionNotNamed,
    /// The region was not wholly seen.
    RegionNotWhollySeen,
    /// The subject is not in the inventory.
    NotSeen,
    /// It belongs to another account, or to nobody known.
    NotOwned,
    /// It does not bear our mark, nor does an image's mark cover it.
    NotMarked,
    /// Its expiry is absent, unreadable or not past.
    NotReleased,
    /// EC2 protects it.
    Protected,
    /// It is still being made.
    Pending,
    /// It is being copied, or may be.
    CopyInFlight,
    /// `--keep-last` wants it.
    KeptAsNewest,
    /// An image that stays is made of it.
    UnderLivingImage,
    /// It is not a snapshot of the image it is to go with.
    NotItsSnapshot,
    /// All snapshots were said to go, and not all were named.
    SnapshotsUnnamed,
    /// It is in the plan twice.
    Twice,
    /// A new image or copy would not bear our mark, or not the source's expiry.
    BornUnmarked,
    /// A copy within its own region.
    CopyToItself,
    /// The image to be copied is not available.
    SourceUnavailable,
}

/// Checks a plan and lets it pass whole, or not at all.
///
/// # Errors
/// [`Refusal`] with every objection found, or with the cap that is exceeded.
pub fn guard(plan: Plan, inventory: &Inventory, permit: Permit<'_>, now: Timestamp) -> Result<CheckedPlan, Refusal> {
    let mut guard = Guard { inventory, now, removed: BTreeSet::new(), deleted: BTreeSet::new(), objections: Vec::new() };
    for step in &plan.steps {
        if let Action::RemoveImage(remove) = &step.action
            && !guard.removed.insert((&step.region, &remove.image))
        {
            guard.object(&step.region, &remove.image, Fault::Twice);
        }
    }
    for step in &plan.steps {
        match (&step.action, permit) {
            (Action::CreateImage(create), Permit::Image(request)) => guard.create(&step.region, create, request),
            (Action::CopyImage(copy), Permit::Image(_) | Permit::Resume) => guard.copy(&step.region, copy),
            (Action::RemoveImage(remove), Permit::Purge(policy)) => guard.remove(&step.region, remove, policy),
            (Action::DeleteSnapshot(snapshot), Permit::Purge(policy)) => guard.delete(&step.region, snapshot, policy),
            (Action::CreateImage(create), _) => guard.object(&step.region, &create.name, Fault::NotPermitted),
            (Action::CopyImage(copy), _) => guard.object(&step.region, &copy.source, Fault::NotPermitted),
            (Action::RemoveImage(remove), _) => guard.object(&step.region, &remove.image, Fault::NotPermitted),
            (Action::DeleteSnapshot(snapshot), _) => guard.object(&step.region, snapshot, Fault::NotPermitted),
        }
    }
    if let Permit::Purge(policy) = permit {
        guard.keep_last(policy);
    }
    if !guard.objections.is_empty() {
        return Err(Refusal::Objections(guard.objections));
    }
    if let Permit::Purge(PurgePolicy { max_deletes: Some(cap), .. }) = permit {
        let (deletions, seen) = (plan.deletions().count(), plan.verdicts.len());
        if cap.is_exceeded(deletions, seen) {
            return Err(Refusal::TooMany { deletions, seen, cap: *cap });
        }
    }
    Ok(CheckedPlan(plan))
}

struct Guard<'a> {
    inventory: &'a Inventory,
    now: Timestamp,
    removed: BTreeSet<(&'a Region, &'a ImageId)>,
    deleted: BTreeSet<(&'a Region, &'a SnapshotId)>,
    objections: Vec<Objection>,
}

impl<'a> Guard<'a> {
    fn object(&mut self, region: &Region, subject: &impl ToString, fault: Fault) {
        self.objections.push(Objection { region: region.clone(), subject: subject.to_string(), fault });
    }

    fn require(&mut self, holds: bool, region: &Region, subject: &impl ToString, fault: Fault) {
        if !holds {
            self.object(region, subject, fault);
        }
    }

    fn create(&mut self, region: &Region, create: &CreateImage, request: &ImageRequest) {
        self.require(*region == request.region && create.instance == request.instance, region, &create.name, Fault::NotPermitted);
        let marked = [&create.image_tags, &create.snapshot_tags].iter().all(|tags| {
            tags.get("Creator") == Some("image-instance")
                && tags.get("Expire").map(str::to_owned) == request.expire.map(|at| at.to_string())
        });
        self.require(marked, region, &create.name, Fault::BornUnmarked);
    }

    fn copy(&mut self, region: &Region, copy: &CopyImage) {
        self.require(*region != copy.source_region, region, &copy.source, Fault::CopyToItself);
        let Some(source) = self.inventory.image(&copy.source_region, &copy.source) else {
            return self.object(region, &copy.source, Fault::NotSeen);
        };
        self.require(source.state == ImageState::Available, region, &copy.source, Fault::SourceUnavailable);
        self.require(self.owns(source.owner.as_ref()), region, &copy.source, Fault::NotOwned);
        let marked = [&source.tags, &copy.tags].iter().all(|tags| tags.get("Creator") == Some("image-instance"));
        let same_expiry = source.tags.get("Expire") == copy.tags.get("Expire");
        self.require(marked && same_expiry, region, &copy.source, Fault::BornUnmarked);
    }

    fn remove(&mut self, region: &'a Region, remove: &'a RemoveImage, policy: &PurgePolicy) {
        let Some(view) = self.whole(region, policy, &remove.image) else { return };
        let Some(image) = view.images.iter().find(|image| image.id == remove.image) else {
            return self.object(region, &remove.image, Fault::NotSeen);
        };
        let id = &image.id;
        self.require(self.owns(image.owner.as_ref()), region, id, Fault::NotOwned);
        self.require(image.tags.get("Creator") == Some("image-instance"), region, id, Fault::NotMarked);
        self.require(self.is_past(image.tags.get("Expire")), region, id, Fault::NotReleased);
        self.require(image.protection == Protection::Off, region, id, Fault::Protected);
        self.require(image.state != ImageState::Pending, region, id, Fault::Pending);
        self.require(!self.is_being_copied(image), region, id, Fault::CopyInFlight);
        let own: BTreeSet<&SnapshotId> = image.mappings.iter().filter_map(|mapping| mapping.snapshot.as_ref()).collect();
        for snapshot in &remove.snapshots {
            self.require(own.contains(snapshot), region, snapshot, Fault::NotItsSnapshot);
            self.snapshot(region, view, snapshot, Some(id));
        }
        let named: BTreeSet<&SnapshotId> = remove.snapshots.iter().collect();
        self.require(!remove.all_snapshots || named == own, region, id, Fault::SnapshotsUnnamed);
    }

    fn delete(&mut self, region: &'a Region, snapshot: &'a SnapshotId, policy: &PurgePolicy) {
        if let Some(view) = self.whole(region, policy, snapshot) {
            self.snapshot(region, view, snapshot, None);
        }
    }

    /// What must hold of every snapshot that is deleted, with the image `of` or as an orphan.
    fn snapshot(&mut self, region: &'a Region, view: &RegionView, id: &'a SnapshotId, of: Option<&ImageId>) {
        let first = self.deleted.insert((region, id));
        self.require(first, region, id, Fault::Twice);
        let Some(snapshot) = view.snapshots.iter().find(|snapshot| snapshot.id == *id) else {
            return self.object(region, id, Fault::NotSeen);
        };
        self.require(self.owns(snapshot.owner.as_ref()), region, id, Fault::NotOwned);
        let made_for_it = of.is_some() && snapshot.made_for.as_ref() == of;
        let marked = match snapshot.tags.get("Creator") {
            Some(creator) => creator == "image-instance",
            None => made_for_it,
        };
        self.require(marked, region, id, Fault::NotMarked);
        let released = match snapshot.tags.get("Expire") {
            None => made_for_it,
            expire => self.is_past(expire),
        };
        self.require(released, region, id, Fault::NotReleased);
        let stays = |image: &Image| of.is_none() || !self.removed.contains(&(region, &image.id));
        let used = view.images.iter().any(|image| image.state != ImageState::Deregistered && uses(image, snapshot) && stays(image));
        self.require(!used, region, id, Fault::UnderLivingImage);
    }

    fn whole(&mut self, region: &Region, policy: &PurgePolicy, subject: &impl ToString) -> Option<&'a RegionView> {
        self.require(policy.regions.contains(region), region, subject, Fault::RegionNotNamed);
        let view = self.inventory.regions.get(region).filter(|view| view.scope == Scope::Whole);
        self.require(view.is_some(), region, subject, Fault::RegionNotWhollySeen);
        view
    }

    fn owns(&self, owner: Option<&crate::id::AccountId>) -> bool {
        owner.is_some() && owner == self.inventory.account.as_ref()
    }

    fn is_past(&self, expire: Option<&str>) -> bool {
        expire.and_then(|text| Expiry::from_tag(text).ok()).is_some_and(|expiry| expiry.instant() < self.now)
    }

    fn is_being_copied(&self, image: &Image) -> bool {
        let pending_copy = self
            .inventory
            .regions
            .values()
            .flat_map(|view| &view.images)
            .any(|copy| copy.state == ImageState::Pending && copy.source_image.as_ref().is_some_and(|source| source.id == image.id));
        let destinations = image.tags.iter().filter_map(|(key, _)| key.strip_prefix("ami-backup:copy-to:")?.parse::<Region>().ok());
        let unseen = |region: &Region| self.inventory.regions.get(region).is_none_or(|view| matches!(view.scope, Scope::Unseen(_)));
        pending_copy || destinations.into_iter().any(|region| unseen(&region))
    }

    /// Of every instance that loses a backup in a region, as many available ones remain as are to stay (or had been there),
    /// and none that remains is older than an available one that goes.
    fn keep_last(&mut self, policy: &PurgePolicy) {
        let wanted = usize::try_from(policy.keep_last).unwrap_or(usize::MAX);
        if wanted == 0 {
            return;
        }
        for (region, view) in &self.inventory.regions {
            let mut series: BTreeMap<String, Vec<(&Image, bool)>> = BTreeMap::new();
            let available = view.images.iter().filter(|image| image.state == ImageState::Available);
            for image in available.filter(|image| image.tags.get("Creator") == Some("image-instance")) {
                let goes = self.removed.contains(&(region, &image.id));
                // As EC2 issues ids, so they are read: a tag that is none says nothing.
                let tagged = image.tags.get("Instance").filter(|id| id.parse::<crate::id::InstanceId>().is_ok());
                let instance = tagged.map(str::to_owned).or_else(|| image.source_instance.as_ref().map(ToString::to_string));
                match instance {
                    Some(instance) if image.created.is_some() => series.entry(instance).or_default().push((image, goes)),
                    _ if goes => self.objections.push(Objection {
                        region: region.clone(),
                        subject: image.id.to_string(),
                        fault: Fault::KeptAsNewest,
                    }),
                    _ => {}
                }
            }
            for mut backups in series.into_values() {
                backups.sort_by_key(|(image, _)| std::cmp::Reverse((image.created, &image.id)));
                for (image, _) in backups.iter().take(wanted).filter(|(_, goes)| *goes) {
                    self.objections.push(Objection { region: region.clone(), subject: image.id.to_string(), fault: Fault::KeptAsNewest });
                }
            }
        }
    }
}

fn uses(image: &Image, snapshot: &Snapshot) -> bool {
    let mapped = image.mappings.iter().any(|mapping| mapping.snapshot.as_ref() == Some(&snapshot.id));
    // A pending image may not name its snapshots yet.
    mapped || (image.state == ImageState::Pending && snapshot.made_for.as_ref() == Some(&image.id))
}

fn list(objections: &[Objection]) -> String {
    objections.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, subject, fault } = self;
        write!(f, "{subject} in {region}: {fault}")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPermitted => "this command does not do that",
            Self::RegionNotNamed => "its region was not named",
            Self::RegionNotWhollySeen => "its region was not wholly seen",
            Self::NotSeen => "it was not seen",
            Self::NotOwned => "it is not the account's own",
            Self::NotMarked => "it does not bear our mark",
            Self::NotReleased => "its expiry is not past",
            Self::Protected => "it is protected from deregistration",
            Self::Pending => "it is still being made",
            Self::CopyInFlight => "it is being copied, or may be",
            Self::KeptAsNewest => "it is to stay by --keep-last",
            Self::UnderLivingImage => "an image that stays is made of it",
            Self::NotItsSnapshot => "it is no snapshot of the image it is to go with",
            Self::SnapshotsUnnamed => "all its snapshots are to go, and not all are named",
            Self::Twice => "it is in the plan twice",
            Self::BornUnmarked => "it would not bear our mark and expiry",
            Self::CopyToItself => "it would be copied within its region",
            Self::SourceUnavailable => "it is not available, so it cannot be copied",
        })
    }
}
