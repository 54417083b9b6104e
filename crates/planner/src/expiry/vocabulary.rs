//! The English names both grammars know: months, weekdays, halves of the day. Localised names are not guessed at.

use jiff::civil::Weekday;

/// The number of a month, by its name or its short name.
pub(super) fn month(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] =
        ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
    if word == "sept" {
        return Some(9);
    }
    let index = MONTHS.iter().position(|name| word == *name || word == &name[..3])?;
    i8::try_from(index + 1).ok()
}

/// A weekday, by its name or one of the short names `date` knows.
pub(super) fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "monday" | "mon" => Weekday::Monday,
        "tuesday" | "tues" | "tue" => Weekday::Tuesday,
        "wednesday" | "wednes" | "wed" => Weekday::Wednesday,
        "thursday" | "thurs" | "thur" | "thu" => Weekday::Thursday,
        "friday" | "fri" => Weekday::Friday,
        "saturday" | "sat" => Weekday::Saturday,
        "sunday" | "sun" => Weekday::Sunday,
        _ => return None,
    })
}

/// Before noon or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HalfDay {
    Am,
    Pm,
}

/// `am` or `pm`.
pub(super) fn half_day(word: &str) -> Option<HalfDay> {
    match word {
        "am" => Some(HalfDay::Am),
        "pm" => Some(HalfDay::Pm),
        _ => None,
    }
}
