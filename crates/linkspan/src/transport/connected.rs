//! Connections that were made elsewhere.

use crate::transport::{ByteLink, Link};

/// A local connection that was neither dialed nor accepted: one end of a pair, say, whose other end
/// a child process inherits.
///
/// Who makes one says who is at the other end. The kernel is not asked, because of both ends of a
/// pair it says that they are the process that made it.
#[derive(Debug)]
pub struct Connected {
    pub(super) link: ByteLink,
}

impl Connected {
    pub(crate) fn into_link(self) -> Link {
        self.link.into()
    }

    /// What moves bytes, and knows of no frames.
    #[cfg(any(feature = "exchange", feature = "plugin"))]
    pub(crate) fn into_bytes(self) -> ByteLink {
        self.link
    }
}
