//! EBS snapshots: `pending`, and then `completed` or `error`.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Tags;
use crate::filter::Tagged;
use crate::id::{AccountId, SnapshotId, VolumeId};

/// An EBS snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The snapshot's id.
    pub id: SnapshotId,
    /// Whose it is.
    pub owner: AccountId,
    /// The volume it was taken of. Of a copy it is `vol-ffffffff` and means nothing.
    pub volume_id: VolumeId,
    /// Size of that volume, in GiB.
    pub volume_size: u32,
    /// What the maker said, or what EC2 says of a snapshot that it made for an image.
    pub description: String,
    /// Where it is in its life.
    pub state: SnapshotState,
    /// Why it is in `error`.
    pub state_message: Option<String>,
    /// How much of it is done, in percent.
    pub progress: u8,
    /// When it was begun.
    pub started: Timestamp,
    /// Before this instant no call sees it.
    pub visible_from: Timestamp,
    /// When it is, or will be, complete or in error.
    pub ends: Timestamp,
    /// Makes it end in `error`, with this message.
    pub fails_with: Option<String>,
    /// Whether it goes as soon as it is complete: it was deleted while pending.
    pub delete_at_end: bool,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The key it is encrypted with, where one was named.
    pub kms_key_id: Option<String>,
    /// `standard` or `archive`.
    pub storage_tier: String,
    /// Its tags.
    pub tags: Tags,
}

/// Where a snapshot is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "EC2's own words")]
pub enum SnapshotState {
    Pending,
    Completed,
    Error,
}

impl fmt::Display for SnapshotState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Error => "error",
        })
    }
}

impl Snapshot {
    pub(super) fn settle(&mut self, now: Timestamp) {
        if self.state != SnapshotState::Pending {
            return;
        }
        if now < self.ends {
            self.progress = self.percent(now);
        } else if let Some(message) = self.fails_with.take() {
            self.state = SnapshotState::Error;
            self.state_message = Some(message);
        } else {
            self.state = SnapshotState::Completed;
            self.progress = 100;
        }
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.delete_at_end && self.state != SnapshotState::Pending
    }

    fn percent(&self, now: Timestamp) -> u8 {
        let done = now.duration_since(self.started).as_millis().max(0);
        let whole = self.ends.duration_since(self.started).as_millis().max(1);
        u8::try_from(done * 100 / whole).map_or(99, |percent| percent.min(99))
    }
}

impl Tagged for Snapshot {
    fn tags(&self) -> &Tags {
        &self.tags
    }
}
