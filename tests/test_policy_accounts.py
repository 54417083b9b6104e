"""A policy for two accounts and three regions, run on a served sandbox; what it has made is looked at with the AWS CLI."""

import json
import subprocess

import pytest
from clients import environment, tags_of

HUB, MEMBER = "123456789012", "210987654321"
EXTERNAL_ID = "b9c1-4f0e"
WORLD = f"""
[[role]]
account = "{MEMBER}"
name = "ami-backup"
trusts = ["{HUB}"]
external_id = "{EXTERNAL_ID}"

[[instance]]
region = "us-east-1"
name = "hub-1"

[[instance]]
region = "us-east-1"
account = "{MEMBER}"
name = "shop-1"

[[instance]]
region = "eu-central-1"
account = "{MEMBER}"
name = "shop-2"
"""
POLICY = f"""
[account.prod]
role-arn = "arn:aws:iam::{MEMBER}:role/ami-backup"
external-id = "{EXTERNAL_ID}"

[[target]]
name = "hourly"
accounts = ["self", "prod"]
select = {{ all = true }}
schedule = "0 * * * *"
keep-last = 2

[[target.copy]]
region = "eu-west-1"
keep-last = 1
"""


@pytest.fixture
def sandbox(start_sandbox, tmp_path):
    world = tmp_path / "world.toml"
    world.write_text(WORLD)
    return start_sandbox("--world", str(world), "--speed", "3600")


@pytest.fixture
def ami_backup(sandbox, binary, tmp_path):
    (tmp_path / "ami-backup.toml").write_text(POLICY)

    def ami_backup(*arguments):
        variables = environment(tmp_path) | {"AWS_ENDPOINT_URL": sandbox.url, "AWS_DEFAULT_REGION": "us-east-1"}
        return subprocess.run([binary, *arguments], cwd=tmp_path, env=variables, text=True, capture_output=True, timeout=300)

    return ami_backup


@pytest.fixture
def images(sandbox):
    """The images of an account in a region, by name of the instance, and whether they are to be copied: as the AWS CLI lists them."""
    role = ("--role-arn", f"arn:aws:iam::{MEMBER}:role/ami-backup", "--role-session-name", "auditor", "--external-id", EXTERNAL_ID)
    session = sandbox.aws("sts", "assume-role", *role)["Credentials"]
    member = {"AWS_ACCESS_KEY_ID": session["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"], "AWS_SESSION_TOKEN": session["SessionToken"]}

    def images(account: str, region: str) -> list:
        listed = sandbox.aws("ec2", "describe-images", "--owners", "self", region=region, **(member if account == MEMBER else {}))["Images"]
        for image in listed:
            assert (image["OwnerId"], image["State"]) == (account, "available")
            assert tags_of(image)["ami-backup:series"] == "hourly" and "Expire" not in tags_of(image)
        return sorted((tags_of(image)["Name"].removeprefix("backup-ami@"), "ami-backup:copy-to:eu-west-1" in tags_of(image)) for image in listed)

    return images


def test_two_accounts_and_three_regions(ami_backup, images):
    ran = ami_backup("run")
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "made 3, copied 3, purged 0, kept 6"), ran
    assert images(HUB, "us-east-1") == [("hub-1", True)]
    assert images(HUB, "eu-west-1") == [("hub-1", False)]
    assert images(HUB, "eu-central-1") == []
    assert images(MEMBER, "us-east-1") == [("shop-1", True)]
    assert images(MEMBER, "eu-central-1") == [("shop-2", True)]
    assert images(MEMBER, "eu-west-1") == [("shop-1", False), ("shop-2", False)]
    again = ami_backup("run", "--json")
    report = json.loads(again.stdout)
    assert again.returncode == 0 and [account["account"] for account in report["accounts"]] == ["self", "prod"]
    assert all(instance["standing"] == "done" for account in report["accounts"] for instance in account["instances"])
    status = ami_backup("status", "--nagios")
    assert (status.returncode, status.stdout.split(" - ")[0]) == (0, "AMI-BACKUP OK")
