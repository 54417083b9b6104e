//! What an endpoint may cost: how long its answers are, and how long its listings. Whoever sends more, or something that is read
//! otherwise than it is written, gets an error; nothing is collected without an end.
//!
//! Time is bounded by the calls' own limits (`account.rs`): an answer is collected within the attempt it belongs to.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Full};
use planner::id::Region;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::call::Call;
use crate::outcome::{deepest, is_throttling, refused_certificate};
use crate::pace::{Pace, Turn};
use crate::wellformed;

const MIB: usize = 1 << 20;
/// The longest answer. The largest honest one is a page of 1000 images with 50 tags of 128 and 256 characters and 28 devices each: 30 MB
/// in ASCII, and as much again for what XML or UTF-8 writes longer.
const LONGEST_ANSWER: usize = 64 * MIB;
/// The longest of any other answer: an error, credentials, metadata. They are of some kilobytes.
const LONGEST_ELSEWHERE: usize = MIB;
/// Answers up to here are read side by side, some 35 regions at once.
const SHORT_ANSWER: usize = 4 * MIB;
/// So many longer ones are read at a time; the others wait, and their time limits run on.
const LONG_ANSWERS_AT_ONCE: usize = 4;
/// The longest listing, all its pages together: a million snapshots of a kilobyte, ten times EC2's usual quota.
const LONGEST_LISTING: u64 = 1 << 30;
/// The most pages of a listing. A page may hold less than was asked for, or nothing.
const MOST_PAGES: usize = 5000;
/// The most things listed: EC2's quotas are 50,000 images and 100,000 snapshots a region, and can be raised.
const MOST_ITEMS: usize = 1_000_000;
/// The most empty pages in a row: EC2 cuts pages before it applies filters, and its pages hold up to 1000 of at most a million.
const MOST_EMPTY_PAGES: usize = 1000;
/// The longest token of a page; EC2's have some hundred characters.
const LONGEST_TOKEN: usize = 8192;
/// So long may a listing take: a thousand pages of seconds.
const PATIENCE_OF_A_LISTING: Duration = Duration::from_hours(1);

/// Why an answer is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It is longer than any honest one.
    LongAnswer,
    /// The same of an error, or of whoever was asked for credentials or metadata.
    LongElsewhere,
    /// The pages of one listing, together.
    LongListing,
    /// The connection broke in the middle, and how.
    BrokenOff(String),
    /// It is not XML as EC2 writes it.
    NotXml(wellformed::Malformed),
    /// It is XML, and no answer to what was asked: the SDK would take any for a deletion that was done.
    AnotherAnswer(Call),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LongAnswer => write!(f, "EC2's answer is longer than {} MiB", LONGEST_ANSWER / MIB),
            Self::LongElsewhere => write!(f, "the answer is longer than {} MiB", LONGEST_ELSEWHERE / MIB),
            Self::LongListing => write!(f, "EC2's listing is longer than {} GiB", LONGEST_LISTING >> 30),
            Self::BrokenOff(how) => write!(f, "the answer broke off: {how}"),
            Self::AnotherAnswer(call) => write!(f, "it is no answer to {}", call.name()),
            Self::NotXml(why) => write!(f, "it is not XML as EC2 writes it: {why}"),
        }
    }
}

impl Error for Unfit {}

impl From<Unfit> for ConnectorError {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            // Worth another attempt.
            Unfit::BrokenOff(_) => Self::io(Box::new(unfit)),
            // A second one would be no shorter.
            Unfit::LongAnswer | Unfit::LongElsewhere | Unfit::LongListing | Unfit::NotXml(_) | Unfit::AnotherAnswer(_) => {
                Self::other(Box::new(unfit), None)
            }
        }
    }
}

/// The same client, whose answers have an end. What is not EC2's own (credentials, metadata) is bounded and not looked into.
pub(crate) fn bounded(client: SharedHttpClient) -> SharedHttpClient {
    let meter = Meter { long: Arc::new(Semaphore::new(LONG_ANSWERS_AT_ONCE)), listing: None };
    SharedHttpClient::new(Bounded { client, meter, paced: None })
}

/// The clients for EC2: what they are answered must be XML that has only one reading.
#[derive(Debug, Clone)]
pub(crate) struct Ec2Clients {
    client: SharedHttpClient,
    long: Arc<Semaphore>,
    pace: Pace,
}

impl Ec2Clients {
    pub(crate) fn of(client: SharedHttpClient) -> Self {
        Self { client, long: Arc::new(Semaphore::new(LONG_ANSWERS_AT_ONCE)), pace: Pace::default() }
    }

    /// The same for another account, which has a pace of its own.
    pub(crate) fn of_another_account(&self) -> Self {
        Self { pace: Pace::default(), ..self.clone() }
    }

    /// Waits for the turn of a call that changes something.
    pub(crate) async fn turn(&self, region: &Region, call: Call) -> Turn {
        self.pace.turn(region, call).await
    }

