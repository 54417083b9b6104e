//! Round after round until everything is settled, or patience runs out. Nothing else in this program sleeps.

mod fleet;
mod image;
mod mend;
mod overview;
mod purge;
mod retag;
mod retire;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use planner::guard::Refusal;
use planner::id::{ImageId, InstanceId, Region, SnapshotId};
use planner::inventory::ImageState;
use planner::plan::purge::UnmadeCheck;
use planner::plan::retag::NoBackup;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::account::Account;
use crate::clock::Clock;
use crate::meter::Meter;
use crate::observe;
use crate::outcome::Failure;
use crate::plan_file::AgreedThere;

pub(crate) use fleet::{Accounts, Places, backups, seen_in};
pub use fleet::{apply_plan, run_policy};
pub use image::{image_instance, resume};
use image::{plan_image, resume_beside};
pub use purge::purge;
pub(crate) use purge::{Decided, decided};
pub use retag::retag;
pub use retire::retire;

/// The first wait between two rounds.
const FIRST_DELAY: Duration = Duration::from_secs(2);
/// The longest wait between two rounds.
const LONGEST_DELAY: Duration = Duration::from_secs(15);
/// So soon after something has come to an end it is looked again: what was begun together ends together.
const SOON: Duration = Duration::from_secs(5);
/// EC2 takes snapshots of one volume no closer together than this (ec2-semantics 1.8).
const SNAPSHOT_SPACING: Duration = Duration::from_secs(15);

/// How a run is to go.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// On whose behalf.
    pub account: &'a Account,
    /// By which clock expiry is judged and patience measured. A rehearsal's differs from the one that signs requests.
    pub clock: Clock,
    /// How long rounds go on, by the wall clock: from the start of the run; of a purge, from the first deletion that EC2 puts off.
    pub patience: SignedDuration,
    /// Whether to wait at all for what EC2 does after it has answered.
    pub wait: bool,
    /// Stop after the first plan, and change nothing.
    pub dry_run: bool,
    /// Told of what happens while it happens.
    pub listener: &'a dyn Fn(&Event),
    /// Ends the run early: between two calls where something is changed, at once where a purge only reads.
    pub stop: &'a Stop,
    /// What somebody has agreed to in this account: then no other copies are made.
    pub agreed: Option<&'a AgreedThere>,
    /// Asks how far it is what is waited for, where somebody watches: calls that nothing else needs.
    pub meter: Option<&'a Meter>,
}

/// Which regions a run is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegionScope {
    /// These.
    These(BTreeSet<Region>),
    /// All that are enabled for the account, as this one tells.
    AllEnabled {
        /// The region that is asked.
        asked: Region,
    },
}

impl RegionScope {
    pub(crate) async fn regions(&self, account: &Account) -> Result<BTreeSet<Region>, RunError> {
        match self {
            Self::These(regions) => Ok(regions.clone()),
            Self::AllEnabled { asked } => observe::enabled_regions(account, asked).await.map_err(RunError::Failed),
        }
    }
}

/// Something that happened during a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// EC2 has taken the request for an image.
    ImageRequested {
        /// Where.
        region: Region,
        /// The image.
        image: ImageId,
        /// Its name.
        name: String,
    },
    /// EC2 has taken the request for a copy.
    CopyRequested {
        /// The source.
        source: ImageId,
        /// Where to.
        destination: Region,
        /// The copy.
        copy: ImageId,
    },
    /// An image or a copy stands elsewhere than before.
    State {
        /// Where it is.
        region: Region,
        /// The image.
        image: ImageId,
        /// Where it stands now.
        state: ImageState,
    },
    /// So much of an image that is waited for is done: of its snapshots, each as large as its volume.
    Progress {
        /// Where it is.
        region: Region,
        /// The image.
        image: ImageId,
        /// What is done, in MiB.
        done_mib: u64,
        /// All of it, in MiB.
        mib: u64,
    },
    /// Something happened in one of a policy's several accounts.
    InAccount {
        /// The policy's name of the account.
        account: String,
        /// What.
        event: Box<Event>,
    },
    /// A call failed in a way that may pass; the run waits.
    Waiting(Failure),
    /// A region was wholly read.
    RegionRead {
        /// Which.
        region: Region,
        /// Its images of the account.
        images: usize,
        /// Its snapshots of the account.
        snapshots: usize,
    },
    /// A region could not be read.
    RegionUnread(Failure),
    /// What speaks against a deletion could not be found out.
    NotChecked(UnmadeCheck),
    /// An image is gone.
    ImageRemoved {
        /// Where it was.
        region: Region,
        /// The image.
        image: ImageId,
        /// How many snapshots went with it.
        snapshots: usize,
    },
    /// An orphan is gone.
    SnapshotDeleted {
        /// Where it was.
        region: Region,
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// A deletion failed.
    NotDeleted(Failure),
}

