//! Requests to EC2, Auto Scaling and STS: who calls and where, and the envelope around what an action answers.

use std::collections::BTreeMap;

use crate::actions;
use crate::call::{Call, Outcome};
use crate::caller::{Caller, NoCaller};
use crate::credential::Credential;
use crate::error::Error;
use crate::exchange::Addressed;
use crate::http::{Answer, Request, date};
use crate::id::hash;
use crate::query;
use crate::scope::Scope;
use crate::world::{ClosedRegion, World};
use crate::xml::Xml;

const AUTO_SCALING_NAMESPACE: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";
const EC2_NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// A request to one of the services, as far as it could be read.
pub(crate) struct ApiRequest {
    service: Service,
    action: String,
    form: BTreeMap<String, String>,
    credential: Result<Credential, Error>,
}

/// Each service has its own XML namespace and its own way to write an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    AutoScaling,
    Ec2,
    Sts,
}

impl Service {
    fn namespace(self) -> &'static str {
        match self {
            Self::AutoScaling => AUTO_SCALING_NAMESPACE,
            Self::Ec2 => EC2_NAMESPACE,
            Self::Sts => STS_NAMESPACE,
        }
    }

    /// What it says to whoever calls with credentials that are none. `AuthFailure` and `InvalidClientTokenId` are
    /// documented. Of expired ones, EC2's documentation knows none but `ExpiredTokenException`, and yet
    /// `RequestExpired` is what it is reported to answer (aws/aws-sdk-go-v2#1674, 99designs/aws-vault#394,
    /// jenkinsci/ec2-plugin#2011); the others, `ExpiredToken` (jenkinsci/ec2-plugin#1008).
    fn no_caller(self, why: NoCaller) -> Error {
        match (self, why) {
            (Self::Ec2, NoCaller::Unknown) => Error::auth_failure(),
            (Self::Ec2, NoCaller::Expired) => Error::new("RequestExpired", "Request has expired."),
            (Self::AutoScaling | Self::Sts, NoCaller::Unknown) => {
                Error::new("InvalidClientTokenId", "The security token included in the request is invalid")
            }
            (Self::AutoScaling | Self::Sts, NoCaller::Expired) => {
                Error::new("ExpiredToken", "The security token included in the request is expired")
            }
        }
    }
}

impl ApiRequest {
    pub(crate) fn new(request: &Request) -> Self {
        let form = if request.body.is_empty() { query::decode(request.query.as_bytes()) } else { query::decode(&request.body) };
        let action = form.get("Action").cloned().unwrap_or_default();
        let credential = Credential::of(request);
        let service = match credential.as_ref().map(|credential| credential.service.as_str()) {
            Ok("sts") => Service::Sts,
            Ok("ec2") => Service::Ec2,
            Ok("autoscaling") => Service::AutoScaling,
            _ if actions::is_sts(&action) => Service::Sts,
            _ => Service::Ec2,
        };
        Self { service, action, form, credential }
    }

    /// Performs the action, and gives the elements of its answer.
    fn act(&self, world: &mut World) -> Result<Xml, Error> {
        let credential = self.credential.clone()?;
        check_region(&credential.region, world)?;
        if self.action.is_empty() {
            return Err(Error::new("MissingAction", "The request must contain the parameter Action"));
        }
        if world.manners.unknown_actions.contains(&self.action) {
            return Err(actions::invalid_action(&self.action));
        }
        let caller = Caller::of(&credential, world).map_err(|why| self.service.no_caller(why))?;
        let mut scope = Scope::new(caller, &credential.region, &self.form, world);
        let mut content = Xml::for_root();
        if scope.world.manners.shuffled {
            let seed = scope.world.ids.seed;
            content = content.shuffled(hash(&format!("{seed:x} {} {:?}", scope.now(), self.form)));
        }
        match self.service {
            Service::AutoScaling => actions::auto_scaling(&self.action, &mut scope, &mut content)?,
            Service::Ec2 => actions::ec2(&self.action, &mut scope, &mut content)?,
            Service::Sts => actions::sts(&self.action, &mut scope, &mut content)?,
        }
        Ok(content)
    }

    /// The answer as it goes over the wire.
    fn envelope(&self, result: Result<Xml, Error>, world: &mut World) -> Answer {
        let id = world.ids.request_id();
        let (status, body) = match result {
            Ok(content) => (200, self.success(&content, &id)),
            Err(error) => (error.status, self.failure(&error, &id)),
        };
        let headers = vec![
            ("content-type", "text/xml;charset=UTF-8".to_owned()),
            ("date", date(world.clock)),
            ("server", "AmazonEC2".to_owned()),
            ("x-amzn-requestid", id),
        ];
        Answer { status, headers, body }
    }

    fn success(&self, content: &Xml, request_id: &str) -> String {
        let root = format!("{}Response", self.action);
        match self.service {
            Service::Ec2 => Xml::document(&root, Some(self.service.namespace()), |xml| {
                xml.leaf("requestId", request_id).append(content);
            }),
            Service::AutoScaling | Service::Sts => Xml::document(&root, Some(self.service.namespace()), |xml| {
                xml.append(content).element("ResponseMetadata", |xml| {
                    xml.leaf("RequestId", request_id);
                });
            }),
        }
    }

