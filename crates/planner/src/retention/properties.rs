//! What holds of every history and all keep rules, and an oracle that asks for each backup by itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{Count, Keep, KeepRule, Measure, Member, Wanted};
use crate::period::Period;
use crate::tags::Tags;

/// Keep rules as `last=2 daily=unlimited within=3d tag=Keep=yes`.
pub(crate) fn keep(rules: &str) -> Keep {
    let mut keep = Keep::default();
    for rule in rules.split_whitespace() {
        let (rule, value) = rule.split_once('=').unwrap();
        let count = || Some(value.parse().unwrap());
        match rule {
            "last" => keep.last = count(),
            "hourly" => keep.hourly = count(),
            "daily" => keep.daily = count(),
            "weekly" => keep.weekly = count(),
            "monthly" => keep.monthly = count(),
            "yearly" => keep.yearly = count(),
            "within" => keep.within = Some(value.parse().unwrap()),
            "tag" => keep.tags.push(value.parse().unwrap()),
            _ => panic!("no rule {rule}"),
        }
    }
    keep
}

/// Zones with gaps and folds at night, at midnight, over midnight and of half an hour; and without.
const ZONES: [&str; 7] = [
    "UTC0",
    "<+0545>-5:45",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "CST5CDT,M3.2.0/0,M11.1.0/1",
    "<-01>1<+00>,M3.5.0/0,M10.5.0/1",
    "NST3:30NDT,M4.1.0/0:01,M10.5.0/0:01",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
];

type History = Vec<(Timestamp, Tags)>;

fn any_zone() -> impl Strategy<Value = TimeZone> {
    select(&ZONES[..]).prop_map(|zone| TimeZone::posix(zone).unwrap())
}

/// Steps back from one backup to the one before: none, minutes, hours, nights, weeks, months, half a year.
fn any_step() -> impl Strategy<Value = i64> {
    prop_oneof![
        1 => Just(0),
        2 => 1..7_200_i64,
        3 => (1..30_i64).prop_map(|hours| hours * 3_600),
        4 => (1..4_i64).prop_map(|days| days * 86_400),
        2 => 86_400..3_000_000_i64,
        1 => 3_000_000..16_000_000_i64,
    ]
}

/// Slots around a change of clocks, over years, or both; in any order.
fn any_history() -> impl Strategy<Value = History> {
    let newest = prop_oneof![1_700_000_000..1_900_000_000_i64, 1_761_350_000..1_761_370_000_i64, 1_256_430_000..1_256_445_000_i64];
    let tags = select(vec![vec![], vec![], vec![], vec![("Keep", "yes")], vec![("Keep", "no"), ("Owner", "ops")]]);
    let scale = prop_oneof![Just(1), Just(1), Just(24)];
    (newest, scale, vec((any_step(), tags), 1..40)).prop_flat_map(|(newest, scale, steps)| {
        let mut second = newest;
        let mut history = Vec::new();
        for (step, tags) in steps {
            let tags = Tags::new(tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
            history.push((Timestamp::from_second(second).unwrap(), tags));
            second -= step / scale;
        }
        Just(history).prop_shuffle()
    })
}

fn any_count() -> impl Strategy<Value = Option<Count>> {
    prop_oneof![
        4 => Just(None),
        4 => (1..8_u32).prop_map(Some),
        1 => (8..60_u32).prop_map(Some),
    ]
    .prop_map(|count| count.map(|count| count.to_string().parse().unwrap()))
    .prop_flat_map(|count| prop_oneof![9 => Just(count), 1 => Just(Some(Count::Unlimited))])
}

/// Hours only where a day of the calendar would make the window of two instants in a repeated hour go back.
fn any_within(units: &'static [&'static str]) -> impl Strategy<Value = Option<Period>> {
    prop::option::of((1..50_u32, select(units)).prop_map(|(amount, unit)| format!("{amount}{unit}").parse().unwrap()))
}

