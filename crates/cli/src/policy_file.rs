//! The policy file: which one is meant, and what it says.

use std::io::Read;
use std::path::{Path, PathBuf};

use planner::policy::file::{FILE_NAME, LARGEST, Policy, Warning};

use crate::failure::Failure;
use crate::output;

/// Where the policy of a host is, where the working directory has none.
const OF_THE_HOST: &str = "/etc/ami-backup.toml";

/// A policy that can be used.
pub struct Loaded {
    /// What it says.
    pub policy: Policy,
    /// How it says it.
    pub text: String,
    /// Where it was.
    pub file: PathBuf,
    /// What is remarkable about it.
    pub warnings: Vec<Warning>,
}

/// Reads the file that was named, else `ami-backup.toml` here, else the host's. Everything that is wrong with it is said.
pub fn load(named: Option<&Path>) -> Result<Loaded, Failure> {
    let file = match named {
        Some(named) => named.to_owned(),
        None => [FILE_NAME, OF_THE_HOST].into_iter().map(PathBuf::from).find(|file| file.exists()).ok_or_else(|| {
            Failure::usage(format!("there is no policy: neither ./{FILE_NAME} nor {OF_THE_HOST} is there; name one with --policy FILE"))
        })?,
    };
    let shown = file.display().to_string();
    let text = read_text(&file, LARGEST).map_err(|why| Failure::usage(format!("the policy {shown} cannot be read: {why}")))?;
    match Policy::read(&text, &shown) {
        Ok((policy, warnings)) => Ok(Loaded { policy, text, file, warnings }),
        Err(errors) => {
            for line in errors.to_string().lines() {
                output::say(line);
            }
            Err(Failure::usage(format!("the policy {shown} cannot be used as it is, and nothing was done")))
        }
    }
}

/// The same, but it does without one where none was named and there is none, or none that can be used.
pub fn load_if_there(named: Option<&Path>) -> Result<Option<Loaded>, Failure> {
    let is_there = || [FILE_NAME, OF_THE_HOST].iter().any(|file| Path::new(file).exists());
    match named {
        Some(named) => load_to_act(Some(named)).map(Some),
        None if is_there() => Ok(load(None).map_err(|failure| output::say(failure.sentence())).ok()),
        None => Ok(None),
    }
}

/// The same for what acts by a policy: what is remarkable is said before anything is done.
pub fn load_to_act(named: Option<&Path>) -> Result<Loaded, Failure> {
    let loaded = load(named)?;
    warn(&loaded.warnings);
    Ok(loaded)
}

/// Says the warnings.
pub fn warn(warnings: &[Warning]) {
    for warning in warnings {
        output::say(&format!("warning: {warning}"));
    }
}

/// A text of so many bytes at most.
pub fn read_text(file: &Path, largest: usize) -> Result<String, String> {
    let mut bytes = Vec::new();
    let most = u64::try_from(largest).unwrap_or(u64::MAX).saturating_add(1);
    let file = std::fs::File::open(file).map_err(|error| error.to_string())?;
    file.take(most).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() > largest {
        return Err(format!("it is longer than {largest} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())
}
