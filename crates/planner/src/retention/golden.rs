//! What restic keeps, as its own tests publish it (`internal/data/snapshot_policy_test.go` and its golden files), in a notation of ours.
//!
//! Left out are two tags asked for together and `within-hourly` to `within-yearly`, which we do not have, and `last=99`, where the five
//! snapshots restic has of one second count as one backup here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::properties::keep;
use super::{Keep, Member};
use crate::tags::Tags;

/// The slots by month: days at 10:20:30 UTC, or with their own time.
const HISTORY: [(&str, &str); 9] = [
    ("2014-08", "08 10 12 13 13T10:20:30.1 15 18 20 21 22"),
    ("2014-09", "01 02 05 06 08 09 10 11 20 22"),
    ("2014-10", "01 02 05 06 08 09 10 11 20 22"),
    ("2014-11", "08 10 12 13 13T10:20:30.1 15 18 20 21 22"),
    ("2015-08", "08 10 12 13 13T10:20:30.1 15 18 20 21 22"),
    ("2015-09", "01 02 05 06 08 09 10 11 20 22"),
    ("2015-10", "01 02 05 06 08 09 10 11 20 22"),
    ("2015-11", "08 10 12 13 13T10:20:30.1 15 18 20 21 22"),
    (
        "2016-01",
        "01T01:02:03 01T01:03:03 01T07:08:03 03T07:02:03 04T10:23:03 04T11:23:03 04T12:23:03 04T12:24:03 04T12:28:03 04T12:30:03 04T16:23:03 05T09:02:03 06T08:02:03 07T10:02:03 08T20:02:03 09T21:02:03 12T21:02:03 12T21:08:03 18T12:02:03",
    ),
];

/// All of it, as the cases write it: a day's several slots are told apart by letters, in order of time.
const EVERYTHING: &str = "2016-01: 18 12b 12a 9 8 7 6 5 4g 4f 4e 4d 4c 4b 4a 3 1c 1b 1a; 2015-11: 22 21 20 18 15 13b 13a 12 10 8; 2015-10: 22 20 11 10 9 8 6 5 2 1; 2015-09: 22 20 11 10 9 8 6 5 2 1; 2015-08: 22 21 20 18 15 13b 13a 12 10 8; 2014-11: 22 21 20 18 15 13b 13a 12 10 8; 2014-10: 22 20 11 10 9 8 6 5 2 1; 2014-09: 22 20 11 10 9 8 6 5 2 1; 2014-08: 22 21 20 18 15 13b 13a 12 10 8";

/// Rules, and what they keep.
#[rustfmt::skip]
const CASES: [(&str, &str); 31] = [
    ("last=10", "2016-01: 18 12b 12a 9 8 7 6 5 4g 4f"),
    ("last=15", "2016-01: 18 12b 12a 9 8 7 6 5 4g 4f 4e 4d 4c 4b 4a"),
    ("last=200", EVERYTHING),
    ("hourly=20", "2016-01: 18 12b 9 8 7 6 5 4g 4f 4b 4a 3 1c 1b; 2015-11: 22 21 20 18 15 13b"),
    ("daily=3", "2016-01: 18 12b 9"),
    ("daily=10", "2016-01: 18 12b 9 8 7 6 5 4g 3 1c"),
    ("daily=30", "2016-01: 18 12b 9 8 7 6 5 4g 3 1c; 2015-11: 22 21 20 18 15 13b 12 10 8; 2015-10: 22 20 11 10 9 8 6 5 2 1; 2015-09: 22"),
    ("last=5 daily=5", "2016-01: 18 12b 12a 9 8 7"),
    ("last=2 daily=10", "2016-01: 18 12b 9 8 7 6 5 4g 3 1c"),
    ("weekly=2", "2016-01: 18 12b"),
    ("weekly=4", "2016-01: 18 12b 9 3"),
    ("daily=3 weekly=4", "2016-01: 18 12b 9 3"),
    ("monthly=6", "2016-01: 18; 2015-11: 22; 2015-10: 22; 2015-09: 22; 2015-08: 22; 2014-11: 22"),
    ("daily=2 weekly=2 monthly=6", "2016-01: 18 12b; 2015-11: 22; 2015-10: 22; 2015-09: 22; 2015-08: 22; 2014-11: 22"),
    ("yearly=10", "2016-01: 18; 2015-11: 22; 2014-11: 22; 2014-08: 8"),
    ("daily=7 weekly=2 monthly=3 yearly=10", "2016-01: 18 12b 9 8 7 6 5; 2015-11: 22; 2015-10: 22; 2014-11: 22; 2014-08: 8"),
    ("tag=foo", "2015-10: 22; 2014-11: 15 13a 12 10 8; 2014-10: 22 20 11 10 9 8 6 5 2 1"),
    ("tag=foo tag=bar", "2015-10: 22; 2014-11: 15 13b 13a 12 10 8; 2014-10: 22 20 11 10 9 8 6 5 2 1"),
    ("within=1d", "2016-01: 18"),
    ("within=2d", "2016-01: 18"),
    ("within=7d", "2016-01: 18 12b 12a"),
    ("within=1mo", "2016-01: 18 12b 12a 9 8 7 6 5 4g 4f 4e 4d 4c 4b 4a 3 1c 1b 1a"),
    ("within=1mo14d", "2016-01: 18 12b 12a 9 8 7 6 5 4g 4f 4e 4d 4c 4b 4a 3 1c 1b 1a"),
    ("within=1y1mo1d", "2016-01: 18 12b 12a 9 8 7 6 5 4g 4f 4e 4d 4c 4b 4a 3 1c 1b 1a; 2015-11: 22 21 20 18 15 13b 13a 12 10 8; 2015-10: 22 20 11 10 9 8 6 5 2 1; 2015-09: 22 20 11 10 9 8 6 5 2 1; 2015-08: 22 21 20 18 15 13b 13a 12 10 8"),
    ("within=13d23h", "2016-01: 18 12b 12a 9 8 7 6 5 4g"),
    ("within=2mo2h", "2016-01: 18 12b 12a 9 8 7 6 5 4g 4f 4e 4d 4c 4b 4a 3 1c 1b 1a; 2015-11: 22 21 20 18"),
    ("within=1y2mo3d3h", "2016-01: 18 12b 12a 9 8 7 6 5 4g 4f 4e 4d 4c 4b 4a 3 1c 1b 1a; 2015-11: 22 21 20 18 15 13b 13a 12 10 8; 2015-10: 22 20 11 10 9 8 6 5 2 1; 2015-09: 22 20 11 10 9 8 6 5 2 1; 2015-08: 22 21 20 18 15 13b 13a 12 10 8; 2014-11: 22 21 20 18 15"),
    ("last=unlimited", EVERYTHING),
    ("last=unlimited hourly=unlimited", EVERYTHING),
    ("hourly=unlimited", "2016-01: 18 12b 9 8 7 6 5 4g 4f 4b 4a 3 1c 1b; 2015-11: 22 21 20 18 15 13b 12 10 8; 2015-10: 22 20 11 10 9 8 6 5 2 1; 2015-09: 22 20 11 10 9 8 6 5 2 1; 2015-08: 22 21 20 18 15 13b 12 10 8; 2014-11: 22 21 20 18 15 13b 12 10 8; 2014-10: 22 20 11 10 9 8 6 5 2 1; 2014-09: 22 20 11 10 9 8 6 5 2 1; 2014-08: 22 21 20 18 15 13b 12 10 8"),
    ("daily=3 weekly=2 monthly=unlimited yearly=unlimited", "2016-01: 18 12b 9; 2015-11: 22; 2015-10: 22; 2015-09: 22; 2015-08: 22; 2014-11: 22; 2014-10: 22; 2014-09: 22; 2014-08: 22 8"),
];

