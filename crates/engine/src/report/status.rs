//! What there is, and how fresh it is.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use planner::expiry::Expiry;
use planner::id::{ImageId, InstanceId, Region, SeriesName, SnapshotId};
use planner::inventory::{Image, ImageState, Mapping, SnapshotState};
use planner::outlook::Outlook;
use planner::plan::purge::Decision;
use planner::tags::{ExpireTag, Tags};
use schemars::JsonSchema;
use serde::Serialize;

use crate::outcome::Failure;

/// The backups there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ListReport {
    /// The version of this document.
    pub version: u32,
    /// `list` or `show`.
    pub command: String,
    /// When it was looked.
    pub now: Timestamp,
    /// The backups, by instance and age.
    pub backups: Vec<BackupInfo>,
    /// The accounts in which nothing could be found out.
    pub unreached: Vec<Unreached>,
    /// What could not be read.
    pub failures: Vec<FailureThere>,
}

/// A call that failed in one of the accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailureThere {
    /// The policy's name of the account; `self` is that of the program's own credentials.
    pub account: String,
    /// What failed.
    #[serde(flatten)]
    pub failure: Failure,
}

impl ListReport {
    /// Of nothing yet.
    pub(crate) fn new(command: &str, now: Timestamp) -> Self {
        Self { version: 1, command: command.to_owned(), now, backups: Vec::new(), unreached: Vec::new(), failures: Vec::new() }
    }
}

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BackupInfo {
    /// The policy's name of the account; `self` is that of the program's own credentials.
    pub account: String,
    /// Its image.
    pub image: ImageId,
    /// Its region.
    pub region: Region,
    /// The image's name.
    pub name: Option<String>,
    /// The instance it is of.
    pub instance: Option<InstanceId>,
    /// That instance's name.
    pub instance_name: Option<String>,
    /// Its series, of a policy's backup.
    pub series: Option<SeriesName>,
    /// When it was due or asked for.
    pub slot: Option<Timestamp>,
    /// When the image was made.
    pub created: Option<Timestamp>,
    /// Where the image stands.
    pub state: ImageState,
    /// EC2's explanation of a failure.
    pub reason: Option<String>,
    /// When it may go, as its tag says.
    pub expire: Option<String>,
    /// Why it is pinned, if it is.
    pub pin: Option<String>,
    /// What it is a copy of.
    pub copy_of: Option<ImageId>,
    /// Its copies that were seen, and where they are.
    pub copies: BTreeMap<ImageId, Region>,
    /// Its snapshots.
    pub snapshots: Vec<SnapshotId>,
    /// Its volumes.
    pub volumes: Vec<VolumeInfo>,
    /// Whether any of them is encrypted.
    pub encrypted: bool,
    /// What becomes of it; told by `show` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
    /// Its tags.
    pub tags: Tags,
}

/// One volume of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VolumeInfo {
    /// The device, such as `/dev/sda1`.
    pub device: String,
    /// Its size in GiB, where EC2 says it.
    pub size_gib: Option<u64>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Its snapshot, once EC2 names it.
    pub snapshot: Option<SnapshotId>,
    /// Where the snapshot stands, if EC2 shows it; told by `show` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_state: Option<SnapshotState>,
    /// How much of the snapshot is done, in percent; told by `show` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_percent: Option<u64>,
}

/// What becomes of a backup, by whom, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Judgement {
    /// Who decides: a policy file, or `purge-expired-amis`.
    pub by: Option<String>,
    /// The verdict of now.
    pub decision: Option<Decision>,
    /// Why there is no verdict.
    pub undecided: Option<String>,
    /// When it goes.
    pub goes: Option<Outlook>,
    /// Why nothing at all would be deleted now, where that is decided for safety.
    pub refusal: Option<String>,
}

impl BackupInfo {
    /// What an image says of a backup.
    pub(crate) fn of(account: &str, region: &Region, image: &Image, copies: BTreeMap<ImageId, Region>) -> Self {
        let volume = |mapping: &Mapping| VolumeInfo {
            device: mapping.device.to_string(),
            size_gib: mapping.size_gib,
            encrypted: mapping.encrypted,
            snapshot: mapping.snapshot.clone(),
            snapshot_state: None,
            snapshot_percent: None,
        };
        Self {
            account: account.to_owned(),
            image: image.id.clone(),
            region: region.clone(),
            name: image.name.clone(),
            instance: image.tags.instance(),
            instance_name: image.tags.instance_name().map(str::to_owned),
            series: image.tags.series(),
            slot: image.tags.slot(),
            created: image.created,
            state: image.state,
            reason: image.state_reason.clone(),
            expire: image.tags.get("Expire").map(str::to_owned),
            pin: image.tags.pin().map(str::to_owned),
            copy_of: image.copied_from().map(|source| source.id.clone()),
            copies,
            snapshots: image.snapshots().cloned().collect(),
            volumes: image.mappings.iter().map(volume).collect(),
            encrypted: image.is_encrypted(),
            judgement: None,
            tags: image.tags.clone(),
        }
    }

