//! `CreateLaunchConfiguration` of Auto Scaling: what an Auto Scaling group launches. Other than a launch
//! template it cannot be created for an image that does not exist.

use super::Action;
use super::auto_scaling::validation_error;
use crate::error::Error;
use crate::launch_devices;
use crate::query::Params;
use crate::reference::{image_id, instance_id, unavailable};
use crate::scope::Scope;
use crate::world::{Image, ImageState, LaunchConfiguration, LaunchDevice};
use crate::xml::Xml;

/// Characters of a name.
const LONGEST_NAME: usize = 255;

pub(super) struct CreateLaunchConfiguration {
    name: String,
    image_id: Option<String>,
    instance_type: Option<String>,
    /// The instance to be like, where image or type are not given.
    instance_id: Option<String>,
    key_name: Option<String>,
    user_data: Option<String>,
    security_groups: Vec<String>,
    devices: Vec<LaunchDevice>,
}

impl Action for CreateLaunchConfiguration {
    const NAME: &str = "CreateLaunchConfiguration";

    fn take(params: &mut Params) -> Result<Self, Error> {
        params.ignore(&[
            "AssociatePublicIpAddress",
            "ClassicLinkVPCId",
            "ClassicLinkVPCSecurityGroups",
            "EbsOptimized",
            "IamInstanceProfile",
            "InstanceMonitoring",
            "KernelId",
            "MetadataOptions",
            "PlacementTenancy",
            "RamdiskId",
            "SpotPrice",
        ]);
        Ok(Self {
            name: params.required("LaunchConfigurationName")?,
            image_id: params.text("ImageId"),
            instance_type: params.text("InstanceType"),
            instance_id: params.text("InstanceId"),
            key_name: params.text("KeyName"),
            user_data: params.text("UserData"),
            security_groups: params.structure("SecurityGroups").list("member"),
            devices: launch_devices::take_members(params)?,
        })
    }

    fn perform(self, scope: &mut Scope, _: &mut Xml) -> Result<(), Error> {
        let name = self.name;
        if name.chars().count() > LONGEST_NAME {
            return Err(validation_error(format!(
                "1 validation error detected: Value '{name}' at 'launchConfigurationName' failed to satisfy constraint: \
                 Member must have length less than or equal to {LONGEST_NAME}"
            )));
        }
        if scope.here().launch_configurations.contains_key(&name) {
            return Err(Error::new(
                "AlreadyExists",
                format!("Launch Configuration by this name already exists - A launch configuration already exists with the name {name}"),
            ));
        }
        let model = self.instance_id.map(|id| model(&id, scope)).transpose()?;
        let (model_image, model_type) = model.unzip();
        let (Some(image), Some(instance_type)) = (self.image_id.or(model_image), self.instance_type.or(model_type)) else {
            return Err(validation_error(
                "Valid requests must contain either the InstanceID parameter or both the ImageId and InstanceType parameters.",
            ));
        };
        let image_id = image_of(&image, scope)
            .map(|image| image.id.clone())
            .map_err(|error| validation_error(format!("AMI {image} is invalid: {}", error.message)))?;
        let uuid = scope.world.ids.uuid("launch-configuration");
        let arn =
            format!("arn:aws:autoscaling:{}:{}:launchConfiguration:{uuid}:launchConfigurationName/{name}", scope.region, scope.account);
        let configuration = LaunchConfiguration {
            name: name.clone(),
            arn,
            image_id,
            instance_type,
            created: scope.now(),
            key_name: self.key_name,
            user_data: self.user_data,
            security_groups: self.security_groups,
            devices: self.devices,
        };
        scope.here_mut().launch_configurations.insert(name, configuration);
        Ok(())
    }
}

/// Image and type of the instance that instances are to be like.
fn model(id: &str, scope: &Scope) -> Result<(String, String), Error> {
    let instance = instance_id(id).and_then(|id| scope.instance(&id)).map_err(|error| validation_error(error.message))?;
    Ok((instance.image_id.to_string(), instance.instance_type.clone()))
}

