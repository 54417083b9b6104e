//! A sound plan, broken in every way that a broken planner could break it: each rule once. Most ways are told by the world
//! as it is while the plan is as if the planner had overlooked that.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::*;
use crate::evidence::Check;
use crate::fixture::{TheImage, TheSnapshot};
use crate::inventory::{Snapshot, SourceImage};
use crate::plan::image::{InstanceFacts, decide};
use crate::plan::mend::{Mend, Wish};
use crate::policy::{Agreed, CopyRequest, Protect, SeriesRule, SeriesRules};
use crate::retention::keep;
use crate::tags::{Encryption, PIN, SERIES, Tags};

const WEST: &str = "eu-west-1";

/// What the guard is asked, and can be broken.
struct Case {
    inventory: Inventory,
    plan: Plan,
    purge: PurgePolicy,
    request: Option<ImageRequest>,
    /// Whether what the series lack is to be mended.
    mends: bool,
}

type Break = fn(&mut Case);

impl Case {
    /// Two backups that share a snapshot, one that nothing is shared with, its copy, one that stays, a stranger, an orphan.
    fn purge() -> Self {
        let inventory = world()
            .with(backup("ami-1").days_old(9).expired().with_snapshot("snap-1").with(snapshot("snap-2").unmarked()))
            .with(backup("ami-2").days_old(8).expired().with_snapshot("snap-3"))
            .with(backup("ami-3").days_old(7).expired().made_of("snap-3"))
            .with(backup("ami-4").days_old(6).expiring(1).with_snapshot("snap-4"))
            .with(backup("ami-5").expired().untagged("Creator").with_snapshot("snap-5"))
            .with(snapshot("snap-6").expired().made_for("ami-9"))
            .with_in(WEST, backup("ami-7").days_old(5).copied_from("ami-1", HOME).expired().with_snapshot("snap-7"))
            .with_in("sa-east-1", backup("ami-8").expired())
            .checked();
        let regions = [region(HOME), region(WEST)].into();
        let purge = PurgePolicy { regions, require_checks: true, max_deletes: Some(MaxDeletes::Count(5)), ..PurgePolicy::default() };
        let plan = crate::plan::purge::decide(&inventory, &purge, now());
        assert_eq!(plan.steps.len(), 5);
        Self { inventory, plan, purge, request: None, mends: false }
    }

    /// As if somebody had seen the plan and agreed to all of it.
    fn agree_to_all(&mut self) {
        let mut agreed = Agreed::default();
        for step in &self.plan.steps {
            match &step.action {
                Action::RemoveImage(remove) => drop(agreed.images.insert((step.region.clone(), remove.image.clone()))),
                Action::DeleteSnapshot(orphan) => drop(agreed.orphans.insert((step.region.clone(), orphan.clone()))),
                other => panic!("{other:?}"),
            }
        }
        self.purge.agreed = Some(agreed);
    }

    fn agreed(&mut self) -> &mut Agreed {
        self.purge.agreed.as_mut().unwrap()
    }

    /// What a policy's series let go: one that no rule wants, one that failed, an orphan. What stays: the newest two, the newest copy,
    /// and what somebody asked for.
    fn thinning() -> Self {
        let orphan = snapshot("snap-6").of_series("web").slot("2026-11-20T02:00:00Z").tagged("Instance", "i-00000001");
        let web = |short_id, slot| backup(short_id).of_series("web").slot(slot);
        let inventory = world()
            .with(web("ami-1", "2026-11-20T02:00:00Z").with_snapshot("snap-1"))
            .with(web("ami-2", "2026-11-21T02:00:00Z").with_snapshot("snap-2"))
            .with(web("ami-3", "2026-11-22T02:00:00Z").with_snapshot("snap-3"))
            .with_in(WEST, web("ami-4", "2026-11-22T02:00:00Z").copied_from("ami-3", HOME))
            .with(web("ami-5", "2026-11-20T02:00:00Z").failed())
            .with(orphan.made_for("ami-9"))
            .with(backup("ami-7").slot("2026-11-20T02:00:00Z"))
            .checked();
        let rule = SeriesRule {
            keep: keep("last=2"),
            zone: TimeZone::UTC,
            keep_uncopied: "7d".parse().ok(),
            allow_empty: false,
            copies: [(region(WEST), None)].into(),
            deprecate_after: None,
            protect: None,
        };
        let series = SeriesRules { targets: [("web".parse().unwrap(), rule)].into(), ..SeriesRules::default() };
        let regions = [region(HOME), region(WEST)].into();
        let purge = PurgePolicy { regions, require_checks: true, series: Some(series), ..PurgePolicy::default() };
        let plan = crate::plan::purge::decide(&inventory, &purge, now());
        assert_eq!(plan.steps.len(), 3, "{}", crate::fixture::verdicts(&plan));
        Self { inventory, plan, purge, request: None, mends: false }
    }

    /// What is lacking: a date and protection, of a backup and of its copy. One that no rule wants, and a stranger, lack it, too.
    fn mending() -> Self {
        let web = |short_id, slot| backup(short_id).of_series("web").slot(slot);
        let inventory = world()
            .with(web("ami-1", "2026-11-22T02:00:00Z"))
            .with_in(WEST, web("ami-2", "2026-11-22T02:00:00Z").copied_from("ami-1", HOME))
            .with(web("ami-3", "2026-11-21T02:00:00Z"))
            .with(web("ami-5", "2026-11-22T02:00:00Z").untagged("Creator"));
        let rule = SeriesRule {
            keep: keep("last=1"),
            zone: TimeZone::UTC,
            keep_uncopied: None,
            allow_empty: false,
            copies: [(region(WEST), None)].into(),
            deprecate_after: "30d".parse().ok(),
            protect: Some(Protect::WithCooldown),
        };
        let series = SeriesRules { targets: [("web".parse().unwrap(), rule)].into(), ..SeriesRules::default() };
        let steps = crate::plan::mend::decide(&inventory, &series, now()).into_iter().map(|lacking| lacking.step).collect();
        let plan = Plan { steps, ..Plan::default() };
        assert_eq!(plan.steps.len(), 4, "{plan:#?}");
        Self { inventory, plan, purge: PurgePolicy { series: Some(series), ..PurgePolicy::default() }, request: None, mends: true }
    }

