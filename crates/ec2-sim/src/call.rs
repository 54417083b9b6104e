//! The log of calls.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

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
    /// The client was never answered.
    Unanswered {
        /// Whether it was done all the same.
        done: bool,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Log(VecDeque<Call>);

impl Log {
    pub(crate) fn push(&mut self, call: Call) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(call);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
