//! Instances as a policy sees them.

use planner::id::{InstanceId, Region};
use planner::policy::select::Candidate;

use crate::account::Account;
use crate::observe;
use crate::outcome::Failure;
use crate::rounds::{RegionScope, RunError, in_each};
use crate::translate::Instance;

/// Looks for one instance, and gives it with the regions that could not be asked.
///
/// # Errors
/// [`RunError`] if the regions could not be listed, or if none of them could be asked.
pub async fn find_instance(account: &Account, scope: &RegionScope, id: &InstanceId) -> Result<(Option<Candidate>, Vec<Failure>), RunError> {
    let regions = scope.regions(account).await?;
    let look = |account: Account, region: Region| {
        let id = id.clone();
        async move { observe::instance(&account, &region, &id).await }
    };
    let (mut found, mut failures, mut answered) = (None, Vec::new(), false);
    for (region, answer) in in_each(&regions, account, look).await {
        match answer {
            Ok(instance) => {
                answered = true;
                found = found.or(instance.map(|instance| instance.candidate(&region)));
            }
            Err(failure) => failures.push(failure),
        }
    }
    match failures.first() {
        Some(failure) if !answered => Err(RunError::Failed(failure.clone())),
        _ => Ok((found, failures)),
    }
}

impl Instance {
    /// What a policy selects it by.
    pub(crate) fn candidate(&self, region: &Region) -> Candidate {
        Candidate { id: self.id.clone(), region: region.clone(), tags: self.tags.clone(), state: self.standing }
    }
}
