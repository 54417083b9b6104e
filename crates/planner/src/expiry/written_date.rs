//! The ways to write a date that mean one day.

use jiff::civil::Date;

use super::clock::{four_digits, one_or_two_digits};
use super::tokens::{Cursor, Token};
use super::unclear::Unclear;
use super::vocabulary::{month, weekday};

/// A date, of this year if it names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrittenDate {
    year: Option<i16>,
    month: i8,
    day: i8,
}

impl WrittenDate {
    /// The date on the calendar, if its month has that day.
    pub(super) fn on_calendar(self, this_year: i16) -> Result<Date, Unclear> {
        Date::new(self.year.unwrap_or(this_year), self.month, self.day).map_err(|_| Unclear::Date)
    }

    /// Adds the year, which comes last where `date` prints it. Says whether there was none.
    pub(super) fn set_year(&mut self, year: i16) -> bool {
        self.year.replace(year).is_none()
    }

    /// `2026-12-24` or `2026/12/24`. Numbers in another order are other days in other countries.
    pub(super) fn with(separator: char, year: &str, cursor: &mut Cursor) -> Result<Option<Self>, Unclear> {
        let Some(month) = cursor.take_glued_part(separator) else { return Ok(None) };
        let day = cursor.take_glued_part(separator).ok_or(Unclear::Date)?;
        Self::of(year, month, day).map(Some)
    }

    /// `20261224`.
    pub(super) fn without_separator(digits: &str) -> Result<Self, Unclear> {
        Self::of(&digits[..4], &digits[4..6], &digits[6..])
    }

    fn of(year: &str, month: &str, day: &str) -> Result<Self, Unclear> {
        let (year, month, day) = (four_digits(year), one_or_two_digits(month), one_or_two_digits(day));
        match (month, day) {
            (Some(month), Some(day)) if year.is_some() => Ok(Self { year, month, day }),
            _ => Err(Unclear::Date),
        }
    }

    /// `24 Dec 2026`, `24-Dec-2026` or `24 Dec`.
    pub(super) fn day_first(day: &str, cursor: &mut Cursor) -> Result<Option<Self>, Unclear> {
        let start = cursor.place();
        let dashed = cursor.take_mark('-');
        let Some(month) = cursor.peek_word().and_then(month) else {
            cursor.return_to(start);
            return Ok(None);
        };
        cursor.take();
        let day = one_or_two_digits(day).ok_or(Unclear::Date)?;
        if dashed && !cursor.take_mark('-') {
            return Err(Unclear::Date);
        }
        // `date` takes any number here for the year, be it the hour of a time of day or the `+2` of a step.
        let year = match cursor.take_number() {
            Some(digits) => Some(four_digits(digits).ok_or(Unclear::Date)?),
            None if dashed || matches!(cursor.peek(), Some(Token::Mark('+' | '-'))) => return Err(Unclear::Date),
            None => None,
        };
        Ok(Some(Self { year, month, day }))
    }

    /// `Dec 24 2026`, `Dec 24, 2026` or `Dec 24`; behind a step, `date` takes a bare `2026` for a time of day.
    pub(super) fn month_first(month: i8, behind_step: bool, cursor: &mut Cursor) -> Result<Self, Unclear> {
        let day = cursor.take_number().and_then(one_or_two_digits).ok_or(Unclear::Date)?;
        if cursor.take_mark(',') {
            if cursor.peek_glued().is_some() {
                return Err(Unclear::Date);
            }
            let year = Some(cursor.take_number().and_then(four_digits).ok_or(Unclear::Date)?);
            return Ok(Self { year, month, day });
        }
        let start = cursor.place();
        let year = cursor.take_number().and_then(four_digits).filter(|_| !behind_step);
        // A number counts the unit or the weekday behind it.
        if year.is_none() || cursor.peek_word().is_some_and(is_counted) {
            cursor.return_to(start);
            return Ok(Self { year: None, month, day });
        }
        Ok(Self { year, month, day })
    }
}

fn is_counted(word: &str) -> bool {
    super::steps::Unit::named(word).is_some() || weekday(word).is_some()
}
