//! What a region lists, each thing once. A region goes on changing while its pages are read, so that one thing can stand
//! on two of them, and not alike.

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use smallvec::SmallVec;

use crate::backup::Backup;
use crate::id::{AccountId, ImageId, SnapshotId};
use crate::inventory::{Image, ImageState, RegionView, Snapshot};
use crate::tags::Mark;

pub(super) struct Listing<'a> {
    /// The images that are there. One that any page calls deregistered is gone, whatever the others say.
    pub(super) images: ListedImages<'a>,
    /// The snapshots that are listed, or that an image names.
    pub(super) snapshots: ListedSnapshots<'a>,
}

/// In the order of the listing, which is that of the memory; nothing that is decided depends on it.
pub(super) type ListedImages<'a> = IndexMap<&'a ImageId, ListedImage<'a>, RandomState>;
/// In that order, too.
pub(super) type ListedSnapshots<'a> = IndexMap<&'a SnapshotId, ListedSnapshot<'a>, RandomState>;

/// An image as it is listed.
pub(super) struct ListedImage<'a> {
    /// What is said of it; of several things, the one that makes it a backup.
    pub(super) image: &'a Image,
    /// What else is said of it.
    pub(super) otherwise: Vec<&'a Image>,
}

/// A snapshot as it is listed.
#[derive(Default)]
pub(super) struct ListedSnapshot<'a> {
    /// What is said of it, if anything; of several things, the one that makes it ours.
    pub(super) snapshot: Option<&'a Snapshot>,
    /// Whether it is listed twice, and not alike.
    pub(super) is_unlike: bool,
    /// The images that are there, ours and others', which it is part of: hardly ever more than one.
    pub(super) users: SmallVec<[&'a ImageId; 1]>,
}

/// The images that are there.
pub(super) fn images<'a>(view: &'a RegionView, account: &AccountId) -> ListedImages<'a> {
    let mut said: IndexMap<&ImageId, SmallVec<[&Image; 1]>, RandomState> = with_room_for(view.images.len());
    for image in &view.images {
        said.entry(&image.id).or_default().push(image);
    }
    let there = said.into_iter().filter(|(_, versions)| versions.iter().all(|image| image.state != ImageState::Deregistered));
    there.filter_map(|(id, versions)| Some((id, ListedImage::of(&versions, account)?))).collect()
}

fn with_room_for<K, V>(count: usize) -> IndexMap<K, V, RandomState> {
    IndexMap::with_capacity_and_hasher(count, RandomState::default())
}

impl<'a> Listing<'a> {
    pub(super) fn of(view: &'a RegionView, account: &AccountId) -> Self {
        let images = images(view, account);
        let mut snapshots: ListedSnapshots<'_> = with_room_for(view.snapshots.len());
        for snapshot in &view.snapshots {
            snapshots.entry(&snapshot.id).or_default().is_listed_as(snapshot, account);
        }
        for image in images.values().flat_map(ListedImage::versions) {
            for snapshot in image.snapshots() {
                snapshots.entry(snapshot).or_default().users.push(&image.id);
            }
        }
        Self { images, snapshots }
    }
}

impl<'a> ListedSnapshot<'a> {
    fn is_listed_as(&mut self, snapshot: &'a Snapshot, account: &AccountId) {
        let rank = |snapshot: &Snapshot| snapshot.owner.as_ref() != Some(account) || snapshot.tags.mark() != Mark::Ours;
        let Some(known) = self.snapshot else {
            self.snapshot = Some(snapshot);
            return;
        };
        self.is_unlike |= known != snapshot;
        if (rank(snapshot), snapshot) < (rank(known), known) {
            self.snapshot = Some(snapshot);
        }
    }
}

impl<'a> ListedImage<'a> {
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
