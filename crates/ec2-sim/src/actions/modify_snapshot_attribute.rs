//! `ModifySnapshotAttribute`: shares a snapshot with other accounts, or with everybody, or ends that.

use super::Action;
use super::describe_snapshot_attribute::Attribute;
use crate::error::Error;
use crate::id::{AccountId, SnapshotId};
use crate::query::Params;
use crate::reference::{account_id, archived, snapshot_id};
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::world::Snapshot;
use crate::xml::Xml;

/// More changes in one call are refused.
const MOST: usize = 500;

pub(super) struct ModifySnapshotAttribute {
    snapshot_id: SnapshotId,
    grant: bool,
    accounts: Vec<AccountId>,
    everybody: bool,
}

impl Action for ModifySnapshotAttribute {
    const NAME: &str = "ModifySnapshotAttribute";

    fn take(params: &mut Params) -> Result<Self, Error> {
        if let Some(attribute) = params.text("Attribute") {
            Attribute::changeable(&attribute)?;
        }
        let snapshot_id = snapshot_id(&params.required("SnapshotId")?)?;
        let mut permission = params.structure("CreateVolumePermission");
        let (added, removed) = (take_items(&mut permission, "Add")?, take_items(&mut permission, "Remove")?);
        permission.finish()?;
        // The same can be said in two ways.
        let (users, groups) = (params.list("UserId"), params.list("UserGroup"));
        let operation = params.text("OperationType");
        let (grant, users, groups) = match (operation.as_deref(), added.is_empty(), removed.is_empty()) {
            (Some("add"), true, true) => (true, users, groups),
            (Some("remove"), true, true) => (false, users, groups),
            (None, false, true) if users.is_empty() && groups.is_empty() => (true, added.users, added.groups),
            (None, true, false) if users.is_empty() && groups.is_empty() => (false, removed.users, removed.groups),
            (Some(other), true, true) => {
                return Err(Error::invalid_parameter_value(format!("Value ({other}) for parameter operationType is invalid.")));
            }
            (None, true, true) => return Err(Error::missing_parameter("OperationType")),
            _ => return Err(Error::invalid_parameter_combination("Accounts can be added, or removed, in one way at a time.")),
        };
        if users.len() + groups.len() > MOST {
            return Err(Error::invalid_parameter_value(format!("The maximum number of modifications in one request is {MOST}")));
        }
        if users.is_empty() && groups.is_empty() {
            return Err(Error::missing_parameter("UserId or UserGroup"));
        }
        if let Some(other) = groups.iter().find(|group| *group != "all") {
            return Err(Error::invalid_parameter_value(format!("Value ({other}) for parameter userGroup is invalid.")));
        }
        let accounts = users.iter().map(|user| account_id(user)).collect::<Result<_, _>>()?;
        Ok(Self { snapshot_id, grant, accounts, everybody: !groups.is_empty() })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Snapshot(self.snapshot_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let snapshot = scope.snapshot_mut(&self.snapshot_id)?;
        if self.grant {
            self.check(snapshot)?;
            snapshot.public |= self.everybody;
            snapshot.create_volume_permissions.extend(self.accounts);
        } else {
            snapshot.public &= !self.everybody;
            for account in &self.accounts {
                snapshot.create_volume_permissions.remove(account);
            }
        }
        answer.leaf("return", true);
        Ok(())
    }
}

impl ModifySnapshotAttribute {
    /// What cannot be shared. The code and the text of the last have been seen on EC2.
    fn check(&self, snapshot: &Snapshot) -> Result<(), Error> {
        if snapshot.is_archived() {
            return Err(archived(&snapshot.id));
        }
        if snapshot.encrypted && self.everybody {
            return Err(Error::new("OperationNotPermitted", "Encrypted snapshots cannot be made public"));
        }
        if snapshot.encrypted && snapshot.kms_key_id.as_deref().is_none_or(|key| key == "alias/aws/ebs") {
            return Err(Error::new("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared"));
        }
        Ok(())
    }
}

/// The accounts and groups of one half of `CreateVolumePermission`.
#[derive(Default)]
struct Items {
    users: Vec<String>,
    groups: Vec<String>,
}

impl Items {
    fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }
}

