//! `run` and `plan`: what a policy wants is made so, or shown.

use engine::Ending;
use planner::policy::MaxDeletes;

use crate::args::{Common, Plan, PolicyFile, Run, Waiting};
use crate::commands::{in_session, region_to_ask};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;
use crate::policy_file::load_to_act;

/// Does what the policy wants.
pub fn run(args: Run, verbose: u8) -> Result<ExitCode, Failure> {
    let Run { policy, max_deletes, waiting, common } = args;
    act(&policy, max_deletes, Some(&waiting), &common, verbose)
}

/// Shows what would be done.
pub fn plan(args: Plan, verbose: u8) -> Result<ExitCode, Failure> {
    let Plan { policy, max_deletes, looking } = args;
    act(&policy, max_deletes, None, &looking.into(), verbose)
}

fn act(
    file: &PolicyFile,
    max_deletes: Option<MaxDeletes>,
    waiting: Option<&Waiting>,
    common: &Common,
    verbose: u8,
) -> Result<ExitCode, Failure> {
    let loaded = load_to_act(file.file.as_deref())?;
    in_session(common, None, async |session| {
        let asked = region_to_ask(session).await?;
        let report =
            session.run(common, waiting, verbose, async |run| engine::run_policy(run, &loaded.policy, &asked, max_deletes).await).await?;
        if common.json {
            output::print_json(&report)?;
        } else {
            output::print_lines(&report);
        }
        match report.ending {
            Ending::StillInFlight => output::say("still in flight, and nothing is lost: the next run goes on with it"),
            Ending::Interrupted => output::say("interrupted: the next run goes on with what was begun"),
            _ => {}
        }
        Ok(report.ending.into())
    })
}
