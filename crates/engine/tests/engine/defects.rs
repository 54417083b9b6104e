//! What the scripts that came before got wrong, each held by a test. Numbers are those of the project's two lists of their
//! defects; what concerns dates and options is tested in the planner and in the command line.
//!
//! | Measured on the scripts | Held by |
//! |---|---|
//! | 1 other tools' images are deleted | [`an_expired_image_of_another_tool_is_not_deleted`] |
//! | 2 so is a stranger's snapshot that says `Expire=7` | [`a_strangers_snapshot_that_says_seven_is_not_deleted`] |
//! | 3 `-e ''` expires at once | planner, command line |
//! | 4 the last backup goes, without rehearsal | [`the_only_backup_of_an_instance_can_be_kept`], `purge::a_rehearsal_says_the_same_and_does_nothing` |
//! | 5 an unreadable `-e` is never | planner, command line |
//! | 6 a comma in the name costs all tags | [`a_comma_in_the_name_costs_no_tag`] |
//! | 7 where tagging is refused, images stay untagged for ever | [`where_tagging_is_refused_no_image_is_made`] |
//! | 8 snapshots without an expiry of their own leak | [`snapshots_without_an_expiry_of_their_own_go_with_their_image`] |
//! | 9 a refused poll is repeated for eight hours | [`a_refused_poll_ends_the_wait`], [`an_instance_that_cannot_be_described_is_not_taken_for_one_without_volumes`] |
//! | 10 dates in the host's language and zone | [`dates_are_read_in_the_shapes_date_prints_and_reported_where_they_cannot_be`] |
//! | 11 a second tag that speaks of Expire | [`a_second_tag_that_speaks_of_expire_confuses_nothing`] |
//! | 12 an orphan whose id begins another is missed | [`an_orphan_whose_id_begins_another_is_deleted`] |
//! | 13 success is reported as failure | [`success_is_reported_as_success`] |
//! | 14 hence snapshots never go with their image | `purge::an_image_and_its_snapshots_go_in_one_call` |
//! | 15 the exit code is always 0 | [`what_is_refused_is_no_success`] |
//! | 16 an image that is to be kept after all | [`an_image_whose_expiry_was_removed_keeps_its_snapshots_in_peace`] |
//! | 17 the name goes unchecked into the image's | `image::names_of_every_kind_are_backed_up` |
//! | 18 names collide within a second | `image::two_instances_of_one_name_in_one_second_are_two_backups` |
//! | 19 the metadata service's first version, and the zone's last letter | `metadata` |
//! | 20 nothing is waited for without `-d` | [`a_failure_after_the_call_is_noticed_without_copies_too`], `image::when_patience_runs_out_it_is_still_in_flight_and_nothing_is_deleted` |
//! | 21 options and usage | command line |
//! | 22 tags do not come along; others' images are listed; no encryption; no locking | `copies::tags_that_somebody_added_to_the_source_come_along`, [`every_listing_is_of_the_accounts_own`], `copies::what_is_said_of_encryption_is_passed_on`, `image::the_same_request_twice_at_once_is_one_image` |
//!
//! | Read in the scripts | Held by |
//! |---|---|
//! | 1 purge is not scoped | as 1 above |
//! | 2 no `--owners self` | [`every_listing_is_of_the_accounts_own`] |
//! | 3 `.return` | as 13 and 14 above |
//! | 4 local dates | as 10 above |
//! | 5 an unreadable `-e` | planner, command line |
//! | 6 tags in calls of their own | `image::image_and_snapshots_are_tagged_in_the_creating_call`, [`where_tagging_is_refused_no_image_is_made`] |
//! | 7 the metadata service | as 19 above |
//! | 8 snapshots must be as many as volumes | [`an_image_of_fewer_snapshots_than_volumes_is_not_waited_for_in_vain`], [`an_image_with_devices_of_no_snapshot_is_purged`] |
//! | 9 never a reboot, one destination, no encryption | `image::the_instance_is_rebooted_only_if_asked`, `copies::there_can_be_several_destinations`, as 20 and 22 above |

