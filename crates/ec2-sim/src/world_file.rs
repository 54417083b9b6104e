//! A world written down by hand, in TOML. `world.example.toml`, beside this crate's manifest, shows all of it.
//!
//! Whatever is left out is made up: ids by the seed, zones and devices as EC2 would, snapshots with the
//! descriptions that EC2 gives them. A key that is not known is refused, for it may have been meant to matter.

mod build;
mod holds;
mod protection;
mod recycle_bin;
mod references;
mod volume;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use toml::Spanned;

use self::build::Builder;
use self::holds::{HoldsText, LockText, TierText, TieringText};
use self::protection::ProtectionText;
use self::recycle_bin::{BinText, RetentionRuleText};
use self::references::{LaunchConfigurationText, LaunchTemplateText, ParameterText, RecipeText};
use self::volume::Entry;
use crate::id::{AccountId, ImageId, InstanceId, SnapshotId, VolumeId};
use crate::toml_file::{self, Instant, Length, Problem};
use crate::world::{FailNext, ImageState, InstanceState, ManagedBy, Manners, SnapshotState, StateReason, Tags, World};

/// Reads a world. `now` is what its clock says if the file does not.
pub(crate) fn read(text: &str, now: Option<Timestamp>) -> Result<World, Problem> {
    let file: File = toml_file::read(text)?;
    let clock = file.clock.map(|clock| clock.0).or(now);
    let clock = clock.ok_or_else(|| Problem::new(text, 0..0, "missing `clock`, such as clock = 2026-12-01T02:00:00Z"))?;
    Builder::new(text, clock, &file).build(file)
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    clock: Option<Instant>,
    #[serde(default = "one")]
    seed: u64,
    #[serde(default = "as_on_ec2", deserialize_with = "toml_file::finite")]
    speed: f64,
    /// By name or id.
    metadata_instance: Option<Spanned<String>>,
    #[serde(default)]
    manners: Manners,
    #[serde(default)]
    fail_next: FailNext,
    #[serde(default)]
    account: Vec<AccountText>,
    #[serde(default)]
    role: Vec<RoleText>,
    #[serde(default)]
    region: Vec<RegionText>,
    #[serde(default)]
    instance: Vec<InstanceText>,
    #[serde(default)]
    snapshot: Vec<SnapshotText>,
    #[serde(default)]
    image: Vec<ImageText>,
    #[serde(default)]
    retention_rule: Vec<RetentionRuleText>,
    #[serde(default)]
    launch_template: Vec<LaunchTemplateText>,
    #[serde(default)]
    launch_configuration: Vec<LaunchConfigurationText>,
    #[serde(default)]
    parameter: Vec<ParameterText>,
    #[serde(default)]
    image_recipe: Vec<RecipeText>,
    #[serde(default)]
    container_recipe: Vec<RecipeText>,
}

fn one() -> u64 {
    1
}

