//! The first frame of either side.

use proto::frame::delimited::Limits;
use proto::message::VersionRange;
use serde::{Deserialize, Serialize};

/// Says who speaks, and which versions of the protocol.
///
/// Its `protocol`, `versions` and `role` are the same in all versions for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VersionCheck {
    /// What tells this protocol from others.
    pub protocol: Protocol,
    /// Versions that this side speaks.
    pub versions: VersionRange,
    /// Which side this is.
    pub role: Role,
    /// The daemon that is meant, or that this is.
    #[serde(default)]
    pub daemon_id: String,
    /// Which build this side is. The protocol makes nothing of it.
    #[serde(default)]
    pub build_id: String,
    /// When it was built, in milliseconds since 1970, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_timestamp_ms: Option<u64>,
    /// Process id of the sender, as it says; the kernel's word counts where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Optional abilities, by name. Those that both name are in use.
    #[serde(default)]
    pub features: Vec<String>,
    /// The longest bodies that this side takes.
    #[serde(default)]
    pub limits: Limits,
    /// Bytes of stdout, and as many of stderr, that a command may send to this side before the
    /// first credit. Default: 1,048,576.
    #[serde(default = "stream_credit")]
    pub stream_credit: u64,
}

impl VersionCheck {
    /// Versions that this library speaks.
    pub const VERSIONS: VersionRange = VersionRange::new(1, 1);
    /// What a client gives to stdout and stderr each, if it does not say otherwise, in bytes.
    pub const STREAM_CREDIT: u64 = 1024 * 1024;

    /// Makes one with this library's versions and the defaults of all limits.
    pub fn new(role: Role, daemon_id: impl Into<String>, build_id: impl Into<String>) -> Self {
        Self {
            protocol: Protocol::Daemon,
            versions: Self::VERSIONS,
            role,
            daemon_id: daemon_id.into(),
            build_id: build_id.into(),
            build_timestamp_ms: None,
            pid: None,
            features: Vec::new(),
            limits: Limits::default(),
            stream_credit: Self::STREAM_CREDIT,
        }
    }

    /// What both sides speak: the highest common version, and the features that both name.
    ///
    /// Both sides come to the same. Nothing in common leaves the control frames.
    pub fn agree(&self, peer: &Self) -> Option<Agreement> {
        let version = self.versions.common(peer.versions)?;
        let is_common = |feature: &&String| peer.features.contains(feature);
        let mut features: Vec<_> = self.features.iter().filter(is_common).cloned().collect();
        features.sort_unstable();
        features.dedup();
        Some(Agreement { version, features })
    }
}

/// What two sides agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreement {
    /// Version of the protocol.
    pub version: u8,
    /// Features in use, sorted.
    pub features: Vec<String>,
}

/// The name of this protocol, so that no other is taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Protocol {
    /// `linkspan.daemon`, the only one.
    #[default]
    #[serde(rename = "linkspan.daemon")]
    Daemon,
}

/// A side of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Asks for commands to be run.
    Client,
    /// Runs them.
    Daemon,
}

fn stream_credit() -> u64 {
    VersionCheck::STREAM_CREDIT
}
