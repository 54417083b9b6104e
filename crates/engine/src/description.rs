//! The full EC2 description of what is deleted, so that what was lost can be known, and registered again where the
//! snapshots live. Fields are named as EC2 names them, and as the AWS CLI prints them.

use aws_sdk_ec2::types;
use planner::id::{ImageId, Region, SnapshotId};
use planner::inventory::{Image, Snapshot};
use planner::tags::Tags;
use schemars::JsonSchema;
use serde::Serialize;

/// An image as EC2 described it before it was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are EC2's own, of its data type Image")]
pub struct ImageDescription {
    pub region: Region,
    pub image_id: ImageId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_device_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_device_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtualization_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hypervisor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ena_support: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sriov_net_support: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm_support: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imds_support: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ramdisk_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_details: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_instance_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_image_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_image_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecation_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_launched_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
    pub product_codes: Vec<String>,
    pub block_device_mappings: Vec<MappingDescription>,
    pub tags: Tags,
}

/// A device of an image as EC2 described it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are EC2's own, of its data type BlockDeviceMapping")]
pub struct MappingDescription {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ebs: Option<EbsDescription>,
}

/// The EBS volume of a device as EC2 described it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are EC2's own, of its data type EbsBlockDevice")]
pub struct EbsDescription {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_size: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iops: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_on_termination: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
}

/// A snapshot as EC2 described it before it was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are EC2's own, of its data type Snapshot")]
pub struct SnapshotDescription {
    pub region: Region,
    pub snapshot_id: SnapshotId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_size: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_tier: Option<String>,
    pub tags: Tags,
}

/// Of an image, and of what is seen of it.
pub(crate) fn image(region: &Region, seen: &Image, image: &types::Image) -> ImageDescription {
    ImageDescription {
        region: region.clone(),
        image_id: seen.id.clone(),
        name: image.name.clone(),
        description: image.description.clone(),
        owner_id: image.owner_id.clone(),
        creation_date: image.creation_date.clone(),
        state: text(image.state.as_ref()),
        architecture: text(image.architecture.as_ref()),
        root_device_name: image.root_device_name.clone(),
        root_device_type: text(image.root_device_type.as_ref()),
        virtualization_type: text(image.virtualization_type.as_ref()),
        hypervisor: text(image.hypervisor.as_ref()),
        image_type: text(image.image_type.as_ref()),
        image_location: image.image_location.clone(),
        ena_support: image.ena_support,
        sriov_net_support: image.sriov_net_support.clone(),
        boot_mode: text(image.boot_mode.as_ref()),
        tpm_support: text(image.tpm_support.as_ref()),
        imds_support: text(image.imds_support.as_ref()),
        kernel_id: image.kernel_id.clone(),
        ramdisk_id: image.ramdisk_id.clone(),
        platform: text(image.platform.as_ref()),
        platform_details: image.platform_details.clone(),
        usage_operation: image.usage_operation.clone(),
        source_instance_id: image.source_instance_id.clone(),
        source_image_id: image.source_image_id.clone(),
        source_image_region: image.source_image_region.clone(),
        deprecation_time: image.deprecation_time.clone(),
        last_launched_time: image.last_launched_time.clone(),
        public: image.public,
        product_codes: image.product_codes().iter().filter_map(|code| code.product_code_id.clone()).collect(),
        block_device_mappings: image.block_device_mappings().iter().map(mapping).collect(),
        tags: seen.tags.clone(),
    }
}

/// Of a snapshot, and of what is seen of it.
pub(crate) fn snapshot(region: &Region, seen: &Snapshot, snapshot: &types::Snapshot) -> SnapshotDescription {
    SnapshotDescription {
        region: region.clone(),
        snapshot_id: seen.id.clone(),
        description: snapshot.description.clone(),
        owner_id: snapshot.owner_id.clone(),
        start_time: snapshot.start_time.map(|at| at.to_string()),
        state: text(snapshot.state.as_ref()),
        volume_id: snapshot.volume_id.clone(),
        volume_size: snapshot.volume_size,
        encrypted: snapshot.encrypted,
        kms_key_id: snapshot.kms_key_id.clone(),
        storage_tier: text(snapshot.storage_tier.as_ref()),
        tags: seen.tags.clone(),
    }
}

fn mapping(mapping: &types::BlockDeviceMapping) -> MappingDescription {
    let ebs = |ebs: &types::EbsBlockDevice| EbsDescription {
        snapshot_id: ebs.snapshot_id.clone(),
        volume_size: ebs.volume_size,
        volume_type: text(ebs.volume_type.as_ref()),
        iops: ebs.iops,
        throughput: ebs.throughput,
        delete_on_termination: ebs.delete_on_termination,
        encrypted: ebs.encrypted,
        kms_key_id: ebs.kms_key_id.clone(),
    };
    MappingDescription {
        device_name: mapping.device_name.clone(),
        virtual_name: mapping.virtual_name.clone(),
        ebs: mapping.ebs.as_ref().map(ebs),
    }
}

fn text<T: ToString>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}
