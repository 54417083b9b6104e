//! `ModifyImageAttribute`: the description of an image, or with whom it is shared. One of them at a time.

use std::collections::BTreeSet;

use super::Action;
use super::enable_image_deprecation::public_limit;
use crate::error::Error;
use crate::id::{AccountId, ImageId};
use crate::naming::check_description;
use crate::query::Params;
use crate::reference::{image_id, unavailable};
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::world::{Image, ImageState, Region};
use crate::xml::Xml;

/// Public images that an account may have in a region; those in the Recycle Bin count.
const PUBLIC_IMAGES: usize = 5;

pub(super) struct ModifyImageAttribute {
    image_id: ImageId,
    change: Change,
}

enum Change {
    Description(String),
    LaunchPermission { add: Permissions, remove: Permissions },
}

/// Everybody, and some accounts.
#[derive(Default, PartialEq)]
struct Permissions {
    all: bool,
    accounts: BTreeSet<AccountId>,
}

impl Action for ModifyImageAttribute {
    const NAME: &str = "ModifyImageAttribute";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { image_id: image_id(&params.required("ImageId")?)?, change: Change::take(params)? })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Image(self.image_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let public_images = public_images(scope.here());
        let image = scope.own_image_mut(&self.image_id)?;
        // Seen on a pending image (ec2imgutils issue 45). A disabled one cannot be shared.
        let sharing = matches!(self.change, Change::LaunchPermission { .. });
        if matches!(image.state, ImageState::Pending | ImageState::Failed) || sharing && image.state == ImageState::Disabled {
            return Err(unavailable(image));
        }
        match self.change {
            Change::Description(text) => {
                check_description(Some(&text))?;
                image.description = Some(text).filter(|text| !text.is_empty());
            }
            Change::LaunchPermission { add, remove } => {
                if add.all && !image.public && public_images >= PUBLIC_IMAGES {
                    return Err(Error::new(
                        "ResourceLimitExceeded",
                        format!("You have reached your quota of {PUBLIC_IMAGES} for the number of public images allowed in this Region."),
                    ));
                }
                share(image, add, &remove);
            }
        }
        answer.leaf("return", true);
        Ok(())
    }
}

impl Change {
    fn take(params: &mut Params) -> Result<Self, Error> {
        let attribute = params.text("Attribute");
        if attribute.as_deref().is_some_and(|name| !matches!(name, "description" | "launchPermission")) {
            let name = attribute.unwrap_or_default();
            return Err(Error::invalid_parameter_value(format!("Value ({name}) for parameter attribute is invalid. Unknown attribute.")));
        }
        let mut description = params.structure("Description");
        let mut text = description.given("Value");
        description.finish()?;
        if attribute.as_deref() == Some("description") {
            text = text.or(params.given("Value"));
        }

        let mut modifications = params.structure("LaunchPermission");
        let mut add = Permissions::take(&mut modifications, "Add")?;
        let mut remove = Permissions::take(&mut modifications, "Remove")?;
        modifications.finish()?;
        let flat = Permissions::read(params.list("UserId"), params.list("UserGroup"))?;
        match params.text("OperationType").as_deref() {
            Some("add") => add.extend(flat),
            Some("remove") => remove.extend(flat),
            None if flat == Permissions::default() => {}
            None => return Err(Error::missing_parameter("OperationType")),
            Some(other) => {
                return Err(Error::invalid_parameter_value(format!("Value ({other}) for parameter operationType is invalid.")));
            }
        }
        let nobody = add == Permissions::default() && remove == Permissions::default();
        match (text, nobody) {
            (Some(text), true) => Ok(Self::Description(text)),
            (None, false) => Ok(Self::LaunchPermission { add, remove }),
            (None, true) => Err(Error::invalid_parameter_combination("No attributes specified.")),
            (Some(_), false) => Err(Error::invalid_parameter_combination("Fields for multiple attribute types specified.")),
        }
    }
}

