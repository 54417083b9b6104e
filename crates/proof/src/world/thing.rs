//! Images with their snapshots, as they may lie in an account: ours in whatever shape, and strangers' that look like ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ec2_sim::World;
use ec2_sim::id::{AccountId, ImageId, LaunchTemplateId, SnapshotId};
use ec2_sim::world::{
    Binned, BlockDevice, DeregistrationProtection, Ebs, Gone, IN_BIN_TAG, Image, ImageState, LaunchConfiguration, LaunchTemplate,
    LaunchTemplateVersion, Lock, LockMode, LockTerm, ManagedBy, Origin, Parameter, Recipe, Region, Snapshot, SnapshotState, StateReason,
    Tags,
};
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

use crate::expiry::{Written, any_text};
use crate::known::{DB, MAIL, REGIONS, STRANGER, WEB, known, noon, our_account};
use crate::world::Account;

/// An image and its snapshots.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, that chance decides by itself")]
pub struct Thing {
    /// Its number, which is in its ids.
    pub number: u32,
    /// Where it is.
    pub region: &'static str,
    /// Whose it is.
    pub owner: Owner,
    /// What it was made from.
    pub origin: From,
    /// Where it stands.
    pub state: State,
    /// How long ago it was made.
    pub age: SignedDuration,
    /// How many snapshots of its own it has.
    pub volumes: u32,
    /// Another thing of the same region, all of whose snapshots are in its mappings, too.
    pub shares: Option<u32>,
    /// Whether EC2 refuses to deregister it.
    pub is_protected: bool,
    /// How its snapshots are locked.
    pub lock: Option<Hold>,
    /// What refers to the image.
    pub referred: Option<Referrer>,
    /// Whether AWS Backup keeps it to itself.
    pub is_managed: bool,
    /// Whether its snapshots are in the archive.
    pub is_archived: bool,
    /// Whether the image is gone and only the snapshots are left.
    pub image_is_gone: bool,
    /// Whether the image that is gone lies in the Recycle Bin.
    pub is_binned: bool,
    /// The image's `Creator` tag.
    pub creator: Option<&'static str>,
    /// The snapshots' `Creator` tag.
    pub snapshots_creator: Option<&'static str>,
    /// The image's `Expire` tag.
    pub expire: Option<Written>,
    /// The snapshots' `Expire` tag.
    pub snapshots_expire: Option<Written>,
    /// What else stands on the image, and on the snapshots.
    pub tags: Tags,
    /// What only the image says.
    pub image_tags: Tags,
    /// Whether the snapshots' descriptions say that EC2 made them for the image.
    pub is_described: bool,
    /// The snapshots that are tagged otherwise than the others are, by the number of their volume.
    pub odd: BTreeMap<u32, Odd>,
}

/// A snapshot that is tagged otherwise than its like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// Its `Creator` tag.
    pub creator: Option<&'static str>,
    /// Its `Expire` tag.
    pub expire: Option<Written>,
    /// Whether it bears any other tag.
    pub is_labelled: bool,
}

/// How a snapshot is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// For a year.
    Governance,
    /// For a year, and nobody can take it off.
    Compliance,
    /// Until yesterday.
    Over,
}

/// What can refer to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referrer {
    /// The default version of a launch template, of which there is a newer one.
    DefaultVersion,
    /// One of so many old versions of a launch template.
    OldVersion(u32),
    /// A launch template, by way of a parameter.
    Alias,
    /// A launch configuration.
    LaunchConfiguration,
    /// A parameter.
    Parameter,
    /// A recipe.
    Recipe,
    /// A running instance.
    Instance,
}

impl Hold {
    fn lock(self) -> Lock {
        let year = noon() + SignedDuration::from_hours(365 * 24);
        let (mode, until) = match self {
            Self::Governance => (LockMode::Governance, year),
            Self::Compliance => (LockMode::Compliance, year),
            Self::Over => (LockMode::Governance, noon() - SignedDuration::from_hours(24)),
        };
        Lock::new(mode, LockTerm::Until(until), noon() - SignedDuration::from_hours(30 * 24))
    }
}

