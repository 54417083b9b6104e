//! Reads that go back in time: EC2 is eventually consistent, and a read may be answered from a copy of the
//! data that has not caught up. What was `available` is `pending` again, tags that were there are not, what
//! was seen by its id is not found, what was deleted is there (ec2-semantics 5.5).
//!
//! Each read of each resource is as old as chance has it, from not at all to the bound in
//! [`Manners::stale_reads`](super::Manners::stale_reads). While that is zero, nothing is kept and nothing is stale.

use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Account, Binned, Image, Instance, LaunchConfiguration, LaunchTemplate, Region, Snapshot};
use crate::clock::later;
use crate::id::{AccountId, ImageId, InstanceId, LaunchTemplateId, SnapshotId, hash};

/// How the instances, images and snapshots looked lately, what lay in the Recycle Bin, and what names images.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// How many reads there were that might have been stale.
    reads: u64,
    /// By account and region.
    places: BTreeMap<AccountId, BTreeMap<String, Place>>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Place {
    instances: BTreeMap<InstanceId, Vec<Version<Instance>>>,
    images: BTreeMap<ImageId, Vec<Version<Image>>>,
    snapshots: BTreeMap<SnapshotId, Vec<Version<Snapshot>>>,
    binned_images: BTreeMap<ImageId, Vec<Version<Binned<Image>>>>,
    binned_snapshots: BTreeMap<SnapshotId, Vec<Version<Binned<Snapshot>>>>,
    launch_templates: BTreeMap<LaunchTemplateId, Vec<Version<LaunchTemplate>>>,
    launch_configurations: BTreeMap<String, Vec<Version<LaunchConfiguration>>>,
}

/// What a resource was from some instant on, until the next version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Version<T> {
    since: Timestamp,
    /// Nothing, where it did not exist.
    what: Option<T>,
}

impl History {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Keeps what there is at an instant, and forgets what no read within the bound can see any more.
    pub(super) fn record(&mut self, accounts: &BTreeMap<AccountId, Account>, at: Timestamp, bound: SignedDuration) {
        // What there is when the first record is made has been there for ever.
        let since = if self.places.is_empty() { Timestamp::MIN } else { at };
        let oldest = later(at, -bound);
        for (id, account) in accounts {
            let places = self.places.entry(id.clone()).or_default();
            for (name, region) in &account.regions {
                let place = places.entry(name.clone()).or_default();
                keep(&mut place.instances, &region.instances, since, oldest);
                keep(&mut place.images, &region.images, since, oldest);
                keep(&mut place.snapshots, &region.snapshots, since, oldest);
                keep(&mut place.binned_images, &region.recycle_bin.images, since, oldest);
                keep(&mut place.binned_snapshots, &region.recycle_bin.snapshots, since, oldest);
                keep(&mut place.launch_templates, &region.launch_templates, since, oldest);
                keep(&mut place.launch_configurations, &region.launch_configurations, since, oldest);
            }
        }
    }

    /// A region as a read sees it.
    pub(super) fn view(
        &mut self,
        account: &AccountId,
        name: &str,
        region: &Region,
        seed: u64,
        now: Timestamp,
        bound: SignedDuration,
    ) -> Region {
        self.reads += 1;
        let mut seen = region.clone();
        if let Some(place) = self.places.get(account).and_then(|places| places.get(name)) {
            let read = Read { seed, number: self.reads, now, bound };
            recall(&mut seen.instances, &place.instances, read, |_, _| true);
            recall(&mut seen.images, &place.images, read, |image, then| {
                if then < image.mapped_from {
                    image.mapped_from = Timestamp::MAX;
                }
                image.visible_from <= then
            });
            recall(&mut seen.snapshots, &place.snapshots, read, |snapshot, then| snapshot.visible_from <= then);
            recall(&mut seen.recycle_bin.images, &place.binned_images, read, |_, _| true);
            recall(&mut seen.recycle_bin.snapshots, &place.binned_snapshots, read, |_, _| true);
            recall(&mut seen.launch_templates, &place.launch_templates, read, |_, _| true);
            recall(&mut seen.launch_configurations, &place.launch_configurations, read, |_, _| true);
            seen.deregistered.retain(|id, _| !seen.images.contains_key(id));
        }
        seen
    }
}

