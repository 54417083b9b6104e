//! What backups lack by their policy. Whatever a test mends, the guard has let pass.

use jiff::tz::TimeZone;

use super::*;
use crate::fixture::{HOME, TheImage, at, backup, now, region, short, snapshot, world};
use crate::guard::{Permit, guard};
use crate::inventory::{ImageState, Scope};
use crate::plan::Plan;
use crate::retention::keep;

const WEST: &str = "eu-west-1";

/// What is wanted for the series `web`, of which the newest two are kept.
fn rules(deprecate_after: Option<&str>, protect: Option<Protect>) -> SeriesRules {
    let rule = SeriesRule {
        keep: keep("last=2"),
        zone: TimeZone::UTC,
        keep_uncopied: None,
        allow_empty: false,
        copies: [(region(WEST), None)].into(),
        deprecate_after: deprecate_after.map(|text| text.parse().unwrap()),
        protect,
    };
    SeriesRules { targets: [("web".parse().unwrap(), rule)].into(), ..SeriesRules::default() }
}

fn deprecating() -> SeriesRules {
    rules(Some("30d"), None)
}

fn protecting() -> SeriesRules {
    rules(None, Some(Protect::UntilLifted))
}

/// A backup of `web` at two in the morning of that day of November.
fn web(short_id: &str, day: u32) -> TheImage {
    backup(short_id).of_series("web").slot(&format!("2026-11-{day:02}T02:00:00Z"))
}

fn mended_at(inventory: &Inventory, rules: &SeriesRules, now: Timestamp) -> Vec<String> {
    let lacking = decide(inventory, rules, now);
    let plan = Plan { steps: lacking.iter().map(|lacking| lacking.step.clone()).collect(), ..Plan::default() };
    guard(plan, inventory, Permit::Mend(rules), now).unwrap();
    lacking.iter().map(|lacking| format!("{} {} {}", lacking.step.region, short(&lacking.backup.image), lacking.wish)).collect()
}

fn mended(inventory: &Inventory, rules: &SeriesRules) -> Vec<String> {
    mended_at(inventory, rules, now())
}

/// The world once EC2 has done all of it.
fn done(mut inventory: Inventory, rules: &SeriesRules, now: Timestamp) -> Inventory {
    for Lacking { step, wish, backup, .. } in decide(&inventory, rules, now) {
        let images = &mut inventory.regions.get_mut(&step.region).unwrap().images;
        let image = images.iter_mut().find(|image| image.id == backup.image).unwrap();
        match wish {
            Wish::Deprecation { at } => image.deprecation = Some(at),
            Wish::Protection { .. } => image.protection = Protection::On("enabled-without-cooldown".to_owned()),
        }
    }
    inventory
}

fn nothing() -> Vec<String> {
    Vec::new()
}

#[test]
fn a_backup_and_its_copy_are_deprecated_so_long_after_their_slot() {
    let inventory = world().with(web("ami-1", 22)).with_in(WEST, web("ami-2", 22).copied_from("ami-1", HOME));
    assert_eq!(
        mended(&inventory, &deprecating()),
        ["eu-west-1 ami-2 deprecated from 2026-12-22 02:00Z", "us-east-1 ami-1 deprecated from 2026-12-22 02:00Z"]
    );
    assert_eq!(mended(&done(inventory, &deprecating(), now()), &deprecating()), nothing(), "a second run finds nothing to do");
}

#[test]
fn a_backup_is_protected_as_the_policy_says() {
    let inventory = world().with(web("ami-1", 22));
    assert_eq!(mended(&inventory, &protecting()), ["us-east-1 ami-1 protected from deregistration"]);
    let with_cooldown = rules(Some("30d"), Some(Protect::WithCooldown));
    assert_eq!(
        mended(&inventory, &with_cooldown),
        ["us-east-1 ami-1 deprecated from 2026-12-22 02:00Z", "us-east-1 ami-1 protected from deregistration with a day's cooldown"]
    );
    assert_eq!(mended(&done(inventory, &with_cooldown, now()), &with_cooldown), nothing());
}

#[test]
fn what_is_protected_in_any_way_or_still_for_a_day_is_left_as_it_is() {
    let mut cooling = web("ami-1", 22);
    cooling.image.protection = Protection::On("disabling-with-cooldown".to_owned());
    assert_eq!(mended(&world().with(cooling).with(web("ami-2", 21).protected()), &protecting()), nothing());
}

#[test]
fn nothing_is_asked_of_ec2_that_the_policy_does_not_ask() {
    let mut deprecated = web("ami-1", 22).protected();
    deprecated.image.deprecation = Some(at("2027-01-01T00:00:00Z"));
    assert_eq!(mended(&world().with(deprecated).with(web("ami-2", 21)), &rules(None, None)), nothing());
}

