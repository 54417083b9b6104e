//! One backup, with all there is to know of it, and what becomes of it: as a purge or a policy's run would decide now, by what they
//! would see. Only looks.

use std::collections::{BTreeMap, BTreeSet};

use planner::id::{ImageId, Region};
use planner::inventory::Image;
use planner::outlook::outlook;
use planner::plan::due;
use planner::plan::purge::{Decision, Subject};
use planner::policy::PurgePolicy;
use planner::policy::file::Policy;
use planner::simulate::Start;

use crate::account::Account;
use crate::instances;
use crate::observe;
use crate::outcome::Failure;
use crate::report::{BackupInfo, FailureThere, Judgement, ListReport};
use crate::rounds::{Accounts, Decided, Places, RegionScope, Run, RunError, add_news, decided, seen_in};
use crate::simulate::Named;
use crate::status::{ours, unless_all_failed};
use crate::translate::snapshot_progress;

/// What decides over a backup that has no policy.
const PURGE: &str = "purge-expired-amis";

/// Shows one backup, as it is and as it would be judged now; none if it was not found. With `everywhere` it is looked for in all accounts
/// of the policy, else in our own. With the policy comes the region that tells which ones are enabled.
///
/// # Errors
/// [`RunError`] if nobody could be asked for it.
pub async fn show(
    run: &Run<'_>,
    id: &ImageId,
    scope: &RegionScope,
    policy: Option<(Named<'_>, &Region)>,
    everywhere: bool,
) -> Result<ListReport, RunError> {
    let accounts = Accounts::of_any(policy.filter(|_| everywhere).map(|(named, _)| named.policy), run.account).await;
    let answers = accounts.ask_each(|_, account| async move { find(&account, scope, id).await }).await;
    let mut report = ListReport::new("show", run.clock.now());
    let found = report.take(answers)?.into_iter().find_map(|(name, backup)| Some((name, backup?)));
    let Some((name, Found { region, image, copies })) = found else { return Ok(report) };
    let Some(account) = accounts.get(&name) else { return Ok(report) };
    let run = Run { account, ..*run };
    let mut backup = BackupInfo::of(&name, &region, &image, copies);
    let mut failures = Vec::new();
    let judge = Judge { run: &run, account_name: &name, region: &region, image: &image };
    backup.judgement = Some(match judge.judge(policy, &mut failures).await {
        Ok(judgement) => judgement,
        // What is known of the backup is worth showing all the same.
        Err(error) => {
            if let RunError::Failed(failure) = &error {
                add_news(&mut failures, failure.clone());
            }
            undecided(None, &error.to_string())
        }
    });
    if let Err(failure) = show_snapshots(account, &mut backup).await {
        add_news(&mut failures, failure);
    }
    report.failures.extend(failures.into_iter().map(|failure| FailureThere { account: name.clone(), failure }));
    report.backups.push(backup);
    Ok(report)
}

/// A backup, and where it is.
struct Found {
    region: Region,
    image: Image,
    copies: BTreeMap<ImageId, Region>,
}

/// Looks for a backup and its copies in one account.
async fn find(account: &Account, scope: &RegionScope, id: &ImageId) -> Result<(Option<Found>, Vec<Failure>), RunError> {
    let regions = scope.regions(account).await?;
    let ids = BTreeSet::from([id.clone()]);
    let look = |account: Account, region: Region| {
        let ids = ids.clone();
        async move {
            let (itself, copies) =
                tokio::join!(observe::images_of_ids(&account, &region, &ids), observe::copies_of(&account, &region, &ids));
            Ok(itself?.into_iter().chain(copies?).collect::<Vec<Image>>())
        }
    };
    let (inventory, failures) = unless_all_failed(&regions, seen_in(account, &regions, look).await)?;
    let is_copy = |image: &Image| image.copied_from().is_some_and(|source| source.id == *id);
    let copies = ours(&inventory).filter(|(_, image)| is_copy(image)).map(|(region, copy)| (copy.id.clone(), region.clone())).collect();
    let itself = ours(&inventory).find(|(_, image)| image.id == *id);
    let backup = itself.map(|(region, image)| Found { region: region.clone(), image: image.clone(), copies });
    Ok((backup, failures))
}

/// Says of a backup's snapshots where they stand.
async fn show_snapshots(account: &Account, backup: &mut BackupInfo) -> Result<(), Failure> {
    let ids = backup.snapshots.iter().collect();
    for seen in observe::snapshots_of_ids(account, &backup.region, &ids, snapshot_progress).await? {
        for volume in backup.volumes.iter_mut().filter(|volume| volume.snapshot.as_ref() == Some(&seen.id)) {
            volume.snapshot_state = Some(seen.state);
            volume.snapshot_percent = seen.percent;
        }
    }
    Ok(())
}

/// Judges one backup.
struct Judge<'j> {
    run: &'j Run<'j>,
    account_name: &'j str,
    region: &'j Region,
    image: &'j Image,
}

