#![expect(unsafe_code, reason = "asks the system for what only tests need")]

use std::env;
use std::fs;
use std::io::{self, PipeWriter, Read};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::process::Child;
use std::ptr;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use linkspan_os::{Directory, DirectoryError, Process, ReadySender, die_by_signal};
use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, SetHandleInformation};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, IsProcessInJob, JOB_OBJECT_LIMIT_BREAKAWAY_OK,
    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::GetCurrentProcess;

use crate::child::{Part, command, daemon, late, run, soon, start, stay, until};

pub(crate) const PARTS: &[Part] = &[
    Part {
        name: "reports",
        run: |_| {
            let sender = ReadySender::from_environment().unwrap();
            let child = command("has-nobody-to-tell", "").status().unwrap();
            let names: Vec<_> = env::vars().map(|(name, _)| name).collect();
            let directory = env::current_dir().unwrap();
            let lines = [
                format!("directory={}", directory.display()),
                format!("environment={}", names.join(" ")),
                format!("child={}", child.code().unwrap()),
            ];
            sender.ready(&lines.join("\n")).unwrap();
            stay();
        },
    },
    Part {
        name: "has-nobody-to-tell",
        run: |_| assert!(ReadySender::from_environment().is_none()),
    },
    Part {
        name: "hands-nothing-on",
        run: hand_nothing_on,
    },
    Part {
        name: "starts-daemon",
        run: start_daemon,
    },
    Part {
        name: "dies",
        run: |signal| die_by_signal(signal.parse().unwrap()),
    },
];

#[test]
fn a_daemon_has_only_what_it_was_given() {
    let mut spawned = daemon("reports", "");
    let text = spawned.wait_ready(late()).unwrap().text;
    let value = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines.find(|line| line.0 == name).unwrap().1
    };
    let directory = value("directory").to_lowercase();
    assert!(directory.ends_with(r"\system32"), "{text}");
    let names = value("environment").split(' ');
    // The test harness sets some of its own, and Wine gives a few to everybody.
    let given = ["SystemRoot", "LINKSPAN_TEST_PART", "LINKSPAN_TEST_ARGUMENT"];
    for name in given {
        assert!(
            names.clone().any(|found| found.eq_ignore_ascii_case(name)),
            "{text}"
        );
    }
    for name in [
        "LINKSPAN_READY_HANDLE",
        "PATH",
        "UNDER_WINE",
        "CARGO_MANIFEST_DIR",
    ] {
        assert!(
            !names.clone().any(|found| found.eq_ignore_ascii_case(name)),
            "{text}"
        );
    }
    assert_eq!(value("child"), "0");
    spawned.process().kill().unwrap();
    assert!(spawned.process().wait_end(late()).unwrap());
}

#[test]
fn a_death_by_interrupt_has_the_code_of_an_unhandled_one() {
    for (signal, code) in [("2", 0xC000_013A_u32.cast_signed()), ("15", 143)] {
        let status = start("dies", signal).wait().unwrap();
        assert_eq!(status.code(), Some(code));
    }
}

#[test]
fn a_private_directory_is_made_and_opened_again() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join(r"a\b");
    for _ in 0..2 {
        drop(Directory::open_private(&path).unwrap());
    }
    let file = base.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Directory::open_private(&file).unwrap_err();
    assert!(matches!(error, DirectoryError::Io { .. }), "{error}");
}

#[test]
fn a_daemon_holds_no_handle_of_its_starter() {
    // Alone, as children of other tests would inherit it, too.
    run("hands-nothing-on", "");
}

fn hand_nothing_on(_: &str) {
    // What an ordinary child does shows that there is something to inherit.
    let (ended, writer) = watched_pipe();
    let mut child = start("lasts", "");
    drop(writer);
    assert!(ended.recv_timeout(BRIEFLY).is_err(), "the child has it");
    child.kill().unwrap();
    child.wait().unwrap();
    ended.recv_timeout(LONG).unwrap();

    let (ended, writer) = watched_pipe();
    let mut spawned = daemon("says-ready", "");
    spawned.wait_ready(late()).unwrap();
    drop(writer);
    ended.recv_timeout(LONG).unwrap();
    let process = spawned.process();
    assert!(process.is_alive().unwrap(), "its end is not what was seen");
    process.kill().unwrap();
    assert!(process.wait_end(late()).unwrap());
}

