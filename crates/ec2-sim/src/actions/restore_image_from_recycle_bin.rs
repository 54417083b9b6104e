//! `RestoreImageFromRecycleBin`: a deregistered image is there again, as it was. All its snapshots must be
//! there already; if one is gone for good, so is the image.

use super::Action;
use crate::error::Error;
use crate::id::ImageId;
use crate::naming::check_unregistered;
use crate::query::Params;
use crate::reference::{image_id, no_such_image, no_such_snapshot};
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::world::{Image, SnapshotState};
use crate::xml::Xml;

pub(super) struct RestoreImageFromRecycleBin {
    image_id: ImageId,
}

impl Action for RestoreImageFromRecycleBin {
    const NAME: &str = "RestoreImageFromRecycleBin";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { image_id: image_id(&params.required("ImageId")?)? })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Image(self.image_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let id = &self.image_id;
        let image = scope.here().recycle_bin.images.get(id).map(|binned| &binned.item).ok_or_else(|| no_such_image(id))?;
        check_snapshots(image, scope)?;
        check_unregistered(&image.name, scope)?;
        let here = scope.here_mut();
        if let Some(image) = here.recycle_bin.restore_image(id) {
            here.deregistered.remove(id);
            here.images.insert(id.clone(), image);
        }
        answer.leaf("return", true);
        Ok(())
    }
}

/// The codes of these are not documented.
fn check_snapshots(image: &Image, scope: &Scope) -> Result<(), Error> {
    let here = scope.here();
    for id in image.snapshots() {
        match here.snapshots.get(id) {
            Some(snapshot) if snapshot.state == SnapshotState::Completed => {}
            None if !here.recycle_bin.snapshots.contains_key(id) => return Err(no_such_snapshot(id)),
            _ => {
                let message = format!("The image '{}' cannot be restored before its snapshot '{id}' is restored and completed.", image.id);
                return Err(Error::new("IncorrectState", message));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::SignedDuration;

    use crate::testing::{Client, WEB, noon};
    use crate::world::{RetainedType, RetentionRule, World};

    /// Images are kept for 30 days, and snapshots for so many.
    fn example(snapshots: Option<u32>) -> Client {
        let mut world = World::example(1, noon());
        let rules = &mut world.region_mut("us-east-1").recycle_bin.rules;
        rules.insert("imagesRule1".to_owned(), RetentionRule::new(RetainedType::Ec2Image, 30));
        if let Some(days) = snapshots {
            rules.insert("snapsRule01".to_owned(), RetentionRule::new(RetainedType::EbsSnapshot, days));
        }
        Client::of(world)
    }

    #[test]
    fn an_image_comes_back_as_it_was_after_its_snapshots() {
        let ec2 = example(Some(30));
        let id = ec2.available_image(WEB, "nightly");
        let before = (ec2.image(&id), ec2.snapshots_of(&id));
        let snapshot = before.1[0].id.to_string();
        ec2.ok("DeregisterImage", &[("ImageId", &id), ("DeleteAssociatedSnapshots", "true")]);
        ec2.wait(29 * 24 * 3600);
        let restore = [("ImageId", &id[..])];
        assert_eq!(
            ec2.error("RestoreImageFromRecycleBin", &restore),
            format!("IncorrectState: The image '{id}' cannot be restored before its snapshot '{snapshot}' is restored and completed.")
        );
        ec2.ok("RestoreSnapshotFromRecycleBin", &[("SnapshotId", &snapshot)]);
        assert_eq!(ec2.ok("RestoreImageFromRecycleBin", &restore).text("return"), "true");
        assert_eq!((ec2.image(&id), ec2.snapshots_of(&id)), before);
        assert_eq!(ec2.ok("ListImagesInRecycleBin", &[]).texts("imageId"), [""; 0]);
        assert_eq!(ec2.ok("DescribeImages", &[("ImageId.1", &id)]).text("imageState"), "available");
        assert!(ec2.error("DeleteSnapshot", &[("SnapshotId", &snapshot)]).starts_with("InvalidSnapshot.InUse"));
        // And goes there again.
        ec2.ok("DeregisterImage", &[("ImageId", &id)]);
        ec2.wait(29 * 24 * 3600);
        assert_eq!(ec2.ok("ListImagesInRecycleBin", &[]).texts("imageId"), [id]);
    }

    #[test]
    fn nothing_keeps_the_snapshots_of_a_binned_image_from_being_deleted() {
        let ec2 = example(None);
        let id = ec2.available_image(WEB, "nightly");
        let snapshot = ec2.snapshots_of(&id)[0].id.to_string();
        ec2.ok("DeregisterImage", &[("ImageId", &id)]);
        ec2.ok("DeleteSnapshot", &[("SnapshotId", &snapshot)]);
        // Still listed, as if it could be restored.
        assert_eq!(ec2.ok("ListImagesInRecycleBin", &[]).texts("imageId"), [&id[..]]);
        assert_eq!(
            ec2.error("RestoreImageFromRecycleBin", &[("ImageId", &id)]),
            format!("InvalidSnapshot.NotFound: The snapshot '{snapshot}' does not exist.")
        );
    }

    #[test]
    fn snapshots_that_leave_first_make_the_image_unrecoverable() {
        let ec2 = example(Some(7));
        let id = ec2.available_image(WEB, "nightly");
        ec2.ok("DeregisterImage", &[("ImageId", &id), ("DeleteAssociatedSnapshots", "true")]);
        ec2.wait(7 * 24 * 3600);
        assert_eq!(ec2.ok("ListImagesInRecycleBin", &[]).texts("imageId"), [&id[..]]);
        assert!(ec2.error("RestoreImageFromRecycleBin", &[("ImageId", &id)]).starts_with("InvalidSnapshot.NotFound"));
    }

    #[test]
    fn waits_for_snapshots_that_are_recovering() {
        let ec2 = example(Some(30));
        ec2.sim.world().manners.snapshot_recovery = SignedDuration::from_mins(5);
        let id = ec2.available_image(WEB, "nightly");
        let snapshot = ec2.snapshots_of(&id)[0].id.to_string();
        ec2.ok("DeregisterImage", &[("ImageId", &id), ("DeleteAssociatedSnapshots", "true")]);
        assert_eq!(ec2.ok("RestoreSnapshotFromRecycleBin", &[("SnapshotId", &snapshot)]).text("status"), "recovering");
        assert!(ec2.error("RestoreImageFromRecycleBin", &[("ImageId", &id)]).starts_with("IncorrectState"));
        ec2.wait(299);
        assert_eq!(ec2.ok("DescribeSnapshots", &[("SnapshotId.1", &snapshot)]).text("status"), "recovering");
        ec2.wait(1);
        assert_eq!(ec2.ok("DescribeSnapshots", &[("SnapshotId.1", &snapshot)]).text("status"), "completed");
        ec2.ok("RestoreImageFromRecycleBin", &[("ImageId", &id)]);
    }

    #[test]
    fn refuses_what_is_not_in_the_bin() {
        let ec2 = example(None);
        let id = ec2.available_image(WEB, "nightly");
        let restore = |id: &str| ec2.error("RestoreImageFromRecycleBin", &[("ImageId", id)]);
        assert_eq!(restore(&id), format!("InvalidAMIID.NotFound: The image id '[{id}]' does not exist"));
        assert_snapshot!(restore("nightly"), @r#"InvalidAMIID.Malformed: Invalid id: "nightly" (expecting "ami-...")"#);
    }
}
