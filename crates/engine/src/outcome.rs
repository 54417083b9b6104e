//! What EC2's answers mean: the one table of its error codes (`ec2-semantics` section 8).

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use planner::id::Region;
use schemars::JsonSchema;
use serde::Serialize;

use crate::call::Call;

/// A call that did not do what it was for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failure {
    /// The call.
    pub call: Call,
    /// The region that was asked.
    pub region: Region,
    /// What it means for the run.
    pub class: Class,
    /// EC2's error code, if it answered.
    pub code: Option<String>,
    /// EC2's message, or what went wrong on the way.
    pub message: String,
    /// EC2's id of the request, for its support.
    pub request_id: Option<String>,
}

/// What a failed call means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// EC2 could not be reached, was overloaded or broke: later it may work. Whether the call took effect is not known.
    Passing,
    /// EC2 is asked too often, by this program or by others of the account. The call took no effect.
    Throttled,
    /// EC2 asks to wait: a resource is busy or a limit of things in flight is reached. The call took no effect.
    TryLater,
    /// The caller lacks a permission.
    Denied,
    /// The credentials are missing, wrong or expired.
    Credentials,
    /// The region does not take these credentials: not enabled for the account, or not a region.
    RegionClosed,
    /// The thing is not there (any more).
    Gone,
    /// Another image holds the name, or another call the client token.
    Taken,
    /// EC2 sent something that cannot be read.
    Malformed,
    /// EC2 refused, and would again.
    Refused,
}

impl Class {
    /// From EC2's error code and HTTP status.
    fn of(code: Option<&str>, status: Option<u16>, message: &str) -> Self {
        match code.unwrap_or_default() {
            "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" => Self::Denied,
            "AuthFailure" | "OptInRequired" => Self::RegionClosed,
            "InvalidClientTokenId"
            | "SignatureDoesNotMatch"
            | "MissingAuthenticationToken"
            | "IncompleteSignature"
            | "UnrecognizedClientException"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "RequestExpired"
            | "InvalidSecurity.RequestHasExpired"
            | "Blocked"
            | "AccountDisabled"
            | "PendingVerification" => Self::Credentials,
            "InvalidAMIName.Duplicate" | "IdempotentParameterMismatch" => Self::Taken,
            // Deregistered or still pending; only the text tells them apart.
            "InvalidAMIID.Unavailable" if message.contains("pending") => Self::TryLater,
            "InvalidAMIID.NotFound" | "InvalidAMIID.Unavailable" | "InvalidSnapshot.NotFound" | "InvalidInstanceID.NotFound" => Self::Gone,
            "SnapshotCreationPerVolumeRateExceeded"
            | "ConcurrentSnapshotLimitExceeded"
            | "ConcurrentCreateImageNoRebootLimitExceeded"
            | "PendingSnapshotLimitExceeded"
            | "InvalidSnapshot.InUse"
            | "ConcurrentTagAccess"
            | "IncorrectState"
            | "IncorrectInstanceState"
            | "InvalidState" => Self::TryLater,
            "RequestLimitExceeded"
            | "EC2ThrottledException"
            | "Throttling"
            | "ThrottlingException"
            | "RequestThrottled"
            | "RetryableError" => Self::Throttled,
            // The account's quota of images or snapshots will not go away by itself; copies in flight will.
            "ResourceLimitExceeded" if message.contains("in progress") => Self::TryLater,
            _ if status.is_none_or(|status| status >= 500) => Self::Passing,
            _ => Self::Refused,
        }
    }
}

impl Failure {
    /// From the SDK's error.
    pub(crate) fn new<E>(call: Call, region: &Region, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let failure = |class, message: String| Self {
            call,
            region: region.clone(),
            class,
            code: error.code().map(one_line),
            message: one_line(&message),
            request_id: error.request_id().map(one_line),
        };
        if let Some(credentials) = find::<CredentialsError>(error) {
            let message = match credentials {
                CredentialsError::CredentialsNotLoaded(_) => {
                    "neither the environment nor the profile holds any, and no instance role gives any".to_owned()
                }
                _ => deepest(credentials),
            };
            return failure(Class::Credentials, message);
        }
        match error {
            SdkError::ServiceError(answer) if error.code().is_none() => {
                let status = answer.raw().status();
                failure(Class::of(None, Some(status.as_u16()), ""), format!("HTTP status {status} without an EC2 error"))
            }
            SdkError::ServiceError(answer) => {
                let message = error.message().unwrap_or("EC2 gave no message");
                failure(Class::of(error.code(), Some(answer.raw().status().as_u16()), message), message.to_owned())
            }
            SdkError::TimeoutError(_) => failure(Class::Passing, "no answer in time".to_owned()),
            SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => failure(Class::Passing, "no answer in time".to_owned()),
            SdkError::DispatchFailure(_) => failure(Class::Passing, format!("EC2 could not be reached: {}", deepest(error))),
            SdkError::ResponseError(answer) => {
                let status = answer.raw().status().as_u16();
                let class = if status >= 500 { Class::Passing } else { Class::Malformed };
                failure(class, format!("the answer could not be read: {}", deepest(error)))
            }
            _ => failure(Class::Refused, deepest(error)),
        }
    }

