//! The second road to what a policy's series let go: each keep rule is asked of one slot by itself, from raw tags.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use foldhash::{HashMap, HashMapExt};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::sight::{Sight, are_alike};
use super::{Fault, instance};
use crate::id::{ImageId, InstanceId, Region, SeriesName};
use crate::instant;
use crate::inventory::{Image, ImageState, Scope, Snapshot};
use crate::policy::{SeriesRule, SeriesRules};
use crate::retention::{Count, Keep};
use crate::tags::Tags;

/// What is counted together: a region, a series, an instance, and whether they are copies.
type PileName<'a> = (&'a Region, &'a str, &'a str, bool);

/// The good backups that are counted together. One keep rule and one time zone hold for all of them.
#[derive(Default)]
struct Pile<'a> {
    backups: BTreeSet<(Timestamp, &'a ImageId)>,
    measure: OnceLock<Measure>,
}

/// What the rules ask of a pile, worked out when they first do: a slot is then found by halving, however many there are.
struct Measure {
    /// The slots, each once, the oldest first.
    slots: Vec<Timestamp>,
    stretches: Vec<Stretches>,
}

/// The hours, days, weeks, months or years that a rule counts, from the newest on to the first that is one too many.
struct Stretches {
    count: Count,
    of: Measured,
    /// The newest slot of each.
    newest: BTreeMap<Stretch, Timestamp>,
    /// These slots, the oldest first.
    slots: Vec<Timestamp>,
}

pub(super) struct Series<'a> {
    rules: &'a SeriesRules,
    now: Timestamp,
    piles: HashMap<PileName<'a>, Pile<'a>>,
    /// The slot of the newest good copy of a series and an instance in a region.
    newest_copy: HashMap<(&'a Region, &'a str, &'a str), Timestamp>,
    /// The regions in which copies could have been found.
    seen: BTreeSet<&'a Region>,
}

impl<'a> Series<'a> {
    pub(super) fn of(rules: &'a SeriesRules, sight: &Sight<'a>, now: Timestamp) -> Self {
        let mut piles: HashMap<PileName<'_>, Pile<'_>> = HashMap::new();
        let mut newest_copy = HashMap::new();
        for (region, view) in &sight.regions {
            for images in view.images.values() {
                for image in images {
                    let ours = image.tags.get("Creator") == Some("image-instance") && sight.owns(image.owner.as_ref());
                    let known = (series(&image.tags), instance(image), slot(&image.tags, now));
                    let (true, ImageState::Available, (Some(series), Some(instance), Some(slot))) = (ours, image.state, known) else {
                        continue;
                    };
                    if is_copy(image) {
                        let newest = newest_copy.entry((*region, series, instance)).or_insert(slot);
                        *newest = slot.max(*newest);
                    }
                    if are_alike(images) && image.tags.get("Expire").is_none() {
                        piles.entry((*region, series, instance, is_copy(image))).or_default().backups.insert((slot, &image.id));
                    }
                }
            }
        }
        let seen = sight.regions.iter().filter(|(_, view)| !matches!(view.scope, Scope::Unseen(_))).map(|(region, _)| *region);
        Self { rules, now, piles, newest_copy, seen: seen.collect() }
    }

    /// What is wrong with the going of an image that bears no expiry.
    pub(super) fn against_image(&self, region: &'a Region, image: &'a Image) -> Option<Fault> {
        let (Some(series), Some(instance), Some(slot)) = (series(&image.tags), instance(image), slot(&image.tags, self.now)) else {
            return Some(Fault::NotOfPolicy);
        };
        let Some(rule) = self.rule(series, instance) else { return Some(Fault::NotOfPolicy) };
        let pile = self.piles.get(&(region, series, instance, is_copy(image)));
        let newest = pile.and_then(Pile::newest);
        let keep = keep(rule, region, is_copy(image));
        let fault = match image.state {
            ImageState::Pending | ImageState::Deregistered => None,
            ImageState::Failed if newest.is_some_and(|(newest, _)| *newest >= slot) => return None,
            ImageState::Failed => return Some(Fault::NewestOfSeries),
            ImageState::Available if wants(keep, &rule.zone, pile, slot, &image.tags) => Some(Fault::WantedByRule),
            ImageState::Available => {
                let is_newest = newest.is_none_or(|(_, newest)| **newest == image.id);
                (is_newest && !rule.allow_empty).then_some(Fault::NewestOfSeries)
            }
            ImageState::Disabled | ImageState::Unusable => against_more(keep, rule, pile, slot, &image.tags),
        };
        fault.or_else(|| (!is_copy(image) && !self.is_copied(rule, region, (series, instance), slot)).then_some(Fault::Uncopied))
    }

