//! What a purge decided, and why: the types, and the reasons in words.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::evidence::{Check, Reference, ReferenceKind};
use crate::expiry::Expiry;
use crate::id::{ImageId, InstanceId, Region, SeriesName, SnapshotId};
use crate::plain::one_line;
use crate::plan::BackupLabel;
use crate::retention::Wanted;

/// What becomes of one backup, or of one orphan, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verdict {
    /// Where it is.
    pub region: Region,
    /// What it is.
    pub subject: Subject,
    /// What becomes of it.
    pub decision: Decision,
}

/// What a verdict is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// A backup.
    Backup(BackupLabel),
    /// A snapshot of ours whose image is gone.
    Orphan {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The instance it holds a volume of, by its tag.
        instance: Option<InstanceId>,
        /// When it was begun.
        started: Option<Timestamp>,
        /// When it may go.
        expire: Option<Expiry>,
    },
}

/// Keep or purge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Decision {
    /// It stays.
    Keep {
        /// Why.
        reason: KeepReason,
    },
    /// It goes.
    Purge {
        /// Why.
        reason: PurgeReason,
        /// The snapshots that go with it (of an orphan: none but itself).
        snapshots: Vec<SnapshotId>,
        /// The snapshots of the image that stay behind.
        left: Vec<LeftSnapshot>,
    },
}

/// A snapshot that outlives its image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftSnapshot {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// Why it stays.
    pub reason: KeepReason,
}

