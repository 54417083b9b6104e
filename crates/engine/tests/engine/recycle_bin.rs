//! What can be had back of what a purge has deleted, and what EC2 says of each snapshot when it deletes an image with its own.

use std::time::Duration;

use ec2_sim::world::{Lock, LockMode, LockTerm, RetainedType, RetentionRule};
use ec2_sim::{FaultKind, Which, World};
use engine::Ending;
use engine::apply::{Deletion, Recoverable, Removal, ReturnCode};
use engine::report::PurgeReport;
use jiff::SignedDuration;

use crate::common::*;

/// A week before the worlds of these tests begin.
const PAST: &str = "2026-11-15T12:00:00Z";

fn expired() -> Stock {
    Stock::by_the_scripts(WEB).expire(PAST)
}

/// Keeps what is deleted in [`HOME`] for so many days.
fn retain(world: &mut World, kind: RetainedType, days: u32) {
    let rules = &mut world.region_mut(HOME).recycle_bin.rules;
    rules.insert(format!("rule{:07}", rules.len()), RetentionRule::new(kind, days));
}

fn removals(report: &PurgeReport) -> Vec<&Removal> {
    report.verdicts.iter().filter_map(|verdict| verdict.result.as_ref()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_lies_in_the_bin_is_recoverable_until_the_first_of_it_leaves() {
    let scene = Scene::with(|world| {
        retain(world, RetainedType::Ec2Image, 30);
        retain(world, RetainedType::EbsSnapshot, 14);
        expired().volumes(2).put(world, HOME);
        expired().put(world, EUROPE);
        expired().put_orphans(world, HOME);
    })
    .await;
    let report = scene.purge(&these(&[HOME, EUROPE])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    insta::assert_snapshot!(report, @"
    eu-west-1  purged  ami-00000000000000002  old of 2026-10-22 12:00Z with 1 snapshot: it expired 2026-11-15T12:00:00Z
    us-east-1  purged  ami-00000000000000001  old of 2026-10-22 12:00Z with 2 snapshots: it expired 2026-11-15T12:00:00Z; recoverable until 2026-12-06T12:00:00Z
    us-east-1  purged  snap-00000000000030000  orphan of i-0eb1eb1eb1eb10001: it expired 2026-11-15T12:00:00Z; recoverable until 2026-12-06T12:00:00Z
    purged 3 (2 of them recoverable from the Recycle Bin), kept 0, in 2 regions
    ");
    insta::assert_snapshot!(serde_json::to_string(&removals(&report)).unwrap(), @r#"[{"image":{"result":"deleted"},"recoverable":"not_in_recycle_bin","snapshots":[{"snapshot":"snap-00000000000020000","result":"deleted","return_code":"success","recoverable":"not_in_recycle_bin"}]},{"image":{"result":"deleted"},"recoverable":{"until":"2026-12-06T12:00:00Z"},"snapshots":[{"snapshot":"snap-00000000000010000","result":"deleted","return_code":"success","recoverable":{"until":"2026-12-06T12:00:00Z"}},{"snapshot":"snap-00000000000010001","result":"deleted","return_code":"success","recoverable":{"until":"2026-12-06T12:00:00Z"}}]},{"image":{"result":"deleted"},"recoverable":{"until":"2026-12-06T12:00:00Z"},"snapshots":[]}]"#);

    // The other half alone: what is left behind in the bin is of no use to the image.
    let scene = Scene::with(|world| {
        retain(world, RetainedType::EbsSnapshot, 14);
        expired().put(world, HOME);
    })
    .await;
    insta::assert_snapshot!(scene.purge(&these(&[HOME])).await.unwrap(), @"
    us-east-1  purged  ami-00000000000000001  old of 2026-10-22 12:00Z with 1 snapshot: it expired 2026-11-15T12:00:00Z
    us-east-1    recoverable without its image: snap-00000000000010000 until 2026-12-06T12:00:00Z
    purged 1, kept 0, in 1 region
    ");
    let scene = Scene::with(|world| {
        retain(world, RetainedType::Ec2Image, 14);
        expired().put(world, HOME);
    })
    .await;
    insta::assert_snapshot!(scene.purge(&these(&[HOME])).await.unwrap(), @"
    us-east-1  purged  ami-00000000000000001  old of 2026-10-22 12:00Z with 1 snapshot: it expired 2026-11-15T12:00:00Z
    purged 1 (not in the Recycle Bin), kept 0, in 1 region
    ");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_known_is_not_said() {
    for call in ["ListImagesInRecycleBin", "ListSnapshotsInRecycleBin"] {
        let scene = Scene::with(|world| {
            retain(world, RetainedType::Ec2Image, 30);
            retain(world, RetainedType::EbsSnapshot, 30);
            deny(world, call);
            expired().put(world, HOME);
        })
        .await;
        let report = scene.purge(&these(&[HOME])).await.unwrap();
        assert_eq!(report.ending, Ending::Done, "the report alone is the poorer for it");
        assert_eq!(removals(&report)[0].recoverable, Some(Recoverable::Unknown));
        assert!(report.to_string().ends_with("purged 1, kept 0, in 1 region\n"), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_bin_is_looked_into_once_a_region_and_only_where_something_went() {
    let scene = Scene::with(|world| {
        (0..30).for_each(|_| drop(expired().put(world, HOME)));
        expired().protected().put(world, EUROPE);
    })
    .await;
    let report = scene.purge(&these(&[HOME, EUROPE])).await.unwrap();
    assert!(report.to_string().contains("purged 30 (not in the Recycle Bin), kept 1"), "{report}");
    for call in ["ListImagesInRecycleBin", "ListSnapshotsInRecycleBin"] {
        assert_eq!(scene.calls(call).iter().map(|call| call.region.as_str()).collect::<Vec<_>>(), [HOME]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_came_to_share_a_snapshot_meanwhile_keeps_it() {
    let scene = Scene::with(|world| drop(expired().volumes(2).put(world, HOME))).await;
    scene.fault("DescribeImages", Which::All, FaultKind::Delay(Duration::from_secs(5)));
    let scope = these(&[HOME]);
    let (report, ()) = tokio::join!(scene.purge(&scope), async {
        scene.pass(SignedDuration::from_secs(2)).await;
        let mut world = scene.sim.world();
        let shared = world.region_mut(HOME).images.values().next().unwrap().devices[0].clone();
        let other = Stock::image().volumes(0).put(&mut world, HOME);
        world.region_mut(HOME).images.get_mut(&other.image).unwrap().devices.push(shared);
    });
    let report = report.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(scene.mutating_calls(), ["DeregisterImage"], "it is not asked for again");
    assert_eq!((scene.images(HOME).len(), scene.held(HOME).snapshots.len()), (1, 1));
    insta::assert_snapshot!(report, @"
    us-east-1  purged  ami-00000000000000001  old of 2026-10-22 12:00Z with 1 snapshot: it expired 2026-11-15T12:00:00Z
    us-east-1    keep  snap-00000000000010000: another image is made of it, too
    purged 1, kept 0, in 1 region
    ");
}

#[tokio::test(start_paused = true)]
async fn images_of_which_ec2_still_thinks_keep_nothing_they_shared() {
    let scene = Scene::with(|world| {
        world.manners.in_use_lingers = SignedDuration::from_secs(8);
        let first = expired().put(world, HOME);
        let shared = world.region_mut(HOME).images[&first.image].devices[0].clone();
        let second = expired().volumes(0).put(world, HOME);
        world.region_mut(HOME).images.get_mut(&second.image).unwrap().devices.push(shared);
    })
    .await;
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done, "{report}");
    assert!(scene.held(HOME).images.is_empty() && scene.held(HOME).snapshots.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_ec2_skips_for_an_image_that_has_gone_is_asked_for_again() {
    let mut shared = None;
    let scene = Scene::with(|world| {
        world.manners.in_use_lingers = SignedDuration::from_secs(8);
        world.fail_next.snapshot_deletions = 1;
        let first = expired().put(world, HOME);
        let second = expired().volumes(0).put(world, HOME);
        let device = world.region_mut(HOME).images[&first.image].devices[0].clone();
        world.region_mut(HOME).images.get_mut(&second.image).unwrap().devices.push(device);
        shared = Some(first.snapshots[0].clone());
    })
    .await;
    let body = format!(
        "<DeregisterImageResponse><return>true</return><deleteSnapshotResultSet><item><snapshotId>{}</snapshotId>\
         <returnCode>skipped</returnCode></item></deleteSnapshotResultSet></DeregisterImageResponse>",
        shared.unwrap()
    );
    let skipped = FaultKind::Body { status: 200, content_type: "text/xml".to_owned(), body: body.into_bytes() };
    scene.fault("DeregisterImage", Which::Nth(2), skipped);
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done, "{report}");
    assert!(scene.held(HOME).images.is_empty() && scene.held(HOME).snapshots.is_empty(), "{report}");
    let codes: Vec<_> = removals(&report).into_iter().flat_map(|removal| &removal.snapshots).map(|snapshot| snapshot.return_code).collect();
    assert_eq!(codes, [Some(ReturnCode::Skipped)]);
}

#[tokio::test(start_paused = true)]
async fn each_return_code_leads_where_it_should() {
    // EC2 fails for a moment: the snapshot is asked for by itself, and goes.
    let scene = Scene::with(|world| {
        world.fail_next.snapshot_deletions = 1;
        expired().put(world, HOME);
    })
    .await;
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(scene.mutating_calls(), ["DeregisterImage", "DeleteSnapshot"]);
    assert_eq!(removals(&report)[0].snapshots[0].return_code, Some(ReturnCode::InternalError));
    assert_eq!(removals(&report)[0].snapshots[0].deletion, Deletion::Deleted);

    // It is locked, and nobody could be asked: asked once by itself, EC2 says so.
    let scene = Scene::with(|world| {
        world.manners.unknown_actions.insert("DescribeLockedSnapshots".to_owned());
        let laid = expired().put(world, HOME);
        let term = LockTerm::Days(30);
        let lock = Lock { mode: LockMode::Governance, created: at(PAST), cool_off: None, term, started: Some(at(PAST)) };
        world.region_mut(HOME).snapshots.get_mut(&laid.snapshots[0]).unwrap().lock = Some(lock);
    })
    .await;
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::SomeFailed);
    assert_eq!(scene.mutating_calls(), ["DeregisterImage", "DeleteSnapshot"]);
    insta::assert_snapshot!(without_ids(&report.to_string()), @"
    us-east-1  purged  ami-00000000000000001  old of 2026-10-22 12:00Z with 0 snapshots: it expired 2026-11-15T12:00:00Z
    us-east-1    left behind: snap-00000000000010000: DeregisterImage said client-error; DeleteSnapshot in us-east-1 failed with OperationNotPermitted: The snapshot 'snap-00000000000010000' cannot be deleted: it is locked (request …)
    purged 1, kept 0, left 1 snapshot behind, in 1 region
    warning: the locked snapshots could not be read in us-east-1: DescribeLockedSnapshots failed with InvalidAction: The action DescribeLockedSnapshots is not valid for this web service; nothing was kept for it (--require-checks keeps)
    ");
}
