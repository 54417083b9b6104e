//! Looks only: which backups there are, and whether every series has a fresh one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use planner::backup::Backup;
use planner::id::{ImageId, Region};
use planner::inventory::{Image, ImageState, Inventory, Scope};
use planner::policy::file::Policy;
use planner::policy::select::{Why, select};
use planner::policy::settings::Settings;

use crate::account::Account;
use crate::instances;
use crate::outcome::Failure;
use crate::report::{BackupInfo, FailureThere, Freshness, Level, ListReport, StatusReport, Unprotected, Unreached};
use crate::rounds::{Accounts, Places, RegionScope, RunError, backups};

/// All backups of these regions, in all accounts of a policy, or in our own.
///
/// # Errors
/// [`RunError`] if in no account the regions could be listed, and any of them be read.
pub async fn list(account: &Account, policy: Option<&Policy>, scope: &RegionScope, now: Timestamp) -> Result<ListReport, RunError> {
    let accounts = Accounts::of_any(policy, account).await;
    let mut report = ListReport::new("list", now);
    let look = |name: String, account: Account| async move { list_of(&account, &name, scope).await };
    let answers = accounts.ask_each(look).await;
    for (_, backups) in report.take(answers)? {
        report.backups.extend(backups);
    }
    report.backups.sort_by(|one, other| {
        (&one.instance_name, &one.instance, one.slot, &one.region, &one.image).cmp(&(
            &other.instance_name,
            &other.instance,
            other.slot,
            &other.region,
            &other.image,
        ))
    });
    Ok(report)
}

async fn list_of(account: &Account, name: &str, scope: &RegionScope) -> Result<(Vec<BackupInfo>, Vec<Failure>), RunError> {
    let regions = scope.regions(account).await?;
    let (inventory, failures) = seen(account, &regions).await?;
    let mut copies: BTreeMap<&ImageId, BTreeMap<ImageId, Region>> = BTreeMap::new();
    for (region, copy) in ours(&inventory) {
        if let Some(source) = copy.copied_from() {
            copies.entry(&source.id).or_default().insert(copy.id.clone(), region.clone());
        }
    }
    let told = |(region, image): (&Region, &Image)| BackupInfo::of(name, region, image, copies.remove(&image.id).unwrap_or_default());
    Ok((ours(&inventory).map(told).collect(), failures))
}

/// How fresh the backups are that a policy wants, in all its accounts.
///
/// # Errors
/// [`RunError`] if in no account the regions could be listed, and any of them be read.
pub async fn status(account: &Account, policy: &Policy, asked: &Region, now: Timestamp) -> Result<StatusReport, RunError> {
    let accounts = Accounts::of(policy, account).await;
    let mut report = StatusReport::new(now);
    let look = |name: String, account: Account| async move { of_account(&account, policy, &name, asked, now).await };
    let answers = accounts.ask_each(look).await;
    let nobody_answered = answers.iter().all(|(_, answer)| answer.is_err());
    for (name, answer) in answers {
        match answer {
            Ok(there) => report.add(there),
            Err(error) if nobody_answered => return Err(error),
            Err(error) => report.unreached.push(Unreached { account: name, why: error.to_string() }),
        }
    }
    report.series.sort_by(|one, other| {
        (&one.account, &one.series, &one.name, &one.instance, one.is_copy, &one.region).cmp(&(
            &other.account,
            &other.series,
            &other.name,
            &other.instance,
            other.is_copy,
            &other.region,
        ))
    });
    let worst = report.series.iter().map(|series| series.level).max().unwrap_or(Level::Ok);
    let is_whole = report.failures.is_empty() && report.unreached.is_empty();
    report.level = if is_whole { worst } else { worst.max(Level::Unknown) };
    Ok(report)
}

