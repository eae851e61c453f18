//! What listeners tell about themselves.

/// What a listener has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ListenerStats {
    /// Connections that are open now.
    pub open: usize,
    /// Connections whose handshake succeeded.
    pub accepted: u64,
    /// Connections that were told to come again later.
    pub refused_busy: u64,
    /// Connections of users who are not let in.
    pub refused_untrusted: u64,
    /// Connections whose handshake failed or never came.
    pub failed_handshakes: u64,
    /// Errors of the system while accepting, as when descriptors are used up.
    pub accept_errors: u64,
}

/// How connections ended when a server stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// Connections that were open.
    pub connections: usize,
    /// Requests whose handlers were cut off because the time was up.
    pub cut: usize,
}

impl StopReport {
    pub(crate) fn add(&mut self, other: Self) {
        self.connections += other.connections;
        self.cut += other.cut;
    }
}
