//! Names of plugins.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The name of a plugin: lower-case letters, digits and single `-` between them, a letter first, at most
/// 64 characters. It is a part of principals (`plugin:indexer`), of directories and of sockets.
///
/// ```
/// use linkspan::plugin::PluginName;
///
/// let name: PluginName = "log-indexer2".parse().unwrap();
/// assert_eq!(name.as_str(), "log-indexer2");
/// for wrong in ["", "Indexer", "2nd", "a_b", "a--b", "a-", "../a", "ä"] {
///     wrong.parse::<PluginName>().unwrap_err();
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginName(String);

impl PluginName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PluginName {
    type Err = PluginNameError;

    fn from_str(text: &str) -> Result<Self, PluginNameError> {
        let wrong = |problem| PluginNameError {
            name: text.chars().take(MAX_BYTES).collect(),
            problem,
        };
        if text.len() > MAX_BYTES {
            return Err(wrong("is longer than 64 characters"));
        }
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(wrong("does not begin with a letter from a to z"));
        }
        let is_known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !text.chars().all(is_known) {
            return Err(wrong("has other characters than a to z, 0 to 9 and -"));
        }
        if text.ends_with('-') || text.contains("--") {
            return Err(wrong("has a - that is not between two others"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is no name for a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name:?} is no name of a plugin: it {problem}")]
pub struct PluginNameError {
    name: String,
    problem: &'static str,
}

const MAX_BYTES: usize = 64;
