//! What there is, and how fresh it is: `list`, `show` and `status`.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use jiff::Timestamp;

use crate::common::{DB, Ec2, Home, MAIL, WEB};

const WEB_ONLY: &str = "[[target]]\nname = \"web\"\nselect = { names = [\"web-*\"] }\nschedule = \"0 2 * * *\"\nkeep-last = 2\n\
                        copy = [{ region = \"eu-west-1\" }]\n";

fn home() -> Home {
    let home = Home::new();
    home.write("ami-backup.toml", WEB_ONLY);
    home
}

#[test]
fn no_backup_at_all_is_critical_and_an_old_one_becomes_it() {
    let home = home();
    let nagios = || home.ami_backup(&["status", "--nagios", "--sandbox"]).run();
    let none = nagios();
    assert!(none.code == 2 && none.stdout.starts_with("AMI-BACKUP CRITICAL") && none.stdout.contains("no backup"), "{none}");
    assert_eq!(home.ami_backup(&["run", "--sandbox"]).run().code, 0);
    assert_snapshot!(home.ami_backup(&["status", "--sandbox"]).run().stdout, @"
    STATUS  SERIES  INSTANCE  REGION            NEWEST                 AGE
    OK      web     web-1     us-east-1         ami-09d40897aa65e0c57  2min
    OK      web     web-1     eu-west-1 (copy)  ami-09bc0e13c32d1b883  2min
    unprotected: i-0a11a11a11a110001 mail-1 in eu-west-1: it is not selected: web does not name it
    unprotected: i-0db1db1db1db10001 db-1 in us-east-1: it is not selected: web does not name it
    OK: 2 ok, 0 late, 0 critical, 0 failed images, 2 unprotected instances
    ");
    home.advance("29h");
    assert_eq!(nagios().code, 0);
    home.advance("2h");
    let late = nagios();
    assert!(late.code == 1 && late.stdout.lines().count() == 1, "{late}");
    home.advance("1d");
    assert_eq!(nagios().code, 2);
}

#[test]
fn metrics_are_written_whole() {
    let home = home();
    home.ami_backup(&["run", "--sandbox"]).run();
    let ran = home.ami_backup(&["status", "--prometheus", "ami-backup.prom", "--sandbox"]).run();
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran}");
    let text = std::fs::read_to_string(home.path("ami-backup.prom")).unwrap();
    assert!(
        text.contains("ami_backup_unprotected_instances 2\n") && text.contains("ami_backup_status{account=\"self\",series=\"web\""),
        "{text}"
    );
    let nowhere = home.ami_backup(&["status", "--prometheus", "nowhere/x.prom", "--sandbox"]).run();
    assert_eq!(nowhere.code, 1, "{nowhere}");
}

#[test]
fn what_cannot_be_read_is_unknown_and_not_well() {
    let ec2 = Ec2::example();
    ec2.deny("DescribeImages");
    let home = home();
    let ran = home.ami_backup(&["status", "--nagios"]).on(&ec2).run();
    assert!(ran.code == 3 && ran.stdout.starts_with("AMI-BACKUP UNKNOWN") && ran.stdout.contains("DescribeImages"), "{ran}");
    assert_eq!(home.ami_backup(&["list"]).on(&ec2).run().code, 1);
    assert_eq!(home.ami_backup(&["status", "--nagios", "--policy", "nowhere.toml"]).on(&ec2).run().code, 3);
}

