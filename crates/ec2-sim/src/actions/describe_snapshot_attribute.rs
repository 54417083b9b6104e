//! `DescribeSnapshotAttribute`: whom a snapshot is shared with. Only its owner is told.

use super::Action;
use crate::error::Error;
use crate::id::SnapshotId;
use crate::query::Params;
use crate::reference::snapshot_id;
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::xml::Xml;

/// What can be asked of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attribute {
    CreateVolumePermission,
    /// No snapshot has any here.
    ProductCodes,
}

impl Attribute {
    pub(super) fn new(name: &str) -> Result<Self, Error> {
        match name {
            "createVolumePermission" => Ok(Self::CreateVolumePermission),
            "productCodes" => Ok(Self::ProductCodes),
            other => Err(Error::invalid_parameter_value(format!("Value ({other}) for parameter attribute is invalid. Unknown attribute."))),
        }
    }

    /// Refuses what nobody can change.
    pub(super) fn changeable(name: &str) -> Result<(), Error> {
        match Self::new(name)? {
            Self::CreateVolumePermission => Ok(()),
            Self::ProductCodes => Err(Error::invalid_parameter_value("Only createVolumePermission can be modified.")),
        }
    }
}

pub(super) struct DescribeSnapshotAttribute {
    snapshot_id: SnapshotId,
    attribute: Attribute,
}

impl Action for DescribeSnapshotAttribute {
    const NAME: &str = "DescribeSnapshotAttribute";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { attribute: Attribute::new(&params.required("Attribute")?)?, snapshot_id: snapshot_id(&params.required("SnapshotId")?)? })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Snapshot(self.snapshot_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let snapshot = scope.snapshot(&self.snapshot_id)?;
        match self.attribute {
            Attribute::ProductCodes => {
                answer.element("productCodes", |_| {}).leaf("snapshotId", &snapshot.id);
            }
            Attribute::CreateVolumePermission => {
                let everybody = snapshot.public.then(|| ("group", "all".to_owned()));
                let accounts = snapshot.create_volume_permissions.iter().map(|account| ("userId", account.to_string()));
                answer.leaf("snapshotId", &snapshot.id).items(
                    "createVolumePermission",
                    everybody.into_iter().chain(accounts),
                    |item, (kind, who)| {
                        item.leaf(kind, who);
                    },
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::Client;

    #[tokio::test(start_paused = true)]
    async fn tells_whom_it_is_shared_with() {
        let ec2 = Client::of_example();
        let id = ec2.ok("CreateSnapshot", &[("VolumeId", "vol-0eb1eb1eb1eb10001")]).text("snapshotId");
        let share = [("SnapshotId", &id[..]), ("OperationType", "add"), ("UserId.1", "210987654321"), ("UserGroup.1", "all")];
        ec2.ok("ModifySnapshotAttribute", &share);
        let describe = |attribute| ec2.ok("DescribeSnapshotAttribute", &[("SnapshotId", &id), ("Attribute", attribute)]).body;
        assert_snapshot!(describe("createVolumePermission"), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeSnapshotAttributeResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>f1cc9201-6273-4217-a5b8-b8e136de7a87</requestId>
            <snapshotId>snap-0c9ea446896d8c9b6</snapshotId>
            <createVolumePermission>
                <item>
                    <group>all</group>
                </item>
                <item>
                    <userId>210987654321</userId>
                </item>
            </createVolumePermission>
        </DescribeSnapshotAttributeResponse>
        "#);
        assert_snapshot!(describe("productCodes"), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeSnapshotAttributeResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>6949a95a-0d1e-4837-a8bd-a89052f12760</requestId>
            <productCodes/>
            <snapshotId>snap-0c9ea446896d8c9b6</snapshotId>
        </DescribeSnapshotAttributeResponse>
        "#);
        assert_snapshot!(
            ec2.error("DescribeSnapshotAttribute", &[("SnapshotId", &id), ("Attribute", "colour")]),
            @"InvalidParameterValue: Value (colour) for parameter attribute is invalid. Unknown attribute."
        );
        assert_snapshot!(
            ec2.error("DescribeSnapshotAttribute", &[("SnapshotId", &id)]),
            @"MissingParameter: The request must contain the parameter Attribute"
        );
    }
}