    fn mend(&mut self, place: usize) -> &mut Mend {
        let Action::Mend(mend) = &mut self.plan.steps[place].action else { panic!("there is nothing else") };
        mend
    }

    fn rule(&mut self) -> &mut SeriesRule {
        self.purge.series.as_mut().unwrap().targets.values_mut().next().unwrap()
    }

    /// An image to be made, and a copy to be made of an earlier one.
    fn making() -> Self {
        let request = ImageRequest {
            instance: id("i-1"),
            region: region(HOME),
            slot: now(),
            expire: Some(Expiry::at(at("2026-11-30T02:00:00Z"))),
            reboot: false,
            copies: vec![CopyRequest { destination: region(WEST), encryption: Encryption::AsSource, completion: None }],
            patience: jiff::SignedDuration::from_hours(8),
            series: None,
        };
        let inventory = world().with(backup("ami-1").expiring(100).copy_wanted_in(WEST)).seen(WEST, Scope::Partial);
        let facts = InstanceFacts { name: None, availability_zone: "us-east-1a".to_owned() };
        let create = match decide(&request, &facts, &inventory.regions[&region(HOME)], &BTreeSet::new()) {
            crate::plan::image::ImageDecision::Create(step) => *step,
            other => panic!("{other:?}"),
        };
        let (copies, _) = crate::plan::copy::decide(&inventory, now(), &crate::plan::copy::Tried::default());
        let plan = Plan { steps: std::iter::once(create).chain(copies).collect(), ..Plan::default() };
        assert_eq!(plan.steps.len(), 2);
        Self { inventory, plan, purge: PurgePolicy::default(), request: Some(request), mends: false }
    }

    fn judged(&self) -> Result<CheckedPlan, Refusal> {
        let permit = match (&self.request, &self.purge.series) {
            (Some(request), _) => Permit::Image(request),
            (None, Some(rules)) if self.mends => Permit::Mend(rules),
            (None, _) => Permit::Purge(&self.purge),
        };
        guard(self.plan.clone(), &self.inventory, permit, now())
    }

    fn faults(&self) -> BTreeSet<Fault> {
        match self.judged() {
            Err(Refusal::Objections(objections)) => objections.iter().map(|objection| objection.fault).collect(),
            Ok(_) | Err(Refusal::TooMany { .. }) => BTreeSet::new(),
        }
    }

    fn image(&mut self, short_id: &str) -> &mut Image {
        let images = self.inventory.regions.values_mut().flat_map(|view| &mut view.images);
        images.into_iter().find(|image| image.id == id(short_id)).unwrap()
    }

    /// Lists an image on another page, otherwise.
    fn list_again(&mut self, short_id: &str, change: impl FnOnce(&mut Image)) {
        let mut views = self.inventory.regions.values_mut();
        let images = views.find_map(|view| view.images.iter().any(|image| image.id == id(short_id)).then_some(&mut view.images)).unwrap();
        let mut again = images.iter().find(|image| image.id == id(short_id)).unwrap().clone();
        change(&mut again);
        images.push(again);
    }

    fn snapshot(&mut self, short_id: &str) -> &mut Snapshot {
        let snapshots = self.inventory.regions.values_mut().flat_map(|view| &mut view.snapshots);
        snapshots.into_iter().find(|snapshot| snapshot.id == id(short_id)).unwrap()
    }

    fn tag_image(&mut self, image: &str, key: &str, value: Option<&str>) {
        let tags = &mut self.image(image).tags;
        *tags = tagged(tags, key, value);
    }

    fn tag_snapshot(&mut self, snapshot: &str, key: &str, value: Option<&str>) {
        let tags = &mut self.snapshot(snapshot).tags;
        *tags = tagged(tags, key, value);
    }

    fn add(&mut self, thing: impl crate::fixture::Thing) {
        self.inventory = std::mem::take(&mut self.inventory).with(thing);
    }

    fn told(&mut self, tell: impl FnOnce(Inventory) -> Inventory) {
        self.inventory = tell(std::mem::take(&mut self.inventory));
    }

    /// Deletes something more, and shows it.
    fn also(&mut self, step: Step) {
        self.plan.verdicts.extend(verdict(&step));
        self.plan.steps.push(step);
    }

    fn removal(&mut self, image: &str) -> &mut RemoveImage {
        let removals = self.plan.steps.iter_mut().filter_map(|step| match &mut step.action {
            Action::RemoveImage(remove) => Some(remove),
            _ => None,
        });
        removals.into_iter().find(|remove| remove.image == id(image)).unwrap()
    }

    /// Changes which snapshots go with an image, and shows it.
    fn with_snapshots(&mut self, image: &str, snapshots: &[&str]) {
        self.removal(image).snapshots = snapshots.iter().map(|snapshot| id(snapshot)).collect();
        self.show();
    }

    fn show(&mut self) {
        self.plan.verdicts = self.plan.steps.iter().filter_map(verdict).collect();
    }

    fn create(&mut self) -> &mut CreateImage {
        let Action::CreateImage(create) = &mut self.plan.steps[0].action else { panic!("the image comes first") };
        create
    }

    fn copy(&mut self) -> &mut CopyImage {
        let Action::CopyImage(copy) = &mut self.plan.steps[1].action else { panic!("the copy comes second") };
        copy
    }
}

/// Takes away the newest, beside one that is newer and does not count.
fn newest_beside(case: &mut Case, newer: TheImage) {
    case.rule().keep = keep("tag=Keep");
    case.add(newer.of_series("web").slot("2026-11-22T03:00:00Z"));
    case.also(remove_with_all("ami-3", &["snap-3"]));
}

const FUTURE: Option<&str> = Some("2026-11-23T02:00:00Z");

