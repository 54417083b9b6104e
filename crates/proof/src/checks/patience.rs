//! No more than the stated patience is used, but for what EC2 itself takes to answer, or not to.

use std::collections::BTreeMap;

use ec2_sim::{Call, Outcome};
use jiff::{SignedDuration, Timestamp};

use super::Witness;

/// What an attempt may take when it is not answered: then it is given up.
const LONGEST_ATTEMPT: SignedDuration = SignedDuration::from_secs(20);
/// A call is given up after this long, all its attempts included.
const LONGEST_CALL: SignedDuration = SignedDuration::from_secs(28);
/// So many attempts are made of a call.
const ATTEMPTS: usize = 8;
/// What the SDK waits at most after each of the first attempts; after later ones as long as after the last of these.
const BACKOFF: [SignedDuration; 4] =
    [SignedDuration::from_secs(1), SignedDuration::from_secs(2), SignedDuration::from_secs(4), SignedDuration::from_secs(5)];
/// What the SDK asks again for.
const ASKED_AGAIN: [&str; 3] = ["RequestLimitExceeded", "InternalError", "Unavailable"];
/// What a run may take that meets nothing at all: less than the clock's tick.
const NOTHING: SignedDuration = SignedDuration::from_secs(1);

pub(super) fn check(witness: &Witness<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for ended in witness.ended {
        let troubled = trouble(witness.calls.iter().filter(|call| call.access_key == ended.key));
        // A purge waits unasked, for what no later run could find.
        let waits = ended.command.wait || ended.purge_policy().is_some();
        let patience = if waits { ended.command.patience } else { ended.command.patience.min(waits_unasked()) };
        if ended.took() > patience.saturating_add(troubled).saturating_add(NOTHING) {
            found.push(format!("{} took {:?}, and calls that went badly {troubled:?} of it at most", ended.command, ended.took()));
        }
    }
    found
}

/// What the attempts of one process may have taken that came to nothing or were answered late, with the waits between them.
fn trouble<'a>(attempts: impl Iterator<Item = &'a Call>) -> SignedDuration {
    let mut calls: BTreeMap<(&str, &str, &BTreeMap<String, String>), Attempts> = BTreeMap::new();
    let mut whole = SignedDuration::ZERO;
    for attempt in attempts {
        let began = Attempts { at: attempt.at, made: 0, taken: SignedDuration::ZERO };
        let call = calls.entry((&attempt.region, &attempt.action, &attempt.params)).or_insert(began);
        // Attempts so far apart, or so many, belong to two calls.
        if call.made == ATTEMPTS || attempt.at.duration_since(call.at) >= LONGEST_CALL {
            *call = began;
        }
        let before = call.taken;
        let is_last = call.add(attempt);
        whole = whole.saturating_add(call.taken - before);
        if is_last {
            calls.remove(&(attempt.region.as_str(), attempt.action.as_str(), &attempt.params));
        }
    }
    whole
}

/// The attempts of one call.
#[derive(Clone, Copy)]
struct Attempts {
    at: Timestamp,
    made: usize,
    taken: SignedDuration,
}

impl Attempts {
    /// Takes another one in; says whether there will be no further one.
    fn add(&mut self, attempt: &Call) -> bool {
        let late = SignedDuration::try_from(attempt.late_by).unwrap_or(SignedDuration::MAX);
        let (itself, is_last) = match &attempt.outcome {
            Outcome::Unanswered { .. } => (LONGEST_ATTEMPT, false),
            Outcome::Error(code) => (late.min(LONGEST_ATTEMPT), late < LONGEST_ATTEMPT && !ASKED_AGAIN.contains(&code.as_str())),
            Outcome::Ok => (late.min(LONGEST_ATTEMPT), late < LONGEST_ATTEMPT),
        };
        let wait = if is_last { SignedDuration::ZERO } else { BACKOFF[self.made.min(BACKOFF.len() - 1)] };
        self.made += 1;
        self.taken = self.taken.saturating_add(itself).saturating_add(wait).min(LONGEST_CALL);
        is_last
    }
}

/// With `--no-wait`, an image that was asked for without an answer is looked for all the same, and a volume or a name that is
/// not free yet is asked for again: that is within the bounds of a call.
fn waits_unasked() -> SignedDuration {
    LONGEST_CALL.saturating_add(LONGEST_CALL)
}
