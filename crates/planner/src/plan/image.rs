//! Question 1: which image does this request still want?

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::inventory::{Image, ImageState, RegionView};
use crate::name::image_name;
use crate::plan::{Action, CreateImage, Step};
use crate::policy::ImageRequest;
use crate::tags::{Label, Mark, Tags};

/// After so many names that are taken by something else, something is wrong that another name will not cure.
const ATTEMPTS: u32 = 5;

/// What EC2 told of the instance that is to be backed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceFacts {
    /// Its `Name` tag.
    pub name: Option<String>,
    /// Where it runs.
    pub availability_zone: String,
}

/// What becomes of a request in this round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageDecision<'a> {
    /// The image is to be made.
    Create(Box<Step>),
    /// An earlier call for this very request made it: it is ours to follow.
    Adopt(&'a Image),
    /// Each name it could have is held by something else.
    NamesTaken(String),
}

/// Decides whether the image of a request is there or is to be made.
///
/// An image of the right name is adopted only if its instance and tags are what was asked and it has not failed;
/// otherwise the next attempt's name is tried. `unavailable` are names EC2 refused as taken although nothing of that
/// name could be seen.
pub fn decide<'a>(
    request: &ImageRequest,
    facts: &InstanceFacts,
    view: &'a RegionView,
    unavailable: &BTreeSet<String>,
) -> ImageDecision<'a> {
    let (image_tags, snapshot_tags) = tags(request, facts);
    for attempt in 1..=ATTEMPTS {
        let name = image_name(request, facts.name.as_deref(), attempt);
        let holder = view.images.iter().find(|image| image.name.as_deref() == Some(&name) && image.state != ImageState::Deregistered);
        match holder {
            Some(image) if is_what_was_asked(image, request, &image_tags) => return ImageDecision::Adopt(image),
            Some(_) => {}
            None if unavailable.contains(&name) => {}
            None => {
                let of = facts.name.as_deref().unwrap_or(request.instance.as_str());
                let create = CreateImage {
                    instance: request.instance.clone(),
                    name,
                    description: description(of),
                    reboot: request.reboot,
                    excluded_devices: request.series.as_ref().map(|series| series.excluded_devices.clone()).unwrap_or_default(),
                    image_tags,
                    snapshot_tags,
                };
                return ImageDecision::Create(Box::new(Step { region: request.region.clone(), action: Action::CreateImage(create) }));
            }
        }
    }
    ImageDecision::NamesTaken(image_name(request, facts.name.as_deref(), 1))
}

/// EC2's description field, worded as the seed worded it. EC2 takes 255 characters; the old page on names allows ASCII
/// only, and a description is a courtesy, so anything else is left out.
pub(super) fn description(of: &str) -> String {
    format!("backup-ami for {of}").chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(255).collect()
}

fn tags(request: &ImageRequest, facts: &InstanceFacts) -> (Tags, Tags) {
    let label = Label {
        instance_name: facts.name.clone(),
        instance: request.instance.clone(),
        slot: request.slot,
        availability_zone: facts.availability_zone.clone(),
        expire: request.expire,
        series: request.series.as_ref().map(|series| series.name.clone()),
        carried: request.series.as_ref().map(|series| series.carried.clone()).unwrap_or_default(),
    };
    let tags = label.tags();
    (tags.clone().with_intents(&request.intents()), tags)
}

fn is_what_was_asked(image: &Image, request: &ImageRequest, tags: &Tags) -> bool {
    let usable = matches!(image.state, ImageState::Pending | ImageState::Available);
    usable
        && image.source_instance.as_ref() == Some(&request.instance)
        && match &request.series {
            None => tags.iter().all(|(key, value)| image.tags.get(key) == Some(value)),
            // What is carried over from the instance may have changed since another run asked for the same slot.
            Some(series) => {
                image.tags.mark() == Mark::Ours
                    && image.tags.instance().as_ref() == Some(&request.instance)
                    && image.tags.slot() == Some(request.slot)
                    && image.tags.series().as_ref() == Some(&series.name)
            }
        }
}
