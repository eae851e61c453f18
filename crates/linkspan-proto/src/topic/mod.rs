//! Topics, masks, and which masks stand for a topic (docs/protocol.md, section 19.7).
//!
//! The rules are those of BUS/RT, and there are no others: levels between `/`, `+` for exactly one
//! level, `#` for one or more. Case counts, nothing is normalised, and empty levels are levels, so
//! `a`, `/a`, `a/` and `a//b` are four topics. Unlike MQTT's, `a/#` does not stand for `a`, and `#`
//! stands for topics that begin with `$` or `.`, too.
//!
//! ```
//! use linkspan_proto::topic::{Limits, Mask, Trie};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut subscriptions = Trie::new();
//! for (client, mask) in [(1, "house/+/light"), (2, "house/#"), (3, "#"), (3, "house/#")] {
//!     subscriptions.insert(&Mask::new(mask, &Limits::default())?, &client);
//! }
//! let mut clients = Vec::new();
//! subscriptions.find("house/kitchen/light", &mut clients);
//! assert_eq!(clients, [1, 2, 3]);
//! # Ok(())
//! # }
//! ```

mod level;
mod map;
mod mask;
mod trie;

pub use mask::{Mask, NameMask};
pub use trie::Trie;

use crate::error::TopicError;
use crate::frame::to_u64;

/// What a topic or a mask may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest topic or mask, in bytes of UTF-8. Default: 4,096.
    ///
    /// Each mask of a [`Trie`] may take about this much memory.
    pub max_bytes: u16,
    /// Most levels of a topic or mask; the empty text has one. Default: 128.
    ///
    /// Each level of a mask is a node of a [`Trie`], of some 150 bytes.
    pub max_levels: u8,
}

impl Limits {
    /// Whether a text may be a topic, which may have any characters but NUL.
    ///
    /// `+` and `#` are literal in a topic.
    ///
    /// # Errors
    ///
    /// - [`TooLong`](TopicError::TooLong), [`TooDeep`](TopicError::TooDeep): over a limit;
    /// - [`Nul`](TopicError::Nul): it has a NUL.
    pub fn check_topic(&self, topic: &str) -> Result<(), TopicError> {
        self.check(topic, mask::TOPICS.separator)
    }

    fn check(&self, text: &str, separator: char) -> Result<(), TopicError> {
        if text.len() > usize::from(self.max_bytes) {
            return Err(TopicError::TooLong {
                bytes: to_u64(text.len()),
                limit: self.max_bytes,
            });
        }
        if let Some(at) = text.find('\0') {
            return Err(TopicError::Nul { at });
        }
        let levels = text.split(separator).count();
        if levels > usize::from(self.max_levels) {
            return Err(TopicError::TooDeep {
                levels,
                limit: self.max_levels,
            });
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 4096,
            max_levels: 128,
        }
    }
}