/// A pipe whose end is told, and the way into it, which children inherit.
fn watched_pipe() -> (Receiver<()>, PipeWriter) {
    let (mut reader, writer) = io::pipe().unwrap();
    // SAFETY: the handle is open.
    let done = unsafe {
        SetHandleInformation(
            writer.as_raw_handle(),
            HANDLE_FLAG_INHERIT,
            HANDLE_FLAG_INHERIT,
        )
    };
    assert_ne!(done, 0);
    let (sender, ended) = mpsc::sync_channel(1);
    thread::spawn(move || {
        assert_eq!(reader.read(&mut [0]).unwrap_or(0), 0);
        sender.send(()).unwrap();
    });
    (ended, writer)
}

#[test]
fn a_daemon_leaves_the_job_of_its_starter_if_that_lets_go() {
    for lets_go in [true, false] {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("process");
        let job = Job::new(lets_go);
        let mut starter = start("starts-daemon", &path);
        job.take(&starter);
        until(|| path.exists());
        let text = fs::read_to_string(&path).unwrap();
        let (pid, start_time) = text.split_once(' ').unwrap();
        let start_time = Some(start_time.parse().unwrap());
        let process = Process::from_parts(pid.parse().unwrap(), start_time, None);
        assert!(process.is_alive().unwrap(), "it was started in any case");
        drop(job);
        starter.wait().unwrap();
        match lets_go {
            true => assert!(!process.wait_end(soon()).unwrap(), "it has left"),
            false => assert!(process.wait_end(late()).unwrap(), "it could not leave"),
        }
        process.kill().ok();
    }
}

fn start_daemon(path: &str) {
    // Not before this process is in the job.
    until(is_in_job);
    let mut spawned = daemon("says-ready", "");
    spawned.wait_ready(late()).unwrap();
    let process = spawned.process();
    let text = format!("{} {}", process.pid(), process.start_time().unwrap());
    let temporary = format!("{path}.new");
    fs::write(&temporary, text).unwrap();
    fs::rename(&temporary, path).unwrap();
    stay();
}

fn is_in_job() -> bool {
    let mut result = 0;
    // SAFETY: gives a constant that stands for this process.
    let own = unsafe { GetCurrentProcess() };
    // SAFETY: the pseudo handle stands for this process, and the pointer is to a local.
    let done = unsafe { IsProcessInJob(own, ptr::null_mut(), &raw mut result) };
    assert_ne!(done, 0);
    result != 0
}

/// Processes that end with this.
struct Job(OwnedHandle);

impl Job {
    fn new(lets_go: bool) -> Self {
        // SAFETY: no name and no attributes are given.
        let job = unsafe { CreateJobObjectW(ptr::null(), ptr::null()) };
        assert!(!job.is_null());
        // SAFETY: the call above has made the handle, and nobody else has it.
        let job = unsafe { OwnedHandle::from_raw_handle(job) };
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = match lets_go {
            true => JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_BREAKAWAY_OK,
            false => JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
        };
        let bytes = u32::try_from(size_of_val(&limits)).unwrap();
        // SAFETY: the pointer leads to a local of the type that the class says, and of this size.
        let done = unsafe {
            SetInformationJobObject(
                job.as_raw_handle(),
                JobObjectExtendedLimitInformation,
                (&raw const limits).cast(),
                bytes,
            )
        };
        assert_ne!(done, 0);
        Self(job)
    }

    fn take(&self, child: &Child) {
        // SAFETY: both handles are open.
        let done =
            unsafe { AssignProcessToJobObject(self.0.as_raw_handle(), child.as_raw_handle()) };
        assert_ne!(done, 0);
    }
}

const BRIEFLY: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(30);
