//! Filters of the describe actions: names and values are case-sensitive, the values of one filter are
//! alternatives, several filters must all hold. In a value `*` stands for any text, `?` for one
//! character or none, and `\` takes the meaning from what follows.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::error::Error;
use crate::query::Params;
use crate::world::Tags;

/// More values than this in one request are refused.
const MOST_VALUES: usize = 200;

/// The filters an action knows: for each name, what a resource holds under it. A filter matches when
/// any of the resource's values matches any of the filter's.
pub(crate) type Known<T> = &'static [(&'static str, fn(&T) -> Vec<String>)];

/// A resource that can be filtered by its tags.
pub(crate) trait Tagged {
    fn tags(&self) -> &Tags;
}

#[derive(Debug)]
pub(crate) struct Filters<T: 'static> {
    filters: Vec<(Subject<T>, Vec<Pattern>)>,
}

/// What a filter looks at.
#[derive(Debug)]
pub(crate) enum Subject<T> {
    Field(&'static str, fn(&T) -> Vec<String>),
    Tag(String),
    TagKey,
    TagValue,
}

impl<T: Tagged> Filters<T> {
    /// Takes `Filter.N` from a request. `known` names what there is besides the tag filters.
    pub(crate) fn take(params: &mut Params, known: Known<T>) -> Result<Self, Error> {
        let mut filters = Vec::new();
        let mut count = 0;
        for mut filter in params.structures("Filter") {
            let name = filter.required("Name")?;
            let values = filter.list("Value");
            if values.is_empty() {
                return Err(Error::missing_parameter(filter.named("Value")));
            }
            filter.finish()?;
            count += values.len();
            let subject = subject(&name, known).ok_or_else(|| invalid(&name))?;
            filters.push((subject, values.iter().map(|v| Pattern::new(v)).collect()));
        }
        if count > MOST_VALUES {
            return Err(Error::new(
                "FilterLimitExceeded",
                format!("The maximum number of filter values specified on a single call is {MOST_VALUES}"),
            ));
        }
        Ok(Self { filters })
    }

    /// Refuses the tag filters, for an action that does not have them.
    pub(crate) fn without_tags(self) -> Result<Self, Error> {
        match self.filters.iter().find(|(subject, _)| !matches!(subject, Subject::Field(..))) {
            None => Ok(self),
            Some((subject, _)) => Err(invalid(&subject.name())),
        }
    }

    /// The only values, where those are given and not patterns of them, that what matches has under a name.
    pub(crate) fn texts(&self, name: &str) -> Option<BTreeSet<&str>> {
        let named = |subject: &Subject<T>| matches!(subject, Subject::Field(known, _) if *known == name);
        let (_, patterns) = self.filters.iter().find(|(subject, _)| named(subject))?;
        patterns.iter().map(Pattern::text).collect()
    }

    /// Those of the filters by a tag, or by a resource's name, that give values and not patterns of them.
    pub(crate) fn exact(&self) -> impl Iterator<Item = (&Subject<T>, BTreeSet<&str>)> {
        let by_name = |subject: &Subject<T>| matches!(subject, Subject::Tag(_) | Subject::Field("name", _));
        let exact = self.filters.iter().filter(move |(subject, _)| by_name(subject));
        exact.filter_map(|(subject, patterns)| Some((subject, patterns.iter().map(Pattern::text).collect::<Option<_>>()?)))
    }

    pub(crate) fn matches(&self, resource: &T) -> bool {
        let matches = |patterns: &[Pattern], value: &str| patterns.iter().any(|pattern| pattern.matches(value));
        self.filters.iter().all(|(subject, patterns)| subject.any(resource, |value| matches(patterns, value)))
    }
}

impl<T: Tagged> Subject<T> {
    /// What it is called in a request.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Field(name, _) => Cow::Borrowed(name),
            Self::Tag(key) => Cow::Owned(format!("tag:{key}")),
            Self::TagKey => Cow::Borrowed("tag-key"),
            Self::TagValue => Cow::Borrowed("tag-value"),
        }
    }

    /// Whether any of a resource's values is so.
    fn any(&self, resource: &T, mut is_so: impl FnMut(&str) -> bool) -> bool {
        match self {
            Self::Field(_, field) => field(resource).iter().any(|value| is_so(value)),
            Self::Tag(key) => resource.tags().get(key).is_some_and(|value| is_so(value)),
            Self::TagKey => resource.tags().keys().any(|key| is_so(key)),
            Self::TagValue => resource.tags().values().any(|value| is_so(value)),
        }
    }

    pub(crate) fn values(&self, resource: &T) -> Vec<String> {
        let mut values = Vec::new();
        self.any(resource, |value| {
            values.push(value.to_owned());
            false
        });
        values
    }
}