fn take_items(params: &mut Params, name: &str) -> Result<Items, Error> {
    let mut items = Items::default();
    for mut item in params.structures(name) {
        items.users.extend(item.text("UserId"));
        items.groups.extend(item.text("Group"));
        item.finish()?;
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, noon};
    use crate::world::World;

    const OTHER: &str = "210987654321";

    /// A world of two accounts, the caller and another, and a tagged snapshot of the caller's.
    fn two() -> (Client, Client, String) {
        let mut world = World::example(1, noon());
        world.access_keys.insert("AKIDOTHER".to_owned(), OTHER.parse().unwrap());
        let ec2 = Client::of(world);
        let params = [
            ("VolumeId", "vol-0eb1eb1eb1eb10001"),
            ("TagSpecification.1.ResourceType", "snapshot"),
            ("TagSpecification.1.Tag.1.Key", "Creator"),
            ("TagSpecification.1.Tag.1.Value", "image-instance"),
        ];
        let id = ec2.ok("CreateSnapshot", &params).text("snapshotId");
        ec2.wait(60);
        (ec2.clone(), ec2.with_key("AKIDOTHER"), id)
    }

    fn seen(ec2: &Client, params: &[(&str, &str)]) -> usize {
        ec2.ok("DescribeSnapshots", params).texts("snapshotId").len()
    }

    #[test]
    fn what_is_shared_is_seen_by_others_and_is_not_theirs() {
        let (ec2, other, id) = two();
        let by_id = [("SnapshotId.1", &id[..])];
        assert_eq!((seen(&other, &[]), seen(&other, &by_id)), (0, 0));
        ec2.ok("ModifySnapshotAttribute", &[("SnapshotId", &id), ("CreateVolumePermission.Add.1.UserId", OTHER)]);

        assert_eq!((seen(&other, &[]), seen(&other, &by_id)), (1, 1));
        assert_eq!(seen(&other, &[("RestorableBy.1", "self")]), 1);
        assert_eq!(seen(&other, &[("Owner.1", "123456789012")]), 1);
        assert_eq!(seen(&other, &[("Owner.1", "self")]), 0);
        assert_eq!(seen(&other, &[("RestorableBy.1", "all")]), 0);
        // Tags are their owner's.
        assert_eq!(seen(&other, &[("Filter.1.Name", "tag:Creator"), ("Filter.1.Value.1", "image-instance")]), 0);
        assert_eq!(other.ok("DescribeSnapshots", &by_id).texts("key"), [""; 0]);
        assert_eq!(other.ok("DescribeTags", &[]).texts("key"), [""; 0]);
        assert_eq!(seen(&ec2, &[("RestorableBy.1", OTHER)]), 1);
        assert_eq!(seen(&ec2, &[("RestorableBy.1", "111122223333")]), 0);
        assert_eq!(seen(&other.in_region("eu-west-1"), &[]), 0);

        ec2.ok("ModifySnapshotAttribute", &[("SnapshotId", &id), ("CreateVolumePermission.Remove.1.UserId", OTHER)]);
        assert_eq!(seen(&other, &[]), 0);
    }

    #[test]
    fn what_is_public_is_seen_by_everybody() {
        let (ec2, other, id) = two();
        ec2.ok("ModifySnapshotAttribute", &[("SnapshotId", &id), ("OperationType", "add"), ("UserGroup.1", "all")]);
        assert_eq!((seen(&other, &[]), seen(&other, &[("RestorableBy.1", "all")])), (1, 1));
        assert_eq!((seen(&other, &[("RestorableBy.1", "self")]), seen(&other, &[("Owner.1", "self")])), (0, 0));
        ec2.ok("ResetSnapshotAttribute", &[("SnapshotId", &id), ("Attribute", "createVolumePermission")]);
        assert_eq!(seen(&other, &[]), 0);
    }

    #[test]
    fn others_can_make_volumes_of_what_is_shared_and_change_nothing() {
        let (ec2, other, id) = two();
        let run = |ec2: &Client| {
            let image = [("ImageId", "ami-12345678"), ("MinCount", "1"), ("MaxCount", "1")];
            let device = [("BlockDeviceMapping.1.DeviceName", "/dev/sdf"), ("BlockDeviceMapping.1.Ebs.SnapshotId", &id[..])];
            ec2.call("RunInstances", &[&image[..], &device].concat())
        };
        assert_eq!(run(&other).text("Code"), "InvalidSnapshot.NotFound");
        ec2.ok("ModifySnapshotAttribute", &[("SnapshotId", &id), ("OperationType", "add"), ("UserId.1", OTHER)]);
        assert_eq!(run(&other).status, 200);
        let snapshot = ("SnapshotId", &id[..]);
        for (action, params) in [
            ("DeleteSnapshot", &[snapshot][..]),
            ("LockSnapshot", &[snapshot, ("LockMode", "governance"), ("LockDuration", "1")]),
            ("UnlockSnapshot", &[snapshot]),
            ("ModifySnapshotTier", &[snapshot, ("StorageTier", "archive")]),
            ("DescribeSnapshotAttribute", &[snapshot, ("Attribute", "createVolumePermission")]),
            ("ModifySnapshotAttribute", &[snapshot, ("OperationType", "add"), ("UserGroup.1", "all")]),
            ("ResetSnapshotAttribute", &[snapshot, ("Attribute", "createVolumePermission")]),
            ("CreateTags", &[("ResourceId.1", &id), ("Tag.1.Key", "mine")]),
            ("DescribeLockedSnapshots", &[("SnapshotId.1", &id)]),
        ] {
            assert_eq!(other.error(action, params), format!("AuthFailure: Not authorized for snapshot:{id}"), "{action}");
        }
        assert_eq!(other.ok("DescribeSnapshotTierStatus", &[]).texts("snapshotId"), [""; 0]);
        // Its owner can delete it all the same.
        ec2.ok("DeleteSnapshot", &[snapshot]);
        assert_eq!(seen(&other, &[]), 0);
    }

    #[test]
    fn who_copies_a_shared_image_needs_its_snapshots() {
        let (ec2, other, _) = two();
        let image = ec2.available_image(crate::testing::WEB, "nightly");
        let id = ec2.snapshots_of(&image)[0].id.to_string();
        ec2.sim.world().region_mut("us-east-1").images.values_mut().for_each(|image| image.public = true);
        let copy = [("SourceRegion", "us-east-1"), ("SourceImageId", &image[..]), ("Name", "copy")];
        assert_snapshot!(other.error("CopyImage", &copy), @"InvalidRequest: You do not have permission to access the storage of this ami");
        ec2.ok("ModifySnapshotAttribute", &[("SnapshotId", &id), ("OperationType", "add"), ("UserId.1", OTHER)]);
        other.ok("CopyImage", &copy);
    }

    #[test]
    fn what_is_encrypted_is_shared_with_its_key_or_not_at_all() {
        let (ec2, _, id) = two();
        let share = |who| ec2.call("ModifySnapshotAttribute", &[("SnapshotId", &id), ("OperationType", "add"), who]);
        let key = |key: Option<&str>| {
            let mut world = ec2.sim.world();
            let snapshot = world.region_mut("us-east-1").snapshots.get_mut(&id[..]).unwrap();
            (snapshot.encrypted, snapshot.kms_key_id) = (true, key.map(str::to_owned));
        };
        for default in [None, Some("alias/aws/ebs")] {
            key(default);
            assert_eq!(share(("UserId.1", OTHER)).text("Message"), "Encrypted snapshots with EBS default key cannot be shared");
        }
        key(Some("1234abcd-12ab-34cd-56ef-1234567890ab"));
        assert_eq!(share(("UserId.1", OTHER)).status, 200);
        assert_eq!(share(("UserGroup.1", "all")).text("Code"), "OperationNotPermitted");
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let (ec2, _, id) = two();
        let modify = |more: &[(&str, &str)]| ec2.error("ModifySnapshotAttribute", &[&[("SnapshotId", &id[..])], more].concat());
        assert_snapshot!(modify(&[]), @"MissingParameter: The request must contain the parameter OperationType");
        assert_snapshot!(modify(&[("OperationType", "add")]), @"MissingParameter: The request must contain the parameter UserId or UserGroup");
        assert_snapshot!(
            modify(&[("OperationType", "share"), ("UserId.1", OTHER)]),
            @"InvalidParameterValue: Value (share) for parameter operationType is invalid."
        );
        assert_snapshot!(
            modify(&[("CreateVolumePermission.Add.1.UserId", OTHER), ("CreateVolumePermission.Remove.1.Group", "all")]),
            @"InvalidParameterCombination: Accounts can be added, or removed, in one way at a time."
        );
        assert_snapshot!(
            modify(&[("OperationType", "add"), ("UserGroup.1", "friends")]),
            @"InvalidParameterValue: Value (friends) for parameter userGroup is invalid."
        );
        assert_snapshot!(modify(&[("OperationType", "add"), ("UserId.1", "me")]), @r#"InvalidUserID.Malformed: Invalid user id: "me""#);
        assert_snapshot!(
            modify(&[("Attribute", "productCodes"), ("OperationType", "add"), ("UserId.1", OTHER)]),
            @"InvalidParameterValue: Only createVolumePermission can be modified."
        );
        let users: Vec<(String, String)> = (0..501).map(|n| (format!("UserId.{n}"), format!("{n:012}"))).collect();
        let users: Vec<(&str, &str)> = users.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        assert_snapshot!(
            modify(&[&[("OperationType", "add")], &users[..]].concat()),
            @"InvalidParameterValue: The maximum number of modifications in one request is 500"
        );
        let nowhere = [("SnapshotId", "snap-00000000"), ("OperationType", "add"), ("UserId.1", OTHER)];
        assert!(ec2.error("ModifySnapshotAttribute", &nowhere).starts_with("InvalidSnapshot.NotFound"));
    }
}
