//! The actions of EC2, a file each, and the order in which every one of them goes about its request:
//! read it, refuse what is not known, check permission, stop if it is a dry run, act.

mod copy_image;
mod create_image;
mod create_snapshot;
mod create_tags;
mod delete_snapshot;
mod delete_tags;
mod deregister_image;
mod describe_availability_zones;
mod describe_images;
mod describe_instances;
mod describe_regions;
mod describe_snapshots;
mod describe_tags;
mod describe_volumes;
mod disable_image;
mod disable_image_deregistration_protection;
mod enable_image;
mod enable_image_deregistration_protection;
mod get_caller_identity;
mod register_image;
mod run_instances;
mod start_instances;
mod stop_instances;
mod terminate_instances;

use self::copy_image::CopyImage;
use self::create_image::CreateImage;
use self::create_snapshot::CreateSnapshot;
use self::create_tags::CreateTags;
use self::delete_snapshot::DeleteSnapshot;
use self::delete_tags::DeleteTags;
use self::deregister_image::DeregisterImage;
use self::describe_availability_zones::DescribeAvailabilityZones;
use self::describe_images::DescribeImages;
use self::describe_instances::DescribeInstances;
use self::describe_regions::DescribeRegions;
use self::describe_snapshots::DescribeSnapshots;
use self::describe_tags::DescribeTags;
use self::describe_volumes::DescribeVolumes;
use self::disable_image::DisableImage;
use self::disable_image_deregistration_protection::DisableImageDeregistrationProtection;
use self::enable_image::EnableImage;
use self::enable_image_deregistration_protection::EnableImageDeregistrationProtection;
use self::register_image::RegisterImage;
use self::run_instances::RunInstances;
use self::start_instances::StartInstances;
use self::stop_instances::StopInstances;
use self::terminate_instances::TerminateInstances;
use crate::error::Error;
use crate::query::Params;
use crate::scope::Scope;
use crate::throttle;
use crate::xml::Xml;

/// One action: what it can be asked, and what it then does.
trait Action: Sized {
    const NAME: &str;

    /// Reads the request, without a look at the world.
    fn take(params: &mut Params) -> Result<Self, Error>;

    /// Acts, and writes the answer. Whoever returns an error has changed nothing.
    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error>;
}

/// Performs an action of EC2 by its name.
pub(crate) fn ec2(action: &str, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
    let run = match action {
        CopyImage::NAME => run::<CopyImage>,
        CreateImage::NAME => run::<CreateImage>,
        CreateSnapshot::NAME => run::<CreateSnapshot>,
        CreateTags::NAME => run::<CreateTags>,
        DeleteSnapshot::NAME => run::<DeleteSnapshot>,
        DeleteTags::NAME => run::<DeleteTags>,
        DeregisterImage::NAME => run::<DeregisterImage>,
        DescribeAvailabilityZones::NAME => run::<DescribeAvailabilityZones>,
        DescribeImages::NAME => run::<DescribeImages>,
        DescribeInstances::NAME => run::<DescribeInstances>,
        DescribeRegions::NAME => run::<DescribeRegions>,
        DescribeSnapshots::NAME => run::<DescribeSnapshots>,
        DescribeTags::NAME => run::<DescribeTags>,
        DescribeVolumes::NAME => run::<DescribeVolumes>,
        DisableImage::NAME => run::<DisableImage>,
        DisableImageDeregistrationProtection::NAME => run::<DisableImageDeregistrationProtection>,
        EnableImage::NAME => run::<EnableImage>,
        EnableImageDeregistrationProtection::NAME => run::<EnableImageDeregistrationProtection>,
        RegisterImage::NAME => run::<RegisterImage>,
        RunInstances::NAME => run::<RunInstances>,
        StartInstances::NAME => run::<StartInstances>,
        StopInstances::NAME => run::<StopInstances>,
        TerminateInstances::NAME => run::<TerminateInstances>,
        _ => return Err(invalid_action(action)),
    };
    throttle::charge(action, scope)?;
    run(scope, answer)
}

/// Performs an action of STS by its name.
pub(crate) fn sts(action: &str, scope: &Scope, answer: &mut Xml) -> Result<(), Error> {
    match action {
        get_caller_identity::NAME => {
            get_caller_identity::perform(scope, answer);
            Ok(())
        }
        _ => Err(invalid_action(action)),
    }
}

/// Whether an action is one of STS: for requests that do not say which service they are meant for.
pub(crate) fn is_sts(action: &str) -> bool {
    action == get_caller_identity::NAME
}

fn run<A: Action>(scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
    let mut params = Params::new(scope.form);
    params.ignore(&["Action", "Version"]);
    let dry_run = params.boolean("DryRun")?.unwrap_or(false);
    let action = A::take(&mut params)?;
    params.finish()?;
    scope.authorize(A::NAME)?;
    if dry_run {
        return Err(Error::dry_run());
    }
    action.perform(scope, answer)
}

fn invalid_action(action: &str) -> Error {
    Error::new("InvalidAction", format!("The action {action} is not valid for this web service."))
}
