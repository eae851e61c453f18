//! Log files that are moved aside when they have become long.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A log with its earlier files: it becomes `log.1`, and what was `log.1` becomes `log.2`.
///
/// Nothing is copied or emptied, so nothing is lost: whoever writes has the file open, wherever it is
/// moved to.
#[derive(Debug, Clone)]
pub(crate) struct Rotation {
    path: PathBuf,
    kept_files: u32,
}

impl Rotation {
    pub(crate) fn new(path: PathBuf, kept_files: u32) -> Self {
        Self { path, kept_files }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the present file aside; gives its new place.
    pub(crate) fn push_aside(&self) -> io::Result<PathBuf> {
        for number in (1..self.kept_files).rev() {
            // Not all of them exist yet.
            fs::rename(self.numbered(number), self.numbered(number + 1)).ok();
        }
        let aside = self.numbered(1);
        fs::rename(&self.path, &aside)?;
        Ok(aside)
    }

    /// Removes the file that was moved aside, if none is kept. Before that, nobody must have it open
    /// any more.
    pub(crate) fn drop_surplus(&self) -> io::Result<()> {
        match self.kept_files {
            0 => fs::remove_file(self.numbered(1)),
            _ => Ok(()),
        }
    }

    /// Its file of that age, 0 being the present one; nothing beyond those that are kept.
    #[cfg(feature = "daemon")]
    pub(crate) fn file(&self, age: u32) -> Option<PathBuf> {
        match age {
            0 => Some(self.path.clone()),
            age => (age <= self.kept_files).then(|| self.numbered(age)),
        }
    }

    /// All its files that there are, the present one first.
    #[cfg(feature = "daemon")]
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let present = std::iter::once(self.path.clone());
        let turned = (1..=self.kept_files).map(|number| self.numbered(number));
        let is_there = |file: &PathBuf| file.is_file();
        present
            .filter(is_there)
            .chain(turned.take_while(is_there))
            .collect()
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }
}
