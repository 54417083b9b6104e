//! `run` and `plan`: what a policy wants is made so. Due backups are made, copies finished, and what the policy lets go is purged.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use planner::id::{ImageId, Region};
use planner::inventory::{ImageState, Inventory, RegionView};
use planner::plan::due::{self, DueItem, Standing};
use planner::policy::file::{Policy, SELF};
use planner::policy::settings::Hook;
use planner::policy::{ImageRequest, MaxDeletes, PurgePolicy};
use serde_json::json;

use crate::account::Account;
use crate::hooks;
use crate::instances;
use crate::observe;
use crate::outcome::Failure;
use crate::report::{HookReport, ImageResult, InstanceReport, InstanceStanding, PurgeReport, RunReport};
use crate::rounds::{Delays, Ending, Event, RegionScope, Run, RunError, image_instance, in_each, is_same, mend, purge, resume};

/// So many backups are asked for at the same time.
const AT_ONCE: usize = 8;
/// An image is gone once it is missing from so many listings in a row.
const LISTINGS_WITHOUT: u32 = 3;

/// Does what a policy wants in the account that the program's own credentials are of. `asked` is the region that tells which ones are
/// enabled, where the policy does not name its regions; `max_deletes` goes before the policy's own.
///
/// # Errors
/// [`RunError`] if nothing could be found out: no regions, no credentials.
pub async fn run_policy(run: &Run<'_>, policy: &Policy, asked: &Region, max_deletes: Option<MaxDeletes>) -> Result<RunReport, RunError> {
    let started = run.clock.now();
    let places = Places::of_account(run.account, policy, asked).await?;
    let fleet = instances::fleet(run.account, &places.sources, wants_volumes(policy)).await;
    if let Some(failure) = fleet.unread.iter().find(|failure| failure.is_for_want_of_credentials()) {
        return Err(RunError::Failed(failure.clone()));
    }
    let (inventory, mut failures) = backups(run.account, &places.sources).await;
    let due = due::decide(policy, SELF, &fleet.instances, &inventory, started);
    let mut warnings: Vec<String> = due.warnings.iter().map(ToString::to_string).collect();
    warnings.extend(fleet.no_volumes.iter().map(|failure| format!("no volume is left out by its tags or its size: {failure}")));
    for failure in &fleet.unread {
        (run.listener)(&Event::RegionUnread(failure.clone()));
    }
    failures.extend(fleet.unread.iter().cloned());
    let rules = due::rules(policy, SELF, &fleet.instances);
    let mut instances = make_all(run, policy, due.items).await;
    mend::announce(&mut instances, &rules, started);
    let copies = finish_copies(run, &places.sources, started).await;
    follow(run, &mut instances, started).await;
    let purged = if run.stop.is_requested() {
        Err("the run was interrupted before that".to_owned())
    } else if let Some(unread) = fleet.unread.first() {
        // An instance may keep more by its own tags, and its copies lie in other regions.
        Err(format!("nothing was deleted, because not all instances could be seen: {unread}"))
    } else {
        let wanted = PurgePolicy {
            max_deletes: max_deletes.or(policy.max_deletes),
            require_checks: true,
            series: Some(rules.clone()),
            ..PurgePolicy::default()
        };
        purge(run, &RegionScope::These(places.all.clone()), &wanted).await.map_err(|error| error.to_string())
    };
    let (mended, refused) = match mend::mend(run, &places.all, &rules).await {
        Ok(mended) => {
            for failure in mended.failures {
                if !failures.iter().any(|known| is_same(known, &failure)) {
                    failures.push(failure);
                }
            }
            (mended.mended, false)
        }
        Err(refusal) => {
            warnings.push(refusal.to_string());
            (Vec::new(), true)
        }
    };
    let (copies, planned_copies, copies_ending) = match copies {
        Ok(report) => {
            failures.extend(report.failures.iter().filter(|failure| !failures.contains(failure)).cloned().collect::<Vec<_>>());
            (report.copies, report.planned, report.ending)
        }
        Err(error) => {
            warnings.push(format!("the copies could not be looked after: {error}"));
            (Vec::new(), Vec::new(), Ending::SomeFailed)
        }
    };
    let (purge, not_purged) = match purged {
        Ok(report) => (Some(PurgeReport { command: command(run), ..report }), None),
        Err(why) => (None, Some(why)),
    };
    let mut report = RunReport {
        version: 1,
        command: command(run),
        dry_run: run.dry_run,
        started,
        finished: run.clock.now(),
        instances,
        copies,
        planned_copies,
        purge,
        not_purged,
        mended,
        warnings,
        failures,
        ending: Ending::Done,
    };
    report.ending = if refused { Ending::StoppedForSafety } else { ending(run, &report, copies_ending) };
    Ok(report)
}

