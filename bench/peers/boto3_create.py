"""A script as they are written everywhere: an image of an instance, its copy in another region, and botocore's waiters.

    boto3_create.py INSTANCE REGION COPY_TO
"""

import sys
from datetime import UTC, datetime, timedelta

import boto3


def main(instance_id: str, region: str, copy_to: str):
    ec2 = boto3.client("ec2", region_name=region)
    [reservation] = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
    [instance] = reservation["Instances"]
    label = next(tag["Value"] for tag in instance["Tags"] if tag["Key"] == "Name")
    now = datetime.now(UTC)
    name = f"backup-ami_{label}_{now:%Y-%m-%dT%H-%M-%S}"
    tags = {
        "Name": f"backup-ami@{label}",
        "Instance": instance_id,
        "Date": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "Creator": "image-instance",
        "AvailabilityZone": instance["Placement"]["AvailabilityZone"],
        "Expire": f"{now + timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}",
    }
    tags = [{"Key": key, "Value": value} for key, value in tags.items()]
    tagged = [{"ResourceType": kind, "Tags": tags} for kind in ("image", "snapshot")]
    image = ec2.create_image(InstanceId=instance_id, Name=name, NoReboot=True, TagSpecifications=tagged)["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[image])
    there = boto3.client("ec2", region_name=copy_to)
    copy = there.copy_image(Name=name, SourceImageId=image, SourceRegion=region, TagSpecifications=tagged)["ImageId"]
    there.get_waiter("image_available").wait(ImageIds=[copy])
    print(image, copy)


if __name__ == "__main__":
    main(*sys.argv[1:])
