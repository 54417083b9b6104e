//! How fast EC2 is asked: its token buckets, kept on this side, too, so that nothing is sent that would only be refused.
//!
//! EC2 counts by account, region and action (ec2-semantics 7.1). Others may ask on behalf of the same account: whatever EC2 refuses
//! slows that action down there, and nothing else; what it answers afterwards speeds it up again, by and by. Until then what changes
//! something is asked for one by one, its repetitions included: several would only take the few tokens from each other.
//!
//! An account's limits can be raised, and nobody tells. So when a bucket is empty by what is documented, the next calls are sent all the
//! same, one by one, until EC2 refuses one for the first time: from then on it is the documented rate.
//!
//! What changes something waits for its turn before the SDK's time limits begin, and what reads a little within them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use planner::id::Region;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::call::Call;

/// The share of EC2's rate that is used: its clock and ours are not one, and what comes too early is refused.
const SHARE: f64 = 0.99;
/// After a refusal an action is asked for at this share of its rate, and not below a tenth of what EC2 allows.
const SLOWER: f64 = 0.7;
const SLOWEST: f64 = 0.1;
/// So long after a refusal the rate rises again, each second by this share of the usual one: soon to nearly what was refused, and from
/// there by little, for somebody else uses the rest.
const CALM: Duration = Duration::from_secs(5);
const FASTER: f64 = 0.05;
const CAREFUL: f64 = 0.005;
const NEARLY: f64 = 0.9;
/// Refusals of calls that were sent together are one.
const TOGETHER: Duration = Duration::from_secs(1);
/// So long after a refusal calls go one by one.
const ONE_BY_ONE: Duration = Duration::from_mins(1);
/// A listing waits no longer for its turn: its time limit runs on.
const PATIENCE_OF_A_READER: Duration = Duration::from_secs(5);

/// The buckets of one account.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace(Arc<Mutex<HashMap<(Region, Call), Bucket>>>);

/// A call's turn: as long as it is held, the call is under way.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "it is held, and not looked at")] Option<OwnedMutexGuard<()>>);

/// The bucket of one action in one region.
#[derive(Debug, Clone)]
struct Bucket {
    /// EC2's: how many calls at once, and how many more each second.
    most: f64,
    usual: f64,
    /// What is used of that now.
    rate: f64,
    /// Below nothing, so many calls wait.
    tokens: f64,
    at: Instant,
    /// When EC2 refused a call last, and at what rate.
    refused: Option<(Instant, f64)>,
    limit: Limit,
    /// Held by the call that is under way, where they go one by one.
    only_one: Arc<tokio::sync::Mutex<()>>,
}

/// Whether there is more in a bucket than is documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// It was not tried.
    Unknown,
    /// So far there is.
    Beyond,
    /// EC2 has refused a call.
    Met,
}

impl Pace {
    /// Waits until it is the turn of a call that changes something. Who asks first goes first.
    pub(crate) async fn turn(&self, region: &Region, call: Call) -> Turn {
        let is_beyond = |bucket: &mut Bucket, _| bucket.is_beyond().then(|| Arc::clone(&bucket.only_one));
        if let Some(only_one) = self.with(region, call, is_beyond) {
            let turn = only_one.lock_owned().await;
            // It may have been refused meanwhile.
            if self.with(region, call, |bucket, _| bucket.goes_beyond()) {
                return Turn(Some(turn));
            }
        }
        let wait = self.with(region, call, |bucket, _| bucket.take());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let only_one = self.with(region, call, |bucket, now| bucket.is_refused_of_late(now).then(|| Arc::clone(&bucket.only_one)));
        Turn(match only_one {
            Some(only_one) => Some(only_one.lock_owned().await),
            None => None,
        })
    }

    /// Waits a little for the turn of a call that reads.
    pub(crate) async fn turn_to_read(&self, region: &Region, call: Call) {
        let wait = self.with(region, call, |bucket, _| bucket.take()).min(PATIENCE_OF_A_READER);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// EC2 has refused a call as one too many.
    pub(crate) fn refused(&self, region: &Region, call: Call) {
        self.with(region, call, Bucket::slow_down);
    }

    fn with<T>(&self, region: &Region, call: Call, work: impl FnOnce(&mut Bucket, Instant) -> T) -> T {
        let now = Instant::now();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry((region.clone(), call)).or_insert_with(|| Bucket::of(call, now));
        bucket.refill(now);
        work(bucket, now)
    }
}

impl Bucket {
    /// EC2's own, as "Request throttling for the Amazon EC2 API" has them.
    fn of(call: Call, now: Instant) -> Self {
        let (most, usual) = match call {
            Call::CopyImage => (100.0, 1.0),
            Call::CreateTags | Call::DeleteTags => (100.0, 10.0),
            Call::DeleteSnapshot | Call::DeregisterImage => (100.0, 5.0),
            _ if call.only_reads() => (100.0, 20.0),
            _ => (50.0, 5.0),
        };
        // A whole token is left: EC2 may have begun to count a moment later.
        Self {
            most: most - 1.0,
            usual,
            rate: usual * SHARE,
            tokens: most - 1.0,
            at: now,
            refused: None,
            limit: Limit::Unknown,
            only_one: Arc::default(),
        }
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.duration_since(self.at);
        if let Some((_, refused)) = self.refused.filter(|(refused, _)| now.duration_since(*refused) >= CALM) {
            let step = if self.rate < refused * NEARLY { FASTER } else { CAREFUL };
            self.rate = (self.rate + self.usual * step * passed.as_secs_f64()).min(self.usual * SHARE);
        }
        self.tokens = (self.tokens + self.rate * passed.as_secs_f64()).min(self.most);
        self.at = now;
    }

