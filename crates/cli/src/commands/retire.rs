//! `retire`: the series of an instance that is gone is let go, its last good backup included.

use crate::args::{Common, Retire};
use crate::commands::image_instance::expiry;
use crate::commands::{in_session, region_to_ask};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;

/// Shows what would go, and with `--yes` gives it an expiry.
pub fn run(args: &Retire, verbose: u8) -> Result<ExitCode, Failure> {
    let Retire { instance, when, yes, common } = args;
    let only_shown = !yes && !common.dry_run;
    let Common { profile, sandbox, dry_run, json, now } = common;
    let common = Common { profile: profile.clone(), sandbox: sandbox.clone(), dry_run: *dry_run || !yes, json: *json, now: now.clone() };
    in_session(&common, None, async |session| {
        let now = jiff::Timestamp::from_second(session.clock.now().as_second()).map_err(Failure::usage)?;
        let at = expiry(when, now).map_err(|failure| failure.about("WHEN"))?;
        let asked = region_to_ask(session).await?;
        let report = session.run(&common, None, verbose, async |run| engine::retire(run, &asked, instance, at).await).await?;
        if common.json {
            output::print_json(&report)?;
        } else {
            output::print_lines(&report);
        }
        if only_shown && !report.backups.is_empty() {
            output::say("nothing was changed; with --yes it is done");
        }
        Ok(report.ending.into())
    })
}
