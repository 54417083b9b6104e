//! What was seen, decided and done: data first; `text.rs` is a view of it, and JSON is the data itself.
//!
//! Every document carries `"version": 1` and grows only by addition.

mod fleet;
mod mend;
mod simulate;
mod status;
mod text;

use jiff::Timestamp;
use planner::completion::Completion;
use planner::expiry::Expiry;
use planner::id::{AccountId, ImageId, InstanceId, Region, SeriesName, SnapshotId};
use planner::inventory::ImageState;
use planner::plan::mend::Wish;
use planner::plan::purge::UnmadeCheck;
use planner::plan::retag::Change;
use planner::plan::retire::Tail;
use planner::plan::{BackupLabel, CopyStanding, Debris, Verdict};
use planner::tags::{Encryption, Tags};
use schemars::JsonSchema;
use serde::Serialize;

use crate::apply::Removal;
use crate::description::{ImageDescription, SnapshotDescription};
use crate::outcome::Failure;
use crate::rounds::Ending;

pub use fleet::{AccountReport, Drift, HookReport, InstanceReport, InstanceStanding, RunReport};
pub use mend::{MendReport, MendResult};
pub use simulate::{Beginning, Comparison, Replayed, SimulateReport};
pub use status::{BackupInfo, FailureThere, Freshness, Judgement, Level, ListReport, StatusReport, Unprotected, Unreached, VolumeInfo};

/// What `image-instance` or `resume` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[must_use = "an unread report helps nobody"]
pub struct ImageReport {
    /// The version of this document.
    pub version: u32,
    /// `image-instance` or `resume`.
    pub command: String,
    /// Whether it was only planned.
    pub dry_run: bool,
    /// When the run began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// The instance that was to be backed up.
    pub instance: Option<InstanceId>,
    /// Its name.
    pub instance_name: Option<String>,
    /// When the backup may go; never, if absent.
    pub expire: Option<Expiry>,
    /// The image that was made.
    pub image: Option<ImageResult>,
    /// Where each copy stands that this run was for, or found unfinished.
    pub copies: Vec<CopyStanding>,
    /// What a dry run would have asked EC2 for first.
    pub planned: Vec<PlannedStep>,
    /// What failed.
    pub failures: Vec<Failure>,
    /// How the run ended.
    pub ending: Ending,
}

/// The image a run was for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ImageResult {
    /// The image.
    pub image: ImageId,
    /// Its region.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: ImageState,
    /// EC2's explanation, where it failed.
    pub reason: Option<String>,
}

/// Something a dry run would have asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of the plan's actions")]
pub enum PlannedStep {
    /// An image.
    CreateImage { region: Region, instance: InstanceId, name: String, reboot: bool, tags: Tags, snapshot_tags: Tags },
    /// A copy.
    CopyImage {
        region: Region,
        source_region: Region,
        source: ImageId,
        name: String,
        encrypted: bool,
        completion_minutes: Option<Completion>,
        tags: Tags,
    },
    /// A copy, once the image is there.
    CopyWhenAvailable { region: Region, encryption: Encryption, completion_minutes: Option<Completion> },
    /// Deprecation or protection, once the image is there; its copies get it, too.
    MendWhenAvailable {
        region: Region,
        #[serde(flatten)]
        wish: Wish,
    },
}

/// What `purge-expired-amis` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[must_use = "an unread report helps nobody"]
pub struct PurgeReport {
    /// The version of this document.
    pub version: u32,
    /// `purge-expired-amis`.
    pub command: String,
    /// Whether it was only planned.
    pub dry_run: bool,
    /// The instant by which expiry was judged.
    pub now: Timestamp,
    /// The account, once any resource has told.
    pub account: Option<AccountId>,
    /// The regions, those that could not be read included.
    pub regions: Vec<RegionReport>,
    /// What became of every backup and orphan seen, and why.
    pub verdicts: Vec<VerdictReport>,
    /// What EC2 said of each image before it was deleted.
    pub deleted_images: Vec<ImageDescription>,
    /// What EC2 said of each snapshot before it was deleted.
    pub deleted_snapshots: Vec<SnapshotDescription>,
    /// Failed copies that EC2 left without a name or tags; they may have been ours, and nothing tells.
    pub debris: Vec<Debris>,
    /// What else failed: destinations of copies that could not be looked at.
    pub failures: Vec<Failure>,
    /// The checks that could not be made of what went, or of what stays for want of them.
    pub unmade_checks: Vec<UnmadeCheck>,
    /// Why nothing at all was deleted, where that was decided for safety.
    pub refusal: Option<String>,
    /// How the run ended.
    pub ending: Ending,
}

/// What `pin`, `unpin` or `expire` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[must_use = "an unread report helps nobody"]
pub struct RetagReport {
    /// The version of this document.
    pub version: u32,
    /// `pin`, `unpin` or `expire`.
    pub command: String,
    /// Whether it was only planned.
    pub dry_run: bool,
    /// The instant at which it was asked for.
    pub now: Timestamp,
    /// Where the backup is.
    pub region: Region,
    /// The backup, as it was before.
    pub backup: BackupLabel,
    /// What is said of it from now on.
    #[serde(flatten)]
    pub change: Change,
    /// Its snapshots that bear the tag, too.
    pub snapshots: Vec<SnapshotId>,
    /// Whether anything had to be changed.
    pub changed: bool,
    /// How the run ended.
    pub ending: Ending,
}

/// What `retire` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[must_use = "an unread report helps nobody"]
pub struct RetireReport {
    /// The version of this document.
    pub version: u32,
    /// `retire`.
    pub command: String,
    /// Whether it was only planned.
    pub dry_run: bool,
    /// The instant at which it was asked for.
    pub now: Timestamp,
    /// The instance.
    pub instance: InstanceId,
    /// After which instant its backups may go.
    pub expire: Expiry,
    /// Its backups, copies included.
    pub backups: Vec<RetiredBackup>,
    /// How the run ended.
    pub ending: Ending,
}

/// A backup of an instance that is retired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RetiredBackup {
    /// Where it is.
    pub region: Region,
    /// The backup, as it was before.
    pub backup: BackupLabel,
    /// What becomes of it.
    #[serde(flatten)]
    pub tail: Tail,
    /// Whether its tags were changed.
    pub changed: bool,
    /// Why they could not be.
    pub failure: Option<String>,
}

/// How the reading of a region went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RegionReport {
    /// The region.
    pub region: Region,
    /// Whether it was wholly read. If not, nothing in it was deleted.
    pub read: bool,
    /// The account's images there.
    pub images: usize,
    /// The account's snapshots there.
    pub snapshots: usize,
    /// Why it could not be read.
    pub why: Option<String>,
    /// The call that failed, if it was one.
    pub failure: Option<Failure>,
}

impl RegionReport {
    /// Of a region nobody has read.
    pub(crate) fn unread(region: &Region) -> Self {
        Self { region: region.clone(), read: false, images: 0, snapshots: 0, why: None, failure: None }
    }
}

/// A verdict and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VerdictReport {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The series it is of, of a policy's backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesName>,
    /// What came of it, where something was to be deleted. For an orphan, `image` speaks of the snapshot itself.
    pub result: Option<Removal>,
}
