//! Whatever text the world sends, nobody panics, and what cannot be read is kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::evidence::ReferenceKind;
use crate::expiry::Expiry;
use crate::fixture::{HOME, TheImage, backup, deletions, now, policy, region, snapshot, verdicts, world};
use crate::guard::{Permit, guard};
use crate::id::{AccountId, ImageId, InstanceId, Region, SnapshotId};
use crate::inventory::{Inventory, Protection, Scope, made_for};
use crate::plan::copy::Tried;
use crate::plan::{Plan, copy, purge};
use crate::policy::{PurgePolicy, SeriesRule, SeriesRules};
use crate::retention::keep;
use crate::tags::{ExpireTag, Intent};

/// Pieces of what is really written, so that some texts are nearly right.
const PIECES: [&str; 36] = [
    "until=",
    "2026-11-24T02:00:00Z",
    "2026-11-22T02:00:00Z",
    "9999-99-99T99:99:99Z",
    "-009999-01-02T01:59:59Z",
    "+262142-12-31T23:59:59Z",
    "Sun Nov 22 01:00:00 UTC 2026",
    "CST",
    "T",
    "Z",
    " ",
    "\t",
    "\n",
    "encrypt",
    "key=",
    "arn:aws:kms:eu-west-1:123456789012:key/mrk-1",
    "Created by CreateImage(",
    "i-12345678",
    "i-0123456789abcdef0",
    ") for ",
    "Copied for DestinationAmi ",
    "ami-",
    "ami-12345678",
    "ami-0123456789abcdef0",
    "snap-12345678",
    " from SourceAmi ",
    "eu-west-1",
    "us-gov-west-1",
    "123456789012",
    "image-instance",
    "backup-ami@",
    "\u{202e}",
    "\u{0}",
    "é",
    "👩‍👩‍👧‍👧",
    "99999999999999999999",
];

/// Any text, a jumble of pieces, or a right one with one character changed.
fn any_text() -> impl Strategy<Value = String> {
    let jumble = prop::collection::vec(select(PIECES.to_vec()), 0..8).prop_map(|pieces| pieces.concat());
    let nearly = (select(PIECES.to_vec()), any::<Index>(), any::<char>()).prop_map(|(piece, place, other)| {
        let mut characters: Vec<char> = piece.chars().collect();
        let place = place.index(characters.len());
        characters[place] = other;
        characters.into_iter().collect()
    });
    let long = (any::<char>(), 0_usize..2000).prop_map(|(c, times)| c.to_string().repeat(times));
    prop_oneof![2 => any::<String>(), 4 => jumble, 3 => nearly, 1 => long]
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() }
}

fn planned(inventory: &Inventory, policy: &PurgePolicy) -> Plan {
    let plan = purge::decide(inventory, policy, now());
    guard(plan.clone(), inventory, Permit::Purge(policy), now()).unwrap();
    plan
}

/// Whether the text is surely an expiry that is past.
fn is_past(text: &str) -> bool {
    Expiry::from_tag(text).is_ok_and(|expiry| expiry.instant() < now())
}

