//! Linkspan
#![forbid(unsafe_code)]

mod address;
pub mod auth;
mod clock;
pub mod codec;
#[cfg(feature = "rpc")]
pub mod rpc;
pub mod session;
pub mod transport;

pub use address::{Address, AddressError, Advice, Facts, HostPort, Platform, Verdict};
pub use proto::Limits;

#[cfg(feature = "macros")]
pub use linkspan_macros::service;
pub use proto::error::{Blame, Category, Code};
pub use proto::message::{Failure, Identity, Metadata, Status, Usage};
