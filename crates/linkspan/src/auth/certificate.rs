//! What a certificate says about its holder.

use std::fmt;
use std::net::IpAddr;
use std::time::SystemTime;

/// Whom a peer's certificate names.
///
/// It is made of the end-entity certificate after TLS has verified the whole chain and that the peer
/// holds the key: nothing of it is a mere claim.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateIdentity {
    /// Its subject as text, as in `CN=host-1,O=Example`; empty if it has none.
    pub subject: String,
    /// Common name of the subject, if there is exactly one.
    pub common_name: Option<String>,
    /// Its other names, in the order of the certificate.
    pub sans: Vec<SubjectAltName>,
    /// SHA-256 of the whole certificate.
    pub fingerprint: [u8; 32],
    /// When it ends to hold.
    pub expires: SystemTime,
}

/// A subject alternative name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubjectAltName {
    /// The name of a host.
    Dns(String),
    /// A URI, such as `spiffe://example.org/indexer`.
    Uri(String),
    /// An address of electronic mail.
    Email(String),
    /// An IP address.
    Ip(IpAddr),
}

impl CertificateIdentity {
    /// Makes an identity without a subject or other names.
    pub fn new(fingerprint: [u8; 32], expires: SystemTime) -> Self {
        Self {
            subject: String::new(),
            common_name: None,
            sans: Vec::new(),
            fingerprint,
            expires,
        }
    }

    /// The name by which its holder is known: the first of these that it has, a URI, the name of a
    /// host, the common name of the subject.
    pub fn name(&self) -> Option<&str> {
        let uri = self.sans.iter().find_map(|san| match san {
            SubjectAltName::Uri(uri) => Some(uri.as_str()),
            _ => None,
        });
        let host = || {
            self.sans.iter().find_map(|san| match san {
                SubjectAltName::Dns(name) => Some(name.as_str()),
                _ => None,
            })
        };
        let name = uri.or_else(host).or(self.common_name.as_deref());
        name.filter(|name| !name.is_empty())
    }
}

/// The sort and the name, as in `dns:host-1` or `uri:spiffe://example.org/indexer`.
impl fmt::Display for SubjectAltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Uri(uri) => write!(f, "uri:{uri}"),
            Self::Email(address) => write!(f, "email:{address}"),
            Self::Ip(address) => write!(f, "ip:{address}"),
        }
    }
}
