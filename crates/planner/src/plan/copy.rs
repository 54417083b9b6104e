//! Question 2: which copies that were asked for are missing?

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::backup::Backup;
use crate::expiry::Expiry;
use crate::id::{ImageId, Region};
use crate::inventory::{Image, ImageState, Inventory, RegionView, Scope};
use crate::name::{copy_name, copy_token};
use crate::plan::{Action, CopyImage, Step};
use crate::tags::{Encryption, ExpireTag, Intent, UnreadableIntent};

/// A source that expires within this time is not copied any more.
const TOO_LATE_TO_COPY: SignedDuration = SignedDuration::from_hours(1);

/// After so many failed copies of one source to one destination, another one would only leave more debris.
const ATTEMPTS: usize = 3;

/// A lapsed intent is reported for this long, and then no longer looked at.
const LAPSE_IS_NEWS: SignedDuration = SignedDuration::from_hours(48);

/// Where one copy stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CopyStanding {
    /// The region of the source.
    pub source_region: Region,
    /// The source.
    pub source: ImageId,
    /// Where the copy was to go. Absent if the intent tag cannot be read.
    pub destination: Option<Region>,
    /// How far it is.
    #[serde(flatten)]
    pub standing: Standing,
}

/// How far a copy is, and why it is no further.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// It is to be asked for now.
    Due,
    /// The source is still being made.
    SourcePending,
    /// EC2 is copying.
    InFlight {
        /// The copy.
        copy: ImageId,
    },
    /// The copy is there.
    Done {
        /// The copy.
        copy: ImageId,
    },
    /// EC2 could not copy it, and this run does not ask again.
    Failed {
        /// The copy that failed last.
        copy: ImageId,
        /// EC2's explanation.
        reason: Option<String>,
    },
    /// The source cannot be copied as it is.
    SourceUnusable {
        /// Where the source stands.
        state: ImageState,
    },
    /// It was asked for too long ago.
    Lapsed {
        /// Until when it would have been made.
        until: Timestamp,
    },
    /// The source goes within the hour, or is already due to go.
    SourceExpires {
        /// When it may go.
        expire: Expiry,
    },
    /// EC2 refused to copy it, and this run does not ask again.
    Refused {
        /// Why.
        why: String,
    },
    /// The destination could not be read, so that nobody knows what is there.
    DestinationUnseen {
        /// Why.
        why: String,
    },
    /// The intent tag on the source cannot be read.
    Unreadable {
        /// What it says.
        why: String,
    },
}

impl Standing {
    /// Whether a later round, or a later run, may still change it for the better.
    pub fn is_in_flight(&self) -> bool {
        match self {
            Self::Due | Self::SourcePending | Self::InFlight { .. } => true,
            Self::Done { .. }
            | Self::Failed { .. }
            | Self::Refused { .. }
            | Self::SourceUnusable { .. }
            | Self::Lapsed { .. }
            | Self::SourceExpires { .. }
            | Self::DestinationUnseen { .. }
            | Self::Unreadable { .. } => false,
        }
    }
}

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
    for (source_region, view) in &inventory.regions {
        for backup in view.images.iter().filter_map(|image| Backup::recognise(image, account)) {
            let source = backup.image();
            for intent in source.tags.intents().filter(|intent| is_current(intent, now)) {
                let (destination, standing, step) = match intent {
                    Err(unreadable) => (None, Standing::Unreadable { why: unreadable.to_string() }, None),
                    Ok(intent) => {
                        let (standing, step) = one(source_region, source, &intent, inventory, now, tried);
                        (Some(intent.destination), standing, step)
                    }
                };
                steps.extend(step);
                standings.push(CopyStanding { source_region: source_region.clone(), source: source.id.clone(), destination, standing });
            }
        }
    }
    (steps, standings)
}

/// Where the copies of which sources are to be looked for, before [`decide`] can decide.
pub fn destinations(inventory: &Inventory, now: Timestamp) -> BTreeMap<Region, BTreeSet<ImageId>> {
    let mut destinations: BTreeMap<Region, BTreeSet<ImageId>> = BTreeMap::new();
    let Some(account) = &inventory.account else { return destinations };
    let images = inventory.regions.values().flat_map(|view| &view.images);
    for source in images.filter_map(|image| Backup::recognise(image, account)).map(Backup::image) {
        for intent in source.tags.intents().filter(|intent| is_current(intent, now)).flatten() {
            destinations.entry(intent.destination).or_default().insert(source.id.clone());
        }
    }
    destinations
}

