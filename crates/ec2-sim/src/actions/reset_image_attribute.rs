//! `ResetImageAttribute`: an image is shared with nobody any more.

use super::Action;
use crate::error::Error;
use crate::id::ImageId;
use crate::query::Params;
use crate::reference::{image_id, unavailable};
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::world::ImageState;
use crate::xml::Xml;

pub(super) struct ResetImageAttribute {
    image_id: ImageId,
}

impl Action for ResetImageAttribute {
    const NAME: &str = "ResetImageAttribute";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let attribute = params.required("Attribute")?;
        if attribute != "launchPermission" {
            return Err(Error::invalid_parameter_value(format!(
                "Value ({attribute}) for parameter attribute is invalid. Only launchPermission can be reset."
            )));
        }
        Ok(Self { image_id: image_id(&params.required("ImageId")?)? })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Image(self.image_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let image = scope.own_image_mut(&self.image_id)?;
        if matches!(image.state, ImageState::Pending | ImageState::Failed) {
            return Err(unavailable(image));
        }
        image.public = false;
        image.launch_permissions.clear();
        answer.leaf("return", true);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, WEB};

    #[test]
    fn ends_all_sharing() {
        let ec2 = Client::of_example();
        let id = ec2.available_image(WEB, "nightly");
        let share = [("ImageId", &id[..]), ("LaunchPermission.Add.1.UserId", "210987654321"), ("LaunchPermission.Add.2.Group", "all")];
        ec2.ok("ModifyImageAttribute", &share);
        ec2.ok("ResetImageAttribute", &[("ImageId", &id), ("Attribute", "launchPermission")]);
        assert!(!ec2.image(&id).public && ec2.image(&id).launch_permissions.is_empty());
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = Client::of_example();
        let pending = ec2.create_image(WEB, "nightly");
        let refused = |id: &str, name: &str| ec2.error("ResetImageAttribute", &[("ImageId", id), ("Attribute", name)]);
        assert_snapshot!(
            refused(&pending, "description"),
            @"InvalidParameterValue: Value (description) for parameter attribute is invalid. Only launchPermission can be reset."
        );
        assert!(refused(&pending, "launchPermission").starts_with("InvalidAMIID.Unavailable"));
        assert!(refused("ami-12345678", "launchPermission").starts_with("AuthFailure"));
    }
}
