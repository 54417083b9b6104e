//! `UnlockSnapshot`: takes a lock off, unless it is in compliance mode and has cooled off.
//!
//! What its refusals are called is not documented.

use super::Action;
use crate::error::Error;
use crate::id::SnapshotId;
use crate::query::Params;
use crate::reference::snapshot_id;
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::world::LockState;
use crate::xml::Xml;

pub(super) struct UnlockSnapshot {
    snapshot_id: SnapshotId,
}

impl Action for UnlockSnapshot {
    const NAME: &str = "UnlockSnapshot";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { snapshot_id: snapshot_id(&params.required("SnapshotId")?)? })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Snapshot(self.snapshot_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let now = scope.now();
        let snapshot = scope.snapshot_mut(&self.snapshot_id)?;
        match snapshot.lock.as_ref().map(|lock| lock.state(now)) {
            None | Some(LockState::Expired) => {
                return Err(Error::new("IncorrectState", format!("The snapshot '{}' is not locked.", snapshot.id)));
            }
            Some(LockState::Compliance) => {
                return Err(Error::new(
                    "OperationNotPermitted",
                    format!("The snapshot '{}' is locked in compliance mode, and cannot be unlocked.", snapshot.id),
                ));
            }
            Some(LockState::ComplianceCooloff | LockState::Governance) => snapshot.lock = None,
        }
        answer.leaf("snapshotId", &self.snapshot_id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::Client;

    #[test]
    fn takes_a_lock_off_unless_it_has_cooled_off() {
        let ec2 = Client::of_example();
        let id = ec2.ok("CreateSnapshot", &[("VolumeId", "vol-0eb1eb1eb1eb10001")]).text("snapshotId");
        ec2.wait(60);
        let snapshot = ("SnapshotId", &id[..]);
        let lock =
            |mode, more: &[(&str, &str)]| ec2.ok("LockSnapshot", &[&[snapshot, ("LockMode", mode), ("LockDuration", "1")], more].concat());
        let refused = || ec2.error("UnlockSnapshot", &[snapshot]).replace(&id, "snap-…");
        assert_snapshot!(refused(), @"IncorrectState: The snapshot 'snap-…' is not locked.");

        lock("governance", &[]);
        assert_eq!(ec2.ok("UnlockSnapshot", &[snapshot]).text("snapshotId"), id);
        lock("compliance", &[("CoolOffPeriod", "1")]);
        ec2.ok("UnlockSnapshot", &[snapshot]);
        assert_eq!(ec2.ok("DescribeLockedSnapshots", &[]).texts("snapshotId"), [""; 0]);

        lock("compliance", &[]);
        assert_snapshot!(refused(), @"OperationNotPermitted: The snapshot 'snap-…' is locked in compliance mode, and cannot be unlocked.");
        ec2.wait(24 * 3600);
        // It has expired.
        assert!(refused().starts_with("IncorrectState"));
        ec2.ok("DeleteSnapshot", &[snapshot]);
        assert!(refused().starts_with("InvalidSnapshot.NotFound"));
    }
}
