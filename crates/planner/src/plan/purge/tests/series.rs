//! What the rules of a policy's series let go, and what stays whatever they say.

use jiff::tz::TimeZone;

use super::*;
use crate::fixture::TheSnapshot;
use crate::policy::{SeriesRule, SeriesRules};
use crate::retention::keep;

/// `keep` for the series `web`, and for its copies in eu-west-1, which are waited for seven days.
fn rule(rules: &str) -> SeriesRule {
    SeriesRule {
        keep: keep(rules),
        zone: TimeZone::UTC,
        keep_uncopied: Some("7d".parse().unwrap()),
        allow_empty: false,
        copies: BTreeMap::new(),
        deprecate_after: None,
        protect: None,
    }
}

fn copied(rules: &str, there: Option<&str>) -> SeriesRule {
    SeriesRule { copies: [(region("eu-west-1"), there.map(keep))].into(), ..rule(rules) }
}

fn rules(rule: SeriesRule) -> SeriesRules {
    SeriesRules { targets: [("web".parse().unwrap(), rule)].into(), instances: BTreeMap::new() }
}

fn thinned(rule: SeriesRule, inventory: &Inventory) -> String {
    verdicts(&plan_by(&PurgePolicy { series: Some(rules(rule)), ..policy(inventory) }, inventory))
}

/// A backup of `web` at two in the morning of that day of November.
fn web(short_id: &str, day: u32) -> TheImage {
    backup(short_id).of_series("web").slot(&format!("2026-11-{day:02}T02:00:00Z"))
}

fn orphan(short_id: &str, day: u32) -> TheSnapshot {
    snapshot(short_id).of_series("web").slot(&format!("2026-11-{day:02}T02:00:00Z")).tagged("Instance", "i-00000001").made_for("ami-99")
}

