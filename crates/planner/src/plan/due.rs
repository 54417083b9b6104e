//! Question 0: which backups are due?

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::collections::hash_map::Entry;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use jiff::{SignedDuration, Timestamp};

use crate::backup::Backup;
use crate::fleet::Instance;
use crate::id::{ImageId, InstanceId, Region, SeriesName};
use crate::inventory::{ImageState, Inventory, Scope};
use crate::plain::one_line;
use crate::policy::file::{Policy, Target, Warning};
use crate::policy::select::{InstanceState, Why, select};
use crate::policy::settings::{OVERRIDE_PREFIX, Settings};
use crate::policy::{CopyRequest, INTENT_LIFE, ImageRequest, SeriesRequest, SeriesRule, SeriesRules};
use crate::tags::Tags;

/// A run of a policy waits for no longer than this. It is the same for all, so that two runs ask for the same.
pub const PATIENCE: SignedDuration = INTENT_LIFE;

/// So many tags of an instance are carried over to its backup, so that there is room for ours among EC2's 50.
pub const CARRIED_TAGS: usize = 30;

/// How every instance stands with a policy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Due {
    /// The instances, each once, in the order they came in.
    pub items: Vec<DueItem>,
    /// What a person should know about it.
    pub warnings: Vec<Warning>,
}

/// How one instance stands.
#[derive(Debug, Clone, PartialEq)]
pub struct DueItem {
    /// The instance.
    pub instance: InstanceId,
    /// Its region.
    pub region: Region,
    /// Its `Name` tag.
    pub name: Option<String>,
    /// The target it belongs to.
    pub target: Option<SeriesName>,
    /// Whether a backup of it is due.
    pub standing: Standing,
}

/// Whether a backup of an instance is due.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// It is.
    Due {
        /// The newest slot of its schedule. Earlier ones that were missed are not made up for.
        slot: Timestamp,
        /// What is to be asked for.
        request: Box<ImageRequest>,
    },
    /// It is there.
    Done {
        /// The newest slot.
        slot: Timestamp,
        /// The backup.
        newest: ImageId,
        /// When the next one is due.
        next: Option<Timestamp>,
    },
    /// It is being made.
    InFlight {
        /// The newest slot.
        slot: Timestamp,
        /// The image.
        image: ImageId,
    },
    /// Its schedule has not begun.
    NotYet {
        /// When the first one is due.
        next: Option<Timestamp>,
    },
    /// The policy does not ask for any.
    NotSelected {
        /// Why.
        why: Why,
    },
    /// It is due, but EC2 makes images of running and of stopped instances only.
    CannotBeImaged {
        /// Where the instance stands.
        state: InstanceState,
    },
    /// Which backups there are could not be seen.
    RegionUnseen {
        /// Why.
        why: String,
    },
}

/// Decides how every instance of an account stands with the policy. The account is a name of the policy's, or
/// [`SELF`](crate::policy::file::SELF).
///
/// Whatever is asked for follows from the policy, the instance and the slot, and not from `now`: two runs at once ask for the same.
pub fn decide(policy: &Policy, account_name: &str, instances: &[Instance], inventory: &Inventory, now: Timestamp) -> Due {
    Question::of(policy, account_name, instances).decide(inventory, now)
}

/// What a policy asks of instances: worked out once, to be answered at one moment or at many.
pub struct Question<'a> {
    instances: Vec<Asked<'a>>,
    settings: Vec<Settings>,
}

/// What is asked of one instance.
struct Asked<'a> {
    instance: &'a Instance,
    /// The target it belongs to, and the place of what holds for it among the settings; or why it belongs to none.
    target: Result<(&'a Target, usize), Why>,
    warnings: Vec<Warning>,
}

impl<'a> Question<'a> {
    /// Of these instances, each of which is asked about once.
    pub fn of(policy: &'a Policy, account_name: &str, instances: &'a [Instance]) -> Self {
        let mut question = Self { instances: Vec::new(), settings: Vec::new() };
        let mut alike: HashMap<(&SeriesName, &Region), usize> = HashMap::new();
        let mut met = HashSet::new();
        for instance in instances.iter().filter(|instance| met.insert((&instance.region, &instance.id))) {
            let candidate = instance.candidate();
            let selection = select(policy, account_name, &candidate);
            let mut warnings = Vec::new();
            let target = selection.target.ok_or(selection.why).map(|target| {
                let next = question.settings.len();
                let settings = if overrides(instance) {
                    let (settings, ignored, _) = target.settings_for(&candidate);
                    warnings = ignored;
                    settings
                } else {
                    match alike.entry((&target.name, &instance.region)) {
                        Entry::Occupied(known) => return (target, *known.get()),
                        Entry::Vacant(free) => free.insert(next),
                    };
                    settings_in(target, &instance.region)
                };
                question.settings.push(settings);
                (target, next)
            });
            question.instances.push(Asked { instance, target, warnings });
        }
        question
    }

