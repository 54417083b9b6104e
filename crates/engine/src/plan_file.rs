//! A plan that is written down, looked at, and applied later, or not at all: `plan -o` and `apply`.
//!
//! What is applied is planned anew, and must come to the same for every item. So a plan cannot bring about what the policy would not,
//! whoever has edited it; its checksum tells an edit, and a file that was cut off, from a drift.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::Timestamp;
use planner::id::{ImageId, InstanceId, Region, SnapshotId};
use planner::inventory::Image;
use planner::plain::one_line;
use planner::plan::CopyStanding;
use planner::plan::purge::{Decision, Subject};
use planner::policy::Agreed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::report::{AccountReport, Drift, InstanceStanding, MendReport, MendResult, PlannedStep, RunReport};

/// The largest plan that is read, in bytes.
pub const LARGEST: usize = 256 * 1024 * 1024;

/// A plan as a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// The version of this document.
    pub version: u32,
    /// `plan`.
    pub command: String,
    /// By which instant it was planned.
    pub planned: Timestamp,
    /// The text of the policy file.
    pub policy: String,
    /// What is to be done.
    pub items: Vec<PlannedItem>,
    /// A checksum of all the rest, by which a change is noticed that nobody meant to make: SHA-256.
    pub seal: String,
}

/// One thing to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedItem {
    /// The policy's name of the account.
    pub account: String,
    /// The region of what is made or goes.
    pub region: Region,
    /// What.
    #[serde(flatten)]
    pub work: Work,
    /// What it was planned by: where any of it has changed, the plan does not hold.
    pub facts: Value,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "work", rename_all = "snake_case")]
pub enum Work {
    /// Make a backup of an instance, and its copies once it is there.
    Make {
        /// The instance.
        instance: InstanceId,
        /// The slot it is for.
        slot: Timestamp,
    },
    /// Copy a backup into the region.
    Copy {
        /// The backup.
        source: ImageId,
    },
    /// Give a backup what it lacks by the policy: a date of deprecation, protection.
    Mend {
        /// The backup's image.
        image: ImageId,
    },
    /// Delete a backup.
    Purge {
        /// The backup's image.
        image: ImageId,
    },
    /// Delete a snapshot whose image is gone.
    PurgeOrphan {
        /// The snapshot.
        snapshot: SnapshotId,
    },
}

/// Why a plan cannot be used at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusablePlan {
    /// It is no plan.
    #[error("it is no plan that `ami-backup plan -o` has written: {0}")]
    NoPlan(String),
    /// It is of a version of this program that this one does not know.
    #[error("it is a plan of version {0}, and this program knows version 1 only; plan again")]
    Version(u32),
    /// Somebody has changed it, or it is not whole.
    #[error("it was changed after it had been planned, or is not whole: its checksum does not fit; plan again")]
    Broken,
    /// The policy is another one by now.
    #[error("the policy has changed since it was planned; plan again")]
    AnotherPolicy,
}

impl PlanFile {
    /// Writes down what a dry run has shown; `policy` is the text of the policy file.
    pub fn of(report: &RunReport, policy: &str) -> Self {
        let mut plan = Self {
            version: 1,
            command: "plan".to_owned(),
            planned: report.started,
            policy: policy.to_owned(),
            items: items(report),
            seal: String::new(),
        };
        plan.seal = seal_of(json!(plan));
        plan
    }

    /// Reads one that is meant for a policy of this text.
    ///
    /// # Errors
    /// [`UnusablePlan`] if it cannot be used whatever EC2 holds.
    pub fn read(text: &str, policy: &str) -> Result<Self, UnusablePlan> {
        let no_plan = |error: serde_json::Error| UnusablePlan::NoPlan(one_line(&error.to_string()));
        let document: Value = serde_json::from_str(text).map_err(no_plan)?;
        match document.get("version").and_then(Value::as_u64).map(u32::try_from) {
            Some(Ok(1)) => {}
            Some(Ok(version)) => return Err(UnusablePlan::Version(version)),
            Some(Err(_)) | None => return Err(UnusablePlan::NoPlan("it has no version".to_owned())),
        }
        let plan: Self = serde_json::from_value(document.clone()).map_err(no_plan)?;
        if plan.command != "plan" {
            return Err(UnusablePlan::NoPlan("it is another document".to_owned()));
        }
        if plan.seal != seal_of(document) {
            return Err(UnusablePlan::Broken);
        }
        if plan.policy == policy { Ok(plan) } else { Err(UnusablePlan::AnotherPolicy) }
    }

