//! What the user wants: the planner's other input beside what was seen.
//!
//! [`file`] is the policy for a fleet, [`settings`] what it says for one instance, [`select`] which instances it is for.

pub mod file;
pub mod pattern;
pub mod select;
pub mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::completion::Completion;
use crate::expiry::Expiry;
use crate::id::{ImageId, InstanceId, Region, SeriesName, SnapshotId};
use crate::period::Period;
use crate::retention::Keep;
use crate::tags::{Encryption, Intent, Tags};

/// An intent is finished by later runs for this long after its slot, or for the run's patience when that is longer.
/// After that a copy somebody deleted on purpose does not come back.
pub const INTENT_LIFE: SignedDuration = SignedDuration::from_hours(48);

/// "This instance: one image now, kept until then, copied there": what `image-instance` was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRequest {
    /// The instance to back up.
    pub instance: InstanceId,
    /// Its region.
    pub region: Region,
    /// The start of the run, in whole seconds. The image's name comes from it, never from the moment of a call.
    pub slot: Timestamp,
    /// When the backup may go; never, if absent.
    pub expire: Option<Expiry>,
    /// Whether EC2 may reboot the instance for a consistent image.
    pub reboot: bool,
    /// The copies, at most one for each destination.
    pub copies: Vec<CopyRequest>,
    /// How long the run will wait, which decides how long its copies may be finished by others.
    pub patience: SignedDuration,
    /// What makes it a backup of a policy's series; absent, it is one that somebody asked for.
    pub series: Option<SeriesRequest>,
}

/// What a policy adds to a request. All of it follows from the policy, the slot and the instance, and from nothing else: two runs
/// at once ask for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesRequest {
    /// The series.
    pub name: SeriesName,
    /// Until when its copies are made. A slot that was missed is caught up late, so that its age does not count.
    pub copies_until: Timestamp,
    /// The instance's tags that are carried over.
    pub carried: Tags,
    /// The devices whose volumes are left out.
    pub excluded_devices: BTreeSet<String>,
}

/// One copy that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRequest {
    /// The region the copy goes to.
    pub destination: Region,
    /// How the copy is encrypted.
    pub encryption: Encryption,
    /// In how many minutes EC2 is to finish it; as EC2 likes, if absent.
    pub completion: Option<Completion>,
}

impl ImageRequest {
    /// The copies as they are written on the source image.
    pub fn intents(&self) -> Vec<Intent> {
        let from_slot = self.slot.saturating_add(INTENT_LIFE.max(self.patience)).unwrap_or(Timestamp::MAX);
        let until = self.series.as_ref().map_or(from_slot, |series| series.copies_until);
        let intent = |copy: &CopyRequest| Intent {
            destination: copy.destination.clone(),
            encryption: copy.encryption.clone(),
            completion: copy.completion,
            until,
        };
        self.copies.iter().map(intent).collect()
    }
}

/// "What is ours and expired goes": what `purge-expired-amis` was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PurgePolicy {
    /// The regions to purge. Others may be in the inventory, but nothing is deleted there.
    pub regions: BTreeSet<Region>,
    /// How many of the newest available backups of an instance stay in each region, expired or not.
    pub keep_last: u32,
    /// More deletions than this, and nothing at all is deleted.
    pub max_deletes: Option<MaxDeletes>,
    /// Keep what a check that could not be made might have spoken for. Otherwise it goes, and the report warns.
    pub require_checks: bool,
    /// Keep images that instances were launched from, too.
    pub keep_launched: bool,
    /// The rules of a policy's series: then these decide over what is of them, and nothing else goes.
    pub series: Option<SeriesRules>,
    /// What somebody has agreed to: then everything else stays, whatever lets it go.
    pub agreed: Option<Agreed>,
}

/// What may be deleted because somebody has seen it in a plan and agreed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreed {
    /// Images, with the snapshots that go with them.
    pub images: BTreeSet<(Region, ImageId)>,
    /// Orphans.
    pub orphans: BTreeSet<(Region, SnapshotId)>,
}

/// What a policy wants of the backups of its series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeriesRules {
    /// By series.
    pub targets: BTreeMap<SeriesName, SeriesRule>,
    /// Those of single instances, whose own tags say otherwise.
    pub instances: BTreeMap<(SeriesName, InstanceId), SeriesRule>,
}

