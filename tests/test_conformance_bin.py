"""The Recycle Bin, sharing, deprecation and ancestry of images: one script, told to both clients; and to moto, where it knows the call."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from clients import AWS_CLI, BOTO3, EVERY_SECOND, REGION, UBIQUITOUS_IMAGE, refused, snapshots_of, tag_list, tagged

OTHER_ACCOUNT = "210987654321"
IN_BIN = "aws:recycle-bin:resource-in-bin"
UNKNOWN_IMAGE, UNKNOWN_SNAPSHOT = "ami-0123456789abcdef0", "snap-0123456789abcdef0"

# Where moto 5.2.5 answers a step of `attributes_of` otherwise: what the sandbox says, what moto says, who is right and by what.
# It knows nothing of the Recycle Bin, deprecation, ancestries and ResetImageAttribute.
DIFFERENCES = {
    "nothing": ("InvalidParameterCombination", None, "not known: the API model asks for one attribute and names no error"),
    "new description": ({"Value": "later"}, {"Value": "at first"}, "the sandbox: API_ModifyImageAttribute, Description"),
    "protection": ({"Value": "disabled"}, "InvalidRequest", "the sandbox: API_DescribeImageAttribute lists deregistrationProtection"),
    "never launched": ({}, "a page in HTML", "the sandbox: ami-last-launched-time.html, the value is absent"),
    "unknown attribute": ("InvalidParameterValue", "InvalidRequest", "not known: errors-overview.html has both and neither in particular"),
    "attribute of an unknown image": ("InvalidAMIID.NotFound", "a page in HTML", "the sandbox: errors-overview.html, InvalidAMIID.NotFound"),
}


def check_json(operation_model, response_dict, **_):
    """Every member of an answer of Recycle Bin is one that the API's model names."""

    def check(value, shape, path):
        if shape.type_name == "structure":
            assert set(value) <= set(shape.members), f"{path}: {set(value) - set(shape.members)}"
            for name, member in value.items():
                check(member, shape.members[name], f"{path}.{name}")
        elif shape.type_name == "list":
            for member in value:
                check(member, shape.member, f"{path}[]")
        else:
            assert value in shape.metadata.get("enum", [value]), f"{path}: {value}"

    if response_dict["status_code"] < 300 and response_dict["body"]:
        check(json.loads(response_dict["body"]), operation_model.output_shape, operation_model.name)


class Client:
    """Calls an action by its name in the API, through boto3 or the AWS CLI."""

    def __init__(self, kind, endpoint):
        self.kind = kind
        self.endpoint = endpoint

    def __call__(self, action, service="ec2", **parameters):
        if self.kind == AWS_CLI:
            return self.endpoint.aws(service, xform_name(action, "-"), "--cli-input-json", json.dumps(parameters)) or {}
        if service == "ec2":
            client = self.endpoint.boto3()
        else:
            # Its answers are JSON, and have a check of their own.
            client = replace(self.endpoint, modelled=False).boto3(service)
            client.meta.events.register("before-parse", check_json)
        return getattr(client, xform_name(action))(**parameters)


@pytest.fixture(params=[AWS_CLI, BOTO3])
def call(request, sandbox):
    return Client(request.param, sandbox)


@pytest.fixture
def keep(call):
    """Makes a rule that keeps what is deleted, and gives its identifier."""

    def keep(resource_type, days=7, **rule):
        period = {"RetentionPeriodValue": days, "RetentionPeriodUnit": "DAYS"}
        made = call("CreateRule", "rbin", RetentionPeriod=period, ResourceType=resource_type, **rule)
        assert made["Status"] == "available"
        return made["Identifier"]

    return keep


