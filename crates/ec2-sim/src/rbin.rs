//! Requests to Recycle Bin, the service that keeps the retention rules: JSON over REST, API version
//! 2021-06-15. What lies in the bin is listed and restored by actions of EC2.
//!
//! Rules for volumes, and locks on rules, are refused: nothing here would keep to them. Texts of errors are
//! not documented.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::call::{Call, Outcome};
use crate::caller::{Caller, NoCaller};
use crate::clock::later;
use crate::credential::Credential;
use crate::error::Error;
use crate::exchange::Addressed;
use crate::http::{Answer, Request, date};
use crate::scope::Scope;
use crate::world::{ResourceTag, RetainedType, RetentionRule, World};

const SERVICE: &str = "rbin";

/// The quotas of Recycle Bin, and the limits of its API model.
const MOST_RULES: usize = 250;
const MOST_RESOURCE_TAGS: usize = 50;
const MOST_EXCLUDE_TAGS: usize = 5;
const LONGEST_DESCRIPTION: usize = 255;
const MOST_ON_A_PAGE: usize = 1000;

/// A request to Recycle Bin, as far as it could be read.
pub(crate) struct RbinRequest {
    credential: Credential,
    operation: Option<Operation>,
    /// The members of the body, and the identifier that the path names.
    params: BTreeMap<String, String>,
    body: Result<Value, Error>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operation {
    Create,
    Get(String),
    List,
    Update(String),
    Delete(String),
}

impl RbinRequest {
    /// The request, if it was signed for this service.
    pub(crate) fn meant(request: &Request) -> Option<Self> {
        let credential = Credential::of(request).ok()?;
        if credential.service != SERVICE {
            return None;
        }
        let operation = Operation::of(&request.method, &request.path);
        let body = match &request.body[..] {
            [] => Ok(json!({})),
            bytes => serde_json::from_slice(bytes).map_err(|error| invalid(format!("The body is not JSON: {error}"))),
        };
        let mut params: BTreeMap<String, String> = match &body {
            Ok(Value::Object(members)) => members.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
            _ => BTreeMap::new(),
        };
        if let Some(Operation::Get(id) | Operation::Update(id) | Operation::Delete(id)) = &operation {
            params.insert("Identifier".to_owned(), id.clone());
        }
        Some(Self { credential, operation, params, body })
    }

    fn action(&self) -> &'static str {
        self.operation.as_ref().map_or("", Operation::name)
    }

    /// Does what was asked, and gives the status and the body of the answer.
    fn act(&self, world: &mut World) -> Result<(u16, Value), Error> {
        if !world.regions.get(&self.credential.region).is_some_and(crate::world::RegionFacts::is_enabled) {
            return Err(no_caller(NoCaller::Unknown));
        }
        let Some(operation) = &self.operation else {
            return Err(error(404, "UnknownOperationException", "There is no such operation, or it is not simulated."));
        };
        let caller = Caller::of(&self.credential, world).map_err(no_caller)?;
        let mut scope = Scope::new(caller, &self.credential.region, &self.params, world);
        if !scope.may(self.action()) {
            let message = format!("User: {} is not authorized to perform: rbin:{}", scope.caller_arn(), self.action());
            return Err(error(403, "AccessDeniedException", message));
        }
        match operation {
            Operation::Create => Ok((201, create(self.read()?, &mut scope)?)),
            Operation::Get(id) => Ok((200, described(id, rule(id, &scope)?, &scope))),
            Operation::List => Ok((200, list(&self.read()?, &scope)?)),
            Operation::Update(id) => Ok((200, update(id, self.read()?, &mut scope)?)),
            Operation::Delete(id) => {
                rule(id, &scope)?;
                scope.here_mut().recycle_bin.rules.remove(id);
                Ok((204, Value::Null))
            }
        }
    }

    fn read<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Error> {
        T::deserialize(self.body.clone()?).map_err(|error| invalid(error.to_string()))
    }

