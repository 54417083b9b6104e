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
