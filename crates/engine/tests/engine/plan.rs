//! `plan`: what it shows of a backup is what making that backup would come to, and it asks EC2 nothing for each of them.

use std::collections::{BTreeMap, BTreeSet};

use ec2_sim::Which;
use ec2_sim::world::{ImageState, InstanceState, OptInStatus};
use engine::report::{InstanceStanding, PlannedStep, RunReport};
use jiff::SignedDuration;
use planner::fleet::Instance;
use planner::inventory::{Inventory, RegionView};
use planner::plan::due::{self, Standing};
use planner::policy::ImageRequest;
use planner::policy::file::{Policy, SELF};
use planner::policy::select;
use planner::tags::Tags;

use crate::common::*;

/// All that [`put_instance`] puts, each day, and a copy to Europe.
const FLEET: &str = r#"
[[target]]
name = "all"
regions = ["us-east-1"]
select = { tags = ["fleet=bench"] }
every = "1d"
keep-last = 9
copy = [{ region = "eu-west-1" }]
"#;

/// An account with so many of these instances.
async fn fleet(instances: u32) -> Scene {
    Scene::with(|world| (0..instances).for_each(|number| put_instance(world, HOME, number))).await
}

fn id(number: u32) -> String {
    format!("i-0be{number:014x}")
}

/// How often each action was called since so many calls ago.
fn calls_since(scene: &Scene, before: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in scene.sim.calls().split_off(before) {
        *counts.entry(call.action).or_default() += 1;
    }
    counts
}

/// How each of these instances stands.
fn standings(report: &RunReport) -> BTreeMap<String, InstanceStanding> {
    let of_fleet = report.accounts[0].instances.iter().filter(|instance| instance.series.is_some());
    of_fleet.map(|instance| (instance.instance.to_string(), instance.standing.clone())).collect()
}

fn steps(standing: &InstanceStanding) -> &[PlannedStep] {
    if let InstanceStanding::Planned { steps, .. } = standing { steps } else { panic!("{standing:?}") }
}

/// The image that is to be made: its name and tags.
fn wanted(standing: &InstanceStanding) -> (&str, &Tags) {
    let image = steps(standing).iter().find_map(|step| match step {
        PlannedStep::CreateImage { name, tags, .. } => Some((name.as_str(), tags)),
        _ => None,
    });
    image.unwrap_or_else(|| panic!("{standing:?}"))
}

/// What the policy asks for now for one of these instances, whatever backups there are of it.
fn request(scene: &Scene, number: u32) -> ImageRequest {
    let (policy, _) = Policy::read(FLEET, "ami-backup.toml").unwrap();
    let held = scene.held(HOME).instances[id(number).as_str()].clone();
    let instance = Instance {
        id: id(number).parse().unwrap(),
        region: region(HOME),
        availability_zone: String::new(),
        state: select::InstanceState::Running,
        tags: Tags::new(held.tags),
        root_device: None,
        volumes: Vec::new(),
    };
    let inventory = Inventory { account: None, regions: [(region(HOME), RegionView::partial(Vec::new()))].into() };
    let due = due::decide(&policy, SELF, &[instance], &inventory, scene.clock.now());
    match due.items.into_iter().next().unwrap().standing {
        Standing::Due { request, .. } => *request,
        other => panic!("{other:?}"),
    }
}

/// What `image-instance` alone would do for that request, by looking at EC2 itself.
async fn alone(scene: &Scene, number: u32) -> Result<Vec<PlannedStep>, String> {
    let request = request(scene, number);
    scene.image_how(DRY_RUN, &request).await.map(|report| report.planned).map_err(|error| error.to_string())
}

