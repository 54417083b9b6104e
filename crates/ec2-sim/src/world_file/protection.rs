//! The protection of an image in a file: `true`, `"with-cooldown"`, or `{ until = 2026-06-02T00:00:00Z }`.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::toml_file::Instant;
use crate::world::DeregistrationProtection;

/// Whether an image can be deregistered.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProtectionText(pub(super) DeregistrationProtection);

impl Default for ProtectionText {
    fn default() -> Self {
        Self(DeregistrationProtection::Disabled)
    }
}

/// The protection was taken off, and still holds until then.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CoolingDownText {
    until: Instant,
}

impl<'de> Deserialize<'de> for ProtectionText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ProtectionVisitor)
    }
}

struct ProtectionVisitor;

impl<'de> Visitor<'de> for ProtectionVisitor {
    type Value = ProtectionText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false, \"with-cooldown\", or { until = 2026-06-02T00:00:00Z } while it cools down")
    }

    fn visit_bool<E: Error>(self, protected: bool) -> Result<ProtectionText, E> {
        Ok(if protected { ProtectionText(DeregistrationProtection::Enabled { with_cooldown: false }) } else { ProtectionText::default() })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ProtectionText, E> {
        match text {
            "with-cooldown" => Ok(ProtectionText(DeregistrationProtection::Enabled { with_cooldown: true })),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ProtectionText, A::Error> {
        let CoolingDownText { until } = CoolingDownText::deserialize(MapAccessDeserializer::new(map))?;
        Ok(ProtectionText(DeregistrationProtection::CoolingDown { until: until.0 }))
    }
}
