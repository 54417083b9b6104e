//! Tables for people: columns two blanks apart, the last one as long as it likes.

use std::fmt;

use planner::plain::one_line;

/// Rows of cells; every row as many as the first has.
pub struct Table(Vec<Vec<String>>);

impl Table {
    /// One that has a row of headings.
    pub fn new<'h>(headings: impl IntoIterator<Item = &'h str>) -> Self {
        Self(vec![headings.into_iter().map(str::to_owned).collect()])
    }

    /// One of these columns, each with its heading first and as long as the first one.
    pub fn of_columns(columns: &[Vec<String>]) -> Self {
        let row = |row: usize| columns.iter().filter_map(|column| column.get(row)).map(|cell| one_line(cell)).collect();
        Self((0..columns.first().map_or(0, Vec::len)).map(row).collect())
    }

    /// How wide its widest row is, in characters.
    pub fn width(&self) -> usize {
        self.to_string().lines().map(|line| line.chars().count()).max().unwrap_or(0)
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.push(cells.into_iter().map(|cell| one_line(&cell)).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.0.first().map_or(0, Vec::len);
        let width = |column: usize| self.0.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.0 {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}
