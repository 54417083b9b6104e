//! stdout is data and stderr is talk; every `--json` document is what its schema says.

use std::fs::File;

use ec2_sim::world::{RetainedType, RetentionRule, StateReason};
use insta::assert_snapshot;
use serde_json::Value;

use crate::common::{Ec2, Home, Ran, WEB, WEB_ONLY};

/// A document as the program's own schema has it.
#[track_caller]
fn valid(ran: &Ran, kind: &str) -> Value {
    let schema = Home::new().ami_backup(&["schema", kind]).run().json();
    let document = ran.json();
    let errors: Vec<String> = jsonschema::validator_for(&schema).unwrap().iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {ran}");
    assert_eq!(document["version"], 1);
    assert!(!ran.stdout.contains('\u{1b}'));
    document
}

/// `image-instance --json` of web-1 on the sandbox, with more arguments.
fn image_instance(home: &Home, arguments: &[&str]) -> Ran {
    home.ami_backup(&[&["image-instance", "--sandbox", "--json", "-i", WEB, "-r", "us-east-1"], arguments].concat()).run()
}

fn reason() -> StateReason {
    StateReason { code: "Client.InternalError".to_owned(), message: "Client error: <i>it</i> did not work".to_owned() }
}

/// A home in whose sandbox a backup of web-1 and its copy in eu-west-1 expired yesterday.
fn home_with_expired_backups() -> Home {
    let home = Home::new();
    assert_eq!(image_instance(&home, &["-e", "+1 week", "-d", "eu-west-1"]).code, 0);
    home.advance("8d");
    home
}

