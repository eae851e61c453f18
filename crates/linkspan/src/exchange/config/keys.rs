//! The keys of configuration files.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::exchange::{IpcConfig, Variant};
use crate::transport::Backend;
use crate::units;

/// All keys of the section `ipc`.
const KEYS: [&str; 8] = [
    "transport",
    "endpoint_path",
    "max_frame_bytes",
    "accept_timeout_ms",
    "read_timeout_ms",
    "write_timeout_ms",
    "max_connections",
    "crc32_variant",
];

impl IpcConfig {
    /// Sets the value of a key; what is wrong with it otherwise.
    fn set(&mut self, key: &'static str, text: &str) -> Result<(), String> {
        match key {
            "transport" => self.transport = self.backend(text)?,
            "endpoint_path" => {
                let address = text.parse();
                self.endpoint_path = Some(address.map_err(|error| format!("{key}: {error}"))?);
            }
            "max_frame_bytes" => self.max_frame_bytes = size(key, text)?,
            "accept_timeout_ms" => self.accept_timeout = millis(key, text)?,
            "read_timeout_ms" => self.read_timeout = millis(key, text)?,
            "write_timeout_ms" => self.write_timeout = millis(key, text)?,
            "max_connections" => self.max_connections = count(key, text)?,
            _ => self.crc32_variant = choice(key, text, &Variant::ALL.map(|v| (v.name(), v)))?,
        }
        Ok(())
    }

    fn backend(&mut self, text: &str) -> Result<Backend, String> {
        if units::is_same_name(text, OLDER_TOKIO) {
            let note = format!("transport: {OLDER_TOKIO} is an older name of tokio, which is used");
            self.notes.push(note);
            return Ok(Backend::Tokio);
        }
        choice("transport", text, &Backend::ALL.map(|b| (b.name(), b)))
    }
}

fn size(key: &str, text: &str) -> Result<u32, String> {
    let bytes = units::parse_size(text)
        .ok_or_else(|| format!("{key}: {text:?} is not a size, as 4096, 64KiB or 1MiB"))?;
    let fitting = u32::try_from(bytes).ok().filter(|bytes| *bytes > 0);
    fitting.ok_or_else(|| format!("{key}: {bytes} is not between 1 and {}", u32::MAX))
}

fn millis(key: &str, text: &str) -> Result<Duration, String> {
    let expected = "a number of milliseconds above 0, or a duration with a unit";
    let duration = units::parse_millis(text).filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| format!("{key}: {text:?} is not {expected}"))
}

fn count(key: &str, text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| format!("{key}: {text:?} is not a number above 0"))
}

fn choice<T: Copy>(key: &str, text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices
        .iter()
        .find(|(name, _)| units::is_same_name(name, text));
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        format!("{key}: {text:?} is not one of {}", names.join(", "))
    })
}

/// The section as it stands in a larger configuration.
impl<'de> Deserialize<'de> for IpcConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut draft = Draft::default();
        Keys::section(&mut draft).deserialize(deserializer)?;
        Ok(draft.config)
    }
}

/// A file of its own: its keys may stand in a section `ipc`, alone, or with `ipc.` before them.
#[cfg(any(feature = "yaml", feature = "toml"))]
#[derive(Debug)]
pub(super) struct File(pub(super) IpcConfig);

#[cfg(any(feature = "yaml", feature = "toml"))]
impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut draft = Draft::default();
        Keys::file(&mut draft).deserialize(deserializer)?;
        Ok(Self(draft.config))
    }
}

impl Serialize for IpcConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("transport", self.transport.name())?;
        if let Some(address) = &self.endpoint_path {
            map.serialize_entry("endpoint_path", &address.to_string())?;
        }
        map.serialize_entry("max_frame_bytes", &self.max_frame_bytes)?;
        map.serialize_entry("accept_timeout_ms", &millis(self.accept_timeout))?;
        map.serialize_entry("read_timeout_ms", &millis(self.read_timeout))?;
        map.serialize_entry("write_timeout_ms", &millis(self.write_timeout))?;
        map.serialize_entry("max_connections", &self.max_connections)?;
        map.serialize_entry("crc32_variant", self.crc32_variant.name())?;
        map.end()
    }
}

/// A configuration while it is read.
#[derive(Debug, Default)]
struct Draft {
    config: IpcConfig,
    given: BTreeSet<&'static str>,
}

/// Reads keys into a draft.
struct Keys<'a> {
    draft: &'a mut Draft,
    is_file: bool,
}

impl<'a> Keys<'a> {
    fn section(draft: &'a mut Draft) -> Self {
        let is_file = false;
        Self { draft, is_file }
    }

    #[cfg(any(feature = "yaml", feature = "toml"))]
    fn file(draft: &'a mut Draft) -> Self {
        let is_file = true;
        Self { draft, is_file }
    }
}

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the keys of the section ipc")
    }

    /// A file or a section with nothing in it.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let is_file = self.is_file;
        while let Some(key) = map.next_key_seed(KeyName { is_file })? {
            match key {
                Key::Section => map.next_value_seed(Keys::section(self.draft))?,
                Key::Value(key) => {
                    let draft = &mut *self.draft;
                    map.next_value_seed(KeyValue { draft, key })?;
                }
            }
        }
        Ok(())
    }
}

/// What a key stands for.
enum Key {
    Section,
    Value(&'static str),
}

/// Reads a key. Its errors stand here, so that they have the key's place in the text.
struct KeyName {
    is_file: bool,
}

impl<'de> DeserializeSeed<'de> for KeyName {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        let Scalar { text } = Scalar::deserialize(deserializer)?;
        if self.is_file && text == SECTION {
            return Ok(Key::Section);
        }
        let dotted = text
            .strip_prefix(SECTION)
            .and_then(|rest| rest.strip_prefix('.'));
        let name = dotted.filter(|_| self.is_file).unwrap_or(&text);
        if let Some(key) = KEYS.into_iter().find(|key| *key == name) {
            return Ok(Key::Value(key));
        }
        let hint = match units::nearest(name, &KEYS) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("the keys here are {}", KEYS.join(", ")),
        };
        Err(D::Error::custom(format!("unknown key `{text}`: {hint}")))
    }
}

/// Reads the value of a key.
struct KeyValue<'a> {
    draft: &'a mut Draft,
    key: &'static str,
}

impl<'de> DeserializeSeed<'de> for KeyValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { draft, key } = self;
        let Scalar { text } = Scalar::deserialize(deserializer)?;
        if !draft.given.insert(key) {
            return Err(D::Error::custom(format!("{key} is given twice")));
        }
        draft.config.set(key, &text).map_err(D::Error::custom)
    }
}

/// A text or a whole number in a configuration.
struct Scalar {
    text: String,
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a whole number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
        let text = text.trim().to_owned();
        Ok(Scalar { text })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar, E> {
        self.visit_str(&number.to_string())
    }
}

const SECTION: &str = "ipc";
/// What the default backend was called before there were three.
const OLDER_TOKIO: &str = "ipc-interprocess";
