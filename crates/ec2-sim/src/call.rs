//! The log of calls.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::{metadata, throttle};

/// More calls than this are not kept: the oldest go, so that a server can run for ever.
const KEPT: usize = 10_000;

/// One call that reached the simulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// When, by the world's clock.
    pub at: Timestamp,
    /// The region that the request was signed for.
    pub region: String,
    /// The action; `metadata` for the metadata service.
    pub action: String,
    /// The access key that the request was signed with.
    pub access_key: String,
    /// The parameters as they were sent, without `Action` and `Version`. For the metadata service:
    /// the method and the path.
    pub params: BTreeMap<String, String>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It was refused, with this code.
    Error(String),
    /// The client did not learn what came of it: no answer arrived, or not all of it, or another one.
    Unanswered {
        /// Whether it was done all the same.
        done: bool,
    },
}

impl Outcome {
    /// The same, where the client is not told.
    pub(crate) fn unknown_to_the_caller(self) -> Self {
        Self::Unanswered { done: self.is_done() }
    }

    fn is_done(&self) -> bool {
        matches!(self, Self::Ok | Self::Unanswered { done: true })
    }
}

/// The latest calls, and how many of all calls have changed something.
#[derive(Debug, Default)]
pub(crate) struct Log {
    calls: VecDeque<Call>,
    effects: watch::Sender<u64>,
}

impl Log {
    pub(crate) fn push(&mut self, call: Call) {
        if call.outcome.is_done() && call.action != metadata::ACTION && !throttle::is_non_mutating(&call.action) {
            self.effects.send_modify(|effects| *effects += 1);
        }
        if self.calls.len() == KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.iter().cloned().collect()
    }

    pub(crate) fn effects(&self) -> watch::Receiver<u64> {
        self.effects.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::faults::{Fault, FaultKind, Which};
    use crate::testing::{Client, WEB};

    #[test]
    fn the_oldest_calls_make_room() {
        let call = |number: usize| Call {
            at: Timestamp::UNIX_EPOCH,
            region: String::new(),
            action: number.to_string(),
            access_key: String::new(),
            params: BTreeMap::new(),
            outcome: Outcome::Ok,
        };
        let mut log = Log::default();
        (0..KEPT + 5).for_each(|number| log.push(call(number)));
        assert_eq!(log.calls().len(), KEPT);
        assert_eq!(log.calls()[0].action, "5");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_saves_learns_of_what_has_changed() {
        let ec2 = Client::of_example();
        let waits = async |seen| tokio::time::timeout(Duration::from_secs(1), ec2.sim.effects_beyond(seen)).await.is_err();
        ec2.ok("DescribeImages", &[]);
        ec2.error("CreateImage", &[]);
        ec2.error("CreateImage", &[("InstanceId", WEB), ("Name", "nightly"), ("DryRun", "true")]);
        ec2.sim.inject(Fault::of("StopInstances", Which::First(1), FaultKind::LostRequest));
        ec2.deliver("StopInstances", &[("InstanceId.1", WEB)]);
        assert_eq!(ec2.sim.effects(), 0);
        assert!(waits(0).await);
        ec2.sim.inject(Fault::of("CreateImage", Which::First(1), FaultKind::LostAnswer));
        ec2.deliver("CreateImage", &[("InstanceId", WEB), ("Name", "nightly")]);
        assert_eq!(ec2.sim.effects(), 1);
        assert!(!waits(0).await);
        assert!(waits(1).await);
    }
}
