//! What EC2's answers mean: the one table of its error codes (`ec2-semantics` section 8).

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::ErrorMetadata;
use planner::id::{ImageId, Region};
pub(crate) use planner::plain::one_line;
use schemars::JsonSchema;
use serde::Serialize;

use crate::call::Call;
use crate::limits::Unfit;

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
    /// EC2 sent something that cannot be read. Whether the call took effect is not known.
    Malformed,
    /// EC2 does not know the place in a listing any more at which it is to go on.
    LostPlace,
    /// The endpoint does not know the call: an older one, or an imitation of EC2.
    NotOffered,
    /// It was a dry run, and EC2 would have done it.
    Permitted,
    /// EC2 refused, and would again.
    Refused,
}

/// EC2's error codes and what they mean (`ec2-semantics` section 8; Auto Scaling's differ in a few words). Where one code says
/// several things, a part of its message tells them apart: the first line that fits counts.
///
/// Credentials that expire are renewed by the SDK before they do. One that is refused as expired all the same belongs to a
/// session that was ended, or to a host whose clock is wrong, and asking again would not help.
const CODES: &[(&str, &str, Class)] = &[
    // It was asked too often, or could not be completed within AWS. Nothing was done.
    ("RequestLimitExceeded", "", Class::Throttled),
    ("EC2ThrottledException", "", Class::Throttled),
    ("Throttling", "", Class::Throttled),
    ("ThrottlingException", "", Class::Throttled),
    ("RequestThrottled", "", Class::Throttled),
    ("RequestThrottledException", "", Class::Throttled),
    ("SlowDown", "", Class::Throttled),
    ("BandwidthLimitExceeded", "", Class::Throttled),
    ("LimitExceededException", "", Class::Throttled),
    ("PriorRequestNotComplete", "", Class::Throttled),
    ("RetryableError", "", Class::Throttled),
    // What became of it is not known.
    ("InternalError", "", Class::Passing),
    ("InternalFailure", "", Class::Passing),
    ("ServerInternal", "", Class::Passing),
    ("Unavailable", "", Class::Passing),
    ("ServiceUnavailable", "", Class::Passing),
    ("RequestTimeout", "", Class::Passing),
    ("RequestTimeoutException", "", Class::Passing),
    // Names and tokens.
    ("InvalidAMIName.Duplicate", "", Class::Taken),
    ("IdempotentParameterMismatch", "", Class::Taken),
    ("InvalidAMIName.Malformed", "", Class::Refused),
    // What is not there. Deregistered or still pending: only the text tells.
    ("InvalidAMIID.Unavailable", "pending", Class::TryLater),
    ("InvalidAMIID.Unavailable", "", Class::Gone),
    ("InvalidAMIID.NotFound", "", Class::Gone),
    ("InvalidSnapshot.NotFound", "", Class::Gone),
    ("InvalidInstanceID.NotFound", "", Class::Gone),
    ("InvalidAMIID.Malformed", "", Class::Refused),
    ("InvalidSnapshotID.Malformed", "", Class::Refused),
    ("InvalidInstanceID.Malformed", "", Class::Refused),
    ("InvalidID", "", Class::Refused),
    // Something is changing, or busy.
    ("IncorrectInstanceState", "", Class::TryLater),
    // What is in the archive is not copied before somebody restores it; only the text tells (EBS user guide, "Archive").
    ("IncorrectState", "archive", Class::Refused),
    ("IncorrectState", "", Class::TryLater),
    ("InvalidState", "archive", Class::Refused),
    ("InvalidState", "", Class::TryLater),
    ("InvalidInstanceState", "", Class::TryLater),
    ("InvalidSnapshot.InUse", "", Class::TryLater),
    ("ConcurrentTagAccess", "", Class::TryLater),
    // Limits: of what is in flight, which passes, and of what there may be, which does not.
    ("ConcurrentCreateImageNoRebootLimitExceeded", "", Class::TryLater),
    ("ConcurrentSnapshotLimitExceeded", "", Class::TryLater),
    ("SnapshotCreationPerVolumeRateExceeded", "", Class::TryLater),
    ("PendingSnapshotLimitExceeded", "", Class::TryLater),
    ("ResourceLimitExceeded", "in progress", Class::TryLater),
    ("ResourceLimitExceeded", "", Class::Refused),
    ("SnapshotLimitExceeded", "", Class::Refused),
    ("TagLimitExceeded", "", Class::Refused),
    // Who asks, and where.
    ("UnauthorizedOperation", "", Class::Denied),
    ("AccessDenied", "", Class::Denied),
    ("AccessDeniedException", "", Class::Denied),
    ("AuthFailure", "", Class::RegionClosed),
    ("OptInRequired", "", Class::RegionClosed),
    ("InvalidClientTokenId", "", Class::Credentials),
    ("SignatureDoesNotMatch", "", Class::Credentials),
    ("MissingAuthenticationToken", "", Class::Credentials),
    ("IncompleteSignature", "", Class::Credentials),
    ("UnrecognizedClientException", "", Class::Credentials),
    ("ExpiredToken", "", Class::Credentials),
    ("ExpiredTokenException", "", Class::Credentials),
    ("RequestExpired", "", Class::Credentials),
    ("InvalidSecurity.RequestHasExpired", "", Class::Credentials),
    ("PendingVerification", "", Class::Credentials),
    ("Blocked", "", Class::Credentials),
    ("AccountDisabled", "", Class::Credentials),
    ("DryRunOperation", "", Class::Permitted),
    // What the endpoint does not offer.
    ("InvalidAction", "", Class::NotOffered),
    ("UnknownOperation", "", Class::NotOffered),
    ("UnknownOperationException", "", Class::NotOffered),
    ("NotImplemented", "", Class::NotOffered),
    // The place in a listing.
    ("InvalidNextToken", "", Class::LostPlace),
    ("InvalidPaginationToken", "", Class::LostPlace),
    // A refusal: of this thing, of this kind of thing, or of what this program sent.
    ("OperationNotPermitted", "", Class::Refused),
    ("InvalidParameterValue", "", Class::Refused),
    ("InvalidRequest", "", Class::Refused),
    ("InvalidRegion", "", Class::Refused),
    ("SnapshotCopyUnsupported.InterRegion", "", Class::Refused),
    ("CustomerKeyHasBeenRevoked", "", Class::Refused),
    ("InvalidTagKey.Malformed", "", Class::Refused),
    ("TagPolicyViolation", "", Class::Refused),
    ("UnsupportedOperation", "", Class::Refused),
    ("Unsupported", "", Class::Refused),
    ("InvalidParameterCombination", "", Class::Refused),
    ("InvalidMaxResults", "", Class::Refused),
    ("UnknownParameter", "", Class::Refused),
    ("MissingParameter", "", Class::Refused),
    ("InvalidFilter", "", Class::Refused),
    ("FilterLimitExceeded", "", Class::Refused),
    ("ValidationError", "", Class::Refused),
];

