//! `DeleteSnapshot`: not while a registered image, even a disabled one, has it in its mappings, nor while it
//! is locked, nor ever if AWS Backup made it.

use super::Action;
use crate::error::Error;
use crate::id::SnapshotId;
use crate::query::Params;
use crate::reference::{no_such_snapshot, snapshot_id};
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::world::{ManagedBy, Snapshot, SnapshotState};
use crate::xml::Xml;

pub(super) struct DeleteSnapshot {
    snapshot_id: SnapshotId,
}

impl Action for DeleteSnapshot {
    const NAME: &str = "DeleteSnapshot";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { snapshot_id: snapshot_id(&params.required("SnapshotId")?)? })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Snapshot(self.snapshot_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let snapshot = scope.snapshot(&self.snapshot_id)?;
        check_manager(snapshot)?;
        let id = &snapshot.id;
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

/// Refuses to delete what another service looks after. The text has been seen on EC2.
fn check_manager(snapshot: &Snapshot) -> Result<(), Error> {
    match snapshot.managed_by {
        None => Ok(()),
        Some(ManagedBy::AwsBackup) => Err(Error::invalid_parameter_value(
            "This snapshot is managed by the AWS Backup service and cannot be deleted via EC2 APIs. If you wish to delete \
             this snapshot, please do so via the Backup console.",
        )),
    }
}

/// Deletes a snapshot that no image needs: at once, or when it is complete. A retention rule may put it in
/// the Recycle Bin; nobody is told.
pub(super) fn remove(id: &SnapshotId, scope: &mut Scope) -> Result<(), Error> {
    let now = scope.now();
    let snapshot = scope.here().snapshots.get(id).ok_or_else(|| no_such_snapshot(id))?;
    check_manager(snapshot)?;
    if snapshot.is_locked(now) {
        let code = &scope.world.manners.locked_snapshot_code;
        return Err(Error::new(code, format!("The snapshot '{id}' cannot be deleted: it is locked.")));
    }
    let failures = &mut scope.world.fail_next.snapshot_deletions;
    if *failures > 0 {
        *failures -= 1;
        return Err(Error::new("InternalError", "An internal error has occurred"));
    }
    let here = scope.here_mut();
    let snapshot = here.snapshots.get_mut(id).ok_or_else(|| no_such_snapshot(id))?;
    if snapshot.state == SnapshotState::Pending {
        snapshot.delete_at_end = true;
    } else if let Some(snapshot) = here.snapshots.remove(id) {
        here.recycle_bin.receive_snapshot(snapshot, now);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, WEB};
    use crate::world::{Lock, LockMode, LockTerm, ManagedBy, Snapshot};

    /// A snapshot of nobody's image, changed, and what deleting it is answered.
    fn refusal(ec2: &Client, change: impl FnOnce(&mut Snapshot)) -> String {
        let id = ec2.ok("CreateSnapshot", &[("VolumeId", "vol-0eb1eb1eb1eb10001")]).text("snapshotId");
        ec2.wait(60);
        change(ec2.sim.world().region_mut("us-east-1").snapshots.get_mut(&id[..]).unwrap());
        ec2.error("DeleteSnapshot", &[("SnapshotId", &id)]).replace(&id, "snap-…")
    }

    #[test]
    fn refuses_what_is_locked_by_a_code_that_may_be_another() {
        let ec2 = Client::of_example();
        let now = ec2.sim.now();
        let lock = |snapshot: &mut Snapshot| snapshot.lock = Some(Lock::new(LockMode::Governance, LockTerm::Days(1), now));
        assert_snapshot!(refusal(&ec2, lock), @"OperationNotPermitted: The snapshot 'snap-…' cannot be deleted: it is locked.");
        ec2.sim.world().manners.locked_snapshot_code = "SnapshotLocked".to_owned();
        assert_snapshot!(refusal(&ec2, lock), @"SnapshotLocked: The snapshot 'snap-…' cannot be deleted: it is locked.");
        ec2.wait(24 * 3600);
        let id = ec2.sim.world().region("us-east-1").snapshots.keys().next().unwrap().to_string();
        ec2.ok("DeleteSnapshot", &[("SnapshotId", &id)]);
    }

    #[test]
    fn refuses_what_aws_backup_looks_after() {
        let ec2 = Client::of_example();
        assert_snapshot!(
            refusal(&ec2, |snapshot| snapshot.managed_by = Some(ManagedBy::AwsBackup)),
            @"InvalidParameterValue: This snapshot is managed by the AWS Backup service and cannot be deleted via EC2 APIs. If you wish to delete this snapshot, please do so via the Backup console."
        );
    }

    #[test]
    fn may_fail_on_ec2s_side() {
        let ec2 = Client::of_example();
        ec2.sim.world().fail_next.snapshot_deletions = 1;
        assert_snapshot!(refusal(&ec2, |_| {}), @"InternalError: An internal error has occurred");
        let id = ec2.sim.world().region("us-east-1").snapshots.keys().next().unwrap().to_string();
        ec2.ok("DeleteSnapshot", &[("SnapshotId", &id)]);
    }

    #[test]
    fn permission_may_depend_on_a_tag_even_in_a_dry_run() {
        let ec2 = Client::of_example();
        let create = |tags: &[(&str, &str)]| {
            let params = [&[("VolumeId", "vol-0eb1eb1eb1eb10001")], tags].concat();
            let id = ec2.ok("CreateSnapshot", &params).text("snapshotId");
            ec2.wait(60);
            id
        };
        let bare = create(&[]);
        let tagged = create(&[
            ("TagSpecification.1.ResourceType", "snapshot"),
            ("TagSpecification.1.Tag.1.Key", "Creator"),
            ("TagSpecification.1.Tag.1.Value", "image-instance"),
        ]);
        ec2.deny_unless_tagged("DeleteSnapshot", "Creator", "image-instance");
        let dry = |id: &str| ec2.error("DeleteSnapshot", &[("SnapshotId", id), ("DryRun", "true")]);
        assert_snapshot!(
            dry(&bare).replace(&bare, "snap-…"),
            @"UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/operator is not authorized to perform: ec2:DeleteSnapshot on resource: arn:aws:ec2:us-east-1::snapshot/snap-… because no identity-based policy allows the ec2:DeleteSnapshot action"
        );
        assert!(ec2.error("DeleteSnapshot", &[("SnapshotId", &bare)]).starts_with("UnauthorizedOperation"));
        assert!(dry(&tagged).starts_with("DryRunOperation"));
        ec2.ok("DeleteSnapshot", &[("SnapshotId", &tagged)]);
        // What is not there is not denied.
        assert!(ec2.error("DeleteSnapshot", &[("SnapshotId", &tagged)]).starts_with("InvalidSnapshot.NotFound"));
    }

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