const PURGES: &[(&str, &[Fault], Break)] = &[
    // What it is about.
    ("an image nobody saw", &[Fault::NotSeen], |case| case.also(remove("ami-77", &[]))),
    ("a snapshot nobody saw", &[Fault::NotSeen], |case| case.also(delete("snap-77"))),
    ("another owner's image", &[Fault::NotOwned], |case| case.image("ami-1").owner = THEIRS.parse().ok()),
    ("nobody's image", &[Fault::NotOwned], |case| case.image("ami-1").owner = None),
    ("another owner's snapshot", &[Fault::NotOwned], |case| case.snapshot("snap-1").owner = THEIRS.parse().ok()),
    ("another owner's orphan", &[Fault::NotOwned], |case| case.snapshot("snap-6").owner = THEIRS.parse().ok()),
    ("all of it, for an account that is not known", &[Fault::NotOwned], |case| case.inventory.account = None),
    ("a stranger's image", &[Fault::NotMarked], |case| case.also(remove("ami-5", &[]))),
    ("an image marked as another's", &[Fault::NotMarked], |case| case.tag_image("ami-1", "Creator", Some("dlm"))),
    ("a snapshot marked as another's", &[Fault::NotMarked], |case| case.tag_snapshot("snap-2", "Creator", Some("dlm"))),
    ("an unmarked snapshot that was made for another image", &[Fault::NotMarked, Fault::NotReleased], |case| {
        case.snapshot("snap-2").made_for = Some(id("ami-9"));
    }),
    ("an unmarked orphan", &[Fault::NotMarked], |case| case.tag_snapshot("snap-6", "Creator", None)),
    ("a deregistered image", &[Fault::Deregistered, Fault::NotMarked, Fault::NotReleased], |case| {
        case.image("ami-1").state = ImageState::Deregistered;
    }),
    ("an image another page calls deregistered", &[Fault::Deregistered, Fault::ListedUnlike], |case| {
        case.list_again("ami-7", |image| image.state = ImageState::Deregistered);
    }),
    ("an image listed in two ways", &[Fault::ListedUnlike], |case| case.list_again("ami-2", |image| image.name = None)),
    ("an orphan listed in two ways", &[Fault::ListedUnlike], |case| {
        case.add(TheSnapshot::tagged(snapshot("snap-6").expired().made_for("ami-9"), "a", "b"));
    }),
    // Whether its time has come.
    ("an unexpired image", &[Fault::NotReleased], |case| case.tag_image("ami-1", "Expire", FUTURE)),
    ("an unexpired image, added", &[Fault::NotReleased], |case| case.also(remove("ami-4", &["snap-4"]))),
    ("an image without expiry", &[Fault::NotReleased], |case| case.tag_image("ami-1", "Expire", None)),
    ("an image of unreadable expiry", &[Fault::NotReleased], |case| case.tag_image("ami-1", "Expire", Some("yesterday"))),
    ("an unexpired snapshot", &[Fault::NotReleased], |case| case.tag_snapshot("snap-2", "Expire", FUTURE)),
    ("a snapshot of unreadable expiry", &[Fault::NotReleased], |case| case.tag_snapshot("snap-1", "Expire", Some("7"))),
    ("an unexpired orphan", &[Fault::NotReleased], |case| case.tag_snapshot("snap-6", "Expire", FUTURE)),
    ("an orphan without expiry", &[Fault::NotReleased], |case| case.tag_snapshot("snap-6", "Expire", None)),
    // Where it is.
    ("in a region that was not named", &[Fault::RegionNotNamed], |case| case.also(in_region("sa-east-1", remove("ami-8", &[])))),
    ("in a region the policy does not name any more", &[Fault::RegionNotNamed], |case| {
        case.purge.regions.remove(&region(WEST));
    }),
    ("in a region partly seen", &[Fault::RegionNotWhollySeen], |case| case.told(|inventory| inventory.seen(WEST, Scope::Partial))),
    ("in a region not seen", &[Fault::RegionNotWhollySeen], |case| {
        case.told(|inventory| inventory.seen(WEST, Scope::Unseen("denied".to_owned())));
    }),
    ("in a region nobody looked at", &[Fault::RegionNotWhollySeen], |case| drop(case.inventory.regions.remove(&region(WEST)))),
    ("from where it is not", &[Fault::NotSeen], |case| {
        case.plan.steps[0].region = region(HOME);
        case.show();
    }),
    // What holds it.
    ("a protected image", &[Fault::Protected], |case| case.image("ami-1").protection = Protection::On("enabled".to_owned())),
    ("a pending image", &[Fault::Pending], |case| case.image("ami-1").state = ImageState::Pending),
    ("a pending orphan", &[Fault::Pending], |case| case.snapshot("snap-6").state = SnapshotState::Pending),
    ("the source of a copy in flight", &[Fault::CopyInFlight], |case| {
        case.told(|inventory| inventory.with_in("sa-east-1", backup("ami-6").copied_from("ami-1", HOME).pending()));
    }),
    ("the source of a copy nobody could look for", &[Fault::CopyInFlight], |case| {
        case.tag_image("ami-1", "ami-backup:copy-to:ap-south-1", Some("soon"));
    }),
    ("an image that a launch template names", &[Fault::Referenced], |case| {
        case.told(|inventory| inventory.referenced_by(ReferenceKind::LaunchTemplate, "web", "ami-1"));
    }),
    ("an image that a launch configuration names", &[Fault::Referenced], |case| {
        case.told(|inventory| inventory.referenced_by(ReferenceKind::LaunchConfiguration, "web", "ami-1"));
    }),
    ("an image that something unheard of names", &[Fault::Referenced], |case| {
        case.told(|inventory| inventory.referenced_by(ReferenceKind::Other, "web", "ami-1"));
    }),
    ("an image that was launched, where such are to stay", &[Fault::Referenced], |case| {
        case.purge.keep_launched = true;
        case.told(|inventory| inventory.referenced_by(ReferenceKind::Instance, "i-5", "ami-1"));
    }),
    ("an image with a locked snapshot", &[Fault::Locked], |case| case.told(|inventory| inventory.locked("snap-2", "governance"))),
    ("an image with a locked snapshot, without that", &[Fault::Locked, Fault::Stranded], |case| {
        case.told(|inventory| inventory.locked("snap-2", "compliance"));
        case.removal("ami-1").all_snapshots = false;
        case.with_snapshots("ami-1", &["snap-1"]);
    }),
    ("a locked orphan", &[Fault::Locked], |case| case.told(|inventory| inventory.locked("snap-6", "compliance-cooloff"))),
    ("an orphan of an image in the bin", &[Fault::InRecycleBin], |case| case.told(|inventory| inventory.binned("ami-9"))),
    ("an image in the bin", &[Fault::InRecycleBin], |case| case.told(|inventory| inventory.binned("ami-1"))),
    ("with references not known", &[Fault::NotChecked], |case| case.told(|inventory| inventory.denied(Check::References))),
    ("with configurations not known", &[Fault::NotChecked], |case| {
        case.told(|inventory| inventory.not_asked(Check::LaunchConfigurations));
    }),
    ("with locks not known", &[Fault::NotChecked], |case| case.told(|inventory| inventory.not_asked(Check::Locks))),
    ("with the bin not known", &[Fault::NotChecked], |case| case.told(|inventory| inventory.denied(Check::RecycleBin))),
    ("with references that broke off", &[Fault::NotChecked], |case| {
        case.purge.require_checks = false;
        case.told(|inventory| inventory.broken_off(Check::References));
    }),
    ("with configurations that broke off", &[Fault::NotChecked], |case| {
        case.purge.require_checks = false;
        case.told(|inventory| inventory.broken_off(Check::LaunchConfigurations));
    }),
    ("with locks that broke off", &[Fault::NotChecked], |case| {
        case.purge.require_checks = false;
        case.told(|inventory| inventory.broken_off(Check::Locks));
    }),
    ("with a look into the bin that broke off", &[Fault::NotChecked], |case| {
        case.purge.require_checks = false;
        case.told(|inventory| inventory.broken_off(Check::RecycleBin));
    }),
    ("an image that nobody asked about", &[Fault::NotChecked], |case| {
        case.add(backup("ami-6").expired());
        case.purge.max_deletes = None;
        case.also(remove("ami-6", &[]));
    }),
    ("one of the newest", &[Fault::KeptAsNewest], |case| {
        case.purge.keep_last = 1;
        case.image("ami-4").created = Some(at("2026-01-01T00:00:00Z"));
    }),
    ("what cannot be counted, where counting matters", &[Fault::KeptAsNewest], |case| {
        case.purge.keep_last = 1;
        case.purge.regions.remove(&region(WEST));
        case.plan.steps.retain(|step| step.region == region(HOME));
        case.image("ami-1").created = None;
    }),
    // Which snapshots go, and when.
    ("a snapshot of a living image", &[Fault::UnderLivingImage, Fault::NotReleased], |case| case.also(delete("snap-4"))),
    ("a snapshot that a stranger uses, too", &[Fault::UnderLivingImage], |case| {
        case.add(backup("ami-6").untagged("Creator").made_of("snap-1"));
    }),
    ("a snapshot that a failed image may be waiting for", &[Fault::UnderLivingImage], |case| {
        case.add(backup("ami-9").failed().with_unnamed_snapshot());
    }),
    ("a shared snapshot with the first of its images", &[Fault::UnderLivingImage], |case| {
        case.removal("ami-3").all_snapshots = false;
        case.with_snapshots("ami-3", &[]);
        case.with_snapshots("ami-2", &["snap-3"]);
    }),
    ("a shared snapshot while one of its images stays", &[Fault::UnderLivingImage], |case| {
        case.plan.steps.retain(|step| !matches!(&step.action, Action::RemoveImage(remove) if remove.image == id("ami-2")));
    }),
    ("the images in the wrong order", &[Fault::UnderLivingImage], |case| case.plan.steps.reverse()),
    ("an image's own snapshot, as an orphan", &[Fault::UnderLivingImage, Fault::Twice], |case| case.also(delete("snap-1"))),
    ("a snapshot that is not its own", &[Fault::NotItsSnapshot, Fault::UnderLivingImage, Fault::NotReleased], |case| {
        case.removal("ami-3").all_snapshots = false;
        case.with_snapshots("ami-3", &["snap-3", "snap-4"]);
    }),
    ("all snapshots, where not all are named", &[Fault::SnapshotsUnnamed], |case| case.with_snapshots("ami-1", &["snap-1"])),
    ("all snapshots, where EC2 does not name one", &[Fault::SnapshotsUnnamed], |case| {
        case.image("ami-1").mappings[0].snapshot = None;
        case.with_snapshots("ami-1", &["snap-2"]);
    }),
    ("an image without a snapshot that only it covers", &[Fault::Stranded], |case| {
        case.removal("ami-1").all_snapshots = false;
        case.with_snapshots("ami-1", &["snap-1"]);
    }),
    ("a snapshot that only its image covers, by a call of its own", &[Fault::Stranded], |case| {
        case.removal("ami-1").all_snapshots = false;
    }),
    ("a snapshot that only its image covers, and nobody says so", &[Fault::CoveredUnnamed], |case| {
        case.removal("ami-1").covered.clear();
    }),
    // Whether somebody agreed.
    ("an image that is not agreed to", &[Fault::NotAgreed], |case| {
        case.agree_to_all();
        case.agreed().images.remove(&(region(HOME), id("ami-1")));
    }),
    ("an image that is agreed to elsewhere", &[Fault::NotAgreed], |case| {
        case.agree_to_all();
        case.agreed().images.remove(&(region(HOME), id("ami-1")));
        case.agreed().images.insert((region(WEST), id("ami-1")));
    }),
    ("an orphan that is not agreed to", &[Fault::NotAgreed], |case| {
        case.agree_to_all();
        case.agreed().orphans.clear();
    }),
    // How it is planned.
    ("an image twice", &[Fault::Twice, Fault::UnderLivingImage], |case| case.also(in_region(WEST, remove("ami-7", &["snap-7"])))),
    ("an orphan twice", &[Fault::Twice], |case| case.also(delete("snap-6"))),
    ("a snapshot twice", &[Fault::Twice], |case| case.with_snapshots("ami-1", &["snap-1", "snap-2", "snap-1"])),
    ("what no verdict tells of", &[Fault::NotShown], |case| case.plan.verdicts.clear()),
    ("what a verdict tells of elsewhere", &[Fault::NotShown], |case| case.plan.verdicts[0].region = region("sa-east-1")),
    ("what a verdict keeps", &[Fault::NotShown], |case| {
        case.plan.verdicts[0].decision = Decision::Keep { reason: crate::plan::KeepReason::NoExpiry };
    }),
    ("with other snapshots than a verdict tells", &[Fault::NotShown], |case| {
        let Decision::Purge { snapshots, .. } = &mut case.plan.verdicts[0].decision else { panic!("it goes") };
        snapshots.clear();
    }),
    ("an image made by a purge", &[Fault::NotPermitted], |case| case.plan.steps.extend(Case::making().plan.steps.into_iter().take(1))),
    ("a copy made by a purge", &[Fault::NotPermitted], |case| case.plan.steps.extend(Case::making().plan.steps.into_iter().skip(1))),
];

