//! The embedded toy EC2: its file, its clock, and its door to other clients.

use std::time::Duration;

use insta::assert_snapshot;

use crate::common::{Home, WEB};

#[test]
fn a_backup_is_made_copied_and_purged() {
    let home = Home::new();
    assert_snapshot!(home.ami_backup(&["sandbox", "show"]).run().timeless(), @"
    INSTANT
    eu-west-1
      i-0a11a11a11a110001  running    mail-1 (1 volume)
    us-east-1
      i-0db1db1db1db10001  running    db-1 (3 volumes)
      i-0eb1eb1eb1eb10001  running    web-1 (1 volume)
    exit code 0
    ");
    assert_snapshot!(home.ami_backup(&["image-instance", "--sandbox", "-e", "+1 week", "-d", "eu-west-1"]).run().timeless(), @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at INSTANT
    ! expires INSTANT
    ! us-east-1: ami-09d40897aa65e0c57 requested: backup-ami_web-1_i-0eb1eb1eb1eb10001_SLOT_HASH
    ! us-east-1: ami-09d40897aa65e0c57 available
    ! eu-west-1: ami-09bc0e13c32d1b883 requested, a copy of ami-09d40897aa65e0c57
    ! eu-west-1: ami-09bc0e13c32d1b883 available
    us-east-1  ami-09d40897aa65e0c57  available  backup-ami_web-1_i-0eb1eb1eb1eb10001_SLOT_HASH  expires INSTANT
    eu-west-1  ami-09bc0e13c32d1b883  available  copy of ami-09d40897aa65e0c57 in us-east-1
    exit code 0
    ");
    assert_snapshot!(home.ami_backup(&["sandbox", "show"]).run().timeless(), @"
    INSTANT
    eu-west-1
      i-0a11a11a11a110001  running    mail-1 (1 volume)
      ami-09bc0e13c32d1b883  available  backup-ami_web-1_i-0eb1eb1eb1eb10001_SLOT_HASH  Expire=INSTANT
      snap-046d665e7d6f414aa  completed  8 GiB  Expire=INSTANT
    us-east-1
      i-0db1db1db1db10001  running    db-1 (3 volumes)
      i-0eb1eb1eb1eb10001  running    web-1 (1 volume)
      ami-09d40897aa65e0c57  available  backup-ami_web-1_i-0eb1eb1eb1eb10001_SLOT_HASH  Expire=INSTANT
      snap-0c9ea446896d8c9b6  completed  8 GiB  Expire=INSTANT
    exit code 0
    ");
    assert_snapshot!(home.ami_backup(&["sandbox", "advance", "8d"]).run().timeless(), @"
    INSTANT
    exit code 0
    ");
    assert_snapshot!(home.ami_backup(&["purge-expired-amis", "--sandbox", "-r", "eu-west-1,us-east-1"]).run().timeless(), @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at INSTANT
    eu-west-1  purged  ami-09bc0e13c32d1b883  web-1 of INSTANT with 1 snapshot: it expired INSTANT
    us-east-1  purged  ami-09d40897aa65e0c57  web-1 of INSTANT with 1 snapshot: it expired INSTANT
    purged 2 (not in the Recycle Bin), kept 0, in 2 regions
    exit code 0
    ");
    assert_snapshot!(home.ami_backup(&["sandbox", "show"]).run().timeless(), @"
    INSTANT
    eu-west-1
      i-0a11a11a11a110001  running    mail-1 (1 volume)
    us-east-1
      i-0db1db1db1db10001  running    db-1 (3 volumes)
      i-0eb1eb1eb1eb10001  running    web-1 (1 volume)
    exit code 0
    ");
    assert_snapshot!(home.ami_backup(&["sandbox", "reset"]).run().timeless(), @"
    INSTANT
    exit code 0
    ");
}

#[test]
fn time_stands_still_between_commands_and_waiting_moves_it_on() {
    let home = Home::new();
    let clock = || home.ami_backup(&["sandbox", "show"]).run().stdout.lines().next().unwrap().to_owned();
    assert_eq!(clock(), "2026-12-01T02:00:00Z");
    assert_eq!(home.ami_backup(&["purge-expired-amis", "--sandbox"]).run().code, 0);
    assert_eq!(home.ami_backup(&["image-instance", "--sandbox", "--dry-run"]).run().code, 0);
    assert_eq!(home.ami_backup(&["image-instance", "--sandbox", "--no-wait"]).run().code, 0);
    assert_eq!(clock(), "2026-12-01T02:00:00Z");
    let ran = home.ami_backup(&["image-instance", "--sandbox", "-t", "100000"]).run();
    assert!(ran.took < Duration::from_mins(1), "{:?}", ran.took);
    assert!(clock().as_str() > "2026-12-01T02:00:30Z");
    for (by, then) in [("90s", "00:01:30"), ("30m", "00:31:30"), ("1d2h", "02:31:30"), ("2w", "02:31:30"), ("0s", "02:31:30")] {
        if by == "90s" {
            assert_eq!(home.ami_backup(&["sandbox", "reset"]).run().code, 0);
            home.advance("22h");
        }
        let ran = home.ami_backup(&["sandbox", "advance", by]).run();
        assert!(ran.stdout.ends_with(&format!("T{then}Z\n")), "{ran}");
    }
}

#[test]
fn another_now_is_a_rehearsal() {
    let home = Home::new();
    assert_eq!(home.ami_backup(&["image-instance", "--sandbox", "-e", "+1 week"]).run().code, 0);
    let purge = |now| home.ami_backup(&["purge-expired-amis", "--sandbox", "-r", "us-east-1", "--now", now]).run();
    assert!(purge("2026-12-08T01:59:59Z").stdout.contains("purged 0, kept 1"));
    assert!(purge("2026-12-08T02:00:01Z").stdout.contains("purged 1 (not in the Recycle Bin), kept 0"));
    assert!(home.ami_backup(&["sandbox", "show"]).run().stdout.starts_with("2026-12-01T"));
}

#[test]
fn where_the_world_is_kept() {
    let home = Home::new();
    let kept = |program: crate::common::Program<'_>, file: &str| {
        let _ = std::fs::remove_dir_all(home.path("kept"));
        let ran = program.run();
        assert_eq!(ran.code, 0, "{ran}");
        assert!(ran.stderr.is_empty() || ran.stderr.contains(&format!("kept in ~/kept/{file};")), "{ran}");
        assert!(home.path("kept").join(file).exists());
    };
    let (state, file) = (home.path("kept"), home.path("kept/world.json"));
    let option = format!("--sandbox={}", file.display());
    for command in [&["purge-expired-amis", "-r", "us-east-1"][..], &["image-instance", "--dry-run"], &["sandbox", "show"]] {
        let with = |more| [command, &[more]].concat();
        kept(home.ami_backup(&with(&option)), "world.json");
        kept(home.ami_backup(&with("--sandbox")).env("XDG_STATE_HOME", &state), "ami-backup/sandbox.json");
        kept(home.ami_backup(command).env("AMI_BACKUP_SANDBOX", &file), "world.json");
        kept(home.ami_backup(&with("--sandbox")).env("AMI_BACKUP_SANDBOX", &file), "world.json");
        kept(home.ami_backup(&with(&option)).env("AMI_BACKUP_SANDBOX", home.path("other.json")), "world.json");
    }
    assert!(!home.sandbox().exists() && !home.path("other.json").exists());
    // A relative one is to be ignored, says the specification.
    let ran = home.ami_backup(&["sandbox", "show"]).env("XDG_STATE_HOME", "state").run();
    assert_eq!(ran.code, 0, "{ran}");
    assert!(home.sandbox().exists());
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let ec2 = crate::common::Ec2::example();
    let home = Home::new();
    let ran = home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1", "--dry-run"]).env("AMI_BACKUP_SANDBOX", "").on(&ec2).run();
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(!ec2.calls().is_empty());
}

#[test]
fn no_home_to_keep_it_in() {
    assert_snapshot!(Home::new().ami_backup(&["sandbox", "show"]).without(&["HOME"]).run(), @"
    ! error: no home directory to keep the sandbox in; name a file: --sandbox=FILE
    exit code 2
    ");
}

#[test]
fn nothing_of_the_users_aws_configuration_matters() {
    let home = Home::new();
    let program = home.ami_backup(&["image-instance", "--sandbox"]).without_credentials();
    let ran = program.env("AWS_PROFILE", "nope").env("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:2").run();
    assert_eq!(ran.code, 0, "{ran}");
}

#[test]
fn it_is_served_to_any_client() {
    let home = Home::new();
    let state = home.path("served.json");
    let served = home.ami_backup(&["sandbox", "serve", "--state", state.to_str().unwrap(), "--speed", "1000"]).start();
    let url = served.says("http://127.0.0.1:");
    let client =
        |arguments: &[&str]| home.ami_backup(arguments).env("AWS_ENDPOINT_URL", &url).env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url);
    let ran = client(&["image-instance", "-e", "+1 week"]).without(&["AWS_EC2_METADATA_DISABLED"]).run();
    assert_eq!(ran.code, 0, "{ran}");
    let option = format!("--sandbox={}", state.display());
    for command in [&["sandbox", "show"][..], &["sandbox", "reset"], &["image-instance"], &["sandbox", "serve", "--state"]] {
        let file = if command.contains(&"serve") { state.to_str().unwrap() } else { &option };
        let refused = home.ami_backup(&[command, &[file]].concat()).run();
        assert_eq!(refused.to_string(), "! error: the sandbox ~/served.json is in use by another command\nexit code 2");
    }
    let taken = home.ami_backup(&["sandbox", "serve", "--listen", url.strip_prefix("http://").unwrap()]).run();
    assert!(taken.stderr.contains("cannot listen on 127.0.0.1:") && taken.code == 1, "{taken}");
    let ended = served.signal("TERM").end();
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(ended.stdout, format!("{url}\n"));
    let shown = home.ami_backup(&["sandbox", "show", &option]).run();
    assert!(shown.stdout.contains("backup-ami_web-1"), "{shown}");
}

#[test]
fn it_can_be_killed_at_any_time() {
    let home = Home::new();
    for millis in (0..40).step_by(4) {
        let running = home.ami_backup(&["image-instance", "--sandbox", "-e", "+1 week", "-d", "eu-west-1"]).start();
        std::thread::sleep(Duration::from_millis(millis));
        running.signal("KILL").end();
        let shown = home.ami_backup(&["sandbox", "show"]).run();
        assert_eq!(shown.code, 0, "{shown}");
    }
}

#[test]
fn a_server_that_is_killed_loses_nothing_that_is_older_than_a_moment() {
    let home = Home::new();
    let state = home.path("served.json");
    let served = home.ami_backup(&["sandbox", "serve", "--state", state.to_str().unwrap()]).start();
    let url = served.says("http://127.0.0.1:");
    let ran = home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1", "--no-wait"]).env("AWS_ENDPOINT_URL", &url).run();
    assert_eq!(ran.code, 0, "{ran}");
    std::thread::sleep(Duration::from_millis(700));
    served.signal("KILL").end();
    let option = format!("--sandbox={}", state.display());
    let shown = home.ami_backup(&["sandbox", "show", &option]).run();
    assert!(shown.stdout.contains("backup-ami_web-1"), "{shown}");
}

#[test]
fn a_world_can_be_written_down() {
    let home = Home::new();
    let world = home.write(
        "world.toml",
        "[[instance]]\nregion = 'eu-west-3'\nid = 'i-0aaaaaaaaaaaaaaa1'\nname = 'cms'\nvolumes = [8, 50]\n\
         [[image]]\nregion = 'eu-west-3'\nname = 'old'\nof = 'cms'\nage = '30d'\n\
         tags = { Creator = 'image-instance', Instance = 'i-0aaaaaaaaaaaaaaa1', Expire = '2026-01-01T00:00:00Z' }\n",
    );
    let state = home.path("served.json");
    let arguments = ["sandbox", "serve", "--world", world.to_str().unwrap(), "--state", state.to_str().unwrap()];
    for purged in ["purged 1 (not in the Recycle Bin), kept 0", "purged 0, kept 0"] {
        let served = home.ami_backup(&arguments).start();
        let url = served.says("http://127.0.0.1:");
        let ran = home.ami_backup(&["purge-expired-amis", "-r", "eu-west-3"]).env("AWS_ENDPOINT_URL", &url).run();
        assert!(ran.stdout.contains(purged) && ran.code == 0, "{ran}");
        assert_eq!(served.signal("TERM").end().code, 0);
    }
}

#[test]
fn what_shall_go_wrong_can_be_written_down() {
    let home = Home::new();
    let faults = home.write(
        "faults.toml",
        "[[fault]]\naction = 'CreateImage'\nkind = 'error'\ncode = 'UnauthorizedOperation'\nstatus = 403\nmessage = 'Not today'\n\
         [manners]\nvisibility_lag = '3s'\n",
    );
    let state = home.path("served.json");
    let arguments = ["--state", state.to_str().unwrap(), "--faults", faults.to_str().unwrap(), "--seed", "7"];
    let served = home.ami_backup(&[&["sandbox", "serve"], &arguments[..]].concat()).start();
    let url = served.says("http://127.0.0.1:");
    let ran = home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1"]).env("AWS_ENDPOINT_URL", &url).run();
    assert!(ran.stderr.contains("Not today") && ran.code == 1, "{ran}");
    assert_eq!(served.signal("TERM").end().code, 0);
    // What is in the file is for this time only.
    assert_eq!(ec2_sim::World::load(&state).unwrap().manners, ec2_sim::world::Manners::default());
}

#[test]
fn a_file_that_is_wrong_is_refused_before_anything_is_served() {
    let home = Home::new();
    let serve = |name: &str, text: &str, option: &str| {
        let file = home.write(name, text);
        let ran = home.ami_backup(&["sandbox", "serve", option, file.to_str().unwrap()]).run();
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran}");
        ran.to_string()
    };
    assert_snapshot!(serve("world.toml", "[[instance]]\nregion = 'mars-1'\n", "--world"), @"
    ! error: ~/world.toml:2: there is no region `mars-1`, expected one such as us-east-1
    exit code 2
    ");
    assert_snapshot!(serve("faults.toml", "[random]\nper_mile = 10\n", "--faults"), @"
    ! error: ~/faults.toml:2: unknown field `per_mile`, expected one of `per_mille`, `kinds`, `actions`, `until`, `lasting`, `at_most`
    exit code 2
    ");
    assert_snapshot!(serve("faults.toml", "[[fault]]\nkind = 'hang'\nby = '3s'\n", "--faults"), @"
    ! error: ~/faults.toml:2: `by` means nothing to the kind `hang`
    exit code 2
    ");
    assert_snapshot!(serve("state.toml", "", "--state"), @"
    ! error: ~/state.toml is for a world written by hand, and nothing is ever written over one; keep the world in another file
    exit code 2
    ");
    let missing = |option| home.ami_backup(&["sandbox", "serve", option, "nowhere.toml"]).run();
    assert_snapshot!(missing("--world"), @"
    ! error: cannot read the world in nowhere.toml: No such file or directory (os error 2)
    exit code 2
    ");
    assert_snapshot!(missing("--faults"), @"
    ! error: cannot read the faults in nowhere.toml: No such file or directory (os error 2)
    exit code 2
    ");
    let toml = home.ami_backup(&["sandbox", "show", "--sandbox=world.toml"]).run();
    assert_snapshot!(toml, @"
    ! error: world.toml is for a world written by hand, and nothing is ever written over one; keep the world in another file
    exit code 2
    ");
    assert_eq!(home.ami_backup(&["sandbox", "serve", "--seed", "7"]).run().code, 2);
}
