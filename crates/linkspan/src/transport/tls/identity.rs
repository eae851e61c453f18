//! Whom a certificate names.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};
use x509_parser::time::ASN1Time;

use crate::auth::{CertificateIdentity, SubjectAltName};
use crate::transport::tls::{Pin, TlsError};

impl CertificateIdentity {
    /// Whom a certificate names by its own word, which nobody has verified.
    ///
    /// # Errors
    ///
    /// [`TlsError::Certificate`]: it is not an X.509 certificate in DER form.
    pub fn from_der(der: &[u8]) -> Result<Self, TlsError> {
        identity(&CertificateDer::from(der))
    }
}

impl Pin {
    /// The pin of a certificate, and that of its key.
    ///
    /// # Errors
    ///
    /// [`TlsError::Certificate`]: it is not an X.509 certificate in DER form.
    pub fn of_der(der: &[u8]) -> Result<[Self; 2], TlsError> {
        pins(&CertificateDer::from(der))
    }
}

/// Whom a certificate names.
pub(super) fn identity(der: &CertificateDer<'_>) -> Result<CertificateIdentity, TlsError> {
    let certificate = parse(der)?;
    let expires = system_time(certificate.validity().not_after);
    let mut identity = CertificateIdentity::new(sha256(der), expires);
    identity.subject = subject(certificate.subject());
    identity.common_name = common_name(certificate.subject());
    if let Ok(Some(names)) = certificate.subject_alternative_name() {
        identity.sans = names.value.general_names.iter().filter_map(san).collect();
    }
    Ok(identity)
}

/// The pins of a certificate and of its key.
pub(super) fn pins(der: &CertificateDer<'_>) -> Result<[Pin; 2], TlsError> {
    let certificate = parse(der)?;
    let key = sha256(certificate.public_key().raw);
    Ok([Pin::Certificate(sha256(der)), Pin::PublicKey(key)])
}

/// Whether a certificate holds now.
pub(super) fn check_time(der: &CertificateDer<'_>, now: SystemTime) -> Result<(), TlsError> {
    let certificate = parse(der)?;
    let begins = system_time(certificate.validity().not_before);
    let expired = system_time(certificate.validity().not_after);
    if now < begins {
        return Err(TlsError::NotYetValid { begins });
    }
    if now > expired {
        return Err(TlsError::Expired { expired });
    }
    Ok(())
}

fn parse<'d>(der: &'d CertificateDer<'_>) -> Result<X509Certificate<'d>, TlsError> {
    let parsed = X509Certificate::from_der(der);
    let (_, certificate) = parsed.map_err(|error| TlsError::Certificate {
        problem: error.to_string(),
    })?;
    Ok(certificate)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, bytes).as_ref());
    sum
}

fn system_time(time: ASN1Time) -> SystemTime {
    let since = u64::try_from(time.timestamp()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since)
}

/// A name as text, as in `CN=host-1,O=Example`; what could be read as more is escaped.
fn subject(name: &X509Name<'_>) -> String {
    let parts = name.iter_attributes().map(|attribute| {
        let oid = attribute.attr_type();
        let sort = x509_parser::objects::oid2abbrev(oid, x509_parser::objects::oid_registry());
        let sort = sort.map_or_else(|_| oid.to_id_string(), str::to_owned);
        let value = attribute.as_str().unwrap_or("?");
        let escaped = value.chars().flat_map(|c| {
            let is_special = matches!(c, ',' | '+' | '=' | '\\' | '"' | '<' | '>' | ';');
            let escape = (is_special || c.is_control()).then_some('\\');
            escape
                .into_iter()
                .chain([if c.is_control() { '?' } else { c }])
        });
        format!("{sort}={}", escaped.collect::<String>())
    });
    parts.collect::<Vec<_>>().join(",")
}

/// The common name, if there is exactly one.
fn common_name(name: &X509Name<'_>) -> Option<String> {
    let mut names = name.iter_common_name();
    let first = names.next()?.as_str().ok()?;
    names.next().is_none().then(|| first.to_owned())
}

fn san(name: &GeneralName<'_>) -> Option<SubjectAltName> {
    match name {
        GeneralName::DNSName(name) => Some(SubjectAltName::Dns((*name).to_owned())),
        GeneralName::URI(uri) => Some(SubjectAltName::Uri((*uri).to_owned())),
        GeneralName::RFC822Name(address) => Some(SubjectAltName::Email((*address).to_owned())),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(SubjectAltName::Ip)
        }
        _ => None,
    }
}
