//! Reports as a person reads them: one line a thing, at home in a terminal, a log and a cron mail.

use std::fmt;

use planner::plan::BackupLabel;
use planner::plan::Standing;
use planner::plan::purge::{Decision, LeftSnapshot, Subject};
use planner::tags::Encryption;

use crate::apply::{Deletion, Removal};
use crate::outcome::one_line;
use crate::report::{ImageReport, ImageResult, PlannedStep, PurgeReport, VerdictReport};
use crate::rounds::Ending;

impl fmt::Display for ImageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            version: _,
            command,
            dry_run,
            started: _,
            finished: _,
            instance: _,
            instance_name: _,
            expire,
            image,
            copies,
            planned,
            failures,
            ending: _,
        } = self;
        for step in planned {
            writeln!(f, "{step}")?;
        }
        if let Some(ImageResult { image, region, name, state, reason }) = image {
            write!(f, "{region}  {image}  {state:<9}  {name}")?;
            match (reason, expire) {
                (Some(reason), _) => writeln!(f, "  {reason}")?,
                (None, Some(expire)) => writeln!(f, "  expires {expire}")?,
                (None, None) => writeln!(f, "  never expires")?,
            }
        }
        for copy in copies {
            let destination = copy.destination.as_ref().map_or("?", |region| region.as_str());
            match &copy.standing {
                Standing::Done { copy: id } => {
                    writeln!(f, "{destination}  {id}  available  copy of {} in {}", copy.source, copy.source_region)?;
                }
                Standing::InFlight { copy: id } => {
                    writeln!(f, "{destination}  {id}  pending    copy of {} in {}", copy.source, copy.source_region)?;
                }
                // The plan says it already.
                Standing::Due if *dry_run => {}
                standing => writeln!(f, "{destination}  copy of {} in {}: {standing}", copy.source, copy.source_region)?,
            }
        }
        for failure in failures {
            writeln!(f, "failed: {failure}")?;
        }
        if command == "resume" && copies.is_empty() && failures.is_empty() {
            writeln!(f, "nothing to finish")?;
        }
        Ok(())
    }
}

impl fmt::Display for PlannedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateImage { region, instance, name, reboot, tags, snapshot_tags: _ } => {
                let reboot = if *reboot { ", rebooting it" } else { "" };
                writeln!(f, "{region}  would image {instance}{reboot} as {name}")?;
                let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={}", one_line(value))).collect();
                write!(f, "           tagged {}", tags.join(" | "))
            }
            Self::CopyImage { region, source_region, source, name, encrypted, tags: _ } => {
                let encrypted = if *encrypted { ", encrypted" } else { "" };
                write!(f, "{region}  would copy {source} from {source_region} as {name}{encrypted}")
            }
            Self::CopyWhenAvailable { region, encryption } => {
                let encrypted = match encryption {
                    Encryption::AsSource => String::new(),
                    Encryption::DefaultKey => ", encrypted with the default key".to_owned(),
                    Encryption::Key(key) => format!(", encrypted with {}", one_line(key)),
                };
                write!(f, "{region}  would copy it once it is available{encrypted}")
            }
        }
    }
}

impl fmt::Display for PurgeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            version: _,
            command: _,
            dry_run,
            now: _,
            account: _,
            regions,
            verdicts,
            deleted_images: _,
            deleted_snapshots: _,
            failures,
            refusal,
            ending,
        } = self;
        for verdict in verdicts {
            verdict.write(f, *dry_run || refusal.is_some(), *ending)?;
        }
        for region in regions.iter().filter(|region| !region.read) {
            writeln!(f, "{}  not read, so nothing in it was deleted: {}", region.region, region.why.as_deref().unwrap_or("unknown"))?;
        }
        for failure in failures {
            writeln!(f, "failed: {failure}")?;
        }
        let removed = || verdicts.iter().filter_map(|verdict| verdict.result.as_ref()).filter(|removal| removal.image.is_gone());
        let gone = removed().count();
        let behind = removed().flat_map(|removal| &removal.snapshots).filter(|snapshot| !snapshot.deletion.is_gone()).count();
        let kept = verdicts.iter().filter(|verdict| matches!(verdict.verdict.decision, Decision::Keep { .. })).count();
        let left = verdicts.len() - kept - gone;
        let read = regions.iter().filter(|region| region.read).count();
        let of = if read == regions.len() { String::new() } else { format!(" of {}", regions.len()) };
        let regions = if regions.len() == 1 { "region" } else { "regions" };
        match refusal {
            Some(refusal) => writeln!(f, "{refusal}"),
            None if *dry_run => writeln!(f, "would purge {left}, keep {kept}, in {read}{of} {regions}"),
            None => {
                write!(f, "purged {gone}, kept {kept}")?;
                match left {
                    0 => {}
                    _ => write!(f, ", failed to purge {left}")?,
                }
                match behind {
                    0 => {}
                    1 => write!(f, ", left 1 snapshot behind")?,
                    _ => write!(f, ", left {behind} snapshots behind")?,
                }
                writeln!(f, ", in {read}{of} {regions}")
            }
        }
    }
}

