//! What the program prints of itself: completions, manual page, schemas, and the permissions it needs.

use std::process::{Command, Stdio};

use engine::call::Call;
use serde_json::Value;

use crate::common::Home;

fn printed(arguments: &[&str]) -> String {
    let ran = Home::new().ami_backup(arguments).run();
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    ran.stdout
}

#[test]
fn completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        assert!(script.contains("purge-expired-amis") && script.contains("keep-last"), "{script}");
    }
    let home = Home::new();
    let script = home.write("completions.bash", &printed(&["completions", "bash"]));
    let bash = Command::new("bash").arg("-n").arg(script).stderr(Stdio::inherit()).status();
    assert!(bash.is_err() || bash.is_ok_and(|status| status.success()));
}

#[test]
fn a_manual_page() {
    let page = printed(&["man"]);
    assert!(page.contains(".TH ami-backup 1"), "{page}");
    for command in ["IMAGE\\-INSTANCE", "PURGE\\-EXPIRED\\-AMIS", "RESUME", "SANDBOX", "INSTALL"] {
        assert!(page.contains(command), "{command} is not in {page}");
    }
    for option in ["\\-\\-expire", "\\-\\-keep\\-last", "\\-\\-max\\-deletes", "\\-\\-no\\-wait", "130"] {
        assert!(page.contains(option), "{option} is not in {page}");
    }
}

#[test]
fn schemas() {
    for document in ["image", "purge", "run", "list", "status", "retag", "retire", "plan", "simulate", "policy-check", "policy-show"] {
        let schema: Value = serde_json::from_str(&printed(&["schema", document])).unwrap();
        jsonschema::validator_for(&schema).unwrap();
        assert!(schema["properties"]["version"].is_object());
    }
}

#[test]
fn the_policy_in_the_repository_is_the_one_that_is_printed() {
    let kept: Value = serde_json::from_str(include_str!("../../../../iam_policy.json")).unwrap();
    let policy = |more: &[&str]| -> Value { serde_json::from_str(&printed(&[&["iam-policy"], more].concat())).unwrap() };
    assert_eq!(policy(&[]), kept);
    assert_eq!(policy(&["--for", "all"]), kept);
    let [create, purge, whole] = ["create", "purge", "policy"].map(|work| policy(&["--for", work]).to_string());
    for call in Call::ALL {
        let action = format!("\"{}\"", call.permission());
        assert!(whole.contains(&action), "{action}");
        let of_policies = matches!(
            call,
            Call::CreateTags
                | Call::DeleteTags
                | Call::DescribeVolumes
                | Call::EnableImageDeprecation
                | Call::EnableImageDeregistrationProtection
        );
        assert!(of_policies || create.contains(&action) || purge.contains(&action), "{action}");
        assert!(of_policies || kept.to_string().contains(&action), "{action}");
    }
    for deletion in [Call::DeregisterImage, Call::DeleteSnapshot] {
        assert!(!create.contains(deletion.name()) && purge.contains(deletion.name()));
    }
    assert!(create.contains("CreateImage") && !purge.contains("CreateImage"));
}
