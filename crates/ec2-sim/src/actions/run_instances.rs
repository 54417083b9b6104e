//! `RunInstances`: launch instances from an image, with a volume for each EBS device of it.

use std::collections::BTreeMap;

use super::Action;
use super::describe_instances::write_reservation;
use crate::devices::{self, DeviceRequest, Wish, invalid_mapping};
use crate::error::Error;
use crate::id::{ImageId, InstanceId, ReservationId, VolumeId, order};
use crate::idempotency;
use crate::query::Params;
use crate::reference::image_id;
use crate::scope::Scope;
use crate::tagging::Specification;
use crate::world::{Attachment, BlockDevice, Device, Ebs, Image, ImageState, Instance, InstanceState, START_DURATION, Volume};
use crate::xml::Xml;

/// More instances at once are beyond the quota of a young account.
const QUOTA: u32 = 100;

pub(super) struct RunInstances {
    image_id: ImageId,
    least: u32,
    most: u32,
    instance_type: String,
    availability_zone: Option<String>,
    devices: Vec<DeviceRequest>,
    tags: Specification,
    client_token: Option<String>,
}

impl Action for RunInstances {
    const NAME: &str = "RunInstances";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let mut placement = params.structure("Placement");
        let availability_zone = placement.text("AvailabilityZone");
        placement.ignore(&["Tenancy", "GroupName"]);
        placement.finish()?;
        params.ignore(&[
            "CreditSpecification",
            "DisableApiTermination",
            "EbsOptimized",
            "IamInstanceProfile",
            "InstanceInitiatedShutdownBehavior",
            "KeyName",
            "MetadataOptions",
            "Monitoring",
            "NetworkInterface",
            "SecurityGroup",
            "SecurityGroupId",
            "SubnetId",
            "UserData",
        ]);
        let count = |params: &mut Params, name| params.number(name)?.ok_or_else(|| Error::missing_parameter(name));
        Ok(Self {
            image_id: image_id(&params.required("ImageId")?)?,
            least: count(params, "MinCount")?,
            most: count(params, "MaxCount")?,
            instance_type: params.text("InstanceType").unwrap_or_else(|| "t3.micro".to_owned()),
            availability_zone,
            devices: devices::take(params)?,
            tags: Specification::take(params, &["instance", "volume", "network-interface", "spot-instances-request"])?,
            client_token: params.text("ClientToken"),
        })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let token = self.client_token.as_deref();
        if let Some(ids) = idempotency::recall(Self::NAME, token, scope)? {
            answer_with(&ids, scope, answer);
            return Ok(());
        }
        if self.least < 1 || self.most < self.least {
            return Err(Error::invalid_parameter_value("Invalid value for minCount or maxCount: 1 <= minCount <= maxCount must hold"));
        }
        if self.least > QUOTA {
            return Err(Error::new(
                "InstanceLimitExceeded",
                format!("Your quota allows for {QUOTA} more running instance(s). You requested at least {}", self.least),
            ));
        }
        let image = scope.image(&self.image_id)?.clone();
        if image.state != ImageState::Available {
            return Err(Error::new("InvalidAMIID.Unavailable", format!("The image ID '{}' is not available", image.id)));
        }
        let zone = self.zone(scope)?;
        let volumes = self.volumes(&image, scope)?;
        if !self.tags.is_empty() {
            scope.authorize("CreateTags")?;
        }
        note_launch(&image.id, scope);
        let reservation = ReservationId::mint(&mut scope.world.ids);
        let ids: Vec<String> =
            (0..self.most.min(QUOTA)).map(|index| self.launch(&image, &reservation, index, &zone, &volumes, scope).into()).collect();
        idempotency::remember(Self::NAME, token, ids.clone(), scope);
        answer_with(&ids, scope, answer);
        Ok(())
    }
}

