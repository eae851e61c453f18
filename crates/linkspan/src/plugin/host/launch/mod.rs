//! From a verified plugin to a process that runs exactly the verified bytes.
//!
//! ```text
//!  Verified ──► Image ──────────────────► Launched ──► the process, its logs, and its files
//!               a sealed program, or a    for each instance: grants and limits become a sandbox
//!               copy of all files
//! ```
//!
//! A native program is copied into memory that nobody can change. A script, and whatever stands beside
//! a program, is copied into a directory that only this process's user can change ([`Copies`]); its
//! interpreter comes from the host's list. All of this blocks.

mod confinement;
mod copies;
mod elf;
mod error;
mod image;
mod problem;
mod start;
#[cfg(test)]
mod tests;

pub use error::StartError;
pub use problem::Problem;

pub(crate) use copies::Copies;
pub(crate) use image::Image;
pub(crate) use start::{Files, Launched};
