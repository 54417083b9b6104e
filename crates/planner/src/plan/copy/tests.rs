//! Which copies are made, and what is said of the others. Whatever a test copies, the guard has let pass.

use super::*;
use crate::completion::Completion;
use crate::fixture::{HOME, TheImage, at, backup, id, now, region, short, snapshot, tagged, world};
use crate::guard::{Permit, guard};
use crate::plan::Plan;
use crate::tags::SERIES;

const WEST: &str = "eu-west-1";

/// A backup that asks for a copy in eu-west-1, for a day from now.
fn source() -> TheImage {
    backup("ami-1").named(Some("nightly")).copy_wanted_in(WEST)
}

/// Such a copy.
fn copy(short_id: &str) -> TheImage {
    backup(short_id).named(Some("nightly")).copied_from("ami-1", HOME)
}

fn debris(short_id: &str) -> TheImage {
    copy(short_id).failed().named(None).untagged("Creator").untagged("Instance")
}

fn with(source: TheImage, copies: impl IntoIterator<Item = TheImage>) -> Inventory {
    let seen = world().with(source).seen(WEST, Scope::Partial);
    copies.into_iter().fold(seen, |inventory, copy| inventory.with_in(WEST, copy))
}

fn decided(inventory: &Inventory, now: Timestamp, tried: &Tried) -> (Vec<Step>, Vec<CopyStanding>) {
    let (steps, copies) = decide(inventory, now, tried);
    let due = copies.iter().filter(|copy| copy.standing == Standing::Due).count();
    assert_eq!(steps.len(), due, "what is due is what is done");
    guard(Plan { steps: steps.clone(), ..Plan::default() }, inventory, Permit::Resume, now).unwrap();
    (steps, copies)
}

/// Where each copy stands, as `ami-1 to eu-west-1: to be copied`.
fn standings_of(inventory: &Inventory, now: Timestamp, tried: &Tried) -> Vec<String> {
    let line = |copy: CopyStanding| {
        let destination = copy.destination.map_or_else(|| "?".to_owned(), |region| region.to_string());
        format!("{} to {destination}: {}", short(&copy.source), copy.standing)
    };
    decided(inventory, now, tried).1.into_iter().map(line).collect()
}

fn standings(inventory: &Inventory) -> Vec<String> {
    standings_of(inventory, now(), &Tried::default())
}

fn made_by(inventory: &Inventory, tried: &Tried) -> Vec<CopyImage> {
    let (steps, _) = decided(inventory, now(), tried);
    let copy = |step: Step| match step.action {
        Action::CopyImage(copy) => {
            assert_eq!(step.region, region(WEST));
            copy
        }
        other => panic!("{other:?}"),
    };
    steps.into_iter().map(copy).collect()
}

fn made(inventory: &Inventory) -> CopyImage {
    made_by(inventory, &Tried::default()).remove(0)
}

fn started(copy: &str) -> Tried {
    Tried { started: [(region(WEST), id(copy))].into(), ..Tried::default() }
}

#[test]
fn a_copy_that_is_missing_is_due() {
    let inventory = with(source(), []);
    assert_eq!(standings(&inventory), ["ami-1 to eu-west-1: to be copied"]);
    let CopyImage { source_region, source, name, token, description, encryption, completion, tags: _ } = made(&inventory);
    assert_eq!((source_region, source), (region(HOME), id("ami-1")));
    assert_eq!((name.as_str(), encryption), ("nightly", Encryption::AsSource));
    assert_eq!(description, "backup-ami for ami-00000001");
    assert_eq!((token.len(), completion), (64, None));
}

#[test]
fn a_copy_is_done_in_the_minutes_that_its_source_says() {
    let asked =
        |intent: &str| made(&with(source().tagged("ami-backup:copy-to:eu-west-1", &format!("until=2026-11-24T02:00:00Z{intent}")), []));
    let in_an_hour = asked(" completion=60");
    assert_eq!(in_an_hour.completion.map(Completion::minutes), Some(60));
    assert_eq!(in_an_hour, asked(" completion=60"), "it follows from the tag: every run asks for the very same");
    assert!(in_an_hour.token != asked("").token && in_an_hour.token != asked(" completion=75").token);
    let with_key = asked(" completion=60 key=alias/dr");
    assert_eq!((with_key.completion, with_key.encryption), (in_an_hour.completion, Encryption::Key("alias/dr".to_owned())));
}

