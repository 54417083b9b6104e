//! Asks what speaks against deleting something, beyond the thing itself: who refers to an image, which snapshots are locked, what
//! lies in the Recycle Bin. It is asked just before anything is deleted, and only where something would go.
//!
//! A check that cannot be made is not an error of the run: what it means is the policy's to say.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::builders::ResourceTypeRequestBuilder;
use aws_sdk_ec2::types::{
    ImageReference, ImageReferenceOptionName, ImageReferenceResourceType, LockState, ResourceTypeOption, ResourceTypeRequest,
};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_types::DateTime;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use planner::evidence::{Answer, Check, Evidence, Reference, ReferenceKind};
use planner::id::{ImageId, Region, SnapshotId};

use crate::account::Account;
use crate::call::Call;
use crate::observe::{Pages, from_the_beginning};
use crate::outcome::{Anywhere, Class, Failure, is_page_for_people, one_line};

/// Images in one call (ec2-semantics 6.3).
const IMAGES_A_CALL: usize = 10;
/// So many of these calls are under way at the same time.
const CALLS_AT_ONCE: usize = 8;
/// So many of a launch template's most recent versions are looked at: the most that can be asked for. Any version can be launched, and
/// `$Default` is often an old one.
const VERSION_DEPTH: &str = "10000";
/// The states of instances that are there. EC2 counts terminated ones too unless it is told.
const LIVING: [&str; 5] = ["pending", "running", "shutting-down", "stopping", "stopped"];
/// Locked snapshots, and things in the Recycle Bin, a page: the most that EC2 takes (ec2-semantics 5.4).
const PAGE: i32 = 1000;
/// Launch configurations a page: the most that Auto Scaling takes.
const LAUNCH_CONFIGURATIONS_A_PAGE: i32 = 100;

/// What would go in a region, as far as it decides what is asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Questions {
    /// The images that would go.
    pub(crate) images: BTreeSet<ImageId>,
    /// Whether snapshots would, with them or as orphans.
    pub(crate) snapshots: bool,
    /// Whether some of these snapshots were made for images that are not there any more.
    pub(crate) outlived: bool,
    /// Whether instances count that were launched from an image.
    pub(crate) keep_launched: bool,
}

/// What was found out of a region.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) evidence: Evidence,
    /// The checks that could not be made, or not to their end.
    pub(crate) failures: Vec<(Check, Failure)>,
}

/// Makes every check that is wanted, side by side: EC2 counts calls by action.
pub(crate) async fn gather(account: &Account, region: &Region, questions: &Questions) -> Findings {
    let Questions { images, snapshots, outlived, keep_launched } = questions;
    let (references, launch_configurations, locks, binned) = tokio::join!(
        async { if images.is_empty() { None } else { Some(references(account, region, images, *keep_launched).await) } },
        when(!images.is_empty(), || launch_configurations(account, region)),
        when(*snapshots, || locks(account, region)),
        when(*outlived, || images_in_bin(account, region)),
    );
    let mut failures = Vec::new();
    let references = match references {
        None => Answer::NotAsked,
        Some((told, None)) => Answer::Told(told),
        Some((told, Some(failure))) => {
            // What was found counts. Of the images that have no entry nobody knows anything.
            let references = if told.is_empty() { unanswered(&failure) } else { Answer::Told(told) };
            failures.push((Check::References, failure));
            references
        }
    };
    let evidence = Evidence {
        references,
        launch_configurations: answer(launch_configurations, Check::LaunchConfigurations, &mut failures),
        locks: answer(locks, Check::Locks, &mut failures),
        binned: answer(binned.map(|binned| binned.map(|images| images.into_keys().collect())), Check::RecycleBin, &mut failures),
    };
    Findings { evidence, failures }
}

async fn when<T, F: Future<Output = Result<T, Failure>>>(wanted: bool, ask: impl Fn() -> F) -> Option<Result<T, Failure>> {
    if wanted { Some(from_the_beginning(ask).await) } else { None }
}

