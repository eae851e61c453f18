//! `tls:` and `unix+tls:`: TLS on TCP and on Unix sockets, mutual by default.
//!
//! ```text
//! tls:HOST:PORT ──► tcp:HOST:PORT ──► handshake ──► Channel ──┬─► Reader
//!                                       verify, identity      └─► Writer
//! ```
//!
//! TLS is rustls, with the cryptography of AWS-LC. It stands on the halves of any link of bytes
//! without a task of its own: who reads decrypts, who writes encrypts.

mod config;
mod error;
mod pem;
mod pin;

#[cfg(feature = "tls")]
mod channel;
#[cfg(feature = "tls")]
mod failure;
#[cfg(feature = "tls")]
mod handshake;
#[cfg(feature = "tls")]
mod identity;
#[cfg(feature = "tls")]
mod layer;
#[cfg(feature = "tls")]
mod material;
#[cfg(feature = "tls")]
mod profile;
#[cfg(feature = "tls")]
mod reader;
#[cfg(feature = "tls")]
mod verify;
#[cfg(feature = "tls")]
mod writer;

pub use config::{TlsCipher, TlsConfig, TlsVersion};
pub use error::{TlsConfigError, TlsError};
pub use pem::Pem;
pub use pin::{Pin, PinError};

#[cfg(feature = "tls")]
pub(super) use layer::layered;
