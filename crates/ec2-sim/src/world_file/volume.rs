//! A volume in a file: `8`, or `{ size = 8, type = "io2" }`.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::id::{SnapshotId, VolumeId};
use crate::world::Tags;

/// A volume of an instance, or one that the instances of an image get.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VolumeText {
    /// In GiB.
    pub(super) size: u32,
    #[serde(rename = "type", default = "usual_type")]
    pub(super) volume_type: String,
    pub(super) device: Option<String>,
    pub(super) id: Option<VolumeId>,
    pub(super) snapshot: Option<SnapshotId>,
    #[serde(default)]
    pub(super) encrypted: bool,
    pub(super) kms_key_id: Option<String>,
    pub(super) delete_on_termination: Option<bool>,
    #[serde(default)]
    pub(super) tags: Tags,
}

impl VolumeText {
    /// Of which nothing is said but its size.
    pub(super) fn of_size(size: u32) -> Self {
        Self {
            size,
            volume_type: usual_type(),
            device: None,
            id: None,
            snapshot: None,
            encrypted: false,
            kms_key_id: None,
            delete_on_termination: None,
            tags: Tags::new(),
        }
    }
}

fn usual_type() -> String {
    "gp3".to_owned()
}

/// The same, written as a table or as its mere size.
#[derive(Debug, Clone)]
pub(super) struct Entry(pub(super) VolumeText);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the size of a volume in GiB, or a table such as { size = 100, type = \"st1\" }")
    }

    fn visit_i64<E: Error>(self, size: i64) -> Result<Entry, E> {
        let size = u32::try_from(size).map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(size), &self))?;
        Ok(Entry(VolumeText::of_size(size)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
        VolumeText::deserialize(MapAccessDeserializer::new(map)).map(Entry)
    }
}