async fn of_account(
    account: &Account,
    policy: &Policy,
    account_name: &str,
    asked: &Region,
    now: Timestamp,
) -> Result<StatusReport, RunError> {
    let places = Places::of_account(account, policy, account_name, asked).await?;
    let fleet = instances::fleet(account, &places.sources, false).await;
    let (inventory, failures) = seen(account, &places.all).await?;
    let failures = failures.into_iter().chain(fleet.unread);
    let failures = failures.map(|failure| FailureThere { account: account_name.to_owned(), failure }).collect();
    let mut report = StatusReport { failures, ..StatusReport::new(now) };
    let mut newest: BTreeMap<(&Region, String, String, bool), (Timestamp, &ImageId)> = BTreeMap::new();
    for (region, image) in ours(&inventory) {
        let (Some(series), Some(instance), Some(slot)) = (image.tags.series(), image.tags.instance(), image.tags.slot()) else { continue };
        match image.state {
            // Whoever changes a tag must not make a series look fresh by it.
            ImageState::Available if slot <= now => {
                let key = (region, series.to_string(), instance.to_string(), image.copied_from().is_some());
                let known = newest.entry(key).or_insert((slot, &image.id));
                *known = (slot, &image.id).max(*known);
            }
            ImageState::Failed => report.failed_images += 1,
            _ => {}
        }
    }
    for instance in &fleet.instances {
        let candidate = instance.candidate();
        let selection = select(policy, account_name, &candidate);
        let name = instance.tags.name().map(str::to_owned);
        let Some(target) = selection.target else {
            if !matches!(selection.why, Why::Gone(_)) {
                let why = selection.why.to_string();
                let (account, instance, region) = (account_name.to_owned(), instance.id.clone(), instance.region.clone());
                report.unprotected.push(Unprotected { account, instance, region, name, why });
            }
            continue;
        };
        let (settings, ..) = target.settings_for(&candidate);
        let limits = limits(&settings, now);
        let places = std::iter::once((&instance.region, false)).chain(settings.copies.iter().map(|copy| (&copy.region, true)));
        for (region, is_copy) in places {
            let found = newest.get(&(region, target.name.to_string(), instance.id.to_string(), is_copy)).copied();
            let is_seen = inventory.regions.get(region).is_some_and(|view| !matches!(view.scope, Scope::Unseen(_)));
            let age = found.map(|(slot, _)| now.duration_since(slot));
            let level = match age {
                None if !is_seen => Level::Unknown,
                None => Level::Critical,
                Some(age) if age > limits.1 => Level::Critical,
                Some(age) if age > limits.0 => Level::Warning,
                Some(_) => Level::Ok,
            };
            report.series.push(Freshness {
                account: account_name.to_owned(),
                series: target.name.clone(),
                instance: instance.id.clone(),
                name: name.clone(),
                region: region.clone(),
                is_copy,
                level,
                newest: found.map(|(_, image)| image.clone()),
                slot: found.map(|(slot, _)| slot),
                age_seconds: age.map(|age| age.as_secs()),
                warn_after_seconds: limits.0.as_secs(),
                critical_after_seconds: limits.1.as_secs(),
            });
        }
    }
    Ok(report)
}

/// From which ages on it is warned and critical. Unless the policy says: a quarter of the usual gap between two slots late, and one
/// slot more.
fn limits(settings: &Settings, now: Timestamp) -> (SignedDuration, SignedDuration) {
    let gap = settings.schedule.usual_gap(now);
    let quarter = gap / 4;
    let warn = settings.warn_after.map_or(gap.saturating_add(quarter), |warn| warn.as_duration());
    let critical = settings.critical_after.map_or(gap.saturating_add(gap).saturating_add(quarter), |critical| critical.as_duration());
    (warn, critical)
}

/// The backups of these regions; an error if none of them could be read.
async fn seen(account: &Account, regions: &BTreeSet<Region>) -> Result<(Inventory, Vec<Failure>), RunError> {
    unless_all_failed(regions, backups(account, regions).await)
}

/// What was seen of these regions; an error if none of them could be read.
pub(crate) fn unless_all_failed(
    regions: &BTreeSet<Region>,
    (inventory, failures): (Inventory, Vec<Failure>),
) -> Result<(Inventory, Vec<Failure>), RunError> {
    match failures.first() {
        Some(failure) if failures.len() == regions.len() => Err(RunError::Failed(failure.clone())),
        _ => Ok((inventory, failures)),
    }
}

impl ListReport {
    /// Takes up what could not be found out in each account, and gives back what was; an error if that is nothing.
    pub(crate) fn take<T>(&mut self, answers: Answers<T>) -> Result<Vec<(String, T)>, RunError> {
        let nobody_answered = answers.iter().all(|(_, answer)| answer.is_err());
        let mut found = Vec::new();
        for (account, answer) in answers {
            match answer {
                Ok((answer, failures)) => {
                    self.failures.extend(failures.into_iter().map(|failure| FailureThere { account: account.clone(), failure }));
                    found.push((account, answer));
                }
                Err(error) if nobody_answered => return Err(error),
                Err(error) => self.unreached.push(Unreached { account, why: error.to_string() }),
            }
        }
        Ok(found)
    }
}

/// What was found out in each account, and what could not be read there.
type Answers<T> = Vec<(String, Result<(T, Vec<Failure>), RunError>)>;

pub(crate) fn ours(inventory: &Inventory) -> impl Iterator<Item = (&Region, &Image)> {
    let all = inventory.regions.iter().flat_map(|(region, view)| view.images.iter().map(move |image| (region, image)));
    all.filter(|(_, image)| inventory.account.as_ref().is_some_and(|account| Backup::recognise(image, account).is_some()))
}
