//! `run`, `plan` and `apply`: what a policy wants is made so, or shown, or made so as it was shown.

use std::path::Path;

use engine::plan_file::{self, PlanFile, UnusablePlan};
use engine::report::RunReport;
use engine::{Ending, RunError};
use planner::id::Region;

use crate::args::{Apply, Common, Plan, Run, Waiting};
use crate::commands::{in_session, region_to_ask};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;
use crate::policy_file::{load_to_act, read_text};

/// Does what the policy wants.
pub fn run(args: Run, verbose: u8) -> Result<ExitCode, Failure> {
    let Run { policy, max_deletes, quiet, waiting, common } = args;
    let policy = load_to_act(policy.file.as_deref())?.policy;
    let talk = if quiet { Talk::Quiet } else { Talk::Verbose(verbose) };
    act(Some(&waiting), &common, talk, None, async |run, asked| engine::run_policy(run, &policy, asked, max_deletes).await)
}

/// Shows what would be done, and writes it down if that is asked for.
pub fn plan(args: Plan, verbose: u8) -> Result<ExitCode, Failure> {
    let Plan { policy, max_deletes, output, looking } = args;
    let loaded = load_to_act(policy.file.as_deref())?;
    let write = |report: &RunReport| match &output {
        None => Ok(()),
        Some(file) => write_down(report, &loaded.text, file),
    };
    act(None, &looking.into(), Talk::Verbose(verbose), Some(&write), async |run, asked| {
        engine::run_policy(run, &loaded.policy, asked, max_deletes).await
    })
}

/// Does what a plan says.
pub fn apply(args: &Apply, verbose: u8) -> Result<ExitCode, Failure> {
    let Apply { plan, policy, waiting, common } = args;
    let loaded = load_to_act(policy.file.as_deref())?;
    let shown = plan.display();
    let text = read_text(plan, plan_file::LARGEST).map_err(|why| Failure::usage(format!("the plan {shown} cannot be read: {why}")))?;
    let plan = PlanFile::read(&text, &loaded.text).map_err(|why| match why {
        UnusablePlan::AnotherPolicy => Failure::stopped_for_safety(format!("the plan {shown} was not applied: {why}")),
        UnusablePlan::NoPlan(_) | UnusablePlan::Version(_) | UnusablePlan::Broken => Failure::usage(format!("the plan {shown}: {why}")),
    })?;
    act(Some(waiting), common, Talk::Verbose(verbose), None, async |run, asked| engine::apply_plan(run, &loaded.policy, asked, &plan).await)
}

fn write_down(report: &RunReport, policy: &str, file: &Path) -> Result<(), Failure> {
    if matches!(report.ending, Ending::NothingAchieved | Ending::Interrupted) {
        output::say(&format!("{} was not written: there is no plan to apply", file.display()));
        return Ok(());
    }
    let plan = serde_json::to_string_pretty(&PlanFile::of(report, policy)).map_err(Failure::nothing_achieved)?;
    output::write_whole(file, &format!("{plan}\n")).map_err(Failure::nothing_achieved)
}

/// What is said on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Talk {
    /// Nothing; and at the end only what needs a look.
    Quiet,
    /// What happens, and more the more often -v is given.
    Verbose(u8),
}

/// What is done with a report before it is shown.
type Use<'u> = &'u dyn Fn(&RunReport) -> Result<(), Failure>;

fn act(
    waiting: Option<&Waiting>,
    common: &Common,
    talk: Talk,
    first: Option<Use<'_>>,
    work: impl AsyncFn(&engine::Run<'_>, &Region) -> Result<RunReport, RunError>,
) -> Result<ExitCode, Failure> {
    in_session(common, None, async |session| {
        let asked = region_to_ask(session).await?;
        let work = async |run: &engine::Run<'_>| work(run, &asked).await;
        let report = match talk {
            Talk::Quiet => session.run_telling(common, waiting, &|_| {}, work).await?,
            Talk::Verbose(verbose) => session.run(common, waiting, verbose, work).await?,
        };
        first.map_or(Ok(()), |first| first(&report))?;
        if common.json {
            output::print_json(&report)?;
        } else if talk != Talk::Quiet || report.needs_a_look() {
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
