//! Reading the keys of a section, with the line of whatever is wrong.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;

use crate::plugin::ManifestError;
use crate::source::{Entry, Place, Tree};
use crate::units;

/// A section of a manifest, all of whose keys exist.
#[derive(Debug)]
pub(super) struct Section<'a> {
    /// Its path of keys; empty for the whole file.
    path: String,
    line: usize,
    entries: &'a [Entry],
}

impl<'a> Section<'a> {
    /// The whole file, which may have these keys.
    pub(super) fn root(tree: &'a Tree, keys: &[&str]) -> Result<Self, ManifestError> {
        match tree {
            Tree::Map(entries) => Self::checked(String::new(), 1, entries, keys),
            _ => Err(ManifestError::at(
                1,
                "a manifest is a list of keys with values",
            )),
        }
    }

    /// The section under a key, which may have these keys.
    pub(super) fn section(&self, key: &str, keys: &[&str]) -> Result<Option<Self>, ManifestError> {
        let Some(entry) = self.entry(key) else {
            return Ok(None);
        };
        self.inner(entry, keys).map(Some)
    }

    /// An entry of this section as one of its own.
    pub(super) fn inner(&self, entry: &'a Entry, keys: &[&str]) -> Result<Self, ManifestError> {
        let entries = self.map(entry)?;
        Self::checked(self.name(&entry.key), entry.place.line, entries, keys)
    }

