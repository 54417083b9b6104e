//! From a request to what becomes of it: which service it is for, which fault strikes, what is answered.

use crate::api::ApiRequest;
use crate::body::Content;
use crate::call::{Call, Log, Outcome};
use crate::cut::{Cut, CutPoint};
use crate::error::Error;
use crate::faults::{FaultKind, Faults};
use crate::http::{Answer, Delivery, Request, Spoiled};
use crate::metadata::{self, MetadataRequest};
use crate::rbin::RbinRequest;
use crate::world::World;

/// Deals with a request to any of the services, and logs it.
pub(crate) fn exchange(request: &Request, world: &mut World, faults: &mut Faults, log: &mut Log, cut: &mut Cut) -> Delivery {
    if cut.is_reached() {
        return Delivery::Never;
    }
    if MetadataRequest::is_at(&request.path) {
        deal(&MetadataRequest::new(request), world, faults, log, cut)
    } else if let Some(request) = RbinRequest::meant(request) {
        deal(&request, world, faults, log, cut)
    } else {
        deal(&ApiRequest::new(request), world, faults, log, cut)
    }
}

/// A request to one of the services.
pub(crate) trait Addressed {
    /// What the log says of it, before anything came of it.
    fn call(&self, world: &World) -> Call;
    /// Does what was asked.
    fn perform(&self, world: &mut World) -> (Outcome, Answer);
    /// Does nothing, and answers with an error.
    fn refuse(&self, error: Error, world: &mut World) -> Answer;
}

fn deal(request: &impl Addressed, world: &mut World, faults: &mut Faults, log: &mut Log, cut: &mut Cut) -> Delivery {
    let mut call = request.call(world);
    let (number, cut_point) = if call.action == metadata::ACTION { (0, None) } else { cut.count() };
    let (outcome, delivery) = if cut_point == Some(CutPoint::Before) {
        (Outcome::Unanswered { done: false }, Delivery::Never)
    } else {
        let fault = faults.strike(&call.action, &call.region, number, world.clock);
        strike(fault, request, world)
    };
    call.outcome = outcome;
    if let Delivery::Late(by, _) = &delivery {
        call.late_by = *by;
    }
    let delivery = match cut_point {
        None => delivery,
        Some(_) => {
            cut.reach();
            call.outcome = call.outcome.unknown_to_the_caller();
            Delivery::Never
        }
    };
    log.push(call);
    delivery
}

/// What comes of a request, given what goes wrong with it.
fn strike(fault: Option<FaultKind>, request: &impl Addressed, world: &mut World) -> (Outcome, Delivery) {
    match fault {
        None => {
            let (outcome, answer) = request.perform(world);
            (outcome, Delivery::Answer(answer))
        }
        Some(FaultKind::Delay(by)) => {
            let (outcome, answer) = request.perform(world);
            (outcome, Delivery::Late(by, answer))
        }
        Some(FaultKind::Error { status, code, message }) => {
            let answer = request.refuse(Error { status, code: code.clone(), message }, world);
            (Outcome::Error(code), Delivery::Answer(answer))
        }
        Some(FaultKind::ErrorAfterEffect { status, code, message }) => {
            let (outcome, _) = request.perform(world);
            let answer = request.refuse(Error { status, code, message }, world);
            (outcome.unknown_to_the_caller(), Delivery::Answer(answer))
        }
        Some(FaultKind::LostRequest) => (Outcome::Unanswered { done: false }, Delivery::Lost),
        Some(FaultKind::Hang) => (Outcome::Unanswered { done: false }, Delivery::Never),
        Some(FaultKind::LostAnswer) => {
            let (outcome, _) = request.perform(world);
            (outcome.unknown_to_the_caller(), Delivery::Lost)
        }
        Some(FaultKind::ResetMidBody { after_bytes }) => spoil(request, world, |spoiled, body| {
            spoiled.content = Content::Reset { promised: body.len(), bytes: cut_off(body, after_bytes) }
        }),
        Some(FaultKind::StallMidBody { after_bytes }) => spoil(request, world, |spoiled, body| {
            spoiled.content = Content::Stalled { promised: body.len(), bytes: cut_off(body, after_bytes) }
        }),
        Some(FaultKind::Truncated) => spoil(request, world, |spoiled, body| {
            let half = body.len() / 2;
            spoiled.content = Content::Whole(cut_off(body, half));
        }),
        Some(FaultKind::Body { status, content_type, body }) => spoil(request, world, |spoiled, _| {
            spoiled.status = status;
            spoiled.headers.retain(|(name, _)| *name != "content-type");
            spoiled.headers.push(("content-type", content_type));
            spoiled.content = Content::Whole(body);
        }),
        Some(FaultKind::Endless { head, again, times, tail }) => spoil(request, world, |spoiled, _| {
            spoiled.status = 200;
            spoiled.content = Content::Endless { head, again, times, tail };
        }),
    }
}

