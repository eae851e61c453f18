//! `linkspan token`: API keys and JWTs.

mod inspect;
mod issue;
mod list;
mod revoke;

use std::io::Read;
use std::path::Path;

use clap::Subcommand;
use linkspan::auth::key::{KeyFile, KeyFileError};
use linkspan::auth::{CredentialError, SecretBytes, read_secret_file};

use crate::config::Loaded;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// Issue, look at and revoke API keys and JWTs.
///
/// Secrets are never taken from the command line: they come from files that only their owner can read,
/// or from standard input, and are printed once.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Issue(issue::Options),
    Inspect(inspect::Options),
    Revoke(revoke::Options),
    List(list::Options),
}

pub(crate) fn run(command: Command, loaded: &Loaded, output: &Output) -> Result {
    match command {
        Command::Issue(options) => issue::run(&options, loaded, output),
        Command::Inspect(options) => inspect::run(&options, output),
        Command::Revoke(options) => revoke::run(&options, loaded, output),
        Command::List(options) => list::run(&options, loaded, output),
    }
}

/// The file of keys that was named, or the configured one.
fn key_file(named: Option<&Path>, loaded: &Loaded) -> Result<KeyFile> {
    let configured = loaded.config.security.auth.key_file.as_deref();
    let path = named.or(configured).ok_or_else(|| {
        Failure::message(Kind::Usage, "there is no file of keys")
            .hint("name one by --keys, or set security.auth.key_file")
    })?;
    Ok(KeyFile::new(path))
}

/// A secret from a file, or from standard input for `-`.
fn secret(path: &Path) -> Result<SecretBytes> {
    if path.as_os_str() != "-" {
        return Ok(read_secret_file(path)?);
    }
    // With room for all of it, no copies stay behind.
    let mut bytes = Vec::with_capacity(MAX_BYTES);
    let mut input = std::io::stdin().lock().take(MAX_BYTES as u64);
    input.read_to_end(&mut bytes)?;
    Ok(SecretBytes::new(bytes))
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        Self::new(Kind::Other, error)
    }
}

impl From<CredentialError> for Failure {
    fn from(error: CredentialError) -> Self {
        Self::new(Kind::Other, error)
    }
}

const MAX_BYTES: usize = 64 * 1024;
