//! A small world to begin with.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Attachment, Device, Instance, InstanceState, Tags, Volume, World};
use crate::clock::later;
use crate::id::MalformedId;

/// The instances: region, name, the digits of its ids, private address, sizes of its volumes in GiB.
const INSTANCES: &[(&str, &str, &str, &str, &[u32])] = &[
    ("us-east-1", "web-1", "0eb1eb1eb1eb1000", "172.31.10.11", &[8]),
    ("us-east-1", "db-1", "0db1db1db1db1000", "172.31.10.21", &[8, 100, 500]),
    ("eu-west-1", "mail-1", "0a11a11a11a11000", "172.31.20.31", &[8]),
];
/// They have been running that long.
const UPTIME: SignedDuration = SignedDuration::from_hours(-30 * 24);
const DEVICE_NAMES: &[&str] = &["/dev/sda1", "/dev/sdf", "/dev/sdg"];

impl World {
    /// A world with three running instances: `web-1` (one volume) and `db-1` (three) in us-east-1,
    /// `mail-1` (one) in eu-west-1. Their ids are always the same. The metadata service answers for
    /// `web-1`, and a KMS key is there to be used in us-west-2.
    pub fn example(seed: u64, clock: Timestamp) -> Self {
        let mut world = Self::new(seed, clock);
        for (region, name, digits, ip, sizes) in INSTANCES {
            // The ids above are well formed, as a test makes sure.
            if let Ok((instance, volumes)) = build(name, digits, ip, region, sizes, clock) {
                if *name == "web-1" {
                    world.metadata_instance = Some(instance.id.clone());
                }
                let region = world.region_mut(region);
                region.instances.insert(instance.id.clone(), instance);
                region.volumes.extend(volumes.into_iter().map(|volume| (volume.id.clone(), volume)));
            }
        }
        world.region_mut("us-west-2").kms_keys.insert("1234abcd-12ab-34cd-56ef-1234567890ab".to_owned());
        world
    }
}

fn build(
    name: &str,
    digits: &str,
    private_ip: &str,
    region: &str,
    sizes: &[u32],
    clock: Timestamp,
) -> Result<(Instance, Vec<Volume>), MalformedId> {
    let since = later(clock, UPTIME);
    let availability_zone = format!("{region}a");
    let mut instance = Instance {
        id: format!("i-{digits}1").parse()?,
        image_id: "ami-12345678".parse()?,
        reservation_id: format!("r-{digits}1").parse()?,
        launch_index: 0,
        instance_type: "t3.micro".to_owned(),
        state: InstanceState::Running,
        next_state_at: None,
        launched: since,
        availability_zone: availability_zone.clone(),
        private_ip: private_ip.to_owned(),
        architecture: "x86_64".to_owned(),
        boot_mode: Some("uefi-preferred".to_owned()),
        root_device_name: DEVICE_NAMES[0].to_owned(),
        devices: BTreeMap::new(),
        reboots: Vec::new(),
        tags: Tags::from([("Name".to_owned(), name.to_owned())]),
    };
    let mut volumes = Vec::new();
    for ((size_gib, device), number) in sizes.iter().zip(DEVICE_NAMES).zip(1..) {
        let volume = Volume {
            id: format!("vol-{digits}{number}").parse()?,
            size_gib: *size_gib,
            volume_type: "gp3".to_owned(),
            encrypted: false,
            kms_key_id: None,
            availability_zone: availability_zone.clone(),
            snapshot_id: (number == 1).then(|| "snap-12345678".parse()).transpose()?,
            created: since,
            attachment: Some(Attachment {
                instance_id: instance.id.clone(),
                device: (*device).to_owned(),
                since,
                delete_on_termination: number == 1,
            }),
            last_snapshot: None,
            tags: Tags::new(),
        };
        instance
            .devices
            .insert((*device).to_owned(), Device { volume_id: volume.id.clone(), delete_on_termination: number == 1, attached: since });
        volumes.push(volume);
    }
    Ok((instance, volumes))
}
