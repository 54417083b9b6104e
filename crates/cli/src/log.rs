//! What is logged on stderr, for who asks for it with `-vv` and `-vvv`: one line an event, whatever the event holds.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;

use crate::output;

/// So much of one event is told: the SDK prints answers of any length.
const LONGEST: usize = 1 << 16;

/// `-vv` names each call to EC2 with the id of its request, `-vvv` tells what EC2 is asked and which errors it answers with, and what
/// the SDK does.
///
/// The SDK's own traces hold whole requests and answers, and some of those are what credentials are made of, or user data; so of EC2's
/// `engine::limits` tells, and `LOG_SENSITIVE_BODIES` in the environment, which the SDK heeds, counts for nothing.
pub fn init(verbose: u8) {
    let filter = match verbose {
        0 | 1 => return,
        2 => "info,aws_sdk_ec2::operation=debug,aws_sdk_autoscaling::operation=debug",
        _ => "debug,engine=trace,hyper=info,h2=info,rustls=info",
    };
    tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_writer(|| Lines).with_target(verbose > 2).init();
}

/// Takes one event at a time.
struct Lines;

impl Write for Lines {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event.get(..LONGEST).unwrap_or(event));
        let cut = if event.len() > LONGEST { "…" } else { "" };
        // A program that gives credentials may say them on stderr when it fails, and the SDK repeats that.
        let text = text.split_once("Stderr: ").map_or(&*text, |(text, _)| text);
        output::say(&format!("{}{cut}", text.trim_end()));
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
