//! A simulation as a person reads it: a plot of what is kept, a table of some days, and what goes for good. 80 columns, if it can be.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use engine::report::{Beginning, Comparison, Replayed, SimulateReport};
use jiff::Timestamp;
use planner::id::Region;
use planner::plain::one_line;
use planner::retention::KeepRule;
use planner::simulate::{Day, Kept, Loss};

use crate::plot::Plot;
use crate::table::Table;

/// A table is no wider than this if leaving columns away helps.
const WIDTH: usize = 80;
/// A table has no more days than this.
const MOST_DAYS: usize = 14;

/// What there is to say of it.
pub fn of(report: &SimulateReport, is_utf8: bool) -> String {
    let SimulateReport { version: _, command: _, beginning, from, missed, this, diff, failures: _ } = report;
    let mut text = format!("{} days from {}", this.simulation.days.len(), moment(*from));
    if !missed.is_empty() {
        let missed: Vec<String> = missed.iter().map(ToString::to_string).collect();
        let _ = write!(text, ", but nothing runs on {}", missed.join(", "));
    }
    text.push('\n');
    for replayed in std::iter::once(this).chain(diff.as_ref().map(|diff| &diff.other)) {
        let _ = write!(text, "\n{}: {}\n{}", one_line(&replayed.policy), fleet(replayed, *beginning), plot(replayed, is_utf8));
    }
    let _ = match diff {
        None => write!(text, "\n{}\n", table(&this.simulation.days)),
        Some(Comparison { other, .. }) => {
            let names = [&this.policy, &other.policy].map(|file| one_line(file));
            let table = side_by_side(&this.simulation.days, &other.simulation.days);
            write!(text, "\n{}, and OTHER: {}\n{table}\n", names[0], names[1])
        }
    };
    text.push_str(&sizes(this, diff.as_ref(), *beginning));
    for replayed in std::iter::once(this).chain(diff.as_ref().map(|diff| &diff.other)) {
        text.push_str(&ending(replayed, *beginning, diff.is_some()));
    }
    if let Some(Comparison { other, in_both, first_lost_by_this, first_lost_by_other }) = diff
        && *in_both > 0
    {
        let pairs = [(&this.policy, &other.policy, first_lost_by_this), (&other.policy, &this.policy, first_lost_by_other)];
        for (deletes, keeps, loss) in pairs {
            let (deletes, keeps) = (one_line(deletes), one_line(keeps));
            let _ = match loss {
                None => writeln!(text, "{deletes} deletes nothing that {keeps} keeps"),
                Some(loss) => {
                    writeln!(text, "{deletes} first deletes what {keeps} keeps on {}:\n  {}", moment(loss.at), lost(loss, *beginning))
                }
            };
        }
    }
    text
}

fn fleet(replayed: &Replayed, beginning: Beginning) -> String {
    let simulation = &replayed.simulation;
    let invented = if beginning == Beginning::Invented { "invented " } else { "" };
    let mut fleet = counted(simulation.instances, &format!("{invented}instance"), &format!("{invented}instances"));
    if simulation.ended > 0 {
        let _ = write!(fleet, ", and {} to which nothing is added", counted(simulation.ended, "series", "series"));
    }
    fleet
}

/// What is kept by each rule and, where there are several, in each region.
fn plot(replayed: &Replayed, is_utf8: bool) -> Plot {
    let days = &replayed.simulation.days;
    let figures = |figure: &dyn Fn(&Day) -> u64| days.iter().map(figure).collect::<Vec<u64>>();
    let mut plot = Plot::new("backups at the end of each day, by the rule that keeps them".to_owned(), is_utf8);
    for (reason, count) in reasons(days) {
        plot.row(reason, figures(&|day| day.regions.values().map(&count).sum()));
    }
    let regions: BTreeSet<&Region> = days.iter().flat_map(|day| day.regions.keys()).collect();
    for region in regions.iter().filter(|_| regions.len() > 1) {
        plot.row(region.to_string(), figures(&|day| day.regions.get(*region).map_or(0, |kept| kept.backups)));
    }
    plot.row("all".to_owned(), figures(&all));
    plot
}

