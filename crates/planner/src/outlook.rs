//! When a backup goes, as far as that can be said beforehand, and what would have to change where time alone does not let it go.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::guard::Refusal;
use crate::id::{ImageId, Region};
use crate::inventory::{Image, Protection};
use crate::plan::KeepReason;
use crate::plan::purge::Decision;
use crate::policy::file::Policy;
use crate::simulate::{Fate, Start, fate};

/// So far is looked ahead: longer than hardly any policy keeps anything.
const AHEAD: SignedDuration = SignedDuration::from_hours(10 * 366 * 24);

/// When a backup goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "when", rename_all = "snake_case")]
pub enum Outlook {
    /// With the next purge, which may be a run of the policy.
    Next,
    /// With the first purge after this instant, which is its expiry.
    After {
        /// The instant.
        at: Timestamp,
        /// Whether EC2 protects it from being deregistered: then it stays until a person has lifted that.
        protected: bool,
    },
    /// With the policy's run at this instant, if the policy goes on running on schedule as it is.
    ByRules {
        /// The instant.
        at: Timestamp,
        /// Whether EC2 protects it from being deregistered: then it stays until a person has lifted that.
        protected: bool,
    },
    /// Not before this instant, if the policy goes on running on schedule as it is; further ahead was not looked.
    NotBefore {
        /// The instant.
        until: Timestamp,
    },
    /// Its time has come, and it goes once something else is so.
    Once {
        /// What has to change, for people.
        change: String,
    },
    /// Not by itself.
    Unless {
        /// What would have to change, for people.
        change: String,
    },
}

/// The outlook of a backup of which this was decided now. Where a policy's rules decide, they are replayed from what was seen: `rules`
/// says which, for which of its accounts, and where the backup is.
///
/// # Errors
/// The guard objects to what the planner does, which is a defect of this program.
pub fn outlook(
    decision: &Decision,
    image: &Image,
    now: Timestamp,
    rules: Option<(&Policy, &str, Start<'_>, &Region)>,
) -> Result<Outlook, Refusal> {
    let protected = image.protection != Protection::Off;
    let image = &image.id;
    let reason = match decision {
        Decision::Purge { .. } => return Ok(Outlook::Next),
        Decision::Keep { reason: KeepReason::NotExpired { until } } => return Ok(Outlook::After { at: until.instant(), protected }),
        Decision::Keep { reason } => reason,
    };
    let is_for_rules = matches!(
        reason,
        KeepReason::Wanted { .. }
            | KeepReason::NewestOfSeries { .. }
            | KeepReason::FailedLast { .. }
            | KeepReason::Uncopied { .. }
            | KeepReason::SlotAhead { .. }
    );
    let Some((policy, account, start, region)) = rules.filter(|_| is_for_rules) else { return Ok(change(reason, image)) };
    let until = now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
    Ok(match fate(policy, account, start, (region, image), until)? {
        Some(Fate::Goes { at }) => Outlook::ByRules { at, protected },
        Some(Fate::IsThereStill { until }) => Outlook::NotBefore { until },
        Some(Fate::Stays) | None => change(reason, image),
    })
}

/// What has to change before something goes that is kept for this reason.
fn change(reason: &KeepReason, image: &ImageId) -> Outlook {
    let expire = || format!("it is given an expiry (`ami-backup expire {image} WHEN`)");
    let unless = |change: String| Outlook::Unless { change };
    let once = |change: &str| Outlook::Once { change: change.to_owned() };
    match reason {
        KeepReason::NoExpiry
        | KeepReason::UnreadableExpiry { .. }
        | KeepReason::NotOfPolicy
        | KeepReason::SeriesUnclear
        | KeepReason::SlotAhead { .. } => unless(expire()),
        KeepReason::OfNoTarget { series } => unless(format!("the policy has a target {series} again, or {}", expire())),
        // Nothing is added to its series any more.
        KeepReason::Wanted { .. } | KeepReason::NewestOfSeries { .. } | KeepReason::FailedLast { .. } | KeepReason::Uncopied { .. } => {
            unless(format!("backups are made of its instance again, or {}", expire()))
        }
        KeepReason::Pinned { .. } => unless(format!("it is unpinned (`ami-backup unpin {image}`)")),
        KeepReason::Pending => unless("it has been made, and its time has come then".to_owned()),
        KeepReason::Protected { .. } => once("somebody has lifted its protection"),
        KeepReason::Referenced { .. } => once("nothing refers to it any more"),
        KeepReason::Locked { .. } => once("the lock is gone"),
        KeepReason::CopyInFlight { .. } => once("the copy has been made"),
        KeepReason::DestinationUnseen { .. } | KeepReason::NotChecked { .. } => once("that could be read"),
        KeepReason::NotExpired { .. }
        | KeepReason::NotAgreed
        | KeepReason::AmongNewest { .. }
        | KeepReason::CannotBeCounted
        | KeepReason::WouldStrand { .. }
        | KeepReason::CoversShared { .. }
        | KeepReason::InRecycleBin { .. }
        | KeepReason::ListedUnlike { .. }
        | KeepReason::StillUsed { .. }
        | KeepReason::Anothers { .. }
        | KeepReason::NotOurs
        | KeepReason::NotSeen => once("that is not so any more"),
    }
}

fn but_for_protection(protected: bool) -> &'static str {
    if protected { ", and once somebody has lifted its protection" } else { "" }
}

