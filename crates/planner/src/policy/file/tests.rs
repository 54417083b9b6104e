use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::policy::select::InstanceState;
use crate::policy::settings::OnFailure;
use crate::tags::{Encryption, Tags};

/// Every key there is.
const WHOLE: &str = r#"
max-deletes = "10%"
regions = ["us-east-1", "eu-west-1"]

[account.prod]
role-arn = "arn:aws:iam::210987654321:role/ops/ami-backup"
external-id = "7f-Kq"

[defaults]
time-zone = "Europe/Paris"

[template.base]
keep-last = 3
keep-within = "3d"
reboot = true

[template.nightly]
use = "base"
schedule = "0 2 * * *"
keep-hourly = 24
keep-daily = 7
keep-weekly = "unlimited"
keep-monthly = 0
keep-yearly = 1
keep-tag = ["Keep", "Audit=yes"]
keep-uncopied = "14d"
unsafe-allow-empty = false
reboot = false
exclude-volumes = { devices = ["/dev/sdf"], tags = ["Backup=no*"], larger-than-gib = 500 }
carry-tags = ["CostCentre", "Team*"]
deprecate-after = "30d"
warn-after = "26h"
critical-after = "50h"

[[template.nightly.copy]]
region = "eu-central-1"
kms-key = "arn:aws:kms:eu-central-1:123456789012:key/mrk-1234"
keep-daily = 14
keep-within = "off"
completion-minutes = 60

[[template.nightly.copy]]
region = "us-east-1"
encrypt = true

[template.nightly.before]
command = ["/usr/local/bin/freeze", "--db", "a b"]
timeout = "5min"
on-failure = "warn"

[template.nightly.after]
command = ["thaw"]

[[target]]
name = "web"
use = ["nightly"]
accounts = ["prod", "self"]
select = { tags = ["Env=prod*"], any-tags = ["A", "B"], not-tags = ["C"], names = ["web-*"], not-names = ["*-old"], ids = ["i-12345678"], not-ids = ["i-12345679"] }
keep-daily = 30

[[target]]
name = "rest"
use = "nightly"
every = "6h"
regions = ["us-east-2"]
select.all = true
copy = []
"#;

/// A file that is right but for `lines` in its only target, which stand from line 2 on.
fn target(lines: &str) -> String {
    format!("[[target]]\n{lines}\nname = 'web'\nselect.all = true\nevery = '1d'\nkeep-last = 1\n")
}

fn read(text: &str) -> Result<(Policy, Vec<Warning>), PolicyErrors> {
    Policy::read(text, FILE_NAME)
}

#[track_caller]
fn good(text: &str) -> Policy {
    read(text).unwrap_or_else(|errors| panic!("{errors}")).0
}

#[track_caller]
fn errors(text: &str) -> String {
    read(text).expect_err("the file is not right").to_string()
}

fn instance(tags: &[(&str, &str)]) -> Candidate {
    Candidate {
        id: "i-12345678".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        tags: Tags::new(tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))),
        state: InstanceState::Running,
    }
}

fn table(shown: &[Shown]) -> String {
    shown.iter().map(|Shown { key, value, from }| format!("{key:20} {value:28} {from}").trim_end().to_owned() + "\n").collect()
}

fn lines<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_value_has_its_type_and_says_where_it_is_from() {
    let (policy, warnings) = read(WHOLE).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(warnings, []);
    assert_eq!(policy.max_deletes, Some(MaxDeletes::Percent(10)));
    assert_eq!(policy.accounts["prod"].role.account().as_str(), "210987654321");
    let web = &policy.targets[0];
    assert_eq!(web.regions.as_ref().map(BTreeSet::len), Some(2));
    assert_eq!(web.settings.zone.iana_name(), Some("Europe/Paris"));
    assert_eq!(web.settings.copies[1].encryption, Encryption::DefaultKey);
    assert_eq!(web.settings.before.as_ref().map(|hook| (hook.timeout.as_secs(), hook.on_failure)), Some((300, OnFailure::Warn)));
    assert_eq!(web.settings.after.as_ref().map(|hook| (hook.timeout.as_secs(), hook.on_failure)), Some((60, OnFailure::Warn)));
    insta::assert_snapshot!(table(&web.shown()), @"");
    insta::assert_snapshot!(table(&policy.targets[1].shown()), @"");
}

