//! Guests that may see the machine's processes, and what they do not see of them.

use std::path::Path;
use std::process::Command;

use linkspan_os::sandbox::{Launch, Level, Program};

use super::host::{CONFINED, Scenario, finish, guest, is_let, play, start};

pub(super) const SCENARIOS: &[Scenario] = &[("sees", sees), ("sees-not", sees_not)];

#[test]
fn a_guest_sees_processes_and_not_what_is_in_them() {
    play("sees", &CONFINED);
}

fn sees(level: Level) {
    let path = "/usr/bin/python3";
    if !Path::new(path).exists() {
        eprintln!("gap: there is no {path}");
        return;
    }
    // One of the same user and in the same namespaces as the host, and another guest.
    let mut neighbour = Command::new("/usr/bin/sleep").arg("60").spawn().unwrap();
    let Some(other) = start(guest(level, "stays 60")) else {
        neighbour.kill().unwrap();
        neighbour.wait().unwrap();
        return;
    };
    let mut launch = Launch::new(Program::open(path).unwrap(), level);
    let others = [std::process::id(), neighbour.id(), other.pid()];
    let script = SEES.replace("OTHERS", &format!("{others:?}"));
    let script = script.replace(
        "IS_STRICT",
        if level == Level::Strict {
            "True"
        } else {
            "False"
        },
    );
    launch.arguments = ["-I", "-c", &script].map(Into::into).to_vec();
    launch.sees_processes = true;
    let (exit, text) = finish(start(launch).unwrap());
    neighbour.kill().unwrap();
    neighbour.wait().unwrap();
    assert!(exit.is_success(), "{exit}: {text}");
    assert!(text.contains("all was seen"), "{text}");
}

#[test]
fn whoever_may_not_see_processes_does_not() {
    play("sees-not", &CONFINED);
}

fn sees_not(level: Level) {
    let path = format!("/proc/{}/stat", std::process::id());
    if let Some(is_let) = is_let(guest(level, &format!("reads {path}"))) {
        assert!(!is_let);
    }
    let mut launch = guest(level, &format!("reads {path}"));
    launch.sees_processes = true;
    if let Some(is_let) = is_let(launch) {
        assert!(is_let);
    }
}

/// Who has ended and was not waited for yet has no memory (ESRCH). What is asked for last is a signal by the directory of a process, which the system takes for
/// a name of it.
const SEES: &str = "
import ctypes, errno, os
def refused(action, *arguments):
    try:
        result = action(*arguments)
    except OSError as error:
        return error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EINVAL, errno.ESRCH)
    return not result
def read(path):
    with open(path, 'rb') as file: return file.read(64)
pids = {int(name) for name in os.listdir('/proc') if name.isdigit()}
own = int(os.readlink('/proc/self'))
assert own in pids and own != 1
assert read('/proc/self/environ') is not None and os.readlink('/proc/self/exe')
for pid in OTHERS:
    assert pid in pids, pid
    assert int(read(f'/proc/{pid}/stat').split()[0]) == pid
    assert read(f'/proc/{pid}/cmdline') and read(f'/proc/{pid}/status')
for pid in pids - {own}:
    for name in ['environ', 'mem', 'maps', 'smaps', 'auxv', 'stack', 'syscall', 'io', 'pagemap']:
        assert refused(read, f'/proc/{pid}/{name}') or not os.path.exists(f'/proc/{pid}'), (pid, name)
for pid in OTHERS:
    for name in ['fdinfo', 'map_files', 'cwd/', 'root/']:
        assert refused(os.listdir, f'/proc/{pid}/{name}'), (pid, name)
    for name in ['cwd', 'root', 'exe', 'ns/net', 'ns/user', 'fd/1']:
        assert refused(os.readlink, f'/proc/{pid}/{name}'), (pid, name)
        assert refused(os.open, f'/proc/{pid}/{name}', os.O_RDONLY), (pid, name)
    assert refused(os.open, f'/proc/{pid}/comm', os.O_WRONLY)
    place = os.open(f'/proc/{pid}', os.O_RDONLY | os.O_DIRECTORY)
    ctypes.set_errno(0)
    signal = ctypes.CDLL(None, use_errno=True).syscall(424, place, 0, 0, 0)
    assert signal == -1 and ctypes.get_errno() in (errno.EINVAL, errno.EPERM)
assert float(read('/proc/uptime').split()[0]) > 0 and read('/proc/stat')
assert refused(os.open, '/proc/self/comm', os.O_WRONLY)
assert refused(os.open, '/proc/sys/kernel/hostname', os.O_WRONLY) or IS_STRICT
if IS_STRICT:
    for name in os.listdir('/proc'):
        path = f'/proc/{name}'
        if name.isdigit() or name in ('loadavg', 'meminfo', 'stat', 'uptime') or os.path.islink(path):
            continue
        if os.path.isdir(path):
            assert os.listdir(path) == [], path
        else:
            assert refused(read, path), path
    assert not os.path.exists('/.nothing') and not os.path.exists('/.host')
print('all was seen')
";
