//! Does what a checked plan says: the only file that changes anything on EC2, and it takes nothing but steps that the guard
//! let pass. Every step may be repeated at any time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_ec2::operation::deregister_image::DeregisterImageOutput;
use aws_sdk_ec2::types::{BlockDeviceMapping, ResourceType, SnapshotReturnCodes, Tag};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use jiff::Timestamp;
use planner::CheckedStep;
use planner::id::{ImageId, Region, SnapshotId};
use planner::plan::mend::{Mend, Wish};
use planner::plan::{Action, CopyImage, CreateImage, RemoveImage, Retag};
use planner::tags::Encryption;
use schemars::JsonSchema;
use serde::Serialize;

use crate::account::Account;
use crate::call::Call;
use crate::observe;
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
    /// Another image is made of it, too, EC2 says, and so it stays with that.
    Shared,
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
    /// Whether it can be had back: whole, with every snapshot that went with it. Only told of what is gone.
    pub recoverable: Option<Recoverable>,
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
    /// What EC2 said of it in its answer to `DeregisterImage`, if it was to delete it then.
    pub return_code: Option<ReturnCode>,
    /// Whether it can be had back. Only told of what is gone.
    pub recoverable: Option<Recoverable>,
}

/// Whether what is gone can be had back, as far as the Recycle Bin tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recoverable {
    /// The Recycle Bin did not hold it when the run looked, right after: most likely it is gone for good.
    #[serde(rename = "not_in_recycle_bin")]
    NotInBin,
    /// It can, before this instant.
    Until(Timestamp),
    /// The Recycle Bin could not be looked into.
    Unknown,
}

impl Recoverable {
    /// Of something that is gone, by what the Recycle Bin holds and until when.
    pub(crate) fn of<Id: Ord>(bin: Option<&BTreeMap<Id, Option<Timestamp>>>, id: &Id) -> Self {
        match bin.map(|bin| bin.get(id)) {
            Some(None) => Self::NotInBin,
            Some(Some(Some(until))) => Self::Until(*until),
            Some(Some(None)) | None => Self::Unknown,
        }
    }

    /// Of two things that are of use together only.
    pub(crate) fn together(self, other: Self) -> Self {
        match (self, other) {
            (Self::NotInBin, _) | (_, Self::NotInBin) => Self::NotInBin,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Until(one), Self::Until(other)) => Self::Until(one.min(other)),
        }
    }
}

/// What EC2 says of a snapshot that it was to delete with its image (ec2-semantics 3.1). The image is gone, whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReturnCode {
    /// It is deleted.
    Success,
    /// Another image is made of it, too.
    Skipped,
    /// The caller may not delete it.
    MissingPermissions,
    /// EC2 failed.
    InternalError,
    /// What EC2 calls a configuration error of the client; probably it is locked.
    ClientError,
    /// Nothing, or something newer than this program.
    Other,
}

impl ReturnCode {
    fn of(code: Option<&SnapshotReturnCodes>) -> Self {
        match code {
            Some(SnapshotReturnCodes::Success) => Self::Success,
            Some(SnapshotReturnCodes::WarnSkipped) => Self::Skipped,
            Some(SnapshotReturnCodes::ErrorMissingPermissions) => Self::MissingPermissions,
            Some(SnapshotReturnCodes::ErrorCodeInternalError) => Self::InternalError,
            Some(SnapshotReturnCodes::ErrorCodeClientError) => Self::ClientError,
            _ => Self::Other,
        }
    }

    /// What it makes of a snapshot; `None` if the snapshot is to be asked for by itself, so that the answer says why it is
    /// still there. `lingers`: it was shared with images that this plan removes, and EC2 may not have noticed yet.
    fn leads_to(self, lingers: bool) -> Option<Deletion> {
        match self {
            Self::Success => Some(Deletion::Deleted),
            Self::Skipped if !lingers => Some(Deletion::Shared),
            Self::Skipped | Self::MissingPermissions | Self::InternalError | Self::ClientError | Self::Other => None,
        }
    }
}

/// As EC2 writes it.
impl std::fmt::Display for ReturnCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Success => "success",
            Self::Skipped => "skipped",
            Self::MissingPermissions => "missing-permissions",
            Self::InternalError => "internal-error",
            Self::ClientError => "client-error",
            Self::Other => "nothing of it",
        })
    }
}

