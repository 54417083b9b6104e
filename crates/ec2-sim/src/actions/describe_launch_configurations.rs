//! `DescribeLaunchConfigurations` of Auto Scaling. Names that are not there are left out, and no error.

use std::borrow::Cow;

use super::Action;
use super::auto_scaling::validation_error;
use crate::clock::milliseconds;
use crate::error::Error;
use crate::launch_devices;
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::scope::Scope;
use crate::world::LaunchConfiguration;
use crate::xml::Xml;

const PAGES: Rule = Rule { least: 1, most: 100, ids: None };
/// Items of a page where the request does not say.
const USUAL: u32 = 50;
/// More names than this are refused.
const MOST_NAMES: usize = 50;

pub(super) struct DescribeLaunchConfigurations {
    names: Vec<String>,
    paging: Paging,
}

impl Action for DescribeLaunchConfigurations {
    const NAME: &str = "DescribeLaunchConfigurations";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let names = params.structure("LaunchConfigurationNames").list("member");
        if names.len() > MOST_NAMES {
            return Err(validation_error(format!("The maximum number of names in one request is {MOST_NAMES}")));
        }
        let size = params.number("MaxRecords")?.unwrap_or(USUAL);
        check_size(size)?;
        Ok(Self { names, paging: Paging::of_size(params, size) })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, false, scope)?;
        let configurations = scope.here().launch_configurations.values().filter(|it| scope.sees(it.created));
        let wanted = |it: &&LaunchConfiguration| self.names.is_empty() || self.names.contains(&it.name);
        let (configurations, next) = page.cut(configurations, |it| Cow::Borrowed(&it.name), wanted);
        answer.element("DescribeLaunchConfigurationsResult", |result| {
            result.members("LaunchConfigurations", configurations, write_configuration).leaf_if_some("NextToken", next);
        });
        Ok(())
    }
}

/// Unlike EC2, Auto Scaling refuses what is too much.
fn check_size(size: u32) -> Result<(), Error> {
    let (relation, bound) = match size {
        0 => ("greater", PAGES.least),
        _ if size > PAGES.most => ("less", PAGES.most),
        _ => return Ok(()),
    };
    Err(validation_error(format!(
        "1 validation error detected: Value '{size}' at 'maxRecords' failed to satisfy constraint: \
         Member must have value {relation} than or equal to {bound}"
    )))
}

