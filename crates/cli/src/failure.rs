//! A command that came to nothing: one clear sentence and an exit code.

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

    /// What was to be done is not what there is any more.
    pub fn stopped_for_safety(sentence: impl ToString) -> Self {
        Self { code: ExitCode::StoppedForSafety, sentence: sentence.to_string() }
    }

    /// The same with more to say.
    #[must_use]
    pub fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.sentence.push_str(hint.as_ref());
        self
    }

    /// The same, with what it is about said first.
    #[must_use]
    pub fn about(mut self, what: &str) -> Self {
        self.sentence = format!("{what}: {}", self.sentence);
        self
    }

    /// What there is to say.
    pub fn sentence(&self) -> &str {
        &self.sentence
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
        match &error {
            RunError::Refused(_) => Self { code: ExitCode::StoppedForSafety, sentence: error.to_string() },
            // Without credentials nothing was sent.
            RunError::Failed(failure) if failure.is_for_want_of_credentials() => Self::usage(format!(
                "no credentials: {}; {}",
                failure.message.trim_end(),
                engine::outcome::credentials_advice(&failure.message)
            )),
            _ => Self::nothing_achieved(error),
        }
    }
}

/// An error with what caused it, in one sentence.
pub fn whole(error: &dyn std::error::Error) -> String {
    let errors: Vec<String> = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect();
    errors.join(": ")
}
