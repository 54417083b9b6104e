//! How long it takes to decide on every backup of a region, and to guard what was decided. The time for each backup is to
//! stay the same however many there are: a thousand or a million.

mod account;

use std::cell::LazyCell;
use std::hint::black_box;
use std::time::Duration;

use account::{Release, account, now, purge_policy};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use planner::guard::{Permit, guard};
use planner::plan::purge;

fn purge(criterion: &mut Criterion) {
    measure(criterion, "purge by expiry", Release::Expiry, |_| 100, &[1_000, 10_000, 100_000, 1_000_000]);
    measure(criterion, "purge by keep rules", Release::Rules, |_| 100, &[1_000, 10_000, 100_000, 1_000_000]);
    measure(criterion, "purge of one series", Release::Rules, |backups| backups, &[1_000, 10_000, 100_000]);
}

/// Plans and guards the purge of so many backups, each with three snapshots; so many of them are of one instance.
fn measure(criterion: &mut Criterion, name: &str, release: Release, of_each: impl Fn(u64) -> u64, sizes: &[u64]) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    let policy = purge_policy(release);
    for backups in sizes {
        // Made once, and only where it is asked for: a filter may leave the large ones out.
        let inventory = LazyCell::new(|| account(*backups, of_each(*backups), release));
        group.throughput(Throughput::Elements(*backups));
        group.bench_function(BenchmarkId::from_parameter(backups), |bencher| {
            let inventory = &*inventory;
            bencher.iter(|| {
                let plan = purge::decide(black_box(inventory), &policy, now());
                guard(plan, inventory, Permit::Purge(&policy), now()).is_ok()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, purge);
criterion_main!(benches);
