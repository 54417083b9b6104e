//! `Expire` tags: what `date` printed, RFC 3339, or `@` and the seconds since 1970.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::tokens::{Cursor, Token};
use super::vocabulary::{HalfDay, half_day, month, weekday};
use super::zones::westernmost_offset;
use super::{Expiry, clock};
use crate::instant;
use crate::plain::one_line;

/// The longest value a tag can have on EC2.
const LONGEST: usize = 256;

/// When EC2 was opened, and hence before which no backup expires: 2006-08-25. An older instant is a slip of the
/// pen (`@7`, the year 0206), and to believe it would be to delete the backup.
const EC2_OPENED: Timestamp = Timestamp::constant(1_156_464_000, 0);

/// Why an `Expire` tag cannot be read as an instant. Displays as one short clause, to stand behind the tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnreadableTag {
    /// Nothing but spaces.
    #[error("it is empty")]
    Empty,
    /// Longer than a tag can be.
    #[error("it is too long")]
    TooLong,
    /// A word that is no English month, weekday or zone abbreviation, or not at this place.
    #[error("`{}` is not understood", one_line(.0))]
    Word(String),
    /// A number or character at a place where it says nothing.
    #[error("`{}` is not understood", one_line(.0))]
    Other(String),
    /// The named thing is there twice.
    #[error("more than one {0}")]
    Twice(&'static str),
    /// Without the named thing it is no instant.
    #[error("no {0}")]
    Missing(&'static str),
    /// A day its month does not have, or an hour no clock has.
    #[error("no such {0}")]
    Impossible(&'static str),
    /// The date is another day of the week.
    #[error("the date is not a {0:?}")]
    OtherWeekday(Weekday),
    /// Before there was EC2, or after the year 9999.
    #[error("not an instant at which a backup can expire")]
    OutOfRange,
}

impl Expiry {
    /// What an `Expire` tag says, if that is an absolute instant.
    ///
    /// A date with its year, a time of day and a zone must all be there, once, and nothing else but the date's own
    /// weekday. So `7`, `now`, `friday` and `2026-12-24` are unreadable, whatever `date` makes of them today. Read
    /// are RFC 3339, with a space for the `T` too, and all that `date` prints in the C locale and in English ones:
    ///
    /// ```
    /// # use planner::expiry::Expiry;
    /// for tag in ["2026-11-29T22:41:00Z", "Sun Nov 29 22:41:00 UTC 2026", "Sun 29 Nov 2026 11:41:00 PM CET"] {
    ///     assert_eq!(Expiry::from_tag(tag)?.to_string(), "2026-11-29T22:41:00Z");
    /// }
    /// # Ok::<(), planner::expiry::UnreadableTag>(())
    /// ```
    ///
    /// An abbreviation of several zones is read as the westernmost of them: the backup has expired once it has under
    /// every reading. A part of a second counts as a whole one.
    pub fn from_tag(text: &str) -> Result<Self, UnreadableTag> {
        let instant = instant::as_we_write(text).map_or_else(|| by_grammar(text), Ok)?;
        if instant < EC2_OPENED { Err(UnreadableTag::OutOfRange) } else { Ok(Self::at(instant)) }
    }
}

/// The instant of a tag, whoever wrote it.
pub(super) fn by_grammar(text: &str) -> Result<Timestamp, UnreadableTag> {
    if text.len() > LONGEST {
        return Err(UnreadableTag::TooLong);
    }
    // Some locales print AM and PM behind a no-break space.
    let text = text.replace(['\u{a0}', '\u{202f}'], " ");
    let mut cursor = Cursor::new(&text);
    if cursor.is_done() {
        return Err(UnreadableTag::Empty);
    }
    if cursor.take_mark('@') { epoch(&mut cursor) } else { Stamp::read(&mut cursor)?.instant() }
}

/// The parts of an instant, as far as they have been met.
#[derive(Debug, Default)]
struct Stamp {
    weekday: Option<Weekday>,
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    time: Option<Time>,
    half: Option<HalfDay>,
    has_fraction: bool,
    zone: Option<Offset>,
}

impl Stamp {
    /// Gives each token to the one part it can belong to. Their order differs between locales and tells nothing, but
    /// that the weekday comes first: elsewhere `date` takes the number before it for its ordinal.
    fn read(cursor: &mut Cursor) -> Result<Self, UnreadableTag> {
        let mut stamp = Self { weekday: cursor.peek_word().and_then(weekday), ..Self::default() };
        if stamp.weekday.is_some() {
            cursor.take();
            cursor.take_mark(',');
        }
        while let Some(token) = cursor.take() {
            match token {
                Token::Number(digits) => stamp.read_number(digits, cursor)?,
                Token::Word(word) => stamp.read_word(word, cursor)?,
                Token::Mark(sign @ ('+' | '-')) if stamp.time.is_some() => {
                    let offset = clock::offset(sign, cursor).ok_or(UnreadableTag::Impossible("offset from UTC"))?;
                    once(&mut stamp.zone, offset, "time zone")?;
                }
                Token::Mark(mark) => return Err(UnreadableTag::Other(mark.into())),
            }
        }
        Ok(stamp)
    }

    fn read_number(&mut self, digits: &str, cursor: &mut Cursor) -> Result<(), UnreadableTag> {
        if cursor.peek_glued() == Some(&Token::Mark(':')) {
            let clock = clock::clock(digits, cursor).ok_or(UnreadableTag::Impossible("time of day"))?;
            self.has_fraction = clock.fraction.is_some_and(|digits| digits.bytes().any(|digit| digit != b'0'));
            return once(&mut self.time, clock.time, "time of day");
        }
        match digits.len() {
            1 | 2 => {
                let day = clock::one_or_two_digits(digits).ok_or(UnreadableTag::Impossible("date"))?;
                once(&mut self.day, day, "day")?;
            }
            4 => {
                let year = clock::four_digits(digits).ok_or(UnreadableTag::Impossible("date"))?;
                once(&mut self.year, year, "year")?;
                if let Some(month) = cursor.take_glued_part('-') {
                    let day = cursor.take_glued_part('-').and_then(clock::two_digits);
                    let (Some(month), Some(day)) = (clock::two_digits(month), day) else {
                        return Err(UnreadableTag::Impossible("date"));
                    };
                    once(&mut self.month, month, "month")?;
                    once(&mut self.day, day, "day")?;
                    return take_time_mark(cursor);
                }
            }
            _ => return Err(UnreadableTag::Other(digits.to_owned())),
        }
        // `Sunday, 29 November, 2026`, as in the Philippines.
        cursor.take_mark(',');
        Ok(())
    }

    fn read_word(&mut self, word: String, cursor: &mut Cursor) -> Result<(), UnreadableTag> {
        if let Some(month) = month(&word) {
            cursor.take_mark(',');
            return once(&mut self.month, month, "month");
        }
        if let Some(half) = half_day(&word) {
            return once(&mut self.half, half, "AM or PM");
        }
        match westernmost_offset(&word) {
            Some(offset) => once(&mut self.zone, offset, "time zone"),
            None => Err(UnreadableTag::Word(word)),
        }
    }

    fn instant(self) -> Result<Timestamp, UnreadableTag> {
        let (Some(year), Some(month), Some(day)) = (self.year, self.month, self.day) else {
            return Err(UnreadableTag::Missing("full date"));
        };
        let date = Date::new(year, month, day).map_err(|_| UnreadableTag::Impossible("date"))?;
        if let Some(weekday) = self.weekday.filter(|weekday| *weekday != date.weekday()) {
            return Err(UnreadableTag::OtherWeekday(weekday));
        }
        let time = self.time.ok_or(UnreadableTag::Missing("time of day"))?;
        let time = match self.half {
            Some(half) => clock::on_twelve_hour_clock(time, half).ok_or(UnreadableTag::Impossible("time of day"))?,
            None => time,
        };
        let zone = self.zone.ok_or(UnreadableTag::Missing("time zone"))?;
        let rest = SignedDuration::from_secs(i64::from(self.has_fraction));
        let instant = zone.to_timestamp(DateTime::from_parts(date, time)).and_then(|instant| instant.checked_add(rest));
        instant.map_err(|_| UnreadableTag::OutOfRange)
    }
}

/// Reads the whole seconds since 1970.
fn epoch(cursor: &mut Cursor) -> Result<Timestamp, UnreadableTag> {
    let digits = cursor.take_number().filter(|_| cursor.is_done());
    let digits = digits.ok_or(UnreadableTag::Other("@".into()))?;
    let seconds = digits.parse().map_err(|_| UnreadableTag::OutOfRange)?;
    Timestamp::from_second(seconds).map_err(|_| UnreadableTag::OutOfRange)
}

/// Passes the `T` between date and time. Nowhere else is it one: alone it is a military zone.
fn take_time_mark(cursor: &mut Cursor) -> Result<(), UnreadableTag> {
    let is_there = cursor.take_if(|token| *token == Token::Word("t".into()));
    if is_there && cursor.peek_number().is_none() { Err(UnreadableTag::Missing("time of day")) } else { Ok(()) }
}

/// Puts `part` in its place, which must be empty.
fn once<T>(place: &mut Option<T>, part: T, name: &'static str) -> Result<(), UnreadableTag> {
    if place.replace(part).is_some() { Err(UnreadableTag::Twice(name)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_date_prints_and_what_others_write_is_read() {
        for tag in [
            "2026-11-29T22:41:00Z",
            "2026-11-29T23:41:00+01:00",
            "2026-11-29T23:41+01:00",
            "2026-11-29t22:41:00z",
            "2026-11-29 19:11:00-03:30",
            "2026-11-29T22:40:59.001Z",
            "2026-11-29T22:41:00,000000000+00:00",
            "Sun Nov 29 22:41:00 UTC 2026",
            "Sun Nov 29 23:41:00 CET 2026",
            "Mon Nov 30 01:41:00 +03 2026",
            "Mon Nov 30 04:26:00 +0545 2026",
            "Sun 29 Nov 2026 11:41:00 PM CET",
            "Sun 29 Nov 2026 11:41:00\u{202f}pm CET",
            "SUN  29 NOV  2026   11:41:00 P.M.  CET",
            "Sun 29 Nov 22:41:00 GMT 2026",
            "Sun, 29 Nov 2026 22:41:00 +0000",
            "Sunday, November 29, 2026 PM10:41:00 UTC",
            "Sunday, 29 November, 2026 10:41:00 PM UTC",
            "29 Nov 2026 22:41 UTC",
            "@1795992060",
        ] {
            let read = Expiry::from_tag(tag).map(|expiry| expiry.to_string());
            assert_eq!(read.as_deref(), Ok("2026-11-29T22:41:00Z"), "{tag}");
        }
    }

    #[test]
    fn an_abbreviation_of_several_zones_is_the_westernmost() {
        for (tag, expected) in [
            ("Sun Nov 29 22:41:00 CST 2026", "2026-11-30T04:41:00Z"),
            ("Sun Nov 29 22:41:00 IST 2026", "2026-11-29T21:41:00Z"),
            ("Sun Nov 29 22:41:00 SST 2026", "2026-11-30T10:41:00Z"),
        ] {
            assert_eq!(Expiry::from_tag(tag).map(|expiry| expiry.to_string()).as_deref(), Ok(expected), "{tag}");
        }
    }

    #[test]
    fn all_else_is_unreadable_and_says_why() {
        let tags = [
            "",
            " ",
            "7",
            "now",
            "yesterday",
            "friday",
            "never",
            "2026-12-24",
            "2026-12-24 18:00",
            "2026-12-24 UTC",
            "18:00 UTC",
            "Nov 29 22:41:00 UTC",
            "1795992060",
            "@",
            "@7",
            "@-7",
            "@1795992060000",
            "@1795992060 UTC",
            "0206-11-29T22:41:00Z",
            "26-11-29T22:41:00Z",
            "2026-02-30T22:41:00Z",
            "2026-11-29T24:00:00Z",
            "2026-11-29T22:41:60Z",
            "2026-11-29TZ22:41",
            "2026-11-29T UTC 22:41",
            "2026-11-29T22:41:00+25:00",
            "2026-11-29T22:41:00Z Z",
            "2026-11-29T22:41:00 UTC+3",
            "2026-11-29T22:41:00 XYZ",
            "2026-11-29T22:41:00Z +1 day",
            "Mon Nov 29 22:41:00 UTC 2026",
            "29 Nov 2026 Sun 22:41:00 UTC",
            "Sun Nov 29 22:41:00 PM UTC 2026",
            "Sun Nov 29 22:41:00 UTC 2026 2026",
            "So 29. Nov 22:41:00 UTC 2026",
            "dim. 29 nov. 2026 22:41:00 UTC",
            "11/29/2026 22:41 UTC",
            "29\u{ff10} Nov 2026 22:41 UTC",
        ];
        let read = |tag: &str| match Expiry::from_tag(tag) {
            Ok(expiry) => panic!("`{tag}` is read as {expiry}"),
            Err(why) => format!("`{tag}`: {why}"),
        };
        insta::assert_snapshot!(tags.map(read).join("\n"), @r"
        ``: it is empty
        ` `: it is empty
        `7`: no full date
        `now`: `now` is not understood
        `yesterday`: `yesterday` is not understood
        `friday`: no full date
        `never`: `never` is not understood
        `2026-12-24`: no time of day
        `2026-12-24 18:00`: no time zone
        `2026-12-24 UTC`: no time of day
        `18:00 UTC`: no full date
        `Nov 29 22:41:00 UTC`: no full date
        `1795992060`: `1795992060` is not understood
        `@`: `@` is not understood
        `@7`: not an instant at which a backup can expire
        `@-7`: `@` is not understood
        `@1795992060000`: not an instant at which a backup can expire
        `@1795992060 UTC`: `@` is not understood
        `0206-11-29T22:41:00Z`: not an instant at which a backup can expire
        `26-11-29T22:41:00Z`: `-` is not understood
        `2026-02-30T22:41:00Z`: no such date
        `2026-11-29T24:00:00Z`: no such time of day
        `2026-11-29T22:41:60Z`: no such time of day
        `2026-11-29TZ22:41`: `tz` is not understood
        `2026-11-29T UTC 22:41`: no time of day
        `2026-11-29T22:41:00+25:00`: no such offset from UTC
        `2026-11-29T22:41:00Z Z`: more than one time zone
        `2026-11-29T22:41:00 UTC+3`: no such offset from UTC
        `2026-11-29T22:41:00 XYZ`: `xyz` is not understood
        `2026-11-29T22:41:00Z +1 day`: no such offset from UTC
        `Mon Nov 29 22:41:00 UTC 2026`: the date is not a Monday
        `29 Nov 2026 Sun 22:41:00 UTC`: `sun` is not understood
        `Sun Nov 29 22:41:00 PM UTC 2026`: no such time of day
        `Sun Nov 29 22:41:00 UTC 2026 2026`: more than one year
        `So 29. Nov 22:41:00 UTC 2026`: `so` is not understood
        `dim. 29 nov. 2026 22:41:00 UTC`: `dim` is not understood
        `11/29/2026 22:41 UTC`: `/` is not understood
        `29０ Nov 2026 22:41 UTC`: `０` is not understood
        ");
    }

    #[test]
    fn a_tag_is_read_up_to_the_length_that_ec2_allows() {
        let padded = |length: usize| Expiry::from_tag(&format!("{:length$}", "@1795992060"));
        assert_eq!(padded(256), padded(11));
        assert_eq!(padded(257), Err(UnreadableTag::TooLong));
    }

    #[test]
    fn no_backup_expired_before_there_was_ec2() {
        assert_eq!(Expiry::from_tag("@1156464000").unwrap().to_string(), "2006-08-25T00:00:00Z");
        assert_eq!(Expiry::from_tag("@1156463999"), Err(UnreadableTag::OutOfRange));
    }
}
