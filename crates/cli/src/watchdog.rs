//! Ends a process that an endpoint keeps from everything else.
//!
//! Whoever sends `100 Continue` without end is listened to without end: the HTTP client skips such answers as fast as they come, and no
//! time limit is looked at in between. What is cut off so is what a crash would cut off: the next run finishes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::exit_code::ExitCode;
use crate::output;

const BEAT: Duration = Duration::from_secs(1);
/// In beats. A call is given up after 28 s at the latest; whoever has not come to that by then will not.
const PATIENCE: u32 = 30;

/// Watches the runtime that this is called in, by the host's clock.
pub fn watch() {
    let beats = Arc::new(AtomicU64::new(0));
    let heart = Arc::clone(&beats);
    tokio::spawn(async move {
        loop {
            heart.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(BEAT).await;
        }
    });
    std::thread::spawn(move || {
        // Counted by waking up, not by the clock: a process that somebody stopped for an hour was not stuck for one.
        let (mut last, mut missed) = (0, 0);
        loop {
            std::thread::sleep(BEAT);
            // The runtime is gone, and its heart with it: nobody is spoken to any more.
            if Arc::strong_count(&beats) == 1 {
                return;
            }
            let beat = beats.load(Ordering::Relaxed);
            missed = if beat == last { missed + 1 } else { 0 };
            last = beat;
            if missed > PATIENCE {
                output::say("the endpoint sends without end what is no answer, and was given up: nothing is known of the calls under way");
                std::process::exit(ExitCode::NothingAchieved as i32);
            }
        }
    });
}
