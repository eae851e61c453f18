//! The process at the other end of a link.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::auth::{CertificateIdentity, Method, Principal};
use crate::transport::Backend;

/// What the transport knows about the other end.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Peer {
    /// Scheme of the transport: `mem`, `unix`, `tcp`, `tls`.
    pub transport: &'static str,
    /// User and process, on transports where the kernel tells.
    pub credentials: Option<os::PeerCredentials>,
    /// Network address, on transports that have one.
    pub address: Option<SocketAddr>,
    /// The user who made the socket at the other end, of one that connected by TCP within this machine,
    /// where the kernel tells (Linux). Whatever passes connections on, as a reverse proxy does, is
    /// that user here.
    pub socket_uid: Option<u32>,
    /// What carries the connection, on local sockets.
    pub backend: Option<Backend>,
    /// Whom the certificate names that it proved to hold, over TLS.
    pub certificate: Option<Arc<CertificateIdentity>>,
    /// What nobody but the two ends of the TLS connection knows.
    pub(crate) channel: Option<ChannelBinding>,
    /// Who it is, once that was proved.
    pub(crate) proved: Option<Arc<Principal>>,
}

/// Keying material of a TLS connection, for proofs that hold on it alone (docs/protocol.md, section
/// 3.7).
#[derive(Clone, Copy)]
pub(crate) struct ChannelBinding(pub(crate) [u8; 32]);

#[cfg(feature = "tls")]
impl ChannelBinding {
    /// The label under which TLS exports it, without a context (RFC 5705, RFC 8446 section 7.5).
    pub(crate) const LABEL: &[u8] = b"EXPORTER-linkspan-session-1";
}

impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChannelBinding(..)")
    }
}

impl Peer {
    pub(crate) fn new(transport: &'static str) -> Self {
        Self {
            transport,
            credentials: None,
            address: None,
            socket_uid: None,
            backend: None,
            certificate: None,
            channel: None,
            proved: None,
        }
    }

    /// What nobody knows but the two ends of the connection, under TLS: a proof over it holds on
    /// this connection alone (RFC 5705, with the label `EXPORTER-linkspan-session-1`).
    pub fn channel_binding(&self) -> Option<[u8; 32]> {
        self.channel.map(|binding| binding.0)
    }

    /// Who the peer is, as far as that was proved: to the server's
    /// [`Authentication`](crate::auth::Authentication), if it has one, or else by its certificate,
    /// or by the kernel's word.
    pub fn principal(&self) -> Principal {
        let certificate = self.certificate.as_deref();
        match (
            &self.proved,
            certificate.and_then(CertificateIdentity::name),
        ) {
            (Some(principal), _) => Principal::clone(principal),
            (None, Some(name)) => {
                Principal::named(format!("cert:{name}")).proved_by(Method::Certificate)
            }
            (None, None) => self.by_credentials(),
        }
    }

    /// Whether nobody else can read what goes over the link: it is one within this system whose other
    /// end the kernel names, or one over TLS.
    pub(crate) fn is_private(&self) -> bool {
        let is_local = matches!(self.transport, "mem" | "unix" | "pipe");
        self.channel.is_some() || (is_local && self.credentials.is_some())
    }

    /// Who the peer is by the kernel's word.
    pub(crate) fn by_credentials(&self) -> Principal {
        match (self.credentials, self.socket_uid) {
            (Some(credentials), _) => {
                let user = credentials.user.to_string();
                let mut principal = Principal::named(user).proved_by(Method::PeerCredentials);
                if let Some(pid) = credentials.pid {
                    principal.attributes.insert("pid".into(), pid.to_string());
                }
                principal
            }
            (None, Some(uid)) => {
                Principal::named(format!("uid:{uid}")).proved_by(Method::PeerCredentials)
            }
            (None, None) => Principal::anonymous(),
        }
    }
}
