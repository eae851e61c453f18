//! What runs of a plugin.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use os::sandbox::Program;

use crate::plugin::host::launch::copies::Copy;
use crate::plugin::host::launch::{Copies, StartError};
use crate::plugin::{Manifest, Verified};

/// What runs of a plugin, as it was when it was verified: no change of its files reaches it any more.
///
/// All its instances, and those that are started again, share one.
#[derive(Debug)]
pub(crate) struct Image {
    pub(super) manifest: Manifest,
    pub(super) program: Program,
    /// The program that runs the script, if it is one.
    pub(super) interpreter: Option<PathBuf>,
    /// All files of a script; those beside a program, if there are any.
    pub(super) copy: Option<Arc<Copy>>,
    /// The beginning of a native program.
    pub(super) head: Vec<u8>,
    /// What plugins must not see: where copies are.
    pub(super) hidden: PathBuf,
}

impl Image {
    /// Copies what runs of a plugin, and hashes it once more on the way.
    ///
    /// # Errors
    ///
    /// [`StartError::Refused`] if it is not what was verified, [`StartError::Place`] and
    /// [`StartError::Memory`] if there is no room for it, [`StartError::Interpreter`].
    pub(crate) fn prepare(verified: &Verified, copies: &Arc<Copies>) -> Result<Self, StartError> {
        match verified.interpreter() {
            Some(interpreter) => Self::of_script(verified, &interpreter.path, copies),
            None => Self::of_program(verified, copies),
        }
    }

    fn of_script(
        verified: &Verified,
        interpreter: &Path,
        copies: &Arc<Copies>,
    ) -> Result<Self, StartError> {
        // Nobody but this user and root can have put another one there.
        let program = Program::open(interpreter).map_err(|source| StartError::Interpreter {
            path: interpreter.to_owned(),
            source,
        })?;
        Ok(Self {
            manifest: verified.manifest().clone(),
            program,
            interpreter: Some(interpreter.to_owned()),
            copy: Some(Arc::new(copies.copy(verified, false)?)),
            head: Vec::new(),
            hidden: copies.base().to_owned(),
        })
    }

    fn of_program(verified: &Verified, copies: &Arc<Copies>) -> Result<Self, StartError> {
        let manifest = verified.manifest().clone();
        let entry = &manifest.entry.file;
        let mut bytes = Vec::new();
        verified.copy_entry(&mut bytes)?;
        let (program, copy) = match Program::copy(&*bytes, manifest.name.as_str(), |_| {}) {
            Ok(program) => {
                let has_more = verified.files().count() > 1;
                let copy = has_more.then(|| copies.copy(verified, true)).transpose()?;
                (program, copy)
            }
            // Systems whose memory cannot be executed as a file.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                let copy = copies.copy(verified, false)?;
                let program = Program::open(copy.path().join(entry.as_str()));
                (program.map_err(StartError::Memory)?, Some(copy))
            }
            Err(error) => return Err(StartError::Memory(error)),
        };
        bytes.truncate(HEAD_BYTES);
        bytes.shrink_to_fit();
        Ok(Self {
            manifest,
            program,
            interpreter: None,
            copy: copy.map(Arc::new),
            head: bytes,
            hidden: copies.base().to_owned(),
        })
    }
}

/// In which everything stands that says what a program is for.
const HEAD_BYTES: usize = 4096;
