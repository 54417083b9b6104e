//! What a simulation tells, and that it tells what a plain loop over the hours finds.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngAlgorithm;

use super::*;
use crate::fixture::{HOME, TheImage, at, backup, id, instance, region, world};
use crate::inventory::ImageState;
use crate::policy::file::SELF;
use crate::policy::select::InstanceState;
use crate::retention::Member;
use crate::tags::Tags;

/// A policy of one target `web` for all, with these settings.
fn web(settings: &str) -> Policy {
    policy(&format!("[[target]]\nname = 'web'\nselect = {{ all = true }}\n{settings}"))
}

fn policy(text: &str) -> Policy {
    Policy::read(text, "ami-backup.toml").unwrap_or_else(|errors| panic!("{errors}")).0
}

fn days(first: &str, last: &str) -> DateRange {
    DateRange { first: first.parse().unwrap(), last: last.parse().unwrap() }
}

fn replay(policy: &Policy, from: &str, days: u32, missed: &[DateRange]) -> Simulation {
    let instances = [instance("i-1", &[])];
    simulate(policy, SELF, Start { from: at(from), instances: &instances, inventory: None }, days, missed).unwrap()
}

/// Which slots are left at the end of each day of the simulation, in the instance's region.
fn left(simulation: &Simulation, from: &str) -> Vec<Vec<Timestamp>> {
    let kept = |day: usize| {
        let end = at(from) + SignedDuration::from_hours(24 * (i64::try_from(day).unwrap() + 1)) - SignedDuration::from_secs(1);
        let kept = simulation.kept_at(&region(HOME), &id("i-1"), end);
        kept.into_iter().filter(|(place, _)| place.as_str() == HOME).map(|(_, slot)| slot).collect()
    };
    (0..simulation.days.len()).map(kept).collect()
}

/// The same by a loop over the hours: at each, the newest slot is made up for, and what the rules do not want goes.
fn naive(policy: &Policy, from: &str, days: u32, missed: &[DateRange]) -> Vec<Vec<Timestamp>> {
    let settings = &policy.targets[0].settings;
    let tags = Tags::default();
    let mut there: Vec<Timestamp> = Vec::new();
    let mut left = Vec::new();
    for hour in 0..i64::from(days) * 24 {
        let now = at(from) + SignedDuration::from_hours(hour);
        let today = now.to_zoned(settings.zone.clone()).date();
        let slot = settings.schedule.newest_slot(now).unwrap();
        if !missed.iter().any(|range| (range.first..=range.last).contains(&today)) && there.last() != Some(&slot) {
            there.push(slot);
            let members: Vec<Member<'_>> = there.iter().map(|slot| Member { slot: *slot, tags: &tags }).collect();
            let mut wants = settings.keep.wants(&members, &settings.zone).into_iter();
            there.retain(|other| wants.next().unwrap() || *other == slot);
        }
        if hour % 24 == 23 {
            left.push(there.clone());
        }
    }
    left
}

