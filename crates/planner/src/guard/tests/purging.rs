//! Deletions.

use super::*;
use crate::evidence::Check;
use crate::policy::{SeriesRule, SeriesRules};
use crate::retention::keep;

const NOTHING: [&str; 0] = [];

#[test]
fn deletions_are_for_the_purge_alone() {
    let inventory = world().with(backup("ami-1").expired()).with(snapshot("snap-1").expired());
    let request = making::request();
    for permit in [Permit::Resume, Permit::Image(&request)] {
        let plan = plan([remove("ami-1", &[]), delete("snap-1")]);
        assert_eq!(objections(plan, &inventory, permit), ["ami-1: NotPermitted", "snap-1: NotPermitted"]);
    }
    assert_eq!(wrong(&inventory, [remove("ami-1", &[]), delete("snap-1")]), NOTHING);
}

#[test]
fn the_region_must_be_named() {
    let inventory = world().with(backup("ami-1").expired()).with(snapshot("snap-1").expired()).seen("eu-west-1", Scope::Whole);
    let elsewhere = PurgePolicy { regions: [region("eu-west-1")].into(), ..PurgePolicy::default() };
    let plan = plan([remove("ami-1", &[]), delete("snap-1")]);
    assert_eq!(objections(plan.clone(), &inventory, Permit::Purge(&elsewhere)), ["ami-1: RegionNotNamed", "snap-1: RegionNotNamed"]);
    assert_eq!(objections(plan, &inventory, Permit::Purge(&policy(&inventory))), NOTHING);
}

#[test]
fn the_region_must_have_been_seen_whole() {
    let steps = || [remove("ami-1", &[]), delete("snap-1")];
    let inventory = world().with(backup("ami-1").expired()).with(snapshot("snap-1").expired());
    for scope in [Scope::Partial, Scope::Unseen("denied".to_owned())] {
        let inventory = inventory.clone().seen(HOME, scope);
        assert_eq!(wrong(&inventory, steps()), ["ami-1: RegionNotWhollySeen", "snap-1: RegionNotWhollySeen"]);
    }
    let named = PurgePolicy { regions: [region(HOME), region("eu-west-1")].into(), ..PurgePolicy::default() };
    let not_looked_at = plan([in_region("eu-west-1", delete("snap-1"))]);
    assert_eq!(objections(not_looked_at, &inventory, Permit::Purge(&named)), ["snap-1: RegionNotWhollySeen"]);
    assert_eq!(wrong(&inventory, steps()), NOTHING);
}

#[test]
fn it_must_have_been_seen_there() {
    let inventory =
        world().with(backup("ami-1").expired().with_snapshot("snap-1")).with(snapshot("snap-2").expired()).seen("eu-west-1", Scope::Whole);
    assert_eq!(wrong(&inventory, [remove("ami-3", &[]), delete("snap-3")]), ["ami-3: NotSeen", "snap-3: NotSeen"]);
    let elsewhere = [in_region("eu-west-1", remove("ami-1", &["snap-1"])), in_region("eu-west-1", delete("snap-2"))];
    assert_eq!(wrong(&inventory, elsewhere), ["ami-1: NotSeen", "snap-2: NotSeen"]);
    assert_eq!(wrong(&inventory, [remove("ami-1", &["snap-1"]), delete("snap-2")]), NOTHING);
    let unlisted = world().with(backup("ami-1").expired().made_of("snap-1"));
    assert_eq!(wrong(&unlisted, [remove("ami-1", &["snap-1"])]), ["snap-1: NotSeen"]);
}

#[test]
fn it_must_be_the_accounts_own() {
    let inventory = |owner| {
        world()
            .with(backup("ami-1").expired().owned_by(owner))
            .with(backup("ami-2").expired().with(snapshot("snap-2").owned_by(owner)))
            .with(snapshot("snap-3").expired().owned_by(owner))
    };
    let steps = || [remove("ami-1", &[]), remove_covering("ami-2", &["snap-2"]), delete("snap-3")];
    assert_eq!(wrong(&inventory(THEIRS), steps()), ["ami-1: NotOwned", "snap-2: NotOwned", "snap-3: NotOwned"]);
    assert_eq!(wrong(&inventory(crate::fixture::OURS), steps()), NOTHING);
    let nobodys = Inventory { account: None, ..inventory(crate::fixture::OURS) };
    assert_eq!(wrong(&nobodys, steps()).len(), 4);
}

