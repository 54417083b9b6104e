//! `CreateLaunchTemplateVersion`: one more version of a template, by itself or on the basis of another
//! one. The default stays as it is.

use super::Action;
use crate::error::Error;
use crate::idempotency;
use crate::launch_templates::{Named, VersionName, number_of, resolved_image, take_version, write_version};
use crate::query::Params;
use crate::scope::Scope;
use crate::world::{LaunchTemplateData, LaunchTemplateVersion};
use crate::xml::Xml;

pub(super) struct CreateLaunchTemplateVersion {
    template: Named,
    source: Option<VersionName>,
    description: Option<String>,
    data: LaunchTemplateData,
    resolve_alias: bool,
    client_token: Option<String>,
}

impl Action for CreateLaunchTemplateVersion {
    const NAME: &str = "CreateLaunchTemplateVersion";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let template = Named::required(params)?;
        let source = params.text("SourceVersion").map(|text| VersionName::new(&text)).transpose()?;
        let (description, data) = take_version(params)?;
        Ok(Self {
            template,
            source,
            description,
            data,
            resolve_alias: params.boolean("ResolveAlias")?.unwrap_or(false),
            client_token: params.text("ClientToken"),
        })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let token = self.client_token.as_deref();
        if let Some(created) = idempotency::recall(Self::NAME, token, scope)? {
            for number in &created {
                answer_with(number_of(number)?, &self.template, self.resolve_alias, scope, answer)?;
            }
            return Ok(());
        }
        let data = match self.source {
            None => self.data,
            Some(source) => {
                let template = self.template.find(scope)?;
                let (_, basis) = source.find(template, scope)?;
                self.data.over(&basis.data)
            }
        };
        let version = LaunchTemplateVersion { description: self.description, created: scope.now(), created_by: scope.caller_arn(), data };
        let number = self.template.find_mut(scope)?.add(version);
        idempotency::remember(Self::NAME, token, vec![number.to_string()], scope);
        answer_with(number, &self.template, self.resolve_alias, scope, answer)
    }
}

