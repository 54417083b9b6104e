//! The `ami-backup` binary: what was typed becomes a request, the engine does it, its report becomes text or JSON and an exit code.

#![expect(unreachable_pub, reason = "nobody outside reads a binary; `pub` says what a module offers to the others")]

mod args;
mod commands;
mod doors;
mod exit_code;
mod failure;
mod log;
mod output;
mod plot;
mod policy_file;
mod progress;
mod sandbox;
mod sign;
mod table;
mod watchdog;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let args = match Args::try_parse_from(doors::subcommand_of(std::env::args_os())) {
        Ok(args) => args,
        Err(error) => return output::usage(&error),
    };
    log::init(args.verbose);
    let code = match args.command {
        Command::ImageInstance(command) => commands::image_instance::run(command, args.verbose),
        Command::Resume(command) => commands::resume::run(command, args.verbose),
        Command::PurgeExpiredAmis(command) => commands::purge_expired_amis::run(command, args.verbose),
        Command::Plan(command) => commands::run::plan(command, args.verbose),
        Command::Apply(command) => commands::run::apply(&command, args.verbose),
        Command::Run(command) => commands::run::run(command, args.verbose),
        Command::Status(command) => return commands::status::run(command),
        Command::List(command) => commands::list::list(command),
        Command::Show(command) => commands::list::show(command),
        Command::Policy(command) => commands::policy::run(command.command),
        Command::Simulate(command) => commands::simulate::run(command),
        Command::Pin(command) => commands::retag::pin(command, args.verbose),
        Command::Unpin(command) => commands::retag::unpin(command, args.verbose),
        Command::Expire(command) => commands::retag::expire(command, args.verbose),
        Command::Retire(command) => commands::retire::run(&command, args.verbose),
        Command::Sandbox(command) => commands::sandbox::run(command),
        Command::IamPolicy(command) => commands::iam_policy::run(&command),
        Command::Install(command) => commands::install::run(&command),
        Command::Completions { shell } => commands::completions::run(shell),
        Command::Man => commands::man::run(),
        Command::Schema { document } => commands::schema::run(document),
    };
    code.unwrap_or_else(failure::Failure::report).into()
}