fn command(run: &Run<'_>) -> String {
    if run.dry_run { "plan" } else { "run" }.to_owned()
}

/// The regions of a policy.
pub(crate) struct Places {
    /// Where instances are.
    pub(crate) sources: BTreeSet<Region>,
    /// Where backups are: there, and where copies go.
    pub(crate) all: BTreeSet<Region>,
}

impl Places {
    /// Those that the targets name, else every enabled one.
    pub(crate) async fn of_account(account: &Account, policy: &Policy, asked: &Region) -> Result<Self, RunError> {
        let targets = || policy.targets.iter().filter(|target| target.accounts.contains(SELF));
        let mut sources: BTreeSet<Region> = targets().filter_map(|target| target.regions.clone()).flatten().collect();
        if targets().any(|target| target.regions.is_none()) {
            sources.extend(RegionScope::AllEnabled { asked: asked.clone() }.regions(account).await?);
        }
        let copies = targets().flat_map(|target| &target.settings.copies).map(|copy| copy.region.clone());
        let all = sources.iter().cloned().chain(copies).collect();
        Ok(Self { sources, all })
    }
}

/// Whether anything but device names says which volumes are left out.
fn wants_volumes(policy: &Policy) -> bool {
    let mut excluded = policy.targets.iter().map(|target| &target.settings.exclude_volumes);
    excluded.any(|excluded| !excluded.tags.is_empty() || excluded.larger_than_gib.is_some())
}

/// The backups of these regions, and what could not be read.
pub(crate) async fn backups(account: &Account, regions: &BTreeSet<Region>) -> (Inventory, Vec<Failure>) {
    let (mut inventory, mut failures) = (Inventory::default(), Vec::new());
    let look = |account: Account, region: Region| async move { observe::backups(&account, &region).await };
    for (region, images) in in_each(regions, account, look).await {
        let view = match images {
            Ok(images) => RegionView::partial(images),
            Err(failure) => {
                let view = RegionView::unseen(failure.to_string());
                failures.push(failure);
                view
            }
        };
        inventory.regions.insert(region, view);
    }
    observe::settle_account(&mut inventory);
    (inventory, failures)
}

/// Asks for every backup that is due, several at once, and says how every instance stands.
async fn make_all(run: &Run<'_>, policy: &Policy, items: Vec<DueItem>) -> Vec<InstanceReport> {
    let left: RefCell<VecDeque<(usize, DueItem)>> = RefCell::new(items.into_iter().enumerate().collect());
    let made: RefCell<BTreeMap<usize, InstanceReport>> = RefCell::default();
    let worker = async || {
        loop {
            let next = left.borrow_mut().pop_front();
            let Some((place, item)) = next else { return };
            let report = make(run, policy, item).await;
            made.borrow_mut().insert(place, report);
        }
    };
    all((0..AT_ONCE).map(|_| worker()).collect()).await;
    made.into_inner().into_values().collect()
}

