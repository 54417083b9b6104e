//! How this EC2 behaves where the real one may behave one way or another: lags, durations, and what
//! AWS does not document. The defaults are the tidy choices.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{Allowance, StateReason};

/// Choices where EC2 may behave one way or another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Manners {
    /// For how long what was just created cannot be seen by any call, what was just deleted not in the Recycle
    /// Bin, and a new lock not in the list of locks. EC2 is eventually consistent.
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
    /// How many images of one instance may be under way at a time, where there is a limit. EC2 has one,
    /// `ConcurrentCreateImageNoRebootLimitExceeded` tells of it, and the number is not published.
    pub concurrent_image_creations: Option<usize>,
    /// How many images a region may hold ("AMI quotas"). The code of the refusal is seen of public images.
    pub images_per_region: usize,
    /// How many snapshots a region may hold ("Amazon EBS service quotas").
    pub snapshots_per_region: usize,
    /// How many snapshots of a region may be under way at a time, where there is a limit. EC2 has one,
    /// `PendingSnapshotLimitExceeded` tells of it, and the number is not published.
    pub pending_snapshots: Option<usize>,
    /// For how long after a snapshot of a volume was begun a second one is refused: 15 s, says EC2's table
    /// of error codes.
    pub volume_spacing: SignedDuration,
    /// What `DeregisterImage` of an image that is protected from it is answered. Not documented.
    pub protected_image_code: String,
    /// What `DeleteSnapshot` of a locked snapshot is answered. Not documented.
    pub locked_snapshot_code: String,
    /// What `DeregisterImage` of an image of AWS Backup's is answered. Not documented; it has been seen of
    /// snapshots.
    pub managed_image_code: String,
    /// How long it takes to archive a snapshot. Not documented.
    pub archival_takes: SignedDuration,
    /// How long it takes to restore a snapshot from the archive: up to 72 hours.
    pub tier_restore_takes: SignedDuration,
    /// What `DescribeImages` says of the protection of an image whose cooldown is under way. Not documented.
    pub cooling_down_reads: String,
    /// Whether an image in the Recycle Bin holds its name. Not documented. While it does, it can always be
    /// restored; while it does not, only if nobody has taken the name.
    pub binned_images_hold_names: bool,
    /// Whether an image that has failed holds its name. Not documented (ec2-semantics 14, question 5).
    pub failed_images_hold_names: bool,
    /// Whose tag a copy gets where `CopyImageTags` and `TagSpecifications` both name its key: the source's, or
    /// else the specification's. Not documented (ec2-semantics 14, question 8).
    pub copied_tags_win: bool,
    /// Whether `CopyImage` of an encrypted image into another region that says nothing of encryption makes an
    /// encrypted copy. Two pages of AWS's contradict each other, for the key of the source is not there
    /// (ec2-semantics 14, question 10); else the call is refused.
    pub copies_encrypted_unasked: bool,
    /// For how long a client token is remembered. Not documented (ec2-semantics 14, question 14).
    pub tokens_remembered: SignedDuration,
    /// Whether a listing of the Recycle Bin by ids fails if one of them is not in it. Not documented; else
    /// it is left out.
    pub binned_ids_must_exist: bool,
    /// For how long a snapshot that was restored from the Recycle Bin is `recovering`; not divided by
    /// anything. The examples of the AWS CLI say that it can be used at once, the API knows the state.
    pub snapshot_recovery: SignedDuration,
    /// For how long the first retention rule for a type of resource in a region is `pending`. Documented
    /// as eventually consistent; once as up to half an hour.
    pub first_rule_pending: SignedDuration,
    /// How long a snapshot of a volume takes.
    pub snapshot_pace: Pace,
    /// How long the copy of a snapshot takes.
    pub copy_pace: Pace,
    /// How old an answer of `Describe…` or `List…` may be: each instance, image, snapshot (in the Recycle Bin
    /// too), launch template and launch configuration is shown as it was at some instant within this time, and
    /// what is available now may be pending in the next answer.
    pub stale_reads: SignedDuration,
    /// Whether lists come in another order each time, those within an answer's items too. Without it a listing
    /// has no order that means anything, but always the same one.
    pub shuffled: bool,
    /// For how long the token of a next page is good; `None` for ever.
    pub token_life: Option<SignedDuration>,
    /// Whether the next page begins at a position, and not after the last item that was handed out: what
    /// comes or goes meanwhile makes a listing skip items, or repeat them. Not documented.
    pub pages_by_position: bool,
    /// The zones that are out of service: where one of them is concerned, `DescribeInstances` fails as a whole.
    pub outages: BTreeSet<String>,
    /// The token buckets of single actions, in place of EC2's own.
    pub allowances: BTreeMap<String, Allowance>,
    /// Actions that the endpoint does not know, as an older or another's EC2 does not: they are answered
    /// `InvalidAction`.
    pub unknown_actions: BTreeSet<String>,
    /// For how long `DescribeImageReferences` does not know of a new reference. How fresh its answers are
    /// is not documented (ec2-semantics 6.3).
    pub references_lag: SignedDuration,
    /// What `DescribeImageReferences` does if the caller may not list the resources it is to look at.
    pub references_denied: DeniedReferences,
    /// Whether a launch template that names a parameter counts for `DescribeImageReferences` as a
    /// reference to the image that the parameter holds. Not documented; the parameter itself counts.
    pub references_resolved: bool,
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
            concurrent_image_creations: None,
            images_per_region: 50_000,
            snapshots_per_region: 100_000,
            pending_snapshots: None,
            volume_spacing: SignedDuration::from_secs(15),
            protected_image_code: "OperationNotPermitted".to_owned(),
            locked_snapshot_code: "OperationNotPermitted".to_owned(),
            managed_image_code: "InvalidParameterValue".to_owned(),
            archival_takes: SignedDuration::from_hours(12),
            tier_restore_takes: SignedDuration::from_hours(24),
            cooling_down_reads: "disabling-with-cooldown".to_owned(),
            binned_images_hold_names: true,
            failed_images_hold_names: true,
            copied_tags_win: false,
            copies_encrypted_unasked: true,
            tokens_remembered: SignedDuration::from_hours(24),
            binned_ids_must_exist: true,
            snapshot_recovery: SignedDuration::ZERO,
            first_rule_pending: SignedDuration::ZERO,
            snapshot_pace: Pace { start: SignedDuration::from_secs(45), per_gib: SignedDuration::from_millis(250) },
            copy_pace: Pace { start: SignedDuration::from_secs(90), per_gib: SignedDuration::from_millis(500) },
            stale_reads: SignedDuration::ZERO,
            shuffled: false,
            token_life: None,
            pages_by_position: false,
            outages: BTreeSet::new(),
            allowances: BTreeMap::new(),
            unknown_actions: BTreeSet::new(),
            references_lag: SignedDuration::ZERO,
            references_denied: DeniedReferences::Error,
            references_resolved: true,
        }
    }
}

