//! Whose credentials are used: as in the AWS CLI, wherever they come from.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::thread::JoinHandle;

use crate::common::{Ec2, Home, Program, WEB};

/// The access key by which EC2 was asked; all calls must bear the same.
#[track_caller]
fn asked_by(program: Program<'_>, ec2: &Ec2) -> String {
    let before = ec2.calls().len();
    let ran = program.on(ec2).run();
    assert_eq!(ran.code, 0, "{ran}");
    let calls = ec2.calls().split_off(before);
    assert!(!calls.is_empty());
    assert!(calls.iter().all(|call| call.access_key == calls[0].access_key));
    calls[0].access_key.clone()
}

/// Each command that speaks to EC2.
const COMMANDS: [&[&str]; 3] = [
    &["image-instance", "-i", WEB, "-r", "us-east-1", "--dry-run"],
    &["purge-expired-amis", "-r", "us-east-1"],
    &["resume", "-r", "us-east-1"],
];

fn home_with_profiles() -> Home {
    let home = Home::new();
    let credentials = "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = secret\n\
                       [mine]\naws_access_key_id = AKIAMINE\naws_secret_access_key = secret\n";
    home.write(".aws/credentials", credentials);
    home
}

#[test]
fn the_environments() {
    let (home, ec2) = (home_with_profiles(), Ec2::example());
    for command in COMMANDS {
        assert_eq!(asked_by(home.ami_backup(command), &ec2), "AKIAENVIRONMENT");
    }
}

#[test]
fn a_profile_asked_for_by_name_comes_before_the_environment() {
    let (home, ec2) = (home_with_profiles(), Ec2::example());
    for command in COMMANDS {
        assert_eq!(asked_by(home.ami_backup(&[command, &["-p", "mine"]].concat()), &ec2), "AKIAMINE");
        assert_eq!(asked_by(home.ami_backup(&[command, &["-p", "default"]].concat()).env("AWS_PROFILE", "mine"), &ec2), "AKIADEFAULT");
    }
}

#[test]
fn a_profile_that_the_environment_names_does_not() {
    let (home, ec2) = (home_with_profiles(), Ec2::example());
    assert_eq!(asked_by(home.ami_backup(COMMANDS[0]).env("AWS_PROFILE", "mine"), &ec2), "AKIAENVIRONMENT");
    assert_eq!(asked_by(home.ami_backup(COMMANDS[0]).env("AWS_PROFILE", "mine").without_credentials(), &ec2), "AKIAMINE");
    assert_eq!(asked_by(home.ami_backup(COMMANDS[0]).without_credentials(), &ec2), "AKIADEFAULT");
    // The older of the AWS CLI's two variables comes first, there and here.
    let both = home.ami_backup(COMMANDS[1]).env("AWS_DEFAULT_PROFILE", "mine").env("AWS_PROFILE", "default").without_credentials();
    assert_eq!(asked_by(both, &ec2), "AKIAMINE");
    let nowhere = home.ami_backup(COMMANDS[1]).env("AWS_DEFAULT_PROFILE", "nowhere").without_credentials().on(&ec2).run();
    assert_eq!(nowhere.code, 2, "{nowhere}");
}

#[test]
fn files_that_lie_elsewhere() {
    let ec2 = Ec2::example();
    let home = Home::new();
    let credentials = home.write("elsewhere/credentials", "[mine]\naws_access_key_id = AKIAELSEWHERE\naws_secret_access_key = secret\n");
    let config = home.write("elsewhere/config", "[profile mine]\nregion = us-east-1\n");
    let program = home.ami_backup(&["image-instance", "-i", WEB, "-p", "mine", "--dry-run"]);
    let program = program.env("AWS_SHARED_CREDENTIALS_FILE", credentials).env("AWS_CONFIG_FILE", config);
    assert_eq!(asked_by(program, &ec2), "AKIAELSEWHERE");
}

#[test]
fn a_process_that_gives_credentials() {
    let ec2 = Ec2::example();
    let home = Home::new();
    let process = home.write(
        "give-credentials",
        "#!/bin/sh\necho once >>\"$HOME/asked\"\n\
         echo '{\"Version\": 1, \"AccessKeyId\": \"AKIAPROCESS\", \"SecretAccessKey\": \"secret\"}'\n",
    );
    std::fs::set_permissions(&process, std::fs::Permissions::from_mode(0o755)).unwrap();
    home.write(".aws/config", &format!("[profile mine]\ncredential_process = {}\n", process.display()));
    let arguments = ["image-instance", "-i", WEB, "-r", "us-east-1", "-d", "eu-west-1,us-west-2", "-p", "mine", "--no-wait"];
    assert_eq!(asked_by(home.ami_backup(&arguments), &ec2), "AKIAPROCESS");
    // It may ask somebody for a second factor.
    assert_eq!(std::fs::read_to_string(home.path("asked")).unwrap(), "once\n");
}

