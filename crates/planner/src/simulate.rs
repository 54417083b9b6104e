//! Replays a policy over time with the very planner and guard that run it, to see beforehand what would be there on which day.
//!
//! It is the best of worlds: every backup and copy succeeds and is there at once, EC2 has nothing to say against a deletion, and
//! no cap stops one. Instances that are alike in all that matters are simulated once and counted as often as there are of them.

mod series;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::fleet::Instance;
use crate::guard::Refusal;
use crate::id::{InstanceId, Region, SeriesName};
use crate::inventory::Inventory;
use crate::policy::file::Policy;
use crate::retention::KeepRule;
use series::{History, kinds};

/// What a simulation begins with.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// When it begins. Its days are of 24 hours from then on.
    pub from: Timestamp,
    /// The instances, all through.
    pub instances: &'a [Instance],
    /// The backups of these that there are already. Those of instances that are gone are left out, and so is what is not of a series
    /// of the policy's.
    pub inventory: Option<&'a Inventory>,
}

/// Days on which nothing runs, in the time zone of each series. The first run after them is as soon as they are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateRange {
    /// The first such day.
    pub first: Date,
    /// The last one.
    pub last: Date,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Simulation {
    /// What there is at the end of each day.
    pub days: Vec<Day>,
    /// How many instances are backed up.
    pub instances: u64,
    /// How many kinds of them there are that had to be told apart.
    pub kinds: u64,
    #[serde(skip)]
    histories: Vec<History>,
    /// Which of the histories is an instance's.
    #[serde(skip)]
    of: BTreeMap<(Region, InstanceId), usize>,
}

/// What there is at the end of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Day {
    /// The day on which it began, in UTC.
    pub date: Date,
    /// Backups and copies that were made on it.
    pub made: u64,
    /// Backups and copies that went.
    pub gone: u64,
    /// What is kept in each region.
    pub regions: BTreeMap<Region, Kept>,
    /// The oldest point in time to which any instance can be restored.
    pub oldest: Option<Timestamp>,
    /// The oldest one to which all can be, of which there is a backup at all.
    pub oldest_of_all: Option<Timestamp>,
}

/// What is kept in a region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Kept {
    /// How many backups.
    pub backups: u64,
    /// How many of them by each tier. One that several want is counted with the first.
    pub tiers: BTreeMap<Tier, u64>,
    /// The least that they take in GiB: one full set of volumes of each instance, nothing of which ever changed.
    pub gib_at_least: u64,
    /// The most: everything changed from each backup to the next. Volumes of unknown size are not in it.
    pub gib_at_most: u64,
}

/// Why a backup is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Among the newest.
    Last,
    /// The newest of an hour.
    Hourly,
    /// The newest of a day.
    Daily,
    /// The newest of an ISO week.
    Weekly,
    /// The newest of a month.
    Monthly,
    /// The newest of a year.
    Yearly,
    /// Not long before the newest.
    Within,
    /// Tagged to be kept.
    Tag,
    /// No rule wants it, but it is the newest good one.
    Newest,
    /// Something else keeps it: a pin, an expiry, a copy that is waited for.
    Other,
}

/// Something that goes though another policy would keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Loss {
    /// When it goes.
    pub at: Timestamp,
    /// The first of the instances whose backup it is.
    pub instance: InstanceId,
    /// The series it is of.
    pub series: SeriesName,
    /// Where it is.
    pub region: Region,
    /// Of which slot.
    pub slot: Timestamp,
}

/// Replays a policy for so many days. The account is a name of the policy's, or [`SELF`](crate::policy::file::SELF).
///
/// # Errors
/// The guard objects to what the planner does, which is a defect of this program.
pub fn simulate(policy: &Policy, account_name: &str, start: Start<'_>, days: u32, missed: &[DateRange]) -> Result<Simulation, Refusal> {
    let days = Days::of(start.from, days);
    let mut simulation = Simulation {
        days: days.starts.iter().map(|start| Day::on(*start)).collect(),
        instances: 0,
        kinds: 0,
        histories: Vec::new(),
        of: BTreeMap::new(),
    };
    for kind in kinds(policy, account_name, start) {
        let history = kind.replay(policy, account_name, start.from, days.end, missed)?;
        let count = u64::try_from(kind.instances.len()).unwrap_or(u64::MAX);
        simulation.instances += count;
        simulation.kinds += 1;
        simulation.add(&history, count, &days);
        let place = simulation.histories.len();
        let members = kind.instances.iter().map(|instance| ((kind.region().clone(), (*instance).clone()), place));
        simulation.of.extend(members);
        simulation.histories.push(history);
    }
    Ok(simulation)
}

/// The days of a simulation.
struct Days {
    starts: Vec<Timestamp>,
    end: Timestamp,
}