fn image_of<'s>(id: &str, scope: &'s Scope) -> Result<&'s Image, Error> {
    let image = scope.image(&image_id(id)?)?;
    if image.state == ImageState::Available { Ok(image) } else { Err(unavailable(image)) }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, WEB};

    const PLAIN: [(&str, &str); 3] = [("LaunchConfigurationName", "web"), ("ImageId", "ami-12345678"), ("InstanceType", "t3.micro")];

    #[test]
    fn answers_with_nothing() {
        let auto_scaling = Client::of_example().of_service("autoscaling");
        assert_snapshot!(auto_scaling.ok("CreateLaunchConfiguration", &PLAIN).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <CreateLaunchConfigurationResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">
            <ResponseMetadata>
                <RequestId>f89404ee-6fab-4c4a-a8a8-4a90d7928e5c</RequestId>
            </ResponseMetadata>
        </CreateLaunchConfigurationResponse>
        "#);
    }

    #[test]
    fn needs_an_image_that_is_there_but_does_not_hold_it() {
        let ec2 = Client::of_example();
        let auto_scaling = ec2.of_service("autoscaling");
        let image = ec2.available_image(WEB, "nightly");
        let create = |image: &str| {
            let params = [PLAIN[0], ("ImageId", image), PLAIN[2]];
            auto_scaling.call("CreateLaunchConfiguration", &params)
        };
        let refused = create("ami-00000000");
        assert_snapshot!(refused.text("Code"), @"ValidationError");
        assert_snapshot!(refused.text("Message"), @"AMI ami-00000000 is invalid: The image id '[ami-00000000]' does not exist");
        assert_eq!(create(&image).status, 200);
        ec2.ok("DeregisterImage", &[("ImageId", &image)]);
        assert_eq!(auto_scaling.ok("DescribeLaunchConfigurations", &[]).text("ImageId"), image);
    }

    #[test]
    fn may_take_image_and_type_from_an_instance() {
        let auto_scaling = Client::of_example().of_service("autoscaling");
        auto_scaling.ok("CreateLaunchConfiguration", &[PLAIN[0], ("InstanceId", WEB), ("InstanceType", "m7i.large")]);
        let described = auto_scaling.ok("DescribeLaunchConfigurations", &[]);
        assert_eq!((&described.text("ImageId")[..], &described.text("InstanceType")[..]), ("ami-12345678", "m7i.large"));
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let auto_scaling = Client::of_example().of_service("autoscaling");
        auto_scaling.ok("CreateLaunchConfiguration", &PLAIN);
        let create = |params: &[(&str, &str)]| auto_scaling.error("CreateLaunchConfiguration", params);
        assert_snapshot!(
            create(&PLAIN),
            @"AlreadyExists: Launch Configuration by this name already exists - A launch configuration already exists with the name web"
        );
        assert_snapshot!(
            create(&PLAIN[1..]),
            @"ValidationError: The request must contain the parameter LaunchConfigurationName"
        );
        assert_snapshot!(
            create(&[("LaunchConfigurationName", "db"), PLAIN[1]]),
            @"ValidationError: Valid requests must contain either the InstanceID parameter or both the ImageId and InstanceType parameters."
        );
        assert_snapshot!(
            create(&[("LaunchConfigurationName", "db"), ("InstanceId", "i-00000000")]),
            @"ValidationError: The instance ID 'i-00000000' does not exist"
        );
        assert_snapshot!(
            create(&[("LaunchConfigurationName", &"x".repeat(256)), PLAIN[1], PLAIN[2]]).replace(&"x".repeat(256), "xxx"),
            @"ValidationError: 1 validation error detected: Value 'xxx' at 'launchConfigurationName' failed to satisfy constraint: Member must have length less than or equal to 255"
        );
    }
}
