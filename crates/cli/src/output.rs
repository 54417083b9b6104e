//! stdout is data, stderr is talk. A reader that went away is not an error: what was done is done.

use std::io::{ErrorKind, Write};

use serde::Serialize;

use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Writes data to stdout.
pub fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // `| head` closes the pipe early. A full disk is worth a word; the run's own end still decides the exit code.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => say(&format!("the report could not be written: {error}")),
        _ => {}
    }
}

/// Writes a JSON document to stdout.
pub fn print_json(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document).map_err(Failure::nothing_achieved)?;
    print(&format!("{text}\n"));
    Ok(())
}

/// Says a line on stderr.
pub fn say(line: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "{line}");
}

/// Help goes to stdout and is no error; anything else clap says is one of usage.
pub fn usage(error: &clap::Error) -> std::process::ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::Usage.into() } else { ExitCode::Done.into() }
}
