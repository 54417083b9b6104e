//! What cannot be done is said in one clear sentence, with the right exit code, and changes nothing.

use std::time::Duration;

use ec2_sim::world::InstanceState;
use ec2_sim::{Fault, FaultKind, Which};
use insta::{allow_duplicates, assert_snapshot};

use crate::common::{Ec2, Home, Program, Ran, WEB};

/// What the program answers. Nothing may have been changed, and nobody may have waited long.
#[track_caller]
fn refused(ec2: &Ec2, program: Program<'_>) -> Ran {
    let ran = program.on(ec2).run();
    assert_eq!(ec2.changes(), [""; 0]);
    assert_eq!(ran.stdout, "");
    assert!(ran.took < Duration::from_secs(25), "{:?}", ran.took);
    ran
}

/// As [`refused`], before anything at all was asked of EC2.
#[track_caller]
fn usage(arguments: &[&str]) -> Ran {
    let ec2 = Ec2::example();
    let ran = refused(&ec2, Home::new().ami_backup(arguments));
    assert!(ec2.calls().is_empty());
    assert_eq!(ran.code, 2);
    ran
}

/// `image-instance` of web-1 in us-east-1, with more arguments.
#[track_caller]
fn usage_of_image_instance(arguments: &[&str]) -> Ran {
    usage(&[&["image-instance", "-i", WEB, "-r", "us-east-1"], arguments].concat())
}

