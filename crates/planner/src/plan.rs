//! What is to be done, and why: plain, ordered data. The dry run prints the very value that the real run applies.

pub mod copy;
pub mod due;
pub mod image;
pub mod mend;
mod newest;
pub mod purge;
pub mod retag;
pub mod retire;

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::completion::Completion;
use crate::expiry::Expiry;
use crate::id::{ImageId, InstanceId, Region, SnapshotId};
use crate::inventory::ImageState;
use crate::tags::{Encryption, Tags};

pub use copy::{CopyStanding, Standing};
pub use mend::Mend;
pub use purge::{Debris, KeepReason, PurgeReason, Verdict};
pub use retag::Retag;

/// Everything one round decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What to do, in this order within a region.
    pub steps: Vec<Step>,
    /// What becomes of every backup and orphan seen, the kept ones included.
    pub verdicts: Vec<Verdict>,
    /// Where each copy that was asked for stands.
    pub copies: Vec<CopyStanding>,
    /// Failed copies that EC2 left without a name or tags: told of, and never deleted.
    pub debris: Vec<Debris>,
}

/// One change to the world, in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The region whose endpoint is asked.
    pub region: Region,
    /// What is asked of it.
    pub action: Action,
}

/// A change that EC2 can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make an image of an instance.
    CreateImage(CreateImage),
    /// Copy an image into this region.
    CopyImage(CopyImage),
    /// Deregister an image and delete snapshots of it.
    RemoveImage(RemoveImage),
    /// Delete a snapshot whose image is gone.
    DeleteSnapshot(SnapshotId),
    /// Change tags of a backup.
    Retag(Retag),
    /// Deprecate or protect a backup.
    Mend(Mend),
}

/// An image to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateImage {
    /// The instance.
    pub instance: InstanceId,
    /// The name, which makes the call repeatable.
    pub name: String,
    /// EC2's description field, as the seed wrote it.
    pub description: String,
    /// Whether EC2 may reboot the instance.
    pub reboot: bool,
    /// The devices whose volumes are left out.
    pub excluded_devices: BTreeSet<String>,
    /// The tags of the image.
    pub image_tags: Tags,
    /// The tags of each of its snapshots.
    pub snapshot_tags: Tags,
}

/// A copy to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyImage {
    /// The region of the source.
    pub source_region: Region,
    /// The source.
    pub source: ImageId,
    /// The name, which is the second thing that makes the call repeatable.
    pub name: String,
    /// The client token, which is the first.
    pub token: String,
    /// EC2's description field.
    pub description: String,
    /// How the copy's snapshots are encrypted.
    pub encryption: Encryption,
    /// In how many minutes EC2 is to finish it; as EC2 likes, if absent.
    pub completion: Option<Completion>,
    /// The tags of the image and of each of its snapshots.
    pub tags: Tags,
}

/// An image to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveImage {
    /// The image.
    pub image: ImageId,
    /// The snapshots to delete with it.
    pub snapshots: Vec<SnapshotId>,
    /// Those of them that only the image's own mark or expiry covers: once it is gone, no later run could find them.
    pub covered: Vec<SnapshotId>,
    /// Whether these are all the snapshots it has, so that EC2 may delete them in the deregistering call.
    pub all_snapshots: bool,
}

/// What a person needs to know a backup by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BackupLabel {
    /// The image.
    pub image: ImageId,
    /// The image's name.
    pub name: Option<String>,
    /// The instance it is a backup of.
    pub instance: Option<InstanceId>,
    /// That instance's name, by the backup's `Name` tag.
    pub instance_name: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it may go.
    pub expire: Option<Expiry>,
    /// Where it stands.
    pub state: ImageState,
}

impl Plan {
    /// The steps that remove something.
    pub fn deletions(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| matches!(step.action, Action::RemoveImage(_) | Action::DeleteSnapshot(_)))
    }
}
