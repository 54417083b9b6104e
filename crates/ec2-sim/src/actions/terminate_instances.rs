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

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, DB, WEB};

    #[test]
    fn takes_volumes_along_and_lingers_for_an_hour() {
        let ec2 = Client::of_example();
        assert_eq!(ec2.ok("TerminateInstances", &[("InstanceId.1", DB)]).texts("name"), ["shutting-down", "running"]);
        ec2.wait(30);
        let state = || ec2.ok("DescribeInstances", &[("InstanceId.1", DB)]).text("name");
        assert_eq!(state(), "terminated");
        // The data volumes were to stay.
        let free = [("Filter.1.Name", "status"), ("Filter.1.Value.1", "available")];
        assert_eq!(ec2.ok("DescribeVolumes", &free).texts("volumeId").len(), 2);
        assert_eq!(ec2.sim.world().region("us-east-1").volumes.len(), 3);
        ec2.wait(3599);
        assert_eq!(state(), "terminated");
        ec2.wait(1);
        assert!(ec2.error("DescribeInstances", &[("InstanceId.1", DB)]).starts_with("InvalidInstanceID.NotFound"));
    }

    #[test]
    fn instances_stop_and_start_and_not_from_everywhere() {
        let ec2 = Client::of_example();
        let web = [("InstanceId.1", WEB)];
        assert_eq!(ec2.ok("StopInstances", &web).texts("name"), ["stopping", "running"]);
        assert_snapshot!(
            ec2.error("StartInstances", &web),
            @"IncorrectInstanceState: The instance 'i-0eb1eb1eb1eb10001' is not in a state from which it can be started."
        );
        ec2.wait(30);
        assert_eq!(ec2.ok("StartInstances", &web).texts("name"), ["pending", "stopped"]);
        assert_snapshot!(
            ec2.error("StopInstances", &web),
            @"IncorrectInstanceState: This instance 'i-0eb1eb1eb1eb10001' is not in a state from which it can be stopped."
        );
        ec2.wait(20);
        assert_eq!(ec2.ok("StartInstances", &web).texts("name"), ["running", "running"]);
        assert_snapshot!(ec2.error("StopInstances", &[]), @"MissingParameter: The request must contain the parameter InstanceId");
    }

    #[test]
    fn all_of_them_or_none() {
        let ec2 = Client::of_example();
        ec2.error("StopInstances", &[("InstanceId.1", WEB), ("InstanceId.2", "i-00000001")]);
        assert_eq!(ec2.sim.world().region("us-east-1").instances[WEB].state.to_string(), "running");
    }
}
