//! `purge-expired-amis`: what is ours and expired goes, images and snapshots both, and never anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use planner::evidence::Check;
use planner::guard::{Permit, guard};
use planner::id::{ImageId, Region, SeriesName, SnapshotId};
use planner::inventory::{Inventory, RegionView, Scope};
use planner::plan::purge::{Decision, Subject, UnmadeCheck, candidates, decide, unmade_checks};
use planner::plan::{Action, KeepReason, Plan, Step, Verdict};
use planner::policy::PurgePolicy;
use planner::tags::Mark;
use planner::{CheckedPlan, CheckedStep};
use tokio::task::JoinSet;

use crate::account::Account;
use crate::apply::{self, Deletion, Recoverable, Removal, SnapshotDeletion};
use crate::description::{ImageDescription, SnapshotDescription};
use crate::evidence::{self, Bin, Questions};
use crate::observe::{self, WholeRegion};
use crate::outcome::{Anywhere, Class, Failure};
use crate::report::{PurgeReport, RegionReport, VerdictReport};
use crate::rounds::{Delays, Ending, Event, RegionScope, Run, RunError, in_each};

/// So often a deletion that EC2 puts off is asked for again: a snapshot is in use for a moment after its image has gone.
const REPEATS: u32 = 5;
/// From so many deletions in a region on, so many of them are under way at the same time: EC2 answers one in less than a second, and lets
/// five go in each. Of fewer, only the call under way is left to end where the run is interrupted.
const MANY: usize = 20;
const AT_ONCE: usize = 4;

/// Purges what has expired.
///
/// # Errors
/// [`RunError`] if the regions could not be listed, or the plan was refused; then nothing was deleted.
pub async fn purge(run: &Run<'_>, scope: &RegionScope, policy: &PurgePolicy) -> Result<PurgeReport, RunError> {
    let now = run.clock.now();
    // As long as nothing is being changed, there is no call whose outcome must be known.
    let read = tokio::select! {
        biased;
        () = run.stop.requested() => return Ok(interrupted(run, scope, now)),
        read = read(run, scope, policy, now) => read,
    };
    let (mut seen, policy) = read?;
    let plan = decide(&seen.inventory, &policy, now);
    seen.note_unmade_checks(run, &plan, &policy);
    let checked = match guard(plan.clone(), &seen.inventory, Permit::Purge(&policy), now) {
        Ok(checked) => checked,
        Err(refusal) => return Ok(report(run, seen, &plan, &Results::new(), now, Some(refusal.to_string()))),
    };
    let mut results = Results::new();
    if !run.dry_run {
        results = apply_all(run, &checked, &seen.inventory).await;
        look_into_the_bin(run, checked.plan(), &mut results).await;
    }
    // What failed to be read in a destination matters only where it keeps something.
    seen.destinations_failed.retain(|failure| keeps_something(checked.plan(), &failure.region));
    Ok(report(run, seen, checked.plan(), &results, now, None))
}

/// What a purge would decide now, by what was seen for it.
pub(crate) struct Decided {
    pub(crate) inventory: Inventory,
    pub(crate) plan: Plan,
    /// Why nothing at all would be deleted, where that is decided for safety.
    pub(crate) refusal: Option<String>,
    /// What could not be read: regions, and destinations of copies.
    pub(crate) failures: Vec<Failure>,
}

/// Decides as [`purge`] does, and that is all.
///
/// # Errors
/// [`RunError`] if the regions could not be listed.
pub(crate) async fn decided(run: &Run<'_>, scope: &RegionScope, policy: &PurgePolicy) -> Result<Decided, RunError> {
    let now = run.clock.now();
    let (seen, policy) = read(run, scope, policy, now).await?;
    let plan = decide(&seen.inventory, &policy, now);
    let refusal = guard(plan.clone(), &seen.inventory, Permit::Purge(&policy), now).err().map(|refusal| refusal.to_string());
    let failures = seen.regions.into_iter().filter_map(|region| region.failure).chain(seen.destinations_failed).collect();
    Ok(Decided { inventory: seen.inventory, plan, refusal, failures })
}

