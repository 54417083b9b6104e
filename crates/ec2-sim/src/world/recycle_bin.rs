//! The Recycle Bin: what is deleted while a retention rule covers it lies here until its time is over,
//! and can be restored until then.
//!
//! Facts are from "Considerations for Recycle Bin" in the EBS user guide. What they leave open is decided
//! so: an image that is pending or has failed, and a snapshot in error, are no loss and do not enter.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Held, Image, ImageState, Snapshot, SnapshotState, Tags};
use crate::clock::later;
use crate::id::{ImageId, SnapshotId};

/// The tag of everything that lies in the bin, and of nothing else. Its value is `true`.
pub const IN_BIN_TAG: &str = "aws:recycle-bin:resource-in-bin";

/// The rules of one account in one region, and what lies in the bin because of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecycleBin {
    /// The retention rules, by their identifiers: eleven letters and digits.
    pub rules: BTreeMap<String, RetentionRule>,
    /// The images that were deregistered and can be restored.
    pub images: BTreeMap<ImageId, Binned<Image>>,
    /// The snapshots that were deleted and can be restored.
    pub snapshots: BTreeMap<SnapshotId, Binned<Snapshot>>,
    /// The snapshots that were restored and are not usable yet, with the instants at which they will be.
    pub recovering: BTreeMap<SnapshotId, Timestamp>,
}

/// Something in the bin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binned<T> {
    /// What it was, and will be when it is restored: with those it was shared with, and in the bin with
    /// the tag [`IN_BIN_TAG`].
    pub item: T,
    /// When it was deleted.
    pub entered: Timestamp,
    /// When it is gone for good.
    pub leaves: Timestamp,
}

/// A rule that keeps what is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionRule {
    /// What it keeps.
    pub resource_type: RetainedType,
    /// For how many days: 1 to 365.
    pub days: u32,
    /// Free text.
    #[serde(default)]
    pub description: Option<String>,
    /// The rule's own tags.
    #[serde(default)]
    pub tags: Tags,
    /// Of a tag-level rule: it keeps what has one of these at least. Without any it is a region-level rule,
    /// and keeps everything.
    #[serde(default)]
    pub resource_tags: Vec<ResourceTag>,
    /// Of a region-level rule: it does not keep what has any of these.
    #[serde(default)]
    pub exclude_resource_tags: Vec<ResourceTag>,
    /// Before this instant it is `pending`, and keeps nothing.
    pub active_from: Timestamp,
}

/// What a rule keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RetainedType {
    /// Images.
    Ec2Image,
    /// Snapshots.
    EbsSnapshot,
}

/// A tag by which a rule knows what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceTag {
    /// The tag's key.
    #[serde(rename = "ResourceTagKey")]
    pub key: String,
    /// The tag's value. The API lets it be left out and does not say what that means; here it stands for
    /// any value.
    #[serde(rename = "ResourceTagValue", default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl ResourceTag {
    /// A key with a value.
    pub fn new(key: &str, value: &str) -> Self {
        Self { key: key.to_owned(), value: Some(value.to_owned()) }
    }

    fn is_on(&self, tags: &Tags) -> bool {
        tags.get(&self.key).is_some_and(|found| self.value.as_ref().is_none_or(|value| value == found))
    }
}

impl RetentionRule {
    /// A region-level rule that has long been active.
    pub fn new(resource_type: RetainedType, days: u32) -> Self {
        Self {
            resource_type,
            days,
            description: None,
            tags: Tags::new(),
            resource_tags: Vec::new(),
            exclude_resource_tags: Vec::new(),
            active_from: Timestamp::UNIX_EPOCH,
        }
    }

    fn covers(&self, resource_type: RetainedType, tags: &Tags, at: Timestamp) -> bool {
        self.resource_type == resource_type
            && self.active_from <= at
            && (self.resource_tags.is_empty() || self.resource_tags.iter().any(|tag| tag.is_on(tags)))
            && !self.exclude_resource_tags.iter().any(|tag| tag.is_on(tags))
    }
}

