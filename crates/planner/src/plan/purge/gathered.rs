//! A backup with its snapshots, each of them looked up once: a large region has more of them than a processor remembers.

use crate::backup::{Backup, Claim};
use crate::id::{ImageId, SnapshotId};
use crate::inventory::{Image, Snapshot};
use crate::plan::purge::listing::{ListedSnapshot, ListedSnapshots};
use crate::tags::Mark;

pub(super) struct Gathered<'a, 's> {
    pub(super) backup: Backup<'a>,
    /// Each once, in the order of their devices.
    pub(super) snapshots: Vec<Own<'a, 's>>,
}

/// A snapshot that the backup's mappings name.
pub(super) struct Own<'a, 's> {
    pub(super) id: &'a SnapshotId,
    pub(super) claim: Claim<'a>,
    pub(super) listed: Option<&'s ListedSnapshot<'a>>,
    /// Whether a later run would find it for itself, once its image is gone.
    pub(super) is_found_by_itself: bool,
}

impl<'a, 's> Gathered<'a, 's> {
    /// `by_series`: what bears the tag of a series is looked for, too.
    pub(super) fn of(backup: Backup<'a>, seen: &'s ListedSnapshots<'a>, by_series: bool) -> Self {
        let tells = |snapshot: &Snapshot| snapshot.tags.has_expire() || by_series && snapshot.tags.series().is_some();
        let own = |id| {
            let listed = seen.get(id);
            let snapshot = listed.and_then(|listed| listed.snapshot);
            let is_found_by_itself = snapshot.is_some_and(|snapshot| snapshot.tags.mark() == Mark::Ours && tells(snapshot));
            Own { id, claim: backup.claim(snapshot), listed, is_found_by_itself }
        };
        Self { backup, snapshots: backup.snapshots().into_iter().map(own).collect() }
    }

    pub(super) fn image(&self) -> &'a Image {
        self.backup.image()
    }

    /// What pins it: a tag of its own, or of a snapshot of it. They are written together, and count one by one.
    pub(super) fn pin(&self) -> Option<&'a str> {
        let of_snapshots = self.snapshots.iter().filter_map(|own| own.snapshot()?.tags.pin());
        self.image().tags.pin().or_else(|| of_snapshots.min())
    }

    /// A snapshot that only this image's mark or expiry covers, and another image that is made of it, too. That one goes first,
    /// in a run before: whatever happens between, the snapshot is found again.
    pub(super) fn shares_what_it_covers(&self) -> Option<(&'a SnapshotId, &'a ImageId)> {
        let image = &self.image().id;
        let mut covered = self.snapshots.iter().filter(|own| {
            let made_for_it = own.snapshot().is_some_and(|snapshot| snapshot.made_for.as_ref() == Some(image));
            matches!(own.claim, Claim::Marked | Claim::MadeForImage) && made_for_it && !own.is_found_by_itself
        });
        covered.find_map(|own| Some((own.id, own.users().iter().copied().filter(|user| *user != image).min()?)))
    }
}

impl<'a, 's> Own<'a, 's> {
    /// What is said of it, if anything.
    pub(super) fn snapshot(&self) -> Option<&'a Snapshot> {
        self.listed?.snapshot
    }

    /// The images that are made of it.
    pub(super) fn users(&self) -> &'s [&'a ImageId] {
        self.listed.map(|listed| listed.users.as_slice()).unwrap_or_default()
    }
}
