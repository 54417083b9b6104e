//! What a region holds of one kind, where that may be a hundred thousand: a map by id that knows which of it may change by
//! itself, and where to find some of it.
//!
//! Both are worked out from what is there, and are no part of the state. Whoever looks gets the map;
//! whoever changes something goes through here, by [`insert`](Held::insert), [`remove`](Held::remove) and
//! [`get_mut`](Held::get_mut), of which it is known what they change, or by any other way into the map, after which nothing is.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

use super::index::Index;

/// To find some by an index is slower than to come upon them: worth it for one in so many at most.
const FEW: usize = 8;

/// Resources of one kind, by id.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent, bound(deserialize = "I: Ord + Deserialize<'de>, T: Deserialize<'de>"))]
pub struct Held<I, T> {
    items: BTreeMap<I, T>,
    /// What may change by itself, or was changed since it last settled; `None` where that may be anything.
    #[serde(skip)]
    restless: Option<BTreeSet<I>>,
    #[serde(skip)]
    index: Index<I>,
}

impl<I, T> Held<I, T> {
    pub(super) const fn new() -> Self {
        Self { items: BTreeMap::new(), restless: None, index: Index::new() }
    }
}

impl<I: Ord + Clone, T> Held<I, T> {
    /// Puts a resource there, in place of the one that had the id.
    pub fn insert(&mut self, id: I, item: T) -> Option<T> {
        self.index.forget();
        if let Some(restless) = &mut self.restless {
            restless.insert(id.clone());
        }
        self.items.insert(id, item)
    }

    /// Takes a resource away.
    pub fn remove<Q: Ord + ?Sized>(&mut self, id: &Q) -> Option<T>
    where
        I: Borrow<Q>,
    {
        self.index.forget_places();
        if let Some(restless) = &mut self.restless {
            restless.remove(id);
        }
        self.items.remove(id)
    }

    /// A resource, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, id: &Q) -> Option<&mut T>
    where
        I: Borrow<Q>,
    {
        self.index.forget_values();
        if let Some(restless) = &mut self.restless
            && let Some((id, _)) = self.items.get_key_value(id)
        {
            restless.insert(id.clone());
        }
        self.items.get_mut(id)
    }

    /// Settles everything that may not be settled, in the order of the ids; what is still restless then is looked at the next
    /// time, too. To settle anything else must change nothing.
    pub(super) fn settle(&mut self, settle: impl Fn(&mut T), is_restless: impl Fn(&T) -> bool) {
        let Some(restless) = &mut self.restless else {
            self.items.values_mut().for_each(settle);
            self.restless = Some(self.items.iter().filter(|(_, item)| is_restless(item)).map(|(id, _)| id.clone()).collect());
            return;
        };
        restless.retain(|id| match self.items.get_mut(id) {
            None => false,
            Some(item) => {
                settle(item);
                is_restless(item)
            }
        });
    }

    /// Takes away those that are so, in the order of the ids. Only what is restless is asked.
    pub(super) fn extract(&mut self, is_so: impl Fn(&T) -> bool) -> Vec<T> {
        let found: Vec<I> = match &self.restless {
            None => self.items.iter().filter(|(_, item)| is_so(item)).map(|(id, _)| id.clone()).collect(),
            Some(restless) => restless.iter().filter(|id| self.items.get(*id).is_some_and(&is_so)).cloned().collect(),
        };
        found.iter().filter_map(|id| self.remove(id)).collect()
    }
}

impl<I: Ord + Clone + AsRef<str>, T> Held<I, T> {
    /// What is listed beyond a place, in the order of the places, and how much that is.
    pub(crate) fn beyond(&self, place: Option<u64>, seed: u64) -> (usize, impl Iterator<Item = &T>) {
        let places = self.index.places(seed, self.items.keys());
        let first = place.map_or(0, |place| places.partition_point(|(it, _)| *it <= place));
        (places.len() - first, (first..places.len()).filter_map(move |at| self.items.get(&places.get(at)?.1)))
    }

