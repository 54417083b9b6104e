//! What a policy file says, and what is wrong with it.

use insta::assert_snapshot;

use crate::common::{Home, Ran, WEB};

pub const NIGHTLY: &str = r#"
[defaults]
schedule = "0 2 * * *"
keep-daily = 7

[[target]]
name = "nightly"
select = { all = true }

[[target.copy]]
region = "eu-west-1"
keep-daily = 3
"#;

/// A home with a policy in it.
fn home(policy: &str) -> Home {
    let home = Home::new();
    home.write("ami-backup.toml", policy);
    home
}

fn settings(ran: &Ran) -> Vec<String> {
    let json = ran.json();
    let shown = json["settings"].as_array().unwrap().iter();
    let line =
        |shown: &serde_json::Value| format!("{}={} {}", shown["key"].as_str().unwrap(), shown["value"].as_str().unwrap(), shown["from"]);
    shown.map(line).collect()
}

#[test]
fn a_policy_that_can_be_used_is_shown() {
    assert_snapshot!(home(NIGHTLY).ami_backup(&["policy", "check"]).run(), @"
    TARGET   DUE        REGIONS  COPIES     KEEPS
    nightly  0 2 * * *  all      eu-west-1  daily 7
    exit code 0
    ");
    let json = home(NIGHTLY).ami_backup(&["policy", "check", "--json"]).run().json();
    assert_eq!((&json["version"], &json["targets"][0]["name"]), (&1.into(), &"nightly".into()));
}

#[test]
fn everything_that_is_wrong_with_a_policy_is_said() {
    let policy = NIGHTLY.replace("keep-daily = 7", "keep-dayly = 7\ntime-zone = \"Mars/Olympus\"");
    assert_snapshot!(home(&policy).ami_backup(&["policy", "check"]).run(), @"
    ! ami-backup.toml:4:1: unknown key `keep-dayly` in [defaults]; did you mean `keep-daily`?
    ! ami-backup.toml:5:13: `time-zone` in [defaults]: there is no time zone `Mars/Olympus`; write an IANA name such as `Europe/Paris` or `UTC`
    ! error: the policy ami-backup.toml cannot be used as it is, and nothing was done
    exit code 2
    ");
}

#[test]
fn a_policy_that_is_not_there() {
    assert_snapshot!(Home::new().ami_backup(&["policy", "check", "--policy", "nowhere.toml"]).run(), @"
    ! error: the policy nowhere.toml cannot be read: No such file or directory (os error 2)
    exit code 2
    ");
    let ran = home("\u{0}").ami_backup(&["policy", "check"]).run();
    assert_eq!(ran.code, 2, "{ran}");
    let ran = home(&"#".repeat(1024 * 1024 + 1)).ami_backup(&["policy", "check"]).run();
    assert!(ran.code == 2 && ran.stderr.contains("longer than"), "{ran}");
}

#[test]
fn what_holds_for_an_instance_and_who_says_so() {
    let home = home(NIGHTLY);
    home.arrange(|world| {
        let web = WEB.parse::<ec2_sim::id::InstanceId>().unwrap();
        let tags = &mut world.region_mut("us-east-1").instances.get_mut(&web).unwrap().tags;
        tags.insert("ami-backup:keep-daily".to_owned(), "14".to_owned());
        tags.insert("ami-backup:keep-weekly".to_owned(), "lots".to_owned());
    });
    let ran = home.ami_backup(&["policy", "show", WEB, "--sandbox", "--json"]).run();
    let of_web = settings(&ran);
    assert!(of_web.contains(&"keep-daily=14 \"instance_tag\"".to_owned()), "{ran}");
    assert!(of_web.contains(&"schedule=0 2 * * * \"defaults\"".to_owned()), "{ran}");
    assert_eq!(ran.json()["why"], "belongs to target nightly");
    assert!(ran.json()["warnings"][0].as_str().unwrap().contains("lots"), "{ran}");
    let of_target = settings(&home.ami_backup(&["policy", "show", "--target", "nightly", "--json"]).run());
    assert!(of_target.contains(&"keep-daily=7 \"defaults\"".to_owned()));
}

#[test]
fn what_is_not_there_is_not_shown() {
    let home = home(NIGHTLY);
    assert_snapshot!(home.ami_backup(&["policy", "show", "--target", "daily"]).run(), @"
    ! error: ami-backup.toml has no target daily; it has nightly
    exit code 2
    ");
    let ran = home.ami_backup(&["policy", "show", "i-00000000", "--sandbox"]).run();
    assert!(ran.code == 1 && ran.stderr.contains("there is no instance i-00000000 in any region"), "{ran}");
    assert_eq!(home.ami_backup(&["policy", "show"]).run().code, 2);
}

#[test]
fn the_schema_of_policies_takes_what_the_program_takes() {
    let schema = Home::new().ami_backup(&["policy", "schema"]).run().json();
    jsonschema::validator_for(&schema).unwrap();
}
