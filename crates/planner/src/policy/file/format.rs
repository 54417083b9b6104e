//! How the policy file is written: the reference, from which the JSON Schema is made.
//!
//! These types hold nothing and are made by nobody; their fields are the file's keys. A test holds them to what is read.

// The sentences are for the people who write the file: what is in brackets there is TOML.
#![expect(clippy::doc_markdown, clippy::doc_link_with_quotes, reason = "the text is what editors show")]
#![allow(rustdoc::broken_intra_doc_links, reason = "the text is what editors show")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::period::Period;

/// What is wanted for a fleet: which instances are backed up, when, where to, and how long backups are kept.
#[derive(JsonSchema)]
#[schemars(title = "ami-backup.toml", rename_all = "kebab-case", deny_unknown_fields)]
pub struct PolicyFile {
    /// A run that would delete more than this deletes nothing: a number such as 20, or a share of what was seen such as "10%".
    pub max_deletes: Option<Cap>,
    /// The regions of targets that name none. Without it: every region that is enabled.
    #[schemars(length(min = 1))]
    pub regions: Option<Vec<String>>,
    /// Other accounts, each by a name of one's own: lower-case letters, digits and -. The account of the program's own
    /// credentials is called self.
    pub account: Option<BTreeMap<String, Account>>,
    /// Settings for every target. Templates, targets and the instances' own tags go before them.
    pub defaults: Option<Settings>,
    /// Settings by name, for the targets that use them.
    pub template: Option<BTreeMap<String, Template>>,
    /// Which instances are backed up. An instance belongs to the first target in the file that selects it.
    #[schemars(length(min = 1))]
    pub target: Vec<Target>,
}

/// Another account.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Account {
    /// The role that is assumed there, such as arn:aws:iam::210987654321:role/ami-backup.
    pub role_arn: String,
    /// What the role's trust policy asks for as sts:ExternalId, if it does.
    #[schemars(length(min = 2, max = 1224))]
    pub external_id: Option<String>,
}

/// Settings under a name.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Template {
    /// Templates that this one builds on: a name, or several of which later ones go before earlier ones.
    #[schemars(rename = "use")]
    pub uses: Option<Names>,
    /// The settings themselves.
    #[schemars(flatten)]
    pub settings: Settings,
}

/// Some instances, and what is wanted for them. Any setting here goes before those of its templates.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Target {
    /// The name of the series that its backups are: lower-case letters, digits and -, 40 at most. Under another name the
    /// backups there are belong to no target any more.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9-]{0,39}$"))]
    pub name: String,
    /// The templates it uses: a name, or several of which later ones go before earlier ones.
    #[schemars(rename = "use")]
    pub uses: Option<Names>,
    /// The accounts it is for: names of [account.*], or self. Without it: self.
    #[schemars(length(min = 1))]
    pub accounts: Option<Vec<String>>,
    /// The regions it is for. Without it: those at the top of the file, or every region that is enabled.
    #[schemars(length(min = 1))]
    pub regions: Option<Vec<String>>,
    /// Which instances it is for. Those with the tag ami-backup:exclude, whatever its value, never are.
    pub select: Select,
    /// The settings themselves.
    #[schemars(flatten)]
    pub settings: Settings,
}

/// Which instances are meant: those with all of tags, one of any-tags (if given) and one of names and ids (if given), and
/// nothing of not-tags, not-names and not-ids. A tag is written Key (any value) or Key=value; in values and names, * stands
/// for any text. Something must say which are meant; that may be all = true.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Select {
    /// True: every instance, but for what the not- keys leave out.
    pub all: Option<bool>,
    /// Tags, all of which it has, such as ["Env=prod*", "Backup"].
    #[schemars(length(min = 1))]
    pub tags: Option<Vec<String>>,
    /// Tags, one of which it has at least.
    #[schemars(length(min = 1))]
    pub any_tags: Option<Vec<String>>,
    /// Tags, none of which it has.
    #[schemars(length(min = 1))]
    pub not_tags: Option<Vec<String>>,
    /// What its Name tag may be, such as ["web-*"].
    #[schemars(length(min = 1))]
    pub names: Option<Vec<String>>,
    /// What its Name tag is not.
    #[schemars(length(min = 1))]
    pub not_names: Option<Vec<String>>,
    /// Instance ids that it may be.
    #[schemars(length(min = 1))]
    pub ids: Option<Vec<String>>,
    /// Instance ids that it is not.
    #[schemars(length(min = 1))]
    pub not_ids: Option<Vec<String>>,
}

