//! Anything that can be tagged, told apart by the prefix of its id.

use crate::error::Error;
use crate::id::{ImageId, InstanceId, SnapshotId, VolumeId};
use crate::query::Params;
use crate::scope::Scope;
use crate::world::Tags;

/// More resources than this in one call are refused.
const MOST: usize = 1000;

pub(crate) enum ResourceId {
    Image(ImageId),
    Instance(InstanceId),
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
        let snapshot = || text.parse().map(Self::Snapshot);
        let volume = || text.parse().map(Self::Volume);
        image()
            .or_else(|_| instance())
            .or_else(|_| snapshot())
            .or_else(|_| volume())
            .map_err(|_| Error::new("InvalidID", format!("The ID '{text}' is not valid")))
    }

    /// The tags of the resource, to be changed.
    pub(crate) fn tags_mut<'s>(&self, scope: &'s mut Scope) -> Result<&'s mut Tags, Error> {
        match self {
            Self::Image(id) => scope.own_image_mut(id).map(|image| &mut image.tags),
            Self::Instance(id) => scope.instance_mut(id).map(|instance| &mut instance.tags),
            Self::Snapshot(id) => scope.snapshot_mut(id).map(|snapshot| &mut snapshot.tags),
            Self::Volume(id) => scope.volume_mut(id).map(|volume| &mut volume.tags),
        }
    }
}
