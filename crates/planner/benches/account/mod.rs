//! An account with so many backups, for what is measured: the same one every time.
//!
//! Each backup has three volumes, all three snapshots bear its tags, and ids are in no order, as on EC2.

#![allow(dead_code, reason = "no bench measures all of it")]
#![allow(clippy::unwrap_used, reason = "what is made up here is well formed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use planner::Inventory;
use planner::evidence::{Answer, Evidence};
use planner::id::{InstanceId, Region};
use planner::inventory::{Image, ImageState, Mapping, Protection, RegionView, Scope, Snapshot, SnapshotState};
use planner::policy::file::{Policy, SELF};
use planner::policy::{PurgePolicy, SeriesRules};
use planner::tags::{TagKeys, Tags};

/// The region all of it is in.
pub(crate) const HOME: &str = "us-east-1";
/// Whose all of it is.
const ACCOUNT: &str = "123456789012";
/// How many snapshots each backup has.
pub(crate) const SNAPSHOTS: u64 = 3;

/// How the backups come to go.
#[derive(Clone, Copy)]
pub(crate) enum Release {
    /// By an `Expire` tag: of every second one it is past.
    Expiry,
    /// By the keep rules of the series they are of.
    Rules,
}

/// The moment at which all is planned.
pub(crate) fn now() -> Timestamp {
    parsed("2026-11-23T02:30:00Z")
}

/// Of each instance so many backups, one an hour up to now; all in one region, and nothing speaks against their going.
pub(crate) fn account(backups: u64, of_each: u64, release: Release) -> Inventory {
    let mut view = RegionView { scope: Scope::Whole, images: Vec::new(), snapshots: Vec::new(), evidence: Evidence::default() };
    let mut keys = TagKeys::default();
    for number in 0..backups {
        let (image, snapshots) = backup(number, of_each, release, &mut keys);
        view.images.push(image);
        view.snapshots.extend(snapshots);
    }
    let asked: BTreeMap<_, _> = view.images.iter().map(|image| (image.id.clone(), Vec::new())).collect();
    view.evidence = Evidence {
        references: Answer::Told(asked),
        launch_configurations: Answer::Told(BTreeMap::new()),
        locks: Answer::Told(BTreeMap::new()),
        binned: Answer::Told(BTreeSet::new()),
    };
    Inventory { account: Some(parsed(ACCOUNT)), regions: BTreeMap::from([(parsed(HOME), view)]) }
}

/// One backup of them, and its snapshots.
pub(crate) fn backup(number: u64, of_each: u64, release: Release, keys: &mut TagKeys) -> (Image, Vec<Snapshot>) {
    let (instance, age) = (number / of_each, number % of_each);
    let slot = now() - SignedDuration::from_mins(30) - SignedDuration::from_hours(i64::try_from(age).unwrap());
    let source: InstanceId = parsed(&format!("i-{instance:017x}"));
    let tags = tags(&source, slot, release, number, keys);
    let id = parsed(&format!("ami-{}", scattered(number)));
    let ids = (0..SNAPSHOTS).map(|volume| format!("snap-{}", scattered(number * SNAPSHOTS + volume)));
    let snapshots: Vec<Snapshot> = ids
        .map(|text| Snapshot {
            id: parsed(&text),
            owner: Some(parsed(ACCOUNT)),
            state: SnapshotState::Completed,
            started: Some(slot),
            made_for: Some(parsed(&format!("ami-{}", scattered(number)))),
            tags: tags.clone(),
        })
        .collect();
    let mappings = snapshots.iter().zip('a'..).map(|(snapshot, letter)| Mapping {
        device: format!("/dev/sd{letter}").into(),
        snapshot: Some(snapshot.id.clone()),
        encrypted: false,
        size_gib: Some(8),
    });
    let image = Image {
        id,
        owner: Some(parsed(ACCOUNT)),
        name: Some(format!("backup-ami_web-{instance}_{source}_{}_0a1b2c3d", slot.strftime("%Y%m%dT%H%M%SZ"))),
        state: ImageState::Available,
        state_reason: None,
        created: Some(slot),
        source_instance: Some(source),
        source_image: None,
        protection: Protection::Off,
        deprecation: None,
        mappings: mappings.collect(),
        tags,
    };
    (image, snapshots)
}

/// The tags that such a backup and its snapshots bear.
fn tags(instance: &InstanceId, slot: Timestamp, release: Release, number: u64, keys: &mut TagKeys) -> Tags {
    let days = if number.is_multiple_of(2) { -1 } else { 7 };
    let (key, value) = match release {
        Release::Expiry => ("Expire", (now() + SignedDuration::from_hours(24 * days)).to_string()),
        Release::Rules => ("ami-backup:series", "nightly".to_owned()),
    };
    let own = [
        ("Name", format!("backup-ami@{instance}")),
        ("Instance", instance.to_string()),
        ("Date", slot.to_string()),
        ("Creator", "image-instance".to_owned()),
        ("AvailabilityZone", format!("{HOME}a")),
        (key, value),
    ];
    keys.tags(own)
}

/// What a purge of the account is under.
pub(crate) fn purge_policy(release: Release) -> PurgePolicy {
    let series = match release {
        Release::Expiry => None,
        Release::Rules => Some(rules()),
    };
    PurgePolicy { regions: BTreeSet::from([parsed::<Region>(HOME)]), require_checks: true, series, ..PurgePolicy::default() }
}

/// Those of one target for all instances, in a zone where the clocks change.
fn rules() -> SeriesRules {
    let text = "[[target]]\nname = 'nightly'\nselect = { all = true }\nschedule = '@hourly'\ntime-zone = 'Europe/Paris'\n\
                keep-hourly = 24\nkeep-daily = 7\nkeep-weekly = 4\nkeep-monthly = 12";
    planner::plan::due::rules(&policy(text), SELF, &[])
}

/// The policy that a file says.
pub(crate) fn policy(text: &str) -> Policy {
    Policy::read(text, "ami-backup.toml").unwrap().0
}

/// 17 hexadecimal digits, other ones for each number and in no order.
fn scattered(number: u64) -> String {
    format!("{:017x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn parsed<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}
