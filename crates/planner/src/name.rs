//! Names of images: the only thing that makes `CreateImage` repeatable, since it takes no client token.

use sha2::{Digest, Sha256};

use crate::completion::Completion;
use crate::policy::{CopyRequest, ImageRequest, SeriesRequest};
use crate::tags::{Encryption, Tags};

/// The longest label taken over from the instance's name, so that the whole stays well within EC2's 128 characters.
const LABEL_LIMIT: usize = 60;

/// The name of the image that answers a request, `attempt` counting from 1.
///
/// `backup-ami_<label>_<instance>_<slot>_<hash>`, in the characters that both of EC2's contradictory pages allow:
/// letters, digits and `- _ . / ( )`. The hash is of what was asked (expiry, copies, options), so that two cron lines
/// that fire in the same second are two backups, while a repeated call is the same one.
pub fn image_name(request: &ImageRequest, instance_name: Option<&str>, attempt: u32) -> String {
    let label = label(instance_name.unwrap_or_default());
    let slot = request.slot.strftime("%Y%m%dT%H%M%SZ");
    let hash = hex(&Sha256::digest(asked(request))[..4]);
    let parts = [String::from("backup-ami"), label, request.instance.to_string(), slot.to_string(), hash];
    let name = parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("_");
    if attempt > 1 { format!("{name}.{attempt}") } else { name }
}

/// The name of a copy: the source's, and from the second attempt on its number, since failed copies may hold theirs.
pub fn copy_name(source_name: &str, attempt: u32) -> String {
    if attempt > 1 { format!("{source_name}({attempt})") } else { source_name.to_owned() }
}

/// The client token of a copy, 64 characters of ASCII as EC2 allows: the same for the same parameters, in any process.
pub fn copy_token(parameters: &[&str], encryption: &Encryption, completion: Option<Completion>, tags: &Tags) -> String {
    let mut hasher = Sha256::new();
    let mut add = |part: &str| {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    };
    for part in parameters {
        add(part);
    }
    add(&encryption.to_string());
    // Without one, the token is what earlier versions of this program made it: a copy that they asked for is asked for again.
    if let Some(completion) = completion {
        add(&format!("completion={completion}"));
    }
    for (key, value) in tags.iter() {
        add(key);
        add(value);
    }
    hex(&hasher.finalize())
}

fn asked(request: &ImageRequest) -> String {
    let ImageRequest { instance: _, region: _, slot: _, expire, reboot, copies, patience, series } = request;
    let mut copies: Vec<String> = copies.iter().map(wanted_copy).collect();
    copies.sort();
    let expire = expire.map_or_else(|| "never".to_owned(), |at| at.to_string());
    match series {
        // How long a run waits is no part of what a policy asks for.
        Some(SeriesRequest { name, copies_until, carried: _, excluded_devices }) => {
            let excluded: Vec<&str> = excluded_devices.iter().map(String::as_str).collect();
            let (copies, excluded) = (copies.join("\n"), excluded.join(" "));
            format!("series {name}\nreboot {reboot}\nuntil {copies_until}\nwithout {excluded}\n{copies}")
        }
        None => format!("expire {expire}\nreboot {reboot}\npatience {}\n{}", patience.as_secs(), copies.join("\n")),
    }
}

fn wanted_copy(copy: &CopyRequest) -> String {
    let CopyRequest { destination, encryption, completion } = copy;
    let within = completion.map_or_else(String::new, |completion| format!(" completion={completion}"));
    format!("{destination} {encryption}{within}")
}