impl Referrer {
    fn any(rng: &mut Rng) -> Self {
        match rng.u8(..7) {
            0 => Self::DefaultVersion,
            1 => Self::OldVersion(rng.u32(2..30)),
            2 => Self::Alias,
            3 => Self::LaunchConfiguration,
            4 => Self::Parameter,
            5 => Self::Recipe,
            _ => Self::Instance,
        }
    }

    /// Lets it refer to that image.
    fn refer(self, held: &mut Region, image: &str, number: u32) {
        let since = noon() - SignedDuration::from_hours(24);
        let version = |image: &str| LaunchTemplateVersion::of_image(image, since);
        let id: LaunchTemplateId = known(format!("lt-0{number:016x}").parse());
        let name = format!("{number}");
        let mut template = |versions: Vec<LaunchTemplateVersion>| {
            let mut versions = versions.into_iter();
            if let Some(first) = versions.next() {
                let mut template = LaunchTemplate::new(id.clone(), &name, first);
                versions.for_each(|version| {
                    template.add(version);
                });
                held.launch_templates.insert(id.clone(), template);
            }
        };
        match self {
            Self::DefaultVersion => template(vec![version(image), version("ami-12345678")]),
            Self::OldVersion(newer) => {
                let others = || (0..newer).map(|_| version("ami-12345678"));
                template(others().take(1).chain([version(image)]).chain(others()).collect());
            }
            Self::Alias => {
                template(vec![version(&format!("resolve:ssm:/golden/{number}"))]);
                held.parameters.insert(format!("/golden/{number}"), Parameter::of_image(image, since));
            }
            Self::LaunchConfiguration => {
                let configuration = LaunchConfiguration {
                    name: name.clone(),
                    arn: format!("arn:aws:autoscaling:us-east-1:123456789012:launchConfiguration:1:launchConfigurationName/{number}"),
                    image_id: known(image.parse()),
                    instance_type: "t3.micro".to_owned(),
                    created: since,
                    key_name: None,
                    user_data: None,
                    security_groups: Vec::new(),
                    devices: Vec::new(),
                };
                held.launch_configurations.insert(name, configuration);
            }
            Self::Parameter => drop(held.parameters.insert(format!("/golden/{number}"), Parameter::of_image(image, since))),
            Self::Recipe => {
                drop(held.image_recipes.insert(format!("{number}/1.0.0"), Recipe { parent_image: image.to_owned(), created: since }));
            }
            Self::Instance => {
                if let Some(instance) = held.instances.values_mut().next() {
                    instance.image_id = known(image.parse());
                }
            }
        }
    }
}

/// Whose something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The account's that the product works for.
    Us,
    /// Another account's, and nobody else sees it.
    Stranger,
    /// Another account's, shared with us.
    Sharing,
    /// Another account's, and everybody's to launch.
    Public,
}

/// What an image was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// An instance.
    Instance(&'static str),
    /// An image in another region: the thing of that number.
    CopyOf(u32),
    /// Snapshots, by `RegisterImage`.
    Registered,
}

/// Where an image stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Usable.
    Available,
    /// Hidden.
    Disabled,
    /// Given up.
    Failed,
    /// Given up, and without a name.
    FailedNameless,
    /// Under way for so many seconds more.
    Pending(u32),
}

/// What was laid: the image, and all snapshots in its mappings.
#[derive(Debug, Clone)]
pub struct Laid {
    region: &'static str,
    image: ImageId,
    snapshots: Vec<SnapshotId>,
}

const OURS: &str = "image-instance";
const OTHERS: [&str; 5] = ["Image-Instance", "image-instance ", "dlm", "packer", ""];
/// Tags that anybody may have put on anything.
const ANY_TAGS: [(&str, &str); 8] = [
    ("expire", "2020-01-01T00:00:00Z"),
    ("Expire ", "2020-01-01T00:00:00Z"),
    ("ExpireAt", "2020-01-01T00:00:00Z"),
    ("aws:backup:source-resource", "i-0123456789abcdef0"),
    ("Keep", "true"),
    ("\u{1f4be}", "\u{1b}[2J"),
    ("ami-backup:copy-to:nowhere", "until=2030-01-01T00:00:00Z"),
    ("ami-backup:copy-to:ca-central-1", "soon"),
];

