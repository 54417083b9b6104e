//! `GetCallerIdentity` of STS: who is calling. It needs no permission and takes no parameters.

use crate::scope::Scope;
use crate::xml::Xml;

pub(super) const NAME: &str = "GetCallerIdentity";

pub(super) fn perform(scope: &Scope, answer: &mut Xml) {
    answer.element("GetCallerIdentityResult", |result| {
        result.leaf("Arn", scope.caller_arn()).leaf("UserId", "AIDAEXAMPLEOPERATOR00").leaf("Account", &scope.account);
    });
}
