//! `DescribeLaunchTemplates`: the templates, without what is in their versions.

use std::borrow::Cow;

use super::Action;
use crate::clock::milliseconds;
use crate::error::Error;
use crate::filter::{Filters, Known};
use crate::launch_templates::{visible_templates, write_template};
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::reference::{launch_template_id, no_such_template};
use crate::scope::Scope;
use crate::world::LaunchTemplate;
use crate::xml::Xml;

/// Ids and pages do not exclude each other: nobody says that they do.
const PAGES: Rule = Rule { least: 1, most: 200, ids: None };

const FILTERS: Known<LaunchTemplate> =
    &[("create-time", |t| vec![milliseconds(t.created)]), ("launch-template-name", |t| vec![t.name.clone()])];

pub(super) struct DescribeLaunchTemplates {
    ids: Vec<String>,
    names: Vec<String>,
    filters: Filters<LaunchTemplate>,
    paging: Paging,
}

impl Action for DescribeLaunchTemplates {
    const NAME: &str = "DescribeLaunchTemplates";

    fn take(params: &mut Params) -> Result<Self, Error> {
        params.ignore(&["IncludeManagedResources"]);
        Ok(Self {
            ids: params.list("LaunchTemplateId"),
            names: params.list("LaunchTemplateName"),
            filters: Filters::take(params, FILTERS)?,
            // How many come unasked is not documented; to be asked again hurts nobody.
            paging: Paging::take(params).usually(PAGES.most),
        })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, false, scope)?;
        for id in &self.ids {
            let id = launch_template_id(id)?;
            if !visible_templates(scope).any(|template| template.id == id) {
                return Err(no_such_template(&id));
            }
        }
        if self.names.iter().any(|name| !visible_templates(scope).any(|template| template.name == *name)) {
            return Err(Error::new(
                "InvalidLaunchTemplateName.NotFoundException",
                "At least one of the launch templates specified in the request does not exist.",
            ));
        }
        let listed = |template: &&LaunchTemplate| {
            self.ids.is_empty() && self.names.is_empty()
                || self.ids.iter().any(|id| template.id == **id)
                || self.names.contains(&template.name)
        };
        let templates = visible_templates(scope).filter(listed);
        let (templates, next) =
            page.cut(templates, |template| Cow::Borrowed(template.id.as_ref()), |template| self.filters.matches(template));
        answer.items("launchTemplates", templates, write_template).leaf_if_some("nextToken", next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::SignedDuration;

    use crate::testing::{Client, noon};
    use crate::world::World;

    fn with_templates(world: World, names: &[&str]) -> Client {
        let ec2 = Client::of(world);
        for name in names {
            ec2.ok("CreateLaunchTemplate", &[("LaunchTemplateName", name), ("LaunchTemplateData.ImageId", "ami-00000001")]);
        }
        ec2
    }

    fn names(ec2: &Client, params: &[(&str, &str)]) -> Vec<String> {
        let mut names = ec2.ok("DescribeLaunchTemplates", params).texts("launchTemplateName");
        names.sort();
        names
    }

    #[test]
    fn by_id_by_name_and_by_filter() {
        let ec2 = with_templates(World::example(1, noon()), &["db1", "web", "worker"]);
        let id = ec2.ok("DescribeLaunchTemplates", &[("LaunchTemplateName.1", "web")]).text("launchTemplateId");
        assert_eq!(names(&ec2, &[]), ["db1", "web", "worker"]);
        assert_eq!(names(&ec2, &[("LaunchTemplateId.1", &id)]), ["web"]);
        assert_eq!(names(&ec2, &[("LaunchTemplateId.1", &id), ("LaunchTemplateName.1", "db1")]), ["db1", "web"]);
        let filter = |name, value| names(&ec2, &[("Filter.1.Name", name), ("Filter.1.Value.1", value)]);
        assert_eq!(filter("launch-template-name", "w*"), ["web", "worker"]);
        assert_eq!(filter("create-time", "2026-11-22T12*").len(), 3);
        assert_eq!(names(&ec2.in_region("eu-west-1"), &[]), [""; 0]);
    }

    #[test]
    fn pages() {
        let ec2 = with_templates(World::example(1, noon()), &["aaa", "bbb", "ccc"]);
        let first = ec2.ok("DescribeLaunchTemplates", &[("MaxResults", "2")]);
        let second = ec2.ok("DescribeLaunchTemplates", &[("MaxResults", "2"), ("NextToken", &first.text("nextToken"))]);
        assert_eq!((first.texts("launchTemplateName").len(), second.texts("launchTemplateName").len()), (2, 1));
    }

    #[test]
    fn what_was_just_created_may_not_be_seen_yet() {
        let mut world = World::example(1, noon());
        world.manners.visibility_lag = SignedDuration::from_secs(10);
        let ec2 = with_templates(world, &["web"]);
        assert_eq!(names(&ec2, &[]), [""; 0]);
        assert!(ec2.error("DescribeLaunchTemplates", &[("LaunchTemplateName.1", "web")]).starts_with("InvalidLaunchTemplateName.NotFound"));
        ec2.wait(10);
        assert_eq!(names(&ec2, &[]), ["web"]);
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = with_templates(World::example(1, noon()), &["web"]);
        let describe = |params: &[(&str, &str)]| ec2.error("DescribeLaunchTemplates", params);
        assert_snapshot!(
            describe(&[("LaunchTemplateName.1", "web"), ("LaunchTemplateName.2", "gone")]),
            @"InvalidLaunchTemplateName.NotFoundException: At least one of the launch templates specified in the request does not exist."
        );
        assert_snapshot!(
            describe(&[("LaunchTemplateId.1", "lt-00000000")]),
            @"InvalidLaunchTemplateId.NotFound: The specified launch template, with template ID lt-00000000, does not exist."
        );
        assert_snapshot!(
            describe(&[("LaunchTemplateId.1", "web")]),
            @r#"InvalidLaunchTemplateId.Malformed: Invalid id: "web" (expecting "lt-...")"#
        );
        assert_snapshot!(
            describe(&[("Filter.1.Name", "image-id"), ("Filter.1.Value.1", "x")]),
            @"InvalidParameterValue: The filter 'image-id' is invalid"
        );
        assert_snapshot!(
            describe(&[("MaxResults", "0")]),
            @"InvalidParameterValue: Value ( 0 ) for parameter maxResults is invalid. Expecting a value greater than 1."
        );
    }
}
