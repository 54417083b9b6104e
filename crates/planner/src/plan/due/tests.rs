//! When a backup is due, and what is asked for then.

use std::time::{Duration, Instant};

use super::*;
use crate::evidence::Evidence;
use crate::fixture::{HOME, TheImage, at, backup, id, instance, now, region, volume, world};
use crate::inventory::RegionView;
use crate::name::image_name;
use crate::policy::file::SELF;
use crate::retention::keep;

/// A policy of these targets, for which backups are due every night at two, UTC, and seven are kept.
fn policy(targets: &str) -> Policy {
    let head = "[defaults]\nschedule = '0 2 * * *'\nkeep-daily = 7\n[account.prod]\nrole-arn = 'arn:aws:iam::210987654321:role/r'\n";
    Policy::read(&format!("{head}{targets}"), "ami-backup.toml").unwrap_or_else(|errors| panic!("{errors}")).0
}

fn web(settings: &str) -> Policy {
    policy(&format!("[[target]]\nname = 'web'\nselect = {{ all = true }}\n{settings}"))
}

fn made(short_id: &str, slot: &str) -> TheImage {
    backup(short_id).of_series("web").slot(slot)
}

fn standing_at(policy: &Policy, instance: &Instance, inventory: &Inventory, now: &str) -> Standing {
    decide(policy, SELF, std::slice::from_ref(instance), inventory, at(now)).items.remove(0).standing
}

fn request(policy: &Policy, instance: &Instance) -> (ImageRequest, Vec<String>) {
    let due = decide(policy, SELF, std::slice::from_ref(instance), &world(), now());
    let [DueItem { standing: Standing::Due { request, .. }, .. }] = due.items.as_slice() else { panic!("{due:?}") };
    ((**request).clone(), due.warnings.into_iter().map(|warning| warning.text).collect())
}

/// `due 2026-…`, `done by ami-1`, …
fn told(standing: &Standing) -> String {
    match standing {
        Standing::Due { slot, .. } => format!("due {slot}"),
        Standing::Done { slot, newest, next } => format!("{slot} done by {newest}, then {}", next.unwrap()),
        Standing::InFlight { slot, image } => format!("{slot} in flight as {image}"),
        Standing::NotYet { next } => format!("not yet, first {next:?}"),
        Standing::NotSelected { why } => why.to_string(),
        Standing::CannotBeImaged { state } => format!("it is {state}"),
        Standing::RegionUnseen { why } => format!("unseen: {why}"),
    }
}

