//! Sealed bodies, between ends that share a key and everybody between them.
//!
//! | what holds | where |
//! |---|---|
//! | calls, streams and events are sealed both ways, over every transport | [`calls`] |
//! | who passes calls on can neither read nor alter them | [`relay`] |
//! | a broker can neither read nor alter messages | [`broker`] |
//! | a broker of an attacker's own can do no more | [`hostile`] |
//! | keys are replaced while calls go on, by several processes | [`rotation`] |
//! | files of keys are their owner's alone | [`rings`] |
#![expect(
    clippy::indexing_slicing,
    reason = "tests fail by panicking and read as scripts"
)]

#[cfg(feature = "bus")]
mod broker;
mod calls;
#[cfg(feature = "bus")]
mod hostile;
mod relay;
mod rings;
mod rotation;

use linkspan::Code;
use linkspan::auth::seal::{Algorithm, KeyRing, Sealing};
use linkspan::rpc::CallError;

fn ring() -> KeyRing {
    KeyRing::generate(Algorithm::Aes256Gcm).unwrap()
}

/// Two ends that share a ring.
fn ends() -> [Sealing; 2] {
    let ring = ring();
    [
        Sealing::new(ring.clone(), "ada"),
        Sealing::new(ring, "vault"),
    ]
}

/// The code of a failure, whoever found it.
fn code<T: std::fmt::Debug>(result: Result<T, CallError>) -> Code {
    match result {
        Err(CallError::Failed(failure)) => failure.code,
        other => panic!("{other:?}"),
    }
}
