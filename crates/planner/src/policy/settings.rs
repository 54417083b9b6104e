//! What holds for one target, and for one instance of it, and who said so.
//!
//! A setting may be said in `[defaults]`, in a template, in a target and by an instance's own tags; the later of these wins,
//! setting by setting. Lists and tables (`copy`, `carry-tags`, `before` …) are replaced as a whole.

mod layer;
mod overrides;
pub(super) mod values;

use std::collections::BTreeSet;
use std::fmt;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use crate::completion::Completion;
use crate::id::{Region, SeriesName};
use crate::period::Period;
use crate::plain::one_line;
use crate::policy::Protect;
use crate::policy::pattern::{Pattern, TagPattern};
use crate::retention::Keep;
use crate::schedule::Schedule;
use crate::tags::{Encryption, Tags};

pub(super) use layer::{Fault, KeepLayer, Layer, Said};
pub use overrides::OVERRIDE_PREFIX;
pub(super) use overrides::apply;

/// The effective settings of a target, or of one of its instances.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// When backups are due.
    pub schedule: Schedule,
    /// In whose calendar days, weeks, months and the schedule are meant. UTC, if nobody says.
    pub zone: TimeZone,
    /// What is kept, in the instance's region and in those of copies that have no rules of their own. It has at least one rule,
    /// unless [`unsafe_allow_empty`](Self::unsafe_allow_empty) is set.
    pub keep: Keep,
    /// So long, after its slot, a source is kept until its copies are there. Seven days, if nobody says; absent: not at all.
    pub keep_uncopied: Option<Period>,
    /// Whether the newest good backup may go, too.
    pub unsafe_allow_empty: bool,
    /// The copies, at most one for each region.
    pub copies: Vec<CopySettings>,
    /// Whether EC2 may reboot the instance for a consistent image.
    pub reboot: bool,
    /// The volumes that are left out.
    pub exclude_volumes: ExcludeVolumes,
    /// The keys of the instance's tags that are carried over to the backup. What the patterns name beyond that
    /// ([`may_be_carried`](crate::tags::may_be_carried)) is not carried.
    pub carry_tags: Vec<Pattern>,
    /// A backup, source or copy, is deprecated so long after its slot: ten years at most, as EC2 has it.
    pub deprecate_after: Option<Period>,
    /// How EC2 is to protect a backup, source or copy, from being deregistered. Not at all, if nobody says.
    pub protect: Option<Protect>,
    /// The age of the newest good backup from which `status` warns.
    pub warn_after: Option<Period>,
    /// The age of the newest good backup from which `status` is critical. Longer than [`warn_after`](Self::warn_after).
    pub critical_after: Option<Period>,
    /// What is run before an image is made.
    pub before: Option<Hook>,
    /// What is run after an image was made, or failed.
    pub after: Option<Hook>,
}

/// One copy that a policy asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySettings {
    /// The region it goes to.
    pub region: Region,
    /// How it is encrypted.
    pub encryption: Encryption,
    /// What is kept there, if that is another thing than at the source.
    pub keep: Option<Keep>,
    /// In how many minutes EC2 is to finish it; as EC2 likes, if absent.
    pub completion: Option<Completion>,
}

/// The volumes that are left out of an image: those that any of these names. The root volume never is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExcludeVolumes {
    /// Device names, such as `/dev/sdf`.
    pub devices: BTreeSet<String>,
    /// Tags of the volumes.
    pub tags: Vec<TagPattern>,
    /// Volumes of more GiB than this.
    pub larger_than_gib: Option<u64>,
}

/// A command that is run before or after an image is made. There is no shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The program.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How long it may take: at least a second, an hour at most.
    pub timeout: SignedDuration,
    /// What is done if it fails or takes too long.
    pub on_failure: OnFailure,
}

/// What is done if a hook fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// No image is made, or the backup counts as failed.
    Abort,
    /// The report warns.
    Warn,
}

