//! Nothing is lost that is to stay: what has no expiry or an unreadable one, what has not expired, what is kept by keep-last,
//! protected, under way or being copied.

use std::collections::BTreeMap;

use ec2_sim::id::{ImageId, SnapshotId};
use ec2_sim::world::{DeniedReferences, DeregistrationProtection, Image, ImageState, Origin, Region, Snapshot, SnapshotState};
use ec2_sim::{Call, Outcome, World};
use jiff::Timestamp;

use super::{Place, Witness, covering, deletion, images, made_for, snapshots};
use crate::expiry::Meanings;
use crate::known::is_marked;
use crate::process::Ended;

pub(super) fn check(witness: &Witness<'_>) -> Vec<String> {
    let (before, after) = (images(witness.before), images(witness.after));
    let (snapshots_before, snapshots_after) = (snapshots(witness.before), snapshots(witness.after));
    let mut found = Vec::new();
    let is_lost = |(place, image): &(&Place<ImageId>, &&Image)| {
        !after.contains_key(*place) && is_marked(&image.tags) && !witness.others.deregistered.contains(&place.1)
    };
    for (place, image) in before.iter().filter(is_lost) {
        let (region, id) = place;
        let deletion = deletion(witness, region, id.as_str());
        let at = deletion.map_or(witness.after.clock, |call| call.at);
        let mut claim = |why: &str| found.push(format!("{id} in {region} {why}, and is gone"));
        if !witness.ended.iter().any(|ended| ended.purge_policy().is_some() && !ended.command.dry_run && ended.is_about(region)) {
            claim("was nobody's to purge");
        }
        for why in holds(witness.before, witness.meanings, place, image, at) {
            claim(why);
        }
        if let Some(why) = spoken_for(place, image, &Asked { witness, region, deletion }, at) {
            claim(why);
        }
        if kept_as_newest(place, image, &before, witness) {
            claim("is among the newest to be kept");
        }
        if is_being_copied(place, image, witness, at) {
            claim("was being copied");
        }
    }
    for (place, snapshot) in snapshots_before.iter().filter(|(place, _)| !snapshots_after.contains_key(*place)) {
        let deletion = deletion(witness, &place.0, place.1.as_str());
        found.extend(snapshot_lost(&Asked { witness, region: &place.0, deletion }, place, snapshot, &before));
    }
    found
}

/// What on the image itself speaks against its going.
pub(super) fn holds(world: &World, meanings: &Meanings, (region, _): &Place<ImageId>, image: &Image, at: Timestamp) -> Vec<&'static str> {
    let mut holds = Vec::new();
    match meanings.is_past(&image.tags, at) {
        Some(true) => {}
        Some(false) => holds.push("has not expired, or nobody can say when it will"),
        None => holds.push("has no expiry"),
    }
    match image.deregistration_protection {
        DeregistrationProtection::Disabled => {}
        DeregistrationProtection::CoolingDown { until } if until <= at => {}
        _ => holds.push("is protected"),
    }
    if image.state == ImageState::Pending && image.ends > at {
        holds.push("was still being made");
    }
    // A snapshot that only the image's mark covers could not be found again.
    let outlives = |snapshot: &Snapshot| {
        let is_covered = !snapshot.tags.contains_key("Creator") && made_for(snapshot).as_ref() == Some(&image.id);
        is_covered && meanings.is_past(&snapshot.tags, at) == Some(false)
    };
    let held = world.region(region);
    if image.snapshots().filter_map(|id| held.snapshots.get(id)).any(outlives) {
        holds.push("covers a snapshot that is to stay");
    }
    holds
}

/// What whoever deleted something had asked before.
struct Asked<'a> {
    witness: &'a Witness<'a>,
    region: &'a str,
    deletion: Option<&'a Call>,
}

/// EC2's words for a permission that is missing, and for a call that it does not offer or flatly refuses.
const NO_ANSWER_EVER: [&str; 3] = ["UnauthorizedOperation", "InvalidAction", "SomethingNobodyHasHeardOf"];

