//! Which backups of a series stay: the keep rules of a policy, any of which keeps.

use std::collections::HashSet;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::period::Period;
use crate::plain::one_line;
use crate::tags::Tags;

/// How many backups a rule keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// All of them.
    Unlimited,
    /// So many.
    Of(NonZeroU32),
}

/// The keep rules of a policy. A backup is wanted if any of them wants it; the default wants none.
///
/// They are restic's, and over the history of restic's own tests they keep what restic keeps:
///
/// - Newest first. `last` wants the newest backups; `hourly` to `yearly` want the newest backup of each hour, day, ISO week
///   (from Monday), month or year that has one, for so many of them: a day without a backup uses nothing up.
/// - While such a rule has wanted fewer than its count, it wants the oldest backup of all too, so that a young series
///   keeps its beginning.
/// - `within` wants what is less than so long before the newest backup, and always that newest one. It is never measured from now:
///   a series in which nothing new comes loses nothing.
/// - `tags` want every backup that bears one of them.
///
/// On purpose not as restic has it:
///
/// - Backups of one slot are one backup to every rule but `tags`: they count once, and all of them are wanted or none. (restic
///   counts each, in no order that a user could name.)
/// - Hours to years are those of the policy's time zone, not of the host that runs it. Where a clock goes back, the repeated
///   hour is an hour of its own.
/// - A period is distinct, not merely different from the one before it in the list: where a clock goes back over midnight, the
///   two parts of a day are one day.
/// - A month before 31 March is the last of February, and not 3 March as in Go's arithmetic.
/// - There is no now. restic leaves backups of the future out when it looks for the newest; who calls this has to leave them
///   out of the members, and keep them.
/// - A count is at least 1 or unlimited; tags have keys and values, and none can be asked for together; there is no
///   `within-hourly` to `within-yearly`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keep {
    /// The newest backups.
    pub last: Option<Count>,
    /// The newest backup of each hour that has one.
    pub hourly: Option<Count>,
    /// The newest backup of each day that has one.
    pub daily: Option<Count>,
    /// The newest backup of each ISO week that has one.
    pub weekly: Option<Count>,
    /// The newest backup of each month that has one.
    pub monthly: Option<Count>,
    /// The newest backup of each year that has one.
    pub yearly: Option<Count>,
    /// All backups less than this before the newest one.
    pub within: Option<Period>,
    /// All backups that bear one of these tags.
    pub tags: Vec<TagRule>,
}

/// A tag that keeps a backup: `key` with any value, or `key=value`. A key cannot hold `=` here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRule {
    /// The tag's key.
    pub key: String,
    /// Its value; any, if absent.
    pub value: Option<String>,
}

/// The kind of rule that wants a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeepRule {
    /// Among the newest.
    Last,
    /// The newest of an hour.
    Hourly,
    /// The newest of a day.
    Daily,
    /// The newest of an ISO week.
    Weekly,
    /// The newest of a month.
    Monthly,
    /// The newest of a year.
    Yearly,
    /// Not long before the newest.
    Within,
    /// Tagged to be kept.
    Tag,
}

/// An available backup of one series in one region.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// When it was due.
    pub slot: Timestamp,
    /// Its tags.
    pub tags: &'a Tags,
}

/// A rule that wants a backup, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Wanted {
    /// The rule.
    pub rule: KeepRule,
    /// For people: `daily 3 of 7 (2026-11-21)`.
    pub why: String,
}

impl Keep {
    /// Whether there is no rule at all. What nobody asked to keep is for the caller to refuse or to leave alone.
    pub fn is_empty(&self) -> bool {
        let Self { last, hourly, daily, weekly, monthly, yearly, within, tags } = self;
        [last, hourly, daily, weekly, monthly, yearly].iter().all(|count| count.is_none()) && within.is_none() && tags.is_empty()
    }

