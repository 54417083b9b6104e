//! Tags that are to be changed.

use super::*;
use crate::fixture::TheImage;
use crate::plan::retag::{Change, Retag, RetagDecision, decide};

const NOTHING: [&str; 0] = [];

fn pin() -> RetagRequest {
    RetagRequest { image: id("ami-1"), change: Change::Pin { why: "audit".to_owned() } }
}

/// A backup with two snapshots that bear its tags.
fn its() -> TheImage {
    backup("ami-1").with_snapshot("snap-1").with_snapshot("snap-2")
}

/// The step that a request leads to in a world of its own, changed.
fn step_for(request: &RetagRequest, change: impl FnOnce(&mut Retag)) -> Step {
    let decision = decide(&world().with(its()), request);
    let RetagDecision::Change(mut step, _) = decision else { panic!("{decision:?}") };
    let Action::Retag(retag) = &mut step.action else { panic!("{step:?}") };
    change(retag);
    *step
}

fn step(change: impl FnOnce(&mut Retag)) -> Step {
    step_for(&pin(), change)
}

fn wrong_retag(inventory: &Inventory, steps: impl IntoIterator<Item = Step>) -> Vec<String> {
    objections(plan(steps), inventory, Permit::Retag(&pin()))
}

/// What is wrong with the sound step where the world is this.
fn wrong_in(inventory: &Inventory) -> Vec<String> {
    wrong_retag(inventory, [step(|_| {})])
}

fn changed(mut image: TheImage, change: impl FnOnce(&mut Image)) -> TheImage {
    change(&mut image.image);
    image
}

#[test]
fn tags_are_changed_by_those_who_ask_for_that_and_they_do_nothing_else() {
    let inventory = world().with(its().expired()).with(snapshot("snap-9").expired());
    let request = making::request();
    for permit in [Permit::Resume, Permit::Image(&request), Permit::Purge(&policy(&inventory))] {
        assert_eq!(objections(plan([step(|_| {})]), &inventory, permit), ["ami-1: NotPermitted"]);
    }
    assert_eq!(wrong_in(&inventory), NOTHING);
    let deletions = [remove("ami-1", &[]), delete("snap-9")];
    assert_eq!(wrong_retag(&inventory, deletions), ["ami-1: NotPermitted", "snap-9: NotPermitted"]);
}

#[test]
fn only_what_was_asked_for_is_said_and_only_of_that_backup() {
    let inventory = world().with(its()).with(backup("ami-2"));
    let of_another = step(|retag| {
        retag.image = id("ami-2");
        retag.snapshots.clear();
    });
    assert_eq!(wrong_retag(&inventory, [of_another]), ["ami-2: NotPermitted"]);
    let expire = Change::Expire { at: Expiry::at(at("2026-11-22T02:00:00Z")) };
    for change in [Change::Pin { why: String::new() }, Change::Unpin, Change::NeverExpire, expire] {
        assert_eq!(wrong_retag(&inventory, [step(|retag| retag.change = change)]), ["ami-1: NotPermitted"]);
    }
}

#[test]
fn whatever_can_be_said_passes_if_it_can_be_read_again() {
    let inventory = world().with(its());
    let expire = |at| Change::Expire { at: Expiry::at(at) };
    let wrong = |change: &Change| {
        let asked = RetagRequest { change: change.clone(), ..pin() };
        let step = step(|retag| retag.change = change.clone());
        objections(plan([step]), &inventory, Permit::Retag(&asked))
    };
    let long = Change::Pin { why: "why ".repeat(100) };
    for change in [long, Change::Unpin, Change::NeverExpire, expire(at("2026-11-30T02:00:00Z"))] {
        assert_eq!(wrong(&change), NOTHING, "{change}");
    }
    // No tag says a year before the first.
    assert_eq!(wrong(&expire(Timestamp::MIN)), ["ami-1: NotPermitted"]);
}

#[test]
fn the_image_must_have_been_seen_there() {
    assert_eq!(wrong_in(&world().with(backup("ami-2"))), ["ami-1: NotSeen"]);
    assert_eq!(wrong_in(&world().with_in("eu-west-1", its())), ["ami-1: NotSeen"]);
    let elsewhere = in_region("eu-west-1", step(|_| {}));
    assert_eq!(wrong_retag(&world().with(its()), [elsewhere]), ["ami-1: NotSeen"], "nobody looked there");
}

