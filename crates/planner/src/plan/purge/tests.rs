//! The rules of purging, a sentence each. Whatever a test purges, the guard has let pass.

mod agreed;
mod copies;
mod debris;
mod evidence;
mod keep_last;
mod listing;
mod series;
mod snapshots;

use super::*;
use crate::fixture::{HOME, THEIRS, TheImage, at, backup, deletions, id, now, policy, region, snapshot, verdicts, world};
use crate::guard::{Permit, guard};

fn plan_by(policy: &PurgePolicy, inventory: &Inventory) -> Plan {
    let plan = decide(inventory, policy, now());
    guard(plan.clone(), inventory, Permit::Purge(policy), now()).unwrap();
    plan
}

fn plan_of(inventory: &Inventory) -> Plan {
    plan_by(&policy(inventory), inventory)
}

fn purge(inventory: &Inventory) -> String {
    verdicts(&plan_of(inventory))
}

fn purge_one(image: TheImage) -> String {
    purge(&world().with(image))
}

#[test]
fn an_expired_backup_goes_with_its_snapshots() {
    let inventory = world().with(backup("ami-1").expired().with_snapshot("snap-1").with_snapshot("snap-2"));
    let plan = plan_of(&inventory);
    assert_eq!(verdicts(&plan), "ami-1 goes with snap-1, snap-2: it expired 2026-11-23T01:00:00Z");
    assert_eq!(deletions(&plan), ["ami-1 with snap-1, snap-2"]);
}

#[test]
fn at_the_very_instant_of_its_expiry_it_stays() {
    assert_eq!(purge_one(backup("ami-1").expiring(0)), "ami-1 stays: it expires 2026-11-23T02:00:00Z");
}

#[test]
fn an_unexpired_backup_stays() {
    assert_eq!(purge_one(backup("ami-1").expiring(1).with_snapshot("snap-1")), "ami-1 stays: it expires 2026-11-23T03:00:00Z");
}

#[test]
fn without_an_expiry_it_stays() {
    assert_eq!(purge_one(backup("ami-1")), "ami-1 stays: it has no expiry");
}

#[test]
fn with_an_unreadable_expiry_it_stays() {
    for text in ["", "7", "now", "yesterday", "friday", "never", "2026-11-01"] {
        let verdict = purge_one(backup("ami-1").tagged("Expire", text).with_snapshot("snap-1"));
        assert!(verdict.starts_with(&format!("ami-1 stays: its Expire tag `{text}` cannot be read as an instant: ")), "{verdict}");
    }
}

#[test]
fn what_the_old_scripts_wrote_is_read() {
    for text in ["Sun Nov 22 01:00:00 UTC 2026", "Sun 22 Nov 2026 01:00:00 AM UTC", "Sat Nov 21 20:00:00 EST 2026"] {
        assert_eq!(purge_one(backup("ami-1").tagged("Expire", text)), "ami-1 goes: it expired 2026-11-22T01:00:00Z");
    }
}

#[test]
fn a_pending_one_stays() {
    assert_eq!(purge_one(backup("ami-1").expired().pending()), "ami-1 stays: it is still being made");
}

#[test]
fn a_protected_one_stays() {
    let verdict = purge_one(backup("ami-1").expired().protected().with_snapshot("snap-1"));
    assert_eq!(verdict, "ami-1 stays: it is protected from deregistration (enabled-with-cooldown)");
}

#[test]
fn a_disabled_one_and_one_that_failed_go_like_any_other() {
    for state in [ImageState::Disabled, ImageState::Failed, ImageState::Unusable] {
        let verdict = purge_one(backup("ami-1").expired().being(state).with_snapshot("snap-1"));
        assert_eq!(verdict, "ami-1 goes with snap-1: it expired 2026-11-23T01:00:00Z", "{state}");
    }
}

#[test]
fn a_deregistered_image_that_is_still_listed_is_no_backup_and_does_not_hold_its_snapshots() {
    let gone = backup("ami-1").expired().being(ImageState::Deregistered);
    assert_eq!(purge_one(gone.with_snapshot("snap-1")), "snap-1 goes: it expired 2026-11-23T01:00:00Z");
}

