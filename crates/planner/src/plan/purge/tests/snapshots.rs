//! Which snapshots go: with their image, with another, by themselves, or not at all.

use super::*;

const EXPIRED: &str = "it expired 2026-11-23T01:00:00Z";

#[test]
fn a_snapshot_with_a_later_expiry_of_its_own_stays_until_then() {
    let inventory = world().with(backup("ami-1").expired().with_snapshot("snap-1").with(snapshot("snap-2").expiring(24)));
    assert_eq!(purge(&inventory), format!("ami-1 goes with snap-1: {EXPIRED}; snap-2 stays: it expires 2026-11-24T02:00:00Z"));

    let afterwards = world().with(snapshot("snap-2").made_for("ami-1").expiring(24));
    assert_eq!(purge(&afterwards), "snap-2 stays: it expires 2026-11-24T02:00:00Z");
    let in_the_end = world().with(snapshot("snap-2").made_for("ami-1").expired());
    assert_eq!(purge(&in_the_end), format!("snap-2 goes: {EXPIRED}"));
}

#[test]
fn a_snapshot_with_an_unreadable_expiry_of_its_own_stays() {
    let verdict = purge_one(backup("ami-1").expired().with(snapshot("snap-1").tagged("Expire", "7")));
    assert!(verdict.starts_with(&format!("ami-1 goes: {EXPIRED}; snap-1 stays: its Expire tag `7` cannot be read")), "{verdict}");
}

#[test]
fn a_snapshot_that_never_got_its_expire_goes_with_the_image_it_was_made_for() {
    assert_eq!(purge_one(backup("ami-1").expired().with(snapshot("snap-1"))), format!("ami-1 goes with snap-1: {EXPIRED}"));
}

#[test]
fn a_snapshot_without_expire_that_was_made_for_another_image_stays() {
    let verdict = purge_one(backup("ami-1").expired().upon(snapshot("snap-1")));
    assert_eq!(verdict, format!("ami-1 goes: {EXPIRED}; snap-1 stays: it has no expiry"));
}

#[test]
fn the_mark_of_an_image_covers_the_snapshots_made_for_it() {
    let verdict = purge_one(backup("ami-1").expired().with(snapshot("snap-1").unmarked()));
    assert_eq!(verdict, format!("ami-1 goes with snap-1: {EXPIRED}"));
}

#[test]
fn the_mark_of_an_image_does_not_cover_what_was_not_made_for_it() {
    for foreign in [snapshot("snap-1").unmarked(), snapshot("snap-1").unmarked().made_for("ami-2"), snapshot("snap-1").unmarked().expired()]
    {
        let verdict = purge_one(backup("ami-1").expired().upon(foreign));
        let reason = "it bears no mark, and EC2 did not make it for this image";
        assert_eq!(verdict, format!("ami-1 goes: {EXPIRED}; snap-1 stays: {reason}"));
    }
}

#[test]
fn the_mark_of_an_image_does_not_cover_what_it_does_not_name() {
    let inventory = world().with(backup("ami-1").expired()).with(snapshot("snap-1").unmarked().made_for("ami-1").expired());
    assert_eq!(purge(&inventory), format!("ami-1 goes: {EXPIRED}"));
}

#[test]
fn a_snapshot_that_bears_anothers_mark_stays() {
    let verdict = purge_one(backup("ami-1").expired().with(snapshot("snap-1").tagged("Creator", "dlm").expired()));
    assert_eq!(verdict, format!("ami-1 goes: {EXPIRED}; snap-1 stays: it is marked Creator=dlm"));
    let shared =
        world().with(backup("ami-1").expired().with(snapshot("snap-1").tagged("Creator", "dlm"))).with(backup("ami-2").made_of("snap-1"));
    assert!(purge(&shared).starts_with(&verdict), "and its image goes, whoever else is made of it");
}

#[test]
fn a_snapshot_of_another_account_and_one_that_is_not_listed_stay() {
    let inventory = world().with(backup("ami-1").expired().with(snapshot("snap-1").owned_by(THEIRS).expired()).made_of("snap-2"));
    let reason = "it is not among the account's own snapshots";
    assert_eq!(purge(&inventory), format!("ami-1 goes: {EXPIRED}; snap-1 stays: {reason}; snap-2 stays: {reason}"));
}

