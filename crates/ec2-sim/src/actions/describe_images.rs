//! `DescribeImages`: the caller's images, those shared with it, and the public ones.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Action;
use crate::clock::{milliseconds, whole_seconds};
use crate::error::Error;
use crate::filter::{Filters, Known};
use crate::id::{AccountId, ImageId};
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::reference::{image_id, no_such_images};
use crate::scope::{Scope, published};
use crate::tagging::write_tags;
use crate::world::{BlockDevice, DeregistrationProtection, Image, ImageState, Origin};
use crate::xml::Xml;

const PAGES: Rule = Rule {
    // The lower bound is not documented.
    least: 1,
    most: 1000,
    ids: Some("imageIdsSet"),
};

const FILTERS: Known<Image> = &[
    ("architecture", |i| vec![i.architecture.clone()]),
    ("block-device-mapping.device-name", |i| i.devices.iter().map(|d| d.device_name().to_owned()).collect()),
    ("block-device-mapping.encrypted", |i| i.devices.iter().filter_map(|d| Some(d.ebs()?.encrypted.to_string())).collect()),
    ("block-device-mapping.snapshot-id", |i| i.snapshots().map(ToString::to_string).collect()),
    ("creation-date", |i| vec![whole_seconds(i.created)]),
    ("description", |i| i.description.clone().into_iter().collect()),
    ("ena-support", |i| vec![i.ena_support.to_string()]),
    ("hypervisor", |_| vec!["xen".to_owned()]),
    ("image-id", |i| vec![i.id.to_string()]),
    ("image-type", |_| vec!["machine".to_owned()]),
    ("is-public", |i| vec![i.public.to_string()]),
    ("name", |i| shown_name(i).into_iter().map(str::to_owned).collect()),
    ("owner-alias", |i| i.owner_alias.clone().into_iter().collect()),
    ("owner-id", |i| vec![i.owner.to_string()]),
    ("root-device-name", |i| vec![i.root_device_name.clone()]),
    ("root-device-type", |_| vec!["ebs".to_owned()]),
    ("source-image-id", |i| source_image(i).into_iter().map(|(id, _)| id.to_string()).collect()),
    ("source-image-region", |i| source_image(i).into_iter().map(|(_, region)| region.to_owned()).collect()),
    ("source-instance-id", |i| match &i.origin {
        Origin::Instance(id) => vec![id.to_string()],
        Origin::Copy { .. } | Origin::Registered => Vec::new(),
    }),
    ("state", |i| vec![i.state.to_string()]),
    ("virtualization-type", |i| vec![i.virtualization_type.clone()]),
];

pub(super) struct DescribeImages {
    ids: Vec<String>,
    owners: Vec<String>,
    executable_by: Vec<String>,
    include_deprecated: bool,
    include_disabled: bool,
    filters: Filters<Image>,
    paging: Paging,
}

impl Action for DescribeImages {
    const NAME: &str = "DescribeImages";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self {
            ids: params.list("ImageId"),
            owners: params.list("Owner"),
            executable_by: params.list("ExecutableBy"),
            include_deprecated: params.boolean("IncludeDeprecated")?.unwrap_or(false),
            include_disabled: params.boolean("IncludeDisabled")?.unwrap_or(false),
            filters: Filters::take(params, FILTERS)?,
            paging: Paging::take(params),
        })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, !self.ids.is_empty(), scope)?;
        let ids = self.ids(scope)?;
        let owners = self.owners(scope)?;
        let now = scope.now();
        let is_meant = |image: &Image| {
            scope.knows(image)
                && (ids.is_empty() || ids.contains(&image.id))
                && (owners.is_empty() || owners.contains(&image.owner))
                && self.is_executable(image, scope)
                // Asking for an image by its id shows it even if it is disabled.
                && (image.state != ImageState::Disabled || self.include_disabled || !ids.is_empty())
                // So does its owner's asking, or asking by id, if it is deprecated.
                && (!image.is_deprecated(now) || self.include_deprecated || image.owner == scope.account || !ids.is_empty())
        };
        // What was deregistered is seen a little longer, by whoever could see it.
        let lingering = scope.here().deregistered.values().filter(|gone| now < gone.described_until).map(|gone| &gone.image);
        let others = published().chain(lingering);
        let held: Vec<_> = scope.everybodys_here().map(|held| &held.images).collect();
        let named = page.named(&ids, &self.filters, "image-id");
        let seen = |image| is_meant(image).then(|| as_seen(image, now));
        let (images, next) = page.cut_held(&held, named, others, seen, |image| image.id.as_str(), &self.filters);
        answer.items("imagesSet", &images, |item, image| write_image(item, image, scope)).leaf_if_some("nextToken", next);
        Ok(())
    }
}

