//! Which target an instance belongs to, and why.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::id::{InstanceId, Region, SeriesName};
use crate::plain::one_line;
use crate::policy::file::{Policy, Target};
use crate::policy::pattern::{Pattern, TagPattern};
use crate::tags::Tags;

/// An instance with this tag, whatever its value, is never selected.
pub const OPT_OUT: &str = "ami-backup:exclude";

/// An instance that a policy may select.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub id: InstanceId,
    /// Its region.
    pub region: Region,
    /// Its tags.
    pub tags: Tags,
    /// Where it stands.
    pub state: InstanceState,
}

/// Where an instance stands (EC2's `InstanceState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// Starting.
    Pending,
    /// Running.
    Running,
    /// Stopping.
    Stopping,
    /// Stopped.
    Stopped,
    /// About to be gone for good.
    ShuttingDown,
    /// Gone for good, though a listing still shows it for a while.
    Terminated,
    /// A state newer than this program.
    Other,
}

/// What a target's `select` says.
///
/// All of [`tags`](Self::tags), one of [`any_tags`](Self::any_tags) if there are any, one of [`names`](Self::names) and
/// [`ids`](Self::ids) if there are any of these, and nothing of [`not_tags`](Self::not_tags), [`not_names`](Self::not_names) and
/// [`not_ids`](Self::not_ids).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// Whether every instance is meant that nothing else rules out.
    pub all: bool,
    /// Tags it has all of.
    pub tags: Vec<TagPattern>,
    /// Tags it has one of, at least.
    pub any_tags: Vec<TagPattern>,
    /// Tags it has none of.
    pub not_tags: Vec<TagPattern>,
    /// What its `Name` tag may be.
    pub names: Vec<Pattern>,
    /// What its `Name` tag is not.
    pub not_names: Vec<Pattern>,
    /// The instances it may be.
    pub ids: BTreeSet<InstanceId>,
    /// The instances it is not.
    pub not_ids: BTreeSet<InstanceId>,
}

/// Which target an instance belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection<'p> {
    /// The first target of the file that selects the instance.
    pub target: Option<&'p Target>,
    /// Further targets that select it, too, in the order of the file: they do not get it.
    pub also: Vec<&'p Target>,
    /// Why it is so.
    pub why: Why,
}

/// Why an instance belongs to a target, or to none. It is displayed as what follows the instance's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The target selects it, and further ones do, too.
    Selected {
        /// The target.
        by: SeriesName,
        /// The further ones.
        also: Vec<SeriesName>,
    },
    /// It bears the tag [`OPT_OUT`].
    OptedOut,
    /// It is gone, or about to be.
    Gone(InstanceState),
    /// No target selects it, each for its first reason.
    Unselected(Vec<(SeriesName, Mismatch)>),
}

/// Why a target does not select an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// The target is for other accounts.
    Account,
    /// The target is for other regions.
    Region,
    /// The instance is none of the ids and names.
    NotNamed,
    /// It has not this tag.
    Lacks(TagPattern),
    /// It has none of the tags of which one is wanted.
    LacksAll,
    /// It has this tag, which rules it out.
    Bears(TagPattern),
    /// Its name matches this, which rules it out.
    Called(Pattern),
    /// Its id is ruled out.
    RuledOut,
}

/// Which target of the policy an instance of an account belongs to: the first in the file that selects it. The account is a name
/// of the file's `[account.…]`, or [`SELF`](crate::policy::file::SELF).
pub fn select<'p>(policy: &'p Policy, account: &str, candidate: &Candidate) -> Selection<'p> {
    let none = |why| Selection { target: None, also: Vec::new(), why };
    if candidate.tags.get(OPT_OUT).is_some() {
        return none(Why::OptedOut);
    }
    if matches!(candidate.state, InstanceState::ShuttingDown | InstanceState::Terminated) {
        return none(Why::Gone(candidate.state));
    }
    let mut selected = Vec::new();
    let mut mismatches = Vec::new();
    for target in &policy.targets {
        match target.mismatch(account, candidate) {
            None => selected.push(target),
            Some(mismatch) => mismatches.push((target.name.clone(), mismatch)),
        }
    }
    let Some((target, also)) = selected.split_first() else { return none(Why::Unselected(mismatches)) };
    let why = Why::Selected { by: target.name.clone(), also: also.iter().map(|target| target.name.clone()).collect() };
    Selection { target: Some(target), also: also.to_vec(), why }
}

