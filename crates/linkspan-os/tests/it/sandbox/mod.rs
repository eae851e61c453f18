//! Programs that try what they must not, at every level, for root and for an ordinary user.
//!
//! A test starts a process for each user and level, the host; that launches one or more guests, which
//! are this same test program, and looks what became of them.
#![expect(
    clippy::exit,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "hosts and guests are programs"
)]

mod confinement;
mod guest;
mod host;
mod limits;
mod orphans;
mod processes;
mod program;
mod python;

pub(crate) use host::PARTS;
