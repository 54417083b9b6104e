//! `CreateSnapshot`: a snapshot of one volume.

use super::Action;
use super::describe_snapshots::write_snapshot;
use crate::clock::later;
use crate::error::Error;
use crate::id::VolumeId;
use crate::naming::check_description;
use crate::query::Params;
use crate::scope::{Scope, volume_id};
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
        assert_snapshot!(ec2.ok("CreateSnapshot", &params).body, @"");
    }

    #[test]
    fn needs_a_volume() {
        let ec2 = Client::of_example();
        assert_snapshot!(ec2.error("CreateSnapshot", &[("VolumeId", "vol-00000000")]), @"");
        assert_snapshot!(ec2.error("CreateSnapshot", &[("VolumeId", "sda1")]), @"");
    }
}
