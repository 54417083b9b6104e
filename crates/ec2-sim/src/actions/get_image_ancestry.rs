//! `GetImageAncestry`: an image, the image it was made from, and so on to the first. Ancestors that are
//! gone, or that the caller may not see, are told all the same ("Use AMI ancestry to trace the origin of an
//! AMI").

use super::Action;
use super::describe_images::source_image;
use crate::clock::whole_seconds;
use crate::error::Error;
use crate::id::ImageId;
use crate::query::Params;
use crate::reference::image_id;
use crate::scope::Scope;
use crate::world::Origin;
use crate::xml::Xml;

pub(super) struct GetImageAncestry {
    image_id: ImageId,
}

impl Action for GetImageAncestry {
    const NAME: &str = "GetImageAncestry";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { image_id: image_id(&params.required("ImageId")?)? })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let image = scope.image(&self.image_id)?;
        answer.element("imageAncestryEntrySet", |xml| {
            xml.element("item", |item| {
                item.leaf("creationDate", whole_seconds(image.created))
                    .leaf("imageId", &image.id)
                    .leaf_if_some("imageOwnerAlias", image.owner_alias.as_ref());
                if let Some((id, region)) = source_image(image) {
                    item.leaf("sourceImageId", id).leaf("sourceImageRegion", region);
                }
            });
            // A registered image has no source, whatever its snapshots are of.
            let ancestors = if image.origin == Origin::Registered { &[][..] } else { &image.ancestors };
            for (number, ancestor) in ancestors.iter().enumerate() {
                xml.element("item", |item| {
                    item.leaf_if_some("creationDate", ancestor.created.map(whole_seconds))
                        .leaf("imageId", &ancestor.id)
                        .leaf_if_some("imageOwnerAlias", ancestor.owner_alias.as_ref());
                    if let Some(parent) = ancestors.get(number + 1) {
                        item.leaf("sourceImageId", &parent.id).leaf("sourceImageRegion", &parent.region);
                    }
                });
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, WEB, noon};
    use crate::world::World;

    #[test]
    fn goes_back_to_the_first_image_even_if_those_between_are_gone() {
        let ec2 = Client::of(World::example(1, noon()));
        let west = ec2.in_region("us-west-2");
        let nightly = ec2.available_image(WEB, "nightly");
        let copy = [("SourceRegion", "us-east-1"), ("SourceImageId", &nightly[..]), ("Name", "copy")];
        let copied = west.ok("CopyImage", &copy).text("imageId");
        ec2.ok("DeregisterImage", &[("ImageId", &nightly)]);
        ec2.wait(7200);

        let answer = west.ok("GetImageAncestry", &[("ImageId", &copied)]);
        assert_eq!(answer.texts("imageId"), [&copied[..], &nightly, "ami-12345678"]);
        assert_eq!(answer.texts("sourceImageId"), [&nightly[..], "ami-12345678"]);
        assert_eq!(answer.texts("sourceImageRegion"), ["us-east-1", "us-east-1"]);
        assert_eq!(answer.texts("creationDate"), ["2026-11-22T12:10:00.000Z", "2026-11-22T12:00:00.000Z", "2026-01-15T00:00:00.000Z"]);
        assert_eq!(answer.texts("imageOwnerAlias"), ["amazon"]);
    }

    #[test]
    fn goes_on_through_instances_and_stops_at_what_was_registered() {
        let ec2 = Client::of_example();
        let first = ec2.available_image(WEB, "first");
        let snapshot = ec2.snapshots_of(&first)[0].id.to_string();
        let register = [
            ("Name", "registered"),
            ("RootDeviceName", "/dev/sda1"),
            ("BlockDeviceMapping.1.DeviceName", "/dev/sda1"),
            ("BlockDeviceMapping.1.Ebs.SnapshotId", &snapshot),
        ];
        let registered = ec2.ok("RegisterImage", &register).text("imageId");
        let ran = ec2.ok("RunInstances", &[("ImageId", &registered), ("MinCount", "1"), ("MaxCount", "1")]).text("instanceId");
        ec2.wait(600);
        let second = ec2.available_image(&ran, "second");
        let ancestry = |id: &str| ec2.ok("GetImageAncestry", &[("ImageId", id)]).texts("imageId");
        assert_eq!(ancestry(&second), [&second[..], &registered]);
        assert_eq!(ancestry(&registered), [&registered[..]]);
    }

    #[test]
    fn needs_an_image_that_one_may_see() {
        let ec2 = Client::of_example();
        assert_snapshot!(
            ec2.error("GetImageAncestry", &[("ImageId", "ami-00000000")]),
            @"InvalidAMIID.NotFound: The image id '[ami-00000000]' does not exist"
        );
    }
}
