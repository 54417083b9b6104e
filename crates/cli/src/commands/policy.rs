//! `policy`: what a policy file says, and for whom.

use std::path::Path;

use engine::RegionScope;
use jiff::Timestamp;
use planner::id::{InstanceId, Region, SeriesName};
use planner::plain::one_line;
use planner::policy::file::{Policy, SELF, Target, Warning};
use planner::policy::select::select;
use planner::policy::settings::Shown;
use schemars::JsonSchema;
use serde::Serialize;

use crate::args::{PolicyCommand, PolicyShow};
use crate::commands::{in_session, regions};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;
use crate::policy_file::{Loaded, load, warn};
use crate::table::Table;

/// A policy file that can be used, as a document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CheckedPolicy {
    /// The version of this document.
    pub version: u32,
    /// The file.
    pub file: String,
    /// Its targets, in the order of the file.
    pub targets: Vec<ShownTarget>,
    /// What is remarkable about it.
    pub warnings: Vec<String>,
}

/// A target of a policy.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShownTarget {
    /// Its name, which is that of its series.
    pub name: SeriesName,
    /// The accounts it is for.
    pub accounts: Vec<String>,
    /// The regions it is for; every enabled one, if absent.
    pub regions: Option<Vec<Region>>,
    /// Every setting.
    pub settings: Vec<Shown>,
}

/// What a policy says for one instance, or one target, as a document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShownPolicy {
    /// The version of this document.
    pub version: u32,
    /// The policy file.
    pub file: String,
    /// The instance; absent where only a target was asked for.
    pub instance: Option<InstanceId>,
    /// The policy's name of its account.
    pub account: Option<String>,
    /// Its region.
    pub region: Option<Region>,
    /// The target it belongs to; none, if absent.
    pub target: Option<SeriesName>,
    /// Why it is so.
    pub why: Option<String>,
    /// Every setting, with who said it. None where there is no target.
    pub settings: Vec<Shown>,
    /// The next moment at which a backup is due.
    pub next_slot: Option<Timestamp>,
    /// What is remarkable.
    pub warnings: Vec<String>,
}

/// Does what was asked of a policy.
pub fn run(command: PolicyCommand) -> Result<ExitCode, Failure> {
    match command {
        PolicyCommand::Check { policy, json } => check(policy.file.as_deref(), json),
        PolicyCommand::Show(args) => show(args),
        PolicyCommand::Schema => {
            output::print_json(&Policy::schema())?;
            Ok(ExitCode::Done)
        }
    }
}

fn check(file: Option<&Path>, json: bool) -> Result<ExitCode, Failure> {
    let Loaded { policy, text: _, file, warnings } = load(file)?;
    let target = |target: &Target| ShownTarget {
        name: target.name.clone(),
        accounts: target.accounts.iter().cloned().collect(),
        regions: target.regions.as_ref().map(|regions| regions.iter().cloned().collect()),
        settings: target.shown(),
    };
    let checked = CheckedPolicy {
        version: 1,
        file: file.display().to_string(),
        targets: policy.targets.iter().map(target).collect(),
        warnings: warnings.iter().map(Warning::to_string).collect(),
    };
    if json {
        output::print_json(&checked)?;
        return Ok(ExitCode::Done);
    }
    let mut table = Table::new(["TARGET", "DUE", "REGIONS", "COPIES", "KEEPS"]);
    for ShownTarget { name, accounts: _, regions, settings } in &checked.targets {
        let regions = regions.as_ref().map_or_else(|| "all".to_owned(), |regions| listed(regions));
        let copies = policy.target(name).map(|target| target.settings.copies.iter().map(|copy| copy.region.clone()).collect::<Vec<_>>());
        let copies = copies.filter(|copies| !copies.is_empty()).map_or_else(|| "none".to_owned(), |copies| listed(&copies));
        table.row([name.to_string(), due(settings), regions, copies, keeps(settings)]);
    }
    output::print_lines(&table);
    warn(&warnings);
    Ok(ExitCode::Done)
}

fn listed(regions: &[Region]) -> String {
    regions.iter().map(Region::as_str).collect::<Vec<_>>().join(",")
}

/// When backups are due, as the file says it.
fn due(settings: &[Shown]) -> String {
    let value = |key: &str| settings.iter().find(|shown| shown.key == key).map(|shown| shown.value.clone());
    match value("every") {
        Some(every) => format!("every {every}"),
        None => {
            let zone = value("time-zone").filter(|zone| zone != "UTC").map_or_else(String::new, |zone| format!(" {zone}"));
            value("schedule").unwrap_or_default() + &zone
        }
    }
}

