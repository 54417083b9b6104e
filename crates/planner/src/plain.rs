//! What came from outside, as it may be shown: on one line, of bounded length, and steering no terminal.
//!
//! A tag, a name or a message may hold anything. What cannot be seen, or changes how its neighbours are seen, is written as
//! `\u{202e}`; what is white space of another kind is shown as a blank. Letters, emoji and accents stay as they are.

/// So much of one text is shown.
const LONGEST: usize = 1000;
/// So many marks may stand on one letter; more of them are no script's, and smear over the lines above.
const MARKS_ON_A_LETTER: usize = 4;

/// A text from outside on one line, cut where it is too long.
pub fn one_line(text: &str) -> String {
    let mut shown = String::new();
    for (count, part) in parts(text).enumerate() {
        if count >= LONGEST || shown.len() >= 4 * LONGEST {
            shown.push('…');
            break;
        }
        part.push_to(&mut shown);
    }
    shown
}

/// The same at full length.
pub fn whole_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    parts(text).for_each(|part| part.push_to(&mut shown));
    shown
}

/// Whether a character outside ASCII, or DEL, may stand as it is where a terminal might see it: it can be seen, or is a blank or a mark.
pub fn is_harmless(c: char) -> bool {
    !is_unseen(c) && (!c.is_whitespace() || matches!(c, '\u{a0}' | '\u{3000}'))
}

/// How one character is shown.
enum Part {
    AsIs(char),
    Escaped(char),
}

impl Part {
    fn push_to(&self, shown: &mut String) {
        match self {
            Self::AsIs(c) => shown.push(*c),
            Self::Escaped(c) => shown.extend(c.escape_unicode()),
        }
    }
}

fn parts(text: &str) -> impl Iterator<Item = Part> {
    let mut marks = 0;
    text.chars().map(move |c| {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if c.is_whitespace() {
            Part::AsIs(' ')
        } else if marks > MARKS_ON_A_LETTER || is_unseen(c) {
            Part::Escaped(c)
        } else {
            Part::AsIs(c)
        }
    })
}

/// Whether a character shows nothing of its own: controls, format characters (among them all that set a direction, have no width or
/// spell tags), those that are for private use and those that do not exist.
fn is_unseen(c: char) -> bool {
    // What the standard library takes for printable, though nothing is seen: fillers of Hangul, and selectors of variants.
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}')
        // Behind another character, `str` escapes what cannot be printed, and `char` what extends its neighbour as well.
        || str_escapes(c)
}

/// Whether a character is put over, under or around the one before.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && c.escape_debug().len() > 1 && !str_escapes(c)
}

fn str_escapes(c: char) -> bool {
    let mut pair = [b'x', 0, 0, 0, 0];
    let length = c.encode_utf8(&mut pair[1..]).len();
    let pair = str::from_utf8(&pair[..=length]).unwrap_or_default();
    !c.is_ascii_graphic() && pair.escape_debug().nth(1) != Some(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_can_be_read_stays() {
        for text in ["web-1", "a 'quoted' \\ \"name\"", "Zürich", "e\u{301}tage", "東京", "हिन्दी", "עברית", "🚀🗄\u{fe0f}"]
        {
            assert_eq!(one_line(text), text);
        }
    }

    #[test]
    fn lines_and_blanks_become_blanks() {
        for blank in ["\n", "\r", "\t", "\u{b}", "\u{c}", "\u{85}", "\u{a0}", "\u{2028}", "\u{2029}", "\u{3000}"] {
            assert_eq!(one_line(&format!("a{blank}b")), "a b", "{blank:?}");
        }
    }

    #[test]
    fn what_steers_or_hides_is_written_out() {
        assert_eq!(one_line("\u{1b}[31mred"), r"\u{1b}[31mred");
        let hidden = "\u{0}\u{7}\u{8}\u{1b}\u{7f}\u{80}\u{9b}\u{ad}\u{61c}\u{115f}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{202a}\u{202b}\
                      \u{202c}\u{202d}\u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{206f}\u{3164}\u{feff}\u{fff9}\u{e000}\u{e0001}\u{e0041}\
                      \u{e007f}\u{e0100}\u{10ffff}";
        for c in hidden.chars() {
            assert_eq!(one_line(&format!("a{c}b")), format!("a{}b", c.escape_unicode()), "{c:?}");
        }
    }

    #[test]
    fn marks_do_not_pile_up() {
        let tower = format!("a{}b", "\u{301}".repeat(256));
        assert_eq!(one_line(&tower), format!("a{}{}b", "\u{301}".repeat(4), r"\u{301}".repeat(252)));
        // Whose letter is the one before this text, such as a quotation mark of ours, is no matter.
        assert_eq!(one_line("\u{301}"), "\u{301}");
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(one_line(&"🚀".repeat(256)), "🚀".repeat(256));
        let cut = one_line(&"a".repeat(1_000_000));
        assert_eq!((cut.len(), cut.ends_with("a…")), (1000 + '…'.len_utf8(), true));
        assert!(one_line(&"\u{e0041}".repeat(1_000_000)).len() < 5000);
        assert_eq!(whole_line(&"a".repeat(5000)).len(), 5000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn whatever_it_is_only_what_can_be_seen_is_left(text in any::<String>()) {
            let shown = one_line(&text);
            prop_assert!(!shown.chars().any(|c| c.is_control() || (c.is_whitespace() && c != ' ') || is_unseen(c)), "{shown:?}");
            // Once is enough.
            prop_assert_eq!(whole_line(&shown), shown);
        }
    }
}
