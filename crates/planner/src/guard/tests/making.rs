//! Images and copies that are to be made.

use super::*;
use crate::plan::image::{ImageDecision, InstanceFacts, decide};
use crate::policy::{CopyRequest, SeriesRequest};
use crate::tags::Encryption;

const NOTHING: [&str; 0] = [];

pub(super) fn request() -> ImageRequest {
    ImageRequest {
        instance: id("i-1"),
        region: region(HOME),
        slot: now(),
        expire: Some(Expiry::at(at("2026-11-30T02:00:00Z"))),
        reboot: false,
        copies: vec![CopyRequest { destination: region("eu-west-1"), encryption: Encryption::AsSource, completion: None }],
        patience: jiff::SignedDuration::from_hours(8),
        series: None,
    }
}

/// The step that a request leads to, changed.
fn create(request: &ImageRequest, change: impl FnOnce(&mut CreateImage)) -> Step {
    let inventory = world();
    let facts = InstanceFacts { name: None, availability_zone: "us-east-1a".to_owned() };
    let decision = decide(request, &facts, &inventory.regions[&region(HOME)], &std::collections::BTreeSet::new());
    let ImageDecision::Create(mut step) = decision else { panic!("{decision:?}") };
    if let Action::CreateImage(create) = &mut step.action {
        "backup".clone_into(&mut create.name);
        change(create);
    }
    *step
}

fn wrong_with(request: &ImageRequest, steps: impl IntoIterator<Item = Step>) -> Vec<String> {
    objections(plan(steps), &world(), Permit::Image(request))
}

fn source() -> crate::fixture::TheImage {
    backup("ami-1").expiring(100).copy_wanted_in("eu-west-1")
}

/// The step that this source leads to, in a world of its own.
fn copy_of(source: crate::fixture::TheImage) -> Step {
    let inventory = world().with(source).seen("eu-west-1", Scope::Partial);
    let (mut steps, _) = crate::plan::copy::decide(&inventory, now(), &crate::plan::copy::Tried::default());
    steps.remove(0)
}

fn changed(mut step: Step, change: impl FnOnce(&mut CopyImage)) -> Step {
    if let Action::CopyImage(copy) = &mut step.action {
        change(copy);
    }
    step
}

fn wrong_copy(inventory: &Inventory, step: Step) -> Vec<String> {
    objections(plan([step]), inventory, Permit::Resume)
}

#[test]
fn an_image_is_made_only_of_the_instance_asked_for_and_where_it_is() {
    let asked = request();
    let as_asked = || create(&asked, |_| {});
    assert_eq!(wrong_with(&asked, [as_asked()]), NOTHING);
    assert_eq!(wrong_with(&asked, [in_region("eu-west-1", as_asked())]), ["backup: NotPermitted"]);
    assert_eq!(wrong_with(&asked, [create(&asked, |create| create.instance = id("i-2"))]), ["backup: NotPermitted"]);
    let inventory = world();
    for permit in [Permit::Resume, Permit::Purge(&policy(&inventory))] {
        assert_eq!(objections(plan([as_asked()]), &inventory, permit), ["backup: NotPermitted"]);
    }
}

#[test]
fn one_request_is_for_one_image() {
    let asked = request();
    let other_name = create(&asked, |create| "backup.2".clone_into(&mut create.name));
    assert_eq!(wrong_with(&asked, [create(&asked, |_| {}), other_name]), ["i-1: Twice"]);
}

#[test]
fn an_instance_is_rebooted_only_if_asked_to_be() {
    let (calm, rebooting) = (request(), ImageRequest { reboot: true, ..request() });
    assert_eq!(wrong_with(&calm, [create(&calm, |create| create.reboot = true)]), ["backup: Reboot"]);
    assert_eq!(wrong_with(&rebooting, [create(&rebooting, |_| {})]), NOTHING);
    assert_eq!(wrong_with(&rebooting, [create(&rebooting, |create| create.reboot = false)]), NOTHING);
}

#[test]
fn only_the_volumes_that_a_series_leaves_out_are_left_out() {
    let series = SeriesRequest {
        name: "web".parse().unwrap(),
        copies_until: now(),
        carried: Tags::default(),
        excluded_devices: ["/dev/sdf".to_owned()].into(),
    };
    let asked = ImageRequest { expire: None, series: Some(series), ..request() };
    assert_eq!(wrong_with(&asked, [create(&asked, |_| {})]), NOTHING);
    assert_eq!(wrong_with(&asked, [create(&asked, |create| create.excluded_devices.clear())]), NOTHING, "fewer are no harm");
    let another = create(&asked, |create| create.excluded_devices = ["/dev/sdf", "/dev/sdg"].map(str::to_owned).into());
    assert_eq!(wrong_with(&asked, [another]), ["backup: LeavesOut"]);
}

#[test]
fn an_image_is_born_with_its_mark_instance_and_expiry_and_so_are_its_snapshots() {
    let asked = request();
    for (key, value) in [
        ("Creator", None),
        ("Creator", Some("dlm")),
        ("Instance", None),
        ("Instance", Some("i-00000002")),
        ("Expire", None),
        ("Expire", Some("2026-11-29T02:00:00Z")),
    ] {
        let image = create(&asked, |create| create.image_tags = tagged(&create.image_tags, key, value));
        let snapshots = create(&asked, |create| create.snapshot_tags = tagged(&create.snapshot_tags, key, value));
        assert_eq!(wrong_with(&asked, [image]), ["backup: BornUnmarked"], "{key} {value:?}");
        assert_eq!(wrong_with(&asked, [snapshots]), ["backup: BornUnmarked"], "{key} {value:?}");
    }
    let for_ever = ImageRequest { expire: None, ..request() };
    assert_eq!(wrong_with(&for_ever, [create(&for_ever, |_| {})]), NOTHING);
    let expiring = create(&for_ever, |create| create.image_tags = tagged(&create.image_tags, "Expire", Some("2026-11-29T02:00:00Z")));
    assert_eq!(wrong_with(&for_ever, [expiring]), ["backup: BornUnmarked"]);
}

