//! From TOML to typed layers, with everything that is wrong on the way.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problems::{Found, MOST};
use super::{AccountRef, RoleArn, nearest};
use crate::completion::Completion;
use crate::id::{InstanceId, Region, SeriesName};
use crate::period::Period;
use crate::plain::one_line;
use crate::policy::pattern::{Pattern, TagPattern};
use crate::policy::select::Selector;
use crate::policy::settings::values::{count, cron, interval, parse, period, time_zone};
use crate::policy::settings::{CopySettings, ExcludeVolumes, Hook, KeepLayer, Layer, OnFailure, Said, Source};
use crate::policy::{MaxDeletes, Protect};
use crate::retention::Count;
use crate::tags::{Encryption, Intent, may_be_carried};

/// A hook may take so long.
const LONGEST_HOOK: SignedDuration = SignedDuration::from_hours(1);
const USUAL_HOOK: SignedDuration = SignedDuration::from_secs(60);
const LONGEST_BEFORE_DEPRECATION: &str = "10y";

/// The file, its parts read and its cross references still open.
#[derive(Default)]
pub(super) struct File {
    pub(super) max_deletes: Option<MaxDeletes>,
    pub(super) regions: Option<BTreeSet<Region>>,
    pub(super) accounts: Vec<Account>,
    pub(super) defaults: Layer,
    pub(super) templates: Vec<Template>,
    pub(super) targets: Vec<Target>,
}

/// `[account.NAME]`.
pub(super) struct Account {
    pub(super) at: usize,
    pub(super) name: String,
    /// Absent if something is wrong with it.
    pub(super) reference: Option<AccountRef>,
}

/// `[template.NAME]`.
pub(super) struct Template {
    pub(super) at: usize,
    pub(super) name: String,
    pub(super) uses: Vec<Reference>,
    pub(super) layer: Layer,
}

/// A `[[target]]`.
pub(super) struct Target {
    pub(super) at: usize,
    pub(super) name: Option<Said<SeriesName>>,
    pub(super) uses: Vec<Reference>,
    pub(super) accounts: Option<Vec<Reference>>,
    pub(super) regions: Option<BTreeSet<Region>>,
    pub(super) select: Option<Selector>,
    pub(super) layer: Layer,
}

/// A name that something else in the file should have.
pub(super) struct Reference {
    pub(super) at: usize,
    pub(super) name: String,
}

type Value<'i> = Spanned<DeValue<'i>>;

/// A table on its way. Which keys it may have is not written down a second time: it is those that were asked for.
struct Fields<'a, 'i> {
    table: &'a DeTable<'i>,
    /// Where it begins.
    at: usize,
    /// What messages call it.
    place: String,
    from: Source,
    asked: Vec<&'static str>,
    found: Vec<Found>,
}

/// Reads the whole file; `found` takes what is wrong.
pub(super) fn read(table: &DeTable<'_>, found: &mut Vec<Found>) -> File {
    let mut fields = Fields::new(table, 0, "at the top of the file", Source::Defaults);
    let mut file = File {
        max_deletes: fields.value("max-deletes", cap).map(|said| said.value),
        regions: fields.filled("regions", parse).map(|said| said.value.into_iter().collect()),
        ..File::default()
    };
    for (at, name, table) in fields.tables("account") {
        let reference = fields.named("account", at, name).then(|| account(&mut fields, at, name, table)).flatten();
        if name == super::SELF {
            fields.say(at, "`self` is the account of the program's own credentials, and cannot be another".to_owned());
        }
        file.accounts.push(Account { at, name: name.to_owned(), reference });
    }
    if let Some((at, table)) = fields.table("defaults") {
        let mut defaults = Fields::new(table, at, "in [defaults]", Source::Defaults);
        file.defaults = settings(&mut defaults, "defaults");
        file.defaults.broken |= fields.absorb(defaults);
    }
    for (at, name, table) in fields.tables("template") {
        if !fields.named("template", at, name) {
            continue;
        }
        let source = parse(name).map_or(Source::Defaults, Source::Template);
        let mut template = Fields::new(table, at, &format!("in [template.{name}]"), source);
        let uses = uses(&mut template);
        let mut layer = settings(&mut template, &format!("template.{name}"));
        layer.broken |= fields.absorb(template);
        file.templates.push(Template { at, name: name.to_owned(), uses, layer });
    }
    for (at, table) in fields.array("target") {
        file.targets.push(target(&mut fields, at, table));
    }
    found.append(&mut fields.finish());
    file
}