/// What of a name EC2 surely takes; each run of anything else becomes one `-`.
fn label(name: &str) -> String {
    let mut label = String::new();
    for c in name.chars() {
        if label.len() == LABEL_LIMIT {
            break;
        }
        if c.is_ascii_alphanumeric() || "()./_-".contains(c) {
            label.push(c);
        } else if !label.is_empty() && !label.ends_with('-') {
            label.push('-');
        }
    }
    label.trim_end_matches('-').to_owned()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::expiry::Expiry;
    use crate::policy::CopyRequest;

    fn request() -> ImageRequest {
        ImageRequest {
            instance: "i-0123456789abcdef0".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            slot: "2026-11-23T02:00:00Z".parse().unwrap(),
            expire: None,
            reboot: false,
            copies: vec![],
            patience: jiff::SignedDuration::from_hours(8),
            series: None,
        }
    }

    #[test]
    fn the_name_tells_label_instance_and_slot() {
        insta::assert_snapshot!(image_name(&request(), Some("web-1"), 1), @"backup-ami_web-1_i-0123456789abcdef0_20261123T020000Z_04f1f86d");
        insta::assert_snapshot!(image_name(&request(), None, 2), @"backup-ami_i-0123456789abcdef0_20261123T020000Z_04f1f86d.2");
    }

    #[test]
    fn names_of_any_script_become_labels() {
        assert_eq!(label("db, prod"), "db-prod");
        assert_eq!(label("bücher\n\"'\\-日本"), "b-cher");
        assert_eq!(label("日本語"), "");
        assert_eq!(label(" web_1.(a)/b-"), "web_1.(a)/b");
        assert_eq!(label(&"x".repeat(61)), "x".repeat(60));
    }

    #[test]
    fn what_was_asked_tells_two_backups_of_one_second_apart() {
        let copied = ImageRequest {
            copies: vec![CopyRequest { destination: "eu-west-1".parse().unwrap(), encryption: Encryption::AsSource, completion: None }],
            ..request()
        };
        let expiring = ImageRequest { expire: Some(Expiry::at("2026-12-01T00:00:00Z".parse().unwrap())), ..request() };
        let in_an_hour = ImageRequest {
            copies: copied.copies.iter().map(|copy| CopyRequest { completion: "60".parse().ok(), ..copy.clone() }).collect(),
            ..request()
        };
        let rebooted = ImageRequest { reboot: true, ..request() };
        let names: std::collections::BTreeSet<String> =
            [request(), copied, in_an_hour, expiring, rebooted].iter().map(|r| image_name(r, Some("web"), 1)).collect();
        assert_eq!(names.len(), 5);
    }

    #[test]
    fn the_order_in_which_copies_are_asked_for_is_no_matter() {
        let copy = |destination: &str| CopyRequest {
            destination: destination.parse().unwrap(),
            encryption: Encryption::AsSource,
            completion: None,
        };
        let name = |copies| image_name(&ImageRequest { copies, ..request() }, Some("web"), 1);
        assert_eq!(name(vec![copy("eu-west-1"), copy("ap-south-1")]), name(vec![copy("ap-south-1"), copy("eu-west-1")]));
    }

    #[test]
    fn a_token_is_of_every_parameter() {
        let tags = Tags::new([("a".to_owned(), "b".to_owned())]);
        let completion = "60".parse().ok();
        let token = copy_token(&["x", "yz"], &Encryption::AsSource, None, &tags);
        assert_eq!(token.len(), 64);
        assert_ne!(token, copy_token(&["xy", "z"], &Encryption::AsSource, None, &tags));
        assert_ne!(token, copy_token(&["x", "yz"], &Encryption::DefaultKey, None, &tags));
        let in_an_hour = copy_token(&["x", "yz"], &Encryption::AsSource, completion, &tags);
        assert_ne!(token, in_an_hour);
        assert_ne!(in_an_hour, copy_token(&["x", "yz"], &Encryption::AsSource, "75".parse().ok(), &tags));
        for (key, value) in [("a", "c"), ("c", "b")] {
            let others = Tags::new([(key.to_owned(), value.to_owned())]);
            assert_ne!(token, copy_token(&["x", "yz"], &Encryption::AsSource, None, &others));
        }
        assert_ne!(token, copy_token(&["x", "yz"], &Encryption::AsSource, None, &Tags::default()));
    }

    proptest! {
        #[test]
        fn every_name_is_one_ec2_takes(name in ".*", attempt in 1_u32..100) {
            let image = image_name(&request(), Some(&name), attempt);
            let copy = copy_name(&image, attempt);
            for name in [image, copy] {
                prop_assert!((3..=128).contains(&name.len()));
                prop_assert!(name.starts_with("backup-ami"));
                prop_assert!(name.contains("i-0123456789abcdef0"));
                prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"()./_-".contains(&b)));
            }
        }
    }
}
