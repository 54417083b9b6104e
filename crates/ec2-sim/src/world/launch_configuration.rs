//! Launch configurations of Auto Scaling: what launch templates replaced, and many accounts still have.
//! They cannot be changed. `DescribeImageReferences` does not know them (ec2-semantics 6.3).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::LaunchDevice;
use crate::id::ImageId;

/// A launch configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchConfiguration {
    /// Its name, unique in account and region.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The image that its instances are launched from. It was there when the configuration was created.
    pub image_id: ImageId,
    /// `t3.micro` and so on.
    pub instance_type: String,
    /// When it was created.
    pub created: Timestamp,
    /// The name of a key pair.
    #[serde(default)]
    pub key_name: Option<String>,
    /// Base64.
    #[serde(default)]
    pub user_data: Option<String>,
    /// Security groups, by id or name.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// Devices beside those of the image, or in their place.
    #[serde(default)]
    pub devices: Vec<LaunchDevice>,
}
