//! The language of these tests: a [`Scene`] is an account on a world of its own, [`Stock`] is what lies there already, and
//! the checkers look at the world itself, not at what the engine says of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use ec2_sim::id::{AccountId, ImageId, SnapshotId};
use ec2_sim::world::{
    BlockDevice, DeregistrationProtection, Device, Ebs, Gone, Image, ImageState, Instance, Origin, Region as Held, Snapshot, SnapshotState,
    Tags, Volume,
};
use ec2_sim::{Call, Ec2Sim, Fault, FaultKind, Which, World};
use engine::report::{ImageReport, PurgeReport, RunReport};
use engine::{Account, Clock, Connection, Event, Meter, RegionScope, Run, RunError, Stop};
use jiff::{SignedDuration, Timestamp};
use planner::completion::Completion;
use planner::expiry::Expiry;
use planner::id::Region;
use planner::policy::file::Policy;
use planner::policy::{CopyRequest, ImageRequest, PurgePolicy};
use planner::tags::Encryption;

/// Instances of the example world: one volume in us-east-1, three volumes there, one volume in eu-west-1.
pub(crate) const WEB: &str = "i-0eb1eb1eb1eb10001";
pub(crate) const DB: &str = "i-0db1db1db1db10001";
pub(crate) const MAIL: &str = "i-0a11a11a11a110001";

/// Where they are, and where copies go.
pub(crate) const HOME: &str = "us-east-1";
pub(crate) const EUROPE: &str = "eu-west-1";
pub(crate) const WEST: &str = "us-west-2";

/// Calls that change something on EC2.
const MUTATING: [&str; 8] = [
    "CreateImage",
    "CopyImage",
    "DeregisterImage",
    "DeleteSnapshot",
    "CreateTags",
    "DeleteTags",
    "EnableImageDeprecation",
    "EnableImageDeregistrationProtection",
];

/// The instant of that text.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The instant at which every world of these tests begins.
pub(crate) fn noon() -> Timestamp {
    at("2026-11-22T12:00:00Z")
}

/// The region of that name.
pub(crate) fn region(name: &str) -> Region {
    name.parse().unwrap()
}

/// The regions of these names.
pub(crate) fn these(names: &[&str]) -> RegionScope {
    RegionScope::These(names.iter().map(|name| region(name)).collect())
}

/// All regions that are enabled.
pub(crate) fn all_enabled() -> RegionScope {
    RegionScope::AllEnabled { asked: region(HOME) }
}

/// An account on a world of its own.
pub(crate) struct Scene {
    pub(crate) sim: Ec2Sim,
    pub(crate) account: Account,
    pub(crate) clock: Clock,
    pub(crate) stop: Stop,
    events: RefCell<Vec<Event>>,
    stop_at: RefCell<Option<Moment>>,
}

/// Whether an event is the one at which a run is interrupted.
type Moment = Box<dyn Fn(&Event) -> bool>;

/// How a run goes, where it does not go to its end in the time it is given.
#[derive(Clone, Copy)]
pub(crate) struct How {
    pub(crate) wait: bool,
    pub(crate) dry_run: bool,
    pub(crate) patience: SignedDuration,
}

impl Default for How {
    fn default() -> Self {
        Self { wait: true, dry_run: false, patience: SignedDuration::from_hours(8) }
    }
}

/// Asks for everything and does not wait for it.
pub(crate) const NO_WAIT: How = How { wait: false, dry_run: false, patience: SignedDuration::from_hours(8) };
/// Changes nothing.
pub(crate) const DRY_RUN: How = How { wait: true, dry_run: true, patience: SignedDuration::from_hours(8) };

impl Scene {
    /// On the example world.
    pub(crate) async fn new() -> Self {
        Self::of(World::example(1, noon())).await
    }

    /// On the example world, with something arranged in it.
    pub(crate) async fn with(arrange: impl FnOnce(&mut World)) -> Self {
        let mut world = World::example(1, noon());
        arrange(&mut world);
        Self::of(world).await
    }

    /// On any world.
    pub(crate) async fn of(world: World) -> Self {
        // The SDK takes its jitter from here.
        fastrand::seed(world.ids.seed);
        let clock = Clock::starting_at(world.clock);
        let sim = Ec2Sim::new(world);
        let account = account(&sim, clock, "AKIDEXAMPLE").await;
        Self { sim, account, clock, stop: Stop::default(), events: RefCell::default(), stop_at: RefCell::default() }
    }