impl Target {
    /// Why this target does not select an instance of an account; it does, if there is no reason. Whether the instance opted out
    /// or is gone is for [`select`] to say.
    pub fn mismatch(&self, account: &str, candidate: &Candidate) -> Option<Mismatch> {
        if !self.accounts.contains(account) {
            return Some(Mismatch::Account);
        }
        if self.regions.as_ref().is_some_and(|regions| !regions.contains(&candidate.region)) {
            return Some(Mismatch::Region);
        }
        self.select.mismatch(candidate)
    }
}

impl Selector {
    /// Whether nothing says which instances are meant. What says only which are not is empty, too.
    pub fn is_empty(&self) -> bool {
        let Self { all, tags, any_tags, not_tags: _, names, not_names: _, ids, not_ids: _ } = self;
        !all && tags.is_empty() && any_tags.is_empty() && names.is_empty() && ids.is_empty()
    }

    fn mismatch(&self, candidate: &Candidate) -> Option<Mismatch> {
        let Self { all, tags, any_tags, not_tags, names, not_names, ids, not_ids } = self;
        // An instance without a name has none that a pattern could match, not even `*`.
        let name = candidate.tags.name();
        let is_called = |pattern: &&Pattern| name.is_some_and(|name| pattern.matches(name));
        let any_named = !names.is_empty() || !ids.is_empty();
        if any_named && !ids.contains(&candidate.id) && names.iter().find(is_called).is_none() {
            return Some(Mismatch::NotNamed);
        }
        if let Some(tag) = tags.iter().find(|tag| !tag.is_on(&candidate.tags)) {
            return Some(Mismatch::Lacks(tag.clone()));
        }
        if !any_tags.is_empty() && !any_tags.iter().any(|tag| tag.is_on(&candidate.tags)) {
            return Some(Mismatch::LacksAll);
        }
        // Nothing says that any is meant: no file can say so, and what is made otherwise selects nothing.
        if !all && !any_named && tags.is_empty() && any_tags.is_empty() {
            return Some(Mismatch::NotNamed);
        }
        if let Some(tag) = not_tags.iter().find(|tag| tag.is_on(&candidate.tags)) {
            return Some(Mismatch::Bears(tag.clone()));
        }
        if let Some(pattern) = not_names.iter().find(is_called) {
            return Some(Mismatch::Called(pattern.clone()));
        }
        not_ids.contains(&candidate.id).then_some(Mismatch::RuledOut)
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::ShuttingDown => "shutting down",
            Self::Terminated => "terminated",
            Self::Other => "in an unknown state",
        })
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Selected { by, also } => {
                write!(f, "belongs to target {by}")?;
                if also.is_empty() {
                    return Ok(());
                }
                let also: Vec<&str> = also.iter().map(SeriesName::as_str).collect();
                write!(f, ", the first in the file that selects it; so would {}", also.join(", "))
            }
            Self::OptedOut => write!(f, "is not selected: it bears the tag {OPT_OUT}"),
            Self::Gone(state) => write!(f, "is not selected: it is {state}"),
            Self::Unselected(reasons) => {
                let reasons: Vec<String> = reasons.iter().map(|(target, mismatch)| format!("{target} {mismatch}")).collect();
                write!(f, "is not selected: {}", reasons.join("; "))
            }
        }
    }
}