#[test]
fn data_and_talk() {
    let home = Home::new();
    let ran = home.ami_backup(&["image-instance", "--sandbox", "-e", "+1 week", "-d", "eu-west-1"]).run();
    assert_snapshot!(ran, @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-01T02:00:00Z
    ! expires 2026-12-08T02:00:00Z
    ! us-east-1: ami-09d40897aa65e0c57 requested: backup-ami_web-1_i-0eb1eb1eb1eb10001_20261201T020000Z_247ad1aa
    ! us-east-1: ami-09d40897aa65e0c57 available
    ! eu-west-1: ami-09bc0e13c32d1b883 requested, a copy of ami-09d40897aa65e0c57
    ! eu-west-1: ami-09bc0e13c32d1b883 available
    us-east-1  ami-09d40897aa65e0c57  available  backup-ami_web-1_i-0eb1eb1eb1eb10001_20261201T020000Z_247ad1aa  expires 2026-12-08T02:00:00Z
    eu-west-1  ami-09bc0e13c32d1b883  available  copy of ami-09d40897aa65e0c57 in us-east-1
    exit code 0
    ");
    home.advance("8d");
    assert_snapshot!(home.ami_backup(&["purge-expired-amis", "--sandbox", "-v", "-r", "us-east-1,eu-west-1"]).run().timeless(), @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at INSTANT
    ! eu-west-1: read 1 image and 1 snapshot
    ! us-east-1: read 1 image and 1 snapshot
    ! eu-west-1: removed ami-09bc0e13c32d1b883 and 1 snapshot
    ! us-east-1: removed ami-09d40897aa65e0c57 and 1 snapshot
    eu-west-1  purged  ami-09bc0e13c32d1b883  web-1 of INSTANT with 1 snapshot: it expired INSTANT
    us-east-1  purged  ami-09d40897aa65e0c57  web-1 of INSTANT with 1 snapshot: it expired INSTANT
    purged 2 (not in the Recycle Bin), kept 0, in 2 regions
    exit code 0
    ");
}

#[test]
fn documents_of_an_image_that_was_made() {
    let home = Home::new();
    let ran = image_instance(&home, &["-e", "+1 week", "-d", "eu-west-1", "-d", "us-west-2", "--encrypt"]);
    let document = valid(&ran, "image");
    assert_eq!((ran.code, &document["ending"]), (0, &"done".into()));
    assert_eq!(document["image"]["state"], "available");
    assert_eq!(document["copies"].as_array().unwrap().len(), 2);
    assert_eq!(document["expire"], "2026-12-08T02:00:00Z");
}

#[test]
fn documents_of_plans() {
    let home = home_with_expired_backups();
    let plan = valid(&image_instance(&home, &["-e", "+1 week", "-d", "eu-west-1", "--dry-run"]), "image");
    assert_eq!((&plan["dry_run"], plan["planned"].as_array().unwrap().len()), (&true.into(), 2));
    let plan = valid(&home.ami_backup(&["purge-expired-amis", "--sandbox", "--json", "--dry-run"]).run(), "purge");
    assert_eq!((&plan["dry_run"], plan["verdicts"].as_array().unwrap().len()), (&true.into(), 2));
    assert_eq!(plan["deleted_images"], Value::Array(Vec::new()));
}

#[test]
fn documents_of_simulations() {
    let home = Home::new();
    let policy =
        "[[target]]\nname = 'web'\nselect = { all = true }\nschedule = '0 2 * * *'\nkeep-daily = 3\ncopy = [{ region = 'eu-west-1' }]\n";
    home.write("ami-backup.toml", policy);
    home.write("more.toml", &policy.replace("keep-daily = 3", "keep-daily = 5"));
    let document = valid(&home.ami_backup(&["simulate", "--days", "2", "--json"]).run(), "simulate");
    assert_eq!((&document["diff"], &document["days"][0]["regions"]["us-east-1"]["gib_at_most"]), (&Value::Null, &Value::Null));
    let arguments = ["simulate", "--observed", "--sandbox", "--json", "--days", "7", "--miss", "2026-12-03", "--diff", "more.toml"];
    let document = valid(&home.ami_backup(&arguments).run(), "simulate");
    let days = document["days"].as_array().unwrap();
    assert_eq!((days.len(), document["diff"]["days"].as_array().unwrap().len()), (7, 7));
    assert_eq!((&days[1]["date"], &days[1]["made"], &days[2]["made"]), (&"2026-12-02".into(), &5.into(), &0.into()));
    assert_eq!(days[6]["regions"]["us-east-1"]["by_rule"], serde_json::json!({ "daily": 6 }));
    assert_eq!(document["missed"], serde_json::json!([{ "first": "2026-12-03", "last": "2026-12-03" }]));
    assert_eq!((&document["diff"]["first_lost_by_other"], &document["diff"]["in_both"]), (&Value::Null, &3.into()));
    assert_eq!(document["diff"]["first_lost_by_this"]["slot"], "2026-12-01T02:00:00Z");
    assert_eq!(document["first_forgotten"]["at"], document["diff"]["first_lost_by_this"]["at"]);
}

#[test]
fn documents_of_what_there_is() {
    let home = home_with_expired_backups();
    home.write("ami-backup.toml", WEB_ONLY);
    assert_eq!(home.ami_backup(&["run", "--sandbox"]).run().code, 0);
    let listed = valid(&home.ami_backup(&["list", "--sandbox", "--json"]).run(), "list");
    let backups = listed["backups"].as_array().unwrap();
    assert_eq!(backups.len(), 4);
    for backup in backups {
        assert_eq!((&backup["account"], &backup["volumes"][0]["size_gib"]), (&"self".into(), &8.into()));
        let shown = valid(&home.ami_backup(&["show", backup["image"].as_str().unwrap(), "--sandbox", "--json"]).run(), "list");
        let judgement = &shown["backups"][0]["judgement"];
        let (by, when) = if backup["series"].is_null() { ("purge-expired-amis", "next") } else { ("ami-backup.toml", "by_rules") };
        assert_eq!((&judgement["by"], &judgement["goes"]["when"]), (&by.into(), &when.into()));
        assert_eq!(shown["backups"][0]["volumes"][0]["snapshot_state"], "completed");
    }
    let ec2 = Ec2::example();
    ec2.deny("DescribeInstances");
    let status = home.ami_backup(&["status", "--json"]).on(&ec2).run();
    assert_eq!((status.code, &valid(&status, "status")["failures"][0]["account"]), (3, &"self".into()));
}

#[test]
fn documents_of_failures() {
    let home = Home::new();
    home.arrange(|world| world.fail_next.image.push(reason()));
    let ran = image_instance(&home, &["-d", "eu-west-1"]);
    assert_eq!((ran.code, &valid(&ran, "image")["image"]["state"]), (1, &"failed".into()));

    let home = Home::new();
    home.arrange(|world| world.fail_next.copy.push(reason()));
    let ran = image_instance(&home, &["-d", "eu-west-1"]);
    assert_eq!((ran.code, &valid(&ran, "image")["ending"]), (3, &"some_failed".into()));

    let home = home_with_expired_backups();
    let purge = |more: &[&str]| home.ami_backup(&[&["purge-expired-amis", "--sandbox", "--json"], more].concat()).run();
    let ran = purge(&["--max-deletes", "1"]);
    assert_eq!((ran.code, &valid(&ran, "purge")["ending"]), (5, &"stopped_for_safety".into()));
    let ran = purge(&["-r", "us-east-1,af-south-1"]);
    assert_eq!((ran.code, &valid(&ran, "purge")["ending"]), (3, &"some_failed".into()));
}

#[test]
fn documents_of_checks_that_could_not_be_made() {
    let home = home_with_expired_backups();
    home.arrange(|world| world.manners.unknown_actions.extend(["DescribeLockedSnapshots".to_owned()]));
    let purge = |more: &[&str]| home.ami_backup(&[&["purge-expired-amis", "--sandbox"], more].concat()).run();
    let ran = purge(&["--json", "--require-checks"]);
    let document = valid(&ran, "purge");
    assert_eq!((ran.code, &document["ending"]), (3, &"some_failed".into()));
    assert_eq!(document["unmade_checks"].as_array().unwrap().len(), 2);
    assert_snapshot!(purge(&["-v", "-r", "us-east-1"]).timeless(), @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at INSTANT
    ! us-east-1: read 1 image and 1 snapshot
    ! us-east-1: the locked snapshots could not be read: DescribeLockedSnapshots failed with InvalidAction: The action DescribeLockedSnapshots is not valid for this web service
    ! us-east-1: removed ami-09d40897aa65e0c57 and 1 snapshot
    us-east-1  purged  ami-09d40897aa65e0c57  web-1 of INSTANT with 1 snapshot: it expired INSTANT
    purged 1 (not in the Recycle Bin), kept 0, in 1 region
    warning: the locked snapshots could not be read in us-east-1: DescribeLockedSnapshots failed with InvalidAction: The action DescribeLockedSnapshots is not valid for this web service; nothing was kept for it (--require-checks keeps)
    exit code 0
    ");
}

#[test]
fn documents_of_what_can_be_had_back() {
    let home = home_with_expired_backups();
    home.arrange(|world| {
        let rules = &mut world.region_mut("us-east-1").recycle_bin.rules;
        rules.insert("images".to_owned(), RetentionRule::new(RetainedType::Ec2Image, 7));
        rules.insert("snapshots".to_owned(), RetentionRule::new(RetainedType::EbsSnapshot, 7));
    });
    let ran = home.ami_backup(&["purge-expired-amis", "--sandbox", "--json"]).run();
    let document = valid(&ran, "purge");
    let recoverable: Vec<&Value> = document["verdicts"].as_array().unwrap().iter().map(|it| &it["result"]["recoverable"]).collect();
    assert_eq!((ran.code, recoverable[0]), (0, &"not_in_recycle_bin".into()));
    assert!(recoverable[1]["until"].as_str().unwrap().starts_with("2026-12-16T02:"), "{recoverable:?}");
}

#[test]
fn an_instance_keeps_its_image_if_asked() {
    let home = home_with_expired_backups();
    home.arrange(|world| {
        let held = world.region_mut("us-east-1");
        let image = held.images.keys().next().unwrap().clone();
        held.instances.get_mut(WEB).unwrap().image_id = image;
    });
    let purge = |more: &[&str]| home.ami_backup(&[&["purge-expired-amis", "--sandbox", "-r", "us-east-1"], more].concat()).run();
    let ran = purge(&["--keep-launched"]);
    assert!(ran.stdout.contains(&format!("instance/{WEB}")), "{ran}");
    assert!(ran.stdout.ends_with("purged 0, kept 1, in 1 region\n"), "{ran}");
    assert!(purge(&[]).stdout.ends_with("purged 1 (not in the Recycle Bin), kept 0, in 1 region\n"));
}

#[test]
fn documents_of_what_was_left_and_finished() {
    let home = Home::new();
    let ran = image_instance(&home, &["-d", "eu-west-1", "--no-wait"]);
    assert_eq!((ran.code, &valid(&ran, "image")["image"]["state"]), (0, &"pending".into()));
    let resume = || home.ami_backup(&["resume", "--sandbox", "--json"]).run();
    let document = valid(&resume(), "image");
    assert_eq!((&document["command"], document["copies"].as_array().unwrap().len()), (&"resume".into(), 1));
    assert_eq!(valid(&resume(), "image")["copies"], Value::Array(Vec::new()));
}

#[test]
fn a_purges_document_tells_what_was_lost() {
    let home = home_with_expired_backups();
    let document = valid(&home.ami_backup(&["purge-expired-amis", "--sandbox", "--json"]).run(), "purge");
    assert_eq!(document["deleted_images"].as_array().unwrap().len(), 2);
    assert_eq!(document["deleted_snapshots"].as_array().unwrap().len(), 2);
    assert_eq!(home.world().region("us-east-1").images.len(), 0);
}

#[test]
fn a_usage_error_is_no_data() {
    let ran = Home::new().ami_backup(&["image-instance", "--json", "--sandbox", "-i", WEB, "-e", "yesterday"]).run();
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
}

#[test]
fn the_sandbox_as_a_document() {
    let document = Home::new().ami_backup(&["sandbox", "show", "--json"]).run().json();
    assert_eq!((&document["version"], &document["clock"]), (&1.into(), &"2026-12-01T02:00:00Z".into()));
}

#[test]
fn an_output_pipe_that_was_closed_early_changes_nothing_else() {
    let home = Home::new();
    for more in [&[][..], &["--json"]] {
        let arguments = [&["image-instance", "--sandbox", "-i", WEB, "-e", "+1 week", "-d", "eu-west-1"], more].concat();
        let ran = home.ami_backup(&arguments).start_with_closed_stdout().end();
        assert_eq!(ran.code, 0, "{ran}");
        assert!(!ran.stderr.contains("error"), "{ran}");
    }
    assert_eq!((home.world().region("us-east-1").images.len(), home.world().region("eu-west-1").images.len()), (2, 2));
    home.advance("8d");
    assert_eq!(home.ami_backup(&["purge-expired-amis", "--sandbox", "--max-deletes", "1"]).start_with_closed_stdout().end().code, 5);
    assert_eq!(home.ami_backup(&["purge-expired-amis", "--sandbox"]).start_with_closed_stdout().end().code, 0);
    assert_eq!(home.world().region("us-east-1").images.len(), 0);
    assert_eq!(home.ami_backup(&["--help"]).start_with_closed_stdout().end().code, 0);
}

#[test]
fn a_disk_that_is_full_is_told() {
    let home = Home::new();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let ran = home.ami_backup(&["image-instance", "--sandbox", "--json"]).start_with_stdout(full).end();
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("the report could not be written: No space left on device"), "{ran}");
    assert_eq!(home.world().region("us-east-1").images.len(), 1);
}

#[test]
fn a_purge_that_went_well_says_what_it_did_and_nothing_more() {
    let home = home_with_expired_backups();
    // Only the sandbox says on stderr what it is.
    let ran = home.ami_backup(&["purge-expired-amis", "--sandbox"]).run();
    assert_eq!(ran.stderr.lines().count(), 1, "{ran}");
    assert_snapshot!(ran.timeless().stdout, @"
    eu-west-1  purged  ami-09bc0e13c32d1b883  web-1 of INSTANT with 1 snapshot: it expired INSTANT
    us-east-1  purged  ami-09d40897aa65e0c57  web-1 of INSTANT with 1 snapshot: it expired INSTANT
    purged 2 (not in the Recycle Bin), kept 0, in 18 regions
    ");
}

#[test]
fn no_colours_in_a_pipe() {
    let home = Home::new();
    for arguments in [&["image-instance", "--sandbox", "-vvv"][..], &["purge-expired-amis", "--sandbox", "-vv"], &["--help"], &["-x"]] {
        for no_color in ["", "1"] {
            let ran = home.ami_backup(arguments).env("NO_COLOR", no_color).env("TERM", "xterm-256color").run();
            assert!(!ran.to_string().contains('\u{1b}'), "{ran}");
        }
    }
}
