//! One layer of settings, as `[defaults]`, a template, a target or an instance's tags say them, and what several layers make
//! together.

use std::fmt;

use jiff::tz::TimeZone;

use super::{CopySettings, ExcludeVolumes, Hook, Settings, Shown, Source, listed};
use crate::id::Region;
use crate::period::Period;
use crate::policy::Protect;
use crate::policy::pattern::Pattern;
use crate::retention::{Count, Keep, TagRule};
use crate::schedule::Schedule;

/// A setting, with who said it and where in the file.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::policy) struct Said<T> {
    pub(in crate::policy) value: T,
    pub(in crate::policy) from: Source,
    /// The byte of the file at which it stands; 0 if it does not stand there.
    pub(in crate::policy) at: usize,
}

/// What is said in one place, or in several on top of each other. What is absent was not said; `None` within was switched off.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::policy) struct Layer {
    /// A valid cron expression.
    pub(in crate::policy) schedule: Option<Said<String>>,
    pub(in crate::policy) every: Option<Said<Period>>,
    pub(in crate::policy) time_zone: Option<Said<TimeZone>>,
    pub(in crate::policy) keep: KeepLayer,
    pub(in crate::policy) keep_uncopied: Option<Said<Option<Period>>>,
    pub(in crate::policy) unsafe_allow_empty: Option<Said<bool>>,
    pub(in crate::policy) reboot: Option<Said<bool>>,
    pub(in crate::policy) exclude_volumes: Option<Said<ExcludeVolumes>>,
    pub(in crate::policy) carry_tags: Option<Said<Vec<Pattern>>>,
    pub(in crate::policy) deprecate_after: Option<Said<Option<Period>>>,
    pub(in crate::policy) protect: Option<Said<Option<Protect>>>,
    pub(in crate::policy) warn_after: Option<Said<Option<Period>>>,
    pub(in crate::policy) critical_after: Option<Said<Option<Period>>>,
    pub(in crate::policy) copy: Option<Said<Vec<CopySettings>>>,
    pub(in crate::policy) before: Option<Said<Hook>>,
    pub(in crate::policy) after: Option<Said<Hook>>,
    /// Something here could not be read, so that what is missing may not be missing.
    pub(in crate::policy) broken: bool,
}

/// The keep rules of a layer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::policy) struct KeepLayer {
    pub(in crate::policy) last: Option<Said<Option<Count>>>,
    pub(in crate::policy) hourly: Option<Said<Option<Count>>>,
    pub(in crate::policy) daily: Option<Said<Option<Count>>>,
    pub(in crate::policy) weekly: Option<Said<Option<Count>>>,
    pub(in crate::policy) monthly: Option<Said<Option<Count>>>,
    pub(in crate::policy) yearly: Option<Said<Option<Count>>>,
    pub(in crate::policy) within: Option<Said<Option<Period>>>,
    pub(in crate::policy) tag: Option<Said<Vec<TagRule>>>,
}

/// Why layers make no settings: what is to be said of the target or the instance ("has no schedule"), and the byte of the file
/// that it is about, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Fault {
    pub(in crate::policy) at: Option<usize>,
    pub(in crate::policy) why: String,
}

/// The stronger of two that may have been said.
fn either<T: Clone>(stronger: Option<Said<T>>, weaker: Option<&Said<T>>) -> Option<Said<T>> {
    stronger.or_else(|| weaker.cloned())
}

/// What was said, unless that it is off.
fn on<T: Copy>(said: Option<&Said<Option<T>>>) -> Option<T> {
    said.and_then(|said| said.value)
}

impl KeepLayer {
    /// This over what is weaker.
    fn over(self, weaker: &Self) -> Self {
        let Self { last, hourly, daily, weekly, monthly, yearly, within, tag } = self;
        Self {
            last: either(last, weaker.last.as_ref()),
            hourly: either(hourly, weaker.hourly.as_ref()),
            daily: either(daily, weaker.daily.as_ref()),
            weekly: either(weekly, weaker.weekly.as_ref()),
            monthly: either(monthly, weaker.monthly.as_ref()),
            yearly: either(yearly, weaker.yearly.as_ref()),
            within: either(within, weaker.within.as_ref()),
            tag: either(tag, weaker.tag.as_ref()),
        }
    }

    /// Whether nothing is said, not even that a rule is off.
    pub(in crate::policy) fn is_silent(&self) -> bool {
        *self == Self::default()
    }

