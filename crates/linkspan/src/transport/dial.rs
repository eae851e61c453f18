//! Connecting, whatever the transport.

use crate::Address;
use crate::transport::{Config, DialError, Link, error, memory, tcp, unix};

/// Connects to a server; the caller limits the time.
pub(crate) async fn dial(address: &Address, config: &Config) -> Result<Link, DialError> {
    match address {
        Address::Memory(name) if config.in_process.enabled => {
            memory::dial(name, &config.in_process).await
        }
        Address::Unix(path) => unix::dial(path, &config.unix_socket).await,
        Address::Tcp(host) => tcp::dial(host, &config.tcp).await,
        _ => Err(DialError::Unsupported {
            address: address.clone(),
            reason: error::unsupported(address),
        }),
    }
}
