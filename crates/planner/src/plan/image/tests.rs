//! When an image is made, and when one that is there is taken for it.

use super::*;
use crate::expiry::Expiry;
use crate::fixture::{HOME, TheImage, at, backup, id, now, region, tagged, world};
use crate::guard::{Permit, guard};
use crate::inventory::Inventory;
use crate::plan::Plan;
use crate::policy::CopyRequest;
use crate::tags::Encryption;

fn request() -> ImageRequest {
    ImageRequest {
        instance: id("i-1"),
        region: region(HOME),
        slot: now(),
        expire: Some(Expiry::at(at("2026-11-30T02:00:00Z"))),
        reboot: false,
        copies: vec![CopyRequest { destination: region("eu-west-1"), encryption: Encryption::DefaultKey, completion: None }],
        patience: jiff::SignedDuration::from_hours(8),
        series: None,
    }
}

fn facts() -> InstanceFacts {
    InstanceFacts { name: Some("web".to_owned()), availability_zone: "us-east-1a".to_owned() }
}

fn name(attempt: u32) -> String {
    image_name(&request(), Some("web"), attempt)
}

/// The image that an earlier call for this request made.
fn as_asked(short_id: &str, attempt: u32) -> TheImage {
    let mut image = backup(short_id).named(Some(&name(attempt)));
    image.image.tags = tags(&request(), &facts()).0;
    image
}

enum Decided {
    Create(CreateImage),
    Adopt(Image),
    NamesTaken(String),
}

fn decided(inventory: &Inventory, unavailable: &[String]) -> Decided {
    let unavailable = unavailable.iter().cloned().collect();
    match decide(&request(), &facts(), &inventory.regions[&region(HOME)], &unavailable) {
        ImageDecision::Create(step) => {
            assert_eq!(step.region, region(HOME));
            let plan = Plan { steps: vec![(*step).clone()], ..Plan::default() };
            guard(plan, inventory, Permit::Image(&request()), now()).unwrap();
            let Action::CreateImage(create) = step.action else { panic!("{:?}", step.action) };
            Decided::Create(create)
        }
        ImageDecision::Adopt(image) => Decided::Adopt(image.clone()),
        ImageDecision::NamesTaken(name) => Decided::NamesTaken(name),
    }
}

fn created(inventory: &Inventory) -> CreateImage {
    match decided(inventory, &[]) {
        Decided::Create(create) => create,
        Decided::Adopt(image) => panic!("{} was adopted", image.id),
        Decided::NamesTaken(name) => panic!("{name} is taken"),
    }
}

