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