#[test]
fn a_snapshot_shared_with_an_image_that_stays_stays_while_the_expired_image_goes() {
    for other in [backup("ami-2"), backup("ami-2").untagged("Creator"), backup("ami-2").owned_by(THEIRS).expired()] {
        let inventory =
            world().with(backup("ami-1").expired().with_snapshot("snap-1").with_snapshot("snap-2")).with(other.made_of("snap-1"));
        let verdict = format!("ami-1 goes with snap-2: {EXPIRED}; snap-1 stays: ami-00000002 is made of it");
        assert_eq!(purge(&inventory).lines().next(), Some(verdict.as_str()));
    }
}

#[test]
fn a_snapshot_shared_by_two_expired_images_goes_with_the_last() {
    let inventory = world()
        .with(backup("ami-1").days_old(9).expired().with_snapshot("snap-1").with_snapshot("snap-2"))
        .with(backup("ami-2").days_old(8).expired().made_of("snap-1"));
    assert_eq!(deletions(&plan_of(&inventory)), ["ami-1 with snap-2", "ami-2 with snap-1"]);
}

#[test]
fn an_image_waits_for_the_others_that_are_made_of_a_snapshot_only_it_covers() {
    for covered in [snapshot("snap-1").unmarked(), snapshot("snap-1")] {
        let alone = world().with(backup("ami-1").days_old(9).expired().with(covered));
        let reason = "ami-00000002 is made of its snapshot snap-00000001, too, which without a mark and an expiry of its own would not be \
                      found again";
        for other in [backup("ami-2"), backup("ami-2").expiring(24), backup("ami-2").expired(), backup("ami-2").untagged("Creator")] {
            let shared = alone.clone().with(other.days_old(8).made_of("snap-1"));
            assert_eq!(purge(&shared).lines().find(|line| line.starts_with("ami-1 ")), Some(format!("ami-1 stays: {reason}").as_str()));
        }
        let expired = alone.clone().with(backup("ami-2").days_old(8).expired().made_of("snap-1"));
        assert_eq!(deletions(&plan_of(&expired)), ["ami-2"]);
        assert_eq!(deletions(&plan_of(&alone)), ["ami-1 with snap-1"], "in the next run");
    }
}

#[test]
fn what_only_an_image_covers_goes_in_its_own_call_or_the_image_stays() {
    let reason = "its snapshot snap-00000001 could not go along, and without a mark and an expiry of its own would not be found again";
    let covered = || backup("ami-1").expired().with(snapshot("snap-1").unmarked());
    for beside in [snapshot("snap-2").expiring(24), snapshot("snap-2").tagged("Creator", "dlm")] {
        assert_eq!(purge_one(covered().with(beside)), format!("ami-1 stays: {reason}"));
    }
    // One that stays keeps another that shares a snapshot with it.
    let both = world()
        .with(covered().days_old(9).with(snapshot("snap-2").expiring(24)).with_snapshot("snap-3"))
        .with(backup("ami-2").days_old(8).expired().made_of("snap-3"));
    let verdicts = purge(&both);
    assert_eq!(verdicts, format!("ami-1 stays: {reason}\nami-2 goes: {EXPIRED}; snap-3 stays: ami-00000001 is made of it"));
}

#[test]
fn who_stays_for_want_of_a_check_keeps_others_and_is_not_told_to_want_one_without_need() {
    let reason = "its snapshot snap-00000002 could not go along, and without a mark and an expiry of its own would not be found again";
    let strictly = |inventory: &Inventory| verdicts(&plan_by(&PurgePolicy { require_checks: true, ..policy(inventory) }, inventory));
    let other = || backup("ami-1").days_old(9).with_snapshot("snap-3");
    let covering = backup("ami-2").days_old(8).expired().with(snapshot("snap-2").unmarked()).made_of("snap-3");
    // Nobody asked about the first, which shares a snapshot with the second.
    let shared = strictly(&world().with(covering.clone()).checked().with(other().expired()));
    assert_eq!(shared.lines().last(), Some(format!("ami-2 stays: {reason}").as_str()), "{shared}");
    // Nobody asked about the second, which has to stay without that.
    let unasked = strictly(&world().with(other()).checked().with(covering));
    assert_eq!(unasked, format!("ami-1 stays: it has no expiry\nami-2 stays: {reason}"));
}

