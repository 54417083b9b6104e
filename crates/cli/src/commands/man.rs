//! `man`: the manual page, one for all commands.

use clap::CommandFactory;
use clap_mangen::Man;

use crate::args::Args;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;

/// Prints the page in roff.
pub fn run() -> Result<ExitCode, Failure> {
    output::print(&page()?);
    Ok(ExitCode::Done)
}

/// The page in roff.
pub fn page() -> Result<String, Failure> {
    let mut page = Vec::new();
    write(&mut page).map_err(Failure::nothing_achieved)?;
    String::from_utf8(page).map_err(Failure::nothing_achieved)
}

/// Section by section: a list of subcommands would refer to pages of their own, and they are all on this one.
fn write(page: &mut Vec<u8>) -> std::io::Result<()> {
    let mut command = Args::command();
    command.build();
    let man = Man::new(command.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        let name = subcommand.get_name().to_uppercase().replace('-', "\\-");
        page.extend(format!(".SH \"COMMAND {name}\"\n").into_bytes());
        let man = Man::new(subcommand.clone());
        man.render_description_section(page)?;
        man.render_options_section(page)?;
    }
    man.render_extra_section(page)?;
    man.render_version_section(page)
}
