//! What holds of every purge, whatever is on EC2: checked on random worlds full of look-alikes.

mod mutations;
mod oracle;
mod series;
mod worlds;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::*;
use crate::evidence::{Answer, Check, Reference, ReferenceKind};
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
            Action::CreateImage(_) | Action::CopyImage(_) | Action::Retag(_) | Action::Mend(_) => panic!("a purge makes nothing"),
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
            Action::CreateImage(_) | Action::CopyImage(_) | Action::Retag(_) | Action::Mend(_) => panic!("a purge makes nothing"),
        }
    }
    deleted
}

fn images_removed(plan: &Plan) -> BTreeSet<Place> {
    let removed = plan.steps.iter().filter_map(|step| match &step.action {
        Action::RemoveImage(remove) => Some((step.region.clone(), remove.image.to_string())),
        _ => None,
    });
    removed.collect()
}

fn places<T: ToString>(found: &BTreeMap<Region, BTreeSet<T>>) -> BTreeSet<Place> {
    found.iter().flat_map(|(region, ids)| ids.iter().map(|id| (region.clone(), id.to_string()))).collect()
}

fn candidates_in(world: &World, region: &Region) -> BTreeSet<ImageId> {
    candidates(&world.inventory, &world.policy, now()).images.remove(region).unwrap_or_default()
}

/// Whether everything that a plan deletes is a candidate.
fn candidates_cover(candidates: &Candidates, plan: &Plan) -> bool {
    let all: BTreeSet<Place> = &places(&candidates.images) | &places(&candidates.snapshots);
    deleted(plan).is_subset(&all)
}

/// Forgets all that nobody would have asked about.
fn ask_only(evidence: &mut Evidence, region: &Region, candidates: &Candidates) {
    let Candidates { images, snapshots, orphans_of } = candidates;
    if let Answer::Told(told) = &mut evidence.references {
        told.retain(|image, _| images.get(region).is_some_and(|images| images.contains(image)));
    }
    if let Answer::Told(told) = &mut evidence.locks {
        told.retain(|snapshot, _| snapshots.get(region).is_some_and(|snapshots| snapshots.contains(snapshot)));
    }
    if let Answer::Told(told) = &mut evidence.binned {
        told.retain(|image| [images, orphans_of].iter().any(|asked| asked.get(region).is_some_and(|images| images.contains(image))));
    }
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
    fn evidence_only_ever_keeps_more(world in world()) {
        let asked_for_nothing = PurgePolicy { require_checks: false, ..world.policy.clone() };
        let mut unasked = World { policy: asked_for_nothing, ..world.clone() };
        unasked.inventory.regions.values_mut().for_each(|view| view.evidence = Evidence::default());
        prop_assert!(deleted(&plan(&world)).is_subset(&deleted(&plan(&unasked))));
    }

    #[test]
    fn to_require_checks_or_to_keep_what_was_launched_never_deletes_more(world in world()) {
        let with = |require_checks, keep_launched| {
            let policy = PurgePolicy { require_checks, keep_launched, ..world.policy.clone() };
            deleted(&plan(&World { policy, ..world.clone() }))
        };
        prop_assert!(with(true, false).is_subset(&with(false, false)));
        prop_assert!(with(false, true).is_subset(&with(false, false)));
        prop_assert!(with(true, true).is_subset(&with(true, false)));
    }

    #[test]
    fn the_candidates_are_what_goes_if_nothing_speaks_against_it(world in world()) {
        let candidates = candidates(&world.inventory, &world.policy, now());
        prop_assert!(candidates_cover(&candidates, &plan(&world)), "{candidates:?}");
        let mut favourable = world.clone();
        for (region, view) in &mut favourable.inventory.regions {
            let asked = candidates.images.get(region).into_iter().flatten();
            view.evidence = Evidence {
                references: Answer::Told(asked.map(|image| (image.clone(), Vec::new())).collect()),
                launch_configurations: Answer::Told(BTreeMap::new()),
                locks: Answer::Told(BTreeMap::new()),
                binned: Answer::Told(BTreeSet::new()),
            };
        }
        let all = plan(&favourable);
        prop_assert!(candidates_cover(&candidates, &all));
        prop_assert_eq!(images_removed(&all), places(&candidates.images));
        prop_assert_eq!(unmade_checks(&all, &favourable.inventory, world.policy.require_checks), []);
    }

    #[test]
    fn only_what_was_asked_of_ec2_about_the_candidates_matters(world in world()) {
        let candidates = candidates(&world.inventory, &world.policy, now());
        let mut asked = world.clone();
        for (region, view) in &mut asked.inventory.regions {
            ask_only(&mut view.evidence, region, &candidates);
        }
        prop_assert_eq!(plan(&asked).steps, plan(&world).steps);
    }

    #[test]
    fn what_is_not_checked_is_told(world in world()) {
        let plan = plan(&world);
        let unmade = unmade_checks(&plan, &world.inventory, world.policy.require_checks);
        let keys: BTreeSet<_> = unmade.iter().map(|unmade| (&unmade.region, unmade.check)).collect();
        prop_assert_eq!(keys.len(), unmade.len(), "each once");
        for Verdict { region, decision, .. } in &plan.verdicts {
            let left = match decision {
                Decision::Keep { reason } => vec![reason],
                Decision::Purge { left, .. } => left.iter().map(|left| &left.reason).collect(),
            };
            for reason in left {
                if let KeepReason::NotChecked { check, .. } = reason {
                    let told = unmade.iter().find(|unmade| (&unmade.region, unmade.check) == (region, *check));
                    prop_assert!(told.is_some_and(|unmade| unmade.keeps));
                }
            }
        }
        for (region, check) in keys {
            let Evidence { references, launch_configurations, locks, binned } = &world.inventory.regions[region].evidence;
            match check {
                Check::References => {}
                Check::LaunchConfigurations => prop_assert!(launch_configurations.told().is_none()),
                Check::Locks => prop_assert!(locks.told().is_none()),
                Check::RecycleBin => prop_assert!(binned.told().is_none()),
            }
            let asked = references.told().is_some_and(|told| candidates_in(&world, region).iter().all(|image| told.contains_key(image)));
            prop_assert!(check != Check::References || !asked);
        }
    }

    #[test]
    fn one_purge_leaves_nothing_for_the_next(world in world()) {
        let first = plan(&world);
        // What covers a snapshot that another image is made of, too, goes a run after that one.
        let waits = |verdict: &Verdict| matches!(verdict.decision, Decision::Keep { reason: KeepReason::CoversShared { .. } });
        prop_assume!(!first.verdicts.iter().any(waits));
        // And so does what shares a snapshot with an image that went, and has others that nothing else covers.
        let would_strand: BTreeSet<Place> = first
            .verdicts
            .iter()
            .filter(|verdict| matches!(verdict.decision, Decision::Keep { reason: KeepReason::WouldStrand { .. } }))
            .filter_map(|verdict| match &verdict.subject {
                Subject::Backup(backup) => Some((verdict.region.clone(), backup.image.to_string())),
                Subject::Orphan { .. } => None,
            })
            .collect();
        let next = plan(&World { inventory: applied(world.inventory, &first), ..world });
        let is_late = |step: &Step| match &step.action {
            Action::RemoveImage(remove) => would_strand.contains(&(step.region.clone(), remove.image.to_string())),
            _ => false,
        };
        prop_assert!(next.steps.iter().all(is_late), "first {:?}, then {:?}", deletions(&first), deletions(&next));
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
            "Referenced",
            "Locked",
            "InRecycleBin",
            "NotChecked",
            "ListedUnlike",
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