fn write_configuration(xml: &mut Xml, configuration: &LaunchConfiguration) {
    xml.leaf("LaunchConfigurationName", &configuration.name)
        .leaf("LaunchConfigurationARN", &configuration.arn)
        .leaf("ImageId", &configuration.image_id)
        .leaf("KeyName", configuration.key_name.as_deref().unwrap_or_default())
        .texts("SecurityGroups", "member", &configuration.security_groups)
        .leaf("UserData", configuration.user_data.as_deref().unwrap_or_default())
        .leaf("InstanceType", &configuration.instance_type);
    launch_devices::write_members(xml, &configuration.devices);
    xml.element("InstanceMonitoring", |monitoring| {
        monitoring.leaf("Enabled", true);
    })
    .leaf("CreatedTime", milliseconds(configuration.created))
    .leaf("EbsOptimized", false);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use insta::assert_snapshot;
    use jiff::SignedDuration;

    use crate::testing::{Client, noon};
    use crate::world::World;

    fn with_configurations(world: World, count: usize) -> Client {
        let auto_scaling = Client::of(world).of_service("autoscaling");
        for number in 0..count {
            let name = format!("web-{number}");
            let params = [("LaunchConfigurationName", &name[..]), ("ImageId", "ami-12345678"), ("InstanceType", "t3.micro")];
            auto_scaling.ok("CreateLaunchConfiguration", &params);
        }
        auto_scaling
    }

    fn names(auto_scaling: &Client, params: &[(&str, &str)]) -> Vec<String> {
        auto_scaling.ok("DescribeLaunchConfigurations", params).texts("LaunchConfigurationName")
    }

    #[tokio::test(start_paused = true)]
    async fn describes_a_configuration_in_full() {
        let auto_scaling = Client::of_example().of_service("autoscaling");
        let params = [
            ("LaunchConfigurationName", "web"),
            ("ImageId", "ami-12345678"),
            ("InstanceType", "t3.micro"),
            ("KeyName", "mine"),
            ("SecurityGroups.member.1", "sg-12345678"),
            ("BlockDeviceMappings.member.1.DeviceName", "/dev/sdf"),
            ("BlockDeviceMappings.member.1.Ebs.SnapshotId", "snap-12345678"),
            ("BlockDeviceMappings.member.1.Ebs.VolumeSize", "20"),
            ("BlockDeviceMappings.member.2.DeviceName", "/dev/sdg"),
            ("BlockDeviceMappings.member.2.NoDevice", "true"),
        ];
        auto_scaling.ok("CreateLaunchConfiguration", &params);
        assert_snapshot!(auto_scaling.ok("DescribeLaunchConfigurations", &[]).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeLaunchConfigurationsResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">
            <DescribeLaunchConfigurationsResult>
                <LaunchConfigurations>
                    <member>
                        <LaunchConfigurationName>web</LaunchConfigurationName>
                        <LaunchConfigurationARN>arn:aws:autoscaling:us-east-1:123456789012:launchConfiguration:801df3f3-5f27-4ddf-ade3-bfd6b4e6df74:launchConfigurationName/web</LaunchConfigurationARN>
                        <ImageId>ami-12345678</ImageId>
                        <KeyName>mine</KeyName>
                        <SecurityGroups>
                            <member>sg-12345678</member>
                        </SecurityGroups>
                        <UserData></UserData>
                        <InstanceType>t3.micro</InstanceType>
                        <BlockDeviceMappings>
                            <member>
                                <DeviceName>/dev/sdf</DeviceName>
                                <Ebs>
                                    <SnapshotId>snap-12345678</SnapshotId>
                                    <VolumeSize>20</VolumeSize>
                                </Ebs>
                            </member>
                            <member>
                                <DeviceName>/dev/sdg</DeviceName>
                                <NoDevice>true</NoDevice>
                            </member>
                        </BlockDeviceMappings>
                        <InstanceMonitoring>
                            <Enabled>true</Enabled>
                        </InstanceMonitoring>
                        <CreatedTime>2026-11-22T12:00:00.000Z</CreatedTime>
                        <EbsOptimized>false</EbsOptimized>
                    </member>
                </LaunchConfigurations>
            </DescribeLaunchConfigurationsResult>
            <ResponseMetadata>
                <RequestId>984e7bc9-b2d5-4de0-ae20-61a98730e47f</RequestId>
            </ResponseMetadata>
        </DescribeLaunchConfigurationsResponse>
        "#);
    }

    #[test]
    fn names_that_are_not_there_are_left_out() {
        let auto_scaling = with_configurations(World::example(1, noon()), 3);
        let wanted = [("LaunchConfigurationNames.member.1", "web-1"), ("LaunchConfigurationNames.member.2", "gone")];
        assert_eq!(names(&auto_scaling, &wanted), ["web-1"]);
        assert_eq!(names(&auto_scaling, &wanted[1..]), [""; 0]);
        assert_eq!(names(&auto_scaling.in_region("eu-west-1"), &[]), [""; 0]);
    }

    #[test]
    fn comes_in_pages_of_fifty_unasked() {
        let auto_scaling = with_configurations(World::example(1, noon()), 120);
        let mut seen = BTreeSet::new();
        let mut sizes = Vec::new();
        let mut token = String::new();
        loop {
            let answer = auto_scaling.ok("DescribeLaunchConfigurations", &[("NextToken", &token)]);
            let page = answer.texts("LaunchConfigurationName");
            sizes.push(page.len());
            seen.extend(page);
            match answer.texts("NextToken").pop() {
                Some(next) => token = next,
                None => break,
            }
        }
        assert_eq!((sizes, seen.len()), (vec![50, 50, 20], 120));
        assert_eq!(names(&auto_scaling, &[("MaxRecords", "100")]).len(), 100);
    }

    #[test]
    fn pages_may_be_short_or_empty() {
        let mut world = World::example(1, noon());
        world.manners.short_pages = true;
        let auto_scaling = with_configurations(world, 3);
        let wanted = ("LaunchConfigurationNames.member.1", "web-1");
        let mut sizes = Vec::new();
        let mut token = String::new();
        for _ in 0..3 {
            let answer = auto_scaling.ok("DescribeLaunchConfigurations", &[wanted, ("MaxRecords", "1"), ("NextToken", &token)]);
            sizes.push(answer.texts("LaunchConfigurationName").len());
            token = answer.texts("NextToken").pop().unwrap_or_default();
        }
        assert_eq!(token, "");
        assert_eq!(sizes.iter().sum::<usize>(), 1);
    }

    #[test]
    fn what_was_just_created_may_not_be_seen_yet() {
        let mut world = World::example(1, noon());
        world.manners.visibility_lag = SignedDuration::from_secs(10);
        let auto_scaling = with_configurations(world, 1);
        assert_eq!(names(&auto_scaling, &[]), [""; 0]);
        auto_scaling.wait(10);
        assert_eq!(names(&auto_scaling, &[]), ["web-0"]);
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let auto_scaling = with_configurations(World::example(1, noon()), 1);
        let describe = |params: &[(&str, &str)]| auto_scaling.error("DescribeLaunchConfigurations", params);
        assert_snapshot!(
            describe(&[("MaxRecords", "0")]),
            @"ValidationError: 1 validation error detected: Value '0' at 'maxRecords' failed to satisfy constraint: Member must have value greater than or equal to 1"
        );
        assert_snapshot!(
            describe(&[("MaxRecords", "101")]),
            @"ValidationError: 1 validation error detected: Value '101' at 'maxRecords' failed to satisfy constraint: Member must have value less than or equal to 100"
        );
        assert_snapshot!(describe(&[("NextToken", "nonsense")]), @"InvalidNextToken: The specified nextToken is invalid.");
        let many: Vec<String> = (0..51).map(|number| format!("LaunchConfigurationNames.member.{}", number + 1)).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|name| (&name[..], "web")).collect();
        assert_snapshot!(describe(&many), @"ValidationError: The maximum number of names in one request is 50");
    }
}
