//! Lengths of time as people write them in a policy: `36h`, `2w`, `2y5mo7d3h`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::plain::one_line;

/// A length of time in calendar units: years `y`, months `mo`, weeks `w`, days `d`, hours `h`, minutes `min`, seconds
/// `s`, the longer before the shorter, each at most once.
///
/// Years to days are counted on the calendar of a time zone, so that a day may have 23 or 25 hours there. Hours to
/// seconds are exact. A period has one text only, and two of them are equal when their texts are: `7d` is not `1w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    years: u32,
    months: u32,
    weeks: u32,
    days: u32,
    hours: u32,
    minutes: u32,
    seconds: u32,
}

/// The units from long to short, as they are written.
const UNITS: [&str; 7] = ["y", "mo", "w", "d", "h", "min", "s"];

const DAY: i64 = 86_400;

/// A period that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a period such as 36h, 3d or 1y6mo: {why}", one_line(text))]
pub struct InvalidPeriod {
    text: String,
    why: String,
}

impl Period {
    /// The instant that is this long before `instant` by the calendar and clock of `zone`, or the first instant there is.
    ///
    /// Months and years are taken off first; where the day does not exist, the month's last one is meant (a month before
    /// 31 March is 28 February). Then weeks and days, then the exact rest. A local time that a change of clocks skipped
    /// is taken as much later, one that it repeated is taken the first time, as RFC 5545 has it.
    pub fn before(&self, instant: Timestamp, zone: &TimeZone) -> Timestamp {
        let earlier = || instant.to_zoned(zone.clone()).checked_sub(self.span().ok()?).ok();
        earlier().map_or(Timestamp::MIN, |earlier| earlier.timestamp())
    }

    /// The instant that is this long after `instant`, or the last instant there is: see [`Period::before`].
    pub fn after(&self, instant: Timestamp, zone: &TimeZone) -> Timestamp {
        let later = || instant.to_zoned(zone.clone()).checked_add(self.span().ok()?).ok();
        later().map_or(Timestamp::MAX, |later| later.timestamp())
    }

    /// About how long this is, for ages and time limits: a year as 365 days, a month as 30, a day as 24 hours.
    pub fn as_duration(&self) -> SignedDuration {
        let [years, months, weeks, days, hours, minutes, seconds] = self.amounts().map(i64::from);
        SignedDuration::from_secs((years * 365 + months * 30 + weeks * 7 + days) * DAY + hours * 3_600 + minutes * 60 + seconds)
    }

    /// Its exact length with days of 24 hours, if it has no months and no years: those are never of one length.
    pub fn fixed_length(&self) -> Option<SignedDuration> {
        (self.years == 0 && self.months == 0).then(|| self.as_duration())
    }

    /// The amounts in the order of [`UNITS`].
    fn amounts(&self) -> [u32; 7] {
        let Self { years, months, weeks, days, hours, minutes, seconds } = *self;
        [years, months, weeks, days, hours, minutes, seconds]
    }

    fn span(&self) -> Result<Span, jiff::Error> {
        Span::new()
            .try_years(self.years)?
            .try_months(self.months)?
            .try_weeks(self.weeks)?
            .try_days(self.days)?
            .try_hours(self.hours)?
            .try_minutes(self.minutes)?
            .try_seconds(self.seconds)
    }
}

impl FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        read(text).map_err(|why| InvalidPeriod { text: text.to_owned(), why })
    }
}