    /// An answer of EC2's that this program cannot take.
    pub(crate) fn malformed(call: Call, region: &Region, message: impl fmt::Display) -> Self {
        let message = one_line(&format!("the answer could not be read: {message}"));
        Self { call, region: region.clone(), class: Class::Malformed, code: None, message, request_id: None }
    }

    /// Whether no credentials were found, so that nothing was sent.
    pub fn is_for_want_of_credentials(&self) -> bool {
        self.class == Class::Credentials && self.code.is_none()
    }

    /// Whether the same call may well work later.
    pub fn is_passing(&self) -> bool {
        matches!(self.class, Class::Passing | Class::Throttled | Class::TryLater)
    }
}

/// A sentence: who, where, what EC2 said, and what to do about it.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, region, class, code, message, request_id } = self;
        write!(f, "{} in {region} failed", call.name())?;
        if let Some(code) = code {
            write!(f, " with {code}")?;
        }
        write!(f, ": {}", message.trim_end_matches('.'))?;
        match class {
            Class::Denied => {
                // To tag in the creating call is a permission of its own, and so is the use of a key.
                let of_call = format!("ec2:{}", call.name());
                let permission = permission_in(message).unwrap_or(&of_call);
                write!(f, ". The permission {permission} is missing; `ami-backup iam-policy` prints the least policy that is needed")?;
            }
            Class::Credentials => f.write_str(". Check the credentials: `aws sts get-caller-identity` with the same profile must work")?,
            Class::RegionClosed => write!(f, ". Are the credentials right, and is {region} a region enabled for this account?")?,
            Class::Passing | Class::Throttled | Class::TryLater | Class::Gone | Class::Taken | Class::Malformed | Class::Refused => {}
        }
        if let Some(request_id) = request_id {
            write!(f, " (request {request_id})")?;
        }
        Ok(())
    }
}

/// The permission that EC2's message says is missing: `… is not authorized to perform: ec2:CreateTags on resource …`.
fn permission_in(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("not authorized to perform: ")?;
    let permission = rest.split(|c: char| !c.is_ascii_alphanumeric() && !":-*".contains(c)).next()?;
    let (service, action) = permission.split_once(':')?;
    (!service.is_empty() && !action.is_empty()).then_some(permission)
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

/// The innermost error says what happened; the SDK's outer ones only where.
pub(crate) fn deepest(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |&error| error.source()).last().map_or_else(String::new, ToString::to_string)
}

/// What an endpoint sent is printed on one line and steers no terminal.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().take(1000).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_ec2s_pages_say() {
        let of = |code, message| Class::of(Some(code), Some(400), message);
        assert_eq!(of("RequestLimitExceeded", ""), Class::Throttled);
        assert_eq!(
            of("InvalidAMIID.Unavailable", "The AMI ID 'ami-1' is currently pending and may not be used for this operation"),
            Class::TryLater
        );
        assert_eq!(of("InvalidAMIID.Unavailable", "The image ID 'ami-1' is no longer available"), Class::Gone);
        assert_eq!(of("InvalidParameterValue", "This snapshot is managed by the AWS Backup service"), Class::Refused);
        assert_eq!(Class::of(Some("InternalError"), Some(500), ""), Class::Passing);
        assert_eq!(Class::of(None, Some(502), ""), Class::Passing);
        assert_eq!(Class::of(None, None, ""), Class::Passing);
    }

    #[test]
    fn a_failure_is_a_sentence_with_who_where_and_what_to_do() {
        let failure = Failure {
            call: Call::DeregisterImage,
            region: "eu-west-1".parse().unwrap(),
            class: Class::Denied,
            code: Some("UnauthorizedOperation".to_owned()),
            message: "You are not authorized to perform this operation.".to_owned(),
            request_id: Some("0a1b".to_owned()),
        };
        insta::assert_snapshot!(failure, @"DeregisterImage in eu-west-1 failed with UnauthorizedOperation: You are not authorized to perform this operation. The permission ec2:DeregisterImage is missing; `ami-backup iam-policy` prints the least policy that is needed (request 0a1b)");
    }

    #[test]
    fn the_permission_that_is_missing_is_the_one_ec2_names() {
        let of = |what| permission_in(what);
        assert_eq!(
            of("You are not authorized to perform this operation. User: x is not authorized to perform: ec2:CreateTags on resource: y"),
            Some("ec2:CreateTags")
        );
        assert_eq!(of("User: x is not authorized to perform: kms:CreateGrant, with an explicit deny"), Some("kms:CreateGrant"));
        for silent in
            ["You are not authorized to perform this operation.", "is not authorized to perform: ", "not authorized to perform: it"]
        {
            assert_eq!(of(silent), None, "{silent}");
        }
    }

    #[test]
    fn what_an_endpoint_sent_stays_on_one_line() {
        assert_eq!(one_line("a\nb\u{1b}[31m"), "a b [31m");
    }
}
