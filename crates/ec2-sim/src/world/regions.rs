//! The regions of the commercial partition.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What is the same for every account: whether a region is open, and its zones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionFacts {
    /// Whether the region is enabled.
    pub opt_in_status: OptInStatus,
    /// Its availability zones.
    pub zones: Vec<Zone>,
}

/// An availability zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// `us-east-1a`: another zone for every account.
    pub name: String,
    /// `use1-az1`: the same zone for every account.
    pub id: String,
}

/// Whether a region is enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptInStatus {
    /// One of the regions from before 2019, always enabled.
    OptInNotRequired,
    /// Enabled on request.
    OptedIn,
    /// Not enabled.
    NotOptedIn,
}

impl fmt::Display for OptInStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OptInNotRequired => "opt-in-not-required",
            Self::OptedIn => "opted-in",
            Self::NotOptedIn => "not-opted-in",
        })
    }
}

impl RegionFacts {
    /// Whether calls to the region are answered.
    pub fn is_enabled(&self) -> bool {
        self.opt_in_status != OptInStatus::NotOptedIn
    }
}

/// Name, prefix of the zone ids, letters of the zones, status.
const COMMERCIAL: &[(&str, &str, &str, OptInStatus)] = {
    use OptInStatus::{NotOptedIn, OptInNotRequired, OptedIn};
    &[
        ("af-south-1", "afs1", "abc", NotOptedIn),
        ("ap-east-1", "ape1", "abc", NotOptedIn),
        ("ap-northeast-1", "apne1", "acd", OptInNotRequired),
        ("ap-northeast-2", "apne2", "abcd", OptInNotRequired),
        ("ap-northeast-3", "apne3", "abc", OptInNotRequired),
        ("ap-south-1", "aps1", "abc", OptInNotRequired),
        ("ap-south-2", "aps2", "abc", NotOptedIn),
        ("ap-southeast-1", "apse1", "abc", OptInNotRequired),
        ("ap-southeast-2", "apse2", "abc", OptInNotRequired),
        ("ap-southeast-3", "apse3", "abc", NotOptedIn),
        ("ap-southeast-4", "apse4", "abc", NotOptedIn),
        ("ca-central-1", "cac1", "abd", OptInNotRequired),
        ("ca-west-1", "caw1", "abc", NotOptedIn),
        ("eu-central-1", "euc1", "abc", OptInNotRequired),
        ("eu-central-2", "euc2", "abc", OptedIn),
        ("eu-north-1", "eun1", "abc", OptInNotRequired),
        ("eu-south-1", "eus1", "abc", NotOptedIn),
        ("eu-south-2", "eus2", "abc", NotOptedIn),
        ("eu-west-1", "euw1", "abc", OptInNotRequired),
        ("eu-west-2", "euw2", "abc", OptInNotRequired),
        ("eu-west-3", "euw3", "abc", OptInNotRequired),
        ("il-central-1", "ilc1", "abc", NotOptedIn),
        ("me-central-1", "mec1", "abc", NotOptedIn),
        ("me-south-1", "mes1", "abc", NotOptedIn),
        ("sa-east-1", "sae1", "abc", OptInNotRequired),
        ("us-east-1", "use1", "abcdef", OptInNotRequired),
        ("us-east-2", "use2", "abc", OptInNotRequired),
        ("us-west-1", "usw1", "ac", OptInNotRequired),
        ("us-west-2", "usw2", "abcd", OptInNotRequired),
    ]
};

pub(super) fn commercial() -> BTreeMap<String, RegionFacts> {
    COMMERCIAL
        .iter()
        .map(|(name, id_prefix, letters, opt_in_status)| {
            let zones = letters
                .chars()
                .zip(1..)
                .map(|(letter, number)| Zone { name: format!("{name}{letter}"), id: format!("{id_prefix}-az{number}") })
                .collect();
            let facts = RegionFacts { opt_in_status: *opt_in_status, zones };
            ((*name).to_owned(), facts)
        })
        .collect()
}
