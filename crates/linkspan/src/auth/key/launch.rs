//! Tokens that hold once.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::auth::key::{KeyVerifier, SecretKey};
use crate::auth::{Attempt, Authenticator, Denial, Grant, Method, Principal};
use crate::clock;

/// Launch tokens: what a host gives to a process that it starts, so that this one, and once, can come
/// back as the principal that the host has in mind.
///
/// Clones share the tokens.
#[derive(Debug, Clone, Default)]
pub struct LaunchTokens {
    open: Arc<Mutex<HashMap<String, Open>>>,
}

/// A token that was not used yet.
#[derive(Debug)]
struct Open {
    verifier: KeyVerifier,
    grant: Grant,
    until: Instant,
}

impl LaunchTokens {
    /// No tokens.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a token for a principal; whoever has it has to come within `limit`.
    ///
    /// # Errors
    ///
    /// The system has no source of randomness; [`io::ErrorKind::QuotaExceeded`] while 4,096 tokens
    /// were neither used nor have expired.
    pub fn issue(&self, principal: Principal, limit: Duration) -> io::Result<SecretKey> {
        let key = SecretKey::random(Method::LaunchToken)?;
        let now = clock::now();
        let mut open = self.lock();
        open.retain(|_, open| now < open.until);
        if open.len() >= MAX_OPEN {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let mut grant = Grant::new(principal.proved_by(Method::LaunchToken));
        key.id().clone_into(&mut grant.credential);
        let token = Open {
            verifier: key.verifier(),
            grant,
            until: clock::after(now, limit),
        };
        open.insert(key.id().to_owned(), token);
        Ok(key)
    }

    /// Takes a token back that was not used yet; says whether there was one.
    pub fn withdraw(&self, id: &str) -> bool {
        self.lock().remove(id).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Authenticator for LaunchTokens {
    fn method(&self) -> Method {
        Method::LaunchToken
    }

    fn authenticate(&self, attempt: &Attempt<'_>) -> Result<Grant, Denial> {
        let id = attempt.key_id().unwrap_or_default();
        let mut open = self.lock();
        let Some(token) = open.get(id) else {
            return Err(Denial::Used);
        };
        let grant = attempt.prove_key(&token.verifier, token.grant.clone())?;
        // Whoever cannot prove it has not used it up.
        let is_late = clock::now() >= token.until;
        open.remove(id);
        if is_late {
            Err(Denial::Expired)
        } else {
            Ok(grant)
        }
    }
}

/// Tokens that may be open at once.
const MAX_OPEN: usize = 4096;
