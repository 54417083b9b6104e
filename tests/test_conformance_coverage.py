"""Runs after its two neighbours: no action of the sandbox may go untried by either client."""

import pytest
from clients import AWS_CLI, BOTO3

ACTIONS = """
    RunInstances StartInstances StopInstances TerminateInstances DescribeInstances DescribeVolumes
    CreateImage CopyImage RegisterImage DescribeImages DeregisterImage
    DescribeSnapshots CreateSnapshot DeleteSnapshot
    CreateTags DeleteTags DescribeTags
    DescribeRegions DescribeAvailabilityZones GetCallerIdentity
""".split()


@pytest.mark.parametrize("client", [AWS_CLI, BOTO3])
def test_every_action_was_answered_and_understood(ledger, client):
    if not ledger.answers:
        pytest.skip("nothing to count: the conformance tests were not part of this run")
    assert [action for action in ACTIONS if not ledger.answers[action, client]] == []


@pytest.mark.parametrize("client", [AWS_CLI, BOTO3])
def test_every_action_that_can_fail_was_refused_too(ledger, client):
    if not ledger.answers:
        pytest.skip("nothing to count: the conformance tests were not part of this run")
    assert [action for action in ACTIONS if not ledger.refusals[action, client]] in ([], ["GetCallerIdentity"])
