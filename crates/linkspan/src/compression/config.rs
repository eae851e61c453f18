//! Settings of compression.

use proto::frame::Compression;

use crate::compression::algorithm::BUILT_IN;
use crate::transport::Peer;

/// What a side of a session compresses, and what it inflates.
///
/// A body is compressed if both sides have an algorithm in common, where this says so, if it is long
/// enough, and if it shrinks by a sixteenth. After some bodies that did not shrink others pass as they
/// are, and one is tried again from time to time; each stream is judged by itself.
///
/// Default: all that is built in, from 1 KiB on, on links to other machines without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompressionConfig {
    /// Algorithms that this side inflates, the one first by which it compresses if the peer has it,
    /// too. Default: those that are built in, Zstandard first; with none, nothing is compressed in
    /// either direction. What is not built in is left out.
    pub algorithms: Vec<Compression>,
    /// Level of Zstandard, 1 to 22; what is beyond is the nearest of these. Default: 3. The highest ones
    /// take many times as long for little less.
    pub level: u8,
    /// Shortest body that is compressed, in bytes. Default: 1,024. With [`usize::MAX`] this side
    /// compresses nothing, and inflates what its peers send.
    pub threshold_bytes: usize,
    /// On which links it is done. Default: those to other machines.
    pub reach: Reach,
    /// Whether it is done under TLS. Default: false, because who sees lengths can tell from them what
    /// is in a body that contains both a secret and something of his own.
    pub on_encrypted: bool,
}

/// On which links bodies are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// TCP and WebSocket to other machines. Within one it takes time and saves none.
    #[default]
    OtherMachines,
    /// To this machine, too: at the other end of loopback may be a tunnel.
    Network,
    /// Local sockets and links within a process (`unix:`, `pipe:`, `mem:`), too.
    Everywhere,
}

/// Whether one message is compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compress {
    /// If it was agreed on, and is worth while.
    #[default]
    Auto,
    /// No: it has a secret beside something that others choose.
    Never,
}

impl CompressionConfig {
    /// What a side offers and agrees to, on a link to this peer.
    pub(crate) fn offered(&self, peer: &Peer) -> Vec<Compression> {
        if !self.is_wanted(peer) {
            return Vec::new();
        }
        let is_built_in = |it: &Compression| BUILT_IN.iter().any(|built| built.compression == *it);
        self.algorithms
            .iter()
            .copied()
            .filter(is_built_in)
            .collect()
    }

    /// The level, as Zstandard has them.
    pub(crate) fn zstd_level(&self) -> u8 {
        self.level.clamp(LOWEST_LEVEL, HIGHEST_LEVEL)
    }

    fn is_wanted(&self, peer: &Peer) -> bool {
        let is_encrypted = matches!(peer.transport, "tls" | "wss" | "unix+tls");
        let is_local = matches!(peer.transport, "mem" | "unix" | "pipe" | "unix+tls");
        let address = peer.address.filter(|_| !is_local);
        let is_loopback = address.is_some_and(|it| it.ip().to_canonical().is_loopback());
        let is_reached = match self.reach {
            Reach::Everywhere => true,
            Reach::Network => !is_local,
            Reach::OtherMachines => !is_local && !is_loopback,
        };
        is_reached && (self.on_encrypted || !is_encrypted)
    }
}

impl Default for CompressionConfig {
    fn default() -> Self {
        Self {
            algorithms: BUILT_IN.iter().map(|it| it.compression).collect(),
            level: 3,
            threshold_bytes: 1024,
            reach: Reach::default(),
            on_encrypted: false,
        }
    }
}

const LOWEST_LEVEL: u8 = 1;
const HIGHEST_LEVEL: u8 = 22;

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(transport: &'static str, address: Option<&str>) -> Peer {
        let mut peer = Peer::new(transport);
        peer.address = address.map(|address| address.parse().unwrap());
        peer
    }

    #[test]
    fn by_default_only_plain_links_to_other_machines_are_compressed() {
        let config = CompressionConfig::default();
        let far = Some("192.0.2.1:7777");
        for (transport, address, expected) in [
            ("tcp", far, true),
            ("ws", far, true),
            ("tls", far, false),
            ("wss", far, false),
            ("tcp", Some("127.0.0.1:7777"), false),
            ("tcp", Some("[::ffff:127.0.0.1]:7777"), false),
            ("ws", Some("[::1]:7777"), false),
            ("unix", None, false),
            ("unix+tls", None, false),
            ("pipe", None, false),
            ("mem", None, false),
        ] {
            let wanted = config.is_wanted(&peer(transport, address));
            assert_eq!(wanted, expected, "{transport} {address:?}");
        }
    }

    #[test]
    fn each_kind_of_link_is_asked_for_by_itself() {
        let near = Some("127.0.0.1:7777");
        let mut config = CompressionConfig {
            on_encrypted: true,
            ..CompressionConfig::default()
        };
        assert!(config.is_wanted(&peer("tls", Some("192.0.2.1:7777"))));
        assert!(!config.is_wanted(&peer("tls", near)));
        config.reach = Reach::Network;
        assert!(config.is_wanted(&peer("tls", near)));
        assert!(config.is_wanted(&peer("tcp", near)));
        assert!(!config.is_wanted(&peer("unix+tls", None)));
        assert!(!config.is_wanted(&peer("mem", None)));
        config.reach = Reach::Everywhere;
        assert!(config.is_wanted(&peer("unix+tls", None)));
        assert!(config.is_wanted(&peer("mem", None)));
        config.on_encrypted = false;
        assert!(!config.is_wanted(&peer("unix+tls", None)));
    }
}
