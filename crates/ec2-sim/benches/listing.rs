//! How long it takes to list all images of a region page by page, and their snapshots, over loopback. The time for each is to stay
//! the same however many there are: to look at a region of a hundred thousand is to take what looking takes, and not what the
//! simulator does.

#![expect(clippy::expect_used, reason = "what cannot be served or asked cannot be measured")]

use std::cell::LazyCell;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ec2_sim::{Ec2Sim, World};
use tokio::net::TcpListener;

fn listing(criterion: &mut Criterion) {
    for (action, each) in [("DescribeImages", 1), ("DescribeSnapshots", SNAPSHOTS)] {
        let mut group = criterion.benchmark_group(action);
        group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
        for images in [1_000, 10_000, 100_000] {
            // Made once, and only where it is asked for: a filter may leave the large ones out.
            let address = LazyCell::new(|| serving(images));
            group.throughput(Throughput::Elements(images * each));
            group.bench_function(BenchmarkId::from_parameter(images * each), |bencher| {
                let mut server = BufReader::new(TcpStream::connect(&*address).expect("it listens"));
                bencher.iter(|| assert_eq!(listed(&mut server, action), images * each));
            });
        }
        group.finish();
    }
}

/// So many has each image.
const SNAPSHOTS: u64 = 3;

/// Serves a region with that many images, and says where.
fn serving(images: u64) -> String {
    let mut world = "clock = 2026-12-01T02:00:00Z\n".to_owned();
    for number in 0..images {
        let _ = write!(
            world,
            "[[image]]\nregion = 'us-east-1'\nname = 'backup-{number}'\nvolumes = [8, 20, 100]\n\
             tags = {{ Name = 'web-{number}', Creator = 'me', Date = '2026-11-30T02:00:00Z' }}\nsnapshot_tags = {{ Creator = 'me' }}\n"
        );
    }
    let path = std::env::temp_dir().join(format!("ec2-sim-listing-{images}-{}.toml", std::process::id()));
    std::fs::write(&path, world).expect("there is room for the world");
    let world = World::load(&path).expect("it is well formed");
    let _ = std::fs::remove_file(path);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    listener.set_nonblocking(true).expect("a socket can be");
    // Ends with the program.
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { Ec2Sim::new(world).serve(TcpListener::from_std(listener)?).await })
    });
    address
}

/// How many items all pages of a listing have.
fn listed(server: &mut BufReader<TcpStream>, action: &str) -> u64 {
    let (mut items, mut token) = (0, String::new());
    loop {
        let page = call(server, &format!("Action={action}&Version=2016-11-15&Owner.1=self&MaxResults=1000{token}"));
        items += page.matches("<tagSet>").count() as u64;
        match page.split_once("<nextToken>").and_then(|(_, rest)| rest.split_once('<')) {
            Some((next, _)) => token = format!("&NextToken={next}"),
            None => return items,
        }
    }
}

fn call(server: &mut BufReader<TcpStream>, form: &str) -> String {
    let request = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\nauthorization: \
         AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261201/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n{form}",
        form.len()
    );
    server.get_mut().write_all(request.as_bytes()).expect("it reads");
    let (mut length, mut line) = (0, String::new());
    while line != "\r\n" {
        line.clear();
        server.read_line(&mut line).expect("it answers");
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("it is a number");
        }
    }
    let mut body = vec![0; length];
    server.read_exact(&mut body).expect("it answers to the end");
    String::from_utf8(body).expect("it is text")
}

criterion_group!(benches, listing);
criterion_main!(benches);