    /// Decides how each of them stands: see [`decide`].
    pub fn decide(&self, inventory: &Inventory, now: Timestamp) -> Due {
        let made = Made::of(inventory, now);
        let slots: Vec<Slots<'_>> = self.settings.iter().map(|settings| Slots::of(settings, now)).collect();
        let mut due = Due::default();
        for Asked { instance, target, warnings } in &self.instances {
            due.warnings.extend(warnings.iter().cloned());
            let standing = match target {
                Err(why) => Standing::NotSelected { why: why.clone() },
                Ok((target, place)) => slots[*place].standing(target, instance, inventory, &made, &mut due.warnings),
            };
            due.items.push(DueItem {
                instance: instance.id.clone(),
                region: instance.region.clone(),
                name: instance.tags.name().map(str::to_owned),
                target: target.as_ref().ok().map(|(target, _)| target.name.clone()),
                standing,
            });
        }
        due
    }
}

/// What this policy wants of backups, keep rules first, which a purge is under: those of its targets in an account, and of the instances whose own tags say
/// otherwise. These hold for whatever series an instance's backups are of, though it may be of another target by now, or of none.
pub fn rules(policy: &Policy, account_name: &str, instances: &[Instance]) -> SeriesRules {
    let mut rules = SeriesRules::default();
    for target in policy.targets.iter().filter(|target| target.accounts.contains(account_name)) {
        let rule = SeriesRule::of(&target.settings);
        for instance in instances.iter().filter(|instance| overrides(instance)) {
            let (settings, _, _) = target.settings_for(&instance.candidate());
            let own = SeriesRule { copies: rule.copies.clone(), ..SeriesRule::of(&settings) };
            if own != rule {
                rules.instances.insert((target.name.clone(), instance.id.clone()), own);
            }
        }
        rules.targets.insert(target.name.clone(), rule);
    }
    rules
}

impl SeriesRule {
    /// What some settings want.
    pub fn of(settings: &Settings) -> Self {
        Self {
            keep: settings.keep.clone(),
            zone: settings.zone.clone(),
            keep_uncopied: settings.keep_uncopied,
            allow_empty: settings.unsafe_allow_empty,
            copies: settings.copies.iter().map(|copy| (copy.region.clone(), copy.keep.clone())).collect(),
            deprecate_after: settings.deprecate_after,
            protect: settings.protect,
        }
    }
}

/// What holds for the instances of a target in a region that say nothing themselves.
fn settings_in(target: &Target, region: &Region) -> Settings {
    let mut settings = target.settings.clone();
    settings.copies.retain(|copy| copy.region != *region);
    settings
}

/// Whether an instance's own tags say anything.
fn overrides(instance: &Instance) -> bool {
    instance.tags.iter().any(|(key, _)| key.starts_with(OVERRIDE_PREFIX))
}

/// The newest backups that are there, or under way. What failed is none, and neither is a copy, nor what says that it is of a time
/// yet to come: no tag keeps a backup from being made.
#[derive(Default)]
struct Made<'a> {
    good: HashMap<(&'a Region, SeriesName, InstanceId), (Timestamp, &'a ImageId)>,
    pending: HashMap<(&'a Region, SeriesName, InstanceId), (Timestamp, &'a ImageId)>,
}

impl<'a> Made<'a> {
    fn of(inventory: &'a Inventory, now: Timestamp) -> Self {
        let mut made = Self::default();
        let Some(account) = &inventory.account else { return made };
        for (region, view) in &inventory.regions {
            for backup in view.images.iter().filter_map(|image| Backup::recognise(image, account)) {
                let image = backup.image();
                let newest = match image.state {
                    ImageState::Available | ImageState::Disabled => &mut made.good,
                    ImageState::Pending => &mut made.pending,
                    ImageState::Failed | ImageState::Unusable | ImageState::Deregistered => continue,
                };
                if let (None, Some(series), Some(instance), Some(slot)) =
                    (image.copied_from(), image.tags.series(), backup.series(), image.tags.slot().filter(|slot| *slot <= now))
                {
                    let known = newest.entry((region, series, instance)).or_insert((slot, &image.id));
                    *known = (slot, &image.id).max(*known);
                }
            }
        }
        made
    }
}

/// What is due of instances that are alike.
struct Slots<'a> {
    settings: &'a Settings,
    slot: Option<Timestamp>,
    next: Option<Timestamp>,
    /// Until when the copies of this slot are made: for two days, or until two more backups are due.
    copies_until: Timestamp,
}

