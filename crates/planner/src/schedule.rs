//! When backups are due.

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
    instant.as_nanosecond().div_euclid(1_000_000_000) as i64
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

    /// Local times and their slots are in the same order, so the slot looked for is found by halving in each day.
    fn next_slot(&self, after: Timestamp) -> Option<Timestamp> {
        // Nothing of an earlier day can be later than `after`, but on this day all may be past.
        self.days_from(self.zone.to_datetime(after).date()).find_map(|day| {
            let past = self.times.partition_point(|time| self.slot(day, *time).is_none_or(|slot| slot <= after));
            self.slot(day, *self.times.get(past)?)
        })
    }

    fn newest_slot(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.zone.to_datetime(now).date();
        // In an hour that is repeated over midnight, tomorrow has begun before.
        self.days_back_from(today.tomorrow().unwrap_or(today)).find_map(|day| {
            let past = self.times.partition_point(|time| self.slot(day, *time).is_some_and(|slot| slot <= now));
            self.slot(day, *self.times.get(past.checked_sub(1)?)?)
        })
    }

    /// The slot of a local time; none outside the calendar.
    fn slot(&self, day: Date, (hour, minute): (i8, i8)) -> Option<Timestamp> {
        let local = day.at(hour, minute, 0, 0);
        match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
            AmbiguousOffset::Gap { after, .. } => self.end_of_gap(local, after),
        }
    }

    /// The first instant after the gap that holds `local`. By the clock as it is after the gap, `local` is before it.
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
