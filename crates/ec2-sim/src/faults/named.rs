//! Kinds of faults by their names, as a file of faults spells them.

use std::time::Duration;

use super::FaultKind;
use super::random::bad_gateway;

/// The kinds that need nothing more said about them.
pub(crate) const NAMES: &[&str] = &[
    "throttled",
    "internal-error",
    "internal-error-after-effect",
    "unavailable",
    "unavailable-after-effect",
    "expired-credentials",
    "lost-request",
    "lost-answer",
    "reset-mid-body",
    "stall-mid-body",
    "truncated",
    "bad-gateway",
    "hang",
    "delay",
];

impl FaultKind {
    /// One of the kinds that need nothing more said about them: `throttled`, `lost-answer`, `hang`, …
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "throttled" => Self::throttled(),
            "internal-error" => Self::internal_error(),
            "internal-error-after-effect" => Self::internal_error().after_effect(),
            "unavailable" => Self::unavailable(),
            "unavailable-after-effect" => Self::unavailable().after_effect(),
            "expired-credentials" => Self::expired_credentials(),
            "lost-request" => Self::LostRequest,
            "lost-answer" => Self::LostAnswer,
            "reset-mid-body" => Self::ResetMidBody { after_bytes: 100 },
            "stall-mid-body" => Self::StallMidBody { after_bytes: 100 },
            "truncated" => Self::Truncated,
            "bad-gateway" => bad_gateway(),
            "hang" => Self::Hang,
            "delay" => Self::Delay(Duration::from_secs(3)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::RandomFaults;

    #[test]
    fn every_name_is_one_and_every_usual_kind_has_one() {
        let named: Vec<FaultKind> = NAMES.iter().map(|name| FaultKind::named(name).unwrap()).collect();
        assert!(RandomFaults::usual_kinds().iter().all(|(_, kind)| named.contains(kind)));
        assert_eq!(FaultKind::named("gremlins"), None);
    }
}
