//! Patterns, in which `*` stands for any text.

use std::fmt;
use std::str::FromStr;

use crate::plain::one_line;
use crate::tags::Tags;

/// EC2's limits on a tag, in characters.
const KEY_LIMIT: usize = 127;
const VALUE_LIMIT: usize = 256;

/// A text in which each `*` stands for any text, the empty one included. Everything else means itself, case included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(String);

/// A tag that is looked for: `Key` with any value, or `Key=value`, the value a [`Pattern`]. The key is taken literally and
/// ends at the first `=`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagPattern {
    /// The tag's key.
    pub key: String,
    /// Its value; any, if absent.
    pub value: Option<Pattern>,
}

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// Nothing before the `=`.
    #[error("`{}` has no key before the `=`; write `Key=value`, or `Key` for any value", one_line(.0))]
    NoKey(String),
    /// Longer than any tag.
    #[error("`{}` is longer than a tag of EC2 can be (key 127, value 256 characters)", one_line(.0))]
    TooLong(String),
    /// No text that could be typed.
    #[error("`{}` holds a control character", one_line(.0))]
    Control(String),
}

impl Pattern {
    /// Whether the whole of `text` is one that this stands for.
    pub fn matches(&self, text: &str) -> bool {
        let Some((head, rest)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut text) = text.strip_prefix(head) else { return false };
        let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
        // The first place for each part leaves the most for those that follow.
        for part in middle.split('*') {
            let Some(found) = text.find(part) else { return false };
            text = &text[found + part.len()..];
        }
        text.ends_with(tail)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TagPattern {
    /// Whether one of the tags is the one looked for.
    pub fn is_on(&self, tags: &Tags) -> bool {
        tags.get(&self.key).is_some_and(|found| self.value.as_ref().is_none_or(|value| value.matches(found)))
    }
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        if text.is_empty() {
            return Err(InvalidPattern::Empty);
        }
        value(text, text)
    }
}

impl FromStr for TagPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let (key, pattern) = text.split_once('=').map_or((text, None), |(key, value)| (key, Some(value)));
        if key.is_empty() {
            return Err(if text.is_empty() { InvalidPattern::Empty } else { InvalidPattern::NoKey(text.to_owned()) });
        }
        if key.chars().any(char::is_control) {
            return Err(InvalidPattern::Control(text.to_owned()));
        }
        if key.chars().count() > KEY_LIMIT {
            return Err(InvalidPattern::TooLong(text.to_owned()));
        }
        // `Key=` looks for the empty value.
        Ok(Self { key: key.to_owned(), value: pattern.map(|pattern| value(pattern, text)).transpose()? })
    }
}

fn value(pattern: &str, whole: &str) -> Result<Pattern, InvalidPattern> {
    if pattern.chars().any(char::is_control) {
        return Err(InvalidPattern::Control(whole.to_owned()));
    }
    if pattern.chars().count() > VALUE_LIMIT {
        return Err(InvalidPattern::TooLong(whole.to_owned()));
    }
    Ok(Pattern(pattern.to_owned()))
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// `Key` or `Key=value`.
impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            None => f.write_str(&self.key),
            Some(value) => write!(f, "{}={value}", self.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        pattern.parse::<Pattern>().unwrap().matches(text)
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text) in [
            ("web", "web"),
            ("*", ""),
            ("*", "anything"),
            ("web-*", "web-"),
            ("web-*", "web-1"),
            ("*-web", "my-web"),
            ("a*b*c", "abc"),
            ("a*b*c", "aXbYbZc"),
            ("**", "x"),
            ("*é*", "café au lait"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("web", "Web"), ("web", "web-1"), ("web-*", "my-web-1"), ("a*a", "a"), ("a*b*c", "acb"), ("*ab*ab", "ab"), ("w?b", "web")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_tag_is_looked_for_by_its_literal_key() {
        let tags = Tags::new([("Env", "prod-eu"), ("Backup", "")].map(|(key, value)| (key.to_owned(), value.to_owned())));
        let is_on = |text: &str| text.parse::<TagPattern>().unwrap().is_on(&tags);
        for right in ["Env", "Env=prod*", "Env=*", "Backup", "Backup="] {
            assert!(is_on(right), "{right}");
        }
        for wrong in ["env", "En*", "Env=prod", "Env=", "Backup=?*", "Other", "*"] {
            assert!(!is_on(wrong), "{wrong}");
        }
    }

    #[test]
    fn what_no_tag_can_be_is_no_pattern() {
        assert_eq!("".parse::<Pattern>(), Err(InvalidPattern::Empty));
        assert_eq!("".parse::<TagPattern>(), Err(InvalidPattern::Empty));
        assert!(matches!("=x".parse::<TagPattern>(), Err(InvalidPattern::NoKey(_))));
        for control in ["a\u{1b}[31m", "a=\n"] {
            assert!(matches!(control.parse::<TagPattern>(), Err(InvalidPattern::Control(_))), "{control:?}");
        }
        for long in ["k".repeat(128), format!("k={}", "v".repeat(257))] {
            assert!(matches!(long.parse::<TagPattern>(), Err(InvalidPattern::TooLong(_))));
        }
        let longest = format!("{}={}", "k".repeat(127), "v".repeat(256));
        assert!(longest.parse::<TagPattern>().is_ok());
    }

    /// The same by the definition, in as many steps as it takes.
    fn by_definition(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|taken| by_definition(rest, &text[taken..])),
            Some((c, rest)) => text.split_first().is_some_and(|(first, others)| first == c && by_definition(rest, others)),
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_its_definition(pattern in "[ab*]{1,8}", text in "[ab]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text), by_definition(&chars(&pattern), &chars(&text)));
        }
    }
}
