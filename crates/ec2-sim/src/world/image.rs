//! Images: `pending`, then `available` or `failed`; an available one can be disabled and enabled
//! again; a deregistered one is soon forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{ManagedBy, Snapshot, SnapshotState, Tags};
use crate::clock::later;
use crate::filter::Tagged;
use crate::id::{AccountId, ImageId, InstanceId, SnapshotId};

/// How long a deregistered image is told apart from one that never existed.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);

/// How long EC2 takes to report that an image was launched ("Check when an Amazon EC2 AMI was last used").
const LAUNCH_REPORTED_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// An ancestry is no longer than this, the image itself included ("Use AMI ancestry to trace the origin of
/// an AMI").
const MOST_ANCESTORS: usize = 49;

/// A registered image (AMI).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The image's id.
    pub id: ImageId,
    /// Whose it is.
    pub owner: AccountId,
    /// `amazon` for the public image.
    pub owner_alias: Option<String>,
    /// Its name, unique among the registered images of account and region. Empty where EC2 lost it.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Where it is in its life.
    pub state: ImageState,
    /// Why it failed.
    pub state_reason: Option<StateReason>,
    /// When it was asked for.
    pub created: Timestamp,
    /// Before this instant no call sees it.
    pub visible_from: Timestamp,
    /// From this instant on its mappings show their snapshot ids.
    pub mapped_from: Timestamp,
    /// While pending: when it settles, provided that its snapshots have.
    pub ends: Timestamp,
    /// Makes it end as `failed`, for this reason.
    pub fails_with: Option<StateReason>,
    /// What it was made from.
    pub origin: Origin,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// `uefi`, `legacy-bios`, … where it was said.
    pub boot_mode: Option<String>,
    /// The device that its instances boot from.
    pub root_device_name: String,
    /// The devices of its instances.
    pub devices: Vec<BlockDevice>,
    /// `hvm` or `paravirtual`.
    pub virtualization_type: String,
    /// Whether enhanced networking is on.
    pub ena_support: bool,
    /// `simple`, where it was said.
    pub sriov_net_support: Option<String>,
    /// Whether everybody may launch it.
    pub public: bool,
    /// Other accounts that may see, launch and copy it.
    pub launch_permissions: BTreeSet<AccountId>,
    /// Whether it can be deregistered.
    pub deregistration_protection: DeregistrationProtection,
    /// When it is deprecated.
    pub deprecation_time: Option<Timestamp>,
    /// The service that keeps it to itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<ManagedBy>,
    /// When it was last launched, as far as that is reported yet, and all launches since, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub launches: Vec<Timestamp>,
    /// The images it descends from, as far as they are known, its parent first. They stay known when the
    /// images themselves are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ancestors: Vec<Ancestor>,
    /// Its tags.
    pub tags: Tags,
}

/// An image from which another one descends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ancestor {
    /// Its id.
    pub id: ImageId,
    /// The region it is, or was, in.
    pub region: String,
    /// When it was created, where that is known.
    pub created: Option<Timestamp>,
    /// `amazon`, for an image that Amazon publishes.
    pub owner_alias: Option<String>,
}

/// What an image was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// `CreateImage` of an instance.
    Instance(InstanceId),
    /// `CopyImage` of another image.
    Copy {
        /// The image it is a copy of.
        image_id: ImageId,
        /// The region that image is in.
        region: String,
    },
    /// `RegisterImage`, or not known.
    Registered,
}

/// Where an image is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "EC2's own words")]
pub enum ImageState {
    Pending,
    Available,
    Failed,
    Disabled,
}

impl fmt::Display for ImageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Available => "available",
            Self::Failed => "failed",
            Self::Disabled => "disabled",
        })
    }
}

/// Why an image failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateReason {
    /// `Client.InstanceTerminated`, `Server.InternalError`, …
    pub code: String,
    /// The same for people.
    pub message: String,
}

impl StateReason {
    /// A reason with its code.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

/// A reason on EC2's own side.
impl From<&str> for StateReason {
    fn from(message: &str) -> Self {
        Self::new("Server.InternalError", message)
    }
}

impl From<String> for StateReason {
    fn from(message: String) -> Self {
        Self::new("Server.InternalError", message)
    }
}

/// A device of the instances launched from an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockDevice {
    /// An EBS volume.
    Ebs {
        /// `/dev/sda1` and so on.
        device_name: String,
        /// The volume that an instance gets.
        ebs: Ebs,
    },
    /// An instance-store volume. It begins empty.
    Ephemeral {
        /// `/dev/sdb` and so on.
        device_name: String,
        /// `ephemeral0` and so on.
        virtual_name: String,
    },
}

/// The volume that an instance launched from an image gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ebs {
    /// What is on it. A volume that begins empty has none, ever.
    pub snapshot_id: Option<SnapshotId>,
    /// Size, in GiB.
    pub volume_size: u32,
    /// `gp3`, `io2`, `st1`, …
    pub volume_type: String,
    /// Whether it goes with the instance.
    pub delete_on_termination: bool,
    /// Whether it is encrypted.
    pub encrypted: bool,
}