impl Class {
    /// From EC2's error code and HTTP status.
    fn of(code: Option<&str>, status: Option<u16>, message: &str) -> Self {
        let line = CODES.iter().find(|(known, says, _)| Some(*known) == code && message.contains(says));
        match (line, status) {
            // So do endpoints that imitate EC2 say what they have not built, whatever the code.
            (_, Some(501)) => Self::NotOffered,
            (Some((_, _, class)), _) => *class,
            (None, Some(404 | 405)) if code.is_none() => Self::NotOffered,
            (None, None | Some(500..)) => Self::Passing,
            (None, Some(_)) => Self::Refused,
        }
    }

    /// Of an answer that cannot be read. Whatever was to be changed may have been.
    fn of_unreadable(call: Call) -> Self {
        if call.only_reads() { Self::Malformed } else { Self::Passing }
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
                _ => without_stderr(deepest(credentials)),
            };
            return failure(Class::Credentials, message);
        }
        if let Some(unfit) = find::<Unfit>(error) {
            return match unfit {
                Unfit::BrokenOff(_) => failure(Class::Passing, unfit.to_string()),
                _ => failure(Class::of_unreadable(call), format!("the answer could not be read: {unfit}")),
            };
        }
        if let Some(why) = refused_certificate(error) {
            return failure(Class::Refused, why);
        }
        match error {
            SdkError::ServiceError(answer) if error.code().is_none() && answer.raw().status().is_success() => {
                failure(Class::of_unreadable(call), format!("the answer could not be read: {}", deepest(error)))
            }
            SdkError::ServiceError(answer) if error.code().is_none() => {
                let status = answer.raw().status();
                let class = match status.as_u16() {
                    // A success that is none: something else has answered in EC2's place, or for it.
                    ..400 => Class::Malformed,
                    _ if call.only_reads() && is_page_for_people(answer.raw()) => Class::NotOffered,
                    status => Class::of(None, Some(status), ""),
                };
                failure(class, format!("HTTP status {status} without an EC2 error"))
            }
            SdkError::ServiceError(answer) => {
                let message = error.message().unwrap_or("EC2 gave no message");
                failure(Class::of(error.code(), Some(answer.raw().status().as_u16()), message), message.to_owned())
            }
            SdkError::TimeoutError(_) => failure(Class::Passing, "no answer in time".to_owned()),
            SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => failure(Class::Passing, "no answer in time".to_owned()),
            SdkError::DispatchFailure(_) => failure(Class::Passing, format!("EC2 could not be reached: {}", deepest(error))),
            SdkError::ResponseError(answer) => {
                let class = match answer.raw().status().as_u16() {
                    500.. if call.only_reads() && is_page_for_people(answer.raw()) => Class::NotOffered,
                    500.. => Class::Passing,
                    _ => Class::of_unreadable(call),
                };
                failure(class, format!("the answer could not be read: {}", deepest(error)))
            }
            _ => failure(Class::Refused, deepest(error)),
        }
    }

    /// An answer of EC2's that this program cannot take.
    pub(crate) fn malformed(call: Call, region: &Region, message: impl fmt::Display) -> Self {
        let message = one_line(&format!("the answer could not be read: {message}"));
        Self { call, region: region.clone(), class: Class::of_unreadable(call), code: None, message, request_id: None }
    }

    /// An image that no listing showed is made of what was to be deleted.
    pub(crate) fn unlisted_user(region: &Region, image: &ImageId) -> Self {
        let message = format!("the listing had left out {image}, which is made of the same snapshot; run it again");
        Self { call: Call::DescribeImages, region: region.clone(), class: Class::Refused, code: None, message, request_id: None }
    }

    /// Whether no credentials were found, so that nothing was sent.
    pub fn is_for_want_of_credentials(&self) -> bool {
        self.class == Class::Credentials && self.code.is_none()
    }

    /// Whether EC2 knows no image of that id. One that was deregistered it knows for a while as unavailable.
    pub(crate) fn is_not_found(&self) -> bool {
        self.code.as_deref() == Some("InvalidAMIID.NotFound")
    }

    /// Whether so many copies go to the region already that EC2 takes no more (ec2-semantics 2.5).
    pub fn is_for_want_of_room(&self) -> bool {
        self.class == Class::TryLater && self.code.as_deref() == Some("ResourceLimitExceeded")
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
        write_code(f, code.as_deref(), message)?;
        write_advice(f, *call, *class, message, region.as_str())?;
        if let Some(request_id) = request_id {
            write!(f, " (request {request_id})")?;
        }
        Ok(())
    }
}

