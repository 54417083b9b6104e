//! What `run` did, or `plan` would do: by series, so that a person finds what belongs together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use planner::id::{ImageId, InstanceId, Region, SeriesName};
use planner::inventory::ImageState;
use planner::plan::purge::{Decision, Subject};
use planner::plan::{CopyStanding, Standing};
use planner::policy::file::SELF;
use planner::policy::select::InstanceState;
use schemars::JsonSchema;
use serde::Serialize;

use super::{ImageResult, MendReport, PlannedStep, PurgeReport, VerdictReport};
use crate::outcome::{Failure, one_line};
use crate::plan_file::Work;
use crate::rounds::Ending;

/// A line for people is no longer than this if it can be helped.
const WIDTH: usize = 80;

/// What `run` did, or `plan` would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[must_use = "an unread report helps nobody"]
pub struct RunReport {
    /// The version of this document.
    pub version: u32,
    /// `run`, `plan` or `apply`.
    pub command: String,
    /// Whether it was only planned.
    pub dry_run: bool,
    /// When the run began: by this instant everything was judged.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// Each account that the policy is for.
    pub accounts: Vec<AccountReport>,
    /// What does not hold any more of the plan that was to be applied: then nothing was done.
    pub drift: Vec<Drift>,
    /// What is in the plan that was applied and was not done, since it did not hold any more when its turn came.
    pub undone: Vec<Drift>,
    /// How the run ended.
    pub ending: Ending,
}

/// What of a plan does not hold any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Drift {
    /// The policy's name of the account.
    pub account: String,
    /// The region.
    pub region: Region,
    /// What was planned.
    #[serde(flatten)]
    pub work: Work,
    /// Why it does not hold.
    pub why: String,
}

/// What was done in one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AccountReport {
    /// The policy's name of it; `self` is the account of the program's own credentials.
    pub account: String,
    /// Why nothing could be found out there, and nothing was done.
    pub unreached: Option<String>,
    /// How every instance stands that was seen.
    pub instances: Vec<InstanceReport>,
    /// Where each copy stands that was made, or found unfinished.
    pub copies: Vec<CopyStanding>,
    /// The copies of earlier backups that a dry run would have asked for.
    pub planned_copies: Vec<PlannedStep>,
    /// What became of every backup seen, and why.
    pub purge: Option<PurgeReport>,
    /// Why nothing was purged, and not even looked at for that.
    pub not_purged: Option<String>,
    /// What backups lacked by the policy: a date of deprecation, or protection.
    pub mended: Vec<MendReport>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// What could not be read.
    pub failures: Vec<Failure>,
    /// How the run ended there.
    pub ending: Ending,
}

/// How one instance stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InstanceReport {
    /// The instance.
    pub instance: InstanceId,
    /// Its region.
    pub region: Region,
    /// Its name.
    pub name: Option<String>,
    /// The series its backups are of; none if no target selects it.
    pub series: Option<SeriesName>,
    /// How its newest backup stands.
    #[serde(flatten)]
    pub standing: InstanceStanding,
    /// The hooks that were run.
    pub hooks: Vec<HookReport>,
}

/// How the newest backup of an instance stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum InstanceStanding {
    /// It would be made.
    Planned {
        /// The slot it is for.
        slot: Timestamp,
        /// What would be asked for.
        steps: Vec<PlannedStep>,
    },
    /// This run has made it.
    Made {
        /// The slot it is for.
        slot: Timestamp,
        /// The image.
        image: ImageResult,
    },
    /// It could not be made.
    Failed {
        /// The slot it was for.
        slot: Timestamp,
        /// Why.
        why: String,
    },
    /// It is there.
    Done {
        /// The newest slot.
        slot: Timestamp,
        /// The backup.
        newest: ImageId,
        /// When the next one is due.
        next: Option<Timestamp>,
    },
    /// An earlier run, or another, has asked for it.
    InFlight {
        /// The newest slot.
        slot: Timestamp,
        /// The image.
        in_flight: ImageId,
    },
    /// It is due, and not in the plan that is applied.
    NotAgreed {
        /// The slot it is due for.
        slot: Timestamp,
    },
    /// Its schedule has not begun.
    NotYet {
        /// When the first one is due.
        next: Option<Timestamp>,
    },
    /// The policy wants none.
    NotSelected {
        /// Why.
        why: String,
    },
    /// It is due, but the instance is in no state for it.
    CannotBeImaged {
        /// Where the instance stands.
        state: InstanceState,
    },
    /// Which backups there are could not be read.
    RegionUnseen {
        /// Why.
        why: String,
    },
}

