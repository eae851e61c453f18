//! Which build of a program this is.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A build of a program, told from other builds of it.
///
/// A client asks a daemon of another build to make room (see
/// [`BuildPolicy`](crate::daemon::BuildPolicy)), so that a rebuilt tool runs its new code.
///
/// By default it is taken from what the system says about the program's file: device, inode, time of
/// the last change and size. That costs one system call and sees every rebuild, but also takes two
/// copies of a file for two builds. Whoever installs copies gives an id of its own; a build script
/// makes one with a single line, [`emit_build_timestamp`], that the program reads with
/// [`build_timestamp!`](crate::build_timestamp).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Build {
    id: String,
    timestamp_ms: Option<u64>,
}

impl Build {
    /// The build of this process's program, by its file.
    ///
    /// # Errors
    ///
    /// The system's error if the file cannot be looked at.
    pub fn of_executable() -> io::Result<Self> {
        let id = running_executable()?;
        let mut hash = Sha256::new();
        hash.update(id.device.to_be_bytes());
        hash.update(id.inode.to_be_bytes());
        hash.update(id.modified_nanos.to_be_bytes());
        hash.update(id.size_bytes.to_be_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        let (short, _) = hash.split_at(ID_BYTES);
        let millis = id.modified_nanos / NANOS_PER_MILLI;
        Ok(Self {
            id: short.iter().map(|byte| format!("{byte:02x}")).collect(),
            timestamp_ms: u64::try_from(millis).ok(),
        })
    }

    /// A build that the application names.
    pub fn named(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            timestamp_ms: None,
        }
    }

    /// The build that was made at this time, in milliseconds since 1970.
    pub fn at(timestamp_ms: u64) -> Self {
        Self {
            id: format!("t{timestamp_ms}"),
            timestamp_ms: Some(timestamp_ms),
        }
    }

    /// The build of a program that was built with [`emit_build_timestamp`], by what
    /// [`build_timestamp!`](crate::build_timestamp) gives; nothing if it was built without.
    pub fn from_timestamp(text: Option<&str>) -> Option<Self> {
        text?.parse().ok().map(Self::at)
    }

    /// What tells it from other builds.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it was built, in milliseconds since 1970, if that is known.
    pub fn timestamp_ms(&self) -> Option<u64> {
        self.timestamp_ms
    }
}

/// For build scripts: has the time of this build put into the program.
///
/// ```no_run
/// // All that `main` of build.rs has to do:
/// linkspan::daemon::emit_build_timestamp();
/// ```
///
/// Cargo runs a build script again when a file of its package changes, unless the script says
/// otherwise.
#[expect(clippy::print_stdout, reason = "so build scripts talk to Cargo")]
pub fn emit_build_timestamp() {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed();
    let millis = now.map_or(0, |now| now.as_millis());
    println!("cargo:rustc-env=LINKSPAN_BUILD_TIMESTAMP_MS={millis}");
}

/// The time that [`emit_build_timestamp`](crate::daemon::emit_build_timestamp) has put into the
/// program that uses this, as an `Option<&str>`.
#[macro_export]
macro_rules! build_timestamp {
    () => {
        ::core::option_env!("LINKSPAN_BUILD_TIMESTAMP_MS")
    };
}

/// The path of this process's program.
///
/// # Errors
///
/// The system's error.
pub(crate) fn own_program() -> io::Result<PathBuf> {
    let path = env::current_exe()?;
    // What was removed or replaced while it runs can still be started by Linux's name for it.
    match running().filter(|running| !path.exists() && running.exists()) {
        Some(running) => Ok(running.to_owned()),
        None => Ok(path),
    }
}

/// The file that this process runs, even if another stands at its path by now.
fn running_executable() -> io::Result<os::ExecutableId> {
    match running().map(os::executable_id) {
        Some(Ok(id)) => Ok(id),
        _ => os::executable_id(&own_program()?),
    }
}

/// Linux's name for it. On Windows it would mean a file on whatever drive is the present one.
fn running() -> Option<&'static Path> {
    Some(Path::new(RUNNING)).filter(|path| path.is_absolute())
}

const RUNNING: &str = "/proc/self/exe";
const ID_BYTES: usize = 8;
const NANOS_PER_MILLI: i128 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_the_same_build_as_itself() {
        let build = Build::of_executable().unwrap();
        assert_eq!(build, Build::of_executable().unwrap());
        assert_eq!(build.id().len(), 16);
        assert!(build.timestamp_ms() > Some(1_600_000_000_000));
    }

    #[test]
    fn a_timestamp_is_read_as_it_was_emitted() {
        let build = Build::from_timestamp(Some("1767225600000")).unwrap();
        assert_eq!(build.timestamp_ms(), Some(1_767_225_600_000));
        assert_eq!(build.id(), "t1767225600000");
        assert_eq!(Build::from_timestamp(None), None);
    }
}
