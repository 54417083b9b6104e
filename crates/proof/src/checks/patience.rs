//! No more than the stated patience is used, but for what EC2 itself takes to answer, or not to.

use ec2_sim::Outcome;
use jiff::SignedDuration;

use super::Witness;

/// What an attempt may take when it is not answered: then it is given up.
const LONGEST_ATTEMPT: SignedDuration = SignedDuration::from_secs(20);
/// A call is given up after this long, all its attempts included.
const LONGEST_CALL: SignedDuration = SignedDuration::from_secs(28);
/// What a run may take that meets nothing at all: less than the clock's tick.
const NOTHING: SignedDuration = SignedDuration::from_secs(1);

pub(super) fn check(witness: &Witness<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for ended in witness.ended {
        let calls = witness.calls.iter().filter(|call| call.access_key == ended.key);
        let troubled = calls.filter(|call| call.outcome != Outcome::Ok).count();
        // Each attempt that came to nothing, and each late answer, may have taken as long as an attempt may. Even where EC2
        // answered late and well, calls are never longer than that.
        let troubled = i32::try_from(troubled).unwrap_or(i32::MAX).saturating_add(i32::try_from(witness.delays).unwrap_or(i32::MAX));
        let excuse = LONGEST_ATTEMPT.checked_mul(troubled).unwrap_or(SignedDuration::MAX).saturating_add(NOTHING);
        let patience = if ended.command.wait { ended.command.patience } else { ended.command.patience.min(waits_unasked()) };
        if ended.took() > patience.saturating_add(excuse) {
            found.push(format!("{} took {:?}, and {troubled} calls went badly", ended.command, ended.took()));
        }
    }
    found
}

/// With `--no-wait`, an image that was asked for without an answer is looked for all the same, and a volume or a name that is
/// not free yet is asked for again: that is within the bounds of a call.
fn waits_unasked() -> SignedDuration {
    LONGEST_CALL.saturating_add(LONGEST_CALL)
}
