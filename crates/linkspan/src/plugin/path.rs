//! Paths of files in a plugin.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use thiserror::Error;

/// Where a file of a plugin is, from its folder on, with `/` between the parts on every system.
///
/// It never leads out of the folder: there are no `..`, and it does not begin with `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginPath(String);

impl PluginPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its folders, and the name of the file.
    pub(super) fn split(&self) -> (impl Iterator<Item = &Path>, &Path) {
        let (folders, name) = self.0.rsplit_once('/').unwrap_or(("", &self.0));
        let folders = folders.split('/').filter(|folder| !folder.is_empty());
        (folders.map(Path::new), Path::new(name))
    }

    /// The path of something that stands in the folder of this path, or in that of the plugin.
    pub(super) fn join(parent: Option<&Self>, name: &str) -> Result<Self, PluginPathError> {
        match parent {
            Some(parent) => format!("{parent}/{name}").parse(),
            None => name.parse(),
        }
    }

    /// Whether it is another one, or stands somewhere in it.
    pub(super) fn is_in(&self, folder: &Self) -> bool {
        let rest = self.0.strip_prefix(folder.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for PluginPath {
    type Err = PluginPathError;

    fn from_str(text: &str) -> Result<Self, PluginPathError> {
        let wrong = |problem| PluginPathError {
            path: text.chars().take(SHOWN).collect(),
            problem,
        };
        if text.len() > MAX_BYTES {
            return Err(wrong("is longer than 1024 bytes"));
        }
        if text.starts_with('/') {
            return Err(wrong("is absolute; write it from the plugin's folder on"));
        }
        let is_foreign = |c: char| c == '\\' || c == ':' || c.is_control();
        if text.contains(is_foreign) {
            return Err(wrong("has a backslash, a colon or a control character"));
        }
        if text.split('/').any(|part| part == "..") {
            return Err(wrong("leads out of the plugin's folder by `..`"));
        }
        if text.split('/').any(|part| part.is_empty() || part == ".") {
            return Err(wrong("has an empty part or `.`"));
        }
        if text.split('/').any(|part| part.len() > MAX_PART_BYTES) {
            return Err(wrong("has a part that is longer than 255 bytes"));
        }
        if text.split('/').count() > MAX_PARTS {
            return Err(wrong("has more than 16 parts"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PluginPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is no path in a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the path {path:?} {problem}")]
pub struct PluginPathError {
    path: String,
    problem: &'static str,
}

const MAX_BYTES: usize = 1024;
const MAX_PART_BYTES: usize = 255;
const MAX_PARTS: usize = 16;
/// Characters of a wrong path that its error shows.
const SHOWN: usize = 80;