    /// What a run that was to apply this plan has not done. What failed is told with the run itself.
    pub fn undone(&self, report: &RunReport) -> Vec<Drift> {
        let tried: BTreeSet<(&str, &Region, Work)> = report
            .accounts
            .iter()
            .flat_map(|there| there.purge.iter().flat_map(|purge| &purge.verdicts).map(|found| (there.account.as_str(), found)))
            .filter(|(_, found)| found.result.is_some())
            .map(|(account, found)| (account, &found.verdict.region, purge_of(&found.verdict.subject)))
            .collect();
        let is_undone = |item: &&PlannedItem| {
            let Some(there) = report.accounts.iter().find(|there| there.account == item.account) else { return true };
            match &item.work {
                Work::Make { instance, .. } => {
                    let standing = there.instances.iter().find(|found| found.instance == *instance).map(|found| &found.standing);
                    !matches!(
                        standing,
                        Some(
                            InstanceStanding::Made { .. }
                                | InstanceStanding::Failed { .. }
                                | InstanceStanding::Done { .. }
                                | InstanceStanding::InFlight { .. }
                        )
                    )
                }
                Work::Copy { source } => {
                    let is_it = |copy: &CopyStanding| copy.source == *source && copy.destination.as_ref() == Some(&item.region);
                    !there.copies.iter().any(is_it)
                }
                Work::Mend { image } => !there.mended.iter().any(|mend| mend.backup.image == *image),
                work @ (Work::Purge { .. } | Work::PurgeOrphan { .. }) => !tried.contains(&(&item.account, &item.region, work.clone())),
            }
        };
        let told = |item: &PlannedItem| Drift {
            account: item.account.clone(),
            region: item.region.clone(),
            work: item.work.clone(),
            why: why_not(report, &item.account, &item.region, &item.work),
        };
        self.items.iter().filter(is_undone).map(told).collect()
    }

    /// What does not hold any more, by what the same policy would do now.
    pub fn drift(&self, now: &RunReport) -> Vec<Drift> {
        let planned_now: BTreeMap<(String, Region, Work), Value> =
            items(now).into_iter().map(|item| ((item.account, item.region, item.work), item.facts)).collect();
        let mut drifted = Vec::new();
        for PlannedItem { account, region, work, facts } in &self.items {
            let why = match planned_now.get(&(account.clone(), region.clone(), work.clone())) {
                Some(same) if same == facts => continue,
                Some(other) => format!("{} changed since", differing(facts, other).join(", ")),
                None => why_not(now, account, region, work),
            };
            drifted.push(Drift { account: account.clone(), region: region.clone(), work: work.clone(), why });
        }
        drifted
    }
}

