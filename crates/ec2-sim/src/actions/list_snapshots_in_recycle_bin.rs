//! `ListSnapshotsInRecycleBin`: the snapshots that were deleted and can be restored.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Action;
use crate::clock::milliseconds;
use crate::error::Error;
use crate::id::SnapshotId;
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::reference::{no_such_snapshot, snapshot_id};
use crate::scope::Scope;
use crate::xml::Xml;

const PAGES: Rule = Rule { least: 5, most: 1000, ids: None };

pub(super) struct ListSnapshotsInRecycleBin {
    ids: BTreeSet<SnapshotId>,
    paging: Paging,
}

impl Action for ListSnapshotsInRecycleBin {
    const NAME: &str = "ListSnapshotsInRecycleBin";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let ids = params.list("SnapshotId").iter().map(|id| snapshot_id(id)).collect::<Result<_, _>>()?;
        Ok(Self { ids, paging: Paging::take(params) })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, false, scope)?.of_at_most(1000);
        let binned: BTreeMap<&SnapshotId, _> =
            scope.here().recycle_bin.snapshots.iter().filter(|(_, binned)| scope.sees(binned.entered)).collect();
        if let Some(missing) = self.ids.iter().find(|id| !binned.contains_key(*id))
            && scope.world.manners.binned_ids_must_exist
        {
            return Err(no_such_snapshot(missing));
        }
        let asked = |id: &SnapshotId| self.ids.is_empty() || self.ids.contains(id);
        let (snapshots, next) =
            page.cut(binned.values().copied().filter(|binned| asked(&binned.item.id)), |b| Cow::Borrowed(b.item.id.as_ref()), |_| true);
        answer
            .items("snapshotSet", snapshots, |item, binned| {
                item.leaf("snapshotId", &binned.item.id)
                    .leaf("recycleBinEnterTime", milliseconds(binned.entered))
                    .leaf("recycleBinExitTime", milliseconds(binned.leaves))
                    .leaf("description", &binned.item.description)
                    .leaf("volumeId", &binned.item.volume_id);
            })
            .leaf_if_some("nextToken", next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::SignedDuration;

    use crate::testing::{Client, DB, WEB, noon};
    use crate::world::{IN_BIN_TAG, RetainedType, RetentionRule, World};

    fn example() -> Client {
        let mut world = World::example(1, noon());
        let rules = &mut world.region_mut("us-east-1").recycle_bin.rules;
        rules.insert("snapsRule01".to_owned(), RetentionRule::new(RetainedType::EbsSnapshot, 14));
        Client::of(world)
    }

    #[tokio::test(start_paused = true)]
    async fn a_deleted_snapshot_lies_in_the_bin_for_its_time() {
        let ec2 = example();
        let image = ec2.available_image(WEB, "nightly");
        let id = ec2.snapshots_of(&image)[0].id.to_string();
        ec2.ok("DeregisterImage", &[("ImageId", &image)]);
        assert_eq!(ec2.ok("DeleteSnapshot", &[("SnapshotId", &id)]).text("return"), "true");
        assert_eq!(ec2.ok("DescribeSnapshots", &[("Owner.1", "self")]).texts("snapshotId"), [""; 0]);
        // Nobody can delete it from there.
        assert!(ec2.error("DeleteSnapshot", &[("SnapshotId", &id)]).starts_with("InvalidSnapshot.NotFound"));
        assert_snapshot!(ec2.ok("ListSnapshotsInRecycleBin", &[]).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <ListSnapshotsInRecycleBinResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>0e26f002-d8df-4ba8-a58d-1ee2ad3a1397</requestId>
            <snapshotSet>
                <item>
                    <snapshotId>snap-0c9ea446896d8c9b6</snapshotId>
                    <recycleBinEnterTime>2026-11-22T12:10:00.000Z</recycleBinEnterTime>
                    <recycleBinExitTime>2026-12-06T12:10:00.000Z</recycleBinExitTime>
                    <description>Created by CreateImage(i-0eb1eb1eb1eb10001) for ami-09d40897aa65e0c57</description>
                    <volumeId>vol-0eb1eb1eb1eb10001</volumeId>
                </item>
            </snapshotSet>
        </ListSnapshotsInRecycleBinResponse>
        "#);
        ec2.wait(14 * 24 * 3600);
        assert_eq!(ec2.ok("ListSnapshotsInRecycleBin", &[]).texts("snapshotId"), [""; 0]);
    }

    #[test]
    fn those_deleted_with_their_image_are_kept_too() {
        let ec2 = example();
        let image = ec2.available_image(DB, "nightly");
        let answer = ec2.ok("DeregisterImage", &[("ImageId", &image), ("DeleteAssociatedSnapshots", "true")]);
        assert_eq!(answer.texts("returnCode"), ["success", "success", "success"]);
        assert_eq!(ec2.ok("ListSnapshotsInRecycleBin", &[]).texts("snapshotId").len(), 3);
        // There is no rule for images.
        assert_eq!(ec2.ok("ListImagesInRecycleBin", &[]).texts("imageId"), [""; 0]);
    }

    #[test]
    fn one_deleted_while_pending_enters_when_it_is_complete() {
        let ec2 = example();
        let id = ec2.ok("CreateSnapshot", &[("VolumeId", "vol-0eb1eb1eb1eb10001")]).text("snapshotId");
        ec2.ok("DeleteSnapshot", &[("SnapshotId", &id)]);
        assert_eq!(ec2.ok("ListSnapshotsInRecycleBin", &[]).texts("snapshotId"), [""; 0]);
        ec2.wait(600);
        let world = ec2.sim.world();
        let binned = &world.region("us-east-1").recycle_bin.snapshots[id.as_str()];
        assert_eq!((binned.entered, binned.item.tags[IN_BIN_TAG].as_str()), (binned.item.ends, "true"));
        drop(world);
        ec2.ok("RestoreSnapshotFromRecycleBin", &[("SnapshotId", &id)]);
        assert_eq!(ec2.ok("DescribeSnapshots", &[("SnapshotId.1", &id)]).text("status"), "completed");
    }

    #[test]
    fn what_was_just_deleted_may_not_be_seen_yet_and_can_be_restored_all_the_same() {
        let ec2 = example();
        ec2.sim.world().manners.visibility_lag = SignedDuration::from_secs(10);
        let image = ec2.available_image(WEB, "nightly");
        let id = ec2.snapshots_of(&image)[0].id.to_string();
        ec2.ok("DeregisterImage", &[("ImageId", &image), ("DeleteAssociatedSnapshots", "true")]);
        ec2.wait(9);
        assert_eq!(ec2.ok("ListSnapshotsInRecycleBin", &[]).texts("snapshotId"), [""; 0]);
        assert!(ec2.error("ListSnapshotsInRecycleBin", &[("SnapshotId.1", &id)]).starts_with("InvalidSnapshot.NotFound"));
        ec2.wait(1);
        assert_eq!(ec2.ok("ListSnapshotsInRecycleBin", &[]).texts("snapshotId"), [&id[..]]);
        ec2.ok("DeregisterImage", &[("ImageId", &ec2.available_image(WEB, "weekly")), ("DeleteAssociatedSnapshots", "true")]);
        ec2.ok("RestoreSnapshotFromRecycleBin", &[("SnapshotId", &id)]);
    }

    #[test]
    fn refuses_what_is_wrong() {
        let ec2 = example();
        assert_snapshot!(
            ec2.error("ListSnapshotsInRecycleBin", &[("MaxResults", "4")]),
            @"InvalidParameterValue: Value ( 4 ) for parameter maxResults is invalid. Expecting a value greater than 5."
        );
        let unknown = [("SnapshotId.1", "snap-00000000")];
        assert_snapshot!(
            ec2.error("ListSnapshotsInRecycleBin", &unknown),
            @"InvalidSnapshot.NotFound: The snapshot 'snap-00000000' does not exist."
        );
        ec2.sim.world().manners.binned_ids_must_exist = false;
        ec2.ok("ListSnapshotsInRecycleBin", &unknown);
    }
}