    fn failure(&self, error: &Error, request_id: &str) -> String {
        match self.service {
            Service::Ec2 => Xml::document("Response", None, |xml| {
                xml.element("Errors", |xml| {
                    xml.element("Error", |xml| {
                        xml.leaf("Code", &error.code).leaf("Message", &error.message);
                    });
                })
                .leaf("RequestID", request_id);
            }),
            Service::AutoScaling | Service::Sts => Xml::document("ErrorResponse", Some(self.service.namespace()), |xml| {
                xml.element("Error", |xml| {
                    let culprit = if error.status < 500 { "Sender" } else { "Receiver" };
                    xml.leaf("Type", culprit).leaf("Code", &error.code).leaf("Message", &error.message);
                })
                .leaf("RequestId", request_id);
            }),
        }
    }
}

impl Addressed for ApiRequest {
    fn call(&self, world: &World) -> Call {
        let (region, access_key) = match &self.credential {
            Ok(credential) => (credential.region.clone(), credential.access_key.clone()),
            Err(_) => (String::new(), String::new()),
        };
        let mut params = self.form.clone();
        params.retain(|name, _| !matches!(name.as_str(), "Action" | "Version"));
        Call { at: world.clock, region, action: self.action.clone(), access_key, params, outcome: Outcome::Ok }
    }

    fn perform(&self, world: &mut World) -> (Outcome, Answer) {
        let result = self.act(world);
        let outcome = match &result {
            Ok(_) => Outcome::Ok,
            Err(error) => Outcome::Error(error.code.clone()),
        };
        (outcome, self.envelope(result, world))
    }

    fn refuse(&self, error: Error, world: &mut World) -> Answer {
        self.envelope(Err(error), world)
    }
}

