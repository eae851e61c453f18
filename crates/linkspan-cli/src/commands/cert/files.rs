//! A directory with certificates and keys.

use std::path::{Path, PathBuf};

use os::Directory;
use zeroize::Zeroizing;

use crate::failure::{Failure, Kind, Result};

/// It and its files are their owner's from their first moment on.
#[derive(Debug)]
pub(super) struct Files {
    directory: Directory,
}

impl Files {
    /// Opens a directory, and makes it if it is missing.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let directory = Directory::open(path, 0o700).map_err(anyhow::Error::from)?;
        Ok(Self { directory })
    }

    /// Where a file is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Fails if one of some files is there.
    pub(super) fn check_new(&self, names: &[String]) -> Result {
        let is_there = |name: &&String| self.path(name).symlink_metadata().is_ok();
        match names.iter().find(is_there) {
            None => Ok(()),
            Some(name) => {
                let message = format!("{} is there already", self.path(name).display());
                Err(Failure::message(Kind::Usage, message).hint(
                    "--force replaces it; `linkspan cert renew DIR NAME` keeps names and key",
                ))
            }
        }
    }

    /// Puts a key and its certificate in place, the key first: without it nobody takes the
    /// certificate for usable.
    pub(super) fn write(&self, name: &str, key: &[u8], certificate: &str) -> Result {
        for (end, bytes) in [("key", key), ("pem", certificate.as_bytes())] {
            let name = format!("{name}.{end}");
            let written = self.directory.write_file(name.as_ref(), bytes);
            written.map_err(anyhow::Error::from)?;
        }
        Ok(())
    }

    /// A certificate's text.
    pub(super) fn certificate(&self, name: &str) -> Result<String> {
        let file = format!("{name}.pem");
        let read = self.directory.read_file(file.as_ref(), MAX_BYTES);
        let bytes = read.map_err(anyhow::Error::from)?;
        let bytes = bytes.ok_or_else(|| self.missing(&file))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A key's text; a file that others may read is refused.
    pub(super) fn key(&self, name: &str) -> Result<Zeroizing<String>> {
        let file = format!("{name}.key");
        let read = self.directory.read_private_file(file.as_ref(), MAX_BYTES);
        let bytes = read.map_err(|error| {
            Failure::new(Kind::Other, error)
                .hint("a private key is its owner's only: `chmod 600 FILE`")
        })?;
        let bytes = Zeroizing::new(bytes.ok_or_else(|| self.missing(&file))?);
        Ok(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn missing(&self, file: &str) -> Failure {
        let message = format!("there is no {}", self.path(file).display());
        Failure::message(Kind::Usage, message).hint(
            "`linkspan cert ca DIR` makes an authority, `linkspan cert issue DIR NAME` the rest",
        )
    }
}

const MAX_BYTES: usize = 1 << 20;
