//! Random commands, as people and crontabs give them.

use std::collections::BTreeSet;
use std::fmt;

use engine::RegionScope;
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use planner::expiry::Expiry;
use planner::id::Region;
use planner::policy::{CopyRequest, ImageRequest, MaxDeletes, PurgePolicy};
use planner::tags::Encryption;

use crate::known::{DB, HOME, KEY, MAIL, REGIONS, WEB, known};

/// What is to be done.
#[derive(Debug, Clone)]
pub enum What {
    /// `image-instance`.
    Image(Line),
    /// `resume` in these regions, or in all.
    Resume(Option<Vec<&'static str>>),
    /// `purge-expired-amis` in these regions, or in all.
    Purge(Option<Vec<&'static str>>, PurgePolicy),
}

/// A line with `image-instance` in somebody's crontab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `-i`.
    pub instance: &'static str,
    /// `-e`, from the start of the run on.
    pub expires_after: Option<SignedDuration>,
    /// `--reboot`.
    pub reboot: bool,
    /// `-d`.
    pub copies: Vec<(&'static str, Encryption)>,
}

/// A command with the options that all have.
#[derive(Debug, Clone)]
pub struct Command {
    /// What is to be done.
    pub what: What,
    /// `-t`.
    pub patience: SignedDuration,
    /// Without `--no-wait`.
    pub wait: bool,
    /// `--dry-run`.
    pub dry_run: bool,
}

impl Command {
    /// With eight hours of patience.
    pub fn patient(what: What) -> Self {
        Self { what, patience: SignedDuration::from_hours(8), wait: true, dry_run: false }
    }

    /// `resume` everywhere.
    pub fn resume() -> Self {
        Self::patient(What::Resume(None))
    }

    /// Any `image-instance`.
    pub fn any_image(rng: &mut Rng, regions: &'static [&'static str]) -> Self {
        Self { what: What::Image(Line::any(rng, regions)), ..Self::any(rng) }
    }

    /// Any `resume`.
    pub fn any_resume(rng: &mut Rng, regions: &'static [&'static str]) -> Self {
        Self { what: What::Resume(scope(rng, regions)), ..Self::any(rng) }
    }

    /// Any `purge-expired-amis`.
    pub fn any_purge(rng: &mut Rng, regions: &'static [&'static str]) -> Self {
        let policy = PurgePolicy {
            regions: BTreeSet::new(),
            keep_last: [0, 0, 1, 1, 2][rng.usize(..5)],
            max_deletes: match rng.u8(..8) {
                0 => Some(MaxDeletes::Count(rng.u64(..4))),
                1 => Some(MaxDeletes::Percent(rng.u64(..=100))),
                _ => None,
            },
            require_checks: rng.u8(..4) == 0,
            keep_launched: rng.u8(..4) == 0,
            series: None,
            agreed: None,
        };
        Self { what: What::Purge(scope(rng, regions), policy), ..Self::any(rng) }
    }

    fn any(rng: &mut Rng) -> Self {
        let patience = match rng.u8(..4) {
            0 => SignedDuration::from_secs(rng.i64(0..60)),
            1 => SignedDuration::from_secs(rng.i64(60..900)),
            _ => SignedDuration::from_hours(8),
        };
        Self { patience, wait: rng.u8(..5) > 0, dry_run: rng.u8(..10) == 0, ..Self::resume() }
    }

    /// The request that a line makes at an instant.
    pub fn request(&self, line: &Line, now: Timestamp) -> ImageRequest {
        // The program knows whole seconds, since names and tags hold no more.
        let slot = Timestamp::from_second(now.as_second()).unwrap_or(now);
        ImageRequest {
            instance: known(line.instance.parse()),
            region: known(line.region().parse()),
            slot,
            expire: line.expires_after.and_then(|after| slot.saturating_add(after).ok()).map(Expiry::at),
            reboot: line.reboot,
            copies: line
                .copies
                .iter()
                .map(|(destination, encryption)| CopyRequest {
                    destination: known(destination.parse()),
                    encryption: encryption.clone(),
                    completion: None,
                })
                .collect(),
            patience: self.patience,
            series: None,
        }
    }
}

