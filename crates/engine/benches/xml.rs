//! What it costs to read a page of EC2's listings that is as long as pages get: whether it is XML with one reading, what the SDK makes of it, what we make
//! of that, and all of it from bytes to the planner's nouns. By thing listed, and by byte.

#![expect(clippy::unwrap_used, reason = "it ends where something is wrong")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::{BehaviorVersion, Config, Region};
use aws_sdk_ec2::types;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use planner::inventory::{Image, Snapshot};
use planner::tags::TagKeys;
use tokio::runtime::{Builder, Runtime};

#[path = "../src/translate.rs"]
#[expect(dead_code, reason = "what else is translated stands on no such page")]
mod translate;
#[path = "../src/wellformed.rs"]
#[expect(dead_code, reason = "a listing is not asked what it is the answer to")]
mod wellformed;

/// What `translate` needs of the engine.
mod outcome {
    pub(crate) use planner::plain::one_line;
}

/// The most that a page holds.
const PAGE: u64 = 1000;
/// Volumes of an instance.
const VOLUMES: u64 = 3;

fn images(criterion: &mut Criterion) {
    let page = page("DescribeImagesResponse", "imagesSet", image);
    let runtime = runtime();
    let ask = |client: &Client| runtime.block_on(client.describe_images().owners("self").send()).unwrap().images.unwrap();
    let translated = |images: &[types::Image]| {
        let mut keys = TagKeys::default();
        images.iter().map(|image| translate::image(image, &mut keys)).collect::<Result<Vec<Image>, _>>().unwrap()
    };
    measure(criterion, "page of images", &page, ask, translated, |image| {
        assert_eq!((image.tags().len(), image.block_device_mappings().len() as u64), (6, VOLUMES));
    });
}

fn snapshots(criterion: &mut Criterion) {
    let page = page("DescribeSnapshotsResponse", "snapshotSet", snapshot);
    let runtime = runtime();
    let ask = |client: &Client| runtime.block_on(client.describe_snapshots().owner_ids("self").send()).unwrap().snapshots.unwrap();
    let translated = |snapshots: &[types::Snapshot]| {
        let mut keys = TagKeys::default();
        snapshots.iter().map(|snapshot| translate::snapshot(snapshot, &mut keys)).collect::<Result<Vec<Snapshot>, _>>().unwrap()
    };
    measure(criterion, "page of snapshots", &page, ask, translated, |snapshot| assert_eq!(snapshot.tags().len(), 6));
}

/// What each part of reading a page takes, and all of it. `is_whole` looks at the first thing that is read.
fn measure<T, N>(
    criterion: &mut Criterion,
    name: &str,
    page: &str,
    ask: impl Fn(&Client) -> Vec<T>,
    translated: impl Fn(&[T]) -> Vec<N>,
    is_whole: impl Fn(&T),
) {
    let mut group = group(criterion, name, page);
    group.bench_function("check", |bencher| bencher.iter(|| wellformed::check(black_box(page.as_bytes())).unwrap()));
    let unchecked = client(page, false);
    group.bench_function("SDK", |bencher| bencher.iter(|| ask(&unchecked)));
    let seen = ask(&unchecked);
    assert_eq!(seen.len() as u64, PAGE);
    is_whole(&seen[0]);
    group.bench_function("translation", |bencher| bencher.iter(|| translated(black_box(&seen))));
    let checked = client(page, true);
    group.bench_function("all", |bencher| bencher.iter(|| translated(&ask(&checked))));
    group.finish();
}

fn group<'c>(criterion: &'c mut Criterion, name: &str, page: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    group.throughput(Throughput::ElementsAndBytes { elements: PAGE, bytes: page.len() as u64 });
    group
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// An EC2 that answers whatever it is asked with that page, which is checked first where `limits` would do so.
fn client(page: &str, is_checked: bool) -> Client {
    let connector = SharedHttpConnector::new(Answer { page: page.as_bytes().to_vec().leak(), is_checked });
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "bench"))
        .http_client(http_client_fn(move |_, _| connector.clone()));
    Client::from_conf(config.build())
}

#[derive(Debug)]
struct Answer {
    page: &'static [u8],
    is_checked: bool,
}

impl HttpConnector for Answer {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let refused = self.is_checked.then(|| wellformed::check(self.page).err()).flatten();
        let answer = match (refused, 200.try_into()) {
            (None, Ok(status)) => Ok(HttpResponse::new(status, SdkBody::from(self.page))),
            (refused, _) => Err(ConnectorError::user(format!("{refused:?}").into())),
        };
        HttpConnectorFuture::ready(answer)
    }
}