/// Who said a setting, from the weakest to the strongest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Nobody: it is so unless somebody says otherwise.
    Default,
    /// `[defaults]` of the file.
    Defaults,
    /// The template of this name.
    Template(SeriesName),
    /// The target itself.
    Target,
    /// A tag of the instance.
    InstanceTag,
}

/// One effective setting, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Shown {
    /// Its key in the policy file.
    pub key: String,
    /// Its value, as in the file but without quotes; `off` or `none` where it does nothing.
    pub value: String,
    /// Who said so.
    pub from: Source,
}

impl Settings {
    /// Whether a tag of the instance, by its key, is carried over to the backup.
    pub fn carries(&self, key: &str) -> bool {
        crate::tags::may_be_carried(key) && self.carry_tags.iter().any(|pattern| pattern.matches(key))
    }
}

impl ExcludeVolumes {
    /// Whether a volume is left out, by its device name, its tags and its size in GiB.
    pub fn excludes(&self, device: &str, tags: &Tags, gib: u64) -> bool {
        let Self { devices, tags: patterns, larger_than_gib } = self;
        devices.contains(device) || patterns.iter().any(|pattern| pattern.is_on(tags)) || larger_than_gib.is_some_and(|limit| gib > limit)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.pad("default"),
            Self::Defaults => f.pad("[defaults]"),
            Self::Template(name) => f.pad(&format!("[template.{name}]")),
            Self::Target => f.pad("[[target]]"),
            Self::InstanceTag => f.pad("instance tag"),
        }
    }
}

impl fmt::Display for OnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Abort => "abort",
            Self::Warn => "warn",
        })
    }
}

/// `/usr/local/bin/freeze --db (at most 60s, on failure abort)`
impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { program, arguments, timeout, on_failure } = self;
        f.write_str(&one_line(program))?;
        for argument in arguments {
            // An argument with blanks is one argument all the same.
            if argument.is_empty() || argument.contains(char::is_whitespace) {
                write!(f, " '{}'", one_line(argument))?;
            } else {
                write!(f, " {}", one_line(argument))?;
            }
        }
        write!(f, " (at most {}s, on failure {on_failure})", timeout.as_secs())
    }
}

/// `eu-central-1 (key=…, keep-daily 14, in 60 minutes)`
impl fmt::Display for CopySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, encryption, keep, completion } = self;
        let mut more = Vec::new();
        if *encryption != Encryption::AsSource {
            more.push(encryption.to_string());
        }
        more.extend(keep.iter().flat_map(rules));
        more.extend(completion.map(|minutes| format!("in {minutes} minutes")));
        write!(f, "{region}")?;
        if more.is_empty() { Ok(()) } else { write!(f, " ({})", more.join(", ")) }
    }
}

/// The keep rules that are on, as in the file.
fn rules(keep: &Keep) -> Vec<String> {
    let Keep { last, hourly, daily, weekly, monthly, yearly, within, tags } = keep;
    let counts = [("last", last), ("hourly", hourly), ("daily", daily), ("weekly", weekly), ("monthly", monthly), ("yearly", yearly)];
    let mut rules: Vec<String> = counts.iter().filter_map(|(name, count)| Some(format!("keep-{name} {}", count.as_ref()?))).collect();
    rules.extend(within.map(|within| format!("keep-within {within}")));
    if !tags.is_empty() {
        rules.push(format!("keep-tag {}", listed(tags)));
    }
    rules
}

/// `devices /dev/sdf; tags Backup=no; larger than 500 GiB`
impl fmt::Display for ExcludeVolumes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { devices, tags, larger_than_gib } = self;
        let mut parts = Vec::new();
        if !devices.is_empty() {
            parts.push(format!("devices {}", listed(devices)));
        }
        if !tags.is_empty() {
            parts.push(format!("tags {}", listed(tags)));
        }
        parts.extend(larger_than_gib.map(|gib| format!("larger than {gib} GiB")));
        f.pad(&if parts.is_empty() { "none".to_owned() } else { parts.join("; ") })
    }
}

/// On one line, with commas.
fn listed<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| one_line(&item.to_string())).collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}