#[test]
fn what_nobody_says_has_a_safe_default() {
    let policy = good("[[target]]\nname = 'a'\nselect.all = true\nevery = '1d'\nkeep-last = 1");
    assert_eq!(policy.targets[0].accounts, BTreeSet::from([SELF.to_owned()]));
    assert_eq!((&policy.targets[0].regions, policy.max_deletes), (&None, None));
    insta::assert_snapshot!(table(&policy.targets[0].shown()), @"");
}

#[test]
fn a_setting_can_be_switched_off_again() {
    let policy = good(
        "[defaults]\nevery = '1d'\nkeep-last = 3\nkeep-daily = 7\nkeep-within = '3d'\nkeep-tag = ['a']\nkeep-uncopied = '3d'\nwarn-after = '1d'\n\
         carry-tags = ['*']\nexclude-volumes.devices = ['xvdf']\n[[defaults.copy]]\nregion = 'eu-west-1'\n\
         [[target]]\nname = 'a'\nselect.all = true\nkeep-last = 0\nkeep-within = 'off'\nkeep-tag = []\nkeep-uncopied = 'off'\nwarn-after = 'off'\n\
         carry-tags = []\nexclude-volumes = {}\ncopy = []",
    );
    let settings = &policy.targets[0].settings;
    assert_eq!((settings.keep.last, settings.keep.within, settings.keep.tags.len()), (None, None, 0));
    assert!(settings.keep.daily.is_some());
    assert_eq!((settings.keep_uncopied, settings.warn_after), (None, None));
    assert!(settings.carry_tags.is_empty() && settings.exclude_volumes.is_empty() && settings.copies.is_empty());
}

#[test]
fn a_later_template_goes_before_an_earlier_one() {
    let policy = good(
        "[defaults]\nkeep-last = 1\n[template.a]\nschedule = '@daily'\nkeep-last = 2\nkeep-daily = 2\n[template.b]\nevery = '6h'\nkeep-last = 3\n\
         [[target]]\nname = 'x'\nuse = ['a', 'b']\nselect.all = true\n[[target]]\nname = 'y'\nuse = ['b', 'a']\nselect.all = true",
    );
    let said = |target: usize| table(&policy.targets[target].shown()[..6]);
    insta::assert_snapshot!(said(0), @"");
    insta::assert_snapshot!(said(1), @"");
}

#[test]
fn an_unknown_key_is_refused_at_every_level_with_what_may_be_meant() {
    let text = "regoins = []\n[account.prod]\nrole-arn = 'arn:aws:iam::210987654321:role/r'\nexternalid = 'ab'\n[defaults]\ntimezone = 'UTC'\n\
                exclude-volumes = { device = [] }\n[template.nightly]\n  keep-dayly = 3\nuses = 'x'\n[[template.nightly.copy]]\nregion = 'eu-west-1'\n\
                kms = 'x'\nkeep-wekly = 1\n[template.nightly.before]\ncommand = ['x']\ntime-out = '1s'\n\
                [[target]]\nname = 'web'\nselect = { tag = ['x'], all = true }\nregion = ['x']\ncolour = 'red'\n[[target.copy]]\nregion = 'eu-west-1'\nquick = true\n[targets]\n";
    insta::assert_snapshot!(errors(text), @"");
}

#[test]
fn a_key_that_is_there_twice_is_named_with_both_places() {
    insta::assert_snapshot!(errors(&format!("{}\n[template.x]\nkeep-daily = 1\nreboot = true\nkeep-daily = 2\nkeep-dayly = 3\n[defaults]\n[defaults]\n", target(""))), @"");
    insta::assert_snapshot!(errors("regions = ['us-east-1']\nregions = ['us-east-1']\n"), @"");
    insta::assert_snapshot!(errors(&target("exclude-volumes = { tags = ['a'], tags = ['b'] }")), @"");
}

#[test]
fn what_is_not_toml_is_said_where_it_is() {
    insta::assert_snapshot!(errors("[[target]]\nname = web\n"), @"");
    insta::assert_snapshot!(errors("[[target]\n"), @"");
    insta::assert_snapshot!(errors("[[target]]\nname = \"a\u{1b}[31m\"\n"), @"");
}

#[test]
fn an_empty_policy_purges_nothing() {
    for empty in ["", "\n# nothing\n", "[defaults]\nkeep-last = 3\n", "target = []\n", "max-deletes = 3"] {
        assert_eq!(
            errors(empty),
            "ami-backup.toml:1:1: there is no [[target]], and an empty policy purges nothing; say what is to be backed up",
            "{empty:?}"
        );
    }
}