    /// A client for one listing, or one call: all that it is answered counts together.
    pub(crate) fn one(&self, region: &Region) -> SharedHttpClient {
        let meter = Meter { long: Arc::clone(&self.long), listing: Some(Arc::new(AtomicU64::new(0))) };
        let paced = Some((self.pace.clone(), region.clone()));
        SharedHttpClient::new(Bounded { client: self.client.clone(), meter, paced })
    }
}

#[derive(Debug, Clone)]
struct Meter {
    /// Who may read a long answer.
    long: Arc<Semaphore>,
    /// How long EC2's answers are so far; `None` where it is not EC2 that answers.
    listing: Option<Arc<AtomicU64>>,
}

impl Meter {
    /// The whole answer, which now is in memory; and whether EC2 refuses in it what was asked as one too many.
    async fn collect(&self, mut answer: HttpResponse, call: Option<Call>) -> Result<(HttpResponse, bool), ConnectorError> {
        let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
        let holds_data = self.listing.is_some() && answer.status().is_success();
        let bytes = self.read(body, holds_data).await?;
        let is_refused = !holds_data && is_throttling(&bytes);
        if let Some(listing) = &self.listing {
            let length = bytes.len() as u64;
            if listing.fetch_add(length, Ordering::Relaxed).saturating_add(length) > LONGEST_LISTING {
                return Err(Unfit::LongListing.into());
            }
            let status = answer.status().as_u16();
            // Launch configurations hold user data, and those may hold anything.
            let error = if holds_data { "".into() } else { String::from_utf8_lossy(bytes.get(..4096).unwrap_or(&bytes)) };
            tracing::trace!(status, length, %error, "answer");
            // Of an error, what can be made out is worth more than nothing.
            if holds_data {
                wellformed::check(&bytes).map_err(Unfit::NotXml)?;
                if let Some(call) = call.filter(|call| !call.only_reads())
                    && wellformed::root(&bytes).and_then(|root| root.strip_suffix("Response")) != Some(call.name())
                {
                    return Err(Unfit::AnotherAnswer(call).into());
                }
            }
        }
        // As a stream: the SDK prints what it holds in memory when it logs an answer, secrets and all.
        *answer.body_mut() = SdkBody::from_body_1_x(Full::new(bytes.into()));
        Ok((answer, is_refused))
    }

    async fn read(&self, body: SdkBody, holds_data: bool) -> Result<Vec<u8>, Unfit> {
        let (longest, too_long) = if holds_data { (LONGEST_ANSWER, Unfit::LongAnswer) } else { (LONGEST_ELSEWHERE, Unfit::LongElsewhere) };
        // An answer that says how long it is need not be begun.
        if body.content_length().is_some_and(|announced| announced > longest as u64) {
            return Err(too_long);
        }
        let mut body = std::pin::pin!(body);
        let mut bytes = Vec::new();
        let mut turn = None;
        while let Some(frame) = body.frame().await {
            // What follows the answer (trailers) says nothing.
            let Ok(data) = frame.map_err(|error| Unfit::BrokenOff(deepest(&*error)))?.into_data() else { continue };
            if bytes.len() + data.len() > longest {
                return Err(too_long);
            }
            if turn.is_none() && bytes.len() + data.len() > SHORT_ANSWER {
                turn = self.long.acquire().await.ok();
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }
}

#[derive(Debug)]
struct Bounded {
    client: SharedHttpClient,
    meter: Meter,
    /// Of EC2: in whose pace it is asked, and where.
    paced: Option<(Pace, Region)>,
}

impl HttpClient for Bounded {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let connector = self.client.http_connector(settings, components);
        SharedHttpConnector::new(BoundedConnector { connector, meter: self.meter.clone(), paced: self.paced.clone() })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.client.connector_metadata()
    }
}

#[derive(Debug)]
struct BoundedConnector {
    connector: SharedHttpConnector,
    meter: Meter,
    paced: Option<(Pace, Region)>,
}

impl HttpConnector for BoundedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if self.meter.listing.is_some() {
            // EC2's parameters hold no secret; the headers do, and are left out.
            let parameters = request.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
            tracing::trace!(%parameters, "request");
        }
        let (connector, meter) = (self.connector.clone(), self.meter.clone());
        let Some((pace, region)) = self.paced.clone() else {
            return HttpConnectorFuture::new(async move { Ok(meter.collect(connector.call(request).await.map_err(once)?, None).await?.0) });
        };
        let Some(call) = request.body().bytes().and_then(Call::of_request) else {
            return HttpConnectorFuture::ready(Err(ConnectorError::user("it is none of the calls of this program".into())));
        };
        HttpConnectorFuture::new(async move {
            // What changes something has waited for its turn before the SDK was called.
            if call.only_reads() {
                pace.turn_to_read(&region, call).await;
            }
            let (answer, is_refused) = meter.collect(connector.call(request).await.map_err(once)?, Some(call)).await?;
            if is_refused {
                pace.refused(&region, call);
            }
            Ok(answer)
        })
    }
}