    fn envelope(result: Result<(u16, Value), Error>, world: &mut World) -> Answer {
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("date", date(world.clock)),
            ("x-amzn-requestid", world.ids.request_id()),
        ];
        let (status, body) = match result {
            Ok((status, Value::Null)) => (status, String::new()),
            Ok((status, body)) => (status, body.to_string()),
            Err(Error { status, code, message }) => {
                let body = json!({ "Message": message, "Reason": reason(&code, &message) });
                headers.push(("x-amzn-errortype", code));
                (status, without_nulls(body).to_string())
            }
        };
        Answer { status, headers, body }
    }
}

impl Addressed for RbinRequest {
    fn call(&self, world: &World) -> Call {
        Call {
            at: world.clock,
            region: self.credential.region.clone(),
            action: self.action().to_owned(),
            access_key: self.credential.access_key.clone(),
            params: self.params.clone(),
            outcome: Outcome::Ok,
        }
    }

    fn perform(&self, world: &mut World) -> (Outcome, Answer) {
        let result = self.act(world);
        let outcome = match &result {
            Ok(_) => Outcome::Ok,
            Err(error) => Outcome::Error(error.code.clone()),
        };
        (outcome, Self::envelope(result, world))
    }

    fn refuse(&self, error: Error, world: &mut World) -> Answer {
        Self::envelope(Err(error), world)
    }
}

