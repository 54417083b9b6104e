//! Where a call acts: one account in one region of the world, and what it can see from there.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;

use crate::clock::later;
use crate::error::Error;
use crate::id::{AccountId, ImageId, InstanceId, SnapshotId, VolumeId};
use crate::reference::{instance_id, no_such_image, no_such_instances, no_such_snapshot, no_such_volume};
use crate::resource::ResourceId;
use crate::world::{Ancestor, Image, Instance, Region, Snapshot, Volume, World};

pub(crate) struct Scope<'w> {
    pub(crate) world: &'w mut World,
    pub(crate) account: AccountId,
    pub(crate) region: String,
    /// The request as it was sent.
    pub(crate) form: &'w BTreeMap<String, String>,
}

/// The image that every region offers to everybody.
static PUBLIC_IMAGE: LazyLock<Option<Image>> = LazyLock::new(Image::published_by_amazon);

impl Scope<'_> {
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
        self.world.accounts.get(&self.account).is_none_or(|account| !account.denied_actions.contains(action))
    }

    /// Whether the account's callers may do that with a resource. What is not there is not denied: the
    /// action will say so.
    pub(crate) fn may_on(&self, action: &str, resource: &ResourceId) -> bool {
        let condition = self.world.accounts.get(&self.account).and_then(|account| account.denied_unless_tagged.get(action));
        self.may(action)
            && condition.is_none_or(|(key, value)| resource.tags(self).is_none_or(|tags| tags.get(key).is_some_and(|is| is == value)))
    }

    pub(crate) fn caller_arn(&self) -> String {
        format!("arn:aws:iam::{}:user/operator", self.account)
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
        let now = self.now();
        self.world
            .accounts
            .values()
            .filter_map(move |account| account.regions.get(region))
            .flat_map(|held| held.images.values())
            .chain(PUBLIC_IMAGE.as_ref())
            .filter(move |image| image.visible_from <= now && image.is_open_to(&self.account))
    }

    pub(crate) fn image(&self, id: &ImageId) -> Result<&Image, Error> {
        self.images().find(|image| image.id == *id).ok_or_else(|| self.no_image(id))
    }

    /// An image that the caller may change.
    pub(crate) fn own_image_mut(&mut self, id: &ImageId) -> Result<&mut Image, Error> {
        if self.image(id)?.owner != self.account {
            return Err(Error::new("AuthFailure", format!("Not authorized for image:{id}")));
        }
        let missing = no_such_image(id);
        self.here_mut().images.get_mut(id).ok_or(missing)
    }

    /// What an image descends from whose instance was launched from that one.
    pub(crate) fn ancestry_of(&self, launched: &ImageId) -> Vec<Ancestor> {
        let here = self.here();
        // The image may be gone by now, or in the bin: while instances of it live, EC2 remembers it.
        let image = self.images().find(|image| image.id == *launched);
        let image = image.or_else(|| here.deregistered.get(launched).map(|gone| &gone.image));
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

    /// The snapshots that the caller may make volumes of: its own, those shared with it, the public ones.
    pub(crate) fn restorable_snapshots(&self) -> impl Iterator<Item = &Snapshot> {
        let now = self.now();
        self.world
            .accounts
            .values()
            .filter_map(|account| account.regions.get(&self.region))
            .flat_map(|held| held.snapshots.values())
            .filter(move |snapshot| snapshot.visible_from <= now && snapshot.is_open_to(&self.account))
    }

    pub(crate) fn restorable_snapshot(&self, id: &SnapshotId) -> Result<&Snapshot, Error> {
        self.restorable_snapshots().find(|snapshot| snapshot.id == *id).ok_or_else(|| no_such_snapshot(id))
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