/// How a hook ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HookReport {
    /// `before` or `after`.
    pub when: String,
    /// The program.
    pub command: String,
    /// Why it failed, if it did.
    pub failure: Option<String>,
    /// Whether its failure is one of the backup.
    pub aborts: bool,
}

impl InstanceReport {
    /// The image this run has made.
    pub(crate) fn made(&self) -> Option<&ImageResult> {
        if let InstanceStanding::Made { image, .. } = &self.standing { Some(image) } else { None }
    }

    pub(crate) fn made_mut(&mut self) -> Option<&mut ImageResult> {
        if let InstanceStanding::Made { image, .. } = &mut self.standing { Some(image) } else { None }
    }

    /// Whether this run has done something about it, or should have.
    fn is_news(&self) -> bool {
        self.has_failed() || self.made().is_some() || self.hooks.iter().any(|hook| hook.failure.is_some())
    }

    /// Whether it has not the backup that is due.
    pub(crate) fn has_failed(&self) -> bool {
        match &self.standing {
            InstanceStanding::Failed { .. } | InstanceStanding::CannotBeImaged { .. } | InstanceStanding::RegionUnseen { .. } => true,
            InstanceStanding::Made { image, .. } => {
                !matches!(image.state, ImageState::Pending | ImageState::Available | ImageState::Disabled)
            }
            _ => false,
        }
    }
}

/// What of a series is shown together.
#[derive(Default)]
struct Group<'r> {
    instances: Vec<&'r InstanceReport>,
    verdicts: Vec<&'r VerdictReport>,
    mended: Vec<&'r MendReport>,
}

