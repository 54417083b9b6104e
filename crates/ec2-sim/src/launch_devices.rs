//! The devices of launch templates and launch configurations, in requests and answers. The two services
//! spell them differently: `BlockDeviceMapping.1.Ebs.VolumeSize` and `<volumeSize>` are EC2's,
//! `BlockDeviceMappings.member.1.Ebs.VolumeSize` and `<VolumeSize>` are Auto Scaling's.

use crate::error::Error;
use crate::query::Params;
use crate::world::{LaunchDevice, LaunchEbs};
use crate::xml::Xml;

/// Takes the devices of a launch template.
pub(crate) fn take(params: &mut Params) -> Result<Vec<LaunchDevice>, Error> {
    params
        .structures("BlockDeviceMapping")
        .into_iter()
        // An empty `NoDevice` is one that is there.
        .map(|device| take_device(device, |device| Ok(device.given("NoDevice").is_some())))
        .collect()
}

/// Takes the devices of a launch configuration.
pub(crate) fn take_members(params: &mut Params) -> Result<Vec<LaunchDevice>, Error> {
    params
        .structure("BlockDeviceMappings")
        .structures("member")
        .into_iter()
        .map(|device| take_device(device, |device| Ok(device.boolean("NoDevice")?.unwrap_or(false))))
        .collect()
}

fn take_device(mut device: Params, no_device: impl Fn(&mut Params) -> Result<bool, Error>) -> Result<LaunchDevice, Error> {
    let mut ebs = device.structure("Ebs");
    let volume = (!ebs.is_empty()).then(|| take_ebs(&mut ebs)).transpose()?;
    ebs.finish()?;
    let taken = LaunchDevice {
        device_name: device.text("DeviceName"),
        virtual_name: device.text("VirtualName"),
        no_device: no_device(&mut device)?,
        ebs: volume,
    };
    device.finish()?;
    Ok(taken)
}

fn take_ebs(ebs: &mut Params) -> Result<LaunchEbs, Error> {
    ebs.ignore(&["EbsCardIndex", "Iops", "KmsKeyId", "Throughput", "VolumeInitializationRate"]);
    Ok(LaunchEbs {
        snapshot_id: ebs.text("SnapshotId"),
        volume_size: ebs.number("VolumeSize")?,
        volume_type: ebs.text("VolumeType"),
        delete_on_termination: ebs.boolean("DeleteOnTermination")?,
        encrypted: ebs.boolean("Encrypted")?,
    })
}

/// Writes the devices of a launch template.
pub(crate) fn write(xml: &mut Xml, devices: &[LaunchDevice]) {
    xml.items("blockDeviceMappingSet", devices, |item, device| {
        item.leaf_if_some("deviceName", device.device_name.as_ref()).leaf_if_some("virtualName", device.virtual_name.as_ref());
        if let Some(ebs) = &device.ebs {
            item.element("ebs", |xml| {
                xml.leaf_if_some("encrypted", ebs.encrypted)
                    .leaf_if_some("deleteOnTermination", ebs.delete_on_termination)
                    .leaf_if_some("snapshotId", ebs.snapshot_id.as_ref())
                    .leaf_if_some("volumeSize", ebs.volume_size)
                    .leaf_if_some("volumeType", ebs.volume_type.as_ref());
            });
        }
        item.leaf_if_some("noDevice", device.no_device.then_some(""));
    });
}

/// Writes the devices of a launch configuration.
pub(crate) fn write_members(xml: &mut Xml, devices: &[LaunchDevice]) {
    xml.members("BlockDeviceMappings", devices, |item, device| {
        item.leaf_if_some("VirtualName", device.virtual_name.as_ref()).leaf_if_some("DeviceName", device.device_name.as_ref());
        if let Some(ebs) = &device.ebs {
            item.element("Ebs", |xml| {
                xml.leaf_if_some("SnapshotId", ebs.snapshot_id.as_ref())
                    .leaf_if_some("VolumeSize", ebs.volume_size)
                    .leaf_if_some("VolumeType", ebs.volume_type.as_ref())
                    .leaf_if_some("DeleteOnTermination", ebs.delete_on_termination)
                    .leaf_if_some("Encrypted", ebs.encrypted);
            });
        }
        item.leaf_if_some("NoDevice", device.no_device.then_some(true));
    });
}
