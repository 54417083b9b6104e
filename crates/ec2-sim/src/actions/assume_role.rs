//! `AssumeRole` of STS: credentials for a while, that act in the role's account.
//!
//! Of a trust policy there is what a backup across accounts needs: the accounts that are trusted, and the external id.
//! Session policies, session tags, source identities and second factors are refused as parameters that are not known.

use std::ops::RangeInclusive;

use jiff::SignedDuration;

use super::Action;
use super::auto_scaling::validation_error;
use crate::clock::{later, seconds};
use crate::error::Error;
use crate::id::AccountId;
use crate::query::Params;
use crate::scope::Scope;
use crate::world::{Role, Session, is_external_id_letter, is_name_letter};
use crate::xml::Xml;

const SECONDS: RangeInclusive<u32> = 900..=43_200;
const USUAL_SECONDS: u32 = 3600;
/// For whoever has assumed a role already (IAM User Guide, "Role chaining").
const LONGEST_IN_A_CHAIN: SignedDuration = SignedDuration::from_hours(1);

/// The limits of the API model.
const ROLE_ARN: Limits = Limits {
    name: "RoleArn",
    lengths: 20..=2048,
    pattern: r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+",
    letter: |letter| matches!(letter, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..),
};
const SESSION_NAME: Limits = Limits { name: "RoleSessionName", lengths: 2..=64, pattern: r"[\w+=,.@-]*", letter: is_name_letter };
const EXTERNAL_ID: Limits =
    Limits { name: "ExternalId", lengths: Role::EXTERNAL_ID_LENGTHS, pattern: r"[\w+=,.@:\/-]*", letter: is_external_id_letter };

pub(super) struct AssumeRole {
    role_arn: String,
    role: RoleArn,
    session_name: String,
    external_id: Option<String>,
    duration: SignedDuration,
}

impl Action for AssumeRole {
    const NAME: &str = "AssumeRole";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let mut violations = Vec::new();
        let role_arn = ROLE_ARN.required(params, &mut violations);
        let session_name = SESSION_NAME.required(params, &mut violations);
        let external_id = EXTERNAL_ID.text(params, &mut violations);
        let duration = params.number("DurationSeconds")?.unwrap_or(USUAL_SECONDS);
        if duration < *SECONDS.start() {
            violations.push(violation(&format!("'{duration}'"), "DurationSeconds", &bound("value", "greater", SECONDS.start())));
        }
        if duration > *SECONDS.end() {
            violations.push(violation(&format!("'{duration}'"), "DurationSeconds", &bound("value", "less", SECONDS.end())));
        }
        match &violations[..] {
            [] => {}
            [one] => return Err(validation_error(format!("1 validation error detected: {one}"))),
            many => return Err(validation_error(format!("{} validation errors detected: {}", many.len(), many.join("; ")))),
        }
        // Not documented, and nothing that a program should count on: a misspelt ARN has been answered with a denial, too
        // (99designs/aws-vault#668).
        let role = RoleArn::parse(&role_arn).ok_or_else(|| validation_error(format!("{role_arn} is invalid")))?;
        Ok(Self { role_arn, role, session_name, external_id, duration: SignedDuration::from_secs(duration.into()) })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let Self { role_arn, role: RoleArn { account, path, name }, session_name, external_id, duration } = self;
        let role = scope.world.accounts.get(&account).and_then(|account| account.roles.get(&name));
        let role = role.filter(|role| role.path == path && role.is_open_to(&scope.account, external_id.as_deref()));
        // Nobody is told which of these it was.
        let Some(role) = role.filter(|_| scope.may(Self::NAME)) else {
            let caller = scope.caller_arn();
            let message = format!("User: {caller} is not authorized to perform: sts:{} on resource: {role_arn}", Self::NAME);
            return Err(Error::new("AccessDenied", message));
        };
        if scope.session.is_some() && duration > LONGEST_IN_A_CHAIN {
            let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
            return Err(validation_error(message));
        }
        if duration > role.max_session_duration {
            return Err(validation_error("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
        }
        let access_key = scope.world.ids.session_key();
        let token = scope.world.secret_of(&format!("token {access_key}"));
        let session = Session { account, role: name, name: session_name, token, expires: later(scope.now(), duration) };
        answer.element("AssumeRoleResult", |result| {
            result
                .element("AssumedRoleUser", |user| {
                    user.leaf("AssumedRoleId", session.id(scope.world.ids.seed)).leaf("Arn", session.arn());
                })
                .element("Credentials", |credentials| {
                    credentials
                        .leaf("AccessKeyId", &access_key)
                        .leaf("SecretAccessKey", scope.world.secret_of(&access_key))
                        .leaf("SessionToken", &session.token)
                        .leaf("Expiration", seconds(session.expires));
                });
        });
        scope.world.sessions.insert(access_key, session);
        Ok(())
    }
}

/// `arn:aws:iam::210987654321:role/backup/ami-backup`, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct RoleArn {
    account: AccountId,
    /// With a slash at both ends.
    path: String,
    name: String,
}