fn answer<T>(asked: Option<Result<T, Failure>>, check: Check, failures: &mut Vec<(Check, Failure)>) -> Answer<T> {
    match asked {
        None => Answer::NotAsked,
        Some(Ok(told)) => Answer::Told(told),
        Some(Err(failure)) => {
            let answer = unanswered(&failure);
            failures.push((check, failure));
            answer
        }
    }
}

/// What a check that failed leaves known: whether EC2 would refuse it again, or could tell another time.
fn unanswered<T>(failure: &Failure) -> Answer<T> {
    let why = Anywhere(failure).to_string();
    match failure.class {
        Class::Denied | Class::NotOffered => Answer::Unknown(why),
        // A refusal without a code may be half of another.
        Class::Refused if failure.code.is_some() => Answer::Unknown(why),
        Class::Refused
        | Class::Credentials
        | Class::RegionClosed
        | Class::Passing
        | Class::Throttled
        | Class::TryLater
        | Class::Malformed
        | Class::LostPlace
        | Class::Gone
        | Class::Taken
        | Class::Permitted => Answer::Failed(why),
    }
}

type References = BTreeMap<ImageId, Vec<Reference>>;

/// What refers to each of these images, as far as EC2 told, and why no further.
async fn references(account: &Account, region: &Region, images: &BTreeSet<ImageId>, keep_launched: bool) -> (References, Option<Failure>) {
    let mut told = References::new();
    let images: Vec<&ImageId> = images.iter().collect();
    let ask = async |together: &[&ImageId]| references_of_some(account, region, together, keep_launched).await;
    let mut answers = stream::iter(images.chunks(IMAGES_A_CALL)).map(ask).buffered(CALLS_AT_ONCE);
    while let Some((references, failure)) = answers.next().await {
        told.extend(references);
        if failure.is_some() {
            return (told, failure);
        }
    }
    (told, None)
}

/// The same of as many as one call may name.
async fn references_of_some(account: &Account, region: &Region, images: &[&ImageId], keep_launched: bool) -> (References, Option<Failure>) {
    let mut told = References::new();
    match from_the_beginning(|| references_to(account, region, images, keep_launched)).await {
        Ok(references) => told.extend(references),
        // One of them has gone meanwhile, and spoils the answer for the others.
        Err(Failure { class: Class::Gone, .. }) => {
            for image in images.chunks(1) {
                match from_the_beginning(|| references_to(account, region, image, keep_launched)).await {
                    Ok(references) => told.extend(references),
                    Err(Failure { class: Class::Gone, .. }) => told.extend(image.iter().map(|id| ((*id).clone(), Vec::new()))),
                    Err(failure) => return (told, Some(failure)),
                }
            }
        }
        Err(failure) => return (told, Some(failure)),
    }
    (told, None)
}

async fn references_to(account: &Account, region: &Region, images: &[&ImageId], keep_launched: bool) -> Result<References, Failure> {
    let call = Call::DescribeImageReferences;
    let ids = images.iter().map(ToString::to_string).collect();
    // How long a page may be is nowhere said, so EC2 decides.
    let request = account.ec2(region).describe_image_references().set_image_ids(Some(ids)).set_resource_types(Some(kinds(keep_launched)));
    let mut references: References = images.iter().map(|image| ((*image).clone(), Vec::new())).collect();
    let mut pages = Pages::new(account, call, region);
    loop {
        let page = request.clone().set_next_token(pages.token()).customize().config_override(ec2_override()).send().await;
        let page = page.map_err(|error| Failure::new(call, region, &error))?;
        for seen in pages.list(page.image_references.as_deref())? {
            let image: ImageId =
                seen.image_id().unwrap_or_default().parse().map_err(|invalid| Failure::malformed(call, region, invalid))?;
            // Of others nobody asked.
            if let Some(references) = references.get_mut(&image) {
                references.push(reference(seen));
            }
        }
        if !pages.turn(page.next_token())? {
            return Ok(references);
        }
    }
}

