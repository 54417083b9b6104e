//! Instances that are made up, so that a policy can be replayed where there is nobody to ask which ones there are.

use std::collections::BTreeSet;

use crate::fleet::{Instance, Volume};
use crate::id::{InstanceId, Region, SeriesName};
use crate::policy::file::{Policy, SELF};
use crate::policy::select::{InstanceState, Selector};
use crate::tags::Tags;

/// Where they are, where nothing says it: the first of these to which the target makes no copies.
const REGIONS: [&str; 4] = ["us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2"];

/// So many instances of each target, with one volume of so many GiB, if anything is known of its size. The targets are changed so that
/// each selects its own ones, whatever it selects by: what tags a real one would have is nothing to guess at. Targets of one name in
/// several policies have the same instances, in one region.
pub fn invented(policies: &mut [Policy], of_each: u32, gib: Option<u64>) -> Vec<Instance> {
    let mut names: Vec<SeriesName> = Vec::new();
    for target in policies.iter().flat_map(|policy| &policy.targets) {
        if !names.contains(&target.name) {
            names.push(target.name.clone());
        }
    }
    let mut instances = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let Some(region) = region(policies, name) else { continue };
        let ids: BTreeSet<InstanceId> = (0..of_each).filter_map(|member| format!("i-{number:08x}{member:09x}").parse().ok()).collect();
        for target in policies.iter_mut().flat_map(|policy| &mut policy.targets).filter(|target| target.name == *name) {
            // Whose account it is makes no difference to a replay.
            target.accounts = BTreeSet::from([SELF.to_owned()]);
            target.select = Selector { ids: ids.clone(), ..Selector::default() };
        }
        instances.extend(ids.into_iter().map(|id| invent(id, &region, gib)));
    }
    instances
}

/// A region in which all targets of that name make backups, if there is one; at best one to which none of them makes copies.
fn region(policies: &[Policy], name: &SeriesName) -> Option<Region> {
    let targets = || policies.iter().filter_map(|policy| policy.target(name));
    let named = targets().filter_map(|target| target.regions.as_ref()).flatten().cloned();
    let candidates: Vec<Region> = named.chain(REGIONS.iter().filter_map(|region| region.parse().ok())).collect();
    let is_source = |region: &&Region| targets().all(|target| target.regions.as_ref().is_none_or(|regions| regions.contains(*region)));
    let is_destination = |region: &&Region| targets().any(|target| target.settings.copies.iter().any(|copy| copy.region == **region));
    let sources = || candidates.iter().filter(is_source);
    sources().find(|region| !is_destination(region)).or_else(|| sources().next()).or_else(|| candidates.first()).cloned()
}

fn invent(id: InstanceId, region: &Region, gib: Option<u64>) -> Instance {
    let root = "/dev/xvda".to_owned();
    Instance {
        id,
        region: region.clone(),
        availability_zone: format!("{region}a"),
        state: InstanceState::Running,
        tags: Tags::default(),
        root_device: Some(root.clone()),
        volumes: vec![Volume { device: root, size_gib: gib, tags: Tags::default() }],
    }
}
