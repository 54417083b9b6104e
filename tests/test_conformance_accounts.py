"""Two accounts in one sandbox: a hub, and a member with a role that the hub may assume. One script, told to both clients."""

import time
from datetime import UTC, datetime

import pytest
from clients import AWS_CLI, BOTO3, CREDENTIALS, refused, tags_of

HUB, MEMBER = "123456789012", "210987654321"
ROLE = f"arn:aws:iam::{MEMBER}:role/ami-backup"
EXTERNAL_ID = "b9c1-4f0e"
SESSION = f"arn:aws:sts::{MEMBER}:assumed-role/ami-backup/hub"
WORLD = f"""
[[role]]
account = "{MEMBER}"
name = "ami-backup"
trusts = ["{HUB}"]
external_id = "{EXTERNAL_ID}"
denied_actions = ["DeregisterImage"]

[[role]]
account = "{MEMBER}"
name = "of-somebody-else"
trusts = ["111111111111"]

[[instance]]
region = "us-east-1"
name = "hub-1"

[[image]]
region = "us-east-1"
name = "nightly"
of = "hub-1"

[[instance]]
region = "us-east-1"
account = "{MEMBER}"
name = "member-1"

[[instance]]
region = "eu-west-1"
account = "{MEMBER}"
name = "member-2"

[[image]]
region = "us-east-1"
account = "{MEMBER}"
id = "ami-0bbbbbbbbbbbbbbb1"
name = "nightly"
of = "member-1"
"""


@pytest.fixture
def sandbox(start_sandbox, tmp_path):
    world = tmp_path / "world.toml"
    world.write_text(WORLD)
    return start_sandbox("--world", str(world))


@pytest.fixture(params=[AWS_CLI, BOTO3])
def client(request):
    return request.param


@pytest.fixture
def assume_role(sandbox, client):
    """Assumes the role, or another one, with parameters in the API's words; what is None is left out."""

    def assume_role(**parameters) -> dict:
        parameters = {"RoleArn": ROLE, "RoleSessionName": "hub", "ExternalId": EXTERNAL_ID} | parameters
        parameters = {name: value for name, value in parameters.items() if value is not None}
        if client == BOTO3:
            return sandbox.boto3("sts").assume_role(**parameters)
        options = {"RoleArn": "--role-arn", "RoleSessionName": "--role-session-name", "ExternalId": "--external-id", "DurationSeconds": "--duration-seconds"}
        return sandbox.aws("sts", "assume-role", *(word for name, value in parameters.items() for word in (options[name], str(value))))

    return assume_role


