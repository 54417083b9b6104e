//! A sound plan, changed in one place at random, or judged after one thing has changed under it: either the guard refuses
//! it, or it is sound still.

use proptest::sample::{Index, select};

use super::*;
use crate::guard::CheckedPlan;
use crate::inventory::Mapping;

/// What is changed. The indices say where.
#[derive(Debug, Clone, Copy)]
enum Kind {
    // The plan.
    DropStep,
    RepeatStep,
    ReverseSteps,
    MoveToRegion,
    OtherImage,
    OtherSnapshot,
    MoreImages,
    MoreSnapshots,
    SnapshotAsWell,
    SnapshotLess,
    AllSnapshots,
    DropVerdict,
    KeepVerdict,
    // The world, after it was planned for.
    Protect,
    Unmark,
    Disown,
    Unexpire,
    Unfinish,
    Deregister,
    ListOtherwise,
    UseSnapshot,
    Copy,
    Lock,
    Refer,
    Bin,
    Forget,
    // What was asked for.
    KeepMore,
    RequireChecks,
    KeepLaunched,
    Cap,
    CloseRegion,
}

const KINDS: [Kind; 31] = [
    Kind::DropStep,
    Kind::RepeatStep,
    Kind::ReverseSteps,
    Kind::MoveToRegion,
    Kind::OtherImage,
    Kind::OtherSnapshot,
    Kind::MoreImages,
    Kind::MoreSnapshots,
    Kind::SnapshotAsWell,
    Kind::SnapshotLess,
    Kind::AllSnapshots,
    Kind::DropVerdict,
    Kind::KeepVerdict,
    Kind::Protect,
    Kind::Unmark,
    Kind::Disown,
    Kind::Unexpire,
    Kind::Unfinish,
    Kind::Deregister,
    Kind::ListOtherwise,
    Kind::UseSnapshot,
    Kind::Copy,
    Kind::Lock,
    Kind::Refer,
    Kind::Bin,
    Kind::Forget,
    Kind::KeepMore,
    Kind::RequireChecks,
    Kind::KeepLaunched,
    Kind::Cap,
    Kind::CloseRegion,
];

type Mutation = (Kind, Index, Index);

fn mutation() -> impl Strategy<Value = Mutation> {
    (select(KINDS.to_vec()), any::<Index>(), any::<Index>())
}

/// A verdict for every deletion, so that what is changed is not refused merely because it is not shown.
fn show(plan: &mut Plan) {
    let at = Expiry::from_tag("2026-11-22T02:00:00Z").unwrap();
    let shown = plan.steps.iter().map(|Step { region, action }| {
        let (subject, snapshots) = match action {
            Action::RemoveImage(remove) => {
                let label = BackupLabel {
                    image: remove.image.clone(),
                    name: None,
                    instance: None,
                    instance_name: None,
                    created: None,
                    expire: None,
                    state: ImageState::Available,
                };
                (Subject::Backup(label), remove.snapshots.clone())
            }
            Action::DeleteSnapshot(snapshot) => {
                (Subject::Orphan { snapshot: snapshot.clone(), instance: None, started: None, expire: None }, Vec::new())
            }
            Action::CreateImage(_) | Action::CopyImage(_) | Action::Retag(_) | Action::Mend(_) => panic!("a purge makes nothing"),
        };
        let decision = Decision::Purge { reason: PurgeReason::Expired { at }, snapshots, left: Vec::new() };
        Verdict { region: region.clone(), subject, decision }
    });
    plan.verdicts = shown.collect();
}

