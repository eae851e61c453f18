//! Watching the traffic of others: what is asked for.

use serde::{Deserialize, Serialize};

/// A client wants to see what others send; a MessagePack map.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Tap {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) masks: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sender: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) receiver: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) kinds: Vec<TapKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) queue_messages: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) queue_bytes: Option<u64>,
}

/// In which way a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TapKind {
    Publication,
    Direct,
    Broadcast,
}

/// Whether a name fits a pattern in which `*` stands for any letters.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.as_bytes(), name.as_bytes());
    // Where to go on if what follows the last star does not fit after all.
    let mut again = None;
    loop {
        match (pattern.split_first(), name.split_first()) {
            (Some((b'*', rest)), _) => {
                again = Some((rest, name));
                pattern = rest;
            }
            (Some((expected, rest)), Some((letter, others))) if expected == letter => {
                (pattern, name) = (rest, others);
            }
            (None, None) => return true,
            _ => match again {
                Some((rest, [_, others @ ..])) => {
                    again = Some((rest, others));
                    (pattern, name) = (rest, others);
                }
                _ => return false,
            },
        }
    }
}