/// What several regions may have in common of a failure: the sentence without what differs from one to the next.
pub(crate) struct Anywhere<'a>(pub(crate) &'a Failure);

impl fmt::Display for Anywhere<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { call, region: _, class, code, message, request_id: _ } = self.0;
        // EC2 encodes some denials, each time anew (ec2-semantics section 8).
        let message =
            message.split_once("Encoded authorization failure message").map_or(message.as_str(), |(message, _)| message.trim_end());
        write!(f, "{} failed", call.name())?;
        write_code(f, code.as_deref(), message)?;
        write_advice(f, *call, *class, message, "it")
    }
}

fn write_code(f: &mut fmt::Formatter<'_>, code: Option<&str>, message: &str) -> fmt::Result {
    if let Some(code) = code {
        write!(f, " with {code}")?;
    }
    write!(f, ": {}", message.trim_end_matches('.'))
}

/// Whether an answer of EC2's says that this call was one too many.
pub(crate) fn is_throttling(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer.get(..1024).unwrap_or(answer));
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    code.is_some_and(|(code, _)| Class::of(Some(code), Some(400), "") == Class::Throttled)
}

/// What to do about credentials that do not work. Nobody is told which of a role's conditions was not met.
pub fn credentials_advice(message: &str) -> &'static str {
    if message.contains("sts:AssumeRole") {
        "the role must be there, its trust policy must name who asks, and external-id must be the one it asks for"
    } else {
        "`aws sts get-caller-identity` with the same profile must work"
    }
}

