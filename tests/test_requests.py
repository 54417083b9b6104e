"""How much is asked of EC2: a purge and a backup of the account that `bench/run` measures, counted on the way."""

import pytest
from clients import Endpoint
from server import counting, serving
from world import INSTANCE, REGION, Account, world_of_an_instance


def left(endpoint: Endpoint) -> set[str]:
    ec2 = endpoint.boto3(region=REGION)
    images, snapshots = ec2.describe_images(Owners=["self"])["Images"], ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    return {image["ImageId"] for image in images} | {snapshot["SnapshotId"] for snapshot in snapshots}


@pytest.mark.parametrize("n", [4, 40])
def test_a_purge_asks_no_more_than_it_must(ami_backup, binary, tmp_path, n):
    account = Account(n)
    with serving(binary, account.world()) as server, counting(server.url) as (url, counted):
        ami_backup("purge-expired-amis", "-r", REGION, endpoint=Endpoint(url, tmp_path))
        assert left(Endpoint(server.url, tmp_path)) == account.left()
    assert counted.total() <= account.least_requests(), counted
    assert counted[REGION, "DeregisterImage"] == n


@pytest.mark.parametrize("volumes", [1, 12])
def test_a_backup_is_two_calls_and_a_look_whatever_the_volumes(ami_backup, binary, tmp_path, volumes):
    with serving(binary, world_of_an_instance(volumes)) as server, counting(server.url) as (url, counted):
        ami_backup("image-instance", "-i", INSTANCE, "-e", "+1 week", "--no-wait", endpoint=Endpoint(url, tmp_path))
    # The look is for an image that an earlier run asked for.
    once = [(REGION, action) for action in ("DescribeInstances", "DescribeImages", "CreateImage")]
    assert counted == dict.fromkeys(once, 1)
