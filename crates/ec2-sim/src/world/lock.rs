//! Locks of snapshots: what is locked cannot be deleted, whatever else the caller may do.
//!
//! From "Amazon EBS snapshot lock" in the EBS User Guide, and from `LockSnapshot` in the API reference.
//! A world's speed has no part in this: a day of a lock is a day.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::tier::days_after;

/// A lock on a snapshot. When it has expired it stays, and locks nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Who can take it off.
    pub mode: LockMode,
    /// When the snapshot was locked.
    pub created: Timestamp,
    /// In compliance mode: for how long it is as in governance mode.
    pub cool_off: Option<CoolOff>,
    /// For how long it locks.
    pub term: LockTerm,
    /// Since when the days of its term count: since it was put on, or since the snapshot is complete.
    /// `None` before that.
    pub started: Option<Timestamp>,
}

/// Who can take a lock off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockMode {
    /// Whoever has the permission.
    Governance,
    /// Nobody, once it has cooled off. It can only be made to last longer.
    Compliance,
}

/// The time in which a lock in compliance mode can still be taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoolOff {
    /// How many hours were asked for.
    pub hours: u32,
    /// When they are over.
    pub until: Timestamp,
}

/// For how long a lock locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockTerm {
    /// So many days.
    Days(u32),
    /// Until an instant.
    Until(Timestamp),
}

/// What a lock does, in EC2's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockState {
    /// Compliance mode, and it can still be taken off.
    ComplianceCooloff,
    /// Governance mode.
    Governance,
    /// Compliance mode, and nobody can take it off.
    Compliance,
    /// It locks nothing any more.
    Expired,
}

impl fmt::Display for LockState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ComplianceCooloff => "compliance-cooloff",
            Self::Governance => "governance",
            Self::Compliance => "compliance",
            Self::Expired => "expired",
        })
    }
}

impl Lock {
    /// A lock put on a complete snapshot, without a time to cool off.
    pub fn new(mode: LockMode, term: LockTerm, at: Timestamp) -> Self {
        Self { mode, created: at, cool_off: None, term, started: Some(at) }
    }

    /// What it does at an instant.
    pub fn state(&self, now: Timestamp) -> LockState {
        if self.expires().is_some_and(|at| at <= now) {
            return LockState::Expired;
        }
        match self.mode {
            LockMode::Governance => LockState::Governance,
            LockMode::Compliance if self.cool_off.is_some_and(|cool_off| now < cool_off.until) => LockState::ComplianceCooloff,
            LockMode::Compliance => LockState::Compliance,
        }
    }

    /// Whether it keeps its snapshot from being deleted.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.state(now) != LockState::Expired
    }

    /// When it expires; `None` as long as its days do not count yet.
    pub fn expires(&self) -> Option<Timestamp> {
        match self.term {
            LockTerm::Days(_) => self.started.map(|started| self.expires_if_started(started)),
            LockTerm::Until(at) => Some(at),
        }
    }

    /// When it would expire if its days counted since `started`.
    pub(crate) fn expires_if_started(&self, started: Timestamp) -> Timestamp {
        match self.term {
            LockTerm::Days(days) => days_after(started, days),
            LockTerm::Until(at) => at,
        }
    }
}