impl DescribeImages {
    /// The ids asked for. One that never existed makes the whole call fail; one that was deregistered
    /// not long ago is merely not found.
    fn ids(&self, scope: &Scope) -> Result<BTreeSet<ImageId>, Error> {
        let ids: BTreeSet<ImageId> = self.ids.iter().map(|id| image_id(id)).collect::<Result<_, _>>()?;
        let is_known = |id: &ImageId| scope.known_image(id).is_some() || scope.here().deregistered.contains_key(id);
        let missing: Vec<&ImageId> = ids.iter().filter(|id| !is_known(id)).collect();
        if missing.is_empty() { Ok(ids) } else { Err(no_such_images(&missing)) }
    }

    fn owners(&self, scope: &Scope) -> Result<BTreeSet<AccountId>, Error> {
        self.owners
            .iter()
            .map(|owner| match owner.as_str() {
                "self" => Ok(scope.account.clone()),
                alias => owner_by_alias(alias, scope)
                    .or_else(|| alias.parse().ok())
                    .ok_or_else(|| Error::new("InvalidUserID.Malformed", format!("Invalid user id: \"{owner}\""))),
            })
            .collect()
    }

    fn is_executable(&self, image: &Image, scope: &Scope) -> bool {
        self.executable_by.is_empty()
            || self.executable_by.iter().any(|user| match user.as_str() {
                "all" => image.public,
                "self" => image.launch_permissions.contains(&scope.account),
                user => image.launch_permissions.contains(user),
            })
    }
}

/// The image as it can be seen now.
fn as_seen(image: &Image, now: Timestamp) -> Cow<'_, Image> {
    if image.mapped_from <= now { Cow::Borrowed(image) } else { Cow::Owned(unmapped(image)) }
}

/// The image as it looks before EC2 has begun its snapshots.
fn unmapped(image: &Image) -> Image {
    let mut image = image.clone();
    for ebs in image.devices.iter_mut().filter_map(BlockDevice::ebs_mut) {
        ebs.snapshot_id = None;
    }
    image
}

/// `amazon` owns what Amazon publishes; `aws-marketplace` and others own nothing here.
fn owner_by_alias(alias: &str, scope: &Scope) -> Option<AccountId> {
    match alias {
        "amazon" | "aws-marketplace" | "aws-backup-vault" => scope
            .images()
            .find(|image| image.owner_alias.as_deref() == Some(alias))
            .map(|image| image.owner.clone())
            .or_else(|| "000000000000".parse().ok()),
        _ => None,
    }
}

fn write_image(xml: &mut Xml, image: &Image, scope: &Scope) {
    xml.leaf("imageId", &image.id)
        .leaf("imageLocation", location(image))
        .leaf("imageState", image.state)
        .leaf("imageOwnerId", &image.owner)
        .leaf("creationDate", whole_seconds(image.created))
        .leaf("isPublic", image.public)
        .leaf("architecture", &image.architecture)
        .leaf("imageType", "machine")
        .leaf_if_some("sriovNetSupport", image.sriov_net_support.as_ref());
    xml.leaf_if_some("name", shown_name(image))
        .leaf_if_some("description", image.description.as_ref())
        .leaf("rootDeviceType", "ebs")
        .leaf("rootDeviceName", &image.root_device_name)
        .items("blockDeviceMapping", &image.devices, write_device)
        .leaf("virtualizationType", &image.virtualization_type)
        .leaf_if_some("imageOwnerAlias", image.owner_alias.as_ref());
    write_tags(xml, &image.tags);
    if let Some(reason) = &image.state_reason {
        xml.element("stateReason", |xml| {
            xml.leaf("code", &reason.code).leaf("message", &reason.message);
        });
    }
    xml.leaf("hypervisor", "xen")
        .leaf("enaSupport", image.ena_support)
        .leaf("platformDetails", "Linux/UNIX")
        .leaf("usageOperation", "RunInstances")
        .leaf_if_some("bootMode", image.boot_mode.as_ref())
        .leaf_if_some("deprecationTime", image.deprecation_time.map(whole_seconds))
        .leaf("deregistrationProtection", protection(image, scope));
    if let Origin::Instance(id) = &image.origin {
        xml.leaf("sourceInstanceId", id);
    }
    // Nobody but the owner is told when it was launched.
    let last_launched = image.last_launched(scope.now()).filter(|_| image.owner == scope.account);
    xml.leaf_if_some("lastLaunchedTime", last_launched.map(milliseconds));
    if let Some((id, region)) = source_image(image) {
        xml.leaf("sourceImageId", id).leaf("sourceImageRegion", region);
    }
}

