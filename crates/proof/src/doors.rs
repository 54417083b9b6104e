//! The doors: which lives are tried.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ec2_sim::CutPoint;
use fastrand::Rng;
use jiff::SignedDuration;
use planner::policy::PurgePolicy;

use crate::command::{Command, Line, What};
use crate::known::REGIONS;
use crate::process::Start;
use crate::story::{Act, Case, Lived, Step, live};
use crate::trouble::Trouble;
use crate::world::{Account, Manner, Thing};

/// A kind of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    /// Instances are backed up, again and again.
    Image,
    /// What is unfinished is finished.
    Resume,
    /// What has expired goes.
    Purge,
    /// A backup with two copies, cut off at every call.
    CrashImage,
    /// A purge, cut off at every call.
    CrashPurge,
    /// Two processes at once.
    Twice,
    /// What has expired and something speaks for, and those that are asked do not always answer.
    Checks,
}

impl Door {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Image, Self::Resume, Self::Purge, Self::CrashImage, Self::CrashPurge, Self::Twice, Self::Checks];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Resume => "resume",
            Self::Purge => "purge",
            Self::CrashImage => "crash-image",
            Self::CrashPurge => "crash-purge",
            Self::Twice => "twice",
            Self::Checks => "checks",
        }
    }

    /// The case of a seed; behind the doors with crashes the one that nothing goes wrong in.
    pub fn case(self, seed: u64) -> Case {
        // Two doors of one seed have nothing in common.
        let mut rng = Rng::with_seed(seed.wrapping_mul(31).wrapping_add(self as u64));
        match self {
            Self::Image => image(seed, &mut rng),
            Self::Resume => resume(seed, &mut rng),
            Self::Purge => purge(seed, &mut rng),
            Self::CrashImage => crash_image(seed, &mut rng),
            Self::CrashPurge => crash_purge(seed, &mut rng),
            Self::Twice => twice(seed, &mut rng),
            Self::Checks => checks(seed, &mut rng),
        }
    }

    /// Whether its lives are cut off at every call.
    pub fn is_of_crashes(self) -> bool {
        matches!(self, Self::CrashImage | Self::CrashPurge)
    }

    /// Lives every life of a seed, and shows each of them.
    pub fn open(self, seed: u64, mut show: impl FnMut(&Case, Lived)) {
        let case = self.case(seed);
        let undisturbed = live(&case);
        let calls = if self.is_of_crashes() && undisturbed.violations.is_empty() { undisturbed.first_step } else { 0 };
        show(&case, undisturbed);
        for call in 1..=calls {
            for point in [CutPoint::Before, CutPoint::After] {
                let case = cut(&case, call, point);
                let lived = live(&case);
                show(&case, lived);
            }
        }
    }
}

/// The same case, whose first step is cut off.
fn cut(case: &Case, call: u64, point: CutPoint) -> Case {
    let mut case = case.clone();
    let first = case.acts.iter_mut().find_map(|act| match act {
        Act::Step(step) => Some(step),
        Act::Pass(_) => None,
    });
    if let Some(step) = first {
        step.cut = Some((call, point));
    }
    case
}

fn random_step(command: Command, rng: &mut Rng) -> Act {
    Act::Step(Step { starts: vec![Start::now(command)], troubles: Trouble::some(rng), cut: None })
}

/// The same, and others may do something meanwhile.
fn random_step_among_others(command: Command, rng: &mut Rng) -> Act {
    let troubles = Trouble::some(rng).into_iter().chain(Trouble::by_others(rng)).collect();
    Act::Step(Step { starts: vec![Start::now(command)], troubles, cut: None })
}

fn pause(rng: &mut Rng) -> Act {
    let minutes = match rng.u8(..4) {
        0 => 0,
        1 => rng.i64(1..60),
        2 => 60,
        _ => 24 * 60,
    };
    Act::Pass(SignedDuration::from_mins(minutes))
}

/// The purge that lets everything go that has expired.
fn last_purge() -> Command {
    Command::patient(What::Purge(None, PurgePolicy::default()))
}

fn soon(command: Command) -> (SignedDuration, Command) {
    (SignedDuration::ZERO, command)
}

fn image(seed: u64, rng: &mut Rng) -> Case {
    let account = Account::random(seed, rng, 0..=3);
    let mut acts = Vec::new();
    for _ in 0..rng.u8(1..=3) {
        acts.push(random_step_among_others(Command::any_image(rng, account.regions()), rng));
        acts.push(pause(rng));
    }
    // In the end all of them have expired.
    let last = vec![soon(Command::resume()), (SignedDuration::from_hours(40 * 24), last_purge())];
    Case { account, acts, last }
}

fn resume(seed: u64, rng: &mut Rng) -> Case {
    let account = Account::random(seed, rng, 1..=6);
    let mut acts = Vec::new();
    for _ in 0..rng.u8(1..=2) {
        acts.push(random_step_among_others(Command::any_resume(rng, account.regions()), rng));
        acts.push(pause(rng));
    }
    Case { account, acts, last: vec![soon(Command::resume())] }
}

