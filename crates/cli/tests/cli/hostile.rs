//! What others wrote (tags, names, answers, files) costs little, stays on its line and steers no terminal.

use std::path::Path;

use ec2_sim::World;
use ec2_sim::id::InstanceId;
use ec2_sim::world::StateReason;

use crate::common::{BINARY, Ec2, Home, Program, Ran, WEB};
use crate::server::{Answer, Server};

/// Texts that would be something else than a text, were they shown as they are.
fn texts() -> Vec<String> {
    vec![
        "line\nus-east-1  purged  ami-00000000\r\nline".to_owned(),
        "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{90}\u{7f}\u{8}\u{8}".to_owned(),
        "\u{202e}gnp.1-bew\u{202c}\u{2066}\u{61c}\u{200f}".to_owned(),
        "a\u{2028}b\u{2029}c\u{85}d\u{b}e\u{c}f".to_owned(),
        "\u{200b}\u{feff}\u{e0041}\u{e007f}\u{ad}\u{2060}".to_owned(),
        "\u{1f680}".repeat(256),
        format!("e{}", "\u{301}".repeat(255)),
        "{}%s%n$(reboot)`reboot`'\"\\".to_owned(),
    ]
}

/// Each line is one of ours, and shows what it holds.
#[track_caller]
fn assert_plain(text: &str) {
    let is_seen = |c: char| !c.is_control() && (c == ' ' || !c.is_whitespace()) && !is_unseen(c);
    let unseen = text.chars().find(|c| *c != '\n' && !is_seen(*c));
    assert!(unseen.is_none(), "{unseen:?} in {text:?}");
    let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or_default();
    assert!(longest < 6000, "{text}");
}

/// Bidirectional marks and overrides, zero-width and tag characters, by their numbers.
fn is_unseen(c: char) -> bool {
    matches!(u32::from(c), 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb | 0xe0000..=0xe0fff)
}

#[track_caller]
fn shown(program: Program<'_>, code: i32, lines: usize) -> Ran {
    let ran = program.run();
    assert_plain(&ran.stdout);
    assert_plain(&ran.stderr);
    assert_eq!((ran.code, ran.stdout.lines().count()), (code, lines), "{ran}");
    ran
}

/// The first and only image of a region bears this name and these values wherever a tag holds text.
fn rename(world: &mut World, region: &str, text: &str) {
    for image in world.region_mut(region).images.values_mut() {
        text.clone_into(&mut image.name);
        image.description = Some(text.to_owned());
        for key in ["Name", "AvailabilityZone", "Date", "Other"] {
            image.tags.insert(key.to_owned(), text.to_owned());
        }
    }
}

#[test]
fn names_and_tags_in_every_report() {
    for text in texts() {
        let home = Home::new();
        home.arrange(|world| {
            let web: InstanceId = WEB.parse().unwrap();
            world.region_mut("us-east-1").instances.get_mut(&web).unwrap().tags.insert("Name".to_owned(), text.clone());
        });
        let image = ["image-instance", "--sandbox", "-i", WEB, "-r", "us-east-1", "-e", "+1 week"];
        // Two steps, one of which shows its tags.
        shown(home.ami_backup(&[&image[..], &["-d", "eu-west-1", "--dry-run"]].concat()), 0, 3);
        shown(home.ami_backup(&[&image[..], &["-d", "eu-west-1"]].concat()), 0, 2);
        // The clock, two regions with an image and a snapshot each, and the three instances of the world.
        shown(home.ami_backup(&["sandbox", "show"]), 0, 10);
        home.arrange(|world| ["us-east-1", "eu-west-1"].into_iter().for_each(|region| rename(world, region, &text)));
        home.advance("8d");
        shown(home.ami_backup(&["sandbox", "show"]), 0, 10);
        let purge = ["purge-expired-amis", "--sandbox", "-r", "us-east-1,eu-west-1"];
        shown(home.ami_backup(&[&purge[..], &["--dry-run"]].concat()), 0, 3);
        shown(home.ami_backup(&[&purge[..], &["--keep-last", "1"]].concat()), 0, 3);
        // A document holds what is there; what XML cannot hold, the simulator does not send.
        let ran = home.ami_backup(&[&purge[..], &["--dry-run", "--json"]].concat()).run();
        let sent = text.replace(|c: char| c < ' ' && !"\t\r\n".contains(c), "\u{fffd}");
        assert_eq!(ran.json()["verdicts"][0]["subject"]["name"], sent.as_str(), "{ran}");
        shown(home.ami_backup(&[&purge[..], &["-v"]].concat()), 0, 3);
    }
}

