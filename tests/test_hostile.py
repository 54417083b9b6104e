"""Endpoints that mean ill, and a terminal that is none the worse for it."""

import gzip
import itertools
import os
import pty
import select
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from clients import environment

# As many as AWS has.
REGIONS = 35
SET = {"DescribeSnapshots": "snapshotSet", "DescribeImages": "imagesSet"}
# What a terminal would take for orders, or not show.
ORDERS = ["\x1b]0;title\x07", "\x1b[2J", "\x9b31m", "\u202e", "\u2066", "\u200b", "\U000e0041"]


# Runs a program from a process of no size of its own, and writes its exit status and the kilobytes it used at most.
MEASURED = """
import resource, subprocess, sys
with open(sys.argv[1], "w") as report:
    status = subprocess.run(sys.argv[2:], stdout=report, stderr=report).returncode
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@contextmanager
def endpoint(answer, regions=REGIONS):
    """An endpoint on loopback that answers with what `answer` makes of the parameters: pieces of a body, and headers."""
    names = "".join(f"<item><regionName>eu-west-{number}</regionName></item>" for number in range(1, regions + 1))
    enabled = f"<DescribeRegionsResponse><regionInfo>{names}</regionInfo></DescribeRegionsResponse>".encode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            parameters = {name: values[0] for name, values in parse_qs(self.rfile.read(int(self.headers["content-length"])).decode()).items()}
            pieces, headers = ([enabled], {}) if parameters["Action"] == "DescribeRegions" else answer(parameters)
            try:
                self.send_response(200)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                for piece in pieces:
                    self.wfile.write(piece)
            except OSError:
                pass  # Whoever asked has heard enough.

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def purge(binary, tmp_path):
    """Purges all regions of an endpoint: the exit status, the report, the seconds it took and the megabytes it used."""

    def purge(url: str):
        report = tmp_path / "report"
        begun = time.monotonic()
        command = [sys.executable, "-c", MEASURED, report, binary, "purge-expired-amis"]
        ran = subprocess.run(command, env=environment(tmp_path) | {"AWS_ENDPOINT_URL": url}, text=True, capture_output=True, timeout=300, check=True)
        status, kilobytes = map(int, ran.stdout.split())
        return status, report.read_text(), time.monotonic() - begun, kilobytes / 1024

    return purge


def test_answers_without_end_from_every_region_at_once(purge):
    with endpoint(lambda _: (itertools.repeat(b" " * 65536), {})) as url:
        status, report, seconds, megabytes = purge(url)
    assert (status, "longer than 64 MiB" in report or "no answer in time" in report) == (1, True), report
    assert seconds < 60 and megabytes < 600, (seconds, megabytes)


def test_the_most_that_a_page_may_hold_from_every_region_at_once(purge):
    # As little text as possible for as much to keep as possible: 60 MB of images and of snapshots without anything.
    items = b"<item/>" * 1000

    def page(parameters):
        action = parameters["Action"]
        begin, end = (text.encode() for text in (f"<{action}Response><{SET[action]}>", f"</{SET[action]}></{action}Response>"))
        return itertools.chain([begin], itertools.repeat(items, 9000), [end]), {}

    with endpoint(page) as url:
        status, report, seconds, megabytes = purge(url)
    assert (status, "could not be read" in report) == (1, True), report
    assert seconds < 120 and megabytes < 600, (seconds, megabytes)


def test_an_answer_that_would_unpack_to_a_hundred_times_its_size(purge):
    bomb = gzip.compress(b" " * 100_000_000)
    with endpoint(lambda _: ([bomb], {"content-encoding": "gzip", "content-length": str(len(bomb))})) as url:
        status, report, seconds, megabytes = purge(url)
    assert (status, "not in UTF-8" in report) == (1, True), report
    assert seconds < 60 and megabytes < 200, (seconds, megabytes)


def test_empty_pages_each_with_another(purge):
    count = itertools.count()

    def page(parameters):
        name = f"{parameters['Action']}Response"
        return [f"<{name}><{SET[parameters['Action']]}/><nextToken>{next(count)}</nextToken></{name}>".encode()], {}

    with endpoint(page, regions=2) as url:
        status, report, _, megabytes = purge(url)
    assert (status, "the listing does not end" in report) == (1, True), report
    assert next(count) <= 2 * 1001 and megabytes < 200, megabytes


def on_a_terminal(command: list, variables: dict) -> str:
    """What a terminal of 80 columns is sent."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, env=variables | {"TERM": "xterm", "COLUMNS": "80"}, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        shown = b""
        # It stays open on this side until all is read: what a terminal holds that nobody writes to any more may be lost.
        while True:
            has_ended = process.poll() is not None
            if select.select([ours], [], [], 0.2)[0]:
                shown += os.read(ours, 65536)
            elif has_ended:
                break
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0, shown
    return shown.decode()


@pytest.mark.parametrize("talk", [[], ["-v"], ["-vv"], ["-vvv"]])
def test_a_terminal_takes_no_orders_from_tags(binary, sandbox, launch, tmp_path, talk):
    name = f"web{''.join(ORDERS)}-1"
    instance = launch(name)
    variables = environment(tmp_path) | {"AWS_ENDPOINT_URL": sandbox.url, "AWS_REGION": "us-east-1"}
    made = on_a_terminal([binary, "image-instance", "-i", instance, "-e", "+2 seconds", *talk], variables)
    assert "available" in made
    purged = [on_a_terminal([binary, "purge-expired-amis", "-r", "us-east-1", *dry, *talk], variables) for dry in (["--dry-run"], [])]
    time.sleep(2)
    for shown in [made, *purged]:
        assert instance in shown or "web" in shown, shown
        assert [order for order in ORDERS if order in shown] == []