fn answer_with(number: u32, template: &Named, resolve_alias: bool, scope: &Scope, answer: &mut Xml) -> Result<(), Error> {
    let template = template.find(scope)?;
    // A version that was created may already be gone, or not be seen yet.
    if let Some(version) = template.versions.get(&number) {
        let resolved = resolve_alias.then(|| resolved_image(version, scope)).flatten();
        answer.element("launchTemplateVersion", |xml| write_version(xml, template, number, version, resolved));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, noon};
    use crate::world::Parameter;

    const TEMPLATE: (&str, &str) = ("LaunchTemplateName", "web");

    fn with_template() -> Client {
        let ec2 = Client::of_example();
        let params = [
            TEMPLATE,
            ("LaunchTemplateData.ImageId", "ami-00000001"),
            ("LaunchTemplateData.InstanceType", "t3.micro"),
            ("LaunchTemplateData.SecurityGroupId.1", "sg-12345678"),
            ("LaunchTemplateData.BlockDeviceMapping.1.DeviceName", "/dev/sdf"),
            ("LaunchTemplateData.BlockDeviceMapping.1.Ebs.SnapshotId", "snap-12345678"),
            ("LaunchTemplateData.BlockDeviceMapping.1.Ebs.VolumeSize", "20"),
            ("LaunchTemplateData.BlockDeviceMapping.2.DeviceName", "/dev/sdg"),
            ("LaunchTemplateData.BlockDeviceMapping.2.NoDevice", ""),
            ("LaunchTemplateData.TagSpecification.1.ResourceType", "instance"),
            ("LaunchTemplateData.TagSpecification.1.Tag.1.Key", "Name"),
            ("LaunchTemplateData.TagSpecification.1.Tag.1.Value", "web"),
        ];
        ec2.ok("CreateLaunchTemplate", &params);
        ec2
    }

    #[tokio::test(start_paused = true)]
    async fn takes_from_another_version_what_it_does_not_say_but_no_snapshots() {
        let ec2 = with_template();
        let params = [TEMPLATE, ("SourceVersion", "1"), ("LaunchTemplateData.ImageId", "ami-00000002"), ("VersionDescription", "newer")];
        assert_snapshot!(ec2.ok("CreateLaunchTemplateVersion", &params).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <CreateLaunchTemplateVersionResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>984e7bc9-b2d5-4de0-ae20-61a98730e47f</requestId>
            <launchTemplateVersion>
                <launchTemplateId>lt-077f9a0771f0260cf</launchTemplateId>
                <launchTemplateName>web</launchTemplateName>
                <versionNumber>2</versionNumber>
                <versionDescription>newer</versionDescription>
                <createTime>2026-11-22T12:00:00.000Z</createTime>
                <createdBy>arn:aws:iam::123456789012:user/operator</createdBy>
                <defaultVersion>false</defaultVersion>
                <launchTemplateData>
                    <blockDeviceMappingSet>
                        <item>
                            <deviceName>/dev/sdf</deviceName>
                            <ebs>
                                <volumeSize>20</volumeSize>
                            </ebs>
                        </item>
                        <item>
                            <deviceName>/dev/sdg</deviceName>
                            <noDevice></noDevice>
                        </item>
                    </blockDeviceMappingSet>
                    <imageId>ami-00000002</imageId>
                    <instanceType>t3.micro</instanceType>
                    <tagSpecificationSet>
                        <item>
                            <resourceType>instance</resourceType>
                            <tagSet>
                                <item>
                                    <key>Name</key>
                                    <value>web</value>
                                </item>
                            </tagSet>
                        </item>
                    </tagSpecificationSet>
                    <securityGroupIdSet>
                        <item>sg-12345678</item>
                    </securityGroupIdSet>
                </launchTemplateData>
            </launchTemplateVersion>
        </CreateLaunchTemplateVersionResponse>
        "#);
        let alone = ec2.ok("CreateLaunchTemplateVersion", &[TEMPLATE, ("LaunchTemplateData.InstanceType", "m7i.large")]);
        assert_eq!((&alone.text("versionNumber")[..], alone.texts("imageId")), ("3", vec![]));
        let like_the_latest =
            ec2.ok("CreateLaunchTemplateVersion", &[TEMPLATE, ("SourceVersion", "$Latest"), ("LaunchTemplateData.KeyName", "mine")]);
        assert_eq!(like_the_latest.text("instanceType"), "m7i.large");
    }

    #[test]
    fn shows_the_image_behind_a_parameter_on_request() {
        let ec2 = with_template();
        ec2.sim.world().region_mut("us-east-1").parameters.insert("/web/image".to_owned(), Parameter::of_image("ami-00000007", noon()));
        let create = |alias: &str, resolve: &str| {
            let params = [TEMPLATE, ("LaunchTemplateData.ImageId", alias), ("ResolveAlias", resolve)];
            ec2.ok("CreateLaunchTemplateVersion", &params).text("imageId")
        };
        assert_eq!(create("resolve:ssm:/web/image", "false"), "resolve:ssm:/web/image");
        assert_eq!(create("resolve:ssm:/web/image", "true"), "ami-00000007");
        assert_eq!(create("resolve:ssm:/web/image:1", "true"), "ami-00000007");
        assert_eq!(create("resolve:ssm:/web/image:2", "true"), "resolve:ssm:/web/image:2");
        assert_eq!(create("resolve:ssm:/db/image", "true"), "resolve:ssm:/db/image");
    }

    #[test]
    fn a_client_token_makes_one_version_of_two_calls() {
        let ec2 = with_template();
        let params = [TEMPLATE, ("LaunchTemplateData.ImageId", "ami-00000002"), ("ClientToken", "once")];
        for _ in 0..2 {
            assert_eq!(ec2.ok("CreateLaunchTemplateVersion", &params).text("versionNumber"), "2");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = with_template();
        let data = ("LaunchTemplateData.ImageId", "ami-00000002");
        let id = ec2.ok("DescribeLaunchTemplates", &[]).text("launchTemplateId");
        let create = |params: &[(&str, &str)]| ec2.error("CreateLaunchTemplateVersion", params).replace(&id, "lt-1");
        assert_snapshot!(
            create(&[data]),
            @"MissingParameter: Either a launch template ID or a launch template name must be specified in the request."
        );
        assert_snapshot!(
            create(&[("LaunchTemplateName", "gone"), data]),
            @"InvalidLaunchTemplateName.NotFoundException: The specified launch template, with template name gone, does not exist."
        );
        assert_snapshot!(
            create(&[("LaunchTemplateId", "lt-00000000"), data]),
            @"InvalidLaunchTemplateId.NotFound: The specified launch template, with template ID lt-00000000, does not exist."
        );
        assert_snapshot!(
            create(&[("LaunchTemplateId", "web"), data]),
            @r#"InvalidLaunchTemplateId.Malformed: Invalid id: "web" (expecting "lt-...")"#
        );
        assert_snapshot!(
            create(&[("LaunchTemplateId", &id), TEMPLATE, data]),
            @"InvalidParameterCombination: Either a launch template ID or a launch template name can be specified, but not both."
        );
        assert_snapshot!(
            create(&[TEMPLATE, data, ("SourceVersion", "7")]),
            @"InvalidLaunchTemplateId.VersionNotFound: Could not find the specified version 7 for the launch template with ID lt-1."
        );
        assert_snapshot!(
            create(&[TEMPLATE, data, ("SourceVersion", "latest")]),
            @"InvalidParameterValue: Invalid launch template version: latest"
        );
        assert_snapshot!(
            create(&[TEMPLATE]),
            @"MissingParameter: No launch template data was provided. Launch template data is required to create a launch template."
        );
    }
}