/// The checksum of a document, without the one that it holds.
fn seal_of(mut document: Value) -> String {
    if let Some(rest) = document.as_object_mut() {
        rest.remove("seal");
    }
    Sha256::digest(document.to_string()).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// What a dry run has shown, item by item.
fn items(report: &RunReport) -> Vec<PlannedItem> {
    report.accounts.iter().flat_map(items_of).collect()
}

fn items_of(report: &AccountReport) -> Vec<PlannedItem> {
    let item =
        |region: &Region, work: Work, facts: Value| PlannedItem { account: report.account.clone(), region: region.clone(), work, facts };
    let mut items = Vec::new();
    for instance in &report.instances {
        let InstanceStanding::Planned { slot, steps } = &instance.standing else { continue };
        let own = steps.iter().filter(|step| !matches!(step, PlannedStep::CopyImage { .. })).collect::<Vec<_>>();
        let facts = json!({ "name": instance.name, "series": instance.series, "steps": own });
        items.push(item(&instance.region, Work::Make { instance: instance.instance.clone(), slot: *slot }, facts));
    }
    // An older backup's copies are looked after by its instance, and by the run as a whole.
    let mut copies = BTreeSet::new();
    let of_instances = report.instances.iter().filter_map(|instance| match &instance.standing {
        InstanceStanding::Planned { steps, .. } => Some(steps),
        _ => None,
    });
    for step in of_instances.flatten().chain(&report.planned_copies) {
        if let PlannedStep::CopyImage { region, source, .. } = step
            && copies.insert((region, source))
        {
            items.push(item(region, Work::Copy { source: source.clone() }, json!(step)));
        }
    }
    let mut lacking: BTreeMap<(&Region, &ImageId), Vec<&MendReport>> = BTreeMap::new();
    for mend in report.mended.iter().filter(|mend| mend.result == MendResult::Planned) {
        lacking.entry((&mend.region, &mend.backup.image)).or_default().push(mend);
    }
    for ((region, image), wishes) in lacking {
        items.push(item(region, Work::Mend { image: image.clone() }, json!(wishes)));
    }
    let purged = report.purge.iter().filter(|purge| purge.refusal.is_none());
    for verdict in purged.flat_map(|purge| &purge.verdicts) {
        if let Decision::Purge { .. } = verdict.verdict.decision {
            items.push(item(&verdict.verdict.region, purge_of(&verdict.verdict.subject), json!(verdict.verdict)));
        }
    }
    items
}

/// The item that deletes this.
fn purge_of(subject: &Subject) -> Work {
    match subject {
        Subject::Backup(backup) => Work::Purge { image: backup.image.clone() },
        Subject::Orphan { snapshot, .. } => Work::PurgeOrphan { snapshot: snapshot.clone() },
    }
}

/// The facts that differ, by their names.
fn differing(planned: &Value, now: &Value) -> Vec<String> {
    let (Value::Object(planned), Value::Object(now)) = (planned, now) else { return vec!["it".to_owned()] };
    let names: BTreeSet<&String> = planned.keys().chain(now.keys()).collect();
    names.into_iter().filter(|name| planned.get(*name) != now.get(*name)).cloned().collect()
}

/// Why something is not planned any more.
fn why_not(now: &RunReport, account: &str, region: &Region, work: &Work) -> String {
    let Some(report) = now.accounts.iter().find(|report| report.account == account) else {
        return "the policy is not for that account".to_owned();
    };
    if let Some(why) = &report.unreached {
        return format!("the account could not be reached: {why}");
    }
    match work {
        Work::Make { instance, slot: _ } => {
            let found = report.instances.iter().find(|found| found.instance == *instance && found.region == *region);
            match found.map(|found| &found.standing) {
                Some(InstanceStanding::Planned { slot, .. }) => format!("the slot that is due now is {slot}"),
                Some(InstanceStanding::Done { newest, .. }) => format!("it is made already: {newest}"),
                Some(InstanceStanding::InFlight { in_flight, .. }) => format!("it is being made already: {in_flight}"),
                Some(
                    InstanceStanding::Failed { why, .. } | InstanceStanding::RegionUnseen { why } | InstanceStanding::NotSelected { why },
                ) => why.clone(),
                Some(InstanceStanding::CannotBeImaged { state }) => format!("the instance is {state} now"),
                Some(InstanceStanding::NotYet { .. } | InstanceStanding::Made { .. } | InstanceStanding::NotAgreed { .. }) => {
                    "it is not due now".to_owned()
                }
                None => "the instance was not seen any more".to_owned(),
            }
        }
        Work::Mend { .. } => "it lacks nothing any more, or is not there".to_owned(),
        Work::Copy { .. } => "it is not to be copied any more".to_owned(),
        Work::Purge { .. } | Work::PurgeOrphan { .. } => {
            if let Some(why) = &report.not_purged {
                return why.clone();
            }
            if let Some(refusal) = report.purge.iter().find_map(|purge| purge.refusal.as_ref()) {
                return refusal.clone();
            }
            let mut verdicts = report.purge.iter().flat_map(|purge| &purge.verdicts).map(|found| &found.verdict);
            match verdicts.find(|verdict| verdict.region == *region && purge_of(&verdict.subject) == *work).map(|verdict| &verdict.decision)
            {
                Some(Decision::Keep { reason }) => format!("it stays now: {reason}"),
                Some(Decision::Purge { .. }) => "it goes otherwise now".to_owned(),
                None => "it was not seen any more".to_owned(),
            }
        }
    }
}

/// What somebody has agreed to, by account: nothing else is done.
#[derive(Debug, Clone, Default)]
pub struct Agreement(BTreeMap<String, AgreedThere>);

/// What somebody has agreed to in one account.
#[derive(Debug, Clone, Default)]
pub struct AgreedThere {
    images: BTreeSet<(Region, InstanceId, Timestamp)>,
    copies: BTreeSet<(Region, ImageId)>,
    mended: BTreeSet<(Region, ImageId)>,
    purge: Agreed,
}

impl Agreement {
    /// To all of a plan.
    pub fn to(plan: &PlanFile) -> Self {
        let mut agreed: BTreeMap<String, AgreedThere> = BTreeMap::new();
        for PlannedItem { account, region, work, facts: _ } in plan.items.iter().cloned() {
            let there = agreed.entry(account).or_default();
            match work {
                Work::Make { instance, slot } => drop(there.images.insert((region, instance, slot))),
                Work::Copy { source } => drop(there.copies.insert((region, source))),
                Work::Mend { image } => drop(there.mended.insert((region, image))),
                Work::Purge { image } => drop(there.purge.images.insert((region, image))),
                Work::PurgeOrphan { snapshot } => drop(there.purge.orphans.insert((region, snapshot))),
            }
        }
        Self(agreed)
    }

    pub(crate) fn there(&self, account: &str) -> AgreedThere {
        self.0.get(account).cloned().unwrap_or_default()
    }
}

impl AgreedThere {
    pub(crate) fn may_make(&self, region: &Region, instance: &InstanceId, slot: Timestamp) -> bool {
        self.images.contains(&(region.clone(), instance.clone(), slot))
    }

    /// A copy that was named itself, or one of a backup that was agreed to be made.
    pub(crate) fn may_copy(&self, source_region: &Region, source: &Image, destination: &Region) -> bool {
        let is_new = || {
            let tags = &source.tags;
            tags.instance().zip(tags.slot()).is_some_and(|(instance, slot)| self.may_make(source_region, &instance, slot))
        };
        self.copies.contains(&(destination.clone(), source.id.clone())) || is_new()
    }

    pub(crate) fn may_mend(&self, region: &Region, image: &ImageId) -> bool {
        self.mended.contains(&(region.clone(), image.clone()))
    }

    pub(crate) fn purge(&self) -> Agreed {
        self.purge.clone()
    }
}
