//! `CreateSnapshot`: a snapshot of one volume.

use super::Action;
use super::describe_snapshots::write_snapshot;
use crate::clock::later;
use crate::error::Error;
use crate::id::VolumeId;
use crate::naming::check_description;
use crate::query::Params;
use crate::quotas;
use crate::reference::volume_id;
use crate::scope::Scope;
use crate::snapshotting;
use crate::tagging::Specification;
use crate::xml::Xml;

pub(super) struct CreateSnapshot {
    volume_id: VolumeId,
    description: Option<String>,
    tags: Specification,
}

impl Action for CreateSnapshot {
    const NAME: &str = "CreateSnapshot";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self {
            volume_id: volume_id(&params.required("VolumeId")?)?,
            description: params.text("Description"),
            tags: Specification::take(params, &["snapshot"])?,
        })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        check_description(self.description.as_deref())?;
        snapshotting::check_volume(&self.volume_id, scope)?;
        quotas::check_snapshots(1, scope)?;
        if !self.tags.is_empty() {
            scope.authorize("CreateTags")?;
        }
        let visible_from = later(scope.now(), scope.world.manners.visibility_lag);
        let id =
            snapshotting::begin(&self.volume_id, self.description.unwrap_or_default(), self.tags.tags("snapshot"), visible_from, scope)?;
        write_snapshot(answer, &scope.here().snapshots[&id]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::Client;

    #[tokio::test(start_paused = true)]
    async fn answers_with_the_new_snapshot() {
        let ec2 = Client::of_example();
        let params = [
            ("VolumeId", "vol-0eb1eb1eb1eb10001"),
            ("Description", "before the upgrade"),
            ("TagSpecification.1.ResourceType", "snapshot"),
            ("TagSpecification.1.Tag.1.Key", "why"),
            ("TagSpecification.1.Tag.1.Value", "R&D"),
        ];
        assert_snapshot!(ec2.ok("CreateSnapshot", &params).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <CreateSnapshotResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>f89404ee-6fab-4c4a-a8a8-4a90d7928e5c</requestId>
            <snapshotId>snap-0c9ea446896d8c9b6</snapshotId>
            <volumeId>vol-0eb1eb1eb1eb10001</volumeId>
            <status>pending</status>
            <startTime>2026-11-22T12:00:00.000Z</startTime>
            <progress>0%</progress>
            <ownerId>123456789012</ownerId>
            <volumeSize>8</volumeSize>
            <description>before the upgrade</description>
            <encrypted>false</encrypted>
            <storageTier>standard</storageTier>
            <transferType>standard</transferType>
            <tagSet>
                <item>
                    <key>why</key>
                    <value>R&amp;D</value>
                </item>
            </tagSet>
        </CreateSnapshotResponse>
        "#);
    }

    #[test]
    fn needs_a_volume() {
        let ec2 = Client::of_example();
        assert_snapshot!(
            ec2.error("CreateSnapshot", &[("VolumeId", "vol-00000000")]),
            @"InvalidVolume.NotFound: The volume 'vol-00000000' does not exist."
        );
        assert_snapshot!(
            ec2.error("CreateSnapshot", &[("VolumeId", "sda1")]),
            @r#"InvalidVolumeID.Malformed: Invalid id: "sda1" (expecting "vol-...")"#
        );
    }
}
