//! A checker that cannot fail is worth nothing: each is shown what must not be, and speaks.

use std::collections::BTreeSet;
use std::time::Duration;

use ec2_sim::id::ImageId;
use ec2_sim::world::{ImageState, Tags};
use ec2_sim::{Call, Ec2Sim, Outcome, World};
use engine::apply::{Deletion, Recoverable};
use engine::{Clock, Ending};
use jiff::SignedDuration;
use planner::policy::{ImageRequest, PurgePolicy};

use super::{Violation, Witness, check, settled};
use crate::command::{Command, Line, What};
use crate::expiry::{Meanings, Written};
use crate::known::{HOME, REGIONS, noon};
use crate::process::{Ended, How, Start};
use crate::trouble::Others;
use crate::world::thing::{From, Hold, Referrer, State};
use crate::world::{Account, Manner, Thing};

/// What was seen of one command, given to a world of these things.
struct Seen {
    beginning: World,
    before: World,
    after: World,
    calls: Vec<Call>,
    ended: Vec<Ended>,
    asked: Vec<ImageRequest>,
    meanings: Meanings,
    others: Others,
}

impl Seen {
    async fn of(things: Vec<Thing>, command: Command) -> Self {
        let account = Account { things, manners: vec![Manner::Speed(20)], ..Account::empty(1, 3) };
        let (world, meanings) = account.build();
        let clock = Clock::starting_at(world.clock);
        let sim = Ec2Sim::new(world);
        let before = sim.snapshot();
        let ended = vec![Start::now(command).run(&sim, clock, "AKIDPROCESS1".to_owned(), None).await];
        let asked = ended.iter().filter_map(|ended| ended.request.clone()).collect();
        let seen = Self {
            beginning: before.clone(),
            before,
            after: sim.snapshot(),
            calls: sim.calls(),
            ended,
            asked,
            meanings,
            others: Others::default(),
        };
        assert_eq!(seen.found(), [], "nothing was wrong to begin with");
        seen
    }

    /// A purge of everything that has expired.
    async fn purge(things: Vec<Thing>) -> Self {
        Self::purge_by(things, PurgePolicy::default()).await
    }

    async fn purge_by(things: Vec<Thing>, policy: PurgePolicy) -> Self {
        Self::of(things, Command::patient(What::Purge(None, policy))).await
    }

    /// A backup with two copies.
    async fn image() -> Self {
        Self::of(Vec::new(), Command::patient(What::Image(Line::with_two_copies()))).await
    }

    fn found(&self) -> Vec<Violation> {
        check(&Witness {
            before: &self.before,
            after: &self.after,
            beginning: &self.beginning,
            calls: &self.calls,
            ended: &self.ended,
            asked: &self.asked,
            others: &self.others,
            denied: &BTreeSet::new(),
            meanings: &self.meanings,
        })
    }

    /// A checker of that name finds that.
    #[track_caller]
    fn assert_finds(&self, checker: &str, what: &str) {
        let found = self.found();
        assert!(found.iter().any(|one| one.checker.contains(checker) && one.what.contains(what)), "{checker}, {what}: {found:#?}");
    }

    /// An image goes from the world as it is afterwards, with its snapshots if it says so.
    fn lose(&mut self, thing: &Thing, with_snapshots: bool) {
        let held = self.after.region_mut(thing.region);
        if let Some(image) = held.images.remove(&thing.image_id())
            && with_snapshots
        {
            image.snapshots().for_each(|id| drop(held.snapshots.remove(id)));
        }
    }

    fn report(&mut self) -> &mut engine::report::PurgeReport {
        match &mut self.ended[0].how {
            How::Purge(Ok(report)) => report,
            other => panic!("{other:?}"),
        }
    }

    fn image_report(&mut self) -> &mut engine::report::ImageReport {
        match &mut self.ended[0].how {
            How::Image(Ok(report)) => report,
            other => panic!("{other:?}"),
        }
    }

    /// The image and the first copy that were made.
    fn made(&self, region: &str) -> ImageId {
        self.after.region(region).images.keys().next().unwrap().clone()
    }
}

