//! Where an expression leads: first on a wall clock without a zone, then to an instant.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::AmbiguousOffset;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::reading::{Items, NthWeekday};
use super::steps::add_days;
use super::unclear::Unclear;

/// Where an expression leads on a wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Landing {
    /// Where the steps start.
    start: DateTime,
    /// Where the steps of days, weeks, months and years end.
    end: DateTime,
    /// What is to pass from there on.
    rest: SignedDuration,
}

/// Why an expression leads to no instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lost {
    /// The items do not fit together.
    Unclear(Unclear),
    /// There is no such year.
    TooFar,
    /// The zone's clocks skip this time.
    Skipped(DateTime),
    /// The zone's clocks show this time twice.
    Repeated(DateTime),
}

impl Landing {
    /// Walks from `wall`, the wall clock's time now.
    ///
    /// Like GNU: a date without a year is of this year, and a date or a weekday without a time of day is its
    /// midnight, while mere steps keep the time of day.
    pub(super) fn of(items: &Items, wall: DateTime) -> Result<Self, Lost> {
        let day = items.date.map_or(Ok(wall.date()), |date| date.on_calendar(wall.year())).map_err(Lost::Unclear)?;
        let keeps_time = items.date.is_none() && items.weekday.is_none() && items.steps.is_some();
        let time = items.time.unwrap_or(if keeps_time { wall.time() } else { Time::midnight() });
        let from = match items.weekday {
            Some(nth) if items.date.is_some() => nth.confirm(day)?,
            Some(nth) => nth.counted_from(day).ok_or(Lost::TooFar)?,
            None => day,
        };
        let steps = items.steps.unwrap_or_default();
        Ok(Self {
            start: day.to_datetime(time),
            end: steps.walk(from).ok_or(Lost::TooFar)?.to_datetime(time),
            rest: SignedDuration::from_secs(steps.seconds()),
        })
    }

    /// The instant this is in the zone that `items` name, or else in the zone of `now`.
    ///
    /// A date or a time of day that is written for one occasion must exist there, once: what the zone's clocks skip
    /// or show twice has no one meaning. What is counted from today must not fail one night a year, so it ends at
    /// the later instant. Mere steps, which keep the time of day, end at the later of two: where the wall clock shows
    /// it again, and where it would, had the clocks not been changed on the way. GNU `date` takes the second, and
    /// so expires up to an hour earlier across an autumn; it never expires later than this.
    pub(super) fn instant(&self, items: &Items, now: &Zoned) -> Result<Timestamp, Lost> {
        let zone = now.time_zone();
        let end = if let Some(offset) = items.zone {
            // Exact. `date` goes by way of the host's zone here, and adds what that zone's clocks skip on the day.
            offset.to_timestamp(self.end)
        } else if items.are_anchored() {
            // `date` refuses this too, even where the steps lead out of it again.
            if let AmbiguousOffset::Gap { .. } = zone.to_ambiguous_timestamp(self.start).offset() {
                return Err(Lost::Skipped(self.start));
            }
            let end = zone.to_ambiguous_timestamp(self.end);
            if end.is_ambiguous() && items.steps.is_none() && items.weekday.is_none() {
                return Err(Lost::Repeated(self.end));
            }
            end.later()
        } else if self.end == self.start {
            Ok(now.timestamp())
        } else {
            let clock_unchanged = now.offset().to_timestamp(self.end);
            let same_time_of_day = zone.to_ambiguous_timestamp(self.end).later();
            same_time_of_day.and_then(|same| clock_unchanged.map(|unchanged| same.max(unchanged)))
        };
        end.and_then(|end| end.checked_add(self.rest)).map_err(|_| Lost::TooFar)
    }
}

impl NthWeekday {
    /// `date`, if it is this weekday and no ordinal asks for another.
    fn confirm(self, date: Date) -> Result<Date, Lost> {
        if date.weekday() == self.weekday && self.ordinal.is_none() {
            Ok(date)
        } else {
            Err(Lost::Unclear(Unclear::OtherWeekday(self.weekday)))
        }
    }

    /// The date that is meant on the day `today`.
    fn counted_from(self, today: Date) -> Option<Date> {
        let ahead = i64::from(today.weekday().until(self.weekday));
        let weeks = match self.ordinal.unwrap_or(0) {
            // The first one ahead is the next one already.
            ordinal if ordinal > 0 && ahead > 0 => ordinal - 1,
            ordinal => ordinal,
        };
        add_days(today, ahead + 7 * weeks)
    }
}
