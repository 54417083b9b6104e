//! Faults: what can go wrong between a client and EC2. None happens unless it was asked for.
//!
//! - [`FaultKind::Error`]: EC2 refuses or stumbles: throttling, internal errors, missing permissions.
//!   Every client of EC2 meets them, every day. [`FaultKind::ErrorAfterEffect`] is the nasty one: EC2 says
//!   that it failed, and yet did what it was asked.
//! - [`FaultKind::LostRequest`], [`FaultKind::LostAnswer`]: the connection breaks, before the effect or
//!   after it. The client cannot tell which, and must not do twice what has been done.
//! - [`FaultKind::ResetMidBody`], [`FaultKind::StallMidBody`], [`FaultKind::Truncated`]: the answer is good
//!   as far as it goes, and it does not go far enough.
//! - [`FaultKind::Hang`], [`FaultKind::Delay`]: the answer never comes, or comes late. The client must
//!   have a timeout, and after it must again not do twice what has been done.
//! - [`FaultKind::Body`], [`FaultKind::Endless`]: what comes is no answer of EC2's: a proxy's error page, or
//!   something that means harm.
//!
//! A [`Fault`] strikes the calls that it is told to; [`RandomFaults`] strike by chance, the same calls for the
//! same seed. What fails later, when the call has long succeeded, is arranged on the world:
//! [`FailNext`](crate::world::FailNext).

mod named;
mod random;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

pub(crate) use self::named::NAMES;
pub use self::random::RandomFaults;

/// Something that goes wrong with some calls.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The action it concerns, by its exact name; `None` for the actions of all services. The metadata
    /// service goes by `metadata`, and is only concerned when named.
    pub action: Option<String>,
    /// The region it concerns; `None` for all.
    pub region: Option<String>,
    /// Which of the calls that match.
    pub calls: Which,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// Which calls, among those that match a fault, it strikes. They are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// That one only.
    Nth(u64),
    /// That many, from the first on.
    First(u64),
    /// That one and all after it.
    From(u64),
    /// Every n-th.
    Every(u64),
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// EC2 answers with an error, and does nothing.
    Error {
        /// The HTTP status: 503 for throttling.
        status: u16,
        /// `RequestLimitExceeded`, `InternalError`, …
        code: String,
        /// The same for people.
        message: String,
    },
    /// EC2 does as it was asked, and answers with an error all the same.
    ErrorAfterEffect {
        /// The HTTP status.
        status: u16,
        /// `InternalError`, `Unavailable`, …
        code: String,
        /// The same for people.
        message: String,
    },
    /// The connection breaks before EC2 has the request.
    LostRequest,
    /// EC2 does as it was asked, and then the connection breaks.
    LostAnswer,
    /// EC2 does as it was asked; the connection breaks when the status and that much of the body is over.
    ResetMidBody {
        /// How much of the body arrives, at most.
        after_bytes: usize,
    },
    /// EC2 does as it was asked; when the status and that much of the body is over, nothing more comes.
    StallMidBody {
        /// How much of the body arrives, at most.
        after_bytes: usize,
    },
    /// EC2 does as it was asked; half of the body arrives, and its length says that this is all.
    Truncated,
    /// EC2 does as it was asked; what arrives is this in place of its answer.
    Body {
        /// The HTTP status.
        status: u16,
        /// The type it claims to have: `text/html`, …
        content_type: String,
        /// Any bytes.
        body: Vec<u8>,
    },
    /// EC2 does as it was asked; what arrives, with the status 200, is more than anybody can keep. It is made
    /// while it is sent, 64 KiB in a millisecond, and needs no memory here.
    Endless {
        /// How it begins.
        head: String,
        /// What then comes again and again.
        again: String,
        /// How often; `None` for ever.
        times: Option<u64>,
        /// How it ends, if it does.
        tail: String,
    },
    /// EC2 does nothing, and says nothing, for ever.
    Hang,
    /// EC2 does as it was asked at once, and answers that much later.
    Delay(Duration),
}

impl Fault {
    /// A fault of one action, in every region.
    pub fn of(action: &str, calls: Which, kind: FaultKind) -> Self {
        Self { action: Some(action.to_owned()), region: None, calls, kind }
    }
}

