//! One series over time: its runs, each at the moment at which it would be, on an inventory that holds nothing else.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{DateRange, Fate, Kept, Start};
use crate::backup::Backup;
use crate::evidence::{Answer, Evidence};
use crate::fleet::Instance;
use crate::guard::{Permit, Refusal, guard};
use crate::id::{AccountId, ImageId, InstanceId, Region, SeriesName};
use crate::inventory::{Image, ImageState, Inventory, Protection, RegionView, Scope, SourceImage};
use crate::plan::due::{Question, Standing, left_out, rules};
use crate::plan::image::{ImageDecision, InstanceFacts};
use crate::plan::purge::{Decision, KeepReason, Subject, Verdict};
use crate::plan::{Action, Plan};
use crate::policy::file::{Policy, Target};
use crate::policy::select::{InstanceState, select};
use crate::policy::settings::{OVERRIDE_PREFIX, Settings};
use crate::policy::{ImageRequest, PurgePolicy};
use crate::schedule::Schedule;
use crate::tags::Tags;

/// Series that are alike in all that matters.
pub(super) struct Kind<'a> {
    series: SeriesName,
    /// The target of that name, if the policy has it for this account.
    target: Option<&'a Target>,
    /// Whether backups are still made.
    pub(super) goes_on: bool,
    /// The first of the instances, which stands for all.
    instance: Instance,
    pub(super) instances: Vec<InstanceId>,
    /// What one full set of the volumes of all of them takes.
    gib: Option<u64>,
    /// Its backups at the beginning.
    there: Vec<Seen<'a>>,
}

/// A backup at the beginning, and where.
type Seen<'a> = (&'a Region, &'a Image);

/// A backup or copy that was made, or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at: Timestamp,
    pub(super) region: Region,
    pub(super) slot: Timestamp,
    /// It was there at the beginning.
    pub(super) is_start: bool,
}

/// What a run left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) regions: BTreeMap<Region, Kept>,
    pub(super) oldest: Option<Timestamp>,
}

/// What became of a series, in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct History {
    pub(super) series: SeriesName,
    /// How many series have this history.
    pub(super) count: u64,
    /// What one full set of the volumes of all their instances takes.
    pub(super) gib: Option<u64>,
    pub(super) made: Vec<Event>,
    pub(super) gone: Vec<Event>,
    states: Vec<(Timestamp, State)>,
}

/// What tells kinds apart: whether they go on, the series, the region, what the instances say of themselves, and what they begin with.
type Distinction<'a> = (bool, SeriesName, Region, Vec<(String, String)>, Vec<(&'a Region, bool, ImageState, Tags)>);

/// The kinds of series there are: one of each instance that the policy selects, and those that have ended and left backups.
pub(super) fn kinds<'a>(policy: &'a Policy, account_name: &str, start: Start<'a>) -> Vec<Kind<'a>> {
    let mut there: BTreeMap<(SeriesName, InstanceId), Vec<Seen<'a>>> = BTreeMap::new();
    for (region, image) in start.inventory.into_iter().flat_map(backups) {
        let instance = start.inventory.and_then(|inventory| Backup::recognise(image, inventory.account.as_ref()?)?.series());
        if let (Some(series), Some(instance)) = (image.tags.series(), instance) {
            there.entry((series, instance)).or_default().push((region, image));
        }
    }
    let mut kinds = Kinds::default();
    let mut met = BTreeSet::new();
    for instance in start.instances.iter().filter(|instance| met.insert((&instance.region, &instance.id))) {
        if let Some(target) = select(policy, account_name, &instance.candidate()).target {
            let seen = there.remove(&(target.name.clone(), instance.id.clone())).unwrap_or_default();
            // One that is starting or stopping has done so by the next run.
            let running = Instance { state: InstanceState::Running, ..instance.clone() };
            kinds.add(target.name.clone(), Some(target), true, running, seen);
        }
    }
    let known: HashMap<&InstanceId, &Instance> = start.instances.iter().map(|instance| (&instance.id, instance)).collect();
    for ((series, id), seen) in there {
        let Some((first, _)) = seen.iter().find(|(_, image)| image.copied_from().is_none()).or(seen.first()) else { continue };
        let instance = known.get(&id).map_or_else(|| gone(id, first), |known| (*known).clone());
        let target = policy.target(&series).filter(|target| target.accounts.contains(account_name));
        kinds.add(series, target, false, instance, seen);
    }
    kinds.kinds
}

