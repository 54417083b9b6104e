//! `LockSnapshot`: locks a snapshot against deletion, or changes the lock that is on it. One that nobody can
//! take off any more can only be made to last longer.
//!
//! What its refusals are called is not documented.

use jiff::{SignedDuration, Timestamp};

use super::Action;
use super::describe_locked_snapshots::{write_cool_off, write_instant};
use crate::clock::later;
use crate::error::Error;
use crate::id::SnapshotId;
use crate::query::Params;
use crate::reference::snapshot_id;
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::world::{CoolOff, Lock, LockMode, LockState, LockTerm, SnapshotState};
use crate::xml::Xml;

/// A hundred years.
const MOST_DAYS: u32 = 36_500;
const MOST_HOURS: u32 = 72;

pub(super) struct LockSnapshot {
    snapshot_id: SnapshotId,
    mode: LockMode,
    cool_off_hours: Option<u32>,
    term: LockTerm,
}

impl Action for LockSnapshot {
    const NAME: &str = "LockSnapshot";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let mode = match params.required("LockMode")?.as_str() {
            "governance" => LockMode::Governance,
            "compliance" => LockMode::Compliance,
            other => return Err(Error::invalid_parameter_value(format!("Invalid value '{other}' for LockMode."))),
        };
        let cool_off_hours = number_within(params, "CoolOffPeriod", MOST_HOURS)?;
        if mode == LockMode::Governance && cool_off_hours.is_some() {
            return Err(Error::invalid_parameter_combination("CoolOffPeriod cannot be specified with the lock mode 'governance'."));
        }
        Ok(Self { snapshot_id: snapshot_id(&params.required("SnapshotId")?)?, mode, cool_off_hours, term: take_term(params)? })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Snapshot(self.snapshot_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let now = scope.now();
        if let LockTerm::Until(at) = self.term
            && at <= now
        {
            return Err(Error::invalid_parameter_value("ExpirationDate must be in the future."));
        }
        let snapshot = scope.snapshot_mut(&self.snapshot_id)?;
        if snapshot.state == SnapshotState::Error || snapshot.delete_at_end {
            return Err(Error::new(
                "IncorrectState",
                format!("Snapshot '{}' cannot be locked: it is in error, or being deleted.", snapshot.id),
            ));
        }
        // Its days count on when they are changed. (Not documented.)
        let lock = match snapshot.lock.as_ref().filter(|lock| lock.holds(now)) {
            Some(old) => self.changed(old, now)?,
            None => self.lock(now, (snapshot.state == SnapshotState::Completed).then_some(now), now),
        };
        write_lock(answer, &self.snapshot_id, &lock, now);
        snapshot.lock = Some(lock);
        Ok(())
    }
}

impl LockSnapshot {
    fn lock(&self, created: Timestamp, started: Option<Timestamp>, now: Timestamp) -> Lock {
        let cool_off = self.cool_off_hours.map(|hours| CoolOff { hours, until: later(now, SignedDuration::from_hours(i64::from(hours))) });
        Lock { mode: self.mode, created, cool_off, term: self.term, started }
    }

    /// The lock that comes instead of one that holds.
    fn changed(&self, old: &Lock, now: Timestamp) -> Result<Lock, Error> {
        let new = self.lock(old.created, old.started, now);
        if old.state(now) != LockState::Compliance {
            return Ok(new);
        }
        if self.cool_off_hours.is_some() {
            return Err(Error::invalid_parameter_combination("CoolOffPeriod cannot be specified once the cooling-off period is over."));
        }
        let started = old.started.unwrap_or(now);
        if self.mode != LockMode::Compliance || new.expires_if_started(started) < old.expires_if_started(started) {
            return Err(Error::new(
                "OperationNotPermitted",
                format!("The snapshot '{}' is locked in compliance mode: its lock can only be extended.", self.snapshot_id),
            ));
        }
        Ok(Lock { cool_off: old.cool_off, ..new })
    }
}

fn take_term(params: &mut Params) -> Result<LockTerm, Error> {
    match (number_within(params, "LockDuration", MOST_DAYS)?, params.text("ExpirationDate")) {
        (Some(days), None) => Ok(LockTerm::Days(days)),
        (None, Some(date)) => {
            let at = date.parse().map_err(|_| Error::invalid_parameter_value(format!("Invalid value '{date}' for ExpirationDate.")))?;
            Ok(LockTerm::Until(at))
        }
        (None, None) => Err(Error::missing_parameter("LockDuration or ExpirationDate")),
        (Some(_), Some(_)) => Err(Error::invalid_parameter_combination("LockDuration and ExpirationDate exclude each other.")),
    }
}

