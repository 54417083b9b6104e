//! `EnableImageDeregistrationProtection`: nobody can deregister the image, whatever they may do.

use super::Action;
use crate::error::Error;
use crate::id::ImageId;
use crate::query::Params;
use crate::reference::image_id;
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::world::DeregistrationProtection;
use crate::xml::Xml;

pub(super) struct EnableImageDeregistrationProtection {
    image_id: ImageId,
    with_cooldown: bool,
}

impl Action for EnableImageDeregistrationProtection {
    const NAME: &str = "EnableImageDeregistrationProtection";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { image_id: image_id(&params.required("ImageId")?)?, with_cooldown: params.boolean("WithCooldown")?.unwrap_or(false) })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Image(self.image_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let with_cooldown = self.with_cooldown;
        scope.own_image_mut(&self.image_id)?.deregistration_protection = DeregistrationProtection::Enabled { with_cooldown };
        answer.leaf("return", true);
        Ok(())
    }
}
