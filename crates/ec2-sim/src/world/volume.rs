//! EBS volumes.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Tags;
use crate::filter::Tagged;
use crate::id::{InstanceId, SnapshotId, VolumeId};

/// An EBS volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// The volume's id.
    pub id: VolumeId,
    /// Provisioned size, in GiB.
    pub size_gib: u32,
    /// `gp3`, `io2`, `st1`, …
    pub volume_type: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The key it is encrypted with, where one was named.
    pub kms_key_id: Option<String>,
    /// The zone it is in.
    pub availability_zone: String,
    /// The snapshot it was made from.
    pub snapshot_id: Option<SnapshotId>,
    /// When it was created.
    pub created: Timestamp,
    /// The instance it is attached to.
    pub attachment: Option<Attachment>,
    /// When the last snapshot of it was begun.
    pub last_snapshot: Option<Timestamp>,
    /// Its tags.
    pub tags: Tags,
}

/// Where a volume is attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The instance.
    pub instance_id: InstanceId,
    /// The device name.
    pub device: String,
    /// Since when.
    pub since: Timestamp,
    /// Whether the volume goes with the instance.
    pub delete_on_termination: bool,
}

impl Volume {
    pub(crate) fn may_be_snapshotted(&self, now: Timestamp, spacing: SignedDuration) -> bool {
        self.last_snapshot.is_none_or(|last| now.duration_since(last) >= spacing)
    }

    /// How many snapshots of it may be under way at a time: five, but one for the HDD types.
    pub(crate) fn concurrent_snapshots(&self) -> usize {
        match self.volume_type.as_str() {
            "st1" | "sc1" => 1,
            _ => 5,
        }
    }
}

impl Tagged for Volume {
    fn tags(&self) -> &Tags {
        &self.tags
    }
}
