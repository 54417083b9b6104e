//! A backup: an image recognised as ours, with the snapshots that are its own.

use smol_str::SmolStr;

use crate::id::{AccountId, InstanceId, SnapshotId};
use crate::inventory::{Image, ImageState, Snapshot};
use crate::tags::Mark;

/// An image recognised as ours. Only [`Backup::recognise`] makes one, and only a `Backup` can be purged.
#[derive(Debug, Clone, Copy)]
pub struct Backup<'a> {
    image: &'a Image,
}

/// Whether a snapshot may go with its backup, as far as marks are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim<'a> {
    /// It bears our mark.
    Marked,
    /// It bears no mark, but EC2 made it for this very image, whose mark covers it.
    MadeForImage,
    /// It bears another's mark.
    Anothers(&'a str),
    /// It bears no mark, and EC2 did not make it for this image.
    Unmarked,
    /// It stands in the image's mappings but not among the account's snapshots.
    Unseen,
}

impl<'a> Backup<'a> {
    /// The image as a backup, if it is ours: the account's own, and marked `Creator=image-instance`.
    ///
    /// An image that is already deregistered is no backup any more, even while listings still show it.
    pub fn recognise(image: &'a Image, account: &AccountId) -> Option<Self> {
        let ours = image.owner.as_ref() == Some(account) && image.tags.mark() == Mark::Ours;
        (ours && image.state != ImageState::Deregistered).then_some(Self { image })
    }

    /// The image.
    pub fn image(self) -> &'a Image {
        self.image
    }

    /// The instance it is a backup of: what its tag says (a copy has nothing else), else what EC2 says.
    pub fn instance(self) -> Option<InstanceId> {
        self.image.tags.instance().or_else(|| self.image.source_instance.clone())
    }

    /// The instance whose backups it is counted with: none if its tag says one thing and EC2 another.
    pub fn series(self) -> Option<InstanceId> {
        let instance = self.instance();
        instance.filter(|instance| self.image.source_instance.as_ref().is_none_or(|source| source == instance))
    }

    /// Each of its snapshots once, in the order of their devices.
    pub fn snapshots(self) -> Vec<&'a SnapshotId> {
        let named = self.image.mappings.iter().filter_map(|mapping| Some((&mapping.device, mapping.snapshot.as_ref()?)));
        let mut mappings: Vec<(&SmolStr, &SnapshotId)> = named.collect();
        mappings.sort_unstable();
        let mut snapshots = Vec::with_capacity(mappings.len());
        for (_, id) in mappings {
            if !snapshots.contains(&id) {
                snapshots.push(id);
            }
        }
        snapshots
    }

    /// The claim it has on a snapshot of its own; none of that id may have been seen.
    pub fn claim(self, snapshot: Option<&'a Snapshot>) -> Claim<'a> {
        let Some(snapshot) = snapshot else { return Claim::Unseen };
        match snapshot.tags.mark() {
            _ if snapshot.owner != self.image.owner => Claim::Unseen,
            Mark::Ours => Claim::Marked,
            Mark::Anothers(creator) => Claim::Anothers(creator),
            Mark::Absent if snapshot.made_for.as_ref() == Some(&self.image.id) => Claim::MadeForImage,
            Mark::Absent => Claim::Unmarked,
        }
    }
}
