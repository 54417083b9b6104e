//! The sandbox's door: beside the command of that name, the only file that knows the simulator.
//!
//! A world is kept in a file between commands; its clock stands still there, and waiting moves it on at once.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use ec2_sim::{Ec2Sim, StateError, World};
use jiff::Timestamp;

use crate::args::DEFAULT_WORLD;
use crate::failure::{Failure, whole};

/// Every new world is the same one, so that what the documents show is what everybody sees.
const SEED: u64 = 1;
const BEGINNING: &str = "2026-12-01T02:00:00Z";

/// A world in use. Nobody else can use its file meanwhile, if it is to be put back there.
pub struct Sandbox {
    /// The simulator.
    pub sim: Ec2Sim,
    /// Where the world is kept.
    pub file: PathBuf,
    lock: Option<File>,
}

impl Sandbox {
    /// Takes the world out of its file, or makes a new one.
    pub fn open(file: PathBuf) -> Result<Self, Failure> {
        let lock = lock(&file)?;
        let world = if file.exists() { World::load(&file).map_err(|error| Failure::usage(whole(&error)))? } else { new_world()? };
        Ok(Self { sim: Ec2Sim::new(world), file, lock: Some(lock) })
    }

    /// Looks at the world in a file, kept or written down by hand; nothing is put back. A clock that says nothing shows `now`.
    pub fn look(file: PathBuf, now: Timestamp) -> Result<Self, Failure> {
        let world = World::load_as_of(&file, now).map_err(|error| Failure::usage(whole(&error)))?;
        Ok(Self { sim: Ec2Sim::new(world), file, lock: None })
    }

    /// Puts the world back.
    pub fn close(self) -> Result<(), Failure> {
        if self.lock.is_none() {
            return Ok(());
        }
        self.sim.snapshot().save(&self.file).map_err(|error| Failure::nothing_achieved(whole(&error)))
    }

    /// Credentials that open this world and nothing else.
    pub fn credentials() -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(Credentials::new("AKIASANDBOX", "sandbox", None, None, "sandbox"))
    }
}

/// The file meant by `--sandbox[=FILE]` or by `AMI_BACKUP_SANDBOX`, if the sandbox is meant at all.
pub fn file_of(option: Option<&OsString>) -> Result<Option<PathBuf>, Failure> {
    // Unlike the option, a variable that is empty is one that is not set.
    let environment = || std::env::var_os("AMI_BACKUP_SANDBOX").filter(|file| !file.is_empty()).map(PathBuf::from);
    match option {
        None => Ok(environment()),
        Some(default) if default == DEFAULT_WORLD => environment().map_or_else(default_file, Ok).map(Some),
        // Somebody's variable was empty; what was meant for the sandbox must not reach AWS.
        Some(empty) if empty.is_empty() => Err(Failure::usage("--sandbox= names no file; leave the = away for the usual one")),
        Some(file) => Ok(Some(PathBuf::from(file))),
    }
}

/// The file `ami-backup sandbox …` works on.
pub fn file_or_default(option: Option<&OsString>) -> Result<PathBuf, Failure> {
    file_of(option)?.map_or_else(default_file, Ok)
}

/// A world as it is at the start.
pub fn new_world() -> Result<World, Failure> {
    let beginning: Timestamp = BEGINNING.parse().map_err(Failure::nothing_achieved)?;
    Ok(World::example(SEED, beginning))
}

/// A world as it is written down in a file, or else as every new one is.
pub fn world_as_written(written: Option<&Path>) -> Result<World, Failure> {
    let Some(written) = written else { return new_world() };
    let beginning: Timestamp = BEGINNING.parse().map_err(Failure::nothing_achieved)?;
    World::load_as_of(written, beginning).map_err(|error| Failure::usage(whole(&error)))
}

/// A world for clients that live in the host's time: the one that is kept in a file, or else the one that is
/// written down in another, or else the example.
pub fn world_for_serving(kept: Option<&Path>, written: Option<&Path>, speed: Option<f64>) -> Result<(World, Option<File>), Failure> {
    let lock = kept.map(lock).transpose()?;
    let now = Timestamp::now();
    let problem = |error: StateError| Failure::usage(whole(&error));
    let mut world = match (kept.filter(|file| file.exists()), written) {
        (Some(kept), _) => World { speed: 1.0, ..World::load(kept).map_err(problem)? },
        (None, Some(written)) => World::load_as_of(written, now).map_err(problem)?,
        (None, None) => World::example(SEED, now),
    };
    if world.clock > now {
        return Err(Failure::usage(format!(
            "the world's clock stands at {}, which is still to come, and a served world lives in the host's time; serve another file",
            world.clock
        )));
    }
    world.clock = now;
    world.speed = speed.unwrap_or(world.speed);
    Ok((world, lock))
}

fn default_file() -> Result<PathBuf, Failure> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let directory =
        state.or_else(home).ok_or_else(|| Failure::usage("no home directory to keep the sandbox in; name a file: --sandbox=FILE"))?;
    Ok(directory.join("ami-backup/sandbox.json"))
}

/// The lock is on a file of its own, since saving replaces the world's.
fn lock(file: &Path) -> Result<File, Failure> {
    if file.extension().is_some_and(|extension| extension == "toml") {
        return Err(Failure::usage(whole(&StateError::ByHand { path: file.to_owned() })));
    }
    let mut name = file.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let problem = |error: std::io::Error| Failure::usage(format!("the sandbox cannot use {}: {error}", path.display()));
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(problem)?;
    }
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(problem)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Failure::usage(format!("the sandbox {} is in use by another command", file.display()))),
        Err(TryLockError::Error(error)) => Err(problem(error)),
    }
}
