//! The state of the world: accounts → regions → instances, volumes, images, snapshots.
//!
//! Everything here is plain data with public fields, so that a test can arrange what it needs and
//! look at what became of it. Nothing happens by itself: [`World::settle`] moves on whatever is due.

mod example;
mod held;
mod history;
mod image;
mod index;
mod instance;
mod launch_configuration;
mod launch_device;
mod launch_template;
mod lock;
mod managed;
mod manners;
mod parameter;
mod public_image;
mod recipe;
mod recycle_bin;
mod regions;
mod role;
mod snapshot;
pub(crate) mod tier;
mod volume;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::held::Held;
pub use self::history::History;
pub use self::image::{Ancestor, BlockDevice, DeregistrationProtection, Ebs, Gone, Image, ImageState, Origin, StateReason};
pub use self::instance::{Device, Instance, InstanceState};
pub(crate) use self::instance::{START_DURATION, STOP_DURATION};
pub use self::launch_configuration::LaunchConfiguration;
pub use self::launch_device::{LaunchDevice, LaunchEbs};
pub use self::launch_template::{LaunchTemplate, LaunchTemplateData, LaunchTemplateVersion};
pub use self::lock::{CoolOff, Lock, LockMode, LockState, LockTerm};
pub use self::managed::ManagedBy;
pub use self::manners::{ClosedRegion, DeniedReferences, FailNext, Manners, Pace};
pub use self::parameter::Parameter;
pub use self::recipe::Recipe;
pub use self::recycle_bin::{Binned, IN_BIN_TAG, RecycleBin, ResourceTag, RetainedType, RetentionRule};
pub use self::regions::{OptInStatus, RegionFacts, Zone};
pub use self::role::{Role, Session};
pub(crate) use self::role::{is_external_id_letter, is_name_letter};
pub use self::snapshot::{Snapshot, SnapshotState};
pub use self::tier::{TierOperation, Tiering};
pub use self::volume::{Attachment, Volume};
use crate::clock::later;
use crate::id::{AccountId, Ids, ImageId, InstanceId, LaunchTemplateId, SnapshotId, VolumeId};
pub use crate::throttle::{Allowance, Bucket};

/// The tags of one resource.
pub type Tags = BTreeMap<String, String>;

/// A whole simulated EC2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct World {
    /// The instant up to which everything has happened.
    pub clock: Timestamp,
    /// How much faster than on EC2 resources change state. Nothing else depends on it.
    pub speed: f64,
    /// Where new ids come from.
    pub ids: Ids,
    /// The regions there are, and whether they are open to the accounts of this world.
    pub regions: BTreeMap<String, RegionFacts>,
    /// What the accounts hold. An account that has never had anything is absent.
    pub accounts: BTreeMap<AccountId, Account>,
    /// Which account an access key belongs to. Any other key belongs to [`AccountId::DEFAULT`], unless it looks like
    /// that of a session: then it must be one's.
    pub access_keys: BTreeMap<String, AccountId>,
    /// The sessions of those who have assumed a role, by their access keys.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sessions: BTreeMap<String, Session>,
    /// The instance that the metadata service answers for.
    pub metadata_instance: Option<InstanceId>,
    /// Choices where EC2 may behave one way or another.
    #[serde(default)]
    pub manners: Manners,
    /// What the next images and copies die of.
    #[serde(default)]
    pub fail_next: FailNext,
    /// How things looked lately, where reads may be stale.
    #[serde(default, skip_serializing_if = "History::is_empty")]
    pub history: History,
}

/// What one account holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// By region; a region in which the account has never had anything is absent.
    pub regions: BTreeMap<String, Region>,
    /// Actions that its callers may not perform, `DeleteSnapshot` for one; those of other services too,
    /// without the service's name: `GetParameters`.
    #[serde(default)]
    pub denied_actions: BTreeSet<String>,
    /// Actions that its callers may perform only on resources that bear a tag: action → (key, value), as
    /// policies with a condition on `aws:ResourceTag` have it. It concerns the actions that change images,
    /// snapshots and tags, and `CreateImage` by its instance. EC2 does not authorize `CopyImage` that way.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub denied_unless_tagged: BTreeMap<String, (String, String)>,
    /// The roles that can be assumed, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, Role>,
}

