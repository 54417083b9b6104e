//! Question 2: which copies that were asked for are missing?

mod standing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use jiff::{SignedDuration, Timestamp};

use crate::backup::Backup;
use crate::id::{AccountId, ImageId, Region};
use crate::inventory::{Image, ImageState, Inventory, RegionView, Scope};
use crate::name::{copy_name, copy_token};
use crate::plan::newest::{NewestCopies, newest_copies};
use crate::plan::{Action, CopyImage, Step};
use crate::tags::{Encryption, ExpireTag, Intent, Mark, UnreadableIntent};

pub use standing::{CopyStanding, Standing};

/// A source that expires within this time is not copied any more.
pub const TOO_LATE_TO_COPY: SignedDuration = SignedDuration::from_hours(1);

/// After so many failed copies of one source to one destination, another one would only leave more debris.
const ATTEMPTS: usize = 3;

/// A lapsed intent is reported for this long, and then no longer looked at.
const LAPSE_IS_NEWS: SignedDuration = SignedDuration::from_hours(48);

/// What this run has tried itself, by destination. Only this is not on EC2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    /// The copies it has asked for. One of them that fails is reported; one that failed before is tried again.
    pub started: BTreeSet<(Region, ImageId)>,
    /// The sources EC2 refused to copy, and why.
    pub refused: BTreeMap<(Region, ImageId), String>,
    /// Names EC2 said are taken although no copy of that name can be seen.
    pub unavailable: BTreeSet<(Region, String)>,
}

/// Decides on every copy that the backups in the inventory ask for.
///
/// `tried` is what this run has asked for so far.
pub fn decide(inventory: &Inventory, now: Timestamp, tried: &Tried) -> (Vec<Step>, Vec<CopyStanding>) {
    let mut steps = Vec::new();
    let mut standings = Vec::new();
    let Some(account) = &inventory.account else { return (steps, standings) };
    let look = Look { inventory, account, copies: copies(inventory), newest: newest_copies(inventory, account, now), now, tried };
    for Asked { source_region, source, intent } in asked(inventory, now) {
        let (destination, standing, step) = match intent {
            Err(why) => (None, Standing::Unreadable { why }, None),
            Ok(intent) => {
                let (standing, step) = look.one(source_region, source, &intent);
                (Some(intent.destination), standing, step)
            }
        };
        steps.extend(step);
        standings.push(CopyStanding { source_region: source_region.clone(), source: source.id.clone(), destination, standing });
    }
    (steps, standings)
}

/// Where the copies of which sources are to be looked for, before [`decide`] can decide.
pub fn destinations(inventory: &Inventory, now: Timestamp) -> BTreeMap<Region, BTreeSet<ImageId>> {
    let mut destinations: BTreeMap<Region, BTreeSet<ImageId>> = BTreeMap::new();
    for Asked { source_region, source, intent } in asked(inventory, now) {
        if let Ok(Intent { destination, .. }) = intent
            && destination != *source_region
        {
            destinations.entry(destination).or_default().insert(source.id.clone());
        }
    }
    destinations
}

/// One copy that a backup asks for, or why nobody can tell what it asks for.
struct Asked<'a> {
    source_region: &'a Region,
    source: &'a Image,
    intent: Result<Intent, String>,
}

/// What the backups ask for, but for what lapsed long ago.
fn asked(inventory: &Inventory, now: Timestamp) -> impl Iterator<Item = Asked<'_>> {
    let is_news = move |intent: &Intent| intent.until.saturating_add(LAPSE_IS_NEWS).is_ok_and(|end| now <= end);
    let sources = inventory.regions.iter().flat_map(|(region, view)| sources(inventory, view).map(move |source| (region, source)));
    sources.flat_map(move |(source_region, Source { image: source, told_alike })| {
        let intents = source.tags.intents().filter(move |intent| intent.as_ref().map_or(true, is_news));
        let as_asked = move |intent: Result<Intent, UnreadableIntent>| match intent {
            Ok(_) if !told_alike => Err(format!("EC2 lists {} twice, and with different tags", source.id)),
            intent => intent.map_err(|unreadable| unreadable.to_string()),
        };
        intents.map(move |intent| Asked { source_region, source, intent: as_asked(intent) })
    })
}

