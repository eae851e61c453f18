//! Making JWTs.

use std::io;
use std::time::{Duration, SystemTime};

use crate::auth::SecretText;
use crate::auth::jwt::verify::use_our_library;
use crate::auth::jwt::{Audience, Claims, JwtKeyError, JwtSigningKey};
use crate::auth::key::hex;

/// Makes JWTs for an audience.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JwtIssuer {
    /// Its name.
    pub issuer: String,
    /// For whom its tokens are.
    pub audience: String,
    key: JwtSigningKey,
}

impl JwtIssuer {
    /// An issuer with a key.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, key: JwtSigningKey) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            key,
        }
    }

    /// What a token says that holds from now on for `lifetime`; it has a new name of its own.
    ///
    /// # Errors
    ///
    /// The system has no source of randomness.
    pub fn claims(&self, subject: impl Into<String>, lifetime: Duration) -> io::Result<Claims> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        Ok(Claims {
            sub: subject.into(),
            iss: self.issuer.clone(),
            aud: Audience::One(self.audience.clone()),
            exp: now.saturating_add(lifetime.as_secs()),
            nbf: Some(now),
            iat: Some(now),
            jti: Some(hex(&os::random_bytes::<16>()?)),
            ..Claims::default()
        })
    }

    /// Signs a token.
    ///
    /// # Errors
    ///
    /// [`JwtKeyError::Malformed`] if the key cannot sign.
    pub fn sign(&self, claims: &Claims) -> Result<SecretText, JwtKeyError> {
        use_our_library();
        let mut header = jsonwebtoken::Header::new(self.key.algorithm.code());
        header.kid = Some(self.key.id.clone());
        let token = jsonwebtoken::encode(&header, claims, &self.key.encoding);
        token
            .map(SecretText::new)
            .map_err(|_| JwtKeyError::Malformed(self.key.algorithm))
    }
}
