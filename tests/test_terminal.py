"""What is shown, and asked for, while somebody watches a terminal, and only then."""

import os
import pty
import subprocess
import threading

from clients import environment

import pytest

DB = "i-0db1db1db1db10001"
IMAGES = 2001
POLICY = """
[[target]]
name = "all"
regions = ["us-east-1"]
select = { all = true }
every = "1d"
keep-last = 3
"""


def run(binary, home, *arguments, stderr=subprocess.PIPE, **variables):
    command = [binary, *arguments, "--sandbox=world.json"]
    ran = subprocess.run(command, env=environment(home) | variables, cwd=home, stdout=subprocess.PIPE, stderr=stderr, timeout=120)
    assert ran.returncode == 0, ran
    return ran


def watched(binary, home, *arguments):
    """What stdout holds, and what a terminal shows of stderr."""
    watched, terminal = pty.openpty()
    shown = bytearray()

    def watch():
        while True:
            try:
                shown.extend(os.read(watched, 65536))
            except OSError:
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        ran = run(binary, home, *arguments, stderr=terminal, TERM="xterm")
    finally:
        os.close(terminal)
        watcher.join(60)
    return ran.stdout, shown.decode(errors="replace")


def image(run, binary, home):
    return run(binary, home, "image-instance", "-i", DB, "-r", "us-east-1", "-vv")


def test_whoever_watches_sees_how_many_gib_are_done(binary, tmp_path):
    _, shown = image(watched, binary, tmp_path)
    assert " of 608 GiB" in shown and "DescribeSnapshots" in shown, shown


def test_where_nobody_watches_nothing_more_is_asked(binary, tmp_path):
    said = image(run, binary, tmp_path).stderr
    assert b"DescribeImages" in said and b"DescribeSnapshots" not in said, said.decode()


@pytest.fixture(scope="module")
def crowded(binary, tmp_path_factory):
    """Where there is a world of several pages, and a policy."""
    home = tmp_path_factory.mktemp("crowded")
    backup = """
[[image]]
region = "us-east-1"
name = "backup-{number}"
id = "ami-{number:017x}"
created = 2026-01-01T00:00:00Z
tags = {{ Creator = "image-instance", Instance = "i-00000000000000001", Date = "2026-01-01T00:00:00Z", Expire = "2099-01-01T00:00:00Z" }}
"""
    (home / "written.toml").write_text("".join(backup.format(number=number) for number in range(IMAGES)))
    (home / "policy.toml").write_text(POLICY)
    run(binary, home, "sandbox", "reset", "--world", "written.toml")
    return home


@pytest.mark.parametrize(
    ("command", "things"),
    [
        (["list", "-r", "us-east-1"], "images"),
        (["status", "--policy", "policy.toml"], "images"),
        (["show", f"ami-{7:017x}", "-r", "us-east-1"], "snapshots"),
        (["plan", "--policy", "policy.toml"], "snapshots"),
        (["purge-expired-amis", "-r", "us-east-1", "--dry-run"], "snapshots"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_whoever_watches_sees_how_much_is_read(binary, crowded, command, things):
    stdout, shown = watched(binary, crowded, *command)
    assert f"reading us-east-1: 1,000 {things}" in shown and f"reading us-east-1: 2,000 {things}" in shown, shown
    assert shown.endswith("\r\x1b[2K"), "it is taken away again"
    unwatched = run(binary, crowded, *command)
    assert b"reading" not in unwatched.stderr and unwatched.stdout == stdout, unwatched