impl RecycleBin {
    pub(super) const EMPTY: Self =
        Self { rules: BTreeMap::new(), images: BTreeMap::new(), snapshots: BTreeMap::new(), recovering: BTreeMap::new() };

    /// How long something is kept that is deleted at that instant. The longest rule wins.
    fn retention(&self, resource_type: RetainedType, tags: &Tags, at: Timestamp) -> Option<SignedDuration> {
        let days = self.rules.values().filter(|rule| rule.covers(resource_type, tags, at)).map(|rule| rule.days).max()?;
        Some(SignedDuration::from_hours(24 * i64::from(days)))
    }

    /// Takes in an image that was deregistered, if a rule says so.
    pub(crate) fn receive_image(&mut self, image: &Image, entered: Timestamp) {
        if matches!(image.state, ImageState::Pending | ImageState::Failed) {
            return;
        }
        if let Some(retention) = self.retention(RetainedType::Ec2Image, &image.tags, entered) {
            let mut item = image.clone();
            item.tags.insert(IN_BIN_TAG.to_owned(), "true".to_owned());
            self.images.insert(item.id.clone(), Binned { item, entered, leaves: later(entered, retention) });
        }
    }

    /// Takes in a snapshot that was deleted, if a rule says so.
    pub(crate) fn receive_snapshot(&mut self, mut item: Snapshot, entered: Timestamp) {
        self.recovering.remove(&item.id);
        if matches!(item.state, SnapshotState::Pending | SnapshotState::Error) {
            return;
        }
        if let Some(retention) = self.retention(RetainedType::EbsSnapshot, &item.tags, entered) {
            item.state = SnapshotState::Completed;
            item.delete_at_end = false;
            item.tags.insert(IN_BIN_TAG.to_owned(), "true".to_owned());
            self.snapshots.insert(item.id.clone(), Binned { item, entered, leaves: later(entered, retention) });
        }
    }

    /// Gives back an image as it was before it was deregistered, sharing included.
    pub(crate) fn restore_image(&mut self, id: &ImageId) -> Option<Image> {
        let mut image = self.images.remove(id)?.item;
        image.tags.remove(IN_BIN_TAG);
        // What AWS Backup managed is the account's own after that ("Recycle Bin considerations").
        image.managed_by = None;
        Some(image)
    }

    /// Gives back a snapshot as it was before it was deleted, usable from `usable_from` on.
    pub(crate) fn restore_snapshot(&mut self, id: &SnapshotId, now: Timestamp, usable_from: Timestamp) -> Option<Snapshot> {
        let mut snapshot = self.snapshots.remove(id)?.item;
        snapshot.tags.remove(IN_BIN_TAG);
        snapshot.managed_by = None;
        if now < usable_from {
            snapshot.state = SnapshotState::Recovering;
            self.recovering.insert(id.clone(), usable_from);
        }
        Some(snapshot)
    }

    /// The instants at which something leaves it or can be used again.
    pub(super) fn instants(&self) -> impl Iterator<Item = Timestamp> {
        let images = self.images.values().map(|binned| binned.leaves);
        let snapshots = self.snapshots.values().map(|binned| binned.leaves);
        images.chain(snapshots).chain(self.recovering.values().copied())
    }

