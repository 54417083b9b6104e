//! Plots for people: a row for each series of figures, as tall as one line.

use std::fmt;

use planner::plain::one_line;

/// A plot is no wider than this, if its labels are not.
const WIDTH: usize = 80;
/// At least so wide are the rows.
const NARROWEST: usize = 10;

/// From nothing to most, with block elements.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The same where the terminal may not have them.
const ASCII: [char; 9] = [' ', '.', ':', '-', '=', '+', '*', '#', '@'];

/// Figures over time, each row drawn by its own most.
pub struct Plot {
    /// What is said above.
    title: String,
    rows: Vec<Row>,
    levels: [char; 9],
}

struct Row {
    label: String,
    figures: Vec<u64>,
    most: u64,
}

impl Plot {
    /// An empty one.
    pub fn new(title: String, is_utf8: bool) -> Self {
        Self { title, rows: Vec::new(), levels: if is_utf8 { BLOCKS } else { ASCII } }
    }

    /// Adds figures, the first of them the earliest.
    pub fn row(&mut self, label: String, figures: Vec<u64>) {
        let most = figures.iter().copied().max().unwrap_or(0);
        self.rows.push(Row { label: one_line(&label), figures, most });
    }
}

impl fmt::Display for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.rows.iter().map(|row| row.label.chars().count()).max().unwrap_or(0);
        let number = self.rows.iter().map(|row| row.most.to_string().len()).max().unwrap_or(0).max("most".len());
        let width = WIDTH.saturating_sub(labels + 2 * number + 6).max(NARROWEST);
        let title = labels + 2 + width;
        writeln!(f, "{:<title$}  {:>number$}  {:>number$}", one_line(&self.title), "most", "end")?;
        for Row { label, figures, most } in &self.rows {
            let line: String = in_columns(figures, width).map(|figure| self.level(figure, *most)).collect();
            let end = figures.last().copied().unwrap_or(0);
            writeln!(f, "{label:<labels$}  {line}  {most:>number$}  {end:>number$}")?;
        }
        Ok(())
    }
}

impl Plot {
    /// Whatever is not nothing is seen.
    fn level(&self, figure: u64, most: u64) -> char {
        let eighths = u128::from(figure) * 8;
        let level = eighths.div_ceil(u128::from(most.max(1)));
        usize::try_from(level).ok().and_then(|level| self.levels.get(level)).copied().unwrap_or(' ')
    }
}

/// The most of the figures that fall into each column; where there are fewer of them, each fills several.
fn in_columns(figures: &[u64], width: usize) -> impl Iterator<Item = u64> {
    (0..width).map(move |column| {
        let first = column * figures.len() / width;
        let end = ((column + 1) * figures.len() / width).max(first + 1);
        figures.get(first..end).into_iter().flatten().copied().max().unwrap_or(0)
    })
}

/// Whether the locale says that characters are UTF-8, by the variables that POSIX names and in their order.
pub fn is_utf8() -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(std::env::var_os).find(|value| !value.is_empty());
    said.is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_ascii_lowercase();
        locale.ends_with("utf-8") || locale.ends_with("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(is_utf8: bool) -> String {
        let mut plot = Plot::new("backups".to_owned(), is_utf8);
        plot.row("daily".to_owned(), (0..365).map(|day| (day + 1).min(7)).collect());
        plot.row("monthly".to_owned(), (0..365).map(|day| day / 30).collect());
        plot.row("none".to_owned(), vec![0; 365]);
        plot.row("once".to_owned(), (0..365).map(|day| if day == 100 { 123_456 } else { 1 }).collect());
        plot.row("two days".to_owned(), vec![1, 2]);
        plot.row("no day".to_owned(), Vec::new());
        plot.to_string()
    }

    #[test]
    fn rows_are_drawn_by_their_own_most_and_fill_80_columns() {
        let (blocks, ascii) = (plot(true), plot(false));
        assert!(blocks.lines().chain(ascii.lines()).all(|line| line.chars().count() == 80), "{blocks}{ascii}");
        assert!(ascii.is_ascii());
        insta::assert_snapshot!(blocks, @"
        backups                                                             most     end
        daily     ▇█████████████████████████████████████████████████████       7       7
        monthly       ▁▁▁▁▁▂▂▂▂▂▂▂▂▃▃▃▃▃▄▄▄▄▄▄▄▄▄▅▅▅▅▆▆▆▆▆▆▆▆▆▇▇▇▇██████      12      12
        none                                                                   0       0
        once      ▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  123456       1
        two days  ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄███████████████████████████       2       2
        no day                                                                 0       0
        ");
        insta::assert_snapshot!(ascii, @"
        backups                                                             most     end
        daily     #@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@       7       7
        monthly       .....::::::::-----=========++++*********####@@@@@@      12      12
        none                                                                   0       0
        once      ..............@.......................................  123456       1
        two days  ===========================@@@@@@@@@@@@@@@@@@@@@@@@@@@       2       2
        no day                                                                 0       0
        ");
    }

    #[test]
    fn the_greatest_figures_are_drawn() {
        let mut plot = Plot::new(String::new(), false);
        plot.row("x".repeat(200), vec![u64::MAX, 0, 1]);
        assert!(plot.to_string().contains("@@@   ..."), "{plot}");
    }
}
