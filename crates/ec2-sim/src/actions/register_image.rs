//! `RegisterImage`: an image of snapshots that exist already. It refers to those very snapshots, so
//! two images can share one.

use super::Action;
use crate::clock::later;
use crate::devices::{self, DeviceRequest, invalid_mapping};
use crate::error::Error;
use crate::id::ImageId;
use crate::naming::{check_description, check_name};
use crate::query::Params;
use crate::quotas;
use crate::scope::Scope;
use crate::tagging::Specification;
use crate::world::{DeregistrationProtection, Image, ImageState, Origin};
use crate::xml::Xml;

pub(super) struct RegisterImage {
    name: String,
    description: Option<String>,
    architecture: Option<String>,
    boot_mode: Option<String>,
    root_device_name: String,
    devices: Vec<DeviceRequest>,
    virtualization_type: Option<String>,
    ena_support: bool,
    sriov_net_support: Option<String>,
    tags: Specification,
}

impl Action for RegisterImage {
    const NAME: &str = "RegisterImage";

    fn take(params: &mut Params) -> Result<Self, Error> {
        params.ignore(&["BillingProduct", "ImdsSupport", "TpmSupport"]);
        Ok(Self {
            name: params.required("Name")?,
            description: params.text("Description"),
            architecture: params.text("Architecture"),
            boot_mode: params.text("BootMode"),
            root_device_name: params.required("RootDeviceName")?,
            devices: devices::take(params)?,
            virtualization_type: params.text("VirtualizationType"),
            ena_support: params.boolean("EnaSupport")?.unwrap_or(false),
            sriov_net_support: params.text("SriovNetSupport"),
            tags: Specification::take(params, &["image"])?,
        })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        check_name(&self.name, scope)?;
        check_description(self.description.as_deref())?;
        quotas::check_images(scope)?;
        let mut devices = Vec::new();
        for request in &self.devices {
            devices.extend(request.device(scope)?);
        }
        for device in &devices {
            devices::check_lasting(device, scope)?;
        }
        let has_root = devices
            .iter()
            .any(|device| device.device_name() == self.root_device_name && device.ebs().is_some_and(|ebs| ebs.snapshot_id.is_some()));
        if !has_root {
            return Err(invalid_mapping(format!("The root device {} needs a mapping with a snapshot.", self.root_device_name)));
        }
        if !self.tags.is_empty() {
            scope.authorize("CreateTags")?;
        }
        let now = scope.now();
        let visible_from = later(now, scope.world.manners.visibility_lag);
        let id = ImageId::mint(&mut scope.world.ids);
        let image = Image {
            id: id.clone(),
            owner: scope.account.clone(),
            owner_alias: None,
            tags: self.tags.tags("image"),
            name: self.name,
            description: self.description,
            state: ImageState::Available,
            state_reason: None,
            created: now,
            visible_from,
            mapped_from: now,
            ends: now,
            fails_with: None,
            origin: Origin::Registered,
            architecture: self.architecture.unwrap_or_else(|| "i386".to_owned()),
            boot_mode: self.boot_mode,
            root_device_name: self.root_device_name,
            devices,
            virtualization_type: self.virtualization_type.unwrap_or_else(|| "paravirtual".to_owned()),
            ena_support: self.ena_support,
            sriov_net_support: self.sriov_net_support,
            public: false,
            launch_permissions: [].into(),
            deregistration_protection: DeregistrationProtection::Disabled,
            deprecation_time: None,
            managed_by: None,
            launches: Vec::new(),
            ancestors: Vec::new(),
        };
        scope.here_mut().images.insert(id.clone(), image);
        answer.leaf("imageId", &id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, WEB};

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = Client::of_example();
        let register = |more: &[(&str, &str)]| {
            let params = [&[("Name", "restored"), ("RootDeviceName", "/dev/sda1")], more].concat();
            ec2.error("RegisterImage", &params)
        };
        assert_snapshot!(register(&[]), @"InvalidBlockDeviceMapping: The root device /dev/sda1 needs a mapping with a snapshot.");
        let snapshot = |id| [("BlockDeviceMapping.1.DeviceName", "/dev/sda1"), ("BlockDeviceMapping.1.Ebs.SnapshotId", id)];
        assert_snapshot!(register(&snapshot("snap-00000000")), @"InvalidSnapshot.NotFound: The snapshot 'snap-00000000' does not exist.");
        let pending = ec2.ok("CreateSnapshot", &[("VolumeId", "vol-0eb1eb1eb1eb10001")]).text("snapshotId");
        assert!(register(&snapshot(&pending)).starts_with("IncorrectState"));
    }

    #[test]
    fn is_available_at_once() {
        let ec2 = Client::of_example();
        let first = ec2.available_image(WEB, "first");
        let snapshot = ec2.snapshots_of(&first)[0].id.to_string();
        let params = [
            ("Name", "restored"),
            ("RootDeviceName", "/dev/sda1"),
            ("BlockDeviceMapping.1.DeviceName", "/dev/sda1"),
            ("BlockDeviceMapping.1.Ebs.SnapshotId", &snapshot),
            ("Architecture", "arm64"),
            ("VirtualizationType", "hvm"),
            ("EnaSupport", "true"),
        ];
        let image = ec2.image(&ec2.ok("RegisterImage", &params).text("imageId"));
        assert_eq!((image.state.to_string(), &image.architecture[..]), ("available".to_owned(), "arm64"));
        assert_eq!(image.devices[0].ebs().unwrap().volume_size, 8);
    }
}
