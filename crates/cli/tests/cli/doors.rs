//! The names the scripts had, and every option as it is documented.

use std::path::PathBuf;

use insta::assert_snapshot;

use crate::common::{BINARY, Ec2, Home, WEB};

/// A link to the program, as `install` makes it.
fn link(home: &Home, name: &str) -> PathBuf {
    let link = home.path(name);
    std::os::unix::fs::symlink(BINARY, &link).unwrap();
    link
}

#[test]
fn image_instance_by_the_scripts_names() {
    let home = Home::new();
    let subcommand = ["image-instance", "--sandbox", "--dry-run", "-i", WEB, "-r", "us-east-1", "-e", "+1 month", "-d", "eu-west-1"];
    let plan = home.ami_backup(&subcommand).run();
    assert_eq!(plan.code, 0, "{plan}");
    for name in ["image-instance", "image-instance.sh"] {
        assert_eq!(home.program(&link(&home, name), &subcommand[1..]).run().to_string(), plan.to_string());
    }
}

#[test]
fn purge_expired_amis_by_the_scripts_names() {
    let home = Home::new();
    for name in ["purge-expired-amis", "purge-expired-amis.sh"] {
        let ran = home.program(&link(&home, name), &["--sandbox", "-r", "us-east-1,eu-west-1"]).run();
        assert_eq!((ran.stdout.as_str(), ran.code), ("purged 0, kept 0, in 2 regions\n", 0));
    }
}

#[test]
fn a_link_by_another_name_is_the_program_itself() {
    let home = Home::new();
    let help = home.program(&link(&home, "backup"), &["--help"]).run();
    assert_eq!(help.to_string(), home.ami_backup(&["--help"]).run().to_string());
}

#[test]
fn a_crontab_of_the_scripts_runs_unchanged() {
    let home = Home::new();
    home.write(".aws/credentials", "[ami-backup]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = secret\n");
    let ec2 = Ec2::example();
    let image_instance = link(&home, "image-instance.sh");
    for arguments in [
        &["-p", "ami-backup", "-e", "+1 week"][..],
        &["-p", "ami-backup", "-e", "next month", "-d", "eu-west-1"],
        &["-p", "ami-backup", "-i", WEB, "-r", "us-east-1", "-e", "42 days", "-t", "28800"],
    ] {
        let ran = home.program(&image_instance, &[arguments, &["--no-wait"]].concat()).on(&ec2).with_metadata_of(&ec2).run();
        assert_eq!(ran.code, 0, "{ran}");
        // EC2 wants 15 seconds between two snapshots of a volume.
        ec2.sim.advance(jiff::SignedDuration::from_secs(15));
    }
    let purge = home.program(&link(&home, "purge-expired-amis.sh"), &["-p", "ami-backup", "-r", "us-east-1,eu-west-1"]).on(&ec2).run();
    assert_eq!(purge.code, 0, "{purge}");
    assert_eq!(ec2.changes(), ["CreateImage"; 3]);
}

#[test]
fn usage_is_no_error_where_it_is_asked_for() {
    let home = Home::new();
    for (name, subcommand) in [("image-instance.sh", "image-instance"), ("purge-expired-amis.sh", "purge-expired-amis")] {
        let usage = home.program(&link(&home, name), &["-h"]).run();
        assert_eq!((usage.code, usage.stderr.as_str()), (0, ""));
        // What is on the screen can be typed.
        assert!(usage.stdout.contains(&format!("\nUsage: ami-backup {subcommand} [OPTIONS]\n")), "{usage}");
        assert_eq!(usage.to_string(), home.ami_backup(&[subcommand, "-h"]).run().to_string());
    }
    for command in ["resume", "sandbox", "iam-policy", "install", "completions", "man", "schema"] {
        let usage = home.ami_backup(&[command, "--help"]).run();
        assert_eq!((usage.code, usage.stderr.as_str()), (0, ""));
        assert!(usage.stdout.contains(&format!("\nUsage: ami-backup {command}")), "{usage}");
    }
}

#[test]
fn the_version() {
    assert_snapshot!(Home::new().ami_backup(&["--version"]).run(), @"
    ami-backup 0.1.0
    exit code 0
    ");
}

#[test]
fn every_option_of_the_others_has_its_long_form() {
    let home = Home::new();
    home.write(".aws/credentials", "[mine]\naws_access_key_id = AKIAMINE\naws_secret_access_key = secret\n");
    let ec2 = Ec2::example();
    for (short, long) in [
        (
            &["purge-expired-amis", "-p", "mine", "-r", "us-east-1"][..],
            &["purge-expired-amis", "--profile", "mine", "--region", "us-east-1"][..],
        ),
        (&["resume", "-p", "mine", "-r", "us-east-1", "-t", "5"], &["resume", "--profile=mine", "--region=us-east-1", "--timeout=5"]),
    ] {
        let ran = home.ami_backup(short).on(&ec2).run();
        assert_eq!(ran.code, 0, "{ran}");
        assert_eq!(home.ami_backup(long).on(&ec2).run().to_string(), ran.to_string());
    }
    assert!(ec2.calls().iter().all(|call| (call.access_key.as_str(), call.region.as_str()) == ("AKIAMINE", "us-east-1")));
}

#[test]
fn every_option_of_image_instance_has_its_long_form() {
    let home = Home::new();
    home.write(".aws/credentials", "[mine]\naws_access_key_id = AKIAMINE\naws_secret_access_key = secret\n");
    let ec2 = Ec2::example();
    let plan = |arguments: [&str; 6]| {
        let more = ["image-instance", "--dry-run", "--now", "2027-01-01T00:00:00Z", "-e", "+1 week", "-d", "us-west-2"];
        let options = ["--encrypt", "--reboot", "--no-wait", "--kms-key", "us-west-2=alias/mine"];
        let ran = home.ami_backup(&[&more[..], &options, &arguments].concat()).on(&ec2).run();
        assert_eq!(ran.code, 0, "{ran}");
        ran.to_string()
    };
    let short = plan(["-p", "mine", "-i", WEB, "-r", "us-east-1"]);
    assert_eq!(plan(["--profile", "mine", "--instance-id", WEB, "--region", "us-east-1"]), short);
    assert!(ec2.calls().iter().all(|call| call.access_key == "AKIAMINE"));
    assert_snapshot!(short, @"
    ! expires 2027-01-08T00:00:00Z
    us-east-1  would image i-0eb1eb1eb1eb10001, rebooting it as backup-ami_web-1_i-0eb1eb1eb1eb10001_20270101T000000Z_15b21931
               tagged AvailabilityZone=us-east-1a | Creator=image-instance | Date=2027-01-01T00:00:00Z | Expire=2027-01-08T00:00:00Z | Instance=i-0eb1eb1eb1eb10001 | Name=backup-ami@web-1 | ami-backup:copy-to:us-west-2=until=2027-01-03T00:00:00Z key=alias/mine
    us-west-2  would copy it once it is available, encrypted with alias/mine
    exit code 0
    ");
}
