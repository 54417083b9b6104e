//! Devices as launch templates and launch configurations name them. Nothing about them is checked
//! before an instance is launched.

use serde::{Deserialize, Serialize};

/// A device that an instance is to have, or, if it is an EBS volume of the image, to have otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaunchDevice {
    /// `/dev/sda1` and so on.
    pub device_name: Option<String>,
    /// `ephemeral0` and so on.
    pub virtual_name: Option<String>,
    /// Whether the device of the image is left out.
    pub no_device: bool,
    /// The volume.
    pub ebs: Option<LaunchEbs>,
}

/// An EBS volume that an instance is to have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaunchEbs {
    /// What is on it.
    pub snapshot_id: Option<String>,
    /// Size, in GiB.
    pub volume_size: Option<u32>,
    /// `gp3`, `io2`, `st1`, …
    pub volume_type: Option<String>,
    /// Whether it goes with the instance.
    pub delete_on_termination: Option<bool>,
    /// Whether it is encrypted.
    pub encrypted: Option<bool>,
}

impl LaunchDevice {
    pub(crate) fn without_snapshot(&self) -> Self {
        let mut device = self.clone();
        if let Some(ebs) = &mut device.ebs {
            ebs.snapshot_id = None;
        }
        device
    }
}
