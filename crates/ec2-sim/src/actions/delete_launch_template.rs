//! `DeleteLaunchTemplate`: a template goes with all its versions, whoever launches from it.

use super::Action;
use crate::error::Error;
use crate::launch_templates::{Named, write_template};
use crate::query::Params;
use crate::scope::Scope;
use crate::xml::Xml;

pub(super) struct DeleteLaunchTemplate {
    template: Named,
}

impl Action for DeleteLaunchTemplate {
    const NAME: &str = "DeleteLaunchTemplate";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { template: Named::required(params)? })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let template = self.template.find(scope)?;
        answer.element("launchTemplate", |xml| write_template(xml, template));
        let id = template.id.clone();
        scope.here_mut().launch_templates.remove(&id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::Client;

    #[test]
    fn deletes_by_name_or_by_id_and_once() {
        let ec2 = Client::of_example();
        let create = |name| {
            let params = [("LaunchTemplateName", name), ("LaunchTemplateData.ImageId", "ami-00000001")];
            ec2.ok("CreateLaunchTemplate", &params).text("launchTemplateId")
        };
        let (web, db) = (create("web"), create("db1"));
        assert_eq!(ec2.ok("DeleteLaunchTemplate", &[("LaunchTemplateName", "web")]).text("launchTemplateId"), web);
        assert_eq!(ec2.ok("DeleteLaunchTemplate", &[("LaunchTemplateId", &db)]).text("launchTemplateName"), "db1");
        assert_snapshot!(
            ec2.error("DeleteLaunchTemplate", &[("LaunchTemplateName", "web")]),
            @"InvalidLaunchTemplateName.NotFoundException: The specified launch template, with template name web, does not exist."
        );
        assert_snapshot!(
            ec2.error("DeleteLaunchTemplate", &[("LaunchTemplateId", &web)]).replace(&web, "lt-1"),
            @"InvalidLaunchTemplateId.NotFound: The specified launch template, with template ID lt-1, does not exist."
        );
        assert_ne!(create("web"), web);
    }
}
