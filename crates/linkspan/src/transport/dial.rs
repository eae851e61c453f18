//! Connecting, whatever the transport.

use crate::Address;
use crate::transport::{ByteLink, Config, DialError, Link, error, local, memory, tcp};

/// Connects to a server for a session; the caller limits the time.
pub(crate) async fn dial(address: &Address, config: &Config) -> Result<Link, DialError> {
    match address {
        Address::Memory(name) if config.in_process.enabled => {
            memory::dial_frames(name, &config.in_process).await
        }
        _ => dial_bytes(address, config).await.map(Link::from),
    }
}

/// Connects to a server that speaks in bytes; the caller limits the time.
pub(crate) async fn dial_bytes(address: &Address, config: &Config) -> Result<ByteLink, DialError> {
    match address {
        Address::Memory(name) if config.in_process.enabled => memory::dial_bytes(name).await,
        Address::Tcp(host) => tcp::dial(host, &config.tcp).await,
        _ if local::serves(address) => local::dial(address, config).await,
        _ => Err(DialError::Unsupported {
            address: address.clone(),
            reason: error::unsupported(address),
        }),
    }
}