impl Permissions {
    fn take(modifications: &mut Params, name: &str) -> Result<Self, Error> {
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        for mut permission in modifications.structures(name) {
            users.extend(permission.text("UserId"));
            groups.extend(permission.text("Group"));
            permission.finish()?;
        }
        Self::read(users, groups)
    }

    /// One that is malformed makes the whole call fail.
    fn read(users: Vec<String>, groups: Vec<String>) -> Result<Self, Error> {
        if let Some(group) = groups.iter().find(|group| *group != "all") {
            return Err(invalid_item("userGroup", group));
        }
        let accounts = users.iter().map(|user| user.parse().map_err(|_| invalid_item("userId", user))).collect::<Result<_, _>>()?;
        Ok(Self { all: !groups.is_empty(), accounts })
    }

    fn extend(&mut self, other: Self) {
        self.all |= other.all;
        self.accounts.extend(other.accounts);
    }
}

fn share(image: &mut Image, add: Permissions, remove: &Permissions) {
    image.launch_permissions.extend(add.accounts);
    image.launch_permissions.retain(|account| !remove.accounts.contains(account));
    let public = (image.public || add.all) && !remove.all;
    if public && !image.public {
        // A public image is deprecated after two years at the latest ("Deprecate an Amazon EC2 AMI").
        let limit = public_limit(image);
        image.deprecation_time = Some(image.deprecation_time.map_or(limit, |at| at.min(limit)));
    }
    image.public = public;
}

fn public_images(here: &Region) -> usize {
    let binned = here.recycle_bin.images.values().map(|binned| &binned.item);
    here.images.values().chain(binned).filter(|image| image.public).count()
}