    fn is_refused_of_late(&self, now: Instant) -> bool {
        self.refused.is_some_and(|(refused, _)| now.duration_since(refused) < ONE_BY_ONE)
    }

    /// Whether nothing is left of what is documented, and EC2 has not said so yet.
    fn is_beyond(&self) -> bool {
        self.limit != Limit::Met && self.tokens < 1.0
    }

    /// Whether a call is sent although nothing is left of what is documented.
    fn goes_beyond(&mut self) -> bool {
        let goes = self.is_beyond();
        if goes {
            self.limit = Limit::Beyond;
        }
        goes
    }

    /// Takes a token, and says how long to wait for it.
    fn take(&mut self) -> Duration {
        self.tokens -= 1.0;
        if self.tokens >= 0.0 { Duration::ZERO } else { Duration::try_from_secs_f64(-self.tokens / self.rate).unwrap_or(CALM) }
    }

    /// The bucket was emptier than it seemed: somebody else asks, too. Or it holds no more than is documented, and that is used up.
    fn slow_down(&mut self, now: Instant) {
        // Somebody else may have emptied what has come in since: the next refusal tells.
        if std::mem::replace(&mut self.limit, Limit::Met) == Limit::Beyond {
            // The call that was refused will be repeated.
            self.tokens = -1.0;
            return;
        }
        if self.refused.is_none_or(|(refused, _)| now.duration_since(refused) >= TOGETHER) {
            self.refused = Some((now, self.rate));
            self.rate = (self.rate * SLOWER).max(self.usual * SLOWEST);
        }
        self.tokens = self.tokens.min(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region() -> Region {
        "us-east-1".parse().unwrap()
    }

    /// How long so many calls take, one after the other or at once, and nothing else.
    async fn seconds(pace: &Pace, call: Call, calls: usize) -> f64 {
        let region = region();
        let begun = Instant::now();
        for _ in 0..calls {
            drop(pace.turn(&region, call).await);
        }
        begun.elapsed().as_secs_f64()
    }

    /// EC2 says, of one call too many, what is documented.
    async fn find_the_limit(pace: &Pace, call: Call, most: usize) {
        assert!(seconds(pace, call, most + 1).await.abs() < f64::EPSILON);
        pace.refused(&region(), call);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let pace = Pace::default();
        find_the_limit(&pace, Call::DeregisterImage, 99).await;
        let rest = seconds(&pace, Call::DeregisterImage, 500).await;
        assert!((500.0 / 5.0..500.0 / 5.0 * 1.05).contains(&rest), "{rest}");
        find_the_limit(&pace, Call::CopyImage, 99).await;
        let copies = seconds(&pace, Call::CopyImage, 60).await;
        assert!((60.0..64.0).contains(&copies), "{copies}");
        // Actions and regions are counted apart.
        assert!(seconds(&pace, Call::DeleteSnapshot, 99).await.abs() < f64::EPSILON);
    }

    #[tokio::test(start_paused = true)]
    async fn limits_that_were_raised_are_used_and_asked_for_one_by_one() {
        let pace = Pace::default();
        assert!(seconds(&pace, Call::DeregisterImage, 99 + 500).await.abs() < f64::EPSILON);
        let (here, there) = (region(), region());
        let under_way = pace.turn(&here, Call::DeregisterImage).await;
        let another = pace.turn(&there, Call::DeregisterImage);
        let mut another = std::pin::pin!(another);
        assert!(tokio::time::timeout(Duration::from_millis(100), &mut another).await.is_err(), "they went side by side");
        // Whoever waits for it learns of the refusal.
        pace.refused(&here, Call::DeregisterImage);
        drop(under_way);
        let begun = Instant::now();
        drop(another.await);
        assert!(begun.elapsed().as_secs_f64() > 0.2, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_slows_that_action_down_and_calm_speeds_it_up() {
        let pace = Pace::default();
        seconds(&pace, Call::DeregisterImage, 1).await;
        // Many that were refused together count once.
        for _ in 0..20 {
            pace.refused(&region(), Call::DeregisterImage);
        }
        let slow = seconds(&pace, Call::DeregisterImage, 10).await;
        assert!((10.0 / (5.0 * SHARE * SLOWER) - slow).abs() < 0.1, "{slow}");
        assert!(seconds(&pace, Call::DeleteSnapshot, 50).await.abs() < f64::EPSILON);
        tokio::time::sleep(Duration::from_mins(2)).await;
        seconds(&pace, Call::DeregisterImage, 99).await;
        let usual = seconds(&pace, Call::DeregisterImage, 50).await;
        assert!((usual - 50.0 / (5.0 * SHARE)).abs() < 0.5, "{usual}");
        for _ in 0..200 {
            pace.refused(&region(), Call::DeregisterImage);
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        let slowest = seconds(&pace, Call::DeregisterImage, 2).await;
        assert!(slowest < 2.0 / (5.0 * SLOWEST) + 0.1, "{slowest}");
    }
}