    /// Why each of the members is wanted, in their order: by no rule, and these rules let it go. What is said of a member does not
    /// depend on that order.
    pub fn wanted(&self, members: &[Member<'_>], zone: &TimeZone) -> Vec<Vec<Wanted>> {
        let mut wanted = vec![Vec::new(); members.len()];
        self.judge(members, zone, |member, reason| wanted[member].push(Wanted { rule: reason.rule(), why: reason.to_string() }));
        wanted
    }

    /// Whether each of the members is wanted, in their order: [`Keep::wanted`] without the words, for those who ask often.
    pub fn wants(&self, members: &[Member<'_>], zone: &TimeZone) -> Vec<bool> {
        let mut wants = vec![false; members.len()];
        self.judge(members, zone, |member, _| wants[member] = true);
        wants
    }

    /// Tells of each reason to keep a member, by its place in `members`.
    fn judge(&self, members: &[Member<'_>], zone: &TimeZone, mut tell: impl FnMut(usize, Reason<'_>)) {
        let Self { last, hourly, daily, weekly, monthly, yearly, within, tags } = self;
        let slots = Slots::of(members);
        if let Some(count) = *last {
            for (rank, slot) in (1..).zip(slots.newest_first()).take_while(|(rank, _)| count.has(*rank)) {
                slot.iter().for_each(|member| tell(*member, Reason::Last { rank, count }));
            }
        }
        for (count, unit) in [(hourly, Unit::Hour), (daily, Unit::Day), (weekly, Unit::Week), (monthly, Unit::Month), (yearly, Unit::Year)]
        {
            if let Some(count) = *count {
                slots.judge_periods(count, unit, zone, &mut tell);
            }
        }
        if let (Some(within), Some(newest)) = (*within, slots.newest()) {
            let start = within.before(newest, zone);
            for slot in slots.newest_first().take_while(|slot| members[slot[0]].slot > start || members[slot[0]].slot == newest) {
                slot.iter().for_each(|member| tell(*member, Reason::Within { within, newest }));
            }
        }
        for rule in tags {
            let tagged = members.iter().enumerate().filter(|(_, member)| rule.is_on(member.tags));
            tagged.for_each(|(member, _)| tell(member, Reason::Tag(rule)));
        }
    }
}

/// The members by slot, newest first.
struct Slots<'a> {
    members: &'a [Member<'a>],
    order: Vec<usize>,
}

impl<'a> Slots<'a> {
    fn of(members: &'a [Member<'a>]) -> Self {
        let mut order: Vec<usize> = (0..members.len()).collect();
        order.sort_by_key(|member| std::cmp::Reverse(members[*member].slot));
        Self { members, order }
    }

    fn newest(&self) -> Option<Timestamp> {
        self.order.first().map(|member| self.members[*member].slot)
    }

    /// The members of each slot; there is at least one.
    fn newest_first(&self) -> impl Iterator<Item = &[usize]> {
        self.order.chunk_by(|one, next| self.members[*one].slot == self.members[*next].slot)
    }

    fn judge_periods(&self, count: Count, unit: Unit, zone: &TimeZone, tell: &mut impl FnMut(usize, Reason<'_>)) {
        let oldest = self.order.last().map(|member| self.members[*member].slot);
        let mut seen = HashSet::new();
        let mut latest = None;
        let mut rank = 0;
        for slot in self.newest_first() {
            if !count.has(rank + 1) {
                break;
            }
            let at = self.members[slot[0]].slot;
            let period = unit.of(at, zone);
            if latest != Some(period) && seen.insert(period) {
                rank += 1;
                slot.iter().for_each(|member| tell(*member, Reason::Newest { rank, count, period }));
            } else if Some(at) == oldest {
                slot.iter().for_each(|member| tell(*member, Reason::Oldest { rank, count, unit }));
            }
            latest = Some(period);
        }
    }
}

impl Count {
    /// Whether the backup of this rank, counted from 1, is among so many.
    fn has(self, rank: u32) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Of(count) => rank <= count.get(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// A stretch of the calendar in some time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum CalendarPeriod {
    Hour { day: (i16, i8, i8), hour: i8, offset: Offset },
    Day(i16, i8, i8),
    Week(i16, i8),
    Month(i16, i8),
    Year(i16),
}

impl Unit {
    /// The period of this unit that an instant falls in.
    fn of(self, instant: Timestamp, zone: &TimeZone) -> CalendarPeriod {
        let offset = zone.to_offset(instant);
        let local: DateTime = offset.to_datetime(instant);
        let (year, month, day) = (local.year(), local.month(), local.day());
        match self {
            Self::Hour => CalendarPeriod::Hour { day: (year, month, day), hour: local.hour(), offset },
            Self::Day => CalendarPeriod::Day(year, month, day),
            Self::Week => {
                let week = local.date().iso_week_date();
                CalendarPeriod::Week(week.year(), week.week())
            }
            Self::Month => CalendarPeriod::Month(year, month),
            Self::Year => CalendarPeriod::Year(year),
        }
    }

