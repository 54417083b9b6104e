//! Pins, and expiries that are changed afterwards.

use insta::assert_snapshot;

use crate::common::{Ec2, Home, WEB};

const IMAGE: &str = "ami-09d40897aa65e0c57";

fn with_a_backup() -> Home {
    let home = Home::new();
    let ran = home.ami_backup(&["image-instance", "--sandbox", "-i", WEB, "-r", "us-east-1", "-e", "+1 week"]).run();
    assert!(ran.code == 0 && ran.stdout.contains(IMAGE), "{ran}");
    home
}

#[test]
fn a_pinned_backup_stays() {
    let home = with_a_backup();
    let ran = home.ami_backup(&["pin", IMAGE, "--why", "audit 2026", "--sandbox"]).run();
    assert_snapshot!(ran.stdout, @"us-east-1  ami-09d40897aa65e0c57  web-1 of 2026-12-01 02:00Z with 1 snapshot: now pinned: audit 2026");
    let again = home.ami_backup(&["pin", IMAGE, "--why", "audit 2026", "--sandbox"]).run();
    assert!(again.code == 0 && again.stdout.contains("already pinned"), "{again}");
    home.advance("8d");
    let purged = home.ami_backup(&["purge-expired-amis", "--sandbox", "-r", "us-east-1"]).run();
    assert!(purged.stdout.contains("it is pinned: audit 2026"), "{purged}");
    assert_eq!(home.ami_backup(&["unpin", IMAGE, "--sandbox"]).run().code, 0);
    let purged = home.ami_backup(&["purge-expired-amis", "--sandbox", "-r", "us-east-1"]).run();
    assert!(purged.stdout.contains("purged 1"), "{purged}");
}

#[test]
fn an_expiry_is_written_on_image_and_snapshots_and_taken_away() {
    let home = with_a_backup();
    let expiries = |home: &Home| {
        let world = home.world();
        let region = world.region("us-east-1");
        let tags = region.images.values().map(|image| &image.tags).chain(region.snapshots.values().map(|snapshot| &snapshot.tags));
        tags.map(|tags| tags.get("Expire").cloned()).collect::<Vec<_>>()
    };
    let ran = home.ami_backup(&["expire", IMAGE, "2027-01-01 00:00 UTC", "--sandbox", "--json"]).run();
    assert_eq!((ran.code, &ran.json()["changed"]), (0, &true.into()), "{ran}");
    assert_eq!(expiries(&home), vec![Some("2027-01-01T00:00:00Z".to_owned()); 2]);
    let dry = home.ami_backup(&["expire", IMAGE, "never", "--sandbox", "--dry-run"]).run();
    assert!(dry.stdout.contains("planned: without an expiry"), "{dry}");
    assert_eq!(expiries(&home), vec![Some("2027-01-01T00:00:00Z".to_owned()); 2]);
    assert_eq!(home.ami_backup(&["expire", IMAGE, "never", "--sandbox"]).run().code, 0);
    assert_eq!(expiries(&home), vec![None; 2]);
}

#[test]
fn only_backups_are_touched() {
    let home = with_a_backup();
    home.arrange(|world| {
        for image in world.region_mut("us-east-1").images.values_mut() {
            image.tags.insert("Creator".to_owned(), "packer".to_owned());
        }
    });
    let ran = home.ami_backup(&["pin", IMAGE, "--sandbox"]).run();
    assert!(ran.code == 1 && ran.stderr.contains("it does not bear its mark"), "{ran}");
    for wrong in [["pin", "i-12345678"], ["pin", "ami-xyz"], ["unpin", ""]] {
        assert_eq!(home.ami_backup(&[&wrong[..], &["--sandbox"]].concat()).run().code, 2);
    }
    for wrong in ["huh", "yesterday", ""] {
        let ran = home.ami_backup(&["expire", IMAGE, wrong, "--sandbox"]).run();
        assert!(ran.code == 2 && ran.stderr.contains("WHEN"), "{ran}");
    }
    let gone = home.ami_backup(&["pin", "ami-00000000", "--sandbox"]).run();
    assert!(gone.code == 1 && gone.stderr.contains("there is no image ami-00000000"), "{gone}");
    let long = home.ami_backup(&["pin", IMAGE, "--why", &"x".repeat(257), "--sandbox"]).run();
    assert_eq!(long.code, 2, "{long}");
}

#[test]
fn a_permission_that_is_missing_is_named() {
    let ec2 = Ec2::example();
    let home = Home::new();
    let made = home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1", "--no-wait", "--json"]).on(&ec2).run();
    let image = made.json()["image"]["image"].as_str().unwrap().to_owned();
    ec2.deny("CreateTags");
    let ran = home.ami_backup(&["pin", &image, "-r", "us-east-1"]).on(&ec2).run();
    assert!(ran.code == 1 && ran.stderr.contains("CreateTags"), "{ran}");
}
