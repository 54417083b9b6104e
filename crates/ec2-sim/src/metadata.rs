//! The instance metadata service, version 2 only: a token first, then everything else with it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::{Call, Outcome};
use crate::caller::SESSION_KEY_PREFIX;
use crate::clock::{later, seconds};
use crate::error::Error;
use crate::exchange::Addressed;
use crate::http::{Answer, Request, date};
use crate::id::{AccountId, hash};
use crate::world::{Instance, Session, World};

/// What calls to the metadata service are known by, in the log and to faults.
pub(crate) const ACTION: &str = "metadata";
/// The role whose credentials the service hands out.
const ROLE: &str = "instance-role";
const TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";
/// Seconds.
const LONGEST_TOKEN_LIFE: i64 = 21_600;
const CREDENTIALS_LIFE: SignedDuration = SignedDuration::from_hours(6);

/// A request to the metadata service.
pub(crate) struct MetadataRequest<'r> {
    request: &'r Request,
    path: &'r str,
}

impl<'r> MetadataRequest<'r> {
    /// Whether a path is one of the metadata service.
    pub(crate) fn is_at(path: &str) -> bool {
        path == "/latest" || path.starts_with("/latest/")
    }

    pub(crate) fn new(request: &'r Request) -> Self {
        Self { request, path: request.path.trim_end_matches('/') }
    }

    fn answer(&self, world: &mut World) -> Answer {
        match (self.request.method.as_str(), self.path) {
            ("PUT", "/latest/api/token") => token(self.request, world),
            ("GET", "/latest/api/token") => empty(405),
            ("GET", _) if !is_authorised(self.request, world) => empty(401),
            ("GET", path) => get(path, world),
            _ => empty(405),
        }
    }
}

impl Addressed for MetadataRequest<'_> {
    fn call(&self, world: &World) -> Call {
        let params = [("method", self.request.method.as_str()), ("path", self.path)];
        Call {
            at: world.clock,
            region: find(world).map(|home| home.region).unwrap_or_default(),
            action: ACTION.to_owned(),
            access_key: String::new(),
            params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            outcome: Outcome::Ok,
        }
    }

    fn perform(&self, world: &mut World) -> (Outcome, Answer) {
        let answer = self.answer(world);
        let outcome = match answer.status {
            200 => Outcome::Ok,
            status => Outcome::Error(status.to_string()),
        };
        (outcome, signed(answer, world))
    }

    fn refuse(&self, error: Error, world: &mut World) -> Answer {
        signed(empty(error.status), world)
    }
}

fn token(request: &Request, world: &World) -> Answer {
    // Whoever comes through a proxy is not on the instance.
    if request.header("x-forwarded-for").is_some() {
        return empty(403);
    }
    let life = request.header(TTL_HEADER).and_then(|life| life.parse::<i64>().ok()).filter(|life| (1..=LONGEST_TOKEN_LIFE).contains(life));
    let Some(life) = life else {
        return empty(400);
    };
    let mut answer = text(&issue(later(world.clock, SignedDuration::from_secs(life)), world));
    answer.headers.push((TTL_HEADER, life.to_string()));
    answer
}

/// A token says itself when it ends, so that none need be kept.
fn issue(until: Timestamp, world: &World) -> String {
    let until = until.as_second();
    let seal = hash(&format!("metadata token {} {until}", world.ids.seed));
    format!("{until:016x}{seal:016x}")
}

fn is_authorised(request: &Request, world: &World) -> bool {
    request.header(TOKEN_HEADER).is_some_and(|token| {
        token
            .get(..16)
            .and_then(|until| i64::from_str_radix(until, 16).ok())
            .and_then(|until| Timestamp::from_second(until).ok())
            .is_some_and(|until| world.clock < until && issue(until, world) == token)
    })
}

/// The instance that the service answers for, and where it is.
struct Home {
    account: AccountId,
    region: String,
    instance: Instance,
}

fn find(world: &World) -> Option<Home> {
    let id = world.metadata_instance.as_ref()?;
    world.accounts.iter().find_map(|(account, held)| {
        held.regions.iter().find_map(|(name, region)| {
            region.instances.get(id).map(|instance| Home { account: account.clone(), region: name.clone(), instance: instance.clone() })
        })
    })
}

