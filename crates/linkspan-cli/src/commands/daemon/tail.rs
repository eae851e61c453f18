//! The end of a log, and what is written to it from there on.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;

/// The last lines of a log whose present file comes first; of that, only what is before `end`.
///
/// Older files are read only if there are not enough lines in newer ones.
pub(super) fn last_lines(
    files: &[PathBuf],
    end: u64,
    count: usize,
) -> io::Result<VecDeque<Vec<u8>>> {
    let mut lines = VecDeque::new();
    for (age, file) in files.iter().enumerate() {
        let missing = count - lines.len();
        if missing == 0 {
            break;
        }
        let file = match File::open(file) {
            Ok(file) => file,
            // It was turned over meanwhile.
            Err(error) if age > 0 && error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        };
        let limit = if age == 0 { end } else { u64::MAX };
        let mut older = last_of(file.take(limit), missing)?;
        older.append(&mut lines);
        lines = older;
    }
    Ok(lines)
}

fn last_of(file: impl Read, count: usize) -> io::Result<VecDeque<Vec<u8>>> {
    let mut lines = VecDeque::new();
    for line in BufReader::new(file).split(b'\n') {
        if lines.len() == count {
            lines.pop_front();
        }
        lines.push_back(line?);
    }
    Ok(lines)
}

/// Reads what is appended to a log.
///
/// A log is turned over by copying and emptying it: when it is shorter than before, it is read from
/// its beginning.
#[derive(Debug)]
pub(super) struct Follower {
    path: PathBuf,
    position: u64,
    /// The beginning of a line that is not complete yet.
    begun: Vec<u8>,
}

impl Follower {
    /// Begins behind the last line that is complete.
    pub(super) fn at_end(path: PathBuf) -> io::Result<Self> {
        let mut file = File::open(&path)?;
        let length = file.metadata()?.len();
        let from = length.saturating_sub(MAX_LINE_BYTES);
        file.seek(SeekFrom::Start(from))?;
        let mut end = Vec::new();
        file.take(length - from).read_to_end(&mut end)?;
        let behind = end.iter().rev().take_while(|byte| **byte != b'\n').count();
        let is_line = behind < end.len();
        let behind = if is_line { behind as u64 } else { 0 };
        Ok(Self {
            path,
            position: length - behind,
            begun: Vec::new(),
        })
    }

    /// Where it begins, in bytes from the start of the file.
    pub(super) fn start(&self) -> u64 {
        self.position
    }

    /// The lines that were completed since the last time.
    pub(super) fn next_lines(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() < self.position {
            self.position = 0;
            self.begun.clear();
        }
        file.seek(SeekFrom::Start(self.position))?;
        let mut lines = Vec::new();
        let mut pieces = BufReader::new(file.take(MAX_PIECE_BYTES));
        loop {
            let length = pieces.read_until(b'\n', &mut self.begun)?;
            self.position += length as u64;
            let is_whole = self.begun.pop_if(|last| *last == b'\n').is_some();
            if is_whole || self.begun.len() as u64 > MAX_LINE_BYTES {
                lines.push(std::mem::take(&mut self.begun));
            }
            if length == 0 {
                return Ok(lines);
            }
        }
    }
}

/// A line that is longer is shown in parts.
const MAX_LINE_BYTES: u64 = 64 * 1024;
/// What is read at once.
const MAX_PIECE_BYTES: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn lines_come_from_as_many_files_as_are_needed() {
        let directory = tempfile::tempdir().unwrap();
        let files = ["log", "log.1", "log.2"].map(|name| directory.path().join(name));
        std::fs::write(&files[0], "5\n6\n").unwrap();
        std::fs::write(&files[1], "3\n4\n").unwrap();
        std::fs::write(&files[2], "1\n2\n").unwrap();
        let last = |end, count| {
            let lines = last_lines(&files, end, count).unwrap();
            let lines: Vec<_> = lines.into_iter().collect();
            String::from_utf8(lines.join(&b' ')).unwrap()
        };
        assert_eq!(last(4, 1), "6");
        assert_eq!(last(4, 3), "4 5 6");
        assert_eq!(last(2, 3), "3 4 5");
        assert_eq!(last(4, 9), "1 2 3 4 5 6");
        assert_eq!(last(4, 0), "");
    }

    #[test]
    fn whole_lines_are_followed_through_a_turn() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut file = File::options()
            .append(true)
            .create(true)
            .open(&path)
            .unwrap();
        file.write_all(b"one\ntw").unwrap();
        let mut follower = Follower::at_end(path).unwrap();
        assert_eq!(follower.start(), 4);
        assert!(follower.next_lines().unwrap().is_empty());
        file.write_all(b"o\nthree\n").unwrap();
        assert_eq!(follower.next_lines().unwrap(), [&b"two"[..], b"three"]);
        file.set_len(0).unwrap();
        file.write_all(b"four\n").unwrap();
        assert_eq!(follower.next_lines().unwrap(), [b"four"]);
    }
}
