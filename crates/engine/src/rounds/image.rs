//! `image-instance` and `resume`: an image is made, copies are made, and what an earlier run left is finished.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use planner::guard::{Permit, guard};
use planner::id::{ImageId, Region};
use planner::inventory::{Image, ImageState, Inventory, RegionView, Scope};
use planner::plan::image::ImageDecision;
use planner::plan::{Action, CopyImage, CopyStanding, CreateImage, Plan, Standing, Step, copy, image};
use planner::policy::{CopyRequest, ImageRequest};
use planner::{CheckedPlan, CheckedStep, tags::Encryption};

use crate::account::Account;
use crate::apply;
use crate::call::Call;
use crate::meter;
use crate::observe;
use crate::outcome::{Class, Failure};
use crate::report::{ImageReport, ImageResult, PlannedStep};
use crate::rounds::overview::Overview;
use crate::rounds::{Delays, Ending, Event, RegionScope, Run, RunError, SNAPSHOT_SPACING, Stop, add_news, in_each, is_same};
use crate::translate::Instance;

/// So often a name may be refused as taken by something that cannot be seen, before the next attempt's name is tried.
const LOOKS_FOR_A_NAME: u32 = 10;
/// An image that was asked for without an answer is looked for until so long after the question, and then given up: together
/// with the SDK's own repetitions, and the wait before the last look, that is within 30 s.
const LOOK_FOR_UNANSWERED: SignedDuration = SignedDuration::from_secs(20);
/// So often it is looked for copies to ask for while images are made.
const BESIDE: Duration = Duration::from_secs(30);
/// A listing may be older than the one before (ec2-semantics 5.5), so an image is gone once it is missing from so many in a row.
const LISTINGS_WITHOUT: u32 = 3;

/// Makes an image of an instance and its copies, and finishes the copies that earlier runs for this instance left.
///
/// # Errors
/// [`RunError`] if no image was made, as far as EC2 has told.
pub async fn image_instance(run: &Run<'_>, request: &ImageRequest) -> Result<ImageReport, RunError> {
    let found = observe::instance(run.account, &request.region, &request.instance).await.map_err(RunError::Failed)?;
    let instance = can_be_imaged(found, request)?;
    if !request.copies.is_empty() {
        // A destination that EC2 does not know is better found out before the image is made. Where that cannot be asked (the scripts'
        // users may lack the permission), the copy will tell.
        let enabled = observe::enabled_regions(run.account, &request.region).await;
        destinations_are_enabled(enabled.as_ref().ok(), request)?;
    }
    let mut follow = Follow::new(run, Some((request, &instance)), BTreeSet::from([request.region.clone()]));
    follow.until_settled().await?;
    Ok(follow.into_report())
}

/// What [`image_instance`] would do by what an overview tells: EC2 is asked nothing. Changes nothing.
pub(super) async fn plan_image(run: &Run<'_>, request: &ImageRequest, overview: &Overview) -> Result<ImageReport, RunError> {
    let instance = can_be_imaged(overview.instance(request).cloned(), request)?;
    destinations_are_enabled(overview.enabled(&request.region), request)?;
    let run = Run { dry_run: true, ..*run };
    let sources = BTreeSet::from([request.region.clone()]);
    let mut follow = Follow { overview: Some(overview), ..Follow::new(&run, Some((request, &instance)), sources) };
    follow.until_settled().await?;
    Ok(follow.into_report())
}

/// Finishes the copies that earlier runs left, in these regions.
///
/// # Errors
/// [`RunError`] if the regions could not be listed, or a plan was refused.
pub async fn resume(run: &Run<'_>, scope: &RegionScope) -> Result<ImageReport, RunError> {
    Follow::new(run, None, scope.regions(run.account).await?).finish().await
}

/// Finishes the copies of these regions as [`resume`] does, and begins with it while images are still being made there: EC2 takes its
/// time for a thousand of them, and each may be copied as soon as it is there.
pub(super) async fn resume_beside<T>(
    run: &Run<'_>,
    regions: &BTreeSet<Region>,
    making: impl Future<Output = T>,
) -> (T, Result<ImageReport, RunError>) {
    let mut follow = Follow::new(run, None, regions.clone());
    if run.dry_run || !run.wait {
        return (making.await, follow.finish().await);
    }
    let are_made = Stop::default();
    let making = async {
        let made = making.await;
        are_made.request();
        made
    };
    let (made, rounds) = tokio::join!(making, follow.rounds_until(&are_made));
    match rounds {
        Ok(()) => (made, follow.finish().await),
        Err(error) => (made, Err(error)),
    }
}

