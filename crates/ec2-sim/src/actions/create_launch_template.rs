//! `CreateLaunchTemplate`: a template with its first version, which is the default. Whether there is such
//! an image as it names nobody checks.

use super::Action;
use crate::error::Error;
use crate::id::LaunchTemplateId;
use crate::idempotency;
use crate::launch_templates::{take_version, write_template};
use crate::query::Params;
use crate::scope::Scope;
use crate::tagging::Specification;
use crate::world::{LaunchTemplate, LaunchTemplateData, LaunchTemplateVersion};
use crate::xml::Xml;

pub(super) struct CreateLaunchTemplate {
    name: String,
    description: Option<String>,
    data: LaunchTemplateData,
    tags: Specification,
    client_token: Option<String>,
}

impl Action for CreateLaunchTemplate {
    const NAME: &str = "CreateLaunchTemplate";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let name = params.required("LaunchTemplateName")?;
        let (description, data) = take_version(params)?;
        Ok(Self {
            name,
            description,
            data,
            tags: Specification::take(params, &["launch-template"])?,
            client_token: params.text("ClientToken"),
        })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let token = self.client_token.as_deref();
        if let Some(created) = idempotency::recall(Self::NAME, token, scope)? {
            // What was created may already be gone.
            for template in created.iter().filter_map(|id| scope.here().launch_templates.get(id.as_str())) {
                answer.element("launchTemplate", |xml| write_template(xml, template));
            }
            return Ok(());
        }
        check_name(&self.name, scope)?;
        if !self.tags.is_empty() {
            scope.authorize("CreateTags")?;
        }
        let version =
            LaunchTemplateVersion { description: self.description, created: scope.now(), created_by: scope.caller_arn(), data: self.data };
        let id = LaunchTemplateId::mint(&mut scope.world.ids);
        let mut template = LaunchTemplate::new(id.clone(), &self.name, version);
        template.tags = self.tags.tags("launch-template");
        answer.element("launchTemplate", |xml| write_template(xml, &template));
        scope.here_mut().launch_templates.insert(id.clone(), template);
        idempotency::remember(Self::NAME, token, vec![id.into()], scope);
        Ok(())
    }
}

