//! `DescribeTags`: the tags of everything, one by one.

use std::borrow::Cow;

use super::Action;
use crate::error::Error;
use crate::filter::{Filters, Known, Tagged};
use crate::launch_templates::visible_templates;
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::scope::Scope;
use crate::world::Tags;
use crate::xml::Xml;

const PAGES: Rule = Rule { least: 5, most: 1000, ids: None };

const FILTERS: Known<Line> = &[
    ("key", |line| vec![line.key.clone()]),
    ("resource-id", |line| vec![line.resource_id.clone()]),
    ("resource-type", |line| vec![line.resource_type.to_owned()]),
    ("value", |line| vec![line.value.clone()]),
];

pub(super) struct DescribeTags {
    filters: Filters<Line>,
    paging: Paging,
}

/// One tag of one resource.
struct Line {
    resource_id: String,
    resource_type: &'static str,
    key: String,
    value: String,
    as_tags: Tags,
}

impl Tagged for Line {
    fn tags(&self) -> &Tags {
        &self.as_tags
    }
}

impl Action for DescribeTags {
    const NAME: &str = "DescribeTags";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { filters: Filters::take(params, FILTERS)?, paging: Paging::take(params) })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, false, scope)?;
        let (lines, next) =
            page.cut(lines(scope), |line| Cow::Owned(format!("{}\n{}", line.resource_id, line.key)), |line| self.filters.matches(line));
        answer
            .items("tagSet", lines, |item, line| {
                item.leaf("resourceId", line.resource_id)
                    .leaf("resourceType", line.resource_type)
                    .leaf("key", line.key)
                    .leaf("value", line.value);
            })
            .leaf_if_some("nextToken", next);
        Ok(())
    }
}

fn lines(scope: &Scope) -> impl Iterator<Item = Line> {
    let here = scope.here();
    let images = scope.images().filter(|image| image.owner == scope.account).map(|i| ("image", i.id.as_str(), &i.tags));
    let instances = here.instances.values().map(|i| ("instance", i.id.as_str(), &i.tags));
    let templates = visible_templates(scope).map(|t| ("launch-template", t.id.as_str(), &t.tags));
    let snapshots = scope.snapshots().map(|s| ("snapshot", s.id.as_str(), &s.tags));
    let volumes = here.volumes.values().map(|v| ("volume", v.id.as_str(), &v.tags));
    // What lies in the Recycle Bin can be tagged, and its tags can be seen.
    let bin = &here.recycle_bin;
    let binned_images = bin.images.values().map(|b| ("image", b.item.id.as_str(), &b.item.tags));
    let binned_snapshots = bin.snapshots.values().map(|b| ("snapshot", b.item.id.as_str(), &b.item.tags));
    let binned = binned_images.chain(binned_snapshots);
    images.chain(instances).chain(templates).chain(snapshots).chain(volumes).chain(binned).flat_map(|(resource_type, id, tags)| {
        tags.iter().map(move |(key, value)| Line {
            resource_id: id.to_owned(),
            resource_type,
            key: key.clone(),
            value: value.clone(),
            as_tags: Tags::from([(key.clone(), value.clone())]),
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Client, WEB};

    #[test]
    fn tells_the_tags_of_everything() {
        let ec2 = Client::of_example();
        let image = ec2.create_image(WEB, "nightly");
        ec2.ok("CreateTags", &[("ResourceId.1", &image), ("Tag.1.Key", "team"), ("Tag.1.Value", "blue")]);
        let ids = |name, value| ec2.ok("DescribeTags", &[("Filter.1.Name", name), ("Filter.1.Value.1", value)]).texts("resourceId");
        assert_eq!(ec2.ok("DescribeTags", &[]).texts("resourceId").len(), 3);
        assert_eq!(ids("key", "team"), [&image[..]]);
        assert_eq!(ids("value", "web-1"), [WEB]);
        assert_eq!(ids("resource-id", &image), [&image[..]]);
        assert_eq!(ids("resource-type", "instance").len(), 2);
        assert_eq!(ids("tag:team", "blue"), [&image[..]]);
    }
}
