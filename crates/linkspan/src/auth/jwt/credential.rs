//! JWTs of a client.

use proto::message::Proof;
use zeroize::Zeroizing;

use crate::auth::Method;
use crate::auth::credential::{Asked, Credential, CredentialError, Proved, Prover};

/// A JWT that a client has.
pub(crate) struct JwtCredential(Zeroizing<String>);

impl JwtCredential {
    /// Takes what looks like one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_base64 = |part: &str| {
            let of_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            !part.is_empty() && part.bytes().all(of_alphabet)
        };
        let is_token = text.split('.').count() == 3 && text.split('.').all(is_base64);
        is_token.then(|| Self(Zeroizing::new(text.to_owned())))
    }
}

impl Prover for JwtCredential {
    fn methods(&self) -> Vec<String> {
        vec![Method::Jwt.name().to_owned()]
    }

    fn is_sent(&self) -> bool {
        true
    }

    fn prove(&self, _: &Asked<'_>) -> Result<Proved, CredentialError> {
        Ok(Proved {
            proof: Proof::of_token(self.0.as_str()),
            expected: None,
        })
    }
}

impl Credential {
    /// A JWT.
    ///
    /// # Errors
    ///
    /// [`CredentialError::Malformed`] for what is none.
    pub fn jwt(text: &str) -> Result<Self, CredentialError> {
        let token = JwtCredential::parse(text).ok_or(CredentialError::Malformed("JWT"))?;
        Ok(Self::of(token))
    }
}
