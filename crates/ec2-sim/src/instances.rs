//! What starting, stopping and terminating have in common: a list of instances, each going from one
//! state to another, or none of them.

use jiff::Timestamp;

use crate::error::Error;
use crate::id::InstanceId;
use crate::query::Params;
use crate::scope::Scope;
use crate::world::{Instance, InstanceState};
use crate::xml::Xml;

/// The instances that a call names.
pub(crate) struct StateChange {
    ids: Vec<String>,
}

/// What is to become of one instance.
pub(crate) enum Change {
    None,
    /// A state on the way, and when the way is over.
    To(InstanceState, Timestamp),
}

impl StateChange {
    pub(crate) fn take(params: &mut Params) -> Result<Self, Error> {
        let ids = params.list("InstanceId");
        if ids.is_empty() {
            return Err(Error::missing_parameter("InstanceId"));
        }
        Ok(Self { ids })
    }

    pub(crate) fn perform(
        &self,
        scope: &mut Scope,
        answer: &mut Xml,
        decide: impl Fn(&Instance) -> Result<Change, Error>,
    ) -> Result<(), Error> {
        let changes: Vec<(InstanceId, InstanceState, Change)> = scope
            .instances(&self.ids)?
            .into_iter()
            .map(|instance| Ok((instance.id.clone(), instance.state, decide(instance)?)))
            .collect::<Result<_, Error>>()?;
        let now = scope.now();
        let mut changed = Vec::new();
        for (id, before, change) in changes {
            let mut after = before;
            if let (Change::To(state, due), Some(instance)) = (change, scope.here_mut().instances.get_mut(&id)) {
                after = state;
                instance.state = state;
                instance.next_state_at = Some(due);
                if state == InstanceState::Pending {
                    instance.launched = now;
                }
            }
            changed.push((id, before, after));
        }
        answer.items("instancesSet", changed, |item, (id, before, after)| {
            item.leaf("instanceId", id)
                .element("currentState", |xml| write_state(xml, after))
                .element("previousState", |xml| write_state(xml, before));
        });
        Ok(())
    }
}

/// The number and the name of a state.
pub(crate) fn write_state(xml: &mut Xml, state: InstanceState) {
    xml.leaf("code", state.code()).leaf("name", state);
}
