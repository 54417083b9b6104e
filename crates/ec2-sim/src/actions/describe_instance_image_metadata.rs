//! `DescribeInstanceImageMetadata`: the images that instances were launched from, even those that have
//! been deregistered (ec2-semantics 3.4).

use std::borrow::Cow;

use super::Action;
use crate::clock::{milliseconds, whole_seconds};
use crate::error::Error;
use crate::filter::{Filters, Known};
use crate::instances::write_state;
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::scope::Scope;
use crate::tagging::write_tags;
use crate::world::{Image, Instance};
use crate::xml::Xml;

/// Whether ids exclude pages here too is not documented; they do in `DescribeInstances`.
const PAGES: Rule = Rule { least: 1, most: 1000, ids: Some("instancesSet") };

const FILTERS: Known<Instance> = &[
    ("availability-zone", |i| vec![i.availability_zone.clone()]),
    ("image-allowed", |_| vec!["true".to_owned()]),
    ("instance-id", |i| vec![i.id.to_string()]),
    ("instance-state-name", |i| vec![i.state.to_string()]),
    ("instance-type", |i| vec![i.instance_type.clone()]),
    ("launch-time", |i| vec![milliseconds(i.launched)]),
];

pub(super) struct DescribeInstanceImageMetadata {
    ids: Vec<String>,
    filters: Filters<Instance>,
    paging: Paging,
}

impl Action for DescribeInstanceImageMetadata {
    const NAME: &str = "DescribeInstanceImageMetadata";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self {
            ids: params.list("InstanceId"),
            filters: Filters::take(params, FILTERS)?,
            paging: Paging::take(params).usually(PAGES.most),
        })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, !self.ids.is_empty(), scope)?;
        let instances: Vec<&Instance> =
            if self.ids.is_empty() { scope.here().instances.values().collect() } else { scope.instances(&self.ids)? };
        let (instances, next) =
            page.cut(instances, |instance| Cow::Borrowed(instance.id.as_ref()), |instance| self.filters.matches(instance));
        answer.items("instanceImageMetadataSet", instances, |item, instance| write(item, instance, scope)).leaf_if_some("nextToken", next);
        Ok(())
    }
}

fn write(xml: &mut Xml, instance: &Instance, scope: &Scope) {
    let zones = scope.world.regions.get(&scope.region).map_or(&[][..], |facts| &facts.zones);
    let zone = zones.iter().find(|zone| zone.name == instance.availability_zone);
    xml.leaf("instanceId", &instance.id)
        .leaf("instanceType", &instance.instance_type)
        .leaf("launchTime", milliseconds(instance.launched))
        .leaf("availabilityZone", &instance.availability_zone)
        .leaf_if_some("zoneId", zone.map(|zone| &zone.id))
        .element("instanceState", |xml| write_state(xml, instance.state))
        .leaf("instanceOwnerId", &scope.account);
    write_tags(xml, &instance.tags);
    xml.element("imageMetadata", |xml| match image_of(instance, scope) {
        None => {
            xml.leaf("imageId", &instance.image_id);
        }
        Some((image, state)) => {
            xml.leaf("imageId", &image.id)
                .leaf("name", &image.name)
                .leaf("imageOwnerId", &image.owner)
                .leaf("imageState", state)
                .leaf_if_some("imageOwnerAlias", image.owner_alias.as_ref())
                .leaf("creationDate", whole_seconds(image.created))
                .leaf_if_some("deprecationTime", image.deprecation_time.map(whole_seconds))
                .leaf("imageAllowed", true)
                .leaf("isPublic", image.public);
        }
    });
}