/// Waits for all of them.
async fn all<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut left: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    poll_fn(|context| {
        left.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if left.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

async fn make(run: &Run<'_>, policy: &Policy, item: DueItem) -> InstanceReport {
    let DueItem { instance, region, name, target, standing } = item;
    let mut report =
        InstanceReport { instance, region, name, series: target, standing: InstanceStanding::NotYet { next: None }, hooks: Vec::new() };
    report.standing = match standing {
        Standing::Due { slot, request } => {
            let target = report.series.as_ref().and_then(|series| policy.target(series));
            let (before, after) = target.map_or((None, None), |target| (target.settings.before.as_ref(), target.settings.after.as_ref()));
            if run.stop.is_requested() {
                InstanceStanding::Failed { slot, why: "the run was interrupted".to_owned() }
            } else if run.dry_run {
                plan_one(run, slot, &request).await
            } else {
                make_one(run, &mut report, slot, &request, before, after).await
            }
        }
        Standing::Done { slot, newest, next } => InstanceStanding::Done { slot, newest, next },
        Standing::InFlight { slot, image } => InstanceStanding::InFlight { slot, in_flight: image },
        Standing::NotYet { next } => InstanceStanding::NotYet { next },
        Standing::NotSelected { why } => InstanceStanding::NotSelected { why: why.to_string() },
        Standing::CannotBeImaged { state } => InstanceStanding::CannotBeImaged { state },
        Standing::RegionUnseen { why } => InstanceStanding::RegionUnseen { why },
    };
    report
}

/// The same run without waiting: what a policy asks for is followed for all instances together.
fn at_once<'r>(run: &'r Run<'_>) -> Run<'r> {
    Run {
        account: run.account,
        clock: run.clock,
        patience: run.patience,
        wait: false,
        dry_run: run.dry_run,
        listener: run.listener,
        stop: run.stop,
    }
}

async fn plan_one(run: &Run<'_>, slot: Timestamp, request: &ImageRequest) -> InstanceStanding {
    match image_instance(&at_once(run), request).await {
        Ok(report) => InstanceStanding::Planned { slot, steps: report.planned },
        Err(error) => InstanceStanding::Failed { slot, why: error.to_string() },
    }
}

async fn make_one(
    run: &Run<'_>,
    report: &mut InstanceReport,
    slot: Timestamp,
    request: &ImageRequest,
    before: Option<&Hook>,
    after: Option<&Hook>,
) -> InstanceStanding {
    let input = |report: &InstanceReport, when: &str, image: Option<&ImageResult>, failure: Option<&str>| {
        let name = &report.name;
        json!({
            "version": 1, "when": when, "instance": report.instance, "instance_name": name, "region": report.region,
            "series": report.series, "slot": slot, "image": image.map(|image| &image.image), "failure": failure,
        })
        .to_string()
    };
    if let Some(hook) = before {
        let ended = hooks::run(hook, "before", input(report, "before", None, None)).await;
        let aborts = ended.aborts.then(|| format!("the hook {} failed: {}", ended.command, ended.failure.clone().unwrap_or_default()));
        report.hooks.push(ended);
        if let Some(why) = aborts {
            return InstanceStanding::Failed { slot, why };
        }
    }
    let made = match image_instance(&at_once(run), request).await {
        Ok(answer) => answer.image.ok_or_else(|| "EC2 put it off until patience ran out".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    // EC2 has the volumes' state from the moment at which it takes the request.
    if let Some(hook) = after {
        let ended = hooks::run(hook, "after", input(report, "after", made.as_ref().ok(), made.as_ref().err().map(String::as_str))).await;
        report.hooks.push(ended);
    }
    match made {
        Ok(image) => InstanceStanding::Made { slot, image },
        Err(why) => InstanceStanding::Failed { slot, why },
    }
}

/// How much of the run's patience is left.
fn left(run: &Run<'_>, started: Timestamp) -> SignedDuration {
    let end = started.saturating_add(run.patience).unwrap_or(Timestamp::MAX);
    end.duration_since(run.clock.now()).max(SignedDuration::ZERO)
}

async fn finish_copies(run: &Run<'_>, regions: &BTreeSet<Region>, started: Timestamp) -> Result<crate::report::ImageReport, RunError> {
    let rest = Run { patience: left(run, started), wait: run.wait, ..at_once(run) };
    resume(&rest, &RegionScope::These(regions.clone())).await
}

/// Looks how the images end that this run has made, as long as there is patience.
async fn follow(run: &Run<'_>, instances: &mut [InstanceReport], started: Timestamp) {
    let mut delays = Delays::new(run, started);
    let mut missing: BTreeMap<ImageId, u32> = BTreeMap::new();
    loop {
        let mut pending: BTreeMap<Region, BTreeSet<ImageId>> = BTreeMap::new();
        for image in instances.iter().filter_map(InstanceReport::made).filter(|image| image.state == ImageState::Pending) {
            pending.entry(image.region.clone()).or_default().insert(image.image.clone());
        }
        if pending.is_empty() || !run.wait || run.dry_run {
            return;
        }
        let regions = pending.keys().cloned().collect();
        let look = |account: Account, region: Region| {
            let ids = pending.get(&region).cloned().unwrap_or_default();
            async move { observe::images_of_ids(&account, &region, &ids).await }
        };
        for (region, images) in in_each(&regions, run.account, look).await {
            let images = match images {
                Ok(images) => images,
                Err(failure) => {
                    (run.listener)(&Event::Waiting(failure));
                    continue;
                }
            };
            for made in instances.iter_mut().filter_map(InstanceReport::made_mut) {
                if made.region != region || made.state != ImageState::Pending {
                    continue;
                }
                let state = match images.iter().find(|image| image.id == made.image) {
                    Some(image) => {
                        made.reason.clone_from(&image.state_reason);
                        image.state
                    }
                    None => {
                        let listings = missing.entry(made.image.clone()).or_default();
                        *listings += 1;
                        if *listings >= LISTINGS_WITHOUT { ImageState::Deregistered } else { ImageState::Pending }
                    }
                };
                if state != made.state {
                    made.state = state;
                    (run.listener)(&Event::State { region: region.clone(), image: made.image.clone(), state });
                }
            }
        }
        let settled = instances.iter().filter_map(InstanceReport::made).all(|image| image.state != ImageState::Pending);
        if settled || !delays.wait(run, Duration::ZERO).await {
            return;
        }
    }
}

fn ending(run: &Run<'_>, report: &RunReport, copies: Ending) -> Ending {
    if run.stop.is_requested() {
        return Ending::Interrupted;
    }
    let of_purge = report.purge.as_ref().map(|purge| purge.ending);
    if of_purge == Some(Ending::StoppedForSafety) {
        return Ending::StoppedForSafety;
    }
    let is_failed = |instance: &&InstanceReport| instance.has_failed();
    let failed = report.instances.iter().filter(is_failed).count();
    let hooks_failed = report.instances.iter().flat_map(|instance| &instance.hooks).any(|hook: &HookReport| hook.aborts);
    let wanted = report.instances.iter().filter(|instance| instance.series.is_some()).count();
    let purge_failed = report.not_purged.is_some() || of_purge.is_some_and(|ending| ending != Ending::Done);
    let copies_failed = matches!(copies, Ending::SomeFailed | Ending::NothingAchieved);
    let any_failed = failed > 0 || hooks_failed || purge_failed || copies_failed || !report.failures.is_empty();
    let pending = report.instances.iter().filter_map(InstanceReport::made).any(|image| image.state == ImageState::Pending);
    match any_failed {
        true if failed == wanted && failed > 0 => Ending::NothingAchieved,
        true => Ending::SomeFailed,
        false if run.wait && !run.dry_run && (pending || copies == Ending::StillInFlight) => Ending::StillInFlight,
        false => Ending::Done,
    }
}