/// Of a copy, the image it was copied from; of an image of an instance, the one the instance was launched
/// from ("Use AMI ancestry to trace the origin of an AMI").
pub(super) fn source_image(image: &Image) -> Option<(&ImageId, &str)> {
    match &image.origin {
        Origin::Copy { image_id, region } => Some((image_id, region)),
        Origin::Instance(_) => image.ancestors.first().map(|parent| (&parent.id, parent.region.as_str())),
        Origin::Registered => None,
    }
}

/// What EC2 says of its protection from being deregistered.
pub(super) fn protection<'s>(image: &Image, scope: &'s Scope) -> &'s str {
    match image.deregistration_protection {
        DeregistrationProtection::Disabled => "disabled",
        DeregistrationProtection::Enabled { with_cooldown: true } => "enabled-with-cooldown",
        DeregistrationProtection::Enabled { .. } => "enabled-without-cooldown",
        DeregistrationProtection::CoolingDown { .. } => &scope.world.manners.cooling_down_reads,
    }
}

/// A failed copy may have lost its name.
fn shown_name(image: &Image) -> Option<&str> {
    Some(image.name.as_str()).filter(|name| !name.is_empty())
}

fn location(image: &Image) -> String {
    let owner = image.owner_alias.as_deref().unwrap_or(image.owner.as_str());
    format!("{owner}/{}", image.name)
}