#[test]
fn names_are_of_one_target_each_and_plain() {
    insta::assert_snapshot!(errors(&format!("{}{}", target(""), target(""))), @"");
    insta::assert_snapshot!(errors("[template.\"a\\u001b[31m\"]\n[template.Web]\n[account.\"\"]\n[account.self]\nrole-arn='arn:aws:iam::210987654321:role/r'\n[[target]]\nname = \"we\\u0007b\"\nselect.all = true"), @"");
}

#[test]
fn what_is_referred_to_has_to_be_there() {
    insta::assert_snapshot!(errors(&format!("{}\n[template.nightly]\nuse = 'nigthly'\n[account.prod]\nrole-arn = 'arn:aws:iam::210987654321:role/r'", target("use = ['nightli', 'x']\naccounts = ['prot', 'self']"))), @"");
}

#[test]
fn templates_do_not_use_each_other_in_a_circle() {
    insta::assert_snapshot!(errors(&format!("{}[template.a]\nuse = 'b'\n[template.b]\nuse = ['c']\n[template.c]\nuse = 'a'\n[template.d]\nuse = 'd'", target("use = 'a'"))), @"");
}

#[test]
fn templates_build_on_each_other_only_so_deep() {
    let chain = |length: usize, downwards: bool| {
        let one = |n: usize| {
            let next = if downwards { n + 1 } else { n.wrapping_sub(1) };
            if next < length { format!("[template.t{n}]\nuse = 't{next}'\n") } else { format!("[template.t{n}]\n") }
        };
        let first = if downwards { 0 } else { length - 1 };
        (0..length).map(one).collect::<String>() + &target(&format!("use = 't{first}'"))
    };
    for downwards in [true, false] {
        good(&chain(16, downwards));
        assert!(errors(&chain(17, downwards)).contains("more than 16 templates build on one another"));
        errors(&chain(20_000, downwards));
    }
}

#[test]
fn schedules_have_to_come() {
    insta::assert_snapshot!(errors("[[target]]\nname = 'a'\nselect.all = true\nkeep-last = 1"), @"");
    insta::assert_snapshot!(errors(&target("schedule = '0 2 30 2 *'")), @"");
    insta::assert_snapshot!(errors("[defaults]\nschedule = '0 2 31 2 *'\ntime-zone = 'Europe/Pairs'\n[template.x]\nevery = '5min'\n[template.y]\nschedule = 'daily'\n[template.z]\nevery = '1mo'\ntime-zone = 'Etc/Unknown'\n"), @"");
}

#[test]
fn retention_keeps_something() {
    let none = "[[target]]\nname = 'a'\nselect.all = true\nevery = '1d'\n";
    insta::assert_snapshot!(errors(none), @"");
    insta::assert_snapshot!(errors(&target("keep-daily = 0\n[[target.copy]]\nregion = 'eu-west-1'\nkeep-last = 0\n[[target]]")), @"");
    good(&format!("{none}unsafe-allow-empty = true\ncopy = [{{ region = 'eu-west-1', keep-last = 0 }}]"));
}

#[test]
fn copies_go_elsewhere_and_once() {
    insta::assert_snapshot!(errors(&target("regions = ['eu-west-1']\ncopy = [{ region = 'eu-west-1' }, { region = 'eu-west-2' }, { region = 'eu-west-2' }]")), @"");
    // Where a target is in several regions, the copy is left out for the instances there.
    let policy = good(&target("regions = ['us-east-1', 'eu-west-1']\ncopy = [{ region = 'eu-west-1' }, { region = 'us-east-1' }]"));
    let (settings, warnings, shown) = policy.targets[0].settings_for(&instance(&[]));
    assert_eq!((lines(&settings.copies), warnings), ("eu-west-1".to_owned(), vec![]));
    assert!(table(&shown).contains("copy                 eu-west-1                    [[target]]"));
}

#[test]
fn a_key_is_of_the_region_that_the_copy_goes_to() {
    let copy = |key: &str| target(&format!("copy = [{{ region = 'eu-west-1', kms-key = '{key}' }}]"));
    for right in [
        "alias/backup",
        "arn:aws:kms:eu-west-1:123456789012:alias/backup",
        "arn:aws-cn:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ] {
        good(&copy(right));
    }
    for wrong in [
        "",
        "backup",
        "alias/",
        "alias/a b",
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:eu-west-1:1:key/x",
        "arn:aws:s3:::bucket",
    ] {
        assert!(errors(&copy(wrong)).contains("is neither the ARN of a KMS key nor `alias/` and a name"), "{wrong}");
    }
    insta::assert_snapshot!(errors(&copy("arn:aws:kms:us-east-1:123456789012:key/x")), @"");
    assert!(errors(&copy(&format!("alias/{}", "k".repeat(250)))).contains("is too long for a tag"));
    insta::assert_snapshot!(errors(&target("copy = [{ region = 'eu-west-1', kms-key = 'alias/x', encrypt = true }]")), @"");
}

