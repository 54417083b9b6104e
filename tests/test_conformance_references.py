"""What refers to an image, through boto3 and the AWS CLI: launch templates, launch configurations, DescribeImageReferences.

Where moto has the call too, one script runs on both servers. Where their outcomes differ, DIFFERENCES says who is right.
"""

import json

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from clients import AWS_CLI, BOTO3, UBIQUITOUS_IMAGE, refused, tag_list, tagged, tags_of

ACTIONS = """
    CreateLaunchTemplate CreateLaunchTemplateVersion ModifyLaunchTemplate DescribeLaunchTemplates DescribeLaunchTemplateVersions
    DeleteLaunchTemplate DeleteLaunchTemplateVersions
    CreateLaunchConfiguration DescribeLaunchConfigurations DeleteLaunchConfiguration
    DescribeImageReferences DescribeInstanceImageMetadata
""".split()

# EC2 asks of no template whether its image exists.
NO_IMAGE, ANOTHER = "ami-0123456789abcdef0", "ami-0fedcba9876543210"
NO_TEMPLATE = "lt-0123456789abcdef0"


@pytest.fixture
def ec2(sandbox):
    return sandbox.boto3()


@pytest.fixture
def auto_scaling(sandbox):
    return sandbox.boto3("autoscaling")


def versions_of(ec2, **options):
    """Number → image of the versions described, in pages of two."""
    pages = ec2.get_paginator("describe_launch_template_versions").paginate(**options, PaginationConfig={"PageSize": 2})
    versions = [version for page in pages for version in page["LaunchTemplateVersions"]]
    return {version["VersionNumber"]: version["LaunchTemplateData"].get("ImageId") for version in versions}


def arns(answer):
    return sorted(reference["Arn"] for reference in answer["ImageReferences"])


def test_a_launch_template_has_versions(ec2):
    template = ec2.create_launch_template(
        LaunchTemplateName="web",
        VersionDescription="the first",
        LaunchTemplateData={
            "ImageId": NO_IMAGE,
            "InstanceType": "t3.micro",
            "SecurityGroupIds": ["sg-0123456789abcdef0"],
            "BlockDeviceMappings": [
                {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 20, "DeleteOnTermination": True}},
                {"DeviceName": "/dev/sdg", "NoDevice": ""},
            ],
            "TagSpecifications": tagged("instance", Name="web"),
        },
        TagSpecifications=tagged("launch-template", Team="blue"),
    )["LaunchTemplate"]
    assert (template["DefaultVersionNumber"], template["LatestVersionNumber"], tags_of(template)) == (1, 1, {"Team": "blue"})
    web = {"LaunchTemplateId": template["LaunchTemplateId"]}

    second = ec2.create_launch_template_version(**web, SourceVersion="1", LaunchTemplateData={"ImageId": ANOTHER})["LaunchTemplateVersion"]
    assert (second["VersionNumber"], second["DefaultVersion"]) == (2, False)
    assert second["LaunchTemplateData"] == {
        "ImageId": ANOTHER,
        "InstanceType": "t3.micro",
        "SecurityGroupIds": ["sg-0123456789abcdef0"],
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 20, "DeleteOnTermination": True}},
            {"DeviceName": "/dev/sdg", "NoDevice": ""},
        ],
        "TagSpecifications": tagged("instance", Name="web"),
    }
    ec2.create_launch_template_version(**web, LaunchTemplateData={"ImageId": "resolve:ssm:/web/image"})
    assert ec2.modify_launch_template(**web, DefaultVersion="2")["LaunchTemplate"]["DefaultVersionNumber"] == 2

    assert versions_of(ec2, **web) == {1: NO_IMAGE, 2: ANOTHER, 3: "resolve:ssm:/web/image"}
    assert versions_of(ec2, **web, Versions=["$Latest", "$Default"]) == {2: ANOTHER, 3: "resolve:ssm:/web/image"}
    assert versions_of(ec2, **web, Filters=[{"Name": "image-id", "Values": [NO_IMAGE]}]) == {1: NO_IMAGE}
    assert versions_of(ec2, Versions=["$Default"]) == {2: ANOTHER}

    deleted = ec2.delete_launch_template_versions(**web, Versions=["1", "2", "9"])
    assert [version["VersionNumber"] for version in deleted["SuccessfullyDeletedLaunchTemplateVersions"]] == [1]
    left = {version["VersionNumber"]: version["ResponseError"]["Code"] for version in deleted["UnsuccessfullyDeletedLaunchTemplateVersions"]}
    assert left == {2: "unexpectedError", 9: "launchTemplateVersionDoesNotExist"}
    assert ec2.delete_launch_template(**web)["LaunchTemplate"]["LaunchTemplateName"] == "web"

    for call in (
        lambda: ec2.create_launch_template_version(**web, LaunchTemplateData={"ImageId": ANOTHER}),
        lambda: ec2.modify_launch_template(**web, DefaultVersion="2"),
        lambda: ec2.describe_launch_template_versions(**web),
        lambda: ec2.delete_launch_template_versions(**web, Versions=["1"]),
        lambda: ec2.delete_launch_template(**web),
        lambda: ec2.describe_launch_templates(LaunchTemplateIds=[template["LaunchTemplateId"]]),
    ):
        with refused("InvalidLaunchTemplateId.NotFound", template["LaunchTemplateId"]):
            call()
    with refused("InvalidLaunchTemplateName.MalformedException"):
        ec2.create_launch_template(LaunchTemplateName="a b c", LaunchTemplateData={"ImageId": NO_IMAGE})