#[test]
fn what_asks_for_no_copy_and_what_is_not_ours_is_not_copied() {
    for image in [source().untagged("Creator"), source().tagged("Creator", "dlm"), source().owned_by(crate::fixture::THEIRS)] {
        assert!(standings(&with(image, [])).is_empty());
    }
    assert!(standings(&with(backup("ami-1"), [])).is_empty());
    assert!(standings(&with(source().being(ImageState::Deregistered), [])).is_empty());
    assert!(standings(&Inventory { account: None, ..with(source(), []) }).is_empty());
}

#[test]
fn a_pending_source_is_waited_for() {
    assert_eq!(standings(&with(source().pending(), [])), ["ami-1 to eu-west-1: waiting for the source image to be available"]);
}

#[test]
fn a_source_that_cannot_be_copied_is_not() {
    for state in [ImageState::Failed, ImageState::Disabled, ImageState::Unusable] {
        let told = format!("ami-1 to eu-west-1: not copied: the source image is {state}");
        assert_eq!(standings(&with(source().being(state), [])), [told]);
    }
}

#[test]
fn a_copy_in_flight_is_followed() {
    assert_eq!(standings(&with(source(), [copy("ami-2").pending()])), ["ami-1 to eu-west-1: ami-00000002 pending"]);
}

#[test]
fn a_copy_that_is_there_is_done_though_it_be_disabled() {
    for state in [ImageState::Available, ImageState::Disabled] {
        assert_eq!(standings(&with(source(), [copy("ami-2").being(state)])), ["ami-1 to eu-west-1: ami-00000002 available"]);
    }
    let after_all = with(source(), [copy("ami-2").failed(), copy("ami-3"), copy("ami-4").pending()]);
    assert_eq!(standings(&after_all), ["ami-1 to eu-west-1: ami-00000003 available"]);
}

#[test]
fn what_a_copy_of_a_newer_backup_stands_for_is_not_copied_any_more() {
    let of_night = |image: TheImage, slot: &str| image.of_series("nightly").slot(slot);
    let missed = || of_night(source(), "2026-11-20T02:00:00Z");
    let newer = || of_night(copy("ami-3").copied_from("ami-9", HOME), "2026-11-21T02:00:00Z");
    let newest = || of_night(copy("ami-2").copied_from("ami-8", HOME), "2026-11-21T03:00:00Z");
    let superseded = ["ami-1 to eu-west-1: not needed: ami-00000002 is a copy of a newer backup"];
    assert_eq!(standings(&with(missed(), [newer(), newest()])), superseded);
    assert_eq!(standings(&with(missed(), [newest(), newer()])), superseded);
    let due = ["ami-1 to eu-west-1: to be copied"];
    for other in [
        of_night(newest(), "2026-11-20T02:00:00Z"),
        of_night(newest(), "2026-11-19T02:00:00Z"),
        newest().untagged("Date"),
        newest().of_series("weekly"),
        newest().of("i-9"),
        newest().pending(),
        newest().failed(),
        newest().untagged("Creator"),
        newest().owned_by(crate::fixture::THEIRS),
        // Whoever changes a tag cannot stop the copies by it.
        of_night(newest(), "2126-11-30T03:00:00Z"),
    ] {
        assert_eq!(standings(&with(missed(), [other])), due);
    }
    assert_eq!(standings(&with(missed().untagged(SERIES), [newest()])), due, "a backup of the seed's door is of no series");
}

#[test]
fn a_copy_that_was_deregistered_is_made_again() {
    let inventory = with(source(), [copy("ami-2").being(ImageState::Deregistered)]);
    assert_eq!(standings(&inventory), ["ami-1 to eu-west-1: to be copied"]);
}

