//! `run`, `plan` and `apply`: what a policy wants is made so. Due backups are made, copies finished, and what the policy lets go is purged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use planner::id::{ImageId, Region};
use planner::inventory::{Image, ImageState, Inventory, RegionView};
use planner::plan::due::{self, DueItem, Standing};
use planner::policy::file::{Policy, SELF};
use planner::policy::settings::Hook;
use planner::policy::{ImageRequest, MaxDeletes, PurgePolicy};
use serde_json::json;

use crate::account::Account;
use crate::hooks;
use crate::instances;
use crate::meter;
use crate::observe;
use crate::outcome::Failure;
use crate::plan_file::{AgreedThere, Agreement, PlanFile};
use crate::report::{AccountReport, HookReport, ImageResult, InstanceReport, InstanceStanding, PurgeReport, RunReport};
use crate::rounds::overview::Overview;
use crate::rounds::{
    Delays, Ending, Event, RegionScope, Run, RunError, add_news, image_instance, in_each, mend, plan_image, purge, resume_beside,
};

/// So many backups are asked for at the same time in an account.
const AT_ONCE: usize = 8;
/// So many accounts are looked after at the same time. Most of that is waiting.
const ACCOUNTS_AT_ONCE: usize = 64;
/// An image is gone once it is missing from so many listings in a row.
const LISTINGS_WITHOUT: u32 = 3;

/// Does what a policy wants, in each of its accounts. `asked` is the region that tells which ones are enabled, where the policy does
/// not name its regions; `max_deletes` goes before the policy's own, and holds for each account.
///
/// # Errors
/// [`RunError`] if the policy is for one account, and nothing could be found out there: no regions, no credentials.
pub async fn run_policy(run: &Run<'_>, policy: &Policy, asked: &Region, max_deletes: Option<MaxDeletes>) -> Result<RunReport, RunError> {
    in_all_accounts(run, policy, asked, max_deletes, None).await
}

/// Does what a plan says, and nothing else, if all of it still holds; what does not hold is in the report, and then nothing is done.
///
/// # Errors
/// As of [`run_policy`].
pub async fn apply_plan(run: &Run<'_>, policy: &Policy, asked: &Region, plan: &PlanFile) -> Result<RunReport, RunError> {
    let mut now = run_policy(&Run { dry_run: true, ..*run }, policy, asked, None).await?;
    "apply".clone_into(&mut now.command);
    now.drift = plan.drift(&now);
    if !now.drift.is_empty() && now.ending != Ending::Interrupted {
        now.ending = Ending::StoppedForSafety;
    }
    if run.dry_run || !now.drift.is_empty() || now.ending == Ending::Interrupted {
        return Ok(now);
    }
    let mut report = in_all_accounts(run, policy, asked, None, Some(&Agreement::to(plan))).await?;
    "apply".clone_into(&mut report.command);
    // What has changed since then is seen by the run itself, and leaves undone what it concerns.
    report.undone = plan.undone(&report);
    if !report.undone.is_empty() && report.ending == Ending::Done {
        report.ending = Ending::SomeFailed;
    }
    Ok(report)
}

async fn in_all_accounts(
    run: &Run<'_>,
    policy: &Policy,
    asked: &Region,
    max_deletes: Option<MaxDeletes>,
    agreement: Option<&Agreement>,
) -> Result<RunReport, RunError> {
    let started = run.clock.now();
    let accounts = Accounts::of(policy, run.account).await;
    let max_deletes = max_deletes.or(policy.max_deletes);
    let is_one = accounts.is_one();
    let answers = accounts.ask_each(|name, account| async move {
        let agreed = agreement.map(|agreement| agreement.there(&name));
        let tell = |event: &Event| (run.listener)(&Event::InAccount { account: name.clone(), event: Box::new(event.clone()) });
        let listener: &dyn Fn(&Event) = if is_one { run.listener } else { &tell };
        let run = Run { account: &account, agreed: agreed.as_ref(), patience: left(run, started), listener, ..*run };
        in_account(&run, policy, &name, asked, max_deletes).await
    });
    let mut reports = Vec::new();
    for (name, answer) in answers.await {
        match answer {
            Ok(report) => reports.push(report),
            Err(error) if accounts.is_one() => return Err(error),
            Err(error) => reports.push(AccountReport { unreached: Some(error.to_string()), ..AccountReport::new(name) }),
        }
    }
    let ending = match reports.iter().map(|report| report.ending).collect::<Vec<_>>() {
        _ if run.stop.is_requested() => Ending::Interrupted,
        endings => of_all(&endings),
    };
    Ok(RunReport {
        version: 1,
        command: command(run),
        dry_run: run.dry_run,
        started,
        finished: run.clock.now(),
        accounts: reports,
        drift: Vec::new(),
        undone: Vec::new(),
        ending,
    })
}