#[test]
fn numbers_and_kinds_are_as_they_have_to_be() {
    insta::assert_snapshot!(errors(
        "max-deletes = '101%'\nregions = 'us-east-1'\naccount = 3\ndefaults = []\n[template]\nx = 1\n[template.nightly]\nschedule = 3\nevery = '6 h'\ntime-zone = true\n\
         keep-last = -3\nkeep-hourly = 1.5\nkeep-daily = 'many'\nkeep-weekly = 4294967296\nkeep-monthly = 99999999999999999999999999999999999999999\nkeep-yearly = [1]\nkeep-within = 3\n\
         keep-tag = ['', 3, '=x']\nkeep-uncopied = '0d'\nunsafe-allow-empty = 'yes'\nreboot = 1\nexclude-volumes = { devices = [''], larger-than-gib = 0 }\n\
         carry-tags = ['aws:x', 'Name', 'ExpireSoon', '']\ndeprecate-after = 1979-05-27\nwarn-after = '50m'\n\
         before = { command = [] , timeout = '2h', on-failure = 'ignore' }\nafter = { command = ['', 'x'] }\n\
         copy = [{ region = 'nowhere', completion-minutes = 50 }, 3, { completion-minutes = 5 }]\n\
         [[target]]\nname = 3\nuse = [3]\naccounts = []\nregions = []\nselect = 'all'\n[[target]]\n"
    ), @"");
    insta::assert_snapshot!(errors("[target]\nname = 'web'\n"), @"");
}

#[test]
fn a_cap_may_be_a_number() {
    assert_eq!(good(&format!("max-deletes = 0x14\n{}", target(""))).max_deletes, Some(MaxDeletes::Count(20)));
    assert_eq!(good(&format!("max-deletes = '20'\n{}", target(""))).max_deletes, Some(MaxDeletes::Count(20)));
    insta::assert_snapshot!(errors(&format!("max-deletes = -1\n{}", target(""))), @"");
}

#[test]
fn a_select_says_which_ones_are_meant() {
    let select = |select: &str| errors(&format!("[defaults]\nevery='1d'\nkeep-last=1\n[[target]]\nname = 'web'\nselect = {{ {select} }}"));
    for empty in ["", "all = false", "not-tags = ['x']", "not-ids = ['i-12345678'], not-names = ['x']"] {
        assert_eq!(
            select(empty),
            "ami-backup.toml:6:10: `select` in target `web` selects nothing; say which instances are meant, by `tags`, `any-tags`, `names` or `ids`, or `all = true`"
        );
    }
    insta::assert_snapshot!(select("all = true, tags = ['x']"), @"");
    insta::assert_snapshot!(select("tags = [], any-tags = ['=x', \"a\\u0007\"], names = [''], ids = ['web']"), @"");
}

#[test]
fn a_warning_comes_before_what_is_critical() {
    insta::assert_snapshot!(errors(&target("warn-after = '2d'\ncritical-after = '48h'")), @"");
    good(&target("warn-after = '47h'\ncritical-after = '2d'"));
    good(&target("critical-after = '2d'"));
}

#[test]
fn what_is_wrong_in_a_template_is_said_once() {
    let text = "[template.t]\nevery = '1d'\nkeep-last = 1\nwarn-after = '3d'\ncritical-after = '2d'\n";
    let uses = |name: &str| format!("[[target]]\nname = '{name}'\nuse = 't'\nselect.all = true\n");
    assert_eq!(errors(&format!("{text}{}{}", uses("a"), uses("b"))).lines().count(), 1);
}

#[test]
fn roles_are_of_other_accounts_each_once() {
    let account = |name: &str, arn: &str| format!("[account.{name}]\nrole-arn = '{arn}'\n");
    let right = "arn:aws:iam::210987654321:role/r";
    insta::assert_snapshot!(errors(&format!("{}{}{}", target(""), account("a", right), account("b", right))), @"");
    insta::assert_snapshot!(errors(&format!("{}{}external-id = 'x'\n[account.b]", target(""), account("a", "arn:aws:iam::210987654321:user/r"))), @"");
    for wrong in [
        "",
        "arn:aws:iam::21:role/r",
        "arn:aws:iam::210987654321:role/",
        "arn:aws:iam:us-east-1:210987654321:role/r",
        "arn:evil:iam::210987654321:role/r",
    ] {
        assert!(wrong.parse::<RoleArn>().is_err(), "{wrong}");
    }
}