#[test]
fn a_copy_that_somebody_else_made_does_not_take_the_place_of_ours() {
    for foreign in [copy("ami-2").untagged("Creator"), copy("ami-2").tagged("Creator", "dr-tool")] {
        assert_eq!(standings(&with(source(), [foreign.clone()])), ["ami-1 to eu-west-1: to be copied"]);
        assert_eq!(standings(&with(source(), [foreign.pending()])), ["ami-1 to eu-west-1: to be copied"]);
    }
    let many = ["ami-2", "ami-3", "ami-4"].map(|short_id| copy(short_id).untagged("Creator"));
    assert_eq!(standings(&with(source(), many)), ["ami-1 to eu-west-1: to be copied"], "nor are they attempts that failed");
    let ours_all_the_same = with(source(), [copy("ami-2").untagged("Creator").pending()]);
    let told = standings_of(&ours_all_the_same, now(), &started("ami-2"));
    assert_eq!(told, ["ami-1 to eu-west-1: ami-00000002 pending"], "this run knows that it made it");
}

#[test]
fn an_image_of_an_instance_launched_from_the_source_is_no_copy() {
    let mut of_restored = copy("ami-2");
    of_restored.image.source_instance = Some(id("i-2"));
    assert_eq!(standings(&with(source(), [of_restored])), ["ami-1 to eu-west-1: to be copied"]);
}

#[test]
fn a_copy_that_failed_for_this_run_is_reported() {
    let mut failed = copy("ami-2").failed();
    assert_eq!(
        standings_of(&with(source(), [failed.clone()]), now(), &started("ami-2")),
        ["ami-1 to eu-west-1: ami-00000002 failed, and EC2 gives no reason"]
    );
    failed.image.state_reason = Some("Given key ID is not accessible".to_owned());
    let told = standings_of(&with(source(), [failed, copy("ami-3").failed()]), now(), &started("ami-2"));
    assert_eq!(told, ["ami-1 to eu-west-1: ami-00000002 failed: Given key ID is not accessible"]);
}

#[test]
fn a_copy_that_failed_earlier_is_tried_again_by_another_name_and_token() {
    let first = made(&with(source(), []));
    let second = made(&with(source(), [copy("ami-2").failed()]));
    let third = made(&with(source(), [copy("ami-2").failed(), copy("ami-3").named(Some("nightly(2)")).failed()]));
    assert_eq!([first.name, second.name, third.name], ["nightly", "nightly(2)", "nightly(3)"]);
    assert_eq!(BTreeSet::from([first.token, second.token, third.token]).len(), 3);
}

#[test]
fn a_name_that_a_failed_copy_holds_is_not_asked_for() {
    let the_first_was_removed = with(source(), [copy("ami-3").named(Some("nightly(2)")).failed()]);
    assert_eq!(made(&the_first_was_removed).name, "nightly(3)");
}

#[test]
fn after_three_failures_it_is_given_up() {
    let failed = |short_id, days| copy(short_id).days_old(days).failed();
    let inventory = with(source(), [failed("ami-3", 2), failed("ami-4", 1), failed("ami-2", 3)]);
    assert_eq!(standings(&inventory), ["ami-1 to eu-west-1: ami-00000004 failed, and EC2 gives no reason"], "the last one");
}

#[test]
fn debris_counts_as_an_attempt_and_nothing_more() {
    let inventory = with(source(), [debris("ami-2")]);
    assert_eq!(made(&inventory).name, "nightly(2)");
    let inventory = with(source(), [debris("ami-2"), debris("ami-3"), debris("ami-4")]);
    assert!(made_by(&inventory, &Tried::default()).is_empty(), "it is neither tagged nor removed, and there is no fourth");
    let policy = crate::fixture::policy(&inventory);
    let purge = crate::plan::purge::decide(&inventory.seen(WEST, Scope::Whole), &policy, at("2030-01-01T00:00:00Z"));
    assert!(purge.steps.is_empty());
}

#[test]
fn what_failed_for_somebody_else_is_no_attempt_of_ours() {
    assert_eq!(made(&with(source(), [copy("ami-2").named(Some("dr")).tagged("Creator", "dr-tool").failed()])).name, "nightly");
}

