"""A script as they are written everywhere: what is marked as ours and has expired goes, call after call.

    boto3_purge.py [--with-snapshots]

`--with-snapshots` lets EC2 delete an image's snapshots with it, which it can since 2025: the fewest calls there are.
"""

import sys
from datetime import UTC, datetime

import boto3
from botocore.exceptions import ClientError

OURS = [{"Name": "tag:Creator", "Values": ["image-instance"]}]


def main(with_snapshots: bool) -> int:
    ec2 = boto3.client("ec2")
    failed = 0
    used = set()
    for page in ec2.get_paginator("describe_images").paginate(Owners=["self"]):
        for image in page["Images"]:
            snapshots = [device["Ebs"]["SnapshotId"] for device in image["BlockDeviceMappings"] if "Ebs" in device]
            used.update(snapshots)
            if ours(image) and expired(image):
                failed += not remove(ec2, image["ImageId"], snapshots, with_snapshots)
    for page in ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"], Filters=OURS):
        for snapshot in page["Snapshots"]:
            if snapshot["SnapshotId"] not in used and expired(snapshot):
                failed += not tried(ec2.delete_snapshot, SnapshotId=snapshot["SnapshotId"])
    return 1 if failed else 0


def remove(ec2, image: str, snapshots: list[str], with_snapshots: bool) -> bool:
    if with_snapshots:
        return tried(ec2.deregister_image, ImageId=image, DeleteAssociatedSnapshots=True)
    return tried(ec2.deregister_image, ImageId=image) and all([tried(ec2.delete_snapshot, SnapshotId=id) for id in snapshots])


def tried(call, **parameters) -> bool:
    try:
        call(**parameters)
    except ClientError as error:
        print(f"{parameters}: {error}", file=sys.stderr)
        return False
    print(f"{parameters}: done")
    return True


def ours(described: dict) -> bool:
    return tags(described).get("Creator") == "image-instance"


def expired(described: dict) -> bool:
    expiry = tags(described).get("Expire")
    return expiry is not None and datetime.fromisoformat(expiry) <= datetime.now(UTC)


def tags(described: dict) -> dict:
    return {tag["Key"]: tag["Value"] for tag in described.get("Tags", [])}


if __name__ == "__main__":
    sys.exit(main("--with-snapshots" in sys.argv[1:]))
