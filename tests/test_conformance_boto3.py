"""boto3 drives the sandbox through all it can do, with its own paginators, waiters and resources."""

import json
import urllib.error
import urllib.request

import pytest
from botocore.session import Session
from botocore.utils import IMDSRegionProvider
from clients import CREDENTIALS, DATA_DISK, EVERY_SECOND, REGION, UBIQUITOUS_IMAGE, refused, snapshots_of, tag_list, tagged, tags_of


@pytest.fixture
def ec2(sandbox):
    return sandbox.boto3()


def where(**filters):
    return [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]


def every(ec2, action, result, **parameters):
    """All items, in pages of five."""
    pages = list(ec2.get_paginator(action).paginate(**parameters, PaginationConfig={"PageSize": 5}))
    assert all(len(page[result]) <= 5 for page in pages)
    return [item for page in pages for item in page[result]]


def test_an_instance_lives_and_dies(ec2, launch):
    instance_id = launch(BlockDeviceMappings=DATA_DISK)
    with refused("DryRunOperation"):
        ec2.stop_instances(InstanceIds=[instance_id], DryRun=True)

    for change, waiter, state in (
        (ec2.stop_instances, "instance_stopped", "stopped"),
        (ec2.start_instances, "instance_running", "running"),
        (ec2.terminate_instances, "instance_terminated", "terminated"),
    ):
        change(InstanceIds=[instance_id])
        ec2.get_waiter(waiter).wait(InstanceIds=[instance_id], WaiterConfig=EVERY_SECOND)
        described = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
        assert described["State"]["Name"] == state

    for change in (ec2.stop_instances, ec2.start_instances):
        with refused("IncorrectInstanceState", instance_id):
            change(InstanceIds=[instance_id])
        with refused("InvalidInstanceID.NotFound"):
            change(InstanceIds=["i-0123456789abcdef0"])
    with refused("InvalidInstanceID.Malformed"):
        ec2.terminate_instances(InstanceIds=["nonsense"])
    with refused("InvalidParameterValue", "not in state 'running'"):
        ec2.create_image(InstanceId=instance_id, Name="too late")


def test_instances_and_volumes_come_in_pages(ec2, launch):
    launch("another")
    ec2.run_instances(ImageId=UBIQUITOUS_IMAGE, MinCount=7, MaxCount=7, TagSpecifications=tagged("instance", Name="one of seven"))
    reservations = [
        reservation
        for page in ec2.get_paginator("describe_instances").paginate(Filters=where(**{"tag:Name": "one of seven"}), PaginationConfig={"PageSize": 5})
        for reservation in page["Reservations"]
    ]
    instances = {instance["InstanceId"]: instance for reservation in reservations for instance in reservation["Instances"]}
    assert len(instances) == 7
    volumes = every(ec2, "describe_volumes", "Volumes")
    assert set(instances) <= {volume["Attachments"][0]["InstanceId"] for volume in volumes}

    with refused("InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults"):
        ec2.describe_instances(InstanceIds=list(instances), MaxResults=5)
    with refused("InvalidParameterCombination", "The parameter volumeIdsSet cannot be used with the parameter maxResults"):
        ec2.describe_volumes(VolumeIds=[volumes[0]["VolumeId"]], MaxResults=5)
    with refused("InvalidParameterValue", "Value ( 3 ) for parameter maxResults is invalid. Expecting a value greater than 5."):
        ec2.describe_instances(MaxResults=3)
    with refused("InvalidVolume.NotFound"):
        ec2.describe_volumes(VolumeIds=["vol-0123456789abcdef0"])
    with refused("InvalidAMIID.NotFound"):
        ec2.run_instances(ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1)


def test_an_image_is_made_of_every_volume_and_tagged_at_birth(ec2, launch):
    instance_id = launch(BlockDeviceMappings=DATA_DISK)
    create = {"InstanceId": instance_id, "NoReboot": True}
    image_id = ec2.create_image(**create, Name="backup", TagSpecifications=tagged("image", "snapshot", Creator="image-instance"))["ImageId"]
    assert ec2.describe_images(ImageIds=[image_id])["Images"][0]["State"] == "pending"
    ec2.get_waiter("image_available").wait(ImageIds=[image_id], WaiterConfig=EVERY_SECOND)

    image = ec2.describe_images(ImageIds=[image_id])["Images"][0]
    snapshots = ec2.describe_snapshots(SnapshotIds=snapshots_of(image))["Snapshots"]
    assert [mapping["DeviceName"] for mapping in image["BlockDeviceMappings"]] == ["/dev/sda1", "/dev/sdf"]
    assert sorted(snapshot["VolumeSize"] for snapshot in snapshots)[-1] == 20
    for described in (image, *snapshots):
        assert tags_of(described) == {"Creator": "image-instance"}
        assert described["State"] in ("available", "completed")
        assert described["OwnerId"] == image["OwnerId"]

    with refused("InvalidAMIName.Duplicate", f"AMI name backup is already in use by AMI {image_id}"):
        ec2.create_image(**create, Name="backup")
    with refused("InvalidAMIName.Malformed"):
        ec2.create_image(**create, Name="a,b,c")
    with refused("InvalidParameterValue", "'instance' is not a valid taggable resource type for this operation."):
        ec2.create_image(**create, Name="other", TagSpecifications=tagged("instance", Name="x"))
    with refused("InvalidInstanceID.NotFound"):
        ec2.create_image(InstanceId="i-0123456789abcdef0", Name="other")
    with refused("DryRunOperation"):
        ec2.create_image(**create, Name="other", DryRun=True)