fn get(path: &str, world: &mut World) -> Answer {
    let Some(home) = find(world) else {
        return empty(404);
    };
    let Home { region, instance, .. } = &home;
    match path {
        "/latest/dynamic/instance-identity/document" => json(&identity_document(&home)),
        "/latest/meta-data/ami-id" => text(&instance.image_id),
        "/latest/meta-data/instance-id" => text(&instance.id),
        "/latest/meta-data/instance-type" => text(&instance.instance_type),
        "/latest/meta-data/local-ipv4" => text(&instance.private_ip),
        "/latest/meta-data/placement/availability-zone" => text(&instance.availability_zone),
        "/latest/meta-data/placement/region" => text(&region),
        "/latest/meta-data/iam/security-credentials" => text(&ROLE),
        _ if path == format!("/latest/meta-data/iam/security-credentials/{ROLE}") => json(&credentials(home, world)),
        _ => empty(404),
    }
}

fn identity_document(home: &Home) -> Value {
    json!({
        "accountId": home.account,
        "architecture": home.instance.architecture,
        "availabilityZone": home.instance.availability_zone,
        "imageId": home.instance.image_id,
        "instanceId": home.instance.id,
        "instanceType": home.instance.instance_type,
        "pendingTime": seconds(home.instance.launched),
        "privateIp": home.instance.private_ip,
        "region": home.region,
        "version": "2017-09-30",
    })
}

fn credentials(home: Home, world: &mut World) -> Value {
    let part = |what: &str| hash(&format!("{what} {} {}", world.ids.seed, home.instance.id));
    let access_key = format!("{SESSION_KEY_PREFIX}{:016X}", part("access key"));
    let token = format!("{:016x}", part("session"));
    let until = later(world.clock, CREDENTIALS_LIFE);
    // In the order of the alphabet, which is serde_json's own where it does not keep this one.
    let answer = json!({
        "AccessKeyId": access_key,
        "Code": "Success",
        "Expiration": seconds(until),
        "LastUpdated": seconds(world.clock),
        "SecretAccessKey": world.secret_of(home.instance.id.as_str()),
        "Token": token,
        "Type": "AWS-HMAC",
    });
    let name = home.instance.id.to_string();
    world.sessions.insert(access_key, Session { account: home.account, role: ROLE.to_owned(), name, token, expires: until });
    answer
}

fn text(body: &impl ToString) -> Answer {
    Answer { status: 200, headers: vec![("content-type", "text/plain".to_owned())], body: body.to_string() }
}

fn json(body: &Value) -> Answer {
    Answer { status: 200, headers: vec![("content-type", "application/json".to_owned())], body: format!("{body:#}") }
}

fn empty(status: u16) -> Answer {
    Answer { status, headers: Vec::new(), body: String::new() }
}

