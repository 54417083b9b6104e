//! How long much work takes on an EC2 with its documented token buckets, beside what they allow: `cargo bench -p ami-backup-engine
//! --bench pace --profile dev`, with a part of a line's name for that line only. Time is the simulator's, so that neither the machine nor the build matters.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "it prints a table, and ends where something is wrong")]

#[path = "../tests/engine/common.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{EUROPE, HOME, How, Scene, Stock, WEB, WEST, put_instance, these};
use ec2_sim::world::{Allowance, Manners, Pace};
use ec2_sim::{FaultKind, Outcome, Which, World};
use engine::Ending;
use jiff::SignedDuration;
use planner::policy::PurgePolicy;

/// What EC2 takes to answer.
const LATENCY: Duration = Duration::from_millis(200);
const FOURTH: &str = "ap-southeast-2";

/// What is done, and what of it.
enum Work {
    /// In each of these regions so many images go, with two snapshots each.
    Purge(&'static [&'static str], u32),
    /// The same in one region, while another program takes half of what EC2 allows.
    PurgeBesideAnother(u32),
    /// A policy's first run over so many instances.
    Make(u32),
    /// Copies, too.
    MakeAndCopy(u32, Room),
}

/// How many copies EC2 takes at a time.
#[derive(Clone, Copy)]
enum Room {
    /// More than there are.
    ForAll,
    /// So many snapshots.
    For(u32),
}

const LINES: [(&str, Work); 6] = [
    ("purge of 2,000 images, one region", Work::Purge(&[HOME], 2000)),
    ("purge of 8,000 images, four regions", Work::Purge(&[HOME, EUROPE, WEST, FOURTH], 2000)),
    ("purge of 1,000 images, half the bucket", Work::PurgeBesideAnother(1000)),
    ("1,000 images made", Work::Make(1000)),
    ("1,000 images made and copied", Work::MakeAndCopy(1000, Room::ForAll)),
    ("200 made and copied, 20 snapshots at a time", Work::MakeAndCopy(200, Room::For(20))),
];

fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    println!("{:<46}{:>8}{:>11}{:>7}{:>8}{:>9}", "", "took s", "allowed s", "ratio", "calls", "refused");
    for (what, work) in LINES.into_iter().filter(|(what, _)| only.as_ref().is_none_or(|only| what.contains(only))) {
        runtime.block_on(async {
            match work {
                Work::Purge(regions, each) => purge(what, regions, each).await,
                Work::PurgeBesideAnother(images) => purge_beside_another(what, images).await,
                Work::Make(instances) => make(what, instances, None).await,
                Work::MakeAndCopy(instances, room) => make(what, instances, Some(room)).await,
            }
        });
    }
}

fn busy(world: &mut World) {
    world.manners.throttling = true;
}

async fn purge(what: &str, regions: &[&str], each: u32) {
    let scene = Scene::with(|world| {
        busy(world);
        stock(world, regions, each);
    })
    .await;
    // A hundred at once, and five each second: AWS's "Request throttling for the Amazon EC2 API".
    purged(what, scene, regions, f64::from(each - 100) / 5.0).await;
}

async fn purge_beside_another(what: &str, images: u32) {
    let scene = Scene::with(|world| {
        busy(world);
        stock(world, &[HOME], images);
        world.manners.allowances.insert("DeregisterImage".to_owned(), Allowance { most: 50.0, per_second: 2.5 });
    })
    .await;
    purged(what, scene, &[HOME], f64::from(images - 50) / 2.5).await;
}

fn stock(world: &mut World, regions: &[&str], each: u32) {
    for region in regions {
        for _ in 0..each {
            Stock::by_the_scripts(WEB).expire("2026-11-01T00:00:00Z").volumes(2).put(world, region);
        }
    }
}

async fn purged(what: &str, scene: Scene, regions: &[&str], allowed: f64) {
    scene.fault_of(None, Which::All, FaultKind::Delay(LATENCY));
    let report = scene.purge_how(How::default(), &these(regions), &PurgePolicy::default()).await.unwrap();
    assert_eq!(report.ending, Ending::Done, "{report}");
    tell(what, &scene, allowed);
}

async fn make(what: &str, instances: u32, copies: Option<Room>) {
    let scene = Scene::with(|world| {
        busy(world);
        if let Some(Room::For(at_once)) = copies {
            world.manners.concurrent_snapshot_copies = Some(at_once as usize);
        }
        for number in 0..instances {
            put_instance(world, HOME, number);
        }
    })
    .await;
    scene.fault_of(None, Which::All, FaultKind::Delay(LATENCY));
    let copy = if copies.is_some() { "copy = [{ region = \"eu-west-1\" }]" } else { "" };
    let policy = format!(
        "[[target]]\nname = \"all\"\nregions = [\"us-east-1\"]\nselect = {{ tags = [\"fleet=bench\"] }}\nevery = \"1d\"\nkeep-last = 1\n{copy}\n"
    );
    let report = scene.run_policy(How { patience: SignedDuration::from_hours(24), ..How::default() }, &policy).await;
    assert_eq!(report.ending, Ending::Done, "{what}");
    assert_eq!(scene.images(HOME).len(), instances as usize, "{what}");
    let Manners { snapshot_pace: snapshot, copy_pace: copy, .. } = scene.sim.world().manners.clone();
    let takes = |pace: Pace| (pace.start + pace.per_gib * 8).as_secs_f64();
    // Fifty images at once, and five each second; then what the last one takes. A hundred copies at once and one each second.
    let made = f64::from(instances.saturating_sub(50)) / 5.0 + takes(snapshot);
    let allowed = match copies {
        None => made,
        Some(Room::ForAll) => (takes(snapshot) + f64::from(instances.saturating_sub(100))).max(made) + takes(copy),
        Some(Room::For(at_once)) => takes(snapshot) + f64::from(instances.div_ceil(at_once)) * takes(copy),
    };
    if copies.is_some() {
        assert_eq!(scene.images(EUROPE).len(), instances as usize, "{what}");
    }
    tell(what, &scene, allowed);
}

fn tell(what: &str, scene: &Scene, allowed: f64) {
    let calls = scene.sim.calls();
    let is_refused = |outcome: &Outcome| matches!(outcome, Outcome::Error(code) if code == "RequestLimitExceeded");
    let refused = calls.iter().filter(|call| is_refused(&call.outcome)).count();
    let took = scene.elapsed().as_secs_f64();
    println!("{what:<46}{took:>8.0}{allowed:>11.0}{:>7.2}{:>8}{refused:>9}", took / allowed, calls.len());
    let mut by_action: BTreeMap<&str, usize> = BTreeMap::new();
    for call in &calls {
        *by_action.entry(&call.action).or_default() += 1;
    }
    let by_action: Vec<String> = by_action.iter().map(|(action, count)| format!("{action} {count}")).collect();
    println!("    {}", by_action.join(", "));
}
