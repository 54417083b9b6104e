//! Where a call acts: one account in one region of the world, and what it can see from there.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;

use crate::caller::Caller;
use crate::clock::later;
use crate::error::Error;
use crate::id::{AccountId, ImageId, InstanceId, SnapshotId, VolumeId};
use crate::reference::{instance_id, no_such_image, no_such_instances, no_such_snapshot, no_such_volume};
use crate::resource::ResourceId;
use crate::world::{Ancestor, Image, Instance, Region, Session, Snapshot, Volume, World};

pub(crate) struct Scope<'w> {
    pub(crate) world: &'w mut World,
    pub(crate) account: AccountId,
    /// Where the caller has assumed a role of the account: that session.
    pub(crate) session: Option<Session>,
    pub(crate) region: String,
    /// The request as it was sent.
    pub(crate) form: &'w BTreeMap<String, String>,
}

/// The image that every region offers to everybody.
static PUBLIC_IMAGE: LazyLock<Option<Image>> = LazyLock::new(Image::published_by_amazon);

/// The images that belong to no account of a world.
pub(crate) fn published<'i>() -> impl Iterator<Item = &'i Image> {
    PUBLIC_IMAGE.iter()
}

impl<'w> Scope<'w> {
    pub(crate) fn new(caller: Caller, region: &str, form: &'w BTreeMap<String, String>, world: &'w mut World) -> Self {
        Self { world, account: caller.account, session: caller.session, region: region.to_owned(), form }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.world.clock
    }

    /// What the caller's account holds here.
    pub(crate) fn here(&self) -> &Region {
        self.world.region_of(&self.account, &self.region)
    }

    pub(crate) fn here_mut(&mut self) -> &mut Region {
        self.world.region_of_mut(&self.account, &self.region)
    }

    /// Refuses an action that the account's callers may not perform.
    pub(crate) fn authorize(&self, action: &str) -> Result<(), Error> {
        self.authorize_at("ec2", action)
    }

    /// The same for an action of another service, that EC2 performs in the caller's name.
    pub(crate) fn authorize_at(&self, service: &str, action: &str) -> Result<(), Error> {
        if self.may(action) { Ok(()) } else { Err(self.unauthorized(service, action, "")) }
    }

    /// As [`Scope::authorize`], of an action on resources that exist already.
    pub(crate) fn authorize_on(&self, action: &str, resources: &[ResourceId]) -> Result<(), Error> {
        self.authorize(action)?;
        match resources.iter().find(|resource| !self.may_on(action, resource)) {
            None => Ok(()),
            Some(resource) => Err(self.unauthorized("ec2", action, &format!(" on resource: {}", resource.arn(self)))),
        }
    }

    fn unauthorized(&self, service: &str, action: &str, on: &str) -> Error {
        Error::new(
            "UnauthorizedOperation",
            format!(
                "You are not authorized to perform this operation. User: {} is not authorized to perform: \
                 {service}:{action}{on} because no identity-based policy allows the {service}:{action} action",
                self.caller_arn()
            ),
        )
    }

    pub(crate) fn may(&self, action: &str) -> bool {
        self.world.accounts.get(&self.account).is_none_or(|account| {
            let role = self.session.as_ref().and_then(|session| account.roles.get(&session.role));
            !account.denied_actions.contains(action) && role.is_none_or(|role| !role.denied_actions.contains(action))
        })
    }

    /// Whether the account's callers may do that with a resource. What is not there is not denied: the
    /// action will say so.
    pub(crate) fn may_on(&self, action: &str, resource: &ResourceId) -> bool {
        let condition = self.world.accounts.get(&self.account).and_then(|account| account.denied_unless_tagged.get(action));
        self.may(action)
            && condition.is_none_or(|(key, value)| resource.tags(self).is_none_or(|tags| tags.get(key).is_some_and(|is| is == value)))
    }

    pub(crate) fn caller_arn(&self) -> String {
        match &self.session {
            Some(session) => session.arn(),
            None => format!("arn:aws:iam::{}:user/operator", self.account),
        }
    }

    /// The caller's unique id in IAM.
    pub(crate) fn caller_id(&self) -> String {
        match &self.session {
            Some(session) => session.id(self.world.ids.seed),
            None => "AIDAEXAMPLEOPERATOR00".to_owned(),
        }
    }

    /// Whether what was done at that instant can be seen yet.
    pub(crate) fn sees(&self, done: Timestamp) -> bool {
        later(done, self.world.manners.visibility_lag) <= self.now()
    }

