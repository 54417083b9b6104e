//! `pin`, `unpin` and `expire`: what is said of a backup after it was made.

use planner::plan::retag::{Change, RetagRequest};

use crate::args::{Backup, Common, Expire, Pin, Unpin};
use crate::commands::image_instance::expiry;
use crate::commands::{Session, in_session, regions};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;

/// EC2's limit on a tag's value, in characters.
const LONGEST: usize = 256;

/// Pins a backup.
pub fn pin(args: Pin, verbose: u8) -> Result<ExitCode, Failure> {
    let Pin { backup, why, common } = args;
    if why.chars().count() > LONGEST {
        return Err(Failure::usage(format!("--why is longer than a tag can be: {LONGEST} characters")));
    }
    in_session(&common, backup.region.first(), async |session| change(session, &backup, Change::Pin { why }, &common, verbose).await)
}

/// Unpins a backup.
pub fn unpin(args: Unpin, verbose: u8) -> Result<ExitCode, Failure> {
    let Unpin { backup, common } = args;
    in_session(&common, backup.region.first(), async |session| change(session, &backup, Change::Unpin, &common, verbose).await)
}

/// Gives a backup another expiry.
pub fn expire(args: Expire, verbose: u8) -> Result<ExitCode, Failure> {
    let Expire { backup, when, common } = args;
    in_session(&common, backup.region.first(), async |session| {
        let wanted = if when == "never" {
            Change::NeverExpire
        } else {
            let now = jiff::Timestamp::from_second(session.clock.now().as_second()).map_err(Failure::usage)?;
            Change::Expire { at: expiry(&when, now).map_err(|failure| failure.about("WHEN"))? }
        };
        change(session, &backup, wanted, &common, verbose).await
    })
}

async fn change(session: &Session, backup: &Backup, change: Change, common: &Common, verbose: u8) -> Result<ExitCode, Failure> {
    let scope = regions(session, &backup.region).await?;
    let request = RetagRequest { image: backup.image.clone(), change };
    let report = session.run(common, None, verbose, async |run| engine::retag(run, &scope, &request).await).await?;
    if common.json {
        output::print_json(&report)?;
    } else {
        output::print_lines(&report);
    }
    if request.change.lets_go(report.now) && !report.dry_run {
        output::say("its expiry is past: the next purge removes it");
    }
    Ok(report.ending.into())
}
