//! What keep rules would say of one more backup: of many, one after the other.

use foldhash::{HashMap, HashMapExt};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{CalendarPeriod, Count, Keep, Member, Reason, Unit, Wanted};

/// The members of a series, arranged so that it is quickly told whether the rules would want another one among them.
#[derive(Debug)]
pub struct Measure<'k> {
    keep: &'k Keep,
    zone: &'k TimeZone,
    /// The slots, each once, the newest first.
    slots: Vec<Timestamp>,
    periods: Vec<Periods>,
}

/// The hours, days, weeks, months or years that a rule counts.
#[derive(Debug)]
struct Periods {
    count: Count,
    unit: Unit,
    /// The newest slot of each.
    newest: HashMap<CalendarPeriod, Timestamp>,
    /// These slots, the newest first.
    slots: Vec<Timestamp>,
}

impl<'k> Measure<'k> {
    /// Of members in any order.
    pub fn of(keep: &'k Keep, zone: &'k TimeZone, members: impl Iterator<Item = Timestamp>) -> Self {
        let mut slots: Vec<Timestamp> = members.collect();
        slots.sort_unstable_by(|one, other| other.cmp(one));
        slots.dedup();
        let Keep { last: _, hourly, daily, weekly, monthly, yearly, within: _, tags: _ } = keep;
        let units = [(hourly, Unit::Hour), (daily, Unit::Day), (weekly, Unit::Week), (monthly, Unit::Month), (yearly, Unit::Year)];
        let counted = units.into_iter().filter_map(|(count, unit)| Some(Periods::of(&slots, (*count)?, unit, zone)));
        let periods = counted.collect();
        Self { keep, zone, slots, periods }
    }

    /// Why the rules would want one more backup if it were a member: what [`Keep::wanted`] would say of it.
    pub fn wanted(&self, more: Member<'_>) -> Vec<Wanted> {
        let Member { slot, tags } = more;
        let mut reasons = Vec::new();
        let newer = newer_than(&self.slots, slot);
        if let Some(count) = self.keep.last.filter(|count| count.has(rank(newer))) {
            reasons.push(Reason::Last { rank: rank(newer), count });
        }
        let is_oldest = self.slots.last().is_none_or(|oldest| slot <= *oldest);
        for Periods { count, unit, newest, slots } in &self.periods {
            let (count, unit, newer) = (*count, *unit, newer_than(slots, slot));
            if !count.has(rank(newer)) {
                continue;
            }
            let period = unit.of(slot, self.zone);
            if newest.get(&period).is_none_or(|newest| *newest <= slot) {
                reasons.push(Reason::Newest { rank: rank(newer), count, period });
            } else if is_oldest {
                reasons.push(Reason::Oldest { rank: rank(newer) - 1, count, unit });
            }
        }
        let newest = newer.first().copied().unwrap_or(slot);
        if let Some(within) = self.keep.within.filter(|within| slot == newest || slot > within.before(newest, self.zone)) {
            reasons.push(Reason::Within { within, newest });
        }
        reasons.extend(self.keep.tags.iter().filter(|rule| rule.is_on(tags)).cloned().map(Reason::Tag));
        reasons.into_iter().map(Wanted::from).collect()
    }
}

impl Periods {
    fn of(slots: &[Timestamp], count: Count, unit: Unit, zone: &TimeZone) -> Self {
        let (mut newest, mut first) = (HashMap::new(), Vec::new());
        for slot in slots {
            // Nothing older than this is counted, whatever comes to it.
            if !count.has(rank(&first)) {
                break;
            }
            newest.entry(unit.of(*slot, zone)).or_insert_with(|| {
                first.push(*slot);
                *slot
            });
        }
        Self { count, unit, newest, slots: first }
    }
}

/// Those of some slots, the newest first, that are newer than this.
fn newer_than(slots: &[Timestamp], slot: Timestamp) -> &[Timestamp] {
    slots.split_at(slots.partition_point(|other| *other > slot)).0
}

/// The rank of what comes behind these.
fn rank(newer: &[Timestamp]) -> u32 {
    u32::try_from(newer.len()).unwrap_or(u32::MAX).saturating_add(1)
}
