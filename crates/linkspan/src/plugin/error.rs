//! Why a plugin is not taken.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use os::{DirectoryError, FileError};
use thiserror::Error;

use crate::plugin::{PluginName, PluginPath, PluginPathError};

/// A manifest cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub struct ManifestError {
    /// The file, if it was one; the folder if there is no manifest in it.
    pub path: Option<PathBuf>,
    /// The line, from 1 on, if it is known.
    pub line: Option<usize>,
    /// What is wrong, with the nearest right key if a key is unknown.
    pub problem: String,
}

impl ManifestError {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self {
            path: None,
            line: None,
            problem: problem.into(),
        }
    }

    pub(super) fn at(line: usize, problem: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            ..Self::new(problem)
        }
    }

    pub(super) fn none_in(folder: &Path) -> Self {
        Self::new("there is no plugin.toml or plugin.yaml").in_file(folder)
    }

    pub(super) fn two_in(folder: &Path, [one, other]: [&str; 2]) -> Self {
        let problem = format!("there are {one} and {other}, and only one can hold");
        Self::new(problem).in_file(folder)
    }

    /// The same error, in this file.
    pub(super) fn in_file(self, path: &Path) -> Self {
        Self {
            path: Some(path.into()),
            ..self
        }
    }
}

impl fmt::Display for ManifestError {
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

/// A plugin is not taken, and why.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Its manifest is missing or wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Somebody else could change a folder of it, or what the folder stands in.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Somebody else could change a file of it, or it cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A folder or a file cannot be read.
    #[error("cannot read {path}")]
    Io {
        /// The folder or the file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file leads elsewhere.
    #[error("{path} is a symbolic link, and a plugin has only files and folders of its own")]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// It is neither a file nor a folder.
    #[error("{path} is neither a file nor a folder")]
    NotAFile {
        /// What stands there.
        path: PathBuf,
    },
    /// A file has a name that no manifest can have.
    #[error("a file in {folder} cannot belong to a plugin")]
    Name {
        /// Where it stands.
        folder: PathBuf,
        /// What is wrong with its name.
        source: PluginPathError,
    },
    /// There are too many files.
    #[error("it has more than {limit} files")]
    TooManyFiles {
        /// How many it may have.
        limit: usize,
    },
    /// Its files are too long together.
    #[error("its files have more than {limit} bytes together")]
    TooLarge {
        /// How many they may have.
        limit: u64,
    },
    /// A file that belongs to it does not exist.
    #[error("there is no {path}")]
    Missing {
        /// The file.
        path: PluginPath,
    },
    /// The manifest does not say what its files are.
    #[error("it is not pinned: its manifest has no hashes of its files")]
    NotPinned,
    /// A file belongs to it that the manifest has no hash of.
    #[error("{path} is not pinned")]
    Stray {
        /// The file.
        path: PluginPath,
    },
    /// A file is not what it was when it was pinned, or when it was verified.
    #[error("{path} was changed since it was pinned or verified")]
    Changed {
        /// The file.
        path: PluginPath,
    },
    /// The host has no such interpreter.
    #[error("there is no interpreter {name} here; there {}", listed(.known))]
    UnknownInterpreter {
        /// The interpreter.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The host's interpreter cannot be trusted.
    #[error("the interpreter {path} cannot be used")]
    Interpreter {
        /// The interpreter.
        path: PathBuf,
        /// What is wrong.
        #[source]
        reason: Box<Self>,
    },
    /// Another plugin of this name was found before.
    #[error("{first} has a plugin {name}, too, and comes first")]
    Duplicate {
        /// The name.
        name: PluginName,
        /// Where the other one is.
        first: PathBuf,
    },
    /// A directory has too many folders.
    #[error("more than {limit} entries; none of them was looked at")]
    TooManyCandidates {
        /// How many it may have.
        limit: usize,
    },
}

impl Refusal {
    /// What whoever put the plugin there can do about it; none if the error says it all.
    pub fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Directory(DirectoryError::Owner { path, .. })
            | Self::File(FileError::Owner { path, .. }) => {
                format!("chown it to yourself or root: `chown $USER {}`", path.display())
            }
            Self::Directory(DirectoryError::Writable { path, .. })
            | Self::File(FileError::Writable { path, .. }) => {
                format!("take the right away from others: `chmod go-w {}`", path.display())
            }
            Self::Link { .. } | Self::Directory(DirectoryError::Link { .. }) => "put the file itself there".to_owned(),
            Self::NotAFile { .. } | Self::Name { .. } => {
                "remove it, or say in the manifest by `include` what belongs to the plugin".to_owned()
            }
            Self::TooManyFiles { .. } | Self::TooLarge { .. } => {
                "say in the manifest by `include` what belongs to the plugin".to_owned()
            }
            Self::NotPinned => "`linkspan plugin pin DIR` writes them".to_owned(),
            Self::Stray { .. } | Self::Missing { .. } | Self::Changed { .. } => {
                "if that is meant, `linkspan plugin pin DIR` writes the hashes anew; if not, install \
                 the plugin again"
                    .to_owned()
            }
            Self::UnknownInterpreter { name, .. } => {
                format!("name its program: `plugins: {{ interpreters: {{ {name}: PATH }} }}`")
            }
            Self::Interpreter { reason, .. } => return reason.remedy(),
            Self::Duplicate { .. } => "remove one of them, or give it another name".to_owned(),
            Self::TooManyCandidates { .. } => {
                "name a directory that holds nothing but plugins".to_owned()
            }
            _ => return None,
        })
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "is none at all".to_owned(),
        names => format!("is {}", names.join(", ")),
    }
}
