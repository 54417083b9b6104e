//! What is done to a snapshot after it was made, in a file: its tier, its lock, whom it is shared with, the
//! service that keeps it, the Recycle Bin. A `[[snapshot]]` says so itself, an `[[image]]` of the snapshots that come with it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use toml::Spanned;

use super::build::Builder;
use super::recycle_bin::BinText;
use crate::clock::later;
use crate::id::AccountId;
use crate::toml_file::{Instant, Problem};
use crate::world::{CoolOff, Lock, LockMode, LockTerm, ManagedBy, Snapshot, SnapshotState, TierOperation, Tiering};

/// What `LockSnapshot` takes.
const MOST_DAYS: u32 = 36_500;
const MOST_COOL_OFF_HOURS: u32 = 72;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HoldsText {
    pub(super) tier: TierText,
    pub(super) tiering: Option<Spanned<TieringText>>,
    pub(super) lock: Option<Spanned<LockText>>,
    pub(super) public: bool,
    pub(super) shared_with: BTreeSet<AccountId>,
    pub(super) managed_by: Option<ManagedBy>,
    pub(super) in_bin: Option<Spanned<BinText>>,
}

/// Where a snapshot has lain for long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TierText {
    #[default]
    Standard,
    Archive,
}

/// The last time that a snapshot was archived or restored.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TieringText {
    operation: TierOperation,
    since: Option<Instant>,
    /// When it is done, be it past or to come.
    ready: Instant,
    /// After a temporary restore.
    restored_until: Option<Instant>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LockText {
    mode: LockMode,
    days: Option<u32>,
    until: Option<Instant>,
    cool_off_hours: Option<u32>,
    since: Option<Instant>,
}

impl Builder<'_> {
    /// Does to a snapshot what was written of it. Into the bin it goes when all is built.
    pub(super) fn hold(&mut self, snapshot: &mut Snapshot, region: &str, holds: &HoldsText) -> Result<(), Problem> {
        snapshot.public = holds.public;
        snapshot.create_volume_permissions.clone_from(&holds.shared_with);
        snapshot.managed_by = holds.managed_by;
        if holds.tier == TierText::Archive {
            "archive".clone_into(&mut snapshot.storage_tier);
        }
        if let Some(text) = &holds.tiering {
            if holds.tier == TierText::Archive {
                return Err(self.problem(text.span(), "expected `tier` or `tiering`, not both"));
            }
            let tiering = self.tiering(text, snapshot)?;
            let tier = if tiering.operation == TierOperation::Archival { "standard" } else { "archive" };
            tier.clone_into(&mut snapshot.storage_tier);
            snapshot.tiering = Some(tiering);
        }
        if let Some(text) = &holds.lock {
            snapshot.lock = Some(self.lock(text, snapshot)?);
        }
        if let Some(text) = &holds.in_bin {
            if snapshot.lock.is_some() {
                return Err(self.problem(text.span(), "a snapshot with a lock is not in the Recycle Bin, for it could not be deleted"));
            }
            if snapshot.state != SnapshotState::Completed {
                return Err(self.problem(text.span(), "only a completed snapshot is in the Recycle Bin"));
            }
            self.bin_snapshot(snapshot, region, text)?;
        }
        Ok(())
    }

    fn tiering(&self, text: &Spanned<TieringText>, snapshot: &Snapshot) -> Result<Tiering, Problem> {
        let TieringText { operation, since, ready, restored_until } = text.get_ref();
        if snapshot.state != SnapshotState::Completed {
            return Err(self.problem(text.span(), "only a completed snapshot is archived or restored"));
        }
        match (operation, restored_until) {
            (TierOperation::TemporaryRestore, None) => {
                return Err(self.problem(text.span(), "a temporary restore has an end, such as restored_until = 2026-07-01T00:00:00Z"));
            }
            (TierOperation::Archival | TierOperation::PermanentRestore, Some(_)) => {
                return Err(self.problem(text.span(), "only a temporary restore has `restored_until`"));
            }
            _ => {}
        }
        let started = since.map_or(snapshot.started, |since| since.0);
        // When what is restored was archived, the file does not say.
        let archived = (*operation != TierOperation::Archival).then_some(snapshot.started);
        let restored_until = restored_until.map(|until| until.0);
        Ok(Tiering { operation: *operation, started, ends: ready.0, done: false, archived, restored_until })
    }

    fn lock(&self, text: &Spanned<LockText>, snapshot: &Snapshot) -> Result<Lock, Problem> {
        let LockText { mode, days, until, cool_off_hours, since } = text.get_ref();
        let term = match (days, until) {
            (Some(days), None) if (1..=MOST_DAYS).contains(days) => LockTerm::Days(*days),
            (None, Some(until)) => LockTerm::Until(until.0),
            (Some(_), None) => return Err(self.problem(text.span(), &format!("a lock lasts for 1 to {MOST_DAYS} days"))),
            _ => return Err(self.problem(text.span(), "a lock lasts so many `days` or `until` an instant, one of them")),
        };
        if snapshot.state == SnapshotState::Error {
            return Err(self.problem(text.span(), "a snapshot in error has no lock"));
        }
        let created = since.map_or(snapshot.started, |since| since.0);
        let cool_off = match (mode, cool_off_hours) {
            (_, None) => None,
            (LockMode::Compliance, Some(hours)) if (1..=MOST_COOL_OFF_HOURS).contains(hours) => Some(cool_off(created, *hours)),
            (LockMode::Compliance, Some(_)) => {
                return Err(self.problem(text.span(), &format!("a lock cools off for 1 to {MOST_COOL_OFF_HOURS} hours")));
            }
            (LockMode::Governance, Some(_)) => {
                return Err(self.problem(text.span(), "only a lock with mode = \"compliance\" has `cool_off_hours`"));
            }
        };
        let started = (snapshot.state != SnapshotState::Pending).then_some(created);
        Ok(Lock { mode: *mode, created, cool_off, term, started })
    }
}

