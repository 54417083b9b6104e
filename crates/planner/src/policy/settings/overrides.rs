//! What an instance says of itself: a tag such as `ami-backup:keep-daily = 14` sets one setting for that instance alone.
//!
//! A tag that cannot be understood, or that would leave the instance without a schedule or without a keep rule, is ignored with a
//! warning, and what the target says holds: an instance is backed up whatever its tags say.

use super::values::{count, cron, interval, parse, period, switch, time_zone};
use super::{Layer, Said, Settings, Source};
use crate::plain::one_line;
use crate::policy::file::nearest;
use crate::policy::select::OPT_OUT;
use crate::tags::Tags;

/// What the keys of such tags begin with.
pub const OVERRIDE_PREFIX: &str = "ami-backup:";

/// What an instance may say.
const SETTINGS: [&str; 15] = [
    "schedule",
    "every",
    "time-zone",
    "keep-last",
    "keep-hourly",
    "keep-daily",
    "keep-weekly",
    "keep-monthly",
    "keep-yearly",
    "keep-within",
    "keep-tag",
    "keep-uncopied",
    "reboot",
    "warn-after",
    "critical-after",
];

/// One tag that could be read.
struct Override<'a> {
    setting: &'a str,
    text: &'a str,
    layer: Layer,
}

/// A target's settings under the tags of one instance, the layers they come from, and a sentence for each tag that was ignored.
pub(in crate::policy) fn apply(target: &Layer, settings: &Settings, tags: &Tags) -> (Settings, Layer, Vec<String>) {
    let mut warnings = Vec::new();
    let mut ignore = |setting: &str, text: &str, why: &str| {
        warnings.push(format!("its tag `{OVERRIDE_PREFIX}{}={}` is ignored: {why}", one_line(setting), one_line(text)));
    };
    let mut said = Vec::new();
    for (key, text) in tags.iter().filter(|(key, _)| *key != OPT_OUT) {
        let Some(setting) = key.strip_prefix(OVERRIDE_PREFIX) else { continue };
        match read(setting, text) {
            Ok(layer) => said.push(Override { setting, text, layer }),
            Err(why) => ignore(setting, text, &why),
        }
    }
    if said.iter().any(|tag| tag.setting == "schedule") && said.iter().any(|tag| tag.setting == "every") {
        for Override { setting, text, .. } in said.extract_if(.., |tag| matches!(tag.setting, "schedule" | "every")) {
            let other = if setting == "every" { "schedule" } else { "every" };
            ignore(setting, text, &format!("`{OVERRIDE_PREFIX}{other}` says when backups are due, too"));
        }
    }
    // All together, since one may only be right beside another; and where they are not, one by one.
    let together = said.iter().fold(target.clone(), |weaker, tag| tag.layer.clone().over(&weaker));
    let (mut settings, mut layer) = (settings.clone(), target.clone());
    if let Ok(effective) = together.effective() {
        (settings, layer) = (effective, together);
    } else {
        for Override { setting, text, layer: tag } in said {
            let with = tag.over(&layer);
            match with.effective() {
                Ok(effective) => (settings, layer) = (effective, with),
                Err(faults) => {
                    let why = faults.first().map(|fault| fault.why.as_str()).unwrap_or_default();
                    ignore(setting, text, &format!("with it the instance {why}"));
                }
            }
        }
    }
    (settings, layer, warnings)
}

/// The layer that one tag is.
fn read(setting: &str, text: &str) -> Result<Layer, String> {
    let mut layer = Layer::default();
    let keep = &mut layer.keep;
    match setting {
        "schedule" => layer.schedule = said(cron(text)?),
        "every" => layer.every = said(interval(text)?),
        "time-zone" => layer.time_zone = said(time_zone(text)?),
        "keep-last" => keep.last = said(count(text)?),
        "keep-hourly" => keep.hourly = said(count(text)?),
        "keep-daily" => keep.daily = said(count(text)?),
        "keep-weekly" => keep.weekly = said(count(text)?),
        "keep-monthly" => keep.monthly = said(count(text)?),
        "keep-yearly" => keep.yearly = said(count(text)?),
        "keep-within" => keep.within = said(period(text)?),
        "keep-tag" => keep.tag = said(text.split(',').map(|rule| parse(rule.trim())).collect::<Result<_, _>>()?),
        "keep-uncopied" => layer.keep_uncopied = said(period(text)?),
        "reboot" => layer.reboot = said(switch(text)?),
        "warn-after" => layer.warn_after = said(period(text)?),
        "critical-after" => layer.critical_after = said(period(text)?),
        _ => {
            let meant = nearest(setting, &SETTINGS).map(|near| format!("; did you mean `{OVERRIDE_PREFIX}{near}`?"));
            return Err(format!("an instance's own tags can say no such setting{}", meant.unwrap_or_default()));
        }
    }
    Ok(layer)
}

#[expect(clippy::unnecessary_wraps, reason = "each is put where nothing may have been said")]
fn said<T>(value: T) -> Option<Said<T>> {
    Some(Said { value, from: Source::InstanceTag, at: 0 })
}
