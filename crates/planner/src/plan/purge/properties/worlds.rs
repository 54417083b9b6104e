//! Random worlds. Ids are few, so that things meet: images share snapshots, regions share ids, copies find sources.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use crate::evidence::{Answer, Evidence, Reference, ReferenceKind};
use crate::fixture::{OURS, THEIRS, id, now, region};
use crate::id::{AccountId, ImageId, InstanceId, Region, SnapshotId};
use crate::inventory::{Image, ImageState, Inventory, Mapping, Protection, RegionView, Scope, Snapshot, SnapshotState, SourceImage};
use crate::policy::PurgePolicy;
use crate::tags::Tags;

/// Texts of `Expire` that lie in the past; no other text here does.
pub(super) const PAST: [&str; 4] =
    ["2026-11-22T02:00:00Z", "2026-11-23T01:59:59Z", "Sun Nov 22 01:00:00 UTC 2026", "Sun 22 Nov 2026 01:00:00 AM CET"];
const NOT_PAST: [&str; 10] = [
    "2026-11-23T02:00:00Z",
    "2026-11-23T02:00:01Z",
    "2027-01-01T00:00:00Z",
    "Mon Nov 23 09:00:00 UTC 2026",
    "",
    "7",
    "now",
    "yesterday",
    "sunday",
    "2026-11-22",
];
const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-south-1"];
const IMAGES: usize = 6;
const SNAPSHOTS: usize = 8;

/// Where a thing is, and its id.
pub(super) type Place = (Region, String);

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) inventory: Inventory,
    pub(super) policy: PurgePolicy,
}

pub(super) fn world() -> impl Strategy<Value = World> {
    let views = vec(option::weighted(0.85, view()), REGIONS.len());
    let account = prop_oneof![20 => Just(Some(OURS.parse::<AccountId>().unwrap())), 1 => Just(None)];
    let named = subsequence(REGIONS.to_vec(), 1..=REGIONS.len());
    let keep_last = prop_oneof![2 => Just(0), 1 => Just(1), 1 => 2_u32..4];
    let options = (keep_last, prop::bool::weighted(0.3), any::<bool>());
    (views, account, named, options).prop_map(|(views, account, named, (keep_last, require_checks, keep_launched))| {
        let seen = REGIONS.iter().zip(views).filter_map(|(name, view)| Some((region(name), view?)));
        let regions = named.into_iter().map(region).collect();
        World {
            inventory: Inventory { account, regions: seen.collect() },
            policy: PurgePolicy { regions, keep_last, max_deletes: None, require_checks, keep_launched, series: None, agreed: None },
        }
    })
}

/// The same world, listed in another order.
pub(super) fn shuffled(World { inventory, policy }: World) -> impl Strategy<Value = World> {
    let views: Vec<_> = inventory
        .regions
        .into_iter()
        .map(|(region, RegionView { scope, images, snapshots, evidence })| {
            let images: Vec<_> = images.into_iter().map(shuffled_image).collect();
            let backwards = any::<bool>().prop_map(move |backwards| if backwards { turned(evidence.clone()) } else { evidence.clone() });
            (Just(region), Just(scope), images.prop_shuffle(), Just(snapshots).prop_shuffle(), backwards)
        })
        .collect();
    views.prop_map(move |views| {
        let regions = views
            .into_iter()
            .map(|(region, scope, images, snapshots, evidence)| (region, RegionView { scope, images, snapshots, evidence }));
        World { inventory: Inventory { account: inventory.account.clone(), regions: regions.collect() }, policy: policy.clone() }
    })
}

/// The same evidence, told backwards.
fn turned(mut evidence: Evidence) -> Evidence {
    for told in [&mut evidence.references, &mut evidence.launch_configurations] {
        if let Answer::Told(told) = told {
            for references in told.values_mut() {
                references.reverse();
            }
        }
    }
    evidence
}

fn shuffled_image(image: Image) -> impl Strategy<Value = Image> {
    Just(image.mappings.clone()).prop_shuffle().prop_map(move |mappings| Image { mappings, ..image.clone() })
}

