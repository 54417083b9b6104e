//! Commands that a policy has run before and after a backup is made: no shell, JSON on standard input, a time limit.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use planner::plain::one_line;
use planner::policy::settings::{Hook, OnFailure};

use crate::report::HookReport;

/// So often it is looked whether a hook has ended.
const LOOK: Duration = Duration::from_millis(20);
/// So much of what a hook says on stderr is told.
const TOLD: u64 = 500;

/// Runs a hook to its end, or to the end of its time. `when` is `before` or `after`.
pub(crate) async fn run(hook: &Hook, when: &str, input: String) -> HookReport {
    let (own, timeout) = (hook.clone(), Duration::try_from(hook.timeout).unwrap_or_default());
    // On a thread of its own: a hook is waited for by the host's clock, also where another one stands still.
    let ended = tokio::task::spawn_blocking(move || to_its_end(&own, &input, timeout)).await;
    let failure = ended.unwrap_or_else(|error| Err(error.to_string())).err();
    HookReport {
        when: when.to_owned(),
        command: hook.program.clone(),
        aborts: failure.is_some() && hook.on_failure == OnFailure::Abort,
        failure,
    }
}

fn to_its_end(hook: &Hook, input: &str, timeout: Duration) -> Result<(), String> {
    let mut command = Command::new(&hook.program);
    // In a process group of its own, so that what it has started ends with it.
    command.args(&hook.arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    let started = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("it could not be started: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_owned();
        // Whoever does not read it is not waited for.
        std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    }
    let said = child.stderr.take().map(|stderr| {
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut stderr = stderr;
            let mut text = Vec::new();
            let _ = (&mut stderr).take(TOLD).read_to_end(&mut text);
            let _ = tell.send(String::from_utf8_lossy(&text).into_owned());
            let _ = std::io::copy(&mut stderr, &mut std::io::sink());
        });
        told
    });
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if started.elapsed() >= timeout => {
                end(&mut child);
                return Err(format!("it took longer than {} s and was ended", timeout.as_secs()));
            }
            None => std::thread::sleep(LOOK),
        }
    };
    if status.success() {
        return Ok(());
    }
    let said = said.and_then(|said| said.recv_timeout(LOOK * 10).ok()).unwrap_or_default();
    let said = one_line(said.trim());
    Err(if said.is_empty() { how(status) } else { format!("{}: {said}", how(status)) })
}

/// Ends it and all that it has started.
fn end(child: &mut Child) {
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let _ = child.kill();
    let _ = child.wait();
}

fn how(status: ExitStatus) -> String {
    status.code().map_or_else(|| "a signal ended it".to_owned(), |code| format!("it ended with exit code {code}"))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn hook(command: &[&str]) -> Hook {
        let mut words = command.iter().map(|word| (*word).to_owned());
        let (program, arguments) = (words.next().unwrap(), words.collect());
        Hook { program, arguments, timeout: SignedDuration::from_secs(1), on_failure: OnFailure::Abort }
    }

    async fn failure(command: &[&str]) -> Option<String> {
        run(&hook(command), "before", "{}".to_owned()).await.failure
    }

    #[tokio::test]
    async fn a_hook_ends_well_or_says_why_not() {
        assert_eq!(failure(&["sh", "-c", "grep -q '^{}$'"]).await, None);
        assert_eq!(failure(&["true"]).await, None);
        assert_eq!(failure(&["sh", "-c", "echo no lock >&2; exit 3"]).await.as_deref(), Some("it ended with exit code 3: no lock"));
        assert!(failure(&["/nowhere/freeze"]).await.unwrap().starts_with("it could not be started"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hook_that_hangs_is_ended_with_all_it_started() {
        let began = Instant::now();
        assert_eq!(failure(&["sh", "-c", "sleep 60 & sleep 60"]).await.as_deref(), Some("it took longer than 1 s and was ended"));
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}
