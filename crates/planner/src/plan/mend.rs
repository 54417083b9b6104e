//! Question 6: what do the backups lack that a policy wants for those it keeps, and that no image has from its making?
//!
//! EC2 deprecates and protects an image in calls of their own, once it is there. What is wanted follows from the policy and the
//! slot, what there is EC2 tells of every image: so a run finds what another, or its own calls, left undone.

#[cfg(test)]
mod tests;

use std::fmt;

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use schemars::JsonSchema;
use serde::Serialize;

use crate::id::{ImageId, SeriesName};
use crate::inventory::{Image, Inventory, Protection};
use crate::plan::purge::{label, wanted};
use crate::plan::{Action, BackupLabel, Step};
use crate::policy::{Protect, PurgePolicy, SeriesRule, SeriesRules};

/// EC2 deprecates nothing from an instant in the past on, and its clock may be as far ahead of ours as a signed request may be old.
const SOONEST: SignedDuration = SignedDuration::from_mins(5);

/// What is to be done for a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mend {
    /// Its image.
    pub image: ImageId,
    /// What is done for it.
    pub wish: Wish,
}

/// What a policy can want for a backup once it is there. Each is one call; nothing is ever taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "mend", rename_all = "snake_case")]
pub enum Wish {
    /// A date of deprecation.
    Deprecation {
        /// From this whole minute on EC2 hides it from others.
        at: Timestamp,
    },
    /// Protection from being deregistered.
    Protection {
        /// Whether it holds for a day more after somebody has lifted it.
        with_cooldown: bool,
    },
}

/// A backup that lacks something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// The step that mends it.
    pub step: Step,
    /// What it lacks.
    pub wish: Wish,
    /// The backup.
    pub backup: BackupLabel,
    /// The series it is of.
    pub series: SeriesName,
}

/// Decides what each backup lacks, by what the policy wants of its series.
///
/// Only what a keep rule wants is looked after, sources and copies alike. What the rules have let go is on its way out: a protection that
/// a person lifted, so that it can go, does not come back.
pub fn decide(inventory: &Inventory, rules: &SeriesRules, now: Timestamp) -> Vec<Lacking> {
    let mut lacking = Vec::new();
    if !rules.want_mending() {
        return lacking;
    }
    let policy = PurgePolicy { series: Some(rules.clone()), ..PurgePolicy::default() };
    for (region, backup) in wanted(inventory, &policy, now) {
        let image = backup.image();
        let (Some(series), Some(instance), Some(slot)) = (image.tags.series(), backup.series(), image.tags.slot()) else { continue };
        let Some(rule) = rules.of(&series, &instance) else { continue };
        for wish in wishes(rule, slot, now).filter(|wish| wish.is_lacking(image, rule, slot)) {
            let action = Action::Mend(Mend { image: image.id.clone(), wish });
            let step = Step { region: region.clone(), action };
            lacking.push(Lacking { step, wish, backup: label(backup), series: series.clone() });
        }
    }
    lacking
}

/// What a rule wants for a backup of this slot, whatever it has by now.
pub fn wishes(rule: &SeriesRule, slot: Timestamp, now: Timestamp) -> impl Iterator<Item = Wish> {
    let deprecation = due(rule, slot).map(|due| Wish::Deprecation { at: due.max(soonest(now)) });
    let protection = rule.protect.map(|protect| Wish::Protection { with_cooldown: protect == Protect::WithCooldown });
    deprecation.into_iter().chain(protection)
}

impl SeriesRules {
    /// Whether any rule wants backups to be deprecated or protected.
    pub fn want_mending(&self) -> bool {
        let mut rules = self.targets.values().chain(self.instances.values());
        rules.any(|rule| rule.deprecate_after.is_some() || rule.protect.is_some())
    }
}

impl Wish {
    fn is_lacking(self, image: &Image, rule: &SeriesRule, slot: Timestamp) -> bool {
        match self {
            // Where that was to be in the past, any instant that is as good as now will do: the soonest one is later with every run.
            Self::Deprecation { at } => !image.deprecation.is_some_and(|known| known == at || known < at && due(rule, slot) < Some(at)),
            // Any protection is one, whatever EC2 calls it: one that is being lifted, too.
            Self::Protection { .. } => image.protection == Protection::Off,
        }
    }
}

/// When a backup of this slot is to be deprecated. EC2 rounds to the minute; what is rounded already comes back as it was sent.
fn due(rule: &SeriesRule, slot: Timestamp) -> Option<Timestamp> {
    rule.deprecate_after.map(|after| up_to_minute(after.after(slot, &rule.zone)))
}

fn soonest(now: Timestamp) -> Timestamp {
    up_to_minute(now.saturating_add(SOONEST).unwrap_or(Timestamp::MAX))
}

fn up_to_minute(instant: Timestamp) -> Timestamp {
    instant.round(TimestampRound::new().smallest(Unit::Minute).mode(RoundMode::Ceil)).unwrap_or(instant)
}

/// What follows the backup, done.
impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deprecation { at } => write!(f, "deprecated from {}", at.strftime("%F %RZ")),
            Self::Protection { with_cooldown: false } => write!(f, "protected from deregistration"),
            Self::Protection { with_cooldown: true } => write!(f, "protected from deregistration with a day's cooldown"),
        }
    }
}
