//! What an expression says: the grammar of `-e`, a part of what GNU `date -d` takes.
//!
//! An expression is a bag of items: a date, a time of day, a zone, a weekday, and any number of steps (`+1 week`).
//! Only what has one plain meaning is taken. Where `date` guesses (a bare `7` is seven o'clock, a letter is a
//! military zone, `18:00 +1 day` is a time in the zone UTC+1), the expression is refused with what to write instead.

use jiff::civil::{Time, Weekday};
use jiff::tz::Offset;

use super::clock;
use super::steps::{Steps, Unit, ordinal};
use super::tokens::{Cursor, Token};
use super::unclear::Unclear;
use super::vocabulary::{HalfDay, half_day, month, weekday};
use super::written_date::WrittenDate;
use super::zones::westernmost_offset;

/// What an expression says, before it is put on a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// `@1795992000`: the seconds since 1970.
    Epoch(i64),
    /// Everything else.
    Items(Items),
}

/// The items of an expression.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Items {
    pub(super) date: Option<WrittenDate>,
    pub(super) time: Option<Time>,
    pub(super) zone: Option<Offset>,
    pub(super) weekday: Option<NthWeekday>,
    pub(super) steps: Option<Steps>,
}

/// The first such weekday from today on, today included, moved by whole weeks: `next friday` has the ordinal 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NthWeekday {
    pub(super) weekday: Weekday,
    pub(super) ordinal: Option<i64>,
}

impl Reading {
    /// Reads `text`.
    pub(super) fn of(text: &str) -> Result<Self, Unclear> {
        let mut cursor = Cursor::new(text);
        if cursor.take_mark('@') {
            let digits = cursor.take_number().filter(|_| cursor.is_done()).ok_or(Unclear::Epoch)?;
            return Ok(Self::Epoch(value(digits)?));
        }
        let mut items = Items::default();
        while let Some(token) = cursor.take() {
            items.read_item(token, &mut cursor)?;
        }
        if items.zone.is_some() && !items.are_anchored() { Err(Unclear::LoneZone) } else { Ok(Self::Items(items)) }
    }
}

impl Items {
    /// Whether a date, a weekday or a time of day is given, and not only steps from now.
    pub(super) fn are_anchored(&self) -> bool {
        self.date.is_some() || self.weekday.is_some() || self.time.is_some()
    }

    /// Reads the item that starts with `first`.
    fn read_item(&mut self, first: Token, cursor: &mut Cursor) -> Result<(), Unclear> {
        match first {
            Token::Number(digits) => self.read_from_number(digits, cursor),
            Token::Word(word) => self.read_from_word(&word, cursor),
            Token::Mark(sign @ ('+' | '-')) => {
                let digits = cursor.take_number().ok_or(Unclear::Mark(sign))?;
                let count = if sign == '-' { -value(digits)? } else { value(digits)? };
                // No `ago` here: `-1 week ago` lies ahead, and `date` takes it in some places only.
                let unit = Unit::take(cursor).ok_or_else(|| Unclear::BareNumber(digits.to_owned()))?;
                self.step(count, unit)
            }
            Token::Mark(mark) => Err(Unclear::Mark(mark)),
        }
    }

    fn read_from_number(&mut self, digits: &str, cursor: &mut Cursor) -> Result<(), Unclear> {
        if let Some(date) = WrittenDate::with('-', digits, cursor)? {
            once(&mut self.date, date, "date")?;
            return self.read_iso_time(cursor);
        }
        if let Some(date) = WrittenDate::with('/', digits, cursor)? {
            return once(&mut self.date, date, "date");
        }
        if cursor.peek_glued() == Some(&Token::Mark(':')) {
            return self.read_time(digits, cursor);
        }
        if let Some(half) = take_half_day(cursor) {
            let hour = clock::one_or_two_digits(digits).and_then(|hour| Time::new(hour, 0, 0, 0).ok());
            let time = hour.and_then(|hour| clock::on_twelve_hour_clock(hour, half));
            return once(&mut self.time, time.ok_or(Unclear::TimeOfDay)?, "time of day");
        }
        if let Some(unit) = Unit::take(cursor) {
            return self.step_or_ago(value(digits)?, unit, cursor);
        }
        if let Some(date) = WrittenDate::day_first(digits, cursor)? {
            return once(&mut self.date, date, "date");
        }
        if cursor.peek_word().and_then(weekday).is_some() {
            return Err(Unclear::BareNumber(digits.to_owned()));
        }
        if digits.len() == 8 {
            return once(&mut self.date, WrittenDate::without_separator(digits)?, "date");
        }
        self.read_year(digits)
    }

    fn read_from_word(&mut self, word: &str, cursor: &mut Cursor) -> Result<(), Unclear> {
        if let Some(month) = month(word) {
            let date = WrittenDate::month_first(month, self.steps.is_some(), cursor)?;
            return once(&mut self.date, date, "date");
        }
        if let Some(weekday) = weekday(word) {
            cursor.take_mark(',');
            return once(&mut self.weekday, NthWeekday { weekday, ordinal: None }, "weekday");
        }
        if let Some(ordinal) = ordinal(word) {
            if let Some(unit) = Unit::take(cursor) {
                return self.step_or_ago(ordinal, unit, cursor);
            }
            let counted = cursor.peek_word().unwrap_or(word);
            let weekday = weekday(counted).ok_or_else(|| Unclear::Word(counted.to_owned()))?;
            cursor.take();
            return once(&mut self.weekday, NthWeekday { weekday, ordinal: Some(ordinal) }, "weekday");
        }
        if let Some(unit) = Unit::named(word) {
            return self.step_or_ago(1, unit, cursor);
        }
        match word {
            "now" | "today" => self.step(0, Unit::Days(1)),
            "tomorrow" => self.step(1, Unit::Days(1)),
            "yesterday" => self.step(-1, Unit::Days(1)),
            "utc" | "gmt" | "ut" | "z" => self.read_zone(word, cursor),
            "tz" => Err(Unclear::TzRule),
            _ if westernmost_offset(word).is_some() => Err(Unclear::Abbreviation(word.to_owned())),
            _ => Err(Unclear::Word(word.to_owned())),
        }
    }