fn account(fields: &mut Fields<'_, '_>, at: usize, name: &str, table: &DeTable<'_>) -> Option<AccountRef> {
    let mut account = Fields::new(table, at, &format!("in [account.{name}]"), Source::Defaults);
    let role = account.needed("role-arn", |account| account.text("role-arn", parse::<RoleArn>));
    let external_id = account.text("external-id", external_id);
    let is_broken = fields.absorb(account);
    let role = role.filter(|_| !is_broken)?.value;
    Some(AccountRef { role, external_id: external_id.map(|said| said.value) })
}

/// By the grammar of STS.
fn external_id(text: &str) -> Result<String, String> {
    let is_valid = (2..=1224).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b));
    is_valid.then(|| text.to_owned()).ok_or_else(|| "an external id has 2 to 1224 letters, digits and `_+=,.@:/-`".to_owned())
}

fn target(fields: &mut Fields<'_, '_>, at: usize, table: &DeTable<'_>) -> Target {
    let called = table.get("name").and_then(|name| name.get_ref().as_str()).and_then(|name| name.parse::<SeriesName>().ok());
    let place = called.map_or_else(|| "in [[target]]".to_owned(), |name| format!("in target `{name}`"));
    let mut target = Fields::new(table, at, &place, Source::Target);
    let name = target.needed("name", |target| target.text("name", parse));
    let uses = uses(&mut target);
    let accounts = target.filled("accounts", |text| Ok(text.to_owned()));
    let accounts = accounts.map(|said| said.value.into_iter().map(|name| Reference { at: said.at, name }).collect());
    let regions = target.filled("regions", parse).map(|said| said.value.into_iter().collect());
    let select = target.needed("select", |target| target.table("select").map(|(at, table)| selector(target, at, table)));
    let mut layer = settings(&mut target, "target");
    layer.broken |= fields.absorb(target);
    Target { at, name, uses, accounts, regions, select, layer }
}

fn uses(fields: &mut Fields<'_, '_>) -> Vec<Reference> {
    let Some(value) = fields.take("use") else { return Vec::new() };
    if let DeValue::String(name) = value.get_ref() {
        return vec![Reference { at: value.span().start, name: name.as_ref().to_owned() }];
    }
    let DeValue::Array(names) = value.get_ref() else {
        fields.wrong("use", value.span().start, &expected("the name of a template, or a list of names", value.get_ref()));
        return Vec::new();
    };
    let mut uses = Vec::new();
    for name in names {
        match name.get_ref() {
            DeValue::String(text) => uses.push(Reference { at: name.span().start, name: text.as_ref().to_owned() }),
            other => fields.wrong("use", name.span().start, &expected("the name of a template", other)),
        }
    }
    uses
}

fn selector(target: &mut Fields<'_, '_>, at: usize, table: &DeTable<'_>) -> Selector {
    let mut fields = target.within("select", at, table);
    let selector = Selector {
        all: fields.switch("all").is_some_and(|said| said.value),
        tags: fields.unsaid("tags"),
        any_tags: fields.unsaid("any-tags"),
        not_tags: fields.unsaid("not-tags"),
        names: fields.unsaid::<Pattern>("names"),
        not_names: fields.unsaid::<Pattern>("not-names"),
        ids: fields.unsaid::<InstanceId>("ids").into_iter().collect(),
        not_ids: fields.unsaid::<InstanceId>("not-ids").into_iter().collect(),
    };
    if fields.found.is_empty() {
        if selector.is_empty() {
            let why = "selects nothing; say which instances are meant, by `tags`, `any-tags`, `names` or `ids`, or `all = true`";
            fields.say(at, format!("`select` {} {why}", target.place));
        }
        let is_narrow = !Selector { all: false, ..selector.clone() }.is_empty();
        if selector.all && is_narrow {
            fields.say(at, format!("`select` {} says `all = true` and which ones; leave one of the two out", target.place));
        }
    }
    target.absorb(fields);
    selector
}

