//! How policies would fare over time.

use jiff::Timestamp;
use planner::simulate::{DateRange, Loss, Simulation};
use schemars::JsonSchema;
use serde::Serialize;

use crate::outcome::Failure;

/// How a policy would fare over time, and another one beside it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[must_use = "an unread report helps nobody"]
pub struct SimulateReport {
    /// The version of this document.
    pub version: u32,
    /// `simulate`.
    pub command: String,
    /// What it begins with.
    pub beginning: Beginning,
    /// When it begins.
    pub from: Timestamp,
    /// Days on which nothing runs, in the time zone of each target.
    pub missed: Vec<DateRange>,
    /// How the policy fares.
    #[serde(flatten)]
    pub this: Replayed,
    /// How the other one does.
    pub diff: Option<Comparison>,
    /// Listings of volumes that could not be read, so that their sizes are not known.
    pub failures: Vec<Failure>,
}

/// What a simulation begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Beginning {
    /// Instances that are made up, without any backup.
    Invented,
    /// The instances and backups that EC2 shows.
    Observed,
}

/// How one policy fares.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Replayed {
    /// The policy file.
    pub policy: String,
    /// The first backup that goes and leaves nothing as old of its instance, in no region.
    pub first_forgotten: Option<Loss>,
    /// Day by day.
    #[serde(flatten)]
    pub simulation: Simulation,
}

/// Another policy, replayed from the same beginning.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    /// How it fares.
    #[serde(flatten)]
    pub other: Replayed,
    /// How many instances there are with backups under both.
    pub in_both: u64,
    /// The first backup that the policy deletes and the other one still keeps then.
    pub first_lost_by_this: Option<Loss>,
    /// The first backup that the other one deletes and the policy still keeps then.
    pub first_lost_by_other: Option<Loss>,
}