fn can_be_imaged(found: Option<Instance>, request: &ImageRequest) -> Result<Instance, RunError> {
    let (instance, region) = (request.instance.clone(), request.region.clone());
    match found {
        None => Err(RunError::NoSuchInstance { instance, region }),
        Some(found) if !found.can_be_imaged() => Err(RunError::InstanceCannotBeImaged { instance, region, state: found.state }),
        Some(found) => Ok(found),
    }
}

fn destinations_are_enabled(enabled: Option<&BTreeSet<Region>>, request: &ImageRequest) -> Result<(), RunError> {
    let Some(enabled) = enabled else { return Ok(()) };
    let closed = request.copies.iter().find(|copy| !enabled.contains(&copy.destination));
    closed.map_or(Ok(()), |copy| Err(RunError::DestinationNotEnabled(copy.destination.clone())))
}

/// One run's memory: nothing that EC2 does not know as well, but for what this run itself has done.
struct Follow<'a> {
    run: &'a Run<'a>,
    request: Option<(&'a ImageRequest, &'a Instance)>,
    sources: BTreeSet<Region>,
    /// What is looked at in place of EC2.
    overview: Option<&'a Overview>,
    started_at: Timestamp,
    /// The name of the image that EC2 was asked for last, with whatever result.
    asked_for: Option<String>,
    /// What EC2 said then, if it was that another image has the name.
    refused_as_taken: Option<Failure>,
    /// The image this run has asked for or adopted.
    made: Option<Made>,
    /// What this run has tried of copies.
    tried: copy::Tried,
    /// Names EC2 refused as taken, where, and how often since.
    taken: BTreeMap<(Region, String), u32>,
    /// Since when it is not known whether EC2 has made the image, and why not.
    unanswered: Option<Unanswered>,
    /// Whether regions in which nothing is in flight are looked at again all the same: images are still being made.
    more_to_come: bool,
    /// How often EC2 had no room for a copy, by its destination and its source.
    put_off: BTreeMap<(Region, ImageId), u32>,
    /// Whether something has come to an end since the round before.
    is_moving: bool,
    /// How often EC2 has answered with this copy when asked for it.
    answered: BTreeMap<(Region, ImageId), u32>,
    /// The sources that were there, and from how many listings in a row they are missing.
    missing: BTreeMap<(Region, ImageId), u32>,
    /// The last state told of each image this run follows.
    told: BTreeMap<(Region, ImageId), ImageState>,
    /// Those of them, and of the sources of copies, that were pending when they were seen last.
    awaited: Vec<(Region, Image)>,
    /// Where each copy stands, by its source and its destination, or the intent that does not tell it.
    copies: BTreeMap<(Region, ImageId, Result<Region, String>), Standing>,
    /// The regions that could be read at least once.
    read: BTreeSet<Region>,
    /// The regions of sources in which nothing can be followed any more.
    lost: BTreeSet<Region>,
    planned: Vec<PlannedStep>,
    /// What failed for good.
    failures: Vec<Failure>,
    /// What failed in this round and may pass.
    passing: Vec<Failure>,
    /// What did so in the round before, and was told of.
    waited_for: Vec<Failure>,
    interrupted: bool,
}

/// What EC2 answered when it was asked for a copy.
struct CopyAnswer {
    destination: Region,
    copy: CopyImage,
    answer: Result<ImageId, Failure>,
}

/// Asks for the copies into one region, one after the other, until there is no room for one, or the run is to end: the rest is asked for
/// in a later round.
fn ask_for_copies(run: &Run<'_>, destination: Region, copies: Vec<(CheckedStep, CopyImage)>) -> impl Stream<Item = CopyAnswer> {
    stream::unfold((copies.into_iter(), destination, false), move |(mut copies, destination, is_full)| async move {
        let (step, copy) = copies.next().filter(|_| !is_full && !run.stop.is_requested())?;
        let answer = apply::make(run.account, &step).await?;
        let is_full = answer.as_ref().is_err_and(Failure::is_for_want_of_room);
        Some((CopyAnswer { destination: destination.clone(), copy, answer }, (copies, destination, is_full)))
    })
}

/// A request for an image that came to no answer.
struct Unanswered {
    since: Timestamp,
    failure: Failure,
    name: String,
}

impl Unanswered {
    fn error(&self) -> RunError {
        RunError::Unanswered { failure: Box::new(self.failure.clone()), name: self.name.clone() }
    }
}

struct Made {
    image: ImageId,
    name: String,
    state: ImageState,
    reason: Option<String>,
}