    /// The size of all its volumes in GiB, where EC2 says it of each.
    pub fn size_gib(&self) -> Option<u64> {
        let sizes = self.volumes.iter().map(|volume| volume.size_gib);
        sizes.sum::<Option<u64>>().filter(|_| !self.volumes.is_empty())
    }

    /// After which instant it may go, as its tag says: nothing where it has none, or one that cannot be read.
    pub fn expires_at(&self) -> Option<Expiry> {
        if let ExpireTag::At(expiry) = self.tags.expire() { Some(expiry) } else { None }
    }
}

/// How fresh the backups are that a policy wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StatusReport {
    /// The version of this document.
    pub version: u32,
    /// `status`.
    pub command: String,
    /// When it was looked.
    pub now: Timestamp,
    /// The worst of it.
    pub level: Level,
    /// Every instance that the policy wants backups of, and every region that copies of these go to.
    pub series: Vec<Freshness>,
    /// Failed images of the policy's.
    pub failed_images: usize,
    /// The instances that no target selects.
    pub unprotected: Vec<Unprotected>,
    /// The accounts in which nothing could be found out.
    pub unreached: Vec<Unreached>,
    /// What could not be read.
    pub failures: Vec<FailureThere>,
}

/// An account in which nothing could be found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unreached {
    /// The policy's name of it.
    pub account: String,
    /// Why.
    pub why: String,
}

impl StatusReport {
    /// Of nothing yet.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            version: 1,
            command: "status".to_owned(),
            now,
            level: Level::Ok,
            series: Vec::new(),
            failed_images: 0,
            unprotected: Vec::new(),
            unreached: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Puts what was seen in another account beside it.
    pub(crate) fn add(&mut self, there: Self) {
        self.series.extend(there.series);
        self.failed_images += there.failed_images;
        self.unprotected.extend(there.unprotected);
        self.unreached.extend(there.unreached);
        self.failures.extend(there.failures);
    }
}

/// How fresh the newest good backup of an instance is, in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Freshness {
    /// The policy's name of the account; `self` is that of the program's own credentials.
    pub account: String,
    /// The series.
    pub series: SeriesName,
    /// The instance.
    pub instance: InstanceId,
    /// Its name.
    pub name: Option<String>,
    /// The region of the backup.
    pub region: Region,
    /// Whether copies are meant.
    pub is_copy: bool,
    /// How that is.
    pub level: Level,
    /// The newest good backup; none, if absent.
    pub newest: Option<ImageId>,
    /// When that was due.
    pub slot: Option<Timestamp>,
    /// How old that is, from when it was due.
    pub age_seconds: Option<i64>,
    /// From which age on it is warned.
    pub warn_after_seconds: i64,
    /// From which age on it is critical.
    pub critical_after_seconds: i64,
}

/// An instance without backups by the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unprotected {
    /// The policy's name of its account.
    pub account: String,
    /// The instance.
    pub instance: InstanceId,
    /// Its region.
    pub region: Region,
    /// Its name.
    pub name: Option<String>,
    /// Why no target selects it.
    pub why: String,
}

/// How things are, as Nagios counts; what is worse is greater, but that what is critical is worse than what is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As wanted.
    Ok,
    /// Late.
    Warning,
    /// It could not be read.
    Unknown,
    /// Very late, or not there.
    Critical,
}

impl Level {
    /// Nagios's number for it.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Unknown => "UNKNOWN",
            Self::Critical => "CRITICAL",
        })
    }
}

impl Freshness {
    /// The age for people: `1d 2h`, `3h`, `none`.
    pub fn age(&self) -> String {
        let Some(seconds) = self.age_seconds else { return "none".to_owned() };
        let age = SignedDuration::from_secs(seconds);
        let (days, hours, minutes) = (age.as_hours() / 24, age.as_hours() % 24, age.as_mins() % 60);
        match (days, hours) {
            (0, 0) => format!("{minutes}min"),
            (0, _) => format!("{hours}h"),
            (_, 0) => format!("{days}d"),
            _ => format!("{days}d {hours}h"),
        }
    }
}
