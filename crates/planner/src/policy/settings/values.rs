//! How single values are written, in the policy file and in an instance's tags alike. The errors are sentences.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;

use crate::period::Period;
use crate::plain::one_line;
use crate::retention::Count;
use crate::schedule::Schedule;

/// Switches a setting off.
const OFF: &str = "off";

/// The count of a keep rule: from 1, or `unlimited`; `0` and `off` switch the rule off.
pub(in crate::policy) fn count(text: &str) -> Result<Option<Count>, String> {
    if text == "0" || text == OFF { Ok(None) } else { parse(text).map(Some) }
}

/// A period; `off` switches the setting off.
pub(in crate::policy) fn period(text: &str) -> Result<Option<Period>, String> {
    if text == OFF { Ok(None) } else { parse(text).map(Some) }
}

/// An interval at which backups can be due.
pub(in crate::policy) fn interval(text: &str) -> Result<Period, String> {
    let period = parse(text)?;
    Schedule::every(period).map(|_| period).map_err(|error| error.to_string())
}

/// A cron expression. Which time zone it is meant in does not matter here.
pub(in crate::policy) fn cron(text: &str) -> Result<String, String> {
    Schedule::cron(text, TimeZone::UTC).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// A time zone by its IANA name.
pub(in crate::policy) fn time_zone(text: &str) -> Result<TimeZone, String> {
    let known = TimeZone::get(text).ok().filter(|zone| !zone.is_unknown());
    known.ok_or_else(|| format!("there is no time zone `{}`; write an IANA name such as `Europe/Paris` or `UTC`", one_line(text)))
}

/// `true` or `false`.
pub(in crate::policy) fn switch(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("`{}` is neither `true` nor `false`", one_line(text)))
}

/// Anything that says itself what is wrong with its text.
pub(in crate::policy) fn parse<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}