fn number_within(params: &mut Params, name: &str, most: u32) -> Result<Option<u32>, Error> {
    match params.number(name)? {
        Some(number) if !(1..=most).contains(&number) => {
            Err(Error::invalid_parameter_value(format!("Invalid value '{number}' for {name}. It must be from 1 to {most}.")))
        }
        number => Ok(number),
    }
}

fn write_lock(xml: &mut Xml, snapshot: &SnapshotId, lock: &Lock, now: Timestamp) {
    xml.leaf("snapshotId", snapshot).leaf("lockState", lock.state(now));
    write_cool_off(xml, lock);
    write_instant(xml, "lockCreatedOn", Some(lock.created));
    write_instant(xml, "lockExpiresOn", lock.expires());
    write_instant(xml, "lockDurationStartTime", lock.started);
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use crate::testing::{Client, WEB, noon};
    use crate::world::World;

    const VOLUME: (&str, &str) = ("VolumeId", "vol-0eb1eb1eb1eb10001");
    const DAY: i64 = 24 * 3600;

    fn completed(ec2: &Client) -> String {
        let id = ec2.ok("CreateSnapshot", &[VOLUME]).text("snapshotId");
        ec2.wait(60);
        id
    }

    fn lock(ec2: &Client, id: &str, more: &[(&str, &str)]) -> String {
        ec2.ok("LockSnapshot", &[&[("SnapshotId", id)], more].concat()).text("lockState")
    }

    fn refused(ec2: &Client, id: &str, more: &[(&str, &str)]) -> String {
        ec2.error("LockSnapshot", &[&[("SnapshotId", id)], more].concat()).replace(id, "snap-…")
    }

    fn state(ec2: &Client) -> String {
        ec2.ok("DescribeLockedSnapshots", &[]).text("lockState")
    }

    const GOVERNANCE: (&str, &str) = ("LockMode", "governance");
    const COMPLIANCE: (&str, &str) = ("LockMode", "compliance");

    #[tokio::test(start_paused = true)]
    async fn answers_with_the_lock() {
        let ec2 = Client::of_example();
        let id = completed(&ec2);
        let params = [("SnapshotId", &id[..]), COMPLIANCE, ("CoolOffPeriod", "3"), ("LockDuration", "7")];
        assert_snapshot!(ec2.ok("LockSnapshot", &params).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <LockSnapshotResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>984e7bc9-b2d5-4de0-ae20-61a98730e47f</requestId>
            <snapshotId>snap-0c9ea446896d8c9b6</snapshotId>
            <lockState>compliance-cooloff</lockState>
            <lockDuration>7</lockDuration>
            <coolOffPeriod>3</coolOffPeriod>
            <coolOffPeriodExpiresOn>2026-11-22T15:01:00.000Z</coolOffPeriodExpiresOn>
            <lockCreatedOn>2026-11-22T12:01:00.000Z</lockCreatedOn>
            <lockExpiresOn>2026-11-29T12:01:00.000Z</lockExpiresOn>
            <lockDurationStartTime>2026-11-22T12:01:00.000Z</lockDurationStartTime>
        </LockSnapshotResponse>
        "#);
    }

    #[test]
    fn governance_holds_until_it_expires() {
        let ec2 = Client::of_example();
        let id = completed(&ec2);
        assert_eq!(lock(&ec2, &id, &[GOVERNANCE, ("LockDuration", "2")]), "governance");
        ec2.wait(2 * DAY - 1);
        assert!(ec2.error("DeleteSnapshot", &[("SnapshotId", &id)]).starts_with("OperationNotPermitted"));
        ec2.wait(1);
        assert_eq!(state(&ec2), "expired");
        // It can be locked anew, and its days begin anew.
        assert_eq!(lock(&ec2, &id, &[GOVERNANCE, ("LockDuration", "1")]), "governance");
        ec2.wait(DAY);
        ec2.ok("DeleteSnapshot", &[("SnapshotId", &id)]);
    }

    #[test]
    fn an_expiration_date_ends_it() {
        let ec2 = Client::of_example();
        let id = completed(&ec2);
        assert_eq!(lock(&ec2, &id, &[GOVERNANCE, ("ExpirationDate", "2026-11-23T00:00:00.000Z")]), "governance");
        ec2.wait(DAY / 2);
        assert_eq!(state(&ec2), "expired");
        assert_snapshot!(
            refused(&ec2, &id, &[GOVERNANCE, ("ExpirationDate", "2026-11-23T00:00:00.000Z")]),
            @"InvalidParameterValue: ExpirationDate must be in the future."
        );
    }

    #[test]
    fn governance_can_be_changed_in_every_way() {
        let ec2 = Client::of_example();
        let id = completed(&ec2);
        lock(&ec2, &id, &[GOVERNANCE, ("LockDuration", "30")]);
        ec2.wait(DAY);
        lock(&ec2, &id, &[GOVERNANCE, ("LockDuration", "2")]);
        // The days that are over count.
        ec2.wait(DAY - 61);
        assert_eq!(state(&ec2), "governance");
        ec2.wait(61);
        assert_eq!(state(&ec2), "expired");
        lock(&ec2, &id, &[GOVERNANCE, ("LockDuration", "30")]);
        assert_eq!(lock(&ec2, &id, &[COMPLIANCE, ("LockDuration", "1")]), "compliance");
    }

    #[test]
    fn compliance_can_be_changed_while_it_cools_off_and_extended_after() {
        let ec2 = Client::of_example();
        let id = completed(&ec2);
        lock(&ec2, &id, &[COMPLIANCE, ("LockDuration", "30"), ("CoolOffPeriod", "1")]);
        lock(&ec2, &id, &[GOVERNANCE, ("LockDuration", "30")]);
        lock(&ec2, &id, &[COMPLIANCE, ("LockDuration", "10"), ("CoolOffPeriod", "1")]);
        ec2.wait(3599);
        assert_eq!(state(&ec2), "compliance-cooloff");
        ec2.wait(1);
        assert_eq!(state(&ec2), "compliance");
        assert_snapshot!(
            refused(&ec2, &id, &[GOVERNANCE, ("LockDuration", "10")]),
            @"OperationNotPermitted: The snapshot 'snap-…' is locked in compliance mode: its lock can only be extended."
        );
        assert!(refused(&ec2, &id, &[COMPLIANCE, ("LockDuration", "9")]).starts_with("OperationNotPermitted"));
        assert_snapshot!(
            refused(&ec2, &id, &[COMPLIANCE, ("LockDuration", "11"), ("CoolOffPeriod", "1")]),
            @"InvalidParameterCombination: CoolOffPeriod cannot be specified once the cooling-off period is over."
        );
        lock(&ec2, &id, &[COMPLIANCE, ("LockDuration", "11")]);
        assert!(ec2.error("UnlockSnapshot", &[("SnapshotId", &id)]).starts_with("OperationNotPermitted"));
        ec2.wait(11 * DAY);
        ec2.ok("DeleteSnapshot", &[("SnapshotId", &id)]);
    }

    #[test]
    fn the_days_of_a_pending_snapshot_begin_when_it_is_complete() {
        let mut world = World::example(1, noon());
        world.speed = 1.0 / 3600.0;
        let ec2 = Client::of(world);
        let id = ec2.ok("CreateSnapshot", &[VOLUME]).text("snapshotId");
        let answer = ec2.ok("LockSnapshot", &[("SnapshotId", &id), GOVERNANCE, ("LockDuration", "1")]);
        assert_eq!((answer.texts("lockExpiresOn").len(), answer.texts("lockDurationStartTime").len()), (0, 0));
        assert!(ec2.error("DeleteSnapshot", &[("SnapshotId", &id)]).starts_with("OperationNotPermitted"));
        // 47 seconds of EC2's take 47 hours here.
        ec2.wait(47 * 3600 + DAY - 1);
        assert_eq!(state(&ec2), "governance");
        ec2.wait(1);
        assert_eq!(state(&ec2), "expired");
    }

    #[test]
    fn a_snapshot_that_fails_loses_its_lock() {
        let mut world = World::example(1, noon());
        world.fail_next.copy.push("Given key ID is not accessible".into());
        let ec2 = Client::of(world);
        let west = ec2.in_region("us-west-2");
        let source = ec2.available_image(WEB, "nightly");
        let copied = west.ok("CopyImage", &[("SourceRegion", "us-east-1"), ("SourceImageId", &source), ("Name", "copy")]).text("imageId");
        west.wait(10);
        let id = west.snapshots_of(&copied)[0].id.to_string();
        lock(&west, &id, &[COMPLIANCE, ("LockDuration", "1")]);
        west.wait(600);
        assert_eq!(west.ok("DescribeLockedSnapshots", &[]).texts("lockState"), [""; 0]);
        assert_snapshot!(
            refused(&west, &id, &[GOVERNANCE, ("LockDuration", "1")]),
            @"IncorrectState: Snapshot 'snap-…' cannot be locked: it is in error, or being deleted."
        );
    }

    #[test]
    fn the_image_of_a_locked_snapshot_can_go_and_its_snapshot_stays() {
        let ec2 = Client::of_example();
        let image = ec2.available_image(WEB, "nightly");
        let id = ec2.snapshots_of(&image)[0].id.to_string();
        lock(&ec2, &id, &[GOVERNANCE, ("LockDuration", "1")]);
        let answer = ec2.ok("DeregisterImage", &[("ImageId", &image), ("DeleteAssociatedSnapshots", "true")]);
        assert_eq!(answer.text("returnCode"), "client-error");
        assert_eq!(ec2.ok("DescribeSnapshots", &[("Owner.1", "self")]).texts("snapshotId"), [id]);
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = Client::of_example();
        let id = completed(&ec2);
        let days = ("LockDuration", "1");
        assert_snapshot!(refused(&ec2, &id, &[days]), @"MissingParameter: The request must contain the parameter LockMode");
        assert_snapshot!(refused(&ec2, &id, &[("LockMode", "strict"), days]), @"InvalidParameterValue: Invalid value 'strict' for LockMode.");
        assert_snapshot!(refused(&ec2, &id, &[GOVERNANCE]), @"MissingParameter: The request must contain the parameter LockDuration or ExpirationDate");
        assert_snapshot!(
            refused(&ec2, &id, &[GOVERNANCE, days, ("ExpirationDate", "2027-01-01T00:00:00Z")]),
            @"InvalidParameterCombination: LockDuration and ExpirationDate exclude each other."
        );
        assert_snapshot!(
            refused(&ec2, &id, &[GOVERNANCE, ("LockDuration", "36501")]),
            @"InvalidParameterValue: Invalid value '36501' for LockDuration. It must be from 1 to 36500."
        );
        assert_snapshot!(
            refused(&ec2, &id, &[GOVERNANCE, ("ExpirationDate", "tomorrow")]),
            @"InvalidParameterValue: Invalid value 'tomorrow' for ExpirationDate."
        );
        assert_snapshot!(
            refused(&ec2, &id, &[GOVERNANCE, days, ("CoolOffPeriod", "1")]),
            @"InvalidParameterCombination: CoolOffPeriod cannot be specified with the lock mode 'governance'."
        );
        assert_snapshot!(
            refused(&ec2, &id, &[COMPLIANCE, days, ("CoolOffPeriod", "73")]),
            @"InvalidParameterValue: Invalid value '73' for CoolOffPeriod. It must be from 1 to 72."
        );
        assert!(refused(&ec2, "snap-00000000", &[GOVERNANCE, days]).starts_with("InvalidSnapshot.NotFound"));
        assert!(refused(&ec2, "nightly", &[GOVERNANCE, days]).starts_with("InvalidSnapshotID.Malformed"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever is asked of it, a lock that nobody can take off never holds for less long than it did.
        #[test]
        fn compliance_never_shrinks(
            changes in prop::collection::vec((any::<bool>(), 1_u32..20, prop::option::of(1_u32..72), any::<bool>(), 0_i64..4 * DAY), 1..12)
        ) {
            let ec2 = Client::of_example();
            let id = completed(&ec2);
            let held = |ec2: &Client| ec2.sim.world().region("us-east-1").snapshots[&id[..]].lock.clone();
            for (compliance, days, cool_off, unlock, seconds) in changes {
                let before = held(&ec2);
                let now = ec2.sim.now();
                let (days, hours) = (days.to_string(), cool_off.unwrap_or(0).to_string());
                let mut params = vec![("SnapshotId", &id[..]), if compliance { COMPLIANCE } else { GOVERNANCE }, ("LockDuration", &days)];
                if compliance && cool_off.is_some() {
                    params.push(("CoolOffPeriod", &hours));
                }
                let answer = if unlock { ec2.call("UnlockSnapshot", &params[..1]) } else { ec2.call("LockSnapshot", &params) };
                prop_assert!(matches!(answer.status, 200 | 400));
                if let Some(before) = before.filter(|lock| lock.state(now).to_string() == "compliance") {
                    let after = held(&ec2).unwrap();
                    prop_assert!(after.state(now).to_string() == "compliance" && after.expires() >= before.expires());
                }
                ec2.wait(seconds);
            }
        }
    }
}
