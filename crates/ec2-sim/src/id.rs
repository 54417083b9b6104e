//! Resource ids: a prefix and lower-case hexadecimal digits, eight of them in the early years and
//! seventeen since 2016. Both lengths are still met.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::caller::SESSION_KEY_PREFIX;

/// What was given as an id is not of the form that EC2 gives to ids of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid id \"{text}\" (expecting \"{prefix}...\")")]
pub struct MalformedId {
    text: String,
    prefix: &'static str,
}

macro_rules! resource_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// What ids of this kind begin with.
            pub const PREFIX: &str = $prefix;

            /// The id as EC2 writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            pub(crate) fn mint(ids: &mut Ids) -> Self {
                Self(ids.mint($prefix))
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                if well_formed(text, $prefix) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(MalformedId { text: text.to_owned(), prefix: $prefix })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = MalformedId;

            fn try_from(text: String) -> Result<Self, MalformedId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        // Lets a test look a resource up by a plain string.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

resource_ids! {
    /// The id of an instance.
    InstanceId = "i-";
    /// The id of an image (AMI).
    ImageId = "ami-";
    /// The id of an EBS snapshot.
    SnapshotId = "snap-";
    /// The id of an EBS volume.
    VolumeId = "vol-";
    /// The id of a reservation: the instances that one `RunInstances` started.
    ReservationId = "r-";
    /// The id of a launch template.
    LaunchTemplateId = "lt-";
}

impl VolumeId {
    /// `vol-ffffffff`: the volume that every copied snapshot claims to be of.
    pub(crate) fn of_no_volume() -> Self {
        Self("vol-ffffffff".to_owned())
    }
}

/// The twelve digits of an AWS account.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

impl AccountId {
    /// The account of every access key that a world does not assign to another one.
    pub const DEFAULT: &str = "123456789012";

    /// The twelve digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for AccountId {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

impl FromStr for AccountId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(MalformedId { text: text.to_owned(), prefix: "twelve digits, " })
        }
    }
}

impl TryFrom<String> for AccountId {
    type Error = MalformedId;

    fn try_from(text: String) -> Result<Self, MalformedId> {
        text.parse()
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> Self {
        id.0
    }
}

impl Borrow<str> for AccountId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where new ids come from. The n-th id of a kind depends on the seed and on n only, so that asking
/// once more in between (a poll, a retry) changes no later id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    /// What makes the ids, and the order of listings, of one world differ from another's.
    pub seed: u64,
    minted: BTreeMap<String, u64>,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, minted: BTreeMap::new() }
    }

    fn mint(&mut self, prefix: &str) -> String {
        format!("{prefix}0{:016x}", self.next(prefix))
    }

    /// A request id, in the form of a UUID.
    pub(crate) fn request_id(&mut self) -> String {
        self.uuid("request")
    }

    /// An id in the form of a UUID.
    pub(crate) fn uuid(&mut self, kind: &str) -> String {
        let (high, low) = (self.next(kind), self.next(kind));
        format!("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", high >> 32, high >> 16 & 0xffff, high & 0xfff, low >> 52, low & 0xffff_ffff_ffff)
    }

    /// The access key of a session.
    pub(crate) fn session_key(&mut self) -> String {
        format!("{SESSION_KEY_PREFIX}{:016X}", self.next(SESSION_KEY_PREFIX))
    }

    /// The identifier of a retention rule: eleven letters and digits.
    pub(crate) fn retention_rule(&mut self) -> String {
        format!("{:011x}", self.next("rule") >> 20)
    }

    fn next(&mut self, kind: &str) -> u64 {
        let count = self.minted.entry(kind.to_owned()).or_default();
        *count += 1;
        scramble(self.seed ^ hash(kind).wrapping_add(*count))
    }
}

/// The place of an id in listings. EC2 promises no order, so neither does this; but the order never
/// changes while a client pages through.
pub(crate) fn order(seed: u64, id: &str) -> u64 {
    scramble(seed ^ hash(id))
}

/// FNV-1a: unlike the standard library's hasher it is the same in every release.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn scramble(value: u64) -> u64 {
    fastrand::Rng::with_seed(value).u64(..)
}

fn well_formed(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|digits| matches!(digits.len(), 8 | 17) && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_eight_or_seventeen_digits() {
        for good in ["ami-12345678", "ami-0123456789abcdef0"] {
            assert!(good.parse::<ImageId>().is_ok(), "{good}");
        }
        for bad in ["", "ami-", "ami-1234567", "ami-123456789", "ami-1234567g", "ami-ABCDEF01", "i-12345678", "ami-12345678 "] {
            assert!(bad.parse::<ImageId>().is_err(), "{bad}");
        }
        assert!("123456789012".parse::<AccountId>().is_ok());
        assert!("12345678901".parse::<AccountId>().is_err());
    }

    #[test]
    fn minted_ids_are_well_formed_and_depend_on_seed_and_number_only() {
        let mut ids = Ids::new(1);
        let first = ImageId::mint(&mut ids);
        assert!(first.as_str().parse::<ImageId>().is_ok());
        assert_ne!(first, ImageId::mint(&mut ids));

        let mut others = Ids::new(1);
        others.request_id();
        SnapshotId::mint(&mut others);
        assert_eq!(ImageId::mint(&mut others), first);
        assert_ne!(ImageId::mint(&mut Ids::new(2)), first);
    }

    #[test]
    fn request_ids_look_like_uuids() {
        let id = Ids::new(1).request_id();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
    }
}