#[test]
fn an_intent_that_lapsed_is_reported_for_two_days_and_no_longer() {
    let inventory = with(source(), []);
    let told_at = |time| standings_of(&inventory, at(time), &Tried::default());
    assert_eq!(told_at("2026-11-24T02:00:00Z"), ["ami-1 to eu-west-1: to be copied"]);
    let lapsed = ["ami-1 to eu-west-1: not copied: asked for too long ago (it would have been made until 2026-11-24T02:00:00Z)"];
    assert_eq!(told_at("2026-11-24T02:00:01Z"), lapsed);
    assert_eq!(told_at("2026-11-26T02:00:00Z"), lapsed);
    assert!(told_at("2026-11-26T02:00:01Z").is_empty());
    assert!(destinations(&inventory, at("2026-11-26T02:00:01Z")).is_empty());
}

#[test]
fn what_was_begun_in_time_is_followed_after_it() {
    let inventory = with(source(), [copy("ami-2").pending()]);
    assert_eq!(standings_of(&inventory, at("2026-11-24T12:00:00Z"), &Tried::default()), ["ami-1 to eu-west-1: ami-00000002 pending"]);
}

#[test]
fn a_source_that_expires_within_the_hour_is_not_copied_any_more() {
    let expiring = |text| standings(&with(source().tagged("Expire", text), []));
    assert_eq!(expiring("2026-11-23T03:00:00Z"), ["ami-1 to eu-west-1: to be copied"]);
    for too_soon in ["2026-11-23T02:59:59Z", "2026-11-23T02:00:00Z", "2026-11-22T02:00:00Z"] {
        assert_eq!(expiring(too_soon), [format!("ami-1 to eu-west-1: not copied: the source image may go at {too_soon}")]);
    }
    assert_eq!(expiring("never"), ["ami-1 to eu-west-1: to be copied"], "it does not expire");
}

#[test]
fn an_intent_that_cannot_be_read_is_reported_and_the_others_are_done() {
    let inventory = with(source().tagged("ami-backup:copy-to:ap-south-1", "soon"), []);
    let unreadable = "not copied: its tag `ami-backup:copy-to:ap-south-1=soon` cannot be read as a copy that was asked for";
    assert_eq!(standings(&inventory), [format!("ami-1 to ?: {unreadable}"), "ami-1 to eu-west-1: to be copied".to_owned()]);
}

#[test]
fn a_copy_within_its_own_region_is_reported_and_not_made() {
    let inventory = with(source().copy_wanted_in(HOME), []);
    let told = "ami-1 to us-east-1: not copied: its tag asks for a copy within its own region";
    assert_eq!(standings(&inventory), ["ami-1 to eu-west-1: to be copied", told]);
    assert_eq!(destinations(&inventory, now()).into_keys().collect::<Vec<_>>(), [region(WEST)]);
}

#[test]
fn the_intents_that_somebody_copied_with_a_backup_are_the_sources() {
    let by_hand = copy("ami-2").copy_wanted_in(WEST).copy_wanted_in("ap-south-1");
    assert_eq!(standings(&with(source(), [by_hand])), ["ami-1 to eu-west-1: ami-00000002 available"]);
}

#[test]
fn a_backup_of_a_restored_instance_asks_for_its_own_copies() {
    let mut of_restored = source().copied_from("ami-9", HOME);
    of_restored.image.source_instance = Some(id("i-1"));
    assert_eq!(standings(&with(of_restored, [])), ["ami-1 to eu-west-1: to be copied"]);
}

#[test]
fn where_the_destination_cannot_be_seen_nothing_is_copied() {
    let denied = world().with(source()).seen(WEST, Scope::Unseen("denied".to_owned()));
    assert_eq!(standings(&denied), ["ami-1 to eu-west-1: unknown: the region could not be read: denied"]);
    let not_looked_at = world().with(source());
    assert_eq!(standings(&not_looked_at), ["ami-1 to eu-west-1: unknown: the region could not be read: it was not looked at"]);
}

#[test]
fn what_ec2_refused_is_not_asked_for_again() {
    let tried = Tried { refused: [((region(WEST), id("ami-1")), "no such key".to_owned())].into(), ..Tried::default() };
    assert_eq!(standings_of(&with(source(), []), now(), &tried), ["ami-1 to eu-west-1: not copied: no such key"]);
    let there_after_all = with(source(), [copy("ami-2")]);
    assert_eq!(standings_of(&there_after_all, now(), &tried), ["ami-1 to eu-west-1: ami-00000002 available"]);
    let elsewhere = Tried { refused: [((region(HOME), id("ami-1")), "no such key".to_owned())].into(), ..Tried::default() };
    assert_eq!(standings_of(&with(source(), []), now(), &elsewhere), ["ami-1 to eu-west-1: to be copied"]);
}

