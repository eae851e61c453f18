//! The attacks, and what becomes of each.

use linkspan::plugin::SandboxLevel::{self, Basic, None, Strict};

/// Something that a plugin does.
pub(super) struct Attack {
    pub(super) name: &'static str,
    /// What it is told to do. In braces stand things that the host has: see [`super::attacks`].
    pub(super) words: &'static str,
    /// Levels that hold it. What is held by none of the sandbox is tried at none, too; a plugin without
    /// a sandbox is trusted with the rest.
    pub(super) levels: &'static [SandboxLevel],
    pub(super) outcome: Outcome,
}

/// What becomes of an attack.
pub(super) enum Outcome {
    /// It is no attack: what is granted can be done.
    Let,
    /// The system refuses, and says one of these.
    Refused(&'static [&'static str]),
    /// The plugin ends; one of these is in the reason, or was its last word.
    Ends(&'static [&'static str]),
    /// The same, in the middle of an answer, which is all that the caller is told.
    Breaks(&'static [&'static str]),
    /// The caller gets this, and the plugin goes on.
    Answers(&'static str),
    /// The caller gets no answer, and is told so at its deadline.
    Unanswered,
}

use Outcome::{Answers, Breaks, Ends, Let, Refused, Unanswered};

pub(super) const ATTACKS: &[Attack] = &[
    attack(
        "a file that is granted",
        "reads {granted}/file",
        CONFINED,
        Let,
    ),
    attack("a file that is not", "reads {secret}", CONFINED, UNSEEN),
    attack(
        "a way around",
        "reads {granted}/../secret",
        CONFINED,
        UNSEEN,
    ),
    attack(
        "the system's secrets",
        "reads /etc/shadow",
        CONFINED,
        UNSEEN,
    ),
    attack(
        "writing to what may be read",
        "writes {granted}/file",
        CONFINED,
        READ_ONLY,
    ),
    attack(
        "writing to programs",
        "writes /usr/bin/true",
        CONFINED,
        READ_ONLY,
    ),
    attack(
        "the host's memory",
        "writes /proc/{host}/mem",
        CONFINED,
        UNSEEN,
    ),
    attack(
        "another's environment",
        "reads /proc/{other}/environ",
        CONFINED,
        UNSEEN,
    ),
    attack(
        "another's descriptors",
        "lists /proc/{other}/fd",
        CONFINED,
        UNSEEN,
    ),
    attack(
        "TCP within the machine",
        "connects-tcp {tcp}",
        CONFINED,
        NO_SOCKET,
    ),
    attack(
        "TCP to the world",
        "connects-tcp 192.0.2.1:80",
        CONFINED,
        NO_SOCKET,
    ),
    attack("UDP", "connects-udp {udp}", CONFINED, NO_SOCKET),
    attack("listening", "listens", CONFINED, NO_SOCKET),
    attack(
        "the node's socket",
        "connects-unix {node}",
        CONFINED,
        NO_SOCKET,
    ),
    attack(
        "the bus's socket",
        "connects-unix {bus}",
        CONFINED,
        NO_SOCKET,
    ),
    attack(
        "a socket in what is granted",
        "connects-unix {granted}/socket",
        CONFINED,
        NO_SOCKET,
    ),
    attack(
        "a socket without a path",
        "connects-abstract {abstract}",
        CONFINED,
        NO_SOCKET,
    ),
    attack(
        "a datagram to a path",
        "sends-datagram {granted}/datagrams",
        CONFINED,
        NO_SOCKET,
    ),
    attack(
        "a signal to the host",
        "shell kill -KILL {host}",
        CONFINED,
        NO_PROCESS,
    ),
    attack(
        "a signal to another plugin",
        "shell kill -KILL {other}",
        CONFINED,
        NO_PROCESS,
    ),
    attack(
        "tracing the host",
        "python {trace host}",
        CONFINED,
        NO_PROCESS,
    ),
    attack(
        "tracing another plugin",
        "python {trace other}",
        CONFINED,
        NO_PROCESS,
    ),
    attack(
        "another plugin's connection",
        "python {steal other}",
        CONFINED,
        NO_PROCESS,
    ),
    attack(
        "10,000 processes",
        "forks {marker}",
        CONFINED,
        Refused(&["Resource temporarily"]),
    ),
    attack(
        "disk of its own",
        "fills /tmp/much",
        &[Strict],
        Refused(&["No space left"]),
    ),
    attack(
        "disk of all",
        "fills /tmp/{marker}",
        &[Basic],
        Refused(&["Permission denied"]),
    ),
    attack(
        "10 GB",
        "allocates 10240",
        ALL,
        Ends(&["memory allocation of", "exceeded its memory of"]),
    ),
    attack(
        "10 GB in parts",
        "shell {parts}",
        ALL,
        Ends(&["exceeded its memory of 134217728 bytes"]),
    ),
    attack("a flood on stderr", "floods-stderr 16", ALL, Let),
    attack("no answer", "answers-not", ALL, Unanswered),
    attack("two answers", "answers-twice", ALL, Answers("once")),
    attack(
        "an answer after an answer",
        "answers-again",
        ALL,
        Breaks(&["broke the protocol"]),
    ),
    attack(
        "an answer to nobody",
        "answers-unasked",
        ALL,
        Ends(&["broke the protocol"]),
    ),
    attack("garbage", "garbage", ALL, Ends(&["broke the protocol"])),
    attack("a huge length", "lengthens", ALL, Ends(&["4294967295"])),
    attack(
        "half a frame",
        "halves",
        ALL,
        Ends(&["was ended by signal 6"]),
    ),
    attack(
        "no connection",
        "closes",
        ALL,
        Ends(&["closed its connection without ending"]),
    ),
    attack(
        "grandchildren that stay",
        "leaves {marker}",
        ALL,
        Ends(&["was ended by signal 6"]),
    ),
    attack("grandchildren that are there", "breeds {marker}", ALL, Let),
    attack("death", "aborts", ALL, Ends(&["was ended by signal 6"])),
];

/// What takes longer to be noticed: by a host that waits for signs of life for a second only.
pub(super) const SILENT: &[Attack] = &[attack(
    "spinning",
    "spins",
    ALL,
    Ends(&["gave no sign of life for 1s"]),
)];

const fn attack(
    name: &'static str,
    words: &'static str,
    levels: &'static [SandboxLevel],
    outcome: Outcome,
) -> Attack {
    Attack {
        name,
        words,
        levels,
        outcome,
    }
}

const ALL: &[SandboxLevel] = &[None, Basic, Strict];
const CONFINED: &[SandboxLevel] = &[Basic, Strict];

/// It is not there, or not for this plugin.
const UNSEEN: Outcome = Refused(&["Permission denied", "No such file", "Not a directory"]);
const READ_ONLY: Outcome = Refused(&["Permission denied", "Read-only file system"]);
const NO_SOCKET: Outcome = Refused(&["Operation not permitted"]);
const NO_PROCESS: Outcome = Refused(&["No such process", "not permitted", "not implemented"]);
