//! `completions`: a completion script, for the shell to load.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Args;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;

/// Prints the script.
pub fn run(shell: Shell) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "ami-backup", &mut script);
    output::print(&String::from_utf8(script).map_err(Failure::nothing_achieved)?);
    Ok(ExitCode::Done)
}
