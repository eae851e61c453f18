//! The key of one sender's start, and what is encrypted with it.

use std::fmt;

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{constant_time, hkdf, hmac};
use bytes::Bytes;
use zeroize::Zeroizing;

use crate::auth::seal::envelope::{Envelope, HEAD_BYTES, Header, Salt, TAG_BYTES};
use crate::auth::seal::{Algorithm, Binding, OpenError, SealError};

/// Keys that were derived from one of a ring and a salt: they are used for one row of counters only.
///
/// The binding is authenticated by a sum of its own inside the ciphertext, so that a body that was
/// delivered as something else can be told from one that was altered.
pub(super) struct Cipher {
    algorithm: Algorithm,
    aead: LessSafeKey,
    binding: hmac::Key,
}

impl Cipher {
    /// Derives the keys; none if the library refuses.
    pub(super) fn derive(secret: &[u8], algorithm: Algorithm, salt: &Salt) -> Option<Self> {
        let mut derived = Zeroizing::new([0; 2 * KEY_BYTES]);
        let info = [LABEL, &[algorithm.number()]];
        hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
            .extract(secret)
            .expand(&info, Derived)
            .and_then(|keys| keys.fill(&mut *derived))
            .ok()?;
        let (aead, binding) = derived.split_at(KEY_BYTES);
        Some(Self {
            algorithm,
            aead: LessSafeKey::new(UnboundKey::new(algorithm.aead(), aead).ok()?),
            binding: hmac::Key::new(hmac::HMAC_SHA256, binding),
        })
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Encrypts a body whose two parts belong together.
    pub(super) fn seal(
        &self,
        header: &Header<'_>,
        binding: &Binding<'_>,
        [first, second]: [&[u8]; 2],
    ) -> Result<Bytes, SealError> {
        let head_bytes = HEAD_BYTES + header.key_id.len();
        let body_bytes = SUM_BYTES + first.len() + second.len();
        let mut envelope = Vec::with_capacity(head_bytes + body_bytes + TAG_BYTES);
        header.encode(&mut envelope);
        envelope.extend_from_slice(&self.sum(binding));
        envelope.extend_from_slice(first);
        envelope.extend_from_slice(second);
        let (head, body) = envelope.split_at_mut(head_bytes);
        let tag = self
            .aead
            .seal_in_place_separate_tag(nonce(header.counter), Aad::from(&*head), body)
            .map_err(|_| SealError::TooLong { bytes: body_bytes })?;
        envelope.extend_from_slice(tag.as_ref());
        Ok(envelope.into())
    }

    /// Decrypts a body.
    pub(super) fn open(
        &self,
        envelope: &Envelope<'_>,
        binding: &Binding<'_>,
    ) -> Result<Bytes, OpenError> {
        let mut body = vec![0; envelope.ciphertext.len()];
        let (ciphertext, tag) = (envelope.ciphertext, envelope.tag);
        let nonce = nonce(envelope.header.counter);
        self.aead
            .open_separate_gather(nonce, Aad::from(envelope.head), ciphertext, tag, &mut body)
            .map_err(|_| OpenError::Tampered)?;
        let body = Bytes::from(body);
        let sum = body.get(..SUM_BYTES).ok_or(OpenError::Malformed {
            part: "sum of its binding",
        })?;
        constant_time::verify_slices_are_equal(sum, &self.sum(binding))
            .map_err(|_| OpenError::Misaddressed)?;
        Ok(body.slice(SUM_BYTES..))
    }

    fn sum(&self, binding: &Binding<'_>) -> [u8; SUM_BYTES] {
        let tag = hmac::sign(&self.binding, &binding.encode());
        let sum = tag.as_ref().first_chunk().copied();
        sum.expect("a sum of SHA-256 has 32 bytes")
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cipher")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// How many bytes are derived.
struct Derived;

impl hkdf::KeyType for Derived {
    fn len(&self) -> usize {
        2 * KEY_BYTES
    }
}

/// No counter is used twice with one key.
fn nonce(counter: u64) -> Nonce {
    let [a, b, c, d, e, f, g, h] = counter.to_le_bytes();
    Nonce::assume_unique_for_key([a, b, c, d, e, f, g, h, 0, 0, 0, 0])
}

const LABEL: &[u8] = b"linkspan sealed envelope ";
pub(super) const KEY_BYTES: usize = 32;
const SUM_BYTES: usize = 16;
