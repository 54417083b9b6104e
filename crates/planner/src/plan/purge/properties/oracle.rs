//! Says what may go, in the plainest way, knowing nothing of how it was decided: linear searches, raw tags, and the
//! texts of `Expire` that the worlds are made with.

use super::worlds::{PAST, Place, World};
use super::*;

fn is_marked(tags: &crate::tags::Tags) -> bool {
    tags.get("Creator") == Some("image-instance")
}

fn is_past(tags: &crate::tags::Tags) -> bool {
    tags.get("Expire").is_some_and(|text| PAST.contains(&text))
}

/// Whether an image is there: no page says that it is not.
fn is_there(view: &RegionView, image: &Image) -> bool {
    !view.images.iter().any(|other| other.id == image.id && other.state == ImageState::Deregistered)
}

fn told<T>(answer: &Answer<T>) -> Option<&T> {
    if let Answer::Told(told) = answer { Some(told) } else { None }
}

fn names(image: &Image, snapshot: &SnapshotId) -> bool {
    image.mappings.iter().any(|mapping| mapping.snapshot.as_ref() == Some(snapshot))
}

/// The regions that may be purged, with what is in them.
fn open(World { inventory, policy }: &World) -> impl Iterator<Item = (&Region, &RegionView)> {
    inventory
        .regions
        .iter()
        .filter(|(region, view)| inventory.account.is_some() && policy.regions.contains(region) && view.scope == Scope::Whole)
}

/// All backups and orphans that a purge has to speak of.
pub(super) fn ours(world: &World) -> BTreeSet<Place> {
    let mut ours = BTreeSet::new();
    for (region, view) in open(world) {
        for image in &view.images {
            if image.owner == world.inventory.account && is_marked(&image.tags) && is_there(view, image) {
                ours.insert((region.clone(), image.id.to_string()));
            }
        }
        for snapshot in &view.snapshots {
            let used = view.images.iter().any(|image| is_there(view, image) && names(image, &snapshot.id));
            if snapshot.owner == world.inventory.account && is_marked(&snapshot.tags) && !used {
                ours.insert((region.clone(), snapshot.id.to_string()));
            }
        }
    }
    ours
}

/// Whether everything that a plan deletes may be deleted, in this order; if not, what may not.
pub(super) fn approves(world: &World, plan: &Plan) -> Result<(), String> {
    let mut gone: BTreeSet<Place> = BTreeSet::new();
    for Step { region, action } in &plan.steps {
        let (_, view) = open(world).find(|(open, _)| *open == region).ok_or(format!("{region} is closed"))?;
        match action {
            Action::RemoveImage(remove) => {
                let mut known = view.images.iter().filter(|image| image.id == remove.image);
                let image = known.next().ok_or(format!("{} is not there", remove.image))?;
                may_go(world, image).map_err(|why| format!("{}: {why}", image.id))?;
                for again in known {
                    is_like(image, again).map_err(|why| format!("{}: {why}", image.id))?;
                }
                is_let_go(world, &view.evidence, image).map_err(|why| format!("{}: {why}", image.id))?;
                if !gone.insert((region.clone(), image.id.to_string())) {
                    return Err(format!("{} goes twice", image.id));
                }
                for snapshot in &remove.snapshots {
                    if !names(image, snapshot) {
                        return Err(format!("{snapshot} is none of {}", image.id));
                    }
                    snapshot_may_go(world, plan, region, view, snapshot, &gone, true).map_err(|why| format!("{snapshot}: {why}"))?;
                }
                let alone = |id: &SnapshotId| {
                    let snapshot = view.snapshots.iter().find(|snapshot| snapshot.id == *id);
                    snapshot.is_some_and(|snapshot| {
                        let ours = snapshot.owner == world.inventory.account && snapshot.made_for.as_ref() == Some(&image.id);
                        let unfindable = match snapshot.tags.get("Creator") {
                            None => true,
                            Some(creator) => creator == "image-instance" && snapshot.tags.get("Expire").is_none(),
                        };
                        ours && unfindable
                    })
                };
                let own: Vec<&SnapshotId> = image.mappings.iter().filter_map(|mapping| mapping.snapshot.as_ref()).collect();
                if own.iter().any(|id| alone(id) && (!remove.covered.contains(id) || !remove.all_snapshots)) {
                    return Err(format!("{} leaves a snapshot that nobody would find", image.id));
                }
                let all = image.mappings.iter().all(|mapping| mapping.snapshot.as_ref().is_some_and(|id| remove.snapshots.contains(id)));
                if remove.all_snapshots && !all {
                    return Err(format!("not all snapshots of {} go", image.id));
                }
                for snapshot in &remove.snapshots {
                    if !gone.insert((region.clone(), snapshot.to_string())) {
                        return Err(format!("{snapshot} goes twice"));
                    }
                }
            }
            Action::DeleteSnapshot(snapshot) => {
                snapshot_may_go(world, plan, region, view, snapshot, &gone, false).map_err(|why| format!("{snapshot}: {why}"))?;
                if !gone.insert((region.clone(), snapshot.to_string())) {
                    return Err(format!("{snapshot} goes twice"));
                }
            }
            Action::CreateImage(_) | Action::CopyImage(_) | Action::Retag(_) | Action::Mend(_) => {
                return Err("a purge makes nothing".to_owned());
            }
        }
    }
    enough_stay(world, &gone)?;
    within_the_cap(world, plan)
}

