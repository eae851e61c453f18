//! Keys as files.
//!
//! ```text
//! linkspan keys 1
//! key ID STATE EXPIRES VERIFIER NAME ROLES
//! revoked JTI EXPIRES
//! ```
//!
//! One line for each API key, and one for each JWT that was taken back. The state is `active` or
//! `revoked`; times are in seconds since 1970, `-` for none; roles are separated by commas, `-` for
//! none. What follows `#` at the beginning of a line is a remark.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use os::{Directory, DirectoryError, FileError, Lock, LockError};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::auth::key::{KeyEntry, KeyVerifier};
use crate::clock;

/// A file of API keys that a server takes, and of JWTs that it takes no longer.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
}

/// What a file of keys says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyList {
    /// The API keys.
    pub keys: Vec<KeyEntry>,
    /// Names (`jti`) of JWTs that were taken back, and when they expire anyway, in seconds since 1970.
    pub revoked_tokens: BTreeMap<String, u64>,
}

/// A file of keys cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// There is none.
    #[error("there is no file of keys {path}")]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A line is not what it should be.
    #[error("line {line} of {path}: {problem}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Number of the line.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A name or role has characters that it must not have.
    #[error("{text:?} has other characters than letters, digits, and -_.:@")]
    Name {
        /// The name.
        text: String,
    },
    /// Its directory is not safe.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// It cannot be read or written, or others can.
    #[error(transparent)]
    File(#[from] FileError),
    /// Somebody else changes it.
    #[error("somebody else changes the keys")]
    Lock(#[source] LockError),
}

impl KeyFile {
    /// A file, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Reads it; it has to be its owner's alone.
    ///
    /// # Errors
    ///
    /// Any [`KeyFileError`].
    pub fn read(&self) -> Result<KeyList, KeyFileError> {
        let (directory, name) = self.place()?;
        self.read_in(&directory, name)
    }

    /// Changes it, all at once, while nobody else does; it is made if it is missing.
    ///
    /// # Errors
    ///
    /// Any [`KeyFileError`]; then it is as it was.
    pub fn change<T>(&self, change: impl FnOnce(&mut KeyList) -> T) -> Result<T, KeyFileError> {
        let (directory, name) = self.place()?;
        let mut lock = name.as_os_str().to_owned();
        lock.push(".lock");
        let deadline = clock::after(clock::now(), LOCK_LIMIT);
        let lock = Lock::acquire_before(&directory, lock.as_ref(), deadline);
        let _lock = lock.map_err(KeyFileError::Lock)?;
        let mut list = match self.read_in(&directory, name) {
            Err(KeyFileError::Missing { .. }) => KeyList::default(),
            list => list?,
        };
        let changed = change(&mut list);
        directory.write_file(name, list.to_text()?.as_bytes())?;
        Ok(changed)
    }

    fn place(&self) -> Result<(Directory, &Path), KeyFileError> {
        let parent = self.path.parent().unwrap_or_else(|| Path::new(""));
        let name = self
            .path
            .file_name()
            .map_or_else(|| Path::new(""), Path::new);
        Ok((Directory::open(parent, 0o700)?, name))
    }

    fn read_in(&self, directory: &Directory, name: &Path) -> Result<KeyList, KeyFileError> {
        let path = || self.path.clone();
        let missing = || KeyFileError::Missing { path: path() };
        let bytes = directory.read_private_file(name, MAX_FILE_BYTES)?;
        let bytes = Zeroizing::new(bytes.ok_or_else(missing)?);
        KeyList::parse(&bytes).map_err(|(at, problem)| KeyFileError::Malformed {
            path: path(),
            line: at + 1,
            problem,
        })
    }
}

impl KeyList {
    fn parse(bytes: &[u8]) -> Result<Self, (usize, &'static str)> {
        let text = str::from_utf8(bytes).map_err(|_| (0, "it is not UTF-8"))?;
        let lines = text.lines().enumerate();
        let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        match lines.next() {
            Some((_, HEADING)) => {}
            Some((at, _)) => return Err((at, "this is no file of keys of version 1")),
            None => return Err((0, "it is empty")),
        }
        let mut list = Self::default();
        for (at, line) in lines {
            list.parse_line(line).map_err(|problem| (at, problem))?;
        }
        Ok(list)
    }

    fn parse_line(&mut self, line: &str) -> Result<(), &'static str> {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        match words.as_slice() {
            ["key", id, state, expires, verifier, name, roles] => {
                let roles = roles.split(',').filter(|role| *role != NONE);
                self.keys.push(KeyEntry {
                    id: (*id).to_owned(),
                    name: (*name).to_owned(),
                    roles: roles.map(str::to_owned).collect(),
                    expires: time(expires)?,
                    revoked: match *state {
                        "active" => false,
                        "revoked" => true,
                        _ => return Err("the state is neither active nor revoked"),
                    },
                    verifier: KeyVerifier::parse(verifier).ok_or("the verifier is malformed")?,
                });
            }
            ["revoked", id, expires] => {
                let expires = expires.parse().map_err(|_| "a time is no number")?;
                self.revoked_tokens.insert((*id).to_owned(), expires);
            }
            _ => return Err("it is neither a key nor a revoked token"),
        }
        Ok(())
    }

    fn to_text(&self) -> Result<Zeroizing<String>, KeyFileError> {
        // With room for all of it, no copies stay behind where the text was before.
        let room = (self.keys.len() + self.revoked_tokens.len() + 1) * LINE_BYTES;
        let mut text = Zeroizing::new(String::with_capacity(room));
        text.push_str(HEADING);
        text.push('\n');
        for key in &self.keys {
            let state = if key.revoked { "revoked" } else { "active" };
            let expires = key.expires.map_or_else(|| NONE.to_owned(), seconds);
            let roles = match key.roles.is_empty() {
                true => NONE.to_owned(),
                false => key.roles.join(","),
            };
            let (id, name) = (word(&key.id)?, word(&key.name)?);
            key.roles.iter().try_for_each(|role| word(role).map(drop))?;
            let verifier = Zeroizing::new(key.verifier.to_text());
            // A text takes every write.
            write!(text, "key {id} {state} {expires} ").ok();
            text.push_str(&verifier);
            writeln!(text, " {name} {roles}").ok();
        }
        for (id, expires) in &self.revoked_tokens {
            writeln!(text, "revoked {} {expires}", word(id)?).ok();
        }
        Ok(text)
    }
}

/// A text that stands in a line as it is.
fn word(text: &str) -> Result<&str, KeyFileError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:@".contains(&byte);
    match !text.is_empty() && text != NONE && text.bytes().all(is_plain) {
        true => Ok(text),
        false => Err(KeyFileError::Name { text: text.into() }),
    }
}

fn time(text: &str) -> Result<Option<SystemTime>, &'static str> {
    if text == NONE {
        return Ok(None);
    }
    let seconds = text.parse().map_err(|_| "a time is no number")?;
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    time.map(Some).ok_or("a time is beyond all clocks")
}

fn seconds(time: SystemTime) -> String {
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH);
    since_1970.unwrap_or_default().as_secs().to_string()
}

const HEADING: &str = "linkspan keys 1";
const NONE: &str = "-";
/// Longest file that is read.
const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;
/// What a line takes, mostly.
const LINE_BYTES: usize = 512;
/// How long somebody else may take to change it.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