/// A certificate that is not accepted would not be the next time either.
fn once(error: ConnectorError) -> ConnectorError {
    if refused_certificate(&error).is_some() { ConnectorError::other(error.into_source(), None) } else { error }
}

/// How far a listing has come, and whether it can still be one of EC2's.
#[derive(Debug)]
pub(crate) struct Listing {
    begun: Instant,
    pages: usize,
    items: usize,
    empty_in_a_row: usize,
    /// Hashes of the tokens so far.
    tokens: HashSet<u64>,
    hasher: RandomState,
}

impl Listing {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), pages: 0, items: 0, empty_in_a_row: 0, tokens: HashSet::new(), hasher: RandomState::new() }
    }

    /// Counts what a page holds.
    pub(crate) fn take(&mut self, items: usize) {
        self.items = self.items.saturating_add(items);
        if items > 0 {
            self.empty_in_a_row = 0;
        }
    }

    /// How many things there are so far.
    pub(crate) fn items(&self) -> usize {
        self.items
    }

    /// Counts a page that has a successor. An error says why this listing has no end.
    pub(crate) fn turn(&mut self, next: &str) -> Result<(), String> {
        self.pages += 1;
        self.empty_in_a_row += 1;
        let why = if next.len() > LONGEST_TOKEN {
            "a page token is longer than any of EC2's".to_owned()
        } else if !self.tokens.insert(self.hasher.hash_one(next)) {
            "the same page token came twice".to_owned()
        } else if self.pages >= MOST_PAGES {
            format!("{MOST_PAGES} pages were not the last")
        } else if self.items > MOST_ITEMS {
            format!("there are more than {MOST_ITEMS} things in it")
        } else if self.empty_in_a_row > MOST_EMPTY_PAGES {
            format!("{MOST_EMPTY_PAGES} pages in a row were empty")
        } else if self.begun.elapsed() > PATIENCE_OF_A_LISTING {
            "it has taken an hour".to_owned()
        } else {
            return Ok(());
        };
        Err(format!("the listing does not end: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Untouched;

    impl HttpConnector for Untouched {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            panic!("{request:?} was sent")
        }
    }

    #[tokio::test]
    async fn what_is_no_call_of_this_program_is_not_sent() {
        let meter = Meter { long: Arc::new(Semaphore::new(1)), listing: Some(Arc::default()) };
        let paced = Some((Pace::default(), "us-east-1".parse().unwrap()));
        let connector = BoundedConnector { connector: SharedHttpConnector::new(Untouched), meter, paced };
        for body in ["Action=TerminateInstances&Version=2016-11-15", "Action=DescribeImagesAndMore", "Version=1&Action=DescribeImages", ""]
        {
            let refusal = connector.call(HttpRequest::new(SdkBody::from(body))).await.unwrap_err();
            assert!(refusal.is_user(), "{body}: {refusal:?}");
        }
    }

    fn end_of(mut page: impl FnMut(&mut Listing, usize) -> String) -> (usize, String) {
        let mut listing = Listing::new();
        for number in 0..=2 * MOST_PAGES {
            let token = page(&mut listing, number);
            if let Err(why) = listing.turn(&token) {
                return (number + 1, why.replace("the listing does not end: ", ""));
            }
        }
        (0, "it goes on".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn an_honest_listing_goes_to_its_end() {
        // A million snapshots, on pages that are full.
        let mut listing = Listing::new();
        for number in 1..1000 {
            listing.take(1000);
            assert_eq!(listing.turn(&number.to_string()), Ok(()));
        }
        // The default quota of images, where a tag filter leaves nearly every page empty.
        let mut listing = Listing::new();
        for number in 1..1000 {
            listing.take(0);
            assert_eq!(listing.turn(&number.to_string()), Ok(()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_listing_without_an_end_is_given_up() {
        let token = |number: usize| format!("token {number}");
        assert_eq!(
            end_of(|listing, number| {
                listing.take(1);
                token(number)
            }),
            (5000, "5000 pages were not the last".to_owned())
        );
        assert_eq!(end_of(|_, number| token(number)), (1001, "1000 pages in a row were empty".to_owned()));
        assert_eq!(
            end_of(|listing, number| {
                listing.take(10_000);
                token(number)
            }),
            (101, "there are more than 1000000 things in it".to_owned())
        );
        assert_eq!(end_of(|_, _| "a".to_owned()), (2, "the same page token came twice".to_owned()));
        assert_eq!(end_of(|_, number| token(number % 7)), (8, "the same page token came twice".to_owned()));
        assert_eq!(end_of(|_, number| "x".repeat(9000 + number)), (1, "a page token is longer than any of EC2's".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_listing_that_drags_on_is_given_up() {
        let mut listing = Listing::new();
        let mut pages = 0;
        let why = loop {
            tokio::time::sleep(Duration::from_secs(27)).await;
            listing.take(1000);
            pages += 1;
            if let Err(why) = listing.turn(&pages.to_string()) {
                break why;
            }
        };
        assert_eq!((pages, why.as_str()), (134, "the listing does not end: it has taken an hour"));
    }
}