/// Where EC2 is to look for references.
fn kinds(keep_launched: bool) -> Vec<ResourceTypeRequest> {
    let plain = |kind| ResourceTypeRequest::builder().resource_type(kind);
    let with = |kind, option, values: &[&str]| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let option = ResourceTypeOption::builder().option_name(option).set_option_values(Some(values)).build();
        plain(kind).resource_type_options(option)
    };
    let mut kinds = vec![
        with(ImageReferenceResourceType::Ec2LaunchTemplate, ImageReferenceOptionName::VersionDepth, &[VERSION_DEPTH]),
        plain(ImageReferenceResourceType::SsmParameter),
        plain(ImageReferenceResourceType::ImageBuilderImageRecipe),
        plain(ImageReferenceResourceType::ImageBuilderContainerRecipe),
    ];
    if keep_launched {
        kinds.push(with(ImageReferenceResourceType::Ec2Instance, ImageReferenceOptionName::StateName, &LIVING));
    }
    kinds.into_iter().map(ResourceTypeRequestBuilder::build).collect()
}

fn reference(seen: &ImageReference) -> Reference {
    let kind = match seen.resource_type() {
        Some(ImageReferenceResourceType::Ec2Instance) => ReferenceKind::Instance,
        Some(ImageReferenceResourceType::Ec2LaunchTemplate) => ReferenceKind::LaunchTemplate,
        Some(ImageReferenceResourceType::SsmParameter) => ReferenceKind::SsmParameter,
        Some(ImageReferenceResourceType::ImageBuilderImageRecipe | ImageReferenceResourceType::ImageBuilderContainerRecipe) => {
            ReferenceKind::ImageBuilderRecipe
        }
        _ => ReferenceKind::Other,
    };
    Reference { kind, name: one_line(seen.arn().unwrap_or("without a name")) }
}

/// The launch configurations of a region, by the images they name.
async fn launch_configurations(account: &Account, region: &Region) -> Result<References, Failure> {
    let call = Call::DescribeLaunchConfigurations;
    let request = account.autoscaling(region).describe_launch_configurations().max_records(LAUNCH_CONFIGURATIONS_A_PAGE);
    let mut references = References::new();
    let mut pages = Pages::new(account, call, region);
    loop {
        let page = request.clone().set_next_token(pages.token()).customize().config_override(autoscaling_override()).send().await;
        let page = page.map_err(|error| Failure::new(call, region, &error))?;
        for seen in pages.list(page.launch_configurations.as_deref())? {
            // What is no id of an image is none of ours.
            let Ok(image) = seen.image_id().unwrap_or_default().parse::<ImageId>() else { continue };
            let name = seen.launch_configuration_arn().or(seen.launch_configuration_name()).unwrap_or("without a name");
            references.entry(image).or_default().push(Reference { kind: ReferenceKind::LaunchConfiguration, name: one_line(name) });
        }
        if !pages.turn(page.next_token())? {
            return Ok(references);
        }
    }
}

/// The locked snapshots of a region, with EC2's word for the lock.
async fn locks(account: &Account, region: &Region) -> Result<BTreeMap<SnapshotId, String>, Failure> {
    let call = Call::DescribeLockedSnapshots;
    let request = account.ec2(region).describe_locked_snapshots().max_results(PAGE);
    let mut locks = BTreeMap::new();
    let mut pages = Pages::new(account, call, region);
    loop {
        let page = request.clone().set_next_token(pages.token()).customize().config_override(ec2_override()).send().await;
        let page = page.map_err(|error| Failure::new(call, region, &error))?;
        for seen in pages.list(page.snapshots.as_deref())? {
            let snapshot = seen.snapshot_id().unwrap_or_default().parse().map_err(|invalid| Failure::malformed(call, region, invalid))?;
            locks.insert(
                snapshot,
                seen.lock_state().map_or_else(|| "of an unknown kind".to_owned(), |lock| one_line(LockState::as_str(lock))),
            );
        }
        if !pages.turn(page.next_token())? {
            return Ok(locks);
        }
    }
}