#[test]
fn only_what_is_there_and_kept_by_the_rules_is_mended() {
    let third = world().with(web("ami-1", 20)).with(web("ami-2", 21)).with(web("ami-3", 22));
    assert_eq!(
        mended(&third, &protecting()),
        ["us-east-1 ami-2 protected from deregistration", "us-east-1 ami-3 protected from deregistration"],
        "the rules have let the oldest go: whoever lifted its protection wants it gone"
    );
    let states = [ImageState::Pending, ImageState::Failed, ImageState::Disabled, ImageState::Unusable, ImageState::Deregistered];
    for state in states {
        assert_eq!(mended(&world().with(web("ami-1", 22).being(state)), &protecting()), nothing(), "{state}");
    }
    let others = [
        backup("ami-1"),
        web("ami-1", 22).of_series("db"),
        web("ami-1", 22).of_series("Web!"),
        web("ami-1", 22).untagged("Creator"),
        web("ami-1", 22).tagged("Creator", "dlm"),
        web("ami-1", 22).owned_by(crate::fixture::THEIRS),
        web("ami-1", 22).untagged("Date"),
        web("ami-1", 24),
        web("ami-1", 22).tagged("Instance", "i-00000002"),
        web("ami-1", 22).expiring(100),
        web("ami-1", 22).tagged("Expire", "some day"),
    ];
    for image in others {
        let tags = image.image.tags.clone();
        assert_eq!(mended(&world().with(image), &rules(Some("30d"), Some(Protect::UntilLifted))), nothing(), "{tags:?}");
    }
    assert_eq!(mended(&world().with(web("ami-1", 22)).with(web("ami-1", 21)), &protecting()), nothing(), "listed in two ways");
    assert_eq!(mended(&Inventory { account: None, ..world().with(web("ami-1", 22)) }, &protecting()), nothing());
}

#[test]
fn the_backups_of_a_region_are_enough_and_one_that_was_not_read_is_left_alone() {
    let partly = world().with(web("ami-1", 22)).seen(HOME, Scope::Partial);
    assert_eq!(mended(&partly, &protecting()).len(), 1);
    let unseen = partly.seen(HOME, Scope::Unseen("a storm".to_owned()));
    assert_eq!(mended(&unseen, &protecting()), nothing());
}

#[test]
fn a_pin_does_not_keep_a_backup_from_being_looked_after() {
    let pinned = world().with(web("ami-1", 22).pinned("audit").with(snapshot("snap-1")));
    assert_eq!(mended(&pinned, &protecting()).len(), 1);
}

#[test]
fn a_date_that_is_over_is_asked_for_as_soon_as_ec2_takes_it_and_once() {
    let inventory = world().with(web("ami-1", 1));
    let long_ago = rules(Some("7d"), None);
    assert_eq!(mended(&inventory, &long_ago), ["us-east-1 ami-1 deprecated from 2026-11-23 02:05Z"]);
    let inventory = done(inventory, &long_ago, now());
    for later in ["2026-11-23T02:00:00Z", "2026-11-23T02:03:20Z", "2026-11-23T02:30:00Z", "2027-11-23T02:00:00Z"] {
        assert_eq!(mended_at(&inventory, &long_ago, at(later)), nothing(), "{later}");
    }
    // One that is due while the call is on its way might be in the past when it arrives.
    let in_a_moment = rules(Some("22d2min"), None);
    let begun = world().with(web("ami-1", 1));
    assert_eq!(mended_at(&begun, &in_a_moment, at("2026-11-23T02:00:01Z")), ["us-east-1 ami-1 deprecated from 2026-11-23 02:06Z"]);
}

#[test]
fn the_policy_decides_over_a_date_that_is_there() {
    let with = |date: &str| {
        let mut image = web("ami-1", 22);
        image.image.deprecation = Some(at(date));
        world().with(image)
    };
    assert_eq!(mended(&with("2026-12-22T02:00:00Z"), &deprecating()), nothing());
    for other in ["2026-11-01T00:00:00Z", "2026-12-22T02:01:00Z", "2030-01-01T00:00:00Z"] {
        assert_eq!(mended(&with(other), &deprecating()), ["us-east-1 ami-1 deprecated from 2026-12-22 02:00Z"], "{other}");
    }
    let long_ago = rules(Some("1h"), None);
    assert_eq!(mended(&with("2026-11-01T00:00:00Z"), &long_ago), nothing(), "it is deprecated, which is all that is left to want");
    assert_eq!(mended(&with("2030-01-01T00:00:00Z"), &long_ago), ["us-east-1 ami-1 deprecated from 2026-11-23 02:05Z"]);
}

#[test]
fn a_date_is_of_a_whole_minute_so_that_it_comes_back_as_it_was_sent() {
    let inventory = world().with(backup("ami-1").of_series("web").slot("2026-11-22T02:00:01Z"));
    assert_eq!(mended(&inventory, &deprecating()), ["us-east-1 ami-1 deprecated from 2026-12-22 02:01Z"]);
    assert_eq!(mended(&done(inventory, &deprecating(), now()), &deprecating()), nothing());
}

#[test]
fn days_are_those_of_the_policys_time_zone_and_an_instances_own_rule_goes_first() {
    let mut rules = rules(Some("1d"), None);
    let rule = rules.targets.values_mut().next().unwrap();
    rule.zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let own = SeriesRule { deprecate_after: None, ..rule.clone() };
    // The clocks go back: that day has 25 hours.
    let inventory = world().with(backup("ami-1").of_series("web").slot("2026-10-24T22:00:00Z"));
    let night = at("2026-10-24T22:10:00Z");
    assert_eq!(mended_at(&inventory, &rules, night), ["us-east-1 ami-1 deprecated from 2026-10-25 23:00Z"]);
    rules.instances.insert(("web".parse().unwrap(), crate::fixture::id("i-1")), own);
    assert_eq!(mended_at(&inventory, &rules, night), nothing());
}
