//! The second way in which a backup is released: it is one of a policy's series, and no keep rule of the policy wants it any more.

use std::sync::OnceLock;

use foldhash::{HashMap, HashMapExt};
use jiff::Timestamp;

use crate::backup::Backup;
use crate::id::{ImageId, InstanceId, Region, SeriesName};
use crate::inventory::{Image, ImageState, Scope};
use crate::plan::purge::listing::ListedImages;
use crate::plan::purge::{KeepReason, PurgeReason, Question};
use crate::policy::{SeriesRule, SeriesRules};
use crate::retention::{Measure, Member, Wanted};
use crate::tags::Tags;

/// The backups that are thinned together: of one instance, under one target, in one region. Sources and copies have rules of their own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Group {
    series: SeriesName,
    instance: InstanceId,
    are_copies: bool,
}

/// The available backups of a group.
#[derive(Default)]
struct Members<'a> {
    /// By slot; of one slot by id.
    backups: Vec<(Timestamp, &'a Image)>,
    /// What another one is held against, once one is.
    measure: OnceLock<Measure<'a>>,
}

/// The series of one region, and what their rules want.
pub(super) struct RegionSeries<'a> {
    region: &'a Region,
    rules: &'a SeriesRules,
    members: HashMap<Group, Members<'a>>,
    wanted: HashMap<&'a ImageId, Vec<Wanted>>,
}

impl<'a> RegionSeries<'a> {
    /// What is listed in two ways is not counted: it stays by itself, and takes nobody's place. Nor is what says that it is of a time
    /// yet to come: no tag moves what the others are measured by.
    pub(super) fn of(question: &Question<'a>, region: &'a Region, images: &ListedImages<'a>) -> Option<Self> {
        let rules = question.policy.series.as_ref()?;
        let mut members: HashMap<Group, Members<'_>> = HashMap::new();
        for listed in images.values().filter(|listed| listed.otherwise.is_empty()) {
            let Some(backup) = Backup::recognise(listed.image, question.account) else { continue };
            let image = backup.image();
            // One with an expiry is released by that alone, and is nobody's to count on.
            if let (ImageState::Available, false, Some(group), Some(slot)) =
                (image.state, image.tags.has_expire(), group(backup), image.tags.slot().filter(|slot| *slot <= question.now))
            {
                members.entry(group).or_default().backups.push((slot, image));
            }
        }
        let mut wanted = HashMap::new();
        for (group, Members { backups: members, .. }) in &mut members {
            members.sort_by(|(slot, image), (other_slot, other)| (slot, &image.id).cmp(&(other_slot, &other.id)));
            let Some(rule) = rules.of(&group.series, &group.instance) else { continue };
            let counted: Vec<Member<'_>> = members.iter().map(|(slot, image)| Member { slot: *slot, tags: &image.tags }).collect();
            let of_each = rule.keep(region, group.are_copies).wanted(&counted, &rule.zone);
            wanted.extend(members.iter().map(|(_, image)| &image.id).zip(of_each));
        }
        Some(Self { region, rules, members, wanted })
    }

    /// Whether the rules let a backup go that has no expiry.
    pub(super) fn let_go(&self, backup: Backup<'a>, question: &Question<'a>) -> Result<PurgeReason, KeepReason> {
        let image = backup.image();
        let series = image.tags.series().ok_or(KeepReason::NotOfPolicy)?;
        let group = group(backup).ok_or(KeepReason::SeriesUnclear)?;
        let rule = self.rules.of(&group.series, &group.instance).ok_or(KeepReason::OfNoTarget { series: series.clone() })?;
        let slot = slot(&image.tags, question)?;
        let newest = self.members.get(&group).and_then(|members| members.backups.last());
        match image.state {
            ImageState::Pending => return Err(KeepReason::Pending),
            // Of such a one there is nothing to wait for, not even a copy.
            ImageState::Failed | ImageState::Deregistered => {
                let is_outdone = newest.is_some_and(|(newest, _)| *newest >= slot);
                return if is_outdone { Ok(PurgeReason::Outdone { series }) } else { Err(KeepReason::FailedLast { series }) };
            }
            ImageState::Available => {
                let wanted = self.wanted.get(&image.id).cloned().unwrap_or_default();
                not_wanted(&series, wanted)?;
                if !rule.allow_empty && newest.is_none_or(|(_, newest)| newest.id == image.id) {
                    return Err(KeepReason::NewestOfSeries { series });
                }
            }
            // Neither counted nor given up.
            ImageState::Disabled | ImageState::Unusable => self.if_counted(&group, rule, slot, &image.tags)?,
        }
        if !group.are_copies {
            self.is_copied(&group, rule, slot, question)?;
        }
        Ok(PurgeReason::LetGo { series })
    }