impl<'a> Slots<'a> {
    fn of(settings: &'a Settings, now: Timestamp) -> Self {
        let slot = settings.schedule.newest_slot(now);
        let next = settings.schedule.next_slot(slot.unwrap_or(now));
        let second = next.and_then(|next| settings.schedule.next_slot(next)).unwrap_or(Timestamp::MIN);
        let life = slot.unwrap_or(now).saturating_add(INTENT_LIFE).unwrap_or(Timestamp::MAX);
        Self { settings, slot, next, copies_until: life.max(second) }
    }

    fn standing(
        &self,
        target: &Target,
        instance: &Instance,
        inventory: &Inventory,
        made: &Made<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Standing {
        let Self { slot, next, .. } = self;
        let Some(slot) = *slot else { return Standing::NotYet { next: *next } };
        match inventory.regions.get(&instance.region).map(|view| &view.scope) {
            Some(Scope::Whole | Scope::Partial) => {}
            Some(Scope::Unseen(why)) => return Standing::RegionUnseen { why: why.clone() },
            None => return Standing::RegionUnseen { why: "it was not looked at".to_owned() },
        }
        let key = (&instance.region, target.name.clone(), instance.id.clone());
        if let Some((_, newest)) = made.good.get(&key).filter(|(made, _)| *made >= slot) {
            return Standing::Done { slot, newest: (*newest).clone(), next: *next };
        }
        if let Some((_, image)) = made.pending.get(&key).filter(|(made, _)| *made >= slot) {
            return Standing::InFlight { slot, image: (*image).clone() };
        }
        match instance.state {
            // What is newer than this program is for EC2 to decide.
            InstanceState::Running | InstanceState::Stopped | InstanceState::Other => {}
            InstanceState::Pending | InstanceState::Stopping | InstanceState::ShuttingDown | InstanceState::Terminated => {
                return Standing::CannotBeImaged { state: instance.state };
            }
        }
        Standing::Due { slot, request: Box::new(self.request(target, instance, slot, warnings)) }
    }

    fn request(&self, target: &Target, instance: &Instance, slot: Timestamp, warnings: &mut Vec<Warning>) -> ImageRequest {
        let Self { settings, copies_until, .. } = self;
        let mut warn = |text: String| warnings.push(Warning { place: None, text: format!("{}: {text}", instance.id) });
        let carried: Vec<(&str, &str)> = instance.tags.iter().filter(|(key, _)| settings.carries(key)).collect();
        let dropped = carried.len().saturating_sub(CARRIED_TAGS);
        if dropped > 0 {
            warn(format!("{dropped} of its tags are not carried over to the backup, which has room for {CARRIED_TAGS}"));
        }
        let carried = Tags::new(carried.into_iter().take(CARRIED_TAGS).map(|(key, value)| (key.to_owned(), value.to_owned())));
        let copies = settings.copies.iter().map(|copy| CopyRequest {
            destination: copy.region.clone(),
            encryption: copy.encryption.clone(),
            completion: copy.completion,
        });
        ImageRequest {
            instance: instance.id.clone(),
            region: instance.region.clone(),
            slot,
            expire: None,
            reboot: settings.reboot,
            copies: copies.collect(),
            patience: PATIENCE,
            series: Some(SeriesRequest {
                name: target.name.clone(),
                copies_until: *copies_until,
                carried,
                excluded_devices: excluded(settings, instance, &mut warn),
            }),
        }
    }
}

/// The devices that are left out of an instance's backups.
pub(crate) fn left_out(settings: &Settings, instance: &Instance) -> BTreeSet<String> {
    excluded(settings, instance, &mut |_| {})
}

/// The devices that are left out. A backup without the root volume would restore to nothing, so that never is one of them.
fn excluded(settings: &Settings, instance: &Instance, warn: &mut impl FnMut(String)) -> BTreeSet<String> {
    let named = instance.volumes.iter().filter(|volume| {
        // A volume of unknown size is larger than nothing.
        settings.exclude_volumes.excludes(&volume.device, &volume.tags, volume.size_gib.unwrap_or_default())
    });
    let named: BTreeSet<&str> = named.map(|volume| volume.device.as_str()).collect();
    if named.is_empty() {
        return BTreeSet::new();
    }
    let Some(root) = instance.root_device.as_deref() else {
        warn("no volume of it is left out, since EC2 does not say which one is its root volume".to_owned());
        return BTreeSet::new();
    };
    if named.contains(root) {
        warn(format!("its volume {} is not left out: it is the root volume", one_line(root)));
    }
    named.into_iter().filter(|device| *device != root).map(str::to_owned).collect()
}