/// Adds a version of everything that has changed.
fn keep<I: Ord + Clone, T: Clone + PartialEq>(
    past: &mut BTreeMap<I, Vec<Version<T>>>,
    present: &BTreeMap<I, T>,
    since: Timestamp,
    oldest: Timestamp,
) {
    for (id, what) in present {
        let versions = past.entry(id.clone()).or_default();
        if versions.last().and_then(|version| version.what.as_ref()) != Some(what) {
            versions.push(Version { since, what: Some(what.clone()) });
        }
    }
    past.retain(|id, versions| {
        if !present.contains_key(id) && versions.last().is_some_and(|version| version.what.is_some()) {
            versions.push(Version { since, what: None });
        }
        let first = versions.iter().rposition(|version| version.since <= oldest).unwrap_or(0);
        versions.drain(..first);
        versions.iter().any(|version| version.what.is_some())
    });
}

/// Puts every resource back to an instant of its own. `adjust` sets right what depends on that instant, and says
/// whether the resource could be seen then.
fn recall<I: Ord + Clone + AsRef<str>, T: Clone>(
    present: &mut BTreeMap<I, T>,
    past: &BTreeMap<I, Vec<Version<T>>>,
    read: Read,
    adjust: impl Fn(&mut T, Timestamp) -> bool,
) {
    for (id, versions) in past {
        let then = read.instant(id.as_ref());
        let version = versions.iter().rev().find(|version| version.since <= then);
        let what = version.and_then(|version| version.what.clone());
        match what.and_then(|mut what| adjust(&mut what, then).then_some(what)) {
            Some(what) => present.insert(id.clone(), what),
            None => present.remove(id),
        };
    }
}

#[derive(Debug, Clone, Copy)]
struct Read {
    seed: u64,
    number: u64,
    now: Timestamp,
    bound: SignedDuration,
}

impl Read {
    /// The instant as of which a resource is seen: every other time it is now.
    fn instant(self, id: &str) -> Timestamp {
        let mut rng = Rng::with_seed(hash(&format!("{:x} {:x} {id}", self.seed, self.number)));
        let bound = i64::try_from(self.bound.as_millis()).unwrap_or(i64::MAX).max(0);
        let age = if rng.bool() { SignedDuration::ZERO } else { SignedDuration::from_millis(rng.i64(0..=bound)) };
        later(self.now, -age)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Client, DB, WEB, noon};
    use crate::world::{RetainedType, RetentionRule, World};

    fn stale(seconds: i64) -> Client {
        let mut world = World::example(1, noon());
        world.manners.stale_reads = SignedDuration::from_secs(seconds);
        Client::of(world)
    }

    /// All that a call answers when it is made again and again.
    fn seen(ec2: &Client, action: &str, params: &[(&str, &str)], element: &str) -> BTreeSet<String> {
        (0..40).map(|_| ec2.call(action, params)).map(|answer| answer.texts(element).concat()).collect()
    }

    fn set(texts: &[&str]) -> BTreeSet<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_was_available_is_pending_again() {
        let ec2 = stale(20);
        ec2.wait(300);
        let id = ec2.create_image(WEB, "nightly");
        let image = [("ImageId.1", &id[..])];
        assert_eq!(seen(&ec2, "DescribeImages", &image, "Code"), set(&["", "InvalidAMIID.NotFound"]));
        ec2.wait(21);
        assert_eq!(seen(&ec2, "DescribeImages", &image, "imageState"), set(&["pending"]));
        // Its snapshot of 8 GiB takes 47 s.
        ec2.wait(30);
        assert_eq!(seen(&ec2, "DescribeImages", &image, "imageState"), set(&["available", "pending"]));
        assert_eq!(seen(&ec2, "DescribeSnapshots", &[], "status"), set(&["completed", "pending"]));
        ec2.wait(17);
        assert_eq!(seen(&ec2, "DescribeImages", &image, "imageState"), set(&["available"]));
    }

    #[test]
    fn snapshot_ids_come_and_go() {
        let ec2 = stale(20);
        let id = ec2.create_image(WEB, "nightly");
        let snapshot = ec2.snapshots_of(&id)[0].id.to_string();
        ec2.wait(21);
        assert_eq!(seen(&ec2, "DescribeImages", &[("ImageId.1", &id)], "snapshotId"), set(&["", &snapshot]));
        ec2.wait(4);
        assert_eq!(seen(&ec2, "DescribeImages", &[("ImageId.1", &id)], "snapshotId"), set(&[&snapshot]));
    }

