//! Nothing of ours is left where no later run finds it: what was made bears all its tags from the beginning, and no snapshot
//! that a purge would have to find again loses its image without a mark and an expiry of its own.

use std::collections::BTreeMap;

use ec2_sim::id::{ImageId, SnapshotId};
use ec2_sim::world::{Image, ImageState, Origin, Snapshot};

use super::{Place, Witness, images, made_for, snapshots};
use crate::known::is_marked;

pub(super) fn check(witness: &Witness<'_>) -> Vec<String> {
    let (images_before, images_after) = (images(witness.before), images(witness.after));
    let (snapshots_before, snapshots_after) = (snapshots(witness.before), snapshots(witness.after));
    let images_ever = images(witness.beginning);
    let mut found = Vec::new();
    for ((region, id), image) in images_after.iter().filter(|(place, _)| !images_before.contains_key(*place)) {
        if is_debris(image, witness) {
            continue;
        }
        for key in ["Name", "Instance", "Date", "AvailabilityZone"] {
            if !image.tags.contains_key(key) && !matches!(image.origin, Origin::Copy { .. }) {
                found.push(format!("{id} in {region} was made without {key}"));
            }
        }
        if !is_marked(&image.tags) {
            found.push(format!("{id} in {region} was made without our mark"));
        }
        if let Origin::Copy { image_id, region: of } = &image.origin {
            let source = images_after.get(&(of.clone(), image_id.clone())).or(images_before.get(&(of.clone(), image_id.clone())));
            if let Some(source) = source.filter(|source| as_sent(source.tags.get("Expire")) != as_sent(image.tags.get("Expire"))) {
                found.push(format!("{id} in {region} does not expire as its source {} does", source.id));
            }
        }
        // Its snapshots must be found by themselves, should they lose the image.
        for snapshot in image.snapshots().filter_map(|snapshot| snapshots_after.get(&(region.clone(), snapshot.clone()))) {
            if is_new(&snapshots_before, region, snapshot) && snapshot.tags.get("Expire") != image.tags.get("Expire") {
                found.push(format!("{} in {region} does not expire as {id} does", snapshot.id));
            }
        }
    }
    for ((region, id), snapshot) in &snapshots_after {
        if is_new(&snapshots_before, region, snapshot) {
            if !is_marked(&snapshot.tags) {
                found.push(format!("{id} in {region} was made without our mark"));
            }
            continue;
        }
        found.extend(stranded(witness, region, snapshot, &images_ever, &images_after));
    }
    found
}

/// A snapshot that EC2 made for an image of ours which, in this step or in an earlier one, went without it: no later run finds it,
/// unless it bears a mark and an expiry of its own. That another image is made of it does not help: it is no snapshot of that one.
fn stranded(
    witness: &Witness<'_>,
    region: &str,
    snapshot: &Snapshot,
    ever: &BTreeMap<Place<ImageId>, &Image>,
    after: &BTreeMap<Place<ImageId>, &Image>,
) -> Option<String> {
    let place = (region.to_owned(), made_for(snapshot)?);
    let image = ever.get(&place).filter(|image| is_marked(&image.tags) && image.uses(&snapshot.id))?;
    let is_gone_by_us = !after.contains_key(&place)
        && !witness.others.deregistered.contains(&image.id)
        && !witness.others.left_by_ec2.contains(&snapshot.id);
    let is_anothers = !is_marked(&snapshot.tags) && snapshot.tags.contains_key("Creator");
    let is_found = is_marked(&snapshot.tags) && snapshot.tags.contains_key("Expire");
    let what = || format!("{} in {region} was stranded: {} is gone, and no later run finds it", snapshot.id, image.id);
    (is_gone_by_us && !is_anothers && !is_found).then(what)
}

fn is_new(before: &BTreeMap<Place<SnapshotId>, &Snapshot>, region: &str, snapshot: &Snapshot) -> bool {
    !before.contains_key(&(region.to_owned(), snapshot.id.clone()))
}

/// A tag as it can be sent: XML knows no control characters.
fn as_sent(tag: Option<&String>) -> Option<String> {
    tag.map(|text| text.chars().filter(|c| !c.is_control() && *c != '\u{fffd}').collect())
}

/// What EC2 leaves of a copy that failed, where it is of that kind.
fn is_debris(image: &Image, witness: &Witness<'_>) -> bool {
    let is_nameless = image.name.is_empty() && image.tags.is_empty();
    is_nameless && image.state == ImageState::Failed && witness.after.manners.failed_copies_nameless
}