/// What there is on the last of so many days, each on a line.
fn told(simulation: &Simulation, last: usize) -> String {
    let day = |day: &Day| {
        let region = |(region, kept): (&Region, &Kept)| {
            let Kept { backups, by_rule, newest, otherwise, gib_at_most, gib_at_most_unchanged } = kept;
            let mut why: Vec<String> = by_rule.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
            why.extend((*newest > 0).then(|| format!("newest {newest}")));
            why.extend((*otherwise > 0).then(|| format!("otherwise {otherwise}")));
            let gib = gib_at_most_unchanged.zip(*gib_at_most).map(|(unchanged, most)| format!("{unchanged} to {most} GiB"));
            format!("{region} {backups} ({}), {}", why.join(", "), gib.as_deref().unwrap_or("? GiB"))
        };
        let regions: Vec<String> = day.regions.iter().map(region).collect();
        format!("{} +{} -{}: {}; back to {}", day.date, day.made, day.gone, regions.join("; "), day.oldest.unwrap())
    };
    simulation.days[simulation.days.len() - last..].iter().map(day).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_day_tells_what_is_kept_where_and_by_which_tier() {
    let policy = web("schedule = '0 2 * * *'\nkeep-daily = 3\nkeep-weekly = 2\ncopy = [{ region = 'eu-west-1', keep-last = 1 }]");
    let simulation = replay(&policy, "2026-11-01T00:00:00Z", 20, &[]);
    insta::assert_snapshot!(told(&simulation, 4), @r"
    2026-11-17 +2 -2: eu-west-1 1 (last 1), 508 to 508 GiB; us-east-1 3 (daily 3), 508 to 1524 GiB; back to 2026-11-15T02:00:00Z
    2026-11-18 +2 -1: eu-west-1 1 (last 1), 508 to 508 GiB; us-east-1 4 (daily 3, weekly 1), 508 to 2032 GiB; back to 2026-11-15T02:00:00Z
    2026-11-19 +2 -2: eu-west-1 1 (last 1), 508 to 508 GiB; us-east-1 4 (daily 3, weekly 1), 508 to 2032 GiB; back to 2026-11-15T02:00:00Z
    2026-11-20 +2 -2: eu-west-1 1 (last 1), 508 to 508 GiB; us-east-1 4 (daily 3, weekly 1), 508 to 2032 GiB; back to 2026-11-15T02:00:00Z
    ");
    assert_eq!((simulation.instances, simulation.kinds), (1, 1));
}

#[test]
fn missed_days_are_made_up_for_once_when_they_are_over() {
    let policy = web("schedule = '0 2 * * *'\ntime-zone = 'Europe/Paris'\nkeep-last = 10");
    let (from, missed) = ("2026-12-20T00:00:00Z", [days("2026-12-24", "2026-12-26")]);
    let simulation = replay(&policy, from, 9, &missed);
    let left: Vec<String> = left(&simulation, from).pop().unwrap().into_iter().map(|slot| slot.to_string()).collect();
    insta::assert_snapshot!(left.join("\n"), @r"
    2026-12-19T01:00:00Z
    2026-12-20T01:00:00Z
    2026-12-21T01:00:00Z
    2026-12-22T01:00:00Z
    2026-12-23T01:00:00Z
    2026-12-26T01:00:00Z
    2026-12-27T01:00:00Z
    2026-12-28T01:00:00Z
    ");
    let made: Vec<u64> = simulation.days.iter().map(|day| day.made).collect();
    assert_eq!(made, [2, 1, 1, 1, 0, 0, 1, 1, 1], "at midnight in Paris the last of the missed ones is made up for");
}

#[test]
fn clocks_that_change_and_leap_days_are_days_like_others() {
    let rules = "time-zone = 'Europe/Paris'\nkeep-hourly = 5\nkeep-daily = 4\nkeep-weekly = 3\nkeep-monthly = 3";
    for schedule in
        ["schedule = '30 2 * * *'", "schedule = '0 2 * * *'", "schedule = '0 */3 * * *'", "schedule = '0 2 29 2 *'", "every = '1d'"]
    {
        for (from, length) in [("2028-02-20T00:00:00Z", 50), ("2026-10-15T00:00:00Z", 20)] {
            let policy = web(&format!("{schedule}\n{rules}"));
            // The loop looks on the hour only.
            if schedule.contains("30") {
                assert_eq!(replay(&policy, from, length, &[]).days.len(), usize::try_from(length).unwrap());
                continue;
            }
            assert_eq!(left(&replay(&policy, from, length, &[]), from), naive(&policy, from, length, &[]), "{schedule} from {from}");
        }
    }
}

/// A backup of the series `web`, two hours into a day of November.
fn web_backup(number: u32) -> TheImage {
    backup(&format!("ami-{number}")).of_series("web").slot(&format!("2026-11-{number:02}T02:00:00Z"))
}

fn replay_on(policy: &Policy, instances: &[Instance], inventory: &Inventory, days: u32) -> Simulation {
    let start = Start { from: at("2026-11-10T00:00:00Z"), instances, inventory: Some(inventory) };
    simulate(policy, SELF, start, days, &[]).unwrap()
}

#[test]
fn what_there_is_at_the_beginning_is_thinned_too_and_a_pin_holds() {
    let mut inventory = world().with(web_backup(1).pinned("audit")).with(backup("ami-30").slot("2026-11-05T02:00:00Z"));
    for number in 2..10 {
        let image = web_backup(number);
        inventory = inventory.with(if number == 3 { image.protected() } else { image });
    }
    let policy = web("schedule = '0 2 * * *'\nkeep-last = 2");
    let simulation = replay_on(&policy, &[instance("i-1", &[]), instance("i-3", &[])], &inventory, 2);
    assert_eq!((simulation.instances, simulation.ended, simulation.kinds), (2, 0, 2));
    insta::assert_snapshot!(told(&simulation, 2), @r"
    2026-11-10 +3 -7: us-east-1 5 (last 4, otherwise 1), 1016 to 2540 GiB; back to 2026-11-01T02:00:00Z
    2026-11-11 +2 -2: us-east-1 5 (last 4, otherwise 1), 1016 to 2540 GiB; back to 2026-11-01T02:00:00Z
    ");
}

#[test]
fn series_of_instances_that_are_gone_end_as_the_policy_lets_them() {
    let mut inventory = world().with_in("eu-west-1", web_backup(9).of("i-2").of_series("db"));
    for number in 2..10 {
        inventory = inventory.with(web_backup(number).of("i-2"));
    }
    let policy = web("schedule = '0 2 * * *'\nkeep-last = 2");
    let simulation = replay_on(&policy, &[], &inventory, 3);
    assert_eq!((simulation.instances, simulation.ended, simulation.kinds), (0, 2, 2));
    insta::assert_snapshot!(told(&simulation, 3), @r"
    2026-11-10 +0 -6: eu-west-1 1 (otherwise 1), 0 to 0 GiB; us-east-1 2 (last 2), 0 to 0 GiB; back to 2026-11-08T02:00:00Z
    2026-11-11 +0 -0: eu-west-1 1 (otherwise 1), 0 to 0 GiB; us-east-1 2 (last 2), 0 to 0 GiB; back to 2026-11-08T02:00:00Z
    2026-11-12 +0 -0: eu-west-1 1 (otherwise 1), 0 to 0 GiB; us-east-1 2 (last 2), 0 to 0 GiB; back to 2026-11-08T02:00:00Z
    ");
    // It is still there, but of another target by now.
    let policy = self::policy(
        "[defaults]\nschedule = '0 2 * * *'\nkeep-last = 3\n[[target]]\nname = 'web'\nselect = { ids = ['i-00000009'] }\n\
         [[target]]\nname = 'all'\nselect = { all = true }",
    );
    let simulation = replay_on(&policy, &[instance("i-2", &[])], &inventory, 1);
    assert_eq!((simulation.instances, simulation.ended), (1, 2));
    let all = simulation.kept_at(&region(HOME), &id("i-2"), at("2026-11-10T23:00:00Z"));
    let here = all.iter().filter(|(place, _)| place.as_str() == HOME);
    let days: Vec<String> = here.map(|(_, slot)| slot.strftime("%d").to_string()).collect();
    assert_eq!(days, ["07", "08", "09", "10"], "of the series that ended three stay, and the newest of them is due in the other one");
}

#[test]
fn an_expiry_is_waited_for_though_nothing_new_comes() {
    let inventory = world().with(web_backup(1).of("i-2").tagged("Expire", "2026-11-12T00:00:00Z")).with(web_backup(2).of("i-2"));
    let simulation = replay_on(&web("schedule = '0 2 * * *'\nkeep-last = 2"), &[], &inventory, 4);
    assert_eq!(simulation.days.iter().map(|day| day.gone).collect::<Vec<_>>(), [0, 0, 1, 0]);
    let forgotten = simulation.first_forgotten().unwrap();
    assert_eq!((forgotten.at, forgotten.slot), (at("2026-11-12T02:00:00Z"), at("2026-11-01T02:00:00Z")));
}

#[test]
fn a_size_that_is_not_known_makes_the_whole_unknown() {
    let known = |gib: Option<u64>| {
        let mut image = web_backup(1).with_snapshot("snap-1");
        image.image.mappings[0].size_gib = gib;
        let inventory = world().with(image);
        let simulation = replay_on(&web("schedule = '0 2 * * *'\nkeep-last = 2"), &[instance("i-1", &[])], &inventory, 1);
        let kept = simulation.days[0].regions[&region(HOME)].clone();
        (kept.backups, kept.gib_at_most_unchanged, kept.gib_at_most)
    };
    assert_eq!(known(Some(100)), (2, Some(508), Some(1016)), "as large as the volumes are now");
    assert_eq!(known(Some(900)), (2, Some(900), Some(1800)), "as large as they were");
    assert_eq!(known(None), (2, None, None));
    let mut one = instance("i-1", &[]);
    one.volumes[1].size_gib = None;
    let simulation = replay_on(&web("schedule = '0 2 * * *'\nkeep-last = 2"), &[one, instance("i-2", &[])], &world(), 1);
    assert_eq!(simulation.days[0].regions[&region(HOME)].gib_at_most, None);
}

#[test]
fn days_end_at_midnight() {
    let simulation = replay(&web("schedule = '0 2 * * *'\nkeep-daily = 9"), "2026-11-10T19:40:00Z", 3, &[]);
    let days: Vec<(String, u64)> = simulation.days.iter().map(|day| (day.date.to_string(), day.made)).collect();
    assert_eq!(days, [("2026-11-10".to_owned(), 1), ("2026-11-11".to_owned(), 1), ("2026-11-12".to_owned(), 1)]);
}

#[test]
fn what_cannot_be_had_back_is_what_leaves_nothing_as_old() {
    let policy = web("schedule = '0 2 * * *'\nkeep-daily = 3\ncopy = [{ region = 'eu-west-1', keep-daily = 5 }]");
    let simulation = replay(&policy, "2026-11-01T00:00:00Z", 10, &[]);
    let forgotten = simulation.first_forgotten().unwrap();
    assert_eq!((forgotten.at, forgotten.slot), (at("2026-11-05T02:00:00Z"), at("2026-10-31T02:00:00Z")), "the copy outlives its source");
    assert_eq!((forgotten.region.as_str(), forgotten.instance), ("eu-west-1", id("i-1")));
    assert_eq!(replay(&web("schedule = '0 2 * * *'\nkeep-last = 99"), "2026-11-01T00:00:00Z", 10, &[]).first_forgotten(), None);
}

#[test]
fn the_first_thing_that_another_policy_would_keep_is_found() {
    let short = web("schedule = '0 2 * * *'\nkeep-daily = 3");
    let long = web("schedule = '0 2 * * *'\nkeep-daily = 5");
    let (from, length) = ("2026-11-01T00:00:00Z", 10);
    let (short, long) = (replay(&short, from, length, &[]), replay(&long, from, length, &[]));
    let loss = short.first_lost(&long).unwrap();
    assert_eq!((loss.at, loss.slot), (at("2026-11-03T02:00:00Z"), at("2026-10-31T02:00:00Z")));
    assert_eq!((loss.series.as_str(), loss.instance, loss.region), ("web", id("i-1"), region(HOME)));
    assert_eq!(long.first_lost(&short), None);
    assert_eq!(short.first_lost(&short), None);
    assert_eq!(short.in_both(&long), 1);
}

#[test]
fn a_policy_that_has_no_target_for_a_series_keeps_it() {
    let inventory = (2..10).fold(world(), |inventory, number| inventory.with(web_backup(number)));
    let instances = [instance("i-1", &[])];
    let nightly = policy("[[target]]\nname = 'nightly'\nselect = { all = true }\nschedule = '0 2 * * *'\nkeep-last = 2");
    let web = replay_on(&web("schedule = '0 2 * * *'\nkeep-last = 2"), &instances, &inventory, 3);
    let renamed = replay_on(&nightly, &instances, &inventory, 3);
    assert_eq!((web.in_both(&renamed), renamed.first_lost(&web)), (1, None));
    assert_eq!(web.first_lost(&renamed).map(|loss| loss.slot), Some(at("2026-11-02T02:00:00Z")));
}

#[test]
fn instances_are_invented_for_every_target_whatever_it_selects_by() {
    let one = policy(
        "[defaults]\nschedule = '0 2 * * *'\nkeep-daily = 2\n[[target]]\nname = 'web'\nselect = { tags = ['Role=web'] }\n\
         copy = [{ region = 'us-east-1' }]\n[[target]]\nname = 'db'\nselect = { names = ['db-*'] }\nregions = ['eu-central-1', 'eu-west-1']\n\
         copy = [{ region = 'eu-central-1' }]",
    );
    let other = policy("[[target]]\nname = 'db'\nselect = { all = true }\nschedule = '0 2 * * *'\nkeep-daily = 3");
    let mut policies = [one, other];
    let instances = invented(&mut policies, 3, None);
    let places: Vec<&str> = instances.iter().map(|instance| instance.region.as_str()).collect();
    assert_eq!(places, ["us-west-2", "us-west-2", "us-west-2", "eu-west-1", "eu-west-1", "eu-west-1"]);
    let start = Start { from: at("2026-11-01T00:00:00Z"), instances: &instances, inventory: None };
    let [one, other] = policies.map(|policy| simulate(&policy, SELF, start, 4, &[]).unwrap());
    assert_eq!((one.instances, one.kinds, other.instances, one.in_both(&other)), (6, 2, 3, 3));
    assert_eq!(one.days[3].regions[&region("us-west-2")].gib_at_most, None, "nobody has said how large their volumes are");
    assert_eq!(one.first_lost(&other).map(|loss| loss.series.to_string()).as_deref(), Some("db"));
}

#[test]
fn at_the_very_instant_of_a_run_there_is_what_it_leaves() {
    let simulation = replay(&web("schedule = '0 2 * * *'\nkeep-daily = 3"), "2026-11-01T00:00:00Z", 10, &[]);
    let at_that = |now: &str| {
        let kept = simulation.kept_at(&region(HOME), &id("i-1"), at(now));
        kept.into_iter().map(|(_, slot)| slot.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(at_that("2026-11-03T01:59:59Z"), "2026-10-31T02:00:00Z 2026-11-01T02:00:00Z 2026-11-02T02:00:00Z");
    assert_eq!(at_that("2026-11-03T02:00:00Z"), "2026-11-01T02:00:00Z 2026-11-02T02:00:00Z 2026-11-03T02:00:00Z");
}

#[test]
fn only_what_is_backed_up_counts_and_those_that_are_alike_count_together() {
    let instances = [
        instance("i-1", &[("Name", "a")]),
        instance("i-2", &[("Name", "b")]),
        instance("i-3", &[("ami-backup:keep-daily", "5")]),
        instance("i-4", &[("ami-backup:exclude", "")]),
        Instance { state: InstanceState::Terminated, ..instance("i-5", &[]) },
        Instance { state: InstanceState::Stopping, ..instance("i-6", &[]) },
        instance("i-1", &[]),
    ];
    let policy = web("schedule = '0 2 * * *'\nkeep-daily = 3\nexclude-volumes = { devices = ['/dev/sdf'] }");
    let start = Start { from: at("2026-11-01T00:00:00Z"), instances: &instances, inventory: None };
    let simulation = simulate(&policy, SELF, start, 30, &[]).unwrap();
    assert_eq!((simulation.instances, simulation.kinds), (4, 2));
    insta::assert_snapshot!(told(&simulation, 1), @"2026-11-30 +4 -4: us-east-1 14 (daily 14), 32 to 112 GiB; back to 2026-11-26T02:00:00Z");
}

#[test]
fn a_run_at_midnight_is_of_the_day_that_begins() {
    let simulation = replay(&web("schedule = '0 0 * * *'\nkeep-daily = 3"), "2026-11-01T00:00:00Z", 3, &[]);
    let kept: Vec<u64> = simulation.days.iter().map(|day| day.regions[&region(HOME)].backups).collect();
    assert_eq!(kept, [1, 2, 3]);
}

#[test]
fn a_slot_is_there_as_long_as_any_backup_of_it() {
    let web_backup = |short_id: &str| backup(short_id).of_series("web").slot("2026-10-31T02:00:00Z");
    let inventory = world().with(web_backup("ami-1")).with(web_backup("ami-2").pinned("audit"));
    let instances = [instance("i-1", &[])];
    let start = Start { from: at("2026-11-01T00:00:00Z"), instances: &instances, inventory: Some(&inventory) };
    let simulation = simulate(&web("schedule = '0 2 * * *'\nkeep-daily = 1"), SELF, start, 1, &[]).unwrap();
    assert_eq!(simulation.days[0].gone, 1);
    let kept = simulation.kept_at(&region(HOME), &id("i-1"), at("2026-11-01T12:00:00Z"));
    assert!(kept.contains(&(region(HOME), at("2026-10-31T02:00:00Z"))));
}

#[test]
fn what_no_rule_wants_is_kept_as_the_newest() {
    let simulation = replay(&web("schedule = '0 2 * * *'\nkeep-tag = ['Keep']"), "2026-11-01T00:00:00Z", 3, &[]);
    insta::assert_snapshot!(told(&simulation, 1), @"2026-11-03 +1 -1: us-east-1 1 (newest 1), 508 to 508 GiB; back to 2026-11-03T02:00:00Z");
}

#[test]
fn those_that_begin_with_the_like_are_alike() {
    let web_backup = |number: u32, instance: &str| {
        let named = backup(&format!("ami-{number}")).tagged("Name", instance).tagged("AvailabilityZone", instance);
        named.of_series("web").slot("2026-10-31T02:00:00Z").of(instance)
    };
    let instances = [instance("i-1", &[]), instance("i-2", &[])];
    let kinds = |other: TheImage| {
        let inventory = world().with(web_backup(1, "i-1")).with(other);
        let start = Start { from: at("2026-11-01T00:00:00Z"), instances: &instances, inventory: Some(&inventory) };
        simulate(&web("schedule = '0 2 * * *'\nkeep-daily = 3"), SELF, start, 1, &[]).unwrap().kinds
    };
    assert_eq!(kinds(web_backup(2, "i-2")), 1);
    assert_eq!(kinds(web_backup(2, "i-2").pinned("audit")), 2);
    assert_eq!(kinds(web_backup(2, "i-2").being(ImageState::Disabled)), 2);
}

#[test]
fn one_that_is_stopping_now_has_stopped_by_the_next_run() {
    let instances = [Instance { state: InstanceState::Stopping, ..instance("i-1", &[]) }];
    let start = Start { from: at("2026-11-01T00:00:00Z"), instances: &instances, inventory: None };
    let simulation = simulate(&web("schedule = '0 2 * * *'\nkeep-daily = 3"), SELF, start, 3, &[]).unwrap();
    assert_eq!(simulation.days.iter().map(|day| day.made).collect::<Vec<_>>(), [2, 1, 1]);
}

#[test]
fn without_days_or_instances_there_is_nothing_to_tell() {
    let policy = web("schedule = '0 2 * * *'\nkeep-daily = 3");
    assert_eq!(replay(&policy, "2026-11-01T00:00:00Z", 0, &[]).days, []);
    let start = Start { from: at("2026-11-01T00:00:00Z"), instances: &[], inventory: None };
    let simulation = simulate(&policy, SELF, start, 1, &[]).unwrap();
    assert_eq!((simulation.days.len(), simulation.instances), (1, 0));
    let ever = Start { from: Timestamp::MAX, ..start };
    assert_eq!(simulate(&policy, SELF, ever, 3, &[]).unwrap().days.len(), 3);
}

#[test]
fn a_year_of_a_thousand_instances_takes_seconds() {
    let targets: Vec<String> = ["'0 1 * * *'", "'0 2 * * *'", "'0 */6 * * *'", "'0 3 * * SUN'"]
        .iter()
        .enumerate()
        .map(|(number, schedule)| {
            format!(
                "[[target]]\nname = 't{number}'\nselect = {{ tags = ['Tier={number}'] }}\nschedule = {schedule}\nkeep-daily = 7\nkeep-weekly = 4\n\
                 keep-monthly = 12\ncopy = [{{ region = 'eu-west-1', keep-monthly = 3 }}]\n"
            )
        })
        .collect();
    let policy = policy(&targets.concat());
    let tiers = ["0", "1", "2", "3"];
    let instances: Vec<Instance> = (0..1_000)
        .map(|number: usize| Instance { id: format!("i-{number:08x}").parse().unwrap(), ..instance("i-1", &[("Tier", tiers[number % 4])]) })
        .collect();
    let start = Instant::now();
    let from = Start { from: at("2026-01-01T00:00:00Z"), instances: &instances, inventory: None };
    let simulation = simulate(&policy, SELF, from, 365, &[]).unwrap();
    let took = start.elapsed();
    assert_eq!((simulation.instances, simulation.kinds, simulation.days.len()), (1_000, 4, 365));
    // Unoptimised, on a busy machine.
    assert!(took < Duration::from_mins(1), "{took:?}");
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let schedule = select(vec![
        "schedule = '0 2 * * *'",
        "schedule = '0 */5 * * *'",
        "schedule = '0 4 * * SUN'",
        "schedule = '0 1 L * *'",
        "every = '7h'",
    ]);
    let zone = select(vec!["UTC", "Europe/Paris", "America/New_York", "Pacific/Auckland"]);
    let count = || prop::option::of(1..6_u32);
    let within = prop::option::of(select(vec!["36h", "3d", "1mo"]));
    (schedule, zone, count(), count(), count(), count(), count(), within).prop_map(
        |(schedule, zone, last, hourly, daily, weekly, monthly, within)| {
            let counts = [("last", last), ("hourly", hourly), ("daily", daily), ("weekly", weekly), ("monthly", monthly)];
            let counts = counts.into_iter().filter_map(|(rule, count)| Some(format!("keep-{rule} = {}\n", count?)));
            let rules: String = counts.chain(within.map(|within| format!("keep-within = '{within}'\n"))).collect();
            web(&format!("{schedule}\ntime-zone = '{zone}'\nkeep-yearly = 1\n{rules}"))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, rng_algorithm: RngAlgorithm::XorShift, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_a_loop_over_the_hours(policy in any_policy(), first in 0..300_i64, gap in prop::option::of((3..40_i64, 0..6_i64))) {
        let start = at("2027-06-01T00:00:00Z") + SignedDuration::from_hours(24 * first);
        let date = |day: i64| (start + SignedDuration::from_hours(24 * day)).to_zoned(TimeZone::UTC).date();
        let missed: Vec<DateRange> = gap.into_iter().map(|(from, length)| DateRange { first: date(from), last: date(from + length) }).collect();
        let from = start.to_string();
        prop_assert_eq!(left(&replay(&policy, &from, 45, &missed), &from), naive(&policy, &from, 45, &missed));
    }
}
