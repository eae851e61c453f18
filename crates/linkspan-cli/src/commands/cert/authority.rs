//! Who signs.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use clap::ValueEnum;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use zeroize::Zeroizing;

use crate::commands::cert::files::Files;
use crate::failure::{Failure, Kind, Result};

/// An authority with its key.
pub(super) struct Authority(Issuer<'static, KeyPair>);

/// What a certificate is to say.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) sans: Vec<SanType>,
    pub(super) usage: Usage,
    pub(super) valid_for: Duration,
}

/// What a certificate may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Usage {
    /// By servers and by clients.
    Both,
    /// By servers only.
    Server,
    /// By clients only.
    Client,
}

impl Authority {
    /// The text of a new authority's certificate, and its key.
    pub(super) fn create(name: &str, valid_for: Duration) -> Result<(String, Zeroizing<String>)> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        set_time(&mut params, valid_for);
        let pair = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&pair).map_err(failed)?;
        Ok((certificate.pem(), Zeroizing::new(pair.serialize_pem())))
    }

    /// That of a directory.
    pub(super) fn load(files: &Files) -> Result<Self> {
        let (certificate, key) = (files.certificate(NAME)?, files.key(NAME)?);
        let pair = KeyPair::from_pem(&key).map_err(failed)?;
        let issuer = Issuer::from_ca_cert_pem(&certificate, pair).map_err(failed)?;
        Ok(Self(issuer))
    }

    /// Signs a certificate for a key.
    pub(super) fn sign(&self, wanted: Wanted, pair: &KeyPair) -> Result<String> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, wanted.name);
        params.subject_alt_names = wanted.sans;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = wanted.usage.purposes();
        params.use_authority_key_identifier_extension = true;
        params.is_ca = IsCa::ExplicitNoCa;
        set_time(&mut params, wanted.valid_for);
        let certificate = params.signed_by(pair, &self.0).map_err(failed)?;
        Ok(certificate.pem())
    }
}

impl Usage {
    fn purposes(self) -> Vec<ExtendedKeyUsagePurpose> {
        let (server, client) = (
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        );
        match self {
            Self::Both => vec![server, client],
            Self::Server => vec![server],
            Self::Client => vec![client],
        }
    }
}

/// A name of a certificate, from text: `localhost`, `10.0.0.1`, `uri:spiffe://HOST/PATH`, or
/// `email:NAME@HOST`.
pub(super) fn san(text: &str) -> std::result::Result<SanType, String> {
    let (sort, name) = match text.split_once(':') {
        Some((sort @ ("dns" | "ip" | "uri" | "email"), name)) => (sort, name),
        _ if text.parse::<IpAddr>().is_ok() => ("ip", text),
        _ => ("dns", text),
    };
    let wrong = || format!("{text:?} is no name: as localhost, 10.0.0.1, uri:spiffe://HOST/PATH");
    let ia5 = || name.try_into().map_err(|_| wrong());
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '*');
    match sort {
        "ip" => name.parse().map(SanType::IpAddress).map_err(|_| wrong()),
        "uri" if name.contains(':') => Ok(SanType::URI(ia5()?)),
        "email" if name.contains('@') => Ok(SanType::Rfc822Name(ia5()?)),
        "dns" if !name.is_empty() && name.chars().all(is_host) => Ok(SanType::DnsName(ia5()?)),
        _ => Err(wrong()),
    }
}

pub(super) fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 60 * 60)
}

pub(super) fn failed(error: rcgen::Error) -> Failure {
    Failure::new(Kind::Other, error)
}

/// Holds from a little before now, so that clocks may differ.
fn set_time(params: &mut CertificateParams, valid_for: Duration) {
    let now = SystemTime::now();
    params.not_before = (now - SKEW).into();
    params.not_after = (now + valid_for).into();
}

/// What files of an authority are called, before their ends.
pub(super) const NAME: &str = "ca";
const SKEW: Duration = Duration::from_secs(5 * 60);