fn history() -> Vec<(Timestamp, Tags)> {
    let mut history = Vec::new();
    for (month, days) in HISTORY {
        for day in days.split(' ') {
            let time = if day.contains('T') { "" } else { "T10:20:30" };
            let slot: Timestamp = format!("{month}-{day}{time}Z").parse().unwrap();
            let tagged = |key: &str| (key.to_owned(), String::new());
            // One snapshot is tagged bar only, two are tagged both ways, as are three of five of one second.
            let tags = match (month, day) {
                ("2014-11", "13T10:20:30.1") => vec![tagged("bar")],
                ("2014-11", "15") | ("2015-10", "22") => vec![tagged("foo"), tagged("bar")],
                ("2014-11", "18" | "20" | "21" | "22") => vec![],
                ("2014-10" | "2014-11", _) => vec![tagged("foo")],
                _ => vec![],
            };
            history.push((slot, Tags::new(tags)));
        }
    }
    history
}

/// The slots kept, in the notation of [`CASES`].
fn kept(keep: &Keep, history: &[(Timestamp, Tags)]) -> String {
    let members: Vec<_> = history.iter().map(|(slot, tags)| Member { slot: *slot, tags }).collect();
    let wants = keep.wants(&members, &TimeZone::UTC);
    let mut days: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, (slot, _)) in history.iter().enumerate() {
        days.entry(slot.to_string()[..10].to_owned()).or_default().push(place);
    }
    let mut months: Vec<(String, String)> = Vec::new();
    for (day, places) in days.iter().rev() {
        let lettered: Vec<_> = ('a'..).zip(places).collect();
        for (letter, _) in lettered.into_iter().rev().filter(|(_, place)| wants[**place]) {
            let letter = if places.len() > 1 { letter.to_string() } else { String::new() };
            let name = format!("{}{letter}", day[8..].trim_start_matches('0'));
            match months.last_mut() {
                Some((month, names)) if *month == day[..7] => *names += &format!(" {name}"),
                _ => months.push((day[..7].to_owned(), name)),
            }
        }
    }
    months.iter().map(|(month, names)| format!("{month}: {names}")).collect::<Vec<_>>().join("; ")
}

#[test]
fn what_restic_keeps_is_kept() {
    let history = history();
    assert_eq!(history.len(), 99);
    for (rules, expected) in CASES {
        assert_eq!(kept(&keep(rules), &history), expected, "{rules}");
    }
    assert_eq!(kept(&Keep::default(), &history), "");
}

#[test]
fn backups_of_one_slot_count_as_one_where_restic_counts_each() {
    let mut history = history();
    let double = history.iter().find(|(slot, _)| slot.to_string().starts_with("2015-10-22")).cloned().unwrap();
    history.extend(std::iter::repeat_n(double, 4));
    let members: Vec<_> = history.iter().map(|(slot, tags)| Member { slot: *slot, tags }).collect();
    assert!(keep("last=99").wants(&members, &TimeZone::UTC).iter().all(|wanted| *wanted));
}