    /// The same of an orphan, as if its image were there.
    ///
    /// Whether its image was a copy nobody can tell any more, so that it must be unwanted either way.
    pub(super) fn let_orphan_go(&self, tags: &Tags, question: &Question<'a>) -> Result<PurgeReason, KeepReason> {
        let series = tags.series().ok_or(KeepReason::NotOfPolicy)?;
        let instance = tags.instance().ok_or(KeepReason::SeriesUnclear)?;
        let slot = slot(tags, question)?;
        let rule = self.rules.of(&series, &instance).ok_or(KeepReason::OfNoTarget { series: series.clone() })?;
        let groups = [false, true].map(|are_copies| Group { series: series.clone(), instance: instance.clone(), are_copies });
        let mut kept = groups.iter().filter(|group| self.members.contains_key(group)).peekable();
        if kept.peek().is_none() {
            return Err(KeepReason::NewestOfSeries { series });
        }
        kept.try_for_each(|group| self.if_counted(group, rule, slot, tags))?;
        Ok(PurgeReason::LetGo { series })
    }

    /// Whether the rules would let it go if it were counted, too.
    fn if_counted(&self, group: &Group, rule: &'a SeriesRule, slot: Timestamp, tags: &Tags) -> Result<(), KeepReason> {
        let newest_of_series = || KeepReason::NewestOfSeries { series: group.series.clone() };
        let Members { backups, measure } = self.members.get(group).ok_or_else(newest_of_series)?;
        if backups.last().is_none_or(|(newest, _)| *newest <= slot) {
            return Err(newest_of_series());
        }
        let slots = backups.iter().map(|(slot, _)| *slot);
        let measure = measure.get_or_init(|| Measure::of(rule.keep(self.region, group.are_copies), &rule.zone, slots));
        not_wanted(&group.series, measure.wanted(Member { slot, tags }))
    }

    /// Whether every region that copies go to has one as new as this, or has been waited for long enough.
    fn is_copied(&self, group: &Group, rule: &SeriesRule, slot: Timestamp, question: &Question<'a>) -> Result<(), KeepReason> {
        let Some(patience) = &rule.keep_uncopied else { return Ok(()) };
        let until = patience.after(slot, &rule.zone);
        if question.now > until {
            return Ok(());
        }
        for destination in rule.copies.keys().filter(|destination| *destination != self.region) {
            let why = match question.inventory.regions.get(destination).map(|view| &view.scope) {
                Some(Scope::Whole | Scope::Partial) => {
                    let key = (destination, group.series.clone(), group.instance.clone());
                    if question.newest_copies.get(&key).is_some_and(|(newest, _)| *newest >= slot) {
                        continue;
                    }
                    return Err(KeepReason::Uncopied { destination: destination.clone(), until });
                }
                Some(Scope::Unseen(why)) => why.clone(),
                None => "it was not looked at".to_owned(),
            };
            return Err(KeepReason::DestinationUnseen { destination: destination.clone(), why });
        }
        Ok(())
    }
}

/// The slot of what has one, unless it lies ahead.
fn slot(tags: &Tags, question: &Question<'_>) -> Result<Timestamp, KeepReason> {
    let slot = tags.slot().ok_or(KeepReason::SeriesUnclear)?;
    if slot > question.now { Err(KeepReason::SlotAhead { slot }) } else { Ok(slot) }
}

fn not_wanted(series: &SeriesName, rules: Vec<Wanted>) -> Result<(), KeepReason> {
    if rules.is_empty() { Ok(()) } else { Err(KeepReason::Wanted { series: series.clone(), rules }) }
}

fn group(backup: Backup<'_>) -> Option<Group> {
    let image = backup.image();
    Some(Group { series: image.tags.series()?, instance: backup.series()?, are_copies: image.copied_from().is_some() })
}
