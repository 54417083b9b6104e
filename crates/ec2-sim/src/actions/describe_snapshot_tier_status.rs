//! `DescribeSnapshotTierStatus`: where the caller's snapshots are kept, and how they got there. (That it tells
//! of those that never changed their tier is not documented.)

use std::borrow::Cow;

use super::Action;
use crate::clock::milliseconds;
use crate::error::Error;
use crate::filter::{Filters, Known};
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::scope::Scope;
use crate::tagging::write_tags;
use crate::world::{Snapshot, Tiering};
use crate::xml::Xml;

/// The bounds are not documented; these are those of `DescribeSnapshots`.
const PAGES: Rule = Rule { least: 5, most: 1000, ids: None };

const FILTERS: Known<Snapshot> = &[
    ("last-tiering-operation", |s| s.tiering.iter().map(Tiering::status).collect()),
    ("snapshot-id", |s| vec![s.id.to_string()]),
    ("volume-id", |s| vec![s.volume_id.to_string()]),
];

pub(super) struct DescribeSnapshotTierStatus {
    filters: Filters<Snapshot>,
    paging: Paging,
}

impl Action for DescribeSnapshotTierStatus {
    const NAME: &str = "DescribeSnapshotTierStatus";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { filters: Filters::take(params, FILTERS)?.without_tags()?, paging: Paging::take(params) })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, false, scope)?;
        let now = scope.now();
        let (snapshots, next) =
            page.cut(scope.snapshots(), |snapshot| Cow::Borrowed(snapshot.id.as_ref()), |snapshot| self.filters.matches(snapshot));
        answer
            .items("snapshotTierStatusSet", snapshots, |item, snapshot| {
                item.leaf("snapshotId", &snapshot.id)
                    .leaf("volumeId", &snapshot.volume_id)
                    .leaf("status", snapshot.state)
                    .leaf("ownerId", &snapshot.owner);
                write_tags(item, &snapshot.tags);
                item.leaf("storageTier", &snapshot.storage_tier);
                if let Some(tiering) = &snapshot.tiering {
                    item.leaf("lastTieringStartTime", milliseconds(tiering.started))
                        .leaf("lastTieringProgress", tiering.percent(now))
                        .leaf("lastTieringOperationStatus", tiering.status())
                        .leaf_if_some("archivalCompleteTime", tiering.archived.map(milliseconds))
                        .leaf_if_some("restoreExpiryTime", tiering.restore_expires().map(milliseconds));
                }
            })
            .leaf_if_some("nextToken", next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, DB};

    const DAY: i64 = 24 * 3600;

    #[tokio::test(start_paused = true)]
    async fn tells_how_far_it_is() {
        let ec2 = Client::of_example();
        let id = ec2.ok("CreateSnapshot", &[("VolumeId", "vol-0eb1eb1eb1eb10001")]).text("snapshotId");
        ec2.wait(60);
        ec2.ok("ModifySnapshotTier", &[("SnapshotId", &id), ("StorageTier", "archive")]);
        let told = || {
            let answer = ec2.ok("DescribeSnapshotTierStatus", &[("Filter.1.Name", "snapshot-id"), ("Filter.1.Value.1", &id)]);
            ["lastTieringOperationStatus", "storageTier", "lastTieringProgress"].map(|name| answer.text(name)).join(" ")
        };
        ec2.wait(DAY / 4);
        assert_eq!(told(), "archival-in-progress standard 50");
        ec2.wait(DAY / 4);
        assert_eq!(told(), "archival-completed archive 100");
        ec2.ok("RestoreSnapshotTier", &[("SnapshotId", &id), ("TemporaryRestoreDays", "3")]);
        assert_eq!(told(), "temporary-restore-in-progress archive 0");
        ec2.wait(DAY);
        assert_eq!(told(), "temporary-restore-completed standard 100");
        assert_snapshot!(ec2.ok("DescribeSnapshotTierStatus", &[]).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeSnapshotTierStatusResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>df202793-3b18-47de-a511-7405a3c27894</requestId>
            <snapshotTierStatusSet>
                <item>
                    <snapshotId>snap-0c9ea446896d8c9b6</snapshotId>
                    <volumeId>vol-0eb1eb1eb1eb10001</volumeId>
                    <status>completed</status>
                    <ownerId>123456789012</ownerId>
                    <storageTier>standard</storageTier>
                    <lastTieringStartTime>2026-11-23T00:01:00.000Z</lastTieringStartTime>
                    <lastTieringProgress>100</lastTieringProgress>
                    <lastTieringOperationStatus>temporary-restore-completed</lastTieringOperationStatus>
                    <archivalCompleteTime>2026-11-23T00:01:00.000Z</archivalCompleteTime>
                    <restoreExpiryTime>2026-11-27T00:01:00.000Z</restoreExpiryTime>
                </item>
            </snapshotTierStatusSet>
        </DescribeSnapshotTierStatusResponse>
        "#);
        ec2.ok("RestoreSnapshotTier", &[("SnapshotId", &id), ("PermanentRestore", "true")]);
        assert_eq!(told(), "permanent-restore-completed standard 100");
    }

    #[test]
    fn filters_and_pages() {
        let ec2 = Client::of_example();
        let image = ec2.available_image(DB, "nightly");
        let id = ec2.snapshots_of(&image)[1].id.to_string();
        ec2.ok("DisableImage", &[("ImageId", &image)]);
        ec2.ok("ModifySnapshotTier", &[("SnapshotId", &id), ("StorageTier", "archive")]);
        let count = |name, value: &str| {
            let params = [("Filter.1.Name", name), ("Filter.1.Value.1", value)];
            ec2.ok("DescribeSnapshotTierStatus", &params).texts("snapshotId").len()
        };
        assert_eq!(count("last-tiering-operation", "archival-*"), 1);
        assert_eq!(count("volume-id", "vol-0db*"), 3);
        assert_eq!(count("snapshot-id", &id), 1);
        assert_eq!(ec2.ok("DescribeSnapshotTierStatus", &[("MaxResults", "5")]).texts("snapshotId").len(), 3);
        assert_snapshot!(
            ec2.error("DescribeSnapshotTierStatus", &[("Filter.1.Name", "tag:Name"), ("Filter.1.Value.1", "x")]),
            @"InvalidParameterValue: The filter 'tag:Name' is invalid"
        );
    }
}
