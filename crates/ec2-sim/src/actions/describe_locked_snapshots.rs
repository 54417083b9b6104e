//! `DescribeLockedSnapshots`: the caller's snapshots that have a lock, be it an expired one. Nothing else
//! tells of locks.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Action;
use crate::clock::milliseconds;
use crate::error::Error;
use crate::filter::{Filters, Known, Tagged};
use crate::id::{AccountId, SnapshotId};
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::reference::snapshot_id;
use crate::scope::Scope;
use crate::world::{Lock, LockState, LockTerm, Tags};
use crate::xml::Xml;

/// Whether ids exclude pages is not documented.
const PAGES: Rule = Rule { least: 5, most: 1000, ids: None };

const FILTERS: Known<Locked> = &[("lock-state", |locked| vec![locked.state.to_string()])];

pub(super) struct DescribeLockedSnapshots {
    ids: Vec<String>,
    filters: Filters<Locked>,
    paging: Paging,
}

/// A lock as it is at the time of the call.
struct Locked {
    owner: AccountId,
    snapshot: SnapshotId,
    lock: Lock,
    state: LockState,
    tags: Tags,
}

impl Tagged for Locked {
    fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl Action for DescribeLockedSnapshots {
    const NAME: &str = "DescribeLockedSnapshots";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { ids: params.list("SnapshotId"), filters: Filters::take(params, FILTERS)?.without_tags()?, paging: Paging::take(params) })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, !self.ids.is_empty(), scope)?;
        let ids: BTreeSet<SnapshotId> = self.ids.iter().map(|id| snapshot_id(id)).collect::<Result<_, _>>()?;
        for id in &ids {
            scope.snapshot(id)?;
        }
        let now = scope.now();
        let locked = scope.snapshots().filter(|snapshot| ids.is_empty() || ids.contains(&snapshot.id)).filter_map(|snapshot| {
            let lock = snapshot.lock.clone().filter(|lock| scope.sees(lock.created))?;
            let (owner, id, tags) = (snapshot.owner.clone(), snapshot.id.clone(), snapshot.tags.clone());
            Some(Locked { owner, snapshot: id, state: lock.state(now), lock, tags })
        });
        let (locked, next) = page.cut(locked, |locked| Cow::Borrowed(locked.snapshot.as_ref()), |locked| self.filters.matches(locked));
        answer.items("snapshotSet", &locked, write_locked).leaf_if_some("nextToken", next);
        Ok(())
    }
}

fn write_locked(xml: &mut Xml, locked: &Locked) {
    xml.leaf("ownerId", &locked.owner).leaf("snapshotId", &locked.snapshot).leaf("lockState", locked.state);
    write_cool_off(xml, &locked.lock);
    write_instant(xml, "lockCreatedOn", Some(locked.lock.created));
    write_instant(xml, "lockDurationStartTime", locked.lock.started);
    write_instant(xml, "lockExpiresOn", locked.lock.expires());
}

/// The days of a lock, and the hours in which it can be taken off.
pub(super) fn write_cool_off(xml: &mut Xml, lock: &Lock) {
    if let LockTerm::Days(days) = lock.term {
        xml.leaf("lockDuration", days);
    }
    xml.leaf_if_some("coolOffPeriod", lock.cool_off.map(|cool_off| cool_off.hours));
    write_instant(xml, "coolOffPeriodExpiresOn", lock.cool_off.map(|cool_off| cool_off.until));
}

