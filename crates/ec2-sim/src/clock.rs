//! The clock of a running simulator: the world's time of departure, plus what tokio's clock has
//! counted since, plus what was skipped. Where tokio's clock is paused, eight hours cost nothing.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Clock {
    origin: Timestamp,
    started: Instant,
    skipped: SignedDuration,
}

impl Clock {
    pub(crate) fn starting_at(origin: Timestamp) -> Self {
        Self { origin, started: Instant::now(), skipped: SignedDuration::ZERO }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::MAX);
        later(self.origin, elapsed.saturating_add(self.skipped))
    }

    pub(crate) fn skip(&mut self, by: SignedDuration) {
        self.skipped = self.skipped.saturating_add(by);
    }
}

/// `at` plus `by`, or the end of time.
pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// As EC2 writes most instants: `2026-11-22T20:35:01.250Z`.
pub(crate) fn milliseconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// As STS and the metadata service write when credentials expire: `2026-11-22T20:35:01Z`.
pub(crate) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// As EC2 writes an image's creation date: the milliseconds are there, and always zero.
pub(crate) fn whole_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn goes_with_tokio_and_can_be_moved_on() {
        let noon: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut clock = Clock::starting_at(noon);
        assert_eq!(clock.now(), noon);
        // Eight hours that take no time.
        tokio::time::sleep(Duration::from_hours(8)).await;
        assert_eq!(clock.now().to_string(), "2026-11-22T20:00:00Z");
        clock.skip(SignedDuration::from_mins(30));
        assert_eq!(clock.now().to_string(), "2026-11-22T20:30:00Z");
    }

    #[test]
    fn time_ends_rather_than_overflows() {
        let mut clock = Clock::starting_at(Timestamp::MAX);
        clock.skip(SignedDuration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }

    #[test]
    fn instants_are_written_as_ec2_does() {
        let at: Timestamp = "2026-11-22T20:35:01.25Z".parse().unwrap();
        assert_eq!(milliseconds(at), "2026-11-22T20:35:01.250Z");
        assert_eq!(whole_seconds(at), "2026-11-22T20:35:01.000Z");
    }
}
