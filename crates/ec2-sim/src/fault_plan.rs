//! What shall go wrong, written down by hand, in TOML. `faults.example.toml`, beside this crate's manifest,
//! shows all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};
use toml::Spanned;

use crate::Ec2Sim;
use crate::faults::{Fault, FaultKind, NAMES, RandomFaults, Which};
use crate::state::StateError;
use crate::toml_file::{self, Instant, Length, Problem};
use crate::world::{FailNext, Manners, World};

/// What shall go wrong in a world.
#[derive(Debug, Clone)]
pub struct FaultPlan {
    /// With certain calls.
    pub faults: Vec<Fault>,
    /// By chance.
    pub random: Option<RandomFaults>,
    /// How the world behaves: its own manners, but for what the file says.
    pub manners: Manners,
    /// What becomes of the next things created: as the world has it, but for what the file says.
    pub fail_next: FailNext,
}

impl FaultPlan {
    /// Reads a plan for a world from a file. The seed decides which calls the faults by chance strike.
    pub fn load(path: impl AsRef<Path>, seed: u64, world: &World) -> Result<Self, StateError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|source| StateError::ReadFaults { path: path.to_owned(), source })?;
        read(&text, seed, world).map_err(|problem| StateError::of_text(path, problem))
    }
}

impl Ec2Sim {
    /// Lets a plan go wrong from now on, beside what was injected.
    pub fn follow(&self, plan: FaultPlan) {
        let mut running = self.lock();
        running.world.manners = plan.manners;
        running.world.fail_next = plan.fail_next;
        plan.faults.into_iter().for_each(|fault| running.faults.add(fault));
        plan.random.into_iter().for_each(|faults| running.faults.add_random(faults));
    }
}

fn read(text: &str, seed: u64, world: &World) -> Result<FaultPlan, Problem> {
    let file: File = toml_file::read(text)?;
    let manners = overlaid(&world.manners, "manners", file.manners.is_some(), text)?;
    let fail_next = overlaid(&world.fail_next, "fail_next", file.fail_next.is_some(), text)?;
    let faults = file.fault.into_iter().map(|fault| fault.fault(text)).collect::<Result<_, _>>()?;
    let random = file.random.map(|random| random.faults(seed, world, text)).transpose()?;
    Ok(FaultPlan { faults, random, manners, fail_next })
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    fault: Vec<FaultText>,
    random: Option<RandomText>,
    // Read here so that what is wrong is said with its line.
    manners: Option<Manners>,
    fail_next: Option<FailNext>,
}

