//! Whether an answer is XML that has only one reading.
//!
//! The SDK's own reader passes over what it cannot read: at a tag that is not closed, a character that XML forbids or a broken
//! reference it takes the list for ended, of two elements of one name it takes the last, and CDATA is nothing to it
//! (`aws-smithy-xml` 0.64, `decode.rs`). A listing cut short like that would look whole, and what is missing in it would look gone. So
//! the whole answer is looked through first, with the tokenizer that the SDK reads it with.

use std::collections::HashSet;
use std::fmt;

use xmlparser::{ElementEnd, Token, Tokenizer};

/// EC2 nests a dozen deep.
const DEEPEST: usize = 64;
/// The longest list: pages hold a thousand at most, and some endpoints list everything at once.
const LONGEST_LIST: usize = 10_000;
/// The most elements of lists in one answer: a thousand images with 50 tags and 28 devices each are 80,000.
const MOST_LISTED: usize = 500_000;
/// The most different elements in one: EC2's instances have 70.
const MOST_FIELDS: usize = 256;
/// The most attributes of an element: EC2 has one, the namespace.
const MOST_ATTRIBUTES: usize = 16;

/// Why an answer has no certain reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Malformed {
    NotUtf8,
    Encoding(String),
    Syntax(String),
    Empty,
    Unclosed(String),
    Mismatched(String),
    Deep,
    Declaration,
    Instruction,
    CData,
    CommentInText,
    Mixed(String),
    Twice(String),
    AttributeTwice(String),
    LongList,
    ManyFields,
    ManyAttributes,
    Reference(String),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => write!(f, "it is not in UTF-8"),
            Self::Encoding(encoding) => write!(f, "it says it is in {encoding}, not in UTF-8"),
            Self::Syntax(why) => write!(f, "{why}"),
            Self::Empty => write!(f, "it holds no element"),
            Self::Unclosed(name) => write!(f, "it ends within <{name}>"),
            Self::Mismatched(name) => write!(f, "</{name}> closes another element"),
            Self::Deep => write!(f, "its elements are nested more than {DEEPEST} deep"),
            Self::Declaration => write!(f, "it declares a document type"),
            Self::Instruction => write!(f, "it holds a processing instruction"),
            Self::CData => write!(f, "it holds a CDATA section"),
            Self::CommentInText => write!(f, "it holds a comment within a text"),
            Self::Mixed(name) => write!(f, "<{name}> holds text beside elements"),
            Self::Twice(name) => write!(f, "it has <{name}> twice in one element"),
            Self::AttributeTwice(name) => write!(f, "an element has the attribute {name} twice"),
            Self::LongList => write!(f, "it lists more than EC2 puts on a page"),
            Self::ManyFields => write!(f, "an element holds more than {MOST_FIELDS} different ones"),
            Self::ManyAttributes => write!(f, "an element has more than {MOST_ATTRIBUTES} attributes"),
            Self::Reference(reference) => write!(f, "&{reference}; stands for no character"),
        }
    }
}

/// An element that is not closed yet.
#[derive(Default)]
struct Open<'a> {
    prefix: &'a str,
    name: &'a str,
    fields: HashSet<&'a str>,
    listed: usize,
    attributes: HashSet<(&'a str, &'a str)>,
    text: bool,
    comment: bool,
}

/// The name of the outermost element.
pub(crate) fn root(answer: &[u8]) -> Option<&str> {
    let mut tokens = Tokenizer::from(str::from_utf8(answer).ok()?);
    tokens.find_map(|token| match token {
        Ok(Token::ElementStart { local, .. }) => Some(local.as_str()),
        _ => None,
    })
}