fn signed(mut answer: Answer, world: &World) -> Answer {
    answer.headers.extend([("date", date(world.clock)), ("server", "EC2ws".to_owned())]);
    answer
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::http::Delivery;
    use crate::testing::{Client, MAIL, noon};

    fn send(ec2: &Client, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..Request::default()
        };
        match ec2.sim.exchange(&request) {
            Delivery::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn token(ec2: &Client) -> String {
        send(ec2, "PUT", "/latest/api/token", &[(TTL_HEADER, "60")]).body
    }

    fn get(ec2: &Client, path: &str) -> Answer {
        send(ec2, "GET", path, &[(TOKEN_HEADER, &token(ec2))])
    }

    #[tokio::test(start_paused = true)]
    async fn tells_an_instance_what_it_is() {
        let ec2 = Client::of_example();
        assert_eq!(get(&ec2, "/latest/meta-data/instance-id").body, "i-0eb1eb1eb1eb10001");
        assert_eq!(get(&ec2, "/latest/meta-data/placement/region").body, "us-east-1");
        assert_eq!(get(&ec2, "/latest/meta-data/placement/availability-zone").body, "us-east-1a");
        assert_eq!(get(&ec2, "/latest/meta-data/nothing").status, 404);
        assert_snapshot!(get(&ec2, "/latest/dynamic/instance-identity/document").body, @r#"
        {
          "accountId": "123456789012",
          "architecture": "x86_64",
          "availabilityZone": "us-east-1a",
          "imageId": "ami-12345678",
          "instanceId": "i-0eb1eb1eb1eb10001",
          "instanceType": "t3.micro",
          "pendingTime": "2026-10-23T12:00:00Z",
          "privateIp": "172.31.10.11",
          "region": "us-east-1",
          "version": "2017-09-30"
        }
        "#);
    }

    #[test]
    fn answers_for_the_instance_that_it_is_told_to() {
        let ec2 = Client::of_example();
        ec2.sim.world().metadata_instance = MAIL.parse().ok();
        assert_eq!(get(&ec2, "/latest/meta-data/placement/region").body, "eu-west-1");
        ec2.sim.world().metadata_instance = None;
        assert_eq!(get(&ec2, "/latest/meta-data/instance-id").status, 404);
    }

    #[test]
    fn wants_a_token_that_is_its_own_and_not_over() {
        let ec2 = Client::of_example();
        let path = "/latest/meta-data/instance-id";
        let token = token(&ec2);
        let with = |token: &str| send(&ec2, "GET", path, &[(TOKEN_HEADER, token)]).status;
        assert_eq!(send(&ec2, "GET", path, &[]).status, 401);
        assert_eq!(with("AQAEAA"), 401);
        assert_eq!(with(&token.replace(&token[31..], "?")), 401);
        assert_eq!(with(&token), 200);
        ec2.wait(60);
        assert_eq!(with(&token), 401);
    }

    #[test]
    fn gives_no_token_to_proxies_nor_for_ever() {
        let ec2 = Client::of_example();
        let put = |headers: &[(&str, &str)]| send(&ec2, "PUT", "/latest/api/token", headers).status;
        assert_eq!(put(&[(TTL_HEADER, "21600")]), 200);
        assert_eq!(put(&[(TTL_HEADER, "21601")]), 400);
        assert_eq!(put(&[(TTL_HEADER, "0")]), 400);
        assert_eq!(put(&[]), 400);
        assert_eq!(put(&[(TTL_HEADER, "60"), ("x-forwarded-for", "10.0.0.1")]), 403);
        assert_eq!(send(&ec2, "POST", "/latest/api/token", &[]).status, 405);
    }

    #[tokio::test(start_paused = true)]
    async fn hands_out_credentials_for_six_hours() {
        let ec2 = Client::of_example();
        let role = get(&ec2, "/latest/meta-data/iam/security-credentials/").body;
        let credentials = get(&ec2, &format!("/latest/meta-data/iam/security-credentials/{role}")).body;
        assert_snapshot!(credentials, @r#"
        {
          "AccessKeyId": "ASIAB9B9634275C24D6A",
          "Code": "Success",
          "Expiration": "2026-11-22T18:00:00Z",
          "LastUpdated": "2026-11-22T12:00:00Z",
          "SecretAccessKey": "06dd88dbd8c431b7b82c7715d6874b26wJalrXUt",
          "Token": "1833af138b92edb5",
          "Type": "AWS-HMAC"
        }
        "#);
    }

    #[test]
    fn the_credentials_are_those_of_the_instances_account() {
        let ec2 = Client::of_example();
        let other: AccountId = "210987654321".parse().unwrap();
        let mut world = ec2.sim.world();
        let held = world.accounts.remove(&AccountId::default()).unwrap();
        world.accounts.insert(other, held);
        drop(world);
        let body = get(&ec2, &format!("/latest/meta-data/iam/security-credentials/{ROLE}")).body;
        let credentials: Value = serde_json::from_str(&body).unwrap();
        let (key, token) = (credentials["AccessKeyId"].as_str().unwrap(), credentials["Token"].as_str().unwrap());
        let instance = ec2.with_session(key, token);
        let arn = instance.of_service("sts").ok("GetCallerIdentity", &[]).text("Arn");
        assert_eq!(arn, "arn:aws:sts::210987654321:assumed-role/instance-role/i-0eb1eb1eb1eb10001");
        ec2.wait(6 * 3600);
        assert!(instance.error("DescribeImages", &[]).starts_with("RequestExpired"));
        // The instance asks again in time.
        get(&ec2, &format!("/latest/meta-data/iam/security-credentials/{ROLE}"));
        instance.ok("DescribeImages", &[]);
    }

    #[test]
    fn is_its_own_action_in_the_log_and_for_faults() {
        use crate::faults::{Fault, FaultKind, Which};

        let ec2 = Client::of(World::example(1, noon()));
        ec2.sim.inject(Fault { action: None, region: None, calls: Which::All, kind: FaultKind::Hang });
        let token = token(&ec2);
        assert_eq!(token.len(), 32);
        let kind = FaultKind::Error { status: 500, code: String::new(), message: String::new() };
        ec2.sim.inject(Fault::of(ACTION, Which::All, kind));
        assert_eq!(get(&ec2, "/latest/meta-data/instance-id").status, 500);
        assert_eq!(ec2.sim.calls()[0].params["path"], "/latest/api/token");
    }
}
