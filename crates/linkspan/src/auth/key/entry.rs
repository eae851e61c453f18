//! Keys as a server keeps them.

use std::time::SystemTime;

use crate::auth::key::KeyVerifier;

/// What a server knows of an API key: whose it is, and how to check it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyEntry {
    /// Name of the key, by which clients say which one they have.
    pub id: String,
    /// Whose it is: the principal is `key:` and this.
    pub name: String,
    /// Roles of that principal.
    pub roles: Vec<String>,
    /// When it ends to hold.
    pub expires: Option<SystemTime>,
    /// Whether it was taken back.
    pub revoked: bool,
    /// How it is checked.
    pub verifier: KeyVerifier,
}
