//! `RestoreSnapshotFromRecycleBin`: a deleted snapshot is there again, as it was.

use super::Action;
use crate::clock::{later, milliseconds};
use crate::error::Error;
use crate::id::SnapshotId;
use crate::query::Params;
use crate::reference::{no_such_snapshot, snapshot_id};
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::xml::Xml;

pub(super) struct RestoreSnapshotFromRecycleBin {
    snapshot_id: SnapshotId,
}

impl Action for RestoreSnapshotFromRecycleBin {
    const NAME: &str = "RestoreSnapshotFromRecycleBin";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { snapshot_id: snapshot_id(&params.required("SnapshotId")?)? })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Snapshot(self.snapshot_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let now = scope.now();
        let usable_from = later(now, scope.world.manners.snapshot_recovery);
        let here = scope.here_mut();
        let restored = here.recycle_bin.restore_snapshot(&self.snapshot_id, now, usable_from);
        let snapshot = restored.ok_or_else(|| no_such_snapshot(&self.snapshot_id))?;
        answer
            .leaf("snapshotId", &snapshot.id)
            .leaf("description", &snapshot.description)
            .leaf("encrypted", snapshot.encrypted)
            .leaf("ownerId", &snapshot.owner)
            .leaf("progress", format_args!("{}%", snapshot.progress))
            .leaf("startTime", milliseconds(snapshot.started))
            .leaf("status", snapshot.state)
            .leaf("volumeId", &snapshot.volume_id)
            .leaf("volumeSize", snapshot.volume_size);
        here.snapshots.insert(self.snapshot_id, snapshot);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, noon};
    use crate::world::{RetainedType, RetentionRule, World};

    #[tokio::test(start_paused = true)]
    async fn a_snapshot_comes_back_as_it_was() {
        let mut world = World::example(1, noon());
        let rules = &mut world.region_mut("us-east-1").recycle_bin.rules;
        rules.insert("snapsRule01".to_owned(), RetentionRule::new(RetainedType::EbsSnapshot, 14));
        let ec2 = Client::of(world);
        let id = ec2.ok("CreateSnapshot", &[("VolumeId", "vol-0eb1eb1eb1eb10001")]).text("snapshotId");
        ec2.wait(600);
        let held = || ec2.sim.world().region("us-east-1").snapshots.clone();
        let before = held();
        ec2.ok("DeleteSnapshot", &[("SnapshotId", &id)]);
        assert_snapshot!(ec2.ok("RestoreSnapshotFromRecycleBin", &[("SnapshotId", &id)]).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <RestoreSnapshotFromRecycleBinResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>f1cc9201-6273-4217-a5b8-b8e136de7a87</requestId>
            <snapshotId>snap-0c9ea446896d8c9b6</snapshotId>
            <description></description>
            <encrypted>false</encrypted>
            <ownerId>123456789012</ownerId>
            <progress>100%</progress>
            <startTime>2026-11-22T12:00:00.000Z</startTime>
            <status>completed</status>
            <volumeId>vol-0eb1eb1eb1eb10001</volumeId>
            <volumeSize>8</volumeSize>
        </RestoreSnapshotFromRecycleBinResponse>
        "#);
        assert_eq!(held(), before);
        assert!(ec2.error("RestoreSnapshotFromRecycleBin", &[("SnapshotId", &id)]).starts_with("InvalidSnapshot.NotFound"));
    }
}
