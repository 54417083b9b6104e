"""One region that holds more than most accounts ever do, and what it takes to look at it: one table."""

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from server import serving
from tools import binary

VOLUMES = 3
INSTANCES = 1000
# So many of them have expired.
EXPIRED = 100

POLICY = """[[target]]
name = "nightly"
regions = ["us-east-1"]
select = { tags = ["fleet=bench"] }
every = "1d"
keep-daily = 7
keep-monthly = 12
"""


@dataclass(frozen=True)
class Look:
    """One run: in seconds, MB and lines."""

    first: float
    wall: float
    cpu: float
    peak: float
    lines: int


def world(images: int) -> str:
    """Backups by the scripts' tags, of many instances, with three snapshots each; a hundred of them have expired."""
    lines = ["seed = 7", "[manners]", "images_per_region = 10000000", "snapshots_per_region = 10000000"]
    for number in range(INSTANCES):
        lines.append(
            f'[[instance]]\nregion = "us-east-1"\nid = "i-{number:017x}"\nname = "web-{number}"\nvolumes = [8, 20, 100]\n'
            'tags = { fleet = "bench" }'
        )
    for number in range(images):
        of, age = number % INSTANCES, number // INSTANCES + 1
        day = time.strftime("%Y-%m-%dT02:00:00Z", time.gmtime(time.time() - age * 86_400))
        expire = "2020-01-01T00:00:00Z" if number < EXPIRED else "2099-01-01T00:00:00Z"
        tags = (
            f'{{ Name = "backup-ami@web-{of}", Instance = "i-{of:017x}", Date = "{day}", Creator = "image-instance", '
            f'AvailabilityZone = "us-east-1a", Expire = "{expire}" }}'
        )
        lines.append(
            f'[[image]]\nregion = "us-east-1"\nname = "backup-{number}"\nof = "i-{of:017x}"\ncreated = {day}\n'
            f"tags = {tags}\nsnapshot_tags = {tags}"
        )
    return "\n".join(lines)


def looks(images: int, environment) -> dict[str, Look]:
    """What each way of looking takes."""
    with serving(binary(), world(images)) as server, tempfile.TemporaryDirectory() as home:
        policy = Path(home) / "policy.toml"
        policy.write_text(POLICY)
        commands = {
            "list": ["list", "-r", "us-east-1"],
            "status": ["status", "--policy", policy],
            "purge --dry-run": ["purge-expired-amis", "-r", "us-east-1", "--dry-run"],
            "plan": ["plan", "--policy", policy],
        }
        return {name: look([binary(), *command], environment(home, server.url)) for name, command in commands.items()}


def look(command: list, environment: dict) -> Look:
    began = time.monotonic()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        start = process.stdout.read(1)
        first = time.monotonic() - began
        lines = (start + process.stdout.read()).count(b"\n")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if not lines:
        raise RuntimeError(f"{command} exits {process.returncode} and prints nothing")
    wall = time.monotonic() - began
    return Look(first, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, lines)