/// A page of what EC2 lists, in its words.
fn page(root: &str, set: &str, item: impl Fn(u64) -> String) -> String {
    let items = (0..PAGE).map(|number| format!("        <item>\n{}        </item>\n", item(number))).collect::<Vec<_>>().concat();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\n    \
         <requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>\n    <{set}>\n{items}    </{set}>\n    <nextToken>token</nextToken>\n</{root}>\n"
    )
}

fn image(number: u64) -> String {
    let instance = instance(number);
    let mut xml = String::new();
    let name = format!("backup-ami_web-{number}_{instance}_20261122T023000Z_0a1b2c3d");
    leaves(
        &mut xml,
        &[
            ("imageId", &scattered("ami", number)),
            ("imageLocation", &format!("123456789012/{name}")),
            ("imageState", "available"),
            ("imageOwnerId", "123456789012"),
            ("creationDate", "2026-11-22T02:30:07.000Z"),
            ("isPublic", "false"),
            ("architecture", "x86_64"),
            ("imageType", "machine"),
            ("sriovNetSupport", "simple"),
            ("name", &name),
            ("description", &format!("backup-ami for web-{number}")),
            ("rootDeviceType", "ebs"),
            ("rootDeviceName", "/dev/sda1"),
        ],
    );
    xml.push_str("<blockDeviceMapping>\n");
    for (volume, letter) in (0..VOLUMES).zip('a'..) {
        let _ = writeln!(xml, "<item>\n<deviceName>/dev/sd{letter}</deviceName>\n<ebs>");
        let snapshot = scattered("snap", number * VOLUMES + volume);
        leaves(
            &mut xml,
            &[
                ("snapshotId", &snapshot),
                ("volumeSize", "8"),
                ("deleteOnTermination", "true"),
                ("volumeType", "gp3"),
                ("iops", "3000"),
                ("throughput", "125"),
                ("encrypted", "false"),
            ],
        );
        xml.push_str("</ebs>\n</item>\n");
    }
    xml.push_str("</blockDeviceMapping>\n");
    tags(&mut xml, number, &instance);
    leaves(
        &mut xml,
        &[
            ("virtualizationType", "hvm"),
            ("hypervisor", "xen"),
            ("enaSupport", "true"),
            ("platformDetails", "Linux/UNIX"),
            ("usageOperation", "RunInstances"),
            ("deregistrationProtection", "disabled"),
            ("sourceInstanceId", &instance),
        ],
    );
    xml
}

fn snapshot(number: u64) -> String {
    let instance = instance(number / VOLUMES);
    let mut xml = String::new();
    leaves(
        &mut xml,
        &[
            ("snapshotId", &scattered("snap", number)),
            ("volumeId", &scattered("vol", number)),
            ("status", "completed"),
            ("startTime", "2026-11-22T02:30:07.123Z"),
            ("progress", "100%"),
            ("ownerId", "123456789012"),
            ("volumeSize", "8"),
            ("description", &format!("Created by CreateImage({instance}) for {}", scattered("ami", number / VOLUMES))),
            ("encrypted", "false"),
            ("storageTier", "standard"),
            ("transferType", "standard"),
            ("completionTime", "2026-11-22T02:41:00.456Z"),
        ],
    );
    tags(&mut xml, number, &instance);
    xml
}

/// Those that a backup bears.
fn tags(xml: &mut String, number: u64, instance: &str) {
    let name = format!("backup-ami@web-{number}");
    xml.push_str("<tagSet>\n");
    for (key, value) in [
        ("Name", name.as_str()),
        ("Instance", instance),
        ("Date", "2026-11-22T02:30:00Z"),
        ("Creator", "image-instance"),
        ("AvailabilityZone", "us-east-1a"),
        ("Expire", "2026-11-29T02:30:00Z"),
    ] {
        xml.push_str("<item>\n");
        leaves(xml, &[("key", key), ("value", value)]);
        xml.push_str("</item>\n");
    }
    xml.push_str("</tagSet>\n");
}

fn leaves(xml: &mut String, leaves: &[(&str, &str)]) {
    for (name, text) in leaves {
        let _ = writeln!(xml, "                <{name}>{text}</{name}>");
    }
}

fn instance(number: u64) -> String {
    scattered("i", number)
}

/// An id; ids are in no order.
fn scattered(kind: &str, number: u64) -> String {
    format!("{kind}-{:017x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

criterion_group!(benches, images, snapshots);
criterion_main!(benches);
