//! `list` and `show`: the backups there are.

use engine::report::{BackupInfo, ListReport};
use planner::plain::one_line;

use crate::args::{List, Show};
use crate::commands::{in_session, regions};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;
use crate::table::Table;

/// Lists them.
pub fn list(args: List) -> Result<ExitCode, Failure> {
    let List { region, instance, series, looking } = args;
    let common = looking.into();
    in_session(&common, region.first(), async |session| {
        let scope = regions(session, &region).await?;
        let mut report = engine::list(&session.account, &scope, session.clock.now()).await?;
        report.backups.retain(|backup| {
            instance.as_ref().is_none_or(|instance| backup.instance.as_ref() == Some(instance))
                && series.as_ref().is_none_or(|series| backup.series.as_ref() == Some(series))
        });
        if common.json {
            output::print_json(&report)?;
        } else {
            let mut table = Table::new(["REGION", "BACKUP", "OF", "SERIES", "SLOT", "STATE", "EXPIRES"]);
            report.backups.iter().for_each(|backup| table.row(row(backup)));
            output::print_lines(&table);
        }
        Ok(told(&report))
    })
}

/// Shows one.
pub fn show(args: Show) -> Result<ExitCode, Failure> {
    let Show { backup, looking } = args;
    let common = looking.into();
    in_session(&common, backup.region.first(), async |session| {
        let scope = regions(session, &backup.region).await?;
        let mut report = engine::list(&session.account, &scope, session.clock.now()).await?;
        report.backups.retain(|known| known.image == backup.image);
        "show".clone_into(&mut report.command);
        let code = told(&report);
        let Some(found) = report.backups.first() else {
            return Err(Failure::nothing_achieved(format!("there is no backup {} in the regions that could be read", backup.image)));
        };
        if common.json {
            output::print_json(&report)?;
        } else {
            output::print_lines(&described(found));
        }
        Ok(code)
    })
}

/// Says what could not be read.
fn told(report: &ListReport) -> ExitCode {
    for failure in &report.failures {
        output::say(&format!("not read: {failure}"));
    }
    if report.failures.is_empty() { ExitCode::Done } else { ExitCode::SomeFailed }
}

fn row(backup: &BackupInfo) -> [String; 7] {
    let of = backup.instance_name.clone().or_else(|| backup.instance.as_ref().map(ToString::to_string)).unwrap_or_default();
    let slot = backup.slot.or(backup.created).map_or_else(String::new, |slot| slot.strftime("%F %RZ").to_string());
    let series = backup.series.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    [backup.region.to_string(), backup.image.to_string(), of, series, slot, backup.state.to_string(), expires(backup)]
}

fn expires(backup: &BackupInfo) -> String {
    match (&backup.pin, &backup.expire, &backup.series) {
        (Some(_), ..) => "pinned".to_owned(),
        (None, Some(expire), _) => expire.clone(),
        (None, None, Some(_)) => "by policy".to_owned(),
        (None, None, None) => "never".to_owned(),
    }
}

fn described(backup: &BackupInfo) -> String {
    let mut lines = vec![
        ("backup", backup.image.to_string()),
        ("region", backup.region.to_string()),
        ("state", backup.state.to_string()),
        ("name", backup.name.clone().unwrap_or_default()),
        ("instance", backup.instance.as_ref().map_or_else(String::new, ToString::to_string)),
        ("instance name", backup.instance_name.clone().unwrap_or_default()),
        ("series", backup.series.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string)),
        ("slot", backup.slot.map_or_else(|| "unknown".to_owned(), |slot| slot.to_string())),
        ("made", backup.created.map_or_else(|| "unknown".to_owned(), |made| made.to_string())),
        ("expires", expires(backup)),
    ];
    lines.extend(backup.reason.iter().map(|reason| ("reason", reason.clone())));
    lines.extend(backup.pin.iter().map(|why| ("pinned", if why.is_empty() { "without a reason".to_owned() } else { why.clone() })));
    lines.extend(backup.copy_of.iter().map(|source| ("copy of", source.to_string())));
    lines.extend(backup.copies.iter().map(|(copy, region)| ("copied as", format!("{copy} in {region}"))));
    let encrypted = if backup.encrypted { "encrypted" } else { "not encrypted" };
    lines.extend(backup.snapshots.iter().map(|snapshot| ("snapshot", snapshot.to_string())));
    lines.push(("encryption", encrypted.to_owned()));
    lines.extend(backup.tags.iter().map(|(key, value)| ("tag", format!("{}={}", one_line(key), one_line(value)))));
    let lines: Vec<String> = lines.into_iter().map(|(what, value)| format!("{what:<14}{}\n", one_line(&value))).collect();
    lines.concat()
}
