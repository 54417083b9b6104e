//! How far images are that are waited for, in GiB, for somebody who watches. Nothing depends on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use planner::id::{Region, SnapshotId};
use planner::inventory::{Image, SnapshotState};

use crate::account::Account;
use crate::observe;
use crate::rounds::{Event, Run, in_each};
use crate::translate::{SnapshotProgress, snapshot_progress};

/// Whoever watches has to be able to wait for it: what is waited for is looked at no later for that.
const PATIENCE: Duration = Duration::from_secs(5);
const MIB_A_GIB: u64 = 1024;

/// Asks EC2 in each round how far the snapshots of images are that are waited for, and tells it. Once EC2 does not say, it is not asked
/// again: a permission that is missing is no matter.
#[derive(Debug, Default)]
pub struct Meter {
    has_given_up: AtomicBool,
}

/// Tells how far these images are, if anybody watches. One whose snapshots EC2 does not name yet is left out.
pub(crate) async fn tell<'i>(run: &Run<'_>, pending: impl IntoIterator<Item = (&'i Region, &'i Image)>) {
    let Some(meter) = run.meter.filter(|meter| run.wait && !run.dry_run && !meter.has_given_up.load(Ordering::Relaxed)) else { return };
    let mut images: BTreeMap<&Region, Vec<&Image>> = BTreeMap::new();
    for (region, image) in pending {
        if image.snapshots().next().is_some() {
            images.entry(region).or_default().push(image);
        }
    }
    let regions: BTreeSet<Region> = images.keys().map(|region| (*region).clone()).collect();
    let look = |account: Account, region: Region| {
        let here = images.get(&region).into_iter().flatten();
        let ids: BTreeSet<SnapshotId> = here.flat_map(|image| image.snapshots()).cloned().collect();
        async move { observe::snapshots_of_ids(&account, &region, &ids.iter().collect(), snapshot_progress).await }
    };
    let Ok(answers) = tokio::time::timeout(PATIENCE, in_each(&regions, run.account, look)).await else {
        return meter.has_given_up.store(true, Ordering::Relaxed);
    };
    for (region, answer) in answers {
        let snapshots = match answer {
            Ok(snapshots) => snapshots,
            Err(failure) => {
                meter.has_given_up.fetch_or(!failure.is_passing(), Ordering::Relaxed);
                continue;
            }
        };
        let known: BTreeMap<&SnapshotId, &SnapshotProgress> = snapshots.iter().map(|snapshot| (&snapshot.id, snapshot)).collect();
        for image in images.get(&region).into_iter().flatten() {
            // Only what EC2 tells of every snapshot says how far the image is.
            let Some(snapshots) = image.snapshots().map(|id| known.get(id).copied()).collect::<Option<Vec<_>>>() else { continue };
            let mib = snapshots.iter().map(|snapshot| snapshot.gib * MIB_A_GIB).sum();
            let done_mib = snapshots.iter().map(|snapshot| done_mib(snapshot)).sum();
            (run.listener)(&Event::Progress { region: region.clone(), image: image.id.clone(), done_mib, mib });
        }
    }
}

fn done_mib(snapshot: &SnapshotProgress) -> u64 {
    let percent = if snapshot.state == SnapshotState::Completed { 100 } else { snapshot.percent.unwrap_or(0) };
    snapshot.gib * MIB_A_GIB * percent / 100
}