/// # Errors
/// [`Malformed`] unless the answer is one element of EC2's kind, whole, with nothing in it that the SDK would pass over.
pub(crate) fn check(answer: &[u8]) -> Result<(), Malformed> {
    let text = str::from_utf8(answer).map_err(|_| Malformed::NotUtf8)?;
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut listed = 0;
    let mut any = false;
    for token in Tokenizer::from(text) {
        let inner = open.last_mut();
        match token.map_err(|error| Malformed::Syntax(error.to_string()))? {
            Token::Declaration { encoding: Some(encoding), .. } if !encoding.as_str().eq_ignore_ascii_case("utf-8") => {
                return Err(Malformed::Encoding(encoding.as_str().to_owned()));
            }
            Token::Declaration { .. } => {}
            Token::DtdStart { .. } | Token::EmptyDtd { .. } | Token::EntityDeclaration { .. } | Token::DtdEnd { .. } => {
                return Err(Malformed::Declaration);
            }
            Token::ProcessingInstruction { .. } => return Err(Malformed::Instruction),
            Token::Cdata { .. } => return Err(Malformed::CData),
            Token::Comment { .. } => {
                if let Some(inner) = inner {
                    if inner.text {
                        return Err(Malformed::CommentInText);
                    }
                    inner.comment = true;
                }
            }
            Token::ElementStart { prefix, local, span } => {
                let (prefix, name) = (prefix.as_str(), local.as_str());
                // To the tokenizer `<:item>` is `<item>`.
                if span.as_str().starts_with("<:") {
                    return Err(Malformed::Mismatched(name.to_owned()));
                }
                if let Some(inner) = inner {
                    listed += inner.holds(name)?;
                }
                if open.len() >= DEEPEST {
                    return Err(Malformed::Deep);
                }
                if listed > MOST_LISTED {
                    return Err(Malformed::LongList);
                }
                any = true;
                open.push(Open { prefix, name, ..Open::default() });
            }
            Token::Attribute { prefix, local, value, .. } => {
                references(value.as_str())?;
                if let Some(inner) = inner {
                    if !inner.attributes.insert((prefix.as_str(), local.as_str())) {
                        return Err(Malformed::AttributeTwice(local.as_str().to_owned()));
                    }
                    if inner.attributes.len() > MOST_ATTRIBUTES {
                        return Err(Malformed::ManyAttributes);
                    }
                }
            }
            Token::Text { text } if text.as_str().trim().is_empty() => {}
            Token::Text { text } => {
                references(text.as_str())?;
                if let Some(inner) = inner {
                    if inner.comment {
                        return Err(Malformed::CommentInText);
                    }
                    inner.text = true;
                    if inner.listed > 0 || !inner.fields.is_empty() {
                        return Err(Malformed::Mixed(inner.name.to_owned()));
                    }
                }
            }
            Token::ElementEnd { end: ElementEnd::Open, .. } => {}
            Token::ElementEnd { end: ElementEnd::Empty, .. } => drop(open.pop()),
            Token::ElementEnd { end: ElementEnd::Close(prefix, local), span } => {
                if span.as_str().starts_with("</:")
                    || open.pop().is_none_or(|open| (open.prefix, open.name) != (prefix.as_str(), local.as_str()))
                {
                    return Err(Malformed::Mismatched(local.as_str().to_owned()));
                }
            }
        }
    }
    match open.last() {
        Some(open) => Err(Malformed::Unclosed(open.name.to_owned())),
        None if any => Ok(()),
        None => Err(Malformed::Empty),
    }
}

impl<'a> Open<'a> {
    /// Takes an element in, and says how many list elements that makes.
    fn holds(&mut self, name: &'a str) -> Result<usize, Malformed> {
        if self.text {
            return Err(Malformed::Mixed(self.name.to_owned()));
        }
        // What lists are made of, in EC2's protocol and in that of its neighbours.
        if matches!(name, "item" | "member") {
            self.listed += 1;
            return if self.listed > LONGEST_LIST { Err(Malformed::LongList) } else { Ok(1) };
        }
        if !self.fields.insert(name) {
            return Err(Malformed::Twice(name.to_owned()));
        }
        if self.fields.len() > MOST_FIELDS { Err(Malformed::ManyFields) } else { Ok(0) }
    }
}

