//! No snapshot of a living image goes: what an image names, and was there, is there as long as the image is.

use super::{Witness, images, snapshots};

pub(super) fn check(witness: &Witness<'_>) -> Vec<String> {
    let (before, after) = (snapshots(witness.before), snapshots(witness.after));
    let mut found = Vec::new();
    for ((region, image), held) in images(witness.after) {
        let is_new = !witness.before.region(&region).images.contains_key(&image);
        for snapshot in held.snapshots() {
            let place = (region.clone(), snapshot.clone());
            if !after.contains_key(&place) && (is_new || before.contains_key(&place)) {
                found.push(format!("{snapshot} in {region} is gone, and {image} is made of it"));
            }
        }
    }
    found
}