/// An instance of which nothing is left but backups.
fn gone(id: InstanceId, region: &Region) -> Instance {
    Instance {
        id,
        region: region.clone(),
        availability_zone: String::new(),
        state: InstanceState::Terminated,
        tags: Tags::default(),
        root_device: None,
        volumes: Vec::new(),
    }
}

#[derive(Default)]
struct Kinds<'a> {
    kinds: Vec<Kind<'a>>,
    known: BTreeMap<Distinction<'a>, usize>,
}

impl<'a> Kinds<'a> {
    fn add(&mut self, series: SeriesName, target: Option<&'a Target>, goes_on: bool, instance: Instance, there: Vec<Seen<'a>>) {
        let gib = gib(target.filter(|_| goes_on), &instance, &there);
        let own = instance.tags.iter().filter(|(key, _)| key.starts_with(OVERRIDE_PREFIX));
        let own = own.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let mut begins: Vec<_> = there.iter().map(|(region, image)| begins(region, image)).collect();
        begins.sort();
        let distinction = (goes_on, series.clone(), instance.region.clone(), own, begins);
        let place = *self.known.entry(distinction).or_insert(self.kinds.len());
        match self.kinds.get_mut(place) {
            Some(kind) => {
                kind.instances.push(instance.id);
                kind.gib = kind.gib.zip(gib).map(|(one, other)| one.saturating_add(other));
            }
            None => self.kinds.push(Kind { series, target, goes_on, instances: vec![instance.id.clone()], instance, gib, there }),
        }
    }
}

/// What one full set of an instance's volumes takes: as they are now, or were in its largest backup.
fn gib(target: Option<&Target>, instance: &Instance, there: &[Seen<'_>]) -> Option<u64> {
    let now = target.map(|target| {
        let left_out = left_out(&target.settings, instance);
        let volumes = instance.volumes.iter().filter(|volume| !left_out.contains(&volume.device));
        volumes.map(|volume| volume.size_gib).sum::<Option<u64>>()
    });
    let before = there.iter().map(|(_, image)| image.mappings.iter().map(|mapping| mapping.size_gib).sum::<Option<u64>>());
    before.chain(now).try_fold(0, |largest, size| Some(size?.max(largest)))
}

/// What a simulation can go on with: what is being made will be made again.
fn backups(inventory: &Inventory) -> impl Iterator<Item = (&Region, &Image)> {
    let images = inventory.regions.iter().flat_map(|(region, view)| view.images.iter().map(move |image| (region, image)));
    images.filter(|(_, image)| !matches!(image.state, ImageState::Pending | ImageState::Deregistered))
}

fn begins<'a>(region: &'a Region, image: &Image) -> (&'a Region, bool, ImageState, Tags) {
    let others = image.tags.iter().filter(|(key, _)| !matches!(*key, "Instance" | "Name" | "AvailabilityZone"));
    let others = Tags::new(others.map(|(key, value)| (key.to_owned(), value.to_owned())));
    (region, image.copied_from().is_some(), image.state, others)
}

