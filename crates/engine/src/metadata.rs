//! The instance this program runs on, as its metadata service knows it (`IMDSv2` only: the token comes first).

use std::time::Duration;

use aws_config::imds::Client;
use aws_config::provider_config::ProviderConfig;
use aws_smithy_async::rt::sleep::TokioSleep;
use planner::id::{InstanceId, InvalidId, Region};
use serde::Deserialize;

use crate::account::Account;
use crate::outcome::{deepest, one_line};

const IDENTITY_DOCUMENT: &str = "/latest/dynamic/instance-identity/document";

/// The instance this program runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalInstance {
    /// Its id.
    pub id: InstanceId,
    /// Its region, by the identity document: cutting a letter off the zone is wrong in Local Zones.
    pub region: Region,
}

/// Why the metadata service does not tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// The environment says not to ask.
    #[error("the metadata service is switched off by AWS_EC2_METADATA_DISABLED; name the instance with -i")]
    Disabled,
    /// It does not answer.
    #[error(
        "the metadata service does not answer ({0}): this seems to be no EC2 instance, or its metadata service is off; name the instance with -i"
    )]
    NoAnswer(String),
    /// It answers with something else.
    #[error("the metadata service's identity document cannot be read: {0}")]
    Unreadable(String),
}

impl From<InvalidId> for MetadataError {
    fn from(invalid: InvalidId) -> Self {
        Self::Unreadable(invalid.to_string())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdentityDocument {
    instance_id: String,
    region: String,
}

/// Asks the metadata service, for a few seconds at most. `AWS_EC2_METADATA_SERVICE_ENDPOINT` and
/// `AWS_EC2_METADATA_DISABLED` count as in the AWS CLI.
///
/// # Errors
/// [`MetadataError`] if it does not answer, or not with an identity document.
pub async fn local_instance(account: &Account) -> Result<LocalInstance, MetadataError> {
    let connection = account.connection();
    // The sandbox has a metadata service of its own.
    if connection.http_client.is_none() && std::env::var("AWS_EC2_METADATA_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"))
    {
        return Err(MetadataError::Disabled);
    }
    let config = ProviderConfig::without_region()
        .with_http_client(account.http_client().clone())
        .with_time_source(connection.clock)
        .with_sleep_impl(TokioSleep::new());
    let client = Client::builder()
        .configure(&config)
        .max_attempts(3)
        .connect_timeout(Duration::from_secs(1))
        .read_timeout(Duration::from_secs(1))
        .build();
    let text = client.get(IDENTITY_DOCUMENT).await.map_err(|error| MetadataError::NoAnswer(one_line(&deepest(&error))))?;
    let document: IdentityDocument =
        serde_json::from_str(text.as_ref()).map_err(|error| MetadataError::Unreadable(one_line(&error.to_string())))?;
    Ok(LocalInstance { id: document.instance_id.parse()?, region: document.region.parse()? })
}
