//! Durations and sizes as they stand in configuration files.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

use crate::units;

/// Durations, with their unit.
pub(super) mod duration {
    use super::{Deserializer, Duration, DurationVisitor, Serializer};

    pub(in crate::daemon::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        deserializer.deserialize_str(DurationVisitor)
    }

    pub(in crate::daemon::config) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let millis = duration.as_millis();
        let units = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
        let fits = |(_, unit): &(&str, u128)| millis.is_multiple_of(*unit);
        let (name, unit) = units.into_iter().find(fits).unwrap_or(("ms", 1));
        serializer.collect_str(&format_args!("{}{name}", millis / unit))
    }
}

/// Sizes in bytes, as numbers or with their unit.
pub(super) mod bytes {
    use super::{Deserializer, Serializer, SizeVisitor};

    pub(in crate::daemon::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u32, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives references")]
    pub(in crate::daemon::config) fn serialize<S: Serializer>(
        bytes: &u32,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(*bytes)
    }
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration, as 250ms, 30s, 5m or 3h")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        let duration = units::parse_duration(text);
        duration
            .ok_or_else(|| E::custom(format!("{text:?} is not a duration, as 250ms, 30s or 3h")))
    }
}

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size, as 4096, 64KiB or 8MiB")
    }

    fn visit_u64<E: Error>(self, bytes: u64) -> Result<u32, E> {
        let most = u32::MAX;
        u32::try_from(bytes).map_err(|_| E::custom(format!("{bytes} bytes are more than {most}")))
    }

    fn visit_i64<E: Error>(self, bytes: i64) -> Result<u32, E> {
        let bytes = u64::try_from(bytes);
        self.visit_u64(bytes.map_err(|_| E::custom("a size is not below 0"))?)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u32, E> {
        let bytes = units::parse_size(text);
        let wrong = || E::custom(format!("{text:?} is not a size, as 4096, 64KiB or 8MiB"));
        self.visit_u64(bytes.ok_or_else(wrong)?)
    }
}
