"""Runs after its neighbours: no action of the sandbox may go untried by either client."""

import pytest
from clients import AWS_CLI, BOTO3

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


def test_every_action_was_answered_and_understood(ledger, client):
    assert [action for action in ACTIONS if not ledger.answers[action, client]] == []


def test_every_action_was_refused_too(ledger, client):
    assert [action for action in ACTIONS if not ledger.refusals[action, client]] == []
