//! `man`: the manual page, with every command.

use clap::CommandFactory;
use clap_mangen::Man;

use crate::args::Args;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;

/// Prints the page in roff.
pub fn run() -> Result<ExitCode, Failure> {
    let mut command = Args::command();
    command.build();
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).map_err(Failure::nothing_achieved)?;
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set() && subcommand.get_name() != "help") {
        let man = Man::new(subcommand.clone());
        let name = subcommand.get_name().to_uppercase();
        page.extend(format!(".SH \"COMMAND {name}\"\n").into_bytes());
        man.render_description_section(&mut page).map_err(Failure::nothing_achieved)?;
        man.render_options_section(&mut page).map_err(Failure::nothing_achieved)?;
    }
    output::print(&String::from_utf8(page).map_err(Failure::nothing_achieved)?);
    Ok(ExitCode::Done)
}
