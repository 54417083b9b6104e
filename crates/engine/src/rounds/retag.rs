//! `pin`, `unpin` and `expire`: one tag of one backup is changed.

use planner::guard::{Permit, guard};
use planner::id::Region;
use planner::inventory::{Inventory, RegionView};
use planner::plan::retag::{Change, NoBackup, RetagDecision, RetagRequest, decide};
use planner::plan::{Action, BackupLabel, Plan, Step};

use crate::account::Account;
use crate::apply;
use crate::observe;
use crate::outcome::Failure;
use crate::report::RetagReport;
use crate::rounds::{Ending, RegionScope, Run, RunError, in_each};

/// Changes what is said of a backup, on its image and its own snapshots.
///
/// # Errors
/// [`RunError`] if there is no such backup, or nothing was changed.
pub async fn retag(run: &Run<'_>, scope: &RegionScope, request: &RetagRequest) -> Result<RetagReport, RunError> {
    let now = run.clock.now();
    let regions = scope.regions(run.account).await?;
    let look = |account: Account, region: Region| {
        let image = request.image.clone();
        async move { observe::image_and_snapshots(&account, &region, &image).await }
    };
    let (mut inventory, mut failures) = (Inventory::default(), Vec::new());
    for (region, view) in in_each(&regions, run.account, look).await {
        let view = view.unwrap_or_else(|failure: Failure| {
            let view = RegionView::unseen(failure.to_string());
            failures.push(failure);
            view
        });
        inventory.regions.insert(region, view);
    }
    observe::settle_account(&mut inventory);
    match decide(&inventory, request) {
        // It may be where nobody could look.
        RetagDecision::No(NoBackup::NotThere(image)) => match failures.into_iter().next() {
            Some(failure) => Err(RunError::Failed(failure)),
            None => Err(RunError::NoBackup(NoBackup::NotThere(image))),
        },
        RetagDecision::No(why) => Err(RunError::NoBackup(why)),
        RetagDecision::AsAsked(region, backup) => Ok(report(run, now, &region, backup, request, None)),
        RetagDecision::Change(step, backup) => {
            let region = step.region.clone();
            let plan = Plan { steps: vec![*step], ..Plan::default() };
            let checked = guard(plan, &inventory, Permit::Retag(request), now).map_err(RunError::Refused)?;
            if !run.dry_run {
                for step in checked.steps() {
                    apply::retag(run.account, &step).await.transpose().map_err(RunError::Failed)?;
                }
            }
            Ok(report(run, now, &region, backup, request, checked.plan().steps.first()))
        }
    }
}

fn report(
    run: &Run<'_>,
    now: jiff::Timestamp,
    region: &Region,
    backup: BackupLabel,
    request: &RetagRequest,
    step: Option<&Step>,
) -> RetagReport {
    let snapshots = match step {
        Some(Step { action: Action::Retag(retag), .. }) => retag.snapshots.clone(),
        _ => Vec::new(),
    };
    let command = match request.change {
        Change::Pin { .. } => "pin",
        Change::Unpin => "unpin",
        Change::Expire { .. } | Change::NeverExpire => "expire",
    };
    RetagReport {
        version: 1,
        command: command.to_owned(),
        dry_run: run.dry_run,
        now,
        region: region.clone(),
        backup,
        change: request.change.clone(),
        snapshots,
        changed: step.is_some(),
        ending: Ending::Done,
    }
}
