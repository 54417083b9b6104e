//! Why an expression is not understood.

use jiff::civil::Weekday;

/// Why an expression is not understood. Displays as one clause, with what to write instead where that helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unclear {
    /// A word that belongs to no item, or not at this place.
    #[error("`{0}` has no meaning here; write something like `+1 week` or `2026-12-24 18:00 UTC`")]
    Word(String),
    /// A character that belongs to no item, or not at this place.
    #[error("`{0}` has no meaning here; write something like `+1 week` or `2026-12-24 18:00 UTC`")]
    Mark(char),
    /// Two dates, two times of day, and so on.
    #[error("it has more than one {0}; write one")]
    Twice(&'static str),
    /// A number without a unit, which `date` would take for an hour, a year or a zone.
    #[error(
        "the number `{0}` has no unit that is known: hours, days, weeks, months, years; a time of day is written `07:00`, a date `2026-12-24`"
    )]
    BareNumber(String),
    /// A number that no calendar or clock has.
    #[error("the number `{0}` is too large; leave the expiry out to keep the backup for ever")]
    LargeNumber(String),
    /// A day that its month does not have, or a date in another order or with a year not of four digits.
    #[error("there is no such date; write it as `2026-12-24`")]
    Date,
    /// A time of day that no clock shows, or with a fraction of a second.
    #[error("there is no such time of day; write it as `18:00`, `18:00:30` or `6 pm`")]
    TimeOfDay,
    /// A distance from UTC that no zone has, or not of two or four digits.
    #[error("there is no such offset from UTC; write it as `+01:00`")]
    Offset,
    /// A step behind a time of day, of which `date` takes the number for a zone.
    #[error("`date` takes a signed number behind a time of day for a zone; write `2026-12-24 18:00 UTC +1 day`, or the step first")]
    StepBehindTime,
    /// A weekday that is not the date's.
    #[error("the date is not a {0:?}; leave the weekday out")]
    OtherWeekday(Weekday),
    /// An abbreviation other than `UTC`, for which `date` looks at the host's zone and the time of year.
    #[error("`{0}` is not the same zone everywhere; write `UTC` or an offset such as `+01:00`")]
    Abbreviation(String),
    /// A zone and nothing that is in it.
    #[error("a zone goes with a date or a time of day; write `2026-12-24 18:00 UTC`")]
    LoneZone,
    /// GNU's way to set the zone for one expression.
    #[error("`TZ=` is not read here; set it for the command, or write an offset such as `+01:00`")]
    TzRule,
    /// Something beside `@` and the seconds since 1970.
    #[error("`@` stands with the whole seconds since 1970 and nothing else; write `@1795992000`")]
    Epoch,
}
