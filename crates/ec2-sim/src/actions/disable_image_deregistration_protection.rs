//! `DisableImageDeregistrationProtection`: at once, or a day later where a cooldown was asked for.

use jiff::SignedDuration;

use super::Action;
use crate::clock::later;
use crate::error::Error;
use crate::id::ImageId;
use crate::query::Params;
use crate::reference::image_id;
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::world::DeregistrationProtection;
use crate::xml::Xml;

const COOLDOWN: SignedDuration = SignedDuration::from_hours(24);

pub(super) struct DisableImageDeregistrationProtection {
    image_id: ImageId,
}

impl Action for DisableImageDeregistrationProtection {
    const NAME: &str = "DisableImageDeregistrationProtection";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { image_id: image_id(&params.required("ImageId")?)? })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Image(self.image_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let until = later(scope.now(), COOLDOWN);
        let protection = &mut scope.own_image_mut(&self.image_id)?.deregistration_protection;
        *protection = match *protection {
            DeregistrationProtection::Enabled { with_cooldown: true } => DeregistrationProtection::CoolingDown { until },
            DeregistrationProtection::Enabled { .. } => DeregistrationProtection::Disabled,
            same => same,
        };
        answer.leaf("return", true);
        Ok(())
    }
}