/// The world and the plan after it, if there was anything to change.
fn mutated(mut world: World, mut plan: Plan, mutation: &Mutation) -> Option<(World, Plan)> {
    let (kind, one, other) = mutation;
    let changed = match kind {
        Kind::DropVerdict | Kind::KeepVerdict => change_verdict(&mut plan, *kind, *one),
        Kind::KeepMore | Kind::RequireChecks | Kind::KeepLaunched | Kind::Cap | Kind::CloseRegion => {
            change_policy(&mut world, &plan, *kind, *one)
        }
        Kind::DropStep | Kind::RepeatStep | Kind::ReverseSteps | Kind::MoveToRegion | Kind::MoreImages | Kind::MoreSnapshots => {
            let changed = change_steps(&world, &mut plan, *kind, *one, *other);
            show(&mut plan);
            changed
        }
        Kind::OtherImage | Kind::OtherSnapshot | Kind::SnapshotAsWell | Kind::SnapshotLess | Kind::AllSnapshots => {
            let changed = change_step(&world, &mut plan, *kind, *one, *other);
            show(&mut plan);
            changed
        }
        Kind::Lock | Kind::Refer | Kind::Bin | Kind::Forget => change_evidence(&mut world, &plan, *kind, *one, *other),
        _ => change_thing(&mut world, &plan, *kind, *one, *other),
    };
    changed.map(|()| (world, plan))
}

fn pick<T>(things: &[T], place: Index) -> Option<&T> {
    (!things.is_empty()).then(|| place.get(things))
}

fn change_verdict(plan: &mut Plan, kind: Kind, one: Index) -> Option<()> {
    let goes = |verdict: &Verdict| matches!(verdict.decision, Decision::Purge { .. });
    let going: Vec<usize> = (0..plan.verdicts.len()).filter(|place| goes(&plan.verdicts[*place])).collect();
    let place = *pick(&going, one)?;
    match kind {
        Kind::DropVerdict => drop(plan.verdicts.remove(place)),
        _ => plan.verdicts[place].decision = Decision::Keep { reason: KeepReason::NoExpiry },
    }
    Some(())
}

fn change_policy(World { policy, .. }: &mut World, plan: &Plan, kind: Kind, one: Index) -> Option<()> {
    match kind {
        Kind::KeepMore => policy.keep_last += 1,
        Kind::RequireChecks => policy.require_checks = true,
        Kind::KeepLaunched => policy.keep_launched = true,
        Kind::Cap => policy.max_deletes = Some(if one.index(2) == 0 { MaxDeletes::Count(1) } else { MaxDeletes::Percent(30) }),
        _ => {
            policy.regions.remove(&pick(&plan.steps, one)?.region);
        }
    }
    Some(())
}

fn things_of<'a, T>(world: &'a World, of: fn(&'a RegionView) -> &'a [T]) -> Vec<(&'a Region, &'a T)> {
    world.inventory.regions.iter().flat_map(|(region, view)| of(view).iter().map(move |thing| (region, thing))).collect()
}

fn removal(image: &Image, snapshots: Vec<SnapshotId>) -> Action {
    Action::RemoveImage(RemoveImage { image: image.id.clone(), snapshots, covered: Vec::new(), all_snapshots: false })
}

fn change_steps(world: &World, plan: &mut Plan, kind: Kind, one: Index, other: Index) -> Option<()> {
    let images = things_of(world, |view| &view.images);
    let snapshots = things_of(world, |view| &view.snapshots);
    match kind {
        Kind::MoreImages => {
            let (region, image) = *pick(&images, one)?;
            let snapshots = image.snapshots().cloned().collect::<BTreeSet<_>>().into_iter();
            let some = snapshots.take(other.index(3)).collect();
            plan.steps.push(Step { region: region.clone(), action: removal(image, some) });
            return Some(());
        }
        Kind::MoreSnapshots => {
            let (region, snapshot) = *pick(&snapshots, one)?;
            plan.steps.push(Step { region: region.clone(), action: Action::DeleteSnapshot(snapshot.id.clone()) });
            return Some(());
        }
        _ => {}
    }
    let place = *pick(&(0..plan.steps.len()).collect::<Vec<_>>(), one)?;
    match kind {
        Kind::DropStep => drop(plan.steps.remove(place)),
        Kind::RepeatStep => plan.steps.push(plan.steps[place].clone()),
        Kind::ReverseSteps => plan.steps.reverse(),
        _ => plan.steps[place].region = pick(&images, other)?.0.clone(),
    }
    Some(())
}