/// A backup that is no copy itself, as it is listed.
struct Source<'a> {
    /// It; listed twice, the version that can less be copied.
    image: &'a Image,
    /// Whether its tags are the same wherever it is listed.
    told_alike: bool,
}

/// The backups of a region that can ask for copies, each once, in the order of the listing. While its pages are read a
/// region goes on changing: an image that any page calls deregistered is gone, and one that any page does not know for
/// ours is not.
fn sources<'a>(inventory: &'a Inventory, view: &'a RegionView) -> impl Iterator<Item = Source<'a>> {
    // Whoever copies a backup by hand copies its intents, too; they are the source's all the same.
    let is_source = |image: &Image| {
        let backup = inventory.account.as_ref().and_then(|account| Backup::recognise(image, account));
        backup.is_some() && image.copied_from().is_none()
    };
    let mut versions: HashMap<&ImageId, Vec<&Image>> = HashMap::with_capacity(view.images.len());
    view.images.iter().for_each(|image| versions.entry(&image.id).or_default().push(image));
    view.images.iter().filter_map(move |image| {
        let versions = versions.remove(&image.id).filter(|versions| versions.iter().all(|version| is_source(version)))?;
        let told_alike = versions.iter().all(|version| version.tags == image.tags);
        let image = versions.into_iter().find(|version| version.state != ImageState::Available).unwrap_or(image);
        Some(Source { image, told_alike })
    })
}

/// What every image was copied to, by the region of the copy and the source. EC2 says of every copy what it was copied
/// from, failed and nameless ones included.
fn copies(inventory: &Inventory) -> HashMap<(&Region, &ImageId), Vec<&Image>> {
    let mut copies: HashMap<(&Region, &ImageId), Vec<&Image>> = HashMap::new();
    for (region, view) in &inventory.regions {
        let gone = view.images.iter().filter(|image| image.state == ImageState::Deregistered);
        let gone: HashSet<&ImageId> = gone.map(|image| &image.id).collect();
        for image in view.images.iter().filter(|image| !gone.contains(&image.id)) {
            if let Some(source) = image.copied_from() {
                copies.entry((region, &source.id)).or_default().push(image);
            }
        }
    }
    copies
}

/// What there is to decide a copy by.
struct Look<'a> {
    inventory: &'a Inventory,
    account: &'a AccountId,
    copies: HashMap<(&'a Region, &'a ImageId), Vec<&'a Image>>,
    newest: NewestCopies<'a>,
    now: Timestamp,
    tried: &'a Tried,
}

