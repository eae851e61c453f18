//! Reading configurations from files.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::exchange::IpcConfig;

/// A configuration cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub struct LoadError {
    /// The file, if it was one.
    pub path: Option<PathBuf>,
    /// The line, from 1 on, if it is known.
    pub line: Option<usize>,
    /// What is wrong, with the nearest right key if a key is unknown.
    pub problem: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => write!(f, "{}:{line}: ", path.display())?,
            (Some(path), None) => write!(f, "{}: ", path.display())?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.problem)
    }
}

impl LoadError {
    fn new(problem: impl Into<String>) -> Self {
        Self {
            path: None,
            line: None,
            problem: problem.into(),
        }
    }
}

/// A language of configurations.
struct Format {
    extensions: &'static [&'static str],
    read: fn(&str) -> Result<IpcConfig, LoadError>,
}

/// The languages of this build.
static FORMATS: &[Format] = &[
    #[cfg(feature = "yaml")]
    Format {
        extensions: &["yaml", "yml"],
        read: IpcConfig::from_yaml,
    },
    #[cfg(feature = "toml")]
    Format {
        extensions: &["toml"],
        read: IpcConfig::from_toml,
    },
];

impl IpcConfig {
    /// Reads a file in the language that its extension names: `yaml`, `yml` or `toml`, with the
    /// feature of that name.
    ///
    /// The keys may stand alone, in a section `ipc`, or, as in older files, with `ipc.` before each.
    /// Durations and sizes are numbers or have units; names are read without regard to case and to
    /// `-` and `_`.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if the file cannot be read, or has unknown keys or wrong values.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let read = || {
            let extension = path.extension().unwrap_or_default();
            let is_meant = |format: &&Format| format.extensions.iter().any(|e| extension == *e);
            let format = FORMATS.iter().find(is_meant).ok_or_else(unreadable)?;
            let text = std::fs::read_to_string(path);
            (format.read)(&text.map_err(|error| LoadError::new(error.to_string()))?)
        };
        read().map_err(|error| LoadError {
            path: Some(path.to_owned()),
            ..error
        })
    }
}

fn unreadable() -> LoadError {
    let formats = FORMATS.iter().flat_map(|format| format.extensions);
    let names: Vec<_> = formats.copied().collect();
    let read = match names.is_empty() {
        true => "none; there are the features yaml and toml".to_owned(),
        false => names.join(", "),
    };
    LoadError::new(format!("of configuration files this build reads {read}"))
}

#[cfg(feature = "yaml")]
mod yaml {
    use serde_saphyr::Error;

    use super::{IpcConfig, LoadError};
    use crate::exchange::config::keys::File;

    impl IpcConfig {
        /// Reads YAML; see [`load`](Self::load).
        ///
        /// # Errors
        ///
        /// [`LoadError`]
        pub fn from_yaml(text: &str) -> Result<Self, LoadError> {
            let is_empty = |line: &str| line.trim().is_empty() || line.trim().starts_with('#');
            if text.lines().all(is_empty) {
                return Ok(Self::default());
            }
            let read = serde_saphyr::from_str::<File>(text);
            read.map(|file| file.0).map_err(|error| {
                let text = text_of(error.without_snippet());
                let line = error.location().map(|place| place.line());
                // The place stands in front, as in the errors of other formats.
                let end = line.and_then(|line| text.rfind(&format!(" at line {line}, column ")));
                LoadError {
                    path: None,
                    line: line.and_then(|line| usize::try_from(line).ok()),
                    problem: text
                        .get(..end.unwrap_or(text.len()))
                        .unwrap_or(&text)
                        .into(),
                }
            })
        }
    }

    fn text_of(error: &Error) -> String {
        match error {
            // The reader's own words are about its options.
            Error::DuplicateMappingKey { key: Some(key), .. } => format!("{key} is given twice"),
            error => error.to_string(),
        }
    }
}

#[cfg(feature = "toml")]
mod toml {
    use super::{IpcConfig, LoadError};
    use crate::exchange::config::keys::File;

    impl IpcConfig {
        /// Reads TOML; see [`load`](Self::load).
        ///
        /// # Errors
        ///
        /// [`LoadError`]
        pub fn from_toml(text: &str) -> Result<Self, LoadError> {
            let read = ::toml::from_str::<File>(text);
            read.map(|file| file.0).map_err(|error| {
                let before = error.span().and_then(|span| text.get(..span.start));
                LoadError {
                    path: None,
                    line: before.map(|before| before.matches('\n').count() + 1),
                    problem: error.message().to_owned(),
                }
            })
        }
    }
}
