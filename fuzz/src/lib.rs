//! What the targets that have to do with the simulator share: how it is asked, and what is always true of its answers.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::body::SdkBody;
use ec2_sim::{Ec2Sim, World};
use jiff::Timestamp;
use roxmltree::Document;
use tokio::runtime::{Builder, Runtime};

/// When the worlds begin, in seconds since 1970: 2026-11-22T12:00:00Z.
const NOON: i64 = 1_795_348_800;

/// Time stands still in here, but for what is slept.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let built = Builder::new_current_thread().enable_time().start_paused(true).build();
    built.unwrap_or_else(|error| panic!("no runtime: {error}"))
});

static COMPONENTS: LazyLock<RuntimeComponents> =
    LazyLock::new(|| RuntimeComponentsBuilder::for_tests().build().unwrap_or_else(|error| panic!("no components: {error}")));

/// An answer that arrived.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, if all of it is there at once.
    pub body: String,
}

/// When the worlds begin.
///
/// # Panics
/// Never.
pub fn noon() -> Timestamp {
    Timestamp::from_second(NOON).unwrap_or_else(|error| panic!("no noon: {error}"))
}

/// Posts a body to a service in us-east-1. Nothing, if the connection breaks; it must be answered within a day.
///
/// # Panics
/// If no request can be made of the body.
pub async fn post(sim: &Ec2Sim, service: &str, body: &[u8]) -> Option<Answer> {
    let mut request = HttpRequest::new(SdkBody::from(body));
    let signature = format!("AWS4-HMAC-SHA256 Credential=AKID/20261122/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0");
    request.headers_mut().insert("authorization", signature);
    let is_made = request.set_method("POST").is_ok() && request.set_uri("https://us-east-1.amazonaws.com/").is_ok();
    assert!(is_made);
    let connector = sim.http_client().http_connector(&HttpConnectorSettings::default(), &COMPONENTS);
    let response = connector.call(request).await.ok()?;
    let body = response.body().bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    Some(Answer { status: response.status().as_u16(), body: body.unwrap_or_default() })
}

/// Panics unless an answer to an action is what EC2's are: well-formed, a success of that name or an error with a code and a
/// message, and nobody's fault but the caller's.
///
/// # Panics
/// See there.
pub fn is_ec2s(answer: &Answer, action: &str) {
    let Answer { status, body } = answer;
    let document = match Document::parse(body) {
        Ok(document) => document,
        Err(error) => panic!("{error} in {body}"),
    };
    let root = document.root_element().tag_name().name();
    let named = |name: &str| document.descendants().filter(|node| node.tag_name().name().eq_ignore_ascii_case(name)).count();
    if *status == 200 {
        assert_eq!(root, format!("{action}Response"));
    } else {
        assert!((400..500).contains(status), "{status}: {body}");
        assert!(matches!(root, "Response" | "ErrorResponse") && named("Code") == 1 && named("Message") == 1, "{body}");
    }
    assert_eq!(named("requestId"), 1, "{body}");
}

/// Panics unless a world can be kept in a file and is the same again.
///
/// # Panics
/// See there.
pub fn can_be_kept(world: &World) {
    let kept = serde_json::to_string(world).unwrap_or_else(|error| panic!("cannot be written: {error}"));
    match serde_json::from_str::<World>(&kept) {
        Ok(again) => assert!(again == *world, "another world: {kept}"),
        Err(error) => panic!("cannot be read again: {error} in {kept}"),
    }
}

/// A file of this process with that in it.
///
/// # Panics
/// If it cannot be written.
pub fn written(name: &str, content: &[u8]) -> PathBuf {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = std::env::temp_dir().join(format!("ami-backup-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        folder
    });
    let file = FOLDER.join(name);
    fs::write(&file, content).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    file
}