fn as_on_ec2() -> f64 {
    1.0
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountText {
    #[serde(default)]
    id: AccountId,
    #[serde(default)]
    access_keys: BTreeSet<String>,
    #[serde(default)]
    denied_actions: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleText {
    name: Spanned<String>,
    #[serde(default)]
    account: AccountId,
    path: Option<Spanned<String>>,
    /// Whoever writes a role down means somebody to assume it.
    trusts: BTreeSet<AccountId>,
    external_id: Option<Spanned<String>>,
    #[serde(default)]
    denied_actions: BTreeSet<String>,
    max_session_duration: Option<Spanned<Length>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegionText {
    name: Spanned<String>,
    enabled: Option<bool>,
    #[serde(default)]
    account: AccountId,
    #[serde(default)]
    kms_keys: BTreeSet<String>,
}

/// Where something is, whose it is, and since when.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InstanceText {
    region: Spanned<String>,
    #[serde(default)]
    account: AccountId,
    id: Option<Spanned<InstanceId>>,
    /// Becomes the tag `Name`.
    name: Option<String>,
    zone: Option<Spanned<String>>,
    #[serde(rename = "type", default = "small")]
    instance_type: String,
    state: Option<InstanceState>,
    created: Option<Spanned<Instant>>,
    age: Option<Length>,
    image: Option<ImageId>,
    #[serde(default = "usual_architecture")]
    architecture: String,
    private_ip: Option<String>,
    volumes: Option<Vec<Spanned<Entry>>>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SnapshotText {
    region: Spanned<String>,
    #[serde(default)]
    account: AccountId,
    id: Option<Spanned<SnapshotId>>,
    size: u32,
    volume: Option<VolumeId>,
    #[serde(default)]
    description: String,
    state: Option<SnapshotState>,
    message: Option<String>,
    created: Option<Spanned<Instant>>,
    age: Option<Length>,
    ready: Option<Instant>,
    #[serde(default)]
    encrypted: bool,
    kms_key_id: Option<String>,
    /// As in `HoldsText`, to which serde cannot delegate without accepting unknown keys.
    #[serde(default)]
    tier: TierText,
    tiering: Option<Spanned<TieringText>>,
    lock: Option<Spanned<LockText>>,
    #[serde(default)]
    public: bool,
    #[serde(default)]
    shared_with: BTreeSet<AccountId>,
    managed_by: Option<ManagedBy>,
    in_bin: Option<Spanned<BinText>>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageText {
    region: Spanned<String>,
    #[serde(default)]
    account: AccountId,
    id: Option<Spanned<ImageId>>,
    name: Spanned<String>,
    description: Option<String>,
    state: Option<ImageState>,
    reason: Option<Spanned<StateReason>>,
    created: Option<Spanned<Instant>>,
    age: Option<Length>,
    ready: Option<Instant>,
    /// The instance, by name or id.
    of: Option<Spanned<String>>,
    /// The image, by name or id.
    copy_of: Option<Spanned<String>>,
    /// The region of that image, where the file does not say.
    copied_from: Option<Spanned<String>>,
    architecture: Option<String>,
    volumes: Option<Vec<Spanned<Entry>>>,
    #[serde(default)]
    public: bool,
    #[serde(default)]
    shared_with: BTreeSet<AccountId>,
    #[serde(default)]
    protected: ProtectionText,
    deprecated: Option<Instant>,
    last_launched: Option<Spanned<Instant>>,
    managed_by: Option<ManagedBy>,
    in_bin: Option<Spanned<BinText>>,
    #[serde(default)]
    tags: Tags,
    #[serde(default)]
    snapshot_tags: Tags,
    /// What holds the snapshots that come with it.
    #[serde(default)]
    snapshots: HoldsText,
}

fn small() -> String {
    "t3.micro".to_owned()
}

fn usual_architecture() -> String {
    "x86_64".to_owned()
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Client, noon};
    use crate::world::Origin;

    const EXAMPLE: &str = include_str!("../world.example.toml");

    fn problem(text: &str) -> String {
        let problem = read(text, Some(noon())).unwrap_err();
        format!("{}: {}", problem.line, problem.message)
    }

    /// Without the list of all that could have been meant.
    fn first_words(text: &str) -> String {
        problem(text).split(',').next().unwrap_or_default().to_owned()
    }

    fn world(text: &str) -> World {
        read(text, Some(noon())).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_example_is_a_world_one_can_work_in() {
        let world = read(EXAMPLE, None).unwrap();
        assert_eq!(read(EXAMPLE, Some(noon())).unwrap(), world);
        let ec2 = Client::of(world);
        assert_eq!(ec2.ok("DescribeInstances", &[]).texts("instanceId").len(), 2);
        let images = ec2.ok("DescribeImages", &[("Owner.1", "self"), ("IncludeDisabled", "true")]);
        assert_eq!(images.texts("imageId").len(), 7);
        // What was done just now can be seen after the example's lag.
        ec2.wait(3);
        for (action, element, count) in [
            ("DescribeLockedSnapshots", "snapshotId", 5),
            ("DescribeSnapshotTierStatus", "snapshotId", 17),
            ("ListImagesInRecycleBin", "imageId", 1),
            ("ListSnapshotsInRecycleBin", "snapshotId", 2),
            ("DescribeLaunchTemplates", "launchTemplateId", 1),
        ] {
            assert_eq!(ec2.ok(action, &[]).texts(element).len(), count, "{action}");
        }
        let copies = ec2.in_region("eu-west-1").ok("DescribeImages", &[("Owner.1", "self")]);
        let named = [("Owner.1", "self"), ("Filter.1.Name", "name"), ("Filter.1.Value.1", "nightly-2026-05-31")];
        let nightly = ec2.ok("DescribeImages", &named);
        assert_eq!(copies.text("sourceImageId"), nightly.text("imageId"));
        // A world that was written by hand can be kept like any other.
        let kept = ec2.sim.snapshot();
        assert!(serde_json::from_str::<World>(&serde_json::to_string(&kept).unwrap()).unwrap() == kept);
    }

    #[tokio::test(start_paused = true)]
    async fn the_example_has_another_account_with_a_role_to_assume() {
        let ec2 = Client::of(read(EXAMPLE, None).unwrap());
        let arn = "arn:aws:iam::210987654321:role/backup/ami-backup";
        let params = [("RoleArn", arn), ("RoleSessionName", "hub"), ("ExternalId", "b9c1-4f0e")];
        let member = ec2.assuming(&params);
        let names = |region| {
            let ec2 = member.in_region(region);
            let filter = [("Filter.1.Name", "resource-type"), ("Filter.1.Value.1", "instance")];
            ec2.ok("DescribeTags", &filter).texts("value")
        };
        assert_eq!((names("us-east-1"), names("eu-west-1")), (vec!["shop-1".to_owned()], vec!["shop-2".to_owned()]));
        assert!(member.error("TerminateInstances", &[("InstanceId.1", "i-0ab1ab1ab1ab10001")]).starts_with("UnauthorizedOperation"));
        let params = [&params[..], &[("DurationSeconds", "43200")]].concat();
        assert_eq!(ec2.of_service("sts").ok("AssumeRole", &params).text("Expiration"), "2026-06-01T14:00:00Z");
        assert!(ec2.of_service("sts").error("AssumeRole", &params[..2]).starts_with("AccessDenied"));
    }

    /// An unknown key is answered with the list of those there are.
    #[test]
    fn every_key_occurs_in_the_example() {
        let unknown = |text: &str| {
            let message = problem(text);
            message.split('`').skip(3).step_by(2).map(str::to_owned).collect::<Vec<_>>()
        };
        let tables = unknown("nonsense = 1");
        assert!(tables.len() > 10, "{tables:?}");
        for table in &tables {
            let keys = match &table[..] {
                "clock" | "seed" | "speed" | "metadata_instance" => vec![table.clone()],
                // These are documented where they are defined.
                "manners" | "fail_next" => continue,
                _ => unknown(&format!("[[{table}]]\nnonsense = 1")),
            };
            let begin = format!("[[{table}]]");
            let described: String = match EXAMPLE.split_once(&begin) {
                Some(_) => EXAMPLE.split("\n[[").filter(|part| part.starts_with(&begin[2..])).collect(),
                None => EXAMPLE.to_owned(),
            };
            // These mean the same everywhere.
            let place = |key: &str| if ["account", "created", "age"].contains(&key) { EXAMPLE } else { &described };
            let missing: Vec<_> = keys.iter().filter(|key| !place(key).contains(&format!("{key} = "))).collect();
            assert!(missing.is_empty(), "{table} has {missing:?} too");
        }
    }

    #[test]
    fn what_is_due_by_now_has_long_been_so() {
        let archived = "tiering = { operation = 'archival', ready = 2026-11-20T00:00:00Z }";
        let text = format!("[manners]\nstale_reads = '10s'\n[[snapshot]]\nregion = 'us-east-1'\nsize = 8\nage = '9d'\n{archived}");
        let ec2 = Client::of(world(&text));
        for _ in 0..20 {
            assert_eq!(ec2.ok("DescribeSnapshots", &[("Owner.1", "self")]).text("storageTier"), "archive");
        }
    }

    #[test]
    fn little_needs_to_be_said() {
        let world =
            world("[[instance]]\nregion = 'us-east-1'\nname = 'web-1'\n[[image]]\nregion = 'us-east-1'\nname = 'nightly'\nof = 'web-1'");
        let region = world.region("us-east-1");
        let (instance, image) = (region.instances.values().next().unwrap(), region.images.values().next().unwrap());
        assert_eq!((world.clock, &instance.tags["Name"][..], &instance.availability_zone[..]), (noon(), "web-1", "us-east-1a"));
        assert_eq!(image.origin, Origin::Instance(instance.id.clone()));
        let snapshot = &region.snapshots[image.snapshots().next().unwrap()];
        assert_eq!(snapshot.description, format!("Created by CreateImage({}) for {}", instance.id, image.id));
        assert_eq!(snapshot.volume_id, instance.devices["/dev/sda1"].volume_id);
        let ec2 = Client::of(world);
        ec2.create_image(ec2.ok("DescribeInstances", &[]).text("instanceId").as_str(), "another");
        assert_eq!(Client::of(read("", Some(noon())).unwrap()).ok("DescribeInstances", &[]).texts("instanceId"), [""; 0]);
    }

    #[test]
    fn the_seed_makes_the_ids() {
        let of_seed = |seed: u64| world(&format!("seed = {seed}\n[[instance]]\nregion = 'us-east-1'"));
        assert_eq!(of_seed(7), of_seed(7));
        assert_ne!(of_seed(7).region("us-east-1").instances.keys().next(), of_seed(8).region("us-east-1").instances.keys().next());
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        assert_snapshot!(read("", None).map_err(|problem| problem.message).unwrap_err(), @"missing `clock`, such as clock = 2026-12-01T02:00:00Z");
        assert_snapshot!(problem("[[instance]]\nregion = 'us-east-1'\nnmae = 'web-1'"), @"3: unknown field `nmae`, expected one of `region`, `account`, `id`, `name`, `zone`, `type`, `state`, `created`, `age`, `image`, `architecture`, `private_ip`, `volumes`, `tags`");
        assert_snapshot!(problem("[[instance]]\nname = 'web-1'"), @"1: missing field `region`");
        assert_snapshot!(problem("[[instance]]\nregion = 'mars-1'"), @"2: there is no region `mars-1`, expected one such as us-east-1");
        assert_snapshot!(problem("[[instance]]\nregion = 'us-east-1'\nid = 'web-1'"), @r#"3: invalid id "web-1" (expecting "i-...")"#);
        assert_snapshot!(problem("[[instance]]\nregion = 'us-east-1'\nzone = 'eu-west-1a'"), @"3: there is no zone `eu-west-1a` in us-east-1, expected one of us-east-1a, us-east-1b, us-east-1c, us-east-1d, us-east-1e, us-east-1f");
        assert_snapshot!(problem("[[instance]]\nregion = 'us-east-1'\nvolumes = [8, '9']"), @r#"3: invalid type: string "9", expected the size of a volume in GiB, or a table such as { size = 100, type = "st1" }"#);
        assert_snapshot!(problem("[[instance]]\nregion = 'us-east-1'\nvolumes = [8,\n  { sise = 9 }]"), @"4: unknown field `sise`, expected one of `size`, `type`, `device`, `id`, `snapshot`, `encrypted`, `kms_key_id`, `delete_on_termination`, `tags`");
        assert_snapshot!(problem("[[instance]]\nregion = 'us-east-1'\nvolumes = [\n  { size = 9, device = '/dev/sdf' },\n  { size = 9, device = '/dev/sdf' },\n]"), @"5: there are two volumes at /dev/sdf");
        assert_snapshot!(problem("[[instance]]\nregion = 'us-east-1'\nvolumes = [0]"), @"3: a volume has 1 GiB at least");
        assert_snapshot!(problem("[[instance]]\nregion = 'us-east-1'\nvolumes = []"), @"2: `volumes` is empty, expected one volume at least, such as volumes = [8]");
        assert_snapshot!(problem("[[instance]]\nregion = 'us-east-1'\nid = 'i-12345678'\n[[instance]]\nregion = 'us-east-1'\nid = 'i-12345678'"), @"6: the id `i-12345678` is taken");
        assert_snapshot!(problem("[[image]]\nregion = 'us-east-1'\nname = 'nightly'\nof = 'web-1'"), @"4: there is no instance `web-1` in us-east-1, expected the name or the id of one, or the id of one that is gone");
        assert_snapshot!(problem("[[image]]\nregion = 'us-east-1'\nname = 'nightly'\ncopy_of = 'weekly'"), @"4: there is no image `weekly` further up, expected the name or the id of one, or the id of one that is gone");
        assert_snapshot!(problem("[[image]]\nregion = 'us-east-1'\nname = 'nightly'\ncopy_of = 'ami-12345678'"), @r#"4: there is no image `ami-12345678` further up; if it is gone, say where it was: copied_from = "us-east-1""#);
        assert_snapshot!(problem("[[image]]\nregion = 'us-east-1'\nname = 'nightly'\nof = 'i-12345678'\ncopy_of = 'ami-12345678'"), @"5: an image is made `of` an instance or is a `copy_of` an image, not both");
        assert_snapshot!(problem("[[image]]\nregion = 'us-east-1'\nname = 'nightly'\n[[image]]\nregion = 'us-east-1'\nname = 'nightly'"), @"6: there is another image `nightly` in us-east-1");
        assert_snapshot!(problem("[[image]]\nregion = 'us-east-1'\nname = 'nightly'\nvolumes = [{ size = 8, snapshot = 'snap-1' }]"), @r#"4: invalid id "snap-1" (expecting "snap-...")"#);
        assert_snapshot!(problem("[[image]]\nregion = 'us-east-1'\nname = 'nightly'\nstate = 'gone'"), @"4: unknown variant `gone`, expected one of `pending`, `available`, `failed`, `disabled`");
        assert_snapshot!(problem("[[image]]\nregion = 'us-east-1'\nname = 'nightly'\ncreated = 2030-01-01T00:00:00Z"), @"4: this is still to come, for the clock stands at 2026-11-22T12:00:00Z");
        assert_snapshot!(problem("[[image]]\nregion = 'us-east-1'\nname = 'nightly'\nage = '1d'\ncreated = 2020-01-01T00:00:00Z"), @"5: expected `created` or `age`, not both");
        assert_snapshot!(problem("metadata_instance = 'web-1'"), @"1: there is no instance `web-1`, expected the name or the id of one");
        assert_snapshot!(problem("speed = nan"), @"1: expected a number from 0 on, and not NaN");
        assert_snapshot!(first_words("[manners]\nvisibility_lags = '3s'"), @"2: unknown field `visibility_lags`");
        assert_snapshot!(problem("[manners]\nvisibility_lag = 'long'"), @r#"2: failed to parse input in the "friendly" duration format: expected duration to start with a unit value (a decimal integer) after an optional sign, but no integer was found"#);
        assert_snapshot!(problem("[manners]\nallowances = { CopyImage = { most = inf, per_second = 1 } }"), @"2: expected a number from 0 on, and not inf");
        assert_snapshot!(first_words("[fail_next]\nimages = 1"), @"2: unknown field `images`");
        assert_snapshot!(problem("[[account]]\nid = '1'"), @r#"2: invalid id "1" (expecting "twelve digits, ...")"#);
        assert_snapshot!(problem("[[role]]\nname = 'r'"), @"1: missing field `trusts`");
        assert_snapshot!(problem("[[role]]\nname = 'r'\ntrusts = ['hub']"), @r#"3: invalid id "hub" (expecting "twelve digits, ...")"#);
        assert_snapshot!(problem("[[role]]\nname = 'r'\ntrusts = []\nregion = 'us-east-1'"), @"4: unknown field `region`, expected one of `name`, `account`, `path`, `trusts`, `external_id`, `denied_actions`, `max_session_duration`");
        assert_snapshot!(problem("[[role]]\nname = 'arn:aws:iam::210987654321:role/r'\ntrusts = []"), @"2: `arn:aws:iam::210987654321:role/r` is no name of a role, expected 64 letters, digits and _+=,.@- at most");
        assert_snapshot!(problem("[[role]]\nname = 'r'\npath = 'backup'\ntrusts = []"), @"3: `backup` is no path, expected one such as /backup/");
        assert_snapshot!(problem("[[role]]\nname = 'r'\nexternal_id = '?'\ntrusts = []"), @"3: `?` is no external id, expected two or more letters, digits and _+=,.@:/-");
        assert_snapshot!(problem("[[role]]\nname = 'r'\nmax_session_duration = '13h'\ntrusts = []"), @"3: sessions of a role may last from 1h to 12h at most");
        assert_snapshot!(problem("[[role]]\nname = 'r'\ntrusts = []\n[[role]]\nname = 'r'\ntrusts = []"), @"5: there is another role `r` in account 123456789012");
        assert_snapshot!(problem("[[image]]\nregion = 'us-east-1'\nname = 'nightly'\nprotected = 'twice'"), @r#"4: invalid value: string "twice", expected true, false, "with-cooldown", or { until = 2026-06-02T00:00:00Z } while it cools down"#);
        assert_snapshot!(problem("[[image]]\nregion = 'us-east-1'\nname = 'nightly'\nprotected = { untill = 2026-06-02T00:00:00Z }"), @"4: unknown field `untill`, expected `until`");
        assert_snapshot!(problem("[[image]]\nregion = 'us-east-1'\nname = 'nightly'\nlast_launched = 2030-01-01T00:00:00Z"), @"4: this is still to come, for the clock stands at 2026-11-22T12:00:00Z");
        assert_snapshot!(problem("[[snapshot]]\nregion = 'us-east-1'\nsize = -1"), @"3: invalid value: integer `-1`, expected u32");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_text_is_a_world_or_a_problem(text in any::<String>()) {
            let _ = read(&text, Some(noon()));
        }

        #[test]
        fn any_change_of_a_world_is_a_world_or_a_problem(edits in prop::collection::vec((any::<prop::sample::Index>(), value()), 0..8)) {
            let mut lines: Vec<String> = EXAMPLE.lines().map(str::to_owned).filter(|line| !line.starts_with('#')).collect();
            for (index, value) in edits {
                let line = index.get_mut(&mut lines);
                match (line.split_once('='), value) {
                    (Some((key, _)), Some(value)) => *line = format!("{key}= {value}"),
                    _ => line.clear(),
                }
            }
            let text = lines.join("\n");
            match read(&text, Some(noon())) {
                Ok(world) => {
                    // It can be kept, and lived in.
                    let json = serde_json::to_string(&world).unwrap();
                    prop_assert_eq!(&serde_json::from_str::<World>(&json).unwrap(), &world);
                    let ec2 = Client::of(world);
                    ec2.wait(100);
                    for action in [
                        "DescribeInstances",
                        "DescribeImages",
                        "DescribeSnapshots",
                        "DescribeVolumes",
                        "DescribeTags",
                        "DescribeLockedSnapshots",
                        "DescribeSnapshotTierStatus",
                        "DescribeLaunchTemplates",
                        "ListImagesInRecycleBin",
                        "ListSnapshotsInRecycleBin",
                    ] {
                        ec2.call(action, &[]);
                    }
                }
                Err(problem) => prop_assert!((1..=text.lines().count() + 1).contains(&problem.line) && !problem.message.contains('\n')),
            }
        }
    }

    fn value() -> impl Strategy<Value = Option<String>> {
        let values = [
            "0",
            "-1",
            "1",
            "4294967295",
            "1e300",
            "nan",
            "true",
            "''",
            "'us-east-1'",
            "'af-south-1'",
            "'web-1'",
            "'pending'",
            "'ami-12345678'",
            "'snap-12345678'",
            "'i-12345678'",
            "'123456789012'",
            "'999999d'",
            "2026-11-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "[]",
            "{}",
            "[8]",
            "[8, 9]",
            "{ size = 4294967295 }",
            "['210987654321']",
            "'210987654321'",
            "'1h'",
            "{ Name = 'x' }",
        ];
        prop::option::of(prop::sample::select(values.map(str::to_owned).to_vec()))
    }
}
