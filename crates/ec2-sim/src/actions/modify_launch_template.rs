//! `ModifyLaunchTemplate`: which version of a template is the default.

use super::Action;
use crate::error::Error;
use crate::launch_templates::{Named, VersionName, write_template};
use crate::query::Params;
use crate::scope::Scope;
use crate::xml::Xml;

pub(super) struct ModifyLaunchTemplate {
    template: Named,
    default: VersionName,
}

impl Action for ModifyLaunchTemplate {
    const NAME: &str = "ModifyLaunchTemplate";

    fn take(params: &mut Params) -> Result<Self, Error> {
        // To do it twice is to do it once.
        params.ignore(&["ClientToken"]);
        Ok(Self { template: Named::required(params)?, default: VersionName::new(&params.required("SetDefaultVersion")?)? })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let (number, _) = self.default.find(self.template.find(scope)?, scope)?;
        let template = self.template.find_mut(scope)?;
        template.default_version = number;
        answer.element("launchTemplate", |xml| write_template(xml, template));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::Client;

    #[test]
    fn sets_the_default_to_a_version_that_is_there() {
        let ec2 = Client::of_example();
        let template = ("LaunchTemplateName", "web");
        let id = ec2.ok("CreateLaunchTemplate", &[template, ("LaunchTemplateData.ImageId", "ami-00000001")]).text("launchTemplateId");
        let created = ec2.ok("CreateLaunchTemplateVersion", &[template, ("LaunchTemplateData.ImageId", "ami-00000002")]);
        assert_eq!(created.text("defaultVersion"), "false");
        let modified = ec2.ok("ModifyLaunchTemplate", &[template, ("SetDefaultVersion", "2")]);
        assert_eq!((&modified.text("defaultVersionNumber")[..], &modified.text("latestVersionNumber")[..]), ("2", "2"));
        let refused = |version| ec2.error("ModifyLaunchTemplate", &[template, ("SetDefaultVersion", version)]).replace(&id, "lt-1");
        assert_snapshot!(
            refused("3"),
            @"InvalidLaunchTemplateId.VersionNotFound: Could not find the specified version 3 for the launch template with ID lt-1."
        );
        assert_snapshot!(refused("two"), @"InvalidParameterValue: Invalid launch template version: two");
        assert_snapshot!(refused(""), @"MissingParameter: The request must contain the parameter SetDefaultVersion");
    }
}
