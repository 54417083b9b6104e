//! EBS snapshots: `pending`, and then `completed` or `error`.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::tier::{ARCHIVE, STANDARD};
use super::{Lock, ManagedBy, Tags, TierOperation, Tiering};
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
    /// In how many minutes it was to be copied, of a time-based copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_minutes: Option<u32>,
    /// `standard` or `archive`.
    pub storage_tier: String,
    /// How it last got there, if it ever changed its tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiering: Option<Tiering>,
    /// What keeps it from being deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// Whether everybody may see it and make volumes of it.
    #[serde(default)]
    pub public: bool,
    /// Other accounts that may see it and make volumes of it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub create_volume_permissions: BTreeSet<AccountId>,
    /// The service that keeps it to itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<ManagedBy>,
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
    Recovering,
}

impl fmt::Display for SnapshotState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Error => "error",
            Self::Recovering => "recovering",
        })
    }
}

impl Snapshot {
    /// Whether an account may see it and make volumes of it.
    pub(crate) fn is_open_to(&self, account: &AccountId) -> bool {
        self.owner == *account || self.public || self.create_volume_permissions.contains(account)
    }

    /// Whether a lock keeps it from being deleted.
    pub fn is_locked(&self, now: Timestamp) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.holds(now))
    }

    /// Whether it must be restored before it can be used.
    pub fn is_archived(&self) -> bool {
        self.storage_tier == ARCHIVE
    }

    /// Whether it is ready for use and stays so: not in the archive, nor on the way there, nor out of it
    /// for some days only.
    pub(crate) fn is_lastingly_standard(&self) -> bool {
        let leaving = |tiering: &Tiering| !tiering.done && tiering.operation == TierOperation::Archival;
        self.storage_tier == STANDARD && !self.tiering.as_ref().is_some_and(|tiering| leaving(tiering) || tiering.restored_until.is_some())
    }

    /// Ends it in `error`. A lock goes with that.
    pub(crate) fn fail(&mut self, message: String) {
        self.state = SnapshotState::Error;
        self.state_message = Some(message);
        self.lock = None;
    }

    pub(super) fn settle(&mut self, now: Timestamp) {
        self.settle_state(now);
        if let Some(tier) = self.tiering.as_mut().and_then(|tiering| tiering.settle(now)) {
            tier.clone_into(&mut self.storage_tier);
        }
    }

    fn settle_state(&mut self, now: Timestamp) {
        if self.state != SnapshotState::Pending {
            return;
        }
        if now < self.ends {
            self.progress = self.percent(now);
        } else if let Some(message) = self.fails_with.take() {
            // However often anybody looked meanwhile.
            self.progress = self.percent(self.ends);
            self.fail(message);
        } else {
            self.state = SnapshotState::Completed;
            self.progress = 100;
            if let Some(lock) = &mut self.lock {
                lock.started.get_or_insert(self.ends);
            }
        }
    }

    /// Whether it may change by itself.
    pub(super) fn is_restless(&self) -> bool {
        let moves = |tiering: &Tiering| !tiering.done || tiering.restored_until.is_some();
        self.state == SnapshotState::Pending || self.delete_at_end || self.tiering.as_ref().is_some_and(moves)
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::testing::{Client, WEB};
    use crate::world::World;

    /// Takes fields out of every object in there, as if they had not been thought of yet.
    fn without(value: &mut Value, fields: &[&str]) {
        match value {
            Value::Object(object) => {
                object.retain(|name, _| !fields.contains(&name.as_str()));
                object.values_mut().for_each(|value| without(value, fields));
            }
            Value::Array(values) => values.iter_mut().for_each(|value| without(value, fields)),
            _ => {}
        }
    }

    #[test]
    fn what_an_old_file_does_not_say_of_snapshots_has_its_default() {
        let ec2 = Client::of_example();
        ec2.available_image(WEB, "nightly");
        let world = ec2.sim.snapshot();
        let mut value = serde_json::to_value(&world).unwrap();
        for account in value["accounts"].as_object_mut().unwrap().values_mut() {
            for region in account["regions"].as_object_mut().unwrap().values_mut() {
                without(
                    &mut region["snapshots"],
                    &["completion_minutes", "tiering", "lock", "public", "create_volume_permissions", "managed_by"],
                );
                without(&mut region["images"], &["managed_by"]);
            }
            without(account, &["denied_unless_tagged"]);
        }
        assert_eq!(serde_json::from_value::<World>(value).unwrap(), world);
    }
}