    fn rule(self) -> KeepRule {
        match self {
            Self::Hour => KeepRule::Hourly,
            Self::Day => KeepRule::Daily,
            Self::Week => KeepRule::Weekly,
            Self::Month => KeepRule::Monthly,
            Self::Year => KeepRule::Yearly,
        }
    }
}

impl CalendarPeriod {
    fn unit(self) -> Unit {
        match self {
            Self::Hour { .. } => Unit::Hour,
            Self::Day(..) => Unit::Day,
            Self::Week(..) => Unit::Week,
            Self::Month(..) => Unit::Month,
            Self::Year(_) => Unit::Year,
        }
    }
}

/// `2026-11-21`, `2026-W47`; an hour with its offset, by which the repeated one is known.
impl fmt::Display for CalendarPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hour { day: (year, month, day), hour, offset } => write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}{offset}"),
            Self::Day(year, month, day) => write!(f, "{year:04}-{month:02}-{day:02}"),
            Self::Week(year, week) => write!(f, "{year:04}-W{week:02}"),
            Self::Month(year, month) => write!(f, "{year:04}-{month:02}"),
            Self::Year(year) => write!(f, "{year:04}"),
        }
    }
}

/// Why a rule wants a backup. Ranks count from 1, the newest.
enum Reason<'a> {
    Last { rank: u32, count: Count },
    Newest { rank: u32, count: Count, period: CalendarPeriod },
    Oldest { rank: u32, count: Count, unit: Unit },
    Within { within: Period, newest: Timestamp },
    Tag(&'a TagRule),
}

impl Reason<'_> {
    fn rule(&self) -> KeepRule {
        match self {
            Self::Last { .. } => KeepRule::Last,
            Self::Newest { period, .. } => period.unit().rule(),
            Self::Oldest { unit, .. } => unit.rule(),
            Self::Within { .. } => KeepRule::Within,
            Self::Tag(_) => KeepRule::Tag,
        }
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule();
        match self {
            Self::Last { rank, count } => write!(f, "{rule} {rank} of {count}"),
            Self::Newest { rank, count, period } => write!(f, "{rule} {rank} of {count} ({period})"),
            Self::Oldest { rank, count, .. } => write!(f, "the oldest, while {rule} has only {rank} of {count}"),
            Self::Within { within, newest } => write!(f, "{rule} {within} of {newest}"),
            Self::Tag(tag) => write!(f, "{rule} {}", one_line(&tag.to_string())),
        }
    }
}

/// As it begins a reason: `daily`, `within`, `tagged`.
impl fmt::Display for KeepRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Last => "last",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
            Self::Within => "within",
            Self::Tag => "tagged",
        })
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.pad("unlimited"),
            Self::Of(count) => fmt::Display::fmt(count, f),
        }
    }
}

/// A count that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is neither a number of backups from 1 nor `unlimited`", one_line(.0))]
pub struct InvalidCount(String);

impl FromStr for Count {
    type Err = InvalidCount;

    fn from_str(text: &str) -> Result<Self, InvalidCount> {
        if text == "unlimited" {
            return Ok(Self::Unlimited);
        }
        let plain = text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse().ok().map(Self::Of)).flatten().ok_or_else(|| InvalidCount(text.to_owned()))
    }
}

/// A tag rule without a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` names no tag; write its key, or key=value", one_line(.0))]
pub struct InvalidTagRule(String);

impl FromStr for TagRule {
    type Err = InvalidTagRule;

    fn from_str(text: &str) -> Result<Self, InvalidTagRule> {
        let (key, value) = text.split_once('=').map_or((text, None), |(key, value)| (key, Some(value)));
        if key.trim().is_empty() {
            return Err(InvalidTagRule(text.to_owned()));
        }
        Ok(Self { key: key.to_owned(), value: value.map(str::to_owned) })
    }
}

/// `key` or `key=value`.
impl fmt::Display for TagRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value } = self;
        match value {
            None => f.write_str(key),
            Some(value) => write!(f, "{key}={value}"),
        }
    }
}

impl TagRule {
    fn is_on(&self, tags: &Tags) -> bool {
        tags.get(&self.key).is_some_and(|found| self.value.as_deref().is_none_or(|value| value == found))
    }
}
