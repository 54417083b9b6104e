//! What goes wrong during a run.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ec2_sim::id::{ImageId, InstanceId, SnapshotId};
use ec2_sim::world::{Image, Origin};
use ec2_sim::{Ec2Sim, Fault, FaultKind, RandomFaults, Which, World};
use fastrand::Rng;

use crate::known::{DB, HOME, MAIL, REGIONS, WEB, is_marked, our_account};

/// Something that goes wrong.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// With certain calls of one action.
    Fault(Fault),
    /// With any call, by chance.
    Chance {
        /// Which calls.
        seed: u64,
        /// How many of a thousand.
        per_mille: u32,
    },
    /// The caller lacks a permission while the run lasts.
    Denied(&'static str),
    /// Somebody interrupts the process of that number at its n-th event.
    Interrupted(usize, u32),
    /// A zone is out of service while the run lasts.
    Outage(&'static str),
    /// Somebody terminates an instance just before the n-th call.
    Terminated(&'static str, u64),
    /// Somebody deregisters the newest backup of an instance just before the n-th call: the source of what is being copied.
    Deregistered(u64),
}

/// What was done to the account that is not the product's doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Others {
    /// The images that they deregistered.
    pub deregistered: BTreeSet<ImageId>,
    /// The instances that they terminated.
    pub terminated: BTreeSet<InstanceId>,
    /// The snapshots that EC2 failed to delete in the very call that took their image, and then the host died: no caller can do better
    /// than to ask for both in one call.
    pub left_by_ec2: BTreeSet<SnapshotId>,
}

/// The same, while they go on.
#[derive(Debug, Clone, Default)]
pub struct Deeds(Arc<Mutex<Others>>);

impl Deeds {
    /// So far.
    pub fn so_far(&self) -> Others {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn add(&self, deed: impl FnOnce(&mut Others)) {
        deed(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

const ACTIONS: [&str; 13] = [
    "DescribeInstances",
    "DescribeRegions",
    "DescribeImages",
    "DescribeSnapshots",
    "CreateImage",
    "CopyImage",
    "DeregisterImage",
    "DeleteSnapshot",
    "DescribeImageReferences",
    "DescribeLaunchConfigurations",
    "DescribeLockedSnapshots",
    "ListImagesInRecycleBin",
    "ListSnapshotsInRecycleBin",
];
/// Which of them a purge makes beside listings.
const CHECKS: std::ops::Range<usize> = 8..13;
/// What EC2 itself must be allowed to do for `DescribeImageReferences`.
const LOOKING: [&str; 4] = ["DescribeLaunchTemplates", "DescribeLaunchTemplateVersions", "GetParameters", "ListImageRecipes"];

impl Trouble {
    /// None, one or several.
    pub fn some(rng: &mut Rng) -> Vec<Self> {
        if rng.u8(..4) == 0 {
            return Vec::new();
        }
        (0..rng.u8(1..=3)).map(|_| Self::any(rng)).collect()
    }

    /// Something that goes wrong with one of the checks that a purge makes, and with nothing else.
    pub fn of_check(rng: &mut Rng) -> Self {
        let action = ACTIONS[rng.usize(CHECKS)];
        let calls = [Which::Nth(1), Which::Nth(2), Which::First(3), Which::First(100), Which::From(2)][rng.usize(..5)];
        match rng.u8(..6) {
            0 => Self::Denied(action),
            _ => Self::Fault(Fault::of(action, calls, kind(rng))),
        }
    }

    /// What others may do while backups and copies are made.
    pub fn by_others(rng: &mut Rng) -> Option<Self> {
        let call = rng.u64(2..40);
        match rng.u8(..12) {
            0 => Some(Self::Terminated([WEB, DB, MAIL][rng.usize(..3)], call)),
            1 => Some(Self::Deregistered(call)),
            _ => None,
        }
    }

    fn any(rng: &mut Rng) -> Self {
        match rng.u8(..14) {
            0..3 => Self::Chance { seed: rng.u64(..), per_mille: [20, 100, 300][rng.usize(..3)] },
            3 => Self::Denied(ACTIONS[rng.usize(..ACTIONS.len())]),
            4 => Self::Interrupted(0, rng.u32(1..6)),
            5 => Self::Denied(LOOKING[rng.usize(..LOOKING.len())]),
            6 => Self::Outage(["us-east-1a", "eu-west-1a"][rng.usize(..2)]),
            _ => {
                let calls = match rng.u8(..5) {
                    0 => Which::First(rng.u64(1..6)),
                    1 => Which::First(100),
                    2 => Which::From(rng.u64(1..6)),
                    _ => Which::Nth(rng.u64(1..6)),
                };
                // Mostly where it hurts.
                let action = ACTIONS[if rng.bool() { rng.usize(4..8) } else { rng.usize(..ACTIONS.len()) }];
                Self::Fault(Fault::of(action, calls, kind(rng)))
            }
        }
    }

    /// Late answers, so that two processes meet in other places each time.
    pub fn latency(rng: &mut Rng) -> Self {
        Self::Fault(Fault {
            action: None,
            region: None,
            calls: Which::Every(rng.u64(1..4)),
            kind: FaultKind::Delay(Duration::from_millis(rng.u64(1..6000))),
        })
    }

    /// The permission that is missing, if it is one.
    pub fn denied(&self) -> Option<&'static str> {
        match self {
            Self::Denied(action) => Some(action),
            _ => None,
        }
    }

    /// Lets it happen from now on. What others do is noted.
    pub fn begin(&self, sim: &Ec2Sim, deeds: &Deeds) {
        match self {
            Self::Fault(fault) => sim.inject(fault.clone()),
            Self::Chance { seed, per_mille } => sim.inject_random(RandomFaults::new(*seed, *per_mille)),
            Self::Denied(action) => {
                sim.world().accounts.entry(our_account()).or_default().denied_actions.insert((*action).to_owned());
            }
            Self::Interrupted(..) => {}
            Self::Outage(zone) => {
                sim.world().manners.outages.insert((*zone).to_owned());
            }
            Self::Terminated(instance, call) => {
                let (instance, deeds) = (*instance, deeds.clone());
                sim.before_call(sim.calls_made() + call, move |world| terminate(world, instance, &deeds));
            }
            Self::Deregistered(call) => {
                let deeds = deeds.clone();
                sim.before_call(sim.calls_made() + call, move |world| deregister(world, &deeds));
            }
        }
    }

    /// Nothing goes wrong any more.
    pub fn end_all(sim: &Ec2Sim) {
        sim.clear_faults();
        let mut world = sim.world();
        world.accounts.entry(our_account()).or_default().denied_actions.clear();
        world.manners.outages.clear();
    }
}

fn terminate(world: &mut World, instance: &str, deeds: &Deeds) {
    let region = if instance == MAIL { REGIONS[1] } else { HOME };
    if world.perform(region, "TerminateInstances", &[("InstanceId.1", instance)]) {
        deeds.add(|others| others.terminated.extend(instance.parse::<InstanceId>()));
    }
}

fn deregister(world: &mut World, deeds: &Deeds) {
    for region in [HOME, REGIONS[1]] {
        let is_backup = |image: &&Image| is_marked(&image.tags) && matches!(image.origin, Origin::Instance(_));
        let newest = world.region(region).images.values().filter(is_backup).max_by_key(|image| (image.created, image.id.clone()));
        let Some(id) = newest.map(|image| image.id.clone()) else { continue };
        if world.perform(region, "DeregisterImage", &[("ImageId", id.as_str())]) {
            deeds.add(|others| others.deregistered.extend([id]));
            return;
        }
    }
}

fn kind(rng: &mut Rng) -> FaultKind {
    let error = |status: u16, code: &str, message: &str| FaultKind::Error { status, code: code.to_owned(), message: message.to_owned() };
    match rng.u8(..18) {
        0..3 => FaultKind::LostAnswer,
        3 => FaultKind::LostRequest,
        4 => FaultKind::Hang,
        5 => FaultKind::throttled(),
        6 => FaultKind::internal_error(),
        7..9 => FaultKind::internal_error().after_effect(),
        9 => FaultKind::unavailable().after_effect(),
        10 => FaultKind::expired_credentials(),
        11 => FaultKind::ResetMidBody { after_bytes: rng.usize(..400) },
        12 => FaultKind::StallMidBody { after_bytes: rng.usize(..400) },
        13 => FaultKind::Truncated,
        14 => FaultKind::Delay(Duration::from_secs(rng.u64(1..40))),
        15 => error(403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
        16 => error(400, "SomethingNobodyHasHeardOf", "It is not to be."),
        _ => FaultKind::Body {
            status: 200,
            content_type: "text/html".to_owned(),
            body: b"<html>Welcome to this hotel's network</html>".to_vec(),
        },
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(Fault { action, region, calls, kind }) => {
                let (action, kind) = (action.as_deref().unwrap_or("any call"), kind.name());
                write!(f, "{kind} of {action} ({calls:?}{})", region.as_ref().map_or(String::new(), |region| format!(" in {region}")))
            }
            Self::Chance { per_mille, .. } => write!(f, "{per_mille} of 1000 calls struck by chance"),
            Self::Denied(action) => write!(f, "{action} denied"),
            Self::Interrupted(process, event) => write!(f, "process {process} interrupted at its event {event}"),
            Self::Outage(zone) => write!(f, "{zone} out of service"),
            Self::Terminated(instance, call) => write!(f, "somebody terminates {instance} before call {call}"),
            Self::Deregistered(call) => write!(f, "somebody deregisters the newest backup before call {call}"),
        }
    }
}
