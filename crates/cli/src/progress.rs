//! What happens while it happens, on stderr: a line for each change, and on a terminal a sign of life between them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use engine::Event;
use engine::call::Call;
use planner::id::{ImageId, Region};
use planner::inventory::ImageState;
use planner::policy::file::SELF;

use crate::sign::Sign;

/// Tells of a run's events.
pub struct Progress {
    sign: Sign,
    verbose: bool,
    /// The images and copies that were asked for.
    awaited: RefCell<BTreeMap<(Region, ImageId), Awaited>>,
    /// The call that failed last and may work later, where, and EC2's code.
    waited_for: RefCell<Option<(Call, Region, Option<String>)>>,
}

/// An image or copy that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Awaited {
    is_pending: bool,
    /// How much of it is done, and all of it, in MiB, where that is known.
    mib: Option<(u64, u64)>,
}

impl Progress {
    /// With a sign of life on a terminal, plain lines anywhere else. Reading regions is told only if asked for: cron mails every line.
    pub fn new(sign: Sign, verbose: u8) -> Self {
        sign.show();
        Self { sign, verbose: verbose > 0, awaited: RefCell::default(), waited_for: RefCell::default() }
    }

    /// Whether somebody sees the sign of life.
    pub fn is_watched(&self) -> bool {
        self.sign.is_seen()
    }

    /// Tells of one event.
    pub fn tell(&self, event: &Event) {
        self.tell_of("", event);
    }

    /// The same with whose it is said first.
    fn tell_of(&self, whose: &str, event: &Event) {
        let line = |line: String| self.line(&format!("{whose}{line}"));
        match event {
            Event::InAccount { account, event } if account == SELF => self.tell(event),
            Event::InAccount { account, event } => self.tell_of(&format!("account {account}: "), event),
            Event::Progress { region, image, done_mib, mib } => self.measures(region, image, (*done_mib, *mib)),
            Event::ImageRequested { region, image, name } => {
                line(format!("{region}: {image} requested: {name}"));
                self.awaits(region, image, true);
            }
            Event::CopyRequested { source, destination, copy } => {
                line(format!("{destination}: {copy} requested, a copy of {source}"));
                self.awaits(destination, copy, true);
            }
            Event::State { region, image, state } => {
                line(format!("{region}: {image} {state}"));
                self.awaits(region, image, *state == ImageState::Pending);
            }
            // Every round may say so again, for hours.
            Event::Waiting(failure) => {
                let what = (failure.call, failure.region.clone(), failure.code.clone());
                if self.waited_for.replace(Some(what.clone())) != Some(what) {
                    line(format!("waiting: {failure}"));
                }
            }
            Event::RegionRead { region, images, snapshots } if self.verbose => {
                line(format!("{region}: read {} and {}", counted(*images, "image"), counted(*snapshots, "snapshot")));
            }
            Event::ImageRemoved { region, image, snapshots } if self.verbose => {
                line(format!("{region}: removed {image} and {}", counted(*snapshots, "snapshot")));
            }
            Event::NotChecked(unmade) if self.verbose => {
                line(format!("{}: {} could not be read: {}", unmade.region, unmade.check, unmade.why));
            }
            Event::SnapshotDeleted { region, snapshot } if self.verbose => line(format!("{region}: deleted {snapshot}")),
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
        let known = awaited.entry((region.clone(), image.clone())).or_insert(Awaited { is_pending, mib: None });
        known.is_pending = is_pending;
        self.sign.say(waiting(&awaited));
    }

    /// Shows how far one of them is.
    fn measures(&self, region: &Region, image: &ImageId, mib: (u64, u64)) {
        let mut awaited = self.awaited.borrow_mut();
        if let Some(known) = awaited.get_mut(&(region.clone(), image.clone())) {
            known.mib = Some(mib);
            self.sign.say(waiting(&awaited));
        }
    }

    /// Takes the sign of life away.
    pub fn finish(&self) {
        self.sign.hide();
    }

    fn line(&self, line: &str) {
        self.sign.aside(|| crate::output::say(line));
    }
}

fn waiting(awaited: &BTreeMap<(Region, ImageId), Awaited>) -> String {
    let pending: Vec<&(Region, ImageId)> = awaited.iter().filter(|(_, awaited)| awaited.is_pending).map(|(image, _)| image).collect();
    let far = gib_done(awaited);
    match (pending.as_slice(), awaited.len()) {
        ([], _) => "asking EC2".to_owned(),
        ([(region, image)], 1) => format!("waiting for {image} in {region}{far}"),
        (pending, all) => format!("{} of {all} images are there, waiting for {}{far}", all - pending.len(), pending.len()),
    }
}

/// How many GiB are done, and of how many, of what EC2 has told that of.
fn gib_done(awaited: &BTreeMap<(Region, ImageId), Awaited>) -> String {
    let known = awaited.values().filter_map(|awaited| Some((awaited.is_pending, awaited.mib?)));
    let (done, all) =
        known.fold((0, 0), |(done, all), (is_pending, (done_mib, mib))| (done + if is_pending { done_mib } else { mib }, all + mib));
    if all == 0 { String::new() } else { format!(": {}.{} of {} GiB", done / 1024, done % 1024 * 10 / 1024, all / 1024) }
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
            awaited.insert(("us-east-1".parse().unwrap(), image.parse().unwrap()), Awaited { is_pending, mib: None });
            waiting(&awaited)
        };
        assert_eq!(told("ami-11111111", true), "waiting for ami-11111111 in us-east-1");
        assert_eq!(told("ami-22222222", true), "0 of 2 images are there, waiting for 2");
        assert_eq!(told("ami-11111111", false), "1 of 2 images are there, waiting for 1");
        assert_eq!(told("ami-22222222", false), "asking EC2");
    }

    #[test]
    fn what_ec2_tells_of_snapshots_is_told_in_gib() {
        let mut awaited = BTreeMap::new();
        let mut told = |image: &str, is_pending, mib| {
            awaited.insert(("us-east-1".parse().unwrap(), image.parse().unwrap()), Awaited { is_pending, mib });
            waiting(&awaited)
        };
        assert_eq!(told("ami-11111111", true, Some((1331, 8192))), "waiting for ami-11111111 in us-east-1: 1.2 of 8 GiB");
        assert_eq!(told("ami-22222222", true, None), "0 of 2 images are there, waiting for 2: 1.2 of 8 GiB");
        // Whatever EC2 said last of it: it is there, and all of it.
        assert_eq!(told("ami-11111111", false, Some((1331, 8192))), "1 of 2 images are there, waiting for 1: 8.0 of 8 GiB");
        assert_eq!(told("ami-22222222", true, Some((51_200, 102_400))), "1 of 2 images are there, waiting for 1: 58.0 of 108 GiB");
    }
}