    /// Reads a time of day that starts with `hour`, and the half of the day or the offset that belongs to it.
    fn read_time(&mut self, hour: &str, cursor: &mut Cursor) -> Result<(), Unclear> {
        let mut time = time_of_day(hour, cursor)?;
        match take_half_day(cursor) {
            Some(half) => time = clock::on_twelve_hour_clock(time, half).ok_or(Unclear::TimeOfDay)?,
            None => self.read_offset(cursor)?,
        }
        once(&mut self.time, time, "time of day")
    }

    /// Reads the `T18:00Z` of a date and time in one, if it is there.
    fn read_iso_time(&mut self, cursor: &mut Cursor) -> Result<(), Unclear> {
        if cursor.peek_glued() != Some(&Token::Word("t".into())) {
            return Ok(());
        }
        cursor.take();
        // Before a space the `T` would be a zone.
        let Some(Token::Number(hour)) = cursor.peek_glued().cloned() else { return Err(Unclear::TimeOfDay) };
        cursor.take();
        let time = time_of_day(hour, cursor)?;
        self.read_offset(cursor)?;
        once(&mut self.time, time, "time of day")
    }

    /// Reads the offset behind a time of day, if a sign is there.
    fn read_offset(&mut self, cursor: &mut Cursor) -> Result<(), Unclear> {
        let Some(sign) = take_sign(cursor) else { return Ok(()) };
        if counts_a_unit(cursor) {
            return Err(Unclear::StepBehindTime);
        }
        let offset = clock::offset(sign, cursor).ok_or(Unclear::Offset)?;
        // `18:00 +01:00 days`: whether the minutes are the days' count is anybody's guess.
        if Unit::take(cursor).is_some() {
            return Err(Unclear::StepBehindTime);
        }
        once(&mut self.zone, offset, "zone")
    }

    /// Reads the zone `name`, which is UTC, and the offset that `UTC` may have: `UTC+03`.
    fn read_zone(&mut self, name: &str, cursor: &mut Cursor) -> Result<(), Unclear> {
        let start = cursor.place();
        let mut offset = Offset::UTC;
        if let Some(sign) = take_sign(cursor) {
            if counts_a_unit(cursor) {
                cursor.return_to(start);
            } else if name == "utc" {
                offset = clock::offset(sign, cursor).ok_or(Unclear::Offset)?;
            } else {
                // The tz database calls five hours *behind* UTC `GMT+5`, `date` calls it `GMT-5`.
                return Err(Unclear::Offset);
            }
        }
        once(&mut self.zone, offset, "zone")
    }

    /// Takes a number alone for the year, where `date` prints it: `Thu Dec 24 18:00:00 UTC 2026`.
    fn read_year(&mut self, digits: &str) -> Result<(), Unclear> {
        let bare = || Unclear::BareNumber(digits.to_owned());
        let (Some(date), Some(_), None) = (&mut self.date, self.time, self.steps) else { return Err(bare()) };
        let year = clock::four_digits(digits).ok_or_else(bare)?;
        if date.set_year(year) { Ok(()) } else { Err(bare()) }
    }

    /// Takes a step, which `ago` turns round.
    fn step_or_ago(&mut self, count: i64, unit: Unit, cursor: &mut Cursor) -> Result<(), Unclear> {
        let ago = cursor.take_if(|token| *token == Token::Word("ago".into()));
        if !ago {
            cursor.take_if(|token| *token == Token::Word("hence".into()));
        }
        self.step(if ago { -count } else { count }, unit)
    }

    fn step(&mut self, count: i64, unit: Unit) -> Result<(), Unclear> {
        self.steps.get_or_insert_default().add(count, unit)
    }
}

/// The time of day that starts with `hour`, in whole seconds.
fn time_of_day(hour: &str, cursor: &mut Cursor) -> Result<Time, Unclear> {
    let clock = clock::clock(hour, cursor).filter(|clock| clock.fraction.is_none());
    match cursor.peek_word() {
        // `1:30 hours`: to `date` that is an hour after half past one.
        Some(word) if Unit::named(word).is_some() => Err(Unclear::Word(word.to_owned())),
        _ => clock.map(|clock| clock.time).ok_or(Unclear::TimeOfDay),
    }
}

/// Passes `am` or `pm`, if one is next.
fn take_half_day(cursor: &mut Cursor) -> Option<HalfDay> {
    let half = half_day(cursor.peek_word()?)?;
    cursor.take();
    Some(half)
}

/// Passes a sign, if one is next.
fn take_sign(cursor: &mut Cursor) -> Option<char> {
    ['+', '-'].into_iter().find(|sign| cursor.take_mark(*sign))
}

/// Whether a number and its unit are next.
fn counts_a_unit(cursor: &mut Cursor) -> bool {
    let start = cursor.place();
    let is_count = cursor.take_number().is_some() && Unit::take(cursor).is_some();
    cursor.return_to(start);
    is_count
}

/// Puts `item` in its place, which must be empty.
fn once<T>(place: &mut Option<T>, item: T, name: &'static str) -> Result<(), Unclear> {
    if place.replace(item).is_some() { Err(Unclear::Twice(name)) } else { Ok(()) }
}

/// The value of `digits`.
fn value(digits: &str) -> Result<i64, Unclear> {
    digits.parse().map_err(|_| Unclear::LargeNumber(digits.to_owned()))
}
