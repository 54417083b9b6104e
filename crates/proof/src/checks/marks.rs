//! Nothing outside our mark is touched: whatever is not ours is afterwards what it was, to the byte, but for what time does to
//! it. What is ours may be gone, and is otherwise untouched, too: the product changes no tag once a thing is made.

use ec2_sim::id::{InstanceId, VolumeId};
use ec2_sim::world::{Image, Instance, Origin, Region, Snapshot};

use super::{Witness, covering, images};
use crate::known::{is_marked, our_account};

pub(super) fn check(witness: &Witness<'_>) -> Vec<String> {
    // Time has gone by for what nobody touched, too.
    let mut expected = witness.before.clone();
    expected.settle(witness.after.clock);
    let ours = images(&expected);
    let mut found = Vec::new();
    for (owner, account) in &expected.accounts {
        let is_us = *owner == our_account();
        for (name, before) in &account.regions {
            let after = witness.after.region_of(owner, name);
            for (id, image) in &before.images {
                match after.images.get(id) {
                    Some(now) if now == image || dies_with_its_source(image, witness) => {}
                    Some(_) => found.push(format!("{id} in {name} was changed")),
                    None if is_us && (is_marked(&image.tags) || witness.others.deregistered.contains(id)) => {}
                    None => found.push(format!("{id} in {name}, which is not ours, is gone")),
                }
            }
            for (id, snapshot) in &before.snapshots {
                let is_covered = || !snapshot.tags.contains_key("Creator") && covering(name, snapshot, &ours).is_some();
                let may_go = is_us && (is_marked(&snapshot.tags) || is_covered());
                // One that is still being made goes when it is done.
                let is_only_to_go = |now: &Snapshot| Snapshot { delete_at_end: snapshot.delete_at_end, ..now.clone() } == *snapshot;
                match after.snapshots.get(id) {
                    Some(now) if now == snapshot || may_go && is_only_to_go(now) => {}
                    None if may_go => {}
                    Some(_) => found.push(format!("{id} in {name} was changed")),
                    None => found.push(format!("{id} in {name}, which is not ours, is gone")),
                }
            }
            found.extend(machines(name, before, after, witness));
        }
    }
    found
}

/// Where EC2 lets copies die with their source, a copy may fail because its source rightly went.
fn dies_with_its_source(image: &Image, witness: &Witness<'_>) -> bool {
    let Origin::Copy { image_id, region } = &image.origin else { return false };
    !witness.before.manners.copies_outlive_source && !witness.after.region(region).images.contains_key(image_id)
}

fn machines(name: &str, before: &Region, after: &Region, witness: &Witness<'_>) -> Vec<String> {
    let may_reboot = witness.ended.iter().any(|ended| ended.request.as_ref().is_some_and(|request| request.reboot));
    let mut found = Vec::new();
    let others = |held: &Region| {
        let rules = held.recycle_bin.rules.clone();
        let recipes = (held.image_recipes.clone(), held.container_recipes.clone());
        (held.launch_templates.clone(), held.launch_configurations.clone(), held.parameters.clone(), recipes, rules)
    };
    if others(before) != others(after) {
        found.push(format!("templates, configurations, parameters, recipes or rules in {name} were changed"));
    }
    let terminated = |id: &InstanceId| witness.others.terminated.contains(id);
    for (id, instance) in before.instances.iter().filter(|(id, _)| !terminated(id)) {
        let mut now = after.instances.get(id).cloned();
        if let Some(now) = now.as_mut().filter(|_| may_reboot) {
            now.reboots.clone_from(&instance.reboots);
        }
        if now.as_ref() != Some(instance) {
            found.push(format!("{id} in {name} was changed"));
        }
    }
    let goes_along = |id: &VolumeId| {
        let of = |(_, instance): (_, &Instance)| instance.devices.values().any(|device| device.volume_id == *id);
        before.instances.iter().filter(|(id, _)| terminated(id)).any(of)
    };
    for (id, volume) in before.volumes.iter().filter(|(id, _)| !goes_along(id)) {
        let mut now = after.volumes.get(id).cloned();
        if let Some(now) = &mut now {
            now.last_snapshot = volume.last_snapshot;
        }
        if now.as_ref() != Some(volume) {
            found.push(format!("{id} in {name} was changed"));
        }
    }
    found
}
