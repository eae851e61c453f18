//! Commands whose work is done by a process that stays.
//!
//! A program's command line is a thin client: it sends what it was called with to its daemon, copies
//! streams, and ends as the command ended.
//!
//! ```text
//!  terminal ──► client ── command, stdin, cancel, resize ──► daemon ──► handler
//!           ◄──        ◄── accepted, stdout, stderr, exit ──        ◄──
//! ```
//!
//! What both say to each other is in [`wire`]; docs/protocol.md, section 18, describes it for peers
//! in other languages.
//!
//! ```
//! use linkspan::daemon::wire::{Role, VersionCheck};
//!
//! let client = VersionCheck::new(Role::Client, "spell", "b7");
//! let daemon = VersionCheck::new(Role::Daemon, "spell", "b6");
//! // Other builds understand each other; whether they want to is not the protocol's matter.
//! assert_eq!(client.agree(&daemon).map(|agreed| agreed.version), Some(1));
//! ```

pub mod wire;
