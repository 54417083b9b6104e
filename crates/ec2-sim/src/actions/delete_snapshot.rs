//! `DeleteSnapshot`: not while a registered image, even a disabled one, has it in its mappings.

use super::Action;
use crate::error::Error;
use crate::id::SnapshotId;
use crate::query::Params;
use crate::reference::{no_such_snapshot, snapshot_id};
use crate::scope::Scope;
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

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, WEB};

    #[test]
    fn refuses_what_is_malformed_unknown_or_in_use() {
        let ec2 = Client::of_example();
        let id = ec2.available_image(WEB, "nightly");
        let snapshot = ec2.snapshots_of(&id)[0].id.to_string();
        let delete = |id: &str| ec2.error("DeleteSnapshot", &[("SnapshotId", id)]);
        assert_snapshot!(delete("nightly"), @r#"InvalidSnapshotID.Malformed: Invalid id: "nightly" (expecting "snap-...")"#);
        assert_snapshot!(delete("snap-00000000"), @"InvalidSnapshot.NotFound: The snapshot 'snap-00000000' does not exist.");
        let in_use = format!("InvalidSnapshot.InUse: The snapshot {snapshot} is currently in use by {id}");
        assert_eq!(delete(&snapshot), in_use);
        // A disabled image is hidden, and needs its snapshots all the same.
        ec2.ok("DisableImage", &[("ImageId", &id)]);
        assert_eq!(delete(&snapshot), in_use);
        ec2.ok("DeregisterImage", &[("ImageId", &id)]);
        assert_eq!(ec2.ok("DeleteSnapshot", &[("SnapshotId", &snapshot)]).text("return"), "true");
        assert!(delete(&snapshot).starts_with("InvalidSnapshot.NotFound"));
    }

    #[test]
    fn a_pending_snapshot_goes_when_it_is_complete() {
        let ec2 = Client::of_example();
        let id = ec2.ok("CreateSnapshot", &[("VolumeId", "vol-0eb1eb1eb1eb10001")]).text("snapshotId");
        ec2.ok("DeleteSnapshot", &[("SnapshotId", &id)]);
        let status = || ec2.ok("DescribeSnapshots", &[("Owner.1", "self")]).texts("status");
        assert_eq!(status(), ["pending"]);
        ec2.wait(60);
        assert_eq!(status(), [""; 0]);
    }
}