impl<'a> Follow<'a> {
    fn new(run: &'a Run<'a>, request: Option<(&'a ImageRequest, &'a Instance)>, sources: BTreeSet<Region>) -> Self {
        Self {
            run,
            request,
            sources,
            overview: None,
            started_at: run.clock.now(),
            asked_for: None,
            refused_as_taken: None,
            made: None,
            tried: copy::Tried::default(),
            taken: BTreeMap::new(),
            unanswered: None,
            more_to_come: false,
            put_off: BTreeMap::new(),
            is_moving: false,
            answered: BTreeMap::new(),
            missing: BTreeMap::new(),
            told: BTreeMap::new(),
            awaited: Vec::new(),
            copies: BTreeMap::new(),
            read: BTreeSet::new(),
            lost: BTreeSet::new(),
            planned: Vec::new(),
            failures: Vec::new(),
            passing: Vec::new(),
            waited_for: Vec::new(),
            interrupted: false,
        }
    }

    /// Goes on until nothing is in flight any more, and reports.
    async fn finish(mut self) -> Result<ImageReport, RunError> {
        self.until_settled().await?;
        if self.read.is_empty()
            && let Some(failure) = self.failures.iter().find(|failure| failure.is_for_want_of_credentials())
        {
            return Err(RunError::Failed(failure.clone()));
        }
        Ok(self.into_report())
    }

    /// Does a round now and then until the images are made that there will be more to do for.
    async fn rounds_until(&mut self, are_made: &Stop) -> Result<(), RunError> {
        self.more_to_come = true;
        while !are_made.is_requested() && !self.run.stop.is_requested() {
            tokio::select! {
                () = tokio::time::sleep(BESIDE) => { self.round().await?; }
                () = are_made.requested() => {}
                () = self.run.stop.requested() => {}
            }
        }
        self.more_to_come = false;
        // What is there now may not have been there when it was looked last.
        self.read.clear();
        Ok(())
    }

    async fn until_settled(&mut self) -> Result<(), RunError> {
        let mut delays = Delays::new(self.run, self.started_at);
        loop {
            let at_least = self.round().await?;
            if self.run.dry_run || self.is_settled() {
                return Ok(());
            }
            if std::mem::take(&mut self.is_moving) {
                delays.look_again_soon();
            }
            meter::tell(self.run, self.awaited.iter().map(|(region, image)| (region, image))).await;
            if !delays.wait(self.run, at_least).await {
                self.interrupted |= self.run.stop.is_requested();
                return if self.interrupted { Ok(()) } else { self.no_image_in_doubt() };
            }
        }
    }

    /// Patience has run out before anybody could look whether there is an image: then the run does not say that there is none.
    fn no_image_in_doubt(&self) -> Result<(), RunError> {
        if self.made.is_some() {
            return Ok(());
        }
        if let Some(unanswered) = &self.unanswered {
            return Err(unanswered.error());
        }
        // The name may be taken by an earlier attempt of this very call.
        match (&self.refused_as_taken, &self.asked_for) {
            (Some(failure), Some(name)) => Err(RunError::Unanswered { failure: Box::new(failure.clone()), name: name.clone() }),
            _ => Ok(()),
        }
    }

    /// Observe, plan, guard, apply. Says how long to wait at least before the next round.
    async fn round(&mut self) -> Result<Duration, RunError> {
        self.waited_for = std::mem::take(&mut self.passing);
        let now = self.run.clock.now();
        let mut inventory = self.observe_sources().await?;
        self.observe_destinations(&mut inventory, now).await;
        self.miss_sources(&inventory);
        self.tell_states(&inventory);
        let plan = self.plan(&inventory, now)?;
        self.note_standings(&inventory, &plan.copies);
        self.note_awaited(&inventory);
        let permit = self.request.map_or(Permit::Resume, |(request, _)| Permit::Image(request));
        let plan = guard(plan, &inventory, permit, now).map_err(RunError::Refused)?;
        if self.run.dry_run {
            self.planned = plan.plan().steps.iter().filter_map(planned).collect();
            if let Some((request, _)) = self.request {
                let later = |copy: &CopyRequest| PlannedStep::CopyWhenAvailable {
                    region: copy.destination.clone(),
                    encryption: copy.encryption.clone(),
                    completion_minutes: copy.completion,
                };
                self.planned.extend(request.copies.iter().map(later));
            }
            return Ok(Duration::ZERO);
        }
        self.apply(&plan).await
    }

