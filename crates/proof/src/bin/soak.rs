//! Tries as many lives as there is time for. Prints what it has tried, and of each failure the seed and the smallest story.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use proof::doors::Door;
use proof::shrink::shrink;
use proof::story::{Case, Lived, live};

/// Random accounts, commands, troubles and crashes, and checkers that look at the world.
#[derive(Debug, Parser)]
struct Args {
    /// How many seeds to try behind each door.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// image, resume, purge, crash-image, crash-purge, twice, checks, or all of them. Of the doors with crashes, one seed in ten is tried, since
    /// each is a hundred lives.
    #[arg(long, default_value = "all")]
    door: String,
    /// How many threads.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Remembers here the next seed of each door, what was tried so far and what failed, and goes on from there.
    #[arg(long)]
    progress: Option<PathBuf>,
    /// Lives the lives of one seed, and tells all about them.
    #[arg(long)]
    replay: Option<u64>,
    /// After so many failures it gives up.
    #[arg(long, default_value_t = 20)]
    failures: usize,
}

/// What was tried so far.
#[derive(Debug, Default)]
struct Totals {
    seeds: u64,
    lives: u64,
    runs: u64,
    calls: u64,
    cuts: u64,
    together: u64,
    strikes: BTreeMap<String, u64>,
    /// The doors and seeds that failed.
    failed: BTreeSet<String>,
    /// How many of them failed since the program was started.
    failed_now: usize,
}

impl Totals {
    fn add(&mut self, lived: &Lived) {
        self.lives += 1;
        self.runs += lived.runs;
        self.calls += lived.calls.len() as u64;
        self.cuts += lived.cuts;
        self.together += lived.together;
        for (kind, count) in &lived.strikes {
            *self.strikes.entry(kind.clone()).or_default() += count;
        }
    }