/// Why something stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum KeepReason {
    /// It was made to stay.
    NoExpiry,
    /// Its `Expire` tag is no instant.
    UnreadableExpiry {
        /// The tag's text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// Its time has not come.
    NotExpired {
        /// When it will have.
        until: Expiry,
    },
    /// Somebody pinned it.
    Pinned {
        /// What the pin says.
        why: String,
    },
    /// It is no backup of the policy's: somebody made it by hand, or another policy.
    NotOfPolicy,
    /// Its tags do not say for certain of which series and slot it is.
    SeriesUnclear,
    /// By its `Date` tag it is of a time that has not come: it is nothing to count by, and stays.
    SlotAhead {
        /// What the tag says.
        slot: Timestamp,
    },
    /// The policy has no target of its series' name any more.
    OfNoTarget {
        /// The series.
        series: SeriesName,
    },
    /// Keep rules of its series want it.
    Wanted {
        /// The series.
        series: SeriesName,
        /// The rules.
        rules: Vec<Wanted>,
    },
    /// It is the newest good backup of its series here, which stays whatever the rules say.
    NewestOfSeries {
        /// The series.
        series: SeriesName,
    },
    /// It failed, and there is no newer good one yet.
    FailedLast {
        /// The series.
        series: SeriesName,
    },
    /// A copy that the policy wants is not there yet.
    Uncopied {
        /// Where it is missing.
        destination: Region,
        /// Until when it is waited for.
        until: Timestamp,
    },
    /// It is not in the plan that somebody has agreed to.
    NotAgreed,
    /// It is still being made.
    Pending,
    /// EC2 protects it from being deregistered.
    Protected {
        /// What EC2 says of it.
        protection: String,
    },
    /// `--keep-last` wants it.
    AmongNewest {
        /// How many of its instance's backups stay in this region.
        keep_last: u32,
    },
    /// `--keep-last` counts by instance and age, and one of them is not known, or its tag and EC2 name two instances.
    CannotBeCounted,
    /// It is being copied.
    CopyInFlight {
        /// The copy.
        copy: ImageId,
        /// Where to.
        destination: Region,
    },
    /// It may be being copied to a region that could not be read.
    DestinationUnseen {
        /// The region.
        destination: Region,
        /// Why it could not be read.
        why: String,
    },
    /// A snapshot that bears no mark of its own could not be found again once this image, which covers it, were gone.
    WouldStrand {
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// Another image is made of a snapshot that bears no mark or no expiry of its own, and that could not be found again once this
    /// image, which covers it, were gone: that one goes first.
    CoversShared {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The other image.
        with: ImageId,
    },
    /// Something names it, to launch from it.
    Referenced {
        /// The first of what refers to it.
        by: Reference,
        /// How many things refer to it.
        count: usize,
    },
    /// A snapshot of it, or the orphan itself, is locked.
    Locked {
        /// The snapshot.
        snapshot: SnapshotId,
        /// EC2's word for the lock.
        lock: String,
    },
    /// The orphan's image lies in the Recycle Bin, and could not be restored without it.
    InRecycleBin {
        /// The image.
        image: ImageId,
    },
    /// A check could not be made, and `--require-checks` was asked for.
    NotChecked {
        /// Which.
        check: Check,
        /// Why it could not be made.
        why: String,
    },
    /// EC2 lists it, or a snapshot of it, twice, and says one thing here and another there.
    ListedUnlike {
        /// What is listed so.
        id: String,
    },
    /// An image that stays is made of it.
    StillUsed {
        /// The image.
        by: ImageId,
    },
    /// It is marked as another's.
    Anothers {
        /// Whose.
        creator: String,
    },
    /// It bears no mark, and EC2 did not make it for this image.
    NotOurs,
    /// It is not among the account's own snapshots.
    NotSeen,
}

/// Why something goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum PurgeReason {
    /// Its time has come.
    Expired {
        /// When.
        at: Expiry,
    },
    /// No keep rule of its series wants it any more.
    LetGo {
        /// The series.
        series: SeriesName,
    },
    /// It failed, and there is a good one of its series that is as new.
    Outdone {
        /// The series.
        series: SeriesName,
    },
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoExpiry => write!(f, "it has no expiry"),
            Self::UnreadableExpiry { text, why } => {
                write!(f, "its Expire tag `{}` cannot be read as an instant: {why}", one_line(text))
            }
            Self::NotExpired { until } => write!(f, "it expires {until}"),
            Self::Pinned { why } if why.is_empty() => write!(f, "it is pinned"),
            Self::Pinned { why } => write!(f, "it is pinned: {}", one_line(why)),
            Self::NotAgreed => write!(f, "it may go, and is not in the plan that is applied"),
            Self::NotOfPolicy => write!(f, "it is not of a series of the policy"),
            Self::SeriesUnclear => write!(f, "its tags do not say for certain of which series and slot it is"),
            Self::SlotAhead { slot } => write!(f, "by its Date tag it is of {slot}, which is yet to come"),
            Self::OfNoTarget { series } => write!(f, "the policy has no target {series} any more"),
            Self::Wanted { series: _, rules } => {
                let rules: Vec<String> = rules.iter().map(|wanted| one_line(&wanted.why.to_string())).collect();
                write!(f, "{}", rules.join(", "))
            }
            Self::NewestOfSeries { series } => write!(f, "it is the newest good one of {series} here"),
            Self::FailedLast { series } => write!(f, "it failed, and {series} has no newer good one here yet"),
            Self::Uncopied { destination, until } => write!(f, "its copy to {destination} is waited for until {until}"),
            Self::Pending => write!(f, "it is still being made"),
            Self::Protected { protection } => write!(f, "it is protected from deregistration ({})", one_line(protection)),
            Self::AmongNewest { keep_last } => write!(f, "it is among the newest {keep_last} of its instance here (--keep-last)"),
            Self::CannotBeCounted => write!(f, "its instance or its age is not known for certain, so --keep-last cannot count it"),
            Self::CopyInFlight { copy, destination } => write!(f, "it is being copied to {destination} ({copy})"),
            Self::DestinationUnseen { destination, why } => {
                write!(f, "it may be being copied to {destination}, which could not be read: {why}")
            }
            Self::WouldStrand { snapshot } => {
                write!(
                    f,
                    "its snapshot {snapshot} could not go along, and without a mark and an expiry of its own would not be found again"
                )
            }
            Self::CoversShared { snapshot, with } => {
                write!(
                    f,
                    "{with} is made of its snapshot {snapshot}, too, which without a mark and an expiry of its own would not be found again"
                )
            }
            Self::Referenced { by, count } => {
                let relation = if by.kind == ReferenceKind::Instance { "was launched from it" } else { "names it" };
                write!(f, "the {} {} {relation}", by.kind, one_line(&by.name))?;
                match count {
                    0 | 1 => Ok(()),
                    _ => write!(f, ", and {} more", count - 1),
                }
            }
            Self::Locked { snapshot, lock } => write!(f, "{snapshot} is locked ({})", one_line(lock)),
            Self::InRecycleBin { image } => write!(f, "{image} lies in the Recycle Bin and could not be restored without it"),
            Self::NotChecked { check, why } => write!(f, "{check} could not be read: {why}"),
            Self::ListedUnlike { id } => write!(f, "EC2 lists {id} twice, and not alike"),
            Self::StillUsed { by } => write!(f, "{by} is made of it"),
            Self::Anothers { creator } => write!(f, "it is marked Creator={}", one_line(creator)),
            Self::NotOurs => write!(f, "it bears no mark, and EC2 did not make it for this image"),
            Self::NotSeen => write!(f, "it is not among the account's own snapshots"),
        }
    }
}

impl fmt::Display for PurgeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { at } => write!(f, "it expired {at}"),
            Self::LetGo { series } => write!(f, "no keep rule of {series} wants it any more"),
            Self::Outdone { series } => write!(f, "it failed, and {series} has a newer good one here"),
        }
    }
}
