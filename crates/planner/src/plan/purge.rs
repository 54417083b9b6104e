//! Question 3: which images and snapshots have had their day?

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::backup::{Backup, Claim};
use crate::expiry::Expiry;
use crate::id::{AccountId, ImageId, InstanceId, Region, SnapshotId};
use crate::inventory::{Image, ImageState, Inventory, Protection, RegionView, Scope, Snapshot, SnapshotState};
use crate::plan::{Action, BackupLabel, Plan, RemoveImage, Step};
use crate::policy::PurgePolicy;
use crate::tags::{ExpireTag, Mark};

/// What becomes of one backup, or of one orphan, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verdict {
    /// Where it is.
    pub region: Region,
    /// What it is.
    pub subject: Subject,
    /// What becomes of it.
    pub decision: Decision,
}

/// What a verdict is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// A backup.
    Backup(BackupLabel),
    /// A snapshot of ours whose image is gone.
    Orphan {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The instance it holds a volume of, by its tag.
        instance: Option<InstanceId>,
        /// When it was begun.
        started: Option<Timestamp>,
        /// When it may go.
        expire: Option<Expiry>,
    },
}

/// Keep or purge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Decision {
    /// It stays.
    Keep {
        /// Why.
        reason: KeepReason,
    },
    /// It goes.
    Purge {
        /// Why.
        reason: PurgeReason,
        /// The snapshots that go with it (of an orphan: none but itself).
        snapshots: Vec<SnapshotId>,
        /// The snapshots of the image that stay behind.
        left: Vec<LeftSnapshot>,
    },
}

/// A snapshot that outlives its image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftSnapshot {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// Why it stays.
    pub reason: KeepReason,
}

/// Why something stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum KeepReason {
    /// It was made to stay.
    NoExpiry,
    /// Its `Expire` tag is no instant.
    UnreadableExpiry {
        /// The tag's text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// Its time has not come.
    NotExpired {
        /// When it will have.
        until: Expiry,
    },
    /// It is still being made.
    Pending,
    /// EC2 protects it from being deregistered.
    Protected {
        /// What EC2 says of it.
        protection: String,
    },
    /// `--keep-last` wants it.
    AmongNewest {
        /// How many of its instance's backups stay in this region.
        keep_last: u32,
    },
    /// `--keep-last` counts by instance and age, and one of them is not known.
    CannotBeCounted,
    /// It is being copied.
    CopyInFlight {
        /// The copy.
        copy: ImageId,
        /// Where to.
        destination: Region,
    },
    /// It may be being copied to a region that could not be read.
    DestinationUnseen {
        /// The region.
        destination: Region,
        /// Why it could not be read.
        why: String,
    },
    /// A snapshot that bears no mark of its own could not be found again once this image, which covers it, were gone.
    WouldStrand {
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// An image that stays is made of it.
    StillUsed {
        /// The image.
        by: ImageId,
    },
    /// It is marked as another's.
    Anothers {
        /// Whose.
        creator: String,
    },
    /// It bears no mark, and EC2 did not make it for this image.
    NotOurs,
    /// It is not among the account's own snapshots.
    NotSeen,
}

/// Why something goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum PurgeReason {
    /// Its time has come.
    Expired {
        /// When.
        at: Expiry,
    },
}

/// Decides on every backup and every orphan in the regions that the policy names.
///
/// A region that was not wholly seen yields neither a step nor a verdict.
pub fn decide(inventory: &Inventory, policy: &PurgePolicy, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let Some(account) = &inventory.account else { return plan };
    for region in &policy.regions {
        if let Some(view) = inventory.regions.get(region).filter(|view| view.scope == Scope::Whole) {
            RegionPurge::new(inventory, account, region, view, policy, now).decide(&mut plan);
        }
    }
    plan
}

struct RegionPurge<'a> {
    inventory: &'a Inventory,
    account: &'a AccountId,
    region: &'a Region,
    policy: &'a PurgePolicy,
    now: Timestamp,
    backups: Vec<Backup<'a>>,
    snapshots: HashMap<&'a SnapshotId, &'a Snapshot>,
    /// The living images, ours and others', each snapshot is part of.
    users: HashMap<&'a SnapshotId, Vec<&'a ImageId>>,
    living: HashSet<&'a ImageId>,
    newest: HashSet<&'a ImageId>,
    /// The copies in flight, by what they are made of.
    copies: HashMap<&'a ImageId, (&'a ImageId, &'a Region)>,
}