#[test]
fn what_belongs_to_nobody_known_is_not_ours_even_if_we_do_not_know_who_we_are() {
    let mut nobodys = backup("ami-1").expired();
    nobodys.image.owner = None;
    let inventory = Inventory { account: None, ..world().with(nobodys) };
    assert_eq!(wrong(&inventory, [remove("ami-1", &[])]), ["ami-1: NotOwned"]);
}

#[test]
fn it_must_bear_our_mark() {
    for creator in ["dlm", "", "Image-Instance", "image-instance "] {
        let inventory = world()
            .with(backup("ami-1").expired().tagged("Creator", creator))
            .with(backup("ami-2").expired().with(snapshot("snap-2").tagged("Creator", creator)))
            .with(snapshot("snap-3").expired().tagged("Creator", creator));
        let steps = [remove("ami-1", &[]), remove("ami-2", &["snap-2"]), delete("snap-3")];
        assert_eq!(wrong(&inventory, steps), ["ami-1: NotMarked", "snap-2: NotMarked", "snap-3: NotMarked"]);
    }
    let unmarked = world().with(backup("ami-1").expired().untagged("Creator")).with(snapshot("snap-3").expired().unmarked());
    assert_eq!(wrong(&unmarked, [remove("ami-1", &[]), delete("snap-3")]), ["ami-1: NotMarked", "snap-3: NotMarked"]);
}

#[test]
fn an_images_mark_covers_only_what_was_made_for_it_and_goes_with_it() {
    let with = |snapshot| world().with(backup("ami-1").expired().upon(snapshot)).with(backup("ami-2").expired());
    let bare = || snapshot("snap-1").unmarked().expired();
    assert_eq!(wrong(&with(bare().made_for("ami-1")), [remove_covering("ami-1", &["snap-1"])]), NOTHING);
    let by_a_call_of_its_own = wrong(&with(bare().made_for("ami-1")), [remove("ami-1", &["snap-1"])]);
    assert_eq!(by_a_call_of_its_own, ["ami-1: Stranded", "ami-1: CoveredUnnamed"]);
    assert_eq!(wrong(&with(bare()), [remove("ami-1", &["snap-1"])]), ["snap-1: NotMarked"]);
    let of_the_other = wrong(&with(bare().made_for("ami-2")), [remove("ami-2", &[]), remove("ami-1", &["snap-1"])]);
    assert_eq!(of_the_other, ["snap-1: NotMarked"], "ami-2 does not name it");
    let orphan = world().with(bare().made_for("ami-1"));
    assert_eq!(wrong(&orphan, [delete("snap-1")]), ["snap-1: NotMarked"]);
    let by_itself = wrong(&with(bare().made_for("ami-1")), [remove("ami-1", &[]), delete("snap-1")]);
    let refused = ["ami-1: Stranded", "ami-1: CoveredUnnamed", "snap-1: UnderLivingImage", "snap-1: NotMarked"];
    assert_eq!(by_itself, refused, "it does not go with it");
}

#[test]
fn a_snapshot_that_is_still_being_made_goes_with_its_image_only() {
    let inventory =
        world().with(backup("ami-1").expired().with(snapshot("snap-1").expired().pending())).with(snapshot("snap-2").expired().pending());
    assert_eq!(wrong(&inventory, [remove("ami-1", &["snap-1"]), delete("snap-2")]), ["snap-2: Pending"]);
}

#[test]
fn an_image_does_not_go_before_another_that_shares_a_snapshot_it_covers() {
    let inventory = |younger: crate::fixture::TheImage| {
        world().with(backup("ami-1").expired().with(snapshot("snap-1").unmarked())).with(younger.made_of("snap-1"))
    };
    let expired = inventory(backup("ami-2").expired());
    let first = wrong(&expired, [remove("ami-1", &[]), remove("ami-2", &["snap-1"])]);
    assert_eq!(first, ["ami-1: Stranded", "ami-1: CoveredUnnamed"]);
    assert_eq!(wrong(&expired, [remove("ami-2", &[]), remove_covering("ami-1", &["snap-1"])]), NOTHING);
    assert_eq!(wrong(&expired, [remove("ami-2", &["snap-1"])]), ["snap-1: UnderLivingImage", "snap-1: NotMarked", "snap-1: NotReleased"]);
}

