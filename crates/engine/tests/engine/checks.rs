//! What speaks against deleting what has expired: references, locks, the Recycle Bin; and what becomes of a purge that cannot ask.

use std::collections::BTreeMap;

use ec2_sim::world::{
    DeniedReferences, ImageState, InstanceState, LaunchConfiguration, LaunchTemplate, LaunchTemplateVersion, Lock, LockMode, LockTerm,
    Parameter, Recipe,
};
use ec2_sim::{FaultKind, Which, World};
use engine::report::PurgeReport;
use engine::{Ending, Event};
use jiff::SignedDuration;
use planner::evidence::{Check, ReferenceKind};
use planner::plan::KeepReason;
use planner::plan::purge::Decision;
use planner::policy::PurgePolicy;

use crate::common::*;

/// A week before the worlds of these tests begin.
const PAST: &str = "2026-11-15T12:00:00Z";

/// The calls that are made only to keep more.
const CHECKS: [&str; 4] = ["DescribeImageReferences", "DescribeLaunchConfigurations", "DescribeLockedSnapshots", "ListImagesInRecycleBin"];

fn expired() -> Stock {
    Stock::by_the_scripts(WEB).expire(PAST)
}

fn required() -> PurgePolicy {
    PurgePolicy { require_checks: true, ..PurgePolicy::default() }
}

/// Why what is kept is kept, in the order of the report.
fn kept(report: &PurgeReport) -> Vec<&KeepReason> {
    let decisions = report.verdicts.iter().map(|verdict| &verdict.verdict.decision);
    decisions.filter_map(|decision| if let Decision::Keep { reason } = decision { Some(reason) } else { None }).collect()
}

/// A launch template whose versions launch these images, in their order; the first is the default.
fn template(world: &mut World, region: &str, images: &[&Laid]) {
    let mut versions = images.iter().map(|laid| LaunchTemplateVersion::of_image(laid.image.as_str(), noon()));
    let mut template = LaunchTemplate::new("lt-0123456789abcdef0".parse().unwrap(), "web", versions.next().unwrap());
    for version in versions {
        template.add(version);
    }
    world.region_mut(region).launch_templates.insert(template.id.clone(), template);
}

fn configuration(world: &mut World, region: &str, laid: &Laid, name: &str) {
    let configuration = LaunchConfiguration {
        name: name.to_owned(),
        arn: format!("arn:aws:autoscaling:{region}:123456789012:launchConfiguration:0:launchConfigurationName/{name}"),
        image_id: laid.image.clone(),
        instance_type: "t3.micro".to_owned(),
        created: noon(),
        key_name: None,
        user_data: None,
        security_groups: Vec::new(),
        devices: Vec::new(),
    };
    world.region_mut(region).launch_configurations.insert(name.to_owned(), configuration);
}

fn lock(world: &mut World, laid: &Laid, term: LockTerm) {
    let lock = Lock { mode: LockMode::Governance, created: at(PAST), cool_off: None, term, started: Some(at(PAST)) };
    world.region_mut(&laid.region).snapshots.get_mut(&laid.snapshots[0]).unwrap().lock = Some(lock);
}

/// An image as it lies in the Recycle Bin, and its snapshots as they stay where they are.
fn binned(world: &mut World, stock: &Stock) -> Laid {
    let laid = stock.put_orphans(world, HOME);
    let held = world.region_mut(HOME);
    let item = held.deregistered.remove(&laid.image).unwrap().image;
    let binned = ec2_sim::world::Binned { item, entered: at(PAST), leaves: at("2026-12-15T12:00:00Z") };
    held.recycle_bin.images.insert(laid.image.clone(), binned);
    laid
}