    /// What was counted, by name.
    fn counts(&mut self) -> [(&'static str, &mut u64); 6] {
        let Self { seeds, lives, runs, calls, cuts, together, .. } = self;
        [("seeds", seeds), ("lives", lives), ("runs", runs), ("calls", calls), ("cuts", cuts), ("together", together)]
    }

    fn line(&self, began: Instant) -> String {
        let Self { seeds, lives, runs, calls, cuts, together, failed, .. } = self;
        let strikes: u64 = self.strikes.values().sum();
        format!(
            "{seeds} seeds, {lives} worlds, {runs} runs, {calls} calls, {strikes} faults, {cuts} crashes, {together} times two at once, {} failures, {} s",
            failed.len(),
            began.elapsed().as_secs()
        )
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let doors = match args.door.as_str() {
        "all" => Door::ALL.to_vec(),
        name => match name.parse::<Door>() {
            Ok(door) => vec![door],
            Err(why) => {
                say(&why);
                return ExitCode::from(2);
            }
        },
    };
    if let Some(seed) = args.replay {
        let failed = doors.iter().filter(|door| replay(**door, seed)).count();
        return if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    // What panics is told as a failure, with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let began = Instant::now();
    let totals = Mutex::new(args.progress.as_deref().map(remembered).unwrap_or_default().totals);
    for door in doors {
        try_door(door, &args, &totals, began);
        if lock(&totals).failed_now >= args.failures {
            break;
        }
    }
    let totals = lock(&totals);
    say(&totals.line(began));
    for (kind, count) in &totals.strikes {
        say(&format!("  {count:>9} {kind}"));
    }
    totals.failed.iter().for_each(|failed| say(&format!("failed: {failed}")));
    if totals.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Tries the seeds of one door, on several threads.
fn try_door(door: Door, args: &Args, totals: &Mutex<Totals>, began: Instant) {
    let step = if door.is_of_crashes() && args.door == "all" { 10 } else { 1 };
    let end = args.from.saturating_add(args.seeds);
    let first = args.progress.as_deref().and_then(|file| remembered(file).next.get(door.name()).copied()).unwrap_or(args.from);
    // A seed that is half done when the program ends is done again: each thread says which one it is at.
    let next = AtomicU64::new(first);
    let at: Vec<AtomicU64> = (0..args.jobs.max(1)).map(|_| AtomicU64::new(first)).collect();
    let told = Mutex::new(Instant::now());
    std::thread::scope(|scope| {
        for own in &at {
            let (next, told, at) = (&next, &told, &at);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(step, Ordering::SeqCst);
                    own.store(seed, Ordering::SeqCst);
                    if seed >= end || lock(totals).failed_now >= args.failures {
                        return;
                    }
                    try_seed(door, seed, totals);
                    let mut told = lock(told);
                    if told.elapsed() > Duration::from_secs(10) {
                        *told = Instant::now();
                        let done = at.iter().map(|at| at.load(Ordering::SeqCst)).min().unwrap_or(first);
                        let line = lock(totals).line(began);
                        say(&format!("{door} {done}: {line}"));
                        args.progress.iter().for_each(|file| remember(file, door, done, totals));
                    }
                }
            });
        }
    });
    let done = at.iter().map(|at| at.load(Ordering::SeqCst)).min().unwrap_or(end);
    args.progress.iter().for_each(|file| remember(file, door, done.min(end), totals));
}

fn try_seed(door: Door, seed: u64, totals: &Mutex<Totals>) {
    let mut failed: Option<Case> = None;
    let mut mine = Vec::new();
    door.open(seed, |case, lived| {
        if !lived.violations.is_empty() && failed.is_none() {
            failed = Some(case.clone());
        }
        mine.push(lived);
    });
    let story = failed.map(|case| tell(door, seed, &case));
    let mut totals = lock(totals);
    totals.seeds += 1;
    for lived in &mine {
        totals.add(lived);
    }
    if let Some(story) = story {
        say(&story);
        totals.failed.insert(format!("{door} {seed}"));
        totals.failed_now += 1;
    }
}

/// The smallest story of a failure.
fn tell(door: Door, seed: u64, case: &Case) -> String {
    let (case, lived) = shrink(case);
    let mut story = format!("seed {seed} ({door}): {} calls\n", lived.calls.len());
    for thing in &case.account.things {
        let _ = writeln!(story, "  there is {thing}");
    }
    if !case.account.manners.is_empty() {
        let _ = writeln!(story, "  EC2 has these manners: {:?}", case.account.manners);
    }
    let _ = write!(story, "{lived}");
    story
}

/// Lives a seed's lives as they are, and tells of every call of those that fail, or of the first. Says whether any failed.
fn replay(door: Door, seed: u64) -> bool {
    let mut failed = false;
    let mut is_first = true;
    door.open(seed, |case, lived| {
        let fails = !lived.violations.is_empty();
        if is_first || fails && !failed {
            say(&format!("{door}, seed {seed}:"));
            case.account.things.iter().for_each(|thing| say(&format!("  there is {thing}")));
            say(&format!("  EC2 has these manners: {:?}", case.account.manners));
            for call in &live(case).calls {
                let params: Vec<String> = call.params.iter().map(|(name, value)| format!("{name}={}", value.escape_debug())).collect();
                say(&format!(
                    "  {} {} {} in {}: {:?} {}",
                    call.at,
                    call.access_key,
                    call.action,
                    call.region,
                    call.outcome,
                    params.join(" ")
                ));
            }
            say(&lived.to_string());
        }
        is_first = false;
        if fails && !failed {
            say(&format!("made smaller:\n{}", tell(door, seed, case)));
        }
        failed |= fails;
    });
    failed
}

/// What earlier starts of the program have left to this one.
#[derive(Debug, Default)]
struct Progress {
    /// The next seed of each door.
    next: BTreeMap<String, u64>,
    /// What was tried. Seeds that were half done when the program ended count twice.
    totals: Totals,
}

/// From a file with lines such as `next purge 4711`, `tried calls 1234`, `struck 12 lost-answer`, `failed purge 17`.
fn remembered(file: &Path) -> Progress {
    let mut progress = Progress::default();
    for line in fs::read_to_string(file).unwrap_or_default().lines() {
        let mut words = line.splitn(3, ' ');
        let (Some(kind), Some(first), Some(second)) = (words.next(), words.next(), words.next()) else { continue };
        match (kind, first.parse::<u64>(), second.parse::<u64>()) {
            ("next", _, Ok(seed)) => drop(progress.next.insert(first.to_owned(), seed)),
            ("tried", _, Ok(number)) => {
                progress.totals.counts().into_iter().filter(|(name, _)| *name == first).for_each(|(_, count)| *count = number);
            }
            ("struck", Ok(count), _) => drop(progress.totals.strikes.insert(second.to_owned(), count)),
            ("failed", _, Ok(seed)) => drop(progress.totals.failed.insert(format!("{first} {seed}"))),
            _ => {}
        }
    }
    progress
}

fn remember(file: &Path, door: Door, seed: u64, totals: &Mutex<Totals>) {
    let mut next = remembered(file).next;
    next.insert(door.name().to_owned(), seed);
    let mut totals = lock(totals);
    let mut lines: Vec<String> = next.iter().map(|(door, seed)| format!("next {door} {seed}\n")).collect();
    lines.extend(totals.counts().map(|(name, count)| format!("tried {name} {count}\n")));
    lines.extend(totals.strikes.iter().map(|(kind, count)| format!("struck {count} {kind}\n")));
    lines.extend(totals.failed.iter().map(|failed| format!("failed {failed}\n")));
    let new = file.with_extension("new");
    if let Err(error) = fs::write(&new, lines.concat()).and_then(|()| fs::rename(&new, file)) {
        say(&format!("{} cannot be written: {error}", file.display()));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What has nowhere to go is not said.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_tried_and_what_failed_is_remembered() {
        let file = std::env::temp_dir().join(format!("soak-progress-{}", std::process::id()));
        let totals = Totals {
            seeds: 12,
            calls: 345,
            strikes: BTreeMap::from([("error RequestLimitExceeded".to_owned(), 6)]),
            failed: BTreeSet::from(["purge 7".to_owned()]),
            failed_now: 1,
            ..Totals::default()
        };
        remember(&file, Door::Purge, 4711, &Mutex::new(totals));
        remember(&file, Door::Twice, 8, &Mutex::new(remembered(&file).totals));
        let Progress { next, totals } = remembered(&file);
        fs::remove_file(&file).unwrap();
        assert_eq!(next, BTreeMap::from([("purge".to_owned(), 4711), ("twice".to_owned(), 8)]));
        assert_eq!((totals.seeds, totals.calls, totals.failed_now), (12, 345, 0));
        assert_eq!(totals.strikes["error RequestLimitExceeded"], 6);
        assert!(totals.failed.contains("purge 7"));
    }
}
