//! The calls this program makes to EC2, in one table: errors name them, and the IAM policy is made from it.

use schemars::JsonSchema;
use serde::Serialize;

/// A call to EC2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub enum Call {
    /// Which regions the account may use.
    DescribeRegions,
    /// The instance to back up.
    DescribeInstances,
    /// Backups, and whatever else is made of their snapshots.
    DescribeImages,
    /// Snapshots of backups, and orphans.
    DescribeSnapshots,
    /// Makes a backup.
    CreateImage,
    /// Copies a backup.
    CopyImage,
    /// Removes a backup's image.
    DeregisterImage,
    /// Removes a backup's snapshot.
    DeleteSnapshot,
}

impl Call {
    /// Every call there is.
    pub const ALL: [Self; 8] = [
        Self::DescribeRegions,
        Self::DescribeInstances,
        Self::DescribeImages,
        Self::DescribeSnapshots,
        Self::CreateImage,
        Self::CopyImage,
        Self::DeregisterImage,
        Self::DeleteSnapshot,
    ];

    /// EC2's name of the action.
    pub fn name(self) -> &'static str {
        match self {
            Self::DescribeRegions => "DescribeRegions",
            Self::DescribeInstances => "DescribeInstances",
            Self::DescribeImages => "DescribeImages",
            Self::DescribeSnapshots => "DescribeSnapshots",
            Self::CreateImage => "CreateImage",
            Self::CopyImage => "CopyImage",
            Self::DeregisterImage => "DeregisterImage",
            Self::DeleteSnapshot => "DeleteSnapshot",
        }
    }
}