    async fn observe_sources(&mut self) -> Result<Inventory, RunError> {
        let mut inventory = Inventory::default();
        let views = match self.request {
            Some((request, _)) => vec![(request.region.clone(), self.backups_of_instance(request).await)],
            None => {
                // A region in which nothing is in flight any more need not be asked again.
                let may_pass = |destination: &Region| self.waited_for.iter().any(|failure| failure.region == *destination);
                let is_unfinished = |destination: &Result<Region, String>, standing: &Standing| {
                    standing.is_in_flight()
                        || matches!(standing, Standing::DestinationUnseen { .. }) && destination.as_ref().is_ok_and(may_pass)
                };
                let has_unfinished = |region: &Region| {
                    self.copies.iter().any(|((of, _, destination), standing)| of == region && is_unfinished(destination, standing))
                };
                self.sources.retain(|region| self.more_to_come || !self.read.contains(region) || has_unfinished(region));
                in_each(&self.sources, self.run.account, |account, region| async move { observe::backups(&account, &region).await }).await
            }
        };
        for (region, images) in views {
            let view = match images {
                Ok(images) => {
                    self.read.insert(region.clone());
                    RegionView::partial(images)
                }
                // An image is not begun that cannot be followed.
                Err(failure) if self.request.is_some() && self.made.is_none() && !(self.asked_for.is_some() && failure.is_passing()) => {
                    // Even a refusal does not say that no image is made: the SDK may have asked before, and had no answer.
                    return Err(match &self.asked_for {
                        Some(name) => RunError::Unanswered { failure: Box::new(failure), name: name.clone() },
                        None => RunError::Failed(failure),
                    });
                }
                Err(failure) => {
                    let why = failure.to_string();
                    // A region that `resume` cannot read is left to the next run, and so is one that will not be read again
                    // while this run lasts; the others go on.
                    let never_read = self.request.is_none() && !self.more_to_come && !self.read.contains(&region);
                    if never_read || !failure.is_passing() {
                        self.sources.remove(&region);
                        self.lost.insert(region.clone());
                        add_news(&mut self.failures, failure);
                    } else {
                        self.wait_for(failure);
                    }
                    RegionView::unseen(why)
                }
            };
            inventory.regions.insert(region, view);
        }
        observe::settle_account(&mut inventory);
        Ok(inventory)
    }

    async fn backups_of_instance(&self, request: &ImageRequest) -> Result<Vec<Image>, Failure> {
        if let Some(overview) = self.overview {
            return Ok(overview.backups_of(request));
        }
        let mut images = observe::backups_of(self.run.account, &request.region, &request.instance).await?;
        if self.made.is_none() && !self.taken.is_empty() {
            let names = self.taken.keys().map(|(_, name)| name.clone()).collect();
            merge(&mut images, observe::images_named(self.run.account, &request.region, &names).await?);
        }
        Ok(images)
    }

    async fn observe_destinations(&mut self, inventory: &mut Inventory, now: Timestamp) {
        let wanted = copy::destinations(inventory, now);
        let copies = match self.overview {
            Some(overview) => {
                wanted.iter().filter_map(|(region, sources)| Some((region.clone(), overview.copies_of(region, sources)?))).collect()
            }
            None => copies_of(self.run.account, &wanted).await,
        };
        for (region, copies) in copies {
            match copies {
                Ok(copies) => {
                    let unseen = || RegionView::partial(Vec::new());
                    merge(&mut inventory.regions.entry(region).or_insert_with(unseen).images, copies);
                }
                Err(failure) => {
                    inventory.regions.insert(region, RegionView::unseen(failure.to_string()));
                    self.failed(failure);
                }
            }
        }
        observe::settle_account(inventory);
    }

    fn plan(&mut self, inventory: &Inventory, now: Timestamp) -> Result<Plan, RunError> {
        let (mut steps, mut copies) = copy::decide(inventory, now, &self.tried);
        if let Some(agreed) = self.run.agreed {
            let may_copy = |source_region: &Region, source: &ImageId, destination: &Region| {
                inventory.image(source_region, source).is_some_and(|image| agreed.may_copy(source_region, image, destination))
            };
            steps.retain(|step| match &step.action {
                Action::CopyImage(copy) => may_copy(&copy.source_region, &copy.source, &step.region),
                _ => true,
            });
            copies.retain(|CopyStanding { source_region, source, destination, standing }| {
                let is_agreed = destination.as_ref().is_some_and(|destination| may_copy(source_region, source, destination));
                is_agreed || !matches!(standing, Standing::Due | Standing::SourcePending)
            });
        }
        if let Some((request, instance)) = self.request
            && self.made.is_none()
            && let Some(view) = inventory.regions.get(&request.region)
        {
            if let Scope::Unseen(why) = &view.scope {
                return self.image_is_unseen(&request.region, why, now).map(|()| Plan { steps, copies, ..Plan::default() });
            }
            let unavailable =
                self.taken.iter().filter(|(_, looks)| **looks >= LOOKS_FOR_A_NAME).map(|((_, name), _)| name.clone()).collect();
            match (image::decide(request, &instance.facts, view, &unavailable), &self.unanswered) {
                (ImageDecision::Create(_), Some(_)) => self.look_on(now)?,
                (ImageDecision::Create(step), None) => steps.insert(0, *step),
                (ImageDecision::Adopt(image), _) => {
                    let (id, state) = (image.id.clone(), image.state);
                    self.missing.insert((request.region.clone(), id.clone()), 0);
                    self.told.insert((request.region.clone(), id.clone()), state);
                    (self.run.listener)(&Event::State { region: request.region.clone(), image: id.clone(), state });
                    self.made = Some(Made { image: id, name: image.name.clone().unwrap_or_default(), state, reason: None });
                }
                (ImageDecision::NamesTaken(name), _) => return Err(RunError::NamesTaken(name)),
            }
        }
        Ok(Plan { steps, copies, ..Plan::default() })
    }

