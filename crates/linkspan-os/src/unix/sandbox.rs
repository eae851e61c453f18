//! Launching programs.

#[cfg(target_os = "linux")]
use crate::linux::sandbox as sys;
#[cfg(not(target_os = "linux"))]
use crate::unix::sandbox_portable as sys;

pub use sys::{ProcessTable, delegated_cgroup};

pub(crate) use sys::{Running, launch, sealed_copy};
