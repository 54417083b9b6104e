//! What anybody can write into the tags of an image: no text is taken for what it is not, and none is shown as it came.
#![no_main]

use std::collections::BTreeMap;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use planner::expiry::Expiry;
use planner::plain::{one_line, whole_line};
use planner::tags::{ExpireTag, Mark, Tags};

/// When EC2 was opened: no backup expires before.
const EC2_OPENED: i64 = 1_156_464_000;

fuzz_target!(|text: &str| {
    shown(text);
    expiry(text);
    tags(text);
});

/// One line of bounded length, in which nothing steers a terminal.
fn shown(text: &str) {
    let (line, whole) = (one_line(text), whole_line(text));
    for shown in [&line, &whole] {
        assert!(!shown.chars().any(|c| c.is_control() || (c.is_whitespace() && c != ' ')), "{shown:?}");
        assert!(
            !shown.contains(['\u{200b}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2069}', '\u{feff}'])
        );
        assert_eq!(whole_line(shown), **shown, "once is enough");
    }
    assert!(line.len() < 4100, "{} bytes", line.len());
    assert!(whole == line || line.strip_suffix('…').is_some_and(|kept| whole.starts_with(kept)));
    if text.len() <= 1000 && text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        assert_eq!(line, text, "what can be read stays");
    }
}

/// An `Expire` tag is an instant that is written and read back as the same, or says why it is none.
fn expiry(text: &str) {
    match Expiry::from_tag(text) {
        Ok(expiry) => {
            assert_eq!(Expiry::from_tag(&expiry.to_string()), Ok(expiry), "{text:?}");
            assert!(expiry.instant().as_second() >= EC2_OPENED && expiry.instant().subsec_nanosecond() == 0);
            assert_eq!(Expiry::from_tag(&text.to_ascii_uppercase()), Ok(expiry), "{text:?}");
            if text.len() < 250 {
                assert_eq!(Expiry::from_tag(&format!("  {text} ")), Ok(expiry), "{text:?}");
            }
            // A reader of RFC 3339 that is not ours.
            if let Ok(instant) = text.parse::<Timestamp>() {
                assert_eq!(Expiry::at(instant), expiry, "{text:?}");
            }
        }
        Err(why) => is_one_line(&why.to_string()),
    }
}

/// Each line is a tag: `key=value`.
fn tags(text: &str) {
    let written: BTreeMap<String, String> =
        text.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let tags = Tags::new(written.clone());
    assert!(tags.iter().eq(written.iter().map(|(key, value)| (&key[..], &value[..]))));

    assert_eq!(tags.mark() == Mark::Ours, tags.get("Creator") == Some("image-instance"));
    assert_eq!(tags.has_expire(), written.contains_key("Expire"));
    match (tags.get("Expire").map(Expiry::from_tag), tags.expire()) {
        (None, ExpireTag::Absent) => {}
        (Some(Ok(read)), ExpireTag::At(expiry)) => assert_eq!(read, expiry),
        (Some(Err(_)), ExpireTag::Unreadable { text, .. }) => assert_eq!(Some(&text[..]), tags.get("Expire")),
        (read, expire) => panic!("{read:?} and {expire:?}"),
    }
    if let Some(instance) = tags.instance() {
        assert_eq!(tags.get("Instance"), Some(instance.as_str()));
    }

    let copied = tags.for_copy();
    assert_eq!(copied.intents().count() + copied.destinations().count(), 0);
    assert!(copied.iter().all(|(key, value)| !key.starts_with("aws:") && tags.get(key) == Some(value)));
    assert_eq!(copied.for_copy(), copied);

    for intent in tags.intents() {
        match intent {
            Ok(intent) => {
                let again = copied.clone().with_intents([&intent]);
                assert_eq!(again.intents().collect::<Vec<_>>(), [Ok(intent.clone())], "read as it was written");
                assert_eq!(again.for_copy(), copied);
                assert!(tags.destinations().any(|destination| destination == intent.destination));
            }
            Err(unreadable) => is_one_line(&unreadable.to_string()),
        }
    }
}

fn is_one_line(message: &str) {
    assert!(!message.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) && message.len() < 10_000, "{message:?}");
}
