//! A life: an account, what is done to it, and what the checkers say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ec2_sim::id::SnapshotId;
use ec2_sim::{Call, CutPoint, Ec2Sim, World};
use engine::Clock;
use jiff::SignedDuration;
use planner::policy::ImageRequest;

use crate::checks::{self, Violation, Witness, settled};
use crate::command::{Command, What};
use crate::expiry::Meanings;
use crate::process::{Ended, How, Start};
use crate::trouble::{Deeds, Trouble};
use crate::world::Account;

/// Everything there is to a life: the same case is lived the same way every time.
#[derive(Debug, Clone)]
pub struct Case {
    /// The account.
    pub account: Account,
    /// What happens to it, one after the other.
    pub acts: Vec<Act>,
    /// The commands that are then given, each after a while and until it settles everything: three times, and once more.
    pub last: Vec<(SignedDuration, Command)>,
}

/// Something that happens.
#[derive(Debug, Clone)]
pub enum Act {
    /// Time goes by.
    Pass(SignedDuration),
    /// Commands are given.
    Step(Step),
}

/// Commands that run at the same time, and what goes wrong meanwhile.
#[derive(Debug, Clone)]
pub struct Step {
    /// The commands.
    pub starts: Vec<Start>,
    /// What goes wrong.
    pub troubles: Vec<Trouble>,
    /// The call, counted from the first of this step, at which the host dies.
    pub cut: Option<(u64, CutPoint)>,
}

impl Step {
    /// One command, and nothing goes wrong.
    pub fn quiet(command: Command) -> Self {
        Self { starts: vec![Start::now(command)], troubles: Vec::new(), cut: None }
    }
}

/// What a life was like.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Lived {
    /// Every call that was made.
    pub calls: Vec<Call>,
    /// How many of them were made in the first step.
    pub first_step: u64,
    /// How often faults of each kind struck.
    pub strikes: BTreeMap<String, u64>,
    /// How many processes ran.
    pub runs: u64,
    /// How many of them were cut off.
    pub cuts: u64,
    /// How many steps had more than one of them.
    pub together: u64,
    /// What happened, in words.
    pub told: Vec<String>,
    /// What must not be.
    pub violations: Vec<Violation>,
}

/// No process runs longer than this, whatever its patience.
const FOR_EVER: Duration = Duration::from_hours(24 * 30);
/// Between two runs that settle things: what lags is seen by then.
const BETWEEN_RUNS: SignedDuration = SignedDuration::from_mins(5);

/// Lives it.
pub fn live(case: &Case) -> Lived {
    let lived = catch_unwind(AssertUnwindSafe(|| {
        // The SDK takes its jitter from here.
        fastrand::seed(case.account.seed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        crate::known::known(runtime).block_on(async {
            let mut life = Life::begin(case);
            life.live(case).await;
            life.end()
        })
    }));
    lived.unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let violation = Violation { checker: "nothing panics", what: what.unwrap_or_else(|| "it panicked".to_owned()) };
        Lived { violations: vec![violation], ..Lived::default() }
    })
}

struct Life {
    sim: Ec2Sim,
    clock: Clock,
    meanings: Meanings,
    beginning: World,
    asked: Vec<ImageRequest>,
    processes: usize,
    deeds: Deeds,
    lived: Lived,
}

impl Life {
    fn begin(case: &Case) -> Self {
        let (world, meanings) = case.account.build();
        let clock = Clock::starting_at(world.clock);
        let sim = Ec2Sim::new(world);
        let beginning = sim.snapshot();
        Self { sim, clock, meanings, beginning, asked: Vec::new(), processes: 0, deeds: Deeds::default(), lived: Lived::default() }
    }

    async fn live(&mut self, case: &Case) {
        for act in &case.acts {
            match act {
                Act::Pass(time) => pass(*time).await,
                Act::Step(step) => {
                    let (_, calls) = self.step(step).await;
                    if self.lived.first_step == 0 {
                        self.lived.first_step = calls.len() as u64;
                    }
                }
            }
            // What comes later follows from what went wrong first.
            if !self.lived.violations.is_empty() {
                return;
            }
        }
        for (later, command) in &case.last {
            pass(*later).await;
            self.settle(command).await;
            if !self.lived.violations.is_empty() {
                return;
            }
        }
    }

    fn end(mut self) -> Lived {
        self.lived.calls = self.sim.calls();
        self.lived.strikes = self.sim.strikes();
        self.lived
    }

    /// Runs commands at the same time, and looks at what they did.
    async fn step(&mut self, step: &Step) -> (Vec<Ended>, Vec<Call>) {
        let (before, log) = (self.sim.snapshot(), self.sim.calls().len());
        step.troubles.iter().for_each(|trouble| trouble.begin(&self.sim, &self.deeds));
        if let Some((call, point)) = step.cut {
            self.sim.cut_at(self.sim.calls_made() + call, point);
        }
        let ended = self.run(step).await;
        self.sim.uncut();
        Trouble::end_all(&self.sim);
        let after = self.sim.snapshot();
        let calls = self.sim.calls().split_off(log);
        self.asked.extend(ended.iter().filter_map(|ended| ended.request.clone()));
        self.tell(step, &ended, &calls);
        self.deeds.add(|others| others.left_by_ec2.extend(left_by_ec2(&before, &after, &ended, &calls)));
        let others = self.deeds.so_far();
        let denied: BTreeSet<&'static str> = step.troubles.iter().filter_map(Trouble::denied).collect();
        let witness = Witness {
            before: &before,
            after: &after,
            beginning: &self.beginning,
            calls: &calls,
            ended: &ended,
            asked: &self.asked,
            others: &others,
            denied: &denied,
            meanings: &self.meanings,
        };
        self.lived.violations.extend(checks::check(&witness));
        (ended, calls)
    }