impl Days {
    fn of(from: Timestamp, count: u32) -> Self {
        let after = |day: u32| from.saturating_add(SignedDuration::from_hours(24 * i64::from(day))).unwrap_or(Timestamp::MAX);
        Self { starts: (0..count).map(after).collect(), end: after(count) }
    }

    /// The day that holds an instant from the beginning on.
    fn holding(&self, instant: Timestamp) -> usize {
        self.starts.partition_point(|start| *start <= instant).saturating_sub(1)
    }

    fn end_of(&self, day: usize) -> Timestamp {
        self.starts.get(day + 1).copied().unwrap_or(self.end)
    }
}

impl Day {
    fn on(start: Timestamp) -> Self {
        let date = start.to_zoned(TimeZone::UTC).date();
        Self { date, made: 0, gone: 0, regions: BTreeMap::new(), oldest: None, oldest_of_all: None }
    }
}

impl Simulation {
    /// The first thing that goes and that another policy, replayed from the same start over the same days, would still keep.
    pub fn first_lost(&self, other: &Self) -> Option<Loss> {
        // Instances that are alike here need not be alike there.
        let mut pairs: BTreeMap<(usize, usize), &InstanceId> = BTreeMap::new();
        for (key, here) in &self.of {
            if let Some(there) = other.of.get(key) {
                pairs.entry((*here, *there)).or_insert(&key.1);
            }
        }
        let losses = pairs.into_iter().filter_map(|((here, there), instance)| {
            let (here, there) = (self.histories.get(here)?, other.histories.get(there)?);
            let kept = there.spans();
            let is_kept = |gone: &&series::Event| {
                let span = kept.get(&(&gone.region, gone.slot));
                span.is_some_and(|(made, until)| *made <= gone.at && until.is_none_or(|until| until > gone.at))
            };
            let gone = here.gone.iter().find(is_kept)?;
            let (region, slot, series) = (gone.region.clone(), gone.slot, here.series.clone());
            Some(Loss { at: gone.at, instance: instance.clone(), series, region, slot })
        });
        losses.min_by(|one, other| (one.at, one.slot, &one.instance).cmp(&(other.at, other.slot, &other.instance)))
    }

    /// What is left of each slot of an instance's backups, and where, at an instant; nothing of instances that are not backed up.
    pub fn kept_at(&self, region: &Region, instance: &InstanceId, at: Timestamp) -> BTreeSet<(Region, Timestamp)> {
        let history = self.of.get(&(region.clone(), instance.clone())).and_then(|place| self.histories.get(*place));
        let spans = history.map(History::spans).unwrap_or_default();
        let there = spans.into_iter().filter(|(_, (made, gone))| *made <= at && gone.is_none_or(|gone| gone > at));
        there.map(|((region, slot), _)| (region.clone(), slot)).collect()
    }

    fn add(&mut self, history: &History, count: u64, days: &Days) {
        for (day, told) in self.days.iter_mut().enumerate() {
            let Some(state) = history.state_before(days.end_of(day)) else { continue };
            for (region, tiers) in &state.tiers {
                let kept = day_region(told, region);
                let backups: u64 = tiers.values().sum();
                kept.backups += backups * count;
                for (tier, backups) in tiers {
                    *kept.tiers.entry(*tier).or_default() += backups * count;
                }
                // Only regions with a backup have tiers.
                kept.gib_at_least += history.gib * count;
                kept.gib_at_most += history.gib * count * backups;
            }
            if let Some(oldest) = state.oldest {
                told.oldest = Some(told.oldest.map_or(oldest, |known| known.min(oldest)));
                told.oldest_of_all = Some(told.oldest_of_all.map_or(oldest, |known| known.max(oldest)));
            }
        }
        for event in history.made.iter().filter(|event| !event.is_start) {
            if let Some(day) = self.days.get_mut(days.holding(event.at)) {
                day.made += count;
            }
        }
        for event in &history.gone {
            if let Some(day) = self.days.get_mut(days.holding(event.at)) {
                day.gone += count;
            }
        }
    }
}

fn day_region<'d>(day: &'d mut Day, region: &Region) -> &'d mut Kept {
    day.regions.entry(region.clone()).or_default()
}

impl From<KeepRule> for Tier {
    fn from(rule: KeepRule) -> Self {
        match rule {
            KeepRule::Last => Self::Last,
            KeepRule::Hourly => Self::Hourly,
            KeepRule::Daily => Self::Daily,
            KeepRule::Weekly => Self::Weekly,
            KeepRule::Monthly => Self::Monthly,
            KeepRule::Yearly => Self::Yearly,
            KeepRule::Within => Self::Within,
            KeepRule::Tag => Self::Tag,
        }
    }
}
