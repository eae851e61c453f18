//! Certificates of a server and its clients, who are in other processes: files beside the server's
//! socket, whose directory stands behind its address.

use std::fs;
use std::path::Path;

use anyhow::Result;
use linkspan::transport::{Pem, TlsCipher, TlsConfig};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// Makes an authority, and one certificate by it for both sides: ECDSA on P-256.
pub(super) fn make(directory: &Path) -> Result<()> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
    fs::write(directory.join(AUTHORITY), authority)?;
    fs::write(directory.join(CERTIFICATE), certificate.pem())?;
    Ok(fs::write(directory.join(KEY), key.serialize_pem())?)
}

/// Either side's settings.
pub(super) fn config(directory: &Path, cipher: TlsCipher) -> TlsConfig {
    let pem = |name| Pem::file(directory.join(name));
    let mut config = TlsConfig::default();
    config.certificate = Some(pem(CERTIFICATE));
    config.key = fs::read(directory.join(KEY)).ok().map(Pem::text);
    config.authorities = vec![pem(AUTHORITY)];
    config.ciphers = vec![cipher];
    config
}

const AUTHORITY: &str = "authority.pem";
const CERTIFICATE: &str = "peer.pem";
const KEY: &str = "peer.key";
