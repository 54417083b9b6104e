//! `ModifySnapshotTier`: puts a snapshot into the archive. Not one that an image could be launched from: all
//! images of it must be disabled.
//!
//! What its refusals are called is not documented.

use super::Action;
use crate::clock::milliseconds;
use crate::error::Error;
use crate::id::SnapshotId;
use crate::query::Params;
use crate::reference::snapshot_id;
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::world::{ImageState, Snapshot, SnapshotState, TierOperation, Tiering};
use crate::xml::Xml;

/// Archived snapshots of one volume ("Amazon EBS service quotas").
const MOST_OF_A_VOLUME: usize = 25;
/// Snapshots on their way into the archive at a time.
const MOST_AT_A_TIME: usize = 25;

pub(super) struct ModifySnapshotTier {
    snapshot_id: SnapshotId,
}

impl Action for ModifySnapshotTier {
    const NAME: &str = "ModifySnapshotTier";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let tier = params.required("StorageTier")?;
        if tier != "archive" {
            return Err(Error::invalid_parameter_value(format!("Invalid value '{tier}' for StorageTier. It must be 'archive'.")));
        }
        Ok(Self { snapshot_id: snapshot_id(&params.required("SnapshotId")?)? })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Snapshot(self.snapshot_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let id = &self.snapshot_id;
        let snapshot = scope.snapshot(id)?;
        if snapshot.state != SnapshotState::Completed {
            return Err(Error::new("IncorrectState", format!("Snapshot '{id}' is not 'completed'.")));
        }
        if !snapshot.is_lastingly_standard() {
            return Err(Error::new("IncorrectState", format!("Snapshot '{id}' is archived already, or about to be.")));
        }
        if let Some(image) = scope.here().images.values().find(|image| image.uses(id) && image.state != ImageState::Disabled) {
            return Err(Error::new("InvalidSnapshot.InUse", format!("The snapshot {id} is currently in use by {}", image.id)));
        }
        check_room(snapshot, scope)?;
        let archived = snapshot.tiering.as_ref().and_then(|tiering| tiering.archived);
        let (started, ends) = (scope.now(), scope.world.due_after(scope.world.manners.archival_takes));
        scope.snapshot_mut(id)?.tiering =
            Some(Tiering { operation: TierOperation::Archival, started, ends, done: false, archived, restored_until: None });
        answer.leaf("snapshotId", id).leaf("tieringStartTime", milliseconds(started));
        Ok(())
    }
}

fn check_room(snapshot: &Snapshot, scope: &Scope) -> Result<(), Error> {
    let count = |holds: &dyn Fn(&Snapshot) -> bool| scope.here().snapshots.values().filter(|snapshot| holds(snapshot)).count();
    let limits = [
        (
            count(&|other| other.is_archived() && other.volume_id == snapshot.volume_id),
            MOST_OF_A_VOLUME,
            "archived snapshots of one volume",
        ),
        (count(&|other| is_under_way(other, TierOperation::Archival)), MOST_AT_A_TIME, "snapshots being archived"),
    ];
    match limits.iter().find(|(held, limit, _)| held >= limit) {
        None => Ok(()),
        Some((_, limit, what)) => Err(limit_exceeded(*limit, what)),
    }
}

pub(super) fn is_under_way(snapshot: &Snapshot, operation: TierOperation) -> bool {
    snapshot.tiering.as_ref().is_some_and(|tiering| !tiering.done && tiering.operation == operation)
}

