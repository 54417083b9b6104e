//! `DescribeLaunchTemplateVersions`: what is in the versions of one template, or in the latest or the
//! default versions of all.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Action;
use crate::clock::milliseconds;
use crate::error::Error;
use crate::filter::{Filters, Known, Tagged};
use crate::id::LaunchTemplateId;
use crate::launch_templates::{Named, VersionName, number_of, resolved_image, visible_templates, visible_versions, write_version};
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::scope::Scope;
use crate::world::{LaunchTemplate, LaunchTemplateVersion, Tags};
use crate::xml::Xml;

const PAGES: Rule = Rule { least: 1, most: 200, ids: None };

const FILTERS: Known<Line> = &[
    ("create-time", |line| vec![milliseconds(line.version.created)]),
    ("image-id", |line| line.version.data.image_id.iter().cloned().collect()),
    ("instance-type", |line| line.version.data.instance_type.iter().cloned().collect()),
    ("is-default-version", |line| vec![line.is_default.to_string()]),
];

pub(super) struct DescribeLaunchTemplateVersions {
    template: Option<Named>,
    versions: Vec<VersionName>,
    least: Option<u32>,
    most: Option<u32>,
    resolve_alias: bool,
    filters: Filters<Line>,
    paging: Paging,
}

/// One version of one template.
struct Line {
    template: LaunchTemplateId,
    number: u32,
    is_default: bool,
    version: LaunchTemplateVersion,
}

impl Line {
    fn new(template: &LaunchTemplate, number: u32, version: &LaunchTemplateVersion) -> Self {
        Self { template: template.id.clone(), number, is_default: number == template.default_version, version: version.clone() }
    }
}

/// Versions have no tags.
impl Tagged for Line {
    fn tags(&self) -> &Tags {
        static NONE: Tags = Tags::new();
        &NONE
    }
}

impl Action for DescribeLaunchTemplateVersions {
    const NAME: &str = "DescribeLaunchTemplateVersions";

    fn take(params: &mut Params) -> Result<Self, Error> {
        params.ignore(&["IncludeManagedResources"]);
        let bound = |params: &mut Params, name| params.text(name).map(|text| number_of(&text)).transpose();
        let action = Self {
            template: Named::take(params)?,
            versions: params.list("LaunchTemplateVersion").iter().map(|text| VersionName::new(text)).collect::<Result<_, _>>()?,
            least: bound(params, "MinVersion")?,
            most: bound(params, "MaxVersion")?,
            resolve_alias: params.boolean("ResolveAlias")?.unwrap_or(false),
            filters: Filters::take(params, FILTERS)?,
            // How many come unasked is not documented; to be asked again hurts nobody.
            paging: Paging::take(params).usually(PAGES.most),
        };
        if action.template.is_none() {
            if action.versions.is_empty() || action.least.is_some() || action.most.is_some() {
                return Err(Error::new(
                    "MissingParameter",
                    "Either a launch template ID or a launch template name must be specified in the request, or versions: \
                     $Latest, $Default, or both.",
                ));
            }
            if action.versions.iter().any(|version| matches!(version, VersionName::Number(_))) {
                return Err(Error::invalid_parameter_value(
                    "Of all launch templates only the versions $Latest and $Default can be described, and none by its number.",
                ));
            }
        } else if !action.versions.is_empty() && (action.least.is_some() || action.most.is_some()) {
            return Err(Error::invalid_parameter_combination("Versions cannot be listed and limited by MinVersion or MaxVersion as well."));
        }
        Ok(action)
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, false, scope)?;
        let lines = self.lines(scope)?;
        let (lines, next) =
            page.cut(lines, |line| Cow::Owned(format!("{}\n{}", line.template, line.number)), |line| self.filters.matches(line));
        answer.element("launchTemplateVersionSet", |set| {
            for line in lines {
                if let Some(template) = scope.here().launch_templates.get(&line.template) {
                    let resolved = self.resolve_alias.then(|| resolved_image(&line.version, scope)).flatten();
                    set.element("item", |item| write_version(item, template, line.number, &line.version, resolved));
                }
            }
        });
        answer.leaf_if_some("nextToken", next);
        Ok(())
    }
}

