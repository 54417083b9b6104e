//! What was seen on EC2, and how much of it: the planner's only picture of the world.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::evidence::Evidence;
use crate::id::{AccountId, ImageId, InstanceId, Region, SnapshotId};
use crate::tags::Tags;

/// Everything observed in one round, region by region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The account whose resources these are, once any resource has told. Only its own can be backups.
    pub account: Option<AccountId>,
    /// The regions that were looked at, those that could not be read included.
    pub regions: BTreeMap<Region, RegionView>,
}

/// What was seen of one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionView {
    /// How much of the region these lists hold. Nothing is deleted unless it is [`Scope::Whole`].
    pub scope: Scope,
    /// Images of the account, disabled and deprecated ones included.
    pub images: Vec<Image>,
    /// Snapshots of the account.
    pub snapshots: Vec<Snapshot>,
    /// What else EC2 says against deleting some of them.
    pub evidence: Evidence,
}

/// How much of a region was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every image and every snapshot of the account: all pages, no error.
    Whole,
    /// Only what was asked for (the images of an instance, the copies of an image).
    Partial,
    /// Nothing can be said about it; the text is why.
    Unseen(String),
}

/// An Amazon Machine Image, as far as backups are concerned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// The account it belongs to, where EC2 gave one that is an account id.
    pub owner: Option<AccountId>,
    /// Its name; failed copies may have none (packer issue 7954).
    pub name: Option<String>,
    /// Where it stands.
    pub state: ImageState,
    /// EC2's explanation of a failure, in its words.
    pub state_reason: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// The instance it was made of (not on copies).
    pub source_instance: Option<InstanceId>,
    /// The image EC2 says it comes from; see [`Image::copied_from`].
    pub source_image: Option<SourceImage>,
    /// Whether EC2 refuses to deregister it.
    pub protection: Protection,
    /// The instant from which on EC2 hides it from others, where it has one.
    pub deprecation: Option<Timestamp>,
    /// Its devices that are backed by a snapshot, or will be.
    pub mappings: Vec<Mapping>,
    /// Its tags.
    pub tags: Tags,
}

/// Where an image stands (EC2's `ImageState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImageState {
    /// Being made or copied.
    Pending,
    /// Usable.
    Available,
    /// Usable again once enabled; hidden from listings that do not ask for it.
    Disabled,
    /// Making or copying it failed.
    Failed,
    /// `invalid`, `error`, `transient` or a state newer than this program: neither usable nor surely failed.
    Unusable,
    /// Gone, though a listing may still show it for a short while.
    Deregistered,
}

/// The image that another comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceImage {
    /// Its id, in its own region.
    pub id: ImageId,
    /// Its region, where EC2 gave it.
    pub region: Option<Region>,
}

/// Deregistration protection. EC2's field is an untyped text whose values are only partly known
/// (`disabled`, `enabled-with-cooldown`, …), so anything but absent or `disabled` protects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protection {
    /// The image may be deregistered.
    Off,
    /// EC2 will refuse; the text is EC2's.
    On(String),
}

/// One EBS device of an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mapping {
    /// The device name, such as `/dev/sda1`.
    pub device: SmolStr,
    /// Its snapshot; a pending image may not name it yet, an added empty volume never has one.
    pub snapshot: Option<SnapshotId>,
    /// Whether the snapshot is encrypted, where EC2 says so.
    pub encrypted: bool,
    /// The size of the volume in GiB, where EC2 says it.
    pub size_gib: Option<u64>,
}

/// An EBS snapshot, as far as backups are concerned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// The account it belongs to, where EC2 gave one that is an account id.
    pub owner: Option<AccountId>,
    /// Where it stands.
    pub state: SnapshotState,
    /// When it was begun.
    pub started: Option<Timestamp>,
    /// The image EC2 made it for, read from its description.
    pub made_for: Option<ImageId>,
    /// Its tags.
    pub tags: Tags,
}

/// Where a snapshot stands (EC2's `SnapshotState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    /// Being made.
    Pending,
    /// Usable.
    Completed,
    /// Making it failed.
    Error,
    /// `recoverable`, `recovering` or a state newer than this program.
    Other,
}

