//! A secret is in no output, however much is asked for.

use std::os::unix::fs::PermissionsExt;

use crate::common::{Ec2, Home, Program, WEB};

const SECRET: &str = "c4n4rySecretAccessKeyThatNobodyMaySee000";
const TOKEN: &str = "c4n4rySessionTokenThatNobodyMaySee/////+==";

/// Runs it with all the talk there is; `how` says whose credentials it uses.
#[track_caller]
fn keeps_its_secrets(home: &Home, ec2: &Ec2, arguments: &[&str], how: impl Fn(Program<'_>) -> Program<'_>) {
    for more in [&["-vvv"][..], &["-vvv", "--json"], &["-v"]] {
        let ran = how(home.ami_backup(&[arguments, more].concat()).on(ec2)).run();
        let all = format!("{}{}", ran.stdout, ran.stderr);
        // There is something to hide them in.
        assert!(!more.contains(&"-vvv") || all.contains("** redacted"), "{ran}");
        for canary in [SECRET, TOKEN, "c4n4ry", "wJalrXUt"] {
            let line = all.lines().find(|line| line.contains(canary));
            assert!(line.is_none(), "{line:?}");
        }
    }
}

const COMMANDS: [&[&str]; 4] = [
    &["image-instance", "-i", WEB, "-r", "us-east-1", "--no-wait"],
    &["image-instance", "-i", WEB, "-r", "us-east-1", "--dry-run", "-d", "eu-west-1"],
    &["purge-expired-amis", "-r", "us-east-1"],
    &["resume", "-r", "us-east-1"],
];

#[test]
fn of_the_environment() {
    let (home, ec2) = (Home::new(), Ec2::example());
    for command in COMMANDS {
        keeps_its_secrets(&home, &ec2, command, |program| program.env("AWS_SECRET_ACCESS_KEY", SECRET).env("AWS_SESSION_TOKEN", TOKEN));
    }
}

#[test]
fn of_a_profile() {
    let (home, ec2) = (Home::new(), Ec2::example());
    let secrets = format!("aws_access_key_id = AKIAMINE\naws_secret_access_key = {SECRET}\naws_session_token = {TOKEN}\n");
    home.write(".aws/credentials", &format!("[mine]\n{secrets}"));
    for command in COMMANDS {
        keeps_its_secrets(&home, &ec2, &[command, &["-p", "mine"]].concat(), |program| program);
    }
}

#[test]
fn of_a_process() {
    let (home, ec2) = (Home::new(), Ec2::example());
    let answer =
        format!("{{\"Version\": 1, \"AccessKeyId\": \"ASIAMINE\", \"SecretAccessKey\": \"{SECRET}\", \"SessionToken\": \"{TOKEN}\"}}");
    let process = home.write("give-credentials", &format!("#!/bin/sh\necho '{answer}'\n"));
    std::fs::set_permissions(&process, std::fs::Permissions::from_mode(0o755)).unwrap();
    home.write(".aws/config", &format!("[profile mine]\ncredential_process = {}\n", process.display()));
    keeps_its_secrets(&home, &ec2, &["image-instance", "-i", WEB, "-r", "us-east-1", "-p", "mine", "--dry-run"], |program| program);
}

#[test]
fn of_an_instances_role() {
    let (home, ec2) = (Home::new(), Ec2::example());
    keeps_its_secrets(&home, &ec2, &["image-instance", "--dry-run"], |program| program.without_credentials().with_metadata_of(&ec2));
}

#[test]
fn where_ec2_refuses() {
    let (home, ec2) = (Home::new(), Ec2::example());
    ec2.deny("DescribeInstances");
    let arguments = ["image-instance", "-i", WEB, "-r", "us-east-1"];
    keeps_its_secrets(&home, &ec2, &arguments, |program| program.env("AWS_SECRET_ACCESS_KEY", SECRET).env("AWS_SESSION_TOKEN", TOKEN));
}
