//! The inventory, arranged for the guard to look things up in: built by the guard itself, from nothing else.

use foldhash::fast::RandomState;
use foldhash::{HashMap, HashSet};
use indexmap::IndexMap;
use smallvec::SmallVec;

use crate::evidence::Evidence;
use crate::id::{AccountId, ImageId, Region, SnapshotId};
use crate::inventory::{Image, ImageState, Inventory, RegionView, Scope, Snapshot};
use crate::plan::{Action, Step};

pub(super) struct Sight<'a> {
    pub(super) account: Option<&'a AccountId>,
    pub(super) regions: HashMap<&'a Region, RegionSight<'a>>,
    being_copied: HashSet<&'a ImageId>,
}

pub(super) struct RegionSight<'a> {
    pub(super) scope: &'a Scope,
    pub(super) evidence: &'a Evidence,
    /// Everything that is said of each image: two pages of a listing can say different things.
    pub(super) images: Things<&'a ImageId, Said<'a, Image>>,
    snapshots: Things<&'a SnapshotId, SnapshotSight<'a>>,
}

/// Kept in the order of the listing, which is that of the memory.
type Things<Id, T> = IndexMap<Id, T, RandomState>;

/// All that is said of one thing: hardly ever more than once.
pub(super) type Said<'a, T> = SmallVec<[&'a T; 1]>;

/// A snapshot that is listed, or that the mappings of an image name.
#[derive(Clone, Default)]
pub(super) struct SnapshotSight<'a> {
    /// Everything that is said of it; nothing, if it is not listed.
    pub(super) said: Said<'a, Snapshot>,
    /// The images that are there and made of it.
    pub(super) users: Said<'a, ImageId>,
}

impl<'a> Sight<'a> {
    pub(super) fn of(inventory: &'a Inventory) -> Self {
        let regions: HashMap<&Region, RegionSight<'_>> =
            inventory.regions.iter().map(|(region, view)| (region, RegionSight::of(view))).collect();
        let images = inventory.regions.values().flat_map(|view| &view.images);
        // EC2 names a source for images made of instances, too; those are no copies.
        let copies = images.filter(|image| image.state == ImageState::Pending && image.source_instance.is_none());
        let being_copied = copies.filter_map(|copy| Some(&copy.source_image.as_ref()?.id)).collect();
        Self { account: inventory.account.as_ref(), regions, being_copied }
    }

    /// Where what a step is about lies: in which region, among its images or its snapshots, and there.
    pub(super) fn place<'p>(&self, step: &'p Step) -> Option<(&'p Region, bool, usize)> {
        let region = self.regions.get(&step.region)?;
        match &step.action {
            Action::RemoveImage(remove) => Some((&step.region, false, region.images.get_index_of(&remove.image)?)),
            Action::DeleteSnapshot(snapshot) => Some((&step.region, true, region.snapshots.get_index_of(snapshot)?)),
            Action::CreateImage(_) | Action::CopyImage(_) | Action::Retag(_) | Action::Mend(_) => None,
        }
    }

    pub(super) fn owns(&self, owner: Option<&AccountId>) -> bool {
        owner.is_some() && owner == self.account
    }

    /// Whether a copy of the image is under way, or may be where nobody could look.
    pub(super) fn is_being_copied(&self, image: &Image) -> bool {
        let unseen = |region: &Region| self.regions.get(region).is_none_or(|region| matches!(region.scope, Scope::Unseen(_)));
        let mut destinations = image.tags.iter().filter_map(|(key, _)| key.strip_prefix("ami-backup:copy-to:")?.parse::<Region>().ok());
        self.being_copied.contains(&image.id) || destinations.any(|region| unseen(&region))
    }

    /// How many backups and orphan snapshots there are in a region: what a cap in percent is a share of.
    pub(super) fn count(&self, region: &Region) -> usize {
        let Some(region) = self.regions.get(region).filter(|region| *region.scope == Scope::Whole) else { return 0 };
        let is_backup = |image: &&Image| self.owns(image.owner.as_ref()) && image.tags.get("Creator") == Some("image-instance");
        let is_ours = |snapshot: &&Snapshot| self.owns(snapshot.owner.as_ref()) && snapshot.tags.get("Creator") == Some("image-instance");
        let backups = region.images.values().filter(|images| are_there(images) && images.iter().any(is_backup));
        let orphans = region.snapshots.values().filter(|snapshot| snapshot.users.is_empty() && snapshot.said.iter().any(is_ours));
        backups.count() + orphans.count()
    }
}

impl<'a> RegionSight<'a> {
    fn of(view: &'a RegionView) -> Self {
        let mut images: Things<&ImageId, Said<'_, Image>> = Things::with_capacity_and_hasher(view.images.len(), RandomState::default());
        let mut snapshots: Things<&SnapshotId, SnapshotSight<'_>> =
            Things::with_capacity_and_hasher(view.snapshots.len(), RandomState::default());
        view.images.iter().for_each(|image| images.entry(&image.id).or_default().push(image));
        view.snapshots.iter().for_each(|snapshot| snapshots.entry(&snapshot.id).or_default().said.push(snapshot));
        for image in images.values().filter(|images| are_there(images)).flatten() {
            for snapshot in image.mappings.iter().filter_map(|mapping| mapping.snapshot.as_ref()) {
                snapshots.entry(snapshot).or_default().users.push(&image.id);
            }
        }
        Self { scope: &view.scope, evidence: &view.evidence, images, snapshots }
    }

    /// A snapshot, if it is listed.
    pub(super) fn snapshot(&self, id: &SnapshotId) -> Option<&SnapshotSight<'a>> {
        self.snapshots.get(id).filter(|snapshot| !snapshot.said.is_empty())
    }

    /// All that is said of the snapshots that an image names, one after the other.
    pub(super) fn snapshots_of(&self, image: &Image) -> impl Iterator<Item = &'a Snapshot> {
        let named = image.mappings.iter().filter_map(|mapping| self.snapshots.get(mapping.snapshot.as_ref()?));
        named.flat_map(|snapshot| snapshot.said.iter().copied())
    }

    pub(super) fn has(&self, image: &ImageId) -> bool {
        self.images.get(image).is_some_and(|images| are_there(images))
    }
}

/// What one page calls deregistered is gone, though another page still has it.
fn are_there(images: &[&Image]) -> bool {
    !images.iter().any(|image| image.state == ImageState::Deregistered)
}

/// Whether all that is said of an image is the same; its devices come in any order.
pub(super) fn are_alike(images: &[&Image]) -> bool {
    let Some((first, others)) = images.split_first() else { return true };
    let without_devices = |image: &Image| Image { mappings: Vec::new(), ..image.clone() };
    let same_devices = |one: &Image, other: &Image| one.mappings.iter().all(|mapping| other.mappings.contains(mapping));
    others.iter().all(|other| same_devices(first, other) && same_devices(other, first) && without_devices(first) == without_devices(other))
}
