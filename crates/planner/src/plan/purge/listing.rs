//! What a region lists, each thing once. A region goes on changing while its pages are read, so that one thing can stand
//! on two of them, and not alike.

use std::collections::hash_map::Entry;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use crate::backup::Backup;
use crate::id::{AccountId, SnapshotId};
use crate::inventory::{Image, ImageState, RegionView, Snapshot};
use crate::tags::Mark;

pub(super) struct Listing<'a> {
    /// The images that are there. One that any page calls deregistered is gone, whatever the others say.
    pub(super) images: Vec<Listed<'a>>,
    /// The snapshots.
    pub(super) snapshots: HashMap<&'a SnapshotId, &'a Snapshot>,
    /// Those that are listed twice, and not alike.
    pub(super) unlike: HashSet<&'a SnapshotId>,
}

/// An image as it is listed.
pub(super) struct Listed<'a> {
    /// What is said of it; of several things, the one that makes it a backup.
    pub(super) image: &'a Image,
    /// What else is said of it.
    pub(super) otherwise: Vec<&'a Image>,
}

impl<'a> Listing<'a> {
    pub(super) fn of(view: &'a RegionView, account: &AccountId) -> Self {
        let mut images: Vec<&Image> = view.images.iter().collect();
        images.sort_by(|one, other| one.id.cmp(&other.id));
        let is_there = |versions: &&[&Image]| versions.iter().all(|image| image.state != ImageState::Deregistered);
        let there = images.chunk_by(|one, other| one.id == other.id).filter(is_there);
        let images = there.filter_map(|versions| Listed::of(versions, account)).collect();
        let mut snapshots: HashMap<&SnapshotId, &Snapshot> = HashMap::with_capacity(view.snapshots.len());
        let mut unlike = HashSet::new();
        let rank = |snapshot: &Snapshot| snapshot.owner.as_ref() != Some(account) || snapshot.tags.mark() != Mark::Ours;
        for snapshot in &view.snapshots {
            match snapshots.entry(&snapshot.id) {
                Entry::Vacant(place) => {
                    place.insert(snapshot);
                }
                Entry::Occupied(mut place) => {
                    let known = *place.get();
                    if known != snapshot {
                        unlike.insert(&snapshot.id);
                    }
                    if (rank(snapshot), snapshot) < (rank(known), known) {
                        place.insert(snapshot);
                    }
                }
            }
        }
        Self { images, snapshots, unlike }
    }
}

impl<'a> Listed<'a> {
    /// The versions of one image, in an order that is not the listing's. The order of its devices is EC2's whim
    /// (ec2-semantics 5.4) and tells no two versions apart.
    fn of(versions: &[&'a Image], account: &AccountId) -> Option<Self> {
        if let [image] = versions {
            return Some(Self { image, otherwise: Vec::new() });
        }
        let by_device = |image: &Image| {
            let mut image = image.clone();
            image.mappings.sort_unstable();
            (Backup::recognise(&image, account).is_none(), image)
        };
        let mut versions: Vec<(_, &Image)> = versions.iter().map(|image| (by_device(image), *image)).collect();
        versions.sort_by(|(one, _), (other, _)| one.cmp(other));
        versions.dedup_by(|(one, _), (other, _)| one == other);
        let mut versions = versions.into_iter().map(|(_, image)| image);
        versions.next().map(|image| Self { image, otherwise: versions.collect() })
    }

    /// All that is said of it.
    pub(super) fn versions(&self) -> impl Iterator<Item = &'a Image> {
        std::iter::once(self.image).chain(self.otherwise.iter().copied())
    }
}
