//! Between the SDK's shapes and the planner's nouns. What comes from EC2 is read here and in `description.rs` only.

use std::collections::BTreeMap;

use aws_sdk_ec2::types;
use jiff::Timestamp;
use planner::id::{InstanceId, InvalidId, SnapshotId};
use planner::inventory::{Image, ImageState, Mapping, Protection, Snapshot, SnapshotState, SourceImage, made_for};
use planner::plan::image::InstanceFacts;
use planner::policy::select::InstanceState;
use planner::tags::{TagKeys, Tags};

/// An instance, and whether it can be imaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) facts: InstanceFacts,
    /// EC2's name of its state.
    pub(crate) state: String,
    /// The same, where this program knows it.
    pub(crate) standing: InstanceState,
    /// Its tags.
    pub(crate) tags: Tags,
    /// The device it starts from.
    pub(crate) root_device: Option<String>,
    /// Its EBS devices, by name, and the volume of each.
    pub(crate) volumes: BTreeMap<String, String>,
}

impl Instance {
    /// EC2 images instances in these states only (ec2-semantics 1.1).
    pub(crate) fn can_be_imaged(&self) -> bool {
        matches!(self.state.as_str(), "running" | "stopping" | "stopped")
    }
}

/// `keys`: those of the listing it is of.
pub(crate) fn instance(instance: &types::Instance, keys: &mut TagKeys) -> Result<Instance, InvalidId> {
    let tags = tags(instance.tags(), keys);
    let name = tags.get("Name").filter(|name| !name.is_empty()).map(str::to_owned);
    let availability_zone = instance.placement().and_then(types::Placement::availability_zone).unwrap_or_default().to_owned();
    let state = instance.state().and_then(types::InstanceState::name);
    let volume =
        |mapping: &types::InstanceBlockDeviceMapping| Some((mapping.device_name()?.to_owned(), mapping.ebs()?.volume_id()?.to_owned()));
    Ok(Instance {
        id: instance.instance_id().unwrap_or_default().parse()?,
        facts: InstanceFacts { name, availability_zone },
        state: crate::outcome::one_line(state.map_or("unknown", types::InstanceStateName::as_str)),
        standing: state.map_or(InstanceState::Other, instance_state),
        tags,
        root_device: instance.root_device_name().map(str::to_owned),
        volumes: instance.block_device_mappings().iter().filter_map(volume).collect(),
    })
}

fn instance_state(state: &types::InstanceStateName) -> InstanceState {
    match state {
        types::InstanceStateName::Pending => InstanceState::Pending,
        types::InstanceStateName::Running => InstanceState::Running,
        types::InstanceStateName::Stopping => InstanceState::Stopping,
        types::InstanceStateName::Stopped => InstanceState::Stopped,
        types::InstanceStateName::ShuttingDown => InstanceState::ShuttingDown,
        types::InstanceStateName::Terminated => InstanceState::Terminated,
        _ => InstanceState::Other,
    }
}

/// `keys`: those of the listing it is of.
pub(crate) fn image(image: &types::Image, keys: &mut TagKeys) -> Result<Image, InvalidId> {
    let source_image = image.source_image_id().map(|id| -> Result<SourceImage, InvalidId> {
        Ok(SourceImage { id: id.parse()?, region: image.source_image_region().map(str::parse).transpose()? })
    });
    Ok(Image {
        id: image.image_id().unwrap_or_default().parse()?,
        owner: image.owner_id().and_then(|owner| owner.parse().ok()),
        name: image.name().filter(|name| !name.is_empty()).map(str::to_owned),
        state: image.state().map_or(ImageState::Unusable, image_state),
        state_reason: image.state_reason().and_then(types::StateReason::message).map(crate::outcome::one_line),
        created: image.creation_date().and_then(|date| date.parse().ok()),
        source_instance: image.source_instance_id().and_then(|id| id.parse().ok()),
        source_image: source_image.transpose()?,
        protection: protection(image.deregistration_protection()),
        deprecation: image.deprecation_time().and_then(|at| at.parse().ok()),
        mappings: image.block_device_mappings().iter().filter_map(mapping).collect::<Result<_, _>>()?,
        tags: tags(image.tags(), keys),
    })
}