impl Thing {
    /// An available backup of `web-1` without an expiry, a day old.
    pub fn backup(number: u32) -> Self {
        Self {
            number,
            region: REGIONS[0],
            owner: Owner::Us,
            origin: From::Instance(WEB),
            state: State::Available,
            age: SignedDuration::from_hours(24),
            volumes: 1,
            shares: None,
            is_protected: false,
            lock: None,
            referred: None,
            is_managed: false,
            is_archived: false,
            image_is_gone: false,
            is_binned: false,
            creator: Some(OURS),
            snapshots_creator: Some(OURS),
            expire: None,
            snapshots_expire: None,
            tags: label("web-1", WEB, noon().saturating_sub(SignedDuration::from_hours(24)).unwrap_or(noon())),
            image_tags: Tags::new(),
            is_described: true,
            odd: BTreeMap::new(),
        }
    }

    /// The same, to go at an instant, as its snapshots are.
    #[must_use]
    pub fn until(mut self, written: Written) -> Self {
        self.expire = Some(written.clone());
        self.snapshots_expire = Some(written);
        self
    }

    /// Anything that goes with what is there already.
    pub fn random(account: &Account, rng: &mut Rng) -> Self {
        let number = u32::try_from(account.things.len()).unwrap_or(u32::MAX) + 1;
        let region = account.regions()[rng.usize(..account.regions)];
        let instance = [WEB, DB, MAIL][rng.usize(..3)];
        let age = SignedDuration::from_mins(rng.i64(1..90 * 24 * 60));
        let made = noon().saturating_sub(age).unwrap_or(noon());
        let mut thing = Self {
            region,
            origin: From::Instance(instance),
            age,
            volumes: rng.u32(1..=3),
            tags: label(["web-1", "db-1", "mail-1"][rng.usize(..3)], instance, made),
            ..Self::backup(number)
        };
        if let Some(written) = expiry(rng) {
            thing = thing.until(written);
        }
        for _ in 0..rng.u8(1..=3) {
            thing.dress(account, rng);
        }
        if thing.state == State::Available && rng.u8(..3) == 0 {
            thing.intend(account, rng);
        }
        if rng.u8(..4) == 0 {
            let (key, value) = ANY_TAGS[rng.usize(..ANY_TAGS.len())];
            thing.image_tags.insert(key.to_owned(), value.to_owned());
        }
        if rng.u8(..4) == 0 {
            thing.image_tags.insert(any_text(rng), any_text(rng));
        }
        thing
    }

    /// A backup that has expired, whose snapshots bear no mark, and an image that somebody registered of them, or that is a backup, too:
    /// whoever goes first, the snapshots must be found by somebody later.
    pub fn pair(account: &Account, rng: &mut Rng) -> [Self; 2] {
        let number = u32::try_from(account.things.len()).unwrap_or(u32::MAX) + 1;
        let long_ago = noon() - SignedDuration::from_hours(rng.i64(1..1000));
        let region = account.regions()[rng.usize(..account.regions)];
        let mut bare = Self { region, volumes: rng.u32(1..=2), ..Self::backup(number) }.until(Written::rfc3339(long_ago));
        bare.untag_snapshots(rng);
        bare.is_described = true;
        let mut other = Self {
            region,
            origin: From::Registered,
            volumes: rng.u32(..2),
            shares: Some(number),
            ..Self::backup(number + 1).until(Written::rfc3339(long_ago))
        };
        match rng.u8(..5) {
            0 => other = other.until(Written::rfc3339(noon() + SignedDuration::from_mins(rng.i64(1..2000)))),
            1 => other.creator = None,
            2 => (other.creator, other.snapshots_creator) = (Some("packer"), Some("packer")),
            3 => other.is_protected = true,
            _ => {}
        }
        [bare, other]
    }

