//! `RestoreSnapshotTier`: takes a snapshot out of the archive, for some days or for good, or changes for how
//! long it is out.
//!
//! What its refusals are called is not documented.

use super::Action;
use super::modify_snapshot_tier::{is_under_way, limit_exceeded};
use crate::clock::milliseconds;
use crate::error::Error;
use crate::id::SnapshotId;
use crate::query::Params;
use crate::reference::snapshot_id;
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::world::tier::days_after;
use crate::world::{TierOperation, Tiering};
use crate::xml::Xml;

/// Snapshots on their way out of the archive at a time ("Amazon EBS service quotas").
const MOST_AT_A_TIME: usize = 5;

pub(super) struct RestoreSnapshotTier {
    snapshot_id: SnapshotId,
    /// `None` is for good.
    days: Option<u32>,
}

impl Action for RestoreSnapshotTier {
    const NAME: &str = "RestoreSnapshotTier";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let days = match (params.number("TemporaryRestoreDays")?, params.boolean("PermanentRestore")?.unwrap_or(false)) {
            (Some(0), false) => return Err(Error::invalid_parameter_value("Invalid value '0' for TemporaryRestoreDays.")),
            (Some(days), false) => Some(days),
            (None, true) => None,
            (None, false) => return Err(Error::missing_parameter("TemporaryRestoreDays or PermanentRestore")),
            (Some(_), true) => {
                return Err(Error::invalid_parameter_combination("TemporaryRestoreDays and PermanentRestore exclude each other."));
            }
        };
        Ok(Self { snapshot_id: snapshot_id(&params.required("SnapshotId")?)?, days })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Snapshot(self.snapshot_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let id = &self.snapshot_id;
        let now = scope.now();
        let snapshot = scope.snapshot(id)?;
        let restoring = [TierOperation::TemporaryRestore, TierOperation::PermanentRestore];
        let under_way = |snapshot| restoring.iter().any(|operation| is_under_way(snapshot, *operation));
        let is_out_for_days = snapshot.tiering.as_ref().is_some_and(|tiering| tiering.restore_expires().is_some());
        if !is_out_for_days && (!snapshot.is_archived() || under_way(snapshot)) {
            return Err(Error::new("IncorrectState", format!("Snapshot '{id}' is not archived, or is being restored.")));
        }
        if !is_out_for_days && scope.here().snapshots.values().filter(|other| under_way(other)).count() >= MOST_AT_A_TIME {
            return Err(limit_exceeded(MOST_AT_A_TIME, "snapshots being restored"));
        }
        let ends = if is_out_for_days { now } else { scope.world.due_after(scope.world.manners.tier_restore_takes) };
        let tiering = Tiering {
            operation: if self.days.is_some() { TierOperation::TemporaryRestore } else { TierOperation::PermanentRestore },
            started: now,
            ends,
            done: is_out_for_days,
            archived: snapshot.tiering.as_ref().and_then(|tiering| tiering.archived),
            // Its days count when it is there.
            restored_until: self.days.map(|days| days_after(ends, days)),
        };
        scope.snapshot_mut(id)?.tiering = Some(tiering);
        answer
            .leaf("snapshotId", id)
            .leaf("restoreStartTime", milliseconds(now))
            .leaf_if_some("restoreDuration", self.days)
            .leaf("isPermanentRestore", self.days.is_none());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::Client;

    const DAY: i64 = 24 * 3600;

    /// A snapshot in the archive.
    fn archived(ec2: &Client) -> String {
        let id = ec2.ok("CreateSnapshot", &[("VolumeId", "vol-0eb1eb1eb1eb10001")]).text("snapshotId");
        ec2.wait(60);
        ec2.ok("ModifySnapshotTier", &[("SnapshotId", &id), ("StorageTier", "archive")]);
        ec2.wait(DAY / 2);
        id
    }

    fn restore(ec2: &Client, id: &str, how: (&str, &str)) {
        ec2.ok("RestoreSnapshotTier", &[("SnapshotId", id), how]);
    }

    fn tier(ec2: &Client, id: &str) -> String {
        ec2.ok("DescribeSnapshots", &[("SnapshotId.1", id)]).text("storageTier")
    }

    #[tokio::test(start_paused = true)]
    async fn is_out_for_some_days() {
        let ec2 = Client::of_example();
        let id = archived(&ec2);
        let params = [("SnapshotId", &id[..]), ("TemporaryRestoreDays", "2")];
        assert_snapshot!(ec2.ok("RestoreSnapshotTier", &params).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <RestoreSnapshotTierResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>f1cc9201-6273-4217-a5b8-b8e136de7a87</requestId>
            <snapshotId>snap-0c9ea446896d8c9b6</snapshotId>
            <restoreStartTime>2026-11-23T00:01:00.000Z</restoreStartTime>
            <restoreDuration>2</restoreDuration>
            <isPermanentRestore>false</isPermanentRestore>
        </RestoreSnapshotTierResponse>
        "#);
        assert_eq!(tier(&ec2, &id), "archive");
        assert_snapshot!(
            ec2.error("RestoreSnapshotTier", &params).replace(&id, "snap-…"),
            @"IncorrectState: Snapshot 'snap-…' is not archived, or is being restored."
        );
        ec2.wait(DAY);
        let described = ec2.ok("DescribeSnapshots", &[("SnapshotId.1", &id)]);
        assert_eq!(
            (&described.text("storageTier")[..], &described.text("restoreExpiryTime")[..]),
            ("standard", "2026-11-26T00:01:00.000Z")
        );
        ec2.wait(2 * DAY - 1);
        assert_eq!(tier(&ec2, &id), "standard");
        ec2.wait(1);
        assert_eq!(tier(&ec2, &id), "archive");
        assert_eq!(ec2.ok("DescribeSnapshots", &[("SnapshotId.1", &id)]).texts("restoreExpiryTime"), [""; 0]);
    }

    #[test]
    fn for_how_long_it_is_out_can_be_changed_at_once() {
        let ec2 = Client::of_example();
        let id = archived(&ec2);
        restore(&ec2, &id, ("TemporaryRestoreDays", "1"));
        ec2.wait(DAY);
        // The days count from now.
        ec2.wait(DAY / 2);
        restore(&ec2, &id, ("TemporaryRestoreDays", "1"));
        ec2.wait(DAY - 1);
        assert_eq!(tier(&ec2, &id), "standard");
        restore(&ec2, &id, ("PermanentRestore", "true"));
        ec2.wait(DAY);
        assert_eq!(tier(&ec2, &id), "standard");
        let archive = [("SnapshotId", &id[..]), ("StorageTier", "archive")];
        ec2.ok("ModifySnapshotTier", &archive);
    }

    #[test]
    fn is_out_for_good() {
        let ec2 = Client::of_example();
        let id = archived(&ec2);
        restore(&ec2, &id, ("PermanentRestore", "true"));
        ec2.wait(365 * DAY);
        assert_eq!(tier(&ec2, &id), "standard");
        assert!(ec2.error("RestoreSnapshotTier", &[("SnapshotId", &id), ("PermanentRestore", "true")]).starts_with("IncorrectState"));
    }

    #[test]
    fn so_many_are_restored_at_a_time() {
        let ec2 = Client::of_example();
        let ids: Vec<String> = (0..6).map(|_| archived(&ec2)).collect();
        for id in &ids[..5] {
            restore(&ec2, id, ("TemporaryRestoreDays", "1"));
        }
        assert_snapshot!(
            ec2.error("RestoreSnapshotTier", &[("SnapshotId", &ids[5]), ("PermanentRestore", "true")]),
            @"ResourceLimitExceeded: You have reached your quota of 5 for the number of snapshots being restored."
        );
        ec2.wait(DAY);
        restore(&ec2, &ids[5], ("PermanentRestore", "true"));
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = Client::of_example();
        let id = ("SnapshotId", "snap-00000000");
        let restore = |more: &[(&str, &str)]| ec2.error("RestoreSnapshotTier", &[&[id], more].concat());
        assert_snapshot!(restore(&[]), @"MissingParameter: The request must contain the parameter TemporaryRestoreDays or PermanentRestore");
        assert_snapshot!(
            restore(&[("TemporaryRestoreDays", "1"), ("PermanentRestore", "true")]),
            @"InvalidParameterCombination: TemporaryRestoreDays and PermanentRestore exclude each other."
        );
        assert_snapshot!(restore(&[("TemporaryRestoreDays", "0")]), @"InvalidParameterValue: Invalid value '0' for TemporaryRestoreDays.");
        assert!(restore(&[("TemporaryRestoreDays", "1")]).starts_with("InvalidSnapshot.NotFound"));
    }
}
