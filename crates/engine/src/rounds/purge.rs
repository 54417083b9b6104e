//! `purge-expired-amis`: what is ours and expired goes, images and snapshots both, and never anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use planner::CheckedPlan;
use planner::guard::{Permit, guard};
use planner::id::{ImageId, Region, SnapshotId};
use planner::inventory::{Inventory, RegionView, Scope};
use planner::plan::purge::{Decision, Subject, decide};
use planner::plan::{Action, Plan, Step, Verdict};
use planner::policy::PurgePolicy;
use planner::tags::{ExpireTag, Mark};
use tokio::task::JoinSet;

use crate::account::Account;
use crate::apply::{self, Deletion, Removal};
use crate::description::{ImageDescription, SnapshotDescription};
use crate::observe::{self, WholeRegion};
use crate::outcome::Failure;
use crate::report::{PurgeReport, RegionReport, VerdictReport};
use crate::rounds::{Delays, Ending, Event, RegionScope, Run, RunError, in_each};

/// So often a deletion that EC2 puts off is asked for again: a snapshot is in use for a moment after its image has gone.
const REPEATS: u32 = 5;

/// Purges what has expired.
///
/// # Errors
/// [`RunError`] if the regions could not be listed, or the plan was refused; then nothing was deleted.
pub async fn purge(run: &Run<'_>, scope: &RegionScope, policy: &PurgePolicy) -> Result<PurgeReport, RunError> {
    let now = run.clock.now();
    let policy = PurgePolicy { regions: scope.regions(run.account).await?, ..policy.clone() };
    let mut seen = observe_regions(run, &policy, now).await;
    if let Some(failure) = seen.no_credentials.take().filter(|_| seen.regions.iter().all(|region| !region.read)) {
        return Err(RunError::Failed(failure));
    }
    let plan = decide(&seen.inventory, &policy, now);
    let checked = match guard(plan.clone(), &seen.inventory, Permit::Purge(&policy), now) {
        Ok(checked) => checked,
        Err(refusal) => return Ok(report(run, seen, &plan, &BTreeMap::new(), now, Some(refusal.to_string()))),
    };
    let results = if run.dry_run { BTreeMap::new() } else { apply_all(run, &checked).await };
    // What failed to be read in a destination matters only where it keeps something.
    seen.destinations_failed.retain(|failure| keeps_something(checked.plan(), &failure.region));
    Ok(report(run, seen, checked.plan(), &results, now, None))
}

struct Seen {
    inventory: Inventory,
    regions: Vec<RegionReport>,
    destinations_failed: Vec<Failure>,
    no_credentials: Option<Failure>,
    images: BTreeMap<(Region, ImageId), ImageDescription>,
    snapshots: BTreeMap<(Region, SnapshotId), SnapshotDescription>,
}

/// The result of each step, by its place in the plan.
type Results = BTreeMap<usize, Removal>;

async fn observe_regions(run: &Run<'_>, policy: &PurgePolicy, now: Timestamp) -> Seen {
    let mut seen = Seen {
        inventory: Inventory::default(),
        regions: Vec::new(),
        destinations_failed: Vec::new(),
        no_credentials: None,
        images: BTreeMap::new(),
        snapshots: BTreeMap::new(),
    };
    let read = |account: Account, region: Region| async move { observe::whole_region(&account, &region, now).await };
    for (region, whole) in in_each(&policy.regions, run.account, read).await {
        seen.take(run, region, whole);
    }
    observe::settle_account(&mut seen.inventory);
    seen.look_for_copies_in_flight(run.account, now).await;
    observe::settle_account(&mut seen.inventory);
    for report in &mut seen.regions {
        if let Some(RegionView { scope: Scope::Unseen(why), .. }) = seen.inventory.regions.get(&report.region) {
            report.read = false;
            report.why.get_or_insert_with(|| why.clone());
        }
    }
    seen
}

impl Seen {
    fn take(&mut self, run: &Run<'_>, region: Region, whole: Result<WholeRegion, Failure>) {
        let mut report = RegionReport { region: region.clone(), read: whole.is_ok(), images: 0, snapshots: 0, why: None };
        let view = match whole {
            Ok(whole) => {
                (report.images, report.snapshots) = (whole.view.images.len(), whole.view.snapshots.len());
                (run.listener)(&Event::RegionRead { region: region.clone(), images: report.images, snapshots: report.snapshots });
                self.images.extend(whole.images.into_iter().map(|(id, image)| ((region.clone(), id), image)));
                self.snapshots.extend(whole.snapshots.into_iter().map(|(id, snapshot)| ((region.clone(), id), snapshot)));
                whole.view
            }
            Err(failure) => {
                (run.listener)(&Event::RegionUnread(failure.clone()));
                report.why = Some(failure.to_string());
                let view = RegionView::unseen(failure.to_string());
                self.no_credentials = Some(failure).filter(Failure::is_for_want_of_credentials).or(self.no_credentials.take());
                view
            }
        };
        self.inventory.regions.insert(region, view);
        self.regions.push(report);
    }

