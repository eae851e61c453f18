//! Choices by name.

use std::str::FromStr;

use linkspan::bus::{Compat, Overflow, Secondaries};
use schemars::JsonSchema;
use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::units::choose;

/// What is done about a message for which a subscriber has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OverflowChoice {
    /// Its publisher waits for a time.
    Block,
    /// The oldest that waits is dropped.
    DropOldest,
    /// The message is dropped.
    DropNewest,
    /// Of each topic only the latest waits.
    LatestOnly,
    /// The subscriber is disconnected.
    Disconnect,
}

/// Who may be a secondary client of a primary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SecondariesChoice {
    /// The same process of the same user; on TCP, the same network address.
    SamePeer,
    /// Whoever may connect.
    Anybody,
}

/// Whose acknowledgements clients get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CompatChoice {
    /// Publications that somebody should have got and did not are told.
    Honest,
    /// Those of the broker that BUS/RT brings.
    Strict,
}

macro_rules! choices {
    ($($choice:ident is $meaning:ident: $($name:literal $variant:ident),+;)+) => {
        $(
            impl From<$choice> for $meaning {
                fn from(choice: $choice) -> Self {
                    match choice {
                        $($choice::$variant => Self::$variant,)+
                    }
                }
            }

            impl<'de> Deserialize<'de> for $choice {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    choose(deserializer, &[$(($name, Self::$variant)),+])
                }
            }

            impl FromStr for $choice {
                type Err = Error;

                fn from_str(text: &str) -> Result<Self, Error> {
                    Self::deserialize(StrDeserializer::new(text))
                }
            }
        )+
    };
}

choices! {
    OverflowChoice is Overflow: "block" Block, "drop-oldest" DropOldest, "drop-newest" DropNewest,
        "latest-only" LatestOnly, "disconnect" Disconnect;
    SecondariesChoice is Secondaries: "same-peer" SamePeer, "anybody" Anybody;
    CompatChoice is Compat: "honest" Honest, "strict" Strict;
}
