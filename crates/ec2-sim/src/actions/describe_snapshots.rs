//! `DescribeSnapshots`: the caller's snapshots. (None are shared here, and none are public.)

use std::collections::BTreeSet;

use super::Action;
use crate::clock::milliseconds;
use crate::error::Error;
use crate::filter::{Filters, Known};
use crate::id::{AccountId, SnapshotId};
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::scope::{Scope, no_such_snapshot, snapshot_id};
use crate::tagging::write_tags;
use crate::world::{Snapshot, SnapshotState};
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
    filters: Filters<Snapshot>,
    paging: Paging,
}

impl Action for DescribeSnapshots {
    const NAME: &str = "DescribeSnapshots";

    fn take(params: &mut Params) -> Result<Self, Error> {
        // Whoever owns a snapshot can restore it, and there are no others to be seen.
        params.ignore(&["RestorableBy"]);
        Ok(Self {
            ids: params.list("SnapshotId"),
            owners: params.list("Owner"),
            filters: Filters::take(params, FILTERS)?,
            paging: Paging::take(params),
        })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, !self.ids.is_empty(), scope)?;
        let ids = self.ids(scope)?;
        let owners = self.owners(scope)?;
        let snapshots = scope.snapshots().filter(|snapshot| {
            (self.ids.is_empty() || ids.contains(&snapshot.id)) && (self.owners.is_empty() || owners.contains(&snapshot.owner))
        });
        let (snapshots, next) = page.cut(snapshots, |snapshot| snapshot.id.to_string(), |snapshot| self.filters.matches(snapshot));
        answer.items("snapshotSet", snapshots, write_snapshot).leaf_if_some("nextToken", next);
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

    fn owners(&self, scope: &Scope) -> Result<BTreeSet<AccountId>, Error> {
        self.owners
            .iter()
            .filter(|owner| *owner != "amazon")
            .map(|owner| match owner.as_str() {
                "self" => Ok(scope.account.clone()),
                id => id.parse().map_err(|_| Error::new("InvalidUserID.Malformed", format!("Invalid user id: \"{owner}\""))),
            })
            .collect()
    }
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
        .leaf("transferType", "standard")
        .leaf_if_some("completionTime", completed.then(|| milliseconds(snapshot.ends)));
    write_tags(xml, &snapshot.tags);
}