fn any_keep(units: &'static [&'static str]) -> impl Strategy<Value = Keep> {
    let tags = select(vec![vec![], vec![], vec!["Keep"], vec!["Keep=yes", "Owner"]]);
    (any_count(), any_count(), any_count(), any_count(), any_count(), any_count(), any_within(units), tags).prop_map(
        |(last, hourly, daily, weekly, monthly, yearly, within, tags)| {
            let tags = tags.into_iter().map(|tag| tag.parse().unwrap()).collect();
            Keep { last, hourly, daily, weekly, monthly, yearly, within, tags }
        },
    )
}

const ALL: &[&str] = &["min", "h", "d", "w", "mo", "y"];
const EXACT: &[&str] = &["min", "h"];

fn members(history: &[(Timestamp, Tags)]) -> Vec<Member<'_>> {
    history.iter().map(|(slot, tags)| Member { slot: *slot, tags }).collect()
}

fn wanted(keep: &Keep, history: &[(Timestamp, Tags)], zone: &TimeZone) -> Vec<Vec<Wanted>> {
    keep.wanted(&members(history), zone)
}

fn wants(keep: &Keep, history: &[(Timestamp, Tags)], zone: &TimeZone) -> Vec<bool> {
    wanted(keep, history, zone).iter().map(|reasons| !reasons.is_empty()).collect()
}

fn newest(history: &[(Timestamp, Tags)]) -> Timestamp {
    history.iter().map(|(slot, _)| *slot).max().unwrap()
}

/// Which rules want each backup, from what the words mean and in no hurry.
fn oracle(keep: &Keep, history: &[(Timestamp, Tags)], zone: &TimeZone) -> Vec<BTreeSet<KeepRule>> {
    let slots: BTreeSet<Timestamp> = history.iter().map(|(slot, _)| *slot).collect();
    let enough = |count: Count, used: usize| match count {
        Count::Unlimited => false,
        Count::Of(count) => used >= usize::try_from(count.get()).unwrap(),
    };
    let mut rules = vec![BTreeSet::new(); history.len()];
    for ((slot, tags), rules) in history.iter().zip(&mut rules) {
        if keep.last.is_some_and(|count| !enough(count, slots.iter().filter(|other| *other > slot).count())) {
            rules.insert(KeepRule::Last);
        }
        if keep.within.is_some_and(|within| *slot == newest(history) || *slot > within.before(newest(history), zone)) {
            rules.insert(KeepRule::Within);
        }
        if keep.tags.iter().any(|rule| tags.iter().any(|(key, value)| key == rule.key && rule.value.as_deref().unwrap_or(value) == value)) {
            rules.insert(KeepRule::Tag);
        }
    }
    for (rule, count, form) in [
        (KeepRule::Hourly, keep.hourly, "%F %H %:z"),
        (KeepRule::Daily, keep.daily, "%F"),
        (KeepRule::Weekly, keep.weekly, "%G week %V"),
        (KeepRule::Monthly, keep.monthly, "%Y-%m"),
        (KeepRule::Yearly, keep.yearly, "%Y"),
    ] {
        let Some(count) = count else { continue };
        // Later slots overwrite earlier ones of the same name.
        let by_period: BTreeMap<String, Timestamp> =
            slots.iter().map(|slot| (slot.to_zoned(zone.clone()).strftime(form).to_string(), *slot)).collect();
        let newest_of_each: BTreeSet<Timestamp> = by_period.into_values().collect();
        for ((slot, _), rules) in history.iter().zip(&mut rules) {
            let is_newest = newest_of_each.contains(slot) && !enough(count, newest_of_each.iter().filter(|other| *other > slot).count());
            let is_oldest = slots.first() == Some(slot) && !enough(count, newest_of_each.len());
            if is_newest || is_oldest {
                rules.insert(rule);
            }
        }
    }
    rules
}

/// A rule more, or more of a rule.
fn any_widening() -> impl Strategy<Value = fn(&mut Keep)> {
    fn more(count: &mut Option<Count>) {
        let next = match *count {
            None => "1".to_owned(),
            Some(Count::Unlimited) => return,
            Some(Count::Of(count)) if count.get() > 30 => "unlimited".to_owned(),
            Some(Count::Of(count)) => (count.get() + 1).to_string(),
        };
        *count = Some(next.parse().unwrap());
    }
    let widenings: [fn(&mut Keep); 9] = [
        |keep| more(&mut keep.last),
        |keep| more(&mut keep.hourly),
        |keep| more(&mut keep.daily),
        |keep| more(&mut keep.weekly),
        |keep| more(&mut keep.monthly),
        |keep| more(&mut keep.yearly),
        |keep| keep.within = Some(keep.within.map_or("3d".parse().unwrap(), longer)),
        |keep| keep.tags.push("Owner=ops".parse().unwrap()),
        |keep| keep.tags.push("Keep".parse().unwrap()),
    ];
    select(widenings.to_vec())
}