#[test]
fn the_image_must_be_ours_and_there() {
    assert_eq!(wrong_in(&world().with(its().owned_by(THEIRS))), ["ami-1: NotOwned"]);
    assert_eq!(wrong_in(&world().with(changed(its(), |image| image.owner = None))), ["ami-1: NotOwned"]);
    let nobodys = Inventory { account: None, ..world().with(its()) };
    assert_eq!(wrong_in(&nobodys), ["ami-1: NotOwned", "snap-1: NotOwned", "snap-2: NotOwned"]);
    let strangers = |creator: Option<&str>| changed(its(), |image| image.tags = tagged(&image.tags, "Creator", creator));
    let snapshots = world().with(its());
    for creator in [None, Some("dlm"), Some("")] {
        let mut inventory = snapshots.clone();
        inventory.regions.get_mut(&region(HOME)).unwrap().images = vec![strangers(creator).image];
        assert_eq!(wrong_in(&inventory), ["ami-1: NotMarked"], "{creator:?}");
    }
    assert_eq!(wrong_in(&world().with(its().being(ImageState::Deregistered))), ["ami-1: Deregistered"]);
    for state in [ImageState::Pending, ImageState::Failed, ImageState::Disabled, ImageState::Unusable] {
        assert_eq!(wrong_in(&world().with(its().being(state))), NOTHING, "{state}");
    }
}

#[test]
fn what_is_said_of_an_image_on_two_pages_must_both_allow_it() {
    let again = || backup("ami-1").made_of("snap-1").made_of("snap-2");
    assert_eq!(wrong_in(&world().with(its()).with(again())), NOTHING);
    for (other, fault) in [
        (again().owned_by(THEIRS), "ami-1: NotOwned"),
        (again().untagged("Creator"), "ami-1: NotMarked"),
        (again().being(ImageState::Deregistered), "ami-1: Deregistered"),
        (backup("ami-1").made_of("snap-1"), "snap-2: NotItsSnapshot"),
    ] {
        assert_eq!(wrong_in(&world().with(its()).with(other)), [fault]);
    }
}

#[test]
fn only_an_images_own_snapshots_are_changed_with_it() {
    let with_others = world().with(its()).with(backup("ami-2").with_snapshot("snap-3")).with(snapshot("snap-4").made_for("ami-1"));
    let also = |other: &str| step(|retag| retag.snapshots.push(id(other)));
    let twice_wrong = ["snap-3: NotItsSnapshot", "snap-3: NotItsSnapshot"];
    assert_eq!(wrong_retag(&with_others, [also("snap-3")]), twice_wrong, "neither does it name it, nor was it made for it");
    assert_eq!(wrong_retag(&with_others, [also("snap-4")]), ["snap-4: NotItsSnapshot"], "it does not name it");
    let of = |snapshot| world().with(backup("ami-1").upon(snapshot).with_snapshot("snap-2"));
    assert_eq!(wrong_in(&of(snapshot("snap-1").made_for("ami-2"))), ["snap-1: NotItsSnapshot"], "it was made for another");
    assert_eq!(wrong_in(&of(snapshot("snap-1"))), NOTHING, "nobody knows what it was made for");
    assert_eq!(wrong_retag(&world().with(its()), [step(|retag| drop(retag.snapshots.pop()))]), NOTHING);
}

#[test]
fn the_snapshots_must_have_been_seen_and_be_ours() {
    let of = |snapshot| world().with(backup("ami-1").with(snapshot).with_snapshot("snap-2"));
    assert_eq!(wrong_in(&world().with(backup("ami-1").made_of("snap-1").with_snapshot("snap-2"))), ["snap-1: NotSeen"]);
    assert_eq!(wrong_in(&of(snapshot("snap-1").owned_by(THEIRS))), ["snap-1: NotOwned"]);
    assert_eq!(wrong_in(&of(snapshot("snap-1").unmarked())), ["snap-1: NotMarked"]);
    assert_eq!(wrong_in(&of(snapshot("snap-1").tagged("Creator", "dlm"))), ["snap-1: NotMarked"]);
    assert_eq!(wrong_in(&of(snapshot("snap-1")).with(snapshot("snap-1").unmarked())), ["snap-1: NotMarked"], "on another page");
}

#[test]
fn nothing_is_changed_twice() {
    let inventory = world().with(its());
    assert_eq!(wrong_retag(&inventory, [step(|_| {}), step(|retag| retag.snapshots.clear())]), ["ami-1: Twice"]);
    assert_eq!(wrong_retag(&inventory, [step(|retag| retag.snapshots.push(id("snap-1")))]), ["snap-1: Twice"]);
}
