//! Starting daemons.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

use thiserror::Error;

use crate::{NotReady, Process, Ready};

#[cfg(unix)]
use crate::unix::spawn as sys;
#[cfg(windows)]
use crate::windows::spawn as sys;

/// A program that is to be started as a daemon: apart from the terminal, the session, the files and
/// the environment of whoever starts it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Spawn {
    /// The program, by its absolute path; it is not looked for.
    pub program: PathBuf,
    /// Its arguments, without its own name. They can be seen by all users. Default: none.
    pub arguments: Vec<OsString>,
    /// Its whole environment, besides the variable by which
    /// [`ReadySender::from_environment`](crate::ReadySender::from_environment) finds its way; nothing
    /// is inherited. Default: empty.
    pub environment: Vec<(OsString, OsString)>,
    /// What its stdout and stderr are.
    pub log: File,
}

impl Spawn {
    /// `program` without arguments and environment.
    pub fn new(program: PathBuf, log: File) -> Self {
        Self {
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
            log,
        }
    }

    /// Starts it, which takes the calling thread some milliseconds.
    ///
    /// The daemon is nobody's child: it outlives this process, and never becomes a zombie of it. Its
    /// directory is `/`, its stdin empty, and it has no other descriptors but the log and the way to
    /// say that it is ready. It leads no session, but is in one of its own, so that no terminal's
    /// signal reaches it. Its umask is 077, and all signals have their default effect.
    ///
    /// # Errors
    ///
    /// - [`SpawnError::Relative`]: the program's path is not absolute.
    /// - [`SpawnError::Start`]: the system did not start it, as when it does not exist or is no
    ///   program.
    ///
    /// # Platform notes
    ///
    /// On Windows its directory is that of the system, it has a console that is not shown and a
    /// process group of its own, and it leaves the job of this process if that allows it.
    /// `SystemRoot` is added to its environment, and batch files are refused. A child that another
    /// thread starts at the very same time may inherit the daemon's end of the channel; then it is
    /// not seen before that child's end, or the deadline, that the daemon ended without a word.
    pub fn detached(self) -> Result<Spawned, SpawnError> {
        if !self.program.is_absolute() {
            return Err(SpawnError::Relative {
                program: self.program,
            });
        }
        let started = Instant::now();
        match sys::spawn(&self) {
            Ok((process, ready)) => Ok(Spawned {
                process,
                ready,
                started,
            }),
            Err(source) => Err(SpawnError::Start {
                program: self.program,
                source,
            }),
        }
    }
}

/// A daemon that was started. Dropping this has no effect on it.
#[derive(Debug)]
pub struct Spawned {
    process: Process,
    ready: sys::ReadyReceiver,
    started: Instant,
}

impl Spawned {
    /// Which process it is, whether it still runs or not.
    pub fn process(&self) -> Process {
        self.process
    }

    /// Keeps the calling thread until the daemon has said that it is ready or why it is not, or has
    /// ended; not longer than until `deadline`.
    ///
    /// # Errors
    ///
    /// - [`NotReady::Failed`]: the daemon said why it cannot start.
    /// - [`NotReady::Ended`]: it ended without a word.
    /// - [`NotReady::Deadline`]: it said nothing so far. It goes on; [`Process::kill`] ends it.
    /// - [`NotReady::Garbled`], [`NotReady::Io`]: it is not to be understood.
    pub fn wait_ready(&mut self, deadline: Instant) -> Result<Ready, NotReady> {
        let Some(ready) = self.ready.wait(deadline)? else {
            let waited = self.started.elapsed();
            return Err(NotReady::Deadline { waited });
        };
        Ok(ready)
    }
}

/// A program was not started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// It would have to be looked for.
    #[error("program {program} has no absolute path")]
    Relative {
        /// The program.
        program: PathBuf,
    },
    /// The system refused.
    #[error("cannot start {program}")]
    Start {
        /// The program.
        program: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}