impl<'a> RegionPurge<'a> {
    fn new(
        inventory: &'a Inventory,
        account: &'a AccountId,
        region: &'a Region,
        view: &'a RegionView,
        policy: &'a PurgePolicy,
        now: Timestamp,
    ) -> Self {
        let living = || view.images.iter().filter(|image| image.state != ImageState::Deregistered);
        let mut users: HashMap<&SnapshotId, Vec<&ImageId>> = HashMap::new();
        for image in living() {
            for snapshot in image.snapshots() {
                users.entry(snapshot).or_default().push(&image.id);
            }
        }
        let backups: Vec<Backup<'_>> = view.images.iter().filter_map(|image| Backup::recognise(image, account)).collect();
        Self {
            inventory,
            account,
            region,
            policy,
            now,
            newest: newest(&backups, policy.keep_last),
            backups,
            snapshots: view.snapshots.iter().map(|snapshot| (&snapshot.id, snapshot)).collect(),
            users,
            living: living().map(|image| &image.id).collect(),
            copies: copies_in_flight(inventory),
        }
    }

    fn decide(&self, plan: &mut Plan) {
        let mut decisions: Vec<(Backup<'a>, Result<PurgeReason, KeepReason>)> =
            self.backups.iter().map(|backup| (*backup, self.released(*backup))).collect();
        // Whether a snapshot would be stranded depends on nothing but its own backup, so one pass suffices.
        for (backup, decision) in &mut decisions {
            if let (Ok(_), Some(snapshot)) = (&decision, self.would_strand(*backup)) {
                *decision = Err(KeepReason::WouldStrand { snapshot });
            }
        }
        let going: HashSet<&ImageId> =
            decisions.iter().filter(|(_, decision)| decision.is_ok()).map(|(backup, _)| &backup.image().id).collect();
        let mut done: HashSet<&ImageId> = HashSet::new();
        for (backup, decision) in decisions {
            let decision = match decision {
                Err(reason) => Decision::Keep { reason },
                Ok(reason) => {
                    done.insert(&backup.image().id);
                    let (snapshots, left, all_snapshots) = self.with_image(backup, &going, &done);
                    let remove = RemoveImage { image: backup.image().id.clone(), snapshots: snapshots.clone(), all_snapshots };
                    plan.steps.push(Step { region: self.region.clone(), action: Action::RemoveImage(remove) });
                    Decision::Purge { reason, snapshots, left }
                }
            };
            plan.verdicts.push(Verdict { region: self.region.clone(), subject: Subject::Backup(label(backup)), decision });
        }
        self.orphans(plan);
    }

    /// Whether a backup's time has come and nothing holds it.
    fn released(&self, backup: Backup<'a>) -> Result<PurgeReason, KeepReason> {
        let image = backup.image();
        let at = self.expired(&image.tags.expire())?;
        if image.state == ImageState::Pending {
            return Err(KeepReason::Pending);
        }
        if let Protection::On(protection) = &image.protection {
            return Err(KeepReason::Protected { protection: protection.clone() });
        }
        let keep_last = self.policy.keep_last;
        if self.newest.contains(&image.id) {
            return Err(KeepReason::AmongNewest { keep_last });
        }
        if keep_last > 0 && image.state == ImageState::Available && (backup.instance().is_none() || image.created.is_none()) {
            return Err(KeepReason::CannotBeCounted);
        }
        self.not_being_copied(image)?;
        Ok(PurgeReason::Expired { at })
    }

    fn expired(&self, expire: &ExpireTag) -> Result<Expiry, KeepReason> {
        match expire {
            ExpireTag::Absent => Err(KeepReason::NoExpiry),
            ExpireTag::Unreadable { text, why } => Err(KeepReason::UnreadableExpiry { text: text.clone(), why: why.to_string() }),
            ExpireTag::At(expiry) if expiry.is_past(self.now) => Ok(*expiry),
            ExpireTag::At(expiry) => Err(KeepReason::NotExpired { until: *expiry }),
        }
    }

    fn not_being_copied(&self, image: &'a Image) -> Result<(), KeepReason> {
        if let Some((copy, destination)) = self.copies.get(&image.id) {
            return Err(KeepReason::CopyInFlight { copy: (*copy).clone(), destination: (*destination).clone() });
        }
        for intent in image.tags.intents().flatten() {
            let why = match self.inventory.regions.get(&intent.destination).map(|view| &view.scope) {
                Some(Scope::Whole | Scope::Partial) => continue,
                Some(Scope::Unseen(why)) => why.clone(),
                None => "it was not looked at".to_owned(),
            };
            return Err(KeepReason::DestinationUnseen { destination: intent.destination, why });
        }
        Ok(())
    }

    /// A snapshot that only this image's mark covers and that must outlive the image.
    fn would_strand(&self, backup: Backup<'a>) -> Option<SnapshotId> {
        let outlives = |id: &SnapshotId| {
            let expire = self.snapshots.get(id).map(|snapshot| snapshot.tags.expire());
            expire.is_some_and(|expire| !matches!(expire, ExpireTag::Absent) && self.expired(&expire).is_err())
        };
        let claims = backup.snapshots(&self.snapshots);
        claims.into_iter().find(|(id, claim)| *claim == Claim::MadeForImage && outlives(id)).map(|(id, _)| id.clone())
    }

    /// The snapshots that go with an image, those that stay, and whether the first are all it has. A snapshot that two
    /// images share goes with the last of them.
    fn with_image(
        &self,
        backup: Backup<'a>,
        going: &HashSet<&ImageId>,
        done: &HashSet<&ImageId>,
    ) -> (Vec<SnapshotId>, Vec<LeftSnapshot>, bool) {
        let mut snapshots = Vec::new();
        let mut left = Vec::new();
        let mut with_a_later_one = false;
        for (id, claim) in backup.snapshots(&self.snapshots) {
            match self.snapshot_released(backup, id, claim, going) {
                Err(reason) => left.push(LeftSnapshot { snapshot: id.clone(), reason }),
                Ok(()) if self.users.get(id).is_some_and(|users| users.iter().any(|user| !done.contains(user))) => with_a_later_one = true,
                Ok(()) => snapshots.push(id.clone()),
            }
        }
        let all_snapshots = left.is_empty() && !with_a_later_one;
        (snapshots, left, all_snapshots)
    }

    fn snapshot_released(
        &self,
        backup: Backup<'a>,
        id: &SnapshotId,
        claim: Claim<'_>,
        going: &HashSet<&ImageId>,
    ) -> Result<(), KeepReason> {
        match claim {
            Claim::Marked | Claim::MadeForImage => {}
            Claim::Anothers(creator) => return Err(KeepReason::Anothers { creator: creator.to_owned() }),
            Claim::Unmarked => return Err(KeepReason::NotOurs),
            Claim::Unseen => return Err(KeepReason::NotSeen),
        }
        let snapshot = self.snapshots.get(id).ok_or(KeepReason::NotSeen)?;
        match snapshot.tags.expire() {
            // Backups whose snapshots never got their tag (the scripts could be interrupted there) go as one.
            ExpireTag::Absent if snapshot.made_for.as_ref() == Some(&backup.image().id) => {}
            expire => {
                self.expired(&expire)?;
            }
        }
        let still_used = self.users.get(id).and_then(|users| users.iter().find(|user| !going.contains(*user)));
        still_used.map_or(Ok(()), |by| Err(KeepReason::StillUsed { by: (*by).clone() }))
    }

    fn orphans(&self, plan: &mut Plan) {
        let mut orphans: Vec<&Snapshot> = self
            .snapshots
            .values()
            .copied()
            .filter(|snapshot| snapshot.owner.as_ref() == Some(self.account) && snapshot.tags.mark() == Mark::Ours)
            .filter(|snapshot| !self.users.contains_key(&snapshot.id))
            .collect();
        orphans.sort_by_key(|snapshot| (snapshot.started, &snapshot.id));
        for snapshot in orphans {
            let expire = snapshot.tags.expire();
            let decision = match self.orphan_released(snapshot, &expire) {
                Err(reason) => Decision::Keep { reason },
                Ok(reason) => {
                    let action = Action::DeleteSnapshot(snapshot.id.clone());
                    plan.steps.push(Step { region: self.region.clone(), action });
                    Decision::Purge { reason, snapshots: Vec::new(), left: Vec::new() }
                }
            };
            let subject = Subject::Orphan {
                snapshot: snapshot.id.clone(),
                instance: snapshot.tags.instance(),
                started: snapshot.started,
                expire: readable(&expire),
            };
            plan.verdicts.push(Verdict { region: self.region.clone(), subject, decision });
        }
    }

    fn orphan_released(&self, snapshot: &Snapshot, expire: &ExpireTag) -> Result<PurgeReason, KeepReason> {
        let at = self.expired(expire)?;
        // A pending image may not name its snapshots yet (ec2-semantics 1.6): its snapshots are no orphans.
        if let Some(image) = snapshot.made_for.as_ref().filter(|image| self.living.contains(image)) {
            return Err(KeepReason::StillUsed { by: image.clone() });
        }
        match snapshot.state {
            SnapshotState::Pending => Err(KeepReason::Pending),
            SnapshotState::Completed | SnapshotState::Error | SnapshotState::Other => Ok(PurgeReason::Expired { at }),
        }
    }
}

/// The newest available backups of each instance, as many as are to stay.
fn newest<'a>(backups: &[Backup<'a>], keep_last: u32) -> HashSet<&'a ImageId> {
    let mut by_instance: BTreeMap<InstanceId, BTreeSet<(Timestamp, &'a ImageId)>> = BTreeMap::new();
    for backup in backups {
        let image = backup.image();
        if let (ImageState::Available, Some(instance), Some(created)) = (image.state, backup.instance(), image.created) {
            by_instance.entry(instance).or_default().insert((created, &image.id));
        }
    }
    let keep_last = usize::try_from(keep_last).unwrap_or(usize::MAX);
    by_instance.values().flat_map(|series| series.iter().rev().take(keep_last)).map(|(_, id)| *id).collect()
}

