//! `simulate`: a policy is replayed over time.

mod text;

use std::collections::BTreeSet;

use engine::report::SimulateReport;
use engine::{Named, RunError, Seen};
use jiff::Timestamp;
use planner::policy::file::{Policy, SELF};

use crate::args::{Common, Simulate};
use crate::commands::{Session, end_on_signal, in_session, in_session_on, instant, region_to_ask};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;
use crate::plot::is_utf8;
use crate::policy_file::{Loaded, load_to_act};
use crate::sandbox::Sandbox;

/// Replays it.
pub fn run(args: Simulate) -> Result<ExitCode, Failure> {
    let Simulate { policy, diff, days, miss, observed, account, from, instances, gib, looking } = args;
    let common: Common = looking.into();
    if !observed && (common.profile.is_some() || common.sandbox.is_some()) {
        return Err(Failure::usage("-p and --sandbox say where to look, and only --observed looks anywhere: add it, or leave them away"));
    }
    let files = std::iter::once(policy.file.as_deref()).chain(diff.as_deref().map(Some));
    let loaded: Vec<Loaded> = files.map(load_to_act).collect::<Result<_, _>>()?;
    let names: Vec<String> = loaded.iter().map(|loaded| loaded.file.display().to_string()).collect();
    let mut policies: Vec<Policy> = loaded.into_iter().map(|loaded| loaded.policy).collect();
    let now = common.now.as_deref().map(instant).transpose()?.unwrap_or_else(Timestamp::now);
    let account = account_of(account, policies.first(), observed || from.is_some())?;
    let mut seen = None;
    let look = async |session: &Session| {
        let asked = region_to_ask(session).await?;
        seen =
            Some((session.watched(async || Seen::on_ec2(&session.account, &policies, &account, &asked).await).await?, session.clock.now()));
        Ok(if session.stop.is_requested() { ExitCode::Interrupted } else { ExitCode::Done })
    };
    let code = match from {
        Some(world) => in_session_on(Some(|| Sandbox::look(world, now)), &common, None, look)?,
        None if observed => in_session(&common, None, look)?,
        None => ExitCode::Done,
    };
    if code != ExitCode::Done {
        return Ok(code);
    }
    end_on_signal();
    let (seen, from) = seen.unwrap_or_else(|| (Seen::invented(&mut policies, instances, gib), now));
    let mut named = names.iter().zip(&policies).map(|(file, policy)| Named { file, policy });
    let this = named.next().ok_or_else(|| Failure::usage("there is no policy to replay"))?;
    let report = engine::simulate(this, named.next(), seen, from, days, &miss).map_err(RunError::Refused)?;
    if common.json {
        output::print_json(&report)?;
    } else {
        output::print_lines(&text::of(&report, is_utf8()));
    }
    remark(&report);
    Ok(ExitCode::Done)
}

/// The account that is looked at: the one that was named, else our own, or the first of a policy that is for others only.
fn account_of(named: Option<String>, policy: Option<&Policy>, looks: bool) -> Result<String, Failure> {
    let names: BTreeSet<&String> = policy.iter().flat_map(|policy| &policy.targets).flat_map(|target| &target.accounts).collect();
    let usual =
        || names.iter().find(|name| **name == SELF).or_else(|| names.iter().next()).map_or_else(|| SELF.to_owned(), ToString::to_string);
    let known = || names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    match named {
        Some(_) if !looks => Err(Failure::usage("--account says where to look, and only --observed and --from look anywhere")),
        Some(name) if !names.contains(&name) => {
            Err(Failure::usage(format!("--account {name}: the policy has no target for it, but for {}", known())))
        }
        Some(name) => Ok(name),
        None => {
            let usual = usual();
            if looks && names.len() > 1 {
                output::say(&format!("only the account {usual} is looked at; --account names another one of {}", known()));
            }
            Ok(usual)
        }
    }
}

/// Says what a user may have meant otherwise.
fn remark(report: &SimulateReport) {
    let days = &report.this.simulation.days;
    if let (Some(first), Some(last)) = (days.first(), days.last()) {
        for missed in report.missed.iter().filter(|missed| missed.last < first.date || missed.first > last.date) {
            output::say(&format!("warning: --miss {missed} is not among the days from {} to {}", first.date, last.date));
        }
    }
    for failure in &report.failures {
        output::say(&format!("warning: sizes are not known: {failure}"));
    }
    if let Some(diff) = report.diff.as_ref().filter(|diff| diff.in_both == 0) {
        let (this, other) = (&report.this.policy, &diff.other.policy);
        output::say(&format!("warning: no instance has backups under both policies, so that {this} and {other} cannot be compared"));
    }
}
