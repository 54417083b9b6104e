//! What EC2 leaves of failed copies.

use super::*;

/// As EC2 leaves it (ec2-semantics 2.3): failed, and neither name nor tags.
fn debris() -> TheImage {
    backup("ami-2").copied_from("ami-1", HOME).failed().named(None).untagged("Creator").untagged("Instance")
}

fn told_of(inventory: &Inventory) -> Vec<String> {
    let plan = plan_of(inventory);
    assert!(!deletions(&plan).contains(&"ami-2".to_owned()), "it is never deleted");
    plan.debris.iter().map(ToString::to_string).collect()
}

fn told_of_one(image: TheImage) -> Vec<String> {
    told_of(&world().with(backup("ami-1")).with_in("eu-west-1", image))
}

const OURS_FAILED: &str = "ami-00000002 in eu-west-1 is what is left of a failed copy of the backup ami-00000001 in us-east-1";

#[test]
fn a_failed_copy_without_name_and_tags_is_told_of() {
    assert_eq!(told_of_one(debris()), [OURS_FAILED]);
    assert_eq!(told_of_one(debris().expired()), [OURS_FAILED], "without a name");
    assert_eq!(told_of_one(debris().expired().named(Some(""))), [OURS_FAILED]);
    assert_eq!(told_of_one(debris().named(Some("nightly"))), [OURS_FAILED], "without tags");
}

#[test]
fn it_is_told_with_ec2s_reason_and_what_is_known_of_its_source() {
    let mut image = debris();
    image.image.state_reason = Some("Copy image failed with an internal error\u{1b}[2J".to_owned());
    image.image.source_image.as_mut().unwrap().region = None;
    let inventory = world().with(image.clone());
    assert_eq!(
        told_of(&inventory),
        [r"ami-00000002 in us-east-1 is what is left of a failed copy of ami-00000001: Copy image failed with an internal error\u{1b}[2J"]
    );
    let [debris] = plan_of(&inventory.with_in("ap-south-1", backup("ami-1"))).debris.try_into().unwrap();
    let told = Debris {
        region: region(HOME),
        image: id("ami-2"),
        source: id("ami-1"),
        source_region: None,
        reason: image.image.state_reason,
        source_is_ours: true,
    };
    assert_eq!(debris, told);
}

#[test]
fn a_source_that_is_no_backup_of_ours_is_not_called_one() {
    let told = told_of(&world().with(backup("ami-1").untagged("Creator")).with_in("eu-west-1", debris()));
    assert_eq!(told, ["ami-00000002 in eu-west-1 is what is left of a failed copy of ami-00000001 in us-east-1"]);
}

#[test]
fn nothing_else_is() {
    let others = [
        debris().being(ImageState::Pending),
        debris().being(ImageState::Available),
        debris().being(ImageState::Unusable),
        debris().being(ImageState::Deregistered),
        debris().owned_by(THEIRS),
        debris().tagged("Creator", "image-instance"),
        debris().tagged("Creator", "dlm"),
        debris().named(Some("nightly")).tagged("team", "db"),
        backup("ami-2").failed().named(None).untagged("Creator").untagged("Instance"),
    ];
    for other in others {
        assert_eq!(told_of_one(other.clone()), [""; 0], "{:?}", other.image);
    }
}

#[test]
fn only_where_all_was_seen_and_the_policy_looks() {
    let inventory = world().with(backup("ami-1")).with_in("eu-west-1", debris());
    for scope in [Scope::Partial, Scope::Unseen("denied".to_owned())] {
        assert_eq!(told_of(&inventory.clone().seen("eu-west-1", scope)), [""; 0]);
    }
    let home = PurgePolicy { regions: [region(HOME)].into(), ..PurgePolicy::default() };
    assert_eq!(plan_by(&home, &inventory).debris, []);
}

#[test]
fn each_is_told_of_once_in_the_order_of_their_ids() {
    let mut third = debris();
    third.image.id = id("ami-3");
    let inventory = world().with_in("eu-west-1", third).with_in("eu-west-1", debris()).with_in("eu-west-1", debris());
    let images: Vec<_> = plan_of(&inventory).debris.into_iter().map(|debris| debris.image).collect();
    assert_eq!(images, [id("ami-2"), id("ami-3")]);
    let otherwise = debris().named(Some("nightly")).tagged("team", "db");
    let unlike = inventory.clone().with_in("eu-west-1", otherwise);
    assert_eq!(plan_of(&unlike).debris.len(), 1, "of the other, one page says what it is");
    let gone = inventory.with_in("eu-west-1", debris().being(ImageState::Deregistered));
    assert_eq!(plan_of(&gone).debris.len(), 1);
}