fn write_device(xml: &mut Xml, device: &BlockDevice) {
    xml.leaf("deviceName", device.device_name());
    match device {
        BlockDevice::Ephemeral { virtual_name, .. } => {
            xml.leaf("virtualName", virtual_name);
        }
        BlockDevice::Ebs { ebs, .. } => {
            xml.element("ebs", |xml| {
                xml.leaf_if_some("snapshotId", ebs.snapshot_id.as_ref())
                    .leaf("volumeSize", ebs.volume_size)
                    .leaf("deleteOnTermination", ebs.delete_on_termination)
                    .leaf("volumeType", &ebs.volume_type)
                    .leaf("encrypted", ebs.encrypted);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, DB, WEB, noon};
    use crate::world::World;

    #[tokio::test(start_paused = true)]
    async fn describes_an_image_in_full() {
        let ec2 = Client::of_example();
        let params = [
            ("InstanceId", WEB),
            ("Name", "nightly"),
            ("Description", "<before> the upgrade"),
            ("TagSpecification.1.ResourceType", "image"),
            ("TagSpecification.1.Tag.1.Key", "Name"),
            ("TagSpecification.1.Tag.1.Value", "nightly"),
        ];
        ec2.ok("CreateImage", &params);
        ec2.wait(60);
        assert_snapshot!(ec2.ok("DescribeImages", &[("Owner.1", "self")]).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeImagesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>984e7bc9-b2d5-4de0-ae20-61a98730e47f</requestId>
            <imagesSet>
                <item>
                    <imageId>ami-09d40897aa65e0c57</imageId>
                    <imageLocation>123456789012/nightly</imageLocation>
                    <imageState>available</imageState>
                    <imageOwnerId>123456789012</imageOwnerId>
                    <creationDate>2026-11-22T12:00:00.000Z</creationDate>
                    <isPublic>false</isPublic>
                    <architecture>x86_64</architecture>
                    <imageType>machine</imageType>
                    <sriovNetSupport>simple</sriovNetSupport>
                    <name>nightly</name>
                    <description>&lt;before&gt; the upgrade</description>
                    <rootDeviceType>ebs</rootDeviceType>
                    <rootDeviceName>/dev/sda1</rootDeviceName>
                    <blockDeviceMapping>
                        <item>
                            <deviceName>/dev/sda1</deviceName>
                            <ebs>
                                <snapshotId>snap-0c9ea446896d8c9b6</snapshotId>
                                <volumeSize>8</volumeSize>
                                <deleteOnTermination>true</deleteOnTermination>
                                <volumeType>gp3</volumeType>
                                <encrypted>false</encrypted>
                            </ebs>
                        </item>
                    </blockDeviceMapping>
                    <virtualizationType>hvm</virtualizationType>
                    <tagSet>
                        <item>
                            <key>Name</key>
                            <value>nightly</value>
                        </item>
                    </tagSet>
                    <hypervisor>xen</hypervisor>
                    <enaSupport>true</enaSupport>
                    <platformDetails>Linux/UNIX</platformDetails>
                    <usageOperation>RunInstances</usageOperation>
                    <bootMode>uefi-preferred</bootMode>
                    <deregistrationProtection>disabled</deregistrationProtection>
                    <sourceInstanceId>i-0eb1eb1eb1eb10001</sourceInstanceId>
                    <sourceImageId>ami-12345678</sourceImageId>
                    <sourceImageRegion>us-east-1</sourceImageRegion>
                </item>
            </imagesSet>
        </DescribeImagesResponse>
        "#);
    }

    #[test]
    fn shows_what_one_owns_and_what_is_public() {
        let ec2 = Client::of_example();
        let own = ec2.create_image(WEB, "nightly");
        let ids = |params: &[(&str, &str)]| ec2.ok("DescribeImages", params).texts("imageId");
        assert_eq!(ids(&[]).len(), 2);
        assert_eq!(ids(&[("Owner.1", "self")]), [&own[..]]);
        assert_eq!(ids(&[("Owner.1", "123456789012")]), [&own[..]]);
        assert_eq!(ids(&[("Owner.1", "amazon")]), ["ami-12345678"]);
        assert_eq!(ids(&[("Owner.1", "aws-marketplace")]), [""; 0]);
        assert_eq!(ids(&[("Owner.1", "self"), ("Owner.2", "amazon")]).len(), 2);
        assert_eq!(ids(&[("ExecutableBy.1", "all")]), ["ami-12345678"]);
        assert_eq!(ec2.in_region("eu-west-1").ok("DescribeImages", &[("Owner.1", "self")]).texts("imageId"), [""; 0]);
        assert_snapshot!(ec2.error("DescribeImages", &[("Owner.1", "me")]), @r#"InvalidUserID.Malformed: Invalid user id: "me""#);
    }

    #[test]
    fn one_unknown_id_fails_the_whole_call() {
        let ec2 = Client::of_example();
        let own = ec2.create_image(WEB, "nightly");
        let describe = |ids: &[(&str, &str)]| ec2.error("DescribeImages", ids);
        assert_snapshot!(
            describe(&[("ImageId.1", &own), ("ImageId.2", "ami-00000001")]),
            @"InvalidAMIID.NotFound: The image id '[ami-00000001]' does not exist"
        );
        assert_snapshot!(
            describe(&[("ImageId.1", "ami-00000001"), ("ImageId.2", "ami-00000002")]),
            @"InvalidAMIID.NotFound: The image ids '[ami-00000001, ami-00000002]' do not exist"
        );
        assert_snapshot!(describe(&[("ImageId.1", "")]), @r#"InvalidAMIID.Malformed: Invalid id: "" (expecting "ami-...")"#);
    }

    #[test]
    fn a_disabled_image_is_hidden_unless_asked_for() {
        let ec2 = Client::of_example();
        let id = ec2.available_image(WEB, "nightly");
        ec2.ok("DisableImage", &[("ImageId", &id)]);
        let states = |params: &[(&str, &str)]| ec2.ok("DescribeImages", &[&[("Owner.1", "self")], params].concat()).texts("imageState");
        assert_eq!(states(&[]), [""; 0]);
        assert_eq!(states(&[("IncludeDisabled", "true")]), ["disabled"]);
        assert_eq!(states(&[("ImageId.1", &id)]), ["disabled"]);
        ec2.ok("EnableImage", &[("ImageId", &id)]);
        assert_eq!(states(&[]), ["available"]);
    }

    #[test]
    fn filters() {
        let ec2 = Client::of_example();
        let web = ec2.available_image(WEB, "web nightly");
        let db = ec2.available_image(DB, "db nightly");
        let copied = ec2.ok("CopyImage", &[("SourceRegion", "us-east-1"), ("SourceImageId", &web), ("Name", "again")]).text("imageId");
        ec2.ok("CreateTags", &[("ResourceId.1", &db), ("Tag.1.Key", "team"), ("Tag.1.Value", "blue")]);
        let snapshot = ec2.snapshots_of(&web)[0].id.to_string();
        let ids = |name, value| {
            let params = [("Owner.1", "self"), ("Filter.1.Name", name), ("Filter.1.Value.1", value)];
            let mut ids = ec2.ok("DescribeImages", &params).texts("imageId");
            ids.sort();
            ids
        };
        let sorted = |ids: &[&str]| {
            let mut ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            ids.sort();
            ids
        };
        for (name, value, expected) in [
            ("name", "*nightly", sorted(&[&web, &db])),
            ("state", "pending", sorted(&[&copied])),
            ("tag:team", "bl*", sorted(&[&db])),
            ("tag-key", "team", sorted(&[&db])),
            ("tag-value", "blue", sorted(&[&db])),
            ("image-id", &web, sorted(&[&web])),
            ("owner-id", "123456789012", sorted(&[&web, &db, &copied])),
            ("creation-date", "2026-11-22T12:00*", sorted(&[&web])),
            ("source-instance-id", DB, sorted(&[&db])),
            ("source-image-id", &web, sorted(&[&copied])),
            // What the instances were launched from.
            ("source-image-id", "ami-12345678", sorted(&[&web, &db])),
            ("source-image-region", "us-east-1", sorted(&[&web, &db, &copied])),
            ("block-device-mapping.snapshot-id", &snapshot, sorted(&[&web])),
            ("is-public", "true", sorted(&[])),
            ("image-type", "machine", sorted(&[&web, &db, &copied])),
        ] {
            assert_eq!(ids(name, value), expected, "{name}={value}");
        }
        let misspelt = [("Filter.1.Name", "nmae"), ("Filter.1.Value.1", "x")];
        assert_snapshot!(ec2.error("DescribeImages", &misspelt), @"InvalidParameterValue: The filter 'nmae' is invalid");
    }

    #[test]
    fn ids_and_pages_exclude_each_other() {
        let ec2 = Client::of_example();
        // Found out before the number is looked at.
        assert_snapshot!(
            ec2.error("DescribeImages", &[("ImageId.1", "ami-12345678"), ("MaxResults", "0")]),
            @"InvalidParameterCombination: The parameter imageIdsSet cannot be used with the parameter maxResults"
        );
        assert_snapshot!(
            ec2.error("DescribeImages", &[("MaxResults", "0")]),
            @"InvalidParameterValue: Value ( 0 ) for parameter maxResults is invalid. Expecting a value greater than 1."
        );
        assert_snapshot!(
            ec2.error("DescribeImages", &[("MaxResults", "5"), ("NextToken", "next")]),
            @"InvalidNextToken: The specified nextToken is invalid."
        );
    }

    #[test]
    fn what_was_just_created_may_not_be_seen_yet() {
        let mut world = World::example(1, noon());
        world.manners.visibility_lag = jiff::SignedDuration::from_secs(10);
        let ec2 = Client::of(world);
        let id = ec2.create_image(WEB, "nightly");
        assert!(ec2.error("DescribeImages", &[("ImageId.1", &id)]).starts_with("InvalidAMIID.NotFound"));
        assert!(ec2.error("CreateImage", &[("InstanceId", DB), ("Name", "nightly")]).starts_with("InvalidAMIName.Duplicate"));
        ec2.wait(10);
        assert_eq!(ec2.ok("DescribeImages", &[("ImageId.1", &id)]).text("imageState"), "pending");
    }
}