impl Look<'_> {
    fn one(&self, source_region: &Region, source: &Image, intent: &Intent) -> (Standing, Option<Step>) {
        if intent.destination == *source_region {
            return (Standing::Unreadable { why: "its tag asks for a copy within its own region".to_owned() }, None);
        }
        match self.inventory.regions.get(&intent.destination).map(|view| &view.scope) {
            Some(Scope::Unseen(why)) => return (Standing::DestinationUnseen { why: why.clone() }, None),
            None => return (Standing::DestinationUnseen { why: "it was not looked at".to_owned() }, None),
            Some(Scope::Whole | Scope::Partial) => {}
        }
        let all = self.copies.get(&(&intent.destination, &source.id)).map(Vec::as_slice).unwrap_or_default();
        let copies: Vec<&Image> = all.iter().copied().filter(|copy| is_from(copy, source_region)).collect();
        // A copy that somebody else made bears none of our tags, so it is no backup: it does not take the place of ours.
        let ours = |copy: &Image| Backup::recognise(copy, self.account).is_some() || self.has_started(intent, copy);
        let first = |state: ImageState| copies.iter().find(|copy| copy.state == state && ours(copy)).map(|copy| copy.id.clone());
        // A disabled copy is a copy all the same: somebody disabled it on purpose.
        if let Some(copy) = first(ImageState::Available).or_else(|| first(ImageState::Disabled)) {
            return (Standing::Done { copy }, None);
        }
        if let Some(copy) = first(ImageState::Pending) {
            return (Standing::InFlight { copy }, None);
        }
        if let Some(by) = self.newer_copy(source, &intent.destination) {
            return (Standing::Superseded { by }, None);
        }
        let mut known: HashSet<&ImageId> = HashSet::new();
        let failed: Vec<&Image> = copies.into_iter().filter(|copy| is_failed_attempt(copy) && known.insert(&copy.id)).collect();
        if let Some(last) = failed.iter().max_by_key(|copy| (copy.created, &copy.id)) {
            let by_this_run = failed.iter().find(|copy| self.has_started(intent, copy));
            if by_this_run.is_some() || failed.len() >= ATTEMPTS {
                let copy = by_this_run.unwrap_or(last);
                return (Standing::Failed { copy: copy.id.clone(), reason: copy.state_reason.clone() }, None);
            }
        }
        if let Some(why) = self.tried.refused.get(&(intent.destination.clone(), source.id.clone())) {
            return (Standing::Refused { why: why.clone() }, None);
        }
        match source.state {
            ImageState::Available => {}
            ImageState::Pending => return (Standing::SourcePending, None),
            state => return (Standing::SourceUnusable { state }, None),
        }
        if self.now > intent.until {
            return (Standing::Lapsed { until: intent.until }, None);
        }
        if let ExpireTag::At(expire) = source.tags.expire()
            && expire.instant().saturating_sub(TOO_LATE_TO_COPY).is_ok_and(|latest| self.now > latest)
        {
            return (Standing::SourceExpires { expire }, None);
        }
        (Standing::Due, Some(step(source_region, source, intent, &failed, self.tried)))
    }

    /// A copy, there, of a newer backup of the source's series.
    fn newer_copy(&self, source: &Image, destination: &Region) -> Option<ImageId> {
        let key = (destination, source.tags.series()?, source.tags.instance()?);
        let slot = source.tags.slot()?;
        self.newest.get(&key).filter(|(newest, _)| *newest > slot).map(|(_, copy)| (*copy).clone())
    }

    fn has_started(&self, intent: &Intent, copy: &Image) -> bool {
        self.tried.started.contains(&(intent.destination.clone(), copy.id.clone()))
    }
}

/// EC2 may leave a failed copy nameless and untagged (packer issue 7954), so it counts unless it bears another's mark.
fn is_failed_attempt(copy: &Image) -> bool {
    let failed = matches!(copy.state, ImageState::Failed | ImageState::Unusable);
    failed && !matches!(copy.tags.mark(), Mark::Anothers(_))
}

/// Where EC2 does not say which region a copy is from, the id of its source has to do.
fn is_from(copy: &Image, source_region: &Region) -> bool {
    copy.copied_from().is_some_and(|source| source.region.as_ref().is_none_or(|region| region == source_region))
}

fn step(source_region: &Region, source: &Image, intent: &Intent, failed: &[&Image], tried: &Tried) -> Step {
    let source_name = source.name.as_deref().unwrap_or(source.id.as_str());
    let is_free = |name: &String| {
        let held = failed.iter().any(|copy| copy.name.as_ref() == Some(name));
        !held && !tried.unavailable.contains(&(intent.destination.clone(), name.clone()))
    };
    // Attempts are counted on from the failed copies, which hold their names if they have any.
    let mut names = (1..).skip(failed.len()).map(|attempt| copy_name(source_name, attempt));
    let name = names.find(is_free).unwrap_or_else(|| copy_name(source_name, u32::MAX));
    let tags = source.tags.for_copy();
    // EC2's pages contradict one another on what becomes of an encrypted source without a word said, so it is said.
    let encryption = match &intent.encryption {
        Encryption::AsSource if source.is_encrypted() => Encryption::DefaultKey,
        asked => asked.clone(),
    };
    let of = tags.instance_name().unwrap_or(source.id.as_str());
    let description = super::image::description(of);
    let parameters = [source_region.as_str(), source.id.as_str(), intent.destination.as_str(), name.as_str(), &description];
    let completion = intent.completion;
    let token = copy_token(&parameters, &encryption, completion, &tags);
    let (source_region, source) = (source_region.clone(), source.id.clone());
    let copy = CopyImage { source_region, source, name, token, description, encryption, completion, tags };
    Step { region: intent.destination.clone(), action: Action::CopyImage(copy) }
}