fn view() -> impl Strategy<Value = RegionView> {
    let scope = prop_oneof![8 => Just(Scope::Whole), 1 => Just(Scope::Partial), 1 => Just(Scope::Unseen("denied".to_owned()))];
    let images = vec(option::weighted(0.7, image()), IMAGES).prop_map(|images| numbered(images, set_image_number));
    let snapshots = vec(option::weighted(0.8, snapshot()), SNAPSHOTS).prop_map(|snapshots| numbered(snapshots, set_snapshot_number));
    // What stands on two pages may have changed between them.
    let repeated = option::weighted(0.2, (any::<Index>(), option::of(image()), prop::bool::weighted(0.3)));
    let repeated_snapshot = option::weighted(0.1, (any::<Index>(), option::of(snapshot())));
    (scope, images, snapshots, evidence(), repeated, repeated_snapshot).prop_map(
        |(scope, mut images, mut snapshots, evidence, repeated, repeated_snapshot)| {
            if let Some((place, other, gone)) = repeated.filter(|_| !images.is_empty()) {
                let first = place.get(&images);
                let mut again = other.unwrap_or_else(|| first.clone());
                set_image_number(&mut again, number(&first.id));
                if gone {
                    again.state = ImageState::Deregistered;
                }
                images.push(again);
            }
            if let Some((place, other)) = repeated_snapshot.filter(|_| !snapshots.is_empty()) {
                let first = place.get(&snapshots);
                let mut again = other.unwrap_or_else(|| first.clone());
                set_snapshot_number(&mut again, number(&first.id));
                snapshots.push(again);
            }
            RegionView { scope, images, snapshots, evidence }
        },
    )
}

/// What EC2 might say against deletions: mostly nothing, now and then of what is not there.
fn evidence() -> impl Strategy<Value = Evidence> {
    let kind = select(vec![
        ReferenceKind::Instance,
        ReferenceKind::Instance,
        ReferenceKind::Instance,
        ReferenceKind::LaunchTemplate,
        ReferenceKind::LaunchConfiguration,
        ReferenceKind::SsmParameter,
        ReferenceKind::ImageBuilderRecipe,
        ReferenceKind::Other,
    ]);
    let reference = (kind, "[ab]").prop_map(|(kind, name)| Reference { kind, name });
    let references = prop_oneof![6 => Just(Vec::new()), 1 => vec(reference, 1..4)].boxed();
    let asked_about = vec(option::weighted(0.98, references.clone()), IMAGES).prop_map(|asked| {
        let numbered = asked.into_iter().zip(1..).filter_map(|(references, number)| Some((id(&format!("ami-{number}")), references?)));
        numbered.collect()
    });
    let configurations = (image_id(), references).prop_map(|told| BTreeMap::from([told]));
    let lock = select(vec!["governance", "compliance", "compliance-cooloff", "expired", "newer"]).prop_map(str::to_owned);
    let locks = prop_oneof![1 => Just(BTreeMap::new()), 1 => btree_map(snapshot_id(), lock, 1..3)];
    let binned = prop_oneof![2 => Just(BTreeSet::new()), 1 => image_id().prop_map(|image| BTreeSet::from([image]))];
    (answer(asked_about), answer(configurations), answer(locks), answer(binned))
        .prop_map(|(references, launch_configurations, locks, binned)| Evidence { references, launch_configurations, locks, binned })
}

fn answer<T: std::fmt::Debug + Clone>(told: impl Strategy<Value = T>) -> impl Strategy<Value = Answer<T>> {
    prop_oneof![8 => told.prop_map(Answer::Told), 1 => Just(Answer::NotAsked), 1 => Just(Answer::Unknown("denied".to_owned())),
        1 => Just(Answer::Failed("busy".to_owned()))]
}

fn numbered<T>(things: Vec<Option<T>>, set: impl Fn(&mut T, usize)) -> Vec<T> {
    let number = |(index, thing): (usize, Option<T>)| {
        let mut thing = thing?;
        set(&mut thing, index + 1);
        Some(thing)
    };
    things.into_iter().enumerate().filter_map(number).collect()
}

fn number(id: &impl ToString) -> usize {
    id.to_string().rsplit_once('-').and_then(|(_, digits)| digits.parse().ok()).unwrap()
}

/// Stands for the snapshot of the image's own number, and for the image of the snapshot's.
const OWN: &str = "00000000";

fn set_image_number(image: &mut Image, number: usize) {
    image.id = id(&format!("ami-{number}"));
    for mapping in &mut image.mappings {
        if mapping.snapshot.as_ref().is_some_and(|snapshot| snapshot.as_str().ends_with(OWN)) {
            mapping.snapshot = Some(id(&format!("snap-{number}")));
        }
    }
}

fn set_snapshot_number(snapshot: &mut Snapshot, number: usize) {
    snapshot.id = id(&format!("snap-{number}"));
    if snapshot.made_for.as_ref().is_some_and(|image| image.as_str().ends_with(OWN)) {
        snapshot.made_for = Some(id(&format!("ami-{number}")));
    }
}