#[test]
fn backups_are_listed_and_shown() {
    let home = home();
    home.ami_backup(&["run", "--sandbox"]).run();
    assert_snapshot!(home.ami_backup(&["list", "--sandbox"]).run().stdout, @"
    REGION     BACKUP                 OF     SERIES  SLOT               GIB  STATE      EXPIRES
    eu-west-1  ami-09bc0e13c32d1b883  web-1  web     2026-12-01 02:00Z  8    available  by policy
    us-east-1  ami-09d40897aa65e0c57  web-1  web     2026-12-01 02:00Z  8    available  by policy
    ");
    let none = home.ami_backup(&["list", "--sandbox", "--series", "db", "--json"]).run().json();
    assert_eq!(none["backups"], serde_json::json!([]));
    let shown = home.ami_backup(&["show", "ami-09d40897aa65e0c57", "--sandbox"]).run();
    assert!(shown.stdout.contains("copied as     ami-09bc0e13c32d1b883 in eu-west-1"), "{shown}");
    assert_eq!(home.ami_backup(&["show", "ami-00000000", "--sandbox"]).run().code, 1);
    assert_eq!(home.ami_backup(&["list", "--sandbox", "-i", "web"]).run().code, 2);
}

/// What is shown of a backup but for its tags, which the planner's tests tell of.
fn shown(home: &Home, arguments: &[&str]) -> String {
    let ran = home.ami_backup(&[&["show"], arguments, &["--sandbox"]].concat()).run();
    assert_eq!(ran.code, 0, "{ran}");
    ran.stdout.lines().filter(|line| !line.starts_with("tag ")).collect::<Vec<_>>().join("\n")
}

/// What is said of when a backup goes, and why.
fn judged(home: &Home, arguments: &[&str]) -> String {
    let shown = shown(home, arguments);
    shown.lines().filter(|line| ["verdict", "goes", "  "].iter().any(|what| line.starts_with(what))).collect::<Vec<_>>().join("\n")
}

#[test]
fn all_there_is_to_know_of_a_backup_is_shown() {
    let home = home();
    home.ami_backup(&["run", "--sandbox"]).run();
    assert_snapshot!(shown(&home, &["ami-09d40897aa65e0c57"]), @"
    backup        ami-09d40897aa65e0c57
    region        us-east-1
    state         available
    name          backup-ami_web-1_i-0eb1eb1eb1eb10001_20261201T020000Z_7f56931e
    instance      i-0eb1eb1eb1eb10001
    instance name web-1
    series        web
    slot          2026-12-01T02:00:00Z
    made          2026-12-01T02:00:00Z
    expires       by policy
    verdict       keep: last 1 of 2 (by ami-backup.toml)
    goes          2026-12-03T02:00:00Z, if the policy goes on running on schedule
    copied as     ami-09bc0e13c32d1b883 in eu-west-1
    volume        /dev/sda1  8 GiB, not encrypted  snap-0c9ea446896d8c9b6, completed
    ");
    assert_snapshot!(shown(&home, &["ami-09bc0e13c32d1b883", "-r", "eu-west-1"]), @"
    backup        ami-09bc0e13c32d1b883
    region        eu-west-1
    state         available
    name          backup-ami_web-1_i-0eb1eb1eb1eb10001_20261201T020000Z_7f56931e
    instance      i-0eb1eb1eb1eb10001
    instance name web-1
    series        web
    slot          2026-12-01T02:00:00Z
    made          2026-12-01T02:00:56Z
    expires       by policy
    verdict       keep: last 1 of 2 (by ami-backup.toml)
    goes          2026-12-03T02:00:00Z, if the policy goes on running on schedule
    copy of       ami-09d40897aa65e0c57
    volume        /dev/sda1  8 GiB, not encrypted  snap-046d665e7d6f414aa, completed
    ");
    // While it is made, the snapshot says how far it is.
    let db = ["image-instance", "-i", DB, "-r", "us-east-1", "-e", "+1 week", "--no-wait", "--sandbox"];
    let made = home.ami_backup(&[&db[..], &["--json"]].concat()).run().json();
    home.advance("30s");
    let shown = shown(&home, &[made["image"]["image"].as_str().unwrap()]);
    assert!(shown.contains(", pending (") && shown.contains("500 GiB"), "{shown}");
}

#[test]
fn the_verdict_is_that_of_plan_and_the_backup_goes_when_it_is_said_to() {
    let home = home();
    for _ in 1..=2 {
        home.ami_backup(&["run", "--sandbox"]).run();
        home.advance("1d");
    }
    home.write("less.toml", &WEB_ONLY.replace("keep-last = 2", "keep-last = 1"));
    let mut goes = Vec::new();
    for policy in ["less.toml", "ami-backup.toml"] {
        let plan = home.ami_backup(&["plan", "--sandbox", "--json", "--policy", policy]).run().json();
        let verdicts = plan["accounts"][0]["purge"]["verdicts"].as_array().unwrap();
        assert_eq!(verdicts.len(), 4, "two backups and their copies");
        goes.clear();
        for verdict in verdicts {
            let backup = verdict["subject"]["image"].as_str().unwrap().to_owned();
            let shown = home.ami_backup(&["show", &backup, "--sandbox", "--json", "--policy", policy]).run().json();
            let judgement = &shown["backups"][0]["judgement"];
            assert_eq!((&judgement["by"], &judgement["decision"]), (&policy.into(), &verdict["decision"]), "{backup}");
            let is_purged = verdict["decision"]["verdict"] == "purge";
            assert_eq!(judgement["goes"]["when"], if is_purged { "next" } else { "by_rules" }, "{backup}");
            goes.push((backup, judgement["goes"]["at"].as_str().map(|at| at.parse::<Timestamp>().unwrap())));
        }
        assert_eq!(goes.iter().filter(|(_, at)| at.is_none()).count(), if policy == "less.toml" { 2 } else { 0 });
    }
    assert_eq!(goes.iter().map(|(_, at)| at.unwrap()).collect::<BTreeSet<_>>().len(), 2, "one day for each slot: {goes:?}");
    for _ in 1..=3 {
        home.ami_backup(&["run", "--sandbox"]).run();
        let now = home.world().clock;
        let listed = home.ami_backup(&["list", "--sandbox"]).run().stdout;
        for (backup, at) in &goes {
            assert_eq!(listed.contains(backup), at.unwrap() > now, "{backup} goes {at:?}, and it is {now}");
        }
        home.advance("1d");
    }
}

#[test]
fn who_decides_and_what_has_to_change_is_said() {
    let home = home();
    home.ami_backup(&["run", "--sandbox"]).run();
    let web = "ami-09d40897aa65e0c57";
    let by_hand = home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1", "-e", "+1 week", "--sandbox", "--json"]).run().json();
    let by_hand = by_hand["image"]["image"].as_str().unwrap();
    assert_snapshot!(judged(&home, &[by_hand]), @"
    verdict       keep: it expires 2026-12-08T02:02:41Z (by purge-expired-amis)
    goes          after 2026-12-08T02:02:41Z
    ");
    assert_snapshot!(judged(&home, &[web]), @"
    verdict       keep: last 1 of 2 (by ami-backup.toml)
    goes          2026-12-03T02:00:00Z, if the policy goes on running on schedule
    ");
    home.ami_backup(&["pin", web, "--why", "audit", "--sandbox"]).run();
    assert_snapshot!(judged(&home, &[web]), @"
    verdict       keep: it is pinned: audit (by ami-backup.toml)
    goes          not unless it is unpinned (`ami-backup unpin ami-09d40897aa65e0c57`)
    ");
    std::fs::rename(home.path("ami-backup.toml"), home.path("web.toml")).unwrap();
    assert_snapshot!(judged(&home, &[web]), @"
    verdict       keep: it is pinned: audit (by purge-expired-amis)
    goes          not unless it is unpinned (`ami-backup unpin ami-09d40897aa65e0c57`)
    ");
    home.ami_backup(&["unpin", web, "--sandbox"]).run();
    assert_snapshot!(judged(&home, &[web]), @"verdict       none: its policy decides, and there is none here for this account: name it with --policy FILE");
    assert_snapshot!(judged(&home, &[web, "--policy", "web.toml"]), @"
    verdict       keep: last 1 of 2 (by web.toml)
    goes          2026-12-03T02:00:00Z, if the policy goes on running on schedule
    ");
    home.ami_backup(&["expire", web, "2027-03-01 12:00 UTC", "--sandbox"]).run();
    assert_snapshot!(judged(&home, &[web]), @"
    verdict       keep: it expires 2027-03-01T12:00:00Z (by purge-expired-amis)
    goes          after 2027-03-01T12:00:00Z
    ");
    assert_snapshot!(judged(&home, &[web, "--policy", "web.toml"]), @"
    verdict       keep: it expires 2027-03-01T12:00:00Z (by web.toml)
    goes          after 2027-03-01T12:00:00Z
    ");
    // A policy that cannot be used is said, and judges nothing, unless it was named.
    home.write("ami-backup.toml", "[[target]]\nname = 'web'\n");
    let ran = home.ami_backup(&["show", web, "--sandbox"]).run();
    assert!(ran.code == 0 && ran.stderr.contains("cannot be used as it is"), "{ran}");
    assert_eq!(home.ami_backup(&["show", web, "--sandbox", "--policy", "ami-backup.toml"]).run().code, 2);
}

#[test]
fn what_cannot_be_read_leaves_the_verdict_open() {
    let home = home();
    let ec2 = Ec2::example();
    assert_eq!(home.ami_backup(&["run", "--no-wait"]).on(&ec2).run().code, 0);
    let image = ec2.sim.world().region("us-east-1").images.keys().next().unwrap().to_string();
    ec2.deny("DescribeSnapshots");
    let ran = home.ami_backup(&["show", &image]).on(&ec2).run();
    assert!(ran.code == 3 && ran.stderr.contains("not read: DescribeSnapshots in us-east-1"), "{ran}");
    assert!(ran.stdout.contains("verdict       none: its region could not be read (by ami-backup.toml)"), "{ran}");
}

#[test]
fn a_list_is_narrowed_and_ordered() {
    let home = home();
    home.ami_backup(&["run", "--sandbox"]).run();
    for (instance, region, expire) in [(DB, "us-east-1", "+2 weeks"), (WEB, "us-east-1", "+3 days"), (MAIL, "eu-west-1", "+1 week")] {
        let ran = home.ami_backup(&["image-instance", "-i", instance, "-r", region, "-e", expire, "--sandbox"]).run();
        assert_eq!(ran.code, 0, "{ran}");
    }
    home.ami_backup(&["image-instance", "-i", MAIL, "-r", "eu-west-1", "--no-wait", "--sandbox"]).run();
    let listed = |arguments: &[&str]| {
        let ran = home.ami_backup(&[&["list", "--json", "--sandbox"], arguments].concat()).run();
        assert_eq!(ran.code, 0, "{ran}");
        let of = |backup: &serde_json::Value| {
            format!("{} {}", backup["instance_name"].as_str().unwrap(), backup["expire"].as_str().unwrap_or("-"))
        };
        ran.json()["backups"].as_array().unwrap().iter().map(of).collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(listed(&[]), @"
    db-1 2026-12-15T02:02:41Z
    mail-1 2026-12-08T02:06:34Z
    mail-1 -
    web-1 -
    web-1 -
    web-1 2026-12-04T02:05:37Z
    ");
    assert_snapshot!(listed(&["--sort", "expiry"]), @"
    web-1 2026-12-04T02:05:37Z
    mail-1 2026-12-08T02:06:34Z
    db-1 2026-12-15T02:02:41Z
    mail-1 -
    web-1 -
    web-1 -
    ");
    assert_snapshot!(listed(&["--sort", "size", "--reverse"]), @"
    db-1 2026-12-15T02:02:41Z
    web-1 2026-12-04T02:05:37Z
    web-1 -
    web-1 -
    mail-1 -
    mail-1 2026-12-08T02:06:34Z
    ");
    assert_snapshot!(listed(&["--sort", "slot", "--reverse"]), @"
    mail-1 -
    mail-1 2026-12-08T02:06:34Z
    web-1 2026-12-04T02:05:37Z
    db-1 2026-12-15T02:02:41Z
    web-1 -
    web-1 -
    ");
    assert_snapshot!(listed(&["--sort", "region"]), @"
    mail-1 2026-12-08T02:06:34Z
    mail-1 -
    web-1 -
    db-1 2026-12-15T02:02:41Z
    web-1 -
    web-1 2026-12-04T02:05:37Z
    ");
    assert_snapshot!(listed(&["--name", "*b-1", "--state", "available"]), @"
    db-1 2026-12-15T02:02:41Z
    web-1 -
    web-1 -
    web-1 2026-12-04T02:05:37Z
    ");
    assert_snapshot!(listed(&["--state", "pending,failed"]), @"mail-1 -");
    assert_snapshot!(listed(&["--expires-before", "+8 days"]), @"
    mail-1 2026-12-08T02:06:34Z
    web-1 2026-12-04T02:05:37Z
    ");
    assert_eq!(listed(&["--expired"]), "");
    home.advance("4d");
    assert_snapshot!(listed(&["--expired"]), @"web-1 2026-12-04T02:05:37Z");
    let both = home.ami_backup(&["list", "--expired", "--expires-before", "+8 days", "--sandbox"]).run();
    assert_eq!(both.code, 2, "{both}");
    let unclear = home.ami_backup(&["list", "--expires-before", "sooner", "--sandbox"]).run();
    assert!(unclear.code == 2 && unclear.stderr.contains("--expires-before: "), "{unclear}");
}
