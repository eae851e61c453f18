//! Why a plugin does not run.

use std::error;
use std::io;
use std::path::PathBuf;

use os::sandbox::{Exit, LaunchError};
use thiserror::Error;

use crate::plugin::host::launch::Problem;
use crate::plugin::{Grant, PluginPath, Refusal, SandboxLevel};

/// A process of a plugin was not started, or ended before it was ready; nothing of it is left.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// Its files are not what was verified, or cannot be read.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Its files cannot be copied to where nobody can change them.
    #[error("there is no place for a copy of its files")]
    Place(#[source] Box<dyn error::Error + Send + Sync>),
    /// Its program cannot be copied into memory.
    #[error("there is no memory for a copy of its program")]
    Memory(#[source] io::Error),
    /// Its interpreter cannot be opened.
    #[error("cannot open the interpreter {}", path.display())]
    Interpreter {
        /// The interpreter.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// What it was granted cannot be granted.
    #[error("{grant} would let it reach {}, which plugins may not", hidden.display())]
    Grant {
        /// The grant.
        grant: Grant,
        /// What would be within its reach.
        hidden: PathBuf,
    },
    /// A descriptor that it inherits cannot be made.
    #[error("cannot make its descriptor {number}")]
    Descriptor {
        /// Its number.
        number: u32,
        /// The answer of who makes it.
        source: io::Error,
    },
    /// It cannot be confined as far as it has to be.
    #[error("it needs a sandbox of level {}", level.name())]
    Sandbox {
        /// The level that was required.
        level: SandboxLevel,
        /// What is missing.
        source: LaunchError,
    },
    /// Its program cannot run here.
    #[error("{file} cannot run: {problem}")]
    Program {
        /// The program.
        file: PluginPath,
        /// Why.
        problem: Problem,
        /// The system's answer.
        source: LaunchError,
    },
    /// The system did not start it.
    #[error("it was not started")]
    Launch(#[from] LaunchError),
    /// It ended before it was ready.
    #[error("it {exit} before it was ready{}", because(.problem.as_ref()))]
    Ended {
        /// How it ended.
        exit: Exit,
        /// Why, as far as what it said tells.
        problem: Option<Problem>,
        /// The last lines that it wrote to stderr, the latest last.
        last_lines: Vec<String>,
    },
}

impl StartError {
    /// Of a process that ended before it was ready, with the last lines that it wrote to stderr.
    pub(crate) fn ended(exit: Exit, last_lines: Vec<String>) -> Self {
        let problem = Problem::of_end(&exit, &last_lines);
        Self::Ended {
            exit,
            problem,
            last_lines,
        }
    }

    pub(super) fn place(error: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self::Place(error.into())
    }

    /// What can be done about it; none if the error says it all.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Refused(refusal) => return refusal.remedy(),
            Self::Program { problem, .. } => problem.hint(),
            Self::Ended { problem, .. } => problem.as_ref()?.hint(),
            Self::Place(_) => {
                "copies are in a directory of this user's that nobody else can write to, with room for \
                 all files of the plugin"
            }
            Self::Grant { .. } => {
                "grant only the directory that it needs; sockets and files of hosts are not for plugins"
            }
            Self::Sandbox { level, .. } => {
                return Some(format!(
                    "allow user namespaces on this system (`linkspan doctor` looks), or, if the plugin is \
                     trusted, require less than {} in its manifest and of its host",
                    level.name()
                ));
            }
            Self::Interpreter { .. } => "install it, or name another one in `plugins.interpreters`",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn because(problem: Option<&Problem>) -> String {
    problem.map_or_else(String::new, |problem| format!(": {problem}"))
}
