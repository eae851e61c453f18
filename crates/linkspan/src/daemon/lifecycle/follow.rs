//! Reading a log, from its end on and through its turns.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::mem;
use std::time::Duration;

use os::{Changes, FileId};

use crate::daemon::lifecycle::Log;

/// Reads the lines of a daemon's log: the last ones that are there, and those that come.
///
/// When the log is turned over, the old file is read on beside the new one: whoever has it open may
/// still write to it. So no line is lost and none comes twice, unless the reader is slower by more
/// than all files that are kept.
#[derive(Debug)]
pub struct LogReader {
    log: Log,
    changes: Changes,
    /// The present file last, before it the one from which writers may not have parted yet, and any
    /// that are not read to their end.
    parts: VecDeque<Part>,
}

/// One file of the log.
#[derive(Debug)]
struct Part {
    id: FileId,
    file: File,
    position: u64,
    /// How far it may be read, for now.
    end: u64,
    /// The beginning of a line that is not complete yet.
    begun: Vec<u8>,
}

impl LogReader {
    /// Begins behind the last line that is complete.
    pub(crate) fn at_end(log: Log) -> io::Result<Self> {
        let directory = log.path().parent().unwrap_or_else(|| log.path());
        let changes = Changes::of(directory)?;
        let mut parts = VecDeque::new();
        if let Some(mut part) = Part::open(&log, 0)? {
            part.seek_end()?;
            parts.push_back(part);
        }
        Ok(Self {
            log,
            changes,
            parts,
        })
    }

    /// The last lines before those that [`next_lines`](Self::next_lines) gives; older files are read
    /// only if there are not enough in newer ones.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn last_lines(&self, count: usize) -> io::Result<Vec<Vec<u8>>> {
        let Some(present) = self.parts.back() else {
            return Ok(Vec::new());
        };
        let mut lines = present.last_lines(count)?;
        let mut older = Vec::new();
        while let Some(part) = Part::open(&self.log, 1 + older.len())? {
            older.push(part);
        }
        // It may have been turned over since it was opened.
        let behind = older.iter().position(|part| part.id == present.id);
        for part in older.iter().skip(behind.map_or(0, |place| place + 1)) {
            let missing = count - lines.len();
            if missing == 0 {
                break;
            }
            let mut before = last_of(&part.file, missing)?;
            before.append(&mut lines);
            lines = before;
        }
        Ok(lines.into())
    }

    /// Waits for further lines on the calling thread, and gives them without their ends; lines of
    /// more than 64 KiB come in parts.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn next_lines(&mut self) -> io::Result<Vec<Vec<u8>>> {
        loop {
            let lines = self.look()?;
            if !lines.is_empty() {
                return Ok(lines);
            }
            self.changes.wait(LOOK_INTERVAL)?;
        }
    }

    /// What was added since the last time.
    fn look(&mut self) -> io::Result<Vec<Vec<u8>>> {
        self.parts.extend(self.newer()?);
        // From the newest to the oldest: what a file has by now, its writer wrote after all that is in
        // older ones.
        for part in self.parts.iter_mut().rev() {
            part.measure()?;
        }
        let mut lines = Vec::new();
        for place in 0..self.parts.len() {
            if let Some(part) = self.parts.get_mut(place)
                && !part.read(&mut lines)?
            {
                // What is newer comes after it.
                return Ok(lines);
            }
            self.hand_on(place);
        }
        while self.parts.len() > 2 {
            let begun = self.parts.pop_front().map(|part| part.begun);
            lines.extend(begun.filter(|begun| !begun.is_empty()));
        }
        Ok(lines)
    }

    /// A line that was being written when the log was turned over goes on in the next file.
    fn hand_on(&mut self, place: usize) {
        let is_next_begun = |next: &Part| next.position == 0 && next.end > 0;
        if self.parts.get(place + 1).is_some_and(is_next_begun) {
            let begun = self
                .parts
                .get_mut(place)
                .map(|part| mem::take(&mut part.begun));
            if let (Some(begun), Some(next)) = (begun, self.parts.get_mut(place + 1)) {
                next.begun = begun;
            }
        }
    }

    /// Files that are newer than the last one that is read, the oldest first.
    fn newer(&self) -> io::Result<Vec<Part>> {
        let last = self.parts.back().map(|part| part.id);
        let mut found = (Vec::new(), false);
        // While files are given other names one may be missed; then so is the last one, but for one
        // that is kept no longer.
        for _ in 0..MOST_SEARCHES {
            found = self.newer_than(last)?;
            if found.1 {
                break;
            }
        }
        let mut newer = found.0;
        newer.reverse();
        Ok(newer)
    }

    /// Files that are newer than one, the newest first, and whether that one is there.
    fn newer_than(&self, last: Option<FileId>) -> io::Result<(Vec<Part>, bool)> {
        let mut newer: Vec<Part> = Vec::new();
        let mut age = 0;
        while let Some(part) = Part::open(&self.log, age)? {
            if Some(part.id) == last {
                return Ok((newer, true));
            }
            // The same again has moved on meanwhile.
            if newer.last().is_none_or(|newest| newest.id != part.id) {
                newer.push(part);
            }
            if last.is_none() {
                return Ok((newer, true));
            }
            age += 1;
        }
        // In the middle of a turn there is no present file; it is there at the next look.
        Ok((newer, age == 0))
    }
}

