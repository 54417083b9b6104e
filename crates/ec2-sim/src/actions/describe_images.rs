//! `DescribeImages`: the caller's images, those shared with it, and the public ones.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Action;
use crate::clock::whole_seconds;
use crate::error::Error;
use crate::filter::{Filters, Known};
use crate::id::{AccountId, ImageId};
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::scope::{Scope, image_id, no_such_images};
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
    ("source-image-id", |i| match &i.origin {
        Origin::Copy { image_id, .. } => vec![image_id.to_string()],
        Origin::Instance(_) | Origin::Registered => Vec::new(),
    }),
    ("source-image-region", |i| match &i.origin {
        Origin::Copy { region, .. } => vec![region.clone()],
        Origin::Instance(_) | Origin::Registered => Vec::new(),
    }),
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
    include_disabled: bool,
    filters: Filters<Image>,
    paging: Paging,
}

impl Action for DescribeImages {
    const NAME: &str = "DescribeImages";

    fn take(params: &mut Params) -> Result<Self, Error> {
        // An owner sees deprecated images in any case, and no others are deprecated here.
        params.ignore(&["IncludeDeprecated"]);
        Ok(Self {
            ids: params.list("ImageId"),
            owners: params.list("Owner"),
            executable_by: params.list("ExecutableBy"),
            include_disabled: params.boolean("IncludeDisabled")?.unwrap_or(false),
            filters: Filters::take(params, FILTERS)?,
            paging: Paging::take(params),
        })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, !self.ids.is_empty(), scope)?;
        let ids = self.ids(scope)?;
        let owners = self.owners(scope)?;
        let images = known_images(scope).filter(|image| {
            (ids.is_empty() || ids.contains(&image.id))
                && (owners.is_empty() || owners.contains(&image.owner))
                && self.is_executable(image, scope)
                // Asking for an image by its id shows it even if it is disabled.
                && (image.state != ImageState::Disabled || self.include_disabled || !ids.is_empty())
        });
        let (images, next) = page.cut(images, |image| image.id.to_string(), |image| self.filters.matches(image));
        answer.items("imagesSet", &images, |item, image| write_image(item, image)).leaf_if_some("nextToken", next);
        Ok(())
    }
}

impl DescribeImages {
    /// The ids asked for. One that never existed makes the whole call fail; one that was deregistered
    /// not long ago is merely not found.
    fn ids(&self, scope: &Scope) -> Result<BTreeSet<ImageId>, Error> {
        let ids: BTreeSet<ImageId> = self.ids.iter().map(|id| image_id(id)).collect::<Result<_, _>>()?;
        let known: BTreeSet<&ImageId> = scope.images().map(|image| &image.id).chain(scope.here().deregistered.keys()).collect();
        let missing: Vec<&ImageId> = ids.iter().filter(|id| !known.contains(id)).collect();
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

/// What can be seen of every image, as it can be seen now.
fn known_images<'s>(scope: &'s Scope) -> impl Iterator<Item = Cow<'s, Image>> {
    let now = scope.now();
    let lingering = scope.here().deregistered.values().filter(move |gone| now < gone.described_until).map(|gone| &gone.image);
    scope.images().chain(lingering).map(
        move |image| {
            if image.mapped_from <= now { Cow::Borrowed(image) } else { Cow::Owned(unmapped(image)) }
        },
    )
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

fn write_image(xml: &mut Xml, image: &Image) {
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
        .leaf(
            "deregistrationProtection",
            match image.deregistration_protection {
                DeregistrationProtection::Disabled => "disabled",
                DeregistrationProtection::Enabled { with_cooldown: true } => "enabled-with-cooldown",
                DeregistrationProtection::Enabled { .. } => "enabled-without-cooldown",
                // What EC2 says meanwhile is not documented.
                DeregistrationProtection::CoolingDown { .. } => "disabling-with-cooldown",
            },
        );
    match &image.origin {
        Origin::Instance(id) => {
            xml.leaf("sourceInstanceId", id);
        }
        Origin::Copy { image_id, region } => {
            xml.leaf("sourceImageId", image_id).leaf("sourceImageRegion", region);
        }
        Origin::Registered => {}
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
