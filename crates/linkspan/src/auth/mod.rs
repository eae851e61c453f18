//! Who is there.

mod certificate;
mod principal;

pub use certificate::{CertificateIdentity, SubjectAltName};
pub use principal::Principal;
