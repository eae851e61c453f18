//! The sections `transport.tcp.tls` and `transport.tcp.tls_config`, and `--tls-dir`.

use std::path::PathBuf;

use clap::Args;
use linkspan::transport::{Pem, Pin, TlsCipher, TlsConfig, TlsVersion};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::units::choose;

/// Certificates of `tls:`, `unix+tls:` and `wss:`, and whom to trust.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct Tls {
    /// This side's certificate, and those between it and its authority, in PEM form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cert_file: Option<PathBuf>,
    /// Its private key; nobody else may be able to read the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<PathBuf>,
    /// Certificates of the authorities that sign those of peers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
    /// The only peers that are accepted, as sha256:DIGITS of a certificate or key-sha256:DIGITS of a
    /// key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pins: Option<Vec<String>>,
    /// Name that a server's certificate has to have; without it, the host of its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_name: Option<String>,
    /// Whether clients without a certificate are refused; they are without this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verify_client: Option<bool>,
    /// Oldest version of TLS that is spoken, "1.3" or "1.2"; without this key, 1.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_tls_version: Option<TlsVersionChoice>,
}

impl Tls {
    /// The same, with what another section says of what this one does not.
    pub(crate) fn or(&self, other: &Self) -> Self {
        Self {
            cert_file: self.cert_file.clone().or_else(|| other.cert_file.clone()),
            key_file: self.key_file.clone().or_else(|| other.key_file.clone()),
            ca_file: self.ca_file.clone().or_else(|| other.ca_file.clone()),
            pins: self.pins.clone().or_else(|| other.pins.clone()),
            server_name: self
                .server_name
                .clone()
                .or_else(|| other.server_name.clone()),
            verify_client: self.verify_client.or(other.verify_client),
            min_tls_version: self.min_tls_version.or(other.min_tls_version),
        }
    }

    /// The pins, or what is wrong with one.
    pub(crate) fn pins(&self) -> Result<Vec<Pin>, linkspan::transport::PinError> {
        let pins = self.pins.iter().flatten();
        pins.map(|pin| pin.parse()).collect()
    }

    /// Tells the library what is said here.
    pub(crate) fn apply(&self, config: &mut TlsConfig) {
        let pem = |file: &Option<PathBuf>| file.clone().map(Pem::file);
        config.certificate = pem(&self.cert_file);
        config.key = pem(&self.key_file);
        config.authorities = pem(&self.ca_file).into_iter().collect();
        config.pins = self.pins().unwrap_or_default();
        config.server_name.clone_from(&self.server_name);
        config.verify_client = self.verify_client.unwrap_or(true);
        config.min_version = self.min_tls_version.map_or(TlsVersion::Tls13, Into::into);
    }
}

/// Certificates as `linkspan cert` makes them.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TlsDirectory {
    /// Directory of `linkspan cert`, for addresses of TLS: ca.pem says whom to trust.
    #[arg(long, global = true, value_name = "DIR")]
    tls_dir: Option<PathBuf>,

    /// Which certificate of it to present: NAME.pem with NAME.key. Without it servers present
    /// `server`, and others `client`, or `server` if there is no client.pem.
    #[arg(long, global = true, value_name = "NAME", requires = "tls_dir")]
    tls_name: Option<String>,
}

impl TlsDirectory {
    /// The files of the directory, if one was named.
    pub(crate) fn section(&self, is_server: bool) -> Option<Tls> {
        let directory = self.tls_dir.as_ref()?;
        let usual = match is_server || !directory.join("client.pem").exists() {
            true => "server",
            false => "client",
        };
        let name = self.tls_name.as_deref().unwrap_or(usual);
        Some(Tls {
            cert_file: Some(directory.join(format!("{name}.pem"))),
            key_file: Some(directory.join(format!("{name}.key"))),
            ca_file: Some(directory.join("ca.pem")),
            ..Tls::default()
        })
    }
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) enum TlsVersionChoice {
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

impl From<TlsVersionChoice> for TlsVersion {
    fn from(choice: TlsVersionChoice) -> Self {
        match choice {
            TlsVersionChoice::Tls12 => Self::Tls12,
            TlsVersionChoice::Tls13 => Self::Tls13,
        }
    }
}

impl<'de> Deserialize<'de> for TlsVersionChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choose(deserializer, &[("1.3", Self::Tls13), ("1.2", Self::Tls12)])
    }
}

/// What encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) enum CipherChoice {
    Aes256Gcm,
    ChaCha20Poly1305,
}

impl From<CipherChoice> for TlsCipher {
    fn from(choice: CipherChoice) -> Self {
        match choice {
            CipherChoice::Aes256Gcm => Self::Aes256Gcm,
            CipherChoice::ChaCha20Poly1305 => Self::ChaCha20Poly1305,
        }
    }
}

impl<'de> Deserialize<'de> for CipherChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choose(
            deserializer,
            &[
                ("Aes256Gcm", Self::Aes256Gcm),
                ("ChaCha20Poly1305", Self::ChaCha20Poly1305),
            ],
        )
    }
}
