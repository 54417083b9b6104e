//! The actions, a file each, and the order in which every one of them goes about its request:
//! read it, refuse what is not known, check permission, stop if it is a dry run, act.

mod assume_role;
mod auto_scaling;
mod copy_image;
mod create_image;
mod create_launch_configuration;
mod create_launch_template;
mod create_launch_template_version;
mod create_snapshot;
mod create_tags;
mod delete_launch_configuration;
mod delete_launch_template;
mod delete_launch_template_versions;
mod delete_snapshot;
mod delete_tags;
mod deregister_image;
mod describe_availability_zones;
mod describe_image_attribute;
mod describe_image_references;
mod describe_images;
mod describe_instance_image_metadata;
mod describe_instances;
mod describe_launch_configurations;
mod describe_launch_template_versions;
mod describe_launch_templates;
mod describe_locked_snapshots;
mod describe_regions;
mod describe_snapshot_attribute;
mod describe_snapshot_tier_status;
mod describe_snapshots;
mod describe_tags;
mod describe_volumes;
mod disable_image;
mod disable_image_deprecation;
mod disable_image_deregistration_protection;
mod enable_image;
mod enable_image_deprecation;
mod enable_image_deregistration_protection;
mod get_caller_identity;
mod get_image_ancestry;
mod list_images_in_recycle_bin;
mod list_snapshots_in_recycle_bin;
mod lock_snapshot;
mod modify_image_attribute;
mod modify_launch_template;
mod modify_snapshot_attribute;
mod modify_snapshot_tier;
mod register_image;
mod reset_image_attribute;
mod reset_snapshot_attribute;
mod restore_image_from_recycle_bin;
mod restore_snapshot_from_recycle_bin;
mod restore_snapshot_tier;
mod run_instances;
mod start_instances;
mod stop_instances;
mod sts;
mod terminate_instances;
mod unlock_snapshot;

pub(crate) use self::auto_scaling::auto_scaling;
use self::copy_image::CopyImage;
use self::create_image::CreateImage;
use self::create_launch_template::CreateLaunchTemplate;
use self::create_launch_template_version::CreateLaunchTemplateVersion;
use self::create_snapshot::CreateSnapshot;
use self::create_tags::CreateTags;
use self::delete_launch_template::DeleteLaunchTemplate;
use self::delete_launch_template_versions::DeleteLaunchTemplateVersions;
use self::delete_snapshot::DeleteSnapshot;
use self::delete_tags::DeleteTags;
use self::deregister_image::DeregisterImage;
use self::describe_availability_zones::DescribeAvailabilityZones;
use self::describe_image_attribute::DescribeImageAttribute;
use self::describe_image_references::DescribeImageReferences;
use self::describe_images::DescribeImages;
use self::describe_instance_image_metadata::DescribeInstanceImageMetadata;
use self::describe_instances::DescribeInstances;
use self::describe_launch_template_versions::DescribeLaunchTemplateVersions;
use self::describe_launch_templates::DescribeLaunchTemplates;
use self::describe_locked_snapshots::DescribeLockedSnapshots;
use self::describe_regions::DescribeRegions;
use self::describe_snapshot_attribute::DescribeSnapshotAttribute;
use self::describe_snapshot_tier_status::DescribeSnapshotTierStatus;
use self::describe_snapshots::DescribeSnapshots;
use self::describe_tags::DescribeTags;
use self::describe_volumes::DescribeVolumes;
use self::disable_image::DisableImage;
use self::disable_image_deprecation::DisableImageDeprecation;
use self::disable_image_deregistration_protection::DisableImageDeregistrationProtection;
use self::enable_image::EnableImage;
use self::enable_image_deprecation::EnableImageDeprecation;
use self::enable_image_deregistration_protection::EnableImageDeregistrationProtection;
use self::get_image_ancestry::GetImageAncestry;
use self::list_images_in_recycle_bin::ListImagesInRecycleBin;
use self::list_snapshots_in_recycle_bin::ListSnapshotsInRecycleBin;
use self::lock_snapshot::LockSnapshot;
use self::modify_image_attribute::ModifyImageAttribute;
use self::modify_launch_template::ModifyLaunchTemplate;
use self::modify_snapshot_attribute::ModifySnapshotAttribute;
use self::modify_snapshot_tier::ModifySnapshotTier;
use self::register_image::RegisterImage;
use self::reset_image_attribute::ResetImageAttribute;
use self::reset_snapshot_attribute::ResetSnapshotAttribute;
use self::restore_image_from_recycle_bin::RestoreImageFromRecycleBin;
use self::restore_snapshot_from_recycle_bin::RestoreSnapshotFromRecycleBin;
use self::restore_snapshot_tier::RestoreSnapshotTier;
use self::run_instances::RunInstances;
use self::start_instances::StartInstances;
use self::stop_instances::StopInstances;
pub(crate) use self::sts::{is_sts, sts};
use self::terminate_instances::TerminateInstances;
use self::unlock_snapshot::UnlockSnapshot;
use crate::error::Error;
use crate::query::Params;
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::throttle;
use crate::xml::Xml;

/// One action: what it can be asked, and what it then does.
trait Action: Sized {
    const NAME: &str;

    /// Reads the request, without a look at the world.
    fn take(params: &mut Params) -> Result<Self, Error>;

    /// The existing resources that it concerns, where EC2 asks for permission for each of them ("Actions,
    /// resources, and condition keys for Amazon EC2").
    fn resources(&self) -> Vec<ResourceId> {
        Vec::new()
    }