/// The keep rules that are on.
fn keeps(settings: &[Shown]) -> String {
    let on = settings.iter().filter(|shown| !matches!(shown.value.as_str(), "off" | "none"));
    let rules: Vec<String> = on.filter_map(|shown| rule(&shown.key, &shown.value)).collect();
    if rules.is_empty() { "nothing".to_owned() } else { rules.join(", ") }
}

fn rule(key: &str, value: &str) -> Option<String> {
    let rule = key.strip_prefix("keep-").filter(|rule| *rule != "uncopied")?;
    Some(format!("{rule} {value}"))
}

fn show(args: PolicyShow) -> Result<ExitCode, Failure> {
    let PolicyShow { instance, target, region, policy, looking } = args;
    let loaded = load(policy.file.as_deref())?;
    let json = looking.json;
    let shown = match (target, instance) {
        (Some(name), _) => {
            let target = loaded.policy.target(&name).ok_or_else(|| no_such_target(&loaded, &name))?;
            let now = Timestamp::now();
            print(&shown_target(&loaded, target, now), json)?;
            warn(&loaded.warnings);
            return Ok(ExitCode::Done);
        }
        (None, Some(instance)) => instance,
        (None, None) => return Err(Failure::usage("name an instance, or a target with --target")),
    };
    let common = looking.into();
    in_session(&common, region.as_ref(), async |session| {
        let scope = match &region {
            Some(region) => RegionScope::These([region.clone()].into()),
            None => regions(session, &[]).await?,
        };
        let (found, unread) = engine::find_instance(&session.account, &loaded.policy, &scope, &shown).await?;
        let Some((account, candidate)) = found else {
            let hint = if unread.is_empty() { String::new() } else { format!("; {}", unread.join("; ")) };
            let place = region.as_ref().map_or_else(|| "any region that could be asked".to_owned(), Region::to_string);
            return Err(Failure::nothing_achieved(format!("there is no instance {shown} in {place}")).hint(hint));
        };
        let selection = select(&loaded.policy, &account, &candidate);
        let why = selection.why.to_string();
        let mut document = ShownPolicy {
            version: 1,
            file: loaded.file.display().to_string(),
            instance: Some(candidate.id.clone()),
            account: Some(account),
            region: Some(candidate.region.clone()),
            target: selection.target.map(|target| target.name.clone()),
            why: Some(why),
            settings: Vec::new(),
            next_slot: None,
            warnings: loaded.warnings.iter().map(Warning::to_string).collect(),
        };
        let mut warnings = loaded.warnings.clone();
        if let Some(target) = selection.target {
            let (settings, own, all) = target.settings_for(&candidate);
            document.settings = all;
            document.next_slot = settings.schedule.next_slot(session.clock.now());
            document.warnings.extend(own.iter().map(Warning::to_string));
            warnings.extend(own);
        }
        print(&document, json)?;
        warn(&warnings);
        Ok(ExitCode::Done)
    })
}

fn shown_target(loaded: &Loaded, target: &Target, now: Timestamp) -> ShownPolicy {
    ShownPolicy {
        version: 1,
        file: loaded.file.display().to_string(),
        instance: None,
        account: None,
        region: None,
        target: Some(target.name.clone()),
        why: None,
        settings: target.shown(),
        next_slot: target.settings.schedule.next_slot(now),
        warnings: loaded.warnings.iter().map(Warning::to_string).collect(),
    }
}

fn no_such_target(loaded: &Loaded, name: &SeriesName) -> Failure {
    let known: Vec<&str> = loaded.policy.targets.iter().map(|target| target.name.as_str()).collect();
    Failure::usage(format!("{} has no target {name}; it has {}", loaded.file.display(), known.join(", ")))
}

fn print(document: &ShownPolicy, json: bool) -> Result<(), Failure> {
    if json {
        return output::print_json(document);
    }
    let mut lines = match (&document.instance, &document.region, &document.why, &document.target) {
        (Some(instance), Some(region), Some(why), _) => {
            let account = document.account.as_deref().filter(|account| *account != SELF);
            let of_account = account.map_or_else(String::new, |account| format!(" of {account}"));
            format!("{instance} in {region}{of_account} {}\n", one_line(why))
        }
        (_, _, _, Some(target)) => format!("target {target}\n"),
        _ => String::new(),
    };
    if !document.settings.is_empty() {
        let mut table = Table::new(["SETTING", "FROM", "VALUE"]);
        document.settings.iter().for_each(|shown| table.row([shown.key.clone(), shown.from.to_string(), shown.value.clone()]));
        lines.push_str(&table.to_string());
    }
    if let Some(next) = document.next_slot.filter(|_| document.instance.is_some()) {
        lines.push_str(&format!("the next backup is due {next}\n"));
    }
    output::print_lines(&lines);
    Ok(())
}
