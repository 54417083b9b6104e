//! A secret is in no output, however much is asked for, wherever it comes from, and whoever answers.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common::{Ec2, Home, Program, Ran, WEB};
use crate::server::{Answer, Server};

const SECRET: &str = "c4n4rySecretAccessKeyThatNobodyMaySee000";
const TOKEN: &str = "c4n4rySessionTokenThatNobodyMaySee/////+==";
/// What is sent to whoever gives credentials.
const TICKET: &str = "c4n4ryTicketThatNobodyMaySee";
/// No part of one may be seen, nor what Basic authentication makes of `user:c4n4ry`, nor the simulator's own.
const CANARIES: [&str; 4] = ["c4n4ry", "C4N4RY", "dXNlcjpjNG40cnk", "wJalrXUt"];

const COMMANDS: [&[&str]; 4] = [
    &["image-instance", "-i", WEB, "-r", "us-east-1", "--no-wait"],
    &["image-instance", "-i", WEB, "-r", "us-east-1", "--dry-run", "-d", "eu-west-1"],
    &["purge-expired-amis", "-r", "us-east-1"],
    &["resume", "-r", "us-east-1"],
];
const TALK: [&[&str]; 5] = [&[], &["-v"], &["-vv"], &["-vvv"], &["-vvv", "--json"]];

#[track_caller]
fn assert_nothing_told(ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        let line = text.lines().find(|line| CANARIES.iter().any(|canary| line.contains(canary)));
        assert!(line.is_none(), "{line:?}");
    }
}

