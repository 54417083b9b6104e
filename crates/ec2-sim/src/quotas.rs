//! EC2's quotas: how many images and snapshots a region may hold, and how many may be under way. The
//! numbers are in [`Manners`](crate::world::Manners).

use crate::error::Error;
use crate::id::InstanceId;
use crate::scope::Scope;
use crate::world::{ImageState, Origin, SnapshotState};

/// Refuses an image beyond the quota of the region, which counts images of whatever state.
pub(crate) fn check_images(scope: &Scope) -> Result<(), Error> {
    let quota = scope.world.manners.images_per_region;
    // What lies in the Recycle Bin counts ("AMI quotas").
    if scope.here().images.len() + scope.here().recycle_bin.images.len() >= quota {
        return Err(Error::new("ResourceLimitExceeded", format!("You have reached your quota of {quota} for the number of images.")));
    }
    Ok(())
}

/// Refuses more images of one instance at a time than EC2 makes, where there is such a limit.
pub(crate) fn check_image_creations(instance: &InstanceId, scope: &Scope) -> Result<(), Error> {
    let Some(limit) = scope.world.manners.concurrent_image_creations else { return Ok(()) };
    let of_instance = |origin: &Origin| matches!(origin, Origin::Instance(id) if id == instance);
    let under_way = scope.here().images.values().filter(|image| image.state == ImageState::Pending && of_instance(&image.origin)).count();
    if under_way >= limit {
        return Err(Error::new(
            "ConcurrentCreateImageNoRebootLimitExceeded",
            "The maximum number of concurrent CreateImage requests for the instance has been reached. Wait for the \
             current CreateImage requests to complete, and then retry your request.",
        ));
    }
    Ok(())
}

/// Refuses so many more snapshots if that makes too many in the region, or too many under way.
pub(crate) fn check_snapshots(more: usize, scope: &Scope) -> Result<(), Error> {
    let snapshots = &scope.here().snapshots;
    let quota = scope.world.manners.snapshots_per_region;
    if snapshots.len().saturating_add(more) > quota {
        return Err(Error::new("SnapshotLimitExceeded", format!("You have reached your quota of {quota} for the number of snapshots.")));
    }
    let Some(limit) = scope.world.manners.pending_snapshots else { return Ok(()) };
    let pending = snapshots.values().filter(|snapshot| snapshot.state == SnapshotState::Pending).count();
    if pending.saturating_add(more) > limit {
        return Err(Error::new(
            "PendingSnapshotLimitExceeded",
            format!("You have reached your quota of {limit} for the number of pending snapshots."),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::SignedDuration;

    use crate::testing::{Client, DB, WEB, noon};
    use crate::world::{Manners, World};

    const VOLUME: (&str, &str) = ("VolumeId", "vol-0eb1eb1eb1eb10001");

    fn with(change: impl Fn(&mut Manners)) -> Client {
        let mut world = World::example(1, noon());
        change(&mut world.manners);
        Client::of(world)
    }

    #[test]
    fn a_region_holds_so_many_images() {
        let ec2 = with(|manners| manners.images_per_region = 1);
        let id = ec2.available_image(WEB, "first");
        let create = || ec2.error("CreateImage", &[("InstanceId", DB), ("Name", "second")]);
        assert_snapshot!(create(), @"ResourceLimitExceeded: You have reached your quota of 1 for the number of images.");
        let copy = [("SourceRegion", "us-east-1"), ("SourceImageId", &id[..]), ("Name", "copy")];
        assert!(ec2.error("CopyImage", &copy).starts_with("ResourceLimitExceeded"));
        ec2.in_region("us-west-2").ok("CopyImage", &copy);
        let snapshot = ec2.snapshots_of(&id)[0].id.to_string();
        let register = [
            ("Name", "again"),
            ("RootDeviceName", "/dev/sda1"),
            ("BlockDeviceMapping.1.DeviceName", "/dev/sda1"),
            ("BlockDeviceMapping.1.Ebs.SnapshotId", &snapshot),
        ];
        assert!(ec2.error("RegisterImage", &register).starts_with("ResourceLimitExceeded"));
        // A disabled image counts.
        ec2.ok("DisableImage", &[("ImageId", &id)]);
        assert!(create().starts_with("ResourceLimitExceeded"));
        ec2.ok("DeregisterImage", &[("ImageId", &id)]);
        ec2.ok("CreateImage", &[("InstanceId", DB), ("Name", "second")]);
    }

    #[test]
    fn a_region_holds_so_many_snapshots() {
        let ec2 = with(|manners| manners.snapshots_per_region = 2);
        // It has three volumes, and an image of two of them is no image of it.
        assert_snapshot!(
            ec2.error("CreateImage", &[("InstanceId", DB), ("Name", "nightly")]),
            @"SnapshotLimitExceeded: You have reached your quota of 2 for the number of snapshots."
        );
        assert!(ec2.sim.world().region("us-east-1").snapshots.is_empty());
        let id = ec2.available_image(WEB, "nightly");
        ec2.ok("CreateSnapshot", &[VOLUME]);
        ec2.wait(15);
        assert!(ec2.error("CreateSnapshot", &[VOLUME]).starts_with("SnapshotLimitExceeded"));
        let copy = [("SourceRegion", "us-east-1"), ("SourceImageId", &id[..]), ("Name", "copy")];
        assert!(ec2.error("CopyImage", &copy).starts_with("SnapshotLimitExceeded"));
    }

    #[test]
    fn so_many_snapshots_are_under_way() {
        let ec2 = with(|manners| manners.pending_snapshots = Some(1));
        ec2.create_image(WEB, "nightly");
        let refused = ec2.error("CreateSnapshot", &[("VolumeId", "vol-0db1db1db1db10001")]);
        assert_snapshot!(refused, @"PendingSnapshotLimitExceeded: You have reached your quota of 1 for the number of pending snapshots.");
        ec2.wait(60);
        ec2.ok("CreateSnapshot", &[("VolumeId", "vol-0db1db1db1db10001")]);
    }

    #[test]
    fn so_many_images_of_an_instance_are_under_way() {
        let ec2 = with(|manners| {
            manners.concurrent_image_creations = Some(1);
            manners.volume_spacing = SignedDuration::ZERO;
        });
        ec2.create_image(WEB, "one");
        assert_snapshot!(
            ec2.error("CreateImage", &[("InstanceId", WEB), ("Name", "two")]),
            @"ConcurrentCreateImageNoRebootLimitExceeded: The maximum number of concurrent CreateImage requests for the instance has been reached. Wait for the current CreateImage requests to complete, and then retry your request."
        );
        // Another instance's images do not count.
        ec2.create_image(DB, "two");
        ec2.wait(60);
        ec2.create_image(WEB, "three");
    }
}