#[test]
fn its_expiry_must_be_past() {
    for text in ["2026-11-23T02:00:00Z", "2026-11-24T02:00:00Z", "", "7", "now", "sunday"] {
        let inventory = world()
            .with(backup("ami-1").tagged("Expire", text))
            .with(backup("ami-2").expired().with(snapshot("snap-2").tagged("Expire", text)))
            .with(snapshot("snap-3").tagged("Expire", text));
        let steps = [remove("ami-1", &[]), remove("ami-2", &["snap-2"]), delete("snap-3")];
        assert_eq!(wrong(&inventory, steps), ["ami-1: NotReleased", "snap-2: NotReleased", "snap-3: NotReleased"], "{text}");
    }
    let timeless = world().with(backup("ami-1").upon(snapshot("snap-1"))).with(snapshot("snap-3"));
    let steps = [remove("ami-1", &["snap-1"]), delete("snap-3")];
    assert_eq!(wrong(&timeless, steps), ["ami-1: NotReleased", "snap-1: NotReleased", "snap-3: NotReleased"]);
}

#[test]
fn a_snapshot_without_expire_goes_with_the_image_it_was_made_for_only() {
    let inventory = world().with(backup("ami-1").expired().with(snapshot("snap-1"))).with(snapshot("snap-2").made_for("ami-3"));
    assert_eq!(wrong(&inventory, [remove_covering("ami-1", &["snap-1"])]), NOTHING);
    assert_eq!(wrong(&inventory, [delete("snap-2")]), ["snap-2: NotReleased"]);
}

#[test]
fn it_must_not_be_protected() {
    assert_eq!(wrong(&world().with(backup("ami-1").expired().protected()), [remove("ami-1", &[])]), ["ami-1: Protected"]);
    assert_eq!(wrong(&world().with(backup("ami-1").expired()), [remove("ami-1", &[])]), NOTHING);
}

#[test]
fn it_must_not_be_in_the_making() {
    assert_eq!(wrong(&world().with(backup("ami-1").expired().pending()), [remove("ami-1", &[])]), ["ami-1: Pending"]);
    assert_eq!(wrong(&world().with(snapshot("snap-1").expired().pending()), [delete("snap-1")]), ["snap-1: Pending"]);
    for state in [ImageState::Available, ImageState::Disabled, ImageState::Failed, ImageState::Unusable] {
        assert_eq!(wrong(&world().with(backup("ami-1").expired().being(state)), [remove("ami-1", &[])]), NOTHING);
    }
}

#[test]
fn a_deregistered_image_is_no_way_to_its_snapshots() {
    let gone = || backup("ami-1").expired().being(ImageState::Deregistered);
    let inventory = world().with(gone().with(snapshot("snap-1").unmarked().expired()));
    assert_eq!(wrong(&inventory, [remove("ami-1", &["snap-1"])]), ["ami-1: Deregistered", "snap-1: NotMarked"]);
    assert_eq!(wrong(&world().with(gone().with_snapshot("snap-1")), [delete("snap-1")]), NOTHING);
}

#[test]
fn it_must_not_be_the_source_of_a_copy_in_flight() {
    let source = || world().with(backup("ami-1").expired().copy_wanted_in("eu-west-1"));
    let copy = || backup("ami-2").copied_from("ami-1", HOME).untagged("Creator");
    let refused = ["ami-1: CopyInFlight"];
    let steps = || [remove("ami-1", &[])];
    for scope in [Scope::Whole, Scope::Partial] {
        let seen = |copy| source().with_in("eu-west-1", copy).seen("eu-west-1", scope.clone());
        assert_eq!(wrong(&seen(copy().pending()), steps()), refused);
        assert_eq!(wrong(&seen(copy()), steps()), NOTHING);
    }
    assert_eq!(wrong(&source(), steps()), refused, "not looked at");
    assert_eq!(wrong(&source().seen("eu-west-1", Scope::Unseen("denied".to_owned())), steps()), refused);
    let mut of_restored = backup("ami-2").copied_from("ami-1", HOME).pending();
    of_restored.image.source_instance = Some(id("i-2"));
    assert_eq!(wrong(&world().with(backup("ami-1").expired()).with(of_restored), steps()), NOTHING, "launched from it, not copied");
}

