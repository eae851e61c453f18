//! By what bodies are compressed (docs/protocol.md, section 22).

use std::fmt;

use crate::frame::Flags;

/// An algorithm by which bodies are compressed. Sessions only know its name and its flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// The block format of LZ4.
    Lz4,
    /// Zstandard (RFC 8878).
    Zstd,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Lz4, Self::Zstd];

    /// Its name in a handshake.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// The algorithm with this name, if this version knows it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// The flag of bodies that are compressed by it.
    pub(crate) const fn flag(self) -> Flags {
        match self {
            Self::Lz4 => Flags::LZ4,
            Self::Zstd => Flags::ZSTD,
        }
    }

    /// By what a body with these flags is compressed.
    pub(crate) fn of(flags: Flags) -> Option<Self> {
        Self::ALL.into_iter().find(|it| flags.contains(it.flag()))
    }

    /// The flags of a body that is compressed so, if it is.
    pub(crate) fn flags(compression: Option<Self>) -> Flags {
        compression.map_or(Flags::NONE, Self::flag)
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bytes before a compressed body: how many it has when it is inflated.
pub(crate) const ANNOUNCED_BYTES: usize = size_of::<u32>();
