//! The one image that Amazon publishes in every region of every world.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{BlockDevice, DeregistrationProtection, Ebs, Image, ImageState, Origin, Tags};

impl Image {
    /// `ami-12345678`: a Linux with a root volume of 8 GiB. `None` never happens.
    pub(crate) fn published_by_amazon() -> Option<Self> {
        // 2026-01-15T00:00:00Z
        let created = Timestamp::from_second(1_768_435_200).ok()?;
        Some(Self {
            id: "ami-12345678".parse().ok()?,
            owner: "137112412989".parse().ok()?,
            owner_alias: Some("amazon".to_owned()),
            name: "linux-base-x86_64-2026-01-15".to_owned(),
            description: Some("A Linux to begin with".to_owned()),
            state: ImageState::Available,
            state_reason: None,
            created,
            visible_from: created,
            mapped_from: created,
            ends: created,
            fails_with: None,
            origin: Origin::Registered,
            architecture: "x86_64".to_owned(),
            boot_mode: Some("uefi-preferred".to_owned()),
            root_device_name: "/dev/sda1".to_owned(),
            devices: vec![BlockDevice::Ebs {
                device_name: "/dev/sda1".to_owned(),
                ebs: Ebs {
                    snapshot_id: "snap-12345678".parse().ok(),
                    volume_size: 8,
                    volume_type: "gp3".to_owned(),
                    delete_on_termination: true,
                    encrypted: false,
                },
            }],
            virtualization_type: "hvm".to_owned(),
            ena_support: true,
            sriov_net_support: Some("simple".to_owned()),
            public: true,
            launch_permissions: BTreeSet::new(),
            deregistration_protection: DeregistrationProtection::Disabled,
            deprecation_time: None,
            managed_by: None,
            launches: Vec::new(),
            ancestors: Vec::new(),
            tags: Tags::new(),
        })
    }
}