/// What one account holds in one region.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// The instances, the recently terminated ones among them.
    pub instances: BTreeMap<InstanceId, Instance>,
    /// The volumes.
    pub volumes: BTreeMap<VolumeId, Volume>,
    /// The registered images, in whatever state.
    pub images: Held<ImageId, Image>,
    /// The images that were deregistered not long ago.
    pub deregistered: BTreeMap<ImageId, Gone>,
    /// The snapshots.
    pub snapshots: Held<SnapshotId, Snapshot>,
    /// What was deleted and can be restored, and the rules for that.
    #[serde(default)]
    pub recycle_bin: RecycleBin,
    /// KMS keys that can be used, by id, ARN or alias as a call would name them, besides
    /// `alias/aws/ebs`.
    pub kms_keys: BTreeSet<String>,
    /// The client tokens that are remembered, as `Action/token`.
    pub client_tokens: BTreeMap<String, TokenUse>,
    /// What is left in the token buckets of the actions that were called, where calls are throttled.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub buckets: BTreeMap<String, Bucket>,
    /// The launch templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub launch_templates: BTreeMap<LaunchTemplateId, LaunchTemplate>,
    /// The launch configurations of Auto Scaling, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub launch_configurations: BTreeMap<String, LaunchConfiguration>,
    /// The parameters of Systems Manager, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Parameter>,
    /// The image recipes of Image Builder, by name and version: `web/1.0.0`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub image_recipes: BTreeMap<String, Recipe>,
    /// The container recipes of Image Builder, by name and version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub container_recipes: BTreeMap<String, Recipe>,
}

/// What a client token was used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUse {
    /// When it was first used.
    pub at: Timestamp,
    /// The parameters that came with it.
    pub params: BTreeMap<String, String>,
    /// What it created.
    pub created: Vec<String>,
}

impl World {
    /// A world with its regions, the public image `ami-12345678` in each of them, and nothing else.
    pub fn new(seed: u64, clock: Timestamp) -> Self {
        Self {
            clock,
            speed: 1.0,
            ids: Ids::new(seed),
            regions: regions::commercial(),
            accounts: BTreeMap::new(),
            access_keys: BTreeMap::new(),
            sessions: BTreeMap::new(),
            metadata_instance: None,
            manners: Manners::default(),
            fail_next: FailNext::default(),
            history: History::default(),
        }
    }

    /// What the default account holds in a region; nothing where it never had anything.
    pub fn region(&self, name: &str) -> &Region {
        self.region_of(&AccountId::default(), name)
    }

    /// As [`World::region`], to arrange things.
    pub fn region_mut(&mut self, name: &str) -> &mut Region {
        self.region_of_mut(&AccountId::default(), name)
    }

    /// What an account holds in a region; nothing where it never had anything.
    pub fn region_of(&self, account: &AccountId, name: &str) -> &Region {
        static EMPTY: Region = Region {
            instances: BTreeMap::new(),
            volumes: BTreeMap::new(),
            images: Held::new(),
            deregistered: BTreeMap::new(),
            snapshots: Held::new(),
            recycle_bin: RecycleBin::EMPTY,
            kms_keys: BTreeSet::new(),
            client_tokens: BTreeMap::new(),
            buckets: BTreeMap::new(),
            launch_templates: BTreeMap::new(),
            launch_configurations: BTreeMap::new(),
            parameters: BTreeMap::new(),
            image_recipes: BTreeMap::new(),
            container_recipes: BTreeMap::new(),
        };
        self.accounts.get(account).and_then(|account| account.regions.get(name)).unwrap_or(&EMPTY)
    }

    /// As [`World::region_of`], to arrange things.
    pub fn region_of_mut(&mut self, account: &AccountId, name: &str) -> &mut Region {
        self.accounts.entry(account.clone()).or_default().regions.entry(name.to_owned()).or_default()
    }

    /// Lets everything happen that is due by `now`. Settling in two steps or in one is the same.
    pub fn settle(&mut self, now: Timestamp) {
        let bound = self.manners.stale_reads;
        if bound.is_zero() {
            self.history = History::default();
        } else {
            // Every change is kept with the instant it happened at, and not with that of the next call.
            self.history.record(&self.accounts, self.clock, bound);
            while let Some(due) = self.next_due(now) {
                self.settle_at(due);
                self.history.record(&self.accounts, due, bound);
            }
        }
        self.settle_at(now);
        if !bound.is_zero() {
            self.history.record(&self.accounts, self.clock, bound);
        }
    }

    /// The first instant between the last one and `now` at which something changes.
    fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let regions = || self.accounts.values().flat_map(|account| account.regions.values());
        let instances = regions().flat_map(|region| region.instances.values()).filter_map(|instance| instance.next_state_at);
        let images = regions().flat_map(|region| region.images.values()).map(|image| image.ends);
        let snapshots = regions().flat_map(|region| region.snapshots.values()).map(|snapshot| snapshot.ends);
        let protections = regions().flat_map(|region| region.images.values()).filter_map(Image::cooled_down_at);
        let tiers = regions().flat_map(|region| region.snapshots.values()).filter_map(|snapshot| snapshot.tiering.as_ref());
        let tiers = tiers.flat_map(|tiering| [Some(tiering.ends), tiering.restored_until]).flatten();
        let bins = regions().flat_map(|region| region.recycle_bin.instants());
        instances
            .chain(images)
            .chain(snapshots)
            .chain(protections)
            .chain(tiers)
            .chain(bins)
            .filter(|due| self.clock < *due && *due < now)
            .min()
    }

    fn settle_at(&mut self, now: Timestamp) {
        self.clock = self.clock.max(now);
        self.sessions.retain(|_, session| session.is_remembered(now));
        let Manners { failed_copies_nameless: nameless, tokens_remembered, .. } = self.manners;
        for region in self.accounts.values_mut().flat_map(|account| account.regions.values_mut()) {
            region.settle(self.clock, nameless, tokens_remembered);
        }
    }

    /// What an account holds in a region as a read sees it, where reads may be stale.
    pub(crate) fn stale_view(&mut self, account: &AccountId, name: &str) -> Option<Region> {
        let bound = self.manners.stale_reads;
        if bound.is_zero() {
            return None;
        }
        let region = self.accounts.get(account)?.regions.get(name)?;
        Some(self.history.view(account, name, region, self.ids.seed, self.clock, bound))
    }

    /// The instant at which something that takes `duration` on EC2, and begins now, is over.
    pub(crate) fn due_after(&self, duration: SignedDuration) -> Timestamp {
        // At speed 0 nothing ever changes.
        let scaled = SignedDuration::try_from_secs_f64(duration.as_secs_f64() / self.speed);
        later(self.clock, scaled.unwrap_or(SignedDuration::MAX))
    }
}

