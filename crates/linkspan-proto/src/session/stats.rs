//! What a session counts.

/// Figures since the session began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Frames sent.
    pub frames_sent: u64,
    /// Frames received.
    pub frames_received: u64,
    /// Bytes given to the transport.
    pub bytes_sent: u64,
    /// Streams that this side opened.
    pub streams_opened: u64,
    /// Streams that the peer opened.
    pub streams_accepted: u64,
    /// Streams of this side that are open now.
    pub streams_open: u32,
    /// Streams of the peer that are open now.
    pub streams_handled: u32,
}