/// How a run ended in all its accounts.
fn of_all(endings: &[Ending]) -> Ending {
    let any = |ending: Ending| endings.contains(&ending);
    if any(Ending::StoppedForSafety) {
        Ending::StoppedForSafety
    } else if endings.iter().all(|ending| *ending == Ending::NothingAchieved) {
        Ending::NothingAchieved
    } else if any(Ending::NothingAchieved) || any(Ending::SomeFailed) {
        Ending::SomeFailed
    } else if any(Ending::StillInFlight) {
        Ending::StillInFlight
    } else {
        Ending::Done
    }
}

async fn in_account(
    run: &Run<'_>,
    policy: &Policy,
    name: &str,
    asked: &Region,
    max_deletes: Option<MaxDeletes>,
) -> Result<AccountReport, RunError> {
    let started = run.clock.now();
    let places = Places::of_account(run.account, policy, name, asked).await?;
    let fleet = instances::fleet(run.account, &places.sources, wants_volumes(policy, name)).await;
    if let Some(failure) = fleet.unread.iter().find(|failure| failure.is_for_want_of_credentials()) {
        return Err(RunError::Failed(failure.clone()));
    }
    let (inventory, mut failures) = backups(run.account, &places.sources).await;
    let due = due::decide(policy, name, &fleet.instances, &inventory, started);
    let mut warnings: Vec<String> = due.warnings.iter().map(ToString::to_string).collect();
    warnings.extend(fleet.no_volumes.iter().map(|failure| format!("no volume is left out by its tags or its size: {failure}")));
    for failure in &fleet.unread {
        (run.listener)(&Event::RegionUnread(failure.clone()));
    }
    failures.extend(fleet.unread.iter().cloned());
    let rules = due::rules(policy, name, &fleet.instances);
    let copying = Run { patience: left(run, started), ..*run };
    let overview = if run.dry_run {
        Some(Overview::of(run.account, fleet.listed, inventory, &due.items, started).await)
    } else {
        // The run may wait for hours.
        drop((fleet.listed, inventory));
        None
    };
    let making = make_all(run, policy, name, due.items, overview.as_ref());
    let (mut instances, copies) = resume_beside(&copying, &places.sources, making).await;
    mend::announce(&mut instances, &rules, started);
    follow(run, &mut instances, started).await;
    let purged = if run.stop.is_requested() {
        Err("the run was interrupted before that".to_owned())
    } else if let Some(unread) = fleet.unread.first() {
        // An instance may keep more by its own tags, and its copies lie in other regions.
        Err(format!("nothing was deleted, because not all instances could be seen: {unread}"))
    } else {
        let series = Some(rules.clone());
        let agreed = run.agreed.map(AgreedThere::purge);
        let wanted = PurgePolicy { max_deletes, require_checks: true, series, agreed, ..PurgePolicy::default() };
        purge(run, &RegionScope::These(places.all.clone()), &wanted).await.map_err(|error| error.to_string())
    };
    let made = instances.iter().filter_map(InstanceReport::made).map(|image| image.image.clone()).collect();
    let (mended, refused) = match mend::mend(run, &places.all, &rules, &made).await {
        Ok(mended) => {
            for failure in mended.failures {
                add_news(&mut failures, failure);
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
    let mut report = AccountReport {
        instances,
        copies,
        planned_copies,
        purge,
        not_purged,
        mended,
        warnings,
        failures,
        ..AccountReport::new(name.to_owned())
    };
    report.ending = if refused { Ending::StoppedForSafety } else { ending(run, &report, copies_ending) };
    Ok(report)
}

fn command(run: &Run<'_>) -> String {
    match (run.agreed, run.dry_run) {
        (Some(_), _) => "apply",
        (None, true) => "plan",
        (None, false) => "run",
    }
    .to_owned()
}

/// The accounts of a policy, by its names of them.
pub(crate) struct Accounts(Vec<(String, Account)>);

impl Accounts {
    /// Those that its targets are for. The first is the one that the program's own credentials are of, if it is among them.
    pub(crate) async fn of(policy: &Policy, own: &Account) -> Self {
        let names: BTreeSet<&String> = policy.targets.iter().flat_map(|target| &target.accounts).collect();
        let mut accounts = Vec::new();
        if names.iter().any(|name| *name == SELF) {
            accounts.push((SELF.to_owned(), own.clone()));
        }
        for name in names {
            if let Some(other) = policy.accounts.get(name) {
                accounts.push((name.clone(), own.assuming(name, other).await));
            }
        }
        Self(accounts)
    }

    /// Those of a policy, if there is one, else the one that the program's own credentials are of.
    pub(crate) async fn of_any(policy: Option<&Policy>, own: &Account) -> Self {
        match policy {
            Some(policy) => Self::of(policy, own).await,
            None => Self(vec![(SELF.to_owned(), own.clone())]),
        }
    }

    /// The account of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Account> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, account)| account)
    }

    pub(crate) fn is_one(&self) -> bool {
        self.0.len() == 1
    }

    /// Asks something of them all, several at once, and gives the answers in their order. What goes wrong in one is nothing to another.
    pub(crate) async fn ask_each<T, F: Future<Output = T>>(&self, ask: impl Fn(String, Account) -> F) -> Vec<(String, T)> {
        let asked = self.0.iter().map(|(name, account)| {
            let answer = ask(name.clone(), account.clone());
            async move { (name.clone(), answer.await) }
        });
        in_their_order(asked, ACCOUNTS_AT_ONCE).await
    }
}

/// Does several of these at once, none of which waits for another that takes long, and gives what came of them in their order.
async fn in_their_order<T, F: Future<Output = T>>(work: impl IntoIterator<Item = F>, at_once: usize) -> Vec<T> {
    let numbered = work.into_iter().enumerate().map(|(number, one)| async move { (number, one.await) });
    let mut done: Vec<(usize, T)> = stream::iter(numbered).buffer_unordered(at_once).collect().await;
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, one)| one).collect()
}

