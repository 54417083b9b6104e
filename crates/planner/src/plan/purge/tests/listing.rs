//! Things that are listed on two pages, alike or not.

use super::*;
use crate::fixture::{TheSnapshot, short};

const EXPIRED: &str = "it expired 2026-11-23T01:00:00Z";

fn expired() -> TheImage {
    backup("ami-1").expired().with_snapshot("snap-1").with_snapshot("snap-2")
}

/// What becomes of an image, and of its snapshots, that is listed otherwise elsewhere: before or after.
fn listed_also_as(other: TheImage) -> String {
    let first = purge(&world().with(expired()).with(other.clone()));
    assert_eq!(purge(&world().with(other).with(expired())), first, "whatever comes first");
    first
}

fn same() -> TheImage {
    backup("ami-1").expired().made_of("snap-1").made_of("snap-2")
}

#[test]
fn an_image_listed_twice_is_one_backup() {
    assert_eq!(listed_also_as(same()), format!("ami-1 goes with snap-1, snap-2: {EXPIRED}"));
    let mut turned = same();
    turned.image.mappings.reverse();
    assert_eq!(listed_also_as(turned), format!("ami-1 goes with snap-1, snap-2: {EXPIRED}"), "its devices come in any order");
}

#[test]
fn of_several_that_keep_an_image_or_a_snapshot_the_first_is_named() {
    let shared = |covered| world().with(backup("ami-1").expired().with(covered)).with(backup("ami-3").made_of("snap-1"));
    let first = |inventory: Inventory| purge(&inventory.with(backup("ami-2").made_of("snap-1"))).lines().next().unwrap().to_owned();
    let still_used = first(shared(snapshot("snap-1").expired()));
    assert!(still_used.ends_with("snap-1 stays: ami-00000002 is made of it"), "{still_used}");
    let covers = first(shared(snapshot("snap-1").unmarked()));
    assert!(covers.starts_with("ami-1 stays: ami-00000002 is made of its snapshot snap-00000001, too"), "{covers}");
    let again = |short_id: &str| snapshot(short_id).expired().tagged("a", "b");
    let unlike = purge(&world().with(expired()).with(again("snap-2")).with(again("snap-1")));
    assert!(unlike.starts_with("ami-1 stays: ") && unlike.contains("snap-00000001"), "{unlike}");
    let copy = |short_id: &str| backup(short_id).copied_from("ami-1", HOME).pending();
    let copied = world().with(expired()).with_in("eu-west-1", copy("ami-8")).with_in("eu-west-1", copy("ami-7"));
    let copied = purge(&copied);
    assert!(copied.contains("ami-1 stays: ") && copied.contains("ami-00000007"), "{copied}");
}

#[test]
fn what_any_page_calls_deregistered_is_gone() {
    let gone = listed_also_as(same().being(ImageState::Deregistered));
    assert_eq!(gone, format!("snap-1 goes: {EXPIRED}\nsnap-2 goes: {EXPIRED}"));
    let unexpired = |other: TheImage| purge(&world().with(backup("ami-1").with_snapshot("snap-1")).with(other));
    assert_eq!(unexpired(backup("ami-1").being(ImageState::Deregistered)), "snap-1 stays: it has no expiry");
    let shared = world().with(expired()).with(backup("ami-2").made_of("snap-1")).with(backup("ami-2").being(ImageState::Deregistered));
    assert_eq!(purge(&shared), format!("ami-1 goes with snap-1, snap-2: {EXPIRED}"), "it does not hold what it was made of");
}

#[test]
fn what_any_page_keeps_stays_for_that_reason() {
    assert_eq!(listed_also_as(same().expiring(24)), "ami-1 stays: it expires 2026-11-24T02:00:00Z");
    assert_eq!(listed_also_as(same().untagged("Expire")), "ami-1 stays: it has no expiry");
    assert_eq!(listed_also_as(same().pending()), "ami-1 stays: it is still being made");
    assert!(listed_also_as(same().protected()).starts_with("ami-1 stays: it is protected"));
}

