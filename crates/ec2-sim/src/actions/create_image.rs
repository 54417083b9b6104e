//! `CreateImage`: an image of an instance, with a snapshot of each of its volumes.
//!
//! There is no client token; what keeps a repeated call from making a second image is the name.

use jiff::Timestamp;

use super::Action;
use crate::clock::later;
use crate::devices::{self, DeviceRequest, Wish, invalid_mapping};
use crate::error::Error;
use crate::id::{ImageId, InstanceId, VolumeId};
use crate::naming::{check_description, check_name};
use crate::query::Params;
use crate::quotas;
use crate::reference::instance_id;
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::snapshotting;
use crate::tagging::Specification;
use crate::world::{BlockDevice, DeregistrationProtection, Ebs, Image, ImageState, Instance, InstanceState, Origin};
use crate::xml::Xml;

pub(super) struct CreateImage {
    instance_id: InstanceId,
    name: String,
    description: Option<String>,
    no_reboot: bool,
    devices: Vec<DeviceRequest>,
    tags: Specification,
}

/// A device of the image to be: a volume of the instance that is yet to be snapshotted, or not.
enum Planned {
    Snapshot(VolumeId, BlockDevice),
    AsIs(BlockDevice),
}

impl Action for CreateImage {
    const NAME: &str = "CreateImage";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let location = params.text("SnapshotLocation");
        if location.is_some_and(|location| location != "regional") {
            return Err(Error::invalid_parameter_value("SnapshotLocation 'local' is only supported for instances in a Local Zone"));
        }
        Ok(Self {
            instance_id: instance_id(&params.required("InstanceId")?)?,
            name: params.required("Name")?,
            description: params.text("Description"),
            no_reboot: params.boolean("NoReboot")?.unwrap_or(false),
            devices: devices::take(params)?,
            tags: Specification::take(params, &["image", "snapshot"])?,
        })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Instance(self.instance_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let instance = scope.instance(&self.instance_id)?.clone();
        if !matches!(instance.state, InstanceState::Running | InstanceState::Stopping | InstanceState::Stopped) {
            return Err(Error::invalid_parameter_value(format!(
                "Invalid value '{}' for instanceId. Instance is not in state 'running' or 'stopping' or 'stopped'",
                instance.id
            )));
        }
        check_name(&self.name, scope)?;
        check_description(self.description.as_deref())?;
        if !self.tags.is_empty() {
            scope.authorize("CreateTags")?;
        }
        quotas::check_images(scope)?;
        quotas::check_image_creations(&instance.id, scope)?;
        let planned = self.plan(&instance, scope)?;
        quotas::check_snapshots(planned.iter().filter(|device| matches!(device, Planned::Snapshot(..))).count(), scope)?;
        for device in &planned {
            if let Planned::Snapshot(volume, _) = device {
                snapshotting::check_volume(volume, scope)?;
            }
        }

        if !self.no_reboot && instance.state == InstanceState::Running {
            let now = scope.now();
            scope.instance_mut(&instance.id)?.reboots.push(now);
        }
        let id = ImageId::mint(&mut scope.world.ids);
        let image = self.begin(&id, &instance, planned, scope)?;
        scope.here_mut().images.insert(id.clone(), image);
        answer.leaf("imageId", &id);
        Ok(())
    }
}

