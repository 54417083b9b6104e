//! What can be written into a world's file and a file of faults by hand: a world that can be kept and lived in, or one clear line
//! about what is wrong.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use ami_backup_fuzz::{RUNTIME, can_be_kept, is_ec2s, noon, post, written};
use ec2_sim::{Ec2Sim, FaultPlan, StateError, World};
use jiff::SignedDuration;
use libfuzzer_sys::fuzz_target;

static EXAMPLE: LazyLock<World> = LazyLock::new(|| World::example(1, noon()));

fuzz_target!(|text: &str| {
    let file: PathBuf = written("world.toml", text.as_bytes());
    match World::load_as_of(&file, noon()) {
        Ok(world) => RUNTIME.block_on(lived_in(world)),
        Err(problem) => is_clear(&problem, &file, text),
    }
    match FaultPlan::load(&file, 1, &EXAMPLE) {
        Ok(plan) => RUNTIME.block_on(followed(plan)),
        Err(problem) => is_clear(&problem, &file, text),
    }
});

async fn lived_in(world: World) {
    can_be_kept(&world);
    let sim = Ec2Sim::new(world);
    for action in ["DescribeInstances", "DescribeImages", "DescribeSnapshots"] {
        let Some(answer) = post(&sim, "ec2", format!("Action={action}").as_bytes()).await else { panic!("not answered") };
        // A world may have us-east-1 closed, or the action unknown or throttled.
        if answer.status < 500 {
            is_ec2s(&answer, action);
        }
        sim.advance(SignedDuration::from_mins(5));
    }
    can_be_kept(&sim.snapshot());
}

async fn followed(plan: FaultPlan) {
    let sim = Ec2Sim::new(EXAMPLE.clone());
    sim.follow(plan);
    can_be_kept(&sim.snapshot());
    for action in ["DescribeImages", "DescribeRegions"] {
        let body = format!("Action={action}");
        let _ = tokio::time::timeout(Duration::from_hours(1), post(&sim, "ec2", body.as_bytes())).await;
    }
    assert_eq!(sim.calls_made(), 2);
}

/// One line that names the file, a line of it, and what is wrong there.
fn is_clear(problem: &StateError, file: &Path, text: &str) {
    let StateError::Text { path, line, message } = problem else { panic!("{problem:?}") };
    assert_eq!(path, file);
    assert!((1..=text.matches('\n').count() + 1).contains(line), "{line}: {message}");
    assert!(!message.is_empty() && !message.chars().any(char::is_control) && message.len() < 10 * text.len() + 4000, "{message:?}");
}