impl Kind<'_> {
    pub(super) fn region(&self) -> &Region {
        &self.instance.region
    }

    /// All its runs from the beginning to before the end.
    pub(super) fn replay(
        &self,
        policy: &Policy,
        account_name: &str,
        from: Timestamp,
        end: Timestamp,
        missed: &[DateRange],
    ) -> Result<History, Refusal> {
        let (mut world, settings, _) = self.world(policy, account_name, from);
        // Where no target is left, nothing ever changes.
        let runs = settings.map_or_else(|| [from].into(), |settings| runs(&settings.schedule, &settings.zone, from, end, missed));
        for now in runs {
            let may_change = world.run(now)?;
            if !self.goes_on && !may_change {
                break;
            }
        }
        Ok(world.history)
    }

    /// Whether it begins with this backup.
    pub(super) fn has(&self, region: &Region, image: &ImageId) -> bool {
        self.there.iter().any(|(place, there)| *place == region && there.id == *image)
    }

    /// What becomes of a backup that it begins with, by its runs until an instant.
    pub(super) fn fate(
        &self,
        policy: &Policy,
        account_name: &str,
        from: Timestamp,
        until: Timestamp,
        (region, image): (&Region, &ImageId),
    ) -> Result<Fate, Refusal> {
        let (mut world, settings, ids) = self.world(policy, account_name, from);
        let mut known = self.there.iter().zip(ids);
        let id = known.find_map(|((place, there), id)| id.filter(|_| *place == region && there.id == *image));
        let Some(id) = id else { return Ok(Fate::Stays) };
        let runs = settings.map_or_else(|| [from].into(), |settings| runs(&settings.schedule, &settings.zone, from, until, &[]));
        let mut judged = 0;
        for now in runs {
            let may_change = world.run(now)?;
            if world.inventory.image(region, &id).is_none() {
                return Ok(Fate::Goes { at: now });
            }
            if !self.goes_on && !may_change {
                return Ok(Fate::Stays);
            }
            judged += world.inventory.regions.values().map(|view| view.images.len()).sum::<usize>();
            if judged > MOST_JUDGED {
                return Ok(Fate::IsThereStill { until: now });
            }
        }
        Ok(Fate::IsThereStill { until })
    }

    /// Its beginning, what holds for it if there is a target for it, and by which id each of its backups is known there.
    fn world<'w>(
        &'w self,
        policy: &'w Policy,
        account_name: &'w str,
        from: Timestamp,
    ) -> (World<'w>, Option<Settings>, Vec<Option<ImageId>>) {
        let settings = self.target.map(|target| target.settings_for(&self.instance.candidate()).0);
        let copies = settings.iter().flat_map(|settings| &settings.copies).map(|copy| &copy.region);
        let regions: BTreeSet<Region> =
            std::iter::once(self.region()).chain(copies).chain(self.there.iter().map(|(region, _)| *region)).cloned().collect();
        let series = Some(rules(policy, account_name, std::slice::from_ref(&self.instance)));
        let history = History {
            series: self.series.clone(),
            count: u64::try_from(self.instances.len()).unwrap_or(u64::MAX),
            gib: self.gib,
            made: Vec::new(),
            gone: Vec::new(),
            states: Vec::new(),
        };
        let mut world = World {
            account: ACCOUNT.parse().ok(),
            instance: &self.instance,
            question: self.goes_on.then(|| Question::of(policy, account_name, std::slice::from_ref(&self.instance))),
            inventory: Inventory::default(),
            purge: PurgePolicy { regions, require_checks: true, series, ..PurgePolicy::default() },
            slots: HashMap::new(),
            history,
        };
        let ids = world.begin(&self.there, from);
        (world, settings, ids)
    }
}

/// Whose all of it is.
const ACCOUNT: &str = "000000000000";

/// So many backups are judged at most, over all runs, to find out what becomes of one: of years of a daily series, or months of an hourly
/// one. Somebody waits for it.
const MOST_JUDGED: usize = 250_000;

