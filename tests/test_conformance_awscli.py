"""The stock AWS CLI drives the sandbox through all it can do, as a person types it."""

import pytest
from clients import CREDENTIALS, DATA_DISK, UBIQUITOUS_IMAGE, refused, snapshots_of, tags_of
from clients import tagged as born_with


@pytest.fixture
def ec2(sandbox):
    return lambda *command, **options: sandbox.aws("ec2", *command, **options)


def tags(**by_type):
    """The option by which a creating command tags what it creates."""
    shorthand = {kind: ",".join(f"{{Key={key},Value={value}}}" for key, value in pairs.items()) for kind, pairs in by_type.items()}
    return "--tag-specifications", *(f"ResourceType={kind},Tags=[{pairs}]" for kind, pairs in shorthand.items())


def test_run_instances(ec2):
    ran = ec2("run-instances", "--image-id", UBIQUITOUS_IMAGE, "--count", "2", "--instance-type", "t3.micro", *tags(instance={"Name": "web"}))
    assert [instance["State"]["Name"] for instance in ran["Instances"]] == ["pending", "pending"]
    assert {instance["InstanceType"] for instance in ran["Instances"]} == {"t3.micro"}
    assert {tags_of(instance)["Name"] for instance in ran["Instances"]} == {"web"}

    with refused("InvalidAMIID.NotFound"):
        ec2("run-instances", "--image-id", "ami-0123456789abcdef0")
    with refused("InvalidAMIID.Malformed"):
        ec2("run-instances", "--image-id", "nonsense")
    with refused("DryRunOperation"):
        ec2("run-instances", "--image-id", UBIQUITOUS_IMAGE, "--dry-run")
    with refused("InvalidParameterValue"):
        ec2("run-instances", "--image-id", UBIQUITOUS_IMAGE, *tags(image={"Name": "web"}))


def test_stop_start_and_terminate_instances(ec2, launch):
    instance_id = launch()

    stopping = ec2("stop-instances", "--instance-ids", instance_id)["StoppingInstances"][0]
    assert (stopping["PreviousState"]["Name"], stopping["CurrentState"]["Name"]) == ("running", "stopping")
    ec2("wait", "instance-stopped", "--instance-ids", instance_id)

    starting = ec2("start-instances", "--instance-ids", instance_id)["StartingInstances"][0]
    assert (starting["PreviousState"]["Name"], starting["CurrentState"]["Name"]) == ("stopped", "pending")
    ec2("wait", "instance-running", "--instance-ids", instance_id)

    terminating = ec2("terminate-instances", "--instance-ids", instance_id)["TerminatingInstances"][0]
    assert (terminating["PreviousState"]["Name"], terminating["CurrentState"]["Name"]) == ("running", "shutting-down")
    ec2("wait", "instance-terminated", "--instance-ids", instance_id)

    with refused("IncorrectInstanceState"):
        ec2("start-instances", "--instance-ids", instance_id)
    with refused("InvalidInstanceID.NotFound", "i-0123456789abcdef0"):
        ec2("stop-instances", "--instance-ids", "i-0123456789abcdef0")
    with refused("InvalidInstanceID.Malformed"):
        ec2("terminate-instances", "--instance-ids", "nonsense")


def test_describe_instances(ec2, launch):
    instance_id = launch("another")
    ec2("run-instances", "--image-id", UBIQUITOUS_IMAGE, "--count", "7", *tags(instance={"Name": "one-of-seven"}))
    web = ("describe-instances", "--filters", "Name=tag:Name,Values=one-of-*")

    def ids(answer):
        return [instance["InstanceId"] for reservation in answer["Reservations"] for instance in reservation["Instances"]]

    described = ec2("describe-instances", "--instance-ids", instance_id)["Reservations"][0]["Instances"][0]
    assert described["State"]["Name"] == "running"
    assert described["Placement"]["AvailabilityZone"].startswith("us-east-1")
    assert described["BlockDeviceMappings"][0]["DeviceName"] == described["RootDeviceName"] == "/dev/sda1"
    assert tags_of(described) == {"Name": "another"}

    assert len(set(ids(ec2(*web)))) == 7
    assert sorted(ids(ec2(*web, "--page-size", "5"))) == sorted(ids(ec2(*web)))
    first = ec2(*web, "--max-results", "5")
    second = ec2(*web, "--max-results", "5", "--next-token", first["NextToken"])
    assert len(ids(first)) == 5 and sorted(ids(first) + ids(second)) == sorted(ids(ec2(*web)))
    assert ids(ec2("describe-instances", "--filters", "Name=tag:Name,Values=anoth*", "Name=instance-state-name,Values=running")) == [instance_id]

    with refused("InvalidInstanceID.NotFound", "i-0123456789abcdef0"):
        ec2("describe-instances", "--instance-ids", instance_id, "i-0123456789abcdef0")
    with refused("InvalidInstanceID.Malformed"):
        ec2("describe-instances", "--instance-ids", "nonsense")
    with refused("InvalidParameterCombination", "cannot be used with the parameter maxResults"):
        ec2("describe-instances", "--instance-ids", instance_id, "--max-results", "5")
    with refused("InvalidParameterValue", "Expecting a value greater than 5."):
        ec2("describe-instances", "--max-results", "3")
    with refused("InvalidParameterValue"):
        ec2("describe-instances", "--filters", "Name=no-such-filter,Values=x")
    with refused("InvalidNextToken"):
        ec2(*web, "--max-results", "5", "--next-token", "nonsense")
    with refused("DryRunOperation"):
        ec2("describe-instances", "--dry-run")