def test_a_volume_can_be_left_out_of_an_image(ec2, launch):
    instance_id = launch(BlockDeviceMappings=DATA_DISK)
    image_id = ec2.create_image(InstanceId=instance_id, Name="root only", BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "NoDevice": ""}])["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[image_id], WaiterConfig=EVERY_SECOND)
    assert len(snapshots_of(ec2.describe_images(ImageIds=[image_id])["Images"][0])) == 1


def test_an_image_that_is_pending_cannot_be_copied(start_sandbox):
    slow = start_sandbox("--speed", "1")
    running = slow.boto3().describe_instances(Filters=where(instance_state_name="running"))["Reservations"][0]["Instances"][0]
    image_id = slow.boto3().create_image(InstanceId=running["InstanceId"], Name="backup")["ImageId"]
    with refused("InvalidAMIID.Unavailable", "pending"):
        slow.boto3(region="eu-west-1").copy_image(SourceImageId=image_id, SourceRegion=REGION, Name="copy")


def test_a_copy_is_another_regions_own_image(sandbox, ec2, create_image):
    source = create_image(TagSpecifications=tagged("image", "snapshot", Kind="source"))
    ireland = sandbox.boto3(region="eu-west-1")
    copy = {"SourceImageId": source["ImageId"], "SourceRegion": REGION, "Name": "copy", "ClientToken": "the same"}

    image_id = ireland.copy_image(**copy, TagSpecifications=tagged("image", "snapshot", Kind="copy"))["ImageId"]
    assert ireland.copy_image(**copy, TagSpecifications=tagged("image", "snapshot", Kind="copy"))["ImageId"] == image_id
    ireland.get_waiter("image_available").wait(ImageIds=[image_id], WaiterConfig=EVERY_SECOND)
    image = ireland.describe_images(ImageIds=[image_id])["Images"][0]
    snapshot = ireland.describe_snapshots(SnapshotIds=snapshots_of(image))["Snapshots"][0]
    assert (image["SourceImageId"], image["SourceImageRegion"]) == (source["ImageId"], REGION)
    assert snapshot["VolumeId"] == "vol-ffffffff"
    assert tags_of(image) == tags_of(snapshot) == {"Kind": "copy"}

    with_tags = ireland.copy_image(**copy | {"Name": "with tags", "ClientToken": "another"}, CopyImageTags=True)["ImageId"]
    assert tags_of(ireland.describe_images(ImageIds=[with_tags])["Images"][0]) == {"Kind": "source"}

    with refused("IdempotentParameterMismatch"):
        ireland.copy_image(**copy | {"Name": "another name"})
    with refused("InvalidAMIName.Duplicate", image_id):
        ireland.copy_image(**copy | {"ClientToken": "a third"})
    with refused("InvalidAMIID.NotFound"):
        ireland.copy_image(**copy | {"ClientToken": "a fourth", "Name": "other", "SourceImageId": "ami-0123456789abcdef0"})
    with refused("InvalidAMIID.NotFound"):
        ec2.describe_images(ImageIds=[image_id])
    with refused("DryRunOperation"):
        ireland.copy_image(**copy | {"ClientToken": "a fifth", "Name": "other"}, DryRun=True)


def test_images_and_snapshots_come_in_pages(ec2, create_image):
    image = create_image()
    mappings = [{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshots_of(image)[0]}}]
    for number in range(6):
        ec2.register_image(Name=f"registered {number}", RootDeviceName="/dev/sda1", BlockDeviceMappings=mappings)
    ran = ec2.run_instances(ImageId=UBIQUITOUS_IMAGE, MinCount=6, MaxCount=6)["Instances"]
    volumes = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance["InstanceId"] for instance in ran]}])
    for volume in volumes["Volumes"]:
        ec2.create_snapshot(VolumeId=volume["VolumeId"])

    assert len(every(ec2, "describe_images", "Images", Owners=["self"])) == 7
    assert len(every(ec2, "describe_snapshots", "Snapshots", OwnerIds=["self"])) == 7
    in_use = every(ec2, "describe_images", "Images", Owners=["self"], Filters=where(**{"block-device-mapping.snapshot-id": snapshots_of(image)[0]}))
    assert len(in_use) == 7

    with refused("InvalidParameterCombination", "The parameter imageIdsSet cannot be used with the parameter maxResults"):
        ec2.describe_images(ImageIds=[image["ImageId"]], MaxResults=5)
    with refused("InvalidParameterCombination", "The parameter snapshotSet cannot be used with the parameter maxResults"):
        ec2.describe_snapshots(SnapshotIds=snapshots_of(image), MaxResults=5)
    with refused("InvalidNextToken"):
        ec2.describe_images(Owners=["self"], MaxResults=5, NextToken="nonsense")
    with refused("InvalidAMIName.Duplicate"):
        ec2.register_image(Name="registered 0", RootDeviceName="/dev/sda1", BlockDeviceMappings=mappings)
    with refused("InvalidVolume.NotFound"):
        ec2.create_snapshot(VolumeId="vol-0123456789abcdef0")
    with refused("InvalidSnapshot.NotFound"):
        ec2.describe_snapshots(SnapshotIds=["snap-0123456789abcdef0"])


