//! Errors as EC2 words them: a code to switch on, a message for people, an HTTP status.

use std::fmt::Display;

/// What EC2 answers when it does not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct Error {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Error {
    /// An error with the HTTP status that goes with its code.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { status: status_of(code), code: code.to_owned(), message: message.into() }
    }

    pub(crate) fn missing_parameter(name: impl Display) -> Self {
        Self::new("MissingParameter", format!("The request must contain the parameter {name}"))
    }

    pub(crate) fn unknown_parameter(name: impl Display) -> Self {
        Self::new("UnknownParameter", format!("The parameter {name} is not recognized"))
    }

    pub(crate) fn invalid_parameter_value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    pub(crate) fn invalid_parameter_combination(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterCombination", message)
    }

    /// The answer to a dry run that would have gone through.
    pub(crate) fn dry_run() -> Self {
        Self::new("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
    }

    pub(crate) fn auth_failure() -> Self {
        Self::new("AuthFailure", "AWS was not able to validate the provided access credentials")
    }
}

fn status_of(code: &str) -> u16 {
    match code {
        "AuthFailure" => 401,
        "UnauthorizedOperation" | "MissingAuthenticationToken" | "AccessDenied" | "InvalidClientTokenId" | "ExpiredToken" => 403,
        "DryRunOperation" => 412,
        "InternalError" | "InternalFailure" => 500,
        "RequestLimitExceeded" | "Unavailable" | "ServiceUnavailable" => 503,
        _ => 400,
    }
}