def test_launch_templates_come_in_pages_and_have_tags(ec2):
    for number in range(5):
        ec2.create_launch_template(LaunchTemplateName=f"web-{number}", LaunchTemplateData={"ImageId": NO_IMAGE})
    pages = list(ec2.get_paginator("describe_launch_templates").paginate(PaginationConfig={"PageSize": 2}))
    templates = [template for page in pages for template in page["LaunchTemplates"]]
    assert [len(page["LaunchTemplates"]) for page in pages] == [2, 2, 1]
    assert {template["LaunchTemplateName"] for template in templates} == {f"web-{number}" for number in range(5)}

    ec2.create_tags(Resources=[templates[0]["LaunchTemplateId"]], Tags=tag_list({"Team": "blue"}))
    tagged_blue = ec2.describe_launch_templates(Filters=[{"Name": "tag:Team", "Values": ["blue"]}])["LaunchTemplates"]
    assert [template["LaunchTemplateId"] for template in tagged_blue] == [templates[0]["LaunchTemplateId"]]


def test_a_launch_configuration(auto_scaling, ec2, create_image):
    image = create_image()["ImageId"]
    web = {"LaunchConfigurationName": "web"}
    mappings = [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 20, "DeleteOnTermination": True}}, {"DeviceName": "/dev/sdg", "NoDevice": True}]
    auto_scaling.create_launch_configuration(
        **web, ImageId=image, InstanceType="t3.micro", SecurityGroups=["sg-0123456789abcdef0"], BlockDeviceMappings=mappings
    )
    [described] = auto_scaling.describe_launch_configurations(LaunchConfigurationNames=["web", "no such"])["LaunchConfigurations"]
    assert (described["ImageId"], described["InstanceType"], described["BlockDeviceMappings"]) == (image, "t3.micro", mappings)
    assert described["LaunchConfigurationARN"].endswith(":launchConfigurationName/web")

    # It does not hold the image, and is not among its references.
    assert arns(ec2.describe_image_references(ImageIds=[image], IncludeAllResourceTypes=True)) == []
    ec2.deregister_image(ImageId=image)
    with refused("ValidationError", f"AMI {NO_IMAGE} is invalid"):
        auto_scaling.create_launch_configuration(LaunchConfigurationName="db", ImageId=NO_IMAGE, InstanceType="t3.micro")
    with refused("AlreadyExists"):
        auto_scaling.create_launch_configuration(**web, ImageId=UBIQUITOUS_IMAGE, InstanceType="t3.micro")
    with refused("ValidationError", "at 'maxRecords'"):
        auto_scaling.describe_launch_configurations(MaxRecords=101)
    with refused("InvalidNextToken"):
        auto_scaling.describe_launch_configurations(NextToken="nonsense")
    auto_scaling.delete_launch_configuration(**web)
    with refused("ValidationError", "not found"):
        auto_scaling.delete_launch_configuration(**web)