/// Whatever can be said in `[defaults]`, in a template and in a target. `header` is what TOML calls the table.
fn settings(fields: &mut Fields<'_, '_>, header: &str) -> Layer {
    let layer = Layer {
        schedule: fields.text("schedule", cron),
        every: fields.text("every", interval),
        time_zone: fields.text("time-zone", time_zone),
        keep: keep(fields),
        keep_uncopied: fields.text("keep-uncopied", period),
        unsafe_allow_empty: fields.switch("unsafe-allow-empty"),
        reboot: fields.switch("reboot"),
        exclude_volumes: fields.table("exclude-volumes").map(|(at, table)| exclude_volumes(fields, at, table)),
        carry_tags: fields.list("carry-tags", carried),
        deprecate_after: fields.text("deprecate-after", deprecation),
        protect: fields.value("protect", protection),
        warn_after: fields.text("warn-after", period),
        critical_after: fields.text("critical-after", period),
        copy: copies(fields, header),
        before: fields.table("before").and_then(|(at, table)| hook(fields, "before", at, table, OnFailure::Abort)),
        after: fields.table("after").and_then(|(at, table)| hook(fields, "after", at, table, OnFailure::Warn)),
        broken: false,
    };
    if let (Some(schedule), Some(every)) = (fields.table.get("schedule"), fields.table.get("every")) {
        let at = schedule.span().start.max(every.span().start);
        fields.say(at, format!("`schedule` and `every` {} both say when backups are due; leave one of the two out", fields.place));
    }
    layer
}

/// `EnableImageDeprecation` looks ten years ahead.
fn deprecation(text: &str) -> Result<Option<Period>, String> {
    let ends = |period: &Period| period.after(Timestamp::UNIX_EPOCH, &TimeZone::UTC);
    let longest = parse::<Period>(LONGEST_BEFORE_DEPRECATION)?;
    match period(text)? {
        Some(period) if ends(&period) > ends(&longest) => Err(format!("{period} is longer than ten years, the most that EC2 takes")),
        period => Ok(period),
    }
}

fn protection(value: &DeValue<'_>) -> Result<Option<Protect>, String> {
    match value {
        DeValue::Boolean(protect) => Ok(protect.then_some(Protect::UntilLifted)),
        DeValue::String(text) if text == "with-cooldown" => Ok(Some(Protect::WithCooldown)),
        other => Err(expected("true, false or \"with-cooldown\"", other)),
    }
}

fn keep(fields: &mut Fields<'_, '_>) -> KeepLayer {
    KeepLayer {
        last: fields.value("keep-last", number),
        hourly: fields.value("keep-hourly", number),
        daily: fields.value("keep-daily", number),
        weekly: fields.value("keep-weekly", number),
        monthly: fields.value("keep-monthly", number),
        yearly: fields.value("keep-yearly", number),
        within: fields.text("keep-within", period),
        tag: fields.list("keep-tag", |text| parse::<TagPattern>(text).and_then(|_| parse(text))),
    }
}

/// The count of a keep rule.
fn number(value: &DeValue<'_>) -> Result<Option<Count>, String> {
    match value {
        DeValue::Integer(_) => count(&whole(value, 0, u64::from(u32::MAX))?.to_string()),
        DeValue::String(text) => count(text),
        other => Err(expected("a number from 0, or \"unlimited\"", other)),
    }
}

fn cap(value: &DeValue<'_>) -> Result<MaxDeletes, String> {
    match value {
        DeValue::Integer(_) => whole(value, 0, u64::MAX).map(MaxDeletes::Count),
        DeValue::String(text) => parse(text),
        other => Err(expected("a number such as 20, or a share such as \"10%\"", other)),
    }
}

/// A whole number between two.
fn whole(value: &DeValue<'_>, least: u64, most: u64) -> Result<u64, String> {
    let DeValue::Integer(integer) = value else { return Err(expected("a whole number", value)) };
    let number = i128::from_str_radix(integer.as_str(), integer.radix()).ok();
    let number = number.ok_or_else(|| format!("{} is too large a number", one_line(integer.as_str())))?;
    let fits = u64::try_from(number).ok().filter(|number| (least..=most).contains(number));
    fits.ok_or_else(|| if number < 0 { format!("{number} is negative") } else { format!("{number} is not between {least} and {most}") })
}

fn carried(text: &str) -> Result<Pattern, String> {
    if !text.is_empty() && !may_be_carried(text) {
        let why = "tags of AWS (`aws:`) and those that ami-backup writes are never carried over, nor what holds `Expire`";
        return Err(format!("`{}` cannot be carried over: {why}", one_line(text)));
    }
    parse(text)
}