impl DescribeLaunchTemplateVersions {
    fn lines(&self, scope: &Scope) -> Result<Vec<Line>, Error> {
        let templates = match &self.template {
            Some(template) => vec![template.find(scope)?],
            None => visible_templates(scope).collect(),
        };
        let mut lines = Vec::new();
        for template in templates {
            // The latest version may be the default one: it is described once.
            let versions: BTreeMap<u32, &LaunchTemplateVersion> = if self.versions.is_empty() {
                visible_versions(template, scope).filter(|(number, _)| self.is_within(*number)).collect()
            } else {
                self.versions.iter().map(|version| version.find(template, scope)).collect::<Result<_, _>>()?
            };
            lines.extend(versions.into_iter().map(|(number, version)| Line::new(template, number, version)));
        }
        Ok(lines)
    }

    fn is_within(&self, number: u32) -> bool {
        self.least.is_none_or(|least| least <= number) && self.most.is_none_or(|most| number <= most)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use insta::assert_snapshot;
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use crate::testing::{Client, noon};
    use crate::world::{Parameter, World};

    const WEB: (&str, &str) = ("LaunchTemplateName", "web");

    /// `web` with as many versions as said, each of an image of its own; the default is the first.
    fn with_versions(world: World, count: u32) -> Client {
        let ec2 = Client::of(world);
        for number in 1..=count {
            let action = if number == 1 { "CreateLaunchTemplate" } else { "CreateLaunchTemplateVersion" };
            ec2.ok(action, &[WEB, ("LaunchTemplateData.ImageId", &format!("ami-{number:08}"))]);
        }
        ec2
    }

    fn numbers(ec2: &Client, params: &[(&str, &str)]) -> Vec<u32> {
        let described = ec2.ok("DescribeLaunchTemplateVersions", params);
        let mut numbers: Vec<u32> = described.texts("versionNumber").iter().map(|text| text.parse().unwrap()).collect();
        numbers.sort_unstable();
        numbers
    }

    #[tokio::test(start_paused = true)]
    async fn describes_a_version_in_full() {
        let ec2 = Client::of_example();
        let params = [
            WEB,
            ("VersionDescription", "the first"),
            ("LaunchTemplateData.ImageId", "ami-00000001"),
            ("LaunchTemplateData.InstanceType", "t3.micro"),
            ("LaunchTemplateData.KeyName", "mine"),
            ("LaunchTemplateData.UserData", "IyEvYmluL3No"),
            ("LaunchTemplateData.SecurityGroupId.1", "sg-12345678"),
            ("LaunchTemplateData.BlockDeviceMapping.1.DeviceName", "/dev/sdf"),
            ("LaunchTemplateData.BlockDeviceMapping.1.Ebs.SnapshotId", "snap-12345678"),
            ("LaunchTemplateData.BlockDeviceMapping.1.Ebs.VolumeSize", "20"),
            ("LaunchTemplateData.BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true"),
            ("LaunchTemplateData.TagSpecification.1.ResourceType", "instance"),
            ("LaunchTemplateData.TagSpecification.1.Tag.1.Key", "Name"),
            ("LaunchTemplateData.TagSpecification.1.Tag.1.Value", "web"),
            ("LaunchTemplateData.Monitoring.Enabled", "true"),
        ];
        ec2.ok("CreateLaunchTemplate", &params);
        assert_snapshot!(ec2.ok("DescribeLaunchTemplateVersions", &[WEB]).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeLaunchTemplateVersionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>984e7bc9-b2d5-4de0-ae20-61a98730e47f</requestId>
            <launchTemplateVersionSet>
                <item>
                    <launchTemplateId>lt-077f9a0771f0260cf</launchTemplateId>
                    <launchTemplateName>web</launchTemplateName>
                    <versionNumber>1</versionNumber>
                    <versionDescription>the first</versionDescription>
                    <createTime>2026-11-22T12:00:00.000Z</createTime>
                    <createdBy>arn:aws:iam::123456789012:user/operator</createdBy>
                    <defaultVersion>true</defaultVersion>
                    <launchTemplateData>
                        <blockDeviceMappingSet>
                            <item>
                                <deviceName>/dev/sdf</deviceName>
                                <ebs>
                                    <deleteOnTermination>true</deleteOnTermination>
                                    <snapshotId>snap-12345678</snapshotId>
                                    <volumeSize>20</volumeSize>
                                </ebs>
                            </item>
                        </blockDeviceMappingSet>
                        <imageId>ami-00000001</imageId>
                        <instanceType>t3.micro</instanceType>
                        <keyName>mine</keyName>
                        <userData>IyEvYmluL3No</userData>
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
                </item>
            </launchTemplateVersionSet>
        </DescribeLaunchTemplateVersionsResponse>
        "#);
    }

    #[test]
    fn of_one_template_all_or_some() {
        let ec2 = with_versions(World::example(1, noon()), 5);
        ec2.ok("ModifyLaunchTemplate", &[WEB, ("SetDefaultVersion", "2")]);
        ec2.ok("DeleteLaunchTemplateVersions", &[WEB, ("LaunchTemplateVersion.1", "5")]);
        let some = |params: &[(&str, &str)]| numbers(&ec2, &[&[WEB], params].concat());
        assert_eq!(some(&[]), [1, 2, 3, 4]);
        assert_eq!(some(&[("LaunchTemplateVersion.1", "$Latest"), ("LaunchTemplateVersion.2", "$Default")]), [2, 4]);
        assert_eq!(some(&[("LaunchTemplateVersion.1", "$Default"), ("LaunchTemplateVersion.2", "2")]), [2]);
        assert_eq!(some(&[("MinVersion", "2"), ("MaxVersion", "3")]), [2, 3]);
        assert_eq!(some(&[("MinVersion", "4")]), [4]);
        let filter = |name, value| some(&[("Filter.1.Name", name), ("Filter.1.Value.1", value)]);
        assert_eq!(filter("image-id", "ami-00000003"), [3]);
        assert_eq!(filter("is-default-version", "true"), [2]);
        assert_eq!(filter("create-time", "2026-*").len(), 4);
        assert_eq!(filter("instance-type", "*"), [0; 0]);
        assert_eq!(filter("tag:Name", "*"), [0; 0]);
    }

    #[test]
    fn of_all_templates_the_latest_and_the_default() {
        let ec2 = with_versions(World::example(1, noon()), 3);
        ec2.ok("CreateLaunchTemplate", &[("LaunchTemplateName", "db1"), ("LaunchTemplateData.ImageId", "ami-0000000d")]);
        let images = |params: &[(&str, &str)]| {
            let mut images = ec2.ok("DescribeLaunchTemplateVersions", params).texts("imageId");
            images.sort();
            images
        };
        let (latest, default) = (("LaunchTemplateVersion.1", "$Latest"), ("LaunchTemplateVersion.2", "$Default"));
        assert_eq!(images(&[latest]), ["ami-00000003", "ami-0000000d"]);
        assert_eq!(images(&[default]), ["ami-00000001", "ami-0000000d"]);
        assert_eq!(images(&[latest, default]), ["ami-00000001", "ami-00000003", "ami-0000000d"]);
    }

    #[test]
    fn shows_the_image_behind_a_parameter_on_request() {
        let ec2 = Client::of_example();
        ec2.sim.world().region_mut("us-east-1").parameters.insert("web".to_owned(), Parameter::of_image("ami-00000007", noon()));
        ec2.ok("CreateLaunchTemplate", &[WEB, ("LaunchTemplateData.ImageId", "resolve:ssm:web")]);
        let image = |resolve| ec2.ok("DescribeLaunchTemplateVersions", &[WEB, ("ResolveAlias", resolve)]).text("imageId");
        assert_eq!(image("true"), "ami-00000007");
        assert_eq!(image("false"), "resolve:ssm:web");
    }

    #[test]
    fn what_was_just_created_may_not_be_seen_yet() {
        let mut world = World::example(1, noon());
        world.manners.visibility_lag = SignedDuration::from_secs(10);
        let ec2 = Client::of(world);
        ec2.ok("CreateLaunchTemplate", &[WEB, ("LaunchTemplateData.ImageId", "ami-00000001")]);
        ec2.wait(10);
        ec2.ok("CreateLaunchTemplateVersion", &[WEB, ("LaunchTemplateData.ImageId", "ami-00000002")]);
        assert_eq!(numbers(&ec2, &[WEB]), [1]);
        assert_eq!(numbers(&ec2, &[WEB, ("LaunchTemplateVersion.1", "$Latest")]), [1]);
        ec2.wait(10);
        assert_eq!(numbers(&ec2, &[WEB, ("LaunchTemplateVersion.1", "$Latest")]), [2]);
    }

    #[test]
    fn comes_in_pages_unasked() {
        let ec2 = with_versions(World::example(1, noon()), 201);
        let first = ec2.ok("DescribeLaunchTemplateVersions", &[WEB]);
        assert_eq!(first.texts("versionNumber").len(), 200);
        assert_eq!(numbers(&ec2, &[WEB, ("NextToken", &first.text("nextToken"))]).len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]

        #[test]
        fn the_pages_together_are_the_whole(count in 1_u32..30, size in 1_u32..12, short in any::<bool>()) {
            let mut world = World::example(1, noon());
            world.manners.short_pages = short;
            let ec2 = with_versions(world, count);
            let filter = [("Filter.1.Name", "image-id"), ("Filter.1.Value.1", "*1")];
            let size = size.to_string();
            let mut seen = BTreeSet::new();
            let mut token = String::new();
            loop {
                let params = [&[WEB, ("MaxResults", &size[..]), ("NextToken", &token)], &filter[..]].concat();
                let answer = ec2.ok("DescribeLaunchTemplateVersions", &params);
                for number in answer.texts("versionNumber") {
                    prop_assert!(seen.insert(number));
                }
                match answer.texts("nextToken").pop() {
                    Some(next) => token = next,
                    None => break,
                }
            }
            prop_assert_eq!(seen.len(), numbers(&ec2, &[&[WEB], &filter[..]].concat()).len());
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = with_versions(World::example(1, noon()), 1);
        let id = ec2.ok("DescribeLaunchTemplates", &[]).text("launchTemplateId");
        let describe = |params: &[(&str, &str)]| ec2.error("DescribeLaunchTemplateVersions", params).replace(&id, "lt-1");
        assert_snapshot!(
            describe(&[]),
            @"MissingParameter: Either a launch template ID or a launch template name must be specified in the request, or versions: $Latest, $Default, or both."
        );
        assert_snapshot!(
            describe(&[("MinVersion", "1")]),
            @"MissingParameter: Either a launch template ID or a launch template name must be specified in the request, or versions: $Latest, $Default, or both."
        );
        assert_snapshot!(
            describe(&[("LaunchTemplateVersion.1", "1")]),
            @"InvalidParameterValue: Of all launch templates only the versions $Latest and $Default can be described, and none by its number."
        );
        assert_snapshot!(
            describe(&[("LaunchTemplateName", "gone")]),
            @"InvalidLaunchTemplateName.NotFoundException: The specified launch template, with template name gone, does not exist."
        );
        assert_snapshot!(
            describe(&[("LaunchTemplateId", "lt-00000000")]),
            @"InvalidLaunchTemplateId.NotFound: The specified launch template, with template ID lt-00000000, does not exist."
        );
        assert_snapshot!(
            describe(&[WEB, ("LaunchTemplateVersion.1", "2")]),
            @"InvalidLaunchTemplateId.VersionNotFound: Could not find the specified version 2 for the launch template with ID lt-1."
        );
        assert_snapshot!(
            describe(&[WEB, ("LaunchTemplateVersion.1", "$latest")]),
            @"InvalidParameterValue: Invalid launch template version: $latest"
        );
        assert_snapshot!(
            describe(&[WEB, ("LaunchTemplateVersion.1", "1"), ("MinVersion", "1")]),
            @"InvalidParameterCombination: Versions cannot be listed and limited by MinVersion or MaxVersion as well."
        );
    }
}
