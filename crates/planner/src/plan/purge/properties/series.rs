//! The planner and the guard have nothing in common but the words of the rules: on random series they agree, about every single
//! image and orphan.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::fixture::{HOME, TheImage, backup, region, snapshot, tagged, world};
use crate::guard::Fault;
use crate::plan::mend;
use crate::policy::{Protect, SeriesRule, SeriesRules};
use crate::retention::{Keep, keep};
use crate::tags::{PIN, SERIES, Tags};

const WEST: &str = "eu-west-1";

#[derive(Debug, Clone)]
struct Thinning {
    inventory: Inventory,
    policy: PurgePolicy,
}

fn any_keep() -> impl Strategy<Value = Keep> {
    let rule = select(vec![
        "last=1",
        "last=3",
        "hourly=2",
        "hourly=unlimited",
        "daily=1",
        "daily=3",
        "weekly=2",
        "weekly=unlimited",
        "monthly=2",
        "yearly=1",
        "yearly=2",
        "within=36h",
        "within=1d",
        "within=1mo",
        "tag=Keep",
        "tag=Keep=yes",
    ]);
    vec(rule, 0..3).prop_map(|rules| keep(&rules.join(" ")))
}

fn any_rule() -> impl Strategy<Value = SeriesRule> {
    let zone = select(vec!["UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "NST3:30NDT,M4.1.0/0:01,M10.5.0/0:01"]);
    let uncopied = prop::option::weighted(0.8, select(vec!["12h", "7d", "60d", "1y"]));
    let copies = prop::option::weighted(0.8, prop::option::of(any_keep()));
    let deprecate_after = prop::option::of(select(vec!["1h", "30d", "1y"]));
    let protect = prop::option::of(select(vec![Protect::UntilLifted, Protect::WithCooldown]));
    let wishes = (deprecate_after, protect);
    let all = (any_keep(), zone, uncopied, prop::bool::weighted(0.2), copies, wishes);
    all.prop_map(|(keep, zone, uncopied, allow_empty, copies, (deprecate_after, protect))| SeriesRule {
        keep,
        zone: TimeZone::posix(zone).unwrap(),
        keep_uncopied: uncopied.map(|text| text.parse().unwrap()),
        allow_empty,
        copies: copies.into_iter().map(|keep| (region(WEST), keep)).collect(),
        deprecate_after: deprecate_after.map(|text| text.parse().unwrap()),
        protect,
    })
}

/// Hours before now: close together, a few weeks back, years back, and some that are yet to come.
fn any_slot() -> impl Strategy<Value = Timestamp> {
    let hours = prop_oneof![6 => 0..100_i64, 3 => 100..2_000_i64, 1 => 2_000..30_000_i64, 1 => -50..0_i64];
    hours.prop_map(|hours| now() - SignedDuration::from_hours(hours))
}

/// The tags of a backup, some of them not as they should be.
fn any_tags() -> impl Strategy<Value = Vec<(&'static str, Option<String>)>> {
    let series =
        prop_oneof![8 => Just(Some("web")), 2 => Just(Some("db")), 1 => Just(Some("gone")), 1 => Just(Some("No Name")), 1 => Just(None)];
    let instance = prop_oneof![8 => Just(Some("i-00000001")), 2 => Just(Some("i-00000002")), 1 => Just(Some("web")), 1 => Just(None)];
    let date =
        prop_oneof![15 => any_slot().prop_map(|slot| Some(slot.to_string())), 1 => Just(Some("yesterday".to_owned())), 1 => Just(None)];
    let expire = prop_oneof![15 => Just(None), 1 => Just(Some("2026-11-22T02:00:00Z")), 1 => Just(Some("2027-01-01T00:00:00Z")), 1 => Just(Some("soon"))];
    let pin = prop::option::weighted(0.06, Just("audit"));
    let kept = prop::option::weighted(0.1, select(vec!["yes", "no"]));
    (series, instance, date, expire, pin, kept).prop_map(|(series, instance, date, expire, pin, kept)| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        vec![
            (SERIES, owned(series)),
            ("Instance", owned(instance)),
            ("Date", date),
            ("Expire", owned(expire)),
            (PIN, owned(pin)),
            ("Keep", owned(kept)),
        ]
    })
}

#[derive(Debug, Clone)]
struct Told {
    west: bool,
    source: Option<&'static str>,
    is_copy: bool,
    state: ImageState,
    tags: Vec<(&'static str, Option<String>)>,
    /// Whether it has a snapshot, and whether that bears the image's tags, only our mark, or none.
    snapshot: Option<u8>,
    listed_again: bool,
}

fn any_backup() -> impl Strategy<Value = Told> {
    let state = prop_oneof![
        12 => Just(ImageState::Available),
        2 => Just(ImageState::Failed),
        1 => Just(ImageState::Disabled),
        1 => Just(ImageState::Unusable),
        1 => Just(ImageState::Pending),
        1 => Just(ImageState::Deregistered),
    ];
    let source = prop::option::weighted(0.7, prop_oneof![9 => Just("i-1"), 1 => Just("i-2")]);
    let snapshot = prop::option::of(prop_oneof![6 => Just(0_u8), 1 => Just(1), 1 => Just(2)]);
    (prop::bool::weighted(0.3), source, prop::bool::weighted(0.35), state, any_tags(), snapshot, prop::bool::weighted(0.04)).prop_map(
        |(west, source, is_copy, state, tags, snapshot, listed_again)| Told { west, source, is_copy, state, tags, snapshot, listed_again },
    )
}

fn retagged(tags: &Tags, told: &[(&str, Option<String>)]) -> Tags {
    told.iter().fold(tags.clone(), |tags, (key, value)| tagged(&tags, key, value.as_deref()))
}

impl Told {
    fn image(&self, number: usize) -> TheImage {
        let mut one = backup(&format!("ami-{number}"));
        one.image.source_instance = self.source.map(crate::fixture::id);
        if self.is_copy {
            one = one.copied_from("ami-77", HOME);
        }
        one.image.state = self.state;
        one.image.tags = retagged(&one.image.tags, &self.tags);
        let short_id = format!("snap-{number}");
        match self.snapshot {
            None => one,
            Some(0) => one.with_snapshot(&short_id),
            Some(1) => one.with(snapshot(&short_id)),
            Some(_) => one.with(snapshot(&short_id).unmarked()),
        }
    }
}

fn any_thinning() -> impl Strategy<Value = Thinning> {
    let rules = (any_rule(), any_rule(), prop::option::weighted(0.3, any_rule()));
    let west = prop_oneof![5 => Just(Scope::Whole), 1 => Just(Scope::Partial), 3 => Just(Scope::Unseen("denied".to_owned()))];
    let orphans = vec((prop::bool::weighted(0.3), any_tags()), 0..4);
    (rules, vec(any_backup(), 0..14), orphans, west).prop_map(|((web, db, own), backups, orphans, west)| {
        let mut inventory = world().seen(WEST, Scope::Whole);
        let place = |west: bool| if west { WEST } else { HOME };
        for (number, told) in (1..).zip(&backups) {
            inventory = inventory.with_in(place(told.west), told.image(number));
            if told.listed_again {
                let mut again = told.image(number).image;
                again.protection = Protection::On("enabled".to_owned());
                inventory.regions.get_mut(&region(place(told.west))).unwrap().images.push(again);
            }
        }
        for (number, (west, tags)) in (50..).zip(orphans) {
            let mut orphan = snapshot(&format!("snap-{number}")).made_for("ami-99");
            orphan.snapshot.tags = retagged(&orphan.snapshot.tags, &tags);
            inventory = inventory.with_in(place(west), orphan);
        }
        let inventory = inventory.checked().seen(WEST, west);
        let targets = [("web".parse().unwrap(), web), ("db".parse().unwrap(), db)].into();
        let instances = own.map(|own| (("web".parse().unwrap(), crate::fixture::id("i-1")), own)).into_iter().collect();
        let regions = [region(HOME), region(WEST)].into();
        let series = Some(SeriesRules { targets, instances });
        Thinning { inventory, policy: PurgePolicy { regions, require_checks: true, series, ..PurgePolicy::default() } }
    })
}

impl Thinning {
    fn plan(&self) -> Plan {
        decide(&self.inventory, &self.policy, now())
    }

    /// What the guard says to the going of one thing that stays.
    fn faults_of(&self, verdict: &Verdict) -> Vec<Fault> {
        let mut plan = Plan::default();
        let action = match &verdict.subject {
            Subject::Backup(label) => {
                Action::RemoveImage(RemoveImage { image: label.image.clone(), snapshots: vec![], covered: vec![], all_snapshots: false })
            }
            Subject::Orphan { snapshot, .. } => Action::DeleteSnapshot(snapshot.clone()),
        };
        let reason = PurgeReason::LetGo { series: "web".parse().unwrap() };
        plan.steps.push(Step { region: verdict.region.clone(), action });
        plan.verdicts.push(Verdict { decision: Decision::Purge { reason, snapshots: vec![], left: vec![] }, ..verdict.clone() });
        match guard(plan, &self.inventory, Permit::Purge(&self.policy), now()) {
            Ok(_) => Vec::new(),
            Err(Refusal::Objections(objections)) => objections.into_iter().map(|objection| objection.fault).collect(),
            Err(refusal @ Refusal::TooMany { .. }) => panic!("{refusal}"),
        }
    }
}

/// What the guard calls a reason of the planner's.
fn fault(reason: &KeepReason) -> Option<Fault> {
    match reason {
        KeepReason::Pinned { .. } => Some(Fault::Pinned),
        KeepReason::NotOfPolicy | KeepReason::SeriesUnclear | KeepReason::SlotAhead { .. } | KeepReason::OfNoTarget { .. } => {
            Some(Fault::NotOfPolicy)
        }
        KeepReason::Wanted { .. } => Some(Fault::WantedByRule),
        KeepReason::NewestOfSeries { .. } | KeepReason::FailedLast { .. } => Some(Fault::NewestOfSeries),
        KeepReason::Uncopied { .. } | KeepReason::DestinationUnseen { .. } => Some(Fault::Uncopied),
        KeepReason::NotExpired { .. } | KeepReason::UnreadableExpiry { .. } => Some(Fault::NotReleased),
        KeepReason::Protected { .. } => Some(Fault::Protected),
        KeepReason::Pending => Some(Fault::Pending),
        KeepReason::ListedUnlike { .. } => Some(Fault::ListedUnlike),
        _ => None,
    }
}

/// The rules with one more, everywhere.
fn with_more(rules: &SeriesRules, more: &Keep) -> SeriesRules {
    let or = |keep: &Keep| {
        let Keep { last, hourly, daily, weekly, monthly, yearly, within, tags } = keep.clone();
        Keep {
            last: last.or(more.last),
            hourly: hourly.or(more.hourly),
            daily: daily.or(more.daily),
            weekly: weekly.or(more.weekly),
            monthly: monthly.or(more.monthly),
            yearly: yearly.or(more.yearly),
            within: within.or(more.within),
            tags: tags.into_iter().chain(more.tags.clone()).collect(),
        }
    };
    let mut rules = rules.clone();
    for rule in rules.targets.values_mut().chain(rules.instances.values_mut()) {
        rule.keep = or(&rule.keep);
        rule.copies.values_mut().flatten().for_each(|keep| *keep = or(keep));
    }
    rules
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_lacks_something_is_mended_and_nothing_else(thinning in any_thinning()) {
        let Thinning { inventory, policy: PurgePolicy { series: Some(rules), .. } } = &thinning else { unreachable!() };
        let lacking = mend::decide(inventory, rules, now());
        let passes = |steps: Vec<Step>| guard(Plan { steps, ..Plan::default() }, inventory, Permit::Mend(rules), now()).is_ok();
        prop_assert!(passes(lacking.iter().map(|lacking| lacking.step.clone()).collect()));
        for (region, view) in &inventory.regions {
            for image in &view.images {
                // Whatever any rule wants for anything of that slot.
                let slot = image.tags.slot().unwrap_or_else(now);
                let all = rules.targets.values().chain(rules.instances.values());
                for wish in all.flat_map(|rule| mend::wishes(rule, slot, now())) {
                    let step = Step { region: region.clone(), action: Action::Mend(mend::Mend { image: image.id.clone(), wish }) };
                    let is_lacking = lacking.iter().any(|lacking| lacking.step == step);
                    prop_assert_eq!(passes(vec![step]), is_lacking, "{} {}", image.id, wish);
                }
            }
        }
    }

    #[test]
    fn the_guard_lets_pass_what_the_rules_let_go(thinning in any_thinning()) {
        let checked = guard(thinning.plan(), &thinning.inventory, Permit::Purge(&thinning.policy), now());
        prop_assert!(checked.is_ok(), "{}", checked.unwrap_err());
    }

    #[test]
    fn the_guard_refuses_each_thing_that_stays_and_calls_the_reason_by_its_name(thinning in any_thinning()) {
        for verdict in thinning.plan().verdicts {
            if let Decision::Keep { reason } = &verdict.decision {
                let faults = thinning.faults_of(&verdict);
                // What is listed in two ways can be wrong in two ways.
                let named = |fault: Fault| faults.contains(&fault) || faults.contains(&Fault::ListedUnlike);
                prop_assert!(fault(reason).is_none_or(named), "{verdict:?}: {faults:?}");
            }
        }
    }

    #[test]
    fn one_more_keep_rule_never_deletes_more(thinning in any_thinning(), more in any_keep()) {
        let series = thinning.policy.series.as_ref().map(|rules| with_more(rules, &more));
        let keeping = Thinning { policy: PurgePolicy { series, ..thinning.policy.clone() }, ..thinning.clone() };
        prop_assert!(deleted(&keeping.plan()).is_subset(&deleted(&thinning.plan())));
    }

    #[test]
    fn one_thinning_leaves_nothing_for_the_next(thinning in any_thinning()) {
        let first = thinning.plan();
        let next = Thinning { inventory: applied(thinning.inventory.clone(), &first), ..thinning };
        let second = next.plan();
        // Where a series may be emptied, its copies may all go, and an orphan that was newer than these is judged by the sources alone then.
        let may_be_emptied = next.policy.series.iter().any(|rules| rules.targets.values().chain(rules.instances.values()).any(|rule| rule.allow_empty));
        let only_orphans = second.steps.iter().all(|step| matches!(step.action, Action::DeleteSnapshot(_)));
        let is_next_to_nothing = second.steps.is_empty() || may_be_emptied && only_orphans;
        prop_assert!(is_next_to_nothing, "first {:?}, then {:?}", deletions(&first), deletions(&second));
        let last = Thinning { inventory: applied(next.inventory.clone(), &second), ..next };
        prop_assert!(last.plan().steps.is_empty(), "first {:?}, then {:?}, then {:?}", deletions(&first), deletions(&second), deletions(&last.plan()));
    }

    #[test]
    fn what_is_not_of_a_series_of_the_policy_never_goes(thinning in any_thinning()) {
        let gone = deleted(&thinning.plan());
        for (region, view) in &thinning.inventory.regions {
            let things = view.images.iter().map(|image| (image.id.to_string(), &image.tags));
            for (id, tags) in things {
                let bare = tags.get(SERIES).is_none_or(|name| name != "web" && name != "db") && tags.get("Expire").is_none();
                prop_assert!(!gone.contains(&(region.clone(), id)) || (!bare && tags.get(PIN).is_none()));
            }
        }
    }
}

#[test]
fn the_random_series_are_worth_looking_at() {
    let mut runner = TestRunner::new_with_rng(config(), TestRng::deterministic_rng(RngAlgorithm::XorShift));
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..500 {
        let plan = any_thinning().new_tree(&mut runner).unwrap().current().plan();
        let told: BTreeSet<String> = plan
            .verdicts
            .iter()
            .map(|Verdict { subject, decision, .. }| {
                let kind = if matches!(subject, Subject::Backup(_)) { "image" } else { "orphan" };
                let reason = match decision {
                    Decision::Keep { reason } => format!("{reason:?}"),
                    Decision::Purge { reason, .. } => format!("{reason:?}"),
                };
                let name: String = reason.chars().take_while(|c| c.is_alphanumeric()).collect();
                format!("{kind} {name}")
            })
            .collect();
        for told in told {
            *seen.entry(told).or_default() += 1;
        }
    }
    for wanted in [
        "image LetGo",
        "image Outdone",
        "image Expired",
        "image Pinned",
        "image NotOfPolicy",
        "image SeriesUnclear",
        "image SlotAhead",
        "image OfNoTarget",
        "image Wanted",
        "image NewestOfSeries",
        "image FailedLast",
        "image Uncopied",
        "image DestinationUnseen",
        "orphan LetGo",
        "orphan Wanted",
        "orphan NewestOfSeries",
        "orphan Pinned",
        "orphan SeriesUnclear",
        "orphan SlotAhead",
        "orphan OfNoTarget",
    ] {
        assert!(seen.get(wanted).is_some_and(|worlds| *worlds >= 5), "of 500 worlds, too few show {wanted}: {seen:?}");
    }
}
