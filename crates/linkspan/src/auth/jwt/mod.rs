//! JWTs: signed statements of an issuer about who somebody is.
//!
//! The algorithm is that of the key, never that of the token's header; what else a header says about
//! keys is not looked at. There is no leeway for clocks.

mod credential;
mod issue;
mod key;
mod verify;
mod wire;

pub use issue::JwtIssuer;
pub use key::{JwtAlgorithm, JwtKey, JwtKeyError, JwtSigningKey};
pub use verify::{Jwt, JwtConfig, peek};
pub use wire::{Audience, Claims};

pub(crate) use credential::JwtCredential;
