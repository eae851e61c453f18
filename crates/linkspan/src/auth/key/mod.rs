//! Keys that both sides know, and that neither says.
//!
//! The client's part is the key itself. The server keeps what it needs to check it, from which the key
//! cannot be found; whoever steals that cannot come as the client (the mechanism is that of SCRAM, RFC
//! 5802, without its slow hash: keys are random, and nobody can guess 256 bits).

mod entry;
mod file;
mod launch;
mod proof;
mod ring;
mod secret;

pub use entry::KeyEntry;
pub use file::{KeyFile, KeyFileError, KeyList};
pub use launch::LaunchTokens;
pub use proof::KeyVerifier;
pub use ring::ApiKeys;
pub use secret::{KeyError, SecretKey};

pub(crate) use secret::hex;
