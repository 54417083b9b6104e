//! `-e`: what GNU `date -d` takes, as far as it has one meaning.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::Expiry;
use super::landing::{Landing, Lost};
use super::reading::Reading;
use super::second_opinion::second_opinion_agrees;
use super::unclear::Unclear;

/// The longest expression that is looked at.
const LONGEST: usize = 128;

/// Why an expression gives no expiry. Displays as one sentence, with what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// Nothing, or only spaces. `date` reads it as the last midnight.
    #[error("the expiry is empty: write when the backup may go, such as `+1 week`")]
    Empty,
    /// More than a person writes.
    #[error("the expiry is longer than {LONGEST} characters: write something like `+1 week`")]
    TooLong,
    /// A tabulator, a line end or the like.
    #[error("the expiry holds a control character: write something like `+1 week`, with spaces only")]
    ControlCharacter,
    /// It is not one of the things `date` takes, or one that `date` only guesses at.
    #[error("the expiry `{text}` is not understood: {why}")]
    Unclear {
        /// The expression.
        text: String,
        /// What is unclear.
        why: Unclear,
    },
    /// Our reading is not that of the second reader.
    #[error("the expiry `{text}` can be read in several ways: write a single step such as `+6 weeks`, or `2026-12-24 18:00 UTC`")]
    Disputed {
        /// The expression.
        text: String,
    },
    /// The zone's clocks are put forward over this local time.
    #[error("the expiry `{text}` is {local} in the zone {zone}, which its clocks skip: write another time of day, or add `UTC`")]
    Skipped {
        /// The expression.
        text: String,
        /// The local time it leads to or starts from.
        local: DateTime,
        /// The host's zone.
        zone: String,
    },
    /// The zone's clocks are put back over this local time.
    #[error("the expiry `{text}` is {local} in the zone {zone}, which its clocks show twice: write another time of day, or add `UTC`")]
    Repeated {
        /// The expression.
        text: String,
        /// The local time it leads to.
        local: DateTime,
        /// The host's zone.
        zone: String,
    },
    /// Beyond what an instant can hold, the year 9999.
    #[error("the expiry `{text}` lies beyond the year 9999: leave the expiry out to keep the backup for ever")]
    TooFar {
        /// The expression.
        text: String,
    },
    /// The backup would be expired when it is made.
    #[error("the expiry `{text}` is {instant}, which lies in the past (it is {now}): write a later one, such as `+1 week`")]
    Past {
        /// The expression.
        text: String,
        /// What it was understood to mean.
        instant: Timestamp,
        /// When it was read.
        now: Timestamp,
    },
}

/// What `text` means at `now`: the instant, be it past or to come.
///
/// It is read as GNU `date -d` reads it, in the zone of `now`, with these differences:
///
/// - What `date` guesses at is refused: bare numbers, fractions, single letters, two-digit years, dates in the order
///   of one country, a step behind a time of day, a weekday that is not the date's.
/// - A written local time that the zone's clocks skip or show twice is refused. Steps and weekdays that lead to one
///   end at the later instant, and steps that keep the time of day (`+1 week`) keep it across a change of the clocks
///   or end an hour later: see `Landing`. So the instant is never earlier than GNU's.
/// - No zone abbreviation but `UTC` and its kin is read: write the offset.
/// - A second reader, sharing no code with the first, must understand the same.
pub fn understand(text: &str, now: &Zoned) -> Result<Timestamp, ExpressionError> {
    if text.chars().any(char::is_control) {
        return Err(ExpressionError::ControlCharacter);
    }
    if text.trim().is_empty() {
        return Err(ExpressionError::Empty);
    }
    if text.chars().count() > LONGEST {
        return Err(ExpressionError::TooLong);
    }
    let reading = Reading::of(text).map_err(|why| ExpressionError::Unclear { text: text.to_owned(), why })?;
    let instant = match &reading {
        Reading::Epoch(seconds) => Timestamp::from_second(*seconds).map_err(|_| Lost::TooFar),
        Reading::Items(items) => Landing::of(items, now.datetime()).and_then(|landing| landing.instant(items, now)),
    };
    let instant = instant.map_err(|lost| lost.in_expression(text, now.time_zone()))?;
    if second_opinion_agrees(text, &reading) { Ok(instant) } else { Err(ExpressionError::Disputed { text: text.to_owned() }) }
}

impl Expiry {
    /// What `-e` takes: [`understand`] tells how it is read. The instant must lie after `now`.
    pub fn from_expression(text: &str, now: &Zoned) -> Result<Self, ExpressionError> {
        let instant = understand(text, now)?;
        let now = now.timestamp();
        if instant <= now {
            return Err(ExpressionError::Past { text: text.to_owned(), instant, now });
        }
        Ok(Self::at(instant))
    }
}

impl Lost {
    fn in_expression(self, text: &str, zone: &TimeZone) -> ExpressionError {
        let text = text.to_owned();
        let name = || zone.iana_name().unwrap_or("of this host").to_owned();
        match self {
            Self::Unclear(why) => ExpressionError::Unclear { text, why },
            Self::TooFar => ExpressionError::TooFar { text },
            Self::Skipped(local) => ExpressionError::Skipped { text, local, zone: name() },
            Self::Repeated(local) => ExpressionError::Repeated { text, local, zone: name() },
        }
    }
}