/// When runs are: at the beginning, at each slot, and when missed days are over.
fn runs(schedule: &Schedule, zone: &TimeZone, from: Timestamp, end: Timestamp, missed: &[DateRange]) -> BTreeSet<Timestamp> {
    let midnight = |date: jiff::civil::Date| date.to_zoned(zone.clone()).map_or(Timestamp::MAX, |midnight| midnight.timestamp());
    let away: Vec<(Timestamp, Timestamp)> =
        missed.iter().map(|range| (midnight(range.first), range.last.tomorrow().map_or(Timestamp::MAX, midnight))).collect();
    let slots = std::iter::successors(schedule.next_slot(from), |slot| schedule.next_slot(*slot));
    let mut runs: BTreeSet<Timestamp> = slots.take_while(|slot| *slot < end).collect();
    runs.insert(from);
    runs.extend(away.iter().map(|(_, back)| *back));
    runs.retain(|now| (from..end).contains(now) && !away.iter().any(|(gone, back)| (*gone..*back).contains(now)));
    runs
}

struct World<'a> {
    account: Option<AccountId>,
    instance: &'a Instance,
    /// What the policy asks of the instance, if it still makes backups.
    question: Option<Question<'a>>,
    inventory: Inventory,
    purge: PurgePolicy,
    /// Of everything that there ever was.
    slots: HashMap<ImageId, Timestamp>,
    history: History,
}

impl World<'_> {
    /// Puts there what there is, and says by which id each is known from now on.
    fn begin(&mut self, there: &[(&Region, &Image)], from: Timestamp) -> Vec<Option<ImageId>> {
        self.inventory.account.clone_from(&self.account);
        for region in &self.purge.regions {
            let evidence = Evidence {
                references: Answer::Told(BTreeMap::new()),
                launch_configurations: Answer::Told(BTreeMap::new()),
                locks: Answer::Told(BTreeMap::new()),
                binned: Answer::Told(BTreeSet::new()),
            };
            let view = RegionView { scope: Scope::Whole, images: Vec::new(), snapshots: Vec::new(), evidence };
            self.inventory.regions.insert(region.clone(), view);
        }
        let put = |(region, image): &(&Region, &Image)| {
            // Nothing else than the rules decides here, and nobody else has a say.
            let image = Image { owner: self.account.clone(), protection: Protection::Off, mappings: Vec::new(), ..(*image).clone() };
            self.put(region, image, from, true)
        };
        there.iter().map(put).collect()
    }

    fn put(&mut self, region: &Region, mut image: Image, at: Timestamp, is_start: bool) -> Option<ImageId> {
        let id: ImageId = format!("ami-{:017x}", self.slots.len()).parse().ok()?;
        image.id = id.clone();
        let slot = image.tags.slot().unwrap_or(at);
        let view = self.inventory.regions.get_mut(region)?;
        if let Answer::Told(asked) = &mut view.evidence.references {
            asked.insert(id.clone(), Vec::new());
        }
        view.images.push(image);
        self.slots.insert(id.clone(), slot);
        self.history.made.push(Event { at, region: region.clone(), slot, is_start });
        Some(id)
    }

    /// One run, and whether a later one may find something to do though nothing is made meanwhile.
    fn run(&mut self, now: Timestamp) -> Result<bool, Refusal> {
        if let Some(question) = &self.question {
            for item in question.decide(&self.inventory, now).items {
                if let Standing::Due { request, .. } = item.standing {
                    self.make(&request, now);
                }
            }
        }
        let plan = crate::plan::purge::decide(&self.inventory, &self.purge, now);
        let checked = guard(plan, &self.inventory, Permit::Purge(&self.purge), now)?;
        for step in checked.steps() {
            self.apply(step.region(), step.action(), now);
        }
        let state = self.state(checked.plan());
        self.history.states.push((now, state));
        let is_for_now = |verdict: &Verdict| match &verdict.decision {
            Decision::Keep { reason } => {
                matches!(reason, KeepReason::NotExpired { .. } | KeepReason::Uncopied { .. } | KeepReason::SlotAhead { .. })
            }
            Decision::Purge { .. } => true,
        };
        Ok(checked.plan().verdicts.iter().any(is_for_now))
    }

    /// Makes what is asked for, and its copies.
    fn make(&mut self, request: &ImageRequest, now: Timestamp) {
        let facts = InstanceFacts {
            name: self.instance.tags.name().map(str::to_owned),
            availability_zone: self.instance.availability_zone.clone(),
        };
        let Some(view) = self.inventory.regions.get(&request.region) else { return };
        let ImageDecision::Create(step) = crate::plan::image::decide(request, &facts, view, &BTreeSet::new()) else { return };
        let Action::CreateImage(create) = step.action else { return };
        let Some(id) = "ami-00000000".parse().ok() else { return };
        let image = Image {
            id,
            owner: self.account.clone(),
            name: Some(create.name),
            state: ImageState::Available,
            state_reason: None,
            created: Some(now),
            source_instance: Some(request.instance.clone()),
            source_image: None,
            protection: Protection::Off,
            deprecation: None,
            mappings: Vec::new(),
            tags: create.image_tags,
        };
        let copy = Image { source_instance: None, tags: image.tags.for_copy(), ..image.clone() };
        let Some(source) = self.put(&request.region, image, now, false) else { return };
        for wanted in &request.copies {
            let source_image = Some(SourceImage { id: source.clone(), region: Some(request.region.clone()) });
            self.put(&wanted.destination, Image { source_image, ..copy.clone() }, now, false);
        }
    }

    fn apply(&mut self, region: &Region, action: &Action, now: Timestamp) {
        let (Action::RemoveImage(remove), Some(view)) = (action, self.inventory.regions.get_mut(region)) else { return };
        view.images.retain(|image| image.id != remove.image);
        if let Answer::Told(asked) = &mut view.evidence.references {
            asked.remove(&remove.image);
        }
        if let Some(slot) = self.slots.get(&remove.image) {
            self.history.gone.push(Event { at: now, region: region.clone(), slot: *slot, is_start: false });
        }
    }

    fn state(&self, plan: &Plan) -> State {
        let mut state = State::default();
        for verdict in &plan.verdicts {
            let (Subject::Backup(label), Decision::Keep { reason }) = (&verdict.subject, &verdict.decision) else { continue };
            let kept = state.regions.entry(verdict.region.clone()).or_insert_with(Kept::nothing);
            kept.backups += 1;
            match reason {
                KeepReason::Wanted { rules, .. } if let Some(first) = rules.first() => {
                    *kept.by_rule.entry(first.rule).or_default() += 1;
                }
                KeepReason::NewestOfSeries { .. } => kept.newest += 1,
                _ => kept.otherwise += 1,
            }
            if label.state == ImageState::Available
                && let Some(slot) = self.slots.get(&label.image)
            {
                state.oldest = Some(state.oldest.map_or(*slot, |known| known.min(*slot)));
            }
        }
        state
    }
}

