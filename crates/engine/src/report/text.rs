//! Reports as a person reads them: one line a thing, at home in a terminal, a log and a cron mail.

use std::collections::BTreeMap;
use std::fmt;

use planner::completion::Completion;
use planner::evidence::Check;
use planner::id::Region;
use planner::plan::BackupLabel;
use planner::plan::Standing;
use planner::plan::purge::{Decision, LeftSnapshot, Subject};
use planner::plan::retire::Tail;
use planner::tags::Encryption;

use crate::apply::{Deletion, Recoverable, Removal, ReturnCode, SnapshotDeletion};
use crate::outcome::{Anywhere, Failure, one_line};
use crate::report::{
    ImageReport, ImageResult, PlannedStep, PurgeReport, RegionReport, RetagReport, RetireReport, RetiredBackup, VerdictReport,
};
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
        write_failed(f, failures)?;
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
            Self::CopyImage { region, source_region, source, name, encrypted, completion_minutes, tags: _ } => {
                let encrypted = if *encrypted { ", encrypted" } else { "" };
                let within = within(*completion_minutes);
                write!(f, "{region}  would copy {source} from {source_region} as {name}{encrypted}{within}")
            }
            Self::CopyWhenAvailable { region, encryption, completion_minutes } => {
                let encrypted = match encryption {
                    Encryption::AsSource => String::new(),
                    Encryption::DefaultKey => ", encrypted with the default key".to_owned(),
                    Encryption::Key(key) => format!(", encrypted with {}", one_line(key)),
                };
                write!(f, "{region}  would copy it once it is available{encrypted}{}", within(*completion_minutes))
            }
            Self::MendWhenAvailable { region, wish } => write!(f, "{region}  once it is available it would be {wish}"),
        }
    }
}

fn within(completion: Option<Completion>) -> String {
    completion.map_or_else(String::new, |minutes| format!(", in {minutes} minutes"))
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
            debris,
            failures,
            unmade_checks: _,
            refusal,
            ending,
        } = self;
        for verdict in verdicts {
            verdict.write(f, *dry_run || refusal.is_some(), *ending)?;
        }
        write_unread(f, regions)?;
        write_failed(f, failures)?;
        for debris in debris {
            writeln!(f, "debris: {debris}")?;
        }
        let removed = || verdicts.iter().filter_map(|verdict| verdict.result.as_ref()).filter(|removal| removal.image.is_gone());
        let gone = removed().count();
        let behind = removed().flat_map(|removal| &removal.snapshots).filter(|snapshot| !snapshot.deletion.is_settled()).count();
        let kept = verdicts.iter().filter(|verdict| matches!(verdict.verdict.decision, Decision::Keep { .. })).count();
        let left = verdicts.len() - kept - gone;
        let read = regions.iter().filter(|region| region.read).count();
        let of = if read == regions.len() { String::new() } else { format!(" of {}", regions.len()) };
        let regions = if regions.len() == 1 { "region" } else { "regions" };
        match refusal {
            Some(refusal) => writeln!(f, "{refusal}")?,
            None if *dry_run => writeln!(f, "would purge {left}, keep {kept}, in {read}{of} {regions}")?,
            None => {
                write!(f, "purged {gone}{}, kept {kept}", how_far(removed()))?;
                match left {
                    0 => {}
                    _ => write!(f, ", failed to purge {left}")?,
                }
                match behind {
                    0 => {}
                    1 => write!(f, ", left 1 snapshot behind")?,
                    _ => write!(f, ", left {behind} snapshots behind")?,
                }
                writeln!(f, ", in {read}{of} {regions}")?;
            }
        }
        self.write_warnings(f)
    }
}

impl fmt::Display for RetagReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version: _, command: _, dry_run, now: _, region, backup, change, snapshots, changed, ending: _ } = self;
        let with = match snapshots.len() {
            0 => String::new(),
            1 => " with 1 snapshot".to_owned(),
            count => format!(" with {count} snapshots"),
        };
        let word = match (changed, dry_run) {
            (false, _) => "already ",
            (true, true) => "planned: ",
            (true, false) => "now ",
        };
        writeln!(f, "{region}  {}{with}: {word}{change}", describe(backup))
    }
}

impl fmt::Display for RetireReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for RetiredBackup { region, backup, tail, changed, failure } in &self.backups {
            let told = match (tail, changed, failure) {
                (Tail::Expires, _, Some(why)) => format!("FAILED: {}", one_line(why)),
                (Tail::Expires, true, None) => format!("now expires {}", self.expire),
                (Tail::Expires, false, None) if self.dry_run => format!("would expire {}", self.expire),
                (Tail::Expires, false, None) => "unchanged".to_owned(),
                (tail, ..) => tail.to_string(),
            };
            writeln!(f, "{region}  {}: {told}", describe(backup))?;
        }
        if self.backups.is_empty() {
            writeln!(f, "there is no backup of {}", self.instance)?;
        }
        Ok(())
    }
}

impl PurgeReport {
    /// One line for each check that could not be made, however many regions it was wanted in.
    pub(super) fn write_warnings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unmade: BTreeMap<(Check, &str, bool), Vec<&Region>> = BTreeMap::new();
        for check in &self.unmade_checks {
            unmade.entry((check.check, &check.why, check.keeps)).or_default().push(&check.region);
        }
        for ((check, why, keeps), regions) in unmade {
            let so = if keeps { "what it might have spoken for was kept" } else { "nothing was kept for it (--require-checks keeps)" };
            let regions = match regions.as_slice() {
                [region] => region.to_string(),
                regions => format!("{} regions ({})", regions.len(), list(regions)),
            };
            writeln!(f, "warning: {check} could not be read in {regions}: {why}; {so}")?;
        }
        Ok(())
    }
}

