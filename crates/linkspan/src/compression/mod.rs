//! Compressed bodies: when they are, by what, and both directions of it by hand.
//!
//! Sessions agree on algorithms that both sides have, and then compress what is long enough, as far as
//! it shrinks; nobody has to do anything for that but to build with a feature `lz4` or `zstd`. By
//! default nothing is compressed that stays on this machine, and nothing under TLS:
//! [`CompressionConfig`] says where, from what length on, and by what.
//!
//! Each frame is compressed by itself, so what one message says never shows in the length of another.
//! Within one message it does: where a secret stands beside something that somebody else chose, and
//! that somebody can see lengths on the network, it is not to be compressed. A message says so by
//! [`Request::compress`](crate::session::Request::compress) and
//! [`Response::compress`](crate::session::Response::compress), a call by
//! [`Context::without_compression`](crate::session::Context::without_compression), a service by
//! [`Router::uncompressed`](crate::rpc::Router::uncompressed).
//!
//! [`deflate`] and [`inflate`] are what sessions use (docs/protocol.md, section 22).
//!
//! # Examples
//!
//! ```
//! use linkspan::compression::Compression;
//! use linkspan::rpc::ServerConfig;
//!
//! let mut config = ServerConfig::default();
//! let compression = &mut config.session.compression;
//! compression.algorithms = vec![Compression::Zstd];
//! compression.level = 9;
//! compression.on_encrypted = true;
//! ```

mod algorithm;
mod config;
mod effort;
#[cfg(feature = "lz4")]
mod lz4;
#[cfg(feature = "zstd")]
mod zstd;

pub(crate) use algorithm::announced_bytes;
pub use algorithm::{deflate, inflate};
pub use config::{Compress, CompressionConfig, Reach};
pub(crate) use effort::Effort;

pub use proto::error::InflateError;
pub use proto::frame::Compression;