    fn checked(
        path: String,
        line: usize,
        entries: &'a [Entry],
        keys: &[&str],
    ) -> Result<Self, ManifestError> {
        let unknown = entries
            .iter()
            .find(|entry| !keys.contains(&entry.key.as_str()));
        let section = Self {
            path,
            line,
            entries,
        };
        let Some(Entry { key, place, .. }) = unknown else {
            return Ok(section);
        };
        let hint = match units::nearest(key, keys) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("the keys here are {}", keys.join(", ")),
        };
        let key = section.name(key);
        Err(ManifestError::at(
            place.line,
            format!("unknown key `{key}`: {hint}"),
        ))
    }

    /// What stands under a key; a key without a value says nothing.
    pub(super) fn entry(&self, key: &str) -> Option<&'a Entry> {
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.key == key && !matches!(entry.value, Tree::Leaf(Value::Null)))
    }

    /// The section under a key, which may have any keys; empty if there is none.
    pub(super) fn free(&self, key: &str) -> Result<Self, ManifestError> {
        let entry = self.entry(key);
        Ok(Self {
            path: self.name(key),
            line: entry.map_or(self.line, |entry| entry.place.line),
            entries: entry
                .map(|entry| self.map(entry))
                .transpose()?
                .unwrap_or(&[]),
        })
    }

    /// All that stands in it.
    pub(super) fn entries(&self) -> &'a [Entry] {
        self.entries
    }

    fn map(&self, entry: &'a Entry) -> Result<&'a [Entry], ManifestError> {
        match &entry.value {
            Tree::Map(entries) => Ok(entries),
            _ => Err(self.wrong(entry, "is not a section of keys")),
        }
    }

    /// A key that has to be there, and why.
    pub(super) fn required<T>(
        &self,
        key: &str,
        value: Option<T>,
        example: &str,
    ) -> Result<T, ManifestError> {
        let name = self.name(key);
        let missing =
            || ManifestError::at(self.line, format!("{name} is missing, as in {example}"));
        value.ok_or_else(missing)
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, ManifestError> {
        self.entry(key).map(|entry| self.text_of(entry)).transpose()
    }

    fn text_of(&self, entry: &'a Entry) -> Result<&'a str, ManifestError> {
        match &entry.value {
            Tree::Leaf(Value::String(text)) if text.trim().is_empty() => {
                Err(self.wrong(entry, "is empty"))
            }
            Tree::Leaf(Value::String(text)) => Ok(text),
            Tree::Leaf(value @ Value::Number(_)) => {
                let problem = format!("is the number {value}, not a text; put it in quotes");
                Err(self.wrong(entry, &problem))
            }
            _ => Err(self.wrong(entry, "is not a text")),
        }
    }

    /// A text that stands for something.
    pub(super) fn parsed<T>(&self, key: &str) -> Result<Option<T>, ManifestError>
    where
        T: FromStr<Err: Display>,
    {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let parsed = text.parse();
        parsed
            .map(Some)
            .map_err(|error: T::Err| self.wrong_at(key, &error))
    }

    /// Texts that stand for something.
    pub(super) fn list<T>(&self, key: &str) -> Result<Vec<T>, ManifestError>
    where
        T: FromStr<Err: Display>,
    {
        let Some(entry) = self.entry(key) else {
            return Ok(Vec::new());
        };
        let Tree::List(items) = &entry.value else {
            return Err(self.wrong(entry, "is not a list of texts"));
        };
        let name = self.name(key);
        let parsed = items.iter().map(|item| {
            let wrong = |problem: &dyn Display| {
                ManifestError::at(item.place.line, format!("{name}: {problem}"))
            };
            match &item.value {
                Tree::Leaf(Value::String(text)) => {
                    text.parse().map_err(|error: T::Err| wrong(&error))
                }
                _ => Err(wrong(&"not all are texts")),
            }
        });
        parsed.collect()
    }

    pub(super) fn flag(&self, key: &str) -> Result<bool, ManifestError> {
        let Some(entry) = self.entry(key) else {
            return Ok(false);
        };
        match &entry.value {
            Tree::Leaf(Value::Bool(value)) => Ok(*value),
            _ => Err(self.wrong(entry, "is neither true nor false")),
        }
    }

    /// A whole number within limits.
    pub(super) fn number(
        &self,
        key: &str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, ManifestError> {
        let Some(entry) = self.entry(key) else {
            return Ok(None);
        };
        let number = match &entry.value {
            Tree::Leaf(Value::Number(number)) => number.as_u64(),
            _ => None,
        };
        let number = number.and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| range.contains(number));
        number.map(Some).ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            self.wrong(
                entry,
                &format!("is not a whole number from {least} to {most}"),
            )
        })
    }

    /// A number above 0, with a fraction or without.
    pub(super) fn fraction(&self, key: &str, most: f64) -> Result<Option<f64>, ManifestError> {
        let Some(entry) = self.entry(key) else {
            return Ok(None);
        };
        let number = match &entry.value {
            Tree::Leaf(Value::Number(number)) => number.as_f64(),
            _ => None,
        };
        let number = number.filter(|number| *number > 0.0 && *number <= most);
        number
            .map(Some)
            .ok_or_else(|| self.wrong(entry, &format!("is not a number above 0, up to {most}")))
    }

    /// One of several names, without regard to case and to `-` and `_`.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ManifestError> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let mut known = choices.iter();
        let found = known.find(|(name, _)| units::is_same_name(name, text));
        found.map(|(_, choice)| Some(*choice)).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            let names = names.join(", ");
            self.wrong_at(key, &format_args!("{text:?} is not one of {names}"))
        })
    }

    /// A duration above 0, with its unit.
    pub(super) fn duration(&self, key: &str) -> Result<Option<Duration>, ManifestError> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let duration = units::parse_duration(text).filter(|duration| !duration.is_zero());
        duration.map(Some).ok_or_else(|| {
            let expected = "a duration above 0 with a unit, as 250ms, 30s or 5m";
            self.wrong_at(key, &format_args!("{text:?} is not {expected}"))
        })
    }

    /// Something is wrong with what stands under a key, which the text names.
    pub(super) fn wrong_at(&self, key: &str, problem: &dyn Display) -> ManifestError {
        let place = self.entry(key).map(|entry| entry.place);
        let line = place.map_or(self.line, |Place { line, .. }| line);
        ManifestError::at(line, format!("{}: {problem}", self.name(key)))
    }

    /// Something is wrong with a key.
    pub(super) fn wrong_key(&self, entry: &Entry, problem: &dyn Display) -> ManifestError {
        ManifestError::at(entry.place.line, format!("{}: {problem}", self.path))
    }

    /// Something is wrong with an entry; the text goes on after its name.
    fn wrong(&self, entry: &Entry, problem: &str) -> ManifestError {
        let name = self.name(&entry.key);
        ManifestError::at(entry.place.line, format!("{name} {problem}"))
    }

    /// The path of a key.
    fn name(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }
}
