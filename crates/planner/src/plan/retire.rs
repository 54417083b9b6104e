//! Question 5: what of an instance that is gone may go, now that nobody makes backups of it any more?
//!
//! The newest good backup of a series stays whatever its rules say, and of an instance that is gone that is for ever. Whoever retires
//! it gives what no rule would ever let go an expiry.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::backup::Backup;
use crate::id::{InstanceId, Region};
use crate::inventory::Inventory;
use crate::plan::BackupLabel;
use crate::plan::purge::label;
use crate::tags::ExpireTag;

/// What becomes of one backup of the instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Tail {
    /// It gets an expiry.
    Expires,
    /// It has one already, and keeps that.
    HasExpiry,
    /// It has an expiry that nobody can read: somebody has to look at it.
    UnreadableExpiry,
    /// It is pinned, and stays.
    Pinned {
        /// Why.
        why: String,
    },
    /// It is of no policy's series: somebody asked for it.
    AskedFor,
}

/// What becomes of every backup of the instance, copies included, by region and age.
pub fn decide(inventory: &Inventory, instance: &InstanceId) -> Vec<(Region, BackupLabel, Tail)> {
    let Some(account) = &inventory.account else { return Vec::new() };
    let images = inventory.regions.iter().flat_map(|(region, view)| view.images.iter().map(move |image| (region, image)));
    let backups = images.filter_map(|(region, image)| Some((region, Backup::recognise(image, account)?)));
    let mut tail: Vec<(Region, BackupLabel, Tail)> = backups
        .filter(|(_, backup)| backup.series().as_ref() == Some(instance))
        .map(|(region, backup)| (region.clone(), label(backup), of(backup)))
        .collect();
    tail.sort_by(|(here, one, _), (there, other, _)| (here, one.created, &one.image).cmp(&(there, other.created, &other.image)));
    tail
}

fn of(backup: Backup<'_>) -> Tail {
    let tags = &backup.image().tags;
    if let Some(why) = tags.pin() {
        return Tail::Pinned { why: why.to_owned() };
    }
    match tags.expire() {
        ExpireTag::At(_) => Tail::HasExpiry,
        ExpireTag::Unreadable { .. } => Tail::UnreadableExpiry,
        ExpireTag::Absent if tags.series().is_some() => Tail::Expires,
        ExpireTag::Absent => Tail::AskedFor,
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expires => f.write_str("expires"),
            Self::HasExpiry => f.write_str("has an expiry, and keeps it"),
            Self::UnreadableExpiry => f.write_str("has an expiry that cannot be read: see to it with `ami-backup expire`"),
            Self::Pinned { why } if why.is_empty() => f.write_str("stays: it is pinned"),
            Self::Pinned { why } => write!(f, "stays: it is pinned: {why}"),
            Self::AskedFor => f.write_str("stays: it is of no policy's series; `ami-backup expire` gives it an expiry"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{HOME, THEIRS, backup, id, short, world};

    #[test]
    fn what_a_policy_made_expires_and_the_rest_stays_with_its_reason() {
        let web = |short_id: &str| backup(short_id).of_series("web");
        let inventory = world()
            .with(web("ami-1").days_old(3))
            .with(web("ami-2").days_old(2).failed())
            .with(web("ami-3").days_old(1).pinned("audit"))
            .with(web("ami-4").expiring(1))
            .with(web("ami-5").tagged("Expire", "soon"))
            .with(backup("ami-6"))
            .with(web("ami-7").of("i-9"))
            .with(web("ami-8").untagged("Creator"))
            .with(web("ami-9").owned_by(THEIRS))
            .with_in("eu-west-1", web("ami-10").copied_from("ami-1", HOME));
        let told = decide(&inventory, &id("i-1")).into_iter();
        let told: Vec<String> = told.map(|(region, label, tail)| format!("{region} {}: {tail}", short(&label.image))).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        eu-west-1 ami-10: expires
        us-east-1 ami-4: has an expiry, and keeps it
        us-east-1 ami-5: has an expiry that cannot be read: see to it with `ami-backup expire`
        us-east-1 ami-6: stays: it is of no policy's series; `ami-backup expire` gives it an expiry
        us-east-1 ami-1: expires
        us-east-1 ami-2: expires
        us-east-1 ami-3: stays: it is pinned: audit
        ");
        assert!(decide(&Inventory { account: None, ..inventory }, &id("i-1")).is_empty());
    }
}
