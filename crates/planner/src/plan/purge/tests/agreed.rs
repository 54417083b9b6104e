//! What goes only because somebody has seen it in a plan and agreed.

use super::*;
use crate::policy::Agreed;

fn agreed(images: &[&str], orphans: &[&str], inventory: &Inventory) -> String {
    let here = || region(HOME);
    let agreed = Agreed {
        images: images.iter().map(|image| (here(), id(image))).collect(),
        orphans: orphans.iter().map(|orphan| (here(), id(orphan))).collect(),
    };
    verdicts(&plan_by(&PurgePolicy { agreed: Some(agreed), ..policy(inventory) }, inventory))
}

#[test]
fn what_has_expired_and_is_not_agreed_to_stays() {
    let inventory = world()
        .with(backup("ami-1").expired().with_snapshot("snap-1"))
        .with(backup("ami-2").expired().with_snapshot("snap-2"))
        .with(backup("ami-3").expiring(1).with_snapshot("snap-3"))
        .with(snapshot("snap-8").expired())
        .with(snapshot("snap-9").expired());
    insta::assert_snapshot!(agreed(&["ami-1", "ami-3"], &["snap-8"], &inventory), @r"
    ami-1 goes with snap-1: it expired 2026-11-23T01:00:00Z
    ami-2 stays: it may go, and is not in the plan that is applied
    ami-3 stays: it expires 2026-11-23T03:00:00Z
    snap-8 goes: it expired 2026-11-23T01:00:00Z
    snap-9 stays: it may go, and is not in the plan that is applied
    ");
    insta::assert_snapshot!(agreed(&[], &[], &inventory), @r"
    ami-1 stays: it may go, and is not in the plan that is applied
    ami-2 stays: it may go, and is not in the plan that is applied
    ami-3 stays: it expires 2026-11-23T03:00:00Z
    snap-8 stays: it may go, and is not in the plan that is applied
    snap-9 stays: it may go, and is not in the plan that is applied
    ");
}

#[test]
fn a_shared_snapshot_waits_for_the_image_that_is_not_agreed_to() {
    let inventory = world().with(backup("ami-1").expired().with_snapshot("snap-1")).with(backup("ami-2").expired().made_of("snap-1"));
    insta::assert_snapshot!(agreed(&["ami-1"], &[], &inventory), @r"
    ami-1 goes: it expired 2026-11-23T01:00:00Z; snap-1 stays: ami-00000002 is made of it
    ami-2 stays: it may go, and is not in the plan that is applied
    ");
}