fn copies_in_flight(inventory: &Inventory) -> HashMap<&ImageId, (&ImageId, &Region)> {
    let mut copies = HashMap::new();
    for (region, view) in &inventory.regions {
        for image in view.images.iter().filter(|image| image.state == ImageState::Pending) {
            if let Some(source) = &image.source_image {
                copies.insert(&source.id, (&image.id, region));
            }
        }
    }
    copies
}

fn label(backup: Backup<'_>) -> BackupLabel {
    let image = backup.image();
    BackupLabel {
        image: image.id.clone(),
        name: image.name.clone(),
        instance: backup.instance(),
        instance_name: image.tags.instance_name().map(str::to_owned),
        created: image.created,
        expire: readable(&image.tags.expire()),
        state: image.state,
    }
}

fn readable(expire: &ExpireTag) -> Option<Expiry> {
    match expire {
        ExpireTag::At(expiry) => Some(*expiry),
        ExpireTag::Absent | ExpireTag::Unreadable { .. } => None,
    }
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoExpiry => write!(f, "it has no expiry"),
            Self::UnreadableExpiry { text, why } => {
                write!(f, "its Expire tag `{}` cannot be read as an instant: {why}", text.escape_debug())
            }
            Self::NotExpired { until } => write!(f, "it expires {until}"),
            Self::Pending => write!(f, "it is still being made"),
            Self::Protected { protection } => write!(f, "it is protected from deregistration ({protection})"),
            Self::AmongNewest { keep_last } => write!(f, "it is among the newest {keep_last} of its instance here (--keep-last)"),
            Self::CannotBeCounted => write!(f, "its instance or its age is not known, so --keep-last cannot count it"),
            Self::CopyInFlight { copy, destination } => write!(f, "it is being copied to {destination} ({copy})"),
            Self::DestinationUnseen { destination, why } => {
                write!(f, "it may be being copied to {destination}, which could not be read: {why}")
            }
            Self::WouldStrand { snapshot } => {
                write!(f, "its snapshot {snapshot} must stay and, without a mark of its own, would not be found again")
            }
            Self::StillUsed { by } => write!(f, "{by} is made of it"),
            Self::Anothers { creator } => write!(f, "it is marked Creator={}", creator.escape_debug()),
            Self::NotOurs => write!(f, "it bears no mark, and EC2 did not make it for this image"),
            Self::NotSeen => write!(f, "it is not among the account's own snapshots"),
        }
    }
}

impl fmt::Display for PurgeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { at } => write!(f, "it expired {at}"),
        }
    }
}
