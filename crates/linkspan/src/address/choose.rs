//! Which transport fits where.

use std::fmt;

use crate::address::Address;

/// Where the two ends of a connection are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Both ends are in one process.
    pub same_process: bool,
    /// Both ends are on one machine.
    pub same_machine: bool,
    /// The system of the server.
    pub platform: Platform,
}

impl Facts {
    /// Both ends on this machine, in two processes.
    pub fn this_machine() -> Self {
        Self {
            same_process: false,
            same_machine: true,
            platform: Platform::current(),
        }
    }
}

/// An operating system, as far as transports differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Platform {
    /// Linux.
    Linux,
    /// macOS.
    MacOs,
    /// FreeBSD and its relatives.
    Bsd,
    /// Windows.
    Windows,
}

impl Platform {
    /// The system that this program was built for.
    pub fn current() -> Self {
        match std::env::consts::OS {
            "windows" => Self::Windows,
            "macos" => Self::MacOs,
            "freebsd" | "netbsd" | "openbsd" | "dragonfly" => Self::Bsd,
            _ => Self::Linux,
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linux => "linux",
            Self::MacOs => "macos",
            Self::Bsd => "bsd",
            Self::Windows => "windows",
        })
    }
}

/// What to think of a transport in a situation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Take this one.
    Recommended,
    /// It works, but another one is better.
    Possible,
    /// It works once certificates or an explicit permission are configured.
    NeedsSecurity,
    /// It cannot work.
    NotSupported,
}

impl Verdict {
    /// Its name for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recommended => "recommended",
            Self::Possible => "possible",
            Self::NeedsSecurity => "needs security configuration",
            Self::NotSupported => "not supported",
        }
    }
}

/// A transport judged for a situation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Advice {
    /// Scheme of its addresses.
    pub scheme: &'static str,
    /// What to think of it.
    pub verdict: Verdict,
    /// Why.
    pub reason: &'static str,
    /// Lines for `linkspan.yaml`.
    pub config: &'static str,
}

impl Address {
    /// Judges every transport for a situation, the best first.
    pub fn choose(facts: Facts) -> Vec<Advice> {
        let mut advice = vec![
            memory(facts),
            unix(facts),
            pipe(facts),
            tls(facts),
            tcp(facts),
            ws(facts),
        ];
        advice.sort_by_key(|advice| advice.verdict as u8);
        advice
    }
}

fn memory(facts: Facts) -> Advice {
    let (verdict, reason) = if facts.same_process {
        (
            Verdict::Recommended,
            "both ends share a process: frames are moved, never encoded or copied",
        )
    } else {
        (Verdict::NotSupported, "the two ends do not share a process")
    };
    Advice {
        scheme: "mem",
        verdict,
        reason,
        config: "transport: { default_type: in-process }",
    }
}

fn unix(facts: Facts) -> Advice {
    let (verdict, reason) = match facts {
        Facts {
            same_machine: false,
            ..
        } => (
            Verdict::NotSupported,
            "a Unix socket does not leave its machine",
        ),
        Facts {
            platform: Platform::Windows,
            ..
        } => (
            Verdict::NotSupported,
            "named pipes are the local transport of Windows",
        ),
        Facts {
            same_process: true, ..
        } => (
            Verdict::Possible,
            "it works within a process, but mem: needs no system call",
        ),
        _ => (
            Verdict::Recommended,
            "the fastest between two processes; the kernel names the peer, the file mode guards it",
        ),
    };
    let config = "transport: { default_type: unix-socket }";
    Advice {
        scheme: "unix",
        verdict,
        reason,
        config,
    }
}

fn pipe(facts: Facts) -> Advice {
    let (verdict, reason) = match facts {
        Facts {
            same_machine: false,
            ..
        } => (Verdict::NotSupported, "pipes of other machines are refused"),
        Facts {
            platform: Platform::Windows,
            same_process: true,
            ..
        } => (
            Verdict::Possible,
            "it works within a process, but mem: needs no system call",
        ),
        Facts {
            platform: Platform::Windows,
            ..
        } => (
            Verdict::Recommended,
            "the local transport of Windows: the system names the peer and guards the pipe",
        ),
        _ => (Verdict::NotSupported, "named pipes are a part of Windows"),
    };
    let config = "transport: { default_type: named-pipe }";
    Advice {
        scheme: "pipe",
        verdict,
        reason,
        config,
    }
}

fn tcp(facts: Facts) -> Advice {
    let (verdict, reason) = if facts.same_machine {
        (
            Verdict::Possible,
            "any user of the machine can connect to loopback; a local socket knows its peer",
        )
    } else {
        (
            Verdict::NeedsSecurity,
            "plain TCP off this machine must be allowed in so many words; tls: is right",
        )
    };
    let config = "transport: { default_type: tcp, tcp: { bind_address: 127.0.0.1:8443 } }";
    Advice {
        scheme: "tcp",
        verdict,
        reason,
        config,
    }
}

fn ws(facts: Facts) -> Advice {
    let (verdict, reason) = if facts.same_machine {
        (
            Verdict::Possible,
            "for web pages, which must be listed, and what else speaks nothing but WebSocket",
        )
    } else {
        (
            Verdict::NeedsSecurity,
            "plain WebSocket off this machine must be allowed in so many words",
        )
    };
    let config = "bus: { listen: [ws:127.0.0.1:7777] }";
    Advice {
        scheme: "ws",
        verdict,
        reason,
        config,
    }
}

fn tls(facts: Facts) -> Advice {
    let (verdict, reason) = if facts.same_machine {
        (
            Verdict::NeedsSecurity,
            "a local socket needs no certificates and is faster",
        )
    } else {
        (
            Verdict::NeedsSecurity,
            "the way past one machine: mutual TLS needs a certificate on each side",
        )
    };
    let config = "transport: { default_type: tls, tcp: { bind_address: 0.0.0.0:8443, \
                  tls_config: { cert_file: server.pem, key_file: server.key, ca_file: ca.pem } } }";
    Advice {
        scheme: "tls",
        verdict,
        reason,
        config,
    }
}
