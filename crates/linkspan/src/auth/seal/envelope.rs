//! The envelope on the wire (docs/protocol.md, section 21).
//!
//! ```text
//! u8 format | u8 length of the key's id | id | 32-byte salt | u64 counter | ciphertext | 16-byte tag
//! ```

use bytes::Buf;

use crate::auth::seal::{Algorithm, OpenError};

/// What stands before the ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: &'a str,
    pub(super) salt: &'a Salt,
    pub(super) counter: u64,
}

/// Random bytes that each sender draws when it begins with a key.
pub(super) type Salt = [u8; SALT_BYTES];

/// An envelope, taken apart.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) header: Header<'a>,
    /// The header as it stands there.
    pub(super) head: &'a [u8],
    pub(super) ciphertext: &'a [u8],
    pub(super) tag: &'a [u8],
}

impl<'a> Header<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(FAMILY | self.algorithm.number());
        // Ids are never longer than `MAX_ID_BYTES`.
        out.push(u8::try_from(self.key_id.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(self.key_id.as_bytes());
        out.extend_from_slice(self.salt);
        out.extend_from_slice(&self.counter.to_le_bytes());
    }

    fn decode(rest: &mut &'a [u8]) -> Result<Self, OpenError> {
        let malformed = |part| OpenError::Malformed { part };
        let format = rest.try_get_u8().map_err(|_| malformed("format"))?;
        let algorithm = match format & FAMILY_MASK {
            FAMILY => Algorithm::from_number(format & !FAMILY_MASK),
            _ => None,
        };
        let algorithm = algorithm.ok_or(OpenError::UnknownFormat { format })?;
        let id_bytes = rest.try_get_u8().map_err(|_| malformed("key id"))?;
        let key_id = rest.split_off(..id_bytes.into());
        let key_id = key_id.and_then(|id| std::str::from_utf8(id).ok());
        let key_id = key_id.ok_or_else(|| malformed("key id"))?;
        let (salt, after) = rest.split_first_chunk().ok_or_else(|| malformed("salt"))?;
        *rest = after;
        let counter = rest.try_get_u64_le().map_err(|_| malformed("counter"))?;
        Ok(Self {
            algorithm,
            key_id,
            salt,
            counter,
        })
    }
}

impl<'a> Envelope<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, OpenError> {
        let mut rest = bytes;
        let header = Header::decode(&mut rest)?;
        let head = bytes.get(..bytes.len() - rest.len()).unwrap_or_default();
        let (ciphertext, tag) = rest
            .split_last_chunk::<TAG_BYTES>()
            .ok_or(OpenError::Malformed { part: "tag" })?;
        Ok(Self {
            header,
            head,
            ciphertext,
            tag,
        })
    }
}

/// The upper bits of a format. No first byte of a call between clients of BUS/RT has them, so that an
/// envelope is never taken for one.
const FAMILY: u8 = 0xE0;
const FAMILY_MASK: u8 = 0xF0;
pub(super) const SALT_BYTES: usize = 32;
pub(super) const TAG_BYTES: usize = 16;
/// Longest id of a key, in bytes.
pub(super) const MAX_ID_BYTES: usize = 64;
/// What a header takes beside the id, in bytes.
pub(super) const HEAD_BYTES: usize = 1 + 1 + SALT_BYTES + 8;
