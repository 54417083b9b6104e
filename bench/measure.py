"""Measures ami-backup and its peers on a sandbox on loopback, and prints the tables. What it is at, it says on stderr.

Tools are run in turn, each run on a new server, and after each run it is looked at what is left. Requests are counted in runs
of their own, for who counts is in the way.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import table
from botocore.config import Config
from server import counting, serving
from tools import CREATES, LOOKS, OURS, PURGES, ROOT, VERSIONS, Tool, binary
from world import ELSEWHERE, INSTANCE, REGION, Account

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
    server_cpu: float = 0


def main():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer sizes, three runs each: two minutes instead of a quarter of an hour")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(PARTS)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    print(table.machine(commit(), subprocess.check_output([binary(), "--version"], text=True).strip()))
    for name in arguments.parts or PARTS:
        PARTS[name](arguments.quick)
    print(table.noise())


def requests(quick: bool):
    rows = []
    for n in (20, 60) if quick else (20, 60, 200):
        account = Account(n)
        for tool in PURGES:
            say(f"counting the requests of {tool.name}, N = {n}")
            counted = count(tool, account)
            rows.append((n, tool.name, counted, account.least_requests() if tool.name == OURS else None))
    print(table.requests(rows))
    rows = []
    for volumes in (1, 3, 12):
        for tool in CREATES:
            say(f"counting the requests of {tool.name}, {volumes} volumes")
            counted = count(tool, None, world_of_an_instance(volumes), "--speed", "3600")
            rows.append((volumes, tool.name, counted))
    print(table.requests_of_a_backup(rows))


def purge(quick: bool):
    settings = [(60, 50, False)] if quick else [(60, 0, False), (60, 50, False), (200, 0, False), (200, 50, False), (200, 50, True)]
    for n, delay, limited in settings:
        account = Account(n)
        # The slow ones are minutes of sequential calls.
        runs = 1 if limited else 3 if quick or (n, delay) == (200, 50) else 5
        options = {"delay_ms": delay, "limits": EC2_S_LIMITS if limited else ""}
        samples = in_turn(PURGES, runs, lambda tool: timed(tool, account, **options), f"purge of {n}, {delay} ms{', limited' * limited}")
        print(table.comparison(f"Purge, N = {n}, {delay} ms{', EC2’s limits' if limited else ''}", samples))


def create(quick: bool):
    world = world_of_an_instance(2)
    for delay in (0, 50):
        samples = in_turn(CREATES, 3 if quick else 5, lambda tool: timed(tool, None, world, *AT_ONCE, delay_ms=delay), f"backup, {delay} ms")
        print(table.comparison(f"Backup with a copy, made at once, {delay} ms", samples))
    if not quick:
        say("backup, as long as EC2 takes: minutes")
        # They do nothing but wait, so they may do it together.
        with ThreadPoolExecutor() as together:
            samples = together.map(lambda tool: timed(tool, None, world), CREATES)
            samples = {tool.name: [sample] for tool, sample in zip(CREATES, samples)}
        print(table.comparison("Backup with a copy, made in EC2’s time", samples))


def startup(quick: bool):
    runs = 5 if quick else 21
    nothing = Account(0)
    print(table.comparison("`--version`", in_turn(VERSIONS, runs, lambda tool: metred(tool, nothing, ""), "--version")))
    with serving(binary(), "") as server:
        samples = in_turn(LOOKS, runs, lambda tool: metred(tool, nothing, server.url), "a look at an empty account")
    print(table.comparison("A look at an empty account", samples))


PARTS = {"requests": requests, "purge": purge, "create": create, "startup": startup}


def in_turn(tools: list[Tool], runs: int, run, what: str) -> dict[str, list[Sample]]:
    samples = {tool.name: [] for tool in tools}
    for number in range(runs):
        for tool in tools:
            say(f"{what}: {tool.name}, run {number + 1} of {runs}")
            samples[tool.name].append(run(tool))
    return samples


def timed(tool: Tool, account: Account | None, world: str = "", *options: str, delay_ms: int = 0, limits: str = "") -> Sample:
    with serving(binary(), limits + (account.world() if account else world), *options, delay_ms=delay_ms) as server:
        sample = metred(tool, account, server.url)
        check(tool, account, server.url)
    return Sample(sample.wall, sample.cpu, sample.peak, server.cpu)


def count(tool: Tool, account: Account | None, world: str = "", *options: str) -> Counter:
    with serving(binary(), account.world() if account else world, *options) as server, counting(server.url) as (url, counted):
        metred(tool, account, url)
        check(tool, account, server.url)
    return counted


def metred(tool: Tool, account: Account | None, url: str) -> Sample:
    """Runs it, and expects it to succeed."""
    with tempfile.TemporaryDirectory() as home:
        output = Path(home) / "output"
        command = [sys.executable, "-I", "-S", ROOT / "bench/metre.py", output, *tool.command(account, Path(home))]
        ran = subprocess.run(command, env=environment(home, url), input="y\n", stdout=subprocess.PIPE, text=True, check=True)
        took = json.loads(ran.stdout)
        if (status := took.pop("status")) != 0:
            sys.exit(f"{tool.name} exits {status}:\n{output.read_text()}")
        return Sample(**took)


def check(tool: Tool, account: Account | None, url: str):
    """After a purge exactly what should be left is; after a backup there are an image and its copy, both available."""
    here, there = left(url, REGION), left(url, ELSEWHERE)
    if account is None:
        states = [[image["State"] for image in images] for images, _ in (here, there)]
        if states != [["available"], ["available"]]:
            sys.exit(f"{tool.name} left {states}")
        return
    expected = account.left() - (set() if tool.knows_expiry else account.living_orphan_snapshots())
    found = {image["ImageId"] for image in here[0]} | {snapshot["SnapshotId"] for snapshot in here[1]}
    if found != expected:
        sys.exit(f"{tool.name} left {sorted(found - expected)}, and took {sorted(expected - found)}")
    if len(there[0]) != len(account.copied):
        sys.exit(f"{tool.name} left {len(there[0])} copies of {len(account.copied)}")


def left(url: str, region: str) -> tuple[list, list]:
    ec2 = boto3.client(
        "ec2",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"mode": "standard", "max_attempts": 10}),
    )
    images = ec2.get_paginator("describe_images").paginate(Owners=["self"]).build_full_result()["Images"]
    return images, ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"]).build_full_result()["Snapshots"]


def world_of_an_instance(volumes: int) -> str:
    return f'[[instance]]\nregion = "{REGION}"\nid = "{INSTANCE}"\nname = "web-1"\nvolumes = {[8 + 12 * disk for disk in range(volumes)]}\n'


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
