//! `DeregisterImage`: the image goes, at once. Its snapshots stay, unless the call says otherwise; and
//! if a snapshot cannot be deleted the image is gone all the same.

use super::Action;
use super::delete_snapshot::{self, DeleteSnapshot};
use crate::clock::later;
use crate::error::Error;
use crate::id::{ImageId, SnapshotId};
use crate::query::Params;
use crate::scope::{Scope, image_id};
use crate::world::{DeregistrationProtection, Gone, Image, ImageState, Origin, SnapshotState};
use crate::xml::Xml;

pub(super) struct DeregisterImage {
    image_id: ImageId,
    delete_snapshots: bool,
}

impl Action for DeregisterImage {
    const NAME: &str = "DeregisterImage";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self {
            image_id: image_id(&params.required("ImageId")?)?,
            delete_snapshots: params.boolean("DeleteAssociatedSnapshots")?.unwrap_or(false),
        })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let id = &self.image_id;
        let image = scope.own_image_mut(id)?;
        if image.deregistration_protection != DeregistrationProtection::Disabled {
            // The code is not documented.
            return Err(Error::new(
                "OperationNotPermitted",
                format!("The image '{id}' cannot be deregistered: it is protected from deregistration."),
            ));
        }
        let image = image.clone();
        scope.here_mut().images.remove(id);
        if image.state == ImageState::Pending {
            cancel_copy(&image, scope);
        }
        if !scope.world.manners.copies_outlive_source {
            fail_copies_of(&image, scope);
        }
        answer.leaf("return", true);
        if self.delete_snapshots {
            let results: Vec<_> = image.snapshots().map(|snapshot| (snapshot, delete(snapshot, scope))).collect();
            answer.items("deleteSnapshotResultSet", results, |item, (id, code)| {
                item.leaf("snapshotId", id).leaf("returnCode", code);
            });
        }
        let now = scope.now();
        let manners = &scope.world.manners;
        let gone = Gone {
            at: now,
            described_until: later(now, manners.deregistered_lingers),
            in_use_until: later(now, manners.in_use_lingers),
            image,
        };
        scope.here_mut().deregistered.insert(self.image_id.clone(), gone);
        Ok(())
    }
}

/// Deletes a snapshot of an image that is gone, and says how that went in EC2's words.
fn delete(snapshot: &SnapshotId, scope: &mut Scope) -> &'static str {
    if scope.here().image_using(snapshot).is_some() {
        "skipped"
    } else if !scope.may(DeleteSnapshot::NAME) {
        "missing-permissions"
    } else if delete_snapshot::remove(snapshot, scope).is_ok() {
        "success"
    } else {
        "client-error"
    }
}

/// A copy under way ends with its image. What becomes of its snapshots is not documented; here they
/// end in error, and stay.
fn cancel_copy(image: &Image, scope: &mut Scope) {
    if !matches!(image.origin, Origin::Copy { .. }) {
        return;
    }
    for id in image.snapshots() {
        if let Some(snapshot) = scope.here_mut().snapshots.get_mut(id)
            && snapshot.state == SnapshotState::Pending
        {
            snapshot.state = SnapshotState::Error;
            snapshot.state_message = Some(format!("The copy was cancelled: {} was deregistered", image.id));
        }
    }
}

/// Makes the copies fail that are still being read from an image.
fn fail_copies_of(source: &Image, scope: &mut Scope) {
    let copies = scope
        .world
        .accounts
        .values_mut()
        .flat_map(|account| account.regions.values_mut())
        .flat_map(|region| region.images.values_mut())
        .filter(|image| {
            image.state == ImageState::Pending && matches!(&image.origin, Origin::Copy { image_id, .. } if *image_id == source.id)
        });
    for copy in copies {
        copy.fails_with = Some("Copy image failed with an internal error".into());
    }
}
