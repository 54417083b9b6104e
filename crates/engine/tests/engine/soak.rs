//! Many lives of a backup, each with troubles of its own. A failing one is named by its seed, and lives again the same.

use std::time::Duration;

use ec2_sim::world::{ImageState, StateReason};
use ec2_sim::{Call, Fault, FaultKind, Which, World};
use engine::{Ending, Event};
use fastrand::Rng;
use jiff::SignedDuration;
use planner::policy::ImageRequest;

use crate::common::*;

/// Where something of ours, or of others, may be.
const EVERYWHERE: [&str; 4] = [HOME, EUROPE, WEST, "eu-central-1"];

/// As often may a run end otherwise than done, before something is wrong; and in so many of them there is trouble.
const RUNS: usize = 12;
const TROUBLED: usize = 3;

#[tokio::test(start_paused = true)]
async fn whatever_happens_there_is_one_backup_of_each_kind_and_in_the_end_none() {
    for seed in 0..100 {
        Life::of(seed).await.live().await;
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_there_is_one_backup_of_each_kind_and_in_the_end_none_continued() {
    for seed in 100..200 {
        Life::of(seed).await.live().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_lives_the_same_life() {
    for seed in [3, 14, 159] {
        let one = Life::of(seed).await.live().await;
        let other = Life::of(seed).await.live().await;
        assert_eq!(one.len(), other.len(), "seed {seed}");
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(one, other, "seed {seed}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_that_the_table_behind_the_iam_policy_does_not_hold() {
    let table = engine::call::Call::ALL.map(engine::call::Call::name);
    for seed in 0..10 {
        for call in Life::of(seed).await.live().await {
            assert!(table.contains(&call.action.as_str()), "seed {seed}: {}", call.action);
        }
    }
}

/// A backup with two copies, from the first call to the last.
struct Life {
    seed: u64,
    scene: Scene,
    troubles: Rng,
    strangers: Vec<Laid>,
}

/// Names the seed when a check fails.
impl Drop for Life {
    #[expect(clippy::print_stderr, reason = "cargo shows it below the failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}", self.seed);
        }
    }
}

impl Life {
    async fn of(seed: u64) -> Self {
        let mut troubles = Rng::with_seed(seed);
        let mut world = World::example(seed, noon());
        let seconds = |rng: &mut Rng, at_most: i64| SignedDuration::from_secs(rng.i64(0..=at_most));
        let manners = &mut world.manners;
        manners.visibility_lag = seconds(&mut troubles, 20);
        manners.deregistered_lingers = seconds(&mut troubles, 20);
        manners.in_use_lingers = seconds(&mut troubles, 20);
        manners.snapshot_ids_after = seconds(&mut troubles, 20);
        manners.short_pages = troubles.bool();
        manners.throttling = troubles.bool();
        manners.failed_copies_nameless = false;
        if troubles.u8(..4) == 0 {
            world.fail_next.copy.push(StateReason::from("Copy image failed with an internal error"));
        }
        let strangers = EVERYWHERE
            .iter()
            .flat_map(|region| {
                let stranger = Stock::image().expire("2026-11-15T12:00:00Z");
                [stranger.put(&mut world, region), stranger.tag("Creator", "somebody else").put_orphans(&mut world, region)]
            })
            .collect();
        Self { seed, scene: Scene::of(world).await, troubles, strangers }
    }

    async fn live(mut self) -> Vec<Call> {
        let before = self.scene.sim.snapshot();
        let instance = self.troubles.choice([WEB, DB]).unwrap();
        let asked = self.scene.backup_of(instance).expiring("2026-11-29T12:00:00Z").copied_to(EUROPE).copied_to(WEST);

        let mut is_made = false;
        for run in 0..RUNS {
            self.new_process(run < TROUBLED, &["DescribeInstances", "DescribeRegions", "DescribeImages", "CreateImage", "CopyImage"]).await;
            let patience = SignedDuration::from_secs(self.troubles.i64(1..600));
            let how = How { wait: self.troubles.u8(..4) > 0, patience, ..How::default() };
            // The name is of what was asked, patience included; the same line in the crontab asks the same again.
            if let Ok(report) = self.scene.image_how(how, &asked).await
                && report.image.is_some()
            {
                is_made = true;
                break;
            }
        }
        assert!(is_made, "no image was made in {RUNS} runs");
        // What cannot be seen yet cannot be finished.
        self.scene.pass(SignedDuration::from_secs(20)).await;
        let mut is_done = false;
        for run in 0..RUNS {
            self.new_process(run < TROUBLED, &["DescribeImages", "CopyImage"]).await;
            if self.scene.resume(&these(&[HOME])).await.is_ok_and(|report| report.ending == Ending::Done) {
                is_done = true;
                break;
            }
        }
        assert!(is_done, "the copies were not made in {RUNS} runs");
        self.assert_one_backup_of_each_kind(&asked);

        self.scene.pass(SignedDuration::from_hours(8 * 24)).await;
        let mut is_purged = false;
        for run in 0..RUNS {
            self.new_process(run < TROUBLED, &["DescribeImages", "DescribeSnapshots", "DeregisterImage", "DeleteSnapshot"]).await;
            if self.scene.purge(&these(&EVERYWHERE)).await.is_ok_and(|report| report.ending == Ending::Done) {
                is_purged = true;
                break;
            }
        }
        assert!(is_purged, "what has expired did not go in {RUNS} runs");
        self.assert_only_strangers_are_left(&before);
        self.scene.sim.calls()
    }

    /// A new process, to which up to three things happen if it is one with troubles.
    async fn new_process(&mut self, is_troubled: bool, actions: &[&str]) {
        let Self { scene, troubles, .. } = self;
        scene.renew().await;
        if !is_troubled {
            return;
        }
        for _ in 0..troubles.u8(..4) {
            let action = actions[troubles.usize(..actions.len())];
            let kind = match troubles.u8(..6) {
                0 => FaultKind::LostRequest,
                1 => FaultKind::LostAnswer,
                2 => FaultKind::Hang,
                3 => FaultKind::throttled(),
                4 => error(500, "InternalError", "An internal error has occurred"),
                _ => FaultKind::Delay(Duration::from_secs(troubles.u64(1..40))),
            };
            let calls = match troubles.u8(..3) {
                0 => Which::Nth(troubles.u64(1..5)),
                1 => Which::First(troubles.u64(1..5)),
                _ => Which::Nth(1),
            };
            scene.sim.inject(Fault::of(action, calls, kind));
        }
        if troubles.u8(..3) == 0 {
            let after = std::cell::Cell::new(troubles.u8(1..4));
            scene.interrupt_at(move |_: &Event| {
                after.set(after.get().saturating_sub(1));
                after.get() == 0
            });
        }
    }

    fn assert_one_backup_of_each_kind(&self, asked: &ImageRequest) {
        for region in EVERYWHERE {
            let ours: Vec<_> = self.scene.images(region).into_iter().filter(|image| is_ours(&image.tags)).collect();
            let good = ours.iter().filter(|image| image.state == ImageState::Available).count();
            let wanted = usize::from(region == HOME || asked.copies.iter().any(|copy| copy.destination.as_str() == region));
            assert_eq!(good, wanted, "in {region}: {ours:#?}");
            assert!(ours.iter().all(|image| matches!(image.state, ImageState::Available | ImageState::Failed)), "{ours:#?}");
            for image in &ours {
                let (instance, expire) = (image.tags["Instance"].as_str(), image.tags["Expire"].as_str());
                assert_eq!((instance, expire), (asked.instance.as_str(), "2026-11-29T12:00:00Z"));
                for snapshot in self.scene.snapshots_of(region, image) {
                    assert_eq!((&snapshot.tags["Instance"], &snapshot.tags["Expire"]), (&image.tags["Instance"], &image.tags["Expire"]));
                }
            }
        }
    }

    fn assert_only_strangers_are_left(&self, before: &World) {
        for region in EVERYWHERE {
            let (is, was) = (self.scene.held(region), before.region(region));
            assert_eq!((&is.images, &is.snapshots), (&was.images, &was.snapshots), "in {region}");
        }
        assert_eq!(self.strangers.len(), 2 * EVERYWHERE.len());
    }
}

fn is_ours(tags: &ec2_sim::world::Tags) -> bool {
    tags.get("Creator").is_some_and(|creator| creator == "image-instance")
}
