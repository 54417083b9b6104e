//! A small language for tests to tell what is on EC2:
//! `world().with(backup("ami-1").expired().with_snapshot("snap-1"))`.
//!
//! What is not told is as usual: all of it is in us-east-1, which was wholly seen; a backup is available, of `i-1`, ten
//! days old and without expiry; a snapshot bears its image's tags. Short ids stand for long ones: `ami-1` is `ami-00000001`.
//! Nobody has asked EC2 what speaks against a deletion, until it is told what it answered.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

use crate::evidence::{Answer, Check, Evidence, Reference, ReferenceKind};
use crate::fleet::{Instance, Volume};
use crate::id::{InstanceId, Region, SnapshotId};
use crate::inventory::{Image, ImageState, Inventory, Mapping, Protection, RegionView, Scope, Snapshot, SnapshotState, SourceImage};
use crate::plan::purge::{Decision, Subject, Verdict};
use crate::plan::{Action, Plan};
use crate::policy::PurgePolicy;
use crate::policy::select::InstanceState;
use crate::tags::{PIN, SERIES, Tags};

pub(crate) const HOME: &str = "us-east-1";
pub(crate) const OURS: &str = "123456789012";
pub(crate) const THEIRS: &str = "999999999999";

pub(crate) fn now() -> Timestamp {
    at("2026-11-23T02:00:00Z")
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The id that a short one stands for.
pub(crate) fn id<T: FromStr<Err: Debug>>(short: &str) -> T {
    let (kind, digits) = short.rsplit_once('-').unwrap();
    format!("{kind}-{digits:0>8}").parse().unwrap()
}

pub(crate) fn region(name: &str) -> Region {
    name.parse().unwrap()
}

pub(crate) fn short(id: impl Display) -> String {
    let id = id.to_string();
    let (kind, digits) = id.rsplit_once('-').unwrap();
    format!("{kind}-{}", digits.trim_start_matches('0'))
}

pub(crate) fn tagged(tags: &Tags, key: &str, value: Option<&str>) -> Tags {
    let others = tags.iter().filter(|(other, _)| *other != key).map(|(key, value)| (key.to_owned(), value.to_owned()));
    Tags::new(others.chain(value.map(|value| (key.to_owned(), value.to_owned()))))
}

/// A policy that names every region there is anything told of.
pub(crate) fn policy(inventory: &Inventory) -> PurgePolicy {
    PurgePolicy { regions: inventory.regions.keys().cloned().collect(), ..PurgePolicy::default() }
}

pub(crate) fn world() -> Inventory {
    Inventory { account: Some(OURS.parse().unwrap()), ..Inventory::default() }.seen(HOME, Scope::Whole)
}

impl Inventory {
    pub(crate) fn seen(mut self, name: &str, scope: Scope) -> Self {
        let unseen = RegionView { scope: Scope::Whole, images: Vec::new(), snapshots: Vec::new(), evidence: Evidence::default() };
        self.regions.entry(region(name)).or_insert(unseen).scope = scope;
        self
    }

    pub(crate) fn with(self, thing: impl Thing) -> Self {
        self.with_in(HOME, thing)
    }

    pub(crate) fn with_in(mut self, name: &str, thing: impl Thing) -> Self {
        if !self.regions.contains_key(&region(name)) {
            self = self.seen(name, Scope::Whole);
        }
        thing.put_into(self.regions.get_mut(&region(name)).unwrap());
        self
    }

    /// Where every check was made of everything that has been told of so far, and nothing spoke against its going.
    pub(crate) fn checked(mut self) -> Self {
        for RegionView { images, evidence, .. } in self.regions.values_mut() {
            let asked = told(&mut evidence.references);
            for image in images {
                asked.entry(image.id.clone()).or_default();
            }
            told(&mut evidence.launch_configurations);
            told(&mut evidence.locks);
            told(&mut evidence.binned);
        }
        self
    }

    fn evidence(&mut self) -> &mut Evidence {
        &mut self.regions.get_mut(&region(HOME)).unwrap().evidence
    }

    /// Where EC2 told of something that refers to an image.
    pub(crate) fn referenced_by(mut self, kind: ReferenceKind, name: &str, image: &str) -> Self {
        let evidence = self.evidence();
        let list = match kind {
            ReferenceKind::LaunchConfiguration => &mut evidence.launch_configurations,
            _ => &mut evidence.references,
        };
        told(list).entry(id(image)).or_default().push(Reference { kind, name: name.to_owned() });
        self
    }

    /// Where EC2 told of a lock, in its word for it.
    pub(crate) fn locked(mut self, snapshot: &str, lock: &str) -> Self {
        told(&mut self.evidence().locks).insert(id(snapshot), lock.to_owned());
        self
    }

    /// Where EC2 told of an image in the Recycle Bin.
    pub(crate) fn binned(mut self, image: &str) -> Self {
        told(&mut self.evidence().binned).insert(id(image));
        self
    }

    /// Where a check was denied.
    pub(crate) fn denied(mut self, check: Check) -> Self {
        let why = format!("no {check:?} for you");
        self.evidence().unanswer(check, Some(why));
        self
    }

    /// Where EC2 was too busy for a check, or broke it off.
    pub(crate) fn broken_off(mut self, check: Check) -> Self {
        let evidence = self.evidence();
        let why = format!("{check:?} broke off");
        match check {
            Check::References => evidence.references = Answer::Failed(why),
            Check::LaunchConfigurations => evidence.launch_configurations = Answer::Failed(why),
            Check::Locks => evidence.locks = Answer::Failed(why),
            Check::RecycleBin => evidence.binned = Answer::Failed(why),
        }
        self
    }

    /// Where a check was not made.
    pub(crate) fn not_asked(mut self, check: Check) -> Self {
        self.evidence().unanswer(check, None);
        self
    }
}

impl Evidence {
    /// Takes an answer back: it could not be given, and why, or nobody asked.
    pub(crate) fn unanswer(&mut self, check: Check, why: Option<String>) {
        fn none<T>(why: Option<String>) -> Answer<T> {
            why.map_or(Answer::NotAsked, Answer::Unknown)
        }
        match check {
            Check::References => self.references = none(why),
            Check::LaunchConfigurations => self.launch_configurations = none(why),
            Check::Locks => self.locks = none(why),
            Check::RecycleBin => self.binned = none(why),
        }
    }
}

/// What EC2 told, to tell more of.
fn told<T: Default>(answer: &mut Answer<T>) -> &mut T {
    if answer.told().is_none() {
        *answer = Answer::Told(T::default());
    }
    let Answer::Told(told) = answer else { unreachable!() };
    told
}

/// What can be in a region.
pub(crate) trait Thing {
    fn put_into(self, view: &mut RegionView);
}

/// An image that is being told of, and its snapshots.
#[derive(Clone)]
pub(crate) struct TheImage {
    pub(crate) image: Image,
    snapshots: Vec<TheSnapshot>,
}

/// A snapshot that is being told of.
#[derive(Clone)]
pub(crate) struct TheSnapshot {
    pub(crate) snapshot: Snapshot,
    /// Its tags are its image's.
    tagged_alike: bool,
}

pub(crate) fn backup(short_id: &str) -> TheImage {
    let image = Image {
        id: id(short_id),
        owner: Some(OURS.parse().unwrap()),
        name: Some(format!("backup-of-{short_id}")),
        state: ImageState::Available,
        state_reason: None,
        created: None,
        source_instance: None,
        source_image: None,
        protection: Protection::Off,
        deprecation: None,
        mappings: Vec::new(),
        tags: Tags::new([("Creator".to_owned(), "image-instance".to_owned())]),
    };
    TheImage { image, snapshots: Vec::new() }.of("i-1").days_old(10)
}

/// A snapshot that bears our mark, of no image.
pub(crate) fn snapshot(short_id: &str) -> TheSnapshot {
    let snapshot = Snapshot {
        id: id(short_id),
        owner: Some(OURS.parse().unwrap()),
        state: SnapshotState::Completed,
        started: None,
        made_for: None,
        tags: Tags::new([("Creator".to_owned(), "image-instance".to_owned())]),
    };
    TheSnapshot { snapshot, tagged_alike: false }
}

/// A running instance with a root volume of 8 GiB and another one of 500 GiB.
pub(crate) fn instance(short_id: &str, tags: &[(&str, &str)]) -> Instance {
    Instance {
        id: id(short_id),
        region: region(HOME),
        availability_zone: "us-east-1a".to_owned(),
        state: InstanceState::Running,
        tags: Tags::new(tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))),
        root_device: Some("/dev/xvda".to_owned()),
        volumes: vec![volume("/dev/xvda", 8), volume("/dev/sdf", 500)],
    }
}

