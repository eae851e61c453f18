//! rustls's errors in our words.

use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, OtherError, PeerIncompatible};

use crate::transport::tls::TlsError;
use crate::transport::tls::verify::Refusal;

/// What an error of rustls means.
pub(super) fn failure(error: Error) -> TlsError {
    match error {
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::AlertReceived(alert) => of_alert(alert),
        Error::NoCertificatesPresented => TlsError::NoCertificate,
        Error::PeerIncompatible(PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon) => {
            TlsError::Refused {
                reason: "it takes no signature that this side's key can make",
            }
        }
        Error::PeerIncompatible(_) => TlsError::NothingInCommon,
        Error::NoApplicationProtocol => TlsError::OtherProtocol,
        Error::InvalidMessage(_) => TlsError::NotTls,
        Error::DecryptError => TlsError::Altered,
        error => TlsError::Protocol {
            problem: error.to_string(),
        },
    }
}

fn of_certificate(error: CertificateError) -> TlsError {
    match error {
        // Another authority of the same name has another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            TlsError::UnknownAuthority
        }
        CertificateError::ExpiredContext { not_after, .. } => TlsError::Expired {
            expired: system_time(not_after),
        },
        CertificateError::NotValidYetContext { not_before, .. } => TlsError::NotYetValid {
            begins: system_time(not_before),
        },
        CertificateError::Other(OtherError(error)) => match error.downcast_ref() {
            Some(Refusal::Name {
                expected,
                presented,
            }) => TlsError::Name {
                expected: expected.clone(),
                presented: presented.clone(),
            },
            Some(Refusal::NotPinned { certificate, key }) => TlsError::NotPinned {
                certificate: *certificate,
                key: *key,
            },
            None => TlsError::Certificate {
                problem: error.to_string(),
            },
        },
        error => TlsError::Certificate {
            problem: error.to_string(),
        },
    }
}

/// What the peer says before it leaves.
fn of_alert(alert: AlertDescription) -> TlsError {
    let reason = match alert {
        AlertDescription::CertificateRequired => return TlsError::CertificateRequired,
        AlertDescription::UnknownCA => "it is signed by no authority that the peer trusts",
        AlertDescription::CertificateExpired => "it does not hold now",
        AlertDescription::CertificateRevoked => "it is revoked",
        AlertDescription::BadCertificate | AlertDescription::CertificateUnknown => {
            "the peer does not accept it"
        }
        AlertDescription::UnsupportedCertificate => "it is of a sort that the peer does not take",
        AlertDescription::DecryptError => "the peer could not verify its signature",
        AlertDescription::AccessDenied => "it gives no access",
        AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity => {
            return TlsError::NothingInCommon;
        }
        AlertDescription::NoApplicationProtocol => return TlsError::OtherProtocol,
        AlertDescription::BadRecordMac => return TlsError::Altered,
        AlertDescription::HandshakeFailure => return TlsError::NothingInCommon,
        alert => {
            return TlsError::Protocol {
                problem: format!("the peer ends it with {alert:?}"),
            };
        }
    };
    TlsError::Refused { reason }
}

fn system_time(time: UnixTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs())
}
