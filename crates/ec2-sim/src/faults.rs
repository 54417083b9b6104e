//! Faults: what can go wrong between a client and EC2. None happens unless it was asked for.
//!
//! - [`FaultKind::Error`]: EC2 refuses or stumbles: throttling, internal errors, missing permissions.
//!   Every client of EC2 meets them, every day.
//! - [`FaultKind::LostRequest`], [`FaultKind::LostAnswer`]: the connection breaks, before the effect or
//!   after it. The client cannot tell which, and must not do twice what has been done.
//! - [`FaultKind::Hang`], [`FaultKind::Delay`]: the answer never comes, or comes late. The client must
//!   have a timeout, and after it must again not do twice what has been done.
//!
//! What fails later, when the call has long succeeded, is arranged on the world:
//! [`FailNext`](crate::world::FailNext).

use std::time::Duration;

/// Something that goes wrong with some calls.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The action it concerns, by its exact name; `None` for all actions of EC2 and STS. The metadata
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
    /// The connection breaks before EC2 has the request.
    LostRequest,
    /// EC2 does as it was asked, and then the connection breaks.
    LostAnswer,
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

/// The faults asked for, each with the number of calls that have matched it.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(Fault, u64)>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push((fault, 0));
    }

    /// Counts a call, and says what goes wrong with it. Where several faults strike, the first asked
    /// for does.
    pub(crate) fn strike(&mut self, action: &str, region: &str) -> Option<FaultKind> {
        let mut struck = None;
        for (fault, count) in &mut self.0 {
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
        struck
    }
}