/// The regions that could not be read, those for the same reason on one line.
pub(super) fn write_unread(f: &mut fmt::Formatter<'_>, regions: &[RegionReport]) -> fmt::Result {
    for alike in alike(regions.iter().filter(|region| !region.read), |region| match (&region.failure, &region.why) {
        (Some(failure), _) => Anywhere(failure).to_string(),
        (None, why) => why.clone().unwrap_or_default(),
    }) {
        match alike.as_slice() {
            [region] => {
                writeln!(f, "{}  not read, so nothing in it was deleted: {}", region.region, region.why.as_deref().unwrap_or("unknown"))?;
            }
            regions => {
                let why = regions.first().and_then(|region| match &region.failure {
                    Some(failure) => Some(Anywhere(failure).to_string()),
                    None => region.why.clone(),
                });
                let why = why.as_deref().unwrap_or("unknown");
                let regions: Vec<&Region> = regions.iter().map(|region| &region.region).collect();
                writeln!(f, "{}  not read, so nothing in them was deleted: {why}", list(&regions))?;
            }
        }
    }
    Ok(())
}

/// What failed, a failure that several regions have in common on one line.
pub(super) fn write_failed(f: &mut fmt::Formatter<'_>, failures: &[Failure]) -> fmt::Result {
    for alike in alike(failures.iter(), |failure| Anywhere(failure).to_string()) {
        match alike.as_slice() {
            [failure] => writeln!(f, "failed: {failure}")?,
            failures => {
                let regions: Vec<&Region> = failures.iter().map(|failure| &failure.region).collect();
                if let Some(failure) = failures.first() {
                    writeln!(f, "failed in {}: {}", list(&regions), Anywhere(failure))?;
                }
            }
        }
    }
    Ok(())
}

/// Things of one kind together, in the order of the first of each kind.
fn alike<'a, T>(things: impl Iterator<Item = &'a T>, kind: impl Fn(&T) -> String) -> Vec<Vec<&'a T>> {
    let mut kinds: Vec<(String, Vec<&T>)> = Vec::new();
    for thing in things {
        let kind = kind(thing);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, alike)) => alike.push(thing),
            None => kinds.push((kind, vec![thing])),
        }
    }
    kinds.into_iter().map(|(_, alike)| alike).collect()
}

fn list(regions: &[&Region]) -> String {
    regions.iter().map(|region| region.as_str()).collect::<Vec<_>>().join(", ")
}

/// Whether what is gone can be had back, where that is known for certain.
fn how_far<'a>(removed: impl Iterator<Item = &'a Removal> + Clone) -> String {
    let (gone, recoverable) = (removed.clone().count(), removed.clone().filter(|removal| until(removal).is_some()).count());
    let none = Some(Recoverable::NotInBin);
    let not_in_bin =
        |removal: &Removal| removal.recoverable == none && removal.snapshots.iter().all(|snapshot| snapshot.recoverable == none);
    match recoverable {
        0 if gone > 0 && removed.clone().all(not_in_bin) => " (not in the Recycle Bin)".to_owned(),
        0 => String::new(),
        _ if recoverable == gone => " (recoverable from the Recycle Bin)".to_owned(),
        _ => format!(" ({recoverable} of them recoverable from the Recycle Bin)"),
    }
}

/// Until when it can be had back whole.
fn until(removal: &Removal) -> Option<jiff::Timestamp> {
    match removal.recoverable {
        Some(Recoverable::Until(until)) => Some(until),
        Some(Recoverable::NotInBin | Recoverable::Unknown) | None => None,
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
                let until = self.result.as_ref().and_then(until);
                let until = until.map_or_else(String::new, |until| format!("; recoverable until {}", until.strftime("%FT%TZ")));
                writeln!(f, "{region}  {word} {subject}{with}: {reason}{until}")?;
                for LeftSnapshot { snapshot, reason } in left {
                    writeln!(f, "{region}    keep  {snapshot}: {reason}")?;
                }
                self.result.as_ref().map_or(Ok(()), |removal| write_failures(f, region.as_str(), removal, ending))
            }
        }
    }
}

/// A backup as a person knows it: whose, and of when.
pub(super) fn describe(backup: &BackupLabel) -> String {
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
        Deletion::Deleted | Deletion::AlreadyGone | Deletion::Shared => {}
    }
    for snapshot in removal.snapshots.iter().filter(|_| removal.image.is_gone()) {
        let SnapshotDeletion { snapshot: id, deletion, return_code, recoverable } = snapshot;
        let said = match return_code {
            Some(ReturnCode::Success) | None => String::new(),
            Some(code) => format!("DeregisterImage said {code}; "),
        };
        match deletion {
            Deletion::Failed(failure) => writeln!(f, "{region}    left behind: {id}: {said}{failure}")?,
            Deletion::NotTried => writeln!(f, "{region}    left behind: {id}: {said}{not_tried}")?,
            Deletion::Shared => writeln!(f, "{region}    keep  {id}: another image is made of it, too")?,
            Deletion::Deleted | Deletion::AlreadyGone => {}
        }
        if let (Some(Recoverable::Until(at)), None) = (recoverable, until(removal)) {
            writeln!(f, "{region}    recoverable without its image: {id} until {}", at.strftime("%FT%TZ"))?;
        }
    }
    Ok(())
}

/// Why an image is still there.
pub(super) fn why_not_gone(removal: &Removal) -> String {
    match &removal.image {
        Deletion::Failed(failure) => failure.to_string(),
        Deletion::NotTried => "it was not tried".to_owned(),
        Deletion::Shared => "another image is made of it, too".to_owned(),
        Deletion::Deleted | Deletion::AlreadyGone => String::new(),
    }
}
