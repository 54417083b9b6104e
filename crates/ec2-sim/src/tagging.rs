//! Tags: their limits, and the `TagSpecification` of the calls that create something.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::query::Params;
use crate::world::Tags;
use crate::xml::Xml;

/// User tags that one resource may carry; `aws:` tags do not count.
const MOST_TAGS: usize = 50;
/// Characters of a key. (The user guide says 128, the API model 127.)
const LONGEST_KEY: usize = 127;
const LONGEST_VALUE: usize = 256;

/// The tags that a creating call asks for, by type of resource.
#[derive(Debug, Default)]
pub(crate) struct Specification(BTreeMap<String, Tags>);

impl Specification {
    /// Takes `TagSpecification.N` from a request that creates resources of the `allowed` types.
    pub(crate) fn take(params: &mut Params, allowed: &[&str]) -> Result<Self, Error> {
        let mut by_type = BTreeMap::new();
        for mut specification in params.structures("TagSpecification") {
            let resource_type = specification.required("ResourceType")?;
            if !allowed.contains(&resource_type.as_str()) {
                return Err(Error::invalid_parameter_value(format!(
                    "'{resource_type}' is not a valid taggable resource type for this operation."
                )));
            }
            let tags = take_tags(&mut specification)?;
            specification.finish()?;
            check_count(&tags)?;
            if by_type.insert(resource_type.clone(), tags).is_some() {
                return Err(Error::invalid_parameter_value(format!(
                    "The resource type '{resource_type}' was specified more than once in the tag specifications."
                )));
            }
        }
        Ok(Self(by_type))
    }

    pub(crate) fn tags(&self, resource_type: &str) -> Tags {
        self.0.get(resource_type).cloned().unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Takes `Tag.N` from a request: tags to put on something.
pub(crate) fn take_tags(params: &mut Params) -> Result<Tags, Error> {
    let mut tags = Tags::new();
    for mut tag in params.structures("Tag") {
        let key = tag.required("Key")?;
        let value = tag.given("Value").unwrap_or_default();
        tag.finish()?;
        check(&key, &value)?;
        if tags.insert(key.clone(), value).is_some() {
            return Err(Error::invalid_parameter_value(format!("Duplicate tag key '{key}' specified.")));
        }
    }
    Ok(tags)
}

/// Puts `tags` over what `onto` has, unless that makes too many.
pub(crate) fn merged(onto: &Tags, tags: &Tags) -> Result<Tags, Error> {
    let mut all = onto.clone();
    all.extend(tags.iter().map(|(key, value)| (key.clone(), value.clone())));
    check_count(&all)?;
    Ok(all)
}

/// Writes a `tagSet`; EC2 leaves it out where there are no tags.
pub(crate) fn write_tags(xml: &mut Xml, tags: &Tags) {
    if !tags.is_empty() {
        xml.items("tagSet", tags, |item, (key, value)| {
            item.leaf("key", key).leaf("value", value);
        });
    }
}

pub(crate) fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}

fn check(key: &str, value: &str) -> Result<(), Error> {
    if is_reserved(key) {
        Err(Error::invalid_parameter_value("Tag keys starting with 'aws:' are reserved for internal use"))
    } else if key.chars().count() > LONGEST_KEY {
        Err(Error::invalid_parameter_value(format!("Tag key exceeds the maximum length of {LONGEST_KEY} characters")))
    } else if value.chars().count() > LONGEST_VALUE {
        Err(Error::invalid_parameter_value(format!("Tag value exceeds the maximum length of {LONGEST_VALUE} characters")))
    } else {
        Ok(())
    }
}

fn check_count(tags: &Tags) -> Result<(), Error> {
    if tags.keys().filter(|key| !is_reserved(key)).count() > MOST_TAGS {
        Err(Error::new(
            "TagLimitExceeded",
            format!("The maximum number of Tags for a resource has been reached. The limit is {MOST_TAGS}."),
        ))
    } else {
        Ok(())
    }
}