    /// Looks, in the destinations that intent tags of expired backups name, for copies that are still being made of them.
    async fn look_for_copies_in_flight(&mut self, account: &Account, now: Timestamp) {
        let mut wanted: BTreeMap<Region, BTreeSet<ImageId>> = BTreeMap::new();
        for image in self.inventory.regions.values().flat_map(|view| &view.images) {
            let expired = matches!(image.tags.expire(), ExpireTag::At(expiry) if expiry.is_past(now));
            if expired && image.tags.mark() == Mark::Ours {
                for destination in image.tags.destinations() {
                    wanted.entry(destination).or_default().insert(image.id.clone());
                }
            }
        }
        wanted.retain(|region, _| self.inventory.regions.get(region).is_none_or(|view| view.scope != Scope::Whole));
        let regions = wanted.keys().cloned().collect();
        let look = |account: Account, region: Region| {
            let sources = wanted.get(&region).cloned().unwrap_or_default();
            async move { observe::copies_of(&account, &region, &sources).await }
        };
        for (region, copies) in in_each(&regions, account, look).await {
            let view = match copies {
                Ok(images) => RegionView { scope: Scope::Partial, images, snapshots: Vec::new() },
                Err(failure) => {
                    let view = RegionView::unseen(failure.to_string());
                    self.destinations_failed.push(failure);
                    view
                }
            };
            // A region that was to be purged and could not be wholly read stays closed to deletions either way.
            self.inventory.regions.insert(region, view);
        }
    }
}

async fn apply_all(run: &Run<'_>, checked: &CheckedPlan) -> Results {
    let plan = checked.plan();
    let mut results: Results = plan.steps.iter().map(not_tried).enumerate().collect();
    let mut left: Vec<usize> = (0..plan.steps.len()).collect();
    let mut delays = None;
    for repeat in 1..=REPEATS {
        let mut by_region: BTreeMap<&Region, Vec<(usize, Step, Removal)>> = BTreeMap::new();
        for place in left {
            if let (Some(step), Some(removal)) = (plan.steps.get(place), results.get(&place)) {
                by_region.entry(&step.region).or_default().push((place, step.clone(), removal.clone()));
            }
        }
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let mut working = JoinSet::new();
        for steps in by_region.into_values() {
            let (account, stop, tell) = (run.account.clone(), run.stop.clone(), tell.clone());
            working.spawn(async move {
                for (place, step, begun) in steps {
                    if stop.is_requested() {
                        break;
                    }
                    let removal = apply_step(&account, &step, begun).await;
                    let is_unanswered = is_unanswered(&removal);
                    let _ = tell.send((place, removal));
                    // The SDK has repeated the call for as long as it may; the rest of the region would fare no better.
                    if is_unanswered {
                        break;
                    }
                }
            });
        }
        drop(tell);
        while let Some((place, removal)) = told.recv().await {
            if let Some(step) = plan.steps.get(place) {
                tell_of(run, step, &removal);
            }
            results.insert(place, removal);
        }
        working.join_all().await;
        left = results.iter().filter(|(_, removal)| is_worth_repeating(removal)).map(|(place, _)| *place).collect();
        // Patience begins when there is something to wait for: to read and to delete may have taken longer than that.
        let delays = delays.get_or_insert_with(|| Delays::new(run, run.clock.now()));
        if left.is_empty() || repeat == REPEATS || !delays.wait(run, Duration::ZERO).await {
            break;
        }
    }
    results
}

/// Goes on with a step where it was left.
async fn apply_step(account: &Account, step: &Step, begun: Removal) -> Removal {
    match &step.action {
        Action::RemoveImage(remove) => apply::remove_image(account, &step.region, remove, begun).await,
        Action::DeleteSnapshot(snapshot) => {
            Removal { image: apply::delete_snapshot(account, &step.region, snapshot).await, snapshots: Vec::new() }
        }
        // The guard lets nothing else pass for this command.
        Action::CreateImage(_) | Action::CopyImage(_) => begun,
    }
}

fn not_tried(step: &Step) -> Removal {
    match &step.action {
        Action::RemoveImage(remove) => Removal::not_tried(remove),
        Action::DeleteSnapshot(_) | Action::CreateImage(_) | Action::CopyImage(_) => {
            Removal { image: Deletion::NotTried, snapshots: Vec::new() }
        }
    }
}

fn is_worth_repeating(removal: &Removal) -> bool {
    deletions(removal).any(Deletion::is_worth_repeating)
}

fn is_unanswered(removal: &Removal) -> bool {
    deletions(removal).any(Deletion::is_unanswered)
}