fn lines(due: &Due) -> String {
    let line =
        |item: &DueItem| format!("{} of {}: {}", item.instance, item.target.as_ref().map_or("-", SeriesName::as_str), told(&item.standing));
    due.items.iter().map(line).chain(due.warnings.iter().map(|warning| warning.text.clone())).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_newest_slot_is_due_until_there_is_a_backup_of_it() {
    let (policy, one) = (web(""), instance("i-1", &[]));
    let standing = |inventory: &Inventory| told(&standing_at(&policy, &one, inventory, "2026-11-23T12:00:00Z"));
    assert_eq!(standing(&world()), "due 2026-11-23T02:00:00Z");
    assert_eq!(standing(&world().with(made("ami-1", "2026-11-22T02:00:00Z"))), "due 2026-11-23T02:00:00Z");
    let done = "2026-11-23T02:00:00Z done by ami-00000001, then 2026-11-24T02:00:00Z";
    assert_eq!(standing(&world().with(made("ami-1", "2026-11-23T02:00:00Z"))), done);
    assert_eq!(standing(&world().with(made("ami-1", "2026-11-23T02:00:00Z").being(ImageState::Disabled))), done);
    let pending = world().with(made("ami-1", "2026-11-23T02:00:00Z").pending());
    assert_eq!(standing(&pending), "2026-11-23T02:00:00Z in flight as ami-00000001");
    assert_eq!(standing(&world().with(made("ami-1", "2026-11-22T02:00:00Z").pending())), "due 2026-11-23T02:00:00Z");
    assert_eq!(standing(&pending.with(made("ami-2", "2026-11-23T02:00:00Z"))), done.replace("ami-00000001", "ami-00000002"));
}

#[test]
fn only_a_good_backup_of_this_instance_and_series_counts() {
    let (policy, one) = (web(""), instance("i-1", &[]));
    let slot = "2026-11-23T02:00:00Z";
    let others = [
        made("ami-1", slot).failed(),
        made("ami-1", slot).being(ImageState::Unusable),
        made("ami-1", slot).of("i-2"),
        made("ami-1", slot).of_series("db"),
        made("ami-1", slot).untagged("Creator"),
        made("ami-1", slot).untagged("Date"),
        made("ami-1", slot).tagged("Instance", "i-00000002"),
        made("ami-1", slot).copied_from("ami-9", "eu-west-1"),
        made("ami-1", "2099-01-01T00:00:00Z"),
        backup("ami-1").slot(slot),
    ];
    for other in others {
        let name = format!("{:?}", other.image);
        assert_eq!(told(&standing_at(&policy, &one, &world().with(other), slot)), format!("due {slot}"), "{name}");
    }
    let elsewhere = world().with_in("eu-west-1", made("ami-1", slot));
    assert_eq!(told(&standing_at(&policy, &one, &elsewhere, slot)), format!("due {slot}"));
}

#[test]
fn days_that_were_missed_are_made_up_for_once() {
    let (policy, one) = (web(""), instance("i-1", &[]));
    let before = world().with(made("ami-1", "2026-11-18T02:00:00Z"));
    assert_eq!(told(&standing_at(&policy, &one, &before, "2026-11-22T09:00:00Z")), "due 2026-11-22T02:00:00Z");
    let after = before.with(made("ami-2", "2026-11-22T02:00:00Z"));
    let done = "2026-11-22T02:00:00Z done by ami-00000002, then 2026-11-23T02:00:00Z";
    assert_eq!(told(&standing_at(&policy, &one, &after, "2026-11-22T09:05:00Z")), done);
}

#[test]
fn two_runs_at_once_ask_for_the_same() {
    let policy = web("every = '6h'\ncopy = [{ region = 'eu-west-1', encrypt = true }, { region = 'us-east-1' }]\ncarry-tags = ['Team']");
    let one = instance("i-1", &[("Name", "web-1"), ("Team", "core")]);
    let at_time = |now| match standing_at(&policy, &one, &world(), now) {
        Standing::Due { request, .. } => *request,
        other => panic!("{other:?}"),
    };
    let (early, late) = (at_time("2026-11-23T06:00:00Z"), at_time("2026-11-23T11:59:59Z"));
    assert_eq!(early, late);
    assert_eq!(image_name(&early, Some("web-1"), 1), image_name(&late, Some("web-1"), 1));
    insta::assert_debug_snapshot!(early, @r#"
    ImageRequest {
        instance: InstanceId(
            "i-00000001",
        ),
        region: Region(
            "us-east-1",
        ),
        slot: 2026-11-23T06:00:00Z,
        expire: None,
        reboot: false,
        copies: [
            CopyRequest {
                destination: Region(
                    "eu-west-1",
                ),
                encryption: DefaultKey,
                completion: None,
            },
        ],
        patience: 172800s,
        series: Some(
            SeriesRequest {
                name: SeriesName(
                    "web",
                ),
                copies_until: 2026-11-25T06:00:00Z,
                carried: Tags(
                    {
                        "Team": "core",
                    },
                ),
                excluded_devices: {},
            },
        ),
    }
    "#);
}

#[test]
fn copies_are_made_for_two_days_or_until_two_more_are_due() {
    let one = instance("i-1", &[]);
    let until = |settings| request(&web(settings), &one).0.series.unwrap().copies_until;
    assert_eq!(until("every = '6h'"), at("2026-11-25T00:00:00Z"));
    assert_eq!(until(""), at("2026-11-25T02:00:00Z"));
    assert_eq!(until("schedule = '0 2 * * SUN'"), at("2026-12-06T02:00:00Z"));
}

#[test]
fn what_the_policy_does_not_ask_for_says_why() {
    let policy = policy(
        "[[target]]\nname = 'db'\nselect = { tags = ['Role=db'] }\n[[target]]\nname = 'web'\nselect = { tags = ['Backup'] }\n\
         [[target]]\nname = 'prod'\naccounts = ['prod']\nselect = { all = true }",
    );
    let instances = [
        instance("i-1", &[("Role", "db"), ("Backup", "yes")]),
        instance("i-2", &[("Backup", "yes")]),
        instance("i-3", &[("Backup", "yes"), ("ami-backup:exclude", "")]),
        Instance { state: InstanceState::Terminated, ..instance("i-4", &[("Backup", "yes")]) },
        instance("i-5", &[]),
        Instance { region: region("eu-west-1"), ..instance("i-6", &[("Backup", "")]) },
        Instance { state: InstanceState::Stopping, ..instance("i-7", &[("Backup", "yes")]) },
        instance("i-1", &[("Role", "db")]),
    ];
    let inventory = world().seen("eu-west-1", Scope::Unseen("denied".to_owned()));
    insta::assert_snapshot!(lines(&decide(&policy, SELF, &instances, &inventory, now())), @r"
    i-00000001 of db: due 2026-11-23T02:00:00Z
    i-00000002 of web: due 2026-11-23T02:00:00Z
    i-00000003 of -: is not selected: it bears the tag ami-backup:exclude
    i-00000004 of -: is not selected: it is terminated
    i-00000005 of -: is not selected: db wants the tag Role=db; web wants the tag Backup; prod is for other accounts
    i-00000006 of web: unseen: denied
    i-00000007 of web: it is stopping
    ");
}

#[test]
fn what_was_made_of_an_instance_that_cannot_be_imaged_now_is_done() {
    let pending = Instance { state: InstanceState::Pending, ..instance("i-1", &[]) };
    let inventory = world().with(made("ami-1", "2026-11-23T02:00:00Z"));
    assert!(matches!(standing_at(&web(""), &pending, &inventory, "2026-11-23T02:00:00Z"), Standing::Done { .. }));
}

#[test]
fn a_tag_that_cannot_be_read_is_ignored_and_told() {
    let tags = [("ami-backup:every", "1h"), ("ami-backup:keep-daily", "many"), ("ami-backup:keep-last", "2")];
    let due = decide(&web(""), SELF, &[instance("i-1", &tags)], &world(), at("2026-11-23T05:30:00Z"));
    insta::assert_snapshot!(lines(&due), @r"
    i-00000001 of web: due 2026-11-23T05:00:00Z
    i-00000001: its tag `ami-backup:keep-daily=many` is ignored: `many` is neither a number of backups from 1 nor `unlimited`
    ");
}

#[test]
fn tags_are_carried_as_far_as_there_is_room() {
    let tags: Vec<(String, String)> = (0..40).map(|number| (format!("T{number:02}"), "x".to_owned())).collect();
    let mut one = instance("i-1", &[]);
    one.tags = Tags::new(tags.into_iter().chain([("Name".to_owned(), "web".to_owned()), ("Other".to_owned(), String::new())]));
    let (request, warnings) = request(&web("carry-tags = ['T*', 'Na*']"), &one);
    let carried: Vec<String> = request.series.unwrap().carried.iter().map(|(key, _)| key.to_owned()).collect();
    assert_eq!(carried, (0..30).map(|number| format!("T{number:02}")).collect::<Vec<_>>());
    assert_eq!(warnings, ["i-00000001: 10 of its tags are not carried over to the backup, which has room for 30"]);
}

#[test]
fn the_root_volume_is_never_left_out() {
    let mut one = instance("i-1", &[]);
    one.volumes.push(crate::fleet::Volume { size_gib: None, ..volume("/dev/sdg", 0) });
    let without = |settings: &str, one: &Instance| {
        let (request, warnings) = request(&web(settings), one);
        (request.series.unwrap().excluded_devices.into_iter().collect::<Vec<_>>().join(" "), warnings.join("\n"))
    };
    assert_eq!(without("exclude-volumes = { larger-than-gib = 100 }", &one), ("/dev/sdf".to_owned(), String::new()));
    let (devices, warning) = without("exclude-volumes = { devices = ['/dev/xvda', '/dev/sdg', '/dev/sdz'] }", &one);
    assert_eq!(devices, "/dev/sdg");
    assert_eq!(warning, "i-00000001: its volume /dev/xvda is not left out: it is the root volume");
    one.root_device = None;
    let (devices, warning) = without("exclude-volumes = { larger-than-gib = 100 }", &one);
    assert_eq!(devices, "");
    assert_eq!(warning, "i-00000001: no volume of it is left out, since EC2 does not say which one is its root volume");
    assert_eq!(without("", &one), (String::new(), String::new()), "there is nothing to tell where none is to be");
}

#[test]
fn the_rules_of_a_purge_are_those_of_the_targets_and_of_instances_that_say_otherwise() {
    let policy = policy(
        "[[target]]\nname = 'web'\nselect = { tags = ['Backup'] }\ncopy = [{ region = 'us-east-1', keep-last = 3 }, { region = 'eu-west-1' }]\n\
         [[target]]\nname = 'prod'\naccounts = ['prod']\nselect = { all = true }",
    );
    let instances = [
        instance("i-1", &[("Backup", "")]),
        instance("i-2", &[("Backup", ""), ("ami-backup:keep-daily", "14")]),
        instance("i-3", &[("ami-backup:exclude", ""), ("ami-backup:keep-daily", "21")]),
        instance("i-4", &[("Backup", ""), ("ami-backup:reboot", "true")]),
    ];
    let rules = rules(&policy, SELF, &instances);
    assert_eq!(rules.targets.keys().map(SeriesName::as_str).collect::<Vec<_>>(), ["web"]);
    let web: SeriesName = "web".parse().unwrap();
    let own: Vec<_> =
        rules.instances.iter().map(|((series, instance), rule)| (series.as_str(), instance.clone(), rule.keep.clone())).collect();
    assert_eq!(
        own,
        [("web", id("i-2"), keep("daily=14")), ("web", id("i-3"), keep("daily=21"))],
        "one that opted out says what of it is kept"
    );
    let rule = rules.of(&web, &id("i-2")).unwrap();
    assert_eq!(rule.copies, [(region("us-east-1"), Some(keep("last=3"))), (region("eu-west-1"), None)].into());
    assert_eq!(rules.of(&web, &id("i-1")).unwrap().keep, keep("daily=7"));
}

#[test]
fn ten_thousand_instances_of_one_name_are_no_trouble() {
    let numbered = |number: usize| Instance { id: format!("i-{number:08x}").parse().unwrap(), ..instance("i-1", &[("Name", "web")]) };
    let instances: Vec<Instance> = (0..10_000).map(numbered).collect();
    let images = (0..10_000).step_by(2).map(|number| {
        let mut image = made("ami-1", "2026-11-23T02:00:00Z").image;
        image.id = format!("ami-{number:08x}").parse().unwrap();
        image.source_instance = Some(instances[number].id.clone());
        image.tags = crate::fixture::tagged(&image.tags, "Instance", Some(instances[number].id.as_str()));
        image
    });
    let view = RegionView { scope: Scope::Whole, images: images.collect(), snapshots: Vec::new(), evidence: Evidence::default() };
    let mut inventory = world();
    inventory.regions.insert(region(HOME), view);
    let policy = web("");
    let start = Instant::now();
    let due = decide(&policy, SELF, &instances, &inventory, now());
    let took = start.elapsed();
    let requests: Vec<&ImageRequest> = due
        .items
        .iter()
        .filter_map(|item| match &item.standing {
            Standing::Due { request, .. } => Some(&**request),
            _ => None,
        })
        .collect();
    assert_eq!(requests.len(), 5_000);
    let names: HashSet<String> = requests.iter().map(|request| image_name(request, Some("web"), 1)).collect();
    assert_eq!(names.len(), 5_000, "each has a name of its own");
    // Unoptimised, on a busy machine; a small part of it otherwise.
    assert!(took < Duration::from_secs(20), "{took:?}");
}
