//! Certificates for tests, and ends of TLS that are none of ours.

use std::env;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use linkspan::transport::{Pem, TlsConfig};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, server};

/// Who signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub pem: String,
}

/// A certificate and its key.
#[derive(Clone)]
#[non_exhaustive]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl Authority {
    /// A new one.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// Signs a certificate for some names that holds now.
    pub fn issue(&self, names: &[&str]) -> Issued {
        let now = SystemTime::now();
        self.issue_for(names, now - HOUR, now + 24 * HOUR)
    }

    /// Signs a certificate that holds for a time.
    pub fn issue_for(&self, names: &[&str], from: SystemTime, to: SystemTime) -> Issued {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).unwrap();
        let common = names.first().map_or("nobody", String::as_str);
        params.distinguished_name.push(DnType::CommonName, common);
        params.not_before = from.into();
        params.not_after = to.into();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        let key = key.serialize_pem();
        Issued { certificate, key }
    }
}

impl Issued {
    /// Settings of a side that presents this, and trusts an authority.
    pub fn config(&self, authority: &str) -> TlsConfig {
        let mut config = TlsConfig::default();
        config.certificate = Some(Pem::text(self.certificate.clone()));
        config.key = Some(Pem::text(self.key.clone()));
        config.authorities = vec![Pem::text(authority)];
        config
    }
}

/// What the conformance suite's servers and clients present, in this process and its children.
pub fn shared() -> &'static (String, Issued) {
    static SHARED: OnceLock<(String, Issued)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let variable = |name| env::var(name).ok();
        let given = [AUTHORITY, CERTIFICATE, KEY].map(variable);
        if let [Some(authority), Some(certificate), Some(key)] = given {
            return (authority, Issued { certificate, key });
        }
        let authority = Authority::new("test authority");
        let issued = authority.issue(&["localhost", "127.0.0.1"]);
        (authority.pem, issued)
    })
}

/// Settings with what is [`shared`].
pub fn shared_config() -> TlsConfig {
    let (authority, issued) = shared();
    issued.config(authority)
}

/// Variables by which a child knows what is [`shared`].
pub(crate) fn shared_variables() -> [(&'static str, &'static str); 3] {
    let (authority, issued) = shared();
    [
        (AUTHORITY, authority.as_str()),
        (CERTIFICATE, &issued.certificate),
        (KEY, &issued.key),
    ]
}

/// Has a handshake with a server by what is [`shared`].
pub async fn connect<S>(stream: S, name: &str) -> io::Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (authority, issued) = shared();
    connect_as(stream, name, authority, issued).await
}

/// Has a handshake with a server that an authority knows, and presents a certificate.
pub async fn connect_as<S>(
    stream: S,
    name: &str,
    authority: &str,
    issued: &Issued,
) -> io::Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut roots = RootCertStore::empty();
    roots.add(certificate(authority)).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate(&issued.certificate)], key(issued))
        .unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// Has a handshake with a client, whoever it is.
pub async fn accept_as<S>(stream: S, issued: &Issued) -> io::Result<server::TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate(&issued.certificate)], key(issued))
        .unwrap();
    TlsAcceptor::from(Arc::new(config)).accept(stream).await
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn key(issued: &Issued) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap()
}

/// The bytes of a certificate.
pub fn der(pem: &str) -> Vec<u8> {
    certificate(pem).to_vec()
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Issued")
    }
}

const HOUR: Duration = Duration::from_secs(60 * 60);
const AUTHORITY: &str = "LINKSPAN_TEST_AUTHORITY";
const CERTIFICATE: &str = "LINKSPAN_TEST_CERTIFICATE";
const KEY: &str = "LINKSPAN_TEST_KEY";
