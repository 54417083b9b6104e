"""The purge on moto: an EC2 imitated by others, with a mixed inventory made by boto3.

Moto makes one snapshot per image and refuses tags for snapshots in a creating call, so this is what it
can show: that what is ours and expired goes, and nothing else.
"""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from clients import REGION, snapshots_of, tag_list, tags_of

NOW = datetime.now(UTC)
PAST, FUTURE = NOW - timedelta(hours=1), NOW + timedelta(days=7)


def posix_date(instant):
    """As `date` prints under LC_TIME=C: Sun Nov 29 22:41:00 UTC 2026."""
    return instant.strftime("%a %b %e %H:%M:%S UTC %Y")


def us_date(instant):
    """As `date` prints under LC_TIME=en_US.UTF-8, here in central Europe: Sun 29 Nov 2026 11:41:00 PM CET."""
    return instant.astimezone(timezone(timedelta(hours=1))).strftime("%a %d %b %Y %I:%M:%S %p CET")


def rfc3339(instant):
    """As we write it: 2026-11-29T22:41:00Z."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


SHAPES = {"posix": posix_date, "us": us_date, "rfc3339": rfc3339}


class Account:
    """An account with one instance, filled with backups of it."""

    def __init__(self, ec2):
        self.ec2 = ec2
        base = ec2.register_image(Name="base", RootDeviceName="/dev/sda1")["ImageId"]
        self.instance = ec2.run_instances(ImageId=base, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]

    def backup(self, name, creator="image-instance", expire=None, snapshot_expire=None):
        """An image and its snapshot, tagged afterwards, as the scripts did: their ids."""
        image_id = self.ec2.create_image(InstanceId=self.instance, Name=name)["ImageId"]
        [snapshot_id] = snapshots_of(self.ec2.describe_images(ImageIds=[image_id])["Images"][0])
        tags = {"Name": f"backup-ami@{name}", "Instance": self.instance, "Date": rfc3339(NOW), "AvailabilityZone": f"{REGION}a"}
        tags |= {"Creator": creator} if creator else {}
        for resource, expiry in ((image_id, expire), (snapshot_id, snapshot_expire or expire)):
            self.ec2.create_tags(Resources=[resource], Tags=tag_list(tags | ({"Expire": expiry} if expiry else {})))
        return {image_id, snapshot_id}

    def orphan(self, name, **options):
        """A snapshot of a backup whose image is gone: its id."""
        ids = self.backup(name, **options)
        image_id = next(id for id in ids if id.startswith("ami-"))
        self.ec2.deregister_image(ImageId=image_id)
        return ids - {image_id}

    def contents(self):
        """Every image and snapshot there is, with its tags."""
        images = self.ec2.describe_images(Owners=["self"])["Images"]
        snapshots = self.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
        return {image["ImageId"]: tags_of(image) for image in images} | {s["SnapshotId"]: tags_of(s) for s in snapshots}


@pytest.fixture
def account(moto):
    return Account(moto.boto3())


def without(contents, ids):
    return {id: tags for id, tags in contents.items() if id not in ids}


def test_only_what_is_ours_and_expired_goes(moto, account, ami_backup, report_of):
    expired = set().union(
        *(account.backup(f"expired-{name}", expire=shape(PAST)) for name, shape in SHAPES.items()),
        *(account.orphan(f"orphan-{name}", expire=shape(PAST)) for name, shape in SHAPES.items()),
    )
    for name, shape in SHAPES.items():
        account.backup(f"unexpired-{name}", expire=shape(FUTURE))
        account.orphan(f"unexpired-orphan-{name}", expire=shape(FUTURE))
    account.backup("for-ever")
    account.backup("unreadable", expire="next blursday")
    account.backup("relative", expire="yesterday")
    account.orphan("orphan-for-ever")
    for creator in ("other", None):
        account.backup(f"foreign-{creator}", creator=creator, expire=rfc3339(PAST))
        account.orphan(f"foreign-orphan-{creator}", creator=creator, expire=posix_date(PAST))
    before = account.contents()

    ami_backup("purge-expired-amis", "-r", REGION, "--dry-run", endpoint=moto)
    assert account.contents() == before

    report = report_of("purge-expired-amis", "-r", REGION, endpoint=moto)
    assert account.contents() == without(before, expired)
    assert all(id in json.dumps(report) for id in expired)

    ami_backup("purge-expired-amis", "-r", REGION, endpoint=moto)
    assert account.contents() == without(before, expired)


def test_a_snapshot_that_expires_after_its_image_stays_until_then(moto, account, ami_backup):
    ids = account.backup("web", expire=posix_date(PAST), snapshot_expire=posix_date(FUTURE))
    before = account.contents()
    ami_backup("purge-expired-amis", "-r", REGION, endpoint=moto)
    assert account.contents() == without(before, {id for id in ids if id.startswith("ami-")})


def test_the_last_backup_of_an_instance_stays_if_asked(moto, account, ami_backup):
    account.backup("web", expire=rfc3339(PAST))
    before = account.contents()
    ami_backup("purge-expired-amis", "-r", REGION, "--keep-last", "1", endpoint=moto)
    assert account.contents() == before


def test_no_region_but_the_one_named_is_touched(moto, account, ami_backup):
    elsewhere = Account(moto.boto3(region="eu-west-1"))
    elsewhere.backup("web", expire=rfc3339(PAST))
    before = elsewhere.contents()
    expired = account.backup("web", expire=rfc3339(PAST))
    ami_backup("purge-expired-amis", "-r", REGION, endpoint=moto)
    assert elsewhere.contents() == before
    assert not expired & set(account.contents())