impl Part {
    /// Opens a file of the log, from its beginning; nothing if it is not there.
    fn open(log: &Log, age: usize) -> io::Result<Option<Self>> {
        let Some(path) = u32::try_from(age).ok().and_then(|age| log.file(age)) else {
            return Ok(None);
        };
        match File::open(path) {
            Ok(file) => Ok(Some(Self {
                id: FileId::of(&file)?,
                file,
                position: 0,
                end: 0,
                begun: Vec::new(),
            })),
            // So it is for a moment when the log is turned over.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Goes behind the last line that is complete.
    fn seek_end(&mut self) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        let from = length.saturating_sub(MAX_LINE_BYTES);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(from))?;
        let mut end = Vec::new();
        file.take(length - from).read_to_end(&mut end)?;
        let behind = end.iter().rev().take_while(|byte| **byte != b'\n').count();
        let is_line = behind < end.len();
        let behind = if is_line { behind as u64 } else { 0 };
        self.position = length - behind;
        Ok(())
    }

    /// The last lines before where it is.
    fn last_lines(&self, count: usize) -> io::Result<VecDeque<Vec<u8>>> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        last_of(file.take(self.position), count)
    }

    /// Looks how far it may be read.
    fn measure(&mut self) -> io::Result<()> {
        self.end = self.file.metadata()?.len();
        if self.end < self.position {
            // Somebody else has emptied it.
            self.position = 0;
            self.begun.clear();
        }
        Ok(())
    }

    /// Reads on; says whether that was all that may be read.
    fn read(&mut self, lines: &mut Vec<Vec<u8>>) -> io::Result<bool> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.position))?;
        let begin = self.position;
        let most = MAX_PIECE_BYTES.min(self.end.saturating_sub(begin));
        let mut pieces = BufReader::new(file.take(most));
        loop {
            let room = MAX_LINE_BYTES.saturating_sub(self.begun.len() as u64);
            let mut piece = pieces.by_ref().take(room);
            let length = piece.read_until(b'\n', &mut self.begun)?;
            self.position += length as u64;
            let is_whole = self.begun.pop_if(|last| *last == b'\n').is_some();
            if is_whole || self.begun.len() as u64 >= MAX_LINE_BYTES {
                lines.push(mem::take(&mut self.begun));
            }
            if length == 0 {
                return Ok(self.position - begin < MAX_PIECE_BYTES);
            }
        }
    }
}

fn last_of(file: impl Read, count: usize) -> io::Result<VecDeque<Vec<u8>>> {
    let mut lines = VecDeque::new();
    for line in BufReader::new(file).split(b'\n') {
        if lines.len() == count {
            lines.pop_front();
        }
        lines.push_back(line?);
    }
    lines.truncate(count);
    Ok(lines)
}