fn purge(seed: u64, rng: &mut Rng) -> Case {
    let account = Account::random(seed, rng, 1..=8);
    let mut acts = Vec::new();
    for _ in 0..rng.u8(1..=2) {
        acts.push(random_step(Command::any_purge(rng, account.regions()), rng));
        acts.push(pause(rng));
    }
    Case { account, acts, last: vec![soon(last_purge())] }
}

fn checks(seed: u64, rng: &mut Rng) -> Case {
    let mut account = Account::random(seed, rng, 0..=2);
    for _ in 0..rng.u8(1..=3) {
        let thing = Thing::spoken_for(&account, rng);
        account.things.push(thing);
    }
    if rng.bool() {
        let pair = Thing::pair(&account, rng);
        account.things.extend(pair);
    }
    let command = Command { dry_run: false, ..Command::any_purge(rng, account.regions()) };
    let troubles = (0..rng.u8(1..=3)).map(|_| Trouble::of_check(rng)).collect();
    let acts = vec![Act::Step(Step { starts: vec![Start::now(command)], troubles, cut: None }), pause(rng)];
    Case { account, acts, last: vec![soon(last_purge())] }
}

/// The seed chooses the world and, by turns, who finishes.
fn crash_image(seed: u64, rng: &mut Rng) -> Case {
    let mut account = Account::empty(seed, 3);
    if rng.bool() {
        account = Account { regions: 3, ..Account::random(seed, rng, 0..=2) };
        account.things.retain(|thing| REGIONS[..3].contains(&thing.region));
    }
    // Image and copies are made fast, so that the rounds of waiting do not take all the calls.
    account.manners.retain(|manner| !matches!(manner, Manner::Speed(_) | Manner::NextImageFails | Manner::NextCopyFails));
    account.manners.push(Manner::Speed(20));
    let line = Command::patient(What::Image(Line::with_two_copies()));
    let mut acts = vec![Act::Step(Step::quiet(line.clone()))];
    let next = match seed % 3 {
        0 => None,
        1 => Some(SignedDuration::from_hours(1)),
        _ => Some(SignedDuration::from_hours(24)),
    };
    let finish = match next {
        None => Command::resume(),
        Some(later) => {
            acts.push(Act::Pass(later));
            line
        }
    };
    acts.push(Act::Step(Step::quiet(finish)));
    Case { account, acts, last: vec![soon(Command::resume())] }
}

fn crash_purge(seed: u64, rng: &mut Rng) -> Case {
    let mut account = Account::random(seed, rng, 3..=6);
    // Something is to be cut off.
    let number = u32::try_from(account.things.len()).unwrap_or(u32::MAX) + 1;
    let long_ago = crate::known::noon() - SignedDuration::from_hours(24);
    account.things.push(Thing { volumes: 2, ..Thing::backup(number) }.until(crate::expiry::Written::rfc3339(long_ago)));
    let acts = vec![
        Act::Step(Step::quiet(last_purge())),
        Act::Pass(SignedDuration::from_hours(i64::from(rng.u8(..2)))),
        Act::Step(Step::quiet(last_purge())),
    ];
    Case { account, acts, last: vec![soon(last_purge())] }
}

fn twice(seed: u64, rng: &mut Rng) -> Case {
    let account = Account::random(seed, rng, 0..=5);
    let regions = account.regions();
    let mut starts = match rng.u8(..6) {
        0 | 1 => {
            // The same line twice, in the same second or in different ones.
            let command = Command { dry_run: false, ..Command::any_image(rng, regions) };
            vec![Start::now(command.clone()), Start::now(command)]
        }
        2 => vec![Start::now(Command::any_image(rng, regions)), Start::now(Command::resume())],
        3 => vec![Start::now(last_purge()), Start::now(last_purge())],
        4 => vec![Start::now(Command::any_purge(rng, regions)), Start::now(Command::any_image(rng, regions))],
        _ => vec![Start::now(Command::any_purge(rng, regions)), Start::now(Command::any_resume(rng, regions))],
    };
    let after = match rng.u8(..3) {
        0 => Duration::ZERO,
        1 => Duration::from_millis(rng.u64(..1000)),
        _ => Duration::from_millis(rng.u64(..200_000)),
    };
    let later = rng.usize(..2);
    starts[later].after = after;
    let mut troubles: Vec<Trouble> = (0..rng.u8(1..=3)).map(|_| Trouble::latency(rng)).collect();
    if rng.u8(..3) == 0 {
        troubles.extend(Trouble::some(rng));
    }
    let acts = vec![Act::Step(Step { starts, troubles, cut: None })];
    Case { account, acts, last: vec![soon(Command::resume()), soon(last_purge())] }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Door {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|door| door.name() == text);
        found.ok_or_else(|| format!("there is no door `{text}`: {}", Self::ALL.map(Self::name).join(", ")))
    }
}
