//! When backups are due.

#[cfg(test)]
mod properties;

use std::fmt;

use croner::parser::{CronParser, Seconds, Year};
use croner::{CronPattern, Weekday};
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::period::Period;
use crate::plain::one_line;

/// The shortest time between two slots: EC2 needs its time to make an image, and so do its quotas.
pub const SHORTEST_GAP: SignedDuration = SignedDuration::from_mins(15);

/// The most slots that [`Schedule::slots_between`] gives: almost three years of the densest schedule.
pub const MOST_SLOTS: usize = 100_000;

/// The nicknames there are.
const NICKNAMES: [&str; 5] = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly"];

/// When backups are due: a cron expression in a time zone, or an interval.
///
/// A slot is an instant in whole seconds. It follows from the schedule alone, never from when a program ran, so that
/// every run of every host names the same slots.
///
/// A cron expression has the five fields of cron, read by `croner`: minute, hour, day of the month, month, weekday, with
/// names (`MON`, `JAN`), `L`, `W`, `#` and the nicknames `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. When both day fields
/// are given, a day that matches either is meant; a `+` before the weekday asks for both. Where the clocks change, each local
/// time that is named yields one slot, and which one is decided here and not by `croner`:
///
/// - a time that is skipped in spring is due at the first instant after the gap (once, however many times fall into it);
/// - a time that comes twice in autumn is due the first time only, hourly ones too: nothing is due in the repeated hour.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Cron(Box<Cron>),
    Every { period: Period, seconds: i64 },
}

/// A schedule that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// There are not five fields.
    #[error(
        "`{}` has {fields} fields; a cron expression here has five: minute, hour, day of the month, month, weekday (no seconds, no years)",
        one_line(expression)
    )]
    Fields {
        /// What was written.
        expression: String,
        /// How many fields that has.
        fields: usize,
    },
    /// A field says something unknown.
    #[error("`{}` is not a cron expression such as `0 2 * * *` or `@daily`: {}", one_line(expression), one_line(why))]
    Unreadable {
        /// What was written.
        expression: String,
        /// What is wrong with it.
        why: String,
    },
    /// No calendar has such a day.
    #[error("`{}` never comes: no year has such a day", one_line(expression))]
    Never {
        /// What was written.
        expression: String,
    },
    /// Slots would be less than 15 minutes apart.
    #[error("`{}` is due more often than every 15 minutes, which is the shortest there is", one_line(written))]
    TooOften {
        /// What was written.
        written: String,
    },
    /// An interval of months or years, which have no one length.
    #[error("an interval of {period} has no fixed length; use a cron expression for months and years, such as `0 2 1 * *`")]
    NoFixedLength {
        /// The interval.
        period: Period,
    },
}

impl Schedule {
    /// The schedule of a cron expression of five fields, or a nickname, in `zone`.
    pub fn cron(expression: &str, zone: TimeZone) -> Result<Self, InvalidSchedule> {
        Cron::read(expression, zone).map(|cron| Self(Kind::Cron(Box::new(cron))))
    }

    /// A slot each `period`, counted from 1970-01-01T00:00:00Z: days are of 24 hours, weeks begin on Thursdays.
    pub fn every(period: Period) -> Result<Self, InvalidSchedule> {
        let length = period.fixed_length().ok_or(InvalidSchedule::NoFixedLength { period })?;
        if length < SHORTEST_GAP {
            return Err(InvalidSchedule::TooOften { written: period.to_string() });
        }
        Ok(Self(Kind::Every { period, seconds: length.as_secs() }))
    }

    /// The newest slot at or before `now`; none if there is none since the beginning of the calendar.
    pub fn newest_slot(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.0 {
            Kind::Cron(cron) => cron.newest_slot(now),
            Kind::Every { seconds, .. } => multiple(whole_second(now).div_euclid(*seconds), *seconds),
        }
    }

    /// The first slot after `after`, never at it; none if there is none before the end of the calendar.
    pub fn next_slot(&self, after: Timestamp) -> Option<Timestamp> {
        match &self.0 {
            Kind::Cron(cron) => cron.next_slot(after),
            Kind::Every { seconds, .. } => multiple(whole_second(after).div_euclid(*seconds) + 1, *seconds),
        }
    }