#[test]
fn a_copy_of_what_expires_within_the_hour() {
    assert_snapshot!(usage_of_image_instance(&["-e", "+30 minutes", "-d", "eu-west-1"]).timeless(), @"
    ! expires INSTANT
    ! error: -d goes with a later expiry: a backup that expires within the hour is not copied any more
    exit code 2
    ");
}

#[test]
fn an_unknown_instance() {
    let ec2 = Ec2::example();
    let home = Home::new();
    assert_snapshot!(refused(&ec2, home.ami_backup(&["image-instance", "-i", "i-0123456789abcdef0", "-r", "us-east-1"])), @"
    ! error: there is no instance i-0123456789abcdef0 in us-east-1 (the region is from -r)
    exit code 1
    ");
}

#[test]
fn a_terminated_instance() {
    let ec2 = Ec2::example();
    ec2.sim.world().region_mut("us-east-1").instances.values_mut().for_each(|instance| instance.state = InstanceState::Terminated);
    let home = Home::new();
    assert_snapshot!(refused(&ec2, home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1"])), @"
    ! error: instance i-0eb1eb1eb1eb10001 in us-east-1 is terminated: EC2 makes images of running and stopped instances only
    exit code 1
    ");
}

#[test]
fn something_that_is_no_instance() {
    assert_snapshot!(usage(&["image-instance", "-i", "web-1", "-r", "us-east-1"]), @"
    ! error: invalid value 'web-1' for '--instance-id <INSTANCE_ID>': `web-1` is not an instance id such as i-0123456789abcdef0
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage(&["image-instance", "-i", "", "-r", "us-east-1"]), @"
    ! error: invalid value '' for '--instance-id <INSTANCE_ID>': `` is not an instance id such as i-0123456789abcdef0
    !
    ! For more information, try '--help'.
    exit code 2
    ");
}

#[test]
fn something_that_is_no_region() {
    assert_snapshot!(usage(&["image-instance", "-i", WEB, "-r", "useast1"]), @"
    ! error: invalid value 'useast1' for '--region <REGION>': `useast1` is not a region such as eu-west-1
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage(&["image-instance", "-i", WEB, "-r", ""]), @"
    ! error: invalid value '' for '--region <REGION>': `` is not a region such as eu-west-1
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage(&["image-instance", "-i", WEB, "-r", "us-east-1,eu-west-1"]), @"
    ! error: invalid value 'us-east-1,eu-west-1' for '--region <REGION>': `us-east-1,eu-west-1` is not a region such as eu-west-1
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage(&["purge-expired-amis", "-r", ""]), @"
    ! error: invalid value '' for '--region <REGION>': `` is not a region such as eu-west-1
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage(&["purge-expired-amis", "-r", "us-east-1,,eu-west-1"]), @"
    ! error: invalid value '' for '--region <REGION>': `` is not a region such as eu-west-1
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage_of_image_instance(&["-d", ""]), @"
    ! error: invalid value '' for '--copy-to <REGION>': `` is not a region such as eu-west-1
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage_of_image_instance(&["-d", "ireland"]), @"
    ! error: invalid value 'ireland' for '--copy-to <REGION>': `ireland` is not a region such as eu-west-1
    !
    ! For more information, try '--help'.
    exit code 2
    ");
}

#[test]
fn a_region_that_does_not_exist() {
    let ec2 = Ec2::example();
    let home = Home::new();
    assert_snapshot!(refused(&ec2, home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-9"])), @"
    ! error: DescribeInstances in us-east-9 failed with AuthFailure: AWS was not able to validate the provided access credentials. Are the credentials right, and is us-east-9 a region enabled for this account? (request f89404ee-6fab-4c4a-a8a8-4a90d7928e5c) (the region is from -r)
    exit code 1
    ");
    assert_snapshot!(refused(&ec2, home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1", "-d", "eu-west-9"])), @"
    ! error: cannot copy to eu-west-9: it is not among the regions enabled for this account; no image was made
    exit code 1
    ");
}

#[test]
fn a_region_that_is_not_enabled() {
    let ec2 = Ec2::example();
    let home = Home::new();
    assert_snapshot!(refused(&ec2, home.ami_backup(&["image-instance", "-i", WEB, "-r", "af-south-1"])), @"
    ! error: DescribeInstances in af-south-1 failed with AuthFailure: AWS was not able to validate the provided access credentials. Are the credentials right, and is af-south-1 a region enabled for this account? (request f89404ee-6fab-4c4a-a8a8-4a90d7928e5c) (the region is from -r)
    exit code 1
    ");
    assert_snapshot!(refused(&ec2, home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1", "-d", "af-south-1"])), @"
    ! error: cannot copy to af-south-1: it is not among the regions enabled for this account; no image was made
    exit code 1
    ");
}

#[test]
fn a_purge_of_a_region_that_does_not_exist() {
    let ec2 = Ec2::example();
    let ran = Home::new().ami_backup(&["purge-expired-amis", "-r", "us-east-9"]).on(&ec2).run();
    assert_eq!(ec2.changes(), [""; 0]);
    assert_snapshot!(ran, @"
    us-east-9  not read, so nothing in it was deleted: DescribeSnapshots in us-east-9 failed with AuthFailure: AWS was not able to validate the provided access credentials. Are the credentials right, and is us-east-9 a region enabled for this account? (request f89404ee-6fab-4c4a-a8a8-4a90d7928e5c)
    purged 0, kept 0, in 0 of 1 region
    exit code 1
    ");
}

#[test]
fn no_credentials() {
    let home = Home::new();
    let ec2 = Ec2::example();
    allow_duplicates! {
        for arguments in [
            &["image-instance", "-i", WEB, "-r", "us-east-1"][..],
            &["image-instance", "-i", WEB, "-r", "us-east-1", "--dry-run"],
            &["purge-expired-amis"],
            &["purge-expired-amis", "-r", "us-east-1,eu-west-1"],
            &["resume"],
            &["resume", "-r", "us-east-1,eu-west-1"],
        ] {
            assert_snapshot!(refused(&ec2, home.ami_backup(arguments).without_credentials()), @"
            ! error: no credentials: neither the environment nor the profile holds any, and no instance role gives any; `aws sts get-caller-identity` with the same profile must work
            exit code 2
            ");
        }
    }
    assert!(ec2.calls().is_empty());
}

#[test]
fn no_credentials_and_a_metadata_service_that_does_not_answer() {
    let ec2 = Ec2::example();
    ec2.sim.inject(Fault::of("metadata", Which::All, FaultKind::Hang));
    let home = Home::new();
    let program = home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1"]);
    assert_snapshot!(refused(&ec2, program.without_credentials().with_metadata_of(&ec2)), @"
    ! error: no credentials: neither the environment nor the profile holds any, and no instance role gives any; `aws sts get-caller-identity` with the same profile must work
    exit code 2
    ");
}

#[test]
fn expired_credentials() {
    let home = Home::new();
    for code in ["RequestExpired", "ExpiredToken"] {
        let ec2 = Ec2::example();
        ec2.sim.inject(Fault {
            action: None,
            region: None,
            calls: Which::All,
            kind: FaultKind::Error { status: 400, code: code.to_owned(), message: "Request has expired.".to_owned() },
        });
        let ran = refused(&ec2, home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1"]));
        assert_eq!(ran.code, 1);
        assert!(ran.stderr.contains(code) && ran.stderr.contains("aws sts get-caller-identity"), "{ran}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran}");
    }
}

#[test]
fn a_denied_action_is_named() {
    let home = Home::new();
    for action in ["DescribeInstances", "DescribeImages"] {
        let ec2 = Ec2::example();
        ec2.deny(action);
        let ran = refused(&ec2, home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1"]));
        assert_eq!(ran.code, 1);
        assert!(ran.stderr.contains(&format!("The permission ec2:{action} is missing")), "{ran}");
    }
    let ec2 = Ec2::example();
    ec2.deny("CreateImage");
    assert_snapshot!(home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1"]).on(&ec2).run(), @"
    ! error: CreateImage in us-east-1 failed with UnauthorizedOperation: You are not authorized to perform this operation. The permission ec2:CreateImage is missing; `ami-backup iam-policy` prints the least policy that is needed (request f1cc9201-6273-4217-a5b8-b8e136de7a87)
    exit code 1
    ");
    assert!(ec2.sim.world().region("us-east-1").images.is_empty());
}

#[test]
fn patience_that_is_no_number_of_seconds() {
    assert_snapshot!(usage_of_image_instance(&["-t", "0"]), @"
    ! error: invalid value '0' for '--timeout <SECONDS>': it must be a number of seconds, 1 or more, such as 28800
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    for patience in ["x", "", "-5", "1.5", "8h", "99999999999"] {
        let ran = usage_of_image_instance(&["-t", patience]);
        assert!(ran.stderr.contains("it must be a number of seconds, 1 or more, such as 28800"), "{ran}");
    }
}

#[test]
fn an_unknown_flag_is_named() {
    assert_snapshot!(usage_of_image_instance(&["--frobnicate"]), @"
    ! error: unexpected argument '--frobnicate' found
    !
    ! Usage: ami-backup image-instance --instance-id <INSTANCE_ID> --region <REGION>
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage_of_image_instance(&["-x"]), @"
    ! error: unexpected argument '-x' found
    !
    ! Usage: ami-backup image-instance [OPTIONS]
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage_of_image_instance(&["web-1"]), @"
    ! error: unexpected argument 'web-1' found
    !
    ! Usage: ami-backup image-instance [OPTIONS]
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage(&["purge-expired-amis", "-i", WEB]), @"
    ! error: unexpected argument '-i' found
    !
    ! Usage: ami-backup purge-expired-amis [OPTIONS]
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage(&["frobnicate"]), @"
    ! error: unrecognized subcommand 'frobnicate'
    !
    ! Usage: ami-backup [OPTIONS] <COMMAND>
    !
    ! For more information, try '--help'.
    exit code 2
    ");
}

#[test]
fn an_option_without_its_value() {
    for option in ["-p", "-i", "-r", "-e", "-d", "-t", "--kms-key", "--now"] {
        let ran = usage(&["image-instance", option]);
        assert!(ran.stderr.starts_with("error: a value is required for '-"), "{ran}");
    }
}

#[test]
fn an_expiry_that_is_empty_past_or_garbage() {
    assert_snapshot!(usage_of_image_instance(&["-e", ""]), @"
    ! error: -e: the expiry is empty: write when the backup may go, such as `+1 week`
    exit code 2
    ");
    assert_snapshot!(usage_of_image_instance(&["-e", "yesterday"]).timeless(), @"
    ! error: -e: the expiry `yesterday` is INSTANT, which is not after now, INSTANT: write a later one, such as `+1 week`
    exit code 2
    ");
    assert_snapshot!(usage_of_image_instance(&["-e", "garbage"]), @"
    ! error: -e: the expiry `garbage` is not understood: `garbage` has no meaning here; write something like `+1 week` or `2026-12-24 18:00 UTC`
    exit code 2
    ");
    assert_snapshot!(usage_of_image_instance(&["-e", "-1 week"]).timeless(), @"
    ! error: -e: the expiry `-1 week` is INSTANT, which is not after now, INSTANT: write a later one, such as `+1 week`
    exit code 2
    ");
    // The option that swallowed the next one.
    assert_snapshot!(usage_of_image_instance(&["-e", "-d", "eu-west-1"]), @"
    ! error: unexpected argument 'eu-west-1' found
    !
    ! Usage: ami-backup image-instance [OPTIONS]
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    for expiry in ["+", "-", "7", "z", "now", "42 dayz", "2026-02-30"] {
        let ran = usage_of_image_instance(&["-e", expiry]);
        assert!(ran.stderr.starts_with("error: -e: "), "{ran}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran}");
    }
}

#[test]
fn a_time_zone_that_does_not_exist() {
    let home = Home::new();
    let program = home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1", "-e", "+1 week"]).env("TZ", "Mars/Olympus");
    assert_snapshot!(refused(&Ec2::example(), program), @"
    ! error: -e: the time zone TZ=Mars/Olympus is not known here
    exit code 2
    ");
}

#[test]
fn a_copy_to_the_instances_own_region() {
    assert_snapshot!(usage_of_image_instance(&["-d", "us-east-1"]), @"
    ! error: -d us-east-1 is the instance's own region: a copy beside the image would die with it; name another region
    exit code 2
    ");
    assert_snapshot!(usage_of_image_instance(&["-d", "eu-west-1,us-east-1"]), @"
    ! error: -d us-east-1 is the instance's own region: a copy beside the image would die with it; name another region
    exit code 2
    ");
}

#[test]
fn a_copy_to_the_local_instances_own_region() {
    let (home, ec2) = (Home::new(), Ec2::example());
    let program = home.ami_backup(&["image-instance", "-d", "us-east-1"]).with_metadata_of(&ec2);
    assert_snapshot!(refused(&ec2, program), @"
    ! error: -d us-east-1 is the instance's own region: a copy beside the image would die with it; name another region
    exit code 2
    ");
}

#[test]
fn an_absent_metadata_service() {
    let (home, ec2) = (Home::new(), Ec2::example());
    assert_snapshot!(refused(&ec2, home.ami_backup(&["image-instance"])), @"
    ! error: the metadata service is switched off by AWS_EC2_METADATA_DISABLED; name the instance with -i
    exit code 2
    ");
    assert_snapshot!(refused(&ec2, home.ami_backup(&["image-instance"]).without(&["AWS_EC2_METADATA_DISABLED"])), @"
    ! error: the metadata service does not answer (Connection refused (os error 111)): this seems to be no EC2 instance, or its metadata service is off; name the instance with -i
    exit code 2
    ");
    ec2.sim.inject(Fault::of("metadata", Which::All, FaultKind::Hang));
    assert_snapshot!(refused(&ec2, home.ami_backup(&["image-instance"]).with_metadata_of(&ec2)), @"
    ! error: the metadata service does not answer (timed out): this seems to be no EC2 instance, or its metadata service is off; name the instance with -i
    exit code 2
    ");
}

#[test]
fn an_unknown_profile() {
    assert_snapshot!(usage_of_image_instance(&["-p", "nope"]), @"
    ! error: the profile `nope`, named by -p, is neither in the AWS config file nor in the credentials file; `aws configure --profile nope` makes it
    exit code 2
    ");
    assert_snapshot!(usage_of_image_instance(&["-p", ""]), @"
    ! error: a value is required for '--profile <PROFILE>' but none was supplied
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage(&["purge-expired-amis", "-p", "nope"]), @"
    ! error: the profile `nope`, named by -p, is neither in the AWS config file nor in the credentials file; `aws configure --profile nope` makes it
    exit code 2
    ");
    // With the credentials of somebody else, the purge would do its work in the wrong account.
    let home = Home::new();
    assert_snapshot!(refused(&Ec2::example(), home.ami_backup(&["purge-expired-amis"]).env("AWS_PROFILE", "nope")), @"
    ! error: the profile `nope`, named by AWS_PROFILE, is neither in the AWS config file nor in the credentials file; `aws configure --profile nope` makes it
    exit code 2
    ");
}

#[test]
fn a_configuration_that_cannot_be_read() {
    let home = Home::new();
    home.write(".aws/config", "[profile half\nregion");
    assert_snapshot!(refused(&Ec2::example(), home.ami_backup(&["purge-expired-amis", "-p", "half"])), @"
    ! error: the AWS config files could not be read: error parsing ~/.aws/config on line 1:   Profile definition must end with ']'
    exit code 2
    ");
}

#[test]
fn a_profile_with_the_sandbox() {
    assert_snapshot!(usage_of_image_instance(&["-p", "mine", "--sandbox"]), @"
    ! error: -p does not go with the sandbox: toy backups must not pass for real ones
    exit code 2
    ");
    let home = Home::new();
    let program = home.ami_backup(&["purge-expired-amis", "-p", "mine"]).env("AMI_BACKUP_SANDBOX", home.path("world.json"));
    assert_snapshot!(refused(&Ec2::example(), program), @"
    ! error: -p does not go with the sandbox: toy backups must not pass for real ones
    exit code 2
    ");
    assert!(!home.path("world.json").exists());
}

#[test]
fn another_now_that_is_no_rehearsal() {
    assert_snapshot!(usage_of_image_instance(&["--now", "2026-12-24T18:00:00Z"]), @"
    ! error: --now is for rehearsals: it goes with --dry-run or --sandbox only
    exit code 2
    ");
    assert_snapshot!(usage_of_image_instance(&["--now", "garbage", "--dry-run"]), @"
    ! error: --now `garbage` is no instant such as 2026-12-24T18:00:00Z: `garbage` is not understood
    exit code 2
    ");
    assert_snapshot!(usage(&["purge-expired-amis", "--now", "+1 week", "--dry-run"]), @"
    ! error: --now `+1 week` is no instant such as 2026-12-24T18:00:00Z: `+` is not understood
    exit code 2
    ");
}

#[test]
fn a_key_that_is_none() {
    assert_snapshot!(usage_of_image_instance(&["-d", "us-west-2", "--kms-key", "alias/backup"]), @"
    ! error: --kms-key alias/backup: write REGION=ARN, such as eu-west-1=arn:aws:kms:eu-west-1:123456789012:key/…
    exit code 2
    ");
    assert_snapshot!(usage_of_image_instance(&["-d", "us-west-2", "--kms-key", "us-west-2="]), @"
    ! error: --kms-key us-west-2=: write REGION=ARN, such as eu-west-1=arn:aws:kms:eu-west-1:123456789012:key/…
    exit code 2
    ");
    assert_snapshot!(usage_of_image_instance(&["-d", "us-west-2", "--kms-key", "oregon=alias/backup"]), @"
    ! error: --kms-key: `oregon` is not a region such as eu-west-1
    exit code 2
    ");
    assert_snapshot!(usage_of_image_instance(&["-d", "us-west-2", "--kms-key", "eu-west-1=alias/backup"]), @"
    ! error: --kms-key names eu-west-1, to which nothing is copied; add -d eu-west-1
    exit code 2
    ");
    let long = format!("us-west-2=alias/{}", "k".repeat(256));
    let ran = usage_of_image_instance(&["-d", "us-west-2", "--kms-key", &long]);
    assert_snapshot!(ran, @"
    ! error: the key for us-west-2 is too long to be remembered in a tag (256 characters)
    exit code 2
    ");
}

#[test]
fn limits_that_are_none() {
    assert_snapshot!(usage(&["purge-expired-amis", "--max-deletes", "many"]), @"
    ! error: invalid value 'many' for '--max-deletes <N|P%>': `many` is neither a number of deletions such as 20 nor a share such as 10%
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage(&["purge-expired-amis", "--max-deletes", "101%"]), @"
    ! error: invalid value '101%' for '--max-deletes <N|P%>': `101%` is neither a number of deletions such as 20 nor a share such as 10%
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage(&["purge-expired-amis", "--max-deletes", "-1"]), @"
    ! error: invalid value '-1' for '--max-deletes <N|P%>': `-1` is neither a number of deletions such as 20 nor a share such as 10%
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage(&["purge-expired-amis", "--keep-last", "-1"]), @"
    ! error: invalid value '-1' for '--keep-last <N>': it must be a whole number, 0 or more
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage(&["purge-expired-amis", "--keep-last", "all"]), @"
    ! error: invalid value 'all' for '--keep-last <N>': it must be a whole number, 0 or more
    !
    ! For more information, try '--help'.
    exit code 2
    ");
}

#[test]
fn a_sandbox_that_names_no_file_never_means_aws() {
    // As in `--sandbox=$WORLD`, where nobody has set WORLD.
    assert_snapshot!(usage(&["purge-expired-amis", "--sandbox="]), @"
    ! error: --sandbox= names no file; leave the = away for the usual one
    exit code 2
    ");
    assert_snapshot!(usage(&["sandbox", "show", "--sandbox="]), @"
    ! error: --sandbox= names no file; leave the = away for the usual one
    exit code 2
    ");
}

#[test]
fn a_sandbox_file_that_holds_something_else() {
    let home = Home::new();
    let file = home.write("world.json", "{ \"version\": 1, ");
    let option = format!("--sandbox={}", file.display());
    assert_snapshot!(home.ami_backup(&["purge-expired-amis", &option]).run(), @"
    ! error: ~/world.json does not hold a world: EOF while parsing a value at line 1 column 16
    exit code 2
    ");
    home.write("world.json", "{ \"version\": 2, \"world\": {} }");
    assert_snapshot!(home.ami_backup(&["sandbox", "show", &option]).run(), @"
    ! error: the world in ~/world.json has the form 2, and this version reads 1
    exit code 2
    ");
    home.write("world.json", "");
    assert_snapshot!(home.ami_backup(&["sandbox", "reset", &option]).run(), @"
    ! error: ~/world.json does not hold a world: EOF while parsing a value at line 1 column 0
    exit code 2
    ");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "");
}

#[test]
fn a_sandbox_directory_that_cannot_be_made() {
    let home = Home::new();
    home.write("file", "");
    let option = format!("--sandbox={}", home.path("file/world.json").display());
    assert_snapshot!(home.ami_backup(&["purge-expired-amis", &option]).run(), @"
    ! error: the sandbox cannot use ~/file/world.json.lock: File exists (os error 17)
    exit code 2
    ");
    let option = format!("--sandbox={}", home.path("").display());
    assert_snapshot!(home.ami_backup(&["purge-expired-amis", &option]).run(), @"
    ! error: cannot read the world in ~/: Is a directory (os error 21)
    exit code 2
    ");
}

#[test]
fn a_sandbox_served_to_the_world() {
    assert_snapshot!(usage(&["sandbox", "serve", "--listen", "0.0.0.0:0"]), @"
    ! error: --listen 0.0.0.0:0: the sandbox is served on loopback only, such as 127.0.0.1:0
    exit code 2
    ");
    assert_snapshot!(usage(&["sandbox", "serve", "--listen", "localhost"]), @"
    ! error: invalid value 'localhost' for '--listen <ADDRESS:PORT>': invalid socket address syntax
    !
    ! For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(usage(&["sandbox", "serve", "--speed", "0"]), @"
    ! error: --speed 0: it must be more than 0
    exit code 2
    ");
    assert_snapshot!(usage(&["sandbox", "serve", "--speed", "-1"]), @"
    ! error: --speed -1: it must be more than 0
    exit code 2
    ");
    assert_snapshot!(usage(&["sandbox", "serve", "--speed", "inf"]), @"
    ! error: --speed inf: it must be more than 0
    exit code 2
    ");
}

#[test]
fn a_length_of_time_that_is_none() {
    for by in ["", "x", "-1d", "8", "1mo", "1y", "99999w"] {
        let ran = usage(&["sandbox", "advance", by]);
        assert_eq!(ran.stderr, format!("error: `{by}` is no length of time such as 90s, 30m, 8h, 8d or 2w\n"));
    }
}