fn check_region(name: &str, world: &World) -> Result<(), Error> {
    match world.regions.get(name) {
        Some(facts) if facts.is_enabled() => Ok(()),
        Some(_) if world.manners.closed_region == ClosedRegion::OptInRequired => {
            let message = "You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe.";
            Err(Error::new("OptInRequired", message))
        }
        _ => Err(Error::auth_failure()),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::http::{Answer, Delivery};
    use crate::id::AccountId;
    use crate::testing::{Client, WEB, noon};
    use crate::world::{ClosedRegion, OptInStatus, Role, World};

    fn answer(delivery: Delivery) -> Answer {
        match delivery {
            Delivery::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn errors_have_ec2s_envelope_and_a_request_id_twice() {
        let ec2 = Client::of_example();
        let answer = answer(ec2.deliver("DescribeEverything", &[]));
        assert_eq!(answer.status, 400);
        assert_snapshot!(answer.body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <Response>
            <Errors>
                <Error>
                    <Code>InvalidAction</Code>
                    <Message>The action DescribeEverything is not valid for this web service.</Message>
                </Error>
            </Errors>
            <RequestID>f89404ee-6fab-4c4a-a8a8-4a90d7928e5c</RequestID>
        </Response>
        "#);
        let id = answer.headers.iter().find(|(name, _)| *name == "x-amzn-requestid").unwrap();
        assert!(answer.body.contains(&id.1));
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_dated_by_the_world() {
        let ec2 = Client::of_example();
        let answer = answer(ec2.deliver("DescribeRegions", &[]));
        assert!(answer.headers.contains(&("date", "Sun, 22 Nov 2026 12:00:00 GMT".to_owned())), "{:?}", answer.headers);
    }

    #[test]
    fn unsigned_requests_are_refused() {
        let ec2 = Client::of_example();
        let mut request = ec2.request("Action=DescribeRegions");
        request.headers.clear();
        let answer = answer(ec2.sim.exchange(&request));
        assert_eq!(answer.status, 403);
        assert!(answer.body.contains("MissingAuthenticationToken"));
    }

    #[test]
    fn regions_must_exist_and_be_enabled() {
        let ec2 = Client::of_example();
        for region in ["mars-1", "af-south-1"] {
            let refused = ec2.in_region(region).call("DescribeImages", &[]);
            assert_eq!((refused.status, &refused.text("Code")[..]), (401, "AuthFailure"));
        }
        ec2.sim.world().manners.closed_region = ClosedRegion::OptInRequired;
        let refused = ec2.in_region("af-south-1").call("DescribeImages", &[]);
        assert_eq!((refused.status, &refused.text("Code")[..]), (400, "OptInRequired"));
        ec2.sim.world().regions.get_mut("af-south-1").unwrap().opt_in_status = OptInStatus::OptedIn;
        ec2.in_region("af-south-1").ok("DescribeImages", &[]);
    }

    #[test]
    fn dry_runs_and_denials_do_nothing() {
        let ec2 = Client::of_example();
        let params = [("InstanceId", WEB), ("Name", "nightly"), ("DryRun", "true")];
        let dry = ec2.call("CreateImage", &params);
        assert_eq!((dry.status, &dry.text("Code")[..]), (412, "DryRunOperation"));
        ec2.deny("CreateImage");
        let denied = ec2.call("CreateImage", &params);
        assert_eq!((denied.status, &denied.text("Code")[..]), (403, "UnauthorizedOperation"));
        assert!(ec2.sim.world().region("us-east-1").images.is_empty());
    }

    #[test]
    fn a_request_may_come_as_a_query() {
        let ec2 = Client::of_example();
        let mut request = ec2.request("");
        request.method = "GET".to_owned();
        request.query = "Action=DescribeRegions&Version=2016-11-15".to_owned();
        assert_eq!(answer(ec2.sim.exchange(&request)).status, 200);
        request.query.clear();
        assert!(answer(ec2.sim.exchange(&request)).body.contains("MissingAction"));
    }

    /// A role of another account, a session of it, and what that says of itself.
    fn session() -> Client {
        let mut world = World::example(1, noon());
        let role = Role { denied_actions: ["DescribeVolumes".to_owned()].into(), ..Role::trusting(AccountId::default()) };
        world.accounts.entry("210987654321".parse().unwrap()).or_default().roles.insert("ami-backup".to_owned(), role);
        let params = [("RoleArn", "arn:aws:iam::210987654321:role/ami-backup"), ("RoleSessionName", "hub")];
        Client::of(world).assuming(&params)
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_acts_in_its_roles_account_until_it_expires() {
        let member = session();
        assert_eq!(member.ok("DescribeInstances", &[]).texts("instanceId"), [""; 0]);
        let run = member.ok("RunInstances", &[("ImageId", "ami-12345678"), ("MinCount", "1"), ("MaxCount", "1")]);
        assert_eq!(run.text("ownerId"), "210987654321");
        assert_eq!(member.with_key("AKIDEXAMPLE").ok("DescribeInstances", &[]).texts("instanceId").len(), 2);
        member.wait(3600);
        let expired = member.call("DescribeInstances", &[]);
        assert_eq!(expired.status, 400);
        assert_snapshot!(member.error("DescribeInstances", &[]), @"RequestExpired: Request has expired.");
        assert_snapshot!(member.of_service("autoscaling").error("DescribeLaunchConfigurations", &[]), @"ExpiredToken: The security token included in the request is expired");
    }

    #[test]
    fn denials_name_the_session() {
        let member = session();
        assert_snapshot!(member.error("DescribeVolumes", &[]), @"UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:sts::210987654321:assumed-role/ami-backup/hub is not authorized to perform: ec2:DescribeVolumes because no identity-based policy allows the ec2:DescribeVolumes action");
        // The role's are the role's.
        member.sim.world().access_keys.insert("AKIDOTHER".to_owned(), "210987654321".parse().unwrap());
        member.with_key("AKIDOTHER").ok("DescribeVolumes", &[]);
        // What nobody in the account may do, no role may.
        member.sim.world().accounts.get_mut("210987654321").unwrap().denied_actions.insert("CreateImage".to_owned());
        assert!(member.error("CreateImage", &[("InstanceId", WEB), ("Name", "nightly")]).contains(":assumed-role/ami-backup/hub is not"));
    }

    #[test]
    fn the_key_of_a_session_is_nothing_without_its_token() {
        let member = session();
        let (key, _) = member.sim.world().sessions.first_key_value().map(|(key, session)| (key.clone(), session.clone())).unwrap();
        for nobody in [member.with_key(&key), member.with_session(&key, "guessed"), member.with_session("ASIANOBODY", "any")] {
            let refused = nobody.call("DescribeImages", &[]);
            assert_eq!((refused.status, &refused.text("Code")[..]), (401, "AuthFailure"));
            for (service, action) in [("sts", "GetCallerIdentity"), ("sts", "AssumeRole"), ("autoscaling", "DescribeLaunchConfigurations")]
            {
                let refused = nobody.of_service(service).call(action, &[]);
                assert_eq!((refused.status, &refused.text("Code")[..]), (403, "InvalidClientTokenId"), "{service} {action}");
            }
        }
        assert_snapshot!(member.with_key(&key).of_service("sts").error("GetCallerIdentity", &[]), @"InvalidClientTokenId: The security token included in the request is invalid");
        // A key that was arranged is as good as any other.
        member.sim.world().access_keys.insert("ASIANOBODY".to_owned(), "210987654321".parse().unwrap());
        member.with_key("ASIANOBODY").ok("DescribeImages", &[]);
    }

    #[test]
    fn accounts_do_not_see_one_another() {
        let mut world = World::example(1, noon());
        world.access_keys.insert("AKIDOTHER".to_owned(), "210987654321".parse().unwrap());
        let ec2 = Client::of(world);
        let stranger = ec2.with_key("AKIDOTHER");
        assert_eq!(stranger.ok("DescribeInstances", &[]).texts("instanceId"), [""; 0]);
        assert!(stranger.error("CreateImage", &[("InstanceId", WEB), ("Name", "mine")]).starts_with("InvalidInstanceID.NotFound"));
    }
}