impl RunInstances {
    fn zone(&self, scope: &Scope) -> Result<String, Error> {
        let zones = scope.world.regions.get(&scope.region).map_or(&[][..], |facts| &facts.zones);
        let found = match &self.availability_zone {
            None => zones.first(),
            Some(wanted) => zones.iter().find(|zone| zone.name == *wanted),
        };
        found.map(|zone| zone.name.clone()).ok_or_else(|| {
            Error::invalid_parameter_value(format!(
                "Invalid availability zone: [{}]",
                self.availability_zone.as_deref().unwrap_or_default()
            ))
        })
    }

    /// The EBS devices of the image, with what the request changes about them.
    fn volumes(&self, image: &Image, scope: &Scope) -> Result<Vec<(String, Ebs)>, Error> {
        let mut volumes: BTreeMap<String, Ebs> = BTreeMap::new();
        for device in &image.devices {
            if let BlockDevice::Ebs { device_name, ebs } = device {
                volumes.insert(device_name.clone(), ebs.clone());
            }
        }
        for request in &self.devices {
            let DeviceRequest { device_name, wish } = request;
            let volume = match (wish, volumes.remove(device_name)) {
                (Wish::NoDevice, _) if *device_name == image.root_device_name => {
                    return Err(invalid_mapping(format!("The root device {device_name} cannot be left out.")));
                }
                (Wish::Ebs(asked), Some(own)) if asked.snapshot_id.is_none() => Some(asked.over(&own)?),
                _ => request.device(scope)?.and_then(|device| device.ebs().cloned()),
            };
            volumes.extend(volume.map(|volume| (device_name.clone(), volume)));
        }
        Ok(volumes.into_iter().collect())
    }

    fn launch(
        &self,
        image: &Image,
        reservation: &ReservationId,
        index: u32,
        zone: &str,
        volumes: &[(String, Ebs)],
        scope: &mut Scope,
    ) -> InstanceId {
        let now = scope.now();
        let id = InstanceId::mint(&mut scope.world.ids);
        let mut instance = Instance {
            private_ip: private_ip(scope.world.ids.seed, &id),
            id: id.clone(),
            image_id: image.id.clone(),
            reservation_id: reservation.clone(),
            launch_index: index,
            instance_type: self.instance_type.clone(),
            state: InstanceState::Pending,
            next_state_at: Some(scope.world.due_after(START_DURATION)),
            launched: now,
            availability_zone: zone.to_owned(),
            architecture: image.architecture.clone(),
            boot_mode: image.boot_mode.clone(),
            root_device_name: image.root_device_name.clone(),
            devices: [].into(),
            reboots: Vec::new(),
            tags: self.tags.tags("instance"),
        };
        for (device_name, ebs) in volumes {
            let volume = Volume {
                id: VolumeId::mint(&mut scope.world.ids),
                size_gib: ebs.volume_size,
                volume_type: ebs.volume_type.clone(),
                encrypted: ebs.encrypted,
                kms_key_id: None,
                availability_zone: zone.to_owned(),
                snapshot_id: ebs.snapshot_id.clone(),
                created: now,
                attachment: Some(Attachment {
                    instance_id: id.clone(),
                    device: device_name.clone(),
                    since: now,
                    delete_on_termination: ebs.delete_on_termination,
                }),
                last_snapshot: None,
                tags: self.tags.tags("volume"),
            };
            let device = Device { volume_id: volume.id.clone(), delete_on_termination: ebs.delete_on_termination, attached: now };
            instance.devices.insert(device_name.clone(), device);
            scope.here_mut().volumes.insert(volume.id.clone(), volume);
        }
        scope.here_mut().instances.insert(id.clone(), instance);
        id
    }
}

/// Writes down that an image was launched, whoever owns it; the public one's owner is not in this world.
fn note_launch(image: &ImageId, scope: &mut Scope) {
    let now = scope.now();
    let Scope { world, region, .. } = scope;
    let held = world.accounts.values_mut().filter_map(|account| account.regions.get_mut(region.as_str()));
    for image in held.filter_map(|held| held.images.get_mut(image)) {
        image.launches.push(now);
    }
}

