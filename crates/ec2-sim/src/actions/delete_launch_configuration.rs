//! `DeleteLaunchConfiguration` of Auto Scaling. There are no Auto Scaling groups here that could be using
//! it.

use super::Action;
use super::auto_scaling::validation_error;
use crate::error::Error;
use crate::query::Params;
use crate::scope::Scope;
use crate::xml::Xml;

pub(super) struct DeleteLaunchConfiguration {
    name: String,
}

impl Action for DeleteLaunchConfiguration {
    const NAME: &str = "DeleteLaunchConfiguration";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { name: params.required("LaunchConfigurationName")? })
    }

    fn perform(self, scope: &mut Scope, _: &mut Xml) -> Result<(), Error> {
        match scope.here_mut().launch_configurations.remove(&self.name) {
            Some(_) => Ok(()),
            None => Err(validation_error(format!("Launch configuration name not found - Launch configuration {} not found", self.name))),
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::Client;

    #[test]
    fn deletes_once() {
        let auto_scaling = Client::of_example().of_service("autoscaling");
        let params = [("LaunchConfigurationName", "web"), ("ImageId", "ami-12345678"), ("InstanceType", "t3.micro")];
        auto_scaling.ok("CreateLaunchConfiguration", &params);
        auto_scaling.ok("DeleteLaunchConfiguration", &params[..1]);
        assert_eq!(auto_scaling.ok("DescribeLaunchConfigurations", &[]).texts("member"), [""; 0]);
        assert_snapshot!(
            auto_scaling.error("DeleteLaunchConfiguration", &params[..1]),
            @"ValidationError: Launch configuration name not found - Launch configuration web not found"
        );
    }
}