    pub(super) fn settle(&mut self, now: Timestamp, snapshots: &mut Held<SnapshotId, Snapshot>) {
        self.images.retain(|_, binned| now < binned.leaves);
        self.snapshots.retain(|_, binned| now < binned.leaves);
        self.recovering.retain(|id, usable_from| {
            let recovered = *usable_from <= now;
            if let Some(snapshot) = snapshots.get_mut(id)
                && recovered
            {
                snapshot.state = SnapshotState::Completed;
            }
            !recovered
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Client, WEB, noon};
    use crate::world::World;

    const DAY: i64 = 24 * 3600;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_tag_level_rule_keeps_what_has_one_of_its_tags() {
        let mut rule = RetentionRule::new(RetainedType::EbsSnapshot, 7);
        rule.resource_tags = vec![ResourceTag::new("team", "blue"), ResourceTag { key: "precious".to_owned(), value: None }];
        let covers = |pairs: &[(&str, &str)]| rule.covers(RetainedType::EbsSnapshot, &tags(pairs), noon());
        assert!(covers(&[("team", "blue"), ("other", "")]));
        assert!(covers(&[("precious", "whatever")]));
        assert!(!covers(&[("team", "green")]));
        assert!(!covers(&[]));
        assert!(!rule.covers(RetainedType::Ec2Image, &tags(&[("team", "blue")]), noon()));
    }

    #[test]
    fn a_region_level_rule_keeps_all_but_what_it_excludes() {
        let mut rule = RetentionRule::new(RetainedType::Ec2Image, 7);
        rule.exclude_resource_tags = vec![ResourceTag::new("scratch", "true")];
        let covers = |pairs: &[(&str, &str)]| rule.covers(RetainedType::Ec2Image, &tags(pairs), noon());
        assert!(covers(&[]));
        assert!(covers(&[("scratch", "false")]));
        assert!(!covers(&[("scratch", "true")]));
    }

    #[test]
    fn the_longest_rule_wins_and_one_that_is_pending_does_not_count() {
        let mut bin = RecycleBin::default();
        for (name, days) in [("aaaaaaaaaaa", 3), ("bbbbbbbbbbb", 30), ("ccccccccccc", 7)] {
            bin.rules.insert(name.to_owned(), RetentionRule::new(RetainedType::Ec2Image, days));
        }
        let days = |bin: &RecycleBin| bin.retention(RetainedType::Ec2Image, &Tags::new(), noon()).map(|kept| kept.as_hours() / 24);
        assert_eq!(days(&bin), Some(30));
        bin.rules.get_mut("bbbbbbbbbbb").unwrap().active_from = later(noon(), SignedDuration::from_secs(1));
        assert_eq!(days(&bin), Some(7));
        assert_eq!(bin.retention(RetainedType::EbsSnapshot, &Tags::new(), noon()), None);
    }

    #[test]
    fn a_world_that_knew_no_bin_can_still_be_read() {
        let mut world = World::example(1, noon());
        world.region_mut("us-east-1");
        let mut value = serde_json::to_value(&world).unwrap();
        for region in ["us-east-1", "eu-west-1", "us-west-2"] {
            let region = value.pointer_mut(&format!("/accounts/123456789012/regions/{region}")).unwrap();
            region.as_object_mut().unwrap().remove("recycle_bin").unwrap();
        }
        assert_eq!(serde_json::from_value::<World>(value).unwrap(), world);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn settling_in_steps_or_at_once_is_the_same(steps in prop::collection::vec(0_i64..2 * DAY, 1..12), images in 1_u32..9, snapshots in 1_u32..9) {
            let mut world = World::example(1, noon());
            world.manners.snapshot_recovery = SignedDuration::from_hours(30);
            let rules = &mut world.region_mut("us-east-1").recycle_bin.rules;
            rules.insert("aaaaaaaaaaa".to_owned(), RetentionRule::new(RetainedType::Ec2Image, images));
            rules.insert("bbbbbbbbbbb".to_owned(), RetentionRule::new(RetainedType::EbsSnapshot, snapshots));
            let ec2 = Client::of(world);
            let restored = ec2.available_image(WEB, "restored");
            let snapshot = ec2.snapshots_of(&restored)[0].id.to_string();
            ec2.ok("DeregisterImage", &[("ImageId", &restored), ("DeleteAssociatedSnapshots", "true")]);
            ec2.ok("RestoreSnapshotFromRecycleBin", &[("SnapshotId", &snapshot)]);
            // This one enters the bin in its own time.
            let pending = ec2.ok("CreateSnapshot", &[("VolumeId", "vol-0eb1eb1eb1eb10001")]).text("snapshotId");
            ec2.ok("DeleteSnapshot", &[("SnapshotId", &pending)]);
            let mut stepwise = ec2.sim.snapshot();
            let mut at_once = stepwise.clone();
            let mut now = stepwise.clock;
            for step in steps {
                now += SignedDuration::from_secs(step);
                stepwise.settle(now);
            }
            at_once.settle(now);
            prop_assert_eq!(stepwise, at_once);
        }
    }
}
