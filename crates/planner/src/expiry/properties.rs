//! What holds for every instant and every text.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use proptest::prelude::*;

use super::stamp::by_grammar;
use super::{Expiry, understand};
use crate::instant;

/// Ways to print an instant, as `strftime` patterns.
const SHAPES: [&str; 9] = [
    "%a %b %e %H:%M:%S %Z %Y",
    "%a %b %e %I:%M:%S %p %Z %Y",
    "%a %e %b %H:%M:%S %Z %Y",
    "%a %d %b %Y %I:%M:%S %p %Z",
    "%A, %B %d, %Y %p%I:%M:%S %Z",
    "%A, %d %B, %Y %I:%M:%S %p %Z",
    "%a, %d %b %Y %H:%M:%S %z",
    "%Y-%m-%dT%H:%M:%S%:z",
    "%Y-%m-%d %H:%M:%S%:z",
];

/// Zones whose abbreviations no other zone further west has.
const ZONES: [&str; 12] = [
    "UTC0",
    "GMT0BST,M3.5.0/1,M10.5.0",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "EST5EDT,M3.2.0,M11.1.0",
    "PST8PDT,M3.2.0,M11.1.0",
    "NST3:30NDT,M3.2.0,M11.1.0",
    "AEST-10AEDT,M10.1.0,M4.1.0/3",
    "NZST-12NZDT,M9.5.0,M4.1.0/3",
    "<-12>12",
    "<+14>-14",
    "<+0545>-5:45",
    "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
];

/// From the year EC2 was opened to the end of the century.
fn any_second() -> impl Strategy<Value = Timestamp> {
    (1_167_609_600_i64..4_102_444_800).prop_map(|second| Timestamp::from_second(second).unwrap())
}

fn any_zone() -> impl Strategy<Value = TimeZone> {
    prop::sample::select(&ZONES[..]).prop_map(|zone| TimeZone::posix(zone).unwrap())
}

/// Words and marks of both grammars, in any order.
fn any_jumble() -> impl Strategy<Value = String> {
    let pieces = [
        "+",
        "-",
        "1",
        "7",
        "02",
        "31",
        "2026",
        "20261224",
        "99999999999999999999",
        ":",
        ":30",
        "/",
        ",",
        ".",
        "@",
        "T",
        "Z",
        "UTC",
        "CST",
        "+01",
        "+0530",
        "am",
        "PM",
        "p.m.",
        "week",
        "days",
        "month",
        "years",
        "sec",
        "ago",
        "hence",
        "next",
        "last",
        "this",
        "third",
        "now",
        "tomorrow",
        "friday",
        "Sun",
        "dec",
        "24 Dec",
        "2026-12-24",
        "18:00",
        "02:30:00",
        "(",
        "é",
        " ",
    ];
    prop::collection::vec((prop::sample::select(pieces.to_vec()), prop::sample::select(vec!["", " "])), 0..12)
        .prop_map(|pieces| pieces.into_iter().flat_map(|(piece, space)| [piece, space]).collect())
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ -~]{0,40}", any_jumble()]
}

proptest! {
    #[test]
    fn every_instant_printed_in_any_shape_and_zone_is_read_back(
        instant in any_second(), zone in any_zone(), shape in prop::sample::select(&SHAPES[..]), uppercase in prop::bool::ANY,
    ) {
        let printed = instant.to_zoned(zone).strftime(shape).to_string();
        let printed = if uppercase { printed.to_uppercase() } else { printed };
        prop_assert_eq!(Expiry::from_tag(&printed), Ok(Expiry::at(instant)), "{}", printed);
    }

    #[test]
    fn what_is_read_the_short_way_the_grammar_reads_alike(
        text in "[0-9]{4}-[0-9]{2}-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z|[-0-9T:Z+ ]{20}",
    ) {
        if let Some(instant) = instant::as_we_write(&text) {
            prop_assert_eq!(by_grammar(&text), Ok(instant));
        }
    }

    #[test]
    fn what_we_write_is_read_back(second in 1_167_609_600_i64..253_402_207_200, part in 0..1_000_000_000_i32) {
        let expiry = Expiry::at(Timestamp::new(second, part).unwrap());
        prop_assert_eq!(Expiry::from_tag(&expiry.to_string()), Ok(expiry));
    }

    #[test]
    fn no_text_makes_either_reader_panic(text in any_text(), instant in any_second(), zone in any_zone()) {
        let now = instant.to_zoned(zone);
        let _ = Expiry::from_tag(&text);
        if let Ok(expiry) = Expiry::from_expression(&text, &now) {
            prop_assert!(expiry.instant() > instant, "{} is {}", text, expiry);
        }
    }

    #[test]
    fn a_step_in_utc_is_exact(instant in any_second(), count in 1..10_000_i64) {
        let now = instant.to_zoned(TimeZone::UTC);
        for (unit, seconds) in [("seconds", 1), ("min", 60), ("hours", 3600), ("days", 86_400), ("weeks", 604_800)] {
            let expected = instant + SignedDuration::from_secs(count * seconds);
            prop_assert_eq!(Expiry::from_expression(&format!("+{count} {unit}"), &now), Ok(Expiry::at(expected)));
        }
    }

    #[test]
    fn days_end_no_earlier_than_they_last_and_no_earlier_than_the_clock_shows(
        instant in any_second(), zone in any_zone(), days in 1..1000_i64,
    ) {
        let now = instant.to_zoned(zone);
        let end = understand(&format!("{days} days"), &now).unwrap();
        prop_assert!(end >= instant + SignedDuration::from_hours(24 * days));
        prop_assert!(end.to_zoned(now.time_zone().clone()).datetime() >= now.datetime() + SignedDuration::from_hours(24 * days));
    }

    #[test]
    fn a_written_local_time_is_that_time(instant in any_second(), later in any_second(), zone in any_zone()) {
        let (now, later): (Zoned, Zoned) = (instant.to_zoned(zone.clone()), later.to_zoned(zone));
        if let Ok(understood) = understand(&later.strftime("%Y-%m-%d %H:%M:%S").to_string(), &now) {
            prop_assert_eq!(understood, later.timestamp());
        }
    }
}
