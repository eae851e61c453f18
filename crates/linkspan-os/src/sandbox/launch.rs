//! What is launched, and how.

use std::ffi::{OsStr, OsString};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

#[cfg(unix)]
use crate::unix::sandbox as sys;
#[cfg(windows)]
use crate::windows::sandbox as sys;

use crate::sandbox::{Descriptor, Grant, LaunchError, Level, Limits, Network, Program, Running};

/// A program that is to be launched, and what it may do.
///
/// ```no_run
/// use std::os::unix::net::UnixStream;
///
/// use linkspan_os::sandbox::{Access, Grant, Launch, Level, Program};
///
/// let (ours, theirs) = UnixStream::pair()?;
/// let mut launch = Launch::new(Program::open("/opt/plugins/greeter")?, Level::Strict);
/// launch.arguments = vec!["--quietly".into()];
/// launch.environment = vec![("LINKSPAN_PLUGIN_FD".into(), "3".into())];
/// launch.descriptors = vec![(3, theirs.into())];
/// launch.grants = vec![Grant::new("/var/lib/greetings", Access::Read)];
/// launch.limits.memory_bytes = Some(256 << 20);
/// let mut running = launch.start()?;
/// for weakness in &running.applied().weaknesses {
///     println!("weaker: {weakness}");
/// }
/// # drop(ours);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Launch {
    /// The program.
    pub program: Program,
    /// What the program is told as its own name, the first of its arguments. Default: the path that
    /// the program was [opened](Program::open) by, else `plugin`.
    pub name: OsString,
    /// Its other arguments. They can be seen by all users. Default: none.
    pub arguments: Vec<OsString>,
    /// Its whole environment; nothing is inherited. Default: empty.
    pub environment: Vec<(OsString, OsString)>,
    /// Its working directory, as it sees it; an absolute path. Default: `/tmp` at [`Level::Strict`],
    /// where that is its own, else `/`.
    pub directory: Option<PathBuf>,
    /// What it inherits, under which numbers; nothing else is. Descriptor 0 is empty where it is not
    /// among them, 1 and 2 are pipes, see [`Running::take_output`]. Default: none.
    pub descriptors: Vec<(u32, Descriptor)>,
    /// How far it is to be confined; less is an error.
    pub level: Level,
    /// What of the host's files it may use, besides programs and libraries of the system. Means
    /// nothing at [`Level::None`]. Default: nothing.
    pub grants: Vec<Grant>,
    /// Where other programs that are not trusted may write to, as the write grants of others. On the
    /// way to a grant no symbolic link below such a place is followed, as is none below what this
    /// program itself may write to: it could have been made to lead elsewhere. What does not exist is
    /// passed over. Default: nothing.
    pub no_links_below: Vec<PathBuf>,
    /// Whether it sees the machine's processes, as far as this process does. Of those of others it
    /// reads what every user can: names, arguments, times, memory, mounts, connections; not their
    /// memory, environment, open files and directories. At [`Level::Strict`] its `/proc` is this
    /// process's, read-only, without anything but processes, `loadavg`, `meminfo`, `stat` and
    /// `uptime`; it finds itself there as `/proc/self`, and not by the number that it has for itself.
    /// At [`Level::Basic`] it can read all of `/proc` that its user may. Default: no.
    pub sees_processes: bool,
    /// Where it may connect to. Default: nowhere.
    pub network: Network,
    /// How much of the machine it may use.
    pub limits: Limits,
    /// Where root finds a user for each program that it confines; for each that runs at the same time
    /// another. Nobody else should have these numbers. Default: 2,000,000,000 and 65,535 after it.
    pub uids: RangeInclusive<u32>,
    /// A directory of the cgroup file system, version 2, in which cgroups for programs can be made;
    /// see [`delegated_cgroup`](crate::sandbox::delegated_cgroup). Default: none.
    pub cgroup: Option<PathBuf>,
}

impl Launch {
    /// `program` without arguments, environment and grants.
    pub fn new(program: Program, level: Level) -> Self {
        let name = program
            .path
            .clone()
            .map_or_else(|| "plugin".into(), PathBuf::into_os_string);
        Self {
            program,
            name,
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: None,
            descriptors: Vec::new(),
            level,
            grants: Vec::new(),
            no_links_below: Vec::new(),
            sees_processes: false,
            network: Network::default(),
            limits: Limits::default(),
            uids: 2_000_000_000..=2_000_065_535,
            cgroup: None,
        }
    }

    /// Starts it, which takes the calling thread some milliseconds, and returns once the program runs.
    ///
    /// It is in a session of its own, its umask is 077, all signals have their default effect, and it
    /// leaves no core files.
    ///
    /// # Errors
    ///
    /// - [`LaunchError::Invalid`]: a path is not absolute or leads through a link that a program could
    ///   have made, a text has a zero byte, a number is taken.
    /// - [`LaunchError::Unavailable`]: the level cannot be reached here.
    /// - [`LaunchError::Prepare`], [`LaunchError::Step`]: the system refused something.
    /// - [`LaunchError::Vanished`], [`LaunchError::Deadline`]: the new process did not get there.
    pub fn start(self) -> Result<Running, LaunchError> {
        self.check()?;
        sys::launch(&self)
    }

    /// Its working directory, the default included.
    #[cfg_attr(windows, expect(dead_code, reason = "nothing is launched there yet"))]
    pub(crate) fn directory(&self) -> &Path {
        let default = match self.level {
            Level::Strict => "/tmp",
            Level::None | Level::Basic => "/",
        };
        self.directory
            .as_deref()
            .unwrap_or_else(|| Path::new(default))
    }

    fn check(&self) -> Result<(), LaunchError> {
        if let Some(directory) = &self.directory {
            absolute("directory", directory)?;
        }
        for grant in &self.grants {
            absolute("granted path", &grant.path)?;
            absolute("granted path", &grant.seen_at)?;
            if grant.seen_at.parent().is_none() && self.level == Level::Strict {
                let problem = "is everything; what is needed has to be named";
                return Err(invalid("granted path", &grant.path, problem));
            }
            if grant.seen_at != grant.path && self.level < Level::Strict {
                let problem = "can be seen elsewhere at level strict only";
                return Err(invalid("granted path", &grant.path, problem));
            }
        }
        for (at, (number, _)) in self.descriptors.iter().enumerate() {
            let earlier = self.descriptors.iter().take(at);
            let is_taken = matches!(number, 1 | 2) || earlier.into_iter().any(|(n, _)| n == number);
            let problem = match number {
                _ if is_taken => "is taken",
                1024.. => "is not below 1024",
                _ => continue,
            };
            return Err(invalid("descriptor", number.to_string(), problem));
        }
        Ok(())
    }
}

/// Paths are compared as text, so they must not lead elsewhere than they say.
fn absolute(what: &'static str, path: &Path) -> Result<(), LaunchError> {
    use std::path::Component;
    let is_plain = |component| !matches!(component, Component::CurDir | Component::ParentDir);
    if !path.is_absolute() {
        return Err(invalid(what, path, "is not absolute"));
    }
    if !path.components().all(is_plain) {
        return Err(invalid(what, path, "leads back"));
    }
    Ok(())
}

pub(crate) fn invalid(
    what: &'static str,
    value: impl AsRef<OsStr>,
    problem: &'static str,
) -> LaunchError {
    LaunchError::Invalid {
        what,
        value: value.as_ref().to_string_lossy().into_owned(),
        problem,
    }
}