    /// Acts, and writes the answer. Whoever returns an error has changed nothing.
    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error>;
}

/// Performs an action of EC2 by its name.
pub(crate) fn ec2(action: &str, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
    let run = match action {
        CopyImage::NAME => run::<CopyImage>,
        CreateImage::NAME => run::<CreateImage>,
        CreateLaunchTemplate::NAME => run::<CreateLaunchTemplate>,
        CreateLaunchTemplateVersion::NAME => run::<CreateLaunchTemplateVersion>,
        CreateSnapshot::NAME => run::<CreateSnapshot>,
        CreateTags::NAME => run::<CreateTags>,
        DeleteLaunchTemplate::NAME => run::<DeleteLaunchTemplate>,
        DeleteLaunchTemplateVersions::NAME => run::<DeleteLaunchTemplateVersions>,
        DeleteSnapshot::NAME => run::<DeleteSnapshot>,
        DeleteTags::NAME => run::<DeleteTags>,
        DeregisterImage::NAME => run::<DeregisterImage>,
        DescribeAvailabilityZones::NAME => run::<DescribeAvailabilityZones>,
        DescribeImageAttribute::NAME => run::<DescribeImageAttribute>,
        DescribeImageReferences::NAME => run::<DescribeImageReferences>,
        DescribeImages::NAME => run::<DescribeImages>,
        DescribeInstanceImageMetadata::NAME => run::<DescribeInstanceImageMetadata>,
        DescribeInstances::NAME => run::<DescribeInstances>,
        DescribeLaunchTemplateVersions::NAME => run::<DescribeLaunchTemplateVersions>,
        DescribeLaunchTemplates::NAME => run::<DescribeLaunchTemplates>,
        DescribeLockedSnapshots::NAME => run::<DescribeLockedSnapshots>,
        DescribeRegions::NAME => run::<DescribeRegions>,
        DescribeSnapshotAttribute::NAME => run::<DescribeSnapshotAttribute>,
        DescribeSnapshotTierStatus::NAME => run::<DescribeSnapshotTierStatus>,
        DescribeSnapshots::NAME => run::<DescribeSnapshots>,
        DescribeTags::NAME => run::<DescribeTags>,
        DescribeVolumes::NAME => run::<DescribeVolumes>,
        DisableImage::NAME => run::<DisableImage>,
        DisableImageDeprecation::NAME => run::<DisableImageDeprecation>,
        DisableImageDeregistrationProtection::NAME => run::<DisableImageDeregistrationProtection>,
        EnableImage::NAME => run::<EnableImage>,
        EnableImageDeprecation::NAME => run::<EnableImageDeprecation>,
        EnableImageDeregistrationProtection::NAME => run::<EnableImageDeregistrationProtection>,
        GetImageAncestry::NAME => run::<GetImageAncestry>,
        ListImagesInRecycleBin::NAME => run::<ListImagesInRecycleBin>,
        ListSnapshotsInRecycleBin::NAME => run::<ListSnapshotsInRecycleBin>,
        LockSnapshot::NAME => run::<LockSnapshot>,
        ModifyImageAttribute::NAME => run::<ModifyImageAttribute>,
        ModifyLaunchTemplate::NAME => run::<ModifyLaunchTemplate>,
        ModifySnapshotAttribute::NAME => run::<ModifySnapshotAttribute>,
        ModifySnapshotTier::NAME => run::<ModifySnapshotTier>,
        RegisterImage::NAME => run::<RegisterImage>,
        ResetImageAttribute::NAME => run::<ResetImageAttribute>,
        ResetSnapshotAttribute::NAME => run::<ResetSnapshotAttribute>,
        RestoreImageFromRecycleBin::NAME => run::<RestoreImageFromRecycleBin>,
        RestoreSnapshotFromRecycleBin::NAME => run::<RestoreSnapshotFromRecycleBin>,
        RestoreSnapshotTier::NAME => run::<RestoreSnapshotTier>,
        RunInstances::NAME => run::<RunInstances>,
        StartInstances::NAME => run::<StartInstances>,
        StopInstances::NAME => run::<StopInstances>,
        TerminateInstances::NAME => run::<TerminateInstances>,
        UnlockSnapshot::NAME => run::<UnlockSnapshot>,
        _ => return Err(invalid_action(action)),
    };
    throttle::charge(action, scope)?;
    run(scope, answer)
}

fn run<A: Action>(scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
    let mut params = Params::new(scope.form);
    params.ignore(&["Action", "Version"]);
    let dry_run = params.boolean("DryRun")?.unwrap_or(false);
    let action = A::take(&mut params)?;
    params.finish()?;
    scope.authorize_on(A::NAME, &action.resources())?;
    if dry_run {
        return Err(Error::dry_run());
    }
    perform(action, scope, answer)
}

/// Acts, at last. Whoever reads may see what is past; whoever changes something changes what there is.
fn perform<A: Action>(action: A, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
    let reads = ["Describe", "List"].iter().any(|verb| A::NAME.starts_with(verb));
    let view = if reads { scope.world.stale_view(&scope.account, &scope.region) } else { None };
    match view {
        None => action.perform(scope, answer),
        Some(view) => {
            let present = std::mem::replace(scope.here_mut(), view);
            let performed = action.perform(scope, answer);
            *scope.here_mut() = present;
            performed
        }
    }
}

/// There is no such action, or the endpoint does not know it.
pub(crate) fn invalid_action(action: &str) -> Error {
    Error::new("InvalidAction", format!("The action {action} is not valid for this web service."))
}
