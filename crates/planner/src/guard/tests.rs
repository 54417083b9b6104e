//! What the guard refuses: for every fault a plan that has it, and its twin that has not.

mod broken;
mod cap;
mod making;
mod purging;
mod retagging;

use super::*;
use crate::fixture::{HOME, THEIRS, at, backup, id, now, policy, region, short, snapshot, tagged, world};
use crate::plan::{BackupLabel, PurgeReason, Step};

fn remove(image: &str, snapshots: &[&str]) -> Step {
    let snapshots = snapshots.iter().map(|snapshot| id(snapshot)).collect();
    Step {
        region: region(HOME),
        action: Action::RemoveImage(RemoveImage { image: id(image), snapshots, covered: Vec::new(), all_snapshots: false }),
    }
}

fn remove_with_all(image: &str, snapshots: &[&str]) -> Step {
    let mut step = remove(image, snapshots);
    if let Action::RemoveImage(remove) = &mut step.action {
        remove.all_snapshots = true;
    }
    step
}

/// Of snapshots that only the image covers, which EC2 is to delete with it.
fn remove_covering(image: &str, snapshots: &[&str]) -> Step {
    let mut step = remove_with_all(image, snapshots);
    if let Action::RemoveImage(remove) = &mut step.action {
        remove.covered.clone_from(&remove.snapshots);
    }
    step
}

fn delete(snapshot: &str) -> Step {
    Step { region: region(HOME), action: Action::DeleteSnapshot(id(snapshot)) }
}

fn in_region(name: &str, step: Step) -> Step {
    Step { region: region(name), ..step }
}

/// A plan of these steps, whose verdicts show each deletion.
fn plan(steps: impl IntoIterator<Item = Step>) -> Plan {
    let steps: Vec<Step> = steps.into_iter().collect();
    let verdicts = steps.iter().filter_map(verdict).collect();
    Plan { steps, verdicts, ..Plan::default() }
}

fn verdict(Step { region, action }: &Step) -> Option<Verdict> {
    let (subject, snapshots) = match action {
        Action::RemoveImage(remove) => {
            let image = remove.image.clone();
            let state = ImageState::Available;
            let label = BackupLabel { image, name: None, instance: None, instance_name: None, created: None, expire: None, state };
            (Subject::Backup(label), remove.snapshots.clone())
        }
        Action::DeleteSnapshot(snapshot) => {
            (Subject::Orphan { snapshot: snapshot.clone(), instance: None, started: None, expire: None }, Vec::new())
        }
        Action::CreateImage(_) | Action::CopyImage(_) | Action::Retag(_) | Action::Mend(_) => return None,
    };
    let reason = PurgeReason::Expired { at: Expiry::at(at("2026-11-22T02:00:00Z")) };
    let decision = Decision::Purge { reason, snapshots, left: Vec::new() };
    Some(Verdict { region: region.clone(), subject, decision })
}

/// What the guard finds wrong, as `ami-1: Protected`.
fn objections(plan: Plan, inventory: &Inventory, permit: Permit<'_>) -> Vec<String> {
    match guard(plan.clone(), inventory, permit, now()) {
        Ok(checked) => {
            assert_eq!(checked.plan(), &plan, "a plan passes as it is");
            let steps = checked.steps().map(|step| Step { region: step.region().clone(), action: step.action().clone() });
            assert_eq!(steps.collect::<Vec<_>>(), plan.steps, "and so do its steps, in their order");
            Vec::new()
        }
        Err(Refusal::Objections(objections)) => {
            assert!(!objections.is_empty());
            let subject = |subject: &str| if subject.starts_with("backup") { subject.to_owned() } else { short(subject) };
            objections.iter().map(|objection| format!("{}: {:?}", subject(&objection.subject), objection.fault)).collect()
        }
        Err(refusal) => panic!("{refusal}"),
    }
}

/// What is wrong with these deletions, where all regions are named.
fn wrong(inventory: &Inventory, steps: impl IntoIterator<Item = Step>) -> Vec<String> {
    objections(plan(steps), inventory, Permit::Purge(&policy(inventory)))
}

#[test]
fn an_objection_tells_what_where_and_why() {
    let inventory = world().with(backup("ami-1").expired().protected());
    let refusal = guard(plan([remove("ami-1", &[])]), &inventory, Permit::Purge(&policy(&inventory)), now()).unwrap_err();
    insta::assert_snapshot!(refusal, @"the plan was refused by the safety check, and nothing was done; please report this: ami-00000001 in us-east-1: it is protected from deregistration");
}
