//! `ListImagesInRecycleBin`: the images that were deregistered and can be restored. Which snapshots they
//! need is not told.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Action;
use crate::clock::milliseconds;
use crate::error::Error;
use crate::id::ImageId;
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::reference::{image_id, no_such_images};
use crate::scope::Scope;
use crate::xml::Xml;

const PAGES: Rule = Rule { least: 1, most: 1000, ids: None };

/// Ids in one request, by the user guide.
const MOST_IDS: usize = 20;

pub(super) struct ListImagesInRecycleBin {
    ids: BTreeSet<ImageId>,
    paging: Paging,
}

impl Action for ListImagesInRecycleBin {
    const NAME: &str = "ListImagesInRecycleBin";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let ids: BTreeSet<ImageId> = params.list("ImageId").iter().map(|id| image_id(id)).collect::<Result<_, _>>()?;
        if ids.len() > MOST_IDS {
            return Err(Error::invalid_parameter_value(format!("The maximum number of image ids in one request is {MOST_IDS}")));
        }
        Ok(Self { ids, paging: Paging::take(params) })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, false, scope)?.of_at_most(1000);
        let binned: BTreeMap<&ImageId, _> =
            scope.here().recycle_bin.images.iter().filter(|(_, binned)| scope.sees(binned.entered)).collect();
        let missing: Vec<&ImageId> = self.ids.iter().filter(|id| !binned.contains_key(*id)).collect();
        if !missing.is_empty() && scope.world.manners.binned_ids_must_exist {
            return Err(no_such_images(&missing));
        }
        let asked = |id: &ImageId| self.ids.is_empty() || self.ids.contains(id);
        let (images, next) =
            page.cut(binned.values().copied().filter(|binned| asked(&binned.item.id)), |b| Cow::Borrowed(b.item.id.as_ref()), |_| true);
        answer
            .items("imageSet", images, |item, binned| {
                item.leaf("imageId", &binned.item.id)
                    .leaf("name", &binned.item.name)
                    .leaf_if_some("description", binned.item.description.as_ref())
                    .leaf("recycleBinEnterTime", milliseconds(binned.entered))
                    .leaf("recycleBinExitTime", milliseconds(binned.leaves));
            })
            .leaf_if_some("nextToken", next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use insta::assert_snapshot;

    use crate::testing::{Client, WEB, noon};
    use crate::world::{IN_BIN_TAG, RetainedType, RetentionRule, World};

    /// Everything deleted in us-east-1 is kept: images for 7 days.
    fn example() -> Client {
        let mut world = World::example(1, noon());
        let rules = &mut world.region_mut("us-east-1").recycle_bin.rules;
        rules.insert("imagesRule1".to_owned(), RetentionRule::new(RetainedType::Ec2Image, 7));
        Client::of(world)
    }

    #[tokio::test(start_paused = true)]
    async fn a_deregistered_image_lies_in_the_bin_for_its_time() {
        let ec2 = example();
        let id = ec2.available_image(WEB, "nightly");
        let answer = ec2.ok("DeregisterImage", &[("ImageId", &id)]);
        // As ever.
        assert_eq!(answer.text("return"), "true");
        assert_eq!(ec2.ok("DescribeImages", &[("ImageId.1", &id)]).texts("imageId"), [""; 0]);
        assert_eq!(ec2.ok("DescribeImages", &[("Owner.1", "self"), ("IncludeDisabled", "true")]).texts("imageId"), [""; 0]);
        assert!(ec2.error("DeregisterImage", &[("ImageId", &id)]).starts_with("InvalidAMIID.Unavailable"));
        assert_snapshot!(ec2.ok("ListImagesInRecycleBin", &[]).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <ListImagesInRecycleBinResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>0e26f002-d8df-4ba8-a58d-1ee2ad3a1397</requestId>
            <imageSet>
                <item>
                    <imageId>ami-09d40897aa65e0c57</imageId>
                    <name>nightly</name>
                    <recycleBinEnterTime>2026-11-22T12:10:00.000Z</recycleBinEnterTime>
                    <recycleBinExitTime>2026-11-29T12:10:00.000Z</recycleBinExitTime>
                </item>
            </imageSet>
        </ListImagesInRecycleBinResponse>
        "#);
        ec2.wait(7 * 24 * 3600 - 1);
        assert_eq!(ec2.ok("ListImagesInRecycleBin", &[("ImageId.1", &id)]).texts("imageId"), [&id[..]]);
        ec2.wait(1);
        assert_eq!(ec2.ok("ListImagesInRecycleBin", &[]).texts("imageId"), [""; 0]);
        assert!(ec2.error("RestoreImageFromRecycleBin", &[("ImageId", &id)]).starts_with("InvalidAMIID.NotFound"));
    }

    #[test]
    fn a_disabled_image_is_kept_and_what_never_was_available_is_not() {
        let ec2 = example();
        let disabled = ec2.available_image(WEB, "disabled");
        ec2.ok("DisableImage", &[("ImageId", &disabled)]);
        ec2.ok("DeregisterImage", &[("ImageId", &disabled)]);
        let pending = ec2.create_image(WEB, "pending");
        ec2.ok("DeregisterImage", &[("ImageId", &pending)]);
        assert_eq!(ec2.ok("ListImagesInRecycleBin", &[]).texts("imageId"), [disabled]);
    }

    #[test]
    fn is_tagged_by_the_bin_and_can_be_tagged_there() {
        let ec2 = example();
        let id = ec2.available_image(WEB, "nightly");
        ec2.ok("DeregisterImage", &[("ImageId", &id)]);
        let resource = ("ResourceId.1", &id[..]);
        ec2.ok("CreateTags", &[resource, ("Tag.1.Key", "team"), ("Tag.1.Value", "blue")]);
        let keys = || {
            let tags = ec2.ok("DescribeTags", &[("Filter.1.Name", "resource-id"), ("Filter.1.Value.1", &id)]);
            tags.texts("key").into_iter().collect::<BTreeSet<_>>()
        };
        assert_eq!(keys(), [IN_BIN_TAG.to_owned(), "team".to_owned()].into());
        assert!(ec2.error("DeleteTags", &[resource, ("Tag.1.Key", IN_BIN_TAG)]).starts_with("InvalidParameterValue"));
        ec2.ok("DeleteTags", &[resource]);
        assert_eq!(keys(), [IN_BIN_TAG.to_owned()].into());
    }

    #[test]
    fn what_was_shared_is_not_while_in_the_bin_and_is_again_afterwards() {
        let ec2 = example();
        ec2.sim.world().access_keys.insert("AKIDOTHER".to_owned(), "210987654321".parse().unwrap());
        let id = ec2.available_image(WEB, "nightly");
        ec2.ok("ModifyImageAttribute", &[("ImageId", &id), ("LaunchPermission.Add.1.UserId", "210987654321")]);
        let seen = || ec2.with_key("AKIDOTHER").call("DescribeImages", &[("ImageId.1", &id)]).status == 200;
        assert!(seen());
        ec2.ok("DeregisterImage", &[("ImageId", &id)]);
        assert!(!seen());
        ec2.ok("RestoreImageFromRecycleBin", &[("ImageId", &id)]);
        assert!(seen());
    }

    #[test]
    fn comes_in_pages_and_refuses_what_is_wrong() {
        let ec2 = example();
        for name in ["one", "two", "three"] {
            let id = ec2.available_image(WEB, name);
            ec2.ok("DeregisterImage", &[("ImageId", &id)]);
        }
        let mut token = String::new();
        let mut listed = BTreeSet::new();
        for _ in 0..3 {
            let page = ec2.ok("ListImagesInRecycleBin", &[("MaxResults", "1"), ("NextToken", &token)]);
            listed.extend(page.texts("name"));
            token = page.texts("nextToken").pop().unwrap_or_default();
        }
        assert_eq!(listed.len(), 3);
        assert_eq!(token, "");
        let many: Vec<(String, String)> = (0..21).map(|n| (format!("ImageId.{n}"), format!("ami-{n:08x}"))).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(name, id)| (&name[..], &id[..])).collect();
        assert_snapshot!(
            ec2.error("ListImagesInRecycleBin", &many),
            @"InvalidParameterValue: The maximum number of image ids in one request is 20"
        );
        let unknown = [("ImageId.1", "ami-00000000")];
        assert_snapshot!(
            ec2.error("ListImagesInRecycleBin", &unknown),
            @"InvalidAMIID.NotFound: The image id '[ami-00000000]' does not exist"
        );
        ec2.sim.world().manners.binned_ids_must_exist = false;
        assert_eq!(ec2.ok("ListImagesInRecycleBin", &unknown).texts("imageId"), [""; 0]);
    }

    #[test]
    fn a_binned_image_may_or_may_not_hold_its_name() {
        let ec2 = example();
        let id = ec2.available_image(WEB, "nightly");
        ec2.ok("DeregisterImage", &[("ImageId", &id)]);
        assert_eq!(
            ec2.error("CreateImage", &[("InstanceId", WEB), ("Name", "nightly")]),
            format!("InvalidAMIName.Duplicate: AMI name nightly is already in use by AMI {id}")
        );
        ec2.sim.world().manners.binned_images_hold_names = false;
        let second = ec2.available_image(WEB, "nightly");
        assert_eq!(
            ec2.error("RestoreImageFromRecycleBin", &[("ImageId", &id)]),
            format!("InvalidAMIName.Duplicate: AMI name nightly is already in use by AMI {second}")
        );
    }
}
