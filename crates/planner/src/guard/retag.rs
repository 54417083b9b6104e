//! Whether tags may be changed: of a backup of ours and its own marked snapshots alone, one tag, as it was asked.

use super::{Check, Fault};
use crate::expiry::Expiry;
use crate::id::{Region, SnapshotId};
use crate::inventory::{Image, ImageState, Snapshot};
use crate::plan::retag::{Change, Retag, RetagRequest};

impl Check<'_, '_> {
    pub(super) fn retag(&mut self, region: &Region, retag: &Retag, request: &RetagRequest) {
        let id = &retag.image;
        self.require(retag.image == request.image && retag.change == request.change, region, id, Fault::NotPermitted);
        self.require(is_readable(&retag.change), region, id, Fault::NotPermitted);
        let images = self.sight.regions.get(region).and_then(|region| region.images.get(id)).cloned().unwrap_or_default();
        self.require(!images.is_empty(), region, id, Fault::NotSeen);
        for image in images {
            self.require(self.sight.owns(image.owner.as_ref()), region, id, Fault::NotOwned);
            self.require(image.tags.get("Creator") == Some("image-instance"), region, id, Fault::NotMarked);
            self.require(image.state != ImageState::Deregistered, region, id, Fault::Deregistered);
            for snapshot in &retag.snapshots {
                self.snapshot_of(region, image, snapshot);
            }
        }
    }

    fn snapshot_of(&mut self, region: &Region, image: &Image, id: &SnapshotId) {
        let named = image.mappings.iter().any(|mapping| mapping.snapshot.as_ref() == Some(id));
        self.require(named, region, id, Fault::NotItsSnapshot);
        let seen = self.sight.regions.get(region).and_then(|region| region.snapshot(id)).cloned();
        self.require(seen.is_some(), region, id, Fault::NotSeen);
        for Snapshot { owner, made_for, tags, .. } in seen.into_iter().flat_map(|snapshot| snapshot.said) {
            self.require(self.sight.owns(owner.as_ref()), region, id, Fault::NotOwned);
            self.require(tags.get("Creator") == Some("image-instance"), region, id, Fault::NotMarked);
            self.require(made_for.as_ref().is_none_or(|made_for| *made_for == image.id), region, id, Fault::NotItsSnapshot);
        }
    }
}

/// Whether what is written can be read again as what was meant.
fn is_readable(change: &Change) -> bool {
    match (change, change.tag()) {
        (Change::Pin { .. }, ("ami-backup:pin", Some(_)))
        | (Change::Unpin, ("ami-backup:pin", None))
        | (Change::NeverExpire, ("Expire", None)) => true,
        (Change::Expire { at }, ("Expire", Some(text))) => Expiry::from_tag(&text).is_ok_and(|read| read == *at),
        _ => false,
    }
}
