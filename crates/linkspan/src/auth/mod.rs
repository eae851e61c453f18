//! Who is there.
//!
//! ```text
//!  peer ──► transport: user, certificate ─┐
//!     └───► handshake: key, token ────────┴─► Authentication ─► Principal, for a time
//!                                                 │    └──────► Audit
//!                                                 └── Authenticator, one for each way
//! ```
//!
//! One principal for every capability, on every transport: handlers see it in their context. A server
//! without an [`Authentication`] takes the kernel's word and asks for nothing.

mod audit;
mod authentication;
mod authenticator;
mod certificate;
mod config;
mod counts;
mod credential;
mod fault;
#[cfg(feature = "auth")]
pub mod jwt;
#[cfg(feature = "auth")]
pub mod key;
mod lease;
mod method;
pub mod policy;
mod principal;
pub mod quota;
mod revocation;
#[cfg(feature = "seal")]
pub mod seal;
#[cfg(feature = "auth")]
mod secret;
#[cfg(feature = "auth")]
mod secret_file;
mod slowdown;
mod standing;

pub use audit::{Audit, AuditFile, AuditRecord, Decision};
pub use authentication::Authentication;
pub use authenticator::{Attempt, Authenticator, Denial, Grant};
pub use certificate::{CertificateIdentity, SubjectAltName};
pub use config::Config;
pub use counts::{AuthenticationStats, DenialStats};
pub use credential::{Credential, CredentialError};
#[cfg(feature = "auth")]
pub use jwt::{Jwt, JwtConfig, JwtIssuer};
#[cfg(feature = "auth")]
pub use key::{ApiKeys, KeyEntry, KeyVerifier, LaunchTokens, SecretKey};
pub use method::Method;
pub use principal::Principal;
pub use revocation::{Revocation, Revoker};
#[cfg(feature = "auth")]
pub use secret::{SecretBytes, SecretText};
#[cfg(feature = "auth")]
pub use secret_file::read_secret_file;
pub use slowdown::SlowdownConfig;
pub use standing::{Certificates, PeerCredentials};

pub(crate) use authentication::{Presented, Refused};
pub(crate) use credential::{Asked, Proved};
pub(crate) use fault::Fault;
pub(crate) use lease::{Lapse, Lease};
