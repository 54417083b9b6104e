//! `image-instance`: one image of one instance, now.

use std::collections::BTreeSet;

use engine::outcome::Class;
use engine::region::{self, RegionChoice, RegionSource};
use engine::report::ImageReport;
use engine::{Ending, RunError, metadata};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use planner::expiry::Expiry;
use planner::id::{InstanceId, Region};
use planner::plan::copy::TOO_LATE_TO_COPY;
use planner::policy::{CopyRequest, ImageRequest};
use planner::tags::{Encryption, Intent};

use crate::args::ImageInstance;
use crate::commands::{Session, in_session, resume_command};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;

/// Backs the instance up.
pub fn run(args: ImageInstance, verbose: u8) -> Result<ExitCode, Failure> {
    let destinations = destinations(&args)?;
    if let Some(region) = &args.region {
        none_is_home(&destinations, region)?;
    }
    in_session(&args.common, args.region.as_ref(), async |session| {
        // Whole seconds, since names and tags hold no more.
        let slot = Timestamp::from_second(session.clock.now().as_second()).map_err(Failure::usage)?;
        let expire = args.expire.as_deref().map(|text| expiry(text, slot).map_err(|failure| failure.about("-e"))).transpose()?;
        if let Some(expire) = expire {
            output::say(&format!("expires {expire}"));
        }
        let (instance, choice) = target(session, &args).await?;
        none_is_home(&destinations, &choice.region)?;
        let request = ImageRequest {
            copies: destinations,
            instance,
            region: choice.region.clone(),
            slot,
            expire,
            reboot: args.reboot,
            patience: SignedDuration::from_secs(i64::from(args.waiting.timeout)),
            series: None,
        };
        let too_late = request.expire.is_some_and(|expire| expire.instant().duration_since(slot) <= TOO_LATE_TO_COPY);
        if too_late && !request.copies.is_empty() {
            return Err(Failure::usage("-d goes with a later expiry: a backup that expires within the hour is not copied any more"));
        }
        if let Some(intent) = request.intents().iter().find(|intent| !Intent::fits_a_tag(intent)) {
            return Err(Failure::usage(format!(
                "the key for {} is too long to be remembered in a tag (256 characters)",
                intent.destination
            )));
        }
        let report = session
            .run(&args.common, Some(&args.waiting), verbose, async |run| engine::image_instance(run, &request).await)
            .await
            .map_err(|error| {
                // Where nothing was found, who chose the place is the first question.
                let elsewhere = match &error {
                    RunError::NoSuchInstance { .. } => true,
                    RunError::Failed(failure) => matches!(failure.class, Class::RegionClosed | Class::Passing),
                    _ => false,
                };
                let hint = if elsewhere { format!(" (the region is from {})", choice.from) } else { String::new() };
                Failure::from(error).hint(hint)
            })?;
        print(&report, args.common.json)?;
        advise(&report, &args, &request);
        Ok(report.ending.into())
    })
}

/// The report, as text or JSON.
pub fn print(report: &ImageReport, json: bool) -> Result<(), Failure> {
    if json {
        return output::print_json(report);
    }
    output::print_lines(report);
    Ok(())
}

/// What to do about an end that is not the end.
fn advise(report: &ImageReport, args: &ImageInstance, request: &ImageRequest) {
    let resume = resume_command(&args.common, [&request.region]);
    let in_flight = report.copies.iter().any(|copy| copy.standing.is_in_flight());
    let copies = !request.copies.is_empty() || !report.copies.is_empty();
    match report.ending {
        Ending::Interrupted if report.image.is_none() => {
            output::say("EC2 had not confirmed an image: look for one before you run it again");
        }
        Ending::NothingAchieved if report.image.is_none() => {
            output::say("no image was made: EC2 put it off until patience ran out; run it again");
        }
        Ending::SomeFailed if in_flight => output::say(&format!("the rest is still in flight: `{resume}` finishes it")),
        Ending::StillInFlight | Ending::Interrupted if copies => output::say(&format!(
            "still in flight, and nothing is lost: `{resume}` finishes the copies, as does the next image-instance of this instance"
        )),
        Ending::StillInFlight | Ending::Interrupted => {
            output::say("the image is still pending, and nothing is lost: EC2 finishes it by itself");
        }
        Ending::Done if args.waiting.no_wait && copies && !report.dry_run => {
            output::say(&format!("not waited for: `{resume}` makes the copies once the image is available"));
        }
        Ending::Done | Ending::NothingAchieved | Ending::SomeFailed | Ending::StoppedForSafety => {}
    }
}

/// What `-e` means, from the start of the run on, in the host's zone as `date` has it.
pub(super) fn expiry(text: &str, slot: Timestamp) -> Result<Expiry, Failure> {
    let zone = match std::env::var("TZ") {
        Ok(name) if !name.is_empty() => {
            TimeZone::try_system().map_err(|_| Failure::usage(format!("the time zone TZ={} is not known here", name.escape_debug())))?
        }
        _ => TimeZone::system(),
    };
    let now = Zoned::new(slot, zone);
    Expiry::from_expression(text, &now).map_err(Failure::usage)
}

async fn target(session: &Session, args: &ImageInstance) -> Result<(InstanceId, RegionChoice), Failure> {
    match &args.instance_id {
        Some(instance) => Ok((instance.clone(), region::choose(&session.account, args.region.clone()).await?)),
        None => {
            let local = metadata::local_instance(&session.account).await.map_err(Failure::usage)?;
            if let Some(region) = args.region.as_ref().filter(|region| **region != local.region) {
                return Err(Failure::usage(format!(
                    "this instance, {}, is in {}, not in {region}; name another one with -i",
                    local.id, local.region
                )));
            }
            Ok((local.id, RegionChoice { region: local.region, from: RegionSource::Metadata }))
        }
    }
}

fn destinations(args: &ImageInstance) -> Result<Vec<CopyRequest>, Failure> {
    let mut keys = Vec::new();
    for key in &args.kms_key {
        let wrong = || {
            Failure::usage(format!(
                "--kms-key {}: write REGION=ARN, such as eu-west-1=arn:aws:kms:eu-west-1:123456789012:key/…",
                key.escape_debug()
            ))
        };
        let (region, arn) = key.split_once('=').ok_or_else(wrong)?;
        let region: Region = region.parse().map_err(|invalid| Failure::usage(format!("--kms-key: {invalid}")))?;
        if arn.is_empty() || !arn.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong());
        }
        keys.push((region, arn.to_owned()));
    }
    if let Some((region, _)) = keys.iter().find(|(region, _)| !args.copy_to.contains(region)) {
        return Err(Failure::usage(format!("--kms-key names {region}, to which nothing is copied; add -d {region}")));
    }
    let encryption = |region: &Region| match keys.iter().find(|(of, _)| of == region) {
        Some((_, key)) => Encryption::Key(key.clone()),
        None if args.encrypt => Encryption::DefaultKey,
        None => Encryption::AsSource,
    };
    // A region given twice is copied to once.
    let regions: BTreeSet<&Region> = args.copy_to.iter().collect();
    Ok(regions
        .into_iter()
        .map(|region| CopyRequest { destination: region.clone(), encryption: encryption(region), completion: None })
        .collect())
}

fn none_is_home(copies: &[CopyRequest], region: &Region) -> Result<(), Failure> {
    if copies.iter().any(|copy| copy.destination == *region) {
        return Err(Failure::usage(format!(
            "-d {region} is the instance's own region: a copy beside the image would die with it; name another region"
        )));
    }
    Ok(())
}