    /// All that have one of these values, and perhaps some that had, unless they are so many that looking at everything is
    /// as well. `name`: what the values of an item go by. While an item settles it must not get any that it had not.
    pub(crate) fn having(&self, values: &BTreeSet<&str>, name: &str, of: impl Fn(&T) -> Vec<String>) -> Option<Vec<&T>> {
        let index = self.index.values(name, self.items.iter(), of);
        let ids = || values.iter().filter_map(|value| index.get(*value)).flatten();
        let few = ids().count() <= self.items.len() / FEW;
        few.then(|| ids().collect::<BTreeSet<_>>().into_iter().filter_map(|id| self.items.get(id)).collect())
    }
}

impl<I, T> Deref for Held<I, T> {
    type Target = BTreeMap<I, T>;

    fn deref(&self) -> &Self::Target {
        &self.items
    }
}

/// Whatever is changed this way, it may be anything.
impl<I, T> DerefMut for Held<I, T> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.restless = None;
        self.index.forget();
        &mut self.items
    }
}

impl<I, T> Default for Held<I, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I: PartialEq, T: PartialEq> PartialEq for Held<I, T> {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items
    }
}

impl<I: fmt::Debug, T: fmt::Debug> fmt::Debug for Held<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.fmt(f)
    }
}

impl<'h, I, T> IntoIterator for &'h Held<I, T> {
    type Item = (&'h I, &'h T);
    type IntoIter = btree_map::Iter<'h, I, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Client, DB, WEB, noon};
    use crate::world::{Region, RetainedType, RetentionRule, World};

    /// Where everything happens.
    const HERE: &str = "us-east-1";

    fn with_a_bin() -> World {
        let mut world = World::example(1, noon());
        let rules = &mut world.region_mut(HERE).recycle_bin.rules;
        rules.insert("snapsRule01".to_owned(), RetentionRule::new(RetainedType::EbsSnapshot, 1));
        world
    }

    /// Nothing is known of what is held any more, and so everything is looked at.
    fn forget(world: &mut World) {
        for region in world.accounts.values_mut().flat_map(|account| account.regions.values_mut()) {
            let _: (&mut BTreeMap<_, _>, &mut BTreeMap<_, _>) = (&mut region.images, &mut region.snapshots);
        }
    }

    /// The id of some resource, or of one that there never was.
    fn some<I: ToString, T>(of: impl Fn(&Region) -> &BTreeMap<I, T>, which: usize, missing: &str, ec2: &Client) -> String {
        let world = ec2.sim.world();
        let held = of(world.region(HERE));
        held.keys().nth(which % held.len().max(1)).map_or_else(|| missing.to_owned(), ToString::to_string)
    }

