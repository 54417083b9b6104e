//! `StartInstances`.

use super::Action;
use crate::error::Error;
use crate::instances::{Change, StateChange};
use crate::query::Params;
use crate::scope::Scope;
use crate::world::{InstanceState, START_DURATION};
use crate::xml::Xml;

pub(super) struct StartInstances(StateChange);

impl Action for StartInstances {
    const NAME: &str = "StartInstances";

    fn take(params: &mut Params) -> Result<Self, Error> {
        params.ignore(&["AdditionalInfo"]);
        StateChange::take(params).map(Self)
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let due = scope.world.due_after(START_DURATION);
        self.0.perform(scope, answer, |instance| match instance.state {
            InstanceState::Pending | InstanceState::Running => Ok(Change::None),
            InstanceState::Stopped => Ok(Change::To(InstanceState::Pending, due)),
            InstanceState::Stopping | InstanceState::ShuttingDown | InstanceState::Terminated => Err(Error::new(
                "IncorrectInstanceState",
                format!("The instance '{}' is not in a state from which it can be started.", instance.id),
            )),
        })
    }
}