    /// The same world, seen by another process, which remembers nothing.
    pub(crate) async fn again(mut self) -> Self {
        self.renew().await;
        self
    }

    pub(crate) async fn renew(&mut self) {
        self.account = account(&self.sim, self.clock, "AKIDEXAMPLE").await;
        self.stop = Stop::default();
        self.events.borrow_mut().clear();
        *self.stop_at.borrow_mut() = None;
    }

    /// A backup of that instance as it would be asked for now.
    pub(crate) fn backup_of(&self, instance: &str) -> ImageRequest {
        ImageRequest {
            instance: instance.parse().unwrap(),
            region: region(if instance == MAIL { EUROPE } else { HOME }),
            slot: Timestamp::from_second(self.clock.now().as_second()).unwrap(),
            expire: None,
            reboot: false,
            copies: Vec::new(),
            patience: SignedDuration::from_hours(8),
            series: None,
        }
    }

    /// `image-instance`.
    pub(crate) async fn image(&self, request: &ImageRequest) -> Result<ImageReport, RunError> {
        self.image_how(How { patience: request.patience, ..How::default() }, request).await
    }

    pub(crate) async fn image_how(&self, how: How, request: &ImageRequest) -> Result<ImageReport, RunError> {
        engine::image_instance(&self.run(how, &|event| self.hear(event)), request).await
    }

    /// The same while somebody watches.
    pub(crate) async fn image_watched(&self, meter: &Meter, request: &ImageRequest) -> Result<ImageReport, RunError> {
        let hear = |event: &Event| self.hear(event);
        engine::image_instance(&Run { meter: Some(meter), ..self.run(How::default(), &hear) }, request).await
    }

    /// `resume`.
    pub(crate) async fn resume(&self, regions: &RegionScope) -> Result<ImageReport, RunError> {
        self.resume_how(How::default(), regions).await
    }

    pub(crate) async fn resume_how(&self, how: How, regions: &RegionScope) -> Result<ImageReport, RunError> {
        engine::resume(&self.run(how, &|event| self.hear(event)), regions).await
    }

    /// `run`, or `plan`, by the text of a policy file.
    pub(crate) async fn run_policy(&self, how: How, policy: &str) -> RunReport {
        self.run_policy_watched(how, None, policy).await
    }

    /// The same, perhaps while somebody watches.
    pub(crate) async fn run_policy_watched(&self, how: How, meter: Option<&Meter>, policy: &str) -> RunReport {
        let (policy, warnings) = Policy::read(policy, "ami-backup.toml").unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        let hear = |event: &Event| self.hear(event);
        engine::run_policy(&Run { meter, ..self.run(how, &hear) }, &policy, &region(HOME), None).await.unwrap()
    }

    /// `purge-expired-amis`.
    pub(crate) async fn purge(&self, regions: &RegionScope) -> Result<PurgeReport, RunError> {
        self.purge_how(How::default(), regions, &PurgePolicy::default()).await
    }

    pub(crate) async fn purge_how(&self, how: How, regions: &RegionScope, policy: &PurgePolicy) -> Result<PurgeReport, RunError> {
        engine::purge(&self.run(how, &|event| self.hear(event)), regions, policy).await
    }

    fn run<'a>(&'a self, how: How, listener: &'a dyn Fn(&Event)) -> Run<'a> {
        let How { wait, dry_run, patience } = how;
        Run { account: &self.account, clock: self.clock, patience, wait, dry_run, listener, stop: &self.stop, agreed: None, meter: None }
    }

    fn hear(&self, event: &Event) {
        self.events.borrow_mut().push(event.clone());
        if self.stop_at.borrow().as_ref().is_some_and(|stop_at| stop_at(event)) {
            self.stop.request();
        }
    }

    /// Interrupts the run when something of that kind happens.
    pub(crate) fn interrupt_at(&self, is_time: impl Fn(&Event) -> bool + 'static) {
        *self.stop_at.borrow_mut() = Some(Box::new(is_time));
    }

