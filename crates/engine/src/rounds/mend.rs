//! The last that `run` does: what the backups it keeps still lack by the policy, a date of deprecation or protection, they are given.
//!
//! It comes after the purge. A backup that somebody has taken the protection from, so that it can go, has gone by then.

use std::collections::{BTreeMap, BTreeSet};

use planner::CheckedStep;
use planner::guard::{Permit, Refusal, guard};
use planner::id::{ImageId, Region};
use planner::plan::Plan;
use planner::plan::mend::{Lacking, decide, wishes};
use planner::policy::SeriesRules;
use tokio::task::JoinSet;

use crate::apply;
use crate::call::Call;
use crate::outcome::{Class, Failure};
use crate::report::{InstanceReport, InstanceStanding, MendReport, MendResult, PlannedStep};
use crate::rounds::fleet::backups;
use crate::rounds::{Run, add_news};

/// What came of it.
pub(super) struct Mended {
    /// What was lacking, and whether it is there now.
    pub(super) mended: Vec<MendReport>,
    /// What failed, each failure once however many backups it was met with.
    pub(super) failures: Vec<Failure>,
}

/// Mends the backups of these regions. Nothing is asked of EC2 unless the rules want something. Where only what was agreed to is done,
/// what this run has `made` is agreed to with it.
///
/// # Errors
/// The guard objected: a defect of this program. Nothing was changed.
pub(super) async fn mend(
    run: &Run<'_>,
    regions: &BTreeSet<Region>,
    rules: &SeriesRules,
    made: &BTreeSet<ImageId>,
) -> Result<Mended, Refusal> {
    if !rules.want_mending() || run.stop.is_requested() {
        return Ok(Mended { mended: Vec::new(), failures: Vec::new() });
    }
    let (inventory, mut failures) = backups(run.account, regions).await;
    let now = run.clock.now();
    let mut lacking = decide(&inventory, rules, now);
    if let Some(agreed) = run.agreed {
        lacking.retain(|lacking| made.contains(&lacking.backup.image) || agreed.may_mend(&lacking.step.region, &lacking.backup.image));
    }
    let plan = Plan { steps: lacking.iter().map(|lacking| lacking.step.clone()).collect(), ..Plan::default() };
    let checked = guard(plan, &inventory, Permit::Mend(rules), now)?;
    let mut results = if run.dry_run { BTreeMap::new() } else { apply_all(run, checked.steps().enumerate()).await };
    let otherwise = if run.dry_run { MendResult::Planned } else { MendResult::NotTried };
    let result = |(place, Lacking { step, wish, backup, series })| MendReport {
        region: step.region,
        series,
        backup,
        wish,
        result: results.remove(&place).unwrap_or_else(|| otherwise.clone()),
    };
    let mended: Vec<MendReport> = lacking.into_iter().enumerate().map(result).collect();
    for failure in mended.iter().filter_map(MendReport::failure) {
        add_news(&mut failures, failure.clone());
    }
    Ok(Mended { mended, failures })
}

/// Regions side by side, one call after the other in each. What a region refuses for all of its images, it is asked for once.
async fn apply_all(run: &Run<'_>, steps: impl Iterator<Item = (usize, CheckedStep)>) -> BTreeMap<usize, MendResult> {
    let mut by_region: BTreeMap<Region, Vec<(usize, CheckedStep)>> = BTreeMap::new();
    for (place, step) in steps {
        by_region.entry(step.region().clone()).or_default().push((place, step));
    }
    let mut working = JoinSet::new();
    for steps in by_region.into_values() {
        let (account, stop) = (run.account.clone(), run.stop.clone());
        working.spawn(async move {
            let (mut results, mut given_up) = (Vec::new(), BTreeSet::<Call>::new());
            for (place, step) in steps {
                let Some(call) = apply::mends_by(&step).filter(|call| !given_up.contains(call)) else { continue };
                if stop.is_requested() {
                    break;
                }
                let result = match apply::mend(&account, &step).await {
                    Ok(()) => MendResult::Done,
                    Err(Failure { class: Class::Gone, .. }) => MendResult::Gone,
                    Err(failure) => {
                        if !matches!(failure.class, Class::Refused | Class::TryLater) {
                            given_up.insert(call);
                        }
                        MendResult::Failed { failure }
                    }
                };
                results.push((place, result));
            }
            results
        });
    }
    working.join_all().await.into_iter().flatten().collect()
}

/// Says of every backup that would be made what it would be given then.
pub(super) fn announce(instances: &mut [InstanceReport], rules: &SeriesRules, now: jiff::Timestamp) {
    for InstanceReport { instance, region, series, standing, .. } in instances {
        if let (InstanceStanding::Planned { slot, steps }, Some(series)) = (standing, series)
            && let Some(rule) = rules.of(series, instance)
        {
            steps.extend(wishes(rule, *slot, now).map(|wish| PlannedStep::MendWhenAvailable { region: region.clone(), wish }));
        }
    }
}
