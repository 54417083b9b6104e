//! How requests refer to things: by id. And what EC2 says when an id is malformed, or nothing is there.

use crate::error::Error;
use crate::id::{AccountId, ImageId, InstanceId, LaunchTemplateId, SnapshotId, VolumeId};
use crate::world::Image;

pub(crate) fn instance_id(text: &str) -> Result<InstanceId, Error> {
    text.parse().map_err(|_| malformed("InvalidInstanceID.Malformed", text, InstanceId::PREFIX))
}

pub(crate) fn image_id(text: &str) -> Result<ImageId, Error> {
    text.parse().map_err(|_| malformed("InvalidAMIID.Malformed", text, ImageId::PREFIX))
}

pub(crate) fn launch_template_id(text: &str) -> Result<LaunchTemplateId, Error> {
    text.parse().map_err(|_| malformed("InvalidLaunchTemplateId.Malformed", text, LaunchTemplateId::PREFIX))
}

pub(crate) fn snapshot_id(text: &str) -> Result<SnapshotId, Error> {
    text.parse().map_err(|_| malformed("InvalidSnapshotID.Malformed", text, SnapshotId::PREFIX))
}

pub(crate) fn volume_id(text: &str) -> Result<VolumeId, Error> {
    text.parse().map_err(|_| malformed("InvalidVolumeID.Malformed", text, VolumeId::PREFIX))
}

pub(crate) fn account_id(text: &str) -> Result<AccountId, Error> {
    text.parse().map_err(|_| Error::new("InvalidUserID.Malformed", format!("Invalid user id: \"{text}\"")))
}

fn malformed(code: &str, text: &str, prefix: &str) -> Error {
    Error::new(code, format!("Invalid id: \"{text}\" (expecting \"{prefix}...\")"))
}

pub(crate) fn no_such_image(id: &ImageId) -> Error {
    no_such_images(&[id])
}

pub(crate) fn no_such_images(ids: &[&ImageId]) -> Error {
    let (noun, verb) = match ids {
        [_] => ("id", "does"),
        _ => ("ids", "do"),
    };
    Error::new("InvalidAMIID.NotFound", format!("The image {noun} '[{}]' {verb} not exist", joined(ids)))
}

pub(crate) fn no_such_instances(ids: &[&InstanceId]) -> Error {
    let (noun, verb) = match ids {
        [_] => ("ID", "does"),
        _ => ("IDs", "do"),
    };
    Error::new("InvalidInstanceID.NotFound", format!("The instance {noun} '{}' {verb} not exist", joined(ids)))
}

pub(crate) fn no_such_snapshot(id: &SnapshotId) -> Error {
    Error::new("InvalidSnapshot.NotFound", format!("The snapshot '{id}' does not exist."))
}

pub(crate) fn no_such_template(id: &LaunchTemplateId) -> Error {
    Error::new("InvalidLaunchTemplateId.NotFound", format!("The specified launch template, with template ID {id}, does not exist."))
}

pub(crate) fn no_such_volume(id: &VolumeId) -> Error {
    Error::new("InvalidVolume.NotFound", format!("The volume '{id}' does not exist."))
}

/// The snapshot is in the archive, or on the way there. The code is not documented.
pub(crate) fn archived(id: &SnapshotId) -> Error {
    Error::new("IncorrectState", format!("Snapshot '{id}' is archived, or about to be. Restore it permanently first."))
}

/// The image is there, but not in a state in which it could be used.
pub(crate) fn unavailable(image: &Image) -> Error {
    Error::new(
        "InvalidAMIID.Unavailable",
        format!("The AMI ID '{}' is currently {} and may not be used for this operation", image.id, image.state),
    )
}

fn joined(ids: &[impl ToString]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(", ")
}
