//! What a program has to see of the machine's processes, if it may.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::sandbox::{Launch, LaunchError, Level};

/// Whether this process has a `/proc` that can be shown.
pub(super) fn check(launch: &Launch) -> Result<(), LaunchError> {
    if launch.level == Level::None || !launch.sees_processes {
        return Ok(());
    }
    let system = rustix::fs::statfs(c"/proc").map_err(std::io::Error::from);
    let source = match system {
        Ok(system) if u64::try_from(system.f_type) == Ok(PROC_SUPER_MAGIC) => return Ok(()),
        Ok(_) => None,
        Err(error) => Some(error),
    };
    Err(LaunchError::Unavailable {
        level: launch.level,
        missing: "a /proc that shows the machine's processes",
        source,
    })
}

/// Whether the system shows nobody the processes of others.
pub(super) fn are_hidden() -> bool {
    fs::read_to_string("/proc/self/mountinfo").is_ok_and(|mounts| hides_processes(&mounts))
}

/// Whether something in `/proc` is a process, or a figure of the machine's that those of processes are
/// compared with.
pub(super) fn belongs(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.iter().all(u8::is_ascii_digit) || FIGURES.contains(&name)
}

/// Of several mounts at one place the last one counts. Behind the dash come kind, source and options.
fn hides_processes(mounts: &str) -> bool {
    let proc = mounts.lines().rev().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        (place.split(' ').nth(4)? == "/proc").then_some(kind)
    });
    let options = proc.and_then(|kind| kind.split(' ').nth(2));
    options.is_some_and(|all| all.split(',').any(|option| option.starts_with("hidepid=")))
}

const FIGURES: [&[u8]; 4] = [b"loadavg", b"meminfo", b"stat", b"uptime"];
const PROC_SUPER_MAGIC: u64 = 0x9fa0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mount_says_whether_processes_are_hidden() {
        let open = "25 30 0:23 / /proc rw,nosuid shared:5 - proc proc rw\n";
        let hidden = "26 25 0:24 / /proc rw - proc proc rw,gid=5,hidepid=invisible\n";
        let other = "27 25 0:25 / /srv/proc rw - proc proc rw,hidepid=invisible\n";
        assert!(!hides_processes(&format!("{open}{other}")));
        assert!(hides_processes(&format!("{open}{hidden}{other}")));
        assert!(!hides_processes(&format!("{hidden}{open}")));
    }

    #[test]
    fn processes_and_a_few_figures_belong() {
        for name in ["1", "4711", "stat", "uptime"] {
            assert!(belongs(OsStr::new(name)), "{name}");
        }
        for name in ["kcore", "sys", "cmdline", "1a", "net"] {
            assert!(!belongs(OsStr::new(name)), "{name}");
        }
    }
}
