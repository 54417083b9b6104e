//! stdout is data, stderr is talk. A reader that went away is not an error: what was done is done.
//!
//! Whatever is for people goes through [`say`] or [`print_lines`], and steers no terminal, whoever wrote it.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::Path;

use planner::plain::{is_harmless, whole_line};
use serde::Serialize;

use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Writes lines for people to stdout.
pub fn print_lines(text: &impl Display) {
    let lines: String = text.to_string().lines().map(|line| whole_line(line) + "\n").collect();
    print(&lines);
}

/// Writes data to stdout, to the byte.
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
    print(&format!("{}\n", harmless(&text)));
    Ok(())
}

/// The same JSON, in which what could steer a terminal is written as `\u202e`: it stands in strings only, and the rest is ASCII.
fn harmless(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\u{7f}' && (c.is_ascii() || is_harmless(c)) {
            shown.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| shown.push_str(&format!("\\u{unit:04x}")));
        }
    }
    shown
}

/// Says a line on stderr.
pub fn say(line: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "{}", whole_line(&without_passwords(line)));
}

/// Help goes to stdout and is no error; anything else clap says is one of usage.
pub fn usage(error: &clap::Error) -> std::process::ExitCode {
    let text = error.to_string();
    // It repeats what was typed, or put together by a script from what it found.
    if text.lines().all(|line| whole_line(line) == line) {
        let _ = error.print();
    } else {
        text.lines().for_each(say);
    }
    if error.use_stderr() { ExitCode::Usage.into() } else { ExitCode::Done.into() }
}

/// The same without who `https://user:password@host` says it is. Such URLs are set for proxies, and repeated in errors and logs.
fn without_passwords(text: &str) -> Cow<'_, str> {
    let mut parts = text.split("://");
    let Some(first) = parts.next().filter(|_| text.contains('@')) else { return Cow::Borrowed(text) };
    let shown = parts.fold(first.to_owned(), |shown, part| {
        // To the end of the word, or of the quotation, since a password may hold what ends a host.
        let before = shown.trim_end_matches(|c: char| c.is_ascii_alphanumeric()).chars().next_back();
        let is_end = |c: char| match before {
            Some(quote @ ('"' | '\'' | '`')) => c == quote,
            _ => c.is_whitespace(),
        };
        let word = part.get(..part.find(is_end).unwrap_or(part.len())).unwrap_or_default();
        match word.rfind('@').and_then(|at| part.get(at..)) {
            Some(host) => shown + "://…" + host,
            None => shown + "://" + part,
        }
    });
    Cow::Owned(shown)
}

/// Writes a file beside its place and then into it: nobody reads a half. The error names the file.
pub fn write_whole(file: &Path, text: &str) -> Result<(), String> {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let staged = Path::new(&name);
    let written = std::fs::write(staged, text).and_then(|()| std::fs::rename(staged, file));
    written.map_err(|error| {
        let _ = std::fs::remove_file(staged);
        format!("{}: {error}", file.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_steers_no_terminal_and_says_the_same() {
        let text = "\u{1b}[31m\u{7f}\u{9b}31m\u{202e}\u{2028}\u{e0041}Zürich 🚀 \"東京\"\n";
        let json = serde_json::to_string(text).unwrap();
        let shown = harmless(&json);
        assert_eq!(shown, r#""\u001b[31m\u007f\u009b31m\u202e\u2028\udb40\udc41Zürich 🚀 \"東京\"\n""#);
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }

    #[test]
    fn passwords_in_urls_are_left_out() {
        assert_eq!(without_passwords("https://user:canary@host:443/path failed"), "https://…@host:443/path failed");
        assert_eq!(
            without_passwords("a \"http://canary@proxy\" and http://u:c/an?a#ry@[::1]:80"),
            "a \"http://…@proxy\" and http://…@[::1]:80"
        );
        assert_eq!(without_passwords("Some(\"https://user:c \\' an@host\"), a@b"), "Some(\"https://…@host\"), a@b");
        for same in ["", "backup-ami@web-1", "https://host/path", "https://host/ for a@b"] {
            assert_eq!(without_passwords(same), same);
        }
    }
}
