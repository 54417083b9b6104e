//! Only calls are made that stand in the table behind the IAM policy.

use super::Witness;

pub(super) fn check(witness: &Witness<'_>) -> Vec<String> {
    let table = engine::call::Call::ALL.map(engine::call::Call::name);
    let others = witness.calls.iter().filter(|call| !table.contains(&call.action.as_str()));
    others.map(|call| format!("{} is not in the table", call.action)).collect()
}
