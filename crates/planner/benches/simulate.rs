//! How long it takes to replay a policy over a year for a thousand instances: where most are alike, and where each of them has keep rules
//! of its own.

mod account;

use std::time::Duration;

use account::policy;
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use planner::fleet::Instance;
use planner::policy::file::SELF;
use planner::policy::select::InstanceState;
use planner::simulate::{Start, simulate};
use planner::tags::Tags;

const INSTANCES: u32 = 1_000;
const SCHEDULES: [&str; 4] = ["0 1 * * *", "0 2 * * *", "0 */6 * * *", "0 3 * * SUN"];

fn year(criterion: &mut Criterion) {
    let targets = SCHEDULES.iter().enumerate().map(|(tier, schedule)| {
        format!(
            "[[target]]\nname = 't{tier}'\nselect = {{ tags = ['Tier={tier}'] }}\nschedule = '{schedule}'\nkeep-daily = 7\nkeep-weekly = 4\n\
             keep-monthly = 12\ncopy = [{{ region = 'eu-west-1', keep-monthly = 3 }}]\n"
        )
    });
    let policy = policy(&targets.collect::<String>());
    let mut group = criterion.benchmark_group("simulate a year");
    group.sample_size(10).warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_secs(1));
    for (name, are_alike) in [("1000 instances of 4 kinds", true), ("1000 instances, no two alike", false)] {
        let instances: Vec<Instance> = (0..INSTANCES).filter_map(|number| instance(number, are_alike)).collect();
        let start = Start { from: Timestamp::constant(1_767_225_600, 0), instances: &instances, inventory: None };
        group.bench_function(name, |bencher| bencher.iter(|| simulate(&policy, SELF, start, 365, &[])));
    }
    group.finish();
}

/// One of them; its own tags, if it is not like others, say a thing that no other's say.
fn instance(number: u32, is_alike: bool) -> Option<Instance> {
    let mut tags = vec![("Tier".to_owned(), (number % 4).to_string())];
    if !is_alike {
        let counts = [("daily", number % 10), ("weekly", number / 10 % 10), ("monthly", number / 100)];
        tags.extend(counts.map(|(rule, count)| (format!("ami-backup:keep-{rule}"), (count + 1).to_string())));
    }
    Some(Instance {
        id: format!("i-{number:017x}").parse().ok()?,
        region: "us-east-1".parse().ok()?,
        availability_zone: "us-east-1a".to_owned(),
        state: InstanceState::Running,
        tags: Tags::new(tags),
        root_device: None,
        volumes: Vec::new(),
    })
}

criterion_group!(benches, year);
criterion_main!(benches);
