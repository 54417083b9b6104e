//! How long it takes to say which backups of one series stay, and why.

mod account;

use std::hint::black_box;

use account::{Release, backup, purge_policy};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use planner::inventory::Image;
use planner::policy::SeriesRule;
use planner::retention::{Count, Keep, Member};
use planner::tags::TagKeys;

fn retention(criterion: &mut Criterion) {
    let rule = purge_policy(Release::Rules).series.and_then(|rules| rules.targets.into_values().next());
    let Some(SeriesRule { keep, zone, .. }) = rule else { return };
    // The worst case: every hour of it is looked at, and almost all are wanted.
    let all = Keep { hourly: Some(Count::Unlimited), daily: Some(Count::Unlimited), ..keep.clone() };
    for (name, keep) in [("retention", &keep), ("retention without end", &all)] {
        let mut group = criterion.benchmark_group(name);
        for backups in [100, 1_000, 10_000, 100_000] {
            let mut keys = TagKeys::default();
            let images: Vec<Image> = (0..backups).map(|number| backup(number, backups, Release::Rules, &mut keys).0).collect();
            let slots = images.iter().filter_map(|image| Some(Member { slot: image.tags.slot()?, tags: &image.tags }));
            let members: Vec<Member<'_>> = slots.collect();
            group.throughput(Throughput::Elements(backups));
            group.bench_with_input(BenchmarkId::from_parameter(backups), &members, |bencher, members| {
                bencher.iter(|| keep.wanted(black_box(members), &zone));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, retention);
criterion_main!(benches);