/// A line that is longer is given in parts.
const MAX_LINE_BYTES: u64 = 64 * 1024;
/// What is read at once.
const MAX_PIECE_BYTES: u64 = 1024 * 1024;
/// How often files are looked for while they are given other names.
const MOST_SEARCHES: usize = 50;
/// How long nobody may tell of changes before the log is looked at nevertheless.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::{Path, PathBuf};

    use super::*;

    fn log(directory: &Path) -> (PathBuf, Log) {
        let path = directory.join("log");
        (path.clone(), Log::new(path, 100, 3))
    }

    fn append(path: &Path) -> File {
        let mut options = File::options();
        options.append(true).create(true).open(path).unwrap()
    }

    fn text(lines: &[Vec<u8>]) -> String {
        String::from_utf8(lines.join(&b' ')).unwrap()
    }

    #[test]
    fn last_lines_come_from_as_many_files_as_are_needed() {
        let directory = tempfile::tempdir().unwrap();
        let (path, log) = log(directory.path());
        std::fs::write(&path, "5\n6\nbeg").unwrap();
        std::fs::write(path.with_extension("1"), "3\n4\n").unwrap();
        std::fs::write(path.with_extension("2"), "1\n2\n").unwrap();
        let reader = LogReader::at_end(log).unwrap();
        let last = |count| text(&reader.last_lines(count).unwrap());
        assert_eq!(last(1), "6");
        assert_eq!(last(3), "4 5 6");
        assert_eq!(last(9), "1 2 3 4 5 6");
        assert_eq!(last(0), "");
        // It goes on where it was, and an older file is the same wherever it is.
        std::fs::rename(path.with_extension("1"), path.with_extension("3")).unwrap();
        std::fs::rename(&path, path.with_extension("1")).unwrap();
        std::fs::write(&path, "7\n").unwrap();
        assert_eq!(text(&reader.last_lines(4).unwrap()), "1 2 5 6");
    }

    #[test]
    fn lines_are_read_on_through_turns() {
        let directory = tempfile::tempdir().unwrap();
        let (path, log) = log(directory.path());
        let mut old = append(&path);
        old.write_all(b"one\ntw").unwrap();
        let mut reader = LogReader::at_end(log).unwrap();
        assert!(reader.look().unwrap().is_empty());
        old.write_all(b"o\nthree\n").unwrap();
        assert_eq!(text(&reader.next_lines().unwrap()), "two three");
        std::fs::rename(&path, path.with_extension("1")).unwrap();
        let mut new = append(&path);
        new.write_all(b"five\n").unwrap();
        old.write_all(b"four\n").unwrap();
        assert_eq!(text(&reader.next_lines().unwrap()), "four five");
        // A line may be cut by a turn.
        new.write_all(b"cut ").unwrap();
        assert!(reader.look().unwrap().is_empty());
        std::fs::rename(path.with_extension("1"), path.with_extension("2")).unwrap();
        std::fs::rename(&path, path.with_extension("1")).unwrap();
        let mut newest = append(&path);
        newest.write_all(b"here\n").unwrap();
        assert_eq!(text(&reader.next_lines().unwrap()), "cut here");
        // A writer that has not parted from the old file yet is heard.
        new.write_all(b"late\n").unwrap();
        assert_eq!(text(&reader.next_lines().unwrap()), "late");
        assert!(reader.look().unwrap().is_empty());
    }

    #[test]
    fn a_reader_that_missed_some_turns_reads_all_files() {
        let directory = tempfile::tempdir().unwrap();
        let (path, log) = log(directory.path());
        std::fs::write(&path, "0\n").unwrap();
        let mut reader = LogReader::at_end(log).unwrap();
        std::fs::rename(&path, path.with_extension("3")).unwrap();
        append(&path.with_extension("3")).write_all(b"1\n").unwrap();
        std::fs::write(path.with_extension("2"), "2\n").unwrap();
        std::fs::write(path.with_extension("1"), "3\n").unwrap();
        std::fs::write(&path, "4\n").unwrap();
        assert_eq!(text(&reader.next_lines().unwrap()), "1 2 3 4");
        assert_eq!(reader.parts.len(), 2);
    }

    #[test]
    fn a_log_that_comes_later_is_read_from_its_beginning() {
        let directory = tempfile::tempdir().unwrap();
        let (path, log) = log(directory.path());
        let mut reader = LogReader::at_end(log).unwrap();
        assert!(reader.last_lines(5).unwrap().is_empty());
        std::fs::write(&path, "one\n").unwrap();
        assert_eq!(text(&reader.next_lines().unwrap()), "one");
        // As other tools turn logs over.
        std::fs::write(&path, "").unwrap();
        assert!(reader.look().unwrap().is_empty());
        std::fs::write(&path, "two\n").unwrap();
        assert_eq!(text(&reader.next_lines().unwrap()), "two");
    }

    #[test]
    fn much_is_read_in_pieces_and_long_lines_in_parts() {
        let directory = tempfile::tempdir().unwrap();
        let (path, log) = log(directory.path());
        std::fs::write(&path, "").unwrap();
        let mut reader = LogReader::at_end(log).unwrap();
        let long = "x".repeat(3 * 1024 * 1024);
        std::fs::write(&path, format!("{long}\n")).unwrap();
        std::fs::rename(&path, path.with_extension("1")).unwrap();
        std::fs::write(&path, "end\n").unwrap();
        let mut bytes = 0;
        let last = loop {
            let lines = reader.next_lines().unwrap();
            assert!(lines.iter().all(|line| line.len() as u64 <= MAX_LINE_BYTES));
            bytes += lines.iter().map(Vec::len).sum::<usize>();
            if let Some(last) = lines.last().filter(|line| *line == b"end") {
                break last.clone();
            }
        };
        assert_eq!(bytes, long.len() + last.len());
    }
}