    /// The rules that are on.
    pub(in crate::policy) fn effective(&self) -> Keep {
        Keep {
            last: on(self.last.as_ref()),
            hourly: on(self.hourly.as_ref()),
            daily: on(self.daily.as_ref()),
            weekly: on(self.weekly.as_ref()),
            monthly: on(self.monthly.as_ref()),
            yearly: on(self.yearly.as_ref()),
            within: on(self.within.as_ref()),
            tags: self.tag.as_ref().map(|said| said.value.clone()).unwrap_or_default(),
        }
    }

    fn counts(&self) -> [(&'static str, Option<&Said<Option<Count>>>); 6] {
        [
            ("keep-last", self.last.as_ref()),
            ("keep-hourly", self.hourly.as_ref()),
            ("keep-daily", self.daily.as_ref()),
            ("keep-weekly", self.weekly.as_ref()),
            ("keep-monthly", self.monthly.as_ref()),
            ("keep-yearly", self.yearly.as_ref()),
        ]
    }
}

impl Layer {
    /// This over what is weaker: setting by setting, the two ways to say when backups are due being one setting.
    pub(in crate::policy) fn over(self, weaker: &Self) -> Self {
        let is_due = self.schedule.is_some() || self.every.is_some();
        let (schedule, every) = if is_due { (self.schedule, self.every) } else { (weaker.schedule.clone(), weaker.every.clone()) };
        Self {
            schedule,
            every,
            time_zone: either(self.time_zone, weaker.time_zone.as_ref()),
            keep: self.keep.over(&weaker.keep),
            keep_uncopied: either(self.keep_uncopied, weaker.keep_uncopied.as_ref()),
            unsafe_allow_empty: either(self.unsafe_allow_empty, weaker.unsafe_allow_empty.as_ref()),
            reboot: either(self.reboot, weaker.reboot.as_ref()),
            exclude_volumes: either(self.exclude_volumes, weaker.exclude_volumes.as_ref()),
            carry_tags: either(self.carry_tags, weaker.carry_tags.as_ref()),
            deprecate_after: either(self.deprecate_after, weaker.deprecate_after.as_ref()),
            protect: either(self.protect, weaker.protect.as_ref()),
            warn_after: either(self.warn_after, weaker.warn_after.as_ref()),
            critical_after: either(self.critical_after, weaker.critical_after.as_ref()),
            copy: either(self.copy, weaker.copy.as_ref()),
            before: either(self.before, weaker.before.as_ref()),
            after: either(self.after, weaker.after.as_ref()),
            broken: self.broken || weaker.broken,
        }
    }

    /// The settings that all of this makes, or everything that is missing or at odds.
    pub(in crate::policy) fn effective(&self) -> Result<Settings, Vec<Fault>> {
        let mut faults = Vec::new();
        let zone = self.time_zone.as_ref().map_or(TimeZone::UTC, |said| said.value.clone());
        let schedule = self.schedule(&zone).map_err(|fault| faults.push(fault));
        let keep = self.keep.effective();
        let unsafe_allow_empty = self.unsafe_allow_empty.as_ref().is_some_and(|said| said.value);
        let copies = self.copy.as_ref().map(|said| said.value.clone()).unwrap_or_default();
        if !unsafe_allow_empty {
            if keep.is_empty() {
                let why = "keeps nothing, as no keep rule is on; say `keep-daily = 7` or the like";
                faults.push(Fault { at: None, why: why.to_owned() });
            }
            for copy in copies.iter().filter(|copy| copy.keep.as_ref().is_some_and(Keep::is_empty)) {
                let at = self.copy.as_ref().map(|said| said.at);
                let why =
                    format!("keeps nothing in {}, as the keep rules of that copy are all off; without any, the target's hold", copy.region);
                faults.push(Fault { at, why });
            }
        }
        let (warn_after, critical_after) = (on(self.warn_after.as_ref()), on(self.critical_after.as_ref()));
        if let (Some(warn), Some(critical)) = (warn_after, critical_after)
            && warn.as_duration() >= critical.as_duration()
        {
            let at = self.critical_after.as_ref().map(|said| said.at);
            let why =
                format!("is critical after {critical}, which is not later than it warns, after {warn} (`critical-after`, `warn-after`)");
            faults.push(Fault { at, why });
        }
        let Some(schedule) = schedule.ok().filter(|_| faults.is_empty()) else { return Err(faults) };
        Ok(Settings {
            schedule,
            zone,
            keep,
            keep_uncopied: self.keep_uncopied.as_ref().map_or_else(keep_uncopied, |said| said.value),
            unsafe_allow_empty,
            copies,
            reboot: self.reboot.as_ref().is_some_and(|said| said.value),
            exclude_volumes: self.exclude_volumes.as_ref().map(|said| said.value.clone()).unwrap_or_default(),
            carry_tags: self.carry_tags.as_ref().map(|said| said.value.clone()).unwrap_or_default(),
            deprecate_after: on(self.deprecate_after.as_ref()),
            protect: on(self.protect.as_ref()),
            warn_after,
            critical_after,
            before: self.before.as_ref().map(|said| said.value.clone()),
            after: self.after.as_ref().map(|said| said.value.clone()),
        })
    }

