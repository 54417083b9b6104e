//! The inventory, arranged for the guard to look things up in: built by the guard itself, from nothing else.

use std::collections::{HashMap, HashSet};

use crate::id::{AccountId, ImageId, Region, SnapshotId};
use crate::inventory::{Image, ImageState, Inventory, RegionView, Scope, Snapshot};

pub(super) struct Sight<'a> {
    pub(super) account: Option<&'a AccountId>,
    pub(super) regions: HashMap<&'a Region, RegionSight<'a>>,
    being_copied: HashSet<&'a ImageId>,
}

pub(super) struct RegionSight<'a> {
    pub(super) scope: &'a Scope,
    pub(super) images: HashMap<&'a ImageId, &'a Image>,
    pub(super) snapshots: HashMap<&'a SnapshotId, &'a Snapshot>,
    /// The images that are there, by the snapshots their mappings name.
    users: HashMap<&'a SnapshotId, Vec<&'a ImageId>>,
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
        let backup =
            |image: &Image| is_there(image) && self.owns(image.owner.as_ref()) && image.tags.get("Creator") == Some("image-instance");
        let orphan = |snapshot: &Snapshot| {
            let marked = self.owns(snapshot.owner.as_ref()) && snapshot.tags.get("Creator") == Some("image-instance");
            marked && region.users(&snapshot.id).is_empty()
        };
        let backups = region.images.values().filter(|image| backup(image)).count();
        backups + region.snapshots.values().filter(|snapshot| orphan(snapshot)).count()
    }
}

impl<'a> RegionSight<'a> {
    fn of(view: &'a RegionView) -> Self {
        let mut users: HashMap<&SnapshotId, Vec<&ImageId>> = HashMap::with_capacity(view.snapshots.len());
        for image in view.images.iter().filter(|image| is_there(image)) {
            for snapshot in image.mappings.iter().filter_map(|mapping| mapping.snapshot.as_ref()) {
                users.entry(snapshot).or_default().push(&image.id);
            }
        }
        Self {
            scope: &view.scope,
            images: view.images.iter().map(|image| (&image.id, image)).collect(),
            snapshots: view.snapshots.iter().map(|snapshot| (&snapshot.id, snapshot)).collect(),
            users,
        }
    }

    /// The images that are there and made of a snapshot.
    pub(super) fn users(&self, snapshot: &SnapshotId) -> &[&'a ImageId] {
        self.users.get(snapshot).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn has(&self, image: &ImageId) -> bool {
        self.images.get(image).is_some_and(|image| is_there(image))
    }
}

fn is_there(image: &Image) -> bool {
    image.state != ImageState::Deregistered
}
