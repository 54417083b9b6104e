//! `image-instance` up to the image itself: what is asked of EC2, what is waited for, and what is refused.

use ec2_sim::world::{ImageState, InstanceState, StateReason, Tags};
use ec2_sim::{FaultKind, Outcome, Which};
use engine::{Ending, Event, RunError};
use jiff::SignedDuration;
use planner::inventory;
use planner::policy::ImageRequest;

use crate::common::*;

#[tokio::test(start_paused = true)]
async fn image_and_snapshots_are_tagged_in_the_creating_call() {
    let scene = Scene::new().await;
    let report = scene.image(&scene.backup_of(DB).expiring("2026-11-29T12:00:00Z")).await.unwrap();
    assert_eq!(report.ending, Ending::Done);

    let image = scene.only_image(HOME);
    assert_eq!(image.state, ImageState::Available);
    let written = tags(&[
        ("AvailabilityZone", "us-east-1a"),
        ("Creator", "image-instance"),
        ("Date", "2026-11-22T12:00:00Z"),
        ("Expire", "2026-11-29T12:00:00Z"),
        ("Instance", DB),
        ("Name", "backup-ami@db-1"),
    ]);
    assert_eq!(image.tags, written);
    let snapshots = scene.snapshots_of(HOME, &image);
    assert_eq!(snapshots.len(), 3, "one for each volume");
    assert!(snapshots.iter().all(|snapshot| snapshot.tags == written));
    assert_eq!(scene.mutating_calls(), ["CreateImage"]);
}

#[tokio::test(start_paused = true)]
async fn the_name_tells_instance_and_slot_and_starts_as_the_scripts_did() {
    let scene = Scene::new().await;
    let _ = scene.image(&scene.backup_of(WEB)).await.unwrap();
    let image = scene.only_image(HOME);
    insta::assert_snapshot!(image.name, @"backup-ami_web-1_i-0eb1eb1eb1eb10001_20261122T120000Z_04f1f86d");
    insta::assert_snapshot!(image.description.unwrap(), @"backup-ami for web-1");
    assert!(!image.tags.contains_key("Expire"), "without -e nothing expires");
}

#[tokio::test(start_paused = true)]
async fn the_instance_is_rebooted_only_if_asked() {
    for reboot in [false, true] {
        let scene = Scene::new().await;
        let _ = scene.image(&ImageRequest { reboot, ..scene.backup_of(WEB) }).await.unwrap();
        assert_eq!(scene.held(HOME).instances[WEB].reboots.len(), usize::from(reboot));
    }
}

