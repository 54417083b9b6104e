//! What the guard can object to.

use std::fmt;

use crate::id::Region;

/// One thing wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// Where.
    pub region: Region,
    /// To which image or snapshot.
    pub subject: String,
    /// What.
    pub fault: Fault,
}

/// What can be wrong with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The permit allows no such step at all.
    NotPermitted,
    /// The region is not among those the policy names.
    RegionNotNamed,
    /// The region was not wholly seen.
    RegionNotWhollySeen,
    /// The subject is not in the inventory.
    NotSeen,
    /// It belongs to another account, or to nobody known.
    NotOwned,
    /// It does not bear our mark, nor does an image's mark cover it.
    NotMarked,
    /// Its expiry is absent (and no policy lets it go without one), unreadable or not past.
    NotReleased,
    /// Somebody pinned it.
    Pinned,
    /// It is of no series of the policy, or does not say for certain of which series, instance and slot it is.
    NotOfPolicy,
    /// A keep rule of its series wants it.
    WantedByRule,
    /// It is the newest good backup of its series, or there is no newer good one.
    NewestOfSeries,
    /// A copy that the policy wants is not there, and is still waited for.
    Uncopied,
    /// Nobody has agreed that it goes.
    NotAgreed,
    /// EC2 protects it.
    Protected,
    /// It is deregistered already: no image any more, and no backup.
    Deregistered,
    /// It is still being made.
    Pending,
    /// It is being copied, or may be.
    CopyInFlight,
    /// Something would launch from it.
    Referenced,
    /// It, or a snapshot of it, is locked.
    Locked,
    /// It, or the image it was made for, lies in the Recycle Bin.
    InRecycleBin,
    /// What had to be asked about it was not, or not answered.
    NotChecked,
    /// It is listed twice, and not alike.
    ListedUnlike,
    /// `--keep-last` wants it.
    KeptAsNewest,
    /// An image that stays, or goes later, is made of it.
    UnderLivingImage,
    /// It is not a snapshot of the image it is to go with.
    NotItsSnapshot,
    /// All snapshots were said to go, and not all were named: in the plan, or by EC2.
    SnapshotsUnnamed,
    /// A snapshot that only the image tells is ours and to go would stay behind, or be left to a call of its own.
    Stranded,
    /// A snapshot that only the image covers is not named as such, so that nobody would ask whether it may be deleted.
    CoveredUnnamed,
    /// It is in the plan twice.
    Twice,
    /// The verdicts, which are what is shown, say nothing of this deletion, or otherwise.
    NotShown,
    /// A new image or copy would not bear our mark, or not the instance and expiry it should.
    BornUnmarked,
    /// The instance would be rebooted without having been asked to be.
    Reboot,
    /// Volumes would be left out without having been asked to be.
    LeavesOut,
    /// The source bears no intent for such a copy.
    NotAskedFor,
    /// A copy within its own region.
    CopyToItself,
    /// The image to be copied is not available.
    SourceUnavailable,
    /// The policy wants nothing like it for a backup that it keeps, or the backup has it.
    NotWanted,
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, subject, fault } = self;
        write!(f, "{subject} in {region}: {fault}")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPermitted => "this command does not do that",
            Self::RegionNotNamed => "its region was not named",
            Self::RegionNotWhollySeen => "its region was not wholly seen",
            Self::NotSeen => "it was not seen",
            Self::NotOwned => "it is not the account's own",
            Self::NotMarked => "it does not bear our mark",
            Self::NotReleased => "its expiry is not past",
            Self::Pinned => "it is pinned, or a snapshot of it is",
            Self::NotAgreed => "it is not in the plan that is applied",
            Self::NotOfPolicy => "it is not surely of a series of the policy",
            Self::WantedByRule => "a keep rule of its series wants it",
            Self::NewestOfSeries => "there is no newer good backup of its series",
            Self::Uncopied => "its copies are waited for",
            Self::Protected => "it is protected from deregistration",
            Self::Deregistered => "it is deregistered already",
            Self::Pending => "it is still being made",
            Self::CopyInFlight => "it is being copied, or may be",
            Self::Referenced => "something refers to it",
            Self::Locked => "it is locked, or a snapshot of it is",
            Self::InRecycleBin => "its image lies in the Recycle Bin",
            Self::NotChecked => "a check that was required was not made",
            Self::ListedUnlike => "it is listed twice, and not alike",
            Self::KeptAsNewest => "it is to stay by --keep-last",
            Self::UnderLivingImage => "an image that is still there is made of it",
            Self::NotItsSnapshot => "it is no snapshot of the image it is to go with",
            Self::SnapshotsUnnamed => "all its snapshots are to go, and not all are named",
            Self::Stranded => "a snapshot of it would be left that nothing else covers",
            Self::CoveredUnnamed => "a snapshot that only it covers is not named as such",
            Self::Twice => "it is in the plan twice",
            Self::NotShown => "the plan does not show that it goes",
            Self::BornUnmarked => "it would not bear our mark, its instance and its expiry",
            Self::Reboot => "its instance would be rebooted, which was not asked for",
            Self::LeavesOut => "volumes would be left out, which was not asked for",
            Self::NotAskedFor => "nobody asked for such a copy",
            Self::CopyToItself => "it would be copied within its region",
            Self::SourceUnavailable => "it is not available, so it cannot be copied",
            Self::NotWanted => "the policy does not want that for it, or it has it",
        })
    }
}
