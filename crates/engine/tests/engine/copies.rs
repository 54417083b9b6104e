//! Copies: made of an available source, tagged as it is, exactly once, by whichever run comes to it.

use std::collections::BTreeSet;

use ec2_sim::world::{ClosedRegion, Image, ImageState, StateReason};
use ec2_sim::{FaultKind, Which};
use engine::report::ImageReport;
use engine::{Ending, Event, RunError};
use jiff::SignedDuration;
use planner::plan::Standing;
use planner::policy::ImageRequest;
use planner::tags::Encryption;

use crate::common::*;

/// A scene in which an image was asked for, with a copy to Europe, by a process that is no more.
async fn after_a_crash() -> Scene {
    let scene = Scene::new().await;
    let request = scene.backup_of(WEB).expiring("2026-12-22T12:00:00Z").copied_to(EUROPE);
    let _ = scene.image_how(NO_WAIT, &request).await.unwrap();
    scene.again().await
}

/// As [`after_a_crash`], a while later: the image is available.
async fn long_after_a_crash() -> Scene {
    let scene = after_a_crash().await;
    scene.pass(SignedDuration::from_mins(10)).await;
    scene
}

fn standing(report: &ImageReport, destination: &str) -> Standing {
    let mut found = report.copies.iter().filter(|copy| copy.destination == Some(region(destination)));
    let standing = found.next().unwrap_or_else(|| panic!("nothing is said of {destination}: {report:#?}")).standing.clone();
    assert!(found.next().is_none(), "{report:#?}");
    standing
}

fn assert_one_good_copy(scene: &Scene, destination: &str) {
    let copy = scene.only_image(destination);
    assert_eq!(copy.state, ImageState::Available);
    assert_marked_throughout(scene, destination, &copy);
}