    #[test]
    fn tags_come_and_go() {
        let ec2 = stale(20);
        ec2.ok("CreateTags", &[("ResourceId.1", DB), ("Tag.1.Key", "team"), ("Tag.1.Value", "blue")]);
        for seconds in [10, 8] {
            ec2.wait(seconds);
            let teams = seen(&ec2, "DescribeTags", &[("Filter.1.Name", "key"), ("Filter.1.Value.1", "team")], "value");
            assert_eq!(teams, set(&["", "blue"]));
        }
        ec2.wait(3);
        let teams = seen(&ec2, "DescribeTags", &[("Filter.1.Name", "key"), ("Filter.1.Value.1", "team")], "value");
        assert_eq!(teams, set(&["blue"]));
    }

    #[test]
    fn what_was_deleted_is_still_there() {
        let ec2 = stale(20);
        let id = ec2.available_image(WEB, "nightly");
        ec2.ok("DeregisterImage", &[("ImageId", &id), ("DeleteAssociatedSnapshots", "true")]);
        ec2.wait(10);
        assert_eq!(seen(&ec2, "DescribeImages", &[("ImageId.1", &id)], "imageId"), set(&["", &id]));
        assert_eq!(seen(&ec2, "DescribeSnapshots", &[], "status"), set(&["", "completed"]));
        ec2.wait(11);
        assert_eq!(seen(&ec2, "DescribeImages", &[("ImageId.1", &id)], "imageId"), set(&[""]));
        assert_eq!(seen(&ec2, "DescribeSnapshots", &[], "status"), set(&[""]));
        // What really is there was never touched.
        assert!(ec2.sim.world().region("us-east-1").snapshots.is_empty());
    }

    #[test]
    fn a_lock_comes_and_goes() {
        let ec2 = stale(20);
        let image = ec2.available_image(WEB, "nightly");
        let id = ec2.snapshots_of(&image)[0].id.to_string();
        let locks = |ec2: &Client| seen(ec2, "DescribeLockedSnapshots", &[], "lockState");
        ec2.ok("LockSnapshot", &[("SnapshotId", &id), ("LockMode", "governance"), ("LockDuration", "1")]);
        ec2.wait(10);
        assert_eq!(locks(&ec2), set(&["", "governance"]));
        // It holds all the same.
        assert!(ec2.error("DeleteSnapshot", &[("SnapshotId", &id)]).starts_with("InvalidSnapshot.InUse"));
        ec2.ok("DeregisterImage", &[("ImageId", &image)]);
        assert!(ec2.error("DeleteSnapshot", &[("SnapshotId", &id)]).starts_with("OperationNotPermitted"));
        ec2.wait(11);
        assert_eq!(locks(&ec2), set(&["governance"]));
        ec2.ok("UnlockSnapshot", &[("SnapshotId", &id)]);
        ec2.wait(10);
        assert_eq!(locks(&ec2), set(&["", "governance"]));
        ec2.wait(11);
        assert_eq!(locks(&ec2), set(&[""]));
    }

    #[test]
    fn what_lies_in_the_bin_comes_and_goes() {
        let ec2 = stale(20);
        {
            let mut world = ec2.sim.world();
            let rules = &mut world.region_mut("us-east-1").recycle_bin.rules;
            rules.insert("imagesRule1".to_owned(), RetentionRule::new(RetainedType::Ec2Image, 1));
            rules.insert("snapsRule01".to_owned(), RetentionRule::new(RetainedType::EbsSnapshot, 2));
        }
        let id = ec2.available_image(WEB, "nightly");
        let snapshot = ec2.snapshots_of(&id)[0].id.to_string();
        let images = |ec2: &Client| seen(ec2, "ListImagesInRecycleBin", &[], "imageId");
        let snapshots = |ec2: &Client| seen(ec2, "ListSnapshotsInRecycleBin", &[], "snapshotId");
        ec2.wait(21);
        ec2.ok("DeregisterImage", &[("ImageId", &id), ("DeleteAssociatedSnapshots", "true")]);
        ec2.wait(10);
        assert_eq!((images(&ec2), snapshots(&ec2)), (set(&["", &id]), set(&["", &snapshot])));
        ec2.wait(11);
        assert_eq!((images(&ec2), snapshots(&ec2)), (set(&[&id]), set(&[&snapshot])));
        ec2.ok("RestoreSnapshotFromRecycleBin", &[("SnapshotId", &snapshot)]);
        ec2.wait(10);
        assert_eq!(snapshots(&ec2), set(&["", &snapshot]));
        // Its day is over at an instant at which nobody calls.
        ec2.wait(24 * 3600);
        assert_eq!((images(&ec2), snapshots(&ec2)), (set(&[""]), set(&[""])));
    }