#[test]
fn where_there_is_none_an_image_is_made() {
    let CreateImage { instance, name: its_name, description, reboot, excluded_devices: _, image_tags, snapshot_tags } = created(&world());
    assert_eq!((instance, its_name.as_str(), reboot), (id("i-1"), name(1).as_str(), false));
    assert_eq!(description, "backup-ami for web");
    insta::assert_snapshot!(lines(&image_tags), @r"
    AvailabilityZone=us-east-1a
    Creator=image-instance
    Date=2026-11-23T02:00:00Z
    Expire=2026-11-30T02:00:00Z
    Instance=i-00000001
    Name=backup-ami@web
    ami-backup:copy-to:eu-west-1=until=2026-11-25T02:00:00Z encrypt
    ");
    let without_intents = tagged(&image_tags, "ami-backup:copy-to:eu-west-1", None);
    assert_eq!(snapshot_tags, without_intents, "the intents are the image's alone");
}

fn lines(tags: &Tags) -> String {
    tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_instance_without_a_name_lends_its_id() {
    let facts = InstanceFacts { name: None, ..facts() };
    let inventory = world();
    let ImageDecision::Create(step) = decide(&request(), &facts, &inventory.regions[&region(HOME)], &BTreeSet::new()) else { panic!() };
    let Action::CreateImage(create) = step.action else { panic!() };
    assert_eq!(create.description, "backup-ami for i-00000001");
    assert_eq!(create.image_tags.name(), Some("backup-ami@i-00000001"));
}

#[test]
fn a_description_is_short_and_plain() {
    assert_eq!(description("bücher\n\"prod\"\u{7f}"), "backup-ami for bcher\"prod\"");
    assert_eq!(description(&"x".repeat(300)).len(), 255);
}

#[test]
fn an_image_that_an_earlier_call_made_is_adopted() {
    for state in [ImageState::Pending, ImageState::Available] {
        let there = as_asked("ami-1", 1).being(state);
        let adopted = decided(&world().with(there.clone()), &[]);
        assert!(matches!(adopted, Decided::Adopt(image) if image == there.image), "{state}");
    }
    let tagged_since = as_asked("ami-1", 1).tagged("Cost Centre", "42");
    assert!(matches!(decided(&world().with(tagged_since), &[]), Decided::Adopt(_)));
}

#[test]
fn what_can_be_seen_counts_more_than_a_name_that_was_refused() {
    let inventory = world().with(as_asked("ami-1", 1));
    assert!(matches!(decided(&inventory, &[name(1)]), Decided::Adopt(_)));
}

#[test]
fn where_something_else_holds_the_name_the_next_is_tried() {
    let holders = [
        as_asked("ami-1", 1).failed(),
        as_asked("ami-1", 1).being(ImageState::Disabled),
        as_asked("ami-1", 1).being(ImageState::Unusable),
        as_asked("ami-1", 1).tagged("Expire", "2026-12-30T02:00:00Z"),
        as_asked("ami-1", 1).untagged("Creator"),
        as_asked("ami-1", 1).untagged("ami-backup:copy-to:eu-west-1"),
        as_asked("ami-1", 1).copied_from("ami-9", "eu-west-1"),
        backup("ami-1").named(Some(&name(1))),
    ];
    for holder in holders {
        assert_eq!(created(&world().with(holder.clone())).name, name(2), "{:?}", holder.image);
    }
    let mut of_another = as_asked("ami-1", 1);
    of_another.image.source_instance = Some(id("i-2"));
    assert_eq!(created(&world().with(of_another)).name, name(2));
}

#[test]
fn a_deregistered_image_holds_no_name() {
    assert_eq!(created(&world().with(as_asked("ami-1", 1).being(ImageState::Deregistered))).name, name(1));
}

#[test]
fn the_second_attempt_can_be_adopted_too() {
    let inventory = world().with(as_asked("ami-1", 1).failed()).with(as_asked("ami-2", 2));
    assert!(matches!(decided(&inventory, &[]), Decided::Adopt(image) if image.id == id("ami-2")));
}

#[test]
fn a_name_that_is_taken_by_something_unseen_leads_to_the_next() {
    let Decided::Create(create) = decided(&world(), &[name(1), name(2)]) else { panic!() };
    assert_eq!(create.name, name(3));
}

#[test]
fn where_all_names_are_taken_it_is_given_up() {
    let four: Vec<String> = (1..=4).map(name).collect();
    assert!(matches!(decided(&world(), &four), Decided::Create(create) if create.name == name(5)));
    let fifth_failed = world().with(as_asked("ami-1", 5).failed());
    assert!(matches!(decided(&fifth_failed, &four), Decided::NamesTaken(taken) if taken == name(1)));
}

#[test]
fn other_requests_of_the_same_moment_are_other_backups() {
    let inventory = world().with(as_asked("ami-1", 1));
    let view = &inventory.regions[&region(HOME)];
    let others = [
        ImageRequest { expire: None, ..request() },
        ImageRequest { reboot: true, ..request() },
        ImageRequest { copies: Vec::new(), ..request() },
        ImageRequest { slot: at("2026-11-23T02:00:01Z"), ..request() },
        ImageRequest { instance: id("i-2"), ..request() },
    ];
    for other in others {
        assert!(matches!(decide(&other, &facts(), view, &BTreeSet::new()), ImageDecision::Create(_)), "{other:?}");
    }
}
