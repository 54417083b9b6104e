use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::policy::Protect;
use crate::policy::select::InstanceState;
use crate::policy::settings::{ExcludeVolumes, OnFailure, Source};
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
protect = "with-cooldown"
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
    let named = |name: &str| policy.target(&name.parse().unwrap()).map(|target| target.name.as_str());
    assert_eq!((named("web"), named("db")), (Some("web"), None));
    let web = &policy.targets[0];
    assert_eq!(web.regions.as_ref().map(BTreeSet::len), Some(2));
    assert_eq!(web.settings.zone.iana_name(), Some("Europe/Paris"));
    assert_eq!(web.settings.copies[1].encryption, Encryption::DefaultKey);
    assert_eq!(web.settings.before.as_ref().map(|hook| (hook.timeout.as_secs(), hook.on_failure)), Some((300, OnFailure::Warn)));
    assert_eq!(web.settings.after.as_ref().map(|hook| (hook.timeout.as_secs(), hook.on_failure)), Some((60, OnFailure::Warn)));
    insta::assert_snapshot!(table(&web.shown()), @"
    schedule             0 2 * * *                    [template.nightly]
    time-zone            Europe/Paris                 [defaults]
    keep-last            3                            [template.base]
    keep-hourly          24                           [template.nightly]
    keep-daily           30                           [[target]]
    keep-weekly          unlimited                    [template.nightly]
    keep-monthly         off                          [template.nightly]
    keep-yearly          1                            [template.nightly]
    keep-within          3d                           [template.base]
    keep-tag             Keep, Audit=yes              [template.nightly]
    keep-uncopied        14d                          [template.nightly]
    unsafe-allow-empty   false                        [template.nightly]
    copy                 eu-central-1 (key=arn:aws:kms:eu-central-1:123456789012:key/mrk-1234, keep-daily 14, in 60 minutes), us-east-1 (encrypt) [template.nightly]
    reboot               false                        [template.nightly]
    exclude-volumes      devices /dev/sdf; tags Backup=no*; larger than 500 GiB [template.nightly]
    carry-tags           CostCentre, Team*            [template.nightly]
    deprecate-after      30d                          [template.nightly]
    protect              with-cooldown                [template.nightly]
    warn-after           26h                          [template.nightly]
    critical-after       50h                          [template.nightly]
    before               /usr/local/bin/freeze --db 'a b' (at most 300s, on failure warn) [template.nightly]
    after                thaw (at most 60s, on failure warn) [template.nightly]
    ");
    insta::assert_snapshot!(table(&policy.targets[1].shown()), @"
    every                6h                           [[target]]
    time-zone            Europe/Paris                 [defaults]
    keep-last            3                            [template.base]
    keep-hourly          24                           [template.nightly]
    keep-daily           7                            [template.nightly]
    keep-weekly          unlimited                    [template.nightly]
    keep-monthly         off                          [template.nightly]
    keep-yearly          1                            [template.nightly]
    keep-within          3d                           [template.base]
    keep-tag             Keep, Audit=yes              [template.nightly]
    keep-uncopied        14d                          [template.nightly]
    unsafe-allow-empty   false                        [template.nightly]
    copy                 none                         [[target]]
    reboot               false                        [template.nightly]
    exclude-volumes      devices /dev/sdf; tags Backup=no*; larger than 500 GiB [template.nightly]
    carry-tags           CostCentre, Team*            [template.nightly]
    deprecate-after      30d                          [template.nightly]
    protect              with-cooldown                [template.nightly]
    warn-after           26h                          [template.nightly]
    critical-after       50h                          [template.nightly]
    before               /usr/local/bin/freeze --db 'a b' (at most 300s, on failure warn) [template.nightly]
    after                thaw (at most 60s, on failure warn) [template.nightly]
    ");
}

#[test]
fn what_nobody_says_has_a_safe_default() {
    let policy = good("[[target]]\nname = 'a'\nselect.all = true\nevery = '1d'\nkeep-last = 1");
    assert_eq!(policy.targets[0].accounts, BTreeSet::from([SELF.to_owned()]));
    assert_eq!((&policy.targets[0].regions, policy.max_deletes), (&None, None));
    insta::assert_snapshot!(table(&policy.targets[0].shown()), @"
    every                1d                           [[target]]
    time-zone            UTC                          default
    keep-last            1                            [[target]]
    keep-hourly          off                          default
    keep-daily           off                          default
    keep-weekly          off                          default
    keep-monthly         off                          default
    keep-yearly          off                          default
    keep-within          off                          default
    keep-tag             none                         default
    keep-uncopied        7d                           default
    unsafe-allow-empty   false                        default
    copy                 none                         default
    reboot               false                        default
    exclude-volumes      none                         default
    carry-tags           none                         default
    deprecate-after      off                          default
    protect              false                        default
    warn-after           off                          default
    critical-after       off                          default
    before               none                         default
    after                none                         default
    ");
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
    assert!(settings.carry_tags.is_empty() && settings.copies.is_empty());
    assert_eq!(settings.exclude_volumes, ExcludeVolumes::default());
}

#[test]
fn a_later_template_goes_before_an_earlier_one() {
    let policy = good(
        "[defaults]\nkeep-last = 1\n[template.a]\nschedule = '@daily'\nkeep-last = 2\nkeep-daily = 2\n[template.b]\nevery = '6h'\nkeep-last = 3\n\
         [[target]]\nname = 'x'\nuse = ['a', 'b']\nselect.all = true\n[[target]]\nname = 'y'\nuse = ['b', 'a']\nselect.all = true",
    );
    let said = |target: usize| table(&policy.targets[target].shown()[..6]);
    insta::assert_snapshot!(said(0), @"
    every                6h                           [template.b]
    time-zone            UTC                          default
    keep-last            3                            [template.b]
    keep-hourly          off                          default
    keep-daily           2                            [template.a]
    keep-weekly          off                          default
    ");
    insta::assert_snapshot!(said(1), @"
    schedule             @daily                       [template.a]
    time-zone            UTC                          default
    keep-last            2                            [template.a]
    keep-hourly          off                          default
    keep-daily           2                            [template.a]
    keep-weekly          off                          default
    ");
}

#[test]
fn an_unknown_key_is_refused_at_every_level_with_what_may_be_meant() {
    let text = "regoins = []\n[account.prod]\nrole-arn = 'arn:aws:iam::210987654321:role/r'\nexternalid = 'ab'\n[defaults]\ntimezone = 'UTC'\n\
                exclude-volumes = { device = [] }\n[template.nightly]\n  keep-dayly = 3\nuses = 'x'\n[[template.nightly.copy]]\nregion = 'eu-west-1'\n\
                kms = 'x'\nkeep-wekly = 1\n[template.nightly.before]\ncommand = ['x']\ntime-out = '1s'\n\
                [[target]]\nname = 'web'\nselect = { tag = ['x'], all = true }\nregion = ['x']\ncolour = 'red'\n[[target.copy]]\nregion = 'eu-west-1'\nquick = true\n[targets]\n";
    insta::assert_snapshot!(errors(text), @"
    ami-backup.toml:1:1: unknown key `regoins` at the top of the file; did you mean `regions`?
    ami-backup.toml:4:1: unknown key `externalid` in [account.prod]; did you mean `external-id`?
    ami-backup.toml:6:1: unknown key `timezone` in [defaults]; did you mean `time-zone`?
    ami-backup.toml:7:21: unknown key `device` in `exclude-volumes` in [defaults]; did you mean `devices`?
    ami-backup.toml:9:3: unknown key `keep-dayly` in [template.nightly]; did you mean `keep-daily`?
    ami-backup.toml:10:1: unknown key `uses` in [template.nightly]; did you mean `use`?
    ami-backup.toml:13:1: unknown key `kms` in [[template.nightly.copy]]
    ami-backup.toml:14:1: unknown key `keep-wekly` in [[template.nightly.copy]]; did you mean `keep-weekly`?
    ami-backup.toml:17:1: unknown key `time-out` in `before` in [template.nightly]; did you mean `timeout`?
    ami-backup.toml:20:12: unknown key `tag` in `select` in target `web`; did you mean `tags`?
    ami-backup.toml:21:1: unknown key `region` in target `web`; did you mean `regions`?
    ami-backup.toml:22:1: unknown key `colour` in target `web`
    ami-backup.toml:25:1: unknown key `quick` in a copy in target `web`
    ami-backup.toml:26:2: unknown key `targets` at the top of the file; did you mean `target`?
    ");
}

#[test]
fn where_few_keys_are_known_they_are_all_told() {
    insta::assert_snapshot!(errors(&target("select.colour = 'red'")), @"ami-backup.toml:2:8: unknown key `colour` in `select` in target `web`; known are all, tags, any-tags, not-tags, names, not-names, ids, not-ids");
}

#[test]
fn what_may_be_meant_is_told_of_as_many_keys_as_are_listed() {
    let first = |others: usize| {
        let others: Vec<String> = (0..others).map(|other| format!("a{other:03} = 1\n")).collect();
        errors(&format!("regionz = 1\n{}{}", others.concat(), target(""))).lines().next().map(str::to_owned).unwrap()
    };
    assert!(first(99).ends_with("did you mean `regions`?"), "{}", first(99));
    assert!(!first(100).contains("did you mean"), "{}", first(100));
}

#[test]
fn a_key_that_is_there_twice_is_named_with_both_places() {
    insta::assert_snapshot!(errors(&format!("{}\n[template.x]\nkeep-daily = 1\nreboot = true\nkeep-daily = 2\nkeep-dayly = 3\n[defaults]\n[defaults]\n", target(""))), @"
    ami-backup.toml:11:1: `keep-daily` is there twice under [template.x] (first in line 9); leave one of the two out
    ami-backup.toml:12:1: unknown key `keep-dayly` in [template.x]; did you mean `keep-daily`?
    ami-backup.toml:14:2: [defaults] is there a second time; put the two together
    ");
    insta::assert_snapshot!(errors("regions = ['us-east-1']\nregions = ['us-east-1']\n"), @"ami-backup.toml:2:1: `regions` is there twice under the top of the file (first in line 1); leave one of the two out");
    insta::assert_snapshot!(errors(&target("exclude-volumes = { tags = ['a'], tags = ['b'] }")), @"ami-backup.toml:2:35: `tags` is there twice under [[target]]; leave one of the two out");
}

#[test]
fn what_is_not_toml_is_said_where_it_is() {
    insta::assert_snapshot!(errors("[[target]]\nname = web\n"), @"ami-backup.toml:2:8: this is not TOML: string values must be quoted, expected literal string");
    insta::assert_snapshot!(errors("[[target]\n"), @"ami-backup.toml:1:10: this is not TOML: unclosed array table, expected `]`");
    insta::assert_snapshot!(errors("[[target]]\nname = \"a\u{1b}[31m\"\n"), @r"ami-backup.toml:2:10: this is not TOML: invalid basic string, expected non-double-quote visible characters, `\`");
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
    insta::assert_snapshot!(errors(&format!("{}{}", target(""), target(""))), @"ami-backup.toml:9:8: two targets are called `web` (the first in line 3); a series has one");
    insta::assert_snapshot!(errors("[template.\"a\\u001b[31m\"]\n[template.Web]\n[account.\"\"]\n[account.self]\nrole-arn='arn:aws:iam::210987654321:role/r'\n[[target]]\nname = \"we\\u0007b\"\nselect.all = true"), @r"
    ami-backup.toml:1:11: [template.a\u{1b}[31m]: `a\u{1b}[31m` is not a name of lower-case letters, digits and -, such as web
    ami-backup.toml:2:11: [template.Web]: `Web` is not a name of lower-case letters, digits and -, such as web
    ami-backup.toml:3:10: [account.]: `` is not a name of lower-case letters, digits and -, such as web
    ami-backup.toml:4:10: `self` is the account of the program's own credentials, and cannot be another
    ami-backup.toml:7:8: `name` in [[target]]: `we\u{7}b` is not a name of lower-case letters, digits and -, such as web
    ");
}

#[test]
fn what_is_referred_to_has_to_be_there() {
    insta::assert_snapshot!(errors(&format!("{}\n[template.nightly]\nuse = 'nigthly'\n[account.prod]\nrole-arn = 'arn:aws:iam::210987654321:role/r'", target("use = ['nightli', 'x']\naccounts = ['prot', 'self']"))), @"
    ami-backup.toml:2:8: there is no template `nightli`; did you mean `nightly`?
    ami-backup.toml:2:19: there is no template `x`
    ami-backup.toml:3:12: there is no account `prot`; did you mean `prod`?
    ami-backup.toml:10:7: there is no template `nigthly`; did you mean `nightly`?
    ");
}

#[test]
fn templates_do_not_use_each_other_in_a_circle() {
    insta::assert_snapshot!(errors(&format!("{}[template.a]\nuse = 'b'\n[template.b]\nuse = ['c']\n[template.c]\nuse = 'a'\n[template.d]\nuse = 'd'", target("use = 'a'"))), @"
    ami-backup.toml:12:7: templates use each other in a circle: a → b → c → a
    ami-backup.toml:14:7: templates use each other in a circle: d → d
    ");
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
        errors(&chain(2_000, downwards));
    }
}

#[test]
fn schedules_have_to_come() {
    insta::assert_snapshot!(errors("[[target]]\nname = 'a'\nselect.all = true\nkeep-last = 1"), @r#"ami-backup.toml:1:1: target `a` has no schedule; say `schedule = "0 2 * * *"` or `every = "6h"`, or `use` a template that does"#);
    insta::assert_snapshot!(errors(&target("schedule = '0 2 30 2 *'")), @"
    ami-backup.toml:2:12: `schedule` in target `web`: `0 2 30 2 *` never comes: no year has such a day
    ami-backup.toml:5:9: `schedule` and `every` in target `web` both say when backups are due; leave one of the two out
    ");
    insta::assert_snapshot!(errors("[defaults]\nschedule = '0 2 31 2 *'\ntime-zone = 'Europe/Pairs'\n[template.x]\nevery = '5min'\n[template.y]\nschedule = 'daily'\n[template.z]\nevery = '1mo'\ntime-zone = 'Etc/Unknown'\n"), @"
    ami-backup.toml:2:12: `schedule` in [defaults]: `0 2 31 2 *` never comes: no year has such a day
    ami-backup.toml:3:13: `time-zone` in [defaults]: there is no time zone `Europe/Pairs`; write an IANA name such as `Europe/Paris` or `UTC`
    ami-backup.toml:5:9: `every` in [template.x]: `5min` is due more often than every 15 minutes, which is the shortest there is
    ami-backup.toml:7:12: `schedule` in [template.y]: `daily` has 1 fields; a cron expression here has five: minute, hour, day of the month, month, weekday (no seconds, no years)
    ami-backup.toml:9:9: `every` in [template.z]: an interval of 1mo has no fixed length; use a cron expression for months and years, such as `0 2 1 * *`
    ami-backup.toml:10:13: `time-zone` in [template.z]: there is no time zone `Etc/Unknown`; write an IANA name such as `Europe/Paris` or `UTC`
    ");
}

#[test]
fn retention_keeps_something() {
    let none = "[[target]]\nname = 'a'\nselect.all = true\nevery = '1d'\n";
    insta::assert_snapshot!(errors(none), @"ami-backup.toml:1:1: target `a` keeps nothing, as no keep rule is on; say `keep-daily = 7` or the like");
    let off = format!("{none}keep-daily = 0\ncopy = [{{ region = 'eu-west-1', keep-last = 0 }}]");
    insta::assert_snapshot!(errors(&off), @"
    ami-backup.toml:1:1: target `a` keeps nothing, as no keep rule is on; say `keep-daily = 7` or the like
    ami-backup.toml:6:8: target `a` keeps nothing in eu-west-1, as the keep rules of that copy are all off; without any, the target's hold
    ");
    good(&format!("{none}unsafe-allow-empty = true\ncopy = [{{ region = 'eu-west-1', keep-last = 0 }}]"));
}

#[test]
fn copies_go_elsewhere_and_once() {
    insta::assert_snapshot!(errors(&target("regions = ['eu-west-1']\ncopy = [{ region = 'eu-west-1' }, { region = 'eu-west-2' }, { region = 'eu-west-2' }]")), @"
    ami-backup.toml:3:8: target `web` is in eu-west-1 only, and is copied to eu-west-1 as well; a copy goes to another region
    ami-backup.toml:3:61: two copies in target `web` go to eu-west-2; leave one of the two out
    ");
    good(&target("regions = ['eu-west-1']\ncopy = [{ region = 'eu-west-2' }]"));
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
    insta::assert_snapshot!(errors(&copy("arn:aws:kms:us-east-1:123456789012:key/x")), @"ami-backup.toml:2:43: `kms-key` in a copy in target `web`: `arn:aws:kms:us-east-1:123456789012:key/x` is not a key of eu-west-1, where the copy goes");
    assert!(errors(&copy(&format!("alias/{}", "k".repeat(250)))).contains("is too long for a tag"));
    insta::assert_snapshot!(errors(&target("copy = [{ region = 'eu-west-1', kms-key = 'alias/x', encrypt = true }]")), @"ami-backup.toml:2:64: `kms-key` and `encrypt` in a copy in target `web` are two keys; leave one of the two out");
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
    ), @r#"
    ami-backup.toml:1:15: `max-deletes` at the top of the file: `101%` is neither a number of deletions such as 20 nor a share such as 10%
    ami-backup.toml:2:11: `regions` at the top of the file: it must be a list of texts such as ["…"], not the text `us-east-1`
    ami-backup.toml:3:11: `account` at the top of the file: it must be a table, not the number 3
    ami-backup.toml:4:12: `defaults` at the top of the file: it must be a table, not a list
    ami-backup.toml:6:5: `template.x` at the top of the file: it must be a template, as in [template.NAME], not the number 1
    ami-backup.toml:8:12: `schedule` in [template.nightly]: it must be a text in quotes, not the number 3
    ami-backup.toml:9:9: `every` in [template.nightly]: `6 h` is not a period such as 36h, 3d or 1y6mo: after 6 there must be one of the units y, mo, w, d, h, min, s
    ami-backup.toml:9:9: `schedule` and `every` in [template.nightly] both say when backups are due; leave one of the two out
    ami-backup.toml:10:13: `time-zone` in [template.nightly]: it must be a text in quotes, not true
    ami-backup.toml:11:13: `keep-last` in [template.nightly]: -3 is negative
    ami-backup.toml:12:15: `keep-hourly` in [template.nightly]: it must be a number from 0, or "unlimited", not the number 1.5
    ami-backup.toml:13:14: `keep-daily` in [template.nightly]: `many` is neither a number of backups from 1 nor `unlimited`
    ami-backup.toml:14:15: `keep-weekly` in [template.nightly]: 4294967296 is not between 0 and 4294967295
    ami-backup.toml:15:16: `keep-monthly` in [template.nightly]: 99999999999999999999999999999999999999999 is too large a number
    ami-backup.toml:16:15: `keep-yearly` in [template.nightly]: it must be a number from 0, or "unlimited", not a list
    ami-backup.toml:17:15: `keep-within` in [template.nightly]: it must be a text in quotes, not the number 3
    ami-backup.toml:18:13: `keep-tag` in [template.nightly]: it is empty
    ami-backup.toml:18:17: `keep-tag` in [template.nightly]: it must be a text in quotes, not the number 3
    ami-backup.toml:18:20: `keep-tag` in [template.nightly]: `=x` has no key before the `=`; write `Key=value`, or `Key` for any value
    ami-backup.toml:19:17: `keep-uncopied` in [template.nightly]: `0d` is not a period such as 36h, 3d or 1y6mo: each number must be a whole number from 1, without sign, blank or leading zero
    ami-backup.toml:20:22: `unsafe-allow-empty` in [template.nightly]: it must be true or false, without quotes, not the text `yes`
    ami-backup.toml:21:10: `reboot` in [template.nightly]: it must be true or false, without quotes, not the number 1
    ami-backup.toml:22:32: `devices` in `exclude-volumes` in [template.nightly]: `` is not a device name such as /dev/sdf
    ami-backup.toml:22:55: `larger-than-gib` in `exclude-volumes` in [template.nightly]: 0 is not between 1 and 4294967295
    ami-backup.toml:23:15: `carry-tags` in [template.nightly]: `aws:x` cannot be carried over: tags of AWS (`aws:`) and those that ami-backup writes are never carried over, nor what holds `Expire`
    ami-backup.toml:23:24: `carry-tags` in [template.nightly]: `Name` cannot be carried over: tags of AWS (`aws:`) and those that ami-backup writes are never carried over, nor what holds `Expire`
    ami-backup.toml:23:32: `carry-tags` in [template.nightly]: `ExpireSoon` cannot be carried over: tags of AWS (`aws:`) and those that ami-backup writes are never carried over, nor what holds `Expire`
    ami-backup.toml:23:46: `carry-tags` in [template.nightly]: it is empty
    ami-backup.toml:24:19: `deprecate-after` in [template.nightly]: it must be a text in quotes, not a date
    ami-backup.toml:25:14: `warn-after` in [template.nightly]: `50m` is not a period such as 36h, 3d or 1y6mo: m may mean months or minutes; write mo or min
    ami-backup.toml:26:22: `command` in `before` in [template.nightly]: the list is empty; leave it out, or put something in
    ami-backup.toml:26:37: `timeout` in `before` in [template.nightly]: 2h is longer than an hour
    ami-backup.toml:26:56: `on-failure` in `before` in [template.nightly]: `ignore` is neither `abort` nor `warn`
    ami-backup.toml:27:9: `command` in `after` in [template.nightly]: its first part is the program, and is empty
    ami-backup.toml:28:20: `region` in [[template.nightly.copy]]: `nowhere` is not a region such as eu-west-1
    ami-backup.toml:28:52: `completion-minutes` in [[template.nightly.copy]]: 50 is not a multiple of 15
    ami-backup.toml:28:58: `copy` in [template.nightly]: it must be a table, not the number 3
    ami-backup.toml:28:61: there is no `region` in [[template.nightly.copy]]
    ami-backup.toml:28:84: `completion-minutes` in [[template.nightly.copy]]: 5 is not between 15 and 2880
    ami-backup.toml:30:8: `name` in [[target]]: it must be a text in quotes, not the number 3
    ami-backup.toml:31:8: `use` in [[target]]: it must be the name of a template, not the number 3
    ami-backup.toml:32:12: `accounts` in [[target]]: the list is empty; leave it out, or put something in
    ami-backup.toml:33:11: `regions` in [[target]]: the list is empty; leave it out, or put something in
    ami-backup.toml:34:10: `select` in [[target]]: it must be a table, not the text `all`
    ami-backup.toml:35:1: there is no `name` in [[target]]
    ami-backup.toml:35:1: there is no `select` in [[target]]
    "#);
    insta::assert_snapshot!(errors("[target]\nname = 'web'\n"), @"ami-backup.toml:1:1: `target` at the top of the file: it must be a list of tables; write `[[target]]` with two brackets, not a table");
}

#[test]
fn a_hook_may_take_an_hour() {
    let policy = good(&target("before = { command = ['x'], timeout = '1h' }"));
    assert_eq!(policy.targets[0].settings.before.as_ref().map(|hook| hook.timeout.as_hours()), Some(1));
}

#[test]
fn a_cap_may_be_a_number() {
    assert_eq!(good(&format!("max-deletes = 0x14\n{}", target(""))).max_deletes, Some(MaxDeletes::Count(20)));
    assert_eq!(good(&format!("max-deletes = '20'\n{}", target(""))).max_deletes, Some(MaxDeletes::Count(20)));
    insta::assert_snapshot!(errors(&format!("max-deletes = -1\n{}", target(""))), @"ami-backup.toml:1:15: `max-deletes` at the top of the file: -1 is negative");
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
    insta::assert_snapshot!(select("all = true, tags = ['x']"), @"ami-backup.toml:6:10: `select` in target `web` says `all = true` and which ones; leave one of the two out");
    insta::assert_snapshot!(select("tags = [], any-tags = ['=x', \"a\\u0007\"], names = [''], ids = ['web']"), @r"
    ami-backup.toml:6:19: `tags` in `select` in target `web`: the list is empty; leave it out, or put something in
    ami-backup.toml:6:35: `any-tags` in `select` in target `web`: `=x` has no key before the `=`; write `Key=value`, or `Key` for any value
    ami-backup.toml:6:41: `any-tags` in `select` in target `web`: `a\u{7}` holds a control character
    ami-backup.toml:6:62: `names` in `select` in target `web`: it is empty
    ami-backup.toml:6:74: `ids` in `select` in target `web`: `web` is not an instance id such as i-0123456789abcdef0
    ");
}

#[test]
fn a_warning_comes_before_what_is_critical() {
    insta::assert_snapshot!(errors(&target("warn-after = '2d'\ncritical-after = '48h'")), @"ami-backup.toml:3:18: target `web` is critical after 48h, which is not later than it warns, after 2d (`critical-after`, `warn-after`)");
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
fn what_could_not_be_read_elsewhere_is_not_missing_in_a_target() {
    for (header, uses) in [("[defaults]", ""), ("[template.t]", "use = 't'")] {
        let text = format!("{header}\nevery = 'often'\n[[target]]\n{uses}\nname = 'a'\nselect.all = true\nkeep-last = 1");
        assert_eq!(errors(&text).lines().count(), 1, "{}", errors(&text));
    }
}

#[test]
fn roles_are_of_other_accounts_each_once() {
    let account = |name: &str, arn: &str| format!("[account.{name}]\nrole-arn = '{arn}'\n");
    let right = "arn:aws:iam::210987654321:role/r";
    insta::assert_snapshot!(errors(&format!("{}{}{}", target(""), account("a", right), account("b", right))), @"ami-backup.toml:9:10: `a` and `b` are both the account 210987654321; leave one of the two out");
    insta::assert_snapshot!(errors(&format!("{}{}external-id = 'x'\n[account.b]", target(""), account("a", "arn:aws:iam::210987654321:user/r"))), @"
    ami-backup.toml:8:12: `role-arn` in [account.a]: `arn:aws:iam::210987654321:user/r` is not the ARN of a role, such as arn:aws:iam::210987654321:role/ami-backup
    ami-backup.toml:9:15: `external-id` in [account.a]: an external id has 2 to 1224 letters, digits and `_+=,.@:/-`
    ami-backup.toml:10:10: there is no `role-arn` in [account.b]
    ");
    for wrong in [
        "",
        "arn:aws:iam::21:role/r",
        "arn:aws:iam::210987654321:role/",
        "arn:aws:iam:us-east-1:210987654321:role/r",
        "arn:evil:iam::210987654321:role/r",
        "arn:aws_cn:iam::210987654321:role/r",
    ] {
        assert!(wrong.parse::<RoleArn>().is_err(), "{wrong}");
    }
    let right = "arn:aws-us-gov:iam::210987654321:role/ops/r";
    let role: RoleArn = right.parse().unwrap();
    assert_eq!((role.as_str(), role.to_string().as_str()), (right, right));
}

#[test]
fn what_nobody_uses_is_a_warning() {
    let text =
        format!("[template.a]\n[template.b]\nuse = 'a'\n[account.prod]\nrole-arn = 'arn:aws:iam::210987654321:role/r'\n{}", target(""));
    insta::assert_snapshot!(lines(&read(&text).unwrap().1), @"
    ami-backup.toml:2:11: no target uses the template `b`
    ami-backup.toml:4:10: no target is for the account `prod`
    ");
}

#[test]
fn a_huge_file_is_not_read() {
    insta::assert_snapshot!(errors(&"#".repeat(LARGEST + 1)), @"ami-backup.toml:1:1: a policy file has at most 1048576 bytes, and this one has 1048577");
    assert!(!errors(&"#".repeat(LARGEST)).contains("bytes"));
    let unknown = (0..5_000).map(|n| format!("k{n} = 1")).collect::<Vec<_>>().join("\n");
    assert!(errors(&unknown).ends_with("and 4900 more"));
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
        ("ami-backup:keep-hourly", "6"),
        ("ami-backup:keep-weekly", "unlimited"),
        ("ami-backup:keep-monthly", "12"),
        ("ami-backup:keep-yearly", "2"),
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
    insta::assert_snapshot!(table(&own), @"
    every                12h                          instance tag
    time-zone            Asia/Tokyo                   instance tag
    keep-last            off                          instance tag
    keep-hourly          6                            instance tag
    keep-daily           14                           instance tag
    keep-weekly          unlimited                    instance tag
    keep-monthly         12                           instance tag
    keep-yearly          2                            instance tag
    keep-within          off                          instance tag
    keep-tag             Legal, Audit=yes             instance tag
    keep-uncopied        3d                           instance tag
    reboot               true                         instance tag
    warn-after           10d                          instance tag
    critical-after       20d                          instance tag
    ");
}

#[test]
fn an_instance_may_say_when_and_how_many() {
    let tags = [("ami-backup:schedule", "0 3 * * *"), ("ami-backup:keep-last", "9")];
    let (settings, warnings, _) = good(&target("")).targets[0].settings_for(&instance(&tags));
    assert_eq!((settings.schedule.to_string().as_str(), warnings), ("0 3 * * *", vec![]));
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
    insta::assert_snapshot!(lines(&warnings), @r"
    i-12345678: its tag `ami-backup:copy=eu-west-1` is ignored: an instance's own tags can say no such setting
    i-12345678: its tag `ami-backup:keep-daily=-7` is ignored: `-7` is neither a number of backups from 1 nor `unlimited`
    i-12345678: its tag `ami-backup:keep-dayly=7` is ignored: an instance's own tags can say no such setting; did you mean `ami-backup:keep-daily`?
    i-12345678: its tag `ami-backup:keep-tag=Keep,` is ignored: `` names no tag; write its key, or key=value
    i-12345678: its tag `ami-backup:keep-within=soon\u{1b}[31m` is ignored: `soon\u{1b}[31m` is not a period such as 36h, 3d or 1y6mo: each number must be a whole number from 1, without sign, blank or leading zero
    i-12345678: its tag `ami-backup:reboot=yes` is ignored: `yes` is neither `true` nor `false`
    i-12345678: its tag `ami-backup:time-zone=Mars` is ignored: there is no time zone `Mars`; write an IANA name such as `Europe/Paris` or `UTC`
    i-12345678: its tag `ami-backup:unsafe-allow-empty=true` is ignored: an instance's own tags can say no such setting
    i-12345678: its tag `ami-backup:every=6h` is ignored: `ami-backup:schedule` says when backups are due, too
    i-12345678: its tag `ami-backup:schedule=0 3 * * *` is ignored: `ami-backup:every` says when backups are due, too
    i-12345678: its tag `ami-backup:keep-last=0` is ignored: with it the instance keeps nothing, as no keep rule is on; say `keep-daily = 7` or the like
    ");
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

#[test]
fn backups_can_be_protected_until_that_is_lifted_or_a_day_longer() {
    let protect = |text: &str| good(&target(text)).targets.remove(0).settings.protect;
    assert_eq!(protect(""), None);
    assert_eq!(protect("protect = true"), Some(Protect::UntilLifted));
    assert_eq!(protect("protect = 'with-cooldown'"), Some(Protect::WithCooldown));
    assert_eq!(good(&format!("[defaults]\nprotect = true\n{}", target("protect = false"))).targets[0].settings.protect, None);
    for wrong in ["'yes'", "'true'", "1"] {
        let why = errors(&target(&format!("protect = {wrong}")));
        assert!(why.contains("`protect` in target `web`: it must be true, false or \"with-cooldown\", not"), "{why}");
    }
}

#[test]
fn what_ec2_does_not_look_ahead_for_is_no_date_of_deprecation() {
    for right in ["10y", "120mo", "3652d", "off"] {
        good(&target(&format!("deprecate-after = '{right}'")));
    }
    for wrong in ["10y1s", "121mo", "3653d"] {
        let why = errors(&target(&format!("deprecate-after = '{wrong}'")));
        assert!(why.contains(&format!("{wrong} is longer than ten years, the most that EC2 takes")), "{why}");
    }
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
                    keep-uncopied unsafe-allow-empty reboot exclude-volumes carry-tags deprecate-after protect warn-after critical-after \
                    copy before after";
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
        "protect = 'yes'",
        "copy = [{}]",
        "before = {}",
        "accounts = []",
    ] {
        assert!(!validator.is_valid(&as_json(&format!("[[target]]\nname = 'web'\nselect.all = true\n{wrong}\n"))), "{wrong}");
    }
    assert!(!validator.is_valid(&as_json("")));
    assert!(!schema.to_string().contains("\"null\""), "TOML has none");
}
