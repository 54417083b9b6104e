//! `status`: how fresh the backups are that a policy wants, for people and for monitors.

use std::fmt::Write as _;
use std::process::ExitCode as ProcessCode;

use engine::report::{FailureThere, Freshness, Level, StatusReport, Unreached};
use planner::plain::one_line;
use planner::policy::file::SELF;

use crate::args::Status;
use crate::commands::{in_session, region_to_ask};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;
use crate::policy_file::load_to_act;
use crate::table::Table;

/// So many of what is wrong are named on the one line for Nagios.
const NAMED: usize = 5;

/// Says it. A monitor counts in codes of its own.
pub fn run(args: Status) -> ProcessCode {
    let nagios = args.nagios;
    let mut level = Level::Unknown;
    match status(args, &mut level) {
        Ok(_) if nagios => level.code().into(),
        Ok(code) => code.into(),
        Err(failure) => {
            if nagios {
                output::print_lines(&format!("AMI-BACKUP UNKNOWN - {}", one_line(failure.sentence()).replace('|', "/")));
            }
            let code = failure.report();
            if nagios { Level::Unknown.code().into() } else { code.into() }
        }
    }
}

fn status(args: Status, level: &mut Level) -> Result<ExitCode, Failure> {
    let Status { policy, nagios, prometheus, looking } = args;
    let loaded = load_to_act(policy.file.as_deref())?;
    let common = looking.into();
    in_session(&common, None, async |session| {
        let asked = region_to_ask(session).await?;
        let report = session.watched(async || engine::status(&session.account, &loaded.policy, &asked, session.clock.now()).await).await?;
        *level = report.level;
        if let Some(file) = &prometheus {
            output::write_whole(file, &metrics(&report)).map_err(Failure::nothing_achieved)?;
        }
        if common.json {
            output::print_json(&report)?;
        } else if nagios {
            output::print_lines(&one_line_of(&report));
        } else if prometheus.is_none() {
            output::print_lines(&text(&report));
        }
        say_unread(&report.failures, &report.unreached);
        let is_whole = report.failures.is_empty() && report.unreached.is_empty();
        Ok(if is_whole { ExitCode::Done } else { ExitCode::SomeFailed })
    })
}

fn text(report: &StatusReport) -> String {
    let mut table = Table::new(["STATUS", "SERIES", "INSTANCE", "REGION", "NEWEST", "AGE"]);
    for series in &report.series {
        let region = if series.is_copy { format!("{} (copy)", series.region) } else { series.region.to_string() };
        let newest = series.newest.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
        table.row([
            series.level.to_string(),
            series.series.to_string(),
            in_account(&series.account, &name(series)),
            region,
            newest,
            series.age(),
        ]);
    }
    let mut text = table.to_string();
    for unprotected in &report.unprotected {
        let name = unprotected.name.as_deref().map_or_else(String::new, |name| format!(" {name}"));
        let _ = writeln!(
            text,
            "unprotected: {}{} in {}: it {}",
            in_account(&unprotected.account, unprotected.instance.as_str()),
            one_line(&name),
            unprotected.region,
            one_line(&unprotected.why)
        );
    }
    let _ = writeln!(text, "{}: {}", report.level, counts(report));
    text
}

fn name(series: &Freshness) -> String {
    series.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| series.instance.to_string())
}

/// Says what could not be found out, and in which account, unless it is our own.
pub fn say_unread(failures: &[FailureThere], unreached: &[Unreached]) {
    for FailureThere { account, failure } in failures {
        let whose = if account == SELF { String::new() } else { format!("account {account}: ") };
        output::say(&format!("{whose}not read: {failure}"));
    }
    for unreached in unreached {
        output::say(&format!("account {}: {}", unreached.account, unreached.why));
    }
}

/// Whose it is, unless it is our own.
fn in_account(account: &str, name: &str) -> String {
    if account == SELF { name.to_owned() } else { format!("{account}/{name}") }
}

fn counts(report: &StatusReport) -> String {
    let of = |level: Level| report.series.iter().filter(|series| series.level == level).count();
    let unreached = match report.unreached.len() {
        0 => String::new(),
        1 => ", 1 account not reached".to_owned(),
        count => format!(", {count} accounts not reached"),
    };
    format!(
        "{} ok, {} late, {} critical, {} failed images, {} unprotected instances{unreached}",
        of(Level::Ok),
        of(Level::Warning),
        of(Level::Critical),
        report.failed_images,
        report.unprotected.len()
    )
}

/// A bar would begin Nagios's performance data.
fn one_line_of(report: &StatusReport) -> String {
    let mut wrong: Vec<&Freshness> = report.series.iter().filter(|series| series.level != Level::Ok).collect();
    wrong.sort_by_key(|series| std::cmp::Reverse(series.level));
    let named = wrong.iter().take(NAMED).map(|series| {
        let age = if series.newest.is_some() { series.age() } else { "no backup".to_owned() };
        format!("{} {} in {}: {age}", series.series, one_line(&in_account(&series.account, &name(series))), series.region)
    });
    let mut parts = vec![counts(report)];
    parts.extend(report.unreached.iter().map(|unreached| format!("account {} not reached", unreached.account)));
    parts.extend(named);
    let more = wrong.len().saturating_sub(NAMED);
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    format!("AMI-BACKUP {} - {}", report.level, parts.join("; ").replace('|', "/"))
}

fn metrics(report: &StatusReport) -> String {
    let mut text = String::new();
    let mut metric = |name: &str, help: &str, lines: &[String]| {
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
        for line in lines {
            let _ = writeln!(text, "{name}{line}");
        }
    };
    let labels = |series: &Freshness| {
        format!(
            "{{account=\"{}\",series=\"{}\",instance=\"{}\",name=\"{}\",region=\"{}\",copy=\"{}\"}}",
            escaped(&series.account),
            series.series,
            series.instance,
            escaped(&name(series)),
            series.region,
            series.is_copy
        )
    };
    let newest = report.series.iter().filter_map(|series| Some(format!("{} {}", labels(series), series.slot?.as_second())));
    let newest: Vec<String> = newest.collect();
    let levels: Vec<String> = report.series.iter().map(|series| format!("{} {}", labels(series), series.level.code())).collect();
    metric("ami_backup_newest_slot_timestamp_seconds", "When the newest good backup was due.", &newest);
    metric("ami_backup_status", "0 ok, 1 late, 2 critical, 3 unknown.", &levels);
    metric("ami_backup_failed_images", "Failed images of the policy's series.", &[format!(" {}", report.failed_images)]);
    metric("ami_backup_unprotected_instances", "Instances that no target selects.", &[format!(" {}", report.unprotected.len())]);
    metric("ami_backup_unread_listings", "Listings of EC2 that could not be read.", &[format!(" {}", report.failures.len())]);
    metric("ami_backup_unreached_accounts", "Accounts in which nothing could be found out.", &[format!(" {}", report.unreached.len())]);
    metric("ami_backup_checked_timestamp_seconds", "When this was found out.", &[format!(" {}", report.now.as_second())]);
    text
}

fn escaped(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('"', "\\\"")
}