    /// Does one of all that changes images and snapshots, or lists them, and gives the answer.
    fn act(what: usize, which: usize, number: usize, ec2: &Client) -> String {
        let image = || some(|region| &region.images, which, "ami-00000000", ec2);
        let snapshot = || some(|region| &region.snapshots, which, "snap-00000000", ec2);
        let bin = || some(|region| &region.recycle_bin.snapshots, which, "snap-00000000", ec2);
        let (name, value) = (format!("image {number}"), (number % 3).to_string());
        let tag = [("Tag.1.Key", "n"), ("Tag.1.Value", &value[..])];
        let answer = match what {
            0 => ec2.call("CreateImage", &[("InstanceId", [WEB, DB][which % 2]), ("Name", &name)]),
            1 => ec2.call("CopyImage", &[("SourceImageId", &image()), ("SourceRegion", HERE), ("Name", &name)]),
            2 => ec2.call("DeregisterImage", &[("ImageId", &image()), ("DeleteAssociatedSnapshots", "true")]),
            3 => ec2.call("DeregisterImage", &[("ImageId", &image())]),
            4 => ec2.call("DeleteSnapshot", &[("SnapshotId", &snapshot())]),
            5 => ec2.call("CreateTags", &[&[("ResourceId.1", &image()[..])], &tag[..]].concat()),
            6 => ec2.call("CreateTags", &[&[("ResourceId.1", &snapshot()[..])], &tag[..]].concat()),
            7 => ec2.call("RestoreSnapshotFromRecycleBin", &[("SnapshotId", &bin())]),
            8 => ec2.call("ModifySnapshotTier", &[("SnapshotId", &snapshot()), ("StorageTier", "archive")]),
            9 => ec2.call("RestoreSnapshotTier", &[("SnapshotId", &snapshot()), ("TemporaryRestoreDays", "1")]),
            10 => ec2.call("RunInstances", &[("ImageId", &image()), ("MinCount", "1"), ("MaxCount", "1")]),
            11 => ec2.call("TerminateInstances", &[("InstanceId.1", [WEB, DB][which % 2])]),
            12 => ec2.call("EnableImageDeregistrationProtection", &[("ImageId", &image()), ("WithCooldown", "true")]),
            13 => ec2.call("DisableImageDeregistrationProtection", &[("ImageId", &image())]),
            14 => ec2.call("DescribeImages", &[("Owner.1", "self"), ("Filter.1.Name", "tag:n"), ("Filter.1.Value.1", &value)]),
            15 => ec2.call("DescribeImages", &[("Owner.1", "self"), ("Filter.1.Name", "name"), ("Filter.1.Value.1", &name)]),
            16 => ec2.call("DescribeImages", &[("Owner.1", "self"), ("MaxResults", "2")]),
            17 => ec2.call("DescribeSnapshots", &[("Owner.1", "self"), ("MaxResults", "5")]),
            18 => ec2.call("DescribeSnapshots", &[("Filter.1.Name", "tag:n"), ("Filter.1.Value.1", &value)]),
            _ => ec2.call("DescribeImages", &[("ImageId.1", &image())]),
        };
        answer.body
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn whoever_looks_at_all_there_is_sees_the_same(
            nameless in any::<bool>(),
            steps in prop::collection::vec((0_usize..20, any::<usize>(), prop_oneof![Just(0_i64), 0_i64..60, 0_i64..200_000]), 1..40),
        ) {
            // The same instants for both.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            let _paused = runtime.enter();
            let mut world = with_a_bin();
            world.manners.failed_copies_nameless = nameless;
            world.fail_next.snapshot.push("boom".to_owned());
            let (knowing, forgetful) = (Client::of(world.clone()), Client::of(world));
            for (number, (what, which, wait)) in steps.into_iter().enumerate() {
                forget(&mut forgetful.sim.world());
                let answers = [&knowing, &forgetful].map(|ec2| {
                    ec2.wait(wait);
                    act(what, which, number, ec2)
                });
                prop_assert_eq!(&answers[0], &answers[1]);
                prop_assert!(*knowing.sim.world() == *forgetful.sim.world(), "after the step {number}");
            }
        }
    }

    #[test]
    fn nothing_is_restless_for_ever() {
        let ec2 = Client::of(with_a_bin());
        let restless = |ec2: &Client| {
            let world = ec2.sim.world();
            let region = world.region(HERE);
            (region.images.restless.as_ref().map(BTreeSet::len), region.snapshots.restless.as_ref().map(BTreeSet::len))
        };
        let image = ec2.create_image(DB, "nightly");
        assert_eq!(restless(&ec2), (Some(1), Some(3)));
        ec2.wait(3600);
        assert_eq!(restless(&ec2), (Some(0), Some(0)));
        ec2.ok("CreateTags", &[("ResourceId.1", &image), ("Tag.1.Key", "team"), ("Tag.1.Value", "blue")]);
        assert_eq!(restless(&ec2), (Some(0), Some(0)));
        forget(&mut ec2.sim.world());
        assert_eq!(restless(&ec2), (Some(0), Some(0)));
    }

    #[test]
    fn a_world_with_another_seed_has_another_order() {
        let ec2 = Client::of_example();
        for name in ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"] {
            ec2.create_image(WEB, name);
            ec2.wait(60);
        }
        let listed = || {
            let answer = ec2.ok("DescribeImages", &[("Owner.1", "self"), ("MaxResults", "5")]);
            answer.texts("imageId")
        };
        let before = listed();
        ec2.sim.world().ids.seed += 1;
        assert_ne!(listed(), before);
        ec2.sim.world().ids.seed -= 1;
        assert_eq!(listed(), before);
    }
}
