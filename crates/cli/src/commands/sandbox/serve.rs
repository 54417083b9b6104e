//! `sandbox serve`: the toy EC2 for any client, in the host's time.

use std::convert::Infallible;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use ec2_sim::world::{FailNext, Manners};
use ec2_sim::{Ec2Sim, FaultPlan};
use tokio::net::TcpListener;

use crate::args::Serve as Args;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, whole};
use crate::output;
use crate::sandbox;

/// Whoever kills the server loses no more than what was answered so shortly before.
const SAVED_AFTER: Duration = Duration::from_millis(200);

/// Serves a world until a signal comes.
pub(super) fn run(args: Args) -> Result<ExitCode, Failure> {
    let Args { listen, state, world, speed, faults, seed } = args;
    if !listen.ip().is_loopback() {
        return Err(Failure::usage(format!("--listen {listen}: the sandbox is served on loopback only, such as 127.0.0.1:0")));
    }
    if let Some(speed) = speed
        && !(speed.is_finite() && speed > 0.0)
    {
        return Err(Failure::usage(format!("--speed {speed}: it must be more than 0")));
    }
    let (world, _lock) = sandbox::world_for_serving(state.as_deref(), world.as_deref(), speed)?;
    let plan = faults.map(|file| FaultPlan::load(file, seed, &world)).transpose().map_err(|error| Failure::usage(whole(&error)))?;
    let keeper = state.map(|file| Keeper { file, own: plan.is_some().then(|| (world.manners.clone(), world.fail_next.clone())) });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::nothing_achieved)?;
    runtime.block_on(async {
        let problem = |error: std::io::Error| Failure::nothing_achieved(format!("the sandbox cannot listen on {listen}: {error}"));
        let listener = TcpListener::bind(listen).await.map_err(problem)?;
        let address = listener.local_addr().map_err(problem)?;
        let sim = Ec2Sim::new(world);
        if let Some(plan) = plan {
            sim.follow(plan);
        }
        // Whoever reads the URL may end us at once, and the world is to be kept then, too.
        let ended = until_ended().map_err(problem)?;
        output::print(&format!("http://{address}\n"));
        std::io::stdout().flush().ok();
        output::say("sandbox: a toy EC2 for any client: set AWS_ENDPOINT_URL and AWS_EC2_METADATA_SERVICE_ENDPOINT to this URL, and any credentials");
        tokio::select! {
            served = sim.clone().serve(listener) => served.map_err(problem)?,
            failed = keep(keeper.as_ref(), &sim) => match failed? {},
            () = ended => {}
        }
        keeper.as_ref().map_or(Ok(()), |keeper| keeper.save(&sim))?;
        Ok(ExitCode::Done)
    })
}

/// Where the world is kept.
struct Keeper {
    file: PathBuf,
    /// What the world has of its own where a plan rules: the plan is for this time only, and not kept.
    own: Option<(Manners, FailNext)>,
}

impl Keeper {
    fn save(&self, sim: &Ec2Sim) -> Result<(), Failure> {
        let mut world = sim.snapshot();
        if let Some((manners, fail_next)) = &self.own {
            world.manners = manners.clone();
            world.fail_next = fail_next.clone();
        }
        world.save(&self.file).map_err(|error| Failure::nothing_achieved(whole(&error)))
    }
}

/// Saves the world a moment after a call has changed it, and goes on until that fails.
async fn keep(keeper: Option<&Keeper>, sim: &Ec2Sim) -> Result<Infallible, Failure> {
    let Some(keeper) = keeper else { return std::future::pending().await };
    let mut saved = sim.effects();
    loop {
        sim.effects_beyond(saved).await;
        tokio::time::sleep(SAVED_AFTER).await;
        saved = sim.effects();
        keeper.save(sim)?;
    }
}

/// Ends with the first signal that asks the process to end. Signals are listened for from the call on.
fn until_ended() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
