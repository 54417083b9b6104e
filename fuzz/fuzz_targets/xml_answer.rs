//! What an endpoint can answer: whatever `wellformed` lets through has one reading, the SDK's, which is that of any reader of XML.
#![no_main]

#[path = "../../crates/engine/src/wellformed.rs"]
mod wellformed;

use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};
use libfuzzer_sys::fuzz_target;
use roxmltree::{Error, Node};

fuzz_target!(|answer: &[u8]| {
    if let Err(why) = wellformed::check(answer) {
        assert!(why.to_string().len() < 10 * answer.len() + 200);
        return;
    }
    let Ok(text) = std::str::from_utf8(answer) else { panic!("not UTF-8") };
    let tree = match roxmltree::Document::parse(text) {
        Ok(tree) => tree,
        Err(error) if is_no_concern_of_the_sdk(&error) => return,
        Err(error) => panic!("accepted, and yet: {error}"),
    };
    let mut document = Document::new(text);
    let Ok(mut root) = document.root_element() else { panic!("the SDK finds no root") };
    assert!(root.start_el().local() == tree.root_element().tag_name().name());
    same(&mut root, tree.root_element());
});

/// Namespaces mean nothing to the SDK. References to characters that XML forbids it reads, and EC2 sends them in the values of tags.
fn is_no_concern_of_the_sdk(error: &Error) -> bool {
    matches!(
        error,
        Error::UnknownNamespace(..)
            | Error::DuplicatedNamespace(..)
            | Error::UnexpectedXmlUri(_)
            | Error::UnexpectedXmlnsUri(_)
            | Error::InvalidXmlPrefixUri(_)
            | Error::InvalidElementNamePrefix(_)
            | Error::MalformedEntityReference(_)
    )
}

/// Whether the SDK meets every element and every text of the tree, and nothing else.
fn same(decoder: &mut ScopedDecoder<'_, '_>, node: Node<'_, '_>) {
    let mut children = node.children().filter(Node::is_element).peekable();
    if children.peek().is_none() {
        let Ok(data) = try_data(decoder) else { panic!("the SDK reads no text in {node:?}") };
        let text: String = node.children().filter(Node::is_text).filter_map(|text| text.text()).collect();
        // A reader of XML turns both into a line feed. Mere white space around a comment is not read.
        let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
        assert!(lines(&data) == lines(&text) || text.trim().is_empty() && data.trim().is_empty(), "{data:?} is {text:?}");
        return;
    }
    for child in children {
        let Some(mut tag) = decoder.next_tag() else { panic!("the SDK passes over {child:?}") };
        assert_eq!(tag.start_el().local(), child.tag_name().name());
        same(&mut tag, child);
    }
    assert!(decoder.next_tag().is_none(), "the SDK reads more in {node:?}");
}
