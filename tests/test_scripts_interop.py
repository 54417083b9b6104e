"""The seed's scripts and we, on the same account: each reads what the other wrote.

The scripts called `aws ec2 create-image`, waited, and then put tags on with `aws ec2 create-tags`; what
`date` printed went into `Expire`, and `date --date` read it.
"""

import subprocess
import time

import pytest
from clients import DATA_DISK, EVERY_SECOND, REGION, snapshots_of, tags_of


@pytest.fixture
def ec2(sandbox):
    return lambda *command, **options: sandbox.aws("ec2", *command, **options)


@pytest.fixture
def backup_as_the_scripts_did(sandbox, ec2, launch):
    """An image and its snapshots, made and tagged as image-instance.sh did: their ids."""

    def backup(name, expire=None, **options):
        instance_id = launch(name, **options)
        image_id = ec2("create-image", "--instance-id", instance_id, "--name", f"backup-ami{name}", "--no-reboot")["ImageId"]
        sandbox.boto3().get_waiter("image_available").wait(ImageIds=[image_id], WaiterConfig=EVERY_SECOND)
        snapshots = snapshots_of(ec2("describe-images", "--image-ids", image_id)["Images"][0])
        tags = {
            "Name": f"backup-ami@{name}",
            "Instance": instance_id,
            "Date": date("now"),
            "Creator": "image-instance",
            "AvailabilityZone": f"{REGION}a",
        } | ({"Expire": date(expire)} if expire else {})
        for resource in (image_id, *snapshots):
            ec2("create-tags", "--resources", resource, "--tags", *(f"Key={key},Value={value}" for key, value in tags.items()))
        return {image_id, *snapshots}

    return backup


def date(expression, *options):
    """What GNU date says."""
    command = ["date", "--date", expression, *options]
    return subprocess.run(command, env={"LC_ALL": "C", "TZ": "UTC"}, text=True, capture_output=True, check=True).stdout.strip()


def test_we_purge_what_the_scripts_made(sandbox, ec2, ami_backup, backup_as_the_scripts_did):
    expired = backup_as_the_scripts_did("db", "-1 hour", BlockDeviceMappings=DATA_DISK)
    kept = backup_as_the_scripts_did("web", "+1 week") | backup_as_the_scripts_did("mail")

    def contents():
        images = ec2("describe-images", "--owners", "self")["Images"]
        snapshots = ec2("describe-snapshots", "--owner-ids", "self")["Snapshots"]
        return {image["ImageId"] for image in images} | {snapshot["SnapshotId"] for snapshot in snapshots}

    before = contents()
    assert len(expired) == 3 and expired | kept <= before
    ami_backup("purge-expired-amis", "-r", REGION, endpoint=sandbox)
    assert contents() == before - expired


def test_the_scripts_read_what_we_make(sandbox, ec2, ami_backup, launch):
    instance_id = launch("db", BlockDeviceMappings=DATA_DISK)
    started = int(time.time())
    ami_backup("image-instance", "-i", instance_id, "-r", REGION, "-e", "+1 week", "-d", "eu-west-1", endpoint=sandbox)

    for region in (REGION, "eu-west-1"):
        # As purge-expired-amis.sh asks.
        [image] = ec2("describe-images", "--filters", "Name=tag:Creator,Values=image-instance", region=region)["Images"]
        snapshots = ec2("describe-snapshots", "--filters", "Name=tag:Expire,Values=*", region=region)["Snapshots"]
        assert image["State"] == "available" and image["Name"].startswith("backup-ami")
        assert sorted(snapshot["SnapshotId"] for snapshot in snapshots) == sorted(snapshots_of(image))
        for described in (image, *snapshots):
            tags = tags_of(described)
            assert (tags["Name"], tags["Instance"], tags["Creator"]) == ("backup-ami@db", instance_id, "image-instance")
            assert tags["AvailabilityZone"].startswith(REGION)
            assert int(date(tags["Expire"], "+%s")) - started in range(7 * 86400, 7 * 86400 + 120)
            assert int(date(tags["Date"], "+%s")) - started in range(120)


def test_the_local_instance_is_the_one_the_metadata_service_names(sandbox, ec2, report_of):
    assert report_of("image-instance", endpoint=sandbox, metadata=True)["version"] == 1
    [image] = ec2("describe-images", "--owners", "self", "--filters", "Name=tag:Creator,Values=image-instance")["Images"]
    assert "Expire" not in tags_of(image)
    assert image["SourceInstanceId"] == tags_of(image)["Instance"]
