//! Where a call acts: one account in one region of the world, and what it can see from there.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;

use crate::error::Error;
use crate::id::{AccountId, ImageId, InstanceId, SnapshotId, VolumeId};
use crate::reference::{instance_id, no_such_image, no_such_instances, no_such_snapshot, no_such_volume};
use crate::world::{Image, Instance, Region, Snapshot, Volume, World};

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
        if self.may(action) {
            return Ok(());
        }
        Err(Error::new(
            "UnauthorizedOperation",
            format!(
                "You are not authorized to perform this operation. User: {} is not authorized to perform: \
                 ec2:{action} because no identity-based policy allows the ec2:{action} action",
                self.caller_arn()
            ),
        ))
    }

    pub(crate) fn may(&self, action: &str) -> bool {
        self.world.accounts.get(&self.account).is_none_or(|account| !account.denied_actions.contains(action))
    }

    pub(crate) fn caller_arn(&self) -> String {
        format!("arn:aws:iam::{}:user/operator", self.account)
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

    fn no_image(&self, id: &ImageId) -> Error {
        if self.here().deregistered.contains_key(id) {
            Error::new("InvalidAMIID.Unavailable", format!("The image ID '{id}' is no longer available"))
        } else {
            no_such_image(id)
        }
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

    pub(crate) fn snapshot(&self, id: &SnapshotId) -> Result<&Snapshot, Error> {
        let now = self.now();
        let snapshot = self.here().snapshots.get(id);
        snapshot.filter(|snapshot| snapshot.visible_from <= now).ok_or_else(|| no_such_snapshot(id))
    }

    pub(crate) fn snapshot_mut(&mut self, id: &SnapshotId) -> Result<&mut Snapshot, Error> {
        let now = self.now();
        let snapshot = self.here_mut().snapshots.get_mut(id);
        snapshot.filter(|snapshot| snapshot.visible_from <= now).ok_or_else(|| no_such_snapshot(id))
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
