//! A fixed set of lives behind each door, and the seeds that ever found something. `soak` tries many more.

use proof::doors::Door;
use proof::story::live;

/// Seeds that found something that is repaired: the door, the seed, and what it was.
const FOUND: [(Door, u64, &str); 8] = [
    (Door::Purge, 8, "a listing that broke off was believed, and a backup went without a verdict"),
    (Door::Image, 618, "an image was made, and the permission to look was gone: it said that there was none"),
    (Door::Image, 851, "an image was made, and patience ran out: it said that nothing was achieved"),
    (Door::Image, 1755, "a source was missing from a listing that broke off: it said that its copies were done"),
    (Door::Image, 2013, "an image was made by an attempt without an answer, its name was taken, and patience ran out"),
    (Door::Image, 2106, "an image was made, and the answer broke off: it said that there was none"),
    (Door::Image, 5198, "an image was made, its name was taken, and nobody could look until patience ran out"),
    (Door::Image, 2313, "an image was made, and the answer said that EC2 was unavailable"),
];

/// Fails with the story of every life that goes wrong.
#[track_caller]
fn open(door: Door, seeds: std::ops::Range<u64>) {
    let mut wrong = Vec::new();
    for seed in seeds {
        door.open(seed, |_, lived| {
            if !lived.violations.is_empty() {
                wrong.push(format!("seed {seed} ({door}):\n{lived}"));
            }
        });
    }
    assert!(wrong.is_empty(), "soak --door {door} --replay SEED tells more:\n{}", wrong.join("\n"));
}

#[test]
fn instances_are_backed_up() {
    open(Door::Image, 0..150);
}

#[test]
fn what_is_unfinished_is_finished() {
    open(Door::Resume, 0..200);
}

#[test]
fn what_has_expired_goes() {
    open(Door::Purge, 0..200);
}

#[test]
fn a_backup_survives_a_crash_at_any_call() {
    open(Door::CrashImage, 0..6);
}

#[test]
fn a_purge_survives_a_crash_at_any_call() {
    open(Door::CrashPurge, 0..10);
}

#[test]
fn two_at_once_do_no_harm() {
    open(Door::Twice, 0..120);
}

#[test]
fn what_was_found_once_is_not_found_again() {
    for (door, seed, _) in FOUND {
        open(door, seed..seed + 1);
    }
}

/// Calls, their order, their times and their parameters; the verdicts; the faults.
#[test]
fn the_same_seed_is_the_same_life() {
    for door in Door::ALL {
        for seed in 0..5 {
            let case = door.case(seed);
            let (one, other) = (live(&case), live(&case));
            assert!(!one.calls.is_empty());
            assert_eq!(one, other, "seed {seed} ({door})");
        }
    }
}

/// Another thread knows nothing of the first.
#[test]
fn the_same_seed_is_the_same_life_on_another_thread() {
    let case = Door::Twice.case(3);
    let here = live(&case);
    let there = std::thread::spawn(move || live(&case)).join().unwrap();
    assert_eq!(here, there);
}
