//! `TerminateInstances`: for good. The instance is described for about an hour yet.

use super::Action;
use crate::error::Error;
use crate::instances::{Change, StateChange};
use crate::query::Params;
use crate::scope::Scope;
use crate::world::{ImageState, InstanceState, Origin, STOP_DURATION, StateReason};
use crate::xml::Xml;

pub(super) struct TerminateInstances(StateChange);

impl Action for TerminateInstances {
    const NAME: &str = "TerminateInstances";

    fn take(params: &mut Params) -> Result<Self, Error> {
        params.ignore(&["Force", "SkipOsShutdown"]);
        StateChange::take(params).map(Self)
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let due = scope.world.due_after(STOP_DURATION);
        self.0.perform(scope, answer, |instance| match instance.state {
            InstanceState::ShuttingDown | InstanceState::Terminated => Ok(Change::None),
            _ => Ok(Change::To(InstanceState::ShuttingDown, due)),
        })?;
        fail_unbegun_images(scope);
        Ok(())
    }
}

/// An image whose snapshots had not been begun when its instance went will never be.
fn fail_unbegun_images(scope: &mut Scope) {
    let now = scope.now();
    let here = scope.here_mut();
    for image in here.images.values_mut() {
        if let Origin::Instance(id) = &image.origin
            && image.state == ImageState::Pending
            && now < image.mapped_from
            && here.instances.get(id).is_some_and(|instance| !instance.is_alive())
        {
            image.fails_with = Some(StateReason::new(
                "Client.InstanceTerminated",
                "Client.InstanceTerminated: The instance was terminated while the image was being created",
            ));
        }
    }
}