impl fmt::Display for ImageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "pending",
            Self::Available => "available",
            Self::Disabled => "disabled",
            Self::Failed => "failed",
            Self::Unusable => "unusable",
            Self::Deregistered => "deregistered",
        })
    }
}

impl fmt::Display for SnapshotState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Error => "in error",
            Self::Other => "in another state",
        })
    }
}

impl Inventory {
    /// The one image of that id in that region, if it was seen.
    pub fn image(&self, region: &Region, id: &ImageId) -> Option<&Image> {
        self.regions.get(region)?.images.iter().find(|image| image.id == *id)
    }
}

impl RegionView {
    /// These images of a region, and nothing else of it.
    pub fn partial(images: Vec<Image>) -> Self {
        Self { scope: Scope::Partial, images, snapshots: Vec::new(), evidence: Evidence::default() }
    }

    /// A region about which nothing is known, and why.
    pub fn unseen(why: impl Into<String>) -> Self {
        Self { scope: Scope::Unseen(why.into()), images: Vec::new(), snapshots: Vec::new(), evidence: Evidence::default() }
    }
}

impl Image {
    /// The snapshots its devices name.
    pub fn snapshots(&self) -> impl Iterator<Item = &SnapshotId> {
        self.mappings.iter().filter_map(|mapping| mapping.snapshot.as_ref())
    }

    /// The image it is a copy of. EC2 names a source for images made of instances, too: what the instance was launched
    /// from. Those are no copies.
    pub fn copied_from(&self) -> Option<&SourceImage> {
        self.source_image.as_ref().filter(|_| self.source_instance.is_none())
    }

    /// Whether any of its snapshots is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.mappings.iter().any(|mapping| mapping.encrypted)
    }
}

/// Reads for which image EC2 made a snapshot, from the description EC2 gives it.
///
/// `Created by CreateImage(i-…) for ami-A` (older: `… from vol-…`) and
/// `Copied for DestinationAmi ami-A from SourceAmi ami-B for SourceSnapshot snap-C. …` both name `ami-A`.
/// A caller of `CreateSnapshot` can write the same words, so this is only ever believed of a snapshot that
/// stands in the mappings of that very image.
pub fn made_for(description: &str) -> Option<ImageId> {
    let image = if let Some(rest) = description.strip_prefix("Created by CreateImage(") {
        rest.split_once(") for ")?.1
    } else {
        description.strip_prefix("Copied for DestinationAmi ")?
    };
    image.split(|c: char| c.is_whitespace()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{HOME, backup, id, region, world};

    #[test]
    fn an_image_is_looked_up_in_its_region() {
        let inventory = world().with(backup("ami-1")).with(backup("ami-2").failed()).with_in("eu-west-1", backup("ami-1").pending());
        let state = |name, short_id| inventory.image(&region(name), &id(short_id)).map(|image| image.state.to_string());
        assert_eq!(state(HOME, "ami-2").as_deref(), Some("failed"));
        assert_eq!(state("eu-west-1", "ami-1").as_deref(), Some("pending"));
        assert_eq!(state("eu-west-1", "ami-2"), None);
        assert_eq!(state("ap-south-1", "ami-1"), None);
    }

    #[test]
    fn the_description_names_the_image_a_snapshot_was_made_for() {
        let of = |text| made_for(text).map(String::from);
        assert_eq!(of("Created by CreateImage(i-1234567890abcdef0) for ami-0abcdef1234567890").as_deref(), Some("ami-0abcdef1234567890"));
        assert_eq!(of("Created by CreateImage(i-12345678) for ami-9945d0ea from vol-e4b6ff16").as_deref(), Some("ami-9945d0ea"));
        assert_eq!(
            of("Copied for DestinationAmi ami-0abcdef1234567890 from SourceAmi ami-9945d0ea for SourceSnapshot snap-12345678. Task created on 1,587,635,416,745.").as_deref(),
            Some("ami-0abcdef1234567890")
        );
        for other in ["", "nightly", "Created by CreateImage(i-12345678) for", "for ami-9945d0ea", "Copied for DestinationAmi ami-x"] {
            assert_eq!(of(other), None, "{other:?}");
        }
    }
}