/// What a world has, but for what a table of the file says.
fn overlaid<T: Serialize + for<'de> Deserialize<'de> + Clone>(own: &T, table: &str, is_there: bool, text: &str) -> Result<T, Problem> {
    if !is_there {
        return Ok(own.clone());
    }
    let said = toml_file::read::<toml::Table>(text)?.remove(table);
    let overlaid = || -> serde_json::Result<T> {
        let mut whole = serde_json::to_value(own)?;
        if let (Some(whole), Some(toml::Value::Table(said))) = (whole.as_object_mut(), said) {
            for (key, value) in said {
                whole.insert(key, serde_json::to_value(value)?);
            }
        }
        serde_json::from_value(whole)
    };
    overlaid().map_err(|error| Problem::new(text, 0..0, &format!("[{table}]: {error}")))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultText {
    action: Option<String>,
    region: Option<String>,
    #[serde(default)]
    calls: Calls,
    kind: Spanned<String>,
    status: Option<Spanned<u16>>,
    code: Option<String>,
    message: Option<String>,
    by: Option<Length>,
    after_bytes: Option<usize>,
    content_type: Option<String>,
    body: Option<String>,
    head: Option<String>,
    again: Option<String>,
    times: Option<u64>,
    tail: Option<String>,
}

impl FaultText {
    fn fault(mut self, text: &str) -> Result<Fault, Problem> {
        let problem = |message: String| Problem::new(text, self.kind.span(), &message);
        let name = self.kind.get_ref().clone();
        let more = more_about(&name);
        if let Some(key) = self.keys().into_iter().find(|key| !more.contains(key)) {
            return Err(problem(format!("`{key}` means nothing to the kind `{name}`")));
        }
        if let Some(status) = &self.status
            && !(200..=599).contains(status.get_ref())
        {
            return Err(Problem::new(text, status.span(), "expected an HTTP status from 200 to 599"));
        }
        let kind = match name.as_str() {
            "error" | "error-after-effect" => {
                let code = self
                    .code
                    .take()
                    .ok_or_else(|| problem(format!("the kind `{name}` needs a `code`, such as code = \"InternalError\"")))?;
                let error = FaultKind::Error {
                    status: self.status.map_or(400, Spanned::into_inner),
                    message: self.message.unwrap_or_else(|| code.clone()),
                    code,
                };
                if name == "error" { error } else { error.after_effect() }
            }
            "body" => FaultKind::Body {
                status: self.status.map_or(200, Spanned::into_inner),
                content_type: self.content_type.unwrap_or_else(|| "text/xml;charset=UTF-8".to_owned()),
                body: self.body.unwrap_or_default().into_bytes(),
            },
            "endless" => FaultKind::Endless {
                head: self.head.unwrap_or_default(),
                again: self.again.unwrap_or_else(|| " ".to_owned()),
                times: self.times,
                tail: self.tail.unwrap_or_default(),
            },
            named => {
                let kind = FaultKind::named(named);
                match kind.ok_or_else(|| problem(no_such_kind(named, &["error", "error-after-effect", "body", "endless"])))? {
                    FaultKind::Delay(usual) => FaultKind::Delay(self.by.map_or(usual, duration)),
                    FaultKind::ResetMidBody { after_bytes } => {
                        FaultKind::ResetMidBody { after_bytes: self.after_bytes.unwrap_or(after_bytes) }
                    }
                    FaultKind::StallMidBody { after_bytes } => {
                        FaultKind::StallMidBody { after_bytes: self.after_bytes.unwrap_or(after_bytes) }
                    }
                    other => other,
                }
            }
        };
        Ok(Fault { action: self.action, region: self.region, calls: self.calls.0, kind })
    }

    /// What is said about the kind.
    fn keys(&self) -> Vec<&'static str> {
        let keys = [
            ("status", self.status.is_some()),
            ("code", self.code.is_some()),
            ("message", self.message.is_some()),
            ("by", self.by.is_some()),
            ("after_bytes", self.after_bytes.is_some()),
            ("content_type", self.content_type.is_some()),
            ("body", self.body.is_some()),
            ("head", self.head.is_some()),
            ("again", self.again.is_some()),
            ("times", self.times.is_some()),
            ("tail", self.tail.is_some()),
        ];
        keys.into_iter().filter(|(_, is_there)| *is_there).map(|(key, _)| key).collect()
    }
}

/// What can be said about a kind.
fn more_about(kind: &str) -> &'static [&'static str] {
    match kind {
        "error" | "error-after-effect" => &["status", "code", "message"],
        "body" => &["status", "content_type", "body"],
        "endless" => &["head", "again", "times", "tail"],
        "reset-mid-body" | "stall-mid-body" => &["after_bytes"],
        "delay" => &["by"],
        _ => &[],
    }
}

fn no_such_kind(name: &str, more: &[&str]) -> String {
    let kinds: Vec<String> = NAMES.iter().chain(more).map(|name| format!("`{name}`")).collect();
    format!("there is no kind `{name}`, expected one of {}", kinds.join(", "))
}

fn duration(length: Length) -> Duration {
    length.0.unsigned_abs()
}

/// Which calls: `"all"`, `3` for the third, `"first 2"`, `"from 3"`, `"every 5"`.
#[derive(Debug)]
struct Calls(Which);