pub(super) fn limit_exceeded(limit: usize, what: &str) -> Error {
    Error::new("ResourceLimitExceeded", format!("You have reached your quota of {limit} for the number of {what}."))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, WEB};

    const ARCHIVE: (&str, &str) = ("StorageTier", "archive");
    const DAY: i64 = 24 * 3600;

    /// An available image and its one snapshot.
    fn image(ec2: &Client) -> (String, String) {
        let image = ec2.available_image(WEB, "nightly");
        let snapshot = ec2.snapshots_of(&image)[0].id.to_string();
        (image, snapshot)
    }

    fn refused(ec2: &Client, id: &str) -> String {
        ec2.error("ModifySnapshotTier", &[("SnapshotId", id), ARCHIVE]).replace(id, "snap-…")
    }

    #[tokio::test(start_paused = true)]
    async fn takes_a_while_and_then_the_snapshot_is_archived() {
        let ec2 = Client::of_example();
        let id = ec2.ok("CreateSnapshot", &[("VolumeId", "vol-0eb1eb1eb1eb10001")]).text("snapshotId");
        assert_snapshot!(refused(&ec2, &id), @"IncorrectState: Snapshot 'snap-…' is not 'completed'.");
        ec2.wait(60);
        assert_snapshot!(ec2.ok("ModifySnapshotTier", &[("SnapshotId", &id), ARCHIVE]).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <ModifySnapshotTierResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>f1cc9201-6273-4217-a5b8-b8e136de7a87</requestId>
            <snapshotId>snap-0c9ea446896d8c9b6</snapshotId>
            <tieringStartTime>2026-11-22T12:01:00.000Z</tieringStartTime>
        </ModifySnapshotTierResponse>
        "#);
        assert_snapshot!(refused(&ec2, &id), @"IncorrectState: Snapshot 'snap-…' is archived already, or about to be.");
        let tier = || ec2.ok("DescribeSnapshots", &[("SnapshotId.1", &id)]).text("storageTier");
        ec2.wait(DAY / 2 - 1);
        assert_eq!(tier(), "standard");
        ec2.wait(1);
        assert_eq!(tier(), "archive");
        assert!(refused(&ec2, &id).starts_with("IncorrectState"));
        // It can be locked and deleted like any other.
        ec2.ok("LockSnapshot", &[("SnapshotId", &id), ("LockMode", "governance"), ("LockDuration", "1")]);
        assert!(ec2.error("DeleteSnapshot", &[("SnapshotId", &id)]).starts_with("OperationNotPermitted"));
        ec2.wait(DAY);
        ec2.ok("DeleteSnapshot", &[("SnapshotId", &id)]);
    }

    #[test]
    fn all_images_of_it_must_be_disabled_and_stay_so() {
        let ec2 = Client::of_example();
        let (image, id) = image(&ec2);
        let in_use = ec2.error("ModifySnapshotTier", &[("SnapshotId", &id), ARCHIVE]);
        assert_eq!(in_use, format!("InvalidSnapshot.InUse: The snapshot {id} is currently in use by {image}"));
        ec2.ok("DisableImage", &[("ImageId", &image)]);
        ec2.ok("ModifySnapshotTier", &[("SnapshotId", &id), ARCHIVE]);
        let enable = || ec2.error("EnableImage", &[("ImageId", &image)]).replace(&id, "snap-…");
        assert_snapshot!(enable(), @"IncorrectState: Snapshot 'snap-…' is archived, or about to be. Restore it permanently first.");
        ec2.wait(DAY);
        assert!(enable().starts_with("IncorrectState"));
        ec2.ok("RestoreSnapshotTier", &[("SnapshotId", &id), ("TemporaryRestoreDays", "5")]);
        ec2.wait(DAY);
        // For some days only.
        assert!(enable().starts_with("IncorrectState"));
        ec2.ok("RestoreSnapshotTier", &[("SnapshotId", &id), ("PermanentRestore", "true")]);
        ec2.ok("EnableImage", &[("ImageId", &image)]);
        ec2.wait(30 * DAY);
        assert_eq!(ec2.snapshots_of(&image)[0].storage_tier, "standard");
    }

    #[test]
    fn what_is_archived_cannot_be_mapped_launched_copied_or_shared() {
        let ec2 = Client::of_example();
        let (image, id) = image(&ec2);
        ec2.sim.world().region_mut("us-east-1").snapshots.values_mut().for_each(|snapshot| snapshot.storage_tier = "archive".to_owned());
        let device = [("BlockDeviceMapping.1.DeviceName", "/dev/sda1"), ("BlockDeviceMapping.1.Ebs.SnapshotId", &id[..])];
        let register = [&[("Name", "again"), ("RootDeviceName", "/dev/sda1")], &device[..]].concat();
        let run = [&[("ImageId", "ami-12345678"), ("MinCount", "1"), ("MaxCount", "1")], &device[..]].concat();
        let copy = [("SourceRegion", "us-east-1"), ("SourceImageId", &image[..]), ("Name", "copy")];
        let share = [("SnapshotId", &id[..]), ("OperationType", "add"), ("UserId.1", "210987654321")];
        for (action, params) in
            [("RegisterImage", &register[..]), ("RunInstances", &run), ("CopyImage", &copy), ("ModifySnapshotAttribute", &share)]
        {
            let refused = ec2.error(action, params);
            assert!(refused.starts_with("IncorrectState: Snapshot 'snap-"), "{action}: {refused}");
        }
    }

    #[test]
    fn what_may_soon_be_archived_can_be_launched_but_not_mapped() {
        let ec2 = Client::of_example();
        let (image, id) = image(&ec2);
        ec2.ok("DisableImage", &[("ImageId", &image)]);
        ec2.ok("ModifySnapshotTier", &[("SnapshotId", &id), ARCHIVE]);
        let device = [("BlockDeviceMapping.1.DeviceName", "/dev/sda1"), ("BlockDeviceMapping.1.Ebs.SnapshotId", &id[..])];
        ec2.ok("RunInstances", &[&[("ImageId", "ami-12345678"), ("MinCount", "1"), ("MaxCount", "1")], &device[..]].concat());
        let register = [&[("Name", "again"), ("RootDeviceName", "/dev/sda1")], &device[..]].concat();
        assert!(ec2.error("RegisterImage", &register).starts_with("IncorrectState"));
        let new_device = [("BlockDeviceMapping.1.DeviceName", "/dev/sdf"), device[1]];
        let create = [&[("InstanceId", WEB), ("Name", "with more")], &new_device[..]].concat();
        assert!(ec2.error("CreateImage", &create).starts_with("IncorrectState"));
    }

    #[test]
    fn a_volume_has_so_many_archived_snapshots() {
        let ec2 = Client::of_example();
        let create = || {
            let id = ec2.ok("CreateSnapshot", &[("VolumeId", "vol-0eb1eb1eb1eb10001")]).text("snapshotId");
            ec2.wait(60);
            id
        };
        for _ in 0..25 {
            ec2.ok("ModifySnapshotTier", &[("SnapshotId", &create()), ARCHIVE]);
        }
        let id = create();
        assert_snapshot!(refused(&ec2, &id), @"ResourceLimitExceeded: You have reached your quota of 25 for the number of snapshots being archived.");
        ec2.wait(DAY);
        assert_snapshot!(refused(&ec2, &id), @"ResourceLimitExceeded: You have reached your quota of 25 for the number of archived snapshots of one volume.");
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = Client::of_example();
        let tier = |params: &[(&str, &str)]| ec2.error("ModifySnapshotTier", params);
        assert_snapshot!(tier(&[("SnapshotId", "snap-00000000")]), @"MissingParameter: The request must contain the parameter StorageTier");
        assert_snapshot!(
            tier(&[("SnapshotId", "snap-00000000"), ("StorageTier", "standard")]),
            @"InvalidParameterValue: Invalid value 'standard' for StorageTier. It must be 'archive'."
        );
        assert!(tier(&[("SnapshotId", "snap-00000000"), ARCHIVE]).starts_with("InvalidSnapshot.NotFound"));
    }
}