impl Asked<'_> {
    /// The purges that may have done it: that one, if it is known.
    fn purges(&self) -> impl Iterator<Item = &Ended> {
        let is_it = |ended: &&Ended| self.deletion.is_none_or(|call| call.access_key == ended.key);
        self.witness.ended.iter().filter(is_it).filter(|ended| ended.purge_policy().is_some())
    }

    /// Whether what a check tells had to be known. Only who may not make it, or finds that it is not offered, goes on without, and not
    /// even then if all checks are required. What fails in passing, or answers nonsense, keeps things as they are.
    fn had_to_know(&self, action: &str) -> bool {
        let must = self.purges().filter_map(Ended::purge_policy).all(|policy| policy.require_checks);
        let earlier = self.witness.calls.iter().take_while(|call| self.deletion.is_none_or(|deletion| !std::ptr::eq(*call, deletion)));
        let by_it = |call: &&Call| self.deletion.is_none_or(|deletion| call.access_key == deletion.access_key);
        let mut asked = earlier.filter(by_it).filter(|call| call.action == action && call.region == self.region);
        let is_hopeless = self.witness.denied.contains(action) || self.witness.before.manners.unknown_actions.contains(action);
        must || !is_hopeless && !asked.any(|call| matches!(&call.outcome, Outcome::Error(code) if NO_ANSWER_EVER.contains(&code.as_str())))
    }

    /// Whether EC2 tells of a reference of that kind when it is asked: it may be too new, and some kinds may be left out silently.
    fn is_told_of(&self, reference: &Reference) -> bool {
        let manners = &self.witness.before.manners;
        let began = self.purges().map(|ended| ended.began).min().unwrap_or(self.witness.before.clock);
        let is_old_enough = reference.since.saturating_add(manners.references_lag).is_ok_and(|known| known <= began);
        let may_be_left_out = manners.references_denied == DeniedReferences::Partial;
        is_old_enough && !(may_be_left_out && reference.permissions.iter().any(|action| self.witness.denied.contains(action)))
    }
}

/// What else EC2 says against it.
fn spoken_for((region, id): &Place<ImageId>, image: &Image, asked: &Asked<'_>, at: Timestamp) -> Option<&'static str> {
    let held = asked.witness.before.region(region);
    let is_locked = image.snapshots().filter_map(|id| held.snapshots.get(id)).any(|snapshot| snapshot.is_locked(at));
    if is_locked && asked.had_to_know("DescribeLockedSnapshots") {
        return Some("has a locked snapshot");
    }
    let keep_launched = asked.purges().filter_map(Ended::purge_policy).all(|policy| policy.keep_launched);
    let counts = |reference: &Reference| (keep_launched || !reference.is_launch) && asked.is_told_of(reference);
    if references(held, id.as_str()).iter().any(counts) && asked.had_to_know("DescribeImageReferences") {
        return Some("is referred to");
    }
    let is_configured = held.launch_configurations.values().any(|configuration| configuration.image_id == *id);
    (is_configured && asked.had_to_know("DescribeLaunchConfigurations")).then_some("is a launch configuration's")
}

/// Something that would launch from an image, or was launched from it.
struct Reference {
    is_launch: bool,
    since: Timestamp,
    /// What EC2 must be allowed to look there.
    permissions: &'static [&'static str],
}

/// Everything in a region that refers to an image, but for launch configurations.
fn references(held: &Region, image: &str) -> Vec<Reference> {
    let is_it = |text: &str| {
        let parameter = text.strip_prefix("resolve:ssm:").and_then(|name| held.parameters.get(name));
        text == image || parameter.is_some_and(|parameter| parameter.value == image)
    };
    let of_kind = |permissions| move |since: Timestamp| Reference { is_launch: false, since, permissions };
    let versions = held.launch_templates.values().flat_map(|template| template.versions.values());
    let versions = versions.filter(|version| version.data.image_id.as_deref().is_some_and(is_it)).map(|version| version.created);
    let parameters = held.parameters.values().filter(|parameter| parameter.value == image).map(|parameter| parameter.changed);
    let images = held.image_recipes.values().filter(|recipe| recipe.parent_image == image).map(|recipe| recipe.created);
    let containers = held.container_recipes.values().filter(|recipe| recipe.parent_image == image).map(|recipe| recipe.created);
    let launched = held.instances.values().filter(|instance| instance.image_id == *image && instance.is_alive());
    let attached = |instance: &ec2_sim::world::Instance| instance.devices.values().map(|device| device.attached).min();
    let launched = launched.map(|instance| attached(instance).unwrap_or(instance.launched));
    versions
        .map(of_kind(&["DescribeLaunchTemplates", "DescribeLaunchTemplateVersions"]))
        .chain(parameters.map(of_kind(&["DescribeParameters", "GetParameters"])))
        .chain(images.map(of_kind(&["ListImageRecipes"])))
        .chain(containers.map(of_kind(&["ListContainerRecipes", "GetContainerRecipe"])))
        .chain(launched.map(|since| Reference { is_launch: true, since, permissions: &["DescribeInstances"] }))
        .collect()
}

/// Whether something in a region would launch from an image.
pub(super) fn refers(held: &Region, image: &str, keep_launched: bool) -> bool {
    references(held, image).iter().any(|reference| keep_launched || !reference.is_launch)
}

