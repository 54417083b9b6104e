//! How this EC2 behaves where the real one may behave one way or another: lags, durations, and what
//! AWS does not document. The defaults are the tidy choices.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::StateReason;

/// Choices where EC2 may behave one way or another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Manners {
    /// For how long what was just created cannot be seen by any call. EC2 is eventually consistent.
    pub visibility_lag: SignedDuration,
    /// For how long the mappings of a new image lack their snapshot ids; divided by the world's speed.
    pub snapshot_ids_after: SignedDuration,
    /// For how long a deregistered image is still described as if nothing had happened.
    pub deregistered_lingers: SignedDuration,
    /// For how long after an image was deregistered its snapshots still count as in use by it.
    pub in_use_lingers: SignedDuration,
    /// Whether pages are cut before filters are applied, as EC2 does with tag filters: pages come out
    /// short or empty, and still have a successor.
    pub short_pages: bool,
    /// Whether a copy that fails loses its name and tags, as has been seen on EC2.
    pub failed_copies_nameless: bool,
    /// Whether a copy under way survives that its source is deregistered. Not documented.
    pub copies_outlive_source: bool,
    /// What a call to a region that is not enabled is answered.
    pub closed_region: ClosedRegion,
    /// Whether calls are throttled by EC2's token buckets.
    pub throttling: bool,
    /// How many images may be copied into a region at a time.
    pub concurrent_image_copies: usize,
    /// How many snapshots may be copied into a region at a time as part of images. Whether EC2 counts
    /// those is not documented; for `CopySnapshot` the limit is 20.
    pub concurrent_snapshot_copies: Option<usize>,
    /// How long a snapshot of a volume takes.
    pub snapshot_pace: Pace,
    /// How long the copy of a snapshot takes.
    pub copy_pace: Pace,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            visibility_lag: SignedDuration::ZERO,
            snapshot_ids_after: SignedDuration::from_secs(5),
            deregistered_lingers: SignedDuration::ZERO,
            in_use_lingers: SignedDuration::ZERO,
            short_pages: false,
            failed_copies_nameless: false,
            copies_outlive_source: true,
            closed_region: ClosedRegion::AuthFailure,
            throttling: false,
            concurrent_image_copies: 300,
            concurrent_snapshot_copies: None,
            snapshot_pace: Pace { start: SignedDuration::from_secs(45), per_gib: SignedDuration::from_millis(250) },
            copy_pace: Pace { start: SignedDuration::from_secs(90), per_gib: SignedDuration::from_millis(500) },
        }
    }
}

/// A duration that grows with the size of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// What even the smallest volume takes.
    pub start: SignedDuration,
    /// What each GiB adds.
    pub per_gib: SignedDuration,
}

impl Pace {
    pub(crate) fn duration(self, size_gib: u32) -> SignedDuration {
        let size = i32::try_from(size_gib).unwrap_or(i32::MAX);
        let growth = self.per_gib.checked_mul(size).unwrap_or(SignedDuration::MAX);
        self.start.saturating_add(growth)
    }
}

/// What a call to a region that is not enabled for the account is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClosedRegion {
    /// `AuthFailure`, 401.
    AuthFailure,
    /// `OptInRequired`, 400.
    OptInRequired,
}

/// What goes wrong with the next things created, first come first served. The call that creates
/// succeeds; the failure comes later, when the image would have become available.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FailNext {
    /// Each entry makes one `CreateImage` end in an image that has failed. Its snapshots complete.
    pub image: Vec<StateReason>,
    /// Each entry makes one `CopyImage` end in an image that has failed, and snapshots in error.
    pub copy: Vec<StateReason>,
}
