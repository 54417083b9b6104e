//! The actions of Auto Scaling that are about launch configurations. The Query protocol is the same; the
//! words for what is refused are not: there are no dry runs, a denial is `AccessDenied`, and a request
//! that is wrong in itself a `ValidationError` (Auto Scaling API reference, "Common errors").

use super::Action;
use super::create_launch_configuration::CreateLaunchConfiguration;
use super::delete_launch_configuration::DeleteLaunchConfiguration;
use super::describe_launch_configurations::DescribeLaunchConfigurations;
use super::invalid_action;
use crate::error::Error;
use crate::query::Params;
use crate::scope::Scope;
use crate::xml::Xml;

/// Performs an action of Auto Scaling by its name.
pub(crate) fn auto_scaling(action: &str, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
    let run = match action {
        CreateLaunchConfiguration::NAME => run::<CreateLaunchConfiguration>,
        DeleteLaunchConfiguration::NAME => run::<DeleteLaunchConfiguration>,
        DescribeLaunchConfigurations::NAME => run::<DescribeLaunchConfigurations>,
        _ => return Err(invalid_action(action)),
    };
    run(scope, answer)
}

fn run<A: Action>(scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
    let action = take::<A>(scope)?;
    if !scope.may(A::NAME) {
        return Err(Error::new(
            "AccessDenied",
            format!(
                "User: {} is not authorized to perform: autoscaling:{action} because no identity-based policy allows the \
                 autoscaling:{action} action",
                scope.caller_arn(),
                action = A::NAME
            ),
        ));
    }
    super::perform(action, scope, answer)
}

/// Reads a request. Whatever is wrong with it has one code.
pub(super) fn take<A: Action>(scope: &Scope) -> Result<A, Error> {
    let mut params = Params::new(scope.form);
    params.ignore(&["Action", "Version"]);
    let action = A::take(&mut params).and_then(|action| params.finish().map(|()| action));
    action.map_err(|error| validation_error(error.message))
}

/// What Auto Scaling and STS call a request that cannot be right.
pub(super) fn validation_error(message: impl Into<String>) -> Error {
    Error::new("ValidationError", message)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::faults::{Fault, FaultKind, Which};
    use crate::http::Delivery;
    use crate::testing::Client;

    #[test]
    fn errors_are_worded_by_auto_scaling() {
        let auto_scaling = Client::of_example().of_service("autoscaling");
        auto_scaling.deny("DescribeLaunchConfigurations");
        let denied = auto_scaling.call("DescribeLaunchConfigurations", &[]);
        assert_eq!(denied.status, 403);
        assert_snapshot!(denied.body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <ErrorResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">
            <Error>
                <Type>Sender</Type>
                <Code>AccessDenied</Code>
                <Message>User: arn:aws:iam::123456789012:user/operator is not authorized to perform: autoscaling:DescribeLaunchConfigurations because no identity-based policy allows the autoscaling:DescribeLaunchConfigurations action</Message>
            </Error>
            <RequestId>f89404ee-6fab-4c4a-a8a8-4a90d7928e5c</RequestId>
        </ErrorResponse>
        "#);
        assert_snapshot!(
            auto_scaling.error("DescribeLaunchConfigurations", &[("DryRun", "true")]),
            @"ValidationError: The parameter DryRun is not recognized"
        );
        assert_snapshot!(
            auto_scaling.error("DescribeImages", &[]),
            @"InvalidAction: The action DescribeImages is not valid for this web service."
        );
        assert_snapshot!(
            auto_scaling.of_service("ec2").error("DescribeLaunchConfigurations", &[]),
            @"InvalidAction: The action DescribeLaunchConfigurations is not valid for this web service."
        );
    }

    #[test]
    fn faults_and_the_log_know_its_actions_too() {
        let auto_scaling = Client::of_example().of_service("autoscaling");
        auto_scaling.sim.inject(Fault::of("DescribeLaunchConfigurations", Which::Nth(1), FaultKind::LostRequest));
        assert_eq!(auto_scaling.deliver("DescribeLaunchConfigurations", &[]), Delivery::Lost);
        auto_scaling.ok("DescribeLaunchConfigurations", &[]);
        assert_eq!(auto_scaling.sim.calls().len(), 2);
        assert_eq!(auto_scaling.sim.calls()[1].action, "DescribeLaunchConfigurations");
    }
}