fn check_name(name: &str, scope: &Scope) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "().-/_".contains(c);
    if !(3..=128).contains(&name.len()) || !name.chars().all(allowed) {
        return Err(Error::new(
            "InvalidLaunchTemplateName.MalformedException",
            "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the characters \
             '-', '_', '.', '/', '(', and ')'.",
        ));
    }
    if scope.here().launch_templates.values().any(|template| template.name == name) {
        return Err(Error::new("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::SignedDuration;

    use crate::testing::{Client, noon};
    use crate::world::World;

    const PLAIN: [(&str, &str); 2] = [("LaunchTemplateName", "web"), ("LaunchTemplateData.ImageId", "ami-00000000")];

    #[tokio::test(start_paused = true)]
    async fn answers_with_the_new_template() {
        let ec2 = Client::of_example();
        let params = [
            PLAIN[0],
            PLAIN[1],
            ("TagSpecification.1.ResourceType", "launch-template"),
            ("TagSpecification.1.Tag.1.Key", "team"),
            ("TagSpecification.1.Tag.1.Value", "blue"),
        ];
        assert_snapshot!(ec2.ok("CreateLaunchTemplate", &params).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <CreateLaunchTemplateResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>f89404ee-6fab-4c4a-a8a8-4a90d7928e5c</requestId>
            <launchTemplate>
                <launchTemplateId>lt-077f9a0771f0260cf</launchTemplateId>
                <launchTemplateName>web</launchTemplateName>
                <createTime>2026-11-22T12:00:00.000Z</createTime>
                <createdBy>arn:aws:iam::123456789012:user/operator</createdBy>
                <defaultVersionNumber>1</defaultVersionNumber>
                <latestVersionNumber>1</latestVersionNumber>
                <tagSet>
                    <item>
                        <key>team</key>
                        <value>blue</value>
                    </item>
                </tagSet>
            </launchTemplate>
        </CreateLaunchTemplateResponse>
        "#);
        assert_eq!(ec2.ok("DescribeTags", &[]).texts("resourceType").iter().filter(|kind| *kind == "launch-template").count(), 1);
    }

    #[test]
    fn a_client_token_makes_one_template_of_two_calls() {
        let ec2 = Client::of_example();
        let params = [PLAIN[0], PLAIN[1], ("ClientToken", "once")];
        let first = ec2.ok("CreateLaunchTemplate", &params).text("launchTemplateId");
        assert_eq!(ec2.ok("CreateLaunchTemplate", &params).text("launchTemplateId"), first);
        let other = [("LaunchTemplateName", "db"), PLAIN[1], params[2]];
        assert!(ec2.error("CreateLaunchTemplate", &other).starts_with("IdempotentParameterMismatch"));
    }

    #[test]
    fn a_repeated_call_is_answered_before_the_template_can_be_seen() {
        let mut world = World::example(1, noon());
        world.manners.visibility_lag = SignedDuration::from_secs(10);
        let ec2 = Client::of(world);
        let params = [PLAIN[0], PLAIN[1], ("ClientToken", "once")];
        let first = ec2.ok("CreateLaunchTemplate", &params).text("launchTemplateId");
        assert_eq!(ec2.ok("CreateLaunchTemplate", &params).text("launchTemplateId"), first);
        assert!(ec2.error("DeleteLaunchTemplate", &PLAIN[..1]).starts_with("InvalidLaunchTemplateName.NotFoundException"));
    }

    #[test]
    fn can_be_tagged_later() {
        let ec2 = Client::of_example();
        let id = ec2.ok("CreateLaunchTemplate", &PLAIN).text("launchTemplateId");
        ec2.ok("CreateTags", &[("ResourceId.1", &id), ("Tag.1.Key", "team"), ("Tag.1.Value", "blue")]);
        let described = |key| ec2.ok("DescribeLaunchTemplates", &[("Filter.1.Name", "tag-key"), ("Filter.1.Value.1", key)]);
        assert_eq!(described("team").texts("launchTemplateId"), [&id[..]]);
        assert_eq!(described("Team").texts("launchTemplateId"), [""; 0]);
        assert!(
            ec2.error("CreateTags", &[("ResourceId.1", "lt-00000000"), ("Tag.1.Key", "a")]).starts_with("InvalidLaunchTemplateId.NotFound")
        );
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = Client::of_example();
        ec2.ok("CreateLaunchTemplate", &PLAIN);
        let create = |params: &[(&str, &str)]| ec2.error("CreateLaunchTemplate", params);
        assert_snapshot!(create(&PLAIN), @"InvalidLaunchTemplateName.AlreadyExistsException: Launch template name already in use.");
        assert_snapshot!(
            create(&PLAIN[..1]),
            @"MissingParameter: No launch template data was provided. Launch template data is required to create a launch template."
        );
        assert_snapshot!(create(&PLAIN[1..]), @"MissingParameter: The request must contain the parameter LaunchTemplateName");
        assert_snapshot!(
            create(&[("LaunchTemplateName", "a b c"), PLAIN[1]]),
            @"InvalidLaunchTemplateName.MalformedException: A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the characters '-', '_', '.', '/', '(', and ')'."
        );
        assert_snapshot!(
            create(&[PLAIN[0], ("LaunchTemplateData.ImageID", "ami-00000000")]),
            @"UnknownParameter: The parameter LaunchTemplateData.ImageID is not recognized"
        );
        assert_snapshot!(
            create(&[PLAIN[0], PLAIN[1], ("VersionDescription", &"x".repeat(256))]),
            @"InvalidParameterValue: Invalid value for the version description: it must not be longer than 255 characters"
        );
        assert!(ec2.in_region("eu-west-1").ok("CreateLaunchTemplate", &PLAIN).text("launchTemplateId").starts_with("lt-"));
    }
}