#[test]
fn a_process_that_fails() {
    let ec2 = Ec2::example();
    let home = Home::new();
    home.write(".aws/config", "[profile mine]\ncredential_process = sh -c 'echo no second factor >&2; exit 1'\n");
    for command in COMMANDS {
        let ran = home.ami_backup(&[command, &["-p", "mine"]].concat()).on(&ec2).run();
        assert_eq!(ran.code, 2, "{ran}");
        assert!(ran.stderr.starts_with("error: no credentials: "), "{ran}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran}");
    }
    assert!(ec2.calls().is_empty());
}

/// An STS that lends one role to whoever asks, and gives what it was asked.
fn sts() -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut asked = Vec::new();
        while !String::from_utf8_lossy(&asked).contains("Action=AssumeRole") {
            let mut some = [0; 4096];
            let read = stream.read(&mut some).unwrap();
            assert_ne!(read, 0);
            asked.extend(&some[..read]);
        }
        let body = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
                    <AssumedRoleUser><AssumedRoleId>AROA:me</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/backup/me</Arn></AssumedRoleUser>\
                    <Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
                    <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        String::from_utf8_lossy(&asked).into_owned()
    });
    (url, asked)
}

#[test]
fn a_role_that_another_profile_may_assume() {
    let (home, ec2) = (home_with_profiles(), Ec2::example());
    let (url, asked) = sts();
    home.write(".aws/config", "[profile backup]\nrole_arn = arn:aws:iam::123456789012:role/backup\nsource_profile = mine\n");
    let arguments = ["purge-expired-amis", "-p", "backup", "-r", "eu-west-1,us-east-1"];
    assert_eq!(asked_by(home.ami_backup(&arguments).env("AWS_ENDPOINT_URL_STS", url), &ec2), "ASIAROLE");
    let asked = asked.join().unwrap();
    assert!(asked.contains("Credential=AKIAMINE/") && asked.contains("/eu-west-1/sts/"), "{asked}");
}

#[test]
fn the_instances_role() {
    let (home, ec2) = (Home::new(), Ec2::example());
    let program = home.ami_backup(&["image-instance", "--dry-run"]).without_credentials().with_metadata_of(&ec2);
    assert!(asked_by(program, &ec2).starts_with("ASIA"));
}

#[test]
fn a_session_token_is_sent() {
    let (home, ec2) = (Home::new(), Ec2::example());
    let program = home.ami_backup(COMMANDS[0]).env("AWS_ACCESS_KEY_ID", "ASIASESSION").env("AWS_SESSION_TOKEN", "token");
    assert_eq!(asked_by(program, &ec2), "ASIASESSION");
}

#[test]
fn an_endpoint_that_the_profile_names() {
    let (home, ec2) = (home_with_profiles(), Ec2::example());
    home.write(".aws/config", &format!("[profile mine]\nregion = us-east-1\nendpoint_url = {}\n", ec2.url));
    let ran = home.ami_backup(&["image-instance", "-i", WEB, "-p", "mine", "--dry-run"]).without(&["AWS_ENDPOINT_URL"]).run();
    assert_eq!(ran.code, 0, "{ran}");
    assert!(!ec2.calls().is_empty());
}

#[test]
fn an_endpoint_for_ec2_alone() {
    let (home, ec2) = (home_with_profiles(), Ec2::example());
    let services = format!("[profile mine]\nregion = us-east-1\nservices = local\n[services local]\nec2 =\n  endpoint_url = {}\n", ec2.url);
    home.write(".aws/config", &services);
    let ran = home.ami_backup(&["image-instance", "-i", WEB, "-p", "mine", "--dry-run"]).without(&["AWS_ENDPOINT_URL"]).run();
    assert_eq!(ran.code, 0, "{ran}");
    let ran = home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1", "--dry-run"]).env("AWS_ENDPOINT_URL_EC2", &ec2.url).run();
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(ec2.changes(), [""; 0]);
}

#[test]
fn a_profile_that_is_misspelt_inside_is_never_passed_over_for_the_instances_role() {
    let ec2 = Ec2::example();
    let home = Home::new();
    home.write(".aws/config", "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/backup\nsource_profile = mispelt\n");
    for command in COMMANDS {
        let by_name = home.ami_backup(&[command, &["-p", "role"]].concat()).without_credentials().with_metadata_of(&ec2).on(&ec2).run();
        let by_environment =
            home.ami_backup(command).env("AWS_PROFILE", "role").without_credentials().with_metadata_of(&ec2).on(&ec2).run();
        for ran in [by_name, by_environment] {
            assert_eq!(ran.code, 2, "{ran}");
            assert!(ran.stderr.contains("mispelt"), "{ran}");
        }
    }
    assert!(ec2.calls().is_empty(), "nothing was asked of EC2");
}