const THINNINGS: &[(&str, &[Fault], Break)] = &[
    // Whether it is the policy's.
    ("a pinned image", &[Fault::Pinned], |case| case.tag_image("ami-1", PIN, Some(""))),
    ("an image with a pinned snapshot", &[Fault::Pinned], |case| case.tag_snapshot("snap-1", PIN, Some("audit"))),
    ("a pinned orphan", &[Fault::Pinned], |case| case.tag_snapshot("snap-6", PIN, Some("audit"))),
    ("what somebody asked for", &[Fault::NotOfPolicy], |case| case.also(remove("ami-7", &[]))),
    ("what somebody asked for, expired", &[Fault::NotOfPolicy], |case| {
        case.tag_image("ami-7", "Expire", Some("2026-11-22T02:00:00Z"));
        case.also(remove("ami-7", &[]));
    }),
    ("an orphan of no series, expired", &[Fault::NotOfPolicy], |case| {
        case.tag_snapshot("snap-6", "Expire", Some("2026-11-22T02:00:00Z"));
        case.tag_snapshot("snap-6", SERIES, None);
    }),
    ("an orphan of no series", &[Fault::NotOfPolicy], |case| case.tag_snapshot("snap-6", SERIES, None)),
    ("an image of no series", &[Fault::NotOfPolicy], |case| case.tag_image("ami-1", SERIES, None)),
    ("an image whose series is no name", &[Fault::NotOfPolicy], |case| case.tag_image("ami-1", SERIES, Some("Web!"))),
    ("an image of a series that is no target", &[Fault::NotOfPolicy], |case| case.tag_image("ami-1", SERIES, Some("db"))),
    ("an orphan of a series that is no target", &[Fault::NotOfPolicy], |case| case.tag_snapshot("snap-6", SERIES, Some("db"))),
    ("an image of two instances", &[Fault::NotOfPolicy], |case| case.tag_image("ami-1", "Instance", Some("i-00000002"))),
    ("an orphan of no instance", &[Fault::NotOfPolicy], |case| case.tag_snapshot("snap-6", "Instance", Some("web"))),
    ("an image without a slot", &[Fault::NotOfPolicy], |case| case.tag_image("ami-1", "Date", Some("yesterday"))),
    ("an image of a slot that lies ahead", &[Fault::NotOfPolicy], |case| case.tag_image("ami-1", "Date", Some("2026-11-23T02:00:01Z"))),
    ("an orphan of a slot that lies ahead", &[Fault::NotOfPolicy], |case| {
        case.tag_snapshot("snap-6", "Date", Some("2026-11-23T02:00:01Z"));
    }),
    ("an image with an expiry yet to come", &[Fault::NotReleased], |case| case.tag_image("ami-1", "Expire", FUTURE)),
    ("an orphan with an expiry yet to come", &[Fault::NotReleased], |case| case.tag_snapshot("snap-6", "Expire", FUTURE)),
    // Whether a rule wants it.
    ("by last", &[Fault::WantedByRule], |case| case.rule().keep = keep("last=3")),
    ("by hourly", &[Fault::WantedByRule], |case| case.rule().keep = keep("hourly=3")),
    ("by daily", &[Fault::WantedByRule], |case| case.rule().keep = keep("daily=unlimited")),
    ("by weekly, being the oldest", &[Fault::WantedByRule], |case| case.rule().keep = keep("weekly=2")),
    ("by monthly, being the oldest", &[Fault::WantedByRule], |case| case.rule().keep = keep("monthly=2")),
    ("by yearly, being the oldest", &[Fault::WantedByRule], |case| case.rule().keep = keep("yearly=2")),
    ("by within", &[Fault::WantedByRule], |case| case.rule().keep = keep("within=49h")),
    ("by a tag", &[Fault::WantedByRule], |case| {
        case.rule().keep.tags = keep("tag=Keep=yes").tags;
        case.tag_image("ami-1", "Keep", Some("yes"));
    }),
    ("by a tag of any value", &[Fault::WantedByRule], |case| {
        case.rule().keep.tags = keep("tag=Keep").tags;
        case.tag_image("ami-1", "Keep", Some("for now"));
    }),
    ("by its instance's own rules", &[Fault::WantedByRule], |case| {
        let own = SeriesRule { keep: keep("last=3"), ..case.rule().clone() };
        case.purge.series.as_mut().unwrap().instances.insert(("web".parse().unwrap(), id("i-1")), own);
    }),
    ("a copy, by the rules for copies", &[Fault::WantedByRule], |case| {
        case.add(backup("ami-6").of_series("web").slot("2026-11-22T02:00:00Z").of("i-3"));
        case.told(|inventory| {
            let copy = backup("ami-8").of_series("web").slot("2026-11-21T02:00:00Z").copied_from("ami-2", HOME);
            inventory.with_in(WEST, copy).checked()
        });
        case.rule().copies = [(region(WEST), Some(keep("last=2")))].into();
        case.also(in_region(WEST, remove("ami-8", &[])));
    }),
    ("a source where copies go, by the rules for sources", &[Fault::WantedByRule], |case| {
        let there = |short_id| backup(short_id).of_series("web").of("i-3");
        case.told(|inventory| {
            let older = inventory.with_in(WEST, there("ami-6").slot("2026-11-21T02:00:00Z"));
            older.with_in(WEST, there("ami-8").slot("2026-11-22T02:00:00Z")).checked()
        });
        case.rule().copies = [(region(WEST), Some(keep("last=1")))].into();
        case.also(in_region(WEST, remove("ami-6", &[])));
    }),
    ("a disabled one, as if it counted", &[Fault::WantedByRule], |case| {
        case.image("ami-2").state = ImageState::Disabled;
        case.also(remove_with_all("ami-2", &["snap-2"]));
        case.plan.steps.retain(|step| !matches!(&step.action, Action::RemoveImage(remove) if remove.image == id("ami-1")));
    }),
    ("an orphan, as if it counted", &[Fault::WantedByRule], |case| case.tag_snapshot("snap-6", "Date", Some("2026-11-21T12:00:00Z"))),
    // Whether it is the last good one.
    ("the newest", &[Fault::NewestOfSeries], |case| {
        case.rule().keep = keep("tag=Keep");
        case.also(remove_with_all("ami-3", &["snap-3"]));
    }),
    ("the newest copy", &[Fault::NewestOfSeries], |case| {
        case.rule().keep = keep("tag=Keep");
        case.also(in_region(WEST, remove("ami-4", &[])));
    }),
    ("the newest, though a stranger's is newer", &[Fault::NewestOfSeries], |case| {
        newest_beside(case, backup("ami-6").untagged("Creator"));
    }),
    ("the newest, though another owner's is newer", &[Fault::NewestOfSeries], |case| {
        newest_beside(case, backup("ami-6").owned_by(THEIRS));
    }),
    ("the newest, though one with an expiry is newer", &[Fault::NewestOfSeries], |case| {
        newest_beside(case, backup("ami-6").expiring(100));
    }),
    ("the newest, though one that is listed in two ways is newer", &[Fault::NewestOfSeries], |case| {
        newest_beside(case, backup("ami-6"));
        case.list_again("ami-6", |image| image.name = None);
    }),
    ("the only one, listed in two ways", &[Fault::ListedUnlike, Fault::NewestOfSeries], |case| {
        case.rule().keep = keep("tag=Keep");
        case.told(|inventory| inventory.with(backup("ami-6").of_series("web").of("i-3").slot("2026-11-21T02:00:00Z")).checked());
        case.list_again("ami-6", |image| image.name = None);
        case.also(remove("ami-6", &[]));
    }),
    ("one that failed after the newest", &[Fault::NewestOfSeries], |case| {
        case.tag_image("ami-5", "Date", Some("2026-11-22T02:00:01Z"));
    }),
    ("a disabled one that is the newest", &[Fault::NewestOfSeries], |case| {
        case.tag_image("ami-5", "Date", Some("2026-11-22T02:00:00Z"));
        case.image("ami-5").state = ImageState::Disabled;
    }),
    ("an orphan that is the newest", &[Fault::NewestOfSeries], |case| case.tag_snapshot("snap-6", "Date", Some("2026-11-22T02:00:00Z"))),
    ("an orphan of an instance of which nothing else is left", &[Fault::NewestOfSeries], |case| {
        case.tag_snapshot("snap-6", "Instance", Some("i-00000002"));
    }),
    // Whether it is copied.
    ("a source whose copy failed", &[Fault::Uncopied], |case| case.image("ami-4").state = ImageState::Failed),
    ("a source whose copy failed, of an instance that was launched from an image", &[Fault::Uncopied], |case| {
        // EC2 names that image as if the backup were its copy.
        case.image("ami-1").source_image = Some(SourceImage { id: id("ami-9"), region: Some(region(HOME)) });
        case.image("ami-4").state = ImageState::Failed;
    }),
    ("a source whose copy failed, of which EC2 names neither instance nor image", &[Fault::Uncopied], |case| {
        case.image("ami-1").source_instance = None;
        case.image("ami-4").state = ImageState::Failed;
    }),
    ("a source whose copy is no copy", &[Fault::Uncopied], |case| {
        case.image("ami-4").source_image = None;
        case.image("ami-4").source_instance = Some(id("i-1"));
    }),
    ("a source whose copy is another instance's", &[Fault::Uncopied], |case| case.tag_image("ami-4", "Instance", Some("i-00000002"))),
    ("a source whose copy is of another series", &[Fault::Uncopied], |case| case.tag_image("ami-4", SERIES, Some("db"))),
    ("a source whose copy says that it is yet to come", &[Fault::Uncopied], |case| {
        case.tag_image("ami-4", "Date", Some("2026-11-23T02:00:01Z"));
    }),
    ("a source whose newest copy is older", &[Fault::Uncopied], |case| case.tag_image("ami-4", "Date", Some("2026-11-20T01:59:59Z"))),
    ("a source whose copies nobody could see", &[Fault::Uncopied], |case| {
        case.told(|inventory| inventory.seen(WEST, Scope::Unseen("denied".to_owned())));
    }),
    ("a source whose copies nobody looked for", &[Fault::Uncopied], |case| drop(case.inventory.regions.remove(&region(WEST)))),
];