fn exclude_volumes(outer: &mut Fields<'_, '_>, at: usize, table: &DeTable<'_>) -> Said<ExcludeVolumes> {
    let mut fields = outer.within("exclude-volumes", at, table);
    let devices = fields.list("devices", device).map(|said| said.value.into_iter().collect()).unwrap_or_default();
    let tags = fields.list("tags", parse).map(|said| said.value).unwrap_or_default();
    let larger_than_gib = fields.value("larger-than-gib", |value| whole(value, 1, u64::from(u32::MAX))).map(|said| said.value);
    outer.absorb(fields);
    Said { value: ExcludeVolumes { devices, tags, larger_than_gib }, from: outer.from.clone(), at }
}

fn device(text: &str) -> Result<String, String> {
    let is_device = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    is_device.then(|| text.to_owned()).ok_or_else(|| format!("`{}` is not a device name such as /dev/sdf", one_line(text)))
}

fn hook(outer: &mut Fields<'_, '_>, key: &'static str, at: usize, table: &DeTable<'_>, usually: OnFailure) -> Option<Said<Hook>> {
    let mut fields = outer.within(key, at, table);
    let command = fields.needed("command", |fields| fields.filled("command", argument));
    let timeout = fields.text("timeout", timeout).map_or(USUAL_HOOK, |said| said.value);
    let on_failure = fields.text("on-failure", on_failure).map_or(usually, |said| said.value);
    let mut command = command.map(|said| said.value).unwrap_or_default().into_iter();
    let program = command.next();
    if program.as_deref() == Some("") {
        fields.wrong("command", at, "its first part is the program, and is empty");
    }
    outer.absorb(fields);
    Some(Said { value: Hook { program: program?, arguments: command.collect(), timeout, on_failure }, from: outer.from.clone(), at })
}

fn argument(text: &str) -> Result<String, String> {
    if text.contains('\0') { Err("no command can hold the character NUL".to_owned()) } else { Ok(text.to_owned()) }
}

fn timeout(text: &str) -> Result<SignedDuration, String> {
    let timeout = parse::<Period>(text)?.as_duration();
    if timeout > LONGEST_HOOK { Err(format!("{} is longer than an hour", one_line(text))) } else { Ok(timeout) }
}

fn on_failure(text: &str) -> Result<OnFailure, String> {
    match text {
        "abort" => Ok(OnFailure::Abort),
        "warn" => Ok(OnFailure::Warn),
        other => Err(format!("`{}` is neither `abort` nor `warn`", one_line(other))),
    }
}

fn copies(outer: &mut Fields<'_, '_>, header: &str) -> Option<Said<Vec<CopySettings>>> {
    let at = outer.table.get("copy")?.span().start;
    let mut copies: Vec<CopySettings> = Vec::new();
    for (at, table) in outer.array("copy") {
        let place = if header == "target" { format!("in a copy {}", outer.place) } else { format!("in [[{header}.copy]]") };
        let mut fields = Fields::new(table, at, &place, outer.from.clone());
        let copy = copy(&mut fields);
        outer.absorb(fields);
        let Some(copy) = copy else { continue };
        if copies.iter().any(|other| other.region == copy.region) {
            outer.say(at, format!("two copies {} go to {}; leave one of the two out", outer.place, copy.region));
        }
        copies.push(copy);
    }
    Some(Said { value: copies, from: outer.from.clone(), at })
}

fn copy(fields: &mut Fields<'_, '_>) -> Option<CopySettings> {
    let region = fields.needed("region", |fields| fields.text("region", parse::<Region>)).map(|said| said.value);
    let completion = fields.value("completion-minutes", completion).map(|said| said.value);
    let key = fields.text("kms-key", |text| kms_key(text, region.as_ref(), completion));
    let encrypt = fields.switch("encrypt").filter(|said| said.value);
    let keep = keep(fields);
    if let (Some(key), Some(encrypt)) = (&key, &encrypt) {
        let at = key.at.max(encrypt.at);
        fields.say(at, format!("`kms-key` and `encrypt` {} are two keys; leave one of the two out", fields.place));
    }
    let encryption = match (key, encrypt) {
        (Some(key), _) => Encryption::Key(key.value),
        (None, Some(_)) => Encryption::DefaultKey,
        (None, None) => Encryption::AsSource,
    };
    let keep = (!keep.is_silent()).then(|| keep.effective());
    Some(CopySettings { region: region?, encryption, keep, completion })
}

