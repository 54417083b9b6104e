//! `DeleteSnapshot`: not while a registered image, even a disabled one, has it in its mappings.

use super::Action;
use crate::error::Error;
use crate::id::SnapshotId;
use crate::query::Params;
use crate::scope::{Scope, no_such_snapshot, snapshot_id};
use crate::world::SnapshotState;
use crate::xml::Xml;

pub(super) struct DeleteSnapshot {
    snapshot_id: SnapshotId,
}

impl Action for DeleteSnapshot {
    const NAME: &str = "DeleteSnapshot";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { snapshot_id: snapshot_id(&params.required("SnapshotId")?)? })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let id = &scope.snapshot(&self.snapshot_id)?.id;
        let here = scope.here();
        let now = scope.now();
        let lingering = || here.deregistered.values().find(|gone| now < gone.in_use_until && gone.image.uses(id)).map(|gone| &gone.image);
        if let Some(image) = here.image_using(id).or_else(lingering) {
            return Err(Error::new("InvalidSnapshot.InUse", format!("The snapshot {id} is currently in use by {}", image.id)));
        }
        remove(&self.snapshot_id, scope)?;
        answer.leaf("return", true);
        Ok(())
    }
}

/// Deletes a snapshot that no image needs: at once, or when it is complete.
pub(super) fn remove(id: &SnapshotId, scope: &mut Scope) -> Result<(), Error> {
    let snapshots = &mut scope.here_mut().snapshots;
    let snapshot = snapshots.get_mut(id).ok_or_else(|| no_such_snapshot(id))?;
    if snapshot.state == SnapshotState::Pending {
        snapshot.delete_at_end = true;
    } else {
        snapshots.remove(id);
    }
    Ok(())
}
