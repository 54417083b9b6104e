//! `install`: this binary, links of the scripts' names, the manual page, and a schedule. Scripts are overwritten, schedules never.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::args::Install;
use crate::commands::man;
use crate::doors::LINKS;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;

const CRON: &str = include_str!("../../../../packaging/cron/amicron");
const UNITS: [(&str, &str); 9] = [
    ("ami-backup-image.service", include_str!("../../../../packaging/systemd/ami-backup-image.service")),
    ("ami-backup-image.timer", include_str!("../../../../packaging/systemd/ami-backup-image.timer")),
    ("ami-backup-purge.service", include_str!("../../../../packaging/systemd/ami-backup-purge.service")),
    ("ami-backup-purge.timer", include_str!("../../../../packaging/systemd/ami-backup-purge.timer")),
    ("ami-backup-resume.service", include_str!("../../../../packaging/systemd/ami-backup-resume.service")),
    ("ami-backup-resume.timer", include_str!("../../../../packaging/systemd/ami-backup-resume.timer")),
    ("ami-backup-run.service", include_str!("../../../../packaging/systemd/ami-backup-run.service")),
    ("ami-backup-run.timer", include_str!("../../../../packaging/systemd/ami-backup-run.timer")),
    ("ami-backup-.service.d/common.conf", include_str!("../../../../packaging/systemd/ami-backup-.service.d/common.conf")),
];

/// Installs.
pub fn run(args: &Install) -> Result<ExitCode, Failure> {
    if !args.prefix.is_absolute() {
        return Err(Failure::usage(format!("--prefix {}: it must be absolute, such as /usr", args.prefix.display())));
    }
    let bin = args.prefix.join("bin");
    let binary = bin.join("ami-backup");
    if (args.cron || args.systemd) && !binary.as_os_str().as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"/._+-".contains(b)) {
        return Err(Failure::usage(format!(
            "--prefix {}: a schedule can only name a plain path, such as /usr/local",
            args.prefix.display()
        )));
    }
    install_binary(&below(&args.root, &binary))?;
    for (link, _) in LINKS {
        install_link(&below(&args.root, &bin.join(link)))?;
    }
    install_page(&below(&args.root, &args.prefix.join("share/man/man1/ami-backup.1")))?;
    if args.cron {
        let text = CRON.replace("/usr/bin/ami-backup", &binary.to_string_lossy());
        install_unless_there(&below(&args.root, Path::new("/etc/cron.d/amicron")), &text, 0o600)?;
        output::say("edit /etc/cron.d/amicron and take the # away from the lines you want");
    }
    if args.systemd {
        for (name, unit) in UNITS {
            let text = unit.replace("/usr/bin/ami-backup", &binary.to_string_lossy());
            install_unless_there(&below(&args.root, &Path::new("/etc/systemd/system").join(name)), &text, 0o644)?;
        }
        output::say(
            "then: systemctl daemon-reload && systemctl enable --now ami-backup-image.timer ami-backup-purge.timer ami-backup-resume.timer; \
             with a policy in /etc/ami-backup.toml: ami-backup-run.timer alone",
        );
    }
    Ok(ExitCode::Done)
}

/// A path of the installed system, below the directory that stands for its root.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn install_binary(to: &Path) -> Result<(), Failure> {
    let from = std::env::current_exe().map_err(|error| Failure::nothing_achieved(format!("this binary cannot be found: {error}")))?;
    if to.canonicalize().is_ok_and(|there| Some(there) == from.canonicalize().ok()) {
        output::print(&format!("{} is this binary\n", to.display()));
        return Ok(());
    }
    // Beside its place and then into it, so that a running one is not written over and no half is ever called.
    let staged = to.with_extension("new");
    make_directory_of(to)?;
    fs::copy(&from, &staged)
        .and_then(|_| fs::set_permissions(&staged, fs::Permissions::from_mode(0o755)))
        .and_then(|()| fs::rename(&staged, to))
        .map_err(|error| problem(to, &error))?;
    output::print(&format!("{}\n", to.display()));
    Ok(())
}

fn install_link(link: &Path) -> Result<(), Failure> {
    match fs::remove_file(link) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(problem(link, &error)),
        _ => {}
    }
    symlink("ami-backup", link).map_err(|error| problem(link, &error))?;
    output::print(&format!("{} -> ami-backup\n", link.display()));
    Ok(())
}

fn install_page(to: &Path) -> Result<(), Failure> {
    make_directory_of(to)?;
    fs::write(to, man::page()?).map_err(|error| problem(to, &error))?;
    output::print(&format!("{}\n", to.display()));
    Ok(())
}

fn install_unless_there(to: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    make_directory_of(to)?;
    match fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(to) {
        Ok(mut file) => {
            file.write_all(text.as_bytes()).map_err(|error| problem(to, &error))?;
            output::print(&format!("{}\n", to.display()));
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            output::print(&format!("{} is there already and stays as it is\n", to.display()));
        }
        Err(error) => return Err(problem(to, &error)),
    }
    Ok(())
}

fn make_directory_of(path: &Path) -> Result<(), Failure> {
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory).map_err(|error| problem(directory, &error))
}

fn problem(path: &Path, error: &std::io::Error) -> Failure {
    Failure::nothing_achieved(format!("{}: {error}", path.display()))
}