fn completion(value: &DeValue<'_>) -> Result<Completion, String> {
    let minutes = whole(value, u64::from(Completion::LEAST), u64::from(Completion::MOST))?;
    let completion = u16::try_from(minutes).ok().and_then(|minutes| Completion::of_minutes(minutes).ok());
    completion.ok_or_else(|| format!("{minutes} is not a multiple of {}", Completion::STEP))
}

/// A key that `CopyImage` takes in a region: the ARN of a key or an alias there, or the name of an alias.
fn kms_key(text: &str, region: Option<&Region>, completion: Option<Completion>) -> Result<String, String> {
    let invalid = || format!("`{}` is neither the ARN of a KMS key nor `alias/` and a name", one_line(text));
    if !is_kms_key(text, None) {
        return Err(invalid());
    }
    if let Some(region) = region.filter(|region| !is_kms_key(text, Some(region))) {
        return Err(format!("`{}` is not a key of {region}, where the copy goes", one_line(text)));
    }
    let destination = region.cloned().or_else(|| "us-east-1".parse().ok()).ok_or_else(invalid)?;
    let encryption = Encryption::Key(text.to_owned());
    let intent = Intent { destination, encryption, completion, until: jiff::Timestamp::UNIX_EPOCH };
    intent.fits_a_tag().then(|| text.to_owned()).ok_or_else(|| format!("`{}` is too long for a tag of EC2", one_line(text)))
}

fn is_kms_key(text: &str, region: Option<&Region>) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_-".contains(&b));
    let Some(arn) = text.strip_prefix("arn:") else { return text.strip_prefix("alias/").is_some_and(is_name) };
    let parts: Vec<&str> = arn.split(':').collect();
    let [partition, "kms", there, account, resource] = parts[..] else { return false };
    partition.starts_with("aws")
        && there.parse::<Region>().is_ok_and(|there| region.is_none_or(|region| there == *region))
        && account.parse::<crate::id::AccountId>().is_ok()
        && resource.strip_prefix("key/").or_else(|| resource.strip_prefix("alias/")).is_some_and(is_name)
}

impl<'a, 'i> Fields<'a, 'i> {
    fn new(table: &'a DeTable<'i>, at: usize, place: &str, from: Source) -> Self {
        Self { table, at, place: place.to_owned(), from, asked: Vec::new(), found: Vec::new() }
    }

    /// A table under a key of this one.
    fn within<'b, 'j>(&self, key: &str, at: usize, table: &'b DeTable<'j>) -> Fields<'b, 'j> {
        Fields::new(table, at, &format!("in `{key}` {}", self.place), self.from.clone())
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Value<'i>> {
        self.asked.push(key);
        self.table.get(key)
    }

    fn say(&mut self, at: usize, text: String) {
        self.found.push(Found { at, text });
    }

    fn wrong(&mut self, key: &str, at: usize, why: &str) {
        self.say(at, format!("`{key}` {}: {why}", self.place));
    }