def test_launch_configurations_come_in_pages(auto_scaling):
    for number in range(5):
        auto_scaling.create_launch_configuration(LaunchConfigurationName=f"web-{number}", ImageId=UBIQUITOUS_IMAGE, InstanceType="t3.micro")
    pages = list(auto_scaling.get_paginator("describe_launch_configurations").paginate(PaginationConfig={"PageSize": 2}))
    names = [configuration["LaunchConfigurationName"] for page in pages for configuration in page["LaunchConfigurations"]]
    assert [len(page["LaunchConfigurations"]) for page in pages] == [2, 2, 1]
    assert sorted(names) == [f"web-{number}" for number in range(5)]


def test_references_to_an_image(ec2, create_image):
    image = create_image()["ImageId"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    template = ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": image})["LaunchTemplate"]["LaunchTemplateId"]
    account = ec2.describe_images(ImageIds=[image])["Images"][0]["OwnerId"]
    of_instance, of_template = (f"arn:aws:ec2:us-east-1:{account}:{resource}" for resource in (f"instance/{instance}", f"launch-template/{template}"))

    def found(*resource_types, **options):
        if resource_types:
            options |= {"ResourceTypes": resource_types}
        return arns(ec2.describe_image_references(ImageIds=[image, ANOTHER], **options))

    def of_type(name, option=None, *values):
        return {"ResourceType": name} | ({"ResourceTypeOptions": [{"OptionName": option, "OptionValues": values}]} if option else {})

    assert found(IncludeAllResourceTypes=True) == [of_instance, of_template]
    assert found(of_type("ec2:Instance", "state-name", "terminated")) == []
    assert found(of_type("ec2:LaunchTemplate"), of_type("ssm:Parameter")) == [of_template]

    for _ in range(10):
        ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={"ImageId": ANOTHER})
    only_image = {"ImageIds": [image], "ResourceTypes": [of_type("ec2:LaunchTemplate")]}
    assert arns(ec2.describe_image_references(**only_image)) == []
    deep = {"ImageIds": [image], "ResourceTypes": [of_type("ec2:LaunchTemplate", "version-depth", "11")]}
    assert arns(ec2.describe_image_references(**deep)) == [of_template]

    ec2.run_instances(ImageId=image, MinCount=7, MaxCount=7)
    first = ec2.describe_image_references(ImageIds=[image], IncludeAllResourceTypes=True, MaxResults=5)
    second = ec2.describe_image_references(ImageIds=[image], IncludeAllResourceTypes=True, MaxResults=5, NextToken=first["NextToken"])
    assert (len(arns(first)), len(arns(second)), "NextToken" in second) == (5, 3, False)

    ec2.deregister_image(ImageId=image)
    assert len(found(of_type("ec2:Instance"))) == 8
    [metadata] = ec2.describe_instance_image_metadata(InstanceIds=[instance])["InstanceImageMetadata"]
    assert (metadata["ImageMetadata"]["ImageId"], metadata["ImageMetadata"]["State"]) == (image, "deregistered")

    with refused("InvalidAMIID.Malformed"):
        ec2.describe_image_references(ImageIds=["nonsense"], IncludeAllResourceTypes=True)
    with refused("MissingParameter"):
        ec2.describe_image_references(ImageIds=[image])
    with refused("InvalidParameterValue"):
        ec2.describe_image_references(ImageIds=[f"ami-{number:08}" for number in range(11)], IncludeAllResourceTypes=True)
    with refused("InvalidParameterValue"):
        ec2.describe_image_references(ImageIds=[image], ResourceTypes=[of_type("ec2:LaunchTemplate", "version-depth", "10001")])
    with refused("InvalidInstanceID.NotFound"):
        ec2.describe_instance_image_metadata(InstanceIds=["i-0123456789abcdef0"])