/// One more of its unit.
fn longer(period: Period) -> Period {
    let text = period.to_string();
    let (amount, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap());
    format!("{}{unit}", amount.parse::<u32>().unwrap() + 1).parse().unwrap()
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_wanted_is_what_the_words_mean(keep in any_keep(ALL), history in any_history(), zone in any_zone()) {
        let wanted = wanted(&keep, &history, &zone);
        for (((slot, _), reasons), expected) in history.iter().zip(&wanted).zip(oracle(&keep, &history, &zone)) {
            let rules: BTreeSet<_> = reasons.iter().map(|wanted| wanted.rule).collect();
            prop_assert_eq!(rules, expected, "{} {:?}", slot, reasons);
        }
        prop_assert_eq!(keep.wants(&members(&history), &zone), wants(&keep, &history, &zone), "with and without words");
    }

    #[test]
    fn a_rule_more_or_more_of_a_rule_never_lets_another_backup_go(
        keep in any_keep(ALL), widenings in vec(any_widening(), 1..4), history in any_history(), zone in any_zone(),
    ) {
        let before = wants(&keep, &history, &zone);
        let mut wider = keep.clone();
        for widen in widenings {
            widen(&mut wider);
        }
        let after = wants(&wider, &history, &zone);
        prop_assert!(before.iter().zip(&after).all(|(before, after)| !before || *after), "{keep:?} {wider:?}");
    }

    #[test]
    fn any_rule_but_a_tag_wants_the_newest(keep in any_keep(ALL), history in any_history(), zone in any_zone()) {
        prop_assume!(keep != Keep { tags: keep.tags.clone(), ..Keep::default() });
        let newest = newest(&history);
        for ((slot, _), wants) in history.iter().zip(wants(&keep, &history, &zone)) {
            prop_assert!(*slot != newest || wants);
        }
    }

    #[test]
    fn no_rule_wants_nothing(history in any_history(), zone in any_zone()) {
        prop_assert!(wanted(&Keep::default(), &history, &zone).iter().all(Vec::is_empty));
    }

    #[test]
    fn the_order_of_members_does_not_matter(
        keep in any_keep(ALL), zone in any_zone(),
        (history, order) in any_history().prop_flat_map(|history| { let order: Vec<usize> = (0..history.len()).collect(); (Just(history), Just(order).prop_shuffle()) }),
    ) {
        let shuffled: History = order.iter().map(|place| history[*place].clone()).collect();
        let (wanted, of_shuffled) = (wanted(&keep, &history, &zone), wanted(&keep, &shuffled, &zone));
        for (place, reasons) in order.iter().zip(of_shuffled) {
            prop_assert_eq!(&reasons, &wanted[*place]);
        }
    }

    /// What goes is what was wanted only because nothing was older, and only from the one that was the oldest.
    #[test]
    fn an_older_backup_takes_nothing_from_newer_ones_but_that_they_are_the_oldest(
        keep in any_keep(ALL), history in any_history(), zone in any_zone(), older in 1..40_000_000_i64,
    ) {
        let oldest = history.iter().map(|(slot, _)| *slot).min().unwrap();
        let mut longer = history.clone();
        longer.push((oldest - SignedDuration::from_secs(older), Tags::default()));
        for (((slot, _), before), after) in history.iter().zip(wanted(&keep, &history, &zone)).zip(wanted(&keep, &longer, &zone)) {
            let is_oldest = |wanted: &Wanted| wanted.why.to_string().starts_with("the oldest, ");
            prop_assert!(*slot == oldest || !before.iter().any(is_oldest));
            prop_assert_eq!(before.into_iter().filter(|wanted| !is_oldest(wanted)).collect::<Vec<_>>(), after);
        }
    }

    #[test]
    fn one_more_backup_is_wanted_for_the_same_reasons_as_if_it_were_counted(
        keep in any_keep(ALL), history in any_history(), zone in any_zone(), apart in -40_000_000..40_000_000_i64, like in any::<Index>(),
    ) {
        let measure = Measure::of(&keep, &zone, history.iter().map(|(slot, _)| *slot));
        let (slot, tags) = &history[like.index(history.len())];
        for slot in [*slot, *slot + SignedDuration::from_secs(apart % 8_000), *slot + SignedDuration::from_secs(apart)] {
            let mut longer = history.clone();
            longer.push((slot, tags.clone()));
            prop_assert_eq!(Some(measure.wanted(Member { slot, tags })), wanted(&keep, &longer, &zone).pop());
        }
    }

    #[test]
    fn the_survivors_are_all_wanted_again_for_the_same_reasons(keep in any_keep(ALL), history in any_history(), zone in any_zone()) {
        let (survivors, reasons): (History, Vec<_>) =
            history.iter().cloned().zip(wanted(&keep, &history, &zone)).filter(|(_, reasons)| !reasons.is_empty()).unzip();
        prop_assert_eq!(wanted(&keep, &survivors, &zone), reasons);
    }

    /// Missed, failed or lost backups only ever keep others. The window of `within` is exact here: one of calendar days could go forward
    /// by less than an hour if the newest backup, made in a repeated hour, was lost.
    #[test]
    fn a_backup_that_was_never_made_costs_no_other(
        keep in any_keep(EXACT), history in any_history(), zone in any_zone(), missed in vec(any::<Index>(), 1..20),
    ) {
        let missed: BTreeSet<usize> = missed.iter().map(|index| index.index(history.len())).collect();
        let (made, wanted): (History, Vec<bool>) = history.iter().cloned().zip(wants(&keep, &history, &zone))
            .enumerate().filter(|(place, _)| !missed.contains(place)).map(|(_, made)| made).unzip();
        let now_wanted = wants(&keep, &made, &zone);
        prop_assert!(wanted.iter().zip(&now_wanted).all(|(wanted, now_wanted)| !wanted || *now_wanted));
    }

    /// Night after night of making one and thinning: what the rules want of all that ever were is there, but for the oldest ones.
    #[test]
    fn thinning_every_night_keeps_what_thinning_once_would(
        keep in any_keep(EXACT), history in any_history(), zone in any_zone(),
    ) {
        let mut nights = history.clone();
        nights.sort_by_key(|(slot, _)| *slot);
        // Backups of one slot come in one night.
        let mut kept: History = Vec::new();
        for night in nights.chunk_by(|one, next| one.0 == next.0) {
            kept.extend(night.iter().cloned());
            let mut wants = keep.wants(&members(&kept), &zone).into_iter();
            kept.retain(|_| wants.next().unwrap());
        }
        let kept: BTreeSet<Timestamp> = kept.iter().map(|(slot, _)| *slot).collect();
        let oldest = nights[0].0;
        for ((slot, _), wants) in history.iter().zip(wants(&keep, &history, &zone)) {
            prop_assert!(!wants || *slot == oldest || kept.contains(slot), "{slot}");
        }
    }
}

/// Milliseconds once optimised, a second or two in a test on a busy machine; with the square of the number it would be minutes.
#[test]
fn a_hundred_thousand_backups_are_judged_at_once() {
    let tags = Tags::default();
    let hour = |hour: i64| Member { slot: Timestamp::from_second(1_700_000_000 - hour * 3_600).unwrap(), tags: &tags };
    let members: Vec<_> = (0..100_000).map(hour).collect();
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let keep = keep("last=7 hourly=48 daily=unlimited weekly=12 monthly=24 yearly=10 within=30d tag=Keep");
    let start = std::time::Instant::now();
    let wants = keep.wants(&members, &zone);
    let took = start.elapsed();
    assert!(wants[0] && wants.iter().filter(|wants| **wants).count() > 100_000 / 24);
    assert!(took.as_secs() < 30, "{took:?}");
}