    /// The images that the caller may know of: its own, those shared with it, the public ones.
    pub(crate) fn images(&self) -> impl Iterator<Item = &Image> {
        self.images_in(&self.region)
    }

    pub(crate) fn images_in(&self, region: &str) -> impl Iterator<Item = &Image> {
        let images = self.regions_called(region).flat_map(|held| held.images.values());
        images.chain(published()).filter(move |image| self.knows(image))
    }

    /// One of them by its id.
    pub(crate) fn known_image(&self, id: &ImageId) -> Option<&Image> {
        let held = self.everybodys_here().filter_map(|held| held.images.get(id));
        held.chain(published().filter(|image| image.id == *id)).find(|image| self.knows(image))
    }

    /// Whether the caller may know of an image.
    pub(crate) fn knows(&self, image: &Image) -> bool {
        image.visible_from <= self.now() && image.is_open_to(&self.account)
    }

    /// What each account holds here.
    pub(crate) fn everybodys_here(&self) -> impl Iterator<Item = &Region> {
        self.regions_called(&self.region)
    }

    fn regions_called(&self, name: &str) -> impl Iterator<Item = &Region> {
        self.world.accounts.values().filter_map(move |account| account.regions.get(name))
    }

    pub(crate) fn image(&self, id: &ImageId) -> Result<&Image, Error> {
        self.known_image(id).ok_or_else(|| self.no_image(id))
    }

    /// An image that the caller may change.
    pub(crate) fn own_image(&self, id: &ImageId) -> Result<&Image, Error> {
        let image = self.image(id)?;
        if image.owner == self.account { Ok(image) } else { Err(Error::new("AuthFailure", format!("Not authorized for image:{id}"))) }
    }

    pub(crate) fn own_image_mut(&mut self, id: &ImageId) -> Result<&mut Image, Error> {
        self.own_image(id)?;
        let missing = no_such_image(id);
        self.here_mut().images.get_mut(id).ok_or(missing)
    }

    /// What an image descends from whose instance was launched from that one.
    pub(crate) fn ancestry_of(&self, launched: &ImageId) -> Vec<Ancestor> {
        let here = self.here();
        // The image may be gone by now, or in the bin: while instances of it live, EC2 remembers it.
        let image = self.known_image(launched).or_else(|| here.deregistered.get(launched).map(|gone| &gone.image));
        match image.or_else(|| here.recycle_bin.images.get(launched).map(|binned| &binned.item)) {
            Some(image) => image.ancestry(&self.region),
            None => vec![Ancestor { id: launched.clone(), region: self.region.clone(), created: None, owner_alias: None }],
        }
    }

    fn no_image(&self, id: &ImageId) -> Error {
        if self.here().deregistered.contains_key(id) {
            Error::new("InvalidAMIID.Unavailable", format!("The image ID '{id}' is no longer available"))
        } else {
            no_such_image(id)
        }
    }

    /// An image of the caller's in the Recycle Bin.
    pub(crate) fn binned_image_mut(&mut self, id: &ImageId) -> Result<&mut Image, Error> {
        let binned = self.here_mut().recycle_bin.images.get_mut(id);
        binned.map(|binned| &mut binned.item).ok_or_else(|| no_such_image(id))
    }

    /// A snapshot of the caller's in the Recycle Bin.
    pub(crate) fn binned_snapshot_mut(&mut self, id: &SnapshotId) -> Result<&mut Snapshot, Error> {
        let binned = self.here_mut().recycle_bin.snapshots.get_mut(id);
        binned.map(|binned| &mut binned.item).ok_or_else(|| no_such_snapshot(id))
    }

    pub(crate) fn instance(&self, id: &InstanceId) -> Result<&Instance, Error> {
        let instance = self.here().instances.get(id);
        instance.ok_or_else(|| no_such_instances(&[id]))
    }

    pub(crate) fn instance_mut(&mut self, id: &InstanceId) -> Result<&mut Instance, Error> {
        let instance = self.here_mut().instances.get_mut(id);
        instance.ok_or_else(|| no_such_instances(&[id]))
    }

    /// The instances of a list of ids, or an error that names all those that do not exist.
    pub(crate) fn instances(&self, ids: &[String]) -> Result<Vec<&Instance>, Error> {
        let ids: Vec<InstanceId> = ids.iter().map(|id| instance_id(id)).collect::<Result<_, _>>()?;
        let held = &self.here().instances;
        let missing: Vec<&InstanceId> = ids.iter().filter(|id| !held.contains_key(*id)).collect();
        if !missing.is_empty() {
            return Err(no_such_instances(&missing));
        }
        Ok(ids.iter().filter_map(|id| held.get(id)).collect())
    }