impl RoleArn {
    fn parse(arn: &str) -> Option<Self> {
        let (account, resource) = arn.strip_prefix("arn:aws:iam::")?.split_once(":role")?;
        let (before, name) = resource.rsplit_once('/')?;
        let path = format!("{before}/");
        let whole = path.starts_with('/') && !name.is_empty();
        whole.then_some(Self { account: account.parse().ok()?, path, name: name.to_owned() })
    }
}

/// What a text may be.
struct Limits {
    name: &'static str,
    lengths: RangeInclusive<usize>,
    pattern: &'static str,
    letter: fn(char) -> bool,
}

impl Limits {
    fn required(&self, params: &mut Params, violations: &mut Vec<String>) -> String {
        self.text(params, violations).unwrap_or_else(|| {
            violations.push(violation("null", self.name, "not be null"));
            String::new()
        })
    }

    fn text(&self, params: &mut Params, violations: &mut Vec<String>) -> Option<String> {
        let text = params.given(self.name)?;
        let value = format!("'{text}'");
        let length = text.chars().count();
        if !text.chars().all(self.letter) || text.is_empty() && self.pattern.ends_with('+') {
            violations.push(violation(&value, self.name, &format!("satisfy regular expression pattern: {}", self.pattern)));
        }
        if length < *self.lengths.start() {
            violations.push(violation(&value, self.name, &bound("length", "greater", self.lengths.start())));
        }
        if length > *self.lengths.end() {
            violations.push(violation(&value, self.name, &bound("length", "less", self.lengths.end())));
        }
        Some(text)
    }
}

/// As AWS words it, with the member's name in lower camel case.
fn violation(value: &str, name: &str, constraint: &str) -> String {
    let member = format!("{}{}", name[..1].to_lowercase(), &name[1..]);
    format!("Value {value} at '{member}' failed to satisfy constraint: Member must {constraint}")
}

