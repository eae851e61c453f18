//! The client's terminal, as far as the client knows it without asking it anything.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What a client knows about its terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "three streams, one fact each"
)]
#[non_exhaustive]
pub struct Terminal {
    /// Its size, if there is one and it told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Colours that it shows and its user wants.
    pub colours: Colours,
    /// What the variable `TERM` says; empty if it is not set.
    pub term: Bytes,
    /// Whether the client's stdin is a terminal.
    pub is_stdin: bool,
    /// Whether its stdout is.
    pub is_stdout: bool,
    /// Whether its stderr is.
    pub is_stderr: bool,
}

/// Size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Size {
    /// Characters in a row.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
}

impl Size {
    /// Makes a size.
    pub fn new(columns: u16, rows: u16) -> Self {
        Self { columns, rows }
    }
}

/// Which colours a terminal shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Colours {
    /// The 16 that every terminal with colours has.
    Ansi16,
    /// 256.
    Ansi256,
    /// 24 bits.
    Rgb,
    /// None, or what this version does not know.
    #[default]
    #[serde(other)]
    None,
}
