//! Keys of JWTs.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use thiserror::Error;

/// How a JWT is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JwtAlgorithm {
    /// Ed25519, `EdDSA`.
    EdDsa,
    /// ECDSA over P-256 with SHA-256, `ES256`.
    Es256,
    /// RSA with PKCS#1 padding and SHA-256, `RS256`; from 2,048 bits on.
    Rs256,
    /// HMAC with SHA-256, `HS256`: whoever can check it can sign, too.
    Hs256,
}

impl JwtAlgorithm {
    const ALL: [Self; 4] = [Self::EdDsa, Self::Es256, Self::Rs256, Self::Hs256];

    /// Its name in the header of tokens.
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }

    /// The algorithm of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    pub(super) fn code(self) -> Algorithm {
        match self {
            Self::EdDsa => Algorithm::EdDSA,
            Self::Es256 => Algorithm::ES256,
            Self::Rs256 => Algorithm::RS256,
            Self::Hs256 => Algorithm::HS256,
        }
    }
}

impl fmt::Display for JwtAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A key cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JwtKeyError {
    /// It is too short to be a secret.
    #[error("a key for HS256 of {bytes} bytes is below the least length of {least} bytes")]
    Short {
        /// Its length.
        bytes: usize,
        /// The least one.
        least: usize,
    },
    /// It is no key of the algorithm.
    #[error("this is no key for {0}")]
    Malformed(JwtAlgorithm),
    /// Keys of the algorithm are not made here.
    #[error("keys for {0} are not made here")]
    Unsupported(JwtAlgorithm),
}

/// A key by which JWTs are checked. Its algorithm is fixed.
#[derive(Clone)]
pub struct JwtKey {
    pub(super) id: String,
    pub(super) algorithm: JwtAlgorithm,
    pub(super) decoding: DecodingKey,
}

impl JwtKey {
    /// The public key of an issuer, in PEM (`BEGIN PUBLIC KEY`); `id` is the `kid` of its tokens.
    ///
    /// # Errors
    ///
    /// [`JwtKeyError::Malformed`].
    pub fn public(
        id: impl Into<String>,
        algorithm: JwtAlgorithm,
        pem: &[u8],
    ) -> Result<Self, JwtKeyError> {
        let malformed = || JwtKeyError::Malformed(algorithm);
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| malformed())?;
        let (decoding, is_one) = match algorithm {
            JwtAlgorithm::EdDsa => (DecodingKey::from_ed_der(&der), fits(&ED25519, &der)),
            JwtAlgorithm::Es256 => {
                let fits = fits(&ECDSA_P256_SHA256_FIXED, &der);
                (DecodingKey::from_ec_der(&der), fits)
            }
            JwtAlgorithm::Rs256 => {
                let fits = fits(&RSA_PKCS1_2048_8192_SHA256, &der);
                (DecodingKey::from_rsa_der(&der), fits)
            }
            JwtAlgorithm::Hs256 => return Err(malformed()),
        };
        match is_one {
            true => Ok(Self::new(id.into(), algorithm, decoding)),
            false => Err(malformed()),
        }
    }

    /// A secret that issuer and server share.
    ///
    /// # Errors
    ///
    /// [`JwtKeyError::Short`] below 32 bytes, [`JwtKeyError::Malformed`] for a key of another sort in PEM:
    /// its public half would do to sign.
    pub fn shared(id: impl Into<String>, secret: &[u8]) -> Result<Self, JwtKeyError> {
        check_secret(secret)?;
        let decoding = DecodingKey::from_secret(secret);
        Ok(Self::new(id.into(), JwtAlgorithm::Hs256, decoding))
    }

    fn new(id: String, algorithm: JwtAlgorithm, decoding: DecodingKey) -> Self {
        Self {
            id,
            algorithm,
            decoding,
        }
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> JwtAlgorithm {
        self.algorithm
    }
}

impl fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

fn fits(algorithm: &'static dyn VerificationAlgorithm, der: &[u8]) -> bool {
    ParsedPublicKey::new(algorithm, der).is_ok()
}

fn check_secret(secret: &[u8]) -> Result<(), JwtKeyError> {
    let bytes = secret.len();
    if bytes < LEAST_SECRET_BYTES {
        let least = LEAST_SECRET_BYTES;
        return Err(JwtKeyError::Short { bytes, least });
    }
    match secret.trim_ascii_start().starts_with(PEM_BEGIN) {
        true => Err(JwtKeyError::Malformed(JwtAlgorithm::Hs256)),
        false => Ok(()),
    }
}

/// A key by which JWTs are signed.
#[derive(Clone)]
pub struct JwtSigningKey {
    pub(super) id: String,
    pub(super) algorithm: JwtAlgorithm,
    pub(super) encoding: EncodingKey,
}

impl JwtSigningKey {
    /// Reads a private key in PEM (PKCS#8, `BEGIN PRIVATE KEY`), for `EdDSA` or ES256.
    ///
    /// # Errors
    ///
    /// [`JwtKeyError::Malformed`], or [`JwtKeyError::Unsupported`] for other algorithms.
    pub fn private(
        id: impl Into<String>,
        algorithm: JwtAlgorithm,
        pem: &[u8],
    ) -> Result<Self, JwtKeyError> {
        let malformed = || JwtKeyError::Malformed(algorithm);
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| malformed())?;
        let der = der.secret_pkcs8_der();
        let encoding = match algorithm {
            JwtAlgorithm::EdDsa => {
                Ed25519KeyPair::from_pkcs8(der).map_err(|_| malformed())?;
                EncodingKey::from_ed_der(der)
            }
            JwtAlgorithm::Es256 => {
                let signing = &ECDSA_P256_SHA256_FIXED_SIGNING;
                EcdsaKeyPair::from_pkcs8(signing, der).map_err(|_| malformed())?;
                EncodingKey::from_ec_der(der)
            }
            other => return Err(JwtKeyError::Unsupported(other)),
        };
        Ok(Self {
            id: id.into(),
            algorithm,
            encoding,
        })
    }

    /// A secret that issuer and server share.
    ///
    /// # Errors
    ///
    /// [`JwtKeyError::Short`] below 32 bytes, [`JwtKeyError::Malformed`] for a key of another sort in PEM:
    /// its public half would do to sign.
    pub fn shared(id: impl Into<String>, secret: &[u8]) -> Result<Self, JwtKeyError> {
        check_secret(secret)?;
        Ok(Self {
            id: id.into(),
            algorithm: JwtAlgorithm::Hs256,
            encoding: EncodingKey::from_secret(secret),
        })
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for JwtSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtSigningKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

const LEAST_SECRET_BYTES: usize = 32;
const PEM_BEGIN: &[u8] = b"-----BEGIN ";
