//! An endpoint that lies, breaks, floods or never ends: what it costs is bounded, and nothing is deleted on the strength of what
//! cannot be read with certainty.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use engine::report::PurgeReport;
use engine::{Account, Connection, Ending, RunError};
use http_body::{Body, Frame};
use jiff::SignedDuration;
use planner::policy::PurgePolicy;
use proptest::prelude::*;
use tokio::time::{Sleep, sleep};

use crate::common::*;

/// What is done to an answer on its way: of an action, with its number among those of that action.
type Tamper = dyn Fn(&str, usize, &str) -> Option<HttpResponse> + Send + Sync;

/// The simulator, with somebody between it and us.
struct Between {
    honest: SharedHttpClient,
    tamper: Arc<Tamper>,
    count: Arc<AtomicUsize>,
}

struct BetweenConnector {
    honest: SharedHttpConnector,
    tamper: Arc<Tamper>,
    count: Arc<AtomicUsize>,
}

impl std::fmt::Debug for Between {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Between")
    }
}

impl std::fmt::Debug for BetweenConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BetweenConnector")
    }
}

impl HttpClient for Between {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(BetweenConnector {
            honest: self.honest.http_connector(settings, components),
            tamper: Arc::clone(&self.tamper),
            count: Arc::clone(&self.count),
        })
    }
}

impl HttpConnector for BetweenConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let parameters = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let action = parameters.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or_default().to_owned();
        let (answer, tamper, number) = (self.honest.call(request), Arc::clone(&self.tamper), self.count.fetch_add(1, Ordering::SeqCst));
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            let honest = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default()).into_owned();
            Ok(tamper(&action, number, &honest).unwrap_or(answer))
        })
    }
}

/// An answer with that body.
fn answer(status: u16, body: impl Into<SdkBody>) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), body.into())
}

impl Scene {
    /// The same world through somebody who may change what is answered. Gives the number of calls.
    async fn through(&mut self, tamper: impl Fn(&str, usize, &str) -> Option<HttpResponse> + Send + Sync + 'static) -> Arc<AtomicUsize> {
        let count = Arc::new(AtomicUsize::new(0));
        let between = Between { honest: self.sim.http_client(), tamper: Arc::new(tamper), count: Arc::clone(&count) };
        let connection = Connection {
            clock: self.clock,
            http_client: Some(SharedHttpClient::new(between)),
            credentials: Some(SharedCredentialsProvider::new(Credentials::new("AKIDEXAMPLE", "secret", None, None, "tests"))),
            ..Connection::default()
        };
        self.account = Account::open(connection).await.unwrap();
        count
    }
}

/// Two expired backups, one that stays, and an orphan, at home; one expired backup in Europe.
async fn stocked() -> Scene {
    Scene::with(|world| {
        Stock::by_the_scripts(WEB).name("old").expire("2026-11-01T00:00:00Z").put(world, HOME);
        Stock::by_the_scripts(DB).name("older").volumes(3).expire("2026-10-01T00:00:00Z").put(world, HOME);
        Stock::by_the_scripts(WEB).name("kept").expire("2027-01-01T00:00:00Z").put(world, HOME);
        Stock::by_the_scripts(WEB).name("gone").expire("2026-10-01T00:00:00Z").put_orphans(world, HOME);
        Stock::by_the_scripts(MAIL).name("there").expire("2026-10-01T00:00:00Z").put(world, EUROPE);
    })
    .await
}

/// What the purge of home and Europe says, with home's answers of one action replaced.
async fn purge_where(action: &'static str, body: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> (Scene, PurgeReport) {
    let mut scene = stocked().await;
    // Only home's answers tell of these.
    let is_homes = |honest: &str| honest.contains("us-east-1") || honest.contains("kept") || honest.contains("snap-");
    let tamper = move |asked: &str, _: usize, honest: &str| (asked == action && is_homes(honest)).then(|| answer(200, body(honest)));
    scene.through(tamper).await;
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    (scene, report)
}

