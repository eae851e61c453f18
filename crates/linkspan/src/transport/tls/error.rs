//! Why TLS does not come about, or ends.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use thiserror::Error;

use crate::transport::tls::Pin;

/// Settings of TLS that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// A server has to have a certificate.
    #[error("there is no certificate for this side, and a server needs one")]
    NoCertificate,
    /// A certificate and its key go together.
    #[error("there is a certificate for this side without a private key, or the other way round")]
    HalfIdentity,
    /// Nobody could be accepted.
    #[error("neither an authority nor a pin says whom to trust")]
    NoTrust,
    /// No version of TLS goes with the ciphers.
    #[error("no cipher is chosen")]
    NoCipher,
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file with a private key is not fit for one.
    #[error("the private key is not safe where it is")]
    Private(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A text is not what it should be.
    #[error("{what} in {place} cannot be used: {problem}")]
    Content {
        /// What should be there.
        what: &'static str,
        /// Where it should be.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// The key is not that of the certificate.
    #[error("the private key in {key_place} does not belong to the certificate in {certificate}")]
    OtherKey {
        /// Where the key is.
        key_place: String,
        /// Where the certificate is.
        certificate: String,
    },
    /// No certificate can be for it.
    #[error("{name:?} is not a name that a server's certificate can have")]
    Name {
        /// The name.
        name: String,
    },
}

/// TLS with a peer does not come about, or ends before its time.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The settings cannot be used.
    #[error(transparent)]
    Config(#[from] TlsConfigError),
    /// No authority that is trusted here has signed the certificate.
    #[error("the peer's certificate is signed by no authority that is trusted here")]
    UnknownAuthority,
    /// The certificate does not hold any more.
    #[error("the peer's certificate expired {} ago", ago(*expired))]
    Expired {
        /// When it did.
        expired: SystemTime,
    },
    /// The certificate does not hold yet.
    #[error("the peer's certificate holds only in {}", until(*begins))]
    NotYetValid {
        /// When it begins to.
        begins: SystemTime,
    },
    /// The server's certificate is for others.
    #[error("the server's certificate is for {}, not for {expected}", presented.join(", "))]
    Name {
        /// The name that was expected.
        expected: String,
        /// Those that the certificate has.
        presented: Vec<String>,
    },
    /// The peer is none of those that are pinned.
    #[error("the peer presents {certificate} with {key}, which are not pinned here")]
    NotPinned {
        /// The pin of its certificate.
        certificate: Pin,
        /// That of its key.
        key: Pin,
    },
    /// The certificate is wrong in another way.
    #[error("the peer's certificate is not accepted: {problem}")]
    Certificate {
        /// What is wrong.
        problem: String,
    },
    /// A client without certificate came to a server that asks for one.
    #[error("the peer presents no certificate")]
    NoCertificate,
    /// The peer accepts no connection without a certificate of this side.
    #[error("the peer asks for a certificate, and this side has none")]
    CertificateRequired,
    /// The peer does not accept this side's certificate.
    #[error("the peer refuses this side's certificate: {reason}")]
    Refused {
        /// Its reason.
        reason: &'static str,
    },
    /// Both sides speak TLS, and no version or cipher is common.
    #[error("no version and cipher of TLS is allowed on both sides")]
    NothingInCommon,
    /// The peer speaks another protocol over TLS.
    #[error("the peer speaks another protocol over TLS")]
    OtherProtocol,
    /// What came is not TLS.
    #[error("the peer does not speak TLS")]
    NotTls,
    /// What came is not what was sent.
    #[error("what came was changed on the way")]
    Altered,
    /// The connection ended, and the peer did not say that it would.
    #[error("the connection was cut: it ended without the end that TLS has")]
    Truncated,
    /// The peer did not do its part of the handshake in time.
    #[error("no handshake of TLS within {limit:?}")]
    Silent {
        /// The time that it had.
        limit: Duration,
    },
    /// The peer broke the rules of TLS, or says that this side did.
    #[error("TLS failed: {problem}")]
    Protocol {
        /// How.
        problem: String,
    },
    /// The connection under TLS failed.
    #[error("the connection under TLS failed")]
    Io(#[source] io::Error),
}

impl TlsError {
    /// The error of TLS that is the cause of another error, or is it.
    pub fn find<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e Self> {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // What an I/O error is made of is no source of it, only what is behind that.
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match inner {
            Some(inner) => Self::find(inner),
            None => error.source().and_then(Self::find),
        }
    }
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        let kind = match &error {
            TlsError::Io(source) => source.kind(),
            TlsError::Truncated => io::ErrorKind::UnexpectedEof,
            TlsError::Silent { .. } => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

/// How long ago something was, in whole units.
fn ago(then: SystemTime) -> String {
    let now = SystemTime::now();
    rough(now.duration_since(then).unwrap_or_default())
}

fn until(then: SystemTime) -> String {
    let now = SystemTime::now();
    rough(then.duration_since(now).unwrap_or_default())
}

fn rough(time: Duration) -> String {
    let seconds = time.as_secs();
    let (count, unit) = match seconds {
        0..120 => (seconds, "s"),
        120..7_200 => (seconds / 60, "minutes"),
        7_200..172_800 => (seconds / 3_600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit}")
}