/// Whether each reference is one the SDK can read. Of a text it would say so, but of an attribute it would take the list for ended.
fn references(text: &str) -> Result<(), Malformed> {
    for section in text.split('&').skip(1) {
        let reference = section.split_once(';').map_or(section, |(reference, _)| reference);
        let is_closed = reference.len() < section.len();
        let number = reference.strip_prefix("#x").map(|digits| (digits, 16)).or_else(|| Some((reference.strip_prefix('#')?, 10)));
        let stands_for = match number {
            // To the standard library `+65` is a number.
            Some((digits, _)) if digits.starts_with('+') => false,
            Some((digits, radix)) => u32::from_str_radix(digits, radix).ok().and_then(char::from_u32).is_some(),
            None => matches!(reference, "lt" | "gt" | "amp" | "quot" | "apos"),
        };
        if !(is_closed && stands_for) {
            return Err(Malformed::Reference(reference.chars().take(20).collect()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn why(answer: &str) -> String {
        check(answer.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_ec2_and_others_send_passes() {
        for answer in [
            "<R/>",
            "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<R xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\n  <set/>\n</R>\n",
            "<R><set><item><id>a</id></item><item><id>b</id></item></set><nextToken>t</nextToken></R>",
            "<R><set><item><tagSet><item><key>a&amp;b</key><value>&#x1b; &#128640;</value></item></tagSet></item></set></R>",
            "<!-- a comment --><R><!-- another --><a> </a></R><!-- the last -->",
            "<R><set><member>a</member><member>b</member></set></R>",
        ] {
            assert_eq!(check(answer.as_bytes()), Ok(()), "{answer}");
        }
    }

    #[test]
    fn whatever_the_sdk_would_pass_over_is_refused() {
        assert_eq!(why(""), "it holds no element");
        assert_eq!(why(" \n"), "it holds no element");
        assert_eq!(why("<R><set><item>"), "it ends within <item>");
        assert_eq!(why("<R><set><item/></set>"), "it ends within <R>");
        assert_eq!(why("<R><a></b></R>"), "</b> closes another element");
        assert_eq!(why("<R><x:a></a></R>"), "</a> closes another element");
        assert_eq!(why("<R><:a></a></R>"), "</a> closes another element");
        assert_eq!(why("<R><a></:a></R>"), "</a> closes another element");
        assert_eq!(why("<R><a/><a/></R>"), "it has <a> twice in one element");
        assert_eq!(why("<R a='1' a='2'/>"), "an element has the attribute a twice");
        assert_eq!(why("<R><a>x<b/></a></R>"), "<a> holds text beside elements");
        assert_eq!(why("<R><a><b/>x</a></R>"), "<a> holds text beside elements");
        assert_eq!(why("<R><a>snap-<!-- -->12</a></R>"), "it holds a comment within a text");
        assert_eq!(why("<R><a><!-- -->snap-12</a></R>"), "it holds a comment within a text");
        assert_eq!(why("<R><a><![CDATA[x]]></a></R>"), "it holds a CDATA section");
        assert_eq!(why("<R><?php x?></R>"), "it holds a processing instruction");
        assert_eq!(why("<!DOCTYPE html><html/>"), "it declares a document type");
        assert_eq!(why("<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><R>&b;</R>"), "it declares a document type");
        assert_eq!(why("<R>&b;</R>"), "&b; stands for no character");
        assert_eq!(why("<R a=\"&b;\"/>"), "&b; stands for no character");
        assert_eq!(why("<R>&#xd800;</R>"), "&#xd800; stands for no character");
        assert_eq!(why("<R>&#+65;</R>"), "&#+65; stands for no character");
        assert_eq!(why("<R>&amp</R>"), "&amp; stands for no character");
        assert_eq!(why("<?xml version=\"1.0\" encoding=\"UTF-16\"?><R/>"), "it says it is in UTF-16, not in UTF-8");
        assert_eq!(check(b"<R>\xff</R>"), Err(Malformed::NotUtf8));
        for broken in ["<R>\0</R>", "<R><set></set", "<R/><R/>", "<R/>x", "{}", "oops", "<R a=b/>", "<R><a b></R>"] {
            assert!(matches!(check(broken.as_bytes()), Err(Malformed::Syntax(_))), "{broken:?}: {:?}", check(broken.as_bytes()));
        }
    }

    #[test]
    fn more_than_ec2_sends_is_refused() {
        let nested = |depth| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert_eq!(check(nested(DEEPEST).as_bytes()), Ok(()));
        assert_eq!(why(&nested(DEEPEST + 1)), "its elements are nested more than 64 deep");
        // No stack is used up, whatever the depth.
        assert_eq!(why(&"<a>".repeat(5_000_000)), "its elements are nested more than 64 deep");
        let list = |length| format!("<R>{}</R>", "<item/>".repeat(length));
        assert_eq!(check(list(LONGEST_LIST).as_bytes()), Ok(()));
        assert_eq!(why(&list(LONGEST_LIST + 1)), "it lists more than EC2 puts on a page");
        let lists = format!("<R>{}</R>", format!("<item>{}</item>", "<item/>".repeat(99)).repeat(MOST_LISTED / 100 + 1));
        assert_eq!(why(&lists), "it lists more than EC2 puts on a page");
        let fields = (0..=MOST_FIELDS).map(|field| format!("<a{field}/>")).collect::<Vec<_>>().concat();
        assert_eq!(why(&format!("<R>{fields}</R>")), "an element holds more than 256 different ones");
        let attributes = (0..=MOST_ATTRIBUTES).map(|attribute| format!(" a{attribute}=''")).collect::<Vec<_>>().concat();
        assert_eq!(why(&format!("<R{attributes}/>")), "an element has more than 16 attributes");
    }
}