    /// What to do where nobody can say whether the image is there.
    fn image_is_unseen(&mut self, region: &Region, why: &str, now: Timestamp) -> Result<(), RunError> {
        match (&self.unanswered, &self.asked_for) {
            (Some(_), _) => self.look_on(now),
            (None, Some(_)) => Ok(()),
            (None, None) => Err(RunError::Failed(Failure::malformed(Call::DescribeImages, region, why))),
        }
    }

    /// EC2 did not say whether it has made the image: it is looked for a while longer, or given up.
    fn look_on(&mut self, now: Timestamp) -> Result<(), RunError> {
        let Some(unanswered) = &self.unanswered else { return Ok(()) };
        if now.duration_since(unanswered.since) >= LOOK_FOR_UNANSWERED {
            return Err(unanswered.error());
        }
        let failure = &unanswered.failure;
        self.passing.push(failure.clone());
        Ok(())
    }

    /// Says how long to wait at least before the next round.
    async fn apply(&mut self, plan: &CheckedPlan) -> Result<Duration, RunError> {
        let run = self.run;
        let mut at_least = Duration::ZERO;
        let mut copies: BTreeMap<Region, Vec<(CheckedStep, CopyImage)>> = BTreeMap::new();
        for step in plan.steps() {
            match step.action().clone() {
                Action::CopyImage(copy) => copies.entry(step.region().clone()).or_default().push((step, copy)),
                Action::CreateImage(_) if run.stop.is_requested() => self.interrupted = true,
                Action::CreateImage(create) => {
                    let asked_at = run.clock.now();
                    if let Some(answer) = apply::make(run.account, &step).await {
                        at_least = self.image_is_answered(step.region(), &create, asked_at, answer)?;
                    }
                }
                // The guard lets no deletion pass for these commands.
                Action::RemoveImage(_) | Action::DeleteSnapshot(_) | Action::Retag(_) | Action::Mend(_) => {}
            }
        }
        let mut unasked: usize = copies.values().map(Vec::len).sum();
        // EC2 counts copies by their destination: none of these waits for another.
        let asked = copies.into_iter().map(|(destination, mut copies)| {
            // What found no room goes last, lest it stand in the way of what needs less.
            copies.sort_by_key(|(_, copy)| self.put_off.get(&(destination.clone(), copy.source.clone())));
            ask_for_copies(run, destination, copies).boxed_local()
        });
        let mut answers = stream::select_all(asked.collect::<Vec<_>>());
        while let Some(CopyAnswer { destination, copy, answer }) = answers.next().await {
            unasked -= 1;
            self.copy_is_asked_for(&destination, &copy, answer);
        }
        self.interrupted |= unasked > 0 && run.stop.is_requested();
        Ok(at_least)
    }

    /// Says how long to wait at least before the next round.
    fn image_is_answered(
        &mut self,
        region: &Region,
        create: &CreateImage,
        asked_at: Timestamp,
        answer: Result<ImageId, Failure>,
    ) -> Result<Duration, RunError> {
        self.asked_for = Some(create.name.clone());
        self.refused_as_taken = None;
        match answer {
            Ok(image) => {
                let name = create.name.clone();
                (self.run.listener)(&Event::ImageRequested { region: region.clone(), image: image.clone(), name: name.clone() });
                self.told.insert((region.clone(), image.clone()), ImageState::Pending);
                self.made = Some(Made { image, name, state: ImageState::Pending, reason: None });
            }
            // The next round looks whose the name is.
            Err(failure) if failure.class == Class::Taken => {
                self.name_is_taken(region, &create.name);
                self.refused_as_taken = Some(failure.clone());
                self.passing.push(failure);
            }
            // It may have been made all the same; the next rounds look for it.
            Err(failure) if matches!(failure.class, Class::Passing | Class::Malformed) => {
                self.unanswered = Some(Unanswered { since: asked_at, failure: failure.clone(), name: create.name.clone() });
                self.wait_for(failure);
            }
            Err(failure) if matches!(failure.class, Class::TryLater | Class::Throttled) => {
                self.wait_for(failure);
                return Ok(SNAPSHOT_SPACING);
            }
            Err(failure) => return Err(RunError::Failed(failure)),
        }
        Ok(Duration::ZERO)
    }