#[test]
fn what_no_rule_wants_goes_and_what_one_wants_says_which() {
    let inventory = world()
        .with(web("ami-1", 20).with_snapshot("snap-1"))
        .with(web("ami-2", 21).with_snapshot("snap-2"))
        .with(web("ami-3", 22).with_snapshot("snap-3"))
        .with(web("ami-4", 23).with_snapshot("snap-4"));
    insta::assert_snapshot!(thinned(rule("last=1 daily=2 weekly=2"), &inventory), @r"
    ami-1 goes with snap-1: no keep rule of web wants it any more
    ami-2 goes with snap-2: no keep rule of web wants it any more
    ami-3 stays: daily 2 of 2 (2026-11-22), weekly 2 of 2 (2026-W47)
    ami-4 stays: last 1 of 1, daily 1 of 2 (2026-11-23), weekly 1 of 2 (2026-W48)
    ");
}

#[test]
fn the_newest_good_one_stays_unless_it_may_be_empty() {
    let inventory = world().with(web("ami-1", 20)).with(web("ami-2", 21)).with(web("ami-3", 22).failed());
    insta::assert_snapshot!(thinned(rule("tag=Keep"), &inventory), @r"
    ami-1 goes: no keep rule of web wants it any more
    ami-2 stays: it is the newest good one of web here
    ami-3 stays: it failed, and web has no newer good one here yet
    ");
    let empty = SeriesRule { allow_empty: true, ..rule("tag=Keep") };
    insta::assert_snapshot!(thinned(empty, &inventory), @r"
    ami-1 goes: no keep rule of web wants it any more
    ami-2 goes: no keep rule of web wants it any more
    ami-3 stays: it failed, and web has no newer good one here yet
    ");
}

#[test]
fn of_several_newest_the_last_by_id_stays() {
    let inventory = world().with(web("ami-2", 20)).with(web("ami-1", 20));
    insta::assert_snapshot!(thinned(rule("tag=Keep"), &inventory), @r"
    ami-1 goes: no keep rule of web wants it any more
    ami-2 stays: it is the newest good one of web here
    ");
}

#[test]
fn what_failed_goes_once_there_is_a_newer_good_one_and_is_not_counted() {
    let inventory = world().with(web("ami-1", 19)).with(web("ami-2", 20).failed()).with(web("ami-3", 21)).with(web("ami-4", 22).failed());
    insta::assert_snapshot!(thinned(rule("last=2"), &inventory), @r"
    ami-1 stays: last 2 of 2
    ami-2 goes: it failed, and web has a newer good one here
    ami-3 stays: last 1 of 2
    ami-4 stays: it failed, and web has no newer good one here yet
    ");
}

#[test]
fn a_second_attempt_at_one_slot_outdoes_the_first() {
    let inventory = world().with(web("ami-1", 22).failed()).with(web("ami-2", 22));
    insta::assert_snapshot!(thinned(rule("last=1"), &inventory), @r"
    ami-1 goes: it failed, and web has a newer good one here
    ami-2 stays: last 1 of 1
    ");
}

#[test]
fn one_that_is_being_made_stays_and_is_not_counted() {
    let inventory = world().with(web("ami-1", 21)).with(web("ami-2", 22).pending());
    insta::assert_snapshot!(thinned(rule("last=1"), &inventory), @r"
    ami-1 stays: last 1 of 1
    ami-2 stays: it is still being made
    ");
}

#[test]
fn a_disabled_one_is_judged_as_if_it_counted_but_takes_nobodys_place() {
    let inventory = world().with(web("ami-1", 20)).with(web("ami-2", 21).being(ImageState::Disabled)).with(web("ami-3", 22));
    insta::assert_snapshot!(thinned(rule("last=2"), &inventory), @r"
    ami-1 stays: last 2 of 2
    ami-2 stays: last 2 of 2
    ami-3 stays: last 1 of 2
    ");
    let unused = world().with(web("ami-1", 20).being(ImageState::Unusable)).with(web("ami-2", 21)).with(web("ami-3", 22));
    insta::assert_snapshot!(thinned(rule("last=2"), &unused), @r"
    ami-1 goes: no keep rule of web wants it any more
    ami-2 stays: last 2 of 2
    ami-3 stays: last 1 of 2
    ");
    let newest = world().with(web("ami-1", 21)).with(web("ami-2", 22).being(ImageState::Disabled));
    insta::assert_snapshot!(thinned(rule("tag=Keep"), &newest), @r"
    ami-1 stays: it is the newest good one of web here
    ami-2 stays: it is the newest good one of web here
    ");
}

#[test]
fn a_pin_keeps_the_image_at_both_doors() {
    let inventory = world()
        .with(web("ami-1", 20).pinned("audit 2026").with_snapshot("snap-1"))
        .with(web("ami-2", 21).expired().pinned(""))
        .with(web("ami-3", 22));
    insta::assert_snapshot!(thinned(rule("last=1"), &inventory), @r"
    ami-1 stays: it is pinned: audit 2026
    ami-2 stays: it is pinned
    ami-3 stays: last 1 of 1
    ");
    insta::assert_snapshot!(purge(&inventory), @r"
    ami-1 stays: it is pinned: audit 2026
    ami-2 stays: it is pinned
    ami-3 stays: it has no expiry
    ");
}

#[test]
fn a_pin_of_one_snapshot_keeps_its_image_and_a_pinned_orphan_stays() {
    let inventory = world()
        .with(
            web("ami-1", 20)
                .expired()
                .with_snapshot("snap-1")
                .with(snapshot("snap-2").expired().pinned("mine\nonly"))
                .with(snapshot("snap-5").expired().pinned("yours")),
        )
        .with(orphan("snap-3", 20).expired().pinned("disk"))
        .with(orphan("snap-4", 20).pinned("disk"))
        .with(web("ami-2", 22));
    insta::assert_snapshot!(thinned(rule("last=1"), &inventory), @r"
    ami-1 stays: it is pinned: mine only
    ami-2 stays: last 1 of 1
    snap-3 stays: it is pinned: disk
    snap-4 stays: it is pinned: disk
    ");
    insta::assert_snapshot!(purge(&inventory), @r"
    ami-1 stays: it is pinned: mine only
    ami-2 stays: it has no expiry
    snap-3 stays: it is pinned: disk
    snap-4 stays: it is pinned: disk
    ");
}

#[test]
fn an_expiry_decides_alone_and_is_not_counted() {
    let inventory = world()
        .with(web("ami-1", 19))
        .with(web("ami-2", 20).expiring(1))
        .with(web("ami-3", 21).expired())
        .with(web("ami-4", 22).tagged("Expire", "soon"));
    insta::assert_snapshot!(thinned(rule("last=1"), &inventory), @r"
    ami-1 stays: last 1 of 1
    ami-2 stays: it expires 2026-11-23T03:00:00Z
    ami-3 goes: it expired 2026-11-23T01:00:00Z
    ami-4 stays: its Expire tag `soon` cannot be read as an instant: `soon` is not understood
    ");
}

#[test]
fn what_somebody_asked_for_never_goes_by_a_policy() {
    let inventory = world()
        .with(backup("ami-1").slot("2026-11-01T02:00:00Z").expired())
        .with(backup("ami-2").slot("2026-11-02T02:00:00Z"))
        .with(snapshot("snap-1").expired().tagged("Instance", "i-00000001").tagged("Date", "2026-11-01T02:00:00Z"))
        .with(web("ami-3", 22));
    insta::assert_snapshot!(thinned(rule("last=1"), &inventory), @r"
    ami-1 stays: it is not of a series of the policy
    ami-2 stays: it is not of a series of the policy
    ami-3 stays: last 1 of 1
    snap-1 stays: it is not of a series of the policy
    ");
}

#[test]
fn a_series_of_no_target_stays() {
    let inventory = world().with(web("ami-1", 20).of_series("db")).with(orphan("snap-1", 20).of_series("db")).with(web("ami-2", 22));
    insta::assert_snapshot!(thinned(rule("last=1"), &inventory), @r"
    ami-1 stays: the policy has no target db any more
    ami-2 stays: last 1 of 1
    snap-1 stays: the policy has no target db any more
    ");
    insta::assert_snapshot!(
        verdicts(&plan_by(&PurgePolicy { series: Some(SeriesRules::default()), ..policy(&inventory) }, &inventory)),
        @r"
    ami-1 stays: the policy has no target db any more
    ami-2 stays: the policy has no target web any more
    snap-1 stays: the policy has no target db any more
    "
    );
}

#[test]
fn an_instances_own_rules_come_before_its_targets() {
    let inventory = world().with(web("ami-1", 21)).with(web("ami-2", 22)).with(web("ami-3", 21).of("i-2")).with(web("ami-4", 22).of("i-2"));
    let mut rules = rules(rule("last=1"));
    rules.instances.insert(("web".parse().unwrap(), id("i-2")), rule("last=2"));
    insta::assert_snapshot!(verdicts(&plan_by(&PurgePolicy { series: Some(rules), ..policy(&inventory) }, &inventory)), @r"
    ami-1 goes: no keep rule of web wants it any more
    ami-3 stays: last 2 of 2
    ami-2 stays: last 1 of 1
    ami-4 stays: last 1 of 2
    ");
}

#[test]
fn what_does_not_say_for_certain_of_which_instance_and_slot_it_is_stays_and_is_not_counted() {
    let inventory = world()
        .with(web("ami-1", 20))
        .with(web("ami-2", 21).tagged("Instance", "i-00000002"))
        .with(web("ami-3", 21).tagged("Date", "Sat Nov 21 02:00:00 UTC 2026"))
        .with(web("ami-4", 21).untagged("Date"))
        .with(web("ami-5", 21).of_nobody())
        .with(web("ami-6", 21).of_series("Not A Name"))
        .with(snapshot("snap-1").of_series("web").slot("2026-11-20T02:00:00Z"))
        .with(web("ami-7", 19));
    insta::assert_snapshot!(thinned(rule("last=1"), &inventory), @r"
    ami-7 goes: no keep rule of web wants it any more
    ami-1 stays: last 1 of 1
    ami-2 stays: its tags do not say for certain of which series and slot it is
    ami-3 stays: its tags do not say for certain of which series and slot it is
    ami-4 stays: its tags do not say for certain of which series and slot it is
    ami-5 stays: its tags do not say for certain of which series and slot it is
    ami-6 stays: it is not of a series of the policy
    snap-1 stays: its tags do not say for certain of which series and slot it is
    ");
}

#[test]
fn a_forged_date_moves_no_window_and_stays() {
    let inventory = world()
        .with(web("ami-1", 21))
        .with(web("ami-2", 22))
        .with(web("ami-3", 22).tagged("Date", "2099-01-01T00:00:00Z"))
        .with(web("ami-4", 22).failed().tagged("Date", "2099-01-01T00:00:00Z"))
        .with(orphan("snap-1", 22).slot("2099-01-01T00:00:00Z"));
    insta::assert_snapshot!(thinned(rule("last=1 within=2d"), &inventory), @r"
    ami-1 stays: within 2d of 2026-11-22T02:00:00Z
    ami-2 stays: last 1 of 1, within 2d of 2026-11-22T02:00:00Z
    ami-3 stays: by its Date tag it is of 2099-01-01T00:00:00Z, which is yet to come
    ami-4 stays: by its Date tag it is of 2099-01-01T00:00:00Z, which is yet to come
    snap-1 stays: by its Date tag it is of 2099-01-01T00:00:00Z, which is yet to come
    ");
}

#[test]
fn one_that_is_listed_in_two_ways_stays_and_is_not_counted() {
    let inventory = world().with(web("ami-1", 21)).with(web("ami-2", 22)).with(web("ami-2", 22).protected());
    insta::assert_snapshot!(thinned(rule("last=1"), &inventory), @r"
    ami-1 stays: last 1 of 1
    ami-2 stays: it is protected from deregistration (enabled-with-cooldown)
    ");
    let alone = world().with(web("ami-2", 22)).with(web("ami-2", 22).named(None));
    insta::assert_snapshot!(thinned(rule("tag=Keep"), &alone), @"ami-2 stays: it is the newest good one of web here");
}

#[test]
fn copies_are_counted_by_themselves_and_by_their_own_rules() {
    let copy = |short_id, day, source| web(short_id, day).copied_from(source, HOME);
    let inventory = world()
        .with(web("ami-1", 20))
        .with(web("ami-2", 21))
        .with(web("ami-3", 22))
        .with_in("eu-west-1", copy("ami-4", 20, "ami-1"))
        .with_in("eu-west-1", copy("ami-5", 21, "ami-2"))
        .with_in("eu-west-1", copy("ami-6", 22, "ami-3"))
        .with_in("eu-west-1", web("ami-7", 22).of("i-2"));
    insta::assert_snapshot!(thinned(copied("last=1", Some("last=2")), &inventory), @r"
    eu-west-1: ami-4 goes: no keep rule of web wants it any more
    eu-west-1: ami-5 stays: last 2 of 2
    eu-west-1: ami-6 stays: last 1 of 2
    eu-west-1: ami-7 stays: last 1 of 1
    ami-1 goes: no keep rule of web wants it any more
    ami-2 goes: no keep rule of web wants it any more
    ami-3 stays: last 1 of 1
    ");
    insta::assert_snapshot!(thinned(copied("last=2", None), &inventory), @r"
    eu-west-1: ami-4 goes: no keep rule of web wants it any more
    eu-west-1: ami-5 stays: last 2 of 2
    eu-west-1: ami-6 stays: last 1 of 2
    eu-west-1: ami-7 stays: last 1 of 2
    ami-1 goes: no keep rule of web wants it any more
    ami-2 stays: last 2 of 2
    ami-3 stays: last 1 of 2
    ");
}

#[test]
fn a_source_waits_for_its_copies_but_not_for_ever() {
    let inventory = world()
        .with(web("ami-1", 15))
        .with(web("ami-2", 16))
        .with(web("ami-3", 17))
        .with(web("ami-4", 18))
        .with(web("ami-5", 22))
        .with_in("eu-west-1", web("ami-6", 16).copied_from("ami-2", HOME))
        .with_in("eu-west-1", web("ami-7", 17).copied_from("ami-3", HOME).failed())
        .with_in("eu-west-1", web("ami-8", 18).copied_from("ami-4", HOME).tagged("Date", "2099-01-01T00:00:00Z"));
    insta::assert_snapshot!(thinned(copied("last=1", None), &inventory), @r"
    eu-west-1: ami-6 stays: last 1 of 1
    eu-west-1: ami-7 stays: it failed, and web has no newer good one here yet
    eu-west-1: ami-8 stays: by its Date tag it is of 2099-01-01T00:00:00Z, which is yet to come
    ami-1 goes: no keep rule of web wants it any more
    ami-2 goes: no keep rule of web wants it any more
    ami-3 stays: its copy to eu-west-1 is waited for until 2026-11-24T02:00:00Z
    ami-4 stays: its copy to eu-west-1 is waited for until 2026-11-25T02:00:00Z
    ami-5 stays: last 1 of 1
    ");
}

#[test]
fn at_the_very_instant_at_which_its_waiting_ends_it_still_waits() {
    let of = |slot| backup("ami-1").of_series("web").slot(slot);
    let told = |slot| thinned(copied("last=1", None), &world().with(of(slot)).with(web("ami-2", 22)).seen("eu-west-1", Scope::Whole));
    assert!(told("2026-11-16T02:00:00Z").starts_with("ami-1 stays: its copy to eu-west-1 is waited for until 2026-11-23T02:00:00Z"));
    assert!(told("2026-11-16T01:59:59Z").starts_with("ami-1 goes: "));
}

#[test]
fn a_copy_waits_for_no_other_copy_and_nothing_waits_for_a_copy_to_where_it_is() {
    let inventory = world()
        .with_in("eu-west-1", web("ami-1", 20).copied_from("ami-8", HOME))
        .with_in("eu-west-1", web("ami-2", 22).copied_from("ami-9", HOME))
        .with_in("eu-west-1", web("ami-3", 20).of("i-2"))
        .with_in("eu-west-1", web("ami-4", 22).of("i-2"))
        .with_in("eu-west-2", web("ami-5", 22).of("i-2").copied_from("ami-4", "eu-west-1"));
    let mut rule = copied("last=1", None);
    rule.copies.insert(region("eu-west-2"), None);
    insta::assert_snapshot!(thinned(rule, &inventory), @r"
    eu-west-1: ami-1 goes: no keep rule of web wants it any more
    eu-west-1: ami-3 goes: no keep rule of web wants it any more
    eu-west-1: ami-2 stays: last 1 of 1
    eu-west-1: ami-4 stays: last 1 of 1
    eu-west-2: ami-5 stays: last 1 of 1
    ");
}

#[test]
fn what_was_made_where_the_copies_go_is_no_copy() {
    let inventory = world().with(web("ami-1", 20)).with(web("ami-2", 22)).with_in("eu-west-1", web("ami-3", 22));
    insta::assert_snapshot!(thinned(copied("last=1", None), &inventory), @r"
    eu-west-1: ami-3 stays: last 1 of 1
    ami-1 stays: its copy to eu-west-1 is waited for until 2026-11-27T02:00:00Z
    ami-2 stays: last 1 of 1
    ");
}

#[test]
fn a_newer_copy_is_as_good_as_its_own() {
    let inventory = world().with(web("ami-1", 20)).with(web("ami-2", 22)).with_in("eu-west-1", web("ami-3", 22).copied_from("ami-2", HOME));
    insta::assert_snapshot!(thinned(copied("last=1", None), &inventory), @r"
    eu-west-1: ami-3 stays: last 1 of 1
    ami-1 goes: no keep rule of web wants it any more
    ami-2 stays: last 1 of 1
    ");
}

#[test]
fn where_the_copies_would_be_could_not_be_seen_the_source_stays() {
    let unseen = world().with(web("ami-1", 20)).with(web("ami-2", 22)).seen("eu-west-1", Scope::Unseen("denied".to_owned()));
    insta::assert_snapshot!(thinned(copied("last=1", None), &unseen), @r"
    ami-1 stays: it may be being copied to eu-west-1, which could not be read: denied
    ami-2 stays: last 1 of 1
    ");
    let not_looked_at = world().with(web("ami-1", 20)).with(web("ami-2", 22));
    insta::assert_snapshot!(thinned(copied("last=1", None), &not_looked_at), @r"
    ami-1 stays: it may be being copied to eu-west-1, which could not be read: it was not looked at
    ami-2 stays: last 1 of 1
    ");
    let never_waiting = SeriesRule { keep_uncopied: None, ..copied("last=1", None) };
    insta::assert_snapshot!(thinned(never_waiting, &not_looked_at), @r"
    ami-1 goes: no keep rule of web wants it any more
    ami-2 stays: last 1 of 1
    ");
}

#[test]
fn an_orphan_goes_as_its_image_would_have() {
    let inventory = world()
        .with(orphan("snap-1", 20))
        .with(orphan("snap-2", 21))
        .with(web("ami-1", 21).with_snapshot("snap-3"))
        .with(web("ami-2", 22).with_snapshot("snap-4"));
    insta::assert_snapshot!(thinned(rule("last=2"), &inventory), @r"
    ami-1 stays: last 2 of 2
    ami-2 stays: last 1 of 2
    snap-1 goes: no keep rule of web wants it any more
    snap-2 stays: last 2 of 2
    ");
}

#[test]
fn an_orphan_of_a_series_that_has_no_newer_backup_stays() {
    insta::assert_snapshot!(thinned(rule("last=1"), &world().with(orphan("snap-1", 20))), @"snap-1 stays: it is the newest good one of web here");
    insta::assert_snapshot!(thinned(rule("last=1"), &world().with(orphan("snap-1", 22)).with(web("ami-1", 21))), @r"
    ami-1 stays: last 1 of 1
    snap-1 stays: it is the newest good one of web here
    ");
}

#[test]
fn an_orphan_that_the_rules_for_copies_want_stays() {
    let inventory = world()
        .with(orphan("snap-1", 20))
        .with_in("eu-west-1", orphan("snap-2", 20))
        .with_in("eu-west-1", web("ami-1", 22).of("i-1"))
        .with_in("eu-west-1", web("ami-2", 22).copied_from("ami-3", HOME))
        .with(web("ami-3", 22));
    insta::assert_snapshot!(thinned(copied("last=1", Some("last=2")), &inventory), @r"
    eu-west-1: ami-1 stays: last 1 of 1
    eu-west-1: ami-2 stays: last 1 of 2
    eu-west-1: snap-2 stays: last 2 of 2
    ami-3 stays: last 1 of 1
    snap-1 goes: no keep rule of web wants it any more
    ");
}

#[test]
fn a_snapshot_with_a_series_of_its_own_is_found_again_and_needs_no_image() {
    // Both are made of it: the first to go leaves it to the last.
    let shared = world().with(web("ami-1", 20).with_snapshot("snap-1")).with(web("ami-2", 21).made_of("snap-1")).with(web("ami-3", 22));
    insta::assert_snapshot!(thinned(rule("last=1"), &shared), @r"
    ami-1 goes: no keep rule of web wants it any more
    ami-2 goes: no keep rule of web wants it any more; snap-1 stays: it has no expiry
    ami-3 stays: last 1 of 1
    ");
    let unmarked =
        world().with(web("ami-1", 20).with(snapshot("snap-1").unmarked())).with(web("ami-2", 21).made_of("snap-1")).with(web("ami-3", 22));
    insta::assert_snapshot!(thinned(rule("last=1"), &unmarked), @r"
    ami-1 stays: ami-00000002 is made of its snapshot snap-00000001, too, which without a mark and an expiry of its own would not be found again
    ami-2 goes: no keep rule of web wants it any more; snap-1 stays: it bears no mark, and EC2 did not make it for this image
    ami-3 stays: last 1 of 1
    ");
}

#[test]
fn only_a_policy_finds_a_snapshot_by_its_series() {
    let of_none = world().with(web("ami-1", 20).with(snapshot("snap-1"))).with(web("ami-2", 22));
    insta::assert_snapshot!(thinned(rule("last=1"), &of_none), @r"
    ami-1 goes with snap-1: no keep rule of web wants it any more
    ami-2 stays: last 1 of 1
    ");
    let covered = |policy: &PurgePolicy, inventory: &Inventory| match &plan_by(policy, inventory).steps[0].action {
        Action::RemoveImage(remove) => remove.covered.clone(),
        other => panic!("{other:?}"),
    };
    let series = |inventory: &Inventory| PurgePolicy { series: Some(rules(rule("last=1"))), ..policy(inventory) };
    assert_eq!(covered(&series(&of_none), &of_none), [id("snap-1")]);
    let expired = world().with(web("ami-1", 20).expired().with(snapshot("snap-1").of_series("web")));
    assert_eq!(covered(&policy(&expired), &expired), [id("snap-1")]);
    assert_eq!(covered(&series(&expired), &expired), []);
}

#[test]
fn without_a_policy_what_is_of_a_series_and_has_no_expiry_stays() {
    insta::assert_snapshot!(purge(&world().with(web("ami-1", 1)).with(web("ami-2", 2)).with(orphan("snap-1", 1))), @r"
    ami-1 stays: it has no expiry
    ami-2 stays: it has no expiry
    snap-1 stays: it has no expiry
    ");
}