@pytest.fixture
def call(sandbox, client):
    """Calls an action without parameters in either client's way, by whoever has these credentials."""

    def call(service: str, action: str, credentials: dict, region: str = "us-east-1", **parameters) -> dict:
        key, secret, token = (credentials.get(name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
        if client == BOTO3:
            boto3 = sandbox.boto3(service, region, aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token)
            return getattr(boto3, action.replace("-", "_"))(**parameters)
        variables = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret} | ({"AWS_SESSION_TOKEN": token} if token else {})
        options = {"Owners": "--owners", "ImageIds": "--image-ids", "ImageId": "--image-id"}
        words = [word for name, value in parameters.items() for word in (options[name], *([value] if isinstance(value, str) else value))]
        return sandbox.aws(service, action, *words, region=region, **variables)

    return call


def instances(described: dict) -> list:
    return [tags_of(instance)["Name"] for reservation in described["Reservations"] for instance in reservation["Instances"]]


def test_a_role_is_assumed(assume_role):
    assumed = assume_role()
    user, credentials = assumed["AssumedRoleUser"], assumed["Credentials"]
    assert user["Arn"] == SESSION
    assert user["AssumedRoleId"].startswith("AROA") and user["AssumedRoleId"].endswith(":hub")
    assert credentials["AccessKeyId"].startswith("ASIA") and len(credentials["SecretAccessKey"]) == 40 and credentials["SessionToken"]
    assert 3500 < seconds_left(credentials) <= 3600
    assert 800 < seconds_left(assume_role(DurationSeconds=900)["Credentials"]) <= 900


def seconds_left(credentials: dict) -> float:
    expiration = credentials["Expiration"]
    if isinstance(expiration, str):
        expiration = datetime.fromisoformat(expiration)
    return (expiration - datetime.now(UTC)).total_seconds()


def test_a_session_acts_in_the_members_account(sandbox, assume_role, call):
    session = assume_role()["Credentials"]
    identity = call("sts", "get-caller-identity", session)
    assert (identity["Account"], identity["Arn"]) == (MEMBER, SESSION)
    assert identity["UserId"] == assume_role()["AssumedRoleUser"]["AssumedRoleId"]
    assert instances(call("ec2", "describe-instances", session)) == ["member-1"]
    assert instances(call("ec2", "describe-instances", session, region="eu-west-1")) == ["member-2"]
    [image] = call("ec2", "describe-images", session, Owners=["self"])["Images"]
    assert (image["OwnerId"], image["Name"]) == (MEMBER, "nightly")
    with refused("UnauthorizedOperation", SESSION):
        call("ec2", "deregister-image", session, ImageId=image["ImageId"])

    # The hub itself has an image of the same name, and nothing of the member's.
    [own] = sandbox.boto3().describe_images(Owners=["self"])["Images"]
    assert (own["OwnerId"], own["Name"]) == (HUB, "nightly")
    for action, parameters in (("describe-images", {"ImageIds": [image["ImageId"]]}), ("deregister-image", {"ImageId": image["ImageId"]})):
        with refused("InvalidAMIID.NotFound"):
            call("ec2", action, hub(), **parameters)


def hub() -> dict:
    return {"AccessKeyId": CREDENTIALS["AWS_ACCESS_KEY_ID"], "SecretAccessKey": CREDENTIALS["AWS_SECRET_ACCESS_KEY"]}


def test_whoever_may_not_assume_it_is_not_told_why(assume_role):
    for wrong in (
        {"ExternalId": None},
        {"ExternalId": "guessed"},
        {"RoleArn": f"arn:aws:iam::{MEMBER}:role/nobody"},
        {"RoleArn": f"arn:aws:iam::{MEMBER}:role/of-somebody-else"},
    ):
        caller, role = f"arn:aws:iam::{HUB}:user/operator", wrong.get("RoleArn", ROLE)
        with refused("AccessDenied", f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}"):
            assume_role(**wrong)


def test_malformed_parameters(assume_role):
    for name, value, message in (
        ("RoleSessionName", "the hub", "at 'roleSessionName' failed to satisfy constraint"),
        ("DurationSeconds", 43201, "at 'durationSeconds' failed to satisfy constraint"),
        ("DurationSeconds", 3601, "exceeds the MaxSessionDuration"),
        ("RoleArn", "ami-backup-of-the-member", "is invalid"),
    ):
        with refused("ValidationError", message):
            assume_role(**{name: value})


def test_credentials_that_are_none(assume_role, call):
    session = assume_role()["Credentials"]
    without_token = {name: session[name] for name in ("AccessKeyId", "SecretAccessKey")}
    for nobody in (without_token, session | {"SessionToken": "guessed"}, session | {"AccessKeyId": "ASIAIOSFODNN7EXAMPLE"}):
        with refused("AuthFailure"):
            call("ec2", "describe-images", nobody)
        with refused("InvalidClientTokenId"):
            call("sts", "get-caller-identity", nobody)


def test_a_profile_of_the_aws_cli_assumes_the_role(sandbox, tmp_path):
    def describe_images(external_id: str) -> dict:
        config = tmp_path / f"config-{time.monotonic_ns()}"
        keys = "".join(f"{name.lower()} = {value}\n" for name, value in CREDENTIALS.items())
        role = f"role_arn = {ROLE}\nsource_profile = hub\nrole_session_name = hub\nexternal_id = {external_id}\n"
        config.write_text(f"[profile hub]\n{keys}[profile member]\n{role}")
        variables = {"AWS_CONFIG_FILE": str(config), "AWS_ENDPOINT_URL": sandbox.url}
        return sandbox.aws("ec2", "describe-images", "--owners", "self", "--profile", "member", **variables)

    with refused("AccessDenied", "sts:AssumeRole"):
        describe_images("guessed")
    assert [image["OwnerId"] for image in describe_images(EXTERNAL_ID)["Images"]] == [MEMBER]