#[test]
fn an_expiry_or_a_mark_that_is_none() {
    for text in texts() {
        let home = Home::new();
        assert_eq!(home.ami_backup(&["image-instance", "--sandbox", "-i", WEB, "-e", "+1 week"]).run().code, 0);
        home.arrange(|world| {
            let region = world.region_mut("us-east-1");
            region.images.values_mut().for_each(|image| drop(image.tags.insert("Expire".to_owned(), text.clone())));
            region.snapshots.values_mut().for_each(|snapshot| drop(snapshot.tags.insert("Creator".to_owned(), text.clone())));
        });
        home.advance("9d");
        shown(home.ami_backup(&["purge-expired-amis", "--sandbox", "-r", "us-east-1"]), 0, 2);
        shown(home.ami_backup(&["sandbox", "show"]), 0, 8);
        // Our own snapshot of an image that expires, and which another has marked since, is left with its reason.
        home.arrange(|world| {
            let images = &mut world.region_mut("us-east-1").images;
            for image in images.values_mut() {
                image.tags.insert("Expire".to_owned(), "2026-12-02T00:00:00Z".to_owned());
            }
        });
        let ran = shown(home.ami_backup(&["purge-expired-amis", "--sandbox", "-r", "us-east-1"]), 0, 3);
        assert!(ran.stdout.contains("it is marked Creator="), "{ran}");
    }
}

#[test]
fn why_an_image_or_a_copy_failed() {
    for text in texts() {
        let reason = || StateReason { code: "Client.UserInitiatedShutdown".to_owned(), message: text.clone() };
        let home = Home::new();
        home.arrange(|world| world.fail_next.image.push(reason()));
        shown(home.ami_backup(&["image-instance", "--sandbox", "-i", WEB, "-e", "+1 week"]), 1, 1);
        let home = Home::new();
        home.arrange(|world| world.fail_next.copy.push(reason()));
        shown(home.ami_backup(&["image-instance", "--sandbox", "-i", WEB, "-e", "+1 week", "-d", "eu-west-1"]), 3, 2);
    }
}

#[test]
fn an_error_of_ec2s_at_every_verbosity() {
    let home = Home::new();
    for text in texts() {
        let ec2 = Ec2::example();
        ec2.fails("DescribeImages", 400, &format!("Invalid{text}"), &text);
        ec2.fails("DescribeInstances", 400, &format!("Invalid{text}"), &text);
        for talk in [&[][..], &["-v"], &["-vv"], &["-vvv"]] {
            let on = |arguments: &[&str]| home.ami_backup(&[arguments, talk].concat()).on(&ec2);
            for (arguments, lines) in [
                (&["purge-expired-amis", "-r", "us-east-1"][..], 2),
                (&["resume", "-r", "us-east-1"], 1),
                (&["image-instance", "-i", WEB, "-r", "us-east-1"], 0),
            ] {
                let ran = on(arguments).run();
                assert_eq!((ran.code, ran.stdout.lines().count()), (1, lines), "{ran}");
                for text in [&ran.stdout, &ran.stderr] {
                    assert!(text.chars().all(|c| c == '\n' || (!c.is_control() && !is_unseen(c))), "{text:?}");
                }
                // Each line of the log begins as such, and is no invention of the answer's.
                let begins = |line: &str| line.starts_with("20") || ["error: ", "us-east-1"].iter().any(|begin| line.starts_with(begin));
                assert!(ran.stderr.lines().all(begins), "{ran}");
            }
        }
    }
}

