//! Replays a policy over time with the very planner and guard that run it, to see beforehand what would be there on which day.
//!
//! It is the best of worlds: every backup and copy succeeds and is there at once, EC2 has nothing to say against a deletion, and
//! no cap stops one. Instances that are alike in all that matters are simulated once and counted as often as there are of them.

mod invented;
mod missed;
mod series;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::fleet::Instance;
use crate::guard::Refusal;
use crate::id::{ImageId, InstanceId, Region, SeriesName};
use crate::inventory::{Image, Inventory, RegionView};
use crate::policy::file::Policy;
use crate::processors::on_all_processors;
use crate::retention::KeepRule;
use series::{Event, History, kinds, spans};

pub use invented::invented;
pub use missed::{DateRange, InvalidDates};

/// What a simulation begins with.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// When it begins. Its first day ends at the next midnight in UTC, as all others do.
    pub from: Timestamp,
    /// The instances, all through.
    pub instances: &'a [Instance],
    /// The backups that there are already. Those of no series are left out: a policy does not touch them.
    pub inventory: Option<&'a Inventory>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Simulation {
    /// What there is at the end of each day.
    pub days: Vec<Day>,
    /// How many instances are backed up.
    pub instances: u64,
    /// How many series there are at the beginning to which nothing is added: their instance is gone, belongs to another target, or to
    /// none.
    pub ended: u64,
    /// How many kinds of series there are that had to be told apart.
    pub kinds: u64,
    #[serde(skip)]
    histories: Vec<History>,
    /// Which of the histories are an instance's.
    #[serde(skip)]
    of: BTreeMap<(Region, InstanceId), Vec<usize>>,
}

/// What there is at the end of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Day {
    /// The day, in UTC.
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
///
/// How much room it takes is known from above only: EC2 stores of a volume the blocks that were ever written, and of each further
/// backup those that were written since, and tells neither beforehand. A size is that of the instance's volumes as they are now, or of
/// its largest backup at the beginning if that is more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Kept {
    /// How many backups.
    pub backups: u64,
    /// How many of them each keep rule wants. One that several want is counted with the first.
    pub by_rule: BTreeMap<KeepRule, u64>,
    /// How many of them no rule wants, but they are the newest good ones.
    pub newest: u64,
    /// How many of them something else keeps: a pin, an expiry, a copy that is waited for, or that the policy has no target for them.
    pub otherwise: u64,
    /// The most that they take, in GiB: of full volumes, in which everything changes from each backup to the next. Absent where the
    /// size of any is not known.
    pub gib_at_most: Option<u64>,
    /// The most that they take if nothing changes from one backup to the next, in GiB: one set of full volumes of each instance.
    pub gib_at_most_unchanged: Option<u64>,
}

/// A backup or copy that goes and is missed: another policy would keep it, or nothing as old is left.
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
        ended: 0,
        kinds: 0,
        histories: Vec::new(),
        of: BTreeMap::new(),
    };
    let kinds = kinds(policy, account_name, start);
    let histories = on_all_processors(&kinds, 1, |kind| kind.replay(policy, account_name, start.from, days.end, missed));
    for (kind, history) in kinds.iter().zip(histories) {
        let history = history?;
        let of_kind = if kind.goes_on { &mut simulation.instances } else { &mut simulation.ended };
        *of_kind += history.count;
        simulation.kinds += 1;
        simulation.add(&history, &days);
        let place = simulation.histories.len();
        for instance in &kind.instances {
            simulation.of.entry((kind.region().clone(), instance.clone())).or_default().push(place);
        }
        simulation.histories.push(history);
    }
    Ok(simulation)
}

/// What becomes of one backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes with this run.
    Goes {
        /// When that is.
        at: Timestamp,
    },
    /// It is still there at this instant; further ahead was not looked.
    IsThereStill {
        /// The instant.
        until: Timestamp,
    },
    /// Nothing is added to its series, and no time lets it go.
    Stays,
}

/// What becomes of one backup if the policy goes on running on schedule until an instant, or for as many runs as are replayed in a
/// moment. `None` if it is of no series, or not there for certain yet.
///
/// # Errors
/// The guard objects to what the planner does, which is a defect of this program.
pub fn fate(
    policy: &Policy,
    account_name: &str,
    start: Start<'_>,
    backup: (&Region, &ImageId),
    until: Timestamp,
) -> Result<Option<Fate>, Refusal> {
    let (Some(seen), (region, image)) = (start.inventory, backup) else { return Ok(None) };
    let Some(series) = seen.image(region, image).and_then(|image| image.tags.series().zip(image.tags.instance())) else { return Ok(None) };
    // No other series has a say.
    let is_of_it =
        |image: &&Image| image.tags.instance().is_some_and(|id| id == series.1) && image.tags.series().is_some_and(|of| of == series.0);
    let of_it = |view: &RegionView| RegionView::partial(view.images.iter().filter(is_of_it).cloned().collect());
    let regions = seen.regions.iter().map(|(region, view)| (region.clone(), of_it(view))).collect();
    let inventory = Inventory { account: seen.account.clone(), regions };
    let instances: Vec<Instance> = start.instances.iter().filter(|instance| instance.id == series.1).cloned().collect();
    let start = Start { instances: &instances, inventory: Some(&inventory), ..start };
    let kind = kinds(policy, account_name, start).into_iter().find(|kind| kind.has(region, image));
    kind.map(|kind| kind.fate(policy, account_name, start.from, until, backup)).transpose()
}

/// The days of a simulation.
struct Days {
    starts: Vec<Timestamp>,
    end: Timestamp,
}

