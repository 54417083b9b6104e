//! `DescribeVolumes`.

use std::borrow::Cow;

use super::Action;
use crate::clock::milliseconds;
use crate::error::Error;
use crate::filter::{Filters, Known};
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::reference::volume_id;
use crate::scope::Scope;
use crate::tagging::write_tags;
use crate::world::Volume;
use crate::xml::Xml;

const PAGES: Rule = Rule { least: 5, most: 500, ids: Some("volumeIdsSet") };

const FILTERS: Known<Volume> = &[
    ("attachment.device", |v| v.attachment.iter().map(|a| a.device.clone()).collect()),
    ("attachment.instance-id", |v| v.attachment.iter().map(|a| a.instance_id.to_string()).collect()),
    ("availability-zone", |v| vec![v.availability_zone.clone()]),
    ("encrypted", |v| vec![v.encrypted.to_string()]),
    ("size", |v| vec![v.size_gib.to_string()]),
    ("snapshot-id", |v| v.snapshot_id.iter().map(ToString::to_string).collect()),
    ("status", |v| vec![status(v).to_owned()]),
    ("volume-id", |v| vec![v.id.to_string()]),
    ("volume-type", |v| vec![v.volume_type.clone()]),
];

pub(super) struct DescribeVolumes {
    ids: Vec<String>,
    filters: Filters<Volume>,
    paging: Paging,
}

impl Action for DescribeVolumes {
    const NAME: &str = "DescribeVolumes";

    fn take(params: &mut Params) -> Result<Self, Error> {
        params.ignore(&["IncludeManagedResources"]);
        Ok(Self { ids: params.list("VolumeId"), filters: Filters::take(params, FILTERS)?, paging: Paging::take(params) })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, !self.ids.is_empty(), scope)?;
        let volumes: Vec<&Volume> = if self.ids.is_empty() {
            scope.here().volumes.values().collect()
        } else {
            self.ids.iter().map(|id| scope.volume(&volume_id(id)?)).collect::<Result<_, _>>()?
        };
        let (volumes, next) = page.cut(volumes, |volume| Cow::Borrowed(volume.id.as_ref()), |volume| self.filters.matches(volume));
        answer.items("volumeSet", volumes, write_volume).leaf_if_some("nextToken", next);
        Ok(())
    }
}

fn status(volume: &Volume) -> &'static str {
    if volume.attachment.is_some() { "in-use" } else { "available" }
}

fn write_volume(xml: &mut Xml, volume: &Volume) {
    xml.leaf("volumeId", &volume.id)
        .leaf("size", volume.size_gib)
        .leaf_if_some("snapshotId", volume.snapshot_id.as_ref())
        .leaf("availabilityZone", &volume.availability_zone)
        .leaf("status", status(volume))
        .leaf("createTime", milliseconds(volume.created))
        .items("attachmentSet", &volume.attachment, |item, attachment| {
            item.leaf("volumeId", &volume.id)
                .leaf("instanceId", &attachment.instance_id)
                .leaf("device", &attachment.device)
                .leaf("status", "attached")
                .leaf("attachTime", milliseconds(attachment.since))
                .leaf("deleteOnTermination", attachment.delete_on_termination);
        });
    write_tags(xml, &volume.tags);
    xml.leaf("volumeType", &volume.volume_type).leaf("encrypted", volume.encrypted).leaf_if_some("kmsKeyId", volume.kms_key_id.as_ref());
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, DB};

    #[test]
    fn filters_and_ids() {
        let ec2 = Client::of_example();
        let of_db = [("Filter.1.Name", "attachment.instance-id"), ("Filter.1.Value.1", DB)];
        let mut sizes = ec2.ok("DescribeVolumes", &of_db).texts("size");
        sizes.sort();
        assert_eq!(sizes, ["100", "500", "8"]);
        assert_eq!(ec2.ok("DescribeVolumes", &[("VolumeId.1", "vol-0db1db1db1db10003")]).text("device"), "/dev/sdg");
        assert_snapshot!(
            ec2.error("DescribeVolumes", &[("VolumeId.1", "vol-00000000")]),
            @"InvalidVolume.NotFound: The volume 'vol-00000000' does not exist."
        );
        assert_snapshot!(
            ec2.error("DescribeVolumes", &[("VolumeId.1", "vol-00000000"), ("MaxResults", "5")]),
            @"InvalidParameterCombination: The parameter volumeIdsSet cannot be used with the parameter maxResults"
        );
    }
}