impl Operation {
    fn of(method: &str, path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (method, &parts[..]) {
            ("POST", ["rules"]) => Some(Self::Create),
            ("POST", ["list-rules"]) => Some(Self::List),
            ("GET", ["rules", id]) => Some(Self::Get((*id).to_owned())),
            ("PATCH", ["rules", id]) => Some(Self::Update((*id).to_owned())),
            ("DELETE", ["rules", id]) => Some(Self::Delete((*id).to_owned())),
            _ => None,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Create => "CreateRule",
            Self::Get(_) => "GetRule",
            Self::List => "ListRules",
            Self::Update(_) => "UpdateRule",
            Self::Delete(_) => "DeleteRule",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CreateRule {
    retention_period: RetentionPeriod,
    resource_type: RetainedType,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    resource_tags: Vec<ResourceTag>,
    #[serde(default)]
    exclude_resource_tags: Vec<ResourceTag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct UpdateRule {
    retention_period: Option<RetentionPeriod>,
    description: Option<String>,
    resource_tags: Option<Vec<ResourceTag>>,
    exclude_resource_tags: Option<Vec<ResourceTag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListRules {
    resource_type: RetainedType,
    max_results: Option<usize>,
    next_token: Option<String>,
    lock_state: Option<String>,
    #[serde(default)]
    resource_tags: Vec<ResourceTag>,
    #[serde(default)]
    exclude_resource_tags: Vec<ResourceTag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RetentionPeriod {
    retention_period_value: u32,
    retention_period_unit: Unit,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Unit {
    Days,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tag {
    key: String,
    value: String,
}

fn create(asked: CreateRule, scope: &mut Scope) -> Result<Value, Error> {
    let rules = &scope.here().recycle_bin.rules;
    if rules.len() >= MOST_RULES {
        let message = format!("There can be no more than {MOST_RULES} retention rules in a Region.");
        return Err(error(402, "ServiceQuotaExceededException", message));
    }
    let is_first = !rules.values().any(|rule| rule.resource_type == asked.resource_type);
    let now = scope.now();
    let rule = RetentionRule {
        resource_type: asked.resource_type,
        days: asked.retention_period.days(),
        description: asked.description,
        tags: asked.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        resource_tags: asked.resource_tags,
        exclude_resource_tags: asked.exclude_resource_tags,
        active_from: if is_first { later(now, scope.world.manners.first_rule_pending) } else { now },
    };
    check(&rule)?;
    let id = scope.world.ids.retention_rule();
    let mut answer = described(&id, &rule, scope);
    answer["Tags"] = rule.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    scope.here_mut().recycle_bin.rules.insert(id, rule);
    Ok(answer)
}

fn update(id: &str, asked: UpdateRule, scope: &mut Scope) -> Result<Value, Error> {
    let mut changed = rule(id, scope)?.clone();
    changed.days = asked.retention_period.map_or(changed.days, |period| period.days());
    changed.description = asked.description.or(changed.description);
    changed.resource_tags = asked.resource_tags.unwrap_or(changed.resource_tags);
    changed.exclude_resource_tags = asked.exclude_resource_tags.unwrap_or(changed.exclude_resource_tags);
    check(&changed)?;
    let answer = described(id, &changed, scope);
    scope.here_mut().recycle_bin.rules.insert(id.to_owned(), changed);
    Ok(answer)
}

/// The rules in the order of their identifiers. A token is the last identifier handed out.
fn list(asked: &ListRules, scope: &Scope) -> Result<Value, Error> {
    if let Some(token) = &asked.next_token
        && !is_identifier(token)
    {
        return Err(error(400, "ValidationException", BAD_TOKEN));
    }
    let size = asked.max_results.unwrap_or(MOST_ON_A_PAGE);
    if !(1..=MOST_ON_A_PAGE).contains(&size) {
        return Err(invalid(format!("MaxResults must be from 1 to {MOST_ON_A_PAGE}.")));
    }
    let meant = |rule: &RetentionRule| {
        rule.resource_type == asked.resource_type
            // Whatever its state, no rule here was ever locked.
            && asked.lock_state.is_none()
            && asked.resource_tags.iter().all(|tag| rule.resource_tags.contains(tag))
            && asked.exclude_resource_tags.iter().all(|tag| rule.exclude_resource_tags.contains(tag))
    };
    let rules = &scope.here().recycle_bin.rules;
    let mut meant = rules.iter().filter(|(id, rule)| asked.next_token.as_ref().is_none_or(|last| *id > last) && meant(rule)).peekable();
    let page: Vec<_> = meant.by_ref().take(size).collect();
    let next = meant.peek().and(page.last()).map(|(id, _)| *id);
    let rules: Vec<Value> = page.iter().map(|(id, rule)| summary(id, rule, scope)).map(without_nulls).collect();
    Ok(without_nulls(json!({ "Rules": rules, "NextToken": next })))
}

fn rule<'s>(id: &str, scope: &'s Scope) -> Result<&'s RetentionRule, Error> {
    if !is_identifier(id) {
        return Err(invalid(format!("'{id}' is not the identifier of a rule: eleven letters and digits.")));
    }
    let found = scope.here().recycle_bin.rules.get(id);
    found.ok_or_else(|| error(404, "ResourceNotFoundException", format!("There is no rule with the identifier {id}.")))
}

/// What is wrong with a rule, by itself.
pub(crate) fn check(rule: &RetentionRule) -> Result<(), Error> {
    if !(1..=365).contains(&rule.days) {
        return Err(invalid("RetentionPeriodValue must be from 1 to 365 days."));
    }
    if !rule.resource_tags.is_empty() && !rule.exclude_resource_tags.is_empty() {
        return Err(invalid("A tag-level rule cannot have exclusion tags."));
    }
    if rule.resource_tags.len() > MOST_RESOURCE_TAGS {
        return Err(invalid(format!("There can be no more than {MOST_RESOURCE_TAGS} resource tags in a rule.")));
    }
    if rule.exclude_resource_tags.len() > MOST_EXCLUDE_TAGS {
        return Err(invalid(format!("There can be no more than {MOST_EXCLUDE_TAGS} exclusion tags in a rule.")));
    }
    if rule.description.as_ref().is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
        return Err(invalid(format!("A description can be no longer than {LONGEST_DESCRIPTION} characters.")));
    }
    Ok(())
}

fn summary(id: &str, rule: &RetentionRule, scope: &Scope) -> Value {
    json!({
        "Identifier": id,
        "Description": rule.description,
        "RetentionPeriod": { "RetentionPeriodValue": rule.days, "RetentionPeriodUnit": "DAYS" },
        "RuleArn": format!("arn:aws:rbin:{}:{}:rule/{id}", scope.region, scope.account),
    })
}

fn described(id: &str, rule: &RetentionRule, scope: &Scope) -> Value {
    let mut rest = summary(id, rule, scope);
    rest["ResourceType"] = json!(rule.resource_type);
    rest["ResourceTags"] = json!(rule.resource_tags);
    rest["ExcludeResourceTags"] = json!(rule.exclude_resource_tags);
    rest["Status"] = json!(if rule.active_from <= scope.now() { "available" } else { "pending" });
    without_nulls(rest)
}

impl RetentionPeriod {
    fn days(&self) -> u32 {
        match self.retention_period_unit {
            Unit::Days => self.retention_period_value,
        }
    }
}

const BAD_TOKEN: &str = "The NextToken is invalid.";

fn invalid(message: impl Into<String>) -> Error {
    error(400, "ValidationException", message)
}

fn error(status: u16, code: &str, message: impl Into<String>) -> Error {
    Error { status, code: code.to_owned(), message: message.into() }
}

/// What the common errors of the newer services are.
fn no_caller(why: NoCaller) -> Error {
    match why {
        NoCaller::Unknown => error(403, "UnrecognizedClientException", "The security token included in the request is invalid."),
        NoCaller::Expired => error(403, "ExpiredTokenException", "The security token included in the request is expired"),
    }
}

/// The enum beside the message, where the API model has one.
fn reason(code: &str, message: &str) -> Option<&'static str> {
    match code {
        "ResourceNotFoundException" => Some("RULE_NOT_FOUND"),
        "ServiceQuotaExceededException" => Some("SERVICE_QUOTA_EXCEEDED"),
        "ValidationException" if message == BAD_TOKEN => Some("INVALID_PAGE_TOKEN"),
        "ValidationException" => Some("INVALID_PARAMETER_VALUE"),
        _ => None,
    }
}

/// Whether it has the form of a rule's identifier.
pub(crate) fn is_identifier(text: &str) -> bool {
    text.len() == 11 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A member of the body as the log shows it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// An object without what it does not have.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => members.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::faults::{Fault, FaultKind, Which};
    use crate::http::Delivery;
    use crate::id::AccountId;
    use crate::testing::{Client, WEB};
    use crate::world::Role;

    /// What is answered: the status, the kind of error, the body.
    fn send(ec2: &Client, method: &str, path: &str, body: &str) -> (u16, String, Value) {
        let request = Request { method: method.to_owned(), path: path.to_owned(), ..ec2.of_service("rbin").request(body) };
        let Delivery::Answer(answer) = ec2.sim.exchange(&request) else { panic!("no answer") };
        let kind = answer.headers.iter().find(|(name, _)| *name == "x-amzn-errortype").map(|(_, kind)| kind.clone()).unwrap_or_default();
        let body = if answer.body.is_empty() { Value::Null } else { serde_json::from_str(&answer.body).unwrap() };
        (answer.status, kind, body)
    }

    fn pretty(value: &Value) -> String {
        serde_json::to_string_pretty(value).unwrap()
    }

    fn create(ec2: &Client, body: Value) -> String {
        let (status, _, answer) = send(ec2, "POST", "/rules", &body.to_string());
        assert_eq!(status, 201, "{answer}");
        answer["Identifier"].as_str().unwrap().to_owned()
    }

    fn days(days: u32) -> Value {
        json!({ "RetentionPeriodValue": days, "RetentionPeriodUnit": "DAYS" })
    }

    fn refused(ec2: &Client, method: &str, path: &str, body: &Value) -> String {
        let (status, kind, answer) = send(ec2, method, path, &body.to_string());
        format!("{status} {kind} {answer}")
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_assumed_a_role_keeps_the_rules_of_its_account() {
        let ec2 = Client::of_example();
        let role = Role::trusting(AccountId::default());
        ec2.sim.world().accounts.entry("210987654321".parse().unwrap()).or_default().roles.insert("ami-backup".to_owned(), role);
        let member = ec2.assuming(&[("RoleArn", "arn:aws:iam::210987654321:role/ami-backup"), ("RoleSessionName", "hub")]);
        let id = create(&member, json!({ "RetentionPeriod": days(14), "ResourceType": "EC2_IMAGE" }));
        assert_eq!(
            send(&member, "GET", &format!("/rules/{id}"), "").2["RuleArn"],
            format!("arn:aws:rbin:us-east-1:210987654321:rule/{id}")
        );
        assert_eq!(send(&ec2, "GET", &format!("/rules/{id}"), "").0, 404);
        member.ok("DescribeImages", &[]);
        member.sim.world().accounts.get_mut("210987654321").unwrap().denied_actions.insert("GetRule".to_owned());
        assert_snapshot!(refused(&member, "GET", &format!("/rules/{id}"), &json!({})), @r#"403 AccessDeniedException {"Message":"User: arn:aws:sts::210987654321:assumed-role/ami-backup/hub is not authorized to perform: rbin:GetRule"}"#);
        ec2.wait(3600);
        assert_snapshot!(refused(&member, "GET", &format!("/rules/{id}"), &json!({})), @r#"403 ExpiredTokenException {"Message":"The security token included in the request is expired"}"#);
        assert_snapshot!(refused(&ec2.with_session("ASIANOBODY", "any"), "GET", &format!("/rules/{id}"), &json!({})), @r#"403 UnrecognizedClientException {"Message":"The security token included in the request is invalid."}"#);
    }

    #[test]
    fn a_rule_is_made_read_changed_listed_and_deleted() {
        let ec2 = Client::of_example();
        let asked = json!({
            "RetentionPeriod": days(14),
            "ResourceType": "EC2_IMAGE",
            "Description": "backups",
            "Tags": [{ "Key": "team", "Value": "blue" }],
            "ResourceTags": [{ "ResourceTagKey": "Creator", "ResourceTagValue": "image-instance" }],
        });
        let (status, _, made) = send(&ec2, "POST", "/rules", &asked.to_string());
        assert_eq!(status, 201);
        assert_snapshot!(pretty(&made), @r#"
        {
          "Identifier": "12d836a3b02",
          "Description": "backups",
          "RetentionPeriod": {
            "RetentionPeriodValue": 14,
            "RetentionPeriodUnit": "DAYS"
          },
          "RuleArn": "arn:aws:rbin:us-east-1:123456789012:rule/12d836a3b02",
          "ResourceType": "EC2_IMAGE",
          "ResourceTags": [
            {
              "ResourceTagKey": "Creator",
              "ResourceTagValue": "image-instance"
            }
          ],
          "ExcludeResourceTags": [],
          "Status": "available",
          "Tags": [
            {
              "Key": "team",
              "Value": "blue"
            }
          ]
        }
        "#);
        let path = format!("/rules/{}", made["Identifier"].as_str().unwrap());
        let (status, _, read) = send(&ec2, "GET", &path, "");
        assert_eq!(status, 200);
        let mut without_tags = made.clone();
        without_tags.as_object_mut().unwrap().remove("Tags");
        assert_eq!(read, without_tags);

        let change = json!({ "RetentionPeriod": days(7), "ResourceTags": [], "ExcludeResourceTags": [{ "ResourceTagKey": "scratch" }] });
        let (status, _, changed) = send(&ec2, "PATCH", &path, &change.to_string());
        assert_eq!(status, 200);
        assert_snapshot!(pretty(&changed), @r#"
        {
          "Identifier": "12d836a3b02",
          "Description": "backups",
          "RetentionPeriod": {
            "RetentionPeriodValue": 7,
            "RetentionPeriodUnit": "DAYS"
          },
          "RuleArn": "arn:aws:rbin:us-east-1:123456789012:rule/12d836a3b02",
          "ResourceType": "EC2_IMAGE",
          "ResourceTags": [],
          "ExcludeResourceTags": [
            {
              "ResourceTagKey": "scratch"
            }
          ],
          "Status": "available"
        }
        "#);
        let (_, _, listed) = send(&ec2, "POST", "/list-rules", r#"{"ResourceType": "EC2_IMAGE"}"#);
        assert_snapshot!(pretty(&listed), @r#"
        {
          "Rules": [
            {
              "Identifier": "12d836a3b02",
              "Description": "backups",
              "RetentionPeriod": {
                "RetentionPeriodValue": 7,
                "RetentionPeriodUnit": "DAYS"
              },
              "RuleArn": "arn:aws:rbin:us-east-1:123456789012:rule/12d836a3b02"
            }
          ]
        }
        "#);
        let (_, _, listed) = send(&ec2, "POST", "/list-rules", r#"{"ResourceType": "EBS_SNAPSHOT"}"#);
        assert_eq!(listed, json!({ "Rules": [] }));

        assert_eq!(send(&ec2, "DELETE", &path, ""), (204, String::new(), Value::Null));
        assert_eq!(send(&ec2, "GET", &path, "").0, 404);
    }

    #[test]
    fn a_rule_keeps_what_is_deleted_from_then_on() {
        let ec2 = Client::of_example();
        let [before, kept, after] = ["before", "kept", "after"].map(|name| ec2.available_image(WEB, name));
        ec2.ok("DeregisterImage", &[("ImageId", &before)]);
        let rule = create(&ec2, json!({ "RetentionPeriod": days(3), "ResourceType": "EC2_IMAGE" }));
        ec2.ok("DeregisterImage", &[("ImageId", &kept)]);
        assert_eq!(send(&ec2, "DELETE", &format!("/rules/{rule}"), "").0, 204);
        ec2.ok("DeregisterImage", &[("ImageId", &after)]);
        // What is in the bin stays there, whatever becomes of the rule.
        assert_eq!(ec2.ok("ListImagesInRecycleBin", &[]).texts("imageId"), [kept]);
        // Rules are regional.
        let west = ec2.in_region("eu-west-1");
        create(&west, json!({ "RetentionPeriod": days(3), "ResourceType": "EC2_IMAGE" }));
        let (_, _, listed) = send(&ec2, "POST", "/list-rules", r#"{"ResourceType": "EC2_IMAGE"}"#);
        assert_eq!(listed, json!({ "Rules": [] }));
    }

    #[test]
    fn the_first_rule_of_its_kind_may_be_pending_for_a_while() {
        let ec2 = Client::of_example();
        ec2.sim.world().manners.first_rule_pending = SignedDuration::from_mins(30);
        let [early, late] = ["early", "late"].map(|name| ec2.available_image(WEB, name));
        let first = create(&ec2, json!({ "RetentionPeriod": days(3), "ResourceType": "EC2_IMAGE" }));
        let status = |id: &str| send(&ec2, "GET", &format!("/rules/{id}"), "").2["Status"].clone();
        assert_eq!(status(&first), "pending");
        let second =
            create(&ec2, json!({ "RetentionPeriod": days(3), "ResourceType": "EC2_IMAGE", "ResourceTags": [{ "ResourceTagKey": "no" }] }));
        assert_eq!(status(&second), "available");
        ec2.ok("DeregisterImage", &[("ImageId", &early)]);
        ec2.wait(30 * 60);
        assert_eq!(status(&first), "available");
        ec2.ok("DeregisterImage", &[("ImageId", &late)]);
        assert_eq!(ec2.ok("ListImagesInRecycleBin", &[]).texts("imageId"), [late]);
    }

    #[test]
    fn comes_in_pages() {
        let ec2 = Client::of_example();
        for _ in 0..5 {
            create(&ec2, json!({ "RetentionPeriod": days(3), "ResourceType": "EBS_SNAPSHOT" }));
        }
        let mut asked = json!({ "ResourceType": "EBS_SNAPSHOT", "MaxResults": 2 });
        let mut sizes = Vec::new();
        loop {
            let (_, _, page) = send(&ec2, "POST", "/list-rules", &asked.to_string());
            sizes.push(page["Rules"].as_array().unwrap().len());
            match page.get("NextToken") {
                Some(next) => asked["NextToken"] = next.clone(),
                None => break,
            }
        }
        assert_eq!(sizes, [2, 2, 1]);
        asked["NextToken"] = json!("nonsense");
        assert_snapshot!(
            refused(&ec2, "POST", "/list-rules", &asked),
            @r#"400 ValidationException {"Message":"The NextToken is invalid.","Reason":"INVALID_PAGE_TOKEN"}"#
        );
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = Client::of_example();
        let made = |more: Value| {
            let mut body = json!({ "RetentionPeriod": days(3), "ResourceType": "EC2_IMAGE" });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            refused(&ec2, "POST", "/rules", &body)
        };
        let tags = |count: usize| (0..count).map(|n| json!({ "ResourceTagKey": n.to_string() })).collect::<Value>();
        assert_snapshot!(
            made(json!({ "RetentionPeriod": days(366) })),
            @r#"400 ValidationException {"Message":"RetentionPeriodValue must be from 1 to 365 days.","Reason":"INVALID_PARAMETER_VALUE"}"#
        );
        assert_snapshot!(
            made(json!({ "ResourceTags": tags(1), "ExcludeResourceTags": tags(1) })),
            @r#"400 ValidationException {"Message":"A tag-level rule cannot have exclusion tags.","Reason":"INVALID_PARAMETER_VALUE"}"#
        );
        assert_snapshot!(
            made(json!({ "ExcludeResourceTags": tags(6) })),
            @r#"400 ValidationException {"Message":"There can be no more than 5 exclusion tags in a rule.","Reason":"INVALID_PARAMETER_VALUE"}"#
        );
        assert!(made(json!({ "ResourceTags": tags(51) })).starts_with("400 ValidationException"));
        assert!(made(json!({ "Description": "x".repeat(256) })).starts_with("400 ValidationException"));
        assert!(made(json!({ "ResourceType": "EBS_VOLUME" })).starts_with("400 ValidationException"));
        assert!(made(json!({ "LockConfiguration": {} })).starts_with("400 ValidationException"));
        assert!(refused(&ec2, "POST", "/rules", &json!([])).starts_with("400 ValidationException"));
        assert_snapshot!(
            refused(&ec2, "GET", "/rules/abcdefghijk", &json!({})),
            @r#"404 ResourceNotFoundException {"Message":"There is no rule with the identifier abcdefghijk.","Reason":"RULE_NOT_FOUND"}"#
        );
        assert_snapshot!(
            refused(&ec2, "DELETE", "/rules/short", &json!({})),
            @r#"400 ValidationException {"Message":"'short' is not the identifier of a rule: eleven letters and digits.","Reason":"INVALID_PARAMETER_VALUE"}"#
        );
        assert!(refused(&ec2, "PATCH", "/rules/abcdefghijk/lock", &json!({})).starts_with("404 UnknownOperationException"));
        ec2.deny("CreateRule");
        assert_snapshot!(
            made(json!({})),
            @r#"403 AccessDeniedException {"Message":"User: arn:aws:iam::123456789012:user/operator is not authorized to perform: rbin:CreateRule"}"#
        );
        assert!(refused(&ec2.in_region("af-south-1"), "GET", "/rules/abcdefghijk", &json!({})).starts_with("403 UnrecognizedClient"));
    }

    #[test]
    fn there_is_a_quota_of_rules() {
        let ec2 = Client::of_example();
        let asked = json!({ "RetentionPeriod": days(3), "ResourceType": "EC2_IMAGE" });
        for _ in 0..250 {
            create(&ec2, asked.clone());
        }
        assert_snapshot!(
            refused(&ec2, "POST", "/rules", &asked),
            @r#"402 ServiceQuotaExceededException {"Message":"There can be no more than 250 retention rules in a Region.","Reason":"SERVICE_QUOTA_EXCEEDED"}"#
        );
    }

    #[test]
    fn is_logged_and_struck_by_faults_like_any_other() {
        let ec2 = Client::of_example();
        let kind = FaultKind::Error { status: 500, code: "InternalServerException".to_owned(), message: "Try again.".to_owned() };
        ec2.sim.inject(Fault::of("ListRules", Which::Nth(1), kind));
        let asked = json!({ "ResourceType": "EC2_IMAGE" });
        assert_snapshot!(refused(&ec2, "POST", "/list-rules", &asked), @r#"500 InternalServerException {"Message":"Try again."}"#);
        send(&ec2, "GET", "/rules/abcdefghijk", "");
        let [list, get] = &ec2.sim.calls()[..] else { panic!("two calls") };
        assert_eq!((&list.action[..], &list.params["ResourceType"][..]), ("ListRules", "EC2_IMAGE"));
        assert_eq!((&get.action[..], &get.params["Identifier"][..]), ("GetRule", "abcdefghijk"));
        assert_eq!(get.outcome, Outcome::Error("ResourceNotFoundException".to_owned()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn no_request_makes_it_panic(
            method in prop::sample::select(vec!["GET", "POST", "PATCH", "DELETE", "PUT"]),
            path in r"/(rules|list-rules|tags)?(/[ -~]{0,12})?",
            body in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let ec2 = Client::of_example();
            let request = Request { method: method.to_owned(), path, ..ec2.of_service("rbin").request(body) };
            ec2.sim.exchange(&request);
        }
    }
}
