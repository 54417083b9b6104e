//! How long it takes to read what a backup's tags say.

mod account;

use std::hint::black_box;

use account::{HOME, Release, account};
use criterion::{Criterion, criterion_group, criterion_main};
use planner::backup::Backup;
use planner::expiry::Expiry;

fn tags(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("expire tag");
    let stamps = [
        ("ours", "2026-11-29T22:41:00Z"),
        ("date in the C locale", "Sun Nov 29 22:41:00 UTC 2026"),
        ("date in an English locale", "Sun 29 Nov 2026 11:41:00 PM CET"),
        ("seconds since 1970", "@1795992060"),
        ("no instant", "in a week or two"),
    ];
    for (name, stamp) in stamps {
        group.bench_function(name, |bencher| bencher.iter(|| Expiry::from_tag(black_box(stamp))));
    }
    group.finish();

    let inventory = account(1, 1, Release::Rules);
    let image = inventory.regions.values().flat_map(|view| &view.images).next();
    let (Some(image), Some(account)) = (image, &inventory.account) else { return };
    let mut group = criterion.benchmark_group("backup");
    group.bench_function("recognise", |bencher| bencher.iter(|| Backup::recognise(black_box(image), account)));
    group.bench_function("series", |bencher| bencher.iter(|| (black_box(image).tags.series(), image.tags.instance())));
    group.bench_function("slot", |bencher| bencher.iter(|| black_box(image).tags.slot()));
    group.bench_function("destinations", |bencher| bencher.iter(|| black_box(image).tags.destinations().any(|to| to.as_str() == HOME)));
    group.finish();
}

criterion_group!(benches, tags);
criterion_main!(benches);
