//! What EC2 says against a deletion, and what it could not be asked.

use super::*;
use crate::evidence::{Answer, Check, Reference, ReferenceKind};

const EXPIRED: &str = "it expired 2026-11-23T01:00:00Z";
const CHECKS: [Check; 4] = [Check::References, Check::LaunchConfigurations, Check::Locks, Check::RecycleBin];

/// Two backups that share nothing, and two orphans, one of them of an image that is gone.
fn expired() -> Inventory {
    world()
        .with(backup("ami-1").days_old(9).expired().with_snapshot("snap-1"))
        .with(backup("ami-2").days_old(8).expired().with_snapshot("snap-2").with_snapshot("snap-3"))
        .with(snapshot("snap-8").expired())
        .with(snapshot("snap-9").expired().made_for("ami-9"))
}

const ALL: [&str; 4] = ["ami-1 with snap-1", "ami-2 with snap-2, snap-3", "snap-8", "snap-9"];

fn requiring(inventory: &Inventory) -> Plan {
    plan_by(&PurgePolicy { require_checks: true, ..policy(inventory) }, inventory)
}

fn unmade(plan: &Plan, inventory: &Inventory) -> Vec<String> {
    unmade_checks(plan, inventory, false).iter().map(ToString::to_string).collect()
}

#[test]
fn what_nothing_speaks_against_goes() {
    let inventory = expired().checked();
    for plan in [plan_of(&inventory), requiring(&inventory)] {
        assert_eq!(deletions(&plan), ALL);
        assert_eq!(unmade(&plan, &inventory), [""; 0]);
    }
}

#[test]
fn what_something_would_launch_from_stays() {
    let kinds = [
        ReferenceKind::LaunchTemplate,
        ReferenceKind::LaunchConfiguration,
        ReferenceKind::SsmParameter,
        ReferenceKind::ImageBuilderRecipe,
        ReferenceKind::Other,
    ];
    for kind in kinds {
        let inventory = expired().checked().referenced_by(kind, "web", "ami-1");
        let plan = plan_of(&inventory);
        assert_eq!(verdicts(&plan).lines().next(), Some(format!("ami-1 stays: the {kind} web names it").as_str()));
        assert_eq!(deletions(&plan), ALL[1..]);
    }
}

#[test]
fn the_first_of_many_is_named_and_the_others_are_counted() {
    let template = |inventory: Inventory, name| inventory.referenced_by(ReferenceKind::LaunchTemplate, name, "ami-1");
    let inventory = ["web", "batch", "web", "api\n"].into_iter().fold(expired(), template);
    let inventory = inventory.referenced_by(ReferenceKind::LaunchConfiguration, "old", "ami-1");
    assert_eq!(verdicts(&plan_of(&inventory)).lines().next(), Some("ami-1 stays: the launch template api  names it, and 3 more"));
}

#[test]
fn an_instance_launched_from_it_keeps_it_only_if_asked_to() {
    let inventory = expired().checked().referenced_by(ReferenceKind::Instance, "i-5", "ami-1");
    assert_eq!(deletions(&plan_of(&inventory)), ALL);
    let keeping = plan_by(&PurgePolicy { keep_launched: true, ..policy(&inventory) }, &inventory);
    assert_eq!(verdicts(&keeping).lines().next(), Some("ami-1 stays: the instance i-5 was launched from it"));
    assert_eq!(deletions(&keeping), ALL[1..]);
}

#[test]
fn a_backup_with_a_locked_snapshot_stays_whole() {
    for lock in ["governance", "compliance", "compliance-cooloff", "", "Expired"] {
        let plan = plan_of(&expired().checked().locked("snap-3", lock));
        assert_eq!(verdicts(&plan).lines().nth(1), Some(format!("ami-2 stays: snap-00000003 is locked ({lock})").as_str()));
        assert_eq!(deletions(&plan), [ALL[0], ALL[2], ALL[3]]);
    }
    assert_eq!(deletions(&plan_of(&expired().checked().locked("snap-3", "expired"))), ALL, "that lock is over");
}