    async fn run(&mut self, step: &Step) -> Vec<Ended> {
        let mut running = Vec::new();
        for (number, start) in step.starts.iter().enumerate() {
            self.processes += 1;
            let key = format!("AKIDPROCESS{}", self.processes);
            let interrupt = step.troubles.iter().find_map(|trouble| match trouble {
                Trouble::Interrupted(process, event) if *process == number => Some(*event),
                _ => None,
            });
            running.push(start.run(&self.sim, self.clock, key, interrupt));
        }
        self.lived.runs += running.len() as u64;
        self.lived.together += u64::from(running.len() > 1);
        match tokio::time::timeout(FOR_EVER, all(running)).await {
            Ok(ended) => ended,
            Err(_) => {
                let what = "it did not end in a month".to_owned();
                self.lived.violations.push(Violation { checker: "every run ends", what });
                Vec::new()
            }
        }
    }

    fn tell(&mut self, step: &Step, ended: &[Ended], calls: &[Call]) {
        let troubles: Vec<String> = step.troubles.iter().map(ToString::to_string).collect();
        if !troubles.is_empty() {
            self.lived.told.push(format!("  ({})", troubles.join("; ")));
        }
        for ended in ended {
            let own: Vec<&Call> = calls.iter().filter(|call| call.access_key == ended.key).collect();
            let mut line = format!("  {} {}: {} calls, {}", ended.began, ended.command, own.len(), ended.outcome());
            if let (How::Cut, Some((_, point)), Some(last)) = (&ended.how, step.cut, own.last()) {
                self.lived.cuts += 1;
                line =
                    format!("  {} {}: {} calls, cut {point:?} {} in {}", ended.began, ended.command, own.len(), last.action, last.region);
            }
            self.lived.told.push(line);
        }
    }

    /// Nothing goes wrong any more: the command is given three times, and then once more.
    async fn settle(&mut self, command: &Command) {
        let mut twice = self.sim.snapshot();
        for _ in 0..3 {
            twice = self.sim.snapshot();
            pass(BETWEEN_RUNS).await;
            self.step(&Step::quiet(command.clone())).await;
            if !self.lived.violations.is_empty() {
                return;
            }
        }
        let thrice = self.sim.snapshot();
        pass(BETWEEN_RUNS).await;
        let settled = self.sim.snapshot();
        let (_, calls) = self.step(&Step::quiet(command.clone())).await;
        if !self.lived.violations.is_empty() {
            return;
        }
        let violations = match &command.what {
            What::Resume(_) => {
                // A further run may find that time has gone by, and a source with it.
                let mut found = settled::copies_are_done(&settled, &self.meanings);
                found.extend(settled::changes_nothing(&calls));
                found
            }
            What::Purge(regions, policy) => {
                let purged = |region: &str| regions.as_ref().is_none_or(|regions| regions.contains(&region));
                // What was free before the third run is gone after it. What EC2 shows is never older than the time between two runs.
                let mut found = settled::expired_is_gone(&twice, &thrice, &self.meanings, policy, purged);
                found.extend(settled::only_what_was_freed_goes(&twice, &settled, &self.sim.snapshot(), &self.meanings));
                found
            }
            What::Image(_) => settled::copies_are_done(&settled, &self.meanings),
        };
        self.lived.violations.extend(violations);
    }
}

/// What EC2 left of images that went in one call with their snapshots: by processes that never learnt of it, or that asked for the
/// snapshot by itself then, and were refused whenever they did. Nobody who calls EC2 from outside can mend that.
fn left_by_ec2(before: &World, after: &World, ended: &[Ended], calls: &[Call]) -> Vec<SnapshotId> {
    let is_cut = |key: &str| ended.iter().any(|ended| ended.key == key && matches!(ended.how, How::Cut));
    let takes_all = |call: &&Call| checks::is_done(call) && call.params.contains_key("DeleteAssociatedSnapshots");
    let is_refused = |key: &str, id: &SnapshotId| {
        let is_for_it = |call: &&Call| {
            call.access_key == key
                && call.action == "DeleteSnapshot"
                && !call.params.contains_key("DryRun")
                && call.params.get("SnapshotId").is_some_and(|asked| asked == id.as_str())
        };
        let mut asked = calls.iter().filter(is_for_it).peekable();
        asked.peek().is_some() && asked.all(|call| !checks::is_done(call))
    };
    let mut left = Vec::new();
    for call in calls.iter().filter(takes_all) {
        let image = call.params.get("ImageId").and_then(|id| before.region(&call.region).images.get(id.as_str()));
        let held = after.region(&call.region);
        let is_left = |id: &&SnapshotId| {
            let is_there = held.snapshots.contains_key(*id) && held.image_using(id).is_none();
            is_there && (is_cut(&call.access_key) || is_refused(&call.access_key, id))
        };
        left.extend(image.into_iter().flat_map(ec2_sim::world::Image::snapshots).filter(is_left).cloned());
    }
    left
}

async fn pass(time: SignedDuration) {
    if let Ok(time) = Duration::try_from(time) {
        tokio::time::sleep(time).await;
    }
}

/// Waits for all of them at once, always in the same order.
async fn all<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in futures.iter_mut().filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        let all_done = futures.iter().all(|(_, done)| done.is_some());
        if all_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    futures.into_iter().filter_map(|(_, done)| done).collect()
}

/// What happened, a line each, and what the checkers say.
impl fmt::Display for Lived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.told {
            writeln!(f, "{line}")?;
        }
        for violation in &self.violations {
            writeln!(f, "  then: {violation}")?;
        }
        Ok(())
    }
}