impl FaultKind {
    /// `RequestLimitExceeded`, as EC2 throttles.
    pub fn throttled() -> Self {
        Self::Error { status: 503, code: "RequestLimitExceeded".to_owned(), message: "Request limit exceeded.".to_owned() }
    }

    /// `InternalError`, of which nobody knows whether anything was done. Here nothing was.
    pub fn internal_error() -> Self {
        Self::Error { status: 500, code: "InternalError".to_owned(), message: "An internal error has occurred".to_owned() }
    }

    /// `Unavailable`: the service is overloaded, or down.
    pub fn unavailable() -> Self {
        let message = "The service is unavailable. Please try again shortly.".to_owned();
        Self::Error { status: 503, code: "Unavailable".to_owned(), message }
    }

    /// `RequestExpired`, as EC2 answers to credentials whose session is over.
    pub fn expired_credentials() -> Self {
        Self::Error { status: 400, code: "RequestExpired".to_owned(), message: "Request has expired.".to_owned() }
    }

    /// The same error, but EC2 did as it was asked. Other kinds stay as they are.
    #[must_use]
    pub fn after_effect(self) -> Self {
        match self {
            Self::Error { status, code, message } => Self::ErrorAfterEffect { status, code, message },
            other => other,
        }
    }

    /// What [`Ec2Sim::strikes`](crate::Ec2Sim::strikes) counts it as: `lost-answer`, `error RequestLimitExceeded`, …
    pub fn name(&self) -> String {
        match self {
            Self::Error { code, .. } => format!("error {code}"),
            Self::ErrorAfterEffect { code, .. } => format!("error-after-effect {code}"),
            Self::LostRequest => "lost-request".to_owned(),
            Self::LostAnswer => "lost-answer".to_owned(),
            Self::ResetMidBody { .. } => "reset-mid-body".to_owned(),
            Self::StallMidBody { .. } => "stall-mid-body".to_owned(),
            Self::Truncated => "truncated".to_owned(),
            Self::Body { .. } => "body".to_owned(),
            Self::Endless { .. } => "endless".to_owned(),
            Self::Hang => "hang".to_owned(),
            Self::Delay(_) => "delay".to_owned(),
        }
    }
}

impl Which {
    fn includes(self, count: u64) -> bool {
        match self {
            Self::All => true,
            Self::Nth(n) => count == n,
            Self::First(n) => count <= n,
            Self::From(n) => count >= n,
            Self::Every(n) => n > 0 && count.is_multiple_of(n),
        }
    }
}

/// The faults asked for.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Each with the number of calls that have matched it.
    exact: Vec<(Fault, u64)>,
    random: Vec<random::Running>,
    strikes: BTreeMap<String, u64>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.exact.push((fault, 0));
    }

    pub(crate) fn add_random(&mut self, faults: RandomFaults) {
        self.random.push(random::Running::new(faults));
    }

    /// Nothing goes wrong any more. What has gone wrong stays counted.
    pub(crate) fn clear(&mut self) {
        self.exact.clear();
        self.random.clear();
    }

    /// How many calls were struck, by the names of the kinds.
    pub(crate) fn strikes(&self) -> &BTreeMap<String, u64> {
        &self.strikes
    }

    /// Counts a call, and says what goes wrong with it. Where several faults strike, the first asked
    /// for does, and one that was meant for the call before one by chance. `number`: the call's among all.
    pub(crate) fn strike(&mut self, action: &str, region: &str, number: u64, now: Timestamp) -> Option<FaultKind> {
        let mut struck = None;
        for (fault, count) in &mut self.exact {
            let concerned = match &fault.action {
                Some(named) => named == action,
                None => action != crate::metadata::ACTION,
            };
            if concerned && fault.region.as_ref().is_none_or(|named| named == region) {
                *count += 1;
                if struck.is_none() && fault.calls.includes(*count) {
                    struck = Some(fault.kind.clone());
                }
            }
        }
        if action != crate::metadata::ACTION {
            struck = struck.or_else(|| self.random.iter_mut().find_map(|faults| faults.strike(action, number, now)));
        }
        if let Some(kind) = &struck {
            *self.strikes.entry(kind.name()).or_default() += 1;
        }
        struck
    }
}
