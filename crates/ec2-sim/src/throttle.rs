//! EC2's token buckets: one for each action, account and region. Off unless the world's manners ask for
//! them.
//!
//! Sizes and rates are from "Request throttling for the Amazon EC2 API".

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::scope::Scope;
use crate::toml_file::finite;

/// What is left in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Tokens, and a part of the next one.
    pub tokens: f64,
    /// As of when.
    pub at: Timestamp,
}

/// How many tokens a bucket holds, and how many it gains in a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// So many calls are answered at once.
    #[serde(deserialize_with = "finite")]
    pub most: f64,
    /// So many more are in each second.
    #[serde(deserialize_with = "finite")]
    pub per_second: f64,
}

/// Takes a token for a call, or refuses it.
pub(crate) fn charge(action: &str, scope: &mut Scope) -> Result<(), Error> {
    if !scope.world.manners.throttling {
        return Ok(());
    }
    let whole = is_whole_listing(action, scope);
    let allowance = scope.world.manners.allowances.get(action).copied().unwrap_or_else(|| Allowance::of(action, whole));
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

/// Some listings have a smaller bucket when they are asked for everything at once.
fn is_whole_listing(action: &str, scope: &Scope) -> bool {
    matches!(
        action,
        "DescribeInstances"
            | "DescribeInstanceStatus"
            | "DescribeNetworkInterfaces"
            | "DescribeSecurityGroups"
            | "DescribeSnapshots"
            | "DescribeSpotInstanceRequests"
            | "DescribeVolumes"
    ) && !scope.form.keys().any(|name| matches!(name.as_str(), "MaxResults" | "NextToken") || name.starts_with("Filter."))
}

impl Allowance {
    /// EC2's own, per account and region (THR, ec2-semantics 7.1).
    fn of(action: &str, whole: bool) -> Self {
        let (most, per_second) = match action {
            _ if whole => (50.0, 10.0),
            "CopyImage" => (100.0, 1.0),
            "CreateTags" | "DeleteTags" => (100.0, 10.0),
            "CreateSnapshot" | "CreateSnapshots" | "DeleteSnapshot" | "DeregisterImage" => (100.0, 5.0),
            "ModifyImageAttribute" | "ModifySnapshotAttribute" => (100.0, 5.0),
            "CreateStoreImageTask" | "CreateRestoreImageTask" => (50.0, 0.1),
            _ if is_non_mutating(action) => (100.0, 20.0),
            _ => (50.0, 5.0),
        };
        Self { most, per_second }
    }
}

/// Whether an action only reads, by its name.
pub(crate) fn is_non_mutating(action: &str) -> bool {
    ["Describe", "Get", "List"].iter().any(|verb| action.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::Allowance;
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

    #[test]
    fn the_table() {
        let of = |action, whole| {
            let Allowance { most, per_second } = Allowance::of(action, whole);
            format!("{action} {most}/{per_second}")
        };
        let actions = [
            "DescribeImages",
            "DescribeImageReferences",
            "GetImageAncestry",
            "ListImagesInRecycleBin",
            "CreateImage",
            "RegisterImage",
            "DisableImage",
            "LockSnapshot",
            "ModifySnapshotTier",
            "CopyImage",
            "DeregisterImage",
            "DeleteSnapshot",
            "CreateSnapshot",
            "CreateTags",
            "DeleteTags",
            "ModifyImageAttribute",
            "ModifySnapshotAttribute",
            "CreateStoreImageTask",
        ];
        assert_snapshot!(actions.map(|action| of(action, false)).join("\n"), @"
        DescribeImages 100/20
        DescribeImageReferences 100/20
        GetImageAncestry 100/20
        ListImagesInRecycleBin 100/20
        CreateImage 50/5
        RegisterImage 50/5
        DisableImage 50/5
        LockSnapshot 50/5
        ModifySnapshotTier 50/5
        CopyImage 100/1
        DeregisterImage 100/5
        DeleteSnapshot 100/5
        CreateSnapshot 100/5
        CreateTags 100/10
        DeleteTags 100/10
        ModifyImageAttribute 100/5
        ModifySnapshotAttribute 100/5
        CreateStoreImageTask 50/0.1
        ");
        assert_eq!(of("DescribeSnapshots", true), "DescribeSnapshots 50/10");
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_can_be_made_to_measure() {
        let ec2 = throttled();
        ec2.sim.world().manners.allowances.insert("DescribeImages".to_owned(), Allowance { most: 2.0, per_second: 0.5 });
        assert_eq!(served(&ec2, "DescribeImages", &[]), 2);
        ec2.wait(2);
        assert_eq!(served(&ec2, "DescribeImages", &[]), 1);
        assert_eq!(served(&ec2, "DescribeRegions", &[]), 100);
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