#[test]
fn what_nobody_uses_is_a_warning() {
    let text =
        format!("[template.a]\n[template.b]\nuse = 'a'\n[account.prod]\nrole-arn = 'arn:aws:iam::210987654321:role/r'\n{}", target(""));
    insta::assert_snapshot!(lines(&read(&text).unwrap().1), @"");
}

#[test]
fn a_huge_file_is_not_read() {
    insta::assert_snapshot!(errors(&"#".repeat(LARGEST + 1)), @"");
    let unknown: String = (0..50_000).map(|n| format!("k{n} = 1\n")).collect();
    assert!(errors(&unknown).ends_with("and 49900 more"));
    let nested = format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(errors(&nested).contains("this is not TOML"));
}

#[test]
fn an_instances_own_tags_go_before_everything() {
    let policy = good(WHOLE);
    let tags = [
        ("ami-backup:every", "12h"),
        ("ami-backup:time-zone", "Asia/Tokyo"),
        ("ami-backup:keep-daily", "14"),
        ("ami-backup:keep-last", "0"),
        ("ami-backup:keep-weekly", "unlimited"),
        ("ami-backup:keep-within", "off"),
        ("ami-backup:keep-tag", "Legal, Audit=yes"),
        ("ami-backup:keep-uncopied", "3d"),
        ("ami-backup:reboot", "true"),
        // Only right together.
        ("ami-backup:critical-after", "20d"),
        ("ami-backup:warn-after", "10d"),
    ];
    let (settings, warnings, shown) = policy.targets[0].settings_for(&instance(&tags));
    assert_eq!(warnings, []);
    assert!(settings.reboot);
    assert_eq!(settings.schedule.to_string(), "every 12h");
    let own: Vec<Shown> = shown.into_iter().filter(|shown| shown.from == Source::InstanceTag).collect();
    insta::assert_snapshot!(table(&own), @"");
}

#[test]
fn a_tag_that_cannot_be_understood_is_ignored_and_the_rest_holds() {
    let policy = good(&target("warn-after = '26h'\ncritical-after = '50h'"));
    let tags = [
        ("ami-backup:schedule", "0 3 * * *"),
        ("ami-backup:every", "6h"),
        ("ami-backup:keep-dayly", "7"),
        ("ami-backup:keep-daily", "-7"),
        ("ami-backup:keep-last", "0"),
        ("ami-backup:keep-within", "soon\u{1b}[31m"),
        ("ami-backup:keep-tag", "Keep,"),
        ("ami-backup:time-zone", "Mars"),
        ("ami-backup:reboot", "yes"),
        ("ami-backup:unsafe-allow-empty", "true"),
        ("ami-backup:copy", "eu-west-1"),
        ("ami-backup:warn-after", "60h"),
        ("ami-backup:critical-after", "70h"),
        ("Name", "web-1"),
    ];
    let (settings, warnings, shown) = policy.targets[0].settings_for(&instance(&tags));
    insta::assert_snapshot!(lines(&warnings), @"");
    assert_eq!(settings.schedule.to_string(), "every 1d");
    assert_eq!(settings.keep, policy.targets[0].settings.keep);
    assert!(!table(&shown).contains("unsafe-allow-empty   true"));
}

#[test]
fn without_tags_of_its_own_an_instance_has_what_its_target_says() {
    let policy = good(WHOLE);
    let elsewhere = Candidate { region: "eu-west-1".parse().unwrap(), ..instance(&[("Name", "web"), ("ami-backup:exclude", "")]) };
    let (settings, warnings, shown) = policy.targets[0].settings_for(&elsewhere);
    assert_eq!((&settings, &shown), (&policy.targets[0].settings, &policy.targets[0].shown()));
    assert_eq!(warnings, []);
}

#[test]
fn volumes_are_left_out_by_device_tag_and_size() {
    let policy = good(WHOLE);
    let out = &policy.targets[0].settings.exclude_volumes;
    let tagged = Tags::new([("Backup".to_owned(), "none".to_owned())]);
    assert!(out.excludes("/dev/sdf", &Tags::default(), 8));
    assert!(out.excludes("/dev/sdg", &tagged, 8));
    assert!(out.excludes("/dev/sdg", &Tags::default(), 501));
    assert!(!out.excludes("/dev/sdg", &Tags::default(), 500));
}