def test_all_of_it_from_the_command_line(sandbox):
    def aws(*command):
        return sandbox.aws(*command)

    data = ("--launch-template-data", json.dumps({"ImageId": UBIQUITOUS_IMAGE, "InstanceType": "t3.micro"}))
    web = ("--launch-template-name", "web")
    template = aws("ec2", "create-launch-template", *web, *data)["LaunchTemplate"]["LaunchTemplateId"]
    newer = ("--source-version", "1", "--launch-template-data", json.dumps({"ImageId": ANOTHER}))
    version = aws("ec2", "create-launch-template-version", *web, *newer)["LaunchTemplateVersion"]
    assert version["LaunchTemplateData"] == {"ImageId": ANOTHER, "InstanceType": "t3.micro"}
    assert aws("ec2", "modify-launch-template", *web, "--default-version", "2")["LaunchTemplate"]["DefaultVersionNumber"] == 2
    assert [found["LaunchTemplateId"] for found in aws("ec2", "describe-launch-templates")["LaunchTemplates"]] == [template]
    latest = aws("ec2", "describe-launch-template-versions", "--versions", "$Latest")["LaunchTemplateVersions"]
    assert [version["LaunchTemplateData"]["ImageId"] for version in latest] == [ANOTHER]

    images = ("--image-ids", UBIQUITOUS_IMAGE)
    references = aws("ec2", "describe-image-references", *images, "--resource-types", "ResourceType=ec2:LaunchTemplate")
    assert arns(references)[0].endswith(f":launch-template/{template}")
    everything = aws("ec2", "describe-image-references", *images, "--include-all-resource-types")["ImageReferences"]
    assert {reference["ResourceType"] for reference in everything} == {"ec2:Instance", "ec2:LaunchTemplate"}
    metadata = aws("ec2", "describe-instance-image-metadata")["InstanceImageMetadata"]
    assert {described["ImageMetadata"]["ImageId"] for described in metadata} == {UBIQUITOUS_IMAGE}

    deleted = aws("ec2", "delete-launch-template-versions", *web, "--versions", "1")
    assert len(deleted["SuccessfullyDeletedLaunchTemplateVersions"]) == 1
    aws("ec2", "delete-launch-template", *web)

    configuration = ("--launch-configuration-name", "web")
    create = ("autoscaling", "create-launch-configuration", *configuration, "--instance-type", "t3.micro", "--image-id")
    aws(*create, UBIQUITOUS_IMAGE)
    described = aws("autoscaling", "describe-launch-configurations")["LaunchConfigurations"]
    assert [found["ImageId"] for found in described] == [UBIQUITOUS_IMAGE]
    with refused("AlreadyExists"):
        aws(*create, UBIQUITOUS_IMAGE)
    aws("autoscaling", "delete-launch-configuration", *configuration)

    for code, *command in (
        ("InvalidLaunchTemplateName.MalformedException", "ec2", "create-launch-template", "--launch-template-name", "a b c", *data),
        ("InvalidLaunchTemplateName.NotFoundException", "ec2", "create-launch-template-version", *web, *data),
        ("InvalidLaunchTemplateName.NotFoundException", "ec2", "modify-launch-template", *web, "--default-version", "1"),
        ("InvalidLaunchTemplateName.NotFoundException", "ec2", "describe-launch-templates", "--launch-template-names", "web"),
        ("InvalidLaunchTemplateId.NotFound", "ec2", "describe-launch-template-versions", "--launch-template-id", NO_TEMPLATE),
        ("InvalidLaunchTemplateName.NotFoundException", "ec2", "delete-launch-template-versions", *web, "--versions", "1"),
        ("InvalidLaunchTemplateName.NotFoundException", "ec2", "delete-launch-template", *web),
        ("DryRunOperation", "ec2", "describe-image-references", *images, "--include-all-resource-types", "--dry-run"),
        ("DryRunOperation", "ec2", "describe-instance-image-metadata", "--dry-run"),
        ("InvalidNextToken", "autoscaling", "describe-launch-configurations", "--starting-token", "nonsense"),
        ("ValidationError", "autoscaling", "delete-launch-configuration", *configuration),
    ):
        with refused(code):
            aws(*command)