fn write_advice(f: &mut fmt::Formatter<'_>, call: Call, class: Class, message: &str, region: &str) -> fmt::Result {
    match class {
        Class::Denied => {
            // To tag in the creating call is a permission of its own, and so is the use of a key.
            let of_call = call.permission();
            let permission = permission_in(message).unwrap_or(&of_call);
            write!(f, ". The permission {permission} is missing; `ami-backup iam-policy` prints the least policy that is needed")
        }
        Class::Credentials => write!(f, ". Check the credentials: {}", credentials_advice(message)),
        Class::RegionClosed => write!(f, ". Are the credentials right, and is {region} a region enabled for this account?"),
        Class::Passing
        | Class::Throttled
        | Class::TryLater
        | Class::Gone
        | Class::Taken
        | Class::Malformed
        | Class::LostPlace
        | Class::NotOffered
        | Class::Permitted
        | Class::Refused => Ok(()),
    }
}

/// Whether an answer was written for people. An imitation of EC2 that does not offer a call may break over it (moto: status 500 and
/// a page of HTML). EC2's own load balancers send such pages with other statuses.
pub(crate) fn is_page_for_people(answer: &HttpResponse) -> bool {
    let start = answer.body().bytes().map(<[u8]>::trim_ascii_start).unwrap_or_default();
    let begins = |with: &str| start.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()));
    answer.status().as_u16() == 500 && ["<!doctype html", "<html", "{"].into_iter().any(begins)
}

/// The permission that EC2's message says is missing: `… is not authorized to perform: ec2:CreateTags on resource …`.
fn permission_in(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("not authorized to perform: ")?;
    let permission = rest.split(|c: char| !c.is_ascii_alphanumeric() && !":-*".contains(c)).next()?;
    let (service, action) = permission.split_once(':')?;
    (!service.is_empty() && !action.is_empty()).then_some(permission)
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// The innermost error says what happened; the SDK's outer ones only where.
pub(crate) fn deepest(error: &(dyn Error + 'static)) -> String {
    let Some(innermost) = causes(error).last() else { return String::new() };
    innermost.downcast_ref::<ErrorMetadata>().map_or_else(|| innermost.to_string(), of_a_service)
}

/// What another service than EC2 answered: STS, where it gives no credentials.
fn of_a_service(answer: &ErrorMetadata) -> String {
    let (code, message) = (answer.code().unwrap_or("an error"), answer.message().unwrap_or("no reason was given"));
    let request = answer.extra("aws_request_id").map_or_else(String::new, |request| format!(" (request {request})"));
    format!("{code}: {message}{request}")
}

/// What a program that gives credentials says on stderr may hold some, and is left out.
fn without_stderr(mut message: String) -> String {
    if let Some(at) = message.find(". Stderr: ") {
        message.truncate(at);
    }
    message
}

/// An error, its cause, the cause of that, and so on.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    // An I/O error made of another one names that one's cause as its own.
    let within = |io: &'a std::io::Error| io.get_ref().map(|inner| inner as &(dyn Error + 'static));
    std::iter::successors(Some(error), move |&error| match error.downcast_ref::<std::io::Error>() {
        Some(io) => within(io),
        None => error.source(),
    })
}

/// What to do about a certificate that is not accepted, if it is one. There is no way to have it accepted unread.
pub(crate) fn refused_certificate(error: &(dyn Error + 'static)) -> Option<String> {
    use rustls::{CertificateError, Error};
    let error = find::<Error>(error)?;
    let Error::InvalidCertificate(why) = error else { return None };
    let advice = match why {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => "look at this host's clock; if it is right, the endpoint needs a new certificate",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "something else answers under its name; look at AWS_ENDPOINT_URL, the proxy and the name server"
        }
        _ => {
            "if an endpoint or a proxy of your own answers, put the certificate of its authority into a file and name that in AWS_CA_BUNDLE"
        }
    };
    Some(format!("{error}, so nothing was sent: {advice}"))
}

#[cfg(test)]
mod tests {
    use std::io;

    use aws_sdk_ec2::error::ErrorMetadata;
    use aws_sdk_ec2::operation::describe_images::DescribeImagesError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;
    use rustls::CertificateError as Why;

