//! The Recycle Bin in a file: its retention rules, and what lies in it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use toml::Spanned;

use super::build::Builder;
use crate::id::{AccountId, ImageId, SnapshotId};
use crate::rbin;
use crate::toml_file::{Instant, Problem};
use crate::world::{Binned, IN_BIN_TAG, Image, ImageState, ResourceTag, RetainedType, RetentionRule, Snapshot, Tags};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionRuleText {
    region: Spanned<String>,
    #[serde(default)]
    account: AccountId,
    id: Option<Spanned<String>>,
    keeps: KeepsText,
    days: u32,
    description: Option<String>,
    /// Makes it a tag-level rule.
    #[serde(default)]
    resource_tags: Vec<ResourceTagText>,
    #[serde(default)]
    exclude_resource_tags: Vec<ResourceTagText>,
    active_from: Option<Instant>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeepsText {
    Images,
    Snapshots,
}

/// A tag, with any value if it has none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceTagText {
    key: String,
    value: Option<String>,
}

/// Since when something lies in the bin, and until when.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BinText {
    since: Option<Instant>,
    until: Instant,
}

/// What goes into the bin when all else is built, with the instants at which it enters and leaves. Until then
/// the rest of the file can name it.
#[derive(Debug, Default)]
pub(super) struct ToBin {
    images: BTreeMap<(AccountId, String, ImageId), (Timestamp, Timestamp)>,
    snapshots: BTreeMap<(AccountId, String, SnapshotId), (Timestamp, Timestamp)>,
}

