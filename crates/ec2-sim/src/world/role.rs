//! Roles that callers of other accounts may assume, and the sessions of those who have: what STS knows.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::World;
use crate::clock::later;
use crate::id::{AccountId, hash};

/// An expired session is told from one that never was for that long. How long AWS does is not documented, but that it
/// ends at some time (reported after "a couple of weeks", jrl84/amazon-sp-api#57).
const REMEMBERED: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A role of IAM, as far as `AssumeRole` asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Role {
    /// Where it is in IAM, `/backup/` for one. It is a part of the role's ARN, and not of its sessions'.
    pub path: String,
    /// The accounts whose callers may assume it; its own account is none of them unless it is here.
    pub trusts: BTreeSet<AccountId>,
    /// What they have to know for that.
    pub external_id: Option<String>,
    /// Actions that its sessions may not perform, besides those that nobody in its account may.
    pub denied_actions: BTreeSet<String>,
    /// How long a session may be: one hour, unless the role says otherwise, and twelve at most (IAM User Guide,
    /// "Update the maximum session duration for a role").
    pub max_session_duration: SignedDuration,
}

impl Role {
    /// The path of roles that are nowhere in particular.
    pub const NO_PATH: &str = "/";
    /// What [`Role::max_session_duration`] may be. The least is the usual.
    pub(crate) const MAX_SESSION_DURATIONS: RangeInclusive<SignedDuration> = SignedDuration::from_hours(1)..=SignedDuration::from_hours(12);
    /// How long an external id may be.
    pub(crate) const EXTERNAL_ID_LENGTHS: RangeInclusive<usize> = 2..=1224;

    /// A role that an account's callers may assume.
    pub fn trusting(account: AccountId) -> Self {
        Self { trusts: [account].into(), ..Self::default() }
    }

    /// Whether callers of an account may assume it who know that. An external id that it does not ask for does no harm.
    pub(crate) fn is_open_to(&self, account: &AccountId, external_id: Option<&str>) -> bool {
        self.trusts.contains(account) && self.external_id.as_deref().is_none_or(|wanted| external_id == Some(wanted))
    }

    /// Whether a role can have that name.
    pub(crate) fn is_name(text: &str) -> bool {
        (1..=64).contains(&text.len()) && text.chars().all(is_name_letter)
    }

    pub(crate) fn is_path(text: &str) -> bool {
        text.starts_with('/') && text.ends_with('/') && text.len() <= 512 && text.bytes().all(|byte| byte.is_ascii_graphic())
    }

    pub(crate) fn is_external_id(text: &str) -> bool {
        Self::EXTERNAL_ID_LENGTHS.contains(&text.len()) && text.chars().all(is_external_id_letter)
    }
}

impl Default for Role {
    fn default() -> Self {
        Self {
            path: Self::NO_PATH.to_owned(),
            trusts: BTreeSet::new(),
            external_id: None,
            denied_actions: BTreeSet::new(),
            max_session_duration: *Self::MAX_SESSION_DURATIONS.start(),
        }
    }
}

/// `[\w+=,.@-]`: what the names of roles and of sessions are made of.
pub(crate) fn is_name_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter)
}

/// `[\w+=,.@:\/-]`: what external ids are made of.
pub(crate) fn is_external_id_letter(letter: char) -> bool {
    is_name_letter(letter) || ":/".contains(letter)
}

/// A role that somebody has assumed, until it expires. It is known by its access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The role's account, in which it acts.
    pub account: AccountId,
    /// The role's name. The role of an instance need not be among the account's roles.
    pub role: String,
    /// What whoever assumed the role called it; of an instance, its id.
    pub name: String,
    /// Its requests have to bear that.
    pub token: String,
    /// From then on it can do nothing.
    pub expires: Timestamp,
}

impl Session {
    /// What it is called in denials.
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:sts::{}:assumed-role/{}/{}", self.account, self.role, self.name)
    }

    /// What IAM calls it: the unique id of the role, and the session's name.
    pub(crate) fn id(&self, seed: u64) -> String {
        let role = hash(&format!("role {seed} {} {}", self.account, self.role));
        format!("AROA{role:017X}:{}", self.name)
    }

    pub(super) fn is_remembered(&self, now: Timestamp) -> bool {
        now < later(self.expires, REMEMBERED)
    }
}

impl World {
    /// The secret that goes with a session's key. No signature is verified, so that none need be kept. All of them
    /// end alike, so that a test can look for them where they must not be.
    pub(crate) fn secret_of(&self, what: &str) -> String {
        let part = |part: &str| hash(&format!("{part} {} {what}", self.ids.seed));
        format!("{:016x}{:016x}wJalrXUt", part("secret"), part("more secret"))
    }
}