#[test]
fn ec2_is_asked_to_delete_all_snapshots_of_an_image_only_if_all_of_them_go() {
    let all = |image: TheImage| match &plan_of(&world().with(image).with(backup("ami-2").made_of("snap-2"))).steps[0].action {
        Action::RemoveImage(remove) => remove.all_snapshots,
        other => panic!("{other:?}"),
    };
    let expired = || backup("ami-1").expired().with_snapshot("snap-1");
    assert!(all(expired()));
    assert!(all(expired().made_of("snap-1")), "named by two devices");
    assert!(!all(expired().with(snapshot("snap-3").expiring(24))), "one has a later expiry");
    assert!(!all(expired().with_snapshot("snap-2")), "one is shared");
    assert!(!all(expired().with_unnamed_snapshot()), "one is not named, and may be anybody's");
}

#[test]
fn the_snapshots_that_no_later_run_could_find_by_themselves_are_told() {
    let image = backup("ami-1")
        .expired()
        .with_snapshot("snap-1")
        .with(snapshot("snap-2"))
        .with(snapshot("snap-3").unmarked())
        .with(snapshot("snap-4").unmarked().expired());
    match &plan_of(&world().with(image)).steps[0].action {
        Action::RemoveImage(remove) => assert_eq!(remove.covered, [id("snap-2"), id("snap-3"), id("snap-4")]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_image_stays_if_a_snapshot_that_only_its_mark_covers_must_outlive_it() {
    let verdict = purge_one(backup("ami-1").expired().with(snapshot("snap-1").unmarked().expiring(24)).with_snapshot("snap-2"));
    let reason = "its snapshot snap-00000001 could not go along, and without a mark and an expiry of its own would not be found again";
    assert_eq!(verdict, format!("ami-1 stays: {reason}"));
}

#[test]
fn an_expired_orphan_goes() {
    assert_eq!(purge(&world().with(snapshot("snap-1").expired())), format!("snap-1 goes: {EXPIRED}"));
}

#[test]
fn any_other_orphan_stays() {
    let orphan = |snapshot| purge(&world().with(snapshot));
    assert_eq!(orphan(snapshot("snap-1")), "snap-1 stays: it has no expiry");
    assert_eq!(orphan(snapshot("snap-1").expiring(0)), "snap-1 stays: it expires 2026-11-23T02:00:00Z");
    assert_eq!(orphan(snapshot("snap-1").expired().pending()), "snap-1 stays: it is still being made");
    assert!(orphan(snapshot("snap-1").tagged("Expire", "now")).starts_with("snap-1 stays: its Expire tag `now` cannot be read"));
    assert_eq!(orphan(snapshot("snap-1").made_for("ami-1")), "snap-1 stays: it has no expiry", "the image it was made for is gone");
}

#[test]
fn the_snapshots_of_a_pending_image_are_no_orphans_though_it_may_not_name_them_yet() {
    let inventory = world().with(backup("ami-1").pending().with_unnamed_snapshot()).with(snapshot("snap-1").made_for("ami-1").expired());
    assert_eq!(purge(&inventory), "ami-1 stays: it has no expiry\nsnap-1 stays: ami-00000001 is made of it");
}

#[test]
fn what_was_made_for_an_image_that_stays_does_not_go_with_another() {
    let inventory = world()
        .with(backup("ami-1").expired().upon(snapshot("snap-1").made_for("ami-2").expired()))
        .with(backup("ami-2").pending().with_unnamed_snapshot());
    let verdict = format!("ami-1 goes: {EXPIRED}; snap-1 stays: ami-00000002 is made of it");
    assert_eq!(purge(&inventory), format!("{verdict}\nami-2 stays: it has no expiry"));
}

#[test]
fn the_snapshots_that_a_failed_image_does_not_name_go_in_the_same_run() {
    let inventory =
        world().with(backup("ami-1").expired().failed().with_unnamed_snapshot()).with(snapshot("snap-1").made_for("ami-1").expired());
    assert_eq!(deletions(&plan_of(&inventory)), ["ami-1", "snap-1"]);
}

#[test]
fn similar_ids_are_not_confused() {
    let inventory = world()
        .with(backup("ami-1").with_snapshot("snap-1234567890abcdef0"))
        .with(snapshot("snap-12345678").expired())
        .with(backup("ami-1234567890abcdef0").expired())
        .with(backup("ami-12345678").protected());
    assert_eq!(deletions(&plan_of(&inventory)), ["ami-1234567890abcdef0", "snap-12345678"]);
}