def rfc3339(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_rules_are_made_read_changed_listed_and_deleted(call, keep):
    described = {"Description": "backups", "Tags": [{"Key": "team", "Value": "blue"}]}
    rule = keep("EC2_IMAGE", **described, ResourceTags=[{"ResourceTagKey": "Creator", "ResourceTagValue": "image-instance"}])
    read = call("GetRule", "rbin", Identifier=rule)
    assert (read["Description"], read["ResourceType"], read["RetentionPeriod"]["RetentionPeriodValue"]) == ("backups", "EC2_IMAGE", 7)
    assert read["RuleArn"].startswith(f"arn:aws:rbin:{REGION}:") and read["RuleArn"].endswith(f":rule/{rule}")
    period = {"RetentionPeriodValue": 365, "RetentionPeriodUnit": "DAYS"}
    assert call("UpdateRule", "rbin", Identifier=rule, RetentionPeriod=period)["RetentionPeriod"] == period
    assert [listed["Identifier"] for listed in call("ListRules", "rbin", ResourceType="EC2_IMAGE")["Rules"]] == [rule]
    assert call("ListRules", "rbin", ResourceType="EBS_SNAPSHOT")["Rules"] == []

    with refused("ValidationException", "365"):
        keep("EC2_IMAGE", 366)
    with refused("ValidationException", "exclusion"):
        tags = [{"ResourceTagKey": "a"}]
        keep("EC2_IMAGE", ResourceTags=tags, ExcludeResourceTags=tags)
    with refused("ValidationException", "365"):
        call("UpdateRule", "rbin", Identifier=rule, RetentionPeriod=period | {"RetentionPeriodValue": 366})
    with refused("ValidationException", "NextToken"):
        call("ListRules", "rbin", ResourceType="EC2_IMAGE", MaxResults=1, NextToken="nonsense")
    call("DeleteRule", "rbin", Identifier=rule)
    for action in ("GetRule", "DeleteRule"):
        with refused("ResourceNotFoundException", rule):
            call(action, "rbin", Identifier=rule)


def test_an_image_goes_to_the_bin_and_comes_back(call, keep, create_image):
    keep("EC2_IMAGE", 30)
    keep("EBS_SNAPSHOT", 30, ExcludeResourceTags=[{"ResourceTagKey": "scratch"}])
    image = create_image(TagSpecifications=tagged("image", "snapshot", Creator="image-instance"))
    image_id, [snapshot_id] = image["ImageId"], snapshots_of(image)
    deregistered = call("DeregisterImage", ImageId=image_id, DeleteAssociatedSnapshots=True)
    assert deregistered["DeleteSnapshotResults"] == [{"SnapshotId": snapshot_id, "ReturnCode": "success"}]
    assert call("DescribeImages", Owners=["self"], IncludeDisabled=True)["Images"] == []
    assert call("DescribeSnapshots", OwnerIds=["self"])["Snapshots"] == []

    [listed] = call("ListImagesInRecycleBin")["Images"]
    assert (listed["ImageId"], listed["Name"]) == (image_id, "backup")
    [listed] = call("ListSnapshotsInRecycleBin", SnapshotIds=[snapshot_id])["Snapshots"]
    assert listed["Description"].endswith(f" for {image_id}")
    entered, leaves = (moment(listed[name]) for name in ("RecycleBinEnterTime", "RecycleBinExitTime"))
    assert leaves - entered == timedelta(days=30)
    tags = call("DescribeTags", Filters=[{"Name": "key", "Values": [IN_BIN]}])["Tags"]
    assert sorted((tag["ResourceId"], tag["Value"]) for tag in tags) == [(image_id, "true"), (snapshot_id, "true")]
    call("CreateTags", Resources=[image_id, snapshot_id], Tags=tag_list({"Why": "a mistake"}))

    with refused("InvalidSnapshot.NotFound"):
        call("DeleteSnapshot", SnapshotId=snapshot_id)
    with refused("InvalidAMIID.Unavailable"):
        call("DeregisterImage", ImageId=image_id)
    with refused("IncorrectState", snapshot_id):
        call("RestoreImageFromRecycleBin", ImageId=image_id)
    restored = call("RestoreSnapshotFromRecycleBin", SnapshotId=snapshot_id)
    assert (restored["SnapshotId"], restored["State"], restored["VolumeSize"]) == (snapshot_id, "completed", 8)
    assert call("RestoreImageFromRecycleBin", ImageId=image_id)["Return"] is True
    [again] = call("DescribeImages", ImageIds=[image_id])["Images"]
    assert (again["State"], snapshots_of(again)) == ("available", [snapshot_id])
    assert {tag["Key"] for tag in again["Tags"]} == {"Creator", "Why"}

    with refused("InvalidAMIID.NotFound"):
        call("RestoreImageFromRecycleBin", ImageId=image_id)
    with refused("InvalidSnapshot.NotFound"):
        call("RestoreSnapshotFromRecycleBin", SnapshotId=snapshot_id)
    with refused("InvalidAMIID.NotFound"):
        call("ListImagesInRecycleBin", ImageIds=[UNKNOWN_IMAGE])
    with refused("InvalidSnapshot.NotFound"):
        call("ListSnapshotsInRecycleBin", SnapshotIds=[UNKNOWN_SNAPSHOT])
    for action in ("ListImagesInRecycleBin", "ListSnapshotsInRecycleBin"):
        with refused("DryRunOperation"):
            call(action, DryRun=True)


def test_an_image_whose_snapshots_are_gone_stays_in_the_bin_for_nothing(call, keep, create_image):
    keep("EC2_IMAGE")
    image = create_image()
    call("DeregisterImage", ImageId=image["ImageId"])
    call("DeleteSnapshot", SnapshotId=snapshots_of(image)[0])
    assert len(call("ListImagesInRecycleBin", ImageIds=[image["ImageId"]])["Images"]) == 1
    with refused("InvalidSnapshot.NotFound", snapshots_of(image)[0]):
        call("RestoreImageFromRecycleBin", ImageId=image["ImageId"])


def test_the_bin_comes_in_pages(sandbox, create_image):
    ec2 = sandbox.boto3()
    rbin = replace(sandbox, modelled=False).boto3("rbin")
    for resource_type in ("EC2_IMAGE", "EBS_SNAPSHOT", "EC2_IMAGE"):
        rbin.create_rule(RetentionPeriod={"RetentionPeriodValue": 1, "RetentionPeriodUnit": "DAYS"}, ResourceType=resource_type)
    for number in range(3):
        ec2.deregister_image(ImageId=create_image(f"backup {number}")["ImageId"], DeleteAssociatedSnapshots=True)
    for client, action, result, size, parameters in (
        (ec2, "list_images_in_recycle_bin", "Images", 1, {}),
        (ec2, "list_snapshots_in_recycle_bin", "Snapshots", 5, {}),
        (rbin, "list_rules", "Rules", 1, {"ResourceType": "EC2_IMAGE"}),
    ):
        pages = [page[result] for page in client.get_paginator(action).paginate(**parameters, PaginationConfig={"PageSize": size})]
        assert all(len(page) <= size for page in pages)
        assert sum(map(len, pages)) == (2 if result == "Rules" else 3)


def test_images_are_shared_as_a_person_types_it(sandbox, create_image):
    image = ("--image-id", create_image()["ImageId"])

    def shared():
        return sandbox.aws("ec2", "describe-image-attribute", *image, "--attribute", "launchPermission")["LaunchPermissions"]

    sandbox.aws("ec2", "modify-image-attribute", *image, "--launch-permission", f"Add=[{{UserId={OTHER_ACCOUNT}}},{{Group=all}}]")
    assert shared() == [{"Group": "all"}, {"UserId": OTHER_ACCOUNT}]
    removal = ("--attribute", "launchPermission", "--operation-type", "remove", "--user-ids", OTHER_ACCOUNT)
    sandbox.aws("ec2", "modify-image-attribute", *image, *removal)
    assert shared() == [{"Group": "all"}]
    sandbox.aws("ec2", "reset-image-attribute", *image, "--attribute", "launchPermission")
    assert shared() == []
    sandbox.aws("ec2", "modify-image-attribute", *image, "--description", "before the upgrade")
    described = sandbox.aws("ec2", "describe-image-attribute", *image, "--attribute", "description")
    assert described["Description"] == {"Value": "before the upgrade"}


def test_attributes_are_changed_read_and_reset(call, create_image):
    image = {"ImageId": create_image()["ImageId"]}
    permission = {"Attribute": "launchPermission"}
    call("ModifyImageAttribute", **image, LaunchPermission={"Add": [{"UserId": OTHER_ACCOUNT}]})
    assert call("DescribeImageAttribute", **image, **permission)["LaunchPermissions"] == [{"UserId": OTHER_ACCOUNT}]
    call("ResetImageAttribute", **image, **permission)
    assert call("DescribeImageAttribute", **image, **permission)["LaunchPermissions"] == []
    assert call("DescribeImageAttribute", **image, Attribute="lastLaunchedTime")["LastLaunchedTime"] == {}
    assert call("DescribeImageAttribute", **image, Attribute="deregistrationProtection")["DeregistrationProtection"] == {"Value": "disabled"}

    with refused("InvalidAMIAttributeItemValue", "me"):
        call("ModifyImageAttribute", **image, LaunchPermission={"Add": [{"UserId": "me"}]})
    with refused("InvalidParameterCombination"):
        call("ModifyImageAttribute", **image)
    with refused("AuthFailure"):
        call("DescribeImageAttribute", **image, Attribute="blockDeviceMapping")
    with refused("InvalidParameterValue"):
        call("ResetImageAttribute", **image, Attribute="description")
    for action, parameters in (
        ("ModifyImageAttribute", {"Description": {"Value": "x"}}),
        ("DescribeImageAttribute", permission),
        ("ResetImageAttribute", permission),
    ):
        with refused("InvalidAMIID.NotFound", UNKNOWN_IMAGE):
            call(action, ImageId=UNKNOWN_IMAGE, **parameters)
        with refused("DryRunOperation"):
            call(action, **image, **parameters, DryRun=True)
    with refused("AuthFailure"):
        call("ModifyImageAttribute", ImageId=UBIQUITOUS_IMAGE, Description={"Value": "mine"})


def test_a_pending_image_cannot_be_shared(start_sandbox):
    slow = start_sandbox("--speed", "1")
    ec2 = slow.boto3()
    instance = ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])["Reservations"][0]["Instances"][0]
    image_id = ec2.create_image(InstanceId=instance["InstanceId"], Name="backup")["ImageId"]
    message = f"The AMI ID '{image_id}' is currently pending and may not be used for this operation"
    with refused("InvalidAMIID.Unavailable", message):
        ec2.modify_image_attribute(ImageId=image_id, LaunchPermission={"Add": [{"UserId": OTHER_ACCOUNT}]})


