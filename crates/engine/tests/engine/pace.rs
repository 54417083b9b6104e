//! How fast it goes: as EC2's token buckets allow, and with hardly a call that is refused.

use std::time::Duration;

use ec2_sim::world::Allowance;
use ec2_sim::{Call, FaultKind, Outcome, Which};
use engine::Ending;
use planner::policy::PurgePolicy;

use crate::common::{EUROPE, HOME, How, Scene, Stock, WEB, WEST, put_instance, these};

/// How many calls EC2 refused as one too many.
fn refused(calls: &[Call]) -> usize {
    calls.iter().filter(|call| matches!(&call.outcome, Outcome::Error(code) if code == "RequestLimitExceeded")).count()
}

/// So many expired backups with two snapshots each, in each of these regions, on an EC2 that takes so long to answer.
async fn crowd(regions: &[&str], backups: u32, latency: Duration) -> Scene {
    let scene = Scene::with(|world| {
        world.manners.throttling = true;
        for region in regions {
            for _ in 0..backups {
                Stock::by_the_scripts(WEB).expire("2026-11-01T00:00:00Z").volumes(2).put(world, region);
            }
        }
    })
    .await;
    scene.fault_of(None, Which::All, FaultKind::Delay(latency));
    scene
}

#[tokio::test(start_paused = true)]
async fn a_purge_is_as_fast_as_the_buckets_allow_in_all_regions_at_once() {
    const EACH: u32 = 500;
    let regions = [HOME, EUROPE, WEST];
    let scene = crowd(&regions, EACH, Duration::from_millis(200)).await;
    let report = scene.purge_how(How::default(), &these(&regions), &PurgePolicy::default()).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    // A hundred at once, and five each second.
    let bound = f64::from(EACH - 100) / 5.0;
    let took = scene.elapsed().as_secs_f64();
    assert!(took < bound * 1.05, "{took} s, where EC2 allows {bound} s");
    let calls = scene.sim.calls();
    let removals = calls.iter().filter(|call| call.action == "DeregisterImage" && call.outcome == Outcome::Ok).count();
    assert!(refused(&calls) * 100 < calls.len(), "{} of {} calls were refused", refused(&calls), calls.len());
    assert_eq!(removals, regions.len() * EACH as usize, "an image goes with its snapshots in one call");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_another_drains_is_shared_without_a_storm() {
    let scene = crowd(&[HOME], 300, Duration::from_millis(100)).await;
    scene.sim.world().manners.allowances.insert("DeregisterImage".to_owned(), Allowance { most: 10.0, per_second: 2.0 });
    let report = scene.purge_how(How::default(), &these(&[HOME]), &PurgePolicy::default()).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    let calls = scene.sim.calls();
    // Nobody tells how much is left, so that it has to be tried.
    assert!(refused(&calls) * 10 < calls.len(), "{} of {} calls were refused", refused(&calls), calls.len());
    let (took, bound) = (scene.elapsed().as_secs_f64(), 290.0 / 2.0);
    assert!(took < bound * 1.5, "{took} s, where EC2 allows {bound} s");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_nearly_empty_fails_nothing() {
    for per_second in [0.1, 0.2, 0.3, 0.5] {
        let scene = crowd(&[HOME], 60, Duration::from_millis(100)).await;
        scene.sim.world().manners.allowances.insert("DeregisterImage".to_owned(), Allowance { most: 3.0, per_second });
        let report = scene.purge_how(How::default(), &these(&[HOME]), &PurgePolicy::default()).await.unwrap();
        assert_eq!(report.ending, Ending::Done, "{per_second}: {report}");
        assert!(scene.images(HOME).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn images_are_copied_while_others_are_still_being_made() {
    const INSTANCES: u32 = 450;
    const POLICY: &str = "[[target]]\nname = \"all\"\nregions = [\"us-east-1\", \"us-west-2\"]\nselect = { tags = [\"fleet=bench\"] }\nevery = \"1d\"\n\
                          keep-last = 1\ncopy = [{ region = \"eu-west-1\" }]\n";
    let scene = Scene::with(|world| {
        world.manners.throttling = true;
        for number in 0..INSTANCES {
            put_instance(world, HOME, number);
        }
        // Its image is asked for last, after the last look but one.
        put_instance(world, WEST, INSTANCES);
    })
    .await;
    let report = scene.run_policy(How::default(), POLICY).await;
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(scene.images(EUROPE).len(), INSTANCES as usize + 1);
    // EC2 takes fifty at once, and five each second.
    let last_made = scene.seconds_of("CreateImage").last().copied().unwrap();
    assert!(last_made > f64::from(INSTANCES - 50) / 5.0);
    let copied_before = scene.seconds_of("CopyImage").iter().filter(|at| **at < last_made).count();
    assert!(copied_before > 20, "{copied_before}");
    assert_eq!(report.accounts[0].copies.len(), INSTANCES as usize + 1, "all of them are told of");
}
