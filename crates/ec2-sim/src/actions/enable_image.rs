//! `EnableImage`: a disabled image is available again, though not to those it was once shared with. Not
//! while a snapshot of it is in the archive, or out of it for some days only.

use super::Action;
use crate::devices::check_lasting;
use crate::error::Error;
use crate::id::ImageId;
use crate::query::Params;
use crate::reference::{image_id, unavailable};
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::world::ImageState;
use crate::xml::Xml;

pub(super) struct EnableImage {
    image_id: ImageId,
}

impl Action for EnableImage {
    const NAME: &str = "EnableImage";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { image_id: image_id(&params.required("ImageId")?)? })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Image(self.image_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let image = scope.own_image_mut(&self.image_id)?.clone();
        if image.state == ImageState::Disabled {
            for device in &image.devices {
                check_lasting(device, scope)?;
            }
        }
        let image = scope.own_image_mut(&self.image_id)?;
        match image.state {
            ImageState::Disabled | ImageState::Available => image.state = ImageState::Available,
            ImageState::Pending | ImageState::Failed => return Err(unavailable(image)),
        }
        answer.leaf("return", true);
        Ok(())
    }
}
