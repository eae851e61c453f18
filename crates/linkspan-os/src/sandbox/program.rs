//! The bytes of a program.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(unix)]
use crate::unix::sandbox as sys;
#[cfg(windows)]
use crate::windows::sandbox as sys;

/// A program that can be launched any number of times: an open file, so that what is launched is
/// what was opened, whatever becomes of its path.
///
/// It has to be a native program. Scripts are not: their interpreter is the program.
#[derive(Debug, Clone)]
pub struct Program {
    #[cfg_attr(windows, expect(dead_code, reason = "nothing is launched there yet"))]
    pub(crate) file: Arc<File>,
    pub(crate) path: Option<PathBuf>,
}

impl Program {
    /// The program that stands at a path now. Whoever may write to that file can still change it; use
    /// [`copy`](Self::copy) for one that has to be verified.
    ///
    /// # Errors
    ///
    /// The system's error if it cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        Ok(Self {
            file: Arc::new(File::open(path)?),
            path: Some(path.to_owned()),
        })
    }

    /// A [sealed copy](sealed_copy) of a program. It takes as much memory as the program has bytes,
    /// until the last clone of this is dropped and the last process that runs it has ended.
    ///
    /// ```no_run
    /// # use linkspan_os::sandbox::Program;
    /// # struct Sha256; impl Sha256 { fn update(&mut self, _: &[u8]) {} }
    /// # let mut sha256 = Sha256;
    /// let file = std::fs::File::open("/opt/plugins/greeter")?;
    /// let program = Program::copy(file, "greeter", |bytes| sha256.update(bytes))?;
    /// // The hash is that of the bytes that will run: compare it, then launch.
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`sealed_copy`].
    pub fn copy(source: impl Read, name: &str, observe: impl FnMut(&[u8])) -> io::Result<Self> {
        sealed_copy(source, name, observe).map(Self::from)
    }
}

impl From<File> for Program {
    fn from(file: File) -> Self {
        Self {
            file: Arc::new(file),
            path: None,
        }
    }
}

/// Copies everything that `source` gives into memory that nobody can change any more, and shows all
/// of it to `observe` on the way, piece by piece: what it has hashed is what the copy holds.
///
/// `name` is shown by system tools. The copy is read from its beginning.
///
/// # Errors
///
/// The source's error, or the system's.
///
/// # Platform notes
///
/// [`io::ErrorKind::Unsupported`] on other systems than Linux.
pub fn sealed_copy(source: impl Read, name: &str, observe: impl FnMut(&[u8])) -> io::Result<File> {
    sys::sealed_copy(source, name, observe)
}
