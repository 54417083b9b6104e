//! Anything that can be tagged, told apart by the prefix of its id.

use crate::error::Error;
use crate::id::{ImageId, InstanceId, LaunchTemplateId, SnapshotId, VolumeId};
use crate::launch_templates::Named;
use crate::query::Params;
use crate::scope::Scope;
use crate::world::Tags;

/// More resources than this in one call are refused.
const MOST: usize = 1000;

#[derive(Debug, Clone)]
pub(crate) enum ResourceId {
    Image(ImageId),
    Instance(InstanceId),
    LaunchTemplate(LaunchTemplateId),
    Snapshot(SnapshotId),
    Volume(VolumeId),
}

impl ResourceId {
    /// Takes `ResourceId.N` from a request, which must name one at least.
    pub(crate) fn take_list(params: &mut Params) -> Result<Vec<Self>, Error> {
        let ids = params.list("ResourceId");
        if ids.is_empty() {
            return Err(Error::missing_parameter("ResourceId"));
        }
        if ids.len() > MOST {
            return Err(Error::invalid_parameter_value(format!("The maximum number of resources in one request is {MOST}")));
        }
        ids.iter().map(|id| Self::new(id)).collect()
    }

    fn new(text: &str) -> Result<Self, Error> {
        let image = || text.parse().map(Self::Image);
        let instance = || text.parse().map(Self::Instance);
        let template = || text.parse().map(Self::LaunchTemplate);
        let snapshot = || text.parse().map(Self::Snapshot);
        let volume = || text.parse().map(Self::Volume);
        image()
            .or_else(|_| instance())
            .or_else(|_| template())
            .or_else(|_| snapshot())
            .or_else(|_| volume())
            .map_err(|_| Error::new("InvalidID", format!("The ID '{text}' is not valid")))
    }

    /// The tags of the resource, if the caller has it.
    pub(crate) fn tags<'s>(&self, scope: &'s Scope) -> Option<&'s Tags> {
        match self {
            Self::Image(id) => {
                let binned = || scope.here().recycle_bin.images.get(id).map(|binned| &binned.item);
                scope.here().images.get(id).or_else(binned).map(|image| &image.tags)
            }
            Self::Instance(id) => scope.here().instances.get(id).map(|instance| &instance.tags),
            Self::LaunchTemplate(id) => scope.here().launch_templates.get(id).map(|template| &template.tags),
            Self::Snapshot(id) => {
                let binned = || scope.here().recycle_bin.snapshots.get(id).map(|binned| &binned.item);
                scope.here().snapshots.get(id).or_else(binned).map(|snapshot| &snapshot.tags)
            }
            Self::Volume(id) => scope.here().volumes.get(id).map(|volume| &volume.tags),
        }
    }

    /// The name of the resource in policies. Images and snapshots are named without an account.
    pub(crate) fn arn(&self, scope: &Scope) -> String {
        let region = &scope.region;
        match self {
            Self::Image(id) => format!("arn:aws:ec2:{region}::image/{id}"),
            Self::Instance(id) => format!("arn:aws:ec2:{region}:{}:instance/{id}", scope.account),
            Self::LaunchTemplate(id) => format!("arn:aws:ec2:{region}:{}:launch-template/{id}", scope.account),
            Self::Snapshot(id) => format!("arn:aws:ec2:{region}::snapshot/{id}"),
            Self::Volume(id) => format!("arn:aws:ec2:{region}:{}:volume/{id}", scope.account),
        }
    }

    /// The tags of the resource, to be changed.
    pub(crate) fn tags_mut<'s>(&self, scope: &'s mut Scope) -> Result<&'s mut Tags, Error> {
        match self {
            // In the Recycle Bin, things can still be tagged.
            Self::Image(id) if scope.here().recycle_bin.images.contains_key(id) => scope.binned_image_mut(id).map(|image| &mut image.tags),
            Self::Image(id) => scope.own_image_mut(id).map(|image| &mut image.tags),
            Self::Instance(id) => scope.instance_mut(id).map(|instance| &mut instance.tags),
            Self::LaunchTemplate(id) => Named::Id(id.clone()).find_mut(scope).map(|template| &mut template.tags),
            Self::Snapshot(id) if scope.here().recycle_bin.snapshots.contains_key(id) => {
                scope.binned_snapshot_mut(id).map(|snapshot| &mut snapshot.tags)
            }
            Self::Snapshot(id) => scope.snapshot_mut(id).map(|snapshot| &mut snapshot.tags),
            Self::Volume(id) => scope.volume_mut(id).map(|volume| &mut volume.tags),
        }
    }
}