#[test]
fn copies_are_made_by_those_who_make_images_and_those_who_finish_them() {
    let inventory = world().with(source());
    let asked = request();
    for permit in [Permit::Resume, Permit::Image(&asked)] {
        assert_eq!(objections(plan([copy_of(source())]), &inventory, permit), NOTHING);
    }
    let refused = objections(plan([copy_of(source())]), &inventory, Permit::Purge(&policy(&inventory)));
    assert_eq!(refused, ["ami-1: NotPermitted"]);
}

#[test]
fn the_source_of_a_copy_must_be_there_ours_and_available() {
    let step = || copy_of(source());
    assert_eq!(wrong_copy(&world().with(source()), step()), NOTHING);
    assert_eq!(wrong_copy(&world(), step()), ["ami-1: NotSeen"]);
    assert_eq!(wrong_copy(&world().with_in("eu-west-1", source()), step()), ["ami-1: NotSeen"]);
    assert_eq!(wrong_copy(&world().with(source().owned_by(THEIRS)), step()), ["ami-1: NotOwned"]);
    assert_eq!(wrong_copy(&world().with(source().untagged("Creator")), step()), ["ami-1: BornUnmarked"]);
    let as_unmarked = changed(step(), |copy| copy.tags = tagged(&copy.tags, "Creator", None));
    assert_eq!(wrong_copy(&world().with(source().untagged("Creator")), as_unmarked), ["ami-1: BornUnmarked"], "alike is not enough");
    for state in [ImageState::Pending, ImageState::Failed, ImageState::Disabled, ImageState::Unusable, ImageState::Deregistered] {
        assert_eq!(wrong_copy(&world().with(source().being(state)), step()), ["ami-1: SourceUnavailable"]);
    }
}

#[test]
fn a_copy_goes_to_another_region_once() {
    let to_itself = in_region(HOME, copy_of(source()));
    assert_eq!(wrong_copy(&world().with(source().copy_wanted_in(HOME)), to_itself), ["ami-1: CopyToItself"]);
    let both = || source().copy_wanted_in("ap-south-1");
    let elsewhere = || in_region("ap-south-1", copy_of(source()));
    let (once, twice) = ([copy_of(source()), elsewhere()], [copy_of(source()), copy_of(source())]);
    assert_eq!(objections(plan(once), &world().with(both()), Permit::Resume), NOTHING);
    assert_eq!(objections(plan(twice), &world().with(both()), Permit::Resume), ["ami-1: Twice"]);
}

#[test]
fn a_copy_must_have_been_asked_for_on_its_source() {
    let step = || copy_of(source());
    assert_eq!(wrong_copy(&world().with(source().untagged("ami-backup:copy-to:eu-west-1")), step()), ["ami-1: NotAskedFor"]);
    assert_eq!(wrong_copy(&world().with(source()), in_region("ap-south-1", step())), ["ami-1: NotAskedFor"]);
    let with_key = || source().tagged("ami-backup:copy-to:eu-west-1", "until=2026-11-24T02:00:00Z key=alias/dr");
    assert_eq!(wrong_copy(&world().with(with_key()), step()), ["ami-1: NotAskedFor"], "the key was asked for, too");
    assert_eq!(wrong_copy(&world().with(with_key()), copy_of(with_key())), NOTHING);
    assert_eq!(wrong_copy(&world().with(source()), copy_of(source().encrypted())), NOTHING, "more than was asked for is no harm");
    let within =
        |minutes: &str| source().tagged("ami-backup:copy-to:eu-west-1", &format!("until=2026-11-24T02:00:00Z completion={minutes}"));
    assert_eq!(wrong_copy(&world().with(within("60")), copy_of(within("60"))), NOTHING);
    assert_eq!(wrong_copy(&world().with(within("60 key=alias/dr")), copy_of(within("60 key=alias/dr"))), NOTHING);
    for (asked, planned) in [(within("60"), within("75")), (within("60"), source()), (source(), within("60"))] {
        assert_eq!(wrong_copy(&world().with(asked), copy_of(planned)), ["ami-1: NotAskedFor"], "a price that nobody was to pay");
    }
}

#[test]
fn a_copy_is_born_with_the_mark_instance_and_expiry_of_its_source() {
    for (key, value) in [("Creator", None), ("Instance", None), ("Expire", None), ("Expire", Some("2027-11-23T02:00:00Z"))] {
        let step = changed(copy_of(source()), |copy| copy.tags = tagged(&copy.tags, key, value));
        assert_eq!(wrong_copy(&world().with(source()), step), ["ami-1: BornUnmarked"], "{key} {value:?}");
    }
    let for_ever = || backup("ami-1").copy_wanted_in("eu-west-1");
    assert_eq!(wrong_copy(&world().with(for_ever()), copy_of(for_ever())), NOTHING);
    let expiring = changed(copy_of(for_ever()), |copy| copy.tags = tagged(&copy.tags, "Expire", Some("2026-11-24T02:00:00Z")));
    assert_eq!(wrong_copy(&world().with(for_ever()), expiring), ["ami-1: BornUnmarked"]);
}
