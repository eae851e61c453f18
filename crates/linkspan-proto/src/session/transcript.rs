//! What was said before a proof.

use bytes::Bytes;

/// The payloads of offer and choice, as they went over the wire.
///
/// Whoever changes one of them on the way, to have a weaker way chosen, has the proof fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    offer: Bytes,
    choice: Bytes,
}

impl Transcript {
    pub(crate) fn new(offer: &Bytes, choice: &Bytes) -> Self {
        // Of their own: they outlive the buffers into which they were read.
        Self {
            offer: Bytes::copy_from_slice(offer),
            choice: Bytes::copy_from_slice(choice),
        }
    }

    /// The client's offer.
    pub fn offer(&self) -> &[u8] {
        &self.offer
    }

    /// The server's choice.
    pub fn choice(&self) -> &[u8] {
        &self.choice
    }
}