impl History {
    /// What the last run before an instant left.
    pub(super) fn state_before(&self, instant: Timestamp) -> Option<&State> {
        let past = self.states.partition_point(|(at, _)| *at < instant);
        past.checked_sub(1).and_then(|last| self.states.get(last)).map(|(_, state)| state)
    }
}

/// From when to when there was something of each slot in each region.
pub(super) type Spans<'h> = BTreeMap<(&'h Region, Timestamp), (Timestamp, Option<Timestamp>)>;

/// The same of all these histories together.
pub(super) fn spans<'h>(histories: impl Iterator<Item = &'h History>) -> Spans<'h> {
    let (mut spans, mut left): (Spans<'_>, BTreeMap<_, usize>) = (BTreeMap::new(), BTreeMap::new());
    for history in histories {
        for event in &history.made {
            let span = spans.entry((&event.region, event.slot)).or_insert((event.at, None));
            span.0 = span.0.min(event.at);
            *left.entry((&event.region, event.slot)).or_default() += 1;
        }
        for event in &history.gone {
            let key = (&event.region, event.slot);
            if let (Some(left), Some(span)) = (left.get_mut(&key), spans.get_mut(&key)) {
                *left = left.saturating_sub(1);
                span.1 = (*left == 0).then_some(event.at);
            }
        }
    }
    spans
}
