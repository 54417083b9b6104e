//! Client tokens: a call repeated with the same token does nothing, and is answered as before.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::scope::Scope;
use crate::world::TokenUse;

/// What the first call with this token created; `None` if this is the first.
pub(crate) fn recall(action: &str, token: Option<&str>, scope: &Scope) -> Result<Option<Vec<String>>, Error> {
    let Some(used) = token.and_then(|t| scope.here().client_tokens.get(&key(action, t))) else {
        return Ok(None);
    };
    if used.params != parameters(scope) {
        return Err(Error::new(
            "IdempotentParameterMismatch",
            "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
        ));
    }
    Ok(Some(used.created.clone()))
}

/// Keeps what a call with this token has created.
pub(crate) fn remember(action: &str, token: Option<&str>, created: Vec<String>, scope: &mut Scope) {
    let Some(token) = token else { return };
    let used = TokenUse { at: scope.now(), params: parameters(scope), created };
    scope.here_mut().client_tokens.insert(key(action, token), used);
}

/// What must be the same for the same token.
fn parameters(scope: &Scope) -> BTreeMap<String, String> {
    scope
        .form
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "Version" | "ClientToken" | "DryRun"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn key(action: &str, token: &str) -> String {
    format!("{action}/{token}")
}