pub(crate) fn volume(device: &str, size_gib: u64) -> Volume {
    Volume { device: device.to_owned(), size_gib: Some(size_gib), tags: Tags::default() }
}

impl TheImage {
    pub(crate) fn of(mut self, instance: &str) -> Self {
        self.image.source_instance = Some(id(instance));
        let instance: InstanceId = id(instance);
        self.tagged("Instance", instance.as_str())
    }

    pub(crate) fn of_nobody(mut self) -> Self {
        self.image.source_instance = None;
        self.untagged("Instance")
    }

    pub(crate) fn tagged(mut self, key: &str, value: &str) -> Self {
        self.image.tags = tagged(&self.image.tags, key, Some(value));
        self
    }

    pub(crate) fn untagged(mut self, key: &str) -> Self {
        self.image.tags = tagged(&self.image.tags, key, None);
        self
    }

    pub(crate) fn expired(self) -> Self {
        self.expiring(-1)
    }

    /// Expiring so many hours from now.
    pub(crate) fn expiring(self, hours: i64) -> Self {
        let expire = now() + SignedDuration::from_hours(hours);
        self.tagged("Expire", &expire.to_string())
    }

    pub(crate) fn days_old(mut self, days: i64) -> Self {
        self.image.created = Some(now() - SignedDuration::from_hours(24 * days));
        self
    }