def test_an_image_goes_with_those_snapshots_that_no_other_image_has(ec2, create_image):
    first = create_image()
    snapshot_id = snapshots_of(first)[0]
    mappings = [{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot_id}}]
    second = ec2.register_image(Name="second", RootDeviceName="/dev/sda1", BlockDeviceMappings=mappings)

    with refused("InvalidSnapshot.InUse", f"The snapshot {snapshot_id} is currently in use by ami-"):
        ec2.delete_snapshot(SnapshotId=snapshot_id)
    with refused("DryRunOperation"):
        ec2.deregister_image(ImageId=first["ImageId"], DryRun=True)
    for image_id, code in ((first["ImageId"], "skipped"), (second["ImageId"], "success")):
        answer = ec2.deregister_image(ImageId=image_id, DeleteAssociatedSnapshots=True)
        assert answer["Return"] is True
        assert answer["DeleteSnapshotResults"] == [{"SnapshotId": snapshot_id, "ReturnCode": code}]

    with refused("InvalidAMIID.Unavailable"):
        ec2.deregister_image(ImageId=first["ImageId"])
    with refused("InvalidAMIID.Malformed"):
        ec2.deregister_image(ImageId="nonsense")
    with refused("InvalidSnapshot.NotFound"):
        ec2.delete_snapshot(SnapshotId=snapshot_id)


def test_an_orphan_can_be_deleted(ec2, create_image):
    image = create_image()
    ec2.deregister_image(ImageId=image["ImageId"])
    with refused("DryRunOperation"):
        ec2.delete_snapshot(SnapshotId=snapshots_of(image)[0], DryRun=True)
    ec2.delete_snapshot(SnapshotId=snapshots_of(image)[0])
    assert ec2.describe_snapshots(OwnerIds=["self"], Filters=where(snapshot_id=snapshots_of(image)[0]))["Snapshots"] == []


def test_a_protected_image_cannot_be_deregistered(ec2, create_image):
    image_id = create_image()["ImageId"]
    ec2.enable_image_deregistration_protection(ImageId=image_id)
    assert ec2.describe_images(ImageIds=[image_id])["Images"][0]["DeregistrationProtection"] == "enabled-without-cooldown"
    with refused("OperationNotPermitted"):
        ec2.deregister_image(ImageId=image_id)
    ec2.disable_image_deregistration_protection(ImageId=image_id)
    ec2.deregister_image(ImageId=image_id)


def test_a_disabled_image_is_hidden_unless_asked_for(ec2, create_image):
    image_id = create_image()["ImageId"]
    ec2.disable_image(ImageId=image_id)
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    [image] = ec2.describe_images(Owners=["self"], IncludeDisabled=True)["Images"]
    assert (image["ImageId"], image["State"]) == (image_id, "disabled")
    with refused("InvalidSnapshot.InUse", image_id):
        ec2.delete_snapshot(SnapshotId=snapshots_of(image)[0])
    ec2.enable_image(ImageId=image_id)
    assert ec2.describe_images(Owners=["self"])["Images"][0]["State"] == "available"

    for change in (ec2.enable_image, ec2.disable_image, ec2.enable_image_deregistration_protection, ec2.disable_image_deregistration_protection):
        with refused("DryRunOperation"):
            change(ImageId=image_id, DryRun=True)