fn within_the_cap(world: &World, plan: &Plan) -> Result<(), String> {
    match world.policy.max_deletes {
        Some(cap) if cap.is_exceeded(plan.steps.len(), ours(world).len()) => Err("too many".to_owned()),
        Some(_) | None => Ok(()),
    }
}

fn is_like(one: &Image, other: &Image) -> Result<(), &'static str> {
    let sorted = |image: &Image| {
        let mut image = image.clone();
        image.mappings.sort();
        image
    };
    if sorted(one) == sorted(other) { Ok(()) } else { Err("listed twice, and not alike") }
}

/// Whether no evidence speaks against the going of an image, and all of it was looked for where it has to be.
fn is_let_go(world: &World, evidence: &Evidence, image: &Image) -> Result<(), &'static str> {
    let policy = &world.policy;
    let would_launch = |told: Option<&BTreeMap<ImageId, Vec<Reference>>>| {
        let references = told.into_iter().flatten().filter(|(of, _)| **of == image.id).flat_map(|(_, references)| references);
        references.into_iter().any(|reference| policy.keep_launched || reference.kind.to_string() != "instance")
    };
    let (references, configurations) = (told(&evidence.references), told(&evidence.launch_configurations));
    let has_snapshots = image.mappings.iter().any(|mapping| mapping.snapshot.is_some());
    let all_asked = references.is_some_and(|told| told.keys().any(|of| *of == image.id))
        && configurations.is_some()
        && (told(&evidence.locks).is_some() || !has_snapshots);
    if image.mappings.iter().filter_map(|mapping| mapping.snapshot.as_ref()).any(|snapshot| is_locked(evidence, snapshot)) {
        Err("locked")
    } else if would_launch(references) || would_launch(configurations) {
        Err("referenced")
    } else if is_binned(evidence, &image.id) {
        Err("in the bin")
    } else if policy.require_checks && !all_asked {
        Err("not checked")
    } else if references.is_some_and(|told| !told.keys().any(|of| *of == image.id)) {
        Err("not told of, while others are")
    } else if broke_off(&evidence.references) || broke_off(&evidence.launch_configurations) || broke_off(&evidence.locks) && has_snapshots {
        Err("checks that broke off")
    } else {
        Ok(())
    }
}

fn broke_off<T>(answer: &Answer<T>) -> bool {
    matches!(answer, Answer::Failed(_))
}

fn is_locked(evidence: &Evidence, snapshot: &SnapshotId) -> bool {
    told(&evidence.locks).into_iter().flatten().any(|(locked, state)| locked == snapshot && state != "expired")
}

fn is_binned(evidence: &Evidence, image: &ImageId) -> bool {
    told(&evidence.binned).into_iter().flatten().any(|binned| binned == image)
}

fn may_go(World { inventory, .. }: &World, image: &Image) -> Result<(), &'static str> {
    let is_copying = |copy: &Image| {
        let source = copy.source_image.as_ref().map(|source| &source.id);
        copy.state == ImageState::Pending && copy.source_instance.is_none() && source == Some(&image.id)
    };
    let may_be_copying = |text: &str| match text.parse::<Region>() {
        Ok(region) => inventory.regions.get(&region).is_none_or(|view| matches!(view.scope, Scope::Unseen(_))),
        Err(_) => false,
    };
    if image.owner != inventory.account || !is_marked(&image.tags) {
        Err("not ours")
    } else if !is_past(&image.tags) {
        Err("not expired")
    } else if matches!(image.state, ImageState::Pending | ImageState::Deregistered) {
        Err("not in a state to go")
    } else if image.protection != Protection::Off {
        Err("protected")
    } else if inventory.regions.values().flat_map(|view| &view.images).any(is_copying) {
        Err("being copied")
    } else if image.tags.iter().filter_map(|(key, _)| key.strip_prefix("ami-backup:copy-to:")).any(may_be_copying) {
        Err("perhaps being copied")
    } else {
        Ok(())
    }
}