    /// The rule that an image is kept by, and its slot; else what is wrong with looking after it.
    pub(super) fn kept_by(&self, region: &'a Region, image: &'a Image) -> Result<(&'a SeriesRule, Timestamp), Fault> {
        let (Some(series), Some(instance), Some(slot)) = (series(&image.tags), instance(image), slot(&image.tags, self.now)) else {
            return Err(Fault::NotOfPolicy);
        };
        let rule = self.rule(series, instance).ok_or(Fault::NotOfPolicy)?;
        match self.against_image(region, image) {
            Some(Fault::WantedByRule | Fault::NewestOfSeries) => Ok((rule, slot)),
            _ => Err(Fault::NotWanted),
        }
    }

    /// What is wrong with the going of an orphan that bears no expiry.
    pub(super) fn against_orphan(&self, region: &'a Region, orphan: &'a Snapshot) -> Option<Fault> {
        let tags = &orphan.tags;
        let instance = tags.get("Instance").filter(|text| text.parse::<InstanceId>().is_ok());
        let (Some(series), Some(instance), Some(slot)) = (series(tags), instance, slot(tags, self.now)) else {
            return Some(Fault::NotOfPolicy);
        };
        let Some(rule) = self.rule(series, instance) else { return Some(Fault::NotOfPolicy) };
        let piles = [false, true].map(|copies| (copies, self.piles.get(&(region, series, instance, copies))));
        if piles.iter().all(|(_, pile)| pile.is_none()) {
            return Some(Fault::NewestOfSeries);
        }
        let there = piles.into_iter().filter(|(_, pile)| pile.is_some());
        there.into_iter().find_map(|(copies, pile)| against_more(keep(rule, region, copies), rule, pile, slot, tags))
    }

    fn rule(&self, series: &str, instance: &str) -> Option<&'a SeriesRule> {
        let (name, instance): (SeriesName, InstanceId) = (series.parse().ok()?, instance.parse().ok()?);
        self.rules.instances.get(&(name.clone(), instance)).or_else(|| self.rules.targets.get(&name))
    }

    /// Whether every copy that is wanted is there, or a newer one, or has been waited for long enough.
    fn is_copied(&self, rule: &SeriesRule, region: &Region, (series, instance): (&str, &str), slot: Timestamp) -> bool {
        let waits = rule.keep_uncopied.is_some_and(|patience| self.now <= patience.after(slot, &rule.zone));
        let is_there = |destination: &Region| {
            self.seen.contains(destination) && self.newest_copy.get(&(destination, series, instance)).is_some_and(|newest| *newest >= slot)
        };
        !waits || rule.copies.keys().all(|destination| destination == region || is_there(destination))
    }
}

/// What is wrong with the going of something that does not count, as if it did.
fn against_more(keep: &Keep, rule: &SeriesRule, pile: Option<&Pile<'_>>, slot: Timestamp, tags: &Tags) -> Option<Fault> {
    if pile.and_then(Pile::newest).is_none_or(|(newest, _)| *newest <= slot) {
        return Some(Fault::NewestOfSeries);
    }
    wants(keep, &rule.zone, pile, slot, tags).then_some(Fault::WantedByRule)
}

fn keep<'r>(rule: &'r SeriesRule, region: &Region, of_copies: bool) -> &'r Keep {
    match rule.copies.get(region) {
        Some(Some(keep)) if of_copies => keep,
        _ => &rule.keep,
    }
}

fn series(tags: &Tags) -> Option<&str> {
    tags.get("ami-backup:series").filter(|text| text.parse::<SeriesName>().is_ok())
}

