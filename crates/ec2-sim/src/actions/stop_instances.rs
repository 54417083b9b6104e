//! `StopInstances`.

use super::Action;
use crate::error::Error;
use crate::instances::{Change, StateChange};
use crate::query::Params;
use crate::scope::Scope;
use crate::world::{InstanceState, STOP_DURATION};
use crate::xml::Xml;

pub(super) struct StopInstances(StateChange);

impl Action for StopInstances {
    const NAME: &str = "StopInstances";

    fn take(params: &mut Params) -> Result<Self, Error> {
        params.ignore(&["Force", "Hibernate", "SkipOsShutdown"]);
        StateChange::take(params).map(Self)
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let due = scope.world.due_after(STOP_DURATION);
        self.0.perform(scope, answer, |instance| match instance.state {
            InstanceState::Stopping | InstanceState::Stopped => Ok(Change::None),
            InstanceState::Running => Ok(Change::To(InstanceState::Stopping, due)),
            InstanceState::Pending | InstanceState::ShuttingDown | InstanceState::Terminated => Err(Error::new(
                "IncorrectInstanceState",
                format!("This instance '{}' is not in a state from which it can be stopped.", instance.id),
            )),
        })
    }
}
