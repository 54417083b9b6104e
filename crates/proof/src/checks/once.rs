//! No second image for one slot, no second copy for one destination: a question that is asked again has one answer.

use std::collections::BTreeMap;

use ec2_sim::world::{Image, ImageState, Origin};

use super::{Witness, images};
use crate::known::is_marked;

pub(super) fn check(witness: &Witness<'_>) -> Vec<String> {
    let mut found = slots(witness);
    found.extend(copies(witness));
    found
}

fn is_usable(image: &Image) -> bool {
    matches!(image.state, ImageState::Pending | ImageState::Available | ImageState::Disabled)
}

/// For each instance, slot and expiry at most as many images as different questions were asked.
fn slots(witness: &Witness<'_>) -> Vec<String> {
    let text = |image: &Image, key: &str| image.tags.get(key).cloned().unwrap_or_default();
    let mut made: BTreeMap<(String, String, String, String), Vec<String>> = BTreeMap::new();
    for ((region, id), image) in images(witness.after) {
        let is_new = !witness.beginning.region(&region).images.contains_key(&id);
        if is_new && is_usable(image) && is_marked(&image.tags) && matches!(image.origin, Origin::Instance(_)) {
            made.entry((region, text(image, "Instance"), text(image, "Date"), text(image, "Expire"))).or_default().push(id.to_string());
        }
    }
    let mut found = Vec::new();
    for ((region, instance, slot, expire), ids) in made {
        let mut questions: Vec<_> = witness
            .asked
            .iter()
            .filter(|asked| asked.instance.as_str() == instance && asked.slot.to_string() == slot && asked.region.as_str() == region)
            .filter(|asked| asked.expire.map_or_else(String::new, |expire| expire.instant().to_string()) == expire)
            .collect();
        questions.dedup_by(|a, b| a == b);
        if ids.len() > questions.len() {
            found.push(format!(
                "{} of {instance} in {region} answer the question of {slot}, asked {} times differently",
                ids.join(" and "),
                questions.len()
            ));
        }
    }
    found
}

/// For each source and destination one copy at most, beside those that others made.
fn copies(witness: &Witness<'_>) -> Vec<String> {
    let mut there: BTreeMap<(String, String, String), Vec<(bool, String)>> = BTreeMap::new();
    for ((region, id), image) in images(witness.after) {
        if let Origin::Copy { image_id, region: of } = &image.origin
            && is_usable(image)
            && is_marked(&image.tags)
        {
            let is_new = !witness.beginning.region(&region).images.contains_key(&id);
            there.entry((of.clone(), image_id.to_string(), region)).or_default().push((is_new, id.to_string()));
        }
    }
    let is_second = |copies: &Vec<(bool, String)>| copies.len() > 1 && copies.iter().any(|(is_new, _)| *is_new);
    there
        .into_iter()
        .filter(|(_, copies)| is_second(copies))
        .map(|((_, source, region), copies)| {
            let ids: Vec<&str> = copies.iter().map(|(_, id)| id.as_str()).collect();
            format!("{} in {region} are all copies of {source}", ids.join(" and "))
        })
        .collect()
}
