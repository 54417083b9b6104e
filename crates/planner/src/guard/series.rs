//! The second road to what a policy's series let go: each keep rule is asked of one slot by itself, from raw tags.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::sight::{Sight, are_alike};
use super::{Fault, instance};
use crate::id::{ImageId, InstanceId, Region, SeriesName};
use crate::inventory::{Image, ImageState, Scope, Snapshot};
use crate::policy::{SeriesRule, SeriesRules};
use crate::retention::{Count, Keep};
use crate::tags::Tags;

/// What is counted together: a region, a series, an instance, and whether they are copies.
type Pile<'a> = (&'a Region, &'a str, &'a str, bool);

pub(super) struct Series<'a> {
    rules: &'a SeriesRules,
    now: Timestamp,
    /// The good backups that count, by their slots.
    piles: BTreeMap<Pile<'a>, BTreeSet<(Timestamp, &'a ImageId)>>,
    /// The slot of the newest good copy of a series and an instance in a region.
    newest_copy: BTreeMap<(&'a Region, &'a str, &'a str), Timestamp>,
    /// The regions in which copies could have been found.
    seen: BTreeSet<&'a Region>,
}

impl<'a> Series<'a> {
    pub(super) fn of(rules: &'a SeriesRules, sight: &Sight<'a>, now: Timestamp) -> Self {
        let mut piles: BTreeMap<Pile<'_>, BTreeSet<_>> = BTreeMap::new();
        let mut newest_copy = BTreeMap::new();
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
                        piles.entry((*region, series, instance, is_copy(image))).or_default().insert((slot, &image.id));
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
        let newest = pile.and_then(BTreeSet::last);
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
        let own = self.rules.instances.iter().find(|((name, id), _)| name.as_str() == series && id.as_str() == instance);
        own.map(|(_, rule)| rule).or_else(|| self.rules.targets.iter().find(|(name, _)| name.as_str() == series).map(|(_, rule)| rule))
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
fn against_more(
    keep: &Keep,
    rule: &SeriesRule,
    pile: Option<&BTreeSet<(Timestamp, &ImageId)>>,
    slot: Timestamp,
    tags: &Tags,
) -> Option<Fault> {
    if pile.and_then(BTreeSet::last).is_none_or(|(newest, _)| *newest <= slot) {
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
    tags.get("Date").and_then(|text| text.parse().ok()).filter(|slot| *slot <= now)
}

fn is_copy(image: &Image) -> bool {
    image.source_image.is_some() && image.source_instance.is_none()
}

/// Whether any rule wants the backup of this slot among those of a pile, with which it is counted.
fn wants(keep: &Keep, zone: &TimeZone, pile: Option<&BTreeSet<(Timestamp, &ImageId)>>, slot: Timestamp, tags: &Tags) -> bool {
    let slots = || pile.into_iter().flatten().map(|(slot, _)| *slot);
    let newer: BTreeSet<Timestamp> = slots().filter(|other| *other > slot).collect();
    let is_oldest = !slots().any(|other| other < slot);
    let newest = newer.last().copied().unwrap_or(slot);
    let bears = |key: &str, value: Option<&str>| tags.get(key).is_some_and(|found| value.is_none_or(|value| value == found));
    if keep.last.is_some_and(|count| exceeds(count, newer.len()))
        || keep.within.is_some_and(|within| slot == newest || slot > within.before(newest, zone))
        || keep.tags.iter().any(|rule| bears(&rule.key, rule.value.as_deref()))
    {
        return true;
    }
    let local = |slot: Timestamp| slot.to_zoned(zone.clone());
    let is_kept = |count: Option<Count>, period: fn(&Zoned) -> Stretch| {
        let Some(count) = count else { return false };
        let mut others: BTreeSet<Stretch> = BTreeSet::new();
        for other in newer.iter().rev() {
            others.insert(period(&local(*other)));
            if !exceeds(count, others.len()) {
                return false;
            }
        }
        is_oldest || !others.contains(&period(&local(slot)))
    };
    is_kept(keep.hourly, |at| (at.year().into(), at.day_of_year().into(), at.hour().into(), at.offset().seconds()))
        || is_kept(keep.daily, |at| (at.year().into(), at.day_of_year().into(), 0, 0))
        || is_kept(keep.weekly, |at| {
            let week = at.date().iso_week_date();
            (week.year().into(), week.week().into(), 0, 0)
        })
        || is_kept(keep.monthly, |at| (at.year().into(), at.month().into(), 0, 0))
        || is_kept(keep.yearly, |at| (at.year().into(), 0, 0, 0))
}

/// An hour, day, week, month or year.
type Stretch = (i32, i32, i32, i32);

/// Whether a rule keeps more than so many.
fn exceeds(count: Count, others: usize) -> bool {
    match count {
        Count::Unlimited => true,
        Count::Of(count) => usize::try_from(count.get()).is_ok_and(|count| count > others),
    }
}