fn long_ago() -> Written {
    Written::rfc3339(noon() - SignedDuration::from_hours(1))
}

fn later() -> Written {
    Written::rfc3339(noon() + SignedDuration::from_hours(1))
}

fn call(action: &str, params: &[(&str, &str)]) -> Call {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (region, action, access_key) = (HOME.to_owned(), action.to_owned(), "AKIDPROCESS1".to_owned());
    Call { at: noon(), region, action, access_key, params, outcome: Outcome::Ok, late_by: Duration::ZERO }
}

#[tokio::test(start_paused = true)]
async fn a_stranger_that_is_touched_is_missed() {
    const CHECKER: &str = "outside our mark";
    let stranger = Thing { creator: Some("somebody else"), snapshots_creator: Some("somebody else"), ..Thing::backup(1) }.until(long_ago());
    let unmarked = Thing { creator: None, snapshots_creator: None, ..Thing::backup(2) }.until(long_ago());
    for thing in [stranger, unmarked] {
        let mut seen = Seen::purge(vec![thing.clone()]).await;
        seen.lose(&thing, false);
        seen.assert_finds(CHECKER, "which is not ours, is gone");
        let mut seen = Seen::purge(vec![thing.clone()]).await;
        seen.after.region_mut(HOME).snapshots.clear();
        seen.assert_finds(CHECKER, "which is not ours, is gone");
        let mut seen = Seen::purge(vec![thing.clone()]).await;
        let tags = &mut seen.after.region_mut(HOME).images.get_mut(&thing.image_id()).unwrap().tags;
        tags.insert("Creator".to_owned(), "image-instance".to_owned());
        seen.assert_finds(CHECKER, "was changed");
    }
    let mut seen = Seen::purge(Vec::new()).await;
    seen.after.region_mut(HOME).instances.clear();
    seen.assert_finds(CHECKER, "was changed");
    // Even our own is never tagged anew.
    let own = Thing::backup(1);
    let mut seen = Seen::purge(vec![own.clone()]).await;
    seen.after.region_mut(HOME).images.get_mut(&own.image_id()).unwrap().tags.remove("Date");
    seen.assert_finds(CHECKER, "was changed");
    let mut seen = Seen::purge(vec![own.clone()]).await;
    seen.after.region_mut(HOME).snapshots.values_mut().for_each(|snapshot| drop(snapshot.tags.remove("Date")));
    seen.assert_finds(CHECKER, "was changed");
    // One that is still being made may be promised to go, and no more than that.
    let mut seen = Seen::purge(vec![own]).await;
    seen.after.region_mut(HOME).snapshots.values_mut().for_each(|snapshot| snapshot.delete_at_end = true);
    assert!(!seen.found().iter().any(|one| one.checker.contains(CHECKER)));
}

#[tokio::test(start_paused = true)]
async fn what_was_to_stay_is_missed() {
    let nothing_said = Thing::backup(1);
    let unreadable = Thing::backup(1).until(Written { text: "7".to_owned(), until: None });
    let protected = Thing { is_protected: true, ..Thing::backup(1) }.until(long_ago());
    let pending = Thing { state: State::Pending(3600), ..Thing::backup(1) }.until(long_ago());
    for (thing, why) in [
        (nothing_said, "has no expiry"),
        (Thing::backup(1).until(later()), "has not expired"),
        (unreadable, "nobody can say"),
        (protected, "is protected"),
        (pending, "was still being made"),
    ] {
        let mut seen = Seen::purge(vec![thing.clone()]).await;
        seen.lose(&thing, true);
        seen.assert_finds("that is to stay", why);
    }
    // Its snapshots may have an expiry of their own.
    let lasting = Thing { expire: Some(long_ago()), snapshots_expire: Some(later()), ..Thing::backup(1) };
    let mut seen = Seen::purge(vec![lasting]).await;
    seen.after.region_mut(HOME).snapshots.clear();
    seen.assert_finds("that is to stay", "has not expired");
}

