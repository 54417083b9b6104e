//! Once nothing goes wrong any more, three runs at most settle everything: copies that are due are made, what has expired is
//! gone. A further run changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ec2_sim::id::{ImageId, SnapshotId};
use ec2_sim::world::{DeregistrationProtection, Image, ImageState, Origin, Snapshot, SnapshotState, Tags};
use ec2_sim::{Call, Outcome, World};
use jiff::{SignedDuration, Timestamp};
use planner::policy::PurgePolicy;

use super::{Place, Violation, covering, images, is_mutating, losses, made_for, snapshots};
use crate::expiry::Meanings;
use crate::known::is_marked;

const SETTLES: &str = "three runs settle, and a further one changes nothing";

/// A run after everything is settled makes no call that changes anything, and asks only once for what is refused.
pub fn changes_nothing(calls: &[Call]) -> Vec<Violation> {
    let mut asked: BTreeMap<&str, usize> = BTreeMap::new();
    let mut refused = BTreeSet::new();
    for call in calls.iter().filter(|call| is_mutating(call)) {
        let is_refused = matches!(call.outcome, Outcome::Error(_));
        if !is_refused || !refused.insert((&call.region, &call.action, &call.params)) {
            *asked.entry(call.action.as_str()).or_default() += 1;
        }
    }
    let asked: Vec<String> = asked.into_iter().map(|(action, times)| format!("{action} {times} times")).collect();
    if asked.is_empty() { Vec::new() } else { said(format!("it still calls {}", asked.join(", "))) }
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
        // EC2 copies nothing out of the archive.
        let snapshots = &world.region(region).snapshots;
        if source.snapshots().filter_map(|id| snapshots.get(id)).any(Snapshot::is_archived) {
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

/// After the runs that purge: nothing is there any more that was there before the last of them, and that the policy let go then.
pub fn expired_is_gone(
    before: &World,
    after: &World,
    meanings: &Meanings,
    policy: &PurgePolicy,
    purged: impl Fn(&str) -> bool,
) -> Vec<Violation> {
    let (left_images, left_snapshots) = (images(after), snapshots(after));
    free(before, meanings, policy, purged)
        .into_iter()
        .filter(|(region, id)| match id {
            Free::Image(id) => left_images.contains_key(&(region.clone(), id.clone())),
            Free::Snapshot(id) => left_snapshots.contains_key(&(region.clone(), id.clone())),
        })
        .flat_map(|(region, id)| said(format!("{id} in {region} has expired, and is there")))
        .collect()
}

/// A run after those that settle deletes only what has expired or was freed since: before the last of them it had not expired, or
/// something that speaks against its going was there.
pub fn only_what_was_freed_goes(earlier: &World, before: &World, after: &World, meanings: &Meanings) -> Vec<Violation> {
    let (there, left) = (images(earlier), images(after));
    let is_past = |tags: &Tags| meanings.is_past(tags, earlier.clock) != Some(false);
    let mut found = Vec::new();
    for (place, image) in images(before).into_iter().filter(|(place, _)| !left.contains_key(place)) {
        let Some(then) = there.get(&place) else { continue };
        let held = earlier.region(&place.0);
        let snapshots: Vec<&Snapshot> = image.snapshots().filter_map(|id| held.snapshots.get(id)).collect();
        let is_locked = snapshots.iter().any(|snapshot| snapshot.is_locked(earlier.clock));
        let was_kept = meanings.is_past(&image.tags, earlier.clock) != Some(true)
            || snapshots.iter().any(|snapshot| !is_past(&snapshot.tags))
            || is_locked;
        let was_held = is_being_copied(image, &there) || would_strand(earlier, meanings, &place.0, image, &there);
        let is_freed = **then != *image || was_kept || was_held;
        if !is_freed {
            found.extend(said(format!("{} in {} goes only now, and nothing has changed since the run before", image.id, place.0)));
        }
    }
    let left = snapshots(after);
    for (place, snapshot) in snapshots(before).into_iter().filter(|(place, _)| !left.contains_key(place)) {
        let held = earlier.region(&place.0);
        let Some(then) = held.snapshots.get(&place.1) else { continue };
        let is_needed = held.image_using(&place.1).is_some()
            || made_for(snapshot).is_some_and(|image| held.images.contains_key(&image) || held.recycle_bin.images.contains_key(&image));
        if *then == *snapshot && is_past(&snapshot.tags) && !is_needed && !then.is_locked(earlier.clock) {
            found.extend(said(format!("{} in {} goes only now, and nothing has changed since the run before", place.1, place.0)));
        }
    }
    found
}

/// An image or an orphan.
enum Free {
    Image(ImageId),
    Snapshot(SnapshotId),
}

impl fmt::Display for Free {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(id) => id.fmt(f),
            Self::Snapshot(id) => id.fmt(f),
        }
    }
}

fn is_being_copied(image: &Image, held: &BTreeMap<Place<ImageId>, &Image>) -> bool {
    held.values()
        .any(|copy| copy.state == ImageState::Pending && matches!(&copy.origin, Origin::Copy { image_id, .. } if *image_id == image.id))
}

/// What a policy lets go, and nothing speaks for.
fn free(world: &World, meanings: &Meanings, policy: &PurgePolicy, purged: impl Fn(&str) -> bool) -> Vec<(String, Free)> {
    let held = images(world);
    let now = world.clock;
    let mut found = Vec::new();
    if policy.keep_last > 0 || policy.max_deletes.is_some() {
        return found;
    }
    let is_free = |region: &str, image: &Image| {
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
            && !is_being_copied(image, &held)
            && !would_strand(world, meanings, region, image, &held)
            && image.tags.keys().all(looked_at)
    };
    for ((region, id), image) in held.iter().filter(|((region, _), _)| purged(region)) {
        if is_free(region, image) {
            found.push((region.clone(), Free::Image(id.clone())));
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
            found.push((region, Free::Snapshot(id)));
        }
    }
    found
}

/// Whether a snapshot that only this image's mark covers would be left, for a moment or for good: it goes in the call that takes the
/// image, or nobody can be sure that it is found again. In that call all snapshots go, or none.
fn would_strand(world: &World, meanings: &Meanings, region: &str, image: &Image, held: &BTreeMap<Place<ImageId>, &Image>) -> bool {
    let is_for_it = |snapshot: &Snapshot| made_for(snapshot).as_ref() == Some(&image.id);
    let is_anothers = |snapshot: &Snapshot| !is_marked(&snapshot.tags) && snapshot.tags.contains_key("Creator");
    let is_only_covered = |snapshot: &Snapshot| {
        let is_found = is_marked(&snapshot.tags) && snapshot.tags.contains_key("Expire");
        is_for_it(snapshot) && !is_found && !is_anothers(snapshot)
    };
    let goes_along = |id: &SnapshotId| {
        let Some(snapshot) = world.region(region).snapshots.get(id) else { return false };
        let is_ours = is_marked(&snapshot.tags) || !is_anothers(snapshot) && is_for_it(snapshot);
        let is_past = meanings.is_past(&snapshot.tags, world.clock).unwrap_or(is_for_it(snapshot));
        let is_shared = held.iter().any(|((there, _), other)| there == region && other.id != image.id && other.uses(id));
        is_ours && is_past && !is_shared && snapshot.managed_by.is_none()
    };
    let mut named = image.snapshots().filter_map(|id| world.region(region).snapshots.get(id));
    named.any(is_only_covered) && !image.snapshots().all(goes_along)
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
