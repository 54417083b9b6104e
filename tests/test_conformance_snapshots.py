"""Snapshots locked, archived and shared: both clients on the sandbox, and what moto makes of the same script."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from clients import EVERY_SECOND, UBIQUITOUS_IMAGE, refused, snapshots_of, tagged, tags_of

NOWHERE = "snap-0123456789abcdef0"
OTHER_ACCOUNT = "210987654321"
# Where the sandbox and moto 5.2.5 differ: what each of them says, and who is right by which page.
DIFFERENCES = {
    "archived twice": ("IncorrectState", "done", "sandbox: archived snapshots are not in the standard tier (EBS User Guide, Archive snapshots)"),
    "tier while temporarily restored": ("standard", "archive", "sandbox: `archive` must be restored before it can be used (API, SnapshotTierStatus)"),
    "restored for days and for good": ("InvalidParameterCombination", "done", "sandbox: specify one and omit the other (API, RestoreSnapshotTier)"),
    "restored for no time": ("MissingParameter", "done", "sandbox: the days are required for temporary restores (API, RestoreSnapshotTier)"),
    "restored when not archived": ("IncorrectState", "done", "sandbox: restores an archived snapshot (API, RestoreSnapshotTier)"),
    "shared with a stranger group": ("InvalidParameterValue", "InvalidAMIAttributeItemValue", "nobody knows: moto's code is one of AMIs"),
    "shared with no account": ("InvalidUserID.Malformed", "done", "sandbox: the user or owner is not a valid account ID (API, error codes)"),
}


@pytest.fixture
def sandbox(start_sandbox):
    """A new sandbox, in which what takes EC2 a day takes a second."""
    return start_sandbox("--speed", "86400")


@pytest.fixture
def ec2(sandbox):
    return sandbox.boto3()


@pytest.fixture
def aws(sandbox):
    return lambda *command, **options: sandbox.aws("ec2", *command, **options)


def new_snapshot(ec2, image_id=UBIQUITOUS_IMAGE, **options) -> str:
    """A complete snapshot of the volume of a new instance."""
    instance_id = ec2.run_instances(ImageId=image_id, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    [volume] = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance_id]}])["Volumes"]
    snapshot_id = ec2.create_snapshot(VolumeId=volume["VolumeId"], **options)["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot_id], WaiterConfig=EVERY_SECOND)
    return snapshot_id


def tier_status(ec2, snapshot_id) -> dict:
    [status] = ec2.describe_snapshot_tier_status(Filters=[{"Name": "snapshot-id", "Values": [snapshot_id]}])["SnapshotTierStatuses"]
    return status


def wait_for_tier(ec2, snapshot_id, operation) -> dict:
    """The status, once the last operation is done. There is no waiter for it."""
    deadline = time.monotonic() + 60
    while (status := tier_status(ec2, snapshot_id))["LastTieringOperationStatus"] != f"{operation}-completed":
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status


# Locks. Moto has none.


def test_boto3_locks_and_unlocks(ec2):
    snapshot_id = new_snapshot(ec2)
    locked = ec2.lock_snapshot(SnapshotId=snapshot_id, LockMode="governance", LockDuration=2)
    assert (locked["SnapshotId"], locked["LockState"], locked["LockDuration"]) == (snapshot_id, "governance", 2)
    assert locked["LockExpiresOn"] - locked["LockDurationStartTime"] == timedelta(days=2)
    assert "CoolOffPeriod" not in locked
    with refused("OperationNotPermitted", snapshot_id):
        ec2.delete_snapshot(SnapshotId=snapshot_id)
    [described] = ec2.describe_locked_snapshots(SnapshotIds=[snapshot_id])["Snapshots"]
    assert described == {key: value for key, value in locked.items() if key != "ResponseMetadata"} | {"OwnerId": described["OwnerId"]}
    # Nothing else tells of it.
    assert not [key for key in ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0] if "Lock" in key]

    until = datetime.now(UTC) + timedelta(days=30)
    locked = ec2.lock_snapshot(SnapshotId=snapshot_id, LockMode="compliance", ExpirationDate=until, CoolOffPeriod=72)
    assert locked["LockState"] == "compliance-cooloff"
    assert abs(locked["LockExpiresOn"] - until) < timedelta(seconds=1)
    assert ec2.unlock_snapshot(SnapshotId=snapshot_id)["SnapshotId"] == snapshot_id
    assert ec2.describe_locked_snapshots()["Snapshots"] == []

    ec2.lock_snapshot(SnapshotId=snapshot_id, LockMode="compliance", LockDuration=2)
    with refused("OperationNotPermitted"):
        ec2.unlock_snapshot(SnapshotId=snapshot_id)
    with refused("OperationNotPermitted"):
        ec2.lock_snapshot(SnapshotId=snapshot_id, LockMode="compliance", LockDuration=1)
    assert ec2.lock_snapshot(SnapshotId=snapshot_id, LockMode="compliance", LockDuration=3)["LockState"] == "compliance"


def test_boto3_is_told_what_is_wrong_with_a_lock(ec2):
    lock = {"SnapshotId": NOWHERE, "LockMode": "governance", "LockDuration": 1}
    with refused("InvalidSnapshot.NotFound", NOWHERE):
        ec2.lock_snapshot(**lock)
    with refused("InvalidSnapshotID.Malformed"):
        ec2.lock_snapshot(**lock | {"SnapshotId": "nonsense"})
    with refused("InvalidParameterCombination"):
        ec2.lock_snapshot(**lock, CoolOffPeriod=1)
    with refused("InvalidParameterCombination"):
        ec2.lock_snapshot(**lock, ExpirationDate=datetime.now(UTC) + timedelta(days=1))
    with refused("DryRunOperation"):
        ec2.lock_snapshot(**lock, DryRun=True)
    with refused("InvalidSnapshot.NotFound"):
        ec2.unlock_snapshot(SnapshotId=NOWHERE)
    with refused("InvalidSnapshot.NotFound"):
        ec2.describe_locked_snapshots(SnapshotIds=[NOWHERE])
    with refused("InvalidParameterValue"):
        ec2.describe_locked_snapshots(Filters=[{"Name": "tag:Name", "Values": ["x"]}])


def test_boto3_deregisters_an_image_whose_snapshot_is_locked(ec2, create_image):
    image = create_image()
    [snapshot_id] = snapshots_of(image)
    ec2.lock_snapshot(SnapshotId=snapshot_id, LockMode="governance", LockDuration=1)
    answer = ec2.deregister_image(ImageId=image["ImageId"], DeleteAssociatedSnapshots=True)
    assert answer["DeleteSnapshotResults"] == [{"SnapshotId": snapshot_id, "ReturnCode": "client-error"}]
    assert len(ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"]) == 1


def test_the_aws_cli_locks_and_unlocks(ec2, aws):
    snapshot = ("--snapshot-id", new_snapshot(ec2))
    locked = aws("lock-snapshot", *snapshot, "--lock-mode", "compliance", "--cool-off-period", "3", "--lock-duration", "7")
    assert (locked["LockState"], locked["CoolOffPeriod"], locked["LockDuration"]) == ("compliance-cooloff", 3, 7)
    [described] = aws("describe-locked-snapshots", "--filters", "Name=lock-state,Values=compliance-cooloff")["Snapshots"]
    assert described == locked | {"OwnerId": described["OwnerId"]}
    assert aws("describe-locked-snapshots", "--filters", "Name=lock-state,Values=expired", "--max-results", "5")["Snapshots"] == []
    with refused("OperationNotPermitted"):
        aws("delete-snapshot", *snapshot)
    with refused("InvalidParameterValue"):
        aws("lock-snapshot", *snapshot, "--lock-mode", "governance", "--expiration-date", "2001-01-01T00:00:00Z")
    aws("unlock-snapshot", *snapshot)
    with refused("IncorrectState"):
        aws("unlock-snapshot", *snapshot)
    with refused("InvalidParameterValue", "The filter 'tag-key' is invalid"):
        aws("describe-locked-snapshots", "--filters", "Name=tag-key,Values=Name")
    aws("delete-snapshot", *snapshot)


# The archive.


def test_boto3_archives_and_restores(ec2):
    snapshot_id = new_snapshot(ec2, TagSpecifications=tagged("snapshot", Kind="old"))
    assert "LastTieringOperationStatus" not in tier_status(ec2, snapshot_id)
    assert ec2.modify_snapshot_tier(SnapshotId=snapshot_id, StorageTier="archive")["SnapshotId"] == snapshot_id
    status = wait_for_tier(ec2, snapshot_id, "archival")
    assert (status["StorageTier"], status["LastTieringProgress"], tags_of(status)) == ("archive", 100, {"Kind": "old"})
    mappings = [{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot_id}}]
    with refused("IncorrectState", "archived"):
        ec2.register_image(Name="restored", RootDeviceName="/dev/sda1", BlockDeviceMappings=mappings)
    with refused("IncorrectState"):
        ec2.modify_snapshot_attribute(SnapshotId=snapshot_id, OperationType="add", UserIds=[OTHER_ACCOUNT])

    restored = ec2.restore_snapshot_tier(SnapshotId=snapshot_id, TemporaryRestoreDays=5)
    assert (restored["RestoreDuration"], restored["IsPermanentRestore"]) == (5, False)
    expires = wait_for_tier(ec2, snapshot_id, "temporary-restore")["RestoreExpiryTime"]
    assert ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0]["RestoreExpiryTime"] == expires
    with refused("IncorrectState"):
        ec2.register_image(Name="restored", RootDeviceName="/dev/sda1", BlockDeviceMappings=mappings)
    restored = ec2.restore_snapshot_tier(SnapshotId=snapshot_id, PermanentRestore=True)
    assert restored["IsPermanentRestore"] is True and "RestoreDuration" not in restored
    ec2.register_image(Name="restored", RootDeviceName="/dev/sda1", BlockDeviceMappings=mappings)

    with refused("DryRunOperation"):
        ec2.modify_snapshot_tier(SnapshotId=snapshot_id, StorageTier="archive", DryRun=True)
    with refused("InvalidParameterValue"):
        ec2.describe_snapshot_tier_status(Filters=[{"Name": "tag:Kind", "Values": ["old"]}])


def test_boto3_cannot_enable_an_image_in_the_archive(ec2, create_image):
    image = create_image()
    [snapshot_id] = snapshots_of(image)
    with refused("InvalidSnapshot.InUse", image["ImageId"]):
        ec2.modify_snapshot_tier(SnapshotId=snapshot_id, StorageTier="archive")
    ec2.disable_image(ImageId=image["ImageId"])
    ec2.modify_snapshot_tier(SnapshotId=snapshot_id, StorageTier="archive")
    wait_for_tier(ec2, snapshot_id, "archival")
    with refused("IncorrectState", snapshot_id):
        ec2.enable_image(ImageId=image["ImageId"])
    ec2.restore_snapshot_tier(SnapshotId=snapshot_id, PermanentRestore=True)
    wait_for_tier(ec2, snapshot_id, "permanent-restore")
    ec2.enable_image(ImageId=image["ImageId"])


def test_the_aws_cli_archives_and_restores(ec2, aws):
    snapshot_id = new_snapshot(ec2)
    snapshot = ("--snapshot-id", snapshot_id)
    archived = aws("modify-snapshot-tier", *snapshot, "--storage-tier", "archive")
    assert set(archived) == {"SnapshotId", "TieringStartTime"}
    wait_for_tier(ec2, snapshot_id, "archival")
    archival = ("--filters", "Name=last-tiering-operation,Values=archival-completed")
    [status] = aws("describe-snapshot-tier-status", *archival)["SnapshotTierStatuses"]
    assert (status["SnapshotId"], status["StorageTier"], status["Status"]) == (snapshot_id, "archive", "completed")
    with refused("IncorrectState"):
        aws("modify-snapshot-tier", *snapshot, "--storage-tier", "archive")
    with refused("InvalidParameterCombination"):
        aws("restore-snapshot-tier", *snapshot, "--temporary-restore-days", "1", "--permanent-restore")
    assert aws("restore-snapshot-tier", *snapshot, "--permanent-restore")["IsPermanentRestore"] is True
    wait_for_tier(ec2, snapshot_id, "permanent-restore")
    with refused("IncorrectState"):
        aws("restore-snapshot-tier", *snapshot, "--temporary-restore-days", "1")
    with refused("InvalidParameterValue"):
        aws("describe-snapshot-tier-status", "--filters", "Name=no-such-filter,Values=x")


# Sharing.


def permissions(ec2, snapshot_id) -> list:
    return ec2.describe_snapshot_attribute(SnapshotId=snapshot_id, Attribute="createVolumePermission")["CreateVolumePermissions"]


def test_boto3_shares_a_snapshot(ec2):
    snapshot_id = new_snapshot(ec2)
    everybody, account = {"Group": "all"}, {"UserId": OTHER_ACCOUNT}
    ec2.modify_snapshot_attribute(SnapshotId=snapshot_id, CreateVolumePermission={"Add": [account, everybody]})
    assert permissions(ec2, snapshot_id) == [everybody, account]
    for restorer in ("all", OTHER_ACCOUNT, "self"):
        assert len(ec2.describe_snapshots(RestorableByUserIds=[restorer])["Snapshots"]) == 1
    ec2.modify_snapshot_attribute(SnapshotId=snapshot_id, CreateVolumePermission={"Remove": [everybody]})
    assert permissions(ec2, snapshot_id) == [account]
    assert ec2.describe_snapshots(RestorableByUserIds=["all"])["Snapshots"] == []
    ec2.reset_snapshot_attribute(SnapshotId=snapshot_id, Attribute="createVolumePermission")
    assert permissions(ec2, snapshot_id) == []
    assert ec2.describe_snapshot_attribute(SnapshotId=snapshot_id, Attribute="productCodes")["ProductCodes"] == []

    with refused("InvalidParameterCombination"):
        ec2.modify_snapshot_attribute(SnapshotId=snapshot_id, CreateVolumePermission={"Add": [account], "Remove": [everybody]})
    with refused("InvalidParameterValue"):
        ec2.reset_snapshot_attribute(SnapshotId=snapshot_id, Attribute="productCodes")
    with refused("InvalidSnapshot.NotFound"):
        permissions(ec2, NOWHERE)


def test_the_aws_cli_shares_a_snapshot(ec2, aws):
    snapshot = ("--snapshot-id", new_snapshot(ec2))
    attribute = ("--attribute", "createVolumePermission")
    share = ("modify-snapshot-attribute", *snapshot, *attribute, "--operation-type", "add")
    aws(*share, "--user-ids", OTHER_ACCOUNT, "111122223333")
    aws(*share, "--group-names", "all")
    described = aws("describe-snapshot-attribute", *snapshot, *attribute)
    assert described["CreateVolumePermissions"] == [{"Group": "all"}, {"UserId": "111122223333"}, {"UserId": OTHER_ACCOUNT}]
    aws("modify-snapshot-attribute", *snapshot, *attribute, "--operation-type", "remove", "--user-ids", OTHER_ACCOUNT)
    aws("reset-snapshot-attribute", *snapshot, *attribute)
    assert aws("describe-snapshot-attribute", *snapshot, *attribute)["CreateVolumePermissions"] == []

    with refused("InvalidUserID.Malformed"):
        aws(*share, "--user-ids", "me")
    for verb in ("describe-snapshot-attribute", "reset-snapshot-attribute"):
        with refused("InvalidSnapshot.NotFound"):
            aws(verb, "--snapshot-id", NOWHERE, *attribute)


# The same script on the sandbox and on moto.


def outcome(call, *keys, **parameters):
    """What came of a call: its error code, or what is asked of its answer, or `done`."""
    try:
        answer = call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return tuple(answer.get(key) for key in keys) or "done"


def archive_and_share(ec2, snapshot_id) -> dict:
    """A script, and the outcome of each of its steps."""
    snapshot = {"SnapshotId": snapshot_id}
    story = {}

    def archive(**parameters):
        return outcome(ec2.modify_snapshot_tier, **snapshot | {"StorageTier": "archive"} | parameters)

    def restore(*keys, **parameters):
        return outcome(ec2.restore_snapshot_tier, *keys, **snapshot | parameters)

    def share(**parameters):
        return outcome(ec2.modify_snapshot_attribute, **snapshot | {"Attribute": "createVolumePermission", "OperationType": "add"} | parameters)

    story["tier at first"] = tier_status(ec2, snapshot_id)["StorageTier"]
    story["restored when not archived"] = restore(PermanentRestore=True)
    story["archived nowhere"] = archive(SnapshotId=NOWHERE)
    story["archived into no archive"] = archive(StorageTier="standard")
    story["archived"] = archive()
    story["tier when archived"] = wait_for_tier(ec2, snapshot_id, "archival")["StorageTier"]
    story["tier in the listing"] = ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0]["StorageTier"]
    story["archived twice"] = archive()
    story["restored nowhere"] = restore(SnapshotId=NOWHERE, TemporaryRestoreDays=1)
    story["restored for no time"] = restore()
    story["restored for days and for good"] = restore(TemporaryRestoreDays=1, PermanentRestore=True)
    # Moto may have restored it by now.
    archive()
    story["restored for days"] = restore("RestoreDuration", "IsPermanentRestore", TemporaryRestoreDays=5)
    status = wait_for_tier(ec2, snapshot_id, "temporary-restore")
    story["tier while temporarily restored"] = status["StorageTier"]
    story["has an end while temporarily restored"] = "RestoreExpiryTime" in status
    story["restored for good"] = restore("RestoreDuration", "IsPermanentRestore", PermanentRestore=True)
    status = wait_for_tier(ec2, snapshot_id, "permanent-restore")
    story["tier when restored"] = status["StorageTier"]
    story["has an end when restored"] = "RestoreExpiryTime" in status

    story["shared with nobody"] = permissions(ec2, snapshot_id)
    story["shared with an account"] = share(UserIds=[OTHER_ACCOUNT])
    story["shared with everybody"] = share(GroupNames=["all"])
    story["shared"] = permissions(ec2, snapshot_id)
    story["shared nowhere"] = share(SnapshotId=NOWHERE, UserIds=[OTHER_ACCOUNT])
    story["shared with a stranger group"] = share(GroupNames=["friends"])
    story["not shared with everybody"] = share(OperationType="remove", GroupNames=["all"])
    story["shared with one"] = permissions(ec2, snapshot_id)
    story["shared with no account"] = share(UserIds=["me"])
    return story


def test_moto_tells_the_same_story_but_for_known_differences(ec2, moto):
    moto_ec2 = moto.boto3()
    base = moto_ec2.register_image(Name="base", RootDeviceName="/dev/sda1")["ImageId"]
    ours = archive_and_share(ec2, new_snapshot(ec2))
    theirs = archive_and_share(moto_ec2, new_snapshot(moto_ec2, base))
    differing = {step: (ours[step], theirs[step]) for step in ours if ours[step] != theirs[step]}
    assert differing == {step: (sandbox, moto) for step, (sandbox, moto, _) in DIFFERENCES.items()}