impl AccountReport {
    /// Nothing yet.
    pub(crate) fn new(account: String) -> Self {
        Self {
            account,
            unreached: None,
            instances: Vec::new(),
            copies: Vec::new(),
            planned_copies: Vec::new(),
            purge: None,
            not_purged: None,
            mended: Vec::new(),
            warnings: Vec::new(),
            failures: Vec::new(),
            ending: Ending::NothingAchieved,
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, dry_run: bool) -> fmt::Result {
        if let Some(why) = &self.unreached {
            return writeln!(f, "FAILED: {}", one_line(why));
        }
        let mut groups: BTreeMap<&SeriesName, Group<'_>> = BTreeMap::new();
        for instance in &self.instances {
            if let Some(series) = &instance.series {
                groups.entry(series).or_default().instances.push(instance);
            }
        }
        let verdicts = self.purge.iter().flat_map(|purge| &purge.verdicts);
        for verdict in verdicts.clone() {
            if let Some(series) = &verdict.series {
                groups.entry(series).or_default().verdicts.push(verdict);
            }
        }
        for mend in self.mended.iter().filter(|mend| mend.is_told()) {
            groups.entry(&mend.series).or_default().mended.push(mend);
        }
        for (series, Group { mut instances, mut verdicts, mended }) in groups {
            // Whoever starts `run` every five minutes wants to read what is new.
            if !dry_run {
                instances.retain(|instance| instance.is_news());
                verdicts.retain(|verdict| matches!(verdict.verdict.decision, Decision::Purge { .. }));
            }
            if !instances.is_empty() || !verdicts.is_empty() || !mended.is_empty() {
                writeln!(f, "{series}")?;
            }
            instances.iter().try_for_each(|instance| instance.write(f))?;
            verdicts.iter().try_for_each(|verdict| write_verdict(f, verdict, self.purge.as_ref()))?;
            let would = if dry_run { "would be " } else { "" };
            for (backup, wishes) in MendReport::by_backup(mended) {
                folded(f, 2, &backup, &format!("{would}{wishes}"))?;
            }
        }
        let others: Vec<&VerdictReport> = verdicts.filter(|verdict| verdict.series.is_none()).collect();
        let (purged, untouched): (Vec<&VerdictReport>, Vec<&VerdictReport>) =
            others.into_iter().partition(|verdict| matches!(verdict.verdict.decision, Decision::Purge { .. }));
        if !purged.is_empty() {
            writeln!(f, "snapshots whose image is gone")?;
            purged.iter().try_for_each(|verdict| write_verdict(f, verdict, self.purge.as_ref()))?;
        }
        self.write_copies(f, dry_run)?;
        self.write_unselected(f, dry_run)?;
        if !untouched.is_empty() && dry_run {
            writeln!(
                f,
                "{} of no series, which a policy leaves alone",
                counted(untouched.len(), "backup or snapshot", "backups or snapshots")
            )?;
        }
        super::text::write_failed(f, &self.failures)?;
        for warning in &self.warnings {
            writeln!(f, "warning: {}", one_line(warning))?;
        }
        if let Some(purge) = &self.purge {
            super::text::write_unread(f, &purge.regions)?;
            purge.write_warnings(f)?;
            if let Some(refusal) = &purge.refusal {
                writeln!(f, "{refusal}")?;
            }
        }
        if let Some(why) = &self.not_purged {
            writeln!(f, "not purged: {why}")?;
        }
        Ok(())
    }

    fn write_copies(&self, f: &mut fmt::Formatter<'_>, dry_run: bool) -> fmt::Result {
        let news: Vec<&CopyStanding> = self.copies.iter().filter(|copy| !(dry_run && matches!(copy.standing, Standing::Due))).collect();
        if !news.is_empty() || !self.planned_copies.is_empty() {
            writeln!(f, "copies")?;
        }
        for step in &self.planned_copies {
            if let PlannedStep::CopyImage { region, source_region, source, .. } = step {
                writeln!(f, "  {region}  would copy {source} from {source_region}")?;
            }
        }
        for CopyStanding { source_region, source, destination, standing } in news {
            let to = destination.as_ref().map_or("?", Region::as_str);
            match standing {
                Standing::Done { copy } => writeln!(f, "  {to}  {copy}  of {source} in {source_region}")?,
                Standing::InFlight { copy } => writeln!(f, "  {to}  {copy}  of {source} in {source_region}: pending")?,
                standing => folded(f, 2, &format!("{to}  of {source} in {source_region}"), &standing.to_string())?,
            }
        }
        Ok(())
    }

    fn write_unselected(&self, f: &mut fmt::Formatter<'_>, dry_run: bool) -> fmt::Result {
        let unselected: Vec<&InstanceReport> = self.instances.iter().filter(|instance| instance.series.is_none()).collect();
        if unselected.is_empty() || !dry_run {
            return Ok(());
        }
        writeln!(f, "in no target")?;
        unselected.iter().try_for_each(|instance| instance.write(f))
    }

    fn totals(&self) -> Totals {
        let count = |is_it: &dyn Fn(&InstanceReport) -> bool| self.instances.iter().filter(|instance| is_it(instance)).count();
        let verdicts = self.purge.as_ref().map_or(&[][..], |purge| purge.verdicts.as_slice());
        let goes = verdicts.iter().filter(|verdict| matches!(verdict.verdict.decision, Decision::Purge { .. })).count();
        let copied: BTreeSet<_> = self.copies.iter().filter(|copy| matches!(copy.standing, Standing::Done { .. })).map(key).collect();
        let with_it = |instance: &InstanceReport| match &instance.standing {
            InstanceStanding::Planned { steps, .. } => {
                let is_copy = |step: &&PlannedStep| matches!(step, PlannedStep::CopyImage { .. } | PlannedStep::CopyWhenAvailable { .. });
                steps.iter().filter(is_copy).count()
            }
            _ => 0,
        };
        Totals {
            planned: count(&|instance| matches!(instance.standing, InstanceStanding::Planned { .. })),
            planned_copies: self.instances.iter().map(with_it).sum::<usize>() + self.planned_copies.len(),
            made: count(&|instance| instance.made().is_some() && !instance.has_failed()),
            copied: copied.len(),
            goes,
            gone: verdicts.iter().filter_map(|verdict| verdict.result.as_ref()).filter(|removal| removal.image.is_gone()).count(),
            kept: verdicts.len() - goes,
            failed: count(&InstanceReport::has_failed),
            mended: MendReport::by_backup(self.mended.iter().filter(|mend| mend.is_told())).len(),
            unreached: usize::from(self.unreached.is_some()),
        }
    }
}

impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.drift.is_empty() {
            writeln!(f, "nothing was done, for the plan does not hold any more:")?;
            return self.drift.iter().try_for_each(|drift| drift.write(f));
        }
        let is_only_one = matches!(self.accounts.as_slice(), [one] if one.account == SELF);
        let mut totals = Totals::default();
        for account in &self.accounts {
            let text = fmt::from_fn(|f| account.write(f, self.dry_run)).to_string();
            if !is_only_one && !text.is_empty() {
                writeln!(f, "account {}", account.account)?;
            }
            f.write_str(&text)?;
            totals.add(account.totals());
        }
        if !self.undone.is_empty() {
            writeln!(f, "planned, and not done:")?;
            self.undone.iter().try_for_each(|undone| undone.write(f))?;
        }
        let Totals { planned, planned_copies, made, copied, goes, gone, kept, mended, failed, unreached } = totals;
        if self.dry_run {
            write!(f, "would make {planned}, copy {planned_copies}, purge {goes}, keep {kept}")?;
        } else {
            write!(f, "made {made}, copied {copied}, purged {gone}, kept {kept}")?;
        }
        match mended {
            0 => {}
            lacking if self.dry_run => write!(f, ", mend {lacking}")?,
            mended => write!(f, ", mended {mended}")?,
        }
        if failed > 0 {
            write!(f, ", failed {failed}")?;
        }
        if unreached > 0 {
            write!(f, ", {} not reached", counted(unreached, "account", "accounts"))?;
        }
        writeln!(f)
    }
}