fn has_one_form<T: std::str::FromStr + ToString>(text: &str) -> bool {
    text.parse::<T>().is_ok_and(|id| id.to_string() != text)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_id_is_printed_as_it_was_read_or_refused_on_one_plain_line(text in any_text()) {
        prop_assert!(!has_one_form::<InstanceId>(&text) && !has_one_form::<ImageId>(&text) && !has_one_form::<SnapshotId>(&text));
        prop_assert!(!has_one_form::<AccountId>(&text) && !has_one_form::<Region>(&text));
        let refusals = [text.parse::<InstanceId>().err(), text.parse::<ImageId>().err(), text.parse::<Region>().err()];
        for refusal in refusals.into_iter().flatten() {
            let told = refusal.to_string();
            prop_assert!(told.chars().all(|c| c.is_ascii_graphic() || c == ' ') && told.len() < 2000, "{told:?}");
        }
    }

    #[test]
    fn a_description_names_an_image_only_in_ec2s_words(text in any_text()) {
        if let Some(image) = made_for(&text) {
            prop_assert!(text.starts_with("Created by CreateImage(") || text.starts_with("Copied for DestinationAmi "));
            prop_assert!(text.contains(image.as_str()));
        }
    }

    #[test]
    fn an_intent_is_read_as_it_would_be_written_or_not_at_all(destination in any_text(), value in any_text()) {
        for key in [format!("ami-backup:copy-to:{destination}"), "ami-backup:copy-to:eu-west-1".to_owned(), destination] {
            let tags = backup("ami-1").tagged(&key, &value).image.tags;
            for intent in tags.intents() {
                match intent {
                    Ok(intent) => {
                        let again = tags.clone().with_intents([&intent]);
                        let read: Vec<Intent> = again.intents().filter_map(Result::ok).collect();
                        prop_assert_eq!(read, [intent]);
                    }
                    Err(unreadable) => prop_assert!(!unreadable.to_string().contains(char::is_control)),
                }
            }
        }
    }

    #[test]
    fn what_bears_any_expire_goes_only_if_that_is_surely_past(text in any_text()) {
        let inventory = world()
            .with(backup("ami-1").tagged("Expire", &text).with_snapshot("snap-1"))
            .with(backup("ami-2").expired().with(snapshot("snap-2").tagged("Expire", &text)))
            .with(snapshot("snap-3").tagged("Expire", &text));
        let plan = planned(&inventory, &policy(&inventory));
        let expected = if is_past(&text) { vec!["ami-1 with snap-1", "ami-2 with snap-2", "snap-3"] } else { vec!["ami-2"] };
        prop_assert_eq!(deletions(&plan), expected);
        prop_assert!(!verdicts(&plan).contains(|c: char| c.is_control() && c != '\n'));
        if matches!(inventory.regions[&region(HOME)].images[0].tags.expire(), ExpireTag::Unreadable { .. }) {
            prop_assert!(verdicts(&plan).contains("cannot be read as an instant"));
        }
    }

    #[test]
    fn what_bears_any_creator_goes_only_if_that_is_our_mark(text in any_text()) {
        let ours = text == "image-instance";
        let inventory = world()
            .with(backup("ami-1").expired().tagged("Creator", &text).with_snapshot("snap-1"))
            .with(backup("ami-2").expired().with(snapshot("snap-2").expired().tagged("Creator", &text)))
            .with(snapshot("snap-3").expired().tagged("Creator", &text));
        let plan = planned(&inventory, &policy(&inventory));
        let expected = if ours { vec!["ami-1 with snap-1", "ami-2 with snap-2", "snap-3"] } else { vec!["ami-2"] };
        prop_assert_eq!(deletions(&plan), expected);
    }

    #[test]
    fn what_bears_any_series_date_instance_or_pin_goes_by_a_policy_only_if_all_of_them_are_surely_right(text in any_text()) {
        let web = |short_id| backup(short_id).of_series("web").slot("2026-11-20T02:00:00Z");
        let orphan = || snapshot("snap-5").of_series("web").slot("2026-11-20T02:00:00Z").tagged("Instance", "i-00000001");
        let inventory = world()
            .with(web("ami-1").of_series(&text))
            .with(web("ami-2").tagged("Date", &text))
            .with(web("ami-3").tagged("Instance", &text))
            .with(web("ami-4").with(snapshot("snap-4").pinned(&text)))
            .with(orphan().tagged("Date", &text))
            .with(orphan().made_for("ami-9").tagged("Instance", &text).renamed("snap-6"))
            .with(backup("ami-7").of_series("web").slot("2026-11-23T02:00:00Z"))
            .checked();
        let rule = SeriesRule {
            keep: keep("last=1"),
            zone: TimeZone::UTC,
            keep_uncopied: None,
            allow_empty: false,
            copies: BTreeMap::new(),
            deprecate_after: None,
            protect: None,
        };
        let series = Some(SeriesRules { targets: [("web".parse().unwrap(), rule)].into(), ..SeriesRules::default() });
        let plan = planned(&inventory, &PurgePolicy { series, require_checks: true, ..policy(&inventory) });
        let is_old = text.parse::<Timestamp>().is_ok_and(|slot| slot < now());
        // What is no instance id says nothing against what EC2 says; an orphan has nothing else.
        let instance = text.parse::<InstanceId>().map(|instance| instance.to_string());
        let is_its = instance.as_deref().unwrap_or("i-00000001") == "i-00000001";
        let expected: Vec<&str> = [("ami-1", text == "web"), ("ami-2", is_old), ("ami-3", is_its), ("snap-5", is_old), ("snap-6", text == "i-00000001")]
            .into_iter()
            .filter_map(|(id, goes)| goes.then_some(id))
            .collect();
        let mut gone = deletions(&plan);
        gone.sort();
        prop_assert_eq!(gone, expected);
        prop_assert!(!verdicts(&plan).contains(|c: char| c.is_control() && c != '\n'));
    }

    #[test]
    fn whatever_else_the_tags_say_a_purge_and_a_copy_can_be_planned(key in any_text(), value in any_text(), keep_last in 0_u32..3) {
        let odd = |image: TheImage| image.tagged(&key, &value).tagged("Instance", &value).tagged("Name", &value).tagged("Date", &value);
        let inventory = world()
            .with(odd(backup("ami-1").expired()).with_snapshot("snap-1"))
            .with(odd(backup("ami-2").expired().of_nobody().copy_wanted_in("eu-west-1")).with_snapshot("snap-2"))
            .with(snapshot("snap-3").expired().tagged(&key, &value))
            .seen("eu-west-1", Scope::Whole);
        for policy in [PurgePolicy { keep_last, ..policy(&inventory) }, PurgePolicy { require_checks: true, ..policy(&inventory) }] {
            planned(&inventory, &policy);
            planned(&inventory.clone().checked(), &policy);
        }
        let (steps, standings) = copy::decide(&inventory, now(), &Tried::default());
        prop_assert!(standings.iter().all(|standing| !standing.standing.to_string().contains(char::is_control)));
        guard(Plan { steps, ..Plan::default() }, &inventory, Permit::Resume, now()).unwrap();
    }

    #[test]
    fn whatever_ec2_tells_of_protection_locks_and_references_keeps_and_is_told_on_one_line(text in any_text()) {
        let mut protected = backup("ami-3").expired();
        protected.image.protection = Protection::On(text.clone());
        let inventory = world()
            .with(backup("ami-1").expired().with_snapshot("snap-1"))
            .with(backup("ami-2").expired())
            .with(protected)
            .checked()
            .locked("snap-1", &text)
            .referenced_by(ReferenceKind::Other, &text, "ami-2");
        let plan = planned(&inventory, &policy(&inventory));
        let expected: &[&str] = if text == "expired" { &["ami-1 with snap-1"] } else { &[] };
        prop_assert_eq!(deletions(&plan), expected);
        prop_assert!(!verdicts(&plan).contains(|c: char| c.is_control() && c != '\n'));
        prop_assert_eq!(verdicts(&plan).lines().count(), 3);
    }
}
