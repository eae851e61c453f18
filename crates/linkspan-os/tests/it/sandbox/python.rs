//! Guests in Python, and calls that only it makes without unsafe code of ours.

use std::path::Path;

use linkspan_os::sandbox::{Launch, Level, Program};

use super::host::{CONFINED, Scenario, finish, play, start};

pub(super) const SCENARIOS: &[Scenario] = &[("runs", runs), ("calls", calls)];

#[test]
fn python_runs_with_threads_processes_and_files() {
    play("runs", &CONFINED);
}

fn runs(level: Level) {
    let Some(launch) = python(level, RUNS) else {
        return;
    };
    let Some(running) = start(launch) else {
        return;
    };
    let (exit, text) = finish(running);
    assert!(exit.is_success(), "{exit}: {text}");
    assert!(text.contains("all is well"), "{text}");
}

#[test]
fn dangerous_calls_are_refused_and_new_ones_do_not_exist() {
    play("calls", &CONFINED);
}

fn calls(level: Level) {
    if !cfg!(target_arch = "x86_64") {
        eprintln!("gap: the numbers of the calls are those of x86_64");
        return;
    }
    let among_files = if level == Level::Basic {
        AMONG_FILES
    } else {
        ""
    };
    let Some(launch) = python(level, &CALLS.replace("AMONG_FILES", among_files)) else {
        return;
    };
    let Some(running) = start(launch) else {
        return;
    };
    let (exit, text) = finish(running);
    assert!(exit.is_success(), "{exit}: {text}");
    assert!(text.contains("all are refused"), "{text}");
}

fn python(level: Level, script: &str) -> Option<Launch> {
    let path = "/usr/bin/python3";
    if !Path::new(path).exists() {
        eprintln!("gap: there is no {path}");
        return None;
    }
    let mut launch = Launch::new(Program::open(path).unwrap(), level);
    launch.arguments = ["-I", "-c", script].map(Into::into).to_vec();
    Some(launch)
}

const RUNS: &str = "
import asyncio, os, socket, subprocess, tempfile, threading
thread = threading.Thread(target=lambda: None)
thread.start(); thread.join()
assert subprocess.run(['/bin/sh', '-c', 'exit 3']).returncode == 3
a, b = socket.socketpair()
a.send(b'x'); assert b.recv(1) == b'x'
asyncio.run(asyncio.sleep(0))
if os.getcwd() == '/tmp':
    with tempfile.TemporaryFile() as file: file.write(b'x')
print('all is well')
";

/// The list holds `ptrace`, `mount`, `keyctl`, `bpf`, `perf_event_open`, `unshare`, `setns`,
/// `userfaultfd`, `io_uring_setup`, `kexec_load`, `process_vm_readv`, `sched_setaffinity` and `listen`. Then
/// come `prlimit64` and `setpriority` of another process, `clone` with a user namespace, `ioctl` with
/// TIOCSTI, a netlink socket, `clone3`, and a number that nobody has.
const CALLS: &str = "
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    ctypes.set_errno(0)
    result = libc.syscall(*(ctypes.c_long(a) for a in arguments))
    return ctypes.get_errno() if result == -1 else 0
for number in [101, 165, 250, 321, 298, 272, 308, 323, 425, 246, 310, 203, 50]:
    assert call(number, 0, 0, 0, 0, 0, 0) == errno.EPERM, number
assert call(302, 1, 0, 0, 0) == errno.EPERM
assert call(302, 0, 7, 0, 0) == 0
assert call(141, 0, 1, 5) == errno.EPERM
assert call(141, 1, 0, 5) == errno.EPERM
AMONG_FILES
assert call(56, 0x10000011, 0, 0, 0, 0) == errno.EPERM
assert call(16, 0, 0x5412, 0) == errno.EPERM
assert call(41, 16, 3, 0) == errno.EPERM
for number in [435, 9999]:
    assert call(number, 0, 0, 0, 0, 0, 0) == errno.ENOSYS, number
print('all are refused')
";

/// By a path, whoever has the file: `chmod`, `chown`, `utimes`, `setxattr`, `fchmodat`, `utimensat`, and the last
/// one for an open file.
const AMONG_FILES: &str = "
import os
path = ctypes.create_string_buffer(b'/usr')
where = ctypes.addressof(path)
for number in [90, 92, 235, 188]:
    assert call(number, where, 0, 0, 0, 0) == errno.EPERM, number
for number in [268, 280]:
    assert call(number, -100, where, 0, 0) == errno.EPERM, number
assert call(280, 0, 0, 0, 0) != errno.EPERM or os.getuid() != os.fstat(0).st_uid
";
