//! The archive: a snapshot goes there, and comes back for some days or for good. Both take their time.
//!
//! From "Archive Amazon EBS snapshots" in the EBS User Guide. The work is done faster in a fast world;
//! the days of a temporary restore are days in any.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock::later;

/// Where a snapshot is ready for use.
pub(crate) const STANDARD: &str = "standard";
/// Where it must be restored from before it can be used.
pub(crate) const ARCHIVE: &str = "archive";

/// The last time that a snapshot was archived or restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiering {
    /// Which of them.
    pub operation: TierOperation,
    /// When it was asked for.
    pub started: Timestamp,
    /// When it is, or will be, done.
    pub ends: Timestamp,
    /// Whether it is done.
    pub done: bool,
    /// When it was last archived.
    pub archived: Option<Timestamp>,
    /// After a temporary restore: when it is in the archive again.
    pub restored_until: Option<Timestamp>,
}

/// What is done to a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TierOperation {
    /// It is put into the archive.
    Archival,
    /// It is taken out for some days.
    TemporaryRestore,
    /// It is taken out for good.
    PermanentRestore,
}

impl fmt::Display for TierOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Archival => "archival",
            Self::TemporaryRestore => "temporary-restore",
            Self::PermanentRestore => "permanent-restore",
        })
    }
}

impl Tiering {
    /// In EC2's own words: `archival-in-progress` and so on.
    pub fn status(&self) -> String {
        format!("{}-{}", self.operation, if self.done { "completed" } else { "in-progress" })
    }

    /// When it goes back into the archive by itself; `None` while it is still being restored.
    pub fn restore_expires(&self) -> Option<Timestamp> {
        self.restored_until.filter(|_| self.done)
    }

    /// How much of it is done, in percent.
    pub(crate) fn percent(&self, now: Timestamp) -> u8 {
        if self.done {
            return 100;
        }
        let done = now.duration_since(self.started).as_millis().max(0);
        let whole = self.ends.duration_since(self.started).as_millis().max(1);
        u8::try_from(done * 100 / whole).map_or(99, |percent| percent.min(99))
    }

    /// Does what is due, and gives the tier that the snapshot is in then, if that changes.
    pub(super) fn settle(&mut self, now: Timestamp) -> Option<&'static str> {
        let mut tier = None;
        if !self.done && self.ends <= now {
            self.done = true;
            tier = Some(match self.operation {
                TierOperation::Archival => {
                    self.archived = Some(self.ends);
                    ARCHIVE
                }
                TierOperation::TemporaryRestore | TierOperation::PermanentRestore => STANDARD,
            });
        }
        if self.restore_expires().is_some_and(|until| until <= now) {
            self.restored_until = None;
            tier = Some(ARCHIVE);
        }
        tier
    }
}

/// `at`, so many days later.
pub(crate) fn days_after(at: Timestamp, days: u32) -> Timestamp {
    later(at, SignedDuration::from_hours(24 * i64::from(days)))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use crate::testing::Client;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Locks and tiers go by the clock alone, however often it is looked at.
        #[test]
        fn settling_in_steps_or_at_once_is_the_same(steps in prop::collection::vec(0_i64..40, 1..20), days in 1_u32..4, restored in any::<bool>()) {
            let ec2 = Client::of_example();
            let create = |volume| {
                let id = ec2.ok("CreateSnapshot", &[("VolumeId", volume)]).text("snapshotId");
                let days = days.to_string();
                ec2.ok("LockSnapshot", &[("SnapshotId", &id), ("LockMode", "governance"), ("LockDuration", &days)]);
                id
            };
            let id = create("vol-0eb1eb1eb1eb10001");
            ec2.wait(60);
            ec2.ok("ModifySnapshotTier", &[("SnapshotId", &id), ("StorageTier", "archive")]);
            if restored {
                ec2.wait(12 * 3600);
                ec2.ok("RestoreSnapshotTier", &[("SnapshotId", &id), ("TemporaryRestoreDays", &days.to_string())]);
            }
            create("vol-0db1db1db1db10001");
            let mut stepwise = ec2.sim.snapshot();
            let mut at_once = stepwise.clone();
            let mut now = stepwise.clock;
            for step in steps {
                now += SignedDuration::from_hours(step);
                stepwise.settle(now);
            }
            at_once.settle(now);
            prop_assert_eq!(stepwise, at_once);
        }
    }
}
