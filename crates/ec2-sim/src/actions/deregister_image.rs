//! `DeregisterImage`: the image goes, at once. Its snapshots stay, unless the call says otherwise; and
//! if a snapshot cannot be deleted the image is gone all the same.

use super::Action;
use super::delete_snapshot::{self, DeleteSnapshot};
use crate::clock::later;
use crate::error::Error;
use crate::id::{ImageId, SnapshotId};
use crate::query::Params;
use crate::reference::image_id;
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::world::{DeregistrationProtection, Gone, Image, ImageState, ManagedBy, Origin, SnapshotState};
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

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Image(self.image_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let id = &self.image_id;
        let image = scope.own_image(id)?.clone();
        let manners = &scope.world.manners;
        if image.deregistration_protection != DeregistrationProtection::Disabled {
            return Err(Error::new(
                &manners.protected_image_code,
                format!("The image '{id}' cannot be deregistered: it is protected from deregistration."),
            ));
        }
        match image.managed_by {
            None => {}
            Some(ManagedBy::AwsBackup) => {
                return Err(Error::new(
                    &manners.managed_image_code,
                    format!("The image '{id}' is managed by the AWS Backup service and cannot be deregistered via EC2 APIs."),
                ));
            }
        }
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
        scope.here_mut().recycle_bin.receive_image(&image, now);
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
    } else if !scope.may_on(DeleteSnapshot::NAME, &ResourceId::Snapshot(snapshot.clone())) {
        "missing-permissions"
    } else {
        match delete_snapshot::remove(snapshot, scope) {
            Ok(()) => "success",
            Err(error) if error.status >= 500 => "internal-error",
            // A locked one, or one of AWS Backup's. Which code those have is not documented.
            Err(_) => "client-error",
        }
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
            snapshot.fail(format!("The copy was cancelled: {} was deregistered", image.id));
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

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::SignedDuration;

    use crate::testing::{Client, DB, WEB, noon};
    use crate::world::{Lock, LockMode, LockTerm, ManagedBy, World};

    const WITH_SNAPSHOTS: (&str, &str) = ("DeleteAssociatedSnapshots", "true");

    #[test]
    fn leaves_the_snapshots_alone() {
        let ec2 = Client::of_example();
        let id = ec2.available_image(DB, "nightly");
        let answer = ec2.ok("DeregisterImage", &[("ImageId", &id)]);
        assert_eq!(answer.text("return"), "true");
        assert_eq!(answer.texts("snapshotId"), [""; 0]);
        assert_eq!(ec2.sim.world().region("us-east-1").snapshots.len(), 3);
    }

    #[test]
    fn deletes_the_snapshots_on_request() {
        let ec2 = Client::of_example();
        let id = ec2.available_image(DB, "nightly");
        let answer = ec2.ok("DeregisterImage", &[("ImageId", &id), WITH_SNAPSHOTS]);
        assert_eq!(answer.texts("returnCode"), ["success", "success", "success"]);
        assert!(ec2.sim.world().region("us-east-1").snapshots.is_empty());
    }

    #[test]
    fn a_shared_snapshot_is_skipped_until_the_last_image_goes() {
        let ec2 = Client::of_example();
        let first = ec2.available_image(WEB, "first");
        let snapshot = ec2.snapshots_of(&first)[0].id.to_string();
        let params = [
            ("Name", "second"),
            ("RootDeviceName", "/dev/sda1"),
            ("BlockDeviceMapping.1.DeviceName", "/dev/sda1"),
            ("BlockDeviceMapping.1.Ebs.SnapshotId", &snapshot),
        ];
        let second = ec2.ok("RegisterImage", &params).text("imageId");
        let deregister = |id| ec2.ok("DeregisterImage", &[("ImageId", id), WITH_SNAPSHOTS]);
        assert_eq!(deregister(&first).text("returnCode"), "skipped");
        assert_eq!(
            ec2.error("DeleteSnapshot", &[("SnapshotId", &snapshot)]),
            format!("InvalidSnapshot.InUse: The snapshot {snapshot} is currently in use by {second}")
        );
        assert_eq!(deregister(&second).text("returnCode"), "success");
    }

    #[test]
    fn is_gone_even_if_its_snapshots_may_not_be_deleted() {
        let ec2 = Client::of_example();
        let id = ec2.available_image(WEB, "nightly");
        ec2.deny("DeleteSnapshot");
        let answer = ec2.ok("DeregisterImage", &[("ImageId", &id), WITH_SNAPSHOTS]);
        assert_eq!(answer.text("returnCode"), "missing-permissions");
        let world = ec2.sim.world();
        assert!(world.region("us-east-1").images.is_empty());
        assert_eq!(world.region("us-east-1").snapshots.len(), 1);
    }

    #[test]
    fn says_of_each_snapshot_what_became_of_it() {
        let ec2 = Client::of_example();
        let id = ec2.available_image(DB, "nightly");
        let [lost, locked, untagged] = &ec2.snapshots_of(&id)[..] else { panic!("three volumes") };
        ec2.deny_unless_tagged("DeleteSnapshot", "Creator", "image-instance");
        let mut world = ec2.sim.world();
        world.fail_next.snapshot_deletions = 1;
        let now = world.clock;
        let snapshots = &mut world.region_mut("us-east-1").snapshots;
        for snapshot in [lost, locked] {
            let tags = &mut snapshots.get_mut(&snapshot.id).unwrap().tags;
            tags.insert("Creator".to_owned(), "image-instance".to_owned());
        }
        snapshots.get_mut(&locked.id).unwrap().lock = Some(Lock::new(LockMode::Compliance, LockTerm::Days(1), now));
        drop(world);
        let answer = ec2.ok("DeregisterImage", &[("ImageId", &id), WITH_SNAPSHOTS]);
        assert_eq!(answer.texts("snapshotId"), [&lost.id, &locked.id, &untagged.id].map(ToString::to_string));
        assert_eq!(answer.texts("returnCode"), ["internal-error", "client-error", "missing-permissions"]);
        let world = ec2.sim.world();
        assert!(world.region("us-east-1").images.is_empty());
        assert_eq!(world.region("us-east-1").snapshots.len(), 3);
    }

    #[test]
    fn refuses_what_aws_backup_looks_after_but_not_an_image_of_its_snapshots() {
        let ec2 = Client::of_example();
        let id = ec2.available_image(WEB, "nightly");
        let manage = |by| ec2.sim.world().region_mut("us-east-1").images.values_mut().for_each(|image| image.managed_by = by);
        manage(Some(ManagedBy::AwsBackup));
        let refused = || ec2.error("DeregisterImage", &[("ImageId", &id)]).replace(&id, "ami-…");
        assert_snapshot!(
            refused(),
            @"InvalidParameterValue: The image 'ami-…' is managed by the AWS Backup service and cannot be deregistered via EC2 APIs."
        );
        ec2.sim.world().manners.managed_image_code = "OperationNotPermitted".to_owned();
        assert!(refused().starts_with("OperationNotPermitted: "));
        manage(None);
        let snapshots = |by| ec2.sim.world().region_mut("us-east-1").snapshots.values_mut().for_each(|snapshot| snapshot.managed_by = by);
        snapshots(Some(ManagedBy::AwsBackup));
        assert_eq!(ec2.ok("DeregisterImage", &[("ImageId", &id), WITH_SNAPSHOTS]).text("returnCode"), "client-error");
    }

    #[test]
    fn permission_may_depend_on_a_tag() {
        let ec2 = Client::of_example();
        let id = ec2.available_image(WEB, "nightly");
        ec2.deny_unless_tagged("DeregisterImage", "Creator", "image-instance");
        assert!(ec2.error("DeregisterImage", &[("ImageId", &id), ("DryRun", "true")]).starts_with("UnauthorizedOperation"));
        ec2.ok("CreateTags", &[("ResourceId.1", &id), ("Tag.1.Key", "Creator"), ("Tag.1.Value", "image-instance")]);
        ec2.ok("DeregisterImage", &[("ImageId", &id)]);
    }

    #[test]
    fn refuses_what_is_unknown_not_ones_own_or_protected() {
        let mut world = World::example(1, noon());
        world.access_keys.insert("AKIDOTHER".to_owned(), "210987654321".parse().unwrap());
        let ec2 = Client::of(world);
        let id = ec2.available_image(WEB, "nightly");
        let deregister = |id: &str| ec2.error("DeregisterImage", &[("ImageId", id)]);
        assert_snapshot!(deregister("nightly"), @r#"InvalidAMIID.Malformed: Invalid id: "nightly" (expecting "ami-...")"#);
        assert_snapshot!(deregister("ami-00000000"), @"InvalidAMIID.NotFound: The image id '[ami-00000000]' does not exist");
        assert_snapshot!(deregister("ami-12345678"), @"AuthFailure: Not authorized for image:ami-12345678");

        let stranger = ec2.with_key("AKIDOTHER");
        assert!(stranger.error("DeregisterImage", &[("ImageId", &id)]).starts_with("InvalidAMIID.NotFound"));
        ec2.sim.world().region_mut("us-east-1").images.values_mut().for_each(|image| image.public = true);
        assert!(stranger.error("DeregisterImage", &[("ImageId", &id)]).starts_with("AuthFailure"));

        ec2.ok("EnableImageDeregistrationProtection", &[("ImageId", &id)]);
        assert!(deregister(&id).starts_with("OperationNotPermitted"));
        ec2.sim.world().manners.protected_image_code = "InvalidState".to_owned();
        assert!(deregister(&id).starts_with("InvalidState"));
        ec2.ok("DisableImageDeregistrationProtection", &[("ImageId", &id)]);
        ec2.ok("DeregisterImage", &[("ImageId", &id)]);
        assert!(deregister(&id).starts_with("InvalidAMIID.Unavailable"));
    }

    #[test]
    fn a_cooldown_outlasts_the_protection_by_a_day() {
        let ec2 = Client::of_example();
        let id = ec2.available_image(WEB, "nightly");
        ec2.ok("EnableImageDeregistrationProtection", &[("ImageId", &id), ("WithCooldown", "true")]);
        ec2.ok("DisableImageDeregistrationProtection", &[("ImageId", &id)]);
        ec2.wait(24 * 3600 - 1);
        assert!(ec2.error("DeregisterImage", &[("ImageId", &id)]).starts_with("OperationNotPermitted"));
        ec2.wait(1);
        ec2.ok("DeregisterImage", &[("ImageId", &id)]);
    }

    #[test]
    fn what_is_not_documented_about_protection_can_be_chosen() {
        let mut world = World::example(1, noon());
        world.manners.protected_image_code = "InvalidParameterValue".to_owned();
        world.manners.cooling_down_reads = "disabled".to_owned();
        let ec2 = Client::of(world);
        let id = ec2.available_image(WEB, "nightly");
        assert_eq!(ec2.ok("EnableImageDeregistrationProtection", &[("ImageId", &id), ("WithCooldown", "true")]).text("return"), "true");
        ec2.ok("DisableImageDeregistrationProtection", &[("ImageId", &id)]);
        assert_eq!(ec2.ok("DescribeImages", &[("ImageId.1", &id)]).text("deregistrationProtection"), "disabled");
        assert!(ec2.error("DeregisterImage", &[("ImageId", &id)]).starts_with("InvalidParameterValue"));
    }

    #[test]
    fn stops_a_copy_under_way() {
        let ec2 = Client::of_example();
        let west = ec2.in_region("us-west-2");
        let source = ec2.available_image(WEB, "nightly");
        let params = [("SourceRegion", "us-east-1"), ("SourceImageId", &source[..]), ("Name", "nightly")];
        let copied = west.ok("CopyImage", &params).text("imageId");
        west.wait(30);
        west.ok("DeregisterImage", &[("ImageId", &copied)]);
        west.wait(600);
        let world = west.sim.world();
        let left: Vec<String> = world.region("us-west-2").snapshots.values().map(|s| s.state.to_string()).collect();
        assert_eq!(left, ["error"]);
    }

    #[test]
    fn is_seen_for_a_while_then_not_found_by_id_then_unknown() {
        let mut world = World::example(1, noon());
        world.manners.deregistered_lingers = SignedDuration::from_secs(3);
        world.manners.in_use_lingers = SignedDuration::from_secs(5);
        let ec2 = Client::of(world);
        let id = ec2.available_image(WEB, "nightly");
        let snapshot = ec2.snapshots_of(&id)[0].id.to_string();
        ec2.ok("DeregisterImage", &[("ImageId", &id)]);
        let seen = || ec2.ok("DescribeImages", &[("ImageId.1", &id)]).texts("imageState");
        assert_eq!(seen(), ["available"]);
        ec2.wait(3);
        assert_eq!(seen(), [""; 0]);
        assert!(ec2.error("DeleteSnapshot", &[("SnapshotId", &snapshot)]).starts_with("InvalidSnapshot.InUse"));
        ec2.wait(2);
        ec2.ok("DeleteSnapshot", &[("SnapshotId", &snapshot)]);
        ec2.wait(3600);
        assert!(ec2.error("DescribeImages", &[("ImageId.1", &id)]).starts_with("InvalidAMIID.NotFound"));
    }

    #[test]
    fn is_remembered_while_an_instance_of_it_lives() {
        let ec2 = Client::of_example();
        let id = ec2.available_image(WEB, "nightly");
        let instance = ec2.ok("RunInstances", &[("ImageId", &id), ("MinCount", "1"), ("MaxCount", "1")]).text("instanceId");
        ec2.ok("DeregisterImage", &[("ImageId", &id)]);
        ec2.wait(7200);
        ec2.ok("DescribeImages", &[("ImageId.1", &id)]);
        ec2.ok("TerminateInstances", &[("InstanceId.1", &instance)]);
        assert!(ec2.error("DescribeImages", &[("ImageId.1", &id)]).starts_with("InvalidAMIID.NotFound"));
    }
}
