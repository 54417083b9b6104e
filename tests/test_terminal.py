"""What is shown, and asked for, while somebody watches a terminal, and only then."""

import os
import pty
import subprocess
import threading

from clients import environment

DB = "i-0db1db1db1db10001"


def image(binary, home, stderr, **variables):
    command = [binary, "image-instance", "-i", DB, "-r", "us-east-1", "-vv", "--sandbox=world.json"]
    ran = subprocess.run(command, env=environment(home) | variables, cwd=home, stdout=subprocess.PIPE, stderr=stderr, timeout=120)
    assert ran.returncode == 0, ran
    return ran


def test_whoever_watches_sees_how_many_gib_are_done(binary, tmp_path):
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
    image(binary, tmp_path, terminal, TERM="xterm")
    os.close(terminal)
    watcher.join(60)
    assert b" of 608 GiB" in shown and b"DescribeSnapshots" in shown, shown.decode(errors="replace")


def test_where_nobody_watches_nothing_more_is_asked(binary, tmp_path):
    said = image(binary, tmp_path, subprocess.PIPE).stderr
    assert b"DescribeImages" in said and b"DescribeSnapshots" not in said, said.decode()
