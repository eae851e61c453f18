//! API keys that a server takes.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use crate::auth::key::{KeyEntry, KeyVerifier, SecretKey};
use crate::auth::{Attempt, Authenticator, Denial, Grant, Method, Principal, Revoker};

/// API keys that a server takes.
///
/// Clones share the keys: they can be changed while the server works, and sessions that are open by a
/// key that is taken back end at once.
#[derive(Debug, Clone)]
pub struct ApiKeys {
    keys: Arc<RwLock<HashMap<String, Kept>>>,
    /// That of nobody's key: an unknown name takes as long as a known one.
    nobody: KeyVerifier,
}

#[derive(Debug)]
struct Kept {
    entry: KeyEntry,
    revoker: Revoker,
}

impl ApiKeys {
    /// Takes these keys.
    ///
    /// # Errors
    ///
    /// The system has no source of randomness.
    pub fn new(entries: impl IntoIterator<Item = KeyEntry>) -> io::Result<Self> {
        let keys = Self {
            keys: Arc::default(),
            nobody: SecretKey::new_api_key()?.verifier(),
        };
        keys.replace(entries);
        Ok(keys)
    }

    /// Makes a key for a name, with its roles; `lifetime` is how long it holds.
    ///
    /// The key itself is kept nowhere: it is for whoever it is made for.
    ///
    /// # Errors
    ///
    /// The system has no source of randomness.
    pub fn issue(
        &self,
        name: impl Into<String>,
        roles: Vec<String>,
        lifetime: Option<Duration>,
    ) -> io::Result<SecretKey> {
        let key = SecretKey::new_api_key()?;
        self.add(KeyEntry::of(&key, name.into(), roles, lifetime));
        Ok(key)
    }

    /// Takes a further key, or one of the same id in its place.
    pub fn add(&self, entry: KeyEntry) {
        let kept = Kept::new(entry);
        self.write().insert(kept.entry.id.clone(), kept);
    }

    /// Takes a key back: nobody comes by it any more, and who has come is sent away. Says whether
    /// there was one.
    pub fn revoke(&self, id: &str) -> bool {
        let mut keys = self.write();
        let kept = keys.get_mut(id);
        kept.is_some_and(|kept| {
            kept.entry.revoked = true;
            kept.revoker.revoke();
            true
        })
    }

    /// Takes these keys and no others, all at once. Sessions by keys that are as they were go on.
    pub fn replace(&self, entries: impl IntoIterator<Item = KeyEntry>) {
        let mut keys = self.write();
        let mut earlier = std::mem::take(&mut *keys);
        for entry in entries {
            let same = earlier.remove(&entry.id).filter(|kept| kept.entry == entry);
            let kept = same.unwrap_or_else(|| Kept::new(entry));
            keys.insert(kept.entry.id.clone(), kept);
        }
    }

    /// All keys, by their ids.
    pub fn entries(&self) -> Vec<KeyEntry> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let mut entries: Vec<_> = keys.values().map(|kept| kept.entry.clone()).collect();
        entries.sort_by(|one, other| one.id.cmp(&other.id));
        entries
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<String, Kept>> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn new(entry: KeyEntry) -> Self {
        let revoker = Revoker::new();
        if entry.revoked {
            revoker.revoke();
        }
        Self { entry, revoker }
    }

    fn grant(&self) -> Grant {
        let principal = Principal::named(format!("key:{}", self.entry.name))
            .with_roles(self.entry.roles.iter().cloned())
            .proved_by(Method::ApiKey);
        let mut grant = Grant::new(principal);
        grant.credential.clone_from(&self.entry.id);
        grant.expires = self.entry.expires;
        grant.revocation = Some(self.revoker.revocation());
        grant
    }
}

/// Whoever came by a key that is kept no longer has to go.
impl Drop for Kept {
    fn drop(&mut self) {
        self.revoker.revoke();
    }
}

impl Authenticator for ApiKeys {
    fn method(&self) -> Method {
        Method::ApiKey
    }

    fn authenticate(&self, attempt: &Attempt<'_>) -> Result<Grant, Denial> {
        let id = attempt.key_id().unwrap_or_default();
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = keys.get(id) else {
            let stranger = Grant::new(Principal::anonymous());
            // Whatever comes of it.
            attempt.prove_key(&self.nobody, stranger).ok();
            return Err(Denial::UnknownKey(id.to_owned()));
        };
        // Whether it was revoked or has expired is looked at afterwards: it is for those alone who
        // have it.
        attempt.prove_key(&kept.entry.verifier, kept.grant())
    }
}

impl KeyEntry {
    /// What a server keeps of a key that is made now.
    pub fn of(
        key: &SecretKey,
        name: String,
        roles: Vec<String>,
        lifetime: Option<Duration>,
    ) -> Self {
        Self {
            id: key.id().to_owned(),
            name,
            roles,
            expires: lifetime.and_then(|lifetime| SystemTime::now().checked_add(lifetime)),
            revoked: false,
            verifier: key.verifier(),
        }
    }
}