    use super::*;

    /// Every code of `ec2-semantics` section 8, in its order, with the HTTP status it has there, and what it must mean here.
    const SECTION_8: &[(&str, u16, &str, Class)] = &[
        ("RequestLimitExceeded", 503, "", Class::Throttled),
        ("EC2ThrottledException", 503, "", Class::Throttled),
        ("Throttling", 400, "", Class::Throttled),
        ("ThrottlingException", 400, "", Class::Throttled),
        ("InternalError", 500, "", Class::Passing),
        ("InternalFailure", 500, "", Class::Passing),
        ("ServerInternal", 500, "", Class::Passing),
        ("Unavailable", 503, "", Class::Passing),
        ("ServiceUnavailable", 503, "", Class::Passing),
        ("RetryableError", 400, "", Class::Throttled),
        ("InvalidAMIName.Duplicate", 400, "AMI name X is already in use by AMI ami-1", Class::Taken),
        ("InvalidAMIName.Malformed", 400, "", Class::Refused),
        ("InvalidInstanceID.NotFound", 400, "", Class::Gone),
        ("InvalidParameterValue", 400, "Instance is not in state 'running' or 'stopping' or 'stopped'", Class::Refused),
        ("InvalidParameterValue", 400, "This snapshot is managed by the AWS Backup service and cannot be deleted", Class::Refused),
        ("InvalidParameterValue", 400, "Value ( 3 ) for parameter maxResults is invalid", Class::Refused),
        ("IncorrectInstanceState", 400, "", Class::TryLater),
        ("IncorrectState", 400, "", Class::TryLater),
        ("IncorrectState", 400, "Snapshot 'snap-1' is archived, or about to be", Class::Refused),
        ("InvalidState", 400, "The snapshot is in the archive tier", Class::Refused),
        ("InvalidState", 400, "", Class::TryLater),
        ("InvalidInstanceState", 400, "", Class::TryLater),
        ("ConcurrentCreateImageNoRebootLimitExceeded", 400, "", Class::TryLater),
        ("ConcurrentSnapshotLimitExceeded", 400, "", Class::TryLater),
        ("SnapshotCreationPerVolumeRateExceeded", 400, "The maximum per volume CreateSnapshot request rate", Class::TryLater),
        ("PendingSnapshotLimitExceeded", 400, "", Class::TryLater),
        ("SnapshotLimitExceeded", 400, "", Class::Refused),
        ("ResourceLimitExceeded", 400, "Too many snapshot copies in progress. The limit is 5", Class::TryLater),
        ("ResourceLimitExceeded", 400, "You have reached your quota of 50000 for the number of images", Class::Refused),
        ("IdempotentParameterMismatch", 400, "", Class::Taken),
        ("InvalidAMIID.NotFound", 400, "", Class::Gone),
        ("InvalidAMIID.Unavailable", 400, "The image ID 'ami-1' is no longer available", Class::Gone),
        ("InvalidAMIID.Unavailable", 400, "The AMI ID 'ami-1' is currently pending and may not be used", Class::TryLater),
        ("InvalidAMIID.Malformed", 400, "", Class::Refused),
        ("InvalidSnapshotID.Malformed", 400, "", Class::Refused),
        ("InvalidSnapshot.InUse", 400, "The snapshot snap-1 is currently in use by ami-1", Class::TryLater),
        ("InvalidSnapshot.NotFound", 400, "", Class::Gone),
        ("OperationNotPermitted", 400, "", Class::Refused),
        ("UnauthorizedOperation", 403, "", Class::Denied),
        ("AuthFailure", 401, "", Class::RegionClosed),
        ("InvalidClientTokenId", 403, "", Class::Credentials),
        ("SignatureDoesNotMatch", 403, "", Class::Credentials),
        ("MissingAuthenticationToken", 403, "", Class::Credentials),
        ("IncompleteSignature", 403, "", Class::Credentials),
        ("RequestExpired", 400, "", Class::Credentials),
        ("InvalidSecurity.RequestHasExpired", 400, "", Class::Credentials),
        ("OptInRequired", 401, "", Class::RegionClosed),
        ("PendingVerification", 400, "", Class::Credentials),
        ("Blocked", 400, "", Class::Credentials),
        ("AccountDisabled", 400, "", Class::Credentials),
        ("DryRunOperation", 412, "", Class::Permitted),
        ("InvalidNextToken", 400, "", Class::LostPlace),
        ("InvalidPaginationToken", 400, "", Class::LostPlace),
        ("InvalidParameterCombination", 400, "", Class::Refused),
        ("InvalidMaxResults", 400, "", Class::Refused),
        ("UnknownParameter", 400, "", Class::Refused),
        ("MissingParameter", 400, "", Class::Refused),
        ("InvalidFilter", 400, "", Class::Refused),
        ("FilterLimitExceeded", 400, "", Class::Refused),
        ("InvalidRequest", 400, "You do not have permission to access the storage of this ami", Class::Refused),
        ("InvalidRequest", 400, "Images from AWS Marketplace cannot be copied to another AWS account.", Class::Refused),
        ("InvalidRegion", 400, "", Class::Refused),
        ("SnapshotCopyUnsupported.InterRegion", 400, "", Class::Refused),
        ("CustomerKeyHasBeenRevoked", 400, "", Class::Refused),
        ("TagLimitExceeded", 400, "", Class::Refused),
        ("InvalidTagKey.Malformed", 400, "", Class::Refused),
        ("TagPolicyViolation", 400, "", Class::Refused),
        ("InvalidID", 400, "", Class::Refused),
        ("ConcurrentTagAccess", 400, "", Class::TryLater),
        ("UnsupportedOperation", 400, "", Class::Refused),
        ("Unsupported", 400, "", Class::Refused),
    ];