/// The region could not be read, nothing in it was touched, and the report says why.
#[track_caller]
fn assert_unread(scene: &Scene, report: &PurgeReport, why: &str) {
    assert_eq!(scene.mutating_calls(), [""; 0], "{report}");
    let home = report.regions.iter().find(|read| read.region == region(HOME)).unwrap();
    assert!(!home.read && home.why.as_deref().unwrap().contains(why), "{report}");
    assert_eq!(report.ending, Ending::NothingAchieved);
    // One line for the region and one for the sum.
    assert_eq!(report.to_string().lines().count(), 2, "{report}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_ec2s_xml_deletes_nothing() {
    let billion =
        "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;\">]><R>&c;</R>";
    let cases: &[(&str, &str)] = &[
        ("", "no element"),
        ("{\"Images\": []}", "unknown token"),
        ("<html><body>It works!</body></html>", "invalid root"),
        ("<!DOCTYPE html><html></html>", "document type"),
        (billion, "document type"),
        ("<?xml version=\"1.0\" encoding=\"UTF-16\"?><DescribeImagesResponse/>", "UTF-16"),
        ("<DescribeImagesResponse><imagesSet>", "it ends within <imagesSet>"),
        ("<DescribeImagesResponse/>", "holds no list"),
        ("<DescribeSnapshotsResponse/>", ""),
        ("<DescribeImagesResponse><imagesSet/><imagesSet/></DescribeImagesResponse>", "twice"),
        ("<DescribeImagesResponse><imagesSet><item/></imagesSet></DescribeImagesResponse>", "is not an image id"),
        ("<DescribeImagesResponse><imagesSet>\0</imagesSet></DescribeImagesResponse>", "could not be read"),
        (
            "<DescribeImagesResponse><imagesSet><item><isPublic>perhaps</isPublic></item></imagesSet></DescribeImagesResponse>",
            "could not be read",
        ),
    ];
    for (body, why) in cases {
        for action in ["DescribeImages", "DescribeSnapshots"] {
            let (scene, report) = purge_where(action, |_| body.as_bytes().to_vec()).await;
            // What names images is no list of snapshots.
            let why = if action == "DescribeSnapshots" && body.contains("DescribeImages") { "could not be read" } else { why };
            let why = if action == "DescribeSnapshots" && body.starts_with("<DescribeSnapshots") { "holds no list" } else { why };
            assert_unread(&scene, &report, why);
        }
    }
    let not_text = [&b"<DescribeImagesResponse><imagesSet>\xff\xfe</imagesSet></DescribeImagesResponse>"[..], &[0xff; 100], &[0; 100]];
    for body in not_text {
        let (scene, report) = purge_where("DescribeImages", |_| body.to_vec()).await;
        assert_unread(&scene, &report, "could not be read");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_cut_anywhere_deletes_nothing() {
    let (_, whole) = purge_where("DescribeImages", |honest| honest.as_bytes().to_vec()).await;
    assert_eq!(whole.ending, Ending::Done);
    for action in ["DescribeImages", "DescribeSnapshots"] {
        for percent in 0..100 {
            let (scene, report) = purge_where(action, move |honest| honest.as_bytes()[..honest.len() * percent / 100].to_vec()).await;
            assert_unread(&scene, &report, "");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn ids_that_are_none_are_told_harmlessly_and_delete_nothing() {
    let long = "f".repeat(1_000_000);
    for id in
        ["", "ami-", "ami-1&#10;ami-2", "ami-&#27;[31m", "ami-\u{202e}12345678", "ами-12345678", "../../etc", "99999999999999999999", &long]
    {
        let body = format!("<DescribeImagesResponse><imagesSet><item><imageId>{id}</imageId></item></imagesSet></DescribeImagesResponse>");
        let (scene, report) = purge_where("DescribeImages", move |_| body.clone().into_bytes()).await;
        assert_unread(&scene, &report, "is not an image id");
        let text = report.to_string();
        assert!(text.len() < 1000 && text.chars().all(|c| c == '\n' || (' '..='~').contains(&c)), "{text:?}");
    }
    let body = "<DescribeRegionsResponse><regionInfo><item><regionName>us-east-1&#10;&#27;</regionName></item></regionInfo></DescribeRegionsResponse>";
    let mut scene = stocked().await;
    scene.through(move |action, _, _| (action == "DescribeRegions").then(|| answer(200, body))).await;
    let error = scene.purge(&all_enabled()).await.unwrap_err();
    assert!(matches!(&error, RunError::Failed(failure) if failure.message.contains("is not a region")), "{error}");
    assert_eq!(scene.mutating_calls(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn elements_without_end_use_no_stack() {
    // As much as an answer may be long, where the SDK would read on, and where it would skip what it does not know.
    let deep = "<a>".repeat(20_000_000);
    for place in ["<DescribeImagesResponse>", "<DescribeImagesResponse><imagesSet><item><tagSet>", ""] {
        let body = format!("{place}{deep}");
        let (scene, report) = purge_where("DescribeImages", move |_| body.clone().into_bytes()).await;
        assert_unread(&scene, &report, "nested more than 64 deep");
    }
    // An error is read as far as can be.
    let mut scene = stocked().await;
    let body = format!("<Response><Errors>{}", "<a>".repeat(300_000));
    scene.through(move |action, _, _| (action == "DescribeImages").then(|| answer(400, body.clone()))).await;
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert_unread(&scene, &report, "HTTP status 400 without an EC2 error");
}

#[tokio::test(start_paused = true)]
async fn an_errors_text_is_one_line_of_bounded_length() {
    let mut scene = stocked().await;
    let (code, message) = ("Bad\u{1b}[2JCode\u{202e}", format!("line\nline\r{}", "\u{1f680}\u{200d}".repeat(100_000)));
    let body = format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>r\nr</RequestID></Response>"
    );
    let body = body.replace('\u{1b}', "&#27;");
    scene.through(move |action, _, _| (action == "DescribeImages").then(|| answer(400, body.clone()))).await;
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert_unread(&scene, &report, r"failed with Bad\u{1b}[2JCode\u{202e}: line line ");
    assert!(report.to_string().len() < 10_000);
}

#[tokio::test(start_paused = true)]
async fn names_and_tags_stay_on_their_lines() {
    let written = "&#27;[2J&#10;us-east-1  purged&#13;&#x202e;&#x2028;";
    let mut scene = stocked().await;
    scene
        .through(move |_, _, honest| {
            honest.contains("<value>").then(|| {
                let garbled =
                    honest.replace("backup-ami@old", &format!("backup-ami@{written}")).replace("<name>kept<", &format!("<name>{written}<"));
                answer(200, garbled.replace("2027-01-01T00:00:00Z", written))
            })
        })
        .await;
    let report = scene.purge_how(DRY_RUN, &these(&[HOME]), &PurgePolicy::default()).await.unwrap();
    let text = report.to_string();
    // Three backups, the orphan, and the sum.
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.chars().all(|c| c == '\n' || (' '..='~').contains(&c)), "{text:?}");
    assert!(text.contains(r"\u{1b}[2J us-east-1  purged \u{202e}"), "{text}");
    // The data is as it was sent.
    let document = serde_json::to_value(&report).unwrap().to_string();
    assert!(document.contains(r"\u001b[2J\nus-east-1"), "{document}");
}

/// A body of which a piece comes every so often, for ever.
struct Drip {
    piece: &'static [u8],
    every: Duration,
    next: Option<Pin<Box<Sleep>>>,
}

impl Body for Drip {
    type Data = <SdkBody as Body>::Data;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let every = self.every;
        let next = self.next.get_or_insert_with(|| Box::pin(sleep(every)));
        if !every.is_zero() && next.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.next = None;
        Poll::Ready(Some(Ok(Frame::data(Self::Data::from_static(self.piece)))))
    }
}

/// Every answer of an action goes on for ever.
async fn dripping(action: &'static str, piece: &'static [u8], every: Duration) -> (Scene, Arc<AtomicUsize>) {
    let mut scene = stocked().await;
    let drip = move || answer(200, SdkBody::from_body_1_x(Drip { piece, every, next: None }));
    let calls = scene.through(move |asked, _, _| (asked == action).then(drip)).await;
    (scene, calls)
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_drips_ends_within_the_calls_time() {
    let (scene, _) = dripping("DescribeSnapshots", b"<", Duration::from_secs(1)).await;
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert_unread(&scene, &report, "no answer in time");
    assert!(scene.elapsed() <= SignedDuration::from_secs(30), "{:?}", scene.elapsed());
    // The same of the metadata service, which is asked for seconds.
    let (scene, _) = dripping("", b"i", Duration::from_secs(1)).await;
    engine::metadata::local_instance(&scene.account).await.unwrap_err();
    assert!(scene.elapsed() <= SignedDuration::from_secs(100), "{:?}", scene.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_floods_is_given_up_at_its_limit_and_not_asked_for_again() {
    static BLANKS: [u8; 1 << 20] = [b' '; 1 << 20];
    let (scene, calls) = dripping("DescribeSnapshots", &BLANKS, Duration::ZERO).await;
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert_unread(&scene, &report, "EC2's answer is longer than 64 MiB");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert!(scene.elapsed().is_zero());
    // In every region at once, and each is told of.
    let (scene, _) = dripping("DescribeSnapshots", &BLANKS, Duration::ZERO).await;
    let report = scene.purge(&all_enabled()).await.unwrap();
    assert!(report.regions.len() > 15 && report.regions.iter().all(|region| !region.read), "{report}");
    let told = report.regions.iter().filter(|region| region.why.as_deref().is_some_and(|why| why.contains("longer than 64 MiB")));
    assert_eq!(told.count(), report.regions.len());
    // Nor is the metadata service's.
    let (scene, calls) = dripping("", &BLANKS, Duration::ZERO).await;
    let error = engine::metadata::local_instance(&scene.account).await.unwrap_err();
    assert!(error.to_string().contains("the answer is longer than 1 MiB"), "{error}");
    assert!(calls.load(Ordering::SeqCst) <= 3);
}

/// A listing whose pages each say so, and that there is another.
async fn pages_of(item: &'static str, token: impl Fn(usize) -> String + Send + Sync + 'static) -> (PurgeReport, usize, Scene) {
    let mut scene = stocked().await;
    let page = move |number| {
        let token = token(number);
        format!("<DescribeSnapshotsResponse><snapshotSet>{item}</snapshotSet><nextToken>{token}</nextToken></DescribeSnapshotsResponse>")
    };
    let calls = scene.through(move |action, number, _| (action == "DescribeSnapshots").then(|| answer(200, page(number)))).await;
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    (report, calls.load(Ordering::SeqCst), scene)
}

#[tokio::test(start_paused = true)]
async fn a_listing_without_an_end_ends() {
    let (report, calls, scene) = pages_of("", |number| format!("page {number}")).await;
    assert_unread(&scene, &report, "the listing does not end: 1000 pages in a row were empty");
    assert!(calls <= 1001, "{calls}");
    let (report, calls, scene) = pages_of("", |_| "again".to_owned()).await;
    assert_unread(&scene, &report, "the same page token came twice");
    assert_eq!(calls, 2);
    let (report, calls, scene) = pages_of("", |number| (number % 3).to_string()).await;
    assert_unread(&scene, &report, "the same page token came twice");
    assert_eq!(calls, 4);
    let snapshot = "<item><snapshotId>snap-12345678</snapshotId></item>";
    let (report, calls, scene) = pages_of(snapshot, |number| format!("page {number}")).await;
    assert_unread(&scene, &report, "the listing does not end: 5000 pages were not the last");
    assert!(calls <= 5000, "{calls}");
}

/// Whether tags open and close as they should, by a reading of its own: what holds `<`, a name, `>`.
fn is_balanced(text: &str) -> bool {
    let mut open = Vec::new();
    let mut roots = 0;
    let mut rest = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap_or(text);
    while let Some(at) = rest.find('<') {
        let Some(end) = rest[at..].find('>') else { return false };
        let tag = &rest[at + 1..at + end];
        rest = &rest[at + end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
            continue;
        }
        roots += usize::from(open.is_empty());
        if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap_or_default());
        }
    }
    open.is_empty() && roots == 1
}

/// Something that happens to bytes.
#[derive(Debug, Clone)]
enum Damage {
    Cut,
    Drop(usize),
    Repeat(usize),
    Put(Vec<u8>),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        let bits = prop::sample::select(vec!["<", ">", "/", "</", "/>", "<item>", "</item>", "<!--", "]]>", "&", "&#0;", "\0", "\"", "<a"]);
        prop_oneof![
            Just(Self::Cut),
            (1..400_usize).prop_map(Self::Drop),
            (1..400_usize).prop_map(Self::Repeat),
            bits.prop_map(|bit| Self::Put(bit.as_bytes().to_vec())),
            prop::collection::vec(any::<u8>(), 1..4).prop_map(Self::Put),
        ]
    }

    fn strike(&self, bytes: &mut Vec<u8>, at: prop::sample::Index) {
        let at = at.index(bytes.len() + 1);
        let until = |length: &usize| (at + length).min(bytes.len());
        match self {
            Self::Cut => bytes.truncate(at),
            Self::Drop(length) => drop(bytes.drain(at..until(length))),
            Self::Repeat(length) => {
                let again = bytes[at..until(length)].to_vec();
                bytes.splice(at..at, again);
            }
            Self::Put(bit) => drop(bytes.splice(at..at, bit.iter().copied())),
        }
    }
}

/// Runs under a paused clock of its own.
fn paused<T>(run: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(run)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic_hang_or_delete(body in prop::collection::vec(any::<u8>(), 0..300), status in prop::sample::select(vec![200_u16, 204, 301, 400, 500])) {
        paused(async {
            let mut scene = stocked().await;
            scene.through(move |_, _, _| Some(answer(status, body.clone()))).await;
            if let Ok(report) = scene.purge(&these(&[HOME])).await {
                prop_assert!(report.regions.iter().all(|region| !region.read));
                prop_assert_ne!(report.ending, Ending::Done);
            }
            let request = scene.backup_of(WEB).copied_to(EUROPE);
            let for_minutes = How { patience: SignedDuration::from_mins(5), ..How::default() };
            let made = scene.image_how(for_minutes, &request).await;
            prop_assert!(made.is_err(), "{:?}", made);
            scene.resume_how(for_minutes, &these(&[HOME])).await.ok();
            engine::metadata::local_instance(&scene.account).await.ok();
            prop_assert_eq!(scene.mutating_calls(), [""; 0]);
            Ok(())
        })?;
    }

    #[test]
    fn a_damaged_answer_deletes_no_more_than_an_honest_one(
        action in prop::sample::select(vec!["DescribeImages", "DescribeSnapshots"]),
        damages in prop::collection::vec((Damage::any(), any::<prop::sample::Index>()), 1..3),
    ) {
        paused(async {
            let damaged = move |honest: &str| {
                let mut bytes = honest.as_bytes().to_vec();
                for (damage, at) in &damages {
                    damage.strike(&mut bytes, *at);
                }
                bytes
            };
            let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
            let told = Arc::clone(&seen);
            let (scene, report) = purge_where(action, move |honest| {
                let bytes = damaged(honest);
                told.lock().unwrap().clone_from(&bytes);
                bytes
            }).await;
            let bytes = seen.lock().unwrap().clone();
            let is_whole = str::from_utf8(&bytes).is_ok_and(is_balanced);
            if !is_whole {
                prop_assert_eq!(scene.mutating_calls(), [""; 0], "{}", String::from_utf8_lossy(&bytes));
                prop_assert!(!report.regions[0].read);
            }
            // What says that it stays does so, unless the damage reads as another date.
            if !scene.images(HOME).iter().any(|image| image.name == "kept") {
                prop_assert!(is_whole && !String::from_utf8_lossy(&bytes).contains("2027-01-01T00:00:00Z"));
            }
            Ok(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn where_one_region_lies_the_others_are_purged() {
    let mut scene = stocked().await;
    let lie = |action: &str, _: usize, honest: &str| (action == "DescribeImages" && honest.contains("kept")).then(|| answer(200, "lies"));
    scene.through(lie).await;
    let report = scene.purge_how(How::default(), &these(&[HOME, EUROPE]), &PurgePolicy::default()).await.unwrap();
    assert_eq!(report.ending, Ending::SomeFailed);
    assert_eq!((scene.images(HOME).len(), scene.images(EUROPE).len()), (3, 0));
    let read: BTreeSet<(String, bool)> = report.regions.iter().map(|region| (region.region.to_string(), region.read)).collect();
    assert_eq!(read, [(HOME.to_owned(), false), (EUROPE.to_owned(), true)].into());
}

/// The first answer of each action that changes something is not what it was.
async fn scene_that_garbles(garbled: &'static str) -> Scene {
    let mut scene = stocked().await;
    let done = std::sync::Mutex::new(BTreeSet::new());
    let is_first = move |action: &str| !action.starts_with("Describe") && done.lock().unwrap().insert(action.to_owned());
    scene.through(move |action, _, _| is_first(action).then(|| answer(200, garbled))).await;
    scene
}

#[tokio::test(start_paused = true)]
async fn what_a_garbled_answer_was_to_is_found_and_not_done_twice() {
    for garbled in ["", "<CreateImageResponse><imageId>ami-1", "<CopyImageResponse><imageId>ami-\u{1}", "<R/>", "{}"] {
        let scene = scene_that_garbles(garbled).await;
        let (home, west) = (scene.images(HOME).len(), scene.images(WEST).len());
        let report = scene.image(&scene.backup_of(WEB).copied_to(WEST)).await.unwrap();
        assert_eq!(report.ending, Ending::Done, "{garbled:?}: {report}");
        assert_eq!((scene.images(HOME).len(), scene.images(WEST).len()), (home + 1, west + 1), "{garbled:?}");

        let scene = scene_that_garbles(garbled).await;
        let first = scene.purge(&these(&[HOME])).await.unwrap();
        assert!(first.to_string().contains("the answer could not be read"), "{first}");
        // The first deletion of an image is garbled, and then the first of a snapshot.
        drop(scene.purge(&these(&[HOME])).await.unwrap());
        assert_eq!(scene.purge(&these(&[HOME])).await.unwrap().ending, Ending::Done);
        assert_eq!((scene.images(HOME).len(), scene.held(HOME).snapshots.len()), (1, 1), "{garbled:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_listed_as_deregistered_keeps_no_snapshot() {
    let mut scene = Scene::with(|world| {
        Stock::by_the_scripts(WEB).expire("2026-11-01T00:00:00Z").snapshots_untagged().put(world, HOME);
    })
    .await;
    let listings = AtomicUsize::new(0);
    // Asked who is made of the snapshot, EC2 remembers another.
    let remember = move |action: &str, _: usize, honest: &str| {
        let is_second = action == "DescribeImages" && listings.fetch_add(1, Ordering::SeqCst) == 1;
        let (start, rest) = honest.split_once("<imagesSet>").filter(|_| is_second)?;
        let (item, end) = rest.split_once("</imagesSet>")?;
        let gone = item.replace("ami-00000000000000001", "ami-00000000000000002").replace(">available<", ">deregistered<");
        assert!(gone.contains("deregistered") && !gone.contains("ami-00000000000000001<"), "{gone}");
        Some(answer(200, format!("{start}<imagesSet>{gone}{item}</imagesSet>{end}")))
    };
    scene.through(remember).await;
    let report = scene.purge(&these(&[HOME])).await.unwrap();
    assert_eq!(report.ending, Ending::Done, "{report}");
    assert_eq!(scene.calls("DescribeImages").len(), 2);
    assert!(scene.images(HOME).is_empty() && scene.held(HOME).snapshots.is_empty());
}