    fn copy_is_asked_for(&mut self, destination: &Region, copy: &CopyImage, answer: Result<ImageId, Failure>) {
        match answer {
            Ok(id) => self.copy_is_answered(copy, destination, id),
            Err(failure) if failure.class == Class::Taken => {
                if self.name_is_taken(destination, &copy.name) >= LOOKS_FOR_A_NAME {
                    self.tried.unavailable.insert((destination.clone(), copy.name.clone()));
                }
                self.passing.push(failure);
            }
            Err(failure) if failure.is_passing() => {
                if failure.is_for_want_of_room() {
                    *self.put_off.entry((destination.clone(), copy.source.clone())).or_default() += 1;
                }
                self.wait_for(failure);
            }
            Err(failure) => self.copy_is_refused(copy, destination, failure.to_string()),
        }
    }

    /// A failure beside the main thing: waited out if it may pass, else reported at the end.
    fn failed(&mut self, failure: Failure) {
        if failure.is_passing() { self.wait_for(failure) } else { add_news(&mut self.failures, failure) }
    }

    /// Told when it comes up, and not again while it lasts.
    fn wait_for(&mut self, failure: Failure) {
        if !self.waited_for.iter().chain(&self.passing).any(|known| is_same(known, &failure)) {
            (self.run.listener)(&Event::Waiting(failure.clone()));
        }
        self.passing.push(failure);
    }

    /// EC2 has begun a copy, or says which it was that it began when it was asked before.
    fn copy_is_answered(&mut self, copy: &CopyImage, destination: &Region, id: ImageId) {
        let key = (destination.clone(), id.clone());
        let answers = self.answered.entry(key.clone()).or_default();
        *answers += 1;
        if *answers > LOOKS_FOR_A_NAME {
            // Its client token is still known, so it was there once; somebody has deregistered it since.
            return self.copy_is_refused(copy, destination, format!("EC2 has made {id} of it before, and that is not there any more"));
        }
        if *answers == 1 {
            let event = Event::CopyRequested { source: copy.source.clone(), destination: destination.clone(), copy: id.clone() };
            (self.run.listener)(&event);
            self.told.insert(key.clone(), ImageState::Pending);
        }
        self.tried.started.insert(key);
        self.stands(copy, destination, Standing::InFlight { copy: id });
    }

    fn copy_is_refused(&mut self, copy: &CopyImage, destination: &Region, why: String) {
        self.tried.refused.insert((destination.clone(), copy.source.clone()), why.clone());
        self.stands(copy, destination, Standing::Refused { why });
    }

    fn name_is_taken(&mut self, region: &Region, name: &str) -> u32 {
        let looks = self.taken.entry((region.clone(), name.to_owned())).or_default();
        *looks += 1;
        *looks
    }

    fn stands(&mut self, copy: &CopyImage, destination: &Region, standing: Standing) {
        self.copies.insert((copy.source_region.clone(), copy.source.clone(), Ok(destination.clone())), standing);
    }

    /// Counts the listings from which a source is missing that was there. One that is gone asks for no copies any more.
    fn miss_sources(&mut self, inventory: &Inventory) {
        let seen = |region: &Region| inventory.regions.get(region).is_some_and(|view| view.scope == Scope::Partial);
        let of_copies = self.copies.iter().filter(|(_, standing)| standing.is_in_flight()).map(|((region, source, _), _)| (region, source));
        for (region, source) in of_copies {
            self.missing.entry((region.clone(), source.clone())).or_default();
        }
        let own = self.made.as_ref().zip(self.request).map(|(made, (request, _))| (request.region.clone(), made.image.clone()));
        if let Some(own) = own.filter(|(region, id)| inventory.image(region, id).is_some()) {
            self.missing.entry(own).or_default();
        }
        for ((region, source), listings) in self.missing.iter_mut().filter(|((region, _), _)| seen(region)) {
            *listings = if inventory.image(region, source).is_some() { 0 } else { *listings + 1 };
        }
        for ((region, source, _), standing) in &mut self.copies {
            let gone = self.missing.get(&(region.clone(), source.clone())).is_some_and(|listings| *listings >= LISTINGS_WITHOUT);
            if gone && standing.is_in_flight() {
                *standing = Standing::SourceUnusable { state: ImageState::Deregistered };
            }
        }
    }