fn cool_off(created: Timestamp, hours: u32) -> CoolOff {
    CoolOff { hours, until: later(created, SignedDuration::from_hours(i64::from(hours))) }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, noon};
    use crate::world_file::read;

    const SNAPSHOT: &str = "[[snapshot]]\nregion = 'us-east-1'\nid = 'snap-00000001'\nsize = 8\nage = '10d'\n";

    fn with(line: &str) -> Client {
        Client::of(read(&format!("{SNAPSHOT}{line}"), Some(noon())).unwrap())
    }

    fn problem(line: &str) -> String {
        read(&format!("{SNAPSHOT}{line}"), Some(noon())).unwrap_err().message
    }

    #[test]
    fn a_lock_counts_from_when_it_was_put_on() {
        let ec2 = with("lock = { mode = 'governance', days = 11 }");
        assert_eq!(ec2.ok("DescribeLockedSnapshots", &[]).text("lockExpiresOn"), "2026-11-23T12:00:00.000Z");
        assert!(ec2.error("DeleteSnapshot", &[("SnapshotId", "snap-00000001")]).starts_with("OperationNotPermitted"));
        ec2.wait(24 * 3600);
        ec2.ok("DeleteSnapshot", &[("SnapshotId", "snap-00000001")]);
        let ec2 = with("lock = { mode = 'compliance', until = 2027-01-01T00:00:00Z, cool_off_hours = 2, since = 2026-11-22T11:00:00Z }");
        assert_eq!(ec2.ok("DescribeLockedSnapshots", &[]).text("lockState"), "compliance-cooloff");
        ec2.wait(3600);
        assert_eq!(ec2.ok("DescribeLockedSnapshots", &[]).text("lockState"), "compliance");
    }

    #[test]
    fn a_tier_is_where_it_lies_or_the_way_there() {
        let status = |ec2: &Client| {
            let status = ec2.ok("DescribeSnapshotTierStatus", &[]);
            (status.text("storageTier"), status.texts("lastTieringOperationStatus").concat())
        };
        let is = |tier: &str, operation: &str| (tier.to_owned(), operation.to_owned());
        assert_eq!(status(&with("tier = 'archive'")), is("archive", ""));
        assert_eq!(
            status(&with("tiering = { operation = 'archival', ready = 2026-11-20T00:00:00Z }")),
            is("archive", "archival-completed")
        );
        let ec2 = with("tiering = { operation = 'archival', ready = 2026-11-22T13:00:00Z }");
        assert_eq!(status(&ec2), is("standard", "archival-in-progress"));
        ec2.wait(3600);
        assert_eq!(status(&ec2), is("archive", "archival-completed"));
        let ec2 =
            with("tiering = { operation = 'temporary-restore', ready = 2026-11-20T00:00:00Z, restored_until = 2026-11-23T00:00:00Z }");
        assert_eq!(ec2.sim.world().region("us-east-1").snapshots["snap-00000001"].storage_tier, "standard");
        ec2.wait(12 * 3600);
        assert_eq!(ec2.sim.world().region("us-east-1").snapshots["snap-00000001"].storage_tier, "archive");
    }

    #[test]
    fn it_is_shared_or_kept_by_aws_backup() {
        let ec2 = with("shared_with = ['210987654321']\nmanaged_by = 'aws-backup'");
        let shared = [("SnapshotId", "snap-00000001"), ("Attribute", "createVolumePermission")];
        assert_eq!(ec2.ok("DescribeSnapshotAttribute", &shared).texts("userId"), ["210987654321"]);
        assert!(ec2.error("DeleteSnapshot", &[("SnapshotId", "snap-00000001")]).contains("AWS Backup"));
        assert_eq!(with("public = true").ok("DescribeSnapshotAttribute", &shared).texts("group"), ["all"]);
    }

    #[test]
    fn the_snapshots_of_an_image_are_held_as_it_says() {
        let image = "[[image]]\nregion = 'us-east-1'\nname = 'nightly'\nvolumes = [8, 9, { size = 8, snapshot = 'snap-00000001' }]\n\
                     snapshots = { lock = { mode = 'governance', days = 30 }, managed_by = 'aws-backup' }";
        let world = read(&format!("{SNAPSHOT}{image}"), Some(noon())).unwrap();
        let region = world.region("us-east-1");
        let locked = |id: &str| (region.snapshots[id].lock.is_some(), region.snapshots[id].managed_by.is_some());
        let held: Vec<_> = region.images.values().next().unwrap().snapshots().map(|id| locked(id.as_str())).collect();
        // What was there before it is as it was.
        assert_eq!(held, [(true, true), (true, true), (false, false)]);
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        assert_snapshot!(problem("tier = 'attic'"), @"unknown variant `attic`, expected `standard` or `archive`");
        assert_snapshot!(problem("lock = { mode = 'governance' }"), @"a lock lasts so many `days` or `until` an instant, one of them");
        assert_snapshot!(problem("lock = { mode = 'governance', days = 0 }"), @"a lock lasts for 1 to 36500 days");
        assert_snapshot!(problem("lock = { mode = 'governance', days = 1, cool_off_hours = 1 }"), @r#"only a lock with mode = "compliance" has `cool_off_hours`"#);
        assert_snapshot!(problem("lock = { mode = 'compliance', days = 1, cool_off_hours = 73 }"), @"a lock cools off for 1 to 72 hours");
        assert_snapshot!(problem("lock = { mode = 'strict', days = 1 }"), @"unknown variant `strict`, expected `governance` or `compliance`");
        assert_snapshot!(problem("lock = { mode = 'governance', dyas = 1 }"), @"unknown field `dyas`, expected one of `mode`, `days`, `until`, `cool_off_hours`, `since`");
        assert_snapshot!(problem("state = 'error'\nlock = { mode = 'governance', days = 1 }"), @"a snapshot in error has no lock");
        assert_snapshot!(problem("tier = 'archive'\ntiering = { operation = 'archival', ready = 2026-11-20T00:00:00Z }"), @"expected `tier` or `tiering`, not both");
        assert_snapshot!(problem("tiering = { operation = 'temporary-restore', ready = 2026-11-20T00:00:00Z }"), @"a temporary restore has an end, such as restored_until = 2026-07-01T00:00:00Z");
        assert_snapshot!(problem("tiering = { operation = 'archival', ready = 2026-11-20T00:00:00Z, restored_until = 2026-12-01T00:00:00Z }"), @"only a temporary restore has `restored_until`");
        assert_snapshot!(problem("state = 'pending'\ntiering = { operation = 'archival', ready = 2026-11-20T00:00:00Z }"), @"only a completed snapshot is archived or restored");
        assert_snapshot!(problem("managed_by = 'me'"), @"unknown variant `me`, expected `aws-backup`");
        assert_snapshot!(problem("in_bin = { until = 2026-12-01T00:00:00Z }\nlock = { mode = 'governance', days = 1 }"), @"a snapshot with a lock is not in the Recycle Bin, for it could not be deleted");
        assert_snapshot!(problem("in_bin = { until = 2026-12-01T00:00:00Z }\nstate = 'error'"), @"only a completed snapshot is in the Recycle Bin");
        let image = "[[image]]\nregion = 'us-east-1'\nname = 'nightly'\nsnapshots = { lokc = 1 }";
        assert_snapshot!(problem(image), @"unknown field `lokc`, expected one of `tier`, `tiering`, `lock`, `public`, `shared_with`, `managed_by`, `in_bin`");
    }
}
