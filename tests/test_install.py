"""install.sh, as an administrator runs it, into a directory that stands for the root."""

import shutil
import subprocess

import pytest
from clients import ROOT, environment


@pytest.fixture
def checkout(binary, tmp_path):
    """A checkout in which the release has been built already."""
    checkout = tmp_path / "checkout"
    (checkout / "target/release").mkdir(parents=True)
    shutil.copy(ROOT / "install.sh", checkout)
    shutil.copy(binary, checkout / "target/release/ami-backup")
    return checkout


def install(checkout, root, *options):
    command = [checkout / "install.sh", *options, "--root", root]
    return subprocess.run(command, cwd="/", env=environment(root), check=True, text=True, capture_output=True).stdout


def test_install_puts_binary_links_and_cron_file_in_place(checkout, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    install(checkout, root, "--cron")
    for name in ["ami-backup", "image-instance", "image-instance.sh", "purge-expired-amis", "purge-expired-amis.sh"]:
        ran = subprocess.run([root / "usr/bin" / name, "-h"], env=environment(root), check=True, text=True, capture_output=True)
        assert "Usage" in ran.stdout
    assert (root / "etc/cron.d/amicron").stat().st_mode & 0o777 == 0o600


def test_scripts_are_overwritten_and_the_cron_file_is_not(checkout, tmp_path):
    root = tmp_path / "root"
    script, cron = root / "usr/bin/image-instance.sh", root / "etc/cron.d/amicron"
    for file in [script, cron]:
        file.parent.mkdir(parents=True)
        file.write_text("#!/bin/sh\necho the old one\n")
    install(checkout, root, "--cron")
    assert script.is_symlink()
    assert cron.read_text() == "#!/bin/sh\necho the old one\n"
