//! What is asked about messages that could not be delivered, by methods of the broker and by those of
//! its client `.broker`; MessagePack maps.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Why a message could not be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeadReason {
    /// It does not fit the schema of its topic; its sender was told.
    Schema,
    /// A receiver had no room for it, and its publisher had waited in vain.
    Overflow,
    /// There was nobody to get it, and somebody had to: it was sent to a client, or published by
    /// [`Post::require_receiver`](crate::bus::Post::require_receiver).
    NoReceiver,
    /// A reason of a newer broker.
    #[serde(other)]
    Unknown,
}

/// A message that could not be delivered, and is kept by the broker for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Its number; later ones have higher numbers.
    pub id: u64,
    /// Why it could not be delivered.
    pub reason: DeadReason,
    /// What else is known of that, for people; may be empty.
    #[serde(default)]
    pub detail: String,
    /// When that was, in milliseconds since 1970.
    pub at_ms: u64,
    /// Who sent it.
    pub sender: String,
    /// Its topic, if it is a publication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Which client did not get it; without one, it is for all who should.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<String>,
    /// Length of its payload, in bytes.
    pub payload_bytes: u64,
}

/// Which dead letters are meant: those for which all of it holds, and by default all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DeadLetterFilter {
    /// Those of these numbers. Default: empty, which stands for any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<u64>,
    /// Publications under the topics of a mask. Default: any message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<String>,
    /// Those of one reason. Default: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<DeadReason>,
}

/// What became of dead letters that were to be delivered after all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Replayed {
    /// Those that wait now at all who should get them; they are dead no more.
    pub delivered: u64,
    /// Those that could not be delivered this time either, and stay.
    pub kept: u64,
    /// Why, for the first 100 of them.
    #[serde(default)]
    pub problems: Vec<ReplayProblem>,
}

/// A dead letter could not be delivered this time either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReplayProblem {
    /// Its number.
    pub id: u64,
    /// Why.
    pub problem: String,
}

/// Somebody wants a list of dead letters.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "ListMap", into = "ListMap")]
pub(crate) struct ListDeadLetters {
    pub(crate) filter: DeadLetterFilter,
    /// Those with higher numbers only.
    pub(crate) after: u64,
    /// No more than so many; a broker may list fewer.
    pub(crate) limit: Option<u64>,
}

/// The same as one map. Serde's `flatten` would keep what it does not know, however deep, and make
/// room for what that announces.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct ListMap {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ids: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<DeadReason>,
    after: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
}

impl From<ListMap> for ListDeadLetters {
    fn from(map: ListMap) -> Self {
        Self {
            filter: DeadLetterFilter {
                ids: map.ids,
                mask: map.mask,
                reason: map.reason,
            },
            after: map.after,
            limit: map.limit,
        }
    }
}

impl From<ListDeadLetters> for ListMap {
    fn from(list: ListDeadLetters) -> Self {
        Self {
            ids: list.filter.ids,
            mask: list.filter.mask,
            reason: list.filter.reason,
            after: list.after,
            limit: list.limit,
        }
    }
}

/// A part of a list of dead letters.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct DeadLetterPage {
    pub(crate) letters: Vec<DeadLetter>,
    /// Whether there are others behind these.
    #[serde(default)]
    pub(crate) more: bool,
}

/// Somebody wants to see a dead letter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ShowDeadLetter {
    pub(crate) id: u64,
}

/// A dead letter as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WholeDeadLetter {
    pub(crate) letter: DeadLetter,
    /// How the payload is encoded, by its number; 0 if nobody said so.
    #[serde(default)]
    pub(crate) codec: u8,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) payload: Bytes,
}

/// Dead letters were forgotten.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DroppedDeadLetters {
    pub(crate) dropped: u64,
}

impl DeadReason {
    /// Its name, on the wire and for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Overflow => "overflow",
            Self::NoReceiver => "no_receiver",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for DeadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
