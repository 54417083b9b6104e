//! `retire`: the backups of an instance that is gone get an expiry.

use std::collections::BTreeSet;

use planner::expiry::Expiry;
use planner::id::{InstanceId, Region};
use planner::inventory::{Inventory, RegionView};
use planner::plan::retag::{Change, RetagRequest};
use planner::plan::retire::{Tail, decide};
use planner::policy::select::InstanceState;

use crate::account::Account;
use crate::observe;
use crate::report::{RetireReport, RetiredBackup};
use crate::rounds::{Ending, RegionScope, Run, RunError, in_each, retag};

/// Gives every backup that a policy made of an instance an expiry, on image and snapshots, unless it has one or is pinned. All regions
/// are looked at, those that are enabled as `asked` tells: the instance may be in another than its backups.
///
/// # Errors
/// [`RunError`] if the instance is there, or if it or its backups could not be looked for everywhere: then nothing was changed.
pub async fn retire(run: &Run<'_>, asked: &Region, instance: &InstanceId, at: Expiry) -> Result<RetireReport, RunError> {
    let now = run.clock.now();
    let regions = RegionScope::AllEnabled { asked: asked.clone() }.regions(run.account).await?;
    is_gone(run, &regions, instance).await?;
    let look = |account: Account, region: Region| {
        let instance = instance.clone();
        async move { observe::backups_of(&account, &region, &instance).await }
    };
    let mut inventory = Inventory::default();
    for (region, images) in in_each(&regions, run.account, look).await {
        inventory.regions.insert(region, RegionView::partial(images.map_err(RunError::Failed)?));
    }
    observe::settle_account(&mut inventory);
    let mut backups = Vec::new();
    for (region, backup, tail) in decide(&inventory, instance) {
        let (mut changed, mut failure) = (false, None);
        if tail == Tail::Expires && !run.dry_run && !run.stop.is_requested() {
            let request = RetagRequest { image: backup.image.clone(), change: Change::Expire { at } };
            match retag(run, &RegionScope::These([region.clone()].into()), &request).await {
                Ok(report) => changed = report.changed,
                // It has gone meanwhile.
                Err(RunError::NoBackup(_)) => continue,
                Err(why) => failure = Some(why.to_string()),
            }
        }
        backups.push(RetiredBackup { region, backup, tail, changed, failure });
    }
    let ending = ending(run, &backups);
    let instance = instance.clone();
    Ok(RetireReport { version: 1, command: "retire".to_owned(), dry_run: run.dry_run, now, instance, expire: at, backups, ending })
}

/// Where nobody can say that it is gone, it is taken to be there.
async fn is_gone(run: &Run<'_>, regions: &BTreeSet<Region>, instance: &InstanceId) -> Result<(), RunError> {
    let look = |account: Account, region: Region| {
        let instance = instance.clone();
        async move { observe::instance(&account, &region, &instance).await }
    };
    for (region, found) in in_each(regions, run.account, look).await {
        let Some(found) = found.map_err(RunError::Failed)? else { continue };
        if !matches!(found.standing, InstanceState::ShuttingDown | InstanceState::Terminated) {
            return Err(RunError::InstanceIsThere { instance: instance.clone(), region, state: found.state });
        }
    }
    Ok(())
}

fn ending(run: &Run<'_>, backups: &[RetiredBackup]) -> Ending {
    let left = backups.iter().filter(|backup| backup.tail == Tail::Expires && !backup.changed).count();
    let is_done = backups.iter().all(|backup| backup.failure.is_none());
    match (run.stop.is_requested(), is_done) {
        (true, _) if left > 0 && !run.dry_run => Ending::Interrupted,
        (_, false) if backups.iter().any(|backup| backup.changed) => Ending::SomeFailed,
        (_, false) => Ending::NothingAchieved,
        (_, true) if backups.is_empty() => Ending::NothingAchieved,
        (_, true) => Ending::Done,
    }
}