/// What follows the target's name.
impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account => f.write_str("is for other accounts"),
            Self::Region => f.write_str("is for other regions"),
            Self::NotNamed => f.write_str("does not name it"),
            Self::Lacks(tag) => write!(f, "wants the tag {}", one_line(&tag.to_string())),
            Self::LacksAll => f.write_str("wants a tag it has not"),
            Self::Bears(tag) => write!(f, "leaves out what has the tag {}", one_line(&tag.to_string())),
            Self::Called(pattern) => write!(f, "leaves out what is called {}", one_line(pattern.as_str())),
            Self::RuledOut => f.write_str("leaves it out by its id"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::file::SELF;

    fn policy(targets: &str) -> Policy {
        let head = "[defaults]\nevery = '1d'\nkeep-last = 3\n[account.prod]\nrole-arn = 'arn:aws:iam::210987654321:role/r'\n";
        Policy::read(&format!("{head}{targets}"), "ami-backup.toml").unwrap_or_else(|errors| panic!("{errors}")).0
    }

    fn web(select: &str) -> Policy {
        policy(&format!("[[target]]\nname = 'web'\nselect = {{ {select} }}"))
    }

    fn candidate(tags: &[(&str, &str)]) -> Candidate {
        Candidate {
            id: "i-0123456789abcdef0".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            tags: Tags::new(tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))),
            state: InstanceState::Running,
        }
    }

    fn why(policy: &Policy, candidate: &Candidate) -> String {
        select(policy, SELF, candidate).why.to_string()
    }

    #[test]
    fn all_of_tags_one_of_any_tags_and_none_of_not_tags() {
        let policy = web("tags = ['Env=prod*', 'Backup'], any-tags = ['Tier=1', 'Tier=2'], not-tags = ['Temp']");
        let why = |tags: &[(&str, &str)]| why(&policy, &candidate(tags));
        insta::assert_snapshot!(
            [
                why(&[("Env", "production"), ("Backup", ""), ("Tier", "2")]),
                why(&[("Env", "test"), ("Backup", ""), ("Tier", "2")]),
                why(&[("Env", "prod"), ("Tier", "2")]),
                why(&[("Env", "prod"), ("Backup", "no"), ("Tier", "3")]),
                why(&[("Env", "prod"), ("Backup", "no"), ("Tier", "1"), ("Temp", "")]),
            ]
            .join("\n"),
            @"
        belongs to target web
        is not selected: web wants the tag Env=prod*
        is not selected: web wants the tag Backup
        is not selected: web wants a tag it has not
        is not selected: web leaves out what has the tag Temp
        "
        );
    }

    #[test]
    fn one_of_names_and_ids_is_enough() {
        let policy = web("names = ['web-*'], ids = ['i-0123456789abcdef0'], not-names = ['*-old']");
        let mut other = candidate(&[("Name", "db")]);
        assert_eq!(why(&policy, &other), "belongs to target web");
        other.id = "i-12345678".parse().unwrap();
        assert_eq!(why(&policy, &other), "is not selected: web does not name it");
        other.tags = candidate(&[("Name", "web-1")]).tags;
        assert_eq!(why(&policy, &other), "belongs to target web");
        other.tags = candidate(&[("Name", "web-old")]).tags;
        assert_eq!(why(&policy, &other), "is not selected: web leaves out what is called *-old");
        other.tags = Tags::default();
        assert_eq!(why(&web("names = ['*']"), &other), "is not selected: web does not name it");
    }

    #[test]
    fn all_means_all_but_those_that_are_not() {
        let policy = web("all = true, not-ids = ['i-12345678']");
        let mut one = candidate(&[]);
        assert_eq!(why(&policy, &one), "belongs to target web");
        one.id = "i-12345678".parse().unwrap();
        assert_eq!(why(&policy, &one), "is not selected: web leaves it out by its id");
    }

    #[test]
    fn a_selector_that_says_nothing_selects_nothing() {
        assert!(Selector::default().is_empty());
        assert_eq!(Selector::default().mismatch(&candidate(&[])), Some(Mismatch::NotNamed));
    }

    #[test]
    fn an_instance_that_opted_out_or_is_gone_is_never_selected() {
        let policy = web("ids = ['i-0123456789abcdef0']");
        assert_eq!(why(&policy, &candidate(&[(OPT_OUT, "")])), "is not selected: it bears the tag ami-backup:exclude");
        for state in [InstanceState::ShuttingDown, InstanceState::Terminated] {
            let gone = Candidate { state, ..candidate(&[]) };
            assert_eq!(why(&policy, &gone), format!("is not selected: it is {state}"));
        }
        for state in [InstanceState::Pending, InstanceState::Stopping, InstanceState::Stopped, InstanceState::Other] {
            assert!(select(&policy, SELF, &Candidate { state, ..candidate(&[]) }).target.is_some());
        }
    }

    #[test]
    fn the_first_target_gets_it_and_the_others_are_named() {
        let policy = policy(
            "[[target]]\nname = 'db'\nselect = { tags = ['Role=db'] }\n[[target]]\nname = 'web'\nselect = { tags = ['Backup'] }\n\
             [[target]]\nname = 'rest'\nselect = { all = true }",
        );
        let both = candidate(&[("Backup", "yes")]);
        let selection = select(&policy, SELF, &both);
        assert_eq!(selection.target.unwrap().name.as_str(), "web");
        assert_eq!(selection.also.iter().map(|target| target.name.as_str()).collect::<Vec<_>>(), ["rest"]);
        insta::assert_snapshot!(selection.why, @"belongs to target web, the first in the file that selects it; so would rest");
    }

    #[test]
    fn accounts_and_regions_keep_targets_apart() {
        let policy = policy(
            "[[target]]\nname = 'prod'\naccounts = ['prod']\nselect = { all = true }\n\
             [[target]]\nname = 'here'\nregions = ['eu-west-1']\nselect = { all = true }",
        );
        let one = candidate(&[]);
        assert_eq!(select(&policy, "prod", &one).target.unwrap().name.as_str(), "prod");
        assert_eq!(why(&policy, &one), "is not selected: prod is for other accounts; here is for other regions");
        let there = Candidate { region: "eu-west-1".parse().unwrap(), ..one };
        assert_eq!(select(&policy, SELF, &there).target.unwrap().name.as_str(), "here");
    }
}