def test_describe_volumes(ec2, launch):
    instance_id = launch(BlockDeviceMappings=DATA_DISK)
    volumes = ec2("describe-volumes", "--filters", f"Name=attachment.instance-id,Values={instance_id}")["Volumes"]
    assert sorted(volume["Attachments"][0]["Device"] for volume in volumes) == ["/dev/sda1", "/dev/sdf"]
    assert 20 in [volume["Size"] for volume in volumes]
    assert {volume["State"] for volume in volumes} == {"in-use"}

    volume_id = volumes[0]["VolumeId"]
    assert ec2("describe-volumes", "--volume-ids", volume_id)["Volumes"] == volumes[:1]
    assert len(ec2("describe-volumes", "--page-size", "5")["Volumes"]) == len(ec2("describe-volumes")["Volumes"])

    with refused("InvalidVolume.NotFound", "vol-0123456789abcdef0"):
        ec2("describe-volumes", "--volume-ids", "vol-0123456789abcdef0")
    with refused("InvalidParameterCombination"):
        ec2("describe-volumes", "--volume-ids", volume_id, "--max-results", "5")


def test_create_image(ec2, launch):
    instance_id = launch(BlockDeviceMappings=DATA_DISK)
    create = ("create-image", "--instance-id", instance_id)
    kinds = tags(image={"Kind": "image"}, snapshot={"Kind": "snapshot"})
    image_id = ec2(*create, "--name", "backup", "--no-reboot", *kinds)["ImageId"]
    ec2("wait", "image-available", "--image-ids", image_id)

    image = ec2("describe-images", "--image-ids", image_id)["Images"][0]
    assert (image["Name"], image["SourceInstanceId"], tags_of(image)) == ("backup", instance_id, {"Kind": "image"})
    snapshots = ec2("describe-snapshots", "--snapshot-ids", *snapshots_of(image))["Snapshots"]
    assert len(snapshots) == 2
    for snapshot in snapshots:
        assert snapshot["Description"].startswith(f"Created by CreateImage({instance_id}) for {image_id}")
        assert tags_of(snapshot) == {"Kind": "snapshot"}

    with refused("InvalidAMIName.Duplicate", image_id):
        ec2(*create, "--name", "backup")
    with refused("InvalidAMIName.Malformed"):
        ec2(*create, "--name", "no $ in a name")
    with refused("InvalidParameterValue", "not a valid taggable resource type"):
        ec2(*create, "--name", "other", *tags(volume={"Name": "x"}))
    with refused("InvalidParameterValue", "aws:"):
        ec2(*create, "--name", "other", *tags(image={"aws:name": "x"}))
    with refused("InvalidInstanceID.NotFound"):
        ec2("create-image", "--instance-id", "i-0123456789abcdef0", "--name", "other")
    with refused("InvalidInstanceID.Malformed"):
        ec2("create-image", "--instance-id", "nonsense", "--name", "other")
    with refused("DryRunOperation"):
        ec2(*create, "--name", "other", "--dry-run")

    ec2("terminate-instances", "--instance-ids", instance_id)
    ec2("wait", "instance-terminated", "--instance-ids", instance_id)
    with refused("InvalidParameterValue", "is not in state 'running' or 'stopping' or 'stopped'"):
        ec2(*create, "--name", "other")


