//! What a policy wants of backups beyond their making: a date of deprecation and protection, whichever run comes to it, and once.

use ec2_sim::world::{DeregistrationProtection, Image, ImageState};
use ec2_sim::{FaultKind, Which};
use engine::report::RunReport;
use engine::{Ending, outcome::Class};
use jiff::SignedDuration;

use crate::common::*;

const DEPRECATE: &str = "EnableImageDeprecation";
const PROTECT: &str = "EnableImageDeregistrationProtection";

/// One instance, due every midnight, copied to Europe; the newest one is kept.
const WEB_ONLY: &str = r#"
[[target]]
name = "web"
regions = ["us-east-1"]
select = { ids = ["i-0eb1eb1eb1eb10001"] }
every = "1d"
keep-last = 1
deprecate-after = "30d"
protect = true
copy = [{ region = "eu-west-1" }]
"#;

fn without_copy(policy: &str) -> String {
    policy.lines().filter(|line| !line.starts_with("copy")).collect::<Vec<_>>().join("\n")
}

/// Of each image in a region: its date of deprecation, and whether it is protected.
fn state(scene: &Scene, region: &str) -> Vec<(Option<String>, bool)> {
    let is_protected = |protection| protection != DeregistrationProtection::Disabled;
    let images = scene.images(region).into_iter();
    images.map(|image| (image.deprecation_time.map(|at| at.to_string()), is_protected(image.deregistration_protection))).collect()
}

fn date() -> String {
    "2026-12-22T00:00:00Z".to_owned()
}

fn assert_whole(scene: &Scene) {
    assert_eq!([state(scene, HOME), state(scene, EUROPE)], [vec![(Some(date()), true)], vec![(Some(date()), true)]]);
}

/// What a run has mended, without ids.
fn mended(report: &RunReport) -> Vec<String> {
    report.accounts[0].mended.iter().map(|mend| format!("{} {}", mend.region, mend.wish)).collect()
}

async fn run(scene: &Scene, policy: &str) -> RunReport {
    scene.run_policy(How::default(), policy).await
}

