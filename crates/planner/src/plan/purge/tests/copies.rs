//! The source of a copy that is, or may be, under way.

use super::*;

const EXPIRED: &str = "it expired 2026-11-23T01:00:00Z";

fn source() -> TheImage {
    backup("ami-1").expired().copy_wanted_in("eu-west-1").with_snapshot("snap-1")
}

fn copy() -> TheImage {
    backup("ami-2").copied_from("ami-1", HOME)
}

#[test]
fn the_source_of_a_copy_in_flight_stays() {
    for scope in [Scope::Whole, Scope::Partial] {
        let inventory = world().with(source()).with_in("eu-west-1", copy().pending()).seen("eu-west-1", scope);
        assert_eq!(purge(&inventory).lines().last(), Some("ami-1 stays: it is being copied to eu-west-1 (ami-00000002)"));
    }
}

#[test]
fn anybodys_copy_in_flight_keeps_its_source() {
    let unasked = backup("ami-1").expired();
    let inventory = world().with(unasked).with_in("eu-west-1", copy().pending().untagged("Creator"));
    assert_eq!(purge(&inventory), "ami-1 stays: it is being copied to eu-west-1 (ami-00000002)");
}

#[test]
fn the_source_of_a_copy_that_is_done_or_failed_goes() {
    for state in [ImageState::Available, ImageState::Failed, ImageState::Disabled, ImageState::Deregistered] {
        let inventory = world().with(source()).with_in("eu-west-1", copy().being(state)).seen("eu-west-1", Scope::Partial);
        assert_eq!(purge(&inventory), format!("ami-1 goes with snap-1: {EXPIRED}"), "{state}");
    }
}

#[test]
fn where_the_destination_could_not_be_seen_the_source_stays() {
    let inventory = world().with(source()).seen("eu-west-1", Scope::Unseen("denied".to_owned()));
    assert_eq!(purge(&inventory), "ami-1 stays: it may be being copied to eu-west-1, which could not be read: denied");
}

#[test]
fn where_the_destination_was_not_looked_at_the_source_stays() {
    let inventory = world().with(source());
    assert_eq!(purge(&inventory), "ami-1 stays: it may be being copied to eu-west-1, which could not be read: it was not looked at");
}

#[test]
fn a_destination_counts_though_the_rest_of_the_intent_cannot_be_read() {
    let inventory = world().with(backup("ami-1").expired().tagged("ami-backup:copy-to:eu-west-1", "soon"));
    assert!(purge(&inventory).starts_with("ami-1 stays: it may be being copied to eu-west-1"));
    let nowhere = world().with(backup("ami-1").expired().tagged("ami-backup:copy-to:nowhere", "soon"));
    assert_eq!(purge(&nowhere), format!("ami-1 goes: {EXPIRED}"), "what is no region cannot be copied to");
}

#[test]
fn a_backup_of_an_instance_that_was_launched_from_a_backup_is_no_copy_of_that() {
    let mut of_restored = backup("ami-2").copied_from("ami-1", HOME).of("i-2").pending();
    of_restored.image.source_instance = Some("i-00000002".parse().unwrap());
    let inventory = world().with(backup("ami-1").expired()).with(of_restored);
    assert_eq!(purge(&inventory).lines().next(), Some(format!("ami-1 goes: {EXPIRED}").as_str()));
}