#[test]
fn only_tags_that_decide_nothing_are_carried_over() {
    let settings = good(&target("carry-tags = ['*']")).targets.remove(0).settings;
    for carried in ["Team", "CostCentre", "awsome"] {
        assert!(settings.carries(carried), "{carried}");
    }
    for ours in ["Name", "Creator", "Expire", "MyExpire", "aws:cloudformation:stack-name", "ami-backup:pin"] {
        assert!(!settings.carries(ours), "{ours}");
    }
    assert!(!good(WHOLE).targets[0].settings.carries("Env"));
}

/// The keys of a table of the schema.
fn keys(schema: &serde_json::Value, pointer: &str) -> BTreeMap<String, serde_json::Value> {
    let table = schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not in the schema"));
    assert_eq!(table["additionalProperties"], false, "{pointer}");
    table["properties"].as_object().unwrap().clone().into_iter().collect()
}

#[test]
fn the_schema_describes_each_key_that_is_read_and_no_other() {
    let schema = serde_json::to_value(Policy::schema()).unwrap();
    let settings = "schedule every time-zone keep-last keep-hourly keep-daily keep-weekly keep-monthly keep-yearly keep-within keep-tag \
                    keep-uncopied unsafe-allow-empty reboot exclude-volumes carry-tags deprecate-after warn-after critical-after copy before after";
    let keep = "keep-last keep-hourly keep-daily keep-weekly keep-monthly keep-yearly keep-within keep-tag";
    for (pointer, known) in [
        ("", "max-deletes regions account defaults template target".to_owned()),
        ("/$defs/Account", "role-arn external-id".to_owned()),
        ("/$defs/Settings", settings.to_owned()),
        ("/$defs/Template", format!("use {settings}")),
        ("/$defs/Target", format!("name use accounts regions select {settings}")),
        ("/$defs/Select", "all tags any-tags not-tags names not-names ids not-ids".to_owned()),
        ("/$defs/Copy", format!("region kms-key encrypt completion-minutes {keep}")),
        ("/$defs/ExcludeVolumes", "devices tags larger-than-gib".to_owned()),
        ("/$defs/Hook", "command timeout on-failure".to_owned()),
    ] {
        let keys = keys(&schema, pointer);
        assert_eq!(keys.keys().map(String::as_str).collect::<BTreeSet<_>>(), known.split_whitespace().collect(), "{pointer}");
        assert!(keys.values().all(|key| key["description"].is_string()), "{pointer}");
        // What is read: a key is unknown or not whatever its value.
        for key in keys.keys() {
            let header = match pointer.rsplit('/').next().unwrap_or_default() {
                "Account" => "[account.x]\n",
                "Settings" => "[defaults]\n",
                "Template" => "[template.x]\n",
                "Target" => "[[target]]\n",
                "Select" => "[target.select]\n",
                "Copy" => "[[defaults.copy]]\n",
                "ExcludeVolumes" => "[defaults.exclude-volumes]\n",
                "Hook" => "[defaults.before]\n",
                _ => "",
            };
            let header = if header.starts_with("[target") { format!("[[target]]\n{header}") } else { header.to_owned() };
            assert!(!errors(&format!("{header}{key} = 1979-05-27\n")).contains("unknown key"), "{header}{key}");
        }
    }
}

/// Its text is read as TOML, and what serde makes of it is what the schema is asked about.
fn as_json(text: &str) -> serde_json::Value {
    toml::from_str(text).unwrap()
}

#[test]
fn the_schema_takes_what_is_right_and_refuses_what_is_not() {
    let schema = serde_json::to_value(Policy::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for right in [WHOLE.to_owned(), target(""), format!("max-deletes = 3\n{}", target("keep-tag = []"))] {
        if let Err(error) = validator.validate(&as_json(&right)) {
            panic!("{}: {error}", error.instance_path());
        }
    }
    for wrong in [
        "keep-dayly = 1",
        "keep-last = -1",
        "keep-within = '3 days'",
        "keep-within = ''",
        "every = 6",
        "copy = [{}]",
        "before = {}",
        "accounts = []",
    ] {
        assert!(!validator.is_valid(&as_json(&target(wrong).replace("every = '1d'\n", ""))), "{wrong}");
    }
    assert!(!validator.is_valid(&as_json("")));
}