impl Line {
    /// A backup of `web-1` with two copies, to go in a week.
    pub fn with_two_copies() -> Self {
        Self {
            instance: WEB,
            expires_after: Some(SignedDuration::from_hours(7 * 24)),
            reboot: false,
            copies: vec![(REGIONS[1], Encryption::AsSource), (REGIONS[2], Encryption::AsSource)],
        }
    }

    fn any(rng: &mut Rng, regions: &'static [&'static str]) -> Self {
        let instance = [WEB, WEB, DB, MAIL][rng.usize(..4)];
        let mut line = Self {
            instance,
            expires_after: match rng.u8(..4) {
                0 => None,
                1 => Some(SignedDuration::from_mins(rng.i64(61..24 * 60))),
                _ => Some(SignedDuration::from_hours(rng.i64(24..30 * 24))),
            },
            reboot: rng.u8(..8) == 0,
            copies: Vec::new(),
        };
        let home = line.region();
        for region in regions.iter().filter(|region| **region != home) {
            if line.copies.len() < 3 && rng.u8(..5) < 2 {
                let encryption = match (rng.u8(..8), *region) {
                    (0, _) => Encryption::DefaultKey,
                    (1, "us-west-2") => Encryption::Key(KEY.to_owned()),
                    (2, _) => Encryption::Key("nobody-has-this".to_owned()),
                    _ => Encryption::AsSource,
                };
                line.copies.push((region, encryption));
            }
        }
        if rng.u8(..20) == 0 {
            line.copies.push((REGIONS[REGIONS.len() - 1], Encryption::AsSource));
        }
        line
    }

    /// Where the instance is.
    pub fn region(&self) -> &'static str {
        if self.instance == MAIL { REGIONS[1] } else { HOME }
    }
}

fn scope(rng: &mut Rng, regions: &'static [&'static str]) -> Option<Vec<&'static str>> {
    if rng.bool() {
        return None;
    }
    let some: Vec<&str> = regions.iter().copied().filter(|_| rng.u8(..3) > 0).collect();
    Some(if some.is_empty() { vec![HOME] } else { some })
}

/// The scope as the engine takes it.
pub fn region_scope(regions: Option<&[&'static str]>) -> RegionScope {
    match regions {
        None => RegionScope::AllEnabled { asked: known(HOME.parse()) },
        Some(regions) => RegionScope::These(regions.iter().map(|region| known(region.parse::<Region>())).collect()),
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |regions: &Option<Vec<&'static str>>| regions.as_ref().map_or("all".to_owned(), |regions| regions.join(","));
        match &self.what {
            What::Image(line) => {
                write!(f, "image-instance -i {}", line.instance)?;
                if let Some(after) = line.expires_after {
                    write!(f, " -e +{}min", after.as_mins())?;
                }
                if line.reboot {
                    f.write_str(" --reboot")?;
                }
                for (destination, encryption) in &line.copies {
                    write!(f, " -d {destination}")?;
                    if *encryption != Encryption::AsSource {
                        write!(f, "[{encryption}]")?;
                    }
                }
            }
            What::Resume(regions) => write!(f, "resume -r {}", place(regions))?,
            What::Purge(regions, policy) => {
                write!(f, "purge-expired-amis -r {} --keep-last {}", place(regions), policy.keep_last)?;
                if let Some(most) = policy.max_deletes {
                    write!(f, " --max-deletes {most}")?;
                }
                for (flag, is_set) in [("require-checks", policy.require_checks), ("keep-launched", policy.keep_launched)] {
                    if is_set {
                        write!(f, " --{flag}")?;
                    }
                }
            }
        }
        write!(f, " -t {}", self.patience.as_secs())?;
        f.write_str(if self.wait { "" } else { " --no-wait" })?;
        f.write_str(if self.dry_run { " --dry-run" } else { "" })
    }
}
