//! Processes on systems without pidfd: whoever has a number is looked at right before it is
//! signalled.
#![expect(unsafe_code, reason = "calls the system")]

use std::io;
use std::ptr;
use std::time::Instant;

use rustix::event::kqueue::{Event, EventFilter, EventFlags, ProcessEvents, kevent, kqueue};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use crate::process::Facts;

/// Start times are those of the wall clock here, so that runs of the system need no name.
pub(crate) fn boot_id() -> Option<u128> {
    None
}

/// When this process was started. Only makes system calls, so that it can be asked between fork and
/// exec.
pub(crate) fn own_start_time() -> Option<u64> {
    facts(rustix::process::getpid()).ok()??.start_time
}

#[cfg(target_vendor = "apple")]
pub(crate) fn facts(pid: Pid) -> io::Result<Option<Facts>> {
    let mut info = std::mem::MaybeUninit::<libc::proc_bsdinfo>::zeroed();
    let bytes = i32::try_from(size_of_val(&info)).map_err(io::Error::other)?;
    let (number, place) = (pid.as_raw_nonzero().get(), info.as_mut_ptr().cast());
    // SAFETY: the system writes at most `bytes` bytes, which is the size of the local.
    let written = unsafe { libc::proc_pidinfo(number, libc::PROC_PIDTBSDINFO, 0, place, bytes) };
    if written < bytes {
        return match io::Error::last_os_error() {
            error if Errno::from_io_error(&error) == Some(Errno::SRCH) => Ok(None),
            error => Err(error),
        };
    }
    // SAFETY: it is made of numbers only, for which zero is a value as well.
    let info = unsafe { info.assume_init() };
    let micros = info.pbi_start_tvsec.checked_mul(1_000_000);
    Ok(Some(Facts {
        start_time: micros.and_then(|micros| micros.checked_add(info.pbi_start_tvusec)),
        is_running: info.pbi_status != libc::SZOMB,
    }))
}

#[cfg(target_os = "freebsd")]
pub(crate) fn facts(pid: Pid) -> io::Result<Option<Facts>> {
    let mut info = std::mem::MaybeUninit::<libc::kinfo_proc>::zeroed();
    let name = [
        libc::CTL_KERN,
        libc::KERN_PROC,
        libc::KERN_PROC_PID,
        pid.as_raw_nonzero().get(),
    ];
    let (mut bytes, place) = (size_of_val(&info), info.as_mut_ptr().cast());
    // SAFETY: the name has four parts; the system writes at most `bytes` bytes to the second
    // pointer, which is the size of the local.
    let result = unsafe { libc::sysctl(name.as_ptr(), 4, place, &raw mut bytes, ptr::null(), 0) };
    if result != 0 {
        return match io::Error::last_os_error() {
            error if Errno::from_io_error(&error) == Some(Errno::SRCH) => Ok(None),
            error => Err(error),
        };
    }
    if bytes == 0 {
        return Ok(None);
    }
    // SAFETY: it is made of numbers and pointers only, for which zero is a value as well.
    let info = unsafe { info.assume_init() };
    let seconds = u64::try_from(info.ki_start.tv_sec).ok();
    let micros = u64::try_from(info.ki_start.tv_usec).ok();
    let start_time = seconds
        .and_then(|seconds| seconds.checked_mul(1_000_000))
        .zip(micros)
        .and_then(|(seconds, micros)| seconds.checked_add(micros));
    Ok(Some(Facts {
        start_time,
        is_running: info.ki_stat != libc::SZOMB,
    }))
}

/// It is only known whether there is one.
#[cfg(not(any(target_vendor = "apple", target_os = "freebsd")))]
pub(crate) fn facts(pid: Pid) -> io::Result<Option<Facts>> {
    Ok(crate::unix::process::facts_by_signal(pid))
}

pub(crate) struct Handle(Pid);

impl Handle {
    pub(crate) fn open(pid: Pid) -> io::Result<Option<Self>> {
        Ok(Some(Self(pid)))
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Errno> {
        kill_process(self.0, signal)
    }

    pub(crate) fn wait(&self, deadline: Instant) -> io::Result<bool> {
        let queue = kqueue()?;
        let end = EventFilter::Proc {
            pid: self.0,
            flags: ProcessEvents::EXIT,
        };
        let wanted = [Event::new(end, EventFlags::ADD, ptr::null_mut())];
        let mut seen = Vec::with_capacity(1);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let buffer = rustix::buffer::spare_capacity(&mut seen);
            // SAFETY: the event names a process and no descriptor that could be closed meanwhile.
            match unsafe { kevent(&queue, &wanted, buffer, Some(left)) } {
                Err(Errno::INTR) => {}
                Err(Errno::SRCH) => return Ok(true),
                result => return Ok(result? > 0),
            }
        }
    }
}