#[test]
fn a_lock_keeps_a_backup_though_the_snapshot_would_not_have_gone() {
    let inventory = world().with(backup("ami-1").expired().with_snapshot("snap-1").upon(snapshot("snap-2").tagged("Creator", "dlm")));
    assert_eq!(purge(&inventory.locked("snap-2", "compliance")), "ami-1 stays: snap-00000002 is locked (compliance)");
}

#[test]
fn of_several_locks_the_same_one_is_always_told() {
    let inventory = |one, other| world().with(backup("ami-1").expired().with_snapshot(one).with_snapshot(other));
    for (one, other) in [("snap-1", "snap-2"), ("snap-2", "snap-1")] {
        let locked = inventory(one, other).locked("snap-1", "governance").locked("snap-2", "compliance");
        assert_eq!(purge(&locked), "ami-1 stays: snap-00000001 is locked (governance)");
    }
}

#[test]
fn a_locked_orphan_stays() {
    let plan = plan_of(&expired().checked().locked("snap-8", "governance"));
    assert_eq!(verdicts(&plan).lines().nth(2), Some("snap-8 stays: snap-00000008 is locked (governance)"));
    assert_eq!(deletions(&plan), [ALL[0], ALL[1], ALL[3]]);
}

#[test]
fn what_an_image_in_the_recycle_bin_would_be_restored_from_stays() {
    let plan = plan_of(&expired().checked().binned("ami-9"));
    let reason = "ami-00000009 lies in the Recycle Bin and could not be restored without it";
    assert_eq!(verdicts(&plan).lines().last(), Some(format!("snap-9 stays: {reason}").as_str()));
    assert_eq!(deletions(&plan), ALL[..3]);

    let registered_anew =
        world().with(backup("ami-1").expired().with_snapshot("snap-1").upon(snapshot("snap-2").expired().made_for("ami-9")));
    assert_eq!(purge(&registered_anew), format!("ami-1 goes with snap-1, snap-2: {EXPIRED}"));
    assert_eq!(purge(&registered_anew.binned("ami-9")), format!("ami-1 goes with snap-1: {EXPIRED}; snap-2 stays: {reason}"));
}

#[test]
fn an_image_in_the_recycle_bin_that_is_still_listed_stays_with_its_snapshots() {
    let plan = plan_of(&expired().checked().binned("ami-2"));
    assert_eq!(deletions(&plan), [ALL[0], ALL[2], ALL[3]]);
}

#[test]
fn a_snapshot_shared_with_an_image_that_evidence_keeps_stays() {
    let shared = world()
        .with(backup("ami-1").days_old(9).expired().with_snapshot("snap-1").with_snapshot("snap-3"))
        .with(backup("ami-2").days_old(8).expired().made_of("snap-1").with_snapshot("snap-2"))
        .checked();
    assert_eq!(deletions(&plan_of(&shared)), ["ami-1 with snap-3", "ami-2 with snap-1, snap-2"]);
    let stays = |image: &str| shared.clone().referenced_by(ReferenceKind::LaunchTemplate, "web", image);
    assert_eq!(deletions(&plan_of(&stays("ami-1"))), ["ami-2 with snap-2"]);
    assert_eq!(deletions(&plan_of(&stays("ami-2"))), ["ami-1 with snap-3"]);
    assert_eq!(deletions(&plan_of(&shared.locked("snap-1", "governance"))), [""; 0], "it is a snapshot of both");
}

#[test]
fn what_evidence_keeps_takes_nobodys_place_among_the_newest() {
    let inventory = world()
        .with(backup("ami-1").days_old(3).expired())
        .with(backup("ami-2").days_old(2).expired())
        .with(backup("ami-3").days_old(1).expired())
        .checked()
        .referenced_by(ReferenceKind::LaunchTemplate, "web", "ami-1");
    let keeping = |keep_last| deletions(&plan_by(&PurgePolicy { keep_last, ..policy(&inventory) }, &inventory));
    assert_eq!(keeping(0), ["ami-2", "ami-3"]);
    assert_eq!(keeping(1), ["ami-2"]);
    assert_eq!(keeping(2), [""; 0]);
}