    /// The caller's snapshots, as far as they can be seen yet.
    pub(crate) fn snapshots(&self) -> impl Iterator<Item = &Snapshot> {
        let now = self.now();
        self.here().snapshots.values().filter(move |snapshot| snapshot.visible_from <= now)
    }

    /// Whether the caller may make volumes of a snapshot: its own, one shared with it, a public one.
    pub(crate) fn restores(&self, snapshot: &Snapshot) -> bool {
        snapshot.visible_from <= self.now() && snapshot.is_open_to(&self.account)
    }

    pub(crate) fn restorable_snapshot(&self, id: &SnapshotId) -> Result<&Snapshot, Error> {
        let mut snapshots = self.everybodys_here().filter_map(|held| held.snapshots.get(id));
        snapshots.find(|snapshot| self.restores(snapshot)).ok_or_else(|| no_such_snapshot(id))
    }

    /// A snapshot of the caller's.
    pub(crate) fn snapshot(&self, id: &SnapshotId) -> Result<&Snapshot, Error> {
        let now = self.now();
        let snapshot = self.here().snapshots.get(id);
        snapshot.filter(|snapshot| snapshot.visible_from <= now).ok_or_else(|| self.no_snapshot(id))
    }

    /// A snapshot that the caller may change.
    pub(crate) fn snapshot_mut(&mut self, id: &SnapshotId) -> Result<&mut Snapshot, Error> {
        let now = self.now();
        let missing = self.no_snapshot(id);
        let snapshot = self.here_mut().snapshots.get_mut(id);
        snapshot.filter(|snapshot| snapshot.visible_from <= now).ok_or(missing)
    }

    /// What is shared with the caller is there, and is not the caller's. The code is not documented.
    fn no_snapshot(&self, id: &SnapshotId) -> Error {
        if self.restorable_snapshot(id).is_ok() {
            Error::new("AuthFailure", format!("Not authorized for snapshot:{id}"))
        } else {
            no_such_snapshot(id)
        }
    }

    pub(crate) fn volume(&self, id: &VolumeId) -> Result<&Volume, Error> {
        let volume = self.here().volumes.get(id);
        volume.ok_or_else(|| no_such_volume(id))
    }

