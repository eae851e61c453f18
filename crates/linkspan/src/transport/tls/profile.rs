//! Settings made ready for handshakes.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, Connection, Error, ServerConfig, ServerConnection,
    SupportedCipherSuite, SupportedProtocolVersion,
};

use crate::transport::tls::failure::failure;
use crate::transport::tls::{
    Pem, TlsCipher, TlsConfig, TlsConfigError, TlsError, TlsVersion, material, verify,
};

/// What connections begin with, on one side.
#[derive(Debug, Clone)]
pub(super) enum Profile {
    Server(Arc<ServerConfig>),
    Client {
        config: Arc<ClientConfig>,
        server: ServerName<'static>,
    },
}

impl Profile {
    /// For a server that speaks `protocol` over TLS.
    pub(super) fn server(config: &TlsConfig, protocol: &[u8]) -> Result<Self, TlsConfigError> {
        let (chain, key) = own(config)?.ok_or(TlsConfigError::NoCertificate)?;
        let provider = provider(config)?;
        let verifier = verify::of_clients(config, &provider)?;
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions(config.min_version))
            .map_err(|error| unusable(&error))?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_single_cert(chain, key)
            .map_err(|error| wrong_identity(config, &error))?;
        server.alpn_protocols = vec![protocol.to_vec()];
        server.ignore_client_order = true;
        server.require_ems = true;
        // Each connection is verified in full: a certificate may have ended, or lost its trust.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        Ok(Self::Server(Arc::new(server)))
    }

    /// For a client of the server `name` that speaks `protocol` over TLS.
    pub(super) fn client(
        config: &TlsConfig,
        name: &str,
        protocol: &[u8],
    ) -> Result<Self, TlsConfigError> {
        let name = config.server_name.as_deref().unwrap_or(name);
        let server = ServerName::try_from(name.to_owned())
            .map_err(|_| TlsConfigError::Name { name: name.into() })?;
        let provider = provider(config)?;
        let verifier = verify::of_servers(config, &provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions(config.min_version))
            .map_err(|error| unusable(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut client = match own(config)? {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| wrong_identity(config, &error))?,
        };
        client.alpn_protocols = vec![protocol.to_vec()];
        client.require_ems = true;
        client.resumption = Resumption::disabled();
        let config = Arc::new(client);
        Ok(Self::Client { config, server })
    }

    /// A connection at its begin.
    pub(super) fn connection(&self) -> Result<Connection, TlsError> {
        let connection = match self {
            Self::Server(config) => ServerConnection::new(Arc::clone(config)).map(Connection::from),
            Self::Client { config, server } => {
                ClientConnection::new(Arc::clone(config), server.clone()).map(Connection::from)
            }
        };
        connection.map_err(failure)
    }
}

/// This side's certificates and key, if it has some.
fn own(config: &TlsConfig) -> Result<Option<Own>, TlsConfigError> {
    match (&config.certificate, &config.key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some((
            material::certificates(certificate)?,
            material::private_key(key)?,
        ))),
        _ => Err(TlsConfigError::HalfIdentity),
    }
}

type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Cryptography with only the ciphers that are allowed, in their order.
fn provider(config: &TlsConfig) -> Result<Arc<CryptoProvider>, TlsConfigError> {
    let mut provider = aws_lc_rs::default_provider();
    let suites = config.ciphers.iter().flat_map(|cipher| suites(*cipher));
    provider.cipher_suites = suites.collect();
    if provider.cipher_suites.is_empty() {
        return Err(TlsConfigError::NoCipher);
    }
    Ok(Arc::new(provider))
}

fn suites(cipher: TlsCipher) -> [SupportedCipherSuite; 3] {
    use aws_lc_rs::cipher_suite as suite;
    match cipher {
        TlsCipher::Aes256Gcm => [
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        ],
        TlsCipher::ChaCha20Poly1305 => [
            suite::TLS13_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
    }
}

fn versions(oldest: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match oldest {
        TlsVersion::Tls12 => FROM_1_2,
        TlsVersion::Tls13 => FROM_1_3,
    }
}

static FROM_1_2: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
static FROM_1_3: &[&SupportedProtocolVersion] = &[&TLS13];

fn unusable(error: &Error) -> TlsConfigError {
    TlsConfigError::Content {
        what: "versions and ciphers",
        place: "the settings".into(),
        problem: error.to_string(),
    }
}

/// What is wrong with this side's certificate and key.
fn wrong_identity(config: &TlsConfig, error: &Error) -> TlsConfigError {
    let place = |pem: &Option<Pem>| pem.as_ref().map(Pem::to_string).unwrap_or_default();
    match error {
        Error::InconsistentKeys(_) => TlsConfigError::OtherKey {
            key_place: place(&config.key),
            certificate: place(&config.certificate),
        },
        error => TlsConfigError::Content {
            what: "the certificate with its key",
            place: place(&config.certificate),
            problem: error.to_string(),
        },
    }
}