def story(server):
    """Step → outcome: what was answered, in short, or the code of a refusal. Each step goes on from those before it."""
    ec2, auto_scaling = server.boto3(), server.boto3("autoscaling")
    web, gone = {"LaunchTemplateName": "web"}, {"LaunchTemplateName": "gone"}

    def data(image):
        return {"LaunchTemplateData": {"ImageId": image}}

    def described(**options):
        versions = ec2.describe_launch_template_versions(**options)["LaunchTemplateVersions"]
        return sorted((version["LaunchTemplateName"], version["VersionNumber"], version["LaunchTemplateData"].get("ImageId")) for version in versions)

    def names(**options):
        return sorted(found["LaunchTemplateName"] for found in ec2.describe_launch_templates(**options)["LaunchTemplates"])

    def numbers(template):
        return template["DefaultVersionNumber"], template["LatestVersionNumber"]

    def launch(name, image):
        return auto_scaling.create_launch_configuration(LaunchConfigurationName=name, ImageId=image, InstanceType="t3.micro") and "created"

    def launched(**options):
        answer = auto_scaling.describe_launch_configurations(**options)
        return sorted(found["LaunchConfigurationName"] for found in answer["LaunchConfigurations"]), "NextToken" in answer

    def eighteen_more():
        return [ec2.create_launch_template_version(**web, **data(NO_IMAGE)) for _ in range(18)] and "created"

    return {
        step: outcome(call)
        for step, call in {
            "a template of no image": lambda: numbers(ec2.create_launch_template(**web, **data(NO_IMAGE))["LaunchTemplate"]),
            "its name again": lambda: ec2.create_launch_template(**web, **data(NO_IMAGE)),
            "a name with spaces": lambda: numbers(ec2.create_launch_template(LaunchTemplateName="a b c", **data(NO_IMAGE))["LaunchTemplate"]),
            "a second version": lambda: ec2.create_launch_template_version(**web, **data(ANOTHER))["LaunchTemplateVersion"]["VersionNumber"],
            "a version on the basis of the first": lambda: ec2.create_launch_template_version(
                **web, SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.micro"}
            )["LaunchTemplateVersion"]["LaunchTemplateData"],
            "a version of a template that is not there": lambda: ec2.create_launch_template_version(**gone, **data(ANOTHER)),
            "a new default": lambda: numbers(ec2.modify_launch_template(**web, DefaultVersion="2")["LaunchTemplate"]),
            "a default that is not there": lambda: ec2.modify_launch_template(**web, DefaultVersion="99"),
            "the default version": lambda: described(**web, Versions=["$Default"]),
            "the default versions of all": lambda: described(Versions=["$Default"])[-1],
            "versions from 2 to 2": lambda: described(**web, MinVersion="2", MaxVersion="2"),
            "versions of an image": lambda: described(**web, Filters=[{"Name": "image-id", "Values": [ANOTHER]}]),
            "a version that is not there": lambda: described(**web, Versions=["99"]),
            "versions of a template that is not there": lambda: described(**gone),
            "versions of nothing in particular": lambda: described(),
            "all versions by number": lambda: described(Versions=["1"]),
            "eighteen more versions": eighteen_more,
            "how many versions are described": lambda: len(described(**web)),
            "templates by name": lambda: names(LaunchTemplateNames=["web"]),
            "a template by a name that is not there": lambda: names(LaunchTemplateNames=["web", "gone"]),
            "a template by an id that is not there": lambda: names(LaunchTemplateIds=[NO_TEMPLATE]),
            "deleting a version": lambda: len(
                ec2.delete_launch_template_versions(**web, Versions=["1"])["SuccessfullyDeletedLaunchTemplateVersions"]
            ),
            "deleting the template": lambda: ec2.delete_launch_template(**web)["LaunchTemplate"]["LaunchTemplateName"],
            "deleting it again": lambda: ec2.delete_launch_template(**web),
            "a launch configuration": lambda: launch("web", UBIQUITOUS_IMAGE),
            "its name again, for another image": lambda: launch("web", UBIQUITOUS_IMAGE),
            "a launch configuration of no image": lambda: launch("db", NO_IMAGE),
            "launch configurations by name": lambda: launched(LaunchConfigurationNames=["web", "gone"]),
            "too many at once": lambda: launched(MaxRecords=101),
            "deleting a launch configuration": lambda: auto_scaling.delete_launch_configuration(LaunchConfigurationName="web") and "deleted",
            "deleting one that is not there": lambda: auto_scaling.delete_launch_configuration(LaunchConfigurationName="gone") and "deleted",
        }.items()
    }


