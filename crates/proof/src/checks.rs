//! The checkers: what must be true of the world after a run, whatever was asked and whatever went wrong.
//!
//! They look at the simulated world before and after, at the calls that were made and at what was reported; of how the product
//! decides they know nothing.

pub mod losses;
pub mod marks;
pub mod once;
pub mod patience;
pub mod permissions;
pub mod reports;
pub mod settled;
pub mod structure;
pub mod unmarked;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ec2_sim::id::{ImageId, SnapshotId};
use ec2_sim::world::{Image, Snapshot};
use ec2_sim::{Call, Outcome, World};
use planner::policy::ImageRequest;

use crate::expiry::Meanings;
use crate::known::is_marked;
use crate::process::Ended;
use crate::trouble::Others;

/// What there is to see of one run, or of several at once.
#[derive(Debug)]
pub struct Witness<'a> {
    /// The world when the processes began.
    pub before: &'a World,
    /// The world when they had all ended.
    pub after: &'a World,
    /// The world before anybody came.
    pub beginning: &'a World,
    /// The calls that were made.
    pub calls: &'a [Call],
    /// The processes.
    pub ended: &'a [Ended],
    /// Every image that was ever asked for, by these processes or by earlier ones.
    pub asked: &'a [ImageRequest],
    /// What others did to the account since the beginning.
    pub others: &'a Others,
    /// The permissions that were missing.
    pub denied: &'a BTreeSet<&'static str>,
    /// What the texts in the world mean.
    pub meanings: &'a Meanings,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which checker says so.
    pub checker: &'static str,
    /// What it found.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.checker, self.what)
    }
}

/// A checker of single steps: its name, and what it finds.
type Checker = (&'static str, fn(&Witness<'_>) -> Vec<String>);

/// All checkers that look at every step.
pub const EVERY_STEP: [Checker; 8] = [
    ("nothing outside our mark is touched", marks::check),
    ("nothing that is to stay is lost", losses::check),
    ("no snapshot of a living image goes", structure::check),
    ("one image for a slot, one copy for a destination", once::check),
    ("nothing of ours is left unmarked", unmarked::check),
    ("no more than the stated patience is used", patience::check),
    ("the report says what happened", reports::check),
    ("only calls of the table are made", permissions::check),
];

/// What all of them find.
pub fn check(witness: &Witness<'_>) -> Vec<Violation> {
    let found = |(checker, check): Checker| check(witness).into_iter().map(move |what| Violation { checker, what });
    EVERY_STEP.into_iter().flat_map(found).collect()
}

/// Where something is.
pub(crate) type Place<I> = (String, I);

/// The account's own images, by region and id.
pub(crate) fn images(world: &World) -> BTreeMap<Place<ImageId>, &Image> {
    own(world).flat_map(|(region, held)| held.images.iter().map(move |(id, image)| ((region.clone(), id.clone()), image))).collect()
}

/// The account's own snapshots, by region and id. One that EC2 has promised to delete is gone.
pub(crate) fn snapshots(world: &World) -> BTreeMap<Place<SnapshotId>, &Snapshot> {
    let there = |snapshot: &&Snapshot| !snapshot.delete_at_end;
    own(world)
        .flat_map(|(region, held)| held.snapshots.values().filter(there).map(move |one| ((region.clone(), one.id.clone()), one)))
        .collect()
}

fn own(world: &World) -> impl Iterator<Item = (&String, &ec2_sim::world::Region)> {
    world.accounts.get(&crate::known::our_account()).into_iter().flat_map(|account| &account.regions)
}

/// Whether a call would change something if it were done.
pub fn is_mutating(call: &Call) -> bool {
    let is_rehearsal = call.params.get("DryRun").is_some_and(|value| value == "true");
    !is_rehearsal && !call.action.starts_with("Describe") && !call.action.starts_with("Get") && !call.action.starts_with("List")
}

/// The image that EC2's description says a snapshot was made for.
pub(crate) fn made_for(snapshot: &Snapshot) -> Option<ImageId> {
    let words = || snapshot.description.split([' ', ',']);
    let is_ec2s = ["Created by CreateImage(", "Copied for DestinationAmi "].iter().any(|start| snapshot.description.starts_with(start));
    words().find(|word| word.starts_with("ami-")).filter(|_| is_ec2s)?.parse().ok()
}

/// The image among these that covers a snapshot without a mark of its own: marked, naming it, and named by its description.
pub(crate) fn covering<'a>(region: &str, snapshot: &Snapshot, images: &BTreeMap<Place<ImageId>, &'a Image>) -> Option<&'a Image> {
    let image = images.get(&(region.to_owned(), made_for(snapshot)?)).copied()?;
    (is_marked(&image.tags) && image.uses(&snapshot.id)).then_some(image)
}

/// Whether a call was done, whoever was told.
pub(crate) fn is_done(call: &Call) -> bool {
    matches!(call.outcome, Outcome::Ok | Outcome::Unanswered { done: true })
}

/// The call that deleted something: the first that was done and names it. Of a snapshot, if there is none, the last one that took an
/// image of it away together with its snapshots.
pub(crate) fn deletion<'a>(witness: &Witness<'a>, region: &str, id: &str) -> Option<&'a Call> {
    let changes = |call: &&Call| call.region == region && is_mutating(call) && is_done(call);
    let names = |call: &&Call, id: &str| call.params.values().any(|value| value == id);
    let held = witness.before.region(region);
    let of_it = |image: &&Image| image.snapshots().any(|snapshot| snapshot.as_str() == id);
    let takes_it = |call: &&Call| {
        call.params.contains_key("DeleteAssociatedSnapshots")
            && held.images.values().filter(of_it).any(|image| names(call, image.id.as_str()))
    };
    let changing = || witness.calls.iter().filter(changes);
    changing().find(|call| names(call, id)).or_else(|| changing().rfind(takes_it))
}

#[cfg(test)]
mod tests;