impl CreateImage {
    /// The volumes of the instance, with what the request changes about them.
    fn plan(&self, instance: &Instance, scope: &Scope) -> Result<Vec<Planned>, Error> {
        let mut planned = Vec::new();
        for (device_name, device) in &instance.devices {
            let volume = scope.volume(&device.volume_id)?;
            let mut ebs = Ebs {
                snapshot_id: None,
                volume_size: volume.size_gib,
                volume_type: volume.volume_type.clone(),
                delete_on_termination: device.delete_on_termination,
                encrypted: volume.encrypted,
            };
            match self.wish(device_name) {
                None => {}
                Some(Wish::NoDevice) if *device_name == instance.root_device_name => {
                    return Err(invalid_mapping(format!("The root device {device_name} cannot be left out of an image.")));
                }
                Some(Wish::NoDevice) => continue,
                // The one thing that an image may say otherwise.
                Some(Wish::Ebs(asked)) if asked.suits(volume) => {
                    ebs.delete_on_termination = asked.delete_on_termination.unwrap_or(ebs.delete_on_termination);
                }
                Some(Wish::Ebs(_) | Wish::Ephemeral(_)) => {
                    return Err(invalid_mapping(format!("Only DeleteOnTermination can be modified of the device {device_name}.")));
                }
            }
            let device = BlockDevice::Ebs { device_name: device_name.clone(), ebs };
            planned.push(Planned::Snapshot(volume.id.clone(), device));
        }
        for request in &self.devices {
            if !instance.devices.contains_key(&request.device_name) {
                let device = request.device(scope)?;
                if let Some(device) = &device {
                    devices::check_lasting(device, scope)?;
                }
                planned.extend(device.map(Planned::AsIs));
            }
        }
        Ok(planned)
    }

    fn wish(&self, device_name: &str) -> Option<&Wish> {
        self.devices.iter().find(|device| device.device_name == device_name).map(|device| &device.wish)
    }

