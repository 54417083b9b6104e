//! Does what a checked plan says: the only file that changes anything on EC2. Every step may be repeated at any time.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{ResourceType, SnapshotReturnCodes};
use planner::id::{ImageId, Region, SnapshotId};
use planner::plan::{CopyImage, CreateImage, RemoveImage};
use planner::tags::Encryption;
use schemars::JsonSchema;
use serde::Serialize;

use crate::account::Account;
use crate::call::Call;
use crate::outcome::{Class, Failure};
use crate::translate::tag_specification;

/// What became of one deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Deletion {
    /// It is gone, by this run.
    Deleted,
    /// It was gone already.
    AlreadyGone,
    /// It is still there.
    Failed(Failure),
    /// It was not tried: what it depends on failed, EC2 had stopped answering, or the run was interrupted.
    NotTried,
}

/// What became of an image that was to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Removal {
    /// The image itself.
    pub image: Deletion,
    /// Each of the snapshots that were to go with it.
    pub snapshots: Vec<SnapshotDeletion>,
}

/// What became of a snapshot that was to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SnapshotDeletion {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// What became of it.
    #[serde(flatten)]
    pub deletion: Deletion,
}

impl Deletion {
    /// Whether it is gone, whoever did it.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Deleted | Self::AlreadyGone)
    }

    /// Whether EC2 did not answer, or not otherwise than that it was asked too often, however often it was asked.
    pub fn is_unanswered(&self) -> bool {
        matches!(self, Self::Failed(Failure { class: Class::Passing | Class::Throttled, .. }))
    }

    /// Whether EC2 asks to try again a little later.
    pub fn is_worth_repeating(&self) -> bool {
        matches!(self, Self::Failed(Failure { class: Class::TryLater, .. }))
    }
}

impl Removal {
    /// A removal that has not begun.
    pub(crate) fn not_tried(remove: &RemoveImage) -> Self {
        let not_tried = |snapshot: &SnapshotId| SnapshotDeletion { snapshot: snapshot.clone(), deletion: Deletion::NotTried };
        Self { image: Deletion::NotTried, snapshots: remove.snapshots.iter().map(not_tried).collect() }
    }
}

pub(crate) async fn create_image(account: &Account, region: &Region, create: &CreateImage) -> Result<ImageId, Failure> {
    let answer = account
        .ec2(region)
        .create_image()
        .instance_id(create.instance.as_str())
        .name(&create.name)
        .description(&create.description)
        .no_reboot(!create.reboot)
        .tag_specifications(tag_specification(ResourceType::Image, &create.image_tags))
        .tag_specifications(tag_specification(ResourceType::Snapshot, &create.snapshot_tags))
        .send()
        .await
        .map_err(|error| Failure::new(Call::CreateImage, region, &error))?;
    answer.image_id().unwrap_or_default().parse().map_err(|invalid| Failure::malformed(Call::CreateImage, region, invalid))
}

pub(crate) async fn copy_image(account: &Account, region: &Region, copy: &CopyImage) -> Result<ImageId, Failure> {
    let mut request = account
        .ec2(region)
        .copy_image()
        .source_region(copy.source_region.as_str())
        .source_image_id(copy.source.as_str())
        .name(&copy.name)
        .description(&copy.description)
        .client_token(&copy.token)
        .tag_specifications(tag_specification(ResourceType::Image, &copy.tags))
        .tag_specifications(tag_specification(ResourceType::Snapshot, &copy.tags));
    // An explicit `Encrypted=false` is refused for encrypted sources, so it is never sent.
    request = match &copy.encryption {
        Encryption::AsSource => request,
        Encryption::DefaultKey => request.encrypted(true),
        Encryption::Key(key) => request.encrypted(true).kms_key_id(key),
    };
    let answer = request.send().await.map_err(|error| Failure::new(Call::CopyImage, region, &error))?;
    answer.image_id().unwrap_or_default().parse().map_err(|invalid| Failure::malformed(Call::CopyImage, region, invalid))
}

/// Deregisters an image and deletes snapshots of it, in one call where they are all it has, else one by one: goes on where
/// `removal` was left.
pub(crate) async fn remove_image(account: &Account, region: &Region, remove: &RemoveImage, mut removal: Removal) -> Removal {
    if !removal.image.is_gone() {
        // An image is not taken away from snapshots that could then neither be deleted nor be found again.
        for snapshot in &remove.covered {
            if let Err(failure) = may_delete_snapshot(account, region, snapshot).await {
                removal.image = Deletion::Failed(failure);
                return removal;
            }
        }
        let request = account.ec2(region).deregister_image().image_id(remove.image.as_str());
        let together = remove.all_snapshots && !remove.snapshots.is_empty();
        let request = if together { request.delete_associated_snapshots(true) } else { request };
        match request.send().await {
            Ok(answer) => {
                removal.image = Deletion::Deleted;
                let results = answer.delete_snapshot_results().iter();
                let deleted = results.filter(|result| result.return_code() == Some(&SnapshotReturnCodes::Success));
                let deleted: BTreeSet<&str> = deleted.filter_map(|result| result.snapshot_id()).collect();
                for snapshot in removal.snapshots.iter_mut().filter(|snapshot| deleted.contains(snapshot.snapshot.as_str())) {
                    snapshot.deletion = Deletion::Deleted;
                }
            }
            Err(error) => match Failure::new(Call::DeregisterImage, region, &error) {
                Failure { class: Class::Gone, .. } => removal.image = Deletion::AlreadyGone,
                failure => {
                    removal.image = Deletion::Failed(failure);
                    return removal;
                }
            },
        }
    }
    // What EC2 did not say it deleted is asked for by itself: the answer then says why not.
    for snapshot in removal.snapshots.iter_mut().filter(|snapshot| !snapshot.deletion.is_gone()) {
        snapshot.deletion = delete_snapshot(account, region, &snapshot.snapshot).await;
        if snapshot.deletion.is_unanswered() {
            break;
        }
    }
    removal
}

/// Whether EC2 would permit to delete a snapshot, by its own dry run; that one is in use does not count there.
async fn may_delete_snapshot(account: &Account, region: &Region, snapshot: &SnapshotId) -> Result<(), Failure> {
    match account.ec2(region).delete_snapshot().snapshot_id(snapshot.as_str()).dry_run(true).send().await {
        Ok(_) => Ok(()),
        Err(error) => match Failure::new(Call::DeleteSnapshot, region, &error) {
            Failure { class: Class::Gone, .. } => Ok(()),
            Failure { code: Some(code), .. } if code == "DryRunOperation" || code == "InvalidSnapshot.InUse" => Ok(()),
            failure => Err(failure),
        },
    }
}

pub(crate) async fn delete_snapshot(account: &Account, region: &Region, snapshot: &SnapshotId) -> Deletion {
    match account.ec2(region).delete_snapshot().snapshot_id(snapshot.as_str()).send().await {
        Ok(_) => Deletion::Deleted,
        Err(error) => match Failure::new(Call::DeleteSnapshot, region, &error) {
            Failure { class: Class::Gone, .. } => Deletion::AlreadyGone,
            failure => Deletion::Failed(failure),
        },
    }
}
