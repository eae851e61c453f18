//! A program whose commands are run by its daemon, in one call.

mod arguments;
mod control;
mod report;
mod timestamp;

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::process;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use crate::Address;
use crate::daemon::client::{Connection, USUAL_VARIABLES};
use crate::daemon::entry::arguments::{Mode, Verb, is_verbose};
use crate::daemon::entry::report::Report;
use crate::daemon::lifecycle::{self, Build, DaemonId, LifecycleConfig, Settings};
use crate::daemon::wire::Role;
use crate::daemon::{
    ClientError, CommandHandler, Config, DaemonClient, DaemonServer, Finished, Invocation,
};
use crate::transport;

/// A command-line program whose work is done by a daemon that it starts itself.
///
/// ```no_run
/// use linkspan::daemon::{Command, ExitCode, Program};
///
/// async fn greet(mut command: Command) -> Result<ExitCode, std::io::Error> {
///     command.stdout.write_chunk("hello\n").await?;
///     Ok(ExitCode::SUCCESS)
/// }
///
/// fn main() -> std::process::ExitCode {
///     Program::new("greet", greet).main()
/// }
/// ```
///
/// # The command line
///
/// | call | what it does |
/// |---|---|
/// | `greet ARGUMENTS` | has the daemon run the command; starts it if there is none |
/// | `greet --no-daemon ARGUMENTS` | runs the same command in this process |
/// | `greet --daemon status` | says how the daemon is doing, and which older ones still finish commands; code 1 if there is none |
/// | `greet --daemon stop` | has it finish its commands and end; ends it if it does not answer |
/// | `greet --daemon stop --now` | the same without time for commands; also ends older ones that still finish commands |
/// | `greet --daemon restart` | replaces it; commands that run are finished by the old one |
/// | `greet --daemon logs` | prints the last 100 lines of its log; with `--follow` also those that come |
/// | `greet --daemon doctor` | looks for what may be wrong; code 1 if something is |
/// | `greet --daemon help` | prints this |
/// | `greet --daemon-id ID` | is the daemon, as when it is started by a client |
///
/// Only the first argument is looked at, and only `--daemon`, `--no-daemon` and `--daemon-id` are
/// taken: words like `daemon` or `status` stay the program's own.
///
/// # Exit codes
///
/// The command's own, 0 to 255, and its signal as a signal. An error of the handler is printed with
/// its causes, and the code is 1. Troubles of the framework are one line on stderr that begins with
/// `NAME: daemon: `, and a code: 124 for a deadline that has passed, 125 for a daemon that cannot be
/// started or reached, or was lost, 126 for one that is busy or refuses.
///
/// # Signals
///
/// ^C, SIGTERM and SIGHUP cancel the command, which then has time to end; if it ends as cancelled,
/// the program ends by the same signal. A second one ends it at once. The daemon lives on.
///
/// # Platform notes
///
/// Windows has no signals. There ^C and ^Break cancel the command, and the program then ends with the
/// code that both have where nobody handles them, 0xC000013A; closing the console does it with 129,
/// leaving or shutting down the system with 143, and output that nobody reads with 141: 128 and the
/// number of the signal that it would be. The daemon has a console of its own, which is not shown.
/// A program that runs cannot be overwritten there, but moved aside: what is put in its place takes
/// over with the next command.
pub struct Program {
    name: String,
    id: Option<DaemonId>,
    build: Option<Build>,
    config: Config,
    lifecycle: LifecycleConfig,
    variables: Vec<OsString>,
    arguments: Vec<OsString>,
    prepare: Box<dyn Fn(&mut Invocation)>,
    server: Box<dyn FnOnce(&DaemonId) -> DaemonServer>,
}

impl Program {
    /// A program of this name, which is also the daemon's id, with default settings.
    pub fn new(name: impl Into<String>, handler: impl CommandHandler) -> Self {
        Self {
            name: name.into(),
            id: None,
            build: None,
            config: Config::default(),
            lifecycle: LifecycleConfig::default(),
            variables: USUAL_VARIABLES.map(OsString::from).to_vec(),
            arguments: env::args_os().collect(),
            prepare: Box::new(|_| {}),
            server: Box::new(|id| DaemonServer::new(id.as_str(), handler)),
        }
    }

    /// Another id than the name, such as one with the directory of a project.
    #[must_use]
    pub fn id(mut self, id: DaemonId) -> Self {
        self.id = Some(id);
        self
    }

    /// The build, by [`build_timestamp!`](crate::build_timestamp) for example. Default: by the
    /// program's file.
    #[must_use]
    pub fn build_id(mut self, build: Build) -> Self {
        self.build = Some(build);
        self
    }

    /// Settings of times and limits.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Settings of how the daemon comes and goes.
    #[must_use]
    pub fn lifecycle(mut self, lifecycle: LifecycleConfig) -> Self {
        self.lifecycle = lifecycle;
        self
    }

    /// Further variables that commands bring along, besides those that say how text is shown: `TERM`,
    /// `COLORTERM`, `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`, `COLUMNS`, `LINES`, `LANG`, `LC_*` and
    /// `TZ`. A `*` at the end stands for anything.
    #[must_use]
    pub fn variables(mut self, names: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.variables.extend(names.into_iter().map(Into::into));
        self
    }

    /// Other arguments than those of this process, the program's name first.
    #[must_use]
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// Adds to each command what the client knows: a payload, a deadline, that it is idempotent.
    #[must_use]
    pub fn prepare(mut self, prepare: impl Fn(&mut Invocation) + 'static) -> Self {
        self.prepare = Box::new(prepare);
        self
    }

