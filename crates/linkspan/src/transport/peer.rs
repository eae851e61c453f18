//! The process at the other end of a link.

use std::net::SocketAddr;

use crate::auth::Principal;
use crate::transport::Backend;

/// What the transport knows about the other end.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Peer {
    /// Scheme of the transport: `mem`, `unix`, `tcp`.
    pub transport: &'static str,
    /// User and process, on transports where the kernel tells.
    pub credentials: Option<os::PeerCredentials>,
    /// Network address, on transports that have one.
    pub address: Option<SocketAddr>,
    /// What carries the connection, on local sockets.
    pub backend: Option<Backend>,
}

impl Peer {
    pub(crate) fn new(transport: &'static str) -> Self {
        Self {
            transport,
            credentials: None,
            address: None,
            backend: None,
        }
    }

    /// Who the peer is by this knowledge alone.
    pub fn principal(&self) -> Principal {
        let Some(credentials) = self.credentials else {
            return Principal::anonymous();
        };
        let mut principal = Principal::named(credentials.user.to_string());
        if let Some(pid) = credentials.pid {
            principal.attributes.insert("pid".into(), pid.to_string());
        }
        principal
    }
}