    /// Begins the snapshots, and the image that will be available when they are complete.
    fn begin(&self, id: &ImageId, instance: &Instance, planned: Vec<Planned>, scope: &mut Scope) -> Result<Image, Error> {
        let now = scope.now();
        let visible_from = later(now, scope.world.manners.visibility_lag);
        let mapped_from = scope.world.due_after(scope.world.manners.snapshot_ids_after).max(visible_from);
        let mut ends = mapped_from;
        let mut devices = Vec::new();
        for device in planned {
            devices.push(match device {
                Planned::AsIs(device) => device,
                Planned::Snapshot(volume, mut device) => {
                    let snapshot = snapshotting::begin(
                        &volume,
                        format!("Created by CreateImage({}) for {id}", instance.id),
                        self.tags.tags("snapshot"),
                        mapped_from,
                        scope,
                    )?;
                    ends = ends.max(scope.here().snapshots[&snapshot].ends);
                    if let Some(ebs) = device.ebs_mut() {
                        ebs.snapshot_id = Some(snapshot);
                    }
                    device
                }
            });
        }
        if scope.world.fail_next.sticks_image() {
            ends = Timestamp::MAX;
        }
        let fail_next = &mut scope.world.fail_next.image;
        let fails_with = (!fail_next.is_empty()).then(|| fail_next.remove(0));
        Ok(Image {
            id: id.clone(),
            owner: scope.account.clone(),
            owner_alias: None,
            name: self.name.clone(),
            description: self.description.clone(),
            state: ImageState::Pending,
            state_reason: None,
            created: now,
            visible_from,
            mapped_from,
            ends,
            fails_with,
            origin: Origin::Instance(instance.id.clone()),
            architecture: instance.architecture.clone(),
            boot_mode: instance.boot_mode.clone(),
            root_device_name: instance.root_device_name.clone(),
            devices,
            virtualization_type: "hvm".to_owned(),
            ena_support: true,
            sriov_net_support: Some("simple".to_owned()),
            public: false,
            launch_permissions: [].into(),
            deregistration_protection: DeregistrationProtection::Disabled,
            deprecation_time: None,
            managed_by: None,
            launches: Vec::new(),
            ancestors: scope.ancestry_of(&instance.image_id),
            tags: self.tags.tags("image"),
        })
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::SignedDuration;

    use crate::testing::{Client, DB, MAIL, WEB, noon};
    use crate::world::{InstanceState, StateReason, World};

    #[test]
    fn pending_then_available_with_a_snapshot_of_each_volume() {
        let ec2 = Client::of_example();
        let id = ec2.create_image(DB, "nightly");
        assert_eq!(ec2.image(&id).state.to_string(), "pending");

        ec2.wait(60);
        // The 8 GiB are done by now, the 500 GiB are not.
        let states: Vec<String> = ec2.snapshots_of(&id).iter().map(|s| format!("{} {}%", s.state, s.progress)).collect();
        assert_eq!(states, ["completed 100%", "pending 85%", "pending 35%"]);
        assert_eq!(ec2.image(&id).state.to_string(), "pending");

        ec2.wait(120);
        assert_eq!(ec2.image(&id).state.to_string(), "available");
    }

    #[test]
    fn snapshots_say_what_they_were_made_for() {
        let ec2 = Client::of_example();
        let id = ec2.available_image(WEB, "nightly");
        assert_eq!(ec2.snapshots_of(&id)[0].description, format!("Created by CreateImage({WEB}) for {id}"));
    }

    #[test]
    fn snapshot_ids_are_not_there_at_first() {
        let ec2 = Client::of_example();
        let id = ec2.create_image(WEB, "nightly");
        let described = || ec2.ok("DescribeImages", &[("ImageId.1", &id)]);
        assert_eq!(described().texts("snapshotId"), [""; 0]);
        assert_eq!(described().text("volumeSize"), "8");
        assert_eq!(ec2.ok("DescribeSnapshots", &[]).texts("snapshotId"), [""; 0]);

        ec2.wait(5);
        assert_eq!(described().text("imageState"), "pending");
        assert_eq!(described().texts("snapshotId"), ec2.ok("DescribeSnapshots", &[]).texts("snapshotId"));
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = Client::of_example();
        let create = |params: &[(&str, &str)]| ec2.error("CreateImage", params);
        assert_snapshot!(create(&[("Name", "abc")]), @"MissingParameter: The request must contain the parameter InstanceId");
        assert_snapshot!(create(&[("InstanceId", WEB)]), @"MissingParameter: The request must contain the parameter Name");
        assert_snapshot!(
            create(&[("InstanceId", "web-1"), ("Name", "abc")]),
            @r#"InvalidInstanceID.Malformed: Invalid id: "web-1" (expecting "i-...")"#
        );
        assert_snapshot!(
            create(&[("InstanceId", "i-12345678"), ("Name", "abc")]),
            @"InvalidInstanceID.NotFound: The instance ID 'i-12345678' does not exist"
        );
        assert_snapshot!(
            create(&[("InstanceId", WEB), ("Name", "ab")]),
            @"InvalidAMIName.Malformed: AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '[', ']', ' ', '.', '/', '-', ''', '@' and '_'"
        );
        // There is none for this action.
        assert_snapshot!(
            create(&[("InstanceId", WEB), ("Name", "abc"), ("ClientToken", "t")]),
            @"UnknownParameter: The parameter ClientToken is not recognized"
        );
        assert_snapshot!(
            create(&[("InstanceId", WEB), ("Name", "abc"), ("NoReboot", "maybe")]),
            @"InvalidParameterValue: Value (maybe) for parameter NoReboot is invalid. Expecting a boolean."
        );
        assert!(ec2.sim.world().region("us-east-1").images.is_empty());
    }

    #[test]
    fn names_use_a_fixed_set_of_characters() {
        let ec2 = Client::of_example();
        let status = |name: &str| ec2.call("CreateImage", &[("InstanceId", WEB), ("Name", name)]).status;
        assert_eq!(status("web:1"), 400);
        assert_eq!(status("wéb"), 400);
        assert_eq!(status(&"x".repeat(129)), 400);
        assert_eq!(status("A-z 0(9)[x]./'@_"), 200);
    }

    #[test]
    fn a_name_is_taken_whatever_state_its_image_is_in() {
        let mut world = World::example(1, noon());
        world.fail_next.image.push("boom".into());
        let ec2 = Client::of(world);
        let assert_taken = |name, by: &str| {
            let duplicate = format!("InvalidAMIName.Duplicate: AMI name {name} is already in use by AMI {by}");
            assert_eq!(ec2.error("CreateImage", &[("InstanceId", DB), ("Name", name)]), duplicate);
        };
        let failed = ec2.create_image(WEB, "failed");
        assert_taken("failed", &failed);
        ec2.wait(600);
        assert_eq!(ec2.image(&failed).state.to_string(), "failed");
        assert_taken("failed", &failed);

        let disabled = ec2.available_image(WEB, "disabled");
        ec2.ok("DisableImage", &[("ImageId", &disabled)]);
        assert_taken("disabled", &disabled);

        ec2.ok("DeregisterImage", &[("ImageId", &disabled)]);
        ec2.create_image(WEB, "disabled");
        // Elsewhere the name is free.
        ec2.in_region("eu-west-1").create_image(MAIL, "failed");
    }

    #[test]
    fn an_image_that_has_failed_may_not_hold_its_name() {
        let mut world = World::example(1, noon());
        world.fail_next.image.push("boom".into());
        world.manners.failed_images_hold_names = false;
        let ec2 = Client::of(world);
        ec2.create_image(WEB, "nightly");
        assert!(ec2.error("CreateImage", &[("InstanceId", DB), ("Name", "nightly")]).starts_with("InvalidAMIName.Duplicate"));
        ec2.wait(600);
        ec2.available_image(DB, "nightly");
        assert!(ec2.error("CreateImage", &[("InstanceId", WEB), ("Name", "nightly")]).starts_with("InvalidAMIName.Duplicate"));
    }

    #[test]
    fn only_a_running_or_stopped_instance_can_be_imaged() {
        let ec2 = Client::of_example();
        let set = |state| ec2.sim.world().region_mut("us-east-1").instances.get_mut(WEB).unwrap().state = state;
        for state in [InstanceState::Pending, InstanceState::ShuttingDown, InstanceState::Terminated] {
            set(state);
            assert_eq!(
                ec2.error("CreateImage", &[("InstanceId", WEB), ("Name", "abc")]),
                format!(
                    "InvalidParameterValue: Invalid value '{WEB}' for instanceId. \
                     Instance is not in state 'running' or 'stopping' or 'stopped'"
                )
            );
        }
        set(InstanceState::Stopped);
        ec2.create_image(WEB, "abc");
    }

    #[test]
    fn reboots_a_running_instance_unless_told_not_to() {
        let ec2 = Client::of_example();
        let reboots = || ec2.sim.world().region("us-east-1").instances[WEB].reboots.len();
        ec2.ok("CreateImage", &[("InstanceId", WEB), ("Name", "one"), ("NoReboot", "true")]);
        assert_eq!(reboots(), 0);
        ec2.wait(15);
        ec2.ok("CreateImage", &[("InstanceId", WEB), ("Name", "two")]);
        assert_eq!(reboots(), 1);
        // Whoever is refused reboots nothing.
        ec2.error("CreateImage", &[("InstanceId", WEB), ("Name", "two")]);
        assert_eq!(reboots(), 1);
    }

    #[test]
    fn snapshots_of_a_volume_must_be_spaced() {
        let ec2 = Client::of_example();
        ec2.create_image(WEB, "one");
        ec2.wait(14);
        assert_snapshot!(
            ec2.error("CreateImage", &[("InstanceId", WEB), ("Name", "two")]),
            @"SnapshotCreationPerVolumeRateExceeded: The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or variable sleep interval between requests."
        );
        ec2.wait(1);
        ec2.create_image(WEB, "two");
    }

    #[test]
    fn permission_may_depend_on_a_tag_of_the_instance() {
        let ec2 = Client::of_example();
        ec2.deny_unless_tagged("CreateImage", "Name", "web-1");
        ec2.create_image(WEB, "one");
        assert_snapshot!(
            ec2.error("CreateImage", &[("InstanceId", DB), ("Name", "two"), ("DryRun", "true")]),
            @"UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/operator is not authorized to perform: ec2:CreateImage on resource: arn:aws:ec2:us-east-1:123456789012:instance/i-0db1db1db1db10001 because no identity-based policy allows the ec2:CreateImage action"
        );
    }

    #[test]
    fn the_spacing_is_a_matter_of_manners() {
        let mut world = World::example(1, noon());
        world.manners.volume_spacing = SignedDuration::ZERO;
        let ec2 = Client::of(world);
        ec2.create_image(WEB, "one");
        ec2.create_image(WEB, "two");
    }

    #[test]
    fn a_hard_disk_has_one_snapshot_under_way_and_one_in_error_counts() {
        let ec2 = Client::of_example();
        let mut world = ec2.sim.world();
        world.region_mut("us-east-1").volumes.get_mut("vol-0eb1eb1eb1eb10001").unwrap().volume_type = "st1".to_owned();
        drop(world);
        let id = ec2.create_image(WEB, "one");
        ec2.wait(15);
        let refused = || ec2.error("CreateImage", &[("InstanceId", WEB), ("Name", "two")]);
        assert!(refused().starts_with("ConcurrentSnapshotLimitExceeded"));
        let snapshot = ec2.snapshots_of(&id)[0].id.clone();
        ec2.sim.world().region_mut("us-east-1").snapshots.get_mut(&snapshot).unwrap().fails_with = Some("boom".to_owned());
        ec2.wait(600);
        assert!(refused().starts_with("ConcurrentSnapshotLimitExceeded"));
        ec2.ok("DeregisterImage", &[("ImageId", &id), ("DeleteAssociatedSnapshots", "true")]);
        ec2.create_image(WEB, "two");
    }

    #[test]
    fn a_volume_has_five_snapshots_under_way_at_most() {
        let mut world = World::example(1, noon());
        world.speed = 0.01;
        let ec2 = Client::of(world);
        for number in 1..=5 {
            ec2.create_image(WEB, &format!("image {number}"));
            ec2.wait(15);
        }
        assert_snapshot!(
            ec2.error("CreateImage", &[("InstanceId", WEB), ("Name", "image 6")]),
            @"ConcurrentSnapshotLimitExceeded: Maximum allowed in-progress snapshots for a single volume exceeded."
        );
    }

    #[test]
    fn tags_images_and_snapshots_and_nothing_else() {
        let ec2 = Client::of_example();
        let mut params = vec![
            ("InstanceId", DB),
            ("Name", "nightly"),
            ("TagSpecification.1.ResourceType", "image"),
            ("TagSpecification.1.Tag.1.Key", "on"),
            ("TagSpecification.1.Tag.1.Value", "the image"),
            ("TagSpecification.2.ResourceType", "snapshot"),
            ("TagSpecification.2.Tag.1.Key", "on"),
            ("TagSpecification.2.Tag.1.Value", "each snapshot"),
        ];
        let id = ec2.ok("CreateImage", &params).text("imageId");
        assert_eq!(ec2.image(&id).tags["on"], "the image");
        assert!(ec2.snapshots_of(&id).iter().all(|snapshot| snapshot.tags["on"] == "each snapshot"));

        // Refused before the dry run, and before the name is found taken.
        params[2].1 = "instance";
        params.push(("DryRun", "true"));
        assert_snapshot!(
            ec2.error("CreateImage", &params),
            @"InvalidParameterValue: 'instance' is not a valid taggable resource type for this operation."
        );
    }

    #[test]
    fn a_device_can_be_left_out_or_added_but_hardly_changed() {
        let ec2 = Client::of_example();
        let params = [
            ("InstanceId", DB),
            ("Name", "nightly"),
            ("BlockDeviceMapping.1.DeviceName", "/dev/sdf"),
            ("BlockDeviceMapping.1.NoDevice", ""),
            ("BlockDeviceMapping.2.DeviceName", "/dev/sdg"),
            ("BlockDeviceMapping.2.Ebs.DeleteOnTermination", "true"),
            ("BlockDeviceMapping.3.DeviceName", "/dev/sdh"),
            ("BlockDeviceMapping.3.Ebs.VolumeSize", "20"),
            ("BlockDeviceMapping.4.DeviceName", "/dev/sdi"),
            ("BlockDeviceMapping.4.VirtualName", "ephemeral0"),
        ];
        let image = ec2.image(&ec2.ok("CreateImage", &params).text("imageId"));
        let devices = image.devices.iter().map(|device| {
            let ebs = device.ebs().map(|ebs| (ebs.volume_size, ebs.delete_on_termination, ebs.snapshot_id.is_some()));
            (device.device_name(), ebs)
        });
        assert_eq!(
            devices.collect::<Vec<_>>(),
            [
                ("/dev/sda1", Some((8, true, true))),
                ("/dev/sdg", Some((500, true, true))),
                // A volume that begins empty has no snapshot, not even in the end.
                ("/dev/sdh", Some((20, true, false))),
                ("/dev/sdi", None),
            ]
        );

        let refused = |device, field, value| {
            let field = format!("BlockDeviceMapping.1.{field}");
            let device = ("BlockDeviceMapping.1.DeviceName", device);
            ec2.error("CreateImage", &[("InstanceId", DB), ("Name", "other"), device, (&field, value)])
        };
        assert_snapshot!(
            refused("/dev/sda1", "NoDevice", ""),
            @"InvalidBlockDeviceMapping: The root device /dev/sda1 cannot be left out of an image."
        );
        assert_snapshot!(
            refused("/dev/sdf", "Ebs.VolumeType", "io2"),
            @"InvalidBlockDeviceMapping: Only DeleteOnTermination can be modified of the device /dev/sdf."
        );
        assert_snapshot!(
            refused("/dev/sdf", "Ebs.VolumeSize", "200"),
            @"InvalidBlockDeviceMapping: Only DeleteOnTermination can be modified of the device /dev/sdf."
        );
    }

    #[test]
    fn an_image_can_fail_long_after_the_call() {
        let mut world = World::example(1, noon());
        world.fail_next.image.push(StateReason::new("Server.InternalError", "Internal error"));
        let ec2 = Client::of(world);
        let id = ec2.create_image(WEB, "doomed");
        assert_eq!(ec2.image(&id).state.to_string(), "pending");
        ec2.wait(600);
        let described = ec2.ok("DescribeImages", &[("ImageId.1", &id)]);
        assert_eq!(described.text("imageState"), "failed");
        assert_eq!(described.text("message"), "Internal error");
        assert_eq!(ec2.snapshots_of(&id)[0].state.to_string(), "completed");

        // Only the next one was to fail.
        ec2.available_image(WEB, "fine");
    }

    #[test]
    fn an_instance_that_goes_too_soon_leaves_a_failed_image() {
        let ec2 = Client::of_example();
        let id = ec2.create_image(WEB, "nightly");
        ec2.ok("TerminateInstances", &[("InstanceId.1", WEB)]);
        ec2.wait(600);
        assert_eq!(ec2.image(&id).state_reason.unwrap().code, "Client.InstanceTerminated");
    }

    #[test]
    fn speed_divides_what_resources_take_and_nothing_else() {
        let mut world = World::example(1, noon());
        world.speed = 60.0;
        let ec2 = Client::of(world);
        let id = ec2.create_image(WEB, "nightly");
        ec2.wait(1);
        assert_eq!(ec2.image(&id).state.to_string(), "available");
        let too_soon = ec2.error("CreateImage", &[("InstanceId", WEB), ("Name", "two")]);
        assert!(too_soon.starts_with("SnapshotCreationPerVolumeRateExceeded"), "{too_soon}");
    }
}
