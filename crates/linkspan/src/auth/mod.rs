//! Who is there.

mod certificate;
pub mod policy;
mod principal;
#[cfg(feature = "seal")]
pub mod seal;

pub use certificate::{CertificateIdentity, SubjectAltName};
pub use principal::Principal;
