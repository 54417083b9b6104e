//! What EC2 says against deleting something, beyond the thing itself: who refers to an image, which snapshots are locked,
//! which images lie in the Recycle Bin. It is asked for only of what would otherwise go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ImageId, SnapshotId};

/// The answers to every check of one region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What refers to images, as `DescribeImageReferences` tells (ec2-semantics 6.3): each image asked about has an entry.
    pub references: Answer<BTreeMap<ImageId, Vec<Reference>>>,
    /// The launch configurations that name images; those `DescribeImageReferences` does not know. All of the region.
    pub launch_configurations: Answer<BTreeMap<ImageId, Vec<Reference>>>,
    /// The locked snapshots of the region, with EC2's word for the lock (ec2-semantics 4.3).
    pub locks: Answer<BTreeMap<SnapshotId, String>>,
    /// The images in the Recycle Bin. A snapshot made for one of them is what it would be restored from (ec2-semantics 3.5).
    pub binned: Answer<BTreeSet<ImageId>>,
}

/// What came of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Answer<T> {
    /// Nobody asked.
    #[default]
    NotAsked,
    /// EC2 told.
    Told(T),
    /// It cannot be found out, and why: a permission that is missing, a call the endpoint does not offer. What that means is the
    /// policy's to say.
    Unknown(String),
    /// EC2 could have told, and did not this time, and why: it was busy, or broke off. What it might have spoken for stays until it
    /// does.
    Failed(String),
}

/// Something that refers to an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    /// What kind of thing it is.
    pub kind: ReferenceKind,
    /// Its ARN, or its name where EC2 gives no ARN.
    pub name: String,
}

/// What can refer to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceKind {
    /// An instance launched from it. Deregistering the image does not harm it, so it counts only if asked.
    Instance,
    /// A version of a launch template.
    LaunchTemplate,
    /// A launch configuration of EC2 Auto Scaling.
    LaunchConfiguration,
    /// A parameter of Systems Manager.
    SsmParameter,
    /// A recipe of EC2 Image Builder.
    ImageBuilderRecipe,
    /// Something newer than this program.
    Other,
}

/// One of the checks, as options and reports name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// [`Evidence::references`].
    References,
    /// [`Evidence::launch_configurations`].
    LaunchConfigurations,
    /// [`Evidence::locks`].
    Locks,
    /// [`Evidence::binned`].
    RecycleBin,
}

impl<T> Answer<T> {
    /// What EC2 told, if it did.
    pub fn told(&self) -> Option<&T> {
        match self {
            Self::Told(answer) => Some(answer),
            Self::NotAsked | Self::Unknown(_) | Self::Failed(_) => None,
        }
    }
}

impl fmt::Display for ReferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Instance => "instance",
            Self::LaunchTemplate => "launch template",
            Self::LaunchConfiguration => "launch configuration",
            Self::SsmParameter => "SSM parameter",
            Self::ImageBuilderRecipe => "Image Builder recipe",
            Self::Other => "resource",
        })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::References => "what refers to images",
            Self::LaunchConfigurations => "the launch configurations",
            Self::Locks => "the locked snapshots",
            Self::RecycleBin => "the Recycle Bin",
        })
    }
}