/// Whether an image can be deregistered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeregistrationProtection {
    /// It can.
    Disabled,
    /// It cannot.
    Enabled {
        /// Whether it still cannot for a day after the protection was taken off.
        with_cooldown: bool,
    },
    /// It cannot, although the protection was taken off.
    CoolingDown {
        /// When it can.
        until: Timestamp,
    },
}

/// An image that was deregistered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// When.
    pub at: Timestamp,
    /// Until then it is still described, as if nothing had happened.
    pub described_until: Timestamp,
    /// Until then its snapshots still count as in use by it.
    pub in_use_until: Timestamp,
    /// What it was.
    pub image: Image,
}

impl BlockDevice {
    /// `/dev/sda1` and so on.
    pub fn device_name(&self) -> &str {
        match self {
            Self::Ebs { device_name, .. } | Self::Ephemeral { device_name, .. } => device_name,
        }
    }

    /// The volume, if it is one of EBS.
    pub fn ebs(&self) -> Option<&Ebs> {
        match self {
            Self::Ebs { ebs, .. } => Some(ebs),
            Self::Ephemeral { .. } => None,
        }
    }

    pub(crate) fn ebs_mut(&mut self) -> Option<&mut Ebs> {
        match self {
            Self::Ebs { ebs, .. } => Some(ebs),
            Self::Ephemeral { .. } => None,
        }
    }
}

impl Image {
    /// The snapshots in its mappings.
    pub fn snapshots(&self) -> impl Iterator<Item = &SnapshotId> {
        self.devices.iter().filter_map(|device| device.ebs()?.snapshot_id.as_ref())
    }

    /// Whether a snapshot is in its mappings.
    pub fn uses(&self, snapshot: &SnapshotId) -> bool {
        self.snapshots().any(|id| id == snapshot)
    }

    /// Whether an account may see, launch and copy it.
    pub(crate) fn is_open_to(&self, account: &AccountId) -> bool {
        self.owner == *account || (self.public || self.launch_permissions.contains(account)) && self.state == ImageState::Available
    }

    /// When it was last launched, as far as EC2 reports that yet.
    pub fn last_launched(&self, now: Timestamp) -> Option<Timestamp> {
        self.launches.iter().rfind(|launch| later(**launch, LAUNCH_REPORTED_AFTER) <= now).copied()
    }

    /// Whether it is deprecated by now.
    pub(crate) fn is_deprecated(&self, now: Timestamp) -> bool {
        self.deprecation_time.is_some_and(|at| at <= now)
    }

    /// When it can be deregistered, while its protection cools down.
    pub(super) fn cooled_down_at(&self) -> Option<Timestamp> {
        match self.deregistration_protection {
            DeregistrationProtection::CoolingDown { until } => Some(until),
            DeregistrationProtection::Disabled | DeregistrationProtection::Enabled { .. } => None,
        }
    }

    /// What its children descend from: itself, which is in that region, and its own ancestors.
    pub(crate) fn ancestry(&self, region: &str) -> Vec<Ancestor> {
        let own =
            Ancestor { id: self.id.clone(), region: region.to_owned(), created: Some(self.created), owner_alias: self.owner_alias.clone() };
        std::iter::once(own).chain(self.ancestors.iter().cloned()).take(MOST_ANCESTORS).collect()
    }

    pub(super) fn settle(&mut self, now: Timestamp, snapshots: &BTreeMap<SnapshotId, Snapshot>, failed_copies_nameless: bool) {
        if let DeregistrationProtection::CoolingDown { until } = self.deregistration_protection
            && until <= now
        {
            self.deregistration_protection = DeregistrationProtection::Disabled;
        }
        let reported = self.last_launched(now);
        self.launches.retain(|launch| Some(*launch) >= reported);
        if self.state != ImageState::Pending || now < self.ends {
            return;
        }
        if let Some(reason) = self.fails_with.take().or_else(|| self.defect(snapshots)) {
            self.state = ImageState::Failed;
            self.state_reason = Some(reason);
            if failed_copies_nameless && matches!(self.origin, Origin::Copy { .. }) {
                self.name.clear();
                self.tags.clear();
            }
        } else if self.snapshots().all(|id| snapshots.get(id).is_some_and(|s| s.state == SnapshotState::Completed)) {
            self.state = ImageState::Available;
        }
    }

    /// Whether it may change by itself. What has been launched once goes on saying so.
    pub(super) fn is_restless(&self) -> bool {
        self.state == ImageState::Pending || self.cooled_down_at().is_some() || self.launches.len() > 1
    }

    /// What is wrong with its snapshots, so that it can never be available.
    fn defect(&self, snapshots: &BTreeMap<SnapshotId, Snapshot>) -> Option<StateReason> {
        self.snapshots().find_map(|id| match snapshots.get(id) {
            None => Some(StateReason::new("Client.InvalidSnapshot.NotFound", format!("The snapshot '{id}' does not exist."))),
            Some(snapshot) if snapshot.state == SnapshotState::Error => {
                Some(StateReason::new("Server.InternalError", snapshot.state_message.as_deref().unwrap_or("Snapshot failed")))
            }
            Some(_) => None,
        })
    }
}

impl Gone {
    pub(super) fn remembered(&self, now: Timestamp) -> bool {
        now < later(self.at, REMEMBERED).max(self.described_until).max(self.in_use_until)
    }
}

impl Tagged for Image {
    fn tags(&self) -> &Tags {
        &self.tags
    }
}