#[test]
fn what_was_typed_or_configured() {
    let home = Home::new();
    // The environment holds no NUL, and neither do arguments.
    for text in texts() {
        for program in [
            home.ami_backup(&["purge-expired-amis", "-r", "us-east-1", "-p", &text]),
            home.ami_backup(&["purge-expired-amis"]).env("AWS_PROFILE", &text),
            home.ami_backup(&["purge-expired-amis"]).env("AWS_REGION", &text),
            home.ami_backup(&["image-instance", "-i", WEB, "-r", "us-east-1", "-e", &text]),
            home.ami_backup(&["image-instance", "-i", WEB, "-e", "+1 week"]).env("TZ", &text),
            home.ami_backup(&["purge-expired-amis", "--dry-run", "--now", &text]),
            home.ami_backup(&["purge-expired-amis", "-r", "us-east-1"]).env("AWS_CA_BUNDLE", &text),
            home.ami_backup(&["sandbox", "advance", &text]),
        ] {
            let ran = shown(program, 2, 0);
            assert_eq!(ran.stderr.lines().count(), 1, "{ran}");
        }
        for program in [home.ami_backup(&["purge-expired-amis", "-r", &text]), home.ami_backup(&[&text])] {
            shown(program, 2, 0);
        }
    }
    home.write(".aws/config", "[default]\nregion = \u{1b}[31m\u{202e}\n");
    let ran = shown(home.ami_backup(&["image-instance", "-i", WEB]), 2, 0);
    assert!(ran.stderr.contains(r"the profile gives no region: `\u{1b}[31m\u{202e}`"), "{ran}");
}

/// A purge of all regions, in a process that is given no more than so much memory.
fn purge_within<'h>(home: &'h Home, mebibytes: u32, endpoint: &Server) -> Program<'h> {
    let limited = format!("ulimit -v {}; exec \"$@\"", mebibytes * 1024);
    let program = home.program(Path::new("/bin/sh"), &["-c", &limited, "sh", BINARY, "purge-expired-amis"]);
    program.env("AWS_ENDPOINT_URL", &endpoint.url)
}

/// An endpoint that names a dozen regions, and gives this to whatever else it is asked.
fn endpoint(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Server {
    Server::start(move |request| {
        if !request.contains("Action=DescribeRegions") {
            return answer();
        }
        let regions = (1..=12).map(|number| format!("<item><regionName>eu-west-{number}</regionName></item>")).collect::<Vec<_>>().concat();
        Answer::of(200, &format!("<DescribeRegionsResponse><regionInfo>{regions}</regionInfo></DescribeRegionsResponse>"))
    })
}

#[test]
fn an_endpoint_without_end_costs_little() {
    let piece = |text: &str| text.repeat(65_536 / text.len()).into_bytes();
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
    let deep = piece("<item>");
    let blanks = piece(" ");
    let plenty = Answer::without_end;
    let cases: Vec<(&str, Server)> = vec![
        ("EC2's answer is longer than 64 MiB", endpoint(move || plenty(head, blanks.clone()))),
        ("EC2's answer is longer than 64 MiB", endpoint(move || plenty(long, deep.clone()))),
        ("", endpoint(move || plenty("HTTP/1.1 200 OK\r\n", piece("X-More: and more\r\n")))),
        ("", endpoint(move || plenty("", vec![0; 65_536]))),
        ("broke off", endpoint(|| Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<DescribeImages"))),
    ];
    let home = Home::new();
    std::thread::scope(|scope| {
        for (why, endpoint) in &cases {
            let home = &home;
            scope.spawn(move || {
                let ran = purge_within(home, 1024, endpoint).run();
                assert_plain(&ran.stdout);
                // A line for the regions, which have this in common, and one for the sum.
                assert!(ran.code == 1 && (2..=13).contains(&ran.stdout.lines().count()), "{ran}");
                assert!(ran.stdout.contains(why) && !ran.stderr.contains("was given up"), "{:?} {ran}", ran.took);
                // None of them is tried again but what may have been bad luck, and that is tried eight times.
                assert!(endpoint.requests() <= 1 + 12 * 8, "{}", endpoint.requests());
            });
        }
    });
}

#[test]
fn an_endpoint_that_never_comes_to_the_point_is_given_up() {
    let endpoint = endpoint(|| Answer::without_end("", "HTTP/1.1 100 Continue\r\n\r\n".repeat(2500).into_bytes()));
    let ran = purge_within(&Home::new(), 1024, &endpoint).run();
    // How soon depends on when the host lets the watchdog wake up; that the program ends at all is what waiting for its end asserts.
    assert_eq!(ran.code, 1, "{:?} {ran}", ran.took);
    // Where the calls' own limits were looked at in time, the report says what was not read; else the last word does.
    assert!(ran.stdout.contains("in 0 of 12 regions") || ran.stderr.contains("the endpoint sends without end"), "{ran}");
}
