//! Steps from one time to another: `+1 week`, `next month`, `2 days ago`.

use jiff::Span;
use jiff::civil::Date;

use super::tokens::Cursor;
use super::unclear::Unclear;

/// The sum of all steps. GNU adds them by unit before it walks, so `+1 month +1 month` is `+2 months`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Steps {
    years: i64,
    months: i64,
    days: i64,
    seconds: i64,
}

impl Steps {
    /// Adds a step of `count` units.
    pub(super) fn add(&mut self, count: i64, unit: Unit) -> Result<(), Unclear> {
        let (sum, times) = match unit {
            Unit::Years => (&mut self.years, 1),
            Unit::Months => (&mut self.months, 1),
            Unit::Days(times) => (&mut self.days, times),
            Unit::Seconds(times) => (&mut self.seconds, times),
        };
        let added = count.checked_mul(times).and_then(|count| sum.checked_add(count));
        *sum = added.ok_or_else(|| Unclear::LargeNumber(count.to_string()))?;
        Ok(())
    }

    /// The date that the years, months and days lead to, if there is one before the year 10000.
    ///
    /// A day beyond the end of its month runs over into the next: a month from January 31 is March 3.
    pub(super) fn walk(self, from: Date) -> Option<Date> {
        let years = i64::from(from.year()).checked_add(self.years)?;
        let months = years.checked_mul(12)?.checked_add(i64::from(from.month()) - 1)?.checked_add(self.months)?;
        let year = i16::try_from(months.div_euclid(12)).ok()?;
        let month = i8::try_from(months.rem_euclid(12) + 1).ok()?;
        let first = Date::new(year, month, 1).ok()?;
        add_days(first, self.days.checked_add(i64::from(from.day()) - 1)?)
    }

    /// The hours, minutes and seconds, which pass and are not the calendar's.
    pub(super) fn seconds(self) -> i64 {
        self.seconds
    }
}

/// The date `days` after `date`.
pub(super) fn add_days(date: Date, days: i64) -> Option<Date> {
    date.checked_add(Span::new().try_days(days).ok()?).ok()
}

/// What a step is counted in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    Years,
    Months,
    /// So many days.
    Days(i64),
    /// So many seconds.
    Seconds(i64),
}

impl Unit {
    /// The unit called `word`.
    pub(super) fn named(word: &str) -> Option<Self> {
        Some(match word.strip_suffix('s').unwrap_or(word) {
            "year" => Self::Years,
            "month" => Self::Months,
            "fortnight" => Self::Days(14),
            "week" => Self::Days(7),
            "day" => Self::Days(1),
            "hour" => Self::Seconds(3600),
            "minute" | "min" => Self::Seconds(60),
            "second" | "sec" => Self::Seconds(1),
            _ => return None,
        })
    }

    /// Passes a unit, if one is next.
    pub(super) fn take(cursor: &mut Cursor) -> Option<Self> {
        let unit = Self::named(cursor.peek_word()?)?;
        cursor.take();
        Some(unit)
    }
}

/// The count that `word` stands for. `second` is missing: it is a unit.
pub(super) fn ordinal(word: &str) -> Option<i64> {
    const FROM_THIRD: [&str; 10] = ["third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"];
    match word {
        "last" => Some(-1),
        "this" => Some(0),
        "next" | "first" => Some(1),
        _ => i64::try_from(FROM_THIRD.iter().position(|name| *name == word)? + 3).ok(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn months_run_over_the_end_of_a_shorter_one() {
        let month = Steps { months: 1, ..Steps::default() };
        assert_eq!(month.walk(date(2027, 1, 31)), Some(date(2027, 3, 3)));
        assert_eq!(month.walk(date(2028, 1, 31)), Some(date(2028, 3, 2)));
        let year = Steps { years: 1, ..Steps::default() };
        assert_eq!(year.walk(date(2028, 2, 29)), Some(date(2029, 3, 1)));
        let back = Steps { months: -11, days: -1, ..Steps::default() };
        assert_eq!(back.walk(date(2027, 1, 1)), Some(date(2026, 1, 31)));
    }

    #[test]
    fn no_number_is_too_large_to_be_refused() {
        for count in [i64::MAX, i64::MIN] {
            for unit in [Unit::Years, Unit::Months, Unit::Days(1)] {
                let mut steps = Steps::default();
                assert_eq!(steps.add(count, unit), Ok(()));
                assert_eq!(steps.walk(date(2026, 11, 22)), None);
                let twice = steps.add(count, unit);
                assert!(twice.is_err(), "{count} {unit:?}");
            }
            assert!(Steps::default().add(count, Unit::Days(7)).is_err());
        }
    }
}
