//! Expiries as they stand on EC2: written in every way that was ever in use, and read by what the writer knew.
//!
//! The reader shares nothing with the product's: it believes RFC 3339 in UTC, which the product writes, and for everything
//! else it remembers what was meant when the text was made.

use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// What an `Expire` tag says, and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The tag's text.
    pub text: String,
    /// The instant after which the thing may go; `None` if the text says no instant.
    pub until: Option<Timestamp>,
}

/// Scripts that tags are written in: the first and the last character of each.
const SCRIPTS: [(char, char); 10] = [
    (' ', '~'),
    ('\u{a0}', '\u{24f}'),
    ('\u{300}', '\u{36f}'),
    ('\u{391}', '\u{3ff}'),
    ('\u{5d0}', '\u{6ff}'),
    ('\u{200b}', '\u{206f}'),
    ('\u{4e00}', '\u{9fff}'),
    ('\u{e000}', '\u{e0ff}'),
    ('\u{1f300}', '\u{1faff}'),
    ('\u{e0100}', '\u{e01ef}'),
];

/// Any text that EC2 takes in a tag, of one character at least: letters of several scripts mixed, marks without a letter, characters
/// that are not seen or turn the others round.
pub fn any_text(rng: &mut Rng) -> String {
    let mut any = || {
        let (first, last) = SCRIPTS[rng.usize(..SCRIPTS.len())];
        rng.char(first..=last)
    };
    let text: String = std::iter::repeat_with(&mut any).take(12).collect();
    text.chars().take(rng.usize(1..=12)).collect()
}

/// Texts that are no instants, though GNU `date` understands some of them.
const UNREADABLE: [&str; 16] = [
    "",
    " ",
    "7",
    "now",
    "yesterday",
    "last friday",
    "1 week ago",
    "2020-12-24",
    "20:15",
    "Sun Nov 1 22:41:00 2020",
    "Mon Nov 1 22:41:00 UTC 2020",
    "Sun Nov 1 22:41:00 NOWHERE 2020",
    "So 1. Nov 22:41:00 UTC 2020",
    "\u{1f389}\u{1f389}\u{1f389}",
    "\u{1b}[31mSun Nov 1 22:41:00 UTC 2020\u{1b}[0m",
    "\u{202e}2020-11-01T22:41:00Z",
];

/// Hours and minutes east of Greenwich.
type East = (i8, i8);

/// Zones as `date` abbreviates them: the name, the hours and minutes east of Greenwich it was printed with, and those of the
/// westernmost zone of that name, under which the instant is latest.
const ZONES: [(&str, East, East); 12] = [
    ("UTC", (0, 0), (0, 0)),
    ("GMT", (0, 0), (0, 0)),
    ("CET", (1, 0), (1, 0)),
    ("CEST", (2, 0), (2, 0)),
    ("EST", (-5, 0), (-5, 0)),
    ("PST", (-8, 0), (-8, 0)),
    ("JST", (9, 0), (9, 0)),
    ("CST", (8, 0), (-6, 0)),
    ("IST", (5, 30), (1, 0)),
    ("BST", (6, 0), (1, 0)),
    ("-03", (-3, 0), (-3, 0)),
    ("+0530", (5, 30), (5, 30)),
];

impl Written {
    /// As the product writes it.
    pub fn rfc3339(until: Timestamp) -> Self {
        Self { text: until.to_string(), until: Some(until) }
    }

    /// A text that says no instant.
    pub fn unreadable(rng: &mut Rng) -> Self {
        let text = match rng.usize(..UNREADABLE.len() + 4) {
            place if place < UNREADABLE.len() => UNREADABLE[place].to_owned(),
            place if place > UNREADABLE.len() => format!("\u{1f4be}{}", any_text(rng)),
            _ => "\u{1f4be}".repeat(256),
        };
        Self { text, until: None }
    }