/// The slot; none that is yet to come.
fn slot(tags: &Tags, now: Timestamp) -> Option<Timestamp> {
    tags.get("Date").and_then(instant::read).filter(|slot| *slot <= now)
}

fn is_copy(image: &Image) -> bool {
    image.source_image.is_some() && image.source_instance.is_none()
}

/// Whether any rule wants the backup of this slot among those of a pile, with which it is counted.
fn wants(keep: &Keep, zone: &TimeZone, pile: Option<&Pile<'_>>, slot: Timestamp, tags: &Tags) -> bool {
    let nothing = Pile::default();
    let Measure { slots, stretches } = pile.unwrap_or(&nothing).measure(keep, zone);
    let newer = newer_than(slots, slot);
    let is_oldest = slots.first().is_none_or(|oldest| slot <= *oldest);
    let newest = newer.last().copied().unwrap_or(slot);
    let bears = |key: &str, value: Option<&str>| tags.get(key).is_some_and(|found| value.is_none_or(|value| value == found));
    keep.last.is_some_and(|count| exceeds(count, newer.len()))
        || keep.within.is_some_and(|within| slot == newest || slot > within.before(newest, zone))
        || keep.tags.iter().any(|rule| bears(&rule.key, rule.value.as_deref()))
        || stretches.iter().any(|stretches| {
            let is_met = || stretches.newest.get(&(stretches.of)(&slot.to_zoned(zone.clone()))).is_some_and(|newest| *newest > slot);
            exceeds(stretches.count, newer_than(&stretches.slots, slot).len()) && (is_oldest || !is_met())
        })
}

impl Pile<'_> {
    fn newest(&self) -> Option<&(Timestamp, &ImageId)> {
        self.backups.last()
    }

    fn measure(&self, keep: &Keep, zone: &TimeZone) -> &Measure {
        self.measure.get_or_init(|| {
            let mut slots: Vec<Timestamp> = self.backups.iter().map(|(slot, _)| *slot).collect();
            slots.dedup();
            let rules: [(Option<Count>, Measured); 5] = [
                (keep.hourly, |at| (at.year().into(), at.day_of_year().into(), at.hour().into(), at.offset().seconds())),
                (keep.daily, |at| (at.year().into(), at.day_of_year().into(), 0, 0)),
                (keep.weekly, |at| {
                    let week = at.date().iso_week_date();
                    (week.year().into(), week.week().into(), 0, 0)
                }),
                (keep.monthly, |at| (at.year().into(), at.month().into(), 0, 0)),
                (keep.yearly, |at| (at.year().into(), 0, 0, 0)),
            ];
            let counted = rules.into_iter().filter_map(|(count, of)| Some(Stretches::of(&slots, count?, of, zone)));
            let stretches = counted.collect();
            Measure { slots, stretches }
        })
    }
}

impl Stretches {
    fn of(slots: &[Timestamp], count: Count, of: Measured, zone: &TimeZone) -> Self {
        let mut newest: BTreeMap<Stretch, Timestamp> = BTreeMap::new();
        for slot in slots.iter().rev() {
            if !exceeds(count, newest.len()) {
                break;
            }
            newest.entry(of(&slot.to_zoned(zone.clone()))).or_insert(*slot);
        }
        let mut slots: Vec<Timestamp> = newest.values().copied().collect();
        slots.sort_unstable();
        Self { count, of, newest, slots }
    }
}

/// Those of some slots, the oldest first, that are newer than this.
fn newer_than(slots: &[Timestamp], slot: Timestamp) -> &[Timestamp] {
    slots.split_at(slots.partition_point(|other| *other <= slot)).1
}

/// An hour, day, week, month or year.
type Stretch = (i32, i32, i32, i32);

/// In which of them a moment is.
type Measured = fn(&Zoned) -> Stretch;

/// Whether a rule keeps more than so many.
fn exceeds(count: Count, others: usize) -> bool {
    match count {
        Count::Unlimited => true,
        Count::Of(count) => usize::try_from(count.get()).is_ok_and(|count| count > others),
    }
}