fn retag(tags: &mut Tags, key: &str, value: Option<&str>) {
    *tags = tagged(tags, key, value);
}

const MAKINGS: &[(&str, &[Fault], Break)] = &[
    ("an image of another instance", &[Fault::NotPermitted], |case| case.create().instance = id("i-2")),
    ("an image in another region", &[Fault::NotPermitted], |case| case.plan.steps[0].region = region(WEST)),
    ("a reboot nobody asked for", &[Fault::Reboot], |case| case.create().reboot = true),
    ("an image born unmarked", &[Fault::BornUnmarked], |case| retag(&mut case.create().image_tags, "Creator", None)),
    ("snapshots born unmarked", &[Fault::BornUnmarked], |case| retag(&mut case.create().snapshot_tags, "Creator", None)),
    ("an image born for another instance", &[Fault::BornUnmarked], |case| {
        retag(&mut case.create().image_tags, "Instance", Some("i-00000002"));
    }),
    ("snapshots born to go sooner", &[Fault::BornUnmarked], |case| retag(&mut case.create().snapshot_tags, "Expire", FUTURE)),
    ("an image born for ever", &[Fault::BornUnmarked], |case| retag(&mut case.create().image_tags, "Expire", None)),
    ("an image born into a series", &[Fault::BornUnmarked], |case| retag(&mut case.create().image_tags, SERIES, Some("web"))),
    ("snapshots born into a series", &[Fault::BornUnmarked], |case| retag(&mut case.create().snapshot_tags, SERIES, Some("web"))),
    ("a copy of another series", &[Fault::BornUnmarked], |case| retag(&mut case.copy().tags, SERIES, Some("web"))),
    ("an image that leaves out a volume", &[Fault::LeavesOut], |case| {
        case.create().excluded_devices = ["/dev/sdf".to_owned()].into();
    }),
    ("an image twice", &[Fault::Twice], |case| case.plan.steps.push(case.plan.steps[0].clone())),
    ("a copy twice", &[Fault::Twice], |case| case.plan.steps.push(case.plan.steps[1].clone())),
    ("a copy nobody asked for", &[Fault::NotAskedFor], |case| case.tag_image("ami-1", "ami-backup:copy-to:eu-west-1", None)),
    ("a copy elsewhere than was asked for", &[Fault::NotAskedFor], |case| case.plan.steps[1].region = region("sa-east-1")),
    ("a copy with another key than was asked for", &[Fault::NotAskedFor], |case| {
        case.tag_image("ami-1", "ami-backup:copy-to:eu-west-1", Some("until=2026-11-24T02:00:00Z key=alias/dr"));
    }),
    ("a copy done sooner than was asked for", &[Fault::NotAskedFor], |case| case.copy().completion = "15".parse().ok()),
    ("a copy to itself", &[Fault::CopyToItself], |case| {
        case.tag_image("ami-1", "ami-backup:copy-to:us-east-1", Some("until=2026-11-24T02:00:00Z"));
        case.plan.steps[1].region = region(HOME);
    }),
    ("a copy of nothing", &[Fault::NotSeen], |case| case.copy().source = id("ami-77")),
    ("a copy from where its source is not", &[Fault::NotSeen], |case| case.copy().source_region = region("sa-east-1")),
    ("a copy of another owner's image", &[Fault::NotOwned], |case| case.image("ami-1").owner = THEIRS.parse().ok()),
    ("a copy of a stranger's image", &[Fault::BornUnmarked], |case| case.tag_image("ami-1", "Creator", None)),
    ("a copy of a pending image", &[Fault::SourceUnavailable], |case| case.image("ami-1").state = ImageState::Pending),
    ("a copy of a deregistered image", &[Fault::SourceUnavailable], |case| case.image("ami-1").state = ImageState::Deregistered),
    ("a copy of what another page calls deregistered", &[Fault::SourceUnavailable], |case| {
        case.list_again("ami-1", |image| image.state = ImageState::Deregistered);
    }),
    ("a copy born unmarked", &[Fault::BornUnmarked], |case| retag(&mut case.copy().tags, "Creator", None)),
    ("a copy that expires sooner than its source", &[Fault::BornUnmarked], |case| retag(&mut case.copy().tags, "Expire", FUTURE)),
    ("a copy for ever", &[Fault::BornUnmarked], |case| retag(&mut case.copy().tags, "Expire", None)),
    ("a deletion", &[Fault::NotPermitted], |case| case.also(delete("snap-1"))),
    ("a removal", &[Fault::NotPermitted], |case| case.also(remove("ami-1", &[]))),
];