#[test]
fn the_newest_must_stay() {
    let keeping = |keep_last, inventory: &Inventory, steps: &[Step]| {
        objections(plan(steps.to_vec()), inventory, Permit::Purge(&PurgePolicy { keep_last, ..policy(inventory) }))
    };
    let inventory = world()
        .with(backup("ami-1").expired().days_old(1))
        .with(backup("ami-2").expired().days_old(2))
        .with(backup("ami-3").expired().days_old(3))
        .with(backup("ami-4").expired().days_old(4).of("i-2"));
    let older = [remove("ami-2", &[]), remove("ami-3", &[])];
    assert_eq!(keeping(1, &inventory, &older), NOTHING);
    assert_eq!(keeping(2, &inventory, &older), ["ami-2: KeptAsNewest"]);
    assert_eq!(keeping(9, &inventory, &older), ["ami-2: KeptAsNewest", "ami-3: KeptAsNewest"]);
    assert_eq!(keeping(1, &inventory, &[remove("ami-1", &[])]), ["ami-1: KeptAsNewest"], "though two others stay");
    assert_eq!(keeping(1, &inventory, &[remove("ami-4", &[])]), ["ami-4: KeptAsNewest"], "though those of i-1 stay");
    assert_eq!(keeping(0, &inventory, &[remove("ami-1", &[]), remove("ami-4", &[])]), NOTHING);
}

#[test]
fn only_our_own_available_ones_count_as_newest() {
    let others = [
        backup("ami-9").failed(),
        backup("ami-9").pending(),
        backup("ami-9").being(ImageState::Disabled),
        backup("ami-9").owned_by(THEIRS),
        backup("ami-9").untagged("Creator"),
        backup("ami-9").of_unknown_age(),
        backup("ami-9").of("i-2").tagged("Instance", "i-00000001"),
    ];
    for other in others {
        let inventory = world().with(backup("ami-1").expired()).with(if other.image.created.is_some() { other.days_old(0) } else { other });
        let one = PurgePolicy { keep_last: 1, ..policy(&inventory) };
        assert_eq!(objections(plan([remove("ami-1", &[])]), &inventory, Permit::Purge(&one)), ["ami-1: KeptAsNewest"]);
    }
}

#[test]
fn what_cannot_be_counted_must_stay_where_counting_matters() {
    let uncountable = [
        backup("ami-9").of_nobody(),
        backup("ami-9").of_unknown_age(),
        backup("ami-9").tagged("Instance", "i-0000000f"),
        backup("ami-9").of_nobody().tagged("Instance", "web-1"),
    ];
    for image in uncountable {
        let inventory = world().with(image.expired()).with(backup("ami-1").days_old(0)).with(backup("ami-2").of("i-f").days_old(0));
        let keep_one = PurgePolicy { keep_last: 1, ..policy(&inventory) };
        assert_eq!(objections(plan([remove("ami-9", &[])]), &inventory, Permit::Purge(&keep_one)), ["ami-9: KeptAsNewest"]);
        assert_eq!(wrong(&inventory, [remove("ami-9", &[])]), NOTHING);
    }
}

#[test]
fn no_image_that_is_still_there_may_be_made_of_it() {
    let users = [backup("ami-2"), backup("ami-2").untagged("Creator"), backup("ami-2").owned_by(THEIRS), backup("ami-2").failed()];
    for user in users {
        let inventory = world().with(backup("ami-1").expired().with_snapshot("snap-1")).with(user.made_of("snap-1"));
        assert_eq!(wrong(&inventory, [remove("ami-1", &["snap-1"])]), ["snap-1: UnderLivingImage"]);
        assert_eq!(wrong(&inventory, [remove("ami-1", &[])]), NOTHING);
    }
    let inventory = world().with(backup("ami-1").expired().with_snapshot("snap-1"));
    assert_eq!(wrong(&inventory, [delete("snap-1")]), ["snap-1: UnderLivingImage"]);
    assert_eq!(wrong(&inventory, [remove("ami-1", &[]), delete("snap-1")]), ["snap-1: UnderLivingImage"], "it goes with its image");
}

#[test]
fn a_shared_snapshot_must_go_with_the_last_of_its_images() {
    let inventory = world().with(backup("ami-1").expired().with_snapshot("snap-1")).with(backup("ami-2").expired().made_of("snap-1"));
    let with_the_first = [remove("ami-1", &["snap-1"]), remove("ami-2", &[])];
    assert_eq!(wrong(&inventory, with_the_first), ["snap-1: UnderLivingImage"]);
    assert_eq!(wrong(&inventory, [remove("ami-1", &[]), remove("ami-2", &["snap-1"])]), NOTHING);
    assert_eq!(wrong(&inventory, [remove("ami-2", &[]), remove("ami-1", &["snap-1"])]), NOTHING);
}

