"""Runs after its neighbours: no action of the sandbox may go untried by either client."""

import re

import pytest
import test_conformance_references
from clients import AWS_CLI, BOTO3, ROOT

ACTIONS = """
    RunInstances StartInstances StopInstances TerminateInstances DescribeInstances DescribeVolumes
    CreateImage CopyImage RegisterImage DescribeImages DeregisterImage
    EnableImage DisableImage EnableImageDeregistrationProtection DisableImageDeregistrationProtection
    ModifyImageAttribute DescribeImageAttribute ResetImageAttribute EnableImageDeprecation DisableImageDeprecation GetImageAncestry
    ListImagesInRecycleBin ListSnapshotsInRecycleBin RestoreImageFromRecycleBin RestoreSnapshotFromRecycleBin
    CreateRule GetRule ListRules UpdateRule DeleteRule
    DescribeSnapshots CreateSnapshot DeleteSnapshot
    LockSnapshot UnlockSnapshot DescribeLockedSnapshots
    ModifySnapshotTier RestoreSnapshotTier DescribeSnapshotTierStatus
    ModifySnapshotAttribute ResetSnapshotAttribute DescribeSnapshotAttribute
    CreateTags DeleteTags DescribeTags
    DescribeRegions DescribeAvailabilityZones
    AssumeRole GetCallerIdentity
""".split()


@pytest.fixture(params=[AWS_CLI, BOTO3])
def client(request):
    module = {AWS_CLI: "test_conformance_awscli", BOTO3: "test_conformance_boto3"}[request.param]
    if module not in {item.module.__name__ for item in request.session.items}:
        pytest.skip(f"nothing to count: {module} is not part of this run")
    return request.param


def camel(name: str) -> str:
    return name if name[0].isupper() else "".join(word.capitalize() for word in name.split("_"))


def simulated() -> set:
    """What the simulator's dispatchers know: `CopyImage::NAME => …` of EC2, STS and Auto Scaling, and the Recycle Bin's own."""
    sources = ROOT / "crates/ec2-sim/src"
    dispatchers = [(sources / name).read_text() for name in ("actions.rs", "actions/auto_scaling.rs")]
    actions = {camel(name) for text in dispatchers for name in re.findall(r"(\w+)::NAME =>", text)}
    return actions | set(re.findall(r'=> "(\w+Rules?)"', (sources / "rbin.rs").read_text()))


def test_every_action_of_the_simulator_is_to_be_tried():
    listed = ACTIONS + test_conformance_references.ACTIONS
    assert sorted(listed) == sorted(simulated())


def test_every_action_has_a_file():
    files = {camel(path.stem) for path in (ROOT / "crates/ec2-sim/src/actions").glob("*.rs")}
    assert {action for action in simulated() if not action.endswith(("Rule", "Rules"))} == files - {"AutoScaling"}


def test_every_action_was_answered_and_understood(ledger, client):
    assert [action for action in ACTIONS if not ledger.answers[action, client]] == []


def test_every_action_was_refused_too(ledger, client):
    assert [action for action in ACTIONS if not ledger.refusals[action, client]] == []