/// The image of an instance, with the word for its state. One that its owner no longer shares, or that
/// was another's and is gone, is not known any more.
fn image_of<'s>(instance: &Instance, scope: &'s Scope) -> Option<(&'s Image, String)> {
    let registered = scope.known_image(&instance.image_id).map(|image| (image, image.state.to_string()));
    registered.or_else(|| {
        let gone = scope.here().deregistered.get(&instance.image_id)?;
        Some((&gone.image, "deregistered".to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, DB, WEB};

    #[tokio::test(start_paused = true)]
    async fn describes_an_instance_and_its_image() {
        let ec2 = Client::of_example();
        assert_snapshot!(ec2.ok("DescribeInstanceImageMetadata", &[("InstanceId.1", WEB)]).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeInstanceImageMetadataResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>f89404ee-6fab-4c4a-a8a8-4a90d7928e5c</requestId>
            <instanceImageMetadataSet>
                <item>
                    <instanceId>i-0eb1eb1eb1eb10001</instanceId>
                    <instanceType>t3.micro</instanceType>
                    <launchTime>2026-10-23T12:00:00.000Z</launchTime>
                    <availabilityZone>us-east-1a</availabilityZone>
                    <zoneId>use1-az1</zoneId>
                    <instanceState>
                        <code>16</code>
                        <name>running</name>
                    </instanceState>
                    <instanceOwnerId>123456789012</instanceOwnerId>
                    <tagSet>
                        <item>
                            <key>Name</key>
                            <value>web-1</value>
                        </item>
                    </tagSet>
                    <imageMetadata>
                        <imageId>ami-12345678</imageId>
                        <name>linux-base-x86_64-2026-01-15</name>
                        <imageOwnerId>137112412989</imageOwnerId>
                        <imageState>available</imageState>
                        <imageOwnerAlias>amazon</imageOwnerAlias>
                        <creationDate>2026-01-15T00:00:00.000Z</creationDate>
                        <imageAllowed>true</imageAllowed>
                        <isPublic>true</isPublic>
                    </imageMetadata>
                </item>
            </instanceImageMetadataSet>
        </DescribeInstanceImageMetadataResponse>
        "#);
    }

    #[test]
    fn knows_a_deregistered_image_while_an_instance_of_it_lives() {
        let ec2 = Client::of_example();
        let image = ec2.available_image(WEB, "nightly");
        let ran = ec2.ok("RunInstances", &[("ImageId", &image), ("MinCount", "1"), ("MaxCount", "1")]);
        let instance = ran.text("instanceId");
        let state = || ec2.ok("DescribeInstanceImageMetadata", &[("InstanceId.1", &instance)]).text("imageState");
        assert_eq!(state(), "available");
        ec2.ok("DeregisterImage", &[("ImageId", &image)]);
        ec2.wait(7200);
        assert_eq!(state(), "deregistered");
        assert_eq!(ec2.ok("DescribeImages", &[("ImageId.1", &image)]).texts("imageId"), [""; 0]);
    }

    #[test]
    fn filters_and_refusals() {
        let ec2 = Client::of_example();
        let ids = |name, value| ec2.ok("DescribeInstanceImageMetadata", &[("Filter.1.Name", name), ("Filter.1.Value.1", value)]);
        assert_eq!(ids("tag:Name", "db-1").texts("instanceId"), [DB]);
        assert_eq!(ids("instance-state-name", "running").texts("instanceId").len(), 2);
        let describe = |params: &[(&str, &str)]| ec2.error("DescribeInstanceImageMetadata", params);
        assert_snapshot!(
            describe(&[("InstanceId.1", "i-00000000")]),
            @"InvalidInstanceID.NotFound: The instance ID 'i-00000000' does not exist"
        );
        assert_snapshot!(
            describe(&[("MaxResults", "0")]),
            @"InvalidParameterValue: Value ( 0 ) for parameter maxResults is invalid. Expecting a value greater than 1."
        );
        assert_snapshot!(
            describe(&[("Filter.1.Name", "image-id"), ("Filter.1.Value.1", "x")]),
            @"InvalidParameterValue: The filter 'image-id' is invalid"
        );
    }
}
