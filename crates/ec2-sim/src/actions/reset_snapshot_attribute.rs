//! `ResetSnapshotAttribute`: a snapshot is shared with nobody any more.

use super::Action;
use super::describe_snapshot_attribute::Attribute;
use crate::error::Error;
use crate::id::SnapshotId;
use crate::query::Params;
use crate::reference::snapshot_id;
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::xml::Xml;

pub(super) struct ResetSnapshotAttribute {
    snapshot_id: SnapshotId,
}

impl Action for ResetSnapshotAttribute {
    const NAME: &str = "ResetSnapshotAttribute";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Attribute::changeable(&params.required("Attribute")?)?;
        Ok(Self { snapshot_id: snapshot_id(&params.required("SnapshotId")?)? })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Snapshot(self.snapshot_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let snapshot = scope.snapshot_mut(&self.snapshot_id)?;
        snapshot.public = false;
        snapshot.create_volume_permissions.clear();
        answer.leaf("return", true);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::Client;

    #[test]
    fn ends_all_sharing() {
        let ec2 = Client::of_example();
        let id = ec2.ok("CreateSnapshot", &[("VolumeId", "vol-0eb1eb1eb1eb10001")]).text("snapshotId");
        let share = [("SnapshotId", &id[..]), ("OperationType", "add"), ("UserId.1", "210987654321"), ("UserGroup.1", "all")];
        ec2.ok("ModifySnapshotAttribute", &share);
        let attribute = ("Attribute", "createVolumePermission");
        ec2.ok("ResetSnapshotAttribute", &[("SnapshotId", &id), attribute]);
        assert_eq!(ec2.ok("DescribeSnapshotAttribute", &[("SnapshotId", &id), attribute]).texts("item"), [""; 0]);
        assert_snapshot!(
            ec2.error("ResetSnapshotAttribute", &[("SnapshotId", &id), ("Attribute", "productCodes")]),
            @"InvalidParameterValue: Only createVolumePermission can be modified."
        );
        assert!(ec2.error("ResetSnapshotAttribute", &[("SnapshotId", "snap-00000000"), attribute]).starts_with("InvalidSnapshot.NotFound"));
    }
}