impl RunReport {
    /// Whether a person should read it, though nobody asked.
    pub fn needs_a_look(&self) -> bool {
        let has_warnings = |account: &AccountReport| {
            !account.warnings.is_empty() || account.purge.iter().any(|purge| !purge.unmade_checks.is_empty() || !purge.debris.is_empty())
        };
        self.ending != Ending::Done || self.accounts.iter().any(has_warnings)
    }
}

/// What the last line says.
#[derive(Clone, Copy, Default)]
struct Totals {
    planned: usize,
    planned_copies: usize,
    made: usize,
    copied: usize,
    goes: usize,
    gone: usize,
    kept: usize,
    mended: usize,
    failed: usize,
    unreached: usize,
}

impl Totals {
    fn add(&mut self, other: Self) {
        self.planned += other.planned;
        self.planned_copies += other.planned_copies;
        self.made += other.made;
        self.copied += other.copied;
        self.goes += other.goes;
        self.gone += other.gone;
        self.kept += other.kept;
        self.mended += other.mended;
        self.failed += other.failed;
        self.unreached += other.unreached;
    }
}

fn key(copy: &CopyStanding) -> (&Region, &ImageId, Option<&Region>) {
    (&copy.source_region, &copy.source, copy.destination.as_ref())
}

impl Drift {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.work {
            Work::Make { instance, slot } => format!("make {instance} for {}", minute(*slot)),
            Work::Copy { source } => format!("copy {source}"),
            Work::Mend { image } => format!("mend {image}"),
            Work::Purge { image } => format!("purge {image}"),
            Work::PurgeOrphan { snapshot } => format!("purge {snapshot}"),
        };
        let account = if self.account == SELF { String::new() } else { format!("{}  ", self.account) };
        folded(f, 2, &format!("{account}{}  {what}", self.region), &one_line(&self.why))
    }
}

