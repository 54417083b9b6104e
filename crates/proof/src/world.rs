//! Random accounts: what lies there before the product comes.
//!
//! An [`Account`] is plain data, so that a failing one can be made smaller thing by thing. A thing keeps its number, and with it
//! its ids, whatever else is left out.

pub mod manner;
pub mod thing;

use std::collections::BTreeMap;

use ec2_sim::World;
use ec2_sim::world::OptInStatus;
use fastrand::Rng;

pub use self::manner::Manner;
pub use self::thing::{Laid, Thing};
use crate::expiry::{Meanings, any_text};
use crate::known::{DB, HOME, MAIL, REGIONS, WEB, noon};

/// An account, and the EC2 it is on.
#[derive(Debug, Clone)]
pub struct Account {
    /// Where new ids and the SDK's jitter come from.
    pub seed: u64,
    /// How many of [`REGIONS`] are enabled.
    pub regions: usize,
    /// Which instances have an odd name, and which.
    pub names: BTreeMap<&'static str, String>,
    /// What lies there.
    pub things: Vec<Thing>,
    /// How EC2 behaves.
    pub manners: Vec<Manner>,
}

/// Names that instances have, beside sensible ones.
const NAMES: [&str; 8] = [
    "db, \"prod\"",
    "bücher",
    "\u{1f389}",
    "a\u{1b}[31mb",
    "../../etc",
    "Expire",
    "x ' OR 1=1 --",
    "a very long name that goes on and on and on and on and on",
];

impl Account {
    /// An account without anything but the instances, on an EC2 of the best manners.
    pub fn empty(seed: u64, regions: usize) -> Self {
        Self { seed, regions: regions.clamp(2, REGIONS.len() - 1), names: BTreeMap::new(), things: Vec::new(), manners: Vec::new() }
    }

    /// Any account.
    pub fn random(seed: u64, rng: &mut Rng, things: std::ops::RangeInclusive<usize>) -> Self {
        let mut account = Self::empty(seed, rng.usize(2..=4));
        for instance in [WEB, DB, MAIL] {
            if rng.u8(..4) == 0 {
                let place = rng.usize(..NAMES.len() + 4);
                let name = NAMES.get(place).map_or_else(|| any_text(rng), |name| (*name).to_owned());
                account.names.insert(instance, name);
            }
        }
        for _ in 0..rng.usize(things) {
            let thing = Thing::random(&account, rng);
            account.things.push(thing);
            if rng.u8(..8) == 0 {
                let pair = Thing::pair(&account, rng);
                account.things.extend(pair);
            }
        }
        account.manners = Manner::some(rng);
        account
    }

    /// The regions that are enabled.
    pub fn regions(&self) -> &'static [&'static str] {
        &REGIONS[..self.regions]
    }

    /// The world, and what the texts in it mean.
    pub fn build(&self) -> (World, Meanings) {
        let mut world = World::example(self.seed, noon());
        let enabled = self.regions();
        world.regions.retain(|name, _| REGIONS.contains(&name.as_str()));
        for (name, facts) in &mut world.regions {
            facts.opt_in_status = if enabled.contains(&name.as_str()) { OptInStatus::OptInNotRequired } else { OptInStatus::NotOptedIn };
        }
        for (instance, name) in &self.names {
            let home = if *instance == MAIL { REGIONS[1] } else { HOME };
            if let Some(instance) = world.region_mut(home).instances.get_mut(*instance) {
                instance.tags.insert("Name".to_owned(), name.clone());
            }
        }
        let mut meanings = Meanings::default();
        let mut laid: BTreeMap<u32, Laid> = BTreeMap::new();
        for thing in &self.things {
            thing.expiries().for_each(|written| meanings.learn(written));
            let one = thing.lay(&mut world, &laid);
            laid.insert(thing.number, one);
        }
        // An image goes only after everything that is made of it was laid.
        for thing in self.things.iter().filter(|thing| thing.image_is_gone) {
            thing.forget_image(&mut world);
        }
        for manner in &self.manners {
            manner.apply(&mut world);
        }
        (world, meanings)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::known::is_marked;

    #[test]
    fn the_same_seed_gives_the_same_world() {
        let world = |seed| Account::random(seed, &mut Rng::with_seed(seed), 1..=8).build();
        for seed in 0..50 {
            assert_eq!(world(seed), world(seed));
        }
    }

    #[test]
    fn there_is_everything_in_some_world() {
        let (mut marked, mut orphans, mut shared, mut copies, mut strangers, mut unlike) = (0, 0, 0, 0, 0, 0);
        for seed in 0..300 {
            let (world, _) = Account::random(seed, &mut Rng::with_seed(seed), 1..=8).build();
            for (owner, account) in &world.accounts {
                for held in account.regions.values() {
                    let users = |id| held.images.values().filter(|image| image.uses(id)).count();
                    marked += held.images.values().filter(|image| is_marked(&image.tags)).count();
                    orphans += held.snapshots.keys().filter(|id| users(id) == 0).count();
                    shared += held.snapshots.keys().filter(|id| users(id) > 1).count();
                    copies += held.images.values().filter(|image| matches!(image.origin, ec2_sim::world::Origin::Copy { .. })).count();
                    let tags = |image: &ec2_sim::world::Image| {
                        image.snapshots().filter_map(|id| held.snapshots.get(id)).map(|one| one.tags.clone()).collect::<BTreeSet<_>>()
                    };
                    unlike += held.images.values().filter(|image| tags(image).len() > 1).count();
                    strangers += held.images.values().filter(|_| *owner != crate::known::our_account()).count();
                }
            }
        }
        assert!(
            [marked, orphans, shared, copies, strangers, unlike].iter().all(|count| *count > 20),
            "{marked} {orphans} {shared} {copies} {strangers} {unlike}"
        );
    }
}
