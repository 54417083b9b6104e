//! The expiry's two grammars, held against GNU `date`.
//!
//! `gnu_date/golden.txt` has what GNU `date -d` makes of the expressions in `gnu_date/expressions.txt`, and
//! `gnu_date/stamps.txt` has instants as it prints them; `scripts/gnu-date-oracle` asks it, and tells the formats.
//! Where we differ, `gnu_date/disagreements.md` says so and why. This test writes that table anew and fails if it
//! is not the one checked in; with `UPDATE_DISAGREEMENTS=1` it replaces it.

#![expect(clippy::unwrap_used, reason = "a golden file that cannot be read fails the test")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use planner::expiry::{Expiry, ExpressionError, Unclear, understand};

/// Where GNU is later than we, and wrong: it takes a time in a written zone for one in the host's, whose clocks skip it.
const SLIPS_OF_GNU: [&str; 2] = ["2026-03-28 02:30 UTC +1 day", "next friday 00:30 UTC"];

#[test]
fn expressions_mean_what_gnu_date_says_or_are_refused() {
    let mut tally = Tally::default();
    let mut differences = Differences::default();
    for question in questions() {
        let ours = understand(&question.expression, &question.now).map(Timestamp::as_second);
        let verdict = match (question.gnu, &ours) {
            (None, Err(_)) => "both refuse",
            (Some(gnu), Ok(ours)) if gnu == *ours => "same instant",
            (Some(_), Err(why)) => {
                differences.add(reason(why), &question, None);
                "we refuse"
            }
            (Some(gnu), Ok(ours)) if gnu < *ours && question.class == "dst" => {
                differences.add("later: steps end at the later of two instants that may be meant", &question, Some(*ours));
                "we are later"
            }
            (Some(_), Ok(ours)) if SLIPS_OF_GNU.contains(&question.expression.as_str()) && question.class == "dst" => {
                differences.add("earlier: `date` moves a time in UTC by what the host's clocks skip", &question, Some(*ours));
                "GNU slips"
            }
            (gnu, Ok(ours)) => {
                let Question { expression, now, .. } = &question;
                panic!("`{expression}` at {now}: GNU date says {gnu:?}, we say {ours}");
            }
        };
        tally.add(question.class, verdict);
    }
    println!("{}", tally.table());
    differences.compare_with("disagreements.md");
}

#[test]
fn what_date_prints_is_read_as_the_instant_it_printed() {
    // Zones whose abbreviation is another zone's further west too: they are read as that one.
    let ambiguous = ["CST-8", "IST-5:30", "EST-10EST,M10.1.0,M4.1.0/3"];
    for line in lines("stamps.txt") {
        let [locale, zone, instant, printed] = columns(line);
        let instant: Timestamp = instant.parse().unwrap();
        let read = Expiry::from_tag(printed).unwrap_or_else(|why| panic!("{locale}: `{printed}`: {why}"));
        let names_its_zone = printed.contains(&zone[..3]);
        if ambiguous.contains(&zone) && names_its_zone {
            assert!(read.instant() > instant, "{locale}: `{printed}` is read as {read}");
        } else {
            assert_eq!(read.instant(), instant, "{locale}: `{printed}`");
        }
    }
}

#[test]
fn gnu_date_reads_what_we_write() {
    let version = Command::new("date").arg("--version").output();
    if !version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("GNU coreutils")) {
        println!("skipped: there is no GNU date here");
        return;
    }
    for second in [1_156_464_000, 1_795_992_000, 1_795_992_001, 1_835_481_599, 4_102_444_800, 253_402_207_200] {
        let expiry = Expiry::at(Timestamp::from_second(second).unwrap());
        let date = Command::new("date").args(["+%s", "--date"]).arg(expiry.to_string()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&date.stdout).trim(), second.to_string(), "{expiry}");
    }
}

/// An expression, where and when it is asked, and GNU's answer.
struct Question {
    class: &'static str,
    zone: &'static str,
    now: Zoned,
    expression: String,
    gnu: Option<i64>,
}

fn questions() -> impl Iterator<Item = Question> {
    lines("golden.txt").map(|line| {
        let [class, zone, now, gnu, expression] = columns(line);
        let now: Timestamp = now.parse().unwrap();
        Question {
            class,
            zone,
            now: now.to_zoned(TimeZone::posix(zone).unwrap()),
            expression: expression.replace(r"\z", "").replace(r"\s", " ").replace(r"\t", "\t"),
            gnu: (gnu != "invalid").then(|| gnu.parse().unwrap()),
        }
    })
}

/// The lines of a golden file, without its head.
fn lines(file: &str) -> impl Iterator<Item = &'static str> {
    let text = match file {
        "golden.txt" => include_str!("gnu_date/golden.txt"),
        _ => include_str!("gnu_date/stamps.txt"),
    };
    text.lines().skip(2)
}