    /// The slots after `after` up to and with `until`, oldest first: the first [`MOST_SLOTS`] of them.
    pub fn slots_between(&self, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        let slots = std::iter::successors(self.next_slot(after), |slot| self.next_slot(*slot));
        slots.take_while(|slot| *slot <= until).take(MOST_SLOTS).collect()
    }

    /// How long to wait between two slots at most, as far as can be foreseen: the longest gap from the slot that is due at
    /// `now` through the next eight slots and the next eight days. What is much older than this is late.
    pub fn usual_gap(&self, now: Timestamp) -> SignedDuration {
        let horizon = now.saturating_add(SignedDuration::from_hours(8 * 24)).unwrap_or(Timestamp::MAX);
        let mut longest = None;
        let mut from = self.newest_slot(now).or_else(|| self.next_slot(now));
        for seen in 0.. {
            let Some((slot, next)) = from.and_then(|slot| Some((slot, self.next_slot(slot)?))) else { break };
            longest = longest.max(Some(next.duration_since(slot)));
            if seen >= 8 && next > horizon {
                break;
            }
            from = Some(next);
        }
        // With less than two slots left in the calendar there is nothing to be late for.
        longest.unwrap_or(SignedDuration::MAX)
    }
}

/// The second that `instant` falls in, counted from 1970.
fn whole_second(instant: Timestamp) -> i64 {
    // A negative instant has a negative part of a second.
    if instant.subsec_nanosecond() < 0 { instant.as_second() - 1 } else { instant.as_second() }
}

fn multiple(count: i64, seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(count.checked_mul(seconds)?).ok()
}

/// As written: the cron expression, or `every 6h`.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Cron(cron) => f.write_str(&cron.expression),
            Kind::Every { period, .. } => write!(f, "every {period}"),
        }
    }
}

/// A cron expression that fires, in its zone.
#[derive(Debug, Clone, PartialEq)]
struct Cron {
    /// As written, with single blanks.
    expression: String,
    zone: TimeZone,
    /// Which days, by `croner`.
    pattern: CronPattern,
    /// The times of day in order, never empty, as hour and minute.
    times: Vec<(i8, i8)>,
}

