//! What EC2 leaves of copies that failed.

use std::collections::BTreeSet;
use std::fmt;

use foldhash::HashSet;
use schemars::JsonSchema;
use serde::Serialize;

use crate::backup::Backup;
use crate::id::{AccountId, ImageId, Region};
use crate::inventory::{Image, ImageState, Inventory};
use crate::plain::one_line;
use crate::plan::purge::listing::ListedImages;
use crate::tags::Mark;

/// A failed copy that EC2 left without a name or tags (ec2-semantics 2.3). It may have been ours; as nothing on it says so,
/// it is told of and never deleted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Debris {
    /// Where it is.
    pub region: Region,
    /// It.
    pub image: ImageId,
    /// What was to be copied.
    pub source: ImageId,
    /// Where that is, if EC2 says.
    pub source_region: Option<Region>,
    /// EC2's explanation of the failure.
    pub reason: Option<String>,
    /// Whether what was to be copied is a backup that was seen.
    pub source_is_ours: bool,
}

impl fmt::Display for Debris {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, image, source, source_region, reason, source_is_ours } = self;
        let kind = if *source_is_ours { "the backup " } else { "" };
        write!(f, "{image} in {region} is what is left of a failed copy of {kind}{source}")?;
        if let Some(source_region) = source_region {
            write!(f, " in {source_region}")?;
        }
        match reason {
            Some(reason) => write!(f, ": {}", one_line(reason)),
            None => Ok(()),
        }
    }
}

/// The ids of all backups, wherever they are, that a failed copy without a mark is said to be of.
pub(super) fn backups<'a>(inventory: &'a Inventory, account: &AccountId) -> HashSet<&'a ImageId> {
    let images = || inventory.regions.values().flat_map(|view| &view.images);
    let debris = images().filter(|image| is_debris(image, account));
    let sources: HashSet<&ImageId> = debris.filter_map(|image| Some(&image.copied_from()?.id)).collect();
    if sources.is_empty() {
        return sources;
    }
    images()
        .filter(|image| sources.contains(&image.id))
        .filter(|image| Backup::recognise(image, account).is_some())
        .map(|image| &image.id)
        .collect()
}

/// The debris among the images of a region.
pub(super) fn debris(region: &Region, images: &ListedImages<'_>, account: &AccountId, backups: &HashSet<&ImageId>) -> BTreeSet<Debris> {
    let debris = |image: &Image| {
        let source = image.copied_from().filter(|_| is_debris(image, account))?;
        Some(Debris {
            region: region.clone(),
            image: image.id.clone(),
            source: source.id.clone(),
            source_region: source.region.clone(),
            reason: image.state_reason.clone(),
            source_is_ours: backups.contains(&source.id),
        })
    };
    images.values().filter(|listed| listed.otherwise.is_empty()).filter_map(|listed| debris(listed.image)).collect()
}

fn is_debris(image: &Image, account: &AccountId) -> bool {
    let failed = image.state == ImageState::Failed && image.owner.as_ref() == Some(account);
    let nameless = image.name.as_ref().is_none_or(String::is_empty);
    failed && image.tags.mark() == Mark::Absent && (nameless || image.tags.iter().next().is_none())
}
