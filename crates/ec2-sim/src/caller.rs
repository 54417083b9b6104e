//! Who calls: the account of an access key, and the session of a role where the key is a session's.

use crate::credential::Credential;
use crate::id::AccountId;
use crate::world::{Session, World};

/// What the keys of sessions begin with, and no others (IAM User Guide, "IAM identifiers").
pub(crate) const SESSION_KEY_PREFIX: &str = "ASIA";

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: AccountId,
    pub(crate) session: Option<Session>,
}

/// Why a request's credentials are none. Each service has its own words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoCaller {
    /// There is no such session, or the token is not the session's.
    Unknown,
    /// The session is over.
    Expired,
}

impl Caller {
    pub(crate) fn of(credential: &Credential, world: &World) -> Result<Self, NoCaller> {
        let key = &credential.access_key;
        if let Some(session) = world.sessions.get(key) {
            return if credential.session_token.as_ref() != Some(&session.token) {
                Err(NoCaller::Unknown)
            } else if session.expires <= world.clock {
                Err(NoCaller::Expired)
            } else {
                Ok(Self { account: session.account.clone(), session: Some(session.clone()) })
            };
        }
        match world.access_keys.get(key) {
            Some(account) => Ok(Self { account: account.clone(), session: None }),
            None if key.starts_with(SESSION_KEY_PREFIX) => Err(NoCaller::Unknown),
            None => Ok(Self { account: AccountId::default(), session: None }),
        }
    }
}