fn columns<const N: usize>(line: &str) -> [&str; N] {
    line.split('\t').collect::<Vec<_>>().try_into().unwrap()
}

/// Why we refuse what GNU takes.
fn reason(why: &ExpressionError) -> &'static str {
    match why {
        ExpressionError::Empty => "nothing: `date` takes it for the last midnight",
        ExpressionError::TooLong => "longer than 128 characters",
        ExpressionError::ControlCharacter => "a control character",
        ExpressionError::Disputed { .. } => "the second reader reads it otherwise",
        ExpressionError::Skipped { .. } => "a local time that the zone's clocks skip",
        ExpressionError::Repeated { .. } => "a local time that the zone's clocks show twice",
        ExpressionError::TooFar { .. } => "beyond the year 9999",
        ExpressionError::Unclear { why, .. } => match why {
            Unclear::Word(_) | Unclear::Mark(_) => {
                "words, letters and signs that `date` passes over, takes for military zones, or takes in some places only"
            }
            Unclear::BareNumber(_) => "a number without a unit",
            Unclear::Date => "a date in the order of one country, without a year of four digits, or run together with another number",
            Unclear::TimeOfDay => "a time of day with a fraction, or with single digits",
            Unclear::Offset => "an offset that no zone has, or of one or three digits",
            Unclear::StepBehindTime => "a step behind a time of day, whose number `date` takes for a zone",
            Unclear::OtherWeekday(_) => "a weekday that is not the date's: `date` ignores it",
            Unclear::Abbreviation(_) => "a zone abbreviation other than UTC",
            Unclear::LoneZone => "a zone without a date or a time of day",
            Unclear::TzRule => "`TZ=` in the expression",
            Unclear::Epoch => "`@` with a sign or a fraction",
            other => panic!("no reason for {other:?}"),
        },
        other => panic!("no reason for {other:?}"),
    }
}

/// How many answers there are of each class and verdict.
#[derive(Default)]
struct Tally(BTreeMap<&'static str, BTreeMap<&'static str, usize>>);

impl Tally {
    fn add(&mut self, class: &'static str, verdict: &'static str) {
        *self.0.entry(class).or_default().entry(verdict).or_default() += 1;
    }

    fn table(&self) -> String {
        let verdicts = ["same instant", "both refuse", "we refuse", "we are later", "GNU slips"];
        let mut table = format!("{:<10}", "");
        for verdict in verdicts {
            write!(table, "{verdict:>14}").unwrap();
        }
        for (class, counts) in &self.0 {
            write!(table, "\n{class:<10}").unwrap();
            for verdict in verdicts {
                write!(table, "{:>14}", counts.get(verdict).unwrap_or(&0)).unwrap();
            }
        }
        table
    }
}

/// Where we differ from GNU: the rows of the table, under the reason for each.
#[derive(Default)]
struct Differences(BTreeMap<&'static str, Vec<String>>);

impl Differences {
    fn add(&mut self, reason: &'static str, question: &Question, ours: Option<i64>) {
        let Question { zone, now, expression, gnu, .. } = question;
        let place = if *zone == "UTC0" { String::new() } else { format!("{} `{zone}`", now.timestamp()) };
        let (gnu, ours) = (gnu.map_or_else(String::new, instant), ours.map_or_else(|| "refused".into(), instant));
        let expression = expression.replace(' ', "\u{2423}").replace('\t', "\\t").replace('|', "\\|");
        self.0.entry(reason).or_default().push(format!("| `{expression}` | {gnu} | {ours} | {place} |\n"));
    }

    fn markdown(&self) -> String {
        let mut table = String::from(
            "# Where `-e` and GNU `date -d` differ\n\n\
             Written by the test `gnu_date`, from the expressions in `expressions.txt`. `date` takes each of these; the \
             headings say why we do not, or why the instant is another. Where no other time and zone is named, it is \
             asked in UTC, at 2026-11-22T10:34:56Z or, for the ends of months, at 2027-01-31T23:30:00Z and \
             2028-02-29T12:00:00Z. A blank is shown as `\u{2423}`.\n",
        );
        for (reason, rows) in &self.0 {
            write!(table, "\n## {reason} ({})\n\n", rows.len()).unwrap();
            table += "| expression | GNU `date` | `-e` | asked at, in the zone |\n|---|---|---|---|\n";
            table.extend(rows.iter().map(String::as_str));
        }
        table
    }

    fn compare_with(&self, file: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gnu_date").join(file);
        let table = self.markdown();
        if std::env::var_os("UPDATE_DISAGREEMENTS").is_some() {
            fs::write(&path, &table).unwrap();
        }
        let checked_in = fs::read_to_string(&path).unwrap_or_default();
        assert!(table == checked_in, "{file} is out of date: run this test with UPDATE_DISAGREEMENTS=1, and look at the difference");
    }
}

/// An instant for people; GNU has some that we cannot write.
fn instant(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(|_| format!("@{second}"), |instant| instant.to_string())
}
