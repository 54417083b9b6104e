"""The least IAM policy: what we do is allowed, what we must never do is not (tests/iam)."""

import json
import subprocess

import pytest
from clients import ROOT, TOOLS, environment


def printed_policy(binary, purpose, home):
    return subprocess.run([binary, "iam-policy", *purpose], env=environment(home), text=True, capture_output=True, check=True).stdout


def evaluate(policy, purpose, home):
    ran = subprocess.run([TOOLS / "node", ROOT / "tests/iam/evaluate.mjs", policy, purpose], env=environment(home), text=True, capture_output=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_policy_in_the_repository_is_the_least(tmp_path):
    evaluate(ROOT / "iam_policy.json", "all", tmp_path)


@pytest.mark.parametrize("purpose", ["create", "purge", "all", "policy"])
def test_the_policy_printed_for_a_purpose_is_the_least(binary, purpose, tmp_path):
    policy = tmp_path / "policy.json"
    policy.write_text(printed_policy(binary, ["--for", purpose], tmp_path))
    evaluate(policy, purpose, tmp_path)


def test_the_policy_in_the_repository_is_the_one_printed(binary, tmp_path):
    assert (ROOT / "iam_policy.json").read_text() == printed_policy(binary, [], tmp_path)


def test_the_simulator_refuses_what_iam_does_not_know(tmp_path):
    """A misspelt action or key would otherwise look like a denial."""
    policy = tmp_path / "policy.json"
    for right, wrong in (("ec2:CopyImage", "ec2:CopyImages"), ("aws:RequestTag/Creator", "aws:RequestTags/Creator")):
        policy.write_text((ROOT / "iam_policy.json").read_text().replace(right, wrong))
        with pytest.raises(AssertionError):
            evaluate(policy, "all", tmp_path)
    assert json.loads(policy.read_text())
