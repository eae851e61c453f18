//! Values with units: durations, sizes, file modes, and names that may be written in many ways.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration, written with its unit: `250ms`, `30s`, `5m`, `3h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl Span {
    pub(crate) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let (number, unit) = match millis {
            0 => (0, "s"),
            _ if millis.is_multiple_of(3_600_000) => (millis / 3_600_000, "h"),
            _ if millis.is_multiple_of(60_000) => (millis / 60_000, "m"),
            _ if millis.is_multiple_of(1_000) => (millis / 1_000, "s"),
            _ => (millis, "ms"),
        };
        write!(f, "{number}{unit}")
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_duration(text)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a duration with a unit, as 250ms, 30s or 5m"))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a duration with a unit, as 250ms, 30s, 5m or 3h";
        let text = deserializer.deserialize_any(Scalar(expected))?;
        match parse_duration(&text.text) {
            Some(duration) => Ok(Self(duration)),
            None if text.is_number => Err(D::Error::custom(format!(
                "{} has no unit; write {}s",
                text.text, text.text
            ))),
            None => Err(D::Error::custom(format!(
                "{:?} is not {expected}",
                text.text
            ))),
        }
    }
}

/// A duration in a key that ends in `_s`: a plain number of seconds, or with a unit.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    let expected = "a number of seconds, or a duration with a unit, as 30s or 2h";
    let text = deserializer.deserialize_any(Scalar(expected))?;
    let number = text.text.parse().ok().filter(|_| text.is_number);
    let span = number.map(Span::seconds);
    let span = span.or_else(|| parse_duration(&text.text).map(Span));
    span.ok_or_else(|| D::Error::custom(format!("{:?} is not {expected}", text.text)))
}

/// A duration in a key that ends in `_ms`: a plain number of milliseconds, or with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Millis(pub(crate) Duration);

impl Millis {
    pub(crate) const fn new(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a number of milliseconds, or a duration with a unit";
        let text = deserializer.deserialize_any(Scalar(expected))?;
        let millis = text.text.parse().ok().map(Duration::from_millis);
        let duration = millis.or_else(|| parse_duration(&text.text));
        duration
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("{:?} is not {expected}", text.text)))
    }
}

/// A number of bytes: `4096`, `64KiB`, `1MiB`, `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        match units
            .into_iter()
            .find(|(_, bytes)| self.0 > 0 && self.0.is_multiple_of(*bytes))
        {
            Some((unit, bytes)) => write!(f, "{}{unit}", self.0 / bytes),
            None => write!(f, "{}", self.0),
        }
    }
}

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_size(text)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a size, as 4096, 64KiB or 1MiB"))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_any(Scalar("a size, as 4096, 64KiB or 1MiB"))?;
        text.text.parse().map_err(D::Error::custom)
    }
}

/// Permissions of a file, in octal digits: `0o600`, `0600` in YAML, or `"600"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileMode(pub(crate) u32);

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#05o}", self.0)
    }
}

impl<'de> Deserialize<'de> for FileMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_any(Scalar(PERMISSIONS))?;
        let wrong = match parse_mode(&text.text) {
            // Digits that are not marked were read as decimal: 440 would be 0o670.
            Some(_) if text.is_number => {
                format!("{0} is not written in octal; write 0o{0}", text.text)
            }
            Some(mode) => return Ok(Self(mode)),
            None => format!("{:?} is not {PERMISSIONS}", text.text),
        };
        Err(D::Error::custom(wrong))
    }
}

/// A number of bytes, a duration or a name as it stands in a file.
struct Text {
    text: String,
    is_number: bool,
}

/// Takes a text or a whole number.
struct Scalar(&'static str);

impl Visitor<'_> for Scalar {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text {
            text: text.trim().to_owned(),
            is_number: false,
        })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Text, E> {
        Ok(Text {
            text: number.to_string(),
            is_number: true,
        })
    }

    /// YAML takes a plain `on` or `off` for one.
    fn visit_bool<E: Error>(self, value: bool) -> Result<Text, E> {
        self.visit_str(if value { "on" } else { "off" })
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Text, E> {
        Ok(Text {
            text: number.to_string(),
            is_number: true,
        })
    }
}

/// Takes a whole number.
pub(crate) fn whole<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    let expected = "a whole number of 0 or more";
    let Text { text, .. } = deserializer.deserialize_any(Scalar(expected))?;
    let number: u64 = text
        .parse()
        .map_err(|_| D::Error::custom(format!("{text:?} is not {expected}")))?;
    // No type of such a number is smaller.
    number
        .try_into()
        .map_err(|_| D::Error::custom(format!("{number} exceeds the limit of {}", u32::MAX)))
}

fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let millis = match unit.trim() {
        "ms" => number,
        "s" => number.checked_mul(1_000)?,
        "m" | "min" => number.checked_mul(60_000)?,
        "h" => number.checked_mul(3_600_000)?,
        _ => return None,
    };
    Some(Duration::from_millis(millis))
}

fn parse_mode(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let is_octal = digits.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    let mode = u32::from_str_radix(digits, 8).ok();
    mode.filter(|mode| is_octal && *mode <= 0o777)
}

fn parse_size(text: &str) -> Option<u64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let bytes: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "KiB" | "K" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" | "M" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" | "G" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(bytes)
}

/// Finds a name among those that are known, without regard to case and to `-` and `_`.
pub(crate) fn choose<'de, D, T>(deserializer: D, names: &[(&'static str, T)]) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Copy,
{
    let text = deserializer.deserialize_any(Scalar("a name"))?;
    let plain = |text: &str| text.replace(['-', '_'], "").to_ascii_lowercase();
    let wanted = plain(&text.text);
    let found = names.iter().find(|(name, _)| plain(name) == wanted);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
        D::Error::custom(format!(
            "{:?} is not one of {}",
            text.text,
            names.join(", ")
        ))
    })
}

const PERMISSIONS: &str = "permissions in octal digits, as 0o600";

macro_rules! text_schema {
    ($($type:ident, $pattern:literal, $description:literal;)*) => {
        $(
            impl JsonSchema for $type {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> Cow<'static, str> {
                    stringify!($type).into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({
                        "type": ["string", "integer"],
                        "pattern": $pattern,
                        "description": $description,
                    })
                }
            }
        )*
    };
}

text_schema! {
    Span, r"^\d+ ?(ms|s|m|min|h)$", "a duration with a unit: 250ms, 30s, 5m, 3h";
    Millis, r"^\d+ ?(ms|s|m|min|h)?$", "milliseconds, or a duration with a unit";
    Size, r"^\d+ ?(B|kB|KB|K|KiB|MB|M|MiB|GB|G|GiB)?$", "a number of bytes: 4096, 64KiB, 1MiB";
    FileMode, r"^(0o)?[0-7]{3,4}$", "permissions in octal digits: 0o600";
}

macro_rules! as_text {
    ($($type:ident),*) => {
        $(
            impl Serialize for $type {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }
        )*
    };
}

as_text!(Span, Size, FileMode);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX))
    }
}