/// A duration that grows with the size of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

/// What `DescribeImageReferences` does if the caller lacks a permission that it needs beside its own.
/// Not documented (ec2-semantics 14, question 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeniedReferences {
    /// It is refused with `UnauthorizedOperation`.
    Error,
    /// It leaves resources of that type out, and says nothing.
    Partial,
}

/// What goes wrong with the next things created or deleted, first come first served. The call that creates
/// succeeds; the failure comes later, when the image would have become available.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FailNext {
    /// Each entry makes one `CreateImage` end in an image that has failed. Its snapshots complete.
    pub image: Vec<StateReason>,
    /// Each entry makes one `CopyImage` end in an image that has failed, and snapshots in error.
    pub copy: Vec<StateReason>,
    /// Each entry makes one snapshot of a volume end in error, with this message, and the image that it is for
    /// with it.
    pub snapshot: Vec<String>,
    /// So many images of instances stay pending for ever.
    pub stuck_images: u32,
    /// So many copies of images stay pending for ever, and their snapshots with them.
    pub stuck_copies: u32,
    /// So many snapshots of volumes stay pending for ever, and the images that they are for with them.
    pub stuck_snapshots: u32,
    /// So many deletions of a snapshot fail on EC2's side, and the snapshot stays: `DeleteSnapshot` is
    /// answered `InternalError`, and in the answer to `DeregisterImage` it says `internal-error`.
    pub snapshot_deletions: usize,
}

