//! EC2's token buckets: one for each action, account and region. Off unless the world's manners ask for
//! them.
//!
//! Sizes and rates are from "Request throttling for the Amazon EC2 API".

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::scope::Scope;

/// What is left in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Tokens, and a part of the next one.
    pub tokens: f64,
    /// As of when.
    pub at: Timestamp,
}

/// How many tokens a bucket holds, and how many it gains in a second.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Allowance {
    most: f64,
    per_second: f64,
}

/// Takes a token for a call, or refuses it.
pub(crate) fn charge(action: &str, scope: &mut Scope) -> Result<(), Error> {
    if !scope.world.manners.throttling {
        return Ok(());
    }
    let whole = is_whole_listing(action, scope);
    let allowance = Allowance::of(action, whole);
    let name = if whole { format!("{action} (neither filtered nor paged)") } else { action.to_owned() };
    let now = scope.now();
    let bucket = scope.here_mut().buckets.entry(name).or_insert(Bucket { tokens: allowance.most, at: now });
    let gained = now.duration_since(bucket.at).as_secs_f64() * allowance.per_second;
    *bucket = Bucket { tokens: (bucket.tokens + gained).min(allowance.most), at: now };
    if bucket.tokens < 1.0 {
        return Err(Error::new("RequestLimitExceeded", "Request limit exceeded."));
    }
    bucket.tokens -= 1.0;
    Ok(())
}

/// Three listings have a smaller bucket when they are asked for everything at once.
fn is_whole_listing(action: &str, scope: &Scope) -> bool {
    matches!(action, "DescribeInstances" | "DescribeSnapshots" | "DescribeVolumes")
        && !scope.form.keys().any(|name| name == "MaxResults" || name.starts_with("Filter."))
}

impl Allowance {
    fn of(action: &str, whole: bool) -> Self {
        let (most, per_second) = match action {
            _ if whole => (50.0, 10.0),
            "CopyImage" => (100.0, 1.0),
            "CreateTags" | "DeleteTags" => (100.0, 10.0),
            "CreateSnapshot" | "DeleteSnapshot" | "DeregisterImage" => (100.0, 5.0),
            _ if action.starts_with("Describe") => (100.0, 20.0),
            _ => (50.0, 5.0),
        };
        Self { most, per_second }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Client, noon};
    use crate::world::World;

    fn throttled() -> Client {
        let mut world = World::new(1, noon());
        world.manners.throttling = true;
        Client::of(world)
    }

    fn served(ec2: &Client, action: &str, params: &[(&str, &str)]) -> usize {
        (0..200).take_while(|_| ec2.call(action, params).status != 503).count()
    }

    #[tokio::test(start_paused = true)]
    async fn each_action_has_its_bucket_and_its_rate() {
        let ec2 = throttled();
        assert_eq!(served(&ec2, "CopyImage", &[]), 100);
        assert_eq!(served(&ec2, "DescribeImages", &[]), 100);
        assert_eq!(served(&ec2, "CreateImage", &[]), 50);
        ec2.wait(3);
        assert_eq!(served(&ec2, "CopyImage", &[]), 3);
        assert_eq!(served(&ec2, "DescribeImages", &[]), 60);
        assert_eq!(served(&ec2.in_region("eu-west-1"), "CopyImage", &[]), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn asking_for_everything_at_once_costs_more() {
        let ec2 = throttled();
        assert_eq!(served(&ec2, "DescribeSnapshots", &[]), 50);
        assert_eq!(served(&ec2, "DescribeSnapshots", &[("MaxResults", "100")]), 100);
    }

    #[test]
    fn nobody_is_throttled_unasked() {
        let ec2 = Client::of(World::new(1, noon()));
        assert_eq!(served(&ec2, "DescribeSnapshots", &[]), 200);
    }
}