    /// Is the program: runs what it was called for. To be called first thing in `main`, and to be
    /// returned from it; may end the process by a signal.
    pub fn main(self) -> process::ExitCode {
        // Before there is a second thread.
        let ready = os::ReadySender::from_environment();
        let report = Report::new(&self.name);
        let mode = Mode::of(self.arguments.clone());
        let is_daemon = matches!(mode, Mode::Daemon(_));
        let runtime = match runtime(is_daemon) {
            Ok(runtime) => runtime,
            Err(error) => return report.failed(&error, UNREACHABLE),
        };
        // Boxed, so that what is done is there once, and not for each sort of runtime anew.
        let work: Pin<Box<dyn Future<Output = process::ExitCode>>> = match mode {
            Mode::Daemon(id) => Box::pin(self.be_daemon(id, ready, report)),
            Mode::Wrong(problem) => return report.problem(&problem, USAGE),
            Mode::Control(verb) => Box::pin(self.control(verb, report)),
            Mode::Command(arguments) => Box::pin(self.command(arguments, report)),
            Mode::Alone(arguments) => Box::pin(self.alone(arguments, report)),
        };
        let code = runtime.block_on(work);
        // A thread that reads stdin, or a handler that is stuck, holds nobody up.
        runtime.shutdown_background();
        code
    }

    async fn command(self, arguments: Vec<OsString>, report: Report) -> process::ExitCode {
        let is_verbose = is_verbose(&arguments);
        let invocation = self.invocation(arguments);
        let noting = report.clone();
        let note = move |reason: &str| {
            if is_verbose {
                noting.note(&format!("the daemon was started: {reason}"));
            }
        };
        let result = async {
            let settings = self.settings().map_err(ClientError::Settings)?;
            let client = DaemonClient::new(settings).on_start(note);
            client.run(&invocation).await
        };
        end(result.await, &report)
    }

    /// Runs a command without a daemon: server and client are both in this process.
    async fn alone(self, arguments: Vec<OsString>, report: Report) -> process::ExitCode {
        let invocation = self.invocation(arguments);
        let result = async {
            let settings = self.settings().map_err(ClientError::Settings)?;
            let address = Address::Memory(format!("linkspan-daemon-{}", process::id()));
            let server = (self.server)(&settings.id).config(settings.config.clone());
            let serving = server.listen(address.clone()).await;
            let serving = serving.map_err(|error| ClientError::Settings(error.into()))?;
            let link = transport::dial_bytes(&address, &transport::Config::default()).await?;
            let check = settings.version_check(Role::Client);
            let limit = settings.config.handshake_timeout;
            let connection = Connection::open(link, check, limit).await?;
            let finished = DaemonClient::over(settings, connection)
                .run(&invocation)
                .await;
            drop(serving);
            finished
        };
        end(result.await, &report)
    }

    async fn control(self, verb: Verb, report: Report) -> process::ExitCode {
        match self.settings() {
            Ok(settings) => control::run(verb, &settings, &report).await,
            Err(error) => report.failed(&*error, UNREACHABLE),
        }
    }

    async fn be_daemon(
        self,
        id: String,
        ready: Option<os::ReadySender>,
        report: Report,
    ) -> process::ExitCode {
        let (settings, server) = match self.daemon(id) {
            Ok(parts) => parts,
            Err(error) => return report.failed(&*error, UNREACHABLE),
        };
        let note = |text: &str| report.log(text);
        match lifecycle::live((*settings).clone(), server, ready, note).await {
            Ok(()) => process::ExitCode::SUCCESS,
            Err(_) => process::ExitCode::from(UNREACHABLE),
        }
    }

    fn daemon(mut self, id: String) -> Result<(Arc<Settings>, DaemonServer), Trouble> {
        self.id = Some(DaemonId::new(id)?);
        let settings = self.settings()?;
        let server = (self.server)(&settings.id);
        Ok((settings, server))
    }

    fn invocation(&self, arguments: Vec<OsString>) -> Invocation {
        let mut invocation = Invocation::of_process(arguments, &self.variables);
        (self.prepare)(&mut invocation);
        invocation
    }

    fn settings(&self) -> Result<Arc<Settings>, Trouble> {
        let id = match &self.id {
            Some(id) => id.clone(),
            None => DaemonId::new(self.name.as_str())?,
        };
        self.config.check()?;
        let mut settings = Settings::new(id)?;
        settings.build = self.build.clone().unwrap_or(settings.build);
        settings.config = self.config.clone();
        settings.lifecycle = self.lifecycle.clone();
        Ok(Arc::new(settings))
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("name", &self.name)
            .field("id", &self.id)
            .field("config", &self.config)
            .field("lifecycle", &self.lifecycle)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a program's own settings.
type Trouble = Box<dyn Error + Send + Sync>;

/// Ends as the command has ended.
fn end(result: Result<Finished, ClientError>, report: &Report) -> process::ExitCode {
    match result {
        Ok(finished) => report.end(&finished),
        Err(error) => report.failed(&error, error.exit_code()),
    }
}

/// A client needs one thread; handlers have a few, so that one that computes does not hold up all.
fn runtime(is_daemon: bool) -> io::Result<Runtime> {
    match is_daemon {
        true => Builder::new_multi_thread()
            .worker_threads(process_threads())
            .thread_name("handlers")
            .enable_all()
            .build(),
        false => Builder::new_current_thread().enable_all().build(),
    }
}

fn process_threads() -> usize {
    std::thread::available_parallelism().map_or(2, |count| count.get().clamp(2, MAX_THREADS))
}

const MAX_THREADS: usize = 8;
/// Of a program that was called wrongly.
const USAGE: u8 = 2;
const UNREACHABLE: u8 = 125;
