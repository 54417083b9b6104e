//! Ctrl-C and `kill`: what was begun can be finished, and nothing is made twice.

use std::time::{Duration, Instant};

use ec2_sim::{Fault, FaultKind, Which};
use insta::assert_snapshot;
use jiff::SignedDuration;

use crate::common::{Ec2, Home, Running, WEB};

/// Enough for any image or copy.
const A_WHILE: SignedDuration = SignedDuration::from_mins(15);
/// What nobody takes for waiting for the image, on however busy a machine: the image is made in minutes only.
const AT_ONCE: Duration = Duration::from_secs(20);

/// A backup of web-1 with a copy in eu-west-1, about to be interrupted.
fn backup(home: &Home, ec2: &Ec2) -> Running {
    home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1", "-e", "+1 week", "-d", "eu-west-1"]).on(ec2).start()
}

/// `resume`, for which the copy is soon made.
#[track_caller]
fn resume(home: &Home, ec2: &Ec2) {
    let resume = home.ami_backup(&["resume", "-r", "us-east-1"]).on(ec2).start();
    resume.says("eu-west-1: ");
    ec2.sim.advance(A_WHILE);
    let ran = resume.end();
    assert_eq!(ran.code, 0, "{ran}");
}

/// How many images there are in us-east-1 and in eu-west-1.
fn images(ec2: &Ec2) -> (usize, usize) {
    let world = ec2.sim.snapshot();
    (world.region("us-east-1").images.len(), world.region("eu-west-1").images.len())
}

#[test]
fn ctrl_c_while_the_image_is_made() {
    let (home, ec2) = (Home::new(), Ec2::example());
    let backup = backup(&home, &ec2);
    backup.says("requested");
    let asked = Instant::now();
    let ran = backup.signal("INT").end();
    assert!(asked.elapsed() < AT_ONCE);
    assert_snapshot!(ran.timeless(), @"
    ! expires INSTANT
    ! us-east-1: ami-09d40897aa65e0c57 requested: backup-ami_web-1_i-0eb1eb1eb1eb10001_SLOT_HASH
    ! interrupted: ending after the call that is under way; a second time ends at once
    ! still in flight, and nothing is lost: `ami-backup resume -r us-east-1` finishes the copies, as does the next image-instance of this instance
    us-east-1  ami-09d40897aa65e0c57  pending    backup-ami_web-1_i-0eb1eb1eb1eb10001_SLOT_HASH  expires INSTANT
    exit code 130
    ");
    ec2.sim.advance(A_WHILE);
    resume(&home, &ec2);
    assert_eq!(images(&ec2), (1, 1));
    assert_eq!(home.ami_backup(&["resume", "-r", "us-east-1"]).on(&ec2).run().stdout, "nothing to finish\n");
}

#[test]
fn termination_while_the_copy_is_made() {
    let (home, ec2) = (Home::new(), Ec2::example());
    let backup = backup(&home, &ec2);
    backup.says("requested");
    ec2.sim.advance(A_WHILE);
    backup.says("a copy of");
    let asked = Instant::now();
    let ran = backup.signal("TERM").end();
    assert!(asked.elapsed() < AT_ONCE);
    assert_snapshot!(ran.timeless(), @"
    ! expires INSTANT
    ! us-east-1: ami-09d40897aa65e0c57 requested: backup-ami_web-1_i-0eb1eb1eb1eb10001_SLOT_HASH
    ! us-east-1: ami-09d40897aa65e0c57 available
    ! eu-west-1: ami-09bc0e13c32d1b883 requested, a copy of ami-09d40897aa65e0c57
    ! interrupted: ending after the call that is under way; a second time ends at once
    ! still in flight, and nothing is lost: `ami-backup resume -r us-east-1` finishes the copies, as does the next image-instance of this instance
    us-east-1  ami-09d40897aa65e0c57  available  backup-ami_web-1_i-0eb1eb1eb1eb10001_SLOT_HASH  expires INSTANT
    eu-west-1  ami-09bc0e13c32d1b883  pending    copy of ami-09d40897aa65e0c57 in us-east-1
    exit code 130
    ");
    resume(&home, &ec2);
    assert_eq!(images(&ec2), (1, 1));
}

#[test]
fn a_second_ctrl_c_does_not_wait_for_the_call_under_way() {
    let (home, ec2) = (Home::new(), Ec2::example());
    ec2.sim.inject(Fault::of("DescribeInstances", Which::All, FaultKind::Hang));
    let running = backup(&home, &ec2);
    while ec2.calls().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let running = running.signal("INT");
    running.says("interrupted");
    let asked = Instant::now();
    let ran = running.signal("INT").end();
    assert!(asked.elapsed() < AT_ONCE);
    assert_snapshot!(ran.timeless(), @"
    ! expires INSTANT
    ! interrupted: ending after the call that is under way; a second time ends at once
    exit code 130
    ");
    assert_eq!(images(&ec2), (0, 0));
}

#[test]
fn ctrl_c_in_the_middle_of_a_purge() {
    let (home, ec2) = (Home::new(), Ec2::example());
    for expiry in ["+1 hour", "+2 hours", "+3 hours"] {
        let ran = home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1", "-e", expiry, "--no-wait"]).on(&ec2).run();
        assert_eq!(ran.code, 0, "{ran}");
        ec2.sim.advance(A_WHILE);
    }
    let expired = ("Expire".to_owned(), "2026-01-01T00:00:00Z".to_owned());
    let tags = |world: &mut ec2_sim::World| {
        let region = world.region_mut("us-east-1");
        region.images.values_mut().for_each(|image| image.tags.extend([expired.clone()]));
        region.snapshots.values_mut().for_each(|snapshot| snapshot.tags.extend([expired.clone()]));
    };
    tags(&mut ec2.sim.world());
    ec2.sim.inject(Fault::of("DeregisterImage", Which::First(1), FaultKind::Delay(Duration::from_millis(500))));
    let purge = || home.ami_backup(&["purge-expired-amis", "-r", "us-east-1"]).on(&ec2);
    let purging = purge().start();
    while !ec2.changes().contains(&"DeregisterImage".to_owned()) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let ran = purging.signal("INT").end();
    assert_snapshot!(ran.timeless(), @"
    ! interrupted: ending after the call that is under way; a second time ends at once
    ! interrupted: what was purged is purged; run it again for the rest
    us-east-1  purged  ami-09d40897aa65e0c57  web-1 of INSTANT with 1 snapshot: it expired INSTANT
    us-east-1  FAILED  ami-09bc0e13c32d1b883  web-1 of INSTANT with 1 snapshot: it expired INSTANT
    us-east-1    not tried: the run was interrupted
    us-east-1  FAILED  ami-0b4fa5102f83bee4f  web-1 of INSTANT with 1 snapshot: it expired INSTANT
    us-east-1    not tried: the run was interrupted
    purged 1, kept 0, failed to purge 2, in 1 region
    exit code 130
    ");
    assert_eq!(images(&ec2), (2, 0));
    assert_eq!(purge().run().code, 0);
    assert_eq!(images(&ec2), (0, 0));
}
