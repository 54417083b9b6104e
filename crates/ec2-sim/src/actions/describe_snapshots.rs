//! `DescribeSnapshots`: the caller's snapshots, those shared with it, and the public ones. Tags are seen by
//! the owner only.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Action;
use crate::clock::milliseconds;
use crate::error::Error;
use crate::filter::{Filters, Known};
use crate::id::{AccountId, SnapshotId};
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::reference::{account_id, no_such_snapshot, snapshot_id};
use crate::scope::Scope;
use crate::tagging::write_tags;
use crate::world::{Snapshot, SnapshotState, Tags, Tiering};
use crate::xml::Xml;

const PAGES: Rule = Rule { least: 5, most: 1000, ids: Some("snapshotSet") };

const FILTERS: Known<Snapshot> = &[
    ("description", |s| vec![s.description.clone()]),
    ("encrypted", |s| vec![s.encrypted.to_string()]),
    ("owner-id", |s| vec![s.owner.to_string()]),
    ("progress", |s| vec![format!("{}%", s.progress)]),
    ("snapshot-id", |s| vec![s.id.to_string()]),
    ("start-time", |s| vec![milliseconds(s.started)]),
    ("status", |s| vec![s.state.to_string()]),
    ("storage-tier", |s| vec![s.storage_tier.clone()]),
    ("volume-id", |s| vec![s.volume_id.to_string()]),
    ("volume-size", |s| vec![s.volume_size.to_string()]),
];

pub(super) struct DescribeSnapshots {
    ids: Vec<String>,
    owners: Vec<String>,
    restorable_by: Vec<String>,
    filters: Filters<Snapshot>,
    paging: Paging,
}

impl Action for DescribeSnapshots {
    const NAME: &str = "DescribeSnapshots";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self {
            ids: params.list("SnapshotId"),
            owners: params.list("Owner"),
            restorable_by: params.list("RestorableBy"),
            filters: Filters::take(params, FILTERS)?,
            paging: Paging::take(params),
        })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, !self.ids.is_empty(), scope)?;
        let ids = self.ids(scope)?;
        let owners = self.owners(scope)?;
        let restorers = self.restorers()?;
        let is_meant = |snapshot: &Snapshot| {
            scope.restores(snapshot)
                && (self.ids.is_empty() || ids.contains(&snapshot.id))
                && (self.owners.is_empty() || owners.contains(&snapshot.owner))
                && (restorers.is_empty() || restorers.iter().any(|restorer| restorer.can_restore(snapshot, &scope.account)))
        };
        let held: Vec<_> = scope.everybodys_here().map(|held| &held.snapshots).collect();
        let named = page.named(&ids, &self.filters, "snapshot-id");
        let seen = |snapshot| is_meant(snapshot).then(|| as_seen(snapshot, &scope.account));
        let (snapshots, next) = page.cut_held(&held, named, [].iter(), seen, |snapshot| snapshot.id.as_str(), &self.filters);
        answer.items("snapshotSet", &snapshots, |item, snapshot| write_snapshot(item, snapshot)).leaf_if_some("nextToken", next);
        Ok(())
    }
}

impl DescribeSnapshots {
    /// The ids asked for. What belongs to others is silently left out, what does not exist is an error.
    fn ids(&self, scope: &Scope) -> Result<BTreeSet<SnapshotId>, Error> {
        let ids: BTreeSet<SnapshotId> = self.ids.iter().map(|id| snapshot_id(id)).collect::<Result<_, _>>()?;
        let foreign = |id: &SnapshotId| {
            scope.world.accounts.iter().any(|(account, held)| {
                *account != scope.account && held.regions.get(&scope.region).is_some_and(|region| region.snapshots.contains_key(id))
            }) || scope.images().any(|image| image.public && image.uses(id))
        };
        match ids.iter().find(|id| scope.snapshot(id).is_err() && !foreign(id)) {
            None => Ok(ids),
            Some(id) => Err(no_such_snapshot(id)),
        }
    }

    fn restorers(&self) -> Result<Vec<Restorer>, Error> {
        self.restorable_by
            .iter()
            .map(|user| match user.as_str() {
                "self" => Ok(Restorer::Caller),
                "all" => Ok(Restorer::Everybody),
                id => account_id(id).map(Restorer::Account),
            })
            .collect()
    }

    fn owners(&self, scope: &Scope) -> Result<BTreeSet<AccountId>, Error> {
        self.owners
            .iter()
            .filter(|owner| *owner != "amazon")
            .map(|owner| match owner.as_str() {
                "self" => Ok(scope.account.clone()),
                id => account_id(id),
            })
            .collect()
    }
}

/// Someone who is asked for with `RestorableBy`.
enum Restorer {
    /// `self`: by being the owner, or by name.
    Caller,
    /// `all`: of public snapshots.
    Everybody,
    /// An account that the caller's own snapshots are shared with.
    Account(AccountId),
}