impl Deletion {
    /// Whether it is gone, whoever did it.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Deleted | Self::AlreadyGone)
    }

    /// Whether it came to what was wanted: it is gone, or stays where it belongs.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Deleted | Self::AlreadyGone | Self::Shared => true,
            Self::Failed(_) | Self::NotTried => false,
        }
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
    pub(crate) fn not_tried(step: &CheckedStep) -> Self {
        let not_tried = |snapshot: &SnapshotId| SnapshotDeletion {
            snapshot: snapshot.clone(),
            deletion: Deletion::NotTried,
            return_code: None,
            recoverable: None,
        };
        let snapshots = match step.action() {
            Action::RemoveImage(remove) => remove.snapshots.iter().map(not_tried).collect(),
            Action::DeleteSnapshot(_) | Action::CreateImage(_) | Action::CopyImage(_) | Action::Retag(_) | Action::Mend(_) => Vec::new(),
        };
        Self { image: Deletion::NotTried, recoverable: None, snapshots }
    }
}

/// How often the SDK has sent a request. It tells only how the last attempt ended: an earlier one may have been lost on the way
/// back, and have taken effect.
#[derive(Debug, Clone, Default)]
struct Attempts(Arc<AtomicU32>);

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Asks EC2 for the image or the copy that a step is for; `None` if it is for none.
pub(crate) async fn make(account: &Account, step: &CheckedStep) -> Option<Result<ImageId, Failure>> {
    match step.action() {
        Action::CreateImage(create) => Some(create_image(account, step.region(), create).await),
        Action::CopyImage(copy) => Some(copy_image(account, step.region(), copy).await),
        Action::RemoveImage(_) | Action::DeleteSnapshot(_) | Action::Retag(_) | Action::Mend(_) => None,
    }
}

/// Changes the tags that a step is for; `None` if it is for none.
pub(crate) async fn retag(account: &Account, step: &CheckedStep) -> Option<Result<(), Failure>> {
    match step.action() {
        Action::Retag(retag) => Some(change_tags(account, step.region(), retag).await),
        Action::CreateImage(_) | Action::CopyImage(_) | Action::RemoveImage(_) | Action::DeleteSnapshot(_) | Action::Mend(_) => None,
    }
}

/// The call that mends what a step is for; `None` if it is for nothing of the kind.
pub(crate) fn mends_by(step: &CheckedStep) -> Option<Call> {
    match step.action() {
        Action::Mend(Mend { wish: Wish::Deprecation { .. }, .. }) => Some(Call::EnableImageDeprecation),
        Action::Mend(Mend { wish: Wish::Protection { .. }, .. }) => Some(Call::EnableImageDeregistrationProtection),
        Action::CreateImage(_) | Action::CopyImage(_) | Action::RemoveImage(_) | Action::DeleteSnapshot(_) | Action::Retag(_) => None,
    }
}

/// Deprecates or protects the image that a step is for, if it is for one.
pub(crate) async fn mend(account: &Account, step: &CheckedStep) -> Result<(), Failure> {
    let (Action::Mend(Mend { image, wish }), Some(call)) = (step.action(), mends_by(step)) else { return Ok(()) };
    let region = step.region();
    let _turn = account.turn(region, call).await;
    match wish {
        Wish::Deprecation { at } => {
            let at = DateTime::from_secs(at.as_second());
            let request = account.ec2(region).enable_image_deprecation().image_id(image.as_str()).deprecate_at(at);
            request.send().await.map(drop).map_err(|error| Failure::new(call, region, &error))
        }
        Wish::Protection { with_cooldown } => {
            let request = account.ec2(region).enable_image_deregistration_protection().image_id(image.as_str());
            let request = request.with_cooldown(*with_cooldown);
            request.send().await.map(drop).map_err(|error| Failure::new(call, region, &error))
        }
    }
}

/// In one call, which EC2 does wholly or not at all.
async fn change_tags(account: &Account, region: &Region, retag: &Retag) -> Result<(), Failure> {
    let resources = std::iter::once(retag.image.to_string()).chain(retag.snapshots.iter().map(ToString::to_string)).collect();
    match retag.change.tag() {
        (key, Some(value)) => {
            let _turn = account.turn(region, Call::CreateTags).await;
            let tag = Tag::builder().key(key).value(value).build();
            let request = account.ec2(region).create_tags().set_resources(Some(resources)).tags(tag);
            request.send().await.map(drop).map_err(|error| Failure::new(Call::CreateTags, region, &error))
        }
        // Without a value, whatever the tag says.
        (key, None) => {
            let _turn = account.turn(region, Call::DeleteTags).await;
            let tag = Tag::builder().key(key).build();
            let request = account.ec2(region).delete_tags().set_resources(Some(resources)).tags(tag);
            request.send().await.map(drop).map_err(|error| Failure::new(Call::DeleteTags, region, &error))
        }
    }
}