    /// A backup that has expired, and that something speaks for beyond itself.
    pub fn spoken_for(account: &Account, rng: &mut Rng) -> Self {
        let number = u32::try_from(account.things.len()).unwrap_or(u32::MAX) + 1;
        let long_ago = Written::rfc3339(noon() - SignedDuration::from_hours(rng.i64(1..1000)));
        let region = account.regions()[rng.usize(..account.regions)];
        let mut thing = Self { region, volumes: rng.u32(1..=2), ..Self::backup(number) }.until(long_ago);
        match rng.u8(..6) {
            0 | 1 => thing.lock = Some([Hold::Governance, Hold::Compliance][rng.usize(..2)]),
            2 => (thing.image_is_gone, thing.is_binned) = (true, true),
            _ => thing.referred = Some(Referrer::any(rng)),
        }
        thing
    }

    /// Makes it a special one, most of the time.
    fn dress(&mut self, account: &Account, rng: &mut Rng) {
        match rng.u8(..30) {
            26..30 => self.retag(rng),
            20 => self.lock = Some([Hold::Governance, Hold::Compliance, Hold::Over][rng.usize(..3)]),
            21..24 => self.referred = Some(Referrer::any(rng)),
            24 => self.is_managed = true,
            25 => self.is_archived = true,
            0 => self.state = State::Disabled,
            1 => self.state = State::Failed,
            2 => self.state = State::Pending(rng.u32(0..2000)),
            3 => self.is_protected = true,
            4 => self.untag_snapshots(rng),
            5 => self.creator = None,
            6 => self.creator = Some(OTHERS[rng.usize(..OTHERS.len())]),
            7 => self.snapshots_creator = Some(OTHERS[rng.usize(..OTHERS.len())]),
            8 => (self.creator, self.snapshots_creator) = (Some(OTHERS[rng.usize(..OTHERS.len())]), Some("somebody else")),
            9 => self.owner = [Owner::Stranger, Owner::Sharing, Owner::Public][rng.usize(..3)],
            10 | 11 => self.share(account, rng),
            12 | 13 => self.orphan(rng),
            14 | 15 => self.copy(account, rng),
            16 => self.snapshots_expire = expiry(rng),
            17 => {
                self.tags.insert("Instance".to_owned(), ["i-0123456789abcdef0", "web-1", DB][rng.usize(..3)].to_owned());
            }
            _ => {}
        }
    }

    /// Somebody has tagged one of its snapshots by itself, or not come so far.
    fn retag(&mut self, rng: &mut Rng) {
        let odd = Odd { creator: self.snapshots_creator, expire: self.snapshots_expire.clone(), is_labelled: true };
        let odd = match rng.u8(..5) {
            0 => Odd { creator: None, expire: None, is_labelled: false },
            1 => Odd { creator: None, ..odd },
            2 => Odd { expire: None, ..odd },
            3 => Odd { expire: expiry(rng), ..odd },
            _ => Odd { creator: Some(OTHERS[rng.usize(..OTHERS.len())]), ..odd },
        };
        self.odd.insert(rng.u32(..self.volumes.max(1)), odd);
    }

    /// As the scripts leave it when they are interrupted before, or amid, the tagging of snapshots.
    fn untag_snapshots(&mut self, rng: &mut Rng) {
        self.snapshots_creator = None;
        if rng.bool() {
            self.snapshots_expire = None;
        }
        self.is_described = rng.u8(..4) > 0;
    }

    /// A registered image of snapshots of another thing, ours or not.
    fn share(&mut self, account: &Account, rng: &mut Rng) {
        let near: Vec<&Thing> = account.things.iter().filter(|other| other.region == self.region && other.owner == Owner::Us).collect();
        if let Some(other) = near.get(rng.usize(..near.len().max(1))) {
            self.shares = Some(other.number);
            self.origin = From::Registered;
            self.volumes = rng.u32(..2);
            if rng.bool() {
                self.creator = None;
            }
        }
    }

    /// What is left of a backup whose image went without its snapshots.
    fn orphan(&mut self, rng: &mut Rng) {
        self.image_is_gone = true;
        self.is_binned = rng.u8(..3) == 0;
        match rng.u8(..6) {
            0 => self.snapshots_creator = None,
            1 => self.snapshots_creator = Some("somebody else"),
            2 => self.is_described = false,
            3 => self.snapshots_expire = None,
            _ => {}
        }
    }

