//! The names the seed's scripts had: a crontab written for them calls this binary by a link and runs unchanged.

use std::ffi::OsString;
use std::path::Path;

/// The names under which the binary can be called, and the subcommand each stands for.
pub const LINKS: [(&str, &str); 4] = [
    ("image-instance", "image-instance"),
    ("image-instance.sh", "image-instance"),
    ("purge-expired-amis", "purge-expired-amis"),
    ("purge-expired-amis.sh", "purge-expired-amis"),
];

/// Puts the subcommand in that the name of the call stands for.
pub fn subcommand_of(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let called = args.first().map(Path::new).and_then(Path::file_name).map(OsString::from);
    if let Some((_, subcommand)) = LINKS.iter().find(|(link, _)| called.as_deref() == Some(link.as_ref())) {
        args.insert(1, (*subcommand).into());
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(args: &[&str]) -> Vec<String> {
        subcommand_of(args.iter().map(OsString::from)).into_iter().map(|arg| arg.into_string().unwrap()).collect()
    }

    #[test]
    fn a_link_of_the_scripts_name_is_the_subcommand() {
        assert_eq!(
            called(&["/usr/bin/image-instance.sh", "-e", "+1 week"]),
            ["/usr/bin/image-instance.sh", "image-instance", "-e", "+1 week"]
        );
        assert_eq!(called(&["purge-expired-amis"]), ["purge-expired-amis", "purge-expired-amis"]);
        assert_eq!(called(&["/usr/bin/ami-backup", "resume"]), ["/usr/bin/ami-backup", "resume"]);
        assert!(called(&[]).is_empty());
    }
}
