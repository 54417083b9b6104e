//! The calls this program makes to AWS, in one table: errors name them, and the IAM policy is made from it.

use schemars::JsonSchema;
use serde::Serialize;

/// A call to EC2, or to what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub enum Call {
    /// Which regions the account may use.
    DescribeRegions,
    /// The instance to back up.
    DescribeInstances,
    /// The volumes of instances, where a policy leaves some out.
    DescribeVolumes,
    /// Backups, and whatever else is made of their snapshots.
    DescribeImages,
    /// Snapshots of backups, and orphans.
    DescribeSnapshots,
    /// What would launch from a backup.
    DescribeImageReferences,
    /// The launch configurations of EC2 Auto Scaling, which that one does not know.
    DescribeLaunchConfigurations,
    /// Snapshots that are locked against deletion.
    DescribeLockedSnapshots,
    /// Images that were deregistered and can be restored.
    ListImagesInRecycleBin,
    /// Snapshots that were deleted and can be restored.
    ListSnapshotsInRecycleBin,
    /// Makes a backup.
    CreateImage,
    /// Copies a backup.
    CopyImage,
    /// Pins a backup, or gives it another expiry.
    CreateTags,
    /// Takes a pin or an expiry away from a backup.
    DeleteTags,
    /// Says from when on a backup is not shown to others.
    EnableImageDeprecation,
    /// Protects a backup from being deregistered.
    EnableImageDeregistrationProtection,
    /// Removes a backup's image.
    DeregisterImage,
    /// Removes a backup's snapshot.
    DeleteSnapshot,
}

impl Call {
    /// Every call there is.
    pub const ALL: [Self; 18] = [
        Self::DescribeRegions,
        Self::DescribeInstances,
        Self::DescribeVolumes,
        Self::DescribeImages,
        Self::DescribeSnapshots,
        Self::DescribeImageReferences,
        Self::DescribeLaunchConfigurations,
        Self::DescribeLockedSnapshots,
        Self::ListImagesInRecycleBin,
        Self::ListSnapshotsInRecycleBin,
        Self::CreateImage,
        Self::CopyImage,
        Self::CreateTags,
        Self::DeleteTags,
        Self::EnableImageDeprecation,
        Self::EnableImageDeregistrationProtection,
        Self::DeregisterImage,
        Self::DeleteSnapshot,
    ];

    /// AWS's name of the action.
    pub fn name(self) -> &'static str {
        match self {
            Self::DescribeRegions => "DescribeRegions",
            Self::DescribeInstances => "DescribeInstances",
            Self::DescribeVolumes => "DescribeVolumes",
            Self::DescribeImages => "DescribeImages",
            Self::DescribeSnapshots => "DescribeSnapshots",
            Self::DescribeImageReferences => "DescribeImageReferences",
            Self::DescribeLaunchConfigurations => "DescribeLaunchConfigurations",
            Self::DescribeLockedSnapshots => "DescribeLockedSnapshots",
            Self::ListImagesInRecycleBin => "ListImagesInRecycleBin",
            Self::ListSnapshotsInRecycleBin => "ListSnapshotsInRecycleBin",
            Self::CreateImage => "CreateImage",
            Self::CopyImage => "CopyImage",
            Self::CreateTags => "CreateTags",
            Self::DeleteTags => "DeleteTags",
            Self::EnableImageDeprecation => "EnableImageDeprecation",
            Self::EnableImageDeregistrationProtection => "EnableImageDeregistrationProtection",
            Self::DeregisterImage => "DeregisterImage",
            Self::DeleteSnapshot => "DeleteSnapshot",
        }
    }

    /// The call that a request in EC2's Query protocol is for: its action is the first parameter.
    pub(crate) fn of_request(body: &[u8]) -> Option<Self> {
        let rest = body.strip_prefix(b"Action=")?;
        let action = rest.split(|byte| *byte == b'&').next()?;
        Self::ALL.into_iter().find(|call| call.name().as_bytes() == action)
    }

    /// Whether it changes nothing.
    pub fn only_reads(self) -> bool {
        match self {
            Self::CreateImage
            | Self::CopyImage
            | Self::CreateTags
            | Self::DeleteTags
            | Self::EnableImageDeprecation
            | Self::EnableImageDeregistrationProtection
            | Self::DeregisterImage
            | Self::DeleteSnapshot => false,
            Self::DescribeRegions
            | Self::DescribeInstances
            | Self::DescribeVolumes
            | Self::DescribeImages
            | Self::DescribeSnapshots
            | Self::DescribeImageReferences
            | Self::DescribeLaunchConfigurations
            | Self::DescribeLockedSnapshots
            | Self::ListImagesInRecycleBin
            | Self::ListSnapshotsInRecycleBin => true,
        }
    }

    /// The service it is a call to, as IAM names it.
    pub fn service(self) -> &'static str {
        match self {
            Self::DescribeLaunchConfigurations => "autoscaling",
            Self::DescribeRegions
            | Self::DescribeInstances
            | Self::DescribeVolumes
            | Self::DescribeImages
            | Self::DescribeSnapshots
            | Self::DescribeImageReferences
            | Self::DescribeLockedSnapshots
            | Self::ListImagesInRecycleBin
            | Self::ListSnapshotsInRecycleBin
            | Self::CreateImage
            | Self::CopyImage
            | Self::CreateTags
            | Self::DeleteTags
            | Self::EnableImageDeprecation
            | Self::EnableImageDeregistrationProtection
            | Self::DeregisterImage
            | Self::DeleteSnapshot => "ec2",
        }
    }

    /// The permission it takes.
    pub fn permission(self) -> String {
        format!("{}:{}", self.service(), self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_tells_its_call() {
        for call in Call::ALL {
            assert_eq!(Call::of_request(format!("Action={}&Version=2016-11-15", call.name()).as_bytes()), Some(call));
        }
        for other in [&b"Action="[..], b"", b"{}", b"Version=1&Action=DescribeImages", b"Action=\xff", b"Action=Describe"] {
            assert_eq!(Call::of_request(other), None);
        }
    }
}