#[test]
fn a_name_that_is_taken_by_something_unseen_leads_to_the_next() {
    let tried =
        |names: &[&str]| Tried { unavailable: names.iter().map(|name| (region(WEST), (*name).to_owned())).collect(), ..Tried::default() };
    let name = |names: &[&str]| made_by(&with(source(), []), &tried(names)).remove(0).name;
    assert_eq!(name(&["nightly"]), "nightly(2)");
    assert_eq!(name(&["nightly", "nightly(2)"]), "nightly(3)");
    let elsewhere = Tried { unavailable: [(region(HOME), "nightly".to_owned())].into(), ..Tried::default() };
    assert_eq!(made_by(&with(source(), []), &elsewhere).remove(0).name, "nightly");
}

#[test]
fn only_what_may_still_change_for_the_better_is_in_flight() {
    let in_flight = |inventory: &Inventory| decided(inventory, now(), &Tried::default()).1[0].standing.is_in_flight();
    assert!(in_flight(&with(source(), [])));
    assert!(in_flight(&with(source().pending(), [])));
    assert!(in_flight(&with(source(), [copy("ami-2").pending()])));
    assert!(!in_flight(&with(source(), [copy("ami-2")])));
    assert!(!in_flight(&with(source().failed(), [])));
    assert!(!in_flight(&world().with(source())));
}

#[test]
fn a_source_without_a_name_lends_its_id() {
    assert_eq!(made(&with(source().named(None), [])).name, "ami-00000001");
}

#[test]
fn the_copy_of_an_encrypted_source_is_encrypted_whatever_is_asked() {
    assert_eq!(made(&with(source().with_snapshot("snap-1"), [])).encryption, Encryption::AsSource);
    assert_eq!(made(&with(source().encrypted(), [])).encryption, Encryption::DefaultKey);
    let with_key = source().tagged("ami-backup:copy-to:eu-west-1", "until=2026-11-24T02:00:00Z key=alias/dr");
    assert_eq!(made(&with(with_key.clone(), [])).encryption, Encryption::Key("alias/dr".to_owned()));
    assert_eq!(made(&with(with_key.encrypted(), [])).encryption, Encryption::Key("alias/dr".to_owned()));
    let encrypting = source().tagged("ami-backup:copy-to:eu-west-1", "until=2026-11-24T02:00:00Z encrypt");
    assert_eq!(made(&with(encrypting, [])).encryption, Encryption::DefaultKey);
}

#[test]
fn a_copy_has_all_the_tags_of_its_source_but_the_intents_and_those_of_ec2() {
    let source = source()
        .expiring(100)
        .tagged("Name", "backup-ami@web")
        .tagged("Cost Centre", "42, \"ops\"")
        .tagged("aws:cloudformation:stack-name", "web")
        .copy_wanted_in("ap-south-1");
    let wanted = ["ami-backup:copy-to:eu-west-1", "ami-backup:copy-to:ap-south-1", "aws:cloudformation:stack-name"]
        .into_iter()
        .fold(source.image.tags.clone(), |tags, key| tagged(&tags, key, None));
    let copy = made(&with(source, []));
    assert_eq!(copy.tags, wanted);
    assert_eq!(copy.description, "backup-ami for web");
}

#[test]
fn the_token_is_of_the_destination_and_the_tags_too() {
    let both = world().with(source().copy_wanted_in("ap-south-1")).seen(WEST, Scope::Partial).seen("ap-south-1", Scope::Partial);
    let (steps, _) = decided(&both, now(), &Tried::default());
    let token = |step: &Step| match &step.action {
        Action::CopyImage(copy) => copy.token.clone(),
        other => panic!("{other:?}"),
    };
    let retagged = made(&with(source().tagged("Stage", "live"), [])).token;
    assert_eq!(BTreeSet::from([token(&steps[0]), token(&steps[1]), retagged]).len(), 3);
    assert_eq!(token(&steps[1]), made(&with(source(), [])).token, "where else the image goes makes no difference");
}