/// The steps are: date and protection of the copy, date and protection of the backup.
const MENDINGS: &[(&str, &[Fault], Break)] = &[
    // Whose it is.
    ("of a stranger's image", &[Fault::NotMarked], |case| case.mend(3).image = id("ami-5")),
    ("of an image marked as another's", &[Fault::NotMarked], |case| case.tag_image("ami-2", "Creator", Some("dlm"))),
    ("of another owner's image", &[Fault::NotOwned], |case| case.image("ami-2").owner = THEIRS.parse().ok()),
    ("for an account that is not known", &[Fault::NotOwned], |case| case.inventory.account = None),
    ("of an image nobody saw", &[Fault::NotSeen], |case| case.mend(0).image = id("ami-77")),
    ("in a region that could not be read", &[Fault::NotSeen], |case| {
        case.told(|inventory| inventory.seen(WEST, Scope::Unseen(String::new())));
    }),
    ("of an image that is not there", &[Fault::NotSeen], |case| case.plan.steps[0].region = region("sa-east-1")),
    ("of an image listed in two ways", &[Fault::ListedUnlike], |case| {
        case.list_again("ami-2", |image| image.deprecation = Some(now()));
    }),
    ("of one thing twice", &[Fault::Twice], |case| {
        let again = case.plan.steps[1].clone();
        case.plan.steps.push(again);
    }),
    // Whether it is to be looked after.
    ("of what no rule wants", &[Fault::NotWanted], |case| case.mend(3).image = id("ami-3")),
    ("of a series that no target is of", &[Fault::NotOfPolicy], |case| case.tag_image("ami-2", SERIES, Some("db"))),
    ("of no series", &[Fault::NotOfPolicy], |case| case.tag_image("ami-2", SERIES, None)),
    ("of an unknown slot", &[Fault::NotOfPolicy], |case| case.tag_image("ami-2", "Date", None)),
    ("of one that has an expiry", &[Fault::NotOfPolicy], |case| case.tag_image("ami-2", "Expire", FUTURE)),
    ("of a pending image", &[Fault::Pending, Fault::NotWanted], |case| case.image("ami-2").state = ImageState::Pending),
    ("of a failed image", &[Fault::NotWanted], |case| case.image("ami-2").state = ImageState::Failed),
    ("of a disabled image", &[Fault::NotWanted], |case| case.image("ami-2").state = ImageState::Disabled),
    ("of a deregistered image", &[Fault::Deregistered, Fault::NotWanted], |case| case.image("ami-2").state = ImageState::Deregistered),
    // What is wanted for it.
    ("that nobody wants deprecated", &[Fault::NotWanted], |case| case.rule().deprecate_after = None),
    ("that nobody wants protected", &[Fault::NotWanted], |case| case.rule().protect = None),
    ("for another time than is wanted", &[Fault::NotWanted], |case| case.rule().protect = Some(Protect::UntilLifted)),
    ("sooner than is wanted", &[Fault::NotWanted], |case| case.rule().deprecate_after = "30d1s".parse().ok()),
    ("later than is wanted", &[Fault::NotWanted], |case| case.rule().deprecate_after = "29d".parse().ok()),
    ("in the past", &[Fault::NotWanted], |case| {
        case.rule().deprecate_after = "1h".parse().ok();
        case.mend(0).wish = Wish::Deprecation { at: at("2026-11-22T03:00:00Z") };
        case.mend(2).wish = Wish::Deprecation { at: at("2026-11-22T03:00:00Z") };
    }),
    ("deprecated so already", &[Fault::NotWanted], |case| case.image("ami-2").deprecation = Some(at("2026-12-22T02:00:00Z"))),
    ("protected already", &[Fault::NotWanted], |case| case.image("ami-2").protection = Protection::On("enabled".to_owned())),
    ("and a removal", &[Fault::NotPermitted], |case| case.also(remove("ami-3", &[]))),
];