/// Goes on with the removal that a step is for, where it was left. `lingering` are snapshots that several images shared of
/// which this plan leaves none.
pub(crate) async fn remove(account: &Account, step: &CheckedStep, begun: Removal, lingering: &BTreeSet<SnapshotId>) -> Removal {
    match step.action() {
        Action::RemoveImage(remove) => remove_image(account, step.region(), remove, begun, lingering).await,
        Action::DeleteSnapshot(snapshot) => Removal { image: delete_snapshot(account, step.region(), snapshot).await, ..begun },
        Action::CreateImage(_) | Action::CopyImage(_) | Action::Retag(_) | Action::Mend(_) => begun,
    }
}

/// Asks for an image. A refusal of which it is not certain that it was EC2's first word comes as [`Class::Passing`]: nobody knows
/// whether there is an image.
async fn create_image(account: &Account, region: &Region, create: &CreateImage) -> Result<ImageId, Failure> {
    let _turn = account.turn(region, Call::CreateImage).await;
    let attempts = Attempts::default();
    let answer = account
        .ec2(region)
        .create_image()
        .instance_id(create.instance.as_str())
        .name(&create.name)
        .description(&create.description)
        .no_reboot(!create.reboot)
        .set_block_device_mappings(left_out(&create.excluded_devices))
        .tag_specifications(tag_specification(ResourceType::Image, &create.image_tags))
        .tag_specifications(tag_specification(ResourceType::Snapshot, &create.snapshot_tags))
        .customize()
        .interceptor(attempts.clone())
        .send()
        .await
        .map_err(|error| Failure::new(Call::CreateImage, region, &error))
        .map_err(|failure| match failure.class {
            // The next round finds out by the name.
            Class::Passing | Class::Throttled | Class::TryLater | Class::Taken => failure,
            _ if attempts.0.load(Ordering::Relaxed) > 1 => Failure { class: Class::Passing, ..failure },
            _ => failure,
        })?;
    answer.image_id().unwrap_or_default().parse().map_err(|invalid| Failure::malformed(Call::CreateImage, region, invalid))
}

/// EC2 takes every device unless it is told of one that it is none.
fn left_out(devices: &BTreeSet<String>) -> Option<Vec<BlockDeviceMapping>> {
    let no_device = |device: &String| BlockDeviceMapping::builder().device_name(device).no_device(String::new()).build();
    (!devices.is_empty()).then(|| devices.iter().map(no_device).collect())
}

async fn copy_image(account: &Account, region: &Region, copy: &CopyImage) -> Result<ImageId, Failure> {
    let mut request = account
        .ec2(region)
        .copy_image()
        .source_region(copy.source_region.as_str())
        .source_image_id(copy.source.as_str())
        .name(&copy.name)
        .description(&copy.description)
        .client_token(&copy.token)
        .set_snapshot_copy_completion_duration_minutes(copy.completion.map(|completion| completion.minutes().into()))
        .tag_specifications(tag_specification(ResourceType::Image, &copy.tags))
        .tag_specifications(tag_specification(ResourceType::Snapshot, &copy.tags));
    // An explicit `Encrypted=false` is refused for encrypted sources, so it is never sent.
    request = match &copy.encryption {
        Encryption::AsSource => request,
        Encryption::DefaultKey => request.encrypted(true),
        Encryption::Key(key) => request.encrypted(true).kms_key_id(key),
    };
    let _turn = account.turn(region, Call::CopyImage).await;
    let answer = request.send().await.map_err(|error| Failure::new(Call::CopyImage, region, &error))?;
    answer.image_id().unwrap_or_default().parse().map_err(|invalid| Failure::malformed(Call::CopyImage, region, invalid))
}