fn read(text: &str) -> Result<Period, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut amounts = [0; UNITS.len()];
    // The first unit that may still come.
    let mut open = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (digits, after) = split_while(rest, u8::is_ascii_digit);
        let (unit, after) = split_while(after, u8::is_ascii_alphabetic);
        if digits.is_empty() || digits.starts_with('0') {
            return Err("each number must be a whole number from 1, without sign, blank or leading zero".to_owned());
        }
        if unit == "m" {
            return Err("m may mean months or minutes; write mo or min".to_owned());
        }
        let Some(place) = UNITS.iter().position(|known| *known == unit) else {
            return Err(format!("after {} there must be one of the units y, mo, w, d, h, min, s", one_line(digits)));
        };
        if place < open {
            return Err("the units must go from long to short (y, mo, w, d, h, min, s), each at most once".to_owned());
        }
        amounts[place] = digits.parse().map_err(|_| too_long())?;
        open = place + 1;
        rest = after;
    }
    let [years, months, weeks, days, hours, minutes, seconds] = amounts;
    let period = Period { years, months, weeks, days, hours, minutes, seconds };
    // What no calendar holds is a slip of the finger.
    period.span().map(|_| period).map_err(|_| too_long())
}

fn too_long() -> String {
    "it is longer than the calendar".to_owned()
}