    fn note_standings(&mut self, inventory: &Inventory, standings: &[CopyStanding]) {
        // Whoever takes an intent off its source does not want the copy any more.
        self.copies
            .retain(|(source_region, source, _), standing| !standing.is_in_flight() || inventory.image(source_region, source).is_none());
        for CopyStanding { source_region, source, destination, standing } in standings {
            let destination = destination.clone().ok_or_else(|| standing.to_string());
            self.copies.insert((source_region.clone(), source.clone(), destination), standing.clone());
        }
    }

    /// Tells every change of what this run follows: its own image, and the copies under way.
    fn tell_states(&mut self, inventory: &Inventory) {
        if let (Some(made), Some((request, _))) = (&mut self.made, self.request) {
            let missing = self.missing.get(&(request.region.clone(), made.image.clone()));
            match inventory.image(&request.region, &made.image) {
                Some(image) => {
                    made.state = image.state;
                    made.reason.clone_from(&image.state_reason);
                }
                // It was there, and is not any more: somebody deregistered it while we waited.
                None if missing.is_some_and(|listings| *listings >= LISTINGS_WITHOUT) => made.state = ImageState::Deregistered,
                None => {}
            }
        }
        let mut followed: Vec<(Region, ImageId)> = self.told.keys().cloned().collect();
        let pending = |view: &RegionView| {
            view.images
                .iter()
                .filter(|image| image.state == ImageState::Pending && image.copied_from().is_some())
                .map(|image| image.id.clone())
                .collect::<Vec<_>>()
        };
        followed.extend(inventory.regions.iter().flat_map(|(region, view)| pending(view).into_iter().map(|id| (region.clone(), id))));
        for (region, id) in followed {
            if let Some(image) = inventory.image(&region, &id)
                && self.told.insert((region.clone(), id.clone()), image.state) != Some(image.state)
            {
                self.is_moving |= image.state != ImageState::Pending;
                (self.run.listener)(&Event::State { region, image: id, state: image.state });
            }
        }
    }

    fn note_awaited(&mut self, inventory: &Inventory) {
        self.awaited.clear();
        // Nobody else asks.
        if self.run.meter.is_none() {
            return;
        }
        let sources = self.copies.iter().filter(|(_, standing)| standing.is_in_flight()).map(|((region, source, _), _)| (region, source));
        let sources: BTreeSet<(&Region, &ImageId)> = sources.collect();
        for (region, view) in &inventory.regions {
            let pending = view.images.iter().filter(|image| image.state == ImageState::Pending);
            let is_awaited =
                |image: &&Image| sources.contains(&(region, &image.id)) || self.told.contains_key(&(region.clone(), image.id.clone()));
            self.awaited.extend(pending.filter(is_awaited).map(|image| (region.clone(), image.clone())));
        }
    }

    fn is_settled(&self) -> bool {
        if self.request.is_some() && self.made.is_none() {
            return false;
        }
        // Without waiting, what can be asked for now was asked for, and the rest is `resume`'s.
        if !self.run.wait || self.request.is_some_and(|(request, _)| self.lost.contains(&request.region)) {
            return true;
        }
        match self.made.as_ref().map(|made| made.state) {
            Some(ImageState::Pending) => false,
            // The copies of an image that will never be there are not waited for.
            Some(ImageState::Failed | ImageState::Unusable | ImageState::Deregistered) => true,
            Some(ImageState::Available | ImageState::Disabled) | None => self.passing.is_empty() && !self.has_copies_in_flight(),
        }
    }

    /// Whether a copy is under way that can still be followed.
    fn has_copies_in_flight(&self) -> bool {
        self.copies.iter().any(|((source_region, ..), standing)| standing.is_in_flight() && !self.lost.contains(source_region))
    }

