//! One file a command: what was typed becomes a request to the engine.

pub mod completions;
pub mod iam_policy;
pub mod image_instance;
pub mod install;
pub mod list;
pub mod man;
pub mod policy;
pub mod purge_expired_amis;
pub mod resume;
pub mod retag;
pub mod retire;
pub mod run;
pub mod sandbox;
pub mod schema;
pub mod simulate;
pub mod status;

use engine::region::{self, NoRegion};
use engine::{Account, Clock, Connection, Event, Meter, RegionScope, Run, RunError, Stop};
use jiff::{SignedDuration, Timestamp};
use planner::expiry::Expiry;
use planner::id::Region;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::{Common, DEFAULT_WORLD, Waiting};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;
use crate::sandbox::{Sandbox, file_of};
use crate::sign::Sign;
use crate::watchdog;

/// What a command that speaks to AWS has to hand.
struct Session {
    account: Account,
    clock: Clock,
    stop: Stop,
    sign: Sign,
}

impl Session {
    /// Shows a sign of life while something is asked that tells of nothing else.
    async fn watched<T>(&self, ask: impl AsyncFnOnce() -> T) -> T {
        self.sign.show();
        let answer = ask().await;
        self.sign.hide();
        answer
    }

    /// Runs the engine with progress told, and takes the sign of life away afterwards.
    async fn run<T>(
        &self,
        common: &Common,
        waiting: Option<&Waiting>,
        verbose: u8,
        engine: impl AsyncFnOnce(&Run<'_>) -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        let progress = Progress::new(self.sign.clone(), verbose);
        // To ask how far things are costs calls: it is done for somebody who watches only.
        let meter = progress.is_watched().then(Meter::default);
        let result = self.run_with(common, waiting, meter.as_ref(), &|event| progress.tell(event), engine).await;
        progress.finish();
        result
    }

    /// The same, with what happens told to somebody else.
    async fn run_telling<T>(
        &self,
        common: &Common,
        waiting: Option<&Waiting>,
        listener: &dyn Fn(&Event),
        engine: impl AsyncFnOnce(&Run<'_>) -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        self.run_with(common, waiting, None, listener, engine).await
    }

    async fn run_with<T>(
        &self,
        common: &Common,
        waiting: Option<&Waiting>,
        meter: Option<&Meter>,
        listener: &dyn Fn(&Event),
        engine: impl AsyncFnOnce(&Run<'_>) -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        let run = Run {
            account: &self.account,
            clock: self.clock,
            patience: SignedDuration::from_secs(waiting.map_or(60, |waiting| i64::from(waiting.timeout))),
            wait: waiting.is_none_or(|waiting| !waiting.no_wait),
            dry_run: common.dry_run,
            listener,
            stop: &self.stop,
            agreed: None,
            meter,
        };
        engine(&run).await
    }
}

/// Opens AWS, or the sandbox, for a command, and puts the sandbox back after it.
fn in_session(
    common: &Common,
    region: Option<&Region>,
    command: impl AsyncFnOnce(&Session) -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    let file = file_of(common.sandbox.as_ref())?;
    in_session_on(file.map(|file| || Sandbox::open(file)), common, region, command)
}

/// The same on a sandbox that is opened otherwise, or on AWS.
fn in_session_on(
    sandbox: Option<impl FnOnce() -> Result<Sandbox, Failure>>,
    common: &Common,
    region: Option<&Region>,
    command: impl AsyncFnOnce(&Session) -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    if sandbox.is_some() && common.profile.is_some() {
        return Err(Failure::usage("-p does not go with the sandbox: toy backups must not pass for real ones"));
    }
    if common.now.is_some() && sandbox.is_none() && !common.dry_run {
        return Err(Failure::usage("--now is for rehearsals: it goes with --dry-run or --sandbox only"));
    }
    let rehearsed = common.now.as_deref().map(instant).transpose()?;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    // In the sandbox nothing is waited for: time moves on by itself whenever everything waits.
    let runtime = runtime.enable_all().start_paused(sandbox.is_some()).build().map_err(Failure::nothing_achieved)?;
    runtime.block_on(async {
        let sandbox = sandbox.map(|open| open()).transpose()?;
        if sandbox.is_none() {
            watchdog::watch();
        }
        let clock = sandbox.as_ref().map_or(Clock::System, |sandbox| Clock::starting_at(sandbox.sim.now()));
        if let Some(sandbox) = &sandbox {
            output::say(&format!(
                "sandbox: a toy EC2 kept in {}; its clock stands at {}",
                sandbox.file.display(),
                sandbox.sim.now().strftime("%FT%TZ")
            ));
        }
        let sign = Sign::new();
        let connection = Connection {
            profile: common.profile.clone(),
            region: region.cloned(),
            clock,
            http_client: sandbox.as_ref().map(|sandbox| sandbox.sim.http_client()),
            credentials: sandbox.as_ref().map(|_| Sandbox::credentials()),
            watcher: sign.watcher(),
        };
        let result = async {
            let account = Account::open(connection).await?;
            let session = Session { account, clock: rehearsed.map_or(clock, Clock::starting_at), stop: Stop::default(), sign };
            tokio::spawn(stop_on_signal(session.stop.clone()));
            command(&session).await
        };
        let result = result.await;
        sandbox.map_or(Ok(()), Sandbox::close)?;
        result
    })
}

/// The first signal ends the run after the call that is under way, so that its outcome is known; the second at once.
async fn stop_on_signal(stop: Stop) {
    let Some(mut signals) = Signals::new() else { return };
    signals.next().await;
    output::say("interrupted: ending after the call that is under way; a second time ends at once");
    stop.request();
    signals.next().await;
    std::process::exit(ExitCode::Interrupted as i32);
}

/// Lets the first signal end the program at once, for work that changes nothing: whoever has listened for signals before has taken
/// them over for good, and listens no more.
fn end_on_signal() {
    std::thread::spawn(|| {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let Some(mut signals) = Signals::new() else { return };
            signals.next().await;
            std::process::exit(ExitCode::Interrupted as i32);
        });
    });
}

