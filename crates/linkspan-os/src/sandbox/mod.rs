//! Starting other people's programs so that they can do what they were granted, and no more.
//!
//! A [`Launch`] says what is started, with what it may do; [`Launch::start`] does all of it or
//! nothing, and says in [`Applied`] what was really done. [`Running`] stands for the program and all
//! that it starts: they end together, and they end when this process ends, however it ends.
//!
//! ```text
//!   this process              init or keeper                the program
//!   Running  ══ lifeline ═══► its parent, and the one  ───► verified bytes, its own argv,
//!            ◄═ how it ended ═ that outlives it             environment, descriptors, limits
//! ```
//!
//! | level | what the program can do | how all of it ends |
//! |---|---|---|
//! | [`Level::None`] | what this user can | a keeper ends what it finds |
//! | [`Level::Basic`] | use the host's files that were granted, by their paths | with its pid namespace |
//! | [`Level::Strict`] | see only a file system made for it | with its pid namespace |
//!
//! # Platform notes
//!
//! All of this is for Linux from 5.3 on, and sandboxes ask for 5.13. Other Unix systems know
//! [`Level::None`], Windows knows none yet; there [`Launch::start`] says so.

mod applied;
mod error;
mod exit;
mod grant;
pub(crate) mod launch;
mod level;
mod limits;
mod program;
mod running;

/// What a launched program inherits, and what this process keeps of it: an open file, pipe or socket.
#[cfg(unix)]
pub type Descriptor = std::os::fd::OwnedFd;
/// What a launched program inherits, and what this process keeps of it: an open file, pipe or socket.
#[cfg(windows)]
pub type Descriptor = std::os::windows::io::OwnedHandle;

pub use applied::{Applied, Identity, Weakness};
pub use error::LaunchError;
pub use exit::{Exit, Usage};
pub use grant::{Access, Grant};
pub use launch::Launch;
pub use level::{Level, Network};
pub use limits::Limits;
pub use program::{Program, sealed_copy};
pub use running::{Output, Running};

#[cfg(unix)]
pub use crate::unix::sandbox::{ProcessTable, delegated_cgroup};
#[cfg(windows)]
pub use crate::windows::sandbox::{ProcessTable, delegated_cgroup};