    /// That instant, in whole seconds, in one of the ways it can be found on EC2.
    pub fn somehow(instant: Timestamp, rng: &mut Rng) -> Self {
        match rng.u8(..8) {
            0..3 => Self::rfc3339(instant),
            3 => Self { text: format!("@{}", instant.as_second()), until: Some(instant) },
            4 => Self { text: instant.strftime("%Y-%m-%d %H:%M:%S+00:00").to_string(), until: Some(instant) },
            _ => {
                let zone = ZONES[rng.usize(..ZONES.len())];
                Self::as_date_prints(instant, zone, rng.bool())
            }
        }
    }

    /// As `date` prints it, in the C locale (and de facto standard), or in an English one.
    fn as_date_prints(instant: Timestamp, (name, printed, westernmost): (&str, East, East), english: bool) -> Self {
        let local = offset(printed).to_datetime(instant);
        let text = if english {
            format!("{} {name}", local.strftime("%a %d %b %Y %I:%M:%S %p"))
        } else {
            format!("{} {name} {}", local.strftime("%a %b %e %H:%M:%S"), local.strftime("%Y"))
        };
        Self { text, until: offset(westernmost).to_timestamp(local).ok() }
    }
}

fn offset((hours, minutes): East) -> Offset {
    let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60;
    Offset::from_seconds(seconds).unwrap_or(Offset::UTC)
}

/// What the texts on the things of a world mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meanings(BTreeMap<String, Option<Timestamp>>);

impl Meanings {
    /// Remembers what was written.
    pub fn learn(&mut self, written: &Written) {
        self.0.insert(written.text.clone(), written.until);
    }

    /// The instant after which something with that tag may go, if it ever may.
    pub fn until(&self, text: &str) -> Option<Timestamp> {
        match self.0.get(text) {
            Some(known) => *known,
            None => text.parse::<Timestamp>().ok().filter(|instant| instant.to_string() == text),
        }
    }

    /// Whether something with these tags may go at that instant: `None` if they say nothing of it.
    pub fn is_past(&self, tags: &ec2_sim::world::Tags, now: Timestamp) -> Option<bool> {
        tags.get("Expire").map(|text| self.until(text).is_some_and(|until| now > until))
    }

    /// How long something with these tags has still to live, if that is known.
    pub fn left(&self, tags: &ec2_sim::world::Tags, now: Timestamp) -> Option<SignedDuration> {
        tags.get("Expire").and_then(|text| self.until(text)).map(|until| until.duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_date_prints_them() {
        let instant: Timestamp = "2026-11-29T21:41:00Z".parse().unwrap();
        let print = |place: usize, english| Written::as_date_prints(instant, ZONES[place], english);
        assert_eq!(print(0, false), Written { text: "Sun Nov 29 21:41:00 UTC 2026".to_owned(), until: Some(instant) });
        assert_eq!(print(2, true), Written { text: "Sun 29 Nov 2026 10:41:00 PM CET".to_owned(), until: Some(instant) });
        // China's time or Chicago's: it has expired once it has in both.
        let ambiguous = print(7, false);
        assert_eq!(ambiguous.text, "Mon Nov 30 05:41:00 CST 2026");
        assert_eq!(ambiguous.until, "2026-11-30T11:41:00Z".parse().ok());
    }

    #[test]
    fn what_nobody_wrote_is_an_instant_only_as_the_product_writes_it() {
        let meanings = Meanings::default();
        assert_eq!(meanings.until("2026-11-29T21:41:00Z"), "2026-11-29T21:41:00Z".parse().ok());
        assert_eq!(meanings.until("2026-11-29T21:41:00+00:00"), None);
        assert_eq!(meanings.until("Sun Nov 29 21:41:00 UTC 2026"), None);
    }

    #[test]
    fn the_product_reads_what_is_written_as_it_was_meant() {
        let mut rng = Rng::with_seed(1);
        for _ in 0..2000 {
            let instant = Timestamp::from_second(rng.i64(1_600_000_000..2_000_000_000)).unwrap();
            let written = Written::somehow(instant, &mut rng);
            let read = planner::expiry::Expiry::from_tag(&written.text).ok().map(planner::expiry::Expiry::instant);
            assert_eq!(read, written.until, "{}", written.text);
            let written = Written::unreadable(&mut rng);
            assert!(planner::expiry::Expiry::from_tag(&written.text).is_err(), "{}", written.text);
        }
    }
}
