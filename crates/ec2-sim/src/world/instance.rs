//! Instances.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Tags, Volume};
use crate::clock::later;
use crate::filter::Tagged;
use crate::id::{ImageId, InstanceId, ReservationId, VolumeId};

/// How long it takes an instance to start, to stop, or to shut down for good.
pub(crate) const START_DURATION: SignedDuration = SignedDuration::from_secs(20);
pub(crate) const STOP_DURATION: SignedDuration = SignedDuration::from_secs(30);
/// A terminated instance is described for about an hour.
const TERMINATED_LINGERS: SignedDuration = SignedDuration::from_hours(1);

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The instance's id.
    pub id: InstanceId,
    /// The image it was launched from.
    pub image_id: ImageId,
    /// The call that launched it.
    pub reservation_id: ReservationId,
    /// Its number among the instances of the reservation.
    pub launch_index: u32,
    /// `t3.micro` and so on.
    pub instance_type: String,
    /// Where it is in its life.
    pub state: InstanceState,
    /// When it will be in the next state; `None` where it stays.
    pub next_state_at: Option<Timestamp>,
    /// When it was last started.
    pub launched: Timestamp,
    /// The zone it runs in.
    pub availability_zone: String,
    /// Its private address.
    pub private_ip: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// `uefi`, `legacy-bios`, …, where its image says.
    pub boot_mode: Option<String>,
    /// The device that it boots from.
    pub root_device_name: String,
    /// The volumes attached to it, by device name.
    pub devices: BTreeMap<String, Device>,
    /// When it was rebooted, because an image of it was wanted and nobody said `NoReboot`.
    pub reboots: Vec<Timestamp>,
    /// Its tags.
    pub tags: Tags,
}

/// A volume attached to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The volume.
    pub volume_id: VolumeId,
    /// Whether the volume goes with the instance.
    pub delete_on_termination: bool,
    /// Since when.
    pub attached: Timestamp,
}

/// Where an instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "EC2's own words")]
pub enum InstanceState {
    Pending,
    Running,
    Stopping,
    Stopped,
    ShuttingDown,
    Terminated,
}

impl InstanceState {
    /// The number that EC2 writes beside the name.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
        })
    }
}

impl Instance {
    /// Whether it is, or may again be, running.
    pub fn is_alive(&self) -> bool {
        !matches!(self.state, InstanceState::ShuttingDown | InstanceState::Terminated)
    }

    pub(super) fn settle(&mut self, now: Timestamp, volumes: &mut BTreeMap<VolumeId, Volume>) {
        let Some(due) = self.next_state_at.filter(|due| *due <= now) else {
            return;
        };
        let next = match self.state {
            InstanceState::Pending => InstanceState::Running,
            InstanceState::Stopping => InstanceState::Stopped,
            InstanceState::ShuttingDown => InstanceState::Terminated,
            // Nothing follows, except that a terminated instance is forgotten.
            settled => settled,
        };
        if next == self.state {
            return;
        }
        self.state = next;
        self.next_state_at = None;
        if next == InstanceState::Terminated {
            self.next_state_at = Some(later(due, TERMINATED_LINGERS));
            for device in std::mem::take(&mut self.devices).into_values() {
                if device.delete_on_termination {
                    volumes.remove(&device.volume_id);
                } else if let Some(volume) = volumes.get_mut(&device.volume_id) {
                    volume.attachment = None;
                }
            }
        }
    }

    pub(super) fn forgotten(&self, now: Timestamp) -> bool {
        self.state == InstanceState::Terminated && self.next_state_at.is_some_and(|until| until <= now)
    }
}

impl Tagged for Instance {
    fn tags(&self) -> &Tags {
        &self.tags
    }
}
