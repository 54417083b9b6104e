//! What holds of every schedule, against a clock that is watched minute by minute.

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::{SHORTEST_GAP, Schedule};

/// Zones with gaps and folds at night, at midnight, over midnight and of half an hour; and without.
const ZONES: [&str; 9] = [
    "UTC0",
    "<+0545>-5:45",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "EST5EDT,M3.2.0,M11.1.0",
    "CST5CDT,M3.2.0/0,M11.1.0/1",
    "<-01>1<+00>,M3.5.0/0,M10.5.0/1",
    "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
    "NST3:30NDT,M4.1.0/0:01,M10.5.0/0:01",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
];

/// A cron expression, and what it means.
#[derive(Debug, Clone)]
struct Wanted {
    minutes: BTreeSet<i8>,
    hours: BTreeSet<i8>,
    days: BTreeSet<i8>,
    months: BTreeSet<i8>,
    weekdays: BTreeSet<i8>,
}

impl Wanted {
    fn expression(&self) -> String {
        let Self { minutes, hours, days, months, weekdays } = self;
        let list = |values: &BTreeSet<i8>| {
            if values.is_empty() { "*".to_owned() } else { values.iter().map(i8::to_string).collect::<Vec<_>>().join(",") }
        };
        [minutes, hours, days, months, weekdays].map(list).join(" ")
    }

    fn names(&self, local: DateTime) -> bool {
        let allows = |values: &BTreeSet<i8>, value: i8| values.is_empty() || values.contains(&value);
        let (day, weekday) = (local.day(), local.weekday().to_sunday_zero_offset());
        let day_is_meant = if self.days.is_empty() || self.weekdays.is_empty() {
            allows(&self.days, day) && allows(&self.weekdays, weekday)
        } else {
            self.days.contains(&day) || self.weekdays.contains(&weekday)
        };
        day_is_meant && self.minutes.contains(&local.minute()) && allows(&self.hours, local.hour()) && allows(&self.months, local.month())
    }
}

fn any_wanted() -> impl Strategy<Value = Wanted> {
    let some = |from: i8, to: i8, most: usize| subsequence((from..=to).collect::<Vec<_>>(), 0..=most);
    let minutes = select(vec![vec![0], vec![30], vec![1], vec![59], vec![0, 30], vec![5, 25, 45], vec![0, 15, 30, 45], vec![17]]);
    (minutes, some(0, 23, 12), some(1, 31, 4), prop_oneof![4 => Just(Vec::new()), 1 => some(1, 12, 3)], some(0, 6, 3)).prop_map(
        |(minutes, hours, days, months, weekdays)| {
            let set = |values: Vec<i8>| values.into_iter().collect();
            Wanted { minutes: set(minutes), hours: set(hours), days: set(days), months: set(months), weekdays: set(weekdays) }
        },
    )
}

fn any_zone() -> impl Strategy<Value = TimeZone> {
    select(&ZONES[..]).prop_map(|zone| TimeZone::posix(zone).unwrap())
}

fn any_second() -> impl Strategy<Value = Timestamp> {
    (1_167_609_600_i64..4_102_444_800).prop_map(|second| Timestamp::from_second(second).unwrap())
}

/// A whole minute, half of them not long before a change of clocks.
fn any_start(zone: &TimeZone, second: Timestamp, near: bool, minutes: i64) -> Timestamp {
    let near = near.then(|| zone.following(second).next()).flatten().map(|change| change.timestamp());
    let start = near.unwrap_or(second) - SignedDuration::from_mins(minutes);
    Timestamp::from_second(start.as_second().div_euclid(60) * 60).unwrap()
}