/// What can be said in [defaults], in a template and in a target, the later going before the earlier, setting by setting. Lists
/// and tables are replaced as a whole.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// When backups are due: a cron expression of five fields (minute, hour, day of the month, month, weekday), such as
    /// "0 2 * * *", in the time zone. A missed backup is caught up, the newest only.
    pub schedule: Option<String>,
    /// The interval at which backups are due, such as "6h", instead of a schedule.
    pub every: Option<Period>,
    /// The IANA name of the time zone of the schedule, and of the days, weeks and months of the keep rules, such as "Europe/Paris".
    /// Without it: UTC.
    pub time_zone: Option<String>,
    /// What is kept. Each rule keeps what it wants; a backup that none of them wants goes. Only good backups count, and the
    /// newest good one always stays.
    #[schemars(flatten)]
    pub keep: Keep,
    /// A backup is kept until its copies are there, so long after it was due at most. "off": not for that. Without it: "7d".
    pub keep_uncopied: Option<PeriodOrOff>,
    /// True: the newest good backup may go, too, and there may be no keep rule at all.
    pub unsafe_allow_empty: Option<bool>,
    /// Copies of each backup, at most one for each region. An instance in that very region is not copied there. [] for none.
    pub copy: Option<Vec<Copy>>,
    /// True: EC2 may reboot the instance for a consistent image. Without it: false.
    pub reboot: Option<bool>,
    /// The volumes that are left out of the image. {} for none.
    pub exclude_volumes: Option<ExcludeVolumes>,
    /// The keys of the instance's tags that are carried over to the backup, such as ["CostCentre", "Team*"]. Those of AWS (aws:)
    /// and of ami-backup itself never are. [] for none.
    pub carry_tags: Option<Vec<String>>,
    /// A backup that is kept, source or copy, is deprecated so long after it was due, ten years at most: EC2 hides it from others, and
    /// nothing else. "off" leaves the dates as they are.
    pub deprecate_after: Option<PeriodOrOff>,
    /// True: a backup that is kept, source or copy, is protected from being deregistered; "with-cooldown": for a day more after somebody
    /// has lifted that. Nothing protected is ever purged: a person has to lift the protection first. False leaves it as it is.
    pub protect: Option<Protect>,
    /// `status` warns when the newest good backup is older than this.
    pub warn_after: Option<PeriodOrOff>,
    /// `status` is critical when the newest good backup is older than this. Longer than warn-after.
    pub critical_after: Option<PeriodOrOff>,
    /// A command that is run before an image is made. Without on-failure, its failure means that none is made.
    pub before: Option<Hook>,
    /// A command that is run after an image was made, or failed. Without on-failure, its failure is a warning.
    pub after: Option<Hook>,
}

/// The keep rules. Each wants some backups, and what any of them wants is kept.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Keep {
    /// The newest so many backups. 0 switches the rule off, as for each of these.
    pub keep_last: Option<Count>,
    /// The newest backup of each of so many hours that have one.
    pub keep_hourly: Option<Count>,
    /// The newest backup of each of so many days that have one.
    pub keep_daily: Option<Count>,
    /// The newest backup of each of so many weeks (from Monday) that have one.
    pub keep_weekly: Option<Count>,
    /// The newest backup of each of so many months that have one.
    pub keep_monthly: Option<Count>,
    /// The newest backup of each of so many years that have one.
    pub keep_yearly: Option<Count>,
    /// Every backup that is less than this older than the newest one, such as "3d". "off" switches the rule off.
    pub keep_within: Option<PeriodOrOff>,
    /// Every backup with one of these tags, Key or Key=value, such as ["Keep", "Audit=yes"]. [] switches the rule off.
    pub keep_tag: Option<Vec<String>>,
}

