//! How an EC2 behaves, where it may one way or another.

use ec2_sim::World;
use ec2_sim::world::{ClosedRegion, DeniedReferences, RetainedType, RetentionRule, StateReason};
use fastrand::Rng;
use jiff::SignedDuration;

use crate::known::REGIONS;

/// One way to behave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Manner {
    /// What was made cannot be seen for so many seconds.
    VisibilityLag(i64),
    /// What was deregistered is described for so many seconds more.
    DeregisteredLingers(i64),
    /// Its snapshots count as in use for so many seconds more.
    InUseLingers(i64),
    /// A new image names its snapshots only after so many seconds.
    SnapshotIdsAfter(i64),
    /// Pages are cut before they are filtered.
    ShortPages,
    /// Failed copies lose name and tags.
    FailedCopiesNameless,
    /// A copy fails when its source goes.
    CopiesDieWithTheirSource,
    /// Calls are throttled by token buckets.
    Throttling,
    /// Things are done so many times faster.
    Speed(u32),
    /// So many images at a time are copied into a region.
    CopiesAtATime(usize),
    /// A region that is not enabled says so.
    ClosedRegionsSaySo,
    /// An image that is made next fails.
    NextImageFails,
    /// A copy that is made next fails.
    NextCopyFails,
    /// An image that is made next is never done.
    NextImageStuck,
    /// A copy that is made next is never done.
    NextCopyStuck,
    /// A snapshot that is to be deleted next is not.
    NextDeletionFails,
    /// Answers may be so many seconds old.
    StaleReads(i64),
    /// Lists come in any order.
    Shuffled,
    /// A listing goes on at a place, whatever came or went before it.
    PagesByPosition,
    /// A region keeps what is deleted there for a week: images, snapshots or both.
    RecycleBin(&'static str, bool, bool),
    /// The endpoint does not know an action.
    Unknown(&'static str),
    /// So many items are on a page at most.
    LargestPage(usize),
    /// The token of a next page is good for so many seconds.
    TokenLife(i64),
    /// A snapshot that is made next of a volume ends in error, and its image with it.
    NextSnapshotFails,
    /// So many snapshots at a time are copied into a region as part of images.
    SnapshotCopiesAtATime(usize),
    /// What refers to images is not known for so many hours.
    ReferencesLag(i64),
    /// Of references that the caller may not look for, nothing is said.
    ReferencesPartial,
}

/// What the purge asks beside listings.
const CHECKS: [&str; 4] = ["DescribeImageReferences", "DescribeLaunchConfigurations", "DescribeLockedSnapshots", "ListImagesInRecycleBin"];

impl Manner {
    /// Any of them.
    pub fn some(rng: &mut Rng) -> Vec<Self> {
        let mut manners = vec![Self::Speed([1, 3, 20][rng.usize(..3)])];
        // A third of all worlds is well-behaved.
        if rng.u8(..3) == 0 {
            return manners;
        }
        let mut maybe = |rng: &mut Rng, manner: Self| {
            if rng.u8(..3) == 0 {
                manners.push(manner);
            }
        };
        let seconds = [rng.i64(1..=20), rng.i64(1..=20), rng.i64(1..=20), rng.i64(0..=20)];
        maybe(rng, Self::VisibilityLag(seconds[0]));
        maybe(rng, Self::DeregisteredLingers(seconds[1]));
        maybe(rng, Self::InUseLingers(seconds[2]));
        maybe(rng, Self::SnapshotIdsAfter(seconds[3]));
        maybe(rng, Self::ShortPages);
        maybe(rng, Self::FailedCopiesNameless);
        maybe(rng, Self::CopiesDieWithTheirSource);
        maybe(rng, Self::Throttling);
        maybe(rng, Self::CopiesAtATime(1));
        maybe(rng, Self::ClosedRegionsSaySo);
        let (stale, bin) = (rng.i64(1..=20), Self::RecycleBin(REGIONS[rng.usize(..2)], rng.bool(), rng.bool()));
        maybe(rng, Self::StaleReads(stale));
        maybe(rng, Self::Shuffled);
        maybe(rng, Self::PagesByPosition);
        // Worlds are small: without it every listing is one page.
        maybe(rng, Self::LargestPage(2));
        let life = [1, 5, 60][rng.usize(..3)];
        maybe(rng, Self::TokenLife(life));
        maybe(rng, Self::SnapshotCopiesAtATime(3));
        let lag = [1, 48][rng.usize(..2)];
        maybe(rng, Self::ReferencesLag(lag));
        maybe(rng, Self::ReferencesPartial);
        maybe(rng, bin);
        maybe(rng, Self::NextDeletionFails);
        if rng.u8(..4) == 0 {
            manners.push(Self::Unknown(CHECKS[rng.usize(..CHECKS.len())]));
        }
        // To wait for what never comes takes long.
        match rng.u8(..60) {
            0 => manners.push(Self::NextImageStuck),
            1 => manners.push(Self::NextCopyStuck),
            _ => {}
        }
        let mut maybe = |rng: &mut Rng, manner: Self| {
            if rng.u8(..3) == 0 {
                manners.push(manner);
            }
        };
        if rng.bool() {
            maybe(rng, Self::NextImageFails);
            maybe(rng, Self::NextSnapshotFails);
            maybe(rng, Self::NextCopyFails);
            maybe(rng, Self::NextCopyFails);
        }
        manners
    }

    /// Teaches it to a world.
    pub fn apply(self, world: &mut World) {
        let manners = &mut world.manners;
        match self {
            Self::VisibilityLag(seconds) => manners.visibility_lag = SignedDuration::from_secs(seconds),
            Self::DeregisteredLingers(seconds) => manners.deregistered_lingers = SignedDuration::from_secs(seconds),
            Self::InUseLingers(seconds) => manners.in_use_lingers = SignedDuration::from_secs(seconds),
            Self::SnapshotIdsAfter(seconds) => manners.snapshot_ids_after = SignedDuration::from_secs(seconds),
            Self::ShortPages => manners.short_pages = true,
            Self::FailedCopiesNameless => manners.failed_copies_nameless = true,
            Self::CopiesDieWithTheirSource => manners.copies_outlive_source = false,
            Self::Throttling => manners.throttling = true,
            Self::Speed(speed) => world.speed = f64::from(speed),
            Self::CopiesAtATime(most) => manners.concurrent_image_copies = most,
            Self::ClosedRegionsSaySo => manners.closed_region = ClosedRegion::OptInRequired,
            Self::NextImageFails => world.fail_next.image.push(StateReason::from("Client.InternalError: made up")),
            Self::NextImageStuck => world.fail_next.stuck_images += 1,
            Self::NextCopyStuck => world.fail_next.stuck_copies += 1,
            Self::NextDeletionFails => world.fail_next.snapshot_deletions += 1,
            Self::StaleReads(seconds) => manners.stale_reads = SignedDuration::from_secs(seconds),
            Self::Shuffled => manners.shuffled = true,
            Self::PagesByPosition => manners.pages_by_position = true,
            Self::RecycleBin(region, images, snapshots) => {
                let rules = &mut world.region_mut(region).recycle_bin.rules;
                for (is_kept, name, kind) in
                    [(images, "images", RetainedType::Ec2Image), (snapshots, "snapshots", RetainedType::EbsSnapshot)]
                {
                    if is_kept {
                        rules.insert(name.to_owned(), RetentionRule::new(kind, 7));
                    }
                }
            }
            Self::LargestPage(most) => manners.largest_page = Some(most),
            Self::TokenLife(seconds) => manners.token_life = Some(SignedDuration::from_secs(seconds)),
            Self::NextSnapshotFails => world.fail_next.snapshot.push("Given key ID is not accessible".to_owned()),
            Self::SnapshotCopiesAtATime(most) => manners.concurrent_snapshot_copies = Some(most),
            Self::ReferencesLag(hours) => manners.references_lag = SignedDuration::from_hours(hours),
            Self::ReferencesPartial => manners.references_denied = DeniedReferences::Partial,
            Self::Unknown(action) => drop(manners.unknown_actions.insert(action.to_owned())),
            Self::NextCopyFails => world.fail_next.copy.push(StateReason::from("Copy image failed with an internal error")),
        }
    }
}
