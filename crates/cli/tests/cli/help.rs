//! The help, as somebody reads it at three in the morning.

use insta::assert_snapshot;

use crate::common::Home;

fn help(command: &[&str]) -> String {
    Home::new().ami_backup(&[command, &["--help"]].concat()).run().stdout
}

#[test]
fn of_the_program() {
    assert_snapshot!(help(&[]), @"");
}

#[test]
fn of_image_instance() {
    assert_snapshot!(help(&["image-instance"]), @"");
}

#[test]
fn of_purge_expired_amis() {
    assert_snapshot!(help(&["purge-expired-amis"]), @"");
}

#[test]
fn of_resume() {
    assert_snapshot!(help(&["resume"]), @"");
}

#[test]
fn of_the_sandbox() {
    assert_snapshot!(help(&["sandbox"]), @"");
    assert_snapshot!(help(&["sandbox", "serve"]), @"");
}
