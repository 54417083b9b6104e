//! How a run can end, as the shell sees it. Anything but zero means that something needs a look.

use engine::Ending;

/// One documented code for each way to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Done.
    Done = 0,
    /// Nothing was achieved.
    NothingAchieved = 1,
    /// Usage or configuration, before any call.
    Usage = 2,
    /// Some targets failed, the rest is done.
    SomeFailed = 3,
    /// Still in flight when patience ran out: EC2 goes on by itself, and `resume` finishes the copies.
    StillInFlight = 4,
    /// Stopped for safety, before anything was changed.
    StoppedForSafety = 5,
    /// Interrupted.
    Interrupted = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Done => Self::Done,
            Ending::NothingAchieved => Self::NothingAchieved,
            Ending::SomeFailed => Self::SomeFailed,
            Ending::StillInFlight => Self::StillInFlight,
            Ending::StoppedForSafety => Self::StoppedForSafety,
            Ending::Interrupted => Self::Interrupted,
        }
    }
}