#[test]
fn what_is_listed_in_two_ways_stays_though_neither_would_keep_it() {
    let others = [
        same().being(ImageState::Disabled),
        same().expiring(-2),
        same().days_old(11),
        same().of_unknown_age(),
        same().named(None),
        same().tagged("Name", "backup-ami@web"),
        same().untagged("Creator"),
        same().tagged("Creator", "dlm"),
        same().owned_by(THEIRS),
        same().made_of("snap-3"),
        backup("ami-1").expired().made_of("snap-1"),
        same().with_unnamed_snapshot(),
    ];
    for other in others {
        let told = format!("{:?}", other.image);
        let verdict = listed_also_as(other);
        assert_eq!(verdict, "ami-1 stays: EC2 lists ami-00000001 twice, and not alike", "{told}");
    }
}

#[test]
fn what_is_listed_in_two_ways_is_not_counted_among_the_newest() {
    let older = || world().with(backup("ami-3").days_old(3).expired()).with(backup("ami-2").days_old(2).expired());
    let keep_one = |inventory: &Inventory| deletions(&plan_by(&PurgePolicy { keep_last: 1, ..policy(inventory) }, inventory));
    assert_eq!(keep_one(&older().with(backup("ami-1").days_old(1).expired())), ["ami-3", "ami-2"]);
    for other in [backup("ami-1").days_old(4), backup("ami-1").days_old(1).being(ImageState::Disabled), backup("ami-1").days_old(1)] {
        let inventory = older().with(backup("ami-1").days_old(1).expired()).with(other.expiring(-9));
        assert_eq!(keep_one(&inventory), ["ami-3"], "it stays itself, and so does the newest of the others");
    }
    let gone = older().with(backup("ami-1").days_old(1)).with(backup("ami-1").days_old(1).being(ImageState::Deregistered));
    assert_eq!(keep_one(&gone), ["ami-3"]);
}

fn snapshot_listed_also_as(image: fn(TheSnapshot) -> Inventory, other: TheSnapshot) -> String {
    let first = purge(&image(snapshot("snap-1").expired()).with(other.clone()));
    assert_eq!(purge(&world().with(other.clone()).with(snapshot("snap-1").expired())).lines().count(), 1);
    first
}

#[test]
fn a_snapshot_listed_in_two_ways_stays_and_so_does_its_image() {
    let orphan = |snapshot: TheSnapshot| world().with(snapshot);
    let of_an_image = |snapshot: TheSnapshot| world().with(backup("ami-1").expired().with(snapshot).with_snapshot("snap-2"));
    let same = || snapshot("snap-1").expired();
    assert_eq!(snapshot_listed_also_as(orphan, same()), format!("snap-1 goes: {EXPIRED}"));
    assert_eq!(
        snapshot_listed_also_as(of_an_image, same().made_for("ami-1")),
        format!("ami-1 goes with snap-1, snap-2: {EXPIRED}"),
        "alike"
    );
    let unlike = "EC2 lists snap-00000001 twice, and not alike";
    for other in [
        same().expiring(-2),
        same().unmarked(),
        same().tagged("Creator", "dlm"),
        same().owned_by(THEIRS),
        same().owned_by("000000000001"),
        same().tagged("a", "b"),
    ] {
        assert_eq!(snapshot_listed_also_as(orphan, other.clone()), format!("snap-1 stays: {unlike}"), "{:?}", other.snapshot);
        assert_eq!(snapshot_listed_also_as(of_an_image, other), format!("ami-1 stays: {unlike}"));
    }
}

#[test]
fn two_regions_may_have_one_id() {
    let inventory = world().with(expired()).with_in("eu-west-1", backup("ami-1").being(ImageState::Deregistered));
    assert_eq!(deletions(&plan_of(&inventory)), ["ami-1 with snap-1, snap-2"]);
    assert_eq!(short(&inventory.regions[&region("eu-west-1")].images[0].id), "ami-1");
}
