//! Identifiers, parsed once at the edge: whoever holds an [`ImageId`] holds something EC2 could have issued.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Why a text is not the identifier it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct InvalidId {
    text: String,
    expected: &'static str,
}

impl InvalidId {
    fn new(text: &str, expected: &'static str) -> Self {
        // What the world sent may hold anything; what we print back may not.
        let text = text.chars().take(80).flat_map(char::escape_default).collect();
        Self { text, expected }
    }
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $is_valid:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(SmolStr);

        impl $name {
            /// The identifier as EC2 writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let is_valid: fn(&str) -> bool = $is_valid;
                if is_valid(text) { Ok(Self(SmolStr::new(text))) } else { Err(InvalidId::new(text, $expected)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

identifier!(
    /// An EC2 instance: `i-` and 8 or 17 hexadecimal digits.
    InstanceId, |text| has_hex_after(text, "i-"), "an instance id such as i-0123456789abcdef0"
);
identifier!(
    /// An Amazon Machine Image: `ami-` and 8 or 17 hexadecimal digits.
    ImageId, |text| has_hex_after(text, "ami-"), "an image id such as ami-0123456789abcdef0"
);
identifier!(
    /// An EBS snapshot: `snap-` and 8 or 17 hexadecimal digits.
    SnapshotId, |text| has_hex_after(text, "snap-"), "a snapshot id such as snap-0123456789abcdef0"
);
identifier!(
    /// An AWS account: 12 digits.
    AccountId, |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()), "an account id of 12 digits"
);
identifier!(
    /// An AWS region such as `eu-west-1`, `us-gov-west-1` or `eusc-de-east-1`.
    ///
    /// Only the form is checked: which regions exist and are enabled is for EC2 to say.
    Region, is_region, "a region such as eu-west-1"
);

identifier!(
    /// The name of a series, which is that of its policy's target: lower-case letters, digits and `-`, 40 characters at most, the
    /// first of them no `-`.
    SeriesName, is_series_name, "a name of lower-case letters, digits and -, such as web"
);

fn is_series_name(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// EC2 issues 8 digits (until 2016) or 17; both are still about.
fn has_hex_after(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|hex| matches!(hex.len(), 8 | 17) && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    (2..=4).contains(&words.len())
        && text.len() <= 32
        && words.iter().all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
        && matches!(number.len(), 1 | 2)
        && number.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_two_lengths_ec2_issues() {
        assert!("i-0123456789abcdef0".parse::<InstanceId>().is_ok());
        assert!("ami-12345678".parse::<ImageId>().is_ok());
        for wrong in ["", "i-", "i-123", "ami-0123456789abcdef0", "i-0123456789ABCDEF0", "i-0123456789abcdef0 ", "i-0123456789abcdefg"] {
            assert!(wrong.parse::<InstanceId>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn regions_of_every_partition_are_known_by_their_form() {
        for region in ["us-east-1", "ap-southeast-5", "us-gov-west-1", "us-isob-east-1", "cn-northwest-1", "eusc-de-east-1", "mx-central-1"]
        {
            assert!(region.parse::<Region>().is_ok(), "{region}");
        }
        let long = format!("{}-east-1", "x".repeat(25));
        assert!(long.parse::<Region>().is_ok(), "{long}");
        for wrong in [
            "",
            "us",
            "us-east",
            "us-1",
            "a-b-c-d-e-1",
            &format!("x{long}"),
            "us-west-2-lax-1a",
            "us-east-1a",
            "US-EAST-1",
            "us--1",
            "eu-west-1,us-east-1",
            "nowhere",
        ] {
            assert!(wrong.parse::<Region>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_series_has_a_plain_name() {
        for right in ["web", "db-1", "0", &"a".repeat(40)] {
            assert!(right.parse::<SeriesName>().is_ok(), "{right}");
        }
        for wrong in ["", "-web", "Web", "web 1", "web_1", "wéb", &"a".repeat(41)] {
            assert!(wrong.parse::<SeriesName>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_the_world_sent_is_printed_harmlessly() {
        let error = "ami-\u{1b}[31m\n".parse::<ImageId>().unwrap_err();
        assert_eq!(error.to_string(), r"`ami-\u{1b}[31m\n` is not an image id such as ami-0123456789abcdef0");
    }
}
