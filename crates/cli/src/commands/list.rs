//! `list` and `show`: the backups there are.

use std::collections::BTreeSet;

use engine::Named;
use engine::report::{BackupInfo, Judgement, ListReport, VolumeInfo};
use planner::expiry::Expiry;
use planner::inventory::{ImageState, SnapshotState};
use planner::plain::one_line;
use planner::plan::purge::Decision;
use planner::policy::file::SELF;

use crate::args::{Common, List, Show, Sort, State};
use crate::commands::image_instance::expiry;
use crate::commands::status::say_unread;
use crate::commands::{in_session, region_to_ask, regions};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;
use crate::policy_file::{load_if_there, load_to_act};
use crate::table::Table;

/// Lists them.
pub fn list(args: List) -> Result<ExitCode, Failure> {
    let List { region, instance, series, name, state, expired, expires_before, sort, reverse, policy, looking } = args;
    let common: Common = looking.into();
    let loaded = policy.as_deref().map(|file| load_to_act(Some(file))).transpose()?;
    in_session(&common, region.first(), async |session| {
        let now = session.clock.now();
        let before = expires_before.as_deref().map(|text| expiry(text, now).map_err(|failure| failure.about("--expires-before")));
        let before = before.transpose()?.map(Expiry::instant).or(expired.then_some(now));
        let scope = regions(session, &region).await?;
        let policy = loaded.as_ref().map(|loaded| &loaded.policy);
        let mut report = session.watched(async || engine::list(&session.account, policy, &scope, now).await).await?;
        report.backups.retain(|backup| {
            instance.as_ref().is_none_or(|instance| backup.instance.as_ref() == Some(instance))
                && series.as_ref().is_none_or(|series| backup.series.as_ref() == Some(series))
                && name.as_ref().is_none_or(|name| backup.instance_name.as_ref().is_some_and(|known| name.matches(known)))
                && (state.is_empty() || state.iter().any(|state| state.is(backup.state)))
                && before.is_none_or(|before| backup.expires_at().is_some_and(|expiry| expiry.is_past(before)))
        });
        order(&mut report.backups, sort);
        if reverse {
            report.backups.reverse();
        }
        if common.json {
            output::print_json(&report)?;
        } else {
            output::print_lines(&table(&report.backups));
        }
        Ok(told(&report))
    })
}

/// They come by instance and age.
fn order(backups: &mut [BackupInfo], by: Sort) {
    match by {
        Sort::Instance => {}
        Sort::Slot => backups.sort_by_key(|backup| backup.slot.or(backup.created)),
        Sort::Region => backups.sort_by(|one, other| (&one.account, &one.region).cmp(&(&other.account, &other.region))),
        Sort::Expiry => backups.sort_by_key(|backup| {
            let at = backup.expires_at().filter(|_| backup.pin.is_none());
            (at.is_none(), at)
        }),
        Sort::Size => backups.sort_by_key(BackupInfo::size_gib),
    }
}

impl State {
    fn is(self, state: ImageState) -> bool {
        match self {
            Self::Pending => state == ImageState::Pending,
            Self::Available => state == ImageState::Available,
            Self::Disabled => state == ImageState::Disabled,
            Self::Failed => state == ImageState::Failed,
            Self::Unusable => state == ImageState::Unusable,
        }
    }
}

