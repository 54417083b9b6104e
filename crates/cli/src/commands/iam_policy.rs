//! `iam-policy`: the least policy this program needs, made from the table of the calls it makes.

use engine::iam;

use crate::args::{IamPolicy, Work};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;

/// Prints the policy.
pub fn run(args: &IamPolicy) -> Result<ExitCode, Failure> {
    let policy = match args.work {
        Work::Create => iam::policy(&[iam::Work::Create]),
        Work::Purge => iam::policy(&[iam::Work::Purge]),
        Work::All => iam::policy(&[iam::Work::Create, iam::Work::Purge]),
        Work::Policy => iam::policy(&[iam::Work::Create, iam::Work::Purge, iam::Work::Policy]),
    };
    output::print_json(&policy)?;
    Ok(ExitCode::Done)
}
