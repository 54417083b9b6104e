//! Which backups of a series stay: the keep rules of a policy, any of which keeps.

#[cfg(test)]
mod golden;
mod measure;
#[cfg(test)]
mod properties;
pub use measure::Measure;
#[cfg(test)]
pub(crate) use properties::keep;

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use foldhash::{HashSet, HashSetExt};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

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
    pub why: Why,
}

/// Why a rule wants a backup. It is put into words only where somebody reads them.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub struct Why(Reason);

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
        self.judge(members, zone, |member, reason| wanted[member].push(reason.into()));
        wanted
    }

    /// Whether each of the members is wanted, in their order: [`Keep::wanted`] without the words, for those who ask often.
    pub fn wants(&self, members: &[Member<'_>], zone: &TimeZone) -> Vec<bool> {
        let mut wants = vec![false; members.len()];
        self.judge(members, zone, |member, _| wants[member] = true);
        wants
    }

    /// Tells of each reason to keep a member, by its place in `members`.
    fn judge(&self, members: &[Member<'_>], zone: &TimeZone, mut tell: impl FnMut(usize, Reason)) {
        let Self { last, hourly, daily, weekly, monthly, yearly, within, tags } = self;
        let slots = Slots::of(members);
        if let Some(count) = *last {
            for (rank, slot) in (1..).zip(slots.newest_first()).take_while(|(rank, _)| count.has(*rank)) {
                for member in slot {
                    tell(*member, Reason::Last { rank, count });
                }
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
                for member in slot {
                    tell(*member, Reason::Within { within, newest });
                }
            }
        }
        for rule in tags {
            let tagged = members.iter().enumerate().filter(|(_, member)| rule.is_on(member.tags));
            tagged.for_each(|(member, _)| tell(member, Reason::Tag(rule.clone())));
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

    fn judge_periods(&self, count: Count, unit: Unit, zone: &TimeZone, tell: &mut impl FnMut(usize, Reason)) {
        let oldest = self.order.last().map(|member| self.members[*member].slot);
        let mut seen = HashSet::new();
        let mut rank = 0;
        for slot in self.newest_first() {
            if !count.has(rank + 1) {
                break;
            }
            let at = self.members[slot[0]].slot;
            let period = unit.of(at, zone);
            if seen.insert(period) {
                rank += 1;
                for member in slot {
                    tell(*member, Reason::Newest { rank, count, period });
                }
            } else if Some(at) == oldest {
                for member in slot {
                    tell(*member, Reason::Oldest { rank, count, unit });
                }
            }
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
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    Last { rank: u32, count: Count },
    Newest { rank: u32, count: Count, period: CalendarPeriod },
    Oldest { rank: u32, count: Count, unit: Unit },
    Within { within: Period, newest: Timestamp },
    Tag(TagRule),
}

impl Reason {
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

impl From<Reason> for Wanted {
    fn from(reason: Reason) -> Self {
        Self { rule: reason.rule(), why: Why(reason) }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Why {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Reason {
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

#[cfg(test)]
mod tests {
    use super::properties::keep;
    use super::*;

    const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

    /// A line for each slot with the reasons it is wanted for.
    fn told(rules: &str, zone: &str, slots: &[&str]) -> String {
        let tags = Tags::default();
        let members: Vec<_> = slots.iter().map(|slot| Member { slot: slot.parse().unwrap(), tags: &tags }).collect();
        let wanted = keep(rules).wanted(&members, &TimeZone::posix(zone).unwrap());
        let reasons = |wanted: &[Wanted]| wanted.iter().map(|wanted| wanted.why.to_string()).collect::<Vec<_>>().join(", ");
        let lines = slots.iter().zip(&wanted).map(|(slot, wanted)| format!("{slot} {}", reasons(wanted)));
        lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_reason_can_be_read() {
        let nights = [
            "2026-11-23T02:00:00Z",
            "2026-11-22T02:00:00Z",
            "2026-11-21T02:00:00Z",
            "2026-11-20T02:00:00Z",
            "2026-11-16T02:00:00Z",
            "2026-10-31T02:00:00Z",
            "2026-10-02T02:00:00Z",
            "2026-10-01T02:00:00Z",
            "2025-12-31T02:00:00Z",
            "2025-12-30T02:00:00Z",
        ];
        insta::assert_snapshot!(told("last=2 daily=3 weekly=2 monthly=12 yearly=unlimited within=3d", "UTC0", &nights), @r"
        2026-11-23T02:00:00Z last 1 of 2, daily 1 of 3 (2026-11-23), weekly 1 of 2 (2026-W48), monthly 1 of 12 (2026-11), yearly 1 of unlimited (2026), within 3d of 2026-11-23T02:00:00Z
        2026-11-22T02:00:00Z last 2 of 2, daily 2 of 3 (2026-11-22), weekly 2 of 2 (2026-W47), within 3d of 2026-11-23T02:00:00Z
        2026-11-21T02:00:00Z daily 3 of 3 (2026-11-21), within 3d of 2026-11-23T02:00:00Z
        2026-11-20T02:00:00Z
        2026-11-16T02:00:00Z
        2026-10-31T02:00:00Z monthly 2 of 12 (2026-10)
        2026-10-02T02:00:00Z
        2026-10-01T02:00:00Z
        2025-12-31T02:00:00Z monthly 3 of 12 (2025-12), yearly 2 of unlimited (2025)
        2025-12-30T02:00:00Z the oldest, while monthly has only 3 of 12, the oldest, while yearly has only 2 of unlimited
        ");
    }

    #[test]
    fn a_tag_keeps_what_bears_it() {
        let tagged = |key: &str, value: &str| Tags::new([(key.to_owned(), value.to_owned())]);
        let tags = [tagged("Keep", "yes"), tagged("Keep", "no"), tagged("keep", "yes"), tagged("Reason", "")];
        let members = tags.each_ref().map(|tags| Member { slot: Timestamp::UNIX_EPOCH, tags });
        let whys = |rules: &str| {
            keep(rules).wanted(&members, &TimeZone::UTC).concat().into_iter().map(|wanted| wanted.why.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(whys("tag=Keep=yes"), ["tagged Keep=yes"]);
        assert_eq!(whys("tag=Keep tag=Reason="), ["tagged Keep", "tagged Keep", "tagged Reason="]);
    }

    #[test]
    fn a_week_begins_on_monday_and_may_belong_to_another_year() {
        insta::assert_snapshot!(told("weekly=9 yearly=9", "UTC0", &[
            "2021-01-04T00:00:00Z", "2021-01-03T23:59:59Z", "2020-12-31T00:00:00Z", "2020-12-28T00:00:00Z", "2020-12-27T00:00:00Z",
        ]), @r"
        2021-01-04T00:00:00Z weekly 1 of 9 (2021-W01), yearly 1 of 9 (2021)
        2021-01-03T23:59:59Z weekly 2 of 9 (2020-W53)
        2020-12-31T00:00:00Z yearly 2 of 9 (2020)
        2020-12-28T00:00:00Z
        2020-12-27T00:00:00Z weekly 3 of 9 (2020-W52), the oldest, while yearly has only 2 of 9
        ");
    }

    #[test]
    fn days_are_those_of_the_zone() {
        insta::assert_snapshot!(told("daily=2", BERLIN, &["2026-11-23T22:30:00Z", "2026-11-22T23:30:00Z", "2026-11-22T22:30:00Z"]), @r"
        2026-11-23T22:30:00Z daily 1 of 2 (2026-11-23)
        2026-11-22T23:30:00Z
        2026-11-22T22:30:00Z daily 2 of 2 (2026-11-22)
        ");
    }

    #[test]
    fn the_repeated_hour_is_an_hour_of_its_own() {
        insta::assert_snapshot!(told("hourly=3", BERLIN, &[
            "2026-10-25T01:45:00Z", "2026-10-25T01:15:00Z", "2026-10-25T00:45:00Z", "2026-10-25T00:15:00Z", "2026-10-24T23:45:00Z",
            "2026-10-24T22:45:00Z",
        ]), @r"
        2026-10-25T01:45:00Z hourly 1 of 3 (2026-10-25T02+01)
        2026-10-25T01:15:00Z
        2026-10-25T00:45:00Z hourly 2 of 3 (2026-10-25T02+02)
        2026-10-25T00:15:00Z
        2026-10-24T23:45:00Z hourly 3 of 3 (2026-10-25T01+02)
        2026-10-24T22:45:00Z
        ");
    }

    #[test]
    fn a_day_that_begins_twice_is_one_day() {
        // At 00:01 on the 25th it was 23:01 on the 24th again.
        insta::assert_snapshot!(told("daily=3", "NST3:30NDT,M4.1.0/0:01,M10.5.0/0:01", &[
            "2009-10-25T12:00:00Z", "2009-10-25T02:45:00Z", "2009-10-25T02:30:30Z", "2009-10-25T02:29:00Z", "2009-10-24T12:00:00Z", "2009-10-23T12:00:00Z",
        ]), @r"
        2009-10-25T12:00:00Z daily 1 of 3 (2009-10-25)
        2009-10-25T02:45:00Z daily 2 of 3 (2009-10-24)
        2009-10-25T02:30:30Z
        2009-10-25T02:29:00Z
        2009-10-24T12:00:00Z
        2009-10-23T12:00:00Z daily 3 of 3 (2009-10-23)
        ");
    }

    #[test]
    fn a_night_without_a_backup_uses_nothing_up() {
        insta::assert_snapshot!(told("daily=3", "UTC0", &["2026-11-23T02:00:00Z", "2026-11-20T02:00:00Z", "2026-09-01T02:00:00Z", "2026-08-31T02:00:00Z"]), @r"
        2026-11-23T02:00:00Z daily 1 of 3 (2026-11-23)
        2026-11-20T02:00:00Z daily 2 of 3 (2026-11-20)
        2026-09-01T02:00:00Z daily 3 of 3 (2026-09-01)
        2026-08-31T02:00:00Z
        ");
    }

    #[test]
    fn a_series_that_ended_long_ago_keeps_what_it_has() {
        insta::assert_snapshot!(told("within=2d", "UTC0", &["2007-03-03T02:00:00Z", "2007-03-02T02:00:00Z", "2007-03-01T02:00:00Z"]), @r"
        2007-03-03T02:00:00Z within 2d of 2007-03-03T02:00:00Z
        2007-03-02T02:00:00Z within 2d of 2007-03-03T02:00:00Z
        2007-03-01T02:00:00Z
        ");
    }

    #[test]
    fn the_newest_is_within_any_period_even_where_the_calendar_begins() {
        insta::assert_snapshot!(told("within=1d", "UTC0", &["-009999-01-02T01:59:59Z"]), @"-009999-01-02T01:59:59Z within 1d of -009999-01-02T01:59:59Z");
    }

    #[test]
    fn backups_of_one_slot_stand_and_fall_together() {
        insta::assert_snapshot!(told("last=1 daily=2", "UTC0", &["2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z", "2026-11-22T02:00:00Z", "2026-11-21T02:00:00Z"]), @r"
        2026-11-22T02:00:00Z daily 2 of 2 (2026-11-22)
        2026-11-23T02:00:00Z last 1 of 1, daily 1 of 2 (2026-11-23)
        2026-11-22T02:00:00Z daily 2 of 2 (2026-11-22)
        2026-11-21T02:00:00Z
        ");
    }

    #[test]
    fn no_rule_wants_nothing_and_no_backup_is_no_trouble() {
        assert!(
            Keep::default().is_empty() && !keep("within=1s").is_empty() && !keep("tag=Keep").is_empty() && !keep("yearly=1").is_empty()
        );
        assert_eq!(told("", "UTC0", &["2026-11-23T02:00:00Z"]), "2026-11-23T02:00:00Z");
        assert!(keep("last=1 daily=1 within=1d tag=a").wanted(&[], &TimeZone::UTC).is_empty());
    }

    #[test]
    fn a_count_is_a_number_from_1_or_unlimited() {
        assert_eq!("unlimited".parse(), Ok(Count::Unlimited));
        assert_eq!("7".parse::<Count>().unwrap().to_string(), "7");
        for wrong in ["", "0", "-1", "+1", "1.5", "all", "4294967296", " 7"] {
            assert!(wrong.parse::<Count>().is_err(), "{wrong:?}");
        }
        insta::assert_snapshot!("-1".parse::<Count>().unwrap_err(), @"`-1` is neither a number of backups from 1 nor `unlimited`");
    }

    #[test]
    fn a_tag_rule_is_a_key_or_a_key_and_its_value() {
        let rule = |key: &str, value: Option<&str>| TagRule { key: key.to_owned(), value: value.map(str::to_owned) };
        assert_eq!("Keep".parse(), Ok(rule("Keep", None)));
        assert_eq!("Keep=".parse(), Ok(rule("Keep", Some(""))));
        assert_eq!("Keep=a=b".parse(), Ok(rule("Keep", Some("a=b"))));
        for wrong in ["", " ", "=", "=yes"] {
            assert!(wrong.parse::<TagRule>().is_err(), "{wrong:?}");
        }
        insta::assert_snapshot!("=yes".parse::<TagRule>().unwrap_err(), @"`=yes` names no tag; write its key, or key=value");
    }
}