impl InstanceReport {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().filter(|name| !name.is_empty()).map_or_else(String::new, |name| format!("  {}", one_line(name)));
        let subject = format!("{}  {}{name}", self.region, self.instance);
        let says = match &self.standing {
            InstanceStanding::Planned { slot, .. } => format!("would be imaged for {}", minute(*slot)),
            InstanceStanding::Made { slot, image } => {
                let reason = image.reason.as_ref().map_or_else(String::new, |reason| format!(" ({})", one_line(reason)));
                format!("{} {} for {}{reason}", image.image, image.state, minute(*slot))
            }
            InstanceStanding::Failed { slot, why } => format!("FAILED for {}: {}", minute(*slot), one_line(why)),
            InstanceStanding::Done { slot, newest: _, next } => {
                let next = next.map_or_else(String::new, |next| format!(", next {}", minute(next)));
                format!("has {}{next}", minute(*slot))
            }
            InstanceStanding::InFlight { slot, in_flight } => format!("{in_flight} pending for {}", minute(*slot)),
            InstanceStanding::NotAgreed { slot } => format!("is due for {}, and not in the plan", minute(*slot)),
            InstanceStanding::NotYet { next } => format!("first {}", next.map_or_else(|| "never".to_owned(), minute)),
            InstanceStanding::NotSelected { why } => one_line(why),
            InstanceStanding::CannotBeImaged { state } => format!("FAILED: it is {state}, and EC2 makes no image of it then"),
            InstanceStanding::RegionUnseen { why } => format!("FAILED: its backups could not be read: {}", one_line(why)),
        };
        folded(f, 2, &subject, &says)?;
        if let InstanceStanding::Planned { steps, .. } = &self.standing {
            for step in steps {
                match step {
                    PlannedStep::CopyWhenAvailable { region, completion_minutes, .. } => {
                        let within = completion_minutes.map_or_else(String::new, |minutes| format!(" in {minutes} minutes"));
                        writeln!(f, "    then copied to {region}{within}")?;
                    }
                    PlannedStep::CopyImage { region, source, .. } => writeln!(f, "    {source} would be copied to {region}")?,
                    PlannedStep::MendWhenAvailable { wish, .. } => writeln!(f, "    then {wish}")?,
                    PlannedStep::CreateImage { .. } => {}
                }
            }
        }
        for hook in &self.hooks {
            if let Some(failure) = &hook.failure {
                let word = if hook.aborts { "FAILED" } else { "warning" };
                writeln!(f, "    {word}: the hook {} it: {} {failure}", hook.when, one_line(&hook.command))?;
            }
        }
        Ok(())
    }
}

fn write_verdict(f: &mut fmt::Formatter<'_>, verdict: &VerdictReport, purge: Option<&PurgeReport>) -> fmt::Result {
    let only_planned = purge.is_some_and(|purge| purge.dry_run || purge.refusal.is_some());
    let (word, why) = match &verdict.verdict.decision {
        Decision::Keep { reason } => ("keep  ", reason.to_string()),
        Decision::Purge { reason, .. } if only_planned => ("purge ", reason.to_string()),
        Decision::Purge { reason, .. } => match &verdict.result {
            Some(removal) if removal.image.is_gone() => ("purged", reason.to_string()),
            Some(removal) => ("FAILED", super::text::why_not_gone(removal)),
            None => ("FAILED", "it was not tried".to_owned()),
        },
    };
    let subject = match &verdict.verdict.subject {
        Subject::Backup(backup) => super::text::describe(backup),
        Subject::Orphan { snapshot, .. } => format!("{snapshot}  orphan"),
    };
    folded(f, 2, &format!("{}  {word} {subject}", verdict.verdict.region), &why)
}

/// One line, or two where one would be too long.
fn folded(f: &mut fmt::Formatter<'_>, indent: usize, subject: &str, says: &str) -> fmt::Result {
    let blank = "";
    let length = indent + subject.chars().count() + 2 + says.chars().count();
    if length <= WIDTH {
        return writeln!(f, "{blank:indent$}{subject}: {says}");
    }
    writeln!(f, "{blank:indent$}{subject}:\n{blank:indent$}  {says}")
}

fn minute(instant: Timestamp) -> String {
    instant.strftime("%F %RZ").to_string()
}

fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}
