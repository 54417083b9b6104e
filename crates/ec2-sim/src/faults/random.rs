//! Faults by chance. Whether a call is struck, and by what, depends on the seed and on the call's number among
//! all calls, and on nothing else: what came before it, and how often anything was drawn, does not matter.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;

use super::FaultKind;
use crate::id::hash;

/// What may go wrong with any call, and how often.
#[derive(Debug, Clone)]
pub struct RandomFaults {
    /// The same seed strikes the same calls.
    pub seed: u64,
    /// How many calls of a thousand are struck.
    pub per_mille: u32,
    /// What strikes, each kind with its weight among them.
    pub kinds: Vec<(u32, FaultKind)>,
    /// The actions that are concerned; none for all of EC2 and STS.
    pub actions: BTreeSet<String>,
    /// From this instant on nothing is struck any more.
    pub until: Option<Timestamp>,
    /// After that many strikes nothing is struck any more.
    pub at_most: Option<u64>,
}

impl RandomFaults {
    /// Every [usual](Self::usual_kinds) kind, for all actions, without an end.
    pub fn new(seed: u64, per_mille: u32) -> Self {
        Self { seed, per_mille, kinds: Self::usual_kinds(), actions: BTreeSet::new(), until: None, at_most: None }
    }

    /// What goes wrong with EC2 and the way there without anybody meaning harm, about as often as it does.
    pub fn usual_kinds() -> Vec<(u32, FaultKind)> {
        vec![
            (6, FaultKind::throttled()),
            (3, FaultKind::internal_error()),
            (2, FaultKind::unavailable()),
            (2, FaultKind::internal_error().after_effect()),
            (1, FaultKind::unavailable().after_effect()),
            (3, FaultKind::LostRequest),
            (3, FaultKind::LostAnswer),
            (2, FaultKind::ResetMidBody { after_bytes: 100 }),
            (1, FaultKind::StallMidBody { after_bytes: 100 }),
            (2, FaultKind::Truncated),
            (1, bad_gateway()),
            (2, FaultKind::Hang),
            (4, FaultKind::Delay(Duration::from_secs(3))),
        ]
    }
}

/// What a proxy between here and there says when it has lost the other side.
pub(super) fn bad_gateway() -> FaultKind {
    FaultKind::Body {
        status: 502,
        content_type: "text/html".to_owned(),
        body: b"<html><head><title>502 Bad Gateway</title></head><body>\n<h1>502 Bad Gateway</h1>\n<hr>\n</body></html>\n".to_vec(),
    }
}

/// Faults by chance, with the number of calls that they have struck.
#[derive(Debug)]
pub(super) struct Running {
    faults: RandomFaults,
    struck: u64,
}

impl Running {
    pub(super) fn new(faults: RandomFaults) -> Self {
        Self { faults, struck: 0 }
    }

    pub(super) fn strike(&mut self, action: &str, number: u64, now: Timestamp) -> Option<FaultKind> {
        let RandomFaults { seed, per_mille, kinds, actions, until, at_most } = &self.faults;
        let over = until.is_some_and(|until| until <= now) || at_most.is_some_and(|most| most <= self.struck);
        let concerned = actions.is_empty() || actions.contains(action);
        let mut rng = Rng::with_seed(hash(&format!("{seed:x} {number:x}")));
        if over || !concerned || rng.u32(..1000) >= *per_mille {
            return None;
        }
        let kind = drawn(kinds, &mut rng)?;
        self.struck += 1;
        Some(kind.clone())
    }
}

fn drawn<'k>(kinds: &'k [(u32, FaultKind)], rng: &mut Rng) -> Option<&'k FaultKind> {
    let whole: u64 = kinds.iter().map(|(weight, _)| u64::from(*weight)).sum();
    if whole == 0 {
        return None;
    }
    let mut place = rng.u64(..whole);
    for (weight, kind) in kinds {
        match place.checked_sub(u64::from(*weight)) {
            Some(left) => place = left,
            None => return Some(kind),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::testing::{Client, noon};

    /// Which of the calls are struck.
    fn struck(faults: RandomFaults, calls: usize) -> (Vec<usize>, Client) {
        let ec2 = Client::of_example();
        ec2.sim.inject_random(faults);
        let struck = (0..calls).filter(|_| ec2.call("DescribeRegions", &[]).status != 200).collect();
        (struck, ec2)
    }

    fn throttling(seed: u64, per_mille: u32) -> RandomFaults {
        RandomFaults { kinds: vec![(1, FaultKind::throttled())], ..RandomFaults::new(seed, per_mille) }
    }

    #[test]
    fn the_same_seed_strikes_the_same_calls_about_as_often_as_asked() {
        let (first, ec2) = struck(throttling(1, 250), 1000);
        assert!((200..300).contains(&first.len()), "{}", first.len());
        assert_eq!(struck(throttling(1, 250), 1000).0, first);
        assert_ne!(struck(throttling(2, 250), 1000).0, first);
        assert_eq!(ec2.sim.strikes(), [("error RequestLimitExceeded".to_owned(), first.len() as u64)].into());
        assert_eq!(struck(throttling(1, 0), 1000).0, [0; 0]);
        assert_eq!(struck(throttling(1, 1000), 100).0.len(), 100);
    }

    #[test]
    fn they_stop_after_an_instant_or_a_number() {
        let (few, ec2) = struck(RandomFaults { at_most: Some(3), ..throttling(1, 1000) }, 10);
        assert_eq!(few, [0, 1, 2]);
        ec2.sim.inject_random(RandomFaults { until: Some(noon() + SignedDuration::from_mins(1)), ..throttling(1, 1000) });
        assert_eq!(ec2.call("DescribeRegions", &[]).status, 503);
        ec2.wait(60);
        ec2.ok("DescribeRegions", &[]);
    }

    #[test]
    fn some_actions_only() {
        let (_, ec2) = struck(RandomFaults { actions: ["CopyImage".to_owned()].into(), ..throttling(1, 1000) }, 0);
        ec2.ok("DescribeRegions", &[]);
        assert_eq!(ec2.call("CopyImage", &[]).status, 503);
        ec2.sim.clear_faults();
        assert_eq!(ec2.call("CopyImage", &[]).status, 400);
    }

    #[test]
    fn kinds_come_by_their_weights() {
        let kinds = vec![(3, FaultKind::throttled()), (0, FaultKind::Hang), (1, FaultKind::internal_error())];
        let (_, ec2) = struck(RandomFaults { kinds, ..RandomFaults::new(1, 1000) }, 1000);
        let strikes = ec2.sim.strikes();
        let (often, rarely) = (strikes["error RequestLimitExceeded"], strikes["error InternalError"]);
        assert!((700..800).contains(&often) && often + rarely == 1000, "{strikes:?}");
        let nothing = RandomFaults { kinds: Vec::new(), ..RandomFaults::new(1, 1000) };
        assert_eq!(struck(nothing, 10).0, [0; 0]);
    }

    #[test]
    fn every_usual_kind_comes() {
        let ec2 = Client::of_example();
        ec2.sim.inject_random(RandomFaults::new(1, 1000));
        for _ in 0..500 {
            ec2.deliver("DescribeRegions", &[]);
        }
        assert_eq!(ec2.sim.strikes().len(), RandomFaults::usual_kinds().len());
    }
}