fn split_while(text: &str, belongs: impl Fn(&u8) -> bool) -> (&str, &str) {
    text.split_at(text.bytes().take_while(belongs).count())
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for (amount, unit) in self.amounts().iter().zip(UNITS).filter(|(amount, _)| **amount > 0) {
            text += &format!("{amount}{unit}");
        }
        f.pad(&text)
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl TryFrom<String> for Period {
    type Error = InvalidPeriod;

    fn try_from(text: String) -> Result<Self, InvalidPeriod> {
        text.parse()
    }
}

impl JsonSchema for Period {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 2,
            "pattern": "^([1-9][0-9]*y)?([1-9][0-9]*mo)?([1-9][0-9]*w)?([1-9][0-9]*d)?([1-9][0-9]*h)?([1-9][0-9]*min)?([1-9][0-9]*s)?$",
            "description": "A length of time such as 36h, 3d, 2w or 1y6mo",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn period(text: &str) -> Period {
        text.parse().unwrap()
    }

    fn refusal(text: &str) -> String {
        text.parse::<Period>().unwrap_err().to_string()
    }

    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    #[test]
    fn a_period_is_shown_as_it_was_written() {
        for text in ["36h", "3d", "2w", "2y5mo7d3h", "90min", "60s", "1y1mo1w1d1h1min1s"] {
            assert_eq!(period(text).to_string(), text);
        }
        assert_ne!(period("1w"), period("7d"));
    }

    #[test]
    fn what_is_not_a_period_is_refused() {
        insta::assert_snapshot!(refusal("30m"), @"`30m` is not a period such as 36h, 3d or 1y6mo: m may mean months or minutes; write mo or min");
        insta::assert_snapshot!(refusal(""), @"`` is not a period such as 36h, 3d or 1y6mo: it is empty");
        insta::assert_snapshot!(refusal("0d"), @"`0d` is not a period such as 36h, 3d or 1y6mo: each number must be a whole number from 1, without sign, blank or leading zero");
        insta::assert_snapshot!(refusal("7"), @"`7` is not a period such as 36h, 3d or 1y6mo: after 7 there must be one of the units y, mo, w, d, h, min, s");
        insta::assert_snapshot!(refusal("3h2d"), @"`3h2d` is not a period such as 36h, 3d or 1y6mo: the units must go from long to short (y, mo, w, d, h, min, s), each at most once");
        insta::assert_snapshot!(refusal("3 days"), @"`3 days` is not a period such as 36h, 3d or 1y6mo: after 3 there must be one of the units y, mo, w, d, h, min, s");
        insta::assert_snapshot!(refusal("99999999999y"), @"`99999999999y` is not a period such as 36h, 3d or 1y6mo: it is longer than the calendar");
        for wrong in
            ["-3d", "+3d", " 3d", "3d ", "3 d", "d", "3D", "3days", "3d4d", "1y0d", "03d", "1.5h", "3ｄ", "٣d", "20000y", "1m", "P3D"]
        {
            assert!(wrong.parse::<Period>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn days_and_months_are_the_calendars_and_hours_are_exact() {
        for (text, instant, before) in [
            // The night of 29 March 2026 has one hour less in Berlin.
            ("1d", "2026-03-29T10:00:00Z", "2026-03-28T11:00:00Z"),
            ("24h", "2026-03-29T10:00:00Z", "2026-03-28T10:00:00Z"),
            // 02:30 was skipped that night: as much later is meant.
            ("1d", "2026-03-30T00:30:00Z", "2026-03-29T01:30:00Z"),
            // 02:30 came twice on 25 October: the first is meant.
            ("1d", "2026-10-26T01:30:00Z", "2026-10-25T00:30:00Z"),
            ("1mo", "2026-03-31T10:00:00Z", "2026-02-28T11:00:00Z"),
            ("1y", "2028-02-29T11:00:00Z", "2027-02-28T11:00:00Z"),
            ("1mo1d", "2026-03-31T10:00:00Z", "2026-02-27T11:00:00Z"),
        ] {
            assert_eq!(period(text).before(at(instant), &berlin()), at(before), "{text} before {instant}");
        }
        assert_eq!(period("1mo").after(at("2026-01-31T11:00:00Z"), &berlin()), at("2026-02-28T11:00:00Z"));
        assert_eq!(period("1d").after(at("2026-03-28T11:00:00Z"), &berlin()), at("2026-03-29T10:00:00Z"));
    }

    #[test]
    fn in_json_a_period_is_its_text_and_its_schema_says_so_in_place() {
        assert_eq!(serde_json::to_value(period("1y6mo")).unwrap(), "1y6mo");
        assert_eq!(serde_json::from_str::<Period>(r#""1y6mo""#).unwrap(), period("1y6mo"));
        let schema = schemars::schema_for!(Vec<Period>);
        assert_eq!(schema.as_value()["items"]["type"], "string");
        assert_eq!(schema.as_value()["title"], "Array_of_Period");
    }

    #[test]
    fn what_is_beyond_the_calendar_is_its_end() {
        let longest = period("19998y");
        assert_eq!(longest.before(at("2026-11-23T02:00:00Z"), &berlin()), Timestamp::MIN);
        assert_eq!(longest.after(at("2026-11-23T02:00:00Z"), &berlin()), Timestamp::MAX);
    }

    #[test]
    fn for_an_age_a_month_has_30_days_and_a_year_365() {
        assert_eq!(period("1y1mo1w1d1h1min1s").as_duration(), SignedDuration::from_secs((365 + 30 + 7 + 1) * DAY + 3_661));
        assert_eq!(period("2w").fixed_length(), Some(SignedDuration::from_hours(14 * 24)));
        assert_eq!((period("1mo").fixed_length(), period("1y").fixed_length()), (None, None));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_period_has_one_text(text in "([1-9][0-9]{0,5}(y|mo|m|w|d|h|min|s)){0,4}|[0-9ymowdhins+ ]{0,8}|.{0,12}") {
            match text.parse::<Period>() {
                Ok(period) => prop_assert_eq!(period.to_string(), text),
                Err(why) => {
                    let told = why.to_string();
                    prop_assert!(told.chars().all(|c| !c.is_control()), "{:?}", told);
                }
            }
        }

        #[test]
        fn before_and_after_never_turn_round(
            amounts in prop::array::uniform7(0..40_u32), second in -377_705_023_201..253_402_207_200_i64, extra in 1..40_u32, unit in 0..7_usize,
        ) {
            let make = |[years, months, weeks, days, hours, minutes, seconds]: [u32; 7]| Period { years, months, weeks, days, hours, minutes, seconds };
            let mut longer = amounts;
            longer[unit] += extra;
            let (instant, zone) = (Timestamp::from_second(second).unwrap(), berlin());
            let (shorter, longer) = (make(amounts), make(longer));
            prop_assert!(shorter.before(instant, &zone) <= instant && instant <= shorter.after(instant, &zone));
            prop_assert!(longer.before(instant, &zone) <= shorter.before(instant, &zone), "a longer one goes back further");
            prop_assert!(longer.after(instant, &zone) >= shorter.after(instant, &zone));
            prop_assert!(longer.as_duration() > shorter.as_duration());
        }
    }
}