/// Reads all there is to know: the regions, and then what EC2 says against deleting what would go in them.
async fn read(run: &Run<'_>, scope: &RegionScope, policy: &PurgePolicy, now: Timestamp) -> Result<(Seen, PurgePolicy), RunError> {
    let policy = PurgePolicy { regions: scope.regions(run.account).await?, ..policy.clone() };
    let mut seen = observe_regions(run, &policy, now).await;
    if let Some(failure) = seen.no_credentials.take().filter(|_| seen.regions.iter().all(|region| !region.read)) {
        return Err(RunError::Failed(failure));
    }
    seen.gather_evidence(run.account, &policy, now).await;
    Ok((seen, policy))
}

struct Seen {
    inventory: Inventory,
    regions: Vec<RegionReport>,
    destinations_failed: Vec<Failure>,
    no_credentials: Option<Failure>,
    /// The checks that could not be made, or not to their end.
    failed_checks: BTreeMap<(Region, Check), Failure>,
    /// Those of them that were wanted for something.
    unmade_checks: Vec<UnmadeCheck>,
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
        failed_checks: BTreeMap::new(),
        unmade_checks: Vec::new(),
        images: BTreeMap::new(),
        snapshots: BTreeMap::new(),
    };
    let by_policy = policy.series.is_some();
    let read = |account: Account, region: Region| async move { observe::whole_region(&account, &region, now, by_policy).await };
    for (region, whole) in in_each(&policy.regions, run.account, read).await {
        seen.take(run, region, whole);
    }
    observe::settle_account(&mut seen.inventory);
    seen.look_for_copies_in_flight(run.account, now, by_policy).await;
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
        let mut report = RegionReport { read: whole.is_ok(), ..RegionReport::unread(&region) };
        let view = match whole {
            Ok(whole) => {
                // What moves from one page to the next while they are read stands on both.
                report.images = whole.view.images.iter().map(|image| &image.id).collect::<BTreeSet<_>>().len();
                report.snapshots = whole.view.snapshots.iter().map(|snapshot| &snapshot.id).collect::<BTreeSet<_>>().len();
                (run.listener)(&Event::RegionRead { region: region.clone(), images: report.images, snapshots: report.snapshots });
                self.images.extend(whole.images.into_iter().map(|(id, image)| ((region.clone(), id), image)));
                self.snapshots.extend(whole.snapshots.into_iter().map(|(id, snapshot)| ((region.clone(), id), snapshot)));
                whole.view
            }
            Err(failure) => {
                (run.listener)(&Event::RegionUnread(failure.clone()));
                report.why = Some(failure.to_string());
                report.failure = Some(failure.clone());
                let view = RegionView::unseen(failure.to_string());
                self.no_credentials = Some(failure).filter(Failure::is_for_want_of_credentials).or(self.no_credentials.take());
                view
            }
        };
        self.inventory.regions.insert(region, view);
        self.regions.push(report);
    }

    /// Looks, in the destinations that intent tags of backups name that may be released, for copies that are still being made of them.
    async fn look_for_copies_in_flight(&mut self, account: &Account, now: Timestamp, by_policy: bool) {
        let mut wanted: BTreeMap<Region, BTreeSet<ImageId>> = BTreeMap::new();
        for image in self.inventory.regions.values().flat_map(|view| &view.images) {
            if image.tags.mark() == Mark::Ours && observe::may_be_released(&image.tags, now, by_policy) {
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
                Ok(images) => RegionView::partial(images),
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

    /// Asks what speaks against deleting what would go.
    async fn gather_evidence(&mut self, account: &Account, policy: &PurgePolicy, now: Timestamp) {
        let candidates = candidates(&self.inventory, policy, now);
        let regions = candidates.images.keys().chain(candidates.snapshots.keys()).cloned().collect();
        let ask = |account: Account, region: Region| {
            let questions = Questions {
                images: candidates.images.get(&region).cloned().unwrap_or_default(),
                snapshots: candidates.snapshots.contains_key(&region),
                outlived: candidates.orphans_of.contains_key(&region),
                keep_launched: policy.keep_launched,
            };
            async move { Ok(evidence::gather(&account, &region, &questions).await) }
        };
        for (region, findings) in in_each(&regions, account, ask).await {
            let Ok(findings) = findings else { continue };
            self.failed_checks.extend(findings.failures.into_iter().map(|(check, failure)| ((region.clone(), check), failure)));
            if let Some(view) = self.inventory.regions.get_mut(&region) {
                view.evidence = findings.evidence;
            }
        }
    }

    /// Notes and tells the checks that could not be made and were wanted.
    fn note_unmade_checks(&mut self, run: &Run<'_>, plan: &Plan, policy: &PurgePolicy) {
        self.unmade_checks = unmade_checks(plan, &self.inventory, policy.require_checks);
        for unmade in &mut self.unmade_checks {
            if let Some(failure) = self.failed_checks.get(&(unmade.region.clone(), unmade.check)) {
                unmade.why = Anywhere(failure).to_string();
            }
            (run.listener)(&Event::NotChecked(unmade.clone()));
        }
    }
}

/// For each region, the snapshots that several images name.
fn shared_snapshots(inventory: &Inventory) -> BTreeMap<&Region, BTreeSet<SnapshotId>> {
    let of_region = |view: &RegionView| {
        let mut users: BTreeMap<&SnapshotId, BTreeSet<&ImageId>> = BTreeMap::new();
        for image in &view.images {
            for snapshot in image.snapshots() {
                users.entry(snapshot).or_default().insert(&image.id);
            }
        }
        users.into_iter().filter(|(_, users)| users.len() > 1).map(|(snapshot, _)| snapshot.clone()).collect()
    };
    inventory.regions.iter().map(|(region, view)| (region, of_region(view))).collect()
}

async fn apply_all(run: &Run<'_>, checked: &CheckedPlan, inventory: &Inventory) -> Results {
    let steps: Vec<CheckedStep> = checked.steps().collect();
    // The planner lets a snapshot go with the last of its images only, so that EC2 may think of the others for a moment longer.
    let lingering = shared_snapshots(inventory);
    let mut results: Results = steps.iter().map(Removal::not_tried).enumerate().collect();
    let mut left: Vec<usize> = (0..steps.len()).collect();
    let mut delays = None;
    for repeat in 1_u32.. {
        let mut by_region: BTreeMap<&Region, Vec<(usize, CheckedStep, Removal)>> = BTreeMap::new();
        for place in left {
            if let (Some(step), Some(removal)) = (steps.get(place), results.get(&place)) {
                by_region.entry(step.region()).or_default().push((place, step.clone(), removal.clone()));
            }
        }
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let mut working = JoinSet::new();
        for (region, steps) in by_region {
            let (account, stop, tell) = (run.account.clone(), run.stop.clone(), tell.clone());
            let lingering = lingering.get(region).cloned().unwrap_or_default();
            let of = region.clone();
            working.spawn(async move {
                // The SDK has repeated the call for as long as it may; the rest of the region would fare no better, unless EC2 is only
                // too busy, and has done something since that was said last.
                let (is_given_up, is_moving) = (AtomicBool::new(false), AtomicBool::new(false));
                let remove = async |(place, step, begun): (usize, CheckedStep, Removal)| {
                    let is_stopped = stop.is_requested() && !strands(&step, &begun);
                    if !is_stopped && !is_given_up.load(Ordering::Relaxed) {
                        let removal = apply::remove(&account, &step, begun, &lingering).await;
                        if removal.image.is_gone() {
                            is_moving.store(true, Ordering::Relaxed);
                        }
                        let goes_on = || is_throttled(&removal) && is_moving.swap(false, Ordering::Relaxed);
                        is_given_up.fetch_or(is_unanswered(&removal) && !goes_on(), Ordering::Relaxed);
                        let _ = tell.send((place, removal));
                    }
                };
                let at_once = if steps.len() < MANY { 1 } else { AT_ONCE };
                // What leaves a snapshot for an image after it goes before that one, and every image before what may be made for it.
                let (images, orphans): (Vec<_>, Vec<_>) = steps.into_iter().partition(|(_, step, _)| is_image(step));
                let (in_order, in_any): (Vec<_>, Vec<_>) = images.into_iter().partition(|(_, step, _)| leaves_something(step));
                for step in in_order {
                    remove(step).await;
                }
                for steps in [in_any, orphans] {
                    // Images and snapshots go by calls of their own, which EC2 counts apart.
                    is_moving.store(false, Ordering::Relaxed);
                    stream::iter(steps).for_each_concurrent(at_once, &remove).await;
                }
                is_given_up.into_inner().then_some(of)
            });
        }
        drop(tell);
        while let Some((place, removal)) = told.recv().await {
            if let Some(step) = steps.get(place) {
                tell_of(run, step, &removal);
            }
            results.insert(place, removal);
        }
        let given_up: BTreeSet<Region> = working.join_all().await.into_iter().flatten().collect();
        let is_too_busy =
            |at: usize, removal: &Removal| is_throttled(removal) && steps.get(at).is_some_and(|step| !given_up.contains(step.region()));
        let strands = |place: usize, removal: &Removal| steps.get(place).is_some_and(|step| strands(step, removal));
        left = results
            .iter()
            .filter(|(at, removal)| is_worth_repeating(removal) || is_too_busy(**at, removal) || strands(**at, removal))
            .map(|(at, _)| *at)
            .collect();
        // What no later run could find is asked for again as long as there is patience, and nothing else: the plan grows old.
        if repeat >= REPEATS {
            left.retain(|at| results.get(at).is_some_and(|removal| strands(*at, removal)));
        }
        // Patience begins when there is something to wait for: to read and to delete may have taken longer than that.
        let delays = delays.get_or_insert_with(|| Delays::new(run, run.clock.now()));
        if left.is_empty() || !delays.wait(run, Duration::ZERO).await {
            left.retain(|at| run.stop.is_requested() && results.get(at).is_some_and(|removal| strands(*at, removal)));
            if left.is_empty() || !delays.wait_all_the_same().await {
                break;
            }
        }
    }
    results
}

fn is_image(step: &CheckedStep) -> bool {
    matches!(step.action(), Action::RemoveImage(_))
}

/// Whether an image goes before a snapshot of it does, which another image takes along, or keeps.
fn leaves_something(step: &CheckedStep) -> bool {
    matches!(step.action(), Action::RemoveImage(remove) if !remove.all_snapshots)
}

/// Says of everything that is gone whether it can be had back. EC2's answer to a deletion is the same either way.
async fn look_into_the_bin(run: &Run<'_>, plan: &Plan, results: &mut Results) {
    let (mut of_images, mut of_snapshots) = (BTreeSet::new(), BTreeSet::new());
    for (place, removal) in results.iter() {
        let Some(Step { region, action }) = plan.steps.get(*place) else { continue };
        let is_image = matches!(action, Action::RemoveImage(_));
        if is_image && removal.image.is_gone() {
            of_images.insert(region.clone());
        }
        if !is_image && removal.image.is_gone() || removal.snapshots.iter().any(|snapshot| snapshot.deletion.is_gone()) {
            of_snapshots.insert(region.clone());
        }
    }
    let regions: BTreeSet<Region> = of_images.union(&of_snapshots).cloned().collect();
    let look = |account: Account, region: Region| {
        let (images, snapshots) = (of_images.contains(&region), of_snapshots.contains(&region));
        async move { Ok(evidence::bin(&account, &region, images, snapshots).await) }
    };
    let bins = tokio::select! {
        biased;
        () = run.stop.requested() => Vec::new(),
        bins = in_each(&regions, run.account, look) => bins,
    };
    let bins: BTreeMap<Region, Bin> = bins.into_iter().filter_map(|(region, bin)| Some((region, bin.ok()?))).collect();
    let nothing_known = Bin::default();
    for (place, removal) in results {
        let Some(Step { region, action }) = plan.steps.get(*place) else { continue };
        let bin = bins.get(region).unwrap_or(&nothing_known);
        for snapshot in removal.snapshots.iter_mut().filter(|snapshot| snapshot.deletion.is_gone()) {
            snapshot.recoverable = Some(Recoverable::of(bin.snapshots.as_ref(), &snapshot.snapshot));
        }
        if removal.image.is_gone() {
            let itself = match action {
                Action::RemoveImage(remove) => Recoverable::of(bin.images.as_ref(), &remove.image),
                Action::DeleteSnapshot(snapshot) => Recoverable::of(bin.snapshots.as_ref(), snapshot),
                Action::CreateImage(_) | Action::CopyImage(_) | Action::Retag(_) | Action::Mend(_) => continue,
            };
            // An image cannot be restored without its snapshots (ec2-semantics 3.5).
            let snapshots = removal.snapshots.iter().filter_map(|snapshot| snapshot.recoverable);
            removal.recoverable = Some(snapshots.fold(itself, Recoverable::together));
        }
    }
}

fn is_worth_repeating(removal: &Removal) -> bool {
    deletions(removal).any(Deletion::is_worth_repeating)
}

/// Whether the image of a step is gone, or may be, and a snapshot is left, for the time being, that only the image's mark covered.
fn strands(step: &CheckedStep, removal: &Removal) -> bool {
    let Action::RemoveImage(remove) = step.action() else { return false };
    let may_pass = |deletion: &Deletion| *deletion == Deletion::NotTried || deletion.is_worth_repeating() || deletion.is_unanswered();
    let is_left = |snapshot: &SnapshotDeletion| may_pass(&snapshot.deletion) && remove.covered.contains(&snapshot.snapshot);
    (removal.image.is_gone() || removal.image.is_unanswered()) && removal.snapshots.iter().any(is_left)
}

fn is_unanswered(removal: &Removal) -> bool {
    deletions(removal).any(Deletion::is_unanswered)
}

/// Whether all that EC2 said of it was that it was asked too often.
fn is_throttled(removal: &Removal) -> bool {
    let mut unanswered = deletions(removal).filter(|deletion| deletion.is_unanswered()).peekable();
    let is_throttled = |deletion: &Deletion| matches!(deletion, Deletion::Failed(Failure { class: Class::Throttled, .. }));
    unanswered.peek().is_some() && unanswered.all(is_throttled)
}

fn deletions(removal: &Removal) -> impl Iterator<Item = &Deletion> {
    std::iter::once(&removal.image).chain(removal.snapshots.iter().map(|snapshot| &snapshot.deletion))
}

fn tell_of(run: &Run<'_>, step: &CheckedStep, removal: &Removal) {
    let region = step.region().clone();
    for deletion in deletions(removal) {
        if let Deletion::Failed(failure) = deletion {
            (run.listener)(&Event::NotDeleted(failure.clone()));
        }
    }
    match step.action() {
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

/// Whether something stays only because a check could not be made.
fn keeps_for_want_of_a_check(verdict: &Verdict) -> bool {
    let unchecked = |reason: &KeepReason| matches!(reason, KeepReason::NotChecked { .. });
    match &verdict.decision {
        Decision::Keep { reason } => unchecked(reason),
        Decision::Purge { left, .. } => left.iter().any(|left| unchecked(&left.reason)),
    }
}

fn keeps_something(plan: &Plan, destination: &Region) -> bool {
    plan.verdicts.iter().any(|verdict| {
        matches!(&verdict.decision, Decision::Keep { reason: KeepReason::DestinationUnseen { destination: unseen, .. } } if unseen == destination)
    })
}

/// What there is to say of a run that was ended before anything was decided.
fn interrupted(run: &Run<'_>, scope: &RegionScope, now: Timestamp) -> PurgeReport {
    let regions = match scope {
        RegionScope::These(regions) => regions.iter().collect(),
        RegionScope::AllEnabled { .. } => Vec::new(),
    };
    let unread = |region| RegionReport { why: Some("the run was interrupted".to_owned()), ..RegionReport::unread(region) };
    PurgeReport {
        version: 1,
        command: "purge-expired-amis".to_owned(),
        dry_run: run.dry_run,
        now,
        account: None,
        regions: regions.into_iter().map(unread).collect(),
        verdicts: Vec::new(),
        deleted_images: Vec::new(),
        deleted_snapshots: Vec::new(),
        debris: Vec::new(),
        failures: Vec::new(),
        unmade_checks: Vec::new(),
        refusal: None,
        ending: Ending::Interrupted,
    }
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
    let images = seen.inventory.regions.iter().flat_map(|(region, view)| view.images.iter().map(move |image| (region, image)));
    let series: BTreeMap<(&Region, &ImageId), SeriesName> =
        images.filter_map(|(region, image)| Some(((region, &image.id), image.tags.series()?))).collect();
    let series_of = |verdict: &Verdict| match &verdict.subject {
        Subject::Backup(backup) => series.get(&(&verdict.region, &backup.image)).cloned(),
        Subject::Orphan { .. } => None,
    };
    let verdicts: Vec<VerdictReport> = plan
        .verdicts
        .iter()
        .map(|verdict| VerdictReport { result: result_of(verdict), series: series_of(verdict), verdict: verdict.clone() })
        .collect();
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
            Action::DeleteSnapshot(_) | Action::CreateImage(_) | Action::CopyImage(_) | Action::Retag(_) | Action::Mend(_) => {}
        }
    }
    let interrupted = run.stop.is_requested() && results.values().any(|removal| removal.image == Deletion::NotTried);
    let ending = ending(&seen, plan, results, refusal.is_some(), interrupted);
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
        debris: plan.debris.clone(),
        failures: seen.destinations_failed,
        unmade_checks: seen.unmade_checks,
        refusal,
        ending,
    }
}

fn what_goes(action: &Action) -> Option<&str> {
    match action {
        Action::RemoveImage(remove) => Some(remove.image.as_str()),
        Action::DeleteSnapshot(snapshot) => Some(snapshot.as_str()),
        Action::CreateImage(_) | Action::CopyImage(_) | Action::Retag(_) | Action::Mend(_) => None,
    }
}

fn ending(seen: &Seen, plan: &Plan, results: &Results, refused: bool, interrupted: bool) -> Ending {
    if refused {
        return Ending::StoppedForSafety;
    }
    if interrupted {
        return Ending::Interrupted;
    }
    let failed = |removal: &Removal| deletions(removal).any(|deletion| !deletion.is_settled());
    let unread = seen.regions.iter().filter(|region| !region.read).count();
    let unchecked = plan.verdicts.iter().any(keeps_for_want_of_a_check);
    let some_failed = unread > 0 || unchecked || !seen.destinations_failed.is_empty() || results.values().any(failed);
    let any_deleted = results.values().any(|removal| removal.image.is_gone());
    let any_read = unread < seen.regions.len();
    match some_failed {
        false => Ending::Done,
        true if any_deleted || (any_read && results.is_empty()) => Ending::SomeFailed,
        true => Ending::NothingAchieved,
    }
}