    pub(crate) fn of_unknown_age(mut self) -> Self {
        self.image.created = None;
        self
    }

    pub(crate) fn being(mut self, state: ImageState) -> Self {
        self.image.state = state;
        self
    }

    pub(crate) fn pending(self) -> Self {
        self.being(ImageState::Pending)
    }

    pub(crate) fn failed(self) -> Self {
        self.being(ImageState::Failed)
    }

    pub(crate) fn protected(mut self) -> Self {
        self.image.protection = Protection::On("enabled-with-cooldown".to_owned());
        self
    }

    pub(crate) fn named(mut self, name: Option<&str>) -> Self {
        self.image.name = name.map(str::to_owned);
        self
    }

    pub(crate) fn owned_by(mut self, owner: &str) -> Self {
        self.image.owner = Some(owner.parse().unwrap());
        self
    }

    pub(crate) fn of_series(self, name: &str) -> Self {
        self.tagged(SERIES, name)
    }

    /// Of that slot, and made then.
    pub(crate) fn slot(mut self, slot: &str) -> Self {
        self.image.created = Some(at(slot));
        self.tagged("Date", slot)
    }

    pub(crate) fn pinned(self, why: &str) -> Self {
        self.tagged(PIN, why)
    }

    /// With a snapshot that EC2 made for it and that bears its tags.
    pub(crate) fn with_snapshot(self, short_id: &str) -> Self {
        self.with(TheSnapshot { tagged_alike: true, ..snapshot(short_id) })
    }

    /// With a snapshot that EC2 made for it.
    pub(crate) fn with(self, mut snapshot: TheSnapshot) -> Self {
        snapshot.snapshot.made_for = Some(self.image.id.clone());
        self.upon(snapshot)
    }

    /// With a snapshot that was there before it.
    pub(crate) fn upon(mut self, snapshot: TheSnapshot) -> Self {
        let id = snapshot.snapshot.id.clone();
        self.snapshots.push(snapshot);
        self.mapping(Some(id))
    }

    /// Naming a snapshot that is told of elsewhere, or nowhere.
    pub(crate) fn made_of(self, short_id: &str) -> Self {
        self.mapping(Some(id(short_id)))
    }

    /// With a device whose snapshot EC2 does not name.
    pub(crate) fn with_unnamed_snapshot(self) -> Self {
        self.mapping(None)
    }

    fn mapping(mut self, snapshot: Option<SnapshotId>) -> Self {
        let device = format!("/dev/sd{}", char::from(b'a' + u8::try_from(self.image.mappings.len()).unwrap()));
        self.image.mappings.push(Mapping { device: device.into(), snapshot, encrypted: false, size_gib: None });
        self
    }

    pub(crate) fn encrypted(mut self) -> Self {
        self = self.made_of("snap-e");
        self.image.mappings.iter_mut().for_each(|mapping| mapping.encrypted = true);
        self
    }

