//! `DisableImage`: the image stays, but is hidden, cannot be launched, and is shared with nobody any
//! more.

use super::Action;
use crate::error::Error;
use crate::id::ImageId;
use crate::query::Params;
use crate::reference::{image_id, unavailable};
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::world::ImageState;
use crate::xml::Xml;

pub(super) struct DisableImage {
    image_id: ImageId,
}

impl Action for DisableImage {
    const NAME: &str = "DisableImage";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { image_id: image_id(&params.required("ImageId")?)? })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Image(self.image_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let image = scope.own_image_mut(&self.image_id)?;
        match image.state {
            ImageState::Available => {
                image.state = ImageState::Disabled;
                image.public = false;
                image.launch_permissions.clear();
            }
            ImageState::Disabled => {}
            // Whether a pending image can be disabled is not documented.
            ImageState::Pending | ImageState::Failed => return Err(unavailable(image)),
        }
        answer.leaf("return", true);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Client, DB, WEB};

    #[test]
    fn needs_an_available_image() {
        let ec2 = Client::of_example();
        let pending = ec2.create_image(DB, "nightly");
        assert!(ec2.error("DisableImage", &[("ImageId", &pending)]).starts_with("InvalidAMIID.Unavailable"));
        assert!(ec2.error("EnableImage", &[("ImageId", &pending)]).starts_with("InvalidAMIID.Unavailable"));
        assert!(ec2.error("DisableImage", &[("ImageId", "ami-12345678")]).starts_with("AuthFailure"));
    }

    #[test]
    fn ends_all_sharing() {
        let ec2 = Client::of_example();
        let id = ec2.available_image(WEB, "nightly");
        ec2.sim.world().region_mut("us-east-1").images.values_mut().for_each(|image| image.public = true);
        ec2.ok("DisableImage", &[("ImageId", &id)]);
        ec2.ok("EnableImage", &[("ImageId", &id)]);
        assert!(!ec2.image(&id).public);
    }
}