fn snapshot_may_go(
    world: &World,
    plan: &Plan,
    region: &Region,
    view: &RegionView,
    id: &SnapshotId,
    gone: &BTreeSet<Place>,
    with_an_image: bool,
) -> Result<(), &'static str> {
    let mut known = view.snapshots.iter().filter(|snapshot| snapshot.id == *id);
    let snapshot = known.next().ok_or("not there")?;
    let evidence = &view.evidence;
    let for_living = |image: &&Image| is_there(view, image) && snapshot.made_for.as_ref() == Some(&image.id);
    let goes = |image: &Image| {
        plan.steps
            .iter()
            .any(|step| step.region == *region && matches!(&step.action, Action::RemoveImage(remove) if remove.image == image.id))
    };
    let outlives = snapshot.made_for.is_some() && !view.images.iter().any(|image| for_living(&image));
    let is_gone = |image: &Image| gone.contains(&(region.clone(), image.id.to_string()));
    let covered = view.images.iter().any(|image| is_gone(image) && names(image, id) && snapshot.made_for.as_ref() == Some(&image.id));
    if known.any(|again| again != snapshot) {
        Err("listed twice, and not alike")
    } else if view.images.iter().any(|image| is_there(view, image) && names(image, id) && !(with_an_image && is_gone(image))) {
        Err("an image that stays names it")
    } else if view.images.iter().filter(for_living).any(|image| !goes(image)) {
        Err("made for an image that stays")
    } else if snapshot.state == SnapshotState::Pending && !with_an_image {
        Err("being made")
    } else if is_locked(evidence, id) {
        Err("locked")
    } else if snapshot.made_for.as_ref().is_some_and(|image| is_binned(evidence, image)) {
        Err("made for what lies in the bin")
    } else if world.policy.require_checks && outlives && told(&evidence.binned).is_none() {
        Err("the bin not looked into")
    } else if outlives && broke_off(&evidence.binned) {
        Err("the look into the bin broke off")
    } else if !with_an_image && broke_off(&evidence.locks) {
        Err("the look for locks broke off")
    } else if world.policy.require_checks && !with_an_image && told(&evidence.locks).is_none() {
        Err("locks not asked for")
    } else if snapshot.owner != world.inventory.account {
        Err("another account's")
    } else if !is_marked(&snapshot.tags) && (snapshot.tags.get("Creator").is_some() || !covered || !with_an_image) {
        Err("not ours")
    } else if !is_past(&snapshot.tags) && (snapshot.tags.get("Expire").is_some() || !covered || !with_an_image) {
        Err("not expired")
    } else {
        Ok(())
    }
}

/// Whether the newest available backups of each instance are still there.
fn enough_stay(world: &World, gone: &BTreeSet<Place>) -> Result<(), String> {
    for (region, view) in open(world) {
        for instance in ["i-00000001", "i-00000002"] {
            let of_instance = |image: &&Image| {
                let tag = image.tags.get("Instance").filter(|tag| *tag != "web-1");
                let source = image.source_instance.as_ref().map(InstanceId::as_str);
                tag.or(source) == Some(instance) && source.or(tag) == Some(instance)
            };
            let mut series: BTreeMap<ImageId, Timestamp> = BTreeMap::new();
            for image in view.images.iter().filter(of_instance) {
                let again = view.images.iter().filter(|again| again.id == image.id);
                if let Some(created) = image.created
                    && again.clone().all(|again| is_like(image, again).is_ok())
                    && image.state == ImageState::Available
                    && image.owner == world.inventory.account
                    && is_marked(&image.tags)
                {
                    series.insert(image.id.clone(), created);
                }
            }
            let went = |id: &ImageId| gone.contains(&(region.clone(), id.to_string()));
            let stay: Vec<Timestamp> = series.iter().filter(|(id, _)| !went(id)).map(|(_, created)| *created).collect();
            let wanted = usize::try_from(world.policy.keep_last).unwrap().min(series.len());
            let newest_gone = series.iter().filter(|(id, _)| went(id)).map(|(_, created)| *created).max();
            let newer = stay.iter().filter(|created| newest_gone.is_none_or(|gone| gone <= **created)).count();
            if newer < wanted {
                return Err(format!("of {instance} in {region} only {newer} of the newest {wanted} stay"));
            }
        }
    }
    Ok(())
}
