//! How much one run may delete.

use super::*;

/// Two backups of which one has expired, three orphans of which one has, and a stranger's of each.
fn inventory() -> Inventory {
    world()
        .with(backup("ami-1").expired().with_snapshot("snap-1").with_snapshot("snap-2"))
        .with(backup("ami-2").with_snapshot("snap-3"))
        .with(backup("ami-3").untagged("Creator"))
        .with(snapshot("snap-4").expired())
        .with(snapshot("snap-5"))
        .with(snapshot("snap-6"))
        .with(snapshot("snap-7").unmarked())
        .with_in("eu-west-1", backup("ami-4").expired())
}

fn capped(cap: MaxDeletes, steps: impl IntoIterator<Item = Step>) -> Result<CheckedPlan, Refusal> {
    let home = PurgePolicy { regions: [region(HOME)].into(), max_deletes: Some(cap), ..PurgePolicy::default() };
    guard(plan(steps), &inventory(), Permit::Purge(&home), now())
}

fn both() -> [Step; 2] {
    [remove("ami-1", &["snap-1", "snap-2"]), delete("snap-4")]
}

#[test]
fn images_and_orphans_count_and_the_snapshots_of_an_image_do_not() {
    assert!(capped(MaxDeletes::Count(2), both()).is_ok());
    let refusal = capped(MaxDeletes::Count(1), both()).unwrap_err();
    assert_eq!(refusal, Refusal::TooMany { deletions: 2, seen: 5, cap: MaxDeletes::Count(1) });
    insta::assert_snapshot!(refusal, @"this run would delete 2 of 5 backups and orphan snapshots, more than --max-deletes 1 allows; nothing was deleted");
}

#[test]
fn a_cap_of_none_lets_nothing_pass_but_nothing() {
    for cap in [MaxDeletes::Count(0), MaxDeletes::Percent(0)] {
        assert!(matches!(capped(cap, [delete("snap-4")]), Err(Refusal::TooMany { .. })));
        assert!(capped(cap, []).is_ok());
    }
}

#[test]
fn a_share_is_of_what_is_ours_in_the_regions_named() {
    assert!(capped(MaxDeletes::Percent(40), both()).is_ok());
    assert!(matches!(capped(MaxDeletes::Percent(39), both()), Err(Refusal::TooMany { deletions: 2, seen: 5, .. })));
    assert!(capped(MaxDeletes::Percent(20), [delete("snap-4")]).is_ok());
}

#[test]
fn what_is_in_a_region_that_was_not_seen_whole_is_nothing_to_take_a_share_of() {
    let inventory = inventory().seen("eu-west-1", Scope::Partial);
    let capped = PurgePolicy { max_deletes: Some(MaxDeletes::Percent(0)), ..policy(&inventory) };
    let refusal = guard(plan([delete("snap-4")]), &inventory, Permit::Purge(&capped), now()).unwrap_err();
    assert!(matches!(refusal, Refusal::TooMany { seen: 5, .. }), "{refusal}");
}

#[test]
fn what_a_share_is_of_is_counted_by_the_guard_and_not_taken_from_the_plan() {
    let home = PurgePolicy { regions: [region(HOME)].into(), max_deletes: Some(MaxDeletes::Percent(10)), ..PurgePolicy::default() };
    let mut boastful = plan(both());
    boastful.verdicts = boastful.verdicts.iter().cycle().take(100).cloned().collect();
    let refusal = guard(boastful, &inventory(), Permit::Purge(&home), now()).unwrap_err();
    assert!(matches!(refusal, Refusal::TooMany { seen: 5, .. }));
}

#[test]
fn a_plan_that_is_wrong_is_wrong_whatever_the_cap() {
    let refusal = capped(MaxDeletes::Count(0), [remove("ami-2", &[])]).unwrap_err();
    assert!(matches!(refusal, Refusal::Objections(objections) if objections[0].fault == Fault::NotReleased));
}