/// Deregisters an image and deletes snapshots of it, in one call where they are all it has, else one by one: goes on where
/// `removal` was left.
async fn remove_image(
    account: &Account,
    region: &Region,
    remove: &RemoveImage,
    mut removal: Removal,
    lingering: &BTreeSet<SnapshotId>,
) -> Removal {
    if !removal.image.is_gone() {
        // Before anything is asked: what is found out now must hold when the image goes.
        let _turn = account.turn(region, Call::DeregisterImage).await;
        // An image is not taken away from snapshots that could then neither be deleted nor be found again.
        for snapshot in &remove.covered {
            if let Err(failure) = may_delete_snapshot(account, region, snapshot).await {
                removal.image = Deletion::Failed(failure);
                return removal;
            }
        }
        if let Err(failure) = nobody_else_is_made_of(account, region, remove).await {
            removal.image = Deletion::Failed(failure);
            return removal;
        }
        let request = account.ec2(region).deregister_image().image_id(remove.image.as_str());
        let together = remove.all_snapshots && !remove.snapshots.is_empty();
        let request = if together { request.delete_associated_snapshots(true) } else { request };
        match request.send().await {
            Ok(answer) => {
                removal.image = Deletion::Deleted;
                if together {
                    take_return_codes(&mut removal.snapshots, &answer, lingering);
                }
            }
            Err(error) => match Failure::new(Call::DeregisterImage, region, &error) {
                // EC2 may not know yet what it has long listed (ec2-semantics 5.5, 8): one of its two answers is old.
                failure if failure.is_not_found() && observe::is_listed(account, region, &remove.image).await => {
                    removal.image = Deletion::Failed(Failure { class: Class::TryLater, ..failure });
                    return removal;
                }
                Failure { class: Class::Gone, .. } => removal.image = Deletion::AlreadyGone,
                failure => {
                    removal.image = Deletion::Failed(failure);
                    return removal;
                }
            },
        }
    }
    let is_open = |deletion: &Deletion| *deletion == Deletion::NotTried || deletion.is_worth_repeating() || deletion.is_unanswered();
    for snapshot in removal.snapshots.iter_mut().filter(|snapshot| is_open(&snapshot.deletion)) {
        snapshot.deletion = delete_snapshot(account, region, &snapshot.snapshot).await;
        if snapshot.deletion.is_unanswered() {
            break;
        }
    }
    removal
}

fn take_return_codes(snapshots: &mut [SnapshotDeletion], answer: &DeregisterImageOutput, lingering: &BTreeSet<SnapshotId>) {
    let codes: BTreeMap<&str, ReturnCode> = answer
        .delete_snapshot_results()
        .iter()
        .filter_map(|result| Some((result.snapshot_id()?, ReturnCode::of(result.return_code()))))
        .collect();
    for SnapshotDeletion { snapshot, deletion, return_code, .. } in snapshots {
        let code = codes.get(snapshot.as_str()).copied().unwrap_or(ReturnCode::Other);
        *return_code = Some(code);
        if let Some(told) = code.leads_to(lingering.contains(snapshot)) {
            *deletion = told;
        }
    }
}

/// Whether no other image is made of what only this one covers. A listing of several pages can skip one, if something goes while it is
/// read; EC2 would then leave the snapshot where nothing tells that it is ours.
async fn nobody_else_is_made_of(account: &Account, region: &Region, remove: &RemoveImage) -> Result<(), Failure> {
    if remove.covered.is_empty() {
        return Ok(());
    }
    let users = observe::images_made_of(account, region, &remove.covered).await?;
    match users.iter().find(|user| user.id != remove.image) {
        Some(user) => Err(Failure::unlisted_user(region, &user.id)),
        None => Ok(()),
    }
}

/// Whether EC2 would permit to delete a snapshot, by its own dry run; that one is in use does not count there.
async fn may_delete_snapshot(account: &Account, region: &Region, snapshot: &SnapshotId) -> Result<(), Failure> {
    let _turn = account.turn(region, Call::DeleteSnapshot).await;
    match account.ec2(region).delete_snapshot().snapshot_id(snapshot.as_str()).dry_run(true).send().await {
        Ok(_) => Ok(()),
        Err(error) => match Failure::new(Call::DeleteSnapshot, region, &error) {
            Failure { class: Class::Gone | Class::Permitted, .. } => Ok(()),
            Failure { code: Some(code), .. } if code == "InvalidSnapshot.InUse" => Ok(()),
            failure => Err(failure),
        },
    }
}

async fn delete_snapshot(account: &Account, region: &Region, snapshot: &SnapshotId) -> Deletion {
    let _turn = account.turn(region, Call::DeleteSnapshot).await;
    match account.ec2(region).delete_snapshot().snapshot_id(snapshot.as_str()).send().await {
        Ok(_) => Deletion::Deleted,
        Err(error) => match Failure::new(Call::DeleteSnapshot, region, &error) {
            Failure { class: Class::Gone, .. } => Deletion::AlreadyGone,
            failure => Deletion::Failed(failure),
        },
    }
}