def outcome(call):
    try:
        return call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    except ResponseParserError:
        return "not XML"


# Step → what the sandbox answers, what moto 5.2.5 answers, and who is right.
# Sections are those of the notes on EC2's semantics; "model" is botocore's, where each operation's documentation is.
DIFFERENCES = {
    "a name with spaces": (
        "InvalidLaunchTemplateName.MalformedException",
        (1, 1),
        "the sandbox: the model's pattern for a LaunchTemplateName has no space",
    ),
    "a version on the basis of the first": (
        {"ImageId": NO_IMAGE, "InstanceType": "t3.micro"},
        {"InstanceType": "t3.micro"},
        "the sandbox: model, CreateLaunchTemplateVersion, SourceVersion: the new version inherits",
    ),
    "versions of an image": (
        [("web", 2, ANOTHER)],
        [("web", 1, NO_IMAGE), ("web", 2, ANOTHER), ("web", 3, None)],
        "the sandbox: model, DescribeLaunchTemplateVersions, Filters; moto says that it has none",
    ),
    "how many versions are described": (
        21,
        15,
        "the sandbox: moto leaves the rest out and gives no token for it, which no page allows",
    ),
    "a template by an id that is not there": (
        "InvalidLaunchTemplateId.NotFound",
        [],
        "the sandbox: the code is in EC2's list of errors, and moto itself refuses a name that is not there",
    ),
    "deleting a version": (1, "not XML", "the sandbox: moto does not have the action, and fails with an HTML page"),
    "deleting it again": (
        "InvalidLaunchTemplateName.NotFoundException",
        "MissingParameter",
        "the sandbox: no parameter is missing",
    ),
    "its name again, for another image": (
        "AlreadyExists",
        "created",
        "the sandbox: model, CreateLaunchConfiguration, AlreadyExistsFault; seen on AWS, hashicorp/terraform-provider-aws issue 296",
    ),
    "a launch configuration of no image": (
        "ValidationError",
        "created",
        "the sandbox: seen on AWS, benishak/lamp-aws-cloudformation issue 1",
    ),
    "too many at once": (
        "ValidationError",
        (["db", "web"], False),
        "the sandbox: model, DescribeLaunchConfigurations, MaxRecords: the maximum value is 100",
    ),
    "deleting one that is not there": (
        "ValidationError",
        "deleted",
        "the sandbox: AWS refuses it, as spinnaker/clouddriver pull request 5068 goes by; no page says so",
    ),
}


def test_moto_agrees_but_for_what_is_known(sandbox, moto):
    ours, theirs = story(sandbox), story(moto)
    differing = {step: (ours[step], theirs[step]) for step in ours if ours[step] != theirs[step]}
    assert differing == {step: (ours, theirs) for step, (ours, theirs, _) in DIFFERENCES.items()}


@pytest.mark.parametrize("client", [AWS_CLI, BOTO3])
def test_every_action_here_was_answered_and_refused(ledger, client):
    assert [action for action in ACTIONS if not ledger.answers[action, client]] == []
    assert [action for action in ACTIONS if not ledger.refusals[action, client]] == []