def test_copy_image(ec2, create_image):
    source = create_image(TagSpecifications=born_with("image", Kind="image"))
    copy = ("copy-image", "--source-image-id", source["ImageId"], "--source-region", "us-east-1", "--name", "copy")
    token = ("--client-token", "the same")
    kinds = tags(image={"Kind": "copy"}, snapshot={"Kind": "snapshot"})

    def in_ireland(*command):
        return ec2(*command, region="eu-west-1")

    image_id = in_ireland(*copy, *token, *kinds)["ImageId"]
    in_ireland("wait", "image-available", "--image-ids", image_id)
    assert in_ireland(*copy, *token, *kinds)["ImageId"] == image_id

    image = in_ireland("describe-images", "--image-ids", image_id)["Images"][0]
    assert (image["SourceImageId"], image["SourceImageRegion"], tags_of(image)) == (source["ImageId"], "us-east-1", {"Kind": "copy"})
    snapshot = in_ireland("describe-snapshots", "--snapshot-ids", *snapshots_of(image))["Snapshots"][0]
    assert snapshot["Description"].startswith(
        f"Copied for DestinationAmi {image_id} from SourceAmi {source['ImageId']} for SourceSnapshot {snapshots_of(source)[0]}."
    )
    assert tags_of(snapshot) == {"Kind": "snapshot"}

    with refused("IdempotentParameterMismatch"):
        in_ireland(*copy[:-1], "another name", *token)
    with refused("InvalidAMIName.Duplicate", image_id):
        in_ireland(*copy)
    with refused("InvalidAMIID.NotFound"):
        in_ireland("copy-image", "--source-image-id", "ami-0123456789abcdef0", "--source-region", "us-east-1", "--name", "other")
    with refused("DryRunOperation"):
        in_ireland(*copy[:-1], "other", "--dry-run")


def test_register_image(ec2, create_image):
    snapshot_id = snapshots_of(create_image())[0]
    register = ("register-image", "--root-device-name", "/dev/sda1", "--architecture", "x86_64", "--virtualization-type", "hvm")
    mappings = ("--block-device-mappings", f"DeviceName=/dev/sda1,Ebs={{SnapshotId={snapshot_id}}}")
    image_id = ec2(*register, "--name", "restored", *mappings)["ImageId"]
    image = ec2("describe-images", "--image-ids", image_id)["Images"][0]
    assert (image["State"], snapshots_of(image)) == ("available", [snapshot_id])

    with refused("InvalidAMIName.Duplicate"):
        ec2(*register, "--name", "restored", *mappings)
    with refused("InvalidSnapshot.NotFound"):
        ec2(*register, "--name", "other", "--block-device-mappings", "DeviceName=/dev/sda1,Ebs={SnapshotId=snap-0123456789abcdef0}")
    with refused("DryRunOperation"):
        ec2(*register, "--name", "other", *mappings, "--dry-run")


def test_describe_images(ec2, sandbox, create_image):
    image = create_image(TagSpecifications=born_with("image", Creator="image-instance"))
    ours = ("describe-images", "--owners", "self")

    def names(answer):
        return sorted(image["Name"] for image in answer["Images"])

    assert names(ec2(*ours)) == ["backup"]
    filters = (
        "Name=tag:Creator,Values=other,image-instance",
        f"Name=source-instance-id,Values={image['SourceInstanceId']}",
        f"Name=block-device-mapping.snapshot-id,Values={snapshots_of(image)[0]}",
    )
    assert names(ec2(*ours, "--filters", *filters, "Name=state,Values=available")) == ["backup"]
    assert names(ec2(*ours, "--filters", *filters, "Name=state,Values=failed")) == []
    assert UBIQUITOUS_IMAGE in [image["ImageId"] for image in ec2("describe-images")["Images"]]

    for number in range(6):
        mappings = [{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshots_of(image)[0]}}]
        sandbox.boto3().register_image(Name=f"registered {number}", RootDeviceName="/dev/sda1", BlockDeviceMappings=mappings)
    assert len(names(ec2(*ours, "--page-size", "5"))) == 7
    first = ec2(*ours, "--max-items", "6")
    rest = ec2(*ours, "--starting-token", first["NextToken"])
    assert sorted(names(first) + names(rest)) == names(ec2(*ours))

    with refused("InvalidAMIID.NotFound", "ami-0123456789abcdef0"):
        ec2("describe-images", "--image-ids", image["ImageId"], "ami-0123456789abcdef0")
    with refused("InvalidAMIID.Malformed"):
        ec2("describe-images", "--image-ids", "nonsense")
    with refused("InvalidParameterCombination", "cannot be used with the parameter maxResults"):
        ec2("describe-images", "--image-ids", image["ImageId"], "--max-results", "5")
    with refused("InvalidParameterValue"):
        ec2(*ours, "--filters", "Name=no-such-filter,Values=x")
    with refused("DryRunOperation"):
        ec2("describe-images", "--dry-run")