#[test]
fn what_cannot_change_is_the_first_reason_then_locks_then_references_then_copies() {
    let spoken_against = |image: TheImage| {
        let inventory = world().with(image.with_snapshot("snap-1"));
        let plan = plan_of(&inventory.locked("snap-1", "governance").referenced_by(ReferenceKind::SsmParameter, "/golden", "ami-1"));
        verdicts(&plan)
    };
    assert_eq!(spoken_against(backup("ami-1")), "ami-1 stays: it has no expiry");
    assert_eq!(spoken_against(backup("ami-1").expired().pending()), "ami-1 stays: it is still being made");
    assert!(spoken_against(backup("ami-1").expired().protected()).starts_with("ami-1 stays: it is protected"));
    let copied = || backup("ami-1").expired().copy_wanted_in("eu-west-1");
    assert_eq!(spoken_against(copied()), "ami-1 stays: snap-00000001 is locked (governance)");
    let referenced = world().with(copied()).referenced_by(ReferenceKind::SsmParameter, "/golden", "ami-1");
    assert_eq!(purge(&referenced), "ami-1 stays: the SSM parameter /golden names it");
    assert!(verdicts(&requiring(&world().with(copied()))).starts_with("ami-1 stays: it may be being copied"));
}

#[test]
fn without_an_answer_it_goes_with_a_warning_unless_checks_are_required() {
    for check in CHECKS {
        let keeps: &[&str] = match check {
            Check::References | Check::LaunchConfigurations => &ALL[2..],
            Check::Locks => &[],
            Check::RecycleBin => &ALL[..3],
        };
        for (inventory, why) in [
            (expired().checked().denied(check), format!("no {check:?} for you")),
            (expired().checked().not_asked(check), "nobody asked".to_owned()),
        ] {
            let (warned, kept) = (plan_of(&inventory), requiring(&inventory));
            assert_eq!(deletions(&warned), ALL);
            assert_eq!(deletions(&kept), keeps, "{check}");
            let warning = format!("{check} of us-east-1 could not be read: {why}");
            assert_eq!(unmade(&warned, &inventory), [warning.as_str()]);
            assert_eq!(unmade(&kept, &inventory), [warning.as_str()]);
            let told = format!(" stays: {check} could not be read: {why}");
            assert_eq!(verdicts(&kept).lines().filter(|line| line.ends_with(&told)).count(), ALL.len() - keeps.len());
        }
    }
}

#[test]
fn an_image_that_was_not_asked_about_is_not_checked_though_others_were() {
    let mut inventory = expired().checked();
    let evidence = &mut inventory.regions.get_mut(&region(HOME)).unwrap().evidence;
    evidence.references = Answer::Told(BTreeMap::from([(id("ami-1"), Vec::new())]));
    for plan in [requiring(&inventory), plan_of(&inventory)] {
        assert_eq!(verdicts(&plan).lines().nth(1), Some("ami-2 stays: what refers to images could not be read: EC2 did not tell of it"));
        assert_eq!(unmade(&plan, &inventory), ["what refers to images of us-east-1 could not be read: EC2 did not tell of it"]);
        assert_eq!(deletions(&plan), [ALL[0], ALL[2], ALL[3]]);
    }
}

#[test]
fn what_broke_off_this_time_keeps_whether_or_not_checks_are_required() {
    for check in CHECKS {
        let keeps: &[&str] = match check {
            Check::References | Check::LaunchConfigurations => &ALL[2..],
            Check::Locks => &[],
            Check::RecycleBin => &ALL[..3],
        };
        let inventory = expired().checked().broken_off(check);
        for (required, plan) in [(false, plan_of(&inventory)), (true, requiring(&inventory))] {
            assert_eq!(deletions(&plan), keeps, "{check}");
            let told = format!(" stays: {check} could not be read: {check:?} broke off");
            assert_eq!(verdicts(&plan).lines().filter(|line| line.ends_with(&told)).count(), ALL.len() - keeps.len());
            let unmade = unmade_checks(&plan, &inventory, required);
            assert_eq!(unmade.iter().map(|unmade| (unmade.check, unmade.keeps)).collect::<Vec<_>>(), [(check, true)]);
        }
    }
}

