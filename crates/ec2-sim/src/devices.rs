//! `BlockDeviceMapping.N` of a request: what is asked of each device.

use crate::error::Error;
use crate::id::SnapshotId;
use crate::query::Params;
use crate::reference::{archived, snapshot_id};
use crate::scope::Scope;
use crate::world::{BlockDevice, Ebs, SnapshotState, Volume};

/// What is asked of one device.
#[derive(Debug)]
pub(crate) struct DeviceRequest {
    pub(crate) device_name: String,
    pub(crate) wish: Wish,
}

#[derive(Debug)]
pub(crate) enum Wish {
    /// Leave the device out.
    NoDevice,
    /// An instance-store volume.
    Ephemeral(String),
    Ebs(EbsRequest),
}

#[derive(Debug, Default)]
pub(crate) struct EbsRequest {
    pub(crate) snapshot_id: Option<SnapshotId>,
    pub(crate) volume_size: Option<u32>,
    pub(crate) volume_type: Option<String>,
    pub(crate) delete_on_termination: Option<bool>,
    pub(crate) encrypted: Option<bool>,
}

/// Takes `BlockDeviceMapping.N` from a request.
pub(crate) fn take(params: &mut Params) -> Result<Vec<DeviceRequest>, Error> {
    let mut devices: Vec<DeviceRequest> = Vec::new();
    for mapping in params.structures("BlockDeviceMapping") {
        let device = take_device(mapping)?;
        if devices.iter().any(|other| other.device_name == device.device_name) {
            return Err(invalid_mapping(format!("The device '{}' is used in more than one block-device mapping", device.device_name)));
        }
        devices.push(device);
    }
    Ok(devices)
}

fn take_device(mut params: Params) -> Result<DeviceRequest, Error> {
    let device_name = params.required("DeviceName")?;
    // Present and empty is how `NoDevice` is meant to be sent.
    let no_device = params.given("NoDevice").is_some();
    let virtual_name = params.text("VirtualName");
    let ebs = take_ebs(params.structure("Ebs"))?;
    params.finish()?;
    let wish = match (no_device, virtual_name, ebs) {
        (true, None, None) => Wish::NoDevice,
        (false, Some(name), None) => Wish::Ephemeral(name),
        (false, None, Some(ebs)) => Wish::Ebs(ebs),
        _ => {
            let message = format!("Exactly one of NoDevice, VirtualName and Ebs is needed for the device {device_name}.");
            return Err(invalid_mapping(message));
        }
    };
    Ok(DeviceRequest { device_name, wish })
}

fn take_ebs(mut params: Params) -> Result<Option<EbsRequest>, Error> {
    if params.is_empty() {
        return Ok(None);
    }
    let ebs = EbsRequest {
        snapshot_id: params.text("SnapshotId").map(|id| snapshot_id(&id)).transpose()?,
        volume_size: params.number("VolumeSize")?,
        volume_type: params.text("VolumeType"),
        delete_on_termination: params.boolean("DeleteOnTermination")?,
        encrypted: params.boolean("Encrypted")?,
    };
    params.ignore(&["Iops", "Throughput", "KmsKeyId"]);
    params.finish()?;
    Ok(Some(ebs))
}

impl DeviceRequest {
    /// The device asked for, where there was none of that name; `None` if there shall be none.
    pub(crate) fn device(&self, scope: &Scope) -> Result<Option<BlockDevice>, Error> {
        let device_name = self.device_name.clone();
        Ok(match &self.wish {
            Wish::NoDevice => None,
            Wish::Ephemeral(virtual_name) => Some(BlockDevice::Ephemeral { device_name, virtual_name: virtual_name.clone() }),
            Wish::Ebs(asked) => Some(BlockDevice::Ebs { device_name, ebs: asked.volume(scope)? }),
        })
    }
}

impl EbsRequest {
    fn volume(&self, scope: &Scope) -> Result<Ebs, Error> {
        let (volume_size, encrypted) = match &self.snapshot_id {
            None => {
                let size = self.volume_size.ok_or_else(|| Error::missing_parameter("size or snapshotId of every EBS volume"))?;
                (size, self.encrypted.unwrap_or(false))
            }
            Some(_) if self.encrypted == Some(false) => {
                return Err(invalid_mapping("the encrypted flag cannot be specified since device has a snapshot specified."));
            }
            Some(snapshot) => {
                let snapshot = scope.restorable_snapshot(snapshot)?;
                if snapshot.is_archived() {
                    return Err(archived(&snapshot.id));
                }
                if snapshot.state != SnapshotState::Completed {
                    return Err(Error::new("IncorrectState", format!("Snapshot '{}' is not 'completed'.", snapshot.id)));
                }
                (grown(self.volume_size, snapshot.volume_size)?, snapshot.encrypted || self.encrypted == Some(true))
            }
        };
        Ok(Ebs {
            snapshot_id: self.snapshot_id.clone(),
            volume_size,
            volume_type: self.volume_type.clone().unwrap_or_else(|| "gp3".to_owned()),
            delete_on_termination: self.delete_on_termination.unwrap_or(true),
            encrypted,
        })
    }

    /// Whether this asks of a volume no more than EC2 lets an image change about it.
    pub(crate) fn suits(&self, volume: &Volume) -> bool {
        self.snapshot_id.is_none()
            && self.volume_size.is_none_or(|size| size == volume.size_gib)
            && self.volume_type.as_ref().is_none_or(|kind| *kind == volume.volume_type)
            && self.encrypted.is_none_or(|encrypted| encrypted == volume.encrypted)
    }

    /// A volume of an image, with what is asked to be different about it.
    pub(crate) fn over(&self, own: &Ebs) -> Result<Ebs, Error> {
        Ok(Ebs {
            snapshot_id: own.snapshot_id.clone(),
            volume_size: grown(self.volume_size, own.volume_size)?,
            volume_type: self.volume_type.clone().unwrap_or_else(|| own.volume_type.clone()),
            delete_on_termination: self.delete_on_termination.unwrap_or(own.delete_on_termination),
            encrypted: own.encrypted || self.encrypted == Some(true),
        })
    }
}

/// Refuses for an image what would leave it without its data: a snapshot on the way into the archive, or
/// out of it for some days only. Not documented, but for `EnableImage`.
pub(crate) fn check_lasting(device: &BlockDevice, scope: &Scope) -> Result<(), Error> {
    match device.ebs().and_then(|ebs| ebs.snapshot_id.as_ref()).and_then(|id| scope.restorable_snapshot(id).ok()) {
        Some(snapshot) if !snapshot.is_lastingly_standard() => Err(archived(&snapshot.id)),
        _ => Ok(()),
    }
}

/// The size asked for, which must not be less than what is on the snapshot.
fn grown(asked: Option<u32>, least: u32) -> Result<u32, Error> {
    match asked {
        Some(size) if size < least => {
            Err(invalid_mapping(format!("Volume of size {size}GB is smaller than snapshot, expect size >= {least}GB")))
        }
        asked => Ok(asked.unwrap_or(least)),
    }
}

pub(crate) fn invalid_mapping(message: impl Into<String>) -> Error {
    Error::new("InvalidBlockDeviceMapping", message)
}
