//! What the parts of a file make together: templates, accounts, regions.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeTable;

use super::problems::{Found, Lines};
use super::reader::{Account, File, Reference, Template};
use super::{LARGEST, Policy, PolicyErrors, SELF, Target, Warning, nearest, reader};
use crate::id::{Region, SeriesName};
use crate::plain::one_line;
use crate::policy::settings::{Fault, Layer, Source};

/// So many templates may build on each other.
const DEEPEST: usize = 16;

pub(super) fn read(text: &str, file: &str) -> Result<(Policy, Vec<Warning>), PolicyErrors> {
    if text.len() > LARGEST {
        let lines = Lines::new("", file);
        let why = format!("a policy file has at most {LARGEST} bytes, and this one has {}", text.len());
        return Err(lines.errors(vec![Found { at: 0, text: why }]));
    }
    let lines = Lines::new(text, file);
    let (document, syntax) = DeTable::parse_recoverable(text);
    let mut found: Vec<Found> = syntax.iter().map(|error| explained(error, text, &lines)).collect();
    // A key that is there twice leaves the rest readable. After anything else, what was read may not be what was meant.
    if syntax.iter().any(|error| !is_duplicate(error)) {
        return Err(lines.errors(found));
    }
    let parts = reader::read(document.get_ref(), &mut found);
    // Nothing about a missing target where `[target]` or the like is wrong already.
    if parts.targets.is_empty() && found.is_empty() {
        found.push(Found {
            at: 0,
            text: "there is no [[target]], and an empty policy purges nothing; say what is to be backed up".to_owned(),
        });
    }
    let mut resolver = Resolver { lines: &lines, found, warnings: Vec::new() };
    let policy = resolver.policy(parts);
    if resolver.found.is_empty() { Ok((policy, lines.warnings(resolver.warnings))) } else { Err(lines.errors(resolver.found)) }
}

fn is_duplicate(error: &toml::de::Error) -> bool {
    error.message() == "duplicate key"
}

/// A syntax error, in a sentence.
fn explained(error: &toml::de::Error, text: &str, lines: &Lines<'_>) -> Found {
    let span = error.span().unwrap_or(0..0);
    let at = span.start;
    if !is_duplicate(error) {
        return Found { at, text: format!("this is not TOML: {}", one_line(error.message())) };
    }
    let key = one_line(text.get(span).unwrap_or_default());
    let line = lines.place(at).line;
    if lines.line(line).trim_start().starts_with('[') {
        return Found { at, text: format!("{} is there a second time; put the two together", one_line(lines.line(line).trim())) };
    }
    // The lines before, up to the header that the key stands under.
    let mut header = "the top of the file";
    let mut first = String::new();
    for before in (1..line).rev() {
        let content = lines.line(before).trim();
        if content.starts_with('[') {
            header = content;
            break;
        }
        if content.split_once('=').is_some_and(|(other, _)| other.trim() == key) {
            first = format!(" (first in line {before})");
        }
    }
    Found { at, text: format!("`{key}` is there twice under {}{first}; leave one of the two out", one_line(header)) }
}

fn too_deep() -> String {
    format!("more than {DEEPEST} templates build on one another")
}

struct Resolver<'l, 't> {
    lines: &'l Lines<'t>,
    found: Vec<Found>,
    warnings: Vec<Found>,
}

impl Resolver<'_, '_> {
    fn policy(&mut self, file: File) -> Policy {
        let File { max_deletes, regions, accounts, defaults, templates, targets } = file;
        self.same_account_twice(&accounts);
        let known: Vec<&str> = templates.iter().map(|template| template.name.as_str()).collect();
        let resolved = self.templates(&templates);
        let mut names: BTreeMap<SeriesName, usize> = BTreeMap::new();
        let mut policy = Policy { targets: Vec::new(), accounts: BTreeMap::new(), max_deletes };
        let mut used_templates: BTreeSet<&str> = templates.iter().flat_map(|t| &t.uses).map(|reference| reference.name.as_str()).collect();
        let mut used_accounts = BTreeSet::new();
        let mut faulty = BTreeSet::new();
        for target in &targets {
            let reader::Target { at, name, uses, accounts: wanted, regions: own, select, layer } = target;
            if let Some(name) = name {
                if let Some(first) = names.get(&name.value) {
                    let first = self.lines.place(*first).line;
                    self.say(name.at, format!("two targets are called `{}` (the first in line {first}); a series has one", name.value));
                } else {
                    names.insert(name.value.clone(), name.at);
                }
            }
            let mut below = defaults.clone();
            for reference in uses {
                used_templates.insert(&reference.name);
                match resolved.get(reference.name.as_str()) {
                    Some(template) => below = template.clone().over(&below),
                    None => {
                        below.broken = true;
                        self.unknown(reference, "template", &known);
                    }
                }
            }
            let layer = layer.clone().over(&below);
            let is_self = || vec![Reference { at: *at, name: SELF.to_owned() }];
            let own_accounts = is_self();
            let wanted = wanted.as_ref().unwrap_or(&own_accounts);
            for reference in wanted.iter().filter(|reference| reference.name != SELF) {
                used_accounts.insert(reference.name.clone());
                if !accounts.iter().any(|account| account.name == reference.name) {
                    let known: Vec<&str> = accounts.iter().map(|account| account.name.as_str()).chain([SELF]).collect();
                    self.unknown(reference, "account", &known);
                }
            }
            let regions = own.as_ref().or(regions.as_ref());
            let called = name.as_ref().map_or_else(|| "this target".to_owned(), |name| format!("target `{}`", name.value));
            self.copies_into_itself(&called, *at, &layer, regions);
            // What could not be read is said already, and what it leaves missing is not missing.
            if layer.broken {
                continue;
            }
            match layer.effective() {
                Ok(settings) => {
                    let (Some(name), Some(select)) = (name, select) else { continue };
                    let accounts = wanted.iter().map(|reference| reference.name.clone()).collect();
                    let (name, select, regions) = (name.value.clone(), select.clone(), regions.cloned());
                    policy.targets.push(Target { name, settings, select, accounts, regions, layer });
                }
                Err(faults) => {
                    for Fault { at: there, why } in faults {
                        // What a template says is wrong for each target that uses it, and is said of the first.
                        if there.is_none_or(|there| faulty.insert((there, why.clone()))) {
                            self.say(there.unwrap_or(*at), format!("{called} {why}"));
                        }
                    }
                }
            }
        }
        for template in templates.iter().filter(|template| !used_templates.contains(template.name.as_str())) {
            self.warn(template.at, format!("no target uses the template `{}`", template.name));
        }
        for account in accounts {
            if !used_accounts.contains(&account.name) {
                self.warn(account.at, format!("no target is for the account `{}`", account.name));
            }
            policy.accounts.extend(account.reference.map(|reference| (account.name, reference)));
        }
        policy
    }

