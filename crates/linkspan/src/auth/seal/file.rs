//! Key rings as files.
//!
//! ```text
//! linkspan key ring 1
//! key ID ALGORITHM CREATED ACTIVE-FROM KEY
//! ```
//!
//! One line for each key, the oldest first; times are in seconds since 1970, the key is in hexadecimal
//! digits. What follows `#` at the beginning of a line is a remark.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use os::{Directory, Lock, LockError};
use zeroize::Zeroizing;

use crate::auth::seal::RingError;
use crate::auth::seal::cipher::KEY_BYTES;
use crate::auth::seal::envelope::MAX_ID_BYTES;
use crate::auth::seal::key::{RingKey, push_hex};
use crate::clock;

/// The file of a ring.
#[derive(Debug, Clone)]
pub(super) struct RingFile {
    path: PathBuf,
}

/// The right to change the file; nobody else changes it meanwhile.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    file: &'a RingFile,
    directory: Directory,
    _lock: Lock,
}

/// What tells one version of a file from another. Where there is no file there is none.
pub(super) type Version = Option<(std::time::SystemTime, u64, u64)>;

impl RingFile {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.into() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Which version stands there now; it takes no more than a look.
    pub(super) fn version(&self) -> Version {
        let metadata = std::fs::metadata(&self.path).ok()?;
        let opened = os::FileId::of(&std::fs::File::open(&self.path).ok()?).ok()?;
        let mut hasher = std::hash::DefaultHasher::new();
        std::hash::Hash::hash(&opened, &mut hasher);
        let id = std::hash::Hasher::finish(&hasher);
        Some((metadata.modified().ok()?, metadata.len(), id))
    }

    /// Reads the keys; the file has to be its owner's alone.
    pub(super) fn read(&self) -> Result<Vec<RingKey>, RingError> {
        let (directory, name) = self.place()?;
        let missing = || RingError::Missing {
            path: self.path.clone(),
        };
        let bytes = directory.read_private_file(name, MAX_FILE_BYTES)?;
        let bytes = Zeroizing::new(bytes.ok_or_else(missing)?);
        self.parse(&bytes)
    }

    /// Waits until nobody else changes the file, for some seconds.
    pub(super) fn lock(&self) -> Result<Locked<'_>, RingError> {
        let (directory, name) = self.place()?;
        let mut lock = name.as_os_str().to_owned();
        lock.push(".lock");
        let deadline = clock::after(clock::now(), LOCK_LIMIT);
        let lock = Lock::acquire_before(&directory, lock.as_ref(), deadline);
        Ok(Locked {
            file: self,
            _lock: lock.map_err(|error: LockError| RingError::Lock(error))?,
            directory,
        })
    }

    fn place(&self) -> Result<(Directory, &Path), RingError> {
        let parent = self.path.parent().unwrap_or_else(|| Path::new(""));
        let name = self
            .path
            .file_name()
            .map_or_else(|| Path::new(""), Path::new);
        Ok((Directory::open(parent, 0o700)?, name))
    }

    fn parse(&self, bytes: &[u8]) -> Result<Vec<RingKey>, RingError> {
        let malformed = |line: usize, problem| RingError::Malformed {
            path: self.path.clone(),
            line: line + 1,
            problem,
        };
        let text = std::str::from_utf8(bytes).map_err(|_| malformed(0, "it is not UTF-8"))?;
        let lines = text.lines().enumerate();
        let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        match lines.next() {
            Some((_, HEADING)) => {}
            Some((at, _)) => return Err(malformed(at, "it is no key ring of version 1")),
            None => return Err(malformed(0, "it is empty")),
        }
        let keys = lines.map(|(at, line)| parse_key(line).map_err(|it| malformed(at, it)));
        let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
        match keys.len() {
            0 => Err(malformed(0, "it has no key")),
            _ => Ok(keys),
        }
    }
}

impl Locked<'_> {
    /// Whether there is a file at all.
    pub(super) fn exists(&self) -> bool {
        self.file.path.symlink_metadata().is_ok()
    }

    /// Puts a file with these keys in the place of the one that is there, all at once.
    pub(super) fn write<'a>(
        &self,
        keys: impl ExactSizeIterator<Item = &'a RingKey>,
    ) -> Result<(), RingError> {
        // With room for all of it, no copies of keys stay behind where the text was before.
        let room = HEADING.len() + 1 + keys.len() * MAX_LINE_BYTES;
        let mut text = Zeroizing::new(String::with_capacity(room));
        text.push_str(HEADING);
        text.push('\n');
        for key in keys {
            let (id, algorithm) = (&key.id, key.algorithm);
            let (created, active_from) = (key.created, key.active_from);
            // A text takes every write.
            write!(text, "key {id} {algorithm} {created} {active_from} ").ok();
            push_hex(&*key.bytes, &mut text);
            text.push('\n');
        }
        let name = self
            .file
            .path
            .file_name()
            .map_or_else(|| Path::new(""), Path::new);
        self.directory.write_file(name, text.as_bytes())?;
        Ok(())
    }
}

fn parse_key(line: &str) -> Result<RingKey, &'static str> {
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    let ["key", id, algorithm, created, active_from, digits] = words.as_slice() else {
        return Err("it is no line of a key");
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if id.len() > MAX_ID_BYTES || !id.bytes().all(is_name) {
        return Err("the id of the key is too long, or has other than letters, digits, -, _ and .");
    }
    let seconds = |text: &str| text.parse().map_err(|_| "a time is no number");
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    parse_hex(digits, &mut bytes).ok_or("the key is not 64 hexadecimal digits")?;
    Ok(RingKey {
        id: (*id).to_owned(),
        algorithm: algorithm
            .parse()
            .map_err(|_| "there is no such algorithm")?,
        created: seconds(created)?,
        active_from: seconds(active_from)?,
        bytes,
    })
}

fn parse_hex(digits: &str, bytes: &mut [u8; KEY_BYTES]) -> Option<()> {
    let digits = digits.as_bytes();
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    let value = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|it| u8::try_from(it).ok())
    };
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(())
}

const HEADING: &str = "linkspan key ring 1";
/// Longest file that is read.
const MAX_FILE_BYTES: usize = 1024 * 1024;
/// What a key's line takes at most.
const MAX_LINE_BYTES: usize = MAX_ID_BYTES + 2 * KEY_BYTES + 80;
/// How long somebody else may take to change a ring.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
