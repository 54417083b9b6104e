//! `DisableImage`: the image stays, but is hidden, cannot be launched, and is shared with nobody any
//! more.

use super::Action;
use crate::error::Error;
use crate::id::ImageId;
use crate::query::Params;
use crate::scope::{Scope, image_id, unavailable};
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
