//! A client for the tests: sends in-process, and reads answers by the names of their elements.

use jiff::{SignedDuration, Timestamp};

use crate::http::{Delivery, Request};
use crate::id::{AccountId, ImageId, SnapshotId};
use crate::world::{Image, Snapshot};
use crate::{Ec2Sim, World};

/// Instances of the example world, in us-east-1 and eu-west-1.
pub(crate) const WEB: &str = "i-0eb1eb1eb1eb10001";
pub(crate) const DB: &str = "i-0db1db1db1db10001";
pub(crate) const MAIL: &str = "i-0a11a11a11a110001";

/// When the worlds of the tests begin.
pub(crate) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// Someone who calls a simulator.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) sim: Ec2Sim,
    service: &'static str,
    region: String,
    access_key: String,
    session_token: Option<String>,
}

impl Client {
    /// In us-east-1 of a world.
    pub(crate) fn of(world: World) -> Self {
        Self {
            sim: Ec2Sim::new(world),
            service: "ec2",
            region: "us-east-1".to_owned(),
            access_key: "AKIDEXAMPLE".to_owned(),
            session_token: None,
        }
    }

    /// In us-east-1 of the example world.
    pub(crate) fn of_example() -> Self {
        Self::of(World::example(1, noon()))
    }

    pub(crate) fn in_region(&self, region: &str) -> Self {
        Self { region: region.to_owned(), ..self.clone() }
    }

    pub(crate) fn with_key(&self, access_key: &str) -> Self {
        Self { access_key: access_key.to_owned(), session_token: None, ..self.clone() }
    }

    pub(crate) fn with_session(&self, access_key: &str, token: &str) -> Self {
        Self { session_token: Some(token.to_owned()), ..self.with_key(access_key) }
    }

    /// In the role that it assumes.
    pub(crate) fn assuming(&self, params: &[(&str, &str)]) -> Self {
        let assumed = self.of_service("sts").ok("AssumeRole", params);
        self.with_session(&assumed.text("AccessKeyId"), &assumed.text("SessionToken"))
    }

    pub(crate) fn of_service(&self, service: &'static str) -> Self {
        Self { service, ..self.clone() }
    }

    /// Takes a permission from everybody in the default account.
    pub(crate) fn deny(&self, action: &str) {
        let mut world = self.sim.world();
        let account = world.accounts.entry(AccountId::default()).or_default();
        account.denied_actions.insert(action.to_owned());
    }

    /// Takes a permission from everybody in the default account, but on what bears a tag.
    pub(crate) fn deny_unless_tagged(&self, action: &str, key: &str, value: &str) {
        let mut world = self.sim.world();
        let account = world.accounts.entry(AccountId::default()).or_default();
        account.denied_unless_tagged.insert(action.to_owned(), (key.to_owned(), value.to_owned()));
    }

    pub(crate) fn wait(&self, seconds: i64) {
        self.sim.advance(SignedDuration::from_secs(seconds));
    }

    /// What is answered to a call, whatever it be.
    pub(crate) fn call(&self, action: &str, params: &[(&str, &str)]) -> Response {
        match self.deliver(action, params) {
            Delivery::Answer(answer) => Response { status: answer.status, body: answer.body },
            other => panic!("{action} was not answered but {other:?}"),
        }
    }

    /// The answer to a call that must succeed.
    pub(crate) fn ok(&self, action: &str, params: &[(&str, &str)]) -> Response {
        let response = self.call(action, params);
        assert_eq!(response.status, 200, "{action}: {}", response.body);
        response
    }

    /// The error that a call must run into: its code and its message.
    pub(crate) fn error(&self, action: &str, params: &[(&str, &str)]) -> String {
        let response = self.call(action, params);
        assert_ne!(response.status, 200, "{action}: {}", response.body);
        format!("{}: {}", response.text("Code"), response.text("Message"))
    }

    pub(crate) fn deliver(&self, action: &str, params: &[(&str, &str)]) -> Delivery {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action).append_pair("Version", "2016-11-15").extend_pairs(params);
        self.sim.exchange(&self.request(form.finish()))
    }

    /// A signed request with any body.
    pub(crate) fn request(&self, body: impl Into<Vec<u8>>) -> Request {
        let Self { service, region, access_key, .. } = self;
        let signature =
            format!("AWS4-HMAC-SHA256 Credential={access_key}/20261122/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0");
        let token = self.session_token.iter().map(|token| ("x-amz-security-token".to_owned(), token.clone()));
        Request {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            query: String::new(),
            headers: token.chain([("authorization".to_owned(), signature)]).collect(),
            body: body.into(),
        }
    }

    /// Makes an image, and gives its id.
    pub(crate) fn create_image(&self, instance: &str, name: &str) -> String {
        self.ok("CreateImage", &[("InstanceId", instance), ("Name", name), ("NoReboot", "true")]).text("imageId")
    }

    /// Makes an image, waits until it is settled, and gives its id.
    pub(crate) fn settled_image(&self, instance: &str, name: &str) -> String {
        let id = self.create_image(instance, name);
        self.wait(600);
        id
    }

    /// Makes an image, waits until it is available, and gives its id.
    pub(crate) fn available_image(&self, instance: &str, name: &str) -> String {
        let id = self.settled_image(instance, name);
        assert_eq!(self.image(&id).state.to_string(), "available");
        id
    }

    /// What the world holds of an image.
    pub(crate) fn image(&self, id: &str) -> Image {
        self.sim.world().region(&self.region).images[&id.parse::<ImageId>().unwrap()].clone()
    }

    /// What the world holds of the snapshots of an image.
    pub(crate) fn snapshots_of(&self, image: &str) -> Vec<Snapshot> {
        let ids: Vec<SnapshotId> = self.image(image).snapshots().cloned().collect();
        let world = self.sim.world();
        ids.iter().map(|id| world.region(&self.region).snapshots[id].clone()).collect()
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Response {
    /// The text of the first element of that name.
    pub(crate) fn text(&self, element: &str) -> String {
        let texts = self.texts(element);
        texts.into_iter().next().unwrap_or_else(|| panic!("no {element} in {}", self.body))
    }

    /// The texts of all elements of that name.
    pub(crate) fn texts(&self, element: &str) -> Vec<String> {
        let (start, end) = (format!("<{element}>"), format!("</{element}>"));
        let found = self.body.split(&start).skip(1);
        found.filter_map(|rest| Some(unescaped(rest.split_once(&end)?.0))).collect()
    }
}

fn unescaped(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#13;", "\r"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}
