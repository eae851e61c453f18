//! A plugin that means harm, a program of its own: it speaks the protocol by hand, so that it can break
//! it, and does one thing that it must not each time that it is told to.

#[cfg(target_os = "linux")]
mod attacks;
#[cfg(target_os = "linux")]
mod plugin;
#[cfg(target_os = "linux")]
mod session;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    plugin::run()
}

/// Only Linux has what it attacks.
#[cfg(not(target_os = "linux"))]
fn main() {}