    /// A copy of another thing, in another region.
    fn copy(&mut self, account: &Account, rng: &mut Rng) {
        let far = |other: &&Thing| other.region != self.region && !other.image_is_gone && matches!(other.origin, From::Instance(_));
        let far: Vec<&Thing> = account.things.iter().filter(far).collect();
        if let Some(other) = far.get(rng.usize(..far.len().max(1))) {
            self.origin = From::CopyOf(other.number);
            self.volumes = other.volumes;
            self.tags.clone_from(&other.tags);
            self.owner = Owner::Us;
            self.age = other.age / 2;
            self.state = match rng.u8(..6) {
                0 => State::Failed,
                1 => State::FailedNameless,
                2 => State::Pending(rng.u32(0..2000)),
                _ => State::Available,
            };
            if self.state == State::FailedNameless {
                self.creator = None;
                self.expire = None;
                self.tags.clear();
            }
            // Somebody may have copied it by hand.
            if rng.u8(..5) == 0 {
                self.creator = None;
            }
        }
    }

    /// Asks for copies of it, finished or not, lapsed or not, readable or not.
    fn intend(&mut self, account: &Account, rng: &mut Rng) {
        for _ in 0..rng.u8(1..=2) {
            let destination = match rng.u8(..12) {
                0 => REGIONS[REGIONS.len() - 1],
                1 => self.region,
                _ => account.regions()[rng.usize(..account.regions)],
            };
            let hours = [-72, -30, -1, 1, 40][rng.usize(..5)];
            let until = noon().saturating_add(SignedDuration::from_hours(hours)).unwrap_or(noon());
            let how = ["", "", "", " encrypt", " key=nobody-has-this"][rng.usize(..5)];
            self.image_tags.insert(format!("ami-backup:copy-to:{destination}"), format!("until={until}{how}"));
        }
    }

    /// The expiries written on it.
    pub fn expiries(&self) -> impl Iterator<Item = &Written> {
        self.expire.iter().chain(&self.snapshots_expire).chain(self.odd.values().filter_map(|odd| odd.expire.as_ref()))
    }

    /// The image's id.
    pub fn image_id(&self) -> ImageId {
        known(format!("ami-0{:016x}", self.number).parse())
    }

    fn snapshot_id(&self, volume: u32) -> SnapshotId {
        known(format!("snap-0{:012x}{volume:04x}", self.number).parse())
    }

    fn account(&self) -> AccountId {
        if self.owner == Owner::Us { our_account() } else { known(STRANGER.parse()) }
    }

