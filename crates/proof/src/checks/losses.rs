//! Nothing is lost that is to stay: what has no expiry or an unreadable one, what has not expired, what is kept by keep-last,
//! protected, under way or being copied.

use std::collections::BTreeMap;

use ec2_sim::id::{ImageId, SnapshotId};
use ec2_sim::world::{DeregistrationProtection, Image, ImageState, Origin, Region, Snapshot, SnapshotState};
use ec2_sim::{Outcome, World};
use jiff::Timestamp;

use super::{Place, Witness, covering, deleted_at, images, made_for, snapshots};
use crate::expiry::Meanings;
use crate::known::is_marked;
use crate::process::Ended;

pub(super) fn check(witness: &Witness<'_>) -> Vec<String> {
    let (before, after) = (images(witness.before), images(witness.after));
    let (snapshots_before, snapshots_after) = (snapshots(witness.before), snapshots(witness.after));
    let mut found = Vec::new();
    for (place, image) in before.iter().filter(|(place, image)| !after.contains_key(*place) && is_marked(&image.tags)) {
        let (region, id) = place;
        let at = deleted_at(witness.calls, id.as_str()).unwrap_or(witness.after.clock);
        let mut claim = |why: &str| found.push(format!("{id} in {region} {why}, and is gone"));
        if !witness.ended.iter().any(|ended| ended.purge_policy().is_some() && !ended.command.dry_run && ended.is_about(region)) {
            claim("was nobody's to purge");
        }
        for why in holds(witness.before, witness.meanings, place, image, at) {
            claim(why);
        }
        if let Some(why) = spoken_for(place, image, witness, at) {
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
        let at = deleted_at(witness.calls, place.1.as_str()).unwrap_or(witness.after.clock);
        found.extend(snapshot_lost(witness, place, snapshot, &before, at));
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

/// What else EC2 says against it, where EC2 was asked and could answer, or had to.
fn spoken_for((region, id): &Place<ImageId>, image: &Image, witness: &Witness<'_>, at: Timestamp) -> Option<&'static str> {
    let held = witness.before.region(region);
    let policies = || witness.ended.iter().filter_map(Ended::purge_policy);
    let must = policies().all(|policy| policy.require_checks);
    let is_locked = image.snapshots().filter_map(|id| held.snapshots.get(id)).any(|snapshot| snapshot.is_locked(at));
    if is_locked && (must || was_told(witness, region, "DescribeLockedSnapshots")) {
        return Some("has a locked snapshot");
    }
    let keep_launched = policies().all(|policy| policy.keep_launched);
    if refers(held, id.as_str(), keep_launched) && (must || was_told(witness, region, "DescribeImageReferences")) {
        return Some("is referred to");
    }
    let is_configured = held.launch_configurations.values().any(|configuration| configuration.image_id == *id);
    (is_configured && (must || was_told(witness, region, "DescribeLaunchConfigurations"))).then_some("is a launch configuration's")
}

/// Whether a check was made and answered, every time.
fn was_told(witness: &Witness<'_>, region: &str, action: &str) -> bool {
    let mut calls = witness.calls.iter().filter(|call| call.action == action && call.region == region).peekable();
    witness.delays == 0 && calls.peek().is_some() && calls.all(|call| call.outcome == Outcome::Ok)
}

/// Whether something in a region would launch from an image.
pub(super) fn refers(held: &Region, image: &str, keep_launched: bool) -> bool {
    let is_it = |text: &str| {
        let parameter = text.strip_prefix("resolve:ssm:").and_then(|name| held.parameters.get(name));
        text == image || parameter.is_some_and(|parameter| parameter.value == image)
    };
    let versions = || held.launch_templates.values().flat_map(|template| template.versions.values());
    let is_launched = |instance: &ec2_sim::world::Instance| instance.image_id == *image && instance.is_alive();
    versions().any(|version| version.data.image_id.as_deref().is_some_and(is_it))
        || held.parameters.values().any(|parameter| parameter.value == image)
        || held.image_recipes.values().chain(held.container_recipes.values()).any(|recipe| recipe.parent_image == image)
        || keep_launched && held.instances.values().any(is_launched)
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
    witness: &Witness<'_>,
    (region, id): &Place<SnapshotId>,
    snapshot: &Snapshot,
    images_before: &BTreeMap<Place<ImageId>, &Image>,
    at: Timestamp,
) -> Vec<String> {
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
    let must = witness.ended.iter().filter_map(Ended::purge_policy).all(|policy| policy.require_checks);
    if made_for(snapshot).as_ref().is_some_and(binned) && (must || was_told(witness, region, "ListImagesInRecycleBin")) {
        claim("is what an image in the Recycle Bin would be restored from");
    }
    // A pending or failed image may not name what was made for it.
    if made_for(snapshot).is_some_and(|image| witness.after.region(region).images.contains_key(&image)) {
        claim("was made for an image that is there");
    }
    found
}