/// The regions of a policy.
#[derive(Default)]
pub(crate) struct Places {
    /// Where instances are.
    pub(crate) sources: BTreeSet<Region>,
    /// Where backups are: there, and where copies go.
    pub(crate) all: BTreeSet<Region>,
}

impl Places {
    /// Those that the targets name, else every enabled one.
    pub(crate) async fn of_account(account: &Account, policy: &Policy, name: &str, asked: &Region) -> Result<Self, RunError> {
        let targets = || policy.targets.iter().filter(|target| target.accounts.contains(name));
        let mut sources: BTreeSet<Region> = targets().filter_map(|target| target.regions.clone()).flatten().collect();
        if targets().any(|target| target.regions.is_none()) {
            sources.extend(RegionScope::AllEnabled { asked: asked.clone() }.regions(account).await?);
        }
        let copies = targets().flat_map(|target| &target.settings.copies).map(|copy| copy.region.clone());
        let all = sources.iter().cloned().chain(copies).collect();
        Ok(Self { sources, all })
    }

    /// Adds those of another one.
    pub(crate) fn extend(&mut self, other: Self) {
        self.sources.extend(other.sources);
        self.all.extend(other.all);
    }
}

/// Whether anything but device names says which volumes are left out.
fn wants_volumes(policy: &Policy, account: &str) -> bool {
    let targets = policy.targets.iter().filter(|target| target.accounts.contains(account));
    let mut excluded = targets.map(|target| &target.settings.exclude_volumes);
    excluded.any(|excluded| !excluded.tags.is_empty() || excluded.larger_than_gib.is_some())
}

