//! What happens while it happens, on stderr: a line for each change, and on a terminal a sign of life between them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

use engine::Event;
use engine::call::Call;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use planner::id::{ImageId, Region};
use planner::inventory::ImageState;

/// Tells of a run's events.
pub struct Progress {
    bar: ProgressBar,
    verbose: bool,
    /// The images and copies that were asked for, and whether they are still awaited.
    awaited: RefCell<BTreeMap<(Region, ImageId), bool>>,
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
        Self { bar, verbose: verbose > 0, awaited: RefCell::default(), waited_for: RefCell::default() }
    }

    /// Tells of one event.
    pub fn tell(&self, event: &Event) {
        match event {
            Event::ImageRequested { region, image, name } => {
                self.line(&format!("{region}: {image} requested: {name}"));
                self.awaits(region, image, true);
            }
            Event::CopyRequested { source, destination, copy } => {
                self.line(&format!("{destination}: {copy} requested, a copy of {source}"));
                self.awaits(destination, copy, true);
            }
            Event::State { region, image, state } => {
                self.line(&format!("{region}: {image} {state}"));
                self.awaits(region, image, *state == ImageState::Pending);
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

    /// Shows what is waited for: the one image, or how many of them are there.
    fn awaits(&self, region: &Region, image: &ImageId, is_pending: bool) {
        let mut awaited = self.awaited.borrow_mut();
        awaited.insert((region.clone(), image.clone()), is_pending);
        self.bar.set_message(waiting(&awaited));
    }

    /// Takes the spinner away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, line: &str) {
        self.bar.suspend(|| crate::output::say(line));
    }
}

fn waiting(awaited: &BTreeMap<(Region, ImageId), bool>) -> String {
    let pending: Vec<&(Region, ImageId)> = awaited.iter().filter(|(_, is_pending)| **is_pending).map(|(image, _)| image).collect();
    match (pending.as_slice(), awaited.len()) {
        ([], _) => "asking EC2".to_owned(),
        ([(region, image)], 1) => format!("waiting for {image} in {region}"),
        (pending, all) => format!("{} of {all} images are there, waiting for {}", all - pending.len(), pending.len()),
    }
}

fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_named_or_counted() {
        let mut awaited = BTreeMap::new();
        let mut told = |image: &str, is_pending| {
            awaited.insert(("us-east-1".parse().unwrap(), image.parse().unwrap()), is_pending);
            waiting(&awaited)
        };
        assert_eq!(told("ami-11111111", true), "waiting for ami-11111111 in us-east-1");
        assert_eq!(told("ami-22222222", true), "0 of 2 images are there, waiting for 2");
        assert_eq!(told("ami-11111111", false), "1 of 2 images are there, waiting for 1");
        assert_eq!(told("ami-22222222", false), "asking EC2");
    }
}
