//! Once nothing goes wrong any more, three runs at most settle everything: copies that are due are made, what has expired is
//! gone. A further run changes nothing.

use ec2_sim::world::{DeregistrationProtection, Image, ImageState, Origin, Snapshot, SnapshotState};
use ec2_sim::{Call, World};
use jiff::{SignedDuration, Timestamp};
use planner::policy::PurgePolicy;

use super::{Violation, covering, images, is_mutating, losses, made_for, snapshots};
use crate::expiry::Meanings;
use crate::known::is_marked;

const SETTLES: &str = "three runs settle, and a further one changes nothing";

/// A run after everything is settled makes no call that changes anything.
pub fn changes_nothing(calls: &[Call]) -> Vec<Violation> {
    let changing: Vec<&str> = calls.iter().filter(|call| is_mutating(call)).map(|call| call.action.as_str()).collect();
    if changing.is_empty() { Vec::new() } else { said(format!("it still calls {}", changing.join(", "))) }
}

/// After the last of the runs that settle copies: every copy that somebody wanted, and that can be made, is there.
pub fn copies_are_done(world: &World, meanings: &Meanings) -> Vec<Violation> {
    let held = images(world);
    let now = world.clock;
    let mut found = Vec::new();
    for ((region, id), source) in &held {
        if !is_marked(&source.tags) || source.state != ImageState::Available || matches!(source.origin, Origin::Copy { .. }) {
            continue;
        }
        if meanings.left(&source.tags, now).is_some_and(|left| left < SignedDuration::from_hours(1)) {
            continue;
        }
        for (key, value) in &source.tags {
            let Some(destination) = key.strip_prefix("ami-backup:copy-to:") else { continue };
            let is_open = world.regions.get(destination).is_some_and(ec2_sim::world::RegionFacts::is_enabled);
            if !is_open || destination == region || !is_wanted(value, now) {
                continue;
            }
            let copies: Vec<&Image> = held
                .iter()
                .filter(|((there, _), copy)| {
                    there == destination && matches!(&copy.origin, Origin::Copy { image_id, region: of } if image_id == id && of == region)
                })
                .map(|(_, copy)| *copy)
                .collect();
            let is_there = |copy: &&Image| is_marked(&copy.tags) && !matches!(copy.state, ImageState::Failed) && is_done_or_never(copy);
            let failed = copies.iter().filter(|copy| copy.state == ImageState::Failed).count();
            if !copies.iter().any(is_there) && failed < 3 {
                found.extend(said(format!("{id} in {region} is not copied to {destination}, where {failed} copies failed")));
            }
        }
    }
    found
}

/// Whether a copy is there, or stuck for good.
fn is_done_or_never(copy: &Image) -> bool {
    copy.state != ImageState::Pending || copy.ends == Timestamp::MAX
}

/// Whether an intent tag asks for a copy at that instant, and may be granted.
fn is_wanted(value: &str, now: Timestamp) -> bool {
    let mut words = value.split(' ');
    let until = words.next().and_then(|word| word.strip_prefix("until=")).and_then(|until| until.parse::<Timestamp>().ok());
    until.is_some_and(|until| now <= until)
}

/// After the last of the runs that purge: nothing is there that the policy lets go.
pub fn expired_is_gone(world: &World, meanings: &Meanings, policy: &PurgePolicy, purged: impl Fn(&str) -> bool) -> Vec<Violation> {
    let held = images(world);
    let now = world.clock;
    let mut found = Vec::new();
    if policy.keep_last > 0 || policy.max_deletes.is_some() {
        return found;
    }
    let is_free = |region: &str, image: &Image| {
        let copied = |copy: &&Image| {
            copy.state == ImageState::Pending && matches!(&copy.origin, Origin::Copy { image_id, .. } if *image_id == image.id)
        };
        // A destination that cannot be looked at keeps its source.
        let looked_at = |key: &String| {
            let destination = key.strip_prefix("ami-backup:copy-to:");
            destination
                .is_none_or(|name| !is_region_name(name) || world.regions.get(name).is_some_and(ec2_sim::world::RegionFacts::is_enabled))
        };
        is_marked(&image.tags)
            && losses::holds(world, meanings, &(region.to_owned(), image.id.clone()), image, now).is_empty()
            && image.deregistration_protection == DeregistrationProtection::Disabled
            && image.state != ImageState::Pending
            && image.managed_by.is_none()
            && !losses::refers(world.region(region), image.id.as_str(), policy.keep_launched)
            && !world.region(region).launch_configurations.values().any(|configuration| configuration.image_id == image.id)
            && !image.snapshots().filter_map(|id| world.region(region).snapshots.get(id)).any(|snapshot| snapshot.is_locked(now))
            && !held.values().any(copied)
            && image.tags.keys().all(looked_at)
    };
    for ((region, id), image) in held.iter().filter(|((region, _), _)| purged(region)) {
        if is_free(region, image) {
            found.extend(said(format!("{id} in {region} has expired, and is there")));
        }
    }
    for ((region, id), snapshot) in snapshots(world).into_iter().filter(|((region, _), _)| purged(region)) {
        let is_used = held.iter().any(|((there, _), image)| *there == region && image.uses(&id));
        let is_wanted = made_for(snapshot).is_some_and(|image| world.region(&region).recycle_bin.images.contains_key(&image));
        if is_wanted || snapshot.is_locked(now) || snapshot.managed_by.is_some() {
            continue;
        }
        let is_awaited = made_for(snapshot).is_some_and(|image| held.contains_key(&(region.clone(), image)));
        if !is_used && !is_awaited && is_over(snapshot, meanings, now) && covering(&region, snapshot, &held).is_none() {
            found.extend(said(format!("{id} in {region} has expired, and is there")));
        }
    }
    found
}

fn is_over(snapshot: &Snapshot, meanings: &Meanings, now: Timestamp) -> bool {
    is_marked(&snapshot.tags) && meanings.is_past(&snapshot.tags, now) == Some(true) && snapshot.state != SnapshotState::Pending
}

/// Whether a text looks like the name of a region: two letters, words, a number.
fn is_region_name(text: &str) -> bool {
    let mut parts = text.split('-');
    let starts = parts.next().is_some_and(|part| part.len() == 2);
    starts && parts.next_back().is_some_and(|part| part.parse::<u8>().is_ok())
}

fn said(what: String) -> Vec<Violation> {
    vec![Violation { checker: SETTLES, what }]
}
