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
        copy_image::CopyImage::NAME => run::<copy_image::CopyImage>,
        create_image::CreateImage::NAME => run::<create_image::CreateImage>,
        create_snapshot::CreateSnapshot::NAME => run::<create_snapshot::CreateSnapshot>,
        create_tags::CreateTags::NAME => run::<create_tags::CreateTags>,
        delete_snapshot::DeleteSnapshot::NAME => run::<delete_snapshot::DeleteSnapshot>,
        delete_tags::DeleteTags::NAME => run::<delete_tags::DeleteTags>,
        deregister_image::DeregisterImage::NAME => run::<deregister_image::DeregisterImage>,
        describe_availability_zones::DescribeAvailabilityZones::NAME => run::<describe_availability_zones::DescribeAvailabilityZones>,
        describe_images::DescribeImages::NAME => run::<describe_images::DescribeImages>,
        describe_instances::DescribeInstances::NAME => run::<describe_instances::DescribeInstances>,
        describe_regions::DescribeRegions::NAME => run::<describe_regions::DescribeRegions>,
        describe_snapshots::DescribeSnapshots::NAME => run::<describe_snapshots::DescribeSnapshots>,
        describe_tags::DescribeTags::NAME => run::<describe_tags::DescribeTags>,
        describe_volumes::DescribeVolumes::NAME => run::<describe_volumes::DescribeVolumes>,
        disable_image::DisableImage::NAME => run::<disable_image::DisableImage>,
        disable_image_deregistration_protection::DisableImageDeregistrationProtection::NAME => {
            run::<disable_image_deregistration_protection::DisableImageDeregistrationProtection>
        }
        enable_image::EnableImage::NAME => run::<enable_image::EnableImage>,
        enable_image_deregistration_protection::EnableImageDeregistrationProtection::NAME => {
            run::<enable_image_deregistration_protection::EnableImageDeregistrationProtection>
        }
        register_image::RegisterImage::NAME => run::<register_image::RegisterImage>,
        run_instances::RunInstances::NAME => run::<run_instances::RunInstances>,
        start_instances::StartInstances::NAME => run::<start_instances::StartInstances>,
        stop_instances::StopInstances::NAME => run::<stop_instances::StopInstances>,
        terminate_instances::TerminateInstances::NAME => run::<terminate_instances::TerminateInstances>,
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