def test_deregister_image(ec2, create_image):
    kept, gone = create_image("kept"), create_image("gone")
    deregister = ("deregister-image", "--image-id", kept["ImageId"])

    with refused("DryRunOperation"):
        ec2(*deregister, "--dry-run")
    assert ec2(*deregister)["Return"] is True
    assert len(ec2("describe-snapshots", "--snapshot-ids", *snapshots_of(kept))["Snapshots"]) == 1

    answer = ec2("deregister-image", "--image-id", gone["ImageId"], "--delete-associated-snapshots")
    assert answer["DeleteSnapshotResults"] == [{"SnapshotId": snapshots_of(gone)[0], "ReturnCode": "success"}]
    assert ec2("describe-images", "--owners", "self")["Images"] == []
    with refused("InvalidSnapshot.NotFound"):
        ec2("describe-snapshots", "--snapshot-ids", *snapshots_of(gone))

    with refused("InvalidAMIID.Unavailable"):
        ec2(*deregister)
    with refused("InvalidAMIID.NotFound"):
        ec2("deregister-image", "--image-id", "ami-0123456789abcdef0")
    with refused("InvalidAMIID.Malformed"):
        ec2("deregister-image", "--image-id", "nonsense")


def test_a_snapshot_of_two_images_stays_until_the_last_goes(ec2, create_image):
    first = create_image()
    snapshot_id = snapshots_of(first)[0]
    mappings = f"DeviceName=/dev/sda1,Ebs={{SnapshotId={snapshot_id}}}"
    second = ec2("register-image", "--name", "second", "--root-device-name", "/dev/sda1", "--block-device-mappings", mappings)

    with refused("InvalidSnapshot.InUse", snapshot_id):
        ec2("delete-snapshot", "--snapshot-id", snapshot_id)
    for image_id, code in ((first["ImageId"], "skipped"), (second["ImageId"], "success")):
        answer = ec2("deregister-image", "--image-id", image_id, "--delete-associated-snapshots")
        assert answer["DeleteSnapshotResults"] == [{"SnapshotId": snapshot_id, "ReturnCode": code}]


def test_snapshots_are_created_described_and_deleted(ec2, launch):
    volume_id = ec2("describe-volumes", "--filters", f"Name=attachment.instance-id,Values={launch()}")["Volumes"][0]["VolumeId"]
    create = ("create-snapshot", "--volume-id", volume_id)
    created = ec2(*create, "--description", "by hand", *tags(snapshot={"Creator": "other"}))
    snapshot_id = created["SnapshotId"]
    assert (created["State"], created["VolumeId"], tags_of(created)) == ("pending", volume_id, {"Creator": "other"})
    ec2("wait", "snapshot-completed", "--snapshot-ids", snapshot_id)

    ours = ("describe-snapshots", "--owner-ids", "self")
    described = ec2("describe-snapshots", "--snapshot-ids", snapshot_id)["Snapshots"][0]
    assert (described["State"], described["Progress"], described["Description"]) == ("completed", "100%", "by hand")
    filters = ("Name=tag:Creator,Values=other", "Name=description,Values=by *", f"Name=volume-id,Values={volume_id}")
    assert ec2(*ours, "--filters", *filters, "Name=status,Values=completed,error")["Snapshots"] == [described]
    assert ec2(*ours, "--filters", *filters, "Name=status,Values=pending")["Snapshots"] == []
    assert ec2(*ours, "--page-size", "5")["Snapshots"] == [described]

    with refused("InvalidVolume.NotFound"):
        ec2("create-snapshot", "--volume-id", "vol-0123456789abcdef0")
    with refused("DryRunOperation"):
        ec2(*create, "--dry-run")
    with refused("InvalidSnapshot.NotFound", "snap-0123456789abcdef0"):
        ec2("describe-snapshots", "--snapshot-ids", "snap-0123456789abcdef0")
    with refused("InvalidSnapshotID.Malformed"):
        ec2("describe-snapshots", "--snapshot-ids", "nonsense")
    with refused("InvalidParameterCombination", "cannot be used with the parameter maxResults"):
        ec2("describe-snapshots", "--snapshot-ids", snapshot_id, "--max-results", "5")

    ec2("delete-snapshot", "--snapshot-id", snapshot_id)
    with refused("InvalidSnapshot.NotFound", f"The snapshot '{snapshot_id}' does not exist."):
        ec2("delete-snapshot", "--snapshot-id", snapshot_id)
    with refused("InvalidSnapshotID.Malformed"):
        ec2("delete-snapshot", "--snapshot-id", "nonsense")


