//! When a backup may go.
//!
//! A wrong date deletes somebody's backup, so an [`Expiry`] comes about in two ways only, each with a grammar of its
//! own: [`Expiry::from_expression`] reads what a person asks for (`-e '+1 week'`), [`Expiry::from_tag`] what an
//! `Expire` tag on EC2 says. Neither guesses. In doubt the one refuses before the backup is made, and the other
//! leaves the backup where it is.

mod clock;
mod expression;
mod landing;
#[cfg(test)]
mod properties;
mod reading;
mod second_opinion;
mod stamp;
mod steps;
mod tokens;
mod unclear;
mod vocabulary;
mod written_date;
mod zones;

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

pub use expression::{ExpressionError, understand};
pub use stamp::UnreadableTag;
pub use unclear::Unclear;

/// The instant after which a backup may go, in whole seconds.
///
/// It is written as RFC 3339 in UTC (`2026-12-01T02:00:00Z`) everywhere: on EC2, in JSON, on the screen. GNU `date`
/// reads that, and so does the purge script that came before us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Timestamp", into = "Timestamp")]
pub struct Expiry(Timestamp);

impl Expiry {
    /// The expiry at `instant`, or at the next whole second: never before it.
    pub fn at(instant: Timestamp) -> Self {
        let whole = Timestamp::from_second(instant.as_second()).unwrap_or(instant);
        if whole >= instant {
            return Self(whole);
        }
        // The last second there is has no next one.
        Self(Timestamp::from_second(instant.as_second() + 1).unwrap_or(whole))
    }

    /// The instant itself.
    pub fn instant(self) -> Timestamp {
        self.0
    }

    /// Whether the backup may go at `now`: only after the instant, not yet at it.
    pub fn is_past(self, now: Timestamp) -> bool {
        now > self.0
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Timestamp> for Expiry {
    fn from(instant: Timestamp) -> Self {
        Self::at(instant)
    }
}

impl From<Expiry> for Timestamp {
    fn from(expiry: Expiry) -> Self {
        expiry.0
    }
}

impl JsonSchema for Expiry {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Expiry".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "The instant after which the backup may go, RFC 3339 in UTC",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_backup_is_kept_at_its_expiry_and_goes_after_it() {
        let expiry = Expiry::at(at("2026-12-01T02:00:00Z"));
        assert!(!expiry.is_past(at("2026-12-01T01:59:59Z")));
        assert!(!expiry.is_past(at("2026-12-01T02:00:00Z")));
        assert!(expiry.is_past(at("2026-12-01T02:00:01Z")));
    }

    #[test]
    fn a_part_of_a_second_is_rounded_up() {
        for (instant, expiry) in [
            ("2026-12-01T02:00:00Z", "2026-12-01T02:00:00Z"),
            ("2026-12-01T02:00:00.000000001Z", "2026-12-01T02:00:01Z"),
            ("1969-12-31T23:59:58.5Z", "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(Expiry::at(at(instant)).to_string(), expiry);
        }
        assert_eq!(Expiry::at(Timestamp::MAX).instant().as_second(), Timestamp::MAX.as_second());
    }

    #[test]
    fn in_json_an_expiry_is_its_instant_and_its_schema_says_so_in_place() {
        let instant = at("2026-12-01T02:00:00Z");
        assert_eq!(Timestamp::from(Expiry::from(instant)), instant);
        let schema = schemars::schema_for!(Vec<Expiry>);
        let said = |key: &str| schema.as_value()["items"][key].as_str();
        assert_eq!((said("type"), said("format")), (Some("string"), Some("date-time")));
        assert_eq!(schema.as_value()["title"], "Array_of_Expiry");
    }
}
