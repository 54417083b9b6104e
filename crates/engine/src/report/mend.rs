//! What backups lacked by their policy, and whether they have it now.

use planner::id::{Region, SeriesName};
use planner::plan::BackupLabel;
use planner::plan::mend::Wish;
use schemars::JsonSchema;
use serde::Serialize;

use crate::outcome::Failure;

/// One thing that a backup lacked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MendReport {
    /// Where the backup is.
    pub region: Region,
    /// The series it is of.
    pub series: SeriesName,
    /// The backup.
    pub backup: BackupLabel,
    /// What it lacked.
    #[serde(flatten)]
    pub wish: Wish,
    /// What came of it.
    #[serde(flatten)]
    pub result: MendResult,
}

/// Whether a backup has now what it lacked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum MendResult {
    /// It would be given to it.
    Planned,
    /// It has it.
    Done,
    /// The backup is not there any more.
    Gone,
    /// EC2 did not do it; the next run asks again.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// It was not tried: the same had failed in this region, or the run was interrupted.
    NotTried,
}

impl MendReport {
    /// Why it does not have it.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        if let MendResult::Failed { failure } = &self.result { Some(failure) } else { None }
    }

    /// Whether there is anything to read of it: what failed is told by its failure, once for all.
    pub(super) fn is_told(&self) -> bool {
        match self.result {
            MendResult::Planned | MendResult::Done => true,
            MendResult::Gone | MendResult::Failed { .. } | MendResult::NotTried => false,
        }
    }

    /// All that is told of one backup together: `us-east-1  ami-…  web-1 of 2026-12-01 02:00Z`, and what it lacked. It stands together.
    pub(super) fn by_backup<'r>(mended: impl IntoIterator<Item = &'r Self>) -> Vec<(String, String)> {
        let mut backups: Vec<(&Self, String)> = Vec::new();
        for mend in mended {
            match backups.last_mut() {
                Some((known, wishes)) if (&known.region, &known.backup.image) == (&mend.region, &mend.backup.image) => {
                    *wishes = format!("{wishes}, {}", mend.wish);
                }
                _ => backups.push((mend, mend.wish.to_string())),
            }
        }
        let name = |mend: &Self| format!("{}  {}", mend.region, super::text::describe(&mend.backup));
        backups.into_iter().map(|(mend, wishes)| (name(mend), wishes)).collect()
    }
}
