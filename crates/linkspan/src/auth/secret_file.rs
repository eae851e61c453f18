//! Files that hold secrets: nobody but their owner may read them.

use std::path::{Path, PathBuf};

use crate::auth::SecretBytes;
use crate::auth::credential::{Asked, Credential, CredentialError, Proved, Prover};
use crate::auth::jwt::JwtCredential;
use crate::auth::key::SecretKey;

/// Reads a file that holds a secret, which has to belong to this user or root, and to be nobody
/// else's to read.
///
/// # Errors
///
/// Any [`CredentialError`].
pub fn read_secret_file(path: &Path) -> Result<SecretBytes, CredentialError> {
    let place = |text: String| CredentialError::Place(text);
    let missing = || place(format!("there is no file {}", path.display()));
    let name = path.file_name().map(Path::new).ok_or_else(missing)?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !parent.is_dir() {
        return Err(missing());
    }
    let directory =
        os::Directory::open(parent, PRIVATE).map_err(|error| place(error.to_string()))?;
    let read = directory.read_private_file(name, MAX_BYTES);
    let bytes = read.map_err(CredentialError::File)?.ok_or_else(missing)?;
    Ok(SecretBytes::new(bytes))
}

/// What a file holds, for as long as it does.
pub(super) fn credential(path: &Path) -> Result<Credential, CredentialError> {
    let file = SecretFile {
        path: path.to_owned(),
    };
    file.read()?;
    Ok(Credential::of(file))
}

/// A credential in a file, which is read anew for each proof.
struct SecretFile {
    path: PathBuf,
}

impl SecretFile {
    fn read(&self) -> Result<Box<dyn Prover>, CredentialError> {
        let bytes = read_secret_file(&self.path)?;
        let text = str::from_utf8(&bytes).map_err(|_| CredentialError::Malformed("text"))?;
        parse(text)
    }
}

/// An API key, a launch token or a JWT.
pub(super) fn parse(text: &str) -> Result<Box<dyn Prover>, CredentialError> {
    if let Ok(key) = SecretKey::parse(text) {
        return Ok(Box::new(key));
    }
    match JwtCredential::parse(text) {
        Some(token) => Ok(Box::new(token)),
        None => Err(CredentialError::Malformed("API key, launch token or JWT")),
    }
}

impl Prover for SecretFile {
    fn methods(&self) -> Vec<String> {
        // What cannot be read now fails when it is to be proved.
        let prover = self.read();
        prover.map_or_else(|_| Vec::new(), |prover| prover.methods())
    }

    fn is_sent(&self) -> bool {
        self.read().map_or(true, |prover| prover.is_sent())
    }

    fn prove(&self, asked: &Asked<'_>) -> Result<Proved, CredentialError> {
        self.read()?.prove(asked)
    }
}

/// Mode of directories that would have to be made.
const PRIVATE: u32 = 0o700;
/// The longest secret that is read.
const MAX_BYTES: usize = 64 * 1024;
