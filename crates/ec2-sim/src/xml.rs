//! A writer for the XML that EC2 answers with: elements and text, indented, no attributes but the
//! root's namespace.

use std::fmt::{self, Display, Write};

use fastrand::Rng;

/// Elements under construction.
#[derive(Debug, Clone)]
pub(crate) struct Xml {
    text: String,
    depth: usize,
    /// Shuffles lists, where lists are to be shuffled.
    shuffle: Option<Rng>,
}

impl Xml {
    /// A whole document; `namespace`, where there is one, becomes the root's `xmlns`.
    pub(crate) fn document(root: &str, namespace: Option<&str>, content: impl FnOnce(&mut Xml)) -> String {
        let mut xml = Xml { text: String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"), depth: 0, shuffle: None };
        let start = match namespace {
            Some(namespace) => format!("{root} xmlns=\"{namespace}\""),
            None => root.to_owned(),
        };
        xml.nest(&start, root, content);
        xml.text
    }

    /// Elements to be put under a document's root.
    pub(crate) fn for_root() -> Self {
        Xml { text: String::new(), depth: 1, shuffle: None }
    }

    /// The same, but every list comes in an order that the seed decides.
    pub(crate) fn shuffled(self, seed: u64) -> Self {
        Self { shuffle: Some(Rng::with_seed(seed)), ..self }
    }

    pub(crate) fn append(&mut self, other: &Xml) -> &mut Self {
        self.text.push_str(&other.text);
        self
    }

    /// `<name>text</name>`
    pub(crate) fn leaf(&mut self, name: &str, text: impl Display) -> &mut Self {
        self.indent();
        let _ = write!(self.text, "<{name}>");
        let _ = write!(Escaped(&mut self.text), "{text}");
        let _ = writeln!(self.text, "</{name}>");
        self
    }

    /// As [`Xml::leaf`], for what is not always there.
    pub(crate) fn leaf_if_some(&mut self, name: &str, text: Option<impl Display>) -> &mut Self {
        match text {
            Some(text) => self.leaf(name, text),
            None => self,
        }
    }

    /// `<name>…</name>`, or `<name/>` where nothing is inside.
    pub(crate) fn element(&mut self, name: &str, content: impl FnOnce(&mut Xml)) -> &mut Self {
        self.nest(name, name, content);
        self
    }

    /// `<name><item>…</item><item>…</item></name>`: how EC2 writes every list.
    pub(crate) fn items<T>(&mut self, name: &str, items: impl IntoIterator<Item = T>, each: impl Fn(&mut Xml, T)) -> &mut Self {
        self.element(name, |xml| {
            let mut items: Vec<T> = items.into_iter().collect();
            if let Some(rng) = &mut xml.shuffle {
                rng.shuffle(&mut items);
            }
            for item in items {
                xml.element("item", |xml| each(xml, item));
            }
        })
    }

    /// `<name><member>…</member></name>`: how Auto Scaling writes every list.
    pub(crate) fn members<T>(&mut self, name: &str, members: impl IntoIterator<Item = T>, each: impl Fn(&mut Xml, T)) -> &mut Self {
        self.element(name, |xml| {
            for member in members {
                xml.element("member", |xml| each(xml, member));
            }
        })
    }

    /// A list of mere texts, each of them in an element named `each`.
    pub(crate) fn texts(&mut self, name: &str, each: &str, texts: impl IntoIterator<Item = impl Display>) -> &mut Self {
        self.element(name, |xml| {
            for text in texts {
                xml.leaf(each, text);
            }
        })
    }

    fn nest(&mut self, start: &str, end: &str, content: impl FnOnce(&mut Xml)) {
        self.indent();
        let _ = write!(self.text, "<{start}");
        let opened = self.text.len();
        self.text.push_str(">\n");
        let begun = self.text.len();
        self.depth += 1;
        content(self);
        self.depth -= 1;
        if self.text.len() == begun {
            self.text.truncate(opened);
            self.text.push_str("/>\n");
        } else {
            self.indent();
            let _ = writeln!(self.text, "</{end}>");
        }
    }

    fn indent(&mut self) {
        for _ in 0..self.depth {
            self.text.push_str("    ");
        }
    }
}

/// Writes text so that a parser reads it.
struct Escaped<'x>(&'x mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Self(into) = self;
        let mut written = 0;
        for (at, c) in text.char_indices() {
            let Some(escape) = escape(c) else { continue };
            into.push_str(&text[written..at]);
            into.push_str(escape);
            written = at + c.len_utf8();
        }
        into.push_str(&text[written..]);
        Ok(())
    }
}

/// What stands for a letter that cannot stand for itself.
fn escape(letter: char) -> Option<&'static str> {
    match letter {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&apos;"),
        // A parser would turn a bare carriage return into a line feed.
        '\r' => Some("&#13;"),
        '\n' | '\t' => None,
        // What XML 1.0 cannot hold at all.
        '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => Some("\u{fffd}"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn nests_lists_and_escapes() {
        let text = Xml::document("Root", Some("urn:x"), |xml| {
            xml.leaf("text", "a<b & \"c\" 'd' >\r\n\u{0}\u{1f600}").leaf_if_some("absent", None::<&str>).element("empty", |_| {}).items(
                "list",
                [1, 2],
                |item, number| {
                    item.leaf("number", number);
                },
            );
        });
        assert_snapshot!(text, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <Root xmlns="urn:x">
            <text>a&lt;b &amp; &quot;c&quot; &apos;d&apos; &gt;&#13;
        �😀</text>
            <empty/>
            <list>
                <item>
                    <number>1</number>
                </item>
                <item>
                    <number>2</number>
                </item>
            </list>
        </Root>
        "#);
    }
}