/// The instance an image is a backup of, unless its tag and EC2 contradict one another.
fn series(image: &Image) -> Option<&str> {
    let tag = image.tags.get("Instance").map(String::as_str).filter(|text| text.parse::<ec2_sim::id::InstanceId>().is_ok());
    match (&image.origin, tag) {
        (Origin::Instance(instance), Some(tag)) if instance.as_str() != tag => None,
        (Origin::Instance(instance), _) => Some(instance.as_str()),
        (_, tag) => tag,
    }
}

/// Whether fewer than are to be kept were newer than it. Where several purges ran at once the least careful counts.
fn kept_as_newest((region, id): &Place<ImageId>, image: &Image, before: &BTreeMap<Place<ImageId>, &Image>, witness: &Witness<'_>) -> bool {
    let policies = witness.ended.iter().filter(|ended| ended.is_about(region)).filter_map(|ended| ended.purge_policy());
    let keep = usize::try_from(policies.map(|policy| policy.keep_last).min().unwrap_or(0)).unwrap_or(usize::MAX);
    if image.state != ImageState::Available || keep == 0 {
        return false;
    }
    let Some(instance) = series(image) else { return true };
    let now = images(witness.after);
    let is_usable = |place: &Place<ImageId>, other: &Image| {
        // What became available, or came to be, while the purge went on may have been counted.
        other.state == ImageState::Available || now.get(place).is_some_and(|now| now.state == ImageState::Available)
    };
    let counts = |(place, other): &(&Place<ImageId>, &&Image)| {
        place.0 == *region
            && place.1 != *id
            && is_marked(&other.tags)
            && series(other) == Some(instance)
            && other.created >= image.created
            && is_usable(place, other)
    };
    let new = now.iter().filter(|(place, _)| !before.contains_key(*place));
    before.iter().chain(new).filter(counts).count() < keep
}

/// Whether a copy of it was under way in a region that the purge had to look at: one that it was about, or one that the image
/// itself names.
fn is_being_copied((region, id): &Place<ImageId>, image: &Image, witness: &Witness<'_>, at: Timestamp) -> bool {
    images(witness.before).iter().any(|((there, _), copy)| {
        let is_of_it = matches!(&copy.origin, Origin::Copy { image_id, region: of } if image_id == id && of == region);
        let intent = format!("ami-backup:copy-to:{there}");
        let is_looked_at =
            image.tags.contains_key(&intent) || witness.ended.iter().all(|ended| ended.purge_policy().is_some() && ended.is_about(there));
        is_of_it
            && copy.state == ImageState::Pending
            && copy.ends > at
            && copy.visible_from.saturating_add(witness.before.manners.stale_reads).is_ok_and(|seen| seen <= witness.before.clock)
            && is_looked_at
    })
}

fn snapshot_lost(
    asked: &Asked<'_>,
    (region, id): &Place<SnapshotId>,
    snapshot: &Snapshot,
    images_before: &BTreeMap<Place<ImageId>, &Image>,
) -> Vec<String> {
    let witness = asked.witness;
    let at = asked.deletion.map_or(witness.after.clock, |call| call.at);
    let mut found = Vec::new();
    let mut claim = |why: &str| found.push(format!("{id} in {region} {why}, and is gone"));
    let covered = covering(region, snapshot, images_before);
    let image_went = |image: &Image| !witness.after.region(region).images.contains_key(&image.id);
    if !witness.ended.iter().any(|ended| ended.purge_policy().is_some() && !ended.command.dry_run && ended.is_about(region)) {
        claim("was nobody's to purge");
    }
    match witness.meanings.is_past(&snapshot.tags, at) {
        Some(true) => {}
        Some(false) => claim("has not expired, or nobody can say when it will"),
        // Half-tagged backups go as one.
        None if covered.is_some_and(image_went) => {}
        None => claim("has no expiry"),
    }
    let users: Vec<&Image> =
        images_before.iter().filter(|((there, _), image)| there == region && image.uses(id)).map(|(_, image)| *image).collect();
    if users.is_empty() && snapshot.state == SnapshotState::Pending && snapshot.ends > at {
        claim("was still being made");
    }
    if snapshot.is_locked(at) {
        claim("is locked");
    }
    let binned = |image: &ImageId| witness.before.region(region).recycle_bin.images.contains_key(image);
    if made_for(snapshot).as_ref().is_some_and(binned) && asked.had_to_know("ListImagesInRecycleBin") {
        claim("is what an image in the Recycle Bin would be restored from");
    }
    // A pending or failed image may not name what was made for it.
    if made_for(snapshot).is_some_and(|image| witness.after.region(region).images.contains_key(&image)) {
        claim("was made for an image that is there");
    }
    found
}