/// The slots in so many minutes after `start`: a local minute is due as soon as the clock has come to it or jumped over it.
fn watched(wanted: &Wanted, zone: &TimeZone, start: Timestamp, minutes: i64) -> Vec<Timestamp> {
    let mut reached = zone.to_datetime(start);
    // Before the start the clock may have been further already.
    for back in 0..180 {
        reached = reached.max(zone.to_datetime(start - SignedDuration::from_mins(back)));
    }
    let mut slots = Vec::new();
    for minute in 1..=minutes {
        let now = start + SignedDuration::from_mins(minute);
        let shown = zone.to_datetime(now);
        let mut due = false;
        while reached < shown {
            reached += SignedDuration::from_mins(1);
            due |= wanted.names(reached);
        }
        if due {
            slots.push(now);
        }
    }
    slots
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn slots_are_those_of_a_watched_clock(
        wanted in any_wanted(), zone in any_zone(), second in any_second(), near in any::<bool>(), before in 0..1000_i64,
    ) {
        let Ok(schedule) = Schedule::cron(&wanted.expression(), zone.clone()) else { return Ok(()) };
        let start = any_start(&zone, second, near, before);
        let until = start + SignedDuration::from_mins(1600);
        prop_assert_eq!(schedule.slots_between(start, until), watched(&wanted, &zone, start, 1600), "{}", schedule);
    }

    #[test]
    fn newest_and_next_agree_and_never_turn_round(
        wanted in any_wanted(), zone in any_zone(), second in any_second(), near in any::<bool>(), before in 0..2000_i64, later in 0..10_000_i64,
    ) {
        let Ok(schedule) = Schedule::cron(&wanted.expression(), zone.clone()) else { return Ok(()) };
        let now = any_start(&zone, second, near, before);
        let (newest, next) = (schedule.newest_slot(now).unwrap(), schedule.next_slot(now).unwrap());
        prop_assert!(newest <= now && now < next);
        prop_assert_eq!(schedule.next_slot(newest), Some(next), "none between them");
        prop_assert_eq!(schedule.newest_slot(next), Some(next));
        prop_assert_eq!(schedule.newest_slot(next - SignedDuration::from_nanos(1)), Some(newest));
        prop_assert_eq!((newest.subsec_nanosecond(), next.subsec_nanosecond()), (0, 0));
        let later = now + SignedDuration::from_mins(later);
        prop_assert!(schedule.newest_slot(later).unwrap() >= newest && schedule.next_slot(later).unwrap() >= next);
        prop_assert!(schedule.usual_gap(now) >= next.duration_since(newest));
    }

    #[test]
    fn an_interval_is_kept_exactly(minutes in 15..100_000_i64, second in -4_102_444_800..4_102_444_800_i64, part in 0..1_000_000_000_i64) {
        let schedule = Schedule::every(format!("{minutes}min").parse().unwrap()).unwrap();
        let now = Timestamp::from_second(second).unwrap() + SignedDuration::from_nanos(part);
        let (newest, next) = (schedule.newest_slot(now).unwrap(), schedule.next_slot(now).unwrap());
        prop_assert!(newest <= now && now < next && newest.as_second() % (minutes * 60) == 0);
        prop_assert_eq!(next.duration_since(newest), SignedDuration::from_mins(minutes));
        prop_assert_eq!(schedule.newest_slot(next), Some(next));
        prop_assert_eq!(schedule.usual_gap(now), SignedDuration::from_mins(minutes));
    }

    #[test]
    fn no_text_makes_a_schedule_panic(
        text in "[-0-9*/,LW#?+@ ]{0,24}|((\\*|[0-9]{1,2}|[A-Z]{3}|\\*/[0-9]{1,3}|[0-9]L|[0-9]#[0-9]|[0-9]{1,2}W|L)[ ,-]){5}|.{0,30}", zone in any_zone(), now in any_second(),
    ) {
        match Schedule::cron(&text, zone) {
            Ok(schedule) => {
                prop_assert!(schedule.next_slot(now).is_some() && schedule.newest_slot(now).is_some());
                prop_assert!(schedule.usual_gap(now) >= SHORTEST_GAP);
            }
            Err(why) => prop_assert!(why.to_string().chars().all(|c| !c.is_control()), "{:?}", why),
        }
    }
}
