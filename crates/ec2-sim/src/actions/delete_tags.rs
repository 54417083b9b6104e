//! `DeleteTags`: a key without a value goes whatever its value, a key with a value only if it has that
//! one, and without any keys everything goes.

use super::Action;
use crate::error::Error;
use crate::query::Params;
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::tagging::is_reserved;
use crate::xml::Xml;

pub(super) struct DeleteTags {
    resources: Vec<ResourceId>,
    tags: Vec<(String, Option<String>)>,
}

impl Action for DeleteTags {
    const NAME: &str = "DeleteTags";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let resources = ResourceId::take_list(params)?;
        let mut tags = Vec::new();
        for mut tag in params.structures("Tag") {
            tags.push((tag.required("Key")?, tag.given("Value")));
            tag.finish()?;
        }
        if tags.iter().any(|(key, _)| is_reserved(key)) {
            return Err(Error::invalid_parameter_value("Tag keys starting with 'aws:' are reserved for internal use"));
        }
        Ok(Self { resources, tags })
    }

    fn resources(&self) -> Vec<ResourceId> {
        self.resources.clone()
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        for resource in &self.resources {
            resource.tags_mut(scope)?;
        }
        for resource in &self.resources {
            resource.tags_mut(scope)?.retain(|key, value| {
                is_reserved(key)
                    || !self.tags.is_empty()
                        && !self.tags.iter().any(|(gone, only)| gone == key && only.as_ref().is_none_or(|only| only == value))
            });
        }
        answer.leaf("return", true);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Client, WEB};

    fn keys_left(tags: &[(&str, &str)], delete: &[(&str, &str)]) -> Vec<String> {
        let ec2 = Client::of_example();
        let mut world = ec2.sim.world();
        let instance = world.region_mut("us-east-1").instances.get_mut(WEB).unwrap();
        instance.tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        drop(world);
        ec2.ok("DeleteTags", &[&[("ResourceId.1", WEB)], delete].concat());
        let world = ec2.sim.world();
        world.region("us-east-1").instances[WEB].tags.keys().cloned().collect()
    }

    const TAGS: &[(&str, &str)] = &[("a", "1"), ("aws:x", ""), ("b", "2"), ("c", "")];

    #[test]
    fn a_key_alone_goes_whatever_its_value() {
        assert_eq!(keys_left(TAGS, &[("Tag.1.Key", "a")]), ["aws:x", "b", "c"]);
    }

    #[test]
    fn a_key_with_a_value_goes_only_with_that_value() {
        assert_eq!(
            keys_left(TAGS, &[("Tag.1.Key", "a"), ("Tag.1.Value", "2"), ("Tag.2.Key", "b"), ("Tag.2.Value", "2")]),
            ["a", "aws:x", "c"]
        );
        assert_eq!(
            keys_left(TAGS, &[("Tag.1.Key", "a"), ("Tag.1.Value", ""), ("Tag.2.Key", "c"), ("Tag.2.Value", "")]),
            ["a", "aws:x", "b"]
        );
    }

    #[test]
    fn without_keys_everything_goes_that_is_not_reserved() {
        assert_eq!(keys_left(TAGS, &[]), ["aws:x"]);
    }
}