/// An address in the default VPC.
fn private_ip(seed: u64, id: &InstanceId) -> String {
    let [.., high, low] = order(seed, id.as_str()).to_be_bytes();
    // The first addresses of a subnet belong to EC2, the last one is for broadcasts.
    format!("172.31.{}.{}", high % 96, 4 + low % 250)
}

fn answer_with(ids: &[String], scope: &Scope, answer: &mut Xml) {
    let instances: Vec<&Instance> = ids.iter().filter_map(|id| scope.here().instances.get(id.as_str())).collect();
    write_reservation(answer, &scope.account, &instances);
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, WEB, noon};
    use crate::world::World;

    #[test]
    fn a_launch_is_told_to_the_owner_a_day_later() {
        let mut world = World::example(1, noon());
        world.access_keys.insert("AKIDOTHER".to_owned(), "210987654321".parse().unwrap());
        let ec2 = Client::of(world);
        let id = ec2.available_image(WEB, "nightly");
        ec2.ok("ModifyImageAttribute", &[("ImageId", &id), ("LaunchPermission.Add.1.UserId", "210987654321")]);
        let other = ec2.with_key("AKIDOTHER");
        let launch = || other.ok("RunInstances", &[("ImageId", &id), ("MinCount", "1"), ("MaxCount", "1")]);
        let told = |client: &Client| client.ok("DescribeImages", &[("ImageId.1", &id)]).texts("lastLaunchedTime").join("");
        launch();
        ec2.wait(6 * 3600);
        launch();
        ec2.wait(18 * 3600 - 60);
        assert_eq!(told(&ec2), "");
        ec2.wait(60);
        assert!(told(&ec2).starts_with("2026-11-22T12:10:0"), "{}", told(&ec2));
        assert_eq!(told(&other), "");
        let attribute = [("ImageId", &id[..]), ("Attribute", "lastLaunchedTime")];
        assert_eq!(ec2.ok("DescribeImageAttribute", &attribute).text("value"), told(&ec2));
        ec2.wait(6 * 3600);
        assert!(told(&ec2).starts_with("2026-11-22T18:10:0"), "{}", told(&ec2));
        assert_eq!(ec2.image(&id).launches.len(), 1);
    }

    const ONE: [(&str, &str); 3] = [("ImageId", "ami-12345678"), ("MinCount", "1"), ("MaxCount", "1")];

    #[test]
    fn starts_instances_with_their_volumes() {
        let ec2 = Client::of_example();
        let params = [
            ("ImageId", "ami-12345678"),
            ("MinCount", "1"),
            ("MaxCount", "2"),
            ("InstanceType", "m7i.large"),
            ("Placement.AvailabilityZone", "us-east-1c"),
            ("BlockDeviceMapping.1.DeviceName", "/dev/sda1"),
            ("BlockDeviceMapping.1.Ebs.VolumeSize", "20"),
            ("BlockDeviceMapping.2.DeviceName", "/dev/sdf"),
            ("BlockDeviceMapping.2.Ebs.VolumeSize", "50"),
            ("BlockDeviceMapping.2.Ebs.DeleteOnTermination", "false"),
            ("TagSpecification.1.ResourceType", "instance"),
            ("TagSpecification.1.Tag.1.Key", "Name"),
            ("TagSpecification.1.Tag.1.Value", "worker"),
            ("KeyName", "mine"),
            ("SecurityGroupId.1", "sg-12345678"),
        ];
        let answer = ec2.ok("RunInstances", &params);
        let ids = answer.texts("instanceId");
        assert_eq!(ids.len(), 2);
        assert_eq!(answer.text("name"), "pending");

        ec2.wait(20);
        let world = ec2.sim.world();
        let instance = &world.region("us-east-1").instances[&ids[0][..]];
        assert_eq!(instance.state.to_string(), "running");
        assert_eq!((&instance.instance_type[..], &instance.availability_zone[..]), ("m7i.large", "us-east-1c"));
        assert_eq!(instance.tags["Name"], "worker");
        let volumes = instance.devices.values().map(|device| {
            let volume = &world.region("us-east-1").volumes[&device.volume_id];
            (volume.size_gib, device.delete_on_termination, volume.snapshot_id.is_some())
        });
        assert_eq!(volumes.collect::<Vec<_>>(), [(20, true, true), (50, false, false)]);
    }

    #[test]
    fn a_client_token_starts_one_instance_of_two_calls() {
        let ec2 = Client::of_example();
        let params = [&ONE[..], &[("ClientToken", "once")]].concat();
        let first = ec2.ok("RunInstances", &params).text("instanceId");
        assert_eq!(ec2.ok("RunInstances", &params).text("instanceId"), first);
        assert_eq!(ec2.sim.world().region("us-east-1").instances.len(), 3);
    }

    #[test]
    fn runs_ones_own_image_once_it_is_available() {
        let ec2 = Client::of_example();
        let id = ec2.create_image(WEB, "nightly");
        let params = [("ImageId", &id[..]), ONE[1], ONE[2]];
        assert!(ec2.error("RunInstances", &params).starts_with("InvalidAMIID.Unavailable"));
        ec2.wait(600);
        ec2.ok("RunInstances", &params);
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = Client::of_example();
        let run = |more: &[(&str, &str)]| ec2.error("RunInstances", &[&ONE[..], more].concat());
        assert_snapshot!(ec2.error("RunInstances", &ONE[..2]), @"MissingParameter: The request must contain the parameter MaxCount");
        assert_snapshot!(
            run(&[("MinCount", "2")]),
            @"InvalidParameterValue: Invalid value for minCount or maxCount: 1 <= minCount <= maxCount must hold"
        );
        assert_snapshot!(
            run(&[("MinCount", "999"), ("MaxCount", "999")]),
            @"InstanceLimitExceeded: Your quota allows for 100 more running instance(s). You requested at least 999"
        );
        assert_snapshot!(
            run(&[("Placement.AvailabilityZone", "eu-west-1a")]),
            @"InvalidParameterValue: Invalid availability zone: [eu-west-1a]"
        );
        assert_snapshot!(
            run(&[("BlockDeviceMapping.1.DeviceName", "/dev/sda1"), ("BlockDeviceMapping.1.Ebs.VolumeSize", "7")]),
            @"InvalidBlockDeviceMapping: Volume of size 7GB is smaller than snapshot, expect size >= 8GB"
        );
        assert_snapshot!(
            run(&[("BlockDeviceMapping.1.DeviceName", "/dev/sdf")]),
            @"InvalidBlockDeviceMapping: Exactly one of NoDevice, VirtualName and Ebs is needed for the device /dev/sdf."
        );
        let twice = [
            ("BlockDeviceMapping.1.DeviceName", "/dev/sdf"),
            ("BlockDeviceMapping.1.NoDevice", ""),
            ("BlockDeviceMapping.2.DeviceName", "/dev/sdf"),
            ("BlockDeviceMapping.2.NoDevice", ""),
        ];
        assert_snapshot!(run(&twice), @"InvalidBlockDeviceMapping: The device '/dev/sdf' is used in more than one block-device mapping");
        assert_snapshot!(
            run(&[("BlockDeviceMapping.1.Ebs.VolumeSize", "7")]),
            @"MissingParameter: The request must contain the parameter BlockDeviceMapping.1.DeviceName"
        );
        assert_snapshot!(
            run(&[("LaunchTemplate.LaunchTemplateName", "mine")]),
            @"UnknownParameter: The parameter LaunchTemplate is not recognized"
        );
    }
}