    /// Puts it into a world where the others that it refers to lie already.
    pub fn lay(&self, world: &mut World, laid: &BTreeMap<u32, Laid>) -> Laid {
        let image_id = self.image_id();
        let created = noon().saturating_sub(self.age).unwrap_or(noon());
        let source = match self.origin {
            From::CopyOf(number) => laid.get(&number),
            From::Instance(_) | From::Registered => None,
        };
        let origin = match (self.origin, source) {
            (From::Instance(instance), _) => Origin::Instance(known(instance.parse())),
            (From::CopyOf(_), Some(source)) => Origin::Copy { image_id: source.image.clone(), region: source.region.to_owned() },
            (From::CopyOf(_) | From::Registered, _) => Origin::Registered,
        };
        let (state, ends) = match self.state {
            State::Available => (ImageState::Available, created),
            State::Disabled => (ImageState::Disabled, created),
            State::Failed | State::FailedNameless => (ImageState::Failed, created),
            State::Pending(seconds) => (ImageState::Pending, noon() + SignedDuration::from_secs(i64::from(seconds))),
        };
        let mut snapshots: Vec<SnapshotId> = Vec::new();
        for volume in 0..self.volumes {
            let snapshot = Snapshot {
                id: self.snapshot_id(volume),
                owner: self.account(),
                volume_id: known("vol-00000000".parse()),
                volume_size: 8,
                description: self.snapshot_description(&origin, &image_id),
                state: match state {
                    ImageState::Pending => SnapshotState::Pending,
                    ImageState::Failed if volume == 0 => SnapshotState::Error,
                    _ => SnapshotState::Completed,
                },
                state_message: None,
                progress: if state == ImageState::Pending { 0 } else { 100 },
                started: created,
                visible_from: created,
                ends,
                fails_with: None,
                delete_at_end: false,
                encrypted: false,
                kms_key_id: None,
                completion_minutes: None,
                storage_tier: if self.is_archived { "archive" } else { "standard" }.to_owned(),
                tiering: None,
                lock: self.lock.map(Hold::lock),
                public: false,
                create_volume_permissions: BTreeSet::new(),
                managed_by: self.is_managed.then_some(ManagedBy::AwsBackup),
                tags: self.snapshot_tags(volume),
            };
            snapshots.push(snapshot.id.clone());
            world.region_of_mut(&self.account(), self.region).snapshots.insert(snapshot.id.clone(), snapshot);
        }
        snapshots.extend(self.shares.and_then(|number| laid.get(&number)).into_iter().flat_map(|other| other.snapshots.clone()));
        let mut tags = dressed(&self.tags, self.creator, self.expire.as_ref());
        tags.extend(self.image_tags.clone());
        let image = Image {
            id: image_id.clone(),
            owner: self.account(),
            owner_alias: None,
            name: if self.state == State::FailedNameless { String::new() } else { format!("backup-ami old {}", self.number) },
            description: None,
            state,
            state_reason: (state == ImageState::Failed).then(|| StateReason::from("It failed long ago")),
            created,
            visible_from: created,
            mapped_from: created,
            ends,
            fails_with: None,
            origin,
            architecture: "x86_64".to_owned(),
            boot_mode: None,
            root_device_name: "/dev/sda1".to_owned(),
            devices: snapshots.iter().zip(0_u8..).map(|(id, place)| device(place, id)).collect(),
            virtualization_type: "hvm".to_owned(),
            ena_support: true,
            sriov_net_support: None,
            public: self.owner == Owner::Public,
            launch_permissions: if self.owner == Owner::Sharing { BTreeSet::from([our_account()]) } else { BTreeSet::new() },
            deregistration_protection: if self.is_protected {
                DeregistrationProtection::Enabled { with_cooldown: false }
            } else {
                DeregistrationProtection::Disabled
            },
            deprecation_time: None,
            managed_by: self.is_managed.then_some(ManagedBy::AwsBackup),
            launches: Vec::new(),
            ancestors: Vec::new(),
            tags,
        };
        world.region_of_mut(&self.account(), self.region).images.insert(image_id.clone(), image);
        if let Some(referrer) = self.referred {
            referrer.refer(world.region_of_mut(&our_account(), self.region), image_id.as_str(), self.number);
        }
        Laid { region: self.region, image: image_id, snapshots }
    }

    fn snapshot_tags(&self, volume: u32) -> Tags {
        match self.odd.get(&volume) {
            None => dressed(&self.tags, self.snapshots_creator, self.snapshots_expire.as_ref()),
            Some(Odd { creator, expire, is_labelled }) => {
                let tags = if *is_labelled { self.tags.clone() } else { Tags::new() };
                dressed(&tags, *creator, expire.as_ref())
            }
        }
    }

    fn snapshot_description(&self, origin: &Origin, image: &ImageId) -> String {
        match origin {
            _ if !self.is_described => "nightly".to_owned(),
            Origin::Instance(instance) => format!("Created by CreateImage({instance}) for {image}"),
            Origin::Copy { image_id, .. } => format!(
                "Copied for DestinationAmi {image} from SourceAmi {image_id} for SourceSnapshot snap-00000000. Task created on 1,795,000,000,000."
            ),
            Origin::Registered => "made by hand".to_owned(),
        }
    }

    /// Takes the image away again, as if it had been deregistered when it was made.
    pub fn forget_image(&self, world: &mut World) {
        let held = world.region_of_mut(&self.account(), self.region);
        if let Some(image) = held.images.remove(&self.image_id()) {
            if self.is_binned {
                let mut item = image.clone();
                item.tags.insert(IN_BIN_TAG.to_owned(), "true".to_owned());
                let leaves = noon() + SignedDuration::from_hours(7 * 24);
                held.recycle_bin.images.insert(item.id.clone(), Binned { item, entered: image.created, leaves });
            }
            // Remembered like any other, so that no other image is given its id.
            let gone = Gone { at: image.created, described_until: image.created, in_use_until: image.created, image };
            held.deregistered.insert(self.image_id(), gone);
        }
    }
}