#[test]
fn only_what_concerns_a_thing_is_wanted_of_it() {
    let bare = world().with(backup("ami-1").expired()).checked().not_asked(Check::Locks).not_asked(Check::RecycleBin);
    assert_eq!(deletions(&requiring(&bare)), ["ami-1"], "without snapshots it has no locks");
    let without_images = [Check::References, Check::LaunchConfigurations, Check::RecycleBin];
    let orphan = without_images.into_iter().fold(world().with(snapshot("snap-1").expired()).checked(), Inventory::not_asked);
    assert_eq!(deletions(&requiring(&orphan)), ["snap-1"], "it was made for no image that could lie in the bin");
    let failed = world()
        .with(backup("ami-1").expired().failed().with_unnamed_snapshot())
        .with(snapshot("snap-1").made_for("ami-1").expired())
        .checked()
        .not_asked(Check::RecycleBin);
    assert_eq!(deletions(&requiring(&failed)), ["ami-1", "snap-1"], "its image is there, and goes");
    for inventory in [bare, orphan, failed] {
        assert_eq!(unmade(&plan_of(&inventory), &inventory), [""; 0]);
    }
}

#[test]
fn nothing_is_missed_of_what_stays_anyway() {
    let inventory = world().with(backup("ami-1").with_snapshot("snap-1")).with(snapshot("snap-2").expiring(1).made_for("ami-9"));
    for plan in [plan_of(&inventory), requiring(&inventory)] {
        assert_eq!(unmade(&plan, &inventory), [""; 0]);
    }
    let referenced = world().with(backup("ami-1").expired().with_snapshot("snap-1")).referenced_by(ReferenceKind::Other, "x", "ami-1");
    assert_eq!(unmade(&plan_of(&referenced), &referenced), [""; 0], "the locks would not have mattered");
    let anothers = snapshot("snap-1").tagged("Creator", "dlm").made_for("ami-9");
    let leaving = world().with(backup("ami-1").expired().upon(anothers)).checked().denied(Check::RecycleBin);
    assert_eq!(deletions(&plan_of(&leaving)), ["ami-1"]);
    assert_eq!(unmade(&plan_of(&leaving), &leaving), [""; 0], "nor would the Recycle Bin, to a snapshot that is another's");
}

#[test]
fn locks_are_missed_of_an_image_with_snapshots_though_no_orphan_goes() {
    let inventory = world().with(backup("ami-1").expired().with_snapshot("snap-1")).checked().denied(Check::Locks);
    for plan in [plan_of(&inventory), requiring(&inventory)] {
        assert_eq!(unmade(&plan, &inventory), ["the locked snapshots of us-east-1 could not be read: no Locks for you"]);
    }
}

