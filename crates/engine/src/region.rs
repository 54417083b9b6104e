//! Which region is meant, and who says so.

use std::fmt;
use std::time::Duration;

use planner::id::{InvalidId, Region};

use crate::account::Account;
use crate::metadata;

/// The chain asks the metadata service for at most this long.
const METADATA_PATIENCE: Duration = Duration::from_secs(1);

/// A region and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionChoice {
    /// The region.
    pub region: Region,
    /// Who says so.
    pub from: RegionSource,
}

/// Who says which region is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegionSource {
    /// The user, by `-r`.
    Option,
    /// This environment variable.
    Environment(&'static str),
    /// The metadata service of the instance this runs on.
    Metadata,
    /// The profile in AWS's configuration.
    Profile,
}

/// Why no region can be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRegion {
    /// Nobody says.
    #[error(
        "no region: give -r, set AWS_REGION, or add one to the profile (the metadata service did not answer either: this seems to be no EC2 instance)"
    )]
    Nobody,
    /// Somebody says something that is no region.
    #[error("{1} gives no region: {0}")]
    Invalid(InvalidId, RegionSource),
}

/// `-r`, else `AWS_REGION` or `AWS_DEFAULT_REGION`, else the metadata service, else the profile.
///
/// # Errors
/// [`NoRegion`] says who was asked, or whose answer cannot be used.
pub async fn choose(account: &Account, option: Option<Region>) -> Result<RegionChoice, NoRegion> {
    if let Some(region) = option {
        return Ok(RegionChoice { region, from: RegionSource::Option });
    }
    let parse = |text: &str, from: RegionSource| match text.parse() {
        Ok(region) => Ok(RegionChoice { region, from }),
        Err(invalid) => Err(NoRegion::Invalid(invalid, from)),
    };
    for variable in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if let Some(text) = std::env::var(variable).ok().filter(|text| !text.is_empty()) {
            return parse(&text, RegionSource::Environment(variable));
        }
    }
    if let Ok(Ok(local)) = tokio::time::timeout(METADATA_PATIENCE, metadata::local_instance(account)).await {
        return Ok(RegionChoice { region: local.region, from: RegionSource::Metadata });
    }
    match account.profile_region() {
        Some(text) => parse(text, RegionSource::Profile),
        None => Err(NoRegion::Nobody),
    }
}

impl fmt::Display for RegionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option => f.write_str("-r"),
            Self::Environment(variable) => f.write_str(variable),
            Self::Metadata => f.write_str("the metadata service"),
            Self::Profile => f.write_str("the profile"),
        }
    }
}
