//! In how many minutes EC2 is to finish a copy, at a price.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;

/// The minutes in which a copy is to be done, once EC2 has taken the request: steps of 15, from 15 to 2880, which are two days
/// (`CopyImage`, `SnapshotCopyCompletionDurationMinutes`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Completion(u16);

/// A number of minutes that EC2 does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a copy is done in 15 to 2880 minutes, in steps of 15")]
pub struct InvalidCompletion;

impl Completion {
    /// The fewest minutes.
    pub const LEAST: u16 = 15;
    /// The most.
    pub const MOST: u16 = 2880;
    /// They come in multiples of this.
    pub const STEP: u16 = 15;

    /// So many minutes.
    ///
    /// # Errors
    /// EC2 does not take that number.
    pub fn of_minutes(minutes: u16) -> Result<Self, InvalidCompletion> {
        let is_valid = (Self::LEAST..=Self::MOST).contains(&minutes) && minutes.is_multiple_of(Self::STEP);
        if is_valid { Ok(Self(minutes)) } else { Err(InvalidCompletion) }
    }

    /// How many minutes.
    pub fn minutes(self) -> u16 {
        self.0
    }
}

/// As it is written in an intent tag: `60`.
impl fmt::Display for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Completion {
    type Err = InvalidCompletion;

    fn from_str(text: &str) -> Result<Self, InvalidCompletion> {
        let completion = text.parse().ok().and_then(|minutes| Self::of_minutes(minutes).ok()).ok_or(InvalidCompletion)?;
        // One number has one text: what is read is what was written.
        if completion.to_string() == text { Ok(completion) } else { Err(InvalidCompletion) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_come_in_steps_of_fifteen_up_to_two_days() {
        for right in ["15", "30", "60", "2880"] {
            assert_eq!(right.parse::<Completion>().map(|completion| completion.to_string()), Ok(right.to_owned()));
        }
        for wrong in ["", "0", "14", "50", "2895", "65535", "65536", "-15", "+15", "015", " 15", "1h"] {
            assert_eq!(wrong.parse::<Completion>(), Err(InvalidCompletion), "{wrong:?}");
        }
    }
}
