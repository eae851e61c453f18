//! How does a command line hand its work to a process that stays?
//!
//! A *daemon-backed* program starts quickly because it does little: it sends what it was called with
//! to its daemon, copies streams, and ends as the command ended. The daemon keeps what is expensive:
//! an index, a cache, a connection. Users notice nothing of it.
//!
//! # A whole program
//!
//! ```no_run
//! use linkspan::daemon::{Command, ExitCode, Program};
//!
//! fn main() -> std::process::ExitCode {
//!     Program::new("shout", shout).main()
//! }
//!
//! /// Runs in the daemon, once for each call of the program.
//! async fn shout(mut command: Command) -> Result<ExitCode, std::io::Error> {
//!     while let Some(chunk) = command.stdin.next_chunk().await? {
//!         command.stdout.write_chunk(chunk.to_ascii_uppercase()).await?;
//!     }
//!     Ok(ExitCode::SUCCESS)
//! }
//! ```
//!
//! The first `shout` starts the daemon, which is the same program called with `--daemon-id`; later
//! ones find it. `shout --daemon status`, `stop`, `restart`, `logs` and `doctor` are there by
//! themselves, and `shout --no-daemon` does the same work without a daemon.
//! [`Program`](crate::daemon::Program) says what is taken from the command line, and what the exit
//! codes are.
//!
//! What handlers need for a while is best made once, in a type that is the handler:
//!
//! ```
//! use linkspan::daemon::{Command, CommandHandler, ExitCode};
//!
//! struct Speller {
//!     words: Vec<String>,
//! }
//!
//! impl CommandHandler for Speller {
//!     type Error = std::io::Error;
//!
//!     async fn run(&self, mut command: Command) -> Result<ExitCode, Self::Error> {
//!         for word in &self.words {
//!             command.stdout.write_chunk(format!("{word}\n")).await?;
//!         }
//!         Ok(ExitCode::SUCCESS)
//!     }
//! }
//! ```
//!
//! It is made in each call of the program, the client's included; so load what is expensive with the
//! first command, not in the constructor.
//!
//! # Which daemon
//!
//! A [`DaemonId`](crate::daemon::DaemonId) names it. One for each project is an id with the
//! project's directory in it:
//!
//! ```
//! # use linkspan::daemon::{DaemonId, DaemonIdError};
//! let id = DaemonId::new(format!("make:{}", "/home/ada/project"))?;
//! assert_eq!(id.name().len(), 32);
//! # Ok::<(), DaemonIdError>(())
//! ```
//!
//! Its files are in `RUNTIME/daemons/NAME`, which only the user can look into. None of them has to be
//! cleaned up, ever: what counts is who holds the locks, which the system drops with the process.
//!
//! # A rebuilt program
//!
//! A client that meets a daemon of another build has it make room: it takes no more commands,
//! finishes those that run, and ends, while its successor works already. No command is lost.
//! By default a build is told by the program's file; with a line in `build.rs`
//! ([`emit_build_timestamp`](crate::daemon::emit_build_timestamp)) it is told by its time:
//!
//! ```
//! use linkspan::daemon::Build;
//!
//! let build = Build::from_timestamp(linkspan::build_timestamp!());
//! # assert_eq!(build, None, "no build script here");
//! ```
//!
//! Applications whose builds understand each other choose
//! [`BuildPolicy::Share`](crate::daemon::BuildPolicy::Share).
//!
//! # What a command brings along
//!
//! Arguments, directory, terminal, and those variables that
//! [`Program::variables`](crate::daemon::Program::variables) allows. The daemon itself runs in `/`
//! with a cleaned environment: what it starts with must not depend on who was first. Everything else
//! is a payload that [`Program::prepare`](crate::daemon::Program::prepare) adds.
//!
//! # From other programs
//!
//! [`DaemonClient`](crate::daemon::DaemonClient) runs commands and keeps their output in memory, as
//! many at once as wanted, over one connection:
//!
//! ```no_run
//! use linkspan::daemon::{DaemonClient, DaemonId, Invocation};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = DaemonClient::builder(DaemonId::new("shout")?)
//!     .executable("/usr/bin/shout")
//!     .build()?;
//! let output = client.capture(&Invocation::new(["shout"]), "hello\n").await?;
//! assert_eq!(&output.stdout[..], b"HELLO\n");
//! # Ok(())
//! # }
//! ```
//!
//! # When something is wrong
//!
//! | what is seen | what it means |
//! |---|---|
//! | `NAME: daemon: the daemon failed to start: ...`, code 125 | its own words, and the end of its log |
//! | `NAME: daemon: the daemon was lost while it ran the command`, code 125 | it crashed or was killed; the next command starts another. A command that was accepted is not repeated by itself, unless it is declared [idempotent](crate::daemon::Invocation::is_idempotent) |
//! | `NAME: daemon: the daemon did not answer`, code 125 | it hangs, or was halted; `NAME --daemon stop` ends it |
//! | `NAME: daemon: the daemon is busy`, code 126 | more commands than [`Config::max_commands`](crate::daemon::Config::max_commands) run |
//! | with `-v`: `the daemon was started: after a crash, 2 in a row` | two daemons before it did not end in order |
//!
//! `NAME --daemon doctor` looks at all of it.
