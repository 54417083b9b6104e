//! Instances as a policy sees them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use planner::fleet;
use planner::id::{InstanceId, Region};
use planner::policy::file::Policy;
use planner::policy::select::Candidate;
use planner::tags::Tags;

use crate::account::Account;
use crate::observe;
use crate::outcome::Failure;
use crate::rounds::{Accounts, RegionScope, RunError, in_each};
use crate::translate::Instance;

/// The volumes of a region: tags and size in GiB, by id.
pub(crate) type Volumes = BTreeMap<String, (Tags, u64)>;

/// Instances as EC2 lists them, by region and id.
pub(crate) type Listed = HashMap<(Region, InstanceId), Instance>;

/// The instances of some regions, and which of these could not be read.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    pub(crate) instances: Vec<fleet::Instance>,
    /// The same as EC2 lists them.
    pub(crate) listed: Listed,
    /// Listings of instances that failed: what the instances of these regions say of themselves is not known.
    pub(crate) unread: Vec<Failure>,
    /// Listings of volumes that failed.
    pub(crate) no_volumes: Vec<Failure>,
}

/// All instances of these regions, with their volumes where anybody asks for these.
pub(crate) async fn fleet(account: &Account, regions: &BTreeSet<Region>, with_volumes: bool) -> Fleet {
    let look = |account: Account, region: Region| async move {
        let instances = observe::instances(&account, &region).await?;
        let volumes = if with_volumes && !instances.is_empty() { Some(observe::volumes(&account, &region).await) } else { None };
        Ok((instances, volumes))
    };
    let mut fleet = Fleet::default();
    for (region, answer) in in_each(regions, account, look).await {
        match answer {
            Ok((instances, volumes)) => {
                let volumes = volumes.and_then(|volumes| volumes.map_err(|failure| fleet.no_volumes.push(failure)).ok());
                fleet.instances.extend(instances.iter().map(|instance| instance.seen_in(&region, volumes.as_ref())));
                fleet.listed.extend(instances.into_iter().map(|instance| ((region.clone(), instance.id.clone()), instance)));
            }
            Err(failure) => fleet.unread.push(failure),
        }
    }
    fleet
}

/// Looks for one instance in the accounts of a policy: the policy's name of its account, the instance, and what could not be asked.
///
/// # Errors
/// [`RunError`] if the policy is for one account, and its regions could not be listed, or none of them could be asked.
pub async fn find_instance(
    account: &Account,
    policy: &Policy,
    scope: &RegionScope,
    id: &InstanceId,
) -> Result<(Option<(String, Candidate)>, Vec<String>), RunError> {
    let accounts = Accounts::of(policy, account).await;
    let (mut found, mut unread) = (None, Vec::new());
    for (name, answer) in accounts.ask_each(|_, account| async move { find_in(&account, scope, id).await }).await {
        match answer {
            Ok((candidate, failures)) => {
                found = found.or(candidate.map(|candidate| (name, candidate)));
                unread.extend(failures.iter().map(ToString::to_string));
            }
            Err(error) if accounts.is_one() => return Err(error),
            Err(error) => unread.push(format!("account {name}: {error}")),
        }
    }
    Ok((found, unread))
}

async fn find_in(account: &Account, scope: &RegionScope, id: &InstanceId) -> Result<(Option<Candidate>, Vec<Failure>), RunError> {
    let regions = scope.regions(account).await?;
    let look = |account: Account, region: Region| {
        let id = id.clone();
        async move { observe::instance(&account, &region, &id).await }
    };
    let (mut found, mut failures, mut answered) = (None, Vec::new(), false);
    for (region, answer) in in_each(&regions, account, look).await {
        match answer {
            Ok(instance) => {
                answered = true;
                found = found.or(instance.map(|instance| instance.seen_in(&region, None).candidate()));
            }
            Err(failure) => failures.push(failure),
        }
    }
    match failures.first() {
        Some(failure) if !answered => Err(RunError::Failed(failure.clone())),
        _ => Ok((found, failures)),
    }
}

impl Instance {
    /// As a policy asks about it, with what is known of the region's volumes.
    pub(crate) fn seen_in(&self, region: &Region, volumes: Option<&Volumes>) -> fleet::Instance {
        let volume = |(device, id): (&String, &String)| {
            let known = volumes.and_then(|volumes| volumes.get(id));
            fleet::Volume {
                device: device.clone(),
                size_gib: known.map(|(_, gib)| *gib),
                tags: known.map(|(tags, _)| tags.clone()).unwrap_or_default(),
            }
        };
        fleet::Instance {
            id: self.id.clone(),
            region: region.clone(),
            availability_zone: self.facts.availability_zone.clone(),
            state: self.standing,
            tags: self.tags.clone(),
            root_device: self.root_device.clone(),
            volumes: self.volumes.iter().map(volume).collect(),
        }
    }
}
