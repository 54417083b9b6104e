//! `iam-policy`: the least policy this program needs, made from the table of the calls it makes.

use std::path::Path;

use engine::iam;
use planner::policy::file::{RoleArn, SELF};
use serde_json::Value;

use crate::args::{IamPolicy, Work};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;
use crate::policy_file::{Loaded, load};

/// What it takes to do everything.
const WHOLE: [iam::Work; 3] = [iam::Work::Create, iam::Work::Purge, iam::Work::Policy];

/// Prints the policy.
pub fn run(args: &IamPolicy) -> Result<ExitCode, Failure> {
    if args.policy.is_some() && args.work != Work::Hub {
        return Err(Failure::usage("--policy goes with --for hub: nothing else depends on what a policy says"));
    }
    let policy = match args.work {
        Work::Create => iam::policy(&[iam::Work::Create]),
        Work::Purge => iam::policy(&[iam::Work::Purge]),
        Work::All => iam::policy(&[iam::Work::Create, iam::Work::Purge]),
        Work::Policy | Work::Member => iam::policy(&WHOLE),
        Work::Hub => hub(args.policy.as_deref())?,
    };
    output::print_json(&policy)?;
    Ok(ExitCode::Done)
}

/// Of an account that is backed up itself, too, or of one that is not.
fn hub(file: Option<&Path>) -> Result<Value, Failure> {
    let Loaded { policy, file, .. } = load(file)?;
    let used = |name: &str| policy.targets.iter().any(|target| target.accounts.contains(name));
    let roles: Vec<&RoleArn> = policy.accounts.iter().filter(|(name, _)| used(name)).map(|(_, account)| &account.role).collect();
    if roles.is_empty() {
        return Err(Failure::usage(format!("{}: no target is for another account, so that there is no hub", file.display())));
    }
    Ok(iam::hub(if used(SELF) { &WHOLE } else { &[] }, &roles))
}