    /// What the listener was told so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.borrow().clone()
    }

    /// Lets time go by.
    pub(crate) async fn pass(&self, time: SignedDuration) {
        tokio::time::sleep(Duration::try_from(time).unwrap()).await;
    }

    /// How long it is since the beginning.
    pub(crate) fn elapsed(&self) -> SignedDuration {
        self.clock.now().duration_since(noon())
    }

    /// Lets something go wrong with these calls of an action, in every region.
    pub(crate) fn fault(&self, action: &str, calls: Which, kind: FaultKind) {
        self.sim.inject(Fault::of(action, calls, kind));
    }

    /// Lets something go wrong with these calls, of one action or of all.
    pub(crate) fn fault_of(&self, action: Option<&str>, calls: Which, kind: FaultKind) {
        self.sim.inject(Fault { action: action.map(str::to_owned), region: None, calls, kind });
    }

    /// Lets something go wrong with these calls of an action in one region.
    pub(crate) fn fault_in(&self, region: &str, action: &str, calls: Which, kind: FaultKind) {
        self.sim.inject(Fault { region: Some(region.to_owned()), ..Fault::of(action, calls, kind) });
    }

    /// The calls of an action so far.
    pub(crate) fn calls(&self, action: &str) -> Vec<Call> {
        self.sim.calls().into_iter().filter(|call| call.action == action).collect()
    }

    /// The calls so far that could have changed something.
    pub(crate) fn mutating_calls(&self) -> Vec<String> {
        let calls = self.sim.calls();
        calls.iter().filter(|call| MUTATING.contains(&call.action.as_str())).map(|call| call.action.clone()).collect()
    }

    /// When an action was called, in seconds since the beginning.
    pub(crate) fn seconds_of(&self, action: &str) -> Vec<f64> {
        self.calls(action).iter().map(|call| call.at.duration_since(noon()).as_secs_f64()).collect()
    }

    /// What the account holds in a region.
    pub(crate) fn held(&self, region: &str) -> Held {
        self.sim.world().region(region).clone()
    }

    /// The images in a region, in the order of their making.
    pub(crate) fn images(&self, region: &str) -> Vec<Image> {
        let mut images: Vec<Image> = self.sim.world().region(region).images.values().cloned().collect();
        images.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        images
    }

    /// The one image in a region.
    pub(crate) fn only_image(&self, region: &str) -> Image {
        let images = self.images(region);
        assert_eq!(images.len(), 1, "{images:#?}");
        images.into_iter().next().unwrap()
    }

    /// The snapshots an image is made of.
    pub(crate) fn snapshots_of(&self, region: &str, image: &Image) -> Vec<Snapshot> {
        let world = self.sim.world();
        image.snapshots().map(|id| world.region(region).snapshots[id].clone()).collect()
    }
}

/// The identity of that access key.
pub(crate) async fn account(sim: &Ec2Sim, clock: Clock, access_key: &str) -> Account {
    let credentials = Credentials::new(access_key, "secret", None, None, "tests");
    let connection = Connection {
        clock,
        http_client: Some(sim.http_client()),
        credentials: Some(SharedCredentialsProvider::new(credentials)),
        ..Connection::default()
    };
    Account::open(connection).await.unwrap()
}

/// Puts one more instance into a region, with one volume of 8 GiB, tagged `fleet=bench`.
pub(crate) fn put_instance(world: &mut World, region: &str, number: u32) {
    let held = world.region(HOME);
    let of = held.instances[WEB].clone();
    let (name, device) = of.devices.iter().next().map(|(name, device)| (name.clone(), device.clone())).unwrap();
    let volume = held.volumes[&device.volume_id].clone();
    let volume = Volume { id: format!("vol-0be{number:014x}").parse().unwrap(), ..volume };
    let devices = BTreeMap::from([(name, Device { volume_id: volume.id.clone(), ..device })]);
    let tags = tags(&[("fleet", "bench"), ("Name", &format!("bench-{number}"))]);
    let instance = Instance { id: format!("i-0be{number:014x}").parse().unwrap(), devices, tags, ..of };
    let held = world.region_mut(region);
    held.volumes.insert(volume.id.clone(), volume);
    held.instances.insert(instance.id.clone(), instance);
}

/// Takes a permission from everybody in the account.
pub(crate) fn deny(world: &mut World, action: &str) {
    world.accounts.entry(AccountId::default()).or_default().denied_actions.insert(action.to_owned());
}

