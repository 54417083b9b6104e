//! Question 4: which tags does a backup get that somebody pins, lets go of, or gives another expiry?

use std::fmt;

use foldhash::HashMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::backup::{Backup, Claim};
use crate::expiry::Expiry;
use crate::id::{ImageId, Region, SnapshotId};
use crate::inventory::{Inventory, Scope, Snapshot};
use crate::plan::purge::label;
use crate::plan::{Action, BackupLabel, Step};
use crate::tags::{EXPIRE, PIN, Tags, VALUE_LIMIT};

/// What is to be changed about one backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetagRequest {
    /// Its image.
    pub image: ImageId,
    /// What is to be said of it from now on.
    pub change: Change,
}

/// Something that can be said of a backup after it was made. Each is one tag; nothing else of a backup is ever changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// It stays whatever else is said.
    Pin {
        /// Why; may be empty.
        why: String,
    },
    /// It is not pinned any more.
    Unpin,
    /// It may go after this instant, whatever a policy says.
    Expire {
        /// The instant.
        at: Expiry,
    },
    /// It has no expiry any more.
    NeverExpire,
}

/// Tags of one backup that are to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retag {
    /// The image.
    pub image: ImageId,
    /// Its own snapshots that bear our mark themselves: the others go by what the image says.
    pub snapshots: Vec<SnapshotId>,
    /// What is to be said of all of these.
    pub change: Change,
}

/// What becomes of a request for other tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetagDecision {
    /// The tags are to be changed.
    Change(Box<Step>, BackupLabel),
    /// They say it already.
    AsAsked(Region, BackupLabel),
    /// There is no such backup.
    No(NoBackup),
}

/// Why there is no backup to be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoBackup {
    /// No region that was seen has an image of that id.
    #[error("there is no image {0} of this account")]
    NotThere(ImageId),
    /// It is another's, or nobody's.
    #[error("{0} is no backup of ami-backup's: it does not bear its mark, Creator=image-instance")]
    NotOurs(ImageId),
}

/// Decides what a request changes. The inventory holds what was found of that image, and its snapshots.
pub fn decide(inventory: &Inventory, request: &RetagRequest) -> RetagDecision {
    let RetagRequest { image: id, change } = request;
    let mut regions = inventory.regions.iter().filter(|(_, view)| !matches!(view.scope, Scope::Unseen(_)));
    let found = regions.find_map(|(region, view)| Some((region, view, view.images.iter().find(|image| image.id == *id)?)));
    let Some((region, view, image)) = found else { return RetagDecision::No(NoBackup::NotThere(id.clone())) };
    let backup = inventory.account.as_ref().and_then(|account| Backup::recognise(image, account));
    let Some(backup) = backup else { return RetagDecision::No(NoBackup::NotOurs(id.clone())) };
    let seen: HashMap<&SnapshotId, &Snapshot> = view.snapshots.iter().map(|snapshot| (&snapshot.id, snapshot)).collect();
    let is_own =
        |id: &SnapshotId| seen.get(id).is_some_and(|snapshot| snapshot.made_for.as_ref().is_none_or(|made_for| *made_for == image.id));
    let is_marked = |id: &SnapshotId| backup.claim(seen.get(id).copied()) == Claim::Marked;
    let snapshots: Vec<SnapshotId> = backup.snapshots().into_iter().filter(|id| is_marked(id) && is_own(id)).cloned().collect();
    let tags = snapshots.iter().filter_map(|id| Some(&seen.get(id)?.tags)).chain([&image.tags]);
    if tags.into_iter().all(|tags| change.is_said_by(tags)) {
        return RetagDecision::AsAsked(region.clone(), label(backup));
    }
    let retag = Retag { image: id.clone(), snapshots, change: change.clone() };
    RetagDecision::Change(Box::new(Step { region: region.clone(), action: Action::Retag(retag) }), label(backup))
}

impl Change {
    /// The key of the tag, and its value; none where the tag goes.
    pub fn tag(&self) -> (&'static str, Option<String>) {
        match self {
            Self::Pin { why } => (PIN, Some(why.chars().take(VALUE_LIMIT).collect())),
            Self::Unpin => (PIN, None),
            Self::Expire { at } => (EXPIRE, Some(at.to_string())),
            Self::NeverExpire => (EXPIRE, None),
        }
    }

    fn is_said_by(&self, tags: &Tags) -> bool {
        let (key, value) = self.tag();
        tags.get(key) == value.as_deref()
    }

    /// Whether a backup may go by this alone, at this instant.
    pub fn lets_go(&self, now: Timestamp) -> bool {
        matches!(self, Self::Expire { at } if at.is_past(now))
    }
}

