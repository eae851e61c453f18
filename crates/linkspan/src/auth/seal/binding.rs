//! What a sealed body belongs to.

/// What a sealed body is bound to: it is opened only as what it was sealed for.
///
/// Both ends have to know all of it by other means; nothing of it is in the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a further field would unbind what is sealed"
)]
pub struct Binding<'a> {
    /// What the body is.
    pub part: Part,
    /// Name of who sealed it.
    pub sender: &'a str,
    /// The method, the topic, or the name of the receiver.
    pub target: &'a str,
    /// How the body is encoded.
    pub content_type: &'a str,
    /// What joins a request and all that belongs to it; empty for what stands alone.
    pub correlation: &'a str,
    /// Place in its direction of a call: 0 for the body of a request or response, 1 for the first item
    /// of a stream.
    pub index: u64,
}

/// What a sealed body is; the numbers are part of what is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Part {
    /// The parameters of a request, and the items after them.
    Request = 1,
    /// The result of a method, and the items after it.
    Response = 2,
    /// A method's own error.
    Error = 3,
    /// An event of a connection.
    Event = 4,
    /// Something published under a topic.
    Publication = 5,
    /// Something sent to one client of a bus.
    Message = 6,
    /// Something sent to clients of a bus whose names are alike.
    Broadcast = 7,
    /// What a program of its own makes of [`Sealer`](super::Sealer) and [`Opener`](super::Opener).
    Other = 8,
}

impl Binding<'_> {
    /// All of it as bytes; two bindings that differ have different ones.
    pub(super) fn encode(&self) -> Vec<u8> {
        let texts = [
            self.sender,
            self.target,
            self.content_type,
            self.correlation,
        ];
        let texts_bytes: usize = texts.iter().map(|text| text.len() + size_of::<u64>()).sum();
        let mut bytes = Vec::with_capacity(HEAD_BYTES + texts_bytes);
        bytes.push(self.part as u8);
        bytes.extend_from_slice(&self.index.to_le_bytes());
        for text in texts {
            let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }
}

const HEAD_BYTES: usize = 9;