    /// The same for an instance in this region, to which a copy would make no sense.
    pub(in crate::policy) fn without_copy_to(mut self, region: &Region) -> Self {
        if let Some(copy) = &mut self.copy {
            copy.value.retain(|copy| copy.region != *region);
        }
        self
    }

    fn schedule(&self, zone: &TimeZone) -> Result<Schedule, Fault> {
        let (at, schedule) = match (&self.schedule, &self.every) {
            (Some(cron), _) => (cron.at, Schedule::cron(&cron.value, zone.clone())),
            (None, Some(every)) => (every.at, Schedule::every(every.value)),
            (None, None) => {
                let why = "has no schedule; say `schedule = \"0 2 * * *\"` or `every = \"6h\"`, or `use` a template that does";
                return Err(Fault { at: None, why: why.to_owned() });
            }
        };
        schedule.map_err(|error| Fault { at: Some(at), why: format!("has no possible schedule: {error}") })
    }

    /// Every setting with its value and who said it, those that nobody said included, in the order of the documents.
    pub(in crate::policy) fn shown(&self) -> Vec<Shown> {
        let mut all = Vec::new();
        match &self.every {
            Some(every) => all.push(shown("every", Some(every), Period::to_string, "")),
            None => all.push(shown("schedule", self.schedule.as_ref(), String::clone, "none")),
        }
        all.push(shown("time-zone", self.time_zone.as_ref(), zone_name, "UTC"));
        for (key, said) in self.keep.counts() {
            all.push(shown(key, said, |value| or_off(value.as_ref()), "off"));
        }
        all.push(shown("keep-within", self.keep.within.as_ref(), |value| or_off(value.as_ref()), "off"));
        all.push(shown("keep-tag", self.keep.tag.as_ref(), listed, "none"));
        all.push(shown("keep-uncopied", self.keep_uncopied.as_ref(), |value| or_off(value.as_ref()), &or_off(keep_uncopied().as_ref())));
        all.push(shown("unsafe-allow-empty", self.unsafe_allow_empty.as_ref(), bool::to_string, "false"));
        all.push(shown("copy", self.copy.as_ref(), listed, "none"));
        all.push(shown("reboot", self.reboot.as_ref(), bool::to_string, "false"));
        all.push(shown("exclude-volumes", self.exclude_volumes.as_ref(), ExcludeVolumes::to_string, "none"));
        all.push(shown("carry-tags", self.carry_tags.as_ref(), listed, "none"));
        all.push(shown("deprecate-after", self.deprecate_after.as_ref(), |value| or_off(value.as_ref()), "off"));
        all.push(shown("protect", self.protect.as_ref(), |value| value.map_or_else(|| "false".to_owned(), |how| how.to_string()), "false"));
        all.push(shown("warn-after", self.warn_after.as_ref(), |value| or_off(value.as_ref()), "off"));
        all.push(shown("critical-after", self.critical_after.as_ref(), |value| or_off(value.as_ref()), "off"));
        all.push(shown("before", self.before.as_ref(), Hook::to_string, "none"));
        all.push(shown("after", self.after.as_ref(), Hook::to_string, "none"));
        all
    }
}

/// How long a source waits for its copies if nobody says.
fn keep_uncopied() -> Option<Period> {
    "7d".parse().ok()
}

fn shown<'a, T>(key: &str, said: Option<&'a Said<T>>, text: impl Fn(&'a T) -> String, otherwise: &str) -> Shown {
    let (value, from) = said.map_or_else(|| (otherwise.to_owned(), Source::Default), |said| (text(&said.value), said.from.clone()));
    Shown { key: key.to_owned(), value, from }
}

fn or_off<T: fmt::Display>(value: Option<&T>) -> String {
    value.map_or_else(|| "off".to_owned(), T::to_string)
}

fn zone_name(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}
