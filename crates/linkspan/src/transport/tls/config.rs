//! Settings of TLS.

use std::time::Duration;

use crate::transport::tls::{Pem, Pin};

/// Settings of `tls:`, `unix+tls:` and `wss:`.
///
/// Nobody is trusted by default, not even the authorities of the system: either
/// [`authorities`](Self::authorities) or [`pins`](Self::pins) say who is.
///
/// # Examples
///
/// ```
/// use linkspan::transport::TlsConfig;
///
/// let mut config = TlsConfig::default();
/// config.certificate = Some("/etc/app/server.pem".into());
/// config.key = Some("/etc/app/server.key".into());
/// config.authorities = vec!["/etc/app/ca.pem".into()];
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TlsConfig {
    /// This side's certificate, and those between it and its authority. Default: none, which only a
    /// client can do with, and only if the server asks for none.
    pub certificate: Option<Pem>,
    /// The certificate's private key. A file that others may read is refused. Default: none.
    pub key: Option<Pem>,
    /// Certificates of those who sign certificates of peers. Default: none.
    pub authorities: Vec<Pem>,
    /// Peers by their own certificates or keys. If there are some, only these peers are accepted,
    /// and together with [`authorities`](Self::authorities) only if both agree. Default: none.
    pub pins: Vec<Pin>,
    /// Name that the server's certificate has to have. Default: the host of the address, and
    /// `localhost` on Unix sockets.
    pub server_name: Option<String>,
    /// Whether a server refuses clients without a certificate. Default: true.
    ///
    /// The certificate of a client that presents one is verified in any case.
    pub verify_client: bool,
    /// Oldest version of TLS that is spoken. Default: 1.3.
    pub min_version: TlsVersion,
    /// Ciphers that are spoken, the preferred first. Default: AES-256-GCM, then
    /// ChaCha20-Poly1305.
    pub ciphers: Vec<TlsCipher>,
    /// Time that a server gives a client for the handshake. Default: 5 s.
    pub handshake_timeout: Duration,
    /// Bytes that are sent under the same keys, under TLS 1.3. Default: 64 GiB.
    pub refresh_bytes: u64,
    /// Time for which keys are used, under TLS 1.3; a link on which nothing is sent keeps its keys.
    /// Default: two hours.
    pub refresh_interval: Duration,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            certificate: None,
            key: None,
            authorities: Vec::new(),
            pins: Vec::new(),
            server_name: None,
            verify_client: true,
            min_version: TlsVersion::Tls13,
            ciphers: vec![TlsCipher::Aes256Gcm, TlsCipher::ChaCha20Poly1305],
            handshake_timeout: Duration::from_secs(5),
            refresh_bytes: 64 << 30,
            refresh_interval: Duration::from_secs(2 * 60 * 60),
        }
    }
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2, of 2008.
    Tls12,
    /// TLS 1.3, of 2018.
    #[default]
    Tls13,
}

/// What encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsCipher {
    /// AES-256-GCM, which most processors have instructions for.
    Aes256Gcm,
    /// ChaCha20-Poly1305, which is fast without.
    ChaCha20Poly1305,
}
