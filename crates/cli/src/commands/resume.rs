//! `resume`: finishes the copies that an interrupted or impatient run left.

use crate::args::Resume;
use crate::commands::image_instance::print;
use crate::commands::{in_session, regions, resume_command};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;

/// Finishes them.
pub fn run(args: Resume, verbose: u8) -> Result<ExitCode, Failure> {
    in_session(&args.common, args.region.first(), async |session| {
        let scope = regions(session, &args.region).await?;
        let report = session.run(&args.common, Some(&args.waiting), verbose, async |run| engine::resume(run, &scope).await).await?;
        print(&report, args.common.json)?;
        if matches!(report.ending, engine::Ending::StillInFlight | engine::Ending::Interrupted) {
            let again = resume_command(&args.common, &args.region);
            output::say(&format!("still in flight, and nothing is lost: `{again}` goes on with it"));
        }
        Ok(report.ending.into())
    })
}