def test_an_image_is_deprecated_and_no_more(call, create_image):
    image = {"ImageId": create_image()["ImageId"]}

    def deprecated():
        return call("DescribeImages", ImageIds=[image["ImageId"]])["Images"][0].get("DeprecationTime")

    soon = datetime.now(UTC).replace(second=0) + timedelta(days=30)
    assert call("EnableImageDeprecation", **image, DeprecateAt=rfc3339(soon + timedelta(seconds=29)))["Return"] is True
    assert deprecated() == soon.strftime("%Y-%m-%dT%H:%M:00.000Z")
    call("DisableImageDeprecation", **image)
    assert deprecated() is None
    for wrong in (datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(days=3660)):
        with refused("InvalidParameterValue", "DeprecateAt"):
            call("EnableImageDeprecation", **image, DeprecateAt=rfc3339(wrong))
    with refused("AuthFailure"):
        call("EnableImageDeprecation", ImageId=UBIQUITOUS_IMAGE, DeprecateAt=rfc3339(soon))
    with refused("InvalidAMIID.NotFound"):
        call("DisableImageDeprecation", ImageId=UNKNOWN_IMAGE)


def test_protection_is_answered_with_a_text(sandbox, create_image):
    image = {"ImageId": create_image()["ImageId"]}
    ec2 = sandbox.boto3()
    assert ec2.enable_image_deregistration_protection(**image, WithCooldown=True)["Return"] == "true"
    assert ec2.disable_image_deregistration_protection(**image)["Return"] == "true"
    assert ec2.describe_images(ImageIds=[image["ImageId"]])["Images"][0]["DeregistrationProtection"] != "disabled"
    with refused("OperationNotPermitted"):
        ec2.deregister_image(**image)


