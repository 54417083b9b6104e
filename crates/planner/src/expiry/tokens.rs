//! Cuts a written date into numbers, words and marks, where `date` cuts it: `10:41pm` needs no spaces.

/// One piece of a written date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// ASCII digits, as written: `07` is not `7`.
    Number(&'a str),
    /// ASCII letters, in lower case. `p.m.` is `pm`; elsewhere a period is a mark.
    Word(String),
    /// Any other character.
    Mark(char),
}

/// A token, and whether it touches the one before it.
#[derive(Debug)]
struct Piece<'a> {
    token: Token<'a>,
    glued: bool,
}

/// The pieces of a written date, read from left to right.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    pieces: Vec<Piece<'a>>,
    next: usize,
}

impl<'a> Cursor<'a> {
    /// Cuts `text`; only the space separates.
    pub(super) fn new(text: &'a str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.trim_start_matches(' ').chars().next() {
            let start = rest.trim_start_matches(' ');
            let glued = start.len() == rest.len() && !pieces.is_empty();
            let (token, after) = cut(first, start);
            pieces.push(Piece { token, glued });
            rest = after;
        }
        Self { pieces, next: 0 }
    }

    /// The next token, and past it.
    pub(super) fn take(&mut self) -> Option<Token<'a>> {
        let piece = self.pieces.get(self.next)?;
        self.next += 1;
        Some(piece.token.clone())
    }

    /// The next token, which stays.
    pub(super) fn peek(&self) -> Option<&Token<'a>> {
        self.pieces.get(self.next).map(|piece| &piece.token)
    }

    /// The next token if it is a word.
    pub(super) fn peek_word(&self) -> Option<&str> {
        match self.peek() {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// The next token if it is a number.
    pub(super) fn peek_number(&self) -> Option<&'a str> {
        match self.peek() {
            Some(Token::Number(digits)) => Some(digits),
            _ => None,
        }
    }

    /// Passes the next token if `accept` says yes to it.
    pub(super) fn take_if(&mut self, accept: impl FnOnce(&Token) -> bool) -> bool {
        let accepted = self.peek().is_some_and(accept);
        self.next += usize::from(accepted);
        accepted
    }

    /// Passes the mark `mark`, if it is next.
    pub(super) fn take_mark(&mut self, mark: char) -> bool {
        self.take_if(|token| *token == Token::Mark(mark))
    }

    /// Passes a number, if one is next.
    pub(super) fn take_number(&mut self) -> Option<&'a str> {
        let digits = self.peek_number()?;
        self.next += 1;
        Some(digits)
    }

    /// The next token if it touches the last one taken.
    pub(super) fn peek_glued(&self) -> Option<&Token<'a>> {
        let piece = self.pieces.get(self.next)?;
        piece.glued.then_some(&piece.token)
    }

    /// Passes `mark` and the number behind it if both touch what was taken last: the `-12` of `2026-12`.
    pub(super) fn take_glued_part(&mut self, mark: char) -> Option<&'a str> {
        let [first, second] = self.pieces.get(self.next..self.next + 2)? else { return None };
        match (first, second) {
            (Piece { token: Token::Mark(found), glued: true }, Piece { token: Token::Number(digits), glued: true }) if *found == mark => {
                self.next += 2;
                Some(digits)
            }
            _ => None,
        }
    }

    /// Whether nothing is left.
    pub(super) fn is_done(&self) -> bool {
        self.next == self.pieces.len()
    }

    /// Where the cursor stands, to [`return_to`](Self::return_to).
    pub(super) fn place(&self) -> usize {
        self.next
    }

    /// Goes back to a place.
    pub(super) fn return_to(&mut self, place: usize) {
        self.next = place;
    }
}

/// The token at the start of `text`, whose first character is `first`, and what follows it.
fn cut(first: char, text: &str) -> (Token<'_>, &str) {
    let length = |belongs: fn(char) -> bool| text.find(|c| !belongs(c)).unwrap_or(text.len());
    if first.is_ascii_digit() {
        let (digits, rest) = text.split_at(length(|c| c.is_ascii_digit()));
        (Token::Number(digits), rest)
    } else if first.is_ascii_alphabetic() {
        let (word, rest) = text.split_at(length(|c| c.is_ascii_alphabetic()));
        let dotted = text.split_at(length(|c| c.is_ascii_alphabetic() || c == '.'));
        match (dotted.0.to_ascii_lowercase().as_str(), dotted.1) {
            ("a.m.", rest) => (Token::Word("am".to_owned()), rest),
            ("p.m.", rest) => (Token::Word("pm".to_owned()), rest),
            _ => (Token::Word(word.to_ascii_lowercase()), rest),
        }
    } else {
        (Token::Mark(first), &text[first.len_utf8()..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_digits_and_marks_need_no_space_between_them() {
        let cursor = Cursor::new("10:41 p.m.,24Dec");
        let tokens: Vec<_> = cursor.pieces.into_iter().map(|piece| (piece.token, piece.glued)).collect();
        assert_eq!(
            tokens,
            [
                (Token::Number("10"), false),
                (Token::Mark(':'), true),
                (Token::Number("41"), true),
                (Token::Word("pm".into()), false),
                (Token::Mark(','), true),
                (Token::Number("24"), true),
                (Token::Word("dec".into()), true),
            ]
        );
    }

    #[test]
    fn a_character_of_several_bytes_is_one_mark() {
        let mut cursor = Cursor::new("é²");
        assert_eq!(cursor.take(), Some(Token::Mark('é')));
        assert_eq!(cursor.take(), Some(Token::Mark('²')));
        assert_eq!(cursor.take(), None);
    }
}
