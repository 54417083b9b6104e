//! What another service of AWS made and looks after.

use serde::{Deserialize, Serialize};

/// A service that keeps an image or a snapshot to itself: EC2 does not delete it for anybody else.
///
/// The tags that such a service puts on its own, `aws:backup:source-resource` and the like, are put on
/// by whoever arranges the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManagedBy {
    /// AWS Backup: a recovery point.
    AwsBackup,
}