    fn into_report(self) -> ImageReport {
        let ending = self.ending();
        let image = self.made.as_ref().zip(self.request).map(|(made, (request, _))| ImageResult {
            image: made.image.clone(),
            region: request.region.clone(),
            name: made.name.clone(),
            state: made.state,
            reason: made.reason.clone(),
        });
        let own = image.as_ref().map(|image| image.image.clone());
        let mut failures = self.failures;
        if ending != Ending::Done {
            failures.extend(self.passing);
        }
        ImageReport {
            version: 1,
            command: if self.request.is_some() { "image-instance" } else { "resume" }.to_owned(),
            dry_run: self.run.dry_run,
            started: self.started_at,
            finished: self.run.clock.now(),
            instance: self.request.map(|(request, _)| request.instance.clone()),
            instance_name: self.request.and_then(|(_, instance)| instance.facts.name.clone()),
            expire: self.request.and_then(|(request, _)| request.expire),
            image,
            // Copies that were done before this run are no news.
            copies: self
                .copies
                .into_iter()
                .filter(|((_, source, destination), standing)| match (standing, destination) {
                    (Standing::Done { copy }, Ok(region)) => {
                        Some(source) == own.as_ref() || self.told.contains_key(&(region.clone(), copy.clone()))
                    }
                    (Standing::Superseded { .. }, _) => false,
                    _ => true,
                })
                .map(|((source_region, source, destination), standing)| CopyStanding {
                    source_region,
                    source,
                    destination: destination.ok(),
                    standing,
                })
                .collect(),
            planned: self.planned,
            failures,
            ending,
        }
    }

    fn ending(&self) -> Ending {
        if self.interrupted {
            return Ending::Interrupted;
        }
        if self.run.dry_run {
            return if self.failures.is_empty() && self.passing.is_empty() { Ending::Done } else { Ending::SomeFailed };
        }
        let state = self.made.as_ref().map(|made| made.state);
        let lost = self.request.is_some_and(|(request, _)| self.lost.contains(&request.region));
        match state {
            Some(ImageState::Failed | ImageState::Unusable | ImageState::Deregistered) => return Ending::NothingAchieved,
            Some(ImageState::Pending) if self.run.wait && !lost => return Ending::StillInFlight,
            // EC2 never took the request, so there is nothing to be finished.
            None if self.request.is_some() => return Ending::NothingAchieved,
            Some(ImageState::Pending | ImageState::Available | ImageState::Disabled) | None => {}
        }
        if !self.passing.is_empty() || self.run.wait && self.has_copies_in_flight() {
            return Ending::StillInFlight;
        }
        let own = self.made.as_ref().map(|made| &made.image);
        // Of an older backup's copies that are given up, `image-instance` tells; its own work is done all the same.
        let is_failed = |((_, source, _), standing): (&(Region, ImageId, Result<Region, String>), &Standing)| match standing {
            Standing::Failed { .. } | Standing::Refused { .. } | Standing::DestinationUnseen { .. } => true,
            Standing::Lapsed { .. } | Standing::SourceExpires { .. } | Standing::Unreadable { .. } => {
                self.request.is_none() || own == Some(source)
            }
            Standing::Due
            | Standing::SourcePending
            | Standing::InFlight { .. }
            | Standing::Done { .. }
            | Standing::SourceUnusable { .. }
            | Standing::Superseded { .. } => false,
        };
        match self.failures.is_empty() && !self.copies.iter().any(is_failed) {
            true => Ending::Done,
            false if state.is_some() || !self.read.is_empty() => Ending::SomeFailed,
            false => Ending::NothingAchieved,
        }
    }
}

/// The copies, in each of these regions, of images of another.
pub(super) async fn copies_of(
    account: &Account,
    wanted: &BTreeMap<Region, BTreeSet<ImageId>>,
) -> Vec<(Region, Result<Vec<Image>, Failure>)> {
    let regions = wanted.keys().cloned().collect();
    let look = |account: Account, region: Region| {
        let sources = wanted.get(&region).cloned().unwrap_or_default();
        async move { observe::copies_of(&account, &region, &sources).await }
    };
    in_each(&regions, account, look).await
}

/// Adds what is not there yet.
fn merge(images: &mut Vec<Image>, more: Vec<Image>) {
    for image in more {
        if !images.iter().any(|known| known.id == image.id) {
            images.push(image);
        }
    }
}

/// What a dry run shows of a step.
fn planned(step: &Step) -> Option<PlannedStep> {
    let region = step.region.clone();
    match &step.action {
        Action::CreateImage(create) => Some(PlannedStep::CreateImage {
            region,
            instance: create.instance.clone(),
            name: create.name.clone(),
            reboot: create.reboot,
            tags: create.image_tags.clone(),
            snapshot_tags: create.snapshot_tags.clone(),
        }),
        Action::CopyImage(copy) => Some(PlannedStep::CopyImage {
            region,
            source_region: copy.source_region.clone(),
            source: copy.source.clone(),
            name: copy.name.clone(),
            encrypted: copy.encryption != Encryption::AsSource,
            completion_minutes: copy.completion,
            tags: copy.tags.clone(),
        }),
        // The guard lets no deletion pass for these commands.
        Action::RemoveImage(_) | Action::DeleteSnapshot(_) | Action::Retag(_) | Action::Mend(_) => None,
    }
}
