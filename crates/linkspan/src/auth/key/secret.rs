//! Keys as text.

use std::fmt;
use std::io;
use std::path::Path;

use proto::message::Proof;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::auth::credential::{Asked, Credential, CredentialError, Proved, Prover};
use crate::auth::key::proof::Keys;
use crate::auth::{KeyVerifier, Method, SecretText, secret_file};

/// An API key or a launch token: 256 random bits with a name.
///
/// As text it is `lsk_NAME_SECRET` or `lst_NAME_SECRET`, in hexadecimal but for the first part, so
/// that those who search for secrets where none should be can find it. It is erased from memory when
/// it is dropped.
#[derive(Clone)]
pub struct SecretKey {
    method: Method,
    id: String,
    bytes: [u8; 32],
}

/// A text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this is no API key and no launch token")]
#[non_exhaustive]
pub struct KeyError;

impl SecretKey {
    /// A new API key.
    ///
    /// # Errors
    ///
    /// The system has no source of randomness.
    pub fn new_api_key() -> io::Result<Self> {
        Self::random(Method::ApiKey)
    }

    pub(crate) fn random(method: Method) -> io::Result<Self> {
        let id: [u8; 8] = os::random_bytes()?;
        Ok(Self {
            method,
            id: hex(&id),
            bytes: os::random_bytes()?,
        })
    }

    /// Reads a key.
    ///
    /// # Errors
    ///
    /// [`KeyError`] for everything else; it does not say where the text differs.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.trim().split('_');
        let parts = (parts.next(), parts.next(), parts.next(), parts.next());
        let (Some(prefix), Some(id), Some(bytes), None) = parts else {
            return Err(KeyError);
        };
        let method = match prefix {
            API_KEY => Method::ApiKey,
            LAUNCH_TOKEN => Method::LaunchToken,
            _ => return Err(KeyError),
        };
        let is_id = id.len() == ID_CHARS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bytes = unhex(bytes).filter(|_| is_id).ok_or(KeyError)?;
        let id = id.to_owned();
        Ok(Self { method, id, bytes })
    }

    /// The key as text: for the one place where it is kept.
    pub fn reveal(&self) -> SecretText {
        let prefix = match self.method {
            Method::LaunchToken => LAUNCH_TOKEN,
            _ => API_KEY,
        };
        let bytes = Zeroizing::new(hex(&self.bytes));
        SecretText::new([prefix, &self.id, &bytes].join("_"))
    }

    /// Its name, which is no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it is an API key or a launch token.
    pub fn method(&self) -> Method {
        self.method
    }

    /// What a server needs to check it.
    pub fn verifier(&self) -> KeyVerifier {
        Keys::of(&self.bytes).verifier()
    }
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// Shows its name.
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Prover for SecretKey {
    fn methods(&self) -> Vec<String> {
        vec![self.method.name().to_owned()]
    }

    fn is_sent(&self) -> bool {
        false
    }

    fn prove(&self, asked: &Asked<'_>) -> Result<Proved, CredentialError> {
        let keys = Keys::of(&self.bytes);
        let message = asked.message(&self.id);
        Ok(Proved {
            proof: Proof::of_key(self.id.as_str(), keys.client_proof(&message)),
            expected: Some(keys.server_proof(&message)),
        })
    }
}

impl Credential {
    /// An API key or launch token.
    pub fn key(key: SecretKey) -> Self {
        Self::of(key)
    }

    /// Whatever a file holds: an API key, a launch token or a JWT. The file is read again for each
    /// proof, so that what was renewed there is used.
    ///
    /// # Errors
    ///
    /// Any [`CredentialError`]; a file that others can read is refused.
    pub fn file(path: impl AsRef<Path>) -> Result<Self, CredentialError> {
        secret_file::credential(path.as_ref())
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let digits = [byte >> 4, byte & 15];
        text.extend(
            digits
                .iter()
                .filter_map(|digit| char::from_digit((*digit).into(), 16)),
        );
    }
    text
}

pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() || !text.is_ascii() {
        return None;
    }
    let mut digits = text.chars().map(|digit| digit.to_digit(16));
    for byte in &mut bytes {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

const API_KEY: &str = "lsk";
const LAUNCH_TOKEN: &str = "lst";
const ID_CHARS: usize = 16;