#[test]
fn only_a_run_of_the_policy_mends() {
    let case = Case::mending();
    let inventory = &case.inventory;
    let (asked, purge) = (super::making::request(), policy(inventory));
    for permit in [Permit::Image(&asked), Permit::Resume, Permit::Purge(&purge)] {
        assert_eq!(objections(case.plan.clone(), inventory, permit).len(), 4);
    }
}

#[test]
fn a_date_that_is_overdue_may_be_a_little_late() {
    let mut case = Case::mending();
    case.rule().deprecate_after = "1h".parse().ok();
    for place in [0, 2] {
        case.mend(place).wish = Wish::Deprecation { at: at("2026-11-23T02:05:00Z") };
    }
    assert!(case.judged().is_ok());
    case.mend(0).wish = Wish::Deprecation { at: at("2026-11-23T02:10:00Z") };
    assert_eq!(case.faults(), [Fault::NotWanted].into());
}

#[test]
fn what_is_broken_is_refused_for_what_it_is() {
    let mut wrong = Vec::new();
    let all = [(Case::purge as fn() -> Case, PURGES), (Case::thinning, THINNINGS), (Case::making, MAKINGS), (Case::mending, MENDINGS)];
    for (sound, cases) in all {
        assert!(sound().judged().is_ok());
        for (name, faults, break_it) in cases {
            let mut case = sound();
            // Nothing of it is to be hidden by the cap.
            case.purge.max_deletes = None;
            break_it(&mut case);
            let (found, expected): (_, BTreeSet<Fault>) = (case.faults(), faults.iter().copied().collect());
            if found != expected {
                wrong.push(format!("{name}: {found:?} instead of {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_agreed_to_passes() {
    let mut case = Case::purge();
    case.agree_to_all();
    assert!(case.judged().is_ok());
}

#[test]
fn what_is_just_as_old_as_is_kept_or_tagged_otherwise_goes() {
    let mut case = Case::thinning();
    case.rule().keep = keep("within=48h tag=Keep=yes");
    case.tag_image("ami-1", "Keep", Some("no"));
    assert_eq!(case.faults(), BTreeSet::new());
    assert!(case.judged().is_ok());
}

#[test]
fn nothing_passes_over_the_cap() {
    let mut case = Case::purge();
    case.purge.max_deletes = Some(MaxDeletes::Count(4));
    assert!(matches!(case.judged(), Err(Refusal::TooMany { deletions: 5, seen: 6, .. })));
    case.purge.max_deletes = Some(MaxDeletes::Percent(83));
    assert!(matches!(case.judged(), Err(Refusal::TooMany { .. })));
    case.purge.max_deletes = Some(MaxDeletes::Percent(84));
    assert!(case.judged().is_ok());
}

/// The faults in a row: what has no place in it does not compile.
fn after(fault: Fault) -> Option<Fault> {
    Some(match fault {
        Fault::NotPermitted => Fault::RegionNotNamed,
        Fault::RegionNotNamed => Fault::RegionNotWhollySeen,
        Fault::RegionNotWhollySeen => Fault::NotSeen,
        Fault::NotSeen => Fault::NotOwned,
        Fault::NotOwned => Fault::NotMarked,
        Fault::NotMarked => Fault::NotReleased,
        Fault::NotReleased => Fault::Pinned,
        Fault::Pinned => Fault::NotOfPolicy,
        Fault::NotOfPolicy => Fault::WantedByRule,
        Fault::WantedByRule => Fault::NewestOfSeries,
        Fault::NewestOfSeries => Fault::Uncopied,
        Fault::Uncopied => Fault::NotAgreed,
        Fault::NotAgreed => Fault::Protected,
        Fault::Protected => Fault::Deregistered,
        Fault::Deregistered => Fault::Pending,
        Fault::Pending => Fault::CopyInFlight,
        Fault::CopyInFlight => Fault::Referenced,
        Fault::Referenced => Fault::Locked,
        Fault::Locked => Fault::InRecycleBin,
        Fault::InRecycleBin => Fault::NotChecked,
        Fault::NotChecked => Fault::ListedUnlike,
        Fault::ListedUnlike => Fault::KeptAsNewest,
        Fault::KeptAsNewest => Fault::UnderLivingImage,
        Fault::UnderLivingImage => Fault::NotItsSnapshot,
        Fault::NotItsSnapshot => Fault::SnapshotsUnnamed,
        Fault::SnapshotsUnnamed => Fault::Stranded,
        Fault::Stranded => Fault::CoveredUnnamed,
        Fault::CoveredUnnamed => Fault::Twice,
        Fault::Twice => Fault::NotShown,
        Fault::NotShown => Fault::BornUnmarked,
        Fault::BornUnmarked => Fault::Reboot,
        Fault::Reboot => Fault::LeavesOut,
        Fault::LeavesOut => Fault::NotAskedFor,
        Fault::NotAskedFor => Fault::CopyToItself,
        Fault::CopyToItself => Fault::SourceUnavailable,
        Fault::SourceUnavailable => Fault::NotWanted,
        Fault::NotWanted => return None,
    })
}

#[test]
fn every_fault_is_met_alone_or_first() {
    let met: BTreeSet<Fault> = PURGES.iter().chain(THINNINGS).chain(MAKINGS).chain(MENDINGS).map(|(_, faults, _)| faults[0]).collect();
    let all: BTreeSet<Fault> = std::iter::successors(Some(Fault::NotPermitted), |fault| after(*fault)).collect();
    assert_eq!(met, all);
}