fn assert_marked_throughout(scene: &Scene, region: &str, image: &Image) {
    assert_eq!(image.tags.get("Creator").map(String::as_str), Some("image-instance"));
    for snapshot in scene.snapshots_of(region, image) {
        assert_eq!(snapshot.tags, image.tags);
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_made_once_its_source_is_available_and_tagged_as_its_source_is() {
    let scene = Scene::new().await;
    let request = scene.backup_of(DB).expiring("2026-11-29T12:00:00Z").copied_to(EUROPE);
    let report = scene.image(&request).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert!(matches!(standing(&report, EUROPE), Standing::Done { .. }));

    assert!(scene.seconds_of("CopyImage")[0] > 170.0, "the source was not available before");
    let (source, copy) = (scene.only_image(HOME), scene.only_image(EUROPE));
    let mut expected = source.tags.clone();
    expected.retain(|key, _| !key.starts_with("ami-backup:"));
    assert_eq!(copy.tags, expected);
    assert_eq!(copy.tags["Expire"], "2026-11-29T12:00:00Z");
    assert_eq!((copy.name.as_str(), copy.state), (source.name.as_str(), ImageState::Available));
    let snapshots = scene.snapshots_of(EUROPE, &copy);
    assert_eq!(snapshots.len(), 3);
    assert!(snapshots.iter().all(|snapshot| snapshot.tags == expected));
    assert_eq!(scene.mutating_calls(), ["CreateImage", "CopyImage"]);
}

#[tokio::test(start_paused = true)]
async fn tags_that_somebody_added_to_the_source_come_along() {
    let scene = Scene::new().await;
    let request = scene.backup_of(WEB).copied_to(EUROPE);
    let (report, ()) = tokio::join!(scene.image(&request), async {
        scene.pass(SignedDuration::from_secs(20)).await;
        let mut world = scene.sim.world();
        let image = world.region_mut(HOME).images.values_mut().next().unwrap();
        image.tags.insert("cost centre".to_owned(), "4711".to_owned());
        image.tags.insert("aws:made-by".to_owned(), "AWS".to_owned());
    });
    assert_eq!(report.unwrap().ending, Ending::Done);
    let copy = scene.only_image(EUROPE);
    assert_eq!(copy.tags["cost centre"], "4711");
    assert!(!copy.tags.contains_key("aws:made-by"), "EC2 keeps these to itself");
    assert_marked_throughout(&scene, EUROPE, &copy);
}

#[tokio::test(start_paused = true)]
async fn there_can_be_several_destinations() {
    let scene = Scene::new().await;
    let report = scene.image(&scene.backup_of(WEB).copied_to(EUROPE).copied_to(WEST)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    for destination in [EUROPE, WEST] {
        assert_one_good_copy(&scene, destination);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_encryption_is_passed_on() {
    let key = "1234abcd-12ab-34cd-56ef-1234567890ab";
    for (asked, encrypted, key_id) in [
        (Encryption::AsSource, None, None),
        (Encryption::DefaultKey, Some("true"), None),
        (Encryption::Key(key.to_owned()), Some("true"), Some(key)),
    ] {
        let scene = Scene::new().await;
        let report = scene.image(&scene.backup_of(WEB).copied_encrypted(WEST, asked.clone())).await.unwrap();
        assert_eq!(report.ending, Ending::Done);
        let call = &scene.calls("CopyImage")[0];
        assert_eq!(call.params.get("Encrypted").map(String::as_str), encrypted, "{asked:?}");
        assert_eq!(call.params.get("KmsKeyId").map(String::as_str), key_id, "{asked:?}");
        assert_eq!(scene.snapshots_of(WEST, &scene.only_image(WEST))[0].encrypted, encrypted.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_in_so_many_minutes_is_asked_for_alike_by_every_process() {
    let scene = Scene::new().await;
    let request = scene.backup_of(WEB).copied_within(EUROPE, 60);
    let _ = scene.image_how(NO_WAIT, &request).await.unwrap();
    scene.pass(SignedDuration::from_mins(10)).await;
    // Whoever comes next does not see the copy that was asked for, and asks again.
    scene.sim.world().manners.visibility_lag = SignedDuration::from_hours(1);
    let scene = scene.again().await;
    let _ = scene.resume_how(NO_WAIT, &these(&[HOME])).await.unwrap();
    let scene = scene.again().await;
    let _ = scene.resume_how(NO_WAIT, &these(&[HOME])).await.unwrap();
    let [first, second] = &scene.calls("CopyImage")[..] else { panic!("one call for each process") };
    assert_eq!(first.params.get("SnapshotCopyCompletionDurationMinutes").map(String::as_str), Some("60"));
    assert_eq!(first.params, second.params, "the same token, and the same of everything else");
    scene.pass(SignedDuration::from_hours(2)).await;
    assert_one_good_copy(&scene, EUROPE);
    assert_eq!(scene.snapshots_of(EUROPE, &scene.only_image(EUROPE))[0].completion_minutes, Some(60));
}

#[tokio::test(start_paused = true)]
async fn the_copy_of_an_encrypted_image_is_encrypted_without_a_word() {
    let scene = Scene::with(|world| {
        let volume = world.region_mut(HOME).volumes.get_mut("vol-0db1db1db1db10002").unwrap();
        volume.encrypted = true;
        volume.kms_key_id = Some("arn:aws:kms:us-east-1:123456789012:key/a-key-of-this-region".to_owned());
    })
    .await;
    let report = scene.image(&scene.backup_of(DB).copied_to(EUROPE)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(scene.calls("CopyImage")[0].params["Encrypted"], "true");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_used_fails_the_copy_and_not_the_image() {
    let scene = Scene::new().await;
    let report = scene.image(&scene.backup_of(WEB).copied_encrypted(WEST, Encryption::Key("alias/none".to_owned()))).await.unwrap();
    assert_eq!(report.ending, Ending::SomeFailed);
    assert_eq!(scene.only_image(HOME).state, ImageState::Available);
    insta::assert_snapshot!(report, @r"
    us-east-1  ami-09d40897aa65e0c57  available  backup-ami_web-1_i-0eb1eb1eb1eb10001_20261122T120000Z_64eabd6e  never expires
    us-west-2  copy of ami-09d40897aa65e0c57 in us-east-1: ami-09bc0e13c32d1b883 failed: Given key ID is not accessible
    ");
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_not_enabled_is_found_out_before_the_image_is_made() {
    let scene = Scene::new().await;
    for destination in ["af-south-1", "mars-north-1"] {
        let error = scene.image(&scene.backup_of(WEB).copied_to(destination)).await.unwrap_err();
        assert_eq!(error, RunError::DestinationNotEnabled(region(destination)));
        assert!(error.to_string().contains(destination));
    }
    assert!(scene.mutating_calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_may_not_list_regions_is_told_of_a_closed_destination_by_the_copy() {
    for closed_region in [ClosedRegion::AuthFailure, ClosedRegion::OptInRequired] {
        let scene = Scene::with(|world| {
            deny(world, "DescribeRegions");
            world.manners.closed_region = closed_region;
        })
        .await;
        let report = scene.image(&scene.backup_of(WEB).copied_to("af-south-1").copied_to(EUROPE)).await.unwrap();
        assert_eq!(report.ending, Ending::SomeFailed);
        assert!(matches!(standing(&report, "af-south-1"), Standing::DestinationUnseen { .. }));
        assert_one_good_copy(&scene, EUROPE);
        assert!(scene.elapsed() < SignedDuration::from_mins(10));
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_fails_beside_a_good_image_is_reported_with_ec2s_reason() {
    let scene = Scene::with(|world| world.fail_next.copy.push(StateReason::from("Copy image failed with an internal error"))).await;
    let report = scene.image(&scene.backup_of(WEB).copied_to(EUROPE)).await.unwrap();
    assert_eq!(report.ending, Ending::SomeFailed);
    let Standing::Failed { reason, .. } = standing(&report, EUROPE) else { panic!("{report:#?}") };
    assert_eq!(reason.as_deref(), Some("Copy image failed with an internal error"));
    assert_eq!(scene.calls("CopyImage").len(), 1, "this run does not try again");
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_resume_makes_the_copy() {
    let scene = after_a_crash().await;
    assert!(scene.images(EUROPE).is_empty());
    let report = scene.resume(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_one_good_copy(&scene, EUROPE);
    assert_eq!(scene.images(HOME).len(), 1);
    assert_eq!(scene.mutating_calls(), ["CreateImage", "CopyImage"]);
    insta::assert_snapshot!(report, @"eu-west-1  ami-09bc0e13c32d1b883  available  copy of ami-09d40897aa65e0c57 in us-east-1");
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_the_next_backup_of_the_instance_makes_the_copy() {
    let scene = after_a_crash().await;
    scene.pass(SignedDuration::from_hours(24)).await;
    let report = scene.image(&scene.backup_of(WEB)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(scene.images(HOME).len(), 2, "one for each slot");
    assert_one_good_copy(&scene, EUROPE);
    assert!(matches!(standing(&report, EUROPE), Standing::Done { .. }));
}

#[tokio::test(start_paused = true)]
async fn the_next_backup_of_another_instance_leaves_it_alone() {
    let scene = long_after_a_crash().await;
    let report = scene.image(&scene.backup_of(DB)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert!(report.copies.is_empty());
    assert!(scene.images(EUROPE).is_empty());
}

#[tokio::test(start_paused = true)]
async fn to_resume_twice_or_at_once_makes_one_copy() {
    let scene = long_after_a_crash().await;
    let scope = these(&[HOME]);
    let (one, other, a_backup) = tokio::join!(scene.resume(&scope), scene.resume(&scope), async {
        let request = scene.backup_of(WEB);
        scene.image(&request).await
    });
    assert_eq!((one.unwrap().ending, other.unwrap().ending, a_backup.unwrap().ending), (Ending::Done, Ending::Done, Ending::Done));
    assert_one_good_copy(&scene, EUROPE);
    let tokens: BTreeSet<String> = scene.calls("CopyImage").iter().map(|call| call.params["ClientToken"].clone()).collect();
    assert!(tokens.len() == 1 && tokens.iter().all(|token| token.len() <= 64 && token.is_ascii()), "{tokens:?}");
    let again = scene.resume(&these(&[HOME])).await.unwrap();
    assert_eq!(again.ending, Ending::Done);
    assert_one_good_copy(&scene, EUROPE);
    insta::assert_snapshot!(again, @"nothing to finish");
}

#[tokio::test(start_paused = true)]
async fn a_copy_under_way_is_waited_for_by_resume() {
    let scene = long_after_a_crash().await;
    let _ = scene.resume_how(NO_WAIT, &these(&[HOME])).await.unwrap();
    assert_eq!(scene.only_image(EUROPE).state, ImageState::Pending);
    let report = scene.resume(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert!(matches!(standing(&report, EUROPE), Standing::Done { .. }), "the copy has become available before this run's eyes");
    assert_one_good_copy(&scene, EUROPE);
}

#[tokio::test(start_paused = true)]
async fn without_waiting_resume_asks_for_what_can_be_asked_for() {
    let scene = after_a_crash().await;
    let report = scene.resume_how(NO_WAIT, &these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(standing(&report, EUROPE), Standing::SourcePending);
    scene.pass(SignedDuration::from_mins(10)).await;
    let before = scene.elapsed();
    let report = scene.resume_how(NO_WAIT, &these(&[HOME])).await.unwrap();
    assert_eq!((report.ending, scene.elapsed()), (Ending::Done, before));
    assert!(matches!(standing(&report, EUROPE), Standing::InFlight { .. }));
}

#[tokio::test(start_paused = true)]
async fn without_waiting_nothing_is_waited_for_and_what_could_not_be_asked_for_is_said() {
    for kind in [FaultKind::Hang, FaultKind::throttled()] {
        let scene = long_after_a_crash().await;
        scene.fault("CopyImage", Which::First(20), kind.clone());
        let before = scene.elapsed();
        let report = scene.resume_how(NO_WAIT, &these(&[HOME])).await.unwrap();
        assert_eq!(report.ending, Ending::StillInFlight);
        assert_eq!((report.failures.len(), standing(&report, EUROPE)), (1, Standing::Due));
        assert!(scene.elapsed() - before < SignedDuration::from_secs(30));

        // A destination that does not answer does not keep a backup waiting that was not to wait.
        scene.fault_in(EUROPE, "DescribeImages", Which::All, kind);
        let before = scene.elapsed();
        let report = scene.image_how(NO_WAIT, &scene.backup_of(WEB)).await.unwrap();
        assert_eq!(report.ending, Ending::StillInFlight);
        assert!(scene.elapsed() - before < SignedDuration::from_secs(30));
        assert_eq!(scene.images(HOME).len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn interrupted_without_waiting_it_says_so() {
    let scene = long_after_a_crash().await;
    scene.stop.request();
    let report = scene.resume_how(NO_WAIT, &these(&[HOME])).await.unwrap();
    assert_eq!((report.ending, standing(&report, EUROPE)), (Ending::Interrupted, Standing::Due));
    assert!(scene.images(EUROPE).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_busy_for_a_while_is_waited_for() {
    let scene = long_after_a_crash().await;
    scene.fault_in(EUROPE, "DescribeImages", Which::First(60), FaultKind::throttled());
    let report = scene.resume(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_one_good_copy(&scene, EUROPE);
}

#[tokio::test(start_paused = true)]
async fn a_rehearsed_resume_changes_nothing() {
    let scene = long_after_a_crash().await;
    let calls = scene.mutating_calls();
    let report = scene.resume_how(DRY_RUN, &these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(scene.mutating_calls(), calls);
    insta::assert_snapshot!(report, @"eu-west-1  would copy ami-09d40897aa65e0c57 from us-east-1 as backup-ami_web-1_i-0eb1eb1eb1eb10001_20261122T120000Z_f55e347f");
}

#[tokio::test(start_paused = true)]
async fn lost_answers_do_not_make_a_second_copy() {
    for after in [None, Some(FaultKind::Hang), Some(FaultKind::throttled())] {
        let scene = Scene::new().await;
        scene.fault("CopyImage", Which::Nth(1), FaultKind::LostAnswer);
        if let Some(kind) = after {
            (2..8).for_each(|call| scene.fault("CopyImage", Which::Nth(call), kind.clone()));
        }
        let report = scene.image(&scene.backup_of(WEB).copied_to(EUROPE)).await.unwrap();
        assert_eq!(report.ending, Ending::Done);
        assert_one_good_copy(&scene, EUROPE);
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_cannot_be_seen_yet_is_not_made_twice_and_told_once() {
    let scene = Scene::with(|world| world.manners.visibility_lag = SignedDuration::from_secs(40)).await;
    let report = scene.image(&scene.backup_of(WEB).copied_to(EUROPE)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_one_good_copy(&scene, EUROPE);
    assert_eq!(scene.events().iter().filter(|event| matches!(event, Event::CopyRequested { .. })).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_cannot_be_seen_yet_is_not_made_twice_even_if_its_source_was_tagged_anew() {
    let scene = long_after_a_crash().await;
    scene.sim.world().manners.visibility_lag = SignedDuration::from_secs(40);
    let _ = scene.resume_how(NO_WAIT, &these(&[HOME])).await.unwrap();
    scene.sim.world().region_mut(HOME).images.values_mut().for_each(|image| drop(image.tags.insert("new".to_owned(), "tag".to_owned())));
    let report = scene.resume(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_one_good_copy(&scene, EUROPE);
    let tokens: BTreeSet<String> = scene.calls("CopyImage").iter().map(|call| call.params["ClientToken"].clone()).collect();
    assert_eq!(tokens.len(), 2, "not the token but the name has held");
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_failed_is_tried_again_by_later_runs_at_most_three_times_in_all() {
    for failed_copies_nameless in [false, true] {
        let scene = Scene::with(|world| {
            world.manners.failed_copies_nameless = failed_copies_nameless;
            world.fail_next.copy = vec![StateReason::from("internal error"); 5];
        })
        .await;
        let first = scene.image(&scene.backup_of(WEB).copied_to(EUROPE)).await.unwrap();
        assert_eq!(first.ending, Ending::SomeFailed);
        for attempts in [2, 3, 3, 3] {
            let report = scene.resume(&these(&[HOME])).await.unwrap();
            assert_eq!(report.ending, Ending::SomeFailed);
            assert!(matches!(standing(&report, EUROPE), Standing::Failed { .. }));
            assert_eq!(scene.images(EUROPE).len(), attempts);
        }
        let names: Vec<String> = scene.calls("CopyImage").iter().map(|call| call.params["Name"].clone()).collect();
        let source = scene.only_image(HOME).name;
        assert_eq!(names, [source.clone(), format!("{source}(2)"), format!("{source}(3)")]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_debris_of_a_failed_copy_is_reported_and_not_touched() {
    let scene = Scene::with(|world| {
        world.manners.failed_copies_nameless = true;
        world.fail_next.copy.push(StateReason::from("internal error"));
    })
    .await;
    let report = scene.image(&scene.backup_of(WEB).copied_to(EUROPE)).await.unwrap();
    let debris = scene.only_image(EUROPE);
    assert!(debris.name.is_empty() && debris.tags.is_empty());
    let Standing::Failed { copy, .. } = standing(&report, EUROPE) else { panic!("{report:#?}") };
    assert_eq!(copy, planner_id(&debris));

    let report = scene.resume(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(scene.images(EUROPE)[0], debris);
    assert_eq!(scene.images(EUROPE)[1].state, ImageState::Available);
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_too_long_ago_lapses_and_is_no_news_for_ever() {
    let scene = after_a_crash().await;
    scene.pass(SignedDuration::from_hours(49)).await;
    let report = scene.resume(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::SomeFailed, "a copy that was asked for and will never be is no success");
    insta::assert_snapshot!(report, @"eu-west-1  copy of ami-09d40897aa65e0c57 in us-east-1: not copied: asked for too long ago (it would have been made until 2026-11-24T12:00:00Z)");
    scene.pass(SignedDuration::from_hours(48)).await;
    let report = scene.resume(&these(&[HOME])).await.unwrap();
    assert!(report.copies.is_empty());
    assert!(scene.images(EUROPE).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_with_longer_patience_makes_its_copies_later_than_that() {
    let scene = Scene::new().await;
    let patience = SignedDuration::from_hours(100);
    let _ = scene.image_how(NO_WAIT, &ImageRequest { patience, ..scene.backup_of(WEB).copied_to(EUROPE) }).await.unwrap();
    scene.pass(SignedDuration::from_hours(90)).await;
    assert_eq!(scene.resume(&these(&[HOME])).await.unwrap().ending, Ending::Done);
    assert_one_good_copy(&scene, EUROPE);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_expires_within_the_hour_is_not_copied() {
    let scene = Scene::new().await;
    let request = scene.backup_of(WEB).expiring("2026-11-22T20:00:00Z").copied_to(EUROPE);
    let _ = scene.image_how(NO_WAIT, &request).await.unwrap();
    scene.pass(SignedDuration::from_mins(7 * 60 + 1)).await;
    let report = scene.resume(&these(&[HOME])).await.unwrap();
    assert!(matches!(standing(&report, EUROPE), Standing::SourceExpires { .. }));
    assert_eq!(report.ending, Ending::SomeFailed);
    assert!(scene.images(EUROPE).is_empty());
    insta::assert_snapshot!(report, @"eu-west-1  copy of ami-09d40897aa65e0c57 in us-east-1: not copied: the source image may go at 2026-11-22T20:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_cannot_be_read_is_reported_and_the_others_are_done() {
    let scene = long_after_a_crash().await;
    {
        let mut world = scene.sim.world();
        let image = world.region_mut(HOME).images.values_mut().next().unwrap();
        image.tags.insert("ami-backup:copy-to:us-west-2".to_owned(), "soon".to_owned());
        image.tags.insert("ami-backup:copy-to:the moon".to_owned(), "until=2026-12-24T12:00:00Z".to_owned());
    }
    let report = scene.resume(&these(&[HOME])).await.unwrap();
    assert_one_good_copy(&scene, EUROPE);
    assert!(scene.images(WEST).is_empty());
    insta::assert_snapshot!(report, @r"
    eu-west-1  ami-09bc0e13c32d1b883  available  copy of ami-09d40897aa65e0c57 in us-east-1
    ?  copy of ami-09d40897aa65e0c57 in us-east-1: not copied: its tag `ami-backup:copy-to:the moon=until=2026-12-24T12:00:00Z` cannot be read as a copy that was asked for
    ?  copy of ami-09d40897aa65e0c57 in us-east-1: not copied: its tag `ami-backup:copy-to:us-west-2=soon` cannot be read as a copy that was asked for
    ");
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_fails_does_not_stop_the_others() {
    let failures = [FaultKind::Hang, denied("DescribeImages"), error(401, "AuthFailure", "AWS was not able to validate the credentials")];
    for kind in failures {
        let scene = Scene::new().await;
        scene.sim.inject(ec2_sim::Fault { action: None, region: Some(EUROPE.to_owned()), calls: Which::All, kind: kind.clone() });
        let request = ImageRequest { patience: SignedDuration::from_hours(1), ..scene.backup_of(WEB).copied_to(EUROPE).copied_to(WEST) };
        let report = scene.image(&request).await.unwrap();
        assert_one_good_copy(&scene, WEST);
        assert!(matches!(standing(&report, EUROPE), Standing::DestinationUnseen { .. }));
        // What hangs may yet come back; what is refused ends the run.
        let (ending, at_most) = match kind {
            FaultKind::Hang => (Ending::StillInFlight, SignedDuration::from_mins(61)),
            _ => (Ending::SomeFailed, SignedDuration::from_mins(10)),
        };
        assert_eq!(report.ending, ending, "{kind:?}");
        assert!(scene.elapsed() <= at_most);
    }
}

#[tokio::test(start_paused = true)]
async fn a_permission_to_copy_that_is_missing_is_named_and_the_image_is_kept() {
    let scene = Scene::with(|world| deny(world, "CopyImage")).await;
    let report = scene.image(&scene.backup_of(WEB).copied_to(EUROPE)).await.unwrap();
    assert_eq!(report.ending, Ending::SomeFailed);
    assert!(report.to_string().contains("The permission ec2:CopyImage is missing"), "{report}");
    assert_eq!(scene.only_image(HOME).state, ImageState::Available);
    assert_eq!(scene.calls("CopyImage").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn all_enabled_regions_are_resumed_and_one_that_fails_stops_no_other() {
    let scene = long_after_a_crash().await;
    let mail = scene.backup_of(MAIL).copied_to(WEST);
    let _ = scene.image_how(NO_WAIT, &mail).await.unwrap();
    let scene = scene.again().await;
    scene.fault_in("eu-central-1", "DescribeImages", Which::All, FaultKind::throttled());
    let report = scene.resume(&all_enabled()).await.unwrap();
    assert_eq!(report.ending, Ending::SomeFailed);
    assert_eq!(report.failures.len(), 1, "{report}");
    assert!(report.to_string().contains("eu-central-1"), "{report}");
    assert_one_good_copy(&scene, WEST);
    assert_eq!(scene.images(EUROPE).len(), 2, "the copy of one image, and the source of another");
    let asked: BTreeSet<String> = scene.calls("DescribeImages").into_iter().map(|call| call.region).collect();
    assert_eq!(asked.len(), 18, "those that are not enabled are not asked: {asked:?}");
}

#[tokio::test(start_paused = true)]
async fn when_no_region_can_be_read_nothing_is_achieved() {
    let scene = Scene::with(|world| deny(world, "DescribeImages")).await;
    let report = scene.resume(&these(&[HOME, EUROPE])).await.unwrap();
    assert_eq!(report.ending, Ending::NothingAchieved);
    assert_eq!(report.failures.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_permission_lost_while_copies_are_waited_for_ends_resume_at_once() {
    let scene = long_after_a_crash().await;
    let before = scene.elapsed();
    let scope = these(&[HOME]);
    let (report, ()) = tokio::join!(scene.resume(&scope), async {
        scene.pass(SignedDuration::from_secs(10)).await;
        deny(&mut scene.sim.world(), "DescribeImages");
    });
    let report = report.unwrap();
    assert_eq!(report.ending, Ending::SomeFailed);
    assert!(scene.elapsed() - before < SignedDuration::from_mins(1));
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_was_deregistered_on_purpose_is_not_waited_for_all_day() {
    let scene = long_after_a_crash().await;
    let _ = scene.resume(&these(&[HOME])).await.unwrap();
    scene.sim.world().region_mut(EUROPE).images.clear();
    let before = scene.elapsed();
    let report = scene.resume(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::SomeFailed);
    assert!(scene.elapsed() - before < SignedDuration::from_mins(10), "{:?}", scene.elapsed() - before);
    insta::assert_snapshot!(report, @"eu-west-1  copy of ami-09d40897aa65e0c57 in us-east-1: not copied: EC2 has made ami-09bc0e13c32d1b883 of it before, and that is not there any more");
}

#[tokio::test(start_paused = true)]
async fn a_disabled_copy_is_a_copy() {
    let scene = long_after_a_crash().await;
    let _ = scene.resume(&these(&[HOME])).await.unwrap();
    scene.sim.world().region_mut(EUROPE).images.values_mut().for_each(|image| image.state = ImageState::Disabled);
    assert_eq!(scene.resume(&these(&[HOME])).await.unwrap().ending, Ending::Done);
    assert_eq!(scene.images(EUROPE).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_source_of_an_older_copy_that_goes_while_it_is_waited_for_is_told() {
    let scene = long_after_a_crash().await;
    let scope = these(&[HOME]);
    let (report, ()) = tokio::join!(scene.resume(&scope), async {
        scene.pass(SignedDuration::from_secs(10)).await;
        scene.sim.world().region_mut(HOME).images.clear();
    });
    let report = report.unwrap();
    assert!(matches!(standing(&report, EUROPE), Standing::SourceUnusable { .. }));
    assert!(scene.elapsed() < SignedDuration::from_mins(20));
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_is_taken_off_while_it_is_waited_for_is_withdrawn() {
    let scene = Scene::new().await;
    let request = scene.backup_of(WEB).copied_to(EUROPE).copied_to(WEST);
    let (report, ()) = tokio::join!(scene.image(&request), async {
        scene.pass(SignedDuration::from_secs(10)).await;
        let mut world = scene.sim.world();
        world.region_mut(HOME).images.values_mut().next().unwrap().tags.remove("ami-backup:copy-to:eu-west-1");
    });
    assert_eq!(report.unwrap().ending, Ending::Done);
    assert!(scene.elapsed() < SignedDuration::from_mins(10));
    assert!(scene.images(EUROPE).is_empty());
    assert_one_good_copy(&scene, WEST);
}

#[tokio::test(start_paused = true)]
async fn more_sources_than_one_filter_holds_are_looked_for_all() {
    let scene = Scene::with(|world| {
        for number in 0..250 {
            let source = Stock::by_the_scripts(WEB).image_tag("ami-backup:copy-to:eu-west-1", "until=2026-11-24T12:00:00Z");
            let source = source.put(world, HOME);
            if number != 77 {
                Stock::by_the_scripts(WEB).copied_from(HOME, &source.image).put(world, EUROPE);
            }
        }
    })
    .await;
    let report = scene.resume(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(scene.mutating_calls(), ["CopyImage"]);
    assert_eq!(report.copies.len(), 1, "what was done before is no news");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_at_the_destination_leads_to_the_next() {
    let scene = after_a_crash().await;
    let name = scene.only_image(HOME).name;
    Stock::image().name(&name).put(&mut scene.sim.world(), EUROPE);
    let report = scene.resume(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    let names: Vec<String> = scene.images(EUROPE).into_iter().map(|image| image.name).collect();
    assert_eq!(names, [name.clone(), format!("{name}(2)")]);
}

#[tokio::test(start_paused = true)]
async fn more_copies_than_ec2_makes_at_a_time_wait_their_turn() {
    let scene = Scene::with(|world| {
        world.manners.concurrent_image_copies = 1;
        world.manners.copy_pace.start = SignedDuration::from_mins(20);
    })
    .await;
    let (web, db) = (scene.backup_of(WEB).copied_to(EUROPE), scene.backup_of(DB).copied_to(EUROPE));
    let (web, db) = tokio::join!(scene.image(&web), scene.image(&db));
    assert_eq!((web.unwrap().ending, db.unwrap().ending), (Ending::Done, Ending::Done));
    assert_eq!(scene.images(EUROPE).len(), 2);
    let waits = scene.events().into_iter().filter(|event| matches!(event, Event::Waiting(_))).count();
    assert_eq!(waits, 1, "told once, not at every turn");
}

#[tokio::test(start_paused = true)]
async fn when_patience_runs_out_before_a_copy_is_done_it_is_still_in_flight() {
    // One copy has failed, and the other is under way: the rest is not done.
    let scene = Scene::with(|world| {
        world.fail_next.copy.push(StateReason::from("internal error"));
        world.manners.copy_pace.start = SignedDuration::from_secs(1);
    })
    .await;
    let (report, ()) = {
        let request = ImageRequest { patience: SignedDuration::from_mins(5), ..scene.backup_of(WEB).copied_to(EUROPE).copied_to(WEST) };
        let sim = scene.sim.clone();
        tokio::join!(async { scene.image(&request).await }, async {
            scene.pass(SignedDuration::from_secs(30)).await;
            sim.world().manners.copy_pace.per_gib = SignedDuration::from_mins(5);
        })
    };
    let report = report.unwrap();
    assert_eq!(report.ending, Ending::StillInFlight);
    assert_eq!(scene.elapsed(), SignedDuration::from_mins(5));
}

#[tokio::test(start_paused = true)]
async fn with_nothing_to_finish_resume_says_so() {
    let scene = Scene::new().await;
    let report = scene.resume(&all_enabled()).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    insta::assert_snapshot!(report, @"nothing to finish");
    assert!(scene.mutating_calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn when_the_regions_cannot_be_listed_nothing_is_achieved() {
    let scene = Scene::with(|world| deny(world, "DescribeRegions")).await;
    let error = scene.resume(&all_enabled()).await.unwrap_err();
    assert!(error.to_string().contains("The permission ec2:DescribeRegions is missing"), "{error}");
}
