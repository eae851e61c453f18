//! Linkspan
#![forbid(unsafe_code)]

mod address;
#[cfg(feature = "rpc")]
pub mod auth;
#[cfg(feature = "rpc")]
mod clock;
pub mod codec;
#[cfg(feature = "rpc")]
pub mod rpc;
#[cfg(feature = "rpc")]
pub mod session;
#[cfg(feature = "rpc")]
pub mod transport;

pub use address::{Address, AddressError, Advice, Facts, HostPort, Platform, Verdict};
pub use proto::Limits;

#[cfg(feature = "macros")]
pub use linkspan_macros::service;
pub use proto::error::{Blame, Category, Code};
pub use proto::message::{Failure, Identity, Metadata, Status, Usage};