    fn say(&mut self, at: usize, text: String) {
        self.found.push(Found { at, text });
    }

    fn warn(&mut self, at: usize, text: String) {
        self.warnings.push(Found { at, text });
    }

    fn unknown(&mut self, reference: &Reference, kind: &str, known: &[&str]) {
        let meant = nearest(&reference.name, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        self.say(reference.at, format!("there is no {kind} `{}`{meant}", one_line(&reference.name)));
    }

    /// Two names for one account would back its instances up twice.
    fn same_account_twice(&mut self, accounts: &[Account]) {
        let mut seen = BTreeMap::new();
        for account in accounts {
            let Some(reference) = &account.reference else { continue };
            if let Some(first) = seen.insert(reference.role.account().clone(), &account.name) {
                let id = reference.role.account();
                self.say(account.at, format!("`{first}` and `{}` are both the account {id}; leave one of the two out", account.name));
            }
        }
    }

    /// Where a target is in one region only, a copy to it is a mistake. Elsewhere such a copy is left out for the instances there.
    fn copies_into_itself(&mut self, called: &str, at: usize, layer: &Layer, regions: Option<&BTreeSet<Region>>) {
        let Some(region) = regions.filter(|regions| regions.len() == 1).and_then(BTreeSet::first) else { return };
        let Some(copy) = layer.copy.as_ref().filter(|copies| copies.value.iter().any(|copy| copy.region == *region)) else { return };
        // A template may be right for others.
        let at = if copy.from == Source::Target { copy.at } else { at };
        self.say(at, format!("{called} is in {region} only, and is copied to {region} as well; a copy goes to another region"));
    }

    /// Each template with those that it uses.
    fn templates<'t>(&mut self, templates: &'t [Template]) -> BTreeMap<&'t str, Layer> {
        let by_name: BTreeMap<&str, &Template> = templates.iter().map(|template| (template.name.as_str(), template)).collect();
        let mut resolved = BTreeMap::new();
        for template in templates {
            self.template(template, &by_name, &mut Vec::new(), &mut resolved);
        }
        resolved.into_iter().map(|(name, (layer, _))| (name, layer)).collect()
    }

    fn template<'t>(
        &mut self,
        template: &'t Template,
        by_name: &BTreeMap<&'t str, &'t Template>,
        path: &mut Vec<&'t str>,
        resolved: &mut BTreeMap<&'t str, (Layer, usize)>,
    ) {
        if resolved.contains_key(template.name.as_str()) {
            return;
        }
        path.push(&template.name);
        let mut below = Layer::default();
        let mut height = 1;
        for reference in &template.uses {
            let Some(used) = by_name.get(reference.name.as_str()) else {
                let known: Vec<&str> = by_name.keys().copied().collect();
                self.unknown(reference, "template", &known);
                below.broken = true;
                continue;
            };
            if let Some(start) = path.iter().position(|name| *name == used.name) {
                let circle: Vec<&str> = path[start..].iter().copied().chain([used.name.as_str()]).collect();
                self.say(reference.at, format!("templates use each other in a circle: {}", circle.join(" → ")));
                below.broken = true;
            } else if path.len() >= DEEPEST {
                self.say(reference.at, too_deep());
                below.broken = true;
            } else {
                self.template(used, by_name, path, resolved);
                if let Some((layer, theirs)) = resolved.get(used.name.as_str()) {
                    below = layer.clone().over(&below);
                    height = height.max(theirs + 1);
                }
                if height > DEEPEST {
                    self.say(reference.at, too_deep());
                    below.broken = true;
                }
            }
        }
        path.pop();
        resolved.insert(&template.name, (template.layer.clone().over(&below), height.min(DEEPEST)));
    }
}