impl VerdictReport {
    fn write(&self, f: &mut fmt::Formatter<'_>, only_planned: bool, ending: Ending) -> fmt::Result {
        let region = &self.verdict.region;
        let subject = match &self.verdict.subject {
            Subject::Backup(backup) => describe(backup),
            Subject::Orphan { snapshot, instance, .. } => {
                let of = instance.as_ref().map_or_else(String::new, |instance| format!(" of {instance}"));
                format!("{snapshot}  orphan{of}")
            }
        };
        match &self.verdict.decision {
            Decision::Keep { reason } => writeln!(f, "{region}  keep    {subject}: {reason}"),
            Decision::Purge { reason, snapshots, left } => {
                let word = match &self.result {
                    _ if only_planned => "would purge",
                    Some(removal) if removal.image.is_gone() => "purged ",
                    _ => "FAILED ",
                };
                let gone = |removal: &Removal| removal.snapshots.iter().filter(|snapshot| snapshot.deletion.is_gone()).count();
                let count = self.result.as_ref().filter(|removal| removal.image.is_gone()).map_or(snapshots.len(), gone);
                let with = match (&self.verdict.subject, count) {
                    (Subject::Orphan { .. }, _) => String::new(),
                    (Subject::Backup(_), 1) => " with 1 snapshot".to_owned(),
                    (Subject::Backup(_), _) => format!(" with {count} snapshots"),
                };
                writeln!(f, "{region}  {word} {subject}{with}: {reason}")?;
                for LeftSnapshot { snapshot, reason } in left {
                    writeln!(f, "{region}    keep  {snapshot}: {reason}")?;
                }
                self.result.as_ref().map_or(Ok(()), |removal| write_failures(f, region.as_str(), removal, ending))
            }
        }
    }
}

/// A backup as a person knows it: whose, and of when.
fn describe(backup: &BackupLabel) -> String {
    let instance = backup.instance.as_ref().map(ToString::to_string);
    let of = backup.instance_name.clone().or(instance).or_else(|| backup.name.clone()).unwrap_or_else(|| "(no name)".to_owned());
    let made = backup.created.map_or_else(String::new, |created| format!(" of {}", created.strftime("%F %RZ")));
    format!("{}  {}{made}", backup.image, one_line(&of))
}

fn write_failures(f: &mut fmt::Formatter<'_>, region: &str, removal: &Removal, ending: Ending) -> fmt::Result {
    let not_tried =
        if ending == Ending::Interrupted { "not tried: the run was interrupted" } else { "not tried: EC2 had stopped answering" };
    match &removal.image {
        Deletion::Failed(failure) => writeln!(f, "{region}    {failure}")?,
        Deletion::NotTried => writeln!(f, "{region}    {not_tried}")?,
        Deletion::Deleted | Deletion::AlreadyGone => {}
    }
    for snapshot in removal.snapshots.iter().filter(|_| removal.image.is_gone()) {
        match &snapshot.deletion {
            Deletion::Failed(failure) => writeln!(f, "{region}    left behind: {}: {failure}", snapshot.snapshot)?,
            Deletion::NotTried => writeln!(f, "{region}    left behind: {}: {not_tried}", snapshot.snapshot)?,
            Deletion::Deleted | Deletion::AlreadyGone => {}
        }
    }
    Ok(())
}
