//! What time it is: the host's, or a world's that starts anywhere and moves with tokio's clock.

use std::time::SystemTime;

use aws_smithy_async::time::TimeSource;
use jiff::Timestamp;
use tokio::time::Instant;

/// The one clock of a run. Requests are signed by it, expiry is judged by it and patience is measured by it.
#[derive(Debug, Clone, Copy, Default)]
pub enum Clock {
    /// The host's.
    #[default]
    System,
    /// One that stood at `epoch` when tokio's clock stood at `start`. Under a paused tokio clock, waiting takes no time.
    Simulated {
        /// The instant it started at.
        epoch: Timestamp,
        /// When it started.
        start: Instant,
    },
}

impl Clock {
    /// A clock that stands at `epoch` now.
    pub fn starting_at(epoch: Timestamp) -> Self {
        Self::Simulated { epoch, start: Instant::now() }
    }

    /// The current instant.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Simulated { epoch, start } => epoch.saturating_add(start.elapsed()).unwrap_or(Timestamp::MAX),
        }
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        Clock::now(self).into()
    }
}