    /// As `CopyImage` makes them: with the tags of the source, but not of an instance.
    pub(crate) fn copied_from(mut self, source: &str, from: &str) -> Self {
        self.image.source_image = Some(SourceImage { id: id(source), region: Some(region(from)) });
        self.image.source_instance = None;
        self
    }

    /// Asking for a copy there, for a day from now.
    pub(crate) fn copy_wanted_in(self, destination: &str) -> Self {
        self.tagged(&format!("ami-backup:copy-to:{destination}"), "until=2026-11-24T02:00:00Z")
    }
}

impl TheSnapshot {
    pub(crate) fn tagged(mut self, key: &str, value: &str) -> Self {
        self.snapshot.tags = tagged(&self.snapshot.tags, key, Some(value));
        self
    }

    pub(crate) fn unmarked(mut self) -> Self {
        self.snapshot.tags = tagged(&self.snapshot.tags, "Creator", None);
        self
    }

    pub(crate) fn expired(self) -> Self {
        self.expiring(-1)
    }

    pub(crate) fn expiring(self, hours: i64) -> Self {
        let expire = now() + SignedDuration::from_hours(hours);
        self.tagged("Expire", &expire.to_string())
    }

    pub(crate) fn of_series(self, name: &str) -> Self {
        self.tagged(SERIES, name)
    }

    pub(crate) fn slot(self, slot: &str) -> Self {
        self.tagged("Date", slot)
    }

    pub(crate) fn pinned(self, why: &str) -> Self {
        self.tagged(PIN, why)
    }

    pub(crate) fn made_for(mut self, image: &str) -> Self {
        self.snapshot.made_for = Some(id(image));
        self
    }

    pub(crate) fn renamed(mut self, short_id: &str) -> Self {
        self.snapshot.id = id(short_id);
        self
    }

    pub(crate) fn pending(mut self) -> Self {
        self.snapshot.state = SnapshotState::Pending;
        self
    }

    pub(crate) fn owned_by(mut self, owner: &str) -> Self {
        self.snapshot.owner = Some(owner.parse().unwrap());
        self
    }
}

impl Thing for TheImage {
    fn put_into(self, view: &mut RegionView) {
        for mut told in self.snapshots {
            if told.tagged_alike {
                told.snapshot.tags = self.image.tags.clone();
            }
            told.put_into(view);
        }
        view.images.push(self.image);
    }
}

impl Thing for TheSnapshot {
    fn put_into(self, view: &mut RegionView) {
        view.snapshots.push(self.snapshot);
    }
}

/// The verdicts of a plan as a person might tell them, one line each.
pub(crate) fn verdicts(plan: &Plan) -> String {
    plan.verdicts.iter().map(verdict).collect::<Vec<_>>().join("\n")
}

fn verdict(Verdict { region, subject, decision }: &Verdict) -> String {
    let subject = match subject {
        Subject::Backup(label) => short(&label.image),
        Subject::Orphan { snapshot, .. } => short(snapshot),
    };
    let place = if region.as_str() == HOME { String::new() } else { format!("{region}: ") };
    match decision {
        Decision::Keep { reason } => format!("{place}{subject} stays: {reason}"),
        Decision::Purge { reason, snapshots, left } => {
            let with = if snapshots.is_empty() { String::new() } else { format!(" with {}", list(snapshots)) };
            let left = left.iter().map(|left| format!("{} stays: {}", short(&left.snapshot), left.reason));
            let all: Vec<String> = std::iter::once(format!("{place}{subject} goes{with}: {reason}")).chain(left).collect();
            all.join("; ")
        }
    }
}

/// The deletions of a plan, one line each.
pub(crate) fn deletions(plan: &Plan) -> Vec<String> {
    let deletion = |action: &Action| match action {
        Action::RemoveImage(remove) if remove.snapshots.is_empty() => short(&remove.image),
        Action::RemoveImage(remove) => format!("{} with {}", short(&remove.image), list(&remove.snapshots)),
        Action::DeleteSnapshot(snapshot) => short(snapshot),
        Action::CreateImage(_) | Action::CopyImage(_) | Action::Retag(_) | Action::Mend(_) => panic!("a purge makes nothing"),
    };
    plan.steps.iter().map(|step| deletion(&step.action)).collect()
}

fn list(snapshots: &[SnapshotId]) -> String {
    snapshots.iter().map(short).collect::<Vec<_>>().join(", ")
}
