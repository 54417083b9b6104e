//! `DisableImageDeprecation`: an image is deprecated no more.

use super::Action;
use crate::error::Error;
use crate::id::ImageId;
use crate::query::Params;
use crate::reference::image_id;
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::xml::Xml;

pub(super) struct DisableImageDeprecation {
    image_id: ImageId,
}

impl Action for DisableImageDeprecation {
    const NAME: &str = "DisableImageDeprecation";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { image_id: image_id(&params.required("ImageId")?)? })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Image(self.image_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let image = scope.own_image_mut(&self.image_id)?;
        if image.public {
            // It must be made private first ("Deprecate an Amazon EC2 AMI"). The code is not documented.
            return Err(Error::new("OperationNotPermitted", "The deprecation of a public image cannot be cancelled."));
        }
        image.deprecation_time = None;
        answer.leaf("return", true);
        Ok(())
    }
}