#[test]
fn no_image_that_is_still_there_may_be_waiting_for_it() {
    for state in [ImageState::Pending, ImageState::Failed, ImageState::Available] {
        let image = backup("ami-1").expired().being(state).with_unnamed_snapshot();
        let inventory = world().with(image).with(snapshot("snap-1").made_for("ami-1").expired());
        assert_eq!(wrong(&inventory, [delete("snap-1")]), ["snap-1: UnderLivingImage"], "{state}");
    }
    let failed = world().with(backup("ami-1").expired().failed()).with(snapshot("snap-1").made_for("ami-1").expired());
    assert_eq!(wrong(&failed, [remove("ami-1", &[]), delete("snap-1")]), NOTHING);
    let gone = world().with(snapshot("snap-1").made_for("ami-1").expired());
    assert_eq!(wrong(&gone, [delete("snap-1")]), NOTHING);
}

#[test]
fn only_an_images_own_snapshots_go_with_it() {
    let inventory = world().with(backup("ami-1").expired().with_snapshot("snap-1")).with(snapshot("snap-2").expired().made_for("ami-1"));
    assert_eq!(wrong(&inventory, [remove("ami-1", &["snap-1", "snap-2"])]), ["snap-2: NotItsSnapshot"]);
    assert_eq!(wrong(&inventory, [remove("ami-1", &["snap-1"]), delete("snap-2")]), NOTHING);
}

#[test]
fn all_snapshots_are_only_those_that_are_named() {
    let two = || backup("ami-1").expired().with_snapshot("snap-1").with_snapshot("snap-2");
    let unnamed = ["ami-1: SnapshotsUnnamed"];
    assert_eq!(wrong(&world().with(two()), [remove_with_all("ami-1", &["snap-1"])]), unnamed);
    assert_eq!(wrong(&world().with(two()), [remove_with_all("ami-1", &["snap-1", "snap-2"])]), NOTHING);
    let hidden = world().with(two().with_unnamed_snapshot());
    assert_eq!(wrong(&hidden, [remove_with_all("ami-1", &["snap-1", "snap-2"])]), unnamed, "EC2 does not name all");
    assert_eq!(wrong(&hidden, [remove("ami-1", &["snap-1", "snap-2"])]), NOTHING);
}

#[test]
fn of_very_many_steps_each_is_looked_at_and_the_faults_come_in_their_order() {
    let is_wrong = |number: usize| number % 1_000 == 7;
    let ids: Vec<String> = (1..=20_000).map(|number| format!("snap-{number}")).collect();
    let orphans = ids.iter().enumerate().map(|(number, id)| if is_wrong(number) { snapshot(id) } else { snapshot(id).expired() });
    let inventory = orphans.fold(world(), crate::Inventory::with);
    // In no order of theirs.
    let steps = || (0..ids.len()).map(|number| number * 7_919 % ids.len());
    let faults: Vec<String> = steps().filter(|number| is_wrong(*number)).map(|number| format!("{}: NotReleased", ids[number])).collect();
    assert_eq!(faults.len(), 20);
    assert_eq!(wrong(&inventory, steps().map(|number| delete(&ids[number]))), faults);
    let right: Vec<Step> = steps().filter(|number| !is_wrong(*number)).map(|number| delete(&ids[number])).collect();
    assert_eq!(wrong(&inventory, right.clone()), NOTHING);
    assert_eq!(wrong(&inventory, right.into_iter().chain([delete(&ids[0])])), ["snap-1: Twice"]);
}

#[test]
fn nothing_goes_twice() {
    let inventory = world()
        .with(backup("ami-1").expired().with_snapshot("snap-1"))
        .with(snapshot("snap-2").expired())
        .with_in("eu-west-1", snapshot("snap-2").expired());
    assert_eq!(wrong(&inventory, [remove("ami-1", &[]), remove("ami-1", &[])]), ["ami-1: Twice"]);
    assert_eq!(wrong(&inventory, [remove("ami-1", &["snap-1", "snap-1"])]), ["snap-1: Twice"]);
    assert_eq!(wrong(&inventory, [delete("snap-2"), delete("snap-2")]), ["snap-2: Twice"]);
    assert_eq!(wrong(&inventory, [delete("snap-2"), in_region("eu-west-1", delete("snap-2"))]), NOTHING, "these are two");
}

