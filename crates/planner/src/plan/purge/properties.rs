//! What holds of every purge, whatever is on EC2: checked on random worlds full of look-alikes.

mod oracle;
mod worlds;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::*;
use crate::fixture::{deletions, now};
use crate::guard::{Permit, Refusal, guard};
use crate::policy::MaxDeletes;
use worlds::{Place, World, shuffled, world};

fn plan(World { inventory, policy }: &World) -> Plan {
    decide(inventory, policy, now())
}

/// The world once the plan has been applied.
fn applied(mut inventory: Inventory, plan: &Plan) -> Inventory {
    for Step { region, action } in &plan.steps {
        let view = inventory.regions.get_mut(region).unwrap();
        let deleted = match action {
            Action::RemoveImage(remove) => {
                view.images.retain(|image| image.id != remove.image);
                remove.snapshots.as_slice()
            }
            Action::DeleteSnapshot(snapshot) => std::slice::from_ref(snapshot),
            Action::CreateImage(_) | Action::CopyImage(_) => panic!("a purge makes nothing"),
        };
        view.snapshots.retain(|snapshot| !deleted.contains(&snapshot.id));
    }
    inventory
}

/// All that a plan deletes, with its region.
fn deleted(plan: &Plan) -> BTreeSet<Place> {
    let mut deleted = BTreeSet::new();
    for Step { region, action } in &plan.steps {
        match action {
            Action::RemoveImage(remove) => {
                deleted.insert((region.clone(), remove.image.to_string()));
                deleted.extend(remove.snapshots.iter().map(|snapshot| (region.clone(), snapshot.to_string())));
            }
            Action::DeleteSnapshot(snapshot) => {
                deleted.insert((region.clone(), snapshot.to_string()));
            }
            Action::CreateImage(_) | Action::CopyImage(_) => panic!("a purge makes nothing"),
        }
    }
    deleted
}

/// Half of the time would go into random numbers that are good enough for secrets.
fn config() -> ProptestConfig {
    ProptestConfig { cases: 512, failure_persistence: None, rng_algorithm: RngAlgorithm::XorShift, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_guard_lets_every_plan_pass(world in world()) {
        let checked = guard(plan(&world), &world.inventory, Permit::Purge(&world.policy), now());
        prop_assert!(checked.is_ok(), "{}", checked.unwrap_err());
    }

    #[test]
    fn the_guard_counts_what_the_verdicts_tell_of(world in world()) {
        let plan = plan(&world);
        let (deletions, seen) = (plan.steps.len(), plan.verdicts.len());
        let cap = MaxDeletes::Count(0);
        let policy = PurgePolicy { max_deletes: Some(cap), ..world.policy };
        match guard(plan, &world.inventory, Permit::Purge(&policy), now()) {
            Ok(_) => prop_assert_eq!(deletions, 0),
            Err(refusal) => prop_assert_eq!(refusal, Refusal::TooMany { deletions, seen, cap }),
        }
    }

    #[test]
    fn nothing_goes_that_the_oracle_would_not_let_go(world in world()) {
        let plan = plan(&world);
        if let Err(why) = oracle::approves(&world, &plan) {
            prop_assert!(false, "{why}\n{:?}", deletions(&plan));
        }
    }

    #[test]
    fn everything_of_ours_gets_exactly_one_verdict_and_nothing_else_gets_any(world in world()) {
        let mut told: BTreeMap<Place, usize> = BTreeMap::new();
        for Verdict { region, subject, .. } in plan(&world).verdicts {
            let subject = match subject {
                Subject::Backup(label) => label.image.to_string(),
                Subject::Orphan { snapshot, .. } => snapshot.to_string(),
            };
            *told.entry((region, subject)).or_default() += 1;
        }
        let expected: BTreeMap<Place, usize> = oracle::ours(&world).into_iter().map(|ours| (ours, 1)).collect();
        prop_assert_eq!(told, expected);
    }

    #[test]
    fn to_keep_more_never_deletes_more(world in world(), more in 1_u32..4) {
        let keep_last = world.policy.keep_last + more;
        let keeping = World { policy: PurgePolicy { keep_last, ..world.policy.clone() }, ..world.clone() };
        prop_assert!(deleted(&plan(&keeping)).is_subset(&deleted(&plan(&world))));
    }

    #[test]
    fn one_purge_leaves_nothing_for_the_next(world in world()) {
        let first = plan(&world);
        let next = plan(&World { inventory: applied(world.inventory, &first), ..world });
        prop_assert!(next.steps.is_empty(), "first {:?}, then {:?}", deletions(&first), deletions(&next));
    }

    #[test]
    fn the_order_of_a_listing_does_not_matter((world, other) in world().prop_flat_map(|world| (Just(world.clone()), shuffled(world)))) {
        prop_assert_eq!(plan(&world), plan(&other));
    }
}

#[test]
fn the_random_worlds_are_worth_looking_at() {
    let mut runner = TestRunner::new_with_rng(config(), TestRng::deterministic_rng(RngAlgorithm::XorShift));
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for _ in 0..500 {
        let world = world().new_tree(&mut runner).unwrap().current();
        let plan = plan(&world);
        let mut see = |what, holds: bool| *seen.entry(what).or_default() += u32::from(holds);
        let removed = || {
            plan.steps.iter().filter_map(|step| match &step.action {
                Action::RemoveImage(remove) => Some(remove),
                _ => None,
            })
        };
        let reasons: Vec<String> = plan
            .verdicts
            .iter()
            .flat_map(|verdict| match &verdict.decision {
                Decision::Keep { reason } => vec![reason.clone()],
                Decision::Purge { left, .. } => left.iter().map(|left| left.reason.clone()).collect(),
            })
            .map(|reason| format!("{reason:?}").chars().take_while(|c| c.is_alphanumeric()).collect())
            .collect();
        see("an image goes", removed().count() > 0);
        see("with a snapshot", removed().any(|remove| !remove.snapshots.is_empty()));
        see("with all it has", removed().any(|remove| remove.all_snapshots && !remove.snapshots.is_empty()));
        see("an orphan goes", plan.steps.len() > removed().count());
        for reason in [
            "NoExpiry",
            "UnreadableExpiry",
            "NotExpired",
            "Pending",
            "Protected",
            "AmongNewest",
            "CannotBeCounted",
            "CopyInFlight",
            "DestinationUnseen",
            "WouldStrand",
            "StillUsed",
            "Anothers",
            "NotOurs",
            "NotSeen",
        ] {
            see(reason, reasons.iter().any(|told| told == reason));
        }
    }
    let rare: Vec<_> = seen.iter().filter(|(_, worlds)| **worlds < 5).collect();
    assert!(rare.is_empty(), "of 500 worlds, too few show {rare:?}");
}