fn deletions(removal: &Removal) -> impl Iterator<Item = &Deletion> {
    std::iter::once(&removal.image).chain(removal.snapshots.iter().map(|snapshot| &snapshot.deletion))
}

fn tell_of(run: &Run<'_>, step: &Step, removal: &Removal) {
    let region = step.region.clone();
    for deletion in deletions(removal) {
        if let Deletion::Failed(failure) = deletion {
            (run.listener)(&Event::NotDeleted(failure.clone()));
        }
    }
    match &step.action {
        Action::RemoveImage(remove) if removal.image.is_gone() => {
            let snapshots = removal.snapshots.iter().filter(|snapshot| snapshot.deletion.is_gone()).count();
            (run.listener)(&Event::ImageRemoved { region, image: remove.image.clone(), snapshots });
        }
        Action::DeleteSnapshot(snapshot) if removal.image.is_gone() => {
            (run.listener)(&Event::SnapshotDeleted { region, snapshot: snapshot.clone() });
        }
        _ => {}
    }
}

fn keeps_something(plan: &Plan, destination: &Region) -> bool {
    use planner::plan::KeepReason;
    plan.verdicts.iter().any(|verdict| {
        matches!(&verdict.decision, Decision::Keep { reason: KeepReason::DestinationUnseen { destination: unseen, .. } } if unseen == destination)
    })
}

fn report(run: &Run<'_>, seen: Seen, plan: &Plan, results: &Results, now: Timestamp, refusal: Option<String>) -> PurgeReport {
    let places: BTreeMap<(&Region, &str), usize> =
        plan.steps.iter().enumerate().filter_map(|(place, step)| Some(((&step.region, what_goes(&step.action)?), place))).collect();
    let result_of = |verdict: &Verdict| -> Option<Removal> {
        let subject = match &verdict.subject {
            Subject::Backup(backup) => backup.image.as_str(),
            Subject::Orphan { snapshot, .. } => snapshot.as_str(),
        };
        results.get(places.get(&(&verdict.region, subject))?).cloned()
    };
    let verdicts: Vec<VerdictReport> =
        plan.verdicts.iter().map(|verdict| VerdictReport { result: result_of(verdict), verdict: verdict.clone() }).collect();
    let mut images = Vec::new();
    let mut snapshots = Vec::new();
    for (place, removal) in results {
        let Some(Step { region, action }) = plan.steps.get(*place) else { continue };
        let mut describe = |id: &SnapshotId| snapshots.extend(seen.snapshots.get(&(region.clone(), id.clone())).cloned());
        match action {
            Action::RemoveImage(remove) => {
                if removal.image.is_gone() {
                    images.extend(seen.images.get(&(region.clone(), remove.image.clone())).cloned());
                }
                removal.snapshots.iter().filter(|snapshot| snapshot.deletion.is_gone()).for_each(|snapshot| describe(&snapshot.snapshot));
            }
            Action::DeleteSnapshot(snapshot) if removal.image.is_gone() => describe(snapshot),
            Action::DeleteSnapshot(_) | Action::CreateImage(_) | Action::CopyImage(_) => {}
        }
    }
    let interrupted = run.stop.is_requested() && results.values().any(|removal| removal.image == Deletion::NotTried);
    let ending = ending(&seen, results, refusal.is_some(), interrupted);
    PurgeReport {
        version: 1,
        command: "purge-expired-amis".to_owned(),
        dry_run: run.dry_run,
        now,
        account: seen.inventory.account,
        regions: seen.regions,
        verdicts,
        deleted_images: images,
        deleted_snapshots: snapshots,
        failures: seen.destinations_failed,
        refusal,
        ending,
    }
}

fn what_goes(action: &Action) -> Option<&str> {
    match action {
        Action::RemoveImage(remove) => Some(remove.image.as_str()),
        Action::DeleteSnapshot(snapshot) => Some(snapshot.as_str()),
        Action::CreateImage(_) | Action::CopyImage(_) => None,
    }
}

fn ending(seen: &Seen, results: &Results, refused: bool, interrupted: bool) -> Ending {
    if refused {
        return Ending::StoppedForSafety;
    }
    if interrupted {
        return Ending::Interrupted;
    }
    let failed = |removal: &Removal| deletions(removal).any(|deletion| !deletion.is_gone());
    let unread = seen.regions.iter().filter(|region| !region.read).count();
    let some_failed = unread > 0 || !seen.destinations_failed.is_empty() || results.values().any(failed);
    let any_deleted = results.values().any(|removal| removal.image.is_gone());
    let any_read = unread < seen.regions.len();
    match some_failed {
        false => Ending::Done,
        true if any_deleted || (any_read && results.is_empty()) => Ending::SomeFailed,
        true => Ending::NothingAchieved,
    }
}