fn invalid(name: &str) -> Error {
    Error::invalid_parameter_value(format!("The filter '{name}' is invalid"))
}

fn subject<T>(name: &str, known: Known<T>) -> Option<Subject<T>> {
    if let Some(key) = name.strip_prefix("tag:") {
        return Some(Subject::Tag(key.to_owned()));
    }
    match name {
        "tag-key" => Some(Subject::TagKey),
        "tag-value" => Some(Subject::TagValue),
        _ => known.iter().find(|(known, _)| *known == name).map(|(name, field)| Subject::Field(name, *field)),
    }
}

/// One filter value.
#[derive(Debug)]
pub(crate) enum Pattern {
    /// Without anything in it that stands for something else.
    Text(String),
    Wild(Vec<Piece>),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Letter(char),
    AnyText,
    OneOrNone,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            pieces.push(match letter {
                '*' => Piece::AnyText,
                '?' => Piece::OneOrNone,
                '\\' => Piece::Letter(letters.next().unwrap_or('\\')),
                letter => Piece::Letter(letter),
            });
        }
        let text: Option<String> =
            pieces.iter().map(|piece| if let Piece::Letter(letter) = piece { Some(*letter) } else { None }).collect();
        text.map_or(Self::Wild(pieces), Self::Text)
    }

    /// What alone it matches, if that is one text.
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Wild(_) => None,
        }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let pieces = match self {
            Self::Text(own) => return own == text,
            Self::Wild(pieces) => pieces,
        };
        let letters: Vec<char> = text.chars().collect();
        // reached[n]: the pieces so far can stand for the first n letters. No backtracking, so that
        // no value can make a match slow.
        let mut reached = vec![false; letters.len() + 1];
        reached[0] = true;
        for piece in pieces {
            reached = match piece {
                Piece::AnyText => {
                    let first = reached.iter().position(|r| *r).unwrap_or(reached.len());
                    (0..reached.len()).map(|n| n >= first).collect()
                }
                Piece::OneOrNone => (0..reached.len()).map(|n| reached[n] || n > 0 && reached[n - 1]).collect(),
                Piece::Letter(letter) => (0..reached.len()).map(|n| n > 0 && reached[n - 1] && letters[n - 1] == *letter).collect(),
            };
        }
        reached[letters.len()]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).matches(text)
    }

    #[test]
    fn wildcards() {
        assert!(matches("nightly*", "nightly"));
        assert!(matches("*-2026-*", "web-2026-11"));
        assert!(matches("web-?", "web-1"));
        // `?` may stand for nothing.
        assert!(matches("web-?", "web-"));
        assert!(!matches("web-?", "web-10"));
        assert!(!matches("Web", "web"));
        assert!(!matches("web", "web-1"));
        assert!(matches("", ""));
        assert!(!matches("", "a"));
    }

    #[test]
    fn a_backslash_takes_the_meaning_away() {
        assert!(matches(r"\*", "*"));
        assert!(!matches(r"\*", "a"));
        assert!(matches(r"a\?b\\c", r"a?b\c"));
        assert!(matches(r"at the end \", r"at the end \"));
    }

    #[test]
    fn no_pattern_is_slow() {
        assert!(!matches(&"a*".repeat(100), &"b".repeat(200)));
        assert!(!matches(&"*a?".repeat(100), &"a".repeat(99)));
    }

    /// The same by trying everything: what the fast way is held to.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|n| slowly(rest, &text[n..])),
            ['?', rest @ ..] => slowly(rest, text) || !text.is_empty() && slowly(rest, &text[1..]),
            ['\\', letter, rest @ ..] | [letter, rest @ ..] => text.first() == Some(letter) && slowly(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_trying_everything(pattern in r"[ab*?\\]{0,8}", text in r"[ab*?\\]{0,8}") {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text), slowly(&letters(&pattern), &letters(&text)));
        }

        #[test]
        fn escaped_text_matches_itself_and_nothing_else(text in any::<String>(), other in any::<String>()) {
            let escaped: String = text.chars().flat_map(|letter| ['\\', letter]).collect();
            prop_assert!(matches(&escaped, &text));
            prop_assert_eq!(matches(&escaped, &other), text == other);
        }
    }
}
