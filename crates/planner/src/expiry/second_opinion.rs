//! A second reader of expressions, which shares no code with the first.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The instant that `parse_datetime`, uutils' rebuilding of GNU `date -d`, makes of `text`.
///
/// It is asked as if the host's zone were UTC, where `wall` is now. So it answers what the text says and not what a
/// zone's clocks do, which it treats otherwise than we; and it has no need to look at the host's clock or zone.
pub(super) fn second_opinion(text: &str, wall: DateTime) -> Option<Timestamp> {
    let base = wall.to_zoned(TimeZone::UTC).ok()?;
    let answer = parse_datetime::parse_datetime_at_date(base, text).ok()?;
    Some(answer.into_zoned()?.timestamp())
}
