//! Whether a peer's certificate is accepted: by authorities, by pins, or by both.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use thiserror::Error;

use crate::transport::tls::identity::{check_time, identity, pins};
use crate::transport::tls::{Pin, TlsConfig, TlsConfigError, TlsError, material};

/// Verifies peers.
#[derive(Debug)]
pub(super) struct Verifier<V: ?Sized> {
    /// By their authorities, if there are some.
    chain: Option<Arc<V>>,
    pins: Vec<Pin>,
    provider: Arc<CryptoProvider>,
    /// Whether clients without a certificate are refused.
    is_mandatory: bool,
}

/// Verifies clients as settings say.
pub(super) fn of_clients(
    config: &TlsConfig,
    provider: &Arc<CryptoProvider>,
) -> Result<Verifier<dyn ClientCertVerifier>, TlsConfigError> {
    let build = |roots| {
        let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
        builder.build().map_err(|error| error.to_string())
    };
    Verifier::new(config, provider, build)
}

/// Verifies servers as settings say.
pub(super) fn of_servers(
    config: &TlsConfig,
    provider: &Arc<CryptoProvider>,
) -> Result<Verifier<dyn ServerCertVerifier>, TlsConfigError> {
    Verifier::new(config, provider, |roots| {
        let builder = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider));
        let verifier = builder.build().map_err(|error| error.to_string())?;
        Ok(verifier as Arc<dyn ServerCertVerifier>)
    })
}

impl<V: ?Sized> Verifier<V> {
    fn new(
        config: &TlsConfig,
        provider: &Arc<CryptoProvider>,
        build: impl FnOnce(Arc<RootCertStore>) -> Result<Arc<V>, String>,
    ) -> Result<Self, TlsConfigError> {
        let mut roots = RootCertStore::empty();
        for pem in &config.authorities {
            for authority in material::certificates(pem)? {
                roots
                    .add(authority)
                    .map_err(|error| material::content("the authority", pem, error.to_string()))?;
            }
        }
        let chain = match roots.is_empty() {
            true if config.pins.is_empty() => return Err(TlsConfigError::NoTrust),
            true => None,
            false => Some(
                build(Arc::new(roots)).map_err(|problem| TlsConfigError::Content {
                    what: "the authorities",
                    place: "the settings".into(),
                    problem,
                })?,
            ),
        };
        Ok(Self {
            chain,
            pins: config.pins.clone(),
            provider: Arc::clone(provider),
            is_mandatory: config.verify_client,
        })
    }

    /// What remains to be checked when authorities have been asked, if there are some.
    fn check(&self, presented: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
        if self.chain.is_none() {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_secs());
            check_time(presented, now).map_err(|error| of_time(&error))?;
        }
        if self.pins.is_empty() {
            return Ok(());
        }
        let pins = pins(presented).map_err(|_| CertificateError::BadEncoding)?;
        if pins.iter().any(|pin| self.pins.contains(pin)) {
            return Ok(());
        }
        let [certificate, key] = pins;
        Err(other(Refusal::NotPinned { certificate, key }))
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// Why a certificate is refused that rustls itself finds nothing wrong with, or says less about.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    #[error("it is for other names")]
    Name {
        expected: String,
        presented: Vec<String>,
    },
    #[error("it is not pinned")]
    NotPinned { certificate: Pin, key: Pin },
}

impl ServerCertVerifier for Verifier<dyn ServerCertVerifier> {
    fn verify_server_cert(
        &self,
        presented: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        status: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(chain) = &self.chain {
            chain
                .verify_server_cert(presented, between, name, status, now)
                .map_err(|error| with_names(error, presented, name))?;
        }
        self.check(presented, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        presented: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, presented, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        presented: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, presented, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl ClientCertVerifier for Verifier<dyn ClientCertVerifier> {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        let chain = self.chain.as_ref();
        chain.map_or(&[], |chain| chain.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        presented: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(chain) = &self.chain {
            chain.verify_client_cert(presented, between, now)?;
        }
        self.check(presented, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        presented: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, presented, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        presented: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, presented, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

/// Says which names a certificate has, if it has not the one that was asked for.
fn with_names(error: Error, presented: &CertificateDer<'_>, name: &ServerName<'_>) -> Error {
    let is_name = matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        )
    );
    match identity(presented) {
        Ok(identity) if is_name => other(Refusal::Name {
            expected: name.to_str().into_owned(),
            presented: match identity.sans.as_slice() {
                [] => vec!["nobody".to_owned()],
                sans => sans.iter().map(ToString::to_string).collect(),
            },
        }),
        _ => error,
    }
}

fn of_time(error: &TlsError) -> CertificateError {
    let time = |time: &SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        UnixTime::since_unix_epoch(since.unwrap_or_default())
    };
    match error {
        TlsError::Expired { expired } => CertificateError::ExpiredContext {
            time: UnixTime::now(),
            not_after: time(expired),
        },
        TlsError::NotYetValid { begins } => CertificateError::NotValidYetContext {
            time: UnixTime::now(),
            not_before: time(begins),
        },
        _ => CertificateError::BadEncoding,
    }
}

fn other(refusal: Refusal) -> Error {
    CertificateError::Other(OtherError(Arc::new(refusal))).into()
}