/// The id of an image, as the planner writes it.
pub(crate) fn planner_id(image: &Image) -> planner::id::ImageId {
    image.id.as_str().parse().unwrap()
}

/// A text with the ids of requests left out, which depend on how many there were.
pub(crate) fn without_ids(text: &str) -> String {
    let mut parts = text.split("(request ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "(request …" + part.split_once(')').map_or("", |_| &part[part.find(')').unwrap()..]))
}

/// An image that lies in the account before the run, with its snapshots: a builder.
#[derive(Clone)]
pub(crate) struct Stock {
    name: String,
    owner: AccountId,
    state: ImageState,
    created: Timestamp,
    origin: Origin,
    volumes: usize,
    protection: DeregistrationProtection,
    image_tags: Tags,
    snapshot_tags: Tags,
}

impl Stock {
    /// An available image nobody has tagged, of one volume, a month old.
    pub(crate) fn image() -> Self {
        Self {
            name: String::new(),
            owner: AccountId::default(),
            state: ImageState::Available,
            created: at("2026-10-22T12:00:00Z"),
            origin: Origin::Registered,
            volumes: 1,
            protection: DeregistrationProtection::Disabled,
            image_tags: Tags::new(),
            snapshot_tags: Tags::new(),
        }
    }

    /// A backup of an instance as the scripts made it, with their tags on image and snapshots.
    pub(crate) fn by_the_scripts(instance: &str) -> Self {
        let tags = tags(&[
            ("Name", "backup-ami@old"),
            ("Instance", instance),
            ("Date", "Thu Oct 22 12:00:00 UTC 2026"),
            ("Creator", "image-instance"),
            ("AvailabilityZone", "us-east-1a"),
        ]);
        let image_of = Origin::Instance(instance.parse().unwrap());
        Self { origin: image_of, image_tags: tags.clone(), snapshot_tags: tags, ..Self::image() }
    }

    pub(crate) fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    pub(crate) fn state(mut self, state: ImageState) -> Self {
        self.state = state;
        self
    }

    pub(crate) fn created(mut self, instant: &str) -> Self {
        self.created = at(instant);
        self
    }

    pub(crate) fn volumes(mut self, volumes: usize) -> Self {
        self.volumes = volumes;
        self
    }

    /// It belongs to another account.
    pub(crate) fn owned_by(mut self, account: &str) -> Self {
        self.owner = account.parse().unwrap();
        self
    }

    pub(crate) fn protected(mut self) -> Self {
        self.protection = DeregistrationProtection::Enabled { with_cooldown: false };
        self
    }

    /// The image and its snapshots say so.
    pub(crate) fn expire(self, text: &str) -> Self {
        self.tag("Expire", text)
    }

    /// Image and snapshots bear this tag.
    pub(crate) fn tag(self, key: &str, value: &str) -> Self {
        self.image_tag(key, value).snapshot_tag(key, value)
    }

    /// The image bears this tag.
    pub(crate) fn image_tag(mut self, key: &str, value: &str) -> Self {
        self.image_tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The snapshots bear this tag.
    pub(crate) fn snapshot_tag(mut self, key: &str, value: &str) -> Self {
        self.snapshot_tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The snapshots bear no tag at all.
    pub(crate) fn snapshots_untagged(mut self) -> Self {
        self.snapshot_tags.clear();
        self
    }

    /// It is a copy of that image.
    pub(crate) fn copied_from(mut self, source_region: &str, source: &ImageId) -> Self {
        self.origin = Origin::Copy { image_id: source.clone(), region: source_region.to_owned() };
        self
    }

    /// Lays it into a region.
    pub(crate) fn put(&self, world: &mut World, region: &str) -> Laid {
        let held = world.accounts.values().flat_map(|account| account.regions.values());
        let number = held.map(|held| held.images.len() + held.deregistered.len()).sum::<usize>() + 1;
        let id: ImageId = format!("ami-0{number:016x}").parse().unwrap();
        let name = if self.name.is_empty() { format!("image {number}") } else { self.name.clone() };
        let made_for = match &self.origin {
            Origin::Copy { image_id, .. } => format!(
                "Copied for DestinationAmi {id} from SourceAmi {image_id} for SourceSnapshot snap-00000000. Task created on 1,795,000,000,000."
            ),
            Origin::Instance(instance) => format!("Created by CreateImage({instance}) for {id}"),
            Origin::Registered => "made by hand".to_owned(),
        };
        let mut devices = Vec::new();
        for volume in 0..self.volumes {
            let snapshot = Snapshot {
                tags: self.snapshot_tags.clone(),
                description: made_for.clone(),
                ..snapshot(&format!("0{number:012x}{volume:04x}"), self.created)
            };
            devices.push(device(volume, &snapshot.id));
            world
                .region_of_mut(&self.owner, region)
                .snapshots
                .insert(snapshot.id.clone(), Snapshot { owner: self.owner.clone(), ..snapshot });
        }
        let image = Image {
            id: id.clone(),
            owner: self.owner.clone(),
            owner_alias: None,
            name,
            description: None,
            state: self.state,
            state_reason: None,
            created: self.created,
            visible_from: self.created,
            mapped_from: self.created,
            ends: if self.state == ImageState::Pending { Timestamp::MAX } else { self.created },
            fails_with: None,
            origin: self.origin.clone(),
            architecture: "x86_64".to_owned(),
            boot_mode: None,
            root_device_name: "/dev/sda1".to_owned(),
            devices,
            virtualization_type: "hvm".to_owned(),
            ena_support: true,
            sriov_net_support: None,
            public: false,
            launch_permissions: BTreeSet::new(),
            deregistration_protection: self.protection,
            deprecation_time: None,
            managed_by: None,
            launches: Vec::new(),
            ancestors: Vec::new(),
            tags: self.image_tags.clone(),
        };
        let snapshots = image.snapshots().cloned().collect();
        world.region_of_mut(&self.owner, region).images.insert(id.clone(), image);
        Laid { region: region.to_owned(), image: id, snapshots }
    }

    /// Lays its snapshots into a region, as they are when the image is gone.
    pub(crate) fn put_orphans(&self, world: &mut World, region: &str) -> Laid {
        let laid = self.put(world, region);
        let held = world.region_of_mut(&self.owner, region);
        let image = held.images.remove(&laid.image).unwrap();
        // Remembered like any other, so that no other image is given its id.
        let gone = Gone { at: image.created, described_until: image.created, in_use_until: image.created, image };
        held.deregistered.insert(laid.image.clone(), gone);
        laid
    }
}

/// What was laid into the account: an image and its snapshots.
#[derive(Debug, Clone)]
pub(crate) struct Laid {
    pub(crate) region: String,
    pub(crate) image: ImageId,
    pub(crate) snapshots: Vec<SnapshotId>,
}

/// A resource, by its region and id.
pub(crate) type Thing = (String, String);

impl Laid {
    /// The image and its snapshots.
    pub(crate) fn whole(&self) -> Vec<Thing> {
        let mut things = self.only_snapshots();
        things.push((self.region.clone(), self.image.to_string()));
        things
    }

    /// The image without its snapshots.
    pub(crate) fn only_image(&self) -> Vec<Thing> {
        vec![(self.region.clone(), self.image.to_string())]
    }

    /// The snapshots without their image.
    pub(crate) fn only_snapshots(&self) -> Vec<Thing> {
        self.snapshots.iter().map(|id| (self.region.clone(), id.to_string())).collect()
    }
}

/// Everything that must be gone since `before` is, and all else is as it was, to the byte.
#[track_caller]
pub(crate) fn assert_only_gone(before: &World, scene: &Scene, gone: impl IntoIterator<Item = Vec<Thing>>) {
    let after = scene.sim.snapshot();
    let mut expected = before.clone();
    for (region, id) in gone.into_iter().flatten() {
        let held = expected.region_mut(&region);
        let was_there = match id.parse::<ImageId>() {
            Ok(image) => held.images.remove(&image).is_some(),
            Err(_) => held.snapshots.remove(id.as_str()).is_some(),
        };
        assert!(was_there, "{id} was not there to begin with");
    }
    let things = |world: &World| -> Vec<String> {
        let mut things = Vec::new();
        for (account, held) in &world.accounts {
            for (region, held) in &held.regions {
                things.extend(held.images.values().map(|image| format!("{account} {region} {}", serde_json::to_string(image).unwrap())));
                things.extend(
                    held.snapshots.values().map(|snapshot| format!("{account} {region} {}", serde_json::to_string(snapshot).unwrap())),
                );
                things.extend(
                    held.instances.values().map(|instance| format!("{account} {region} {}", serde_json::to_string(instance).unwrap())),
                );
                things.extend(held.volumes.values().map(|volume| format!("{account} {region} {}", serde_json::to_string(volume).unwrap())));
            }
        }
        things
    };
    let (expected, after) = (things(&expected), things(&after));
    let lost: Vec<&String> = expected.iter().filter(|thing| !after.contains(thing)).collect();
    let left: Vec<&String> = after.iter().filter(|thing| !expected.contains(thing)).collect();
    assert!(
        lost.is_empty() && left.is_empty(),
        "gone or changed, and should not be: {lost:#?}\nthere or changed, and should not be: {left:#?}"
    );
}

/// A completed snapshot of nothing in particular, with those digits in its id.
pub(crate) fn snapshot(digits: &str, started: Timestamp) -> Snapshot {
    Snapshot {
        id: format!("snap-{digits}").parse().unwrap(),
        owner: AccountId::default(),
        volume_id: "vol-00000000".parse().unwrap(),
        volume_size: 8,
        description: String::new(),
        state: SnapshotState::Completed,
        state_message: None,
        progress: 100,
        started,
        visible_from: started,
        ends: started,
        fails_with: None,
        delete_at_end: false,
        encrypted: false,
        kms_key_id: None,
        completion_minutes: None,
        storage_tier: "standard".to_owned(),
        tiering: None,
        lock: None,
        public: false,
        create_volume_permissions: [].into(),
        managed_by: None,
        tags: Tags::new(),
    }
}

/// The device of an image that holds that snapshot.
pub(crate) fn device(number: usize, snapshot: &SnapshotId) -> BlockDevice {
    let ebs = Ebs {
        snapshot_id: Some(snapshot.clone()),
        volume_size: 8,
        volume_type: "gp3".to_owned(),
        delete_on_termination: number == 0,
        encrypted: false,
    };
    let letter = char::from(b'a' + u8::try_from(number).unwrap());
    BlockDevice::Ebs { device_name: if number == 0 { "/dev/sda1".to_owned() } else { format!("/dev/sd{letter}") }, ebs }
}

/// What else can be asked for with a backup.
pub(crate) trait Asking {
    /// It may go after that instant.
    fn expiring(self, at: &str) -> Self;
    /// It is copied there, encrypted as its source is.
    fn copied_to(self, region: &str) -> Self;
    /// It is copied there, in so many minutes.
    fn copied_within(self, region: &str, minutes: u16) -> Self;
    /// It is copied there, encrypted so.
    fn copied_encrypted(self, region: &str, encryption: Encryption) -> Self;
}

impl Asking for ImageRequest {
    fn expiring(mut self, instant: &str) -> Self {
        self.expire = Some(Expiry::at(at(instant)));
        self
    }

    fn copied_to(self, region: &str) -> Self {
        self.copied_encrypted(region, Encryption::AsSource)
    }

    fn copied_within(mut self, destination: &str, minutes: u16) -> Self {
        let completion = Completion::of_minutes(minutes).ok();
        self.copies.push(CopyRequest { destination: region(destination), encryption: Encryption::AsSource, completion });
        self
    }

    fn copied_encrypted(mut self, destination: &str, encryption: Encryption) -> Self {
        self.copies.push(CopyRequest { destination: region(destination), encryption, completion: None });
        self
    }
}

/// Tags by key.
pub(crate) fn tags(tags: &[(&str, &str)]) -> Tags {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// EC2's refusal for want of a permission, though the caller has it otherwise.
pub(crate) fn denied(action: &str) -> FaultKind {
    FaultKind::Error {
        status: 403,
        code: "UnauthorizedOperation".to_owned(),
        message: format!(
            "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/operator is not authorized to \
             perform: ec2:{action} because no identity-based policy allows the ec2:{action} action"
        ),
    }
}

/// An error with that code and HTTP status.
pub(crate) fn error(status: u16, code: &str, message: &str) -> FaultKind {
    FaultKind::Error { status, code: code.to_owned(), message: message.to_owned() }
}