def test_tags(ec2, create_image):
    image = create_image()
    resources = [image["ImageId"], *snapshots_of(image)]

    def tags():
        described = every(ec2, "describe_tags", "Tags", Filters=[{"Name": "resource-id", "Values": resources}])
        return sorted((tag["ResourceType"], tag["Key"], tag["Value"]) for tag in described)

    name = 'a "b", c\n<d> & é 日本'
    ec2.create_tags(Resources=resources, Tags=tag_list({"Name": name, "Expire": "2026-11-29T22:41:00Z", "Empty": ""}))
    ec2.delete_tags(Resources=resources, Tags=[{"Key": "Expire", "Value": "another"}, {"Key": "Empty", "Value": ""}])
    assert tags() == [(kind, *tag) for kind in ("image", "snapshot") for tag in (("Expire", "2026-11-29T22:41:00Z"), ("Name", name))]
    ec2.delete_tags(Resources=resources, Tags=[{"Key": "Expire"}])
    assert tags() == [("image", "Name", name), ("snapshot", "Name", name)]

    with refused("TagLimitExceeded"):
        ec2.create_tags(Resources=resources, Tags=tag_list({f"k{number}": "v" for number in range(50)}))
    for key, value in (("aws:name", "x"), ("k" * 128, "v"), ("Name", "v" * 257)):
        with refused("InvalidParameterValue"):
            ec2.create_tags(Resources=resources, Tags=tag_list({key: value}))
    with refused("InvalidSnapshot.NotFound"):
        ec2.create_tags(Resources=[*resources, "snap-0123456789abcdef0"], Tags=tag_list({"Other": "x"}))
    with refused("DryRunOperation"):
        ec2.delete_tags(Resources=resources, DryRun=True)
    assert tags() == [("image", "Name", name), ("snapshot", "Name", name)]


def test_filters_match_whole_values_with_wildcards(ec2, create_image):
    create_image("backup-ami@web", TagSpecifications=tagged("image", Note="100% *sure*?"))

    def found(**filters):
        return len(ec2.describe_images(Owners=["self"], Filters=where(**filters))["Images"])

    assert found(name="backup*") == found(name="*@web") == found(name="backup?ami@we?b") == 1
    assert found(name="backup") == found(name="BACKUP*") == 0
    assert found(**{"tag:Note": r"100% \*sure\*\?"}) == 1
    assert found(**{"tag:Note": r"\*"}) == 0
    assert found(name="backup*", **{"tag-key": "Note"}) == 1
    assert found(name="backup*", **{"tag-key": "Other"}) == 0


def test_regions_zones_and_the_caller(sandbox, ec2):
    regions = ec2.describe_regions()["Regions"]
    assert all(region["Endpoint"] == f"ec2.{region['RegionName']}.amazonaws.com" for region in regions)
    for region in regions[:3]:
        zones = sandbox.boto3(region=region["RegionName"]).describe_availability_zones()["AvailabilityZones"]
        assert {zone["RegionName"] for zone in zones} == {region["RegionName"]}
        assert all(zone["State"] == "available" and zone["ZoneId"] for zone in zones)
    identity = sandbox.boto3("sts").get_caller_identity()
    assert identity["Account"].isdigit() and identity["Account"] in identity["Arn"]
    for describe in (ec2.describe_regions, ec2.describe_availability_zones, ec2.describe_tags):
        with refused("DryRunOperation"):
            describe(DryRun=True)


def test_the_metadata_service_gives_region_and_credentials(sandbox, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", sandbox.url)
    monkeypatch.setenv("AWS_EC2_METADATA_V1_DISABLED", "true")
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    session = Session()
    assert IMDSRegionProvider(session).provide() == REGION

    credentials = session.get_credentials()
    assert credentials.method == "iam-role"
    sts = session.create_client("sts", region_name=REGION, endpoint_url=sandbox.url)
    assert sts.get_caller_identity()["Account"]


def test_the_metadata_service_tells_the_local_instance(sandbox, ec2):
    token = read(sandbox.url, "/latest/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    document = json.loads(read(sandbox.url, "/latest/dynamic/instance-identity/document", "GET", {"X-aws-ec2-metadata-token": token}))
    instance = ec2.describe_instances(InstanceIds=[document["instanceId"]])["Reservations"][0]["Instances"][0]
    assert document["region"] == REGION
    assert document["availabilityZone"] == instance["Placement"]["AvailabilityZone"]
    assert document["imageId"] == instance["ImageId"]


def test_the_metadata_service_wants_a_token(sandbox):
    for headers in ({}, {"X-aws-ec2-metadata-token": "nonsense"}):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            read(sandbox.url, "/latest/dynamic/instance-identity/document", "GET", headers)
    with pytest.raises(urllib.error.HTTPError, match="400"):
        read(sandbox.url, "/latest/api/token", "PUT", {})


def read(url, path, method, headers):
    with urllib.request.urlopen(urllib.request.Request(url + path, method=method, headers=headers)) as answer:
        return answer.read().decode()