/// Does what was asked, and lets something else arrive than what was answered.
fn spoil(request: &impl Addressed, world: &mut World, change: impl FnOnce(&mut Spoiled, Vec<u8>)) -> (Outcome, Delivery) {
    let (outcome, Answer { status, headers, body }) = request.perform(world);
    let mut spoiled = Spoiled { status, headers, content: Content::Whole(Vec::new()) };
    change(&mut spoiled, body.into_bytes());
    (outcome.unknown_to_the_caller(), Delivery::Spoiled(spoiled))
}

/// At most that much, and never all of it.
fn cut_off(mut body: Vec<u8>, after_bytes: usize) -> Vec<u8> {
    body.truncate(after_bytes.min(body.len().saturating_sub(1)));
    body
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use crate::body::Content;
    use crate::call::Outcome;
    use crate::faults::{Fault, FaultKind, Which};
    use crate::http::Delivery;
    use crate::testing::{Client, DB, WEB, noon};
    use crate::world::World;

    const CREATE: [(&str, &str); 2] = [("InstanceId", WEB), ("Name", "nightly")];

    fn images(ec2: &Client) -> usize {
        ec2.sim.world().region("us-east-1").images.len()
    }

    #[test]
    fn a_lost_request_does_nothing_and_a_lost_answer_hides_what_was_done() {
        let ec2 = Client::of_example();
        ec2.sim.inject(Fault::of("CreateImage", Which::First(1), FaultKind::LostRequest));
        ec2.sim.inject(Fault::of("CreateImage", Which::Nth(2), FaultKind::LostAnswer));
        assert_eq!(ec2.deliver("CreateImage", &CREATE), Delivery::Lost);
        assert_eq!(images(&ec2), 0);
        assert_eq!(ec2.deliver("CreateImage", &CREATE), Delivery::Lost);
        assert_eq!(images(&ec2), 1);
        // The third call finds out.
        assert!(ec2.error("CreateImage", &CREATE).starts_with("InvalidAMIName.Duplicate"));
        let outcomes: Vec<Outcome> = ec2.sim.calls().into_iter().map(|call| call.outcome).collect();
        assert_eq!(
            outcomes,
            [
                Outcome::Unanswered { done: false },
                Outcome::Unanswered { done: true },
                Outcome::Error("InvalidAMIName.Duplicate".to_owned())
            ]
        );
    }

    #[test]
    fn a_hanging_call_does_nothing_and_a_late_one_is_done_at_once() {
        let ec2 = Client::of_example();
        ec2.sim.inject(Fault::of("CreateImage", Which::Nth(1), FaultKind::Hang));
        ec2.sim.inject(Fault::of("CreateImage", Which::Nth(2), FaultKind::Delay(Duration::from_secs(90))));
        assert_eq!(ec2.deliver("CreateImage", &CREATE), Delivery::Never);
        assert_eq!(images(&ec2), 0);
        let Delivery::Late(by, answer) = ec2.deliver("CreateImage", &CREATE) else { panic!("in time") };
        assert_eq!((by, answer.status), (Duration::from_secs(90), 200));
        assert_eq!(images(&ec2), 1);
    }

    #[test]
    fn an_error_may_hide_what_was_done() {
        let ec2 = Client::of_example();
        ec2.sim.inject(Fault::of("CreateImage", Which::First(1), FaultKind::internal_error().after_effect()));
        assert_eq!(ec2.error("CreateImage", &CREATE), "InternalError: An internal error has occurred");
        assert_eq!(images(&ec2), 1);
        assert_eq!(ec2.sim.calls()[0].outcome, Outcome::Unanswered { done: true });
        assert!(ec2.error("CreateImage", &CREATE).starts_with("InvalidAMIName.Duplicate"));
    }

    #[test]
    fn what_arrives_is_not_what_was_answered_and_what_was_asked_is_done() {
        let spoiled = |kind: FaultKind| {
            let ec2 = Client::of_example();
            ec2.sim.inject(Fault::of("CreateImage", Which::All, kind.clone()));
            let Delivery::Spoiled(spoiled) = ec2.deliver("CreateImage", &CREATE) else { panic!("as it should be") };
            assert_eq!(images(&ec2), 1);
            assert_eq!(ec2.sim.calls()[0].outcome, Outcome::Unanswered { done: true });
            assert_eq!(ec2.sim.strikes(), [(kind.name(), 1)].into());
            spoiled
        };
        let whole = Client::of_example().ok("CreateImage", &CREATE).body.into_bytes();
        let promised = whole.len();
        let reset = spoiled(FaultKind::ResetMidBody { after_bytes: 20 });
        assert_eq!((reset.status, reset.content), (200, Content::Reset { bytes: whole[..20].to_vec(), promised }));
        let reset = spoiled(FaultKind::ResetMidBody { after_bytes: 1 << 20 });
        assert_eq!(reset.content, Content::Reset { bytes: whole[..promised - 1].to_vec(), promised });
        let stalled = spoiled(FaultKind::StallMidBody { after_bytes: 0 });
        assert_eq!(stalled.content, Content::Stalled { bytes: Vec::new(), promised });
        assert_eq!(spoiled(FaultKind::Truncated).content, Content::Whole(whole[..promised / 2].to_vec()));
        let (content_type, body) = ("text/html".to_owned(), vec![0xff, 0, b'<']);
        let other = spoiled(FaultKind::Body { status: 502, content_type: content_type.clone(), body: body.clone() });
        assert_eq!((other.status, other.content), (502, Content::Whole(body)));
        assert_eq!(other.headers.iter().filter(|(name, _)| *name == "content-type").collect::<Vec<_>>(), [&("content-type", content_type)]);
        let text = |text: &str| text.to_owned();
        let endless = spoiled(FaultKind::Endless { head: text("<a>"), again: text("<b/>"), times: None, tail: text("") });
        assert!(matches!(endless.content, Content::Endless { times: None, .. }));
    }

    #[test]
    fn expired_credentials() {
        let ec2 = Client::of_example();
        ec2.sim.inject(Fault::of("DescribeRegions", Which::First(1), FaultKind::expired_credentials()));
        assert_eq!(ec2.error("DescribeRegions", &[]), "RequestExpired: Request has expired.");
        ec2.ok("DescribeRegions", &[]);
    }

    #[test]
    fn errors_strike_the_calls_they_were_meant_for() {
        let ec2 = Client::of_example();
        ec2.sim.inject(Fault {
            action: Some("DescribeImages".to_owned()),
            region: Some("us-east-1".to_owned()),
            calls: Which::Every(2),
            kind: FaultKind::throttled(),
        });
        let statuses = |ec2: &Client| [0; 4].map(|_| ec2.call("DescribeImages", &[]).status);
        assert_eq!(statuses(&ec2), [200, 503, 200, 503]);
        assert_eq!(statuses(&ec2.in_region("eu-west-1")), [200; 4]);
        assert_eq!(ec2.call("DescribeRegions", &[]).status, 200);
        assert_eq!(ec2.call("DescribeImages", &[]).status, 200);
        assert_eq!(ec2.call("DescribeImages", &[]).text("Code"), "RequestLimitExceeded");
    }

    #[test]
    fn which_calls() {
        let struck = |which| {
            let ec2 = Client::of_example();
            ec2.sim.inject(Fault { action: None, region: None, calls: which, kind: FaultKind::throttled() });
            [0; 5].map(|_| ec2.call("DescribeRegions", &[]).status == 503)
        };
        assert_eq!(struck(Which::All), [true; 5]);
        assert_eq!(struck(Which::Nth(2)), [false, true, false, false, false]);
        assert_eq!(struck(Which::First(2)), [true, true, false, false, false]);
        assert_eq!(struck(Which::From(4)), [false, false, false, true, true]);
        assert_eq!(struck(Which::Every(2)), [false, true, false, true, false]);
        assert_eq!(struck(Which::Every(0)), [false; 5]);
    }

    #[test]
    fn the_log_tells_who_called_what_and_where() {
        let ec2 = Client::of_example();
        ec2.in_region("eu-west-1").with_key("AKIDME").ok("DescribeImages", &[("Owner.1", "self")]);
        let [call] = &ec2.sim.calls()[..] else { panic!("one call") };
        assert_eq!((&call.action[..], &call.region[..], &call.access_key[..]), ("DescribeImages", "eu-west-1", "AKIDME"));
        assert_eq!(call.params, [("Owner.1".to_owned(), "self".to_owned())].into());
        assert_eq!(call.outcome, Outcome::Ok);
    }

    /// A night's work, and everything that was answered.
    fn diary(seed: u64) -> Vec<String> {
        let ec2 = Client::of(World::example(seed, noon()));
        let west = ec2.in_region("us-west-2");
        let mut answers = Vec::new();
        for name in ["first", "second", "third"] {
            let made = ec2.ok("CreateImage", &[("InstanceId", DB), ("Name", name)]);
            let id = made.text("imageId");
            answers.push(made.body);
            for _ in 0..5 {
                ec2.wait(60);
                answers.push(ec2.ok("DescribeImages", &[]).body);
                answers.push(ec2.ok("DescribeSnapshots", &[("MaxResults", "5")]).body);
            }
            answers.push(west.ok("CopyImage", &[("SourceRegion", "us-east-1"), ("SourceImageId", &id), ("Name", name)]).body);
            answers.push(west.ok("DescribeImages", &[("Owner.1", "self")]).body);
            answers.push(ec2.error("DeregisterImage", &[("ImageId", "ami-00000000")]));
        }
        answers
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_seed_gives_the_same_bytes() {
        assert_eq!(diary(1), diary(1));
        assert_ne!(diary(1), diary(2));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn any_body_is_answered_and_what_is_no_request_with_an_error(
            action in prop::option::of(prop::sample::select(ACTIONS)),
            body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let ec2 = Client::of_example();
            let mut form = action.map(|action| format!("Action={action}&")).unwrap_or_default().into_bytes();
            form.extend(body);
            let Delivery::Answer(answer) = ec2.sim.exchange(&ec2.request(form)) else { panic!("not answered") };
            let count = |text: &str| answer.body.matches(text).count();
            match answer.status {
                200 => prop_assert!(action.is_some()),
                status => prop_assert!((400..500).contains(&status) && count("<Code>") == 1 && count("<Message>") == 1, "{}", answer.body),
            }
            prop_assert_eq!(count("equestID>") + count("equestId>") + count("equestid>"), 2, "{}", answer.body);
        }

        #[test]
        fn no_parameters_make_it_panic(
            action in prop::sample::select(ACTIONS),
            params in prop::collection::vec((name(), value()), 0..12),
        ) {
            let ec2 = Client::of_example();
            let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (&name[..], &value[..])).collect();
            for _ in 0..2 {
                let response = ec2.call(action, &params);
                prop_assert!(matches!(response.status, 200 | 400 | 401 | 403 | 412), "{}", response.body);
                ec2.wait(100);
            }
        }
    }

    const ACTIONS: &[&str] = &[
        "CopyImage",
        "CreateImage",
        "CreateLaunchTemplate",
        "CreateLaunchTemplateVersion",
        "CreateSnapshot",
        "CreateTags",
        "DeleteLaunchTemplate",
        "DeleteLaunchTemplateVersions",
        "DeleteSnapshot",
        "DeleteTags",
        "DeregisterImage",
        "DescribeAvailabilityZones",
        "DescribeImageAttribute",
        "DescribeImageReferences",
        "DescribeImages",
        "DescribeInstanceImageMetadata",
        "DescribeInstances",
        "DescribeLaunchTemplateVersions",
        "DescribeLaunchTemplates",
        "DescribeLockedSnapshots",
        "DescribeRegions",
        "DescribeSnapshotAttribute",
        "DescribeSnapshotTierStatus",
        "DescribeSnapshots",
        "DescribeTags",
        "DescribeVolumes",
        "DisableImageDeprecation",
        "EnableImageDeprecation",
        "GetImageAncestry",
        "ListImagesInRecycleBin",
        "ListSnapshotsInRecycleBin",
        "LockSnapshot",
        "ModifyImageAttribute",
        "ModifyLaunchTemplate",
        "ModifySnapshotAttribute",
        "ModifySnapshotTier",
        "RegisterImage",
        "ResetImageAttribute",
        "ResetSnapshotAttribute",
        "RestoreImageFromRecycleBin",
        "RestoreSnapshotFromRecycleBin",
        "RestoreSnapshotTier",
        "RunInstances",
        "StartInstances",
        "TerminateInstances",
        "UnlockSnapshot",
    ];

    /// Names of parameters, mostly ones that mean something.
    fn name() -> impl Strategy<Value = String> {
        let known = prop::sample::select(vec![
            "InstanceId",
            "InstanceId.1",
            "ImageId",
            "ImageId.1",
            "SnapshotId",
            "SnapshotId.1",
            "VolumeId",
            "ResourceId.1",
            "Name",
            "Description",
            "SourceRegion",
            "SourceImageId",
            "ClientToken",
            "MinCount",
            "MaxCount",
            "RootDeviceName",
            "MaxResults",
            "NextToken",
            "Owner.1",
            "Filter.1.Name",
            "Filter.1.Value.1",
            "Filter.1",
            "Tag.1.Key",
            "Tag.1.Value",
            "TagSpecification.1.ResourceType",
            "TagSpecification.1.Tag.1.Key",
            "BlockDeviceMapping.1.DeviceName",
            "BlockDeviceMapping.1.NoDevice",
            "BlockDeviceMapping.1.Ebs.VolumeSize",
            "BlockDeviceMapping.1.Ebs.SnapshotId",
            "SnapshotCopyCompletionDurationMinutes",
            "Encrypted",
            "KmsKeyId",
            "DryRun",
            "Attribute",
            "DeprecateAt",
            "LaunchPermission.Add.1.UserId",
            "Placement.AvailabilityZone",
            "LockMode",
            "LockDuration",
            "CoolOffPeriod",
            "ExpirationDate",
            "StorageTier",
            "TemporaryRestoreDays",
            "PermanentRestore",
            "Attribute",
            "OperationType",
            "UserId.1",
            "UserGroup.1",
            "CreateVolumePermission.Add.1.UserId",
            "RestorableBy.1",
            "LaunchTemplateName",
            "LaunchTemplateData.ImageId",
            "LaunchTemplateVersion.1",
            "SetDefaultVersion",
            "SourceVersion",
            "IncludeAllResourceTypes",
            "ResourceType.1.ResourceType",
        ]);
        prop_oneof![8 => known.prop_map(str::to_owned), 1 => "[A-Za-z.0-9]{0,20}"]
    }

    fn value() -> impl Strategy<Value = String> {
        let known = prop::sample::select(vec![
            WEB,
            DB,
            "ami-12345678",
            "snap-12345678",
            "vol-0eb1eb1eb1eb10001",
            "us-east-1",
            "us-east-1a",
            "self",
            "true",
            "false",
            "0",
            "1",
            "4294967295",
            "-1",
            "name",
            "tag:Name",
            "image",
            "instance",
            "snapshot",
            "/dev/sda1",
            "governance",
            "compliance",
            "2262-01-01T00:00:00Z",
            "archive",
            "createVolumePermission",
            "add",
            "all",
            "launchPermission",
            "2026-12-01T10:00:00Z",
            "abc",
            "$Latest",
            "ec2:LaunchTemplate",
            "",
        ]);
        prop_oneof![8 => known.prop_map(str::to_owned), 1 => any::<String>()]
    }
}