/// Runs each command with all the talk there is; `how` says whose credentials it uses. They are accepted, refused, and answered with
/// what is no answer.
#[track_caller]
fn keeps_its_secrets(home: &Home, how: impl Fn(Program<'_>) -> Program<'_>) {
    let refusing = Ec2::example();
    for action in ["DescribeInstances", "DescribeImages", "DescribeSnapshots"] {
        refusing.deny(action);
    }
    let babble = Server::start(|_| Answer::of(200, "no answer"));
    let run = |arguments: &[&[&str]], endpoint: &str| {
        let ran = how(home.ami_backup(&arguments.concat())).env("LOG_SENSITIVE_BODIES", "true").env("AWS_ENDPOINT_URL_EC2", endpoint).run();
        assert_nothing_told(&ran);
        // There was something to tell.
        assert!(!arguments[1].contains(&"-vvv") || ran.stderr.lines().count() > 20, "{ran}");
        ran
    };
    for command in COMMANDS {
        for talk in TALK {
            // A new one each time, since EC2 takes no two snapshots of a volume within seconds.
            let ec2 = Ec2::example();
            let ran = run(&[command, talk], &ec2.url);
            assert!(ran.code == 0 && !ec2.calls().is_empty(), "{ran}");
        }
        for endpoint in [&refusing.url, &babble.url] {
            let ran = run(&[command, &["-vvv"]], endpoint);
            assert_eq!(ran.code, 1, "{ran}");
        }
    }
}

#[test]
fn of_the_environment() {
    keeps_its_secrets(&Home::new(), |program| program.env("AWS_SECRET_ACCESS_KEY", SECRET).env("AWS_SESSION_TOKEN", TOKEN));
}

#[test]
fn of_a_profile() {
    let home = Home::new();
    let secrets = format!("aws_access_key_id = AKIAMINE\naws_secret_access_key = {SECRET}\naws_session_token = {TOKEN}\n");
    home.write(".aws/credentials", &format!("[mine]\n{secrets}"));
    keeps_its_secrets(&home, |program| program.env("AWS_PROFILE", "mine").without_credentials());
}

#[test]
fn of_a_process() {
    let home = Home::new();
    let answer =
        format!("{{\"Version\": 1, \"AccessKeyId\": \"ASIAMINE\", \"SecretAccessKey\": \"{SECRET}\", \"SessionToken\": \"{TOKEN}\"}}");
    let process = home.write("give-credentials", &format!("#!/bin/sh\necho '{answer}'\n"));
    executable(&process);
    home.write(".aws/config", &format!("[profile mine]\ncredential_process = {} {TICKET}\n", process.display()));
    keeps_its_secrets(&home, |program| program.env("AWS_PROFILE", "mine").without_credentials());
}

#[test]
fn of_a_process_that_fails() {
    let home = Home::new();
    let ec2 = Ec2::example();
    for script in [
        format!("echo {SECRET}"),
        format!("echo {SECRET} >&2; exit 1"),
        format!("echo '{{\"Version\": 1, \"SecretAccessKey\": \"{SECRET}\"}}'"),
    ] {
        let process = home.write("give-credentials", &format!("#!/bin/sh\n{script}\n"));
        executable(&process);
        home.write(".aws/config", &format!("[profile mine]\ncredential_process = {} {TICKET}\n", process.display()));
        for talk in TALK {
            let ran = home.ami_backup(&[&["purge-expired-amis", "-r", "us-east-1", "-p", "mine"], talk].concat()).on(&ec2).run();
            assert_eq!(ran.code, 2, "{ran}");
            assert_nothing_told(&ran);
        }
    }
}

fn executable(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn of_an_instances_role() {
    let instance = Ec2::example();
    keeps_its_secrets(&Home::new(), |program| program.without_credentials().with_metadata_of(&instance));
}

#[test]
fn of_a_container() {
    let container = Server::start(|request| {
        assert!(request.contains(TICKET));
        Answer::of(
            200,
            &format!(
                "{{\"AccessKeyId\":\"ASIAMINE\",\"SecretAccessKey\":\"{SECRET}\",\"Token\":\"{TOKEN}\",\"Expiration\":\"2999-01-01T00:00:00Z\"}}"
            ),
        )
    });
    keeps_its_secrets(&Home::new(), |program| {
        let program = program.without_credentials().env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/creds", container.url));
        program.env("AWS_CONTAINER_AUTHORIZATION_TOKEN", TICKET)
    });
}

/// An STS that lends a role to whoever asks.
fn sts() -> Server {
    Server::start(|request| {
        let action = if request.contains("WebIdentity") { "AssumeRoleWithWebIdentity" } else { "AssumeRole" };
        let body = format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><AssumedRoleUser><AssumedRoleId>AROA:me\
             </AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/backup/me</Arn></AssumedRoleUser><Credentials><AccessKeyId>ASIAROLE\
             </AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken><Expiration>2999-01-01T00:00:00Z\
             </Expiration></Credentials></{action}Result></{action}Response>"
        );
        Answer::of(200, &body)
    })
}

#[test]
fn of_a_role() {
    let (home, sts) = (Home::new(), sts());
    home.write(".aws/credentials", &format!("[mine]\naws_access_key_id = AKIAMINE\naws_secret_access_key = {SECRET}\n"));
    let config = "[profile backup]\nrole_arn = arn:aws:iam::123456789012:role/backup\nsource_profile = mine\n";
    home.write(".aws/config", config);
    keeps_its_secrets(&home, |program| program.env("AWS_PROFILE", "backup").without_credentials().env("AWS_ENDPOINT_URL_STS", &sts.url));
}

#[test]
fn of_a_web_identity() {
    let (home, sts) = (Home::new(), sts());
    let token = home.write("token", TICKET);
    keeps_its_secrets(&home, |program| {
        let program = program.without_credentials().env("AWS_ENDPOINT_URL_STS", &sts.url);
        program.env("AWS_WEB_IDENTITY_TOKEN_FILE", &token).env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/backup")
    });
}

#[test]
fn of_a_login() {
    let home = Home::new();
    let portal = Server::start(|request| {
        assert!(request.contains(TICKET));
        Answer::of(
            200,
            &format!(
                "{{\"roleCredentials\":{{\"accessKeyId\":\"ASIASSO\",\"secretAccessKey\":\"{SECRET}\",\"sessionToken\":\"{TOKEN}\",\"expiration\":32472144000000}}}}"
            ),
        )
    });
    // The name is the SHA-1 of the session's.
    home.write(
        ".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json",
        &format!("{{\"accessToken\":\"{TICKET}\",\"expiresAt\":\"2999-01-01T00:00:00Z\",\"region\":\"us-east-1\",\"startUrl\":\"https://x.awsapps.com/start\"}}"),
    );
    home.write(
        ".aws/config",
        "[profile mine]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = backup\n\
         [sso-session s]\nsso_region = us-east-1\nsso_start_url = https://x.awsapps.com/start\n",
    );
    keeps_its_secrets(&home, |program| program.env("AWS_PROFILE", "mine").without_credentials().env("AWS_ENDPOINT_URL_SSO", &portal.url));
}

#[test]
fn of_an_endpoint_and_a_proxy() {
    let (home, ec2) = (Home::new(), Ec2::example());
    let babble = Server::start(|_| Answer::of(407, "no answer"));
    let with = |url: &str| url.replace("http://", "http://user:c4n4ry@");
    let places = [
        (with(&ec2.url), String::new()),
        ("http://user:c4n4ry@127.0.0.1:1".to_owned(), String::new()),
        ("https://user:c4n4ry@127.0.0.1:1".to_owned(), String::new()),
        ("https://user:c4n4ry with blanks@127.0.0.1:1".to_owned(), String::new()),
        ("http://ec2.example".to_owned(), with(&babble.url)),
        ("https://ec2.example".to_owned(), with(&babble.url)),
        ("https://ec2.example".to_owned(), "http://user:c4n4ry@127.0.0.1:1".to_owned()),
    ];
    // Most of these are tried for half a minute.
    std::thread::scope(|scope| {
        for (endpoint, proxy) in &places {
            for talk in &TALK[2..] {
                let program =
                    home.ami_backup(&[&["purge-expired-amis", "-r", "us-east-1"], *talk].concat()).env("AWS_ENDPOINT_URL", endpoint);
                let program = program.env("HTTP_PROXY", proxy).env("HTTPS_PROXY", proxy).env("http_proxy", proxy).env("https_proxy", proxy);
                scope.spawn(|| assert_nothing_told(&program.env("AWS_SECRET_ACCESS_KEY", SECRET).run()));
            }
        }
    });
}

#[test]
fn the_sandbox_keeps_none() {
    let home = Home::new();
    for (command, more) in [(COMMANDS[0], &["-vvv"][..]), (COMMANDS[2], &["-vvv", "--json"]), (&["sandbox", "show", "--json"], &[])] {
        let sandbox: &[&str] = &["--sandbox"];
        let program = home.ami_backup(&[command, sandbox, more].concat()).env("AWS_ACCESS_KEY_ID", "C4N4RY");
        let ran = program.env("AWS_SECRET_ACCESS_KEY", SECRET).env("AWS_SESSION_TOKEN", TOKEN).run();
        assert_eq!(ran.code, 0, "{ran}");
        assert_nothing_told(&ran);
    }
    let mut places = vec![home.path("")];
    let mut files = 0;
    while let Some(place) = places.pop() {
        for entry in std::fs::read_dir(place).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                places.push(entry.path());
                continue;
            }
            let text = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned();
            assert!(!CANARIES[..3].iter().any(|canary| text.contains(canary)), "{:?}", entry.path());
            files += 1;
        }
    }
    assert!(files > 0);
}
