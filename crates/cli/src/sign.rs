//! The sign of life on a terminal: a spinner, and beside it what is waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::call::Call;
use engine::reading::{Reading, Step, Watcher};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use planner::id::Region;

/// A spinner on stderr where that is a terminal, and nothing anywhere else: cron mails every line.
#[derive(Debug, Clone)]
pub struct Sign {
    bar: ProgressBar,
    says: Arc<Mutex<Says>>,
}

/// What there is to be said.
#[derive(Debug, Default)]
struct Says {
    /// How many things there are so far in the listings that are being read.
    listings: BTreeMap<(Region, Call), usize>,
    /// What is waited for when nothing is read.
    otherwise: Option<String>,
}

impl Sign {
    /// One that is not shown yet.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        Self { bar, says: Arc::default() }
    }

    /// Shows it, if there is a terminal.
    pub fn show(&self) {
        if std::io::stderr().is_terminal() {
            self.change(|says| says.otherwise = None);
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.bar.reset();
            self.bar.enable_steady_tick(Duration::from_millis(120));
        }
    }

    /// Takes it away.
    pub fn hide(&self) {
        self.bar.finish_and_clear();
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
    }

    /// Whether somebody sees it.
    pub fn is_seen(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Says what is waited for.
    pub fn say(&self, what: String) {
        self.change(|says| says.otherwise = Some(what));
    }

    /// Does something that writes to the terminal, too.
    pub fn aside(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    /// Says how listings are read while they are.
    pub fn watcher(&self) -> Watcher {
        let sign = self.clone();
        Watcher::new(move |reading| sign.change(|says| says.take(reading)))
    }

    fn change(&self, change: impl FnOnce(&mut Says)) {
        let mut says = self.says.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut says);
        self.bar.set_message(says.message());
    }
}

impl Says {
    fn take(&mut self, Reading { call, region, step }: Reading<'_>) {
        let key = (region.clone(), call);
        // Two accounts may be read at the same time.
        let so_far = self.listings.entry(key.clone()).or_default();
        match step {
            Step::Page(items) => *so_far += items,
            Step::Over(items) if items < *so_far => *so_far -= items,
            Step::Over(_) => drop(self.listings.remove(&key)),
        }
    }

    fn message(&self) -> String {
        let mut things: BTreeMap<&str, usize> = BTreeMap::new();
        let mut regions = BTreeSet::new();
        for ((region, call), so_far) in &self.listings {
            if let Some(thing) = thing(*call) {
                regions.insert(region);
                *things.entry(thing).or_default() += so_far;
            }
        }
        let things: Vec<String> = things.into_iter().map(|(thing, count)| format!("{} {thing}", HumanCount(count as u64))).collect();
        match (regions.first(), regions.len()) {
            (None, _) => self.otherwise.clone().unwrap_or_else(|| "asking EC2".to_owned()),
            (Some(region), 1) => format!("reading {region}: {}", things.join(", ")),
            (Some(_), regions) => format!("reading {regions} regions: {}", things.join(", ")),
        }
    }
}

/// What a listing lists, of those that can be long.
fn thing(call: Call) -> Option<&'static str> {
    match call {
        Call::DescribeImages => Some("images"),
        Call::DescribeSnapshots => Some("snapshots"),
        Call::DescribeInstances => Some("instances"),
        Call::DescribeVolumes => Some("volumes"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_counted_and_then_what_is_waited_for_is_said_again() {
        let (home, europe): (Region, Region) = ("us-east-1".parse().unwrap(), "eu-west-1".parse().unwrap());
        let mut says = Says::default();
        let mut told = |call, region, step| {
            says.take(Reading { call, region, step });
            says.message()
        };
        let images = Call::DescribeImages;
        assert_eq!(told(images, &home, Step::Page(1000)), "reading us-east-1: 1,000 images");
        assert_eq!(told(images, &home, Step::Page(1000)), "reading us-east-1: 2,000 images");
        assert_eq!(told(Call::DescribeSnapshots, &europe, Step::Page(5)), "reading 2 regions: 2,000 images, 5 snapshots");
        // The same region of another account.
        assert_eq!(told(images, &home, Step::Page(7)), "reading 2 regions: 2,007 images, 5 snapshots");
        assert_eq!(told(images, &home, Step::Over(2000)), "reading 2 regions: 7 images, 5 snapshots");
        assert_eq!(told(images, &home, Step::Over(7)), "reading eu-west-1: 5 snapshots");
        assert_eq!(told(Call::DescribeSnapshots, &europe, Step::Over(5)), "asking EC2");
        assert_eq!(told(Call::ListImagesInRecycleBin, &europe, Step::Page(5)), "asking EC2");
        says.otherwise = Some("waiting for ami-11111111".to_owned());
        assert_eq!(says.message(), "waiting for ami-11111111");
    }
}