impl FailNext {
    /// Whether the next image of an instance is to be stuck.
    pub(crate) fn sticks_image(&mut self) -> bool {
        is_next(&mut self.stuck_images)
    }

    /// Whether the next copy is to be stuck.
    pub(crate) fn sticks_copy(&mut self) -> bool {
        is_next(&mut self.stuck_copies)
    }

    /// Whether the next snapshot of a volume is to be stuck.
    pub(crate) fn sticks_snapshot(&mut self) -> bool {
        is_next(&mut self.stuck_snapshots)
    }
}

fn is_next(left: &mut u32) -> bool {
    let next = *left > 0;
    *left = left.saturating_sub(1);
    next
}

#[cfg(test)]
mod tests {
    use crate::testing::{Client, DB, WEB};
    use crate::world::{FailNext, Image};

    fn with(change: impl FnOnce(&mut FailNext)) -> Client {
        let ec2 = Client::of_example();
        change(&mut ec2.sim.world().fail_next);
        ec2
    }

    fn states(ec2: &Client, image: &Image) -> String {
        let snapshots: Vec<String> = ec2.snapshots_of(image.id.as_str()).iter().map(|snapshot| snapshot.state.to_string()).collect();
        format!("{}: {}", image.state, snapshots.join(" "))
    }

    /// A month after it was asked for, and the same of the next one.
    fn in_the_end(ec2: &Client, instance: &str) -> [String; 2] {
        ["first", "second"].map(|name| {
            let id = ec2.create_image(instance, name);
            ec2.wait(30 * 24 * 3600);
            states(ec2, &ec2.image(&id))
        })
    }

    #[test]
    fn images_and_snapshots_can_be_stuck() {
        let stuck = with(|next| next.stuck_images = 1);
        assert_eq!(in_the_end(&stuck, WEB), ["pending: completed", "available: completed"]);
        let stuck = with(|next| next.stuck_snapshots = 2);
        assert_eq!(in_the_end(&stuck, DB), ["pending: pending pending completed", "available: completed completed completed"]);
    }

    #[test]
    fn copies_can_be_stuck_with_their_snapshots() {
        let ec2 = with(|next| next.stuck_copies = 1);
        let source = ec2.available_image(WEB, "nightly");
        let west = ec2.in_region("us-west-2");
        let copies = ["first", "second"].map(|name| {
            let params = [("SourceRegion", "us-east-1"), ("SourceImageId", &source[..]), ("Name", name)];
            let id = west.ok("CopyImage", &params).text("imageId");
            west.wait(30 * 24 * 3600);
            states(&west, &west.image(&id))
        });
        assert_eq!(copies, ["pending: pending", "available: completed"]);
    }

    #[test]
    fn a_stuck_image_can_be_deregistered() {
        let ec2 = with(|next| next.stuck_images = 1);
        let id = ec2.settled_image(WEB, "nightly");
        ec2.ok("DeregisterImage", &[("ImageId", &id), ("DeleteAssociatedSnapshots", "true")]);
        assert!(ec2.sim.world().region("us-east-1").snapshots.is_empty());
    }

    #[test]
    fn a_snapshot_in_error_takes_its_image_with_it() {
        let ec2 = with(|next| next.snapshot.push("Given key ID is not accessible".to_owned()));
        assert_eq!(in_the_end(&ec2, DB), ["failed: error completed completed", "available: completed completed completed"]);
        let failed = ec2.ok("DescribeImages", &[("Filter.1.Name", "state"), ("Filter.1.Value.1", "failed")]);
        assert_eq!(failed.text("message"), "Given key ID is not accessible");
    }
}