#[test]
fn nothing_goes_unseen() {
    let inventory = world().with(backup("ami-1").expired().with_snapshot("snap-1")).with(snapshot("snap-2").expired());
    let shown = plan([remove("ami-1", &["snap-1"]), delete("snap-2")]);
    let not_shown = ["ami-1: NotShown", "snap-2: NotShown"];
    let by = |plan| objections(plan, &inventory, Permit::Purge(&policy(&inventory)));
    assert_eq!(by(Plan { verdicts: Vec::new(), ..shown.clone() }), not_shown);
    let elsewhere = |verdict: &Verdict| Verdict { region: region("eu-west-1"), ..verdict.clone() };
    assert_eq!(by(Plan { verdicts: shown.verdicts.iter().map(elsewhere).collect(), ..shown.clone() }), not_shown);
    let mut fewer = shown.clone();
    if let Decision::Purge { snapshots, .. } = &mut fewer.verdicts[0].decision {
        snapshots.clear();
    }
    assert_eq!(by(fewer), ["ami-1: NotShown"]);
    let mut kept = shown.clone();
    kept.verdicts[1].decision = Decision::Keep { reason: crate::plan::KeepReason::NoExpiry };
    assert_eq!(by(kept), ["snap-2: NotShown"]);
    assert_eq!(by(shown), NOTHING);
}

#[test]
fn what_is_listed_twice_must_be_let_go_by_both() {
    let same = || backup("ami-1").expired().made_of("snap-1");
    let with = |other| world().with(backup("ami-1").expired().with_snapshot("snap-1")).with(other);
    let steps = || [remove_with_all("ami-1", &["snap-1"])];
    assert_eq!(wrong(&with(same()), steps()), NOTHING);
    let others = [
        (same().expiring(1), vec!["NotReleased"]),
        (same().untagged("Expire"), vec!["NotReleased"]),
        (same().pending(), vec!["Pending"]),
        (same().protected(), vec!["Protected"]),
        (same().owned_by(THEIRS), vec!["NotOwned"]),
        (same().untagged("Creator"), vec!["NotMarked"]),
        (same().being(ImageState::Disabled), vec![]),
        (same().made_of("snap-2"), vec!["SnapshotsUnnamed"]),
        (same().with_unnamed_snapshot(), vec!["SnapshotsUnnamed"]),
    ];
    for (other, faults) in others {
        let refused: Vec<String> = std::iter::once("ListedUnlike").chain(faults).map(|fault| format!("ami-1: {fault}")).collect();
        assert_eq!(wrong(&with(other), steps()), refused);
    }
    let without = wrong(&with(backup("ami-1").expired()), steps());
    assert_eq!(without, ["ami-1: ListedUnlike", "snap-1: NotItsSnapshot", "ami-1: SnapshotsUnnamed"]);
    let mut turned = backup("ami-1").expired().made_of("snap-1").made_of("snap-2");
    turned.image.mappings.reverse();
    let inventory = world().with(backup("ami-1").expired().with_snapshot("snap-1").with_snapshot("snap-2")).with(turned);
    assert_eq!(wrong(&inventory, [remove_with_all("ami-1", &["snap-1", "snap-2"])]), NOTHING, "devices come in any order");
}

#[test]
fn what_one_page_calls_deregistered_is_gone() {
    let gone = || backup("ami-1").expired().being(ImageState::Deregistered).made_of("snap-1");
    for inventory in [
        world().with(backup("ami-1").expired().with_snapshot("snap-1")).with(gone()),
        world().with(gone()).with(backup("ami-1").expired().with_snapshot("snap-1")),
    ] {
        assert!(wrong(&inventory, [remove("ami-1", &["snap-1"])]).contains(&"ami-1: Deregistered".to_owned()));
        assert_eq!(wrong(&inventory, [delete("snap-1")]), NOTHING, "and does not hold its snapshots");
        let count = PurgePolicy { max_deletes: Some(MaxDeletes::Percent(0)), ..policy(&inventory) };
        let refusal = guard(plan([delete("snap-1")]), &inventory, Permit::Purge(&count), now()).unwrap_err();
        assert!(matches!(refusal, Refusal::TooMany { seen: 1, .. }), "it is no backup any more");
    }
}