/// What asks the program to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Option<Self> {
        Some(Self { interrupt: signal(SignalKind::interrupt()).ok()?, terminate: signal(SignalKind::terminate()).ok()? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// `resume` as it has to be typed after this command.
fn resume_command<'r>(common: &Common, regions: impl IntoIterator<Item = &'r Region>) -> String {
    let mut command = "ami-backup resume".to_owned();
    if let Some(profile) = &common.profile {
        command.push_str(&format!(" -p {}", quoted(profile)));
    }
    if let Some(file) = &common.sandbox {
        let file = if file == DEFAULT_WORLD { String::new() } else { format!("={}", quoted(&file.to_string_lossy())) };
        command.push_str(&format!(" --sandbox{file}"));
    }
    let regions: Vec<&str> = regions.into_iter().map(Region::as_str).collect();
    if !regions.is_empty() {
        command.push_str(&format!(" -r {}", regions.join(",")));
    }
    command
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./@:+".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn instant(text: &str) -> Result<Timestamp, Failure> {
    let instant = Expiry::from_tag(text);
    instant
        .map(Expiry::instant)
        .map_err(|why| Failure::usage(format!("--now `{}` is no instant such as 2026-12-24T18:00:00Z: {why}", text.escape_debug())))
}

/// The regions that were named, else all that are enabled: asked where the region chain leads, or of us-east-1.
async fn regions(session: &Session, named: &[Region]) -> Result<RegionScope, Failure> {
    if !named.is_empty() {
        return Ok(RegionScope::These(named.iter().cloned().collect()));
    }
    Ok(RegionScope::AllEnabled { asked: region_to_ask(session).await? })
}

/// The region that is asked which ones are enabled: where the region chain leads, or us-east-1.
async fn region_to_ask(session: &Session) -> Result<Region, Failure> {
    match region::choose(&session.account, None).await {
        Ok(choice) => Ok(choice.region),
        Err(NoRegion::Nobody) => "us-east-1".parse().map_err(Failure::usage),
        Err(invalid) => Err(invalid.into()),
    }
}