#[tokio::test(start_paused = true)]
async fn the_newest_and_what_is_copied_are_missed() {
    let old = Thing { age: SignedDuration::from_hours(48), ..Thing::backup(1) }.until(long_ago());
    let new = Thing::backup(2).until(long_ago());
    let mut seen = Seen::purge_by(vec![old, new.clone()], PurgePolicy { keep_last: 1, ..PurgePolicy::default() }).await;
    seen.lose(&new, true);
    seen.assert_finds("that is to stay", "among the newest");

    let source = Thing::backup(1).until(long_ago());
    let copy = Thing { region: REGIONS[1], origin: From::CopyOf(1), state: State::Pending(3600), ..Thing::backup(2) };
    let mut seen = Seen::purge(vec![source.clone(), copy]).await;
    seen.lose(&source, true);
    seen.assert_finds("that is to stay", "was being copied");

    let nobodys = Thing::backup(1).until(long_ago());
    let mut seen = Seen::of(vec![nobodys.clone()], Command::resume()).await;
    seen.lose(&nobodys, true);
    seen.assert_finds("that is to stay", "nobody's to purge");
}

/// EC2 was busy when it was asked of locks and references: that is no reason to delete.
#[tokio::test(start_paused = true)]
async fn a_check_that_failed_in_passing_excuses_nothing_and_one_that_is_denied_does() {
    let locked = Thing { lock: Some(Hold::Governance), ..Thing::backup(1) }.until(long_ago());
    let referred = Thing { referred: Some(Referrer::DefaultVersion), ..Thing::backup(1) }.until(long_ago());
    let configured = Thing { referred: Some(Referrer::LaunchConfiguration), ..Thing::backup(1) }.until(long_ago());
    for (thing, action, why) in [
        (locked, "DescribeLockedSnapshots", "has a locked snapshot"),
        (referred, "DescribeImageReferences", "is referred to"),
        (configured, "DescribeLaunchConfigurations", "is a launch configuration's"),
    ] {
        for outcome in [Outcome::Ok, Outcome::Unanswered { done: true }, Outcome::Error("RequestLimitExceeded".to_owned())] {
            let mut seen = Seen::purge(vec![thing.clone()]).await;
            seen.calls.retain(|call| call.action != action);
            seen.calls.push(Call { outcome, late_by: Duration::from_secs(3), ..call(action, &[]) });
            seen.lose(&thing, false);
            seen.assert_finds("that is to stay", why);
        }
        let mut seen = Seen::purge(vec![thing.clone()]).await;
        seen.calls.push(Call { outcome: Outcome::Error("UnauthorizedOperation".to_owned()), ..call(action, &[]) });
        seen.lose(&thing, false);
        assert!(!seen.found().iter().any(|one| one.what.contains(why)), "{:#?}", seen.found());
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_under_an_image_is_missed() {
    let mut seen = Seen::purge(vec![Thing::backup(1).until(later())]).await;
    seen.after.region_mut(HOME).snapshots.clear();
    seen.assert_finds("no snapshot of a living image", "is made of it");
    let mut seen = Seen::image().await;
    seen.after.region_mut(HOME).snapshots.clear();
    seen.assert_finds("no snapshot of a living image", "is made of it");
}

#[tokio::test(start_paused = true)]
async fn a_second_image_and_a_second_copy_are_one_too_many() {
    for (region, what) in [(HOME, "answer the question"), (REGIONS[1], "are all copies of")] {
        let mut seen = Seen::image().await;
        let twin = seen.after.region(region).images[&seen.made(region)].clone();
        let id: ImageId = "ami-0123456789abcdef0".parse().unwrap();
        seen.after.region_mut(region).images.insert(id.clone(), ec2_sim::world::Image { id, name: "another".to_owned(), ..twin });
        seen.assert_finds("one image for a slot", what);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_found_again_is_found() {
    const CHECKER: &str = "left unmarked";
    for region in [HOME, REGIONS[1]] {
        let mut seen = Seen::image().await;
        let id = seen.made(region);
        seen.after.region_mut(region).images.get_mut(&id).unwrap().tags.remove("Creator");
        seen.assert_finds(CHECKER, "was made without our mark");
        let mut seen = Seen::image().await;
        seen.after.region_mut(region).snapshots.values_mut().for_each(|snapshot| snapshot.tags = Tags::new());
        seen.assert_finds(CHECKER, "was made without our mark");
        seen.assert_finds(CHECKER, "does not expire as");
    }
    let mut seen = Seen::image().await;
    let id = seen.made(REGIONS[1]);
    seen.after.region_mut(REGIONS[1]).images.get_mut(&id).unwrap().tags.remove("Expire");
    seen.assert_finds(CHECKER, "does not expire as its source");
    // Half-tagged, its image gone, and still there.
    let half = Thing { snapshots_creator: None, snapshots_expire: None, expire: Some(long_ago()), ..Thing::backup(1) };
    let mut seen = Seen::purge(vec![half]).await;
    seen.after.region_mut(HOME).snapshots = seen.before.region(HOME).snapshots.clone();
    seen.assert_finds(CHECKER, "was stranded");
    // In an earlier step, and another image is made of it.
    let beginning = std::mem::replace(&mut seen.beginning, seen.after.clone());
    seen.before = seen.after.clone();
    seen.calls.clear();
    let mut image = beginning.region(HOME).images.values().next().unwrap().clone();
    image.id = "ami-0123456789abcdef0".parse().unwrap();
    image.tags.clear();
    for world in [&mut seen.before, &mut seen.after] {
        world.region_mut(HOME).images.insert(image.id.clone(), image.clone());
    }
    assert!(!seen.found().iter().any(|one| one.checker.contains(CHECKER)));
    seen.beginning = beginning;
    seen.assert_finds(CHECKER, "was stranded");
    // What others did is not our doing.
    seen.others.deregistered.insert(Thing::backup(1).image_id());
    assert!(!seen.found().iter().any(|one| one.checker.contains(CHECKER)));
}

#[tokio::test(start_paused = true)]
async fn patience_and_permissions_are_watched() {
    let mut seen = Seen::purge(Vec::new()).await;
    seen.ended[0].ended = noon() + SignedDuration::from_hours(9);
    seen.assert_finds("patience", "took");
    let mut seen = Seen::purge(Vec::new()).await;
    seen.calls.push(call("ModifyImageAttribute", &[]));
    seen.assert_finds("calls of the table", "ModifyImageAttribute");
    // A refusal takes no time, a throttled call what the SDK waits, and only an answer that never came all there is.
    for (code, seconds) in [("UnauthorizedOperation", 2), ("RequestLimitExceeded", 3)] {
        let mut seen = Seen::of(Vec::new(), Command { patience: SignedDuration::ZERO, ..Command::resume() }).await;
        seen.calls.push(Call { outcome: Outcome::Error(code.to_owned()), ..call("DescribeImages", &[]) });
        seen.ended[0].ended = noon() + SignedDuration::from_secs(seconds);
        seen.assert_finds("patience", "took");
    }
    let mut seen = Seen::of(Vec::new(), Command { patience: SignedDuration::ZERO, ..Command::resume() }).await;
    for second in 0..8 {
        let at = noon() + SignedDuration::from_secs(second * 3);
        seen.calls.push(Call { at, outcome: Outcome::Unanswered { done: false }, ..call("DescribeImages", &[]) });
    }
    seen.ended[0].ended = noon() + SignedDuration::from_secs(30);
    seen.assert_finds("patience", "took");
}

#[tokio::test(start_paused = true)]
async fn a_report_of_a_purge_that_lies_is_caught() {
    const CHECKER: &str = "the report says what happened";
    let (gone, kept) = (Thing::backup(1).until(long_ago()), Thing::backup(2).until(later()));
    let things = vec![gone.clone(), kept.clone()];

    let mut seen = Seen::purge(things.clone()).await;
    seen.after = seen.before.clone();
    seen.assert_finds(CHECKER, "is gone, it says, and is there");

    let mut seen = Seen::purge(things.clone()).await;
    seen.lose(&kept, true);
    seen.assert_finds(CHECKER, "is kept");

    let mut seen = Seen::purge(things.clone()).await;
    seen.report().verdicts.clear();
    seen.assert_finds(CHECKER, "nothing is said of it");
    seen.assert_finds(CHECKER, "is not spoken of");

    let mut seen = Seen::purge(things.clone()).await;
    let again = seen.report().verdicts[0].clone();
    seen.report().verdicts.push(again);
    seen.assert_finds(CHECKER, "has two verdicts");

    let mut seen = Seen::purge(things.clone()).await;
    seen.report().deleted_images.clear();
    seen.assert_finds(CHECKER, "is not described");

    let mut seen = Seen::purge(things.clone()).await;
    for verdict in &mut seen.report().verdicts {
        verdict.result.iter_mut().for_each(|removal| removal.image = Deletion::NotTried);
    }
    seen.assert_finds(CHECKER, "was not tried, it says, and is gone");
    seen.assert_finds(CHECKER, "it says Done");

    for ending in [Ending::NothingAchieved, Ending::SomeFailed, Ending::StillInFlight, Ending::StoppedForSafety, Ending::Interrupted] {
        let mut seen = Seen::purge(things.clone()).await;
        seen.report().ending = ending;
        seen.assert_finds(CHECKER, &format!("it says {ending:?}"));
    }

    let mut seen = Seen::purge(things.clone()).await;
    seen.report().regions.iter_mut().for_each(|region| region.read = false);
    seen.assert_finds(CHECKER, "was not wholly read");

    let mut seen = Seen::purge(things.clone()).await;
    seen.ended[0].command.dry_run = true;
    seen.assert_finds(CHECKER, "calls that change something");

    let mut seen = Seen::purge(things).await;
    if let What::Purge(_, policy) = &mut seen.ended[0].command.what {
        policy.max_deletes = Some(planner::policy::MaxDeletes::Count(0));
    }
    seen.assert_finds(CHECKER, "at most should have");
    if let What::Purge(_, policy) = &mut seen.ended[0].command.what {
        policy.max_deletes = Some(planner::policy::MaxDeletes::Percent(49));
    }
    seen.assert_finds(CHECKER, "at most should have");
    if let What::Purge(_, policy) = &mut seen.ended[0].command.what {
        policy.max_deletes = Some(planner::policy::MaxDeletes::Percent(50));
    }
    assert_eq!(seen.found(), []);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_the_recycle_bin_and_of_other_images_is_looked_up() {
    const CHECKER: &str = "the report says what happened";
    let gone = Thing::backup(1).until(long_ago());
    let removal = |seen: &mut Seen, change: fn(&mut engine::apply::Removal)| {
        seen.report().verdicts.iter_mut().filter_map(|verdict| verdict.result.as_mut()).for_each(change);
    };
    let mut seen = Seen::purge(vec![gone.clone()]).await;
    removal(&mut seen, |removal| removal.recoverable = Some(Recoverable::Until(noon())));
    seen.assert_finds(CHECKER, "it says, and that is not so");
    let mut seen = Seen::purge(vec![gone.clone()]).await;
    removal(&mut seen, |removal| removal.recoverable = Some(Recoverable::Unknown));
    seen.assert_finds(CHECKER, "the Recycle Bin was looked into");
    let mut seen = Seen::purge(vec![gone.clone()]).await;
    let bin = &mut seen.after.region_mut(HOME).recycle_bin;
    for image in seen.before.region(HOME).images.values().cloned() {
        let leaves = noon() + SignedDuration::from_hours(1);
        bin.images.insert(image.id.clone(), ec2_sim::world::Binned { item: image, entered: noon(), leaves });
    }
    for snapshot in seen.before.region(HOME).snapshots.values().cloned() {
        let leaves = noon() + SignedDuration::from_hours(1);
        bin.snapshots.insert(snapshot.id.clone(), ec2_sim::world::Binned { item: snapshot, entered: noon(), leaves });
    }
    seen.assert_finds(CHECKER, "was not in the Recycle Bin, it says");
    let mut seen = Seen::purge(vec![gone]).await;
    removal(&mut seen, |removal| removal.snapshots[0].deletion = Deletion::Shared);
    seen.assert_finds(CHECKER, "stays with another image, it says");
}

#[tokio::test(start_paused = true)]
async fn a_report_of_a_backup_that_lies_is_caught() {
    const CHECKER: &str = "the report says what happened";
    let mut seen = Seen::image().await;
    seen.after.region_mut(REGIONS[2]).images.clear();
    seen.assert_finds(CHECKER, "there is no copy in");
    seen.assert_finds(CHECKER, "and does not");

    let mut seen = Seen::image().await;
    seen.after.region_mut(HOME).images.clear();
    seen.assert_finds(CHECKER, "and is not there");
    seen.assert_finds(CHECKER, "there is no image");

    let mut seen = Seen::image().await;
    let id = seen.made(HOME);
    seen.after.region_mut(HOME).images.get_mut(&id).unwrap().state = ImageState::Pending;
    seen.assert_finds(CHECKER, "and is pending");

    let mut seen = Seen::image().await;
    let id = seen.made(HOME);
    seen.after.region_mut(HOME).images.get_mut(&id).unwrap().tags.insert("Date".to_owned(), "another day".to_owned());
    seen.assert_finds(CHECKER, "is not what was asked for");

    let mut seen = Seen::image().await;
    (seen.image_report().image, seen.image_report().ending) = (None, Ending::NothingAchieved);
    seen.assert_finds(CHECKER, "nothing was achieved, it says");

    let mut seen = Seen::image().await;
    let nowhere = engine::RunError::NamesTaken("it".to_owned());
    seen.ended[0].how = How::Image(Err(nowhere));
    seen.assert_finds(CHECKER, "was made, and it says");

    let mut seen = Seen::image().await;
    seen.image_report().ending = Ending::Interrupted;
    seen.assert_finds(CHECKER, "it was interrupted");
}

#[test]
fn what_never_settles_is_noticed() {
    assert_eq!(settled::changes_nothing(&[call("DescribeImages", &[]), call("DeleteSnapshot", &[("DryRun", "true")])]), []);
    assert_eq!(settled::changes_nothing(&[call("CopyImage", &[])]).len(), 1);
    let refused = |to: &str| Call { outcome: Outcome::Error("IncorrectState".to_owned()), ..call("CopyImage", &[("Name", to)]) };
    assert_eq!(settled::changes_nothing(&[refused("one"), refused("another")]), []);
    assert_eq!(settled::changes_nothing(&[refused("one"), refused("one")]).len(), 1, "once is enough");

    let mut wanted = Thing::backup(1);
    wanted.image_tags.insert(format!("ami-backup:copy-to:{}", REGIONS[1]), "until=2026-11-24T12:00:00Z".to_owned());
    let orphan = Thing { image_is_gone: true, ..Thing::backup(2) }.until(long_ago());
    let account = Account { things: vec![wanted, Thing::backup(3).until(long_ago()), orphan], ..Account::empty(1, 3) };
    let (world, meanings) = account.build();
    assert_eq!(settled::copies_are_done(&world, &meanings).len(), 1);
    assert_eq!(settled::expired_is_gone(&world, &world, &meanings, &PurgePolicy::default(), |_| true).len(), 2);
    // What goes although nothing has changed should have gone before.
    let mut later = world.clone();
    later.region_mut(HOME).images.clear();
    assert_eq!(settled::only_what_was_freed_goes(&world, &world, &later, &meanings).len(), 1);
    later.region_mut(HOME).snapshots.clear();
    assert_eq!(settled::only_what_was_freed_goes(&world, &world, &later, &meanings).len(), 2);
    assert_eq!(settled::only_what_was_freed_goes(&world, &later, &later, &meanings), []);
}