#[test]
fn what_is_not_ours_is_not_so_much_as_mentioned() {
    let strangers = [
        backup("ami-1").expired().untagged("Creator"),
        backup("ami-2").expired().tagged("Creator", "dlm"),
        backup("ami-3").expired().tagged("Creator", "Image-Instance"),
        backup("ami-4").expired().untagged("Creator").tagged("creator", "image-instance"),
        backup("ami-5").expired().owned_by(THEIRS),
    ];
    for (stranger, snapshot) in strangers.into_iter().zip(["snap-1", "snap-2", "snap-3", "snap-4", "snap-5"]) {
        let name = stranger.image.id.clone();
        assert_eq!(purge_one(stranger.with_snapshot(snapshot)), "", "{name}");
    }
}

#[test]
fn a_strangers_snapshot_with_a_past_expire_is_not_touched() {
    let inventory = world()
        .with(snapshot("snap-1").expired().unmarked())
        .with(snapshot("snap-2").expired().tagged("Creator", "dlm"))
        .with(snapshot("snap-3").expired().owned_by(THEIRS));
    assert_eq!(purge(&inventory), "");
}

#[test]
fn without_an_account_nothing_is_anybodys() {
    let inventory = Inventory { account: None, ..world().with(backup("ami-1").expired()) };
    assert_eq!(plan_of(&inventory), Plan::default());
}

#[test]
fn a_region_that_was_not_wholly_seen_yields_nothing() {
    for scope in [Scope::Partial, Scope::Unseen("denied".to_owned())] {
        let inventory = world()
            .with_in("eu-west-1", backup("ami-1").expired().with_snapshot("snap-1"))
            .with_in("eu-west-1", snapshot("snap-9").expired())
            .seen("eu-west-1", scope)
            .with(backup("ami-2").expired());
        assert_eq!(purge(&inventory), "ami-2 goes: it expired 2026-11-23T01:00:00Z", "the others go on");
    }
}

#[test]
fn a_region_that_is_not_named_yields_nothing() {
    let inventory = world().with(backup("ami-1").expired()).with_in("eu-west-1", backup("ami-2").expired());
    let policy = PurgePolicy { regions: BTreeSet::from([region("eu-west-1"), region("ap-south-1")]), ..PurgePolicy::default() };
    assert_eq!(verdicts(&plan_by(&policy, &inventory)), "eu-west-1: ami-2 goes: it expired 2026-11-23T01:00:00Z");
}

