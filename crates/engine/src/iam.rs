//! The least IAM policy, made from the table of the calls this program makes.
//!
//! Which resources and condition keys an action knows is AWS's Service Authorization Reference (`ec2-semantics` section 9).

use serde_json::{Value, json};

use planner::policy::file::RoleArn;

use crate::call::Call;

/// Work that can be permitted by itself, so that the host that makes backups need not be able to delete them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// `image-instance` and `resume`.
    Create,
    /// `purge-expired-amis`.
    Purge,
    /// What `run`, `plan`, `status`, `pin`, `unpin` and `expire` need beside these.
    Policy,
}

/// How a call can be confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Confinement {
    /// Reading knows neither resources nor tags.
    Reads,
    /// Makes images and snapshots, which must bear our mark from birth.
    Makes,
    /// Changes tags of images and snapshots that bear our mark.
    Tags,
    /// Deprecates and protects images that bear our mark.
    Mends,
    /// Deletes images and snapshots that bear our mark.
    Deletes,
}

fn needed_for(call: Call) -> (&'static [Work], Confinement) {
    match call {
        Call::DescribeRegions | Call::DescribeImages => (&[Work::Create, Work::Purge, Work::Policy], Confinement::Reads),
        Call::DescribeInstances => (&[Work::Create, Work::Policy], Confinement::Reads),
        Call::DescribeVolumes => (&[Work::Policy], Confinement::Reads),
        Call::DescribeSnapshots => (&[Work::Purge, Work::Policy], Confinement::Reads),
        Call::DescribeImageReferences
        | Call::DescribeLaunchConfigurations
        | Call::DescribeLockedSnapshots
        | Call::ListImagesInRecycleBin
        | Call::ListSnapshotsInRecycleBin => (&[Work::Purge], Confinement::Reads),
        Call::CreateImage | Call::CopyImage => (&[Work::Create], Confinement::Makes),
        Call::CreateTags | Call::DeleteTags => (&[Work::Policy], Confinement::Tags),
        Call::EnableImageDeprecation | Call::EnableImageDeregistrationProtection => (&[Work::Policy], Confinement::Mends),
        Call::DeregisterImage | Call::DeleteSnapshot => (&[Work::Purge], Confinement::Deletes),
    }
}

/// What `DescribeImageReferences` looks into on behalf of its caller (AWS's managed policy
/// `AmazonEC2ImageReferencesAccessPolicy`, `ec2-semantics` 6.3).
const LOOKED_INTO_FOR_REFERENCES: [&str; 8] = [
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeLaunchTemplates",
    "imagebuilder:GetContainerRecipe",
    "imagebuilder:ListContainerRecipes",
    "imagebuilder:ListImageRecipes",
    "ssm:DescribeParameters",
    "ssm:GetParameters",
];

/// The least policy for this work, as a policy document.
pub fn policy(works: &[Work]) -> Value {
    document(statements(works))
}