#[test]
fn all_that_is_missed_is_told_at_once_and_each_only_once() {
    let inventory = CHECKS.into_iter().fold(expired(), Inventory::denied).with_in("eu-west-1", backup("ami-5").expired());
    for plan in [plan_of(&inventory), requiring(&inventory)] {
        insta::allow_duplicates!(insta::assert_snapshot!(unmade(&plan, &inventory).join("\n"), @r"
        what refers to images of eu-west-1 could not be read: nobody asked
        the launch configurations of eu-west-1 could not be read: nobody asked
        what refers to images of us-east-1 could not be read: no References for you
        the launch configurations of us-east-1 could not be read: no LaunchConfigurations for you
        the locked snapshots of us-east-1 could not be read: no Locks for you
        the Recycle Bin of us-east-1 could not be read: no RecycleBin for you
        "));
    }
}

#[test]
fn what_is_missed_of_an_orphan_is_told_though_no_image_goes() {
    let orphan = world().with(snapshot("snap-1").expired().made_for("ami-9"));
    let listed_still = orphan.clone().with(backup("ami-9").being(ImageState::Deregistered));
    let both = [
        "the locked snapshots of us-east-1 could not be read: nobody asked",
        "the Recycle Bin of us-east-1 could not be read: nobody asked",
    ];
    for inventory in [orphan, listed_still] {
        for plan in [plan_of(&inventory), requiring(&inventory)] {
            assert_eq!(unmade(&plan, &inventory), both);
        }
    }
}

#[test]
fn a_snapshot_that_stays_for_want_of_a_look_into_the_bin_is_told() {
    let image = backup("ami-1").expired().with_snapshot("snap-1").upon(snapshot("snap-2").expired().made_for("ami-9"));
    let inventory = world().with(image).checked().denied(Check::RecycleBin);
    let plan = requiring(&inventory);
    let reason = "the Recycle Bin could not be read: no RecycleBin for you";
    assert_eq!(verdicts(&plan), format!("ami-1 goes with snap-1: {EXPIRED}; snap-2 stays: {reason}"));
    assert_eq!(unmade(&plan, &inventory), ["the Recycle Bin of us-east-1 could not be read: no RecycleBin for you"]);
}

fn ids<T: std::fmt::Display>(found: &BTreeMap<Region, BTreeSet<T>>) -> String {
    let line = |(region, ids): (&Region, &BTreeSet<T>)| {
        let ids: Vec<String> = ids.iter().map(crate::fixture::short).collect();
        format!("{region}: {}", ids.join(" "))
    };
    found.iter().map(line).collect::<Vec<_>>().join("; ")
}

#[test]
fn the_candidates_are_what_would_go_and_what_is_to_be_asked_about_it() {
    let inventory = expired()
        .with(backup("ami-3").with_snapshot("snap-4"))
        .with(backup("ami-4").expired().protected().with_snapshot("snap-5"))
        .with(
            backup("ami-5")
                .expired()
                .upon(snapshot("snap-6").tagged("Creator", "dlm"))
                .upon(snapshot("snap-7").expired().made_for("ami-8")),
        )
        .with(snapshot("snap-10").expiring(1).made_for("ami-7"))
        .with_in("eu-west-1", backup("ami-6").expired())
        .with_in("ap-south-1", backup("ami-7").expired().with_snapshot("snap-1"))
        .seen("ap-south-1", Scope::Partial)
        .with_in("sa-east-1", backup("ami-7"));
    let Candidates { images, snapshots, orphans_of } = candidates(&inventory, &policy(&inventory), now());
    assert_eq!(ids(&images), "eu-west-1: ami-6; us-east-1: ami-1 ami-2 ami-5");
    assert_eq!(ids(&snapshots), "us-east-1: snap-1 snap-2 snap-3 snap-6 snap-7 snap-8 snap-9");
    assert_eq!(ids(&orphans_of), "us-east-1: ami-8 ami-9");
    assert_eq!(candidates(&Inventory { account: None, ..inventory.clone() }, &policy(&inventory), now()), Candidates::default());
}

#[test]
fn what_is_known_already_does_not_change_who_is_a_candidate() {
    let strict = PurgePolicy { require_checks: true, keep_launched: true, ..policy(&expired()) };
    let before = candidates(&expired(), &strict, now());
    let known = expired()
        .locked("snap-1", "governance")
        .binned("ami-9")
        .referenced_by(ReferenceKind::Instance, "i-1", "ami-2")
        .denied(Check::LaunchConfigurations);
    assert_eq!(candidates(&known, &strict, now()), before);
    assert_eq!(ids(&before.images), "us-east-1: ami-1 ami-2");
}

#[test]
fn a_reason_holds_all_that_is_known() {
    let inventory = expired().referenced_by(ReferenceKind::LaunchTemplate, "lt-1", "ami-1");
    let by = Reference { kind: ReferenceKind::LaunchTemplate, name: "lt-1".to_owned() };
    let reason = KeepReason::Referenced { by, count: 1 };
    assert_eq!(plan_of(&inventory).verdicts[0].decision, Decision::Keep { reason });
}
