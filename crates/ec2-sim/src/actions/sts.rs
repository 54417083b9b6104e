//! The actions of STS. The Query protocol is the same as EC2's; the words for what is refused are those of Auto
//! Scaling: there are no dry runs, and a request that is wrong in itself is a `ValidationError`.

use super::assume_role::AssumeRole;
use super::auto_scaling::take;
use super::{Action, get_caller_identity, invalid_action};
use crate::error::Error;
use crate::scope::Scope;
use crate::xml::Xml;

/// Performs an action of STS by its name.
pub(crate) fn sts(action: &str, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
    match action {
        AssumeRole::NAME => take::<AssumeRole>(scope)?.perform(scope, answer),
        get_caller_identity::NAME => {
            get_caller_identity::perform(scope, answer);
            Ok(())
        }
        _ => Err(invalid_action(action)),
    }
}

/// Whether an action is one of STS: for requests that do not say which service they are meant for.
pub(crate) fn is_sts(action: &str) -> bool {
    matches!(action, AssumeRole::NAME | get_caller_identity::NAME)
}