/// Why backups are kept, by name, and how many of a region's are.
type Reason = (String, Box<dyn Fn(&Kept) -> u64>);

/// Those that there are on any of these days.
fn reasons(days: &[Day]) -> Vec<Reason> {
    let kept = || days.iter().flat_map(|day| day.regions.values());
    let rules: BTreeSet<KeepRule> = kept().flat_map(|kept| kept.by_rule.keys().copied()).collect();
    let by_rule = |rule: KeepRule| -> Reason { (rule.to_string(), Box::new(move |kept| kept.by_rule.get(&rule).copied().unwrap_or(0))) };
    let others: [Reason; 2] =
        [("newest".to_owned(), Box::new(|kept| kept.newest)), ("otherwise".to_owned(), Box::new(|kept| kept.otherwise))];
    rules.into_iter().map(by_rule).chain(others.into_iter().filter(|(_, count)| kept().any(|kept| count(kept) > 0))).collect()
}

fn all(day: &Day) -> u64 {
    day.regions.values().map(|kept| kept.backups).sum()
}

/// A column of a table: its heading, and what it says of a day.
type Column<'c> = (String, Box<dyn Fn(&Day) -> String + 'c>);

fn table(days: &[Day]) -> Table {
    let shown = shown(days);
    let by_reason = reasons(days).into_iter().map(|(reason, count)| -> Column<'_> {
        (reason.to_uppercase(), Box::new(move |day| day.regions.values().map(&count).sum::<u64>().to_string()))
    });
    let all: Column<'_> = ("ALL".to_owned(), Box::new(|day| all(day).to_string()));
    let mut figures: Vec<Column<'_>> = by_reason.chain([all]).collect();
    if days.iter().any(is_sized) {
        figures.push(("GIB STEADY".to_owned(), Box::new(|day| gib(at_most_unchanged(day)))));
        figures.push(("GIB CHANGING".to_owned(), Box::new(|day| gib(at_most(day)))));
    }
    let table = |figures: &[Column<'_>]| {
        let figures = figures.iter().map(|(heading, figure)| to_the_right(heading, shown.iter().map(|day| figure(day))));
        Table::of_columns(&[vec![dates(&shown)], figures.collect(), vec![oldest(&shown, "OLDEST")]].concat())
    };
    let whole = table(&figures);
    if whole.width() <= WIDTH {
        return whole;
    }
    // The plot tells of the rules, too.
    let first = figures.iter().position(|(heading, _)| heading == "ALL").unwrap_or_default();
    table(&figures[first..])
}

/// What two policies come to on the same days.
fn side_by_side(this: &[Day], other: &[Day]) -> Table {
    let (this, other) = (shown(this), shown(other));
    let pair = |heading: &str, figure: &dyn Fn(&Day) -> String| {
        [(heading, &this), ("OTHER", &other)].map(|(heading, days)| to_the_right(heading, days.iter().map(|day| figure(day)))).to_vec()
    };
    let mut columns = vec![dates(&this)];
    columns.extend(pair("BACKUPS", &|day| all(day).to_string()));
    if this.iter().chain(&other).any(|day| is_sized(day)) {
        columns.extend(pair("GIB CHANGING", &|day| gib(at_most(day))));
    }
    columns.extend([oldest(&this, "OLDEST"), oldest(&other, "OTHER")]);
    Table::of_columns(&columns)
}

/// The days that a table shows: all, or one a week, or the last of each month, and always the last of all.
fn shown(days: &[Day]) -> Vec<&Day> {
    let last = days.len().saturating_sub(1);
    let is_shown = |place: usize, day: &Day| match days.len() {
        0..=MOST_DAYS => true,
        15..=98 => (last - place).is_multiple_of(7),
        _ => place == last || day.date == day.date.last_of_month(),
    };
    let mut shown: Vec<&Day> = days.iter().enumerate().filter(|(place, day)| is_shown(*place, day)).map(|(_, day)| day).collect();
    let every = shown.len().div_ceil(MOST_DAYS).max(1);
    let count = shown.len();
    let mut place = 0;
    shown.retain(|_| {
        place += 1;
        (count - place).is_multiple_of(every)
    });
    shown
}

