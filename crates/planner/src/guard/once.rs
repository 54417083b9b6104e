//! What is in the plan twice.

use foldhash::{HashSet, HashSetExt};

use super::{Fault, Objection};
use crate::id::SnapshotId;
use crate::plan::mend::Wish;
use crate::plan::{Action, Plan, Step};

/// One for each thing that a step is about and that a step, this one or another before it, was about already. Each with the place of the
/// step that it is to.
pub(super) fn twice(plan: &Plan) -> Vec<(usize, Objection)> {
    // An image and a few snapshots in each step.
    let mut met = HashSet::with_capacity(4 * plan.steps.len());
    let mut objections = Vec::new();
    for (place, Step { region, action }) in plan.steps.iter().enumerate() {
        let (first, others): (&str, &[_]) = match action {
            // One request is for one image, whatever its name.
            Action::CreateImage(create) => (create.instance.as_str(), &[]),
            Action::CopyImage(copy) => (copy.source.as_str(), &[]),
            Action::RemoveImage(remove) => (remove.image.as_str(), &remove.snapshots),
            Action::DeleteSnapshot(snapshot) => (snapshot.as_str(), &[]),
            Action::Retag(retag) => (retag.image.as_str(), &retag.snapshots),
            Action::Mend(mend) => (mend.image.as_str(), &[]),
        };
        // An image may be deprecated and protected.
        let by_protection = matches!(action, Action::Mend(mend) if matches!(mend.wish, Wish::Protection { .. }));
        for subject in [first].into_iter().chain(others.iter().map(SnapshotId::as_str)) {
            if !met.insert((region, subject, by_protection)) {
                objections.push((place, Objection { region: region.clone(), subject: subject.to_owned(), fault: Fault::Twice }));
            }
        }
    }
    objections
}
