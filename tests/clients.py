"""The clients that share no code with us, the stock AWS CLI and boto3, and a record of what they were answered."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from model import check_answer

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
REGION = "us-east-1"
AWS_CLI, BOTO3 = "AWS CLI", "boto3"

# What to run where nothing else is known: every region of every sandbox has it.
UBIQUITOUS_IMAGE = "ami-12345678"
# A second volume.
DATA_DISK = [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 20}}]
# How often boto3's waiters ask.
EVERY_SECOND = {"Delay": 1, "MaxAttempts": 60}

# Nothing of the host's AWS configuration reaches a test.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "an example"}
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ.update(CREDENTIALS, AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, NO_PROXY="127.0.0.1")


def environment(home: Path) -> dict:
    """All that a program under test sees of the host."""
    return CREDENTIALS | {
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "NO_PROXY": "127.0.0.1",
        "PATH": f"{TOOLS}:/usr/local/bin:/usr/bin:/bin",
        "TZ": "UTC",
    }


class Ledger:
    """What each client asked of the sandbox, action by action, and what it made of the answers."""

    def __init__(self):
        self.answers = defaultdict(int)
        self.refusals = defaultdict(set)

    def answered(self, client: str, action: str):
        self.answers[action, client] += 1

    def refused(self, client: str, action: str, code: str):
        self.refusals[action, client].add(code)

    def count(self, action: str, client: str) -> str:
        return f"{self.answers[action, client]} + {len(self.refusals[action, client])}"


@dataclass
class Endpoint:
    """A server that speaks EC2's protocol, and the clients that talk to it."""

    url: str
    home: Path
    ledger: Ledger = field(default_factory=Ledger)
    # Whether every answer must be one that EC2's API model allows. Of others' servers we do not ask it.
    modelled: bool = False

    def boto3(self, service: str = "ec2", region: str = REGION, **credentials: str):
        """A boto3 client, with others' credentials than everybody's if they are given."""
        client = _session().client(service, region_name=region, endpoint_url=self.url, **credentials)
        client.meta.events.register("after-call", self._note_boto3)
        if self.modelled:
            client.meta.events.register("before-parse", check_answer)
        return client

    def aws(self, *command: str, region: str = REGION, **variables: str):
        """What `aws COMMAND` prints, parsed. A refusal is raised as boto3 raises it."""
        ran = subprocess.run(
            [TOOLS / "aws", "--endpoint-url", self.url, "--region", region, "--output", "json", *command],
            env=environment(self.home) | variables,
            text=True,
            capture_output=True,
            timeout=300,
        )
        refusal = re.search(r"An error occurred \((.+?)\) when calling the (\w+) operation.*?: (.*)", ran.stderr, re.DOTALL)
        if refusal:
            code, action, message = refusal.groups()
            self.ledger.refused(AWS_CLI, action, code)
            raise ClientError({"Error": {"Code": code, "Message": message.strip()}}, action)
        assert ran.returncode == 0, f"aws {' '.join(command)}: {ran.stderr}"
        self.ledger.answered(AWS_CLI, _action_of(*command[:3]))
        return json.loads(ran.stdout) if ran.stdout.strip() else None

    def _note_boto3(self, http_response, parsed, model, **_):
        if http_response.status_code < 300:
            self.ledger.answered(BOTO3, model.name)
        else:
            self.ledger.refused(BOTO3, model.name, parsed["Error"]["Code"])


@cache
def _session() -> boto3.Session:
    """One session, so that EC2's model is read once."""
    return boto3.Session()


def _action_of(service: str, verb: str, object: str = "") -> str:
    """The API's name of what `aws ec2 describe-images` or `aws ec2 wait image-available` calls."""
    client = _session().client(service, region_name=REGION)
    if verb == "wait":
        return client.get_waiter(object.replace("-", "_")).config.operation
    return next(action for action in client.meta.service_model.operation_names if xform_name(action, "-") == verb)


@contextmanager
def refused(code: str, message: str = ""):
    """The call inside is refused with this code, and with a text that holds `message`."""
    with pytest.raises(ClientError) as raised:
        yield
    error = raised.value.response["Error"]
    assert (error["Code"], message in error["Message"]) == (code, True), error


def tags_of(described: dict) -> dict:
    """The tags of something described, as a dictionary."""
    return {tag["Key"]: tag["Value"] for tag in described.get("Tags", [])}


def tag_list(tags: dict) -> list:
    """Tags as the API writes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tagged(*resource_types: str, **tags) -> list:
    """The tags that a creating call asks for."""
    return [{"ResourceType": resource_type, "Tags": tag_list(tags)} for resource_type in resource_types]


def snapshots_of(image: dict) -> list:
    """The snapshots a described image is made of."""
    return [mapping["Ebs"]["SnapshotId"] for mapping in image["BlockDeviceMappings"] if "Ebs" in mapping]
