//! How many bytes of heap an inventory holds: for each snapshot, and for each image beside its snapshots.
//!
//! Counted are the bytes that were asked for; the allocator rounds each of them up to some 16.

mod account;

use account::{Release, account, backup};
use allocation_counter::{AllocationInfo, measure};
use planner::tags::TagKeys;

const BACKUPS: u64 = 10_000;

#[expect(clippy::print_stdout, reason = "it is what it is for")]
fn main() {
    for (name, release) in [("Expire", Release::Expiry), ("ami-backup:series", Release::Rules)] {
        let mut keys = TagKeys::default();
        let images = held(|| (0..BACKUPS).map(|number| backup(number, 100, release, &mut keys).0).collect::<Vec<_>>());
        let snapshots = held(|| (0..BACKUPS).flat_map(|number| backup(number, 100, release, &mut keys).1).collect::<Vec<_>>());
        let region = held(|| account(BACKUPS, 100, release));
        println!("tagged with {name}:");
        tell("an image", &images, BACKUPS);
        tell("a snapshot", &snapshots, BACKUPS * account::SNAPSHOTS);
        tell("a backup with its three snapshots and the evidence", &region, BACKUPS);
    }
}

/// What is held by what is made.
fn held<T>(make: impl FnOnce() -> T) -> AllocationInfo {
    let mut made = None;
    measure(|| made = Some(make()))
}

#[expect(clippy::print_stdout, reason = "it is what it is for")]
fn tell(what: &str, held: &AllocationInfo, count: u64) {
    let each = |total: i64| total.unsigned_abs() / count;
    println!("  {what}: {} bytes in {} pieces", each(held.bytes_current), each(held.count_current));
}