/// A copy of each backup in another region. With keep rules of its own, these alone decide there; without, the target's do.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Copy {
    /// The region.
    pub region: String,
    /// The KMS key that the copy is encrypted with: an ARN of that region, or alias/name.
    pub kms_key: Option<String>,
    /// True: the copy is encrypted with the default key of that region. Without it and kms-key: as the source is.
    pub encrypt: Option<bool>,
    /// In how many minutes EC2 is to finish the copy, at a price: from 15 to 2880 in steps of 15.
    #[schemars(range(min = 15, max = 2880))]
    pub completion_minutes: Option<u16>,
    /// The keep rules of the copies there.
    #[schemars(flatten)]
    pub keep: Keep,
}

/// Volumes that are left out of the image: those of which any of this is true. The root volume never is left out.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExcludeVolumes {
    /// Device names, such as ["/dev/sdf"].
    pub devices: Option<Vec<String>>,
    /// Tags of the volume, Key or Key=value, * standing for any text in the value, such as ["Backup=no"].
    pub tags: Option<Vec<String>>,
    /// It is larger than so many GiB.
    #[schemars(range(min = 1))]
    pub larger_than_gib: Option<u64>,
}

/// A command. There is no shell; what is to be known about the backup comes on its standard input, as JSON.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Hook {
    /// The program and its arguments, such as ["/usr/local/bin/freeze", "--db"].
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// How long it may take, from "1s" to "1h". Without it: "60s".
    pub timeout: Option<Period>,
    /// What its failure means: abort (before: no image is made; after: the backup counts as failed) or warn.
    pub on_failure: Option<OnFailure>,
}

/// What the failure of a hook means.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum OnFailure {
    /// No image is made, or the backup counts as failed.
    Abort,
    /// The report warns.
    Warn,
}

/// One name, or several.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Names {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// The count of a keep rule.
pub struct Count;

/// A period, or that there is none.
pub struct PeriodOrOff;

/// Whether, and how, backups are protected.
pub struct Protect;

/// A number of deletions, or a share.
pub struct Cap;

macro_rules! written_as {
    ($name:ident, $schema:tt) => {
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

written_as!(Count, { "anyOf": [{ "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32 }, { "enum": ["unlimited", "off"] }] });
written_as!(PeriodOrOff, {
    "type": "string",
    "pattern": "^(off|(?=.)([1-9][0-9]*y)?([1-9][0-9]*mo)?([1-9][0-9]*w)?([1-9][0-9]*d)?([1-9][0-9]*h)?([1-9][0-9]*min)?([1-9][0-9]*s)?)$",
});
written_as!(Protect, { "anyOf": [{ "type": "boolean" }, { "enum": ["with-cooldown"] }] });
written_as!(Cap, { "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": "^([0-9]+|([0-9]|[1-9][0-9]|100)%)$" }] });

/// A setting that is not said is left out: TOML has no null.
pub(super) fn without_null(schema: &mut Schema) {
    let null = json_schema!({ "type": "null" });
    if let Some(kinds) = schema.get_mut("type").and_then(|kinds| kinds.as_array_mut()) {
        kinds.retain(|kind| kind != "null");
        if let [kind] = &kinds[..] {
            let kind = kind.clone();
            schema.insert("type".to_owned(), kind);
        }
    }
    let Some(choices) = schema.get_mut("anyOf").and_then(|choices| choices.as_array_mut()) else { return };
    choices.retain(|choice| choice != null.as_value());
    let [choice] = &choices[..] else { return };
    let Some(choice) = choice.as_object().cloned() else { return };
    schema.remove("anyOf");
    for (key, value) in choice {
        schema.insert(key, value);
    }
}