#[test]
fn images_of_one_id_in_two_regions_are_not_confused() {
    let other = backup("ami-1").named(Some("other")).copy_wanted_in(WEST);
    let inventory = with(source(), [copy("ami-2")]).with_in("ap-south-1", other);
    let (steps, standings) = decided(&inventory, now(), &Tried::default());
    let stands: Vec<_> = standings.into_iter().map(|copy| (copy.source_region, copy.standing)).collect();
    assert_eq!(stands, [(region("ap-south-1"), Standing::Due), (region(HOME), Standing::Done { copy: id("ami-2") })]);
    assert!(matches!(&steps[0].action, Action::CopyImage(copy) if copy.source_region == region("ap-south-1") && copy.name == "other"));
}

#[test]
fn where_ec2_does_not_say_the_region_of_the_source_its_id_has_to_do() {
    let mut from_somewhere = copy("ami-2");
    from_somewhere.image.source_image.as_mut().unwrap().region = None;
    assert_eq!(standings(&with(source(), [from_somewhere])), ["ami-1 to eu-west-1: ami-00000002 available"]);
}

#[test]
fn a_source_listed_on_two_pages_is_copied_once() {
    assert_eq!(standings(&with(source(), []).with(source())), ["ami-1 to eu-west-1: to be copied"]);
}

#[test]
fn a_source_that_is_listed_in_two_ways_is_copied_only_if_either_would_be() {
    let listed_also_as = |other: TheImage| {
        let first = standings(&with(source(), []).with(other.clone()));
        assert_eq!(standings(&with(other, []).with(source())), first, "whatever comes first");
        first
    };
    assert_eq!(listed_also_as(source().named(Some("other"))), ["ami-1 to eu-west-1: to be copied"]);
    assert_eq!(listed_also_as(source().pending()), ["ami-1 to eu-west-1: waiting for the source image to be available"]);
    assert_eq!(listed_also_as(source().being(ImageState::Disabled)), ["ami-1 to eu-west-1: not copied: the source image is disabled"]);
    for other in [source().expiring(100), source().of("i-2"), source().tagged("ami-backup:copy-to:eu-west-1", "until=2026-11-25T02:00:00Z")]
    {
        assert_eq!(listed_also_as(other), ["ami-1 to ?: not copied: EC2 lists ami-00000001 twice, and with different tags"]);
    }
    let no_sources = [
        source().being(ImageState::Deregistered),
        source().untagged("Creator"),
        source().owned_by(crate::fixture::THEIRS),
        source().copied_from("ami-9", "ap-south-1"),
    ];
    for other in no_sources {
        assert_eq!(listed_also_as(other), [""; 0]);
    }
}

#[test]
fn a_failed_copy_that_is_listed_twice_is_one_attempt() {
    let two = [debris("ami-2"), debris("ami-2"), debris("ami-3"), debris("ami-3")];
    assert_eq!(standings(&with(source(), two)), ["ami-1 to eu-west-1: to be copied"]);
}

#[test]
fn a_copy_that_any_page_calls_deregistered_is_gone() {
    let gone = [copy("ami-2"), copy("ami-2").being(ImageState::Deregistered)];
    assert_eq!(standings(&with(source(), gone)), ["ami-1 to eu-west-1: to be copied"]);
}

#[test]
fn the_destinations_are_those_of_all_current_intents_of_ours() {
    let inventory = world()
        .with(source().copy_wanted_in("ap-south-1"))
        .with(backup("ami-2").copy_wanted_in(WEST).pending())
        .with(backup("ami-3").copy_wanted_in("sa-east-1").untagged("Creator"))
        .with(backup("ami-4").tagged("ami-backup:copy-to:sa-east-1", "soon"))
        .with(snapshot("snap-1").tagged("ami-backup:copy-to:sa-east-1", "until=2026-11-24T02:00:00Z"));
    let expected = [(region("ap-south-1"), [id("ami-1")].into()), (region(WEST), [id("ami-1"), id("ami-2")].into())];
    assert_eq!(destinations(&inventory, now()), expected.into());
}
