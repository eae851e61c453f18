//! The peers.

pub(crate) mod linkspan;
pub(crate) mod raw_std;
pub(crate) mod raw_tokio;
#[cfg(feature = "peers")]
pub(crate) mod tarpc;
#[cfg(feature = "peers")]
pub(crate) mod tonic;