/// Shows one.
pub fn show(args: Show) -> Result<ExitCode, Failure> {
    let Show { backup, policy, looking } = args;
    let common: Common = looking.into();
    let loaded = load_if_there(policy.as_deref())?;
    in_session(&common, backup.region.first(), async |session| {
        let scope = regions(session, &backup.region).await?;
        // Only a policy's regions may have to be asked for.
        let deciding = match &loaded {
            Some(loaded) => Some((loaded.file.display().to_string(), &loaded.policy, region_to_ask(session).await?)),
            None => None,
        };
        let named = deciding.as_ref().map(|(file, policy, asked)| (Named { file, policy }, asked));
        let show = async |run: &engine::Run<'_>| engine::show(run, &backup.image, &scope, named, policy.is_some()).await;
        let report = session.watched(async || session.run_telling(&common, None, &|_| {}, show).await).await?;
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
    say_unread(&report.failures, &report.unreached);
    if report.failures.is_empty() && report.unreached.is_empty() { ExitCode::Done } else { ExitCode::SomeFailed }
}

/// Whose they are is told where they are not all of one account.
fn table(backups: &[BackupInfo]) -> Table {
    let accounts: BTreeSet<&str> = backups.iter().map(|backup| backup.account.as_str()).collect();
    let account = |account: &str| (accounts.len() > 1).then(|| account.to_owned());
    let headings = ["REGION", "BACKUP", "OF", "SERIES", "SLOT", "GIB", "STATE", "EXPIRES"];
    let heading = account("ACCOUNT");
    let mut table = Table::new(heading.as_deref().into_iter().chain(headings));
    for backup in backups {
        table.row(account(&backup.account).into_iter().chain(row(backup)));
    }
    table
}

fn row(backup: &BackupInfo) -> [String; 8] {
    let of = backup.instance_name.clone().or_else(|| backup.instance.as_ref().map(ToString::to_string)).unwrap_or_default();
    let slot = backup.slot.or(backup.created).map_or_else(String::new, |slot| slot.strftime("%F %RZ").to_string());
    let series = backup.series.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let gib = backup.size_gib().map_or_else(|| "-".to_owned(), |gib| gib.to_string());
    [backup.region.to_string(), backup.image.to_string(), of, series, slot, gib, backup.state.to_string(), expires(backup)]
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
    let mut lines = vec![("backup", backup.image.to_string())];
    if backup.account != SELF {
        lines.push(("account", backup.account.clone()));
    }
    lines.extend([
        ("region", backup.region.to_string()),
        ("state", backup.state.to_string()),
        ("name", backup.name.clone().unwrap_or_default()),
        ("instance", backup.instance.as_ref().map_or_else(String::new, ToString::to_string)),
        ("instance name", backup.instance_name.clone().unwrap_or_default()),
        ("series", backup.series.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string)),
        ("slot", backup.slot.map_or_else(|| "unknown".to_owned(), |slot| slot.to_string())),
        ("made", backup.created.map_or_else(|| "unknown".to_owned(), |made| made.to_string())),
        ("expires", expires(backup)),
    ]);
    lines.extend(backup.reason.iter().map(|reason| ("reason", reason.clone())));
    lines.extend(backup.pin.iter().map(|why| ("pinned", if why.is_empty() { "without a reason".to_owned() } else { why.clone() })));
    lines.extend(backup.judgement.iter().flat_map(judged));
    lines.extend(backup.copy_of.iter().map(|source| ("copy of", source.to_string())));
    lines.extend(backup.copies.iter().map(|(copy, region)| ("copied as", format!("{copy} in {region}"))));
    lines.extend(backup.volumes.iter().map(|volume| ("volume", volume_told(volume))));
    lines.extend(backup.tags.iter().map(|(key, value)| ("tag", format!("{}={}", one_line(key), one_line(value)))));
    let lines: Vec<String> = lines.into_iter().map(|(what, value)| format!("{what:<14}{}\n", one_line(&value))).collect();
    lines.concat()
}

fn judged(judgement: &Judgement) -> Vec<(&'static str, String)> {
    let Judgement { by, decision, undecided, goes, refusal } = judgement;
    let by = by.as_ref().map_or_else(String::new, |by| format!(" (by {by})"));
    let verdict = match (decision, undecided) {
        (Some(Decision::Keep { reason }), _) => format!("keep: {reason}{by}"),
        (Some(Decision::Purge { reason, .. }), _) => format!("purge: {reason}{by}"),
        (None, undecided) => format!("none: {}{by}", undecided.as_deref().unwrap_or("unknown")),
    };
    let mut lines = vec![("verdict", verdict)];
    lines.extend(refusal.iter().map(|refusal| ("", refusal.clone())));
    lines.extend(goes.iter().map(|goes| ("goes", goes.to_string())));
    lines
}

fn volume_told(volume: &VolumeInfo) -> String {
    let VolumeInfo { device, size_gib, encrypted, snapshot, snapshot_state, snapshot_percent } = volume;
    let size = size_gib.map_or_else(|| "of unknown size".to_owned(), |gib| format!("{gib} GiB"));
    let encrypted = if *encrypted { "encrypted" } else { "not encrypted" };
    let state = match (snapshot_state, snapshot_percent) {
        (Some(SnapshotState::Pending), Some(percent)) => format!(", pending ({percent}%)"),
        (Some(state), _) => format!(", {state}"),
        (None, _) => String::new(),
    };
    let snapshot = snapshot.as_ref().map_or_else(|| "no snapshot yet".to_owned(), |snapshot| format!("{snapshot}{state}"));
    format!("{}  {size}, {encrypted}  {snapshot}", one_line(device))
}