impl Days {
    fn of(from: Timestamp, count: u32) -> Self {
        let first = from.to_zoned(TimeZone::UTC).date();
        let midnight = |day: u32| {
            let date = first.saturating_add(Span::new().days(day));
            date.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |midnight| midnight.timestamp()).max(from)
        };
        Self { starts: (0..count).map(midnight).collect(), end: midnight(count) }
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

impl Kept {
    /// Nothing.
    fn nothing() -> Self {
        Self { backups: 0, by_rule: BTreeMap::new(), newest: 0, otherwise: 0, gib_at_most: Some(0), gib_at_most_unchanged: Some(0) }
    }

    /// Adds what so many instances keep, each as much, whose volumes together take so many GiB.
    fn add(&mut self, other: &Self, count: u64, gib: Option<u64>) {
        self.backups += other.backups * count;
        for (rule, backups) in &other.by_rule {
            *self.by_rule.entry(*rule).or_default() += backups * count;
        }
        self.newest += other.newest * count;
        self.otherwise += other.otherwise * count;
        let sum = |known: Option<u64>, times: u64| Some(known?.saturating_add(gib?.saturating_mul(times)));
        if other.backups > 0 {
            self.gib_at_most = sum(self.gib_at_most, other.backups);
            self.gib_at_most_unchanged = sum(self.gib_at_most_unchanged, 1);
        }
    }
}

impl Simulation {
    /// The first thing that goes and that another policy, replayed from the same start over the same days, would still keep.
    pub fn first_lost(&self, other: &Self) -> Option<Loss> {
        // Instances that are alike here need not be alike there.
        let mut pairs: BTreeMap<(&[usize], &[usize]), &InstanceId> = BTreeMap::new();
        for (key, here) in &self.of {
            if let Some(there) = other.of.get(key) {
                pairs.entry((here, there)).or_insert(&key.1);
            }
        }
        let losses = pairs.into_iter().flat_map(|((here, there), instance)| {
            let kept = spans(other.histories_at(there));
            let is_kept = move |gone: &&Event| {
                let span = kept.get(&(&gone.region, gone.slot));
                span.is_some_and(|(made, until)| *made <= gone.at && until.is_none_or(|until| until > gone.at))
            };
            let first = |history: &History| Some(Loss::of(history.gone.iter().find(&is_kept)?, history, instance));
            self.histories_at(here).filter_map(first).collect::<Vec<_>>()
        });
        losses.min_by(Loss::by_time)
    }

    /// The first backup that goes and leaves nothing as old of its instance, in no region: from then on one cannot go back as far.
    pub fn first_forgotten(&self) -> Option<Loss> {
        let mut alike: BTreeMap<&[usize], &InstanceId> = BTreeMap::new();
        for ((_, instance), places) in &self.of {
            alike.entry(places).or_insert(instance);
        }
        let losses = alike.into_iter().filter_map(|(places, instance)| {
            let mut left: BTreeMap<Timestamp, (Timestamp, Option<Timestamp>)> = BTreeMap::new();
            for ((_, slot), (made, gone)) in spans(self.histories_at(places)) {
                let known = left.entry(slot).or_insert((made, gone));
                *known = (known.0.min(made), known.1.zip(gone).map(|(one, other)| one.max(other)));
            }
            let nothing_older = |slot: Timestamp, at: Timestamp| {
                left.range(..slot).all(|(_, (made, gone))| *made > at || gone.is_some_and(|gone| gone <= at))
            };
            let gone = left.iter().filter_map(|(slot, (_, gone))| Some(((*gone)?, *slot)));
            let mut gone: Vec<(Timestamp, Timestamp)> = gone.collect();
            gone.sort_unstable();
            let (at, slot) = gone.into_iter().find(|(at, slot)| nothing_older(*slot, *at))?;
            let is_it = |event: &&Event| event.at == at && event.slot == slot;
            self.histories_at(places).find_map(|history| Some(Loss::of(history.gone.iter().find(is_it)?, history, instance)))
        });
        losses.min_by(Loss::by_time)
    }

    /// What is left of each slot of an instance's backups, and where, at an instant; nothing of instances that are not backed up.
    pub fn kept_at(&self, region: &Region, instance: &InstanceId, at: Timestamp) -> BTreeSet<(Region, Timestamp)> {
        let places = self.of.get(&(region.clone(), instance.clone())).map(Vec::as_slice).unwrap_or_default();
        let spans = spans(self.histories_at(places));
        let there = spans.into_iter().filter(|(_, (made, gone))| *made <= at && gone.is_none_or(|gone| gone > at));
        there.map(|((region, slot), _)| (region.clone(), slot)).collect()
    }

    /// How many instances' backups there are in both of two simulations.
    pub fn in_both(&self, other: &Self) -> u64 {
        let both = self.of.keys().filter(|key| other.of.contains_key(key)).count();
        u64::try_from(both).unwrap_or(u64::MAX)
    }

    fn histories_at<'s>(&'s self, places: &'s [usize]) -> impl Iterator<Item = &'s History> {
        places.iter().filter_map(|place| self.histories.get(*place))
    }

    fn add(&mut self, history: &History, days: &Days) {
        let History { count, gib, .. } = *history;
        for (day, told) in self.days.iter_mut().enumerate() {
            let Some(state) = history.state_before(days.end_of(day)) else { continue };
            for (region, kept) in &state.regions {
                told.regions.entry(region.clone()).or_insert_with(Kept::nothing).add(kept, count, gib);
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

impl Loss {
    fn of(gone: &Event, history: &History, instance: &InstanceId) -> Self {
        let (region, slot) = (gone.region.clone(), gone.slot);
        Self { at: gone.at, instance: instance.clone(), series: history.series.clone(), region, slot }
    }

    fn by_time(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.slot, &self.instance).cmp(&(other.at, other.slot, &other.instance))
    }
}
