//! What looks odd and is not: the backup is made, or planned, as it was asked.

use ec2_sim::World;
use ec2_sim::id::InstanceId;
use ec2_sim::world::{Image, Tags};
use insta::assert_snapshot;

use crate::common::{DB, Ec2, Home, Ran, WEB};

/// The plan of `image-instance` for web-1, at two in the morning of the first of December 2026.
#[track_caller]
fn planned(arguments: &[&str]) -> Ran {
    let ran = Home::new().ami_backup(&[&["image-instance", "--sandbox", "--dry-run", "-i", WEB], arguments].concat()).run();
    assert_eq!(ran.code, 0, "{ran}");
    ran
}

/// When the plan of [`planned`] lets the backup go.
#[track_caller]
fn expires(expiry: &str) -> String {
    let ran = planned(&["-e", expiry]);
    ran.stderr.lines().find_map(|line| line.strip_prefix("expires ")).unwrap_or_else(|| panic!("{ran}")).to_owned()
}

/// Backs web-1 up after its tags were changed, and gives the image.
#[track_caller]
fn backup_of_web_tagged(change: impl FnOnce(&mut Tags)) -> Image {
    let home = Home::new();
    home.arrange(|world| {
        let web = WEB.parse::<InstanceId>().unwrap();
        change(&mut world.region_mut("us-east-1").instances.get_mut(&web).unwrap().tags);
    });
    let ran = home.ami_backup(&["image-instance", "--sandbox", "-i", WEB, "-r", "us-east-1", "-d", "eu-west-1"]).run();
    assert_eq!(ran.code, 0, "{ran}");
    let world = home.world();
    let copy = the_image(&world, "eu-west-1");
    let image = the_image(&world, "us-east-1");
    assert_eq!(copy.tags["Name"], image.tags["Name"]);
    image
}

fn the_image(world: &World, region: &str) -> Image {
    let images: Vec<&Image> = world.region(region).images.values().collect();
    assert_eq!(images.len(), 1);
    images[0].clone()
}

#[test]
fn a_name_of_any_length_and_script() {
    let long = "l".repeat(200);
    for name in [
        long.as_str(),
        "web, the first",
        "\"web\" 'one' `two` $(three) \\four",
        "web\none\r\n\ttwo",
        "ウェブサーバー一号",
        "خادم الويب",
        "веб-сервер №1",
        "🐘🐘🐘",
        " ",
        "/dev/null; rm -rf /",
    ] {
        let image = backup_of_web_tagged(|tags| drop(tags.insert("Name".to_owned(), name.to_owned())));
        assert!(image.name.len() <= 128, "{}", image.name);
        assert!(image.name.starts_with("backup-ami_") && image.name.contains(WEB), "{}", image.name);
        assert!(image.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"()[] ./-'@_".contains(&b)), "{}", image.name);
        let whole: String = format!("backup-ami@{name}").chars().take(256).collect();
        assert_eq!(image.tags["Name"], whole);
    }
}

#[test]
fn an_instance_without_a_name() {
    for image in [backup_of_web_tagged(Tags::clear), backup_of_web_tagged(|tags| tags.values_mut().for_each(String::clear))] {
        assert_eq!(image.tags["Name"], format!("backup-ami@{WEB}"));
        assert!(image.name.contains(WEB), "{}", image.name);
    }
}

#[test]
fn an_instance_with_fifty_tags() {
    let image = backup_of_web_tagged(|tags| tags.extend((1..50).map(|number| (format!("tag {number}"), "v".repeat(256)))));
    assert_eq!(image.tags["Name"], "backup-ami@web-1");
    assert!(image.tags.len() <= 50);
}

#[test]
fn a_region_given_twice() {
    let once = planned(&["-d", "eu-west-1,us-west-2"]).to_string();
    for twice in [
        &["-d", "eu-west-1,us-west-2,eu-west-1"][..],
        &["-d", "eu-west-1", "-d", "us-west-2"],
        &["-d", "eu-west-1", "-d", "us-west-2,eu-west-1", "--copy-to=us-west-2"],
    ] {
        assert_eq!(planned(twice).to_string(), once);
    }
    let home = Home::new();
    for twice in [&["-r", "us-east-1,us-east-1"][..], &["-r", "us-east-1", "-r", "us-east-1"], &["-r", "us-east-1, us-east-1"]] {
        let ran = home.ami_backup(&[&["purge-expired-amis", "--sandbox"], twice].concat()).run();
        assert_eq!(ran.stdout, "purged 0, kept 0, in 1 region\n");
        assert_eq!(home.ami_backup(&[&["resume", "--sandbox"], twice].concat()).run().stdout, "nothing to finish\n");
    }
}

