//! Makes a failing case smaller, as long as the same checker finds something: fewer things, fewer troubles, better manners.

use crate::story::{Act, Case, Lived, live};

/// So many smaller cases are tried at most.
const TRIES: usize = 400;

/// The smallest case found that fails as this one does, and what its life was like.
pub fn shrink(case: &Case) -> (Case, Lived) {
    let mut least = (case.clone(), live(case));
    let Some(checker) = least.1.violations.first().map(|violation| violation.checker) else { return least };
    let mut tries = 0;
    loop {
        let mut is_smaller = false;
        for smaller in simpler(&least.0) {
            tries += 1;
            if tries > TRIES {
                return least;
            }
            let lived = live(&smaller);
            if lived.violations.iter().any(|violation| violation.checker == checker) {
                least = (smaller, lived);
                is_smaller = true;
                break;
            }
        }
        if !is_smaller {
            return least;
        }
    }
}

/// Every case that is this one less something.
fn simpler(case: &Case) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut without = |change: &mut dyn FnMut(&mut Case)| {
        let mut smaller = case.clone();
        change(&mut smaller);
        cases.push(smaller);
    };
    for act in (0..case.acts.len()).rev() {
        without(&mut |case| {
            case.acts.remove(act);
        });
    }
    for last in 0..case.last.len() {
        without(&mut |case| {
            case.last.remove(last);
        });
    }
    for thing in 0..case.account.things.len() {
        without(&mut |case| {
            case.account.things.remove(thing);
        });
    }
    for manner in 0..case.account.manners.len() {
        without(&mut |case| {
            case.account.manners.remove(manner);
        });
    }
    if !case.account.names.is_empty() {
        without(&mut |case| case.account.names.clear());
    }
    for (place, act) in case.acts.iter().enumerate() {
        let Act::Step(step) = act else { continue };
        for trouble in 0..step.troubles.len() {
            without(&mut |case| {
                drop_from(case, place, |step| {
                    step.troubles.remove(trouble);
                });
            });
        }
        if step.starts.len() > 1 {
            for start in 0..step.starts.len() {
                without(&mut |case| {
                    drop_from(case, place, |step| {
                        step.starts.remove(start);
                    });
                });
            }
        }
    }
    for (place, thing) in case.account.things.iter().enumerate() {
        if !thing.image_tags.is_empty() {
            without(&mut |case| case.account.things[place].image_tags.clear());
        }
        for volume in thing.odd.keys() {
            without(&mut |case| drop(case.account.things[place].odd.remove(volume)));
        }
        if thing.volumes > 1 {
            without(&mut |case| case.account.things[place].volumes = 1);
        }
    }
    cases
}

fn drop_from(case: &mut Case, place: usize, change: impl FnOnce(&mut crate::story::Step)) {
    if let Some(Act::Step(step)) = case.acts.get_mut(place) {
        change(step);
    }
}
