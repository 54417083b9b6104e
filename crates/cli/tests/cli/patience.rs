//! Waiting: how long, for what, and what is said when it was in vain.

use std::time::Duration;

use ec2_sim::world::StateReason;
use ec2_sim::{Fault, FaultKind, Which};
use insta::assert_snapshot;

use crate::common::{Ec2, Home, WEB};

fn reason() -> StateReason {
    StateReason { code: "Client.InternalError".to_owned(), message: "Client error on launch".to_owned() }
}

#[test]
fn patience_that_runs_out() {
    let (home, ec2) = (Home::new(), Ec2::example());
    let ran = home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1", "-d", "eu-west-1", "-t", "3"]).on(&ec2).run();
    assert!((Duration::from_secs(3)..Duration::from_secs(25)).contains(&ran.took), "{:?}", ran.took);
    assert_snapshot!(ran.timeless(), @"
    ! us-east-1: ami-09d40897aa65e0c57 requested: backup-ami_web-1_i-0eb1eb1eb1eb10001_SLOT_HASH
    ! still in flight, and nothing is lost: `ami-backup resume -r us-east-1` finishes the copies, as does the next image-instance of this instance
    us-east-1  ami-09d40897aa65e0c57  pending    backup-ami_web-1_i-0eb1eb1eb1eb10001_SLOT_HASH  never expires
    eu-west-1  copy of ami-09d40897aa65e0c57 in us-east-1: waiting for the source image to be available
    exit code 4
    ");
    assert_eq!(ec2.changes(), ["CreateImage"]);
}

#[test]
fn patience_that_runs_out_before_an_image_without_copies_is_there() {
    let home = Home::new();
    assert_snapshot!(home.ami_backup(&["image-instance", "--sandbox", "-t", "3"]).run(), @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-01T02:00:00Z
    ! us-east-1: ami-09d40897aa65e0c57 requested: backup-ami_web-1_i-0eb1eb1eb1eb10001_20261201T020000Z_92b9867a
    ! the image is still pending, and nothing is lost: EC2 finishes it by itself
    us-east-1  ami-09d40897aa65e0c57  pending    backup-ami_web-1_i-0eb1eb1eb1eb10001_20261201T020000Z_92b9867a  never expires
    exit code 4
    ");
}

#[test]
fn how_to_finish_is_what_has_to_be_typed() {
    let home = Home::new();
    let file = home.path("my world.json");
    let option = format!("--sandbox={}", file.display());
    let ran = home.ami_backup(&["image-instance", &option, "-d", "eu-west-1", "-t", "3"]).run();
    assert!(ran.stderr.contains("`ami-backup resume --sandbox='~/my world.json' -r us-east-1` finishes the copies"), "{ran}");
    assert_eq!(home.ami_backup(&["resume", &option, "-r", "us-east-1"]).run().code, 0);

    home.write(".aws/credentials", "[mine]\naws_access_key_id = AKIAMINE\naws_secret_access_key = secret\n");
    let ec2 = Ec2::example();
    let arguments = ["image-instance", "-p", "mine", "-i", WEB, "-r", "us-east-1", "-d", "eu-west-1", "--no-wait"];
    let ran = home.ami_backup(&arguments).on(&ec2).run();
    assert_eq!(ran.code, 0);
    assert!(
        ran.stderr.ends_with("not waited for: `ami-backup resume -p mine -r us-east-1` makes the copies once the image is available\n")
    );
    let arguments = ["resume", "-p", "mine", "-r", "us-east-1,eu-central-1", "-t", "1"];
    assert_snapshot!(home.ami_backup(&arguments).on(&ec2).run(), @"
    ! still in flight, and nothing is lost: `ami-backup resume -p mine -r us-east-1,eu-central-1` goes on with it
    eu-west-1  copy of ami-09d40897aa65e0c57 in us-east-1: waiting for the source image to be available
    exit code 4
    ");
}

#[test]
fn an_image_that_fails() {
    let home = Home::new();
    home.arrange(|world| world.fail_next.image.push(reason()));
    assert_snapshot!(home.ami_backup(&["image-instance", "--sandbox", "-e", "+1 week", "-d", "eu-west-1"]).run(), @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-01T02:00:00Z
    ! expires 2026-12-08T02:00:00Z
    ! us-east-1: ami-09d40897aa65e0c57 requested: backup-ami_web-1_i-0eb1eb1eb1eb10001_20261201T020000Z_247ad1aa
    ! us-east-1: ami-09d40897aa65e0c57 failed
    us-east-1  ami-09d40897aa65e0c57  failed     backup-ami_web-1_i-0eb1eb1eb1eb10001_20261201T020000Z_247ad1aa  Client error on launch
    eu-west-1  copy of ami-09d40897aa65e0c57 in us-east-1: not copied: the source image is failed
    exit code 1
    ");
}

#[test]
fn a_copy_that_fails() {
    let home = Home::new();
    home.arrange(|world| world.fail_next.copy.push(reason()));
    assert_snapshot!(home.ami_backup(&["image-instance", "--sandbox", "-e", "+1 week", "-d", "eu-west-1,us-west-2"]).run(), @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-01T02:00:00Z
    ! expires 2026-12-08T02:00:00Z
    ! us-east-1: ami-09d40897aa65e0c57 requested: backup-ami_web-1_i-0eb1eb1eb1eb10001_20261201T020000Z_0bd40a88
    ! us-east-1: ami-09d40897aa65e0c57 available
    ! eu-west-1: ami-09bc0e13c32d1b883 requested, a copy of ami-09d40897aa65e0c57
    ! us-west-2: ami-0b4fa5102f83bee4f requested, a copy of ami-09d40897aa65e0c57
    ! eu-west-1: ami-09bc0e13c32d1b883 failed
    ! us-west-2: ami-0b4fa5102f83bee4f available
    us-east-1  ami-09d40897aa65e0c57  available  backup-ami_web-1_i-0eb1eb1eb1eb10001_20261201T020000Z_0bd40a88  expires 2026-12-08T02:00:00Z
    eu-west-1  copy of ami-09d40897aa65e0c57 in us-east-1: ami-09bc0e13c32d1b883 failed: Client error on launch
    us-west-2  ami-0b4fa5102f83bee4f  available  copy of ami-09d40897aa65e0c57 in us-east-1
    exit code 3
    ");
}

#[test]
fn a_copy_that_is_refused() {
    let home = Home::new();
    let arguments = ["image-instance", "--sandbox", "-d", "eu-west-1", "--kms-key", "eu-west-1=alias/nobody"];
    assert_snapshot!(home.ami_backup(&arguments).run(), @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-01T02:00:00Z
    ! us-east-1: ami-09d40897aa65e0c57 requested: backup-ami_web-1_i-0eb1eb1eb1eb10001_20261201T020000Z_d21083a1
    ! us-east-1: ami-09d40897aa65e0c57 available
    ! eu-west-1: ami-09bc0e13c32d1b883 requested, a copy of ami-09d40897aa65e0c57
    ! eu-west-1: ami-09bc0e13c32d1b883 failed
    us-east-1  ami-09d40897aa65e0c57  available  backup-ami_web-1_i-0eb1eb1eb1eb10001_20261201T020000Z_d21083a1  never expires
    eu-west-1  copy of ami-09d40897aa65e0c57 in us-east-1: ami-09bc0e13c32d1b883 failed: Given key ID is not accessible
    exit code 3
    ");
}

#[test]
fn a_second_image_of_the_same_volumes_waits_its_turn() {
    let home = Home::new();
    assert_eq!(home.ami_backup(&["image-instance", "--sandbox", "--no-wait"]).run().code, 0);
    assert_snapshot!(home.ami_backup(&["image-instance", "--sandbox", "-e", "+1 week"]).run(), @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-01T02:00:00Z
    ! expires 2026-12-08T02:00:00Z
    ! waiting: CreateImage in us-east-1 failed with SnapshotCreationPerVolumeRateExceeded: The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or variable sleep interval between requests (request 0e26f002-d8df-4ba8-a58d-1ee2ad3a1397)
    ! us-east-1: ami-09bc0e13c32d1b883 requested: backup-ami_web-1_i-0eb1eb1eb1eb10001_20261201T020000Z_f0452bd5
    ! us-east-1: ami-09bc0e13c32d1b883 available
    us-east-1  ami-09bc0e13c32d1b883  available  backup-ami_web-1_i-0eb1eb1eb1eb10001_20261201T020000Z_f0452bd5  expires 2026-12-08T02:00:00Z
    exit code 0
    ");
}

#[test]
fn an_endpoint_that_never_answers_is_given_up_before_long() {
    let (home, ec2) = (Home::new(), Ec2::example());
    ec2.sim.inject(Fault { action: None, region: None, calls: Which::All, kind: FaultKind::Hang });
    let image = home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1"]).on(&ec2).start();
    let purge = home.ami_backup(&["purge-expired-amis", "-r", "us-east-1,eu-west-1"]).on(&ec2).start();
    let nobody_there = home.ami_backup(&["resume", "-r", "us-east-1"]).start();
    for (ran, why) in [(image.end(), "no answer in time"), (purge.end(), "no answer in time"), (nobody_there.end(), "")] {
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.took < Duration::from_mins(1), "{:?}", ran.took);
        assert!(ran.to_string().contains(why), "{ran}");
    }
}
