//! The daemon's log: what it and its libraries write to stdout and stderr.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::daemon::lifecycle::Places;
use crate::daemon::lifecycle::places::LOG;
use crate::rotation::Rotation;

/// A log file that is turned over when it has become long, as [`Rotation`] says. The daemon itself goes over to the new file; processes that it started, and daemons that
/// only finish their commands, go on with the old one.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    rotation: Rotation,
    max_bytes: u64,
}

impl Log {
    pub(crate) fn new(path: PathBuf, max_bytes: u64, kept_files: u32) -> Self {
        Self {
            rotation: Rotation::new(path, kept_files),
            max_bytes,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.rotation.path()
    }

    /// Opens it for a daemon to write to.
    ///
    /// # Errors
    ///
    /// The system's error, or that something else than a file stands there: it is not followed, as
    /// what it leads to would be written to.
    pub(crate) fn open(&self) -> io::Result<File> {
        match fs::symlink_metadata(self.path()) {
            Ok(metadata) if !metadata.is_file() => {
                let text = format!("log {} is not a regular file", self.path().display());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.path())
    }

    /// How long it is, in bytes.
    pub(crate) fn len(&self) -> u64 {
        fs::symlink_metadata(self.path()).map_or(0, |metadata| metadata.len())
    }

    /// Opens it for a daemon that is about to start, a new one if it has become long.
    pub(crate) fn prepare(&self, places: &Places) -> io::Result<File> {
        // Where even that cannot be written, what follows tells why.
        let lock = places.lock_log().ok();
        match self.path().exists() {
            true if self.is_long() => self.turn(places)?,
            true => {}
            // With the mode of all files there; what cannot be made is told by what follows.
            false => drop(places.write(LOG, b"")),
        }
        let file = self.open();
        drop(lock);
        file
    }

    /// Turns it over if it has become long; then this process's stdout and stderr write to the new
    /// one, if they wrote to the old one.
    pub(crate) fn rotate(&self, places: &Places) -> io::Result<()> {
        if !self.is_long() {
            return Ok(());
        }
        let lock = places.lock_log().map_err(io::Error::other)?;
        // Somebody else may have done so meanwhile.
        let turned = match self.is_long() {
            true => self.turn(places),
            false => Ok(()),
        };
        drop(lock);
        turned
    }

    fn is_long(&self) -> bool {
        self.len() > self.max_bytes
    }

    /// To be called under the log's lock.
    fn turn(&self, places: &Places) -> io::Result<()> {
        let old = File::open(self.path())?;
        let aside = self.rotation.push_aside()?;
        let made = places.write(LOG, b"").map_err(io::Error::other);
        let new = made.and_then(|_| self.open()).inspect_err(|_| {
            // On a full disk it goes on as it was.
            fs::rename(&aside, self.path()).ok();
        })?;
        os::redirect_output(&old, &new)?;
        // On Windows a file is there until nobody has it open.
        drop(old);
        self.rotation.drop_surplus()
    }

    /// Its last bytes, but nothing from before `start`; in whole lines, if it has any.
    pub(crate) fn tail(&self, start: u64, bytes: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path())?;
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

    /// Its file of that age, 0 being the present one; nothing beyond those that are kept.
    pub(crate) fn file(&self, age: u32) -> Option<PathBuf> {
        self.rotation.file(age)
    }

    /// All its files that there are, the present one first.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.rotation.files()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::daemon::lifecycle::DaemonId;

    fn places(directory: &Path) -> Places {
        let id = DaemonId::new("spell").unwrap();
        Places::open(&id, Some(&directory.join("linkspan"))).unwrap()
    }

    #[test]
    fn a_long_log_becomes_an_older_one() {
        let directory = tempfile::tempdir().unwrap();
        let places = places(directory.path());
        let log = Log::new(places.log(), 10, 2);
        for round in 0..4 {
            let mut file = log.prepare(&places).unwrap();
            writeln!(file, "round {round} of four").unwrap();
            log.rotate(&places).unwrap();
        }
        let mut file = log.prepare(&places).unwrap();
        writeln!(file, "end").unwrap();
        log.rotate(&places).unwrap();
        let read = |name: &str| fs::read_to_string(places.directory().join(name)).unwrap();
        assert_eq!(read("log"), "end\n");
        assert_eq!(read("log.1"), "round 3 of four\n");
        assert_eq!(read("log.2"), "round 2 of four\n");
        assert!(!places.directory().join("log.3").exists());
    }

    #[test]
    fn a_log_of_which_none_is_kept_begins_anew() {
        let directory = tempfile::tempdir().unwrap();
        let places = places(directory.path());
        let log = Log::new(places.log(), 10, 0);
        let mut file = log.prepare(&places).unwrap();
        writeln!(file, "round 0 of one").unwrap();
        drop(file);
        log.rotate(&places).unwrap();
        assert_eq!(log.len(), 0);
        assert_eq!(log.files(), [log.path()]);
        assert!(!places.directory().join("log.1").exists());
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
