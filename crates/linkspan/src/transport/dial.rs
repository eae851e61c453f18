//! Connecting, whatever the transport.

use crate::Address;
use crate::transport::backend::Origin;
use crate::transport::layer::{self, Stack};
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
    let io = |source| DialError::Io {
        address: address.clone(),
        source,
    };
    let stack = Stack::new(address, config, Origin::Dialed).map_err(io)?;
    let link = dial_base(address, &stack.base, stack.may_leave, config).await?;
    layer::open(stack.layers, link).await.map_err(io)
}

/// Connects to what `address` is or stands on.
async fn dial_base(
    address: &Address,
    base: &Address,
    may_leave: bool,
    config: &Config,
) -> Result<ByteLink, DialError> {
    match base {
        Address::Memory(name) if config.in_process.enabled => memory::dial_bytes(name).await,
        Address::Tcp(host) => tcp::dial(address, host, may_leave).await,
        _ if local::serves(base) => local::dial(base, config).await,
        _ => Err(DialError::Unsupported {
            address: address.clone(),
            reason: error::unsupported(base),
        }),
    }
}