def test_tags_are_created_described_and_deleted(ec2, create_image):
    image = create_image()
    resources = (image["ImageId"], *snapshots_of(image))
    mine = ("describe-tags", "--filters", f"Name=resource-id,Values={','.join(resources)}")

    def described():
        return sorted((tag["ResourceType"], tag["Key"], tag["Value"]) for tag in ec2(*mine)["Tags"])

    ec2("create-tags", "--resources", *resources, "--tags", "Key=Expire,Value=2026-11-29T22:41:00Z", "Key=Name,Value=a b")
    ec2("create-tags", "--resources", image["ImageId"], "--tags", "Key=Name,Value=c")
    assert described() == [
        ("image", "Expire", "2026-11-29T22:41:00Z"),
        ("image", "Name", "c"),
        ("snapshot", "Expire", "2026-11-29T22:41:00Z"),
        ("snapshot", "Name", "a b"),
    ]
    ec2("delete-tags", "--resources", *resources, "--tags", "Key=Expire", "Key=Name,Value=another")
    assert described() == [("image", "Name", "c"), ("snapshot", "Name", "a b")]
    ec2("delete-tags", "--resources", *resources)
    assert described() == []

    with refused("InvalidAMIID.NotFound"):
        ec2("create-tags", "--resources", "ami-0123456789abcdef0", "--tags", "Key=Name,Value=x")
    with refused("InvalidID"):
        ec2("create-tags", "--resources", "nonsense", "--tags", "Key=Name,Value=x")
    with refused("TagLimitExceeded"):
        ec2("create-tags", "--resources", image["ImageId"], "--tags", *(f"Key=k{number},Value=v" for number in range(51)))
    with refused("InvalidParameterValue"):
        ec2("create-tags", "--resources", image["ImageId"], "--tags", "Key=aws:name,Value=x")
    with refused("DryRunOperation"):
        ec2("delete-tags", "--resources", image["ImageId"], "--dry-run")
    assert described() == []


def test_describe_regions_and_zones(ec2):
    regions = ec2("describe-regions")["Regions"]
    assert {"us-east-1", "eu-west-1", "ap-southeast-2"} <= {region["RegionName"] for region in regions}
    assert {region["OptInStatus"] for region in regions} <= {"opt-in-not-required", "opted-in"}
    assert len(ec2("describe-regions", "--all-regions")["Regions"]) >= len(regions)
    assert [region["RegionName"] for region in ec2("describe-regions", "--region-names", "eu-west-1")["Regions"]] == ["eu-west-1"]
    with refused("InvalidParameterValue"):
        ec2("describe-regions", "--region-names", "nowhere-1")

    zones = ec2("describe-availability-zones", region="eu-west-1")["AvailabilityZones"]
    assert {zone["RegionName"] for zone in zones} == {"eu-west-1"}
    assert "eu-west-1a" in [zone["ZoneName"] for zone in zones]
    for verb in ("describe-availability-zones", "describe-tags"):
        with refused("DryRunOperation"):
            ec2(verb, "--dry-run")


def test_protect_and_disable_images(ec2, create_image):
    image = ("--image-id", create_image()["ImageId"])
    ec2("enable-image-deregistration-protection", *image)
    with refused("OperationNotPermitted"):
        ec2("deregister-image", *image)
    ec2("disable-image-deregistration-protection", *image)

    ec2("disable-image", *image)
    assert ec2("describe-images", "--owners", "self")["Images"] == []
    assert ec2("describe-images", "--owners", "self", "--include-disabled")["Images"][0]["State"] == "disabled"
    ec2("enable-image", *image)
    assert ec2("describe-images", "--owners", "self")["Images"][0]["State"] == "available"

    for verb in ("enable-image", "disable-image", "enable-image-deregistration-protection", "disable-image-deregistration-protection"):
        with refused("InvalidAMIID.NotFound"):
            ec2(verb, "--image-id", "ami-0123456789abcdef0")


def test_get_caller_identity(sandbox, create_image):
    identity = sandbox.aws("sts", "get-caller-identity")
    assert set(identity) == {"UserId", "Account", "Arn"}
    assert identity["Account"] == create_image()["OwnerId"]


def test_the_metadata_service_gives_credentials(sandbox):
    metadata = {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": sandbox.url, "AWS_EC2_METADATA_V1_DISABLED": "true"}
    no_keys = dict.fromkeys(CREDENTIALS, "")
    assert sandbox.aws("sts", "get-caller-identity", **metadata, **no_keys)["Account"]