fn change_step(world: &World, plan: &mut Plan, kind: Kind, one: Index, other: Index) -> Option<()> {
    let place = *pick(&(0..plan.steps.len()).collect::<Vec<_>>(), one)?;
    let Step { region, action } = &mut plan.steps[place];
    let view = &world.inventory.regions[region];
    match (kind, action) {
        (Kind::OtherImage, Action::RemoveImage(remove)) => remove.image = pick(&view.images, other)?.id.clone(),
        (Kind::OtherSnapshot, Action::DeleteSnapshot(snapshot)) => *snapshot = pick(&view.snapshots, other)?.id.clone(),
        (Kind::OtherSnapshot, Action::RemoveImage(remove)) => *remove.snapshots.first_mut()? = pick(&view.snapshots, other)?.id.clone(),
        (Kind::SnapshotAsWell, Action::RemoveImage(remove)) => {
            let of_it = view.images.iter().find(|image| image.id == remove.image)?;
            let own: Vec<&SnapshotId> = of_it.snapshots().filter(|snapshot| !remove.snapshots.contains(snapshot)).collect();
            remove.snapshots.push((*pick(&own, other)?).clone());
        }
        (Kind::SnapshotLess, Action::RemoveImage(remove)) => drop(remove.snapshots.pop()?),
        (Kind::AllSnapshots, Action::RemoveImage(remove)) => remove.all_snapshots = true,
        _ => return None,
    }
    Some(())
}

/// Something that the plan deletes, for the world to speak up for.
fn touched(plan: &Plan, one: Index, other: Index) -> Option<(Region, Option<ImageId>, Option<SnapshotId>)> {
    let Step { region, action } = pick(&plan.steps, one)?;
    match action {
        Action::RemoveImage(remove) => Some((region.clone(), Some(remove.image.clone()), pick(&remove.snapshots, other).cloned())),
        Action::DeleteSnapshot(snapshot) => Some((region.clone(), None, Some(snapshot.clone()))),
        Action::CreateImage(_) | Action::CopyImage(_) | Action::Retag(_) | Action::Mend(_) => None,
    }
}

fn change_evidence(world: &mut World, plan: &Plan, kind: Kind, one: Index, other: Index) -> Option<()> {
    let (region, image, snapshot) = touched(plan, one, other)?;
    let RegionView { evidence, snapshots, .. } = world.inventory.regions.get_mut(&region)?;
    let made_for = |id: &SnapshotId| snapshots.iter().find(|snapshot| snapshot.id == *id)?.made_for.clone();
    match kind {
        Kind::Lock => {
            let state = if other.index(3) == 0 { "expired" } else { "governance" };
            evidence.locks = Answer::Told(BTreeMap::from([(snapshot?, state.to_owned())]));
        }
        Kind::Refer => {
            let kind = if other.index(3) == 0 { ReferenceKind::Instance } else { ReferenceKind::LaunchTemplate };
            let reference = Reference { kind, name: "a".to_owned() };
            evidence.references = Answer::Told(BTreeMap::from([(image?, vec![reference])]));
        }
        Kind::Bin => evidence.binned = Answer::Told(BTreeSet::from([made_for(&snapshot?)?])),
        _ => {
            let checks = [Check::References, Check::LaunchConfigurations, Check::Locks, Check::RecycleBin];
            evidence.unanswer(*other.get(&checks), Some("denied".to_owned()));
        }
    }
    Some(())
}

