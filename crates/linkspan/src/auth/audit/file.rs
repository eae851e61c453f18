//! Where audit logs are written.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::rotation::Rotation;

/// Settings of an audit log in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditFile {
    /// Length from which on a new file is begun, in bytes. Default: 16 MiB.
    pub max_bytes: u64,
    /// Earlier files that are kept, as `PATH.1` (the latest), `PATH.2`, ... Default: 10.
    pub kept_files: u32,
}

impl Default for AuditFile {
    fn default() -> Self {
        Self {
            max_bytes: 16 * 1024 * 1024,
            kept_files: 10,
        }
    }
}

/// How lines leave.
pub(super) enum Writing {
    File(Mutex<Lines>),
    To(Box<Sink>),
}

type Sink = dyn Fn(&str) -> io::Result<()> + Send + Sync;

/// A file that grows by lines.
#[derive(Debug)]
pub(super) struct Lines {
    rotation: Rotation,
    file: File,
    bytes: u64,
    max_bytes: u64,
}

impl Writing {
    pub(super) fn open(path: &Path, settings: AuditFile) -> io::Result<Self> {
        let rotation = Rotation::new(path.to_owned(), settings.kept_files);
        let file = open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self::File(Mutex::new(Lines {
            rotation,
            file,
            bytes,
            max_bytes: settings.max_bytes,
        })))
    }

    pub(super) fn write(&self, line: &str) -> io::Result<()> {
        match self {
            Self::File(lines) => lines
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .write(line),
            Self::To(sink) => sink(line),
        }
    }
}

impl Lines {
    fn write(&mut self, line: &str) -> io::Result<()> {
        if self.bytes >= self.max_bytes {
            self.turn()?;
        }
        // In one piece, so that lines of several processes do not mix.
        let mut whole = String::with_capacity(line.len().saturating_add(1));
        whole.push_str(line);
        whole.push('\n');
        self.file.write_all(whole.as_bytes())?;
        self.bytes = self.bytes.saturating_add(whole.len() as u64);
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        self.rotation.push_aside()?;
        self.file = open(self.rotation.path())?;
        self.rotation.drop_surplus()?;
        self.bytes = 0;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    let name = path.file_name().map(Path::new);
    let name = name.ok_or(io::ErrorKind::InvalidInput)?;
    let parent = path.parent().unwrap_or_else(|| Path::new(""));
    let directory = os::Directory::open(parent, PRIVATE).map_err(io::Error::other)?;
    directory.append_file(name).map_err(io::Error::other)
}

impl fmt::Debug for Writing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(lines) => lines.fmt(f),
            Self::To(_) => f.write_str("To(..)"),
        }
    }
}

/// Mode of directories that are made for it.
const PRIVATE: u32 = 0o700;