fn invalid_item(kind: &str, text: &str) -> Error {
    Error::new("InvalidAMIAttributeItemValue", format!("Invalid attribute item value \"{text}\" for {kind} item type."))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, DB, WEB, noon};
    use crate::world::World;

    const OTHER: &str = "210987654321";

    fn example() -> Client {
        let mut world = World::example(1, noon());
        world.access_keys.insert("AKIDOTHER".to_owned(), OTHER.parse().unwrap());
        Client::of(world)
    }

    #[test]
    fn shares_with_accounts_and_with_everybody() {
        let ec2 = example();
        let id = ec2.available_image(WEB, "nightly");
        let other = ec2.with_key("AKIDOTHER");
        let seen = || other.call("DescribeImages", &[("ImageId.1", &id)]).status == 200;
        let modify = |more: &[(&str, &str)]| ec2.ok("ModifyImageAttribute", &[&[("ImageId", &id[..])], more].concat());
        assert!(!seen());
        modify(&[("LaunchPermission.Add.1.UserId", OTHER)]);
        assert!(seen());
        modify(&[("Attribute", "launchPermission"), ("OperationType", "remove"), ("UserId.1", OTHER)]);
        assert!(!seen());
        modify(&[("Attribute", "launchPermission"), ("OperationType", "add"), ("UserGroup.1", "all")]);
        assert!(seen());
        assert_eq!(ec2.image(&id).deprecation_time.unwrap().to_string(), "2028-11-22T12:00:00Z");
        modify(&[("LaunchPermission.Remove.1.Group", "all"), ("LaunchPermission.Remove.2.UserId", OTHER)]);
        assert!(!seen());
    }

    #[test]
    fn disabling_ends_sharing_for_good() {
        let ec2 = example();
        let id = ec2.available_image(WEB, "nightly");
        let share = [("ImageId", &id[..]), ("LaunchPermission.Add.1.UserId", OTHER)];
        ec2.ok("ModifyImageAttribute", &share);
        ec2.ok("DisableImage", &[("ImageId", &id)]);
        assert_eq!(
            ec2.error("ModifyImageAttribute", &share),
            format!("InvalidAMIID.Unavailable: The AMI ID '{id}' is currently disabled and may not be used for this operation")
        );
        ec2.ok("ModifyImageAttribute", &[("ImageId", &id), ("Description.Value", "out of use")]);
        ec2.ok("EnableImage", &[("ImageId", &id)]);
        assert!(ec2.image(&id).launch_permissions.is_empty());
    }

    #[test]
    fn describes_anew() {
        let ec2 = example();
        let id = ec2.available_image(WEB, "nightly");
        let described = || ec2.image(&id).description;
        ec2.ok("ModifyImageAttribute", &[("ImageId", &id), ("Description.Value", "before the upgrade")]);
        assert_eq!(described().as_deref(), Some("before the upgrade"));
        ec2.ok("ModifyImageAttribute", &[("ImageId", &id), ("Attribute", "description"), ("Value", "after it")]);
        assert_eq!(described().as_deref(), Some("after it"));
        ec2.ok("ModifyImageAttribute", &[("ImageId", &id), ("Attribute", "description"), ("Value", "")]);
        assert_eq!(described(), None);
    }

    #[test]
    fn needs_an_image_of_ones_own_that_is_not_pending() {
        let ec2 = example();
        let id = ec2.create_image(DB, "nightly");
        let modify = |id: &str| ec2.error("ModifyImageAttribute", &[("ImageId", id), ("Description.Value", "mine")]);
        assert_eq!(
            modify(&id),
            format!("InvalidAMIID.Unavailable: The AMI ID '{id}' is currently pending and may not be used for this operation")
        );
        assert!(modify("ami-12345678").starts_with("AuthFailure"));
        assert!(modify("ami-00000000").starts_with("InvalidAMIID.NotFound"));
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = example();
        let id = ec2.available_image(WEB, "nightly");
        let refused = |more: &[(&str, &str)]| ec2.error("ModifyImageAttribute", &[&[("ImageId", &id[..])], more].concat());
        assert_snapshot!(refused(&[]), @"InvalidParameterCombination: No attributes specified.");
        assert_snapshot!(
            refused(&[("Description.Value", "x"), ("LaunchPermission.Add.1.Group", "all")]),
            @"InvalidParameterCombination: Fields for multiple attribute types specified."
        );
        assert_snapshot!(
            refused(&[("LaunchPermission.Add.1.UserId", OTHER), ("LaunchPermission.Add.2.UserId", "me")]),
            @r#"InvalidAMIAttributeItemValue: Invalid attribute item value "me" for userId item type."#
        );
        assert_snapshot!(
            refused(&[("LaunchPermission.Add.1.Group", "everyone")]),
            @r#"InvalidAMIAttributeItemValue: Invalid attribute item value "everyone" for userGroup item type."#
        );
        assert_snapshot!(refused(&[("UserId.1", OTHER)]), @"MissingParameter: The request must contain the parameter OperationType");
        assert_snapshot!(
            refused(&[("OperationType", "share")]),
            @"InvalidParameterValue: Value (share) for parameter operationType is invalid."
        );
        assert_snapshot!(
            refused(&[("Attribute", "kernel"), ("Value", "x")]),
            @"InvalidParameterValue: Value (kernel) for parameter attribute is invalid. Unknown attribute."
        );
        assert!(refused(&[("Description.Value", &"x".repeat(256))]).starts_with("InvalidParameterValue"));
        assert!(ec2.image(&id).launch_permissions.is_empty());
    }

    #[test]
    fn five_images_may_be_public() {
        let ec2 = example();
        let source = ec2.available_image(WEB, "source");
        let snapshot = ec2.snapshots_of(&source)[0].id.to_string();
        let publish = |number: usize| {
            let name = format!("image {number}");
            let params = [
                ("Name", &name[..]),
                ("RootDeviceName", "/dev/sda1"),
                ("BlockDeviceMapping.1.DeviceName", "/dev/sda1"),
                ("BlockDeviceMapping.1.Ebs.SnapshotId", &snapshot),
            ];
            let id = ec2.ok("RegisterImage", &params).text("imageId");
            ec2.call("ModifyImageAttribute", &[("ImageId", &id), ("LaunchPermission.Add.1.Group", "all")])
        };
        assert!((0..5).all(|number| publish(number).status == 200));
        assert_snapshot!(
            publish(5).text("Message"),
            @"You have reached your quota of 5 for the number of public images allowed in this Region."
        );
    }
}