    pub(crate) fn volume_mut(&mut self, id: &VolumeId) -> Result<&mut Volume, Error> {
        let volume = self.here_mut().volumes.get_mut(id);
        volume.ok_or_else(|| no_such_volume(id))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use crate::testing::{Client, noon};
    use crate::world::{Allowance, RetainedType, RetentionRule, World};

    const RUN: [(&str, &str); 3] = [("ImageId", "ami-12345678"), ("MinCount", "1"), ("MaxCount", "1")];
    const NAMED: (&str, &str) = ("Name", "nightly");

    /// Callers of two accounts in one world, neither of which has anything.
    fn neighbours() -> [Client; 2] {
        let mut world = World::new(1, noon());
        world.access_keys.insert("AKIDOTHER".to_owned(), "210987654321".parse().unwrap());
        let one = Client::of(world);
        [one.with_key("AKIDOTHER"), one]
    }

    /// An image of an instance, both new.
    fn make_image(ec2: &Client, name: &str) -> String {
        let instance = ec2.ok("RunInstances", &RUN).text("instanceId");
        ec2.wait(60);
        let image = ec2.create_image(&instance, name);
        ec2.wait(600);
        image
    }

    fn own_images(ec2: &Client) -> Vec<String> {
        ec2.ok("DescribeImages", &[("Owner.1", "self")]).texts("imageId")
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_neither_sees_nor_can_delete_what_anothers_is() {
        let [one, other] = neighbours();
        let (mine, theirs) = (make_image(&one, "nightly"), make_image(&other, "nightly"));
        let snapshots = |ec2: &Client| ec2.ok("DescribeSnapshots", &[("Owner.1", "self")]).texts("snapshotId");
        for (ec2, image, stranger, others) in [(&one, &mine, &other, &theirs), (&other, &theirs, &one, &mine)] {
            assert_eq!(own_images(ec2), std::slice::from_ref(image));
            assert!(ec2.error("DescribeImages", &[("ImageId.1", others)]).starts_with("InvalidAMIID.NotFound"));
            assert!(ec2.error("DeregisterImage", &[("ImageId", others)]).starts_with("InvalidAMIID.NotFound"));
            assert!(ec2.error("CreateTags", &[("ResourceId.1", others), ("Tag.1.Key", "a")]).starts_with("InvalidAMIID.NotFound"));
            assert!(ec2.error("CopyImage", &[("SourceImageId", others), ("SourceRegion", "us-east-1"), NAMED]).starts_with("InvalidAMIID"));
            let [snapshot] = &snapshots(stranger)[..] else { panic!("one snapshot") };
            assert!(ec2.error("DeleteSnapshot", &[("SnapshotId", snapshot)]).starts_with("InvalidSnapshot.NotFound"));
        }
        assert_eq!((snapshots(&one).len(), snapshots(&other).len()), (1, 1));
        one.ok("DeregisterImage", &[("ImageId", &mine)]);
        assert_eq!(own_images(&other), [theirs]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_is_taken_in_its_account_and_region_only() {
        let [one, other] = neighbours();
        for (ec2, region) in [(&one, "us-east-1"), (&other, "us-east-1"), (&one, "eu-west-1"), (&other, "eu-west-1")] {
            let here = ec2.in_region(region);
            make_image(&here, "nightly");
            let instance = here.ok("DescribeInstances", &[]).text("instanceId");
            assert!(here.error("CreateImage", &[("InstanceId", &instance), NAMED]).starts_with("InvalidAMIName.Duplicate"));
        }
        let template = [("LaunchTemplateName", "web"), ("LaunchTemplateData.ImageId", "ami-12345678")];
        for ec2 in [&one, &other] {
            ec2.ok("CreateLaunchTemplate", &template);
            assert_eq!(ec2.ok("DescribeLaunchTemplates", &[]).texts("launchTemplateId").len(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_token_is_its_accounts() {
        let [one, other] = neighbours();
        let run = [&RUN[..], &[("ClientToken", "once")]].concat();
        let ran = one.ok("RunInstances", &run).text("instanceId");
        assert_eq!(one.ok("RunInstances", &run).text("instanceId"), ran);
        assert_ne!(other.ok("RunInstances", &run).text("instanceId"), ran);
    }

    #[tokio::test(start_paused = true)]
    async fn each_account_has_its_recycle_bin() {
        let [one, other] = neighbours();
        let rule = RetentionRule {
            resource_type: RetainedType::Ec2Image,
            days: 7,
            description: None,
            tags: [].into(),
            resource_tags: Vec::new(),
            exclude_resource_tags: Vec::new(),
            active_from: noon(),
        };
        one.sim
            .world()
            .region_of_mut(&"210987654321".parse().unwrap(), "us-east-1")
            .recycle_bin
            .rules
            .insert("0123456789a".to_owned(), rule);
        let binned = |ec2: &Client| ec2.ok("ListImagesInRecycleBin", &[]).texts("imageId");
        let (mine, theirs) = (make_image(&one, "nightly"), make_image(&other, "nightly"));
        one.ok("DeregisterImage", &[("ImageId", &mine)]);
        other.ok("DeregisterImage", &[("ImageId", &theirs)]);
        assert_eq!((binned(&one), binned(&other)), (vec![mine.clone()], Vec::new()));
        assert!(other.error("RestoreImageFromRecycleBin", &[("ImageId", &mine)]).starts_with("InvalidAMIID.NotFound"));
        one.ok("RestoreImageFromRecycleBin", &[("ImageId", &mine)]);
    }

    #[test]
    fn each_account_has_its_own_allowance_in_each_region() {
        let [one, other] = neighbours();
        let mut world = one.sim.world();
        world.manners.throttling = true;
        world.manners.allowances.insert("DescribeImages".to_owned(), Allowance { most: 2.0, per_second: 0.0 });
        drop(world);
        let served = |ec2: &Client| (0..9).take_while(|_| ec2.call("DescribeImages", &[]).status == 200).count();
        assert_eq!([&one, &other, &one.in_region("eu-west-1"), &other.in_region("eu-west-1"), &one].map(served), [2, 2, 2, 2, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn stale_reads_are_of_ones_own_past() {
        let [one, other] = neighbours();
        one.sim.world().manners.stale_reads = SignedDuration::from_mins(10);
        make_image(&one, "nightly");
        for _ in 0..50 {
            assert_eq!(own_images(&other), [""; 0]);
            one.wait(5);
        }
    }
}