pub(super) fn write_instant(xml: &mut Xml, name: &str, at: Option<Timestamp>) {
    xml.leaf_if_some(name, at.map(milliseconds));
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::SignedDuration;

    use crate::testing::{Client, DB};

    fn locked(ec2: &Client) -> Vec<String> {
        let image = ec2.available_image(DB, "nightly");
        let ids: Vec<String> = ec2.snapshots_of(&image).iter().map(|snapshot| snapshot.id.to_string()).collect();
        let lock = |id: &str, more: &[(&str, &str)]| ec2.ok("LockSnapshot", &[&[("SnapshotId", id)], more].concat());
        lock(&ids[0], &[("LockMode", "governance"), ("ExpirationDate", "2027-01-01T00:00:00Z")]);
        lock(&ids[1], &[("LockMode", "compliance"), ("LockDuration", "1")]);
        ids
    }

    #[tokio::test(start_paused = true)]
    async fn tells_of_locks() {
        let ec2 = Client::of_example();
        let ids = locked(&ec2);
        assert_snapshot!(ec2.ok("DescribeLockedSnapshots", &[("SnapshotId.1", &ids[0]), ("SnapshotId.2", &ids[2])]).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeLockedSnapshotsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>6949a95a-0d1e-4837-a8bd-a89052f12760</requestId>
            <snapshotSet>
                <item>
                    <ownerId>123456789012</ownerId>
                    <snapshotId>snap-0c9ea446896d8c9b6</snapshotId>
                    <lockState>governance</lockState>
                    <lockCreatedOn>2026-11-22T12:10:00.000Z</lockCreatedOn>
                    <lockDurationStartTime>2026-11-22T12:10:00.000Z</lockDurationStartTime>
                    <lockExpiresOn>2027-01-01T00:00:00.000Z</lockExpiresOn>
                </item>
            </snapshotSet>
        </DescribeLockedSnapshotsResponse>
        "#);
        let with_state = |state| ec2.ok("DescribeLockedSnapshots", &[("Filter.1.Name", "lock-state"), ("Filter.1.Value.1", state)]);
        assert_eq!(with_state("governance").texts("snapshotId"), [&ids[0][..]]);
        assert_eq!(with_state("compliance").texts("snapshotId"), [&ids[1][..]]);
        assert_eq!(with_state("expired").texts("snapshotId"), [""; 0]);
        ec2.wait(24 * 3600);
        assert_eq!(with_state("expired").texts("snapshotId"), [&ids[1][..]]);
        // Nothing else tells of them.
        assert!(!ec2.ok("DescribeSnapshots", &[("Owner.1", "self")]).body.to_lowercase().contains("lock"));
    }

    #[test]
    fn what_was_just_locked_may_not_be_seen_yet_and_holds_all_the_same() {
        let ec2 = Client::of_example();
        ec2.sim.world().manners.visibility_lag = SignedDuration::from_secs(10);
        let id = ec2.ok("CreateSnapshot", &[("VolumeId", "vol-0eb1eb1eb1eb10001")]).text("snapshotId");
        ec2.wait(600);
        ec2.ok("LockSnapshot", &[("SnapshotId", &id), ("LockMode", "governance"), ("LockDuration", "1")]);
        ec2.wait(9);
        assert_eq!(ec2.ok("DescribeLockedSnapshots", &[]).texts("snapshotId"), [""; 0]);
        assert!(ec2.error("DeleteSnapshot", &[("SnapshotId", &id)]).starts_with("OperationNotPermitted"));
        ec2.wait(1);
        assert_eq!(ec2.ok("DescribeLockedSnapshots", &[]).texts("snapshotId"), [id]);
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = Client::of_example();
        let describe = |params: &[(&str, &str)]| ec2.error("DescribeLockedSnapshots", params);
        assert_snapshot!(describe(&[("SnapshotId.1", "snap-00000000")]), @"InvalidSnapshot.NotFound: The snapshot 'snap-00000000' does not exist.");
        assert_snapshot!(
            describe(&[("MaxResults", "4")]),
            @"InvalidParameterValue: Value ( 4 ) for parameter maxResults is invalid. Expecting a value greater than 5."
        );
        // It has no tag filters.
        for name in ["tag:Name", "tag-key", "tag-value", "snapshot-id"] {
            let refused = describe(&[("Filter.1.Name", name), ("Filter.1.Value.1", "x")]);
            assert_eq!(refused, format!("InvalidParameterValue: The filter '{name}' is invalid"));
        }
        ec2.ok("DescribeLockedSnapshots", &[("MaxResults", "5")]);
    }
}