#[test]
fn a_snapshot_that_is_listed_twice_must_be_let_go_by_both() {
    let same = || snapshot("snap-1").expired();
    let steps = || [delete("snap-1")];
    assert_eq!(wrong(&world().with(same()).with(same()), steps()), NOTHING);
    for (other, fault) in [
        (same().expiring(1), "snap-1: NotReleased"),
        (same().unmarked(), "snap-1: NotMarked"),
        (same().owned_by(THEIRS), "snap-1: NotOwned"),
        (same().pending(), "snap-1: Pending"),
    ] {
        assert_eq!(wrong(&world().with(same()).with(other.clone()), steps()), ["snap-1: ListedUnlike", fault]);
        assert_eq!(wrong(&world().with(other).with(same()), steps()), ["snap-1: ListedUnlike", fault]);
    }
}

#[test]
fn what_is_listed_in_two_ways_does_not_count_as_newest() {
    let inventory = world()
        .with(backup("ami-1").expired().days_old(2))
        .with(backup("ami-2").expired().days_old(1))
        .with(backup("ami-2").expired().days_old(1).named(None));
    let keep_one = PurgePolicy { keep_last: 1, ..policy(&inventory) };
    assert_eq!(objections(plan([remove("ami-1", &[])]), &inventory, Permit::Purge(&keep_one)), ["ami-1: KeptAsNewest"]);
    assert_eq!(wrong(&inventory, [remove("ami-1", &[])]), NOTHING);
}

fn expired() -> Inventory {
    world().with(backup("ami-1").expired().with_snapshot("snap-1")).with(snapshot("snap-2").expired().made_for("ami-9"))
}

fn both() -> [Step; 2] {
    [remove("ami-1", &["snap-1"]), delete("snap-2")]
}

#[test]
fn nothing_must_refer_to_it() {
    let by = |kind| expired().checked().referenced_by(kind, "web", "ami-1");
    for kind in [
        ReferenceKind::LaunchTemplate,
        ReferenceKind::LaunchConfiguration,
        ReferenceKind::SsmParameter,
        ReferenceKind::ImageBuilderRecipe,
        ReferenceKind::Other,
    ] {
        assert_eq!(wrong(&by(kind), both()), ["ami-1: Referenced"]);
    }
    let launched = by(ReferenceKind::Instance);
    assert_eq!(wrong(&launched, both()), NOTHING);
    let keeping = PurgePolicy { keep_launched: true, ..policy(&launched) };
    assert_eq!(objections(plan(both()), &launched, Permit::Purge(&keeping)), ["ami-1: Referenced"]);
    let another = expired().checked().referenced_by(ReferenceKind::LaunchTemplate, "web", "ami-2");
    assert_eq!(wrong(&another, both()), NOTHING);
}

#[test]
fn no_snapshot_of_it_must_be_locked() {
    assert_eq!(wrong(&expired().locked("snap-1", "governance"), both()), ["ami-1: Locked", "snap-1: Locked"]);
    assert_eq!(wrong(&expired().locked("snap-1", "governance"), [remove("ami-1", &[])]), ["ami-1: Locked"], "it stays whole");
    assert_eq!(wrong(&expired().locked("snap-2", "compliance-cooloff"), both()), ["snap-2: Locked"]);
    assert_eq!(wrong(&expired().locked("snap-1", "expired").locked("snap-2", "expired"), both()), NOTHING, "that is over");
}

#[test]
fn its_image_must_not_lie_in_the_recycle_bin() {
    assert_eq!(wrong(&expired().binned("ami-9"), both()), ["snap-2: InRecycleBin"]);
    assert_eq!(wrong(&expired().binned("ami-1"), both()), ["ami-1: InRecycleBin", "snap-1: InRecycleBin"]);
    assert_eq!(wrong(&expired().binned("ami-8"), both()), NOTHING);
}

#[test]
fn where_checks_are_required_each_must_have_been_made_of_what_it_concerns() {
    let strictly = |inventory: &Inventory, steps: &[Step]| {
        let strict = PurgePolicy { require_checks: true, ..policy(inventory) };
        objections(plan(steps.to_vec()), inventory, Permit::Purge(&strict))
    };
    assert_eq!(strictly(&expired().checked(), &both()), NOTHING);
    let (image, orphan) = ("ami-1: NotChecked", "snap-2: NotChecked");
    for (check, unchecked) in [
        (Check::References, vec![image]),
        (Check::LaunchConfigurations, vec![image]),
        (Check::Locks, vec![image, orphan]),
        (Check::RecycleBin, vec![orphan]),
    ] {
        for inventory in [expired().checked().denied(check), expired().checked().not_asked(check)] {
            assert_eq!(strictly(&inventory, &both()), unchecked);
            assert_eq!(wrong(&inventory, both()), NOTHING, "they are not required");
        }
    }
    let asked_too_early = world().checked().with(backup("ami-1").expired());
    assert_eq!(strictly(&asked_too_early, &[remove("ami-1", &[])]), [image], "nobody asked about this one");
    let bare = world().with(backup("ami-1").expired()).with(snapshot("snap-2").expired()).checked();
    assert_eq!(strictly(&bare.clone().not_asked(Check::Locks), &[remove("ami-1", &[])]), NOTHING);
    assert_eq!(strictly(&bare.not_asked(Check::RecycleBin), &[delete("snap-2")]), NOTHING);
}

