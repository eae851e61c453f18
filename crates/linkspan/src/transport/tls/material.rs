//! Certificates and keys, read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::transport::tls::{Pem, TlsConfigError};

/// The certificates of a text; at least one.
pub(super) fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let file = match pem.path() {
        Some(path) => Some(read(path)?),
        None => None,
    };
    let text = file
        .as_deref()
        .or_else(|| pem.in_memory())
        .unwrap_or_default();
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let problem = match certificates {
        Ok(certificates) if !certificates.is_empty() => return Ok(certificates),
        Ok(_) => "there is none".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(content("the certificate", pem, problem))
}

/// The private key of a text.
pub(super) fn private_key(pem: &Pem) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
    let file = match pem.path() {
        Some(path) => Some(read_private(path)?),
        None => None,
    };
    let text = file
        .as_ref()
        .map(|text| text.as_slice())
        .or_else(|| pem.in_memory())
        .unwrap_or_default();
    // What is wrong is not told: it could show some of the key.
    PrivateKeyDer::from_pem_slice(text)
        .map_err(|_| content("the private key", pem, "there is none in PEM form".into()))
}

pub(super) fn content(what: &'static str, pem: &Pem, problem: String) -> TlsConfigError {
    TlsConfigError::Content {
        what,
        place: pem.to_string(),
        problem,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsConfigError> {
    let file = |source| TlsConfigError::File {
        path: path.into(),
        source,
    };
    let mut bytes = Vec::new();
    let mut reader = File::open(path).map_err(file)?.take(MAX_BYTES + 1);
    let read = reader.read_to_end(&mut bytes).map_err(file)?;
    match u64::try_from(read) {
        Ok(0..=MAX_BYTES) => Ok(bytes),
        _ => Err(file(io::ErrorKind::FileTooLarge.into())),
    }
}

/// Reads a file that nobody else may read.
fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsConfigError> {
    let file = |source| TlsConfigError::File {
        path: path.into(),
        source,
    };
    let unsafe_place =
        |error: Box<dyn std::error::Error + Send + Sync>| TlsConfigError::Private(error);
    // Programs that renew certificates leave links to the newest.
    let path = path.canonicalize().map_err(file)?;
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(file(io::ErrorKind::IsADirectory.into()));
    };
    let directory = os::Directory::open(directory, 0o700).map_err(|e| unsafe_place(e.into()))?;
    let max_bytes = usize::try_from(MAX_BYTES).unwrap_or(usize::MAX);
    let read = directory.read_private_file(name.as_ref(), max_bytes);
    match read.map_err(|error| unsafe_place(error.into()))? {
        Some(bytes) => Ok(Zeroizing::new(bytes)),
        None => Err(file(io::ErrorKind::NotFound.into())),
    }
}

/// What a file with certificates or a key may have.
const MAX_BYTES: u64 = 1 << 20;