impl Region {
    fn settle(&mut self, now: Timestamp, failed_copies_nameless: bool, tokens_remembered: SignedDuration) {
        for instance in self.instances.values_mut() {
            instance.settle(now, &mut self.volumes);
        }
        self.instances.retain(|_, instance| !instance.forgotten(now));
        self.snapshots.settle(|snapshot| snapshot.settle(now), Snapshot::is_restless);
        self.images.settle(|image| image.settle(now, &self.snapshots, failed_copies_nameless), Image::is_restless);
        for snapshot in self.snapshots.extract(Snapshot::is_deleted) {
            let entered = snapshot.ends;
            self.recycle_bin.receive_snapshot(snapshot, entered);
        }
        self.recycle_bin.settle(now, &mut self.snapshots);
        let instances = &self.instances;
        self.deregistered.retain(|id, gone| gone.remembered(now) || instances.values().any(|i| i.image_id == *id && i.is_alive()));
        self.client_tokens.retain(|_, used| now < later(used.at, tokens_remembered));
    }

    /// The registered image, if any, that a snapshot belongs to.
    pub fn image_using(&self, snapshot: &SnapshotId) -> Option<&Image> {
        let snapshots = |image: &Image| image.snapshots().map(ToString::to_string).collect();
        match self.images.having(&[snapshot.as_str()].into(), "snapshot", snapshots) {
            Some(few) => few.into_iter().find(|image| image.uses(snapshot)),
            None => self.images.values().find(|image| image.uses(snapshot)),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Client, DB, MAIL, WEB, noon};

    #[test]
    fn the_example_is_what_it_says() {
        let world = World::example(1, noon());
        let volumes = |region: &str, id: &str| world.region(region).instances[id].devices.len();
        assert_eq!((volumes("us-east-1", WEB), volumes("us-east-1", DB), volumes("eu-west-1", MAIL)), (1, 3, 1));
        assert_eq!(world.metadata_instance, WEB.parse().ok());
        assert!(Image::published_by_amazon().is_some());
        for region in world.accounts.values().flat_map(|account| account.regions.values()) {
            for instance in region.instances.values() {
                assert!(instance.devices.values().all(|device| region.volumes.contains_key(&device.volume_id)));
            }
        }
    }

    #[test]
    fn a_region_without_anything_is_empty() {
        let mut world = World::new(1, noon());
        assert_eq!(*world.region("us-east-2"), Region::default());
        assert!(world.accounts.is_empty());
        world.region_mut("us-east-2");
        assert_eq!(world.accounts.len(), 1);
    }

    #[test]
    fn nothing_changes_at_speed_zero() {
        let mut world = World::example(1, noon());
        world.speed = 0.0;
        let ec2 = Client::of(world);
        let id = ec2.create_image(WEB, "nightly");
        ec2.wait(365 * 24 * 3600);
        assert_eq!(ec2.image(&id).state, ImageState::Pending);
    }

    proptest! {
        #[test]
        fn settling_in_steps_or_at_once_is_the_same(steps in prop::collection::vec(0_i64..90, 1..20), fails in any::<bool>()) {
            let mut world = World::example(1, noon());
            if fails {
                world.fail_next.image.push("boom".into());
                world.fail_next.snapshot.push("boom".to_owned());
            }
            let ec2 = Client::of(world);
            let image = ec2.settled_image(WEB, "source");
            ec2.create_image(DB, "nightly");
            ec2.ok("StopInstances", &[("InstanceId.1", WEB)]);
            ec2.ok("TerminateInstances", &[("InstanceId.1", DB)]);
            ec2.call("CopyImage", &[("SourceRegion", "us-east-1"), ("SourceImageId", &image), ("Name", "copy")]);
            let mut stepwise = ec2.sim.snapshot();
            let mut at_once = stepwise.clone();
            let mut now = stepwise.clock;
            for step in steps {
                now += SignedDuration::from_secs(step);
                stepwise.settle(now);
            }
            at_once.settle(now);
            prop_assert_eq!(stepwise, at_once);
        }
    }
}
