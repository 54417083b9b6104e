//! Names and descriptions of images.

use crate::error::Error;
use crate::scope::Scope;
use crate::world::{Image, ImageState};

/// Characters of a description.
const LONGEST_DESCRIPTION: usize = 255;

/// Refuses a name that EC2 does not allow, or that another image has.
pub(crate) fn check_name(name: &str, scope: &Scope) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "()[] ./-'@_".contains(c);
    if !(3..=128).contains(&name.len()) || !name.chars().all(allowed) {
        return Err(Error::new(
            "InvalidAMIName.Malformed",
            "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, \
             '(', ')', '[', ']', ' ', '.', '/', '-', ''', '@' and '_'",
        ));
    }
    let here = scope.here();
    let binned = here.recycle_bin.images.values().map(|binned| &binned.item).filter(|_| scope.world.manners.binned_images_hold_names);
    check_free(name, registered(scope).chain(binned))
}

/// Refuses a name that a registered image has.
pub(crate) fn check_unregistered(name: &str, scope: &Scope) -> Result<(), Error> {
    check_free(name, registered(scope))
}

/// The registered images that hold their names: whatever their states are, but perhaps for those that have failed.
fn registered<'s>(scope: &'s Scope) -> impl Iterator<Item = &'s Image> {
    let failed = scope.world.manners.failed_images_hold_names;
    scope.here().images.values().filter(move |image| failed || image.state != ImageState::Failed)
}

fn check_free<'i>(name: &str, mut images: impl Iterator<Item = &'i Image>) -> Result<(), Error> {
    match images.find(|image| image.name == name) {
        None => Ok(()),
        Some(holder) => Err(Error::new("InvalidAMIName.Duplicate", format!("AMI name {name} is already in use by AMI {}", holder.id))),
    }
}

/// Refuses a description that is too long.
pub(crate) fn check_description(description: Option<&str>) -> Result<(), Error> {
    if description.is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
        return Err(Error::invalid_parameter_value(format!(
            "Invalid value for description: it must not be longer than {LONGEST_DESCRIPTION} characters"
        )));
    }
    Ok(())
}
