//! Where credentials come from, in the AWS CLI's order: the environment, the profile, a web identity, the container, the instance.

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

/// The chain for the profile that is named, by the user (`-p`) or by the environment; the default one if none is.
///
/// The SDK's own chain takes the next best credentials where the AWS CLI does not, and would delete in the wrong account: a profile
/// asked for by name does not outrank the environment (keys or web identity) there, and one that is misspelt inside is passed over.
pub(crate) fn chain(profile: Option<&str>, by_option: bool, config: &ProviderConfig) -> SharedCredentialsProvider {
    let mut from_profile = ProfileFileCredentialsProvider::builder().configure(config);
    if let Some(name) = profile {
        from_profile = from_profile.profile_name(name);
    }
    let from_profile = WholeProfile(from_profile.build());
    let chain = if by_option {
        CredentialsProviderChain::first_try("Profile", from_profile)
    } else {
        CredentialsProviderChain::first_try("Environment", EnvironmentVariableCredentialsProvider::new())
            .or_else("Profile", from_profile)
            .or_else("WebIdentityToken", WebIdentityTokenCredentialsProvider::builder().configure(config).build())
    };
    SharedCredentialsProvider::new(
        chain
            .or_else("EcsContainer", EcsCredentialsProvider::builder().configure(config).build())
            .or_else("Ec2InstanceMetadata", ImdsCredentialsProvider::builder().configure(config).build()),
    )
}

/// A profile that either has no credentials at all, or whose credentials work. One that names a source, a role or a process that
/// is not there is an error, and nothing to pass over.
#[derive(Debug)]
struct WholeProfile(ProfileFileCredentialsProvider);

impl ProvideCredentials for WholeProfile {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.0.provide_credentials().await.map_err(|error| match error {
                // What is merely absent comes without a cause.
                CredentialsError::CredentialsNotLoaded(_) if std::error::Error::source(&error).is_some() => {
                    CredentialsError::invalid_configuration(error)
                }
                other => other,
            })
        })
    }
}