fn image() -> impl Strategy<Value = Image> {
    let state = prop_oneof![
        8 => Just(ImageState::Available),
        3 => Just(ImageState::Pending),
        1 => Just(ImageState::Disabled),
        1 => Just(ImageState::Failed),
        1 => Just(ImageState::Unusable),
        1 => Just(ImageState::Deregistered),
    ];
    let protection = prop_oneof![9 => Just(Protection::Off), 1 => Just(Protection::On("enabled".to_owned()))];
    let created = prop_oneof![
        9 => (0_i64..5).prop_map(|days| Some(now() - SignedDuration::from_hours(24 * days))),
        1 => Just(None),
    ];
    let source_image =
        (image_id(), option::of(select(REGIONS.to_vec()))).prop_map(|(id, name)| SourceImage { id, region: name.map(region) });
    let device = prop_oneof![6 => Just(Some(id("snap-0"))), 3 => snapshot_id().prop_map(Some), 1 => Just(None)];
    let facts = (owner(), state, created, protection, vec(device, 0..4));
    let told = (option::weighted(0.6, instance_id()), option::weighted(0.5, source_image), tags(1), intents());
    (facts, told).prop_map(|((owner, state, created, protection, devices), (source_instance, source_image, tags, intents))| {
        let mapping =
            |(number, snapshot)| Mapping { device: format!("/dev/sd{number}").into(), snapshot, encrypted: false, size_gib: None };
        Image {
            id: id("ami-0"),
            owner,
            name: None,
            state,
            state_reason: None,
            created,
            source_instance,
            source_image,
            protection,
            deprecation: None,
            mappings: devices.into_iter().enumerate().map(mapping).collect(),
            tags: Tags::new(tags.into_iter().chain(intents)),
        }
    })
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let state = prop_oneof![
        8 => Just(SnapshotState::Completed),
        1 => Just(SnapshotState::Pending),
        1 => Just(SnapshotState::Error),
        1 => Just(SnapshotState::Other),
    ];
    let made_for = prop_oneof![5 => Just(Some(id("ami-0"))), 2 => image_id().prop_map(Some), 1 => Just(None)];
    (owner(), state, made_for, tags(4)).prop_map(|(owner, state, made_for, tags)| Snapshot {
        id: id("snap-0"),
        owner,
        state,
        started: None,
        made_for,
        tags: Tags::new(tags),
    })
}

fn tags(unmarked: u32) -> impl Strategy<Value = Vec<(String, String)>> {
    let creator = prop_oneof![
        8 => Just(Some("image-instance".to_owned())),
        unmarked => Just(None),
        1 => select(vec!["dlm", "Image-Instance", "image-instance ", ""]).prop_map(|creator| Some(creator.to_owned())),
        1 => "\\PC{0,20}".prop_map(Some),
    ];
    let expire = prop_oneof![
        8 => select(PAST.to_vec()).prop_map(|text| Some(text.to_owned())),
        3 => select(NOT_PAST.to_vec()).prop_map(|text| Some(text.to_owned())),
        2 => Just(None),
        1 => "\\PC{0,20}".prop_map(Some),
    ];
    let instance = prop_oneof![
        8 => instance_id().prop_map(|id| Some(id.to_string())),
        1 => Just(Some("web-1".to_owned())),
        1 => Just(None),
    ];
    (creator, expire, instance).prop_map(|(creator, expire, instance)| {
        let tags = [("Creator", creator), ("Expire", expire), ("Instance", instance)];
        tags.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    })
}

fn intents() -> impl Strategy<Value = Option<(String, String)>> {
    let destination = select(vec!["us-east-1", "eu-west-1", "ap-south-1", "sa-east-1", "nowhere"]);
    let value = select(vec!["until=2026-11-24T02:00:00Z", "until=2026-11-01T02:00:00Z encrypt", "soon"]);
    let intent = (destination, value).prop_map(|(destination, value)| (format!("ami-backup:copy-to:{destination}"), value.to_owned()));
    option::weighted(0.2, intent)
}

fn owner() -> impl Strategy<Value = Option<AccountId>> {
    prop_oneof![
        15 => Just(Some(OURS.parse().unwrap())),
        1 => Just(Some(THEIRS.parse().unwrap())),
        1 => Just(None),
    ]
}

fn image_id() -> impl Strategy<Value = ImageId> {
    (1..=IMAGES).prop_map(|number| id(&format!("ami-{number}")))
}

fn snapshot_id() -> impl Strategy<Value = SnapshotId> {
    (1..=SNAPSHOTS).prop_map(|number| id(&format!("snap-{number}")))
}

fn instance_id() -> impl Strategy<Value = InstanceId> {
    (1..=2).prop_map(|number| id(&format!("i-{number}")))
}
