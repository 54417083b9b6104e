//! What there is, and how fresh it is: `list`, `show` and `status`.

use insta::assert_snapshot;

use crate::common::{Ec2, Home};

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
    OK      web     web-1     us-east-1         ami-09d40897aa65e0c57  3min
    OK      web     web-1     eu-west-1 (copy)  ami-09bc0e13c32d1b883  3min
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
    REGION     BACKUP                 OF     SERIES  SLOT               STATE      EXPIRES
    eu-west-1  ami-09bc0e13c32d1b883  web-1  web     2026-12-01 02:00Z  available  by policy
    us-east-1  ami-09d40897aa65e0c57  web-1  web     2026-12-01 02:00Z  available  by policy
    ");
    let none = home.ami_backup(&["list", "--sandbox", "--series", "db", "--json"]).run().json();
    assert_eq!(none["backups"], serde_json::json!([]));
    let shown = home.ami_backup(&["show", "ami-09d40897aa65e0c57", "--sandbox"]).run();
    assert!(shown.stdout.contains("copied as     ami-09bc0e13c32d1b883 in eu-west-1"), "{shown}");
    assert_eq!(home.ami_backup(&["show", "ami-00000000", "--sandbox"]).run().code, 1);
    assert_eq!(home.ami_backup(&["list", "--sandbox", "-i", "web"]).run().code, 2);
}
