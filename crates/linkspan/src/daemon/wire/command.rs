//! The command: all that a program was called with.

use std::fmt;

use bytes::Bytes;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::daemon::wire::Terminal;
use crate::daemon::wire::body::list;

/// Asks the daemon to run a command.
///
/// Texts of the system are bytes as the system has them: file names need not be UTF-8.
///
/// Its `Debug` shows no value of a variable, no argument but the first, and no payload.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Command {
    /// Names it on its connection: 1 or more, and more than that of every command before.
    pub command: u32,
    /// Names the intention: a repetition has the same id, so that it is recognised.
    pub request_id: RequestId,
    /// Arguments, the program's name first. At most [`MAX_ARGUMENTS`].
    #[serde(default, deserialize_with = "list::<MAX_ARGUMENTS, _, _>")]
    pub arguments: Vec<Bytes>,
    /// Where the client was called.
    #[serde(default)]
    pub cwd: Bytes,
    /// Variables, those that the client chose to send. At most [`MAX_VARIABLES`].
    #[serde(default, deserialize_with = "list::<MAX_VARIABLES, _, _>")]
    pub environment: Vec<(Bytes, Bytes)>,
    /// What the client knows about its terminal.
    #[serde(default)]
    pub terminal: Terminal,
    /// What the application collected on the client.
    #[serde(default)]
    pub payload: Bytes,
    /// Whether the client has input to send when it gets credit for it.
    #[serde(default)]
    pub has_stdin: bool,
    /// Whether it does no harm to run it twice.
    #[serde(default)]
    pub idempotent: bool,
}

impl Command {
    /// Makes a command without arguments, input and environment.
    pub fn new(command: u32, request_id: RequestId) -> Self {
        Self {
            command,
            request_id,
            arguments: Vec::new(),
            cwd: Bytes::new(),
            environment: Vec::new(),
            terminal: Terminal::default(),
            payload: Bytes::new(),
            has_stdin: false,
            idempotent: false,
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
        f.debug_struct("Command")
            .field("command", &self.command)
            .field("request_id", &self.request_id)
            .field("program", &self.arguments.first())
            .field("arguments", &self.arguments.len())
            .field("cwd", &self.cwd)
            .field("variables", &variables)
            .field("terminal", &self.terminal)
            .field("payload_bytes", &self.payload.len())
            .field("has_stdin", &self.has_stdin)
            .field("idempotent", &self.idempotent)
            .finish()
    }
}

/// 128 bits that nobody else chose; displays as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper")]
pub struct RequestId(pub [u8; 16]);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Id;
        impl Visitor<'_> for Id {
            type Value = RequestId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("16 bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                let id = bytes.try_into().map(RequestId);
                id.map_err(|_| E::invalid_length(bytes.len(), &self))
            }
        }
        deserializer.deserialize_bytes(Id)
    }
}

/// Most arguments of a command.
pub const MAX_ARGUMENTS: usize = 262_144;
/// Most variables of a command.
pub const MAX_VARIABLES: usize = 65_536;