/// What a policy wants of the backups of one series: what is kept, and what EC2 is told of those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesRule {
    /// What is kept.
    pub keep: Keep,
    /// In whose calendar days, weeks and months are counted.
    pub zone: TimeZone,
    /// So long, after its slot, a source is kept until its copies are there.
    pub keep_uncopied: Option<Period>,
    /// Whether the newest good backup may go, too.
    pub allow_empty: bool,
    /// The regions that copies go to, and what is kept there where that is different.
    pub copies: BTreeMap<Region, Option<Keep>>,
    /// So long after its slot a backup, source or copy, is deprecated; absent: its date is left alone.
    pub deprecate_after: Option<Period>,
    /// How a backup, source or copy, is protected; absent: its protection is left alone.
    pub protect: Option<Protect>,
}

impl SeriesRules {
    /// The rules that an instance's backups of a series are under; none if the policy does not know the series.
    pub fn of(&self, series: &SeriesName, instance: &InstanceId) -> Option<&SeriesRule> {
        self.instances.get(&(series.clone(), instance.clone())).or_else(|| self.targets.get(series))
    }
}

impl SeriesRule {
    /// What is kept of sources, or of copies, in a region.
    pub fn keep(&self, region: &Region, are_copies: bool) -> &Keep {
        let own = if are_copies { self.copies.get(region).and_then(Option::as_ref) } else { None };
        own.unwrap_or(&self.keep)
    }
}

/// How EC2 is to protect an image from being deregistered. This program never lifts a protection: a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protect {
    /// Until it is lifted.
    UntilLifted,
    /// Until a day after it was lifted (`EnableImageDeregistrationProtection`, `WithCooldown`).
    WithCooldown,
}

/// As in the policy file.
impl std::fmt::Display for Protect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::UntilLifted => "true",
            Self::WithCooldown => "with-cooldown",
        })
    }
}

/// A cap on what one run may delete, counting images and orphan snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaxDeletes {
    /// So many.
    Count(u64),
    /// So many percent of the backups and orphan snapshots seen, at most 100.
    Percent(u64),
}

/// A cap that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a number of deletions such as 20 nor a share such as 10%")]
pub struct InvalidMaxDeletes(String);

impl FromStr for MaxDeletes {
    type Err = InvalidMaxDeletes;

    fn from_str(text: &str) -> Result<Self, InvalidMaxDeletes> {
        let number = |digits: &str| {
            let plain = digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse::<u64>().ok()).flatten()
        };
        match text.strip_suffix('%') {
            Some(percent) => number(percent).filter(|percent| *percent <= 100).map(Self::Percent),
            None => number(text).map(Self::Count),
        }
        .ok_or_else(|| InvalidMaxDeletes(text.to_owned()))
    }
}

impl MaxDeletes {
    /// Whether so many deletions of so many things seen are more than this allows.
    pub fn is_exceeded(self, deletions: usize, seen: usize) -> bool {
        let (deletions, seen) = (deletions as u128, seen as u128);
        match self {
            Self::Count(count) => deletions > u128::from(count),
            Self::Percent(percent) => deletions * 100 > seen * u128::from(percent),
        }
    }
}

impl std::fmt::Display for MaxDeletes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_is_a_count_or_a_share() {
        assert_eq!("20".parse(), Ok(MaxDeletes::Count(20)));
        assert_eq!("0".parse(), Ok(MaxDeletes::Count(0)));
        assert_eq!("10%".parse(), Ok(MaxDeletes::Percent(10)));
        for wrong in ["", "%", "-1", "+1", "1.5%", "101%", "ten", "10 %", "99999999999999999999"] {
            assert!(wrong.parse::<MaxDeletes>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_share_is_of_what_was_seen() {
        let tenth = MaxDeletes::Percent(10);
        assert!(!tenth.is_exceeded(0, 0));
        assert!(!tenth.is_exceeded(1, 10));
        assert!(tenth.is_exceeded(2, 19));
        assert!(MaxDeletes::Percent(0).is_exceeded(1, 1_000_000));
        assert!(!MaxDeletes::Percent(100).is_exceeded(5, 5));
        assert!(MaxDeletes::Count(0).is_exceeded(1, 5));
    }
}
