//! How many backups of an instance stay, expired or not.

use super::*;

fn keeping(keep_last: u32, inventory: &Inventory) -> Vec<String> {
    deletions(&plan_by(&PurgePolicy { keep_last, ..policy(inventory) }, inventory))
}

fn three() -> Inventory {
    let expired = |short_id, days| backup(short_id).days_old(days).expired();
    world().with(expired("ami-3", 3)).with(expired("ami-1", 1)).with(expired("ami-2", 2))
}

#[test]
fn the_newest_of_an_instance_stay_though_they_have_expired() {
    assert_eq!(keeping(0, &three()), ["ami-3", "ami-2", "ami-1"]);
    assert_eq!(keeping(1, &three()), ["ami-3", "ami-2"]);
    assert_eq!(keeping(2, &three()), ["ami-3"]);
    for many in [3, 4, u32::MAX] {
        assert!(keeping(many, &three()).is_empty());
    }
}

#[test]
fn the_reason_says_so() {
    let inventory = world().with(backup("ami-1").expired());
    let plan = plan_by(&PurgePolicy { keep_last: 1, ..policy(&inventory) }, &inventory);
    assert_eq!(verdicts(&plan), "ami-1 stays: it is among the newest 1 of its instance here (--keep-last)");
}

#[test]
fn unexpired_backups_count() {
    assert_eq!(keeping(1, &three().with(backup("ami-4").days_old(0).expiring(24))), ["ami-3", "ami-2", "ami-1"]);
}

#[test]
fn each_instance_counts_for_itself() {
    let inventory = three().with(backup("ami-9").of("i-2").days_old(30).expired());
    assert_eq!(keeping(1, &inventory), ["ami-3", "ami-2"]);
}

#[test]
fn copies_count_in_their_own_region() {
    let copy = |short_id, days| backup(short_id).copied_from("ami-1", HOME).days_old(days).expired();
    let inventory = three().with_in("eu-west-1", copy("ami-7", 7)).with_in("eu-west-1", copy("ami-8", 8));
    assert_eq!(keeping(1, &inventory), ["ami-8", "ami-3", "ami-2"]);
}

#[test]
fn only_available_backups_count() {
    for state in [ImageState::Pending, ImageState::Failed, ImageState::Disabled, ImageState::Unusable, ImageState::Deregistered] {
        let inventory = three().with(backup("ami-4").days_old(0).being(state));
        assert_eq!(keeping(1, &inventory), ["ami-3", "ami-2"], "{state}");
    }
}

#[test]
fn a_failed_backup_goes_though_it_is_the_last() {
    assert_eq!(keeping(1, &world().with(backup("ami-1").failed().expired())), ["ami-1"]);
}

#[test]
fn strangers_do_not_count() {
    let inventory = three()
        .with(backup("ami-4").days_old(0).owned_by(THEIRS))
        .with(backup("ami-5").days_old(0).untagged("Creator"))
        .with(backup("ami-6").days_old(0).tagged("Creator", "dlm"));
    assert_eq!(keeping(1, &inventory), ["ami-3", "ami-2"]);
}

#[test]
fn what_cannot_be_counted_stays_and_does_not_count() {
    let uncountable = [
        backup("ami-9").of_nobody(),
        backup("ami-9").of_unknown_age(),
        backup("ami-9").of("i-2").days_old(0).tagged("Instance", "i-00000001"),
        backup("ami-9").of_nobody().tagged("Instance", "web-1").tagged("Name", "backup-ami@web-1"),
    ];
    for image in uncountable {
        let inventory = three().with(image.expired());
        assert_eq!(keeping(1, &inventory), ["ami-3", "ami-2"]);
        let plan = plan_by(&PurgePolicy { keep_last: 1, ..policy(&inventory) }, &inventory);
        let reason = "its instance or its age is not known for certain, so --keep-last cannot count it";
        assert!(verdicts(&plan).contains(&format!("ami-9 stays: {reason}")));
        assert_eq!(keeping(0, &inventory).len(), 4, "where nothing is counted, it goes");
    }
}

#[test]
fn what_cannot_be_counted_goes_where_it_would_not_count() {
    let inventory = three().with(backup("ami-9").of_nobody().failed().expired());
    assert_eq!(keeping(1, &inventory), ["ami-9", "ami-3", "ami-2"]);
}

#[test]
fn where_the_tag_is_no_instance_what_ec2_says_counts() {
    let inventory = three().with(backup("ami-4").days_old(0).tagged("Instance", "web-1"));
    assert_eq!(keeping(1, &inventory), ["ami-3", "ami-2", "ami-1"]);
}

#[test]
fn of_two_of_one_moment_the_same_one_always_stays() {
    let inventory = world().with(backup("ami-2").expired()).with(backup("ami-1").expired());
    assert_eq!(keeping(1, &inventory), ["ami-1"]);
}