/// The same as the plan has it.
fn planned(standing: &InstanceStanding) -> Result<Vec<PlannedStep>, String> {
    match standing {
        InstanceStanding::Failed { why, .. } => Err(why.clone()),
        standing => Ok(steps(standing).to_vec()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_asks_the_same_however_many_backups_are_due() {
    let mut asked = Vec::new();
    for instances in [2, 150] {
        let scene = fleet(instances).await;
        // Yesterday's backups, none of which is copied yet.
        let _ = scene.run_policy(NO_WAIT, FLEET).await;
        scene.pass(SignedDuration::from_hours(24)).await;
        let scene = scene.again().await;
        let before = scene.sim.calls().len();
        let report = scene.run_policy(DRY_RUN, FLEET).await;
        asked.push(calls_since(&scene, before));
        let standings = standings(&report);
        assert_eq!(standings.len(), instances as usize);
        for standing in standings.values() {
            let [create, copy, later] = steps(standing) else { panic!("{standing:?}") };
            assert!(matches!(create, PlannedStep::CreateImage { .. }), "{create:?}");
            assert!(matches!(copy, PlannedStep::CopyImage { .. }), "{copy:?}");
            assert!(matches!(later, PlannedStep::CopyWhenAvailable { .. }), "{later:?}");
        }
    }
    assert_eq!(asked[0], asked[1]);
    assert_eq!(asked[0]["DescribeInstances"], 1);
    assert_eq!(asked[0]["DescribeRegions"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_backup_is_planned_as_it_would_be_alone_whatever_is_there() {
    let scene = fleet(12).await;
    let empty = standings(&scene.run_policy(DRY_RUN, FLEET).await);
    let mut names = BTreeMap::new();
    let stock = |number: u32| {
        let (name, tags) = wanted(&empty[&id(number)]);
        let of = Stock::by_the_scripts(&id(number)).name(name);
        tags.iter().fold(of, |stock, (key, value)| stock.tag(key, value))
    };
    let name = |number: u32| wanted(&empty[&id(number)]).0.to_owned();
    let yesterdays = |number: u32| stock(number).name(&format!("yesterday's {number}")).tag("Date", "2026-11-21T00:00:00Z");
    let copied = "until=2026-11-24T00:00:00Z";
    {
        let mut world = scene.sim.world();
        // 0: nothing. The names of 1 and 2 are held by what failed, that of 3 by something that nobody has marked.
        stock(1).state(ImageState::Failed).put(&mut world, HOME);
        stock(2).state(ImageState::Failed).put(&mut world, HOME);
        stock(2).name(&format!("{}.2", name(2))).state(ImageState::Failed).put(&mut world, HOME);
        Stock::image().name(&name(3)).put(&mut world, HOME);
        // Of 4 and 5 they are held by backups of another slot, and of another series.
        stock(4).tag("Date", "2026-11-01T00:00:00Z").put(&mut world, HOME);
        stock(5).tag("ami-backup:series", "other").put(&mut world, HOME);
        // 6, 7 and 8 have a backup that is to be copied: it is not, it has failed to be, and it is.
        yesterdays(6).image_tag("ami-backup:copy-to:eu-west-1", copied).put(&mut world, HOME);
        let source = yesterdays(7).image_tag("ami-backup:copy-to:eu-west-1", copied).put(&mut world, HOME);
        yesterdays(7).copied_from(HOME, &source.image).state(ImageState::Failed).put(&mut world, EUROPE);
        let source = yesterdays(8).image_tag("ami-backup:copy-to:eu-west-1", copied).put(&mut world, HOME);
        yesterdays(8).copied_from(HOME, &source.image).put(&mut world, EUROPE);
        // 9 is disabled, and 10 still made.
        stock(9).state(ImageState::Disabled).put(&mut world, HOME);
        stock(10).state(ImageState::Pending).put(&mut world, HOME);
        world.region_mut(HOME).instances.get_mut(id(11).as_str()).unwrap().state = InstanceState::Stopped;
    }
    let mut scene = scene.again().await;
    let standings = standings(&scene.run_policy(DRY_RUN, FLEET).await);
    for number in (0..9).chain([11]) {
        scene.renew().await;
        let standing = &standings[&id(number)];
        assert_eq!(planned(standing), alone(&scene, number).await, "{number}");
        names.insert(number, wanted(standing).0.replace(&name(number), ""));
    }
    let attempts: Vec<(u32, &str)> = names.iter().map(|(number, end)| (*number, end.as_str())).collect();
    assert_eq!(
        attempts,
        [(0, ""), (1, ".2"), (2, ".3"), (3, ""), (4, ".2"), (5, ".2"), (6, ""), (7, ""), (8, ""), (11, "")],
        "further attempts are for names that are seen to be taken"
    );
    assert!(matches!(standings[&id(9)], InstanceStanding::Done { .. }), "{:?}", standings[&id(9)]);
    assert!(matches!(standings[&id(10)], InstanceStanding::InFlight { .. }), "{:?}", standings[&id(10)]);
    let copies = |number: u32| steps(&standings[&id(number)]).iter().filter(|step| matches!(step, PlannedStep::CopyImage { .. })).count();
    assert_eq!([6, 7, 8].map(copies), [1, 1, 0]);

    scene.renew().await;
    let there: BTreeSet<String> = scene.images(HOME).into_iter().map(|image| image.name).collect();
    let _ = scene.run_policy(How { patience: SignedDuration::from_mins(10), ..How::default() }, FLEET).await;
    let made: BTreeSet<String> = scene.images(HOME).into_iter().map(|image| image.name).filter(|name| !there.contains(name)).collect();
    let mut expected: BTreeSet<String> = names.iter().map(|(number, end)| format!("{}{end}", name(*number))).collect();
    // What nobody has marked comes to light when EC2 refuses the name.
    assert!(expected.remove(&name(3)) && expected.insert(format!("{}.2", name(3))));
    assert_eq!(made, expected, "and that is what a run makes");
}

#[tokio::test(start_paused = true)]
async fn what_keeps_one_backup_from_being_made_or_copied_keeps_it_from_being_planned() {
    let scene = fleet(3).await;
    scene.sim.world().regions.get_mut(EUROPE).unwrap().opt_in_status = OptInStatus::NotOptedIn;
    let standings_here = standings(&scene.run_policy(DRY_RUN, FLEET).await);
    assert_eq!(planned(&standings_here[&id(1)]), alone(&scene, 1).await);
    let why = planned(&standings_here[&id(1)]).unwrap_err();
    assert_eq!(why, "cannot copy to eu-west-1: it is not among the regions enabled for this account; no image was made");

    // Where nobody may ask which regions are enabled, the copy will tell.
    let scene = Scene::with(|world| {
        (0..3).for_each(|number| put_instance(world, HOME, number));
        deny(world, "DescribeRegions");
    })
    .await;
    let standings_here = standings(&scene.run_policy(DRY_RUN, FLEET).await);
    assert_eq!(planned(&standings_here[&id(1)]), alone(&scene, 1).await);
    assert_eq!(steps(&standings_here[&id(1)]).len(), 2);

    // A destination that cannot be read keeps older backups from being copied there, and no new one from being made.
    let scene = fleet(3).await;
    let _ = scene.run_policy(NO_WAIT, FLEET).await;
    scene.pass(SignedDuration::from_hours(24)).await;
    let scene = scene.again().await;
    scene.fault_in(EUROPE, "DescribeImages", Which::All, denied("DescribeImages"));
    let standings_here = standings(&scene.run_policy(DRY_RUN, FLEET).await);
    assert_eq!(planned(&standings_here[&id(1)]), alone(&scene, 1).await);
    assert_eq!(steps(&standings_here[&id(1)]).len(), 2);
}
