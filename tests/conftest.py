"""Whole-program tests: the built binary, and the sandbox inside it, seen through clients that share no code with us."""

import json
import os
import re
import subprocess
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

import jsonschema
import pytest
from clients import AWS_CLI, BOTO3, EVERY_SECOND, REGION, ROOT, TOOLS, UBIQUITOUS_IMAGE, Endpoint, Ledger, environment, tagged

LEDGER = pytest.StashKey[Ledger]()


@pytest.fixture(scope="session")
def binary() -> Path:
    """The program under test: what cargo built last, or what AMI_BACKUP_BIN names."""
    path = Path(os.environ.get("AMI_BACKUP_BIN", ROOT / "target/debug/ami-backup"))
    assert path.exists(), f"there is no {path}: run `cargo build` first"
    return path.absolute()


@pytest.fixture
def ami_backup(binary, tmp_path):
    """Runs the program on an endpoint, in an environment of its own, and expects an exit status."""

    def run(*arguments, endpoint: Endpoint, region: str = REGION, metadata: bool = False, status: int = 0, **variables):
        variables |= {"AWS_ENDPOINT_URL": endpoint.url, "AWS_REGION": region}
        if metadata:
            variables |= {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint.url}
        ran = subprocess.run(
            [binary, *arguments],
            env=environment(tmp_path) | variables,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            text=True,
            capture_output=True,
            timeout=120,
        )
        assert ran.returncode == status, f"exit {ran.returncode} of {arguments}\n{ran.stdout}\n{ran.stderr}"
        return ran

    return run


@pytest.fixture
def report_of(ami_backup):
    """What a command reports with --json, held to the schema that the program prints for it."""

    def report(*arguments, endpoint: Endpoint, **options) -> dict:
        document = "purge" if arguments[0] == "purge-expired-amis" else "image"
        report = json.loads(ami_backup(*arguments, "--json", endpoint=endpoint, **options).stdout)
        jsonschema.validate(report, json.loads(ami_backup("schema", document, endpoint=endpoint).stdout))
        return report

    return report


@pytest.fixture
def start_sandbox(binary, tmp_path, request):
    """Starts `sandbox serve` with the options given; it is stopped when the test ends."""
    with ExitStack() as running:

        def start(*options) -> Endpoint:
            command = [binary, "sandbox", "serve", "--listen", "127.0.0.1:0", *options]
            log = tmp_path / f"sandbox-{time.monotonic_ns()}.log"
            url = running.enter_context(serving(command, environment(tmp_path), log))
            assert log.read_text() == f"{url}\n"
            return Endpoint(url, tmp_path, request.config.stash[LEDGER], modelled=True)

        yield start


@pytest.fixture
def sandbox(start_sandbox) -> Endpoint:
    """A new sandbox, in which what takes EC2 an hour takes a second."""
    return start_sandbox("--speed", "3600")


@pytest.fixture
def launch(sandbox):
    """Runs an instance in the sandbox, waits for it, and gives its id."""

    def launch(name="small", **options) -> str:
        ec2 = sandbox.boto3()
        ran = ec2.run_instances(ImageId=UBIQUITOUS_IMAGE, MinCount=1, MaxCount=1, TagSpecifications=tagged("instance", Name=name), **options)
        instance_id = ran["Instances"][0]["InstanceId"]
        ec2.get_waiter("instance_running").wait(InstanceIds=[instance_id], WaiterConfig=EVERY_SECOND)
        return instance_id

    return launch


@pytest.fixture
def create_image(sandbox, launch):
    """Makes an image of a new instance, waits for it, and describes it."""

    def create_image(name="backup", **options) -> dict:
        ec2 = sandbox.boto3()
        image_id = ec2.create_image(InstanceId=launch(), Name=name, **options)["ImageId"]
        ec2.get_waiter("image_available").wait(ImageIds=[image_id], WaiterConfig=EVERY_SECOND)
        return ec2.describe_images(ImageIds=[image_id])["Images"][0]

    return create_image


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory):
    home = tmp_path_factory.mktemp("moto")
    command = [TOOLS / "moto_server", "-H", "127.0.0.1", "-p", "0"]
    with serving(command, environment(home) | {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}, home / "moto.log") as url:
        yield Endpoint(url, home)


@pytest.fixture
def moto(moto_server) -> Endpoint:
    """An empty account on moto, an EC2 imitated by others."""
    urllib.request.urlopen(urllib.request.Request(f"{moto_server.url}/moto-api/reset", method="POST"))
    return moto_server


@contextmanager
def serving(command: list, variables: dict, log: Path):
    """A server's URL, once it has printed it, for as long as it is needed."""
    errors = log.with_suffix(".err")
    with log.open("w") as out, errors.open("w") as err, subprocess.Popen(command, env=variables, stdout=out, stderr=err) as server:
        try:
            deadline = time.monotonic() + 30
            while not (url := re.search(r"http://127\.0\.0\.1:\d+", log.read_text() + errors.read_text())):
                assert server.poll() is None and time.monotonic() < deadline, f"no URL from {command}: {errors.read_text()}"
                time.sleep(0.02)
            yield url.group()
        finally:
            server.terminate()


def pytest_configure(config):
    config.stash[LEDGER] = Ledger()


@pytest.fixture
def ledger(request) -> Ledger:
    """What the clients were answered by the sandbox in this run."""
    return request.config.stash[LEDGER]


def pytest_collection_modifyitems(items):
    # What counts the others' calls comes after them.
    items.sort(key=lambda item: item.module.__name__ == "test_conformance_coverage")


def pytest_terminal_summary(terminalreporter, config):
    ledger = config.stash[LEDGER]
    actions = sorted({action for action, _ in [*ledger.answers, *ledger.refusals]})
    if not actions:
        return
    terminalreporter.section("the sandbox's answers, and kinds of errors, that other clients understood")
    for row in [("", AWS_CLI, BOTO3), *((action, *(ledger.count(action, client) for client in (AWS_CLI, BOTO3))) for action in actions)]:
        terminalreporter.write_line("{:38}{:>14}{:>14}".format(*row))
    codes = sorted(set().union(*ledger.refusals.values()))
    terminalreporter.write_line(f"errors: {', '.join(codes) or 'none'}")