#[test]
fn everything_of_ours_gets_one_verdict_with_its_reason_oldest_first() {
    let inventory = world()
        .with(backup("ami-1").days_old(9).expired().with_snapshot("snap-1"))
        .with(backup("ami-2").days_old(8).expired().with_snapshot("snap-2").with(snapshot("snap-3").expiring(48)))
        .with(backup("ami-3").days_old(7).expired().with_snapshot("snap-4").upon(snapshot("snap-5").tagged("Creator", "dlm")))
        .with(backup("ami-4").days_old(6).tagged("Expire", "next\n\"week\""))
        .with(backup("ami-5").days_old(5).expired().being(ImageState::Disabled).protected())
        .with(backup("ami-6").days_old(4).expired().copy_wanted_in("eu-west-1").with_snapshot("snap-6"))
        .with(backup("ami-7").days_old(3).expired().copy_wanted_in("ap-south-1"))
        .with(backup("ami-8").days_old(2).expiring(24 * 7).with_snapshot("snap-7"))
        .with(backup("ami-9").days_old(1))
        .with(backup("ami-10").days_old(1).expired().untagged("Creator"))
        .with(snapshot("snap-8").expired())
        .with(snapshot("snap-9"))
        .with_in("eu-west-1", backup("ami-11").copied_from("ami-6", HOME).pending())
        .seen("ap-south-1", Scope::Unseen("OptInRequired".to_owned()));
    insta::assert_snapshot!(purge(&inventory), @r#"
    eu-west-1: ami-11 stays: it has no expiry
    ami-1 goes with snap-1: it expired 2026-11-23T01:00:00Z
    ami-2 goes with snap-2: it expired 2026-11-23T01:00:00Z; snap-3 stays: it expires 2026-11-25T02:00:00Z
    ami-3 goes with snap-4: it expired 2026-11-23T01:00:00Z; snap-5 stays: it is marked Creator=dlm
    ami-4 stays: its Expire tag `next "week"` cannot be read as an instant: `next` is not understood
    ami-5 stays: it is protected from deregistration (enabled-with-cooldown)
    ami-6 stays: it is being copied to eu-west-1 (ami-00000011)
    ami-7 stays: it may be being copied to ap-south-1, which could not be read: OptInRequired
    ami-8 stays: it expires 2026-11-30T02:00:00Z
    ami-9 stays: it has no expiry
    snap-8 goes: it expired 2026-11-23T01:00:00Z
    snap-9 stays: it has no expiry
    "#);
}

#[test]
fn a_verdict_says_what_it_is_about() {
    let named = backup("ami-1").expiring(1).tagged("Name", "backup-ami@web");
    let mut orphan = snapshot("snap-1").expiring(2).tagged("Instance", "i-00000002");
    orphan.snapshot.started = Some(at("2026-11-01T00:00:00Z"));
    let plan = plan_of(&world().with(named).with(orphan).with(snapshot("snap-2").tagged("Expire", "soon")));
    let [backup, unreadable, orphan] = plan.verdicts.as_slice() else { panic!("{:?}", plan.verdicts) };
    let label = BackupLabel {
        image: id("ami-1"),
        name: Some("backup-of-ami-1".to_owned()),
        instance: Some(id("i-1")),
        instance_name: Some("web".to_owned()),
        created: Some(at("2026-11-13T02:00:00Z")),
        expire: Some(Expiry::at(at("2026-11-23T03:00:00Z"))),
        state: ImageState::Available,
    };
    assert_eq!(backup.subject, Subject::Backup(label));
    let (instance, started) = (Some(id("i-2")), Some(at("2026-11-01T00:00:00Z")));
    let expire = Some(Expiry::at(at("2026-11-23T04:00:00Z")));
    assert_eq!(orphan.subject, Subject::Orphan { snapshot: id("snap-1"), instance, started, expire });
    assert!(matches!(unreadable.subject, Subject::Orphan { expire: None, .. }));
}

#[test]
fn of_very_many_backups_each_is_judged_by_itself() {
    let name = |number: usize| format!("ami-{number}");
    let one = |number: usize| {
        let backup = backup(&name(number)).with_snapshot(&format!("snap-{number}"));
        if number.is_multiple_of(3) { backup.expired() } else { backup }
    };
    let inventory = (1..=20_000).map(|number| one(number * 7_919 % 20_011)).fold(world(), Inventory::with);
    let plan = plan_of(&inventory);
    let there: BTreeSet<usize> = (1..=20_000).map(|number| number * 7_919 % 20_011).collect();
    let going: Vec<usize> = there.iter().copied().filter(|number| number.is_multiple_of(3)).collect();
    let removed = plan.steps.iter().map(|step| match &step.action {
        Action::RemoveImage(remove) => (remove.image.clone(), remove.snapshots.clone(), remove.all_snapshots),
        other => panic!("{other:?}"),
    });
    let whole = |number: usize| (id(&name(number)), vec![id(&format!("snap-{number}"))], true);
    assert_eq!(removed.collect::<Vec<_>>(), going.into_iter().map(whole).collect::<Vec<_>>(), "in the order of their ids: all are as old");
    let judged = plan.verdicts.iter().map(|verdict| match &verdict.subject {
        Subject::Backup(label) => label.image.clone(),
        Subject::Orphan { .. } => panic!("{verdict:?}"),
    });
    assert_eq!(judged.collect::<Vec<_>>(), there.into_iter().map(|number| id(&name(number))).collect::<Vec<ImageId>>());
    assert!(guard(plan, &inventory, Permit::Purge(&policy(&inventory)), now()).is_ok());
}

#[test]
fn the_plan_does_not_depend_on_the_order_of_a_listing() {
    let (older, younger) = (backup("ami-2").days_old(5).expired(), backup("ami-1").days_old(4).expired().made_of("snap-1"));
    let one = world().with(older.clone().with_snapshot("snap-1")).with(younger.clone());
    let other = world().with(younger).with(older.with_snapshot("snap-1"));
    assert_eq!(plan_of(&one), plan_of(&other));
}

#[test]
fn a_long_past_and_a_far_now_are_no_trouble() {
    let inventory = world().with(backup("ami-1").tagged("Expire", "9999-12-30T22:00:00Z"));
    for now in [Timestamp::MIN, at("1970-01-01T00:00:00Z"), Timestamp::MAX] {
        let plan = decide(&inventory, &policy(&inventory), now);
        assert!(guard(plan, &inventory, Permit::Purge(&policy(&inventory)), now).is_ok());
    }
}
