//! Randomness from the system.

use std::io;

/// Random bytes, fit for keys and nonces.
///
/// # Errors
///
/// The system's error if it has no source of randomness.
pub fn random_bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