#[tokio::test(start_paused = true)]
async fn a_backup_and_its_copy_get_what_the_policy_wants_and_a_second_run_finds_nothing_to_do() {
    let scene = Scene::new().await;
    let report = run(&scene, WEB_ONLY).await;
    assert_eq!(report.ending, Ending::Done);
    assert_whole(&scene);
    insta::assert_snapshot!(report, @"
    web
      us-east-1  i-0eb1eb1eb1eb10001  web-1:
        ami-09d40897aa65e0c57 available for 2026-11-22 00:00Z
      eu-west-1  ami-09bc0e13c32d1b883  web-1 of 2026-11-22 12:00Z:
        deprecated from 2026-12-22 00:00Z, protected from deregistration
      us-east-1  ami-09d40897aa65e0c57  web-1 of 2026-11-22 12:00Z:
        deprecated from 2026-12-22 00:00Z, protected from deregistration
    copies
      eu-west-1  ami-09bc0e13c32d1b883  of ami-09d40897aa65e0c57 in us-east-1
    made 1, copied 1, purged 0, kept 2, mended 2
    ");
    assert_eq!(scene.mutating_calls(), ["CreateImage", "CopyImage", DEPRECATE, PROTECT, DEPRECATE, PROTECT]);
    let scene = scene.again().await;
    let report = run(&scene, WEB_ONLY).await;
    assert_eq!((report.ending, report.accounts[0].mended.len()), (Ending::Done, 0));
    assert_eq!(scene.mutating_calls().len(), 6);
    insta::assert_snapshot!(report, @"made 0, copied 0, purged 0, kept 2");
}

#[tokio::test(start_paused = true)]
async fn what_is_planned_is_shown_and_not_done() {
    let scene = Scene::new().await;
    insta::assert_snapshot!(scene.run_policy(DRY_RUN, WEB_ONLY).await, @"
    web
      us-east-1  i-0eb1eb1eb1eb10001  web-1: would be imaged for 2026-11-22 00:00Z
        then copied to eu-west-1
        then deprecated from 2026-12-22 00:00Z
        then protected from deregistration
    in no target
      us-east-1  i-0db1db1db1db10001  db-1: is not selected: web does not name it
    would make 1, copy 1, purge 0, keep 0
    ");
    let unwanted = WEB_ONLY.replace("protect = true", "").replace("deprecate-after = \"30d\"", "");
    let _ = run(&scene, &unwanted).await;
    assert_eq!(scene.mutating_calls(), ["CreateImage", "CopyImage"], "nobody wants more");
    let later = without_copy(&WEB_ONLY.replace("protect = true", "protect = 'with-cooldown'"));
    let report = scene.run_policy(DRY_RUN, &later).await;
    insta::assert_snapshot!(report, @"
    web
      us-east-1  i-0eb1eb1eb1eb10001  web-1:
        has 2026-11-22 00:00Z, next 2026-11-23 00:00Z
      us-east-1  keep   ami-09d40897aa65e0c57  web-1 of 2026-11-22 12:00Z:
        last 1 of 1
      us-east-1  ami-09d40897aa65e0c57  web-1 of 2026-11-22 12:00Z:
        would be deprecated from 2026-12-22 00:00Z, protected from deregistration with a day's cooldown
    in no target
      us-east-1  i-0db1db1db1db10001  db-1: is not selected: web does not name it
    would make 0, copy 0, purge 0, keep 1, mend 1
    ");
    assert_eq!(scene.mutating_calls().len(), 2);
    assert_eq!(state(&scene, HOME), [(None, false)]);
}

#[tokio::test(start_paused = true)]
async fn what_a_run_did_not_wait_for_the_next_one_mends() {
    let scene = Scene::new().await;
    let report = scene.run_policy(NO_WAIT, WEB_ONLY).await;
    assert_eq!((report.ending, report.accounts[0].mended.len()), (Ending::Done, 0), "a pending image is left alone");
    scene.pass(SignedDuration::from_mins(10)).await;
    let scene = scene.again().await;
    let report = scene.run_policy(NO_WAIT, WEB_ONLY).await;
    assert_eq!(
        mended(&report),
        ["us-east-1 deprecated from 2026-12-22 00:00Z", "us-east-1 protected from deregistration"],
        "and so is the copy that was only asked for now"
    );
    scene.pass(SignedDuration::from_mins(10)).await;
    let scene = scene.again().await;
    let _ = scene.run_policy(NO_WAIT, WEB_ONLY).await;
    assert_whole(&scene);
}

#[tokio::test(start_paused = true)]
async fn between_any_two_calls_a_run_may_end_and_the_next_one_goes_on() {
    // As many of the four calls are made as that, and then EC2 takes no more from this process, however often it asks.
    for made in 0..4 {
        let scene = Scene::new().await;
        let calls = [(HOME, DEPRECATE), (HOME, PROTECT), (EUROPE, DEPRECATE), (EUROPE, PROTECT)];
        for (region, action) in &calls[made..] {
            scene.fault_in(region, action, Which::First(8), FaultKind::LostRequest);
        }
        let report = run(&scene, WEB_ONLY).await;
        assert_eq!(report.ending, Ending::SomeFailed);
        assert_eq!((scene.images(HOME).len(), scene.images(EUROPE).len()), (1, 1), "the backups are made all the same");
        let scene = scene.again().await;
        let before: Vec<usize> = [DEPRECATE, PROTECT].iter().map(|action| scene.calls(action).len()).collect();
        let report = run(&scene, WEB_ONLY).await;
        assert_eq!((report.ending, report.accounts[0].mended.len()), (Ending::Done, 4 - made), "{made}: {report}");
        let after: Vec<usize> = [DEPRECATE, PROTECT].iter().map(|action| scene.calls(action).len()).collect();
        assert_eq!(after.iter().sum::<usize>() - before.iter().sum::<usize>(), 4 - made, "{made}: what was done is not asked for again");
        assert_whole(&scene);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again_and_does_no_harm() {
    let scene = Scene::new().await;
    for action in [DEPRECATE, PROTECT] {
        scene.fault(action, Which::Nth(1), FaultKind::LostAnswer);
    }
    assert_eq!(run(&scene, WEB_ONLY).await.ending, Ending::Done);
    assert_whole(&scene);
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_missing_is_told_once_and_the_backups_are_made() {
    let scene = Scene::with(|world| deny(world, DEPRECATE)).await;
    let two = WEB_ONLY.replace("[\"i-0eb1eb1eb1eb10001\"]", "[\"i-0eb1eb1eb1eb10001\", \"i-0db1db1db1db10001\"]");
    let report = run(&scene, &two).await;
    assert_eq!(report.ending, Ending::SomeFailed);
    assert_eq!((scene.images(HOME).len(), scene.images(EUROPE).len()), (2, 2));
    assert!([HOME, EUROPE].iter().all(|region| state(&scene, region) == [(None, true), (None, true)]), "each is protected all the same");
    assert_eq!(scene.calls(DEPRECATE).len(), 2, "once a region");
    assert!(report.accounts[0].failures.iter().all(|failure| failure.class == Class::Denied));
    let json = serde_json::to_value(&report).unwrap();
    let results = json["accounts"][0]["mended"].as_array().unwrap().iter();
    let mut results: Vec<String> = results.map(|mend| format!("{} {}", mend["mend"], mend["result"])).collect();
    results.sort();
    let [failed, not_tried, done] = ["\"deprecation\" \"failed\"", "\"deprecation\" \"not_tried\"", "\"protection\" \"done\""];
    assert_eq!(results, [failed, failed, not_tried, not_tried, done, done, done, done]);
    let text = without_ids(&report.to_string());
    assert_eq!(text.matches("The permission ec2:EnableImageDeprecation is missing").count(), 1, "{text}");
    assert!(text.contains("made 2, copied 2") && text.contains("mended 4"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_protected_backup_is_kept_until_a_person_lifts_that_and_then_goes() {
    let policy = without_copy(WEB_ONLY);
    let scene = Scene::new().await;
    let _ = run(&scene, &policy).await;
    let first = scene.only_image(HOME).id;
    scene.pass(SignedDuration::from_hours(24)).await;
    let report = run(&scene, &policy).await;
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(scene.images(HOME).len(), 2, "no rule wants the first one, and EC2 would not let it go");
    let kept = report.accounts[0].purge.clone().unwrap().verdicts;
    let why: Vec<String> = kept.iter().map(|verdict| format!("{:?}", verdict.verdict.decision)).collect();
    assert!(why.iter().any(|why| why.contains("Protected")), "{why:?}");
    for image in scene.sim.world().region_mut(HOME).images.values_mut() {
        image.deregistration_protection = DeregistrationProtection::Disabled;
    }
    let report = run(&scene, &policy).await;
    assert_eq!(mended(&report), ["us-east-1 protected from deregistration"], "the one that is kept");
    let left = scene.only_image(HOME);
    assert!(left.id != first && left.state == ImageState::Available);
    assert_eq!(state(&scene, HOME), [(Some("2026-12-23T00:00:00Z".to_owned()), true)]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_for_images_of_others_nor_for_what_is_made_by_hand() {
    let scene = Scene::new().await;
    let _ = scene.image(&scene.backup_of(WEB)).await.unwrap();
    let marked = Stock::by_the_scripts(WEB).tag("ami-backup:series", "web").tag("Date", "2026-11-22T00:00:00Z");
    {
        let mut world = scene.sim.world();
        Stock::image().tag("ami-backup:series", "web").put(&mut world, HOME);
        marked.clone().tag("Creator", "packer").put(&mut world, HOME);
        marked.owned_by("210987654321").put(&mut world, HOME);
    }
    let _ = run(&scene, &without_copy(WEB_ONLY)).await;
    assert_eq!([DEPRECATE, PROTECT].map(|action| scene.calls(action).len()), [1, 1]);
    let has_something =
        |image: &Image| image.deprecation_time.is_some() || image.deregistration_protection != DeregistrationProtection::Disabled;
    let [given] = &scene.images(HOME).into_iter().filter(has_something).collect::<Vec<_>>()[..] else { panic!("one of many") };
    assert!(given.name.starts_with("backup-ami_web-1_i-0eb1eb1eb1eb10001_20261122T000000Z_"), "{given:#?}");
}
