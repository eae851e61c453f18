//! Kinds of daemon frames.

use std::fmt;

/// What the body of a frame is (docs/protocol.md, section 18.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// 1: the first frame of either side.
    VersionCheck,
    /// 2: a client asks for a command to be run.
    Command,
    /// 3: a part of a command's input.
    Stdin,
    /// 4: a part of its output.
    Stdout,
    /// 5: a part of its output for errors.
    Stderr,
    /// 6: why a command failed, as its handler says.
    CommandError,
    /// 7: how a command ended.
    Exit,
    /// 8: a client wants a command to end.
    Cancel,
    /// 9: a client's terminal has another size.
    Resize,
    /// 10: a signal for a command.
    Signal,
    /// 11: a question about the daemon itself, and the answer.
    Control,
    /// 12: the daemon has no place.
    Busy,
    /// 13: the other side may send more.
    Credit,
    /// 14: a command will be run.
    Accepted,
    /// From 128 on: what a later version may send to whoever knows it. Receivers ignore it.
    Unknown(u8),
}

impl Kind {
    /// All that are known.
    pub const ALL: [Self; 14] = [
        Self::VersionCheck,
        Self::Command,
        Self::Stdin,
        Self::Stdout,
        Self::Stderr,
        Self::CommandError,
        Self::Exit,
        Self::Cancel,
        Self::Resize,
        Self::Signal,
        Self::Control,
        Self::Busy,
        Self::Credit,
        Self::Accepted,
    ];

    /// The kind with this number, unless it is below 128 and none.
    pub fn from_number(number: u8) -> Option<Self> {
        let known = Self::ALL.into_iter().find(|kind| kind.number() == number);
        let may_be_ignored = number >= LEAST_IGNORED;
        known.or_else(|| may_be_ignored.then_some(Self::Unknown(number)))
    }

    /// Its number on the wire.
    pub fn number(self) -> u8 {
        match self {
            Self::VersionCheck => 1,
            Self::Command => 2,
            Self::Stdin => 3,
            Self::Stdout => 4,
            Self::Stderr => 5,
            Self::CommandError => 6,
            Self::Exit => 7,
            Self::Cancel => 8,
            Self::Resize => 9,
            Self::Signal => 10,
            Self::Control => 11,
            Self::Busy => 12,
            Self::Credit => 13,
            Self::Accepted => 14,
            Self::Unknown(number) => number,
        }
    }

    /// Its name, as in the specification.
    pub fn name(self) -> &'static str {
        match self {
            Self::VersionCheck => "version-check",
            Self::Command => "command",
            Self::Stdin => "stdin",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::CommandError => "command-error",
            Self::Exit => "exit",
            Self::Cancel => "cancel",
            Self::Resize => "resize",
            Self::Signal => "signal",
            Self::Control => "control",
            Self::Busy => "busy",
            Self::Credit => "credit",
            Self::Accepted => "accepted",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(number) => write!(f, "unknown kind {number}"),
            kind => f.write_str(kind.name()),
        }
    }
}

const LEAST_IGNORED: u8 = 128;
