//! Who we are on AWS, and one EC2 client for each region.

use std::time::Duration;

use aws_config::profile;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_sdk_ec2::Client;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_types::os_shim_internal::{Env, Fs};
use planner::id::Region;
use planner::policy::file::AccountRef;

use crate::call::Call;
use crate::clock::Clock;
use crate::limits::{Ec2Clients, bounded};
use crate::outcome::{deepest, one_line};
use crate::pace::Turn;
use crate::reading::Watcher;
use crate::{credentials, trust};

/// A call is given up after this long, all its attempts included: "within 30 s outside of waiting".
const PATIENCE_OF_A_CALL: Duration = Duration::from_secs(28);
/// One attempt may take this long; listings of thousands of images do take seconds.
const PATIENCE_OF_AN_ATTEMPT: Duration = Duration::from_secs(20);
const PATIENCE_OF_A_CONNECTION: Duration = Duration::from_secs(5);
/// So many attempts end, with their backoff, within the patience of a call: then the error told is EC2's last, not "no answer in time".
const ATTEMPTS: u32 = 8;
/// What the other account's log of calls names the session.
const SESSION_NAME: &str = "ami-backup";

/// How to reach AWS.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// The profile that was asked for by name. Then, as in the AWS CLI, credentials in the environment do not count.
    pub profile: Option<String>,
    /// The region that was asked for by name: credentials that come from STS or SSO are asked for there.
    pub region: Option<Region>,
    /// In whose time requests are signed and waiting is measured.
    pub clock: Clock,
    /// Another way to send requests than over TLS: the embedded sandbox.
    pub http_client: Option<SharedHttpClient>,
    /// Other credentials than those AWS's configuration gives.
    pub credentials: Option<SharedCredentialsProvider>,
    /// Who watches how listings are read.
    pub watcher: Watcher,
}