    /// A value of any kind.
    fn value<T>(&mut self, key: &'static str, read: impl FnOnce(&DeValue<'i>) -> Result<T, String>) -> Option<Said<T>> {
        let value = self.take(key)?;
        let at = value.span().start;
        match read(value.get_ref()) {
            Ok(value) => Some(Said { value, from: self.from.clone(), at }),
            Err(why) => {
                self.wrong(key, at, &why);
                None
            }
        }
    }

    /// A text.
    fn text<T>(&mut self, key: &'static str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<Said<T>> {
        self.value(key, |value| value.as_str().ok_or_else(|| expected("a text in quotes", value)).and_then(read))
    }

    /// `true` or `false`.
    fn switch(&mut self, key: &'static str) -> Option<Said<bool>> {
        self.value(key, |value| value.as_bool().ok_or_else(|| expected("true or false, without quotes", value)))
    }

    /// A list of texts, which may be empty. What cannot be read is left out, and said.
    fn list<T>(&mut self, key: &'static str, read: impl Fn(&str) -> Result<T, String>) -> Option<Said<Vec<T>>> {
        let value = self.take(key)?;
        let at = value.span().start;
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key, at, &expected("a list of texts such as [\"…\"]", value.get_ref()));
            return None;
        };
        let mut list = Vec::new();
        for item in items {
            let text = item.get_ref().as_str().ok_or_else(|| expected("a text in quotes", item.get_ref()));
            match text.and_then(&read) {
                Ok(value) => list.push(value),
                Err(why) => self.wrong(key, item.span().start, &why),
            }
        }
        Some(Said { value: list, from: self.from.clone(), at })
    }

    /// A list of texts with something in it.
    fn filled<T>(&mut self, key: &'static str, read: impl Fn(&str) -> Result<T, String>) -> Option<Said<Vec<T>>> {
        if let Some(DeValue::Array(items)) = self.table.get(key).map(Spanned::get_ref)
            && items.is_empty()
        {
            let at = self.take(key)?.span().start;
            self.wrong(key, at, "the list is empty; leave it out, or put something in");
            return None;
        }
        self.list(key, read)
    }

    /// The same where who said it and where does not matter.
    fn unsaid<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, key: &'static str) -> Vec<T> {
        self.filled(key, parse).map(|said| said.value).unwrap_or_default()
    }

    /// A table, and where it is.
    fn table(&mut self, key: &'static str) -> Option<(usize, &'a DeTable<'i>)> {
        let value = self.take(key)?;
        let at = value.span().start;
        match value.get_ref() {
            DeValue::Table(table) => Some((at, table)),
            other => {
                self.wrong(key, at, &expected("a table", other));
                None
            }
        }
    }

    /// A table of tables by name, each with where its name is, in the order of the file.
    fn tables(&mut self, key: &'static str) -> Vec<(usize, &'a str, &'a DeTable<'i>)> {
        let Some((_, outer)) = self.table(key) else { return Vec::new() };
        let mut tables = Vec::new();
        for (name, value) in outer {
            match value.get_ref() {
                DeValue::Table(table) => tables.push((name.span().start, name.get_ref().as_ref(), table)),
                other => {
                    let name = one_line(name.get_ref());
                    let what = if key == "account" { "an account, as in [account.NAME]" } else { "a template, as in [template.NAME]" };
                    self.wrong(&format!("{key}.{name}"), value.span().start, &expected(what, other));
                }
            }
        }
        tables.sort_by_key(|(at, ..)| *at);
        tables
    }

    /// A list of tables, and where they are.
    fn array(&mut self, key: &'static str) -> Vec<(usize, &'a DeTable<'i>)> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            let what = format!("a list of tables; write `[[{key}]]` with two brackets (under the header of what it is in)");
            let what = if key == "target" { "a list of tables; write `[[target]]` with two brackets" } else { &what };
            self.wrong(key, value.span().start, &expected(what, value.get_ref()));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => tables.push((item.span().start, table)),
                other => self.wrong(key, item.span().start, &expected("a table", other)),
            }
        }
        tables
    }

    /// Whether a table may be called so.
    fn named(&mut self, key: &str, at: usize, name: &str) -> bool {
        let error = name.parse::<SeriesName>().err();
        if let Some(error) = &error {
            self.say(at, format!("[{key}.{}]: {error}", one_line(name)));
        }
        error.is_none()
    }

    /// What has to be there.
    fn needed<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.table.get(key).is_none() {
            self.say(self.at, format!("there is no `{key}` {}", self.place));
        }
        read(self)
    }

    /// Takes over what was found in a table, and tells whether that is anything.
    fn absorb(&mut self, inner: Fields<'_, '_>) -> bool {
        let mut found = inner.finish();
        let is_broken = !found.is_empty();
        self.found.append(&mut found);
        is_broken
    }

    /// Everything that was found, unknown keys included.
    fn finish(mut self) -> Vec<Found> {
        for (key, _) in self.table {
            let name = key.get_ref().as_ref();
            if self.asked.contains(&name) {
                continue;
            }
            // A file with more unknown keys than are listed is none of ours.
            let near = if self.found.len() < MOST { nearest(name, &self.asked) } else { None };
            let known = match near {
                Some(near) => format!("; did you mean `{near}`?"),
                None if self.asked.len() <= 8 => format!("; known are {}", self.asked.join(", ")),
                None => String::new(),
            };
            let text = format!("unknown key `{}` {}{known}", one_line(name), self.place);
            self.found.push(Found { at: key.span().start, text });
        }
        self.found
    }
}

/// What stands there instead of what is expected.
fn expected(what: &str, value: &DeValue<'_>) -> String {
    let instead = match value {
        DeValue::String(text) => format!("the text `{}`", one_line(text)),
        DeValue::Integer(number) => format!("the number {}", one_line(number.as_str())),
        DeValue::Float(number) => format!("the number {}", one_line(number.as_str())),
        DeValue::Boolean(value) => format!("{value}"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    };
    format!("it must be {what}, not {instead}")
}
