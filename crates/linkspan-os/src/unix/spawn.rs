//! Starting daemons: fork, leave, fork again, and become the program.
#![expect(unsafe_code, reason = "runs code between fork and exec")]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use crate::unix::detach::Detach;
use crate::unix::ready::{self, VARIABLE};
use crate::{Process, Spawn};

pub(crate) use crate::unix::ready::ReadyReceiver;

pub(crate) fn spawn(spawn: &Spawn) -> io::Result<(Process, ReadyReceiver)> {
    // Where SIGCHLD is ignored, which is inherited, the standard library panics when a program turns
    // out not to be one after the fork; so it is looked at before.
    accessat(CWD, &spawn.program, Access::EXEC_OK, AtFlags::EACCESS)?;
    let (ours, theirs) = ready::channel()?;
    let intermediate = start(spawn, &theirs)?;
    reap(intermediate);
    // From here on only the daemon has the other end, so that its death is seen.
    drop(theirs);
    let mut receiver = ReadyReceiver::new(ours);
    let process = receiver.read_process()?;
    Ok((process, receiver))
}

fn start(spawn: &Spawn, ready: &OwnedFd) -> io::Result<Child> {
    let mut command = Command::new(&spawn.program);
    command
        .args(&spawn.arguments)
        .env_clear()
        .envs(spawn.environment.iter().map(|(name, value)| (name, value)))
        .env(VARIABLE, ready::name(ready)?)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(spawn.log.try_clone()?)
        .stderr(spawn.log.try_clone()?);
    let detach = Detach::new(ready.as_raw_fd());
    // SAFETY: what runs there only makes system calls that are allowed after fork, on what was
    // prepared before; it allocates nothing and takes no lock.
    unsafe { command.pre_exec(move || detach.run()) };
    command.spawn()
}

/// The process between this one and the daemon has ended by now, or is about to.
fn reap(mut intermediate: Child) {
    // Where SIGCHLD is ignored, the system has reaped it, and this fails.
    intermediate.wait().ok();
}
