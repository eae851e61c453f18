//! TLS on links of other transports.

use std::io;
use std::sync::Arc;

use crate::Address;
use crate::transport::backend::Origin;
use crate::transport::layer::{Layer, Layered, Opening};
use crate::transport::tls::handshake::{Terms, open};
use crate::transport::tls::profile::Profile;
use crate::transport::tls::{TlsConfigError, TlsError};
use crate::transport::{ByteLink, Config};

/// How an address is made up, if it is one of TLS; `whole` is what stands on it.
pub(in crate::transport) fn layered(
    address: &Address,
    whole: &Address,
    config: &Config,
    origin: Origin,
) -> io::Result<Option<Layered>> {
    let (base, host) = match address {
        Address::Tls(host) => (Address::Tcp(host.clone()), host.host.as_str()),
        Address::UnixTls(path) => (Address::Unix(path.clone()), "localhost"),
        _ => return Ok(None),
    };
    let protocol = match whole {
        Address::Wss(_) => HTTP,
        _ => LINKSPAN,
    };
    let tls = &config.tls;
    let profile = match origin {
        Origin::Accepted => Profile::server(tls, protocol),
        Origin::Dialed => Profile::client(tls, host, protocol),
    };
    let layer = Tls {
        profile: profile.map_err(TlsConfigError::into_io)?,
        terms: Terms {
            scheme: address.scheme(),
            limit: (origin == Origin::Accepted).then_some(tls.handshake_timeout),
            refresh_bytes: tls.refresh_bytes,
            refresh_interval: tls.refresh_interval,
        },
    };
    Ok(Some(Layered {
        base,
        may_leave: true,
        layer: Arc::new(layer),
    }))
}

impl TlsConfigError {
    fn into_io(self) -> io::Error {
        TlsError::from(self).into()
    }
}

/// One side of TLS at one address.
#[derive(Debug)]
struct Tls {
    profile: Profile,
    terms: Terms,
}

impl Layer for Tls {
    fn open(&self, link: ByteLink) -> Opening {
        let (profile, terms) = (self.profile.clone(), self.terms);
        Box::pin(async move { Ok(open(link, &profile, terms).await?) })
    }
}

/// Names of what is spoken over TLS (ALPN, RFC 7301), so that a peer of another protocol is refused.
const LINKSPAN: &[u8] = b"linkspan/1";
const HTTP: &[u8] = b"http/1.1";