impl fmt::Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Next => write!(f, "with the next purge"),
            Self::After { at, protected } => write!(f, "after {at}{}", but_for_protection(*protected)),
            Self::ByRules { at, protected } => {
                write!(f, "{at}, if the policy goes on running on schedule{}", but_for_protection(*protected))
            }
            Self::NotBefore { until } => write!(f, "not before {until}, if the policy goes on running on schedule"),
            Self::Once { change } => write!(f, "once {change}"),
            Self::Unless { change } => write!(f, "not unless {change}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Evidence, ReferenceKind};
    use crate::fixture::{HOME, at, backup, id, instance, now, region, world};
    use crate::fleet::Instance;
    use crate::inventory::{Inventory, Scope};
    use crate::plan::due::rules;
    use crate::plan::purge::{Subject, decide};
    use crate::policy::PurgePolicy;
    use crate::policy::file::SELF;

    const NOON: &str = "2026-11-10T12:00:00Z";

    fn web(settings: &str) -> Policy {
        let text = format!("[[target]]\nname = 'web'\nselect = {{ all = true }}\n{settings}");
        Policy::read(&text, "ami-backup.toml").unwrap_or_else(|errors| panic!("{errors}")).0
    }

    /// The backups of ten days, and what else is there.
    fn ten_days() -> Inventory {
        (1..=10).fold(world(), |inventory, day| {
            inventory.with(backup(&format!("ami-{day}")).of_series("web").slot(&format!("2026-11-{day:02}T02:00:00Z")))
        })
    }

    /// What is decided of a backup by a policy at that noon, and its outlook.
    fn seen(policy: &Policy, instances: &[Instance], inventory: &Inventory, image: &str) -> (Decision, Outlook) {
        let inventory =
            &if inventory.regions[&region(HOME)].evidence == Evidence::default() { inventory.clone().checked() } else { inventory.clone() };
        let series = Some(rules(policy, SELF, instances));
        let regions = inventory.regions.keys().cloned().collect();
        let purge = PurgePolicy { regions, require_checks: true, series, ..PurgePolicy::default() };
        let plan = decide(inventory, &purge, at(NOON));
        let image: ImageId = id(image);
        let is_it = |subject: &Subject| matches!(subject, Subject::Backup(label) if label.image == image);
        let decision = plan.verdicts.into_iter().find(|verdict| is_it(&verdict.subject)).unwrap().decision;
        let start = Start { from: at(NOON), instances, inventory: Some(inventory) };
        let seen = inventory.image(&region(HOME), &image).unwrap();
        let outlook = outlook(&decision, seen, at(NOON), Some((policy, SELF, start, &region(HOME)))).unwrap();
        (decision, outlook)
    }

    fn told(policy: &Policy, instances: &[Instance], inventory: &Inventory, image: &str) -> String {
        let (decision, outlook) = seen(policy, instances, inventory, image);
        let why = match decision {
            Decision::Keep { reason } => format!("keep: {reason}"),
            Decision::Purge { reason, .. } => format!("purge: {reason}"),
        };
        format!("{why}; {outlook}")
    }

    #[test]
    fn rules_let_it_go_on_the_day_on_which_they_do() {
        let (policy, instances) = (web("schedule = '0 2 * * *'\nkeep-daily = 12"), [instance("i-1", &[])]);
        for day in 1..=10 {
            let (_, outlook) = seen(&policy, &instances, &ten_days(), &format!("ami-{day}"));
            // The first of the twelve days that it is one of is its own.
            assert_eq!(
                outlook,
                Outlook::ByRules { at: at(&format!("2026-11-{:02}T02:00:00Z", day + 12)), protected: false },
                "of {day} November"
            );
        }
        let tiers = web("schedule = '0 2 * * *'\nkeep-daily = 2\nkeep-monthly = 12\nkeep-yearly = 10");
        let by = |settings: &str, image: &str| told(&web(&format!("schedule = '0 2 * * *'\n{settings}")), &instances, &ten_days(), image);
        insta::assert_snapshot!(told(&tiers, &instances, &ten_days(), "ami-9"), @"keep: daily 2 of 2 (2026-11-09); 2026-11-11T02:00:00Z, if the policy goes on running on schedule");
        insta::assert_snapshot!(told(&tiers, &instances, &ten_days(), "ami-5"), @"purge: no keep rule of web wants it any more; with the next purge");
        insta::assert_snapshot!(by("keep-last = 2", "ami-10"), @"keep: last 1 of 2; 2026-11-12T02:00:00Z, if the policy goes on running on schedule");
        let kept = ten_days().with(backup("ami-20").of_series("web").slot("2026-11-01T03:00:00Z").tagged("Kept", "yes"));
        let policy = web("schedule = '0 2 * * *'\nkeep-last = 2\nkeep-tag = ['Kept']");
        insta::assert_snapshot!(told(&policy, &instances, &kept, "ami-20"), @"keep: tagged Kept; not before 2036-11-17T12:00:00Z, if the policy goes on running on schedule");
    }

    #[test]
    fn of_an_instance_that_is_gone_time_alone_lets_nothing_go() {
        let policy = web("schedule = '0 2 * * *'\nkeep-daily = 12");
        insta::assert_snapshot!(told(&policy, &[], &ten_days(), "ami-1"), @"keep: daily 10 of 12 (2026-11-01); not unless backups are made of its instance again, or it is given an expiry (`ami-backup expire ami-00000001 WHEN`)");
        let expiring =
            ten_days().with(backup("ami-11").of_series("web").slot("2026-11-01T02:00:00Z").tagged("Expire", "2026-12-01T00:00:00Z"));
        insta::assert_snapshot!(told(&policy, &[], &expiring, "ami-11"), @"keep: it expires 2026-12-01T00:00:00Z; after 2026-12-01T00:00:00Z");
    }

    #[test]
    fn what_else_keeps_it_says_what_has_to_change() {
        let (policy, instances) = (web("schedule = '0 2 * * *'\nkeep-daily = 2"), [instance("i-1", &[])]);
        let with = |inventory: Inventory, image: &str| told(&policy, &instances, &inventory, image);
        let of_old = |image: &str| backup(image).of_series("web").slot("2026-11-01T03:00:00Z");
        insta::assert_snapshot!(with(ten_days().with(of_old("ami-20").pinned("audit")), "ami-20"), @"keep: it is pinned: audit; not unless it is unpinned (`ami-backup unpin ami-00000020`)");
        insta::assert_snapshot!(with(ten_days().with(of_old("ami-20").protected()), "ami-20"), @"keep: it is protected from deregistration (enabled-with-cooldown); once somebody has lifted its protection");
        insta::assert_snapshot!(with(ten_days().checked().referenced_by(ReferenceKind::LaunchTemplate, "lt", "ami-1"), "ami-1"), @"keep: the launch template lt names it; once nothing refers to it any more");
        insta::assert_snapshot!(with(ten_days().with(of_old("ami-20").tagged("Expire", "soon")), "ami-20"), @"keep: its Expire tag `soon` cannot be read as an instant: `soon` is not understood; not unless it is given an expiry (`ami-backup expire ami-00000020 WHEN`)");
        insta::assert_snapshot!(with(ten_days().with(of_old("ami-20").pending()), "ami-20"), @"keep: it is still being made; not unless it has been made, and its time has come then");
        insta::assert_snapshot!(with(ten_days().with(of_old("ami-20").of_series("db")), "ami-20"), @"keep: the policy has no target db any more; not unless the policy has a target db again, or it is given an expiry (`ami-backup expire ami-00000020 WHEN`)");
        let wanted = backup("ami-20").of_series("web").slot("2026-11-10T03:00:00Z").protected();
        insta::assert_snapshot!(with(ten_days().with(wanted), "ami-20"), @"keep: daily 1 of 2 (2026-11-10); 2026-11-12T02:00:00Z, if the policy goes on running on schedule, and once somebody has lifted its protection");
        // A failed one goes with the next good one, and a date that has not come is waited for.
        insta::assert_snapshot!(with(ten_days().with(of_old("ami-20").slot("2026-11-10T03:00:00Z").failed()), "ami-20"), @"keep: it failed, and web has no newer good one here yet; 2026-11-11T02:00:00Z, if the policy goes on running on schedule");
        insta::assert_snapshot!(with(ten_days().with(of_old("ami-20").slot("2026-11-20T02:00:00Z")), "ami-20"), @"keep: by its Date tag it is of 2026-11-20T02:00:00Z, which is yet to come; 2026-11-22T02:00:00Z, if the policy goes on running on schedule");
    }

    #[test]
    fn the_day_is_the_one_that_a_whole_simulation_finds() {
        let policy = web("schedule = '0 */8 * * *'\nkeep-hourly = 5\nkeep-daily = 4\nkeep-weekly = 3\ncopy = [{ region = 'eu-west-1' }]");
        let instances = [instance("i-1", &[]), instance("i-2", &[])];
        let inventory =
            ten_days().with(backup("ami-30").of("i-2").of_series("web").slot("2026-11-08T02:00:00Z")).seen("eu-west-1", Scope::Whole);
        let start = Start { from: at(NOON), instances: &instances, inventory: Some(&inventory) };
        let whole = crate::simulate::simulate(&policy, SELF, start, 60, &[]).unwrap();
        for (image, of, day) in (1..=10).map(|day| (day, "i-1", day)).chain([(30, "i-2", 8)]) {
            let slot = at(&format!("2026-11-{day:02}T02:00:00Z"));
            let goes = match seen(&policy, &instances, &inventory, &format!("ami-{image}")).1 {
                Outlook::ByRules { at, .. } => at,
                Outlook::Next => at(NOON),
                other => panic!("{other:?}"),
            };
            let is_there = |at: Timestamp| whole.kept_at(&region(HOME), &id(of), at).contains(&(region(HOME), slot));
            let before = goes - SignedDuration::from_secs(1);
            assert!(!is_there(goes) && (goes == at(NOON) || is_there(before)), "{image} goes {goes}");
        }
    }

    #[test]
    fn without_rules_an_expiry_decides_alone() {
        let inventory = world().with(backup("ami-1").tagged("Expire", "2027-01-01T00:00:00Z")).with(backup("ami-2"));
        let plan = decide(&inventory, &crate::fixture::policy(&inventory), now());
        let image = |place: usize| inventory.image(&region(HOME), &id(&format!("ami-{}", place + 1))).unwrap();
        let told = |place: usize| outlook(&plan.verdicts[place].decision, image(place), now(), None).unwrap().to_string();
        insta::assert_snapshot!(told(0), @"after 2027-01-01T00:00:00Z");
        insta::assert_snapshot!(told(1), @"not unless it is given an expiry (`ami-backup expire ami-00000002 WHEN`)");
    }
}