impl Restorer {
    fn can_restore(&self, snapshot: &Snapshot, caller: &AccountId) -> bool {
        let shared_with = |account| snapshot.create_volume_permissions.contains(account);
        match self {
            Self::Caller => snapshot.owner == *caller || shared_with(caller),
            Self::Everybody => snapshot.public,
            Self::Account(account) => snapshot.owner == *account || snapshot.owner == *caller && shared_with(account),
        }
    }
}

/// A snapshot as that account sees it: its tags are its owner's only.
fn as_seen<'s>(snapshot: &'s Snapshot, account: &AccountId) -> Cow<'s, Snapshot> {
    if snapshot.owner == *account { Cow::Borrowed(snapshot) } else { Cow::Owned(Snapshot { tags: Tags::new(), ..snapshot.clone() }) }
}

pub(super) fn write_snapshot(xml: &mut Xml, snapshot: &Snapshot) {
    let completed = snapshot.state == SnapshotState::Completed;
    xml.leaf("snapshotId", &snapshot.id)
        .leaf("volumeId", &snapshot.volume_id)
        .leaf("status", snapshot.state)
        .leaf_if_some("statusMessage", snapshot.state_message.as_ref())
        .leaf("startTime", milliseconds(snapshot.started))
        .leaf("progress", format_args!("{}%", snapshot.progress))
        .leaf("ownerId", &snapshot.owner)
        .leaf("volumeSize", snapshot.volume_size)
        .leaf("description", &snapshot.description)
        .leaf("encrypted", snapshot.encrypted)
        .leaf_if_some("kmsKeyId", snapshot.kms_key_id.as_ref())
        .leaf("storageTier", &snapshot.storage_tier)
        .leaf_if_some("restoreExpiryTime", snapshot.tiering.as_ref().and_then(Tiering::restore_expires).map(milliseconds))
        .leaf("transferType", if snapshot.completion_minutes.is_some() { "time-based" } else { "standard" })
        .leaf_if_some("completionDurationMinutes", snapshot.completion_minutes)
        .leaf_if_some("completionTime", completed.then(|| milliseconds(snapshot.ends)));
    write_tags(xml, &snapshot.tags);
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, DB, WEB, noon};
    use crate::world::World;

    #[test]
    fn filters() {
        let ec2 = Client::of_example();
        let web = ec2.available_image(WEB, "web");
        ec2.available_image(DB, "database");
        let count = |name, value: &str| {
            let params = [("Owner.1", "self"), ("Filter.1.Name", name), ("Filter.1.Value.1", value)];
            ec2.ok("DescribeSnapshots", &params).texts("snapshotId").len()
        };
        assert_eq!(count("description", &format!("*for {web}*")), 1);
        assert_eq!(count("status", "completed"), 4);
        assert_eq!(count("volume-size", "500"), 1);
        assert_eq!(count("volume-id", "vol-0db*"), 3);
        assert_eq!(count("storage-tier", "archive"), 0);
        assert_eq!(count("progress", "100%"), 4);
        assert_eq!(count("encrypted", "false"), 4);
        assert_eq!(count("start-time", "2026-11-22T12:1*"), 3);
        assert_eq!(count("owner-id", "123456789012"), 4);
        assert_eq!(count("tag-key", "Name"), 0);
    }

    #[test]
    fn leaves_out_what_belongs_to_others_and_fails_on_what_does_not_exist() {
        let mut world = World::example(1, noon());
        world.access_keys.insert("AKIDOTHER".to_owned(), "210987654321".parse().unwrap());
        let ec2 = Client::of(world);
        let image = ec2.available_image(WEB, "web");
        let id = ec2.snapshots_of(&image)[0].id.to_string();
        let stranger = ec2.with_key("AKIDOTHER");
        assert_eq!(stranger.ok("DescribeSnapshots", &[("SnapshotId.1", &id)]).texts("snapshotId"), [""; 0]);
        assert_eq!(ec2.ok("DescribeSnapshots", &[("SnapshotId.1", &id)]).texts("snapshotId"), [id]);
        assert_snapshot!(
            ec2.error("DescribeSnapshots", &[("SnapshotId.1", "snap-00000000")]),
            @"InvalidSnapshot.NotFound: The snapshot 'snap-00000000' does not exist."
        );
    }

    #[test]
    fn pages_have_five_at_least() {
        let ec2 = Client::of_example();
        assert_snapshot!(
            ec2.error("DescribeSnapshots", &[("MaxResults", "3")]),
            @"InvalidParameterValue: Value ( 3 ) for parameter maxResults is invalid. Expecting a value greater than 5."
        );
        assert_snapshot!(
            ec2.error("DescribeSnapshots", &[("MaxResults", "5"), ("SnapshotId.1", "snap-12345678")]),
            @"InvalidParameterCombination: The parameter snapshotSet cannot be used with the parameter maxResults"
        );
        ec2.ok("DescribeSnapshots", &[("MaxResults", "5000")]);
    }
}
