//! What a certificate says.

use std::time::Duration;

use linkspan::auth::CertificateIdentity;
use linkspan::transport::Pin;
use serde_json::{Value, json};
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::commands::cert::authority::Usage;
use crate::failure::{Failure, Kind, Result};

/// It as people and programs want to see it.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other"
)]
pub(super) struct Details {
    pub(super) subject: String,
    pub(super) common_name: Option<String>,
    pub(super) sans: Vec<String>,
    pub(super) issuer: String,
    pub(super) not_before: String,
    pub(super) not_after: String,
    pub(super) is_expired: bool,
    pub(super) is_early: bool,
    pub(super) is_authority: bool,
    pub(super) key_kind: String,
    /// What it may be used for.
    pub(super) may: &'static str,
    pub(super) fingerprint: String,
    pub(super) key_fingerprint: String,
    pub(super) usage: Usage,
    pub(super) valid_for: Duration,
}

impl Details {
    /// Those of all certificates of a PEM text.
    pub(super) fn all(text: &[u8]) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for pem in x509_parser::pem::Pem::iter_from_buffer(text) {
            let pem = pem.map_err(|error| Failure::new(Kind::Usage, error))?;
            if pem.label == "CERTIFICATE" {
                all.push(Self::of(&pem.contents)?);
            }
        }
        Ok(all)
    }

    /// Those of the first.
    pub(super) fn first(text: &[u8]) -> Result<Self> {
        let mut all = Self::all(text)?.into_iter();
        let none = || Failure::message(Kind::Usage, "there is no certificate");
        all.next().ok_or_else(none)
    }

    /// They for programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "subject": self.subject,
            "sans": self.sans,
            "issuer": self.issuer,
            "not_before": self.not_before,
            "not_after": self.not_after,
            "is_expired": self.is_expired,
            "is_early": self.is_early,
            "is_authority": self.is_authority,
            "key_kind": self.key_kind,
            "may": self.may,
            "fingerprint": self.fingerprint,
            "key_fingerprint": self.key_fingerprint,
        })
    }

    fn of(der: &[u8]) -> Result<Self> {
        let (_, certificate) = X509Certificate::from_der(der)
            .map_err(|error| Failure::message(Kind::Usage, format!("no certificate: {error}")))?;
        let unreadable = |error| Failure::new(Kind::Usage, error);
        let identity = CertificateIdentity::from_der(der).map_err(unreadable)?;
        let [pin, key_pin] = Pin::of_der(der).map_err(unreadable)?;
        let validity = certificate.validity();
        let usage = usage(&certificate);
        let is_authority = certificate.is_ca();
        Ok(Self {
            subject: identity.subject,
            common_name: identity.common_name,
            sans: identity.sans.iter().map(ToString::to_string).collect(),
            issuer: certificate.issuer().to_string(),
            not_before: written(validity.not_before),
            not_after: written(validity.not_after),
            is_expired: validity.not_after < ASN1Time::now(),
            is_early: validity.not_before > ASN1Time::now(),
            is_authority,
            key_kind: key_kind(&certificate),
            may: match (is_authority, usage) {
                (true, _) => "sign certificates",
                (_, Usage::Both) => "be a server and a client",
                (_, Usage::Server) => "be a server",
                (_, Usage::Client) => "be a client",
            },
            fingerprint: pin.to_string(),
            key_fingerprint: key_pin.to_string(),
            usage,
            valid_for: held(validity.not_before, validity.not_after),
        })
    }
}

fn usage(certificate: &X509Certificate<'_>) -> Usage {
    let usage = certificate.extended_key_usage().ok().flatten();
    match usage.map(|usage| (usage.value.server_auth, usage.value.client_auth)) {
        Some((true, false)) => Usage::Server,
        Some((false, true)) => Usage::Client,
        _ => Usage::Both,
    }
}

fn key_kind(certificate: &X509Certificate<'_>) -> String {
    let key = certificate.public_key();
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => format!("RSA, {} bits", rsa.key_size()),
        Ok(PublicKey::EC(point)) => format!("ECDSA, {} bits", point.key_size()),
        _ if key.algorithm.algorithm.to_id_string() == ED25519 => "Ed25519".to_owned(),
        _ => key.algorithm.algorithm.to_id_string(),
    }
}

/// A time as ISO 8601 has it.
fn written(time: ASN1Time) -> String {
    let time = time.to_datetime();
    let (hour, minute, second) = time.to_hms();
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn held(from: ASN1Time, to: ASN1Time) -> Duration {
    let seconds = to.timestamp().saturating_sub(from.timestamp());
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

const ED25519: &str = "1.3.101.112";
