//! The time of day and its distance from UTC, which both grammars write alike.

use jiff::civil::Time;
use jiff::tz::Offset;

use super::tokens::Cursor;
use super::vocabulary::HalfDay;

/// A time of day as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock<'a> {
    /// The whole seconds of it.
    pub(super) time: Time,
    /// The digits of a fraction of a second, if there were any.
    pub(super) fraction: Option<&'a str>,
}

/// Reads the rest of a time of day whose `hour` was just taken: `:41`, `:41:00` or `:41:00.5`.
///
/// Minutes and seconds have two digits. There is no second 60: neither `date` nor EC2 ever writes one.
pub(super) fn clock<'a>(hour: &str, cursor: &mut Cursor<'a>) -> Option<Clock<'a>> {
    let minute = two_digits(cursor.take_glued_part(':')?)?;
    let (second, fraction) = match cursor.take_glued_part(':') {
        None => (0, None),
        Some(second) => (two_digits(second)?, cursor.take_glued_part('.').or_else(|| cursor.take_glued_part(','))),
    };
    let time = Time::new(one_or_two_digits(hour)?, minute, second, 0).ok()?;
    Some(Clock { time, fraction })
}

/// The time of day that `time` is on a clock of twelve hours; there the hours are 1 to 12.
pub(super) fn on_twelve_hour_clock(time: Time, half: HalfDay) -> Option<Time> {
    let hour = match (time.hour(), half) {
        (12, HalfDay::Am) => 0,
        (12, HalfDay::Pm) => 12,
        (hour @ 1..=11, HalfDay::Am) => hour,
        (hour @ 1..=11, HalfDay::Pm) => hour + 12,
        _ => return None,
    };
    time.with().hour(hour).build().ok()
}

/// Reads the distance from UTC behind its `sign`: `+01:00`, `+0100` or `+01`.
///
/// Only distances that some zone on earth has, -12:00 to +14:00, so that a slip of the pen is not taken for one.
pub(super) fn offset(sign: char, cursor: &mut Cursor) -> Option<Offset> {
    let digits = cursor.take_number()?;
    let (hours, minutes) = match digits.len() {
        2 => (digits, cursor.take_glued_part(':').unwrap_or("00")),
        4 => digits.split_at(2),
        _ => return None,
    };
    let minutes = two_digits(minutes).filter(|minutes| *minutes < 60)?;
    let east = i32::from(two_digits(hours)?) * 60 + i32::from(minutes);
    let east = if sign == '-' { -east } else { east };
    (-12 * 60..=14 * 60).contains(&east).then(|| Offset::from_seconds(east * 60).ok())?
}

/// The value of exactly two digits.
pub(super) fn two_digits(digits: &str) -> Option<i8> {
    (digits.len() == 2).then(|| digits.parse().ok())?
}

/// The value of one or two digits.
pub(super) fn one_or_two_digits(digits: &str) -> Option<i8> {
    (digits.len() <= 2).then(|| digits.parse().ok())?
}

/// The value of exactly four digits, which a year must have: `26` could be a day or a century's.
pub(super) fn four_digits(digits: &str) -> Option<i16> {
    (digits.len() == 4).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset_of(text: &str) -> Option<i32> {
        let mut cursor = Cursor::new(&text[1..]);
        let offset = offset(text.chars().next()?, &mut cursor)?;
        cursor.is_done().then(|| offset.seconds() / 60)
    }

    #[test]
    fn an_offset_has_hours_of_two_digits_and_lies_on_earth() {
        assert_eq!(offset_of("+01:00"), Some(60));
        assert_eq!(offset_of("-0330"), Some(-210));
        assert_eq!(offset_of("+14"), Some(840));
        for text in ["+1", "+530", "+14:01", "-1201", "+20", "+0160", "+0175", "+01:0", "+01:000"] {
            assert_eq!(offset_of(text), None, "{text}");
        }
    }

    #[test]
    fn noon_and_midnight_on_a_clock_of_twelve_hours() {
        let hour = |hour, half| on_twelve_hour_clock(Time::constant(hour, 0, 0, 0), half).map(Time::hour);
        assert_eq!(hour(12, HalfDay::Am), Some(0));
        assert_eq!(hour(12, HalfDay::Pm), Some(12));
        assert_eq!(hour(11, HalfDay::Pm), Some(23));
        assert_eq!(hour(0, HalfDay::Am), None);
        assert_eq!(hour(13, HalfDay::Pm), None);
    }
}