def test_an_image_tells_its_ancestry(call, create_image):
    image = create_image()
    assert (image["SourceImageId"], image["SourceImageRegion"]) == (UBIQUITOUS_IMAGE, REGION)
    copied = call("CopyImage", SourceImageId=image["ImageId"], SourceRegion=REGION, Name="copy")["ImageId"]
    call("DeregisterImage", ImageId=image["ImageId"])
    entries = call("GetImageAncestry", ImageId=copied)["ImageAncestryEntries"]
    assert [entry["ImageId"] for entry in entries] == [copied, image["ImageId"], UBIQUITOUS_IMAGE]
    assert [entry.get("SourceImageId") for entry in entries] == [image["ImageId"], UBIQUITOUS_IMAGE, None]
    assert entries[-1]["ImageOwnerAlias"] == "amazon"
    with refused("InvalidAMIID.NotFound"):
        call("GetImageAncestry", ImageId=UNKNOWN_IMAGE)


def attributes_of(ec2):
    """A script about one image: what each step was answered, by what it did. A refusal is its code."""
    instance = ec2.run_instances(ImageId=UBIQUITOUS_IMAGE, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=EVERY_SECOND)
    image_id = ec2.create_image(InstanceId=instance, Name="backup", Description="at first")["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[image_id], WaiterConfig=EVERY_SECOND)
    told = {}

    def step(name, result, action, **parameters):
        try:
            answer = action(**{"ImageId": image_id} | parameters)
        except ClientError as error:
            told[name] = error.response["Error"]["Code"]
        except ResponseParserError:
            told[name] = "a page in HTML"
        else:
            told[name] = result and answer.get(result)

    def permissions(name):
        step(name, "LaunchPermissions", ec2.describe_image_attribute, Attribute="launchPermission")

    def modify(name, **parameters):
        step(name, None, ec2.modify_image_attribute, **parameters)

    permissions("shared with nobody")
    modify("share", LaunchPermission={"Add": [{"UserId": OTHER_ACCOUNT}]})
    permissions("shared with one")
    modify("publish", Attribute="launchPermission", OperationType="add", UserGroups=["all"])
    step("public", "Images", lambda ImageId: {"Images": ec2.describe_images(ImageIds=[ImageId])["Images"][0]["Public"]})
    modify("take back", LaunchPermission={"Remove": [{"UserId": OTHER_ACCOUNT}, {"Group": "all"}]})
    permissions("shared no more")
    modify("take back again", LaunchPermission={"Remove": [{"UserId": OTHER_ACCOUNT}]})
    modify("share with a name", LaunchPermission={"Add": [{"UserId": "me"}]})
    modify("share with a group", LaunchPermission={"Add": [{"Group": "everyone"}]})
    modify("nothing")
    modify("dry run", Description={"Value": "x"}, DryRun=True)
    modify("unknown image", ImageId=UNKNOWN_IMAGE, Description={"Value": "x"})
    modify("malformed image", ImageId="nonsense", Description={"Value": "x"})
    step("description", "Description", ec2.describe_image_attribute, Attribute="description")
    modify("describe anew", Description={"Value": "later"})
    step("new description", "Description", ec2.describe_image_attribute, Attribute="description")
    step("block devices", None, ec2.describe_image_attribute, Attribute="blockDeviceMapping")
    step("protection", "DeregistrationProtection", ec2.describe_image_attribute, Attribute="deregistrationProtection")
    step("never launched", "LastLaunchedTime", ec2.describe_image_attribute, Attribute="lastLaunchedTime")
    step("unknown attribute", None, ec2.describe_image_attribute, Attribute="colour")
    step("attribute of an unknown image", None, ec2.describe_image_attribute, ImageId=UNKNOWN_IMAGE, Attribute="description")
    return told


def test_moto_answers_alike_but_for_what_is_listed(sandbox, moto):
    ours, theirs = attributes_of(sandbox.boto3()), attributes_of(moto.boto3())
    differences = {step: (ours[step], theirs[step]) for step in ours if ours[step] != theirs[step]}
    assert differences == {step: (here, there) for step, (here, there, _) in DIFFERENCES.items()}


def moment(value):
    """boto3 gives an instant, the AWS CLI a text."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value
