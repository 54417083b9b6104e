//! The policy file, `ami-backup.toml`: what it says, checked as a whole. How it is written is in [`format`].
//!
//! [`Policy::read`] finds everything that is wrong at once, and says of each thing where it is and what to do. Nothing of a file
//! with an error is used: half a policy could delete what the other half keeps.

pub mod format;
mod nearest;
mod problems;
mod reader;
mod resolve;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use schemars::transform::{RecursiveTransform, Transform};
use schemars::{Schema, schema_for};

use crate::id::{AccountId, Region, SeriesName};
use crate::plain::one_line;
use crate::policy::MaxDeletes;
use crate::policy::select::{Candidate, Selector};
use crate::policy::settings::{Layer, Settings, Shown, apply};

pub(super) use nearest::nearest;
pub use problems::{Place, PolicyErrors, Problem, Warning};

/// The name of the file, where nobody gives another.
pub const FILE_NAME: &str = "ami-backup.toml";

/// The largest file that is read, in bytes.
pub const LARGEST: usize = 1024 * 1024;

/// The name of the account that the program's own credentials are of.
pub const SELF: &str = "self";

/// What is wanted for a fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The targets, in the order of the file. There is at least one, and no two have the same name.
    pub targets: Vec<Target>,
    /// The other accounts, by the names that the file gives them. [`SELF`] is not among them.
    pub accounts: BTreeMap<String, AccountRef>,
    /// A run that would delete more than this deletes nothing.
    pub max_deletes: Option<MaxDeletes>,
}

/// Some instances, and what is wanted for them. Their backups are the series of its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The name.
    pub name: SeriesName,
    /// What holds for its instances, unless their own tags say otherwise: see [`Target::settings_for`].
    pub settings: Settings,
    /// The instances it is for, in its accounts and regions.
    pub select: Selector,
    /// The accounts it is for: names of [`Policy::accounts`], or [`SELF`]. There is at least one.
    pub accounts: BTreeSet<String>,
    /// The regions it is for; every enabled one, if absent. There is at least one.
    pub regions: Option<BTreeSet<Region>>,
    /// Who said what.
    layer: Layer,
}

/// Another account, and how to get into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRef {
    /// The role that is assumed there.
    pub role: RoleArn,
    /// What the role's trust policy asks for beside the caller, if it asks for it.
    pub external_id: Option<String>,
}

/// The ARN of an IAM role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleArn {
    text: String,
    account: AccountId,
}

/// A text that is no ARN of a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not the ARN of a role, such as arn:aws:iam::210987654321:role/ami-backup", one_line(.0))]
pub struct InvalidRoleArn(String);

impl Policy {
    /// Reads the text of a policy file; `file` is what messages call it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of the file.
    pub fn read(text: &str, file: &str) -> Result<(Self, Vec<Warning>), PolicyErrors> {
        resolve::read(text, file)
    }

    /// The JSON Schema of the file, with which editors help to write it.
    pub fn schema() -> Schema {
        let mut schema = schema_for!(format::PolicyFile);
        RecursiveTransform(format::without_null).transform(&mut schema);
        schema
    }

    /// The target of that name.
    pub fn target(&self, name: &SeriesName) -> Option<&Target> {
        self.targets.iter().find(|target| target.name == *name)
    }
}

impl Target {
    /// What holds for one of its instances, the instance's own tags included; a warning for each of these that is ignored; and
    /// every setting with who said it.
    ///
    /// A copy to the region where the instance is makes no sense and is left out.
    pub fn settings_for(&self, candidate: &Candidate) -> (Settings, Vec<Warning>, Vec<Shown>) {
        let (settings, layer, warnings) = apply(&self.layer, &self.settings, &candidate.tags);
        let warnings = warnings.into_iter().map(|text| Warning { place: None, text: format!("{}: {text}", candidate.id) }).collect();
        let is_elsewhere = |region: &Region| *region != candidate.region;
        let settings = Settings { copies: settings.copies.into_iter().filter(|copy| is_elsewhere(&copy.region)).collect(), ..settings };
        let shown = layer.without_copy_to(&candidate.region).shown();
        (settings, warnings, shown)
    }

    /// Every setting of the target with who said it.
    pub fn shown(&self) -> Vec<Shown> {
        self.layer.shown()
    }
}

impl RoleArn {
    /// The ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The account that the role is in.
    pub fn account(&self) -> &AccountId {
        &self.account
    }
}

impl FromStr for RoleArn {
    type Err = InvalidRoleArn;

    fn from_str(text: &str) -> Result<Self, InvalidRoleArn> {
        read_role(text).ok_or_else(|| InvalidRoleArn(text.to_owned()))
    }
}

fn read_role(text: &str) -> Option<RoleArn> {
    let (partition, rest) = text.strip_prefix("arn:")?.split_once(":iam::")?;
    let (account, role) = rest.split_once(":role/")?;
    let is_partition = partition.starts_with("aws") && partition.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    // Path and name, in IAM's characters: 512 and 64 of them at most.
    let is_role = (1..=576).contains(&role.len())
        && !role.ends_with('/')
        && role.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@/-".contains(&b));
    (is_partition && is_role).then(|| Some(RoleArn { text: text.to_owned(), account: account.parse().ok()? })).flatten()
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}