/// The images in a region's Recycle Bin. All of them: what EC2 answers for an id that is not there is not documented.
async fn images_in_bin(account: &Account, region: &Region) -> Result<Binned<ImageId>, Failure> {
    let call = Call::ListImagesInRecycleBin;
    let request = account.ec2(region).list_images_in_recycle_bin().max_results(PAGE);
    let mut binned = BTreeMap::new();
    let mut pages = Pages::new(account, call, region);
    loop {
        let page = request.clone().set_next_token(pages.token()).customize().config_override(ec2_override()).send().await;
        let page = page.map_err(|error| Failure::new(call, region, &error))?;
        for seen in pages.list(page.images.as_deref())? {
            let image = seen.image_id().unwrap_or_default().parse().map_err(|invalid| Failure::malformed(call, region, invalid))?;
            binned.insert(image, seen.recycle_bin_exit_time().and_then(instant));
        }
        if !pages.turn(page.next_token())? {
            return Ok(binned);
        }
    }
}

/// The snapshots in a region's Recycle Bin.
async fn snapshots_in_bin(account: &Account, region: &Region) -> Result<Binned<SnapshotId>, Failure> {
    let call = Call::ListSnapshotsInRecycleBin;
    let request = account.ec2(region).list_snapshots_in_recycle_bin().max_results(PAGE);
    let mut binned = BTreeMap::new();
    let mut pages = Pages::new(account, call, region);
    loop {
        let page = request.clone().set_next_token(pages.token()).customize().config_override(ec2_override()).send().await;
        let page = page.map_err(|error| Failure::new(call, region, &error))?;
        for seen in pages.list(page.snapshots.as_deref())? {
            let snapshot = seen.snapshot_id().unwrap_or_default().parse().map_err(|invalid| Failure::malformed(call, region, invalid))?;
            binned.insert(snapshot, seen.recycle_bin_exit_time().and_then(instant));
        }
        if !pages.turn(page.next_token())? {
            return Ok(binned);
        }
    }
}

/// What a region's Recycle Bin holds, and until when; `None` where it was not looked into, or could not be.
#[derive(Debug, Default)]
pub(crate) struct Bin {
    pub(crate) images: Option<Binned<ImageId>>,
    pub(crate) snapshots: Option<Binned<SnapshotId>>,
}

/// What lies in the Recycle Bin, and until when.
type Binned<Id> = BTreeMap<Id, Option<Timestamp>>;

/// Looks into a region's Recycle Bin, for images, snapshots or both.
pub(crate) async fn bin(account: &Account, region: &Region, images: bool, snapshots: bool) -> Bin {
    let (images, snapshots) =
        tokio::join!(when(images, || images_in_bin(account, region)), when(snapshots, || snapshots_in_bin(account, region)));
    Bin { images: images.and_then(Result::ok), snapshots: snapshots.and_then(Result::ok) }
}

fn instant(at: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(at.secs()).ok()
}

fn ec2_override() -> aws_sdk_ec2::config::Builder {
    aws_sdk_ec2::Config::builder().retry_classifier(PageForPeople)
}

fn autoscaling_override() -> aws_sdk_autoscaling::config::Builder {
    aws_sdk_autoscaling::Config::builder().retry_classifier(PageForPeople)
}

/// To ask again would bring the same, for as long as the call's patience lasts.
#[derive(Debug)]
struct PageForPeople;

impl ClassifyRetry for PageForPeople {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        if context.response().is_some_and(is_page_for_people) { RetryAction::RetryForbidden } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "a page for people"
    }
}
