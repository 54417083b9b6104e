//! `sandbox`: looks at the embedded toy EC2, moves it on, or serves it.

mod serve;

use std::path::Path;

use ec2_sim::Ec2Sim;
use ec2_sim::World;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use planner::plain::one_line;
use serde::Serialize;

use crate::args::{Sandbox as Args, SandboxCommand};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;
use crate::sandbox::{self, Sandbox};

/// Does what was asked of the sandbox.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    match args.command {
        SandboxCommand::Show { world, json } => on_file(&sandbox::file_or_default(world.file.as_ref())?, |sandbox| show(sandbox, json)),
        SandboxCommand::Advance { by, world } => {
            let by = duration(&by)?;
            on_file(&sandbox::file_or_default(world.file.as_ref())?, |sandbox| {
                sandbox.sim.advance(by);
                output::print(&format!("{}\n", time(sandbox.sim.now())));
                Ok(())
            })
        }
        SandboxCommand::Reset { written, world } => {
            let new = sandbox::world_as_written(written.as_deref())?;
            let file = sandbox::file_or_default(world.file.as_ref())?;
            on_file(&file, |sandbox| {
                sandbox.sim = Ec2Sim::new(new);
                output::print(&format!("{}\n", time(sandbox.sim.now())));
                Ok(())
            })
        }
        SandboxCommand::Serve(serve) => serve::run(serve),
    }
}

fn on_file(file: &Path, work: impl FnOnce(&mut Sandbox) -> Result<(), Failure>) -> Result<ExitCode, Failure> {
    // The simulator's clock is tokio's, which stands still here.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.map_err(Failure::nothing_achieved)?.block_on(async {
        let mut sandbox = Sandbox::open(file.to_owned())?;
        work(&mut sandbox)?;
        sandbox.close()?;
        Ok(ExitCode::Done)
    })
}

fn show(sandbox: &Sandbox, json: bool) -> Result<(), Failure> {
    let world = sandbox.sim.snapshot();
    if json {
        return output::print_json(&Shown { version: 1, world: &world });
    }
    output::print_lines(&describe(&world));
    Ok(())
}

/// The world as a document.
#[derive(Serialize)]
struct Shown<'w> {
    version: u32,
    #[serde(flatten)]
    world: &'w World,
}

/// One line a thing, region by region; regions that hold nothing are left out.
fn describe(world: &World) -> String {
    let mut text = format!("{}\n", time(world.clock));
    for regions in world.accounts.values().map(|account| &account.regions) {
        for (name, region) in regions {
            if region.instances.is_empty() && region.images.is_empty() && region.snapshots.is_empty() {
                continue;
            }
            text.push_str(&format!("{name}\n"));
            for instance in region.instances.values() {
                let name = instance.tags.get("Name").map_or_else(String::new, |name| one_line(name));
                text.push_str(&format!(
                    "  {}  {:<10} {name} ({})\n",
                    instance.id,
                    instance.state.to_string(),
                    volumes(instance.devices.len())
                ));
            }
            for image in region.images.values() {
                text.push_str(&format!(
                    "  {}  {:<10} {}{}\n",
                    image.id,
                    image.state.to_string(),
                    one_line(&image.name),
                    expires(&image.tags)
                ));
            }
            for snapshot in region.snapshots.values() {
                let state = snapshot.state.to_string();
                text.push_str(&format!("  {}  {state:<10} {} GiB{}\n", snapshot.id, snapshot.volume_size, expires(&snapshot.tags)));
            }
        }
    }
    text
}

fn volumes(count: usize) -> String {
    if count == 1 { "1 volume".to_owned() } else { format!("{count} volumes") }
}

fn expires(tags: &std::collections::BTreeMap<String, String>) -> String {
    tags.get("Expire").map_or_else(String::new, |expire| format!("  Expire={}", one_line(expire)))
}

fn time(instant: Timestamp) -> String {
    instant.strftime("%FT%TZ").to_string()
}

fn duration(text: &str) -> Result<SignedDuration, Failure> {
    let wrong = || Failure::usage(format!("`{}` is no length of time such as 90s, 30m, 8h, 8d or 2w", text.escape_debug()));
    let span: Span = text.parse().map_err(|_| wrong())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    // Thirty years are enough for any rehearsal, and the world's clock has an end.
    if duration.is_negative() || duration > SignedDuration::from_hours(24 * 366 * 30) { Err(wrong()) } else { Ok(duration) }
}
