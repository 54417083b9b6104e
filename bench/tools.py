"""The tools that are compared: how each is run, and where it differs from what is asked for."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from world import ELSEWHERE, INSTANCE, REGION, Account

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench/peers"
BIN = Path(sys.executable).parent
AWS_CLI = ROOT / ".venv/bin/aws"
OURS = "ami-backup"


def binary() -> Path:
    """The program that is measured: what cargo built last for release, or what AMI_BACKUP_BIN names."""
    path = Path(os.environ.get("AMI_BACKUP_BIN", ROOT / "target/release/ami-backup")).absolute()
    if not path.exists():
        sys.exit(f"there is no {path}: run `cargo build --release` first")
    return path


@dataclass(frozen=True)
class Tool:
    name: str
    # The command, given the account and a directory of its own.
    command: Callable[[Account, Path], list]
    # Whether orphans that have not expired are left alone.
    knows_expiry: bool = True


PURGES = [
    Tool(OURS, lambda account, home: [binary(), "purge-expired-amis", "-r", REGION]),
    Tool("boto3 script", lambda account, home: [sys.executable, PEERS / "boto3_purge.py"]),
    Tool("boto3 script, fewest calls", lambda account, home: [sys.executable, PEERS / "boto3_purge.py", "--with-snapshots"]),
    Tool(
        "Cloud Custodian",
        lambda account, home: [
            BIN / "custodian", "run", "--region", REGION, "--cache-period", "0", "-s", home / "out", PEERS / "custodian.yml"
        ],
    ),
    Tool(
        "amicleaner",
        lambda account, home: [
            sys.executable, PEERS / "run_amicleaner.py", "--check-orphans", "--force-delete",
            "--mapping-key", "tags", "--mapping-values", "Creator", "--keep-previous", str(len(account.living)),
        ],
        knows_expiry=False,
    ),
]  # fmt: skip

CREATES = [
    Tool(OURS, lambda account, home: [binary(), "image-instance", "-i", INSTANCE, "-e", "+1 week", "-d", ELSEWHERE]),
    Tool("boto3 script", lambda account, home: [sys.executable, PEERS / "boto3_create.py", INSTANCE, REGION, ELSEWHERE]),
]

VERSIONS = [
    Tool(OURS, lambda account, home: [binary(), "--version"]),
    Tool("AWS CLI", lambda account, home: [AWS_CLI, "--version"]),
]

LOOKS = [
    Tool(OURS, lambda account, home: [binary(), "purge-expired-amis", "-r", REGION, "--dry-run"]),
    Tool("AWS CLI", lambda account, home: [AWS_CLI, "ec2", "describe-images", "--owners", "self"]),
]
