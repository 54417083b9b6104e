//! A fixed set of lives behind each door, and those that ever found something. `soak` tries many more.

use std::collections::BTreeSet;

use planner::policy::PurgePolicy;
use proof::command::{Command, What};
use proof::doors::Door;
use proof::story::{Act, Case, Step, live};
use proof::trouble::Trouble;
use proof::world::{Account, Manner, Thing};

/// Fails with the story of every life that goes wrong.
#[track_caller]
fn open(door: Door, seeds: std::ops::Range<u64>) {
    let mut wrong = Vec::new();
    for seed in seeds {
        door.open(seed, |_, lived| {
            if !lived.violations.is_empty() {
                wrong.push(format!("seed {seed} ({door}):\n{lived}"));
            }
        });
    }
    assert!(wrong.is_empty(), "soak --door {door} --replay SEED tells more:\n{}", wrong.join("\n"));
}

#[test]
fn instances_are_backed_up() {
    open(Door::Image, 0..150);
}

#[test]
fn what_is_unfinished_is_finished() {
    open(Door::Resume, 0..200);
}

#[test]
fn what_has_expired_goes() {
    open(Door::Purge, 0..200);
}

#[test]
fn what_something_speaks_for_stays_whoever_does_not_answer() {
    open(Door::Checks, 0..100);
}

#[test]
fn a_backup_survives_a_crash_at_any_call() {
    open(Door::CrashImage, 0..6);
}

#[test]
fn a_purge_survives_a_crash_at_any_call() {
    open(Door::CrashPurge, 0..10);
}

#[test]
fn two_at_once_do_no_harm() {
    open(Door::Twice, 0..120);
}

#[test]
fn what_was_found_once_is_not_found_again() {
    for (what, case) in proof::found::cases() {
        let lived = live(&case);
        assert!(!lived.strikes.is_empty(), "{what}: nothing went wrong");
        assert!(lived.violations.is_empty(), "{what}:\n{lived}");
    }
}

/// What is never drawn proves nothing.
#[test]
fn everything_that_can_go_wrong_is_drawn_somewhere() {
    let mut drawn = BTreeSet::new();
    for door in [Door::Image, Door::Purge] {
        for case in (0..3000).map(|seed| door.case(seed)) {
            drawn.extend(case.account.manners.iter().map(|manner| format!("{manner:?}").split('(').next().unwrap_or_default().to_owned()));
            let steps = case.acts.iter().filter_map(|act| if let Act::Step(step) = act { Some(step) } else { None });
            for trouble in steps.flat_map(|step| &step.troubles) {
                drawn.insert(match trouble {
                    Trouble::Fault(fault) => format!("fault {}", fault.action.as_deref().unwrap_or("any")),
                    Trouble::Denied(action) => format!("denied {action}"),
                    other => format!("{other:?}").split('(').next().unwrap_or_default().to_owned(),
                });
            }
        }
    }
    let checks = ["DescribeImageReferences", "DescribeLaunchConfigurations", "DescribeLockedSnapshots", "ListImagesInRecycleBin"];
    let checks = checks.iter().flat_map(|check| [format!("fault {check}"), format!("denied {check}")]);
    let others = ["LargestPage", "TokenLife", "NextSnapshotFails", "SnapshotCopiesAtATime", "ReferencesLag", "ReferencesPartial"];
    let others = others.into_iter().chain(["Outage", "Terminated", "Deregistered", "denied GetParameters"]).map(str::to_owned);
    let missing: Vec<String> = checks.chain(others).filter(|name| !drawn.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?} of {drawn:?}");
}

#[test]
fn listings_have_more_than_one_page() {
    let things = (1..=5).map(Thing::backup).collect();
    let account = Account { things, manners: vec![Manner::LargestPage(2)], ..Account::empty(1, 2) };
    let purge = Command::patient(What::Purge(None, PurgePolicy::default()));
    let lived = live(&Case { account, acts: vec![Act::Step(Step::quiet(purge))], last: Vec::new() });
    assert!(lived.violations.is_empty(), "{lived}");
    let later = |action: &str| lived.calls.iter().filter(|call| call.action == action && call.params.contains_key("NextToken")).count();
    assert_eq!((later("DescribeImages"), later("DescribeSnapshots")), (2, 2));
}

/// Calls, their order, their times and their parameters; the verdicts; the faults.
#[test]
fn the_same_seed_is_the_same_life() {
    for door in Door::ALL {
        for seed in 0..5 {
            let case = door.case(seed);
            let (one, other) = (live(&case), live(&case));
            assert!(!one.calls.is_empty());
            assert_eq!(one, other, "seed {seed} ({door})");
        }
    }
}

/// Another thread knows nothing of the first.
#[test]
fn the_same_seed_is_the_same_life_on_another_thread() {
    let case = Door::Twice.case(3);
    let here = live(&case);
    let there = std::thread::spawn(move || live(&case)).join().unwrap();
    assert_eq!(here, there);
}