#[tokio::test(start_paused = true)]
async fn what_something_would_launch_from_stays() {
    let mut goes = Vec::new();
    let scene = Scene::with(|world| {
        let laid: Vec<Laid> = (0..5).map(|_| expired().put(world, HOME)).collect();
        goes.push(expired().put(world, HOME));
        template(world, HOME, &[&laid[0]]);
        configuration(world, HOME, &laid[1], "web");
        configuration(world, HOME, &laid[1], "web-old");
        let held = world.region_mut(HOME);
        held.parameters.insert("/golden/web".to_owned(), Parameter::of_image(laid[2].image.as_str(), noon()));
        let recipe = |laid: &Laid| Recipe { parent_image: laid.image.to_string(), created: noon() };
        held.image_recipes.insert("web/1.0.0".to_owned(), recipe(&laid[3]));
        held.container_recipes.insert("box/1.0.0".to_owned(), recipe(&laid[4]));
    })
    .await;
    let before = scene.sim.snapshot();
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert!(report.unmade_checks.is_empty());
    assert_only_gone(&before, &scene, goes.iter().map(Laid::whole));
    insta::assert_snapshot!(report, @"
    us-east-1  keep    ami-00000000000000001  old of 2026-10-22 12:00Z: the launch template arn:aws:ec2:us-east-1:123456789012:launch-template/lt-0123456789abcdef0 names it
    us-east-1  keep    ami-00000000000000002  old of 2026-10-22 12:00Z: the launch configuration arn:aws:autoscaling:us-east-1:123456789012:launchConfiguration:0:launchConfigurationName/web names it, and 1 more
    us-east-1  keep    ami-00000000000000003  old of 2026-10-22 12:00Z: the SSM parameter arn:aws:ssm:us-east-1:123456789012:parameter/golden/web names it
    us-east-1  keep    ami-00000000000000004  old of 2026-10-22 12:00Z: the Image Builder recipe arn:aws:imagebuilder:us-east-1:123456789012:image-recipe/web/1.0.0 names it
    us-east-1  keep    ami-00000000000000005  old of 2026-10-22 12:00Z: the Image Builder recipe arn:aws:imagebuilder:us-east-1:123456789012:container-recipe/box/1.0.0 names it
    us-east-1  purged  ami-00000000000000006  old of 2026-10-22 12:00Z with 1 snapshot: it expired 2026-11-15T12:00:00Z
    purged 1 for good, kept 5, in 1 region
    ");
}

#[tokio::test(start_paused = true)]
async fn an_old_version_of_a_template_counts_as_much_as_the_latest() {
    let mut first = None;
    let scene = Scene::with(|world| {
        let laid = expired().put(world, HOME);
        let latest = Stock::image().put(world, HOME);
        // Nobody asks for `$Default` by a number, and DescribeImageReferences looks at ten versions unless it is told.
        let mut versions = vec![&laid];
        versions.extend([&latest; 40]);
        template(world, HOME, &versions);
        first = Some(laid);
    })
    .await;
    let before = scene.sim.snapshot();
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert!(matches!(kept(&report)[..], [KeepReason::Referenced { by, count: 1 }] if by.kind == ReferenceKind::LaunchTemplate));
    assert_only_gone(&before, &scene, []);
}

#[tokio::test(start_paused = true)]
async fn an_instance_keeps_what_it_was_launched_from_only_if_asked_and_while_it_is_there() {
    for (state, stays) in [
        (InstanceState::Pending, true),
        (InstanceState::Running, true),
        (InstanceState::Stopping, true),
        (InstanceState::Stopped, true),
        (InstanceState::ShuttingDown, true),
        (InstanceState::Terminated, false),
    ] {
        for asked in [false, true] {
            let scene = Scene::with(|world| {
                let laid = expired().put(world, HOME);
                let instance = world.region_mut(HOME).instances.get_mut(WEB).unwrap();
                (instance.image_id, instance.state) = (laid.image, state);
            })
            .await;
            let policy = PurgePolicy { keep_launched: asked, ..PurgePolicy::default() };
            let report = scene.purge_how(How::default(), &these(&[HOME]), &policy).await.unwrap();
            assert_eq!(report.ending, Ending::Done);
            assert_eq!(scene.images(HOME).len(), usize::from(stays && asked), "{state:?} {asked}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_locked_stays_whole_until_the_lock_is_over() {
    let mut laid = Vec::new();
    let scene = Scene::with(|world| {
        laid = vec![expired().volumes(2).put(world, HOME), expired().put(world, HOME), expired().put_orphans(world, HOME)];
        lock(world, &laid[0], LockTerm::Days(30));
        lock(world, &laid[1], LockTerm::Until(at("2026-11-20T00:00:00Z")));
        lock(world, &laid[2], LockTerm::Days(30));
    })
    .await;
    let before = scene.sim.snapshot();
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_only_gone(&before, &scene, [laid[1].whole()]);
    insta::assert_snapshot!(report, @"
    us-east-1  keep    ami-00000000000000001  old of 2026-10-22 12:00Z: snap-00000000000010000 is locked (governance)
    us-east-1  purged  ami-00000000000000002  old of 2026-10-22 12:00Z with 1 snapshot: it expired 2026-11-15T12:00:00Z
    us-east-1  keep    snap-00000000000030000  orphan of i-0eb1eb1eb1eb10001: snap-00000000000030000 is locked (governance)
    purged 1 for good, kept 2, in 1 region
    ");
    scene.pass(SignedDuration::from_hours(24 * 30)).await;
    assert_eq!(scene.purge(&these(&[HOME])).await.unwrap().ending, Ending::Done);
    assert!(scene.images(HOME).is_empty() && scene.held(HOME).snapshots.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_orphan_stays_as_long_as_its_image_can_be_restored() {
    let mut laid = Vec::new();
    let scene = Scene::with(|world| laid = vec![expired().put_orphans(world, HOME), binned(world, &expired())]).await;
    let before = scene.sim.snapshot();
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_only_gone(&before, &scene, [laid[0].only_snapshots()]);
    assert!(report.to_string().contains("lies in the Recycle Bin and could not be restored without it"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_where_nothing_would_go() {
    let scene = Scene::with(|world| {
        expired().put(world, HOME);
        Stock::by_the_scripts(WEB).put(world, EUROPE);
    })
    .await;
    let report = scene.purge(&these(&[HOME, EUROPE])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    let asked: Vec<(String, String)> = scene
        .sim
        .calls()
        .into_iter()
        .filter(|call| CHECKS.contains(&call.action.as_str()))
        .map(|call| (call.action, call.region))
        .collect();
    // After the deletions the Recycle Bin is looked into, for the report.
    let expected = ["DescribeImageReferences", "DescribeLaunchConfigurations", "DescribeLockedSnapshots", "ListImagesInRecycleBin"];
    assert_eq!(asked.len(), expected.len());
    assert!(expected.iter().all(|call| asked.contains(&((*call).to_owned(), HOME.to_owned()))), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn references_are_asked_for_ten_images_at_a_time_and_read_to_the_last_page() {
    for short_pages in [false, true] {
        let scene = Scene::with(|world| {
            world.manners.short_pages = short_pages;
            let laid: Vec<Laid> = (0..25).map(|_| expired().put(world, HOME)).collect();
            for (number, laid) in laid.iter().enumerate().filter(|(number, _)| number % 2 == 0) {
                let parameter = Parameter::of_image(laid.image.as_str(), noon());
                world.region_mut(HOME).parameters.insert(format!("/golden/{number}"), parameter);
            }
        })
        .await;
        let report = scene.purge(&these(&[HOME])).await.unwrap();
        assert_eq!(report.ending, Ending::Done);
        assert_eq!(kept(&report).len(), 13);
        assert_eq!(scene.images(HOME).len(), 13);
        assert_eq!(scene.calls("DescribeImageReferences").len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_the_endpoint_does_not_offer_is_a_warning() {
    let arrange = |world: &mut World| {
        world.manners.unknown_actions.extend(CHECKS.map(str::to_owned));
        world.manners.unknown_actions.insert("ListSnapshotsInRecycleBin".to_owned());
        expired().put(world, HOME);
        expired().put(world, EUROPE);
        expired().put_orphans(world, EUROPE);
    };
    let scene = Scene::with(arrange).await;
    let report = scene.purge(&these(&[HOME, EUROPE])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert!(scene.held(HOME).snapshots.is_empty() && scene.held(EUROPE).snapshots.is_empty());
    assert!(scene.elapsed() < SignedDuration::from_secs(1), "nothing is asked twice");
    insta::assert_snapshot!(report, @"
    eu-west-1  purged  ami-00000000000000002  old of 2026-10-22 12:00Z with 1 snapshot: it expired 2026-11-15T12:00:00Z
    eu-west-1  purged  snap-00000000000030000  orphan of i-0eb1eb1eb1eb10001: it expired 2026-11-15T12:00:00Z
    us-east-1  purged  ami-00000000000000001  old of 2026-10-22 12:00Z with 1 snapshot: it expired 2026-11-15T12:00:00Z
    purged 3, kept 0, in 2 regions
    warning: what refers to images could not be read in 2 regions (eu-west-1, us-east-1): DescribeImageReferences failed with InvalidAction: The action DescribeImageReferences is not valid for this web service; nothing was kept for it (--require-checks keeps)
    warning: the launch configurations could not be read in 2 regions (eu-west-1, us-east-1): DescribeLaunchConfigurations failed with InvalidAction: The action DescribeLaunchConfigurations is not valid for this web service; nothing was kept for it (--require-checks keeps)
    warning: the locked snapshots could not be read in 2 regions (eu-west-1, us-east-1): DescribeLockedSnapshots failed with InvalidAction: The action DescribeLockedSnapshots is not valid for this web service; nothing was kept for it (--require-checks keeps)
    warning: the Recycle Bin could not be read in eu-west-1: ListImagesInRecycleBin failed with InvalidAction: The action ListImagesInRecycleBin is not valid for this web service; nothing was kept for it (--require-checks keeps)
    ");
    let told = scene.events().into_iter().filter(|event| matches!(event, Event::NotChecked(_))).count();
    assert_eq!(told, report.unmade_checks.len());

    let scene = Scene::with(arrange).await;
    let before = scene.sim.snapshot();
    let report = scene.purge_how(How::default(), &these(&[HOME, EUROPE]), &required()).await.unwrap();
    assert_eq!(report.ending, Ending::SomeFailed);
    assert_only_gone(&before, &scene, []);
    insta::assert_snapshot!(report, @"
    eu-west-1  keep    ami-00000000000000002  old of 2026-10-22 12:00Z: the locked snapshots could not be read: DescribeLockedSnapshots failed with InvalidAction: The action DescribeLockedSnapshots is not valid for this web service
    eu-west-1  keep    snap-00000000000030000  orphan of i-0eb1eb1eb1eb10001: the Recycle Bin could not be read: ListImagesInRecycleBin failed with InvalidAction: The action ListImagesInRecycleBin is not valid for this web service
    us-east-1  keep    ami-00000000000000001  old of 2026-10-22 12:00Z: the locked snapshots could not be read: DescribeLockedSnapshots failed with InvalidAction: The action DescribeLockedSnapshots is not valid for this web service
    purged 0, kept 3, in 2 regions
    warning: what refers to images could not be read in 2 regions (eu-west-1, us-east-1): DescribeImageReferences failed with InvalidAction: The action DescribeImageReferences is not valid for this web service; what it might have spoken for was kept
    warning: the launch configurations could not be read in 2 regions (eu-west-1, us-east-1): DescribeLaunchConfigurations failed with InvalidAction: The action DescribeLaunchConfigurations is not valid for this web service; what it might have spoken for was kept
    warning: the locked snapshots could not be read in 2 regions (eu-west-1, us-east-1): DescribeLockedSnapshots failed with InvalidAction: The action DescribeLockedSnapshots is not valid for this web service; what it might have spoken for was kept
    warning: the Recycle Bin could not be read in eu-west-1: ListImagesInRecycleBin failed with InvalidAction: The action ListImagesInRecycleBin is not valid for this web service; what it might have spoken for was kept
    ");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_is_denied_names_the_permission() {
    for call in CHECKS {
        let scene = Scene::with(|world| {
            deny(world, call);
            expired().put(world, HOME);
            expired().put_orphans(world, HOME);
        })
        .await;
        let report = scene.purge(&these(&[HOME])).await.unwrap();
        assert_eq!(report.ending, Ending::Done);
        let service = if call == "DescribeLaunchConfigurations" { "autoscaling" } else { "ec2" };
        let warnings: Vec<String> = report.to_string().lines().filter(|line| line.starts_with("warning: ")).map(str::to_owned).collect();
        assert_eq!(warnings.len(), 1, "{report}");
        assert!(warnings[0].contains(&format!("The permission {service}:{call} is missing")), "{report}");
        assert!(warnings[0].ends_with("; nothing was kept for it (--require-checks keeps)"), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_is_denied_in_part_names_that_permission() {
    let scene = Scene::with(|world| {
        world.manners.references_denied = DeniedReferences::Error;
        deny(world, "GetParameters");
        expired().put(world, HOME);
    })
    .await;
    let report = scene.purge_how(How::default(), &these(&[HOME]), &required()).await.unwrap();
    assert_eq!(report.ending, Ending::SomeFailed);
    assert!(matches!(kept(&report)[..], [KeepReason::NotChecked { check: Check::References, .. }]));
    assert!(report.to_string().contains("The permission ssm:GetParameters is missing"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn what_was_found_before_a_check_broke_off_counts() {
    for policy in [PurgePolicy::default(), required()] {
        let scene = Scene::with(|world| {
            let laid: Vec<Laid> = (0..15).map(|_| expired().put(world, HOME)).collect();
            template(world, HOME, &[&laid[0]]);
        })
        .await;
        scene.fault("DescribeImageReferences", Which::From(2), FaultKind::throttled());
        let report = scene.purge_how(How::default(), &these(&[HOME]), &policy).await.unwrap();
        assert_eq!(report.ending, Ending::SomeFailed);
        assert!(kept(&report).iter().any(|reason| matches!(reason, KeepReason::Referenced { .. })));
        assert_eq!(kept(&report).iter().filter(|reason| matches!(reason, KeepReason::NotChecked { .. })).count(), 5);
        assert_eq!(scene.images(HOME).len(), 6);
        assert_eq!(report.unmade_checks.len(), 1);
        assert!(report.to_string().contains("what it might have spoken for was kept"), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_ec2_is_too_busy_for_keeps_until_it_is_not() {
    for kind in [FaultKind::throttled(), FaultKind::internal_error(), FaultKind::Truncated, FaultKind::Hang] {
        for call in CHECKS {
            let scene = Scene::with(|world| {
                expired().put(world, HOME);
                expired().put_orphans(world, HOME);
            })
            .await;
            scene.fault(call, Which::First(8), kind.clone());
            let report = scene.purge(&these(&[HOME])).await.unwrap();
            assert_eq!(report.ending, Ending::SomeFailed, "{call}: {report}");
            assert!(kept(&report).iter().any(|reason| matches!(reason, KeepReason::NotChecked { .. })), "{call}: {report}");
            assert!(!scene.held(HOME).snapshots.is_empty(), "{call}");
            scene.sim.clear_faults();
            assert_eq!(scene.purge(&these(&[HOME])).await.unwrap().ending, Ending::Done);
            assert!(scene.images(HOME).is_empty() && scene.held(HOME).snapshots.is_empty(), "{call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_image_that_has_gone_meanwhile_spoils_no_other_answer() {
    let scene = Scene::with(|world| {
        let laid: Vec<Laid> = (0..3).map(|_| expired().put(world, HOME)).collect();
        template(world, HOME, &[&laid[0]]);
    })
    .await;
    let gone = error(400, "InvalidAMIID.NotFound", "The image id '[ami-00000000000000002]' does not exist");
    for call in [1, 3] {
        scene.fault("DescribeImageReferences", Which::Nth(call), gone.clone());
    }
    let report = scene.purge_how(How::default(), &these(&[HOME]), &required()).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(scene.calls("DescribeImageReferences").len(), 4);
    assert!(matches!(kept(&report)[..], [KeepReason::Referenced { .. }]));
}

#[tokio::test(start_paused = true)]
async fn a_page_for_people_is_no_answer_and_not_asked_for_again() {
    for (status, body) in [
        (500, "<!doctype html>\n<html lang=en><title>500 Internal Server Error</title>"),
        (500, "{\"message\": \"oops\"}"),
        (404, ""),
        (501, ""),
    ] {
        for call in CHECKS {
            let scene = Scene::with(|world| {
                expired().put(world, HOME);
                expired().put_orphans(world, HOME);
            })
            .await;
            let kind = FaultKind::Body { status, content_type: "text/html".to_owned(), body: body.as_bytes().to_vec() };
            scene.fault(call, Which::First(1), kind);
            let report = scene.purge(&these(&[HOME])).await.unwrap();
            assert_eq!(report.ending, Ending::Done);
            assert_eq!(report.unmade_checks.len(), 1, "{status} {call}: {report}");
            assert!(scene.elapsed() < SignedDuration::from_secs(1), "{status} {call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn checks_that_are_never_answered_are_given_up_together_within_thirty_seconds() {
    let scene = Scene::with(|world| {
        for region in [HOME, EUROPE] {
            (0..25).for_each(|_| drop(expired().put(world, region)));
            expired().put_orphans(world, region);
        }
    })
    .await;
    for call in CHECKS {
        scene.fault(call, Which::First(100), FaultKind::Hang);
    }
    let report = scene.purge_how(DRY_RUN, &these(&[HOME, EUROPE]), &PurgePolicy::default()).await.unwrap();
    assert_eq!(report.ending, Ending::SomeFailed, "what they might have spoken for stays");
    assert!(scene.elapsed() <= SignedDuration::from_secs(30), "{:?}", scene.elapsed());
    let mut unmade: BTreeMap<Check, usize> = BTreeMap::new();
    report.unmade_checks.iter().for_each(|unmade_check| *unmade.entry(unmade_check.check).or_default() += 1);
    assert_eq!(unmade.into_values().collect::<Vec<_>>(), [2, 2, 2, 2]);
    assert_eq!(report.to_string().lines().filter(|line| line.starts_with("warning: ")).count(), 4, "{report}");
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_failed_copy_is_told_and_stays() {
    let scene = Scene::with(|world| {
        let source = Stock::by_the_scripts(WEB).put(world, HOME);
        let debris = Stock::image().state(ImageState::Failed).copied_from(HOME, &source.image).put(world, EUROPE);
        world.region_mut(EUROPE).images.get_mut(&debris.image).unwrap().name = String::new();
    })
    .await;
    let before = scene.sim.snapshot();
    let report = scene.purge(&these(&[HOME, EUROPE])).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    assert_eq!(report.debris.len(), 1);
    assert_only_gone(&before, &scene, []);
    insta::assert_snapshot!(report, @"
    us-east-1  keep    ami-00000000000000001  old of 2026-10-22 12:00Z: it has no expiry
    debris: ami-00000000000000002 in eu-west-1 is what is left of a failed copy of the backup ami-00000000000000001 in us-east-1
    purged 0, kept 1, in 2 regions
    ");
}
