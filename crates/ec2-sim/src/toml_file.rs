//! What the files written by hand have in common: they are TOML, and what is wrong with one is said with its
//! line and with what was expected there.

use std::fmt;
use std::ops::Range;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::value::Datetime;

use crate::clock::later;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(text: &str, at: Range<usize>, message: &str) -> Self {
        let before = text.get(..at.start).unwrap_or(text);
        // What the file says comes in between, and it may say anything.
        let message = message.lines().collect::<Vec<_>>().join(", ");
        let message = message.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
        Self { line: before.matches('\n').count() + 1, message }
    }
}

/// Reads a whole file.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    toml::from_str(text).map_err(|error| Problem::new(text, error.span().unwrap_or_default(), error.message()))
}

/// An instant: `"2026-12-01T02:00:00Z"`, or the same without the quotation marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(InstantVisitor)
    }
}

struct InstantVisitor;

impl<'de> Visitor<'de> for InstantVisitor {
    type Value = Instant;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an instant such as 2026-12-01T02:00:00Z")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Instant, E> {
        text.parse().map(Instant).map_err(|_| E::custom(format!("`{text}` is no instant, expected one such as 2026-12-01T02:00:00Z")))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Instant, A::Error> {
        let Ok(written) = Datetime::deserialize(MapAccessDeserializer::new(map)) else {
            return Err(A::Error::custom("expected an instant such as 2026-12-01T02:00:00Z"));
        };
        self.visit_str(&written.to_string())
    }
}

/// A length of time: `"30d"`, `"2h 30m"`. A day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length(pub(crate) SignedDuration);

impl Length {
    /// The instant that long before another one.
    pub(crate) fn before(self, at: Timestamp) -> Timestamp {
        at.checked_sub(self.0).unwrap_or(Timestamp::MIN)
    }

    /// The instant that long after another one.
    pub(crate) fn after(self, at: Timestamp) -> Timestamp {
        later(at, self.0)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let span: Option<Span> = text.parse().ok();
        let length = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
        length
            .filter(|length| !length.is_negative())
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no length of time, expected one such as 90s, 30m, 8h, 30d or 2w")))
    }
}

/// A number that is one, and not negative: TOML has `nan` and `inf`, and JSON, in which worlds are kept, has not.
pub(crate) fn finite<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(from)?;
    if number.is_finite() && number >= 0.0 {
        Ok(number)
    } else {
        Err(D::Error::custom(format!("expected a number from 0 on, and not {number}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        at: Option<Instant>,
        long: Option<Length>,
    }

    fn problem(text: &str) -> String {
        let problem = read::<Line>(text).unwrap_err();
        format!("{}: {}", problem.line, problem.message)
    }

    #[test]
    fn instants_and_lengths() {
        for text in ["at = 2026-12-01T02:00:00Z", "at = \"2026-12-01T02:00:00Z\"", "at = 2026-12-01 03:00:00+01:00"] {
            assert_eq!(read::<Line>(text).unwrap().at.unwrap().0.to_string(), "2026-12-01T02:00:00Z");
        }
        let noon: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let length = read::<Line>("long = '1d 12h'").unwrap().long.unwrap();
        assert_eq!(length.before(noon).to_string(), "2026-11-21T00:00:00Z");
        assert_eq!(length.after(noon).to_string(), "2026-11-24T00:00:00Z");
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        insta::assert_snapshot!(problem("\n\nfoo = 1"), @"3: unknown field `foo`, expected `at` or `long`");
        insta::assert_snapshot!(problem("\"\\u001b\" = 1"), @"1: unknown field `\\u{1b}`, expected `at` or `long`");
        insta::assert_snapshot!(problem("at = 2026-12-01"), @"1: `2026-12-01` is no instant, expected one such as 2026-12-01T02:00:00Z");
        insta::assert_snapshot!(problem("at = 'noon'"), @"1: `noon` is no instant, expected one such as 2026-12-01T02:00:00Z");
        insta::assert_snapshot!(problem("at = {}"), @"1: expected an instant such as 2026-12-01T02:00:00Z");
        insta::assert_snapshot!(problem("at = 1"), @"1: invalid type: integer `1`, expected an instant such as 2026-12-01T02:00:00Z");
        insta::assert_snapshot!(problem("long = '-1d'"), @"1: `-1d` is no length of time, expected one such as 90s, 30m, 8h, 30d or 2w");
        insta::assert_snapshot!(problem("long = 'eternity'"), @"1: `eternity` is no length of time, expected one such as 90s, 30m, 8h, 30d or 2w");
        insta::assert_snapshot!(problem("at = \n"), @"1: string values must be quoted, expected literal string");
        insta::assert_snapshot!(problem("[at\n"), @"1: unclosed table, expected `]`");
    }
}