fn change_thing(world: &mut World, plan: &Plan, kind: Kind, one: Index, other: Index) -> Option<()> {
    let (region, id, snapshot) = touched(plan, one, other)?;
    let RegionView { images, snapshots, .. } = world.inventory.regions.get_mut(&region)?;
    let image = images.iter().position(|image| Some(&image.id) == id.as_ref());
    let thing = snapshots.iter_mut().find(|other| Some(&other.id) == snapshot.as_ref());
    let retagged = |tags: &crate::tags::Tags, key, value| crate::fixture::tagged(tags, key, value);
    match (kind, image, thing) {
        (Kind::Protect, Some(image), _) => images[image].protection = Protection::On("enabled".to_owned()),
        (Kind::Unmark, Some(image), None) => images[image].tags = retagged(&images[image].tags, "Creator", None),
        (Kind::Unmark, _, Some(thing)) => thing.tags = retagged(&thing.tags, "Creator", Some("dlm").filter(|_| other.index(2) == 0)),
        (Kind::Unexpire, Some(image), None) => images[image].tags = retagged(&images[image].tags, "Expire", Some("2027-01-01T00:00:00Z")),
        (Kind::Unexpire, _, Some(thing)) => {
            thing.tags = retagged(&thing.tags, "Expire", Some("2027-01-01T00:00:00Z").filter(|_| other.index(2) == 0));
        }
        (Kind::Disown, Some(image), None) => images[image].owner = None,
        (Kind::Disown, _, Some(thing)) => thing.owner = None,
        (Kind::Unfinish, Some(image), None) => images[image].state = ImageState::Pending,
        (Kind::Unfinish, _, Some(thing)) => thing.state = SnapshotState::Pending,
        (Kind::Deregister, Some(image), _) => images[image].state = ImageState::Deregistered,
        (Kind::ListOtherwise, Some(image), _) => {
            let again = Image { name: Some("otherwise".to_owned()), ..images[image].clone() };
            images.push(again);
        }
        (Kind::ListOtherwise, None, Some(thing)) => {
            let again = Snapshot { made_for: None, started: Some(now()), ..thing.clone() };
            snapshots.push(again);
        }
        (Kind::UseSnapshot, _, Some(thing)) => {
            let mapping = Mapping { device: "/dev/sdz".into(), snapshot: Some(thing.id.clone()), encrypted: false, size_gib: None };
            let user = other.index(images.len().max(1));
            images.get_mut(user)?.mappings.push(mapping);
        }
        (Kind::Copy, Some(image), _) => {
            let mut copy = images[image].clone();
            copy.source_image = Some(crate::inventory::SourceImage { id: copy.id.clone(), region: None });
            copy.source_instance = None;
            copy.state = ImageState::Pending;
            copy.id = crate::fixture::id("ami-9");
            let (_, elsewhere) = world.inventory.regions.iter_mut().next_back()?;
            elsewhere.images.push(copy);
        }
        _ => return None,
    }
    Some(())
}

fn checked(World { inventory, policy }: &World, plan: Plan) -> Result<CheckedPlan, Refusal> {
    guard(plan, inventory, Permit::Purge(policy), now())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1536, ..config() })]

    #[test]
    fn what_the_guard_lets_pass_is_sound(world in world(), mutation in mutation()) {
        let plan = plan(&world);
        if let Some((world, plan)) = mutated(world, plan, &mutation)
            && checked(&world, plan.clone()).is_ok()
            && let Err(why) = oracle::approves(&world, &plan)
        {
            prop_assert!(false, "{why}\n{:?}", deletions(&plan));
        }
    }
}

/// In so many worlds every kind of change matters somewhere.
const WORLDS: u32 = 5000;

#[test]
fn every_kind_of_change_is_refused_somewhere_and_few_are_refused_in_vain() {
    let mut runner = TestRunner::new_with_rng(config(), TestRng::deterministic_rng(RngAlgorithm::XorShift));
    let mut refused: BTreeMap<String, u32> = KINDS.iter().map(|kind| (format!("{kind:?}"), 0)).collect();
    let mut passed = 0;
    for _ in 0..WORLDS {
        if passed > 300 && refused.values().all(|times| *times > 0) {
            break;
        }
        let world = world().new_tree(&mut runner).unwrap().current();
        for kind in KINDS {
            let (_, one, other) = mutation().new_tree(&mut runner).unwrap().current();
            if let Some((world, plan)) = mutated(world.clone(), plan(&world), &(kind, one, other)) {
                match checked(&world, plan) {
                    Ok(_) => passed += 1,
                    Err(_) => *refused.get_mut(&format!("{kind:?}")).unwrap() += 1,
                }
            }
        }
    }
    let never: Vec<_> = refused.iter().filter(|(_, times)| **times == 0).collect();
    assert!(never.is_empty(), "in none of {WORLDS} worlds was refused {never:?}");
    assert!(passed > 300, "changes that do no harm pass: {passed}");
}