impl Builder<'_> {
    pub(super) fn retention_rule(&mut self, text: RetentionRuleText) -> Result<(), Problem> {
        let region = self.region_name(&text.region)?;
        let taken = |id: &str| self.regions().any(|(_, _, held)| held.recycle_bin.rules.contains_key(id));
        let id = match text.id {
            Some(id) if !rbin::is_identifier(id.get_ref()) => {
                return Err(self.problem(id.span(), "the id of a retention rule is eleven letters and digits"));
            }
            Some(id) if taken(id.get_ref()) => {
                return Err(self.problem(id.span(), &format!("the id `{}` is taken", id.get_ref())));
            }
            Some(id) => id.into_inner(),
            None => self.world.ids.retention_rule(),
        };
        let tags = |written: Vec<ResourceTagText>| written.into_iter().map(|ResourceTagText { key, value }| ResourceTag { key, value });
        let resource_type = match text.keeps {
            KeepsText::Images => RetainedType::Ec2Image,
            KeepsText::Snapshots => RetainedType::EbsSnapshot,
        };
        let rule = RetentionRule {
            description: text.description,
            tags: text.tags,
            resource_tags: tags(text.resource_tags).collect(),
            exclude_resource_tags: tags(text.exclude_resource_tags).collect(),
            active_from: text.active_from.map_or(Timestamp::UNIX_EPOCH, |at| at.0),
            ..RetentionRule::new(resource_type, text.days)
        };
        // What the API would refuse cannot be there.
        rbin::check(&rule).map_err(|error| self.problem(text.region.span(), &error.message))?;
        self.world.region_of_mut(&text.account, &region).recycle_bin.rules.insert(id, rule);
        Ok(())
    }

    pub(super) fn bin_image(&mut self, image: &Image, region: &str, text: &Spanned<BinText>) -> Result<(), Problem> {
        if matches!(image.state, ImageState::Pending | ImageState::Failed) {
            return Err(self.problem(text.span(), "an image that is pending or has failed is not in the Recycle Bin"));
        }
        let time = self.time_in_bin(text)?;
        self.to_bin.images.insert((image.owner.clone(), region.to_owned(), image.id.clone()), time);
        Ok(())
    }

    pub(super) fn bin_snapshot(&mut self, snapshot: &Snapshot, region: &str, text: &Spanned<BinText>) -> Result<(), Problem> {
        let time = self.time_in_bin(text)?;
        self.to_bin.snapshots.insert((snapshot.owner.clone(), region.to_owned(), snapshot.id.clone()), time);
        Ok(())
    }

    fn time_in_bin(&self, text: &Spanned<BinText>) -> Result<(Timestamp, Timestamp), Problem> {
        let clock = self.world.clock;
        let (since, until) = (text.get_ref().since.map_or(clock, |since| since.0), text.get_ref().until.0);
        if since > clock {
            return Err(self.problem(text.span(), &format!("`since` is still to come, for the clock stands at {clock}")));
        }
        if until <= clock {
            return Err(self.problem(text.span(), &format!("`until` is over, for the clock stands at {clock}")));
        }
        Ok((since, until))
    }

    /// Puts into the bin what was said to be there.
    pub(super) fn fill_bins(&mut self) -> Result<(), Problem> {
        let ToBin { images, snapshots } = std::mem::take(&mut self.to_bin);
        for ((account, name, id), (entered, leaves)) in images {
            let region = self.world.region_of_mut(&account, &name);
            if let Some(mut item) = region.images.remove(&id) {
                item.tags.insert(IN_BIN_TAG.to_owned(), "true".to_owned());
                region.recycle_bin.images.insert(id, Binned { item, entered, leaves });
            }
        }
        for ((account, name, id), (entered, leaves)) in snapshots {
            let region = self.world.region_of_mut(&account, &name);
            if let Some(image) = region.image_using(&id) {
                let message = format!("the snapshot {id} cannot be in the Recycle Bin, for the image {} has it", image.id);
                return Err(self.problem(0..0, &message));
            }
            if let Some(mut item) = region.snapshots.remove(&id) {
                item.tags.insert(IN_BIN_TAG.to_owned(), "true".to_owned());
                region.recycle_bin.snapshots.insert(id, Binned { item, entered, leaves });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, noon};
    use crate::world_file::read;

    const IMAGE: &str = "[[instance]]\nregion = 'us-east-1'\nname = 'web-1'\n\
                         [[image]]\nregion = 'us-east-1'\nid = 'ami-00000001'\nname = 'nightly'\nof = 'web-1'\nage = '10d'\n";

    fn problem(text: &str) -> String {
        read(text, Some(noon())).unwrap_err().message
    }

    #[test]
    fn what_lies_in_the_bin_can_be_restored_until_then() {
        let bin = "in_bin = { since = 2026-11-20T00:00:00Z, until = 2026-11-23T12:00:00Z }";
        let ec2 = Client::of(read(&format!("{IMAGE}{bin}\nsnapshots = {{ {bin} }}"), Some(noon())).unwrap());
        assert_eq!(ec2.ok("DescribeImages", &[("Owner.1", "self")]).texts("imageId"), [""; 0]);
        let images = ec2.ok("ListImagesInRecycleBin", &[]);
        assert_eq!(images.text("recycleBinEnterTime"), "2026-11-20T00:00:00.000Z");
        assert_eq!(images.text("recycleBinExitTime"), "2026-11-23T12:00:00.000Z");
        let snapshot = ec2.ok("ListSnapshotsInRecycleBin", &[]).text("snapshotId");
        let image = [("ImageId", "ami-00000001")];
        // Its snapshots come first.
        ec2.error("RestoreImageFromRecycleBin", &image);
        ec2.ok("RestoreSnapshotFromRecycleBin", &[("SnapshotId", &snapshot)]);
        ec2.ok("RestoreImageFromRecycleBin", &image);
        assert_eq!(ec2.ok("DescribeImages", &[("ImageId.1", "ami-00000001")]).texts("snapshotId"), [snapshot]);
    }

    #[test]
    fn it_is_gone_when_its_time_is_over() {
        let ec2 = Client::of(read(&format!("{IMAGE}in_bin = {{ until = 2026-11-22T13:00:00Z }}"), Some(noon())).unwrap());
        ec2.wait(3600);
        assert_eq!(ec2.ok("ListImagesInRecycleBin", &[]).texts("imageId"), [""; 0]);
        // Its snapshot was never deleted.
        assert_eq!(ec2.ok("DescribeSnapshots", &[("Owner.1", "self")]).texts("snapshotId").len(), 1);
    }

    #[test]
    fn a_rule_keeps_what_is_deleted() {
        let rule = "[[retention_rule]]\nregion = 'us-east-1'\nid = 'imagesRule1'\nkeeps = 'images'\ndays = 7\n\
                    exclude_resource_tags = [{ key = 'scratch' }]";
        let ec2 = Client::of(read(&format!("{IMAGE}{rule}"), Some(noon())).unwrap());
        ec2.ok("DeregisterImage", &[("ImageId", "ami-00000001")]);
        assert_eq!(ec2.ok("ListImagesInRecycleBin", &[]).texts("imageId"), ["ami-00000001"]);
        let excluded = format!("{IMAGE}tags = {{ scratch = 'yes' }}\n{rule}");
        let ec2 = Client::of(read(&excluded, Some(noon())).unwrap());
        ec2.ok("DeregisterImage", &[("ImageId", "ami-00000001")]);
        assert_eq!(ec2.ok("ListImagesInRecycleBin", &[]).texts("imageId"), [""; 0]);
    }

    #[test]
    fn a_rule_of_which_nothing_is_said_has_an_id() {
        let rule = "[[retention_rule]]\nregion = 'us-east-1'\nkeeps = 'snapshots'\ndays = 7";
        let world = read(rule, Some(noon())).unwrap();
        assert_eq!(world.region("us-east-1").recycle_bin.rules.keys().map(String::len).collect::<Vec<_>>(), [11]);
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let image = |line: &str| problem(&format!("{IMAGE}{line}"));
        assert_snapshot!(image("in_bin = { until = 2026-11-22T12:00:00Z }"), @"`until` is over, for the clock stands at 2026-11-22T12:00:00Z");
        assert_snapshot!(image("in_bin = { since = 2026-11-22T13:00:00Z, until = 2026-12-01T00:00:00Z }"), @"`since` is still to come, for the clock stands at 2026-11-22T12:00:00Z");
        assert_snapshot!(image("in_bin = {}"), @"missing field `until`");
        assert_snapshot!(image("state = 'failed'\nin_bin = { until = 2026-12-01T00:00:00Z }"), @"an image that is pending or has failed is not in the Recycle Bin");
        assert!(image("snapshots = { in_bin = { until = 2026-12-01T00:00:00Z } }").ends_with("for the image ami-00000001 has it"));
        let rule = |lines: &str| problem(&format!("[[retention_rule]]\nregion = 'us-east-1'\n{lines}"));
        assert_snapshot!(rule("keeps = 'volumes'\ndays = 7"), @"unknown variant `volumes`, expected `images` or `snapshots`");
        assert_snapshot!(rule("keeps = 'images'\ndays = 0"), @"RetentionPeriodValue must be from 1 to 365 days.");
        assert_snapshot!(rule("keeps = 'images'\ndays = 7\nid = 'rule'"), @"the id of a retention rule is eleven letters and digits");
        assert_snapshot!(rule("keeps = 'images'\ndays = 7\nresource_tags = [{ kye = 'a' }]"), @"unknown field `kye`, expected `key` or `value`");
        assert_snapshot!(
            rule("keeps = 'images'\ndays = 7\nid = 'imagesRule1'\n[[retention_rule]]\nregion = 'us-east-1'\nkeeps = 'images'\ndays = 7\nid = 'imagesRule1'"),
            @"the id `imagesRule1` is taken"
        );
    }
}
