//! A second reader of expressions, which shares no code with the first.

use jiff::civil::{DateTime, datetime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::landing::Landing;
use super::reading::{Items, Reading};

/// When both readers are asked: a leap year's first day, a Monday.
///
/// It is not the present, lest a crontab's line be taken on most nights and refused on some. The second reader walks
/// step by step where `date` adds up the steps first, which matters at the end of some months only, and it has its
/// own ways around changes of the clocks. What is to be compared is what the text says; where that leads tonight is
/// arithmetic.
const MOMENT: DateTime = datetime(2024, 1, 1, 12, 34, 56, 0);

/// Whether `parse_datetime`, uutils' rebuilding of GNU `date -d`, understands `text` as `reading` does.
pub(super) fn second_opinion_agrees(text: &str, reading: &Reading) -> bool {
    let Ok(moment) = MOMENT.to_zoned(TimeZone::UTC) else { return false };
    first_opinion(reading, &moment) == second_opinion(text, moment)
}

fn first_opinion(reading: &Reading, moment: &Zoned) -> Option<Timestamp> {
    match reading {
        Reading::Epoch(seconds) => Timestamp::from_second(*seconds).ok(),
        Reading::Items(items) => {
            // Beside a date, a weekday moves nothing. Ours must be the date's, but of the date's own year.
            let weekday = items.weekday.filter(|_| items.date.is_none());
            let items = Items { weekday, ..items.clone() };
            Landing::of(&items, moment.datetime()).ok()?.instant(&items, moment).ok()
        }
    }
}

/// With a moment given, `parse_datetime` looks at no clock and no zone of the host's, unless the text names a zone by
/// `TZ=`, which no [`Reading`] does.
fn second_opinion(text: &str, moment: Zoned) -> Option<Timestamp> {
    let answer = parse_datetime::parse_datetime_at_date(moment, text).ok()?;
    Some(answer.into_zoned()?.timestamp())
}
