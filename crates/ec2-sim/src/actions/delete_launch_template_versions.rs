//! `DeleteLaunchTemplateVersions`: each version that can be deleted goes, whatever becomes of the others.
//! The default version stays; in which words it is refused is not documented.

use super::Action;
use crate::error::Error;
use crate::launch_templates::{Named, number_of};
use crate::query::Params;
use crate::scope::Scope;
use crate::xml::Xml;

/// More versions than this in one call are refused.
const MOST: usize = 200;

pub(super) struct DeleteLaunchTemplateVersions {
    template: Named,
    numbers: Vec<u32>,
}

impl Action for DeleteLaunchTemplateVersions {
    const NAME: &str = "DeleteLaunchTemplateVersions";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let template = Named::required(params)?;
        let versions = params.list("LaunchTemplateVersion");
        if versions.is_empty() {
            return Err(Error::missing_parameter("LaunchTemplateVersion"));
        }
        if versions.len() > MOST {
            return Err(Error::invalid_parameter_value(format!("The maximum number of versions in one request is {MOST}")));
        }
        Ok(Self { template, numbers: versions.iter().map(|text| number_of(text)).collect::<Result<_, _>>()? })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let template = self.template.find_mut(scope)?;
        let mut deleted = Vec::new();
        let mut left = Vec::new();
        for number in self.numbers {
            if number == template.default_version {
                left.push((number, "unexpectedError", "Cannot delete the default version of a launch template"));
            } else if template.versions.remove(&number).is_some() {
                deleted.push(number);
            } else {
                left.push((number, "launchTemplateVersionDoesNotExist", "The specified launch template version does not exist"));
            }
        }
        answer
            .items("successfullyDeletedLaunchTemplateVersionSet", deleted, |item, number| {
                item.leaf("launchTemplateId", &template.id).leaf("launchTemplateName", &template.name).leaf("versionNumber", number);
            })
            .items("unsuccessfullyDeletedLaunchTemplateVersionSet", left, |item, (number, code, message)| {
                item.leaf("launchTemplateId", &template.id)
                    .leaf("launchTemplateName", &template.name)
                    .leaf("versionNumber", number)
                    .element("responseError", |error| {
                        error.leaf("code", code).leaf("message", message);
                    });
            });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::Client;

    const TEMPLATE: (&str, &str) = ("LaunchTemplateName", "web");
    const DATA: (&str, &str) = ("LaunchTemplateData.ImageId", "ami-00000001");

    #[test]
    fn deletes_what_it_can() {
        let ec2 = Client::of_example();
        ec2.ok("CreateLaunchTemplate", &[TEMPLATE, DATA]);
        ec2.ok("CreateLaunchTemplateVersion", &[TEMPLATE, DATA]);
        let versions = [("LaunchTemplateVersion.1", "1"), ("LaunchTemplateVersion.2", "2"), ("LaunchTemplateVersion.3", "3")];
        assert_snapshot!(ec2.ok("DeleteLaunchTemplateVersions", &[&[TEMPLATE], &versions[..]].concat()).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <DeleteLaunchTemplateVersionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>f1cc9201-6273-4217-a5b8-b8e136de7a87</requestId>
            <successfullyDeletedLaunchTemplateVersionSet>
                <item>
                    <launchTemplateId>lt-077f9a0771f0260cf</launchTemplateId>
                    <launchTemplateName>web</launchTemplateName>
                    <versionNumber>2</versionNumber>
                </item>
            </successfullyDeletedLaunchTemplateVersionSet>
            <unsuccessfullyDeletedLaunchTemplateVersionSet>
                <item>
                    <launchTemplateId>lt-077f9a0771f0260cf</launchTemplateId>
                    <launchTemplateName>web</launchTemplateName>
                    <versionNumber>1</versionNumber>
                    <responseError>
                        <code>unexpectedError</code>
                        <message>Cannot delete the default version of a launch template</message>
                    </responseError>
                </item>
                <item>
                    <launchTemplateId>lt-077f9a0771f0260cf</launchTemplateId>
                    <launchTemplateName>web</launchTemplateName>
                    <versionNumber>3</versionNumber>
                    <responseError>
                        <code>launchTemplateVersionDoesNotExist</code>
                        <message>The specified launch template version does not exist</message>
                    </responseError>
                </item>
            </unsuccessfullyDeletedLaunchTemplateVersionSet>
        </DeleteLaunchTemplateVersionsResponse>
        "#);
        // A number is not used again.
        assert_eq!(ec2.ok("DescribeLaunchTemplates", &[]).text("latestVersionNumber"), "1");
        assert_eq!(ec2.ok("CreateLaunchTemplateVersion", &[TEMPLATE, DATA]).text("versionNumber"), "3");
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = Client::of_example();
        ec2.ok("CreateLaunchTemplate", &[TEMPLATE, DATA]);
        let delete = |params: &[(&str, &str)]| ec2.error("DeleteLaunchTemplateVersions", params);
        assert_snapshot!(delete(&[TEMPLATE]), @"MissingParameter: The request must contain the parameter LaunchTemplateVersion");
        assert_snapshot!(
            delete(&[TEMPLATE, ("LaunchTemplateVersion.1", "$Latest")]),
            @"InvalidParameterValue: Invalid launch template version: $Latest"
        );
        assert_snapshot!(
            delete(&[("LaunchTemplateName", "gone"), ("LaunchTemplateVersion.1", "1")]),
            @"InvalidLaunchTemplateName.NotFoundException: The specified launch template, with template name gone, does not exist."
        );
        let many: Vec<String> = (1..=201).map(|number| format!("LaunchTemplateVersion.{number}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|name| (&name[..], "2")).collect();
        assert_snapshot!(
            delete(&[&[TEMPLATE], &many[..]].concat()),
            @"InvalidParameterValue: The maximum number of versions in one request is 200"
        );
    }
}
