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

fn is_there(image: &Image) -> bool {
    image.state != ImageState::Deregistered
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
            if image.owner == world.inventory.account && is_marked(&image.tags) && is_there(image) {
                ours.insert((region.clone(), image.id.to_string()));
            }
        }
        for snapshot in &view.snapshots {
            let used = view.images.iter().any(|image| is_there(image) && names(image, &snapshot.id));
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
                let known: Vec<&Image> = view.images.iter().filter(|image| image.id == remove.image).collect();
                let image = known.first().ok_or(format!("{} is not there", remove.image))?;
                may_go(world, image).map_err(|why| format!("{}: {why}", image.id))?;
                if !gone.insert((region.clone(), image.id.to_string())) {
                    return Err(format!("{} goes twice", image.id));
                }
                for snapshot in &remove.snapshots {
                    if !names(image, snapshot) {
                        return Err(format!("{snapshot} is none of {}", image.id));
                    }
                    snapshot_may_go(world, region, view, snapshot, &gone, true).map_err(|why| format!("{snapshot}: {why}"))?;
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
                snapshot_may_go(world, region, view, snapshot, &gone, false).map_err(|why| format!("{snapshot}: {why}"))?;
                if !gone.insert((region.clone(), snapshot.to_string())) {
                    return Err(format!("{snapshot} goes twice"));
                }
            }
            Action::CreateImage(_) | Action::CopyImage(_) => return Err("a purge makes nothing".to_owned()),
        }
    }
    enough_stay(world, &gone)
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
    region: &Region,
    view: &RegionView,
    id: &SnapshotId,
    gone: &BTreeSet<Place>,
    with_an_image: bool,
) -> Result<(), &'static str> {
    let snapshot = view.snapshots.iter().find(|snapshot| snapshot.id == *id).ok_or("not there")?;
    let is_gone = |image: &Image| gone.contains(&(region.clone(), image.id.to_string()));
    let covered = view.images.iter().any(|image| is_gone(image) && names(image, id) && snapshot.made_for.as_ref() == Some(&image.id));
    if view.images.iter().any(|image| is_there(image) && names(image, id) && !is_gone(image)) {
        Err("an image that stays names it")
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
                if let Some(created) = image.created
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
