//! The series of an instance that is gone is let go.

use ec2_sim::world::InstanceState;
use insta::assert_snapshot;

use crate::common::{Ec2, Home, Ran, WEB, WEB_ONLY};

fn ran(home: &Home, arguments: &[&str]) -> Ran {
    home.ami_backup(&[arguments, &["--sandbox"]].concat()).run()
}

/// Two backups of web-1, the newer one copied, and one that somebody asked for.
fn home() -> Home {
    let home = Home::new();
    home.write("ami-backup.toml", WEB_ONLY);
    for _ in 0..2 {
        assert_eq!(ran(&home, &["run"]).code, 0);
        home.advance("1d");
    }
    assert_eq!(ran(&home, &["image-instance", "-i", WEB, "-r", "us-east-1"]).code, 0);
    home
}

fn terminate(home: &Home) {
    home.arrange(|world| {
        let instances = &mut world.region_mut("us-east-1").instances;
        instances.values_mut().find(|instance| instance.id.as_str() == WEB).unwrap().state = InstanceState::Terminated;
    });
}

#[test]
fn what_is_there_is_not_retired() {
    let home = home();
    let before = home.world();
    let there = ran(&home, &["retire", WEB, "+1 month", "--yes"]);
    assert_snapshot!(there, @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-03T02:06:19Z
    ! error: the instance i-0eb1eb1eb1eb10001 is there, in us-east-1, and running: only one that is gone is retired; its target's rules thin its series
    exit code 1
    ");
    assert_eq!(home.world().region("us-east-1").images, before.region("us-east-1").images);
    // All regions are looked at: a copy is no sign that the instance is gone.
    assert_eq!(ran(&home, &["retire", WEB, "+1 month", "--yes", "-r", "eu-west-1"]).code, 2);
}

#[test]
fn the_tail_of_a_series_goes_after_a_plan() {
    let home = home();
    terminate(&home);
    let before = home.world();
    assert_snapshot!(ran(&home, &["retire", WEB, "+1 month"]), @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-03T02:06:19Z
    ! nothing was changed; with --yes it is done
    eu-west-1  ami-015d742ce1c70f09f  web-1 of 2026-12-02 02:03Z: would expire 2027-01-03T02:06:19Z
    us-east-1  ami-09d40897aa65e0c57  web-1 of 2026-12-01 02:00Z: would expire 2027-01-03T02:06:19Z
    us-east-1  ami-0b4fa5102f83bee4f  web-1 of 2026-12-02 02:02Z: would expire 2027-01-03T02:06:19Z
    us-east-1  ami-04c75392b4985482f  web-1 of 2026-12-03 02:05Z: stays: it is of no policy's series; `ami-backup expire` gives it an expiry
    exit code 0
    ");
    assert_eq!(home.world().region("us-east-1").images, before.region("us-east-1").images, "it was only shown");
    home.advance("40d");
    assert_eq!(ran(&home, &["run"]).code, 0);
    assert_eq!(home.world().region("us-east-1").images.len(), 3, "the rules keep them for ever");
    assert_snapshot!(ran(&home, &["retire", WEB, "+1 day", "--yes"]).stdout, @"
    eu-west-1  ami-015d742ce1c70f09f  web-1 of 2026-12-02 02:03Z: now expires 2027-01-13T02:06:19Z
    us-east-1  ami-09d40897aa65e0c57  web-1 of 2026-12-01 02:00Z: now expires 2027-01-13T02:06:19Z
    us-east-1  ami-0b4fa5102f83bee4f  web-1 of 2026-12-02 02:02Z: now expires 2027-01-13T02:06:19Z
    us-east-1  ami-04c75392b4985482f  web-1 of 2026-12-03 02:05Z: stays: it is of no policy's series; `ami-backup expire` gives it an expiry
    ");
    assert_snapshot!(ran(&home, &["retire", WEB, "+1 day", "--yes"]).stdout, @"
    eu-west-1  ami-015d742ce1c70f09f  web-1 of 2026-12-02 02:03Z: has an expiry, and keeps it
    us-east-1  ami-09d40897aa65e0c57  web-1 of 2026-12-01 02:00Z: has an expiry, and keeps it
    us-east-1  ami-0b4fa5102f83bee4f  web-1 of 2026-12-02 02:02Z: has an expiry, and keeps it
    us-east-1  ami-04c75392b4985482f  web-1 of 2026-12-03 02:05Z: stays: it is of no policy's series; `ami-backup expire` gives it an expiry
    ");
    assert!(ran(&home, &["run"]).stdout.contains("purged 0"));
    home.advance("25h");
    assert!(ran(&home, &["run"]).stdout.contains("purged 3"));
    let world = home.world();
    assert_eq!((world.region("us-east-1").images.len(), world.region("eu-west-1").images.len()), (1, 0));
    assert_eq!((world.region("us-east-1").snapshots.len(), world.region("eu-west-1").snapshots.len()), (1, 0));
}

#[test]
fn an_instance_without_backups_has_nothing_to_retire() {
    let home = Home::new();
    let nobody = ran(&home, &["retire", "i-00000000000000001", "+1 day", "--yes"]);
    assert_snapshot!(nobody, @r"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-01T02:00:00Z
    there is no backup of i-00000000000000001
    exit code 1
    ");
    for wrong in [&["retire", "ami-12345678", "+1 day"][..], &["retire", WEB, "yesterday"], &["retire", WEB, "7"], &["retire", WEB]] {
        assert_eq!(ran(&home, wrong).code, 2);
    }
}

#[test]
fn where_the_instance_cannot_be_looked_for_nothing_is_changed() {
    let ec2 = Ec2::example();
    ec2.deny("DescribeInstances");
    let home = Home::new();
    let ran = home.ami_backup(&["retire", WEB, "+1 day", "--yes"]).on(&ec2).run();
    assert!(ran.code == 1 && ran.stderr.contains("ec2:DescribeInstances is missing"), "{ran}");
    assert_eq!(ec2.changes(), [""; 0]);
}
