"""Measures ami-backup and its peers on a sandbox on loopback, and prints the tables. What it is at, it says on stderr.

Tools are run in turn, each run on a new server, and after each run it is looked at what is left. Requests are counted in runs
of their own, for who counts is in the way.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import boto3
import scale
import table
from server import counting, serving
from tools import CREATES, LOOKS, OURS, PURGES, ROOT, VERSIONS, Tool, binary
from world import ELSEWHERE, REGION, Account, world_of_an_instance

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "an example"}
EC2_S_LIMITS = "[manners]\nthrottling = true\n"
# What takes EC2 minutes is done at once, so that nothing but the tools is measured.
AT_ONCE = ("--speed", "1000000")


@dataclass(frozen=True)
class Sample:
    """One run: in seconds, and MB."""

    wall: float
    cpu: float
    peak: float
    status: int = 0
    server_cpu: float = 0
    # How much was to go and is still there.
    left: int = 0


def main():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer sizes, and one run of what is slow: two minutes instead of half an hour")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(PARTS)}")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md, too")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if arguments.write and (arguments.quick or arguments.parts):
        parser.error("--write is for a whole run: what the page says of the machine holds for all of its tables")
    sys.stdout.reconfigure(line_buffering=True)
    floor = metred(Tool("nothing", lambda account, home: ["/bin/true"]), None, "").peak
    measured = {"machine": table.machine(commit(), subprocess.check_output([binary(), "--version"], text=True).strip(), floor)}
    print(measured["machine"])
    for name in arguments.parts or PARTS:
        tables = []
        for text in PARTS[name](arguments.quick):
            print(text)
            tables.append(text)
        measured[name] = "\n".join(tables)
    measured["noise"] = table.noise()
    print(measured["noise"])
    if arguments.write:
        table.write(ROOT / "docs/performance.md", measured)


def requests(quick: bool) -> Iterator[str]:
    rows = []
    for n in (20,) if quick else (20, 60, 200):
        account = Account(n)
        for tool in PURGES:
            say(f"counting the requests of {tool.name}, N = {n}")
            rows.append((n, tool.name, count(tool, account), account.least_requests() if tool.name == OURS else None))
    yield table.requests(rows)
    rows = []
    for volumes in (1, 12):
        for tool in CREATES:
            say(f"counting the requests of {tool.name}, {volumes} volumes")
            rows.append((volumes, tool.name, count(tool, None, world_of_an_instance(volumes), AT_ONCE)))
    yield table.requests_of_a_backup(rows)


def purge(quick: bool) -> Iterator[str]:
    # The slow ones are minutes of calls, one after the other.
    settings = [(60, 50, 1)] if quick else [(20, 50, 5), (60, 0, 5), (60, 50, 5), (200, 0, 3), (200, 50, 3)]
    for n, delay, runs in settings:
        account = Account(n)
        samples = in_turn(PURGES, runs, partial(timed, account=account, delay_ms=delay), f"purge of {n}, {delay} ms")
        yield table.comparison(f"Purge, N = {n}, {delay} ms", samples)
    if not quick:
        account = Account(200)
        samples = together(PURGES, partial(timed, account=account, delay_ms=50, limits=EC2_S_LIMITS), "purge of 200, EC2's limits")
        yield table.comparison("Purge, N = 200, 50 ms, EC2's limits", samples)


def create(quick: bool) -> Iterator[str]:
    world = world_of_an_instance(2)
    for delay in (50,) if quick else (0, 50):
        run = partial(timed, account=None, world=world, options=AT_ONCE, delay_ms=delay)
        samples = in_turn(CREATES, 3 if quick else 5, run, f"backup, {delay} ms")
        yield table.comparison(f"Backup with a copy, made at once, {delay} ms", samples)
    if not quick:
        samples = together(CREATES, partial(timed, account=None, world=world, delay_ms=50), "backup, in EC2's time")
        yield table.comparison("Backup with a copy, made in EC2's time, 50 ms", samples)


def startup(quick: bool) -> Iterator[str]:
    runs = 5 if quick else 21
    samples = in_turn(VERSIONS, runs, partial(metred, account=None, url=""), "--version")
    yield table.comparison("`--version`", samples)
    with serving(binary(), "") as server:
        samples = in_turn(LOOKS, runs, partial(metred, account=None, url=server.url), "a look at an empty account")
    yield table.comparison("A look at an empty account", samples)


def large(quick: bool) -> Iterator[str]:
    rows = []
    for images in (1000, 10_000) if quick else (1000, 10_000, 100_000):
        say(f"looking at {images} images")
        rows += [(images, name, look) for name, look in scale.looks(images, environment).items()]
    yield table.looks(rows)


PARTS = {"requests": requests, "purge": purge, "create": create, "startup": startup, "large": large}


def in_turn(tools: list[Tool], runs: int, run, what: str) -> dict[str, list[Sample]]:
    samples = {tool.name: [] for tool in tools}
    for number in range(runs):
        for tool in tools:
            say(f"{what}: {tool.name}, run {number + 1} of {runs}")
            samples[tool.name].append(run(tool))
    return samples


def together(tools: list[Tool], run, what: str) -> dict[str, list[Sample]]:
    """One run each, at the same time: of what does little but wait for minutes."""
    say(f"{what}: {', '.join(tool.name for tool in tools)}, together")
    with ThreadPoolExecutor() as pool:
        return {tool.name: [sample] for tool, sample in zip(tools, pool.map(run, tools), strict=True)}


def timed(tool: Tool, account: Account | None, world: str = "", options: tuple = (), delay_ms: int = 0, limits: str = "") -> Sample:
    with serving(binary(), limits + (account.world() if account else world), *options, delay_ms=delay_ms) as server:
        sample = metred(tool, account, server.url, may_fail=bool(limits))
        left = check(tool, account, server.url, may_fail=bool(limits))
    return replace(sample, server_cpu=server.cpu, left=left)


def count(tool: Tool, account: Account | None, world: str = "", options: tuple = ()) -> Counter:
    with serving(binary(), account.world() if account else world, *options) as server, counting(server.url) as (url, counted):
        metred(tool, account, url)
        check(tool, account, server.url)
    return counted


def metred(tool: Tool, account: Account | None, url: str, may_fail: bool = False) -> Sample:
    with tempfile.TemporaryDirectory() as home:
        output = Path(home) / "output"
        command = [sys.executable, "-I", "-S", ROOT / "bench/metre.py", output, *tool.command(account, Path(home))]
        ran = subprocess.run(command, env=environment(home, url), input="y\n", stdout=subprocess.PIPE, text=True, check=True)
        sample = Sample(**json.loads(ran.stdout))
        if sample.status != 0 and (tool.name == OURS or not may_fail):
            sys.exit(f"{tool.name} exits {sample.status}:\n{output.read_text()}")
        return sample


def check(tool: Tool, account: Account | None, url: str, may_fail: bool = False) -> int:
    """After a purge exactly what should be left is there; after a backup an image and its copy, both available. How much is
    there that should not be: nothing, unless a peer may fail."""
    here, there = held(url, REGION), held(url, ELSEWHERE)
    if account is None:
        states = [[image["State"] for image in images] for images, _ in (here, there)]
        if states != [["available"], ["available"]]:
            sys.exit(f"{tool.name} left {states}")
        return 0
    expected = account.left() - (set() if tool.knows_expiry else account.living_orphan_snapshots())
    found = {image["ImageId"] for image in here[0]} | {snapshot["SnapshotId"] for snapshot in here[1]}
    left, taken = sorted(found - expected), sorted(expected - found)
    if taken or left and (tool.name == OURS or not may_fail):
        sys.exit(f"{tool.name} left {left}, and took {taken}")
    if len(there[0]) != len(account.copied):
        sys.exit(f"{tool.name} left {len(there[0])} copies of {len(account.copied)}")
    return len(left)


def held(url: str, region: str) -> tuple[list, list]:
    ec2 = boto3.client(
        "ec2",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    images = ec2.get_paginator("describe_images").paginate(Owners=["self"]).build_full_result()["Images"]
    return images, ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"]).build_full_result()["Snapshots"]


def environment(home: str, url: str) -> dict:
    """All that a tool sees of the host."""
    variables = CREDENTIALS | {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": home,
        "LANG": "C.UTF-8",
        "NO_PROXY": "127.0.0.1",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TZ": "UTC",
    }
    return variables | ({"AWS_ENDPOINT_URL": url} if url else {})


def commit() -> str:
    described = ["git", "-C", ROOT, "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.check_output(described, text=True).strip()


def say(what: str):
    print(what, file=sys.stderr)


if __name__ == "__main__":
    main()