#[tokio::test(start_paused = true)]
async fn names_of_every_kind_are_backed_up() {
    let long = "x".repeat(200);
    let longest = "ü".repeat(256);
    let names = [
        "db, prod",
        r#"the "best" one's\name"#,
        "two\nlines\tand a tab",
        "🚀 größer 日本語",
        "日本語",
        "a,b=c;d|e&f<g>h",
        "$(reboot) `reboot` %s",
        " ",
        &long,
        &longest,
    ];
    for name in names {
        let scene = Scene::with(|world| {
            world.region_mut(HOME).instances.get_mut(WEB).unwrap().tags.insert("Name".to_owned(), name.to_owned());
        })
        .await;
        let report = scene.image(&scene.backup_of(WEB)).await.unwrap();
        assert_eq!(report.ending, Ending::Done, "{name:?}");
        let image = scene.only_image(HOME);
        assert!(image.name.starts_with("backup-ami_") && image.name.contains(WEB) && image.name.len() <= 128, "{}", image.name);
        let whole: String = format!("backup-ami@{name}").chars().take(256).collect();
        assert_eq!(image.tags["Name"], whole);
        assert!(scene.snapshots_of(HOME, &image).iter().all(|snapshot| snapshot.tags == image.tags));
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_without_a_name_is_called_by_its_id() {
    for name in [None, Some("")] {
        let scene = Scene::with(|world| {
            let tags = &mut world.region_mut(HOME).instances.get_mut(WEB).unwrap().tags;
            *tags = name.map(|name| ("Name".to_owned(), name.to_owned())).into_iter().collect();
        })
        .await;
        let _ = scene.image(&scene.backup_of(WEB)).await.unwrap();
        assert_eq!(scene.only_image(HOME).tags["Name"], format!("backup-ami@{WEB}"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_with_fifty_tags_is_backed_up() {
    let scene = Scene::with(|world| {
        let many: Tags = (1..50).map(|number| (format!("key {number}"), "value".to_owned())).collect();
        world.region_mut(HOME).instances.get_mut(WEB).unwrap().tags.extend(many);
    })
    .await;
    assert_eq!(scene.held(HOME).instances[WEB].tags.len(), 50);
    let report = scene.image(&scene.backup_of(WEB).copied_to(EUROPE)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_instance_is_backed_up() {
    let scene = in_state(InstanceState::Stopped).await;
    assert_eq!(scene.image(&scene.backup_of(WEB)).await.unwrap().ending, Ending::Done);
}

#[tokio::test(start_paused = true)]
async fn a_terminated_instance_is_refused_in_one_sentence() {
    let scene = in_state(InstanceState::Terminated).await;
    let error = scene.image(&scene.backup_of(WEB)).await.unwrap_err();
    insta::assert_snapshot!(error, @"instance i-0eb1eb1eb1eb10001 in us-east-1 is terminated: EC2 makes images of running and stopped instances only");
    assert!(scene.mutating_calls().is_empty());
}

async fn in_state(state: InstanceState) -> Scene {
    Scene::with(|world| world.region_mut(HOME).instances.get_mut(WEB).unwrap().state = state).await
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_not_there_is_named() {
    let scene = Scene::new().await;
    let unknown = scene.image(&scene.backup_of("i-00000000000000bad")).await.unwrap_err();
    insta::assert_snapshot!(unknown, @"there is no instance i-00000000000000bad in us-east-1");
    let elsewhere = scene.image(&ImageRequest { region: region(EUROPE), ..scene.backup_of(WEB) }).await.unwrap_err();
    insta::assert_snapshot!(elsewhere, @"there is no instance i-0eb1eb1eb1eb10001 in eu-west-1");
    assert!(scene.mutating_calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn ec2_is_asked_after_two_seconds_and_then_ever_less_often() {
    let scene = Scene::new().await;
    let report = scene.image(&scene.backup_of(DB)).await.unwrap();
    insta::assert_snapshot!(format!("{:.1?}", scene.seconds_of("DescribeImages")), @"[0.0, 2.0, 5.0, 9.5, 16.2, 26.4, 41.4, 56.4, 71.4, 86.4, 101.4, 116.4, 131.4, 146.4, 161.4, 176.4]");
    assert_eq!(report.finished.duration_since(report.started), scene.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_state_is_told_once() {
    let scene = Scene::new().await;
    let _ = scene.image(&scene.backup_of(WEB)).await.unwrap();
    let image = planner_id(&scene.only_image(HOME));
    let name = scene.only_image(HOME).name;
    assert_eq!(
        scene.events(),
        [
            Event::ImageRequested { region: region(HOME), image: image.clone(), name },
            Event::State { region: region(HOME), image, state: inventory::ImageState::Available },
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_image_that_fails_achieves_nothing_and_says_why() {
    let scene = Scene::with(|world| {
        world.fail_next.image.push(StateReason::new("Client.InstanceTerminated", "Instance was terminated during image creation"));
    })
    .await;
    let report = scene.image(&scene.backup_of(WEB).copied_to(EUROPE)).await.unwrap();
    assert_eq!(report.ending, Ending::NothingAchieved);
    let image = report.image.as_ref().unwrap();
    assert_eq!(image.state, inventory::ImageState::Failed);
    assert_eq!(image.reason.as_deref(), Some("Instance was terminated during image creation"));
    assert!(scene.images(EUROPE).is_empty());
    assert!(scene.elapsed() < SignedDuration::from_mins(2), "its copies are not waited for");
}

#[tokio::test(start_paused = true)]
async fn an_image_deregistered_by_somebody_while_it_is_waited_for_achieves_nothing() {
    let scene = Scene::new().await;
    let request = scene.backup_of(DB).copied_to(EUROPE);
    let (report, ()) = tokio::join!(scene.image(&request), async {
        scene.pass(SignedDuration::from_secs(30)).await;
        scene.sim.world().region_mut(HOME).images.clear();
    });
    let report = report.unwrap();
    assert_eq!(report.ending, Ending::NothingAchieved);
    assert_eq!(report.image.unwrap().state, inventory::ImageState::Deregistered);
    assert!(scene.elapsed() < SignedDuration::from_mins(2));
}

#[tokio::test(start_paused = true)]
async fn when_patience_runs_out_it_is_still_in_flight_and_nothing_is_deleted() {
    let scene = Scene::new().await;
    let request = ImageRequest { patience: SignedDuration::from_secs(60), ..scene.backup_of(DB).copied_to(EUROPE) };
    let report = scene.image(&request).await.unwrap();
    assert_eq!(report.ending, Ending::StillInFlight);
    assert_eq!(scene.elapsed(), SignedDuration::from_secs(60), "the clock on the wall");
    assert_eq!(scene.mutating_calls(), ["CreateImage"]);
    scene.pass(SignedDuration::from_mins(10)).await;
    assert_eq!(scene.only_image(HOME).state, ImageState::Available);
}

#[tokio::test(start_paused = true)]
async fn without_waiting_the_image_is_asked_for_and_that_is_that() {
    let scene = Scene::new().await;
    let report = scene.image_how(NO_WAIT, &scene.backup_of(DB).copied_to(EUROPE)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(scene.elapsed(), SignedDuration::ZERO);
    assert_eq!(scene.mutating_calls(), ["CreateImage"]);
    assert_eq!(report.image.unwrap().state, inventory::ImageState::Pending);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_changes_nothing_and_prints_the_plan() {
    let scene = Scene::new().await;
    let request = scene.backup_of(WEB).expiring("2026-11-29T12:00:00Z").copied_to(EUROPE);
    let before = scene.sim.snapshot();
    let report = scene.image_how(DRY_RUN, &request).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert!(scene.mutating_calls().is_empty());
    assert_eq!(before.accounts, scene.sim.snapshot().accounts);
    insta::assert_snapshot!(report, @r"
    us-east-1  would image i-0eb1eb1eb1eb10001 as backup-ami_web-1_i-0eb1eb1eb1eb10001_20261122T120000Z_ded77281
               tagged AvailabilityZone=us-east-1a | Creator=image-instance | Date=2026-11-22T12:00:00Z | Expire=2026-11-29T12:00:00Z | Instance=i-0eb1eb1eb1eb10001 | Name=backup-ami@web-1 | ami-backup:copy-to:eu-west-1=until=2026-11-24T12:00:00Z
    eu-west-1  would copy it once it is available
    ");

    // What is then done is what was said.
    let planned = report.planned;
    let _ = scene.image(&request).await.unwrap();
    let engine::report::PlannedStep::CreateImage { name, tags, .. } = &planned[0] else { panic!("{planned:?}") };
    let image = scene.only_image(HOME);
    assert_eq!(image.name, *name);
    assert_eq!(image.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect::<Vec<_>>(), tags.iter().collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn two_cron_lines_in_one_second_are_two_backups() {
    let scene = Scene::new().await;
    let daily = scene.backup_of(WEB).expiring("2026-11-29T12:00:00Z");
    let monthly = scene.backup_of(WEB).expiring("2026-12-22T12:00:00Z");
    let (daily, monthly) = tokio::join!(scene.image(&daily), scene.image(&monthly));
    assert_eq!((daily.unwrap().ending, monthly.unwrap().ending), (Ending::Done, Ending::Done));
    let images = scene.images(HOME);
    let expiries: Vec<&str> = images.iter().map(|image| image.tags["Expire"].as_str()).collect();
    assert_eq!(images.len(), 2);
    assert!(expiries.contains(&"2026-11-29T12:00:00Z") && expiries.contains(&"2026-12-22T12:00:00Z"));
}

#[tokio::test(start_paused = true)]
async fn two_instances_of_one_name_in_one_second_are_two_backups() {
    let scene = Scene::with(|world| {
        world.region_mut(HOME).instances.get_mut(DB).unwrap().tags.insert("Name".to_owned(), "web-1".to_owned());
    })
    .await;
    let (web, db) = (scene.backup_of(WEB), scene.backup_of(DB));
    let (web, db) = tokio::join!(scene.image(&web), scene.image(&db));
    assert_eq!((web.unwrap().ending, db.unwrap().ending), (Ending::Done, Ending::Done));
    assert_eq!(scene.images(HOME).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_request_twice_is_one_image() {
    let scene = Scene::new().await;
    let request = scene.backup_of(WEB).expiring("2026-11-29T12:00:00Z");
    let _ = scene.image_how(NO_WAIT, &request).await.unwrap();
    let again = scene.image(&request).await.unwrap();
    assert_eq!(again.ending, Ending::Done);
    assert_eq!(again.image.unwrap().image, planner_id(&scene.only_image(HOME)));
    assert_eq!(scene.mutating_calls(), ["CreateImage"]);
}

#[tokio::test(start_paused = true)]
async fn the_same_request_twice_at_once_is_one_image() {
    let scene = Scene::new().await;
    let request = scene.backup_of(WEB);
    let (one, other) = tokio::join!(scene.image(&request), scene.image(&request));
    assert_eq!((one.unwrap().ending, other.unwrap().ending), (Ending::Done, Ending::Done));
    assert_eq!(scene.images(HOME).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_by_something_else_leads_to_the_next_attempt() {
    let wanted = {
        let scene = Scene::new().await;
        let _ = scene.image(&scene.backup_of(WEB)).await.unwrap();
        scene.only_image(HOME).name
    };
    // Held by an image of another instance, without a tag of ours; hidden, because it is disabled; failed.
    let foreign = Stock::image().name(&wanted);
    for holder in [foreign.clone(), foreign.state(ImageState::Disabled), Stock::by_the_scripts(WEB).name(&wanted).state(ImageState::Failed)]
    {
        let scene = Scene::with(|world| {
            holder.put(world, HOME);
        })
        .await;
        let report = scene.image(&scene.backup_of(WEB)).await.unwrap();
        assert_eq!(report.ending, Ending::Done);
        assert_eq!(report.image.unwrap().name, format!("{wanted}.2"));
        assert!(scene.seconds_of("CreateImage").into_iter().all(|second| second < 3.0), "as soon as it is seen whose the name is");
        assert_eq!(scene.images(HOME).len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_taken_by_an_image_that_cannot_be_seen_yet_is_looked_for_first() {
    let scene = Scene::with(|world| world.manners.visibility_lag = SignedDuration::from_secs(20)).await;
    scene.fault("CreateImage", Which::First(1), FaultKind::LostAnswer);
    let report = scene.image(&scene.backup_of(WEB)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(report.image.unwrap().image, planner_id(&scene.only_image(HOME)));
}

#[tokio::test(start_paused = true)]
async fn when_all_names_are_taken_it_says_so() {
    let wanted = {
        let scene = Scene::new().await;
        let _ = scene.image(&scene.backup_of(WEB)).await.unwrap();
        scene.only_image(HOME).name
    };
    let scene = Scene::with(|world| {
        Stock::image().name(&wanted).put(world, HOME);
        for attempt in 2..=5 {
            Stock::image().name(&format!("{wanted}.{attempt}")).put(world, HOME);
        }
    })
    .await;
    let error = scene.image(&scene.backup_of(WEB)).await.unwrap_err();
    assert!(matches!(error, RunError::NamesTaken(_)), "{error}");
    assert_eq!(scene.images(HOME).len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_second_image_of_the_same_volumes_waits_its_turn() {
    let scene = Scene::new().await;
    let _ = scene.image_how(NO_WAIT, &scene.backup_of(WEB)).await.unwrap();
    scene.pass(SignedDuration::from_secs(1)).await;
    let report = scene.image(&scene.backup_of(WEB)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    let created = scene.calls("CreateImage");
    let outcomes: Vec<&Outcome> = created.iter().map(|call| &call.outcome).collect();
    assert_eq!(outcomes, [&Outcome::Ok, &Outcome::Error("SnapshotCreationPerVolumeRateExceeded".to_owned()), &Outcome::Ok]);
    assert_eq!(created[2].at.duration_since(created[0].at), SignedDuration::from_secs(16), "as soon as may be after fifteen seconds");
}

#[tokio::test(start_paused = true)]
async fn without_waiting_a_second_image_of_the_same_volumes_waits_its_turn_all_the_same() {
    let scene = Scene::new().await;
    let _ = scene.image_how(NO_WAIT, &scene.backup_of(WEB)).await.unwrap();
    scene.pass(SignedDuration::from_secs(1)).await;
    let report = scene.image_how(NO_WAIT, &scene.backup_of(WEB)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(scene.images(HOME).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_does_not_make_a_second_image() {
    let scene = Scene::new().await;
    scene.fault("CreateImage", Which::Nth(1), FaultKind::LostAnswer);
    let report = scene.image(&scene.backup_of(WEB)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(report.image.unwrap().image, planner_id(&scene.only_image(HOME)));
}

/// Found by the proof: seeds 2106 and others of its door `image`.
#[tokio::test(start_paused = true)]
async fn an_image_is_found_though_every_answer_is_unreadable() {
    let hotel = FaultKind::Body { status: 200, content_type: "text/html".to_owned(), body: b"<html>Welcome</html>".to_vec() };
    for kind in [FaultKind::Truncated, FaultKind::ResetMidBody { after_bytes: 100 }, hotel] {
        let scene = Scene::new().await;
        scene.fault("CreateImage", Which::First(100), kind.clone());
        let report = scene.image(&scene.backup_of(WEB)).await.unwrap();
        assert_eq!((report.ending, report.image.unwrap().image), (Ending::Done, planner_id(&scene.only_image(HOME))), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_lost_answer_does_not_hide_the_image() {
    let scene = Scene::new().await;
    scene.fault("CreateImage", Which::Nth(1), FaultKind::LostAnswer);
    scene.fault("CreateImage", Which::Nth(2), FaultKind::expired_credentials());
    let report = scene.image(&scene.backup_of(WEB)).await.unwrap();
    assert_eq!((report.ending, report.image.unwrap().image), (Ending::Done, planner_id(&scene.only_image(HOME))));
}

#[tokio::test(start_paused = true)]
async fn whoever_cannot_look_does_not_say_that_there_is_no_image() {
    let denied_then = Scene::new().await;
    denied_then.fault("CreateImage", Which::Nth(1), FaultKind::LostAnswer);
    denied_then.fault("DescribeImages", Which::From(2), denied("DescribeImages"));
    let error = denied_then.image(&denied_then.backup_of(WEB)).await.unwrap_err();
    assert!(matches!(error, RunError::Unanswered { .. }), "{error}");
    let no_time = Scene::new().await;
    for kind in [FaultKind::internal_error().after_effect(), FaultKind::LostAnswer] {
        no_time.fault("CreateImage", Which::First(100), kind);
        let request = ImageRequest { patience: SignedDuration::from_secs(1), ..no_time.backup_of(WEB) };
        let error = no_time.image(&request).await.unwrap_err();
        assert!(matches!(error, RunError::Unanswered { .. }), "{error}");
    }
}

/// Found by the proof: seed 5198 of its door `image`.
#[tokio::test(start_paused = true)]
async fn a_name_taken_by_an_image_that_nobody_can_look_for_leaves_it_open_whether_there_is_one() {
    let scene = Scene::new().await;
    scene.fault("CreateImage", Which::Nth(1), FaultKind::LostAnswer);
    scene.fault("DescribeImages", Which::From(2), FaultKind::internal_error());
    let error = scene.image(&scene.backup_of(WEB)).await.unwrap_err();
    assert!(matches!(error, RunError::Unanswered { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_image_whose_answers_are_all_lost_is_found() {
    let scene = Scene::new().await;
    scene.fault("CreateImage", Which::Nth(1), FaultKind::LostAnswer);
    scene.fault("CreateImage", Which::From(2), FaultKind::Hang);
    let report = scene.image(&scene.backup_of(WEB)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(report.image.unwrap().image, planner_id(&scene.only_image(HOME)));
}

#[tokio::test(start_paused = true)]
async fn lost_requests_and_busy_moments_are_overcome() {
    for kind in [FaultKind::LostRequest, FaultKind::throttled(), error(500, "InternalError", "An internal error has occurred")] {
        let scene = Scene::new().await;
        for action in ["DescribeInstances", "DescribeRegions", "DescribeImages", "CreateImage", "CopyImage"] {
            scene.fault(action, Which::First(2), kind.clone());
        }
        let report = scene.image(&scene.backup_of(WEB).copied_to(EUROPE)).await.unwrap();
        assert_eq!(report.ending, Ending::Done, "{kind:?}");
        assert_eq!((scene.images(HOME).len(), scene.images(EUROPE).len()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_night_in_which_ec2_throttles_is_waited_out() {
    let scene = Scene::new().await;
    scene.fault("CreateImage", Which::First(60), FaultKind::throttled());
    let report = scene.image(&scene.backup_of(WEB)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(scene.images(HOME).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_ec2_puts_off_until_patience_is_over_is_none() {
    let scene = Scene::new().await;
    scene.fault("CreateImage", Which::All, FaultKind::throttled());
    let report = scene.image(&ImageRequest { patience: SignedDuration::from_mins(5), ..scene.backup_of(WEB) }).await.unwrap();
    assert_eq!((report.ending, report.image), (Ending::NothingAchieved, None));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_keeps_failing_is_given_up_within_thirty_seconds() {
    let failures =
        [FaultKind::Hang, FaultKind::throttled(), FaultKind::LostRequest, error(500, "InternalError", "An internal error has occurred")];
    for kind in failures {
        for action in [None, Some("DescribeInstances"), Some("DescribeImages"), Some("CreateImage")] {
            // That is EC2 asking to wait, and waited for.
            if action == Some("CreateImage") && matches!(kind, FaultKind::Error { status: 503, .. }) {
                continue;
            }
            let scene = Scene::new().await;
            scene.fault_of(action, Which::All, kind.clone());
            let result = scene.image(&scene.backup_of(WEB)).await;
            match result {
                Err(RunError::Failed(failure)) => assert!(failure.is_passing()),
                // Whether there is an image is not known then, and that is said.
                Err(RunError::Unanswered { name, .. }) => assert!(action == Some("CreateImage") && name.starts_with("backup-ami")),
                result => panic!("{action:?} {kind:?}: {result:?}"),
            }
            assert!(scene.elapsed() <= SignedDuration::from_secs(30), "{action:?} {kind:?}: {:?}", scene.elapsed());
            assert!(scene.images(HOME).is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_while_waiting_is_waited_out() {
    let scene = Scene::new().await;
    let request = scene.backup_of(WEB);
    let (report, ()) = tokio::join!(scene.image(&request), async {
        scene.pass(SignedDuration::from_secs(1)).await;
        // The next hundred polls, the SDK's own repetitions among them.
        scene.fault("DescribeImages", Which::First(100), FaultKind::throttled());
    });
    assert_eq!(report.unwrap().ending, Ending::Done);
    assert!(scene.events().iter().any(|event| matches!(event, Event::Waiting(_))));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_endpoint_while_waiting_does_not_outlast_patience() {
    let scene = Scene::new().await;
    let request = ImageRequest { patience: SignedDuration::from_mins(5), ..scene.backup_of(DB) };
    let (report, ()) = tokio::join!(scene.image(&request), async {
        scene.pass(SignedDuration::from_secs(1)).await;
        scene.fault("DescribeImages", Which::All, FaultKind::Hang);
    });
    let report = report.unwrap();
    assert_eq!(report.ending, Ending::StillInFlight);
    assert!(!report.failures.is_empty(), "why it is not known to be done is told");
    assert!(scene.elapsed() <= SignedDuration::from_secs(5 * 60 + 30), "{:?}", scene.elapsed());
}

#[tokio::test(start_paused = true)]
async fn throttling_while_an_image_waits_its_turn_is_waited_out() {
    let scene = Scene::new().await;
    let _ = scene.image_how(NO_WAIT, &scene.backup_of(WEB)).await.unwrap();
    scene.pass(SignedDuration::from_secs(1)).await;
    let request = scene.backup_of(WEB);
    let (report, ()) = tokio::join!(scene.image(&request), async {
        scene.pass(SignedDuration::from_secs(1)).await;
        scene.fault("DescribeImages", Which::First(30), FaultKind::throttled());
    });
    assert_eq!(report.unwrap().ending, Ending::Done);
    assert_eq!(scene.images(HOME).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn when_nobody_can_say_any_more_whether_the_image_was_made_the_run_ends() {
    for (kind, at_most) in [(FaultKind::Hang, 60), (denied("DescribeImages"), 31)] {
        let scene = Scene::new().await;
        scene.fault("CreateImage", Which::All, FaultKind::Hang);
        scene.fault("DescribeImages", Which::From(2), kind);
        assert!(matches!(scene.image(&scene.backup_of(WEB)).await, Err(RunError::Unanswered { .. })));
        assert!(scene.elapsed() <= SignedDuration::from_secs(at_most), "{:?}", scene.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_followed_is_not_begun() {
    let scene = Scene::with(|world| deny(world, "DescribeImages")).await;
    let error = scene.image(&scene.backup_of(WEB)).await.unwrap_err();
    assert!(error.to_string().contains("The permission ec2:DescribeImages is missing"), "{error}");
    assert!(scene.mutating_calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_permission_lost_while_waiting_ends_the_run_at_once() {
    let scene = Scene::new().await;
    let request = scene.backup_of(DB).copied_to(EUROPE);
    let (report, ()) = tokio::join!(scene.image(&request), async {
        scene.pass(SignedDuration::from_secs(10)).await;
        deny(&mut scene.sim.world(), "DescribeImages");
    });
    let report = report.unwrap();
    assert!(scene.elapsed() < SignedDuration::from_mins(1), "{:?}", scene.elapsed());
    assert_eq!(report.ending, Ending::SomeFailed, "the image was asked for, and nobody can say what became of it");
    assert_eq!(report.failures.len(), 1);
    insta::assert_snapshot!(without_ids(&report.to_string()), @r"
    us-east-1  ami-09d40897aa65e0c57  pending    backup-ami_db-1_i-0db1db1db1db10001_20261122T120000Z_52055898  never expires
    eu-west-1  copy of ami-09d40897aa65e0c57 in us-east-1: waiting for the source image to be available
    failed: DescribeImages in us-east-1 failed with UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/operator is not authorized to perform: ec2:DescribeImages because no identity-based policy allows the ec2:DescribeImages action. The permission ec2:DescribeImages is missing; `ami-backup iam-policy` prints the least policy that is needed (request …)
    ");
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_named() {
    for (action, message) in
        [("CreateImage", "ec2:CreateImage"), ("CreateTags", "ec2:CreateTags"), ("DescribeInstances", "ec2:DescribeInstances")]
    {
        let scene = Scene::with(|world| deny(world, action)).await;
        let error = scene.image(&scene.backup_of(WEB)).await.unwrap_err().to_string();
        assert!(error.contains(&format!("The permission {message} is missing")), "{error}");
        assert!(scene.images(HOME).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_and_closed_regions_are_told_in_a_sentence() {
    let scene = Scene::new().await;
    let closed = scene.image(&ImageRequest { region: region("af-south-1"), ..scene.backup_of(WEB) }).await.unwrap_err();
    insta::assert_snapshot!(without_ids(&closed.to_string()), @"DescribeInstances in af-south-1 failed with AuthFailure: AWS was not able to validate the provided access credentials. Are the credentials right, and is af-south-1 a region enabled for this account? (request …)");
    scene.fault("DescribeInstances", Which::All, error(400, "RequestExpired", "Request has expired."));
    let expired = scene.image(&scene.backup_of(WEB)).await.unwrap_err();
    insta::assert_snapshot!(without_ids(&expired.to_string()), @"DescribeInstances in us-east-1 failed with RequestExpired: Request has expired. Check the credentials: `aws sts get-caller-identity` with the same profile must work (request …)");
    assert!(scene.mutating_calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn interrupted_while_waiting_it_leaves_what_can_be_finished() {
    let scene = Scene::new().await;
    let request = scene.backup_of(WEB).copied_to(EUROPE);
    scene.interrupt_at(|event| matches!(event, Event::ImageRequested { .. }));
    let report = scene.image(&request).await.unwrap();
    assert_eq!(report.ending, Ending::Interrupted);
    assert_eq!(scene.elapsed(), SignedDuration::ZERO);

    let scene = scene.again().await;
    let resumed = scene.resume(&these(&[HOME])).await.unwrap();
    assert_eq!(resumed.ending, Ending::Done);
    assert_eq!((scene.images(HOME).len(), scene.images(EUROPE).len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn interrupted_before_anything_it_changes_nothing() {
    let scene = Scene::new().await;
    scene.stop.request();
    let report = scene.image(&scene.backup_of(WEB)).await.unwrap();
    assert_eq!(report.ending, Ending::Interrupted);
    assert!(report.image.is_none());
    assert!(scene.mutating_calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_report_reads_like_this() {
    let scene = Scene::new().await;
    let request = scene.backup_of(WEB).expiring("2026-11-29T12:00:00Z").copied_to(EUROPE);
    let report = scene.image(&request).await.unwrap();
    insta::assert_snapshot!(report, @r"
    us-east-1  ami-09d40897aa65e0c57  available  backup-ami_web-1_i-0eb1eb1eb1eb10001_20261122T120000Z_ded77281  expires 2026-11-29T12:00:00Z
    eu-west-1  ami-09bc0e13c32d1b883  available  copy of ami-09d40897aa65e0c57 in us-east-1
    ");
}