    #[test]
    fn what_names_images_comes_and_goes() {
        let ec2 = stale(20);
        let auto_scaling = ec2.of_service("autoscaling");
        ec2.wait(300);
        ec2.ok("CreateLaunchTemplate", &[("LaunchTemplateName", "web"), ("LaunchTemplateData.ImageId", "ami-00000000")]);
        let configuration = [("LaunchConfigurationName", "web"), ("ImageId", "ami-12345678"), ("InstanceType", "t3.micro")];
        auto_scaling.ok("CreateLaunchConfiguration", &configuration);
        let templates = |ec2: &Client| seen(ec2, "DescribeLaunchTemplates", &[], "launchTemplateName");
        let configurations = || seen(&auto_scaling, "DescribeLaunchConfigurations", &[], "LaunchConfigurationName");
        ec2.wait(10);
        assert_eq!((templates(&ec2), configurations()), (set(&["", "web"]), set(&["", "web"])));
        ec2.wait(11);
        assert_eq!((templates(&ec2), configurations()), (set(&["web"]), set(&["web"])));
        ec2.ok("DeleteLaunchTemplate", &[("LaunchTemplateName", "web")]);
        auto_scaling.ok("DeleteLaunchConfiguration", &[configuration[0]]);
        ec2.wait(10);
        assert_eq!((templates(&ec2), configurations()), (set(&["", "web"]), set(&["", "web"])));
        ec2.wait(11);
        assert_eq!((templates(&ec2), configurations()), (set(&[""]), set(&[""])));
    }

    #[test]
    fn a_history_that_knew_no_bin_can_still_be_read() {
        let ec2 = stale(20);
        ec2.available_image(WEB, "nightly");
        let history = ec2.sim.snapshot().history;
        let mut value = serde_json::to_value(&history).unwrap();
        for place in value.pointer_mut("/places/123456789012").unwrap().as_object_mut().unwrap().values_mut() {
            place.as_object_mut().unwrap().retain(|key, _| ["instances", "images", "snapshots"].contains(&&key[..]));
        }
        assert_eq!(serde_json::from_value::<History>(value).unwrap(), history);
    }

    #[test]
    fn whoever_changes_something_changes_what_is_there() {
        let ec2 = stale(3600);
        let id = ec2.create_image(WEB, "nightly");
        assert!(ec2.error("CreateImage", &[("InstanceId", DB), ("Name", "nightly")]).starts_with("InvalidAMIName.Duplicate"));
        ec2.ok("CreateTags", &[("ResourceId.1", &id), ("Tag.1.Key", "team"), ("Tag.1.Value", "blue")]);
        ec2.ok("DeregisterImage", &[("ImageId", &id)]);
    }

    #[test]
    fn nothing_is_kept_unasked() {
        let ec2 = stale(20);
        ec2.available_image(WEB, "nightly");
        assert!(!ec2.sim.world().history.is_empty());
        ec2.sim.world().manners.stale_reads = SignedDuration::ZERO;
        ec2.ok("DescribeImages", &[]);
        assert!(ec2.sim.world().history.is_empty());
    }

    #[test]
    fn no_more_is_kept_than_can_be_seen() {
        let ec2 = stale(20);
        for number in 0..50 {
            let value = number.to_string();
            ec2.ok("CreateTags", &[("ResourceId.1", DB), ("Tag.1.Key", "n"), ("Tag.1.Value", &value)]);
            ec2.wait(5);
        }
        let world = ec2.sim.snapshot();
        let kept = &world.history.places[&AccountId::default()]["us-east-1"].instances[DB];
        assert!(kept.len() <= 6, "{}", kept.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn no_read_is_older_than_the_bound(steps in prop::collection::vec(1_i64..40, 1..12), bound in 1_i64..30) {
            let ec2 = stale(bound);
            let mut changes = vec![(noon(), String::new())];
            for (step, number) in steps.into_iter().zip(1..) {
                ec2.wait(step);
                let value = format!("v{number}");
                ec2.ok("CreateTags", &[("ResourceId.1", WEB), ("Tag.1.Key", "n"), ("Tag.1.Value", &value)]);
                let now = ec2.sim.now();
                changes.push((now, value));
                let params = [("Filter.1.Name", "key"), ("Filter.1.Value.1", "n")];
                let read = ec2.ok("DescribeTags", &params).texts("value").concat();
                let oldest = now - SignedDuration::from_secs(bound);
                // The versions that were the newest at some instant from then on.
                let first = changes.iter().rposition(|(since, _)| *since <= oldest).unwrap_or(0);
                prop_assert!(changes[first..].iter().any(|(_, value)| *value == read), "{read} of {changes:?}");
            }
        }
    }
}