use ec2_sim::Which;
use ec2_sim::world::{BlockDevice, Ebs, StateReason};
use engine::{Ending, RunError};
use jiff::SignedDuration;
use planner::policy::PurgePolicy;

use crate::common::*;

const PAST: &str = "2026-11-15T12:00:00Z";
const FUTURE: &str = "2026-11-29T12:00:00Z";

#[tokio::test(start_paused = true)]
async fn an_expired_image_of_another_tool_is_not_deleted() {
    let scene = Scene::with(|world| {
        Stock::image().tag("Creator", "other").expire("Sun Nov 15 12:00:00 UTC 2026").put(world, HOME);
    })
    .await;
    let before = scene.sim.snapshot();
    assert_eq!(scene.purge(&these(&[HOME])).await.unwrap().ending, Ending::Done);
    assert_only_gone(&before, &scene, []);
    assert!(scene.mutating_calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_strangers_snapshot_that_says_seven_is_not_deleted() {
    let scene = Scene::with(|world| {
        Stock::image().expire("7").put_orphans(world, HOME);
        // And ours neither: seven is no instant.
        Stock::by_the_scripts(WEB).expire("7").put_orphans(world, HOME);
    })
    .await;
    let before = scene.sim.snapshot();
    assert_eq!(scene.purge(&these(&[HOME])).await.unwrap().ending, Ending::Done);
    assert_only_gone(&before, &scene, []);
}

#[tokio::test(start_paused = true)]
async fn the_only_backup_of_an_instance_can_be_kept() {
    let scene = Scene::with(|world| drop(Stock::by_the_scripts(WEB).expire(PAST).put(world, HOME))).await;
    let policy = PurgePolicy { keep_last: 1, ..PurgePolicy::default() };
    let report = scene.purge_how(How::default(), &these(&[HOME]), &policy).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(scene.images(HOME).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_comma_in_the_name_costs_no_tag() {
    let scene = Scene::with(|world| {
        let name = ("Name".to_owned(), "db, prod".to_owned());
        world.region_mut(HOME).instances.get_mut(WEB).unwrap().tags = [name].into();
    })
    .await;
    let report = scene.image(&scene.backup_of(WEB).expiring(FUTURE)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    let image = scene.only_image(HOME);
    assert_eq!(image.tags["Name"], "backup-ami@db, prod");
    assert_eq!(image.tags.len(), 6);
    assert_eq!(scene.snapshots_of(HOME, &image)[0].tags, image.tags);
}

#[tokio::test(start_paused = true)]
async fn where_tagging_is_refused_no_image_is_made() {
    let scene = Scene::with(|world| deny(world, "CreateTags")).await;
    let error = scene.image(&scene.backup_of(WEB).expiring(FUTURE)).await.unwrap_err();
    assert!(error.to_string().contains("The permission ec2:CreateTags is missing"), "{error}");
    assert!(scene.images(HOME).is_empty() && scene.held(HOME).snapshots.is_empty());
}

#[tokio::test(start_paused = true)]
async fn snapshots_without_an_expiry_of_their_own_go_with_their_image() {
    let scene = Scene::with(|world| {
        Stock::by_the_scripts(WEB).image_tag("Expire", PAST).put(world, HOME);
        Stock::by_the_scripts(WEB).image_tag("Expire", PAST).snapshots_untagged().put(world, HOME);
    })
    .await;
    assert_eq!(scene.purge(&these(&[HOME])).await.unwrap().ending, Ending::Done);
    assert!(scene.held(HOME).images.is_empty() && scene.held(HOME).snapshots.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refused_poll_ends_the_wait() {
    let scene = Scene::new().await;
    scene.fault("DescribeImages", Which::From(2), denied("DescribeImages"));
    let report = scene.image(&scene.backup_of(WEB).expiring(FUTURE)).await.unwrap();
    assert_eq!(report.ending, Ending::SomeFailed);
    assert_eq!(scene.elapsed(), SignedDuration::from_secs(2));
    let image = scene.only_image(HOME);
    assert_eq!(scene.snapshots_of(HOME, &image)[0].tags["Expire"], FUTURE, "tagged all the same");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_cannot_be_described_is_not_taken_for_one_without_volumes() {
    let scene = Scene::with(|world| deny(world, "DescribeInstances")).await;
    let error = scene.image(&scene.backup_of(WEB)).await.unwrap_err();
    assert!(matches!(error, RunError::Failed(_)));
    assert!(scene.mutating_calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn dates_are_read_in_the_shapes_date_prints_and_reported_where_they_cannot_be() {
    let readable = [
        "Sun Nov 15 12:00:00 UTC 2026",
        "Sun 15 Nov 2026 01:00:00 PM CET",
        "Sun Nov 15 23:00:00 AEDT 2026",
        "Sunday, November 15, 2026 PM12:00:00 UTC",
        "2026-11-15T12:00:00Z",
    ];
    let unreadable = ["So 15. Nov 12:00:00 UTC 2026", "dim. 15 nov. 2026 12:00:00 UTC", "next blursday", "yesterday"];
    let scene = Scene::with(|world| {
        for text in readable.iter().chain(&unreadable) {
            Stock::by_the_scripts(WEB).name(&format!("made to go {text}").replace([':', ','], "")).expire(text).put(world, HOME);
        }
    })
    .await;
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    let mut left: Vec<String> = scene.images(HOME).into_iter().map(|image| image.tags["Expire"].clone()).collect();
    left.sort();
    assert_eq!(left, unreadable);
    for text in unreadable {
        assert!(report.to_string().contains(&format!("its Expire tag `{text}` cannot be read as an instant")), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_tag_that_speaks_of_expire_confuses_nothing() {
    let scene = Scene::with(|world| {
        Stock::by_the_scripts(WEB).expire(PAST).tag("DoNotExpire", "true").put(world, HOME);
        Stock::by_the_scripts(WEB).expire(PAST).tag("Contact", "ask before Expire").put(world, HOME);
        Stock::by_the_scripts(WEB).expire(PAST).tag("Zzz", "Expire").put(world, HOME);
        Stock::by_the_scripts(WEB).tag("AutoExpire", PAST).put(world, HOME);
    })
    .await;
    assert_eq!(scene.purge(&these(&[HOME])).await.unwrap().ending, Ending::Done);
    assert_eq!(scene.only_image(HOME).tags["AutoExpire"], PAST);
}

#[tokio::test(start_paused = true)]
async fn an_orphan_whose_id_begins_another_is_deleted() {
    let scene = Scene::with(|world| {
        let laid = Stock::by_the_scripts(WEB).expire(FUTURE).put(world, HOME);
        let held = world.region_mut(HOME);
        let ours = held.snapshots[&laid.snapshots[0]].tags.clone();
        let mut long = snapshot("1234567890abcdef0", noon());
        let mut short = snapshot("12345678", noon());
        long.tags.clone_from(&ours);
        short.tags = ours;
        short.tags.insert("Expire".to_owned(), PAST.to_owned());
        held.images.get_mut(&laid.image).unwrap().devices.push(device(1, &long.id));
        held.snapshots.extend([long, short].map(|snapshot| (snapshot.id.clone(), snapshot)));
    })
    .await;
    assert_eq!(scene.purge(&these(&[HOME])).await.unwrap().ending, Ending::Done);
    assert!(!scene.held(HOME).snapshots.contains_key("snap-12345678"));
    assert!(scene.held(HOME).snapshots.contains_key("snap-1234567890abcdef0"));
}

#[tokio::test(start_paused = true)]
async fn success_is_reported_as_success() {
    let scene = Scene::with(|world| {
        (0..20).for_each(|_| drop(Stock::by_the_scripts(WEB).expire(PAST).volumes(2).put(world, HOME)));
        (0..10).for_each(|_| drop(Stock::by_the_scripts(WEB).expire(PAST).put_orphans(world, HOME)));
    })
    .await;
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(report.to_string().lines().count(), 31, "one line for each thing that went, and one for all");
    assert!(report.to_string().ends_with("purged 30 (not in the Recycle Bin), kept 0, in 1 region\n"), "{report}");
    assert!(scene.calls("DescribeImages").len() + scene.calls("DescribeSnapshots").len() == 2, "and EC2 is asked once, not for each");
    assert_eq!(scene.mutating_calls().len(), 30);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_no_success() {
    for action in ["DeregisterImage", "DescribeImages"] {
        let scene = Scene::with(|world| {
            (0..4).for_each(|_| drop(Stock::by_the_scripts(WEB).expire(PAST).put(world, HOME)));
            deny(world, action);
        })
        .await;
        let report = scene.purge(&these(&[HOME])).await.unwrap();
        assert_eq!(report.ending, Ending::NothingAchieved);
        assert!(scene.calls("DeleteSnapshot").is_empty(), "no snapshot looks like an orphan because its image was not seen");
    }
    let scene = Scene::new().await;
    assert_eq!(scene.purge(&these(&["mars-north-1"])).await.unwrap().ending, Ending::NothingAchieved);
}

#[tokio::test(start_paused = true)]
async fn an_image_whose_expiry_was_removed_keeps_its_snapshots_in_peace() {
    let scene = Scene::with(|world| drop(Stock::by_the_scripts(WEB).snapshot_tag("Expire", PAST).put(world, HOME))).await;
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert!(scene.mutating_calls().is_empty());
    assert_eq!(report.verdicts.len(), 1, "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_the_call_is_noticed_without_copies_too() {
    let scene = Scene::with(|world| world.fail_next.image.push(StateReason::from("Internal error"))).await;
    let report = scene.image(&scene.backup_of(WEB)).await.unwrap();
    assert_eq!(report.ending, Ending::NothingAchieved);
    assert!(report.to_string().contains("Internal error"), "{report}");
    assert!(scene.elapsed() < SignedDuration::from_mins(2), "and not only after eight hours");
}

#[tokio::test(start_paused = true)]
async fn every_listing_is_of_the_accounts_own() {
    let scene = Scene::new().await;
    let _ = scene.image(&scene.backup_of(WEB).expiring("2026-11-22T18:00:00Z").copied_to(EUROPE)).await.unwrap();
    scene.pass(SignedDuration::from_hours(8)).await;
    let _ = scene.purge(&these(&[HOME])).await.unwrap();
    let listings: Vec<_> = ["DescribeImages", "DescribeSnapshots"].into_iter().flat_map(|action| scene.calls(action)).collect();
    assert!(listings.len() > 5);
    for call in listings {
        assert_eq!(call.params.get("Owner.1").map(String::as_str), Some("self"), "{call:?}");
        assert!(call.params.contains_key("MaxResults"), "and in pages: {call:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_of_fewer_snapshots_than_volumes_is_not_waited_for_in_vain() {
    let scene = Scene::new().await;
    let request = scene.backup_of(DB);
    let (report, ()) = tokio::join!(scene.image(&request), async {
        scene.pass(SignedDuration::from_secs(10)).await;
        let mut world = scene.sim.world();
        world.region_mut(HOME).images.values_mut().next().unwrap().devices.truncate(2);
    });
    assert_eq!(report.unwrap().ending, Ending::Done);
    assert!(scene.elapsed() < SignedDuration::from_mins(10));
}

#[tokio::test(start_paused = true)]
async fn an_image_with_devices_of_no_snapshot_is_purged() {
    let scene = Scene::with(|world| {
        let laid = Stock::by_the_scripts(WEB).expire(PAST).put(world, HOME);
        let devices = &mut world.region_mut(HOME).images.get_mut(&laid.image).unwrap().devices;
        let ebs = Ebs { snapshot_id: None, volume_size: 20, volume_type: "gp3".to_owned(), delete_on_termination: true, encrypted: false };
        devices.push(BlockDevice::Ebs { device_name: "/dev/sdh".to_owned(), ebs });
        devices.push(BlockDevice::Ephemeral { device_name: "/dev/sdi".to_owned(), virtual_name: "ephemeral0".to_owned() });
    })
    .await;
    assert_eq!(scene.purge(&these(&[HOME])).await.unwrap().ending, Ending::Done);
    assert!(scene.held(HOME).images.is_empty() && scene.held(HOME).snapshots.is_empty());
}
