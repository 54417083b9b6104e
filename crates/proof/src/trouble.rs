//! What goes wrong during a run.

use std::fmt;
use std::time::Duration;

use ec2_sim::{Ec2Sim, Fault, FaultKind, RandomFaults, Which};
use fastrand::Rng;

use crate::known::our_account;

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
}

const ACTIONS: [&str; 8] = [
    "DescribeInstances",
    "DescribeRegions",
    "DescribeImages",
    "DescribeSnapshots",
    "CreateImage",
    "CopyImage",
    "DeregisterImage",
    "DeleteSnapshot",
];

impl Trouble {
    /// None, one or several.
    pub fn some(rng: &mut Rng) -> Vec<Self> {
        if rng.u8(..4) == 0 {
            return Vec::new();
        }
        (0..rng.u8(1..=3)).map(|_| Self::any(rng)).collect()
    }

    fn any(rng: &mut Rng) -> Self {
        match rng.u8(..12) {
            0..3 => Self::Chance { seed: rng.u64(..), per_mille: [20, 100, 300][rng.usize(..3)] },
            3 => Self::Denied(ACTIONS[rng.usize(..ACTIONS.len())]),
            4 => Self::Interrupted(0, rng.u32(1..6)),
            _ => {
                let calls = match rng.u8(..5) {
                    0 => Which::First(rng.u64(1..6)),
                    1 => Which::First(100),
                    2 => Which::From(rng.u64(1..6)),
                    _ => Which::Nth(rng.u64(1..6)),
                };
                // Mostly where it hurts.
                let action = ACTIONS[if rng.bool() { rng.usize(4..8) } else { rng.usize(..8) }];
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

    /// Lets it happen from now on.
    pub fn begin(&self, sim: &Ec2Sim) {
        match self {
            Self::Fault(fault) => sim.inject(fault.clone()),
            Self::Chance { seed, per_mille } => sim.inject_random(RandomFaults::new(*seed, *per_mille)),
            Self::Denied(action) => {
                sim.world().accounts.entry(our_account()).or_default().denied_actions.insert((*action).to_owned());
            }
            Self::Interrupted(..) => {}
        }
    }

    /// Nothing goes wrong any more.
    pub fn end_all(sim: &Ec2Sim) {
        sim.clear_faults();
        sim.world().accounts.entry(our_account()).or_default().denied_actions.clear();
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
        }
    }
}
