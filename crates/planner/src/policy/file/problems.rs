//! What is wrong with a policy file, or remarkable, and where.

use std::fmt;

use crate::plain::one_line;

/// So many problems are listed; whoever wrote a file with more has read enough.
pub(super) const MOST: usize = 100;

/// A place in a file. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What the file was called.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The character of the line.
    pub column: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What, in a sentence.
    pub text: String,
}

/// Everything that is wrong with a policy file, in the order of the file. It is displayed with a line for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyErrors {
    /// At least one, and 100 at most.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub more: usize,
}

/// Something to know that does not make a policy unusable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where in the file; absent if it is about an instance.
    pub place: Option<Place>,
    /// What, in a sentence.
    pub text: String,
}

impl std::error::Error for PolicyErrors {}

/// `ami-backup.toml:14:3`, which editors and terminals can jump to.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", one_line(&self.file), self.line, self.column)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.problems.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))?;
        if self.more > 0 { write!(f, "\nand {} more", self.more) } else { Ok(()) }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.text)
    }
}

/// Something found at a byte of the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) at: usize,
    pub(super) text: String,
}

/// Where the lines of a file begin.
pub(super) struct Lines<'t> {
    file: &'t str,
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str, file: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file, text, starts }
    }

    /// The place of a byte, or the end of the file.
    pub(super) fn place(&self, at: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts.get(line.wrapping_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..at.min(self.text.len())).map_or(1, |before| before.chars().count() + 1);
        Place { file: self.file.to_owned(), line, column }
    }

    /// The text of a line, counted from 1.
    pub(super) fn line(&self, line: usize) -> &'t str {
        let start = self.starts.get(line.wrapping_sub(1)).copied().unwrap_or(self.text.len());
        self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default()
    }

    /// All of what was found, in the order of the file, each thing once.
    pub(super) fn errors(&self, mut found: Vec<Found>) -> PolicyErrors {
        found.sort();
        found.dedup();
        let more = found.len().saturating_sub(MOST);
        found.truncate(MOST);
        let problems = found.into_iter().map(|Found { at, text }| Problem { place: self.place(at), text }).collect();
        PolicyErrors { problems, more }
    }

    /// The same of what is only remarkable.
    pub(super) fn warnings(&self, mut found: Vec<Found>) -> Vec<Warning> {
        found.sort();
        found.into_iter().map(|Found { at, text }| Warning { place: Some(self.place(at)), text }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_line_and_a_character_of_it() {
        let lines = Lines::new("é = 1\r\nab\n", "f");
        let place = |at| lines.place(at).to_string();
        assert_eq!([place(0), place(2), place(8), place(9), place(11), place(99)], ["f:1:1", "f:1:2", "f:2:1", "f:2:2", "f:3:1", "f:3:1"]);
        // In the middle of a character.
        assert_eq!(place(1), "f:1:1");
        assert_eq!((lines.line(1), lines.line(2), lines.line(3), lines.line(0), lines.line(9)), ("é = 1", "ab", "", "", ""));
    }

    #[test]
    fn too_many_problems_are_counted() {
        let found = (0..250).map(|n| Found { at: 0, text: format!("{n:03}") }).collect();
        let errors = Lines::new("", "f").errors(found);
        assert!(errors.to_string().ends_with("f:1:1: 099\nand 150 more"));
    }
}