impl Cron {
    fn read(expression: &str, zone: TimeZone) -> Result<Self, InvalidSchedule> {
        let expression = expression.split_whitespace().collect::<Vec<_>>().join(" ");
        let unreadable = |why: &str| InvalidSchedule::Unreadable { expression: expression.clone(), why: why.to_owned() };
        // `croner` reads letters by their upper case, which not every letter has just one of.
        if !expression.is_ascii() {
            return Err(unreadable("only digits, names and the signs of cron have a meaning in it"));
        }
        let fields = expression.split(' ').count();
        if expression.is_empty() {
            return Err(unreadable("it is empty"));
        }
        if expression.starts_with('@') && !NICKNAMES.iter().any(|known| expression.eq_ignore_ascii_case(known)) {
            return Err(unreadable(&format!("the nicknames are {}", NICKNAMES.join(", "))));
        }
        if fields != 5 && !expression.starts_with('@') {
            return Err(InvalidSchedule::Fields { expression, fields });
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let pattern = parser.parse(&expression).map_err(|why| unreadable(&why.to_string()))?.pattern;
        let named = |matches: &dyn Fn(u32) -> bool, last: i8| (0..=last).filter(|value| matches(value.unsigned_abs().into())).collect();
        let hours: Vec<i8> = named(&|hour| pattern.hour_match(hour).unwrap_or(false), 23);
        let minutes: Vec<i8> = named(&|minute| pattern.minute_match(minute).unwrap_or(false), 59);
        let times: Vec<_> = hours.iter().flat_map(|hour| minutes.iter().map(|minute| (*hour, *minute))).collect();
        let cron = Self { expression, zone, pattern, times };
        if cron.times.is_empty() || cron.days_from(Date::constant(2000, 1, 1)).next().is_none() {
            return Err(InvalidSchedule::Never { expression: cron.expression });
        }
        if cron.is_too_often() {
            return Err(InvalidSchedule::TooOften { written: cron.expression });
        }
        Ok(cron)
    }

    /// Whether two times of day are less than [`SHORTEST_GAP`] apart, the last of a day and the first of the next included.
    fn is_too_often(&self) -> bool {
        let minutes = || self.times.iter().map(|(hour, minute)| i64::from(*hour) * 60 + i64::from(*minute));
        let tomorrow = minutes().next().map(|first| first + 24 * 60);
        minutes().zip(minutes().skip(1).chain(tomorrow)).any(|(one, next)| next - one < SHORTEST_GAP.as_mins())
    }

    fn next_slot(&self, after: Timestamp) -> Option<Timestamp> {
        // Nothing of an earlier day can be later than `after`, but on this day all may be past.
        self.days_from(self.zone.to_datetime(after).date()).find_map(|day| {
            let past = self.past(day, |slot| slot <= after);
            self.times.get(past).map(|time| self.slot(day, *time)).filter(|slot| *slot < Timestamp::MAX)
        })
    }

    fn newest_slot(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.zone.to_datetime(now).date();
        // Where an hour is repeated over midnight, tomorrow may have begun already.
        self.days_back_from(today.tomorrow().unwrap_or(today)).find_map(|day| {
            // The calendar's end stands for a slot outside of it, and is none itself.
            let past = self.past(day, |slot| slot <= now && slot < Timestamp::MAX);
            past.checked_sub(1).map(|newest| self.slot(day, self.times[newest])).filter(|slot| *slot > Timestamp::MIN)
        })
    }

    /// How many of a day's slots are past. Local times and their slots have the same order, so they are found by halving.
    fn past(&self, day: Date, is_past: impl Fn(Timestamp) -> bool) -> usize {
        self.times.partition_point(|time| is_past(self.slot(day, *time)))
    }

    /// The slot of a local time; the calendar's end where it is outside of it.
    fn slot(&self, day: Date, (hour, minute): (i8, i8)) -> Timestamp {
        let local = day.at(hour, minute, 0, 0);
        let slot = match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
            AmbiguousOffset::Gap { after, .. } => self.end_of_gap(local, after),
        };
        slot.unwrap_or(if day.year() < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }

    /// The first instant after the gap that holds `local`: the change of clocks. By the clock as it is after it, `local` is an
    /// instant before it.
    fn end_of_gap(&self, local: DateTime, offset_after: Offset) -> Option<Timestamp> {
        let before = offset_after.to_timestamp(local).ok()?;
        self.zone.following(before).next().map(|change| change.timestamp())
    }

    /// The days meant, from `first` on, for as long as all calendars repeat: 400 years.
    fn days_from(&self, first: Date) -> impl Iterator<Item = Date> {
        let start_of_next_month = |day: Date| day.last_of_month().tomorrow().ok();
        self.days(first, start_of_next_month, |day| day.tomorrow().ok())
    }

    /// The days meant, from `last` back.
    fn days_back_from(&self, last: Date) -> impl Iterator<Item = Date> {
        let end_of_month_before = |day: Date| day.first_of_month().yesterday().ok();
        self.days(last, end_of_month_before, |day| day.yesterday().ok())
    }

    fn days(
        &self,
        start: Date,
        another_month: impl Fn(Date) -> Option<Date>,
        another_day: impl Fn(Date) -> Option<Date>,
    ) -> impl Iterator<Item = Date> {
        let mut at = Some(start);
        std::iter::from_fn(move || {
            loop {
                let day = at?;
                if (i32::from(day.year()) - i32::from(start.year())).abs() > 400 {
                    return None;
                }
                let month = u32::from(day.month().unsigned_abs());
                if !self.pattern.month_match(month).unwrap_or(false) {
                    at = another_month(day);
                    continue;
                }
                at = another_day(day);
                let weekday = Weekday::from_days_from_sunday(u32::from(day.weekday().to_sunday_zero_offset().unsigned_abs()));
                if self.pattern.day_match(day.year().into(), month, day.day().unsigned_abs().into(), weekday).unwrap_or(false) {
                    return Some(day);
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone(posix: &str) -> TimeZone {
        TimeZone::posix(posix).unwrap()
    }

    fn berlin() -> TimeZone {
        zone("CET-1CEST,M3.5.0,M10.5.0/3")
    }

    fn cron(expression: &str, zone: TimeZone) -> Schedule {
        Schedule::cron(expression, zone).unwrap()
    }

    fn refusal(expression: &str) -> String {
        Schedule::cron(expression, TimeZone::UTC).unwrap_err().to_string()
    }

    fn slots(schedule: &Schedule, after: &str, until: &str) -> Vec<String> {
        schedule.slots_between(at(after), at(until)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_slot_is_found_on_either_side() {
        let nightly = cron("30 2 * * *", TimeZone::UTC);
        for (now, newest, next) in [
            ("2026-11-23T02:29:59Z", "2026-11-22T02:30:00Z", "2026-11-23T02:30:00Z"),
            ("2026-11-23T02:30:00Z", "2026-11-23T02:30:00Z", "2026-11-24T02:30:00Z"),
            ("2026-11-23T02:30:00.5Z", "2026-11-23T02:30:00Z", "2026-11-24T02:30:00Z"),
            ("1969-12-31T02:29:59.5Z", "1969-12-30T02:30:00Z", "1969-12-31T02:30:00Z"),
        ] {
            assert_eq!(nightly.newest_slot(at(now)), Some(at(newest)), "{now}");
            assert_eq!(nightly.next_slot(at(now)), Some(at(next)), "{now}");
        }
    }

    #[test]
    fn a_time_that_spring_skips_is_due_once_right_after_the_gap() {
        let half_past_two = cron("30 2 * * *", berlin());
        insta::assert_snapshot!(slots(&half_past_two, "2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z").join("\n"), @r"
        2026-03-28T01:30:00Z
        2026-03-29T01:00:00Z
        2026-03-30T00:30:00Z
        ");
        let quarters = cron("*/15 1-3 * * *", berlin());
        insta::assert_snapshot!(slots(&quarters, "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z").join("\n"), @r"
        2026-03-29T00:45:00Z
        2026-03-29T01:00:00Z
        2026-03-29T01:15:00Z
        2026-03-29T01:30:00Z
        ");
    }

    #[test]
    fn a_time_that_autumn_repeats_is_due_the_first_time_only() {
        let hourly = cron("30 * * * *", berlin());
        insta::assert_snapshot!(slots(&hourly, "2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z").join("\n"), @r"
        2026-10-24T23:30:00Z
        2026-10-25T00:30:00Z
        2026-10-25T02:30:00Z
        ");
        // 02:10 for the second time: 02:30 has been, and the next one is 03:30.
        assert_eq!(hourly.newest_slot(at("2026-10-25T01:10:00Z")), Some(at("2026-10-25T00:30:00Z")));
        assert_eq!(hourly.next_slot(at("2026-10-25T01:10:00Z")), Some(at("2026-10-25T02:30:00Z")));
    }

    #[test]
    fn midnight_may_be_what_is_skipped_or_repeated() {
        let havana = zone("CST5CDT,M3.2.0/0,M11.1.0/1");
        insta::assert_snapshot!(slots(&cron("@daily", havana), "2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z").join("\n"), @r"
        2026-03-08T05:00:00Z
        2026-03-09T04:00:00Z
        ");
        // At one minute past midnight it was 23:01 again: the first minute of the day, and its slot, had been already.
        let newfoundland = cron("@daily", zone("NST3:30NDT,M4.1.0/0:01,M10.5.0/0:01"));
        let (midnight, repeated) = (at("2009-10-25T02:30:00Z"), at("2009-10-25T02:45:00Z"));
        assert_eq!(newfoundland.next_slot(at("2009-10-25T02:00:00Z")), Some(midnight));
        assert_eq!(newfoundland.newest_slot(repeated), Some(midnight));
        assert_eq!(newfoundland.next_slot(repeated), Some(at("2009-10-26T03:30:00Z")));
    }

    #[test]
    fn the_last_of_february_and_the_last_friday_are_found() {
        insta::assert_snapshot!(slots(&cron("0 3 29 2 *", TimeZone::UTC), "2026-01-01T00:00:00Z", "2037-01-01T00:00:00Z").join("\n"), @r"
        2028-02-29T03:00:00Z
        2032-02-29T03:00:00Z
        2036-02-29T03:00:00Z
        ");
        let (before, after) = (at("2096-02-29T03:00:00Z"), at("2104-02-29T03:00:00Z"));
        let leap_days = cron("0 3 29 2 *", TimeZone::UTC);
        assert_eq!((leap_days.next_slot(before), leap_days.newest_slot(at("2104-02-28T00:00:00Z"))), (Some(after), Some(before)));
        let rare = cron("0 3 29 2 +MON", TimeZone::UTC);
        assert_eq!(rare.next_slot(at("2072-03-01T00:00:00Z")), Some(at("2112-02-29T03:00:00Z")));
        insta::assert_snapshot!(slots(&cron("0 3 L * *", TimeZone::UTC), "2026-01-31T12:00:00Z", "2026-05-01T00:00:00Z").join("\n"), @r"
        2026-02-28T03:00:00Z
        2026-03-31T03:00:00Z
        2026-04-30T03:00:00Z
        ");
        insta::assert_snapshot!(slots(&cron("0 3 * * FRI#L", TimeZone::UTC), "2026-11-01T00:00:00Z", "2027-01-01T00:00:00Z").join("\n"), @r"
        2026-11-27T03:00:00Z
        2026-12-25T03:00:00Z
        ");
    }

    #[test]
    fn of_two_day_fields_either_counts() {
        insta::assert_snapshot!(slots(&cron("0 3 13 * FRI", TimeZone::UTC), "2026-11-09T00:00:00Z", "2026-12-15T00:00:00Z").join("\n"), @r"
        2026-11-13T03:00:00Z
        2026-11-20T03:00:00Z
        2026-11-27T03:00:00Z
        2026-12-04T03:00:00Z
        2026-12-11T03:00:00Z
        2026-12-13T03:00:00Z
        ");
    }

    #[test]
    fn an_interval_is_counted_from_1970() {
        let schedule = Schedule::every("6h".parse().unwrap()).unwrap();
        assert_eq!(schedule.to_string(), "every 6h");
        assert_eq!(slots(&schedule, "2026-11-23T06:00:00Z", "2026-11-23T18:00:00Z"), ["2026-11-23T12:00:00Z", "2026-11-23T18:00:00Z"]);
        assert_eq!(schedule.newest_slot(at("2026-11-23T05:59:59.9Z")), Some(at("2026-11-23T00:00:00Z")));
        assert_eq!(schedule.newest_slot(at("1969-12-31T23:59:59.9Z")), Some(at("1969-12-31T18:00:00Z")));
        assert_eq!(schedule.usual_gap(at("2026-11-23T05:00:00Z")), SignedDuration::from_hours(6));
        let weekly = Schedule::every("1w".parse().unwrap()).unwrap();
        assert_eq!(weekly.newest_slot(at("2026-11-23T05:00:00Z")), Some(at("2026-11-19T00:00:00Z")));
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        insta::assert_snapshot!(refusal("0 2 * *"), @"`0 2 * *` has 4 fields; a cron expression here has five: minute, hour, day of the month, month, weekday (no seconds, no years)");
        insta::assert_snapshot!(refusal("0 0 2 * * *"), @"`0 0 2 * * *` has 6 fields; a cron expression here has five: minute, hour, day of the month, month, weekday (no seconds, no years)");
        insta::assert_snapshot!(refusal("0 0 30 2 *"), @"`0 0 30 2 *` never comes: no year has such a day");
        insta::assert_snapshot!(refusal("*/10 * * * *"), @"`*/10 * * * *` is due more often than every 15 minutes, which is the shortest there is");
        insta::assert_snapshot!(refusal("5,55 0,23 * * *"), @"`5,55 0,23 * * *` is due more often than every 15 minutes, which is the shortest there is");
        insta::assert_snapshot!(refusal("0 25 * * *"), @"`0 25 * * *` is not a cron expression such as `0 2 * * *` or `@daily`: Component error: Number out of bounds.");
        insta::assert_snapshot!(refusal("0 two * * *"), @"`0 two * * *` is not a cron expression such as `0 2 * * *` or `@daily`: Pattern contains illegal characters: CronPattern contains illegal character 'T' in part 'TWO'");
        insta::assert_snapshot!(refusal("@reboot"), @"`@reboot` is not a cron expression such as `0 2 * * *` or `@daily`: the nicknames are @hourly, @daily, @weekly, @monthly, @yearly");
        insta::assert_snapshot!(refusal("\u{1b}[2J 0 2 * * ſun"), @"`\\u{1b}[2J 0 2 * * ſun` is not a cron expression such as `0 2 * * *` or `@daily`: only digits, names and the signs of cron have a meaning in it");
        insta::assert_snapshot!(refusal(" "), @"`` is not a cron expression such as `0 2 * * *` or `@daily`: it is empty");
        let every = |period: &str| Schedule::every(period.parse().unwrap()).unwrap_err().to_string();
        insta::assert_snapshot!(every("1mo"), @"an interval of 1mo has no fixed length; use a cron expression for months and years, such as `0 2 1 * *`");
        insta::assert_snapshot!(every("14min59s"), @"`14min59s` is due more often than every 15 minutes, which is the shortest there is");
        assert!(Schedule::every("15min".parse().unwrap()).is_ok());
    }

    #[test]
    fn a_schedule_is_shown_as_it_was_written() {
        for written in ["@daily", "0 2 * * mon-fri", "*/15 * * * *"] {
            assert_eq!(cron(written, TimeZone::UTC).to_string(), written);
        }
        assert_eq!(cron("  0  2 * *\t* ", berlin()).to_string(), "0 2 * * *");
    }

    #[test]
    fn the_usual_gap_is_the_longest_one_to_come() {
        let hours = |expression: &str, zone: TimeZone, now: &str| cron(expression, zone).usual_gap(at(now)).as_hours();
        assert_eq!(hours("0 2 * * *", TimeZone::UTC, "2026-11-23T05:00:00Z"), 24);
        assert_eq!(hours("0 2 * * 1-5", TimeZone::UTC, "2026-11-23T05:00:00Z"), 72, "over the weekend");
        assert_eq!(hours("0 9-17 * * 1-5", TimeZone::UTC, "2026-11-23T12:00:00Z"), 64, "over the weekend");
        assert_eq!(hours("0 2 * * *", berlin(), "2026-10-20T05:00:00Z"), 25, "the day with 25 hours");
        assert_eq!(hours("0 2 1 * *", TimeZone::UTC, "2026-01-20T05:00:00Z"), 31 * 24);
        assert_eq!(hours("0 2 1 * *", TimeZone::UTC, "2026-02-20T05:00:00Z"), 31 * 24, "February is over, and March is longer");
        assert_eq!(hours("0 0,12 1-9 * *", TimeZone::UTC, "2026-11-01T12:00:00Z"), 516, "the gap that begins in eight days to the hour");
        assert_eq!(hours("0 2 29 2 *", TimeZone::UTC, "2026-01-20T05:00:00Z"), (4 * 365 + 1) * 24);
    }

    #[test]
    fn the_calendar_has_ends() {
        let nightly = cron("30 2 * * *", berlin());
        assert_eq!((nightly.next_slot(Timestamp::MAX), nightly.newest_slot(Timestamp::MIN)), (None, None));
        assert!(nightly.newest_slot(Timestamp::MAX).is_some() && nightly.next_slot(Timestamp::MIN).is_some());
        assert_eq!(nightly.usual_gap(Timestamp::MAX), SignedDuration::MAX);
        let hourly = cron("@hourly", TimeZone::UTC);
        assert_eq!(hourly.next_slot(Timestamp::MIN), Some(at("-009999-01-02T02:00:00Z")), "the first day is not a whole one");
        assert_eq!(hourly.next_slot(at("9999-12-30T22:00:00Z")), None, "and neither is the last");
        assert_eq!(hourly.newest_slot(Timestamp::MAX), Some(at("9999-12-30T22:00:00Z")));
        assert_eq!(hourly.next_slot(at("0000-06-01T00:00:00Z")), Some(at("0000-06-01T01:00:00Z")));
        let rarely = Schedule::every("5000000d".parse().unwrap()).unwrap();
        assert_eq!((rarely.next_slot(Timestamp::UNIX_EPOCH), rarely.newest_slot(Timestamp::MIN)), (None, None));
    }

    #[test]
    fn many_slots_are_cut() {
        let dense = cron("*/15 * * * *", TimeZone::UTC);
        assert_eq!(dense.slots_between(Timestamp::MIN, Timestamp::MAX).len(), MOST_SLOTS);
        assert!(dense.slots_between(at("2026-11-23T02:00:00Z"), at("2026-11-23T01:00:00Z")).is_empty());
    }
}