/// The backups of these regions, and what could not be read.
pub(crate) async fn backups(account: &Account, regions: &BTreeSet<Region>) -> (Inventory, Vec<Failure>) {
    seen_in(account, regions, |account, region| async move { observe::backups(&account, &region).await }).await
}

/// What is asked for of these regions, and what could not be read.
pub(crate) async fn seen_in<F>(
    account: &Account,
    regions: &BTreeSet<Region>,
    look: impl Fn(Account, Region) -> F,
) -> (Inventory, Vec<Failure>)
where
    F: Future<Output = Result<Vec<Image>, Failure>> + Send + 'static,
{
    let (mut inventory, mut failures) = (Inventory::default(), Vec::new());
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

/// Asks for every backup that is due, several at once, and says how every instance stands. By an overview they are planned only.
async fn make_all(run: &Run<'_>, policy: &Policy, account: &str, items: Vec<DueItem>, overview: Option<&Overview>) -> Vec<InstanceReport> {
    in_their_order(items.into_iter().map(|item| make(run, policy, account, item, overview)), AT_ONCE).await
}

async fn make(run: &Run<'_>, policy: &Policy, account: &str, item: DueItem, overview: Option<&Overview>) -> InstanceReport {
    let DueItem { instance, region, name, target, standing } = item;
    let mut report =
        InstanceReport { instance, region, name, series: target, standing: InstanceStanding::NotYet { next: None }, hooks: Vec::new() };
    report.standing = match standing {
        Standing::Due { slot, request } => {
            let target = report.series.as_ref().and_then(|series| policy.target(series));
            let hooks = target.map(|target| Hooks { before: target.settings.before.as_ref(), after: target.settings.after.as_ref() });
            if run.agreed.is_some_and(|agreed| !agreed.may_make(&report.region, &report.instance, slot)) {
                InstanceStanding::NotAgreed { slot }
            } else if run.stop.is_requested() {
                InstanceStanding::Failed { slot, why: "the run was interrupted".to_owned() }
            } else if let Some(overview) = overview {
                plan_one(run, slot, &request, overview).await
            } else {
                make_one(run, account, &mut report, slot, &request, hooks.unwrap_or_default()).await
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
fn at_once<'r>(run: &Run<'r>) -> Run<'r> {
    Run { wait: false, ..*run }
}

async fn plan_one(run: &Run<'_>, slot: Timestamp, request: &ImageRequest, overview: &Overview) -> InstanceStanding {
    match plan_image(&at_once(run), request, overview).await {
        Ok(report) => InstanceStanding::Planned { slot, steps: report.planned },
        Err(error) => InstanceStanding::Failed { slot, why: error.to_string() },
    }
}

/// The hooks of a target.
#[derive(Clone, Copy, Default)]
struct Hooks<'h> {
    before: Option<&'h Hook>,
    after: Option<&'h Hook>,
}

async fn make_one(
    run: &Run<'_>,
    account: &str,
    report: &mut InstanceReport,
    slot: Timestamp,
    request: &ImageRequest,
    Hooks { before, after }: Hooks<'_>,
) -> InstanceStanding {
    let input = |report: &InstanceReport, when: &str, image: Option<&ImageResult>, failure: Option<&str>| {
        let name = &report.name;
        json!({
            "version": 1, "when": when, "account": account, "instance": report.instance, "instance_name": name, "region": report.region,
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
        let mut is_moving = false;
        for (region, images) in in_each(&regions, run.account, look).await {
            let images = match images {
                Ok(images) => images,
                Err(failure) => {
                    (run.listener)(&Event::Waiting(failure));
                    continue;
                }
            };
            meter::tell(run, images.iter().filter(|image| image.state == ImageState::Pending).map(|image| (&region, image))).await;
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
                    is_moving = true;
                    made.state = state;
                    (run.listener)(&Event::State { region: region.clone(), image: made.image.clone(), state });
                }
            }
        }
        if is_moving {
            delays.look_again_soon();
        }
        let settled = instances.iter().filter_map(InstanceReport::made).all(|image| image.state != ImageState::Pending);
        if settled || !delays.wait(run, Duration::ZERO).await {
            return;
        }
    }
}

fn ending(run: &Run<'_>, report: &AccountReport, copies: Ending) -> Ending {
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
