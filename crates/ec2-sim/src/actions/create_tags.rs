//! `CreateTags`: the same tags on any number of resources. All of them, or none.

use super::Action;
use crate::error::Error;
use crate::query::Params;
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::tagging::{merged, take_tags};
use crate::world::Tags;
use crate::xml::Xml;

pub(super) struct CreateTags {
    resources: Vec<ResourceId>,
    tags: Tags,
}

impl Action for CreateTags {
    const NAME: &str = "CreateTags";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let resources = ResourceId::take_list(params)?;
        let tags = take_tags(params)?;
        if tags.is_empty() {
            return Err(Error::missing_parameter("Tag"));
        }
        Ok(Self { resources, tags })
    }

    fn resources(&self) -> Vec<ResourceId> {
        self.resources.clone()
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let mut changed = Vec::new();
        for resource in self.resources {
            let tags = merged(resource.tags_mut(scope)?, &self.tags)?;
            changed.push((resource, tags));
        }
        for (resource, tags) in changed {
            *resource.tags_mut(scope)? = tags;
        }
        answer.leaf("return", true);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, WEB};

    #[test]
    fn tags_any_resource_and_overwrites() {
        let ec2 = Client::of_example();
        let image = ec2.available_image(WEB, "nightly");
        let snapshot = ec2.snapshots_of(&image)[0].id.to_string();
        let resources =
            [("ResourceId.1", &image[..]), ("ResourceId.2", &snapshot), ("ResourceId.3", WEB), ("ResourceId.4", "vol-0eb1eb1eb1eb10001")];
        let tag = |value| [("Tag.1.Key", "team"), ("Tag.1.Value", value)];
        ec2.ok("CreateTags", &[&resources[..], &tag("blue")].concat());
        ec2.ok("CreateTags", &[&resources[..], &tag("")].concat());
        let tags = ec2.ok("DescribeTags", &[("Filter.1.Name", "key"), ("Filter.1.Value.1", "team")]);
        assert_eq!(tags.texts("value"), [""; 4]);
    }

    #[test]
    fn tags_all_or_nothing() {
        let ec2 = Client::of_example();
        let params = [("ResourceId.1", WEB), ("ResourceId.2", "i-00000001"), ("Tag.1.Key", "team"), ("Tag.1.Value", "blue")];
        assert_snapshot!(ec2.error("CreateTags", &params), @"InvalidInstanceID.NotFound: The instance ID 'i-00000001' does not exist");
        assert!(!ec2.sim.world().region("us-east-1").instances[WEB].tags.contains_key("team"));
    }

    #[test]
    fn keeps_to_the_limits() {
        let ec2 = Client::of_example();
        let tag = |key: &str, value: &str| ec2.call("CreateTags", &[("ResourceId.1", WEB), ("Tag.1.Key", key), ("Tag.1.Value", value)]);
        for number in 2..=50 {
            assert_eq!(tag(&format!("key {number}"), "").status, 200);
        }
        assert_eq!(tag("one", "too many").text("Code"), "TagLimitExceeded");
        assert_eq!(tag("key 2", "changed").status, 200);
        assert_eq!(tag(&"k".repeat(128), "").text("Message"), "Tag key exceeds the maximum length of 127 characters");
        assert_eq!(tag("key 3", &"v".repeat(257)).text("Message"), "Tag value exceeds the maximum length of 256 characters");
        assert_eq!(tag("aws:mine", "").text("Message"), "Tag keys starting with 'aws:' are reserved for internal use");
        assert_eq!(tag("key 3", &"ü".repeat(256)).status, 200);
    }

    #[test]
    fn the_tags_of_aws_itself_do_not_count_and_cannot_be_changed() {
        let ec2 = Client::of_example();
        let system = "aws:backup:source-resource";
        let mut world = ec2.sim.world();
        let instance = world.region_mut("us-east-1").instances.get_mut(WEB).unwrap();
        instance.tags = [(system.to_owned(), "arn:aws:ec2:us-east-1:123456789012:instance/i-1".to_owned())].into();
        drop(world);
        let fifty: Vec<(String, String)> = (1..=50).map(|number| (format!("Tag.{number}.Key"), format!("key {number}"))).collect();
        let fifty: Vec<(&str, &str)> = fifty.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        ec2.ok("CreateTags", &[&[("ResourceId.1", WEB)], &fifty[..]].concat());
        assert!(ec2.error("CreateTags", &[("ResourceId.1", WEB), ("Tag.1.Key", "one more")]).starts_with("TagLimitExceeded"));
        for action in ["CreateTags", "DeleteTags"] {
            assert!(ec2.error(action, &[("ResourceId.1", WEB), ("Tag.1.Key", system)]).starts_with("InvalidParameterValue"), "{action}");
        }
        ec2.ok("DeleteTags", &[("ResourceId.1", WEB)]);
        assert_eq!(ec2.ok("DescribeTags", &[("Filter.1.Name", "resource-id"), ("Filter.1.Value.1", WEB)]).texts("key"), [system]);
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = Client::of_example();
        assert_snapshot!(
            ec2.error("CreateTags", &[("Tag.1.Key", "a")]),
            @"MissingParameter: The request must contain the parameter ResourceId"
        );
        assert_snapshot!(
            ec2.error("CreateTags", &[("ResourceId.1", WEB)]),
            @"MissingParameter: The request must contain the parameter Tag"
        );
        assert_snapshot!(
            ec2.error("CreateTags", &[("ResourceId.1", "web-1"), ("Tag.1.Key", "a")]),
            @"InvalidID: The ID 'web-1' is not valid"
        );
        assert_snapshot!(
            ec2.error("CreateTags", &[("ResourceId.1", WEB), ("Tag.1.Value", "a")]),
            @"MissingParameter: The request must contain the parameter Tag.1.Key"
        );
        assert_snapshot!(
            ec2.error("CreateTags", &[("ResourceId.1", WEB), ("Tag.1.Key", "a"), ("Tag.2.Key", "a")]),
            @"InvalidParameterValue: Duplicate tag key 'a' specified."
        );
    }

    #[test]
    fn needs_its_permission_even_within_another_call() {
        let ec2 = Client::of_example();
        ec2.deny("CreateTags");
        ec2.create_image(WEB, "untagged");
        let tag = [("TagSpecification.1.ResourceType", "image"), ("TagSpecification.1.Tag.1.Key", "a")];
        let params = [&[("InstanceId", crate::testing::DB), ("Name", "tagged")], &tag[..]].concat();
        assert_snapshot!(
            ec2.error("CreateImage", &params),
            @"UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/operator is not authorized to perform: ec2:CreateTags because no identity-based policy allows the ec2:CreateTags action"
        );
    }
}