/// What follows the backup, done.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pin { why } if why.is_empty() => write!(f, "pinned"),
            Self::Pin { why } => write!(f, "pinned: {}", crate::plain::one_line(why)),
            Self::Unpin => write!(f, "not pinned"),
            Self::Expire { at } => write!(f, "expires {at}"),
            Self::NeverExpire => write!(f, "without an expiry"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{HOME, THEIRS, at, backup, id, now, snapshot, tagged, world};

    fn pin() -> RetagRequest {
        RetagRequest { image: id("ami-1"), change: Change::Pin { why: "audit".to_owned() } }
    }

    #[test]
    fn image_and_marked_snapshots_are_changed_together() {
        let decision = decide(&world().with(backup("ami-1").with_snapshot("snap-1").with_snapshot("snap-2")), &pin());
        let RetagDecision::Change(step, _) = decision else { panic!("{decision:?}") };
        let Action::Retag(retag) = step.action else { panic!() };
        assert_eq!((retag.image, retag.snapshots), (id("ami-1"), vec![id("snap-1"), id("snap-2")]));
    }

    #[test]
    fn what_is_so_already_is_left_alone() {
        let mut pinned = backup("ami-1");
        pinned.image.tags = tagged(&pinned.image.tags, PIN, Some("audit"));
        assert!(matches!(decide(&world().with(pinned.clone()), &pin()), RetagDecision::AsAsked(..)));
        let unpin = RetagRequest { change: Change::Unpin, ..pin() };
        assert!(matches!(decide(&world().with(pinned), &unpin), RetagDecision::Change(..)));
        assert!(matches!(decide(&world().with(backup("ami-1")), &unpin), RetagDecision::AsAsked(..)));
    }

    #[test]
    fn what_one_snapshot_does_not_say_yet_is_said_to_all() {
        let decision = decide(&world().with(backup("ami-1").pinned("audit").with(snapshot("snap-1"))), &pin());
        assert!(matches!(decision, RetagDecision::Change(..)), "{decision:?}");
    }

    #[test]
    fn it_is_the_image_asked_for_and_where_something_was_seen() {
        let decision = decide(&world().with(backup("ami-9").with_snapshot("snap-9")).with(backup("ami-1").with_snapshot("snap-1")), &pin());
        let RetagDecision::Change(step, _) = decision else { panic!("{decision:?}") };
        let Action::Retag(retag) = step.action else { panic!() };
        assert_eq!(retag.snapshots, [id("snap-1")]);
        let unseen = world().with(backup("ami-1")).seen(HOME, Scope::Unseen("denied".to_owned()));
        assert!(matches!(decide(&unseen, &pin()), RetagDecision::No(NoBackup::NotThere(_))));
    }

    #[test]
    fn only_a_backup_is_changed() {
        assert!(matches!(decide(&world(), &pin()), RetagDecision::No(NoBackup::NotThere(_))));
        let mut anothers = backup("ami-1");
        anothers.image.tags = tagged(&anothers.image.tags, "Creator", Some("packer"));
        assert!(matches!(decide(&world().with(anothers), &pin()), RetagDecision::No(NoBackup::NotOurs(_))));
    }
    #[test]
    fn only_snapshots_that_bear_the_mark_and_are_no_others_are_changed_too() {
        let inventory = world().with(
            backup("ami-1")
                .with(snapshot("snap-1").unmarked())
                .with(snapshot("snap-2").tagged("Creator", "dlm"))
                .upon(snapshot("snap-3").made_for("ami-2"))
                .with(snapshot("snap-4").owned_by(THEIRS))
                .made_of("snap-5")
                .upon(snapshot("snap-6"))
                .with_snapshot("snap-7"),
        );
        let RetagDecision::Change(step, _) = decide(&inventory, &pin()) else { panic!() };
        let Action::Retag(retag) = step.action else { panic!() };
        assert_eq!(retag.snapshots, [id("snap-6"), id("snap-7")]);
    }

    #[test]
    fn a_change_says_what_it_does_and_whether_it_lets_go() {
        let expire = |text: &str| Change::Expire { at: Expiry::at(at(text)) };
        for (change, told, lets_go) in [
            (Change::Pin { why: String::new() }, "pinned", false),
            (Change::Pin { why: "audit\n2026".to_owned() }, "pinned: audit 2026", false),
            (Change::Unpin, "not pinned", false),
            (Change::NeverExpire, "without an expiry", false),
            (expire("2026-11-23T02:00:00Z"), "expires 2026-11-23T02:00:00Z", false),
            (expire("2026-11-23T01:59:59Z"), "expires 2026-11-23T01:59:59Z", true),
        ] {
            assert_eq!((change.to_string().as_str(), change.lets_go(now())), (told, lets_go));
        }
    }
}
