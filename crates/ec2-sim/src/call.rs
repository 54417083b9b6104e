//! The log of calls.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::{metadata, throttle};

/// More calls than this a server does not keep: the oldest go, so that it can run for ever.
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
    /// How much later than at once it was answered, because of a fault that delays.
    pub late_by: Duration,
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

/// The calls, all of them unless it was told otherwise, and how many have changed something.
#[derive(Debug, Default)]
pub(crate) struct Log {
    calls: VecDeque<Call>,
    /// So many of them are kept; `None` for all.
    most: Option<usize>,
    effects: watch::Sender<u64>,
}

impl Log {
    pub(crate) fn push(&mut self, call: Call) {
        if call.outcome.is_done() && call.action != metadata::ACTION && !throttle::is_non_mutating(&call.action) {
            self.effects.send_modify(|effects| *effects += 1);
        }
        self.calls.push_back(call);
        self.make_room();
    }

    /// From now on only the latest calls are kept.
    pub(crate) fn keep_the_latest(&mut self) {
        self.most = Some(KEPT);
        self.make_room();
    }

    fn make_room(&mut self) {
        let too_many = self.most.map_or(0, |most| self.calls.len().saturating_sub(most));
        self.calls.drain(..too_many);
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
    use super::*;
    use crate::faults::{Fault, FaultKind, Which};
    use crate::testing::{Client, WEB};

    #[test]
    fn the_oldest_calls_make_room_where_a_server_is_to_run_for_ever() {
        let call = |number: usize| Call {
            at: Timestamp::UNIX_EPOCH,
            region: String::new(),
            action: number.to_string(),
            access_key: String::new(),
            params: BTreeMap::new(),
            outcome: Outcome::Ok,
            late_by: Duration::ZERO,
        };
        let mut log = Log::default();
        (0..KEPT + 5).for_each(|number| log.push(call(number)));
        assert_eq!(log.calls().len(), KEPT + 5);
        log.keep_the_latest();
        assert_eq!(log.calls().len(), KEPT);
        assert_eq!(log.calls()[0].action, "5");
        log.push(call(KEPT + 5));
        assert_eq!((log.calls().len(), &log.calls()[0].action[..]), (KEPT, "6"));
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
