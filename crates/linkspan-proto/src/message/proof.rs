//! Steps 3 and 4 of the opening: a client proves who it is, and the server lets it in.

use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::error::MessageError;
use crate::message::binary::optional;

/// By what a client proves who it is; which keys it has depends on the way that was chosen
/// (docs/protocol.md, section 3.7).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Proof {
    /// Which key or launch token it has: a name, no secret.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// That it has it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional")]
    pub proof: Option<[u8; 32]>,
    /// A JWT, which is proof by itself: whoever reads it has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl Proof {
    /// That a client has the key or launch token of that name.
    pub fn of_key(id: impl Into<String>, proof: [u8; 32]) -> Self {
        Self {
            id: id.into(),
            proof: Some(proof),
            token: None,
        }
    }

    /// A JWT.
    pub fn of_token(token: impl Into<String>) -> Self {
        Self {
            id: String::new(),
            proof: None,
            token: Some(token.into()),
        }
    }
}

impl Drop for Proof {
    fn drop(&mut self) {
        self.token.zeroize();
    }
}

/// Shows neither proof nor token.
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Who a client is for the server, and for how long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Accepted {
    /// Name of the client's principal.
    #[serde(default)]
    pub principal: String,
    /// When the session ends unless it is renewed, in milliseconds from now; never, if that is not
    /// said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
    /// Whether the server takes renewals.
    #[serde(default)]
    pub renewable: bool,
    /// That the server knows the key, too.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional")]
    pub proof: Option<[u8; 32]>,
}

impl Accepted {
    /// A principal whose session does not end by itself.
    pub fn new(principal: impl Into<String>) -> Self {
        Self {
            principal: principal.into(),
            ..Self::default()
        }
    }
}

impl Accepted {
    /// As `MessagePack`.
    pub fn to_bytes(&self) -> Bytes {
        encoded(self)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) makes.
    ///
    /// # Errors
    ///
    /// [`MessageError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        decoded(bytes, "acceptance")
    }
}

/// By what a client proves anew who it is, while the session is open: the body of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Renewal {
    /// How.
    pub method: String,
    /// Rises with each renewal of a session, from 1.
    pub round: u64,
    /// By what.
    pub proof: Proof,
}

impl Renewal {
    /// The method that is called; it answers with an [`Accepted`].
    pub const METHOD: &str = "linkspan.renew";

    /// Makes a renewal.
    pub fn new(method: impl Into<String>, round: u64, proof: Proof) -> Self {
        Self {
            method: method.into(),
            round,
            proof,
        }
    }

    /// As `MessagePack`.
    pub fn to_bytes(&self) -> Bytes {
        encoded(self)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) makes.
    ///
    /// # Errors
    ///
    /// [`MessageError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        decoded(bytes, "renewal")
    }
}

fn encoded(value: &impl Serialize) -> Bytes {
    rmp_serde::to_vec_named(value)
        .expect("texts and numbers always encode")
        .into()
}

fn decoded<T: DeserializeOwned>(bytes: &[u8], part: &'static str) -> Result<T, MessageError> {
    rmp_serde::from_slice(bytes).map_err(|_| MessageError::Malformed { part })
}
