//! Replays policies over time, from what is seen now or from nothing. Only looks.

use jiff::Timestamp;
use planner::fleet::Instance;
use planner::guard::Refusal;
use planner::id::Region;
use planner::inventory::Inventory;
use planner::policy::file::{Policy, SELF};
use planner::simulate::{DateRange, Start, invented, simulate as replay};

use crate::account::Account;
use crate::instances;
use crate::outcome::Failure;
use crate::report::{Beginning, Comparison, Replayed, SimulateReport};
use crate::rounds::{Places, RunError, backups};

/// What simulations begin with.
#[derive(Debug)]
pub struct Seen {
    /// The policies' name of the account.
    account: String,
    beginning: Beginning,
    instances: Vec<Instance>,
    inventory: Option<Inventory>,
    /// Listings of volumes that could not be read.
    failures: Vec<Failure>,
}

impl Seen {
    /// What these policies are about in the account of that name, as EC2 has it now; `asked` is the region that tells which ones are
    /// enabled. The first policy knows how to get into the account.
    ///
    /// # Errors
    /// [`RunError`] if the regions could not be listed, or any of them could not be read: an instance that was not seen would be taken
    /// for one that is gone.
    pub async fn on_ec2(own: &Account, policies: &[Policy], name: &str, asked: &Region) -> Result<Self, RunError> {
        let other = policies.iter().find_map(|policy| policy.accounts.get(name));
        let account = &match other {
            Some(other) => own.assuming(name, other).await,
            None => own.clone(),
        };
        let mut places = Places::default();
        for policy in policies {
            places.extend(Places::of_account(account, policy, name, asked).await?);
        }
        let fleet = instances::fleet(account, &places.sources, true).await;
        let (inventory, unread) = backups(account, &places.all).await;
        if let Some(failure) = fleet.unread.into_iter().chain(unread).next() {
            return Err(RunError::Failed(failure));
        }
        let (account, inventory) = (name.to_owned(), Some(inventory));
        Ok(Self { account, beginning: Beginning::Observed, instances: fleet.instances, inventory, failures: fleet.no_volumes })
    }

    /// Nothing but so many invented instances of each target, of so many GiB if that is said. The policies select these and no others
    /// afterwards.
    pub fn invented(policies: &mut [Policy], of_each: u32, gib: Option<u64>) -> Self {
        let instances = invented(policies, of_each, gib);
        Self { account: SELF.to_owned(), beginning: Beginning::Invented, instances, inventory: None, failures: Vec::new() }
    }
}

/// A policy, and what it is called.
#[derive(Debug, Clone, Copy)]
pub struct Named<'p> {
    /// Its file.
    pub file: &'p str,
    /// What it says.
    pub policy: &'p Policy,
}

/// Replays a policy for so many days from an instant on, and another one beside it.
///
/// # Errors
/// The guard objects to what the planner does, which is a defect of this program.
pub fn simulate(
    policy: Named<'_>,
    other: Option<Named<'_>>,
    seen: Seen,
    from: Timestamp,
    days: u32,
    missed: &[DateRange],
) -> Result<SimulateReport, Refusal> {
    let Seen { account, beginning, instances, inventory, failures } = seen;
    let start = Start { from, instances: &instances, inventory: inventory.as_ref() };
    let replayed = |Named { file, policy }: Named<'_>| -> Result<Replayed, Refusal> {
        let simulation = replay(policy, &account, start, days, missed)?;
        Ok(Replayed { policy: file.to_owned(), first_forgotten: simulation.first_forgotten(), simulation })
    };
    let this = replayed(policy)?;
    let diff = other.map(replayed).transpose()?.map(|other| Comparison {
        in_both: this.simulation.in_both(&other.simulation),
        first_lost_by_this: this.simulation.first_lost(&other.simulation),
        first_lost_by_other: other.simulation.first_lost(&this.simulation),
        other,
    });
    Ok(SimulateReport { version: 1, command: "simulate".to_owned(), beginning, from, missed: missed.to_vec(), this, diff, failures })
}
