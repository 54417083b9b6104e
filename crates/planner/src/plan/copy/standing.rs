//! How far a copy is: the type, and the words for it.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::expiry::Expiry;
use crate::id::{ImageId, Region};
use crate::inventory::ImageState;

/// Where one copy stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CopyStanding {
    /// The region of the source.
    pub source_region: Region,
    /// The source.
    pub source: ImageId,
    /// Where the copy was to go. Absent if the intent tag cannot be read.
    pub destination: Option<Region>,
    /// How far it is.
    #[serde(flatten)]
    pub standing: Standing,
}

/// How far a copy is, and why it is no further.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// It is to be asked for now.
    Due,
    /// The source is still being made.
    SourcePending,
    /// EC2 is copying.
    InFlight {
        /// The copy.
        copy: ImageId,
    },
    /// The copy is there.
    Done {
        /// The copy.
        copy: ImageId,
    },
    /// EC2 could not copy it, and this run does not ask again.
    Failed {
        /// The copy that failed last.
        copy: ImageId,
        /// EC2's explanation.
        reason: Option<String>,
    },
    /// The source cannot be copied as it is.
    SourceUnusable {
        /// Where the source stands.
        state: ImageState,
    },
    /// There is a copy of a newer backup of its series, so that what was missed or let go is not made any more.
    Superseded {
        /// The newest copy.
        by: ImageId,
    },
    /// It was asked for too long ago.
    Lapsed {
        /// Until when it would have been made.
        until: Timestamp,
    },
    /// The source goes within the hour, or is already due to go.
    SourceExpires {
        /// When it may go.
        expire: Expiry,
    },
    /// EC2 refused to copy it, and this run does not ask again.
    Refused {
        /// Why.
        why: String,
    },
    /// The destination could not be read, so that nobody knows what is there.
    DestinationUnseen {
        /// Why.
        why: String,
    },
    /// The intent tag on the source cannot be read, or asks for what cannot be.
    Unreadable {
        /// What it says.
        why: String,
    },
}

impl Standing {
    /// Whether a later round, or a later run, may still change it for the better.
    pub fn is_in_flight(&self) -> bool {
        match self {
            Self::Due | Self::SourcePending | Self::InFlight { .. } => true,
            Self::Done { .. }
            | Self::Failed { .. }
            | Self::Refused { .. }
            | Self::SourceUnusable { .. }
            | Self::Superseded { .. }
            | Self::Lapsed { .. }
            | Self::SourceExpires { .. }
            | Self::DestinationUnseen { .. }
            | Self::Unreadable { .. } => false,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Due => write!(f, "to be copied"),
            Self::SourcePending => write!(f, "waiting for the source image to be available"),
            Self::InFlight { copy } => write!(f, "{copy} pending"),
            Self::Done { copy } => write!(f, "{copy} available"),
            Self::Failed { copy, reason: Some(reason) } => write!(f, "{copy} failed: {reason}"),
            Self::Failed { copy, reason: None } => write!(f, "{copy} failed, and EC2 gives no reason"),
            Self::Refused { why } => write!(f, "not copied: {why}"),
            Self::SourceUnusable { state } => write!(f, "not copied: the source image is {state}"),
            Self::Superseded { by } => write!(f, "not needed: {by} is a copy of a newer backup"),
            Self::Lapsed { until } => write!(f, "not copied: asked for too long ago (it would have been made until {until})"),
            Self::SourceExpires { expire } => write!(f, "not copied: the source image may go at {expire}"),
            Self::DestinationUnseen { why } => write!(f, "unknown: the region could not be read: {why}"),
            Self::Unreadable { why } => write!(f, "not copied: {why}"),
        }
    }
}