#[test]
fn a_check_that_broke_off_holds_what_it_concerns_though_none_is_required() {
    let (image, orphan) = ("ami-1: NotChecked", "snap-2: NotChecked");
    for (check, unchecked) in [
        (Check::References, vec![image]),
        (Check::LaunchConfigurations, vec![image]),
        (Check::Locks, vec![image, orphan]),
        (Check::RecycleBin, vec![orphan]),
    ] {
        assert_eq!(wrong(&expired().checked().broken_off(check), both()), unchecked, "{check:?}");
    }
    let bare = world().with(backup("ami-1").expired()).with(snapshot("snap-2").expired()).checked();
    let without_locks = bare.clone().denied(Check::References).broken_off(Check::Locks);
    assert_eq!(wrong(&without_locks, [remove("ami-1", &[])]), NOTHING, "it has nothing to be locked");
    let without_bin = bare.denied(Check::Locks).broken_off(Check::RecycleBin);
    assert_eq!(wrong(&without_bin, [delete("snap-2")]), NOTHING, "it was made for nothing in the bin");
    let outliving = world().with(backup("ami-1").expired().upon(snapshot("snap-1").expired().made_for("ami-9"))).checked();
    let with_image = outliving.denied(Check::RecycleBin).broken_off(Check::Locks);
    assert_eq!(wrong(&with_image, [remove("ami-1", &["snap-1"])]), [image], "its locks are its image's matter");
    let of_others = world().checked().with(backup("ami-1").expired());
    assert_eq!(wrong(&of_others, [remove("ami-1", &[])]), [image], "EC2 told of others only");
}

/// What is wrong with these deletions by a policy with the series `web`.
fn wrong_by_policy(inventory: &Inventory, steps: impl IntoIterator<Item = Step>) -> Vec<String> {
    let rule = SeriesRule {
        keep: keep("last=1"),
        zone: jiff::tz::TimeZone::UTC,
        keep_uncopied: None,
        allow_empty: false,
        copies: std::collections::BTreeMap::new(),
        deprecate_after: None,
        protect: None,
    };
    let series = SeriesRules { targets: [("web".parse().unwrap(), rule)].into(), ..SeriesRules::default() };
    objections(plan(steps), inventory, Permit::Purge(&PurgePolicy { series: Some(series), ..policy(inventory) }))
}

#[test]
fn a_series_alone_finds_a_snapshot_again_where_a_policy_is_asked_and_nowhere_else() {
    let of = |series: &str| {
        let its = if series.is_empty() { snapshot("snap-1") } else { snapshot("snap-1").of_series(series) };
        world().with(backup("ami-1").of_series("web").expired().with(its))
    };
    let (without, stranded) = (|| [remove("ami-1", &[])], ["ami-1: Stranded", "ami-1: CoveredUnnamed"]);
    assert_eq!(wrong_by_policy(&of("web"), without()), NOTHING);
    assert_eq!(wrong_by_policy(&of("Web!"), without()), stranded, "that is no series");
    assert_eq!(wrong_by_policy(&of(""), without()), stranded);
    for series in ["web", "Web!", ""] {
        assert_eq!(wrong(&of(series), without()), stranded, "{series:?}");
    }
}

#[test]
fn what_goes_with_an_image_by_its_own_expiry_need_not_be_of_a_series() {
    let inventory = world().with(backup("ami-1").of_series("web").expired().with(snapshot("snap-1").expired()));
    assert_eq!(wrong_by_policy(&inventory, [remove("ami-1", &["snap-1"])]), NOTHING);
    let orphan = world().with(snapshot("snap-1").expired());
    assert_eq!(wrong_by_policy(&orphan, [delete("snap-1")]), ["snap-1: NotOfPolicy"], "by itself it must");
}