/// Why AWS cannot be spoken to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// `-p` or the environment names a profile that is not there.
    #[error(
        "the profile `{profile}`, named by {1}, is neither in the AWS config file nor in the credentials file; `aws configure --profile {profile}` makes it",
        profile = one_line(.0)
    )]
    NoSuchProfile(String, &'static str),
    /// The files cannot be read.
    #[error("the AWS config files could not be read: {0}")]
    Unreadable(String),
    /// The authorities to be trusted are named, and not there.
    #[error("the certificates to trust could not be read from {}, as {named_by} says: {why}", path.escape_debug())]
    Bundle {
        /// The file.
        path: String,
        /// Who names it.
        named_by: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// One identity on AWS.
#[derive(Debug, Clone)]
pub struct Account {
    config: SdkConfig,
    connection: Connection,
    http_client: SharedHttpClient,
    ec2_clients: Ec2Clients,
    profile_region: Option<String>,
    /// Tells this account's calls from those of others, so that no account pays for what another one asks.
    label: String,
}

impl Account {
    /// Finds credentials, profile and endpoints as the AWS CLI does. Nothing is sent to EC2 yet.
    ///
    /// # Errors
    /// [`AccountError`] if the profile does not exist or the configuration cannot be read.
    pub async fn open(connection: Connection) -> Result<Self, AccountError> {
        let named = named_profile(&connection);
        let name = named.as_ref().map(|(name, _)| name.clone());
        let profiles = profile::load(&Fs::real(), &Env::real(), &EnvConfigFiles::default(), name.clone().map(Into::into))
            .await
            .map_err(|error| AccountError::Unreadable(one_line(&deepest(&error))))?;
        // As in the AWS CLI: with the next best credentials, a misspelt profile would delete in the wrong account.
        if let Some((name, from)) = named.filter(|(name, _)| connection.credentials.is_none() && profiles.get_profile(name).is_none()) {
            return Err(AccountError::NoSuchProfile(name, from));
        }
        let profile_region = profiles.get("region").map(str::to_owned);
        let unbounded = match &connection.http_client {
            Some(client) => client.clone(),
            None => https_client(trust::named(profiles.get("ca_bundle"))?),
        };
        let http_client = bounded(unbounded.clone());
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http_client.clone())
            .time_source(connection.clock)
            .sleep_impl(TokioSleep::new())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_max_backoff(Duration::from_secs(5)))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(PATIENCE_OF_A_CONNECTION)
                    .operation_attempt_timeout(PATIENCE_OF_AN_ATTEMPT)
                    .operation_timeout(PATIENCE_OF_A_CALL)
                    .build(),
            )
            // A host whose clock is wrong must not be helped to delete by it: EC2 refuses what is signed minutes off.
            .disable_clock_skew_correction(true)
            // It takes a slow but living answer for a dead one; the attempt's time limit is the tool for that.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Ok(app_name) = AppName::new(concat!("ami-backup/", env!("CARGO_PKG_VERSION"))) {
            loader = loader.app_name(app_name);
        }
        if let Some(name) = &name {
            loader = loader.profile_name(name);
        }
        // Which region's EC2 is asked is decided call by call; this one is where credentials are asked for.
        let region = aws_config::Region::new(region_for_credentials(&connection, profile_region.as_deref()));
        let credentials = connection.credentials.clone().unwrap_or_else(|| {
            let config = ProviderConfig::without_region()
                .with_http_client(http_client.clone())
                .with_time_source(connection.clock)
                .with_sleep_impl(TokioSleep::new())
                .with_region(Some(region.clone()));
            credentials::chain(name.as_deref(), connection.profile.is_some(), &config)
        });
        loader = loader.credentials_provider(credentials);
        let config = loader.region(region).load().await;
        let label = connection.profile.clone().unwrap_or_else(|| "default".to_owned());
        Ok(Self { config, connection, http_client, ec2_clients: Ec2Clients::of(unbounded), profile_region, label })
    }

    /// The account that a policy calls by this name, in which a role is assumed once something is asked of it.
    pub(crate) async fn assuming(&self, name: &str, AccountRef { role, external_id }: &AccountRef) -> Self {
        let mut provider = AssumeRoleProvider::builder(role.as_str()).session_name(SESSION_NAME).configure(&self.config);
        if let Some(external_id) = external_id {
            provider = provider.external_id(external_id);
        }
        let credentials = SharedCredentialsProvider::new(provider.build().await);
        let config = self.config.clone().into_builder().credentials_provider(credentials).build();
        let ec2_clients = self.ec2_clients.of_another_account();
        Self { config, ec2_clients, label: format!("{} as {name}", self.label), ..self.clone() }
    }

    /// The region the profile names.
    pub fn profile_region(&self) -> Option<&str> {
        self.profile_region.as_deref()
    }

    /// How AWS is reached.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Who watches how listings are read.
    pub(crate) fn watcher(&self) -> &Watcher {
        &self.connection.watcher
    }

    /// How requests are sent to others than EC2.
    pub(crate) fn http_client(&self) -> &SharedHttpClient {
        &self.http_client
    }

    /// An EC2 client of one region, for one call or one listing: what it is answered is bounded as a whole.
    pub(crate) fn ec2(&self, region: &Region) -> Client {
        // The SDK's retry quota is shared by all clients of a region in the process unless it is told apart, and a call
        // is bounded in time already.
        let partition = RetryPartition::custom(format!("ec2 {} {region}", self.label)).token_bucket(TokenBucket::unlimited()).build();
        let config = aws_sdk_ec2::config::Builder::from(&self.config)
            .region(aws_config::Region::new(region.to_string()))
            .retry_partition(partition)
            .http_client(self.ec2_clients.one(region))
            .build();
        Client::from_conf(config)
    }

    /// Waits until EC2 would take a call that changes something; what is given back is held while that call is under way.
    pub(crate) async fn turn(&self, region: &Region, call: Call) -> Turn {
        self.ec2_clients.turn(region, call).await
    }

    /// The same for EC2 Auto Scaling.
    pub(crate) fn autoscaling(&self, region: &Region) -> aws_sdk_autoscaling::Client {
        let partition =
            RetryPartition::custom(format!("autoscaling {} {region}", self.label)).token_bucket(TokenBucket::unlimited()).build();
        let config = aws_sdk_autoscaling::config::Builder::from(&self.config)
            .region(aws_config::Region::new(region.to_string()))
            .retry_partition(partition)
            .http_client(self.ec2_clients.one(region))
            .build();
        aws_sdk_autoscaling::Client::from_conf(config)
    }
}

/// Over TLS, through the proxy that the environment names, as the AWS CLI does. Certificates are always verified.
fn https_client(trust: TlsContext) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let connector = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(trust.clone());
        let mut connector = connector.proxy_config(ProxyConfig::from_env());
        if let Some(settings) = settings {
            connector = connector.connector_settings(settings.clone());
        }
        if let Some(sleep) = components.and_then(RuntimeComponents::sleep_impl) {
            connector.set_sleep_impl(Some(sleep));
        }
        connector.build()
    })
}

/// The profile that is named, and by whom: as in the AWS CLI, the older variable comes before the newer.
fn named_profile(connection: &Connection) -> Option<(String, &'static str)> {
    let variable = |from: &'static str| std::env::var(from).ok().filter(|name| !name.is_empty()).map(|name| (name, from));
    let option = connection.profile.clone().map(|name| (name, "-p"));
    option.or_else(|| variable("AWS_DEFAULT_PROFILE")).or_else(|| variable("AWS_PROFILE"))
}

/// STS and SSO, which turn a role or a login into credentials, are asked in the partition that is meant.
fn region_for_credentials(connection: &Connection, of_profile: Option<&str>) -> String {
    let asked = connection.region.as_ref().map(ToString::to_string);
    let variable = |name: &str| std::env::var(name).ok().filter(|region| !region.is_empty());
    let environment = || variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    asked.or_else(environment).or_else(|| of_profile.map(str::to_owned)).unwrap_or_else(|| "us-east-1".to_owned())
}
