//! `CreateImage`: an image of an instance, with a snapshot of each of its volumes.
//!
//! There is no client token; what keeps a repeated call from making a second image is the name.

use super::Action;
use crate::clock::later;
use crate::devices::{self, DeviceRequest, Wish, invalid_mapping};
use crate::error::Error;
use crate::id::{ImageId, InstanceId, VolumeId};
use crate::naming::{check_description, check_name};
use crate::query::Params;
use crate::scope::{Scope, instance_id};
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
        let planned = self.plan(&instance, scope)?;
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
                Some(Wish::Ebs(asked))
                    if asked.snapshot_id.is_none()
                        && asked.volume_size.is_none_or(|size| size == volume.size_gib)
                        && asked.encrypted.is_none_or(|e| e == volume.encrypted) =>
                {
                    if let Some(delete) = asked.delete_on_termination {
                        ebs.delete_on_termination = delete;
                    }
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
                planned.extend(request.device(scope)?.map(Planned::AsIs));
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
            tags: self.tags.tags("image"),
        })
    }
}
