//! The section `security.auth`.

use std::path::{Path, PathBuf};

use linkspan::auth::jwt::JwtAlgorithm;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::units::{choose, whole};

/// How clients prove who they are. Users of this system are believed by the kernel's word on local
/// sockets, whatever stands here.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct Auth {
    /// What clients have to show where the kernel does not name them; without it, nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_type: Option<TokenType>,
    /// How long a session by token or key lasts unless it is renewed, in seconds.
    #[serde(deserialize_with = "whole")]
    pub(crate) session_timeout_s: u64,
    /// How long tokens hold that `linkspan token issue` makes, in seconds.
    #[serde(deserialize_with = "whole")]
    pub(crate) token_expiry_s: u64,
    /// Whether sessions can be renewed.
    pub(crate) refresh_enabled: bool,
    /// Whose JWTs are taken, as they name it.
    pub(crate) issuer: String,
    /// For whom JWTs have to be, as they name it.
    pub(crate) audience: String,
    /// Keys of JWTs, as `ID ALGORITHM FILE`: `EdDSA`, ES256 and RS256 with a public key in PEM, HS256 with
    /// a secret of 32 bytes or more.
    pub(crate) keys: Vec<String>,
    /// The file of API keys, and of JWTs that were taken back; `linkspan token` changes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<PathBuf>,
}

/// What clients have to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) enum TokenType {
    /// A JWT.
    Jwt,
    /// An API key.
    ApiKey,
    /// A certificate, over TLS.
    Certificate,
}

impl<'de> Deserialize<'de> for TokenType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choose(
            deserializer,
            &[
                ("Jwt", Self::Jwt),
                ("ApiKey", Self::ApiKey),
                ("Certificate", Self::Certificate),
            ],
        )
    }
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            token_type: None,
            session_timeout_s: 7200,
            token_expiry_s: 14400,
            refresh_enabled: true,
            issuer: "linkspan".to_owned(),
            audience: "linkspan".to_owned(),
            keys: Vec::new(),
            key_file: None,
        }
    }
}

/// Where a key of JWTs is.
pub(crate) struct KeyPlace<'a> {
    pub(crate) id: &'a str,
    pub(crate) algorithm: JwtAlgorithm,
    pub(crate) file: &'a Path,
}

impl Auth {
    /// Where the keys of JWTs are.
    pub(crate) fn key_places(&self) -> Result<Vec<KeyPlace<'_>>, String> {
        self.keys.iter().map(|text| place(text)).collect()
    }

    /// Checks what the types cannot say: the key, and what is wrong with its value.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        let places = self.key_places().map_err(|problem| ("keys", problem))?;
        let missing = match self.token_type {
            Some(TokenType::Jwt) if places.is_empty() => ("keys", "JWTs need a key"),
            Some(TokenType::ApiKey) if self.key_file.is_none() => {
                ("key_file", "API keys need a file")
            }
            _ => return Ok(()),
        };
        Err((missing.0, missing.1.to_owned()))
    }
}

fn place(text: &str) -> Result<KeyPlace<'_>, String> {
    let mut words = text.splitn(3, ' ');
    let words = (words.next(), words.next(), words.next());
    let (Some(id), Some(algorithm), Some(file)) = words else {
        return Err(format!("{text:?} is not ID ALGORITHM FILE"));
    };
    let algorithm = JwtAlgorithm::from_name(algorithm)
        .ok_or_else(|| format!("{algorithm:?} is not one of EdDSA, ES256, RS256, HS256"))?;
    Ok(KeyPlace {
        id,
        algorithm,
        file: Path::new(file),
    })
}