impl Default for Calls {
    fn default() -> Self {
        Self(Which::All)
    }
}

impl<'de> Deserialize<'de> for Calls {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(CallsVisitor)
    }
}

struct CallsVisitor;

impl Visitor<'_> for CallsVisitor {
    type Value = Calls;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"all\", the number of a call, \"first 2\", \"from 3\" or \"every 5\"")
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Calls, E> {
        match u64::try_from(number) {
            Ok(number) if number > 0 => Ok(Calls(Which::Nth(number))),
            _ => Err(E::invalid_value(serde::de::Unexpected::Signed(number), &self)),
        }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Calls, E> {
        let wrong = || E::invalid_value(serde::de::Unexpected::Str(text), &self);
        if text == "all" {
            return Ok(Calls(Which::All));
        }
        let (which, number) = text.split_once(' ').ok_or_else(wrong)?;
        let number: u64 = number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
        match which {
            "first" => Ok(Calls(Which::First(number))),
            "from" => Ok(Calls(Which::From(number))),
            "every" => Ok(Calls(Which::Every(number))),
            _ => Err(wrong()),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RandomText {
    per_mille: Spanned<u32>,
    /// By name, with their weights.
    kinds: Option<BTreeMap<Spanned<String>, u32>>,
    #[serde(default)]
    actions: BTreeSet<String>,
    until: Option<Spanned<Instant>>,
    lasting: Option<Length>,
    at_most: Option<u64>,
}

impl RandomText {
    fn faults(self, seed: u64, world: &World, text: &str) -> Result<RandomFaults, Problem> {
        if *self.per_mille.get_ref() > 1000 {
            return Err(Problem::new(text, self.per_mille.span(), "expected at most 1000, which is every call"));
        }
        let until = match (self.until, self.lasting) {
            (Some(until), Some(_)) => return Err(Problem::new(text, until.span(), "expected `until` or `lasting`, not both")),
            (Some(until), None) => Some(until.get_ref().0),
            (None, lasting) => lasting.map(|lasting| lasting.after(world.clock)),
        };
        let kinds = match self.kinds {
            None => RandomFaults::usual_kinds(),
            Some(kinds) => kinds
                .into_iter()
                .map(|(name, weight)| {
                    let kind = FaultKind::named(name.get_ref());
                    let kind = kind.ok_or_else(|| Problem::new(text, name.span(), &no_such_kind(name.get_ref(), &[])))?;
                    Ok((weight, kind))
                })
                .collect::<Result<_, Problem>>()?,
        };
        Ok(RandomFaults { seed, per_mille: self.per_mille.into_inner(), kinds, actions: self.actions, until, at_most: self.at_most })
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::http::Delivery;
    use crate::testing::{Client, noon};

    const EXAMPLE: &str = include_str!("../faults.example.toml");

    fn problem(text: &str) -> String {
        let problem = read(text, 1, &World::new(1, noon())).unwrap_err();
        format!("{}: {}", problem.line, problem.message)
    }

    /// Without the list of all that could have been meant.
    fn first_words(text: &str) -> String {
        problem(text).split(',').next().unwrap_or_default().to_owned()
    }

    #[test]
    fn the_example_is_a_plan() {
        let mut world = World::example(1, noon());
        world.manners.in_use_lingers = SignedDuration::from_secs(9);
        let plan = read(EXAMPLE, 7, &world).unwrap();
        assert_eq!(plan.random.as_ref().unwrap().seed, 7);
        // What the file does not say is as the world has it.
        assert_eq!(plan.manners.in_use_lingers, SignedDuration::from_secs(9));
        assert_eq!(plan.manners.visibility_lag, SignedDuration::from_secs(3));
        let ec2 = Client::of(world);
        ec2.sim.follow(FaultPlan { random: None, ..plan });
        assert_eq!(ec2.deliver("CopyImage", &[]), Delivery::Lost);
        assert_eq!(ec2.call("DeleteSnapshot", &[]).status, 503);
        assert!(matches!(ec2.deliver("DescribeVolumes", &[]), Delivery::Spoiled(_)));
        assert_eq!(ec2.sim.world().fail_next.stuck_copies, 1);
    }

    #[test]
    fn every_kind_can_be_asked_for() {
        let world = World::new(1, noon());
        for name in NAMES {
            let plan = read(&format!("[[fault]]\nkind = '{name}'"), 1, &world).unwrap();
            assert_eq!(plan.faults[0].kind, FaultKind::named(name).unwrap());
        }
        let kind = |more: &str| read(&format!("[[fault]]\n{more}"), 1, &world).unwrap().faults.remove(0).kind;
        assert_eq!(kind("kind = 'delay'\nby = '1m'"), FaultKind::Delay(Duration::from_mins(1)));
        assert_eq!(kind("kind = 'reset-mid-body'\nafter_bytes = 0"), FaultKind::ResetMidBody { after_bytes: 0 });
        assert_eq!(
            kind("kind = 'error-after-effect'\ncode = 'Unavailable'\nstatus = 503\nmessage = 'Later'"),
            FaultKind::ErrorAfterEffect { status: 503, code: "Unavailable".to_owned(), message: "Later".to_owned() }
        );
        let calls = |calls: &str| read(&format!("[[fault]]\nkind = 'hang'\ncalls = {calls}"), 1, &world).unwrap().faults[0].calls;
        assert_eq!(
            ["'all'", "3", "'first 2'", "'from 3'", "'every 5'"].map(calls),
            [Which::All, Which::Nth(3), Which::First(2), Which::From(3), Which::Every(5)]
        );
    }

    #[test]
    fn faults_by_chance_last_as_long_as_they_are_to() {
        let world = World::new(1, noon());
        let random = |more: &str| read(&format!("[random]\nper_mille = 5\n{more}"), 3, &world).unwrap().random.unwrap();
        assert_eq!(random("lasting = '10m'").until.unwrap().to_string(), "2026-11-22T12:10:00Z");
        assert_eq!(random("until = 2026-12-01T00:00:00Z").until.unwrap().to_string(), "2026-12-01T00:00:00Z");
        let faults = random("kinds = { hang = 2, throttled = 1 }\nat_most = 3\nactions = ['CopyImage']");
        assert_eq!(faults.kinds, [(2, FaultKind::Hang), (1, FaultKind::throttled())]);
        assert_eq!((faults.at_most, faults.actions.len(), faults.seed), (Some(3), 1, 3));
        assert_eq!(random("").kinds, RandomFaults::usual_kinds());
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        assert_snapshot!(problem("[[fault]]\nkind = 'hang'\nactoin = 'CopyImage'"), @"3: unknown field `actoin`, expected one of `action`, `region`, `calls`, `kind`, `status`, `code`, `message`, `by`, `after_bytes`, `content_type`, `body`, `head`, `again`, `times`, `tail`");
        assert_snapshot!(problem("[[fault]]\naction = 'CopyImage'"), @"1: missing field `kind`");
        assert_snapshot!(problem("[[fault]]\n\nkind = 'gremlins'"), @"3: there is no kind `gremlins`, expected one of `throttled`, `internal-error`, `internal-error-after-effect`, `unavailable`, `unavailable-after-effect`, `expired-credentials`, `lost-request`, `lost-answer`, `reset-mid-body`, `stall-mid-body`, `truncated`, `bad-gateway`, `hang`, `delay`, `error`, `error-after-effect`, `body`, `endless`");
        assert_snapshot!(problem("[[fault]]\nkind = 'error'"), @r#"2: the kind `error` needs a `code`, such as code = "InternalError""#);
        assert_snapshot!(problem("[[fault]]\nkind = 'error'\ncode = 'X'\nstatus = 42"), @"4: expected an HTTP status from 200 to 599");
        assert_snapshot!(problem("[[fault]]\nkind = 'hang'\nby = '3s'"), @"2: `by` means nothing to the kind `hang`");
        assert_snapshot!(problem("[[fault]]\nkind = 'delay'\nby = 3"), @"3: invalid type: integer `3`, expected a string");
        assert_snapshot!(problem("[[fault]]\nkind = 'hang'\ncalls = 0"), @r#"3: invalid value: integer `0`, expected "all", the number of a call, "first 2", "from 3" or "every 5""#);
        assert_snapshot!(problem("[[fault]]\nkind = 'hang'\ncalls = 'some'"), @r#"3: invalid value: string "some", expected "all", the number of a call, "first 2", "from 3" or "every 5""#);
        assert_snapshot!(problem("[random]"), @"1: missing field `per_mille`");
        assert_snapshot!(problem("[random]\nper_mille = 1001"), @"2: expected at most 1000, which is every call");
        assert_snapshot!(problem("[random]\nper_mille = 10\nkinds = { hang = 1,\n gremlins = 1 }"), @"4: there is no kind `gremlins`, expected one of `throttled`, `internal-error`, `internal-error-after-effect`, `unavailable`, `unavailable-after-effect`, `expired-credentials`, `lost-request`, `lost-answer`, `reset-mid-body`, `stall-mid-body`, `truncated`, `bad-gateway`, `hang`, `delay`");
        assert_snapshot!(problem("[random]\nper_mille = 10\nlasting = '1m'\nuntil = 2026-12-01T00:00:00Z"), @"4: expected `until` or `lasting`, not both");
        assert_snapshot!(first_words("[manners]\nvisibility = '3s'"), @"2: unknown field `visibility`");
        assert_snapshot!(problem("[fail_next]\nstuck_images = -1"), @"2: invalid value: integer `-1`, expected u32");
        assert_snapshot!(problem("[faults]"), @"1: unknown field `faults`, expected one of `fault`, `random`, `manners`, `fail_next`");
    }

    proptest! {
        #[test]
        fn any_text_is_a_plan_or_a_problem(text in any::<String>()) {
            let _ = read(&text, 1, &World::new(1, noon()));
        }

        #[test]
        fn any_change_of_a_plan_is_a_plan_or_a_problem(edits in prop::collection::vec((any::<prop::sample::Index>(), value()), 0..6)) {
            let mut lines: Vec<String> = EXAMPLE.lines().map(str::to_owned).filter(|line| !line.starts_with('#')).collect();
            for (index, value) in edits {
                let line = index.get_mut(&mut lines);
                match (line.split_once('='), value) {
                    (Some((key, _)), Some(value)) => *line = format!("{key}= {value}"),
                    _ => line.clear(),
                }
            }
            let text = lines.join("\n");
            match read(&text, 1, &World::new(1, noon())) {
                Ok(plan) => {
                    let ec2 = Client::of_example();
                    ec2.sim.follow(plan);
                    for action in ["DescribeImages", "CopyImage", "CreateImage", "DeleteSnapshot", "DescribeVolumes"] {
                        ec2.deliver(action, &[]);
                    }
                }
                Err(problem) => prop_assert!((1..=text.lines().count() + 1).contains(&problem.line) && !problem.message.contains('\n')),
            }
        }
    }

    fn value() -> impl Strategy<Value = Option<String>> {
        let values = [
            "0",
            "-1",
            "1",
            "1001",
            "18446744073709551615",
            "nan",
            "true",
            "''",
            "'all'",
            "'every 1'",
            "'error'",
            "'endless'",
            "'999999d'",
            "2026-11-01T00:00:00Z",
            "[]",
            "{}",
            "{ hang = 0 }",
        ];
        prop::option::of(prop::sample::select(values.map(str::to_owned).to_vec()))
    }
}