fn bound(what: &str, relation: &str, bound: &impl std::fmt::Display) -> String {
    format!("have {what} {relation} than or equal to {bound}")
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Client, noon};
    use crate::world::World;

    const MEMBER: &str = "210987654321";
    const ROLE_ARN: &str = "arn:aws:iam::210987654321:role/ami-backup";
    const PARAMS: [(&str, &str); 3] = [("RoleArn", ROLE_ARN), ("RoleSessionName", "hub"), ("ExternalId", "9f:4c/1")];

    /// STS, and a role of another account that asks for an external id.
    fn sts() -> Client {
        let mut world = World::new(1, noon());
        let role = Role { external_id: Some("9f:4c/1".to_owned()), ..Role::trusting(AccountId::default()) };
        world.accounts.entry(MEMBER.parse().unwrap()).or_default().roles.insert("ami-backup".to_owned(), role);
        Client::of(world).of_service("sts")
    }

    fn with<'p>(name: &'p str, value: &'p str) -> Vec<(&'p str, &'p str)> {
        PARAMS.into_iter().filter(|(other, _)| *other != name).chain([(name, value)]).collect()
    }

    fn without(name: &str) -> Vec<(&'static str, &'static str)> {
        PARAMS.into_iter().filter(|(other, _)| *other != name).collect()
    }

    fn arrange(sts: &Client, change: impl FnOnce(&mut Role)) {
        change(sts.sim.world().accounts.get_mut(MEMBER).unwrap().roles.get_mut("ami-backup").unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn lends_a_role_for_an_hour() {
        let sts = sts();
        assert_snapshot!(sts.ok("AssumeRole", &PARAMS).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
            <AssumeRoleResult>
                <AssumedRoleUser>
                    <AssumedRoleId>AROA08C4A551283B185A2:hub</AssumedRoleId>
                    <Arn>arn:aws:sts::210987654321:assumed-role/ami-backup/hub</Arn>
                </AssumedRoleUser>
                <Credentials>
                    <AccessKeyId>ASIA1C47E5BCD8177924</AccessKeyId>
                    <SecretAccessKey>e3f9e6d1eabbc066fdf6fc423fa95c5dwJalrXUt</SecretAccessKey>
                    <SessionToken>d363cf7d70517c65b776d979b6e36a32wJalrXUt</SessionToken>
                    <Expiration>2026-11-22T13:00:00Z</Expiration>
                </Credentials>
            </AssumeRoleResult>
            <ResponseMetadata>
                <RequestId>f89404ee-6fab-4c4a-a8a8-4a90d7928e5c</RequestId>
            </ResponseMetadata>
        </AssumeRoleResponse>
        "#);
        let role = sts.assuming(&PARAMS);
        assert_snapshot!(role.ok("GetCallerIdentity", &[]).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
            <GetCallerIdentityResult>
                <Arn>arn:aws:sts::210987654321:assumed-role/ami-backup/hub</Arn>
                <UserId>AROA08C4A551283B185A2:hub</UserId>
                <Account>210987654321</Account>
            </GetCallerIdentityResult>
            <ResponseMetadata>
                <RequestId>f1cc9201-6273-4217-a5b8-b8e136de7a87</RequestId>
            </ResponseMetadata>
        </GetCallerIdentityResponse>
        "#);
        sts.wait(3599);
        role.ok("GetCallerIdentity", &[]);
        sts.wait(1);
        assert_eq!(role.call("GetCallerIdentity", &[]).status, 403);
        assert_snapshot!(role.error("GetCallerIdentity", &[]), @"ExpiredToken: The security token included in the request is expired");
        assert_snapshot!(role.error("AssumeRole", &PARAMS), @"ExpiredToken: The security token included in the request is expired");
        // Who slept through it is told the same for a while.
        sts.wait(13 * 24 * 3600);
        assert!(role.error("GetCallerIdentity", &[]).starts_with("ExpiredToken"));
        sts.wait(24 * 3600);
        assert!(role.error("GetCallerIdentity", &[]).starts_with("InvalidClientTokenId"));
        assert!(sts.sim.world().sessions.is_empty());
    }

    #[test]
    fn every_session_has_its_own_key_and_the_seed_makes_it() {
        let (sts, again) = (sts(), sts());
        let keys = |sts: &Client| [0; 3].map(|_| sts.ok("AssumeRole", &PARAMS).text("AccessKeyId"));
        let made = keys(&sts);
        assert!(made[0] != made[1] && made[1] != made[2] && made[0] != made[2]);
        assert_eq!(keys(&again), made);
        assert_eq!(sts.sim.effects(), 3);
    }

    #[test]
    fn says_the_same_to_whoever_may_not_and_of_what_is_not_there() {
        let sts = sts();
        let denied = sts.call("AssumeRole", &with("ExternalId", "guessed"));
        assert_eq!(denied.status, 403);
        assert_snapshot!(denied.body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
            <Error>
                <Type>Sender</Type>
                <Code>AccessDenied</Code>
                <Message>User: arn:aws:iam::123456789012:user/operator is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/ami-backup</Message>
            </Error>
            <RequestId>f89404ee-6fab-4c4a-a8a8-4a90d7928e5c</RequestId>
        </ErrorResponse>
        "#);
        let said = format!("{}: {}", denied.text("Code"), denied.text("Message"));
        assert_eq!(sts.error("AssumeRole", &without("ExternalId")), said);
        for other in ["210987654321:role/nobody", "111111111111:role/ami-backup", "210987654321:role/path/ami-backup"] {
            let arn = format!("arn:aws:iam::{other}");
            assert_eq!(sts.error("AssumeRole", &with("RoleArn", &arn)), said.replace(ROLE_ARN, &arn));
        }
        sts.deny("AssumeRole");
        assert_eq!(sts.error("AssumeRole", &PARAMS), said);
        sts.sim.world().accounts.get_mut(AccountId::DEFAULT).unwrap().denied_actions.clear();
        arrange(&sts, |role| role.trusts = [MEMBER.parse().unwrap()].into());
        assert_eq!(sts.error("AssumeRole", &PARAMS), said);
        assert!(sts.sim.world().sessions.is_empty());
    }

    #[test]
    fn an_external_id_that_nobody_asked_for_does_no_harm() {
        let sts = sts();
        arrange(&sts, |role| role.external_id = None);
        sts.ok("AssumeRole", &PARAMS);
        sts.ok("AssumeRole", &without("ExternalId"));
    }

    #[test]
    fn refuses_what_cannot_be_right() {
        let sts = sts();
        assert_eq!(sts.call("AssumeRole", &[]).status, 400);
        assert_snapshot!(sts.error("AssumeRole", &[]), @"ValidationError: 2 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null; Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null");
        assert_snapshot!(sts.error("AssumeRole", &with("RoleSessionName", "the hub")), @r"ValidationError: 1 validation error detected: Value 'the hub' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*");
        assert_snapshot!(sts.error("AssumeRole", &with("RoleSessionName", "h")), @"ValidationError: 1 validation error detected: Value 'h' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2");
        assert_snapshot!(sts.error("AssumeRole", &with("RoleSessionName", &"h".repeat(65))), @"ValidationError: 1 validation error detected: Value 'hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh' at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64");
        assert_snapshot!(sts.error("AssumeRole", &with("ExternalId", "?")), @r"ValidationError: 2 validation errors detected: Value '?' at 'externalId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@:\/-]*; Value '?' at 'externalId' failed to satisfy constraint: Member must have length greater than or equal to 2");
        assert_snapshot!(sts.error("AssumeRole", &with("DurationSeconds", "899")), @"ValidationError: 1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900");
        assert_snapshot!(sts.error("AssumeRole", &with("DurationSeconds", "43201")), @"ValidationError: 1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200");
        assert_snapshot!(sts.error("AssumeRole", &with("DurationSeconds", "1h")), @"ValidationError: Value (1h) for parameter DurationSeconds is invalid. Expecting a number.");
        assert_snapshot!(sts.error("AssumeRole", &with("RoleArn", "ami-backup")), @"ValidationError: 1 validation error detected: Value 'ami-backup' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20");
        assert_snapshot!(sts.error("AssumeRole", &with("RoleArn", "")), @r"ValidationError: 2 validation errors detected: Value '' at 'roleArn' failed to satisfy constraint: Member must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+; Value '' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20");
        assert_snapshot!(sts.error("AssumeRole", &with("RoleArn", "arn:aws:iam::210987654321:user/ami-backup")), @"ValidationError: arn:aws:iam::210987654321:user/ami-backup is invalid");
        assert_snapshot!(sts.error("AssumeRole", &with("Policy", "{}")), @"ValidationError: The parameter Policy is not recognized");
        for name in ["hub", "h_", "backup@hub.example,a=b+c-d", &"h".repeat(64)] {
            let arn = sts.ok("AssumeRole", &with("RoleSessionName", name)).text("Arn");
            assert_eq!(arn, format!("arn:aws:sts::210987654321:assumed-role/ami-backup/{name}"));
        }
    }

    #[test]
    fn lasts_as_long_as_the_role_allows_and_no_longer() {
        let sts = sts();
        let expiration = |seconds| sts.ok("AssumeRole", &with("DurationSeconds", seconds)).text("Expiration");
        assert_eq!(expiration("900"), "2026-11-22T12:15:00Z");
        assert_snapshot!(sts.error("AssumeRole", &with("DurationSeconds", "3601")), @"ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
        arrange(&sts, |role| role.max_session_duration = SignedDuration::from_hours(12));
        assert_eq!(expiration("43200"), "2026-11-23T00:00:00Z");
    }

    #[test]
    fn a_role_may_assume_another_for_an_hour() {
        let sts = sts();
        let mut next = Role::trusting(MEMBER.parse().unwrap());
        next.max_session_duration = SignedDuration::from_hours(12);
        sts.sim.world().accounts.entry(AccountId::default()).or_default().roles.insert("next".to_owned(), next);
        let hub = sts.assuming(&PARAMS);
        let params = [("RoleArn", "arn:aws:iam::123456789012:role/next"), ("RoleSessionName", "from-the-member")];
        let arn = "arn:aws:sts::123456789012:assumed-role/next/from-the-member";
        assert_eq!(hub.assuming(&params).ok("GetCallerIdentity", &[]).text("Arn"), arn);
        assert_snapshot!(hub.error("AssumeRole", &[&params[..], &[("DurationSeconds", "3601")]].concat()), @"ValidationError: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining");
        assert_snapshot!(sts.error("AssumeRole", &params), @"AccessDenied: User: arn:aws:iam::123456789012:user/operator is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/next");
    }

    #[test]
    fn a_path_is_a_part_of_the_role_and_not_of_the_session() {
        let sts = sts();
        arrange(&sts, |role| role.path = "/teams/backup/".to_owned());
        let arn = "arn:aws:iam::210987654321:role/teams/backup/ami-backup";
        let assumed = sts.ok("AssumeRole", &with("RoleArn", arn));
        assert_eq!(assumed.text("Arn"), "arn:aws:sts::210987654321:assumed-role/ami-backup/hub");
        assert!(sts.error("AssumeRole", &PARAMS).starts_with("AccessDenied"));
    }

    proptest! {
        #[test]
        fn any_parameters_are_answered(
            arn in prop_oneof![any::<String>(), "arn:aws:iam::210987654321:role[/a-z]{0,9}", Just(ROLE_ARN.to_owned())],
            name in prop_oneof![any::<String>(), "[a-z=@ ]{0,5}"],
            external_id in prop_oneof![any::<String>(), Just("9f:4c/1".to_owned())],
            seconds in prop_oneof![any::<String>(), any::<u64>().prop_map(|seconds| seconds.to_string()), Just("900".to_owned())],
        ) {
            let params = [("RoleArn", &arn[..]), ("RoleSessionName", &name), ("ExternalId", &external_id), ("DurationSeconds", &seconds)];
            let sts = sts();
            let answer = sts.call("AssumeRole", &params);
            prop_assert!(matches!(answer.status, 200 | 400 | 403));
            prop_assert_eq!(sts.sim.world().sessions.len(), usize::from(answer.status == 200));
        }
    }

    #[test]
    fn arns_of_roles() {
        let parsed = |arn| RoleArn::parse(arn).map(|role| format!("{} {} {}", role.account, role.path, role.name));
        assert_eq!(parsed("arn:aws:iam::210987654321:role/a").as_deref(), Some("210987654321 / a"));
        assert_eq!(parsed("arn:aws:iam::210987654321:role/b/c/a").as_deref(), Some("210987654321 /b/c/ a"));
        for wrong in [
            "",
            "arn:aws:iam::210987654321:role",
            "arn:aws:iam::210987654321:role/",
            "arn:aws:iam::210987654321:rolex/a",
            "arn:aws:iam::21098765432:role/a",
            "arn:aws:iam:210987654321:role/a",
            "arn:aws:iam:us-east-1:210987654321:role/a",
            "arn:aws:sts::210987654321:assumed-role/a/b",
        ] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