fn dates(days: &[&Day]) -> Vec<String> {
    std::iter::once("DATE".to_owned()).chain(days.iter().map(|day| day.date.to_string())).collect()
}

fn oldest(days: &[&Day], heading: &str) -> Vec<String> {
    let date = |day: &&Day| day.oldest.map_or_else(|| "none".to_owned(), |oldest| oldest.strftime("%F").to_string());
    std::iter::once(heading.to_owned()).chain(days.iter().map(date)).collect()
}

fn to_the_right(heading: &str, cells: impl Iterator<Item = String>) -> Vec<String> {
    let column: Vec<String> = std::iter::once(heading.to_owned()).chain(cells).collect();
    let width = column.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
    column.into_iter().map(|cell| format!("{cell:>width$}")).collect()
}

/// Whether it is known of anything how large it is.
fn is_sized(day: &Day) -> bool {
    !day.regions.is_empty() && at_most(day).is_some()
}

fn at_most(day: &Day) -> Option<u64> {
    day.regions.values().map(|kept| kept.gib_at_most).sum()
}

fn at_most_unchanged(day: &Day) -> Option<u64> {
    day.regions.values().map(|kept| kept.gib_at_most_unchanged).sum()
}

fn gib(known: Option<u64>) -> String {
    known.map_or_else(|| "?".to_owned(), |gib| gib.to_string())
}

/// What the figures in GiB mean, or why there are none.
fn sizes(this: &Replayed, diff: Option<&Comparison>, beginning: Beginning) -> String {
    let mut days = std::iter::once(this).chain(diff.map(|diff| &diff.other)).flat_map(|replayed| &replayed.simulation.days);
    if days.any(is_sized) {
        let steady = if diff.is_some() { "" } else { "GIB STEADY: at most, with full volumes of which nothing changes between backups\n" };
        return format!("{steady}GIB CHANGING: at most, with full volumes of which all changes between backups\n");
    }
    match beginning {
        Beginning::Invented => "GiB: not known, for nobody says how large the invented volumes are (--gib)\n".to_owned(),
        Beginning::Observed => "GiB: not known, for EC2 does not say how large all volumes are\n".to_owned(),
    }
}

/// What there is at the end, how far back it reaches, and what is gone for good by then.
fn ending(replayed: &Replayed, beginning: Beginning, by_name: bool) -> String {
    let (whose, indent) = if by_name { (format!("{}: ", one_line(&replayed.policy)), "  ") } else { (String::new(), "") };
    let days = &replayed.simulation.days;
    let (made, gone): (u64, u64) = (days.iter().map(|day| day.made).sum(), days.iter().map(|day| day.gone).sum());
    let mut text = format!("{whose}{made} made, {gone} gone");
    if let Some((oldest, of_all)) = days.last().and_then(|day| day.oldest.zip(day.oldest_of_all)) {
        let _ = write!(text, "; at the end back to {}", moment(oldest));
        if of_all != oldest {
            let _ = write!(text, ", all to {}", moment(of_all));
        }
    }
    let _ = match &replayed.first_forgotten {
        None => writeln!(text, "\n{indent}nothing irreplaceable goes: it always reaches back as far as before"),
        Some(loss) => {
            let (at, what) = (moment(loss.at), lost(loss, beginning));
            writeln!(text, "\n{indent}the first irreplaceable thing goes on {at}, the oldest there is:\n{indent}  {what}")
        }
    };
    text
}

fn lost(loss: &Loss, beginning: Beginning) -> String {
    let Loss { at: _, instance, series, region, slot } = loss;
    let whose = match beginning {
        Beginning::Invented => "an invented instance".to_owned(),
        Beginning::Observed => instance.to_string(),
    };
    format!("{} of {whose} ({series}) in {region}", moment(*slot))
}

fn moment(instant: Timestamp) -> String {
    instant.strftime("%F %RZ").to_string()
}

fn counted(count: u64, one: &str, several: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {several}") }
}