/// The same for whoever assumes these roles in other accounts, beside its work in its own.
pub fn hub(works: &[Work], roles: &[&RoleArn]) -> Value {
    let mut all = if works.is_empty() { Vec::new() } else { statements(works) };
    let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    all.push(json!({ "Sid": "EnterOtherAccounts", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": roles }));
    document(all)
}

fn document(statements: Vec<Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn statements(works: &[Work]) -> Vec<Value> {
    let actions = |confinement: Confinement| -> Vec<String> {
        let mut actions: Vec<String> = Call::ALL
            .into_iter()
            .filter(|call| {
                let (needed, how) = needed_for(*call);
                how == confinement && works.iter().any(|work| needed.contains(work))
            })
            .map(Call::permission)
            .collect();
        actions.sort();
        actions
    };
    let images_and_snapshots = json!(["arn:aws:ec2:*::image/*", "arn:aws:ec2:*::snapshot/*"]);
    let marked = planner::tags::OUR_MARK;
    let mut statements = vec![json!({
        "Sid": "Discover",
        "Effect": "Allow",
        "Action": actions(Confinement::Reads),
        "Resource": "*",
    })];
    if works.contains(&Work::Create) {
        statements.extend([
            json!({
                "Sid": "CreateFromInstance",
                "Effect": "Allow",
                "Action": "ec2:CreateImage",
                "Resource": "arn:aws:ec2:*:*:instance/*",
            }),
            json!({
                "Sid": "CreateOnlyMarked",
                "Effect": "Allow",
                "Action": actions(Confinement::Makes),
                "Resource": images_and_snapshots,
                "Condition": { "StringEquals": { "aws:RequestTag/Creator": marked } },
            }),
            // The source of a copy is an image without a request tag; it cannot be confined by its own tags.
            json!({
                "Sid": "CopyOnlyOwn",
                "Effect": "Allow",
                "Action": "ec2:CopyImage",
                "Resource": "arn:aws:ec2:*::image/*",
                "Condition": { "StringEquals": { "ec2:Owner": "${aws:PrincipalAccount}" } },
            }),
            // Whoever could tag an existing image as ours could have it purged.
            json!({
                "Sid": "TagOnlyWhileCreating",
                "Effect": "Allow",
                "Action": "ec2:CreateTags",
                "Resource": images_and_snapshots,
                "Condition": {
                    "StringEquals": {
                        "aws:RequestTag/Creator": marked,
                        "ec2:CreateAction": ["CopyImage", "CreateImage"],
                    },
                },
            }),
            json!({
                "Sid": "EncryptCopies",
                "Effect": "Allow",
                "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                "Resource": "arn:aws:kms:*:*:key/*",
                "Condition": { "StringLike": { "kms:ViaService": "ec2.*.amazonaws.com" } },
            }),
            json!({
                "Sid": "GrantKeysToEbs",
                "Effect": "Allow",
                "Action": "kms:CreateGrant",
                "Resource": "arn:aws:kms:*:*:key/*",
                "Condition": {
                    "Bool": { "kms:GrantIsForAWSResource": "true" },
                    "StringLike": { "kms:ViaService": "ec2.*.amazonaws.com" },
                },
            }),
        ]);
    }
    if works.contains(&Work::Policy) {
        statements.push(json!({
            "Sid": "MendOnlyMarked",
            "Effect": "Allow",
            "Action": actions(Confinement::Mends),
            "Resource": "arn:aws:ec2:*::image/*",
            "Condition": { "StringEquals": { "aws:ResourceTag/Creator": marked } },
        }));
        // A missing set of keys would satisfy `ForAllValues`.
        statements.push(json!({
            "Sid": "PinAndExpireOnlyMarked",
            "Effect": "Allow",
            "Action": actions(Confinement::Tags),
            "Resource": images_and_snapshots,
            "Condition": {
                "StringEquals": { "aws:ResourceTag/Creator": marked },
                "ForAllValues:StringEquals": { "aws:TagKeys": ["Expire", planner::tags::PIN] },
                "Null": { "aws:TagKeys": "false" },
            },
        }));
    }
    if works.contains(&Work::Purge) {
        let reads = actions(Confinement::Reads);
        let looked_into: Vec<&str> =
            LOOKED_INTO_FOR_REFERENCES.into_iter().filter(|action| !reads.iter().any(|read| read == action)).collect();
        statements.extend([
            // Parameters may hold secrets: they are EC2's to read, for this one call, and not the caller's.
            json!({
                "Sid": "LetEc2FindReferences",
                "Effect": "Allow",
                "Action": looked_into,
                "Resource": "*",
                "Condition": { "ForAnyValue:StringEquals": { "aws:CalledVia": "ec2-images.amazonaws.com" } },
            }),
            json!({
                "Sid": "PurgeOnlyMarked",
                "Effect": "Allow",
                "Action": actions(Confinement::Deletes),
                "Resource": images_and_snapshots,
                "Condition": { "StringEquals": { "aws:ResourceTag/Creator": marked } },
            }),
        ]);
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_in_the_whole_policy() {
        let policy = policy(&[Work::Create, Work::Purge, Work::Policy]).to_string();
        for call in Call::ALL {
            assert!(policy.contains(&format!("\"{}\"", call.permission())), "{}", call.name());
        }
    }

    #[test]
    fn a_hub_may_enter_the_accounts_of_its_policy_and_no_others() {
        let role: RoleArn = "arn:aws:iam::210987654321:role/ami-backup".parse().unwrap();
        let only_enters = hub(&[], &[&role]);
        let statements = only_enters["Statement"].as_array().unwrap();
        assert_eq!(statements.len(), 1);
        assert_eq!((&statements[0]["Action"], &statements[0]["Resource"]), (&json!("sts:AssumeRole"), &json!([role.as_str()])));
        let whole = [Work::Create, Work::Purge, Work::Policy];
        let of_its_own = policy(&whole)["Statement"].as_array().unwrap().len();
        assert_eq!(hub(&whole, &[&role])["Statement"].as_array().unwrap().len(), of_its_own + 1);
    }

    #[test]
    fn who_makes_backups_need_not_be_able_to_delete_them() {
        let create = policy(&[Work::Create]).to_string();
        assert!(!create.contains("Delete") && !create.contains("Deregister"));
        let purge = policy(&[Work::Purge]).to_string();
        assert!(!purge.contains("CreateImage") && !purge.contains("CreateTags"));
    }

    #[test]
    fn who_acts_by_a_policy_can_protect_what_is_ours_and_lift_no_protection() {
        let policy = policy(&[Work::Create, Work::Purge, Work::Policy]);
        assert!(!policy.to_string().contains("ec2:Disable"));
        let statements = policy["Statement"].as_array().unwrap();
        let mending = statements.iter().find(|statement| statement["Sid"] == "MendOnlyMarked").unwrap();
        assert_eq!(mending["Action"], json!(["ec2:EnableImageDeprecation", "ec2:EnableImageDeregistrationProtection"]));
        assert_eq!(mending["Resource"], "arn:aws:ec2:*::image/*");
        assert_eq!(mending["Condition"], json!({ "StringEquals": { "aws:ResourceTag/Creator": "image-instance" } }));
    }

    #[test]
    fn who_makes_backups_sees_nothing_that_only_a_purge_needs() {
        let create = policy(&[Work::Create]).to_string();
        // Tags are set in the creating calls, too, and that takes the same permission.
        let only_others = |call: &Call| !needed_for(*call).0.contains(&Work::Create) && *call != Call::CreateTags;
        for call in Call::ALL.into_iter().filter(only_others) {
            assert!(!create.contains(call.name()), "{}", call.name());
        }
        assert!(!create.contains("aws:CalledVia"));
    }

    #[test]
    fn what_ec2_looks_into_for_us_we_cannot_look_into_ourselves() {
        let purge = policy(&[Work::Purge]);
        let statements = purge["Statement"].as_array().unwrap();
        for permission in LOOKED_INTO_FOR_REFERENCES {
            let allows = |statement: &&Value| statement["Action"].to_string().contains(&format!("\"{permission}\""));
            let found: Vec<&Value> = statements.iter().filter(allows).collect();
            assert_eq!(found.len(), 1, "{permission}");
            assert_eq!(found[0]["Sid"], "LetEc2FindReferences", "{permission}");
        }
    }
}
