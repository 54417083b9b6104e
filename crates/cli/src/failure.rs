//! A command that came to nothing: one clear sentence and an exit code.

use engine::outcome::Class;
use engine::region::NoRegion;
use engine::{AccountError, RunError};

use crate::exit_code::ExitCode;
use crate::output;

/// Why a command came to nothing.
#[derive(Debug)]
pub struct Failure {
    code: ExitCode,
    sentence: String,
}

impl Failure {
    /// Something about what was typed or configured; nothing was asked of EC2.
    pub fn usage(sentence: impl ToString) -> Self {
        Self { code: ExitCode::Usage, sentence: sentence.to_string() }
    }

    /// Something failed, and nothing was achieved.
    pub fn nothing_achieved(sentence: impl ToString) -> Self {
        Self { code: ExitCode::NothingAchieved, sentence: sentence.to_string() }
    }

    /// The same with more to say.
    #[must_use]
    pub fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.sentence.push_str(hint.as_ref());
        self
    }

    /// Tells it on stderr.
    pub fn report(self) -> ExitCode {
        output::say(&format!("error: {}", self.sentence));
        self.code
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        Self::usage(error)
    }
}

impl From<NoRegion> for Failure {
    fn from(error: NoRegion) -> Self {
        Self::usage(error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let code = match &error {
            RunError::Refused(_) => ExitCode::StoppedForSafety,
            // Without credentials nothing was sent.
            RunError::Failed(failure) if failure.class == Class::Credentials && failure.code.is_none() => ExitCode::Usage,
            _ => ExitCode::NothingAchieved,
        };
        Self { code, sentence: error.to_string() }
    }
}
