//! `install`: the program, its links and a schedule, below a directory that stands for the root.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use insta::assert_snapshot;

use crate::common::{Home, Ran, WEB};

const LINKS: [&str; 4] = ["image-instance", "image-instance.sh", "purge-expired-amis", "purge-expired-amis.sh"];

#[track_caller]
fn install(home: &Home, arguments: &[&str]) -> Ran {
    let root = home.path("root");
    let ran = home.ami_backup(&[&["install", "--root", root.to_str().unwrap()], arguments].concat()).run();
    assert_eq!(ran.code, 0, "{ran}");
    ran
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn with_a_crontab() {
    let home = Home::new();
    assert_snapshot!(install(&home, &["--prefix", "/usr", "--cron"]), @"
    ! edit /etc/cron.d/amicron and take the # away from the lines you want
    ~/root/usr/bin/ami-backup
    ~/root/usr/bin/image-instance -> ami-backup
    ~/root/usr/bin/image-instance.sh -> ami-backup
    ~/root/usr/bin/purge-expired-amis -> ami-backup
    ~/root/usr/bin/purge-expired-amis.sh -> ami-backup
    ~/root/usr/share/man/man1/ami-backup.1
    ~/root/etc/cron.d/amicron
    exit code 0
    ");
    let crontab = home.path("root/etc/cron.d/amicron");
    assert_eq!(crontab.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    for link in LINKS {
        let installed = home.path("root/usr/bin").join(link);
        assert_eq!(installed.read_link().unwrap(), Path::new("ami-backup"));
        assert_eq!(home.program(&installed, &["-h"]).run().code, 0);
    }
    let image_instance = home.path("root/usr/bin/image-instance.sh");
    assert_eq!(home.program(&image_instance, &["--sandbox", "-i", WEB, "-r", "us-east-1", "-e", "+1 month"]).run().code, 0);

    // The second time scripts are overwritten and schedules stay.
    std::fs::write(&crontab, "# mine\n").unwrap();
    std::fs::remove_file(&image_instance).unwrap();
    std::fs::write(&image_instance, "#!/bin/bash\necho the old one\n").unwrap();
    assert_snapshot!(install(&home, &["--prefix", "/usr", "--cron"]), @"
    ! edit /etc/cron.d/amicron and take the # away from the lines you want
    ~/root/usr/bin/ami-backup
    ~/root/usr/bin/image-instance -> ami-backup
    ~/root/usr/bin/image-instance.sh -> ami-backup
    ~/root/usr/bin/purge-expired-amis -> ami-backup
    ~/root/usr/bin/purge-expired-amis.sh -> ami-backup
    ~/root/usr/share/man/man1/ami-backup.1
    ~/root/etc/cron.d/amicron is there already and stays as it is
    exit code 0
    ");
    assert_eq!(read(&crontab), "# mine\n");
    assert_eq!(home.program(&image_instance, &["-h"]).run().code, 0);
}

#[test]
fn with_systemd_units_and_another_prefix() {
    let home = Home::new();
    assert_snapshot!(install(&home, &["--prefix", "/usr/local", "--systemd"]), @r"
    ! then: systemctl daemon-reload && systemctl enable --now ami-backup-image.timer ami-backup-purge.timer ami-backup-resume.timer; with a policy in /etc/ami-backup.toml: ami-backup-run.timer alone
    ~/root/usr/local/bin/ami-backup
    ~/root/usr/local/bin/image-instance -> ami-backup
    ~/root/usr/local/bin/image-instance.sh -> ami-backup
    ~/root/usr/local/bin/purge-expired-amis -> ami-backup
    ~/root/usr/local/bin/purge-expired-amis.sh -> ami-backup
    ~/root/usr/local/share/man/man1/ami-backup.1
    ~/root/etc/systemd/system/ami-backup-image.service
    ~/root/etc/systemd/system/ami-backup-image.timer
    ~/root/etc/systemd/system/ami-backup-purge.service
    ~/root/etc/systemd/system/ami-backup-purge.timer
    ~/root/etc/systemd/system/ami-backup-resume.service
    ~/root/etc/systemd/system/ami-backup-resume.timer
    ~/root/etc/systemd/system/ami-backup-run.service
    ~/root/etc/systemd/system/ami-backup-run.timer
    ~/root/etc/systemd/system/ami-backup-.service.d/common.conf
    exit code 0
    ");
    let units = home.path("root/etc/systemd/system");
    let mut files: Vec<_> = std::fs::read_dir(&units).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.push(units.join("ami-backup-.service.d/common.conf"));
    for file in &files {
        assert!(!read(file).contains("/usr/bin/ami-backup"), "{}", file.display());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    }
    assert!(read(units.join("ami-backup-image.service")).contains("ExecStart=/usr/local/bin/ami-backup image-instance"));
    std::fs::write(units.join("ami-backup-image.timer"), "# mine\n").unwrap();
    install(&home, &["--prefix", "/usr/local", "--systemd"]);
    assert_eq!(read(units.join("ami-backup-image.timer")), "# mine\n");
}

#[test]
fn a_crontab_calls_the_program_where_it_is() {
    let home = Home::new();
    install(&home, &["--prefix", "/opt/ami-backup", "--cron"]);
    let crontab = read(home.path("root/etc/cron.d/amicron"));
    assert!(crontab.contains(" root /opt/ami-backup/bin/ami-backup image-instance"), "{crontab}");
    assert!(!crontab.contains("/usr/bin/"), "{crontab}");
}

#[test]
fn by_the_installed_program_itself() {
    let home = Home::new();
    install(&home, &[]);
    let installed = home.path("root/usr/bin/ami-backup");
    let root = home.path("root");
    assert_snapshot!(home.program(&installed, &["install", "--root", root.to_str().unwrap()]).run(), @"
    ~/root/usr/bin/ami-backup is this binary
    ~/root/usr/bin/image-instance -> ami-backup
    ~/root/usr/bin/image-instance.sh -> ami-backup
    ~/root/usr/bin/purge-expired-amis -> ami-backup
    ~/root/usr/bin/purge-expired-amis.sh -> ami-backup
    ~/root/usr/share/man/man1/ami-backup.1
    exit code 0
    ");
}

#[test]
fn where_nothing_can_be_installed() {
    let home = Home::new();
    home.write("root/usr", "");
    let root = home.path("root");
    let install = |more: &[&str]| home.ami_backup(&[&["install", "--root", root.to_str().unwrap()], more].concat()).run();
    assert_snapshot!(install(&[]), @"
    ! error: ~/root/usr/bin: Not a directory (os error 20)
    exit code 1
    ");
    assert_snapshot!(install(&["--prefix", "usr"]), @"
    ! error: --prefix usr: it must be absolute, such as /usr
    exit code 2
    ");
    assert_snapshot!(install(&["--prefix", "/opt/ami backup", "--cron"]), @"
    ! error: --prefix /opt/ami backup: a schedule can only name a plain path, such as /usr/local
    exit code 2
    ");
    assert_snapshot!(install(&["--cron", "--systemd"]), @"
    ! error: the argument '--cron' cannot be used with '--systemd'
    !
    ! Usage: ami-backup install --root <DIR> --cron
    !
    ! For more information, try '--help'.
    exit code 2
    ");
}
