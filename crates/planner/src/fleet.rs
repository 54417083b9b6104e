//! The instances there are, as far as a policy asks about them.

use crate::id::{InstanceId, Region};
use crate::policy::select::{Candidate, InstanceState};
use crate::tags::Tags;

/// An EC2 instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Its region.
    pub region: Region,
    /// Its availability zone.
    pub availability_zone: String,
    /// Where it stands.
    pub state: InstanceState,
    /// Its tags.
    pub tags: Tags,
    /// The device of its root volume, where EC2 says so.
    pub root_device: Option<String>,
    /// Its EBS volumes.
    pub volumes: Vec<Volume>,
}

/// An EBS volume of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// The device it is attached as, such as `/dev/sdf`.
    pub device: String,
    /// Its size in GiB, where that is known.
    pub size_gib: Option<u64>,
    /// Its tags.
    pub tags: Tags,
}

impl Instance {
    /// What a policy selects it by.
    pub fn candidate(&self) -> Candidate {
        Candidate { id: self.id.clone(), region: self.region.clone(), tags: self.tags.clone(), state: self.state }
    }
}