/// `keys`: those of the listing it is of.
pub(crate) fn snapshot(snapshot: &types::Snapshot, keys: &mut TagKeys) -> Result<Snapshot, InvalidId> {
    Ok(Snapshot {
        id: snapshot.snapshot_id().unwrap_or_default().parse()?,
        owner: snapshot.owner_id().and_then(|owner| owner.parse().ok()),
        state: snapshot.state().map_or(SnapshotState::Other, snapshot_state),
        started: snapshot.start_time().and_then(|at| Timestamp::from_second(at.secs()).ok()),
        made_for: snapshot.description().and_then(made_for),
        tags: tags(snapshot.tags(), keys),
    })
}

/// How far a snapshot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnapshotProgress {
    pub(crate) id: SnapshotId,
    pub(crate) state: SnapshotState,
    /// How much of it is done, where EC2 says it.
    pub(crate) percent: Option<u64>,
    /// The size of its volume in GiB.
    pub(crate) gib: u64,
}

pub(crate) fn snapshot_progress(snapshot: &types::Snapshot) -> Result<SnapshotProgress, InvalidId> {
    let percent = snapshot.progress().and_then(|progress| progress.strip_suffix('%')?.parse().ok());
    Ok(SnapshotProgress {
        id: snapshot.snapshot_id().unwrap_or_default().parse()?,
        state: snapshot.state().map_or(SnapshotState::Other, snapshot_state),
        percent: percent.filter(|percent| *percent <= 100),
        gib: snapshot.volume_size().and_then(|gib| u64::try_from(gib).ok()).unwrap_or(0),
    })
}

pub(crate) fn tags(tags: &[types::Tag], keys: &mut TagKeys) -> Tags {
    keys.tags(tags.iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default())))
}

pub(crate) fn tag_specification(resource: types::ResourceType, tags: &Tags) -> types::TagSpecification {
    let tags = tags.iter().map(|(key, value)| types::Tag::builder().key(key).value(value).build());
    types::TagSpecification::builder().resource_type(resource).set_tags(Some(tags.collect())).build()
}

/// A mapping without an EBS device (an instance store) holds nothing that could be deleted.
fn mapping(mapping: &types::BlockDeviceMapping) -> Option<Result<Mapping, InvalidId>> {
    let ebs = mapping.ebs()?;
    let snapshot = ebs.snapshot_id().filter(|id| !id.is_empty()).map(str::parse).transpose();
    Some(snapshot.map(|snapshot| Mapping {
        device: mapping.device_name().unwrap_or_default().into(),
        snapshot,
        encrypted: ebs.encrypted().unwrap_or(false),
        size_gib: ebs.volume_size().and_then(|gib| u64::try_from(gib).ok()),
    }))
}

fn image_state(state: &types::ImageState) -> ImageState {
    match state {
        types::ImageState::Pending => ImageState::Pending,
        types::ImageState::Available => ImageState::Available,
        types::ImageState::Disabled => ImageState::Disabled,
        types::ImageState::Failed => ImageState::Failed,
        types::ImageState::Deregistered => ImageState::Deregistered,
        _ => ImageState::Unusable,
    }
}

fn snapshot_state(state: &types::SnapshotState) -> SnapshotState {
    match state {
        types::SnapshotState::Pending => SnapshotState::Pending,
        types::SnapshotState::Completed => SnapshotState::Completed,
        types::SnapshotState::Error => SnapshotState::Error,
        _ => SnapshotState::Other,
    }
}

fn protection(protection: Option<&str>) -> Protection {
    match protection {
        None | Some("" | "disabled") => Protection::Off,
        Some(other) => Protection::On(crate::outcome::one_line(other)),
    }
}