    #[test]
    fn codes_mean_what_ec2s_pages_say() {
        for (code, status, message, class) in SECTION_8 {
            assert_eq!(Class::of(Some(code), Some(*status), message), *class, "{code}: {message}");
            assert!(CODES.iter().any(|(known, ..)| known == code), "{code} is in the table, and not guessed by its status");
        }
    }

    #[test]
    fn no_line_of_the_table_hides_another() {
        for (place, (code, says, _)) in CODES.iter().enumerate() {
            let hidden = CODES[..place].iter().any(|(other, earlier, _)| other == code && says.contains(earlier));
            assert!(!hidden, "{code} {says}");
        }
    }

    #[test]
    fn without_a_code_that_is_known_the_status_decides() {
        assert_eq!(Class::of(None, Some(502), ""), Class::Passing);
        assert_eq!(Class::of(Some("SomethingNew"), Some(503), ""), Class::Passing);
        assert_eq!(Class::of(None, None, ""), Class::Passing);
        assert_eq!(Class::of(Some("SomethingNew"), Some(400), ""), Class::Refused);
        assert_eq!(Class::of(Some("SomethingNew"), Some(404), ""), Class::Refused);
        assert_eq!(Class::of(None, Some(413), ""), Class::Refused);
    }

    #[test]
    fn what_an_endpoint_does_not_offer_it_says_in_many_ways() {
        for code in ["InvalidAction", "UnknownOperation", "UnknownOperationException", "NotImplemented"] {
            assert_eq!(Class::of(Some(code), Some(400), ""), Class::NotOffered, "{code}");
        }
        assert_eq!(Class::of(Some("InternalFailure"), Some(501), "not yet implemented"), Class::NotOffered);
        assert_eq!(Class::of(None, Some(501), ""), Class::NotOffered);
        assert_eq!(Class::of(None, Some(404), ""), Class::NotOffered);
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
    fn what_regions_have_in_common_of_a_failure_names_none_of_them() {
        let failure = |region: &str, encoded: &str| Failure {
            call: Call::DescribeLaunchConfigurations,
            region: region.parse().unwrap(),
            class: Class::Denied,
            code: Some("AccessDenied".to_owned()),
            message: format!("You are not authorized. Encoded authorization failure message: {encoded}"),
            request_id: Some(encoded.to_owned()),
        };
        let (one, other) = (failure("eu-west-1", "4MNcpWc"), failure("us-east-1", "8TRmcb"));
        assert_eq!(Anywhere(&one).to_string(), Anywhere(&other).to_string());
        insta::assert_snapshot!(Anywhere(&one), @"DescribeLaunchConfigurations failed with AccessDenied: You are not authorized. The permission autoscaling:DescribeLaunchConfigurations is missing; `ami-backup iam-policy` prints the least policy that is needed");
    }

    #[test]
    fn the_permission_that_is_missing_is_the_one_ec2_names() {
        let of = |what| permission_in(what);
        assert_eq!(
            of("You are not authorized to perform this operation. User: x is not authorized to perform: ec2:CreateTags on resource: y"),
            Some("ec2:CreateTags")
        );
        assert_eq!(of("User: x is not authorized to perform: kms:CreateGrant, with an explicit deny"), Some("kms:CreateGrant"));
        for silent in [
            "You are not authorized to perform this operation.",
            "is not authorized to perform: ",
            "not authorized to perform: it",
            "not authorized to perform: ec2: on resource: y",
            "not authorized to perform: :CreateTags on resource: y",
        ] {
            assert_eq!(of(silent), None, "{silent}");
        }
    }

    type ListingError = SdkError<DescribeImagesError, HttpResponse>;

    fn answer(status: u16, body: &str) -> HttpResponse {
        HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))
    }

    /// An answer without an error of EC2's in it.
    fn silent(status: u16, body: &str) -> ListingError {
        SdkError::service_error(DescribeImagesError::generic(ErrorMetadata::builder().build()), answer(status, body))
    }

    fn failure(call: Call, error: &ListingError) -> Failure {
        Failure::new(call, &"eu-west-1".parse().unwrap(), error)
    }

    #[test]
    fn what_an_unreadable_answer_was_to_may_have_been_done() {
        for (call, class) in [(Call::DescribeImages, Class::Malformed), (Call::DeregisterImage, Class::Passing)] {
            for error in
                [silent(200, "{}"), SdkError::response_error("cut", answer(200, "")), SdkError::response_error("cut", answer(400, ""))]
            {
                let failure = failure(call, &error);
                assert_eq!(failure.class, class, "{failure}");
                assert!(failure.message.starts_with("the answer could not be read: "), "{failure}");
            }
            assert_eq!(Failure::malformed(call, &"eu-west-1".parse().unwrap(), "no id").class, class);
            let broken_off = SdkError::response_error("cut", answer(502, ""));
            assert_eq!(failure(call, &broken_off).class, Class::Passing);
        }
    }

    #[test]
    fn without_an_error_of_ec2s_the_status_tells_what_may_come_of_the_call() {
        let page = "<!doctype html>\n<title>500 Internal Server Error</title>";
        for (call, status, body, class) in [
            (Call::DescribeImages, 302, "", Class::Malformed),
            (Call::DeregisterImage, 302, "", Class::Malformed),
            (Call::DescribeImages, 500, page, Class::NotOffered),
            (Call::DeregisterImage, 500, page, Class::Passing),
            (Call::DescribeImages, 500, "", Class::Passing),
            (Call::DescribeImages, 503, page, Class::Passing),
            (Call::DescribeImages, 413, page, Class::Refused),
            (Call::DescribeImages, 405, "", Class::NotOffered),
        ] {
            let failure = failure(call, &silent(status, body));
            assert_eq!(failure.class, class, "{failure}");
            assert!(failure.message.starts_with(&format!("HTTP status {status}")), "{failure}");
        }
        let unreadable = |call| failure(call, &SdkError::response_error("no XML", answer(500, page))).class;
        assert_eq!((unreadable(Call::DescribeImages), unreadable(Call::DeregisterImage)), (Class::NotOffered, Class::Passing));
    }

    #[test]
    fn a_page_for_people_is_one_whatever_it_begins_with() {
        for (status, body, is_page) in [
            (500, "<!DOCTYPE html><html>", true),
            (500, "\n  <html lang=en>", true),
            (500, "{\"message\": \"oops\"}", true),
            (500, "<?xml version=\"1.0\"?><Response/>", false),
            (500, "<Response/>", false),
            (500, "", false),
            (503, "<html>", false),
            (400, "{}", false),
        ] {
            assert_eq!(is_page_for_people(&answer(status, body)), is_page, "{status} {body}");
        }
    }

    #[test]
    fn no_answer_is_passing_and_says_what_happened() {
        let io = |text: &str| io::Error::other(io::Error::other(text.to_owned()));
        for (error, class, message) in [
            (SdkError::timeout_error("within 10 s"), Class::Passing, "no answer in time"),
            (SdkError::dispatch_failure(ConnectorError::timeout("late".into())), Class::Passing, "no answer in time"),
            (
                SdkError::dispatch_failure(ConnectorError::io(io("connection refused").into())),
                Class::Passing,
                "EC2 could not be reached: connection refused",
            ),
            (SdkError::construction_failure(io("no such endpoint")), Class::Refused, "no such endpoint"),
        ] {
            let failure = failure(Call::DeregisterImage, &error);
            assert_eq!((failure.class, failure.message.as_str()), (class, message));
        }
    }

    #[test]
    fn a_certificate_that_is_not_accepted_says_what_to_look_at() {
        let advice = |why| {
            let refused = io::Error::other(rustls::Error::InvalidCertificate(why));
            let failure = failure(Call::DescribeImages, &SdkError::dispatch_failure(ConnectorError::io(refused.into())));
            assert_eq!(failure.class, Class::Refused);
            assert!(failure.message.contains(", so nothing was sent: "), "{failure}");
            failure.message
        };
        for why in [Why::Expired, Why::NotValidYet] {
            assert!(advice(why).contains("this host's clock"));
        }
        assert!(advice(Why::NotValidForName).contains("the name server"));
        assert!(advice(Why::UnknownIssuer).contains("AWS_CA_BUNDLE"));
        let other = SdkError::dispatch_failure(ConnectorError::io(io::Error::other(rustls::Error::DecryptError).into()));
        assert_eq!(failure(Call::DescribeImages, &other).class, Class::Passing);
    }

    #[test]
    fn an_answer_that_broke_off_may_be_asked_for_again_and_one_that_does_not_end_not() {
        let of = |call, unfit: Unfit| failure(call, &SdkError::dispatch_failure(unfit.into()));
        for (call, unread) in [(Call::DescribeImages, Class::Malformed), (Call::DeregisterImage, Class::Passing)] {
            let broken = of(call, Unfit::BrokenOff("reset".to_owned()));
            assert_eq!((broken.class, broken.message.as_str()), (Class::Passing, "the answer broke off: reset"));
            let endless = of(call, Unfit::LongAnswer);
            assert_eq!(endless.class, unread);
            assert!(endless.message.starts_with("the answer could not be read: "), "{endless}");
        }
    }

    #[test]
    fn want_of_credentials_is_told_without_what_a_program_said_of_them() {
        let failing =
            |error: CredentialsError| failure(Call::DescribeImages, &SdkError::dispatch_failure(ConnectorError::other(error.into(), None)));
        let program = failing(CredentialsError::provider_error("the program failed with 1. Stderr: the key is abc"));
        assert_eq!(program.message, "the program failed with 1");
        let none = failing(CredentialsError::not_loaded("no providers in chain"));
        assert!(none.message.starts_with("neither the environment nor the profile holds any"), "{none}");
        for failure in [program, none] {
            assert_eq!(failure.class, Class::Credentials);
            assert!(failure.is_for_want_of_credentials());
            assert!(failure.to_string().contains("Check the credentials"), "{failure}");
        }
        let said = |code: &str| {
            let said = DescribeImagesError::generic(ErrorMetadata::builder().code(code).build());
            failure(Call::DescribeImages, &SdkError::service_error(said, answer(400, "")))
        };
        let expired = said("RequestExpired");
        assert_eq!((expired.class, expired.message.as_str()), (Class::Credentials, "EC2 gave no message"));
        assert!(!expired.is_for_want_of_credentials(), "it was EC2 that said so");
        assert!(!failure(Call::DescribeImages, &SdkError::timeout_error("late")).is_for_want_of_credentials());
        assert!(said("InvalidAMIID.NotFound").is_not_found() && !said("InvalidAMIID.Unavailable").is_not_found());
    }

    #[test]
    fn what_passes_is_what_ec2_may_do_later() {
        let passing = |class| Failure { class, ..failure(Call::DescribeImages, &SdkError::timeout_error("late")) }.is_passing();
        for class in [Class::Passing, Class::Throttled, Class::TryLater] {
            assert!(passing(class), "{class:?}");
        }
        for class in [Class::Denied, Class::Credentials, Class::RegionClosed, Class::Gone, Class::Taken, Class::Malformed, Class::Refused] {
            assert!(!passing(class), "{class:?}");
        }
    }
}
