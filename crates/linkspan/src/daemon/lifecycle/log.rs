//! The daemon's log: what it and its libraries write to stdout and stderr.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A log file that is turned over when it has become long.
///
/// The file is always appended to, so that it can be emptied while it is written: then a copy stays
/// as `log.1`, the one before as `log.2`.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    path: PathBuf,
    max_bytes: u64,
    kept_files: u32,
}

impl Log {
    pub(crate) fn new(path: PathBuf, max_bytes: u64, kept_files: u32) -> Self {
        Self {
            path,
            max_bytes,
            kept_files,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it for a daemon to write to.
    ///
    /// # Errors
    ///
    /// The system's error, or that something else than a file stands there: it is not followed, as
    /// what it leads to would be written to.
    pub(crate) fn open(&self) -> io::Result<File> {
        match fs::symlink_metadata(&self.path) {
            Ok(metadata) if !metadata.is_file() => {
                let text = format!("log {} is not a regular file", self.path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)
    }

    /// How long it is, in bytes.
    pub(crate) fn len(&self) -> u64 {
        fs::symlink_metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    /// Turns it over if it is too long. What is written between copying and emptying is lost.
    pub(crate) fn rotate(&self) -> io::Result<()> {
        if self.len() <= self.max_bytes {
            return Ok(());
        }
        for number in (1..self.kept_files).rev() {
            // Not all of them exist yet.
            fs::rename(self.numbered(number), self.numbered(number + 1)).ok();
        }
        if self.kept_files > 0 {
            fs::copy(&self.path, self.numbered(1))?;
        }
        OpenOptions::new().write(true).open(&self.path)?.set_len(0)
    }

    /// Its last bytes, but nothing from before `start`; in whole lines, if it has any.
    pub(crate) fn tail(&self, start: u64, bytes: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        // It was turned over since.
        let start = if start > length { 0 } else { start };
        let from = start.max(length.saturating_sub(bytes));
        file.seek(SeekFrom::Start(from))?;
        let mut tail = Vec::new();
        file.take(bytes).read_to_end(&mut tail)?;
        if from > start {
            let line = tail.iter().position(|byte| *byte == b'\n');
            tail.drain(..line.map_or(0, |end| end + 1));
        }
        Ok(tail)
    }

    /// All its files that there are, the present one first.
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_long_log_is_turned_over_while_it_is_open() {
        let directory = tempfile::tempdir().unwrap();
        let log = Log::new(directory.path().join("log"), 10, 2);
        let mut file = log.open().unwrap();
        for round in 0..4 {
            writeln!(file, "round {round} of four").unwrap();
            log.rotate().unwrap();
        }
        writeln!(file, "end").unwrap();
        log.rotate().unwrap();
        let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(read("log"), "end\n");
        assert_eq!(read("log.1"), "round 3 of four\n");
        assert_eq!(read("log.2"), "round 2 of four\n");
        assert!(!directory.path().join("log.3").exists());
    }

    #[test]
    fn a_tail_has_whole_lines_from_its_start_on() {
        let directory = tempfile::tempdir().unwrap();
        let log = Log::new(directory.path().join("log"), 1000, 2);
        log.open().unwrap().write_all(b"one\ntwo\nthree\n").unwrap();
        assert_eq!(log.tail(0, 100).unwrap(), b"one\ntwo\nthree\n");
        assert_eq!(log.tail(4, 100).unwrap(), b"two\nthree\n");
        assert_eq!(log.tail(0, 8).unwrap(), b"three\n");
        assert_eq!(log.tail(5000, 100).unwrap(), b"one\ntwo\nthree\n");
    }

    #[test]
    fn what_is_no_file_is_not_written_to() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("log")).unwrap();
        let log = Log::new(directory.path().join("log"), 10, 1);
        assert!(
            log.open()
                .unwrap_err()
                .to_string()
                .ends_with("is not a regular file")
        );
    }
}