fn is_current(intent: &Result<Intent, UnreadableIntent>, now: Timestamp) -> bool {
    intent.as_ref().is_ok_and(|intent| intent.until.saturating_add(LAPSE_IS_NEWS).is_ok_and(|news| now <= news)) || intent.is_err()
}

fn one(
    source_region: &Region,
    source: &Image,
    intent: &Intent,
    inventory: &Inventory,
    now: Timestamp,
    tried: &Tried,
) -> (Standing, Option<Step>) {
    let destination = match inventory.regions.get(&intent.destination) {
        Some(RegionView { scope: Scope::Unseen(why), .. }) => return (Standing::DestinationUnseen { why: why.clone() }, None),
        None => return (Standing::DestinationUnseen { why: "it was not looked at".to_owned() }, None),
        Some(view) => view,
    };
    let copies: Vec<&Image> = destination.images.iter().filter(|image| is_copy_of(image, source, source_region)).collect();
    let first = |state: ImageState| copies.iter().find(|copy| copy.state == state).map(|copy| copy.id.clone());
    // A disabled copy is a copy all the same: somebody disabled it on purpose.
    if let Some(copy) = first(ImageState::Available).or_else(|| first(ImageState::Disabled)) {
        return (Standing::Done { copy }, None);
    }
    if let Some(copy) = first(ImageState::Pending) {
        return (Standing::InFlight { copy }, None);
    }
    let failed: Vec<&&Image> = copies.iter().filter(|copy| copy.state != ImageState::Deregistered).collect();
    if let Some(last) = failed.iter().max_by_key(|copy| copy.created) {
        let ours = failed.iter().find(|copy| tried.started.contains(&(intent.destination.clone(), copy.id.clone())));
        if ours.is_some() || failed.len() >= ATTEMPTS {
            let copy = ours.unwrap_or(last);
            return (Standing::Failed { copy: copy.id.clone(), reason: copy.state_reason.clone() }, None);
        }
    }
    if let Some(why) = tried.refused.get(&(intent.destination.clone(), source.id.clone())) {
        return (Standing::Refused { why: why.clone() }, None);
    }
    match source.state {
        ImageState::Available => {}
        ImageState::Pending => return (Standing::SourcePending, None),
        state => return (Standing::SourceUnusable { state }, None),
    }
    if now > intent.until {
        return (Standing::Lapsed { until: intent.until }, None);
    }
    if let ExpireTag::At(expire) = source.tags.expire()
        && expire.instant().saturating_sub(TOO_LATE_TO_COPY).is_ok_and(|latest| now > latest)
    {
        return (Standing::SourceExpires { expire }, None);
    }
    (Standing::Due, Some(step(source_region, source, intent, failed.len(), tried)))
}

fn step(source_region: &Region, source: &Image, intent: &Intent, failed: usize, tried: &Tried) -> Step {
    let source_name = source.name.as_deref().unwrap_or(source.id.as_str());
    let is_free = |name: &String| !tried.unavailable.contains(&(intent.destination.clone(), name.clone()));
    // Failed copies hold their names; attempts are counted on from them.
    let mut names = (1..).skip(failed).map(|attempt| copy_name(source_name, attempt));
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
    let token = copy_token(&parameters, &encryption, &tags);
    let copy = CopyImage { source_region: source_region.clone(), source: source.id.clone(), name, token, description, encryption, tags };
    Step { region: intent.destination.clone(), action: Action::CopyImage(copy) }
}

/// EC2 says of every copy what it was copied from, failed and nameless ones included.
fn is_copy_of(image: &Image, source: &Image, source_region: &Region) -> bool {
    image.source_image.as_ref().is_some_and(|of| of.id == source.id && of.region.as_ref().is_none_or(|region| region == source_region))
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Due => write!(f, "to be copied"),
            Self::SourcePending => write!(f, "waiting for the source image to be available"),
            Self::InFlight { copy } => write!(f, "{copy} pending"),
            Self::Done { copy } => write!(f, "{copy} available"),
            Self::Failed { copy, reason: Some(reason) } => write!(f, "{copy} failed: {reason}"),
            Self::Failed { copy, reason: None } => write!(f, "{copy} failed, and EC2 gives no reason"),
            Self::Refused { why } => write!(f, "not copied: {why}"),
            Self::SourceUnusable { state } => write!(f, "not copied: the source image is {state}"),
            Self::Lapsed { until } => write!(f, "not copied: asked for too long ago (it would have been made until {until})"),
            Self::SourceExpires { expire } => write!(f, "not copied: the source image may go at {expire}"),
            Self::DestinationUnseen { why } => write!(f, "unknown: the region could not be read: {why}"),
            Self::Unreadable { why } => write!(f, "not copied: {why}"),
        }
    }
}
