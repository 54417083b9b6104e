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
    #[error("the expiry `{text}` is {instant}, which is not after now, {now}: write a later one, such as `+1 week`")]
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
///   too, or end an hour later. So no local time is read as earlier than GNU reads it.
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
    /// What `-e` takes: [`understand`] tells how it is read. The instant must lie after `now`,
    /// and counts in whole seconds, rounded up.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sunday(zone: &str) -> Zoned {
        let now: Timestamp = "2026-11-22T10:34:56Z".parse().unwrap();
        now.to_zoned(TimeZone::posix(zone).unwrap())
    }

    fn expiry(text: &str) -> String {
        match Expiry::from_expression(text, &sunday("UTC0")) {
            Ok(expiry) => format!("{text:<25} {expiry}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_examples_of_the_seed_and_their_like_are_understood() {
        let texts = ["+1 week", "next month", "42 days", "tomorrow 18:00", "next friday", "2026-12-24 6pm", "2026-12-24 18:00 UTC +1 day"];
        insta::assert_snapshot!(texts.map(expiry).join("\n"), @r"
        +1 week                   2026-11-29T10:34:56Z
        next month                2026-12-22T10:34:56Z
        42 days                   2027-01-03T10:34:56Z
        tomorrow 18:00            2026-11-23T18:00:00Z
        next friday               2026-11-27T00:00:00Z
        2026-12-24 6pm            2026-12-24T18:00:00Z
        2026-12-24 18:00 UTC +1 day 2026-12-25T18:00:00Z
        ");
    }

    #[test]
    fn what_is_refused_is_told_why_and_what_to_write() {
        let texts = [
            "",
            "   ",
            "-",
            "J",
            "7",
            "+1",
            "next blursday",
            "in 2 weeks",
            "+1 week\n",
            "yesterday",
            "now",
            "2026-12-24 18:00 +1 day",
            "2026-12-24T18",
            "2026-12-24 18:00:00.5",
            "24/12/2026",
            "2027-02-29",
            "2026-12-24 18:00 CST",
            "2026-12-24 18:00 UTC+3",
            "+1 week UTC",
            "TZ=\"Europe/Paris\" 18:00",
            "friday 2026-12-24",
            "18:00 19:00",
            "40 days 1 month",
            "+8000 years",
            "@99999999999999999999",
            "@12 days",
            "20261224-",
            "24-Dec-",
            "2026-12-24 18:00 GMT+05",
            "2 days ago hence",
        ];
        insta::assert_snapshot!(texts.map(expiry).join("\n"), @r#"
        the expiry is empty: write when the backup may go, such as `+1 week`
        the expiry is empty: write when the backup may go, such as `+1 week`
        the expiry `-` is not understood: `-` has no meaning here; write something like `+1 week` or `2026-12-24 18:00 UTC`
        the expiry `J` is not understood: `j` has no meaning here; write something like `+1 week` or `2026-12-24 18:00 UTC`
        the expiry `7` is not understood: the number `7` has no unit that is known: hours, days, weeks, months, years; a time of day is written `07:00`, a date `2026-12-24`
        the expiry `+1` is not understood: the number `1` has no unit that is known: hours, days, weeks, months, years; a time of day is written `07:00`, a date `2026-12-24`
        the expiry `next blursday` is not understood: `blursday` has no meaning here; write something like `+1 week` or `2026-12-24 18:00 UTC`
        the expiry `in 2 weeks` is not understood: `in` has no meaning here; write something like `+1 week` or `2026-12-24 18:00 UTC`
        the expiry holds a control character: write something like `+1 week`, with spaces only
        the expiry `yesterday` is 2026-11-21T10:34:56Z, which is not after now, 2026-11-22T10:34:56Z: write a later one, such as `+1 week`
        the expiry `now` is 2026-11-22T10:34:56Z, which is not after now, 2026-11-22T10:34:56Z: write a later one, such as `+1 week`
        the expiry `2026-12-24 18:00 +1 day` is not understood: `date` takes a signed number behind a time of day for a zone; write `2026-12-24 18:00 UTC +1 day`, or the step first
        the expiry `2026-12-24T18` is not understood: there is no such time of day; write it as `18:00`, `18:00:30` or `6 pm`
        the expiry `2026-12-24 18:00:00.5` is not understood: there is no such time of day; write it as `18:00`, `18:00:30` or `6 pm`
        the expiry `24/12/2026` is not understood: there is no such date; write it as `2026-12-24`
        the expiry `2027-02-29` is not understood: there is no such date; write it as `2026-12-24`
        the expiry `2026-12-24 18:00 CST` is not understood: `cst` is not the same zone everywhere; write `UTC` or an offset such as `+01:00`
        the expiry `2026-12-24 18:00 UTC+3` is not understood: there is no such offset from UTC; write it as `+01:00`
        the expiry `+1 week UTC` is not understood: a zone goes with a date or a time of day; write `2026-12-24 18:00 UTC`
        the expiry `TZ="Europe/Paris" 18:00` is not understood: `TZ=` is not read here; set it for the command, or write an offset such as `+01:00`
        the expiry `friday 2026-12-24` is not understood: the date is not a Friday; leave the weekday out
        the expiry `18:00 19:00` is not understood: it has more than one time of day; write one
        the expiry `40 days 1 month` can be read in several ways: write a single step such as `+6 weeks`, or `2026-12-24 18:00 UTC`
        the expiry `+8000 years` lies beyond the year 9999: leave the expiry out to keep the backup for ever
        the expiry `@99999999999999999999` is not understood: the number `99999999999999999999` is too large; leave the expiry out to keep the backup for ever
        the expiry `@12 days` is not understood: `@` stands with the whole seconds since 1970 and nothing else; write `@1795992000`
        the expiry `20261224-` is not understood: `-` has no meaning here; write something like `+1 week` or `2026-12-24 18:00 UTC`
        the expiry `24-Dec-` is not understood: there is no such date; write it as `2026-12-24`
        the expiry `2026-12-24 18:00 GMT+05` is not understood: there is no such offset from UTC; write it as `+01:00`
        the expiry `2 days ago hence` is not understood: `hence` has no meaning here; write something like `+1 week` or `2026-12-24 18:00 UTC`
        "#);
    }

    #[test]
    fn a_year_behind_a_month_and_day_is_the_dates_unless_it_counts_what_is_behind_it() {
        let texts = [
            "Dec 24 2026 next week",
            "Dec 24 2026 UTC 18:00",
            "Dec 24 2026 tomorrow",
            "Dec 24 2026 hours",
            "Dec 24 2026 friday",
            "Dec 24 2026 18:00",
        ];
        insta::assert_snapshot!(texts.map(expiry).join("\n"), @"
        Dec 24 2026 next week     2026-12-31T00:00:00Z
        Dec 24 2026 UTC 18:00     2026-12-24T18:00:00Z
        Dec 24 2026 tomorrow      2026-12-25T00:00:00Z
        the expiry `Dec 24 2026 hours` can be read in several ways: write a single step such as `+6 weeks`, or `2026-12-24 18:00 UTC`
        the expiry `Dec 24 2026 friday` is not understood: the number `2026` has no unit that is known: hours, days, weeks, months, years; a time of day is written `07:00`, a date `2026-12-24`
        Dec 24 2026 18:00         2026-12-24T18:00:00Z
        ");
    }

    #[test]
    fn an_expression_has_up_to_128_characters() {
        let padded = |length: usize| Expiry::from_expression(&format!("{:length$}", "+1 week"), &sunday("UTC0"));
        assert_eq!(padded(128), padded(7));
        assert_eq!(padded(129), Err(ExpressionError::TooLong));
    }

    #[test]
    fn a_local_time_on_a_change_of_the_clocks_is_refused_when_it_was_written_and_later_when_it_was_stepped_to() {
        let paris = "CET-1CEST,M3.5.0,M10.5.0/3";
        let at = |now: &str, text: &str| {
            let now: Timestamp = now.parse().unwrap();
            match understand(text, &now.to_zoned(TimeZone::posix(paris).unwrap())) {
                Ok(instant) => format!("{text:<18} {instant}"),
                Err(error) => error.to_string(),
            }
        };
        let spring = ["2026-03-29 02:30", "02:30 2026-03-29", "+1 week", "+1 week 02:30", "sunday 02:30", "+168 hours"];
        insta::assert_snapshot!(spring.map(|text| at("2026-03-22T01:30:00Z", text)).join("\n"), @r"
        the expiry `2026-03-29 02:30` is 2026-03-29T02:30:00 in the zone of this host, which its clocks skip: write another time of day, or add `UTC`
        the expiry `02:30 2026-03-29` is 2026-03-29T02:30:00 in the zone of this host, which its clocks skip: write another time of day, or add `UTC`
        +1 week            2026-03-29T01:30:00Z
        +1 week 02:30      2026-03-29T01:30:00Z
        sunday 02:30       2026-03-22T01:30:00Z
        +168 hours         2026-03-29T01:30:00Z
        ");
        assert_eq!(at("2026-10-25T00:30:00Z", "+1 hour"), "+1 hour            2026-10-25T01:30:00Z", "hours are counted and not read off");
        let autumn = ["2026-10-25 02:30", "+1 week", "+1 week 02:30", "next sunday 02:30", "+168 hours"];
        insta::assert_snapshot!(autumn.map(|text| at("2026-10-18T00:30:00Z", text)).join("\n"), @r"
        the expiry `2026-10-25 02:30` is 2026-10-25T02:30:00 in the zone of this host, which its clocks show twice: write another time of day, or add `UTC`
        +1 week            2026-10-25T01:30:00Z
        +1 week 02:30      2026-10-25T01:30:00Z
        next sunday 02:30  2026-10-25T01:30:00Z
        +168 hours         2026-10-25T00:30:00Z
        ");
    }

    #[test]
    fn a_zone_that_is_written_counts_and_not_the_hosts() {
        let told = "2026-12-24 18:00 -05:00";
        let everywhere: Vec<_> = ["UTC0", "EST5EDT,M3.2.0,M11.1.0", "<+1245>-12:45"]
            .iter()
            .map(|zone| understand(told, &sunday(zone)).unwrap().to_string())
            .collect();
        assert_eq!(everywhere, ["2026-12-24T23:00:00Z"; 3]);
    }
}