#[test]
fn options_in_any_order() {
    let plan = planned(&["-r", "us-east-1", "-e", "+1 week", "-d", "eu-west-1", "-t", "60"]).to_string();
    assert_eq!(planned(&["-t", "60", "-d", "eu-west-1", "-e", "+1 week", "-r", "us-east-1"]).to_string(), plan);
    assert_eq!(planned(&["-rus-east-1", "-e+1 week", "-deu-west-1", "-t60"]).to_string(), plan);
    assert_eq!(planned(&["--region=us-east-1", "--expire=+1 week", "--copy-to=eu-west-1", "--timeout=60"]).to_string(), plan);
    assert_eq!(planned(&["--timeout", "60", "--copy-to", "eu-west-1", "--expire", "+1 week", "--region", "us-east-1"]).to_string(), plan);
    let home = Home::new();
    let ran =
        home.ami_backup(&["-v", "image-instance", "-e", "+1 week", "--dry-run", "-deu-west-1", "-t=60", &format!("-i{WEB}"), "--sandbox"]);
    assert_eq!(ran.run().to_string(), plan);
}

#[test]
fn the_last_of_a_repeated_option_counts_as_in_getopts() {
    let once = planned(&["-r", "us-east-1", "-e", "2 days", "-t", "60"]).to_string();
    let twice = planned(&["-t", "5", "-i", DB, "-r", "eu-west-1", "-e", "1 day", "-e", "2 days", "-r", "us-east-1", "-i", WEB, "-t", "60"]);
    assert_eq!(twice.to_string(), once);
    let home = Home::new();
    home.write(".aws/config", "[profile second]\nregion = us-east-1\n[profile first]\nregion = eu-west-1\n");
    home.write(".aws/credentials", "[second]\naws_access_key_id = AKIASECOND\naws_secret_access_key = secret\n");
    let ec2 = Ec2::example();
    let ran = home.ami_backup(&["image-instance", "-i", WEB, "-p", "first", "--dry-run", "-p", "second", "--dry-run"]).on(&ec2).run();
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ec2.calls().iter().all(|call| call.access_key == "AKIASECOND"));
}

#[test]
fn an_expiry_in_the_words_of_date() {
    assert_eq!(expires("+1 month"), "2027-01-01T02:00:00Z");
    assert_eq!(expires("next month"), "2027-01-01T02:00:00Z");
    assert_eq!(expires("42 days"), "2027-01-12T02:00:00Z");
    assert_eq!(expires("+1 week"), "2026-12-08T02:00:00Z");
    assert_eq!(expires("2026-12-24 18:00 UTC"), "2026-12-24T18:00:00Z");
    assert_eq!(expires("2026-12-24T18:00:00+09:00"), "2026-12-24T09:00:00Z");
    assert_eq!(expires("tomorrow"), "2026-12-02T02:00:00Z");
}

#[test]
fn an_expiry_is_read_in_the_hosts_zone() {
    let ran = Home::new()
        .ami_backup(&["image-instance", "--sandbox", "--dry-run", "-i", WEB, "-e", "2026-12-24 18:00"])
        .env("TZ", "Europe/Berlin")
        .run();
    assert!(ran.stderr.contains("expires 2026-12-24T17:00:00Z\n"), "{ran}");
}

#[test]
fn a_plan_says_all_there_is_to_say() {
    assert_snapshot!(planned(&["-e", "+1 week", "-d", "eu-west-1", "--encrypt", "--reboot"]), @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-01T02:00:00Z
    ! expires 2026-12-08T02:00:00Z
    us-east-1  would image i-0eb1eb1eb1eb10001, rebooting it as backup-ami_web-1_i-0eb1eb1eb1eb10001_20261201T020000Z_0a61fa5a
               tagged AvailabilityZone=us-east-1a | Creator=image-instance | Date=2026-12-01T02:00:00Z | Expire=2026-12-08T02:00:00Z | Instance=i-0eb1eb1eb1eb10001 | Name=backup-ami@web-1 | ami-backup:copy-to:eu-west-1=until=2026-12-03T02:00:00Z encrypt
    eu-west-1  would copy it once it is available, encrypted with the default key
    exit code 0
    ");
}