/// In a line: only what is out of the ordinary.
impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}, {} snapshots, {:?}, {:?}", self.image_id(), self.region, self.volumes, self.origin, self.state)?;
        let expiry =
            |expire: &Option<Written>| expire.as_ref().map_or("no expiry".to_owned(), |expire| format!("Expire={:?}", expire.text));
        write!(f, ", Creator={:?}, {}", self.creator.unwrap_or("(none)"), expiry(&self.expire))?;
        if self.snapshots_creator != self.creator {
            write!(f, ", its snapshots Creator={:?}", self.snapshots_creator.unwrap_or("(none)"))?;
        }
        if self.snapshots_expire != self.expire {
            write!(f, ", its snapshots {}", expiry(&self.snapshots_expire))?;
        }
        for (volume, odd) in self.odd.iter().filter(|(volume, _)| **volume < self.volumes) {
            write!(f, ", that of volume {volume} Creator={:?} and {}", odd.creator.unwrap_or("(none)"), expiry(&odd.expire))?;
            f.write_str(if odd.is_labelled { "" } else { " and nothing else" })?;
        }
        if let Some(other) = self.shares {
            write!(f, ", and shares those of thing {other}")?;
        }
        if self.owner != Owner::Us {
            write!(f, ", of another account ({:?})", self.owner)?;
        }
        if let Some(lock) = self.lock {
            write!(f, ", locked ({lock:?})")?;
        }
        if let Some(referrer) = self.referred {
            write!(f, ", referred to by {referrer:?}")?;
        }
        for (is_so, what) in [
            (self.is_managed, "managed by AWS Backup"),
            (self.is_archived, "archived"),
            (self.is_binned, "in the Recycle Bin"),
            (self.image_is_gone, "whose image is gone"),
            (self.is_protected, "protected"),
            (!self.is_described, "described otherwise"),
        ] {
            if is_so {
                write!(f, ", {what}")?;
            }
        }
        self.image_tags.iter().try_for_each(|(key, value)| write!(f, ", {}={}", key.escape_debug(), value.escape_debug()))
    }
}

/// When something may go: often long ago, sometimes soon or much later, sometimes nobody can say.
fn expiry(rng: &mut Rng) -> Option<Written> {
    let from_now = |minutes: i64| noon() + SignedDuration::from_mins(minutes);
    match rng.u8(..10) {
        0 => None,
        1 => Some(Written::unreadable(rng)),
        2 => Some(Written::somehow(from_now(rng.i64(-10..120)), rng)),
        3 | 4 => Some(Written::somehow(from_now(rng.i64(1..60 * 24 * 60)), rng)),
        _ => Some(Written::somehow(from_now(-rng.i64(1..60 * 24 * 60)), rng)),
    }
}

/// What a backup says of itself.
fn label(name: &str, instance: &str, made: Timestamp) -> Tags {
    [("Name", format!("backup-ami@{name}")), ("Instance", instance.to_owned()), ("Date", made.to_string())]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
}

fn dressed(tags: &Tags, creator: Option<&str>, expire: Option<&Written>) -> Tags {
    let mut tags = tags.clone();
    tags.extend(creator.map(|creator| ("Creator".to_owned(), creator.to_owned())));
    tags.extend(expire.map(|expire| ("Expire".to_owned(), expire.text.clone())));
    tags
}

fn device(place: u8, snapshot: &SnapshotId) -> BlockDevice {
    let ebs = Ebs {
        snapshot_id: Some(snapshot.clone()),
        volume_size: 8,
        volume_type: "gp3".to_owned(),
        delete_on_termination: place == 0,
        encrypted: false,
    };
    BlockDevice::Ebs { device_name: if place == 0 { "/dev/sda1".to_owned() } else { format!("/dev/sd{}", char::from(b'e' + place)) }, ebs }
}
