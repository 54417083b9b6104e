//! Whether a backup may be deprecated or protected: only one of ours that the policy keeps, and only as the policy wants it. What is
//! done here only a person undoes.

use jiff::{SignedDuration, Timestamp};

use super::sight::are_alike;
use super::{Check, Fault};
use crate::id::Region;
use crate::inventory::{Image, ImageState, Protection, Scope};
use crate::plan::mend::{Mend, Wish};
use crate::policy::Protect;

/// EC2 takes no date in the past, so one that is overdue is a little late.
const LATE: SignedDuration = SignedDuration::from_mins(10);

impl Check<'_, '_> {
    pub(super) fn mend(&mut self, region: &Region, mend: &Mend) {
        let id = &mend.image;
        let sight = self.sight.regions.get(region).filter(|region| !matches!(region.scope, Scope::Unseen(_)));
        let images = sight.and_then(|region| region.images.get(id)).cloned().unwrap_or_default();
        self.require(!images.is_empty(), region, id, Fault::NotSeen);
        self.require(are_alike(&images), region, id, Fault::ListedUnlike);
        for image in images {
            self.mend_image(region, image, mend.wish);
        }
    }

    fn mend_image(&mut self, region: &Region, image: &Image, wish: Wish) {
        let id = &image.id;
        self.require(self.sight.owns(image.owner.as_ref()), region, id, Fault::NotOwned);
        self.require(image.tags.get("Creator") == Some("image-instance"), region, id, Fault::NotMarked);
        self.require(image.state != ImageState::Deregistered, region, id, Fault::Deregistered);
        self.require(image.state != ImageState::Pending, region, id, Fault::Pending);
        // Somebody has said how long it stays: it is not the policy's to look after.
        self.require(image.tags.get("Expire").is_none(), region, id, Fault::NotOfPolicy);
        let Some(series) = &self.series else { return };
        let wants = series.kept_by(region, image).and_then(|(rule, slot)| {
            let as_wanted = match wish {
                Wish::Deprecation { at } => {
                    let due = rule.deprecate_after.map(|after| after.after(slot, &rule.zone));
                    image.deprecation != Some(at) && due.is_some_and(|due| self.is_in_time(at, due))
                }
                Wish::Protection { with_cooldown } => {
                    image.protection == Protection::Off && rule.protect.map(|how| how == Protect::WithCooldown) == Some(with_cooldown)
                }
            };
            if as_wanted && image.state == ImageState::Available { Ok(()) } else { Err(Fault::NotWanted) }
        });
        if let Err(fault) = wants {
            self.object(region, id, fault);
        }
    }

    /// Whether a date is no sooner than it is due, and within its minute, or as soon as can be.
    fn is_in_time(&self, at: Timestamp, due: Timestamp) -> bool {
        let within = |limit: SignedDuration, from: Timestamp| at.duration_since(from) < limit;
        at >= due && at > self.now && (within(SignedDuration::from_mins(1), due) || within(LATE, self.now))
    }
}
