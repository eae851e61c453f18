//! Who peers are by the transport's knowledge alone.

use std::collections::BTreeMap;

use crate::auth::{Attempt, Authenticator, CertificateIdentity, Denial, Grant, Method, Principal};

/// Peers are whom the kernel names: users of this system, on local sockets and within the process.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct PeerCredentials;

impl Authenticator for PeerCredentials {
    fn method(&self) -> Method {
        Method::PeerCredentials
    }

    fn authenticate(&self, attempt: &Attempt<'_>) -> Result<Grant, Denial> {
        let peer = attempt.peer();
        match peer.credentials {
            Some(_) => Ok(Grant::new(peer.by_credentials())),
            None => Err(Denial::NoCredential),
        }
    }
}

/// Peers are whom their certificates name, which TLS has verified.
///
/// The principal is `cert:` and the first of these that the certificate has: a URI, the name of a
/// host, the common name of the subject.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Certificates {
    /// Roles by that name, without `cert:`. Default: none.
    pub roles: BTreeMap<String, Vec<String>>,
}

impl Authenticator for Certificates {
    fn method(&self) -> Method {
        Method::Certificate
    }

    fn authenticate(&self, attempt: &Attempt<'_>) -> Result<Grant, Denial> {
        let identity = attempt.peer().certificate.as_deref();
        let identity = identity.ok_or(Denial::NoCredential)?;
        let name = identity
            .name()
            .ok_or(Denial::Malformed("the certificate has no name"))?;
        if identity.expires <= attempt.now() {
            return Err(Denial::Expired);
        }
        let roles = self.roles.get(name).cloned().unwrap_or_default();
        let principal = Principal::named(format!("cert:{name}"))
            .with_roles(roles)
            .proved_by(Method::Certificate);
        let mut grant = Grant::new(principal);
        grant.credential = fingerprint(identity);
        grant.expires = Some(identity.expires);
        Ok(grant)
    }
}

fn fingerprint(identity: &CertificateIdentity) -> String {
    let hex = identity
        .fingerprint
        .iter()
        .map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", hex.collect::<String>())
}