/// Why a run came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// EC2 did not do what everything else depends on.
    #[error("{0}")]
    Failed(Failure),
    /// EC2 did not say whether it makes the image.
    #[error("{failure}. EC2 may be making the image all the same: look for one named {name} before you run it again")]
    Unanswered {
        /// What came instead of an answer.
        failure: Box<Failure>,
        /// The name the image would have.
        name: String,
    },
    /// There is no such instance in that region.
    #[error("there is no instance {instance} in {region}")]
    NoSuchInstance {
        /// The instance.
        instance: InstanceId,
        /// The region that was asked.
        region: Region,
    },
    /// The instance cannot be imaged now.
    #[error("instance {instance} in {region} is {state}: EC2 makes images of running and stopped instances only")]
    InstanceCannotBeImaged {
        /// The instance.
        instance: InstanceId,
        /// Its region.
        region: Region,
        /// EC2's name of its state.
        state: String,
    },
    /// The destination of a copy is not a region of this account.
    #[error("cannot copy to {0}: it is not among the regions enabled for this account; no image was made")]
    DestinationNotEnabled(Region),
    /// Each name the image could have is held by something else.
    #[error("the image could not be made: the names {0} and its further attempts are all taken")]
    NamesTaken(String),
    /// There is no such backup.
    #[error("{0}")]
    NoBackup(NoBackup),
    /// An instance was to be retired that is there.
    #[error(
        "the instance {instance} is there, in {region}, and {state}: only one that is gone is retired; its target's rules thin its series"
    )]
    InstanceIsThere {
        /// The instance.
        instance: InstanceId,
        /// Where it is.
        region: Region,
        /// EC2's name of its state.
        state: String,
    },
    /// The plan was refused.
    #[error("{0}")]
    Refused(Refusal),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Everything is done.
    Done,
    /// Nothing was achieved.
    NothingAchieved,
    /// Some of it failed, the rest is done.
    SomeFailed,
    /// Something is still in flight.
    StillInFlight,
    /// Stopped for safety: the cap was exceeded, or the guard objected.
    StoppedForSafety,
    /// The user interrupted it.
    Interrupted,
}

/// A request to end the run, made from outside.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<(AtomicBool, Notify)>);

impl Stop {
    /// Asks the run to end after the call that is under way.
    pub fn request(&self) {
        self.0.0.store(true, Ordering::SeqCst);
        self.0.1.notify_waiters();
    }

    /// Whether the run was asked to end.
    pub fn is_requested(&self) -> bool {
        self.0.0.load(Ordering::SeqCst)
    }

    async fn requested(&self) {
        let notified = self.0.1.notified();
        if !self.is_requested() {
            notified.await;
        }
    }
}

/// The waits between rounds: 2 s, then less and less often, up to every 15 s, sooner while things come to an end, and never beyond the
/// deadline.
struct Delays {
    next: Duration,
    deadline: Timestamp,
    /// How long it is still waited although the run was asked to end.
    grace: Duration,
}

/// So long a run that was asked to end goes on with what no later run could finish.
const GRACE: Duration = Duration::from_secs(30);

impl Delays {
    fn new(run: &Run<'_>, started: Timestamp) -> Self {
        Self { next: FIRST_DELAY, deadline: started.saturating_add(run.patience).unwrap_or(Timestamp::MAX), grace: GRACE }
    }

    /// Something has come to an end, and more may do so: it is not waited so long any more.
    fn look_again_soon(&mut self) {
        self.next = self.next.min(SOON);
    }

    /// Waits a little although the run was asked to end, for what no later run could finish; `false` once that was enough.
    async fn wait_all_the_same(&mut self) -> bool {
        let delay = self.next.min(self.grace);
        self.grace -= delay;
        tokio::time::sleep(delay).await;
        !delay.is_zero()
    }

    /// Waits for the next round, at least so long; `false` if patience has run out or the run was asked to end.
    async fn wait(&mut self, run: &Run<'_>, at_least: Duration) -> bool {
        let left = self.deadline.duration_since(run.clock.now());
        let Ok(left) = Duration::try_from(left) else { return false };
        if left.is_zero() || run.stop.is_requested() {
            return false;
        }
        let delay = self.next.max(at_least).min(left);
        self.next = self.next.mul_f64(1.5).min(LONGEST_DELAY);
        tokio::select! {
            () = tokio::time::sleep(delay) => true,
            () = run.stop.requested() => false,
        }
    }
}

/// Whether two failures are one and the same news.
fn is_same(a: &Failure, b: &Failure) -> bool {
    (a.call, &a.region, &a.code) == (b.call, &b.region, &b.code)
}

/// Takes up a failure, unless it is no news.
pub(crate) fn add_news(failures: &mut Vec<Failure>, failure: Failure) {
    if !failures.iter().any(|known| is_same(known, &failure)) {
        failures.push(failure);
    }
}

/// Asks something of all these regions at once, and gives the answers in their order. EC2 counts calls by region, so that
/// nothing is gained by asking fewer; and regions that do not answer are waited for once, not one after the other.
pub(crate) async fn in_each<T: Send + 'static, F>(
    regions: &BTreeSet<Region>,
    account: &Account,
    ask: impl Fn(Account, Region) -> F,
) -> Vec<(Region, Result<T, Failure>)>
where
    F: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let mut asked = JoinSet::new();
    for region in regions {
        let (region, answer) = (region.clone(), ask(account.clone(), region.clone()));
        asked.spawn(async move { (region, answer.await) });
    }
    let mut answers = asked.join_all().await;
    answers.sort_by(|(a, _), (b, _)| a.cmp(b));
    answers
}
