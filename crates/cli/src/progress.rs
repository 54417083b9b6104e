//! What happens while it happens, on stderr: a line for each change, and on a terminal a sign of life between them.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::time::Duration;

use engine::Event;
use engine::call::Call;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use planner::id::Region;
use planner::inventory::ImageState;

/// Tells of a run's events.
pub struct Progress {
    bar: ProgressBar,
    verbose: bool,
    /// The call that failed last and may work later, where, and EC2's code.
    waited_for: RefCell<Option<(Call, Region, Option<String>)>>,
}

impl Progress {
    /// With a spinner on a terminal, plain lines anywhere else. Reading regions is told only if asked for: cron mails every line.
    pub fn new(verbose: u8) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal { ProgressBar::new_spinner() } else { ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()) };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        if terminal {
            bar.set_message("asking EC2");
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar, verbose: verbose > 0, waited_for: RefCell::default() }
    }

    /// Tells of one event.
    pub fn tell(&self, event: &Event) {
        match event {
            Event::ImageRequested { region, image, name } => {
                self.line(&format!("{region}: {image} requested: {name}"));
                self.bar.set_message(format!("waiting for {image}"));
            }
            Event::CopyRequested { source, destination, copy } => {
                self.line(&format!("{destination}: {copy} requested, a copy of {source}"));
                self.bar.set_message(format!("waiting for {copy} in {destination}"));
            }
            Event::State { region, image, state } => {
                self.line(&format!("{region}: {image} {state}"));
                if *state == ImageState::Pending {
                    self.bar.set_message(format!("waiting for {image}"));
                }
            }
            // Every round may say so again, for hours.
            Event::Waiting(failure) => {
                let what = (failure.call, failure.region.clone(), failure.code.clone());
                if self.waited_for.replace(Some(what.clone())) != Some(what) {
                    self.line(&format!("waiting: {failure}"));
                }
            }
            Event::RegionRead { region, images, snapshots } if self.verbose => {
                self.line(&format!("{region}: read {} and {}", counted(*images, "image"), counted(*snapshots, "snapshot")));
            }
            Event::ImageRemoved { region, image, snapshots } if self.verbose => {
                self.line(&format!("{region}: removed {image} and {}", counted(*snapshots, "snapshot")));
            }
            Event::NotChecked(unmade) if self.verbose => {
                self.line(&format!("{}: {} could not be read: {}", unmade.region, unmade.check, unmade.why));
            }
            Event::SnapshotDeleted { region, snapshot } if self.verbose => self.line(&format!("{region}: deleted {snapshot}")),
            // The report says these at the end.
            Event::RegionRead { .. }
            | Event::RegionUnread(_)
            | Event::NotChecked(_)
            | Event::ImageRemoved { .. }
            | Event::SnapshotDeleted { .. }
            | Event::NotDeleted(_) => {}
        }
    }

    /// Takes the spinner away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, line: &str) {
        self.bar.suspend(|| crate::output::say(line));
    }
}

fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}
