//! `purge-expired-amis`: what is ours and expired goes.

use engine::Ending;
use planner::policy::PurgePolicy;

use crate::args::PurgeExpiredAmis;
use crate::commands::{in_session, regions};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;

/// Purges.
pub fn run(args: PurgeExpiredAmis, verbose: u8) -> Result<ExitCode, Failure> {
    in_session(&args.common, args.region.first(), async |session| {
        let scope = regions(session, &args.region).await?;
        let policy = PurgePolicy {
            keep_last: args.keep_last,
            max_deletes: args.max_deletes,
            require_checks: args.require_checks,
            keep_launched: args.keep_launched,
            ..PurgePolicy::default()
        };
        let report = session.run(&args.common, None, verbose, async |run| engine::purge(run, &scope, &policy).await).await?;
        if args.common.json {
            output::print_json(&report)?;
        } else {
            output::print_lines(&report);
        }
        if report.ending == Ending::Interrupted {
            output::say("interrupted: what was purged is purged; run it again for the rest");
        }
        Ok(report.ending.into())
    })
}
