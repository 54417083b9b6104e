//! Days on which nothing runs, as a user writes them: `2026-12-24`, `2026-12-24..26`, `2026-12-24..2027-01-02`.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use crate::plain::one_line;

/// Days on which nothing runs, in the time zone of each series. The first run after them is as soon as they are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DateRange {
    /// The first such day.
    pub first: Date,
    /// The last one.
    pub last: Date,
}

/// A text that names no days.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDates {
    /// It is written otherwise, or the calendar has no such day.
    #[error("`{}` is no day such as 2026-12-24, nor days such as 2026-12-24..26 or 2026-12-24..2027-01-02", one_line(.0))]
    NoDate(String),
    /// The last day is before the first.
    #[error("`{}` ends before it begins; write the last day in full if it is in another month, such as 2026-12-30..2027-01-02", one_line(.0))]
    Backwards(String),
}

impl FromStr for DateRange {
    type Err = InvalidDates;

    fn from_str(text: &str) -> Result<Self, InvalidDates> {
        let no_date = || InvalidDates::NoDate(text.to_owned());
        let (first, last) = text.split_once("..").map_or((text, None), |(first, last)| (first, Some(last)));
        let first = date(first).ok_or_else(no_date)?;
        let last = match last {
            None => first,
            Some(last) => date(last).or_else(|| day_of_month(first, last)).ok_or_else(no_date)?,
        };
        if last < first { Err(InvalidDates::Backwards(text.to_owned())) } else { Ok(Self { first, last }) }
    }
}

/// Written in full, and in no other form than the documented one.
fn date(text: &str) -> Option<Date> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    let has = |part: &str, digits: usize| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
    if has(year, 4) && has(month, 2) && has(day, 2) { text.parse().ok() } else { None }
}

/// A day of the month that a date is in.
fn day_of_month(date: Date, text: &str) -> Option<Date> {
    let is_day = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    date.with().day(text.parse().ok().filter(|_| is_day)?).build().ok()
}

impl fmt::Display for DateRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last } = self;
        if first == last { write!(f, "{first}") } else { write!(f, "{first}..{last}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        text.parse::<DateRange>().map_or_else(|error| error.to_string(), |dates| dates.to_string())
    }

    #[test]
    fn a_day_and_days_to_a_day_of_the_month_or_to_a_date() {
        assert_eq!(read("2026-12-24"), "2026-12-24");
        assert_eq!(read("2026-12-24..26"), "2026-12-24..2026-12-26");
        assert_eq!(read("2026-12-24..2027-01-02"), "2026-12-24..2027-01-02");
        assert_eq!(read("2028-02-01..29"), "2028-02-01..2028-02-29");
        assert_eq!(read("2026-12-01..9"), "2026-12-01..2026-12-09");
        assert_eq!(read("2026-12-24..24"), "2026-12-24");
    }

    #[test]
    fn anything_else_names_no_days() {
        let others = [
            "",
            "..",
            "christmas",
            "2026-12-24..",
            "..2026-12-24",
            "2026-12-24..26..27",
            "2026-12-24...26",
            "2026-12-24-26",
            "2026-02-29",
            "2026-02-01..29",
            "2026-12-24..0",
            "2026-12-24..032",
            "2026-12-24..+26",
            "2026-12-24T00:00",
            "20261224",
            "26-12-24",
            "+002026-12-24",
            "2026-12-24 ..26",
            "2026-12-24..01-02",
            "2026-12-24, 2026-12-25",
        ];
        for other in others {
            let said = read(other);
            assert!(said.starts_with(&format!("`{other}` is no day such as")), "{other}: {said}");
        }
    }

    #[test]
    fn days_do_not_end_before_they_begin() {
        for backwards in ["2026-12-30..02", "2026-12-24..2026-12-23"] {
            assert!(read(backwards).contains("ends before it begins; write the last day in full"), "{backwards}");
        }
    }
}