impl Judge<'_> {
    /// A backup of a series is the policy's to judge, everything else that of a purge of what has expired.
    async fn judge(&self, policy: Option<(Named<'_>, &Region)>, failures: &mut Vec<Failure>) -> Result<Judgement, RunError> {
        let of_account = |named: &Named<'_>| named.policy.targets.iter().any(|target| target.accounts.contains(self.account_name));
        let is_of_series = self.image.tags.series().is_some();
        match policy.filter(|(named, _)| is_of_series && of_account(named)) {
            Some((Named { file, policy }, asked)) => self.by_policy(file, policy, asked, failures).await,
            None if is_of_series && !self.image.tags.has_expire() && self.image.tags.pin().is_none() => {
                let why = "its policy decides, and there is none here for this account: name it with --policy FILE";
                Ok(undecided(None, why))
            }
            None => {
                let purge = PurgePolicy::default();
                let decided = decided(self.run, &RegionScope::These([self.region.clone()].into()), &purge).await?;
                self.judgement(PURGE, decided, None, failures)
            }
        }
    }

    async fn by_policy(&self, file: &str, policy: &Policy, asked: &Region, failures: &mut Vec<Failure>) -> Result<Judgement, RunError> {
        let places = Places::of_account(self.run.account, policy, self.account_name, asked).await?;
        if !places.all.contains(self.region) {
            return Ok(undecided(Some(file), &format!("the policy is not for {}, and leaves it alone", self.region)));
        }
        let fleet = instances::fleet(self.run.account, &places.sources, false).await;
        if let Some(unread) = fleet.unread.first() {
            // An instance may keep more by its own tags.
            let why = format!("not all instances could be seen: {unread}");
            failures.extend(fleet.unread);
            return Ok(undecided(Some(file), &why));
        }
        let series = Some(due::rules(policy, self.account_name, &fleet.instances));
        let purge = PurgePolicy { max_deletes: policy.max_deletes, require_checks: true, series, ..PurgePolicy::default() };
        let decided = decided(self.run, &RegionScope::These(places.all), &purge).await?;
        self.judgement(file, decided, Some((policy, &fleet.instances)), failures)
    }

    fn judgement(
        &self,
        by: &str,
        decided: Decided,
        rules: Option<(&Policy, &[planner::fleet::Instance])>,
        failures: &mut Vec<Failure>,
    ) -> Result<Judgement, RunError> {
        let Decided { inventory, plan, refusal, failures: unread } = decided;
        failures.extend(unread);
        let is_it = |subject: &Subject| matches!(subject, Subject::Backup(label) if label.image == self.image.id);
        let Some(verdict) = plan.verdicts.into_iter().find(|verdict| verdict.region == *self.region && is_it(&verdict.subject)) else {
            return Ok(undecided(Some(by), "its region could not be read"));
        };
        let now = self.run.clock.now();
        let rules = rules.map(|(policy, instances)| {
            (policy, self.account_name, Start { from: now, instances, inventory: Some(&inventory) }, self.region)
        });
        let goes = outlook(&verdict.decision, self.image, now, rules).map_err(RunError::Refused)?;
        let refusal = refusal.filter(|_| matches!(verdict.decision, Decision::Purge { .. }));
        Ok(Judgement { by: Some(by.to_owned()), decision: Some(verdict.decision), undecided: None, goes: Some(goes), refusal })
    }
}

fn undecided(by: Option<&str>, why: &str) -> Judgement {
    Judgement { by: by.map(str::to_owned), decision: None, undecided: Some(why.to_owned()), goes: None, refusal: None }
}
